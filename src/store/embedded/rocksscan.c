/* rocksscan.c - reading: the live rows of a partition or of a token range, in order.
 *
 * A partition's keys come as its heads (deletion, static row, range deletions), then its rows. A
 * scan reads the heads when it enters a partition, and then each row against them. Tables that
 * never had a head are known (rocks_has_heads), so that one row costs one get.
 *
 * The mark of a row is its key; going on after it means reading its partition's heads again. A mark
 * may come from a client: it is checked to lie in the table and, within one partition, in that. */
#include "base/err.h"
#include "store/embedded/rocks.h"
#include "store/packrow.h"
#include "store/storekey.h"

#define COL_NONE UINT16_MAX

struct gap { /* a range deletion */
    struct str start, end; /* encoded clustering keys, [start, end) */
    int64_t ts_us;
};
struct rocksscan {
    struct store_scan base;
    struct rocks *rocks;
    const struct store_table *table;
    uint16_t *place; /* column id -> index into table->col */
    size_t place_cnt;
    int64_t now_s;
    rocksdb_readoptions_t *options;
    rocksdb_iterator_t *it; /* NULL: a single get */
    bool reverse, heads, one_partition, bare, done;
    struct buf start, end;  /* the keys to walk: [start, end) */
    struct buf mark;        /* key of the last row given out */
    /* of the partition the scan is in */
    struct buf partition; /* its prefix; empty: in none */
    bool any;             /* a row was given out, so the static row need not be alone */
    int64_t del_ts_us;
    struct buf fixed; /* its static row, packed */
    struct gap *gap;
    size_t gap_cnt, gap_cap;
    struct arena arena; /* gap[] bounds */
};

static struct rocksscan *scan_of(struct store_scan *scan) {
    return (struct rocksscan *)scan;
}

static struct str iter_key(rocksdb_iterator_t *it) {
    struct str key;
    key.ptr = rocksdb_iter_key(it, &key.len);
    return key;
}

static struct str iter_value(rocksdb_iterator_t *it) {
    struct str value;
    value.ptr = rocksdb_iter_value(it, &value.len);
    return value;
}

/* ---- heads ---------------------------------------------------------------------------------- */

static void enter_partition(struct rocksscan *scan, struct str partition) {
    buf_reset(&scan->partition);
    buf_puts(&scan->partition, partition);
    buf_reset(&scan->fixed);
    arena_reset(&scan->arena);
    scan->any = false;
    scan->del_ts_us = PACKROW_NEVER;
    scan->gap_cnt = 0;
}

static int add_gap(struct rocksscan *scan, struct str rest, int64_t ts_us) {
    struct gap gap = {.ts_us = ts_us};
    gap.start = storekey_unescape(&rest, &scan->arena);
    gap.end = storekey_unescape(&rest, &scan->arena);
    if (!gap.start.ptr || !gap.end.ptr)
        return err_fail(ERR_CORRUPT, "a range deletion in the store is damaged");
    if (scan->gap_cnt == scan->gap_cap) {
        scan->gap_cap = scan->gap_cap ? 2 * scan->gap_cap : 8;
        scan->gap = base_realloc(scan->gap, scan->gap_cap * sizeof *scan->gap);
    }
    scan->gap[scan->gap_cnt++] = gap;
    return 0;
}

static int take_head(struct rocksscan *scan, const struct storekey_parts *parts, struct str value) {
    struct packrow_reader row;
    if (parts->kind == STOREKEY_STATIC) {
        buf_reset(&scan->fixed);
        buf_puts(&scan->fixed, value);
        return 0;
    }
    int err = packrow_open(&row, value);
    if (err) return err;
    if (parts->kind == STOREKEY_DELETION) scan->del_ts_us = row.head.del_ts_us;
    else err = add_gap(scan, parts->rest, row.head.del_ts_us);
    return err;
}

/* The timestamp up to which everything at this clustering key is deleted. */
static int64_t deleted_until(const struct rocksscan *scan, struct str ckey) {
    int64_t ts_us = scan->del_ts_us;
    for (size_t i = 0; i < scan->gap_cnt; i++) { /* sorted by start, as their keys are */
        if (str_cmp(scan->gap[i].start, ckey) > 0) break;
        if (str_cmp(ckey, scan->gap[i].end) < 0) ts_us = MAX(ts_us, scan->gap[i].ts_us);
    }
    return ts_us;
}

/* Reads the heads of the partition whose prefix is in scan->partition. */
static int read_heads(struct rocksscan *scan) {
    struct buf key;
    int err = 0;
    if (!scan->heads) return 0;
    buf_init(&key, ROCKS_KEY_MAX);
    buf_puts(&key, buf_str(&scan->partition));
    buf_putc(&key, STOREKEY_DELETION);
    rocksdb_iter_seek(scan->it, key.ptr, key.len);
    for (; !err && rocksdb_iter_valid(scan->it); rocksdb_iter_next(scan->it)) {
        struct storekey_parts parts;
        err = storekey_split(iter_key(scan->it), &parts);
        if (err || parts.kind == STOREKEY_ROW) break;
        if (!str_eq(parts.partition, buf_str(&scan->partition))) break;
        err = take_head(scan, &parts, iter_value(scan->it));
    }
    buf_fini(&key);
    return err;
}

/* ---- one row -------------------------------------------------------------------------------- */

/* Puts the live cells of a packed row into `out`; returns whether one of them keeps it alive. */
static int take_cells(const struct rocksscan *scan, struct str packed, int64_t del_ts_us,
                      struct store_row *out, bool *alive) {
    struct packrow_reader row;
    struct packrow_cell cell;
    struct str *value = (struct str *)(uintptr_t)out->value;
    int64_t *ts_us = (int64_t *)(uintptr_t)out->ts_us;
    int32_t *left = (int32_t *)(uintptr_t)out->ttl_left_s;
    int err = packrow_open(&row, packed);
    if (err) return err;
    del_ts_us = MAX(del_ts_us, row.head.del_ts_us);
    *alive = row.head.marker.ts_us > del_ts_us && packrow_alive(&row.head.marker, scan->now_s);
    while (packrow_next(&row, &cell)) {
        if (cell.col == PACKROW_COL_KEY) {
            struct str *ckey = value + scan->table->pkey_cnt;
            if ((err = storekey_unpack_ckey(scan->table, cell.value, ckey))) return err;
            continue;
        }
        uint16_t at = cell.col < scan->place_cnt ? scan->place[cell.col] : COL_NONE;
        if (at == COL_NONE || !cell.value.ptr || cell.life.ts_us <= del_ts_us) continue;
        if (!packrow_alive(&cell.life, scan->now_s)) continue;
        value[at] = cell.value;
        ts_us[at] = cell.life.ts_us;
        left[at] = cell.life.ttl_s ? (int32_t)(cell.life.end_s - scan->now_s) : -1;
        *alive = true;
    }
    return row.in.bad ? err_fail(ERR_CORRUPT, "a row of table %.*s is damaged",
                                 STR_ARG(scan->table->name)) : 0;
}

static void make_row(const struct rocksscan *scan, struct arena *arena, struct store_row *out) {
    size_t cnt = scan->table->col_cnt;
    int64_t *ts_us = arena_alloc(arena, cnt * sizeof *ts_us);
    int32_t *left = arena_alloc(arena, cnt * sizeof *left);
    for (size_t i = 0; i < cnt; i++) {
        ts_us[i] = INT64_MIN;
        left[i] = -1;
    }
    *out = (struct store_row){.value = arena_array(arena, struct str, cnt), .ts_us = ts_us,
                              .ttl_left_s = left};
}

static int take_static(const struct rocksscan *scan, struct arena *arena, struct store_row *out,
                       bool *alive) {
    *alive = false;
    if (!scan->fixed.len) return 0;
    struct str packed = arena_str(arena, buf_str(&scan->fixed));
    return take_cells(scan, packed, scan->del_ts_us, out, alive);
}

/* Makes the row of `key`; *alive: there is one. */
static int take_row(struct rocksscan *scan, struct arena *arena, const struct storekey_parts *parts,
                    struct str packed, struct store_row *out, bool *alive) {
    make_row(scan, arena, out);
    struct str *value = (struct str *)(uintptr_t)out->value;
    packed = arena_str(arena, packed);
    int err = take_cells(scan, packed, deleted_until(scan, parts->rest), out, alive);
    if (err || !*alive) return err;
    bool fixed;
    if ((err = take_static(scan, arena, out, &fixed))) return err;
    out->token = parts->token;
    err = storekey_read_pkey(scan->table, parts->partition, arena, value);
    if (!err && !value[scan->table->pkey_cnt].ptr && scan->table->ckey_cnt)
        err = storekey_read_ckey(scan->table, parts->rest, arena, value + scan->table->pkey_cnt);
    return err;
}

static void set_mark(struct rocksscan *scan, struct str partition, enum storekey_kind kind,
                     struct str rest) {
    buf_reset(&scan->mark);
    buf_puts(&scan->mark, partition);
    buf_putc(&scan->mark, (char)kind);
    buf_puts(&scan->mark, rest);
}

/* The partition is over: its static row stands alone when no row went with it. */
static int leave_partition(struct rocksscan *scan, struct arena *arena, struct store_row *out,
                           bool *more) {
    *more = false;
    if (!scan->partition.len || scan->any || !scan->bare || !scan->fixed.len) {
        buf_reset(&scan->partition);
        return 0;
    }
    struct storekey_parts parts;
    make_row(scan, arena, out);
    struct str partition = arena_str(arena, buf_str(&scan->partition));
    int err = take_static(scan, arena, out, more);
    buf_reset(&scan->partition);
    if (err || !*more) return err;
    set_mark(scan, partition, STOREKEY_STATIC, STR_NULL);
    if ((err = storekey_split(buf_str(&scan->mark), &parts))) return err;
    out->token = parts.token;
    out->is_static = true;
    return storekey_read_pkey(scan->table, partition, arena,
                              (struct str *)(uintptr_t)out->value);
}

/* ---- stepping ------------------------------------------------------------------------------- */

static void step(struct rocksscan *scan) {
    if (scan->reverse) rocksdb_iter_prev(scan->it);
    else rocksdb_iter_next(scan->it);
}

static int over(struct rocksscan *scan, struct arena *arena, struct store_row *out, bool *more) {
    char *text = NULL;
    rocksdb_iter_get_error(scan->it, &text);
    if (text) return rocks_fail(text, "a read");
    scan->done = true;
    return leave_partition(scan, arena, out, more);
}

static int next_of_many(struct rocksscan *scan, struct arena *arena, struct store_row *out,
                        bool *more) {
    struct storekey_parts parts;
    for (;;) {
        if (!rocksdb_iter_valid(scan->it)) return over(scan, arena, out, more);
        struct str key = iter_key(scan->it);
        if (scan->reverse && str_cmp(key, buf_str(&scan->start)) < 0)
            return over(scan, arena, out, more);
        int err = storekey_split(key, &parts);
        if (err) return err;
        if (!str_eq(parts.partition, buf_str(&scan->partition))) {
            if ((err = leave_partition(scan, arena, out, more)) || *more) return err;
            enter_partition(scan, parts.partition);
        }
        if (parts.kind != STOREKEY_ROW) {
            if ((err = take_head(scan, &parts, iter_value(scan->it)))) return err;
            step(scan);
            continue;
        }
        err = take_row(scan, arena, &parts, iter_value(scan->it), out, more);
        if (err) return err;
        if (*more) set_mark(scan, parts.partition, parts.kind, parts.rest);
        step(scan);
        if (!*more) continue;
        scan->any = true;
        return 0;
    }
}

static int only_one(struct rocksscan *scan, struct arena *arena, struct store_row *out,
                    bool *more) {
    char *text = NULL;
    struct storekey_parts parts;
    struct str key = buf_str(&scan->start);
    scan->done = true;
    *more = false;
    rocksdb_pinnableslice_t *slice = rocksdb_get_pinned_cf(
        scan->rocks->db, scan->rocks->get, scan->rocks->data, key.ptr, key.len, &text);
    if (text) return rocks_fail(text, "a read");
    if (!slice) return 0;
    struct str value;
    value.ptr = rocksdb_pinnableslice_value(slice, &value.len);
    int err = storekey_split(key, &parts);
    if (!err) err = take_row(scan, arena, &parts, value, out, more);
    if (!err && *more) set_mark(scan, parts.partition, parts.kind, parts.rest);
    rocksdb_pinnableslice_destroy(slice);
    return err;
}

int rocksscan_next(struct store_scan *base, struct arena *arena, struct store_row *out,
                   bool *more) {
    struct rocksscan *scan = scan_of(base);
    *more = false;
    if (scan->done) return 0;
    return scan->it ? next_of_many(scan, arena, out, more) : only_one(scan, arena, out, more);
}

struct str rocksscan_mark(struct store_scan *base, struct arena *arena) {
    return arena_str(arena, buf_str(&scan_of(base)->mark));
}

/* ---- opening -------------------------------------------------------------------------------- */

/* The table's keys with lo < token <= hi. */
static void token_bounds(struct rocksscan *scan, const struct store_range *range) {
    struct store_table next = {.number = scan->table->number + 1};
    if (range->token_lo == INT64_MIN)
        storekey_token_prefix(scan->table, INT64_MIN, &scan->start);
    else if (range->token_lo < INT64_MAX)
        storekey_token_prefix(scan->table, range->token_lo + 1, &scan->start);
    if (range->token_hi == INT64_MAX) storekey_token_prefix(&next, INT64_MIN, &scan->end);
    else storekey_token_prefix(scan->table, range->token_hi + 1, &scan->end);
    scan->done = range->token_lo == INT64_MAX || range->token_hi <= range->token_lo;
    scan->bare = true;
}

static void partition_bounds(struct rocksscan *scan, const struct store_range *range) {
    struct storekey_span span = {.eq = range->ckey_eq, .eq_cnt = range->ckey_eq_cnt,
                                 .lo = range->lo, .hi = range->hi, .lo_open = range->lo_open,
                                 .hi_open = range->hi_open};
    storekey_partition(scan->table, range->pkey, &scan->start);
    enter_partition(scan, buf_str(&scan->start));
    buf_puts(&scan->end, buf_str(&scan->start));
    buf_putc(&scan->start, STOREKEY_ROW);
    buf_putc(&scan->end, STOREKEY_ROW);
    storekey_bounds(scan->table, &span, &scan->start, &scan->end);
    scan->bare = !range->ckey_eq_cnt && !range->lo.ptr && !range->hi.ptr;
    scan->one_partition = true;
}

/* Is the mark one that this scan could have given out? */
static int check_mark(struct rocksscan *scan, struct str mark) {
    struct storekey_parts parts;
    bool fine = mark.len > STOREKEY_PREFIX_LEN && mark.len <= ROCKS_KEY_MAX &&
                memcmp(mark.ptr, scan->start.ptr, 4) == 0 && !storekey_split(mark, &parts) &&
                (parts.kind == STOREKEY_ROW || parts.kind == STOREKEY_STATIC);
    if (fine && scan->one_partition) fine = str_eq(parts.partition, buf_str(&scan->partition));
    if (fine && !scan->one_partition)
        fine = str_cmp(mark, buf_str(&scan->start)) >= 0 && str_cmp(mark, buf_str(&scan->end)) < 0;
    return fine ? 0 : err_fail(ERR_INVAL, "Invalid value for the paging state");
}

/* Goes to behind the mark, with its partition's heads read. */
static int seek_mark(struct rocksscan *scan, struct str mark) {
    struct storekey_parts parts;
    int err = check_mark(scan, mark);
    if (err || (err = storekey_split(mark, &parts))) return err;
    enter_partition(scan, parts.partition);
    buf_puts(&scan->mark, mark);
    if ((err = read_heads(scan))) return err;
    scan->any = true;
    if (parts.kind == STOREKEY_STATIC) { /* it stood alone: nothing of this partition is left */
        if (scan->one_partition) scan->done = true;
        struct buf behind;
        buf_init(&behind, ROCKS_KEY_MAX);
        buf_puts(&behind, parts.partition);
        buf_putc(&behind, STOREKEY_END);
        rocksdb_iter_seek(scan->it, behind.ptr, behind.len);
        buf_fini(&behind);
    } else if (scan->reverse) {
        rocksdb_iter_seek_for_prev(scan->it, mark.ptr, mark.len);
    } else {
        rocksdb_iter_seek(scan->it, mark.ptr, mark.len);
    }
    if (rocksdb_iter_valid(scan->it) && str_eq(iter_key(scan->it), mark)) step(scan);
    return 0;
}

static int seek_start(struct rocksscan *scan) {
    int err = scan->one_partition ? read_heads(scan) : 0;
    if (err) return err;
    if (!scan->reverse) {
        rocksdb_iter_seek(scan->it, scan->start.ptr, scan->start.len);
        return 0;
    }
    rocksdb_iter_seek_for_prev(scan->it, scan->end.ptr, scan->end.len);
    if (rocksdb_iter_valid(scan->it) && str_eq(iter_key(scan->it), buf_str(&scan->end)))
        rocksdb_iter_prev(scan->it);
    return 0;
}

static void open_iterator(struct rocksscan *scan) {
    rocksdb_readoptions_t *options = rocksdb_readoptions_create();
    rocksdb_readoptions_set_iterate_upper_bound(options, scan->end.ptr, scan->end.len);
    if (scan->one_partition && !scan->reverse)
        rocksdb_readoptions_set_prefix_same_as_start(options, 1);
    else rocksdb_readoptions_set_total_order_seek(options, 1);
    if (!scan->one_partition) rocksdb_readoptions_set_fill_cache(options, 0);
    scan->options = options;
    scan->it = rocksdb_create_iterator_cf(scan->rocks->db, options, scan->rocks->data);
}

static void place_columns(struct rocksscan *scan) {
    const struct store_table *table = scan->table;
    for (size_t i = 0; i < table->col_cnt; i++)
        scan->place_cnt = MAX(scan->place_cnt, (size_t)table->col[i].id + 1);
    scan->place = base_alloc(scan->place_cnt * sizeof *scan->place);
    for (size_t i = 0; i < scan->place_cnt; i++)
        scan->place[i] = COL_NONE;
    for (size_t i = table->pkey_cnt + table->ckey_cnt; i < table->col_cnt; i++)
        scan->place[table->col[i].id] = (uint16_t)i;
}

int rocksscan_open(struct store *store, const struct store_table *table,
                   const struct store_range *range, struct str resume, struct store_scan **out) {
    struct rocksscan *scan = base_calloc(1, sizeof *scan);
    scan->rocks = (struct rocks *)store;
    scan->table = table;
    scan->now_s = env_now_us(store->env) / 1000000;
    scan->reverse = range->reverse;
    scan->heads = rocks_has_heads(scan->rocks, table);
    struct buf *const bufs[] = {&scan->start, &scan->end, &scan->mark, &scan->partition,
                                &scan->fixed};
    for (size_t i = 0; i < ARRAY_LEN(bufs); i++)
        buf_init(bufs[i], bufs[i] == &scan->fixed ? PACKROW_LEN_MAX : ROCKS_KEY_MAX);
    enter_partition(scan, STR_NULL);
    place_columns(scan);
    if (range->pkey) partition_bounds(scan, range);
    else token_bounds(scan, range);
    bool one = range->pkey && range->ckey_eq_cnt == table->ckey_cnt && !scan->heads && !resume.ptr;
    int err = 0;
    if (!one) open_iterator(scan);
    if (!one && resume.ptr) err = seek_mark(scan, resume);
    else if (!one && !scan->done) err = seek_start(scan);
    if (err) rocksscan_close(&scan->base);
    else *out = &scan->base;
    return err;
}

void rocksscan_close(struct store_scan *base) {
    struct rocksscan *scan = scan_of(base);
    if (scan->it) rocksdb_iter_destroy(scan->it);
    if (scan->options) rocksdb_readoptions_destroy(scan->options);
    buf_fini(&scan->start);
    buf_fini(&scan->end);
    buf_fini(&scan->mark);
    buf_fini(&scan->partition);
    buf_fini(&scan->fixed);
    arena_fini(&scan->arena);
    base_free(scan->gap);
    base_free(scan->place);
    base_free(scan);
}
