/* pg_landing.c - a landing in PostgreSQL: open, close, declare, and the writer's turn.
 *
 * Besides the users' tables the address's schema holds:
 *
 *   _sluice_table, _sluice_column   pg_table.h
 *   _sluice_run, _sluice_try, _sluice_setting
 *
 * The setting "_sluice.format" says in which shape. There is no outbox: PostgreSQL's own log has
 * every change, and a replication slot keeps it until it is acked. */
#include "landing/postgres/pg_landing.h"

#include "base/diag.h"
#include "base/err.h"

#include <stdio.h>

#define FORMAT     1
#define LOCK_KEY   "7236275" /* advisory: one process makes the tables */
#define OPEN_US    1000000   /* then whoever opens it says so, and comes again */

static const char *const schema[] = {
    "CREATE TABLE IF NOT EXISTS _sluice_table(name text PRIMARY KEY, key text NOT NULL, row text,"
    " captured boolean NOT NULL, theirs boolean NOT NULL)",
    "CREATE TABLE IF NOT EXISTS _sluice_column(tbl text, name text, member text, path text,"
    " PRIMARY KEY(tbl, name))",
    "CREATE TABLE IF NOT EXISTS _sluice_run(dag text, id text, kind integer NOT NULL,"
    " state text NOT NULL, logical_us bigint NOT NULL, start_us bigint NOT NULL,"
    " end_us bigint NOT NULL, by text NOT NULL, note text NOT NULL, PRIMARY KEY(dag, id))",
    "CREATE UNIQUE INDEX IF NOT EXISTS _sluice_run_once ON _sluice_run(dag, logical_us)"
    " WHERE kind=0",
    "CREATE INDEX IF NOT EXISTS _sluice_run_new ON _sluice_run(logical_us)",
    "CREATE TABLE IF NOT EXISTS _sluice_try(dag text, run text, task text, number bigint,"
    " state text NOT NULL, start_us bigint NOT NULL, end_us bigint NOT NULL,"
    " rows_in bigint NOT NULL, rows_new bigint NOT NULL, rows_changed bigint NOT NULL,"
    " log text NOT NULL, PRIMARY KEY(dag, run, task, number))",
    "CREATE TABLE IF NOT EXISTS _sluice_setting(name text PRIMARY KEY, value text NOT NULL)",
    "INSERT INTO _sluice_setting VALUES('_sluice.format', '1') ON CONFLICT DO NOTHING",
};

static int check_format(struct pg_conn *conn) {
    PGresult *res;
    int err = pg_conn_run(conn, "SELECT value FROM _sluice_setting WHERE name='_sluice.format'",
                          NULL, 0, &res);
    if (err) return err;
    int64_t format = PQntuples(res) ? pg_conn_i64(res, 0, 0) : FORMAT;
    PQclear(res);
    if (format <= FORMAT) return 0;
    return err_fail(ERR_UNSUPPORTED, "PostgreSQL %s was written by a newer sluice (format %" PRId64
                    ", this one reads up to %d); use that version", conn->place->shown, format,
                    FORMAT);
}

static int make_schema(struct pg_conn *conn) {
    PGresult *res;
    int err = pg_conn_run(conn, "SELECT to_regclass('_sluice_setting') IS NOT NULL", NULL, 0, &res);
    if (err) return err;
    bool there = str_eqz(pg_conn_text(res, 0, 0), "t");
    PQclear(res);
    if (there) return check_format(conn);
    err = pg_conn_do(conn, "BEGIN");
    if (!err) err = pg_conn_do(conn, "SELECT pg_advisory_xact_lock(" LOCK_KEY ")");
    for (size_t i = 0; i < ARRAY_LEN(schema) && !err; i++) err = pg_conn_do(conn, schema[i]);
    if (!err) return pg_conn_do(conn, "COMMIT");
    err_add(err, "cannot make sluice's own tables");
    PQclear(PQexecParams(conn->pg, "ROLLBACK", 0, NULL, NULL, NULL, NULL, 0));
    return err;
}

/* "sluice_mydb", "sluice_mydb_staging": slots are the cluster's, so the database is in the name. */
static struct str default_name(struct pg_landing *landing, struct str db) {
    bool plain = landing->guest || str_eqz(landing->schema, "public");
    struct str text = arena_printf(&landing->arena, "sluice%s_%.*s%s%.*s",
                                   landing->guest ? "_from" : "", STR_ARG(db), plain ? "" : "_",
                                   plain ? 0 : (int)landing->schema.len, landing->schema.ptr);
    char *name = arena_strz(&landing->arena, text);
    for (char *c = name; *c; c++) {
        if (*c >= 'A' && *c <= 'Z') *c = (char)(*c + 32);
        else if ((*c < 'a' || *c > 'z') && (*c < '0' || *c > '9')) *c = '_';
    }
    return (struct str){name, MIN(text.len, PG_CONN_NAME_MAX)};
}

/* Versions, names, and what makes an acknowledgement worth less. */
static int look_around(struct pg_landing *landing) {
    struct pg_conn *conn = &landing->writer;
    PGresult *res;
    if (PQserverVersion(conn->pg) < 140000)
        return err_fail(ERR_UNSUPPORTED, "PostgreSQL %s is version %d; 14 or newer is needed",
                        conn->place->shown, PQserverVersion(conn->pg) / 10000);
    int err = pg_conn_run(conn, "SELECT current_schema(), current_database(),"
                          " current_setting('server_encoding')", NULL, 0, &res);
    if (err) return err;
    struct str name = pg_conn_text(res, 0, 0);
    if (!name.ptr)
        err = err_fail(ERR_CONFIG, "PostgreSQL %s: the role's search_path leads to no schema",
                       conn->place->shown);
    landing->schema = arena_str(&landing->arena, name.ptr ? name : STR(""));
    name = default_name(landing, pg_conn_text(res, 0, 1));
    landing->slot = landing->place.slot.len ? landing->place.slot : name;
    landing->publication = landing->place.publication.len ? landing->place.publication : name;
    if (!err && !str_eqz(pg_conn_text(res, 0, 2), "UTF8"))
        err = err_fail(ERR_UNSUPPORTED, "PostgreSQL %s: the database's encoding is %.*s; UTF8 is "
                       "needed", conn->place->shown, STR_ARG(pg_conn_text(res, 0, 2)));
    PQclear(res);
    return err;
}

/* The sessions of a node that led before us may be frozen with the slot or with locks in their
 * hands, and the server would wait for them: they are ended. From then on an older term's
 * transactions are refused, too. */
static int take_over(struct pg_landing *landing, int64_t epoch) {
    struct pg_conn *conn = &landing->writer;
    char num[32];
    PGresult *res;
    snprintf(num, sizeof num, "%" PRId64, epoch);
    struct str param[] = {str_of(num), landing->slot};
    landing->place.session = arena_printf(&landing->arena, "sluice term %s of %.*s", num,
                                          STR_ARG(landing->slot));
    int err = pg_conn_call(conn);
    if (!err)
        err = pg_conn_run(conn, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                          " WHERE datname=current_database() AND usename=current_user AND"
                          " application_name ~ '^sluice term [0-9]+ of ' AND"
                          " starts_with($2, split_part(application_name, ' ', 5)) AND"
                          " split_part(application_name, ' ', 3)::bigint<$1::bigint", param, 2,
                          &res);
    if (err) return err_add(err, "ending the sessions of terms before %s", num);
    if (pg_conn_i64(res, 0, 0))
        diag_info("landing", "PostgreSQL %s: ended %" PRId64 " sessions of terms before %s",
                  landing->place.shown, pg_conn_i64(res, 0, 0), num);
    PQclear(res);
    return landing->guest ? 0 : pg_write_epoch(conn, epoch);
}

static void pg_close(struct landing *base) {
    struct pg_landing *landing = (struct pg_landing *)base;
    size_t at = 0;
    struct str name;
    void *table;
    CHECK(!landing->busy);
    CHECK(!landing->capture);
    while (map_next(&landing->tables, &at, &name, &table)) pg_table_free(table);
    map_fini(&landing->tables);
    map_fini(&landing->stages);
    map_fini(&landing->captured);
    for (size_t i = 0; i < landing->reader_cnt; i++) {
        pg_conn_close(landing->reader[i]);
        base_free(landing->reader[i]);
    }
    pg_conn_close(&landing->writer);
    pthread_mutex_destroy(&landing->lock);
    pthread_cond_destroy(&landing->freed);
    pg_conn_place_fini(&landing->place);
    arena_fini(&landing->arena);
    base_free(landing);
}

static int pg_open(struct landing **out, const struct landing_conf *conf, const char *place) {
    struct buf url;
    struct pg_landing *landing = base_calloc(1, sizeof *landing);
    landing->base = (struct landing){.ops = &pg_landing_ops, .env = conf->env};
    landing->guest = conf->guest;
    map_init(&landing->tables);
    map_init(&landing->stages);
    map_init(&landing->captured);
    pthread_mutex_init(&landing->lock, NULL);
    pthread_cond_init(&landing->freed, NULL);
    buf_init(&url, 64 * KIB);
    buf_printf(&url, "postgresql:%s", place);
    int err = url.full ? err_fail(ERR_CONFIG, "landing: the address is too long") : 0;
    if (!err)
        err = pg_conn_place(&landing->place, url.ptr, conf->property, conf->property_cnt);
    buf_fini(&url);
    pg_conn_init(&landing->writer, conf->env, &landing->place, false);
    if (!err) err = pg_conn_need(&landing->writer, OPEN_US);
    if (!err) err = look_around(landing);
    if (!err && !landing->guest) err = make_schema(&landing->writer);
    int64_t epoch = 0;
    if (!err) err = fence_take(conf->fence, &epoch);
    if (!err && epoch) err = take_over(landing, epoch);
    if (err) {
        pg_close(&landing->base);
        return err;
    }
    *out = &landing->base;
    return 0;
}

/* ---- the writer's turn ---- */

int pg_landing_take(struct pg_landing *landing) {
    pthread_mutex_lock(&landing->lock);
    while (landing->busy) pthread_cond_wait(&landing->freed, &landing->lock);
    landing->busy = true;
    pthread_mutex_unlock(&landing->lock);
    if (!pg_conn_lost(&landing->writer)) return 0;
    pg_landing_forget(landing);
    int err = pg_conn_need(&landing->writer, PG_LANDING_PATIENCE_US);
    pg_state_heard(landing, err);
    if (err) pg_landing_give(landing);
    return err;
}

void pg_landing_give(struct pg_landing *landing) {
    pthread_mutex_lock(&landing->lock);
    assert(landing->busy);
    landing->busy = false;
    pthread_cond_signal(&landing->freed);
    pthread_mutex_unlock(&landing->lock);
}

struct pg_table *pg_landing_table(struct pg_landing *landing, struct str name) {
    struct pg_table *table = map_get(&landing->tables, name);
    if (table) return table;
    table = pg_table_new(name);
    map_put(&landing->tables, name, table);
    return table;
}

void pg_landing_forget(struct pg_landing *landing) {
    size_t at = 0;
    struct str name;
    void *table;
    while (map_next(&landing->tables, &at, &name, &table)) pg_table_forget(table);
    map_fini(&landing->stages);
    map_init(&landing->stages);
}

struct str pg_landing_captured(struct pg_landing *landing, struct str schema_name, struct str rel,
                               struct arena *arena) {
    struct str full = arena_printf(arena, "%.*s.%.*s", STR_ARG(schema_name), STR_ARG(rel));
    struct str found = STR_NULL;
    pthread_mutex_lock(&landing->lock);
    if (str_eq(schema_name, landing->schema) && map_get(&landing->captured, rel))
        found = arena_str(arena, rel);
    else if (map_get(&landing->captured, full)) found = full;
    pthread_mutex_unlock(&landing->lock);
    return found;
}

/* ---- declaring ---- */

static char old, fresh; /* what a captured name may stand for */

/* All that is captured is as if it were captured for the first time. */
static struct str *all_fresh(struct pg_landing *landing, struct arena *arena, size_t *cnt) {
    size_t at = 0;
    struct str name, *out;
    void *value;
    pthread_mutex_lock(&landing->lock);
    out = arena_array(arena, struct str, landing->captured.cnt);
    for (*cnt = 0; map_next(&landing->captured, &at, &name, &value); (*cnt)++)
        out[*cnt] = arena_str(arena, name);
    for (size_t i = 0; i < *cnt; i++) map_put(&landing->captured, out[i], &fresh);
    pthread_mutex_unlock(&landing->lock);
    return out;
}

int pg_landing_publish(struct pg_landing *landing) {
    struct arena arena = ARENA_INIT;
    struct pg_conn *conn = &landing->writer;
    size_t cnt;
    const struct str *name = all_fresh(landing, &arena, &cnt);
    int err = pg_publish_make(landing, conn);
    for (size_t i = 0; i < cnt && !err; i++) {
        struct pg_table *table = pg_landing_table(landing, name[i]);
        err = pg_table_load(conn, table, landing->guest);
        table->cols.captured = true;
        if (!err) err = pg_publish_table(landing, conn, table, NULL);
        pg_table_forget(table); /* loaded again when used */
    }
    arena_fini(&arena);
    return err;
}

bool pg_landing_fresh(struct pg_landing *landing, struct str name) {
    pthread_mutex_lock(&landing->lock);
    bool is_fresh = map_get(&landing->captured, name) == &fresh;
    pthread_mutex_unlock(&landing->lock);
    return is_fresh;
}

static void set_captured(struct pg_landing *landing, struct str name, bool captured, bool added) {
    pthread_mutex_lock(&landing->lock);
    if (captured) map_put(&landing->captured, name, added ? &fresh : &old);
    else map_del(&landing->captured, name);
    pthread_mutex_unlock(&landing->lock);
}

/* A guest remembers the table for this process only, and it must be there. */
static int load_decl(struct pg_landing *landing, struct pg_table *table,
                     const struct landing_table *decl) {
    if (!landing->guest) return pg_table_declare(&landing->writer, table, decl);
    int err = pg_table_load(&landing->writer, table, true);
    if (!err && !table->cols.is_there)
        err = err_fail(ERR_NOT_FOUND, "PostgreSQL %s has no table %.*s; a table of another schema "
                       "is named SCHEMA.TABLE", landing->place.shown, STR_ARG(decl->name));
    table->cols.captured = decl->captured;
    return err;
}

static int declare(struct pg_landing *landing, const struct landing_table *decl) {
    struct pg_table *table = pg_landing_table(landing, decl->name);
    struct pg_conn *conn = &landing->writer;
    int err = decl->captured ? pg_publish_make(landing, conn) : 0;
    if (!err) err = pg_conn_do(conn, "BEGIN");
    if (err) return err;
    err = load_decl(landing, table, decl);
    bool added = false;
    if (!err) err = pg_publish_table(landing, conn, table, &added);
    if (!err) err = pg_conn_do(conn, "COMMIT");
    if (!err) table->cols.declared = true;
    else PQclear(PQexecParams(conn->pg, "ROLLBACK", 0, NULL, NULL, NULL, NULL, 0));
    if (!err) set_captured(landing, decl->name, decl->captured, added);
    pg_table_forget(table); /* loaded again when used */
    return err;
}

static int pg_declare(struct landing *base, const struct landing_table *decl) {
    struct pg_landing *landing = (struct pg_landing *)base;
    int err = pg_table_name_check(decl->name);
    if (!err) err = landing_cols_check_key(decl, PG_TABLE_KEY_MAX);
    if (!err) err = pg_landing_take(landing);
    if (err) return err;
    err = declare(landing, decl);
    pg_landing_give(landing);
    return err;
}

const struct landing_ops pg_landing_ops = {
    .name = "postgresql",
    .open = pg_open,
    .doctor = pg_doctor_look,
    .close = pg_close,
    .declare = pg_declare,
    .begin = pg_write_begin,
    .upsert = pg_write_upsert,
    .put_run = pg_write_run,
    .put_try = pg_write_try,
    .trim_runs = pg_write_trim_runs,
    .put_setting = pg_write_setting,
    .commit = pg_write_commit,
    .abort = pg_write_abort,
    .setting = pg_look_setting,
    .runs = pg_look_runs,
    .run = pg_look_run,
    .tries = pg_look_tries,
    .tables = pg_look_tables,
    .rows = pg_look_rows,
    .state = pg_state_look,
    .backlog = pg_state_backlog,
    .capture_open = pg_capture_open,
    .capture_close = pg_capture_close,
    .capture_next = pg_capture_next,
    .capture_ack = pg_capture_ack,
    .capture_wake = pg_capture_wake,
    .capture_lag = pg_capture_lag,
    .capture_origin = pg_origin_look,
    .capture_renew = pg_capture_renew,
    .capture_snapshot = pg_capture_snapshot,
    .capture_copying = pg_capture_copying,
};
