/* cqlsegment.c - heads with CRC-24, payloads with CRC-32, lz4 between them. */
#include "wire/cql/cqlsegment.h"

#include "base/err.h"

#include <lz4.h>
#include <zlib.h>

#define CRC24_INIT 0x875060u
#define CRC24_POLY 0x1974F0Bu
#define LEN_BITS   17
#define LEN_MASK   0x1FFFFu
#define ZIP_MIN    512 /* shorter payloads are sent as they are */

static const unsigned char crc32_head[] = {0xFA, 0x2D, 0x55, 0xCA};

static uint64_t load(const unsigned char *at, size_t len) {
    uint64_t v = 0;
    for (size_t i = len; i-- > 0;)
        v = v << 8 | at[i];
    return v;
}

static void put(struct buf *out, uint64_t v, size_t len) {
    for (size_t i = 0; i < len; i++)
        buf_putc(out, (char)(v >> (8 * i)));
}

static uint32_t crc24(uint64_t head, size_t len) {
    uint32_t crc = CRC24_INIT;
    for (size_t i = 0; i < len; i++) {
        crc ^= (uint32_t)(head >> (8 * i) & 0xFF) << 16;
        for (int bit = 0; bit < 8; bit++) {
            crc <<= 1;
            if (crc & 0x1000000u) crc ^= CRC24_POLY;
        }
    }
    return crc;
}

static uint32_t crc32_of(struct str payload) {
    uLong crc = crc32(0, crc32_head, sizeof crc32_head);
    return (uint32_t)crc32(crc, (const Bytef *)payload.ptr, (uInt)payload.len);
}

size_t cqlsegment_len(const unsigned char *head) {
    return CQLSEGMENT_HEAD_LEN + (size_t)(load(head, 3) & LEN_MASK) + CQLSEGMENT_TAIL_LEN;
}

size_t cqlsegment_len_zip(const unsigned char *head) {
    return CQLSEGMENT_HEAD_ZIP_LEN + (size_t)(load(head, 5) & LEN_MASK) + CQLSEGMENT_TAIL_LEN;
}

static int unzip(struct cqlsegment *segment, size_t raw, struct arena *arena) {
    char *out = arena_bytes(arena, raw);
    int got = LZ4_decompress_safe(segment->payload.ptr, out, (int)segment->payload.len, (int)raw);
    if (got < 0 || (size_t)got != raw)
        return err_fail(ERR_CORRUPT, "a compressed segment of %zu bytes does not decompress",
                        segment->payload.len);
    segment->payload = (struct str){out, raw};
    return 0;
}

int cqlsegment_decode(struct str bytes, bool zip, struct arena *arena, struct cqlsegment *out) {
    const unsigned char *at = (const unsigned char *)bytes.ptr;
    size_t bits_len = zip ? 5 : 3, head_len = bits_len + 3;
    if (bytes.len < head_len + CQLSEGMENT_TAIL_LEN)
        return err_fail(ERR_TRUNC, "a segment of %zu bytes is cut short", bytes.len);
    uint64_t bits = load(at, bits_len);
    if (crc24(bits, bits_len) != load(at + bits_len, 3))
        return err_fail(ERR_CORRUPT, "the checksum of a segment's head is wrong");
    size_t len = bits & LEN_MASK;
    size_t raw = zip ? bits >> LEN_BITS & LEN_MASK : 0;
    if (bytes.len != head_len + len + CQLSEGMENT_TAIL_LEN)
        return err_fail(ERR_TRUNC, "a segment of %zu bytes says %zu", bytes.len, len);
    out->payload = (struct str){bytes.ptr + head_len, len};
    out->whole = bits >> (zip ? 2 * LEN_BITS : LEN_BITS) & 1;
    if (crc32_of(out->payload) != load(at + head_len + len, CQLSEGMENT_TAIL_LEN))
        return err_fail(ERR_CORRUPT, "the checksum of a segment's payload is wrong");
    return raw ? unzip(out, raw, arena) : 0;
}

static void put_segment(struct buf *out, struct str payload, bool whole, bool zip) {
    char block[LZ4_COMPRESSBOUND(CQLSEGMENT_PAYLOAD_MAX)];
    size_t raw = 0, bits_len = zip ? 5 : 3;
    if (zip && payload.len >= ZIP_MIN) {
        int got = LZ4_compress_default(payload.ptr, block, (int)payload.len, (int)sizeof block);
        if (got > 0 && (size_t)got < payload.len) {
            raw = payload.len;
            payload = (struct str){block, (size_t)got};
        }
    }
    uint64_t bits = payload.len;
    if (zip) bits |= (uint64_t)raw << LEN_BITS;
    bits |= (uint64_t)whole << (zip ? 2 * LEN_BITS : LEN_BITS);
    put(out, bits, bits_len);
    put(out, crc24(bits, bits_len), 3);
    buf_puts(out, payload);
    put(out, crc32_of(payload), CQLSEGMENT_TAIL_LEN);
}

void cqlsegment_encode(struct buf *out, struct str envelopes, bool zip) {
    bool whole = envelopes.len <= CQLSEGMENT_PAYLOAD_MAX;
    while (envelopes.len) {
        size_t len = MIN(envelopes.len, (size_t)CQLSEGMENT_PAYLOAD_MAX);
        put_segment(out, (struct str){envelopes.ptr, len}, whole, zip);
        envelopes.ptr += len;
        envelopes.len -= len;
    }
}
