/* fence.c - taking and checking an epoch; the lease itself is coord's. */
#include "model/fence.h"

#include "base/err.h"

int fence_take(const struct fence *fence, int64_t *epoch) {
    *epoch = fence ? fence->epoch(fence->arg) : 0;
    assert(*epoch >= 0);
    if (!fence) return 0;
    if (*epoch) return fence->check(fence->arg, *epoch);
    return err_fail(ERR_FENCED, "another node leads; this one stands by and writes nothing");
}

int fence_check(const struct fence *fence, int64_t epoch) {
    if (!fence) return 0;
    assert(epoch > 0);
    return fence->check(fence->arg, epoch);
}
