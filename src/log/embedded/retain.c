/* retain.c - whole segments, oldest first. */
#include "log/embedded/retain.h"

#include "base/diag.h"
#include "base/err.h"
#include "log/embedded/checkpoint.h"
#include "log/embedded/part.h"

static bool too_old(const struct part *part, const struct seg *seg, int64_t now_ms) {
    int64_t keep = part->policy.retention_ms;
    return keep >= 0 && (seg->max_ts < 0 || now_ms - seg->max_ts > keep);
}

/* Under part->lock: raises part->start to where the policy says. */
static int raise_start(struct part *part, int64_t now_ms) {
    struct segpool *pool = &part->emb->pool;
    int64_t left = part->bytes;
    size_t i = 0;
    int err = 0;
    if (!part->policy.remove || !part->seg_cnt) return 0;
    for (; i < part->seg_cnt && !err; i++) {
        struct seg *seg = part->seg[i];
        bool large =
            part->policy.retention_bytes >= 0 && left - seg->size >= part->policy.retention_bytes;
        err = seg_load_ts(pool, seg);
        if (err || (!large && !too_old(part, seg, now_ms)) || !seg->size) break;
        left -= seg->size;
    }
    if (err || !i) return err;
    if (i == part->seg_cnt) err = part_roll(part);
    if (err) return err;
    if (part->seg[i]->base > part->start) part->start = part->seg[i]->base;
    part->changed = true;
    return 0;
}

/* Removes segments that are wholly before part->start. */
static int drop(struct part *part) {
    struct emb *emb = part->emb;
    bool any = false;
    int err = 0;
    while (!err) {
        pthread_mutex_lock(&part->lock);
        bool more = part->seg_cnt > 1 && part->seg[1]->base <= part->start;
        struct seg *seg = more ? part_shift(part) : NULL;
        pthread_mutex_unlock(&part->lock);
        if (!seg) break;
        err = seg_unlink(&emb->pool, seg);
        seg_retire(&emb->pool, seg);
        any = true;
    }
    return any && !err ? env_sync_dir(emb->base.env, part->dir) : err;
}

static bool has_old(struct part *part) {
    pthread_mutex_lock(&part->lock);
    bool old = part->seg_cnt > 1 && part->seg[1]->base <= part->start;
    pthread_mutex_unlock(&part->lock);
    return old;
}

int retain_trim(struct part *part) {
    int err = checkpoint_write(part->emb);
    return err ? err : drop(part);
}

/* Calls `each` for every partition until it fails. */
static int for_all(struct emb *emb, int (*each)(struct part *part, void *arg), void *arg) {
    int err = 0;
    void *topic;
    pthread_rwlock_rdlock(&emb->topics_lock);
    for (size_t at = 0; !err && map_next(&emb->topics, &at, NULL, &topic);) {
        const struct topic *one = topic;
        for (int32_t i = 0; i < one->part_cnt && !err; i++)
            err = each(one->part[i], arg);
    }
    pthread_rwlock_unlock(&emb->topics_lock);
    return err;
}

static int plan(struct part *part, void *arg) {
    bool *any = arg;
    pthread_mutex_lock(&part->lock);
    int err = raise_start(part, env_now_ms(part->emb->base.env));
    pthread_mutex_unlock(&part->lock);
    if (!err && has_old(part)) *any = true;
    return err;
}

static int carry_out(struct part *part, void *arg UNUSED) {
    return has_old(part) ? drop(part) : 0;
}

int retain_all(struct emb *emb) {
    bool any = false;
    int err = for_all(emb, plan, &any);
    if (err || !any) return err;
    err = checkpoint_write(emb);
    return err ? err : for_all(emb, carry_out, NULL);
}
