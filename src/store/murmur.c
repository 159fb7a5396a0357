/* murmur.c - Murmur3 x64-128 as Cassandra computes it. */
#include "store/murmur.h"

static const uint64_t C1 = UINT64_C(0x87c37b91114253d5), C2 = UINT64_C(0x4cf5ad432745937f);

static uint64_t rotl(uint64_t v, int by) {
    return v << by | v >> (64 - by);
}

static uint64_t mix(uint64_t k) {
    k ^= k >> 33;
    k *= UINT64_C(0xff51afd7ed558ccd);
    k ^= k >> 33;
    k *= UINT64_C(0xc4ceb9fe1a85ec53);
    return k ^ k >> 33;
}

static uint64_t load(const char *at) {
    uint64_t v;
    memcpy(&v, at, sizeof v);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}

/* Up to 8 bytes of the tail, each sign-extended before it is put in its place. */
static uint64_t tail(const char *at, size_t len) {
    uint64_t k = 0;
    for (size_t i = len; i-- > 0;)
        k ^= (uint64_t)(int64_t)(signed char)at[i] << (8 * i);
    return k;
}

int64_t murmur_token(struct str key) {
    uint64_t h1 = 0, h2 = 0;
    size_t blocks = key.len / 16, rest = key.len % 16;
    for (size_t i = 0; i < blocks; i++) {
        uint64_t k1 = load(key.ptr + i * 16), k2 = load(key.ptr + i * 16 + 8);
        h1 ^= rotl(k1 * C1, 31) * C2;
        h1 = (rotl(h1, 27) + h2) * 5 + 0x52dce729;
        h2 ^= rotl(k2 * C2, 33) * C1;
        h2 = (rotl(h2, 31) + h1) * 5 + 0x38495ab5;
    }
    const char *at = key.ptr + blocks * 16;
    if (rest > 8) h2 ^= rotl(tail(at + 8, rest - 8) * C2, 33) * C1;
    if (rest) h1 ^= rotl(tail(at, MIN(rest, (size_t)8)) * C1, 31) * C2;
    h1 ^= key.len;
    h2 ^= key.len;
    h1 += h2;
    h2 += h1;
    h1 = mix(h1);
    h2 = mix(h2);
    int64_t token = (int64_t)(h1 + h2);
    return token == INT64_MIN ? INT64_MAX : token;
}
