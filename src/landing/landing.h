/* landing.h - the database where fetched rows land, with the runs that fetched them.
 *
 * One transaction holds a task's rows, its outbox entry (capture.h) and its run records: all or
 * nothing, durable at landing_commit(). A row is a JSON object; its top-level members are columns,
 * nested ones are kept as JSON text. A table is made from the first rows and widened by later ones.
 * A transaction may be handed to another thread, and holds the writer's lock to its end.
 *
 * Thread:  one writer (transactions are serialised by an internal lock: landing_begin() waits);
 *          readers from any thread, each call on its own connection.
 * Memory:  what a call returns lives in the `arena` it was given.
 * Limits:  LANDING_COL_MAX columns, LANDING_ROW_MAX bytes a row. */
#ifndef LANDING_LANDING_H
#define LANDING_LANDING_H

#include "base/arena.h"
#include "base/env.h"
#include "model/address.h"
#include "model/fence.h"
#include "model/finding.h"
#include "model/run.h"
#include "model/type.h"

#define LANDING_COL_MAX 1000
#define LANDING_ROW_MAX ((size_t)1 << 20)
#define LANDING_PAGE_MAX 100000
#define LANDING_COUNT_MAX 10000

struct landing;
struct landing_tx;
struct landing_conf {
    struct env *env;
    const char *url; /* "sqlite:FILE", "postgresql://USER@HOST/DATABASE" */
    bool guest;      /* another program's database: only its changes are wanted */
    const struct fence *fence; /* borrowed; NULL: no other node writes here */
    const struct address_property *property; /* a swapped tier's; borrowed for the open */
    size_t property_cnt;
};
int landing_open(struct landing **out, const struct landing_conf *conf) MUST_USE;
/* Can it be used? Tells what is found: nothing where there is nobody to ask. Makes nothing. */
void landing_doctor(const struct landing_conf *conf, const struct finding_to *to);
void landing_close(struct landing *landing);

/* A table that a pipeline lands into; captured says whether changes go to the outbox. key paths
 * such as "login.uuid" (in each row's JSON); none: every row is new. */
struct landing_table {
    struct str name;
    const struct str *key;
    size_t key_cnt;
    bool captured;
};
/* Names of tables, of members and key paths are at most 255 bytes; a table's may not begin with
 * "sqlite_" or "_sluice". A key path has no [*]. Declared without a key, a table that another
 * program made keeps its primary key.
 *
 * Declares it for this process (and installs or removes triggers for other programs' writes). The
 * table itself is made when its first rows come. ERR_CONFLICT: it exists with another key. */
int landing_declare(struct landing *landing, const struct landing_table *table) MUST_USE;

int landing_begin(struct landing *landing, struct landing_tx **out) MUST_USE;
struct landing_count {
    int64_t in, inserted, updated, unchanged;
};
/* Upserts rows, each a JSON object (borrowed). A key seen twice in one call: the later row wins.
 * A row without its key, or not a JSON object: ERR_INVAL, naming the row's number, from 1. After a
 * call that failed the transaction can only be aborted; landing_commit() says the error again. */
int landing_upsert(struct landing_tx *tx, struct str table, const struct str *row, size_t cnt,
                   struct landing_count *out) MUST_USE;
/* By (dag, id). ERR_EXISTS: another scheduled run of the dag has its logical_us. */
int landing_put_run(struct landing_tx *tx, const struct run *run) MUST_USE;
int landing_put_try(struct landing_tx *tx, const struct run_try *run_try) MUST_USE; /* by number */
/* Deletes scheduled runs of the dag that have ended and are not among its `newest`, with their
 * tries: the oldest first, at most `max`, so that no transaction gets long. */
int landing_trim_runs(struct landing_tx *tx, struct str dag, size_t newest,
                      size_t max) MUST_USE;
int landing_put_setting(struct landing_tx *tx, struct str name, struct str value) MUST_USE;
int landing_commit(struct landing_tx *tx) MUST_USE; /* durable on 0; frees tx in any case */
void landing_abort(struct landing_tx *tx);          /* frees tx; NULL is allowed */

/* ---- looking ---- */
/* 0, or why it cannot be used just now, as far as is known without asking. */
int landing_state(struct landing *landing) MUST_USE;
struct landing_backlog { /* of captured tables: not yet on their topics */
    int64_t changes;     /* SQLite: in the outbox */
    int64_t bytes;       /* PostgreSQL: of its log */
};
int landing_backlog(struct landing *landing, struct landing_backlog *out) MUST_USE;
int landing_setting(struct landing *landing, struct str name, struct arena *arena,
                    struct str *out) MUST_USE; /* ERR_NOT_FOUND */
struct landing_page {
    size_t limit, skip; /* at most LANDING_PAGE_MAX of them */
};
/* Newest first. dag.ptr NULL: of all. */
int landing_runs(struct landing *landing, struct str dag, struct landing_page page,
                 struct arena *arena, struct run **out, size_t *cnt) MUST_USE;
int landing_run(struct landing *landing, struct str dag, struct str id, struct arena *arena,
                struct run *out) MUST_USE;
int landing_tries(struct landing *landing, struct str dag, struct str run, struct arena *arena,
                  struct run_try **out, size_t *cnt) MUST_USE; /* by task, number */
/* Rows are counted up to LANDING_COUNT_MAX. More than that: estimated, or, where that cannot be
 * done, row_cnt is that limit. */
enum landing_count_kind { LANDING_EXACT, LANDING_ABOUT, LANDING_AT_LEAST };
struct landing_info {
    struct str name;
    const struct str *key;
    size_t key_cnt;
    /* A STRUCT of the JSON as seen so far, nested types included; what was null in all rows is
     * VOID (wire/json/jsontype.h: jsontype_final()). Another program's table: of its columns. */
    const struct type *row;
    int64_t row_cnt;
    enum landing_count_kind row_kind;
};
int landing_tables(struct landing *landing, struct arena *arena, struct landing_info **out,
                   size_t *cnt) MUST_USE; /* user tables, also those of other programs */
/* Rows as JSON objects, in key order; a member that a row had not, and others have, is null.
 * ERR_NOT_FOUND: there is no such table (yet). */
int landing_rows(struct landing *landing, struct str table, struct landing_page page,
                 struct arena *arena, struct str **out, size_t *cnt) MUST_USE;

#endif
