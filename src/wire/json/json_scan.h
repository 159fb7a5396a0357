/* json_scan.h - the scanner's innermost steps, inline, for wire/json/ only.
 *
 * They work on a bare pointer `p` within in->at .. in->end and return the pointer after what they
 * took, or NULL with the error noted in `in`. Callers keep `p` in a register and store it back to
 * in->at when they are done. Nothing reads at or past in->end: 16 bytes are loaded at once only
 * while 16 remain. */
#ifndef WIRE_JSON_JSON_SCAN_H
#define WIRE_JSON_JSON_SCAN_H

#include "base/err.h"
#include "wire/json/json.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* In json.c: the rare halves of what stands below. */
const char *json_fail(struct json *in, const char *p, int err, const char *why);
const char *json_odd_char(struct json *in, const char *p, bool *escaped);
const char *json_odd_value(struct json *in, const char *p, struct json_value *value);
const char *json_skip_at(struct json *in, const char *p);
const char *json_value_at(struct json *in, const char *p, struct json_value *value);
const char *json_scan_name(struct json *in, const char *p, struct str *name);
bool json_step(struct json *in, char closing, bool *more);

/* Past white space: space, tab, newline, return. Most JSON on topics has none. */
static inline const char *json_scan_space(const struct json *in, const char *p) {
    while (p < in->end && (unsigned char)*p <= ' ') {
        if (*p != ' ' && *p != '\n' && *p != '\t' && *p != '\r') break;
        p++;
#if defined(__SSE2__)
        while (in->end - p >= 16) { /* an indented line: newline and a run of spaces */
            __m128i text = _mm_loadu_si128((const __m128i *)(const void *)p);
            int blank = _mm_movemask_epi8(_mm_cmpeq_epi8(text, _mm_set1_epi8(' ')));
            int run = __builtin_ctz(~(unsigned)blank);
            p += run;
            if (run < 16) break;
        }
#endif
    }
    return p;
}

/* From after the opening quote to after the closing one. */
static inline const char *json_scan_string(struct json *in, const char *p, bool *escaped) {
#if defined(__SSE2__)
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
    const __m128i control = _mm_set1_epi8(0x1f);
    while (in->end - p >= 16) {
        __m128i text = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i odd = _mm_or_si128(_mm_cmpeq_epi8(text, quote), _mm_cmpeq_epi8(text, slash));
        odd = _mm_or_si128(odd, _mm_cmpeq_epi8(_mm_min_epu8(text, control), text));
        odd = _mm_or_si128(odd, text); /* the top bit: not ASCII */
        unsigned mask = (unsigned)_mm_movemask_epi8(odd);
        if (!mask) {
            p += 16;
            continue;
        }
        p += __builtin_ctz(mask);
        if (*p == '"') return p + 1;
        if (!(p = json_odd_char(in, p, escaped))) return NULL;
    }
#endif
    while (p < in->end) {
        unsigned char c = (unsigned char)*p;
        if (c == '"') return p + 1;
        if (c >= 0x20 && c < 0x80 && c != '\\') p++;
        else if (!(p = json_odd_char(in, p, escaped))) return NULL;
    }
    return json_fail(in, p, ERR_TRUNC, "the text ends inside a string");
}

static inline bool json_scan_digit(const struct json *in, const char *p) {
    return p < in->end && (unsigned char)(*p - '0') < 10;
}

/* A number at a digit or '-'; *real when it has a fraction or an exponent. */
static inline const char *json_scan_number(struct json *in, const char *p, bool *real) {
    p += *p == '-';
    if (!json_scan_digit(in, p)) return json_fail(in, p, ERR_SYNTAX, "a digit is missing");
    if (*p == '0') p++;
    else do p++; while (json_scan_digit(in, p));
    *real = false;
    if (p < in->end && *p == '.') {
        *real = true;
        p++;
        if (!json_scan_digit(in, p))
            return json_fail(in, p, ERR_SYNTAX, "a digit is missing after the point");
        do p++; while (json_scan_digit(in, p));
    }
    if (p < in->end && (*p | 0x20) == 'e') {
        *real = true;
        p++;
        p += p < in->end && (*p == '+' || *p == '-');
        if (!json_scan_digit(in, p))
            return json_fail(in, p, ERR_SYNTAX, "a digit is missing in the exponent");
        do p++; while (json_scan_digit(in, p));
    }
    return p;
}

/* true, false, null at their first letter. */
static inline const char *json_scan_word(struct json *in, const char *p, const char *word,
                                         size_t len) {
    if ((size_t)(in->end - p) >= len && memcmp(p, word, len) == 0) return p + len;
    return json_odd_value(in, p, NULL);
}

#endif
