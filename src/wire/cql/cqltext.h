/* cqltext.h - values of CQL as text and back.
 *
 * Parsing takes the content of a string literal or of a bare constant, as Cassandra's
 * AbstractType.fromString() does; formatting gives what cqlsh shows or what toJson() gives.
 * Thread: any. Limits: those of cqlnum.h; JSON is nested as deep as the type. */
#ifndef WIRE_CQL_CQLTEXT_H
#define WIRE_CQL_CQLTEXT_H

#include "wire/cql/cqltype.h"

/* Text of a scalar -> its bytes, appended to `out`. ERR_TYPE with Cassandra's words, e.g. "Unable
 * to make int from 'x'". */
int cqltext_parse(const struct cqltype *type, struct str text, struct buf *out) MUST_USE;
/* Bytes -> text for a person, unquoted at the top: 2024-01-31 10:00:00.000Z, {'a': 1}, 0xcafe. */
void cqltext_format(const struct cqltype *type, struct str bytes, struct buf *out);
/* Bytes -> a CQL literal that parses back: text quoted, null as null. */
void cqltext_literal(const struct cqltype *type, struct str bytes, struct buf *out);
/* Bytes -> JSON, as SELECT JSON gives it. */
void cqltext_json(const struct cqltype *type, struct str bytes, struct buf *out);

#endif
