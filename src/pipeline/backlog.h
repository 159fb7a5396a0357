/* backlog.h - the quota of landing: how much may wait for the log before fetches pause.
 *
 * While the log is away rows go on landing, and their changes wait: in SQLite's outbox, counted, or
 * in PostgreSQL's own log, in bytes. When either reaches its limit (sluice.yml, `backlog:`) no run
 * of a pipeline that captures begins, nor a task of one that has begun; once a tenth has been
 * carried they go on. Nothing is lost: what was not fetched is fetched later, as after a pause.
 *
 * Thread: backlog_full() from one, the scheduler's; backlog_note() from any. */
#ifndef PIPELINE_BACKLOG_H
#define PIPELINE_BACKLOG_H

#include "landing/landing.h"

#include <pthread.h>

#define BACKLOG_CHANGES INT64_C(5000000)
#define BACKLOG_MIB     INT64_C(10240)
#define BACKLOG_NOTE_MAX 256

struct backlog {
    struct env *env;
    struct landing *landing; /* borrowed */
    int64_t changes_max, bytes_max;
    int64_t looked_us;       /* monotonic; 0: never */
    pthread_mutex_t lock;    /* of both below */
    bool full;
    char note[BACKLOG_NOTE_MAX]; /* why fetches pause, or "" */
};
void backlog_init(struct backlog *backlog, struct env *env, struct landing *landing);
void backlog_fini(struct backlog *backlog);
/* Shall fetches pause? Asks the landing, at most once a second. */
bool backlog_full(struct backlog *backlog);
/* The same as last found, and why; *note is "" when they need not. */
bool backlog_note(struct backlog *backlog, char note[BACKLOG_NOTE_MAX]);

#endif
