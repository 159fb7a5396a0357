/* chars.h - UTF-8 text by characters (code points), and the macro that heads an eval().
 *
 * Malformed bytes count as Spark counts them: every byte that is no continuation begins a
 * character. */
#ifndef STREAM_OP_CHARS_H
#define STREAM_OP_CHARS_H

#include "stream/op/func.h"

/* The head of a func_eval. */
#define EVAL(name)                                                                                \
    static int name(void *state UNUSED, struct func_ctx *ctx UNUSED,                              \
                    const struct vec *const *arg UNUSED, struct vec *out UNUSED)

bool chars_ascii(struct str text);
size_t chars_cnt(struct str text);
/* The byte where character `n` (from 0) begins; text.len when there are not so many. */
size_t chars_at(struct str text, size_t n);
/* Bytes of the character at `pos` < text.len. */
static inline size_t chars_len(struct str text, size_t pos) {
    size_t len = 1;
    while (pos + len < text.len && ((unsigned char)text.ptr[pos + len] & 0xc0) == 0x80) len++;
    return len;
}
/* The code point at `pos`; *len its bytes. Malformed: U+FFFD and 1. */
uint32_t chars_code(struct str text, size_t pos, size_t *len);
size_t chars_put(uint32_t code, char *to); /* up to 4 bytes */
/* Where `part` first begins in `text` at or after byte `from`; SIZE_MAX: nowhere. */
size_t chars_find(struct str text, struct str part, size_t from);
/* SUBSTRING: from character `pos` (1 the first, negative from the end), `len` characters. */
struct str chars_sub(struct str text, int64_t pos, int64_t len);

#endif
