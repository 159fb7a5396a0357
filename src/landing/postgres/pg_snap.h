/* pg_snap.h - a copy of the rows a table has at one point of the server's log.
 *
 * A temporary slot names the point and exports the snapshot that goes with it: all transactions
 * that commit before `lsn` are in the copy, all others come by the stream. Nothing is locked.
 * Thread: the capture's. */
#ifndef LANDING_POSTGRES_PG_SNAP_H
#define LANDING_POSTGRES_PG_SNAP_H

#include "landing/postgres/pg_landing.h"
#include "landing/postgres/pg_entry.h"

struct pg_snap {
    struct str table;     /* borrowed */
    uint64_t lsn;
    bool fresh;           /* what the stream has of the table before lsn is in the copy */
    bool copying;
    int64_t begin_us;     /* wall clock */
    struct pg_conn conn;  /* holds the snapshot */
    struct pg_relation *relation;
    struct pgoutput_row row;
    struct arena arena;   /* row's values' array */
    struct buf plain;     /* unescaped bytes of a row */
    struct pg_snap *next; /* a later one */
};
/* table: as declared, borrowed for the life of the capture. */
int pg_snap_open(struct pg_snap **out, struct pg_landing *landing, struct str table) MUST_USE;
void pg_snap_close(struct pg_snap *snap);
/* Adds rows to the entry until it is full. 1: there may be more; 0: that was all. */
int pg_snap_read(struct pg_snap *snap, struct pg_entry *entry) MUST_USE;

#endif
