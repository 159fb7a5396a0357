/* cqlvint.c - variable-length integers of CQL durations and vectors. */
#include "wire/cql/cqlvint.h"

uint64_t cqlvint_read_u(struct rbuf *in) {
    uint8_t first = rbuf_u8(in);
    int more = first == 0xFF ? 8 : __builtin_clz((unsigned)(uint8_t)~first) - 24;
    uint64_t v = more >= 7 ? 0 : first & (0xFFu >> (more + 1));
    for (int i = 0; i < more; i++) {
        uint8_t next = rbuf_u8(in);
        v = v << 8 | next;
    }
    return in->bad ? 0 : v;
}

int64_t cqlvint_read(struct rbuf *in) {
    uint64_t v = cqlvint_read_u(in);
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

void cqlvint_write_u(struct buf *out, uint64_t v) {
    int bits = v ? 64 - __builtin_clzll(v) : 1;
    int more = bits > 56 ? 8 : (bits - 1) / 7;
    uint8_t byte[9];
    for (int i = more; i > 0; i--) {
        byte[i] = (uint8_t)v;
        v >>= 8;
    }
    /* With 8 bytes to follow the first one is all ones and holds nothing of the value. */
    byte[0] = more == 8 ? 0xFF : (uint8_t)(v | (0xFFu << (8 - more)));
    buf_put(out, byte, (size_t)more + 1);
}

void cqlvint_write(struct buf *out, int64_t v) {
    cqlvint_write_u(out, (uint64_t)v << 1 ^ (uint64_t)(v >> 63));
}
