/* lite_trigger.h - triggers that put other programs' changes into the outbox. */
#ifndef LANDING_SQLITE_LITE_TRIGGER_H
#define LANDING_SQLITE_LITE_TRIGGER_H

#include "landing/sqlite/lite_table.h"

/* Makes the table's triggers what they should be for its columns and `captured`; says whether it
 * had to change any. In the caller's transaction. */
int lite_trigger_sync(sqlite3 *db, const struct lite_table *table, bool *changed) MUST_USE;
/* Has the database triggers that are not ours? */
int lite_trigger_foreign(sqlite3 *db, bool *out) MUST_USE;

#endif
