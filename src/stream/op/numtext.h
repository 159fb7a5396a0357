/* numtext.h - numbers read from text as CAST does; whole ones written. */
#ifndef STREAM_OP_NUMTEXT_H
#define STREAM_OP_NUMTEXT_H

#include "base/str.h"

#define NUMTEXT_MAX 24

/* No terminator; the length is returned. */
size_t numtext_i64(int64_t v, char text[NUMTEXT_MAX]);
/* As CAST reads them: white space around is dropped. false: malformed, or (i64) out of range. */
bool numtext_read_i64(struct str text, int64_t *out);
bool numtext_read_f64(struct str text, double *out);
bool numtext_read_f32(struct str text, float *out);
struct str numtext_trim(struct str text); /* what CAST drops: all bytes up to blank, and DEL */

#endif
