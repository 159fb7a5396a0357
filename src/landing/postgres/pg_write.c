/* pg_write.c - a landing transaction: rows by key, runs and settings, as one.
 *
 * When the connection is lost while a commit is under way, nobody was told whether it happened:
 * the server is asked by the transaction's number once it is back. */
#include "landing/landing_row.h"
#include "landing/postgres/pg_batch.h"
#include "landing/postgres/pg_landing.h"
#include "landing/postgres/pg_widen.h"

#include "base/err.h"
#include "base/mutant.h"

#include <stdio.h>

#define DOUBT_US   60000000 /* how long a server is waited for that may have committed */
#define DOUBT_POLL 100000

struct pg_tx {
    struct landing_tx base;
    bool staged; /* temporary tables may have rows */
};

static struct pg_landing *landing_of(struct landing_tx *tx) {
    return (struct pg_landing *)tx->landing;
}

static void roll_back(struct pg_landing *landing) {
    struct pg_conn *conn = &landing->writer;
    if (!pg_conn_lost(conn))
        PQclear(PQexecParams(conn->pg, "ROLLBACK", 0, NULL, NULL, NULL, NULL, 0));
    if (conn->pg && PQtransactionStatus(conn->pg) != PQTRANS_IDLE) pg_conn_close(conn);
    pg_landing_forget(landing);
}

int pg_write_begin(struct landing *base, struct landing_tx **out) {
    struct pg_landing *landing = (struct pg_landing *)base;
    if (landing->guest)
        return err_fail(ERR_DENIED, "PostgreSQL %s is another program's: nothing is landed there",
                        landing->place.shown);
    int err = pg_landing_take(landing);
    if (err) return err;
    err = pg_conn_do(&landing->writer, "BEGIN");
    if (err == ERR_NET) { /* found broken only now */
        pg_landing_forget(landing);
        pg_conn_close(&landing->writer);
        err = pg_conn_need(&landing->writer, PG_LANDING_PATIENCE_US);
        if (!err) err = pg_conn_do(&landing->writer, "BEGIN");
    }
    if (err) {
        pg_landing_give(landing);
        return err;
    }
    struct pg_tx *tx = base_calloc(1, sizeof *tx);
    *out = &tx->base;
    return 0;
}

/* ---- rows ---- */

struct upsert {
    struct pg_landing *landing;
    struct pg_table *table;
    struct pg_batch batch;
    struct landing_row row;
    struct str *text;       /* per column: what COPY gets */
    size_t bad_col;         /* + 1: its type cannot hold bad_value */
    struct json_value bad_value;
};

static bool place(void *arg, size_t at, const struct json_value *value) {
    struct upsert *up = arg;
    const struct pg_type *pg = &up->table->col[at].pg;
    bool theirs = up->table->cols.theirs, is_void = up->table->cols.col[at].is_void;
    if (value->kind != JSON_NULL && !theirs && (is_void || !pg_value_fits(pg, value))) {
        up->bad_col = at + 1;
        up->bad_value = *value;
        return false;
    }
    up->text[at] = pg_value_in(pg, value, &up->row.text);
    return true;
}

/* Reads a row into text. 1: the table must be widened first; bad_col: a column. */
static int read_row(struct upsert *up, struct str row) {
    size_t cnt = up->table->cols.col_cnt;
    up->bad_col = 0;
    if (cnt) memset(up->text, 0, cnt * sizeof *up->text);
    return landing_row_read(&up->row, row);
}

/* Before the first row, and whenever the table was widened. */
static void prepare(struct upsert *up) {
    landing_row_shape(&up->row);
    up->text = arena_array(&up->row.shape, struct str, up->table->cols.col_cnt);
}

/* Widens the table for rows from..cnt-1. */
static int widen_rows(struct upsert *up, const struct str *row, size_t from, size_t cnt) {
    struct pg_table *table = up->table;
    struct pg_conn *conn = &up->landing->writer;
    const struct type *type;
    int err = landing_row_widen(&up->row, row, from, cnt, &type);
    if (err) return err;
    bool captured = table->cols.captured, was_there = table->cols.is_there;
    err = pg_widen_table(conn, table, type);
    if (!err && captured && !was_there) err = pg_publish_table(up->landing, conn, table, NULL);
    return err;
}

/* Row `at` did not fit: makes it fit. Rows before it are written first, as the table was. */
static int widen(struct upsert *up, const struct str *row, size_t at, size_t cnt,
                 struct landing_count *count) {
    struct json_value value = up->bad_value;
    size_t col = up->bad_col;
    int err = pg_batch_write(&up->batch, count);
    if (err) return err;
    pg_batch_restage(&up->batch);
    if (col) err = pg_widen_column(&up->landing->writer, up->table, col - 1, &value);
    else err = widen_rows(up, row, at, cnt);
    if (!err) prepare(up);
    return err;
}

/* Reads row `at`, widening the table until it fits: each column's type changes twice at most. */
static int read_whole(struct upsert *up, const struct str *row, size_t at, size_t cnt,
                      struct landing_count *count) {
    for (size_t n = 0; n < 4 * LANDING_COL_MAX; n++) {
        int got = read_row(up, row[at]);
        if (got <= 0) return got;
        int err = widen(up, row, at, cnt, count);
        if (err) return err;
    }
    return err_fail(ERR_INTERNAL, "it does not fit the type made from it");
}

static int upsert_rows(struct upsert *up, const struct str *row, size_t cnt,
                       struct landing_count *count) {
    int err = 0;
    prepare(up);
    for (size_t i = 0; i < cnt && !err; i++) {
        err = landing_row_check(row[i]);
        if (!err) err = read_whole(up, row, i, cnt, count);
        if (err) {
            if (!strstr(err_note(), "row ")) err_add(err, "row %zu for table %.*s", i + 1,
                                                     STR_ARG(up->table->cols.name));
            return err;
        }
        if (pg_batch_add(&up->batch, up->text)) continue;
        err = pg_batch_write(&up->batch, count);
        if (!err) CHECK(pg_batch_add(&up->batch, up->text));
    }
    if (!err) err = pg_batch_write(&up->batch, count);
    return err ? err_add(err, "table %.*s", STR_ARG(up->table->cols.name)) : 0;
}

int pg_write_upsert(struct landing_tx *base, struct str name, const struct str *row, size_t cnt,
                    struct landing_count *out) {
    struct pg_landing *landing = landing_of(base);
    struct pg_tx *tx = (struct pg_tx *)base;
    int err = pg_table_name_check(name);
    if (err) return err;
    struct pg_table *table = pg_landing_table(landing, name);
    if (!table->cols.declared)
        return err_fail(ERR_NOT_FOUND, "table %.*s was not declared", STR_ARG(name));
    if ((err = pg_table_refresh(&landing->writer, table))) return err;
    struct upsert up = {.landing = landing, .table = table};
    pg_batch_init(&up.batch, landing, table);
    landing_row_init(&up.row, &table->cols, place, &up);
    up.batch.staged = tx->staged;
    err = upsert_rows(&up, row, cnt, out);
    tx->staged = tx->staged || up.batch.staged;
    pg_batch_fini(&up.batch);
    landing_row_fini(&up.row);
    return err;
}

/* ---- runs and settings ---- */

static struct str text(struct str value) {
    return value.ptr ? value : STR("");
}

struct numbers {
    char digits[8][24];
    size_t cnt;
};

static struct str number(struct numbers *numbers, int64_t value) {
    char *to = numbers->digits[numbers->cnt++];
    snprintf(to, sizeof numbers->digits[0], "%" PRId64, value);
    return str_of(to);
}

int pg_write_run(struct landing_tx *base, const struct run *run) {
    static const char sql[] =
        "INSERT INTO _sluice_run(dag, id, kind, state, logical_us, start_us, end_us, by, note)"
        " VALUES($1, $2, $3::integer, $4, $5::bigint, $6::bigint, $7::bigint, $8, $9)"
        " ON CONFLICT(dag, id) DO UPDATE SET kind=excluded.kind, state=excluded.state,"
        " logical_us=excluded.logical_us, start_us=excluded.start_us, end_us=excluded.end_us,"
        " by=excluded.by, note=excluded.note";
    struct numbers num = {.cnt = 0};
    struct pg_conn *conn = &landing_of(base)->writer;
    struct str kind = number(&num, run->kind), logical = number(&num, run->logical_us);
    struct str start = number(&num, run->start_us), end = number(&num, run->end_us);
    struct str param[] = {run->dag, run->id, kind, str_of(run_state_name(run->state)), logical,
                          start, end, text(run->by), text(run->note)};
    int err = pg_conn_run(conn, sql, param, ARRAY_LEN(param), NULL);
    if (!err || !PG_CONN_STATE(conn->state, "23505")) return err;
    return err_fail(ERR_EXISTS, "%.*s has a scheduled run for this time already",
                    STR_ARG(run->dag));
}

int pg_write_try(struct landing_tx *base, const struct run_try *run_try) {
    static const char sql[] =
        "INSERT INTO _sluice_try(dag, run, task, number, state, start_us, end_us, rows_in,"
        " rows_new, rows_changed, log) VALUES($1, $2, $3, $4::bigint, $5, $6::bigint, $7::bigint,"
        " $8::bigint, $9::bigint, $10::bigint, $11) ON CONFLICT(dag, run, task, number)"
        " DO UPDATE SET state=excluded.state, start_us=excluded.start_us, end_us=excluded.end_us,"
        " rows_in=excluded.rows_in, rows_new=excluded.rows_new,"
        " rows_changed=excluded.rows_changed, log=excluded.log";
    struct numbers num = {.cnt = 0};
    struct str param[11] = {run_try->dag, run_try->run, run_try->task};
    param[3] = number(&num, run_try->number);
    param[4] = str_of(run_state_name(run_try->state));
    param[5] = number(&num, run_try->start_us);
    param[6] = number(&num, run_try->end_us);
    param[7] = number(&num, run_try->rows_in);
    param[8] = number(&num, run_try->rows_new);
    param[9] = number(&num, run_try->rows_changed);
    param[10] = text(run_try->log);
    return pg_conn_run(&landing_of(base)->writer, sql, param, ARRAY_LEN(param), NULL);
}

int pg_write_trim_runs(struct landing_tx *base, struct str dag, size_t newest, size_t max) {
    static const char sql[] =
        "WITH edge AS (SELECT logical_us FROM _sluice_run WHERE dag=$1 AND kind=0"
        " ORDER BY logical_us DESC OFFSET $2::bigint LIMIT 1),"
        " gone AS (DELETE FROM _sluice_run WHERE dag=$1 AND id IN (SELECT id FROM _sluice_run"
        " WHERE dag=$1 AND kind=0 AND logical_us<(SELECT logical_us FROM edge)"
        " AND state IN ('success', 'failed') ORDER BY logical_us LIMIT $3::bigint) RETURNING id)"
        " DELETE FROM _sluice_try WHERE dag=$1 AND run IN (SELECT id FROM gone)";
    struct numbers num = {.cnt = 0};
    struct str param[3] = {dag};
    param[1] = number(&num, (int64_t)MIN(newest - 1, (size_t)INT64_MAX));
    param[2] = number(&num, (int64_t)MIN(max, (size_t)LANDING_PAGE_MAX));
    return pg_conn_run(&landing_of(base)->writer, sql, param, ARRAY_LEN(param), NULL);
}

int pg_write_setting(struct landing_tx *base, struct str name, struct str value) {
    struct str param[] = {name, text(value)};
    return pg_conn_run(&landing_of(base)->writer, "INSERT INTO _sluice_setting(name, value) "
                       "VALUES($1, $2) ON CONFLICT(name) DO UPDATE SET value=excluded.value",
                       param, 2, NULL);
}

/* ---- the end ---- */

/* The number of the transaction, if it wrote anything: its fate can be asked for by it. */
static int number_of(struct pg_conn *conn, char *out, size_t len) {
    PGresult *res;
    int err = pg_conn_run(conn, "SELECT pg_current_xact_id_if_assigned()::text", NULL, 0, &res);
    if (err) return err;
    struct str id = pg_conn_text(res, 0, 0);
    snprintf(out, len, "%.*s", STR_ARG(id));
    PQclear(res);
    return 0;
}

/* The connection broke during COMMIT. 0: it was committed; ERR_NET: it was not, or nobody can
 * tell. */
static int settle(struct pg_landing *landing, const char *id) {
    struct pg_conn *conn = &landing->writer;
    struct env *env = landing->base.env;
    int64_t until_us = env_mono_us(env) + DOUBT_US;
    struct str param = str_of(id);
    for (;;) {
        PGresult *res;
        int64_t left_us = until_us - env_mono_us(env);
        if (left_us <= 0) break;
        pg_landing_forget(landing);
        int err = pg_conn_need(conn, left_us);
        if (!err) err = pg_conn_run(conn, "SELECT pg_xact_status($1::xid8)", &param, 1, &res);
        if (err && !err_retry(err)) return err;
        if (err) continue;
        struct str fate = pg_conn_text(res, 0, 0);
        bool committed = str_eqz(fate, "committed"), running = str_eqz(fate, "in progress");
        PQclear(res);
        if (committed) return 0;
        if (!running) return err_fail(ERR_NET, "PostgreSQL %s: the connection was lost in a commit,"
                                      " and nothing was committed", landing->place.shown);
        env_sleep_us(env, DOUBT_POLL);
    }
    return err_fail(ERR_NET, "PostgreSQL %s: the connection was lost in a commit, and whether it "
                    "happened cannot be told: transaction %s", landing->place.shown, id);
}

/* Of several nodes only the one with the highest term may write: the term is kept beside the rows,
 * and its row stays locked until the commit. */
int pg_write_epoch(struct pg_conn *conn, int64_t epoch) {
    static const char sql[] =
        "INSERT INTO _sluice_setting(name, value) VALUES('_sluice.epoch', $1) ON CONFLICT(name)"
        " DO UPDATE SET value=excluded.value"
        " WHERE _sluice_setting.value::bigint<=excluded.value::bigint RETURNING 1";
    struct numbers num = {.cnt = 0};
    struct str param = number(&num, epoch);
    PGresult *res;
    if (!epoch || MUTANT("landing-not-fenced")) return 0;
    int err = pg_conn_run(conn, sql, &param, 1, &res);
    if (err) return err;
    bool ours = PQntuples(res) > 0;
    PQclear(res);
    if (ours) return 0;
    return err_fail(ERR_FENCED, "PostgreSQL %s: another node leads, in a later term than %" PRId64,
                    conn->place->shown, epoch);
}

int pg_write_commit(struct landing_tx *base) {
    struct pg_landing *landing = landing_of(base);
    struct pg_conn *conn = &landing->writer;
    char id[32] = "";
    int err = env_point(landing->base.env, "landing.commit");
    if (!err) err = pg_write_epoch(conn, base->epoch);
    if (!err) err = number_of(conn, id, sizeof id);
    if (!err) {
        err = pg_conn_do(conn, "COMMIT");
        if (err == ERR_NET && id[0]) err = settle(landing, id);
    }
    if (err) roll_back(landing);
    base_free(base);
    pg_landing_give(landing);
    return err;
}

void pg_write_abort(struct landing_tx *base) {
    struct pg_landing *landing = landing_of(base);
    roll_back(landing);
    base_free(base);
    pg_landing_give(landing);
}
