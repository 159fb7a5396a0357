/* gather.h - results that are lists made of items of other columns: which, in what order.
 *
 * Rows are begun in FUNC_EACH's order, items added by the number of their source and their place
 * in it, and all are taken at once at the end. */
#ifndef STREAM_OP_GATHER_H
#define STREAM_OP_GATHER_H

#include "stream/op/func.h"

struct gather {
    struct func_list list;
    struct func_ctx *ctx;
    uint8_t *which;
    uint32_t *row;
    uint32_t cnt, cap;
    uint32_t at; /* the row begun */
};

void gather_begin(struct gather *gather, struct func_ctx *ctx, struct vec *out);
void gather_row(struct gather *gather, uint32_t row);
/* Item `row` of source `which`; TAKE_NULL (take.h) is a NULL. Over the limit the row is marked. */
void gather_add(struct gather *gather, uint8_t which, uint32_t row);
/* All items of list column `vec` in row `row`, as source `which`. */
void gather_all(struct gather *gather, uint8_t which, const struct vec *vec, uint32_t row);
/* src: the sources, of the list's item type; made into out->kid[0]. */
void gather_end(struct gather *gather, const struct vec *const *src);

/* The items of a list column in a row: from .. to - 1 of kid[0]. */
static inline uint32_t gather_from(const struct vec *vec, uint32_t row, uint32_t *to) {
    uint32_t at = vec_at(vec, row);
    *to = vec->off[at + 1];
    return vec->off[at];
}

#endif
