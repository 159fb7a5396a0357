/* rbuf.h - a bounded reader of bytes from outside, with a sticky error.
 *
 * A read past the end sets `bad`, yields 0 (or an empty str) and stays there: a decoder reads all
 * its fields, one per statement, and checks `bad` once at the end. A count is refused when the
 * bytes that remain cannot hold it, before anybody asks for memory. Everything returned points
 * into the input. Numbers are big-endian unless the name says otherwise. */
#ifndef BASE_RBUF_H
#define BASE_RBUF_H

#include "base/base.h"
#include "base/str.h"

struct rbuf {
    const unsigned char *at, *end;
    bool bad;
};

struct rbuf rbuf_of(const void *ptr, size_t len);
struct rbuf rbuf_of_str(struct str bytes);
size_t rbuf_left(const struct rbuf *in);
bool rbuf_done(const struct rbuf *in); /* all was read, nothing was bad */
void rbuf_fail(struct rbuf *in);       /* for a decoder that found nonsense itself */

int8_t rbuf_i8(struct rbuf *in);
uint8_t rbuf_u8(struct rbuf *in);
int16_t rbuf_i16(struct rbuf *in);
uint16_t rbuf_u16(struct rbuf *in);
int32_t rbuf_i32(struct rbuf *in);
uint32_t rbuf_u32(struct rbuf *in);
int64_t rbuf_i64(struct rbuf *in);
uint64_t rbuf_u64(struct rbuf *in);
double rbuf_f64(struct rbuf *in);
uint64_t rbuf_uvarint(struct rbuf *in); /* LEB128 of at most 64 bits */
int64_t rbuf_varint(struct rbuf *in);   /* zig-zag */
struct str rbuf_bytes(struct rbuf *in, size_t len);
void rbuf_skip(struct rbuf *in, size_t len);
/* Takes `cnt`, as read, for an array of elements of at least `min_size` (>= 1) bytes each: returns
 * it, or sets `bad` and returns 0 when it is negative or cannot be there. */
size_t rbuf_count(struct rbuf *in, int64_t cnt, size_t min_size);

#endif
