/* analyse_call.c - calls: finding the function, casting its arguments, binding its constants. */
#include "stream/plan/analyse.h"

#include "stream/op/func_table.h"
#include "stream/plan/signature.h"

#define NAMES_MAX 1024

static const char *const aggregates[] = {
    "any", "any_value", "approx_count_distinct", "approx_percentile", "array_agg", "avg",
    "bool_and", "bool_or", "collect_list", "collect_set", "corr", "count", "count_if",
    "cume_dist", "dense_rank", "every", "first", "first_value", "kurtosis", "lag", "last",
    "last_value", "lead", "listagg", "max", "max_by", "mean", "median", "min", "min_by", "mode",
    "nth_value", "ntile", "percentile", "percentile_approx", "percent_rank", "rank",
    "regr_slope", "row_number", "skewness", "some", "std", "stddev", "stddev_pop", "stddev_samp",
    "string_agg", "sum", "try_avg", "try_sum", "var_pop", "var_samp", "variance",
};
static const char *const generators[] = {"explode", "explode_outer", "posexplode",
                                         "posexplode_outer", "inline", "inline_outer", "stack",
                                         "json_tuple"};

static bool among(struct str name, const char *const *list, size_t cnt) {
    for (size_t i = 0; i < cnt; i++)
        if (str_ieq(name, str_of(list[i]))) return true;
    return false;
}

static void unknown(struct analyser *an, struct str name, struct span span) {
    if (among(name, aggregates, ARRAY_LEN(aggregates))) {
        struct mistake *mistake = mistake_add(an->mistakes, ERR_TYPE, span,
            "%.*s() looks at many rows; aggregates are not supported yet", STR_ARG(name));
        mistake_hint(an->mistakes, mistake, "a query here maps each record to at most one row");
        return;
    }
    if (among(name, generators, ARRAY_LEN(generators))) {
        mistake_add(an->mistakes, ERR_TYPE, span,
                    "%.*s() makes several rows of one, which is not supported yet",
                    STR_ARG(name));
        return;
    }
    struct mistake *mistake = mistake_add(an->mistakes, ERR_TYPE, span,
                                          "there is no function '%.*s'", STR_ARG(name));
    struct str names[NAMES_MAX];
    size_t cnt = func_table_names(names, NAMES_MAX);
    for (size_t i = 0; cnt < NAMES_MAX && analyse_lazy_name(i).ptr; i++)
        names[cnt++] = analyse_lazy_name(i);
    mistake_near(an->mistakes, mistake, name, names, cnt);
}

static struct str type_text(struct analyser *an, const struct type *type) {
    struct buf text;
    buf_init(&text, 256);
    type_format(type, &text);
    struct str copy = arena_str(an->arena, buf_str(&text));
    buf_fini(&text);
    return copy;
}

static void wrong_count(struct analyser *an, struct str name, struct span span, uint32_t cnt) {
    uint32_t least = UINT32_MAX, most = 0;
    const struct func *func = func_table_find(name, NULL);
    for (; func; func = func_table_find(name, func)) {
        uint32_t low, high;
        signature_arity(func, &low, &high);
        least = MIN(least, low);
        most = MAX(most, high);
    }
    struct str range = least == most ? arena_printf(an->arena, "%u", least)
                       : most >= FUNC_ARG_MAX ? arena_printf(an->arena, "at least %u", least)
                                              : arena_printf(an->arena, "%u to %u", least, most);
    mistake_add(an->mistakes, ERR_TYPE, span, "%.*s takes %.*s argument%s, not %u", STR_ARG(name),
                STR_ARG(range), least == 1 && most == 1 ? "" : "s", cnt);
}

/* No signature of that name fits: why the last one did not. */
static void misfit(struct analyser *an, const struct func_call *call, struct span span,
                   struct expr **arg, uint32_t wrong) {
    const char *name = call->func->name;
    bool together = wrong != UINT32_MAX && wrong && strchr(call->func->sig, '=') &&
                    str_starts(str_of(signature_wants(call->func, wrong)), STR("a type"));
    if (together) {
        mistake_add(an->mistakes, ERR_TYPE, arg[wrong]->span, "%s: %.*s does not go with %.*s",
                    name, STR_ARG(type_text(an, arg[wrong]->type)),
                    STR_ARG(type_text(an, arg[0]->type)));
        return;
    }
    if (wrong != UINT32_MAX) {
        mistake_add(an->mistakes, ERR_TYPE, arg[wrong]->span, "argument %u of %s is %s, not %.*s",
                    wrong + 1, name, signature_wants(call->func, wrong),
                    STR_ARG(type_text(an, arg[wrong]->type)));
        return;
    }
    wrong_count(an, str_of(name), span, call->arg_cnt);
}

/* ---- calls whose arguments' types cannot be known yet ---- */

static bool is_lazy(struct str name) {
    for (size_t i = 0; analyse_lazy_name(i).ptr; i++)
        if (str_ieq(name, analyse_lazy_name(i))) return true;
    return false;
}

static bool takes(struct str name, uint32_t cnt) {
    for (const struct func *func = func_table_find(name, NULL); func;
         func = func_table_find(name, func)) {
        uint32_t low, high;
        signature_arity(func, &low, &high);
        if (cnt >= low && cnt <= high) return true;
    }
    return false;
}

void analyse_call_names(struct analyser *an, const struct ast *ast) {
    if (!ast) return;
    if (ast->kind == AST_CALL && !is_lazy(ast->name)) {
        if (!func_table_find(ast->name, NULL)) unknown(an, ast->name, ast->name_span);
        else if (!takes(ast->name, ast->cnt)) wrong_count(an, ast->name, ast->span, ast->cnt);
    }
    for (uint32_t i = 0; i < ast->cnt; i++) /* AST_HEIGHT_MAX limits the depth */
        analyse_call_names(an, ast->kid[i]);
}

static void set_args(struct func_call *call, struct expr **arg) {
    for (uint32_t i = 0; i < call->arg_cnt; i++) {
        call->arg[i].type = arg[i]->type;
        call->arg[i].value = arg[i]->kind == EXPR_CONST ? arg[i]->value : NULL;
        call->arg[i].literal = arg[i]->literal;
    }
}

/* The row of the table that fits; NULL: noted. */
static const struct func *choose(struct analyser *an, struct func_call *call, struct str name,
                                 struct span span, struct expr **arg) {
    uint32_t wrong = UINT32_MAX, blame = UINT32_MAX;
    const struct func *first = func_table_find(name, NULL), *blamed = first;
    for (int exact = 1; exact >= 0; exact--) {
        for (const struct func *func = first; func; func = func_table_find(name, func)) {
            call->func = func;
            set_args(call, arg);
            if (signature_fit(call, exact, &wrong)) return func;
            if (wrong != UINT32_MAX) blame = wrong, blamed = func;
        }
    }
    call->func = blamed;
    misfit(an, call, span, arg, blame);
    return NULL;
}

static void hold(struct analyser *an, struct func_call *call) {
    struct plan *plan = an->plan;
    if (!call->fini) return;
    struct func_call **more = arena_array(an->arena, struct func_call *, plan->held_cnt + 1);
    if (plan->held_cnt) memcpy(more, plan->held, plan->held_cnt * sizeof(struct func_call *));
    more[plan->held_cnt++] = call;
    plan->held = more;
}

static struct span blamed(const struct func_call *call, struct span span, struct expr **arg) {
    return call->wrong < call->arg_cnt ? arg[call->wrong]->span : span;
}

struct expr *analyse_call_of(struct analyser *an, struct str name, struct span span,
                             struct expr **arg, uint32_t cnt) {
    if (!func_table_find(name, NULL)) {
        unknown(an, name, span);
        return NULL;
    }
    if (cnt > FUNC_ARG_MAX) {
        mistake_add(an->mistakes, ERR_TYPE, span, "more than %d arguments", FUNC_ARG_MAX);
        return NULL;
    }
    struct expr *expr = analyse_node(an, EXPR_CALL, span, NULL, cnt);
    struct func_call *call = arena_new(an->arena, struct func_call);
    call->arena = an->arena;
    call->arg_cnt = cnt;
    call->wrong = UINT32_MAX;
    call->arg = arena_array(an->arena, struct func_arg, MAX(cnt, 1u));
    if (cnt) memcpy(expr->kid, arg, cnt * sizeof(struct expr *));
    const struct func *func = choose(an, call, name, span, expr->kid);
    if (!func) return NULL;
    if (func->types && func->types(call)) {
        mistake_add(an->mistakes, ERR_TYPE, blamed(call, span, expr->kid), "%s", err_note());
        return NULL;
    }
    assert(call->type);
    for (uint32_t i = 0; i < cnt; i++) {
        expr->kid[i] = analyse_cast(an, expr->kid[i], call->arg[i].type, false);
        if (!expr->kid[i]) return NULL;
    }
    set_args(call, expr->kid);
    if (func->bind && func->bind(call)) {
        mistake_add(an->mistakes, ERR_TYPE, blamed(call, span, expr->kid), "%s", err_note());
        return NULL;
    }
    hold(an, call);
    expr->call = call;
    expr->type = call->type;
    return analyse_fold(an, expr);
}

struct expr *analyse_call(struct analyser *an, const struct ast *ast) {
    struct expr **arg = arena_array(an->arena, struct expr *, MAX(ast->cnt, 1u));
    bool good = true;
    if (!func_table_find(ast->name, NULL)) {
        unknown(an, ast->name, ast->name_span);
        good = false;
    }
    for (uint32_t i = 0; i < ast->cnt; i++) {
        if (ast->kid[i]->kind == AST_STAR && !good) continue;
        arg[i] = analyse_expr(an, ast->kid[i]);
        good = good && arg[i];
    }
    if (!good) return NULL;
    struct expr *expr = analyse_call_of(an, ast->name, ast->name_span, arg, ast->cnt);
    if (expr) expr->span = ast->span;
    return expr;
}
