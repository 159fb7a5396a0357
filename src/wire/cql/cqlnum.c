/* cqlnum.c - numbers of any length, by way of their decimal digits.
 *
 * Everything goes through `struct num`: sign, digits (most significant first, no leading zero; zero
 * has none) and the exponent of the last digit. Conversions are quadratic in a length that is
 * limited to CQLNUM_BYTES_MAX. */
#include "wire/cql/cqlnum.h"

#include "base/err.h"
#include "base/rbuf.h"

#include <stdio.h>
#include <stdlib.h>

#define LIMB_MAX  (CQLNUM_BYTES_MAX / 4 + 2)
#define DIGIT_CAP (CQLNUM_DIGIT_MAX + 32)
#define NUM_EXP_MAX 1000000000

struct num {
    bool neg;
    int32_t exp; /* the value is digits * 10^exp */
    size_t cnt;
    char digit[DIGIT_CAP]; /* '0'..'9' */
};

/* ---- bytes -> digits ------------------------------------------------------------------------ */

/* The magnitude of two's complement bytes, most significant byte first. */
static size_t magnitude(struct str bytes, unsigned char *out, bool *neg) {
    size_t len = MIN(bytes.len, (size_t)CQLNUM_BYTES_MAX);
    *neg = len && (signed char)bytes.ptr[0] < 0;
    unsigned carry = 1;
    for (size_t i = len; i-- > 0;) {
        unsigned char c = (unsigned char)bytes.ptr[i];
        if (*neg) {
            unsigned v = (unsigned char)~c + carry;
            c = (unsigned char)v;
            carry = v >> 8;
        }
        out[i] = c;
    }
    return len;
}

static void num_of_int(struct str bytes, struct num *out) {
    unsigned char mag[CQLNUM_BYTES_MAX];
    uint32_t limb[LIMB_MAX * 32 / 29 + 2]; /* base 10^9, least significant first */
    size_t len = magnitude(bytes, mag, &out->neg), cnt = 0;
    for (size_t i = 0; i < len; i++) {
        uint64_t carry = mag[i];
        for (size_t k = 0; k < cnt; k++) {
            carry += (uint64_t)limb[k] << 8;
            limb[k] = (uint32_t)(carry % 1000000000);
            carry /= 1000000000;
        }
        if (carry) limb[cnt++] = (uint32_t)carry;
    }
    out->cnt = 0;
    out->exp = 0;
    for (size_t k = cnt; k-- > 0;) {
        uint32_t unit = 100000000, v = limb[k];
        for (; unit; v %= unit, unit /= 10) {
            char c = (char)('0' + v / unit);
            if ((out->cnt || c != '0') && out->cnt < DIGIT_CAP) out->digit[out->cnt++] = c;
        }
    }
    if (!out->cnt) out->neg = false;
}

static void num_of(struct str bytes, struct num *out) {
    struct rbuf in = rbuf_of_str(bytes);
    int32_t scale = rbuf_i32(&in);
    num_of_int((struct str){(const char *)in.at, rbuf_left(&in)}, out);
    out->exp = scale == INT32_MIN ? INT32_MAX : -scale;
}

/* ---- digits -> bytes ------------------------------------------------------------------------ */

static void put_int(const struct num *num, struct buf *out) {
    uint32_t limb[LIMB_MAX]; /* base 2^32, least significant first */
    size_t cnt = 0;
    for (size_t i = 0; i < num->cnt; i++) {
        uint64_t carry = (uint64_t)(num->digit[i] - '0');
        for (size_t k = 0; k < cnt; k++) {
            carry += (uint64_t)limb[k] * 10;
            limb[k] = (uint32_t)carry;
            carry >>= 32;
        }
        if (carry) limb[cnt++] = (uint32_t)carry;
    }
    unsigned char byte[LIMB_MAX * 4 + 1];
    size_t len = cnt * 4 + 1, from = 0;
    byte[0] = 0;
    for (size_t i = 1; i < len; i++) {
        size_t low = len - 1 - i;
        byte[i] = (unsigned char)(limb[low / 4] >> (low % 4 * 8));
    }
    unsigned carry = 1;
    for (size_t i = len; num->neg && i-- > 0;) {
        unsigned v = (unsigned char)~byte[i] + carry;
        byte[i] = (unsigned char)v;
        carry = v >> 8;
    }
    unsigned char sign = num->neg ? 0xFF : 0;
    while (from + 1 < len && byte[from] == sign && (byte[from + 1] & 0x80) == (sign & 0x80))
        from++;
    buf_put(out, byte + from, len - from);
}

/* ---- text ----------------------------------------------------------------------------------- */

static int not_a_number(struct str text) {
    return err_fail(ERR_INVAL, "'%.*s' is not a number", (int)MIN(text.len, (size_t)80),
                    text.ptr ? text.ptr : "");
}

static int add_digit(struct num *num, char c) {
    if (!num->cnt && c == '0') return 0;
    if (num->cnt == CQLNUM_DIGIT_MAX)
        return err_fail(ERR_TOO_BIG, "a number has more than %d digits", CQLNUM_DIGIT_MAX);
    num->digit[num->cnt++] = c;
    return 0;
}

static int parse(struct str text, bool is_int, struct num *num) {
    size_t at = 0, seen = 0, behind = 0;
    bool point = false;
    num->cnt = 0;
    num->neg = text.len && text.ptr[0] == '-';
    if (text.len && (text.ptr[0] == '-' || text.ptr[0] == '+')) at = 1;
    for (; at < text.len; at++) {
        char c = text.ptr[at];
        if (c == '.' && !point && !is_int) {
            point = true;
            continue;
        }
        if (c < '0' || c > '9') break;
        int err = add_digit(num, c);
        if (err) return err;
        seen++;
        behind += point;
    }
    int64_t exp = 0;
    if (at < text.len && (text.ptr[at] | 32) == 'e' && !is_int) {
        struct str rest = {text.ptr + at + 1, text.len - at - 1};
        if (str_i64(rest, &exp)) return not_a_number(text);
        at = text.len;
    }
    if (!seen || at != text.len) return not_a_number(text);
    if (behind > CQLNUM_SCALE_MAX || exp > CQLNUM_SCALE_MAX || exp < -CQLNUM_SCALE_MAX)
        return err_fail(ERR_TOO_BIG, "a decimal's scale is over %d", CQLNUM_SCALE_MAX);
    num->exp = (int32_t)(exp - (int64_t)behind);
    if (!num->cnt) num->neg = false;
    return 0;
}

int cqlnum_parse_int(struct str text, struct buf *out) {
    struct num num;
    int err = parse(text, true, &num);
    if (err) return err;
    put_int(&num, out);
    return 0;
}

int cqlnum_parse(struct str text, struct buf *out) {
    struct num num;
    int err = parse(text, false, &num);
    if (err) return err;
    buf_i32(out, -num.exp);
    put_int(&num, out);
    return 0;
}

void cqlnum_format_int(struct str bytes, struct buf *out) {
    struct num num;
    num_of_int(bytes, &num);
    if (num.neg) buf_putc(out, '-');
    if (!num.cnt) buf_putc(out, '0');
    buf_put(out, num.digit, num.cnt);
}

void cqlnum_format(struct str bytes, struct buf *out) {
    struct num num;
    num_of(bytes, &num);
    if (!num.cnt) num.digit[num.cnt++] = '0';
    if (num.neg) buf_putc(out, '-');
    int64_t scale = -(int64_t)num.exp, high = (int64_t)num.cnt - 1 - scale;
    if (scale == 0) {
        buf_put(out, num.digit, num.cnt);
    } else if (scale > 0 && high >= -6) {
        int64_t whole = (int64_t)num.cnt - scale;
        if (whole > 0) buf_put(out, num.digit, (size_t)whole);
        else buf_putc(out, '0');
        buf_putc(out, '.');
        for (int64_t i = whole; i < 0; i++)
            buf_putc(out, '0');
        size_t from = whole > 0 ? (size_t)whole : 0;
        buf_put(out, num.digit + from, num.cnt - from);
    } else {
        buf_putc(out, num.digit[0]);
        if (num.cnt > 1) buf_putc(out, '.');
        buf_put(out, num.digit + 1, num.cnt - 1);
        buf_printf(out, "E%+" PRId64, high);
    }
}

double cqlnum_f64(struct str bytes, bool is_int) {
    struct num num;
    if (is_int) num_of_int(bytes, &num);
    else num_of(bytes, &num);
    char text[64];
    size_t cnt = MIN(num.cnt, (size_t)24);
    memcpy(text, num.digit, cnt);
    snprintf(text + cnt, sizeof text - cnt, "%se%" PRId64, cnt ? "" : "0",
             (int64_t)num.exp + (int64_t)(num.cnt - cnt));
    double v = strtod(text, NULL);
    return num.neg ? -v : v;
}

/* ---- order ---------------------------------------------------------------------------------- */

/* The exponent that the first digit would have behind a point: 0.ddd * 10^this. */
static int64_t height(const struct num *num) {
    return (int64_t)num->exp + (int64_t)num->cnt;
}

static int compare(const struct num *a, const struct num *b) {
    int sa = a->cnt ? (a->neg ? -1 : 1) : 0, sb = b->cnt ? (b->neg ? -1 : 1) : 0;
    if (sa != sb || sa == 0) return sa - sb;
    if (height(a) != height(b)) return (height(a) < height(b) ? -1 : 1) * sa;
    for (size_t i = 0; i < a->cnt || i < b->cnt; i++) {
        char x = i < a->cnt ? a->digit[i] : '0', y = i < b->cnt ? b->digit[i] : '0';
        if (x != y) return (x < y ? -1 : 1) * sa;
    }
    return 0;
}

int cqlnum_compare(struct str a, struct str b) {
    struct num x, y;
    num_of(a, &x);
    num_of(b, &y);
    return compare(&x, &y);
}

int cqlnum_compare_int(struct str a, struct str b) {
    struct num x, y;
    num_of_int(a, &x);
    num_of_int(b, &y);
    return compare(&x, &y);
}

/* 0x80 zero; 0xC0 or 0x40 the sign; height; pairs of digits as 1..100; 0. Negative: inverted. */
static void order(struct num *num, struct buf *out) {
    if (!num->cnt) {
        buf_putc(out, (char)0x80);
        return;
    }
    unsigned char flip = num->neg ? 0xFF : 0;
    buf_putc(out, (char)(num->neg ? 0x40 : 0xC0));
    uint64_t high = (uint64_t)height(num) ^ (UINT64_C(1) << 63);
    for (int shift = 56; shift >= 0; shift -= 8)
        buf_putc(out, (char)((unsigned char)(high >> shift) ^ flip));
    while (num->cnt && num->digit[num->cnt - 1] == '0')
        num->cnt--;
    for (size_t i = 0; i < num->cnt; i += 2) {
        int low = i + 1 < num->cnt ? num->digit[i + 1] - '0' : 0;
        buf_putc(out, (char)((unsigned char)((num->digit[i] - '0') * 10 + low + 1) ^ flip));
    }
    buf_putc(out, (char)flip);
}

void cqlnum_order_int(struct str bytes, struct buf *out) {
    struct num num;
    num_of_int(bytes, &num);
    order(&num, out);
}

void cqlnum_order(struct str bytes, struct buf *out) {
    struct num num;
    num_of(bytes, &num);
    order(&num, out);
}

/* ---- sums ----------------------------------------------------------------------------------- */

void cqlnum_from_i64(int64_t v, struct buf *out) {
    char byte[8];
    size_t from = 0;
    for (int i = 0; i < 8; i++)
        byte[i] = (char)(v >> (56 - 8 * i));
    char sign = v < 0 ? (char)0xFF : 0;
    while (from < 7 && byte[from] == sign && (byte[from + 1] & 0x80) == (sign & 0x80))
        from++;
    buf_put(out, byte + from, 8 - from);
}

/* Zeros at the end until the exponent is `exp`; false: too many. */
static bool stretch(struct num *num, int32_t exp) {
    int64_t more = (int64_t)num->exp - exp;
    if (more < 0 || (num->cnt && (int64_t)num->cnt + more > CQLNUM_DIGIT_MAX)) return false;
    for (int64_t i = 0; num->cnt && i < more; i++)
        num->digit[num->cnt++] = '0';
    num->exp = exp;
    return true;
}

/* |out| = |a| + |b| or |a| - |b|, where |a| >= |b| and the exponents are the same. */
static void combine(const struct num *a, const struct num *b, bool minus, struct num *out) {
    char sum[DIGIT_CAP + 1];
    size_t at = sizeof sum;
    int carry = 0;
    for (size_t i = 0; i < MAX(a->cnt, b->cnt) || carry; i++) {
        int x = i < a->cnt ? a->digit[a->cnt - 1 - i] - '0' : 0;
        int y = i < b->cnt ? b->digit[b->cnt - 1 - i] - '0' : 0;
        int v = x + (minus ? -y : y) + carry;
        carry = v > 9 ? 1 : v < 0 ? -1 : 0;
        sum[--at] = (char)('0' + v - 10 * carry);
    }
    while (at < sizeof sum && sum[at] == '0')
        at++;
    out->cnt = sizeof sum - at;
    memcpy(out->digit, sum + at, out->cnt);
    out->exp = a->exp;
    out->neg = a->neg && out->cnt;
}

int cqlnum_add(struct str a, struct str b, struct buf *out) {
    struct num x, y, sum;
    num_of(a, &x);
    num_of(b, &y);
    int32_t exp = MIN(x.exp, y.exp);
    if (x.exp > NUM_EXP_MAX || y.exp > NUM_EXP_MAX || !stretch(&x, exp) || !stretch(&y, exp) ||
        MAX(x.cnt, y.cnt) >= CQLNUM_DIGIT_MAX)
        return err_fail(ERR_TOO_BIG, "a sum has more than %d digits", CQLNUM_DIGIT_MAX);
    bool minus = x.neg != y.neg;
    struct num absx = x, absy = y;
    absx.neg = absy.neg = false;
    if (compare(&absx, &absy) >= 0) combine(&x, &y, minus, &sum);
    else combine(&y, &x, minus, &sum);
    buf_i32(out, -sum.exp);
    put_int(&sum, out);
    return 0;
}
