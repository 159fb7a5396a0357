/* rbuf.c - the bounded reader. */
#include "base/rbuf.h"

struct rbuf rbuf_of(const void *ptr, size_t len) {
    const unsigned char *at = ptr ? ptr : (const unsigned char *)"";
    return (struct rbuf){at, at + (ptr ? len : 0), false};
}

struct rbuf rbuf_of_str(struct str bytes) {
    return rbuf_of(bytes.ptr, bytes.len);
}

size_t rbuf_left(const struct rbuf *in) {
    return (size_t)(in->end - in->at);
}

bool rbuf_done(const struct rbuf *in) {
    return !in->bad && in->at == in->end;
}

void rbuf_fail(struct rbuf *in) {
    in->bad = true;
    in->at = in->end;
}

/* Copies `len` bytes out, or zeroes them and goes bad. */
static void take(struct rbuf *in, void *out, size_t len) {
    if (in->bad || rbuf_left(in) < len) {
        rbuf_fail(in);
        memset(out, 0, len);
        return;
    }
    memcpy(out, in->at, len);
    in->at += len;
}

int8_t rbuf_i8(struct rbuf *in) {
    int8_t v;
    take(in, &v, sizeof v);
    return v;
}

uint8_t rbuf_u8(struct rbuf *in) {
    return (uint8_t)rbuf_i8(in);
}

uint16_t rbuf_u16(struct rbuf *in) {
    uint16_t v;
    take(in, &v, sizeof v);
    return __builtin_bswap16(v);
}

int16_t rbuf_i16(struct rbuf *in) {
    return (int16_t)rbuf_u16(in);
}

uint32_t rbuf_u32(struct rbuf *in) {
    uint32_t v;
    take(in, &v, sizeof v);
    return __builtin_bswap32(v);
}

int32_t rbuf_i32(struct rbuf *in) {
    return (int32_t)rbuf_u32(in);
}

uint64_t rbuf_u64(struct rbuf *in) {
    uint64_t v;
    take(in, &v, sizeof v);
    return __builtin_bswap64(v);
}

int64_t rbuf_i64(struct rbuf *in) {
    return (int64_t)rbuf_u64(in);
}

double rbuf_f64(struct rbuf *in) {
    uint64_t bits = rbuf_u64(in);
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

uint64_t rbuf_uvarint(struct rbuf *in) {
    uint64_t v = 0;
    if (in->at < in->end && !(*in->at & 0x80)) return *in->at++; /* bad: at == end */
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = rbuf_u8(in);
        uint64_t part = byte & 0x7F;
        if (shift == 63 && part > 1) break;
        v |= part << shift;
        if (!(byte & 0x80)) return in->bad ? 0 : v;
    }
    rbuf_fail(in);
    return 0;
}

int64_t rbuf_varint(struct rbuf *in) {
    uint64_t v = rbuf_uvarint(in);
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

struct str rbuf_bytes(struct rbuf *in, size_t len) {
    if (in->bad || rbuf_left(in) < len) {
        rbuf_fail(in);
        return STR("");
    }
    struct str out = {(const char *)in->at, len};
    in->at += len;
    return out;
}

void rbuf_skip(struct rbuf *in, size_t len) {
    (void)rbuf_bytes(in, len);
}

size_t rbuf_count(struct rbuf *in, int64_t cnt, size_t min_size) {
    assert(min_size >= 1);
    if (in->bad || cnt < 0 || (uint64_t)cnt > rbuf_left(in) / min_size) {
        rbuf_fail(in);
        return 0;
    }
    return (size_t)cnt;
}
