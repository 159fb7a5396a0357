/* moment.c - months, intervals, times of today. */
#include "stream/op/moment.h"

int64_t moment_floor(int64_t v, int64_t unit) {
    return v / unit - (v % unit < 0);
}

int64_t moment_add_months(int64_t days, int64_t months) {
    struct when_civil date = when_civil(days);
    int64_t total = date.year * 12 + date.month - 1 + months;
    int64_t year = moment_floor(total, 12);
    int month = (int)(total - year * 12) + 1;
    return when_days(year, month, MIN(date.day, when_month_len(year, month)));
}

/* "hh:mm:ss[.f]" without zeros at the end. */
static void put_clock(int64_t us, struct buf *out) {
    int64_t sec = us / WHEN_SEC, fraction = us % WHEN_SEC;
    buf_printf(out, "%02d:%02d:%02d", (int)(sec / 3600), (int)(sec / 60 % 60), (int)(sec % 60));
    if (!fraction) return;
    int digits = 6;
    for (; fraction % 10 == 0; digits--) fraction /= 10;
    buf_printf(out, ".%0*d", digits, (int)fraction);
}

void moment_put_dt(int64_t us, struct buf *out) {
    uint64_t left = us < 0 ? -(uint64_t)us : (uint64_t)us;
    buf_printf(out, "INTERVAL '%s%" PRIu64 " ", us < 0 ? "-" : "", left / (uint64_t)WHEN_DAY);
    put_clock((int64_t)(left % (uint64_t)WHEN_DAY), out);
    buf_putz(out, "' DAY TO SECOND");
}

void moment_put_ym(int32_t months, struct buf *out) {
    int64_t left = months < 0 ? -(int64_t)months : months;
    buf_printf(out, "INTERVAL '%s%" PRId64 "-%d' YEAR TO MONTH", months < 0 ? "-" : "", left / 12,
               (int)(left % 12));
}

/* "12:30", "T12:30:00Z": a clock and no date before it. */
static bool only_time(struct str text) {
    if (text.len && text.ptr[0] == 'T') return true;
    const char *colon = text.len ? memchr(text.ptr, ':', text.len) : NULL;
    return colon && colon - text.ptr <= 2;
}

bool moment_read(struct str text, int64_t now_us, int64_t *us) {
    text = str_trim(text);
    if (!only_time(text)) return when_read_timestamp(text, us, NULL);
    if (!now_us) return false; /* while planning there is no today */
    struct buf whole;
    buf_init(&whole, 256);
    when_put_date(when_floor_day(now_us, NULL), &whole);
    if (text.ptr[0] != 'T') buf_putc(&whole, 'T');
    buf_puts(&whole, text);
    bool good = !whole.full && when_read_timestamp(buf_str(&whole), us, NULL);
    buf_fini(&whole);
    return good;
}

bool moment_read_wall(struct str text, int64_t *us) {
    bool zoned;
    if (!when_read_timestamp(text, us, &zoned)) return false;
    if (!zoned) return true;
    text = str_trim(text);
    size_t len = 0;
    while (len < text.len && text.ptr[len] != 'T' && text.ptr[len] != ' ') len++;
    for (len += len < text.len; len < text.len; len++)
        if (!(text.ptr[len] >= '0' && text.ptr[len] <= '9') && !strchr(":.", text.ptr[len])) break;
    return when_read_timestamp((struct str){text.ptr, len}, us, NULL);
}
