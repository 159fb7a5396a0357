/* pg_widen.c - tables that are made from their first rows and widened by later ones.
 *
 * Columns are only ever added. A column's type changes when a value comes that it cannot hold:
 * bigint becomes double precision if no digit is lost by it, all else becomes json (a key: jsonb,
 * which can be compared). PostgreSQL rewrites the table then, so it happens once a column. A column
 * that was null in all rows so far is json, and gets its type with its first value. */
#include "landing/postgres/pg_widen.h"

#include "base/err.h"

struct widen {
    struct pg_conn *conn;
    struct pg_table *table;
    struct landing_growth fresh; /* columns to be added */
};

static int create(struct widen *widen) {
    struct buf sql;
    buf_init(&sql, PG_CONN_SQL_MAX);
    landing_cols_create(&widen->table->cols, &pg_table_dialect, &widen->fresh, &sql);
    int err = pg_conn_do_buf(widen->conn, &sql);
    buf_fini(&sql);
    return err;
}

static int alter(struct widen *widen) {
    struct buf sql;
    if (!widen->fresh.cnt) return 0;
    buf_init(&sql, PG_CONN_SQL_MAX);
    buf_putz(&sql, "ALTER TABLE ");
    pg_table_rel(widen->table, &sql);
    for (size_t i = 0; i < widen->fresh.cnt; i++) {
        buf_putz(&sql, i ? ", ADD COLUMN " : " ADD COLUMN ");
        landing_cols_decl(&pg_table_dialect, &widen->fresh.col[i], &sql);
    }
    int err = pg_conn_do_buf(widen->conn, &sql);
    buf_fini(&sql);
    return err;
}

/* What is to be remembered of columns whose name alone does not say it. */
static int put_columns(struct widen *widen) {
    int err = 0;
    for (size_t i = 0; i < widen->fresh.cnt && !err; i++) {
        const struct landing_col *col = &widen->fresh.col[i];
        if (!landing_cols_is_odd(col)) continue;
        struct str param[] = {widen->table->cols.name, col->name, STR_NULL, col->path};
        struct buf member;
        buf_init(&member, 8 * KIB);
        buf_json(&member, col->member);
        if (col->member.ptr) param[2] = buf_str(&member);
        err = pg_conn_run(widen->conn, "INSERT INTO _sluice_column(tbl, name, member, path) "
                          "VALUES($1, $2, $3, $4)", param, ARRAY_LEN(param), NULL);
        buf_fini(&member);
    }
    return err;
}

static int put_row_type(struct pg_conn *conn, struct str table, const struct type *row) {
    struct buf text, json;
    buf_init(&text, PG_CONN_SQL_MAX);
    buf_init(&json, 2 * PG_CONN_SQL_MAX);
    type_format(row, &text);
    buf_json(&json, buf_str(&text));
    struct str param[] = {table, buf_str(&json)};
    int err = pg_conn_run(conn, "UPDATE _sluice_table SET row=$2 WHERE name=$1", param, 2, NULL);
    buf_fini(&text);
    buf_fini(&json);
    return err;
}

static int apply(struct widen *widen, const struct type *row) {
    int err = widen->table->cols.is_there ? alter(widen) : create(widen);
    if (!err) err = put_columns(widen);
    return err ? err : put_row_type(widen->conn, widen->table->cols.name, row);
}

int pg_widen_table(struct pg_conn *conn, struct pg_table *table, const struct type *row) {
    struct widen widen = {.conn = conn, .table = table};
    int err = landing_cols_grow(&table->cols, &pg_table_dialect, row, &widen.fresh);
    if (!err) err = apply(&widen, row);
    landing_cols_growth_fini(&widen.fresh);
    return err ? err : pg_table_load(conn, table, false);
}

/* ---- a column's type ---- */

/* Is there a row for which `column` `test`? */
static int any_row(struct pg_conn *conn, const struct pg_table *table, struct str column,
                   const char *test, bool *out) {
    struct buf sql;
    PGresult *res;
    buf_init(&sql, 64 * KIB);
    buf_putz(&sql, "SELECT EXISTS(SELECT 1 FROM ");
    pg_table_rel(table, &sql);
    buf_putz(&sql, " WHERE ");
    pg_conn_name(&sql, column);
    buf_printf(&sql, " %s)", test);
    buf_putc(&sql, 0);
    int err = pg_conn_run(conn, sql.ptr, NULL, 0, &res);
    buf_fini(&sql);
    if (err) return err;
    *out = str_eqz(pg_conn_text(res, 0, 0), "t");
    PQclear(res);
    return 0;
}

static int choose(struct pg_conn *conn, const struct pg_table *table, size_t at,
                  const struct json_value *value, const char **out) {
    const struct landing_col *col = &table->cols.col[at];
    const struct pg_type *pg = &table->col[at].pg;
    bool any = false;
    struct pg_type real = pg_value_type(701, 0);
    const char *decl = pg_value_decl(col->type, col->is_key);
    *out = col->is_key ? "jsonb" : "json";
    if (pg->kind == PG_VALUE_JSON) { /* null so far, for all we know */
        int err = any_row(conn, table, col->name, "IS NOT NULL", &any);
        *out = any ? NULL : decl;
        return err;
    }
    if (pg->kind != PG_VALUE_INT || !pg_value_fits(&real, value)) return 0;
    int err = any_row(conn, table, col->name, "NOT BETWEEN -9007199254740992 AND 9007199254740992",
                      &any);
    if (!err && !any) *out = "double precision";
    return err;
}

int pg_widen_column(struct pg_conn *conn, struct pg_table *table, size_t at,
                    const struct json_value *value) {
    const struct landing_col *col = &table->cols.col[at];
    const char *to = NULL;
    if (table->cols.theirs)
        return err_fail(ERR_TYPE, "table %.*s is another program's, and its column %.*s cannot "
                        "hold %.*s", STR_ARG(table->cols.name), STR_ARG(col->name),
                        (int)MIN(value->raw.len, 100), value->raw.ptr);
    int err = choose(conn, table, at, value, &to);
    if (err) return err;
    if (!to) return pg_table_load(conn, table, false); /* somebody else's json: it holds all */
    struct buf sql;
    buf_init(&sql, 64 * KIB);
    buf_putz(&sql, "ALTER TABLE ");
    pg_table_rel(table, &sql);
    buf_putz(&sql, " ALTER COLUMN ");
    pg_conn_name(&sql, col->name);
    buf_printf(&sql, " TYPE %s USING ", to);
    if (table->col[at].pg.kind == PG_VALUE_JSON) {
        buf_printf(&sql, "NULL::%s", to);
    } else {
        bool json = to[0] == 'j';
        if (json) buf_printf(&sql, "to_%s(", to);
        pg_conn_name(&sql, col->name);
        buf_putz(&sql, json ? ")" : "::double precision");
    }
    err = pg_conn_do_buf(conn, &sql);
    buf_fini(&sql);
    return err ? err : pg_table_load(conn, table, false);
}
