/* jsoncompat.c - one walk over two JSON Schemas, writer's and reader's, side by side.
 *
 * A pair of schemas that is being compared further up the stack is taken as compatible: that is
 * what ends schemas that refer to themselves. */
#include "registry/jsoncompat.h"

#include "base/err.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>

#define REF_MAX  32 /* references that lead to references */
#define PATH_MAX_LEN 400

enum { NIL = 1, BOOL = 2, INT = 4, NUM = 8, TEXT = 16, LIST = 32, OBJECT = 64, ANY = 127 };

struct pair {
    const json_t *writer, *reader;
};
struct compat {
    json_t *writer, *reader; /* the roots, for $ref */
    bool strict;
    struct arena *arena;
    struct str *why;
    size_t cnt;
    size_t steps;
    int depth;
    struct pair stack[JSONCOMPAT_DEPTH_MAX];
    char path[PATH_MAX_LEN];
    size_t path_len;
    int trial; /* > 0: differences are only counted */
};

static void compare(struct compat *c, json_t *writer, json_t *reader);

static void differ(struct compat *c, const char *what) {
    if (c->trial) {
        c->cnt++;
        return;
    }
    if (c->cnt == JSONCOMPAT_WHY_MAX) return;
    c->why[c->cnt++] = arena_printf(c->arena, "at #%.*s: %s", (int)c->path_len, c->path, what);
}

static size_t path_push(struct compat *c, const char *step, const char *name) {
    size_t old = c->path_len;
    int len = snprintf(c->path + old, sizeof c->path - old, "/%s%s%s", step, *name ? "/" : "",
                       name);
    c->path_len = MIN(old + (size_t)len, sizeof c->path - 1);
    return old;
}

static void path_pop(struct compat *c, size_t old) {
    c->path_len = old;
}

static void compare_at(struct compat *c, const char *step, const char *name, struct pair pair) {
    size_t old = path_push(c, step, name);
    compare(c, (json_t *)(uintptr_t)pair.writer, (json_t *)(uintptr_t)pair.reader);
    path_pop(c, old);
}

/* Does it hold, without saying why not? */
static bool holds(struct compat *c, json_t *writer, json_t *reader) {
    size_t before = c->cnt;
    c->trial++;
    compare(c, writer, reader);
    c->trial--;
    bool yes = c->cnt == before;
    c->cnt = before;
    return yes;
}

/* ---- references ---- */

/* The next step of a JSON pointer into `to`; false at its end. */
static bool pointer_step(const char **at, char *to, size_t cap) {
    const char *from = *at;
    size_t len = 0;
    if (*from != '/') return false;
    for (from++; *from && *from != '/' && len + 1 < cap; from++) {
        char c = *from;
        if (c == '~' && (from[1] == '0' || from[1] == '1')) c = *++from == '0' ? '~' : '/';
        to[len++] = c;
    }
    to[len] = 0;
    *at = from;
    return true;
}

static json_t *pointer(json_t *root, const char *ref) {
    char step[256];
    if (*ref++ != '#') return NULL;
    while (root && pointer_step(&ref, step, sizeof step)) {
        if (json_is_object(root)) {
            root = json_object_get(root, step);
        } else if (json_is_array(root)) {
            int64_t idx = -1;
            if (str_i64(str_of(step), &idx) || idx < 0) return NULL;
            root = json_array_get(root, (size_t)idx);
        } else {
            return NULL;
        }
    }
    return *ref ? NULL : root;
}

/* What a schema is once its $ref are followed; NULL: they lead nowhere we may go. */
static json_t *resolve(json_t *root, json_t *schema) {
    for (int i = 0; i < REF_MAX; i++) {
        const char *ref = json_string_value(json_object_get(schema, "$ref"));
        if (!ref) return schema;
        schema = pointer(root, ref);
        if (!schema) return NULL;
    }
    return NULL;
}

/* ---- types and values ---- */

static int type_bit(const char *name) {
    static const struct {
        const char *name;
        int bits;
    } types[] = {{"null", NIL},    {"boolean", BOOL}, {"integer", INT},  {"number", INT | NUM},
                 {"string", TEXT}, {"array", LIST},   {"object", OBJECT}};
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (!strcmp(types[i].name, name)) return types[i].bits;
    return 0;
}

static int value_bit(const json_t *value) {
    switch (json_typeof(value)) {
    case JSON_OBJECT: return OBJECT;
    case JSON_ARRAY: return LIST;
    case JSON_STRING: return TEXT;
    case JSON_REAL: return floor(json_real_value(value)) == json_real_value(value) ? INT : NUM;
    case JSON_INTEGER: return INT;
    case JSON_NULL: return NIL;
    default: return BOOL;
    }
}

static int type_bits(const json_t *schema) {
    json_t *type = json_object_get(schema, "type"), *item;
    size_t i;
    int bits = 0;
    if (json_is_string(type)) return type_bit(json_string_value(type));
    if (!json_is_array(type)) return ANY;
    json_array_foreach(type, i, item) if (json_is_string(item))
        bits |= type_bit(json_string_value(item));
    return bits;
}

/* The values that enum or const leave; a new reference, NULL: all. */
static json_t *values_of(const json_t *schema) {
    json_t *value = json_object_get(schema, "const"), *list = json_object_get(schema, "enum");
    if (value) return json_pack("[O]", value);
    return json_is_array(list) ? json_incref(list) : NULL;
}

static bool array_has(const json_t *array, const json_t *value) {
    size_t i;
    json_t *item;
    json_array_foreach(array, i, item) {
        if (json_equal(item, value)) return true;
        if (json_is_number(item) && json_is_number(value) &&
            json_number_value(item) == json_number_value(value))
            return true;
    }
    return false;
}

/* Types and enums; returns the types that the writer may have written. */
static int compare_types(struct compat *c, const json_t *writer, const json_t *reader) {
    json_t *was = values_of(writer), *now = values_of(reader), *item;
    size_t i;
    int bits = type_bits(writer);
    if (was) {
        int seen = 0;
        json_array_foreach(was, i, item) seen |= value_bit(item);
        bits &= seen;
    }
    if (bits & ~type_bits(reader)) differ(c, "a type is no longer allowed (TYPE_NARROWED)");
    if (now && !was) differ(c, "only some values are allowed now (ENUM_ARRAY_NARROWED)");
    if (now && was) {
        json_array_foreach(was, i, item) {
            if (array_has(now, item)) continue;
            differ(c, "a value of the enum was taken away (ENUM_ARRAY_NARROWED)");
            break;
        }
    }
    json_decref(was);
    json_decref(now);
    return bits;
}

static void compare_bounds(struct compat *c, const json_t *writer, const json_t *reader, int bits) {
    static const struct {
        const char *name, *what;
        int bits;
        bool upper;
    } bounds[] = {
        {"maximum", "maximum is lower (MAXIMUM_DECREASED)", INT | NUM, true},
        {"exclusiveMaximum", "exclusiveMaximum is lower (EXCLUSIVE_MAXIMUM_DECREASED)", INT | NUM,
         true},
        {"minimum", "minimum is higher (MINIMUM_INCREASED)", INT | NUM, false},
        {"exclusiveMinimum", "exclusiveMinimum is higher (EXCLUSIVE_MINIMUM_INCREASED)", INT | NUM,
         false},
        {"maxLength", "maxLength is lower (MAX_LENGTH_DECREASED)", TEXT, true},
        {"minLength", "minLength is higher (MIN_LENGTH_INCREASED)", TEXT, false},
        {"maxItems", "maxItems is lower (MAX_ITEMS_DECREASED)", LIST, true},
        {"minItems", "minItems is higher (MIN_ITEMS_INCREASED)", LIST, false},
        {"maxProperties", "maxProperties is lower (MAX_PROPERTIES_DECREASED)", OBJECT, true},
        {"minProperties", "minProperties is higher (MIN_PROPERTIES_INCREASED)", OBJECT, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(bounds); i++) {
        json_t *now = json_object_get(reader, bounds[i].name);
        json_t *was = json_object_get(writer, bounds[i].name);
        if (!(bits & bounds[i].bits) || !json_is_number(now)) continue;
        double to = json_number_value(now), from = json_number_value(was);
        bool free = !json_is_number(was);
        if (free && !bounds[i].upper && !(bounds[i].bits & (INT | NUM)) && to <= 0) continue;
        if (free || (bounds[i].upper ? to < from : to > from)) differ(c, bounds[i].what);
    }
}

static void compare_scalars(struct compat *c, const json_t *writer, const json_t *reader,
                            int bits) {
    json_t *now = json_object_get(reader, "pattern"), *was = json_object_get(writer, "pattern");
    if (bits & TEXT && now && !(was && json_equal(was, now)))
        differ(c, "pattern is new or another (PATTERN_CHANGED)");
    now = json_object_get(reader, "multipleOf");
    was = json_object_get(writer, "multipleOf");
    if (bits & (INT | NUM) && json_is_number(now) && !(was && json_equal(was, now))) {
        double step = json_number_value(now), old = json_number_value(was);
        bool fits = json_is_number(was) && step > 0 && fmod(old, step) == 0;
        if (!fits) differ(c, "multipleOf is new or another (MULTIPLE_OF_CHANGED)");
    }
    if (bits & LIST && json_is_true(json_object_get(reader, "uniqueItems")) &&
        !json_is_true(json_object_get(writer, "uniqueItems")))
        differ(c, "items must be unique now (UNIQUE_ITEMS_ADDED)");
}

/* ---- objects ---- */

/* A schema that takes everything, for a place where none is said. */
static json_t *schema_or_any(json_t *schema) {
    return schema ? schema : json_true();
}

static bool takes_all(const json_t *schema) {
    const char *name;
    json_t *value;
    if (json_is_true(schema)) return true;
    if (!json_is_object(schema)) return false;
    static const char *const says_nothing[] = {"title", "description", "default", "examples",
                                               "$schema", "$id", "$comment", "definitions",
                                               "$defs"};
    json_object_foreach((json_t *)(uintptr_t)schema, name, value) {
        bool idle = false;
        for (size_t i = 0; i < ARRAY_LEN(says_nothing); i++)
            idle |= !strcmp(name, says_nothing[i]);
        if (!idle) return false;
    }
    return true;
}

static json_t *property(const json_t *schema, const char *name) {
    return json_object_get(json_object_get(schema, "properties"), name);
}

/* What the schema says of members that it does not name. */
static json_t *others(const json_t *schema) {
    return schema_or_any(json_object_get(schema, "additionalProperties"));
}

static void compare_added(struct compat *c, const json_t *writer, const char *name, json_t *now) {
    json_t *was = others(writer);
    if (json_is_false(was)) return;
    if (takes_all(was) && takes_all(now)) return;
    if (takes_all(was)) {
        if (!c->strict) return;
        size_t old = path_push(c, "properties", name);
        differ(c, "a property that could be anything before "
                  "(PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL)");
        path_pop(c, old);
        return;
    }
    compare_at(c, "properties", name, (struct pair){was, now});
}

static void compare_removed(struct compat *c, const json_t *reader, const char *name,
                            json_t *was) {
    json_t *now = others(reader);
    if (json_is_false(now) && !json_is_false(was)) {
        size_t old = path_push(c, "properties", name);
        differ(c, "a property was taken away and no others are allowed "
                  "(PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL)");
        path_pop(c, old);
        return;
    }
    compare_at(c, "properties", name, (struct pair){was, now});
}

static void compare_required(struct compat *c, const json_t *writer, const json_t *reader) {
    json_t *now = json_object_get(reader, "required"), *was = json_object_get(writer, "required");
    json_t *item;
    size_t i;
    json_array_foreach(now, i, item) {
        const char *name = json_string_value(item);
        if (!name || (was && array_has(was, item))) continue;
        if (json_object_get(property(reader, name), "default")) continue;
        size_t old = path_push(c, "required", name);
        differ(c, "a property is required now (REQUIRED_ATTRIBUTE_ADDED)");
        path_pop(c, old);
    }
}

static void compare_patterns(struct compat *c, const json_t *writer, const json_t *reader) {
    json_t *was = json_object_get(writer, "patternProperties"), *schema;
    json_t *now = json_object_get(reader, "patternProperties");
    const char *name;
    json_object_foreach(was, name, schema) {
        json_t *same = json_object_get(now, name);
        compare_at(c, "patternProperties", name,
                   (struct pair){schema, same ? same : others(reader)});
    }
    json_object_foreach(now, name, schema) {
        if (json_object_get(was, name) || takes_all(schema)) continue;
        compare_at(c, "patternProperties", name, (struct pair){others(writer), schema});
    }
}

static void compare_objects(struct compat *c, const json_t *writer, const json_t *reader) {
    json_t *schema;
    const char *name;
    json_object_foreach(json_object_get(reader, "properties"), name, schema) {
        json_t *was = property(writer, name);
        if (was) compare_at(c, "properties", name, (struct pair){was, schema});
        else compare_added(c, writer, name, schema);
    }
    json_object_foreach(json_object_get(writer, "properties"), name, schema) {
        if (!property(reader, name)) compare_removed(c, reader, name, schema);
    }
    compare_required(c, writer, reader);
    compare_patterns(c, writer, reader);
    json_t *was = others(writer), *now = others(reader);
    if (takes_all(now) || json_is_false(was)) return;
    if (json_is_false(now)) {
        size_t old = path_push(c, "additionalProperties", "");
        differ(c, "other properties are no longer allowed (ADDITIONAL_PROPERTIES_REMOVED)");
        path_pop(c, old);
        return;
    }
    compare_at(c, "additionalProperties", "", (struct pair){was, now});
}

/* ---- arrays ---- */

static json_t *tuple_of(const json_t *schema) {
    json_t *items = json_object_get(schema, "items");
    json_t *prefix = json_object_get(schema, "prefixItems");
    return json_is_array(prefix) ? prefix : json_is_array(items) ? items : NULL;
}

/* What the schema says of items after its tuple. */
static json_t *rest_of(const json_t *schema) {
    json_t *items = json_object_get(schema, "items");
    if (json_is_array(items)) items = json_object_get(schema, "additionalItems");
    return schema_or_any(items);
}

static void compare_items(struct compat *c, const json_t *writer, const json_t *reader) {
    json_t *was = tuple_of(writer), *now = tuple_of(reader);
    size_t cnt = MAX(json_array_size(was), json_array_size(now));
    for (size_t i = 0; i < cnt; i++) {
        char name[24];
        json_t *from = json_array_get(was, i), *to = json_array_get(now, i);
        snprintf(name, sizeof name, "%zu", i);
        if (!from) from = rest_of(writer);
        if (!to) to = rest_of(reader);
        if (!json_is_false(from)) compare_at(c, "items", name, (struct pair){from, to});
    }
    compare_at(c, "items", "", (struct pair){rest_of(writer), rest_of(reader)});
}

/* ---- combinations ---- */

static json_t *sum_of(const json_t *schema) {
    json_t *sum = json_object_get(schema, "oneOf");
    if (!json_is_array(sum)) sum = json_object_get(schema, "anyOf");
    return json_is_array(sum) ? sum : NULL;
}

static void compare_plain(struct compat *c, const json_t *writer, const json_t *reader);

/* Does an alternative of the writer fit what the reader says beside its own alternatives? */
static bool plain_holds(struct compat *c, json_t *writer, const json_t *reader) {
    json_t *was = resolve(c->writer, writer);
    if (!json_is_object(was)) return json_is_false(was);
    size_t before = c->cnt;
    c->trial++;
    compare_plain(c, was, reader);
    c->trial--;
    bool yes = c->cnt == before;
    c->cnt = before;
    return yes;
}

/* Each of the writer's alternatives must fit one of the reader's. */
static void compare_sums(struct compat *c, json_t *writer, json_t *reader) {
    json_t *was = sum_of(writer), *now = sum_of(reader), *alone = json_array();
    if (!was) json_array_append(alone, writer);
    bool bare = was && type_bits(writer) == ANY; /* the alternatives say it all */
    size_t i, k;
    json_t *from, *to;
    json_array_foreach(was ? was : alone, i, from) {
        bool fits = !now;
        json_array_foreach(now, k, to) if (!fits) fits = holds(c, from, to);
        if (fits && bare) fits = now ? plain_holds(c, from, reader) : holds(c, from, reader);
        if (!fits) differ(c, "an alternative is no longer allowed (SUM_TYPE_NARROWED)");
    }
    json_decref(alone);
}

static void compare_rest(struct compat *c, const json_t *writer, const json_t *reader) {
    static const char *const names[] = {
        "not", "if", "then", "else", "contains", "minContains", "maxContains", "propertyNames",
        "dependencies", "dependentRequired", "dependentSchemas", "unevaluatedProperties",
        "unevaluatedItems", "$dynamicRef", "$recursiveRef"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        json_t *now = json_object_get(reader, names[i]), *was = json_object_get(writer, names[i]);
        if (!now || (was && json_equal(was, now))) continue;
        size_t old = path_push(c, names[i], "");
        differ(c, "new or another, and not looked into (KEYWORD_CHANGED)");
        path_pop(c, old);
    }
}

static void compare_plain(struct compat *c, const json_t *writer, const json_t *reader) {
    int bits = compare_types(c, writer, reader);
    compare_bounds(c, writer, reader, bits);
    compare_scalars(c, writer, reader, bits);
    if (bits & OBJECT) compare_objects(c, writer, reader);
    if (bits & LIST) compare_items(c, writer, reader);
    compare_rest(c, writer, reader);
}

/* One of the writer's allOf is enough to show that what it wrote fits. */
static bool part_holds(struct compat *c, const json_t *writer, json_t *reader) {
    size_t i;
    json_t *part;
    json_array_foreach(json_object_get(writer, "allOf"), i, part)
        if (holds(c, part, reader)) return true;
    return false;
}

static void compare_objects_of(struct compat *c, json_t *writer, json_t *reader) {
    size_t i;
    json_t *part;
    if (part_holds(c, writer, reader)) return;
    json_array_foreach(json_object_get(reader, "allOf"), i, part) compare(c, writer, part);
    json_t *was = sum_of(writer);
    if (was || sum_of(reader)) compare_sums(c, writer, reader);
    if (was && type_bits(writer) == ANY) return;
    compare_plain(c, writer, reader);
}

static void compare(struct compat *c, json_t *writer, json_t *reader) {
    if (++c->steps > JSONCOMPAT_STEP_MAX || c->depth == JSONCOMPAT_DEPTH_MAX) {
        differ(c, "too deep or too many alternatives to be compared");
        return;
    }
    for (int i = 0; i < c->depth; i++)
        if (c->stack[i].writer == writer && c->stack[i].reader == reader) return;
    json_t *was = resolve(c->writer, writer), *now = resolve(c->reader, reader);
    if (!was || !now) {
        if (!json_equal(writer, reader)) differ(c, "a $ref leads out of the schema or nowhere");
        return;
    }
    if (takes_all(now) || json_is_false(was)) return;
    if (json_is_false(now)) {
        differ(c, "nothing is allowed here any more (TYPE_NARROWED)");
        return;
    }
    json_t *empty = json_is_object(was) ? NULL : json_object();
    c->stack[c->depth++] = (struct pair){writer, reader};
    compare_objects_of(c, empty ? empty : was, now);
    c->depth--;
    json_decref(empty);
}

/* ---- the way in ---- */

static json_t *load(struct str text) {
    json_error_t error;
    json_t *json = json_loadb(text.ptr, text.len, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL |
                              JSON_ALLOW_NUL, &error);
    if (json) return json;
    err_fail(ERR_INVAL, "not JSON: line %d, column %d: %s", error.line, error.column, error.text);
    return NULL;
}

static int check_schema(json_t *schema, int depth);

static int check_map(json_t *map, const char *what, int depth) {
    const char *name;
    json_t *schema;
    if (!map) return 0;
    if (!json_is_object(map)) return err_fail(ERR_INVAL, "%s is not an object", what);
    json_object_foreach(map, name, schema) {
        int err = check_schema(schema, depth + 1);
        if (err) return err_add(err, "%s: %.80s", what, name);
    }
    return 0;
}

static int check_list(json_t *list, const char *what, int depth) {
    size_t i;
    json_t *schema;
    if (!list) return 0;
    if (!json_is_array(list)) return err_fail(ERR_INVAL, "%s is not a list", what);
    json_array_foreach(list, i, schema) {
        int err = check_schema(schema, depth + 1);
        if (err) return err_add(err, "%s: %zu", what, i);
    }
    return 0;
}

static int check_names(json_t *list, const char *what, bool types) {
    size_t i;
    json_t *item;
    if (!list) return 0;
    if (types && json_is_string(list))
        return type_bit(json_string_value(list))
                   ? 0
                   : err_fail(ERR_INVAL, "unknown type '%.40s'", json_string_value(list));
    if (!json_is_array(list)) return err_fail(ERR_INVAL, "%s is not a list", what);
    json_array_foreach(list, i, item) {
        if (!json_is_string(item)) return err_fail(ERR_INVAL, "%s holds no names", what);
        if (types && !type_bit(json_string_value(item)))
            return err_fail(ERR_INVAL, "unknown type '%.40s'", json_string_value(item));
    }
    return 0;
}

static int check_schema(json_t *schema, int depth) {
    if (depth > JSONCOMPAT_DEPTH_MAX)
        return err_fail(ERR_INVAL, "nested deeper than %d", JSONCOMPAT_DEPTH_MAX);
    if (json_is_boolean(schema)) return 0;
    if (!json_is_object(schema)) return err_fail(ERR_INVAL, "a schema is an object, true or false");
    json_t *items = json_object_get(schema, "items");
    json_t *extra = json_object_get(schema, "additionalProperties");
    json_t *ref = json_object_get(schema, "$ref");
    int err = check_names(json_object_get(schema, "type"), "type", true);
    if (!err && ref && !json_is_string(ref)) err = err_fail(ERR_INVAL, "$ref is not a text");
    if (!err && json_is_array(json_object_get(schema, "required")))
        err = check_names(json_object_get(schema, "required"), "required", false);
    if (!err) err = check_map(json_object_get(schema, "properties"), "properties", depth);
    if (!err) err = check_map(json_object_get(schema, "patternProperties"), "patternProperties",
                              depth);
    if (!err) err = check_map(json_object_get(schema, "definitions"), "definitions", depth);
    if (!err) err = check_map(json_object_get(schema, "$defs"), "$defs", depth);
    if (!err) err = check_list(json_object_get(schema, "allOf"), "allOf", depth);
    if (!err) err = check_list(json_object_get(schema, "anyOf"), "anyOf", depth);
    if (!err) err = check_list(json_object_get(schema, "oneOf"), "oneOf", depth);
    if (!err && items)
        err = json_is_array(items) ? check_list(items, "items", depth)
                                   : check_schema(items, depth + 1);
    if (!err && extra) err = check_schema(extra, depth + 1);
    return err;
}

int jsoncompat_valid(struct str text) {
    json_t *schema = load(text);
    if (!schema) return ERR_INVAL;
    int err = check_schema(schema, 0);
    json_decref(schema);
    return err;
}

int jsoncompat_check(struct str writer, struct str reader, bool strict, struct arena *arena,
                     struct str **why, size_t *cnt) {
    struct compat *c = arena_new(arena, struct compat);
    c->writer = load(writer);
    c->reader = c->writer ? load(reader) : NULL;
    int err = c->reader ? 0 : ERR_INVAL;
    if (!err) {
        c->strict = strict;
        c->arena = arena;
        c->why = arena_array(arena, struct str, JSONCOMPAT_WHY_MAX);
        compare(c, c->writer, c->reader);
    }
    *why = c->why;
    *cnt = c->cnt;
    json_decref(c->writer);
    json_decref(c->reader);
    return err;
}
