/* jsontype.c - one walk that widens a type by a value, and its shadow that only asks.
 *
 * Inferring is widening VOID. The walk keeps the pointer of every part that already fits, so that
 * an array of a thousand equal objects makes one type. It recurses once a level of the text, which
 * the cursor limits to JSON_DEPTH_MAX.
 *
 * Members mostly come in the order of the type's fields: the field after the last one found is
 * tried first. A struct with many fields gets an index by name, so that no text is quadratic. */
#include "wire/json/jsontype.h"

#include "base/err.h"
#include "base/map.h"

#define LINEAR_MAX 32 /* fields up to which names are found by looking at each */

/* ---- scalars ---- */

static const struct type *scalar_type(const struct json_value *value) {
    int64_t num;
    switch (value->kind) {
    case JSON_NULL: return type_of(TYPE_NULL);
    case JSON_BOOL: return type_of(TYPE_BOOL);
    case JSON_INT: return type_of(json_i64(value, &num) ? TYPE_I64 : TYPE_F64);
    case JSON_REAL: return type_of(TYPE_F64);
    default: return type_of(TYPE_STRING);
    }
}

static bool int_fits(const struct json_value *value, int bits) {
    int64_t num;
    if (!json_i64(value, &num)) return false;
    return bits == 64 || (num >= -((int64_t)1 << (bits - 1)) && num < (int64_t)1 << (bits - 1));
}

static bool scalar_fits(const struct type *type, const struct json_value *value) {
    if (value->kind == JSON_NULL) return true;
    switch (type->kind) {
    case TYPE_BOOL: return value->kind == JSON_BOOL;
    case TYPE_I8: return int_fits(value, 8);
    case TYPE_I16: return int_fits(value, 16);
    case TYPE_I32: return int_fits(value, 32);
    case TYPE_I64: return int_fits(value, 64);
    case TYPE_F32:
    case TYPE_F64:
    case TYPE_DECIMAL: return value->kind == JSON_INT || value->kind == JSON_REAL;
    case TYPE_STRING: return true;
    case TYPE_BINARY:
    case TYPE_UUID:
    case TYPE_DATE:
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_NTZ:
    case TYPE_INTERVAL_DT:
    case TYPE_INTERVAL_YM: return value->kind == JSON_STRING;
    default: return false;
    }
}

/* ---- does it fit? ---- */

/* A name with escapes is compared unescaped, up to a length. Apart from name_is(), so that its
 * buffer is not cleared (hardened builds clear all) for the names without. */
__attribute__((noinline)) static bool escaped_is(struct str name, struct str field) {
    char plain[256];
    if (name.len > sizeof plain) return false;
    return str_eq((struct str){plain, json_unescape(name, plain)}, field);
}

static inline bool name_is(struct str name, struct str field) {
    if (name.len == field.len && memcmp(name.ptr, field.ptr, name.len) == 0) return true;
    return name.len && memchr(name.ptr, '\\', name.len) && escaped_is(name, field);
}

static const struct field *find_field(const struct type *type, struct str name, uint32_t *hint) {
    for (uint32_t i = 0; i < type->field_cnt; i++) {
        uint32_t at = *hint + i;
        if (at >= type->field_cnt) at -= type->field_cnt;
        if (!name_is(name, type->field[at].name)) continue;
        *hint = at + 1 == type->field_cnt ? 0 : at + 1;
        return &type->field[at];
    }
    return NULL;
}

static bool fits(struct json *in, const struct type *type);

static bool fits_struct(struct json *in, const struct type *type) {
    struct str name;
    uint32_t hint = 0;
    json_object(in);
    while (json_member(in, &name)) {
        const struct field *field = find_field(type, name, &hint);
        if (!field || !fits(in, field->type)) return false;
    }
    return !in->why;
}

static bool fits(struct json *in, const struct type *type) {
    struct json_value value;
    struct str name;
    enum json_kind kind = json_kind(in);
    if (type->kind == TYPE_STRUCT && kind == JSON_OBJECT) return fits_struct(in, type);
    if (type->kind == TYPE_MAP && kind == JSON_OBJECT) {
        json_object(in);
        while (json_member(in, &name))
            if (!fits(in, type->item)) return false;
        return !in->why;
    }
    if (type->kind == TYPE_ARRAY && kind == JSON_ARRAY) {
        json_array(in);
        while (json_item(in))
            if (!fits(in, type->item)) return false;
        return !in->why;
    }
    return json_value(in, &value) && scalar_fits(type, &value);
}

bool jsontype_fits(const struct type *type, struct str text) {
    struct json in;
    json_open(&in, text, 0);
    if (!fits(&in, type)) return false;
    json_close(&in);
    return !in.why;
}

/* ---- widening ---- */

/* The fields of a struct while they grow. */
struct grow {
    struct field *field;
    uint32_t cnt, cap, hint;
    bool changed;
    struct map index; /* name -> its number + 1, once there are more than LINEAR_MAX */
};

static void grow_add(struct grow *grow, struct field field) {
    if (grow->cnt == grow->cap) {
        grow->cap = grow->cap ? grow->cap * 2 : 16;
        grow->field = base_realloc(grow->field, grow->cap * sizeof *grow->field);
    }
    grow->field[grow->cnt++] = field;
    if (grow->index.cnt) map_put(&grow->index, field.name, (void *)(uintptr_t)grow->cnt);
}

static void grow_index(struct grow *grow) {
    for (uint32_t i = 0; i < grow->cnt; i++)
        map_put(&grow->index, grow->field[i].name, (void *)(uintptr_t)(i + 1));
}

/* The number of the field so named, or -1. */
static int grow_find(struct grow *grow, struct str name) {
    if (grow->hint < grow->cnt && str_eq(grow->field[grow->hint].name, name))
        return (int)grow->hint++;
    int found = -1;
    if (grow->cnt <= LINEAR_MAX) {
        for (uint32_t i = 0; i < grow->cnt && found < 0; i++)
            if (str_eq(grow->field[i].name, name)) found = (int)i;
    } else {
        if (!grow->index.cnt) grow_index(grow);
        found = (int)(uintptr_t)map_get(&grow->index, name) - 1;
    }
    if (found >= 0) grow->hint = (uint32_t)found + 1;
    return found;
}

static const struct type *widen(struct json *in, const struct type *type, struct arena *arena);

static void widen_member(struct json *in, struct grow *grow, struct str name,
                         struct arena *arena) {
    int at = grow_find(grow, name);
    if (at < 0 && grow->cnt == TYPE_FIELD_MAX) {
        in->why = "an object has more members than a STRUCT may have fields";
        in->err = -ERR_TOO_BIG;
        return;
    }
    const struct type *old = at < 0 ? type_of(TYPE_NULL) : grow->field[at].type;
    const struct type *type = widen(in, old, arena);
    if (at < 0) grow_add(grow, (struct field){name, type, true});
    else if (type != old) grow->field[at].type = type;
    grow->changed = grow->changed || at < 0 || type != old;
}

/* `type` is the STRUCT there is, or NULL. */
static const struct type *widen_struct(struct json *in, const struct type *type,
                                       struct arena *arena) {
    struct grow grow = {.changed = !type};
    struct str name;
    map_init(&grow.index);
    if (type) {
        grow.cap = type->field_cnt + 1;
        grow.field = base_alloc(grow.cap * sizeof *grow.field);
        memcpy(grow.field, type->field, type->field_cnt * sizeof *grow.field);
        grow.cnt = type->field_cnt;
    }
    json_object(in);
    while (json_member(in, &name)) widen_member(in, &grow, json_name(name, arena), arena);
    if (grow.changed && !in->why) type = type_struct(arena, grow.field, grow.cnt);
    map_fini(&grow.index);
    base_free(grow.field);
    return type;
}

static const struct type *widen(struct json *in, const struct type *type, struct arena *arena) {
    struct json_value value;
    struct str name;
    enum json_kind kind = json_kind(in);
    bool none = type->kind == TYPE_NULL;
    if (kind == JSON_OBJECT && (none || type->kind == TYPE_STRUCT)) {
        const struct type *made = widen_struct(in, none ? NULL : type, arena);
        return made ? made : type;
    }
    if (kind == JSON_OBJECT && type->kind == TYPE_MAP) {
        const struct type *item = type->item;
        json_object(in);
        while (json_member(in, &name)) item = widen(in, item, arena);
        return item == type->item ? type : type_map(arena, type->key, item);
    }
    if (kind == JSON_ARRAY && (none || type->kind == TYPE_ARRAY)) {
        const struct type *old = none ? type_of(TYPE_NULL) : type->item, *item = old;
        json_array(in);
        while (json_item(in)) item = widen(in, item, arena);
        return !none && item == old ? type : type_array(arena, item);
    }
    if (!json_value(in, &value) || scalar_fits(type, &value)) return type;
    if (value.kind >= JSON_ARRAY) return type_of(TYPE_STRING);
    const struct type *wide = type_widen(arena, type, scalar_type(&value));
    return type_is_int(type) && wide->kind == TYPE_STRING && value.kind <= JSON_REAL &&
                   value.kind >= JSON_INT ? scalar_type(&value) : wide;
}

int jsontype_widen(const struct type **type, struct str text, struct arena *arena) {
    struct json in;
    const struct type *from = *type ? *type : type_of(TYPE_NULL);
    json_open(&in, text, 0);
    const struct type *to = widen(&in, from, arena);
    json_close(&in);
    int err = json_err(&in);
    if (!err) *type = to;
    return err;
}

int jsontype_infer(struct str text, struct arena *arena, const struct type **out) {
    *out = NULL;
    return jsontype_widen(out, text, arena);
}

const struct type *jsontype_final(struct arena *arena, const struct type *type) {
    switch (type->kind) {
    case TYPE_NULL: return type_of(TYPE_STRING);
    case TYPE_ARRAY: {
        const struct type *item = jsontype_final(arena, type->item);
        return item == type->item ? type : type_array(arena, item);
    }
    case TYPE_MAP: {
        const struct type *item = jsontype_final(arena, type->item);
        return item == type->item ? type : type_map(arena, type->key, item);
    }
    case TYPE_STRUCT: {
        struct field *field = arena_array(arena, struct field, type->field_cnt + 1);
        bool changed = false;
        for (uint32_t i = 0; i < type->field_cnt; i++) {
            field[i] = type->field[i];
            field[i].type = jsontype_final(arena, field[i].type);
            changed = changed || field[i].type != type->field[i].type;
        }
        return changed ? type_struct(arena, field, type->field_cnt) : type;
    }
    default: return type;
    }
}
