/* cqlvint.h - Cassandra's variable-length integers: the count of leading one bits of the first byte
 * is the number of bytes that follow. Signed values are zig-zagged first. */
#ifndef WIRE_CQL_CQLVINT_H
#define WIRE_CQL_CQLVINT_H

#include "base/buf.h"
#include "base/rbuf.h"

uint64_t cqlvint_read_u(struct rbuf *in);
int64_t cqlvint_read(struct rbuf *in);
void cqlvint_write_u(struct buf *out, uint64_t v);
void cqlvint_write(struct buf *out, int64_t v);

#endif
