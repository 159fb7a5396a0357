/* compare.h - the order of values: NULL first, NaN greatest, -0 equals 0, text by bytes. */
#ifndef STREAM_OP_COMPARE_H
#define STREAM_OP_COMPARE_H

#include "model/batch.h"

/* Negative, 0 or positive; both of one type, not a MAP. */
int compare_values(const struct vec *a, uint32_t row_a, const struct vec *b, uint32_t row_b);
bool compare_can(const struct type *type); /* has values of this type an order? */

static inline int compare_f64(double a, double b) {
    if (a < b) return -1;
    if (a > b) return 1;
    if (a == b) return 0;
    return (a != a) - (b != b);
}

#endif
