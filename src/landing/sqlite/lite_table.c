/* lite_table.c - loading, declaring and asking a landing table. (lite_widen.c makes it grow.) */
#include "landing/sqlite/lite_table.h"

#include "base/err.h"

static void put_decl(struct buf *sql, const struct landing_col *col) {
    const char *decl = lite_value_decl(col->type);
    /* INTEGER PRIMARY KEY would be SQLite's rowid, which takes no text ever. */
    if (*decl) buf_printf(sql, " %s", col->is_key && !strcmp(decl, "INTEGER") ? "BIGINT" : decl);
    if (col->is_key) buf_putz(sql, " NOT NULL");
}

static const char *const reserved[] = {NULL};

const struct landing_dialect lite_table_dialect = {
    .folds_case = true,
    .reserved = reserved,
    .put_name = lite_db_name,
    .put_decl = put_decl,
};

struct lite_table *lite_table_new(struct str name) {
    struct lite_table *table = base_calloc(1, sizeof *table);
    landing_cols_init(&table->cols, name);
    return table;
}

void lite_table_forget(struct lite_table *table) {
    sqlite3_finalize(table->insert);
    sqlite3_finalize(table->find);
    sqlite3_finalize(table->update);
    table->insert = table->find = table->update = NULL;
    landing_cols_forget(&table->cols);
    table->col = NULL;
}

void lite_table_free(struct lite_table *table) {
    if (!table) return;
    lite_table_forget(table);
    landing_cols_fini(&table->cols);
    base_free(table);
}

/* ---- loading ---- */

static int load_meta(sqlite3 *db, struct lite_table *table, bool *known) {
    sqlite3_stmt *stmt;
    *known = false;
    int err = lite_db_prepare(db, "SELECT key, row, captured, theirs FROM _sluice_table "
                              "WHERE name=?1", &stmt);
    if (err) return err;
    lite_db_bind(stmt, 1, table->cols.name);
    int got = lite_db_step(stmt);
    if (got > 0) {
        *known = true;
        table->cols.captured = sqlite3_column_int(stmt, 2);
        table->cols.theirs = sqlite3_column_int(stmt, 3);
        got = landing_cols_set_meta(&table->cols, lite_db_text(stmt, 0), lite_db_text(stmt, 1));
    }
    sqlite3_finalize(stmt);
    return got;
}

static int load_column(struct lite_table *table, sqlite3_stmt *stmt, size_t at) {
    struct landing_col *col = &table->cols.col[at];
    struct str decl = lite_db_text(stmt, 1), path = lite_db_text(stmt, 4);
    int primary = sqlite3_column_int(stmt, 2);
    col->name = arena_str(&table->cols.arena, lite_db_text(stmt, 0));
    col->type = lite_value_type(decl);
    col->primary = primary > 0 ? (size_t)primary : 0;
    int err = landing_cols_set_col(&table->cols, col, lite_db_text(stmt, 3), path);
    table->col[at].aff = lite_value_aff(decl);
    table->col[at].shape = path.ptr ? LITE_PLAIN : lite_value_shape(col->type);
    return err;
}

static int load_columns(sqlite3 *db, struct lite_table *table) {
    static const char sql[] =
        "SELECT t.name, t.type, t.pk, c.member, c.path, count(*) OVER () "
        "FROM pragma_table_info(?1) t LEFT JOIN _sluice_column c ON c.tbl=?1 AND "
        "c.name=t.name ORDER BY t.cid";
    sqlite3_stmt *stmt;
    int err = lite_db_prepare(db, sql, &stmt);
    if (err) return err;
    lite_db_bind(stmt, 1, table->cols.name);
    int got;
    while ((got = lite_db_step(stmt)) > 0) {
        size_t cnt = (size_t)sqlite3_column_int64(stmt, 5);
        if (cnt > LANDING_COL_MAX) {
            got = err_fail(ERR_TOO_BIG, "table %.*s has more than %d columns",
                           STR_ARG(table->cols.name), LANDING_COL_MAX);
            break;
        }
        if (!table->col) {
            table->cols.col = arena_array(&table->cols.arena, struct landing_col, cnt);
            table->col = arena_array(&table->cols.arena, struct lite_col, cnt);
        }
        if ((got = load_column(table, stmt, table->cols.col_cnt++))) break;
    }
    sqlite3_finalize(stmt);
    return got;
}

static int load_there(sqlite3 *db, struct lite_table *table) {
    sqlite3_stmt *stmt;
    int err = lite_db_prepare(
        db, "SELECT 1 FROM sqlite_schema WHERE type='table' AND name=?1 COLLATE NOCASE", &stmt);
    if (err) return err;
    lite_db_bind(stmt, 1, table->cols.name);
    int got = lite_db_step(stmt);
    table->cols.is_there = got > 0;
    sqlite3_finalize(stmt);
    return MIN(got, 0);
}

int lite_table_load(sqlite3 *db, struct lite_table *table) {
    bool known;
    lite_table_forget(table);
    int err = load_meta(db, table, &known);
    if (!err) err = load_there(db, table);
    if (!err && table->cols.is_there) err = load_columns(db, table);
    if (!known) table->cols.theirs = table->cols.is_there;
    if (err) return err;
    return landing_cols_link(&table->cols);
}

/* ---- declaring ---- */

int lite_table_declare(sqlite3 *db, struct lite_table *table, const struct landing_table *decl) {
    int err = landing_cols_check_key(decl, LANDING_COL_MAX);
    if (!err) err = lite_table_load(db, table);
    if (err) return err;
    struct buf key;
    buf_init(&key, MIB);
    err = landing_cols_declare(&table->cols, decl, &key);
    sqlite3_stmt *stmt = NULL;
    if (!err)
        err = lite_db_prepare(db, "INSERT INTO _sluice_table(name, key, captured, theirs) "
                              "VALUES(?1, ?2, ?3, ?4) ON CONFLICT(name) DO UPDATE SET key=?2, "
                              "captured=?3 WHERE key<>?2 OR captured<>?3", &stmt);
    if (!err) {
        lite_db_bind(stmt, 1, table->cols.name);
        lite_db_bind(stmt, 2, buf_str(&key));
        sqlite3_bind_int(stmt, 3, decl->captured);
        sqlite3_bind_int(stmt, 4, table->cols.theirs);
        err = lite_db_do(stmt);
        sqlite3_finalize(stmt);
    }
    buf_fini(&key);
    return err ? err : lite_table_load(db, table);
}

/* ---- statements ---- */

void lite_table_columns(const struct lite_table *table, struct buf *sql) {
    landing_cols_names(&table->cols, &lite_table_dialect, sql);
}

static void put_keys(const struct lite_table *table, struct buf *sql) {
    buf_putz(sql, " WHERE ");
    for (size_t i = 0; i < table->cols.key_cnt; i++) {
        if (i) buf_putz(sql, " AND ");
        lite_db_name(sql, table->cols.col[table->cols.key_col[i]].name);
        buf_printf(sql, "=?%zu", table->cols.key_col[i] + 1);
    }
}

static int prepare_insert(sqlite3 *db, struct lite_table *table, struct buf *sql) {
    buf_putz(sql, "INSERT INTO ");
    lite_db_name(sql, table->cols.name);
    buf_putc(sql, '(');
    lite_table_columns(table, sql);
    buf_putz(sql, ") VALUES(");
    for (size_t i = 0; i < table->cols.col_cnt; i++) buf_printf(sql, "%s?%zu", i ? "," : "", i + 1);
    buf_putc(sql, ')');
    for (size_t i = 0; i < table->cols.key_cnt; i++) {
        buf_putz(sql, i ? "," : " ON CONFLICT(");
        lite_db_name(sql, table->cols.col[table->cols.key_col[i]].name);
    }
    if (table->cols.key_cnt) buf_putz(sql, ") DO NOTHING");
    return lite_db_prepare_buf(db, sql, &table->insert);
}

static int prepare_update(sqlite3 *db, struct lite_table *table, struct buf *sql) {
    bool any = false;
    buf_reset(sql);
    buf_putz(sql, "UPDATE ");
    lite_db_name(sql, table->cols.name);
    for (size_t i = 0; i < table->cols.col_cnt; i++) {
        if (table->cols.col[i].is_key) continue;
        buf_putz(sql, any ? "," : " SET ");
        any = true;
        lite_db_name(sql, table->cols.col[i].name);
        buf_printf(sql, "=?%zu", i + 1);
    }
    if (!any) return 0;
    put_keys(table, sql);
    return lite_db_prepare_buf(db, sql, &table->update);
}

int lite_table_prepare(sqlite3 *db, struct lite_table *table) {
    if (table->insert) return 0;
    struct buf sql;
    buf_init(&sql, LITE_DB_SQL_MAX);
    int err = prepare_insert(db, table, &sql);
    if (!err && table->cols.key_cnt) {
        buf_reset(&sql);
        buf_putz(&sql, "SELECT ");
        lite_table_columns(table, &sql);
        buf_putz(&sql, " FROM ");
        lite_db_name(&sql, table->cols.name);
        put_keys(table, &sql);
        err = lite_db_prepare_buf(db, &sql, &table->find);
        if (!err) err = prepare_update(db, table, &sql);
    }
    buf_fini(&sql);
    return err;
}

struct row_of {
    const struct lite_table *table;
    sqlite3_stmt *stmt;
};

static void put_value(void *arg, size_t at, struct buf *out) {
    const struct row_of *row = arg;
    lite_value_json(row->stmt, (int)at, row->table->col[at].shape, out);
}

void lite_table_row(const struct lite_table *table, sqlite3_stmt *stmt, struct buf *out) {
    struct row_of row = {table, stmt};
    landing_cols_row(&table->cols, put_value, &row, out);
}
