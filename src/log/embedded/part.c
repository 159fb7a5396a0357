/* part.c - one partition.
 *
 * An append checks the producer, writes behind the last segment's bytes and queues the partition
 * for the committer; the waiter is answered when the hwm has passed it. With a lazy policy the hwm
 * moves at once. Readers take the lock only to find out where their bytes are; a pin keeps the file
 * while they read. */
#include "log/embedded/part.h"

#include "base/diag.h"
#include "base/err.h"
#include "base/mutant.h"
#include "log/embedded/commit.h"
#include "log/embedded/segscan.h"
#include "log/intake.h"

#include <stdio.h>

struct part *part_new(struct emb *emb, const struct topic *topic, int32_t no) {
    struct part *part = base_calloc(1, sizeof *part);
    size_t name_len = strlen(topic->name) + 16, dir_len = strlen(emb->dir) + name_len + 2;
    part->emb = emb;
    part->name = base_alloc(name_len);
    snprintf(part->name, name_len, "%s-%d", topic->name, no);
    part->dir = base_alloc(dir_len);
    snprintf(part->dir, dir_len, "%s/%s", emb->dir, part->name);
    part->topic_id = topic->id;
    part->no = no;
    part->policy = topic->policy;
    part->last_waiter = &part->first_waiter;
    atomic_init(&part->refs, 1);
    pthread_mutex_init(&part->lock, NULL);
    pidtab_init(&part->pids);
    return part;
}

void part_ref(struct part *part) {
    atomic_fetch_add(&part->refs, 1);
}

void part_unref(struct part *part) {
    if (atomic_fetch_sub(&part->refs, 1) > 1) return;
    assert(!part->first_waiter);
    for (size_t i = 0; i < part->seg_cnt; i++) {
        if (part->seg[i]->dirty) seg_unpin(&part->emb->pool, part->seg[i]);
        seg_free(&part->emb->pool, part->seg[i]);
    }
    pidtab_fini(&part->pids);
    pthread_mutex_destroy(&part->lock);
    base_free(part->seg);
    base_free(part->name);
    base_free(part->dir);
    base_free(part);
}

void part_push(struct part *part, struct seg *seg) {
    if (part->seg_cnt == part->seg_cap) {
        part->seg_cap = part->seg_cap ? part->seg_cap * 2 : 4;
        part->seg = base_realloc(part->seg, part->seg_cap * sizeof(struct seg *));
    }
    part->seg[part->seg_cnt++] = seg;
    part->bytes += seg->size;
}

struct seg *part_shift(struct part *part) {
    struct seg *seg = part->seg[0];
    assert(part->seg_cnt);
    memmove(part->seg, part->seg + 1, --part->seg_cnt * sizeof(struct seg *));
    part->bytes -= seg->size;
    memset(part->hint, 0, sizeof part->hint);
    return seg;
}

static struct seg *last_seg(const struct part *part) {
    return part->seg_cnt ? part->seg[part->seg_cnt - 1] : NULL;
}

/* ---- durability ---- */

static int check_alive(const struct part *part) {
    if (atomic_load(&part->emb->dead))
        return err_fail(ERR_IO, "the log stopped after a failed sync; restart it");
    if (part->gone) return err_fail(ERR_NOT_FOUND, "%s was deleted", part->name);
    return 0;
}

int part_sync_locked(struct part *part) {
    struct seg *seg = last_seg(part);
    int err = 0;
    if (seg && seg->dirty) {
        err = env_sync(seg->file);
        if (err) {
            atomic_store(&part->emb->dead, true);
            return err;
        }
        seg->dirty = false;
        seg_unpin(&part->emb->pool, seg);
    }
    part->unsynced = 0;
    part->hwm = part->end;
    part->hwm_pos = seg ? seg->size : 0;
    return 0;
}

struct waiter *part_served(struct part *part, bool all) {
    struct waiter *first = part->first_waiter, **at = &part->first_waiter;
    while (*at && (all || (*at)->end <= part->hwm))
        at = &(*at)->next;
    if (at == &part->first_waiter) return NULL;
    part->first_waiter = *at;
    if (!*at) part->last_waiter = &part->first_waiter;
    *at = NULL;
    return first;
}

void part_answer(struct waiter *list, int err) {
    while (list) {
        struct waiter *next = list->next;
        list->done(list->arg, err, err ? -1 : list->base);
        base_free(list);
        list = next;
    }
}

/* ---- appending ---- */

/* The file of a segment that begins at part->end, its name durable. */
static int next_seg(struct part *part, struct seg **out) {
    struct emb *emb = part->emb;
    struct seg *seg = seg_new(part->dir, part->end);
    int err = seg_create(&emb->pool, seg);
    if (!err) {
        err = env_sync_dir(emb->base.env, part->dir);
        if (err) atomic_store(&emb->dead, true);
        seg_unpin(&emb->pool, seg);
    }
    if (err) {
        seg_free(&emb->pool, seg);
        return err;
    }
    seg->ts_loaded = true;
    *out = seg;
    return 0;
}

static int make_dir(struct part *part) {
    struct emb *emb = part->emb;
    int err = env_mkdir(emb->base.env, part->dir);
    if (err) return err;
    err = env_sync_dir(emb->base.env, emb->dir);
    if (err) atomic_store(&emb->dead, true);
    return err;
}

int part_roll(struct part *part) {
    struct seg *old = last_seg(part), *seg = NULL;
    int err = part_sync_locked(part);
    if (!err && !old) err = make_dir(part);
    if (!err) err = next_seg(part, &seg);
    if (err) return err;
    if (old) {
        old->sealed = true;
        if (seg_save(&part->emb->pool, old))
            diag_warn("log", "%s: index not written, it stays in memory: %s", part->name,
                      err_note());
    }
    part_push(part, seg);
    part->hwm_pos = 0;
    part->changed = true;
    return 0;
}

static bool must_roll(const struct part *part, size_t len, int64_t now_ms, int32_t records) {
    const struct seg *seg = last_seg(part);
    const struct log_policy *policy = &part->policy;
    if (!seg) return true;
    if (!seg->size) return false;
    return seg->size + (int64_t)len > MIN(policy->segment_bytes, INT32_MAX) ||
           part->end + records - seg->base > INT32_MAX ||
           (seg->born_ms >= 0 && now_ms - seg->born_ms > policy->segment_ms) ||
           segidx_bytes(&seg->idx) + 12 > (size_t)policy->index_bytes;
}

/* The bytes are on their way to the file: writes them, or leaves all as it was. */
static int write_locked(struct part *part, struct str bytes, int64_t now_ms, int32_t records) {
    struct emb *emb = part->emb;
    int64_t stamp = part->policy.append_time ? now_ms : -1;
    int err = must_roll(part, bytes.len, now_ms, records) ? part_roll(part) : 0;
    struct seg *seg = last_seg(part);
    if (!err && !seg->dirty) err = seg_pin(&emb->pool, seg);
    if (err) return err;
    seg->dirty = true;
    if (seg->born_ms < 0) seg->born_ms = now_ms;
    err = seg_append(seg, bytes, part->end, stamp, part->policy.index_interval);
    if (!err) return 0;
    char note[ERR_NOTE_MAX];
    memcpy(note, err_note(), strlen(err_note()) + 1);
    if (seg_undo(seg)) {
        part->broken = true;
        return err_fail(ERR_IO, "%s; and what was written cannot be taken back: %s", note,
                        part->name);
    }
    return err_fail((enum err)err, "%s", note);
}

static int32_t records_of(struct str bytes) {
    int64_t cnt = 0;
    while (bytes.len) {
        struct recbatch_head head;
        CHECK(recbatch_peek(bytes, &head) == 0);
        cnt += head.last_offset_delta + 1;
        bytes.ptr += head.size;
        bytes.len -= head.size;
    }
    return (int32_t)MIN(cnt, INT32_MAX);
}

static void wait_locked(struct part *part, struct part_write *write, int64_t end) {
    struct waiter *waiter = base_alloc(sizeof *waiter);
    *waiter = (struct waiter){NULL, write->base, end, write->done, write->arg};
    /* A repeat may wait for less than those before it; they are served together. */
    *part->last_waiter = waiter;
    part->last_waiter = &waiter->next;
    write->wait = true;
}

static int append_locked(struct part *part, struct part_write *write, int64_t now_ms) {
    const struct pidtab_batch *dup;
    struct recbatch_head head;
    int err = check_alive(part);
    if (!err && part->broken)
        err = err_fail(ERR_IO, "%s takes nothing more after a failed write; restart the log",
                       part->name);
    if (!err) err = recbatch_peek(write->bytes, &head);
    if (!err) err = pidtab_check(&part->pids, &head, &dup);
    if (err) return err;
    if (dup) {
        write->base = dup->base_offset;
        if (dup->end_offset > part->hwm) wait_locked(part, write, dup->end_offset);
        return 0;
    }
    int32_t records = records_of(write->bytes);
    if (records > INT32_MAX / 2) return err_fail(ERR_TOO_BIG, "too many records in one append");
    err = write_locked(part, write->bytes, now_ms, records);
    if (err) return err;
    head.base_offset = write->base = part->end;
    pidtab_note(&part->pids, &head, now_ms);
    part->end += records;
    part->bytes += (int64_t)write->bytes.len;
    part->unsynced += records;
    part->changed = true;
    atomic_fetch_add(&part->emb->unmarked, (int64_t)write->bytes.len);
    bool lazy =
        part->policy.lazy_sync || part->emb->ack == LOG_ACK_WRITTEN || MUTANT("ack-before-fsync");
    if (lazy) {
        part->hwm = part->end;
        part->hwm_pos = last_seg(part)->size;
    } else {
        wait_locked(part, write, part->end);
    }
    return 0;
}

int part_append(struct part *part, struct part_write *write) {
    int64_t now_ms = env_now_ms(part->emb->base.env);
    size_t cnt;
    write->wait = false;
    pthread_mutex_lock(&part->lock);
    struct log_policy policy = part->policy;
    pthread_mutex_unlock(&part->lock);
    int err = intake_check(write->bytes, &policy, now_ms, &cnt);
    if (err) return err;
    pthread_mutex_lock(&part->lock);
    err = append_locked(part, write, now_ms);
    if (!err) commit_queue(part);
    pthread_mutex_unlock(&part->lock);
    return err;
}

/* ---- reading ---- */

void part_span(struct part *part, struct log_span *out) {
    pthread_mutex_lock(&part->lock);
    *out = (struct log_span){part->start, part->hwm, part->bytes};
    pthread_mutex_unlock(&part->lock);
}

/* The segment that holds `offset` or would; they are sorted by base. */
static size_t seg_at(const struct part *part, int64_t offset) {
    size_t from = 0, to = part->seg_cnt;
    while (from < to) {
        size_t mid = from + (to - from) / 2;
        if (part->seg[mid]->base <= offset)
            from = mid + 1;
        else
            to = mid;
    }
    return from ? from - 1 : 0;
}

/* A pinned segment, where to begin in it, and up to where it may be read. */
struct view {
    struct seg *seg;
    int64_t pos, limit;
    int64_t next;   /* base of the following segment, -1 when there is none */
    int64_t expect; /* base of the batch at `pos`; -1 when it is not known */
    bool gaps;      /* a compacted topic: offsets may be missing */
};

static int find_locked(struct part *part, size_t at, int64_t offset, struct view *out) {
    struct segpool *pool = &part->emb->pool;
    struct seg *seg = part->seg[at];
    bool last = at + 1 == part->seg_cnt;
    *out = (struct view){seg,
                         -1,
                         last ? part->hwm_pos : seg->size,
                         last ? -1 : part->seg[at + 1]->base,
                         -1,
                         part->policy.compact};
    for (size_t i = 0; i < EMB_HINT_CNT; i++)
        if (part->hint[i].seg == seg && part->hint[i].offset == offset)
            out->pos = part->hint[i].pos, out->expect = offset;
    if (out->pos < 0 && offset <= seg->base) out->pos = 0;
    int err = 0;
    if (out->pos < 0) err = seg_find(pool, seg, offset, &out->pos);
    if (err == ERR_CORRUPT || err == ERR_NOT_FOUND) {
        err = seg_reindex(pool, seg, part->policy.index_interval, part->policy.compact);
        if (!err) err = seg_find(pool, seg, offset, &out->pos);
        if (!err && seg->sealed) err = seg_save(pool, seg);
        if (err == ERR_CORRUPT) err = out->pos = 0;
    }
    if (!out->pos) out->expect = seg->base;
    return err ? err : seg_pin(pool, seg);
}

static void hint_put(struct part *part, struct seg *seg, int64_t offset, int64_t pos) {
    pthread_mutex_lock(&part->lock);
    bool there = false;
    for (size_t i = 0; i < part->seg_cnt; i++)
        there = there || part->seg[i] == seg;
    if (there) part->hint[part->hint_next++ % EMB_HINT_CNT] = (struct hint){seg, offset, pos};
    pthread_mutex_unlock(&part->lock);
}

static int missing(const struct view *view, int64_t seen, int64_t next) {
    return err_fail(ERR_CORRUPT,
                    "%s.log, position %" PRId64 ": offset %" PRId64 " where %" PRId64
                    " is expected; records are missing or damaged",
                    view->seg->stem, view->pos, next, seen);
}

/* Moves view->pos to the batch that holds `offset`; *found false: it is in a later segment. */
static int forward(struct view *view, int64_t offset, bool *found) {
    struct segscan scan;
    struct recbatch_head head;
    struct segscan_row row = {view->expect, -1};
    int err = 0;
    *found = false;
    segscan_open(&scan, view->seg->file, view->pos, view->limit, false);
    while (!*found && !err && segscan_next(&scan, &head)) {
        if (view->gaps) row.expect = -1;
        int64_t expect = row.expect;
        bool fits = segscan_row_fits(&row, &head);
        view->pos = scan.at;
        if (fits)
            *found = recbatch_end(&head) > offset;
        else if (offset < row.expect)
            err = missing(view, expect, head.base_offset);
    }
    int scan_err = segscan_close(&scan);
    if (err || scan_err) return err ? err : scan_err;
    bool hole = !view->gaps && (*found ? head.base_offset > MAX(offset, view->seg->base)
                                       : view->next >= 0 && row.expect < view->next);
    return hole ? missing(view, row.expect, *found ? head.base_offset : view->next) : 0;
}

/* Whole batches from view->pos on, their CRCs checked; bytes of a damaged one are never shown. */
static int take(struct part *part, struct view *view, size_t max, struct arena *arena,
                struct str *out) {
    struct recbatch_head head;
    char bytes[RECBATCH_HEAD];
    size_t got = 0;
    int err = env_read(view->seg->file, view->pos, bytes, sizeof bytes, &got);
    if (!err) err = recbatch_peek((struct str){bytes, got}, &head);
    if (err) return err;
    int64_t left = view->limit - view->pos, next = 0;
    size_t want = MIN(MAX(head.size, max), (size_t)left);
    char *ptr = arena_bytes(arena, want);
    err = env_read(view->seg->file, view->pos, ptr, want, &got);
    if (err) return err;
    size_t len = 0;
    while (got - len >= RECBATCH_HEAD) {
        struct str rest = {ptr + len, got - len};
        err = recbatch_check(rest, &head);
        if (!err && len && !view->gaps && head.base_offset != next)
            err = missing(view, next, head.base_offset);
        if (err) break;
        len += head.size;
        next = recbatch_end(&head);
    }
    if (err && !len)
        return err_add(ERR_CORRUPT, "%s, position %" PRId64, env_path(view->seg->file), view->pos);
    *out = (struct str){ptr, len};
    hint_put(part, view->seg, next, view->pos + (int64_t)len);
    return 0;
}

int part_read(struct part *part, int64_t offset, size_t max, struct arena *arena, struct str *out) {
    struct segpool *pool = &part->emb->pool;
    pthread_mutex_lock(&part->lock);
    int err = check_alive(part);
    if (!err && (offset < part->start || offset > part->hwm))
        err = err_fail(ERR_RANGE, "offset %" PRId64 " of %s: there are %" PRId64 " to %" PRId64,
                       offset, part->name, part->start, part->hwm);
    bool none = err || offset == part->hwm || !part->seg_cnt;
    size_t at = none ? 0 : seg_at(part, offset);
    while (!none && !err && !out->len && at < part->seg_cnt) {
        struct view view;
        bool found = false;
        err = find_locked(part, at, offset, &view);
        if (err) break;
        pthread_mutex_unlock(&part->lock);
        err = forward(&view, offset, &found);
        if (!err && found) err = take(part, &view, max, arena, out);
        pthread_mutex_lock(&part->lock);
        seg_unpin(pool, view.seg);
        if (err || found || view.next < 0) break;
        at = seg_at(part, view.next);
        offset = MAX(offset, view.next);
    }
    pthread_mutex_unlock(&part->lock);
    return err;
}

/* ---- times ---- */

/* The first record of time >= ts_ms from `offset` on, in what one read gives. *next: where to go
 * on, or -1 at the end. */
static int seek_in(struct part *part, int64_t from, int64_t ts_ms, int64_t *offset, int64_t *ts_out,
                   int64_t *next) {
    struct arena arena = ARENA_INIT;
    struct recbatch_iter it;
    struct record rec;
    struct str bytes = STR("");
    *next = -1;
    int err = part_read(part, from, 256 * KIB, &arena, &bytes);
    if (err || !bytes.len) {
        arena_fini(&arena);
        return err;
    }
    for (struct str rest = bytes; rest.len && *offset < 0 && !err;) {
        struct recbatch_head head;
        CHECK(recbatch_peek(rest, &head) == 0);
        *next = recbatch_end(&head);
        recbatch_walk(&it, (struct str){rest.ptr, head.size}, from, &arena);
        while (head.max_ts >= ts_ms && *offset < 0 && recbatch_next(&it, &rec)) {
            if (rec.ts_ms < ts_ms) continue;
            *offset = rec.offset;
            *ts_out = rec.ts_ms;
        }
        err = it.err;
        rest.ptr += head.size;
        rest.len -= head.size;
    }
    arena_fini(&arena);
    return err;
}

/* The first offset that can have a record of that time; -1: none can. */
static int seek_start(struct part *part, int64_t ts_ms, int64_t *from) {
    struct segpool *pool = &part->emb->pool;
    int err = check_alive(part);
    *from = -1;
    for (size_t i = 0; i < part->seg_cnt && !err && *from < 0; i++) {
        struct seg *seg = part->seg[i];
        err = seg_load_ts(pool, seg);
        if (err || seg->max_ts < ts_ms) continue;
        err = seg_find_time(pool, seg, ts_ms, from);
        if (err == ERR_CORRUPT || err == ERR_NOT_FOUND) {
            err = 0;
            *from = seg->base;
        }
        *from = MAX(*from, part->start);
    }
    return err;
}

int part_seek_time(struct part *part, int64_t ts_ms, int64_t *offset, int64_t *ts_out) {
    int64_t next;
    pthread_mutex_lock(&part->lock);
    int err = seek_start(part, ts_ms, &next);
    int64_t hwm = part->hwm;
    pthread_mutex_unlock(&part->lock);
    while (!err && *offset < 0 && next >= 0 && next < hwm)
        err = seek_in(part, next, ts_ms, offset, ts_out, &next);
    return err;
}
