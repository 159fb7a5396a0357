/* cqlnum.h - varint and decimal: numbers of any length, as text, in order, in sums.
 *
 * A varint is two's complement, big-endian; a decimal is an int32 scale, then a varint: its value
 * is the varint times 10^-scale. Thread: any.
 * Limits: CQLNUM_BYTES_MAX bytes a varint, so that no input costs more than microseconds. */
#ifndef WIRE_CQL_CQLNUM_H
#define WIRE_CQL_CQLNUM_H

#include "base/buf.h"

#define CQLNUM_BYTES_MAX 1704
#define CQLNUM_DIGIT_MAX 4096
#define CQLNUM_SCALE_MAX 100000

int cqlnum_parse_int(struct str text, struct buf *out) MUST_USE; /* "-12": ERR_INVAL */
int cqlnum_parse(struct str text, struct buf *out) MUST_USE;     /* "-1.50e3" */
void cqlnum_format_int(struct str bytes, struct buf *out);
void cqlnum_format(struct str bytes, struct buf *out); /* as Java's BigDecimal writes it */
int cqlnum_compare_int(struct str a, struct str b);
int cqlnum_compare(struct str a, struct str b); /* by value: 1.0 is 1.00 */
/* Bytes that compare, unsigned, as the numbers do; a number's are no prefix of another's. */
void cqlnum_order_int(struct str bytes, struct buf *out);
void cqlnum_order(struct str bytes, struct buf *out);
void cqlnum_from_i64(int64_t v, struct buf *out);     /* a varint */
double cqlnum_f64(struct str bytes, bool is_int);      /* the nearest double, about */
/* The sum of two decimals, as a decimal (of two varints as decimals of scale 0). */
int cqlnum_add(struct str a, struct str b, struct buf *out) MUST_USE;

#endif
