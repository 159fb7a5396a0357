/* cqlvalue.c - whole values of collections, tuples and user types. */
#include "store/cql/cqlvalue.h"

#include "base/err.h"
#include "wire/cql/cqlvint.h"

#define VALUE_MAX (64 * MIB)

const struct cqltype *cqlvalue_item_type(const struct cqltype *type, size_t i) {
    if (type->kind == CQL_TUPLE || type->kind == CQL_UDT) return type->arg[i];
    return type->arg[type->kind == CQL_MAP ? i % 2 : 0];
}

/* Stable merge sort of the keys' places; equal ones stay in their order. */
static void sort_places(const struct cqltype *key, const struct str *item, size_t step,
                        uint32_t *place, uint32_t *spare, size_t cnt) {
    for (size_t width = 1; width < cnt; width *= 2) {
        for (size_t lo = 0; lo < cnt; lo += 2 * width) {
            size_t mid = MIN(lo + width, cnt), hi = MIN(lo + 2 * width, cnt);
            for (size_t a = lo, b = mid, to = lo; to < hi; to++) {
                bool left = a < mid && (b >= hi || cqltype_compare(key, item[place[a] * step],
                                                                   item[place[b] * step]) <= 0);
                spare[to] = left ? place[a++] : place[b++];
            }
        }
        memcpy(place, spare, cnt * sizeof *place);
    }
}

/* Of equal keys the last. Returns the items left. */
static size_t in_order(const struct cqltype *type, const struct str *item, size_t cnt,
                       struct arena *arena, struct str *out) {
    size_t step = type->kind == CQL_MAP ? 2 : 1, pairs = cnt / step, used = 0;
    uint32_t *place = arena_array(arena, uint32_t, pairs + 1);
    uint32_t *spare = arena_array(arena, uint32_t, pairs + 1);
    for (size_t i = 0; i < pairs; i++)
        place[i] = (uint32_t)i;
    sort_places(type->arg[0], item, step, place, spare, pairs);
    for (size_t i = 0; i < pairs; i++) {
        const struct str *at = &item[place[i] * step];
        if (used && cqltype_compare(type->arg[0], out[used - step], *at) == 0) used -= step;
        for (size_t k = 0; k < step; k++)
            out[used++] = at[k];
    }
    return used;
}

int cqlvalue_pack(const struct cqltype *type, const struct str *item, size_t cnt,
                  struct arena *arena, struct str *out) {
    bool tuple = type->kind == CQL_TUPLE || type->kind == CQL_UDT;
    struct buf buf;
    buf_init(&buf, VALUE_MAX);
    for (size_t i = 0; i < cnt && !tuple; i++)
        if (!item[i].ptr) return err_fail(ERR_INVAL, "null is not supported inside collections");
    if (type->kind == CQL_SET || type->kind == CQL_MAP) {
        struct str *sorted = arena_array(arena, struct str, cnt + 1);
        cnt = in_order(type, item, cnt, arena, sorted);
        item = sorted;
    }
    if (!tuple && type->kind != CQL_VECTOR)
        buf_i32(&buf, (int32_t)(cnt / (type->kind == CQL_MAP ? 2 : 1)));
    bool bare = type->kind == CQL_VECTOR && cqltype_width(type->arg[0]) > 0;
    for (size_t i = 0; i < cnt; i++) {
        if (type->kind == CQL_VECTOR && !bare) cqlvint_write_u(&buf, item[i].len);
        else if (!bare) buf_i32(&buf, item[i].ptr ? (int32_t)item[i].len : -1);
        buf_puts(&buf, item[i]);
    }
    *out = arena_str(arena, buf_str(&buf));
    int err = buf.full ? err_fail(ERR_TOO_BIG, "a value is over %zu bytes", VALUE_MAX) : 0;
    buf_fini(&buf);
    return err;
}

int cqlvalue_unpack(const struct cqltype *type, struct str value, struct arena *arena,
                    struct str **item, size_t *cnt) {
    struct rbuf in = rbuf_of_str(value);
    *cnt = 0;
    *item = NULL;
    if (!value.ptr) return 0;
    if (!cqltype_items(type, &in, cnt)) return err_fail(ERR_CORRUPT, "a collection is damaged");
    *item = arena_array(arena, struct str, *cnt + 1);
    for (size_t i = 0; i < *cnt; i++)
        (*item)[i] = cqltype_item(type, &in, i);
    return in.bad ? err_fail(ERR_CORRUPT, "a collection is damaged") : 0;
}

static bool has_order(const struct cqltype *type) {
    if (type->kind == CQL_SET || type->kind == CQL_MAP) return true;
    for (size_t i = 0; i < type->arg_cnt; i++)
        if (has_order(type->arg[i])) return true;
    return false;
}

int cqlvalue_tidy(const struct cqltype *type, struct str value, struct arena *arena,
                  struct str *out) {
    struct str *item;
    size_t cnt;
    *out = value;
    if (!value.ptr || !type->arg_cnt || !has_order(type)) return 0;
    int err = cqlvalue_unpack(type, value, arena, &item, &cnt);
    for (size_t i = 0; i < cnt && !err; i++)
        err = cqlvalue_tidy(cqlvalue_item_type(type, i), item[i], arena, &item[i]);
    return err ? err : cqlvalue_pack(type, item, cnt, arena, out);
}
