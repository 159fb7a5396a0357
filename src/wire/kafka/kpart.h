/* kpart.h - which partition a key belongs to, as Kafka's own producers choose it.
 * Source: the default partitioner's murmur2 (seed 0x9747b28c) of the key's bytes. */
#ifndef WIRE_KAFKA_KPART_H
#define WIRE_KAFKA_KPART_H

#include "base/str.h"

int32_t kpart_of(struct str key, int32_t part_cnt); /* ptr NULL: 0 */

#endif
