/* uuid.c - reading, writing and making ids. */
#include "base/uuid.h"

#include "base/err.h"

static int hex(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

static bool dash_at(size_t i) {
    return i == 8 || i == 13 || i == 18 || i == 23;
}

int uuid_parse(struct str text, struct uuid *out) {
    if (text.len != UUID_TEXT_LEN) goto bad;
    size_t byte = 0;
    for (size_t i = 0; i < UUID_TEXT_LEN;) {
        if (dash_at(i)) {
            if (text.ptr[i++] != '-') goto bad;
            continue;
        }
        int high = hex(text.ptr[i]), low = hex(text.ptr[i + 1]);
        if (high < 0 || low < 0) goto bad;
        out->byte[byte++] = (uint8_t)(high << 4 | low);
        i += 2;
    }
    return 0;
bad:
    return err_fail(ERR_INVAL, "'%.*s' is not a UUID", (int)MIN(text.len, 64), text.ptr);
}

void uuid_format(const struct uuid *id, char text[UUID_TEXT_LEN + 1]) {
    static const char digit[] = "0123456789abcdef";
    size_t at = 0;
    for (size_t i = 0; i < 16; i++) {
        if (dash_at(at)) text[at++] = '-';
        text[at++] = digit[id->byte[i] >> 4];
        text[at++] = digit[id->byte[i] & 15];
    }
    text[at] = 0;
}

static struct uuid stamp(struct uuid id, uint8_t version) {
    id.byte[6] = (uint8_t)((id.byte[6] & 0x0F) | version << 4);
    id.byte[8] = (uint8_t)((id.byte[8] & 0x3F) | 0x80);
    return id;
}

struct uuid uuid_random(struct env *env) {
    struct uuid id;
    env_random(env, id.byte, sizeof id.byte);
    return stamp(id, 4);
}

struct uuid uuid_ordered(struct env *env) {
    struct uuid id = uuid_random(env);
    uint64_t ms = (uint64_t)(env_now_us(env) / 1000);
    for (int i = 5; i >= 0; i--, ms >>= 8) id.byte[i] = (uint8_t)ms;
    return stamp(id, 7);
}
