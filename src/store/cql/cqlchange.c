/* cqlchange.c - parts of collections, user types and counters.
 *
 * A collection is kept as one value, so a change of a part reads it, changes it and writes it whole
 * (under the partition's lock). Operands: [0] the index, [1] the term. */
#include "store/cql/cqlchange.h"

#include "base/err.h"
#include "store/cql/cqlvalue.h"

bool cqlchange_reads(const struct cqlset *set) {
    return set->op != CQLSET_PUT;
}

bool cqlchange_is_empty(const struct cqltype *type, struct str value) {
    bool counted = type->kind == CQL_LIST || type->kind == CQL_SET || type->kind == CQL_MAP;
    return counted && !type->frozen && value.ptr && value.len == 4 &&
           memcmp(value.ptr, "\0\0\0\0", 4) == 0;
}

static int field_of(const struct cqltype *type, struct str name) {
    for (size_t i = 0; i < type->arg_cnt; i++)
        if (str_eq(type->field[i], name)) return (int)i;
    return -1;
}

static int types_of_item(const struct cqlterm_env *env, const struct cqlset *set,
                         const struct store_col *col, bool del, struct cqlterm_for *index,
                         struct cqlterm_for *term) {
    const struct cqltype *type = col->type;
    bool list = type->kind == CQL_LIST;
    if (type->frozen || (!list && type->kind != CQL_MAP && !(del && type->kind == CQL_SET)))
        return err_fail(ERR_INVAL, "Invalid operation (%.*s) for %s column %.*s",
                        STR_ARG(set->text),
                        type->frozen ? "frozen collection" : cqltype_name(type->kind),
                        STR_ARG(col->name));
    index->type = list ? cqltype_scalar(CQL_INT) : type->arg[0];
    index->name = arena_printf(env->arena, list ? "idx(%.*s)" : "key(%.*s)", STR_ARG(col->name));
    term->type = type->arg[type->kind == CQL_MAP];
    term->name = arena_printf(env->arena, "value(%.*s)", STR_ARG(col->name));
    return 0;
}

static int types_of_sum(const struct cqlterm_env *env, const struct cqlset *set,
                        const struct store_col *col, struct cqlterm_for *term) {
    const struct cqltype *type = col->type;
    bool counter = type->kind == CQL_COUNTER, list = type->kind == CQL_LIST;
    bool remove = set->op == CQLSET_REMOVE;
    bool fine = counter ? set->op != CQLSET_PREPEND : list || type->kind == CQL_SET ||
                                                     type->kind == CQL_MAP;
    if (!fine || (set->op == CQLSET_PREPEND && !list) || (type->frozen && !counter))
        return err_fail(ERR_INVAL, "Invalid operation (%.*s) for %s column %.*s",
                        STR_ARG(set->text), type->frozen ? "frozen collection" : "non counter",
                        STR_ARG(col->name));
    term->type = counter ? cqltype_scalar(CQL_BIGINT) : type;
    term->name = col->name;
    if (remove && type->kind == CQL_MAP) /* the keys to go */
        term->type = cqltype_make(env->arena, CQL_SET, false, type->arg, 1);
    return 0;
}

int cqlchange_types(const struct cqlterm_env *env, const struct cqlset *set,
                    const struct store_col *col, bool del, struct cqlterm_for *index,
                    struct cqlterm_for *term) {
    *index = *term = (struct cqlterm_for){col->type, col->name};
    if (set->op == CQLSET_ITEM) return types_of_item(env, set, col, del, index, term);
    if (set->op == CQLSET_FIELD) {
        int field = col->type->kind == CQL_UDT ? field_of(col->type, set->field) : -1;
        if (field < 0 || col->type->frozen)
            return err_fail(ERR_INVAL, "Invalid operation (%.*s.%.*s = ...) for column %.*s: %s",
                            STR_ARG(col->name), STR_ARG(set->field), STR_ARG(col->name),
                            field < 0 ? "no such field" : "it is frozen");
        term->type = col->type->arg[field];
        term->name = set->field;
        return 0;
    }
    if (set->op != CQLSET_PUT) return types_of_sum(env, set, col, term);
    if (col->type->kind == CQL_COUNTER && !del)
        return err_fail(ERR_INVAL, "Cannot set the value of counter column %.*s (counters can only "
                        "be incremented/decremented, not set)", STR_ARG(col->name));
    return 0;
}

/* ---- applying ------------------------------------------------------------------------------- */

struct items {
    struct str *ptr;
    size_t cnt;
};

static int unpack(struct arena *arena, const struct cqltype *type, struct str value, size_t more,
                  struct items *out) {
    struct str *item;
    int err = cqlvalue_unpack(type, value, arena, &item, &out->cnt);
    if (err) return err;
    out->ptr = arena_array(arena, struct str, out->cnt + more + 2);
    if (out->cnt) memcpy(out->ptr, item, out->cnt * sizeof *item);
    return 0;
}

static bool among(const struct cqltype *type, const struct items *set, struct str value) {
    for (size_t i = 0; i < set->cnt; i++)
        if (cqltype_compare(type, set->ptr[i], value) == 0) return true;
    return false;
}

static int remove_items(struct arena *arena, const struct cqltype *type, struct items *now,
                        struct str gone) {
    const struct cqltype *key = type->arg[0];
    const struct cqltype *list = cqltype_make(arena, CQL_LIST, false, &key, 1);
    size_t step = type->kind == CQL_MAP ? 2 : 1, used = 0;
    struct items out;
    int err = unpack(arena, list, gone, 0, &out);
    if (err) return err;
    for (size_t i = 0; i < now->cnt; i += step) {
        if (among(key, &out, now->ptr[i])) continue;
        memmove(&now->ptr[used], &now->ptr[i], step * sizeof *now->ptr);
        used += step;
    }
    now->cnt = used;
    return 0;
}

static int add_items(struct arena *arena, const struct cqltype *type, bool front, struct str now,
                     struct str more, struct items *out) {
    struct items a, b;
    int err = unpack(arena, type, front ? more : now, 0, &a);
    if (!err) err = unpack(arena, type, front ? now : more, 0, &b);
    if (err) return err;
    out->ptr = arena_array(arena, struct str, a.cnt + b.cnt + 2);
    if (a.cnt) memcpy(out->ptr, a.ptr, a.cnt * sizeof *out->ptr);
    if (b.cnt) memcpy(out->ptr + a.cnt, b.ptr, b.cnt * sizeof *out->ptr);
    out->cnt = a.cnt + b.cnt;
    return 0;
}

static int put_in_list(struct items *now, struct str index, struct str value) {
    struct rbuf in = rbuf_of_str(index);
    int32_t at = rbuf_i32(&in);
    if (at < 0 || (size_t)at >= now->cnt)
        return err_fail(ERR_INVAL, "List index %d out of bound, list has size %zu", at, now->cnt);
    if (value.ptr) {
        now->ptr[at] = value;
        return 0;
    }
    now->cnt--;
    memmove(&now->ptr[at], &now->ptr[at + 1], (now->cnt - (size_t)at) * sizeof *now->ptr);
    return 0;
}

/* Of a map or a set: value.ptr NULL deletes. */
static void put_by_key(const struct cqltype *type, struct items *now, struct str key,
                       struct str value) {
    size_t step = type->kind == CQL_MAP ? 2 : 1, at = 0;
    while (at < now->cnt && cqltype_compare(type->arg[0], now->ptr[at], key) != 0)
        at += step;
    if (at < now->cnt && !value.ptr) {
        now->cnt -= step;
        memmove(&now->ptr[at], &now->ptr[at + step], (now->cnt - at) * sizeof *now->ptr);
    } else if (value.ptr) {
        now->ptr[at] = key;
        now->ptr[at + 1] = value;
        if (at == now->cnt) now->cnt += step;
    }
}

static int64_t i64_of(struct str value) {
    struct rbuf in = rbuf_of_str(value);
    return value.ptr ? rbuf_i64(&in) : 0;
}

static struct str i64_value(struct arena *arena, int64_t v) {
    char *bytes = arena_bytes(arena, 8);
    for (int i = 0; i < 8; i++)
        bytes[i] = (char)((uint64_t)v >> (56 - 8 * i));
    return (struct str){bytes, 8};
}

static int apply_field(struct arena *arena, const struct cqlset *set, const struct cqltype *type,
                       struct str now, struct str value, struct str *out) {
    struct items items;
    int err = unpack(arena, type, now, type->arg_cnt, &items);
    if (err) return err;
    items.ptr[field_of(type, set->field)] = value;
    return cqlvalue_pack(type, items.ptr, type->arg_cnt, arena, out);
}

int cqlchange_apply(struct arena *arena, const struct cqlset *set, const struct store_col *col,
                    struct str now, const struct str operand[2], struct str *out) {
    const struct cqltype *type = col->type;
    struct items items;
    int err;
    if (type->kind == CQL_COUNTER) {
        uint64_t by = (uint64_t)i64_of(operand[1]);
        if (set->op == CQLSET_REMOVE) by = 0 - by;
        *out = i64_value(arena, (int64_t)((uint64_t)i64_of(now) + by));
        return 0;
    }
    if (set->op == CQLSET_FIELD) return apply_field(arena, set, type, now, operand[1], out);
    if ((err = unpack(arena, type, now, 2, &items))) return err;
    switch (set->op) {
    case CQLSET_ADD: case CQLSET_PREPEND:
        err = add_items(arena, type, set->op == CQLSET_PREPEND, now, operand[1], &items);
        break;
    case CQLSET_REMOVE: err = remove_items(arena, type, &items, operand[1]); break;
    default:
        if (!operand[0].ptr)
            return err_fail(ERR_INVAL, "Invalid null %s for %.*s",
                            type->kind == CQL_LIST ? "index" : "map key", STR_ARG(col->name));
        if (type->kind == CQL_LIST) err = put_in_list(&items, operand[0], operand[1]);
        else put_by_key(type, &items, operand[0], operand[1]);
        break;
    }
    if (err) return err;
    err = cqlvalue_pack(type, items.ptr, items.cnt, arena, out);
    if (!err && !items.cnt) *out = STR_NULL;
    return err;
}
