/* cqltime.h - dates, times and durations of CQL as text and back. UTC, proleptic Gregorian. */
#ifndef WIRE_CQL_CQLTIME_H
#define WIRE_CQL_CQLTIME_H

#include "base/buf.h"

int64_t cqltime_days(int64_t year, int month, int day);                     /* since 1970-01-01 */
void cqltime_civil(int64_t days, int64_t *year, int *month, int *day);
/* 2024-01-31, with " 10:00", ":05", ".123" and a zone Z, +01, +0100, +01:00: milliseconds. */
int cqltime_parse_timestamp(struct str text, int64_t *ms) MUST_USE;
int cqltime_parse_date(struct str text, int64_t *days) MUST_USE;    /* 2024-01-31 */
int cqltime_parse_time(struct str text, int64_t *nanos) MUST_USE;   /* 10:00:00.123456789 */
void cqltime_format_timestamp(int64_t ms, struct buf *out); /* 2024-01-31 10:00:00.000Z */
void cqltime_format_date(int64_t days, struct buf *out);
void cqltime_format_time(int64_t nanos, struct buf *out); /* 10:00:00.000000000 */

struct cqltime_span {
    int32_t months, days;
    int64_t nanos;
};
/* 1y2mo3w4d5h6m7s8ms9us10ns, P1Y2M3DT4H5M6S, P2W, P0001-02-03T04:05:06; '-' before any. */
int cqltime_parse_span(struct str text, struct cqltime_span *out) MUST_USE;
void cqltime_format_span(const struct cqltime_span *span, struct buf *out);

#endif
