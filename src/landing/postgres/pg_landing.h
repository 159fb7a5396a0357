/* pg_landing.h - a landing in a PostgreSQL database: what its parts share.
 *
 *   pg_landing.c  opening, closing, declaring, the one writer's lock
 *   pg_write.c    transactions: rows, runs, settings; pg_batch.c rows on their way in
 *   pg_look.c     what readers ask, each on a connection from the pool
 *   pg_publish.c  publication, slot and replica identities; pg_origin.c whose changes they are
 *   pg_capture.c  the changes; pg_stream.c the walsender's side, pg_relation.c rows of it as JSON,
 *                 pg_snap.c the copy of rows that were there before
 *   pg_table.c pg_widen.c pg_value.c pg_conn.c below
 *
 * As a guest (landing_conf.guest) nothing is made in the database but publication and slot, and
 * nothing can be landed: another application's tables are a source of changes.
 *
 * Invariants: (1) the writer's connection is used only by who holds the lock; (2) a slot exists
 * before a captured table gets its first row from us; (3) the slot's confirmed position never
 * passes a transaction with a change that was not acked. */
#ifndef LANDING_POSTGRES_PG_LANDING_H
#define LANDING_POSTGRES_PG_LANDING_H

#include "landing/landing_ops.h"
#include "landing/postgres/pg_table.h"

#include <pthread.h>

/* A change's number: of its transaction's commit in the server's log, and of its entry. */
#define PG_LANDING_SEQ_K UINT64_C(0xFFFF)
#define PG_LANDING_SEQ(lsn, k) ((lsn) >> 3 << 16 | MIN((k), PG_LANDING_SEQ_K))

#define PG_LANDING_READER_MAX 4        /* connections kept; more are opened and closed again */
#define PG_LANDING_PATIENCE_US 10000000 /* a server that restarts is waited for so long */

struct pg_landing {
    struct landing base;
    struct pg_place place;
    bool guest;
    struct arena arena;
    struct str schema;            /* the address's: where our tables are */
    struct str slot, publication;

    pthread_mutex_t lock;         /* short: guards what follows up to `writer` */
    pthread_cond_t freed;         /* the writer is free again */
    bool busy;                    /* somebody writes */
    struct pg_conn *reader[PG_LANDING_READER_MAX];
    size_t reader_cnt;
    int64_t down_us;              /* monotonic: connecting failed last; 0: it did not */
    char why[256];
    struct map captured;          /* names that are declared and captured -> old or fresh */

    struct pg_conn writer;        /* as all below: of who holds the lock */
    struct map tables;            /* name -> struct pg_table */
    struct map stages;            /* "oid stamp" of temporary tables that are there */
    struct capture *capture;
};

/* Waits for the writer's turn, with its connection open. */
int pg_landing_take(struct pg_landing *landing) MUST_USE;
void pg_landing_give(struct pg_landing *landing);
/* The table by name, made known when it is not; NULL never. Under the lock. */
struct pg_table *pg_landing_table(struct pg_landing *landing, struct str name);
void pg_landing_forget(struct pg_landing *landing); /* after a rollback */
/* The declared name of the captured table schema.rel, in `arena`; STR_NULL: it is not captured. */
struct str pg_landing_captured(struct pg_landing *landing, struct str schema, struct str rel,
                               struct arena *arena);

/* Was the table first captured by this process, so that nobody has seen a change of it? */
bool pg_landing_fresh(struct pg_landing *landing, struct str name);

/* ---- pg_state.c ---- */
void pg_state_heard(struct pg_landing *landing, int err); /* of an attempt to connect */
/* ERR_NET when an attempt failed a moment ago: for those who must not wait. */
int pg_state_refuse(struct pg_landing *landing) MUST_USE;
int pg_state_look(struct landing *base) MUST_USE;
int pg_state_backlog(struct landing *base, struct landing_backlog *out) MUST_USE;

/* ---- pg_doctor.c ---- */
void pg_doctor_look(const struct landing_conf *conf, const char *place,
                    const struct finding_to *to);

/* Makes the publication if it is not there, with all tables that are captured; each of them is
 * fresh from here on. Under the lock. */
int pg_landing_publish(struct pg_landing *landing) MUST_USE;

/* ---- pg_publish.c ---- */
int pg_publish_make(struct pg_landing *landing, struct pg_conn *conn) MUST_USE; /* publication */
int pg_publish_slot(struct pg_landing *landing, struct pg_conn *conn) MUST_USE; /* and slot */
int pg_publish_drop_slot(struct pg_landing *landing, struct pg_conn *conn) MUST_USE;
/* Puts the table into the publication, or takes it out, as `captured` says. *added (NULL allowed):
 * it was not in it. */
int pg_publish_table(struct pg_landing *landing, struct pg_conn *conn,
                     const struct pg_table *table, bool *added) MUST_USE;

/* ---- pg_origin.c ---- */
int pg_origin_look(struct landing *base, struct capture_origin *out) MUST_USE;
/* The server a connection of a walsender leads to, and how far its slot is. ERR_CONFLICT: another
 * one than `system` ("": any; filled in), or another program has read from the slot since we told
 * the server `told`. */
int pg_origin_check(struct pg_conn *conn, struct str slot, char system[CAPTURE_ORIGIN_MAX],
                    uint64_t told) MUST_USE;

/* ---- pg_write.c ---- */
/* Keeps the term beside the rows until the end of the transaction; ERR_FENCED: a later one is. */
int pg_write_epoch(struct pg_conn *conn, int64_t epoch) MUST_USE;
int pg_write_begin(struct landing *base, struct landing_tx **out) MUST_USE;
int pg_write_upsert(struct landing_tx *tx, struct str table, const struct str *row, size_t cnt,
                    struct landing_count *out) MUST_USE;
int pg_write_run(struct landing_tx *tx, const struct run *run) MUST_USE;
int pg_write_try(struct landing_tx *tx, const struct run_try *run_try) MUST_USE;
int pg_write_trim_runs(struct landing_tx *tx, struct str dag, size_t newest, size_t max) MUST_USE;
int pg_write_setting(struct landing_tx *tx, struct str name, struct str value) MUST_USE;
int pg_write_commit(struct landing_tx *tx) MUST_USE;
void pg_write_abort(struct landing_tx *tx);

/* ---- pg_look.c ---- */
int pg_look_open(struct pg_landing *landing, struct pg_conn **out) MUST_USE; /* from the pool */
void pg_look_close(struct pg_landing *landing, struct pg_conn *conn);
int pg_look_setting(struct landing *base, struct str name, struct arena *arena,
                    struct str *out) MUST_USE;
int pg_look_runs(struct landing *base, struct str dag, struct landing_page page,
                 struct arena *arena, struct run **out, size_t *cnt) MUST_USE;
int pg_look_run(struct landing *base, struct str dag, struct str id, struct arena *arena,
                struct run *out) MUST_USE;
int pg_look_tries(struct landing *base, struct str dag, struct str run, struct arena *arena,
                  struct run_try **out, size_t *cnt) MUST_USE;
int pg_look_tables(struct landing *base, struct arena *arena, struct landing_info **out,
                   size_t *cnt) MUST_USE;
int pg_look_rows(struct landing *base, struct str table, struct landing_page page,
                 struct arena *arena, struct str **out, size_t *cnt) MUST_USE;

/* ---- pg_capture.c ---- */
int pg_capture_open(struct capture **out, struct landing *base) MUST_USE;
void pg_capture_close(struct capture *base);
int pg_capture_next(struct capture *base, size_t max, int64_t timeout_us, struct arena *arena,
                    struct change **out, size_t *cnt) MUST_USE;
int pg_capture_ack(struct capture *base, uint64_t seq) MUST_USE;
void pg_capture_wake(struct capture *base);
int pg_capture_lag(struct capture *base, struct capture_lag *out) MUST_USE;
int pg_capture_renew(struct capture *base) MUST_USE;
int pg_capture_snapshot(struct capture *base, struct str table) MUST_USE;
bool pg_capture_copying(struct capture *base);

#endif
