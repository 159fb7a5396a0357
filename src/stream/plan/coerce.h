/* coerce.h - which type values meet in: Spark 4's ANSI rules. */
#ifndef STREAM_PLAN_COERCE_H
#define STREAM_PLAN_COERCE_H

#include "model/type.h"

/* The least type both convert to without loss of meaning, strings giving way to what they meet;
 * NULL: there is none. */
const struct type *coerce_common(struct arena *arena, const struct type *a, const struct type *b);
/* May a value of `from` stand where `to` is wanted, without being asked for? */
bool coerce_implicit(const struct type *from, const struct type *to);
/* DECIMAL that holds every value of an integer type. */
const struct type *coerce_decimal(struct arena *arena, const struct type *type);
/* DECIMAL(precision, scale) made to fit 38 digits as Spark does: at least 6 of scale are kept. */
const struct type *coerce_bounded(struct arena *arena, int precision, int scale);

#endif
