/* pg_doctor.c - can this database be landed in and captured from? Asked without making anything.
 *
 * Rights are read off the catalog; only a walsender's connection is really opened, since
 * pg_hba.conf may refuse what the role allows. */
#include "landing/postgres/pg_landing.h"

#include "base/err.h"

#include <stdio.h>

#define KNOWN       "14 15 16 17 18"
#define SENDER_MIN  10000 /* ms of wal_sender_timeout; sluice answers at least every 5 s */
#define KEPT_BAD    INT64_C(10737418240)

#define SETTING(name) "(SELECT setting FROM pg_settings WHERE name='" name "')"

enum { /* of the question below */
    VERSION, SCHEMA, ENCODING, RECOVERY, WAL_LEVEL, SLOTS, SLOTS_USED, SENDERS, SENDERS_USED,
    SENDER_TIMEOUT, KEEP_MB, FSYNC, FULL_PAGES, COMMIT, REPLICATION, MAY_SCHEMA, MAY_DATABASE,
    MAY_TEMP, ROLE
};
static const char question[] =
    "SELECT current_setting('server_version'), current_schema(),"
    " current_setting('server_encoding'), pg_is_in_recovery(), current_setting('wal_level'),"
    " " SETTING("max_replication_slots") ", (SELECT count(*) FROM pg_replication_slots),"
    " " SETTING("max_wal_senders") ", (SELECT count(*) FROM pg_stat_replication),"
    " " SETTING("wal_sender_timeout") ", " SETTING("max_slot_wal_keep_size") ","
    " current_setting('fsync'), current_setting('full_page_writes'), " SETTING("synchronous_commit")
    ", (SELECT rolreplication OR rolsuper FROM pg_roles WHERE rolname=current_user),"
    " has_schema_privilege(current_schema(), 'CREATE'),"
    " has_database_privilege(current_database(), 'CREATE'),"
    " has_database_privilege(current_database(), 'TEMP'), current_user";

struct look {
    const struct finding_to *to;
    struct pg_conn conn;
    struct pg_place place;
    PGresult *res;
    bool guest, standby;
};

static bool is(const struct look *look, int col, const char *text) {
    return str_eqz(pg_conn_text(look->res, 0, col), text);
}

static int64_t number(const struct look *look, int col) {
    return pg_conn_i64(look->res, 0, col);
}

static void look_at_server(struct look *look) {
    char version[32];
    struct str text = pg_conn_text(look->res, 0, VERSION);
    snprintf(version, sizeof version, "%.*s", STR_ARG(text));
    finding_ok(look->to, "reached: %s, %s TLS", look->place.shown,
               PQsslInUse(look->conn.pg) ? "by" : "without");
    if (PQserverVersion(look->conn.pg) < 140000)
        finding_bad(look->to, "upgrade the server", "version %s; 14 or newer is needed", version);
    else if (!finding_known(version, KNOWN))
        finding_warn(look->to, "look at the release notes of sluice for a newer one",
                     "version %s is newer than those that were tried (" KNOWN ")", version);
    else finding_ok(look->to, "version: PostgreSQL %s", version);
    if (!is(look, ENCODING, "UTF8"))
        finding_bad(look->to, "make a database with ENCODING 'UTF8'",
                    "the database's encoding is %s; UTF8 is needed",
                    PQgetvalue(look->res, 0, ENCODING));
    if (look->standby)
        finding_bad(look->to, "name the primary in the address; target_session_attrs=read-write "
                    "finds it among several hosts", "the server is a standby, which takes no rows");
}

static void look_at_rights(struct look *look) {
    const char *role = PQgetvalue(look->res, 0, ROLE);
    if (!look->guest && PQgetisnull(look->res, 0, SCHEMA))
        finding_bad(look->to, "make the schema, or set the role's search_path",
                    "the search_path of role %s leads to no schema", role);
    else if (!look->guest && !is(look, MAY_SCHEMA, "t"))
        finding_bad(look->to, "GRANT CREATE ON SCHEMA ... TO the role",
                    "role %s may not make tables in schema %s", role,
                    PQgetvalue(look->res, 0, SCHEMA));
    else if (!look->guest) finding_ok(look->to, "role %s may make tables", role);
    if (!look->guest && !is(look, MAY_TEMP, "t"))
        finding_bad(look->to, "GRANT TEMP ON DATABASE ... TO the role",
                    "role %s may not make temporary tables, by which rows are landed", role);
    if (!is(look, MAY_DATABASE, "t"))
        finding_bad(look->to, "GRANT CREATE ON DATABASE ... TO the role, or make the publication "
                    "by hand and name it by ?publication=NAME",
                    "role %s may not make a publication: it lacks CREATE on the database", role);
    if (!is(look, REPLICATION, "t"))
        finding_bad(look->to, "ALTER ROLE ... REPLICATION (managed servers have a role to grant "
                    "instead, such as rds_replication)", "role %s may not replicate: without it "
                    "there is no capture", role);
}

static void look_at_replication(struct look *look) {
    int64_t slots = number(look, SLOTS), used = number(look, SLOTS_USED);
    if (!is(look, WAL_LEVEL, "logical"))
        finding_bad(look->to, "set wal_level = logical in postgresql.conf and restart the server",
                    "wal_level is %s: capture needs logical", PQgetvalue(look->res, 0, WAL_LEVEL));
    else finding_ok(look->to, "wal_level is logical");
    if (used >= slots)
        finding_warn(look->to, "raise max_replication_slots and restart the server; a slot that "
                     "nobody reads goes by pg_drop_replication_slot()",
                     "all %" PRId64 " replication slots are in use; one more is needed unless one "
                     "of them is ours", slots);
    if (number(look, SENDERS_USED) >= number(look, SENDERS))
        finding_warn(look->to, "raise max_wal_senders and restart the server",
                     "all %" PRId64 " walsenders are in use; capture needs one",
                     number(look, SENDERS));
    int64_t timeout_ms = number(look, SENDER_TIMEOUT), keep = number(look, KEEP_MB);
    if (timeout_ms > 0 && timeout_ms < SENDER_MIN)
        finding_warn(look->to, "set wal_sender_timeout to 60s",
                     "wal_sender_timeout is %" PRId64 " ms: a short pause ends the capture's "
                     "connection", timeout_ms);
    if (timeout_ms == 0)
        finding_warn(look->to, "set wal_sender_timeout to 60s", "wal_sender_timeout is off: the "
                     "slot of a node that vanished stays taken");
    if (keep < 0)
        finding_warn(look->to, "set max_slot_wal_keep_size to what the disk can spare, and watch "
                     "sluice_capture_wal_bytes",
                     "max_slot_wal_keep_size is unlimited: while sluice is away the server's log "
                     "grows until the disk is full");
    else
        finding_ok(look->to, "a slot may keep %" PRId64 " MB of log; what is older is lost to "
                   "capture", keep);
}

static void look_at_promises(struct look *look) {
    static const struct {
        int col;
        const char *bad, *what;
    } rows[] = {{FSYNC, "off", "fsync is off: a crash of the machine destroys the database"},
                {FULL_PAGES, "off", "full_page_writes is off: a crash may tear pages"},
                {COMMIT, "off", "synchronous_commit is off: sluice turns it on for itself, other "
                                "programs' rows may be lost in a crash"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (is(look, rows[i].col, rows[i].bad))
            finding_warn(look->to, "set it to on in postgresql.conf", "%s", rows[i].what);
}

/* Slots of this database that are, or look like, ours. */
static void look_at_slots(struct look *look) {
    PGresult *res;
    int err = pg_conn_run(&look->conn, "SELECT slot_name, coalesce(wal_status, ''), active,"
                          " coalesce(pg_current_wal_lsn() - restart_lsn, 0)::bigint FROM"
                          " pg_replication_slots WHERE database=current_database()"
                          " AND NOT temporary AND (slot_name=$1 OR ($1='' AND"
                          " slot_name LIKE 'sluice%'))",
                          &look->place.slot, 1, &res);
    if (err) {
        finding_err(look->to, err);
        return;
    }
    for (int i = 0; i < PQntuples(res); i++) {
        const char *name = PQgetvalue(res, i, 0);
        int64_t kept = pg_conn_i64(res, i, 3);
        bool active = str_eqz(pg_conn_text(res, i, 2), "t");
        if (str_eqz(pg_conn_text(res, i, 1), "lost"))
            finding_bad(look->to, "see doc/architecture.md, Landing in PostgreSQL: the tables must "
                        "be copied anew", "slot %s is lost: the server dropped log that was not "
                        "read", name);
        else if (kept > KEPT_BAD && !active)
            finding_warn(look->to, "start the sluice that reads it, or pg_drop_replication_slot()",
                         "slot %s keeps %" PRId64 " MB of the server's log, and nobody reads it",
                         name, kept / 1048576);
        else
            finding_ok(look->to, "slot %s is there, %s, %" PRId64 " MB behind", name,
                       active ? "being read" : "not being read", kept / 1048576);
    }
    PQclear(res);
}

/* What pg_hba.conf says of replication is only seen by trying. */
static void look_at_sender(struct look *look) {
    struct pg_conn sender;
    PGresult *res = NULL;
    pg_conn_init(&sender, look->conn.env, &look->place, true);
    int err = pg_conn_open(&sender);
    if (!err) err = pg_conn_simple(&sender, "IDENTIFY_SYSTEM", &res);
    if (err)
        finding_bad(look->to, "allow it in pg_hba.conf (a line for the database, not for "
                    "`replication`) and give the role REPLICATION",
                    "no connection for replication: %s", err_note());
    else finding_ok(look->to, "a connection for replication can be opened");
    PQclear(res);
    pg_conn_close(&sender);
}

static void look_at(struct look *look) {
    int err = pg_conn_open(&look->conn);
    if (!err) err = pg_conn_run(&look->conn, question, NULL, 0, &look->res);
    if (err) {
        finding_err(look->to, err);
        return;
    }
    look->standby = is(look, RECOVERY, "t");
    look_at_server(look);
    look_at_rights(look);
    look_at_replication(look);
    look_at_promises(look);
    if (is(look, REPLICATION, "t")) look_at_sender(look);
    if (!look->standby) look_at_slots(look);
    PQclear(look->res);
}

void pg_doctor_look(const struct landing_conf *conf, const char *place,
                    const struct finding_to *to) {
    struct look look = {.to = to, .guest = conf->guest};
    struct buf url;
    buf_init(&url, 64 * KIB);
    buf_printf(&url, "postgresql:%s", place);
    int err = url.full ? err_fail(ERR_CONFIG, "landing: the address is too long") : 0;
    if (!err)
        err = pg_conn_place(&look.place, url.ptr, conf->property, conf->property_cnt);
    buf_fini(&url);
    if (err) {
        finding_err(to, err);
        return;
    }
    pg_conn_init(&look.conn, conf->env, &look.place, false);
    look_at(&look);
    pg_conn_close(&look.conn);
    pg_conn_place_fini(&look.place);
}
