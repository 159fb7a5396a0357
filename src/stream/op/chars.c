/* chars.c - counting and finding characters in UTF-8. */
#include "stream/op/chars.h"

bool chars_ascii(struct str text) {
    size_t i = 0;
    for (; i + 8 <= text.len; i += 8) {
        uint64_t word;
        memcpy(&word, text.ptr + i, 8);
        if (word & 0x8080808080808080u) return false;
    }
    for (; i < text.len; i++)
        if ((unsigned char)text.ptr[i] >= 0x80) return false;
    return true;
}

size_t chars_cnt(struct str text) {
    if (!text.len) return 0;
    size_t cnt = 1; /* the first byte begins one, whatever it is */
    for (size_t i = 1; i < text.len; i++) cnt += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
    return cnt;
}

size_t chars_at(struct str text, size_t n) {
    size_t pos = 0;
    while (pos < text.len && n--) pos += chars_len(text, pos);
    return pos;
}

uint32_t chars_code(struct str text, size_t pos, size_t *len) {
    unsigned char first = (unsigned char)text.ptr[pos];
    *len = 1;
    if (first < 0x80) return first;
    size_t bytes = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || pos + bytes > text.len) return 0xfffd;
    uint32_t code = first & (0xffu >> (bytes + 1));
    for (size_t i = 1; i < bytes; i++) {
        unsigned char next = (unsigned char)text.ptr[pos + i];
        if ((next & 0xc0) != 0x80) return 0xfffd;
        code = code << 6 | (next & 0x3f);
    }
    *len = bytes;
    return code;
}

size_t chars_put(uint32_t code, char *to) {
    if (code < 0x80) {
        to[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        to[0] = (char)(0xc0 | code >> 6);
        to[1] = (char)(0x80 | (code & 63));
        return 2;
    }
    if (code < 0x10000) {
        to[0] = (char)(0xe0 | code >> 12);
        to[1] = (char)(0x80 | (code >> 6 & 63));
        to[2] = (char)(0x80 | (code & 63));
        return 3;
    }
    to[0] = (char)(0xf0 | code >> 18);
    to[1] = (char)(0x80 | (code >> 12 & 63));
    to[2] = (char)(0x80 | (code >> 6 & 63));
    to[3] = (char)(0x80 | (code & 63));
    return 4;
}

size_t chars_find(struct str text, struct str part, size_t from) {
    if (from > text.len) return SIZE_MAX;
    if (!part.len) return from;
    const char *at = memmem(text.ptr + from, text.len - from, part.ptr, part.len);
    return at ? (size_t)(at - text.ptr) : SIZE_MAX;
}

struct str chars_sub(struct str text, int64_t pos, int64_t len) {
    bool ascii = chars_ascii(text);
    int64_t cnt = (int64_t)(ascii || pos >= 0 ? text.len : chars_cnt(text));
    int64_t from = pos > 0 ? pos - 1 : pos < 0 ? cnt + pos : 0, to;
    if (__builtin_add_overflow(from, len, &to)) to = len < 0 ? INT64_MIN : INT64_MAX;
    from = MAX(from, 0);
    if (to <= from || from >= (int64_t)text.len) return STR("");
    size_t begin = ascii ? (size_t)from : chars_at(text, (size_t)from);
    struct str rest = {text.ptr + begin, text.len - begin};
    size_t want = (size_t)MIN(to - from, (int64_t)text.len);
    rest.len = ascii ? MIN(want, rest.len) : chars_at(rest, want);
    return rest;
}
