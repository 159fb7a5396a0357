/* lite_table.h - a landing table: its columns, the JSON they hold, and how it grows.
 *
 * The columns are landing_cols.h's. What they cannot say is kept beside them:
 *
 *   _sluice_table   name, key (a JSON list of paths), row (the type of the rows seen so far,
 *                   model/type.h), captured, theirs (another program made it)
 *   _sluice_column  columns whose name is not their member's: SQLite ignores case in names and
 *                   JSON does not, and paths
 *
 * A table that another program made has neither; its columns are its members.
 * Thread: under the landing's writer lock, or private to a reader. */
#ifndef LANDING_SQLITE_LITE_TABLE_H
#define LANDING_SQLITE_LITE_TABLE_H

#include "landing/landing_cols.h"
#include "landing/sqlite/lite_db.h"
#include "landing/sqlite/lite_value.h"

struct lite_col {
    enum lite_value_shape shape;
    enum lite_value_aff aff;
};

struct lite_table {
    struct landing_cols cols;
    struct lite_col *col; /* how each of them is stored */
    sqlite3_stmt *insert, *find, *update; /* ?N is column N-1 */
};
extern const struct landing_dialect lite_table_dialect;

struct lite_table *lite_table_new(struct str name);
void lite_table_free(struct lite_table *table);
void lite_table_forget(struct lite_table *table); /* back to not loaded */

int lite_table_load(sqlite3 *db, struct lite_table *table) MUST_USE;
/* Writes what `decl` says into _sluice_table. ERR_CONFLICT: it is there with another key. */
int lite_table_declare(sqlite3 *db, struct lite_table *table,
                       const struct landing_table *decl) MUST_USE;
int lite_table_prepare(sqlite3 *db, struct lite_table *table) MUST_USE;
/* "a", "b", ...: all columns. */
void lite_table_columns(const struct lite_table *table, struct buf *sql);
/* The row a statement over lite_table_columns() stands on, as JSON without the paths' columns. */
void lite_table_row(const struct lite_table *table, sqlite3_stmt *stmt, struct buf *out);

#endif
