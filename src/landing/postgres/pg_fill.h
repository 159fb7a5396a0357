/* pg_fill.h - big values that an update did not touch, and the stream therefore has not.
 *
 * PostgreSQL stores a big value apart (TOAST) and sends it only when it changed, or with the old
 * row of a table that has REPLICA IDENTITY FULL. What is missing is read from the table by its key:
 * the value as it is now, which is the change's own or, when it was changed again since, that of a
 * change still to come. A row that is gone has none; its delete is on the way.
 * Thread: the capture's. */
#ifndef LANDING_POSTGRES_PG_FILL_H
#define LANDING_POSTGRES_PG_FILL_H

#include "landing/postgres/pg_relation.h"

/* Has the new row a value that was not sent? */
bool pg_fill_wanted(const struct pg_relation *relation, const struct pgoutput *message);
/* Reads them into message->now, in `arena`; without the row, or a key, they stay as they are. */
int pg_fill_row(struct pg_conn *conn, const struct pg_relation *relation,
                struct pgoutput *message, struct arena *arena) MUST_USE;

#endif
