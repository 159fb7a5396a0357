/* pg_publish.c - the publication and the slot that capture reads, and what tables need for it.
 *
 * A table of ours gets REPLICA IDENTITY FULL, so that changes carry the whole old row and no value
 * that is stored apart (TOAST) is missing. Another program's table stays as it is; one without any
 * identity is refused, because a publication would make its program's updates fail. */
#include "landing/postgres/pg_landing.h"

#include "base/diag.h"
#include "base/err.h"

static bool is_state(const struct pg_conn *conn, const char *state) {
    return PG_CONN_STATE(conn->state, state);
}

static int make_publication(struct pg_landing *landing, struct pg_conn *conn) {
    PGresult *res;
    int err = pg_conn_run(conn, "SELECT 1 FROM pg_publication WHERE pubname=$1",
                          &landing->publication, 1, &res);
    if (err) return err;
    bool there = PQntuples(res) > 0;
    PQclear(res);
    if (there) return 0;
    struct buf sql;
    buf_init(&sql, KIB);
    buf_putz(&sql, "CREATE PUBLICATION ");
    pg_conn_name(&sql, landing->publication);
    buf_putz(&sql, " WITH (publish_via_partition_root = true)");
    err = pg_conn_do_buf(conn, &sql);
    buf_fini(&sql);
    return err && is_state(conn, "42710") ? 0 : err;
}

static int check_slot(struct pg_landing *landing, const PGresult *res) {
    if (str_eqz(pg_conn_text(res, 0, 0), "pgoutput") && str_eqz(pg_conn_text(res, 0, 1), "t"))
        return 0;
    return err_fail(ERR_CONFLICT, "PostgreSQL %s: the replication slot %.*s is of another plugin "
                    "or database; name ours in the address, ?slot=NAME", landing->place.shown,
                    STR_ARG(landing->slot));
}

static int make_slot(struct pg_landing *landing, struct pg_conn *conn) {
    PGresult *res;
    int err = pg_conn_run(conn, "SELECT plugin, database=current_database() FROM "
                          "pg_replication_slots WHERE slot_name=$1", &landing->slot, 1, &res);
    if (err) return err;
    bool there = PQntuples(res) > 0;
    err = there ? check_slot(landing, res) : 0;
    PQclear(res);
    if (err || there) return err;
    err = pg_conn_run(conn, "SELECT pg_create_logical_replication_slot($1, 'pgoutput')",
                      &landing->slot, 1, NULL);
    if (!err) {
        diag_info("capture", "PostgreSQL %s: made replication slot %.*s; it keeps the server's log "
                  "until sluice has read it", landing->place.shown, STR_ARG(landing->slot));
        return 0;
    }
    if (is_state(conn, "42710")) return 0;
    if (is_state(conn, "55000"))
        return err_fail(ERR_CONFIG, "PostgreSQL %s: capture needs wal_level=logical; set it in "
                        "postgresql.conf and restart the server", landing->place.shown);
    if (is_state(conn, "53400"))
        return err_fail(ERR_CONFIG, "PostgreSQL %s: all replication slots are in use; raise "
                        "max_replication_slots", landing->place.shown);
    return err;
}

int pg_publish_make(struct pg_landing *landing, struct pg_conn *conn) {
    int err = make_publication(landing, conn);
    return err ? err_add(err, "capture") : 0;
}

int pg_publish_slot(struct pg_landing *landing, struct pg_conn *conn) {
    int err = make_publication(landing, conn);
    if (!err) err = make_slot(landing, conn);
    return err ? err_add(err, "capture") : 0;
}

int pg_publish_drop_slot(struct pg_landing *landing, struct pg_conn *conn) {
    return pg_conn_run(conn, "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"
                       " WHERE slot_name=$1 AND database=current_database()", &landing->slot, 1,
                       NULL);
}

static int alter_publication(struct pg_landing *landing, struct pg_conn *conn, const char *how,
                             const struct pg_table *table) {
    struct buf sql;
    buf_init(&sql, 4 * KIB);
    buf_putz(&sql, "ALTER PUBLICATION ");
    pg_conn_name(&sql, landing->publication);
    buf_printf(&sql, " %s TABLE ", how);
    pg_table_rel(table, &sql);
    int err = pg_conn_do_buf(conn, &sql);
    buf_fini(&sql);
    return err;
}

static int set_identity(struct pg_conn *conn, const struct pg_table *table) {
    struct buf sql;
    if (!table->cols.theirs && table->identity == 'f') return 0;
    if (table->cols.theirs) {
        bool any = table->identity == 'f' || table->identity == 'i' ||
                   (table->identity == 'd' && table->cols.key_cnt);
        if (any) return 0;
        return err_fail(ERR_CONFIG, "table %.*s has no primary key, and once it is captured its "
                        "program's updates would fail; first: ALTER TABLE %.*s REPLICA IDENTITY "
                        "FULL", STR_ARG(table->cols.name), STR_ARG(table->cols.name));
    }
    buf_init(&sql, 4 * KIB);
    buf_putz(&sql, "ALTER TABLE ");
    pg_table_rel(table, &sql);
    buf_putz(&sql, " REPLICA IDENTITY FULL");
    int err = pg_conn_do_buf(conn, &sql);
    buf_fini(&sql);
    return err;
}

int pg_publish_table(struct pg_landing *landing, struct pg_conn *conn,
                     const struct pg_table *table, bool *added) {
    PGresult *res;
    if (added) *added = false;
    if (!table->cols.is_there) return 0;
    struct str param[] = {landing->publication, table->schema, table->rel};
    int err = pg_conn_run(conn, "SELECT p.puballtables OR r.prrelid IS NOT NULL FROM pg_publication"
                          " p LEFT JOIN pg_publication_rel r ON r.prpubid=p.oid AND r.prrelid="
                          "(SELECT c.oid FROM pg_class c JOIN pg_namespace n ON"
                          " n.oid=c.relnamespace WHERE n.nspname=$2 AND c.relname=$3)"
                          " WHERE p.pubname=$1", param, 3, &res);
    if (err) return err;
    bool is_in = PQntuples(res) > 0 && str_eqz(pg_conn_text(res, 0, 0), "t");
    PQclear(res);
    if (table->cols.captured) err = set_identity(conn, table);
    if (err || is_in == table->cols.captured) return err;
    if (added) *added = table->cols.captured;
    return alter_publication(landing, conn, table->cols.captured ? "ADD" : "DROP", table);
}
