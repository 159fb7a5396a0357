/* captor.h - the thread that carries changes from the landing database onto topics.
 *
 * For each captured table: the topic is made, the schema of its values registered before the first
 * record that needs it, every change appended exactly once - after a crash the ids at the ends of
 * the partitions tell what was written already - and acknowledged when durable. A topic or registry
 * that does not answer is waited for, with back-off; landing goes on meanwhile. With a `home`,
 * a topic gets the rows its table has, as READ changes, when it begins later than the table, when
 * it is another topic than before (the log was swapped, it was made anew), or when it is asked for.
 * Thread: captor_start/stop from one thread; captor_replay, captor_stats from any. */
#ifndef PIPELINE_CAPTOR_H
#define PIPELINE_CAPTOR_H

#include "landing/capture.h"
#include "log/log.h"
#include "pipeline/def.h"
#include "registry/registry.h"

struct captor_conf {
    struct env *env;
    struct landing *landing; /* all borrowed */
    struct log *log;
    struct registry *registry;
    const struct def_capture *const *capture;
    size_t capture_cnt;
    struct landing *home; /* keeps which topics have their copy; NULL: nothing is copied */
};
struct captor;
int captor_open(struct captor **out, const struct captor_conf *conf) MUST_USE; /* makes topics */
int captor_start(struct captor *captor) MUST_USE;
/* One round, which is what the thread does over and over: changes are taken from the landing,
 * waited for up to timeout_us, carried and acknowledged; *did is how many. After an error the same
 * changes come again with the next step. For simulations; not beside captor_start(). */
int captor_step(struct captor *captor, int64_t timeout_us, size_t *did) MUST_USE;
void captor_close(struct captor *captor); /* stops; NULL is allowed */

/* The present rows of the topic's table go onto it once more, soon; also after a crash, once the
 * thread has taken note. ERR_NOT_FOUND: no such topic here. */
int captor_replay(struct captor *captor, struct str topic) MUST_USE;

struct captor_stats {
    int64_t records, bytes, newest_ms, busy_us, waiting; /* waiting: changes not carried yet */
    /* Commit of a row to its durable record: since start, and of the last minute (-1: none). */
    int64_t latency_p50_us, latency_p99_us, recent_p50_us, recent_p99_us;
    int64_t behind_bytes;  /* of the database's own log, not captured yet; 0 without one */
    char trouble[256];     /* "" when all is well */
    char warning[256];     /* "" unless changes may have been lost within a day (origin.h) */
};
/* Of one topic; `waiting`, latency and trouble are of all. false: no such topic. */
bool captor_stats(struct captor *captor, struct str topic, struct captor_stats *out);

#endif
