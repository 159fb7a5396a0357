/* str.c - comparing, cutting and reading short texts. */
#include "base/str.h"

#include "base/err.h"

#include <errno.h>
#include <stdlib.h>

#define DISTANCE_MAX 64

struct str str_of(const char *text) {
    return (struct str){text, text ? strlen(text) : 0};
}

bool str_eq(struct str a, struct str b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool str_eqz(struct str a, const char *b) {
    return str_eq(a, str_of(b));
}

static unsigned char lower(char c) {
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

bool str_ieq(struct str a, struct str b) {
    if (a.len != b.len) return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.ptr[i]) != lower(b.ptr[i])) return false;
    return true;
}

int str_cmp(struct str a, struct str b) {
    size_t len = MIN(a.len, b.len);
    int cmp = len ? memcmp(a.ptr, b.ptr, len) : 0;
    if (cmp) return cmp;
    return (a.len > b.len) - (a.len < b.len);
}

bool str_starts(struct str text, struct str head) {
    return text.len >= head.len && memcmp(text.ptr, head.ptr, head.len) == 0;
}

bool str_ends(struct str text, struct str tail) {
    return text.len >= tail.len && memcmp(text.ptr + text.len - tail.len, tail.ptr, tail.len) == 0;
}

static bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_trim(struct str text) {
    while (text.len && is_space(text.ptr[0])) text.ptr++, text.len--;
    while (text.len && is_space(text.ptr[text.len - 1])) text.len--;
    return text;
}

struct str str_cut(struct str text, char sep, struct str *rest) {
    const char *hit = text.len ? memchr(text.ptr, sep, text.len) : NULL;
    if (!hit) {
        *rest = STR_NULL;
        return text;
    }
    size_t head = (size_t)(hit - text.ptr);
    *rest = (struct str){hit + 1, text.len - head - 1};
    return (struct str){text.ptr, head};
}

/* FNV-1a over 8-byte steps with a final mix: short keys, not hostile ones (map.c seeds it). */
uint64_t str_hash(struct str text) {
    uint64_t hash = 0xcbf29ce484222325u ^ text.len;
    size_t i = 0;
    for (; i + 8 <= text.len; i += 8) {
        uint64_t word;
        memcpy(&word, text.ptr + i, 8);
        hash = (hash ^ word) * 0x9fb21c651e98df25u;
        hash ^= hash >> 32;
    }
    for (; i < text.len; i++) hash = (hash ^ (unsigned char)text.ptr[i]) * 0x100000001b3u;
    hash ^= hash >> 29;
    hash *= 0xbf58476d1ce4e5b9u;
    return hash ^ (hash >> 32);
}

int str_i64(struct str text, int64_t *out) {
    size_t i = 0;
    bool neg = false;
    if (text.len && (text.ptr[0] == '-' || text.ptr[0] == '+')) neg = text.ptr[i++] == '-';
    if (i == text.len) return err_fail(ERR_INVAL, "'%.*s' is not a number", STR_ARG(text));
    int64_t num = 0;
    for (; i < text.len; i++) {
        int digit = text.ptr[i] - '0';
        if (digit < 0 || digit > 9)
            return err_fail(ERR_INVAL, "'%.*s' is not a whole number", STR_ARG(text));
        if (__builtin_mul_overflow(num, 10, &num) ||
            __builtin_add_overflow(num, neg ? -digit : digit, &num))
            return err_fail(ERR_RANGE, "'%.*s' does not fit 64 bits", STR_ARG(text));
    }
    *out = num;
    return 0;
}

int str_f64(struct str text, double *out) {
    char copy[128], *end;
    if (text.len == 0 || text.len >= sizeof copy || is_space(text.ptr[0]))
        return err_fail(ERR_INVAL, "'%.*s' is not a number", STR_ARG(text));
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = 0;
    *out = strtod(copy, &end);
    if (end != copy + text.len) return err_fail(ERR_INVAL, "'%s' is not a number", copy);
    return 0;
}

size_t str_distance(struct str a, struct str b) {
    if (a.len > DISTANCE_MAX || b.len > DISTANCE_MAX) return SIZE_MAX;
    size_t rows[3][DISTANCE_MAX + 1]; /* of i - 2, i - 1 and i, in turn */
    for (size_t j = 0; j <= b.len; j++) rows[0][j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *swapped = rows[(i + 1) % 3];
        unsigned char c = lower(a.ptr[i - 1]);
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            unsigned char d = lower(b.ptr[j - 1]);
            row[j] = MIN(above[j - 1] + (c != d), MIN(above[j], row[j - 1]) + 1);
            bool swap = i > 1 && j > 1 && c == lower(b.ptr[j - 2]) && d == lower(a.ptr[i - 2]);
            if (swap) row[j] = MIN(row[j], swapped[j - 2] + 1);
        }
    }
    return rows[a.len % 3][b.len];
}

size_t str_near(struct str wrong, const struct str *names, size_t cnt, struct str *near,
                size_t max) {
    size_t limit = wrong.len / 3 + 1, found = 0;
    size_t dist[8];
    max = MIN(max, ARRAY_LEN(dist));
    for (size_t i = 0; i < cnt && max; i++) {
        size_t d = str_distance(wrong, names[i]);
        if (d > limit) continue;
        if (found == max && d >= dist[max - 1]) continue;
        size_t at = found < max ? found++ : max - 1;
        while (at > 0 && dist[at - 1] > d) {
            dist[at] = dist[at - 1];
            near[at] = near[at - 1];
            at--;
        }
        dist[at] = d;
        near[at] = names[i];
    }
    return found;
}

/* How many continuation bytes follow `lead`, and the least code point such a form may hold. */
static int utf8_tail(unsigned char lead, uint32_t *code, uint32_t *least) {
    if (lead < 0xC2) return -1;
    if (lead < 0xE0) return *code = lead & 0x1F, *least = 0x80, 1;
    if (lead < 0xF0) return *code = lead & 0x0F, *least = 0x800, 2;
    if (lead < 0xF5) return *code = lead & 0x07, *least = 0x10000, 3;
    return -1;
}

bool str_utf8(struct str text) {
    const unsigned char *at = (const unsigned char *)text.ptr, *end = at + text.len;
    while (at < end) {
        if (*at < 0x80) {
            at++;
            continue;
        }
        uint32_t code = 0, least = 0;
        int tail = utf8_tail(*at++, &code, &least);
        if (tail < 0 || end - at < tail) return false;
        for (; tail; tail--, at++) {
            if ((*at & 0xC0) != 0x80) return false;
            code = code << 6 | (*at & 0x3F);
        }
        if (code < least || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return false;
    }
    return true;
}
