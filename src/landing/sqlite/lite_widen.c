/* lite_widen.c - tables that are made from their first rows and widened by later ones.
 *
 * Columns are only ever added. A column's declared type stays what it was at first; when later
 * values are of another kind, the way a value is stored (lite_value.h) keeps them apart. Two
 * changes of type need what is stored to be rewritten once, since INTEGER and TEXT were read by the
 * column's type before: BOOLEAN to anything, and JSON to anything. */
#include "landing/sqlite/lite_widen.h"

#include "base/err.h"

/* What is to be remembered of a column whose name alone does not say it. */
static int put_column(sqlite3 *db, struct str table, const struct lite_col *col) {
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

static bool taken(const struct map *names, struct str name, struct arena *arena) {
    char *low = arena_strz(arena, name);
    for (char *c = low; *c; c++)
        if (*c >= 'A' && *c <= 'Z') *c = (char)(*c + 32);
    return map_get(names, (struct str){low, name.len});
}

static void take(struct map *names, struct str name, struct arena *arena) {
    char *low = arena_strz(arena, name);
    for (char *c = low; *c; c++)
        if (*c >= 'A' && *c <= 'Z') *c = (char)(*c + 32);
    map_put(names, (struct str){low, name.len}, low);
}

/* A column's name for a member: its own, but printable, not empty and not taken. */
static struct str free_name(struct map *names, struct str member, struct arena *arena) {
    char *plain = arena_strz(arena, member);
    for (size_t i = 0; i < member.len; i++)
        if ((unsigned char)plain[i] < 0x20) plain[i] = '_';
    struct str first = member.len ? (struct str){plain, member.len} : STR("_"), name = first;
    for (int n = 2; taken(names, name, arena); n++)
        name = arena_printf(arena, "%.*s_%d", STR_ARG(first), n);
    take(names, name, arena);
    return name;
}

/* The type at the end of a path of plain names; else STRING. */
static const struct type *path_type(const struct type *row, struct str path) {
    while (path.ptr) {
        struct str step = str_cut(path, '.', &path);
        const struct type *next = NULL;
        if (row->kind != TYPE_STRUCT) return type_of(TYPE_STRING);
        for (uint32_t i = 0; i < row->field_cnt && !next; i++)
            if (str_eq(row->field[i].name, step)) next = row->field[i].type;
        if (!next) return type_of(TYPE_STRING);
        row = next;
    }
    return row->kind < TYPE_STRUCT ? row : type_of(TYPE_STRING);
}

/* INTEGER PRIMARY KEY would be SQLite's rowid, which takes no text ever. */
static void put_decl(struct buf *sql, const struct lite_col *col) {
    const char *decl = lite_value_decl(col->type);
    lite_db_name(sql, col->name);
    if (*decl) buf_printf(sql, " %s", col->is_key && !strcmp(decl, "INTEGER") ? "BIGINT" : decl);
    if (col->is_key) buf_putz(sql, " NOT NULL");
}

struct widen {
    sqlite3 *db;
    struct lite_table *table;
    struct arena arena;
    struct map names;       /* columns', in lower case */
    struct lite_col *fresh; /* to be added */
    size_t fresh_cnt;
};

static bool is_key_path(const struct lite_table *table, struct str path) {
    for (size_t i = 0; i < table->key_cnt; i++)
        if (str_eq(table->key[i], path)) return true;
    return false;
}

static int add_member(struct widen *widen, const struct field *field) {
    struct lite_table *table = widen->table;
    if (map_get(&table->by_member, field->name)) return 0;
    if (table->col_cnt + widen->fresh_cnt >= LANDING_COL_MAX)
        return err_fail(ERR_TOO_BIG, "table %.*s: rows with more than %d different members",
                        STR_ARG(table->name), LANDING_COL_MAX);
    if (field->name.len > LITE_NAME_MAX)
        return err_fail(ERR_TOO_BIG, "table %.*s: a member's name of %zu bytes, at most %d are "
                        "taken", STR_ARG(table->name), field->name.len, LITE_NAME_MAX);
    struct lite_col *col = &widen->fresh[widen->fresh_cnt++];
    col->member = field->name;
    col->name = free_name(&widen->names, field->name, &widen->arena);
    col->type = field->type;
    col->is_key = is_key_path(table, field->name);
    return 0;
}

/* Key paths first: their columns are what a reader looks for. */
static int add_paths(struct widen *widen, const struct type *row) {
    struct lite_table *table = widen->table;
    for (size_t i = 0; i < table->key_cnt && !table->is_there; i++) {
        struct str path = table->key[i];
        bool is_member = false;
        for (uint32_t f = 0; f < row->field_cnt; f++)
            is_member |= str_eq(row->field[f].name, path);
        if (is_member) continue;
        if (!memchr(path.ptr, '.', path.len) && !memchr(path.ptr, '[', path.len) &&
            path.ptr[0] != '$')
            return err_fail(ERR_INVAL, "table %.*s: no row has its key, %.*s",
                            STR_ARG(table->name), STR_ARG(path));
        if (widen->fresh_cnt >= LANDING_COL_MAX)
            return err_fail(ERR_TOO_BIG, "table %.*s: too many keys", STR_ARG(table->name));
        struct lite_col *col = &widen->fresh[widen->fresh_cnt++];
        col->path = path;
        col->name = free_name(&widen->names, path, &widen->arena);
        col->type = path_type(row, path);
        col->is_key = true;
    }
    return 0;
}

static int create(struct widen *widen) {
    struct lite_table *table = widen->table;
    struct buf sql;
    buf_init(&sql, LITE_DB_SQL_MAX);
    buf_putz(&sql, "CREATE TABLE ");
    lite_db_name(&sql, table->name);
    for (size_t i = 0; i < widen->fresh_cnt; i++) {
        buf_putz(&sql, i ? ", " : "(");
        put_decl(&sql, &widen->fresh[i]);
    }
    for (size_t k = 0; k < table->key_cnt; k++) {
        buf_putz(&sql, k ? ", " : ", PRIMARY KEY(");
        for (size_t i = 0; i < widen->fresh_cnt; i++) {
            const struct lite_col *col = &widen->fresh[i];
            if (str_eq(col->member.ptr ? col->member : col->path, table->key[k]))
                lite_db_name(&sql, col->name);
        }
    }
    buf_putz(&sql, table->key_cnt ? "))" : ")");
    int err = lite_db_run(widen->db, &sql);
    buf_fini(&sql);
    return err;
}

static int alter(struct widen *widen) {
    struct buf sql;
    int err = 0;
    buf_init(&sql, LITE_DB_SQL_MAX);
    for (size_t i = 0; i < widen->fresh_cnt && !err; i++) {
        buf_reset(&sql);
        buf_putz(&sql, "ALTER TABLE ");
        lite_db_name(&sql, widen->table->name);
        buf_putz(&sql, " ADD COLUMN ");
        put_decl(&sql, &widen->fresh[i]);
        err = lite_db_run(widen->db, &sql);
    }
    buf_fini(&sql);
    return err;
}

/* Rewrites a column whose INTEGERs were booleans, or TEXTs JSON, and are so no longer. */
static int rewrite(struct widen *widen, const struct lite_col *col, const struct type *now) {
    enum lite_value_shape shape = lite_value_shape(now);
    if (!col->is_seen || col->shape == LITE_PLAIN || col->shape == shape) return 0;
    struct buf sql;
    buf_init(&sql, LITE_DB_SQL_MAX);
    buf_putz(&sql, "UPDATE ");
    lite_db_name(&sql, widen->table->name);
    buf_putz(&sql, " SET ");
    lite_db_name(&sql, col->name);
    buf_putz(&sql, col->shape == LITE_BOOL ? "=CAST(CASE " : "=CAST(");
    lite_db_name(&sql, col->name);
    if (col->shape == LITE_BOOL) buf_putz(&sql, " WHEN 0 THEN 'false' ELSE 'true' END");
    buf_putz(&sql, " AS BLOB) WHERE ");
    if (col->shape == LITE_JSON) {
        buf_putz(&sql, "json_valid(");
        lite_db_name(&sql, col->name);
        buf_putz(&sql, ") AND ");
    }
    buf_putz(&sql, "typeof(");
    lite_db_name(&sql, col->name);
    buf_putz(&sql, col->shape == LITE_BOOL ? ")='integer'" : ")='text'");
    if (col->shape == LITE_BOOL) {
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
    int err = 0;
    for (size_t i = 0; i < table->col_cnt; i++)
        take(&widen->names, table->col[i].name, &widen->arena);
    err = add_paths(widen, row);
    for (uint32_t i = 0; i < row->field_cnt && !err; i++) err = add_member(widen, &row->field[i]);
    if (!err) err = table->is_there ? alter(widen) : create(widen);
    for (size_t i = 0; i < widen->fresh_cnt && !err; i++) {
        const struct lite_col *col = &widen->fresh[i];
        if (!col->member.ptr || !str_eq(col->member, col->name))
            err = put_column(widen->db, table->name, col);
    }
    for (uint32_t i = 0; i < row->field_cnt && !err; i++) {
        size_t at = (uintptr_t)map_get(&table->by_member, row->field[i].name);
        if (at) err = rewrite(widen, &table->col[at - 1], row->field[i].type);
    }
    return err ? err : put_row_type(widen->db, table->name, row);
}

int lite_widen_table(sqlite3 *db, struct lite_table *table, const struct type *row) {
    assert(table->loaded && row->kind == TYPE_STRUCT);
    struct widen widen = {.db = db, .table = table};
    map_init(&widen.names);
    widen.fresh = base_calloc(LANDING_COL_MAX, sizeof *widen.fresh);
    int err = row->field_cnt ? apply(&widen, row)
                             : err_fail(ERR_INVAL, "table %.*s: its rows have no members",
                                        STR_ARG(table->name));
    base_free(widen.fresh);
    map_fini(&widen.names);
    arena_fini(&widen.arena);
    return err ? err : lite_table_load(db, table);
}
