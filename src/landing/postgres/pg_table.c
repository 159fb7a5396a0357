/* pg_table.c - loading, declaring and reading a table. (pg_widen.c makes it grow.) */
#include "landing/postgres/pg_table.h"

#include "base/err.h"

struct pg_table *pg_table_new(struct str name) {
    struct pg_table *table = base_calloc(1, sizeof *table);
    char *copy = base_alloc(name.len + 1);
    memcpy(copy, name.ptr, name.len);
    copy[name.len] = 0;
    table->name = (struct str){copy, name.len};
    map_init(&table->by_member);
    return table;
}

void pg_table_forget(struct pg_table *table) {
    struct pg_table kept = {.name = table->name, .declared = table->declared,
                            .captured = table->captured};
    map_fini(&table->by_member);
    arena_fini(&table->arena);
    *table = kept;
    map_init(&table->by_member);
}

void pg_table_free(struct pg_table *table) {
    if (!table) return;
    pg_table_forget(table);
    map_fini(&table->by_member);
    base_free((void *)(uintptr_t)table->name.ptr);
    base_free(table);
}

static int name_check(struct str name, size_t max) {
    const char *why = NULL;
    if (!name.len) why = "is empty";
    else if (name.len > max) why = max == PG_CONN_NAME_MAX ? "is over 63 bytes" : "is too long";
    else if (memchr(name.ptr, 0, name.len)) why = "has a zero byte";
    else if (!str_utf8(name)) why = "is not UTF-8";
    else if (str_ieq((struct str){name.ptr, MIN(name.len, 7)}, STR("sqlite_"))) why = "is SQLite's";
    else if (str_ieq((struct str){name.ptr, MIN(name.len, 7)}, STR("_sluice"))) why = "is sluice's";
    if (!why) return 0;
    return err_fail(ERR_INVAL, "table name '%.*s' %s; choose another", (int)MIN(name.len, 80),
                    name.ptr, why);
}

int pg_table_name_check(struct str name) {
    struct str rel, schema = str_cut(name, '.', &rel);
    bool two = schema.len <= PG_CONN_NAME_MAX && rel.len <= PG_CONN_NAME_MAX;
    return name_check(name, rel.ptr && two ? PG_TABLE_NAME_MAX : PG_CONN_NAME_MAX);
}

/* ---- loading ---- */

/* The paths of a JSON list of strings. */
static int parse_key(struct pg_table *table, struct str text) {
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

/* What stands in our tables as a JSON string. */
static struct str unquote(struct pg_table *table, struct str json) {
    struct json_value value;
    if (!json.ptr || json_whole(json, &value) || value.kind != JSON_STRING) return STR_NULL;
    return arena_str(&table->arena, json_text(&value, &table->arena));
}

static int load_meta(struct pg_conn *conn, struct pg_table *table, bool *known) {
    PGresult *res;
    int err = pg_conn_run(conn, "SELECT key, row, captured, theirs FROM _sluice_table "
                          "WHERE name=$1", &table->name, 1, &res);
    if (err) return err;
    *known = PQntuples(res) > 0;
    if (*known) {
        struct str row = unquote(table, pg_conn_text(res, 0, 1));
        table->captured = str_eqz(pg_conn_text(res, 0, 2), "t");
        table->theirs = str_eqz(pg_conn_text(res, 0, 3), "t");
        err = parse_key(table, pg_conn_text(res, 0, 0));
        if (!err && row.len) err = type_parse(row, &table->arena, &table->row);
    }
    PQclear(res);
    return err;
}

#define STAMP "SELECT md5(string_agg(attnum||','||xmin, ' ' ORDER BY attnum)) FROM pg_attribute "  \
              "WHERE attnum>0 AND attrelid="

static int load_class(struct pg_conn *conn, struct pg_table *table) {
    static const char sql[] =
        "SELECT c.oid, n.nspname, c.relname, c.relreplident, (" STAMP "c.oid) FROM pg_class c"
        " JOIN pg_namespace n ON n.oid=c.relnamespace WHERE c.relkind IN ('r', 'p') AND"
        " ((n.nspname=current_schema() AND c.relname=$1) OR (c.relname=$2 AND n.nspname=$3))"
        " ORDER BY (n.nspname=current_schema() AND c.relname=$1) DESC LIMIT 1";
    struct str param[3] = {table->name, STR(""), STR("")};
    PGresult *res;
    param[2] = str_cut(table->name, '.', &param[1]);
    if (!param[1].ptr) param[1] = STR("");
    int err = pg_conn_run(conn, sql, param, 3, &res);
    if (err) return err;
    table->is_there = PQntuples(res) > 0;
    if (table->is_there) {
        table->oid = (uint32_t)pg_conn_i64(res, 0, 0);
        table->schema = arena_str(&table->arena, pg_conn_text(res, 0, 1));
        table->rel = arena_str(&table->arena, pg_conn_text(res, 0, 2));
        table->identity = pg_conn_text(res, 0, 3).ptr[0];
        struct str stamp = pg_conn_text(res, 0, 4);
        table->stamp = stamp.ptr ? arena_str(&table->arena, stamp) : STR("");
    }
    PQclear(res);
    return 0;
}

static bool plain_step(struct str text) {
    for (size_t i = 0; i < text.len; i++)
        if (strchr(".[]'\"$ ", text.ptr[i])) return false;
    return text.len > 0;
}

/* Fills head and rest from path. */
static int compile_path(struct pg_table *table, struct pg_col *col) {
    struct str rest, head = str_cut(col->path, '.', &rest);
    if (rest.ptr && plain_step(head)) col->head = head;
    else rest = col->path;
    return jsonpath_parse(rest, &table->arena, &col->rest);
}

enum { COL_NAME, COL_TYPE, COL_ELEM, COL_GENERATED, COL_MEMBER, COL_PATH, COL_PRIMARY };

static int load_column(struct pg_table *table, const PGresult *res, int row, struct pg_col *col) {
    struct str member = unquote(table, pg_conn_text(res, row, COL_MEMBER));
    struct str path = pg_conn_text(res, row, COL_PATH);
    col->name = arena_str(&table->arena, pg_conn_text(res, row, COL_NAME));
    col->pg = pg_value_type((uint32_t)pg_conn_i64(res, row, COL_TYPE),
                            (uint32_t)pg_conn_i64(res, row, COL_ELEM));
    col->is_generated = str_eqz(pg_conn_text(res, row, COL_GENERATED), "t");
    col->type = pg_value_model(&col->pg, &table->arena);
    if (path.ptr) {
        col->path = arena_str(&table->arena, path);
        return compile_path(table, col);
    }
    col->member = member.ptr ? member : col->name;
    for (uint32_t i = 0; table->row && i < table->row->field_cnt; i++) {
        if (!str_eq(table->row->field[i].name, col->member)) continue;
        col->type = table->row->field[i].type;
        col->is_seen = true;
        col->is_void = col->type->kind == TYPE_NULL;
    }
    return 0;
}

/* A domain's values are its base type's; one domain over another is looked through once. */
static int ask_columns(struct pg_conn *conn, const struct pg_table *table, bool guest,
                       PGresult **out) {
    struct buf sql;
    buf_init(&sql, PG_CONN_SQL_MAX);
    buf_putz(&sql,
             "SELECT a.attname, b.oid, CASE b.typcategory WHEN 'A' THEN b.typelem ELSE 0 END,"
             " a.attgenerated<>'' OR a.attidentity='a', ");
    buf_putz(&sql, guest ? "NULL, NULL," : "m.member, m.path,");
    buf_putz(&sql,
             " 1+array_position(i.indkey::int2[], a.attnum)"
             " FROM pg_attribute a JOIN pg_type t ON t.oid=a.atttypid JOIN pg_type b ON"
             " b.oid=CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END"
             " LEFT JOIN pg_index i ON i.indrelid=a.attrelid AND i.indisprimary");
    if (!guest) buf_putz(&sql, " LEFT JOIN _sluice_column m ON m.tbl=$1 AND m.name=a.attname");
    buf_printf(&sql, " WHERE a.attrelid=%" PRIu32 " AND a.attnum>0 AND NOT a.attisdropped"
               " AND $1::text IS NOT NULL ORDER BY a.attnum", table->oid);
    buf_putc(&sql, 0);
    int err = pg_conn_run(conn, sql.ptr, &table->name, 1, out);
    buf_fini(&sql);
    return err;
}

static int load_columns(struct pg_conn *conn, struct pg_table *table, bool guest) {
    PGresult *res;
    int err = ask_columns(conn, table, guest, &res);
    if (err) return err;
    size_t cnt = (size_t)PQntuples(res), primary_cnt = 0;
    table->col = arena_array(&table->arena, struct pg_col, cnt);
    struct str *primary = arena_array(&table->arena, struct str, cnt);
    for (size_t i = 0; i < cnt && !err; i++) {
        struct pg_col *col = &table->col[i];
        err = load_column(table, res, (int)i, col);
        size_t at = (size_t)pg_conn_i64(res, (int)i, COL_PRIMARY);
        if (!at || at > cnt) continue;
        primary[at - 1] = col->member.ptr ? col->member : col->path;
        primary_cnt = MAX(primary_cnt, at);
    }
    table->col_cnt = cnt;
    if (!table->key) table->key = primary, table->key_cnt = primary_cnt;
    PQclear(res);
    return err;
}

static int find_key(const struct pg_table *table, struct str path, size_t *out) {
    for (size_t i = 0; i < table->col_cnt; i++) {
        const struct pg_col *col = &table->col[i];
        if (!str_eq(col->member.ptr ? col->member : col->path, path)) continue;
        *out = i;
        return 0;
    }
    return err_fail(ERR_CONFLICT, "table %.*s has no column for its key %.*s",
                    STR_ARG(table->name), STR_ARG(path));
}

int pg_table_load(struct pg_conn *conn, struct pg_table *table, bool guest) {
    bool known = false, captured = table->captured;
    pg_table_forget(table);
    int err = guest ? 0 : load_meta(conn, table, &known);
    if (!err) err = load_class(conn, table);
    if (!err && table->is_there) err = load_columns(conn, table, guest);
    if (!known) table->theirs = table->is_there, table->captured = captured;
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

int pg_table_refresh(struct pg_conn *conn, struct pg_table *table) {
    if (!table->loaded || !table->is_there) return pg_table_load(conn, table, false);
    struct str oid = arena_printf(&table->arena, "%" PRIu32, table->oid);
    PGresult *res;
    int err = pg_conn_run(conn, STAMP "$1::oid", &oid, 1, &res);
    if (err) return err;
    struct str stamp = pg_conn_text(res, 0, 0);
    bool same = stamp.ptr && str_eq(stamp, table->stamp);
    PQclear(res);
    return same ? 0 : pg_table_load(conn, table, false);
}

/* ---- declaring ---- */

static bool key_is(const struct pg_table *table, const struct landing_table *decl) {
    if (table->key_cnt != decl->key_cnt) return false;
    for (size_t i = 0; i < decl->key_cnt; i++)
        if (!str_eq(table->key[i], decl->key[i])) return false;
    return true;
}

int pg_table_check_key(const struct landing_table *decl) {
    struct arena arena = ARENA_INIT;
    int err = 0;
    if (decl->key_cnt > 32) /* columns of an index */
        return err_fail(ERR_TOO_BIG, "table %.*s: a key of %zu columns", STR_ARG(decl->name),
                        decl->key_cnt);
    for (size_t i = 0; i < decl->key_cnt && !err; i++) {
        const struct jsonpath *path;
        err = name_check(decl->key[i], PG_TABLE_NAME_MAX);
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

int pg_table_declare(struct pg_conn *conn, struct pg_table *table,
                     const struct landing_table *decl) {
    static const char sql[] =
        "INSERT INTO _sluice_table(name, key, captured, theirs) VALUES($1, $2, $3::boolean,"
        " $4::boolean) ON CONFLICT(name) DO UPDATE SET key=$2, captured=$3::boolean"
        " WHERE _sluice_table.key<>$2 OR _sluice_table.captured<>$3::boolean";
    struct buf key;
    int err = pg_table_load(conn, table, false);
    if (err) return err;
    bool any_key = !decl->key_cnt && table->theirs;
    buf_init(&key, MIB);
    if (table->is_there && !any_key && !key_is(table, decl)) {
        format_key(table->key, table->key_cnt, &key);
        err = err_fail(ERR_CONFLICT, "table %.*s is there with the key %.*s; give it that key, or "
                       "land into another table", STR_ARG(table->name), STR_ARG(buf_str(&key)));
    } else {
        if (table->is_there) format_key(table->key, table->key_cnt, &key);
        else format_key(decl->key, decl->key_cnt, &key);
        struct str param[] = {decl->name, buf_str(&key), decl->captured ? STR("t") : STR("f"),
                              table->theirs ? STR("t") : STR("f")};
        err = pg_conn_run(conn, sql, param, ARRAY_LEN(param), NULL);
    }
    buf_fini(&key);
    return err ? err : pg_table_load(conn, table, false);
}

/* ---- text ---- */

void pg_table_rel(const struct pg_table *table, struct buf *sql) {
    pg_conn_name(sql, table->schema);
    buf_putc(sql, '.');
    pg_conn_name(sql, table->rel);
}

void pg_table_columns(const struct pg_table *table, struct buf *sql) {
    for (size_t i = 0; i < table->col_cnt; i++) {
        if (i) buf_putc(sql, ',');
        pg_conn_name(sql, table->col[i].name);
    }
}

void pg_table_row(const struct pg_table *table, const struct str *text, struct buf *out) {
    char mark = '{';
    for (size_t i = 0; i < table->col_cnt; i++) {
        const struct pg_col *col = &table->col[i];
        if (!col->member.ptr) continue;
        buf_putc(out, mark);
        mark = ',';
        buf_json(out, col->member);
        buf_putc(out, ':');
        pg_value_json(&col->pg, text[i], out);
    }
    if (mark == '{') buf_putc(out, mark);
    buf_putc(out, '}');
}
