/* batch.c - making columns and showing their values. */
#include "model/batch.h"

#include "base/civil.h"
#include "base/num.h"

#include <math.h>

size_t batch_width(const struct type *type) {
    switch (type->kind) {
    case TYPE_NULL:
    case TYPE_BOOL:
    case TYPE_I8: return 1;
    case TYPE_I16: return 2;
    case TYPE_I32:
    case TYPE_F32:
    case TYPE_DATE:
    case TYPE_INTERVAL_YM:
    case TYPE_ARRAY:
    case TYPE_MAP: return 4;
    case TYPE_I64:
    case TYPE_F64:
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_NTZ:
    case TYPE_INTERVAL_DT: return 8;
    case TYPE_DECIMAL: return sizeof(batch_i128);
    case TYPE_STRING:
    case TYPE_BINARY:
    case TYPE_UUID: return sizeof(struct str);
    default: return 0;
    }
}

struct vec *batch_vec(struct arena *arena, const struct type *type, uint32_t cnt) {
    struct vec *vec = arena_new(arena, struct vec);
    vec->type = type;
    vec->cnt = cnt;
    vec->stride = 1;
    size_t extra = type->kind == TYPE_ARRAY || type->kind == TYPE_MAP; /* off[cnt] */
    vec->data = arena_calloc(arena, cnt + extra, batch_width(type));
    if (type->kind == TYPE_STRUCT) {
        vec->kid = arena_array(arena, struct vec *, type->field_cnt);
        for (uint32_t i = 0; i < type->field_cnt; i++)
            vec->kid[i] = batch_vec(arena, type->field[i].type, cnt);
    } else if (type->kind == TYPE_ARRAY || type->kind == TYPE_MAP) {
        vec->kid = arena_array(arena, struct vec *, 2);
    }
    return vec;
}

struct vec *batch_const(struct arena *arena, const struct type *type, uint32_t cnt) {
    struct vec *vec = batch_vec(arena, type, 1);
    vec->cnt = cnt;
    vec->stride = 0;
    return vec;
}

struct vec *batch_nulls(struct arena *arena, const struct type *type, uint32_t cnt) {
    struct vec *vec = batch_const(arena, type, cnt);
    vec->valid = arena_array(arena, uint8_t, 1);
    return vec;
}

void batch_set_null(struct vec *vec, struct arena *arena, uint32_t row) {
    uint32_t stored = vec->stride ? vec->cnt : 1;
    if (!vec->valid) {
        vec->valid = (uint8_t *)arena_bytes(arena, stored);
        memset(vec->valid, 1, stored);
    }
    vec->valid[vec_at(vec, row)] = 0;
}

struct batch *batch_new(struct arena *arena, const struct type *type, uint32_t cnt) {
    assert(type->kind == TYPE_STRUCT && cnt <= BATCH_ROW_MAX);
    struct batch *batch = arena_new(arena, struct batch);
    batch->type = type;
    batch->cnt = cnt;
    batch->arena = arena;
    batch->col = arena_array(arena, struct vec *, type->field_cnt);
    return batch;
}

uint32_t batch_live(const struct batch *batch) {
    return batch->sel ? batch->sel_cnt : batch->cnt;
}

uint32_t batch_row(const struct batch *batch, uint32_t i) {
    return batch->sel ? batch->sel[i] : i;
}

/* ---- showing ---- */

static void put_i128(batch_i128 v, int scale, struct buf *out) {
    char text[64];
    size_t at = sizeof text;
    bool neg = v < 0;
    batch_u128 left = neg ? -(batch_u128)v : (batch_u128)v;
    int digits = 0;
    while (left || digits <= scale) {
        if (digits == scale && scale) text[--at] = '.';
        text[--at] = (char)('0' + (int)(left % 10));
        left /= 10;
        digits++;
    }
    if (neg) text[--at] = '-';
    buf_put(out, text + at, sizeof text - at);
}

static void put_date(int64_t days, struct buf *out) {
    int64_t year;
    int month, day;
    civil_of_days(days, &year, &month, &day);
    buf_printf(out, "%04" PRId64 "-%02d-%02d", year, month, day);
}

static void put_base64(struct str bytes, struct buf *out) {
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = MIN(bytes.len - i, (size_t)3);
        unsigned char in[3] = {0};
        memcpy(in, bytes.ptr + i, left);
        char text[4] = {digit[in[0] >> 2], digit[(in[0] & 3) << 4 | in[1] >> 4],
                        left > 1 ? digit[(in[1] & 15) << 2 | in[2] >> 6] : '=',
                        left > 2 ? digit[in[2] & 63] : '='};
        buf_put(out, text, 4);
    }
}

/* As Java writes it; what is no number in JSON is text. */
static void put_double(double v, bool single, struct buf *out) {
    char text[NUM_TEXT_MAX];
    bool quote = isnan(v) || isinf(v);
    if (quote) buf_putc(out, '"');
    buf_put(out, text, single ? num_f32((float)v, text) : num_f64(v, text));
    if (quote) buf_putc(out, '"');
}

static void put_uuid(struct str bytes, struct buf *out) {
    buf_putc(out, '"');
    for (size_t i = 0; i < bytes.len; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) buf_putc(out, '-');
        buf_printf(out, "%02x", (unsigned char)bytes.ptr[i]);
    }
    buf_putc(out, '"');
}

static void put_nested(const struct vec *vec, uint32_t at, struct buf *out) {
    const struct type *type = vec->type;
    if (type->kind == TYPE_STRUCT) {
        bool first = true;
        buf_putc(out, '{');
        for (uint32_t i = 0; i < type->field_cnt; i++) {
            if (vec_null(vec->kid[i], at)) continue; /* Spark: ignoreNullFields */
            if (!first) buf_putc(out, ',');
            first = false;
            buf_json(out, type->field[i].name);
            buf_putc(out, ':');
            batch_json(vec->kid[i], at, out);
        }
        buf_putc(out, '}');
        return;
    }
    bool map = type->kind == TYPE_MAP;
    buf_putc(out, map ? '{' : '[');
    for (uint32_t i = vec->off[at]; i < vec->off[at + 1]; i++) {
        if (i > vec->off[at]) buf_putc(out, ',');
        if (map) {
            bool quoted = type->key->kind == TYPE_STRING;
            if (!quoted) buf_putc(out, '"');
            batch_json(vec->kid[0], i, out);
            buf_putz(out, quoted ? ":" : "\":");
        }
        batch_json(vec->kid[map], i, out);
    }
    buf_putc(out, map ? '}' : ']');
}

void batch_json(const struct vec *vec, uint32_t row, struct buf *out) {
    uint32_t at = vec_at(vec, row);
    if (vec->type->kind == TYPE_NULL || vec_null(vec, row)) {
        buf_putz(out, "null");
        return;
    }
    bool quote = vec->type->kind >= TYPE_DATE && vec->type->kind <= TYPE_TIMESTAMP_NTZ;
    quote = quote || vec->type->kind == TYPE_BINARY;
    if (quote) buf_putc(out, '"');
    switch (vec->type->kind) {
    case TYPE_BOOL: buf_putz(out, vec->b[at] ? "true" : "false"); break;
    case TYPE_I8: buf_printf(out, "%d", vec->i8[at]); break;
    case TYPE_I16: buf_printf(out, "%d", vec->i16[at]); break;
    case TYPE_I32:
    case TYPE_INTERVAL_YM: buf_printf(out, "%d", vec->i32[at]); break;
    case TYPE_I64:
    case TYPE_INTERVAL_DT: buf_printf(out, "%" PRId64, vec->i64[at]); break;
    case TYPE_F32: put_double((double)vec->f32[at], true, out); break;
    case TYPE_F64: put_double(vec->f64[at], false, out); break;
    case TYPE_DECIMAL: put_i128(vec->dec[at], vec->type->scale, out); break;
    case TYPE_STRING: buf_json(out, vec->str[at]); break;
    case TYPE_BINARY: put_base64(vec->str[at], out); break;
    case TYPE_UUID: put_uuid(vec->str[at], out); break;
    case TYPE_DATE: put_date(vec->i32[at], out); break;
    case TYPE_TIMESTAMP: civil_format(vec->i64[at], true, out); break;
    case TYPE_TIMESTAMP_NTZ: civil_format(vec->i64[at], false, out); break;
    default: put_nested(vec, at, out); break;
    }
    if (quote) buf_putc(out, '"');
}
