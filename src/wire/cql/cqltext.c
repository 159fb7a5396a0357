/* cqltext.c - values as text: constants read, values shown. */
#include "wire/cql/cqltext.h"

#include "base/err.h"
#include "base/uuid.h"
#include "wire/cql/cqlnum.h"
#include "wire/cql/cqltime.h"
#include "wire/cql/cqlvint.h"

#include <arpa/inet.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- reading -------------------------------------------------------------------------------- */

static int unable(const char *what, struct str text) {
    return err_fail(ERR_TYPE, "Unable to make %s from '%.*s'", what,
                    (int)MIN(text.len, (size_t)200), text.ptr ? text.ptr : "");
}

static int parse_int(struct str text, int bytes, const char *what, struct buf *out) {
    int64_t v;
    if (str_i64(text, &v)) return unable(what, text);
    int64_t limit = bytes == 8 ? INT64_MAX : (INT64_C(1) << (bytes * 8 - 1)) - 1;
    if (v > limit || v < -limit - 1) return unable(what, text);
    for (int shift = bytes * 8 - 8; shift >= 0; shift -= 8)
        buf_putc(out, (char)((uint64_t)v >> shift));
    return 0;
}

static int parse_float(struct str text, bool single, struct buf *out) {
    double v;
    const char *what = single ? "float" : "double";
    if (str_ieq(text, STR("nan")) || str_ieq(text, STR("-nan"))) v = (double)NAN;
    else if (str_ieq(text, STR("infinity"))) v = (double)INFINITY;
    else if (str_ieq(text, STR("-infinity"))) v = -(double)INFINITY;
    else if (str_f64(text, &v)) return unable(what, text);
    if (!single) {
        buf_f64(out, v);
        return 0;
    }
    float f = (float)v;
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    buf_i32(out, (int32_t)bits);
    return 0;
}

static int parse_uuid(struct str text, bool time_only, struct buf *out) {
    struct uuid id;
    if (uuid_parse(text, &id)) return unable("UUID", text);
    if (time_only && id.byte[6] >> 4 != 1)
        return err_fail(ERR_TYPE, "TimeUUID supports only version 1 UUIDs");
    buf_put(out, id.byte, sizeof id.byte);
    return 0;
}

static int parse_inet(struct str text, struct buf *out) {
    char name[64];
    unsigned char bytes[16];
    if (text.len < sizeof name) {
        snprintf(name, sizeof name, "%.*s", STR_ARG(text));
        int v4 = inet_pton(AF_INET, name, bytes);
        if (v4 == 1 || inet_pton(AF_INET6, name, bytes) == 1) {
            buf_put(out, bytes, v4 == 1 ? 4 : 16);
            return 0;
        }
    }
    return unable("inet address", text);
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int parse_blob(struct str text, struct buf *out) {
    if (!str_starts(text, STR("0x")) && !str_starts(text, STR("0X")))
        return err_fail(ERR_TYPE, "cannot parse '%.*s' as hex bytes", STR_ARG(text));
    if (text.len % 2)
        return err_fail(ERR_TYPE, "cannot parse '%.*s' as hex bytes", STR_ARG(text));
    if (text.len == 2) return 0;
    char *room = buf_room(out, text.len / 2 - 1);
    if (!room) return err_fail(ERR_TOO_BIG, "a blob does not fit");
    for (size_t i = 2; i < text.len; i += 2) {
        int high = hex_digit(text.ptr[i]), low = hex_digit(text.ptr[i + 1]);
        if (high < 0 || low < 0)
            return err_fail(ERR_TYPE, "cannot parse '%.*s' as hex bytes", STR_ARG(text));
        room[i / 2 - 1] = (char)(high << 4 | low);
    }
    buf_used(out, text.len / 2 - 1);
    return 0;
}

static int parse_bool(struct str text, struct buf *out) {
    bool yes = str_ieq(text, STR("true"));
    if (!yes && !str_ieq(text, STR("false")) && text.len) return unable("boolean", text);
    buf_putc(out, (char)yes);
    return 0;
}

static int parse_date(struct str text, struct buf *out) {
    int64_t days;
    if (!str_i64(text, &days)) {
        if (days < 0 || days > UINT32_MAX)
            return err_fail(ERR_TYPE, "Unable to coerce '%.*s' to a formatted date (long)",
                            STR_ARG(text));
        buf_i32(out, (int32_t)(uint32_t)days);
        return 0;
    }
    int err = cqltime_parse_date(text, &days);
    if (err) return err;
    buf_i32(out, (int32_t)((uint32_t)days ^ 0x80000000u));
    return 0;
}

static int parse_time(struct str text, struct buf *out) {
    int64_t nanos;
    if (str_i64(text, &nanos)) {
        int err = cqltime_parse_time(text, &nanos);
        if (err) return err;
    } else if (nanos < 0 || nanos >= INT64_C(86400000000000)) {
        return err_fail(ERR_TYPE, "Input long out of bounds: %" PRId64, nanos);
    }
    buf_i64(out, nanos);
    return 0;
}

static int parse_span(struct str text, struct buf *out) {
    struct cqltime_span span;
    int err = cqltime_parse_span(text, &span);
    if (err) return err;
    cqlvint_write(out, span.months);
    cqlvint_write(out, span.days);
    cqlvint_write(out, span.nanos);
    return 0;
}

int cqltext_parse(const struct cqltype *type, struct str text, struct buf *out) {
    int64_t ms;
    int err;
    switch (type->kind) {
    case CQL_ASCII: case CQL_TEXT:
        if ((err = cqltype_validate(type, text))) return err;
        buf_puts(out, text);
        return 0;
    case CQL_TINYINT: return parse_int(text, 1, "byte", out);
    case CQL_SMALLINT: return parse_int(text, 2, "short", out);
    case CQL_INT: return parse_int(text, 4, "int", out);
    case CQL_BIGINT: case CQL_COUNTER: return parse_int(text, 8, "long", out);
    case CQL_FLOAT: return parse_float(text, true, out);
    case CQL_DOUBLE: return parse_float(text, false, out);
    case CQL_VARINT: return cqlnum_parse_int(text, out) ? unable("BigInteger", text) : 0;
    case CQL_DECIMAL: return cqlnum_parse(text, out) ? unable("BigDecimal", text) : 0;
    case CQL_BOOLEAN: return parse_bool(text, out);
    case CQL_BLOB: return parse_blob(text, out);
    case CQL_UUID: return parse_uuid(text, false, out);
    case CQL_TIMEUUID: return parse_uuid(text, true, out);
    case CQL_INET: return parse_inet(text, out);
    case CQL_DATE: return parse_date(text, out);
    case CQL_TIME: return parse_time(text, out);
    case CQL_DURATION: return parse_span(text, out);
    case CQL_TIMESTAMP:
        if ((err = cqltime_parse_timestamp(text, &ms))) return err;
        buf_i64(out, ms);
        return 0;
    default: return err_fail(ERR_TYPE, "a %s is not written as text", cqltype_name(type->kind));
    }
}

/* ---- showing -------------------------------------------------------------------------------- */

#define CQLTEXT_KEY_MAX (16 * MIB)

enum style { PLAIN, LITERAL, JSON }; /* PLAIN: text unquoted; LITERAL: 'text'; JSON: "text" */

static void put_value(const struct cqltype *type, struct str bytes, enum style style,
                      struct buf *out);

static void put_quoted(struct str text, enum style style, struct buf *out) {
    if (style == PLAIN) {
        buf_puts(out, text);
    } else if (style == JSON) {
        buf_json(out, text);
    } else {
        buf_putc(out, '\'');
        for (size_t i = 0; i < text.len; i++) {
            if (text.ptr[i] == '\'') buf_putc(out, '\'');
            buf_putc(out, text.ptr[i]);
        }
        buf_putc(out, '\'');
    }
}

/* As Java writes a double: 1.0, 0.001, 1.0E10; the fewest digits that read back the same. */
static void put_float(double v, bool single, enum style style, struct buf *out) {
    if (isnan(v) || isinf(v)) {
        buf_putz(out, style == JSON ? "null" : isnan(v) ? "NaN" : v < 0 ? "-Infinity" : "Infinity");
        return;
    }
    char text[40];
    int most = single ? 9 : 17;
    for (int digits = 1; digits <= most; digits++) {
        snprintf(text, sizeof text, "%.*e", digits - 1, v);
        if (single ? strtof(text, NULL) == (float)v : strtod(text, NULL) == v) break;
    }
    char digit[24];
    int cnt = 0;
    char *e = strchr(text, 'e');
    int exp = (int)strtol(e + 1, NULL, 10);
    for (char *at = text; at < e; at++)
        if (*at >= '0' && *at <= '9') digit[cnt++] = *at;
    if (signbit(v)) buf_putc(out, '-');
    if (v == 0) {
        buf_putz(out, "0.0");
    } else if (exp >= 7 || exp < -3) {
        buf_printf(out, "%c.%.*sE%d", digit[0], cnt > 1 ? cnt - 1 : 1, cnt > 1 ? digit + 1 : "0",
                   exp);
    } else if (exp < 0) {
        buf_printf(out, "0.%.*s%.*s", -exp - 1, "000", cnt, digit);
    } else {
        for (int i = 0; i <= exp || i < cnt; i++) {
            if (i == exp + 1) buf_putc(out, '.');
            buf_putc(out, i < cnt ? digit[i] : '0');
        }
        if (cnt <= exp + 1) buf_putz(out, ".0");
    }
}

static void put_number(const struct cqltype *type, struct str bytes, enum style style,
                       struct buf *out) {
    struct rbuf in = rbuf_of_str(bytes);
    uint32_t bits;
    float f;
    switch (type->kind) {
    case CQL_TINYINT: buf_printf(out, "%d", rbuf_i8(&in)); break;
    case CQL_SMALLINT: buf_printf(out, "%d", rbuf_i16(&in)); break;
    case CQL_INT: buf_printf(out, "%" PRId32, rbuf_i32(&in)); break;
    case CQL_BIGINT: case CQL_COUNTER: buf_printf(out, "%" PRId64, rbuf_i64(&in)); break;
    case CQL_VARINT: cqlnum_format_int(bytes, out); break;
    case CQL_DECIMAL: cqlnum_format(bytes, out); break;
    case CQL_DOUBLE: put_float(rbuf_f64(&in), false, style, out); break;
    case CQL_FLOAT:
        bits = rbuf_u32(&in);
        memcpy(&f, &bits, sizeof f);
        put_float((double)f, true, style, out);
        break;
    default: NEVER();
    }
}

static void put_span(struct str bytes, struct buf *out) {
    struct rbuf in = rbuf_of_str(bytes);
    struct cqltime_span span;
    span.months = (int32_t)cqlvint_read(&in);
    span.days = (int32_t)cqlvint_read(&in);
    span.nanos = cqlvint_read(&in);
    cqltime_format_span(&span, out);
}

static void put_inet(struct str bytes, struct buf *out) {
    char text[INET6_ADDRSTRLEN] = "";
    inet_ntop(bytes.len == 4 ? AF_INET : AF_INET6, bytes.ptr, text, sizeof text);
    buf_putz(out, text);
}

/* The types whose text is quoted in JSON and, but for uuids and the like, in CQL. */
static void put_quotable(const struct cqltype *type, struct str bytes, struct buf *out) {
    struct rbuf in = rbuf_of_str(bytes);
    struct uuid id;
    char text[UUID_TEXT_LEN + 1];
    switch (type->kind) {
    case CQL_BLOB:
        buf_putz(out, "0x");
        for (size_t i = 0; i < bytes.len; i++)
            buf_printf(out, "%02x", (unsigned char)bytes.ptr[i]);
        break;
    case CQL_UUID: case CQL_TIMEUUID:
        memcpy(id.byte, bytes.ptr, 16);
        uuid_format(&id, text);
        buf_putz(out, text);
        break;
    case CQL_INET: put_inet(bytes, out); break;
    case CQL_TIMESTAMP: cqltime_format_timestamp(rbuf_i64(&in), out); break;
    case CQL_DATE: cqltime_format_date((int32_t)(rbuf_u32(&in) ^ 0x80000000u), out); break;
    case CQL_TIME: cqltime_format_time(rbuf_i64(&in), out); break;
    case CQL_DURATION: put_span(bytes, out); break;
    default: NEVER();
    }
}

static void put_scalar(const struct cqltype *type, struct str bytes, enum style style,
                       struct buf *out) {
    if (cqltype_is_text(type)) {
        put_quoted(bytes, style, out);
    } else if (!bytes.len && type->kind != CQL_BLOB) {
        if (style != PLAIN) buf_putz(out, style == JSON ? "\"\"" : "''");
    } else if (type->kind == CQL_BOOLEAN) {
        buf_putz(out, bytes.ptr[0] ? "true" : "false");
    } else if (cqltype_is_num(type)) {
        put_number(type, bytes, style, out);
    } else {
        bool bare = type->kind == CQL_UUID || type->kind == CQL_TIMEUUID ||
                    type->kind == CQL_BLOB || type->kind == CQL_DURATION;
        const char *quote = style == JSON ? "\"" : style == LITERAL && !bare ? "'" : "";
        buf_putz(out, quote);
        put_quotable(type, bytes, out);
        buf_putz(out, quote);
    }
}

/* A map's key in JSON is a string, whatever it is. */
static void put_json_key(const struct cqltype *type, struct str bytes, struct buf *out) {
    if (cqltype_is_text(type)) {
        buf_json(out, bytes);
        return;
    }
    struct buf text;
    buf_init(&text, CQLTEXT_KEY_MAX);
    put_value(type, bytes, JSON, &text);
    struct str key = buf_str(&text);
    if (key.len && key.ptr[0] == '"') buf_puts(out, key);
    else buf_json(out, key);
    buf_fini(&text);
}

static void put_open(const struct cqltype *type, enum style style, bool open, struct buf *out) {
    bool list = type->kind == CQL_LIST || type->kind == CQL_VECTOR;
    bool map = type->kind == CQL_MAP || type->kind == CQL_UDT;
    const char *pair = list ? "[]" : map ? "{}" : type->kind == CQL_TUPLE ? "()" : "{}";
    if (style == JSON && !map) pair = "[]";
    buf_putc(out, pair[open ? 0 : 1]);
}

static void put_nested(const struct cqltype *type, struct str bytes, enum style style,
                       struct buf *out) {
    struct rbuf in = rbuf_of_str(bytes);
    size_t cnt = 0;
    bool map = type->kind == CQL_MAP, udt = type->kind == CQL_UDT;
    enum style inner = style == JSON ? JSON : LITERAL;
    put_open(type, style, true, out);
    (void)cqltype_items(type, &in, &cnt);
    for (size_t i = 0; i < cnt && !in.bad; i++) {
        struct str item = cqltype_item(type, &in, i);
        bool value = map && i % 2;
        if (i) buf_putz(out, value ? ": " : ", ");
        if (udt && style == JSON) {
            buf_json(out, type->field[i]);
            buf_putz(out, ": ");
        } else if (udt) {
            buf_printf(out, "%.*s: ", STR_ARG(type->field[i]));
        }
        const struct cqltype *of = udt || type->kind == CQL_TUPLE ? type->arg[i]
                                                                  : type->arg[value];
        if (map && !value && style == JSON && item.ptr) put_json_key(of, item, out);
        else put_value(of, item, inner, out);
    }
    put_open(type, style, false, out);
}

static void put_value(const struct cqltype *type, struct str bytes, enum style style,
                      struct buf *out) {
    if (!bytes.ptr) buf_putz(out, "null");
    else if (cqltype_scalar(type->kind)) put_scalar(type, bytes, style, out);
    else put_nested(type, bytes, style, out);
}

void cqltext_format(const struct cqltype *type, struct str bytes, struct buf *out) {
    put_value(type, bytes, PLAIN, out);
}

void cqltext_literal(const struct cqltype *type, struct str bytes, struct buf *out) {
    put_value(type, bytes, LITERAL, out);
}

void cqltext_json(const struct cqltype *type, struct str bytes, struct buf *out) {
    put_value(type, bytes, JSON, out);
}
