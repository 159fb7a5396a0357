/* zone.h - time zones by name, as Java's ZoneId: offsets ("+01:00", "UTC", "GMT-3"), regions
 * ("Europe/Rome") and Spark's short ids ("EST", "PST").
 *
 * A zone is found once and kept for the life of the process; there are only as many as the zone
 * database has names (offsets are not kept). Thread: any. */
#ifndef MODEL_ZONE_H
#define MODEL_ZONE_H

#include "base/str.h"

struct zone {
    int32_t offset_sec; /* fixed, when region is NULL */
    const void *region;
};

/* ERR_NOT_FOUND names the text. */
int zone_find(struct str name, struct zone *out) MUST_USE;
int64_t zone_to_local(const struct zone *zone, int64_t us);   /* UTC to wall clock */
/* Wall clock to UTC: in a gap the clock is moved on by its length, in an overlap the earlier
 * offset counts. */
int64_t zone_from_local(const struct zone *zone, int64_t us);

#endif
