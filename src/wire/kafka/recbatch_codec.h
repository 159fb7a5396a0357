/* recbatch_codec.h - the four codecs of a record batch, with limits on what they may yield.
 *
 * Snappy is written in the framing of the Java client (magic, two versions, blocks of 32 KiB) and
 * read with or without it; LZ4 is the frame format with independent blocks; gzip and zstd are
 * theirs. Thread: any. Errors: as recbatch.h. */
#ifndef WIRE_KAFKA_RECBATCH_CODEC_H
#define WIRE_KAFKA_RECBATCH_CODEC_H

#include "wire/kafka/recbatch.h"

/* Appends the compressed form of `plain` to `out`. ERR_TOO_BIG: out->max was reached. */
int recbatch_codec_pack(enum recbatch_codec codec, struct str plain, struct buf *out) MUST_USE;
/* Appends what `packed` holds to `out`; ERR_TOO_BIG past the limits of recbatch.h or out->max. */
int recbatch_codec_unpack(enum recbatch_codec codec, struct str packed, struct buf *out) MUST_USE;

#endif
