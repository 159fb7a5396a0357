/* cqlvalue.h - making and changing whole collection values. */
#ifndef STORE_CQL_CQLVALUE_H
#define STORE_CQL_CQLVALUE_H

#include "wire/cql/cqltype.h"

/* Items of a list, set, map (key, value in turn), tuple, udt or vector -> bytes. Sets and maps are
 * sorted, and of equal keys the last is kept. Items are valid; only tuples and udts take null. */
int cqlvalue_pack(const struct cqltype *type, const struct str *item, size_t cnt,
                  struct arena *arena, struct str *out) MUST_USE;
/* The reverse: *item in the arena; value.ptr NULL: none. */
int cqlvalue_unpack(const struct cqltype *type, struct str value, struct arena *arena,
                    struct str **item, size_t *cnt) MUST_USE;
/* As Cassandra keeps a value that a client sent: sets and maps in order. */
int cqlvalue_tidy(const struct cqltype *type, struct str value, struct arena *arena,
                  struct str *out) MUST_USE;
/* The type of item i. */
const struct cqltype *cqlvalue_item_type(const struct cqltype *type, size_t i);

#endif
