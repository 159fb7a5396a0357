/* capture.h - the changes of landing tables, in commit order, each exactly as often as acked.
 *
 * Every transaction that changes a captured table leaves an outbox entry in the same database, so
 * a change is there if and only if its row is. capture_next() hands out entries from the oldest
 * not acked; after a crash they come again with the same ids, and whoever writes them further
 * skips what it already wrote (model/change.h).
 *
 * A change of our own has the row's text as it was landed in `after`; `before`, and rows that other
 * programs changed, are put together from the columns: the same values, every column named, null
 * where there is none. A change of a row's key by another program comes as a delete and a create.
 * INSERT OR REPLACE by another program comes as a create.
 *
 * PostgreSQL's own log takes the outbox's place: a slot, made by the first capture_open(), keeps it
 * until it is acked, and all rows are put together from the columns. `before` of another program's
 * table is there when the table has REPLICA IDENTITY FULL; without it, of a delete it is the key.
 * A truncate makes no changes.
 *
 * Thread: the one that opened it. Memory: changes live in the arena given. One per landing. */
#ifndef LANDING_CAPTURE_H
#define LANDING_CAPTURE_H

#include "landing/landing.h"
#include "model/change.h"

/* Whose changes they are. Another server in the place of the one before, or one that was set back
 * to an earlier state, numbers other changes with numbers that were given before: whoever keeps
 * numbers compares its origin first (pipeline/origin.h). */
#define CAPTURE_ORIGIN_MAX 80
struct capture_origin {
    char id[CAPTURE_ORIGIN_MAX]; /* of the database's history; "": it has one only (SQLite) */
    uint64_t seq;  /* no change so far has a higher number */
    bool kept;     /* whatever was not acked is still there; false: changes may be lost */
    char why[160]; /* how so */
};
int capture_origin(struct landing *landing, struct capture_origin *out) MUST_USE;

struct capture;
int capture_open(struct capture **out, struct landing *landing) MUST_USE;
void capture_close(struct capture *capture);
/* The changes after the last ones handed out, in commit order: about `max` of them, but always
 * whole entries (all changes of one seq), so that the last one's seq may be acked. *cnt = 0 when
 * there is none within timeout_us. A big transaction leaves several entries, of some thousand
 * changes each; what another program's statement changed, an entry a row. */
int capture_next(struct capture *capture, size_t max, int64_t timeout_us, struct arena *arena,
                 struct change **out, size_t *cnt) MUST_USE;
/* All up to and including transaction `seq` are safe elsewhere: their entries may go. Need not be
 * durable at once. */
int capture_ack(struct capture *capture, uint64_t seq) MUST_USE;
void capture_wake(struct capture *capture); /* from any thread: capture_next() returns early */
struct capture_lag {
    int64_t cnt;       /* changes known and not acked yet */
    int64_t oldest_us; /* commit time of the oldest; 0: none */
    int64_t bytes;     /* PostgreSQL: of its log, written and not acked yet, whatever is in it */
};
int capture_lag(struct capture *capture, struct capture_lag *out) MUST_USE;
/* Forgets what is kept and what was handed out: changes from now on only, above all numbers that
 * this origin gave. Copies asked for after it have all that was before. ERR_AGAIN: not yet. */
int capture_renew(struct capture *capture) MUST_USE;
/* The present rows of a table as READ changes, for a topic that starts later than its table:
 * taken in one transaction that also puts them into the outbox. */
int capture_snapshot(struct capture *capture, struct str table) MUST_USE;
/* Is a copy that was asked for not yet handed out whole? Of PostgreSQL a copy is taken at one point
 * of its log, without locks, and asked for again by whoever finds it was cut short by a crash. */
bool capture_copying(struct capture *capture);

#endif
