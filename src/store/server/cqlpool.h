/* cqlpool.h - threads that run statements off the loop, and bring their answers back to it.
 *
 * A statement may wait for the disk; many that wait at once share one sync. So there are more
 * threads than cores, made when work waits and nobody is idle, up to the given number.
 *
 * Thread:  submit, close and the `done` calls: the loop's. `work`: one of the pool's.
 * Memory:  a job is its owner's from submit to done; `done` frees it.
 * Limits:  the queue is as long as its users let it grow: cqlpool_waiting() tells. */
#ifndef STORE_SERVER_CQLPOOL_H
#define STORE_SERVER_CQLPOOL_H

#include "base/arena.h"
#include "net/loop.h"

#define CQLPOOL_THREAD_MAX 256

struct cqlpool;
struct cqlpool_job {
    struct cqlpool_job *next;
    /* `scratch` is the thread's own and reset after the job. */
    void (*work)(struct cqlpool_job *job, struct arena *scratch);
    void (*done)(struct cqlpool_job *job, bool ran); /* ran false: the pool closed before */
};
int cqlpool_open(struct cqlpool **out, struct loop *loop, size_t thread_max) MUST_USE;
/* Waits for what is being run, gives every job back by `done`. The loop's thread, or the loop has
 * stopped. NULL is allowed. */
void cqlpool_close(struct cqlpool *pool);
void cqlpool_submit(struct cqlpool *pool, struct cqlpool_job *job);
size_t cqlpool_waiting(struct cqlpool *pool); /* jobs that no thread has taken yet */
size_t cqlpool_threads(struct cqlpool *pool);

#endif
