/* coord_postgres.c - the lease as a row of PostgreSQL, held by compare and swap.
 *
 *     sluice.lease (name text primary key, epoch bigint, id text, holder text, until timestamptz)
 *
 * One statement asks: it extends the row when it is ours, takes it when it is over by the server's
 * clock - then the epoch rises - and else does nothing. The lease is counted by the server from
 * when the statement runs and by us from before it was sent, so ours ends first. A jump of the
 * server's clock can end a lease too early for the others: then the epochs decide (model/fence.h).
 *
 * Every question has an end: what is not answered within half a lease is a lost connection. */
#include "base/arena.h"
#include "base/err.h"
#include "base/uuid.h"
#include "coord/coord_ops.h"

#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#define LEASE_NAME "sluice"
#define PARAM_MAX  5
#define CONNECT_S  "2"

struct pg {
    struct coord base;
    struct arena arena;
    const char *url, *name; /* libpq's address; of the lease */
    char id[UUID_TEXT_LEN + 1];
    PGconn *conn;
    bool made;           /* schema, table and row are there */
    int64_t not_before_us; /* after a resignation the others go first */
};

/* One line of libpq's message; it never holds the password. */
static int fail(struct pg *pg, enum err err, const char *what, const char *message) {
    struct str rest, line = str_trim(str_cut(str_of(message), '\n', &rest));
    return err_fail(err, "PostgreSQL: cannot %s for lease '%s': %.*s", what, pg->name,
                    STR_ARG(line));
}

static void hang_up(struct pg *pg) {
    PQfinish(pg->conn);
    pg->conn = NULL;
}

static int log_in(struct pg *pg) {
    static const char *const names[] = {"connect_timeout", "application_name", "dbname", NULL};
    const char *values[] = {CONNECT_S, "sluice coord", pg->url, NULL};
    if (pg->conn && PQstatus(pg->conn) == CONNECTION_OK) return 0;
    hang_up(pg);
    pg->made = false;
    pg->conn = PQconnectdbParams(names, values, 1);
    if (PQstatus(pg->conn) == CONNECTION_OK) return 0;
    int err = fail(pg, ERR_NET, "connect", PQerrorMessage(pg->conn));
    hang_up(pg);
    return err;
}

/* Waits until the whole answer is there; false: time is up or the connection is lost. */
static bool wait_answer(struct pg *pg) {
    int64_t until_us = env_mono_us(pg->base.env) + pg->base.lease_us / 2;
    while (PQisBusy(pg->conn)) {
        int64_t left_us = until_us - env_mono_us(pg->base.env);
        struct pollfd fd = {PQsocket(pg->conn), POLLIN, 0};
        if (left_us <= 0 || poll(&fd, 1, (int)(left_us / 1000) + 1) < 0) return false;
        if (fd.revents && !PQconsumeInput(pg->conn)) return false;
    }
    return true;
}

/* One statement; *out is to be cleared by the caller when 0 is returned. */
static int ask(struct pg *pg, const char *sql, const char *const *param, PGresult **out) {
    int cnt = 0;
    while (cnt < PARAM_MAX && param && param[cnt]) cnt++;
    if (!PQsendQueryParams(pg->conn, sql, cnt, NULL, param, NULL, NULL, 0) || !wait_answer(pg)) {
        const char *why = PQerrorMessage(pg->conn);
        int err = fail(pg, ERR_NET, "ask", *why ? why : "no answer in time");
        hang_up(pg);
        return err;
    }
    PGresult *result = PQgetResult(pg->conn), *more;
    while ((more = PQgetResult(pg->conn))) PQclear(more);
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) return *out = result, 0;
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    bool denied = state && !strcmp(state, "42501");
    int err = fail(pg, denied ? ERR_AUTH : ERR_NET, "ask", PQresultErrorMessage(result));
    PQclear(result);
    pg->made = false; /* if it is the table that is gone */
    return err;
}

/* As ask(), for what gives no rows. */
static int tell(struct pg *pg, const char *sql, const char *const *param) {
    PGresult *result;
    int err = ask(pg, sql, param, &result);
    if (!err) PQclear(result);
    return err;
}

/* Looks before it makes: who may only use the table need not be allowed to make one. */
static int make_table(struct pg *pg) {
    const char *param[] = {pg->name, NULL};
    PGresult *result;
    if (pg->made) return 0;
    int err = ask(pg, "SELECT to_regclass('sluice.lease') IS NOT NULL", NULL, &result);
    if (err) return err;
    bool there = !strcmp(PQgetvalue(result, 0, 0), "t");
    PQclear(result);
    if (!there) err = tell(pg, "CREATE SCHEMA IF NOT EXISTS sluice", NULL);
    if (!there && !err)
        err = tell(pg, "CREATE TABLE IF NOT EXISTS sluice.lease (name text PRIMARY KEY, "
                   "epoch bigint NOT NULL, id text NOT NULL, holder text NOT NULL, "
                   "until timestamptz NOT NULL)", NULL);
    if (!err) err = tell(pg, "SET synchronous_commit = on", NULL);
    if (!err)
        err = tell(pg, "INSERT INTO sluice.lease VALUES ($1, 0, '', '', '-infinity') "
                   "ON CONFLICT DO NOTHING", param);
    pg->made = !err;
    return err;
}

/* The server by its own number, the database, and the lease in it. */
static int name_group(struct pg *pg) {
    PGresult *result;
    if (*pg->base.group) return 0;
    int err = ask(pg, "SELECT system_identifier, (SELECT oid FROM pg_database WHERE datname = "
                  "current_database()) FROM pg_control_system()", NULL, &result);
    if (err) return err;
    snprintf(pg->base.group, sizeof pg->base.group, "%.20s-%.10s-%" PRIx64,
             PQgetvalue(result, 0, 0), PQgetvalue(result, 0, 1), str_hash(str_of(pg->name)));
    PQclear(result);
    return 0;
}

static int64_t number(const PGresult *result, int col) {
    int64_t num;
    return str_i64(str_of(PQgetvalue(result, 0, col)), &num) ? 0 : num;
}

static int take(struct pg *pg) {
    char lease[32];
    const char *param[] = {pg->name, pg->id, pg->base.node, lease, NULL};
    PGresult *result;
    int64_t asked_us = env_mono_us(pg->base.env);
    snprintf(lease, sizeof lease, "%" PRId64, pg->base.lease_us);
    int err = ask(pg, "UPDATE sluice.lease SET id = $2, holder = $3, "
                  "epoch = CASE WHEN id = $2 THEN epoch ELSE epoch + 1 END, "
                  "until = clock_timestamp() + $4::bigint * interval '1 microsecond' "
                  "WHERE name = $1 AND (id = $2 OR until < clock_timestamp()) RETURNING epoch",
                  param, &result);
    if (err) return err;
    int64_t epoch = PQntuples(result) == 1 ? number(result, 0) : 0;
    PQclear(result);
    if (epoch > 0) coord_heard(&pg->base, epoch, asked_us, pg->base.lease_us);
    else coord_lost(&pg->base);
    return 0;
}

/* Who has it, when it is not us. */
static int look(struct pg *pg) {
    const char *param[] = {pg->name, NULL};
    PGresult *result;
    int err = ask(pg, "SELECT holder, epoch, id FROM sluice.lease WHERE name = $1", param, &result);
    if (err) return err;
    if (PQntuples(result) != 1) pg->made = false;
    else if (strcmp(PQgetvalue(result, 0, 2), pg->id))
        coord_other(&pg->base, str_of(PQgetvalue(result, 0, 0)), number(result, 1));
    PQclear(result);
    return 0;
}

static int pg_step(struct coord *coord) {
    struct pg *pg = (struct pg *)coord;
    struct coord_state state;
    int err = log_in(pg);
    if (!err) err = make_table(pg);
    if (!err) err = name_group(pg);
    if (!err && env_mono_us(coord->env) >= pg->not_before_us) err = take(pg);
    coord_state(coord, &state);
    return err || state.epoch ? err : look(pg);
}

static int pg_resign(struct coord *coord) {
    struct pg *pg = (struct pg *)coord;
    const char *param[] = {pg->name, pg->id, NULL};
    pg->not_before_us = env_mono_us(coord->env) + coord->lease_us;
    if (!pg->conn) return 0;
    int err = tell(pg, "UPDATE sluice.lease SET id = '', holder = '', until = '-infinity' "
                   "WHERE name = $1 AND id = $2", param);
    struct uuid id = uuid_random(coord->env); /* the next term is another's or a new one */
    uuid_format(&id, pg->id);
    return err;
}

/* ---- the address ---- */

/* Takes "lease=NAME" out of the query; what is left is libpq's. */
static int read_address(struct pg *pg, const char *rest) {
    struct str query, place = str_cut(str_of(rest), '?', &query), kept = STR("");
    pg->name = LEASE_NAME;
    while (query.ptr) {
        struct str item = str_cut(query, '&', &query), value;
        struct str key = str_cut(item, '=', &value);
        if (str_eqz(key, "lease") && value.ptr && value.len)
            pg->name = arena_strz(&pg->arena, value);
        else
            kept = arena_printf(&pg->arena, "%.*s%s%.*s", STR_ARG(kept), kept.len ? "&" : "?",
                                STR_ARG(item));
    }
    pg->url = arena_printf(&pg->arena, "postgresql://%.*s%.*s", STR_ARG(place), STR_ARG(kept)).ptr;
    char *why = NULL;
    PQconninfoOption *option = PQconninfoParse(pg->url, &why);
    int err = option ? 0 : err_fail(ERR_CONFIG, "coord: the address is no postgresql:// address "
                                    "of libpq; write postgresql://user@host/database");
    PQconninfoFree(option);
    PQfreemem(why); /* unsaid: it may hold the password */
    return err;
}

static int pg_open(struct coord **out, const struct coord_conf *conf, const char *rest) {
    struct pg *pg = base_calloc(1, sizeof *pg);
    struct uuid id = uuid_random(conf->env);
    uuid_format(&id, pg->id);
    int err = read_address(pg, rest);
    if (!err) return *out = &pg->base, 0;
    arena_fini(&pg->arena);
    base_free(pg);
    return err;
}

static void pg_close(struct coord *coord) {
    struct pg *pg = (struct pg *)coord;
    hang_up(pg);
    arena_fini(&pg->arena);
    base_free(pg);
}

/* ---- can it be used? ---- */

static void pg_doctor(struct coord *coord, const struct finding_to *to) {
    struct pg *pg = (struct pg *)coord;
    PGresult *result = NULL;
    int err = log_in(pg);
    if (!err)
        err = ask(pg, "SELECT current_setting('server_version'), pg_is_in_recovery(), "
                  "to_regclass('sluice.lease') IS NOT NULL, "
                  "has_database_privilege(current_database(), 'CREATE'), "
                  "CASE WHEN to_regclass('sluice.lease') IS NULL THEN true ELSE "
                  "has_schema_privilege('sluice', 'USAGE') AND "
                  "has_table_privilege(to_regclass('sluice.lease'), 'SELECT') AND "
                  "has_table_privilege(to_regclass('sluice.lease'), 'INSERT') AND "
                  "has_table_privilege(to_regclass('sluice.lease'), 'UPDATE') END", NULL, &result);
    if (err) {
        finding_err(to, err);
        return;
    }
    bool there = *PQgetvalue(result, 0, 2) == 't';
    finding_ok(to, "reached: PostgreSQL %s, lease '%s'", PQgetvalue(result, 0, 0), pg->name);
    if (*PQgetvalue(result, 0, 1) == 't')
        finding_bad(to, "name the primary in the address", "the server is a standby: no lease can "
                    "be taken on it");
    if (!there && *PQgetvalue(result, 0, 3) != 't')
        finding_bad(to, "GRANT CREATE ON DATABASE ... TO the role, or make table sluice.lease as "
                    "another (doc/architecture.md)", "the role may not make schema sluice");
    else if (*PQgetvalue(result, 0, 4) != 't')
        finding_bad(to, "GRANT USAGE ON SCHEMA sluice, and SELECT, INSERT, UPDATE ON sluice.lease",
                    "the role may not use sluice.lease");
    else finding_ok(to, "the lease's table %s", there ? "is there and may be used" : "may be made");
    PQclear(result);
}

const struct coord_ops coord_postgres_ops = {"postgresql", true, pg_open, pg_doctor, pg_close,
                                             pg_step, pg_resign};
