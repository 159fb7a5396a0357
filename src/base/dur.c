/* dur.c - reading and writing lengths of time. */
#include "base/dur.h"

#include "base/err.h"

#include <stdio.h>

static const struct {
    const char *name;
    int64_t us;
} units[] = {{"w", 604800000000}, {"d", 86400000000}, {"h", 3600000000}, {"m", 60000000},
             {"s", 1000000},      {"ms", 1000},       {"us", 1}};

static int fail(struct str text) {
    return err_fail(ERR_SYNTAX, "'%.*s' is not a length of time; write for instance 10s, 5m, 1h30m "
                    "or 500ms", STR_ARG(text));
}

/* One "number unit" at the start of `left`. */
static int take_part(struct str *left, int64_t *us) {
    int64_t num = 0;
    size_t at = 0;
    for (; at < left->len && left->ptr[at] >= '0' && left->ptr[at] <= '9'; at++)
        if (__builtin_mul_overflow(num, 10, &num) ||
            __builtin_add_overflow(num, left->ptr[at] - '0', &num))
            return ERR_RANGE;
    size_t end = at;
    while (end < left->len && left->ptr[end] >= 'a' && left->ptr[end] <= 'z') end++;
    struct str unit = {left->ptr + at, end - at};
    if (!at) return ERR_SYNTAX;
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (!str_eqz(unit, units[i].name)) continue;
        left->ptr += end, left->len -= end;
        return __builtin_mul_overflow(num, units[i].us, us) ? ERR_RANGE : 0;
    }
    return ERR_SYNTAX;
}

int dur_parse(struct str text, int64_t *us) {
    struct str left = text;
    int64_t sum = 0, part;
    if (str_eqz(text, "0")) return *us = 0, 0;
    if (!text.len) return fail(text);
    while (left.len) {
        int err = take_part(&left, &part);
        if (err == ERR_RANGE || (!err && __builtin_add_overflow(sum, part, &sum)))
            return err_fail(ERR_RANGE, "'%.*s' is too long a time", STR_ARG(text));
        if (err) return fail(text);
    }
    *us = sum;
    return 0;
}

void dur_format(int64_t us, char out[DUR_TEXT_MAX]) {
    int at = 0, parts = 0;
    for (size_t i = 0; i < ARRAY_LEN(units) && parts < 2; i++) {
        if (units[i].us > us || us <= 0) {
            if (parts) break;
            continue;
        }
        at += snprintf(out + at, DUR_TEXT_MAX - (size_t)at, "%" PRId64 "%s", us / units[i].us,
                       units[i].name);
        us %= units[i].us;
        parts++;
    }
    if (!parts) snprintf(out, DUR_TEXT_MAX, "0s");
}
