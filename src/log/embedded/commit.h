/* commit.h - group commit: one thread syncs for all partitions and answers all who wait.
 *
 * A round takes every partition queued since the last one, syncs each file once, moves the hwm and
 * calls the waiters; those who come while it syncs are the next round's. With inline_commit there
 * is no thread, and commit_flush() does a round in the caller. */
#ifndef LOG_EMBEDDED_COMMIT_H
#define LOG_EMBEDDED_COMMIT_H

#include "log/embedded/emb.h"

int commit_start(struct emb *emb) MUST_USE;
void commit_stop(struct emb *emb); /* after a last round */
/* Under part->lock: the partition has something to sync, or its hwm moved. */
void commit_queue(struct part *part);
/* Without a committer thread: one round now. */
void commit_flush(struct emb *emb);
/* Tells log_wait() and the watcher. */
void commit_moved(struct emb *emb);

#endif
