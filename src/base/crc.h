/* crc.h - CRC-32C (Castagnoli), as Kafka's record batches carry it.
 *
 * By the SSE 4.2 instruction where the CPU has it, by table elsewhere. Source: RFC 3720 B.4. */
#ifndef BASE_CRC_H
#define BASE_CRC_H

#include "base/base.h"

uint32_t crc_32c(const void *ptr, size_t len);
/* Goes on from `crc`, the crc_32c() of what came before. */
uint32_t crc_32c_more(uint32_t crc, const void *ptr, size_t len);

#endif
