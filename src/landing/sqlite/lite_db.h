/* lite_db.h - a SQLite connection as the landing uses it: errors as ours, names quoted. */
#ifndef LANDING_SQLITE_LITE_DB_H
#define LANDING_SQLITE_LITE_DB_H

#include "base/buf.h"
#include "landing/sqlite/lite_vfs.h"

#include <sqlite3.h>

#define LITE_DB_SQL_MAX (64 * MIB)

enum lite_db_mode { LITE_DB_WRITE, LITE_DB_READ, LITE_DB_CKPT };

int lite_db_open(sqlite3 **out, const char *path, const struct lite_vfs *vfs,
                 enum lite_db_mode mode) MUST_USE;
void lite_db_close(sqlite3 *db); /* NULL is allowed */

/* The connection's last error as ours, with SQLite's words in the note. `rc` is what was said. */
int lite_db_fail(sqlite3 *db, int rc, const char *what) MUST_USE;
int lite_db_exec(sqlite3 *db, const char *sql) MUST_USE;
int lite_db_run(sqlite3 *db, struct buf *sql) MUST_USE; /* what was written there; ends it with 0 */
/* A statement that is kept. */
int lite_db_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out) MUST_USE;
int lite_db_prepare_buf(sqlite3 *db, struct buf *sql, sqlite3_stmt **out) MUST_USE;
/* 1: a row is there; 0: done, the statement is reset; else an error, the statement is reset. */
int lite_db_step(sqlite3_stmt *stmt) MUST_USE;
/* Steps a statement that gives no rows. */
int lite_db_do(sqlite3_stmt *stmt) MUST_USE;

void lite_db_bind(sqlite3_stmt *stmt, int idx, struct str text); /* ptr NULL: NULL; borrowed */
struct str lite_db_text(sqlite3_stmt *stmt, int col); /* NULL: STR_NULL; till the next step */
int lite_db_i64(sqlite3 *db, const char *sql, int64_t *out) MUST_USE; /* first column, first row */

void lite_db_name(struct buf *sql, struct str name);    /* "name" */
void lite_db_literal(struct buf *sql, struct str text); /* 'text' */

#endif
