/* fn_listset.c - arrays as sets: distinct, union, intersection, difference, overlap.
 *
 * Items are looked up by their hash, so that an array of a million items costs a million steps. A
 * NULL equals a NULL here. */
#include "stream/op/chars.h"
#include "stream/op/compare.h"
#include "stream/op/func_table.h"
#include "stream/op/gather.h"
#include "stream/op/hash.h"
#include "stream/plan/coerce.h"

/* Items met in a row: open addressing, a stamp instead of clearing. */
struct seen {
    const struct vec *vec; /* whose items the slots name */
    uint32_t *slot;        /* item + 1 */
    uint32_t *stamp;
    uint32_t mask, now;
    bool null;
};

static void seen_row(struct seen *seen, struct arena *arena, uint32_t items) {
    uint32_t size = 16;
    while (size < items * 2 && size < 1u << 30) size *= 2;
    if (size > seen->mask + 1) {
        seen->slot = arena_alloc(arena, size * sizeof *seen->slot);
        seen->stamp = arena_calloc(arena, size, sizeof *seen->stamp);
        seen->mask = size - 1;
        seen->now = 0;
    }
    seen->now++;
    seen->null = false;
}

/* Is item `i` of `vec` there? When not, and `keep`, it is put in; then vec is seen->vec. */
static bool seen_item(struct seen *seen, const struct vec *vec, uint32_t i, bool keep) {
    if (vec->type->kind == TYPE_NULL || vec_null(vec, i)) {
        bool was = seen->null;
        seen->null = was || keep;
        return was;
    }
    uint32_t at = (uint32_t)hash_xx(vec, i, HASH_SEED) & seen->mask;
    for (; seen->stamp[at] == seen->now; at = (at + 1) & seen->mask)
        if (compare_values(seen->vec, seen->slot[at], vec, i) == 0) return true;
    if (keep) {
        seen->stamp[at] = seen->now;
        seen->slot[at] = i;
    }
    return false;
}

static uint32_t list_len(const struct vec *vec, uint32_t row) {
    uint32_t to, from = gather_from(vec, row, &to);
    return to - from;
}

static int types_set(struct func_call *call) {
    const struct type *type = call->arg[0].type;
    for (uint32_t i = 1; i < call->arg_cnt; i++) {
        type = coerce_common(call->arena, type, call->arg[i].type);
        if (!type) return func_wrong(call, i, "the arrays have items of different types");
    }
    if (type->kind == TYPE_NULL) type = type_array(call->arena, type);
    if (!compare_can(type->item)) return func_wrong(call, 0, "its items cannot be compared");
    for (uint32_t i = 0; i < call->arg_cnt; i++) call->arg[i].type = type;
    if (!call->type) call->type = type;
    return 0;
}

EVAL(eval_distinct) {
    struct gather gather;
    struct seen seen = {.vec = arg[0]->kid[0]};
    gather_begin(&gather, ctx, out);
    FUNC_EACH(ctx, row) {
        uint32_t to, i = gather_from(arg[0], row, &to);
        seen_row(&seen, ctx->arena, to - i);
        gather_row(&gather, row);
        for (; i < to; i++)
            if (!seen_item(&seen, seen.vec, i, true)) gather_add(&gather, 0, i);
    }
    gather_end(&gather, &seen.vec);
    return 0;
}

/* The first array's items, each once; then the second's that are not in it. */
EVAL(eval_union) {
    struct gather gather;
    const struct vec *kids[] = {arg[0]->kid[0], arg[1]->kid[0]};
    struct seen first = {.vec = kids[0]}, second = {.vec = kids[1]};
    gather_begin(&gather, ctx, out);
    FUNC_EACH(ctx, row) {
        uint32_t to, i = gather_from(arg[0], row, &to);
        seen_row(&first, ctx->arena, to - i);
        gather_row(&gather, row);
        for (; i < to; i++)
            if (!seen_item(&first, kids[0], i, true)) gather_add(&gather, 0, i);
        i = gather_from(arg[1], row, &to);
        seen_row(&second, ctx->arena, to - i);
        for (; i < to; i++)
            if (!seen_item(&first, kids[1], i, false) && !seen_item(&second, kids[1], i, true))
                gather_add(&gather, 1, i);
    }
    gather_end(&gather, kids);
    return 0;
}

/* The first array's items, each once, that are in the second, or (not wanted) are not. */
static void filter(struct func_ctx *ctx, const struct vec *const *arg, struct vec *out,
                   bool wanted) {
    struct gather gather;
    const struct vec *kids[] = {arg[0]->kid[0], arg[1]->kid[0]};
    struct seen first = {.vec = kids[0]}, second = {.vec = kids[1]};
    gather_begin(&gather, ctx, out);
    FUNC_EACH(ctx, row) {
        uint32_t to, i = gather_from(arg[1], row, &to);
        seen_row(&second, ctx->arena, to - i);
        for (; i < to; i++) seen_item(&second, kids[1], i, true);
        i = gather_from(arg[0], row, &to);
        seen_row(&first, ctx->arena, to - i);
        gather_row(&gather, row);
        for (; i < to; i++)
            if (seen_item(&second, kids[0], i, false) == wanted &&
                !seen_item(&first, kids[0], i, true))
                gather_add(&gather, 0, i);
    }
    gather_end(&gather, kids);
}

EVAL(eval_intersect) {
    filter(ctx, arg, out, true);
    return 0;
}
EVAL(eval_except) {
    filter(ctx, arg, out, false);
    return 0;
}

/* No item in common, but a NULL on a side (and neither empty): NULL. */
EVAL(eval_overlap) {
    const struct vec *kids[] = {arg[0]->kid[0], arg[1]->kid[0]};
    struct seen first = {.vec = kids[0]};
    FUNC_EACH(ctx, row) {
        uint32_t to, i = gather_from(arg[0], row, &to);
        bool null = false, hit = false, both = list_len(arg[0], row) && list_len(arg[1], row);
        seen_row(&first, ctx->arena, to - i);
        for (; i < to; i++) seen_item(&first, kids[0], i, true);
        for (i = gather_from(arg[1], row, &to); i < to && !hit; i++) {
            bool none = kids[1]->type->kind == TYPE_NULL || vec_null(kids[1], i);
            null = null || none;
            hit = !none && seen_item(&first, kids[1], i, false);
        }
        out->b[row] = hit;
        if (!hit && both && (null || first.null)) func_null(ctx, out, row);
    }
    return 0;
}

const struct func fn_listset[] = {
    {"array_distinct", "[:-", eval_distinct, 0, types_set, NULL},
    {"array_union", "[[:-", eval_union, 0, types_set, NULL},
    {"array_intersect", "[[:-", eval_intersect, 0, types_set, NULL},
    {"array_except", "[[:-", eval_except, 0, types_set, NULL},
    {"arrays_overlap", "[[:b", eval_overlap, 0, types_set, NULL},
    {NULL, NULL, NULL, 0, NULL, NULL},
};
