/* pg_state.c - is the server there, as far as was heard; and how far capture is behind.
 *
 * Readers serve pages and /health, so they must not wait: once a connection failed, the others of
 * the next PAUSE_US are refused at once. The writer, who has patience, tells when it is back. */
#include "landing/postgres/pg_landing.h"

#include "base/err.h"

#include <stdio.h>

#define PAUSE_US 2000000

void pg_state_heard(struct pg_landing *landing, int err) {
    bool down = err == ERR_NET || err == ERR_TIMEOUT;
    pthread_mutex_lock(&landing->lock);
    landing->down_us = down ? env_mono_us(landing->base.env) : 0;
    if (down) snprintf(landing->why, sizeof landing->why, "%s", err_note());
    pthread_mutex_unlock(&landing->lock);
}

int pg_state_refuse(struct pg_landing *landing) {
    int err = 0;
    pthread_mutex_lock(&landing->lock);
    if (landing->down_us && env_mono_us(landing->base.env) - landing->down_us < PAUSE_US)
        err = err_fail(ERR_NET, "%s", landing->why);
    pthread_mutex_unlock(&landing->lock);
    return err;
}

int pg_state_look(struct landing *base) {
    struct pg_landing *landing = (struct pg_landing *)base;
    int err = 0;
    pthread_mutex_lock(&landing->lock);
    if (landing->down_us) err = err_fail(ERR_NET, "%s", landing->why);
    pthread_mutex_unlock(&landing->lock);
    return err;
}

int pg_state_backlog(struct landing *base, struct landing_backlog *out) {
    struct pg_landing *landing = (struct pg_landing *)base;
    struct pg_conn *conn;
    PGresult *res = NULL;
    int err = pg_look_open(landing, &conn);
    if (err) return err;
    err = pg_conn_run(conn, "SELECT pg_current_wal_lsn() - confirmed_flush_lsn FROM"
                      " pg_replication_slots WHERE slot_name=$1", &landing->slot, 1, &res);
    if (!err && PQntuples(res)) out->bytes = MAX(pg_conn_i64(res, 0, 0), 0);
    PQclear(res);
    pg_look_close(landing, conn);
    return err;
}
