/* fn_round.c - round, bround, ceil, floor, each with a number of places.
 *
 * A double is rounded as the decimal its shortest text shows, as Spark does: round(1.005, 2) is
 * 1.01 though the double lies below. Whole numbers are rounded at negative places only. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/num.h"
#include "model/dec.h"
#include "stream/op/chars.h"
#include "stream/op/func_table.h"
#include "stream/plan/coerce.h"

enum mode { HALF_UP, HALF_EVEN, CEILING, FLOOR };

struct rounding {
    enum mode mode;
    int places;
};

/* Does the part cut off move the rest away from zero? `order` compares it with a half. */
static bool away(enum mode mode, bool neg, bool odd, int order, bool any) {
    switch (mode) {
    case HALF_UP: return order >= 0;
    case HALF_EVEN: return order > 0 || (order == 0 && odd);
    case CEILING: return any && !neg;
    default: return any && neg;
    }
}

/* v to a multiple of 10^cut, divided by it. */
static batch_i128 round_wide(batch_i128 v, int cut, enum mode mode) {
    if (cut > DEC_DIGITS_MAX) cut = DEC_DIGITS_MAX;
    batch_i128 unit = dec_power(cut), left = v % unit, whole = v / unit;
    bool neg = v < 0;
    if (left < 0) left = -left;
    int order = left > unit - left ? 1 : left == unit - left ? 0 : -1;
    if (away(mode, neg, whole % 2 != 0, order, left != 0)) whole += neg ? -1 : 1;
    return whole;
}

/* ---- doubles ---- */

/* Digits of |v|, the value being 0.digits x 10^point. */
static int shortest(double v, char digit[NUM_TEXT_MAX], int *point) {
    char text[NUM_TEXT_MAX];
    size_t len = num_f64(fabs(v), text);
    int cnt = 0, exp = 0, dot = -1;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '.') {
            dot = cnt;
        } else if (text[i] == 'E') {
            char rest[8] = {0};
            memcpy(rest, text + i + 1, MIN(len - i - 1, sizeof rest - 1));
            exp = (int)strtol(rest, NULL, 10);
            break;
        } else {
            digit[cnt++] = text[i];
        }
    }
    *point = (dot < 0 ? cnt : dot) + exp;
    int lead = 0;
    while (lead < cnt - 1 && digit[lead] == '0') lead++;
    memmove(digit, digit + lead, (size_t)(cnt - lead));
    *point -= lead;
    return cnt - lead;
}

static double round_f64(double v, int places, enum mode mode) {
    char digit[NUM_TEXT_MAX + 1], text[NUM_TEXT_MAX + 16];
    int point;
    if (isnan(v) || isinf(v)) return v;
    int cnt = shortest(v, digit, &point), keep = point + places;
    if (keep >= cnt) return v + 0.0;
    bool neg = v < 0, any = false;
    for (int i = MAX(keep, 0); i < cnt; i++) any = any || digit[i] != '0';
    int order = keep < 0 ? -1 : digit[keep] - '5';
    for (int i = keep + 1; i < cnt && order == 0; i++) order = digit[i] != '0';
    bool odd = keep > 0 && (digit[keep - 1] - '0') % 2 != 0;
    bool up = away(mode, neg, odd, order, any);
    keep = MAX(keep, 0);
    uint64_t whole = 0;
    for (int i = 0; i < keep; i++) whole = whole * 10 + (uint64_t)(digit[i] - '0');
    whole += up;
    if (!whole) return 0;
    int len = snprintf(text, sizeof text, "%s%" PRIu64 "e%d", neg ? "-" : "", whole, -places);
    assert(len > 0 && (size_t)len < sizeof text);
    return strtod(text, NULL);
}

/* ---- types ---- */

static int bind_round(struct func_call *call) {
    struct rounding *how = arena_new(call->arena, struct rounding);
    const char *name = call->func->name;
    how->mode = name[0] == 'b'   ? HALF_EVEN
                : name[0] == 'c' ? CEILING
                : name[0] == 'f' ? FLOOR
                                 : HALF_UP;
    const struct vec *places = func_const(call, 1);
    if (places) how->places = MIN(MAX(places->i32[0], -400), 400);
    call->state = how;
    return 0;
}

/* The places as written, before the cast to INT. */
static int places_of(struct func_call *call, int64_t *places) {
    *places = 0;
    if (call->arg_cnt < 2) return 0;
    const struct vec *value = call->arg[1].value;
    if (!value) return func_wrong(call, 1, "the number of places must be a constant");
    call->arg[1].type = type_of(TYPE_I32);
    if (vec_null(value, 0) || value->type->kind == TYPE_NULL) return 0;
    switch (value->type->kind) {
    case TYPE_I8: *places = value->i8[0]; return 0;
    case TYPE_I16: *places = value->i16[0]; return 0;
    case TYPE_I32: *places = value->i32[0]; return 0;
    case TYPE_I64: *places = value->i64[0]; return 0;
    default: return func_wrong(call, 1, "the number of places must be a whole number");
    }
}

/* One more whole digit than before, as 9.9 may become 10. */
static const struct type *rounded(struct func_call *call, const struct type *type,
                                  int64_t places) {
    int64_t whole = type->precision - type->scale + 1;
    int64_t scale = places < 0 ? 0 : MIN(places, (int64_t)type->scale);
    if (places < 0) whole = MAX(whole, 1 - places);
    return type_decimal(call->arena, (int)MIN(whole + scale, DEC_DIGITS_MAX), (int)scale);
}

static int types_round(struct func_call *call) {
    int64_t places;
    int err = places_of(call, &places);
    if (err) return err;
    const struct type *type = call->arg[0].type;
    if (type->kind == TYPE_NULL) call->arg[0].type = type = type_of(TYPE_F64);
    call->type = type->kind == TYPE_DECIMAL ? rounded(call, type, places) : type;
    return 0;
}

/* With one argument BIGINT, or a DECIMAL without places; with two a DECIMAL. */
static int types_ceil(struct func_call *call) {
    int64_t places;
    int err = places_of(call, &places);
    if (err) return err;
    const struct type *type = call->arg[0].type;
    if (call->arg_cnt == 2) {
        type = type->kind == TYPE_F64   ? type_decimal(call->arena, 30, 15)
               : type->kind == TYPE_F32 ? type_decimal(call->arena, 14, 7)
                                        : coerce_decimal(call->arena, type);
        if (type->kind != TYPE_DECIMAL) type = type_decimal(call->arena, 30, 15);
        call->arg[0].type = type;
        call->type = rounded(call, type, places);
        return 0;
    }
    call->type = type_of(TYPE_I64);
    if (type->kind == TYPE_DECIMAL)
        call->type = type->scale ? rounded(call, type, 0) : type;
    else call->arg[0].type = type_of(type_is_int(type) ? TYPE_I64 : TYPE_F64);
    return 0;
}

/* ---- kernels ---- */

static bool round_int(int64_t v, const struct rounding *how, int64_t *out) {
    if (how->places >= 0) {
        *out = v;
        return true;
    }
    int cut = MIN(-how->places, 30);
    batch_i128 wide = round_wide(v, cut, how->mode) * (cut > 19 ? 0 : dec_power(cut));
    *out = (int64_t)wide;
    return wide == *out;
}

static int64_t get_int(const struct vec *vec, uint32_t row) {
    uint32_t at = vec_at(vec, row);
    switch (vec->type->kind) {
    case TYPE_I8: return vec->i8[at];
    case TYPE_I16: return vec->i16[at];
    case TYPE_I32: return vec->i32[at];
    default: return vec->i64[at];
    }
}

static bool set_int(struct vec *vec, uint32_t row, int64_t v) {
    switch (vec->type->kind) {
    case TYPE_I8: return (vec->i8[row] = (int8_t)v) == v;
    case TYPE_I16: return (vec->i16[row] = (int16_t)v) == v;
    case TYPE_I32: return (vec->i32[row] = (int32_t)v) == v;
    default: vec->i64[row] = v; return true;
    }
}

static void round_decimals(const struct rounding *how, struct func_ctx *ctx,
                           const struct vec *from, struct vec *out) {
    int places = MIN(how->places, (int)from->type->scale), cut = from->type->scale - places;
    FUNC_EACH(ctx, row) {
        batch_i128 v = from->dec[vec_at(from, row)];
        if (cut > 0) v = round_wide(v, cut, how->mode);
        int lift = cut > DEC_DIGITS_MAX ? 0 : MAX(-places, 0);
        if (lift > DEC_DIGITS_MAX || __builtin_mul_overflow(v, dec_power(lift), &out->dec[row]) ||
            !dec_fits(out->dec[row], out->type->precision))
            func_error(ctx, row, "[NUMERIC_VALUE_OUT_OF_RANGE] the result does not fit into "
                       "DECIMAL(%d,%d)", out->type->precision, out->type->scale);
    }
}

/* The double nearest to `v` rounded to a whole number, as BIGINT cuts it. */
static int64_t saturated(double v) {
    if (isnan(v)) return 0;
    if (v >= 0x1p63) return INT64_MAX;
    return v < -0x1p63 ? INT64_MIN : (int64_t)v;
}

EVAL(eval_round) {
    const struct rounding *how = state;
    const struct vec *from = arg[0];
    switch (from->type->kind) {
    case TYPE_DECIMAL: round_decimals(how, ctx, from, out); break;
    case TYPE_F32:
        FUNC_EACH(ctx, row) {
            double v = (double)from->f32[vec_at(from, row)];
            out->f32[row] = (float)round_f64(v, how->places, how->mode);
        }
        break;
    case TYPE_F64:
        FUNC_EACH(ctx, row) {
            double v = func_f64(from, row);
            if (out->type->kind == TYPE_I64)
                out->i64[row] = saturated(how->mode == CEILING ? ceil(v) : floor(v));
            else out->f64[row] = round_f64(v, how->places, how->mode);
        }
        break;
    default:
        FUNC_EACH(ctx, row) {
            int64_t v;
            if (!round_int(get_int(from, row), how, &v) || !set_int(out, row, v))
                func_error(ctx, row, "[ARITHMETIC_OVERFLOW] the result does not fit into %s",
                           type_name(out->type->kind));
        }
        break;
    }
    return 0;
}

const struct func fn_round[] = {
    {"round", "na?:-", eval_round, 0, types_round, bind_round},
    {"bround", "na?:-", eval_round, 0, types_round, bind_round},
    {"ceil", "na?:-", eval_round, 0, types_ceil, bind_round},
    {"ceiling", "na?:-", eval_round, 0, types_ceil, bind_round},
    {"floor", "na?:-", eval_round, 0, types_ceil, bind_round},
    {NULL, NULL, NULL, 0, NULL, NULL},
};
