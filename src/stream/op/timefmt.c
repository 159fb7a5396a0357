/* timefmt.c - a pattern becomes items, a letter and its count each; writing and reading walk them.
 *
 * Reading follows java.time: a number whose letter stands once takes up to 19 digits, one that
 * stands n times exactly n (yyyy 4 or more), and numbers that touch share the digits as the later
 * ones need them; names are compared with case ignored; an optional part that does not fit is
 * passed over; and all of the text must be taken. */
#include "stream/op/timefmt.h"

#include <stdio.h>

#include "base/err.h"
#include "model/when.h"
#include "model/zone.h"
#include "stream/op/moment.h"

enum { TEXT = 1, OPEN = 2, CLOSE = 3 }; /* beside the pattern letters */

struct item {
    char letter;
    uint8_t cnt;
    struct str text;
};
struct timefmt {
    struct item item[TIMEFMT_ITEM_MAX];
    uint32_t cnt;
};

static const char *const month_name[] = {"January", "February", "March",     "April",
                                         "May",     "June",     "July",      "August",
                                         "September", "October", "November", "December"};
static const char *const day_name[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                       "Friday", "Saturday", "Sunday"};

/* ---- compiling ---- */

/* The most of a letter that has a meaning. */
static int letter_max(char letter) {
    switch (letter) {
    case 'y': return 6;
    case 'M':
    case 'L':
    case 'E':
    case 'Q':
    case 'q':
    case 'G':
    case 'z': return 4;
    case 'D': return 3;
    case 'd':
    case 'H':
    case 'k':
    case 'K':
    case 'h':
    case 'm':
    case 's':
    case 'V': return 2;
    case 'S': return 9;
    case 'O': return 4;
    case 'X':
    case 'x':
    case 'Z': return 5;
    case 'a':
    case 'F': return 1;
    default: return 0;
    }
}

static bool letter_good(char letter, size_t cnt) {
    if (letter == 'V' || letter == 'O') return letter == 'V' ? cnt == 2 : cnt == 1 || cnt == 4;
    return cnt >= 1 && cnt <= (size_t)letter_max(letter);
}

static int wrong(struct str pattern, const char *why, char letter) {
    return err_fail(ERR_SYNTAX, "the datetime pattern '%.*s' is not understood: %s%.1s",
                    (int)MIN(pattern.len, (size_t)100), pattern.ptr, why, letter ? &letter : "");
}

static int add(struct timefmt *fmt, struct item item) {
    if (fmt->cnt == TIMEFMT_ITEM_MAX)
        return err_fail(ERR_TOO_BIG, "a datetime pattern of more than %d parts", TIMEFMT_ITEM_MAX);
    fmt->item[fmt->cnt++] = item;
    return 0;
}

/* 'text' at *at. */
static int take_quoted(struct timefmt *fmt, struct str pattern, struct arena *arena, size_t *at) {
    char *to = arena_bytes(arena, pattern.len);
    size_t len = 0, pos = *at + 1;
    for (;; pos++) {
        if (pos >= pattern.len) return wrong(pattern, "a quote is not closed", 0);
        if (pattern.ptr[pos] == '\'') {
            bool two = pos + 1 < pattern.len && pattern.ptr[pos + 1] == '\'';
            if (!two) break;
            pos++;
        }
        to[len++] = pattern.ptr[pos];
    }
    if (pos == *at + 1) to[len++] = '\'';
    *at = pos + 1;
    return add(fmt, (struct item){TEXT, 0, {to, len}});
}

static int take_letters(struct timefmt *fmt, struct str pattern, bool reading, size_t *at) {
    char c = pattern.ptr[*at];
    size_t cnt = 1;
    while (*at + cnt < pattern.len && pattern.ptr[*at + cnt] == c) cnt++;
    if (reading && strchr("EFQq", c)) return wrong(pattern, "text is not read by ", c);
    if (!letter_good(c, cnt)) return wrong(pattern, letter_max(c) ? "too few or many of " :
                                                                    "it knows no ", c);
    *at += cnt;
    return add(fmt, (struct item){c, (uint8_t)cnt, STR_NULL});
}

/* What is not a letter. */
static int take_item(struct timefmt *fmt, struct str pattern, struct arena *arena, size_t *at,
                     int *open) {
    char c = pattern.ptr[*at];
    if (c == '\'') return take_quoted(fmt, pattern, arena, at);
    if (c == '[' || c == ']') {
        *open += c == '[' ? 1 : -1;
        *at += 1;
        if (*open < 0) return wrong(pattern, "a ] without [", 0);
        return add(fmt, (struct item){c == '[' ? OPEN : CLOSE, 0, STR_NULL});
    }
    if (c == '{' || c == '}' || c == '#') return wrong(pattern, "reserved: ", c);
    char *copy = arena_bytes(arena, 1);
    *copy = c;
    *at += 1;
    return add(fmt, (struct item){TEXT, 0, {copy, 1}});
}

int timefmt_compile(struct str pattern, bool reading, struct arena *arena,
                    const struct timefmt **out) {
    struct timefmt *fmt = arena_new(arena, struct timefmt);
    int err = 0, open = 0;
    for (size_t at = 0; at < pattern.len && !err;) {
        bool letter = (unsigned char)((pattern.ptr[at] | 0x20) - 'a') < 26;
        err = letter ? take_letters(fmt, pattern, reading, &at) :
                       take_item(fmt, pattern, arena, &at, &open);
    }
    while (!err && open-- > 0) err = add(fmt, (struct item){CLOSE, 0, STR_NULL});
    *out = fmt;
    return err;
}

/* ---- writing ---- */

struct parts {
    struct when_civil date;
    int64_t days;
    int hour, minute, second, us, quarter, weekday, yearday; /* weekday from 0, a Monday */
};

static struct parts split(int64_t us) {
    struct parts parts;
    int64_t in_day;
    parts.days = when_floor_day(us, &in_day);
    parts.date = when_civil(parts.days);
    int64_t sec = in_day / WHEN_SEC;
    parts.hour = (int)(sec / 3600);
    parts.minute = (int)(sec / 60 % 60);
    parts.second = (int)(sec % 60);
    parts.us = (int)(in_day % WHEN_SEC);
    parts.quarter = (parts.date.month + 2) / 3;
    parts.weekday = (int)(parts.days + 3 - moment_floor(parts.days + 3, 7) * 7);
    parts.yearday = (int)(parts.days - when_days(parts.date.year, 1, 1)) + 1;
    return parts;
}

static void put_name(const char *name, int cnt, struct buf *out) {
    buf_put(out, name, cnt == 4 ? strlen(name) : 3);
}

static void put_year(int64_t year, int cnt, struct buf *out) {
    int64_t of_era = year > 0 ? year : 1 - year;
    if (cnt == 2) buf_printf(out, "%02d", (int)(of_era % 100));
    else if (cnt == 1 || cnt == 3) buf_printf(out, "%0*" PRId64, cnt, of_era);
    else {
        int64_t limit = 1;
        for (int i = 0; i < cnt; i++) limit *= 10;
        buf_printf(out, "%s%0*" PRId64, of_era >= limit ? "+" : "", cnt, of_era);
    }
}

static void put_quarter(int quarter, int cnt, struct buf *out) {
    static const char *const ordinal[] = {"1st", "2nd", "3rd", "4th"};
    if (cnt <= 2) buf_printf(out, "%0*d", cnt, quarter);
    else if (cnt == 3) buf_printf(out, "Q%d", quarter);
    else buf_printf(out, "%s quarter", ordinal[quarter - 1]);
}

static void put_fraction(int us, int cnt, struct buf *out) {
    char text[16];
    snprintf(text, sizeof text, "%06d000", us);
    buf_put(out, text, (size_t)cnt);
}

/* Zones and offsets of UTC. */
static void put_zone(char letter, int cnt, struct buf *out) {
    static const char *const offset[] = {"+00", "+0000", "+00:00", "+0000", "+00:00"};
    switch (letter) {
    case 'V': buf_putz(out, "UTC"); break;
    case 'z': buf_putz(out, cnt == 4 ? "Coordinated Universal Time" : "UTC"); break;
    case 'O': buf_putz(out, "GMT"); break;
    case 'X': buf_putc(out, 'Z'); break;
    case 'x': buf_putz(out, offset[cnt - 1]); break;
    default: buf_putz(out, cnt <= 3 ? "+0000" : cnt == 4 ? "GMT" : "Z"); break;
    }
}

static void put_item(const struct item *item, const struct parts *parts, struct buf *out) {
    int cnt = item->cnt, num;
    switch (item->letter) {
    case TEXT: buf_puts(out, item->text); return;
    case OPEN:
    case CLOSE: return;
    case 'y': put_year(parts->date.year, cnt, out); return;
    case 'M':
    case 'L':
        if (cnt > 2) {
            put_name(month_name[parts->date.month - 1], cnt, out);
            return;
        }
        num = parts->date.month;
        break;
    case 'E': put_name(day_name[parts->weekday], cnt, out); return;
    case 'Q':
    case 'q': put_quarter(parts->quarter, cnt, out); return;
    case 'S': put_fraction(parts->us, cnt, out); return;
    case 'a': buf_putz(out, parts->hour < 12 ? "AM" : "PM"); return;
    case 'G':
        if (cnt == 4) buf_putz(out, parts->date.year > 0 ? "Anno Domini" : "Before Christ");
        else buf_putz(out, parts->date.year > 0 ? "AD" : "BC");
        return;
    case 'd': num = parts->date.day; break;
    case 'D': num = parts->yearday; break;
    case 'F': num = (parts->date.day - 1) % 7 + 1; break;
    case 'H': num = parts->hour; break;
    case 'k': num = parts->hour ? parts->hour : 24; break;
    case 'K': num = parts->hour % 12; break;
    case 'h': num = parts->hour % 12 ? parts->hour % 12 : 12; break;
    case 'm': num = parts->minute; break;
    case 's': num = parts->second; break;
    default: put_zone(item->letter, cnt, out); return;
    }
    buf_printf(out, "%0*d", cnt, num);
}

void timefmt_write(const struct timefmt *fmt, int64_t us, struct buf *out) {
    struct parts parts = split(us);
    for (uint32_t i = 0; i < fmt->cnt; i++) put_item(&fmt->item[i], &parts, out);
}

/* ---- reading ---- */

/* What has been read; -1: not there. */
struct got {
    int64_t year;
    int month, day, yearday, hour, hour12, half, minute, second, us;
    int era, offset;
    bool has_year, has_offset;
    struct str zone;
};

struct reader {
    struct str text;
    size_t pos;
    struct got got;
};

/* Exactly `least` to `most` digits. */
static bool take_digits(struct reader *in, int least, int most, int64_t *out) {
    int cnt = 0;
    *out = 0;
    while (cnt < most && in->pos < in->text.len &&
           (unsigned char)(in->text.ptr[in->pos] - '0') < 10) {
        if (*out > INT64_MAX / 100) return false;
        *out = *out * 10 + (in->text.ptr[in->pos++] - '0');
        cnt++;
    }
    return cnt >= least;
}

static bool take_word(struct reader *in, const char *word, size_t len) {
    if (in->text.len - in->pos < len) return false;
    if (!str_ieq((struct str){in->text.ptr + in->pos, len}, (struct str){word, len})) return false;
    in->pos += len;
    return true;
}

/* One of the names, whole or its first three letters; its number from 0, or -1. */
static int take_name(struct reader *in, const char *const *name, int names, bool whole) {
    for (int i = 0; i < names; i++)
        if (take_word(in, name[i], whole ? strlen(name[i]) : 3)) return i;
    return -1;
}

static bool is_number(const struct item *item) {
    if (item->letter == 'M' || item->letter == 'L') return item->cnt <= 2;
    return item->letter > CLOSE && strchr("ydDHkKhmsS", item->letter) != NULL;
}

/* Digits that the numbers right after item `at` need at least: those of a fixed count. */
static int reserved(const struct timefmt *fmt, uint32_t at) {
    int sum = 0;
    for (uint32_t i = at + 1; i < fmt->cnt && is_number(&fmt->item[i]); i++) {
        if (fmt->item[i].cnt < 2) break;
        sum += fmt->item[i].cnt;
    }
    return sum;
}

static bool take_number(struct reader *in, const struct timefmt *fmt, uint32_t at, int64_t *out) {
    const struct item *item = &fmt->item[at];
    int cnt = item->cnt, least = cnt, most = cnt;
    if (item->letter == 'S') {
        int64_t start = (int64_t)in->pos;
        if (!take_digits(in, 1, cnt, out)) return false;
        for (int64_t digits = (int64_t)in->pos - start; digits < 6; digits++) *out *= 10;
        for (int64_t digits = (int64_t)in->pos - start; digits > 6; digits--) *out /= 10;
        return true;
    }
    bool year = item->letter == 'y';
    if (cnt == 1 || (year && cnt == 3)) {
        size_t run = in->pos;
        while (run < in->text.len && (unsigned char)(in->text.ptr[run] - '0') < 10) run++;
        most = MIN(MAX((int)MIN(run - in->pos, (size_t)100) - reserved(fmt, at), cnt), 19);
    } else if (year && cnt > 3 && in->pos < in->text.len && in->text.ptr[in->pos] == '+') {
        in->pos++;
        least = cnt + 1;
        most = 15;
    }
    return take_digits(in, least, most, out);
}

/* The form of an offset that a letter and its count ask for. */
static bool offset_form(const struct item *item, struct str text) {
    int cnt = item->letter != 'Z' ? item->cnt : item->cnt <= 3 ? 2 : item->cnt;
    if (item->letter == 'Z' && cnt == 4) return true; /* GMT+01:00 */
    if (str_eqz(text, "Z")) return item->letter != 'x' && (item->letter == 'X' || cnt == 5);
    bool colon = memchr(text.ptr, ':', text.len) != NULL;
    if (colon != (cnt == 3 || cnt == 5)) return false;
    switch (cnt) {
    case 1: return text.len == 3 || text.len == 5;
    case 2: return text.len == 5;
    case 3: return text.len == 6;
    case 4: return text.len == 5 || text.len == 7;
    default: return text.len == 6 || text.len == 9;
    }
}

static bool take_zone(struct reader *in, const struct item *item) {
    size_t end = in->pos;
    bool offset = item->letter == 'X' || item->letter == 'x' || item->letter == 'Z';
    while (end < in->text.len) {
        char c = in->text.ptr[end];
        bool part = (unsigned char)(c - '0') < 10 || c == ':' || c == '+' || c == '-';
        bool letter = (unsigned char)((c | 0x20) - 'a') < 26 || c == '/' || c == '_';
        if (!part && !(letter && (!offset || c == 'Z' || item->cnt == 4))) break;
        end++;
    }
    struct str text = {in->text.ptr + in->pos, end - in->pos};
    if (!text.len || (offset && !offset_form(item, text))) return false;
    in->pos = end;
    int32_t sec;
    in->got.has_offset = when_read_offset(text, &sec);
    if (in->got.has_offset) in->got.offset = sec;
    else if (offset) return false;
    else in->got.zone = text;
    return true;
}

static bool put_number(struct got *got, char letter, int cnt, int64_t num) {
    if (num > INT32_MAX) return false;
    switch (letter) {
    case 'y':
        got->has_year = true;
        got->year = cnt == 2 ? 2000 + num : num;
        return true;
    case 'M':
    case 'L': got->month = (int)num; return true;
    case 'd': got->day = (int)num; return true;
    case 'D': got->yearday = (int)num; return true;
    case 'H': got->hour = (int)num; return num <= 23;
    case 'k':
        got->hour = (int)(num % 24);
        return num >= 1 && num <= 24;
    case 'K': got->hour12 = (int)num; return num <= 11;
    case 'h':
        got->hour12 = (int)(num % 12);
        return num >= 1 && num <= 12;
    case 'm': got->minute = (int)num; return num <= 59;
    case 's': got->second = (int)num; return num <= 59;
    case 'S': got->us = (int)num; return true;
    default: return true;
    }
}

static bool read_named(struct reader *in, const struct item *item) {
    static const char *const half[] = {"AM", "PM"};
    int found;
    switch (item->letter) {
    case TEXT: return take_word(in, item->text.ptr, item->text.len);
    case 'M':
    case 'L':
        found = take_name(in, month_name, 12, item->cnt == 4);
        in->got.month = found + 1;
        return found >= 0;
    case 'a':
        for (in->got.half = 0; in->got.half < 2; in->got.half++)
            if (take_word(in, half[in->got.half], 2)) return true;
        return false;
    case 'G':
        if (item->cnt == 4) return take_word(in, "Anno Domini", 11);
        in->got.era = take_word(in, "BC", 2) ? 0 : 1;
        return in->got.era == 0 || take_word(in, "AD", 2);
    default: return take_zone(in, item);
    }
}

static bool read_item(struct reader *in, const struct timefmt *fmt, uint32_t at) {
    const struct item *item = &fmt->item[at];
    int64_t num;
    if (!is_number(item)) return read_named(in, item);
    return take_number(in, fmt, at, &num) && put_number(&in->got, item->letter, item->cnt, num);
}

/* Items from *at up to the end, or to the ] that closes this part; optional parts within are tried
 * and given up as a whole. Recursion: once a [. */
static bool read_items(struct reader *in, const struct timefmt *fmt, uint32_t *at) {
    bool good = true;
    for (; *at < fmt->cnt && fmt->item[*at].letter != CLOSE; (*at)++) {
        if (fmt->item[*at].letter == OPEN) {
            struct reader before = *in;
            (*at)++;
            if (!read_items(in, fmt, at) || !good) *in = before;
        } else if (good) {
            good = read_item(in, fmt, *at);
        }
    }
    return good;
}

static bool resolve_date(const struct got *got, int64_t *days) {
    int64_t year = got->has_year ? got->year : 1970;
    if (got->era == 0) year = 1 - year;
    int month = got->month >= 0 ? got->month : 1;
    int day = got->day >= 0 ? got->day : 1;
    if (year > 999999) return false;
    if (got->yearday >= 0 && got->month < 0 && got->day < 0) {
        if (got->yearday < 1 || got->yearday > 365 + when_leap(year)) return false;
        *days = when_days(year, 1, 1) + got->yearday - 1;
        return true;
    }
    if (month < 1 || month > 12 || day < 1 || day > when_month_len(year, month)) return false;
    *days = when_days(year, month, day);
    return true;
}

static bool resolve(const struct got *got, int64_t *us) {
    int64_t days;
    int hour = got->hour >= 0 ? got->hour : 0;
    if (!resolve_date(got, &days)) return false;
    if (got->hour12 >= 0) hour = got->hour12 + (got->half > 0 ? 12 : 0);
    int64_t sec = ((int64_t)hour * 60 + MAX(got->minute, 0)) * 60 + MAX(got->second, 0);
    if (__builtin_mul_overflow(days, WHEN_DAY, us) ||
        __builtin_add_overflow(*us, sec * WHEN_SEC + MAX(got->us, 0), us))
        return false;
    if (got->has_offset) return !__builtin_sub_overflow(*us, got->offset * WHEN_SEC, us);
    struct zone zone;
    if (!got->zone.len) return true;
    if (zone_find(got->zone, &zone)) return false;
    *us = zone_from_local(&zone, *us);
    return true;
}

bool timefmt_read(const struct timefmt *fmt, struct str text, int64_t *us) {
    struct reader in = {text, 0,
                        {0, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, false, false, STR_NULL}};
    uint32_t at = 0;
    if (!read_items(&in, fmt, &at) || in.pos != text.len) return false;
    return resolve(&in.got, us);
}
