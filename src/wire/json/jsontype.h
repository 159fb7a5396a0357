/* jsontype.h - the type of JSON values, as Spark's JSON inference sees it.
 *
 * An integer is BIGINT, one too big for that DOUBLE (Spark: DECIMAL, which few consumers of a topic
 * can hold), a number with a point or exponent DOUBLE, true/false BOOLEAN, text STRING, null VOID.
 * An object is a STRUCT of its members in their order, of a name given twice the widest type.
 * Types widen as type_widen() says.
 *
 * Memory: types in the arena given. Limits: JSON_DEPTH_MAX, TYPE_FIELD_MAX: ERR_TOO_BIG. */
#ifndef WIRE_JSON_JSONTYPE_H
#define WIRE_JSON_JSONTYPE_H

#include "model/type.h"
#include "wire/json/json.h"

/* The type of one value. Checks the whole text. */
int jsontype_infer(struct str text, struct arena *arena, const struct type **out) MUST_USE;

/* Does the value need no wider type than this? One scan, nothing allocated. 1 it fits, 0 it does
 * not (or is malformed: jsontype_widen() then says so). NULL and a missing member fit everything;
 * STRING takes any scalar, array and object. */
bool jsontype_fits(const struct type *type, struct str text);

/* *type becomes what holds both its values and this one; unchanged (the same pointer) when it fits.
 * *type may be NULL at first. */
int jsontype_widen(const struct type **type, struct str text, struct arena *arena) MUST_USE;

/* A column's type must be something: VOID becomes STRING everywhere, as Spark's readers do at the
 * end of their inference; empty structs stay. */
const struct type *jsontype_final(struct arena *arena, const struct type *type);

#endif
