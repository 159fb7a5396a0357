/* lite_landing.c - a landing in a SQLite file: open, close, declare, and the writer's turn.
 *
 * Besides the users' tables the file holds:
 *
 *   _sluice_table, _sluice_column   lite_table.h
 *   _sluice_outbox(seq, commit_us, cnt, body)  changes not yet acked; body is a BLOB of
 *                                   lite_outbox.h (ours) or JSON text (a trigger's)
 *   _sluice_writer                  one row while we write and foreign triggers are on
 *   _sluice_run, _sluice_try, _sluice_setting
 *
 * application_id says that the file is ours, user_version in which shape. */
#include "landing/sqlite/lite_landing.h"

#include "base/diag.h"
#include "base/err.h"
#include "landing/sqlite/lite_trigger.h"

#include <malloc.h>
#include <stdio.h>

#define APPLICATION_ID 1397511491 /* "SLUC" */
#define USER_VERSION   1

static const char schema[] =
    "CREATE TABLE _sluice_table(name TEXT PRIMARY KEY COLLATE NOCASE, key TEXT NOT NULL,"
    " row TEXT, captured INTEGER NOT NULL, theirs INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE _sluice_column(tbl TEXT COLLATE NOCASE, name TEXT COLLATE NOCASE, member TEXT,"
    " path TEXT, PRIMARY KEY(tbl, name)) WITHOUT ROWID;"
    "CREATE TABLE _sluice_outbox(seq INTEGER PRIMARY KEY AUTOINCREMENT,"
    " commit_us INTEGER NOT NULL, cnt INTEGER NOT NULL, body BLOB NOT NULL);"
    "CREATE TABLE _sluice_writer(one INTEGER PRIMARY KEY);"
    "CREATE TABLE _sluice_run(dag TEXT, id TEXT, kind INTEGER NOT NULL, state TEXT NOT NULL,"
    " logical_us INTEGER NOT NULL, start_us INTEGER NOT NULL, end_us INTEGER NOT NULL,"
    " by TEXT NOT NULL, note TEXT NOT NULL, PRIMARY KEY(dag, id)) WITHOUT ROWID;"
    "CREATE UNIQUE INDEX _sluice_run_once ON _sluice_run(dag, logical_us) WHERE kind=0;"
    "CREATE INDEX _sluice_run_new ON _sluice_run(logical_us);"
    "CREATE TABLE _sluice_try(dag TEXT, run TEXT, task TEXT, number INTEGER, state TEXT NOT NULL,"
    " start_us INTEGER NOT NULL, end_us INTEGER NOT NULL, rows_in INTEGER NOT NULL,"
    " rows_new INTEGER NOT NULL, rows_changed INTEGER NOT NULL, log TEXT NOT NULL,"
    " PRIMARY KEY(dag, run, task, number)) WITHOUT ROWID;"
    "CREATE TABLE _sluice_setting(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;";

static int make_schema(sqlite3 *db) {
    struct buf sql;
    buf_init(&sql, LITE_DB_SQL_MAX);
    buf_puts(&sql, STR("BEGIN IMMEDIATE;"));
    buf_putz(&sql, schema);
    buf_printf(&sql, "PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT;", APPLICATION_ID,
               USER_VERSION);
    int err = lite_db_run(db, &sql);
    buf_fini(&sql);
    return err;
}

static int check_schema(sqlite3 *db, const char *path) {
    int64_t app = 0, version = 0;
    int err = lite_db_i64(db, "PRAGMA application_id", &app);
    if (!err) err = lite_db_i64(db, "PRAGMA user_version", &version);
    if (err) return err;
    if (app == APPLICATION_ID && version > USER_VERSION)
        return err_fail(ERR_UNSUPPORTED, "%s was written by a newer sluice (format %" PRId64
                        ", this one reads up to %d); use that version", path, version,
                        USER_VERSION);
    if (app == APPLICATION_ID) return 0;
    if (app)
        return err_fail(ERR_CONFLICT, "%s is another program's database (application id %" PRId64
                        "); use another file", path, app);
    return make_schema(db);
}

/* The oldest ?3 ended scheduled runs of dag ?1 before ?2; read along _sluice_run_once. */
#define OLD_RUNS                                                                    \
    "(SELECT id FROM _sluice_run WHERE dag=?1 AND kind=0 AND logical_us<?2 AND "    \
    "state IN ('success','failed') ORDER BY logical_us LIMIT ?3)"

static int prepare(struct lite_landing *landing) {
    const struct {
        sqlite3_stmt **stmt;
        const char *sql;
    } all[] = {
        {&landing->begin, "BEGIN IMMEDIATE"},
        {&landing->commit, "COMMIT"},
        {&landing->rollback, "ROLLBACK"},
        {&landing->version, "PRAGMA schema_version"},
        {&landing->mark, "INSERT OR IGNORE INTO _sluice_writer VALUES(1)"},
        {&landing->unmark, "DELETE FROM _sluice_writer"},
        {&landing->put_entry, "INSERT INTO _sluice_outbox(commit_us, cnt, body) VALUES(?1,?2,?3)"},
        {&landing->trim, "DELETE FROM _sluice_outbox WHERE seq<=?1"},
        {&landing->put_run,
         "INSERT INTO _sluice_run(dag, id, kind, state, logical_us, start_us, end_us, by, note) "
         "VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9) ON CONFLICT(dag, id) DO UPDATE SET kind=?3, state=?4,"
         " logical_us=?5, start_us=?6, end_us=?7, by=?8, note=?9"},
        {&landing->put_try,
         "INSERT INTO _sluice_try(dag, run, task, number, state, start_us, end_us, rows_in, "
         "rows_new, rows_changed, log) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11) "
         "ON CONFLICT(dag, run, task, number) DO UPDATE SET state=?5, start_us=?6, end_us=?7,"
         " rows_in=?8, rows_new=?9, rows_changed=?10, log=?11"},
        {&landing->old_run, "SELECT logical_us FROM _sluice_run WHERE dag=?1 AND kind=0"
                            " ORDER BY logical_us DESC LIMIT 1 OFFSET ?2"},
        {&landing->trim_try, "DELETE FROM _sluice_try WHERE dag=?1 AND run IN " OLD_RUNS},
        {&landing->trim_run, "DELETE FROM _sluice_run WHERE dag=?1 AND id IN " OLD_RUNS},
        {&landing->put_setting, "INSERT INTO _sluice_setting(name, value) VALUES(?1,?2) "
                                "ON CONFLICT(name) DO UPDATE SET value=?2"},
    };
    int err = 0;
    for (size_t i = 0; i < ARRAY_LEN(all) && !err; i++)
        err = lite_db_prepare(landing->db, all[i].sql, all[i].stmt);
    return err;
}

static void clock_init(pthread_cond_t *cond) {
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
}

static void lite_close(struct landing *base) {
    struct lite_landing *landing = (struct lite_landing *)base;
    size_t at = 0;
    struct str name;
    void *table;
    lite_ckpt_free(landing->ckpt);
    CHECK(!landing->busy);
    CHECK(!landing->capture);
    while (map_next(&landing->tables, &at, &name, &table)) lite_table_free(table);
    map_fini(&landing->tables);
    for (size_t i = 0; i < landing->reader_cnt; i++) lite_db_close(landing->reader[i]);
    lite_db_close(landing->db);
    lite_recent_fini(&landing->recent);
    lite_vfs_close(landing->vfs);
    pthread_mutex_destroy(&landing->lock);
    pthread_cond_destroy(&landing->freed);
    pthread_cond_destroy(&landing->wake);
    base_free(landing->path);
    base_free(landing);
}

/* A WAL left by a crash is copied into the database and begun anew: had its last sync failed, what
 * cannot be read back is cut here and not found missing later. */
static int settle(struct lite_landing *landing) {
    int rc = sqlite3_wal_checkpoint_v2(landing->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    if (rc == SQLITE_OK || (rc & 0xFF) == SQLITE_BUSY) return 0; /* busy: another has it open */
    return lite_db_fail(landing->db, rc, "settle its write-ahead log");
}

static int lite_open(struct landing **out, const struct landing_conf *conf, const char *place) {
    struct env *env = conf->env;
    if (!*place) return err_fail(ERR_CONFIG, "landing 'sqlite:': the file's name is missing");
    struct lite_landing *landing = base_calloc(1, sizeof *landing);
    landing->base = (struct landing){.ops = &lite_landing_ops, .env = env};
    landing->path = base_strdup(place);
    landing->schema_version = -1;
    landing->ckpt = lite_ckpt_new(landing);
    lite_recent_init(&landing->recent);
    map_init(&landing->tables);
    pthread_mutex_init(&landing->lock, NULL);
    clock_init(&landing->freed);
    clock_init(&landing->wake);
    int err = lite_vfs_open(&landing->vfs, env);
    if (!err) err = lite_db_open(&landing->db, place, landing->vfs, LITE_DB_WRITE);
    if (!err) err = check_schema(landing->db, place);
    if (!err) err = settle(landing);
    if (!err) err = prepare(landing);
    if (err) {
        lite_close(&landing->base);
        return err;
    }
    *out = &landing->base;
    return 0;
}

/* ---- the writer's turn ---- */

int lite_landing_take(struct lite_landing *landing) {
    pthread_mutex_lock(&landing->lock);
    while (landing->busy) pthread_cond_wait(&landing->freed, &landing->lock);
    landing->busy = true;
    pthread_mutex_unlock(&landing->lock);
    if (!lite_vfs_dead(landing->vfs)) return 0;
    lite_landing_give(landing, false);
    return err_fail(ERR_IO, "landing %s: a sync failed, so what was written may be lost; nothing "
                    "more is taken until the program is started again", landing->path);
}

void lite_landing_give(struct lite_landing *landing, bool left_entries) {
    pthread_mutex_lock(&landing->lock);
    assert(landing->busy);
    landing->busy = false;
    if (left_entries) {
        landing->commit_cnt++;
        pthread_cond_broadcast(&landing->wake);
    }
    pthread_cond_signal(&landing->freed);
    pthread_mutex_unlock(&landing->lock);
}

void lite_landing_cool(struct lite_landing *landing) {
    pthread_mutex_lock(&landing->lock);
    bool due = !landing->busy && landing->warm; /* `warm` is the writer's while there is one */
    if (due) landing->busy = true;
    pthread_mutex_unlock(&landing->lock);
    if (!due) return;
    landing->warm = false;
    sqlite3_db_release_memory(landing->db);
    malloc_trim(0); /* freed pages lie between other memory; the heap keeps them otherwise */
    lite_landing_give(landing, false);
}

struct lite_table *lite_landing_table(struct lite_landing *landing, struct str name) {
    char low[LANDING_COLS_NAME_MAX + 1];
    CHECK(name.len <= LANDING_COLS_NAME_MAX);
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        low[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    struct str key = {low, name.len};
    struct lite_table *table = map_get(&landing->tables, key);
    if (table) return table;
    table = lite_table_new(name);
    map_put(&landing->tables, key, table);
    return table;
}

void lite_landing_forget(struct lite_landing *landing) {
    size_t at = 0;
    struct str name;
    void *table;
    while (map_next(&landing->tables, &at, &name, &table)) lite_table_forget(table);
    landing->schema_version = -1;
}

static int schema_version(struct lite_landing *landing, int64_t *out) {
    int got = lite_db_step(landing->version);
    if (got > 0) *out = sqlite3_column_int64(landing->version, 0);
    sqlite3_reset(landing->version);
    return MIN(got, 0);
}

/* With triggers of the users' own, ours must stay on too, and are told to keep quiet. */
static int set_triggers(struct lite_landing *landing) {
    int err = lite_trigger_foreign(landing->db, &landing->foreign_triggers);
    if (!err)
        sqlite3_db_config(landing->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, landing->foreign_triggers,
                          NULL);
    return err;
}

int lite_landing_refresh(struct lite_landing *landing) {
    int64_t now = 0;
    int err = schema_version(landing, &now);
    if (err || now == landing->schema_version) return err;
    lite_landing_forget(landing);
    err = set_triggers(landing);
    size_t at = 0;
    struct str name;
    void *value;
    while (!err && map_next(&landing->tables, &at, &name, &value)) {
        struct lite_table *table = value;
        bool changed;
        if (!table->cols.declared) continue;
        err = lite_table_load(landing->db, table);
        if (!err) err = lite_trigger_sync(landing->db, table, &changed);
    }
    if (!err) err = schema_version(landing, &landing->schema_version);
    return err;
}

static int declare(struct lite_landing *landing, const struct landing_table *decl) {
    struct lite_table *table = lite_landing_table(landing, decl->name);
    bool changed;
    int err = lite_db_do(landing->begin);
    if (err) return err;
    err = lite_landing_refresh(landing);
    if (!err) err = lite_table_declare(landing->db, table, decl);
    if (!err) err = lite_trigger_sync(landing->db, table, &changed);
    if (!err) err = lite_db_do(landing->commit);
    if (err) {
        if (!sqlite3_get_autocommit(landing->db)) sqlite3_step(landing->rollback);
        sqlite3_reset(landing->rollback);
    }
    lite_landing_forget(landing); /* loaded again when used */
    if (!err) table->cols.declared = true;
    return err;
}

static int lite_declare(struct landing *base, const struct landing_table *decl) {
    struct lite_landing *landing = (struct lite_landing *)base;
    int err = landing_cols_check_name(decl->name, LANDING_COLS_NAME_MAX);
    if (!err) err = lite_landing_take(landing);
    if (err) return err;
    err = declare(landing, decl);
    lite_landing_give(landing, false);
    return err;
}

const struct landing_ops lite_landing_ops = {
    .name = "sqlite",
    .open = lite_open,
    .close = lite_close,
    .declare = lite_declare,
    .begin = lite_write_begin,
    .upsert = lite_write_upsert,
    .put_run = lite_write_run,
    .trim_runs = lite_write_trim_runs,
    .put_try = lite_write_try,
    .put_setting = lite_write_setting,
    .commit = lite_write_commit,
    .abort = lite_write_abort,
    .setting = lite_look_setting,
    .runs = lite_look_runs,
    .run = lite_look_run,
    .tries = lite_look_tries,
    .tables = lite_look_tables,
    .rows = lite_look_rows,
    .backlog = lite_look_backlog,
    .capture_open = lite_capture_open,
    .capture_close = lite_capture_close,
    .capture_next = lite_capture_next,
    .capture_ack = lite_capture_ack,
    .capture_wake = lite_capture_wake,
    .capture_lag = lite_capture_lag,
    .capture_origin = lite_capture_origin,
    .capture_renew = lite_capture_renew,
    .capture_snapshot = lite_capture_snapshot,
    .capture_copying = lite_capture_copying,
};
