/* plan.c - puts a query's plan together: the columns of SELECT, WHERE, the expectations. */
#include "stream/plan/plan.h"

#include "stream/plan/analyse.h"
#include "stream/sql/parse.h"

/* The name of a column that was not given one: the last part of a name, else the text itself. */
static struct str own_name(const struct mistakes *mistakes, const struct ast *ast) {
    if (ast->kind == AST_NAME) return ast->part[ast->part_cnt - 1];
    if (ast->kind == AST_FIELD) return ast->name;
    if (ast->kind == AST_CAST) return own_name(mistakes, ast->kid[0]);
    return (struct str){mistakes->sql.ptr + ast->span.from, ast->span.to - ast->span.from};
}

static void add_output(struct analyser *an, struct str name, struct expr *expr) {
    struct plan *plan = an->plan;
    if (plan->output_cnt == TYPE_FIELD_MAX) {
        mistake_add(an->mistakes, ERR_TYPE, expr->span, "more than %d columns", TYPE_FIELD_MAX);
        return;
    }
    if ((plan->output_cnt & (plan->output_cnt - 1)) == 0) {
        uint32_t cap = MAX(plan->output_cnt * 2, 1u);
        struct plan_output *more = arena_array(an->arena, struct plan_output, cap);
        if (plan->output_cnt) memcpy(more, plan->output, plan->output_cnt * sizeof *more);
        plan->output = more;
    }
    plan->output[plan->output_cnt++] = (struct plan_output){arena_str(an->arena, name), expr};
}

/* `*`, `alias.*` and `struct.*`. */
static void add_star(struct analyser *an, const struct ast *star) {
    const struct type *of = an->row;
    bool table = star->part_cnt == 1 &&
                 ((an->alias.ptr && str_ieq(star->part[0], an->alias)) ||
                  (an->table.ptr && str_ieq(star->part[0], an->table)));
    if (star->part_cnt && !table) {
        struct ast name = *star;
        name.kind = AST_NAME;
        for (uint32_t i = 0;; i++) {
            struct expr *expr = analyse_expr(an, &name);
            if (!expr) return;
            of = expr->type;
            if (of->kind != TYPE_STRUCT) {
                mistake_add(an->mistakes, ERR_TYPE, star->span, "only a STRUCT has a .*");
                return;
            }
            if (i == of->field_cnt) {
                an->path_cnt--; /* the struct as a whole is not read */
                return;
            }
            expr->path[expr->path_cnt++] = i;
            expr->type = of->field[i].type;
            add_output(an, of->field[i].name, expr);
        }
    }
    for (uint32_t i = 0; i < of->field_cnt; i++)
        add_output(an, of->field[i].name, analyse_column(an, i, star->span));
}

static void add_items(struct analyser *an, const struct ast_query *query) {
    for (uint32_t i = 0; i < query->item_cnt; i++) {
        const struct ast_item *item = &query->item[i];
        if (item->expr->kind == AST_STAR) {
            add_star(an, item->expr);
            continue;
        }
        struct expr *expr = analyse_expr(an, item->expr);
        if (!expr) continue;
        if (expr->type->kind == TYPE_NULL) {
            struct mistake *mistake = mistake_add(an->mistakes, ERR_TYPE, item->span,
                                                  "this column is always NULL and has no type");
            mistake_hint(an->mistakes, mistake, "write CAST(NULL AS STRING), for instance");
        }
        struct str name = item->alias.ptr ? item->alias : own_name(an->mistakes, item->expr);
        add_output(an, name, expr);
    }
}

static void make_row(struct analyser *an) {
    struct plan *plan = an->plan;
    struct field *field = arena_array(an->arena, struct field, MAX(plan->output_cnt, 1u));
    for (uint32_t i = 0; i < plan->output_cnt; i++) {
        field[i] = (struct field){plan->output[i].name, plan->output[i].expr->type, true};
        for (uint32_t k = 0; k < i; k++) {
            if (!str_ieq(field[k].name, field[i].name)) continue;
            struct mistake *mistake = mistake_add(an->mistakes, ERR_TYPE,
                plan->output[i].expr->span, "a second column named '%.*s'",
                STR_ARG(field[i].name));
            mistake_hint(an->mistakes, mistake, "give it another name with AS");
            break;
        }
    }
    plan->row = type_struct(an->arena, field, plan->output_cnt);
}

/* Expectations have texts of their own: their mistakes name them instead of a line. */
static void add_expectations(struct plan *plan, const struct stream_query *query,
                             struct mistakes *mistakes) {
    struct str sql = mistakes->sql;
    plan->expect = arena_array(plan->arena, struct expr *, MAX(query->expect_cnt, (size_t)1));
    for (size_t i = 0; i < query->expect_cnt; i++) {
        mistakes->sql = query->expect[i].that;
        mistakes->prefix = query->expect[i].name;
        struct analyser an = {mistakes, plan, plan->arena, .row = plan->row};
        struct ast *ast = parse_one(mistakes);
        if (ast && plan->row) plan->expect[i] = analyse_condition(&an, ast, "an expectation");
        else analyse_call_names(&an, ast);
    }
    mistakes->sql = sql;
    mistakes->prefix = STR_NULL;
}

static void plan_columns(struct plan *plan, const struct ast_query *query,
                         struct mistakes *mistakes) {
    struct analyser an = {mistakes, plan, plan->arena, .row = plan->source};
    struct want *root = arena_new(plan->arena, struct want);
    root->type = plan->source;
    root->field = arena_array(plan->arena, struct want *, MAX(plan->source->field_cnt, 1u));
    an.want = root;
    an.table = query->topic;
    an.alias = query->alias;
    if (query->alias.ptr) an.table = STR_NULL;
    add_items(&an, query);
    if (query->where) plan->where = analyse_condition(&an, query->where, "WHERE");
    if (query->wm) (void)analyse_expr(&an, query->wm);
    if (mistakes->err) return;
    plan->want = analyse_prune(&an);
    make_row(&an);
}

/* Without the columns, that the functions are there is all that can be told. */
static void look_at_calls(struct plan *plan, const struct ast_query *ast,
                          struct mistakes *mistakes) {
    struct analyser an = {mistakes, plan, plan->arena, .row = NULL};
    for (uint32_t i = 0; i < ast->item_cnt; i++) analyse_call_names(&an, ast->item[i].expr);
    analyse_call_names(&an, ast->where);
    analyse_call_names(&an, ast->wm);
}

int plan_make(struct plan *plan, const struct stream_query *query, const struct type *source,
              struct arena *arena, struct stream_errors *errors) {
    struct mistakes mistakes;
    memset(plan, 0, sizeof *plan);
    plan->arena = arena;
    plan->source = source;
    mistake_init(&mistakes, arena, query->sql);
    struct ast_query *ast = parse_query(&mistakes);
    if (ast) plan->topic = ast->topic;
    if (ast && source) plan_columns(plan, ast, &mistakes);
    else if (ast) look_at_calls(plan, ast, &mistakes);
    add_expectations(plan, query, &mistakes);
    int err = mistake_done(&mistakes, errors);
    if (err) plan_fini(plan);
    return err;
}

int plan_expr(struct plan *plan, struct str text, const struct type *row, struct arena *arena,
              struct expr **out, struct stream_errors *errors) {
    struct mistakes mistakes;
    memset(plan, 0, sizeof *plan);
    plan->arena = arena;
    mistake_init(&mistakes, arena, text);
    struct analyser an = {&mistakes, plan, arena, .row = row};
    struct ast *ast = parse_one(&mistakes);
    *out = ast ? analyse_expr(&an, ast) : NULL;
    int err = mistake_done(&mistakes, errors);
    if (err) plan_fini(plan);
    return err;
}

void plan_fini(struct plan *plan) {
    for (uint32_t i = 0; i < plan->held_cnt; i++) plan->held[i]->fini(plan->held[i]->state);
    plan->held_cnt = 0;
}
