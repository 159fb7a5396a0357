/* decimal.c - DECIMAL arithmetic. A 256-bit number is four 64-bit limbs, lowest first. */
#include "stream/op/decimal.h"

#include <math.h>
#include <stdlib.h>

#include "base/num.h"


struct wide {
    uint64_t limb[4];
};

static batch_u128 magnitude(batch_i128 v) {
    return v < 0 ? -(batch_u128)v : (batch_u128)v;
}

static struct wide wide_mul(batch_u128 a, batch_u128 b) {
    uint64_t x[2] = {(uint64_t)a, (uint64_t)(a >> 64)}, y[2] = {(uint64_t)b, (uint64_t)(b >> 64)};
    struct wide out = {{0}};
    for (int i = 0; i < 2; i++) {
        batch_u128 carry = 0;
        for (int k = 0; k < 2; k++) {
            batch_u128 sum = (batch_u128)x[i] * y[k] + out.limb[i + k] + carry;
            out.limb[i + k] = (uint64_t)sum;
            carry = sum >> 64;
        }
        out.limb[i + 2] = (uint64_t)carry;
    }
    return out;
}

static bool wide_mul_small(struct wide *v, uint64_t by) {
    batch_u128 carry = 0;
    for (int i = 0; i < 4; i++) {
        batch_u128 sum = (batch_u128)v->limb[i] * by + carry;
        v->limb[i] = (uint64_t)sum;
        carry = sum >> 64;
    }
    return carry == 0;
}

/* v / by, rounded half up by magnitude; false when the quotient is over 127 bits. */
static bool wide_div(struct wide v, batch_u128 by, batch_i128 *out) {
    batch_u128 rest = 0, quotient = 0;
    if (!v.limb[3] && !v.limb[2]) {
        batch_u128 low = (batch_u128)v.limb[1] << 64 | v.limb[0];
        quotient = low / by;
        rest = low % by;
    } else {
        for (int bit = 255; bit >= 0; bit--) {
            bool over = rest >> 127;
            rest = rest << 1 | (v.limb[bit / 64] >> (bit % 64) & 1);
            bool one = over || rest >= by;
            if (one) rest -= by;
            if (quotient >> 126) return false;
            quotient = quotient << 1 | one;
        }
    }
    if (rest >= by - rest) quotient++;
    if (quotient >> 127) return false;
    *out = (batch_i128)quotient;
    return true;
}

static bool finish(bool neg, int precision, batch_i128 *out) {
    if (!dec_fits(*out, precision)) return false;
    if (neg) *out = -*out;
    return true;
}

bool decimal_mul(batch_i128 a, batch_i128 b, int drop, int precision, batch_i128 *out) {
    struct wide product = wide_mul(magnitude(a), magnitude(b));
    if (!wide_div(product, (batch_u128)dec_power(drop), out)) return false;
    return finish((a < 0) != (b < 0), precision, out);
}

bool decimal_div(batch_i128 a, batch_i128 b, int lift, int precision, batch_i128 *out) {
    assert(b != 0 && lift >= 0 && lift <= 2 * DEC_DIGITS_MAX);
    struct wide lifted = wide_mul(magnitude(a), (batch_u128)dec_power(MIN(lift, DEC_DIGITS_MAX)));
    for (int left = lift - DEC_DIGITS_MAX; left > 0; left -= 18)
        if (!wide_mul_small(&lifted, (uint64_t)dec_power(MIN(left, 18)))) return false;
    if (!wide_div(lifted, magnitude(b), out)) return false;
    return finish((a < 0) != (b < 0), precision, out);
}

/* ---- text ---- */

/* The exponent after 'e', clamped; false: malformed. */
static bool parse_exponent(struct str text, int *out) {
    int64_t exponent;
    if (!text.len || text.len > 12 || str_i64(text, &exponent)) return false;
    *out = (int)MIN(MAX(exponent, -10000), 10000);
    return true;
}

bool decimal_parse(struct str text, batch_i128 *out, int *scale) {
    size_t at = 0;
    bool neg = text.len && text.ptr[0] == '-', point = false, any = false;
    if (neg || (text.len && text.ptr[0] == '+')) at++;
    batch_i128 v = 0;
    int after = 0, exponent = 0;
    bool round = false, rounded = false;
    for (; at < text.len; at++) {
        char c = text.ptr[at];
        if (c == '.' && !point) {
            point = true;
            continue;
        }
        if (c < '0' || c > '9') break;
        any = true;
        if (point && (after == DEC_DIGITS_MAX || v >= dec_power(37))) {
            if (!rounded) round = c >= '5';
            rounded = true;
            continue;
        }
        if (v >= dec_power(37)) return false;
        v = v * 10 + (c - '0');
        after += point;
    }
    if (!any) return false;
    if (at < text.len) {
        if ((text.ptr[at] | 0x20) != 'e') return false;
        if (!parse_exponent((struct str){text.ptr + at + 1, text.len - at - 1}, &exponent))
            return false;
    }
    v += round;
    after -= exponent;
    if (v == 0) after = MIN(MAX(after, 0), DEC_DIGITS_MAX);
    while (after > DEC_DIGITS_MAX) v = (v + (after == DEC_DIGITS_MAX + 1 ? 5 : 0)) / 10, after--;
    for (; after < 0; after++)
        if (v >= dec_power(37) || (v *= 10, false)) return false;
    *out = neg ? -v : v;
    *scale = after;
    return dec_fits(v, DEC_DIGITS_MAX);
}

double decimal_f64(batch_i128 v, int scale) {
    if (scale == 0 || (v < ((batch_i128)1 << 53) && v > -((batch_i128)1 << 53) && scale <= 22))
        return (double)v / (double)dec_power(scale);
    struct buf text;
    buf_init(&text, 128);
    dec_put(v, scale, &text);
    buf_putc(&text, 0);
    double out = strtod(text.ptr, NULL);
    buf_fini(&text);
    return out;
}

bool decimal_of_f64(double v, int precision, int scale, batch_i128 *out) {
    if (!isfinite(v)) return false;
    char text[NUM_TEXT_MAX];
    size_t len = num_f64(v, text);
    batch_i128 exact;
    int exact_scale;
    if (!decimal_parse((struct str){text, len}, &exact, &exact_scale)) return false;
    return dec_rescale(exact, exact_scale, scale, precision, out);
}
