/* compact.c - compaction of sealed segments. */
#include "log/embedded/compact.h"

#include "base/diag.h"
#include "base/err.h"
#include "log/embedded/part.h"
#include "log/embedded/segscan.h"

#include <stdio.h>

#define KEY_CNT_MAX   ((size_t)1 << 20)
#define KEY_BYTES_MAX ((size_t)64 << 20)

struct job {
    struct part *part;
    struct log_policy policy;
    int64_t now_ms;
    struct seg **seg; /* sealed ones, pinned */
    size_t cnt;
    size_t first;    /* the first not seen before */
    struct map last; /* key -> offset + 1 of its last record */
    size_t key_bytes;
    int64_t seen;    /* keys of all records before this offset are in `last` or were seen earlier */
    int64_t end;     /* of the segment now written: its last record stays */
    bool tombstones; /* of this segment may go */
};

/* ---- what there is to do ---- */

/* Pins the sealed segments that are old enough. */
static int gather(struct job *job) {
    struct part *part = job->part;
    struct segpool *pool = &part->emb->pool;
    int64_t dirty = 0, clean = 0;
    int err = 0;
    pthread_mutex_lock(&part->lock);
    job->policy = part->policy;
    job->seen = part->clean;
    size_t most = part->gone || !part->policy.compact || !part->seg_cnt ? 0 : part->seg_cnt - 1;
    job->seg = base_calloc(most + 1, sizeof(struct seg *));
    for (size_t i = 0; i < most && !err; i++) {
        struct seg *seg = part->seg[i];
        err = seg_load_ts(pool, seg);
        if (err || job->now_ms - seg->max_ts < job->policy.compact_lag_ms) break;
        if (seg->base < part->clean)
            clean += seg->size;
        else
            dirty += seg->size;
        if (seg->base < part->clean) job->first = i + 1;
        job->seg[i] = seg;
    }
    bool worth = !err && dirty > 0 && dirty >= clean;
    for (size_t i = 0; worth && !err && i < most && job->seg[i]; i++) {
        err = seg_pin(pool, job->seg[i]);
        if (!err) job->cnt++;
    }
    pthread_mutex_unlock(&part->lock);
    return err;
}

static bool key_note(struct job *job, const struct record *rec) {
    bool full = job->last.cnt >= KEY_CNT_MAX || job->key_bytes + rec->key.len > KEY_BYTES_MAX;
    if (full && !map_get(&job->last, rec->key)) return false;
    if (!map_put(&job->last, rec->key, (void *)(uintptr_t)(rec->offset + 1)))
        job->key_bytes += rec->key.len;
    return true;
}

/* Notes the keys of one segment; *room false: the table is full. */
static int keys_of(struct job *job, struct seg *seg, bool *room) {
    struct segscan scan;
    struct recbatch_head head;
    struct arena arena = ARENA_INIT;
    int err = 0;
    segscan_open(&scan, seg->file, 0, seg->size, true);
    while (*room && !err && segscan_next(&scan, &head)) {
        struct recbatch_iter it;
        struct record rec;
        recbatch_walk(&it, scan.batch, 0, &arena);
        while (*room && recbatch_next(&it, &rec))
            if (rec.key.ptr) *room = key_note(job, &rec);
        err = it.err;
        if (*room) job->seen = recbatch_end(&head);
        arena_reset(&arena);
    }
    int scan_err = segscan_close(&scan);
    arena_fini(&arena);
    return err ? err : scan_err;
}

/* ---- writing anew ---- */

static bool keep(void *arg, const struct record *rec) {
    const struct job *job = arg;
    if (rec->offset >= job->seen || rec->offset == job->end - 1 || !rec->key.ptr) return true;
    uintptr_t last = (uintptr_t)map_get(&job->last, rec->key);
    if (last && (int64_t)last - 1 > rec->offset) return false;
    return rec->value.ptr || !job->tombstones;
}

static int last_offset(struct seg *seg, int64_t *end) {
    struct segscan scan;
    struct recbatch_head head;
    *end = seg->base;
    segscan_open(&scan, seg->file, 0, seg->size, false);
    while (segscan_next(&scan, &head))
        *end = recbatch_end(&head);
    return segscan_close(&scan);
}

/* The kept records of `seg` into `file`; *size: how many bytes. */
static int copy_kept(struct job *job, struct seg *seg, struct env_file *file, int64_t *size) {
    struct segscan scan;
    struct recbatch_head head;
    struct arena arena = ARENA_INIT;
    struct buf out;
    int err = 0;
    *size = 0;
    buf_init(&out, RECBATCH_PLAIN_MAX);
    segscan_open(&scan, seg->file, 0, seg->size, true);
    while (!err && segscan_next(&scan, &head)) {
        buf_reset(&out);
        if (head.attributes & RECBATCH_CONTROL)
            buf_puts(&out, scan.batch);
        else
            err = recbatch_filter(scan.batch, keep, job, &arena, &out);
        if (!err) err = env_write(file, *size, out.ptr, out.len);
        *size += (int64_t)out.len;
        arena_reset(&arena);
    }
    int scan_err = segscan_close(&scan);
    if (!err) err = scan_err;
    buf_fini(&out);
    arena_fini(&arena);
    return err;
}

/* Puts the new file in the place of the old one, unless that is gone. */
static int swap(struct job *job, struct seg *old, const char *temp, int64_t size) {
    struct part *part = job->part;
    struct emb *emb = part->emb;
    struct segpool *pool = &emb->pool;
    char path[ENV_PATH_MAX];
    size_t at = 0;
    snprintf(path, sizeof path, "%s.log", old->stem);
    pthread_mutex_lock(&emb->work);
    pthread_mutex_lock(&part->lock);
    while (at < part->seg_cnt && part->seg[at] != old)
        at++;
    bool there = at < part->seg_cnt && !part->gone;
    int err = there ? env_rename(emb->base.env, temp, path) : env_unlink(emb->base.env, temp);
    if (there && !err) {
        struct seg *fresh = seg_new(part->dir, old->base);
        fresh->size = size;
        fresh->sealed = true;
        part->seg[at] = fresh;
        part->bytes += size - old->size;
        memset(part->hint, 0, sizeof part->hint);
        err = env_sync_dir(emb->base.env, part->dir);
        if (!err) err = seg_reindex(pool, fresh, part->policy.index_interval, true);
        if (!err) err = seg_save(pool, fresh);
        seg_retire(pool, old);
    }
    pthread_mutex_unlock(&part->lock);
    pthread_mutex_unlock(&emb->work);
    return err == ERR_NOT_FOUND ? 0 : err;
}

static int rewrite(struct job *job, struct seg *seg) {
    struct env *env = job->part->emb->base.env;
    struct env_file *file = NULL;
    char temp[ENV_PATH_MAX];
    int64_t size = 0;
    if (snprintf(temp, sizeof temp, "%s.log.new", seg->stem) >= (int)sizeof temp)
        return err_fail(ERR_TOO_BIG, "path longer than %d", ENV_PATH_MAX);
    int err = last_offset(seg, &job->end);
    job->tombstones = job->now_ms - seg->max_ts > job->policy.tombstone_ms;
    if (!err) err = env_open(env, temp, ENV_WRITE | ENV_CREATE | ENV_TRUNC, &file);
    if (err) return err;
    err = copy_kept(job, seg, file, &size);
    bool less = !err && size < seg->size;
    if (less) err = env_sync(file);
    env_file_close(file);
    if (less && !err) return swap(job, seg, temp, size);
    int unlink_err = env_unlink(env, temp);
    return err ? err : unlink_err;
}

/* ---- all ---- */

static int compact_part(struct part *part, int64_t now_ms) {
    struct job job = {.part = part, .now_ms = now_ms};
    struct segpool *pool = &part->emb->pool;
    bool room = true;
    map_init(&job.last);
    int err = gather(&job);
    for (size_t i = job.first; i < job.cnt && !err && room; i++)
        err = keys_of(&job, job.seg[i], &room);
    for (size_t i = 0; i < job.cnt && !err && job.seg[i]->base < job.seen; i++)
        err = rewrite(&job, job.seg[i]);
    for (size_t i = 0; i < job.cnt; i++)
        seg_unpin(pool, job.seg[i]);
    if (!err) part->clean = job.seen;
    map_fini(&job.last);
    base_free(job.seg);
    return err;
}

static size_t all_parts(struct emb *emb, struct part ***out) {
    size_t cnt = 0;
    void *topic;
    pthread_rwlock_rdlock(&emb->topics_lock);
    *out = base_calloc((size_t)emb->part_total + 1, sizeof(struct part *));
    for (size_t at = 0; map_next(&emb->topics, &at, NULL, &topic);) {
        const struct topic *one = topic;
        for (int32_t i = 0; i < one->part_cnt && one->policy.compact; i++) {
            part_ref(one->part[i]);
            (*out)[cnt++] = one->part[i];
        }
    }
    pthread_rwlock_unlock(&emb->topics_lock);
    return cnt;
}

int compact_all(struct emb *emb) {
    struct part **part;
    int first_err = 0;
    pthread_mutex_lock(&emb->compact_lock);
    size_t cnt = all_parts(emb, &part);
    for (size_t i = 0; i < cnt; i++) {
        int err = compact_part(part[i], env_now_ms(emb->base.env));
        if (err) diag_warn("log", "%s: not compacted: %s", part[i]->name, err_note());
        if (err && !first_err) first_err = err;
        part_unref(part[i]);
    }
    base_free(part);
    pthread_mutex_unlock(&emb->compact_lock);
    return first_err == ERR_CORRUPT ? 0 : first_err;
}
