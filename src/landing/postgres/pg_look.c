/* pg_look.c - what readers ask of the landing, each call on a connection of its own.
 *
 * A kept connection may have been broken by a restart of the server: a question that fails with
 * ERR_NET is asked once more on a new one. */
#include "landing/postgres/pg_landing.h"

#include "base/err.h"

#include <stdio.h>

#define EXACT_MAX   1000000 /* rows that are counted; beyond, the server's estimate is shown */

static struct pg_landing *landing_of(struct landing *base) {
    return (struct pg_landing *)base;
}

int pg_look_open(struct pg_landing *landing, struct pg_conn **out) {
    struct pg_conn *conn = NULL;
    pthread_mutex_lock(&landing->lock);
    if (landing->reader_cnt) conn = landing->reader[--landing->reader_cnt];
    pthread_mutex_unlock(&landing->lock);
    if (!conn) {
        conn = base_calloc(1, sizeof *conn);
        pg_conn_init(conn, landing->base.env, &landing->place, false);
    }
    int err = pg_conn_lost(conn) ? pg_state_refuse(landing) : 0;
    if (!err) {
        err = pg_conn_need(conn, 0);
        pg_state_heard(landing, err);
    }
    if (err) pg_look_close(landing, conn);
    else *out = conn;
    return err;
}

void pg_look_close(struct pg_landing *landing, struct pg_conn *conn) {
    if (!conn) return;
    pthread_mutex_lock(&landing->lock);
    bool kept = !pg_conn_lost(conn) && landing->reader_cnt < PG_LANDING_READER_MAX;
    if (kept) landing->reader[landing->reader_cnt++] = conn;
    pthread_mutex_unlock(&landing->lock);
    if (kept) return;
    pg_conn_close(conn);
    base_free(conn);
}

/* A reader and an answer from it; look_end() gives both back. */
struct look {
    struct pg_landing *landing;
    struct pg_conn *conn;
    PGresult *res;
};

static int look_begin(struct look *look, struct landing *base, const char *sql,
                      const struct str *param, size_t cnt) {
    *look = (struct look){.landing = landing_of(base)};
    int err = ERR_NET;
    for (int i = 0; i < 2 && err == ERR_NET; i++) {
        pg_look_close(look->landing, look->conn);
        look->conn = NULL;
        err = pg_look_open(look->landing, &look->conn);
        if (!err) err = pg_conn_run(look->conn, sql, param, cnt, &look->res);
    }
    return err;
}

static void look_end(struct look *look) {
    PQclear(look->res);
    pg_look_close(look->landing, look->conn);
}

static struct str text_at(const PGresult *res, int row, int col, struct arena *arena) {
    struct str text = pg_conn_text(res, row, col);
    return text.ptr ? arena_str(arena, text) : STR("");
}

int pg_look_setting(struct landing *base, struct str name, struct arena *arena, struct str *out) {
    struct look look;
    int err = look_begin(&look, base, "SELECT value FROM _sluice_setting WHERE name=$1", &name, 1);
    if (!err && PQntuples(look.res)) *out = text_at(look.res, 0, 0, arena);
    else if (!err) err = err_fail(ERR_NOT_FOUND, "no setting %.*s", STR_ARG(name));
    look_end(&look);
    return err;
}

#define RUN_COLS "SELECT dag, id, kind, state, logical_us, start_us, end_us, by, note "            \
                 "FROM _sluice_run "

static void read_run(const PGresult *res, int row, struct arena *arena, struct run *out) {
    out->dag = text_at(res, row, 0, arena);
    out->id = text_at(res, row, 1, arena);
    out->kind = (enum run_kind)MIN(MAX(pg_conn_i64(res, row, 2), 0), RUN_BACKFILL);
    out->state = run_state_of(pg_conn_text(res, row, 3));
    out->logical_us = pg_conn_i64(res, row, 4);
    out->start_us = pg_conn_i64(res, row, 5);
    out->end_us = pg_conn_i64(res, row, 6);
    out->by = text_at(res, row, 7, arena);
    out->note = text_at(res, row, 8, arena);
}

/* LIMIT and OFFSET as text, behind `param`. */
struct page_text {
    char limit[24], skip[24];
};
static void put_page(struct page_text *to, struct landing_page page, struct str *param) {
    snprintf(to->limit, sizeof to->limit, "%zu", MIN(page.limit, (size_t)LANDING_PAGE_MAX));
    snprintf(to->skip, sizeof to->skip, "%zu", MIN(page.skip, (size_t)INT64_MAX));
    param[0] = str_of(to->limit);
    param[1] = str_of(to->skip);
}

int pg_look_runs(struct landing *base, struct str dag, struct landing_page page,
                 struct arena *arena, struct run **out, size_t *cnt) {
    struct look look;
    struct page_text text;
    struct str param[3] = {[2] = dag};
    const char *sql = dag.ptr ? RUN_COLS "WHERE dag=$3 ORDER BY logical_us DESC, id DESC"
                                         " LIMIT $1::bigint OFFSET $2::bigint"
                              : RUN_COLS "ORDER BY logical_us DESC, dag, id DESC"
                                         " LIMIT $1::bigint OFFSET $2::bigint";
    put_page(&text, page, param);
    int err = look_begin(&look, base, sql, param, dag.ptr ? 3 : 2);
    if (!err) {
        *cnt = (size_t)PQntuples(look.res);
        *out = arena_array(arena, struct run, *cnt);
        for (size_t i = 0; i < *cnt; i++) read_run(look.res, (int)i, arena, &(*out)[i]);
    }
    look_end(&look);
    return err;
}

int pg_look_run(struct landing *base, struct str dag, struct str id, struct arena *arena,
                struct run *out) {
    struct look look;
    struct str param[] = {dag, id};
    int err = look_begin(&look, base, RUN_COLS "WHERE dag=$1 AND id=$2", param, 2);
    if (!err && PQntuples(look.res)) read_run(look.res, 0, arena, out);
    else if (!err)
        err = err_fail(ERR_NOT_FOUND, "%.*s has no run %.*s", STR_ARG(dag), STR_ARG(id));
    look_end(&look);
    return err;
}

int pg_look_tries(struct landing *base, struct str dag, struct str run, struct arena *arena,
                  struct run_try **out, size_t *cnt) {
    struct look look;
    struct page_text text;
    struct str param[4];
    put_page(&text, (struct landing_page){LANDING_PAGE_MAX, 0}, param);
    param[2] = dag;
    param[3] = run;
    int err = look_begin(&look, base,
                         "SELECT task, number, state, start_us, end_us, rows_in, rows_new,"
                         " rows_changed, log FROM _sluice_try WHERE dag=$3 AND run=$4"
                         " ORDER BY task, number LIMIT $1::bigint OFFSET $2::bigint", param, 4);
    if (!err) {
        *cnt = (size_t)PQntuples(look.res);
        *out = arena_array(arena, struct run_try, *cnt);
    }
    for (size_t i = 0; !err && i < *cnt; i++) {
        struct run_try *one = &(*out)[i];
        int row = (int)i;
        one->dag = arena_str(arena, dag);
        one->run = arena_str(arena, run);
        one->task = text_at(look.res, row, 0, arena);
        one->number = (uint32_t)pg_conn_i64(look.res, row, 1);
        one->state = run_state_of(pg_conn_text(look.res, row, 2));
        one->start_us = pg_conn_i64(look.res, row, 3);
        one->end_us = pg_conn_i64(look.res, row, 4);
        one->rows_in = pg_conn_i64(look.res, row, 5);
        one->rows_new = pg_conn_i64(look.res, row, 6);
        one->rows_changed = pg_conn_i64(look.res, row, 7);
        one->log = text_at(look.res, row, 8, arena);
    }
    look_end(&look);
    return err;
}

/* ---- tables ---- */

static int count_rows(struct pg_conn *conn, const struct pg_table *table, int64_t estimate,
                      int64_t *out) {
    struct buf sql;
    PGresult *res;
    if (estimate > EXACT_MAX) {
        *out = estimate;
        return 0;
    }
    buf_init(&sql, 4 * KIB);
    buf_putz(&sql, "SELECT count(*) FROM ");
    pg_table_rel(table, &sql);
    buf_putc(&sql, 0);
    int err = pg_conn_run(conn, sql.ptr, NULL, 0, &res);
    buf_fini(&sql);
    if (err) return err;
    *out = pg_conn_i64(res, 0, 0);
    PQclear(res);
    return 0;
}

static int read_info(struct look *look, struct str name, int64_t estimate, struct arena *arena,
                     struct landing_info *out) {
    struct pg_table *table = pg_table_new(name);
    int err = pg_table_load(look->conn, table, look->landing->guest);
    if (!err && !table->cols.is_there) err = ERR_NOT_FOUND;
    if (!err) err = count_rows(look->conn, table, estimate, &out->row_cnt);
    if (!err) landing_cols_info(&table->cols, arena, out);
    pg_table_free(table);
    return err;
}

int pg_look_tables(struct landing *base, struct arena *arena, struct landing_info **out,
                   size_t *cnt) {
    struct look look;
    int err = look_begin(&look, base,
                         "SELECT c.relname, c.reltuples::bigint FROM pg_class c JOIN pg_namespace"
                         " n ON n.oid=c.relnamespace WHERE n.nspname=current_schema() AND"
                         " c.relkind IN ('r', 'p') AND NOT c.relispartition AND"
                         " NOT starts_with(c.relname, '_sluice_') ORDER BY c.relname COLLATE \"C\"",
                         NULL, 0);
    size_t all = err ? 0 : (size_t)PQntuples(look.res);
    *out = arena_array(arena, struct landing_info, all);
    for (size_t i = 0; i < all && !err; i++) {
        err = read_info(&look, pg_conn_text(look.res, (int)i, 0), pg_conn_i64(look.res, (int)i, 1),
                        arena, &(*out)[*cnt]);
        if (!err) (*cnt)++;
        else if (err == ERR_NOT_FOUND) err = 0; /* dropped meanwhile */
    }
    look_end(&look);
    return err;
}

static void put_rows_sql(const struct pg_table *table, struct buf *sql) {
    buf_putz(sql, "SELECT ");
    pg_table_columns(table, sql);
    if (!table->cols.col_cnt) buf_putz(sql, "1");
    buf_putz(sql, " FROM ");
    pg_table_rel(table, sql);
    buf_putz(sql, " ORDER BY ");
    for (size_t i = 0; i < table->cols.key_cnt; i++) {
        size_t at = table->cols.key_col[i];
        if (i) buf_putc(sql, ',');
        pg_conn_name(sql, table->cols.col[at].name);
        if (table->col[at].pg.oid == 25) buf_putz(sql, " COLLATE \"C\"");
    }
    if (!table->cols.key_cnt) buf_putz(sql, "tableoid, ctid");
    buf_putz(sql, " LIMIT $1::bigint OFFSET $2::bigint");
    buf_putc(sql, 0);
}

static int read_rows(struct pg_conn *conn, const struct pg_table *table, struct landing_page page,
                     struct arena *arena, struct str **out, size_t *cnt) {
    struct page_text page_text;
    struct str param[2];
    struct buf sql, row;
    PGresult *res = NULL;
    buf_init(&sql, PG_CONN_SQL_MAX);
    buf_init(&row, 64 * LANDING_ROW_MAX);
    put_rows_sql(table, &sql);
    put_page(&page_text, page, param);
    int err = pg_conn_run(conn, sql.ptr, param, 2, &res);
    struct str *text = arena_array(arena, struct str, table->cols.col_cnt);
    if (!err) {
        *cnt = (size_t)PQntuples(res);
        *out = arena_array(arena, struct str, *cnt);
    }
    size_t col_cnt = table->cols.col_cnt;
    for (size_t i = 0; !err && i < *cnt; i++) {
        for (size_t c = 0; c < col_cnt; c++) text[c] = pg_conn_text(res, (int)i, (int)c);
        buf_reset(&row);
        pg_table_row(table, text, &row);
        if (row.full) err = err_fail(ERR_TOO_BIG, "a row is over %zu bytes", row.max);
        (*out)[i] = arena_str(arena, buf_str(&row));
    }
    PQclear(res);
    buf_fini(&sql);
    buf_fini(&row);
    return err;
}

int pg_look_rows(struct landing *base, struct str name, struct landing_page page,
                 struct arena *arena, struct str **out, size_t *cnt) {
    struct look look;
    int err = pg_table_name_check(name);
    if (err) return err;
    struct pg_table *table = pg_table_new(name);
    err = look_begin(&look, base, "SELECT 1", NULL, 0);
    if (!err) err = pg_table_load(look.conn, table, look.landing->guest);
    if (!err && !table->cols.is_there)
        err = err_fail(ERR_NOT_FOUND, "no table %.*s; one is made when its first rows come",
                       STR_ARG(name));
    if (!err) err = read_rows(look.conn, table, page, arena, out, cnt);
    pg_table_free(table);
    look_end(&look);
    return err;
}
