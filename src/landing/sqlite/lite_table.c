/* lite_table.c - loading, declaring and asking a landing table. (lite_widen.c makes it grow.) */
#include "landing/sqlite/lite_table.h"

#include "base/err.h"

struct lite_table *lite_table_new(struct str name) {
    struct lite_table *table = base_calloc(1, sizeof *table);
    char *copy = base_alloc(name.len + 1);
    memcpy(copy, name.ptr, name.len);
    copy[name.len] = 0;
    table->name = (struct str){copy, name.len};
    map_init(&table->by_member);
    return table;
}

void lite_table_forget(struct lite_table *table) {
    sqlite3_finalize(table->insert);
    sqlite3_finalize(table->find);
    sqlite3_finalize(table->update);
    table->insert = table->find = table->update = NULL;
    map_fini(&table->by_member);
    arena_fini(&table->arena);
    table->col = NULL, table->col_cnt = 0;
    table->key = NULL, table->key_cnt = 0;
    table->key_col = NULL;
    table->row = NULL;
    table->loaded = table->is_there = false;
}

void lite_table_free(struct lite_table *table) {
    if (!table) return;
    lite_table_forget(table);
    base_free((void *)(uintptr_t)table->name.ptr);
    base_free(table);
}

int lite_table_name_check(struct str name) {
    const char *why = NULL;
    if (!name.len) why = "is empty";
    else if (name.len > LITE_NAME_MAX) why = "is over 255 bytes";
    else if (memchr(name.ptr, 0, name.len)) why = "has a zero byte";
    else if (!str_utf8(name)) why = "is not UTF-8";
    else if (str_ieq((struct str){name.ptr, MIN(name.len, 7)}, STR("sqlite_"))) why = "is SQLite's";
    else if (str_ieq((struct str){name.ptr, MIN(name.len, 7)}, STR("_sluice"))) why = "is sluice's";
    if (!why) return 0;
    return err_fail(ERR_INVAL, "table name '%.*s' %s; choose another", (int)MIN(name.len, 80),
                    name.ptr, why);
}

/* ---- loading ---- */

/* The paths of a JSON list of strings. */
static int parse_key(struct lite_table *table, struct str text) {
    struct json in;
    struct json_value value;
    size_t cnt = 0;
    for (int pass = 0; pass < 2; pass++) {
        json_open(&in, text, 0);
        json_array(&in);
        for (cnt = 0; json_item(&in) && json_value(&in, &value); cnt++)
            if (pass)
                table->key[cnt] = arena_str(&table->arena, json_text(&value, &table->arena));
        json_close(&in);
        int err = json_err(&in);
        if (err) return err_add(err, "_sluice_table: key of %.*s", STR_ARG(table->name));
        if (!pass) table->key = arena_array(&table->arena, struct str, cnt);
    }
    table->key_cnt = cnt;
    return 0;
}

static int load_meta(sqlite3 *db, struct lite_table *table, bool *known) {
    sqlite3_stmt *stmt;
    *known = false;
    int err = lite_db_prepare(db, "SELECT key, row, captured, theirs FROM _sluice_table "
                              "WHERE name=?1", &stmt);
    if (err) return err;
    lite_db_bind(stmt, 1, table->name);
    int got = lite_db_step(stmt);
    if (got > 0) {
        *known = true;
        table->captured = sqlite3_column_int(stmt, 2);
        table->theirs = sqlite3_column_int(stmt, 3);
        struct str row = arena_str(&table->arena, lite_db_text(stmt, 1));
        got = parse_key(table, lite_db_text(stmt, 0));
        if (!got && row.len) got = type_parse(row, &table->arena, &table->row);
    }
    sqlite3_finalize(stmt);
    return got;
}

static bool plain_step(struct str text) {
    for (size_t i = 0; i < text.len; i++)
        if (strchr(".[]'\"$ ", text.ptr[i])) return false;
    return text.len > 0;
}

/* Fills head and rest from path. */
static int compile_path(struct lite_table *table, struct lite_col *col) {
    struct str rest, head = str_cut(col->path, '.', &rest);
    if (rest.ptr && plain_step(head)) col->head = head;
    else rest = col->path;
    return jsonpath_parse(rest, &table->arena, &col->rest);
}

static int load_column(struct lite_table *table, sqlite3_stmt *stmt, struct lite_col *col) {
    struct str decl = lite_db_text(stmt, 1);
    col->name = arena_str(&table->arena, lite_db_text(stmt, 0));
    struct str member = lite_db_text(stmt, 3), path = lite_db_text(stmt, 4);
    col->aff = lite_value_aff(decl);
    col->type = lite_value_type(decl);
    if (path.ptr) {
        col->path = arena_str(&table->arena, path);
        col->shape = LITE_PLAIN;
        return compile_path(table, col);
    }
    col->member = member.ptr ? arena_str(&table->arena, member) : col->name;
    for (uint32_t i = 0; table->row && i < table->row->field_cnt; i++) {
        if (!str_eq(table->row->field[i].name, col->member)) continue;
        col->type = table->row->field[i].type;
        col->is_seen = true;
    }
    col->shape = lite_value_shape(col->type);
    return 0;
}

static int load_columns(sqlite3 *db, struct lite_table *table) {
    static const char sql[] =
        "SELECT t.name, t.type, t.pk, c.member, c.path FROM pragma_table_info(?1) t "
        "LEFT JOIN _sluice_column c ON c.tbl=?1 AND c.name=t.name ORDER BY t.cid";
    sqlite3_stmt *stmt;
    int err = lite_db_prepare(db, sql, &stmt);
    if (err) return err;
    struct lite_col *cols = base_calloc(LANDING_COL_MAX + 1, sizeof *cols);
    struct str *primary = arena_array(&table->arena, struct str, LANDING_COL_MAX + 1);
    size_t primary_cnt = 0, cnt = 0;
    lite_db_bind(stmt, 1, table->name);
    int got;
    while ((got = lite_db_step(stmt)) > 0) {
        if (cnt == LANDING_COL_MAX) {
            got = err_fail(ERR_TOO_BIG, "table %.*s has more than %d columns",
                           STR_ARG(table->name), LANDING_COL_MAX);
            break;
        }
        if ((got = load_column(table, stmt, &cols[cnt]))) break;
        int pk = sqlite3_column_int(stmt, 2);
        if (pk > 0 && pk <= LANDING_COL_MAX) {
            primary[pk - 1] = cols[cnt].member.ptr ? cols[cnt].member : cols[cnt].path;
            primary_cnt = MAX(primary_cnt, (size_t)pk);
        }
        cnt++;
    }
    sqlite3_finalize(stmt);
    table->col = arena_array(&table->arena, struct lite_col, cnt);
    if (cnt) memcpy(table->col, cols, cnt * sizeof *cols);
    table->col_cnt = cnt;
    base_free(cols);
    if (!table->key) table->key = primary, table->key_cnt = primary_cnt;
    return got;
}

static int find_key(const struct lite_table *table, struct str path, size_t *out) {
    for (size_t i = 0; i < table->col_cnt; i++) {
        const struct lite_col *col = &table->col[i];
        if (!str_eq(col->member.ptr ? col->member : col->path, path)) continue;
        *out = i;
        return 0;
    }
    return err_fail(ERR_CONFLICT, "table %.*s has no column for its key %.*s",
                    STR_ARG(table->name), STR_ARG(path));
}

static int load_there(sqlite3 *db, struct lite_table *table) {
    sqlite3_stmt *stmt;
    int err = lite_db_prepare(
        db, "SELECT 1 FROM sqlite_schema WHERE type='table' AND name=?1 COLLATE NOCASE", &stmt);
    if (err) return err;
    lite_db_bind(stmt, 1, table->name);
    int got = lite_db_step(stmt);
    table->is_there = got > 0;
    sqlite3_finalize(stmt);
    return MIN(got, 0);
}

int lite_table_load(sqlite3 *db, struct lite_table *table) {
    bool known;
    lite_table_forget(table);
    int err = load_meta(db, table, &known);
    if (!err) err = load_there(db, table);
    if (!err && table->is_there) err = load_columns(db, table);
    if (!known) table->theirs = table->is_there;
    if (err) return err;
    for (size_t i = 0; i < table->col_cnt; i++)
        if (table->col[i].member.ptr)
            map_put(&table->by_member, table->col[i].member, (void *)(uintptr_t)(i + 1));
    for (size_t i = 0; i < table->col_cnt; i++)
        if (table->col[i].head.ptr)
            table->col[i].head_col = (uintptr_t)map_get(&table->by_member, table->col[i].head);
    table->key_col = arena_array(&table->arena, size_t, table->key_cnt);
    for (size_t i = 0; i < table->key_cnt && table->is_there; i++) {
        if ((err = find_key(table, table->key[i], &table->key_col[i]))) return err;
        table->col[table->key_col[i]].is_key = true;
    }
    table->loaded = true;
    return 0;
}

/* ---- declaring ---- */

static bool key_is(const struct lite_table *table, const struct landing_table *decl) {
    if (table->key_cnt != decl->key_cnt) return false;
    for (size_t i = 0; i < decl->key_cnt; i++)
        if (!str_eq(table->key[i], decl->key[i])) return false;
    return true;
}

static int check_key(const struct landing_table *decl) {
    struct arena arena = ARENA_INIT;
    int err = 0;
    if (decl->key_cnt > LANDING_COL_MAX)
        return err_fail(ERR_TOO_BIG, "table %.*s: a key of %zu columns", STR_ARG(decl->name),
                        decl->key_cnt);
    for (size_t i = 0; i < decl->key_cnt && !err; i++) {
        const struct jsonpath *path;
        err = lite_table_name_check(decl->key[i]);
        if (!err) err = jsonpath_parse(decl->key[i], &arena, &path);
        if (!err && jsonpath_many(path))
            err = err_fail(ERR_CONFIG, "key '%.*s' may match more than once in a row",
                           STR_ARG(decl->key[i]));
    }
    arena_fini(&arena);
    return err ? err_add(err, "key of table %.*s", STR_ARG(decl->name)) : 0;
}

static void format_key(const struct str *key, size_t cnt, struct buf *out) {
    buf_putc(out, '[');
    for (size_t i = 0; i < cnt; i++) {
        if (i) buf_putc(out, ',');
        buf_json(out, key[i]);
    }
    buf_putc(out, ']');
}

int lite_table_declare(sqlite3 *db, struct lite_table *table, const struct landing_table *decl) {
    int err = check_key(decl);
    if (!err) err = lite_table_load(db, table);
    if (err) return err;
    bool any_key = !decl->key_cnt && table->theirs;
    if (table->is_there && !any_key && !key_is(table, decl)) {
        struct buf is;
        buf_init(&is, 4096);
        format_key(table->key, table->key_cnt, &is);
        err = err_fail(ERR_CONFLICT, "table %.*s is there with the key %.*s; give it that key, or "
                       "land into another table", STR_ARG(table->name), STR_ARG(buf_str(&is)));
        buf_fini(&is);
        return err;
    }
    struct buf key;
    buf_init(&key, MIB);
    if (table->is_there) format_key(table->key, table->key_cnt, &key);
    else format_key(decl->key, decl->key_cnt, &key);
    sqlite3_stmt *stmt;
    err = lite_db_prepare(db, "INSERT INTO _sluice_table(name, key, captured, theirs) "
                          "VALUES(?1, ?2, ?3, ?4) ON CONFLICT(name) DO UPDATE SET key=?2, "
                          "captured=?3 WHERE key<>?2 OR captured<>?3", &stmt);
    if (!err) {
        lite_db_bind(stmt, 1, table->name);
        lite_db_bind(stmt, 2, buf_str(&key));
        sqlite3_bind_int(stmt, 3, decl->captured);
        sqlite3_bind_int(stmt, 4, table->theirs);
        err = lite_db_do(stmt);
        sqlite3_finalize(stmt);
    }
    buf_fini(&key);
    return err ? err : lite_table_load(db, table);
}

/* ---- statements ---- */

void lite_table_columns(const struct lite_table *table, struct buf *sql) {
    for (size_t i = 0; i < table->col_cnt; i++) {
        if (i) buf_putc(sql, ',');
        lite_db_name(sql, table->col[i].name);
    }
}

static void put_keys(const struct lite_table *table, struct buf *sql) {
    buf_putz(sql, " WHERE ");
    for (size_t i = 0; i < table->key_cnt; i++) {
        if (i) buf_putz(sql, " AND ");
        lite_db_name(sql, table->col[table->key_col[i]].name);
        buf_printf(sql, "=?%zu", table->key_col[i] + 1);
    }
}

static int prepare_insert(sqlite3 *db, struct lite_table *table, struct buf *sql) {
    buf_putz(sql, "INSERT INTO ");
    lite_db_name(sql, table->name);
    buf_putc(sql, '(');
    lite_table_columns(table, sql);
    buf_putz(sql, ") VALUES(");
    for (size_t i = 0; i < table->col_cnt; i++) buf_printf(sql, "%s?%zu", i ? "," : "", i + 1);
    buf_putc(sql, ')');
    for (size_t i = 0; i < table->key_cnt; i++) {
        buf_putz(sql, i ? "," : " ON CONFLICT(");
        lite_db_name(sql, table->col[table->key_col[i]].name);
    }
    if (table->key_cnt) buf_putz(sql, ") DO NOTHING");
    return lite_db_prepare_buf(db, sql, &table->insert);
}

static int prepare_update(sqlite3 *db, struct lite_table *table, struct buf *sql) {
    bool any = false;
    buf_reset(sql);
    buf_putz(sql, "UPDATE ");
    lite_db_name(sql, table->name);
    for (size_t i = 0; i < table->col_cnt; i++) {
        if (table->col[i].is_key) continue;
        buf_putz(sql, any ? "," : " SET ");
        any = true;
        lite_db_name(sql, table->col[i].name);
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
    if (!err && table->key_cnt) {
        buf_reset(&sql);
        buf_putz(&sql, "SELECT ");
        lite_table_columns(table, &sql);
        buf_putz(&sql, " FROM ");
        lite_db_name(&sql, table->name);
        put_keys(table, &sql);
        err = lite_db_prepare_buf(db, &sql, &table->find);
        if (!err) err = prepare_update(db, table, &sql);
    }
    buf_fini(&sql);
    return err;
}

void lite_table_row(const struct lite_table *table, sqlite3_stmt *stmt, struct buf *out) {
    char mark = '{';
    for (size_t i = 0; i < table->col_cnt; i++) {
        const struct lite_col *col = &table->col[i];
        if (!col->member.ptr) continue;
        buf_putc(out, mark);
        mark = ',';
        buf_json(out, col->member);
        buf_putc(out, ':');
        lite_value_json(stmt, (int)i, col->shape, out);
    }
    if (mark == '{') buf_putc(out, mark);
    buf_putc(out, '}');
}
