/* num.h - floating-point numbers as the text Java, and so Spark, writes.
 *
 * Shortest digits that read back as the same number; "1.0", "0.001", "1.0E7", "1.2E-4", "NaN",
 * "Infinity", "-Infinity"; 1e-3 <= |v| < 1e7 without an exponent. */
#ifndef BASE_NUM_H
#define BASE_NUM_H

#include "base/base.h"

#define NUM_TEXT_MAX 32

size_t num_f64(double v, char to[NUM_TEXT_MAX]); /* returns the length; no 0 at the end */
size_t num_f32(float v, char to[NUM_TEXT_MAX]);

#endif
