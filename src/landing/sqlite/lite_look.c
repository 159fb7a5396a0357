/* lite_look.c - what readers ask of the landing, each call on a connection of its own. */
#include "landing/sqlite/lite_landing.h"

#include "base/err.h"

#include <stdio.h>

static struct lite_landing *landing_of(struct landing *base) {
    return (struct lite_landing *)base;
}

int lite_look_open(struct lite_landing *landing, sqlite3 **out) {
    *out = NULL;
    pthread_mutex_lock(&landing->lock);
    if (landing->reader_cnt) *out = landing->reader[--landing->reader_cnt];
    pthread_mutex_unlock(&landing->lock);
    return *out ? 0 : lite_db_open(out, landing->path, landing->vfs, LITE_DB_READ);
}

void lite_look_close(struct lite_landing *landing, sqlite3 *db) {
    if (!db) return;
    pthread_mutex_lock(&landing->lock);
    bool kept = landing->reader_cnt < LITE_READER_MAX;
    if (kept) landing->reader[landing->reader_cnt++] = db;
    pthread_mutex_unlock(&landing->lock);
    if (!kept) lite_db_close(db);
}

/* A reader and a statement on it; look_end() gives both back. */
struct look {
    struct lite_landing *landing;
    sqlite3 *db;
    sqlite3_stmt *stmt;
};

static int look_begin(struct look *look, struct landing *base, const char *sql) {
    *look = (struct look){.landing = landing_of(base)};
    int err = lite_look_open(look->landing, &look->db);
    return err || !sql ? err : lite_db_prepare(look->db, sql, &look->stmt);
}

static void look_end(struct look *look) {
    sqlite3_finalize(look->stmt);
    lite_look_close(look->landing, look->db);
}

static struct str text_at(sqlite3_stmt *stmt, int col, struct arena *arena) {
    struct str text = lite_db_text(stmt, col);
    return text.ptr ? arena_str(arena, text) : STR("");
}

/* A growing array in an arena; old copies stay in it, so it doubles. */
static void *grow(struct arena *arena, void *old, size_t cnt, size_t *cap, size_t size) {
    if (cnt < *cap) return old;
    *cap = *cap ? *cap * 2 : 32;
    void *fresh = arena_calloc(arena, *cap, size);
    if (cnt) memcpy(fresh, old, cnt * size);
    return fresh;
}

int lite_look_setting(struct landing *base, struct str name, struct arena *arena,
                      struct str *out) {
    struct look look;
    int err = look_begin(&look, base, "SELECT value FROM _sluice_setting WHERE name=?1");
    if (!err) {
        lite_db_bind(look.stmt, 1, name);
        int got = lite_db_step(look.stmt);
        if (got > 0) *out = text_at(look.stmt, 0, arena);
        else err = got ? got : err_fail(ERR_NOT_FOUND, "no setting %.*s", STR_ARG(name));
    }
    look_end(&look);
    return err;
}

static void bind_page(sqlite3_stmt *stmt, struct landing_page page) {
    sqlite3_bind_int64(stmt, 1, (int64_t)MIN(page.limit, LANDING_PAGE_MAX));
    sqlite3_bind_int64(stmt, 2, (int64_t)MIN(page.skip, (size_t)INT64_MAX));
}

#define RUN_COLS "SELECT dag, id, kind, state, logical_us, start_us, end_us, by, note"

static void read_run(sqlite3_stmt *stmt, struct arena *arena, struct run *out) {
    out->dag = text_at(stmt, 0, arena);
    out->id = text_at(stmt, 1, arena);
    out->kind = (enum run_kind)MIN(MAX(sqlite3_column_int(stmt, 2), 0), RUN_BACKFILL);
    out->state = run_state_of(lite_db_text(stmt, 3));
    out->logical_us = sqlite3_column_int64(stmt, 4);
    out->start_us = sqlite3_column_int64(stmt, 5);
    out->end_us = sqlite3_column_int64(stmt, 6);
    out->by = text_at(stmt, 7, arena);
    out->note = text_at(stmt, 8, arena);
}

int lite_look_runs(struct landing *base, struct str dag, struct landing_page page,
                   struct arena *arena, struct run **out, size_t *cnt) {
    struct look look;
    size_t cap = 0;
    const char *sql = dag.ptr ? RUN_COLS " FROM _sluice_run WHERE dag=?3 ORDER BY logical_us DESC,"
                                         " id DESC LIMIT ?1 OFFSET ?2"
                              : RUN_COLS " FROM _sluice_run ORDER BY logical_us DESC, dag, id DESC"
                                         " LIMIT ?1 OFFSET ?2";
    int err = look_begin(&look, base, sql);
    if (!err) {
        bind_page(look.stmt, page);
        if (dag.ptr) lite_db_bind(look.stmt, 3, dag);
        while ((err = lite_db_step(look.stmt)) > 0) {
            *out = grow(arena, *out, *cnt, &cap, sizeof **out);
            read_run(look.stmt, arena, &(*out)[(*cnt)++]);
        }
    }
    look_end(&look);
    return err;
}

int lite_look_run(struct landing *base, struct str dag, struct str id, struct arena *arena,
                  struct run *out) {
    struct look look;
    int err = look_begin(&look, base, RUN_COLS " FROM _sluice_run WHERE dag=?1 AND id=?2");
    if (!err) {
        lite_db_bind(look.stmt, 1, dag);
        lite_db_bind(look.stmt, 2, id);
        int got = lite_db_step(look.stmt);
        if (got > 0) read_run(look.stmt, arena, out);
        else err = got ? got : err_fail(ERR_NOT_FOUND, "%.*s has no run %.*s", STR_ARG(dag),
                                        STR_ARG(id));
    }
    look_end(&look);
    return err;
}

int lite_look_tries(struct landing *base, struct str dag, struct str run, struct arena *arena,
                    struct run_try **out, size_t *cnt) {
    struct look look;
    size_t cap = 0;
    int err = look_begin(&look, base,
                         "SELECT task, number, state, start_us, end_us, rows_in, rows_new,"
                         " rows_changed, log FROM _sluice_try WHERE dag=?1 AND run=?2"
                         " ORDER BY task, number LIMIT ?3");
    if (!err) {
        lite_db_bind(look.stmt, 1, dag);
        lite_db_bind(look.stmt, 2, run);
        sqlite3_bind_int64(look.stmt, 3, LANDING_PAGE_MAX);
        while ((err = lite_db_step(look.stmt)) > 0) {
            *out = grow(arena, *out, *cnt, &cap, sizeof **out);
            struct run_try *one = &(*out)[(*cnt)++];
            one->dag = arena_str(arena, dag);
            one->run = arena_str(arena, run);
            one->task = text_at(look.stmt, 0, arena);
            one->number = (uint32_t)sqlite3_column_int64(look.stmt, 1);
            one->state = run_state_of(lite_db_text(look.stmt, 2));
            one->start_us = sqlite3_column_int64(look.stmt, 3);
            one->end_us = sqlite3_column_int64(look.stmt, 4);
            one->rows_in = sqlite3_column_int64(look.stmt, 5);
            one->rows_new = sqlite3_column_int64(look.stmt, 6);
            one->rows_changed = sqlite3_column_int64(look.stmt, 7);
            one->log = text_at(look.stmt, 8, arena);
        }
    }
    look_end(&look);
    return err;
}

/* ---- tables ---- */

/* SELECT `what` FROM table `rest`: one number. */
static int ask_number(sqlite3 *db, const char *what, struct str table, const char *rest,
                      int64_t *out) {
    struct buf sql;
    buf_init(&sql, LITE_DB_SQL_MAX);
    buf_printf(&sql, "SELECT %s FROM ", what);
    lite_db_name(&sql, table);
    buf_putz(&sql, rest);
    buf_putc(&sql, 0);
    int err = lite_db_i64(db, sql.ptr, out);
    buf_fini(&sql);
    return err;
}

/* Counts up to the limit; past it the rowids, which are given in order, tell about how many there
 * are. A table of another program may have none. */
static int count_rows(sqlite3 *db, struct str table, struct landing_info *out) {
    int64_t low = 0, high = 0;
    char limit[64];
    out->row_kind = LANDING_EXACT;
    snprintf(limit, sizeof limit, " LIMIT %d)", LANDING_COUNT_MAX + 1);
    int err = ask_number(db, "count(*) FROM (SELECT 1", table, limit, &out->row_cnt);
    if (err || out->row_cnt <= LANDING_COUNT_MAX) return err;
    out->row_cnt = LANDING_COUNT_MAX;
    out->row_kind = LANDING_AT_LEAST;
    if (ask_number(db, "min(_rowid_)", table, "", &low) ||
        ask_number(db, "max(_rowid_)", table, "", &high))
        return 0;
    if (low < 0 || high - low < LANDING_COUNT_MAX) return 0;
    out->row_cnt = high - low + 1;
    out->row_kind = LANDING_ABOUT;
    return 0;
}

static int read_info(sqlite3 *db, struct str name, struct arena *arena,
                     struct landing_info *out) {
    struct lite_table *table = lite_table_new(name);
    int err = lite_table_load(db, table);
    if (!err) err = count_rows(db, name, out);
    if (!err) landing_cols_info(&table->cols, arena, out);
    lite_table_free(table);
    return err;
}

int lite_look_tables(struct landing *base, struct arena *arena, struct landing_info **out,
                     size_t *cnt) {
    struct look look;
    size_t cap = 0;
    int err = look_begin(&look, base,
                         "SELECT name FROM sqlite_schema WHERE type='table' AND"
                         " substr(name,1,8)<>'_sluice_' AND substr(name,1,7)<>'sqlite_'"
                         " ORDER BY name");
    while (!err && (err = lite_db_step(look.stmt)) > 0) {
        *out = grow(arena, *out, *cnt, &cap, sizeof **out);
        err = read_info(look.db, text_at(look.stmt, 0, arena), arena, &(*out)[*cnt]);
        if (!err) (*cnt)++;
    }
    look_end(&look);
    return err;
}

static int prepare_rows(struct look *look, const struct lite_table *table) {
    struct buf sql;
    buf_init(&sql, LITE_DB_SQL_MAX);
    buf_putz(&sql, "SELECT ");
    lite_table_columns(table, &sql);
    buf_putz(&sql, " FROM ");
    lite_db_name(&sql, table->cols.name);
    for (size_t i = 0; i < table->cols.key_cnt; i++) {
        buf_putz(&sql, i ? "," : " ORDER BY ");
        lite_db_name(&sql, table->cols.col[table->cols.key_col[i]].name);
    }
    buf_putz(&sql, " LIMIT ?1 OFFSET ?2");
    int err = lite_db_prepare_buf(look->db, &sql, &look->stmt);
    buf_fini(&sql);
    return err;
}

int lite_look_rows(struct landing *base, struct str name, struct landing_page page,
                   struct arena *arena, struct str **out, size_t *cnt) {
    struct look look;
    struct buf row;
    size_t cap = 0;
    int err = landing_cols_check_name(name, LANDING_COLS_NAME_MAX);
    if (err) return err;
    struct lite_table *table = lite_table_new(name);
    buf_init(&row, 16 * LANDING_ROW_MAX);
    err = look_begin(&look, base, NULL);
    if (!err) err = lite_table_load(look.db, table);
    if (!err && !table->cols.is_there)
        err = err_fail(ERR_NOT_FOUND, "no table %.*s; one is made when its first rows come",
                       STR_ARG(name));
    if (!err) err = prepare_rows(&look, table);
    if (!err) {
        bind_page(look.stmt, page);
        while ((err = lite_db_step(look.stmt)) > 0) {
            buf_reset(&row);
            lite_table_row(table, look.stmt, &row);
            *out = grow(arena, *out, *cnt, &cap, sizeof **out);
            (*out)[(*cnt)++] = arena_str(arena, buf_str(&row));
        }
    }
    lite_table_free(table);
    buf_fini(&row);
    look_end(&look);
    return err;
}

int lite_look_backlog(struct landing *base, struct landing_backlog *out) {
    struct lite_landing *landing = (struct lite_landing *)base;
    sqlite3 *db;
    sqlite3_stmt *stmt = NULL;
    int err = lite_look_open(landing, &db);
    if (err) return err;
    err = lite_db_prepare(db, "SELECT sum(cnt) FROM _sluice_outbox WHERE seq>?1", &stmt);
    if (!err) {
        sqlite3_bind_int64(stmt, 1, (int64_t)atomic_load(&landing->acked));
        int got = lite_db_step(stmt);
        if (got > 0) out->changes = sqlite3_column_int64(stmt, 0);
        err = MIN(got, 0);
    }
    sqlite3_finalize(stmt);
    lite_look_close(landing, db);
    return err;
}
