/* pg_origin.c - which server gives the changes, and whether it still has those we have not seen.
 *
 * A cluster has an identifier from its initdb, and a timeline that a fail-over or a restore to a
 * point in time makes new: under the same identifier and timeline a place in the log is one
 * transaction for ever. A copy of the files put back says neither; that its log ends before what
 * was captured tells it. The slot holds what was not confirmed; one that is gone, or that the
 * server made invalid (max_slot_wal_keep_size), has lost it. */
#include "landing/postgres/pg_landing.h"

#include "base/err.h"

#include <stdio.h>

/* "IDENTIFIER.TIMELINE" of the server behind a walsender's connection. */
static int identify(struct pg_conn *conn, char out[CAPTURE_ORIGIN_MAX]) {
    PGresult *res;
    int err = pg_conn_simple(conn, "IDENTIFY_SYSTEM", &res);
    if (err) return err;
    struct str id = pg_conn_text(res, 0, 0), timeline = pg_conn_text(res, 0, 1);
    if (!id.len || !timeline.len || id.len > 24 || timeline.len > 24)
        err = err_fail(ERR_CORRUPT, "PostgreSQL %s: a server without an identifier",
                       conn->place->shown);
    else snprintf(out, CAPTURE_ORIGIN_MAX, "%.*s.%.*s", STR_ARG(id), STR_ARG(timeline));
    PQclear(res);
    return err;
}

struct slot {
    bool there, lost;
    uint64_t now, confirmed;
};

static int look_at_slot(struct pg_conn *conn, struct str name, struct slot *out) {
    struct buf sql;
    PGresult *res;
    *out = (struct slot){.there = false};
    buf_init(&sql, KIB);
    buf_putz(&sql, "SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE"
             " pg_current_wal_lsn() END, s.confirmed_flush_lsn, s.wal_status, s.slot_name IS NOT"
             " NULL FROM (SELECT 1) one LEFT JOIN pg_replication_slots s ON slot_name=");
    pg_conn_literal(&sql, name);
    buf_putc(&sql, 0);
    int err = pg_conn_simple(conn, sql.ptr, &res);
    buf_fini(&sql);
    if (err) return err;
    struct str confirmed = pg_conn_text(res, 0, 1), status = pg_conn_text(res, 0, 2);
    bool good = pg_conn_lsn_parse(pg_conn_text(res, 0, 0), &out->now);
    if (good && confirmed.ptr) good = pg_conn_lsn_parse(confirmed, &out->confirmed);
    out->there = str_eqz(pg_conn_text(res, 0, 3), "t");
    out->lost = status.ptr && str_eqz(status, "lost");
    PQclear(res);
    return good ? 0 : err_fail(ERR_CORRUPT, "PostgreSQL %s: a position that is none",
                               conn->place->shown);
}

int pg_origin_look(struct landing *base, struct capture_origin *out) {
    struct pg_landing *landing = (struct pg_landing *)base;
    struct pg_conn conn;
    struct slot slot;
    pg_conn_init(&conn, base->env, &landing->place, true);
    int err = pg_conn_open(&conn);
    if (!err) err = identify(&conn, out->id);
    if (!err) err = look_at_slot(&conn, landing->slot, &slot);
    pg_conn_close(&conn);
    if (err) return err_add(err, "capture");
    out->seq = PG_LANDING_SEQ(slot.now, PG_LANDING_SEQ_K);
    out->kept = slot.there && !slot.lost;
    if (!slot.there)
        snprintf(out->why, sizeof out->why, "the replication slot %.*s was dropped",
                 STR_ARG(landing->slot));
    else if (slot.lost)
        snprintf(out->why, sizeof out->why, "the replication slot %.*s fell so far behind that "
                 "the server dropped its log (max_slot_wal_keep_size)", STR_ARG(landing->slot));
    return 0;
}

int pg_origin_check(struct pg_conn *conn, struct str name, char system[CAPTURE_ORIGIN_MAX],
                    uint64_t told) {
    char now[CAPTURE_ORIGIN_MAX];
    struct slot slot;
    int err = identify(conn, now);
    if (!err) err = look_at_slot(conn, name, &slot);
    if (err) return err;
    if (*system && strcmp(system, now) != 0)
        return err_fail(ERR_CONFLICT, "PostgreSQL %s is another server, or another timeline of it, "
                        "than before", conn->place->shown);
    if (told && slot.confirmed > told)
        return err_fail(ERR_CONFLICT, "PostgreSQL %s: another program has read from our "
                        "replication slot", conn->place->shown);
    snprintf(system, CAPTURE_ORIGIN_MAX, "%s", now);
    return 0;
}
