/* cron.h - five cron fields, and the next minute of a wall clock that they allow.
 *
 *   field  minute 0-59   hour 0-23   day 1-31, L   month 1-12, JAN-DEC   weekday 0-7, SUN-SAT
 *
 * A field is a list of *, ?, values, ranges (which may wrap: FRI-MON) and steps (star/5, 10-40/10,
 * 5/15: from 5 on); a weekday may be the n-th of its month (FRI#2), L is the month's last day.
 * When neither day is * or ?, one of the two is enough (so day-of-month star/2 with weekday MON is
 * every other day, and every Monday). Instead of fields: @hourly @daily @midnight @weekly @monthly
 * @quarterly @yearly @annually.
 *
 * Knows nothing of zones: minutes are counted since 1970 on the wall (schedule.h puts zones on).
 * Source: the meaning is croniter's, as Airflow uses it, but for its slip of one in ranges that
 * wrap and step: 22-8/4 is 22, 2, 6 here. */
#ifndef ORCHESTRATE_CRON_H
#define ORCHESTRATE_CRON_H

#include "base/str.h"

#define CRON_TEXT_MAX 256
#define CRON_NEVER    INT64_MAX
#define CRON_EXAMPLE  "'30 6 * * MON-FRI' is 06:30 on weekdays, '*/5 * * * *' every five minutes"

struct cron {
    uint64_t minute;          /* a bit per value, as the next four */
    uint32_t hour, day, month;
    uint8_t weekday;          /* 0 is Sunday */
    uint8_t nth[7];           /* of a weekday: bit n: the n-th of the month */
    bool last_day;            /* L */
    bool any_hour;            /* the hour is not restricted */
    bool any_day, any_weekday; /* * or ? */
};

/* ERR_SYNTAX: the note names field, place and an example. Times that never come (Feb 30) are
 * refused, too. */
int cron_parse(struct str text, struct cron *out) MUST_USE;
/* The first minute at or after `from_min` that fits; CRON_NEVER: none before the year 9999. */
int64_t cron_next(const struct cron *cron, int64_t from_min);

#endif
