/* uuid.h - 16-byte ids: text, random (v4) and time-ordered (v7). Source: RFC 9562. */
#ifndef BASE_UUID_H
#define BASE_UUID_H

#include "base/env.h"
#include "base/str.h"

#define UUID_TEXT_LEN 36

struct uuid {
    uint8_t byte[16];
};

/* 8-4-4-4-12 hex digits, either case: ERR_INVAL. */
int uuid_parse(struct str text, struct uuid *out) MUST_USE;
void uuid_format(const struct uuid *id, char text[UUID_TEXT_LEN + 1]); /* lower case */
struct uuid uuid_random(struct env *env);  /* v4 */
struct uuid uuid_ordered(struct env *env); /* v7: wall-clock milliseconds first */

#endif
