/* fn_core.c - comparisons, tests for NULL, IN, struct(), array() and a[i]. */
#include <stdlib.h>

#include "stream/op/compare.h"
#include "stream/op/func_table.h"
#include "stream/op/take.h"

#define ARRAY_WORK_MAX (1u << 25) /* values array() may copy in one batch */

/* ---- comparisons ---- */

static int types_order(struct func_call *call) {
    if (call->arg_cnt && !compare_can(call->arg[0].type))
        return func_wrong(call, 0, "values of type %s have no order and cannot be compared",
                          type_name(call->arg[0].type->kind));
    return 0;
}

#define EACH_PAIR(member, op)                                                                     \
    FUNC_EACH(ctx, row)                                                                           \
        out->b[row] = a->member[vec_at(a, row)] op b->member[vec_at(b, row)]

#define COMPARISON(name, op)                                                                      \
    static int name(void *state UNUSED, struct func_ctx *ctx, const struct vec *const *arg,       \
                    struct vec *out) {                                                            \
        const struct vec *a = arg[0], *b = arg[1];                                                \
        switch (a->type->kind) {                                                                  \
        case TYPE_I32:                                                                            \
        case TYPE_DATE: EACH_PAIR(i32, op); break;                                                \
        case TYPE_I64:                                                                            \
        case TYPE_TIMESTAMP: EACH_PAIR(i64, op); break;                                           \
        default:                                                                                  \
            FUNC_EACH(ctx, row) out->b[row] = compare_values(a, row, b, row) op 0;                \
        }                                                                                         \
        return 0;                                                                                 \
    }

COMPARISON(eval_less, <)
COMPARISON(eval_less_same, <=)
COMPARISON(eval_more, >)
COMPARISON(eval_more_same, >=)

static void same(struct func_ctx *ctx, const struct vec *a, const struct vec *b, struct vec *out,
                 uint8_t when) {
    switch (a->type->kind) {
    case TYPE_I32:
    case TYPE_DATE: EACH_PAIR(i32, ==) ? when : !when; break;
    case TYPE_I64:
    case TYPE_TIMESTAMP: EACH_PAIR(i64, ==) ? when : !when; break;
    case TYPE_STRING:
        FUNC_EACH(ctx, row) out->b[row] = str_eq(func_str(a, row), func_str(b, row)) == when;
        break;
    default: FUNC_EACH(ctx, row) out->b[row] = (compare_values(a, row, b, row) == 0) == when;
    }
}

static int eval_same(void *state UNUSED, struct func_ctx *ctx, const struct vec *const *arg,
                     struct vec *out) {
    same(ctx, arg[0], arg[1], out, 1);
    return 0;
}

static int eval_differ(void *state UNUSED, struct func_ctx *ctx, const struct vec *const *arg,
                       struct vec *out) {
    same(ctx, arg[0], arg[1], out, 0);
    return 0;
}

static int eval_same_null(void *state UNUSED, struct func_ctx *ctx, const struct vec *const *arg,
                          struct vec *out) {
    FUNC_EACH(ctx, row) {
        bool a = vec_null(arg[0], row), b = vec_null(arg[1], row);
        out->b[row] = a || b ? a && b : compare_values(arg[0], row, arg[1], row) == 0;
    }
    return 0;
}

/* ---- tests ---- */

static int eval_not(void *state UNUSED, struct func_ctx *ctx, const struct vec *const *arg,
                    struct vec *out) {
    FUNC_EACH(ctx, row) out->b[row] = !func_bool(arg[0], row);
    return 0;
}

static int eval_isnull(void *state UNUSED, struct func_ctx *ctx, const struct vec *const *arg,
                       struct vec *out) {
    bool void_type = arg[0]->type->kind == TYPE_NULL;
    FUNC_EACH(ctx, row) out->b[row] = void_type || vec_null(arg[0], row);
    return 0;
}

static int eval_isnotnull(void *state UNUSED, struct func_ctx *ctx, const struct vec *const *arg,
                          struct vec *out) {
    bool void_type = arg[0]->type->kind == TYPE_NULL;
    FUNC_EACH(ctx, row) out->b[row] = !void_type && !vec_null(arg[0], row);
    return 0;
}

static int eval_istrue(void *state UNUSED, struct func_ctx *ctx, const struct vec *const *arg,
                       struct vec *out) {
    FUNC_EACH(ctx, row) out->b[row] = !vec_null(arg[0], row) && func_bool(arg[0], row);
    return 0;
}

static int eval_isfalse(void *state UNUSED, struct func_ctx *ctx, const struct vec *const *arg,
                        struct vec *out) {
    FUNC_EACH(ctx, row) out->b[row] = !vec_null(arg[0], row) && !func_bool(arg[0], row);
    return 0;
}

/* ---- IN ---- */

/* The list sorted, when it is of constants; NULLs apart. */
struct in_list {
    const struct vec **value;
    uint32_t cnt;
    bool has_null;
};

static int order_values(const void *a, const void *b) {
    return compare_values(*(const struct vec *const *)a, 0, *(const struct vec *const *)b, 0);
}

static int bind_in(struct func_call *call) {
    struct in_list *list = arena_new(call->arena, struct in_list);
    list->value = arena_array(call->arena, const struct vec *, call->arg_cnt);
    for (uint32_t i = 1; i < call->arg_cnt; i++) {
        if (!call->arg[i].value) return 0; /* not all constant: eval compares one by one */
        if (func_const(call, i)) list->value[list->cnt++] = call->arg[i].value;
        else list->has_null = true;
    }
    qsort(list->value, list->cnt, sizeof *list->value, order_values);
    call->state = list;
    return 0;
}

static bool in_sorted(const struct in_list *list, const struct vec *vec, uint32_t row) {
    uint32_t low = 0, high = list->cnt;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        int order = compare_values(vec, row, list->value[mid], 0);
        if (order == 0) return true;
        if (order < 0) high = mid;
        else low = mid + 1;
    }
    return false;
}

/* No match: NULL when the value or one of the list is NULL. */
static int eval_in(void *state, struct func_ctx *ctx, const struct vec *const *arg,
                   struct vec *out) {
    const struct in_list *list = state;
    FUNC_EACH(ctx, row) {
        bool null = vec_null(arg[0], row), found = false;
        if (list && !null) {
            found = in_sorted(list, arg[0], row);
            null = !found && list->has_null;
        }
        for (uint32_t i = 1; !list && i < ctx->arg_cnt && !found && !vec_null(arg[0], row); i++) {
            bool none = vec_null(arg[i], row);
            found = !none && compare_values(arg[0], row, arg[i], row) == 0;
            null = null || none;
        }
        out->b[row] = found;
        if (null && !found) func_null(ctx, out, row);
    }
    return 0;
}

/* ---- struct(), array(), a[i] ---- */

static int eval_struct(void *state UNUSED, struct func_ctx *ctx, const struct vec *const *arg,
                       struct vec *out) {
    for (uint32_t i = 0; i < ctx->arg_cnt; i++)
        out->kid[i] = (struct vec *)(uintptr_t)arg[i]; /* shared; nobody writes into a result */
    return 0;
}

static int types_array(struct func_call *call) {
    const struct type *item = call->arg_cnt ? call->arg[0].type : type_of(TYPE_NULL);
    call->type = type_array(call->arena, item);
    return 0;
}

/* Values in a column's lists, at all levels. */
static size_t weight(const struct vec *vec) {
    size_t sum = 0;
    bool list = vec->type->kind == TYPE_ARRAY || vec->type->kind == TYPE_MAP;
    uint32_t kids = list ? 2 : vec->type->kind == TYPE_STRUCT ? vec->type->field_cnt : 0;
    for (uint32_t i = 0; i < kids; i++)
        if (vec->kid[i]) sum += (list ? vec->kid[i]->cnt : 0) + weight(vec->kid[i]);
    return sum;
}

static bool too_heavy(struct func_ctx *ctx, const struct vec *const *arg) {
    size_t sum = (size_t)ctx->live * ctx->arg_cnt;
    for (uint32_t i = 0; i < ctx->arg_cnt; i++)
        sum += weight(arg[i]) * (arg[i]->stride ? 1 : ctx->live);
    if (sum <= ARRAY_WORK_MAX) return false;
    FUNC_EACH(ctx, row) func_error(ctx, row, "array(): more than %u values in one batch",
                                   ARRAY_WORK_MAX);
    return true;
}

static int eval_array(void *state UNUSED, struct func_ctx *ctx, const struct vec *const *arg,
                      struct vec *out) {
    uint32_t total = ctx->live * ctx->arg_cnt, put = 0;
    uint8_t *which = arena_alloc(ctx->arena, total);
    uint32_t *from = arena_alloc(ctx->arena, total * sizeof *from);
    struct func_list list;
    func_list_begin(&list, ctx, out);
    if (too_heavy(ctx, arg)) {
        func_list_end(&list);
        return 0;
    }
    FUNC_EACH(ctx, row) {
        func_list_row(&list, row);
        for (uint32_t i = 0; i < ctx->arg_cnt; i++) {
            which[put] = (uint8_t)i;
            from[put++] = row;
        }
        func_list_skip(&list, ctx->arg_cnt);
    }
    if (ctx->arg_cnt)
        out->kid[0] = take_rows(ctx->arena, out->type->item, arg, which, from, put);
    func_list_end(&list);
    return 0;
}

static int types_at(struct func_call *call) {
    const struct type *of = call->arg[0].type;
    if (of->kind == TYPE_ARRAY) {
        const struct type *index = call->arg[1].type;
        if (!type_is_int(index) && index->kind != TYPE_NULL)
            return func_wrong(call, 1, "an array's index is an integer, not %s",
                              type_name(index->kind));
        call->arg[1].type = type_of(TYPE_I64);
        call->type = of->item;
        return 0;
    }
    if (of->kind == TYPE_MAP) {
        call->arg[1].type = of->key;
        call->type = of->item;
        return 0;
    }
    return func_wrong(call, 0, "[..] takes an array or a map, not %s", type_name(of->kind));
}

static uint32_t find_key(const struct vec *map, uint32_t row, const struct vec *key) {
    uint32_t at = vec_at(map, row);
    for (uint32_t i = map->off[at]; i < map->off[at + 1]; i++)
        if (compare_values(map->kid[0], i, key, row) == 0) return i;
    return TAKE_NULL;
}

static uint32_t find_index(struct func_ctx *ctx, const struct vec *list, uint32_t row,
                           int64_t index) {
    uint32_t at = vec_at(list, row), len = list->off[at + 1] - list->off[at];
    if (index >= 0 && index < len) return list->off[at] + (uint32_t)index;
    func_error(ctx, row, "[INVALID_ARRAY_INDEX] the index %" PRId64 " is out of bounds, the array "
               "has %u elements; use get() to get NULL instead", index, len);
    return TAKE_NULL;
}

static int eval_at(void *state UNUSED, struct func_ctx *ctx, const struct vec *const *arg,
                   struct vec *out) {
    bool map = arg[0]->type->kind == TYPE_MAP;
    uint32_t *from = arena_alloc(ctx->arena, ctx->cnt * sizeof *from);
    memset(from, 0xff, ctx->cnt * sizeof *from); /* TAKE_NULL */
    FUNC_EACH(ctx, row)
        from[row] = map ? find_key(arg[0], row, arg[1])
                        : find_index(ctx, arg[0], row, func_i64(arg[1], row));
    const struct vec *items = arg[0]->kid[map];
    if (!items) items = batch_nulls(ctx->arena, out->type, 1);
    *out = *take_rows(ctx->arena, out->type, &items, NULL, from, ctx->cnt);
    return 0;
}

const struct func fn_core[] = {
    {"=", "==:b", eval_same, 0, types_order, NULL},
    {"!=", "==:b", eval_differ, 0, types_order, NULL},
    {"<", "==:b", eval_less, 0, types_order, NULL},
    {"<=", "==:b", eval_less_same, 0, types_order, NULL},
    {">", "==:b", eval_more, 0, types_order, NULL},
    {">=", "==:b", eval_more_same, 0, types_order, NULL},
    {"<=>", "==:b", eval_same_null, FUNC_NULLS, types_order, NULL},
    {"equal_null", "==:b", eval_same_null, FUNC_NULLS, types_order, NULL},
    {"not", "b:b", eval_not, 0, NULL, NULL},
    {"isnull", "a:b", eval_isnull, FUNC_NULLS, NULL, NULL},
    {"isnotnull", "a:b", eval_isnotnull, FUNC_NULLS, NULL, NULL},
    {"istrue", "b:b", eval_istrue, FUNC_NULLS, NULL, NULL},
    {"isfalse", "b:b", eval_isfalse, FUNC_NULLS, NULL, NULL},
    {"isunknown", "b:b", eval_isnull, FUNC_NULLS, NULL, NULL},
    {"in", "==*:b", eval_in, FUNC_NULLS, types_order, bind_in},
    {"struct", "a*:-", eval_struct, FUNC_NULLS, NULL, NULL},
    {"array", "=*:-", eval_array, FUNC_NULLS, types_array, NULL},
    {"[]", "aa:-", eval_at, 0, types_at, NULL},
    {NULL, NULL, NULL, 0, NULL, NULL},
};
