/* pg_value.c - JSON values into PostgreSQL's types and back. */
#include "landing/postgres/pg_value.h"

#include "base/b64.h"
#include "landing/landing_row.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define ARRAY_DEPTH_MAX 6            /* dimensions, as PostgreSQL's own limit */

enum { OID_BOOL = 16, OID_I64 = 20, OID_TEXT = 25, OID_JSON = 114, OID_F64 = 701,
       OID_JSONB = 3802 };

struct pg_type pg_value_type(uint32_t oid, uint32_t elem) {
    static const struct {
        uint32_t oid;
        enum pg_value_kind kind;
    } known[] = {
        {OID_BOOL, PG_VALUE_BOOL}, {OID_I64, PG_VALUE_INT}, {21, PG_VALUE_INT},
        {23, PG_VALUE_INT}, {26, PG_VALUE_INT}, {700, PG_VALUE_FLOAT}, {OID_F64, PG_VALUE_FLOAT},
        {1700, PG_VALUE_NUMERIC}, {OID_JSON, PG_VALUE_JSON}, {OID_JSONB, PG_VALUE_JSON},
        {1114, PG_VALUE_TIME}, {1184, PG_VALUE_TIMEZ}, {17, PG_VALUE_BYTES},
    };
    struct pg_type type = {oid, PG_VALUE_TEXT, elem != 0};
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (known[i].oid == (elem ? elem : oid)) type.kind = known[i].kind;
    return type;
}

const struct type *pg_value_model(const struct pg_type *type, struct arena *arena) {
    const struct type *item = type_of(TYPE_STRING);
    if (type->kind == PG_VALUE_BOOL) item = type_of(TYPE_BOOL);
    else if (type->kind == PG_VALUE_INT) item = type_of(TYPE_I64);
    else if (type->kind == PG_VALUE_FLOAT || type->kind == PG_VALUE_NUMERIC)
        item = type_of(TYPE_F64);
    return type->is_array ? type_array(arena, item) : item;
}

const char *pg_value_decl(const struct type *type, bool is_key) {
    switch (type->kind) {
    case TYPE_BOOL: return "boolean";
    case TYPE_I64: return "bigint";
    case TYPE_F64: return "double precision";
    case TYPE_STRING: return "text";
    default: return is_key ? "jsonb" : "json";
    }
}

/* ---- in ---- */

/* An escape that PostgreSQL's text cannot hold, or that would not come back as it was. */
static bool odd_escape(struct str raw) {
    for (size_t i = 0; i + 6 <= raw.len; i++) {
        if (raw.ptr[i] != '\\' || raw.ptr[i + 1] != 'u') continue;
        if (!memcmp(raw.ptr + i + 2, "0000", 4)) return true;
        if (raw.ptr[i + 2] == 'd' || raw.ptr[i + 2] == 'D') return true;
    }
    return false;
}

bool pg_value_fits(const struct pg_type *type, const struct json_value *json) {
    int64_t num;
    double real;
    switch (type->oid) {
    case OID_BOOL: return json->kind == JSON_BOOL;
    case OID_I64: return json->kind == JSON_INT && json_i64(json, &num);
    case OID_F64:
        if (json->kind == JSON_INT)
            return json_i64(json, &num) && num <= LANDING_ROW_I53 && num >= -LANDING_ROW_I53;
        return json->kind == JSON_REAL && json_f64(json, &real) &&
               landing_row_exact(json->raw, real);
    case OID_TEXT: return json->kind == JSON_STRING && !(json->escaped && odd_escape(json->raw));
    default: return true; /* json; and another program's columns, where the server has its say */
    }
}

struct str pg_value_in(const struct pg_type *type, const struct json_value *json,
                       struct arena *arena) {
    if (json->kind == JSON_NULL || !json->raw.ptr) return STR_NULL;
    if (json->kind != JSON_STRING) return json->raw;
    if (type->kind != PG_VALUE_JSON || type->is_array) return json_text(json, arena);
    if (!json->escaped || odd_escape(json->raw)) return json->raw;
    struct buf text; /* escapes as PostgreSQL's to_json() writes them, so that texts compare */
    buf_init(&text, 8 * json->raw.len + 16);
    buf_json(&text, json_text(json, arena));
    struct str out = arena_str(arena, buf_str(&text));
    buf_fini(&text);
    return out;
}

/* ---- out ---- */

/* Digits, a point, an exponent: what JSON takes too. The rest is NaN and Infinity, or no number. */
static bool is_number(struct str text) {
    const char *at = text.ptr, *end = at + text.len;
    at += at < end && *at == '-';
    bool zero = at < end && *at == '0';
    size_t digits = 0;
    for (; at < end && *at >= '0' && *at <= '9'; at++) digits++;
    if (!digits || (zero && digits > 1)) return false;
    if (at < end && *at == '.') {
        for (at++, digits = 0; at < end && *at >= '0' && *at <= '9'; at++) digits++;
        if (!digits) return false;
    }
    if (at < end && *at == 'e') {
        at++;
        at += at < end && (*at == '-' || *at == '+');
        for (digits = 0; at < end && *at >= '0' && *at <= '9'; at++) digits++;
        if (!digits) return false;
    }
    return at == end;
}

static void put_number(struct buf *out, struct str text, bool real) {
    if (!is_number(text)) {
        buf_putz(out, "null");
        return;
    }
    buf_puts(out, text);
    bool whole = !memchr(text.ptr, '.', text.len) && !memchr(text.ptr, 'e', text.len);
    if (real && whole) buf_putz(out, ".0");
}

/* What is too deep for readers of the whole row, or no JSON to them, becomes a string. */
static void put_json(struct buf *out, struct str text) {
    size_t start = out->len;
    buf_putc(out, '[');
    buf_puts(out, text);
    buf_putc(out, ']');
    if (out->full) return;
    if (json_check((struct str){out->ptr + start, out->len - start}, NULL)) {
        out->len = start;
        buf_json(out, text);
        return;
    }
    memmove(out->ptr + start, out->ptr + start + 1, text.len);
    out->len = start + text.len;
}

static void put_time(struct buf *out, struct str text, bool zone) {
    bool plain = text.len > 10 && text.ptr[10] == ' ' && text.ptr[4] == '-' &&
                 text.ptr[text.len - 1] != 'C'; /* not infinity, BC, nor a year over 9999 */
    if (!plain || (zone && !str_ends(text, STR("+00")))) {
        buf_json(out, text);
        return;
    }
    buf_putc(out, '"');
    buf_put(out, text.ptr, 10);
    buf_putc(out, 'T');
    buf_put(out, text.ptr + 11, text.len - 11 - (zone ? 3 : 0));
    buf_putz(out, zone ? "Z\"" : "\"");
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static void put_bytes(struct buf *out, struct str text) {
    if (!str_starts(text, STR("\\x"))) {
        buf_json(out, text);
        return;
    }
    struct buf bytes;
    buf_init(&bytes, text.len);
    for (size_t i = 2; i + 1 < text.len; i += 2) {
        int high = hex_digit(text.ptr[i]), low = hex_digit(text.ptr[i + 1]);
        buf_putc(&bytes, (char)(MAX(high, 0) << 4 | MAX(low, 0)));
    }
    buf_putc(out, '"');
    char *to = buf_room(out, B64_LEN(bytes.len));
    if (to) buf_used(out, b64_encode(buf_str(&bytes), to));
    buf_putc(out, '"');
    buf_fini(&bytes);
}

static void put_one(enum pg_value_kind kind, struct str text, struct buf *out) {
    switch (kind) {
    case PG_VALUE_BOOL: buf_putz(out, text.len && text.ptr[0] == 't' ? "true" : "false"); return;
    case PG_VALUE_INT:
    case PG_VALUE_NUMERIC: put_number(out, text, false); return;
    case PG_VALUE_FLOAT: put_number(out, text, true); return;
    case PG_VALUE_JSON: put_json(out, text); return;
    case PG_VALUE_TIME: put_time(out, text, false); return;
    case PG_VALUE_TIMEZ: put_time(out, text, true); return;
    case PG_VALUE_BYTES: put_bytes(out, text); return;
    case PG_VALUE_TEXT: buf_json(out, text); return;
    }
}

/* One element of an array's text, up to its comma or brace; false: the text is no array's. */
static bool put_element(enum pg_value_kind kind, const char **at, const char *end,
                        struct buf *out) {
    struct buf text;
    bool quoted = *at < end && **at == '"', closed = !quoted;
    buf_init(&text, (size_t)(end - *at) + 1);
    if (quoted) (*at)++;
    while (*at < end) {
        char c = **at;
        if (quoted ? c == '"' : c == ',' || c == '}') break;
        if (c == '\\' && *at + 1 < end) c = *++*at;
        buf_putc(&text, c);
        (*at)++;
    }
    if (quoted && *at < end) closed = true, (*at)++;
    if (!quoted && str_ieq(buf_str(&text), STR("null"))) buf_putz(out, "null");
    else put_one(kind, text.len ? buf_str(&text) : STR(""), out);
    buf_fini(&text);
    return closed;
}

/* "{1,NULL,{...}}"; a lower bound other than 1, "[0:1]={...}", is left out. */
static bool put_array(enum pg_value_kind kind, struct str text, struct buf *out) {
    const char *at = text.ptr, *end = at + text.len;
    int depth = 0;
    if (at < end && *at == '[') {
        while (at < end && *at != '=') at++;
        at += at < end;
    }
    while (at < end) {
        if (*at == '{') {
            if (++depth > ARRAY_DEPTH_MAX) return false;
            buf_putc(out, '[');
            at++;
        } else if (*at == '}') {
            buf_putc(out, ']');
            at++;
            if (--depth == 0) return at == end;
        } else if (*at == ',') {
            buf_putc(out, ',');
            at++;
        } else if (!depth || !put_element(kind, &at, end, out)) {
            return false;
        }
    }
    return false;
}

void pg_value_json(const struct pg_type *type, struct str text, struct buf *out) {
    if (!text.ptr) {
        buf_putz(out, "null");
        return;
    }
    if (!type->is_array) {
        put_one(type->kind, text, out);
        return;
    }
    size_t start = out->len;
    if (put_array(type->kind, text, out) || out->full) return;
    out->len = start;
    buf_json(out, text);
}
