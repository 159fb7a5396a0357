/* lite_value.h - a JSON value as SQLite stores it, and back, with nothing lost.
 *
 *   JSON            stored as
 *   null            NULL (as is a member that is missing)
 *   true, false     INTEGER 1, 0 in a BOOLEAN column
 *   number          INTEGER or REAL, when that is the number exactly
 *   string          TEXT
 *   object, array   its JSON, as TEXT in a JSON column
 *   all else        its JSON, as BLOB: a number in a TEXT column, digits in a string in an INTEGER
 *                   column (SQLite would turn them into a number), an integer over 64 bits, ...
 *
 * So in a column where types were mixed each value keeps its own, and CAST(c AS TEXT) reads any. */
#ifndef LANDING_SQLITE_LITE_VALUE_H
#define LANDING_SQLITE_LITE_VALUE_H

#include "model/type.h"
#include "wire/json/json.h"

#include <sqlite3.h>

/* What SQLite does to values on their way in, by the column's declared type. */
enum lite_value_aff { LITE_AFF_NONE, LITE_AFF_TEXT, LITE_AFF_NUMERIC, LITE_AFF_REAL };
/* How an INTEGER or a TEXT of the column is to be read. */
enum lite_value_shape { LITE_PLAIN, LITE_BOOL, LITE_JSON };

struct lite_value {
    int kind; /* SQLITE_INTEGER, SQLITE_FLOAT, SQLITE_TEXT, SQLITE_BLOB; SQLITE_NULL, or 0: the row
               * has no such member */
    int64_t i64;
    double f64;
    struct str bytes;
};

enum lite_value_aff lite_value_aff(struct str decl); /* SQLite's rules */
enum lite_value_shape lite_value_shape(const struct type *type);
const char *lite_value_decl(const struct type *type);       /* the type a new column gets */
const struct type *lite_value_type(struct str decl);        /* what such a column may hold */

/* Text that has escapes is unescaped into `arena`, other bytes are slices. */
void lite_value_of(const struct json_value *json, enum lite_value_shape shape,
                   enum lite_value_aff aff, struct arena *arena, struct lite_value *out);
void lite_value_bind(sqlite3_stmt *stmt, int idx, const struct lite_value *value);
bool lite_value_same(sqlite3_stmt *stmt, int col, const struct lite_value *value);
void lite_value_json(sqlite3_stmt *stmt, int col, enum lite_value_shape shape, struct buf *out);

#endif
