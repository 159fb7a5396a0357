/* cqlframe.c - heads of frames, and the two ways their bodies are compressed.
 *
 * A raw length that comes from outside is believed only as far as the compressed bytes can hold it:
 * lz4 makes at most 255 bytes of one, snappy 64 of three. Memory is asked for after that check. */
#include "wire/cql/cqlframe.h"

#include "base/err.h"
#include "base/rbuf.h"

#include <lz4.h>
#include <snappy-c.h>

#define LZ4_RATIO_MAX    255
#define SNAPPY_RATIO_MAX 32
#define ANSWER_BIT       0x80

size_t cqlframe_len(const unsigned char *head) {
    uint32_t len = (uint32_t)head[5] << 24 | (uint32_t)head[6] << 16 | (uint32_t)head[7] << 8 |
                   (uint32_t)head[8];
    return CQLFRAME_HEAD_LEN + (size_t)len;
}

int cqlframe_decode(struct str bytes, struct cqlframe *out) {
    struct rbuf in = rbuf_of_str(bytes);
    uint8_t version = rbuf_u8(&in);
    out->version = version & (uint8_t)~ANSWER_BIT;
    out->answer = version & ANSWER_BIT;
    out->flags = rbuf_u8(&in);
    out->stream = rbuf_i16(&in);
    out->opcode = rbuf_u8(&in);
    rbuf_skip(&in, 4);
    if (in.bad) return err_fail(ERR_TRUNC, "the head of a frame is cut short");
    out->body = rbuf_bytes(&in, rbuf_left(&in));
    return 0;
}

static int unzip_lz4(struct str body, size_t max, struct arena *arena, struct str *out) {
    struct rbuf in = rbuf_of_str(body);
    size_t len = rbuf_u32(&in);
    if (in.bad) return err_fail(ERR_CORRUPT, "lz4 body without its length");
    if (len > max)
        return err_fail(ERR_TOO_BIG, "lz4 body of %zu bytes, over the limit of %zu", len, max);
    struct str block = rbuf_bytes(&in, rbuf_left(&in));
    if (len == 0) {
        *out = STR("");
        return 0;
    }
    if (len > block.len * LZ4_RATIO_MAX)
        return err_fail(ERR_CORRUPT, "lz4 body claims %zu bytes from %zu", len, block.len);
    char *raw = arena_bytes(arena, len);
    int got = LZ4_decompress_safe(block.ptr, raw, (int)block.len, (int)len);
    if (got < 0 || (size_t)got != len)
        return err_fail(ERR_CORRUPT, "lz4 body of %zu bytes does not decompress", len);
    *out = (struct str){raw, len};
    return 0;
}

static int unzip_snappy(struct str body, size_t max, struct arena *arena, struct str *out) {
    size_t len;
    if (snappy_uncompressed_length(body.ptr, body.len, &len) != SNAPPY_OK)
        return err_fail(ERR_CORRUPT, "snappy body without its length");
    if (len > max)
        return err_fail(ERR_TOO_BIG, "snappy body of %zu bytes, over the limit of %zu", len, max);
    if (len > body.len * SNAPPY_RATIO_MAX)
        return err_fail(ERR_CORRUPT, "snappy body claims %zu bytes from %zu", len, body.len);
    char *raw = arena_bytes(arena, len + 1);
    size_t got = len;
    if (snappy_uncompress(body.ptr, body.len, raw, &got) != SNAPPY_OK || got != len)
        return err_fail(ERR_CORRUPT, "snappy body of %zu bytes does not decompress", len);
    *out = (struct str){raw, len};
    return 0;
}

int cqlframe_unzip(enum cqlframe_zip zip, struct str body, size_t max, struct arena *arena,
                   struct str *out) {
    assert(max <= CQLFRAME_BODY_MAX);
    switch (zip) {
    case CQLFRAME_LZ4: return unzip_lz4(body, max, arena, out);
    case CQLFRAME_SNAPPY: return unzip_snappy(body, max, arena, out);
    case CQLFRAME_PLAIN: break;
    }
    return err_fail(ERR_CORRUPT, "a compressed frame, but STARTUP named no compression");
}

size_t cqlframe_begin(struct buf *out, const struct cqlframe *head) {
    size_t pos = out->len;
    buf_i8(out, (int8_t)(head->version | (head->answer ? ANSWER_BIT : 0)));
    buf_i8(out, (int8_t)head->flags);
    buf_i16(out, head->stream);
    buf_i8(out, (int8_t)head->opcode);
    buf_i32(out, 0);
    return pos;
}

/* Compresses `raw` to a heap block of *len bytes; NULL when that would not be shorter. */
static char *zip_body(enum cqlframe_zip zip, struct str raw, size_t *len) {
    size_t room = zip == CQLFRAME_LZ4 ? (size_t)LZ4_compressBound((int)raw.len) + 4
                                      : snappy_max_compressed_length(raw.len);
    char *block = base_alloc(room);
    if (zip == CQLFRAME_LZ4) {
        for (int i = 0; i < 4; i++) block[i] = (char)(raw.len >> (24 - 8 * i));
        int put = LZ4_compress_default(raw.ptr, block + 4, (int)raw.len, (int)room - 4);
        *len = put > 0 ? (size_t)put + 4 : raw.len;
    } else {
        *len = room;
        if (snappy_compress(raw.ptr, raw.len, block, len) != SNAPPY_OK) *len = raw.len;
    }
    if (*len < raw.len) return block;
    base_free(block);
    return NULL;
}

void cqlframe_end(struct buf *out, size_t pos, enum cqlframe_zip zip) {
    if (out->full) return;
    size_t body = pos + CQLFRAME_HEAD_LEN;
    assert(out->len >= body && out->len - body <= CQLFRAME_BODY_MAX);
    if (zip != CQLFRAME_PLAIN && out->len - body >= CQLFRAME_ZIP_MIN) {
        size_t len;
        char *block = zip_body(zip, (struct str){out->ptr + body, out->len - body}, &len);
        if (block) {
            memcpy(out->ptr + body, block, len);
            out->len = body + len;
            out->ptr[pos + 1] |= CQLFRAME_COMPRESSED;
            base_free(block);
        }
    }
    buf_set_i32(out, pos + 5, (int32_t)(out->len - body));
}

int cqlframe_zip_parse(struct str name, enum cqlframe_zip *out) {
    if (str_ieq(name, STR("lz4"))) *out = CQLFRAME_LZ4;
    else if (str_ieq(name, STR("snappy"))) *out = CQLFRAME_SNAPPY;
    else return err_fail(ERR_INVAL, "Unknown compression algorithm: %.*s", STR_ARG(name));
    return 0;
}

const char *cqlframe_op_name(uint8_t opcode) {
    static const char *const name[] = {
        [CQLFRAME_ERROR] = "ERROR",
        [CQLFRAME_STARTUP] = "STARTUP",
        [CQLFRAME_READY] = "READY",
        [CQLFRAME_AUTHENTICATE] = "AUTHENTICATE",
        [CQLFRAME_OPTIONS] = "OPTIONS",
        [CQLFRAME_SUPPORTED] = "SUPPORTED",
        [CQLFRAME_QUERY] = "QUERY",
        [CQLFRAME_RESULT] = "RESULT",
        [CQLFRAME_PREPARE] = "PREPARE",
        [CQLFRAME_EXECUTE] = "EXECUTE",
        [CQLFRAME_REGISTER] = "REGISTER",
        [CQLFRAME_EVENT] = "EVENT",
        [CQLFRAME_BATCH] = "BATCH",
        [CQLFRAME_AUTH_CHALLENGE] = "AUTH_CHALLENGE",
        [CQLFRAME_AUTH_RESPONSE] = "AUTH_RESPONSE",
        [CQLFRAME_AUTH_SUCCESS] = "AUTH_SUCCESS",
    };
    return opcode < ARRAY_LEN(name) ? name[opcode] : NULL;
}
