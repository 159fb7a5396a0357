/* recover.c - opening a partition. */
#include "log/embedded/recover.h"

#include "base/diag.h"
#include "base/err.h"
#include "base/mutant.h"
#include "log/embedded/checkpoint.h"
#include "log/embedded/part.h"
#include "log/embedded/segscan.h"

#include <stdio.h>
#include <stdlib.h>

#define BASE_DIGITS 20
#define SMALL_SEG   ((int64_t)256 << 10) /* rewritten whole rather than split */
#define COPY_BYTES  ((size_t)1 << 20)

/* ---- the folder ---- */

struct listing {
    int64_t *base;
    size_t cnt, cap;
    struct arena arena;
    struct str *stray; /* names that a crash left over */
    size_t stray_cnt;
    bool refused;
};

static void list_one(void *arg, const char *name, bool is_dir) {
    struct listing *list = arg;
    struct str text = str_of(name), rest;
    int64_t base;
    if (is_dir) return;
    struct str number = str_cut(text, '.', &rest);
    if (str_ends(text, STR(".new")) || str_ends(text, STR(".tmp"))) {
        struct str *grown = arena_array(&list->arena, struct str, list->stray_cnt + 1);
        if (list->stray_cnt) memcpy(grown, list->stray, list->stray_cnt * sizeof *grown);
        grown[list->stray_cnt++] = arena_str(&list->arena, text);
        list->stray = grown;
        return;
    }
    if (!str_eqz(rest, "log") || number.len != BASE_DIGITS) return;
    if (str_i64(number, &base) || base < 0) return;
    if (list->cnt == list->cap) {
        list->cap = list->cap ? list->cap * 2 : 16;
        list->base = base_realloc(list->base, list->cap * sizeof *list->base);
    }
    list->base[list->cnt++] = base;
}

static int by_number(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int file_size(struct part *part, struct seg *seg) {
    char path[ENV_PATH_MAX];
    struct env_stat st;
    if (snprintf(path, sizeof path, "%s.log", seg->stem) >= (int)sizeof path)
        return err_fail(ERR_TOO_BIG, "path longer than %d", ENV_PATH_MAX);
    int err = env_stat(part->emb->base.env, path, &st);
    if (!err && st.size > INT32_MAX)
        err = err_fail(ERR_CORRUPT, "%s has %" PRId64 " bytes, no segment of ours", path, st.size);
    if (!err) seg->size = st.size;
    return err;
}

static int open_dir(struct part *part) {
    struct env *env = part->emb->base.env;
    struct listing list = {0};
    int err = env_list(env, part->dir, list_one, &list);
    if (err == ERR_NOT_FOUND) err = 0;
    if (list.cnt) qsort(list.base, list.cnt, sizeof *list.base, by_number);
    for (size_t i = 0; i < list.stray_cnt && !err; i++) {
        char path[ENV_PATH_MAX];
        if (snprintf(path, sizeof path, "%s/%s", part->dir, list.stray[i].ptr) < ENV_PATH_MAX)
            err = env_unlink(env, path);
    }
    for (size_t i = 0; i < list.cnt && !err; i++) {
        struct seg *seg = seg_new(part->dir, list.base[i]);
        seg->sealed = seg->saved = i + 1 < list.cnt;
        err = file_size(part, seg);
        part_push(part, seg);
    }
    base_free(list.base);
    arena_fini(&list.arena);
    return err;
}

/* Segments that retention gave up, and a crash kept. */
static int drop_old(struct part *part) {
    int err = 0;
    while (!err && part->seg_cnt > 1 && part->seg[1]->base <= part->mark.start) {
        struct seg *seg = part_shift(part);
        err = seg_unlink(&part->emb->pool, seg);
        seg_free(&part->emb->pool, seg);
    }
    return err;
}

/* ---- the tail ---- */

/* Reads the heads before the tail into index and producers, then the tail with its CRCs. On
 * return *end is where sound bytes end, part->end the next offset. */
static int scan_tail(struct part *part, struct seg *seg, int64_t from, int64_t *end) {
    struct segscan scan;
    struct recbatch_head head;
    int64_t now_ms = env_now_ms(part->emb->base.env);
    bool check = !MUTANT("no-torn-tail-cut");
    segscan_open(&scan, seg->file, from, seg->size, check);
    while (segscan_next(&scan, &head)) {
        if (head.base_offset != part->end && !part->policy.compact) {
            scan.err = ERR_CORRUPT;
            scan.pos = scan.at;
            break;
        }
        if (head.base_offset < part->end) {
            scan.pos = scan.at;
            break;
        }
        seg_note(seg, &head, scan.at, part->policy.index_interval);
        pidtab_note(&part->pids, &head, now_ms);
        part->end = recbatch_end(&head);
    }
    *end = scan.pos;
    int err = segscan_close(&scan);
    return err == ERR_CORRUPT ? 0 : err;
}

static int copy(struct env_file *from, int64_t pos, int64_t end, struct env_file *to) {
    char *bytes = base_alloc(COPY_BYTES);
    int err = 0;
    for (int64_t at = pos; at < end && !err;) {
        size_t len = MIN(COPY_BYTES, (size_t)(end - at)), got = 0;
        err = env_read(from, at, bytes, len, &got);
        if (!err && got < len) err = err_fail(ERR_CORRUPT, "%s shrank", env_path(from));
        if (!err) err = env_write(to, at - pos, bytes, len);
        at += (int64_t)len;
    }
    base_free(bytes);
    return err;
}

/* Bytes pos .. end of `seg` into a new file that becomes <base>.log, durably. */
static int rewrite(struct part *part, struct seg *seg, int64_t pos, int64_t end, int64_t base) {
    struct env *env = part->emb->base.env;
    struct env_file *file = NULL;
    char path[ENV_PATH_MAX], temp[ENV_PATH_MAX];
    int len = snprintf(path, sizeof path, "%s/%020" PRId64 ".log", part->dir, base);
    if (len >= (int)sizeof path - 4) return err_fail(ERR_TOO_BIG, "path too long");
    snprintf(temp, sizeof temp, "%.*s.new", len, path);
    int err = env_open(env, temp, ENV_WRITE | ENV_CREATE | ENV_TRUNC, &file);
    if (!err) err = copy(seg->file, pos, end, file);
    if (!err) err = env_sync(file);
    env_file_close(file);
    if (!err) err = env_rename(env, temp, path);
    if (!err) err = env_sync_dir(env, part->dir);
    return err;
}

static int cut(struct part *part, struct seg *seg, int64_t size) {
    struct segpool *pool = &part->emb->pool;
    int err = seg_pin(pool, seg);
    if (err) return err;
    err = env_truncate(seg->file, size);
    if (!err) err = env_sync(seg->file);
    seg_unpin(pool, seg);
    if (err) return err;
    part->bytes -= seg->size - size;
    seg->size = size;
    return 0;
}

/* A new object for the file that was put in this one's place. */
static struct seg *renew(struct part *part, struct seg *seg, int64_t size) {
    struct seg *fresh = seg_new(part->dir, seg->base);
    fresh->size = size;
    fresh->idx = seg->idx;
    fresh->max_ts = seg->max_ts;
    fresh->max_ts_offset = seg->max_ts_offset;
    fresh->ts_loaded = true;
    memset(&seg->idx, 0, sizeof seg->idx);
    part->bytes += size - seg->size;
    part->seg[part->seg_cnt - 1] = fresh;
    seg_free(&part->emb->pool, seg);
    return fresh;
}

/* The tail pos .. end of the last segment is sound: makes it durable in another file. `offset` is
 * the first of the tail. */
static int settle(struct part *part, int64_t pos, int64_t end, int64_t offset) {
    struct segpool *pool = &part->emb->pool;
    struct seg *seg = part->seg[part->seg_cnt - 1];
    if (end == pos) return seg->size > end ? cut(part, seg, end) : 0;
    if (MUTANT("no-tail-rewrite")) return cut(part, seg, end);
    bool whole = pos == 0 || end <= SMALL_SEG || end <= (end - pos) * 4;
    int err = seg_pin(pool, seg);
    if (err) return err;
    err = rewrite(part, seg, whole ? 0 : pos, end, whole ? seg->base : offset);
    seg_unpin(pool, seg);
    if (err) return err;
    if (whole) {
        renew(part, seg, end);
        return 0;
    }
    err = cut(part, seg, pos);
    struct seg *tail = seg_new(part->dir, offset);
    tail->size = end - pos;
    part_push(part, tail);
    if (!err) err = seg_reindex(pool, tail, part->policy.index_interval, part->policy.compact);
    if (!err) err = seg_reindex(pool, seg, part->policy.index_interval, part->policy.compact);
    seg->sealed = true;
    return err ? err : seg_save(pool, seg);
}

/* ---- producers ---- */

/* Notes the producers of batches with offsets from .. to, by their heads. */
static int replay(struct part *part, int64_t from, int64_t to) {
    struct segpool *pool = &part->emb->pool;
    int64_t now_ms = env_now_ms(part->emb->base.env);
    int err = 0;
    for (size_t i = 0; i < part->seg_cnt && !err; i++) {
        struct seg *seg = part->seg[i];
        struct segscan scan;
        struct recbatch_head head;
        bool after = i + 1 < part->seg_cnt && part->seg[i + 1]->base <= from;
        if (after || seg->base >= to) continue;
        err = seg_pin(pool, seg);
        if (err) break;
        segscan_open(&scan, seg->file, 0, seg->size, false);
        while (segscan_next(&scan, &head) && head.base_offset < to)
            if (head.base_offset >= from) pidtab_note(&part->pids, &head, now_ms);
        err = segscan_close(&scan);
        seg_unpin(pool, seg);
        if (err == ERR_CORRUPT) err = 0;
    }
    return err;
}

/* The producers as of offset `to`, where the tail begins. */
static int load_pids(struct part *part, int64_t to) {
    int64_t from = 0;
    if (!part->mark.producers)
        return to > part->mark.recovery ? replay(part, part->mark.recovery, to) : 0;
    int err = checkpoint_load_pids(part, &from);
    if (err == ERR_IO) return err;
    if (err) {
        diag_warn("log", "%s: producers are read from the batches again: %s", part->name,
                  err_note());
        from = 0;
    }
    return from < to ? replay(part, from, to) : 0;
}

/* ---- all ---- */

/* Does the last entry of a loaded index point at the batch it says? Then *from is that place. */
static bool index_true(struct seg *seg, int64_t pos, int64_t *from) {
    struct segscan scan;
    struct recbatch_head head;
    *from = 0;
    if (!seg->idx.offset_cnt) return true;
    const struct segidx_offset *last = &seg->idx.offset[seg->idx.offset_cnt - 1];
    segscan_open(&scan, seg->file, last->pos, pos, false);
    bool found = segscan_next(&scan, &head);
    if (segscan_close(&scan) || !found || recbatch_end(&head) - 1 != seg->base + last->rel)
        return false;
    *from = scan.pos;
    seg->idx.since = (int64_t)head.size;
    seg_note_time(seg, &head);
    return true;
}

/* Index entries of the part of the segment that is known to be sound. */
static int load_index(struct part *part, struct seg *seg, int64_t pos, int64_t offset) {
    struct segscan scan;
    struct recbatch_head head;
    int64_t from = 0;
    if (pos == 0) return 0;
    int err = segidx_load(part->emb->base.env, seg->stem, seg->size, &seg->idx);
    if (!err) segidx_cut(&seg->idx, pos, (int32_t)MIN(offset - seg->base, INT32_MAX));
    if (!err && !index_true(seg, pos, &from)) segidx_fini(&seg->idx);
    if (seg->idx.time_cnt && seg->idx.time[seg->idx.time_cnt - 1].ts > seg->max_ts) {
        seg->max_ts = seg->idx.time[seg->idx.time_cnt - 1].ts;
        seg->max_ts_offset = seg->base + seg->idx.time[seg->idx.time_cnt - 1].rel;
    }
    segscan_open(&scan, seg->file, from, pos, false);
    while (segscan_next(&scan, &head))
        seg_note(seg, &head, scan.at, part->policy.index_interval);
    err = segscan_close(&scan);
    return err == ERR_CORRUPT ? 0 : err;
}

/* Where the tail begins: *pos in the last segment, *offset. Cuts what a crash in settle() left. */
static int find_tail(struct part *part, int64_t *pos, int64_t *offset) {
    const struct mark *mark = &part->mark;
    struct seg *last = part->seg[part->seg_cnt - 1];
    *pos = 0;
    *offset = last->base;
    if (last->base == mark->seg_base && last->size >= mark->pos && mark->recovery > last->base) {
        *pos = mark->pos;
        *offset = mark->recovery;
        return 0;
    }
    if (part->seg_cnt < 2 || last->base != mark->recovery) return 0;
    struct seg *before = part->seg[part->seg_cnt - 2];
    if (before->base != mark->seg_base || before->size <= mark->pos) return 0;
    int err = cut(part, before, mark->pos);
    if (!err)
        err = seg_reindex(&part->emb->pool, before, part->policy.index_interval,
                          part->policy.compact);
    return err ? err : seg_save(&part->emb->pool, before);
}

static int recover_last(struct part *part) {
    struct segpool *pool = &part->emb->pool;
    struct seg *seg = part->seg[part->seg_cnt - 1];
    int64_t pos, offset, end;
    int err = find_tail(part, &pos, &offset);
    if (!err) err = load_pids(part, offset);
    if (!err) err = seg_pin(pool, seg);
    if (err) return err;
    part->end = offset;
    err = load_index(part, seg, pos, offset);
    if (!err) err = scan_tail(part, seg, pos, &end);
    int64_t size = seg->size;
    seg_unpin(pool, seg);
    if (err) return err;
    if (size > end)
        diag_info("log", "%s: cut %" PRId64 " bytes of an append that was never acknowledged",
                  part->name, size - end);
    seg->ts_loaded = true;
    /* A segment that the checkpoint does not know may have a name that is not durable. */
    if (seg->base != part->mark.seg_base || !part->mark.recovery)
        err = env_sync_dir(part->emb->base.env, part->dir);
    return err ? err : settle(part, pos, end, offset);
}

/* Records that were synced once are not there: offsets go on behind them. */
static int leave_hole(struct part *part) {
    diag_error("log",
               "%s: records %" PRId64 " to %" PRId64 " were durable and are lost; the disk "
               "or somebody else changed %s",
               part->name, part->end, part->mark.recovery - 1, part->dir);
    part->end = part->mark.recovery;
    return part_roll(part);
}

int recover_part(struct part *part) {
    int err = open_dir(part);
    if (!err) err = drop_old(part);
    if (!err && part->seg_cnt) err = recover_last(part);
    if (err) return err_add(err, "%s", part->name);
    if (part->end < part->mark.recovery) err = leave_hole(part);
    if (err) return err_add(err, "%s", part->name);
    part->start = MAX(part->mark.start, part->seg_cnt ? part->seg[0]->base : part->end);
    part->hwm = part->end;
    part->hwm_pos = part->seg_cnt ? part->seg[part->seg_cnt - 1]->size : 0;
    const struct mark *mark = &part->mark;
    const struct seg *last = part->seg_cnt ? part->seg[part->seg_cnt - 1] : NULL;
    part->changed = part->end != mark->recovery || part->start != mark->start ||
                    (last && (last->base != mark->seg_base || last->size != mark->pos));
    return 0;
}
