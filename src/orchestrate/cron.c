/* cron.c - reading cron fields, and walking months, days and minutes that they allow.
 *
 * The walk looks at months, then days, then takes bits: at most 4,800 months are looked at, since
 * the calendar repeats after 400 years. Nothing here depends on how often a schedule fires. */
#include "orchestrate/cron.h"

#include "base/err.h"
#include "model/when.h"

#include <stdio.h>

#define MONTHS_MAX 4801 /* 400 years, and the month it starts in */
#define YEAR_MAX   9999
#define DAY_MIN    1440 /* minutes */

enum field { MINUTE, HOUR, DAY, MONTH, WEEKDAY, FIELD_CNT };
static const struct {
    const char *name, *range;
    int low, high; /* high as written: 7 is a Sunday, too */
} fields[FIELD_CNT] = {
    {"minute", "0-59", 0, 59},          {"hour", "0-23", 0, 23},
    {"day of the month", "1-31 or L", 1, 31}, {"month", "1-12 or JAN-DEC", 1, 12},
    {"day of the week", "0-7 or SUN-SAT", 0, 7},
};
static const char month_names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
static const char weekday_names[] = "sunmontuewedthufrisat";

static const struct {
    const char *name, *fields;
} presets[] = {
    {"@hourly", "0 * * * *"},    {"@daily", "0 0 * * *"},       {"@midnight", "0 0 * * *"},
    {"@weekly", "0 0 * * 0"},    {"@monthly", "0 0 1 * *"},     {"@quarterly", "0 0 1 */3 *"},
    {"@yearly", "0 0 1 1 *"},    {"@annually", "0 0 1 1 *"},
};

/* ---- reading ---- */

struct reader {
    struct str text; /* the whole, for messages */
    struct str left; /* of the present field */
    enum field field;
    struct cron *out;
};

static int fail(const struct reader *in, struct str part, const char *what) {
    return err_fail(ERR_SYNTAX, "schedule '%.*s', column %zu: %s '%.*s' %s; an example: "
                    CRON_EXAMPLE, STR_ARG(in->text), (size_t)(part.ptr - in->text.ptr) + 1,
                    fields[in->field].name, STR_ARG(part), what);
}

static int fail_range(const struct reader *in, struct str part) {
    char what[64];
    snprintf(what, sizeof what, "is not %s", fields[in->field].range);
    return fail(in, part, what);
}

/* The digits at the start of `*left` as a number; -1: none, or beyond any field. */
static int take_number(struct str *left) {
    int num = -1;
    while (left->len && left->ptr[0] >= '0' && left->ptr[0] <= '9') {
        num = (num < 0 ? 0 : num) * 10 + (left->ptr[0] - '0');
        if (num > 999) return -1;
        left->ptr++, left->len--;
    }
    return num;
}

static int take_name(struct str *left, const char *names, int low) {
    for (int i = 0; names && names[i] && left->len >= 3; i += 3) {
        struct str name = {names + i, 3}, head = {left->ptr, 3};
        if (!str_ieq(name, head)) continue;
        left->ptr += 3, left->len -= 3;
        return low + i / 3;
    }
    return -1;
}

/* A number or a name; -1: neither, or out of the field's range. */
static int take_value(struct reader *in, struct str *left) {
    const char *names = in->field == MONTH ? month_names : NULL;
    if (in->field == WEEKDAY) names = weekday_names;
    int low = fields[in->field].low;
    int value = take_name(left, names, low);
    if (value < 0) value = take_number(left);
    return value < low || value > fields[in->field].high ? -1 : value;
}

static void allow(struct cron *out, enum field field, int value) {
    switch (field) {
    case MINUTE: out->minute |= UINT64_C(1) << value; break;
    case HOUR: out->hour |= 1u << value; break;
    case DAY: out->day |= 1u << value; break;
    case MONTH: out->month |= 1u << value; break;
    default: out->weekday |= (uint8_t)(1u << value % 7); break;
    }
}

/* low to high by step; a range that ends before it begins goes on past the field's end. */
static void allow_range(struct reader *in, int low, int high, int step) {
    int first = fields[in->field].low;
    int size = (in->field == WEEKDAY ? 6 : fields[in->field].high) - first + 1;
    if (high < low) high += size;
    for (int value = low; value <= high; value += step)
        allow(in->out, in->field, value > fields[in->field].high ? value - size : value);
}

static int read_nth(struct reader *in, struct str item, struct str *left, int weekday) {
    left->ptr++, left->len--;
    int nth = take_number(left);
    if (in->field != WEEKDAY) return fail(in, item, "has a #, which is for days of the week");
    if (nth < 1 || nth > 5 || left->len)
        return fail(in, item, "needs a number from 1 to 5 after #, as in FRI#2");
    in->out->nth[weekday % 7] |= (uint8_t)(1u << nth);
    return 0;
}

static int read_step(struct reader *in, struct str item, struct str *left, int *step) {
    left->ptr++, left->len--;
    *step = take_number(left);
    if (*step < 1 || left->len) return fail(in, item, "needs a number from 1 after its /");
    return 0;
}

/* One part of a field's list: value, range or star, with a step or an n-th behind. */
static int read_item(struct reader *in, struct str item) {
    struct str left = item;
    int low, high, step = 1;
    bool star = left.len && (left.ptr[0] == '*' || left.ptr[0] == '?'), open = star;
    if (!item.len) return fail(in, item, "is empty between its commas");
    if (in->field == DAY && (str_eqz(item, "L") || str_eqz(item, "l")))
        return in->out->last_day = true, 0;
    if (star) {
        left.ptr++, left.len--;
        low = fields[in->field].low;
        high = in->field == WEEKDAY ? 6 : fields[in->field].high;
    } else {
        low = high = take_value(in, &left);
        if (low < 0) return fail_range(in, item);
        if (left.len && left.ptr[0] == '#') return read_nth(in, item, &left, low);
        if (left.len && left.ptr[0] == '-') {
            left.ptr++, left.len--;
            high = take_value(in, &left);
            if (high < 0) return fail_range(in, item);
        } else if (left.len && left.ptr[0] == '/') {
            open = true;
            high = in->field == WEEKDAY ? 6 : fields[in->field].high;
        }
    }
    if (left.len && left.ptr[0] == '/') {
        int err = read_step(in, item, &left, &step);
        if (err) return err;
    }
    if (left.len) return fail_range(in, item);
    if (open && high < low) high = low; /* 7/2: a Sunday, and nothing after it */
    allow_range(in, low, high, step);
    return 0;
}

static int read_field(struct reader *in, struct str text) {
    struct str left = text;
    while (left.ptr) {
        struct str item = str_cut(left, ',', &left);
        int err = read_item(in, item);
        if (err) return err;
    }
    return 0;
}

/* The next run of bytes without white space; len 0 at the end. */
static struct str take_word(struct str *left) {
    *left = str_trim(*left);
    size_t len = 0;
    while (len < left->len && left->ptr[len] != ' ' && left->ptr[len] != '\t') len++;
    struct str word = {left->ptr, len};
    left->ptr += len, left->len -= len;
    return word;
}

static int check_presets(struct str text, struct str *out) {
    struct str names[ARRAY_LEN(presets)], near;
    *out = text;
    if (!text.len || text.ptr[0] != '@') return 0;
    for (size_t i = 0; i < ARRAY_LEN(presets); i++) {
        names[i] = str_of(presets[i].name);
        if (str_eq(text, names[i])) return *out = str_of(presets[i].fields), 0;
    }
    if (str_near(text, names, ARRAY_LEN(presets), &near, 1))
        return err_fail(ERR_SYNTAX, "schedule '%.*s' is unknown, did you mean '%.*s'?",
                        STR_ARG(text), STR_ARG(near));
    return err_fail(ERR_SYNTAX, "schedule '%.*s' is unknown; there are @once @hourly @daily "
                    "@weekly @monthly @quarterly @yearly", STR_ARG(text));
}

int cron_parse(struct str text, struct cron *out) {
    text = str_trim(text);
    struct reader in = {text, text, MINUTE, out};
    *out = (struct cron){0};
    if (text.len > CRON_TEXT_MAX)
        return err_fail(ERR_SYNTAX, "a schedule of %zu bytes; the limit is %d", text.len,
                        CRON_TEXT_MAX);
    int err = check_presets(text, &in.text);
    in.left = in.text;
    for (int i = 0; i < FIELD_CNT && !err; i++) {
        struct str word = take_word(&in.left);
        in.field = (enum field)i;
        if (!word.len)
            return err_fail(ERR_SYNTAX, "schedule '%.*s' has %d of the five fields minute, hour, "
                            "day, month, weekday; an example: " CRON_EXAMPLE, STR_ARG(text), i);
        err = read_field(&in, word);
        bool star = str_eqz(word, "*") || str_eqz(word, "?");
        if (i == DAY) out->any_day = star;
        if (i == WEEKDAY) out->any_weekday = star;
    }
    if (err) return err;
    struct str more = take_word(&in.left);
    if (more.len)
        return err_fail(ERR_SYNTAX, "schedule '%.*s', column %zu: '%.*s' is a sixth field; there "
                        "are five: minute, hour, day, month, weekday", STR_ARG(text),
                        (size_t)(more.ptr - in.text.ptr) + 1, STR_ARG(more));
    out->any_hour = out->hour == (1u << 24) - 1;
    if (cron_next(out, 0) == CRON_NEVER)
        return err_fail(ERR_SYNTAX, "schedule '%.*s' never fires: no such month has such a day",
                        STR_ARG(text));
    return 0;
}

/* ---- walking ---- */

static bool day_fits(const struct cron *cron, int day, int len, int64_t days) {
    int weekday = (int)(((days + 4) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
    bool by_day = cron->day >> day & 1 || (cron->last_day && day == len);
    bool by_weekday = cron->weekday >> weekday & 1 ||
                      cron->nth[weekday] >> ((day - 1) / 7 + 1) & 1;
    if (cron->any_day) return by_weekday;
    if (cron->any_weekday) return by_day;
    return by_day || by_weekday;
}

/* The first minute of the day that fits, at or after `from`; -1: none. */
static int minute_of_day(const struct cron *cron, int from) {
    for (int hour = from / 60; hour < 24; hour++) {
        uint64_t minutes = cron->minute;
        if (hour == from / 60) minutes &= UINT64_MAX << from % 60;
        if (cron->hour >> hour & 1 && minutes) return hour * 60 + __builtin_ctzll(minutes);
    }
    return -1;
}

int64_t cron_next(const struct cron *cron, int64_t from_min) {
    int64_t days = from_min / DAY_MIN - (from_min % DAY_MIN < 0);
    int from = (int)(from_min - days * DAY_MIN);
    struct when_civil at = when_civil(days);
    for (int i = 0; i < MONTHS_MAX && at.year <= YEAR_MAX; i++) {
        int len = when_month_len(at.year, at.month);
        bool month = cron->month >> at.month & 1;
        for (; month && at.day <= len; at.day++, days++, from = 0) {
            int minute = day_fits(cron, at.day, len, days) ? minute_of_day(cron, from) : -1;
            if (minute >= 0) return days * DAY_MIN + minute;
        }
        days += len - at.day + 1;
        from = 0;
        at.day = 1;
        at.year += at.month == 12;
        at.month = at.month % 12 + 1;
    }
    return CRON_NEVER;
}
