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

/* `cnt` digits of v, and what stands behind them. */
static char *put_digits(char *to, int v, int cnt, char after) {
    for (int i = cnt; i-- > 0; v /= 10) to[i] = (char)('0' + v % 10);
    to[cnt] = after;
    return to + cnt + (after != 0);
}

void civil_format(int64_t us, bool zone, struct buf *out) {
    int64_t days = us / CIVIL_DAY_US, in_day = us % CIVIL_DAY_US, year;
    int month, day;
    char text[48], *at = text;
    if (in_day < 0) in_day += CIVIL_DAY_US, days--;
    civil_of_days(days, &year, &month, &day);
    int sec = (int)(in_day / 1000000), frac = (int)(in_day % 1000000);
    if (year >= 0 && year <= 9999) at = put_digits(at, (int)year, 4, '-');
    else buf_printf(out, "%04" PRId64 "-", year);
    at = put_digits(at, month, 2, '-');
    at = put_digits(at, day, 2, 'T');
    at = put_digits(at, sec / 3600, 2, ':');
    at = put_digits(at, sec / 60 % 60, 2, ':');
    at = put_digits(at, sec % 60, 2, '.');
    char end = zone ? 'Z' : 0;
    at = frac % 1000 ? put_digits(at, frac, 6, end) : put_digits(at, frac / 1000, 3, end);
    buf_put(out, text, (size_t)(at - text));
}
