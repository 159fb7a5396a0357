/* pg_conn.h - connections to a PostgreSQL server: opened, asked, lost and opened again.
 *
 * The address is libpq's own, `postgresql://user:password@host:port/database?sslmode=verify-full`
 * with all its parameters, and two of ours: `slot=NAME` and `publication=NAME` for capture. The
 * password is registered as a secret and never in a sentence. Values travel as parameters or by
 * COPY only, names through pg_conn_name().
 *
 * Thread: a connection belongs to one thread at a time; a place is read by any.
 * Errors: ERR_NET when the connection is lost (pg_conn_need() opens it again); SQLSTATE in the
 *         sentence; classes become ours: 28 AUTH, 42501 DENIED, 53100 FULL, 22 INVAL, ... */
#ifndef LANDING_POSTGRES_PG_CONN_H
#define LANDING_POSTGRES_PG_CONN_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/env.h"
#include "model/address.h"

#include <libpq-fe.h>

#define PG_CONN_NAME_MAX 63 /* bytes of PostgreSQL's names */
#define PG_CONN_SQL_MAX  (16 * MIB)
#define PG_CONN_STATE(sqlstate, text) (strcmp((sqlstate), (text)) == 0)

struct pg_place {
    struct arena arena;
    const char **name, **value; /* libpq's parameters; room for pg_conn's own at the end */
    size_t cnt;
    const char *shown;          /* "host/database", for people */
    struct str slot, publication; /* "" unless the address says */
    struct str session;         /* ptr NULL, or what a session is called in pg_stat_activity */
};
/* property: parameters that are not in the address, by the same names; they win. */
int pg_conn_place(struct pg_place *out, const char *url, const struct address_property *property,
                  size_t cnt) MUST_USE;
void pg_conn_place_fini(struct pg_place *place);

struct pg_conn {
    struct env *env;
    const struct pg_place *place;
    bool replication; /* a walsender's: simple statements only */
    PGconn *pg;       /* NULL: closed */
    char state[6];    /* SQLSTATE of the last failure; "" without one */
};
void pg_conn_init(struct pg_conn *conn, struct env *env, const struct pg_place *place,
                  bool replication);
int pg_conn_open(struct pg_conn *conn) MUST_USE; /* one attempt */
int pg_conn_call(struct pg_conn *conn) MUST_USE; /* by the place's session name; opening does */
void pg_conn_close(struct pg_conn *conn);
bool pg_conn_lost(const struct pg_conn *conn); /* closed, or found broken */
/* Opens it when it is lost, with back-off and jitter, until it worked, patience_us are over, or
 * the failure is one that waiting does not cure. */
int pg_conn_need(struct pg_conn *conn, int64_t patience_us) MUST_USE;

/* One statement; $1... are text. *out NULL: not wanted; else the caller clears it. */
int pg_conn_run(struct pg_conn *conn, const char *sql, const struct str *param, size_t cnt,
                PGresult **out) MUST_USE;
/* As pg_conn_run(), but each $N has the type of what it stands beside, as a literal would. */
int pg_conn_seek(struct pg_conn *conn, const char *sql, const char *const *param, size_t cnt,
                 PGresult **out) MUST_USE;
int pg_conn_do(struct pg_conn *conn, const char *sql) MUST_USE; /* without either */
int pg_conn_do_buf(struct pg_conn *conn, struct buf *sql) MUST_USE; /* ends it with a 0 */
/* By the simple protocol: all that a walsender takes. Never with text from outside. */
int pg_conn_simple(struct pg_conn *conn, const char *sql, PGresult **out) MUST_USE;
/* Notes what went wrong with `res` (or the connection, when NULL), and returns the error. */
int pg_conn_fail(struct pg_conn *conn, const PGresult *res) MUST_USE;

struct str pg_conn_text(const PGresult *res, int row, int col); /* NULL gives STR_NULL */
int64_t pg_conn_i64(const PGresult *res, int row, int col);     /* NULL gives 0 */

/* "name", quoted, as an identifier; a zero byte cannot be in one. */
void pg_conn_name(struct buf *sql, struct str name);
void pg_conn_literal(struct buf *sql, struct str text);
/* A line of COPY's text format: a value with its special bytes escaped. */
void pg_conn_copy(struct buf *out, struct str value);
/* "16/B374D848" both ways. */
void pg_conn_lsn(struct buf *out, uint64_t lsn);
bool pg_conn_lsn_parse(struct str text, uint64_t *out);

#endif
