/* lite_recent.h - the outbox entries that our own commits left last, kept for the capture.
 *
 * What is captured right after its commit need not be read back from the file. The queue holds
 * copies, in the order of their seq, up to LITE_RECENT_MAX bytes; what does not fit is read from
 * the outbox like everything else.
 *
 * Thread: staged by the writer; the rest from any. */
#ifndef LANDING_SQLITE_LITE_RECENT_H
#define LANDING_SQLITE_LITE_RECENT_H

#include "base/str.h"

#include <pthread.h>

#define LITE_RECENT_MAX (32 * MIB)

struct lite_recent_entry {
    struct lite_recent_entry *next;
    uint64_t seq;
    int64_t commit_us;
    size_t len;
    char body[];
};

struct lite_recent {
    struct lite_recent_entry *staged, **staged_end; /* the writer's: of this transaction */
    size_t staged_bytes;
    pthread_mutex_t lock; /* of what follows */
    struct lite_recent_entry *first, **end;
    size_t bytes;
    bool wanted; /* somebody captures */
};

void lite_recent_init(struct lite_recent *recent);
void lite_recent_fini(struct lite_recent *recent);
void lite_recent_want(struct lite_recent *recent, bool wanted); /* false: empties it */
void lite_recent_stage(struct lite_recent *recent, uint64_t seq, int64_t commit_us,
                       struct str body);
void lite_recent_commit(struct lite_recent *recent); /* what was staged is in the queue */
void lite_recent_abort(struct lite_recent *recent);  /* and here nowhere */
/* Takes the entry of that seq, dropping what comes before it; NULL when it is not there. The caller
 * frees it with base_free(). */
struct lite_recent_entry *lite_recent_take(struct lite_recent *recent, uint64_t seq);

#endif
