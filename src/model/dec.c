/* dec.c - reading, rescaling and writing unscaled decimals.
 *
 * Rounding half away from zero looks at the first digit cut off and no further, so digits beyond
 * the 38 that are kept may be forgotten without changing the result. */
#include "model/dec.h"

batch_i128 dec_power(int digits) {
    assert(digits >= 0 && digits <= DEC_DIGITS_MAX);
    static const int64_t small[] = {1,
                                    10,
                                    100,
                                    1000,
                                    10000,
                                    100000,
                                    1000000,
                                    10000000,
                                    100000000,
                                    1000000000,
                                    10000000000,
                                    100000000000,
                                    1000000000000,
                                    10000000000000,
                                    100000000000000,
                                    1000000000000000,
                                    10000000000000000,
                                    100000000000000000,
                                    1000000000000000000};
    if (digits < (int)ARRAY_LEN(small)) return small[digits];
    batch_i128 high = (batch_i128)small[18] * small[MIN(digits - 18, 18)];
    return digits > 36 ? high * small[digits - 36] : high;
}

bool dec_fits(batch_i128 v, int precision) {
    batch_i128 limit = dec_power(precision);
    return v > -limit && v < limit;
}

bool dec_rescale(batch_i128 v, int from, int to, int precision, batch_i128 *out) {
    int shift = to - from;
    if (shift < 0) {
        if (shift < -DEC_DIGITS_MAX) {
            v = 0;
        } else {
            batch_i128 power = dec_power(-shift), left = v % power;
            v /= power;
            if (left < 0 && -left >= power + left) v--;
            if (left > 0 && left >= power - left) v++;
        }
    } else if (v != 0) {
        if (shift > DEC_DIGITS_MAX || __builtin_mul_overflow(v, dec_power(shift), &v)) return false;
    }
    if (!dec_fits(v, precision)) return false;
    *out = v;
    return true;
}

/* The digits into *v (at most 38 of them), *scale as if all were there. */
static struct str read_digits(struct str in, batch_i128 *v, int64_t *scale, bool *any) {
    int kept = 0;
    bool point = false;
    *v = 0, *scale = 0, *any = false;
    for (; in.len; in.ptr++, in.len--) {
        char c = in.ptr[0];
        if (c == '.' && !point) {
            point = true;
            continue;
        }
        if (c < '0' || c > '9') break;
        *any = true;
        if (kept == DEC_DIGITS_MAX) {
            *scale -= !point;
            continue;
        }
        *v = *v * 10 + (c - '0');
        kept += *v > 0;
        *scale += point;
    }
    return in;
}

bool dec_read(struct str text, int precision, int scale, batch_i128 *out) {
    batch_i128 v;
    int64_t have, exp = 0;
    bool any, neg = text.len && text.ptr[0] == '-';
    if (text.len && (neg || text.ptr[0] == '+')) text.ptr++, text.len--;
    text = read_digits(text, &v, &have, &any);
    if (!any) return false;
    if (text.len && (text.ptr[0] | 0x20) == 'e') {
        text.ptr++, text.len--;
        if (!text.len || str_i64(text, &exp) || exp > 100000 || exp < -100000) return false;
        text.len = 0;
    }
    if (text.len) return false;
    have -= exp;
    if (v == 0) have = 0;
    if (have > 1000 || have < -1000) {
        if (have < 0) return false;
        v = 0, have = 0;
    }
    /* One more digit than is cut: dec_rescale() divides by at most 10^38. */
    while (have - scale > DEC_DIGITS_MAX && v) v /= 10, have--;
    if (!v) have = 0;
    if (!dec_rescale(v, (int)have, scale, precision, &v)) return false;
    *out = neg ? -v : v;
    return true;
}

void dec_put(batch_i128 v, int scale, struct buf *out) {
    char text[64];
    size_t at = sizeof text;
    bool neg = v < 0;
    batch_u128 left = neg ? -(batch_u128)v : (batch_u128)v;
    for (int digits = 0; left || digits <= scale; digits++, left /= 10) {
        if (digits == scale && scale) text[--at] = '.';
        text[--at] = (char)('0' + (int)(left % 10));
    }
    if (neg) text[--at] = '-';
    buf_put(out, text + at, sizeof text - at);
}
