/* analyse.c - names, fields, casts, CASE; and which columns of the source are read. */
#include "stream/plan/analyse.h"

#include "stream/op/cast.h"
#include "stream/op/exec.h"
#include "stream/op/func_table.h"
#include "stream/plan/coerce.h"

#define NAME_MAX_SHOWN 4096
#define BRANCH_MAX     250 /* of one CASE or COALESCE; exec.c counts them in a byte */

struct expr *analyse_node(struct analyser *an, enum expr_kind kind, struct span span,
                          const struct type *type, uint32_t cnt) {
    struct expr *expr = arena_new(an->arena, struct expr);
    an->plan->node_cnt++;
    expr->kind = kind;
    expr->span = span;
    expr->type = type;
    expr->cnt = cnt;
    expr->kid = cnt ? arena_array(an->arena, struct expr *, cnt) : NULL;
    return expr;
}

static struct expr *constant(struct analyser *an, const struct vec *value, struct span span) {
    struct expr *expr = analyse_node(an, EXPR_CONST, span, value->type, 0);
    expr->value = value;
    return expr;
}

/* Computes it now when it has no columns in it and does not change; one that fails is left to fail
 * on the rows that reach it. */
struct expr *analyse_fold(struct analyser *an, struct expr *expr) {
    for (uint32_t i = 0; i < expr->cnt; i++)
        if (expr->kid[i]->kind != EXPR_CONST) return expr;
    if (expr->kind == EXPR_CALL && (expr->call->func->flags & FUNC_VOLATILE)) return expr;
    const struct vec *value = exec_fold(an->arena, expr);
    return value ? constant(an, value, expr->span) : expr;
}

static struct str type_text(struct analyser *an, const struct type *type) {
    struct buf text;
    buf_init(&text, 512);
    type_format(type, &text);
    struct str copy = arena_str(an->arena, buf_str(&text));
    buf_fini(&text);
    return copy;
}

/* ---- casts ---- */

struct expr *analyse_cast(struct analyser *an, struct expr *expr, const struct type *to,
                          bool soft) {
    if (!expr || type_eq(expr->type, to)) return expr;
    if (!cast_allowed(expr->type, to)) {
        mistake_add(an->mistakes, ERR_TYPE, expr->span, "%.*s cannot be cast to %.*s",
                    STR_ARG(type_text(an, expr->type)), STR_ARG(type_text(an, to)));
        return NULL;
    }
    struct expr *cast = analyse_node(an, EXPR_CALL, expr->span, to, 1);
    struct func_call *call = arena_new(an->arena, struct func_call);
    call->func = soft ? &cast_soft : &cast_hard;
    call->type = to;
    cast->call = call;
    cast->kid[0] = expr;
    if (expr->type->kind == TYPE_NULL)
        return constant(an, batch_nulls(an->arena, to, 1), expr->span);
    return analyse_fold(an, cast);
}

const struct type *analyse_common(struct analyser *an, struct expr **arg, uint32_t cnt,
                                  const char *what) {
    const struct type *common = type_of(TYPE_NULL);
    for (uint32_t i = 0; i < cnt; i++) {
        if (!arg[i]) return NULL;
        const struct type *wider = coerce_common(an->arena, common, arg[i]->type);
        if (!wider) {
            mistake_add(an->mistakes, ERR_TYPE, arg[i]->span, "%s: %.*s does not go with %.*s",
                        what, STR_ARG(type_text(an, arg[i]->type)),
                        STR_ARG(type_text(an, common)));
            return NULL;
        }
        common = wider;
    }
    for (uint32_t i = 0; i < cnt; i++) {
        arg[i] = analyse_cast(an, arg[i], common, false);
        if (!arg[i]) return NULL;
    }
    return common;
}

/* ---- names ---- */

static struct want *want_of(struct analyser *an, const struct type *type) {
    struct want *want = arena_new(an->arena, struct want);
    want->type = type;
    if (type->kind == TYPE_STRUCT)
        want->field = arena_array(an->arena, struct want *, MAX(type->field_cnt, 1u));
    return want;
}

static void record_path(struct analyser *an, struct expr *expr) {
    if (!an->want) return;
    if (an->path_cnt == an->path_cap) {
        uint32_t cap = an->path_cap ? an->path_cap * 2 : 32;
        struct expr **more = arena_array(an->arena, struct expr *, cap);
        if (an->path_cnt) memcpy(more, an->path, an->path_cnt * sizeof(struct expr *));
        an->path = more;
        an->path_cap = cap;
    }
    an->path[an->path_cnt++] = expr;
}

struct expr *analyse_column(struct analyser *an, uint32_t col, struct span span) {
    struct expr *expr = analyse_node(an, EXPR_PATH, span, an->row->field[col].type, 0);
    expr->path = arena_array(an->arena, uint32_t, TYPE_DEPTH_MAX + 1);
    expr->path[0] = col;
    expr->path_cnt = 1;
    record_path(an, expr);
    return expr;
}

static void near_fields(struct analyser *an, struct mistake *mistake, struct str wrong,
                        const struct type *of) {
    struct str *names = arena_array(an->arena, struct str, of->field_cnt);
    for (uint32_t i = 0; i < of->field_cnt; i++) names[i] = of->field[i].name;
    mistake_near(an->mistakes, mistake, wrong, names, of->field_cnt);
    if (mistake->hint.len || !of->field_cnt) return;
    struct str list = names[0];
    for (uint32_t i = 1; i < of->field_cnt && i < 12; i++)
        list = arena_printf(an->arena, "%.*s, %.*s", STR_ARG(list), STR_ARG(names[i]));
    mistake_hint(an->mistakes, mistake, "there %s %.*s%s", of->field_cnt == 1 ? "is" : "are",
                 STR_ARG(list), of->field_cnt > 12 ? ", ..." : "");
}

/* One step into a struct, an array of structs or a map; NULL: noted. */
static struct expr *step_into(struct analyser *an, struct expr *of, struct str name,
                              struct span span) {
    bool list = of->type->kind == TYPE_ARRAY;
    const struct type *type = list ? of->type->item : of->type;
    if (of->type->kind == TYPE_MAP && of->type->key->kind == TYPE_STRING) {
        struct vec *key = batch_const(an->arena, type_of(TYPE_STRING), 1);
        key->str[0] = name;
        struct expr *arg[] = {of, constant(an, key, span)};
        return analyse_call_of(an, STR("[]"), span, arg, 2);
    }
    if (type->kind != TYPE_STRUCT) {
        mistake_add(an->mistakes, ERR_TYPE, span, "%.*s has no fields, so no .%.*s",
                    STR_ARG(type_text(an, of->type)), STR_ARG(name));
        return NULL;
    }
    int field = type_field(type, name);
    if (field < 0) {
        struct mistake *mistake = mistake_add(an->mistakes, ERR_TYPE, span,
            field == -1 ? "there is no field '%.*s' here" : "'%.*s' is the name of several fields",
            STR_ARG(name));
        if (field == -1) near_fields(an, mistake, name, type);
        return NULL;
    }
    const struct type *got = type->field[field].type;
    if (of->kind == EXPR_PATH && !list && of->path_cnt <= TYPE_DEPTH_MAX) {
        of->path[of->path_cnt++] = (uint32_t)field;
        of->type = got;
        of->span.to = span.to;
        return of;
    }
    struct expr *expr = analyse_node(an, EXPR_FIELD, (struct span){of->span.from, span.to},
                                     list ? type_array(an->arena, got) : got, 1);
    expr->kid[0] = of;
    expr->path = arena_array(an->arena, uint32_t, 1);
    expr->path[0] = (uint32_t)field;
    expr->path_cnt = 1;
    return analyse_fold(an, expr);
}

static struct expr *analyse_name(struct analyser *an, const struct ast *ast) {
    if (!an->row) {
        mistake_add(an->mistakes, ERR_TYPE, ast->span, "there are no columns here");
        return NULL;
    }
    uint32_t at = 0;
    bool table = ast->part_cnt > 1 && ((an->alias.ptr && str_ieq(ast->part[0], an->alias)) ||
                                       (an->table.ptr && str_ieq(ast->part[0], an->table)));
    if (table && type_field(an->row, ast->part[1]) != -1) at = 1;
    int col = type_field(an->row, ast->part[at]);
    if (col < 0) {
        struct mistake *mistake = mistake_add(an->mistakes, ERR_TYPE, ast->part_span[at],
            col == -1 ? "there is no column '%.*s'" : "'%.*s' is the name of several columns",
            STR_ARG(ast->part[at]));
        if (col == -1) near_fields(an, mistake, ast->part[at], an->row);
        return NULL;
    }
    struct expr *expr = analyse_column(an, (uint32_t)col, ast->part_span[at]);
    for (at++; at < ast->part_cnt && expr; at++)
        expr = step_into(an, expr, ast->part[at], ast->part_span[at]);
    if (expr) expr->span = ast->span;
    return expr;
}

/* ---- the part of the source that is read ---- */

static const struct type *prune(struct analyser *an, struct want *want) {
    if (want->whole || want->type->kind != TYPE_STRUCT) return want->type;
    struct field *field = arena_array(an->arena, struct field, MAX(want->type->field_cnt, 1u));
    uint32_t cnt = 0;
    for (uint32_t i = 0; i < want->type->field_cnt; i++) {
        if (!want->field[i]) continue;
        field[cnt] = want->type->field[i];
        field[cnt++].type = prune(an, want->field[i]);
    }
    return type_struct(an->arena, field, cnt);
}

static uint32_t rank(const struct want *want, uint32_t field) {
    uint32_t before = 0;
    for (uint32_t i = 0; i < field; i++) before += want->field[i] != NULL;
    return before;
}

const struct type *analyse_prune(struct analyser *an) {
    for (uint32_t p = 0; p < an->path_cnt; p++) {
        struct want *want = an->want;
        for (uint32_t i = 0; i < an->path[p]->path_cnt; i++) {
            uint32_t field = an->path[p]->path[i];
            if (!want->field[field])
                want->field[field] = want_of(an, want->type->field[field].type);
            want = want->field[field];
        }
        want->whole = true;
    }
    for (uint32_t p = 0; p < an->path_cnt; p++) {
        struct want *want = an->want;
        for (uint32_t i = 0; i < an->path[p]->path_cnt; i++) {
            uint32_t field = an->path[p]->path[i];
            if (!want->whole) an->path[p]->path[i] = rank(want, field);
            if (want->whole) break; /* all below it is there, in the source's order */
            want = want->field[field];
        }
    }
    return prune(an, an->want);
}

/* ---- CASE ---- */

static struct expr *not_boolean(struct analyser *an, struct expr *expr, const char *what) {
    mistake_add(an->mistakes, ERR_TYPE, expr->span, "%s is a BOOLEAN, not %.*s", what,
                STR_ARG(type_text(an, expr->type)));
    return NULL;
}

static struct expr *as_condition(struct analyser *an, struct expr *expr, const char *what) {
    if (!expr) return NULL;
    if (expr->type->kind == TYPE_NULL) return analyse_cast(an, expr, type_of(TYPE_BOOL), false);
    return expr->type->kind == TYPE_BOOL ? expr : not_boolean(an, expr, what);
}

struct expr *analyse_condition(struct analyser *an, const struct ast *ast, const char *what) {
    return as_condition(an, analyse_expr(an, ast), what);
}

static struct expr *reference(struct analyser *an, const struct expr *let) {
    struct expr *ref = analyse_node(an, EXPR_REF, let->kid[0]->span, let->kid[0]->type, 0);
    ref->slot = let->slot;
    return ref;
}

static struct expr *begin_let(struct analyser *an, struct expr *value) {
    if (an->slot_cnt == EXEC_SLOT_MAX) {
        mistake_add(an->mistakes, ERR_TYPE, value->span, "the query is too complex");
        return NULL;
    }
    struct expr *let = analyse_node(an, EXPR_LET, value->span, NULL, 2);
    let->slot = an->slot_cnt++;
    let->kid[0] = value;
    return let;
}

static struct expr *end_let(struct expr *let, struct expr *body) {
    if (!body) return NULL;
    let->kid[1] = body;
    let->type = body->type;
    return let;
}

/* Casts the branches to one type and drops what cannot be reached. */
static struct expr *finish_case(struct analyser *an, struct expr *expr) {
    uint32_t cnt = 0;
    struct expr **branch = arena_array(an->arena, struct expr *, expr->cnt);
    for (uint32_t i = 1; i < expr->cnt; i += 2) branch[cnt++] = expr->kid[i];
    if (expr->cnt % 2) branch[cnt++] = expr->kid[expr->cnt - 1];
    expr->type = analyse_common(an, branch, cnt, "the branches of CASE");
    if (!expr->type) return NULL;
    uint32_t at = 0;
    for (uint32_t i = 1; i < expr->cnt; i += 2) expr->kid[i] = branch[at++];
    if (expr->cnt % 2) expr->kid[expr->cnt - 1] = branch[at];
    return analyse_fold(an, expr);
}

static struct expr *analyse_case(struct analyser *an, const struct ast *ast) {
    uint32_t from = ast->soft, cnt = ast->cnt - from;
    struct expr *let = NULL, *expr = analyse_node(an, EXPR_CASE, ast->span, NULL, cnt);
    bool good = true;
    if (cnt / 2 > BRANCH_MAX) {
        mistake_add(an->mistakes, ERR_TYPE, ast->span, "a CASE of more than %d branches",
                    BRANCH_MAX);
        return NULL;
    }
    if (ast->soft) {
        struct expr *operand = analyse_expr(an, ast->kid[0]);
        good = operand && (let = begin_let(an, operand));
    }
    for (uint32_t i = 0; i < cnt; i++) {
        struct expr *kid = analyse_expr(an, ast->kid[from + i]);
        bool when = i % 2 == 0 && i + 1 < cnt;
        if (kid && when && let) {
            struct expr *arg[] = {reference(an, let), kid};
            kid = analyse_call_of(an, STR("="), kid->span, arg, 2);
        } else if (kid && when && !ast->soft) {
            kid = as_condition(an, kid, "the condition after WHEN");
        }
        expr->kid[i] = kid;
        good = good && kid;
    }
    if (!good) return NULL;
    expr = finish_case(an, expr);
    return let ? end_let(let, expr) : expr;
}

/* ---- calls that compute only what they need ---- */

static struct expr *make_both(struct analyser *an, enum expr_kind kind, struct expr *a,
                              struct expr *b, struct span span) {
    struct expr *expr = analyse_node(an, kind, span, type_of(TYPE_BOOL), 2);
    expr->kid[0] = a;
    expr->kid[1] = b;
    return analyse_fold(an, expr);
}

/* AND and OR also take text that says true or false, as Spark's do. */
static struct expr *as_flag(struct analyser *an, struct expr *expr, const char *what) {
    if (expr && expr->type->kind == TYPE_STRING)
        return analyse_cast(an, expr, type_of(TYPE_BOOL), false);
    return as_condition(an, expr, what);
}

static struct expr *lazy_both(struct analyser *an, const struct ast *ast, struct expr **arg) {
    bool and = str_eqz(ast->name, "and");
    const char *what = and ? "what AND joins" : "what OR joins";
    struct expr *a = as_flag(an, arg[0], what), *b = as_flag(an, arg[1], what);
    return a && b ? make_both(an, and ? EXPR_AND : EXPR_OR, a, b, ast->span) : NULL;
}

static struct expr *lazy_if(struct analyser *an, const struct ast *ast, struct expr **arg) {
    struct expr *expr = analyse_node(an, EXPR_CASE, ast->span, NULL, 3);
    expr->kid[0] = as_condition(an, arg[0], "the first argument of if()");
    expr->kid[1] = arg[1];
    expr->kid[2] = arg[2];
    return expr->kid[0] ? finish_case(an, expr) : NULL;
}

static struct expr *lazy_coalesce(struct analyser *an, const struct ast *ast, struct expr **arg) {
    struct expr *expr = analyse_node(an, EXPR_COALESCE, ast->span, NULL, ast->cnt);
    if (ast->cnt > BRANCH_MAX) {
        mistake_add(an->mistakes, ERR_TYPE, ast->span, "more than %d arguments", BRANCH_MAX);
        return NULL;
    }
    memcpy(expr->kid, arg, ast->cnt * sizeof(struct expr *));
    expr->type = analyse_common(an, expr->kid, ast->cnt, "the arguments");
    return expr->type ? analyse_fold(an, expr) : NULL;
}

/* nvl2(a, b, c): b where a is not NULL, else c */
static struct expr *lazy_nvl2(struct analyser *an, const struct ast *ast, struct expr **arg) {
    struct expr *expr = analyse_node(an, EXPR_CASE, ast->span, NULL, 3);
    expr->kid[0] = analyse_call_of(an, STR("isnotnull"), ast->span, arg, 1);
    expr->kid[1] = arg[1];
    expr->kid[2] = arg[2];
    return expr->kid[0] ? finish_case(an, expr) : NULL;
}

/* nullif(a, b): NULL where a = b, else a; a is computed once */
static struct expr *lazy_nullif(struct analyser *an, const struct ast *ast, struct expr **arg) {
    struct expr *let = begin_let(an, arg[0]);
    if (!let) return NULL;
    struct expr *expr = analyse_node(an, EXPR_CASE, ast->span, arg[0]->type, 3);
    struct expr *pair[] = {reference(an, let), arg[1]};
    expr->kid[0] = analyse_call_of(an, STR("="), ast->span, pair, 2);
    expr->kid[1] = constant(an, batch_nulls(an->arena, arg[0]->type, 1), ast->span);
    expr->kid[2] = reference(an, let);
    return expr->kid[0] ? analyse_fold(an, end_let(let, expr)) : NULL;
}

static struct expr *lazy_between(struct analyser *an, const struct ast *ast, struct expr **arg) {
    struct expr *let = begin_let(an, arg[0]);
    if (!let) return NULL;
    struct expr *low[] = {reference(an, let), arg[1]}, *high[] = {reference(an, let), arg[2]};
    struct expr *a = analyse_call_of(an, STR(">="), arg[1]->span, low, 2);
    struct expr *b = analyse_call_of(an, STR("<="), arg[2]->span, high, 2);
    return a && b ? end_let(let, make_both(an, EXPR_AND, a, b, ast->span)) : NULL;
}

struct expr *analyse_struct(struct analyser *an, struct expr **arg, const struct str *name,
                            uint32_t cnt, struct span span) {
    struct field *field = arena_array(an->arena, struct field, MAX(cnt, 1u));
    for (uint32_t i = 0; i < cnt; i++) field[i] = (struct field){name[i], arg[i]->type, true};
    struct expr *expr = analyse_node(an, EXPR_CALL, span, type_struct(an->arena, field, cnt), cnt);
    struct func_call *call = arena_new(an->arena, struct func_call);
    call->func = func_table_find(STR("struct"), NULL);
    call->arg_cnt = cnt;
    call->type = expr->type;
    expr->call = call;
    if (cnt) memcpy(expr->kid, arg, cnt * sizeof(struct expr *));
    return analyse_fold(an, expr);
}

/* a IN (..): constants are looked up at once; with others it is a = b OR a = c ..., which computes
 * no more of the list than it needs. */
static struct expr *lazy_in(struct analyser *an, const struct ast *ast, struct expr **arg) {
    bool all_const = true;
    for (uint32_t i = 1; i < ast->cnt; i++) all_const = all_const && arg[i]->kind == EXPR_CONST;
    if (all_const || ast->cnt > BRANCH_MAX)
        return analyse_call_of(an, ast->name, ast->name_span, arg, ast->cnt);
    if (!analyse_common(an, arg, ast->cnt, "IN")) return NULL;
    struct expr *let = begin_let(an, arg[0]), *any = NULL;
    for (uint32_t i = 1; let && i < ast->cnt; i++) {
        struct expr *pair[] = {reference(an, let), arg[i]};
        struct expr *same = analyse_call_of(an, STR("="), arg[i]->span, pair, 2);
        if (!same) return NULL;
        any = any ? make_both(an, EXPR_OR, any, same, ast->span) : same;
    }
    return let ? end_let(let, any) : NULL;
}

static struct expr *named_struct(struct analyser *an, const struct ast *ast, struct expr **arg) {
    struct str *name = arena_array(an->arena, struct str, ast->cnt / 2 + 1);
    struct expr **value = arena_array(an->arena, struct expr *, ast->cnt / 2 + 1);
    for (uint32_t i = 0; i + 1 < ast->cnt; i += 2) {
        const struct expr *key = arg[i];
        if (key->kind != EXPR_CONST || key->type->kind != TYPE_STRING || vec_null(key->value, 0)) {
            mistake_add(an->mistakes, ERR_TYPE, key->span, "the name of a field is a text literal");
            return NULL;
        }
        name[i / 2] = key->value->str[0];
        value[i / 2] = arg[i + 1];
    }
    if (ast->cnt % 2) {
        mistake_add(an->mistakes, ERR_TYPE, ast->name_span,
                    "named_struct() takes names and values in pairs");
        return NULL;
    }
    return analyse_struct(an, value, name, ast->cnt / 2, ast->span);
}

/* INT(x), DATE(x), ...: a type's name called is a cast. */
static struct expr *lazy_type(struct analyser *an, const struct ast *ast, struct expr **arg) {
    const struct type *type = NULL;
    if (type_parse(ast->name, an->arena, &type)) return NULL;
    return analyse_cast(an, arg[0], type, false);
}

static const struct lazy {
    const char *name;
    uint32_t least, most;
    struct expr *(*make)(struct analyser *an, const struct ast *ast, struct expr **arg);
} lazies[] = {
    {"and", 2, 2, lazy_both},          {"or", 2, 2, lazy_both},
    {"if", 3, 3, lazy_if},             {"nvl", 2, 2, lazy_coalesce},
    {"coalesce", 1, 100000, lazy_coalesce},
    {"ifnull", 2, 2, lazy_coalesce},   {"nvl2", 3, 3, lazy_nvl2},
    {"nullif", 2, 2, lazy_nullif},     {"between", 3, 3, lazy_between},
    {"in", 2, 100000, lazy_in},
    {"named_struct", 2, 100000, named_struct},
    {"boolean", 1, 1, lazy_type},      {"tinyint", 1, 1, lazy_type},
    {"smallint", 1, 1, lazy_type},     {"int", 1, 1, lazy_type},
    {"bigint", 1, 1, lazy_type},       {"float", 1, 1, lazy_type},
    {"double", 1, 1, lazy_type},       {"decimal", 1, 1, lazy_type},
    {"string", 1, 1, lazy_type},       {"binary", 1, 1, lazy_type},
    {"date", 1, 1, lazy_type},         {"timestamp", 1, 1, lazy_type},
};

struct str analyse_lazy_name(size_t i) {
    return i < ARRAY_LEN(lazies) ? str_of(lazies[i].name) : STR_NULL;
}

static struct expr *analyse_lazy(struct analyser *an, const struct ast *ast,
                                 const struct lazy *lazy) {
    struct expr **arg = arena_array(an->arena, struct expr *, MAX(ast->cnt, 1u));
    bool good = true;
    for (uint32_t i = 0; i < ast->cnt; i++) {
        arg[i] = analyse_expr(an, ast->kid[i]);
        good = good && arg[i];
    }
    if (ast->cnt < lazy->least || ast->cnt > lazy->most) {
        mistake_add(an->mistakes, ERR_TYPE, ast->name_span, "%s() takes %u argument%s, not %u",
                    lazy->name, lazy->least, lazy->least == 1 ? "" : "s", ast->cnt);
        return NULL;
    }
    return good ? lazy->make(an, ast, arg) : NULL;
}

/* ---- the rest ---- */

/* struct(*): all columns, with their names. */
static struct expr *struct_of_all(struct analyser *an, const struct ast *ast) {
    uint32_t cnt = an->row->field_cnt;
    struct expr **arg = arena_array(an->arena, struct expr *, MAX(cnt, 1u));
    struct str *name = arena_array(an->arena, struct str, MAX(cnt, 1u));
    for (uint32_t i = 0; i < cnt; i++) {
        arg[i] = analyse_column(an, i, ast->span);
        name[i] = an->row->field[i].name;
    }
    return analyse_struct(an, arg, name, cnt, ast->span);
}

static struct expr *analyse_struct_ast(struct analyser *an, const struct ast *ast) {
    struct expr **arg = arena_array(an->arena, struct expr *, MAX(ast->cnt, 1u));
    struct str *name = arena_array(an->arena, struct str, MAX(ast->cnt, 1u));
    bool good = true;
    if (ast->cnt == 1 && ast->kid[0]->kind == AST_STAR && !ast->kid[0]->part_cnt && an->row)
        return struct_of_all(an, ast);
    for (uint32_t i = 0; i < ast->cnt; i++) {
        const struct ast *kid = ast->kid[i];
        arg[i] = analyse_expr(an, kid);
        good = good && arg[i];
        if (ast->part && ast->part[i].ptr) name[i] = ast->part[i];
        else if (kid->kind == AST_NAME) name[i] = kid->part[kid->part_cnt - 1];
        else if (kid->kind == AST_FIELD) name[i] = kid->name;
        else name[i] = arena_printf(an->arena, "col%u", i + 1);
    }
    return good ? analyse_struct(an, arg, name, ast->cnt, ast->span) : NULL;
}

struct expr *analyse_expr(struct analyser *an, const struct ast *ast) {
    struct expr *kid;
    switch (ast->kind) {
    case AST_LITERAL:
        kid = constant(an, ast->value, ast->span);
        kid->literal = true;
        return kid;
    case AST_NAME: return analyse_name(an, ast);
    case AST_CASE: return analyse_case(an, ast);
    case AST_STRUCT: return analyse_struct_ast(an, ast);
    case AST_CAST:
        kid = analyse_expr(an, ast->kid[0]);
        kid = kid ? analyse_cast(an, kid, ast->type, ast->soft) : NULL;
        if (kid && kid->kind != EXPR_PATH) kid->span = ast->span;
        return kid;
    case AST_FIELD:
        kid = analyse_expr(an, ast->kid[0]);
        return kid ? step_into(an, kid, ast->name, ast->name_span) : NULL;
    case AST_STAR:
        mistake_add(an->mistakes, ERR_SYNTAX, ast->span,
                    "* stands for all columns and is not a value");
        return NULL;
    default: break;
    }
    for (size_t i = 0; i < ARRAY_LEN(lazies); i++)
        if (str_ieq(ast->name, str_of(lazies[i].name))) return analyse_lazy(an, ast, &lazies[i]);
    return analyse_call(an, ast);
}
