/* fence.h - is what we are about to write still ours to write?
 *
 * When two or more nodes run one pipeline, one leads, and each term of a leader has an epoch that
 * is higher than all before it. A tier that writes somewhere another node can write too is given a
 * fence: it takes the epoch when it begins an effect and checks it just before the effect becomes
 * visible. landing.c, store.c and log.c do so for every implementation.
 *
 * That alone cannot stop a process that is frozen between the check and the write. So a store that
 * is shared and can do it keeps the highest epoch it has seen beside the data it guards, and
 * refuses a lower one in the same transaction: whoever wakes past its lease can write nothing. The
 * rule for such a store, in one transaction with the effect: stored > ours: ERR_FENCED, nothing is
 * written; stored < ours: it becomes ours; the row stays locked until the effect is committed.
 *
 * A fence is NULL where no other node can write (all tiers embedded): epoch 0, always ours.
 * Thread: any. */
#ifndef MODEL_FENCE_H
#define MODEL_FENCE_H

#include "base/base.h"

struct fence {
    int64_t (*epoch)(void *arg); /* of our term, > 0; 0: we do not lead */
    /* 0 while the term `epoch` is surely ours, by a clock of our own; else ERR_FENCED. */
    int (*check)(void *arg, int64_t epoch);
    void *arg;
};

/* The epoch to begin an effect with, in *epoch: 0 without a fence. ERR_FENCED: we do not lead. */
int fence_take(const struct fence *fence, int64_t *epoch) MUST_USE;
/* ERR_FENCED: the term that was taken is over; nothing may be written in its name. */
int fence_check(const struct fence *fence, int64_t epoch) MUST_USE;

#endif
