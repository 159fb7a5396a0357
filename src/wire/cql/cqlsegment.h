/* cqlsegment.h - the outer frames of protocol version 5: envelopes in checked segments.
 *
 * From READY or AUTHENTICATE on, a connection of version 5 carries segments. One holds whole
 * envelopes (cqlframe.h), or a part of a large one. All integers here are little-endian.
 *
 *   pos   size  what
 *     0   3, 5  payload length (17 bits); with compression then the raw length (17 bits, 0: this
 *               payload is not compressed); one bit: holds whole envelopes
 *   3, 5     3  CRC-24 of the above
 *   6, 8   len  payload; an lz4 block without a length of its own when it is compressed
 *            4  CRC-32 of the payload, begun with the bytes FA 2D 55 CA
 *
 * Thread: any. Limits: CQLSEGMENT_PAYLOAD_MAX bytes a payload, raw and compressed.
 * Source: native_protocol_v5.spec section 2. */
#ifndef WIRE_CQL_CQLSEGMENT_H
#define WIRE_CQL_CQLSEGMENT_H

#include "base/arena.h"
#include "base/buf.h"

#define CQLSEGMENT_PAYLOAD_MAX  131071
#define CQLSEGMENT_HEAD_LEN     6 /* without compression */
#define CQLSEGMENT_HEAD_ZIP_LEN 8
#define CQLSEGMENT_TAIL_LEN     4
#define CQLSEGMENT_LEN_MAX (CQLSEGMENT_HEAD_ZIP_LEN + CQLSEGMENT_PAYLOAD_MAX + CQLSEGMENT_TAIL_LEN)

struct cqlsegment {
    struct str payload; /* raw */
    bool whole;         /* holds whole envelopes; otherwise a part of one */
};

/* The length of a whole segment, from its head, which is not checked yet. */
size_t cqlsegment_len(const unsigned char *head);
size_t cqlsegment_len_zip(const unsigned char *head);
/* A whole segment. The payload points into `bytes` or into `arena`. ERR_TRUNC, ERR_CORRUPT. */
int cqlsegment_decode(struct str bytes, bool zip, struct arena *arena,
                      struct cqlsegment *out) MUST_USE;
/* Appends segments that hold `envelopes` (one or several, whole). */
void cqlsegment_encode(struct buf *out, struct str envelopes, bool zip);

#endif
