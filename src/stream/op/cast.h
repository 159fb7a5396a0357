/* cast.h - CAST and TRY_CAST by Spark 4's ANSI rules. */
#ifndef STREAM_OP_CAST_H
#define STREAM_OP_CAST_H

#include "stream/op/func.h"

extern const struct func cast_hard; /* what does not fit is a mistake of its row */
extern const struct func cast_soft; /* what does not fit is NULL */

bool cast_allowed(const struct type *from, const struct type *to);
/* A value as CAST(v AS STRING) writes it: "1.0E10", "{a, b}", "[1, null]". */
void cast_text(const struct vec *vec, uint32_t row, struct buf *out);

#endif
