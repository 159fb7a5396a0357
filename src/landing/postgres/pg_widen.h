/* pg_widen.h - a table made from its first rows, and widened by later ones. */
#ifndef LANDING_POSTGRES_PG_WIDEN_H
#define LANDING_POSTGRES_PG_WIDEN_H

#include "landing/postgres/pg_table.h"

/* Makes the table, or adds columns, so that rows of type `row` have a place; remembers the type
 * and loads the table anew. In a transaction. */
int pg_widen_table(struct pg_conn *conn, struct pg_table *table, const struct type *row) MUST_USE;
/* Changes the type of column `col` so that it can hold `value` too. */
int pg_widen_column(struct pg_conn *conn, struct pg_table *table, size_t col,
                    const struct json_value *value) MUST_USE;

#endif
