/* kpart.c - murmur2, 32 bits, as Kafka's producers hash keys. */
#include "wire/kafka/kpart.h"

#define M 0x5bd1e995u

static uint32_t murmur2(struct str key) {
    uint32_t hash = 0x9747b28cu ^ (uint32_t)key.len;
    size_t i = 0;
    for (; i + 4 <= key.len; i += 4) {
        uint32_t word;
        memcpy(&word, key.ptr + i, 4);
        word *= M;
        word ^= word >> 24;
        hash = hash * M ^ word * M;
    }
    size_t left = key.len - i;
    if (left > 2) hash ^= (uint32_t)(unsigned char)key.ptr[i + 2] << 16;
    if (left > 1) hash ^= (uint32_t)(unsigned char)key.ptr[i + 1] << 8;
    if (left > 0) hash = (hash ^ (unsigned char)key.ptr[i]) * M;
    hash ^= hash >> 13;
    hash *= M;
    return hash ^ hash >> 15;
}

int32_t kpart_of(struct str key, int32_t part_cnt) {
    assert(part_cnt > 0);
    if (!key.ptr) return 0;
    return (int32_t)(murmur2(key) & 0x7FFFFFFF) % part_cnt;
}
