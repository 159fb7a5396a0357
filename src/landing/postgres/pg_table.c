/* pg_table.c - loading, declaring and reading a table. (pg_widen.c makes it grow.) */
#include "landing/postgres/pg_table.h"

#include "base/err.h"

static void put_decl(struct buf *sql, const struct landing_col *col) {
    buf_printf(sql, " %s", pg_value_decl(col->type, col->is_key));
}

static const char *const reserved[] = {"tableoid", "ctid", "xmin", "xmax", "cmin", "cmax", NULL};

const struct landing_dialect pg_table_dialect = {
    .name_max = PG_CONN_NAME_MAX,
    .reserved = reserved,
    .put_name = pg_conn_name,
    .put_decl = put_decl,
};

struct pg_table *pg_table_new(struct str name) {
    struct pg_table *table = base_calloc(1, sizeof *table);
    landing_cols_init(&table->cols, name);
    return table;
}

void pg_table_forget(struct pg_table *table) {
    landing_cols_forget(&table->cols);
    *table = (struct pg_table){.cols = table->cols};
}

void pg_table_free(struct pg_table *table) {
    if (!table) return;
    landing_cols_fini(&table->cols);
    base_free(table);
}

int pg_table_name_check(struct str name) {
    struct str rel, schema = str_cut(name, '.', &rel);
    bool two = schema.len <= PG_CONN_NAME_MAX && rel.len <= PG_CONN_NAME_MAX;
    return landing_cols_check_name(name, rel.ptr && two ? LANDING_COLS_NAME_MAX
                                                        : PG_CONN_NAME_MAX);
}

/* ---- loading ---- */

/* What stands in our tables as a JSON string. */
static struct str unquote(struct pg_table *table, struct str json) {
    struct json_value value;
    if (!json.ptr || json_whole(json, &value) || value.kind != JSON_STRING) return STR_NULL;
    return arena_str(&table->cols.arena, json_text(&value, &table->cols.arena));
}

static int load_meta(struct pg_conn *conn, struct pg_table *table, bool *known) {
    PGresult *res;
    int err = pg_conn_run(conn, "SELECT key, row, captured, theirs FROM _sluice_table "
                          "WHERE name=$1", &table->cols.name, 1, &res);
    if (err) return err;
    *known = PQntuples(res) > 0;
    if (*known) {
        struct str row = unquote(table, pg_conn_text(res, 0, 1));
        table->cols.captured = str_eqz(pg_conn_text(res, 0, 2), "t");
        table->cols.theirs = str_eqz(pg_conn_text(res, 0, 3), "t");
        err = landing_cols_set_meta(&table->cols, pg_conn_text(res, 0, 0), row);
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
    struct str param[3] = {table->cols.name, STR(""), STR("")};
    PGresult *res;
    param[2] = str_cut(table->cols.name, '.', &param[1]);
    if (!param[1].ptr) param[1] = STR("");
    int err = pg_conn_run(conn, sql, param, 3, &res);
    if (err) return err;
    table->cols.is_there = PQntuples(res) > 0;
    if (table->cols.is_there) {
        table->oid = (uint32_t)pg_conn_i64(res, 0, 0);
        table->schema = arena_str(&table->cols.arena, pg_conn_text(res, 0, 1));
        table->rel = arena_str(&table->cols.arena, pg_conn_text(res, 0, 2));
        table->identity = pg_conn_text(res, 0, 3).ptr[0];
        struct str stamp = pg_conn_text(res, 0, 4);
        table->stamp = stamp.ptr ? arena_str(&table->cols.arena, stamp) : STR("");
    }
    PQclear(res);
    return 0;
}

enum { COL_NAME, COL_TYPE, COL_ELEM, COL_GENERATED, COL_MEMBER, COL_PATH, COL_PRIMARY };

static int load_column(struct pg_table *table, const PGresult *res, int row) {
    struct landing_col *col = &table->cols.col[row];
    struct pg_col *as = &table->col[row];
    struct str member = unquote(table, pg_conn_text(res, row, COL_MEMBER));
    col->name = arena_str(&table->cols.arena, pg_conn_text(res, row, COL_NAME));
    as->pg = pg_value_type((uint32_t)pg_conn_i64(res, row, COL_TYPE),
                           (uint32_t)pg_conn_i64(res, row, COL_ELEM));
    as->is_generated = str_eqz(pg_conn_text(res, row, COL_GENERATED), "t");
    col->type = pg_value_model(&as->pg, &table->cols.arena);
    col->primary = (size_t)pg_conn_i64(res, row, COL_PRIMARY);
    return landing_cols_set_col(&table->cols, col, member, pg_conn_text(res, row, COL_PATH));
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
    int err = pg_conn_run(conn, sql.ptr, &table->cols.name, 1, out);
    buf_fini(&sql);
    return err;
}

static int load_columns(struct pg_conn *conn, struct pg_table *table, bool guest) {
    PGresult *res;
    int err = ask_columns(conn, table, guest, &res);
    if (err) return err;
    size_t cnt = (size_t)PQntuples(res);
    table->cols.col = arena_array(&table->cols.arena, struct landing_col, cnt);
    table->col = arena_array(&table->cols.arena, struct pg_col, cnt);
    table->cols.col_cnt = cnt;
    for (size_t i = 0; i < cnt && !err; i++) err = load_column(table, res, (int)i);
    PQclear(res);
    return err;
}

int pg_table_load(struct pg_conn *conn, struct pg_table *table, bool guest) {
    bool known = false, captured = table->cols.captured;
    pg_table_forget(table);
    int err = guest ? 0 : load_meta(conn, table, &known);
    if (!err) err = load_class(conn, table);
    if (!err && table->cols.is_there) err = load_columns(conn, table, guest);
    if (!known) table->cols.theirs = table->cols.is_there, table->cols.captured = captured;
    if (err) return err;
    return landing_cols_link(&table->cols);
}

int pg_table_refresh(struct pg_conn *conn, struct pg_table *table) {
    if (!table->cols.loaded || !table->cols.is_there) return pg_table_load(conn, table, false);
    struct str oid = arena_printf(&table->cols.arena, "%" PRIu32, table->oid);
    PGresult *res;
    int err = pg_conn_run(conn, STAMP "$1::oid", &oid, 1, &res);
    if (err) return err;
    struct str stamp = pg_conn_text(res, 0, 0);
    bool same = stamp.ptr && str_eq(stamp, table->stamp);
    PQclear(res);
    return same ? 0 : pg_table_load(conn, table, false);
}

/* ---- declaring ---- */

int pg_table_declare(struct pg_conn *conn, struct pg_table *table,
                     const struct landing_table *decl) {
    static const char sql[] =
        "INSERT INTO _sluice_table(name, key, captured, theirs) VALUES($1, $2, $3::boolean,"
        " $4::boolean) ON CONFLICT(name) DO UPDATE SET key=$2, captured=$3::boolean"
        " WHERE _sluice_table.key<>$2 OR _sluice_table.captured<>$3::boolean";
    struct buf key;
    int err = pg_table_load(conn, table, false);
    if (err) return err;
    buf_init(&key, MIB);
    err = landing_cols_declare(&table->cols, decl, &key);
    struct str param[] = {decl->name, buf_str(&key), decl->captured ? STR("t") : STR("f"),
                          table->cols.theirs ? STR("t") : STR("f")};
    if (!err) err = pg_conn_run(conn, sql, param, ARRAY_LEN(param), NULL);
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
    landing_cols_names(&table->cols, &pg_table_dialect, sql);
}

struct row_of {
    const struct pg_table *table;
    const struct str *text;
};

static void put_value(void *arg, size_t at, struct buf *out) {
    const struct row_of *row = arg;
    pg_value_json(&row->table->col[at].pg, row->text[at], out);
}

void pg_table_row(const struct pg_table *table, const struct str *text, struct buf *out) {
    struct row_of row = {table, text};
    landing_cols_row(&table->cols, put_value, &row, out);
}
