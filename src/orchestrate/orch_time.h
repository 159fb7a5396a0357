/* orch_time.h - moments as ISO 8601 text, as ids, logs and the API write them. */
#ifndef ORCHESTRATE_ORCH_TIME_H
#define ORCHESTRATE_ORCH_TIME_H

#include "base/str.h"

#define ORCH_TIME_MAX 40

/* "2026-01-01T00:00:00+00:00" for zone "+00:00", "...Z" for "Z"; microseconds when there are. */
void orch_time_format(int64_t us, const char *zone, char out[ORCH_TIME_MAX]);
/* The same read back; also without time, seconds or zone (then UTC), "Z" or "+hh:mm".
 * ERR_INVAL names the text. */
int orch_time_parse(struct str text, int64_t *us) MUST_USE;

#endif
