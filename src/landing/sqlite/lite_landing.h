/* lite_landing.h - a landing in a SQLite file: what its parts share.
 *
 *   lite_landing.c  opening, closing, declaring, the one writer's lock
 *   lite_write.c    transactions: rows, runs, settings
 *   lite_look.c     what readers ask, each on a connection from the pool
 *   lite_capture.c  the outbox's reader
 *   lite_ckpt.c     the write-ahead log into the database
 *   lite_table.c lite_widen.c lite_trigger.c lite_value.c lite_outbox.c lite_db.c lite_vfs.c below
 *
 * Invariants: (1) the writer's connection is used only by who holds the lock; (2) `schema_version`
 * is the database's when the cached tables were loaded; (3) an outbox entry is deleted only when
 * its seq <= acked. */
#ifndef LANDING_SQLITE_LITE_LANDING_H
#define LANDING_SQLITE_LITE_LANDING_H

#include "landing/landing_ops.h"
#include "landing/sqlite/lite_ckpt.h"
#include "landing/sqlite/lite_outbox.h"
#include "landing/sqlite/lite_recent.h"
#include "landing/sqlite/lite_table.h"

#include <pthread.h>
#include <stdatomic.h>

#define LITE_READER_MAX 4 /* connections kept; more are opened and closed again */

struct lite_landing {
    struct landing base;
    struct lite_vfs *vfs;
    struct lite_ckpt *ckpt;
    struct lite_recent recent;
    char *path;

    pthread_mutex_t lock; /* short: guards what follows up to `db` */
    pthread_cond_t freed; /* the writer is free again */
    pthread_cond_t wake;  /* for capture: a commit, or capture_wake() */
    bool busy;            /* somebody writes */
    bool woken;
    bool warm;            /* the writer's page cache has grown */
    uint64_t commit_cnt;  /* commits that left outbox entries */
    sqlite3 *reader[LITE_READER_MAX];
    size_t reader_cnt;

    sqlite3 *db; /* the writer's, as all below */
    sqlite3_stmt *begin, *commit, *rollback, *version, *mark, *unmark;
    sqlite3_stmt *put_entry, *trim, *put_run, *put_try, *put_setting;
    sqlite3_stmt *old_run, *trim_run, *trim_try;
    struct map tables; /* lower-case name -> struct lite_table */
    int64_t schema_version;
    bool foreign_triggers;

    atomic_uint_fast64_t acked, trimmed; /* entries up to there: may be deleted; are */
    struct capture *capture;
};

/* Waits for the writer's turn; ERR_IO once a sync has failed. */
int lite_landing_take(struct lite_landing *landing) MUST_USE;
void lite_landing_give(struct lite_landing *landing, bool left_entries);
void lite_landing_cool(struct lite_landing *landing); /* gives the writer's page cache back */
/* The table by name, made known when it is not; NULL never. Under the lock. */
struct lite_table *lite_landing_table(struct lite_landing *landing, struct str name);
/* Forgets cached tables when the schema is not the one they were loaded from, and sets up what
 * depends on it. In a transaction. */
int lite_landing_refresh(struct lite_landing *landing) MUST_USE;
void lite_landing_forget(struct lite_landing *landing); /* after a rollback */

extern const struct landing_ops lite_landing_ops;

/* ---- lite_write.c ---- */
int lite_write_begin(struct landing *base, struct landing_tx **out) MUST_USE;
int lite_write_upsert(struct landing_tx *tx, struct str table, const struct str *row, size_t cnt,
                      struct landing_count *out) MUST_USE;
int lite_write_run(struct landing_tx *tx, const struct run *run) MUST_USE;
int lite_write_try(struct landing_tx *tx, const struct run_try *run_try) MUST_USE;
int lite_write_trim_runs(struct landing_tx *tx, struct str dag, size_t newest,
                         size_t max) MUST_USE;
int lite_write_setting(struct landing_tx *tx, struct str name, struct str value) MUST_USE;
int lite_write_snapshot(struct landing_tx *tx, struct str table) MUST_USE;
int lite_write_commit(struct landing_tx *tx) MUST_USE;
void lite_write_abort(struct landing_tx *tx);

/* ---- lite_look.c ---- */
int lite_look_backlog(struct landing *base, struct landing_backlog *out) MUST_USE;
int lite_look_open(struct lite_landing *landing, sqlite3 **out) MUST_USE; /* from the pool */
void lite_look_close(struct lite_landing *landing, sqlite3 *db);
int lite_look_setting(struct landing *base, struct str name, struct arena *arena,
                      struct str *out) MUST_USE;
int lite_look_runs(struct landing *base, struct str dag, struct landing_page page,
                   struct arena *arena, struct run **out, size_t *cnt);
int lite_look_run(struct landing *base, struct str dag, struct str id, struct arena *arena,
                  struct run *out) MUST_USE;
int lite_look_tries(struct landing *base, struct str dag, struct str run, struct arena *arena,
                    struct run_try **out, size_t *cnt) MUST_USE;
int lite_look_tables(struct landing *base, struct arena *arena, struct landing_info **out,
                     size_t *cnt) MUST_USE;
int lite_look_rows(struct landing *base, struct str table, struct landing_page page,
                   struct arena *arena, struct str **out, size_t *cnt);

/* ---- lite_capture.c ---- */
int lite_capture_open(struct capture **out, struct landing *base) MUST_USE;
void lite_capture_close(struct capture *base);
int lite_capture_next(struct capture *base, size_t max, int64_t timeout_us, struct arena *arena,
                      struct change **out, size_t *cnt) MUST_USE;
int lite_capture_ack(struct capture *base, uint64_t seq) MUST_USE;
void lite_capture_wake(struct capture *base);
int lite_capture_lag(struct capture *base, struct capture_lag *out) MUST_USE;
int lite_capture_origin(struct landing *base, struct capture_origin *out) MUST_USE;
int lite_capture_renew(struct capture *base) MUST_USE;
int lite_capture_snapshot(struct capture *base, struct str table) MUST_USE;
bool lite_capture_copying(struct capture *base);

#endif
