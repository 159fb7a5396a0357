/* lite_trigger.c - three triggers a captured table, written so that any SQLite with JSON runs them.
 *
 * A plain `sqlite3 data.db "UPDATE raw_users ..."` fires them in its own transaction, so the change
 * is in the outbox if and only if it is in the table. Each leaves one entry, JSON text that
 * lite_outbox_decode_json() reads. Our own writes leave denser entries and no JSON: the writer's
 * connection has triggers turned off, or, when the database has triggers of its users, says so by a
 * row in _sluice_writer, which nobody else ever sees.
 *
 * A row of up to LANDING_COL_MAX columns becomes one expression: a chain of || as long would be
 * deeper than SQLite allows, so it is built as a balanced tree. */
#include "landing/sqlite/lite_trigger.h"

#include "base/err.h"

#define NOW_US "CAST((julianday('now')-2440587.5)*86400000000 AS INTEGER)"

static void put_ref(struct buf *sql, const char *row, struct str column) {
    buf_printf(sql, "%s.", row);
    lite_db_name(sql, column);
}

/* The value of column `at` as JSON text; the same rules as lite_value_json(). */
static void put_value(struct buf *sql, const struct lite_table *table, const char *row,
                      size_t at) {
    const struct lite_col *col = &table->col[at];
    struct buf ref_buf;
    buf_init(&ref_buf, 4 * LANDING_COLS_NAME_MAX);
    put_ref(&ref_buf, row, table->cols.col[at].name);
    struct str ref = buf_str(&ref_buf);
    buf_printf(sql, "CASE typeof(%.*s)", STR_ARG(ref));
    buf_printf(sql, " WHEN 'real' THEN CASE WHEN abs(%.*s)>1.7976931348623157e308 THEN 'null'"
               " WHEN CAST(CAST(%.*s AS TEXT) AS REAL)=%.*s THEN CAST(%.*s AS TEXT)"
               " ELSE printf('%%!.17g',%.*s) END", STR_ARG(ref), STR_ARG(ref), STR_ARG(ref),
               STR_ARG(ref), STR_ARG(ref));
    buf_printf(sql, " WHEN 'blob' THEN CASE WHEN json_valid(CAST(%.*s AS TEXT))"
               " THEN CAST(%.*s AS TEXT) ELSE '\"'||hex(%.*s)||'\"' END", STR_ARG(ref),
               STR_ARG(ref), STR_ARG(ref));
    if (col->shape == LITE_BOOL)
        buf_printf(sql, " WHEN 'integer' THEN CASE %.*s WHEN 0 THEN 'false' WHEN 1 THEN 'true'"
                   " ELSE %.*s END", STR_ARG(ref), STR_ARG(ref));
    if (col->shape == LITE_JSON)
        buf_printf(sql, " WHEN 'text' THEN CASE WHEN json_valid(%.*s) THEN %.*s"
                   " ELSE json_quote(%.*s) END", STR_ARG(ref), STR_ARG(ref), STR_ARG(ref));
    buf_printf(sql, " ELSE json_quote(%.*s) END", STR_ARG(ref));
    buf_fini(&ref_buf);
}

/* Members lo..hi-1, each with a comma before it, as one balanced expression. */
static void put_members(struct buf *sql, const struct lite_table *table, const char *row,
                        size_t lo, size_t hi) {
    if (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;
        buf_putc(sql, '(');
        put_members(sql, table, row, lo, mid);
        buf_putz(sql, "||");
        put_members(sql, table, row, mid, hi);
        buf_putc(sql, ')');
        return;
    }
    const struct landing_col *col = &table->cols.col[lo];
    if (!col->member.ptr) {
        buf_putz(sql, "''");
        return;
    }
    struct buf name;
    buf_init(&name, 16 * LANDING_COLS_NAME_MAX);
    buf_putc(&name, ',');
    buf_json(&name, col->member);
    buf_putc(&name, ':');
    buf_putc(sql, '(');
    lite_db_literal(sql, buf_str(&name));
    buf_putz(sql, "||");
    put_value(sql, table, row, lo);
    buf_putc(sql, ')');
    buf_fini(&name);
}

static void put_row(struct buf *sql, const struct lite_table *table, const char *row) {
    buf_putz(sql, "'{'||substr(");
    put_members(sql, table, row, 0, table->cols.col_cnt);
    buf_putz(sql, ",2)||'}'");
}

static void put_key(struct buf *sql, const struct lite_table *table, const char *row) {
    buf_putz(sql, "'['");
    for (size_t i = 0; i < table->cols.key_cnt; i++) {
        buf_putz(sql, i ? "||','||" : "||");
        put_value(sql, table, row, table->cols.key_col[i]);
    }
    buf_putz(sql, "||']'");
}

/* OLD.a IS NOT NEW.a OR ..., balanced. */
static void put_differs(struct buf *sql, const struct lite_table *table, size_t lo, size_t hi) {
    buf_putc(sql, '(');
    if (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;
        put_differs(sql, table, lo, mid);
        buf_putz(sql, " OR ");
        put_differs(sql, table, mid, hi);
    } else {
        put_ref(sql, "OLD", table->cols.col[lo].name);
        buf_putz(sql, " IS NOT ");
        put_ref(sql, "NEW", table->cols.col[lo].name);
    }
    buf_putc(sql, ')');
}

static void put_name(struct buf *name, struct str table, const char *kind) {
    buf_printf(name, "_sluice_%s_%.*s", kind, STR_ARG(table));
}

static void put_body(struct buf *sql, const struct lite_table *table, char op) {
    struct buf head;
    buf_init(&head, 16 * LANDING_COLS_NAME_MAX);
    buf_putz(&head, "{\"t\":");
    buf_json(&head, table->cols.name);
    buf_printf(&head, ",\"op\":\"%c\",\"k\":", op);
    lite_db_literal(sql, buf_str(&head));
    buf_fini(&head);
    buf_putz(sql, "||");
    put_key(sql, table, op == 'd' ? "OLD" : "NEW");
    if (op == 'u') {
        buf_putz(sql, "||',\"o\":'||");
        put_key(sql, table, "OLD");
    }
    if (op != 'c') {
        buf_putz(sql, "||',\"b\":'||");
        put_row(sql, table, "OLD");
    }
    if (op != 'd') {
        buf_putz(sql, "||',\"a\":'||");
        put_row(sql, table, "NEW");
    }
    buf_putz(sql, "||'}'");
}

/* The trigger's SQL as it will stand in sqlite_schema. */
static void put_trigger(struct buf *sql, const struct lite_table *table, const char *kind) {
    char op = !strcmp(kind, "insert") ? 'c' : !strcmp(kind, "update") ? 'u' : 'd';
    struct buf name;
    buf_init(&name, 4 * LANDING_COLS_NAME_MAX);
    put_name(&name, table->cols.name, kind);
    buf_putz(sql, "CREATE TRIGGER ");
    lite_db_name(sql, buf_str(&name));
    buf_printf(sql, " AFTER %s ON ", op == 'c' ? "INSERT" : op == 'u' ? "UPDATE" : "DELETE");
    lite_db_name(sql, table->cols.name);
    buf_putz(sql, " WHEN NOT EXISTS (SELECT 1 FROM _sluice_writer)");
    if (op == 'u') {
        buf_putz(sql, " AND ");
        put_differs(sql, table, 0, table->cols.col_cnt);
    }
    buf_putz(sql, " BEGIN INSERT INTO _sluice_outbox(commit_us, cnt, body) VALUES(" NOW_US ",1,");
    put_body(sql, table, op);
    buf_putz(sql, "); END");
    buf_fini(&name);
}

/* Is a trigger of this name there, and with this text? */
static int look(sqlite3 *db, struct str name, struct str text, bool *there, bool *same) {
    sqlite3_stmt *stmt;
    *there = *same = false;
    int err = lite_db_prepare(db, "SELECT sql FROM sqlite_schema WHERE type='trigger' AND "
                              "name=?1 COLLATE NOCASE", &stmt);
    if (err) return err;
    lite_db_bind(stmt, 1, name);
    int got = lite_db_step(stmt);
    if (got > 0) {
        *there = true;
        *same = str_eq(lite_db_text(stmt, 0), text);
    }
    sqlite3_finalize(stmt);
    return MIN(got, 0);
}

static int drop(sqlite3 *db, struct str name) {
    struct buf sql;
    buf_init(&sql, LITE_DB_SQL_MAX);
    buf_putz(&sql, "DROP TRIGGER ");
    lite_db_name(&sql, name);
    int err = lite_db_run(db, &sql);
    buf_fini(&sql);
    return err;
}

static int sync_one(sqlite3 *db, const struct lite_table *table, const char *kind, bool *changed) {
    struct buf sql, name;
    bool there, same, wanted = table->cols.captured && table->cols.is_there;
    buf_init(&sql, LITE_DB_SQL_MAX);
    buf_init(&name, 4 * LANDING_COLS_NAME_MAX);
    put_name(&name, table->cols.name, kind);
    if (wanted) put_trigger(&sql, table, kind);
    int err = look(db, buf_str(&name), buf_str(&sql), &there, &same);
    if (!err && there && !(wanted && same)) {
        err = drop(db, buf_str(&name));
        *changed = true;
    }
    if (!err && wanted && !same) {
        err = lite_db_run(db, &sql);
        *changed = true;
    }
    buf_fini(&sql);
    buf_fini(&name);
    return err;
}

int lite_trigger_sync(sqlite3 *db, const struct lite_table *table, bool *changed) {
    assert(table->cols.loaded);
    *changed = false;
    int err = sync_one(db, table, "insert", changed);
    if (!err) err = sync_one(db, table, "update", changed);
    if (!err) err = sync_one(db, table, "delete", changed);
    return err;
}

int lite_trigger_foreign(sqlite3 *db, bool *out) {
    int64_t cnt = 0;
    int err = lite_db_i64(db, "SELECT count(*) FROM sqlite_schema WHERE type='trigger' AND "
                          "substr(name,1,8)<>'_sluice_'", &cnt);
    *out = cnt > 0;
    return err;
}
