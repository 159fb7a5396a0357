/* fn_list.c - arrays: size, search, order, parts. Sets of arrays are in fn_listset.c. */
#include <stdlib.h>

#include "stream/op/chars.h"
#include "stream/op/compare.h"
#include "stream/op/func_table.h"
#include "stream/op/gather.h"
#include "stream/op/take.h"
#include "stream/plan/coerce.h"

/* ---- types ---- */

/* The array's own type; of VOID an array of VOID. */
static const struct type *list_type(struct func_call *call, uint32_t arg) {
    const struct type *type = call->arg[arg].type;
    if (type->kind == TYPE_NULL) type = type_array(call->arena, type_of(TYPE_NULL));
    call->arg[arg].type = type;
    return type;
}

static int types_same(struct func_call *call) {
    call->type = list_type(call, 0);
    if (call->arg_cnt > 1 && call->arg[1].type->kind == TYPE_NULL)
        call->arg[1].type = type_of(TYPE_BOOL);
    return 0;
}

static int types_slice(struct func_call *call) {
    call->type = list_type(call, 0);
    return 0;
}

static int types_order(struct func_call *call) {
    if (!compare_can(list_type(call, 0)->item))
        return func_wrong(call, 0, "its items have no order");
    return types_same(call);
}

/* An array and a value of its items' type: both become what they meet in. */
static int types_item(struct func_call *call) {
    const struct type *list = list_type(call, 0), *value = call->arg[1].type;
    const struct type *both = coerce_common(call->arena, list->item, value);
    bool text = (list->item->kind == TYPE_STRING) != (value->kind == TYPE_STRING);
    if (text && list->item->kind != TYPE_NULL && value->kind != TYPE_NULL) both = NULL;
    if (!both)
        return func_wrong(call, 1, "an item of the array is %s, the value is %s",
                          type_name(list->item->kind), type_name(value->kind));
    call->arg[0].type = type_array(call->arena, both);
    call->arg[1].type = both;
    return 0;
}

static int types_find(struct func_call *call) {
    if (call->arg[1].type->kind == TYPE_NULL)
        return func_wrong(call, 1, "what is looked for is NULL, which equals nothing");
    int err = types_item(call);
    if (!err && !compare_can(call->arg[1].type))
        err = func_wrong(call, 1, "values of this type cannot be compared");
    return err;
}

static int types_find_list(struct func_call *call) {
    int err = types_find(call);
    call->type = call->arg[0].type;
    return err;
}

static int types_item_list(struct func_call *call) {
    int err = types_item(call);
    call->type = call->arg[0].type;
    return err;
}

static int types_one(struct func_call *call) {
    int err = types_order(call);
    call->type = call->arg[0].type->item;
    return err;
}

/* ---- size ---- */

static int types_size(struct func_call *call) {
    enum type_kind kind = call->arg[0].type->kind;
    if (kind == TYPE_ARRAY || kind == TYPE_MAP) return 0;
    if (kind == TYPE_NULL) return list_type(call, 0), 0;
    return func_wrong(call, 0, "size takes an array or a map, not %s", type_name(kind));
}

EVAL(eval_size) {
    FUNC_EACH(ctx, row) {
        uint32_t to, from = gather_from(arg[0], row, &to);
        out->i32[row] = (int32_t)(to - from);
    }
    return 0;
}

/* ---- search ---- */

/* The place of the value in the row's array, from 0; *null: a NULL was passed. */
static uint32_t find(const struct vec *list, const struct vec *value, uint32_t row, bool *null) {
    uint32_t to, from = gather_from(list, row, &to);
    *null = false;
    for (uint32_t i = from; i < to; i++) {
        if (list->kid[0]->type->kind == TYPE_NULL || vec_null(list->kid[0], i)) *null = true;
        else if (compare_values(list->kid[0], i, value, row) == 0) return i - from;
    }
    return UINT32_MAX;
}

EVAL(eval_contains) {
    bool null;
    FUNC_EACH(ctx, row) {
        out->b[row] = find(arg[0], arg[1], row, &null) != UINT32_MAX;
        if (!out->b[row] && null) func_null(ctx, out, row);
    }
    return 0;
}

EVAL(eval_position) {
    bool null;
    FUNC_EACH(ctx, row) out->i64[row] = (int64_t)(uint32_t)(find(arg[0], arg[1], row, &null) + 1);
    return 0;
}

EVAL(eval_remove) {
    struct gather gather;
    const struct vec *items = arg[0]->kid[0];
    gather_begin(&gather, ctx, out);
    FUNC_EACH(ctx, row) {
        uint32_t to, i = gather_from(arg[0], row, &to);
        gather_row(&gather, row);
        for (; i < to; i++)
            if (vec_null(items, i) || compare_values(items, i, arg[1], row) != 0)
                gather_add(&gather, 0, i);
    }
    gather_end(&gather, &items);
    return 0;
}

EVAL(eval_compact) {
    struct gather gather;
    const struct vec *items = arg[0]->kid[0];
    gather_begin(&gather, ctx, out);
    FUNC_EACH(ctx, row) {
        uint32_t to, i = gather_from(arg[0], row, &to);
        gather_row(&gather, row);
        for (; i < to; i++)
            if (items->type->kind != TYPE_NULL && !vec_null(items, i)) gather_add(&gather, 0, i);
    }
    gather_end(&gather, &items);
    return 0;
}

/* ---- one item ---- */

static void extreme(struct func_ctx *ctx, const struct vec *const *arg, struct vec *out,
                    int sign) {
    const struct vec *items = arg[0]->kid[0];
    uint32_t *pick = arena_alloc(ctx->arena, ctx->cnt * sizeof *pick);
    memset(pick, 0xff, ctx->cnt * sizeof *pick); /* TAKE_NULL */
    FUNC_EACH(ctx, row) {
        uint32_t to, i = gather_from(arg[0], row, &to);
        for (; i < to; i++) {
            if (items->type->kind == TYPE_NULL || vec_null(items, i)) continue;
            if (pick[row] == TAKE_NULL || compare_values(items, i, items, pick[row]) * sign > 0)
                pick[row] = i;
        }
    }
    *out = *take_rows(ctx->arena, out->type, &items, NULL, pick, ctx->cnt);
}

EVAL(eval_max) {
    extreme(ctx, arg, out, 1);
    return 0;
}
EVAL(eval_min) {
    extreme(ctx, arg, out, -1);
    return 0;
}

static int types_element(struct func_call *call) {
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
    if (of->kind != TYPE_MAP)
        return func_wrong(call, 0, "%s takes an array or a map, not %s", call->func->name,
                          type_name(of->kind));
    const struct type *key = coerce_common(call->arena, of->key, call->arg[1].type);
    if (!key || call->arg[1].type->kind == TYPE_NULL)
        return func_wrong(call, 1, "the map's keys are %s", type_name(of->key->kind));
    call->arg[0].type = type_map(call->arena, key, of->item);
    call->arg[1].type = key;
    call->type = of->item;
    return 0;
}

/* What happens out of bounds: an error, or NULL. */
static int bind_soft(struct func_call *call) {
    static const char soft[] = "soft";
    if (call->func->name[0] == 't' || call->func->name[0] == 'g')
        call->state = (void *)(uintptr_t)soft;
    return 0;
}

static uint32_t by_index(void *soft, struct func_ctx *ctx, const struct vec *list, uint32_t row,
                         int64_t index, bool from_zero) {
    uint32_t to, from = gather_from(list, row, &to), len = to - from;
    int64_t at = from_zero ? index : index > 0 ? index - 1 : (int64_t)len + index;
    bool zero = !from_zero && index == 0;
    if (!zero && at >= 0 && at < len) return from + (uint32_t)at;
    if (zero)
        func_error(ctx, row, "[INVALID_INDEX_OF_ZERO] items are counted from 1, or from the end by "
                   "-1");
    else if (!soft)
        func_error(ctx, row, "[INVALID_ARRAY_INDEX_IN_ELEMENT_AT] the index %" PRId64 " is out of "
                   "bounds, the array has %u items; try_element_at gives NULL", index, len);
    return TAKE_NULL;
}

static uint32_t by_key(const struct vec *map, uint32_t row, const struct vec *key) {
    uint32_t to, i = gather_from(map, row, &to);
    for (; i < to; i++)
        if (compare_values(map->kid[0], i, key, row) == 0) return i;
    return TAKE_NULL;
}

static void take_element(void *soft, struct func_ctx *ctx, const struct vec *const *arg,
                         struct vec *out, bool from_zero) {
    bool map = arg[0]->type->kind == TYPE_MAP;
    const struct vec *items = arg[0]->kid[map];
    uint32_t *pick = arena_alloc(ctx->arena, ctx->cnt * sizeof *pick);
    memset(pick, 0xff, ctx->cnt * sizeof *pick); /* TAKE_NULL */
    FUNC_EACH(ctx, row)
        pick[row] = map ? by_key(arg[0], row, arg[1]) :
                          by_index(soft, ctx, arg[0], row, func_i64(arg[1], row), from_zero);
    *out = *take_rows(ctx->arena, out->type, &items, NULL, pick, ctx->cnt);
}

EVAL(eval_element_at) {
    take_element(state, ctx, arg, out, false);
    return 0;
}
EVAL(eval_get) {
    take_element(state, ctx, arg, out, true);
    return 0;
}

/* ---- order ---- */

struct order {
    const struct vec *items;
    bool down, nulls_last;
};

static int by_value(const void *a, const void *b, void *by) {
    const struct order *order = by;
    uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
    bool null_i = vec_null(order->items, i), null_j = vec_null(order->items, j);
    if (null_i || null_j) return (null_i - null_j) * (order->nulls_last ? 1 : -1);
    int cmp = compare_values(order->items, i, order->items, j);
    return order->down ? -cmp : cmp;
}

static void sort_rows(struct func_ctx *ctx, const struct vec *const *arg, struct vec *out,
                      bool always_last) {
    struct gather gather;
    const struct vec *items = arg[0]->kid[0];
    gather_begin(&gather, ctx, out);
    FUNC_EACH(ctx, row) {
        uint32_t first = gather.cnt;
        struct order order = {items, ctx->arg_cnt > 1 && !func_bool(arg[1], row), always_last};
        order.nulls_last = order.nulls_last || order.down;
        gather_row(&gather, row);
        gather_all(&gather, 0, arg[0], row);
        if (items->type->kind != TYPE_NULL && gather.cnt > first)
            qsort_r(gather.row + first, gather.cnt - first, sizeof *gather.row, by_value, &order);
    }
    gather_end(&gather, &items);
}

EVAL(eval_sort) {
    sort_rows(ctx, arg, out, false);
    return 0;
}
EVAL(eval_sort_last) {
    sort_rows(ctx, arg, out, true);
    return 0;
}

static void reverse_lists(struct func_ctx *ctx, const struct vec *const *arg, struct vec *out) {
    struct gather gather;
    const struct vec *items = arg[0]->kid[0];
    gather_begin(&gather, ctx, out);
    FUNC_EACH(ctx, row) {
        uint32_t to, from = gather_from(arg[0], row, &to);
        gather_row(&gather, row);
        while (to > from) gather_add(&gather, 0, --to);
    }
    gather_end(&gather, &items);
}

/* Of an array, or of text by characters. */
static int types_reverse(struct func_call *call) {
    if (call->arg[0].type->kind == TYPE_ARRAY) return types_slice(call);
    if (call->arg[0].type->kind >= TYPE_STRUCT)
        return func_wrong(call, 0, "reverse takes text or an array");
    call->arg[0].type = call->type = type_of(TYPE_STRING);
    return 0;
}

EVAL(eval_reverse) {
    if (out->type->kind == TYPE_ARRAY) {
        reverse_lists(ctx, arg, out);
        return 0;
    }
    FUNC_EACH(ctx, row) {
        struct str text = func_str(arg[0], row);
        char *to = func_room(ctx, row, text.len);
        if (!to) continue;
        out->str[row] = (struct str){to, text.len};
        to += text.len;
        for (size_t at = 0, len; at < text.len; at += len) {
            len = chars_len(text, at);
            to -= len;
            memcpy(to, text.ptr + at, len);
        }
    }
    return 0;
}

/* ---- parts ---- */

EVAL(eval_slice) {
    struct gather gather;
    const struct vec *items = arg[0]->kid[0];
    gather_begin(&gather, ctx, out);
    FUNC_EACH(ctx, row) {
        uint32_t to, from = gather_from(arg[0], row, &to);
        int64_t start = func_i32(arg[1], row), len = func_i32(arg[2], row), cnt = to - from;
        gather_row(&gather, row);
        if (start == 0)
            func_error(ctx, row, "[INVALID_PARAMETER_VALUE.START] items are counted from 1");
        else if (len < 0)
            func_error(ctx, row, "[INVALID_PARAMETER_VALUE.LENGTH] the length is 0 or more");
        else {
            start = start > 0 ? start - 1 : cnt + start;
            for (int64_t i = start; start >= 0 && i < cnt && i < start + len; i++)
                gather_add(&gather, 0, from + (uint32_t)i);
        }
    }
    gather_end(&gather, &items);
    return 0;
}

static int types_flatten(struct func_call *call) {
    const struct type *type = call->arg[0].type;
    if (type->kind == TYPE_ARRAY && type->item->kind == TYPE_NULL)
        type = type_array(call->arena, type_array(call->arena, type_of(TYPE_NULL)));
    if (type->kind != TYPE_ARRAY || type->item->kind != TYPE_ARRAY)
        return func_wrong(call, 0, "flatten takes an array of arrays");
    call->arg[0].type = type;
    call->type = type->item;
    return 0;
}

/* A NULL among the arrays makes the whole NULL. */
EVAL(eval_flatten) {
    struct gather gather;
    const struct vec *lists = arg[0]->kid[0], *items = lists->kid ? lists->kid[0] : NULL;
    gather_begin(&gather, ctx, out);
    FUNC_EACH(ctx, row) {
        uint32_t to, from = gather_from(arg[0], row, &to);
        bool null = false;
        gather_row(&gather, row);
        for (uint32_t i = from; i < to; i++) null = null || vec_null(lists, i);
        for (uint32_t i = from; i < to && !null; i++) gather_all(&gather, 0, lists, i);
        if (null) func_null(ctx, out, row);
    }
    gather_end(&gather, &items);
    return 0;
}

static void put_beside(struct func_ctx *ctx, const struct vec *const *arg, struct vec *out,
                       bool before) {
    struct gather gather;
    gather_begin(&gather, ctx, out);
    FUNC_EACH(ctx, row) {
        gather_row(&gather, row);
        if (vec_null(arg[0], row)) {
            func_null(ctx, out, row);
            continue;
        }
        uint32_t value = arg[1]->type->kind == TYPE_NULL || vec_null(arg[1], row) ? TAKE_NULL : row;
        if (before) gather_add(&gather, 1, value);
        gather_all(&gather, 0, arg[0], row);
        if (!before) gather_add(&gather, 1, value);
    }
    const struct vec *src[] = {arg[0]->kid[0], arg[1]};
    if (!src[0]) src[0] = arg[1];
    gather_end(&gather, src);
}

EVAL(eval_append) {
    put_beside(ctx, arg, out, false);
    return 0;
}
EVAL(eval_prepend) {
    put_beside(ctx, arg, out, true);
    return 0;
}

/* ---- making ---- */

static int types_repeat(struct func_call *call) {
    call->arg[1].type = type_of(TYPE_I32);
    call->type = type_array(call->arena, call->arg[0].type);
    return 0;
}

EVAL(eval_repeat) {
    struct gather gather;
    gather_begin(&gather, ctx, out);
    FUNC_EACH(ctx, row) {
        gather_row(&gather, row);
        if (vec_null(arg[1], row)) {
            func_null(ctx, out, row);
            continue;
        }
        uint32_t value = arg[0]->type->kind == TYPE_NULL || vec_null(arg[0], row) ? TAKE_NULL : row;
        for (int32_t i = func_i32(arg[1], row); i > 0; i--) {
            if (ctx->failed && ctx->failed[row]) break;
            gather_add(&gather, 0, value);
        }
    }
    gather_end(&gather, arg);
    return 0;
}

static int types_sequence(struct func_call *call) {
    const struct type *type = coerce_common(call->arena, call->arg[0].type, call->arg[1].type);
    if (type && call->arg_cnt > 2) type = coerce_common(call->arena, type, call->arg[2].type);
    if (!type || !type_is_int(type))
        return func_wrong(call, 0, "sequence takes whole numbers; of dates it is not supported");
    for (uint32_t i = 0; i < call->arg_cnt; i++) call->arg[i].type = type_of(TYPE_I64);
    call->type = type_array(call->arena, type);
    return 0;
}

static void put_int(struct vec *vec, uint32_t at, int64_t v) {
    switch (vec->type->kind) {
    case TYPE_I8: vec->i8[at] = (int8_t)v; break;
    case TYPE_I16: vec->i16[at] = (int16_t)v; break;
    case TYPE_I32: vec->i32[at] = (int32_t)v; break;
    default: vec->i64[at] = v; break;
    }
}

EVAL(eval_sequence) {
    struct func_list list;
    func_list_begin(&list, ctx, out);
    FUNC_EACH(ctx, row) {
        int64_t from = func_i64(arg[0], row), to = func_i64(arg[1], row);
        int64_t step = ctx->arg_cnt > 2 ? func_i64(arg[2], row) : from <= to ? 1 : -1;
        func_list_row(&list, row);
        bool good = step > 0 ? from <= to : step < 0 ? from >= to : from == to;
        if (!good) {
            func_error(ctx, row, "a sequence from %" PRId64 " to %" PRId64 " cannot go by %" PRId64,
                       from, to, step);
            continue;
        }
        uint64_t far = from <= to ? (uint64_t)to - (uint64_t)from : (uint64_t)from - (uint64_t)to;
        uint64_t by = step < 0 ? 0 - (uint64_t)step : (uint64_t)step;
        if (by && far / by >= (FUNC_WORK_MAX - ctx->work) / sizeof(int64_t)) {
            func_error(ctx, row, "a sequence from %" PRId64 " to %" PRId64 " by %" PRId64
                       " has too many items", from, to, step);
            continue;
        }
        ctx->work += by ? (size_t)(far / by + 1) * sizeof(int64_t) : 0;
        for (int64_t v = from; step >= 0 ? v <= to : v >= to;) {
            uint32_t at = func_list_add(&list);
            if (at == UINT32_MAX) break;
            put_int(list.kid, at, v);
            if (!step || __builtin_add_overflow(v, step, &v)) break;
        }
    }
    func_list_end(&list);
    return 0;
}

/* ---- array_join ---- */

static int types_join(struct func_call *call) {
    list_type(call, 0);
    call->arg[0].type = type_array(call->arena, type_of(TYPE_STRING));
    return 0;
}

EVAL(eval_join) {
    const struct vec *items = arg[0]->kid[0];
    FUNC_EACH(ctx, row) {
        uint32_t to, from = gather_from(arg[0], row, &to);
        struct str sep = func_str(arg[1], row), null = STR_NULL;
        if (ctx->arg_cnt > 2) null = func_str(arg[2], row);
        size_t len = 0;
        for (uint32_t i = from; i < to; i++)
            len += sep.len + (vec_null(items, i) ? null.len : func_str(items, i).len);
        char *put = func_room(ctx, row, len), *start = put;
        if (!put) continue;
        bool first = true;
        for (uint32_t i = from; i < to; i++) {
            struct str part = vec_null(items, i) ? null : func_str(items, i);
            if (!part.ptr) continue;
            if (!first) memcpy(put, sep.ptr, sep.len);
            if (!first) put += sep.len;
            memcpy(put, part.ptr, part.len);
            put += part.len;
            first = false;
        }
        out->str[row] = func_trim(ctx, start, put);
    }
    return 0;
}

const struct func fn_list[] = {
    {"size", "a:i", eval_size, 0, types_size, NULL},
    {"cardinality", "a:i", eval_size, 0, types_size, NULL},
    {"array_size", "[:i", eval_size, 0, types_size, NULL},
    {"array_contains", "[a:b", eval_contains, 0, types_find, NULL},
    {"array_position", "[a:l", eval_position, 0, types_find, NULL},
    {"array_remove", "[a:-", eval_remove, 0, types_find_list, NULL},
    {"array_compact", "[:-", eval_compact, 0, types_same, NULL},
    {"array_max", "[:-", eval_max, 0, types_one, NULL},
    {"array_min", "[:-", eval_min, 0, types_one, NULL},
    {"element_at", "aa:-", eval_element_at, 0, types_element, bind_soft},
    {"try_element_at", "aa:-", eval_element_at, 0, types_element, bind_soft},
    {"get", "[a:-", eval_get, 0, types_element, bind_soft},
    {"sort_array", "[b?:-", eval_sort, 0, types_order, NULL},
    {"array_sort", "[:-", eval_sort_last, 0, types_order, NULL},
    {"reverse", "a:-", eval_reverse, 0, types_reverse, NULL},
    {"slice", "[ii:-", eval_slice, 0, types_slice, NULL},
    {"flatten", "[:-", eval_flatten, 0, types_flatten, NULL},
    {"array_append", "[a:-", eval_append, FUNC_NULLS, types_item_list, NULL},
    {"array_prepend", "[a:-", eval_prepend, FUNC_NULLS, types_item_list, NULL},
    {"array_repeat", "aa:-", eval_repeat, FUNC_NULLS, types_repeat, NULL},
    {"sequence", "aaa?:-", eval_sequence, 0, types_sequence, NULL},
    {"array_join", "[ss?:s", eval_join, 0, types_join, NULL},
    {NULL, NULL, NULL, 0, NULL, NULL},
};
