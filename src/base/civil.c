/* civil.c - the calendar by arithmetic: eras of 400 years, years that begin in March. */
#include "base/civil.h"

void civil_of_days(int64_t days, int64_t *year, int *month, int *day) {
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t doe = days - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    *day = (int)(doy - (153 * mp + 2) / 5 + 1);
    *month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *year = yoe + era * 400 + (*month <= 2);
}

int64_t civil_days(int64_t year, int month, int day) {
    assert(month >= 1 && month <= 12);
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t yoe = year - era * 400;
    int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

void civil_format(int64_t us, bool zone, struct buf *out) {
    int64_t days = us / CIVIL_DAY_US, in_day = us % CIVIL_DAY_US, year;
    int month, day;
    if (in_day < 0) in_day += CIVIL_DAY_US, days--;
    civil_of_days(days, &year, &month, &day);
    int64_t sec = in_day / 1000000, frac = in_day % 1000000;
    buf_printf(out, "%04" PRId64 "-%02d-%02dT%02d:%02d:%02d", year, month, day, (int)(sec / 3600),
               (int)(sec / 60 % 60), (int)(sec % 60));
    if (frac % 1000) buf_printf(out, ".%06d", (int)frac);
    else buf_printf(out, ".%03d", (int)(frac / 1000));
    if (zone) buf_putc(out, 'Z');
}
