/* fn_math.c - functions of doubles, pmod, greatest and least; rounding is in fn_round.c.
 *
 * exp, power, the trigonometric and hyperbolic functions are the C library's, which differ from
 * Java's in the last digit now and then: exp(1) is 2.718281828459045 here, ..0455 there. */
#include <math.h>

#include "model/dec.h"
#include "stream/op/chars.h"
#include "stream/op/compare.h"
#include "stream/op/func_table.h"
#include "stream/op/take.h"
#include "stream/plan/coerce.h"

/* ---- one double ---- */

static double cube_root(double v) {
    return (double)cbrtl((long double)v); /* cbrt() misses 27 by a bit */
}
static double cotangent(double v) {
    return 1 / tan(v);
}
static double secant(double v) {
    return 1 / cos(v);
}
static double cosecant(double v) {
    return 1 / sin(v);
}
/* The formulas Spark has, whose last digit differs from libm's. */
static double arsinh(double v) {
    return isinf(v) ? v : log(v + sqrt(v * v + 1));
}
static double arcosh(double v) {
    return log(v + sqrt(v * v - 1));
}
static double artanh(double v) {
    return 0.5 * (log1p(v) - log1p(-v));
}
static double log_two(double v) {
    return log(v) / log(2);
}
static double signum(double v) {
    return v > 0 ? 1.0 : v < 0 ? -1.0 : v;
}
static double degrees(double v) {
    return v * (180.0 / M_PI);
}
static double radians(double v) {
    return v / 180.0 * M_PI;
}

/* NULL up to and at `above`, where there is a bound. */
struct unary {
    const char *name;
    double (*of)(double v);
    bool bounded;
    double above;
};

static int bind_unary(struct func_call *call) {
    static const struct unary unaries[] = {
        {"sqrt", sqrt, false, 0},       {"cbrt", cube_root, false, 0},
        {"exp", exp, false, 0},         {"expm1", expm1, false, 0},
        {"sin", sin, false, 0},         {"cos", cos, false, 0},
        {"tan", tan, false, 0},         {"cot", cotangent, false, 0},
        {"sec", secant, false, 0},      {"csc", cosecant, false, 0},
        {"asin", asin, false, 0},       {"acos", acos, false, 0},
        {"atan", atan, false, 0},       {"sinh", sinh, false, 0},
        {"cosh", cosh, false, 0},       {"tanh", tanh, false, 0},
        {"asinh", arsinh, false, 0},    {"acosh", arcosh, false, 0},
        {"atanh", artanh, false, 0},    {"rint", rint, false, 0},
        {"sign", signum, false, 0},     {"signum", signum, false, 0},
        {"degrees", degrees, false, 0}, {"radians", radians, false, 0},
        {"ln", log, true, 0},           {"log", log, true, 0},
        {"log2", log_two, true, 0},     {"log10", log10, true, 0},
        {"log1p", log1p, true, -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(unaries); i++)
        if (strcmp(call->func->name, unaries[i].name) == 0)
            call->state = (void *)(uintptr_t)&unaries[i];
    assert(call->state);
    return 0;
}

EVAL(eval_unary) {
    const struct unary *unary = state;
    FUNC_EACH(ctx, row) {
        double v = func_f64(arg[0], row);
        if (unary->bounded && v <= unary->above) func_null(ctx, out, row);
        else out->f64[row] = unary->of(v);
    }
    return 0;
}

EVAL(eval_log) {
    FUNC_EACH(ctx, row) {
        double base = func_f64(arg[0], row), v = func_f64(arg[1], row);
        if (base <= 0 || v <= 0) func_null(ctx, out, row);
        else out->f64[row] = log(v) / log(base);
    }
    return 0;
}

EVAL(eval_power) {
    FUNC_EACH(ctx, row) {
        double base = func_f64(arg[0], row), v = func_f64(arg[1], row);
        /* Java: 1 to a NaN, and +-1 to an infinity, are NaN */
        bool odd = isnan(v) || (isinf(v) && fabs(base) == 1);
        out->f64[row] = odd ? (double)NAN : pow(base, v);
    }
    return 0;
}

EVAL(eval_atan2) {
    FUNC_EACH(ctx, row) {
        double y = func_f64(arg[0], row), x = func_f64(arg[1], row);
        out->f64[row] = atan2(y + 0.0, x + 0.0); /* without the sign of a zero */
    }
    return 0;
}

EVAL(eval_hypot) {
    FUNC_EACH(ctx, row) out->f64[row] = hypot(func_f64(arg[0], row), func_f64(arg[1], row));
    return 0;
}

EVAL(eval_pi) {
    FUNC_EACH(ctx, row) out->f64[row] = M_PI;
    return 0;
}

EVAL(eval_e) {
    FUNC_EACH(ctx, row) out->f64[row] = M_E;
    return 0;
}

EVAL(eval_isnan) {
    FUNC_EACH(ctx, row) {
        bool null = arg[0]->type->kind == TYPE_NULL || vec_null(arg[0], row);
        out->b[row] = !null && isnan(func_f64(arg[0], row));
    }
    return 0;
}

EVAL(eval_nanvl) {
    FUNC_EACH(ctx, row) {
        if (vec_null(arg[0], row)) {
            func_null(ctx, out, row);
            continue;
        }
        out->f64[row] = func_f64(arg[0], row);
        if (!isnan(out->f64[row])) continue;
        if (vec_null(arg[1], row)) func_null(ctx, out, row);
        else out->f64[row] = func_f64(arg[1], row);
    }
    return 0;
}

/* ---- whole numbers ---- */

EVAL(eval_factorial) {
    FUNC_EACH(ctx, row) {
        int32_t n = func_i32(arg[0], row);
        out->i64[row] = 1;
        if (n < 0 || n > 20) func_null(ctx, out, row);
        for (int32_t i = 2; i <= n && n <= 20; i++) out->i64[row] *= i;
    }
    return 0;
}

EVAL(eval_bin) {
    FUNC_EACH(ctx, row) {
        uint64_t left = (uint64_t)func_i64(arg[0], row);
        char *to = func_room(ctx, row, 64), *at = to + 64;
        if (!to) continue;
        do *--at = (char)('0' + (left & 1));
        while (left >>= 1);
        out->str[row] = (struct str){at, (size_t)(to + 64 - at)};
    }
    return 0;
}

EVAL(eval_bit_count) {
    FUNC_EACH(ctx, row)
        out->i32[row] = __builtin_popcountll((uint64_t)func_i64(arg[0], row));
    return 0;
}

/* ---- absolute value ---- */

static int types_same(struct func_call *call) {
    const struct type *type = call->arg[0].type;
    if (type->kind == TYPE_NULL) call->arg[0].type = type = type_of(TYPE_F64);
    call->type = type;
    return 0;
}

#define EACH_ABS(member, least)                                                                   \
    FUNC_EACH(ctx, row) {                                                                         \
        out->member[row] = arg[0]->member[vec_at(arg[0], row)];                                   \
        if (out->member[row] == (least)) overflow(ctx, row, out->type);                           \
        else if (out->member[row] < 0) out->member[row] = -out->member[row];                      \
    }

static void overflow(struct func_ctx *ctx, uint32_t row, const struct type *type) {
    func_error(ctx, row, "[ARITHMETIC_OVERFLOW] the result does not fit into %s",
               type_name(type->kind));
}

EVAL(eval_abs) {
    switch (out->type->kind) {
    case TYPE_I8:
        FUNC_EACH(ctx, row) {
            int v = arg[0]->i8[vec_at(arg[0], row)];
            if (v == INT8_MIN) overflow(ctx, row, out->type);
            else out->i8[row] = (int8_t)(v < 0 ? -v : v);
        }
        break;
    case TYPE_I16:
        FUNC_EACH(ctx, row) {
            int v = arg[0]->i16[vec_at(arg[0], row)];
            if (v == INT16_MIN) overflow(ctx, row, out->type);
            else out->i16[row] = (int16_t)(v < 0 ? -v : v);
        }
        break;
    case TYPE_I32: EACH_ABS(i32, INT32_MIN) break;
    case TYPE_I64: EACH_ABS(i64, INT64_MIN) break;
    case TYPE_F32:
        FUNC_EACH(ctx, row) out->f32[row] = fabsf(arg[0]->f32[vec_at(arg[0], row)]);
        break;
    case TYPE_DECIMAL:
        FUNC_EACH(ctx, row) {
            batch_i128 v = arg[0]->dec[vec_at(arg[0], row)];
            out->dec[row] = v < 0 ? -v : v;
        }
        break;
    default:
        FUNC_EACH(ctx, row) out->f64[row] = fabs(func_f64(arg[0], row));
        break;
    }
    return 0;
}

/* ---- pmod ---- */

/* Both in their common type; a DECIMAL result is as wide as that of %. */
static int types_pmod(struct func_call *call) {
    const struct type *a = call->arg[0].type, *b = call->arg[1].type;
    const struct type *both = coerce_common(call->arena, a, b);
    if (both && both->kind == TYPE_NULL) both = type_of(TYPE_F64);
    if (!both || !type_is_num(both)) return func_wrong(call, 1, "pmod takes two numbers");
    call->arg[0].type = call->arg[1].type = call->type = both;
    if (both->kind != TYPE_DECIMAL) return 0;
    const struct type *da = coerce_decimal(call->arena, a), *db = coerce_decimal(call->arena, b);
    if (da->kind != TYPE_DECIMAL || db->kind != TYPE_DECIMAL) return 0;
    int whole = MIN(da->precision - da->scale, db->precision - db->scale);
    call->type = coerce_bounded(call->arena, whole + both->scale, both->scale);
    return 0;
}

static void mod_zero(struct func_ctx *ctx, uint32_t row) {
    func_error(ctx, row, "[REMAINDER_BY_ZERO] remainder by zero; use try_mod to get NULL instead");
}

#define EACH_PMOD(member, wide)                                                                   \
    FUNC_EACH(ctx, row) {                                                                         \
        wide a = arg[0]->member[vec_at(arg[0], row)], b = arg[1]->member[vec_at(arg[1], row)];    \
        if (b == 0) {                                                                             \
            mod_zero(ctx, row);                                                                   \
            continue;                                                                             \
        }                                                                                         \
        wide left = b == -1 ? 0 : a % b;                                                          \
        if (left < 0) left = (left + b) % b;                                                      \
        out->member[row] = (__typeof__(*out->member))left;                                        \
    }

static double pmod_real(double a, double b) {
    double left = fmod(a, b);
    return left < 0 ? fmod(left + b, b) : left;
}

EVAL(eval_pmod) {
    switch (arg[0]->type->kind) {
    case TYPE_I8: EACH_PMOD(i8, int64_t) break;
    case TYPE_I16: EACH_PMOD(i16, int64_t) break;
    case TYPE_I32: EACH_PMOD(i32, int64_t) break;
    case TYPE_I64: EACH_PMOD(i64, batch_i128) break;
    case TYPE_DECIMAL: EACH_PMOD(dec, batch_i128) break;
    case TYPE_F32:
        FUNC_EACH(ctx, row) {
            float a = arg[0]->f32[vec_at(arg[0], row)], b = arg[1]->f32[vec_at(arg[1], row)];
            if (b == 0) mod_zero(ctx, row);
            else out->f32[row] = (float)pmod_real((double)a, (double)b);
        }
        break;
    default:
        FUNC_EACH(ctx, row) {
            if (func_f64(arg[1], row) == 0) mod_zero(ctx, row);
            else out->f64[row] = pmod_real(func_f64(arg[0], row), func_f64(arg[1], row));
        }
        break;
    }
    return 0;
}

/* ---- greatest, least ---- */

static int types_extreme(struct func_call *call) {
    if (call->arg_cnt < 2) return func_wrong(call, 0, "%s takes two values or more",
                                             call->func->name);
    if (!compare_can(call->type))
        return func_wrong(call, 0, "values of type %s have no order", type_name(call->type->kind));
    return 0;
}

/* NULLs are passed over; which argument wins is told row by row, then all are taken at once. */
static void extreme(struct func_ctx *ctx, const struct vec *const *arg, struct vec *out,
                    int sign) {
    uint8_t *which = arena_alloc(ctx->arena, ctx->cnt);
    uint32_t *from = arena_alloc(ctx->arena, ctx->cnt * sizeof *from);
    memset(which, 0, ctx->cnt);
    memset(from, 0xff, ctx->cnt * sizeof *from); /* TAKE_NULL */
    FUNC_EACH(ctx, row)
        for (uint32_t i = 0; i < ctx->arg_cnt; i++) {
            if (arg[i]->type->kind == TYPE_NULL || vec_null(arg[i], row)) continue;
            bool wins = from[row] == TAKE_NULL ||
                        compare_values(arg[i], row, arg[which[row]], row) * sign > 0;
            if (wins) which[row] = (uint8_t)i;
            from[row] = row;
        }
    *out = *take_rows(ctx->arena, out->type, arg, which, from, ctx->cnt);
}

EVAL(eval_greatest) {
    extreme(ctx, arg, out, 1);
    return 0;
}
EVAL(eval_least) {
    extreme(ctx, arg, out, -1);
    return 0;
}

const struct func fn_math[] = {
    {"sqrt", "d:d", eval_unary, 0, NULL, bind_unary},
    {"cbrt", "d:d", eval_unary, 0, NULL, bind_unary},
    {"exp", "d:d", eval_unary, 0, NULL, bind_unary},
    {"expm1", "d:d", eval_unary, 0, NULL, bind_unary},
    {"sin", "d:d", eval_unary, 0, NULL, bind_unary},
    {"cos", "d:d", eval_unary, 0, NULL, bind_unary},
    {"tan", "d:d", eval_unary, 0, NULL, bind_unary},
    {"cot", "d:d", eval_unary, 0, NULL, bind_unary},
    {"sec", "d:d", eval_unary, 0, NULL, bind_unary},
    {"csc", "d:d", eval_unary, 0, NULL, bind_unary},
    {"asin", "d:d", eval_unary, 0, NULL, bind_unary},
    {"acos", "d:d", eval_unary, 0, NULL, bind_unary},
    {"atan", "d:d", eval_unary, 0, NULL, bind_unary},
    {"atan2", "dd:d", eval_atan2, 0, NULL, NULL},
    {"sinh", "d:d", eval_unary, 0, NULL, bind_unary},
    {"cosh", "d:d", eval_unary, 0, NULL, bind_unary},
    {"tanh", "d:d", eval_unary, 0, NULL, bind_unary},
    {"asinh", "d:d", eval_unary, 0, NULL, bind_unary},
    {"acosh", "d:d", eval_unary, 0, NULL, bind_unary},
    {"atanh", "d:d", eval_unary, 0, NULL, bind_unary},
    {"rint", "d:d", eval_unary, 0, NULL, bind_unary},
    {"sign", "d:d", eval_unary, 0, NULL, bind_unary},
    {"signum", "d:d", eval_unary, 0, NULL, bind_unary},
    {"degrees", "d:d", eval_unary, 0, NULL, bind_unary},
    {"radians", "d:d", eval_unary, 0, NULL, bind_unary},
    {"ln", "d:d", eval_unary, 0, NULL, bind_unary},
    {"log", "d:d", eval_unary, 0, NULL, bind_unary},
    {"log", "dd:d", eval_log, 0, NULL, NULL},
    {"log2", "d:d", eval_unary, 0, NULL, bind_unary},
    {"log10", "d:d", eval_unary, 0, NULL, bind_unary},
    {"log1p", "d:d", eval_unary, 0, NULL, bind_unary},
    {"power", "dd:d", eval_power, 0, NULL, NULL},
    {"pow", "dd:d", eval_power, 0, NULL, NULL},
    {"hypot", "dd:d", eval_hypot, 0, NULL, NULL},
    {"pi", ":d", eval_pi, 0, NULL, NULL},
    {"e", ":d", eval_e, 0, NULL, NULL},
    {"isnan", "d:b", eval_isnan, FUNC_NULLS, NULL, NULL},
    {"nanvl", "dd:d", eval_nanvl, FUNC_NULLS, NULL, NULL},
    {"factorial", "i:l", eval_factorial, 0, NULL, NULL},
    {"bin", "l:s", eval_bin, 0, NULL, NULL},
    {"bit_count", "l:i", eval_bit_count, 0, NULL, NULL},
    {"abs", "n:-", eval_abs, 0, types_same, NULL},
    {"pmod", "nn:-", eval_pmod, 0, types_pmod, NULL},
    {"greatest", "=*:=", eval_greatest, FUNC_NULLS, types_extreme, NULL},
    {"least", "=*:=", eval_least, FUNC_NULLS, types_extreme, NULL},
    {NULL, NULL, NULL, 0, NULL, NULL},
};
