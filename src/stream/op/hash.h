/* hash.h - Spark's hash(), which is Murmur3, and xxhash64(), over values of any type but MAP. */
#ifndef STREAM_OP_HASH_H
#define STREAM_OP_HASH_H

#include "model/batch.h"

#define HASH_SEED 42

/* Folds a value into `seed`; NULL leaves it as it is. */
uint32_t hash_murmur(const struct vec *vec, uint32_t row, uint32_t seed);
uint64_t hash_xx(const struct vec *vec, uint32_t row, uint64_t seed);

#endif
