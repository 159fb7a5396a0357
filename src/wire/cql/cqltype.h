/* cqltype.h - the types of CQL: their names, the bytes of their values, their order.
 *
 * A type is immutable and shared; scalars are static, nested ones live in the arena they were made
 * in. A value is the protocol's [bytes] without the length, version 3 and up; ptr NULL is null.
 * A non-frozen collection inside a table is kept in the same whole-value form.
 *
 * Limits: CQLTYPE_DEPTH_MAX levels, CQLTYPE_ARG_MAX arguments or fields, CQLTYPE_NAME_MAX bytes of
 *         a type's text. Thread: any.
 * Source: native protocol v4/v5 section 6; Cassandra 5's db/marshal for order and words. */
#ifndef WIRE_CQL_CQLTYPE_H
#define WIRE_CQL_CQLTYPE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/rbuf.h"

#define CQLTYPE_DEPTH_MAX 16
#define CQLTYPE_ARG_MAX   256
#define CQLTYPE_NAME_MAX  8192
#define CQLTYPE_DIM_MAX   8192 /* of a vector */

/* The numbers are the protocol's [option] ids; VECTOR has none (sent as CUSTOM). */
enum cqltype_kind {
    CQL_CUSTOM = 0x00, /* only as an id: no value of ours has this type */
    CQL_ASCII = 0x01,
    CQL_BIGINT = 0x02,
    CQL_BLOB = 0x03,
    CQL_BOOLEAN = 0x04,
    CQL_COUNTER = 0x05,
    CQL_DECIMAL = 0x06,
    CQL_DOUBLE = 0x07,
    CQL_FLOAT = 0x08,
    CQL_INT = 0x09,
    CQL_TIMESTAMP = 0x0B, /* int64 milliseconds since 1970 UTC */
    CQL_UUID = 0x0C,
    CQL_TEXT = 0x0D, /* varchar is the same */
    CQL_VARINT = 0x0E,
    CQL_TIMEUUID = 0x0F,
    CQL_INET = 0x10,
    CQL_DATE = 0x11, /* uint32 days, 2^31 is 1970-01-01 */
    CQL_TIME = 0x12, /* int64 nanoseconds since midnight */
    CQL_SMALLINT = 0x13,
    CQL_TINYINT = 0x14,
    CQL_DURATION = 0x15, /* three zig-zag vints: months, days, nanoseconds */
    CQL_LIST = 0x20,
    CQL_MAP = 0x21,
    CQL_SET = 0x22,
    CQL_UDT = 0x30,
    CQL_TUPLE = 0x31,
    CQL_VECTOR = 0x100,
};

struct cqltype {
    enum cqltype_kind kind;
    bool frozen; /* LIST, SET, MAP, UDT; tuples and vectors always are */
    uint16_t arg_cnt;
    const struct cqltype *const *arg; /* LIST, SET, VECTOR 1; MAP 2; TUPLE, UDT: the fields */
    const struct str *field;          /* UDT: names of the fields */
    struct str keyspace, name;        /* UDT */
    uint32_t dim;                     /* VECTOR */
};

const struct cqltype *cqltype_scalar(enum cqltype_kind kind); /* NULL: not a scalar */
/* LIST, SET, MAP, TUPLE; args are borrowed pointers and must live as long. */
const struct cqltype *cqltype_make(struct arena *arena, enum cqltype_kind kind, bool frozen,
                                   const struct cqltype *const *arg, size_t arg_cnt);
const struct cqltype *cqltype_vector(struct arena *arena, const struct cqltype *item, uint32_t dim);
const struct cqltype *cqltype_copy(struct arena *arena, const struct cqltype *type); /* deep */
const struct cqltype *cqltype_freeze(struct arena *arena, const struct cqltype *type);

/* Who knows user types by name. The type given out lives in `arena`. ERR_NOT_FOUND. */
struct cqltype_scope {
    void *self;
    int (*udt)(void *self, struct str name, struct arena *arena, const struct cqltype **out);
};
/* "frozen<list<text>>", case ignored, `"Quoted"` user types, vector<float, 3>: ERR_SYNTAX, and
 * ERR_INVAL with Cassandra's words for what is well written but not a type. scope may be NULL. */
int cqltype_parse(struct str text, const struct cqltype_scope *scope, struct arena *arena,
                  const struct cqltype **out) MUST_USE;
void cqltype_format(const struct cqltype *type, struct buf *out); /* as system_schema.columns */
const char *cqltype_name(enum cqltype_kind kind);                 /* "bigint" */
/* org.apache.cassandra.db.marshal.* text, for CUSTOM options and for schema clients. */
void cqltype_class(const struct cqltype *type, struct buf *out);

bool cqltype_eq(const struct cqltype *a, const struct cqltype *b); /* frozen counts */
bool cqltype_is_text(const struct cqltype *type);   /* ascii, text */
bool cqltype_is_num(const struct cqltype *type);
bool cqltype_is_multi(const struct cqltype *type);  /* a non-frozen list, set, map or udt */
int cqltype_width(const struct cqltype *type);      /* bytes a value; 0: it varies */

/* Are these bytes a value of the type? ERR_TYPE with Cassandra's words, e.g. "Expected 4 or 0 byte
 * int (3)". Null (ptr NULL) is always fine. Walks nested values, within their depth. */
int cqltype_validate(const struct cqltype *type, struct str bytes) MUST_USE;
/* The order of clustering keys and of comparisons; both valid and not null: < 0, 0, > 0. */
int cqltype_compare(const struct cqltype *type, struct str a, struct str b);

/* A walk over a serialised list, set, map, tuple or udt: items in order, keys and values of a map
 * in turn. `in` starts as the whole value; *cnt: items (2 a pair). */
bool cqltype_items(const struct cqltype *type, struct rbuf *in, size_t *cnt);
struct str cqltype_item(const struct cqltype *type, struct rbuf *in, size_t idx);

#endif
