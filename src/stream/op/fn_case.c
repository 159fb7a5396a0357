/* fn_case.c - upper, lower, initcap: ASCII by table, everything else by ICU's full mappings. */
#include <unicode/ucasemap.h>
#include <unicode/ustring.h>

#include "stream/op/chars.h"
#include "stream/op/fn_case.h"
#include "stream/op/func_table.h"

enum how { UPPER, LOWER };

static void ascii_case(struct str text, char *to, enum how how) {
    char first = how == UPPER ? 'a' : 'A';
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        to[i] = (char)(c ^ ((unsigned char)(c - (unsigned char)first) < 26 ? 0x20 : 0));
    }
}

/* The root locale's case map, opened once; never closed. */
static const UCaseMap *case_map(void) {
    static _Thread_local UCaseMap *map;
    UErrorCode code = U_ZERO_ERROR;
    if (!map) map = ucasemap_open("", 0, &code);
    return map;
}

/* Full mapping may make text longer: up to three times. */
static struct str unicode_case(struct func_ctx *ctx, uint32_t row, struct str text, enum how how) {
    size_t room = text.len * 3 + 16;
    char *to = func_room(ctx, row, room);
    UErrorCode code = U_ZERO_ERROR;
    if (!to) return STR("");
    int32_t len = how == UPPER ? ucasemap_utf8ToUpper(case_map(), to, (int32_t)room, text.ptr,
                                                      (int32_t)text.len, &code)
                               : ucasemap_utf8ToLower(case_map(), to, (int32_t)room, text.ptr,
                                                      (int32_t)text.len, &code);
    if (U_FAILURE(code)) {
        func_error(ctx, row, "case of %zu bytes of text: %s", text.len, u_errorName(code));
        return STR("");
    }
    return func_trim(ctx, to, to + len);
}

static struct str change_case(struct func_ctx *ctx, uint32_t row, struct str text, enum how how) {
    if (!chars_ascii(text)) return unicode_case(ctx, row, text, how);
    char *to = func_room(ctx, row, text.len);
    if (!to) return STR("");
    ascii_case(text, to, how);
    return (struct str){to, text.len};
}

struct str fn_case_upper(struct func_ctx *ctx, uint32_t row, struct str text) {
    return change_case(ctx, row, text, UPPER);
}

struct str fn_case_lower(struct func_ctx *ctx, uint32_t row, struct str text) {
    return change_case(ctx, row, text, LOWER);
}

EVAL(eval_upper) {
    FUNC_EACH(ctx, row) out->str[row] = change_case(ctx, row, func_str(arg[0], row), UPPER);
    return 0;
}

EVAL(eval_lower) {
    FUNC_EACH(ctx, row) out->str[row] = change_case(ctx, row, func_str(arg[0], row), LOWER);
    return 0;
}

/* A character as a title begins with it: up to 3 characters. */
static size_t put_title(uint32_t code, char *to) {
    UChar in[2], wide[8];
    int32_t len = 0, cnt = 0;
    UErrorCode err = U_ZERO_ERROR;
    U16_APPEND_UNSAFE(in, len, code);
    cnt = u_strToTitle(wide, ARRAY_LEN(wide), in, len, NULL, "", &err);
    u_strToUTF8(to, 16, &len, wide, U_SUCCESS(err) ? cnt : 0, &err);
    return U_SUCCESS(err) ? (size_t)len : chars_put(code, to);
}

/* The first character of every word between spaces as a title's, the rest lower. */
EVAL(eval_initcap) {
    FUNC_EACH(ctx, row) {
        struct str low = change_case(ctx, row, func_str(arg[0], row), LOWER);
        char *to = func_room(ctx, row, low.len * 6 + 16);
        if (!to) continue;
        char *start = to;
        bool first = true;
        for (size_t at = 0, len; at < low.len; at += len) {
            uint32_t code = chars_code(low, at, &len);
            if (first && code < 0x80) {
                *to++ = (char)(code >= 'a' && code <= 'z' ? code - 32 : code);
            } else if (first && code != 0xfffd) {
                to += put_title(code, to);
            } else {
                memcpy(to, low.ptr + at, len);
                to += len;
            }
            first = low.ptr[at] == ' ';
        }
        out->str[row] = func_trim(ctx, start, to);
    }
    return 0;
}

const struct func fn_case[] = {
    {"upper", "s:s", eval_upper, 0, NULL, NULL},
    {"ucase", "s:s", eval_upper, 0, NULL, NULL},
    {"lower", "s:s", eval_lower, 0, NULL, NULL},
    {"lcase", "s:s", eval_lower, 0, NULL, NULL},
    {"initcap", "s:s", eval_initcap, 0, NULL, NULL},
    {NULL, NULL, NULL, 0, NULL, NULL},
};
