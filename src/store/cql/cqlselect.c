/* cqlselect.c - SELECT: rows of keys, spans or token ranges, tested, grouped, paged.
 *
 * A row comes from the store's scan (or a virtual table's list), passes the tests nothing else has
 * seen to, is counted against the limits and written out. The paging state says where that stopped:
 *
 *   size  what
 *      1  version, 1
 *      4  index of the partition key, of the span
 *      4
 *      8  rows that LIMIT still allows; -1: no limit
 *      4  rows given out of the present partition (for PER PARTITION LIMIT)
 *      4  length of the present partition's key, then the key
 *    var  the scan's mark; a virtual table: the row's number in 4 bytes */
#include "base/err.h"
#include "store/cql/cqlplan.h"
#include "store/cql/cqlwhere.h"
#include "wire/cql/cqltext.h"

#include <stdlib.h>

#define STATE_VERSION 1
#define STATE_MAX     (8 * MIB)
#define SORT_MAX      1000000 /* rows sorted in memory */

/* ---- planning ------------------------------------------------------------------------------- */

static int plan_distinct(const struct cqlplan *plan) {
    const struct store_table *table = plan->table;
    for (size_t i = 0; i < plan->pick.cnt; i++) {
        const struct cqlpicked *pick = plan->pick.pick[i];
        if (pick->of->kind != CQLPICK_COL) continue;
        const struct store_col *col = &table->col[pick->col];
        if (col->kind != STORE_PKEY && col->kind != STORE_STATIC)
            return err_fail(ERR_INVAL, "SELECT DISTINCT queries must only request partition key "
                            "columns and/or static columns (not %.*s)", STR_ARG(col->name));
    }
    return 0;
}

static int plan_group(struct cqlplan *plan) {
    const struct cqlast *ast = plan->ast;
    const struct store_table *table = plan->table;
    int last = -1;
    plan->group = arena_array(&plan->arena, uint16_t, ast->group_cnt + 1u);
    for (size_t i = 0; i < ast->group_cnt; i++) {
        int at = cqlwhere_find(table, ast->group[i]);
        if (at < 0) return cqlwhere_undefined(table, ast->group[i]);
        if (table->col[at].kind > STORE_CKEY)
            return err_fail(ERR_INVAL, "Group by is currently only supported on the columns of the "
                            "PRIMARY KEY, got %.*s", STR_ARG(ast->group[i]));
        if (at <= last)
            return err_fail(ERR_INVAL, "Group by currently only support groups of columns "
                            "following their declared order in the PRIMARY KEY");
        last = at;
        plan->group[i] = (uint16_t)at;
    }
    return 0;
}

static int plan_order(struct cqlplan *plan, const struct cqlwhere *where) {
    const struct cqlast *ast = plan->ast;
    const struct store_table *table = plan->table;
    if (ast->order_cnt && !where->by_key)
        return err_fail(ERR_INVAL, "ORDER BY is only supported when the partition key is "
                        "restricted by an EQ or an IN.");
    size_t next = table->pkey_cnt;
    for (size_t i = 0; i < ast->order_cnt; i++) {
        int at = cqlwhere_find(table, ast->order[i]);
        if (at < 0) return cqlwhere_undefined(table, ast->order[i]);
        const struct store_col *col = &table->col[at];
        if (col->kind != STORE_CKEY)
            return err_fail(ERR_INVAL, "Order by is currently only supported on the clustered "
                            "columns of the PRIMARY KEY, got %.*s", STR_ARG(col->name));
        bool reverse = ast->order_desc[i] != col->desc;
        for (; next < (size_t)at; next++) { /* columns fixed by = may be left out */
            bool fixed = where->span_cnt && next - table->pkey_cnt < where->span[0].eq_cnt;
            if (!fixed)
                return err_fail(ERR_INVAL, "Order by currently only supports the ordering of "
                                "columns following their declared order in the PRIMARY KEY");
        }
        if (i && reverse != plan->reverse)
            return err_fail(ERR_INVAL, "Unsupported order by relation");
        plan->reverse = reverse;
        next = (size_t)at + 1;
    }
    return 0;
}

static void plan_columns(struct cqlplan *plan) {
    const struct store_table *table = plan->table;
    plan->col_cnt = plan->ast->json ? 1 : plan->pick.cnt;
    struct cqlexec_col *col = arena_array(&plan->arena, struct cqlexec_col, plan->col_cnt + 1);
    for (size_t i = 0; i < plan->col_cnt; i++)
        col[i] = (struct cqlexec_col){table->keyspace, table->name, plan->pick.pick[i]->name,
                                      plan->pick.pick[i]->type};
    if (plan->ast->json) {
        col[0].name = STR("[json]");
        col[0].type = cqltype_scalar(CQL_TEXT);
    }
    plan->col = col;
    cqlplan_columns_id(col, plan->col_cnt, plan->meta_id);
}

int cqlselect_plan(struct cqlplan *plan, const struct cqlterm_env *env) {
    const struct cqlast *ast = plan->ast;
    struct cqlwhere where;
    int64_t limit;
    bool set;
    int err = cqlpick_make(env, plan->table, ast->pick, ast->pick_cnt, &plan->pick);
    if (err || (ast->distinct && (err = plan_distinct(plan)))) return err;
    plan->aggregates = plan->pick.agg_cnt || ast->group_cnt;
    err = cqlwhere_make(env, plan->table, ast->where, ast->where_cnt, CQLWHERE_SELECT, &where);
    if (err || (err = plan_group(plan)) || (err = plan_order(plan, &where))) return err;
    if (!plan->is_virtual && (err = cqlwhere_check_select(&where, ast->filtering))) return err;
    if ((err = cqlterm_int(env, ast->limit, "[limit]", false, &limit, &set))) return err;
    err = cqlterm_int(env, ast->part_limit, "[per_partition_limit]", false, &limit, &set);
    plan_columns(plan);
    return err;
}

/* ---- one run -------------------------------------------------------------------------------- */

struct sorted {
    struct str *key; /* clustering values */
    struct str row;  /* as it will be written */
};
struct select {
    struct cqlrun *run;
    const struct cqlplan *plan;
    const struct store_table *table;
    struct cqlwhere where;
    struct cqlterm_env env; /* with the arena of one row */
    struct arena row_arena;
    int64_t limit, part_limit; /* -1: none */
    int64_t page;              /* rows the page still takes; -1: no paging */
    uint32_t key_idx, span_idx;
    int32_t part_rows;         /* given out of the partition */
    struct buf part;           /* its key in one piece */
    bool in_part, done;
    struct str mark;           /* where this page begins; ptr NULL: at the start of the span */
    struct str stop;           /* where it ended */
    struct cqlpick_sum *sum;
    bool in_group;
    struct buf group_key;        /* of the group */
    struct store_row first_row;
    struct arena group_arena;
    struct sorted *sort;
    size_t sort_cnt, sort_cap;
    bool sorting;
};

static int put_values(struct select *sel, const struct store_row *row, struct buf *out) {
    const struct cqlpick_set *set = &sel->plan->pick;
    for (size_t i = 0; i < set->cnt; i++) {
        const struct cqlpicked *pick = set->pick[i];
        struct str value;
        if (pick->of->kind == CQLPICK_COL) { /* what nearly all are */
            value = row ? row->value[pick->col] : STR_NULL;
        } else {
            int err = cqlpick_eval(&sel->env, pick, row, sel->sum, &value);
            if (err) return err;
        }
        buf_i32(out, value.ptr ? (int32_t)value.len : -1);
        if (value.ptr) buf_puts(out, value);
    }
    return 0;
}

static int put_json(struct select *sel, const struct store_row *row, struct buf *out) {
    const struct cqlpick_set *set = &sel->plan->pick;
    size_t pos = out->len;
    buf_i32(out, 0);
    buf_putc(out, '{');
    for (size_t i = 0; i < set->cnt; i++) {
        struct str value, name = set->pick[i]->name;
        int err = cqlpick_eval(&sel->env, set->pick[i], row, sel->sum, &value);
        if (err) return err;
        bool lower = true;
        for (size_t k = 0; k < name.len; k++)
            lower &= !(name.ptr[k] >= 'A' && name.ptr[k] <= 'Z');
        if (!lower) name = arena_printf(&sel->row_arena, "\"%.*s\"", STR_ARG(name));
        if (i) buf_putz(out, ", ");
        buf_json(out, name);
        buf_putz(out, ": ");
        cqltext_json(set->pick[i]->type, value, out);
    }
    buf_putc(out, '}');
    if (!out->full) buf_set_i32(out, pos, (int32_t)(out->len - pos - 4));
    return 0;
}

static int put_row(struct select *sel, const struct store_row *row) {
    struct buf *out = sel->run->rows;
    int err = sel->plan->ast->json ? put_json(sel, row, out) : put_values(sel, row, out);
    if (err) return err;
    if (out->full)
        return err_fail(ERR_TOO_BIG, "the result is over %zu bytes: ask for smaller pages",
                        out->max);
    sel->run->result->row_cnt++;
    return 0;
}

/* ---- groups --------------------------------------------------------------------------------- */

static void reset_sums(struct select *sel) {
    for (size_t i = 0; i < sel->plan->pick.agg_cnt; i++) {
        sel->sum[i].cnt = 0;
        buf_reset(&sel->sum[i].value);
    }
}

/* Gives the group out, if there is one. */
static int end_group(struct select *sel) {
    if (!sel->in_group) return 0;
    sel->in_group = false;
    if (sel->limit == 0) return 0;
    if (sel->limit > 0) sel->limit--;
    return put_row(sel, &sel->first_row);
}

static void keep_first(struct select *sel, const struct store_row *row) {
    size_t cnt = sel->table->col_cnt;
    struct arena *arena = &sel->group_arena;
    arena_reset(arena);
    struct str *value = arena_array(arena, struct str, cnt);
    int64_t *ts_us = arena_array(arena, int64_t, cnt);
    int32_t *left = arena_array(arena, int32_t, cnt);
    for (size_t i = 0; i < cnt; i++)
        if (row->value[i].ptr) value[i] = arena_str(arena, row->value[i]);
    memcpy(ts_us, row->ts_us, cnt * sizeof *ts_us);
    memcpy(left, row->ttl_left_s, cnt * sizeof *left);
    sel->first_row = (struct store_row){value, ts_us, left, row->token, row->is_static};
}

static int add_to_group(struct select *sel, const struct store_row *row) {
    const struct cqlast *ast = sel->plan->ast;
    struct buf key;
    int err = 0;
    buf_init(&key, STATE_MAX);
    for (size_t i = 0; i < ast->group_cnt; i++) {
        struct str value = row->value[sel->plan->group[i]];
        buf_i32(&key, value.ptr ? (int32_t)value.len : -1);
        buf_puts(&key, value);
    }
    bool same = sel->in_group && str_eq(buf_str(&key), buf_str(&sel->group_key));
    if (!same) {
        err = end_group(sel);
        reset_sums(sel);
        buf_reset(&sel->group_key);
        buf_puts(&sel->group_key, buf_str(&key));
        keep_first(sel, row);
        sel->in_group = true;
    }
    buf_fini(&key);
    return err ? err : cqlpick_add(&sel->env, &sel->plan->pick, row, sel->sum);
}

/* ---- sorting over several partitions -------------------------------------------------------- */

static int keep_for_sort(struct select *sel, const struct store_row *row) {
    struct arena *arena = sel->run->arena;
    struct buf text;
    if (sel->sort_cnt == SORT_MAX)
        return err_fail(ERR_TOO_BIG, "ORDER BY with IN over more than %d rows", SORT_MAX);
    if (sel->sort_cnt == sel->sort_cap) {
        sel->sort_cap = sel->sort_cap ? 2 * sel->sort_cap : 64;
        struct sorted *grown = arena_array(arena, struct sorted, sel->sort_cap);
        if (sel->sort_cnt) memcpy(grown, sel->sort, sel->sort_cnt * sizeof *grown);
        sel->sort = grown;
    }
    buf_init(&text, 256 * MIB);
    int err = sel->plan->ast->json ? put_json(sel, row, &text) : put_values(sel, row, &text);
    struct sorted *it = &sel->sort[sel->sort_cnt++];
    it->row = arena_str(arena, buf_str(&text));
    it->key = arena_array(arena, struct str, sel->table->ckey_cnt + 1);
    for (size_t i = 0; i < sel->table->ckey_cnt; i++) {
        struct str value = row->value[sel->table->pkey_cnt + i];
        it->key[i] = value.ptr ? arena_str(arena, value) : STR("");
    }
    buf_fini(&text);
    return err;
}

static int by_ckey(const void *a, const void *b, void *arg) {
    const struct sorted *x = a, *y = b;
    const struct select *sel = arg;
    const struct store_table *table = sel->table;
    for (size_t i = 0; i < table->ckey_cnt; i++) {
        const struct store_col *col = &table->col[table->pkey_cnt + i];
        int cmp = cqltype_compare(col->type, x->key[i], y->key[i]);
        if (cmp) return col->desc != sel->plan->reverse ? -cmp : cmp;
    }
    return 0;
}

static int give_sorted(struct select *sel) {
    qsort_r(sel->sort, sel->sort_cnt, sizeof *sel->sort, by_ckey, sel);
    for (size_t i = 0; i < sel->sort_cnt && sel->limit != 0; i++) {
        buf_puts(sel->run->rows, sel->sort[i].row);
        sel->run->result->row_cnt++;
        if (sel->limit > 0) sel->limit--;
    }
    return sel->run->rows->full ? err_fail(ERR_TOO_BIG, "the result is too long") : 0;
}

/* ---- one row -------------------------------------------------------------------------------- */

/* Has the row begun another partition than the one before? Notes it. */
static void note_partition(struct select *sel, const struct store_row *row) {
    struct buf key;
    buf_init(&key, STATE_MAX);
    for (size_t i = 0; i < sel->table->pkey_cnt; i++) {
        buf_i32(&key, (int32_t)row->value[i].len);
        buf_puts(&key, row->value[i]);
    }
    if (!sel->in_part || !str_eq(buf_str(&key), buf_str(&sel->part))) {
        buf_reset(&sel->part);
        buf_puts(&sel->part, buf_str(&key));
        sel->part_rows = 0;
        sel->in_part = true;
    }
    buf_fini(&key);
}

/* Takes a row of the table; *given: it went into the page. */
static int take_row(struct select *sel, const struct store_row *row, bool *given) {
    const struct cqlast *ast = sel->plan->ast;
    *given = false;
    if (!cqlwhere_match(&sel->where, row, sel->plan->is_virtual)) return 0;
    if (ast->distinct || sel->part_limit >= 0) {
        note_partition(sel, row);
        if (ast->distinct && sel->part_rows) return 0;
        if (sel->part_limit >= 0 && sel->part_rows >= sel->part_limit) return 0;
        sel->part_rows++;
    }
    if (sel->plan->aggregates) return add_to_group(sel, row);
    if (sel->sorting) return keep_for_sort(sel, row);
    int err = put_row(sel, row);
    *given = !err;
    if (sel->limit > 0) sel->limit--;
    if (sel->page > 0) sel->page--;
    return err;
}

static bool is_over(const struct select *sel) {
    if (sel->plan->aggregates) return sel->limit == 0;
    return !sel->sorting && (sel->limit == 0 || sel->page == 0);
}

/* ---- from the store ------------------------------------------------------------------------- */

/* One span of one partition, or the token range; sel->stop when the page ended in it. */
static int read_range(struct select *sel, const struct store_range *range) {
    struct store_scan *scan;
    struct store_row row;
    bool more = true, given;
    int err = store_scan_open(sel->run->exec->store, sel->table, range, sel->mark, &scan);
    if (err) return err;
    while (!err && more && !is_over(sel)) {
        arena_reset(&sel->row_arena);
        err = store_scan_next(scan, &sel->row_arena, &row, &more);
        if (!err && more) err = take_row(sel, &row, &given);
    }
    if (!err && more && sel->page == 0) sel->stop = store_scan_mark(scan, sel->run->arena);
    store_scan_close(scan);
    sel->mark = STR_NULL;
    return err;
}

static int read_keys(struct select *sel) {
    const struct cqlwhere *where = &sel->where;
    int err = 0;
    for (; sel->key_idx < where->pkey_cnt && !err; sel->key_idx++, sel->span_idx = 0) {
        for (; sel->span_idx < where->span_cnt && !err; sel->span_idx++) {
            size_t at = sel->plan->reverse ? where->span_cnt - 1 - sel->span_idx : sel->span_idx;
            const struct cqlwhere_span *span = &where->span[at];
            struct store_range range = {
                .pkey = where->pkey[sel->key_idx], .ckey_eq = span->eq,
                .ckey_eq_cnt = span->eq_cnt, .lo = span->lo, .hi = span->hi,
                .lo_open = span->lo_open, .hi_open = span->hi_open,
                .reverse = sel->plan->reverse};
            if (is_over(sel)) return 0;
            err = read_range(sel, &range);
            if (err || sel->stop.ptr || sel->limit == 0) return err;
        }
    }
    sel->done = !err;
    return err;
}

static int read_tokens(struct select *sel) {
    struct store_range range = {.token_lo = sel->where.token_lo, .token_hi = sel->where.token_hi};
    if (range.token_lo < range.token_hi) {
        int err = read_range(sel, &range);
        if (err) return err;
    }
    sel->done = !sel->stop.ptr;
    return 0;
}

/* ---- from a virtual table ------------------------------------------------------------------- */

struct listing {
    struct select *sel;
    const struct str **row;
    int64_t *token;
    uint32_t *order;
    size_t cnt, cap;
};

static int list_row(void *arg, const struct str *value) {
    struct listing *list = arg;
    struct arena *arena = list->sel->run->arena;
    const struct store_table *table = list->sel->table;
    if (list->cnt == list->cap) {
        size_t cap = list->cap ? 2 * list->cap : 64;
        const struct str **row = arena_array(arena, const struct str *, cap);
        if (list->cnt) memcpy(row, list->row, list->cnt * sizeof *row);
        list->row = row;
        list->cap = cap;
    }
    if (list->cnt == SORT_MAX) return err_fail(ERR_TOO_BIG, "a virtual table has too many rows");
    struct str *copy = arena_array(arena, struct str, table->col_cnt);
    memcpy(copy, value, table->col_cnt * sizeof *copy);
    list->row[list->cnt++] = copy;
    return 0;
}

/* By token, partition key, clustering key. */
static int by_place(const void *a, const void *b, void *arg) {
    const struct listing *list = arg;
    const struct store_table *table = list->sel->table;
    uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
    if (list->token[i] != list->token[k]) return list->token[i] < list->token[k] ? -1 : 1;
    for (size_t c = 0; c < table->pkey_cnt + table->ckey_cnt; c++) {
        int cmp = cqltype_compare(table->col[c].type, list->row[i][c], list->row[k][c]);
        bool flip = c >= table->pkey_cnt && table->col[c].desc != list->sel->plan->reverse;
        if (cmp) return flip ? -cmp : cmp;
    }
    return 0;
}

static void sort_listing(struct listing *list) {
    struct arena *arena = list->sel->run->arena;
    list->token = arena_array(arena, int64_t, list->cnt + 1);
    list->order = arena_array(arena, uint32_t, list->cnt + 1);
    for (size_t i = 0; i < list->cnt; i++) {
        list->token[i] = store_token(list->sel->table, list->row[i]);
        list->order[i] = (uint32_t)i;
    }
    qsort_r(list->order, list->cnt, sizeof *list->order, by_place, list);
}

static int read_virtual(struct select *sel) {
    const struct cqlexec_virtual *virt = sel->run->exec->virt;
    struct listing list = {.sel = sel};
    struct rbuf mark = rbuf_of_str(sel->mark);
    size_t at = sel->mark.ptr ? rbuf_u32(&mark) : 0, cnt = sel->table->col_cnt;
    int64_t *ts_us = arena_array(sel->run->arena, int64_t, cnt);
    int32_t *left = arena_array(sel->run->arena, int32_t, cnt);
    bool given;
    int err = virt->rows(virt->self, sel->table, sel->run->arena, list_row, &list);
    if (err) return err;
    sort_listing(&list);
    memset(left, -1, cnt * sizeof *left);
    for (; at < list.cnt && !err && !is_over(sel); at++) {
        uint32_t i = list.order[at];
        struct store_row row = {list.row[i], ts_us, left, list.token[i], false};
        arena_reset(&sel->row_arena);
        err = take_row(sel, &row, &given);
    }
    sel->done = at >= list.cnt;
    if (!sel->done) {
        char *bytes = arena_bytes(sel->run->arena, 4);
        for (int i = 0; i < 4; i++)
            bytes[i] = (char)(at >> (24 - 8 * i));
        sel->stop = (struct str){bytes, 4};
    }
    return err;
}

/* ---- paging state --------------------------------------------------------------------------- */

static struct str put_state(struct select *sel) {
    struct buf out;
    buf_init(&out, STATE_MAX);
    buf_i8(&out, STATE_VERSION);
    buf_i32(&out, (int32_t)sel->key_idx);
    buf_i32(&out, (int32_t)sel->span_idx);
    buf_i64(&out, sel->limit);
    buf_i32(&out, sel->part_rows);
    buf_i32(&out, sel->in_part ? (int32_t)sel->part.len : -1);
    if (sel->in_part) buf_puts(&out, buf_str(&sel->part));
    buf_puts(&out, sel->stop);
    struct str state = arena_str(sel->run->arena, buf_str(&out));
    buf_fini(&out);
    return state;
}

static int get_state(struct select *sel, struct str state) {
    struct rbuf in = rbuf_of_str(state);
    uint8_t version = rbuf_u8(&in);
    sel->key_idx = rbuf_u32(&in);
    sel->span_idx = rbuf_u32(&in);
    int64_t limit = rbuf_i64(&in);
    sel->part_rows = rbuf_i32(&in);
    int32_t len = rbuf_i32(&in);
    sel->in_part = len >= 0;
    if (len > 0) buf_puts(&sel->part, rbuf_bytes(&in, (size_t)len));
    sel->mark = rbuf_bytes(&in, rbuf_left(&in));
    bool fine = !in.bad && version == STATE_VERSION && limit >= -1 && sel->mark.len > 0;
    if (fine && sel->where.by_key && !sel->plan->is_virtual)
        fine = sel->key_idx < sel->where.pkey_cnt && sel->span_idx < sel->where.span_cnt;
    if (!fine) return err_fail(ERR_INVAL, "Invalid value for the paging state");
    if (sel->limit >= 0) sel->limit = MIN(sel->limit, limit);
    return 0;
}

/* ---- the door ------------------------------------------------------------------------------- */

static int limit_of(struct select *sel, const struct cqlterm *term, const char *name,
                    const char *word, int64_t *out) {
    int64_t limit;
    bool set;
    *out = -1;
    int err = cqlterm_int(&sel->run->env, term, name, false, &limit, &set);
    if (err || !set) return err;
    if (limit <= 0) return err_fail(ERR_INVAL, "%s must be strictly positive", word);
    *out = limit;
    return 0;
}

static int start(struct select *sel) {
    struct cqlrun *run = sel->run;
    const struct cqlast *ast = sel->plan->ast;
    int err = cqlwhere_make(&run->env, sel->table, ast->where, ast->where_cnt, CQLWHERE_SELECT,
                            &sel->where);
    if (err || (err = limit_of(sel, ast->limit, "[limit]", "LIMIT", &sel->limit))) return err;
    err = limit_of(sel, ast->part_limit, "[per_partition_limit]", "PER PARTITION LIMIT",
                   &sel->part_limit);
    if (err) return err;
    bool paged = run->request->page_size > 0 && !sel->plan->aggregates;
    sel->page = paged ? run->request->page_size : -1;
    sel->sorting = ast->order_cnt && sel->where.pkey_cnt > 1 && !sel->plan->is_virtual;
    if (sel->sorting && paged)
        return err_fail(ERR_INVAL, "Cannot page queries with both ORDER BY and a IN restriction on "
                        "the partition key; you must either remove the ORDER BY or the IN and sort "
                        "client side, or disable paging for this query");
    sel->sum = arena_array(run->arena, struct cqlpick_sum, sel->plan->pick.agg_cnt + 1);
    for (size_t i = 0; i < sel->plan->pick.agg_cnt; i++)
        cqlpick_sum_init(&sel->sum[i]);
    bool resume = run->request->paging_state.ptr && paged;
    return resume ? get_state(sel, run->request->paging_state) : 0;
}

static int finish(struct select *sel) {
    struct cqlexec_result *result = sel->run->result;
    int err = 0;
    if (sel->sorting) return give_sorted(sel);
    if (sel->plan->aggregates) {
        bool none = !sel->in_group && !sel->plan->ast->group_cnt;
        err = none ? put_row(sel, NULL) : end_group(sel); /* COUNT(*) of nothing is 0 */
    }
    bool more = !sel->done && sel->stop.ptr && sel->limit != 0 && !sel->plan->aggregates;
    result->paging_state = more ? put_state(sel) : STR_NULL;
    return err;
}

int cqlselect_run(struct cqlrun *run) {
    const struct cqlplan *plan = run->plan;
    struct select sel = {.run = run, .plan = plan, .table = plan->table, .env = run->env};
    sel.env.arena = &sel.row_arena;
    buf_init(&sel.part, STATE_MAX);
    buf_init(&sel.group_key, STATE_MAX);
    run->result->kind = CQLEXEC_ROWS;
    run->result->col = plan->col;
    run->result->col_cnt = plan->col_cnt;
    memcpy(run->result->meta_id, plan->meta_id, sizeof plan->meta_id);
    int err = start(&sel);
    if (!err && plan->is_virtual) err = read_virtual(&sel);
    else if (!err && sel.where.by_key) err = read_keys(&sel);
    else if (!err) err = read_tokens(&sel);
    if (!err) err = finish(&sel);
    for (size_t i = 0; sel.sum && i < plan->pick.agg_cnt; i++)
        buf_fini(&sel.sum[i].value);
    buf_fini(&sel.part);
    buf_fini(&sel.group_key);
    arena_fini(&sel.row_arena);
    arena_fini(&sel.group_arena);
    return err;
}
