/* schedule.c - the three ways of being due. */
#include "orchestrate/schedule.h"

#include "base/dur.h"
#include "base/err.h"

#define US_S   INT64_C(1000000)
#define TIME_S INT64_C(253402300800) /* the year 10000 */
#define NEAR_S INT64_C(90000) /* 25 hours: there was a zone that skipped a day */

static int64_t floor_div(int64_t a, int64_t b) {
    return a / b - (a % b < 0);
}

static int parse_every(struct str text, struct schedule *out) {
    int err = dur_parse(str_trim(text), &out->every_us);
    if (err) return err_add(err, "schedule 'every %.*s'", STR_ARG(text));
    out->kind = SCHEDULE_EVERY;
    if (out->every_us < SCHEDULE_EVERY_MIN_US || out->every_us > SCHEDULE_EVERY_MAX_US)
        return err_fail(ERR_SYNTAX, "schedule 'every %.*s': between 10ms and 366d, for instance "
                        "every 10s", STR_ARG(text));
    return 0;
}

int schedule_parse(struct str text, struct str zone, struct schedule *out) {
    struct str every = STR("every ");
    *out = (struct schedule){.kind = SCHEDULE_MANUAL};
    text = str_trim(text);
    int err = 0;
    if (str_eqz(text, "@once")) {
        out->kind = SCHEDULE_ONCE;
    } else if (str_starts(text, every)) {
        err = parse_every((struct str){text.ptr + every.len, text.len - every.len}, out);
    } else if (text.len && !str_eqz(text, "none")) {
        out->kind = SCHEDULE_CRON;
        err = cron_parse(text, &out->cron);
    }
    return err ? err : tz_open(&out->zone, str_trim(zone));
}

void schedule_fini(struct schedule *schedule) {
    tz_close(schedule->zone);
    *schedule = (struct schedule){0};
}

/* Any hour: stretches of time between two changes of the zone, one after the other. */
static int64_t next_in_stretches(const struct schedule *schedule, int64_t from_s) {
    while (from_s < TIME_S) {
        int64_t end, offset = tz_offset(schedule->zone, from_s, &end);
        int64_t minute = cron_next(&schedule->cron, floor_div(from_s + offset + 59, 60));
        if (minute == CRON_NEVER) break;
        if (minute * 60 - offset < end) return minute * 60 - offset;
        from_s = end;
    }
    return SCHEDULE_NEVER;
}

/* Restricted hours: the wall's times one after the other, each taken to its instant. Instants rise
 * as the times do, but where the clock skips: times in the gap fall among those behind it. So near
 * a change the walk begins early, and ends at the first time outside the gap that is late
 * enough. */
static int64_t next_on_wall(const struct schedule *schedule, int64_t after_s) {
    struct tz *zone = schedule->zone;
    int64_t first = SCHEDULE_NEVER, early = tz_offset(zone, after_s - NEAR_S, NULL);
    bool near = early != tz_offset(zone, after_s + NEAR_S, NULL);
    int64_t wall = after_s + tz_offset(zone, after_s, NULL) - (near ? NEAR_S : 0);
    int64_t minute = floor_div(wall, 60);
    for (;;) {
        minute = cron_next(&schedule->cron, minute + 1);
        if (minute == CRON_NEVER) return first;
        int64_t instant = tz_instant(zone, minute * 60);
        if (instant <= after_s) continue;
        first = MIN(first, instant);
        if (instant + tz_offset(zone, instant, NULL) == minute * 60) return first;
    }
}

int64_t schedule_next(const struct schedule *schedule, int64_t after_us) {
    int64_t after_s = floor_div(after_us, US_S), next;
    if (after_s >= TIME_S || after_s < -TIME_S) return SCHEDULE_NEVER;
    switch (schedule->kind) {
    case SCHEDULE_EVERY:
        return (floor_div(after_us, schedule->every_us) + 1) * schedule->every_us;
    case SCHEDULE_CRON:
        next = schedule->cron.any_hour ? next_in_stretches(schedule, after_s + 1)
                                       : next_on_wall(schedule, after_s);
        return next == SCHEDULE_NEVER ? next : next * US_S;
    default:
        return SCHEDULE_NEVER;
    }
}

int64_t schedule_last(const struct schedule *schedule, int64_t after_us, int64_t now_us) {
    int64_t last = schedule_next(schedule, after_us), end = now_us;
    if (last > now_us) return SCHEDULE_NEVER;
    if (schedule->kind == SCHEDULE_EVERY)
        return floor_div(now_us, schedule->every_us) * schedule->every_us;
    while (last < end) { /* last fires; the sought is in last..end */
        int64_t half = last + (end - last) / 2, next = schedule_next(schedule, half);
        if (next <= end) last = next;
        else end = half;
    }
    return last;
}
