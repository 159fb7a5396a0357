/* cqlask.h - the bodies of requests, as a client writes them: the other side of cqlmsg.h.
 *
 * Each function appends one body to a frame begun by cqlframe_begin() with head.answer false.
 * Thread: any. Source: native_protocol_v4/v5.spec section 4.1. */
#ifndef WIRE_CQL_CQLASK_H
#define WIRE_CQL_CQLASK_H

#include "base/buf.h"
#include "wire/cql/cqlmsg.h"

struct cqlask_params {
    uint16_t consistency;
    struct str values;       /* as cqlask_values() writes them; ptr NULL: none */
    int32_t page_size;       /* 0: none */
    struct str paging_state; /* ptr NULL: from the start */
};
/* A prepared statement as its server named it. */
struct cqlask_id {
    struct str id, meta_id; /* meta_id: version 5 */
};

void cqlask_startup(struct buf *out, const struct cqlmsg_pair *pair, size_t cnt);
void cqlask_auth(struct buf *out, struct str token);
void cqlask_register(struct buf *out, unsigned events); /* enum cqlmsg_event bits */
/* A count and the values: ptr NULL is null. */
void cqlask_values(struct buf *out, const struct str *value, size_t cnt);
void cqlask_query(struct buf *out, uint8_t version, struct str text,
                  const struct cqlask_params *params);
void cqlask_prepare(struct buf *out, uint8_t version, struct str text);
void cqlask_execute(struct buf *out, uint8_t version, const struct cqlask_id *id,
                    const struct cqlask_params *params);
/* A batch: begin, its `cnt` items, end. */
void cqlask_batch_begin(struct buf *out, enum cqlmsg_batch_kind kind, uint16_t cnt);
void cqlask_batch_item(struct buf *out, struct str id, struct str values);
void cqlask_batch_end(struct buf *out, uint8_t version, uint16_t consistency);

#endif
