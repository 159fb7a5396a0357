/* schedule.h - when a pipeline is due: "every 10s", cron in a time zone, @once, or never by itself.
 *
 * every LENGTH fires at the multiples of its length since 1970 UTC, whatever the zone.
 * Cron: with a restricted hour ("30 2 * * *") each time of the wall is taken once: one that the
 * clock skips fires as long after the change as it stands in the gap (02:30 at 03:30; Airflow drops
 * the second of two such times), one that it shows twice fires the second time. With any hour
 * ("0 * * * *") it fires whenever the wall shows a time that fits: no real hour is left out.
 *
 * Thread: one at a time (tz.h). Source: Airflow's CronTriggerTimetable. */
#ifndef ORCHESTRATE_SCHEDULE_H
#define ORCHESTRATE_SCHEDULE_H

#include "orchestrate/cron.h"
#include "orchestrate/tz.h"

#define SCHEDULE_EVERY_MIN_US 10000
#define SCHEDULE_EVERY_MAX_US (INT64_C(366) * 86400 * 1000000)
#define SCHEDULE_NEVER        INT64_MAX

enum schedule_kind { SCHEDULE_MANUAL, SCHEDULE_ONCE, SCHEDULE_EVERY, SCHEDULE_CRON };
struct schedule {
    enum schedule_kind kind;
    int64_t every_us;
    struct cron cron;
    struct tz *zone;
};

int schedule_parse(struct str text, struct str zone, struct schedule *out) MUST_USE;
void schedule_fini(struct schedule *schedule);
/* The first time after `after_us` at which it fires by the clock; SCHEDULE_NEVER. */
int64_t schedule_next(const struct schedule *schedule, int64_t after_us);
/* The last such time in after_us < t <= now_us; SCHEDULE_NEVER: none. */
int64_t schedule_last(const struct schedule *schedule, int64_t after_us, int64_t now_us);

#endif
