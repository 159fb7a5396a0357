/* cqlframe.h - the frames of CQL's native protocol: the head, and compression of the body.
 *
 *   pos  size  what
 *     0     1  version; the top bit says "answer"
 *     1     1  flags (enum cqlframe_flag)
 *     2     2  stream: the asker's number for its question; -1 for events
 *     4     1  opcode
 *     5     4  length of the body, big-endian
 *     9        body
 *
 * The body of a compressed frame is lz4 (four bytes of raw length, big-endian, then one block) or
 * snappy; which one, the STARTUP message said.
 * Thread: any. Limits: CQLFRAME_BODY_MAX bytes a body, also after decompression.
 * Source: native_protocol_v3/v4.spec section 2. */
#ifndef WIRE_CQL_CQLFRAME_H
#define WIRE_CQL_CQLFRAME_H

#include "base/arena.h"
#include "base/buf.h"

#define CQLFRAME_HEAD_LEN    9
#define CQLFRAME_BODY_MAX    (256 * MIB) /* what the protocol allows */
#define CQLFRAME_VERSION_MIN 3
#define CQLFRAME_VERSION_MAX 4
#define CQLFRAME_ZIP_MIN     512 /* shorter bodies are sent as they are */

enum cqlframe_flag {
    CQLFRAME_COMPRESSED = 0x01,
    CQLFRAME_TRACING = 0x02,
    CQLFRAME_PAYLOAD = 0x04,
    CQLFRAME_WARNING = 0x08,
};

enum cqlframe_op {
    CQLFRAME_ERROR = 0x00,
    CQLFRAME_STARTUP = 0x01,
    CQLFRAME_READY = 0x02,
    CQLFRAME_AUTHENTICATE = 0x03,
    CQLFRAME_OPTIONS = 0x05,
    CQLFRAME_SUPPORTED = 0x06,
    CQLFRAME_QUERY = 0x07,
    CQLFRAME_RESULT = 0x08,
    CQLFRAME_PREPARE = 0x09,
    CQLFRAME_EXECUTE = 0x0A,
    CQLFRAME_REGISTER = 0x0B,
    CQLFRAME_EVENT = 0x0C,
    CQLFRAME_BATCH = 0x0D,
    CQLFRAME_AUTH_CHALLENGE = 0x0E,
    CQLFRAME_AUTH_RESPONSE = 0x0F,
    CQLFRAME_AUTH_SUCCESS = 0x10,
};

enum cqlframe_zip { CQLFRAME_PLAIN, CQLFRAME_LZ4, CQLFRAME_SNAPPY };

struct cqlframe {
    uint8_t version; /* without the top bit */
    bool answer;     /* the top bit */
    uint8_t flags, opcode;
    int16_t stream;
    struct str body;
};

/* The length of the whole frame, from its first CQLFRAME_HEAD_LEN bytes. The body's length is
 * taken as unsigned: nonsense shows as a length over any limit. */
size_t cqlframe_len(const unsigned char *head);
/* `bytes` is a whole frame, or only its head (then the body is empty). ERR_TRUNC. */
int cqlframe_decode(struct str bytes, struct cqlframe *out) MUST_USE;
/* The body as it was before compression, in `arena`. ERR_CORRUPT, ERR_TOO_BIG over `max`. */
int cqlframe_unzip(enum cqlframe_zip zip, struct str body, size_t max, struct arena *arena,
                   struct str *out) MUST_USE;

/* Writes an answer's head (or, with head->answer false, a request's) and returns where it stands;
 * the caller writes the body and then ends the frame, which sets the length and, where that makes
 * it shorter, compresses the body. */
size_t cqlframe_begin(struct buf *out, const struct cqlframe *head);
void cqlframe_end(struct buf *out, size_t pos, enum cqlframe_zip zip);

/* "lz4", "snappy" -> which; ERR_INVAL. */
int cqlframe_zip_parse(struct str name, enum cqlframe_zip *out) MUST_USE;
const char *cqlframe_op_name(uint8_t opcode); /* "QUERY"; NULL: no such opcode */

#endif
