/* cass_scan.c - a SELECT with all columns, their write times and what is left of their lives.
 *
 * A mark, numbers big-endian:
 *
 *   pos   size  what
 *     0      4  CRC-32C of what the scan is about: table, range, order
 *     4  4+len  paging state of the page; -1: the first page
 *     -      2  keys: 0 (no row was given yet) or those of the last row
 *     -  4+len  each key; -1: null (a partition with nothing but its static row) */
#include "store/cassandra/cass_scan.h"

#include "base/crc.h"
#include "base/err.h"
#include "store/cassandra/cass_rows.h"
#include "store/cassandra/cass_text.h"
#include "store/storekey.h"
#include "wire/cql/cqlframe.h"
#include "wire/cql/cqltype.h"

#define TEXT_MAX  MIB
#define VALUE_MAX (64 * MIB)
#define WAIT_US   15000000 /* of a page */
#define READY_US  2000000  /* people look at it: that there is no node is said soon */
#define READY_EACH_US 50000

struct cass_scan {
    struct store_scan base;
    struct arena arena;      /* of the scan */
    struct arena page_arena; /* of the page */
    struct store_table table;
    struct cass_stmt *stmt;
    struct str values, state; /* what is bound; the paging state of the present page */
    struct str next;          /* of the next one; ptr NULL: there is none */
    struct store_range range; /* deep copy */
    struct cass_answer answer;
    struct cass_rows rows;
    struct str *last; /* the keys of the last row given */
    struct buf keys;  /* their bytes */
    bool any, skip;   /* a row was given; rows up to it are passed over */
    bool empty, begun;
    uint32_t about;
};

static struct cass_store *store_of(const struct cass_scan *scan) {
    return (struct cass_store *)scan->base.store;
}

static size_t key_cnt(const struct store_table *table) {
    return table->pkey_cnt + table->ckey_cnt;
}

/* Does CQL tell the write time of such a column? */
static bool timed(const struct store_col *col) {
    return (col->kind == STORE_STATIC || col->kind == STORE_REGULAR) &&
           !cqltype_is_multi(col->type) && col->type->kind != CQL_COUNTER;
}

/* ---- the statement --------------------------------------------------------------------------- */

struct query {
    struct buf text, values;
    size_t cnt;
};

static void bind(struct query *query, struct str value) {
    query->cnt++;
    buf_i32(&query->values, value.ptr ? (int32_t)value.len : -1);
    buf_puts(&query->values, value);
}

static void put_cond(struct query *query, struct str name, const char *op, struct str value) {
    buf_putz(&query->text, query->cnt ? " AND " : " WHERE ");
    cass_text_name(name, &query->text);
    buf_putz(&query->text, op);
    bind(query, value);
}

static void put_token(struct query *query, const struct store_table *table, const char *op,
                      int64_t token) {
    char bytes[8];
    for (int i = 0; i < 8; i++) bytes[i] = (char)((uint64_t)token >> (56 - 8 * i));
    buf_putz(&query->text, query->cnt ? " AND token(" : " WHERE token(");
    for (size_t i = 0; i < table->pkey_cnt; i++) {
        if (i) buf_putz(&query->text, ", ");
        cass_text_name(table->col[i].name, &query->text);
    }
    buf_putz(&query->text, op);
    bind(query, (struct str){bytes, sizeof bytes});
}

static void put_picks(const struct store_table *table, struct buf *out) {
    buf_putz(out, "SELECT ");
    for (size_t i = 0; i < table->col_cnt; i++) {
        if (i) buf_putz(out, ", ");
        cass_text_name(table->col[i].name, out);
        if (!timed(&table->col[i])) continue;
        buf_putz(out, ", WRITETIME(");
        cass_text_name(table->col[i].name, out);
        buf_putz(out, "), TTL(");
        cass_text_name(table->col[i].name, out);
        buf_putz(out, ")");
    }
    buf_putz(out, " FROM ");
    cass_text_table(table, out);
}

static void put_order(const struct store_table *table, struct buf *out) {
    for (size_t i = 0; i < table->ckey_cnt; i++) {
        const struct store_col *col = &table->col[table->pkey_cnt + i];
        buf_putz(out, i ? ", " : " ORDER BY ");
        cass_text_name(col->name, out);
        buf_putz(out, col->desc ? " ASC" : " DESC");
    }
}

static void put_query(const struct store_table *table, const struct store_range *range,
                      struct query *query) {
    const struct store_col *col = table->col;
    put_picks(table, &query->text);
    if (!range->pkey) {
        if (range->token_lo != INT64_MIN) put_token(query, table, ") > ?", range->token_lo);
        if (range->token_hi != INT64_MAX) put_token(query, table, ") <= ?", range->token_hi);
        return;
    }
    for (size_t i = 0; i < table->pkey_cnt; i++)
        put_cond(query, col[i].name, " = ?", range->pkey[i]);
    col += table->pkey_cnt;
    for (size_t i = 0; i < range->ckey_eq_cnt; i++)
        put_cond(query, col[i].name, " = ?", range->ckey_eq[i]);
    col += range->ckey_eq_cnt;
    if (range->lo.ptr) put_cond(query, col->name, range->lo_open ? " > ?" : " >= ?", range->lo);
    if (range->hi.ptr) put_cond(query, col->name, range->hi_open ? " < ?" : " <= ?", range->hi);
    if (range->reverse) put_order(table, &query->text);
}

static int make_statement(struct cass_scan *scan, struct cass_store *store) {
    struct query query = {.cnt = 0};
    buf_init(&query.text, TEXT_MAX);
    buf_init(&query.values, VALUE_MAX);
    buf_i16(&query.values, 0);
    put_query(&scan->table, &scan->range, &query);
    int err = query.text.full || query.values.full
                  ? err_fail(ERR_TOO_BIG, "a statement over %zu bytes", TEXT_MAX) : 0;
    if (!err) err = cass_stmt_get(store->stmts, buf_str(&query.text), &scan->stmt);
    if (!err) {
        query.values.ptr[0] = (char)(query.cnt >> 8);
        query.values.ptr[1] = (char)query.cnt;
        if (query.cnt) scan->values = arena_str(&scan->arena, buf_str(&query.values));
        scan->about = crc_32c(scan->table.id.byte, sizeof scan->table.id.byte);
        scan->about = crc_32c_more(scan->about, query.text.ptr, query.text.len);
        scan->about = crc_32c_more(scan->about, query.values.ptr, query.values.len);
    }
    buf_fini(&query.text);
    buf_fini(&query.values);
    return err;
}

/* ---- pages ----------------------------------------------------------------------------------- */

static int take_page(struct cass_call *call, const struct cass_answer *answer) {
    struct cass_scan *scan = call->arg;
    scan->answer = *answer;
    scan->answer.body = arena_str(&scan->page_arena, answer->body);
    return 0;
}

/* The page that begins at `state`. */
static int load_page(struct cass_scan *scan, struct str state) {
    struct cass_store *store = store_of(scan);
    struct buf frame;
    struct arena old = scan->page_arena; /* `state` lives there */
    struct cqlframe head = {.version = cass_cluster_version(store->cluster),
                            .opcode = CQLFRAME_EXECUTE};
    struct cqlask_params params = {.consistency = store->read_level, .values = scan->values,
                                   .page_size = CASS_SCAN_PAGE, .paging_state = state};
    struct cass_call call = {.take = take_page, .arg = scan, .routed = scan->range.pkey != NULL};
    if (call.routed) call.token = storekey_token(&scan->table, scan->range.pkey);
    arena_init(&scan->page_arena);
    buf_init(&frame, 2 * VALUE_MAX);
    size_t pos = cqlframe_begin(&frame, &head);
    cqlask_execute(&frame, head.version, &scan->stmt->id, &params);
    cqlframe_end(&frame, pos, CQLFRAME_PLAIN);
    call.req.frame = buf_str(&frame);
    int err = cass_call_run(store->cluster, &call, 1, WAIT_US);
    buf_fini(&frame);
    scan->state = state.ptr ? arena_str(&scan->page_arena, state) : STR_NULL;
    arena_fini(&old);
    if (!err) err = cass_rows_open(&scan->rows, &scan->answer, &scan->page_arena);
    if (err) return err;
    scan->next = scan->rows.rows.paging_state;
    scan->begun = true;
    size_t cells = scan->table.col_cnt;
    for (size_t i = 0; i < scan->table.col_cnt; i++) cells += 2 * timed(&scan->table.col[i]);
    return scan->rows.rows.col_cnt == cells
               ? 0 : err_fail(ERR_CORRUPT, "a server's rows have %zu columns, not %zu",
                              scan->rows.rows.col_cnt, cells);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static int64_t number(struct str bytes, int64_t none) {
    struct rbuf in = rbuf_of_str(bytes);
    if (bytes.len == 8) return rbuf_i64(&in);
    return bytes.len == 4 ? rbuf_i32(&in) : none;
}

/* The present row, borrowed from the page but for the arrays. */
static int make_row(struct cass_scan *scan, struct arena *arena, struct store_row *out) {
    const struct store_table *table = &scan->table;
    struct str *value = arena_array(arena, struct str, table->col_cnt);
    int64_t *ts_us = arena_array(arena, int64_t, table->col_cnt);
    int32_t *left = arena_array(arena, int32_t, table->col_cnt);
    const struct str *cell = scan->rows.cell;
    for (size_t i = 0; i < table->col_cnt; i++) {
        bool is_timed = timed(&table->col[i]);
        value[i] = *cell++;
        int err = cqltype_validate(table->col[i].type, value[i]);
        if (err) return err_add(err, "column %.*s", STR_ARG(table->col[i].name));
        ts_us[i] = is_timed ? number(*cell++, INT64_MIN) : INT64_MIN;
        left[i] = is_timed ? (int32_t)number(*cell++, -1) : -1;
    }
    *out = (struct store_row){.value = value, .ts_us = ts_us, .ttl_left_s = left};
    for (size_t i = 0; i < table->pkey_cnt; i++)
        if (!value[i].ptr) return err_fail(ERR_CORRUPT, "a server gave a row without its key");
    out->token = storekey_token(table, value);
    out->is_static = table->ckey_cnt && !value[table->pkey_cnt].ptr;
    return 0;
}

static int cmp_pkey(const struct store_table *table, const struct str *a, const struct str *b) {
    int64_t x = storekey_token(table, a), y = storekey_token(table, b);
    if (x != y) return x < y ? -1 : 1;
    struct buf p, q;
    buf_init(&p, VALUE_MAX);
    buf_init(&q, VALUE_MAX);
    storekey_join(table, a, &p);
    storekey_join(table, b, &q);
    int cmp = str_cmp(buf_str(&p), buf_str(&q));
    buf_fini(&p);
    buf_fini(&q);
    return cmp;
}

/* Is the row behind the one that was given last, in the scan's order? */
static bool behind(const struct cass_scan *scan, const struct store_row *row) {
    const struct store_table *table = &scan->table;
    int cmp = cmp_pkey(table, row->value, scan->last);
    for (size_t i = table->pkey_cnt; i < key_cnt(table) && !cmp; i++) {
        struct str a = row->value[i], b = scan->last[i];
        if (!a.ptr || !b.ptr) return a.ptr != NULL; /* the static row stands first */
        cmp = cqltype_compare(table->col[i].type, a, b);
        if (table->col[i].desc != scan->range.reverse) cmp = -cmp;
    }
    return cmp > 0;
}

static void note_last(struct cass_scan *scan, const struct store_row *row) {
    size_t pos = 0, cnt = key_cnt(&scan->table);
    buf_reset(&scan->keys);
    for (size_t i = 0; i < cnt; i++) buf_puts(&scan->keys, row->value[i]);
    for (size_t i = 0; i < cnt; i++) {
        scan->last[i] = row->value[i].ptr
                            ? (struct str){scan->keys.len ? scan->keys.ptr + pos : "",
                                           row->value[i].len}
                            : STR_NULL;
        pos += row->value[i].len;
    }
    scan->any = true;
}

int cass_scan_next(struct store_scan *base, struct arena *arena, struct store_row *out,
                   bool *more) {
    struct cass_scan *scan = (struct cass_scan *)base;
    int err = 0;
    *more = false;
    if (scan->empty) return 0;
    if (!scan->begun && (err = load_page(scan, scan->state))) return err;
    for (;;) {
        while (!cass_rows_next(&scan->rows, &err)) {
            if (err || !scan->next.ptr) return err;
            if ((err = load_page(scan, scan->next))) return err;
        }
        if ((err = make_row(scan, arena, out))) return err;
        if (scan->skip && !behind(scan, out)) continue;
        break;
    }
    scan->skip = false;
    note_last(scan, out);
    struct str *value = (struct str *)(uintptr_t)out->value;
    for (size_t i = 0; i < scan->table.col_cnt; i++)
        if (value[i].ptr) value[i] = arena_str(arena, value[i]);
    *more = true;
    return 0;
}

/* ---- marks ----------------------------------------------------------------------------------- */

static void put_bytes(struct buf *out, struct str bytes) {
    buf_i32(out, bytes.ptr ? (int32_t)bytes.len : -1);
    buf_puts(out, bytes);
}

struct str cass_scan_mark(struct store_scan *base, struct arena *arena) {
    const struct cass_scan *scan = (const struct cass_scan *)base;
    size_t cnt = scan->any ? key_cnt(&scan->table) : 0;
    struct buf out;
    buf_init(&out, VALUE_MAX);
    buf_i32(&out, (int32_t)scan->about);
    put_bytes(&out, scan->state);
    buf_i16(&out, (int16_t)cnt);
    for (size_t i = 0; i < cnt; i++) put_bytes(&out, scan->last[i]);
    struct str mark = arena_str(arena, buf_str(&out));
    buf_fini(&out);
    return mark;
}

static struct str get_bytes(struct rbuf *in) {
    int32_t len = rbuf_i32(in);
    if (len < 0) return STR_NULL;
    struct str bytes = rbuf_bytes(in, rbuf_count(in, len, 1));
    return bytes.ptr ? bytes : STR("");
}

static int seek(struct cass_scan *scan, struct str mark) {
    struct rbuf in = rbuf_of_str(arena_str(&scan->arena, mark));
    uint32_t about = rbuf_u32(&in);
    struct str state = get_bytes(&in);
    size_t cnt = rbuf_u16(&in);
    bool fine = about == scan->about && (!cnt || cnt == key_cnt(&scan->table));
    for (size_t i = 0; i < cnt && fine; i++) {
        scan->last[i] = get_bytes(&in);
        const struct cqltype *type = scan->table.col[i].type;
        fine = !in.bad && !cqltype_validate(type, scan->last[i]) &&
               (i >= scan->table.pkey_cnt || scan->last[i].ptr);
    }
    if (!fine || !rbuf_done(&in)) return err_fail(ERR_INVAL, "Invalid value for the paging state");
    scan->skip = scan->any = cnt > 0;
    if (state.ptr) scan->state = arena_str(&scan->page_arena, state);
    return 0;
}

/* ---- open and close -------------------------------------------------------------------------- */

static const struct str *copy_strs(struct arena *arena, const struct str *from, size_t cnt) {
    struct str *out = arena_array(arena, struct str, cnt + 1);
    for (size_t i = 0; i < cnt; i++) out[i] = arena_str(arena, from[i]);
    return out;
}

static void copy_range(struct cass_scan *scan, const struct store_range *range) {
    struct arena *arena = &scan->arena;
    scan->range = *range;
    if (range->pkey) scan->range.pkey = copy_strs(arena, range->pkey, scan->table.pkey_cnt);
    scan->range.ckey_eq = copy_strs(arena, range->ckey_eq, range->ckey_eq_cnt);
    if (range->lo.ptr) scan->range.lo = arena_str(arena, range->lo);
    if (range->hi.ptr) scan->range.hi = arena_str(arena, range->hi);
    if (!scan->table.ckey_cnt) scan->range.reverse = false;
}

static void copy_table(struct cass_scan *scan, const struct store_table *table) {
    scan->table = *table;
    scan->table.keyspace = arena_str(&scan->arena, table->keyspace);
    scan->table.name = arena_str(&scan->arena, table->name);
    scan->table.col = arena_array(&scan->arena, struct store_col, table->col_cnt);
    for (size_t i = 0; i < table->col_cnt; i++) {
        scan->table.col[i] = table->col[i];
        scan->table.col[i].name = arena_str(&scan->arena, table->col[i].name);
        scan->table.col[i].type = cqltype_copy(&scan->arena, table->col[i].type);
    }
}

/* lo after hi: Cassandra takes a range of values that is empty for a mistake. */
static bool is_empty(const struct cass_scan *scan) {
    const struct store_range *range = &scan->range;
    if (!range->pkey) return range->token_lo >= range->token_hi;
    if (!range->lo.ptr || !range->hi.ptr) return false;
    const struct store_col *col = &scan->table.col[scan->table.pkey_cnt + range->ckey_eq_cnt];
    int cmp = cqltype_compare(col->type, range->lo, range->hi);
    return cmp > 0 || (cmp == 0 && (range->lo_open || range->hi_open));
}

static int wait_ready(struct cass_store *store) {
    for (int64_t us = 0; us < READY_US; us += READY_EACH_US) {
        if (cass_cluster_ready(store->cluster)) return 0;
        env_sleep_us(store->base.env, READY_EACH_US);
    }
    return err_fail(ERR_NET, "no node of Cassandra is connected");
}

int cass_scan_open(struct store *store, const struct store_table *table,
                   const struct store_range *range, struct str resume, struct store_scan **out) {
    int err = cass_store_born((struct cass_store *)store);
    if (!err) err = wait_ready((struct cass_store *)store);
    if (err) return err;
    struct cass_scan *scan = base_calloc(1, sizeof *scan);
    scan->base.store = store;
    copy_table(scan, table);
    copy_range(scan, range);
    scan->last = arena_array(&scan->arena, struct str, key_cnt(table) + 1);
    buf_init(&scan->keys, VALUE_MAX);
    scan->empty = is_empty(scan);
    err = make_statement(scan, (struct cass_store *)store);
    if (!err && resume.ptr) err = seek(scan, resume);
    if (err) cass_scan_close(&scan->base);
    else *out = &scan->base;
    return err;
}

void cass_scan_close(struct store_scan *base) {
    struct cass_scan *scan = (struct cass_scan *)base;
    cass_stmt_put(store_of(scan)->stmts, scan->stmt);
    arena_fini(&scan->arena);
    arena_fini(&scan->page_arena);
    buf_fini(&scan->keys);
    base_free(scan);
}
