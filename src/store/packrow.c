/* packrow.c - the packed row.
 *
 *   size  what
 *      1  flags: 1 marker, 2 the marker expires, 4 row deletion
 *      8  marker: timestamp                        (flag 1)
 *   4, 8  marker: ttl, end                         (flag 2)
 *   8, 8  row deletion: timestamp, when            (flag 4)
 *  then cells by rising column, to the end:
 *      1  flags: 1 tombstone, 2 expires, 4 the timestamp is that of what stands before
 *   1..3  column, LEB128
 *      8  timestamp                                (not flag 4)
 *   4, 8  ttl, end                                 (flag 2)
 *      8  when it was deleted                      (flag 1)
 *   1..5  length, LEB128, and the value            (not flag 1)
 *
 * A row of one INSERT thus costs 9 bytes and 3 a cell beside its values. */
#include "store/packrow.h"

#include "base/err.h"

enum { HAS_MARKER = 1, MARKER_EXPIRES = 2, HAS_DELETION = 4 };
enum { TOMBSTONE = 1, EXPIRES = 2, SAME_TS = 4 };

/* ---- writing -------------------------------------------------------------------------------- */

void packrow_begin(struct packrow_writer *writer, struct buf *out,
                   const struct packrow_head *head) {
    bool marker = head->marker.ts_us != PACKROW_NEVER, del = head->del_ts_us != PACKROW_NEVER;
    bool expires = marker && head->marker.ttl_s;
    writer->out = out;
    writer->ts_us = PACKROW_NEVER;
    buf_putc(out, (char)((marker ? HAS_MARKER : 0) | (expires ? MARKER_EXPIRES : 0) |
                         (del ? HAS_DELETION : 0)));
    if (marker) {
        buf_i64(out, head->marker.ts_us);
        writer->ts_us = head->marker.ts_us;
    }
    if (expires) {
        buf_i32(out, head->marker.ttl_s);
        buf_i64(out, head->marker.end_s);
    }
    if (del) {
        buf_i64(out, head->del_ts_us);
        buf_i64(out, head->del_at_s);
    }
}

void packrow_put(struct packrow_writer *writer, const struct packrow_cell *cell) {
    struct buf *out = writer->out;
    bool dead = !cell->value.ptr, expires = !dead && cell->life.ttl_s;
    bool same = cell->life.ts_us == writer->ts_us;
    assert(cell->life.ts_us != PACKROW_NEVER);
    buf_putc(out, (char)((dead ? TOMBSTONE : 0) | (expires ? EXPIRES : 0) | (same ? SAME_TS : 0)));
    buf_uvarint(out, cell->col);
    if (!same) buf_i64(out, cell->life.ts_us);
    if (expires) buf_i32(out, cell->life.ttl_s);
    if (expires || dead) buf_i64(out, cell->life.end_s);
    if (!dead) {
        buf_uvarint(out, cell->value.len);
        buf_puts(out, cell->value);
    }
    writer->ts_us = cell->life.ts_us;
}

/* ---- reading -------------------------------------------------------------------------------- */

int packrow_open(struct packrow_reader *reader, struct str bytes) {
    struct rbuf *in = &reader->in;
    struct packrow_head *head = &reader->head;
    *in = rbuf_of_str(bytes);
    *head = (struct packrow_head){{PACKROW_NEVER, 0, 0}, PACKROW_NEVER, 0};
    reader->ts_us = PACKROW_NEVER;
    uint8_t flags = rbuf_u8(in);
    if (flags & HAS_MARKER) {
        head->marker.ts_us = rbuf_i64(in);
        reader->ts_us = head->marker.ts_us;
    }
    if (flags & MARKER_EXPIRES) {
        head->marker.ttl_s = rbuf_i32(in);
        head->marker.end_s = rbuf_i64(in);
    }
    if (flags & HAS_DELETION) {
        head->del_ts_us = rbuf_i64(in);
        head->del_at_s = rbuf_i64(in);
    }
    if (in->bad || flags > 7 || (flags & 3) == MARKER_EXPIRES)
        return err_fail(ERR_CORRUPT, "a stored row of %zu bytes begins with damage", bytes.len);
    return 0;
}

bool packrow_next(struct packrow_reader *reader, struct packrow_cell *out) {
    struct rbuf *in = &reader->in;
    if (in->bad || !rbuf_left(in)) return false;
    uint8_t flags = rbuf_u8(in);
    uint64_t col = rbuf_uvarint(in);
    memset(out, 0, sizeof *out);
    if (!(flags & SAME_TS)) reader->ts_us = rbuf_i64(in);
    out->life.ts_us = reader->ts_us;
    if (flags & EXPIRES) out->life.ttl_s = rbuf_i32(in);
    if (flags & (EXPIRES | TOMBSTONE)) out->life.end_s = rbuf_i64(in);
    if (!(flags & TOMBSTONE)) {
        uint64_t len = rbuf_uvarint(in);
        out->value = rbuf_bytes(in, MIN(len, (uint64_t)SIZE_MAX / 2));
    }
    out->col = (uint16_t)col;
    if (col > UINT16_MAX || flags > 7 || out->life.ts_us == PACKROW_NEVER) rbuf_fail(in);
    if ((flags & EXPIRES) && ((flags & TOMBSTONE) || out->life.ttl_s <= 0)) rbuf_fail(in);
    return !in->bad;
}

bool packrow_alive(const struct packrow_life *life, int64_t now_s) {
    return life->ts_us != PACKROW_NEVER && (!life->ttl_s || life->end_s > now_s);
}

bool packrow_empty(struct str bytes) {
    return bytes.len == 1 && bytes.ptr[0] == 0;
}

bool packrow_stale(struct str bytes, int64_t now_s) {
    struct packrow_reader reader;
    struct packrow_cell cell;
    if (packrow_open(&reader, bytes)) return false;
    const struct packrow_head *head = &reader.head;
    int64_t forget_s = now_s - PACKROW_GRACE_S;
    bool stale = head->marker.ttl_s && head->marker.end_s < forget_s;
    stale |= head->del_ts_us != PACKROW_NEVER && head->del_at_s < forget_s;
    while (packrow_next(&reader, &cell)) {
        if (cell.col == PACKROW_COL_KEY) continue;
        stale |= !cell.value.ptr && cell.life.end_s < forget_s;
        stale |= cell.life.ttl_s && cell.life.end_s <= now_s &&
                 (cell.value.len || cell.life.end_s < forget_s);
    }
    return stale && !reader.in.bad;
}

/* ---- merging -------------------------------------------------------------------------------- */

/* Which marker holds: a later one, an expiring one, one that ends later. */
static struct packrow_life merge_marker(struct packrow_life a, struct packrow_life b) {
    if (a.ts_us != b.ts_us) return a.ts_us > b.ts_us ? a : b;
    if (!a.ttl_s != !b.ttl_s) return a.ttl_s ? a : b;
    if (a.end_s != b.end_s) return a.end_s > b.end_s ? a : b;
    return a.ttl_s < b.ttl_s ? a : b;
}

/* Does `a` hold against `b` of the same column? For equal ones either answer is right. */
static bool holds(const struct packrow_cell *a, const struct packrow_cell *b) {
    if (a->life.ts_us != b->life.ts_us) return a->life.ts_us > b->life.ts_us;
    int ra = !a->value.ptr ? 2 : a->life.ttl_s ? 1 : 0;
    int rb = !b->value.ptr ? 2 : b->life.ttl_s ? 1 : 0;
    if (ra != rb) return ra > rb;
    if (a->life.end_s != b->life.end_s) return a->life.end_s > b->life.end_s;
    if (a->life.ttl_s != b->life.ttl_s) return a->life.ttl_s < b->life.ttl_s;
    return str_cmp(a->value, b->value) >= 0;
}

struct merger {
    struct packrow_reader a, b;
    struct packrow_cell ca, cb;
    bool more_a, more_b;
    int64_t del_ts_us, now_s;
    bool whole;
    bool any; /* something that means the row exists, or did */
};

static bool forgotten(const struct merger *m, int64_t end_s) {
    return m->whole && end_s < m->now_s - PACKROW_GRACE_S;
}

static void put_merged(struct merger *m, struct packrow_writer *writer, struct packrow_cell *cell) {
    if (cell->life.ts_us <= m->del_ts_us) return;
    /* A clustering key's bytes, the last cell, are no data: they stay as long as the row does. */
    if (cell->col == PACKROW_COL_KEY && m->whole && !m->any) return;
    bool dead = !cell->value.ptr || (cell->life.ttl_s && cell->life.end_s <= m->now_s);
    if (dead && cell->col != PACKROW_COL_KEY) {
        if (forgotten(m, cell->life.end_s)) return;
        if (cell->value.ptr) cell->value = STR("");
    }
    m->any = true;
    packrow_put(writer, cell);
}

static struct packrow_head merge_head(struct merger *m) {
    const struct packrow_head *a = &m->a.head, *b = &m->b.head;
    struct packrow_head head = a->del_ts_us > b->del_ts_us ? *a : *b;
    if (a->del_ts_us == b->del_ts_us) head.del_at_s = MAX(a->del_at_s, b->del_at_s);
    head.marker = merge_marker(a->marker, b->marker);
    m->del_ts_us = head.del_ts_us;
    if (head.marker.ts_us <= head.del_ts_us ||
        (head.marker.ttl_s && forgotten(m, head.marker.end_s)))
        head.marker = (struct packrow_life){PACKROW_NEVER, 0, 0};
    if (head.del_ts_us != PACKROW_NEVER && forgotten(m, head.del_at_s))
        head.del_ts_us = PACKROW_NEVER;
    m->any = head.marker.ts_us != PACKROW_NEVER;
    return head;
}

int packrow_merge(struct str a, struct str b, int64_t now_s, bool whole, struct buf *out) {
    struct merger m = {.now_s = now_s, .whole = whole};
    int err = packrow_open(&m.a, a);
    if (err || (err = packrow_open(&m.b, b))) return err;
    struct packrow_head head = merge_head(&m);
    struct packrow_writer writer;
    packrow_begin(&writer, out, &head);
    m.more_a = packrow_next(&m.a, &m.ca);
    m.more_b = packrow_next(&m.b, &m.cb);
    while (m.more_a || m.more_b) {
        bool same = m.more_a && m.more_b && m.ca.col == m.cb.col;
        bool from_a = m.more_a && (!m.more_b || m.ca.col < m.cb.col);
        if (same) from_a = holds(&m.ca, &m.cb);
        put_merged(&m, &writer, from_a ? &m.ca : &m.cb);
        if (from_a || same) m.more_a = packrow_next(&m.a, &m.ca);
        if (!from_a || same) m.more_b = packrow_next(&m.b, &m.cb);
    }
    if (m.a.in.bad || m.b.in.bad)
        return err_fail(ERR_CORRUPT, "a stored row of %zu or %zu bytes is damaged", a.len, b.len);
    if (out->full) return err_fail(ERR_TOO_BIG, "a row is over %zu bytes", out->max);
    return 0;
}
