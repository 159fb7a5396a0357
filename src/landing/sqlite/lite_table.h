/* lite_table.h - a landing table: its columns, the JSON they hold, and how it grows.
 *
 * Each top-level member of the rows is a column; a key path that leads deeper, "login.uuid", is one
 * more column, named as the path. What the columns cannot say is kept beside them:
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

#include "base/map.h"
#include "landing/landing.h"
#include "landing/sqlite/lite_db.h"
#include "landing/sqlite/lite_value.h"
#include "wire/json/jsonpath.h"

#define LITE_NAME_MAX 255 /* bytes of a table's, a member's and a key path's name */

struct lite_col {
    struct str name;   /* in SQLite */
    struct str member; /* in the JSON; ptr NULL: a key path's column */
    struct str path;
    const struct type *type;
    enum lite_value_shape shape;
    enum lite_value_aff aff;
    bool is_key;
    bool is_seen; /* in the rows landed so far, so stored by `type` */
    struct str head;             /* a path's first step, when it is a plain name */
    size_t head_col;             /* its column + 1 */
    const struct jsonpath *rest; /* the path below `head`; below the row without one */
};

struct lite_table {
    struct str name;       /* lives as long as the table */
    bool declared, captured;
    bool theirs;           /* made by another program: its key is its primary key */
    bool is_there;         /* in the database */
    bool loaded;           /* what follows is as in the database; else empty */
    struct arena arena;
    struct lite_col *col;
    size_t col_cnt;
    struct map by_member;  /* index + 1 */
    struct str *key;       /* paths */
    size_t key_cnt;
    size_t *key_col;       /* their columns; only when is_there */
    const struct type *row; /* NULL: no rows yet */
    sqlite3_stmt *insert, *find, *update; /* ?N is column N-1 */
};

struct lite_table *lite_table_new(struct str name);
void lite_table_free(struct lite_table *table);
void lite_table_forget(struct lite_table *table); /* back to not loaded */

int lite_table_name_check(struct str name) MUST_USE; /* ERR_INVAL: not one we would make */
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
