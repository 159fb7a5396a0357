/* json.c - the JSON cursor: one pass, a sticky error, and a stack that is one 64-bit word.
 *
 * Skipping a value is the hot loop. It keeps what is open as a bit per level (1: object) in
 * `stack`, which is why JSON_DEPTH_MAX is 64, and so needs neither recursion nor memory. Strings
 * are scanned 16 bytes at a time (json_scan.h); everything that is not a plain ASCII character
 * goes through json_odd_char().
 *
 * Invariants: (1) in->at <= in->end; (2) once in->why is set nothing moves any more, and in->at is
 * the byte to blame; (3) in->depth counts the containers that were entered and not yet left. */
#include "wire/json/json.h"

#include <stdlib.h>

#include "wire/json/json_scan.h"

static_assert(JSON_DEPTH_MAX <= 64, "the stack of open containers is a 64-bit word");

const char *json_fail(struct json *in, const char *p, int err, const char *why) {
    assert(err < 0 && why);
    if (in->why) return NULL;
    in->at = p;
    in->why = why;
    in->err = (uint8_t)-err;
    return NULL;
}

/* "expected ..." where the text goes on with something else, or not at all. */
static const char *fail_here(struct json *in, const char *p, const char *why) {
    return json_fail(in, p, p < in->end ? ERR_SYNTAX : ERR_TRUNC, why);
}

/* ---- characters ---- */

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits of \uXXXX, or -1. */
static int hex4(const char *p, const char *end) {
    int code = 0;
    if (end - p < 4) return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(p[i]);
        if (digit < 0) return -1;
        code = code << 4 | digit;
    }
    return code;
}

static const char *scan_escape(struct json *in, const char *p) {
    if (in->end - p < 2) return json_fail(in, in->end, ERR_TRUNC, "the text ends in an escape");
    switch (p[1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't': return p + 2;
    case 'u':
        if (hex4(p + 2, in->end) >= 0) return p + 6;
        return json_fail(in, p, ERR_SYNTAX, "\\u needs four hexadecimal digits");
    case '\'':
        if (in->flags & JSON_LAX) return p + 2;
        break;
    default: break;
    }
    return json_fail(in, p, ERR_SYNTAX, "unknown escape");
}

/* One UTF-8 sequence that is not ASCII; NULL when malformed. */
static const char *utf8_next(const char *p, const char *end) {
    const unsigned char *u = (const unsigned char *)p;
    size_t left = (size_t)(end - p);
#define TAIL(i) ((u[i] & 0xc0) == 0x80)
    if (u[0] >= 0xc2 && u[0] <= 0xdf) return left >= 2 && TAIL(1) ? p + 2 : NULL;
    if (left >= 3 && u[0] >= 0xe0 && u[0] <= 0xef) {
        if (!TAIL(1) || !TAIL(2)) return NULL;
        if (u[0] == 0xe0 && u[1] < 0xa0) return NULL; /* overlong */
        if (u[0] == 0xed && u[1] > 0x9f) return NULL; /* surrogates */
        return p + 3;
    }
    if (left >= 4 && u[0] >= 0xf0 && u[0] <= 0xf4) {
        if (!TAIL(1) || !TAIL(2) || !TAIL(3)) return NULL;
        if (u[0] == 0xf0 && u[1] < 0x90) return NULL;
        if (u[0] == 0xf4 && u[1] > 0x8f) return NULL;
        return p + 4;
    }
#undef TAIL
    return NULL;
}

/* At a character of a string that is not plain ASCII: past it, and past the ones after it that are
 * not ASCII either. */
const char *json_odd_char(struct json *in, const char *p, bool *escaped) {
    if (*p == '\\') {
        *escaped = true;
        return scan_escape(in, p);
    }
    if ((unsigned char)*p < 0x20)
        return json_fail(in, p, ERR_SYNTAX, "a control character in a string must be escaped");
    while (p < in->end && (unsigned char)*p >= 0x80) {
        const char *next = utf8_next(p, in->end);
        if (!next) return json_fail(in, p, ERR_SYNTAX, "not UTF-8");
        p = next;
    }
    return p;
}

/* ---- values that only JSON_LAX knows, and what is no value at all ---- */

static const char *scan_single(struct json *in, const char *p, bool *escaped) {
    for (p++; p < in->end;) {
        unsigned char c = (unsigned char)*p;
        if (c == '\'') return p + 1;
        if (c >= 0x20 && c < 0x80 && c != '\\') p++;
        else if (!(p = json_odd_char(in, p, escaped))) return NULL;
    }
    return json_fail(in, p, ERR_TRUNC, "the text ends inside a string");
}

/* NaN, INF, Infinity, the latter two with a sign: their length, or 0. */
static size_t lax_number(const char *p, const char *end) {
    static const char *const word[] = {"NaN",       "Infinity",  "INF", "-Infinity", "-INF",
                                       "+Infinity", "+INF"};
    for (size_t i = 0; i < ARRAY_LEN(word); i++) {
        size_t len = strlen(word[i]);
        if ((size_t)(end - p) >= len && memcmp(p, word[i], len) == 0) return len;
    }
    return 0;
}

/* What json_value_at() has no case for. */
const char *json_odd_value(struct json *in, const char *p, struct json_value *value) {
    if (p == in->end) return json_fail(in, p, ERR_TRUNC, "the text ends where a value belongs");
    if (in->flags & JSON_LAX) {
        size_t len = lax_number(p, in->end);
        bool escaped = false;
        const char *next = len ? p + len : *p == '\'' ? scan_single(in, p, &escaped) : NULL;
        if (next && value)
            *value = (struct json_value){len ? JSON_REAL : JSON_STRING, escaped,
                                         {p, (size_t)(next - p)}};
        if (next || in->why) return next;
    }
    return json_fail(in, p, ERR_SYNTAX, "this is no JSON value");
}

/* ---- skipping ---- */

/* A member's name at `p`, its colon, and the white space after it. */
const char *json_scan_name(struct json *in, const char *p, struct str *name) {
    bool escaped = false;
    const char *from = p + 1;
    if (p < in->end && *p == '"') p = json_scan_string(in, from, &escaped);
    else if (p < in->end && *p == '\'' && in->flags & JSON_LAX) p = scan_single(in, p, &escaped);
    else return fail_here(in, p, "a member's name in quotes is missing");
    if (!p) return NULL;
    if (name) *name = (struct str){from, (size_t)(p - 1 - from)};
    p = json_scan_space(in, p);
    if (p == in->end || *p != ':') return fail_here(in, p, "':' is missing after a name");
    return json_scan_space(in, p + 1);
}

/* A value that is no container. */
static inline const char *scan_scalar(struct json *in, const char *p, struct json_value *value) {
    const char *from = p;
    bool flag = false;
    value->escaped = false;
    switch (p < in->end ? *p : 0) {
    case '"':
        value->kind = JSON_STRING;
        p = json_scan_string(in, p + 1, &flag);
        value->escaped = flag;
        break;
    case 't':
        value->kind = JSON_BOOL;
        p = json_scan_word(in, p, "true", 4);
        break;
    case 'f':
        value->kind = JSON_BOOL;
        p = json_scan_word(in, p, "false", 5);
        break;
    case 'n':
        value->kind = JSON_NULL;
        p = json_scan_word(in, p, "null", 4);
        break;
    case '-':
        if (in->flags & JSON_LAX && lax_number(p, in->end)) return json_odd_value(in, p, value);
        /* fall through */
    case '0': case '1': case '2': case '3': case '4':
    case '5': case '6': case '7': case '8': case '9':
        p = json_scan_number(in, p, &flag);
        value->kind = flag ? JSON_REAL : JSON_INT;
        break;
    default: return json_odd_value(in, p, value);
    }
    if (p) value->raw = (struct str){from, (size_t)(p - from)};
    return p;
}

/* The value at `p`, with all that is in it. */
const char *json_skip_at(struct json *in, const char *p) {
    uint64_t stack = 0; /* bit 0: the innermost container is an object */
    unsigned open = 0;
    struct json_value value;
    for (;;) {
        if (p < in->end && (*p == '{' || *p == '[')) {
            bool object = *p == '{';
            if (in->depth + open == JSON_DEPTH_MAX)
                return json_fail(in, p, ERR_TOO_BIG, "nested deeper than 64 levels");
            stack = stack << 1 | object;
            open++;
            p = json_scan_space(in, p + 1);
            if (p == in->end || *p != (object ? '}' : ']')) {
                if (object && !(p = json_scan_name(in, p, NULL))) return NULL;
                continue;
            }
            p++;
            stack >>= 1;
            open--;
        } else if (!(p = scan_scalar(in, p, &value))) {
            return NULL;
        }
        for (;;) { /* after a value */
            if (!open) return p;
            p = json_scan_space(in, p);
            char closing = stack & 1 ? '}' : ']';
            if (p < in->end && *p == ',') break;
            if (p == in->end || *p != closing)
                return fail_here(in, p, stack & 1 ? "',' or '}' is missing" :
                                                    "',' or ']' is missing");
            p++;
            stack >>= 1;
            open--;
        }
        p = json_scan_space(in, p + 1);
        if (stack & 1 && !(p = json_scan_name(in, p, NULL))) return NULL;
    }
}

const char *json_value_at(struct json *in, const char *p, struct json_value *value) {
    const char *from = p;
    if (p == in->end || (*p != '{' && *p != '[')) return scan_scalar(in, p, value);
    *value = (struct json_value){*p == '{' ? JSON_OBJECT : JSON_ARRAY, false, STR_NULL};
    p = json_skip_at(in, p);
    if (p) value->raw = (struct str){from, (size_t)(p - from)};
    return p;
}

/* ---- the cursor ---- */

void json_open(struct json *in, struct str text, unsigned flags) {
    assert(text.ptr || !text.len);
    const char *ptr = text.ptr ? text.ptr : "";
    *in = (struct json){.at = ptr, .end = ptr + text.len, .base = ptr, .flags = (uint8_t)flags};
    in->at = json_scan_space(in, in->at);
}

bool json_enter(struct json *in, char opening) {
    assert(opening == '{' || opening == '[');
    if (in->why) return false;
    if (in->at == in->end || *in->at != opening)
        return fail_here(in, in->at, opening == '{' ? "an object is wanted here" :
                                                      "an array is wanted here") != NULL;
    if (in->depth == JSON_DEPTH_MAX)
        return json_fail(in, in->at, ERR_TOO_BIG, "nested deeper than 64 levels") != NULL;
    in->depth++;
    in->fresh = true;
    in->at = json_scan_space(in, in->at + 1);
    return true;
}

/* Past the comma between items, or out of the container: then *more is false. */
bool json_step(struct json *in, char closing, bool *more) {
    assert(in->depth > 0);
    const char *p = json_scan_space(in, in->at);
    *more = true;
    if (p < in->end && *p == closing) {
        in->at = p + 1;
        in->depth--;
        *more = false;
    } else if (in->fresh) {
        in->at = p;
    } else if (p < in->end && *p == ',') {
        in->at = json_scan_space(in, p + 1);
    } else {
        fail_here(in, p, closing == '}' ? "',' or '}' is missing" : "',' or ']' is missing");
        return false;
    }
    in->fresh = false;
    return true;
}

bool json_member(struct json *in, struct str *name) {
    bool more;
    *name = STR_NULL;
    if (in->why || !json_step(in, '}', &more) || !more) return false;
    const char *p = json_scan_name(in, in->at, name);
    if (!p) return false;
    in->at = p;
    return true;
}

bool json_item(struct json *in) {
    bool more;
    return !in->why && json_step(in, ']', &more) && more;
}

bool json_value(struct json *in, struct json_value *value) {
    const char *p = in->why ? NULL : json_value_at(in, in->at, value);
    if (!p) {
        *value = (struct json_value){JSON_NULL, false, STR_NULL};
        return false;
    }
    in->at = p;
    return true;
}

bool json_skip(struct json *in) {
    const char *p = in->why ? NULL : json_skip_at(in, in->at);
    if (p) in->at = p;
    return p != NULL;
}

enum json_kind json_kind(struct json *in) {
    if (in->why || in->at == in->end) return JSON_NULL;
    switch (*in->at) {
    case '{': return JSON_OBJECT;
    case '[': return JSON_ARRAY;
    case '"':
    case '\'': return JSON_STRING;
    case 't':
    case 'f': return JSON_BOOL;
    case 'n': return JSON_NULL;
    default: return JSON_INT;
    }
}

void json_close(struct json *in) {
    if (in->why) return;
    assert(in->depth == 0);
    in->at = json_scan_space(in, in->at);
    if (in->at < in->end)
        json_fail(in, in->at, ERR_SYNTAX, "something is left over after the value");
}

int json_err(const struct json *in) {
    if (!in->why) return 0;
    return err_fail((enum err)(-(int)in->err), "JSON: byte %zu: %s", json_pos(in), in->why);
}

size_t json_pos(const struct json *in) {
    return (size_t)(in->at - in->base);
}

int json_check(struct str text, size_t *pos) {
    struct json in;
    json_open(&in, text, 0);
    json_skip(&in);
    json_close(&in);
    if (pos) *pos = json_pos(&in);
    return json_err(&in);
}

int json_whole(struct str text, struct json_value *value) {
    struct json in;
    json_open(&in, text, 0);
    json_value(&in, value);
    json_close(&in);
    return json_err(&in);
}

/* ---- contents ---- */

static char *put_utf8(char *to, uint32_t code) {
    if (code < 0x80) {
        *to++ = (char)code;
    } else if (code < 0x800) {
        *to++ = (char)(0xc0 | code >> 6);
        *to++ = (char)(0x80 | (code & 63));
    } else if (code < 0x10000) {
        *to++ = (char)(0xe0 | code >> 12);
        *to++ = (char)(0x80 | (code >> 6 & 63));
        *to++ = (char)(0x80 | (code & 63));
    } else {
        *to++ = (char)(0xf0 | code >> 18);
        *to++ = (char)(0x80 | (code >> 12 & 63));
        *to++ = (char)(0x80 | (code >> 6 & 63));
        *to++ = (char)(0x80 | (code & 63));
    }
    return to;
}

/* \uXXXX at `p`, together with the second half of a pair. */
static const char *take_unicode(const char *p, const char *end, char **to) {
    int code = hex4(p + 2, end);
    assert(code >= 0); /* the scanner has seen it */
    p += 6;
    if (code >= 0xd800 && code < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
        int low = hex4(p + 2, end);
        if (low >= 0xdc00 && low < 0xe000) {
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            p += 6;
        }
    }
    if (code >= 0xd800 && code < 0xe000) code = '?';
    *to = put_utf8(*to, (uint32_t)code);
    return p;
}

size_t json_unescape(struct str body, char *to) {
    const char *p = body.ptr, *end = p + body.len;
    char *from = to;
    while (p < end) {
        const char *slash = memchr(p, '\\', (size_t)(end - p));
        size_t plain = (size_t)((slash ? slash : end) - p);
        memcpy(to, p, plain);
        to += plain;
        p += plain;
        if (p == end) break;
        assert(end - p >= 2);
        switch (p[1]) {
        case 'u': p = take_unicode(p, end, &to); continue;
        case 'b': *to++ = '\b'; break;
        case 'f': *to++ = '\f'; break;
        case 'n': *to++ = '\n'; break;
        case 'r': *to++ = '\r'; break;
        case 't': *to++ = '\t'; break;
        default: *to++ = p[1]; break;
        }
        p += 2;
    }
    return (size_t)(to - from);
}

struct str json_name(struct str name, struct arena *arena) {
    if (!name.len || !memchr(name.ptr, '\\', name.len)) return name;
    char *to = arena_bytes(arena, name.len);
    return (struct str){to, json_unescape(name, to)};
}

struct str json_text(const struct json_value *value, struct arena *arena) {
    if (value->kind != JSON_STRING) return value->raw;
    assert(value->raw.len >= 2);
    struct str body = {value->raw.ptr + 1, value->raw.len - 2};
    return value->escaped ? json_name(body, arena) : body;
}

bool json_i64(const struct json_value *value, int64_t *out) {
    if (value->kind != JSON_INT) return false;
    const char *p = value->raw.ptr, *end = p + value->raw.len;
    bool neg = *p == '-';
    uint64_t sum = 0, limit = (uint64_t)INT64_MAX + neg;
    p += neg;
    if (end - p > 19) return false; /* no leading zeros: 20 digits are too many */
    for (const char *safe = MIN(end, p + 18); p < safe; p++)
        sum = sum * 10 + (uint64_t)(*p - '0');
    if (p < end) {
        uint64_t digit = (uint64_t)(*p - '0');
        if (sum > (limit - digit) / 10) return false;
        sum = sum * 10 + digit;
    }
    *out = neg ? (int64_t)(0 - sum) : (int64_t)sum;
    return true;
}

static double slow_f64(struct str raw) {
    char small[128], *text = small;
    if (raw.len >= sizeof small) text = base_alloc(raw.len + 1);
    memcpy(text, raw.ptr, raw.len);
    text[raw.len] = 0;
    double out = strtod(text, NULL);
    if (text != small) base_free(text);
    return out;
}

/* Up to 2^53 times or divided by an exact power of ten is correctly rounded by the hardware;
 * everything else is left to strtod(). */
bool json_f64(const struct json_value *value, double *out) {
    static const double power[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (value->kind != JSON_INT && value->kind != JSON_REAL) return false;
    struct str raw = value->raw;
    const char *p = raw.ptr, *end = p + raw.len;
    bool neg = *p == '-';
    uint64_t sum = 0;
    int digits = 0, scale = 0, seen = 0;
    for (p += neg; p < end && digits < 19; p++) {
        if (*p == '.' && !seen) {
            seen = 1;
            continue;
        }
        if ((unsigned char)(*p - '0') > 9) break;
        sum = sum * 10 + (uint64_t)(*p - '0');
        digits += sum > 0;
        scale += seen;
    }
    if (p < end || scale > 22 || sum > (uint64_t)1 << 53) {
        *out = slow_f64(raw); /* also NaN and the infinities of JSON_LAX */
        return true;
    }
    *out = (double)sum / power[scale];
    if (neg) *out = -*out;
    return true;
}
