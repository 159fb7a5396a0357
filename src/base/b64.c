/* b64.c - base64 both ways. */
#include "base/b64.h"

static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t b64_encode(struct str bytes, char *to) {
    const unsigned char *in = (const unsigned char *)bytes.ptr;
    char *from = to;
    size_t left = bytes.len;
    for (; left >= 3; left -= 3, in += 3) {
        *to++ = digit[in[0] >> 2];
        *to++ = digit[(in[0] & 3) << 4 | in[1] >> 4];
        *to++ = digit[(in[1] & 15) << 2 | in[2] >> 6];
        *to++ = digit[in[2] & 63];
    }
    if (left) {
        unsigned second = left == 2 ? in[1] : 0;
        *to++ = digit[in[0] >> 2];
        *to++ = digit[(in[0] & 3) << 4 | second >> 4];
        *to++ = left == 2 ? digit[(second & 15) << 2] : '=';
        *to++ = '=';
    }
    return (size_t)(to - from);
}

static int value_of(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool b64_decode(struct str text, bool loose, char *to, size_t *len) {
    char *from = to;
    uint32_t bits = 0;
    int cnt = 0, pad = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == ' ' || (c >= '\t' && c <= '\r')) continue;
        if (c == '=') {
            pad++;
            continue;
        }
        int value = value_of(c);
        if (value < 0 || pad) return false;
        bits = bits << 6 | (uint32_t)value;
        if (++cnt < 4) continue;
        *to++ = (char)(bits >> 16);
        *to++ = (char)(bits >> 8);
        *to++ = (char)bits;
        cnt = 0;
    }
    if (cnt == 1 || pad > 2 || (pad && (cnt + pad) != 4) || (cnt && !pad && !loose)) return false;
    if (cnt == 2) *to++ = (char)(bits >> 4);
    if (cnt == 3) {
        *to++ = (char)(bits >> 10);
        *to++ = (char)(bits >> 2);
    }
    *len = (size_t)(to - from);
    return true;
}
