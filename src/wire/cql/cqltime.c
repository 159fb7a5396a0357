/* cqltime.c - text of CQL's time types. */
#include "wire/cql/cqltime.h"

#include "base/err.h"

#define NANOS_SEC  INT64_C(1000000000)
#define NANOS_HOUR (3600 * NANOS_SEC)
#define YEAR_MAX   999999

/* ---- the calendar: eras of 400 years, years that begin in March ---- */

int64_t cqltime_days(int64_t year, int month, int day) {
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400, of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

void cqltime_civil(int64_t days, int64_t *year, int *month, int *day) {
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097, of_era = days - era * 146097;
    int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * y + y / 4 - y / 100), m = (5 * of_year + 2) / 153;
    *day = (int)(of_year - (153 * m + 2) / 5 + 1);
    *month = (int)(m < 10 ? m + 3 : m - 9);
    *year = y + era * 400 + (*month <= 2);
}

/* ---- reading ---- */

struct cursor {
    const char *at, *end;
    bool bad;
};

static bool have(struct cursor *in, char c) {
    if (in->at == in->end || *in->at != c) return false;
    in->at++;
    return true;
}

/* A run of `least` to `most` digits. */
static int64_t digits(struct cursor *in, int least, int most) {
    int64_t v = 0;
    int cnt = 0;
    while (cnt < most && in->at < in->end && *in->at >= '0' && *in->at <= '9') {
        v = v * 10 + (*in->at++ - '0');
        cnt++;
    }
    if (cnt < least) in->bad = true;
    return v;
}

static void need(struct cursor *in, char c) {
    if (!have(in, c)) in->bad = true;
}

static int64_t read_date(struct cursor *in) {
    bool neg = have(in, '-');
    if (!neg) (void)have(in, '+');
    int64_t year = digits(in, 4, 6);
    need(in, '-');
    int month = (int)digits(in, 1, 2);
    need(in, '-');
    int day = (int)digits(in, 1, 2);
    if (month < 1 || month > 12 || day < 1 || year > YEAR_MAX) in->bad = true;
    if (in->bad) return 0;
    int64_t days = cqltime_days(neg ? -year : year, month, day), back_year;
    int back_month, back_day;
    cqltime_civil(days, &back_year, &back_month, &back_day);
    if (back_month != month) in->bad = true; /* 31 April */
    return days;
}

/* Nanoseconds of "hh:mm[:ss[.fffffffff]]". */
static int64_t read_time(struct cursor *in, bool seconds) {
    int64_t hour = digits(in, 1, 2);
    need(in, ':');
    int64_t minute = digits(in, 1, 2), second = 0, frac = 0;
    if (seconds) need(in, ':');
    if (seconds || have(in, ':')) {
        second = digits(in, 1, 2);
        if (have(in, '.')) {
            const char *from = in->at;
            frac = digits(in, 1, 9);
            for (int64_t i = in->at - from; i < 9; i++)
                frac *= 10;
        }
    }
    if (hour > 23 || minute > 59 || second > 59) in->bad = true;
    return ((hour * 60 + minute) * 60 + second) * NANOS_SEC + frac;
}

/* Seconds east of UTC; none: UTC. */
static int64_t read_zone(struct cursor *in) {
    while (have(in, ' '))
        ;
    if (have(in, 'Z') || have(in, 'z') || in->at == in->end) return 0;
    struct str name = {in->at, (size_t)(in->end - in->at)};
    if (str_eqz(name, "UTC") || str_eqz(name, "GMT")) {
        in->at = in->end;
        return 0;
    }
    bool neg = have(in, '-');
    if (!neg) need(in, '+');
    int64_t hour = digits(in, 2, 2);
    (void)have(in, ':');
    int64_t minute = in->at < in->end ? digits(in, 2, 2) : 0;
    if (hour > 18 || minute > 59) in->bad = true;
    return (neg ? -1 : 1) * (hour * 3600 + minute * 60);
}

static int64_t floor_div(int64_t a, int64_t b) {
    return a / b - (a % b < 0);
}

int cqltime_parse_timestamp(struct str text, int64_t *ms) {
    if (!str_i64(text, ms)) return 0;
    struct cursor in = {text.ptr, text.ptr + text.len, false};
    int64_t days = read_date(&in), nanos = 0, zone = 0;
    if (!in.bad && in.at < in.end && (*in.at == 'T' || *in.at == ' ' || *in.at == 't') &&
        in.end - in.at > 1 && in.at[1] >= '0' && in.at[1] <= '9') {
        in.at++;
        nanos = read_time(&in, false);
    }
    if (!in.bad) zone = read_zone(&in);
    if (in.bad || in.at != in.end)
        return err_fail(ERR_TYPE, "Unable to parse a date/time from '%.*s'", STR_ARG(text));
    *ms = days * 86400000 + nanos / 1000000 - zone * 1000;
    return 0;
}

int cqltime_parse_date(struct str text, int64_t *days) {
    struct cursor in = {text.ptr, text.ptr + text.len, false};
    *days = read_date(&in);
    if (in.bad || in.at != in.end || *days != (int32_t)*days)
        return err_fail(ERR_TYPE, "Unable to coerce '%.*s' to a formatted date (long)",
                        STR_ARG(text));
    return 0;
}

int cqltime_parse_time(struct str text, int64_t *nanos) {
    struct cursor in = {text.ptr, text.ptr + text.len, false};
    *nanos = read_time(&in, true);
    if (in.bad || in.at != in.end)
        return err_fail(ERR_TYPE, "(TimeType) Unable to coerce '%.*s' to a formatted time (long)",
                        STR_ARG(text));
    return 0;
}

/* ---- writing ---- */

void cqltime_format_date(int64_t days, struct buf *out) {
    int64_t year;
    int month, day;
    cqltime_civil(days, &year, &month, &day);
    if (year < 0) buf_putc(out, '-');
    buf_printf(out, "%s%04" PRId64 "-%02d-%02d", year > 9999 ? "+" : "", year < 0 ? -year : year,
               month, day);
}

void cqltime_format_timestamp(int64_t ms, struct buf *out) {
    int64_t days = floor_div(ms, 86400000);
    int of_day = (int)(ms - days * 86400000);
    cqltime_format_date(days, out);
    buf_printf(out, " %02d:%02d:%02d.%03dZ", of_day / 3600000, of_day / 60000 % 60,
               of_day / 1000 % 60, of_day % 1000);
}

void cqltime_format_time(int64_t nanos, struct buf *out) {
    int64_t s = nanos / NANOS_SEC;
    buf_printf(out, "%02d:%02d:%02d.%09d", (int)(s / 3600), (int)(s / 60 % 60), (int)(s % 60),
               (int)(nanos % NANOS_SEC));
}

/* ---- durations ---- */

struct unit {
    const char *name;
    int32_t months, days;
    int64_t nanos;
};
static const struct unit units[] = {
    {"mo", 1, 0, 0},      {"ms", 0, 0, 1000000}, {"us", 0, 0, 1000},
    {"\xC2\xB5s", 0, 0, 1000}, {"ns", 0, 0, 1},  {"y", 12, 0, 0},
    {"w", 0, 7, 0},       {"d", 0, 1, 0},        {"h", 0, 0, NANOS_HOUR},
    {"m", 0, 0, 60 * NANOS_SEC}, {"s", 0, 0, NANOS_SEC},
};
static const struct unit iso_date[] = {
    {"Y", 12, 0, 0}, {"M", 1, 0, 0}, {"W", 0, 7, 0}, {"D", 0, 1, 0}};
static const struct unit iso_time[] = {
    {"H", 0, 0, NANOS_HOUR}, {"M", 0, 0, 60 * NANOS_SEC}, {"S", 0, 0, NANOS_SEC}};

struct total {
    int64_t months, days, nanos;
};

static void add(struct cursor *in, struct total *sum, int64_t n, const struct unit *unit) {
    int64_t nanos;
    if (n > INT32_MAX && !unit->nanos) in->bad = true;
    if (in->bad || __builtin_mul_overflow(n, unit->nanos, &nanos) ||
        __builtin_add_overflow(sum->nanos, nanos, &sum->nanos)) {
        in->bad = true;
        return;
    }
    sum->months += n * unit->months;
    sum->days += n * unit->days;
}

/* Number and unit, over and over, until the end or `stop`. */
static void read_units(struct cursor *in, const struct unit *unit, size_t cnt, char stop,
                       struct total *sum) {
    while (!in->bad && in->at < in->end && *in->at != stop) {
        int64_t n = digits(in, 1, 18);
        size_t i = 0, len = 0;
        for (; i < cnt; i++) {
            len = strlen(unit[i].name);
            if ((size_t)(in->end - in->at) < len) continue;
            if (str_ieq((struct str){in->at, len}, str_of(unit[i].name))) break;
        }
        if (i == cnt) in->bad = true;
        if (in->bad) return;
        in->at += len;
        add(in, sum, n, &unit[i]);
    }
}

/* Behind the P: 0001-02-03T04:05:06, or numbers with designators. */
static void read_iso(struct cursor *in, struct total *sum) {
    if (in->end - in->at == 19 && in->at[4] == '-') {
        int64_t year = digits(in, 4, 4);
        need(in, '-');
        int64_t month = digits(in, 2, 2);
        need(in, '-');
        sum->days = digits(in, 2, 2);
        need(in, 'T');
        sum->months = year * 12 + month;
        sum->nanos = digits(in, 2, 2) * NANOS_HOUR;
        need(in, ':');
        sum->nanos += digits(in, 2, 2) * 60 * NANOS_SEC;
        need(in, ':');
        sum->nanos += digits(in, 2, 2) * NANOS_SEC;
        return;
    }
    read_units(in, iso_date, ARRAY_LEN(iso_date), 'T', sum);
    if (have(in, 'T')) read_units(in, iso_time, ARRAY_LEN(iso_time), 0, sum);
}

int cqltime_parse_span(struct str text, struct cqltime_span *out) {
    struct cursor in = {text.ptr, text.ptr + text.len, text.len == 0};
    struct total sum = {0, 0, 0};
    bool neg = have(&in, '-');
    if (have(&in, 'P')) read_iso(&in, &sum);
    else if (in.at == in.end) in.bad = true;
    else read_units(&in, units, ARRAY_LEN(units), 0, &sum);
    if (in.bad || in.at != in.end || sum.months > INT32_MAX || sum.days > INT32_MAX)
        return err_fail(ERR_TYPE, "Unable to convert '%.*s' to a duration", STR_ARG(text));
    out->months = (int32_t)(neg ? -sum.months : sum.months);
    out->days = (int32_t)(neg ? -sum.days : sum.days);
    out->nanos = neg ? -sum.nanos : sum.nanos;
    return 0;
}

static uint64_t put_unit(struct buf *out, uint64_t left, uint64_t unit, const char *name) {
    if (left / unit) buf_printf(out, "%" PRIu64 "%s", left / unit, name);
    return left % unit;
}

void cqltime_format_span(const struct cqltime_span *span, struct buf *out) {
    bool neg = span->months < 0 || span->days < 0 || span->nanos < 0;
    uint64_t months = neg ? -(uint64_t)span->months : (uint64_t)span->months;
    uint64_t days = neg ? -(uint64_t)span->days : (uint64_t)span->days;
    uint64_t nanos = neg ? -(uint64_t)span->nanos : (uint64_t)span->nanos;
    if (neg) buf_putc(out, '-');
    months = put_unit(out, months, 12, "y");
    (void)put_unit(out, months, 1, "mo");
    (void)put_unit(out, days, 1, "d");
    nanos = put_unit(out, nanos, NANOS_HOUR, "h");
    nanos = put_unit(out, nanos, 60 * NANOS_SEC, "m");
    nanos = put_unit(out, nanos, NANOS_SEC, "s");
    nanos = put_unit(out, nanos, 1000000, "ms");
    nanos = put_unit(out, nanos, 1000, "us");
    (void)put_unit(out, nanos, 1, "ns");
    if (!span->months && !span->days && !span->nanos) buf_putz(out, "0s");
}
