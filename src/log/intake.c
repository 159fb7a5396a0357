/* intake.c - the customs of the log. */
#include "log/intake.h"

#include "base/err.h"

static int times_check(const struct recbatch_head *head, const struct log_policy *policy,
                       int64_t now_ms) {
    if (policy->append_time || head->attributes & RECBATCH_CONTROL) return 0;
    bool late = head->base_ts >= 0 && now_ms - head->base_ts > policy->before_max_ms;
    bool early = head->max_ts > now_ms && head->max_ts - now_ms > policy->after_max_ms;
    if (!late && !early) return 0;
    return err_fail(ERR_INVAL,
                    "records of time %" PRId64 " are further from the clock's %" PRId64
                    " than message.timestamp.%s.max.ms allows",
                    late ? head->base_ts : head->max_ts, now_ms, late ? "before" : "after");
}

int intake_check(struct str bytes, const struct log_policy *policy, int64_t now_ms, size_t *cnt) {
    *cnt = 0;
    if (bytes.len > LOG_BATCH_MAX)
        return err_fail(ERR_TOO_BIG, "%zu bytes in one append, over %zu", bytes.len, LOG_BATCH_MAX);
    if (!bytes.len) return err_fail(ERR_INVAL, "an append without a batch");
    while (bytes.len) {
        struct recbatch_head head;
        int err = recbatch_check(bytes, &head);
        if (!err && head.size > (size_t)policy->batch_bytes)
            err = err_fail(ERR_TOO_BIG, "a batch of %zu bytes, over max.message.bytes = %" PRId64,
                           head.size, policy->batch_bytes);
        if (!err && ++*cnt > INTAKE_BATCH_MAX)
            err = err_fail(ERR_TOO_BIG, "over %d batches in one append", INTAKE_BATCH_MAX);
        bool keyed = policy->compact && !(head.attributes & RECBATCH_CONTROL);
        if (!err) err = recbatch_check_records((struct str){bytes.ptr, head.size}, keyed);
        if (!err) err = times_check(&head, policy, now_ms);
        if (err) return err;
        if (head.producer_id >= 0 && (*cnt > 1 || head.size < bytes.len))
            return err_fail(ERR_INVAL, "a producer's batch must come alone in its append");
        bytes.ptr += head.size;
        bytes.len -= head.size;
    }
    return 0;
}
