/* decimal.h - DECIMAL arithmetic beyond model/dec.h: products, quotients, doubles.
 *
 * A value is `unscaled` / 10^scale with |unscaled| < 10^precision, precision at most 38. Products
 * and quotients are computed in 256 bits and rounded once. false: it does not fit. */
#ifndef STREAM_OP_DECIMAL_H
#define STREAM_OP_DECIMAL_H

#include "model/dec.h"

/* a * b / 10^drop, of at most `precision` digits. */
bool decimal_mul(batch_i128 a, batch_i128 b, int drop, int precision, batch_i128 *out);
/* a * 10^lift / b, b not 0, lift 0..76. */
bool decimal_div(batch_i128 a, batch_i128 b, int lift, int precision, batch_i128 *out);
/* Text like "-12.50", "1e3", ".5": *scale digits after the point (0 for 1e3). false: malformed, or
 * more than 38 digits; those after the 38th fraction digit are rounded off. */
bool decimal_parse(struct str text, batch_i128 *out, int *scale);
double decimal_f64(batch_i128 v, int scale);
/* The double's shortest text as a decimal of that scale, as Spark converts. */
bool decimal_of_f64(double v, int precision, int scale, batch_i128 *out);

#endif
