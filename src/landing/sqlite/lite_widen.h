/* lite_widen.h - the SQL that makes a landing table and lets it grow. */
#ifndef LANDING_SQLITE_LITE_WIDEN_H
#define LANDING_SQLITE_LITE_WIDEN_H

#include "landing/sqlite/lite_table.h"

/* Makes the table, or adds columns, so that it holds rows of `row`; loads it again. In the caller's
 * transaction. */
int lite_widen_table(sqlite3 *db, struct lite_table *table, const struct type *row) MUST_USE;

#endif
