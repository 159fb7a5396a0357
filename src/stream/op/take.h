/* take.h - a new column from rows of others, whatever their type: gather, merge, concatenate.
 *
 * Memory: the arena given; text is not copied, it points where it did. */
#ifndef STREAM_OP_TAKE_H
#define STREAM_OP_TAKE_H

#include "model/batch.h"

#define TAKE_NULL UINT32_MAX /* as a row number: a NULL */

/* Value i of the result is row[i] of src[which[i]] (of src[0] when `which` is NULL). All sources
 * have type `type`. */
struct vec *take_rows(struct arena *arena, const struct type *type, const struct vec *const *src,
                      const uint8_t *which, const uint32_t *row, uint32_t cnt);

#endif
