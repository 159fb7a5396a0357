/* murmur.h - the hash that places a partition on Cassandra's ring. */
#ifndef STORE_MURMUR_H
#define STORE_MURMUR_H

#include "base/str.h"

/* The first half of Murmur3 x64-128 with seed 0, where the bytes of the tail are sign-extended as
 * Cassandra does it; never INT64_MIN. */
int64_t murmur_token(struct str key);

#endif
