/* buf.c - growing bytes with a limit. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

#define CAP_MIN    64
#define PRINT_ROOM 128

void buf_init(struct buf *buf, size_t max) {
    memset(buf, 0, sizeof *buf);
    buf->max = max;
}

void buf_fini(struct buf *buf) {
    base_free(buf->ptr);
    buf_init(buf, buf->max);
}

void buf_reset(struct buf *buf) {
    buf->len = 0;
    buf->full = false;
}

struct str buf_str(const struct buf *buf) {
    return (struct str){buf->ptr ? buf->ptr : "", buf->len};
}

char *buf_room(struct buf *buf, size_t len) {
    if (buf->full || len > buf->max - buf->len) {
        buf->full = true;
        return NULL;
    }
    if (len > buf->cap - buf->len) {
        size_t cap = MAX(buf->cap * 2, MAX(buf->len + len, (size_t)CAP_MIN));
        buf->cap = MIN(cap, buf->max);
        buf->ptr = base_realloc(buf->ptr, buf->cap);
    }
    return buf->ptr + buf->len;
}

void buf_used(struct buf *buf, size_t len) {
    assert(len <= buf->cap - buf->len);
    buf->len += len;
}

void buf_dec(struct buf *buf, int64_t v) {
    char text[20], *at = text + sizeof text;
    uint64_t left = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do *--at = (char)('0' + left % 10);
    while (left /= 10);
    if (v < 0) *--at = '-';
    buf_put(buf, at, (size_t)(text + sizeof text - at));
}

/* Into the room there is; most text fits, and what does not is written again. */
void buf_printf(struct buf *buf, const char *format, ...) {
    va_list args, again;
    char *room = buf_room(buf, MIN((size_t)PRINT_ROOM, buf->max - buf->len));
    size_t size = room ? buf->cap - buf->len : 0;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(room, size, format, args);
    va_end(args);
    CHECK(len >= 0);
    if ((size_t)len >= size) {
        room = buf_room(buf, (size_t)len + 1);
        if (room) vsnprintf(room, (size_t)len + 1, format, again);
    }
    if (room) buf->len += (size_t)len;
    va_end(again);
}

void buf_i8(struct buf *buf, int8_t v) {
    buf_put(buf, &v, 1);
}

void buf_i16(struct buf *buf, int16_t v) {
    uint16_t be = __builtin_bswap16((uint16_t)v);
    buf_put(buf, &be, sizeof be);
}

void buf_i32(struct buf *buf, int32_t v) {
    uint32_t be = __builtin_bswap32((uint32_t)v);
    buf_put(buf, &be, sizeof be);
}

void buf_i64(struct buf *buf, int64_t v) {
    uint64_t be = __builtin_bswap64((uint64_t)v);
    buf_put(buf, &be, sizeof be);
}

void buf_f64(struct buf *buf, double v) {
    int64_t bits;
    memcpy(&bits, &v, sizeof bits);
    buf_i64(buf, bits);
}

void buf_uvarint(struct buf *buf, uint64_t v) {
    unsigned char bytes[10];
    size_t len = 0;
    for (; v >= 0x80; v >>= 7) bytes[len++] = (unsigned char)(v | 0x80);
    bytes[len++] = (unsigned char)v;
    buf_put(buf, bytes, len);
}

void buf_varint(struct buf *buf, int64_t v) {
    buf_uvarint(buf, (uint64_t)v << 1 ^ (uint64_t)(v >> 63));
}

void buf_set_i32(struct buf *buf, size_t pos, int32_t v) {
    if (buf->full) return;
    CHECK(pos + sizeof v <= buf->len);
    uint32_t be = __builtin_bswap32((uint32_t)v);
    memcpy(buf->ptr + pos, &be, sizeof be);
}

void buf_set_i64(struct buf *buf, size_t pos, int64_t v) {
    if (buf->full) return;
    CHECK(pos + sizeof v <= buf->len);
    uint64_t be = __builtin_bswap64((uint64_t)v);
    memcpy(buf->ptr + pos, &be, sizeof be);
}

static void json_escape(struct buf *buf, unsigned char c) {
    static const char two[] = {['"'] = '"',  ['\\'] = '\\', ['\n'] = 'n',
                               ['\r'] = 'r', ['\t'] = 't',  ['\b'] = 'b', ['\f'] = 'f'};
    if (c < sizeof two && two[c]) {
        char text[2] = {'\\', two[c]};
        buf_put(buf, text, 2);
    } else {
        buf_printf(buf, "\\u%04x", c);
    }
}

/* The length of the well-formed UTF-8 character at `ptr`, 0 when it is not one. */
static size_t utf8_len(const char *ptr, size_t left) {
    for (size_t len = 2; len <= 4 && len <= left; len++)
        if (str_utf8((struct str){ptr, len})) return len;
    return 0;
}

#define EACH_BYTE(b) (UINT64_C(0x0101010101010101) * (b))
/* The high bit of each byte that is 0; of others perhaps too, but only above one that is. */
#define ZERO_BYTES(w) (((w)-EACH_BYTE(1)) & ~(w) & EACH_BYTE(0x80))

/* Have these 8 bytes none that JSON would have escaped, nor one of UTF-8's longer characters? */
static bool json_plain(const char *ptr) {
    uint64_t word;
    memcpy(&word, ptr, sizeof word);
    uint64_t odd = word & EACH_BYTE(0x80);             /* 0x80 and above */
    odd |= (word - EACH_BYTE(0x20)) & ~word & EACH_BYTE(0x80); /* below 0x20 */
    odd |= ZERO_BYTES(word ^ EACH_BYTE('"')) | ZERO_BYTES(word ^ EACH_BYTE('\\'));
    return !odd;
}

void buf_json(struct buf *buf, struct str text) {
    buf_putc(buf, '"');
    size_t plain = 0, i = 0;
    while (i < text.len) {
        if (text.len - i >= 8 && json_plain(text.ptr + i)) {
            i += 8;
            continue;
        }
        unsigned char c = (unsigned char)text.ptr[i];
        size_t step = 1;
        if (c >= 0x80) step = utf8_len(text.ptr + i, text.len - i);
        if (step && c >= 0x20 && c != '"' && c != '\\') {
            i += step;
            continue;
        }
        buf_put(buf, text.ptr + plain, i - plain);
        if (step) json_escape(buf, c);
        else buf_putz(buf, "\xEF\xBF\xBD");
        plain = ++i;
    }
    buf_put(buf, text.ptr + plain, text.len - plain);
    buf_putc(buf, '"');
}
