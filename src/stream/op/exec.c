/* exec.c - the interpreter: one step a node, a whole column a step.
 *
 * AND, OR, CASE and COALESCE narrow the selection before they compute a branch, so that a mistake
 * in a branch not taken (1/0 behind a test for 0) does not happen. */
#include "stream/op/exec.h"

#include "stream/op/take.h"

typedef int step_fn(struct exec *exec, const struct expr *expr, const struct vec **out);

void exec_init(struct exec *exec, struct arena *arena, const struct vec *const *col, uint32_t cnt) {
    memset(exec, 0, sizeof *exec);
    exec->ctx.arena = arena;
    exec->ctx.cnt = cnt;
    exec->ctx.live = cnt;
    exec->col = col;
}

void exec_select(struct exec *exec, const uint32_t *sel, uint32_t live) {
    exec->ctx.sel = sel;
    exec->ctx.live = sel ? live : exec->ctx.cnt;
}

/* A selection put aside while a branch is computed. */
struct kept {
    const uint32_t *sel;
    uint32_t live;
};
static struct kept keep(const struct exec *exec) {
    return (struct kept){exec->ctx.sel, exec->ctx.live};
}
static void restore(struct exec *exec, struct kept kept) {
    exec->ctx.sel = kept.sel;
    exec->ctx.live = kept.live;
}

/* A result column: fixed-width data not zeroed. */
static struct vec *make_out(struct arena *arena, const struct type *type, uint32_t cnt) {
    struct vec *vec = arena_new(arena, struct vec);
    bool list = type->kind == TYPE_ARRAY || type->kind == TYPE_MAP;
    vec->type = type;
    vec->cnt = cnt;
    vec->stride = 1;
    if (list) vec->off = arena_array(arena, uint32_t, (size_t)cnt + 1);
    else vec->data = arena_alloc(arena, cnt * batch_width(type));
    if (list) vec->kid = arena_array(arena, struct vec *, 2);
    if (type->kind == TYPE_STRUCT) vec->kid = arena_array(arena, struct vec *, type->field_cnt);
    return vec;
}

/* ---- columns ---- */

/* `field` of the struct column `of`, NULL where the struct is. */
static const struct vec *field_of(struct exec *exec, const struct vec *of, uint32_t field) {
    const struct vec *kid = of->kid[field];
    if (of->stride && !of->valid) return kid;
    struct vec *out = arena_new(exec->ctx.arena, struct vec);
    *out = *kid;
    if (!of->stride) {
        out->stride = 0;
        out->cnt = of->cnt;
        if (vec_null(of, 0)) out->valid = of->valid;
        return out;
    }
    if (!kid->stride) { /* a constant in a struct that may be NULL: one value a row */
        uint32_t *row = arena_alloc(exec->ctx.arena, of->cnt * sizeof *row);
        for (uint32_t i = 0; i < of->cnt; i++) row[i] = of->valid[i] ? 0 : TAKE_NULL;
        return take_rows(exec->ctx.arena, kid->type, &kid, NULL, row, of->cnt);
    }
    out->valid = arena_alloc(exec->ctx.arena, of->cnt);
    memcpy(out->valid, of->valid, of->cnt);
    if (kid->valid)
        for (uint32_t i = 0; i < of->cnt; i++) out->valid[i] &= kid->valid[i];
    return out;
}

static int step_path(struct exec *exec, const struct expr *expr, const struct vec **out) {
    const struct vec *vec = exec->col[expr->path[0]];
    for (uint32_t i = 1; i < expr->path_cnt; i++) vec = field_of(exec, vec, expr->path[i]);
    *out = vec;
    return 0;
}

static int step_field(struct exec *exec, const struct expr *expr, const struct vec **out) {
    const struct vec *of;
    int err = exec_eval(exec, expr->kid[0], &of);
    if (err) return err;
    if (of->type->kind == TYPE_STRUCT) {
        *out = field_of(exec, of, expr->path[0]);
        return 0;
    }
    struct vec *list = arena_new(exec->ctx.arena, struct vec);
    *list = *of;
    list->type = expr->type;
    list->kid = arena_array(exec->ctx.arena, struct vec *, 2);
    if (of->kid && of->kid[0])
        list->kid[0] = (struct vec *)(uintptr_t)field_of(exec, of->kid[0], expr->path[0]);
    *out = list;
    return 0;
}

static int step_const(struct exec *exec, const struct expr *expr, const struct vec **out) {
    struct vec *vec = arena_new(exec->ctx.arena, struct vec);
    *vec = *expr->value;
    vec->cnt = exec->ctx.cnt;
    *out = vec;
    return 0;
}

/* ---- calls ---- */

/* The selected rows in which every argument is there; false: all of them, *call unchanged. All
 * others become NULL in `out`. */
static bool skip_nulls(struct func_ctx *call, const struct vec *const *arg, struct vec *out) {
    bool any = false;
    for (uint32_t i = 0; i < call->arg_cnt; i++) any = any || arg[i]->valid;
    if (!any) return false;
    uint32_t *sel = arena_alloc(call->arena, call->live * sizeof *sel), live = 0;
    uint8_t *valid = arena_alloc(call->arena, call->cnt);
    memset(valid, 1, call->cnt);
    for (uint32_t i = 0; i < call->arg_cnt; i++) {
        const struct vec *one = arg[i];
        if (!one->valid) continue;
        if (!one->stride && !one->valid[0]) memset(valid, 0, call->cnt);
        if (!one->stride) continue;
        for (uint32_t row = 0; row < call->cnt; row++) valid[row] &= one->valid[row];
    }
    FUNC_EACH(call, row) {
        sel[live] = row;
        live += valid[row];
    }
    out->valid = valid;
    call->sel = sel;
    call->live = live;
    return true;
}

/* Failed rows become NULL; unless the function is a try_...(), they are handed on. */
static void take_failures(struct exec *exec, struct func_ctx *call, const struct func *func,
                          struct vec *out) {
    exec->ctx.work = call->work;
    if (!call->failed) return;
    for (uint32_t row = 0; row < call->cnt; row++) {
        if (!call->failed[row]) continue;
        batch_set_null(out, exec->ctx.arena, row);
        if (func->flags & FUNC_TRY) continue;
        if (!exec->ctx.failed) {
            exec->ctx.failed = arena_array(exec->ctx.arena, uint8_t, exec->ctx.cnt);
            exec->ctx.why = arena_array(exec->ctx.arena, struct str, exec->ctx.cnt);
        }
        if (exec->ctx.failed[row]) continue;
        exec->ctx.failed[row] = 1;
        exec->ctx.why[row] = call->why[row];
    }
}

static int run_call(struct exec *exec, const struct expr *expr, const struct vec *const *arg,
                    const struct vec **out) {
    struct func_ctx call = exec->ctx;
    const struct func *func = expr->call->func;
    struct vec *vec = make_out(call.arena, expr->type, call.cnt);
    call.arg_cnt = expr->cnt;
    call.failed = NULL;
    call.why = NULL;
    if (!(func->flags & FUNC_NULLS)) skip_nulls(&call, arg, vec);
    *out = vec;
    int err = call.live ? func->eval(expr->call->state, &call, arg, vec) : 0;
    if (err) return err;
    if (!call.live && vec->kid && expr->type->kind != TYPE_STRUCT) {
        struct func_list none;
        func_list_begin(&none, &call, vec);
        func_list_end(&none);
    }
    if (!call.live && expr->type->kind == TYPE_STRUCT)
        for (uint32_t i = 0; i < expr->type->field_cnt; i++)
            if (!vec->kid[i])
                vec->kid[i] = batch_nulls(call.arena, expr->type->field[i].type, call.cnt);
    take_failures(exec, &call, func, vec);
    return 0;
}

/* Leaves the rows selected in which `vec` is not NULL. */
static void narrow(struct exec *exec, const struct vec *vec) {
    if (!vec->valid) return;
    uint32_t *sel = arena_alloc(exec->ctx.arena, exec->ctx.live * sizeof *sel), live = 0;
    FUNC_EACH(&exec->ctx, row) {
        sel[live] = row;
        live += !vec_null(vec, row);
    }
    exec_select(exec, sel, live);
}

/* Nothing is computed for it, so nothing can go wrong. */
static bool is_plain(const struct expr *expr) {
    return expr->kind == EXPR_CONST || expr->kind == EXPR_PATH || expr->kind == EXPR_REF;
}

static int step_call(struct exec *exec, const struct expr *expr, const struct vec **out) {
    const struct vec **arg = arena_array(exec->ctx.arena, const struct vec *, expr->cnt);
    unsigned flags = expr->call->func->flags;
    struct kept kept = keep(exec);
    int err = 0;
    for (uint32_t i = 0; i < expr->cnt && !err; i++) {
        bool last_first = flags & FUNC_LAST_FIRST;
        uint32_t at = last_first ? expr->cnt - 1 - i : i;
        if (i && !(flags & FUNC_NULLS) && !is_plain(expr->kid[at]))
            narrow(exec, arg[last_first ? at + 1 : at - 1]);
        err = exec_eval(exec, expr->kid[at], &arg[at]);
    }
    restore(exec, kept);
    return err ? err : run_call(exec, expr, arg, out);
}

/* ---- branches ---- */

static bool is_true(const struct vec *flag, uint32_t row) {
    return !vec_null(flag, row) && func_bool(flag, row);
}

/* Three-valued AND (or OR: the same with true and false swapped). */
static int step_both(struct exec *exec, const struct expr *expr, const struct vec **out) {
    uint8_t decides = expr->kind == EXPR_OR; /* the value of the left that settles it */
    const struct vec *left, *right;
    struct vec *vec = make_out(exec->ctx.arena, expr->type, exec->ctx.cnt);
    struct kept kept = keep(exec);
    *out = vec;
    int err = exec_eval(exec, expr->kid[0], &left);
    if (err) return err;
    uint32_t *sel = arena_alloc(exec->ctx.arena, kept.live * sizeof *sel), live = 0;
    FUNC_EACH(&exec->ctx, row) {
        bool settled = !vec_null(left, row) && func_bool(left, row) == decides;
        vec->b[row] = decides;
        sel[live] = row;
        live += !settled;
    }
    if (!live) return 0;
    exec_select(exec, sel, live);
    err = exec_eval(exec, expr->kid[1], &right);
    if (!err)
        FUNC_EACH(&exec->ctx, row) {
            bool null = vec_null(right, row);
            if (!null && func_bool(right, row) == decides) vec->b[row] = decides;
            else if (null || vec_null(left, row)) batch_set_null(vec, exec->ctx.arena, row);
            else vec->b[row] = !decides;
        }
    restore(exec, kept);
    return err;
}

/* Which branch each row takes, and the branches' columns. */
struct merge {
    const struct vec **src;
    uint8_t *which;
    uint32_t *row;
    uint32_t cnt;
};

#define BRANCH_MAX 255

static struct merge merge_begin(struct exec *exec, uint32_t branches) {
    struct merge merge = {0};
    uint32_t cnt = exec->ctx.cnt;
    merge.src = arena_array(exec->ctx.arena, const struct vec *, branches);
    merge.which = arena_array(exec->ctx.arena, uint8_t, cnt);
    merge.row = arena_alloc(exec->ctx.arena, cnt * sizeof *merge.row);
    for (uint32_t i = 0; i < cnt; i++) merge.row[i] = TAKE_NULL;
    return merge;
}

/* Computes one branch for the rows now selected. */
static int merge_branch(struct exec *exec, struct merge *merge, const struct expr *expr) {
    int err = exec_eval(exec, expr, &merge->src[merge->cnt]);
    if (err) return err;
    FUNC_EACH(&exec->ctx, row) {
        merge->which[row] = (uint8_t)merge->cnt;
        merge->row[row] = row;
    }
    merge->cnt++;
    return 0;
}

static const struct vec *merge_end(struct exec *exec, struct merge *merge,
                                   const struct type *type) {
    if (!merge->cnt) return batch_nulls(exec->ctx.arena, type, exec->ctx.cnt);
    return take_rows(exec->ctx.arena, type, merge->src, merge->which, merge->row, exec->ctx.cnt);
}

static int case_when(struct exec *exec, struct merge *merge, const struct expr *when,
                     const struct expr *then) {
    const struct vec *flag;
    int err = exec_eval(exec, when, &flag);
    if (err) return err;
    uint32_t live = exec->ctx.live, taken = 0, left = 0;
    uint32_t *yes = arena_alloc(exec->ctx.arena, live * sizeof *yes);
    uint32_t *no = arena_alloc(exec->ctx.arena, live * sizeof *no);
    FUNC_EACH(&exec->ctx, row) {
        if (is_true(flag, row)) yes[taken++] = row;
        else no[left++] = row;
    }
    if (taken) {
        exec_select(exec, yes, taken);
        err = merge_branch(exec, merge, then);
    }
    exec_select(exec, no, left);
    return err;
}

static int step_case(struct exec *exec, const struct expr *expr, const struct vec **out) {
    struct kept kept = keep(exec);
    struct merge merge = merge_begin(exec, expr->cnt / 2 + 1);
    int err = 0;
    uint32_t at = 0;
    for (; at + 1 < expr->cnt && !err && exec->ctx.live; at += 2)
        err = case_when(exec, &merge, expr->kid[at], expr->kid[at + 1]);
    if (!err && exec->ctx.live && expr->cnt % 2)
        err = merge_branch(exec, &merge, expr->kid[expr->cnt - 1]);
    restore(exec, kept);
    if (!err) *out = merge_end(exec, &merge, expr->type);
    return err;
}

static int step_coalesce(struct exec *exec, const struct expr *expr, const struct vec **out) {
    struct kept kept = keep(exec);
    struct merge merge = merge_begin(exec, expr->cnt);
    int err = 0;
    for (uint32_t i = 0; i < expr->cnt && exec->ctx.live && !err; i++) {
        err = merge_branch(exec, &merge, expr->kid[i]);
        if (err) break;
        const struct vec *vec = merge.src[i];
        uint32_t *sel = arena_alloc(exec->ctx.arena, exec->ctx.live * sizeof *sel), live = 0;
        FUNC_EACH(&exec->ctx, row)
            if (vec_null(vec, row)) sel[live++] = row;
        if (i == 0 && !live) { /* the usual case: nothing to merge */
            restore(exec, kept);
            *out = vec;
            return 0;
        }
        exec_select(exec, sel, live);
    }
    restore(exec, kept);
    if (!err) *out = merge_end(exec, &merge, expr->type);
    return err;
}

static int step_let(struct exec *exec, const struct expr *expr, const struct vec **out) {
    if (!exec->slot) exec->slot = arena_array(exec->ctx.arena, const struct vec *, EXEC_SLOT_MAX);
    int err = exec_eval(exec, expr->kid[0], &exec->slot[expr->slot]);
    return err ? err : exec_eval(exec, expr->kid[1], out);
}

static int step_ref(struct exec *exec, const struct expr *expr, const struct vec **out) {
    *out = exec->slot[expr->slot];
    return 0;
}

int exec_eval(struct exec *exec, const struct expr *expr, const struct vec **out) {
    static step_fn *const steps[] = {
        [EXPR_CONST] = step_const, [EXPR_PATH] = step_path,         [EXPR_FIELD] = step_field,
        [EXPR_CALL] = step_call,   [EXPR_AND] = step_both,          [EXPR_OR] = step_both,
        [EXPR_CASE] = step_case,   [EXPR_COALESCE] = step_coalesce, [EXPR_LET] = step_let,
        [EXPR_REF] = step_ref,
    };
    return steps[expr->kind](exec, expr, out);
}

const struct vec *exec_fold(struct arena *arena, const struct expr *expr) {
    struct exec exec;
    const struct vec *vec = NULL;
    exec_init(&exec, arena, NULL, 1);
    if (exec_eval(&exec, expr, &vec) || exec.ctx.failed) return NULL;
    struct vec *value = arena_new(arena, struct vec);
    *value = *vec;
    value->stride = 0;
    value->cnt = 1;
    return value;
}

uint32_t exec_filter(struct exec *exec, const struct vec *flag, uint32_t **sel) {
    uint32_t live = 0;
    *sel = arena_alloc(exec->ctx.arena, exec->ctx.live * sizeof **sel);
    FUNC_EACH(&exec->ctx, row) {
        bool failed = exec->ctx.failed && exec->ctx.failed[row];
        (*sel)[live] = row;
        live += !failed && is_true(flag, row);
    }
    return live;
}
