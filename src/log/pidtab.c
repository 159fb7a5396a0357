/* pidtab.c - entries in a row, found by an open-addressing index that is rebuilt on removal. */
#include "log/pidtab.h"

#include "base/err.h"

#define CAP_MIN     8
#define ENTRY_BYTES (8 + 8 + 2 + 1)
#define BATCH_BYTES (4 + 4 + 8 + 8)

void pidtab_init(struct pidtab *tab) {
    memset(tab, 0, sizeof *tab);
}

void pidtab_fini(struct pidtab *tab) {
    base_free(tab->entry);
    base_free(tab->slot);
    pidtab_init(tab);
}

static uint32_t *slot_of(const struct pidtab *tab, int64_t id) {
    uint64_t hash = (uint64_t)id * 0x9E3779B97F4A7C15u;
    uint32_t mask = tab->slot_cap - 1;
    for (uint32_t i = (uint32_t)(hash >> 32) & mask;; i = (i + 1) & mask) {
        uint32_t at = tab->slot[i];
        if (!at || tab->entry[at - 1].id == id) return &tab->slot[i];
    }
}

static struct pidtab_entry *find(const struct pidtab *tab, int64_t id) {
    if (!tab->cnt) return NULL;
    uint32_t at = *slot_of(tab, id);
    return at ? &tab->entry[at - 1] : NULL;
}

static void reindex(struct pidtab *tab) {
    memset(tab->slot, 0, tab->slot_cap * sizeof *tab->slot);
    for (uint32_t i = 0; i < tab->cnt; i++)
        *slot_of(tab, tab->entry[i].id) = i + 1;
}

void pidtab_expire(struct pidtab *tab, int64_t before_ms) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < tab->cnt; i++)
        if (tab->entry[i].seen_ms >= before_ms) tab->entry[kept++] = tab->entry[i];
    if (kept == tab->cnt) return;
    tab->cnt = kept;
    reindex(tab);
}

/* Forgets those idle for longer than the average, or the older half when all are alike. */
static void evict(struct pidtab *tab) {
    int64_t least = INT64_MAX, most = INT64_MIN, sum = 0;
    for (uint32_t i = 0; i < tab->cnt; i++) {
        least = MIN(least, tab->entry[i].seen_ms);
        most = MAX(most, tab->entry[i].seen_ms);
        sum += tab->entry[i].seen_ms / tab->cnt;
    }
    if (most > least) {
        pidtab_expire(tab, MIN(MAX(sum, least + 1), most));
        return;
    }
    uint32_t half = tab->cnt / 2;
    memmove(tab->entry, tab->entry + half, (tab->cnt - half) * sizeof *tab->entry);
    tab->cnt -= half;
    reindex(tab);
}

static struct pidtab_entry *add(struct pidtab *tab, int64_t id) {
    if (tab->cnt >= PIDTAB_MAX) evict(tab);
    if (tab->cnt == tab->cap) {
        tab->cap = tab->cap ? tab->cap * 2 : CAP_MIN;
        tab->slot_cap = tab->cap * 2;
        tab->entry = base_realloc(tab->entry, tab->cap * sizeof *tab->entry);
        tab->slot = base_realloc(tab->slot, tab->slot_cap * sizeof *tab->slot);
        reindex(tab);
    }
    struct pidtab_entry *entry = &tab->entry[tab->cnt++];
    memset(entry, 0, sizeof *entry);
    entry->id = id;
    *slot_of(tab, id) = tab->cnt;
    return entry;
}

/* Sequences wrap to 0 after INT32_MAX. */
static int32_t seq_add(int32_t seq, int32_t by) {
    return (int32_t)(((uint32_t)seq + (uint32_t)by) & INT32_MAX);
}

int pidtab_check(const struct pidtab *tab, const struct recbatch_head *head,
                 const struct pidtab_batch **dup) {
    *dup = NULL;
    if (head->producer_id < 0) return 0;
    const struct pidtab_entry *entry = find(tab, head->producer_id);
    if (!entry) return 0;
    if (head->producer_epoch < entry->epoch)
        return err_fail(ERR_FENCED, "producer %" PRId64 ": epoch %d is older than %d",
                        head->producer_id, head->producer_epoch, entry->epoch);
    if (head->attributes & RECBATCH_CONTROL || head->base_sequence < 0) return 0;
    bool newer = head->producer_epoch > entry->epoch;
    int32_t last = seq_add(head->base_sequence, head->last_offset_delta);
    for (uint8_t i = 0; i < entry->cnt && !newer; i++) {
        const struct pidtab_batch *batch = &entry->batch[i];
        if (batch->first_seq != head->base_sequence || batch->last_seq != last) continue;
        *dup = batch;
        return 0;
    }
    if (!newer && !entry->cnt) return 0;
    int32_t expect = newer ? 0 : seq_add(entry->batch[entry->cnt - 1].last_seq, 1);
    if (head->base_sequence == expect) return 0;
    return err_fail(ERR_SEQUENCE, "producer %" PRId64 ": sequence %d where %d is next",
                    head->producer_id, head->base_sequence, expect);
}

void pidtab_note(struct pidtab *tab, const struct recbatch_head *head, int64_t now_ms) {
    if (head->producer_id < 0) return;
    struct pidtab_entry *entry = find(tab, head->producer_id);
    if (!entry) entry = add(tab, head->producer_id);
    if (head->producer_epoch != entry->epoch) entry->cnt = 0;
    entry->epoch = head->producer_epoch;
    entry->seen_ms = now_ms;
    if (head->attributes & RECBATCH_CONTROL || head->base_sequence < 0) return;
    if (entry->cnt && entry->batch[entry->cnt - 1].base_offset >= head->base_offset) return;
    if (entry->cnt == PIDTAB_WINDOW)
        memmove(entry->batch, entry->batch + 1, --entry->cnt * sizeof *entry->batch);
    entry->batch[entry->cnt++] = (struct pidtab_batch){
        head->base_sequence, seq_add(head->base_sequence, head->last_offset_delta),
        head->base_offset, recbatch_end(head)};
}

void pidtab_encode(const struct pidtab *tab, struct buf *out) {
    buf_i32(out, (int32_t)tab->cnt);
    for (uint32_t i = 0; i < tab->cnt; i++) {
        const struct pidtab_entry *entry = &tab->entry[i];
        buf_i64(out, entry->id);
        buf_i64(out, entry->seen_ms);
        buf_i16(out, entry->epoch);
        buf_i8(out, (int8_t)entry->cnt);
        for (uint8_t at = 0; at < entry->cnt; at++) {
            buf_i32(out, entry->batch[at].first_seq);
            buf_i32(out, entry->batch[at].last_seq);
            buf_i64(out, entry->batch[at].base_offset);
            buf_i64(out, entry->batch[at].end_offset);
        }
    }
}

static void entry_decode(struct pidtab *tab, struct rbuf *in) {
    int64_t id = rbuf_i64(in);
    int64_t seen_ms = rbuf_i64(in);
    int16_t epoch = rbuf_i16(in);
    size_t cnt = rbuf_count(in, rbuf_i8(in), BATCH_BYTES);
    if (cnt > PIDTAB_WINDOW || id < 0 || find(tab, id)) rbuf_fail(in);
    if (in->bad) return;
    struct pidtab_entry *entry = add(tab, id);
    entry->seen_ms = seen_ms;
    entry->epoch = epoch;
    entry->cnt = (uint8_t)cnt;
    for (size_t i = 0; i < cnt; i++) {
        entry->batch[i].first_seq = rbuf_i32(in);
        entry->batch[i].last_seq = rbuf_i32(in);
        entry->batch[i].base_offset = rbuf_i64(in);
        entry->batch[i].end_offset = rbuf_i64(in);
    }
}

int pidtab_decode(struct pidtab *tab, struct rbuf *in) {
    assert(!tab->cnt);
    size_t cnt = rbuf_count(in, rbuf_i32(in), ENTRY_BYTES);
    if (cnt > PIDTAB_MAX) rbuf_fail(in);
    for (size_t i = 0; i < cnt && !in->bad; i++)
        entry_decode(tab, in);
    return in->bad ? err_fail(ERR_CORRUPT, "producer table does not decode") : 0;
}
