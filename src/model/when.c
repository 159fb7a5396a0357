/* when.c - the calendar and its text. Days to dates is arithmetic on 400-year eras that begin on a
 * 1st of March, so that the leap day comes last. */
#include "model/when.h"

#include "model/zone.h"

struct when_civil when_civil(int64_t days) {
    struct when_civil out;
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t doe = days - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    out.day = (int)(doy - (153 * mp + 2) / 5 + 1);
    out.month = (int)(mp < 10 ? mp + 3 : mp - 9);
    out.year = yoe + era * 400 + (out.month <= 2);
    return out;
}

int64_t when_days(int64_t year, int month, int day) {
    assert(month >= 1 && month <= 12 && day >= 1 && day <= 31);
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t yoe = year - era * 400;
    int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

bool when_leap(int64_t year) {
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int when_month_len(int64_t year, int month) {
    static const int8_t len[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return len[month - 1] + (month == 2 && when_leap(year));
}

int64_t when_floor_day(int64_t us, int64_t *left) {
    int64_t days = us / WHEN_DAY, in_day = us % WHEN_DAY;
    if (in_day < 0) {
        in_day += WHEN_DAY;
        days--;
    }
    if (left) *left = in_day;
    return days;
}

/* ---- reading ---- */

/* Without the bytes at both ends that are not above a space. */
static struct str trim(struct str text) {
    while (text.len && ((unsigned char)text.ptr[0] <= ' ' || text.ptr[0] == 0x7f))
        text.ptr++, text.len--;
    while (text.len && ((unsigned char)text.ptr[text.len - 1] <= ' ' ||
                        text.ptr[text.len - 1] == 0x7f))
        text.len--;
    return text;
}

/* Takes `min` to `max` digits; false when there are others. */
static bool digits(struct str *in, int min, int max, int64_t *out) {
    int cnt = 0;
    *out = 0;
    while (in->len && (unsigned char)(in->ptr[0] - '0') < 10) {
        if (++cnt > max) return false;
        *out = *out * 10 + (in->ptr[0] - '0');
        in->ptr++, in->len--;
    }
    return cnt >= min;
}

static bool take(struct str *in, char c) {
    if (!in->len || in->ptr[0] != c) return false;
    in->ptr++, in->len--;
    return true;
}

/* The date part; *in is what stands after it. *parts: 1 year .. 3 day. */
static bool read_day(struct str *in, int year_max, int64_t *days, int *parts) {
    int64_t year, month = 1, day = 1;
    bool neg = take(in, '-');
    if (!neg) take(in, '+');
    if (!digits(in, 4, year_max, &year)) return false;
    if (neg) year = -year;
    *parts = 1;
    if (take(in, '-')) {
        if (!digits(in, 1, 2, &month)) return false;
        *parts = 2;
        if (take(in, '-')) {
            if (!digits(in, 1, 2, &day)) return false;
            *parts = 3;
        }
    }
    if (month < 1 || month > 12 || day < 1 || day > when_month_len(year, (int)month)) return false;
    *days = when_days(year, (int)month, (int)day);
    return true;
}

bool when_read_date(struct str text, int32_t *days) {
    int64_t wide;
    int parts;
    text = trim(text);
    if (!read_day(&text, 7, &wide, &parts)) return false;
    if (text.len && (parts < 3 || (text.ptr[0] != ' ' && text.ptr[0] != 'T'))) return false;
    if (wide < INT32_MIN || wide > INT32_MAX) return false;
    *days = (int32_t)wide;
    return true;
}

/* h[h][:m[m][:s[s]]] or hhmm[ss], after the sign. */
static bool read_hms(struct str text, int32_t *sec) {
    int64_t hour, minute = 0, second = 0;
    struct str left = text;
    if (text.len > 2 && !memchr(text.ptr, ':', text.len)) {
        if (text.len != 4 && text.len != 6) return false;
        struct str part = {text.ptr, 2};
        if (!digits(&part, 2, 2, &hour)) return false;
        part = (struct str){text.ptr + 2, 2};
        if (!digits(&part, 2, 2, &minute)) return false;
        part = (struct str){text.ptr + 4, text.len - 4};
        if (part.len && !digits(&part, 2, 2, &second)) return false;
        left.len = 0;
    } else {
        if (!digits(&left, 1, 2, &hour)) return false;
        if (take(&left, ':')) {
            if (!digits(&left, 1, 2, &minute)) return false;
            if (take(&left, ':') && !digits(&left, 2, 2, &second)) return false;
        }
    }
    if (left.len || minute > 59 || second > 59) return false;
    *sec = (int32_t)(hour * 3600 + minute * 60 + second);
    return *sec <= 18 * 3600;
}

bool when_read_offset(struct str text, int32_t *sec) {
    static const char *const name[] = {"UTC", "GMT", "UT"};
    *sec = 0;
    if (str_eqz(text, "Z")) return true;
    for (size_t i = 0; i < ARRAY_LEN(name); i++) {
        if (!str_starts(text, str_of(name[i]))) continue;
        text.ptr += strlen(name[i]), text.len -= strlen(name[i]);
        if (!text.len) return true;
        break;
    }
    if (!text.len || (text.ptr[0] != '+' && text.ptr[0] != '-')) return false;
    bool neg = text.ptr[0] == '-';
    text.ptr++, text.len--;
    if (!read_hms(text, sec)) return false;
    if (neg) *sec = -*sec;
    return true;
}

/* h:m[:s[.f]] into microseconds of the day; *in is the zone. */
static bool read_time(struct str *in, int64_t *us) {
    int64_t hour, minute, second = 0, frac = 0;
    if (!digits(in, 1, 2, &hour) || !take(in, ':') || !digits(in, 1, 2, &minute)) return false;
    if (take(in, ':')) {
        if (!digits(in, 1, 2, &second)) return false;
        if (take(in, '.')) {
            int64_t unit = 100000;
            for (; in->len && (unsigned char)(in->ptr[0] - '0') < 10; unit /= 10) {
                frac += unit * (in->ptr[0] - '0');
                in->ptr++, in->len--;
            }
        }
    } else if (in->len) {
        return false; /* a zone stands after the seconds only */
    }
    if (hour > 23 || minute > 59 || second > 59) return false;
    *us = ((hour * 60 + minute) * 60 + second) * WHEN_SEC + frac;
    return true;
}

bool when_read_timestamp(struct str text, int64_t *us, bool *zoned) {
    int64_t days, in_day = 0;
    int parts;
    if (zoned) *zoned = false;
    text = trim(text);
    if (!read_day(&text, 6, &days, &parts)) return false;
    if (text.len) {
        if (parts < 3 || !(take(&text, ' ') || take(&text, 'T'))) return false;
        if (!read_time(&text, &in_day)) return false;
    }
    if (days > INT64_MAX / WHEN_DAY || days < INT64_MIN / WHEN_DAY) return false;
    if (__builtin_add_overflow(days * WHEN_DAY, in_day, us)) return false;
    text = trim(text);
    if (!text.len) return true;
    if (zoned) *zoned = true;
    int32_t sec;
    if (when_read_offset(text, &sec))
        return !__builtin_sub_overflow(*us, sec * WHEN_SEC, us);
    struct zone zone;
    if (zone_find(text, &zone)) return false;
    *us = zone_from_local(&zone, *us);
    return true;
}

/* ---- writing ---- */

static char *put2(char *to, int v) {
    to[0] = (char)('0' + v / 10);
    to[1] = (char)('0' + v % 10);
    return to + 2;
}

void when_put_date(int64_t days, struct buf *out) {
    struct when_civil civil = when_civil(days);
    if (civil.year < 0 || civil.year > 9999) {
        buf_printf(out, "%s%04" PRId64 "-%02d-%02d", civil.year < 0 ? "-" : "+",
                   civil.year < 0 ? -civil.year : civil.year, civil.month, civil.day);
        return;
    }
    char text[10];
    char *to = put2(put2(text, (int)civil.year / 100), (int)civil.year % 100);
    *to++ = '-';
    to = put2(to, civil.month);
    *to++ = '-';
    put2(to, civil.day);
    buf_put(out, text, sizeof text);
}

void when_put_timestamp(int64_t us, struct buf *out) {
    int64_t in_day;
    when_put_date(when_floor_day(us, &in_day), out);
    int sec = (int)(in_day / WHEN_SEC), frac = (int)(in_day % WHEN_SEC);
    char text[16];
    char *to = text;
    *to++ = ' ';
    to = put2(to, sec / 3600);
    *to++ = ':';
    to = put2(to, sec / 60 % 60);
    *to++ = ':';
    to = put2(to, sec % 60);
    if (frac) {
        *to++ = '.';
        to = put2(put2(put2(to, frac / 10000), frac / 100 % 100), frac % 100);
        while (to[-1] == '0') to--;
    }
    buf_put(out, text, (size_t)(to - text));
}
