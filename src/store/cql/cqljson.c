/* cqljson.c - a JSON reader that knows what it is to find. */
#include "store/cql/cqljson.h"

#include "base/err.h"
#include "store/cql/cqlvalue.h"
#include "wire/cql/cqltext.h"

#define SKIP_DEPTH_MAX 64
#define ITEM_MAX       1000000
#define VALUE_MAX      (64 * MIB)

struct json {
    const char *at, *end;
    struct arena *arena;
};

static int fail(const struct json *in, const char *what) {
    size_t len = MIN((size_t)(in->end - in->at), (size_t)40);
    return err_fail(ERR_INVAL, "Could not decode JSON string as a map: %s at '%.*s'", what,
                    (int)len, in->at);
}

static void skip_space(struct json *in) {
    while (in->at < in->end && strchr(" \t\r\n", *in->at) && *in->at)
        in->at++;
}

static bool accept(struct json *in, char c) {
    skip_space(in);
    if (in->at == in->end || *in->at != c) return false;
    in->at++;
    return true;
}

static int hex4(struct json *in, uint32_t *out) {
    *out = 0;
    if (in->end - in->at < 4) return fail(in, "a bad escape");
    for (int i = 0; i < 4; i++) {
        char c = *in->at++;
        int digit = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f'
                                                         ? (c | 32) - 'a' + 10 : -1;
        if (digit < 0) return fail(in, "a bad escape");
        *out = *out << 4 | (uint32_t)digit;
    }
    return 0;
}

static size_t put_utf8(uint32_t c, char *out) {
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t cnt = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char head[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = cnt; i-- > 1; c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3F));
    out[0] = (char)(head[cnt] | c);
    return cnt;
}

/* Behind a backslash. */
static int escape(struct json *in, char *out, size_t *len) {
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (in->at == in->end) return fail(in, "a bad escape");
    char c = *in->at++;
    const char *plain = c ? strchr(from, c) : NULL;
    if (plain) {
        out[0] = to[plain - from];
        *len = 1;
        return 0;
    }
    uint32_t high, low;
    if (c != 'u') return fail(in, "a bad escape");
    int err = hex4(in, &high);
    if (err) return err;
    if (high >= 0xD800 && high < 0xDC00 && in->end - in->at > 6 && in->at[0] == '\\' &&
        in->at[1] == 'u') {
        in->at += 2;
        if ((err = hex4(in, &low))) return err;
        if (low >= 0xDC00 && low < 0xE000) high = 0x10000 + ((high - 0xD800) << 10) + low - 0xDC00;
        else high = 0xFFFD;
    } else if (high >= 0xD800 && high < 0xE000) {
        high = 0xFFFD;
    }
    *len = put_utf8(high, out);
    return 0;
}

static int string(struct json *in, struct str *out) {
    if (!accept(in, '"')) return fail(in, "a string is missing");
    const char *close = in->at;
    while (close < in->end && *close != '"')
        close += *close == '\\' && close + 1 < in->end ? 2 : 1;
    if (close >= in->end) return fail(in, "a string has no end");
    char *copy = arena_bytes(in->arena, (size_t)(close - in->at) + 4);
    size_t used = 0, len = 1;
    while (*in->at != '"') {
        char c = *in->at++;
        int err = c == '\\' ? escape(in, copy + used, &len) : 0;
        if (err) return err;
        if (c != '\\') copy[used] = c;
        used += c == '\\' ? len : 1;
    }
    in->at++;
    *out = (struct str){copy, used};
    return 0;
}

/* A bare word: a number, true, false, null. */
static struct str bare(struct json *in) {
    skip_space(in);
    const char *from = in->at;
    while (in->at < in->end && *in->at && !strchr(" \t\r\n,]}:[{\"", *in->at))
        in->at++;
    return (struct str){from, (size_t)(in->at - from)};
}

static int skip_value(struct json *in) {
    int depth = 0;
    do {
        struct str text;
        skip_space(in);
        if (in->at == in->end) return fail(in, "a value is missing");
        char c = *in->at;
        if (c == '"') {
            int err = string(in, &text);
            if (err) return err;
        } else if (strchr("[]{},:", c) && c) {
            depth += c == '[' || c == '{' ? 1 : c == ']' || c == '}' ? -1 : 0;
            if (depth > SKIP_DEPTH_MAX || depth < 0) return fail(in, "bad nesting");
            in->at++;
        } else if (!bare(in).len) {
            return fail(in, "an unknown sign");
        }
    } while (depth > 0);
    return 0;
}

/* ---- values --------------------------------------------------------------------------------- */

static int value(struct json *in, const struct cqltype *type, struct str *out);

static int scalar(struct json *in, const struct cqltype *type, struct str *out) {
    struct str text;
    struct buf buf;
    bool quoted = in->at < in->end && *in->at == '"';
    int err = 0;
    if (quoted) err = string(in, &text);
    else text = bare(in);
    if (err) return err;
    if (cqltype_is_text(type) && !quoted)
        return err_fail(ERR_INVAL, "Expected a UTF-8 string, but got: %.*s", STR_ARG(text));
    buf_init(&buf, VALUE_MAX);
    err = cqltext_parse(type, text, &buf);
    *out = arena_str(in->arena, buf_str(&buf));
    buf_fini(&buf);
    return err;
}

struct items {
    struct str *item;
    size_t cnt, cap;
};

static int push(struct json *in, struct items *items, struct str item) {
    if (items->cnt == items->cap) {
        size_t cap = items->cap ? 2 * items->cap : 8;
        struct str *grown = arena_array(in->arena, struct str, cap);
        if (items->cnt) memcpy(grown, items->item, items->cnt * sizeof *grown);
        items->item = grown;
        items->cap = cap;
    }
    if (items->cnt == ITEM_MAX) return fail(in, "too many items");
    items->item[items->cnt++] = item;
    return 0;
}

static int array(struct json *in, const struct cqltype *type, struct str *out) {
    struct items items = {0};
    size_t most = type->kind == CQL_TUPLE ? type->arg_cnt : type->kind == CQL_VECTOR ? type->dim
                                                                                     : ITEM_MAX;
    if (!accept(in, '[')) return fail(in, "a list is expected");
    while (!accept(in, ']')) {
        struct str item;
        if (items.cnt && !accept(in, ',')) return fail(in, "a comma is missing");
        if (items.cnt == most) return fail(in, "too many items");
        int err = value(in, cqlvalue_item_type(type, items.cnt), &item);
        if (err || (err = push(in, &items, item))) return err;
    }
    if (type->kind == CQL_VECTOR && items.cnt != most) return fail(in, "too few items");
    while (type->kind == CQL_TUPLE && items.cnt < most) {
        int err = push(in, &items, STR_NULL);
        if (err) return err;
    }
    return cqlvalue_pack(type, items.item, items.cnt, in->arena, out);
}

/* A map's key is a string that holds a value of any type. */
static int map_key(struct json *in, const struct cqltype *type, struct str *out) {
    struct str text;
    int err = string(in, &text);
    if (err) return err;
    *out = text;
    if (cqltype_is_text(type)) return cqltype_validate(type, text);
    if (!cqltype_scalar(type->kind)) return cqljson_parse(type, text, in->arena, out);
    struct buf buf;
    buf_init(&buf, VALUE_MAX);
    err = cqltext_parse(type, text, &buf);
    *out = arena_str(in->arena, buf_str(&buf));
    buf_fini(&buf);
    return err;
}

static int map(struct json *in, const struct cqltype *type, struct str *out) {
    struct items items = {0};
    if (!accept(in, '{')) return fail(in, "an object is expected");
    while (!accept(in, '}')) {
        struct str key, item;
        if (items.cnt && !accept(in, ',')) return fail(in, "a comma is missing");
        skip_space(in);
        int err = map_key(in, type->arg[0], &key);
        if (err) return err;
        if (!accept(in, ':')) return fail(in, "a colon is missing");
        if ((err = value(in, type->arg[1], &item))) return err;
        if ((err = push(in, &items, key)) || (err = push(in, &items, item))) return err;
    }
    return cqlvalue_pack(type, items.item, items.cnt, in->arena, out);
}

static int udt(struct json *in, const struct cqltype *type, struct str *out) {
    struct str *item = arena_array(in->arena, struct str, type->arg_cnt + 1u);
    if (!accept(in, '{')) return fail(in, "an object is expected");
    for (size_t n = 0; !accept(in, '}'); n++) {
        struct str name;
        size_t at = 0;
        if (n && !accept(in, ',')) return fail(in, "a comma is missing");
        skip_space(in);
        int err = string(in, &name);
        if (err) return err;
        while (at < type->arg_cnt && !str_eq(type->field[at], name))
            at++;
        if (at == type->arg_cnt)
            return err_fail(ERR_INVAL, "User type %.*s has no field %.*s", STR_ARG(type->name),
                            STR_ARG(name));
        if (!accept(in, ':')) return fail(in, "a colon is missing");
        if ((err = value(in, type->arg[at], &item[at]))) return err;
    }
    return cqlvalue_pack(type, item, type->arg_cnt, in->arena, out);
}

static int value(struct json *in, const struct cqltype *type, struct str *out) {
    skip_space(in);
    if (in->end - in->at >= 4 && memcmp(in->at, "null", 4) == 0) {
        in->at += 4;
        *out = STR_NULL;
        return 0;
    }
    if (cqltype_scalar(type->kind)) return scalar(in, type, out);
    if (type->kind == CQL_MAP) return map(in, type, out);
    if (type->kind == CQL_UDT) return udt(in, type, out);
    return array(in, type, out);
}

int cqljson_parse(const struct cqltype *type, struct str json, struct arena *arena,
                  struct str *out) {
    struct json in = {json.ptr, json.ptr + json.len, arena};
    int err = value(&in, type, out);
    if (err) return err;
    skip_space(&in);
    return in.at == in.end ? 0 : fail(&in, "something stands behind the value");
}

int cqljson_object(struct str json, struct arena *arena,
                   int (*member)(void *arg, struct str name, struct str value), void *arg) {
    struct json in = {json.ptr, json.ptr + json.len, arena};
    if (!accept(&in, '{')) return fail(&in, "an object is expected");
    for (size_t n = 0; !accept(&in, '}'); n++) {
        struct str name;
        if (n && !accept(&in, ',')) return fail(&in, "a comma is missing");
        skip_space(&in);
        int err = string(&in, &name);
        if (err) return err;
        if (!accept(&in, ':')) return fail(&in, "a colon is missing");
        skip_space(&in);
        const char *from = in.at;
        if ((err = skip_value(&in))) return err;
        if ((err = member(arg, name, (struct str){from, (size_t)(in.at - from)}))) return err;
    }
    skip_space(&in);
    return in.at == in.end ? 0 : fail(&in, "something stands behind the object");
}
