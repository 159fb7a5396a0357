/* lite_write.c - a landing transaction: rows by key, their changes, runs and settings, as one.
 *
 * A row is inserted "on conflict do nothing", which is all that most rows need. One whose key is
 * there already is compared with what is stored, value by value; only if it differs is it written,
 * and only then was the old row read for the change's `before`. Once a row does not fit the table's
 * type so far, the rest of the call's rows are looked at and the table is widened for all. */
#include "landing/sqlite/lite_landing.h"

#include "base/err.h"
#include "landing/landing_row.h"
#include "landing/sqlite/lite_trigger.h"
#include "landing/sqlite/lite_widen.h"

#define TRIM_MIN 16 /* entries */

struct lite_tx {
    struct landing_tx base;
    struct lite_outbox outbox;
    uint64_t trim_to;   /* entries up to here were deleted in this transaction; 0: none */
    uint64_t entry_cnt; /* outbox entries that it leaves */
    bool widened;       /* the schema was changed */
};

static struct lite_landing *landing_of(struct landing_tx *tx) {
    return (struct lite_landing *)tx->landing;
}

static void tx_free(struct lite_tx *tx) {
    lite_outbox_fini(&tx->outbox);
    base_free(tx);
}

static void roll_back(struct lite_landing *landing, struct lite_tx *tx) {
    if (!sqlite3_get_autocommit(landing->db)) sqlite3_step(landing->rollback);
    sqlite3_reset(landing->rollback);
    lite_recent_abort(&landing->recent);
    if (tx->widened) lite_landing_forget(landing);
}

/* Deletes acked entries, the oldest first: more than this transaction adds, so that the outbox
 * shrinks, but never so many that it takes long. */
static int trim(struct lite_landing *landing, struct lite_tx *tx) {
    uint64_t acked = atomic_load(&landing->acked), trimmed = atomic_load(&landing->trimmed);
    if (acked <= trimmed) return 0;
    tx->trim_to = MIN(acked, trimmed + TRIM_MIN + 2 * tx->entry_cnt);
    sqlite3_bind_int64(landing->trim, 1, (int64_t)tx->trim_to);
    return lite_db_do(landing->trim);
}

int lite_write_begin(struct landing *base, struct landing_tx **out) {
    struct lite_landing *landing = (struct lite_landing *)base;
    lite_ckpt_wait(landing->ckpt);
    int err = lite_landing_take(landing);
    if (err) return err;
    struct lite_tx *tx = base_calloc(1, sizeof *tx);
    lite_outbox_init(&tx->outbox);
    err = lite_db_do(landing->begin);
    if (!err) err = lite_landing_refresh(landing);
    if (err) {
        tx->widened = true;
        roll_back(landing, tx);
        tx_free(tx);
        lite_landing_give(landing, false);
        return err;
    }
    *out = &tx->base;
    return 0;
}

/* Writes the gathered changes as one entry. */
static int flush(struct lite_landing *landing, struct lite_tx *tx) {
    if (!tx->outbox.cnt) return 0;
    CHECK(!tx->outbox.body.full);
    sqlite3_stmt *stmt = landing->put_entry;
    struct str body = buf_str(&tx->outbox.body);
    int64_t now_us = env_now_us(landing->base.env);
    sqlite3_bind_int64(stmt, 1, now_us);
    sqlite3_bind_int64(stmt, 2, tx->outbox.cnt);
    sqlite3_bind_blob64(stmt, 3, body.ptr, body.len, SQLITE_STATIC);
    int err = lite_db_do(stmt);
    uint64_t seq = (uint64_t)sqlite3_last_insert_rowid(landing->db);
    if (!err) lite_recent_stage(&landing->recent, seq, now_us, body);
    lite_outbox_reset(&tx->outbox);
    tx->entry_cnt++;
    return err;
}

static int add_change(struct lite_landing *landing, struct lite_tx *tx,
                      const struct change *change) {
    lite_outbox_add(&tx->outbox, change);
    return tx->outbox.body.len >= LITE_OUTBOX_ENTRY ? flush(landing, tx) : 0;
}

/* ---- rows ---- */

struct upsert {
    struct lite_landing *landing;
    struct lite_tx *tx;
    struct lite_table *table;
    struct landing_row row;
    struct lite_value *value; /* per column, of the present row */
    struct buf before;
};

static bool place(void *arg, size_t at, const struct json_value *value) {
    struct upsert *up = arg;
    const struct lite_col *col = &up->table->col[at];
    lite_value_of(value, col->shape, col->aff, &up->row.text, &up->value[at]);
    return true;
}

/* Reads a row into value. 1: the table must be widened first. */
static int read_row(struct upsert *up, struct str row) {
    size_t cnt = up->table->cols.col_cnt;
    if (cnt) memset(up->value, 0, cnt * sizeof *up->value);
    return landing_row_read(&up->row, row);
}

static void bind_all(struct upsert *up, sqlite3_stmt *stmt) {
    for (size_t i = 0; i < up->table->cols.col_cnt; i++)
        lite_value_bind(stmt, (int)i + 1, &up->value[i]);
}

static bool same_row(struct upsert *up, sqlite3_stmt *stmt) {
    for (size_t i = 0; i < up->table->cols.col_cnt; i++) {
        bool is_key = up->table->cols.col[i].is_key;
        if (!is_key && !lite_value_same(stmt, (int)i, &up->value[i])) return false;
    }
    return true;
}

/* The row's key is there. 1: and the row as well; 0: it was updated. */
static int update_row(struct upsert *up) {
    const struct lite_table *table = up->table;
    for (size_t i = 0; i < table->cols.key_cnt; i++) {
        size_t at = table->cols.key_col[i];
        lite_value_bind(table->find, (int)at + 1, &up->value[at]);
    }
    int got = lite_db_step(table->find);
    if (got < 0) return got;
    if (!got) return err_fail(ERR_INTERNAL, "a key that is there was not found");
    bool same = same_row(up, table->find);
    buf_reset(&up->before);
    if (!same && table->cols.captured) lite_table_row(table, table->find, &up->before);
    sqlite3_reset(table->find);
    if (same) return 1;
    assert(table->update);
    bind_all(up, table->update);
    return lite_db_do(table->update);
}

static int put_row(struct upsert *up, struct str row, struct landing_count *count) {
    struct lite_table *table = up->table;
    bind_all(up, table->insert);
    int err = lite_db_do(table->insert);
    if (err) return err;
    bool is_new = !table->cols.key_cnt || sqlite3_changes(up->landing->db) > 0;
    if (!is_new) {
        int got = update_row(up);
        if (got < 0) return got;
        if (got) {
            count->unchanged++;
            return 0;
        }
    }
    *(is_new ? &count->inserted : &count->updated) += 1;
    if (!table->cols.captured) return 0;
    struct change change = {
        .op = is_new ? CHANGE_CREATE : CHANGE_UPDATE,
        .table = table->cols.name,
        .key = landing_row_key(&up->row),
        .before = is_new ? STR_NULL : buf_str(&up->before),
        .after = str_trim(row),
    };
    return add_change(up->landing, up->tx, &change);
}

/* Before the first row, and whenever the table was widened. */
static int prepare(struct upsert *up) {
    struct lite_table *table = up->table;
    landing_row_shape(&up->row);
    up->value = arena_array(&up->row.shape, struct lite_value, table->cols.col_cnt);
    return table->cols.is_there ? lite_table_prepare(up->landing->db, table) : 0;
}

/* Widens the table for rows from..cnt-1. */
static int widen(struct upsert *up, const struct str *row, size_t from, size_t cnt) {
    struct lite_table *table = up->table;
    const struct type *type;
    bool changed;
    int err = landing_row_widen(&up->row, row, from, cnt, &type);
    if (err) return err;
    up->tx->widened = true;
    err = lite_widen_table(up->landing->db, table, type);
    if (!err) err = lite_trigger_sync(up->landing->db, table, &changed);
    return err ? err : prepare(up);
}

static int upsert_rows(struct upsert *up, const struct str *row, size_t cnt,
                       struct landing_count *out) {
    int err = prepare(up);
    for (size_t i = 0; i < cnt && !err; i++) {
        if ((err = landing_row_check(row[i]))) goto name;
        int got = read_row(up, row[i]);
        if (got > 0) {
            if ((err = widen(up, row, i, cnt))) return err;
            got = read_row(up, row[i]);
        }
        err = got > 0 ? err_fail(ERR_INTERNAL, "it does not fit the type made from it") : got;
        if (!err) err = put_row(up, row[i], out);
        out->in++;
    name:
        if (err) err_add(err, "row %zu for table %.*s", i + 1, STR_ARG(up->table->cols.name));
    }
    return err;
}

int lite_write_upsert(struct landing_tx *base, struct str name, const struct str *row, size_t cnt,
                      struct landing_count *out) {
    struct lite_landing *landing = landing_of(base);
    int err = landing_cols_check_name(name, LANDING_COLS_NAME_MAX);
    if (err) return err;
    struct lite_table *table = lite_landing_table(landing, name);
    if (!table->cols.declared)
        return err_fail(ERR_NOT_FOUND, "table %.*s was not declared", STR_ARG(name));
    if (!table->cols.loaded && (err = lite_table_load(landing->db, table))) return err;
    struct upsert up = {.landing = landing, .tx = (struct lite_tx *)base, .table = table};
    buf_init(&up.before, 16 * LANDING_ROW_MAX);
    landing_row_init(&up.row, &table->cols, place, &up);
    if (landing->foreign_triggers) err = lite_db_do(landing->mark);
    if (!err) err = upsert_rows(&up, row, cnt, out);
    if (!err && landing->foreign_triggers) err = lite_db_do(landing->unmark);
    buf_fini(&up.before);
    landing_row_fini(&up.row);
    return err;
}

int lite_write_snapshot(struct landing_tx *base, struct str name) {
    struct lite_landing *landing = landing_of(base);
    struct lite_tx *tx = (struct lite_tx *)base;
    struct lite_table *table = lite_landing_table(landing, name);
    int err = table->cols.loaded ? 0 : lite_table_load(landing->db, table);
    if (err || !table->cols.is_there) return err;
    sqlite3_stmt *stmt = NULL;
    struct buf sql, row, key;
    struct arena arena = ARENA_INIT;
    buf_init(&sql, LITE_DB_SQL_MAX);
    buf_init(&row, 16 * LANDING_ROW_MAX);
    buf_init(&key, 16 * LANDING_ROW_MAX);
    buf_putz(&sql, "SELECT ");
    lite_table_columns(table, &sql);
    buf_putz(&sql, " FROM ");
    lite_db_name(&sql, table->cols.name);
    err = lite_db_prepare_buf(landing->db, &sql, &stmt);
    while (!err && (err = lite_db_step(stmt)) > 0) {
        arena_reset(&arena);
        buf_reset(&row);
        buf_reset(&key);
        lite_table_row(table, stmt, &row);
        for (size_t i = 0; i < table->cols.key_cnt; i++) {
            buf_putc(&key, i ? ',' : '[');
            size_t at = table->cols.key_col[i];
            lite_value_json(stmt, (int)at, table->col[at].shape, &key);
        }
        buf_putc(&key, ']');
        struct change change = {.op = CHANGE_READ, .table = table->cols.name,
                                .after = buf_str(&row)};
        if (table->cols.key_cnt) change.key = lite_outbox_key(buf_str(&key), &arena);
        err = add_change(landing, tx, &change);
    }
    sqlite3_finalize(stmt);
    buf_fini(&sql);
    buf_fini(&row);
    buf_fini(&key);
    arena_fini(&arena);
    return err;
}

/* ---- runs and settings ---- */

static struct str text(struct str value) {
    return value.ptr ? value : STR("");
}

int lite_write_run(struct landing_tx *base, const struct run *run) {
    sqlite3_stmt *stmt = landing_of(base)->put_run;
    lite_db_bind(stmt, 1, run->dag);
    lite_db_bind(stmt, 2, run->id);
    sqlite3_bind_int(stmt, 3, run->kind);
    lite_db_bind(stmt, 4, str_of(run_state_name(run->state)));
    sqlite3_bind_int64(stmt, 5, run->logical_us);
    sqlite3_bind_int64(stmt, 6, run->start_us);
    sqlite3_bind_int64(stmt, 7, run->end_us);
    lite_db_bind(stmt, 8, text(run->by));
    lite_db_bind(stmt, 9, text(run->note));
    int err = lite_db_do(stmt);
    if (err != ERR_CONFLICT) return err;
    return err_fail(ERR_EXISTS, "%.*s has a scheduled run for this time already",
                    STR_ARG(run->dag));
}

int lite_write_try(struct landing_tx *base, const struct run_try *run_try) {
    sqlite3_stmt *stmt = landing_of(base)->put_try;
    lite_db_bind(stmt, 1, run_try->dag);
    lite_db_bind(stmt, 2, run_try->run);
    lite_db_bind(stmt, 3, run_try->task);
    sqlite3_bind_int64(stmt, 4, run_try->number);
    lite_db_bind(stmt, 5, str_of(run_state_name(run_try->state)));
    sqlite3_bind_int64(stmt, 6, run_try->start_us);
    sqlite3_bind_int64(stmt, 7, run_try->end_us);
    sqlite3_bind_int64(stmt, 8, run_try->rows_in);
    sqlite3_bind_int64(stmt, 9, run_try->rows_new);
    sqlite3_bind_int64(stmt, 10, run_try->rows_changed);
    lite_db_bind(stmt, 11, text(run_try->log));
    return lite_db_do(stmt);
}

static int drop_runs(sqlite3_stmt *stmt, struct str dag, int64_t before_us, size_t max) {
    lite_db_bind(stmt, 1, dag);
    sqlite3_bind_int64(stmt, 2, before_us);
    sqlite3_bind_int64(stmt, 3, (int64_t)MIN(max, (size_t)LANDING_PAGE_MAX));
    return lite_db_do(stmt);
}

int lite_write_trim_runs(struct landing_tx *base, struct str dag, size_t newest, size_t max) {
    struct lite_landing *landing = landing_of(base);
    lite_db_bind(landing->old_run, 1, dag);
    sqlite3_bind_int64(landing->old_run, 2, (int64_t)MIN(newest - 1, (size_t)INT64_MAX));
    int got = lite_db_step(landing->old_run);
    if (got <= 0) return got; /* not so many */
    int64_t before_us = sqlite3_column_int64(landing->old_run, 0);
    sqlite3_reset(landing->old_run);
    int err = drop_runs(landing->trim_try, dag, before_us, max);
    return err ? err : drop_runs(landing->trim_run, dag, before_us, max);
}

int lite_write_setting(struct landing_tx *base, struct str name, struct str value) {
    sqlite3_stmt *stmt = landing_of(base)->put_setting;
    lite_db_bind(stmt, 1, name);
    lite_db_bind(stmt, 2, text(value));
    return lite_db_do(stmt);
}

/* ---- the end ---- */

static int wal_grew(void *arg, sqlite3 *db UNUSED, const char *name UNUSED, int pages) {
    *(int *)arg = pages;
    return SQLITE_OK;
}

int lite_write_commit(struct landing_tx *base) {
    struct lite_landing *landing = landing_of(base);
    struct lite_tx *tx = (struct lite_tx *)base;
    int wal_pages = 0;
    int err = flush(landing, tx);
    if (!err) err = trim(landing, tx);
    if (!err && tx->widened) landing->schema_version = -1;
    if (!err) err = env_point(landing->base.env, "landing.commit");
    sqlite3_wal_hook(landing->db, wal_grew, &wal_pages);
    if (!err) err = lite_db_do(landing->commit);
    sqlite3_wal_hook(landing->db, NULL, NULL);
    if (err) roll_back(landing, tx);
    else lite_recent_commit(&landing->recent);
    bool left = !err && tx->entry_cnt;
    if (!err && tx->trim_to) atomic_store(&landing->trimmed, tx->trim_to);
    landing->warm = true;
    if (!err) lite_ckpt_note(landing->ckpt, wal_pages);
    tx_free(tx);
    lite_landing_give(landing, left);
    return err;
}

void lite_write_abort(struct landing_tx *base) {
    struct lite_landing *landing = landing_of(base);
    struct lite_tx *tx = (struct lite_tx *)base;
    roll_back(landing, tx);
    tx_free(tx);
    lite_landing_give(landing, false);
}
