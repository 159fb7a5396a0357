/* pg_batch.c - COPY into a temporary table, then one upsert from it.
 *
 * Which rows of an upsert were inserted is told by their xmax, which only a row that was there
 * before and locked by the upsert has. Values are compared as PostgreSQL compares them, json by its
 * text, except that numbers in it compare as numbers: 1 and 1.0 are no change. */
#include "landing/postgres/pg_batch.h"

#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>

#define SEEN_MIN 1024
#define STAGE_MAX 4 /* temporary tables kept: each commit empties all of them */
#define COPY_PART (256 * KIB)
#define MIX UINT64_C(0x9E3779B97F4A7C15)

enum { OID_TEXT = 25, OID_JSONB = 3802, OID_VARCHAR = 1043, OID_UUID = 2950 };

void pg_batch_init(struct pg_batch *batch, struct pg_landing *landing, struct pg_table *table) {
    *batch = (struct pg_batch){.landing = landing, .table = table};
    buf_init(&batch->text, PG_BATCH_MAX);
}

void pg_batch_fini(struct pg_batch *batch) {
    buf_fini(&batch->text);
    base_free(batch->seen);
}

/* ---- keys of a batch ---- */

/* The same for values that PostgreSQL may hold equal: where that cannot be told from the text, the
 * same for all. */
static uint64_t hash_value(const struct pg_type *type, struct str text) {
    int64_t num;
    double real;
    char low[64];
    if (type->oid == OID_TEXT || type->oid == OID_VARCHAR) return str_hash(text);
    if (type->kind == PG_VALUE_INT && !str_i64(text, &num)) return (uint64_t)num * MIX;
    if (type->kind == PG_VALUE_FLOAT && !str_f64(text, &real)) {
        uint64_t bits;
        if (real == 0) real = 0; /* -0 is 0 */
        memcpy(&bits, &real, sizeof bits);
        return real == 0 ? 1 : bits * MIX;
    }
    if (type->oid != OID_UUID || text.len != 36) return 1;
    for (size_t i = 0; i < text.len; i++)
        low[i] = text.ptr[i] >= 'A' && text.ptr[i] <= 'F' ? (char)(text.ptr[i] + 32) : text.ptr[i];
    return str_hash((struct str){low, text.len});
}

static void grow_seen(struct pg_batch *batch) {
    size_t cap = MAX(batch->seen_cap * 2, SEEN_MIN);
    uint64_t *fresh = base_calloc(cap, sizeof *fresh);
    for (size_t i = 0; i < batch->seen_cap; i++) {
        uint64_t hash = batch->seen[i];
        if (!hash) continue;
        size_t at = hash & (cap - 1);
        while (fresh[at]) at = (at + 1) & (cap - 1);
        fresh[at] = hash;
    }
    base_free(batch->seen);
    batch->seen = fresh;
    batch->seen_cap = cap;
}

/* false: a key with this hash is there. */
static bool see_key(struct pg_batch *batch, const struct str *value) {
    const struct pg_table *table = batch->table;
    uint64_t hash = 0x243F6A8885A308D3u;
    for (size_t i = 0; i < table->cols.key_cnt; i++) {
        size_t at = table->cols.key_col[i];
        hash = (hash ^ hash_value(&table->col[at].pg, value[at])) * 0xFF51AFD7ED558CCDu;
        hash ^= hash >> 32;
    }
    if (!hash) hash = 1;
    if (2 * batch->seen_cnt >= batch->seen_cap) grow_seen(batch);
    size_t at = hash & (batch->seen_cap - 1);
    for (; batch->seen[at]; at = (at + 1) & (batch->seen_cap - 1))
        if (batch->seen[at] == hash) return false;
    batch->seen[at] = hash;
    batch->seen_cnt++;
    return true;
}

bool pg_batch_add(struct pg_batch *batch, const struct str *value) {
    const struct pg_table *table = batch->table;
    bool any = false;
    if (batch->text.len >= PG_BATCH_LEN) return false;
    if (table->cols.key_cnt && !see_key(batch, value)) return false;
    for (size_t i = 0; i < table->cols.col_cnt; i++) {
        if (table->col[i].is_generated) continue;
        if (any) buf_putc(&batch->text, '\t');
        any = true;
        pg_conn_copy(&batch->text, value[i]);
    }
    buf_putc(&batch->text, '\n');
    CHECK(!batch->text.full); /* rows are limited */
    batch->cnt++;
    return true;
}

/* ---- statements ---- */

static void put_columns(const struct pg_table *table, const char *prefix, struct buf *sql) {
    bool any = false;
    for (size_t i = 0; i < table->cols.col_cnt; i++) {
        if (table->col[i].is_generated) continue;
        if (any) buf_putc(sql, ',');
        any = true;
        buf_putz(sql, prefix);
        pg_conn_name(sql, table->cols.col[i].name);
    }
}

static void put_stage(const struct pg_table *table, struct buf *sql) {
    buf_printf(sql, "pg_temp.\"_sluice_stage_%" PRIu32 "\"", table->oid);
}

static struct str stage_key(const struct pg_table *table, char *out, size_t len) {
    snprintf(out, len, "%" PRIu32 " %.*s", table->oid, STR_ARG(table->stamp));
    return str_of(out);
}

/* The stamp alone does not tell: two changes in one transaction have the same. */
void pg_batch_restage(struct pg_batch *batch) {
    char name[128];
    map_del(&batch->landing->stages, stage_key(batch->table, name, sizeof name));
}

/* Makes the temporary table, unless one with these columns is there. */
static int make_stage(struct pg_batch *batch) {
    struct pg_landing *landing = batch->landing;
    const struct pg_table *table = batch->table;
    char name[128];
    stage_key(table, name, sizeof name);
    if (map_get(&landing->stages, str_of(name))) return 0;
    struct buf sql;
    buf_init(&sql, PG_CONN_SQL_MAX);
    bool many = landing->stages.cnt >= STAGE_MAX;
    buf_putz(&sql, many ? "DISCARD TEMP" : "DROP TABLE IF EXISTS ");
    if (!many) put_stage(table, &sql);
    int err = pg_conn_do_buf(&landing->writer, &sql);
    if (many) {
        map_fini(&landing->stages);
        map_init(&landing->stages);
    }
    buf_reset(&sql);
    buf_putz(&sql, "CREATE TEMP TABLE ");
    put_stage(table, &sql);
    buf_putz(&sql, " ON COMMIT DELETE ROWS AS SELECT ");
    put_columns(table, "", &sql);
    buf_putz(&sql, " FROM ");
    pg_table_rel(table, &sql);
    buf_putz(&sql, " WITH NO DATA");
    if (!err) err = pg_conn_do_buf(&landing->writer, &sql);
    buf_fini(&sql);
    if (!err) map_put(&landing->stages, str_of(name), landing);
    return err;
}

static int send_copy(struct pg_conn *conn, struct str text) {
    PGresult *res;
    int err = 0;
    for (size_t at = 0; at < text.len && !err; at += COPY_PART)
        if (PQputCopyData(conn->pg, text.ptr + at, (int)MIN(COPY_PART, text.len - at)) != 1)
            err = pg_conn_fail(conn, NULL);
    if (!err && PQputCopyEnd(conn->pg, NULL) != 1) err = pg_conn_fail(conn, NULL);
    while ((res = PQgetResult(conn->pg))) {
        if (!err && PQresultStatus(res) != PGRES_COMMAND_OK) {
            const char *where = PQresultErrorField(res, PG_DIAG_CONTEXT);
            err = pg_conn_fail(conn, res);
            if (where) err_add(err, "%.200s", where);
        }
        PQclear(res);
        if (pg_conn_lost(conn)) break;
    }
    return err;
}

static int copy_in(struct pg_batch *batch, bool stage) {
    struct pg_conn *conn = &batch->landing->writer;
    struct buf sql;
    PGresult *res;
    buf_init(&sql, PG_CONN_SQL_MAX);
    buf_putz(&sql, "COPY ");
    if (stage) put_stage(batch->table, &sql);
    else pg_table_rel(batch->table, &sql);
    buf_putc(&sql, '(');
    put_columns(batch->table, "", &sql);
    buf_putz(&sql, ") FROM STDIN");
    buf_putc(&sql, 0);
    int err = pg_conn_run(conn, sql.ptr, NULL, 0, &res);
    buf_fini(&sql);
    if (err) return err;
    PQclear(res);
    return send_copy(conn, buf_str(&batch->text));
}

/* t.c differs from excluded.c. Types that PostgreSQL cannot compare are compared as text. */
static void put_differs(const struct pg_table *table, size_t at, struct buf *sql) {
    const struct pg_type *pg = &table->col[at].pg;
    static const char number[] =
        "^-?[0-9]{1,40}([.][0-9]{1,40})?([eE][-+]?[0-9]{1,2})?$";
    struct buf name_buf;
    buf_init(&name_buf, 256);
    pg_conn_name(&name_buf, table->cols.col[at].name);
    struct str name = buf_str(&name_buf);
    bool plain = pg->oid == OID_TEXT || pg->oid == OID_JSONB ||
                 (pg->kind != PG_VALUE_TEXT && pg->kind != PG_VALUE_JSON);
    if (plain && !pg->is_array) {
        buf_printf(sql, "t.%.*s IS DISTINCT FROM excluded.%.*s", STR_ARG(name), STR_ARG(name));
    } else if (pg->kind != PG_VALUE_JSON) {
        buf_printf(sql, "t.%.*s::text IS DISTINCT FROM excluded.%.*s::text", STR_ARG(name),
                   STR_ARG(name));
    } else {
        buf_printf(sql, "CASE WHEN t.%.*s::text=excluded.%.*s::text THEN false"
                   " WHEN t.%.*s::text~'%s' AND excluded.%.*s::text~'%s'"
                   " THEN t.%.*s::text::numeric<>excluded.%.*s::text::numeric"
                   " ELSE t.%.*s::text IS DISTINCT FROM excluded.%.*s::text END",
                   STR_ARG(name), STR_ARG(name), STR_ARG(name), number, STR_ARG(name), number,
                   STR_ARG(name), STR_ARG(name), STR_ARG(name), STR_ARG(name));
    }
    buf_fini(&name_buf);
}

/* Is the column written when the row is there already? */
static bool is_set(const struct pg_table *table, size_t at) {
    return !table->cols.col[at].is_key && !table->col[at].is_generated;
}

static void put_conflict(const struct pg_table *table, struct buf *sql) {
    bool any = false;
    for (size_t i = 0; i < table->cols.key_cnt; i++) {
        buf_putz(sql, i ? "," : " ON CONFLICT(");
        pg_conn_name(sql, table->cols.col[table->cols.key_col[i]].name);
    }
    buf_putz(sql, ") DO ");
    for (size_t i = 0; i < table->cols.col_cnt; i++) {
        if (!is_set(table, i)) continue;
        buf_putz(sql, any ? "," : "UPDATE SET ");
        any = true;
        pg_conn_name(sql, table->cols.col[i].name);
        buf_putz(sql, "=excluded.");
        pg_conn_name(sql, table->cols.col[i].name);
    }
    if (!any) {
        buf_putz(sql, "NOTHING");
        return;
    }
    any = false;
    for (size_t i = 0; i < table->cols.col_cnt; i++) {
        if (!is_set(table, i)) continue;
        buf_putz(sql, any ? " OR " : " WHERE ");
        any = true;
        put_differs(table, i, sql);
    }
}

static int upsert(struct pg_batch *batch, int64_t *inserted, int64_t *updated) {
    const struct pg_table *table = batch->table;
    struct buf sql;
    PGresult *res;
    buf_init(&sql, PG_CONN_SQL_MAX);
    buf_putz(&sql, "WITH w AS (INSERT INTO ");
    pg_table_rel(table, &sql);
    buf_putz(&sql, " AS t(");
    put_columns(table, "", &sql);
    buf_putz(&sql, ") SELECT ");
    put_columns(table, "", &sql);
    buf_putz(&sql, " FROM ");
    put_stage(table, &sql);
    put_conflict(table, &sql);
    buf_putz(&sql, " RETURNING t.xmax=0 AS fresh) SELECT count(*) FILTER (WHERE fresh),"
             " count(*) FILTER (WHERE NOT fresh) FROM w");
    buf_putc(&sql, 0);
    int err = sql.full ? err_fail(ERR_TOO_BIG, "an upsert is over %zu bytes", sql.max)
                       : pg_conn_run(&batch->landing->writer, sql.ptr, NULL, 0, &res);
    buf_fini(&sql);
    if (err) return err;
    *inserted = pg_conn_i64(res, 0, 0);
    *updated = pg_conn_i64(res, 0, 1);
    PQclear(res);
    return 0;
}

static int clear_stage(struct pg_batch *batch) {
    struct buf sql;
    buf_init(&sql, KIB);
    buf_putz(&sql, "DELETE FROM ");
    put_stage(batch->table, &sql);
    int err = pg_conn_do_buf(&batch->landing->writer, &sql);
    buf_fini(&sql);
    return err;
}

int pg_batch_write(struct pg_batch *batch, struct landing_count *count) {
    int64_t cnt = (int64_t)batch->cnt, inserted = cnt, updated = 0;
    bool keyed = batch->table->cols.key_cnt > 0;
    int err = 0;
    if (!cnt) return 0;
    if (keyed) err = make_stage(batch);
    if (!err && batch->staged) err = clear_stage(batch);
    if (!err) err = copy_in(batch, keyed);
    if (!err && keyed) {
        batch->staged = true;
        err = upsert(batch, &inserted, &updated);
    }
    buf_reset(&batch->text);
    if (batch->seen) memset(batch->seen, 0, batch->seen_cap * sizeof *batch->seen);
    batch->cnt = batch->seen_cnt = 0;
    if (err) return err;
    count->in += cnt;
    count->inserted += inserted;
    count->updated += updated;
    count->unchanged += cnt - inserted - updated;
    return 0;
}
