/* buf.h - a growing run of bytes with a limit, and the writers of wire formats into it.
 *
 * A buf never grows past its `max`: the write that would do so writes nothing, sets `full`, and
 * every later one does nothing. One check of `full` stands at the end of an encoder.
 * Thread: one at a time. Memory: heap; buf_fini() frees it. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/base.h"
#include "base/str.h"

struct buf {
    char *ptr;
    size_t len, cap, max;
    bool full;
};

void buf_init(struct buf *buf, size_t max);
void buf_fini(struct buf *buf);
void buf_reset(struct buf *buf);      /* empties it, keeps the memory, clears `full` */
struct str buf_str(const struct buf *buf); /* what was written, borrowed */
/* Room for `len` more bytes at the end, not yet counted: NULL and `full` when over the limit.
 * buf_used() then counts them. */
char *buf_room(struct buf *buf, size_t len) MUST_USE;
void buf_used(struct buf *buf, size_t len);

static inline void buf_put(struct buf *buf, const void *ptr, size_t len) {
    char *room = len <= buf->cap - buf->len && !buf->full ? buf->ptr + buf->len
                                                          : buf_room(buf, len);
    if (!room || !len) return;
    memcpy(room, ptr, len);
    buf->len += len;
}

static inline void buf_puts(struct buf *buf, struct str text) {
    buf_put(buf, text.ptr, text.len);
}

static inline void buf_putz(struct buf *buf, const char *text) {
    buf_put(buf, text, strlen(text));
}

static inline void buf_putc(struct buf *buf, char c) {
    buf_put(buf, &c, 1);
}

void buf_dec(struct buf *buf, int64_t v); /* as decimal text; far cheaper than buf_printf() */
void buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);

/* Big-endian numbers. */
void buf_i8(struct buf *buf, int8_t v);
void buf_i16(struct buf *buf, int16_t v);
void buf_i32(struct buf *buf, int32_t v);
void buf_i64(struct buf *buf, int64_t v);
void buf_f64(struct buf *buf, double v);
void buf_uvarint(struct buf *buf, uint64_t v); /* LEB128, as Kafka, Protobuf and Avro use it */
void buf_varint(struct buf *buf, int64_t v);   /* zig-zag, then LEB128 */

/* Overwrites what stands at `pos`: for lengths known later. pos + size must be written already. */
void buf_set_i32(struct buf *buf, size_t pos, int32_t v);
void buf_set_i64(struct buf *buf, size_t pos, int64_t v);

/* Text as a JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. */
void buf_json(struct buf *buf, struct str text);

#endif
