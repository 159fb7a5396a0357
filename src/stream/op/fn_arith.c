/* fn_arith.c - + - * / % div, bits, and the arithmetic of dates and intervals.
 *
 * ANSI: what overflows and what divides by zero is a mistake of its row. DECIMAL results are as
 * wide as the operands demand, cut to 38 digits as Spark cuts them. */
#include <math.h>

#include "stream/op/decimal.h"
#include "stream/op/func_table.h"
#include "stream/op/moment.h"
#include "stream/plan/coerce.h"

enum arith { ADD, SUB, MUL, DIV, MOD, IDIV };

/* What a call was bound to; kept in call->state. */
struct bound {
    enum arith op;
};

static enum arith op_of(const struct func_call *call) {
    static const struct {
        const char *name;
        enum arith op;
    } names[] = {{"+", ADD},         {"-", SUB},          {"*", MUL},          {"/", DIV},
                 {"%", MOD},         {"div", IDIV},       {"try_add", ADD},    {"mod", MOD},
                 {"try_subtract", SUB}, {"try_multiply", MUL}, {"try_divide", DIV},
                 {"try_mod", MOD}};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_eqz(str_of(call->func->name), names[i].name)) return names[i].op;
    NEVER();
}

static int bind_arith(struct func_call *call) {
    struct bound *bound = arena_new(call->arena, struct bound);
    bound->op = op_of(call);
    call->state = bound;
    return 0;
}

/* ---- types ---- */

static bool is(const struct func_call *call, uint32_t arg, enum type_kind kind) {
    return call->arg[arg].type->kind == kind;
}

static int no_such(struct func_call *call) {
    return func_wrong(call, 2, "there is no %s %s %s", type_name(call->arg[0].type->kind),
                      call->func->name, type_name(call->arg[1].type->kind));
}

/* A literal integer beside a DECIMAL needs only its own digits. */
static const struct type *as_decimal(struct func_call *call, uint32_t arg) {
    const struct type *type = call->arg[arg].type;
    const struct vec *value = func_const(call, arg);
    if (!value || !call->arg[arg].literal || !type_is_int(type) || type->kind == TYPE_I8)
        return coerce_decimal(call->arena, type);
    int64_t v = type->kind == TYPE_I16   ? value->i16[0]
                : type->kind == TYPE_I32 ? value->i32[0]
                                         : value->i64[0];
    int digits = 1;
    while (!dec_fits(v, digits)) digits++;
    return type_decimal(call->arena, digits, 0);
}

static int types_decimal(struct func_call *call, enum arith op) {
    const struct type *a = as_decimal(call, 0), *b = as_decimal(call, 1);
    call->arg[0].type = a;
    call->arg[1].type = b;
    int whole_a = a->precision - a->scale, whole_b = b->precision - b->scale;
    int scale = MAX(a->scale, b->scale), precision;
    switch (op) {
    case ADD:
    case SUB: precision = scale + MAX(whole_a, whole_b) + 1; break;
    case MUL:
        scale = a->scale + b->scale;
        precision = a->precision + b->precision + 1;
        break;
    case DIV:
        scale = MAX(6, a->scale + b->precision + 1);
        precision = whole_a + b->scale + scale;
        break;
    default: precision = MIN(whole_a, whole_b) + scale; break;
    }
    call->type = op == IDIV ? type_of(TYPE_I64) : coerce_bounded(call->arena, precision, scale);
    return 0;
}

static bool is_real(const struct type *type) {
    return type->kind == TYPE_F32 || type->kind == TYPE_F64;
}

static int types_num(struct func_call *call, enum arith op) {
    const struct type *a = call->arg[0].type, *b = call->arg[1].type;
    const struct type *both = coerce_common(call->arena, a, b);
    if (both && both->kind == TYPE_NULL) both = type_of(op == IDIV ? TYPE_I64 : TYPE_F64);
    if (!both || !type_is_num(both)) return no_such(call);
    bool dec = a->kind == TYPE_DECIMAL || b->kind == TYPE_DECIMAL;
    if (dec && !is_real(both)) {
        if (a->kind == TYPE_NULL) call->arg[0].type = b;
        if (b->kind == TYPE_NULL) call->arg[1].type = a;
        return types_decimal(call, op);
    }
    if (op == DIV) both = type_of(TYPE_F64);
    if (op == IDIV) {
        if (is_real(both)) return no_such(call);
        both = type_of(TYPE_I64);
    }
    call->arg[0].type = call->arg[1].type = call->type = both;
    return 0;
}

/* Sets both wanted types and the result. */
static int types_set(struct func_call *call, enum type_kind a, enum type_kind b,
                     enum type_kind out) {
    call->arg[0].type = type_of(a);
    call->arg[1].type = type_of(b);
    call->type = type_of(out);
    return 0;
}

static bool is_stamp(const struct type *type) {
    return type->kind == TYPE_TIMESTAMP || type->kind == TYPE_TIMESTAMP_NTZ;
}

/* Is one argument a constant interval of whole days? Then a DATE moved by it stays a DATE. */
static bool whole_days(const struct func_call *call) {
    for (uint32_t i = 0; i < 2; i++) {
        const struct vec *value = func_const(call, i);
        if (value && is(call, i, TYPE_INTERVAL_DT)) return value->i64[0] % WHEN_DAY == 0;
    }
    return false;
}

/* A moment on the left, something that is no moment on the right. */
static int types_shift(struct func_call *call) {
    const struct type *a = call->arg[0].type, *b = call->arg[1].type;
    bool date = a->kind == TYPE_DATE;
    if (date && type_is_int(b) && b->kind != TYPE_I64)
        return types_set(call, TYPE_DATE, TYPE_I32, TYPE_DATE);
    if (date && whole_days(call)) return types_set(call, TYPE_DATE, b->kind, TYPE_DATE);
    if (b->kind == TYPE_NULL) b = type_of(TYPE_INTERVAL_DT);
    if (b->kind == TYPE_INTERVAL_YM) return types_set(call, a->kind, b->kind, a->kind);
    if (b->kind == TYPE_INTERVAL_DT) {
        enum type_kind stamp = date ? TYPE_TIMESTAMP : a->kind;
        return types_set(call, stamp, b->kind, stamp);
    }
    return no_such(call);
}

static void swap(struct func_call *call) {
    struct func_arg kept = call->arg[0];
    call->arg[0] = call->arg[1];
    call->arg[1] = kept;
}

static bool is_moment(const struct type *type) {
    return type->kind == TYPE_DATE || is_stamp(type);
}

static bool is_interval(const struct type *type) {
    return type->kind == TYPE_INTERVAL_DT || type->kind == TYPE_INTERVAL_YM;
}

static int types_sum(struct func_call *call) {
    enum arith op = op_of(call);
    const struct type *a = call->arg[0].type, *b = call->arg[1].type;
    bool void_a = a->kind == TYPE_NULL, void_b = b->kind == TYPE_NULL;
    if (op == SUB && ((is_moment(b) && (is_moment(a) || a->kind == TYPE_STRING || void_a)) ||
                      (is_moment(a) && (b->kind == TYPE_STRING || void_b)))) {
        if ((is(call, 0, TYPE_DATE) || void_a) && (is(call, 1, TYPE_DATE) || void_b))
            return types_set(call, TYPE_DATE, TYPE_DATE, TYPE_INTERVAL_DT);
        bool ntz = is(call, 0, TYPE_TIMESTAMP_NTZ) && is(call, 1, TYPE_TIMESTAMP_NTZ);
        enum type_kind stamp = ntz ? TYPE_TIMESTAMP_NTZ : TYPE_TIMESTAMP;
        return types_set(call, stamp, stamp, TYPE_INTERVAL_DT);
    }
    if (is_moment(a)) return types_shift(call);
    if (op == ADD && is_moment(b)) {
        swap(call);
        int err = types_shift(call);
        swap(call);
        return err;
    }
    if (is_interval(a) && (type_eq(a, b) || void_b))
        return types_set(call, a->kind, a->kind, a->kind);
    if (is_interval(b) && void_a) return types_set(call, b->kind, b->kind, b->kind);
    return types_num(call, op);
}

/* May an interval be multiplied by it? */
static bool scales(const struct type *type) {
    return type_is_num(type) || type->kind == TYPE_STRING || type->kind == TYPE_NULL;
}

static int types_product(struct func_call *call) {
    enum arith op = op_of(call);
    const struct type *a = call->arg[0].type, *b = call->arg[1].type;
    bool int_a = type_is_int(a), int_b = type_is_int(b);
    if (is_interval(a) && (op == MUL || op == DIV) && scales(b))
        return types_set(call, a->kind, int_b ? TYPE_I64 : TYPE_F64, a->kind);
    if (is_interval(b) && op == MUL && scales(a))
        return types_set(call, int_a ? TYPE_I64 : TYPE_F64, b->kind, b->kind);
    return types_num(call, op);
}

/* ---- kernels ---- */

static void too_big(struct func_ctx *ctx, uint32_t row, const struct type *type) {
    func_error(ctx, row, "[ARITHMETIC_OVERFLOW] the result does not fit into %s; use a try_... "
               "function to get NULL instead", type_name(type->kind));
}

static void by_zero(struct func_ctx *ctx, uint32_t row, enum arith op) {
    func_error(ctx, row, op == MOD ? "[REMAINDER_BY_ZERO] remainder by zero; use try_mod to get "
               "NULL instead" : "[DIVIDE_BY_ZERO] division by zero; use try_divide to get NULL "
               "instead");
}

/* false: overflow, or the divisor is 0 (which the caller has looked at). */
static bool compute_int(enum arith op, int64_t a, int64_t b, int64_t *out) {
    switch (op) {
    case ADD: return !__builtin_add_overflow(a, b, out);
    case SUB: return !__builtin_sub_overflow(a, b, out);
    case MUL: return !__builtin_mul_overflow(a, b, out);
    case MOD: return *out = b == -1 ? 0 : a % b, true;
    default:
        if (b == -1) return !__builtin_sub_overflow((int64_t)0, a, out);
        return *out = a / b, true;
    }
}

#define INT_LOOP(member, ctype, least, most)                                                      \
    FUNC_EACH(ctx, row) {                                                                         \
        int64_t b = arg[1]->member[vec_at(arg[1], row)], v = 0;                                   \
        if (b == 0 && op >= DIV) by_zero(ctx, row, op);                                           \
        else if (!compute_int(op, arg[0]->member[vec_at(arg[0], row)], b, &v) || v < (least) ||   \
                 v > (most)) too_big(ctx, row, out->type);                                        \
        else out->member[row] = (ctype)v;                                                         \
    }

static void eval_int(enum arith op, struct func_ctx *ctx, const struct vec *const *arg,
                     struct vec *out) {
    switch (out->type->kind) {
    case TYPE_I8: INT_LOOP(i8, int8_t, INT8_MIN, INT8_MAX) break;
    case TYPE_I16: INT_LOOP(i16, int16_t, INT16_MIN, INT16_MAX) break;
    case TYPE_I32: INT_LOOP(i32, int32_t, INT32_MIN, INT32_MAX) break;
    default: INT_LOOP(i64, int64_t, INT64_MIN, INT64_MAX) break;
    }
}

static double compute_real(enum arith op, double a, double b) {
    switch (op) {
    case ADD: return a + b;
    case SUB: return a - b;
    case MUL: return a * b;
    case DIV: return a / b;
    default: return fmod(a, b);
    }
}

static void eval_real(enum arith op, struct func_ctx *ctx, const struct vec *const *arg,
                      struct vec *out) {
    bool single = out->type->kind == TYPE_F32;
    FUNC_EACH(ctx, row) {
        uint32_t i = vec_at(arg[0], row), j = vec_at(arg[1], row);
        double a = single ? (double)arg[0]->f32[i] : arg[0]->f64[i];
        double b = single ? (double)arg[1]->f32[j] : arg[1]->f64[j];
        if (op >= DIV && b == 0) by_zero(ctx, row, op);
        else if (single) out->f32[row] = (float)compute_real(op, a, b);
        else out->f64[row] = compute_real(op, a, b);
    }
}

/* Of two operands of `from` digits behind the point. Their sum may take one bit more than there is,
 * and fit all the same once it has been rounded. */
static bool decimal_add(batch_i128 a, batch_i128 b, int from, const struct type *type,
                        batch_i128 *out) {
    batch_i128 sum;
    if (!__builtin_add_overflow(a, b, &sum))
        return dec_rescale(sum, from, type->scale, type->precision, out);
    if (from <= type->scale) return false;
    batch_u128 size = a < 0 ? -(batch_u128)a - (batch_u128)b : (batch_u128)a + (batch_u128)b;
    batch_u128 power = (batch_u128)dec_power(from - type->scale);
    sum = (batch_i128)((size + power / 2) / power);
    *out = a < 0 ? -sum : sum;
    return dec_fits(sum, type->precision);
}

/* Operands and result in their own scales. */
static bool compute_decimal(enum arith op, const struct vec *const *arg, uint32_t row,
                            const struct type *type, batch_i128 *out) {
    batch_i128 a = arg[0]->dec[vec_at(arg[0], row)], b = arg[1]->dec[vec_at(arg[1], row)];
    int scale_a = arg[0]->type->scale, scale_b = arg[1]->type->scale;
    int common = MAX(scale_a, scale_b), precision = type->precision, scale = type->scale;
    if (op == MUL) return decimal_mul(a, b, scale_a + scale_b - scale, precision, out);
    if (op == DIV) {
        int lift = scale + scale_b - scale_a;
        if (lift >= 0) return decimal_div(a, b, lift, precision, out);
        return decimal_div(a, b, 0, DEC_DIGITS_MAX, out) &&
               dec_rescale(*out, scale - lift, scale, precision, out);
    }
    if (!dec_rescale(a, scale_a, common, DEC_DIGITS_MAX, &a) ||
        !dec_rescale(b, scale_b, common, DEC_DIGITS_MAX, &b))
        return false;
    if (op == IDIV) {
        *out = a / b;
        return *out >= INT64_MIN && *out <= INT64_MAX;
    }
    if (op == MOD) return dec_rescale(a % b, common, scale, precision, out);
    return decimal_add(a, op == SUB ? -b : b, common, type, out);
}

static void eval_decimal(enum arith op, struct func_ctx *ctx, const struct vec *const *arg,
                         struct vec *out) {
    FUNC_EACH(ctx, row) {
        batch_i128 v;
        if (op >= DIV && arg[1]->dec[vec_at(arg[1], row)] == 0) by_zero(ctx, row, op);
        else if (!compute_decimal(op, arg, row, out->type, &v))
            func_error(ctx, row, "[NUMERIC_VALUE_OUT_OF_RANGE] the result does not fit into "
                       "DECIMAL(%d,%d)", out->type->precision, out->type->scale);
        else if (op == IDIV) out->i64[row] = (int64_t)v;
        else out->dec[row] = v;
    }
}

/* A moment moved by days, months or microseconds; the moment may stand on either side. */
static bool compute_shift(const struct vec *moment, const struct vec *by, uint32_t row, int sign,
                          int64_t *out) {
    bool date = moment->type->kind == TYPE_DATE;
    int64_t at = date ? func_i32(moment, row) : func_i64(moment, row);
    if (by->type->kind == TYPE_INTERVAL_DT) {
        int64_t us = func_i64(by, row);
        if (date) us /= WHEN_DAY;
        bool good = sign > 0 ? !__builtin_add_overflow(at, us, out)
                             : !__builtin_sub_overflow(at, us, out);
        return good && (!date || (*out >= INT32_MIN && *out <= INT32_MAX));
    }
    int64_t steps = (int64_t)func_i32(by, row) * sign;
    if (by->type->kind == TYPE_I32) *out = at + steps;
    else if (date) *out = moment_add_months(at, steps);
    else {
        int64_t days = moment_floor(at, WHEN_DAY), start;
        int64_t clock = (int64_t)((uint64_t)at - (uint64_t)days * (uint64_t)WHEN_DAY);
        return !__builtin_mul_overflow(moment_add_months(days, steps), WHEN_DAY, &start) &&
               !__builtin_add_overflow(start, clock, out);
    }
    return !date || (*out >= INT32_MIN && *out <= INT32_MAX);
}

static void eval_shift(enum arith op, struct func_ctx *ctx, const struct vec *const *arg,
                       struct vec *out) {
    bool left = is_moment(arg[0]->type);
    FUNC_EACH(ctx, row) {
        int64_t v = 0;
        if (!compute_shift(arg[!left], arg[left], row, op == SUB ? -1 : 1, &v))
            too_big(ctx, row, out->type);
        else if (out->type->kind == TYPE_DATE) out->i32[row] = (int32_t)v;
        else out->i64[row] = v;
    }
}

static void eval_span(struct func_ctx *ctx, const struct vec *const *arg, struct vec *out) {
    bool date = arg[0]->type->kind == TYPE_DATE;
    FUNC_EACH(ctx, row) {
        int64_t a = date ? func_i32(arg[0], row) * WHEN_DAY : func_i64(arg[0], row);
        int64_t b = date ? func_i32(arg[1], row) * WHEN_DAY : func_i64(arg[1], row);
        if (__builtin_sub_overflow(a, b, &out->i64[row])) too_big(ctx, row, out->type);
    }
}

/* Rounded half away from zero; false: out of int64. */
static bool scale_real(enum arith op, int64_t v, double by, int64_t *out) {
    double scaled = round(op == MUL ? (double)v * by : (double)v / by);
    if (!(scaled >= -0x1p63 && scaled < 0x1p63)) return false;
    *out = (int64_t)scaled;
    return true;
}

static bool scale_int(enum arith op, int64_t v, int64_t by, int64_t *out) {
    batch_i128 got;
    if (op == MUL) return !__builtin_mul_overflow(v, by, out);
    if (!decimal_div(v, by, 0, 19, &got) || got < INT64_MIN || got > INT64_MAX) return false;
    *out = (int64_t)got;
    return true;
}

static void eval_scale(enum arith op, struct func_ctx *ctx, const struct vec *const *arg,
                       struct vec *out) {
    bool left = is_interval(arg[0]->type), months = out->type->kind == TYPE_INTERVAL_YM;
    const struct vec *interval = arg[!left], *by = arg[left];
    bool whole = by->type->kind == TYPE_I64;
    FUNC_EACH(ctx, row) {
        int64_t v = months ? func_i32(interval, row) : func_i64(interval, row);
        bool zero = whole ? func_i64(by, row) == 0 : func_f64(by, row) == 0;
        if (op == DIV && zero) {
            func_error(ctx, row, "[INTERVAL_DIVIDED_BY_ZERO] division by zero");
            continue;
        }
        bool good = whole ? scale_int(op, v, func_i64(by, row), &v)
                          : scale_real(op, v, func_f64(by, row), &v);
        if (!good || (months && (v < INT32_MIN || v > INT32_MAX))) too_big(ctx, row, out->type);
        else if (months) out->i32[row] = (int32_t)v;
        else out->i64[row] = v;
    }
}

static void eval_interval(enum arith op, struct func_ctx *ctx, const struct vec *const *arg,
                          struct vec *out) {
    bool months = out->type->kind == TYPE_INTERVAL_YM;
    FUNC_EACH(ctx, row) {
        int64_t a = months ? func_i32(arg[0], row) : func_i64(arg[0], row), v;
        int64_t b = months ? func_i32(arg[1], row) : func_i64(arg[1], row);
        bool good = compute_int(op, a, b, &v);
        if (!good || (months && (v < INT32_MIN || v > INT32_MAX))) too_big(ctx, row, out->type);
        else if (months) out->i32[row] = (int32_t)v;
        else out->i64[row] = v;
    }
}

static int eval_arith(void *state, struct func_ctx *ctx, const struct vec *const *arg,
                      struct vec *out) {
    enum arith op = ((const struct bound *)state)->op;
    const struct type *a = arg[0]->type, *b = arg[1]->type;
    if (a->kind == TYPE_DECIMAL) eval_decimal(op, ctx, arg, out);
    else if (is_moment(a) && is_moment(b)) eval_span(ctx, arg, out);
    else if (is_moment(a) || is_moment(b)) eval_shift(op, ctx, arg, out);
    else if (is_interval(a) && is_interval(b)) eval_interval(op, ctx, arg, out);
    else if (is_interval(a) || is_interval(b)) eval_scale(op, ctx, arg, out);
    else if (is_real(a)) eval_real(op, ctx, arg, out);
    else eval_int(op, ctx, arg, out);
    return 0;
}

/* ---- signs and bits ---- */

static int types_sign(struct func_call *call) {
    const struct type *type = call->arg[0].type;
    if (type->kind == TYPE_STRING || type->kind == TYPE_NULL) type = type_of(TYPE_F64);
    if (!type_is_num(type) && !is_interval(type))
        return func_wrong(call, 0, "a sign goes before a number, not before %s",
                          type_name(type->kind));
    call->arg[0].type = call->type = type;
    return 0;
}

static int eval_negative(void *state UNUSED, struct func_ctx *ctx, const struct vec *const *arg,
                         struct vec *out) {
    const struct vec *in = arg[0];
    FUNC_EACH(ctx, row) {
        uint32_t at = vec_at(in, row);
        bool good = true;
        switch (out->type->kind) {
        case TYPE_I8: good = !__builtin_sub_overflow((int8_t)0, in->i8[at], &out->i8[row]); break;
        case TYPE_I16:
            good = !__builtin_sub_overflow((int16_t)0, in->i16[at], &out->i16[row]);
            break;
        case TYPE_I32:
        case TYPE_INTERVAL_YM:
            good = !__builtin_sub_overflow(0, in->i32[at], &out->i32[row]);
            break;
        case TYPE_F32: out->f32[row] = -in->f32[at]; break;
        case TYPE_F64: out->f64[row] = -in->f64[at]; break;
        case TYPE_DECIMAL: out->dec[row] = -in->dec[at]; break;
        default: good = !__builtin_sub_overflow((int64_t)0, in->i64[at], &out->i64[row]); break;
        }
        if (!good) too_big(ctx, row, out->type);
    }
    return 0;
}

static int eval_positive(void *state UNUSED, struct func_ctx *ctx UNUSED,
                         const struct vec *const *arg, struct vec *out) {
    uint8_t *valid = out->valid;
    *out = *arg[0];
    if (valid) out->valid = valid;
    return 0;
}

static int types_bits(struct func_call *call) {
    const struct type *both = call->arg[0].type;
    if (call->arg_cnt == 2) both = coerce_common(call->arena, both, call->arg[1].type);
    if (both && both->kind == TYPE_NULL) both = type_of(TYPE_I32);
    if (!both || !type_is_int(both))
        return func_wrong(call, 0, "%s takes integers", call->func->name);
    for (uint32_t i = 0; i < call->arg_cnt; i++) call->arg[i].type = both;
    call->type = both;
    return 0;
}

static int64_t int_at(const struct vec *in, uint32_t row) {
    uint32_t at = vec_at(in, row);
    switch (in->type->kind) {
    case TYPE_I8: return in->i8[at];
    case TYPE_I16: return in->i16[at];
    case TYPE_I32: return in->i32[at];
    default: return in->i64[at];
    }
}

static void int_put(struct vec *out, uint32_t row, int64_t v) {
    switch (out->type->kind) {
    case TYPE_I8: out->i8[row] = (int8_t)v; break;
    case TYPE_I16: out->i16[row] = (int16_t)v; break;
    case TYPE_I32: out->i32[row] = (int32_t)v; break;
    default: out->i64[row] = v; break;
    }
}

#define BITS(name, expr)                                                                          \
    static int name(void *state UNUSED, struct func_ctx *ctx, const struct vec *const *arg,       \
                    struct vec *out) {                                                            \
        FUNC_EACH(ctx, row) {                                                                     \
            int64_t a = int_at(arg[0], row), b = int_at(arg[ctx->arg_cnt - 1], row);              \
            (void)b;                                                                              \
            int_put(out, row, expr);                                                              \
        }                                                                                         \
        return 0;                                                                                 \
    }
BITS(eval_and, a &b)
BITS(eval_or, a | b)
BITS(eval_xor, a ^ b)
BITS(eval_flip, ~a)

/* Java's rules: the count is taken modulo the width. */
static int types_bit_shift(struct func_call *call) {
    const struct type *of = call->arg[0].type;
    if (!type_is_int(of) && of->kind != TYPE_NULL && of->kind != TYPE_STRING)
        return func_wrong(call, 0, "%s takes integers", call->func->name);
    call->arg[0].type = call->type = type_of(of->kind == TYPE_I64 ? TYPE_I64 : TYPE_I32);
    return 0;
}

#define SHIFT(name, wide, narrow)                                                                 \
    static int name(void *state UNUSED, struct func_ctx *ctx, const struct vec *const *arg,       \
                    struct vec *out) {                                                            \
        bool is_wide = out->type->kind == TYPE_I64;                                               \
        FUNC_EACH(ctx, row) {                                                                     \
            int64_t a = int_at(arg[0], row);                                                      \
            unsigned by = (unsigned)func_i32(arg[1], row) & (is_wide ? 63u : 31u);                \
            if (is_wide) out->i64[row] = (int64_t)(wide);                                         \
            else out->i32[row] = (int32_t)(narrow);                                               \
        }                                                                                         \
        return 0;                                                                                 \
    }
SHIFT(eval_left, (uint64_t)a << by, (uint32_t)a << by)
SHIFT(eval_right, a >> by, (int32_t)a >> by)
SHIFT(eval_right_unsigned, (uint64_t)a >> by, (uint32_t)a >> by)

const struct func fn_arith[] = {
    {"+", "aa:-", eval_arith, 0, types_sum, bind_arith},
    {"-", "aa:-", eval_arith, 0, types_sum, bind_arith},
    {"*", "aa:-", eval_arith, 0, types_product, bind_arith},
    {"/", "aa:-", eval_arith, FUNC_LAST_FIRST, types_product, bind_arith},
    {"%", "aa:-", eval_arith, FUNC_LAST_FIRST, types_product, bind_arith},
    {"mod", "aa:-", eval_arith, FUNC_LAST_FIRST, types_product, bind_arith},
    {"div", "aa:-", eval_arith, FUNC_LAST_FIRST, types_product, bind_arith},
    {"try_add", "aa:-", eval_arith, FUNC_TRY, types_sum, bind_arith},
    {"try_subtract", "aa:-", eval_arith, FUNC_TRY, types_sum, bind_arith},
    {"try_multiply", "aa:-", eval_arith, FUNC_TRY, types_product, bind_arith},
    {"try_divide", "aa:-", eval_arith, FUNC_TRY | FUNC_LAST_FIRST, types_product, bind_arith},
    {"try_mod", "aa:-", eval_arith, FUNC_TRY | FUNC_LAST_FIRST, types_product, bind_arith},
    {"negative", "a:-", eval_negative, 0, types_sign, NULL},
    {"positive", "a:-", eval_positive, 0, types_sign, NULL},
    {"&", "aa:-", eval_and, 0, types_bits, NULL},
    {"|", "aa:-", eval_or, 0, types_bits, NULL},
    {"^", "aa:-", eval_xor, 0, types_bits, NULL},
    {"~", "a:-", eval_flip, 0, types_bits, NULL},
    {"shiftleft", "ai:-", eval_left, 0, types_bit_shift, NULL},
    {"shiftright", "ai:-", eval_right, 0, types_bit_shift, NULL},
    {"shiftrightunsigned", "ai:-", eval_right_unsigned, 0, types_bit_shift, NULL},
    {NULL, NULL, NULL, 0, NULL, NULL},
};
