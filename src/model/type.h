/* type.h - the types of columns, as Spark SQL knows them, plus UUID.
 *
 * A type is immutable and shared: the scalar ones are static (type_of), nested ones live in the
 * arena they were made in. Field names keep their case; lookup ignores it, as Spark does.
 * Limits: TYPE_DEPTH_MAX levels, TYPE_FIELD_MAX fields of a struct. */
#ifndef MODEL_TYPE_H
#define MODEL_TYPE_H

#include "base/arena.h"
#include "base/buf.h"

#define TYPE_DEPTH_MAX 64
#define TYPE_FIELD_MAX 4096

enum type_kind {
    TYPE_NULL, /* the type of NULL itself (Spark's VOID) */
    TYPE_BOOL,
    TYPE_I8,
    TYPE_I16,
    TYPE_I32,
    TYPE_I64,
    TYPE_F32,
    TYPE_F64,
    TYPE_DECIMAL, /* precision 1..38, scale 0..precision */
    TYPE_STRING,  /* UTF-8 */
    TYPE_BINARY,
    TYPE_UUID,          /* 16 bytes; shown and compared as text in SQL */
    TYPE_DATE,          /* days since 1970-01-01 */
    TYPE_TIMESTAMP,     /* microseconds since 1970 UTC (Spark's TIMESTAMP, with local time zone) */
    TYPE_TIMESTAMP_NTZ, /* microseconds since 1970 of a wall clock without zone */
    TYPE_INTERVAL_DT,   /* microseconds */
    TYPE_INTERVAL_YM,   /* months */
    TYPE_STRUCT,
    TYPE_ARRAY,
    TYPE_MAP,
    TYPE_KIND_CNT
};

struct type;
struct field {
    struct str name;
    const struct type *type;
    bool nullable;
};
struct type {
    enum type_kind kind;
    uint8_t precision, scale;  /* DECIMAL */
    const struct type *key;    /* MAP */
    const struct type *item;   /* ARRAY: element; MAP: value */
    const struct field *field; /* STRUCT */
    uint32_t field_cnt;
};

const struct type *type_of(enum type_kind kind); /* a scalar, not DECIMAL */
const struct type *type_decimal(struct arena *arena, int precision, int scale);
const struct type *type_array(struct arena *arena, const struct type *item);
const struct type *type_map(struct arena *arena, const struct type *key, const struct type *item);
/* `field` is copied, its names too. */
const struct type *type_struct(struct arena *arena, const struct field *field, size_t cnt);
const struct type *type_copy(struct arena *arena, const struct type *type); /* deep */

bool type_eq(const struct type *a, const struct type *b); /* names of fields: case ignored */
bool type_is_num(const struct type *type);                /* I8..F64, DECIMAL */
bool type_is_int(const struct type *type);                /* I8..I64 */
/* Index of a struct's field by name, case ignored; -1: none, -2: more than one. */
int type_field(const struct type *type, struct str name);

/* Spark's DDL text: "STRUCT<a: INT, b: ARRAY<STRING>>"; a schema: "a INT, ...". */
void type_format(const struct type *type, struct buf *out);
const char *type_name(enum type_kind kind); /* "BIGINT" */
/* The reverse, e.g. "bigint", "struct<a:int>", "decimal(10,2)": ERR_SYNTAX, ERR_TOO_BIG. */
int type_parse(struct str text, struct arena *arena, const struct type **out) MUST_USE;

/* The least type that holds values of both, as Spark's JSON inference widens: NULL + T = T,
 * I64 + F64 = F64, structs by union of fields, anything else that differs = STRING. */
const struct type *type_widen(struct arena *arena, const struct type *a, const struct type *b);

#endif
