/* seg.c - one segment: a file of record batches, oldest first, and nothing else.
 *
 *   <base>.log        batches exactly as Kafka keeps them, so a fetch copies nothing and a foreign
 *                     tool can read the file; <base> is the first offset in 20 digits
 *   <base>.index      segidx.h; written when the segment is sealed or the log closed
 *   <base>.timeindex
 *
 * Invariants: (1) offsets in a file rise strictly; (2) bytes before seg->size are whole batches;
 * (3) a dirty segment is pinned, so its file, and any error of its write-back, stays with us until
 * it is synced; (4) indexes are hints. */
#include "log/embedded/seg.h"

#include "base/err.h"
#include "log/embedded/segscan.h"

#include <stdio.h>

/* ---- the pool ---- */

void seg_pool_init(struct segpool *pool, struct env *env, size_t open_max) {
    memset(pool, 0, sizeof *pool);
    pool->env = env;
    pool->open_max = open_max;
    pthread_mutex_init(&pool->lock, NULL);
}

void seg_pool_fini(struct segpool *pool) {
    assert(!pool->open_cnt);
    pthread_mutex_destroy(&pool->lock);
}

static void unlist(struct segpool *pool, struct seg *seg) {
    if (seg->newer)
        seg->newer->older = seg->older;
    else
        pool->newest = seg->older;
    if (seg->older)
        seg->older->newer = seg->newer;
    else
        pool->oldest = seg->newer;
    seg->newer = seg->older = NULL;
}

static void list(struct segpool *pool, struct seg *seg) {
    seg->older = pool->newest;
    seg->newer = NULL;
    if (pool->newest)
        pool->newest->newer = seg;
    else
        pool->oldest = seg;
    pool->newest = seg;
}

static void shut(struct segpool *pool, struct seg *seg) {
    env_file_close(seg->file);
    seg->file = NULL;
    pool->open_cnt--;
}

static int open_file(struct segpool *pool, struct seg *seg, unsigned flags) {
    char path[ENV_PATH_MAX];
    while (pool->open_cnt >= pool->open_max && pool->oldest) {
        struct seg *victim = pool->oldest;
        unlist(pool, victim);
        shut(pool, victim);
    }
    if (snprintf(path, sizeof path, "%s.log", seg->stem) >= (int)sizeof path)
        return err_fail(ERR_TOO_BIG, "path longer than %d", ENV_PATH_MAX);
    int err = env_open(pool->env, path, flags, &seg->file);
    if (!err) pool->open_cnt++;
    return err;
}

static int pin(struct segpool *pool, struct seg *seg, unsigned flags) {
    int err = 0;
    pthread_mutex_lock(&pool->lock);
    if (!seg->file)
        err = open_file(pool, seg, flags);
    else if (!seg->pins)
        unlist(pool, seg);
    if (!err) seg->pins++;
    pthread_mutex_unlock(&pool->lock);
    return err;
}

int seg_pin(struct segpool *pool, struct seg *seg) {
    return pin(pool, seg, ENV_READ | ENV_WRITE);
}

int seg_create(struct segpool *pool, struct seg *seg) {
    assert(!seg->file);
    return pin(pool, seg, ENV_READ | ENV_WRITE | ENV_CREATE | ENV_TRUNC);
}

static void destroy(struct seg *seg) {
    segidx_fini(&seg->idx);
    base_free(seg->stem);
    base_free(seg);
}

void seg_unpin(struct segpool *pool, struct seg *seg) {
    pthread_mutex_lock(&pool->lock);
    CHECK(seg->pins > 0);
    bool last = --seg->pins == 0;
    if (last && seg->gone)
        shut(pool, seg);
    else if (last)
        list(pool, seg);
    pthread_mutex_unlock(&pool->lock);
    if (last && seg->gone) destroy(seg);
}

void seg_retire(struct segpool *pool, struct seg *seg) {
    pthread_mutex_lock(&pool->lock);
    bool now = !seg->pins;
    if (now && seg->file) {
        unlist(pool, seg);
        shut(pool, seg);
    }
    seg->gone = true;
    pthread_mutex_unlock(&pool->lock);
    if (now) destroy(seg);
}

struct seg *seg_new(const char *dir, int64_t base) {
    size_t len = strlen(dir) + 32;
    struct seg *seg = base_calloc(1, sizeof *seg);
    seg->stem = base_alloc(len);
    snprintf(seg->stem, len, "%s/%020" PRId64, dir, base);
    seg->base = base;
    seg->born_ms = -1;
    seg->max_ts = seg->max_ts_offset = -1;
    return seg;
}

void seg_free(struct segpool *pool, struct seg *seg) {
    assert(!seg->pins);
    seg_retire(pool, seg);
}

/* ---- writing ---- */

#define CHUNK (16 * KIB)

struct writer {
    struct env_file *file;
    int64_t pos;
    size_t len;
    char chunk[CHUNK];
};

static int flush(struct writer *out) {
    int err = out->len ? env_write(out->file, out->pos, out->chunk, out->len) : 0;
    out->pos += (int64_t)out->len;
    out->len = 0;
    return err;
}

static int put(struct writer *out, const char *ptr, size_t len) {
    int err = 0;
    if (len > CHUNK - out->len) err = flush(out);
    if (err) return err;
    if (len > CHUNK) {
        err = env_write(out->file, out->pos, ptr, len);
        out->pos += (int64_t)len;
        return err;
    }
    memcpy(out->chunk + out->len, ptr, len);
    out->len += len;
    return 0;
}

void seg_note_time(struct seg *seg, const struct recbatch_head *head) {
    if (head->max_ts <= seg->max_ts) return;
    seg->max_ts = head->max_ts;
    seg->max_ts_offset = recbatch_end(head) - 1;
}

void seg_note(struct seg *seg, const struct recbatch_head *head, int64_t pos,
              int64_t index_interval) {
    int32_t last = (int32_t)(recbatch_end(head) - 1 - seg->base);
    if (seg->idx.since > index_interval) {
        segidx_add(&seg->idx, last, (int32_t)pos);
        segidx_add_time(&seg->idx, seg->max_ts, (int32_t)(seg->max_ts_offset - seg->base));
    }
    seg_note_time(seg, head);
    seg->idx.since += (int64_t)head->size;
}

int seg_append(struct seg *seg, struct str bytes, int64_t base, int64_t stamp_ms,
               int64_t index_interval) {
    struct writer out = {.file = seg->file, .pos = seg->size};
    struct str rest = bytes;
    assert(seg->file && !seg->sealed);
    CHECK(base >= seg->base && base - seg->base <= INT32_MAX);
    for (int64_t offset = base; rest.len;) {
        char first[RECBATCH_HEAD];
        struct recbatch_head head;
        CHECK(recbatch_peek(rest, &head) == 0 && head.size <= rest.len);
        memcpy(first, rest.ptr, sizeof first);
        struct str body = {rest.ptr + RECBATCH_HEAD, head.size - RECBATCH_HEAD};
        recbatch_place(first, offset, 0);
        if (stamp_ms >= 0) recbatch_stamp(first, body, stamp_ms);
        int err = put(&out, first, sizeof first);
        if (!err) err = put(&out, body.ptr, body.len);
        if (err) return err;
        offset = offset + head.last_offset_delta + 1;
        rest.ptr += head.size;
        rest.len -= head.size;
    }
    int err = flush(&out);
    if (err) return err;
    for (int64_t pos = seg->size; bytes.len;) {
        struct recbatch_head head;
        CHECK(recbatch_peek(bytes, &head) == 0);
        head.base_offset = base;
        if (stamp_ms >= 0) head.max_ts = stamp_ms;
        seg_note(seg, &head, pos, index_interval);
        base = recbatch_end(&head);
        pos += (int64_t)head.size;
        bytes.ptr += head.size;
        bytes.len -= head.size;
    }
    seg->size = out.pos;
    seg->ts_loaded = true;
    seg->saved = false;
    return 0;
}

int seg_undo(struct seg *seg) {
    assert(seg->file);
    int err = env_truncate(seg->file, seg->size);
    return err ? err : env_sync(seg->file);
}

/* ---- finding ---- */

/* Is the batch that `entry` points at there? */
static bool sound(struct segpool *pool, struct seg *seg, const struct segidx_offset *entry) {
    char bytes[RECBATCH_HEAD];
    struct recbatch_head head;
    size_t got = 0;
    if (entry->rel < 0) return true;
    if (entry->pos < 0 || entry->pos + RECBATCH_HEAD > seg->size || seg_pin(pool, seg))
        return false;
    int err = env_read(seg->file, entry->pos, bytes, sizeof bytes, &got);
    seg_unpin(pool, seg);
    return !err && recbatch_peek((struct str){bytes, got}, &head) == 0 &&
           recbatch_end(&head) - 1 == seg->base + entry->rel;
}

int seg_find(struct segpool *pool, struct seg *seg, int64_t offset, int64_t *pos) {
    struct segidx_offset entry = {-1, 0};
    int err = 0;
    int32_t rel = (int32_t)MIN(MAX(offset - seg->base, 0), INT32_MAX);
    if (seg->sealed && seg->saved)
        err = segidx_file_find(pool->env, seg->stem, rel, &entry);
    else
        entry = segidx_find(&seg->idx, rel);
    *pos = entry.rel < 0 ? 0 : entry.pos;
    if (!err && sound(pool, seg, &entry)) return 0;
    *pos = 0;
    return err == ERR_IO ? err : err_fail(ERR_CORRUPT, "the index of %s is wrong", seg->stem);
}

int seg_find_time(struct segpool *pool, struct seg *seg, int64_t ts_ms, int64_t *offset) {
    int32_t rel = 0;
    int err = 0;
    if (seg->sealed && seg->saved)
        err = segidx_file_find_time(pool->env, seg->stem, ts_ms, &rel);
    else
        rel = segidx_find_time(&seg->idx, ts_ms);
    *offset = seg->base + rel;
    return err;
}

int seg_reindex(struct segpool *pool, struct seg *seg, int64_t index_interval, bool gaps) {
    struct segscan scan;
    struct segscan_row row = {seg->base, -1};
    struct recbatch_head head;
    int err = seg_pin(pool, seg);
    if (err) return err;
    segidx_fini(&seg->idx);
    seg->max_ts = seg->max_ts_offset = -1;
    seg->saved = false;
    segscan_open(&scan, seg->file, 0, seg->size, false);
    while (segscan_next(&scan, &head)) {
        int64_t last = recbatch_end(&head) - 1 - seg->base;
        bool rises = !seg->idx.offset_cnt || seg->idx.offset[seg->idx.offset_cnt - 1].rel < last;
        if (gaps) row.expect = -1;
        if (segscan_row_fits(&row, &head) && head.base_offset >= seg->base && last <= INT32_MAX &&
            rises)
            seg_note(seg, &head, scan.at, index_interval);
    }
    err = segscan_close(&scan);
    seg_unpin(pool, seg);
    seg->ts_loaded = true;
    return err == ERR_CORRUPT ? 0 : err; /* what can be indexed is; readers meet the damage */
}

int seg_load_ts(struct segpool *pool, struct seg *seg) {
    struct segidx_time last;
    if (seg->ts_loaded) return 0;
    int err = segidx_file_last(pool->env, seg->stem, &last);
    bool fits = !err && last.ts >= 0 && last.rel >= 0;
    if (!fits && seg->size) return seg_reindex(pool, seg, 4096, true);
    seg->max_ts = last.ts;
    seg->max_ts_offset = seg->base + last.rel;
    seg->ts_loaded = true;
    return 0;
}

int seg_save(struct segpool *pool, struct seg *seg) {
    int64_t rel = seg->max_ts_offset - seg->base;
    if (seg->max_ts >= 0) segidx_add_time(&seg->idx, seg->max_ts, (int32_t)rel);
    int err = segidx_save(pool->env, seg->stem, &seg->idx);
    if (err) return err;
    seg->saved = true;
    if (seg->sealed) segidx_fini(&seg->idx);
    return 0;
}

int seg_unlink(struct segpool *pool, struct seg *seg) {
    static const char *const endings[] = {".log", ".index", ".timeindex"};
    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        char path[ENV_PATH_MAX];
        if (snprintf(path, sizeof path, "%s%s", seg->stem, endings[i]) >= (int)sizeof path)
            return err_fail(ERR_TOO_BIG, "path longer than %d", ENV_PATH_MAX);
        int err = env_unlink(pool->env, path);
        if (err && err != ERR_NOT_FOUND) return err;
    }
    return 0;
}
