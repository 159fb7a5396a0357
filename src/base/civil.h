/* civil.h - days since 1970-01-01 to year, month, day and back, in the proleptic Gregorian
 * calendar; and moments as ISO 8601 text in UTC. Any int32 year. */
#ifndef BASE_CIVIL_H
#define BASE_CIVIL_H

#include "base/buf.h"

#define CIVIL_DAY_US INT64_C(86400000000)

void civil_of_days(int64_t days, int64_t *year, int *month, int *day);
int64_t civil_days(int64_t year, int month, int day); /* month 1..12; day may be out of range */
/* "2026-01-31T06:07:08.009Z"; six digits when there are microseconds; without zone: no "Z". */
void civil_format(int64_t us, bool zone, struct buf *out);

#endif
