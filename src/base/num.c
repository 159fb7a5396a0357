/* num.c - shortest digits, and where Java puts the point.
 *
 * Digits: a value that is an integer below 2^53 after a multiplication by 10^k (k small) and comes
 * back by the division has just those digits: one multiplication, one division. Everything else is
 * printed with 1 .. 17 significant digits until it reads back as the same number. */
#include "base/num.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Decimal digits d1 d2 ... dn, the value being 0.d1d2... x 10^point. */
struct digits {
    char digit[24];
    int cnt, point;
};

static void from_int(uint64_t v, int scale, struct digits *out) {
    char text[24];
    int len = snprintf(text, sizeof text, "%" PRIu64, v);
    out->point = len - scale;
    while (len > 1 && text[len - 1] == '0') len--;
    memcpy(out->digit, text, (size_t)len);
    out->cnt = len;
}

static bool easy(double v, struct digits *out) {
    static const double power[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8};
    for (int k = 0; k < (int)ARRAY_LEN(power); k++) {
        double scaled = v * power[k];
        if (scaled >= 1e15) return false;
        uint64_t whole = (uint64_t)scaled;
        if ((double)whole != scaled || (double)whole / power[k] != v) continue;
        from_int(whole, k, out);
        return true;
    }
    return false;
}

/* From the text of "%.*e". */
static void from_text(const char *text, struct digits *out) {
    out->cnt = 0;
    const char *p = text;
    for (; *p && *p != 'e'; p++)
        if (*p != '.') out->digit[out->cnt++] = *p;
    out->point = (int)strtol(p + 1, NULL, 10) + 1;
    while (out->cnt > 1 && out->digit[out->cnt - 1] == '0') out->cnt--;
}

static void hard(double v, bool single, struct digits *out) {
    char text[40];
    for (int digits = single ? 2 : 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*e", digits - 1, v);
        double back = single ? (double)strtof(text, NULL) : strtod(text, NULL);
        if (back == v) break;
    }
    from_text(text, out);
}

/* Smallest subnormals have fewer digits than 15 and Java shows at least two. */
static void tiny(double v, struct digits *out) {
    char text[40];
    for (int digits = 2; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*e", digits - 1, v);
        if (strtod(text, NULL) == v) break;
    }
    from_text(text, out);
}

static size_t layout(const struct digits *in, char *to) {
    char *from = to;
    int point = in->point, exp = 0;
    if (point > 7 || point < -2) {
        exp = point - 1;
        point = 1;
    }
    if (point <= 0) {
        *to++ = '0';
        *to++ = '.';
        for (int i = point; i < 0; i++) *to++ = '0';
        for (int i = 0; i < in->cnt; i++) *to++ = in->digit[i];
    } else {
        for (int i = 0; i < point; i++) *to++ = i < in->cnt ? in->digit[i] : '0';
        *to++ = '.';
        for (int i = point; i < in->cnt; i++) *to++ = in->digit[i];
        if (in->cnt <= point) *to++ = '0';
    }
    if (exp) to += snprintf(to, 8, "E%d", exp);
    return (size_t)(to - from);
}

static size_t put(double v, bool single, char *to) {
    struct digits digits;
    const char *word = isnan(v) ? "NaN" : isinf(v) ? (v < 0 ? "-Infinity" : "Infinity") : NULL;
    if (word) {
        memcpy(to, word, strlen(word));
        return strlen(word);
    }
    size_t sign = signbit(v) ? 1 : 0;
    if (sign) {
        *to = '-';
        v = -v;
    }
    if (v == 0) from_int(0, 0, &digits);
    else if (!single && v < 1e-300) tiny(v, &digits);
    else if (single || !easy(v, &digits)) hard(v, single, &digits);
    return sign + layout(&digits, to + sign);
}

size_t num_f64(double v, char to[NUM_TEXT_MAX]) {
    return put(v, false, to);
}

size_t num_f32(float v, char to[NUM_TEXT_MAX]) {
    return put((double)v, true, to);
}
