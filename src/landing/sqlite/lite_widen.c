/* lite_widen.c - tables that are made from their first rows and widened by later ones.
 *
 * Columns are only ever added. A column's declared type stays what it was at first; when later
 * values are of another kind, the way a value is stored (lite_value.h) keeps them apart. Two
 * changes of type need what is stored to be rewritten once, since INTEGER and TEXT were read by the
 * column's type before: BOOLEAN to anything, and JSON to anything. */
#include "landing/sqlite/lite_widen.h"

#include "base/err.h"

/* What is to be remembered of a column whose name alone does not say it. */
static int put_column(sqlite3 *db, struct str table, const struct landing_col *col) {
    sqlite3_stmt *stmt;
    int err = lite_db_prepare(db, "INSERT INTO _sluice_column(tbl, name, member, path) "
                              "VALUES(?1, ?2, ?3, ?4)", &stmt);
    if (err) return err;
    lite_db_bind(stmt, 1, table);
    lite_db_bind(stmt, 2, col->name);
    lite_db_bind(stmt, 3, col->member);
    lite_db_bind(stmt, 4, col->path);
    err = lite_db_do(stmt);
    sqlite3_finalize(stmt);
    return err;
}

struct widen {
    sqlite3 *db;
    struct lite_table *table;
    struct landing_growth fresh; /* columns to be added */
};

static int create(struct widen *widen) {
    struct buf sql;
    buf_init(&sql, LITE_DB_SQL_MAX);
    landing_cols_create(&widen->table->cols, &lite_table_dialect, &widen->fresh, &sql);
    int err = lite_db_run(widen->db, &sql);
    buf_fini(&sql);
    return err;
}

static int alter(struct widen *widen) {
    struct buf sql;
    int err = 0;
    buf_init(&sql, LITE_DB_SQL_MAX);
    for (size_t i = 0; i < widen->fresh.cnt && !err; i++) {
        buf_reset(&sql);
        buf_putz(&sql, "ALTER TABLE ");
        lite_db_name(&sql, widen->table->cols.name);
        buf_putz(&sql, " ADD COLUMN ");
        landing_cols_decl(&lite_table_dialect, &widen->fresh.col[i], &sql);
        err = lite_db_run(widen->db, &sql);
    }
    buf_fini(&sql);
    return err;
}

/* Rewrites a column whose INTEGERs were booleans, or TEXTs JSON, and are so no longer. */
static int rewrite(struct widen *widen, size_t at, const struct type *now) {
    const struct landing_col *col = &widen->table->cols.col[at];
    enum lite_value_shape was = widen->table->col[at].shape, shape = lite_value_shape(now);
    if (!col->is_seen || was == LITE_PLAIN || was == shape) return 0;
    struct buf sql;
    buf_init(&sql, LITE_DB_SQL_MAX);
    buf_putz(&sql, "UPDATE ");
    lite_db_name(&sql, widen->table->cols.name);
    buf_putz(&sql, " SET ");
    lite_db_name(&sql, col->name);
    buf_putz(&sql, was == LITE_BOOL ? "=CAST(CASE " : "=CAST(");
    lite_db_name(&sql, col->name);
    if (was == LITE_BOOL) buf_putz(&sql, " WHEN 0 THEN 'false' ELSE 'true' END");
    buf_putz(&sql, " AS BLOB) WHERE ");
    if (was == LITE_JSON) {
        buf_putz(&sql, "json_valid(");
        lite_db_name(&sql, col->name);
        buf_putz(&sql, ") AND ");
    }
    buf_putz(&sql, "typeof(");
    lite_db_name(&sql, col->name);
    buf_putz(&sql, was == LITE_BOOL ? ")='integer'" : ")='text'");
    if (was == LITE_BOOL) {
        buf_putz(&sql, " AND ");
        lite_db_name(&sql, col->name);
        buf_putz(&sql, " IN (0, 1)");
    }
    int err = lite_db_run(widen->db, &sql);
    buf_fini(&sql);
    return err;
}

static int put_row_type(sqlite3 *db, struct str table, const struct type *row) {
    struct buf text;
    sqlite3_stmt *stmt;
    buf_init(&text, LITE_DB_SQL_MAX);
    type_format(row, &text);
    int err = lite_db_prepare(db, "UPDATE _sluice_table SET row=?2 WHERE name=?1", &stmt);
    if (!err) {
        lite_db_bind(stmt, 1, table);
        lite_db_bind(stmt, 2, buf_str(&text));
        err = lite_db_do(stmt);
        sqlite3_finalize(stmt);
    }
    buf_fini(&text);
    return err;
}

static int apply(struct widen *widen, const struct type *row) {
    struct lite_table *table = widen->table;
    int err = table->cols.is_there ? alter(widen) : create(widen);
    for (size_t i = 0; i < widen->fresh.cnt && !err; i++)
        if (landing_cols_is_odd(&widen->fresh.col[i]))
            err = put_column(widen->db, table->cols.name, &widen->fresh.col[i]);
    for (uint32_t i = 0; i < row->field_cnt && !err; i++) {
        size_t at = (uintptr_t)map_get(&table->cols.by_member, row->field[i].name);
        if (at) err = rewrite(widen, at - 1, row->field[i].type);
    }
    return err ? err : put_row_type(widen->db, table->cols.name, row);
}

int lite_widen_table(sqlite3 *db, struct lite_table *table, const struct type *row) {
    struct widen widen = {.db = db, .table = table};
    int err = landing_cols_grow(&table->cols, &lite_table_dialect, row, &widen.fresh);
    if (!err) err = apply(&widen, row);
    landing_cols_growth_fini(&widen.fresh);
    return err ? err : lite_table_load(db, table);
}
