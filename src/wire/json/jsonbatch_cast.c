/* jsonbatch_cast.c - one JSON value into one cell, as Spark's from_json converts it.
 *
 *   type            takes
 *   BOOLEAN         true, false
 *   TINYINT         -128..255 (above 127 it wraps, as Spark does), SMALLINT.. their range; no text
 *   FLOAT, DOUBLE   any number; "NaN", "Infinity", "+INF", "-INF", "+Infinity", "-Infinity"
 *   DECIMAL         any number, or one as text; rounded to the scale
 *   STRING          anything
 *   BINARY          base64 text
 *   DATE            text
 *   TIMESTAMP       text, or an integer of seconds; TIMESTAMP_NTZ text without a zone
 *   UUID            text (ours; Spark has no such type) */
#include <math.h>

#include "base/b64.h"
#include "base/uuid.h"
#include "model/dec.h"
#include "model/when.h"
#include "wire/json/jsonbatch_int.h"
#include "wire/json/jsontext.h"

static bool cast_int(struct vec *vec, uint32_t row, const struct json_value *value) {
    int64_t num;
    if (!json_i64(value, &num)) return false;
    switch (vec->type->kind) {
    case TYPE_I8:
        if (num < INT8_MIN || num > UINT8_MAX) return false;
        vec->i8[row] = (int8_t)num;
        return true;
    case TYPE_I16:
        if (num < INT16_MIN || num > INT16_MAX) return false;
        vec->i16[row] = (int16_t)num;
        return true;
    case TYPE_I32:
        if (num < INT32_MIN || num > INT32_MAX) return false;
        vec->i32[row] = (int32_t)num;
        return true;
    default: vec->i64[row] = num; return true;
    }
}

static bool cast_real(const struct json_value *value, double *out) {
    static const struct {
        const char *text;
        double num;
    } word[] = {{"\"NaN\"", (double)NAN},           {"\"Infinity\"", (double)INFINITY},
                {"\"+INF\"", (double)INFINITY},     {"\"+Infinity\"", (double)INFINITY},
                {"\"-INF\"", -(double)INFINITY},    {"\"-Infinity\"", -(double)INFINITY}};
    if (json_f64(value, out)) return true;
    for (size_t i = 0; i < ARRAY_LEN(word); i++)
        if (str_eqz(value->raw, word[i].text)) {
            *out = word[i].num;
            return true;
        }
    return false;
}

static bool cast_decimal(struct vec *vec, uint32_t row, const struct json_value *value,
                         struct arena *arena) {
    struct str text = json_text(value, arena);
    if (value->kind == JSON_STRING && memchr(text.ptr, ',', text.len)) { /* 1,000.5 */
        char *to = arena_bytes(arena, text.len);
        size_t len = 0;
        for (size_t i = 0; i < text.len; i++)
            if (text.ptr[i] != ',') to[len++] = text.ptr[i];
        text = (struct str){to, len};
    }
    return dec_read(text, vec->type->precision, vec->type->scale, &vec->dec[row]);
}

static bool cast_time(struct vec *vec, uint32_t row, const struct json_value *value,
                      struct arena *arena) {
    bool zoned;
    int64_t num;
    bool ltz = vec->type->kind == TYPE_TIMESTAMP;
    if (value->kind == JSON_INT && ltz)
        return json_i64(value, &num) && !__builtin_mul_overflow(num, WHEN_SEC, &vec->i64[row]);
    if (value->kind != JSON_STRING) return false;
    if (!when_read_timestamp(json_text(value, arena), &num, &zoned) || (zoned && !ltz))
        return false;
    vec->i64[row] = num;
    return true;
}

static bool cast_bytes(struct vec *vec, uint32_t row, const struct json_value *value,
                       struct arena *arena) {
    if (value->kind != JSON_STRING) return false;
    struct str text = json_text(value, arena);
    if (vec->type->kind == TYPE_UUID) {
        struct uuid id;
        if (text.len != 36 || uuid_parse(text, &id)) return false;
        vec->str[row] = arena_str(arena, (struct str){(const char *)id.byte, sizeof id.byte});
        return true;
    }
    char *to = arena_bytes(arena, text.len / 4 * 3 + 3);
    vec->str[row].ptr = to;
    return b64_decode(text, false, to, &vec->str[row].len);
}

/* A container as text. */
static struct str copy_nested(const struct json_value *value, unsigned flags,
                              struct arena *arena) {
    struct buf buf;
    buf_init(&buf, value->raw.len * 8 + 64); /* 1e6 becomes 1000000.0, the worst is 1e-3 */
    jsontext_copy(value, flags, false, &buf);
    struct str out = arena_str(arena, buf_str(&buf));
    buf_fini(&buf);
    return out;
}

bool jsonbatch_cast(struct vec *vec, uint32_t row, const struct json_value *value, unsigned flags,
                    struct arena *arena) {
    double real;
    assert(value->kind != JSON_NULL);
    switch (vec->type->kind) {
    case TYPE_STRING:
        vec->str[row] = value->kind >= JSON_ARRAY ? copy_nested(value, flags, arena) :
                                                    jsontext_scalar(value, arena);
        return true;
    case TYPE_I8:
    case TYPE_I16:
    case TYPE_I32:
    case TYPE_I64: return cast_int(vec, row, value);
    case TYPE_BOOL:
        vec->b[row] = value->raw.ptr[0] == 't';
        return value->kind == JSON_BOOL;
    case TYPE_F32:
        if (!cast_real(value, &real)) return false;
        vec->f32[row] = (float)real;
        return true;
    case TYPE_F64:
        if (!cast_real(value, &real)) return false;
        vec->f64[row] = real;
        return true;
    case TYPE_DECIMAL:
        return value->kind != JSON_BOOL && value->kind < JSON_ARRAY &&
               cast_decimal(vec, row, value, arena);
    case TYPE_DATE:
        return value->kind == JSON_STRING &&
               when_read_date(json_text(value, arena), &vec->i32[row]);
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_NTZ: return cast_time(vec, row, value, arena);
    case TYPE_BINARY:
    case TYPE_UUID: return cast_bytes(vec, row, value, arena);
    default: return false;
    }
}
