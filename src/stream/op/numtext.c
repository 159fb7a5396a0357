/* numtext.c - numbers to text and back. */
#include "stream/op/numtext.h"

#include <math.h>
#include <stdlib.h>

size_t numtext_i64(int64_t v, char text[NUMTEXT_MAX]) {
    char back[NUMTEXT_MAX];
    size_t len = 0, at = 0;
    uint64_t left = v < 0 ? -(uint64_t)v : (uint64_t)v;
    do back[len++] = (char)('0' + left % 10);
    while (left /= 10);
    if (v < 0) text[at++] = '-';
    while (len) text[at++] = back[--len];
    return at;
}

struct str numtext_trim(struct str text) {
    while (text.len && ((unsigned char)text.ptr[0] <= ' ' || text.ptr[0] == 0x7f))
        text.ptr++, text.len--;
    while (text.len && ((unsigned char)text.ptr[text.len - 1] <= ' ' ||
                        text.ptr[text.len - 1] == 0x7f))
        text.len--;
    return text;
}

bool numtext_read_i64(struct str text, int64_t *out) {
    text = numtext_trim(text);
    size_t at = 0;
    bool neg = text.len && text.ptr[0] == '-';
    if (neg || (text.len && text.ptr[0] == '+')) at++;
    if (at == text.len) return false;
    int64_t v = 0;
    for (; at < text.len; at++) {
        unsigned digit = (unsigned)text.ptr[at] - '0';
        if (digit > 9) return false;
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_sub_overflow(v, (int64_t)digit, &v))
            return false;
    }
    if (!neg && v == INT64_MIN) return false;
    *out = neg ? v : -v;
    return true;
}

/* Copies a plain number for strtod: sign, digits, point, exponent, then perhaps Java's d or f. */
static bool plain_number(struct str text, char *to, size_t room) {
    bool digit = false;
    if (text.len && strchr("dDfF", text.ptr[text.len - 1])) text.len--;
    if (text.len >= room || !text.len) return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool number = c >= '0' && c <= '9';
        if (!number && (!c || !strchr("+-.eE", c))) return false;
        digit = digit || number;
        to[i] = c;
    }
    to[text.len] = 0;
    return digit;
}

static bool word_value(struct str text, double *out) {
    static const struct {
        const char *word;
        double value;
    } words[] = {{"nan", NAN},        {"inf", INFINITY},       {"+inf", INFINITY},
                 {"-inf", -INFINITY}, {"infinity", INFINITY},  {"+infinity", INFINITY},
                 {"-infinity", -INFINITY}};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (!str_ieq(text, str_of(words[i].word))) continue;
        *out = words[i].value;
        return true;
    }
    return false;
}

bool numtext_read_f64(struct str text, double *out) {
    char plain[512], *end;
    text = numtext_trim(text);
    if (word_value(text, out)) return true;
    if (!plain_number(text, plain, sizeof plain)) return false;
    *out = strtod(plain, &end);
    return *end == 0;
}

bool numtext_read_f32(struct str text, float *out) {
    char plain[512], *end;
    double word;
    text = numtext_trim(text);
    if (word_value(text, &word)) return *out = (float)word, true;
    if (!plain_number(text, plain, sizeof plain)) return false;
    *out = strtof(plain, &end);
    return *end == 0;
}
