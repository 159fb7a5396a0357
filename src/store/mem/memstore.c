/* memstore.c - the store in plain memory: what the others are compared with, and the simulator's.
 *
 * Every cell is kept as it was decided, in sorted arrays; a scan copies the rows it will give out
 * when it is opened. Nothing is clever here on purpose; nothing is ever given back but at close. */
#include "base/buf.h"
#include "base/err.h"
#include "base/map.h"
#include "store/murmur.h"
#include "store/storekey.h"
#include "store/store_ops.h"
#include "wire/cql/cqltype.h"

#include <pthread.h>
#include <stdio.h>

#define NEVER_TS INT64_MIN
#define KEY_MAX  (4 * MIB)

struct cell {
    uint16_t col;
    int64_t ts_us, end_s;
    int32_t ttl_s;
    bool set; /* false: this column was never written */
    struct str value; /* ptr NULL: deleted */
};
struct row {
    struct str *ckey;
    struct cell marker; /* value "" when there is one */
    int64_t del_ts_us;
    struct cell *cell; /* by column id */
    size_t cell_cnt;
};
struct gap {
    struct store_write bounds; /* its ckey prefix, lo, hi */
    int64_t ts_us;
};
struct part {
    int64_t token;
    struct str key; /* joined */
    struct str *pkey;
    int64_t del_ts_us;
    struct row fixed;
    struct row **row;
    struct gap *gap;
    size_t row_cnt, gap_cnt;
};
struct content {
    struct part **part;
    size_t part_cnt;
};
struct memstore {
    struct store base;
    pthread_mutex_t lock;
    struct arena arena;
    struct map tables; /* number in text -> struct content */
    struct map state;  /* name -> struct str */
};
struct pending { /* one call of a transaction, deep copied */
    const struct store_table *table; /* NULL: state */
    struct store_write write;
    struct str name, value;
    struct pending *next;
};
struct memtx {
    struct store_tx base;
    struct arena arena;
    struct pending *first, **last;
};
struct memscan {
    struct store_scan base;
    struct arena arena;
    struct store_row *row;
    size_t cnt, at, col_cnt, pkey_cnt, ckey_cnt;
};

static int write_nothing(void *self, const struct catalog_entry *entry, size_t cnt) {
    (void)entry;
    (void)cnt;
    return env_point(((struct memstore *)self)->base.env, "store.schema");
}

static int drop_nothing(void *self, uint32_t number) {
    (void)self;
    (void)number;
    return 0;
}

static int mem_open(const struct store_conf *conf, const char *rest, struct store **out) {
    (void)rest;
    struct memstore *mem = base_calloc(1, sizeof *mem);
    mem->base.ops = &memstore_ops;
    mem->base.env = conf->env;
    mem->base.catalog = catalog_new(&(struct catalog_conf){
        .env = conf->env, .self = mem, .write = write_nothing, .drop = drop_nothing});
    CHECK(pthread_mutex_init(&mem->lock, NULL) == 0);
    map_init(&mem->tables);
    map_init(&mem->state);
    *out = &mem->base;
    return 0;
}

static void mem_close(struct store *store) {
    struct memstore *mem = (struct memstore *)store;
    map_fini(&mem->tables);
    map_fini(&mem->state);
    arena_fini(&mem->arena);
    catalog_free(store->catalog);
    pthread_mutex_destroy(&mem->lock);
    base_free(mem);
}

/* ---- finding -------------------------------------------------------------------------------- */

static struct str *copy_strs(struct arena *arena, const struct str *from, size_t cnt) {
    struct str *out = arena_array(arena, struct str, cnt + 1);
    for (size_t i = 0; i < cnt; i++)
        out[i] = from[i].ptr ? arena_str(arena, from[i]) : STR_NULL;
    return out;
}

static void *push(struct arena *arena, void *old, size_t cnt, size_t size) {
    if (cnt & (cnt - 1)) return old; /* full only at powers of two */
    char *grown = arena_calloc(arena, cnt ? 2 * cnt : 1, size);
    if (cnt) memcpy(grown, old, cnt * size);
    return grown;
}

static int cmp_ckey(const struct store_table *table, const struct str *a, const struct str *b,
                    size_t cnt) {
    for (size_t i = 0; i < cnt; i++) {
        const struct store_col *col = &table->col[table->pkey_cnt + i];
        int cmp = cqltype_compare(col->type, a[i], b[i]);
        if (cmp) return col->desc ? -cmp : cmp;
    }
    return 0;
}

static struct content *content_of(struct memstore *mem, const struct store_table *table) {
    char name[16];
    int len = snprintf(name, sizeof name, "%" PRIu32, table->number);
    struct str key = {name, (size_t)len};
    struct content *content = map_get(&mem->tables, key);
    if (!content) {
        content = arena_new(&mem->arena, struct content);
        (void)map_put(&mem->tables, key, content);
    }
    return content;
}

static int cmp_part(const struct part *part, int64_t token, struct str key) {
    if (part->token != token) return part->token < token ? -1 : 1;
    return str_cmp(part->key, key);
}

static struct part *part_of(struct memstore *mem, const struct store_table *table,
                            const struct str *pkey, bool make) {
    struct content *content = content_of(mem, table);
    struct buf key;
    buf_init(&key, KEY_MAX);
    storekey_join(table, pkey, &key);
    int64_t token = murmur_token(buf_str(&key));
    size_t at = 0;
    while (at < content->part_cnt && cmp_part(content->part[at], token, buf_str(&key)) < 0)
        at++;
    struct part *part = NULL;
    if (at < content->part_cnt && cmp_part(content->part[at], token, buf_str(&key)) == 0)
        part = content->part[at];
    if (!part && make) {
        part = arena_new(&mem->arena, struct part);
        part->token = token;
        part->key = arena_str(&mem->arena, buf_str(&key));
        part->pkey = copy_strs(&mem->arena, pkey, table->pkey_cnt);
        part->del_ts_us = part->fixed.del_ts_us = NEVER_TS;
        content->part = push(&mem->arena, content->part, content->part_cnt, sizeof *content->part);
        memmove(content->part + at + 1, content->part + at,
                (content->part_cnt - at) * sizeof *content->part);
        content->part[at] = part;
        content->part_cnt++;
    }
    buf_fini(&key);
    return part;
}

static struct row *row_of(struct memstore *mem, const struct store_table *table, struct part *part,
                          const struct str *ckey) {
    size_t at = 0;
    int cmp = 1;
    while (at < part->row_cnt &&
           (cmp = cmp_ckey(table, part->row[at]->ckey, ckey, table->ckey_cnt)) < 0)
        at++;
    if (at < part->row_cnt && cmp == 0) return part->row[at];
    struct row *row = arena_new(&mem->arena, struct row);
    row->ckey = copy_strs(&mem->arena, ckey, table->ckey_cnt);
    row->del_ts_us = NEVER_TS;
    part->row = push(&mem->arena, part->row, part->row_cnt, sizeof *part->row);
    memmove(part->row + at + 1, part->row + at, (part->row_cnt - at) * sizeof *part->row);
    part->row[at] = row;
    part->row_cnt++;
    return row;
}

/* ---- writing -------------------------------------------------------------------------------- */

/* Later wins; of equal ones the deleted, the expiring, the one that ends later, the larger. */
static bool beats(const struct cell *a, const struct cell *b) {
    if (!b->set || a->ts_us != b->ts_us) return !b->set || a->ts_us > b->ts_us;
    if (!a->value.ptr != !b->value.ptr) return !a->value.ptr;
    if (!a->ttl_s != !b->ttl_s) return a->ttl_s != 0;
    if (a->end_s != b->end_s) return a->end_s > b->end_s;
    if (a->ttl_s != b->ttl_s) return a->ttl_s < b->ttl_s;
    return str_cmp(a->value, b->value) > 0;
}

static void put_cell(struct memstore *mem, struct row *row, struct cell cell) {
    if (cell.col >= row->cell_cnt) {
        struct cell *grown = arena_array(&mem->arena, struct cell, (size_t)cell.col + 1);
        if (row->cell_cnt) memcpy(grown, row->cell, row->cell_cnt * sizeof *grown);
        row->cell = grown;
        row->cell_cnt = (size_t)cell.col + 1;
    }
    if (!beats(&cell, &row->cell[cell.col])) return;
    if (cell.value.ptr) cell.value = arena_str(&mem->arena, cell.value);
    row->cell[cell.col] = cell;
}

static void apply_cells(struct memstore *mem, struct row *row, const struct store_write *write,
                        int64_t now_s) {
    struct cell proto = {.set = true, .ts_us = write->ts_us, .ttl_s = write->ttl_s,
                         .end_s = write->ttl_s ? now_s + write->ttl_s : 0, .value = STR("")};
    if (write->kind == STORE_INSERT && beats(&proto, &row->marker)) row->marker = proto;
    if (write->kind == STORE_DELETE_ROW) row->del_ts_us = MAX(row->del_ts_us, write->ts_us);
    for (size_t i = 0; i < write->cell_cnt; i++) {
        struct cell cell = proto;
        cell.col = write->cell[i].col;
        cell.value = write->kind == STORE_DELETE_CELLS ? STR_NULL : write->cell[i].value;
        if (!cell.value.ptr) {
            cell.ttl_s = 0;
            cell.end_s = now_s;
        }
        put_cell(mem, row, cell);
    }
}

static void add_gap(struct memstore *mem, const struct store_table *table, struct part *part,
                    const struct store_write *write) {
    struct gap *gap;
    part->gap = push(&mem->arena, part->gap, part->gap_cnt, sizeof *part->gap);
    gap = &part->gap[part->gap_cnt++];
    gap->bounds = *write;
    gap->bounds.ckey = copy_strs(&mem->arena, write->ckey, write->ckey_cnt);
    if (write->lo.ptr) gap->bounds.lo = arena_str(&mem->arena, write->lo);
    if (write->hi.ptr) gap->bounds.hi = arena_str(&mem->arena, write->hi);
    gap->ts_us = write->ts_us;
    (void)table;
}

static void apply(struct memstore *mem, const struct store_table *table,
                  const struct store_write *write) {
    int64_t now_s = env_now_us(mem->base.env) / 1000000;
    struct part *part = part_of(mem, table, write->pkey, true);
    if (write->kind == STORE_DELETE_PARTITION)
        part->del_ts_us = MAX(part->del_ts_us, write->ts_us);
    else if (write->kind == STORE_DELETE_RANGE) add_gap(mem, table, part, write);
    else if (table->ckey_cnt && !write->ckey_cnt) {
        struct store_write fixed = *write;
        if (fixed.kind == STORE_INSERT) fixed.kind = STORE_UPDATE; /* static rows have no marker */
        apply_cells(mem, &part->fixed, &fixed, now_s);
    } else apply_cells(mem, row_of(mem, table, part, write->ckey), write, now_s);
}

static int mem_begin(struct store *store, struct store_tx **out) {
    (void)store;
    struct memtx *tx = base_calloc(1, sizeof *tx);
    tx->last = &tx->first;
    *out = &tx->base;
    return 0;
}

static struct pending *add_pending(struct memtx *tx) {
    struct pending *it = arena_new(&tx->arena, struct pending);
    *tx->last = it;
    tx->last = &it->next;
    return it;
}

static int mem_write(struct store_tx *base, const struct store_table *table,
                     const struct store_write *write) {
    struct memtx *tx = (struct memtx *)base;
    struct pending *it = add_pending(tx);
    struct store_table *copy = arena_new(&tx->arena, struct store_table);
    struct store_cell *cell = arena_array(&tx->arena, struct store_cell, write->cell_cnt + 1);
    *copy = *table;
    copy->col = arena_array(&tx->arena, struct store_col, table->col_cnt);
    memcpy(copy->col, table->col, table->col_cnt * sizeof *copy->col);
    for (size_t i = 0; i < table->col_cnt; i++)
        copy->col[i].type = cqltype_copy(&tx->arena, table->col[i].type);
    for (size_t i = 0; i < write->cell_cnt; i++) {
        cell[i] = write->cell[i];
        if (cell[i].value.ptr) cell[i].value = arena_str(&tx->arena, cell[i].value);
    }
    it->table = copy;
    it->write = *write;
    it->write.pkey = copy_strs(&tx->arena, write->pkey, table->pkey_cnt);
    it->write.ckey = copy_strs(&tx->arena, write->ckey, write->ckey_cnt);
    it->write.cell = cell;
    if (write->lo.ptr) it->write.lo = arena_str(&tx->arena, write->lo);
    if (write->hi.ptr) it->write.hi = arena_str(&tx->arena, write->hi);
    return 0;
}

static int mem_put_state(struct store_tx *base, struct str name, struct str value) {
    struct memtx *tx = (struct memtx *)base;
    struct pending *it = add_pending(tx);
    it->name = arena_str(&tx->arena, name);
    if (value.ptr) it->value = arena_str(&tx->arena, value);
    return 0;
}

static void mem_abort(struct store_tx *base) {
    struct memtx *tx = (struct memtx *)base;
    arena_fini(&tx->arena);
    base_free(tx);
}

static void set_state(struct memstore *mem, struct str name, struct str value) {
    if (!value.ptr) {
        (void)map_del(&mem->state, name);
        return;
    }
    struct str *copy = arena_new(&mem->arena, struct str);
    *copy = arena_str(&mem->arena, value);
    (void)map_put(&mem->state, name, copy);
}

static int mem_commit(struct store_tx *base) {
    struct memtx *tx = (struct memtx *)base;
    struct memstore *mem = (struct memstore *)base->store;
    int err = env_point(mem->base.env, "store.commit");
    CHECK(pthread_mutex_lock(&mem->lock) == 0);
    for (struct pending *it = tx->first; it && !err; it = it->next) {
        if (it->table) apply(mem, it->table, &it->write);
        else set_state(mem, it->name, it->value);
    }
    CHECK(pthread_mutex_unlock(&mem->lock) == 0);
    mem_abort(base);
    return err;
}

static int mem_get_state(struct store *store, struct str name, struct arena *arena,
                         struct str *out) {
    struct memstore *mem = (struct memstore *)store;
    CHECK(pthread_mutex_lock(&mem->lock) == 0);
    const struct str *value = map_get(&mem->state, name);
    if (value) *out = arena_str(arena, *value);
    CHECK(pthread_mutex_unlock(&mem->lock) == 0);
    return value ? 0 : err_fail(ERR_NOT_FOUND, "there is no state \"%.*s\"", STR_ARG(name));
}

/* ---- reading -------------------------------------------------------------------------------- */

struct reader {
    struct memscan *scan;
    const struct store_table *table;
    int64_t now_s;
};

static bool within(const struct store_table *table, const struct str *ckey,
                   const struct str *eq, size_t eq_cnt, const struct store_write *bounds) {
    if (cmp_ckey(table, ckey, eq, eq_cnt)) return false;
    if (eq_cnt == table->ckey_cnt) return true;
    const struct cqltype *type = table->col[table->pkey_cnt + eq_cnt].type;
    int lo = bounds->lo.ptr ? cqltype_compare(type, ckey[eq_cnt], bounds->lo) : 1;
    int hi = bounds->hi.ptr ? cqltype_compare(type, ckey[eq_cnt], bounds->hi) : -1;
    return (lo > 0 || (lo == 0 && !bounds->lo_open)) && (hi < 0 || (hi == 0 && !bounds->hi_open));
}

static bool cell_alive(const struct reader *reader, const struct cell *cell, int64_t del_ts_us) {
    return cell->set && cell->value.ptr && cell->ts_us > del_ts_us &&
           (!cell->ttl_s || cell->end_s > reader->now_s);
}

/* Puts a row's live cells of columns of `kind` into `out`; is any alive? */
static bool take(struct reader *reader, const struct row *row, int64_t del_ts_us,
                 enum store_kind kind, struct store_row *out) {
    struct arena *arena = &reader->scan->arena;
    bool any = cell_alive(reader, &row->marker, del_ts_us);
    for (size_t i = 0; i < reader->table->col_cnt; i++) {
        const struct store_col *col = &reader->table->col[i];
        if (col->kind != kind || col->id >= row->cell_cnt) continue;
        const struct cell *cell = &row->cell[col->id];
        if (!cell_alive(reader, cell, del_ts_us)) continue;
        ((struct str *)(uintptr_t)out->value)[i] = arena_str(arena, cell->value);
        ((int64_t *)(uintptr_t)out->ts_us)[i] = cell->ts_us;
        ((int32_t *)(uintptr_t)out->ttl_left_s)[i] =
            cell->ttl_s ? (int32_t)(cell->end_s - reader->now_s) : -1;
        any = true;
    }
    return any;
}

static void blank(struct reader *reader, const struct part *part, struct store_row *out) {
    const struct store_table *table = reader->table;
    struct arena *arena = &reader->scan->arena;
    struct str *value = arena_array(arena, struct str, table->col_cnt);
    int64_t *ts_us = arena_array(arena, int64_t, table->col_cnt);
    int32_t *left = arena_array(arena, int32_t, table->col_cnt);
    for (size_t i = 0; i < table->col_cnt; i++) {
        ts_us[i] = INT64_MIN;
        left[i] = -1;
    }
    for (size_t i = 0; i < table->pkey_cnt; i++)
        value[i] = arena_str(arena, part->pkey[i]);
    *out = (struct store_row){.value = value, .ts_us = ts_us, .ttl_left_s = left,
                              .token = part->token};
}

static void give(struct memscan *scan, const struct store_row *row) {
    scan->row = push(&scan->arena, scan->row, scan->cnt, sizeof *scan->row);
    scan->row[scan->cnt++] = *row;
}

static void read_part(struct reader *reader, const struct part *part,
                      const struct store_range *range) {
    const struct store_table *table = reader->table;
    struct store_write bounds = {.lo = range->lo, .hi = range->hi, .lo_open = range->lo_open,
                                 .hi_open = range->hi_open};
    struct store_row out;
    size_t before = reader->scan->cnt;
    for (size_t i = 0; i < part->row_cnt; i++) {
        const struct row *row = part->row[range->reverse ? part->row_cnt - 1 - i : i];
        if (!within(table, row->ckey, range->ckey_eq, range->ckey_eq_cnt, &bounds)) continue;
        int64_t del = MAX(part->del_ts_us, row->del_ts_us);
        for (size_t k = 0; k < part->gap_cnt; k++) {
            const struct gap *gap = &part->gap[k];
            if (within(table, row->ckey, gap->bounds.ckey, gap->bounds.ckey_cnt, &gap->bounds))
                del = MAX(del, gap->ts_us);
        }
        blank(reader, part, &out);
        if (!take(reader, row, del, STORE_REGULAR, &out)) continue;
        (void)take(reader, &part->fixed, part->del_ts_us, STORE_STATIC, &out);
        for (size_t k = 0; k < table->ckey_cnt; k++)
            ((struct str *)(uintptr_t)out.value)[table->pkey_cnt + k] =
                arena_str(&reader->scan->arena, row->ckey[k]);
        give(reader->scan, &out);
    }
    if (reader->scan->cnt > before || range->ckey_eq_cnt || range->lo.ptr || range->hi.ptr) return;
    blank(reader, part, &out);
    out.is_static = take(reader, &part->fixed, part->del_ts_us, STORE_STATIC, &out);
    if (out.is_static) give(reader->scan, &out);
}

/* A mark is the place in the scan and the row's keys, to be found again in a later scan. */
static void put_keys(const struct memscan *scan, const struct store_row *row, struct buf *out) {
    for (size_t i = 0; i < scan->pkey_cnt + scan->ckey_cnt; i++) {
        buf_i32(out, row->value[i].ptr ? (int32_t)row->value[i].len : -1);
        buf_puts(out, row->value[i]);
    }
}

static struct str mem_mark(struct store_scan *base, struct arena *arena) {
    struct memscan *scan = (struct memscan *)base;
    struct buf out;
    buf_init(&out, KEY_MAX);
    if (scan->at) put_keys(scan, &scan->row[scan->at - 1], &out);
    struct str mark = arena_str(arena, buf_str(&out));
    buf_fini(&out);
    return mark;
}

static int seek_mark(struct memscan *scan, struct str mark) {
    struct buf out;
    bool found = false;
    buf_init(&out, KEY_MAX);
    for (scan->at = 0; scan->at < scan->cnt && !found; scan->at++) {
        buf_reset(&out);
        put_keys(scan, &scan->row[scan->at], &out);
        found = str_eq(buf_str(&out), mark);
    }
    buf_fini(&out);
    return found ? 0 : err_fail(ERR_INVAL, "Invalid value for the paging state");
}

static void mem_scan_close(struct store_scan *base) {
    struct memscan *scan = (struct memscan *)base;
    arena_fini(&scan->arena);
    base_free(scan);
}

static int mem_scan_open(struct store *store, const struct store_table *table,
                         const struct store_range *range, struct str resume,
                         struct store_scan **out) {
    struct memstore *mem = (struct memstore *)store;
    struct memscan *scan = base_calloc(1, sizeof *scan);
    struct reader reader = {scan, table, env_now_us(store->env) / 1000000};
    scan->col_cnt = table->col_cnt;
    scan->pkey_cnt = table->pkey_cnt;
    scan->ckey_cnt = table->ckey_cnt;
    CHECK(pthread_mutex_lock(&mem->lock) == 0);
    if (range->pkey) {
        struct part *part = part_of(mem, table, range->pkey, false);
        if (part) read_part(&reader, part, range);
    } else {
        struct content *content = content_of(mem, table);
        for (size_t i = 0; i < content->part_cnt; i++) {
            int64_t token = content->part[i]->token;
            bool above = range->token_lo == INT64_MIN || token > range->token_lo;
            if (above && token <= range->token_hi) read_part(&reader, content->part[i], range);
        }
    }
    CHECK(pthread_mutex_unlock(&mem->lock) == 0);
    int err = resume.ptr ? seek_mark(scan, resume) : 0;
    if (err) mem_scan_close(&scan->base);
    else *out = &scan->base;
    return err;
}

static int mem_scan_next(struct store_scan *base, struct arena *arena, struct store_row *out,
                         bool *more) {
    struct memscan *scan = (struct memscan *)base;
    *more = scan->at < scan->cnt;
    if (!*more) return 0;
    *out = scan->row[scan->at++];
    int64_t *ts_us = arena_array(arena, int64_t, scan->col_cnt);
    int32_t *left = arena_array(arena, int32_t, scan->col_cnt);
    memcpy(ts_us, out->ts_us, scan->col_cnt * sizeof *ts_us);
    memcpy(left, out->ttl_left_s, scan->col_cnt * sizeof *left);
    out->value = copy_strs(arena, out->value, scan->col_cnt);
    out->ts_us = ts_us;
    out->ttl_left_s = left;
    return 0;
}

static int mem_size(struct store *store, const struct store_table *table, int64_t *bytes,
                    int64_t *rows) {
    struct memstore *mem = (struct memstore *)store;
    *rows = 0;
    CHECK(pthread_mutex_lock(&mem->lock) == 0);
    struct content *content = content_of(mem, table);
    for (size_t i = 0; i < content->part_cnt; i++)
        *rows += (int64_t)content->part[i]->row_cnt;
    CHECK(pthread_mutex_unlock(&mem->lock) == 0);
    *bytes = *rows * 100;
    return 0;
}

const struct store_ops memstore_ops = {
    .name = "mem",
    .caps = STORE_CAP_ATOMIC | STORE_CAP_SNAPSHOT | STORE_CAP_CLOCK | STORE_CAP_REBORN,
    .open = mem_open,
    .close = mem_close,
    .begin = mem_begin,
    .write = mem_write,
    .put_state = mem_put_state,
    .commit = mem_commit,
    .abort = mem_abort,
    .get_state = mem_get_state,
    .scan_open = mem_scan_open,
    .scan_next = mem_scan_next,
    .scan_mark = mem_mark,
    .scan_close = mem_scan_close,
    .size = mem_size,
};
