/* cqlterm.c - constants, markers, collections, calls: terms to bytes. */
#include "store/cql/cqlterm.h"

#include "base/err.h"
#include "store/cql/cqlfunc.h"
#include "store/cql/cqlvalue.h"
#include "wire/cql/cqlnum.h"
#include "wire/cql/cqltext.h"
#include "wire/cql/cqltime.h"
#include "wire/cql/cqlvint.h"

#define VALUE_MAX (64 * MIB)

static const char unknown_mark[1];
const struct str cqlterm_unknown = {unknown_mark, 0};

bool cqlterm_is_unknown(struct str value) {
    return value.ptr == unknown_mark;
}

bool cqlterm_is_unset(struct str value) {
    return value.ptr == cqlexec_unset.ptr;
}

const char *cqlterm_type_text(const struct cqlterm_env *env, const struct cqltype *type) {
    struct buf out;
    buf_init(&out, 4 * CQLTYPE_NAME_MAX);
    cqltype_format(type, &out);
    const char *text = arena_strz(env->arena, buf_str(&out));
    buf_fini(&out);
    return text;
}

/* ---- constants ------------------------------------------------------------------------------ */

static const char *const kind_names[] = {
    [CQLTERM_STRING] = "STRING", [CQLTERM_INT] = "INTEGER", [CQLTERM_FLOAT] = "FLOAT",
    [CQLTERM_BOOL] = "BOOLEAN",  [CQLTERM_UUID] = "UUID",   [CQLTERM_HEX] = "HEX",
    [CQLTERM_DURATION] = "DURATION"};

static bool fits(enum cqlterm_kind kind, enum cqltype_kind type) {
    switch (type) {
    case CQL_ASCII: case CQL_TEXT: case CQL_INET: return kind == CQLTERM_STRING;
    case CQL_DATE: case CQL_TIME: case CQL_TIMESTAMP:
        return kind == CQLTERM_STRING || kind == CQLTERM_INT;
    case CQL_BIGINT: case CQL_COUNTER: case CQL_INT: case CQL_SMALLINT: case CQL_TINYINT:
    case CQL_VARINT: return kind == CQLTERM_INT;
    case CQL_DECIMAL: case CQL_DOUBLE: case CQL_FLOAT:
        return kind == CQLTERM_INT || kind == CQLTERM_FLOAT;
    case CQL_UUID: case CQL_TIMEUUID: return kind == CQLTERM_UUID;
    case CQL_BOOLEAN: return kind == CQLTERM_BOOL;
    case CQL_BLOB: return kind == CQLTERM_HEX;
    case CQL_DURATION: return kind == CQLTERM_DURATION;
    default: return false;
    }
}

static int misfit(const struct cqlterm_env *env, const struct cqlterm *term,
                  const struct cqlterm_for *to) {
    return err_fail(ERR_INVAL, "Invalid %s constant (%.*s) for \"%.*s\" of type %s",
                    kind_names[term->kind], (int)MIN(term->text.len, (size_t)200), term->text.ptr,
                    STR_ARG(to->name), cqlterm_type_text(env, to->type));
}

static int constant(const struct cqlterm_env *env, const struct cqlterm *term,
                    const struct cqlterm_for *to, struct str *out) {
    struct buf buf;
    if (!fits(term->kind, to->type->kind)) return misfit(env, term, to);
    if (cqltype_is_text(to->type)) { /* as it is */
        int err = cqltype_validate(to->type, term->text);
        *out = term->text;
        if (err && to->type->kind == CQL_ASCII)
            return err_fail(ERR_INVAL, "Invalid ASCII character in string literal");
        return err;
    }
    buf_init(&buf, VALUE_MAX);
    int err = cqltext_parse(to->type, term->text, &buf);
    *out = arena_str(env->arena, buf_str(&buf));
    buf_fini(&buf);
    return err;
}

/* ---- markers -------------------------------------------------------------------------------- */

static int marker(const struct cqlterm_env *env, const struct cqlterm *term,
                  const struct cqlterm_for *to, struct str *out) {
    if (env->mark) {
        env->mark[term->mark] =
            (struct cqlexec_col){env->keyspace, env->table, to->name, to->type};
        *out = cqlterm_unknown;
        return 0;
    }
    if (term->mark >= env->value_cnt)
        return err_fail(ERR_INVAL, "Invalid amount of bind variables");
    struct str value = env->value[term->mark];
    *out = value;
    if (!value.ptr || cqlterm_is_unset(value)) return 0;
    int err = cqltype_validate(to->type, value);
    return err ? err : cqlvalue_tidy(to->type, value, env->arena, out);
}

/* ---- collections ---------------------------------------------------------------------------- */

static const char *literal_name(enum cqlterm_kind kind) {
    switch (kind) {
    case CQLTERM_LIST: return "list";
    case CQLTERM_SET: return "set";
    case CQLTERM_MAP: return "map";
    case CQLTERM_UDT: return "user type";
    default: return "tuple";
    }
}

static int wrong_literal(const struct cqlterm_env *env, const struct cqlterm *term,
                         const struct cqlterm_for *to) {
    if (term->kind == CQLTERM_LIST)
        return err_fail(ERR_INVAL, "Unexpected receiver type '%s'; only list and vector are "
                        "expected", cqlterm_type_text(env, to->type));
    return err_fail(ERR_INVAL, "Invalid %s literal for %.*s of type %s", literal_name(term->kind),
                    STR_ARG(to->name), cqlterm_type_text(env, to->type));
}

static int pack(const struct cqlterm_env *env, const struct cqltype *type, const struct str *item,
                size_t cnt, struct str *out) {
    bool tuple = type->kind == CQL_TUPLE || type->kind == CQL_UDT;
    for (size_t i = 0; i < cnt; i++) {
        if (cqlterm_is_unset(item[i]))
            return err_fail(ERR_INVAL, "unset value is not supported inside collections");
        if (cqlterm_is_unknown(item[i])) {
            *out = cqlterm_unknown;
            return 0;
        }
        if (!item[i].ptr && !tuple)
            return err_fail(ERR_INVAL, "null is not supported inside collections");
    }
    return cqlvalue_pack(type, item, cnt, env->arena, out);
}

/* A constant that is not of the items' type. */
static int check_item(const struct cqlterm_env *env, const struct cqlterm *term,
                      const struct cqlterm_for *to, size_t i) {
    const struct cqlterm *kid = term->kid[i];
    const struct cqltype *type = cqlvalue_item_type(to->type, i);
    bool constant = kid->kind >= CQLTERM_STRING && kid->kind <= CQLTERM_DURATION;
    if (!constant || !cqltype_scalar(type->kind) || fits(kid->kind, type->kind)) return 0;
    const char *quote = kid->kind == CQLTERM_STRING ? "'" : "";
    if (to->type->kind == CQL_TUPLE)
        return err_fail(ERR_INVAL, "Invalid tuple literal for %.*s: component %zu is not of type "
                        "%s", STR_ARG(to->name), i, cqlterm_type_text(env, type));
    return err_fail(ERR_INVAL, "Invalid %s literal for %.*s: %s %s%.*s%s is not of type %s",
                    cqltype_name(to->type->kind), STR_ARG(to->name),
                    to->type->kind == CQL_MAP && i % 2 == 0 ? "key" : "value", quote,
                    (int)MIN(kid->text.len, (size_t)200), kid->text.ptr, quote,
                    cqlterm_type_text(env, type));
}

static int sequence(const struct cqlterm_env *env, const struct cqlterm *term,
                    const struct cqlterm_for *to, struct str *out) {
    const struct cqltype *type = to->type;
    struct str *item = arena_array(env->arena, struct str, term->cnt + 1u);
    bool fixed = type->kind == CQL_TUPLE || type->kind == CQL_VECTOR;
    size_t most = type->kind == CQL_VECTOR ? type->dim : type->arg_cnt;
    if (fixed && term->cnt > most)
        return err_fail(ERR_INVAL, "Invalid tuple literal for %.*s: too many elements. Type %s "
                        "expects %zu but got %u", STR_ARG(to->name),
                        cqlterm_type_text(env, type), most, term->cnt);
    for (size_t i = 0; i < term->cnt; i++) {
        struct cqlterm_for inner = {cqlvalue_item_type(type, i), to->name};
        int err = check_item(env, term, to, i);
        if (err || (err = cqlterm_eval(env, term->kid[i], &inner, &item[i]))) return err;
    }
    if (type->kind == CQL_VECTOR && term->cnt != most)
        return err_fail(ERR_INVAL, "Invalid vector literal for %.*s of type %s; expected %zu "
                        "elements, but given %u", STR_ARG(to->name),
                        cqlterm_type_text(env, type), most, term->cnt);
    return pack(env, type, item, term->cnt, out);
}

static int user_type(const struct cqlterm_env *env, const struct cqlterm *term,
                     const struct cqlterm_for *to, struct str *out) {
    const struct cqltype *type = to->type;
    struct str *item = arena_array(env->arena, struct str, type->arg_cnt + 1u);
    for (size_t i = 0; i < term->cnt; i++) {
        size_t at = 0;
        while (at < type->arg_cnt && !str_eq(type->field[at], term->name[i]))
            at++;
        if (at == type->arg_cnt)
            return err_fail(ERR_INVAL, "Unknown field '%.*s' in value of user defined type %.*s",
                            STR_ARG(term->name[i]), STR_ARG(type->name));
        struct cqlterm_for inner = {type->arg[at], type->field[at]};
        int err = cqlterm_eval(env, term->kid[i], &inner, &item[at]);
        if (err) return err;
    }
    return pack(env, type, item, type->arg_cnt, out);
}

static int literal(const struct cqlterm_env *env, const struct cqlterm *term,
                   const struct cqlterm_for *to, struct str *out) {
    enum cqltype_kind kind = to->type->kind;
    bool empty = term->kind == CQLTERM_MAP && !term->cnt; /* {}: of a set too */
    bool fine = (term->kind == CQLTERM_LIST && (kind == CQL_LIST || kind == CQL_VECTOR)) ||
                (term->kind == CQLTERM_SET && kind == CQL_SET) ||
                (term->kind == CQLTERM_MAP && (kind == CQL_MAP || (empty && kind == CQL_SET) ||
                                               (empty && kind == CQL_UDT))) ||
                (term->kind == CQLTERM_UDT && kind == CQL_UDT) ||
                (term->kind == CQLTERM_TUPLE && kind == CQL_TUPLE);
    if (term->kind == CQLTERM_TUPLE && kind != CQL_TUPLE && term->cnt == 1)
        return cqlterm_eval(env, term->kid[0], to, out); /* only parentheses */
    if (!fine) return wrong_literal(env, term, to);
    return kind == CQL_UDT ? user_type(env, term, to, out) : sequence(env, term, to, out);
}

/* ---- calls ---------------------------------------------------------------------------------- */

const struct cqltype *cqlterm_type(const struct cqlterm_env *env, const struct cqlterm *term) {
    struct cqlfunc_call call;
    const struct cqltype *type = NULL;
    int64_t n;
    switch (term->kind) {
    case CQLTERM_STRING: return cqltype_scalar(CQL_TEXT);
    case CQLTERM_INT:
        if (str_i64(term->text, &n)) return cqltype_scalar(CQL_VARINT);
        return cqltype_scalar(n == (int32_t)n ? CQL_INT : CQL_BIGINT);
    case CQLTERM_FLOAT: return cqltype_scalar(CQL_DOUBLE);
    case CQLTERM_BOOL: return cqltype_scalar(CQL_BOOLEAN);
    case CQLTERM_UUID: return cqltype_scalar(CQL_UUID);
    case CQLTERM_HEX: return cqltype_scalar(CQL_BLOB);
    case CQLTERM_DURATION: return cqltype_scalar(CQL_DURATION);
    case CQLTERM_CAST:
        return cqltype_parse(term->text, env->scope, env->arena, &type) ? NULL : type;
    case CQLTERM_NEG: return cqlterm_type(env, term->kid[0]);
    case CQLTERM_ARITH:
        type = cqlterm_type(env, term->kid[0]);
        return type ? type : cqlterm_type(env, term->kid[1]);
    case CQLTERM_CALL:
        memset(&call, 0, sizeof call);
        call.name = term->text;
        call.cnt = MIN(term->cnt, (uint16_t)CQLFUNC_ARG_MAX);
        for (size_t i = 0; i < call.cnt; i++)
            call.type[i] = cqlterm_type(env, term->kid[i]);
        return cqlfunc_type(&call, &type) ? NULL : type;
    default: return NULL;
    }
}

/* May a value of `from` stand where `to` is expected, byte by byte? */
static bool assignable(const struct cqltype *from, const struct cqltype *to) {
    if (from->kind == to->kind && cqltype_scalar(from->kind)) return true;
    if (to->kind == CQL_UUID && from->kind == CQL_TIMEUUID) return true;
    if (to->kind == CQL_TEXT && from->kind == CQL_ASCII) return true;
    if (to->kind == CQL_BLOB && cqltype_scalar(from->kind)) return true;
    if (to->kind == CQL_VARINT && cqltype_width(from) && cqltype_is_num(from) &&
        from->kind != CQL_DOUBLE && from->kind != CQL_FLOAT)
        return true;
    if (to->kind == CQL_BIGINT && from->kind == CQL_TIMESTAMP) return true;
    if (cqltype_scalar(from->kind) || from->kind != to->kind || from->arg_cnt != to->arg_cnt)
        return false;
    for (size_t i = 0; i < from->arg_cnt; i++)
        if (!assignable(from->arg[i], to->arg[i])) return false;
    return true;
}

static int call(const struct cqlterm_env *env, const struct cqlterm *term,
                const struct cqlterm_for *to, struct str *out) {
    struct cqlfunc_call it = {.arena = env->arena, .env = env->env, .name = term->text,
                              .cnt = term->cnt, .want = to->type};
    const struct cqltype *ret;
    bool known = true;
    if (term->cnt > CQLFUNC_ARG_MAX)
        return err_fail(ERR_INVAL, "Unknown function '%.*s'", STR_ARG(term->text));
    for (size_t i = 0; i < it.cnt; i++)
        if (term->kid[i]->kind == CQLTERM_CALL || term->kid[i]->kind == CQLTERM_CAST)
            it.type[i] = cqlterm_type(env, term->kid[i]);
    int err = cqlfunc_type(&it, &ret);
    if (err) return err;
    if (!assignable(ret, to->type))
        return err_fail(ERR_INVAL, "Type error: cannot assign result of function system.%.*s "
                        "(type %s) to %.*s (type %s)", STR_ARG(term->text),
                        cqlterm_type_text(env, ret), STR_ARG(to->name),
                        cqlterm_type_text(env, to->type));
    for (size_t i = 0; i < it.cnt; i++) {
        struct cqlterm_for arg = {it.type[i], arena_printf(env->arena, "arg%zu(system.%.*s)", i,
                                                           STR_ARG(term->text))};
        if ((err = cqlterm_eval(env, term->kid[i], &arg, &it.value[i]))) return err;
        known &= !cqlterm_is_unknown(it.value[i]);
    }
    *out = cqlterm_unknown;
    return known ? cqlfunc_run(&it, out) : 0;
}

static int cast(const struct cqlterm_env *env, const struct cqlterm *term,
                const struct cqlterm_for *to, struct str *out) {
    const struct cqltype *type;
    int err = cqltype_parse(term->text, env->scope, env->arena, &type);
    if (err) return err;
    if (!assignable(type, to->type))
        return err_fail(ERR_INVAL, "Cannot assign value %s of type %s to %.*s of type %s",
                        "(cast)", cqlterm_type_text(env, type), STR_ARG(to->name),
                        cqlterm_type_text(env, to->type));
    struct cqlterm_for inner = {type, to->name};
    return cqlterm_eval(env, term->kid[0], &inner, out);
}

/* ---- arithmetic ----------------------------------------------------------------------------- */

static int64_t int_of(struct str value) {
    int64_t v = value.len && (signed char)value.ptr[0] < 0 ? -1 : 0;
    for (size_t i = 0; i < value.len; i++)
        v = (int64_t)((uint64_t)v << 8 | (unsigned char)value.ptr[i]);
    return v;
}

static int of_ints(char op, int64_t a, int64_t b, int64_t *out) {
    if ((op == '/' || op == '%') && b == 0)
        return err_fail(ERR_INVAL, "the operation 'long %c long' failed: / by zero", op);
    uint64_t x = (uint64_t)a, y = (uint64_t)b;
    switch (op) {
    case '+': *out = (int64_t)(x + y); break;
    case '-': *out = (int64_t)(x - y); break;
    case '*': *out = (int64_t)(x * y); break;
    case '/': *out = b == -1 ? (int64_t)(0 - x) : a / b; break;
    default: *out = b == -1 ? 0 : a % b; break;
    }
    return 0;
}

static double float_of(struct str value) {
    struct rbuf in = rbuf_of_str(value);
    if (value.len == 8) return rbuf_f64(&in);
    uint32_t bits = rbuf_u32(&in);
    float f;
    memcpy(&f, &bits, sizeof f);
    return (double)f;
}

static int of_floats(char op, const struct str *value, const struct cqltype *type,
                     struct buf *out) {
    double a = float_of(value[0]), b = float_of(value[1]);
    double v = op == '+' ? a + b : op == '-' ? a - b : op == '*' ? a * b : a / b;
    if (op == '%') return err_fail(ERR_INVAL, "%% of floating numbers is not supported");
    float f = (float)v;
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    if (type->kind == CQL_DOUBLE) buf_f64(out, v);
    else buf_i32(out, (int32_t)bits);
    return 0;
}

/* timestamp or date with a duration: months by the calendar, days of 24 hours. */
static int of_times(char op, const struct cqltype *type, const struct str *value, struct buf *out) {
    struct rbuf in = rbuf_of_str(value[1]);
    int64_t months = cqlvint_read(&in);
    int64_t days = cqlvint_read(&in);
    int64_t nanos = cqlvint_read(&in);
    int64_t sign = op == '-' ? -1 : 1, at, of_day = 0, year, day_ms = 86400000;
    int month, day;
    bool date = type->kind == CQL_DATE;
    if ((op != '+' && op != '-') || in.bad || (date && nanos))
        return err_fail(ERR_INVAL, "the operation 'time %c duration' is not supported", op);
    at = date ? (int32_t)((uint32_t)int_of(value[0]) ^ 0x80000000u) : int_of(value[0]);
    if (!date) {
        of_day = at % day_ms + (at % day_ms < 0 ? day_ms : 0);
        at = (at - of_day) / day_ms;
    }
    cqltime_civil(at, &year, &month, &day);
    int64_t total = year * 12 + month - 1 + sign * months;
    year = total / 12 - (total % 12 < 0);
    month = (int)(total - year * 12) + 1;
    int64_t next = cqltime_days(month == 12 ? year + 1 : year, month == 12 ? 1 : month + 1, 1);
    int last = (int)(next - cqltime_days(year, month, 1));
    at = cqltime_days(year, month, MIN(day, last)) + sign * days;
    if (date) buf_i32(out, (int32_t)((uint32_t)at ^ 0x80000000u));
    else buf_i64(out, at * day_ms + of_day + sign * (nanos / 1000000));
    return 0;
}

static int of_big(char op, const struct cqltype *type, const struct str *value, struct buf *out) {
    bool whole = type->kind == CQL_VARINT;
    struct buf pair[3];
    int err = 0;
    if (op != '+' && op != '-')
        return err_fail(ERR_INVAL, "%c of %s is not supported", op, cqltype_name(type->kind));
    for (int i = 0; i < 3; i++)
        buf_init(&pair[i], VALUE_MAX);
    for (int i = 0; i < 2 && !err; i++) {
        buf_reset(&pair[2]);
        if (i && op == '-') buf_putc(&pair[2], '-');
        if (whole) cqlnum_format_int(value[i], &pair[2]);
        else cqlnum_format(value[i], &pair[2]);
        struct str text = buf_str(&pair[2]);
        if (str_starts(text, STR("--"))) text = (struct str){text.ptr + 2, text.len - 2};
        err = cqlnum_parse(text, &pair[i]);
    }
    if (!err) {
        buf_reset(&pair[2]);
        err = cqlnum_add(buf_str(&pair[0]), buf_str(&pair[1]), &pair[2]);
    }
    if (!err) buf_put(out, pair[2].ptr + (whole ? 4 : 0), pair[2].len - (whole ? 4 : 0));
    for (int i = 0; i < 3; i++)
        buf_fini(&pair[i]);
    return err;
}

int cqlterm_compute(struct arena *arena, char op, const struct cqltype *type,
                    const struct str value[2], struct str *out) {
    struct buf buf;
    int64_t n = 0;
    int err = 0, width = cqltype_width(type);
    buf_init(&buf, VALUE_MAX);
    if (type->kind == CQL_DOUBLE || type->kind == CQL_FLOAT) {
        err = of_floats(op, value, type, &buf);
    } else if (type->kind == CQL_TIMESTAMP || type->kind == CQL_DATE) {
        err = of_times(op, type, value, &buf);
    } else if (type->kind == CQL_VARINT || type->kind == CQL_DECIMAL) {
        err = of_big(op, type, value, &buf);
    } else if (cqltype_is_num(type)) {
        err = of_ints(op, int_of(value[0]), int_of(value[1]), &n);
        for (int shift = width * 8 - 8; shift >= 0; shift -= 8)
            buf_putc(&buf, (char)((uint64_t)n >> shift));
    } else {
        err = err_fail(ERR_INVAL, "the '%c' operation is not supported for values of type %s", op,
                       cqltype_name(type->kind));
    }
    *out = arena_str(arena, buf_str(&buf));
    buf_fini(&buf);
    return err;
}

static int arithmetic(const struct cqlterm_env *env, const struct cqlterm *term,
                      const struct cqlterm_for *to, struct str *out) {
    struct str value[2];
    bool neg = term->kind == CQLTERM_NEG;
    bool time = to->type->kind == CQL_TIMESTAMP || to->type->kind == CQL_DATE;
    struct cqlterm zero = {.kind = CQLTERM_INT, .text = STR("0")};
    const struct cqlterm *kid[2] = {neg ? &zero : term->kid[0], term->kid[neg ? 0 : 1]};
    for (int i = 0; i < 2; i++) {
        struct cqlterm_for arg = {time && i ? cqltype_scalar(CQL_DURATION) : to->type, to->name};
        int err = cqlterm_eval(env, kid[i], &arg, &value[i]);
        if (err) return err;
        if (!value[i].ptr || cqlterm_is_unset(value[i]) || cqlterm_is_unknown(value[i])) {
            *out = value[i];
            return 0;
        }
    }
    return cqlterm_compute(env->arena, neg ? '-' : term->text.ptr[0], to->type, value, out);
}

/* ---- the door ------------------------------------------------------------------------------- */

int cqlterm_eval(const struct cqlterm_env *env, const struct cqlterm *term,
                 const struct cqlterm_for *to, struct str *out) {
    *out = STR_NULL;
    switch (term->kind) {
    case CQLTERM_NULL: return 0;
    case CQLTERM_MARK: return marker(env, term, to, out);
    case CQLTERM_LIST: case CQLTERM_SET: case CQLTERM_MAP: case CQLTERM_UDT: case CQLTERM_TUPLE:
        return literal(env, term, to, out);
    case CQLTERM_CALL: return call(env, term, to, out);
    case CQLTERM_CAST: return cast(env, term, to, out);
    case CQLTERM_ARITH: case CQLTERM_NEG: return arithmetic(env, term, to, out);
    default: return constant(env, term, to, out);
    }
}

int cqlterm_int(const struct cqlterm_env *env, const struct cqlterm *term, const char *name,
                bool wide, int64_t *out, bool *set) {
    struct cqlterm_for to = {cqltype_scalar(wide ? CQL_BIGINT : CQL_INT), str_of(name)};
    struct str value;
    *set = false;
    if (!term) return 0;
    int err = cqlterm_eval(env, term, &to, &value);
    if (err || cqlterm_is_unknown(value) || cqlterm_is_unset(value)) return err;
    if (!value.ptr || !value.len)
        return err_fail(ERR_INVAL, "Invalid null value of %.*s", STR_ARG(str_of(name)));
    *out = int_of(value);
    *set = true;
    return 0;
}
