/* hash.c - the two hash functions, and how values of each type are fed to them.
 *
 * Integers up to 32 bits are one 4-byte block, 64-bit ones two (Murmur3) or one of 8 (xxHash);
 * doubles are their bits, with -0 as 0; decimals of up to 18 digits are their unscaled number,
 * wider ones its big-endian bytes; lists and structs fold their parts. Murmur3 takes the bytes
 * after the last whole block one at a time, which is Spark's own way. */
#include "stream/op/hash.h"

/* ---- Murmur3 ---- */

static uint32_t rotl32(uint32_t v, int bits) {
    return v << bits | v >> (32 - bits);
}

static uint32_t mix32(uint32_t hash, uint32_t block) {
    block = rotl32(block * 0xcc9e2d51u, 15) * 0x1b873593u;
    return rotl32(hash ^ block, 13) * 5 + 0xe6546b64u;
}

static uint32_t end32(uint32_t hash, uint32_t len) {
    hash ^= len;
    hash = (hash ^ hash >> 16) * 0x85ebca6bu;
    hash = (hash ^ hash >> 13) * 0xc2b2ae35u;
    return hash ^ hash >> 16;
}

static uint32_t murmur_int(uint32_t v, uint32_t seed) {
    return end32(mix32(seed, v), 4);
}

static uint32_t murmur_long(uint64_t v, uint32_t seed) {
    return end32(mix32(mix32(seed, (uint32_t)v), (uint32_t)(v >> 32)), 8);
}

static uint32_t murmur_bytes(struct str bytes, uint32_t seed) {
    size_t at = 0;
    for (; at + 4 <= bytes.len; at += 4) {
        uint32_t block;
        memcpy(&block, bytes.ptr + at, 4);
        seed = mix32(seed, block);
    }
    for (; at < bytes.len; at++) seed = mix32(seed, (uint32_t)(int32_t)(int8_t)bytes.ptr[at]);
    return end32(seed, (uint32_t)bytes.len);
}

/* ---- xxHash ---- */

#define XX1 0x9E3779B185EBCA87u
#define XX2 0xC2B2AE3D27D4EB4Fu
#define XX3 0x165667B19E3779F9u
#define XX4 0x85EBCA77C2B2AE63u
#define XX5 0x27D4EB2F165667C5u

static uint64_t rotl64(uint64_t v, int bits) {
    return v << bits | v >> (64 - bits);
}

static uint64_t xx_round(uint64_t sum, uint64_t block) {
    return rotl64(sum + block * XX2, 31) * XX1;
}

static uint64_t xx_end(uint64_t hash) {
    hash = (hash ^ hash >> 33) * XX2;
    hash = (hash ^ hash >> 29) * XX3;
    return hash ^ hash >> 32;
}

static uint64_t xx_int(uint32_t v, uint64_t seed) {
    uint64_t hash = (seed + XX5 + 4) ^ v * XX1;
    return xx_end(rotl64(hash, 23) * XX2 + XX3);
}

static uint64_t xx_block(uint64_t hash, uint64_t block) {
    return rotl64(hash ^ xx_round(0, block), 27) * XX1 + XX4;
}

static uint64_t xx_long(uint64_t v, uint64_t seed) {
    return xx_end(xx_block(seed + XX5 + 8, v));
}

static uint64_t load64(const char *ptr) {
    uint64_t v;
    memcpy(&v, ptr, 8);
    return v;
}

static uint64_t xx_bytes(struct str bytes, uint64_t seed) {
    size_t at = 0;
    uint64_t hash = seed + XX5;
    if (bytes.len >= 32) {
        uint64_t lane[4] = {seed + XX1 + XX2, seed + XX2, seed, seed - XX1};
        for (; at + 32 <= bytes.len; at += 32)
            for (int i = 0; i < 4; i++)
                lane[i] = xx_round(lane[i], load64(bytes.ptr + at + 8 * i));
        hash = rotl64(lane[0], 1) + rotl64(lane[1], 7) + rotl64(lane[2], 12) +
               rotl64(lane[3], 18);
        for (int i = 0; i < 4; i++) hash = (hash ^ xx_round(0, lane[i])) * XX1 + XX4;
    }
    hash += bytes.len;
    for (; at + 8 <= bytes.len; at += 8) hash = xx_block(hash, load64(bytes.ptr + at));
    if (at + 4 <= bytes.len) {
        uint32_t block;
        memcpy(&block, bytes.ptr + at, 4);
        hash = rotl64(hash ^ block * XX1, 23) * XX2 + XX3;
        at += 4;
    }
    for (; at < bytes.len; at++)
        hash = rotl64(hash ^ (unsigned char)bytes.ptr[at] * XX5, 11) * XX1;
    return xx_end(hash);
}

/* ---- values ---- */

enum shape { SHAPE_INT, SHAPE_LONG, SHAPE_BYTES };
struct atom {
    enum shape shape;
    uint64_t num;
    struct str bytes;
    char room[16];
};

/* The shortest two's complement, big-endian, as Java's BigInteger gives it. */
static void wide_bytes(batch_i128 v, struct atom *atom) {
    char all[16];
    for (int i = 15; i >= 0; i--, v >>= 8) all[i] = (char)(v & 0xff);
    size_t skip = 0;
    while (skip < 15 && ((all[skip] == 0 && all[skip + 1] >= 0) ||
                         (all[skip] == -1 && all[skip + 1] < 0)))
        skip++;
    memcpy(atom->room, all + skip, 16 - skip);
    atom->bytes = (struct str){atom->room, 16 - skip};
}

static void f64_atom(double v, struct atom *atom) {
    if (v == 0) v = 0;
    memcpy(&atom->num, &v, 8);
    if (v != v) atom->num = 0x7ff8000000000000u;
    atom->shape = SHAPE_LONG;
}

static void f32_atom(float v, struct atom *atom) {
    uint32_t bits;
    if (v == 0) v = 0;
    memcpy(&bits, &v, 4);
    atom->num = v != v ? 0x7fc00000u : bits;
}

static void atom_of(const struct vec *vec, uint32_t at, struct atom *atom) {
    atom->shape = SHAPE_INT;
    switch (vec->type->kind) {
    case TYPE_BOOL: atom->num = vec->b[at]; break;
    case TYPE_I8: atom->num = (uint64_t)vec->i8[at]; break;
    case TYPE_I16: atom->num = (uint64_t)vec->i16[at]; break;
    case TYPE_I32:
    case TYPE_DATE:
    case TYPE_INTERVAL_YM: atom->num = (uint64_t)vec->i32[at]; break;
    case TYPE_F32: f32_atom(vec->f32[at], atom); break;
    case TYPE_F64: f64_atom(vec->f64[at], atom); break;
    case TYPE_DECIMAL:
        atom->shape = vec->type->precision <= 18 ? SHAPE_LONG : SHAPE_BYTES;
        if (atom->shape == SHAPE_LONG) atom->num = (uint64_t)vec->dec[at];
        else wide_bytes(vec->dec[at], atom);
        break;
    case TYPE_STRING:
    case TYPE_BINARY:
    case TYPE_UUID:
        atom->shape = SHAPE_BYTES;
        atom->bytes = vec->str[at];
        break;
    default:
        atom->shape = SHAPE_LONG;
        atom->num = (uint64_t)vec->i64[at];
        break;
    }
}

uint32_t hash_murmur(const struct vec *vec, uint32_t row, uint32_t seed) {
    if (vec->type->kind == TYPE_NULL || vec_null(vec, row)) return seed;
    uint32_t at = vec_at(vec, row);
    struct atom atom;
    if (vec->type->kind == TYPE_STRUCT) {
        for (uint32_t i = 0; i < vec->type->field_cnt; i++)
            seed = hash_murmur(vec->kid[i], at, seed);
        return seed;
    }
    if (vec->type->kind == TYPE_ARRAY) {
        for (uint32_t i = vec->off[at]; i < vec->off[at + 1]; i++)
            seed = hash_murmur(vec->kid[0], i, seed);
        return seed;
    }
    atom_of(vec, at, &atom);
    if (atom.shape == SHAPE_BYTES) return murmur_bytes(atom.bytes, seed);
    return atom.shape == SHAPE_INT ? murmur_int((uint32_t)atom.num, seed) :
                                     murmur_long(atom.num, seed);
}

uint64_t hash_xx(const struct vec *vec, uint32_t row, uint64_t seed) {
    if (vec->type->kind == TYPE_NULL || vec_null(vec, row)) return seed;
    uint32_t at = vec_at(vec, row);
    struct atom atom;
    if (vec->type->kind == TYPE_STRUCT) {
        for (uint32_t i = 0; i < vec->type->field_cnt; i++) seed = hash_xx(vec->kid[i], at, seed);
        return seed;
    }
    if (vec->type->kind == TYPE_ARRAY) {
        for (uint32_t i = vec->off[at]; i < vec->off[at + 1]; i++)
            seed = hash_xx(vec->kid[0], i, seed);
        return seed;
    }
    atom_of(vec, at, &atom);
    if (atom.shape == SHAPE_BYTES) return xx_bytes(atom.bytes, seed);
    return atom.shape == SHAPE_INT ? xx_int((uint32_t)atom.num, seed) : xx_long(atom.num, seed);
}
