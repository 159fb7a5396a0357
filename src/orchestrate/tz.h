/* tz.h - time zones: how far the wall clock is from UTC, and until when.
 *
 * NULL is UTC. Names are the tz database's ("Europe/Zurich"), the data is ICU's.
 * Thread: one at a time. Times are seconds since 1970. */
#ifndef ORCHESTRATE_TZ_H
#define ORCHESTRATE_TZ_H

#include "base/str.h"

#define TZ_NAME_MAX 64

struct tz;
/* "" and "UTC" give NULL. ERR_SYNTAX with the nearest name. */
int tz_open(struct tz **out, struct str name) MUST_USE;
void tz_close(struct tz *tz); /* NULL is allowed */
/* Wall clock minus UTC at the instant utc_s; *end is the first later instant at which that may be
 * different (INT64_MAX: never). end may be NULL. */
int64_t tz_offset(struct tz *tz, int64_t utc_s, int64_t *end);
/* The instant at which the wall shows wall_s. Shown twice: the second; skipped by the clock: as
 * long after the change as it would have been before (02:30 becomes 03:30). */
int64_t tz_instant(struct tz *tz, int64_t wall_s);

#endif
