/* cqlpick.c - selectors: columns, their times, functions of them, aggregates. */
#include "store/cql/cqlpick.h"

#include "base/err.h"
#include "store/cql/cqlfunc.h"
#include "store/cql/cqlvalue.h"
#include "store/cql/cqlwhere.h"
#include "wire/cql/cqlnum.h"
#include "wire/cql/cqltext.h"

#define VALUE_MAX (64 * MIB)

struct maker {
    const struct cqlterm_env *env;
    struct cqlpick_set *set;
    bool in_agg;
};

static int make(struct maker *m, const struct cqlpick *pick, struct cqlpicked **out);

static int make_col(struct maker *m, struct cqlpicked *it) {
    const struct store_table *table = m->set->table;
    const struct cqlpick *pick = it->of;
    it->col = cqlwhere_find(table, pick->name);
    if (it->col < 0) return cqlwhere_undefined(table, pick->name);
    const struct store_col *col = &table->col[it->col];
    it->type = col->type;
    it->name = col->name;
    if (pick->kind == CQLPICK_COL) return 0;
    bool ttl = pick->kind == CQLPICK_TTL;
    const char *name = ttl ? "ttl" : "writetime";
    if (col->kind == STORE_PKEY || col->kind == STORE_CKEY)
        return err_fail(ERR_INVAL, "Cannot use selection function %s on PRIMARY KEY part %.*s",
                        name, STR_ARG(col->name));
    it->type = cqltype_scalar(ttl ? CQL_INT : CQL_BIGINT);
    it->name = arena_printf(m->env->arena, "%s(%.*s)", name, STR_ARG(col->name));
    return 0;
}

static int make_kids(struct maker *m, struct cqlpicked *it) {
    it->cnt = it->of->cnt;
    it->kid = arena_array(m->env->arena, struct cqlpicked *, it->cnt + 1);
    int err = 0;
    for (size_t i = 0; i < it->cnt && !err; i++)
        err = make(m, it->of->kid[i], &it->kid[i]);
    return err;
}

/* "system.max(v)" */
static struct str call_name(struct maker *m, const struct cqlpicked *it) {
    struct buf out;
    buf_init(&out, MIB);
    buf_printf(&out, "system.%.*s(", STR_ARG(it->of->name));
    for (size_t i = 0; i < it->cnt; i++)
        buf_printf(&out, "%s%.*s", i ? ", " : "", STR_ARG(it->kid[i]->name));
    buf_putc(&out, ')');
    struct str name = arena_str(m->env->arena, buf_str(&out));
    buf_fini(&out);
    return name;
}

static enum cqlpick_agg agg_named(struct str name) {
    static const char *const names[] = {
        [CQLPICK_COUNT] = "count", [CQLPICK_MIN] = "min", [CQLPICK_MAX] = "max",
        [CQLPICK_SUM] = "sum",     [CQLPICK_AVG] = "avg"};
    for (size_t i = 1; i < ARRAY_LEN(names); i++)
        if (str_eqz(name, names[i])) return (enum cqlpick_agg)i;
    return CQLPICK_NO_AGG;
}

static int wrong_sum(struct maker *m, struct str name) {
    static const char *const types[] = {"double", "float", "smallint", "varint", "tinyint", "int",
                                        "decimal", "counter", "bigint"};
    struct str list = STR("");
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        list = arena_printf(m->env->arena, "%.*s%ssystem.%.*s : (%s) -> %s", STR_ARG(list),
                            i ? ", " : "", STR_ARG(name), types[i], types[i]);
    return err_fail(ERR_INVAL, "Invalid call to function %.*s, none of its type signatures match "
                    "(known type signatures: %.*s)", STR_ARG(name), STR_ARG(list));
}

static int make_agg(struct maker *m, struct cqlpicked *it, enum cqlpick_agg agg) {
    struct str name = it->of->kind == CQLPICK_COUNT_ALL ? STR("count") : it->of->name;
    if (m->in_agg)
        return err_fail(ERR_INVAL, "aggregate functions cannot be used as arguments of aggregate "
                        "functions");
    if (it->of->kind != CQLPICK_COUNT_ALL && it->of->cnt != 1)
        return err_fail(ERR_INVAL, "Invalid number of arguments in call to function system.%.*s: 1 "
                        "required but %u provided", STR_ARG(name), it->of->cnt);
    if (m->set->agg_cnt == CQLPICK_AGG_MAX)
        return err_fail(ERR_TOO_BIG, "a SELECT has at most %d aggregates", CQLPICK_AGG_MAX);
    m->in_agg = true;
    int err = make_kids(m, it);
    m->in_agg = false;
    if (err) return err;
    const struct cqltype *of = it->cnt ? it->kid[0]->type : NULL;
    it->agg = agg;
    it->agg_idx = m->set->agg_cnt;
    m->set->agg[m->set->agg_cnt++] = it;
    it->type = agg == CQLPICK_COUNT ? cqltype_scalar(CQL_BIGINT) : of;
    it->name = it->cnt ? call_name(m, it) : STR("count");
    if ((agg == CQLPICK_SUM || agg == CQLPICK_AVG) && !cqltype_is_num(of))
        return wrong_sum(m, name);
    if (of && of->kind == CQL_COUNTER && agg != CQLPICK_COUNT)
        it->type = cqltype_scalar(CQL_BIGINT);
    return 0;
}

static int make_call(struct maker *m, struct cqlpicked *it) {
    enum cqlpick_agg agg = agg_named(it->of->name);
    if (agg || it->of->kind == CQLPICK_COUNT_ALL) return make_agg(m, it, agg ? agg : CQLPICK_COUNT);
    struct cqlfunc_call call = {.arena = m->env->arena, .env = m->env->env, .name = it->of->name};
    const struct store_table *table = m->set->table;
    int err = make_kids(m, it);
    if (err) return err;
    it->name = call_name(m, it);
    if (str_eqz(it->of->name, "token")) {
        for (size_t i = 0; i < it->cnt; i++)
            if (it->cnt != table->pkey_cnt || it->kid[i]->of->kind != CQLPICK_COL ||
                it->kid[i]->col != (int)i)
                return err_fail(ERR_INVAL, "Invalid call to function token, none of its type "
                                "signatures match: it takes the partition key");
        it->type = cqltype_scalar(CQL_BIGINT);
        return 0;
    }
    if (it->cnt > CQLFUNC_ARG_MAX)
        return err_fail(ERR_INVAL, "Unknown function '%.*s'", STR_ARG(it->of->name));
    call.cnt = it->cnt;
    for (size_t i = 0; i < it->cnt; i++)
        call.type[i] = it->kid[i]->type;
    err = cqlfunc_type(&call, &it->type);
    if (err != ERR_INVAL || it->cnt != 1 || it->kid[0]->of->kind != CQLPICK_TERM) return err;
    call.type[0] = NULL; /* a constant may be of the type that is wanted */
    if (cqlfunc_type(&call, &it->type)) return err;
    struct cqlterm_for to = {call.type[0], it->kid[0]->name};
    it->kid[0]->type = call.type[0];
    return cqlterm_eval(m->env, it->kid[0]->of->term, &to, &it->kid[0]->value);
}

static int make_cast(struct maker *m, struct cqlpicked *it) {
    int err = make_kids(m, it);
    if (err || (err = cqltype_parse(it->of->name, m->env->scope, m->env->arena, &it->type)))
        return err;
    it->name = arena_printf(m->env->arena, "cast(%.*s as %s)", STR_ARG(it->kid[0]->name),
                            cqltype_name(it->type->kind));
    return cqlfunc_castable(it->kid[0]->type, it->type);
}

static int make_term(struct maker *m, struct cqlpicked *it) {
    it->type = cqlterm_type(m->env, it->of->term);
    if (!it->type)
        return err_fail(ERR_INVAL, "Cannot infer type for term %.*s in selection clause (try using "
                        "a cast to force a type)", STR_ARG(it->of->term->text));
    struct cqlterm_for to = {it->type, STR("[selection]")};
    const struct cqlterm *term = it->of->term;
    bool cast = term->kind == CQLTERM_CAST;
    if (cast) term = term->kid[0];
    const char *quote = term->kind == CQLTERM_STRING ? "'" : "";
    it->name = arena_printf(m->env->arena, "%s%s%s%s%.*s%s", cast ? "(" : "",
                            cast ? cqltype_name(it->type->kind) : "", cast ? ")" : "", quote,
                            STR_ARG(term->text), quote);
    return cqlterm_eval(m->env, it->of->term, &to, &it->value);
}

static int make_part(struct maker *m, struct cqlpicked *it) {
    int err = make_kids(m, it);
    if (err) return err;
    const struct cqltype *of = it->kid[0]->type;
    struct arena *arena = m->env->arena;
    if (it->of->kind == CQLPICK_FIELD) {
        if (of->kind != CQL_UDT)
            return err_fail(ERR_INVAL, "Invalid field selection: %.*s of type %s is not a user "
                            "type", STR_ARG(it->kid[0]->name), cqltype_name(of->kind));
        while (it->field < of->arg_cnt && !str_eq(of->field[it->field], it->of->name))
            it->field++;
        if (it->field == of->arg_cnt)
            return err_fail(ERR_INVAL, "%.*s of type %.*s has no field %.*s",
                            STR_ARG(it->kid[0]->name), STR_ARG(of->name), STR_ARG(it->of->name));
        it->type = of->arg[it->field];
        it->name = arena_printf(arena, "%.*s.%.*s", STR_ARG(it->kid[0]->name),
                                STR_ARG(it->of->name));
        return 0;
    }
    if (of->kind != CQL_MAP && of->kind != CQL_SET)
        return err_fail(ERR_INVAL, "Invalid element selection: %.*s is of type %s is not a "
                        "collection", STR_ARG(it->kid[0]->name), cqltype_name(of->kind));
    struct cqlterm_for to = {of->arg[0], it->kid[0]->name};
    it->type = of->arg[of->kind == CQL_MAP];
    struct buf text;
    buf_init(&text, MIB);
    err = cqlterm_eval(m->env, it->of->term, &to, &it->value);
    if (!err && !cqlterm_is_unknown(it->value)) cqltext_literal(of->arg[0], it->value, &text);
    it->name = arena_printf(arena, "%.*s[%.*s]", STR_ARG(it->kid[0]->name),
                            STR_ARG(buf_str(&text)));
    buf_fini(&text);
    return err;
}

/* The type two numbers meet in; NULL: they do not. */
static const struct cqltype *meeting(const struct cqltype *a, const struct cqltype *b) {
    static const enum cqltype_kind whole[] = {CQL_TINYINT, CQL_SMALLINT, CQL_INT, CQL_BIGINT,
                                              CQL_VARINT};
    bool time = a->kind == CQL_TIMESTAMP || a->kind == CQL_DATE;
    if (time && b->kind == CQL_DURATION) return a;
    if (!cqltype_is_num(a) || !cqltype_is_num(b)) return NULL;
    if (a->kind == CQL_COUNTER) a = cqltype_scalar(CQL_BIGINT);
    if (b->kind == CQL_COUNTER) b = cqltype_scalar(CQL_BIGINT);
    bool fa = a->kind == CQL_FLOAT || a->kind == CQL_DOUBLE;
    bool fb = b->kind == CQL_FLOAT || b->kind == CQL_DOUBLE;
    bool big = a->kind == CQL_VARINT || b->kind == CQL_VARINT;
    if (a->kind == CQL_DECIMAL || b->kind == CQL_DECIMAL || (big && (fa || fb)))
        return cqltype_scalar(CQL_DECIMAL);
    if (fa || fb) {
        bool narrow = (a->kind == CQL_FLOAT || cqltype_width(a) < 8) &&
                      (b->kind == CQL_FLOAT || cqltype_width(b) < 8);
        return cqltype_scalar(narrow ? CQL_FLOAT : CQL_DOUBLE);
    }
    for (size_t i = ARRAY_LEN(whole); i-- > 0;)
        if (a->kind == whole[i] || b->kind == whole[i]) return cqltype_scalar(whole[i]);
    return NULL;
}

static int make_arith(struct maker *m, struct cqlpicked *it) {
    int err = make_kids(m, it);
    if (err) return err;
    const struct cqltype *a = it->kid[0]->type, *b = it->kid[1]->type;
    it->type = meeting(a, b);
    it->name = arena_printf(m->env->arena, "%.*s %.*s %.*s", STR_ARG(it->kid[0]->name),
                            STR_ARG(it->of->name), STR_ARG(it->kid[1]->name));
    if (it->type) return 0;
    return err_fail(ERR_INVAL, "the '%.*s' operation is not supported between %.*s and %.*s",
                    STR_ARG(it->of->name), STR_ARG(it->kid[0]->name), STR_ARG(it->kid[1]->name));
}

static int make(struct maker *m, const struct cqlpick *pick, struct cqlpicked **out) {
    struct cqlpicked *it = *out = arena_new(m->env->arena, struct cqlpicked);
    int err = 0;
    it->of = pick;
    switch (pick->kind) {
    case CQLPICK_COL: case CQLPICK_WRITETIME: case CQLPICK_TTL: err = make_col(m, it); break;
    case CQLPICK_COUNT_ALL: case CQLPICK_CALL: err = make_call(m, it); break;
    case CQLPICK_CAST: err = make_cast(m, it); break;
    case CQLPICK_TERM: err = make_term(m, it); break;
    case CQLPICK_FIELD: case CQLPICK_ITEM: err = make_part(m, it); break;
    case CQLPICK_ARITH: err = make_arith(m, it); break;
    }
    if (pick->alias.ptr) it->name = pick->alias;
    return err;
}

int cqlpick_make(const struct cqlterm_env *env, const struct store_table *table,
                 struct cqlpick *const *pick, size_t cnt, struct cqlpick_set *out) {
    struct maker m = {env, out, false};
    *out = (struct cqlpick_set){.table = table, .cnt = cnt ? cnt : table->col_cnt};
    out->pick = arena_array(env->arena, struct cqlpicked *, out->cnt + 1);
    int err = 0;
    for (size_t i = 0; i < out->cnt && !err; i++) {
        const struct cqlpick *one = cnt ? pick[i] : NULL;
        if (!one) {
            struct cqlpick *all = arena_new(env->arena, struct cqlpick);
            all->kind = CQLPICK_COL;
            all->name = table->col[i].name;
            one = all;
        }
        err = make(&m, one, &out->pick[i]);
    }
    return err;
}

/* ---- aggregates ----------------------------------------------------------------------------- */

void cqlpick_sum_init(struct cqlpick_sum *sum) {
    sum->cnt = 0;
    buf_init(&sum->value, VALUE_MAX);
}

static int64_t int_of(struct str value) {
    int64_t v = value.len && (signed char)value.ptr[0] < 0 ? -1 : 0;
    for (size_t i = 0; i < value.len; i++)
        v = (int64_t)((uint64_t)v << 8 | (unsigned char)value.ptr[i]);
    return v;
}

static double float_of(struct str value) {
    struct rbuf in = rbuf_of_str(value);
    if (value.len == 8) return rbuf_f64(&in);
    uint32_t bits = rbuf_u32(&in);
    float f;
    memcpy(&f, &bits, sizeof f);
    return (double)f;
}

static bool is_float(const struct cqltype *type) {
    return type->kind == CQL_DOUBLE || type->kind == CQL_FLOAT;
}

static bool is_big(const struct cqltype *type) {
    return type->kind == CQL_VARINT || type->kind == CQL_DECIMAL;
}

/* The running sum: integers as int64, floating ones as double, the others as a decimal. */
static int add_to_sum(const struct cqltype *type, struct str value, struct cqlpick_sum *sum) {
    struct str so_far = buf_str(&sum->value);
    struct buf next;
    int err = 0;
    buf_init(&next, VALUE_MAX);
    if (is_float(type)) {
        buf_f64(&next, (so_far.len ? float_of(so_far) : 0) + float_of(value));
    } else if (!is_big(type)) {
        uint64_t before = so_far.len ? (uint64_t)int_of(so_far) : 0;
        buf_i64(&next, (int64_t)(before + (uint64_t)int_of(value)));
    } else {
        struct buf decimal;
        buf_init(&decimal, VALUE_MAX);
        if (type->kind == CQL_VARINT) buf_i32(&decimal, 0);
        buf_puts(&decimal, value);
        if (so_far.len) err = cqlnum_add(so_far, buf_str(&decimal), &next);
        else buf_puts(&next, buf_str(&decimal));
        buf_fini(&decimal);
    }
    buf_reset(&sum->value);
    buf_puts(&sum->value, buf_str(&next));
    buf_fini(&next);
    return err;
}

int cqlpick_add(const struct cqlterm_env *env, const struct cqlpick_set *set,
                const struct store_row *row, struct cqlpick_sum *sum) {
    for (size_t i = 0; i < set->agg_cnt; i++) {
        const struct cqlpicked *it = set->agg[i];
        struct str value = STR("");
        int err = it->cnt ? cqlpick_eval(env, it->kid[0], row, NULL, &value) : 0;
        if (err) return err;
        if (!value.ptr) continue;
        sum[i].cnt++;
        if (it->agg == CQLPICK_COUNT) continue;
        if (it->agg == CQLPICK_SUM || it->agg == CQLPICK_AVG) {
            if ((err = add_to_sum(it->kid[0]->type, value, &sum[i]))) return err;
            continue;
        }
        int cmp = sum[i].cnt == 1 ? 0 : cqltype_compare(it->kid[0]->type, value,
                                                        buf_str(&sum[i].value));
        if (sum[i].cnt == 1 || (it->agg == CQLPICK_MIN ? cmp < 0 : cmp > 0)) {
            buf_reset(&sum[i].value);
            buf_puts(&sum[i].value, value);
        }
    }
    return 0;
}

static struct str int_value(struct arena *arena, int64_t v, int width) {
    char *bytes = arena_bytes(arena, (size_t)width);
    for (int i = 0; i < width; i++)
        bytes[i] = (char)((uint64_t)v >> (8 * (width - 1 - i)));
    return (struct str){bytes, (size_t)width};
}

/* A decimal sum divided by the count: by way of text, to the digits of a double for an average. */
static int big_result(const struct cqlterm_env *env, const struct cqlpicked *it,
                      const struct cqlpick_sum *sum, struct str *out) {
    const struct cqltype *decimal = cqltype_scalar(CQL_DECIMAL);
    struct str value = sum->cnt ? buf_str(&sum->value) : (struct str){"\0\0\0\0\0", 5};
    if (it->agg == CQLPICK_AVG && sum->cnt > 1) {
        struct str text = arena_printf(env->arena, it->type->kind == CQL_VARINT ? "%.0f" : "%.15g",
                                       cqlnum_f64(value, false) / (double)sum->cnt);
        struct buf bytes;
        buf_init(&bytes, VALUE_MAX);
        int err = cqltext_parse(decimal, text, &bytes);
        value = arena_str(env->arena, buf_str(&bytes));
        buf_fini(&bytes);
        if (err) return err;
    }
    bool whole = it->type->kind == CQL_VARINT;
    *out = whole ? (struct str){value.ptr + 4, value.len - 4} : value;
    return 0;
}

static int result_of(const struct cqlterm_env *env, const struct cqlpicked *it,
                     const struct cqlpick_sum *sum, struct str *out) {
    struct str value = buf_str(&sum->value);
    *out = STR_NULL;
    if (it->agg == CQLPICK_COUNT) {
        *out = int_value(env->arena, sum->cnt, 8);
    } else if (it->agg == CQLPICK_MIN || it->agg == CQLPICK_MAX) {
        if (sum->cnt) *out = value.ptr ? value : STR("");
    } else if (is_big(it->type)) {
        return big_result(env, it, sum, out);
    } else if (is_float(it->type)) {
        double v = sum->cnt ? float_of(value) : 0;
        if (it->agg == CQLPICK_AVG && sum->cnt) v /= (double)sum->cnt;
        float f = (float)v;
        int64_t bits = 0;
        if (it->type->kind == CQL_DOUBLE) memcpy(&bits, &v, sizeof v);
        else memcpy(&bits, &f, sizeof f);
        *out = int_value(env->arena, bits, cqltype_width(it->type));
    } else {
        int64_t v = sum->cnt ? int_of(value) : 0;
        if (it->agg == CQLPICK_AVG && sum->cnt) v /= sum->cnt;
        *out = int_value(env->arena, v, cqltype_width(it->type));
    }
    return 0;
}

/* ---- values of a row ------------------------------------------------------------------------ */

static int eval_call(const struct cqlterm_env *env, const struct cqlpicked *it,
                     const struct store_row *row, const struct cqlpick_sum *sum, struct str *out) {
    struct cqlfunc_call call = {.arena = env->arena, .env = env->env, .name = it->of->name,
                                .cnt = it->cnt};
    if (str_eqz(it->of->name, "token")) {
        *out = row ? int_value(env->arena, row->token, 8) : STR_NULL;
        return 0;
    }
    for (size_t i = 0; i < it->cnt; i++) {
        call.type[i] = it->kid[i]->type;
        int err = cqlpick_eval(env, it->kid[i], row, sum, &call.value[i]);
        if (err) return err;
    }
    return cqlfunc_run(&call, out);
}

static int eval_part(const struct cqlterm_env *env, const struct cqlpicked *it, struct str whole,
                     struct str *out) {
    const struct cqltype *type = it->kid[0]->type;
    struct str *item;
    size_t cnt;
    *out = STR_NULL;
    int err = cqlvalue_unpack(type, whole, env->arena, &item, &cnt);
    if (err) return err;
    if (it->of->kind == CQLPICK_FIELD) {
        if (it->field < cnt) *out = item[it->field];
        return 0;
    }
    struct str index = it->value;
    struct cqlterm_for to = {type->arg[0], it->kid[0]->name};
    if (cqlterm_is_unknown(index)) err = cqlterm_eval(env, it->of->term, &to, &index);
    if (err || !index.ptr) return err;
    size_t step = type->kind == CQL_MAP ? 2 : 1;
    for (size_t i = 0; i < cnt; i += step)
        if (cqltype_compare(type->arg[0], item[i], index) == 0) *out = item[i + step - 1];
    return 0;
}

static int eval_arith(const struct cqlterm_env *env, const struct cqlpicked *it,
                      const struct store_row *row, const struct cqlpick_sum *sum,
                      struct str *out) {
    struct str value[2];
    for (int i = 0; i < 2; i++) {
        const struct cqltype *type = it->kid[i]->type;
        int err = cqlpick_eval(env, it->kid[i], row, sum, &value[i]);
        if (!err && type->kind != CQL_DURATION)
            err = cqlfunc_cast(env->arena, type, value[i], it->type, &value[i]);
        if (err || !value[i].ptr) return err;
    }
    return cqlterm_compute(env->arena, it->of->name.ptr[0], it->type, value, out);
}

int cqlpick_eval(const struct cqlterm_env *env, const struct cqlpicked *pick,
                 const struct store_row *row, const struct cqlpick_sum *sum, struct str *out) {
    struct str of = STR_NULL;
    int err = 0;
    *out = STR_NULL;
    if (pick->agg) return result_of(env, pick, &sum[pick->agg_idx], out);
    switch (pick->of->kind) {
    case CQLPICK_COL:
        if (row) *out = row->value[pick->col];
        return 0;
    case CQLPICK_WRITETIME:
        if (row && row->value[pick->col].ptr)
            *out = int_value(env->arena, row->ts_us[pick->col], 8);
        return 0;
    case CQLPICK_TTL:
        if (row && row->value[pick->col].ptr && row->ttl_left_s[pick->col] >= 0)
            *out = int_value(env->arena, row->ttl_left_s[pick->col], 4);
        return 0;
    case CQLPICK_TERM:
        *out = pick->value;
        if (cqlterm_is_unknown(pick->value)) {
            struct cqlterm_for to = {pick->type, STR("[selection]")};
            err = cqlterm_eval(env, pick->of->term, &to, out);
        }
        return err;
    case CQLPICK_CALL: case CQLPICK_COUNT_ALL: return eval_call(env, pick, row, sum, out);
    case CQLPICK_CAST:
        err = cqlpick_eval(env, pick->kid[0], row, sum, &of);
        return err ? err : cqlfunc_cast(env->arena, pick->kid[0]->type, of, pick->type, out);
    case CQLPICK_ARITH: return eval_arith(env, pick, row, sum, out);
    case CQLPICK_FIELD: case CQLPICK_ITEM:
        err = cqlpick_eval(env, pick->kid[0], row, sum, &of);
        return err ? err : eval_part(env, pick, of, out);
    }
    return 0;
}
