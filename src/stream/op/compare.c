/* compare.c - compares two values of any type that has an order. */
#include "stream/op/compare.h"

#define ORDER(x, y) (((x) > (y)) - ((x) < (y)))

bool compare_can(const struct type *type) {
    if (type->kind == TYPE_MAP) return false;
    if (type->kind == TYPE_ARRAY) return compare_can(type->item);
    for (uint32_t i = 0; type->kind == TYPE_STRUCT && i < type->field_cnt; i++)
        if (!compare_can(type->field[i].type)) return false;
    return true;
}

static int compare_lists(const struct vec *a, uint32_t at_a, const struct vec *b, uint32_t at_b) {
    uint32_t len_a = a->off[at_a + 1] - a->off[at_a], len_b = b->off[at_b + 1] - b->off[at_b];
    for (uint32_t i = 0; i < MIN(len_a, len_b); i++) {
        int order = compare_values(a->kid[0], a->off[at_a] + i, b->kid[0], b->off[at_b] + i);
        if (order) return order;
    }
    return ORDER(len_a, len_b);
}

int compare_values(const struct vec *a, uint32_t row_a, const struct vec *b, uint32_t row_b) {
    uint32_t i = vec_at(a, row_a), j = vec_at(b, row_b);
    bool null_a = vec_null(a, row_a), null_b = vec_null(b, row_b);
    if (null_a || null_b) return (int)null_b - (int)null_a;
    switch (a->type->kind) {
    case TYPE_NULL: return 0;
    case TYPE_BOOL: return ORDER(a->b[i], b->b[j]);
    case TYPE_I8: return ORDER(a->i8[i], b->i8[j]);
    case TYPE_I16: return ORDER(a->i16[i], b->i16[j]);
    case TYPE_I32:
    case TYPE_DATE:
    case TYPE_INTERVAL_YM: return ORDER(a->i32[i], b->i32[j]);
    case TYPE_I64:
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_NTZ:
    case TYPE_INTERVAL_DT: return ORDER(a->i64[i], b->i64[j]);
    case TYPE_F32: return compare_f64((double)a->f32[i], (double)b->f32[j]);
    case TYPE_F64: return compare_f64(a->f64[i], b->f64[j]);
    case TYPE_DECIMAL: return ORDER(a->dec[i], b->dec[j]);
    case TYPE_STRUCT:
        for (uint32_t f = 0; f < a->type->field_cnt; f++) {
            int order = compare_values(a->kid[f], i, b->kid[f], j);
            if (order) return order;
        }
        return 0;
    case TYPE_ARRAY: return compare_lists(a, i, b, j);
    case TYPE_MAP: NEVER();
    default: return str_cmp(a->str[i], b->str[j]);
    }
}
