/* fn_map.c - maps: made of values, arrays or text, and taken apart.
 *
 * A key is never NULL and stands once: the row is a mistake otherwise, as in Spark. */
#include "stream/op/chars.h"
#include "stream/op/compare.h"
#include "stream/op/func_table.h"
#include "stream/op/gather.h"
#include "stream/op/take.h"
#include "stream/plan/coerce.h"

/* Entries picked for all rows: keys and values each from a source and a place. */
struct entries {
    struct gather key;
    uint8_t *value_which;
    uint32_t *value_row;
    uint32_t cap;
};

static void entries_begin(struct entries *entries, struct func_ctx *ctx, struct vec *out) {
    *entries = (struct entries){0};
    gather_begin(&entries->key, ctx, out);
}

static void entries_add(struct entries *entries, uint8_t key_which, uint32_t key_row,
                        uint8_t value_which, uint32_t value_row) {
    struct gather *key = &entries->key;
    uint32_t at = key->cnt;
    gather_add(key, key_which, key_row);
    if (key->cnt == at) return; /* over the limit, the row is marked */
    if (at == entries->cap) {
        uint32_t cap = key->cap;
        uint8_t *which = arena_alloc(key->ctx->arena, cap);
        uint32_t *row = arena_alloc(key->ctx->arena, cap * sizeof *row);
        if (at) memcpy(which, entries->value_which, at);
        if (at) memcpy(row, entries->value_row, at * sizeof *row);
        entries->value_which = which;
        entries->value_row = row;
        entries->cap = cap;
    }
    entries->value_which[at] = value_which;
    entries->value_row[at] = value_row;
}

static void entries_end(struct entries *entries, const struct vec *const *keys,
                        const struct vec *const *values) {
    struct gather *key = &entries->key;
    struct vec *out = key->list.out;
    struct arena *arena = key->ctx->arena;
    if (key->cnt) {
        out->kid[0] = take_rows(arena, out->type->key, keys, key->which, key->row, key->cnt);
        out->kid[1] = take_rows(arena, out->type->item, values, entries->value_which,
                                entries->value_row, key->cnt);
    }
    func_list_end(&key->list);
}

/* Checks the keys of all rows once the map is made. */
static void check_keys(struct func_ctx *ctx, const struct vec *out) {
    const struct vec *keys = out->kid[0];
    FUNC_EACH(ctx, row) {
        uint32_t to, from = gather_from(out, row, &to);
        for (uint32_t i = from; i < to; i++) {
            if (keys->type->kind == TYPE_NULL || vec_null(keys, i)) {
                func_error(ctx, row, "[NULL_MAP_KEY] a map's key cannot be NULL");
                break;
            }
            bool twice = false;
            for (uint32_t j = from; j < i && !twice; j++)
                twice = compare_values(keys, i, keys, j) == 0;
            if (twice) {
                func_error(ctx, row, "[DUPLICATED_MAP_KEY] a key of the map is given twice");
                break;
            }
        }
    }
}

#define KEY_MAX 4096 /* entries of a map made here: keys are compared with one another */

static bool few(struct func_ctx *ctx, uint32_t row, uint32_t cnt) {
    if (cnt <= KEY_MAX) return true;
    func_error(ctx, row, "a map of more than %d entries", KEY_MAX);
    return false;
}

/* ---- map(k, v, ...) ---- */

static int types_map(struct func_call *call) {
    const struct type *side[2] = {type_of(TYPE_NULL), type_of(TYPE_NULL)};
    if (call->arg_cnt % 2) return func_wrong(call, call->arg_cnt - 1, "a key without a value");
    for (uint32_t i = 0; i < call->arg_cnt; i++) {
        side[i % 2] = coerce_common(call->arena, side[i % 2], call->arg[i].type);
        if (!side[i % 2])
            return func_wrong(call, i, "the %s of a map are of one type",
                              i % 2 ? "values" : "keys");
    }
    if (!compare_can(side[0])) return func_wrong(call, 0, "values of this type cannot be keys");
    for (uint32_t i = 0; i < call->arg_cnt; i++) call->arg[i].type = side[i % 2];
    call->type = type_map(call->arena, side[0], side[1]);
    return 0;
}

EVAL(eval_map) {
    struct entries entries;
    entries_begin(&entries, ctx, out);
    FUNC_EACH(ctx, row) {
        gather_row(&entries.key, row);
        for (uint32_t i = 0; i + 1 < ctx->arg_cnt; i += 2)
            entries_add(&entries, (uint8_t)i, row, (uint8_t)(i + 1), row);
    }
    entries_end(&entries, arg, arg);
    check_keys(ctx, out);
    return 0;
}

/* ---- from arrays and entries ---- */

static int types_from_arrays(struct func_call *call) {
    for (uint32_t i = 0; i < 2; i++)
        if (call->arg[i].type->kind == TYPE_NULL)
            call->arg[i].type = type_array(call->arena, type_of(TYPE_NULL));
    const struct type *key = call->arg[0].type, *item = call->arg[1].type;
    if (key->kind != TYPE_ARRAY) return func_wrong(call, 0, "the keys are an array");
    if (item->kind != TYPE_ARRAY) return func_wrong(call, 1, "the values are an array");
    if (!compare_can(key->item)) return func_wrong(call, 0, "values of this type cannot be keys");
    call->type = type_map(call->arena, key->item, item->item);
    return 0;
}

EVAL(eval_from_arrays) {
    struct entries entries;
    const struct vec *keys = arg[0]->kid[0], *values = arg[1]->kid[0];
    entries_begin(&entries, ctx, out);
    FUNC_EACH(ctx, row) {
        uint32_t to, from = gather_from(arg[0], row, &to);
        uint32_t end, begin = gather_from(arg[1], row, &end);
        gather_row(&entries.key, row);
        if (to - from != end - begin)
            func_error(ctx, row, "there are %u keys and %u values", to - from, end - begin);
        else if (few(ctx, row, to - from))
            for (; from < to; from++, begin++) entries_add(&entries, 0, from, 0, begin);
    }
    entries_end(&entries, &keys, &values);
    check_keys(ctx, out);
    return 0;
}

static int types_from_entries(struct func_call *call) {
    const struct type *entry = call->arg[0].type->kind == TYPE_ARRAY ? call->arg[0].type->item :
                                                                      call->arg[0].type;
    if (entry->kind != TYPE_STRUCT || entry->field_cnt != 2)
        return func_wrong(call, 0, "the entries are an array of structs of two fields");
    call->type = type_map(call->arena, entry->field[0].type, entry->field[1].type);
    return 0;
}

/* A NULL entry makes the whole NULL. */
EVAL(eval_from_entries) {
    struct entries entries;
    const struct vec *items = arg[0]->kid[0];
    const struct vec *keys = items->kid ? items->kid[0] : NULL;
    const struct vec *values = items->kid ? items->kid[1] : NULL;
    entries_begin(&entries, ctx, out);
    FUNC_EACH(ctx, row) {
        uint32_t to, from = gather_from(arg[0], row, &to);
        bool null = false;
        gather_row(&entries.key, row);
        for (uint32_t i = from; i < to; i++) null = null || vec_null(items, i);
        if (null) func_null(ctx, out, row);
        else if (few(ctx, row, to - from))
            for (uint32_t i = from; i < to; i++)
                entries_add(&entries, 0, vec_at(items, i), 0, vec_at(items, i));
    }
    entries_end(&entries, &keys, &values);
    check_keys(ctx, out);
    return 0;
}

static int types_concat(struct func_call *call) {
    const struct type *type = type_of(TYPE_NULL);
    for (uint32_t i = 0; i < call->arg_cnt; i++) {
        type = coerce_common(call->arena, type, call->arg[i].type);
        if (!type) return func_wrong(call, i, "the maps are of different types");
    }
    if (type->kind == TYPE_NULL)
        type = type_map(call->arena, type_of(TYPE_STRING), type_of(TYPE_STRING));
    for (uint32_t i = 0; i < call->arg_cnt; i++) call->arg[i].type = type;
    call->type = type;
    return 0;
}

EVAL(eval_concat) {
    struct entries entries;
    const struct vec **keys = arena_array(ctx->arena, const struct vec *, ctx->arg_cnt + 1);
    const struct vec **values = arena_array(ctx->arena, const struct vec *, ctx->arg_cnt + 1);
    for (uint32_t i = 0; i < ctx->arg_cnt; i++) {
        keys[i] = arg[i]->kid[0];
        values[i] = arg[i]->kid[1];
    }
    entries_begin(&entries, ctx, out);
    FUNC_EACH(ctx, row) {
        uint32_t total = 0;
        gather_row(&entries.key, row);
        for (uint32_t i = 0; i < ctx->arg_cnt; i++) {
            uint32_t to, from = gather_from(arg[i], row, &to);
            total += to - from;
            if (!few(ctx, row, total)) break;
            for (; from < to; from++) entries_add(&entries, (uint8_t)i, from, (uint8_t)i, from);
        }
    }
    entries_end(&entries, keys, values);
    check_keys(ctx, out);
    return 0;
}

/* ---- apart ---- */

static int types_side(struct func_call *call) {
    const struct type *map = call->arg[0].type;
    bool keys = strcmp(call->func->name, "map_keys") == 0;
    if (map->kind == TYPE_NULL) {
        map = type_map(call->arena, type_of(TYPE_NULL), type_of(TYPE_NULL));
        call->arg[0].type = map;
    }
    call->type = type_array(call->arena, keys ? map->key : map->item);
    return 0;
}

static void side(struct func_ctx *ctx, const struct vec *map, struct vec *out, int kid) {
    struct gather gather;
    const struct vec *items = map->kid[kid];
    gather_begin(&gather, ctx, out);
    FUNC_EACH(ctx, row) {
        gather_row(&gather, row);
        gather_all(&gather, 0, map, row);
    }
    gather_end(&gather, &items);
}

EVAL(eval_keys) {
    side(ctx, arg[0], out, 0);
    return 0;
}
EVAL(eval_values) {
    side(ctx, arg[0], out, 1);
    return 0;
}

static int types_entries(struct func_call *call) {
    const struct type *map = call->arg[0].type;
    if (map->kind != TYPE_MAP) return func_wrong(call, 0, "map_entries takes a map");
    const struct field field[] = {{STR("key"), map->key, false}, {STR("value"), map->item, true}};
    call->type = type_array(call->arena, type_struct(call->arena, field, 2));
    return 0;
}

EVAL(eval_entries) {
    struct vec pair = {.type = out->type->item, .stride = 1, .kid = arg[0]->kid};
    const struct vec *items = &pair;
    struct gather gather;
    gather_begin(&gather, ctx, out);
    FUNC_EACH(ctx, row) {
        gather_row(&gather, row);
        gather_all(&gather, 0, arg[0], row);
    }
    gather_end(&gather, &items);
    return 0;
}

static int types_contains(struct func_call *call) {
    const struct type *map = call->arg[0].type;
    if (map->kind != TYPE_MAP) return func_wrong(call, 0, "map_contains_key takes a map");
    const struct type *key = coerce_common(call->arena, map->key, call->arg[1].type);
    if (!key || call->arg[1].type->kind == TYPE_NULL)
        return func_wrong(call, 1, "the map's keys are %s", type_name(map->key->kind));
    call->arg[0].type = type_map(call->arena, key, map->item);
    call->arg[1].type = key;
    return 0;
}

EVAL(eval_contains) {
    FUNC_EACH(ctx, row) {
        uint32_t to, i = gather_from(arg[0], row, &to);
        out->b[row] = 0;
        for (; i < to && !out->b[row]; i++)
            out->b[row] = compare_values(arg[0]->kid[0], i, arg[1], row) == 0;
    }
    return 0;
}

const struct func fn_map[] = {
    {"map", "a*:-", eval_map, FUNC_NULLS, types_map, NULL},
    {"map_from_arrays", "[[:-", eval_from_arrays, 0, types_from_arrays, NULL},
    {"map_from_entries", "[:-", eval_from_entries, 0, types_from_entries, NULL},
    {"map_concat", "{*:-", eval_concat, 0, types_concat, NULL},
    {"map_keys", "{:-", eval_keys, 0, types_side, NULL},
    {"map_values", "{:-", eval_values, 0, types_side, NULL},
    {"map_entries", "{:-", eval_entries, 0, types_entries, NULL},
    {"map_contains_key", "{a:b", eval_contains, 0, types_contains, NULL},
    {NULL, NULL, NULL, 0, NULL, NULL},
};
