/* cast.c - conversions between types, a column at a time.
 *
 * The kernels are by family of the source: from text, from numbers, from DECIMAL, from moments, to
 * text, and nested types by recursion over their items. Rules that surprise: a number becomes a
 * TIMESTAMP as seconds; DOUBLE to integer cuts the fraction off but refuses what is out of range;
 * text may have white space around it. */
#include "stream/op/cast.h"

#include <math.h>

#include "base/num.h"
#include "base/uuid.h"
#include "stream/op/decimal.h"
#include "stream/op/moment.h"
#include "stream/op/numtext.h"

#define TEXT_SHOWN 64 /* bytes of a bad value in a message */

/* ---- what may become what ---- */

static bool is_moment(enum type_kind kind) {
    return kind == TYPE_DATE || kind == TYPE_TIMESTAMP || kind == TYPE_TIMESTAMP_NTZ;
}

static bool scalar_allowed(const struct type *from, const struct type *to) {
    enum type_kind a = from->kind, b = to->kind;
    if (b == TYPE_STRING) return true;
    if (a == TYPE_STRING)
        return type_is_num(to) || is_moment(b) || b == TYPE_BOOL || b == TYPE_BINARY ||
               b == TYPE_UUID;
    if (type_is_num(from)) return type_is_num(to) || b == TYPE_BOOL || b == TYPE_TIMESTAMP;
    if (a == TYPE_BOOL) return type_is_num(to);
    if (a == TYPE_TIMESTAMP) return type_is_num(to) || is_moment(b);
    if (is_moment(a)) return is_moment(b);
    return false;
}

bool cast_allowed(const struct type *from, const struct type *to) {
    if (type_eq(from, to) || from->kind == TYPE_NULL) return true;
    if (to->kind == TYPE_STRING) return true;
    if (from->kind < TYPE_STRUCT && to->kind < TYPE_STRUCT) return scalar_allowed(from, to);
    if (from->kind != to->kind) return false;
    if (from->kind == TYPE_STRUCT) {
        if (from->field_cnt != to->field_cnt) return false;
        for (uint32_t i = 0; i < from->field_cnt; i++)
            if (!cast_allowed(from->field[i].type, to->field[i].type)) return false;
        return true;
    }
    if (from->kind == TYPE_MAP && !cast_allowed(from->key, to->key)) return false;
    return cast_allowed(from->item, to->item);
}

static void bad_text(struct func_ctx *ctx, uint32_t row, struct str text, const struct type *to) {
    func_error(ctx, row, "[CAST_INVALID_INPUT] the value '%.*s%s' of type STRING cannot be cast to "
               "%s; use try_cast to get NULL instead", (int)MIN(text.len, TEXT_SHOWN), text.ptr,
               text.len > TEXT_SHOWN ? "..." : "", type_name(to->kind));
}

static void overflow(struct func_ctx *ctx, uint32_t row, const struct vec *in,
                     const struct type *to) {
    struct buf text;
    buf_init(&text, 256);
    cast_text(in, row, &text);
    struct str value = buf_str(&text);
    if (to->kind == TYPE_DECIMAL)
        func_error(ctx, row, "[NUMERIC_VALUE_OUT_OF_RANGE] the value %.*s does not fit into "
                   "DECIMAL(%d,%d); use try_cast to get NULL instead", STR_ARG(value),
                   to->precision, to->scale);
    else
        func_error(ctx, row, "[CAST_OVERFLOW] the value %.*s of type %s does not fit into %s; use "
                   "try_cast to get NULL instead", STR_ARG(value), type_name(in->type->kind),
                   type_name(to->kind));
    buf_fini(&text);
}

/* Puts a whole number into an integer column; false: it does not fit. */
static bool put_int(struct vec *out, uint32_t row, int64_t v) {
    switch (out->type->kind) {
    case TYPE_I8: out->i8[row] = (int8_t)v; return v >= INT8_MIN && v <= INT8_MAX;
    case TYPE_I16: out->i16[row] = (int16_t)v; return v >= INT16_MIN && v <= INT16_MAX;
    case TYPE_I32: out->i32[row] = (int32_t)v; return v >= INT32_MIN && v <= INT32_MAX;
    default: out->i64[row] = v; return true;
    }
}

/* ---- from text ---- */

static bool read_bool(struct str text, uint8_t *out) {
    static const char *const yes[] = {"t", "true", "y", "yes", "1"};
    static const char *const no[] = {"f", "false", "n", "no", "0"};
    text = numtext_trim(text);
    for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
        if (str_ieq(text, str_of(yes[i]))) return *out = 1, true;
        if (str_ieq(text, str_of(no[i]))) return *out = 0, true;
    }
    return false;
}

static bool read_decimal(struct str text, const struct type *to, batch_i128 *out) {
    int scale;
    return decimal_parse(numtext_trim(text), out, &scale) &&
           dec_rescale(*out, scale, to->scale, to->precision, out);
}

static bool read_uuid(struct func_ctx *ctx, struct str text, struct str *out) {
    struct uuid id;
    if (uuid_parse(numtext_trim(text), &id)) return false;
    char *bytes = arena_bytes(ctx->arena, sizeof id.byte);
    memcpy(bytes, id.byte, sizeof id.byte);
    *out = (struct str){bytes, sizeof id.byte};
    return true;
}

static bool text_to(struct func_ctx *ctx, struct str text, struct vec *out, uint32_t row) {
    int64_t v;
    switch (out->type->kind) {
    case TYPE_BOOL: return read_bool(text, &out->b[row]);
    case TYPE_F32: return numtext_read_f32(text, &out->f32[row]);
    case TYPE_F64: return numtext_read_f64(text, &out->f64[row]);
    case TYPE_DECIMAL: return read_decimal(text, out->type, &out->dec[row]);
    case TYPE_DATE: return when_read_date(text, &out->i32[row]);
    case TYPE_TIMESTAMP: return moment_read(text, ctx->now_us, &out->i64[row]);
    case TYPE_TIMESTAMP_NTZ: return moment_read_wall(text, &out->i64[row]);
    case TYPE_BINARY: out->str[row] = text; return true;
    case TYPE_UUID: return read_uuid(ctx, text, &out->str[row]);
    default: return numtext_read_i64(text, &v) && put_int(out, row, v);
    }
}

static void cast_from_text(struct func_ctx *ctx, const struct vec *in, struct vec *out) {
    FUNC_EACH(ctx, row) {
        struct str text = func_str(in, row);
        batch_i128 number;
        int scale;
        if (text_to(ctx, text, out, row)) continue;
        if (out->type->kind == TYPE_DECIMAL && decimal_parse(numtext_trim(text), &number, &scale))
            overflow(ctx, row, in, out->type);
        else bad_text(ctx, row, text, out->type);
    }
}

/* ---- from numbers ---- */

static int64_t int_at(const struct vec *in, uint32_t row) {
    uint32_t at = vec_at(in, row);
    switch (in->type->kind) {
    case TYPE_BOOL: return in->b[at] != 0;
    case TYPE_I8: return in->i8[at];
    case TYPE_I16: return in->i16[at];
    case TYPE_I32: return in->i32[at];
    default: return in->i64[at];
    }
}

static bool int_to(int64_t v, struct vec *out, uint32_t row) {
    switch (out->type->kind) {
    case TYPE_BOOL: out->b[row] = v != 0; return true;
    case TYPE_F32: out->f32[row] = (float)v; return true;
    case TYPE_F64: out->f64[row] = (double)v; return true;
    case TYPE_DECIMAL:
        return dec_rescale(v, 0, out->type->scale, out->type->precision, &out->dec[row]);
    case TYPE_TIMESTAMP: /* seconds; past the range it stays at its end */
        if (__builtin_mul_overflow(v, WHEN_SEC, &out->i64[row]))
            out->i64[row] = v < 0 ? INT64_MIN : INT64_MAX;
        return true;
    default: return put_int(out, row, v);
    }
}

static bool real_to(double v, struct vec *out, uint32_t row) {
    switch (out->type->kind) {
    case TYPE_BOOL: out->b[row] = v != 0; return true;
    case TYPE_F32: out->f32[row] = (float)v; return true;
    case TYPE_F64: out->f64[row] = v; return true;
    case TYPE_DECIMAL:
        return decimal_of_f64(v, out->type->precision, out->type->scale, &out->dec[row]);
    case TYPE_TIMESTAMP: v = v * 1e6; break;
    default: break;
    }
    if (!(v >= -0x1p63 && v < 0x1p63)) return false;
    if (out->type->kind == TYPE_TIMESTAMP) return out->i64[row] = (int64_t)v, true;
    return put_int(out, row, (int64_t)v);
}

static bool decimal_to(batch_i128 v, int scale, struct vec *out, uint32_t row) {
    batch_i128 whole;
    switch (out->type->kind) {
    case TYPE_BOOL: out->b[row] = v != 0; return true;
    case TYPE_F32: out->f32[row] = (float)decimal_f64(v, scale); return true;
    case TYPE_F64: out->f64[row] = decimal_f64(v, scale); return true;
    case TYPE_DECIMAL:
        return dec_rescale(v, scale, out->type->scale, out->type->precision, &out->dec[row]);
    case TYPE_TIMESTAMP:
        whole = scale <= 6 ? v * dec_power(6 - scale) : v / dec_power(scale - 6);
        break;
    default: whole = v / dec_power(scale); break;
    }
    if (whole < INT64_MIN || whole > INT64_MAX) return false;
    if (out->type->kind == TYPE_TIMESTAMP) return out->i64[row] = (int64_t)whole, true;
    return put_int(out, row, (int64_t)whole);
}

static double real_at(const struct vec *in, uint32_t at) {
    return in->type->kind == TYPE_F32 ? (double)in->f32[at] : in->f64[at];
}

static void cast_from_num(struct func_ctx *ctx, const struct vec *in, struct vec *out) {
    FUNC_EACH(ctx, row) {
        uint32_t at = vec_at(in, row);
        bool good;
        switch (in->type->kind) {
        case TYPE_F32:
        case TYPE_F64: good = real_to(real_at(in, at), out, row); break;
        case TYPE_DECIMAL: good = decimal_to(in->dec[at], in->type->scale, out, row); break;
        default: good = int_to(int_at(in, row), out, row); break;
        }
        bool real = in->type->kind == TYPE_F32 || in->type->kind == TYPE_F64;
        if (good) continue;
        if (real && out->type->kind == TYPE_DECIMAL && !isfinite(real_at(in, at)))
            func_null(ctx, out, row); /* as Spark has it */
        else overflow(ctx, row, in, out->type);
    }
}

/* ---- from moments ---- */

static bool moment_to(const struct vec *in, uint32_t row, struct vec *out) {
    bool date = in->type->kind == TYPE_DATE;
    int64_t us = date ? (int64_t)func_i32(in, row) * WHEN_DAY : func_i64(in, row);
    switch (out->type->kind) {
    case TYPE_DATE: out->i32[row] = (int32_t)moment_floor(us, WHEN_DAY); return true;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_NTZ: out->i64[row] = us; return true;
    case TYPE_F32: out->f32[row] = (float)((double)us / 1e6); return true;
    case TYPE_F64: out->f64[row] = (double)us / 1e6; return true;
    case TYPE_DECIMAL: return decimal_to(us, 6, out, row);
    default: return put_int(out, row, moment_floor(us, WHEN_SEC));
    }
}

static void cast_from_moment(struct func_ctx *ctx, const struct vec *in, struct vec *out) {
    FUNC_EACH(ctx, row)
        if (!moment_to(in, row, out)) overflow(ctx, row, in, out->type);
}

/* ---- to text ---- */

/* Numbers and words, which need no buf; returns the length, 0 for other types. */
static size_t small_text(const struct vec *in, uint32_t at, char to[NUM_TEXT_MAX]) {
    switch (in->type->kind) {
    case TYPE_BOOL: memcpy(to, in->b[at] ? "true" : "false", 5); return in->b[at] ? 4 : 5;
    case TYPE_I8: return numtext_i64(in->i8[at], to);
    case TYPE_I16: return numtext_i64(in->i16[at], to);
    case TYPE_I32: return numtext_i64(in->i32[at], to);
    case TYPE_I64: return numtext_i64(in->i64[at], to);
    case TYPE_F32: return num_f32(in->f32[at], to);
    case TYPE_F64: return num_f64(in->f64[at], to);
    default: return 0;
    }
}

static void scalar_text(const struct vec *in, uint32_t at, struct buf *out) {
    char text[UUID_TEXT_LEN + 1];
    struct uuid id;
    switch (in->type->kind) {
    case TYPE_STRING:
    case TYPE_BINARY: buf_puts(out, in->str[at]); break;
    case TYPE_DECIMAL: dec_put(in->dec[at], in->type->scale, out); break;
    case TYPE_DATE: when_put_date(in->i32[at], out); break;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_NTZ: when_put_timestamp(in->i64[at], out); break;
    case TYPE_INTERVAL_DT: moment_put_dt(in->i64[at], out); break;
    case TYPE_INTERVAL_YM: moment_put_ym(in->i32[at], out); break;
    case TYPE_UUID:
        memcpy(id.byte, in->str[at].ptr, sizeof id.byte);
        uuid_format(&id, text);
        buf_put(out, text, UUID_TEXT_LEN);
        break;
    default: buf_put(out, text, small_text(in, at, text)); break;
    }
}

void cast_text(const struct vec *vec, uint32_t row, struct buf *out) {
    const struct type *type = vec->type;
    uint32_t at = vec_at(vec, row);
    if (type->kind == TYPE_NULL || vec_null(vec, row)) {
        buf_putz(out, "null");
    } else if (type->kind == TYPE_STRUCT) {
        for (uint32_t i = 0; i < type->field_cnt; i++) {
            buf_putz(out, i ? ", " : "{");
            cast_text(vec->kid[i], at, out);
        }
        buf_putz(out, type->field_cnt ? "}" : "{}");
    } else if (type->kind == TYPE_ARRAY || type->kind == TYPE_MAP) {
        bool map = type->kind == TYPE_MAP;
        buf_putc(out, map ? '{' : '[');
        for (uint32_t i = vec->off[at]; i < vec->off[at + 1]; i++) {
            if (i > vec->off[at]) buf_putz(out, ", ");
            cast_text(vec->kid[0], i, out);
            if (map) buf_putz(out, " -> ");
            if (map) cast_text(vec->kid[1], i, out);
        }
        buf_putc(out, map ? '}' : ']');
    } else {
        scalar_text(vec, at, out);
    }
}

static void cast_to_text(struct func_ctx *ctx, const struct vec *in, struct vec *out) {
    if (in->type->kind == TYPE_BINARY || in->type->kind == TYPE_STRING) {
        FUNC_EACH(ctx, row) out->str[row] = func_str(in, row);
        return;
    }
    if (in->type->kind <= TYPE_F64) {
        FUNC_EACH(ctx, row) {
            char *to = func_room(ctx, row, NUM_TEXT_MAX);
            if (to) out->str[row] = func_trim(ctx, to, to + small_text(in, vec_at(in, row), to));
        }
        return;
    }
    struct buf text;
    buf_init(&text, FUNC_TEXT_MAX);
    FUNC_EACH(ctx, row) {
        buf_reset(&text);
        cast_text(in, row, &text);
        char *to = func_room(ctx, row, text.full ? FUNC_TEXT_MAX + 1 : text.len);
        if (!to) continue;
        if (text.len) memcpy(to, text.ptr, text.len);
        out->str[row] = (struct str){to, text.len};
    }
    buf_fini(&text);
}

/* ---- nested ---- */

static void cast_column(struct func_ctx *ctx, const struct vec *in, struct vec *out, bool soft);

static struct vec *fresh(struct func_ctx *ctx, const struct type *type, uint32_t cnt) {
    struct vec *vec = batch_vec(ctx->arena, type, MAX(cnt, 1u));
    vec->cnt = cnt;
    return vec;
}

/* All `cnt` values of `in` that are not NULL, as a column of its own. */
static struct vec *cast_items(struct func_ctx *ctx, const struct vec *in, const struct type *to,
                              struct func_ctx *items, bool soft) {
    uint32_t cnt = items->cnt;
    struct vec *out = fresh(ctx, to, cnt);
    uint32_t *sel = arena_alloc(ctx->arena, cnt * sizeof *sel), live = 0;
    for (uint32_t i = 0; i < cnt; i++) {
        if (in->type->kind == TYPE_NULL || vec_null(in, i)) batch_set_null(out, ctx->arena, i);
        else sel[live++] = i;
    }
    *items = *ctx;
    items->cnt = cnt;
    items->sel = sel;
    items->live = live;
    items->failed = NULL;
    items->why = NULL;
    cast_column(items, in, out, soft);
    ctx->work = items->work;
    for (uint32_t i = 0; items->failed && i < cnt; i++)
        if (items->failed[i]) batch_set_null(out, ctx->arena, i);
    return out;
}

static void cast_list(struct func_ctx *ctx, const struct vec *in, struct vec *out, bool soft) {
    bool map = in->type->kind == TYPE_MAP;
    for (int k = 0; k <= map; k++) {
        const struct type *to = map && k == 0 ? out->type->key : out->type->item;
        uint32_t cnt = in->kid[k] ? in->kid[k]->cnt : 0;
        struct func_ctx items = {.cnt = cnt};
        out->kid[k] = in->kid[k] ? cast_items(ctx, in->kid[k], to, &items, soft)
                                 : fresh(ctx, to, 0);
        if (soft && k == map) items.failed = NULL; /* what does not fit is a NULL in the list */
        FUNC_EACH(ctx, row) {
            uint32_t at = vec_at(in, row);
            for (uint32_t i = in->off[at]; items.failed && i < in->off[at + 1]; i++)
                if (items.failed[i]) func_error(ctx, row, "%.*s", STR_ARG(items.why[i]));
        }
    }
    if (in->stride) {
        memcpy(out->off, in->off, ((size_t)ctx->cnt + 1) * sizeof *out->off);
        return;
    }
    /* a constant list: all rows but the first would need copies of the items, so rows share them
     * by making the column a constant too */
    out->off[0] = in->off[0];
    out->off[1] = in->off[1];
    out->stride = 0;
}

static void cast_struct(struct func_ctx *ctx, const struct vec *in, struct vec *out, bool soft) {
    for (uint32_t f = 0; f < out->type->field_cnt; f++) {
        struct func_ctx items = {.cnt = in->stride ? ctx->cnt : 1};
        out->kid[f] = cast_items(ctx, in->kid[f], out->type->field[f].type, &items, soft);
        if (!items.failed || soft) continue;
        FUNC_EACH(ctx, row) {
            uint32_t at = vec_at(in, row);
            if (items.failed[at]) func_error(ctx, row, "%.*s", STR_ARG(items.why[at]));
        }
    }
    out->stride = in->stride;
}

static void cast_column(struct func_ctx *ctx, const struct vec *in, struct vec *out, bool soft) {
    enum type_kind from = in->type->kind;
    if (from == TYPE_NULL) return;
    if (out->type->kind == TYPE_STRING) cast_to_text(ctx, in, out);
    else if (from == TYPE_STRUCT) cast_struct(ctx, in, out, soft);
    else if (from >= TYPE_ARRAY) cast_list(ctx, in, out, soft);
    else if (from == TYPE_STRING || from == TYPE_BINARY || from == TYPE_UUID)
        cast_from_text(ctx, in, out);
    else if (is_moment(from)) cast_from_moment(ctx, in, out);
    else cast_from_num(ctx, in, out);
}

static int eval_cast(void *state UNUSED, struct func_ctx *ctx, const struct vec *const *arg,
                     struct vec *out) {
    cast_column(ctx, arg[0], out, false);
    return 0;
}

static int eval_try_cast(void *state UNUSED, struct func_ctx *ctx, const struct vec *const *arg,
                         struct vec *out) {
    cast_column(ctx, arg[0], out, true);
    return 0;
}

const struct func cast_hard = {"cast", "a:-", eval_cast, 0, NULL, NULL};
const struct func cast_soft = {"try_cast", "a:-", eval_try_cast, FUNC_TRY, NULL, NULL};
