/* pg_widen.c - tables that are made from their first rows and widened by later ones.
 *
 * Columns are only ever added. A column's type changes when a value comes that it cannot hold:
 * bigint becomes double precision if no digit is lost by it, all else becomes json (a key: jsonb,
 * which can be compared). PostgreSQL rewrites the table then, so it happens once a column. A column
 * that was null in all rows so far is json, and gets its type with its first value. */
#include "landing/postgres/pg_widen.h"

#include "base/err.h"

#define CUT_LEN 58 /* of a name that is too long, so that a number has room behind it */

static void make_names(struct map *names, const struct pg_table *table) {
    static const char *const system[] = {"tableoid", "ctid", "xmin", "xmax", "cmin", "cmax"};
    map_init(names);
    for (size_t i = 0; i < ARRAY_LEN(system); i++) map_put(names, str_of(system[i]), names);
    for (size_t i = 0; i < table->col_cnt; i++) map_put(names, table->col[i].name, names);
}

/* A column's name for a member: its own, but printable, short enough, not empty and not taken. */
static struct str free_name(struct map *names, struct str member, struct arena *arena) {
    size_t len = member.len;
    char *plain = arena_strz(arena, member);
    if (len > PG_CONN_NAME_MAX)
        for (len = CUT_LEN; len && ((unsigned char)member.ptr[len] & 0xC0) == 0x80;) len--;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)plain[i] < 0x20) plain[i] = '_';
    struct str first = len ? (struct str){plain, len} : STR("_"), name = first;
    size_t head = MIN(first.len, CUT_LEN);
    while (head < first.len && head && ((unsigned char)first.ptr[head] & 0xC0) == 0x80) head--;
    for (int n = 2; map_get(names, name); n++)
        name = arena_printf(arena, "%.*s_%d", (int)head, first.ptr, n);
    map_put(names, name, names);
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

struct widen {
    struct pg_conn *conn;
    struct pg_table *table;
    struct arena arena;
    struct map names;      /* columns' */
    struct pg_col *fresh;  /* to be added */
    size_t fresh_cnt;
};

static bool is_key_path(const struct pg_table *table, struct str path) {
    for (size_t i = 0; i < table->key_cnt; i++)
        if (str_eq(table->key[i], path)) return true;
    return false;
}

static int add_member(struct widen *widen, const struct field *field) {
    struct pg_table *table = widen->table;
    if (map_get(&table->by_member, field->name)) return 0;
    if (table->col_cnt + widen->fresh_cnt >= LANDING_COL_MAX)
        return err_fail(ERR_TOO_BIG, "table %.*s: rows with more than %d different members",
                        STR_ARG(table->name), LANDING_COL_MAX);
    if (field->name.len > PG_TABLE_NAME_MAX)
        return err_fail(ERR_TOO_BIG, "table %.*s: a member's name of %zu bytes, at most %d are "
                        "taken", STR_ARG(table->name), field->name.len, PG_TABLE_NAME_MAX);
    struct pg_col *col = &widen->fresh[widen->fresh_cnt++];
    col->member = field->name;
    col->name = free_name(&widen->names, field->name, &widen->arena);
    col->type = field->type;
    col->is_key = is_key_path(table, field->name);
    return 0;
}

/* Key paths first: their columns are what a reader looks for. */
static int add_paths(struct widen *widen, const struct type *row) {
    struct pg_table *table = widen->table;
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
        struct pg_col *col = &widen->fresh[widen->fresh_cnt++];
        col->path = path;
        col->name = free_name(&widen->names, path, &widen->arena);
        col->type = path_type(row, path);
        col->is_key = true;
    }
    return 0;
}

static void put_decl(struct buf *sql, const struct pg_col *col) {
    pg_conn_name(sql, col->name);
    buf_printf(sql, " %s", pg_value_decl(col->type, col->is_key));
}

static int create(struct widen *widen) {
    struct pg_table *table = widen->table;
    struct buf sql;
    buf_init(&sql, PG_CONN_SQL_MAX);
    buf_putz(&sql, "CREATE TABLE ");
    pg_conn_name(&sql, table->name);
    for (size_t i = 0; i < widen->fresh_cnt; i++) {
        buf_putz(&sql, i ? ", " : "(");
        put_decl(&sql, &widen->fresh[i]);
    }
    for (size_t k = 0; k < table->key_cnt; k++) {
        buf_putz(&sql, k ? ", " : ", PRIMARY KEY(");
        for (size_t i = 0; i < widen->fresh_cnt; i++) {
            const struct pg_col *col = &widen->fresh[i];
            if (str_eq(col->member.ptr ? col->member : col->path, table->key[k]))
                pg_conn_name(&sql, col->name);
        }
    }
    buf_putz(&sql, table->key_cnt ? "))" : ")");
    int err = pg_conn_do_buf(widen->conn, &sql);
    buf_fini(&sql);
    return err;
}

static int alter(struct widen *widen) {
    struct buf sql;
    if (!widen->fresh_cnt) return 0;
    buf_init(&sql, PG_CONN_SQL_MAX);
    buf_putz(&sql, "ALTER TABLE ");
    pg_table_rel(widen->table, &sql);
    for (size_t i = 0; i < widen->fresh_cnt; i++) {
        buf_putz(&sql, i ? ", ADD COLUMN " : " ADD COLUMN ");
        put_decl(&sql, &widen->fresh[i]);
    }
    int err = pg_conn_do_buf(widen->conn, &sql);
    buf_fini(&sql);
    return err;
}

/* What is to be remembered of columns whose name alone does not say it. */
static int put_columns(struct widen *widen) {
    int err = 0;
    for (size_t i = 0; i < widen->fresh_cnt && !err; i++) {
        const struct pg_col *col = &widen->fresh[i];
        if (col->member.ptr && str_eq(col->member, col->name)) continue;
        struct str param[] = {widen->table->name, col->name, STR_NULL, col->path};
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
    struct pg_table *table = widen->table;
    int err = add_paths(widen, row);
    for (uint32_t i = 0; i < row->field_cnt && !err; i++) err = add_member(widen, &row->field[i]);
    if (!err) err = table->is_there ? alter(widen) : create(widen);
    if (!err) err = put_columns(widen);
    return err ? err : put_row_type(widen->conn, table->name, row);
}

int pg_widen_table(struct pg_conn *conn, struct pg_table *table, const struct type *row) {
    assert(table->loaded && row->kind == TYPE_STRUCT);
    struct widen widen = {.conn = conn, .table = table};
    make_names(&widen.names, table);
    widen.fresh = base_calloc(LANDING_COL_MAX, sizeof *widen.fresh);
    int err = row->field_cnt ? apply(&widen, row)
                             : err_fail(ERR_INVAL, "table %.*s: its rows have no members",
                                        STR_ARG(table->name));
    base_free(widen.fresh);
    map_fini(&widen.names);
    arena_fini(&widen.arena);
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

static int choose(struct pg_conn *conn, const struct pg_table *table, const struct pg_col *col,
                  const struct json_value *value, const char **out) {
    bool any = false;
    struct pg_type real = pg_value_type(701, 0);
    const char *decl = pg_value_decl(col->type, col->is_key);
    *out = col->is_key ? "jsonb" : "json";
    if (col->pg.kind == PG_VALUE_JSON) { /* null so far, for all we know */
        int err = any_row(conn, table, col->name, "IS NOT NULL", &any);
        *out = any ? NULL : decl;
        return err;
    }
    if (col->pg.kind != PG_VALUE_INT || !pg_value_fits(&real, value)) return 0;
    int err = any_row(conn, table, col->name, "NOT BETWEEN -9007199254740992 AND 9007199254740992",
                      &any);
    if (!err && !any) *out = "double precision";
    return err;
}

int pg_widen_column(struct pg_conn *conn, struct pg_table *table, size_t at,
                    const struct json_value *value) {
    const struct pg_col *col = &table->col[at];
    const char *to = NULL;
    if (table->theirs)
        return err_fail(ERR_TYPE, "table %.*s is another program's, and its column %.*s cannot "
                        "hold %.*s", STR_ARG(table->name), STR_ARG(col->name),
                        (int)MIN(value->raw.len, 100), value->raw.ptr);
    int err = choose(conn, table, col, value, &to);
    if (err) return err;
    if (!to) return pg_table_load(conn, table, false); /* somebody else's json: it holds all */
    struct buf sql;
    buf_init(&sql, 64 * KIB);
    buf_putz(&sql, "ALTER TABLE ");
    pg_table_rel(table, &sql);
    buf_putz(&sql, " ALTER COLUMN ");
    pg_conn_name(&sql, col->name);
    buf_printf(&sql, " TYPE %s USING ", to);
    if (col->pg.kind == PG_VALUE_JSON) {
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
