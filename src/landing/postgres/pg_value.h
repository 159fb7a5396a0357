/* pg_value.h - a JSON value as PostgreSQL stores it, and PostgreSQL's values as JSON.
 *
 *   JSON            column we make       PostgreSQL           JSON
 *   true, false     boolean              boolean              true, false
 *   integer         bigint               smallint .. bigint   integer
 *   number          double precision     real, double         number, always with a point or an
 *                                                             exponent; NaN, Infinity: null
 *   string          text                 numeric              number, every digit kept; NaN: null
 *   object, array   json                 json, jsonb          as it stands
 *   all else, mixed json (keys: jsonb)   timestamp(tz)        "2026-01-02T03:04:05.123" (and "Z")
 *                                        bytea                base64
 *                                        arrays               arrays
 *                                        all else             its text, a string
 *
 * A column that meets a value it cannot hold exactly (a string among integers, 1e400, "\u0000")
 * becomes json, so each value keeps its kind and digits. */
#ifndef LANDING_POSTGRES_PG_VALUE_H
#define LANDING_POSTGRES_PG_VALUE_H

#include "base/buf.h"
#include "model/type.h"
#include "wire/json/json.h"

enum pg_value_kind {
    PG_VALUE_TEXT, /* its text as a string: also all types not named here */
    PG_VALUE_BOOL,
    PG_VALUE_INT,
    PG_VALUE_FLOAT,
    PG_VALUE_NUMERIC,
    PG_VALUE_JSON,
    PG_VALUE_TIME,  /* timestamp */
    PG_VALUE_TIMEZ, /* timestamptz; the session's zone is UTC */
    PG_VALUE_BYTES,
};
struct pg_type {
    uint32_t oid;
    enum pg_value_kind kind; /* of an array: its elements' */
    bool is_array;
};

/* elem: the type of an array's elements, 0: no array. Domains are the caller's to look through. */
struct pg_type pg_value_type(uint32_t oid, uint32_t elem);
const struct type *pg_value_model(const struct pg_type *type, struct arena *arena);
/* "bigint": what a column for such values is made as. */
const char *pg_value_decl(const struct type *type, bool is_key);

/* Can a column of this type hold the value so that it comes back the same? */
bool pg_value_fits(const struct pg_type *type, const struct json_value *json);
/* The value's text for COPY, not yet escaped; ptr NULL: NULL. Lives in `arena` or the JSON. */
struct str pg_value_in(const struct pg_type *type, const struct json_value *json,
                       struct arena *arena);
/* PostgreSQL's text of a value (ptr NULL: NULL) as JSON. */
void pg_value_json(const struct pg_type *type, struct str text, struct buf *out);

#endif
