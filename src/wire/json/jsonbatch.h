/* jsonbatch.h - JSON records straight into columns, reading only what a query needs.
 *
 * jsonbatch_new() compiles the wanted type into a matcher; jsonbatch_decode() then takes thousands
 * of records at a time. Members nobody wants are checked and passed over. The keys of an object
 * come in the same order nearly every time, so each place in an object remembers the last key it
 * saw and compares that first.
 *
 * Values follow Spark's from_json in its permissive mode: a member that is missing, null or does
 * not fit its type (text for BIGINT, 1.0 for BIGINT, 4000000000 for INT) is NULL and the rest of
 * the record stays; STRING takes any value (a number as Spark writes it, a container without its
 * white space); of a name given twice the last that fits wins; TIMESTAMP takes ISO text or seconds;
 * a name matches exactly, else with case ignored when JSONBATCH_CASE was asked for.
 *
 * Memory:  columns in the arena given; strings are slices of the records where no escape is in
 *          them, so the records must live as long.
 * Thread:  a jsonbatch learns while it decodes: one thread at a time.
 * Errors:  a record that is not well-formed JSON, or not an object, becomes a NULL row and is
 *          listed in `bad` with the reason; decode itself fails only on a limit. */
#ifndef WIRE_JSON_JSONBATCH_H
#define WIRE_JSON_JSONBATCH_H

#include "model/batch.h"
#include "wire/json/json.h"

#define JSONBATCH_ITEM_MAX 16777216 /* items of one array column in one batch */

#define JSONBATCH_CASE 1u /* a member with no exact match may match with case ignored */
/* from_json(): JSON_LAX, text after the value is ignored, blank text is NULL, other malformed text
 * a row of NULLs (listed in `bad` nevertheless), and the root may be of any type. */
#define JSONBATCH_SPARK 2u

struct jsonbatch;
struct jsonbatch_bad {
    uint32_t row;
    size_t pos;        /* byte in the record */
    struct str reason; /* a sentence, in the arena */
};
struct jsonbatch_out {
    struct vec *vec; /* the wanted type; a NULL row for a NULL record and for a bad one */
    const struct jsonbatch_bad *bad;
    uint32_t bad_cnt;
};

/* The part of `source` that the leaves ("login.uuid"; a parent stands for all below it) need, in
 * the source's order. ERR_NOT_FOUND names the first that is not there. */
int jsonbatch_prune(const struct type *source, const struct str *leaf, size_t cnt,
                    struct arena *arena, const struct type **out) MUST_USE;

/* `want` (copied) is a STRUCT, or anything with JSONBATCH_SPARK. */
int jsonbatch_new(struct jsonbatch **out, const struct type *want, unsigned flags) MUST_USE;
void jsonbatch_free(struct jsonbatch *jb); /* NULL is allowed */
const struct type *jsonbatch_type(const struct jsonbatch *jb); /* its own copy of `want` */

/* Decodes `cnt` records (ptr NULL: a NULL row) into rows 0..cnt-1 of out->vec, whose type lives as
 * long as the jsonbatch. cnt <= BATCH_ROW_MAX. ERR_TOO_BIG: JSONBATCH_ITEM_MAX. */
int jsonbatch_decode(struct jsonbatch *jb, const struct str *record, uint32_t cnt,
                     struct arena *arena, struct jsonbatch_out *out) MUST_USE;

#endif
