/* coerce.c - least common types and implicit conversions. */
#include "stream/plan/coerce.h"

#define DIGIT_MAX 38
#define SCALE_KEPT 6

static bool is_text(const struct type *type) {
    return type->kind == TYPE_STRING || type->kind == TYPE_UUID;
}

static bool is_moment(const struct type *type) {
    return type->kind == TYPE_DATE || type->kind == TYPE_TIMESTAMP ||
           type->kind == TYPE_TIMESTAMP_NTZ;
}

static bool is_interval(const struct type *type) {
    return type->kind == TYPE_INTERVAL_DT || type->kind == TYPE_INTERVAL_YM;
}

const struct type *coerce_decimal(struct arena *arena, const struct type *type) {
    switch (type->kind) {
    case TYPE_I8: return type_decimal(arena, 3, 0);
    case TYPE_I16: return type_decimal(arena, 5, 0);
    case TYPE_I32: return type_decimal(arena, 10, 0);
    case TYPE_I64: return type_decimal(arena, 20, 0);
    default: return type;
    }
}

const struct type *coerce_bounded(struct arena *arena, int precision, int scale) {
    if (precision <= DIGIT_MAX) return type_decimal(arena, MAX(precision, 1), scale);
    int whole = precision - scale;
    int kept = MAX(DIGIT_MAX - whole, MIN(scale, SCALE_KEPT));
    return type_decimal(arena, DIGIT_MAX, kept);
}

/* Both sides of the point wide enough; when that is over 38 digits, the fraction gives way. */
static const struct type *common_decimal(struct arena *arena, const struct type *a,
                                         const struct type *b) {
    int scale = MAX(a->scale, b->scale);
    int whole = MAX(a->precision - a->scale, b->precision - b->scale);
    if (whole + scale > DIGIT_MAX) scale = MAX(DIGIT_MAX - whole, 0);
    return type_decimal(arena, MIN(whole + scale, DIGIT_MAX), scale);
}

static const struct type *common_num(struct arena *arena, const struct type *a,
                                     const struct type *b) {
    bool dec = a->kind == TYPE_DECIMAL || b->kind == TYPE_DECIMAL;
    bool real = a->kind == TYPE_F32 || a->kind == TYPE_F64 || b->kind == TYPE_F32 ||
                b->kind == TYPE_F64;
    if (dec && real) return type_of(TYPE_F64);
    if (dec) return common_decimal(arena, coerce_decimal(arena, a), coerce_decimal(arena, b));
    if (real) return a->kind == b->kind ? a : type_of(TYPE_F64);
    return a->kind > b->kind ? a : b;
}

static const struct type *common_struct(struct arena *arena, const struct type *a,
                                        const struct type *b) {
    if (a->field_cnt != b->field_cnt) return NULL;
    struct field *field = arena_array(arena, struct field, a->field_cnt);
    for (uint32_t i = 0; i < a->field_cnt; i++) {
        if (!str_ieq(a->field[i].name, b->field[i].name)) return NULL;
        field[i] = a->field[i];
        field[i].type = coerce_common(arena, a->field[i].type, b->field[i].type);
        if (!field[i].type) return NULL;
    }
    return type_struct(arena, field, a->field_cnt);
}

static const struct type *common_nested(struct arena *arena, const struct type *a,
                                        const struct type *b) {
    if (a->kind == TYPE_STRUCT) return common_struct(arena, a, b);
    const struct type *item = coerce_common(arena, a->item, b->item);
    if (!item || a->kind == TYPE_ARRAY) return item ? type_array(arena, item) : NULL;
    const struct type *key = coerce_common(arena, a->key, b->key);
    return key ? type_map(arena, key, item) : NULL;
}

/* What text becomes when it meets `other`. */
static const struct type *common_text(const struct type *other) {
    if (type_is_int(other)) return type_of(TYPE_I64);
    if (type_is_num(other)) return type_of(TYPE_F64);
    if (is_interval(other) || other->kind >= TYPE_STRUCT) return NULL;
    return other;
}

const struct type *coerce_common(struct arena *arena, const struct type *a, const struct type *b) {
    if (type_eq(a, b)) return a;
    if (a->kind == TYPE_NULL) return b;
    if (b->kind == TYPE_NULL) return a;
    if (is_text(a) && is_text(b)) return type_of(TYPE_STRING);
    if (is_text(a)) return common_text(b);
    if (is_text(b)) return common_text(a);
    if (type_is_num(a) && type_is_num(b)) return common_num(arena, a, b);
    if (is_moment(a) && is_moment(b)) {
        if (a->kind == TYPE_DATE) return b;
        if (b->kind == TYPE_DATE) return a;
        return type_of(TYPE_TIMESTAMP);
    }
    if (a->kind == b->kind && a->kind >= TYPE_STRUCT) return common_nested(arena, a, b);
    return NULL;
}

bool coerce_implicit(const struct type *from, const struct type *to) {
    if (type_eq(from, to) || from->kind == TYPE_NULL) return true;
    if (from->kind == TYPE_ARRAY && to->kind == TYPE_ARRAY)
        return coerce_implicit(from->item, to->item);
    if (from->kind >= TYPE_STRUCT || to->kind >= TYPE_STRUCT) return false;
    if (to->kind == TYPE_STRING) return true;
    if (is_text(from)) return !is_interval(to);
    if (type_is_num(from) && type_is_num(to)) return true;
    return is_moment(from) && is_moment(to);
}
