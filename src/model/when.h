/* when.h - dates and timestamps: days and microseconds since 1970, the proleptic Gregorian
 * calendar, and their text as Spark's CAST reads and writes it.
 *
 *   date       [+-]yyyy[-m[m][-d[d]]], then nothing, or ' ' or 'T' and anything
 *   timestamp  the same, then ' ' or 'T' and h[h]:m[m][:s[s][.f...]] and a zone: Z, +h[h][:mm],
 *              UTC, GMT+1, a region as Europe/Rome; white space around is ignored
 *
 * Years of text have 4 to 6 (dates 7) digits. Digits of a second after the sixth are cut. */
#ifndef MODEL_WHEN_H
#define MODEL_WHEN_H

#include "base/buf.h"

#define WHEN_SEC 1000000LL
#define WHEN_DAY (86400 * WHEN_SEC)

struct when_civil {
    int64_t year;
    int month, day; /* from 1 */
};

struct when_civil when_civil(int64_t days);
int64_t when_days(int64_t year, int month, int day); /* of a date that exists */
int when_month_len(int64_t year, int month);
bool when_leap(int64_t year);
/* Whole days of microseconds, rounding down; *left (NULL allowed) is the time of day. */
int64_t when_floor_day(int64_t us, int64_t *left);

bool when_read_date(struct str text, int32_t *days);
/* A text without a zone is UTC; *zoned (NULL allowed) tells whether there was one. */
bool when_read_timestamp(struct str text, int64_t *us, bool *zoned);
/* Offset of a zone's text from UTC in seconds: "Z", "+01:00", "UTC", "GMT+2", ... A region has
 * none of its own: false, zone.h knows it. */
bool when_read_offset(struct str text, int32_t *sec);

/* "2024-02-29", "2024-02-29 12:00:00.5", as CAST(.. AS STRING); "+12345-01-01", "-0044-03-15". */
void when_put_date(int64_t days, struct buf *out);
void when_put_timestamp(int64_t us, struct buf *out);

#endif
