/* lite_db.c - opening, asking and closing SQLite.
 *
 * Every connection is in WAL mode and syncs each commit. None is shared between threads: the
 * writer's is behind the landing's lock, readers take theirs from a pool. */
#include "landing/sqlite/lite_db.h"

#include "base/err.h"

#include <stdio.h>

#define BUSY_MS    5000
#define PAGE_SIZE  8192
#define WRITE_KIB  32768 /* the writer's page cache at most; given back when idle */
#define READ_KIB   1024

static enum err err_of(int rc) {
    switch (rc & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return ERR_AGAIN;
    case SQLITE_FULL: return ERR_FULL;
    case SQLITE_IOERR: return ERR_IO;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return ERR_CORRUPT;
    case SQLITE_CONSTRAINT: return ERR_CONFLICT;
    case SQLITE_MISMATCH: return ERR_TYPE;
    case SQLITE_TOOBIG: return ERR_TOO_BIG;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH: return ERR_DENIED;
    case SQLITE_CANTOPEN: return ERR_IO;
    default: return ERR_INTERNAL;
    }
}

int lite_db_fail(sqlite3 *db, int rc, const char *what) {
    const char *path = db ? sqlite3_db_filename(db, "main") : NULL;
    const char *hint = "";
    if ((rc & 0xFF) == SQLITE_BUSY) hint = "; another program holds its write lock";
    return err_fail(err_of(rc), "landing%s%s: cannot %s: %s%s", path ? " " : "", path ? path : "",
                    what, db ? sqlite3_errmsg(db) : sqlite3_errstr(rc), hint);
}

static int setup(sqlite3 *db, enum lite_db_mode mode) {
    char sql[512];
    sqlite3_extended_result_codes(db, 1);
    sqlite3_busy_timeout(db, BUSY_MS);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    snprintf(sql, sizeof sql,
             "PRAGMA cache_size=-%d; PRAGMA temp_store=MEMORY; PRAGMA mmap_size=0;%s",
             mode == LITE_DB_WRITE ? WRITE_KIB : READ_KIB,
             mode == LITE_DB_READ ? "PRAGMA query_only=1;" : "");
    int err = lite_db_exec(db, sql);
    if (err || mode == LITE_DB_READ) return err;
    snprintf(sql, sizeof sql,
             "PRAGMA page_size=%d; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
             "PRAGMA wal_autocheckpoint=0;", PAGE_SIZE);
    return lite_db_exec(db, sql);
}

int lite_db_open(sqlite3 **out, const char *path, const struct lite_vfs *vfs,
                 enum lite_db_mode mode) {
    sqlite3 *db = NULL;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    if (mode == LITE_DB_WRITE) flags |= SQLITE_OPEN_CREATE;
    int rc = sqlite3_open_v2(path, &db, flags, lite_vfs_name(vfs));
    int err = 0;
    if (rc != SQLITE_OK)
        err = err_fail(err_of(rc), "landing: cannot open %s: %s", path,
                       db ? sqlite3_errmsg(db) : sqlite3_errstr(rc));
    if (!err) err = setup(db, mode);
    if (err) {
        lite_db_close(db);
        return err;
    }
    *out = db;
    return 0;
}

void lite_db_close(sqlite3 *db) {
    if (!db) return;
    sqlite3_stmt *stmt;
    while ((stmt = sqlite3_next_stmt(db, NULL))) sqlite3_finalize(stmt);
    sqlite3_close(db);
}

int lite_db_exec(sqlite3 *db, const char *sql) {
    int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : lite_db_fail(db, rc, "run a statement");
}

static int end_sql(struct buf *sql) {
    buf_putc(sql, 0);
    if (!sql->full) return 0;
    return err_fail(ERR_TOO_BIG, "landing: a statement over %zu bytes", sql->max);
}

int lite_db_run(sqlite3 *db, struct buf *sql) {
    int err = end_sql(sql);
    return err ? err : lite_db_exec(db, sql->ptr);
}

int lite_db_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out) {
    *out = NULL;
    int rc = sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
    return rc == SQLITE_OK ? 0 : lite_db_fail(db, rc, "prepare a statement");
}

int lite_db_prepare_buf(sqlite3 *db, struct buf *sql, sqlite3_stmt **out) {
    *out = NULL;
    int err = end_sql(sql);
    return err ? err : lite_db_prepare(db, sql->ptr, out);
}

int lite_db_step(sqlite3_stmt *stmt) {
    int rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW) return 1;
    int err = rc == SQLITE_DONE ? 0 : lite_db_fail(sqlite3_db_handle(stmt), rc, "run a statement");
    sqlite3_reset(stmt);
    return err;
}

int lite_db_do(sqlite3_stmt *stmt) {
    int got = lite_db_step(stmt);
    if (got <= 0) return got;
    sqlite3_reset(stmt);
    return 0;
}

void lite_db_bind(sqlite3_stmt *stmt, int idx, struct str text) {
    int rc = text.ptr ? sqlite3_bind_text64(stmt, idx, text.ptr, text.len, SQLITE_STATIC,
                                            SQLITE_UTF8)
                      : sqlite3_bind_null(stmt, idx);
    CHECK(rc == SQLITE_OK || rc == SQLITE_TOOBIG);
}

struct str lite_db_text(sqlite3_stmt *stmt, int col) {
    const char *text = (const char *)sqlite3_column_text(stmt, col);
    if (!text) return STR_NULL;
    return (struct str){text, (size_t)sqlite3_column_bytes(stmt, col)};
}

int lite_db_i64(sqlite3 *db, const char *sql, int64_t *out) {
    sqlite3_stmt *stmt = NULL;
    int err = lite_db_prepare(db, sql, &stmt);
    if (err) return err;
    int got = lite_db_step(stmt);
    if (got > 0) *out = sqlite3_column_int64(stmt, 0);
    else if (!got) got = err_fail(ERR_INTERNAL, "landing: no answer to %s", sql);
    sqlite3_finalize(stmt);
    return got < 0 ? got : 0;
}

static void quote(struct buf *sql, struct str text, char mark) {
    buf_putc(sql, mark);
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == mark) buf_putc(sql, mark);
        buf_putc(sql, text.ptr[i]);
    }
    buf_putc(sql, mark);
}

void lite_db_name(struct buf *sql, struct str name) {
    quote(sql, name, '"');
}

void lite_db_literal(struct buf *sql, struct str text) {
    quote(sql, text, '\'');
}
