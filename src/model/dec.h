/* dec.h - DECIMAL: an unscaled 128-bit integer and the scale of its type. */
#ifndef MODEL_DEC_H
#define MODEL_DEC_H

#include "base/buf.h"
#include "model/batch.h"

#define DEC_DIGITS_MAX 38

batch_i128 dec_power(int digits); /* 10^digits, 0..38 */
bool dec_fits(batch_i128 v, int precision); /* |v| < 10^precision */
/* From one scale to another, rounding half away from zero; false: does not fit `precision`. */
bool dec_rescale(batch_i128 v, int from, int to, int precision, batch_i128 *out);
/* "[+-]digits[.digits][e[+-]digits]" to an unscaled value, rounded as above. */
bool dec_read(struct str text, int precision, int scale, batch_i128 *out);
void dec_put(batch_i128 v, int scale, struct buf *out);

#endif
