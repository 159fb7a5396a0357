/* capture.c - the one checked way to a landing's changes. */
#include "landing/landing_ops.h"

#include "base/metric.h"

static struct metric *handed_out;

int capture_open(struct capture **out, struct landing *landing) {
    assert(out && landing);
    *out = NULL;
    handed_out = metric_counter("sluice_capture_changes_total", "Changes handed out.", "");
    int err = landing->ops->capture_open(out, landing);
    if (!err) (*out)->landing = landing;
    return err;
}

void capture_close(struct capture *capture) {
    if (capture) capture->landing->ops->capture_close(capture);
}

int capture_next(struct capture *capture, size_t max, int64_t timeout_us, struct arena *arena,
                 struct change **out, size_t *cnt) {
    assert(capture && max > 0 && arena && out && cnt);
    *out = NULL, *cnt = 0;
    int err = capture->landing->ops->capture_next(capture, max, timeout_us, arena, out, cnt);
    if (!err) metric_add(handed_out, (int64_t)*cnt);
    return err;
}

int capture_ack(struct capture *capture, uint64_t seq) {
    assert(capture);
    int64_t epoch; /* an acked change may be forgotten: only the leader may say so */
    int err = fence_take(capture->landing->fence, &epoch);
    return err ? err : capture->landing->ops->capture_ack(capture, seq);
}

void capture_wake(struct capture *capture) {
    assert(capture);
    capture->landing->ops->capture_wake(capture);
}

int capture_lag(struct capture *capture, struct capture_lag *out) {
    assert(capture && out);
    *out = (struct capture_lag){0};
    return capture->landing->ops->capture_lag(capture, out);
}

int capture_origin(struct landing *landing, struct capture_origin *out) {
    assert(landing && out);
    *out = (struct capture_origin){.kept = true};
    return landing->ops->capture_origin(landing, out);
}

int capture_renew(struct capture *capture) {
    assert(capture);
    int64_t epoch; /* what is forgotten is acked */
    int err = fence_take(capture->landing->fence, &epoch);
    return err ? err : capture->landing->ops->capture_renew(capture);
}

bool capture_copying(struct capture *capture) {
    assert(capture);
    return capture->landing->ops->capture_copying(capture);
}

int capture_snapshot(struct capture *capture, struct str table) {
    assert(capture && table.ptr);
    return capture->landing->ops->capture_snapshot(capture, table);
}
