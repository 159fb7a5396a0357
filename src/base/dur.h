/* dur.h - lengths of time as people write them: "10s", "1m30s", "500ms", "2h", "7d".
 *
 * Units: us ms s m h d w. A number without a unit is refused, except 0. */
#ifndef BASE_DUR_H
#define BASE_DUR_H

#include "base/str.h"

#define DUR_TEXT_MAX 32

int dur_parse(struct str text, int64_t *us) MUST_USE; /* ERR_SYNTAX, ERR_RANGE; never below 0 */
void dur_format(int64_t us, char out[DUR_TEXT_MAX]); /* "1m30s": the largest two units */

#endif
