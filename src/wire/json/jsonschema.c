/* jsonschema.c - JSON Schema (draft-07) from a type, and a type from JSON Schema.
 *
 * Reading keeps the keywords it knows of one schema as slices of the text and decides when it has
 * seen them all. It recurses once a level of the schema, and a $ref is a level too, so
 * TYPE_DEPTH_MAX ends every cycle; VISIT_MAX ends those that branch. */
#include "wire/json/jsonschema.h"

#include "base/err.h"
#include "wire/json/json.h"

#define VISIT_MAX 100000 /* schemas looked at for one text, repeats by $ref included */

/* ---- writing ---- */

struct scalar {
    const char *type, *extra; /* further keywords */
};

static struct scalar scalar_of(enum type_kind kind) {
    switch (kind) {
    case TYPE_NULL: return (struct scalar){"null", ""};
    case TYPE_BOOL: return (struct scalar){"boolean", ""};
    case TYPE_I8: return (struct scalar){"integer", ",\"connect.type\":\"int8\""};
    case TYPE_I16: return (struct scalar){"integer", ",\"connect.type\":\"int16\""};
    case TYPE_I32: return (struct scalar){"integer", ",\"connect.type\":\"int32\""};
    case TYPE_I64: return (struct scalar){"integer", ""};
    case TYPE_F32: return (struct scalar){"number", ",\"connect.type\":\"float32\""};
    case TYPE_F64:
    case TYPE_DECIMAL: return (struct scalar){"number", ""};
    case TYPE_BINARY: return (struct scalar){"string", ",\"contentEncoding\":\"base64\""};
    case TYPE_UUID: return (struct scalar){"string", ",\"format\":\"uuid\""};
    case TYPE_DATE: return (struct scalar){"string", ",\"format\":\"date\""};
    case TYPE_TIMESTAMP: return (struct scalar){"string", ",\"format\":\"date-time\""};
    case TYPE_INTERVAL_DT:
    case TYPE_INTERVAL_YM: return (struct scalar){"integer", ""};
    default: return (struct scalar){"string", ""};
    }
}

static void put_types(const char *type, bool nullable, struct buf *out) {
    if (nullable) buf_printf(out, "{\"type\":[\"%s\",\"null\"]", type);
    else buf_printf(out, "{\"type\":\"%s\"", type);
}

static void put_schema(const struct type *type, bool nullable, unsigned flags, struct buf *out);

static void put_struct(const struct type *type, unsigned flags, struct buf *out) {
    const char *sep = "";
    buf_putz(out, ",\"properties\":{");
    for (uint32_t i = 0; i < type->field_cnt; i++) {
        if (i) buf_putc(out, ',');
        buf_json(out, type->field[i].name);
        buf_putc(out, ':');
        put_schema(type->field[i].type, type->field[i].nullable, flags, out);
    }
    buf_putc(out, '}');
    for (uint32_t i = 0; i < type->field_cnt; i++) {
        if (type->field[i].nullable) continue;
        buf_putz(out, *sep ? sep : ",\"required\":[");
        buf_json(out, type->field[i].name);
        sep = ",";
    }
    if (*sep) buf_putc(out, ']');
}

static void put_schema(const struct type *type, bool nullable, unsigned flags, struct buf *out) {
    if (type->kind == TYPE_STRUCT) {
        put_types("object", nullable, out);
        put_struct(type, flags, out);
    } else if (type->kind == TYPE_ARRAY) {
        put_types("array", nullable, out);
        buf_putz(out, ",\"items\":");
        put_schema(type->item, true, flags, out);
    } else if (type->kind == TYPE_MAP) {
        put_types("object", nullable, out);
        buf_putz(out, ",\"additionalProperties\":");
        put_schema(type->item, true, flags, out);
    } else if (type->kind == TYPE_STRING && flags & JSONSCHEMA_ANY) {
        buf_putz(out, "{\"type\":[\"string\",\"number\",\"boolean\",\"object\",\"array\"");
        buf_putz(out, nullable ? ",\"null\"]" : "]");
    } else {
        struct scalar scalar = scalar_of(type->kind);
        put_types(scalar.type, nullable && type->kind != TYPE_NULL, out);
        buf_putz(out, scalar.extra);
        bool named = type->kind == TYPE_DECIMAL || type->kind == TYPE_TIMESTAMP_NTZ ||
                     type->kind == TYPE_INTERVAL_DT || type->kind == TYPE_INTERVAL_YM;
        if (named) {
            buf_putz(out, ",\"sql.type\":\"");
            type_format(type, out);
            buf_putc(out, '"');
        }
    }
    buf_putc(out, '}');
}

void jsonschema_format(const struct type *type, struct str title, unsigned flags,
                       struct buf *out) {
    buf_putz(out, "{\"$schema\":\"http://json-schema.org/draft-07/schema#\",");
    if (title.len) {
        buf_putz(out, "\"title\":");
        buf_json(out, title);
        buf_putc(out, ',');
    }
    struct buf body;
    buf_init(&body, out->max);
    put_schema(type, false, flags, &body);
    buf_put(out, body.ptr + 1, body.len - 1); /* without its '{' */
    if (body.full) out->full = true;
    buf_fini(&body);
}

/* ---- reading ---- */

enum keyword {
    KEY_TYPE, KEY_PROPERTIES, KEY_ITEMS, KEY_ADDITIONAL, KEY_ONE_OF, KEY_ANY_OF, KEY_ALL_OF,
    KEY_ENUM, KEY_CONST, KEY_FORMAT, KEY_ENCODING, KEY_REF, KEY_CONNECT, KEY_SQL, KEY_CNT
};
static const char *const keyword_name[KEY_CNT] = {
    "type", "properties", "items", "additionalProperties", "oneOf", "anyOf", "allOf", "enum",
    "const", "format", "contentEncoding", "$ref", "connect.type", "sql.type"};

struct reader {
    struct str text; /* the whole schema: $ref points into it */
    struct arena *arena;
    int depth, visits;
};

/* One schema's keywords; `raw.ptr` NULL: not there. */
struct schema {
    struct json_value key[KEY_CNT];
};

static bool has(const struct schema *schema, enum keyword key) {
    return schema->key[key].raw.ptr != NULL;
}

static struct str text_of(struct reader *in, const struct schema *schema, enum keyword key) {
    if (!has(schema, key)) return STR("");
    return json_text(&schema->key[key], in->arena);
}

static void collect(struct reader *in, struct str raw, struct schema *out) {
    struct json json;
    struct json_value value;
    struct str name;
    memset(out, 0, sizeof *out);
    json_open(&json, raw, 0);
    if (json_kind(&json) != JSON_OBJECT) return; /* true: anything */
    json_object(&json);
    while (json_member(&json, &name)) {
        json_value(&json, &value);
        name = json_name(name, in->arena);
        for (int key = 0; key < KEY_CNT; key++)
            if (str_eqz(name, keyword_name[key])) out->key[key] = value;
    }
}

static int read_schema(struct reader *in, struct str raw, const struct type **out);

static int read_struct(struct reader *in, const struct json_value *value,
                       const struct type **out) {
    struct json json;
    struct json_value member;
    struct str name;
    struct field *field = NULL;
    size_t cnt = 0, cap = 0;
    int err = 0;
    json_open(&json, value->raw, 0);
    json_object(&json);
    while (!err && json_member(&json, &name)) {
        json_value(&json, &member);
        if (cnt == TYPE_FIELD_MAX) {
            err = err_fail(ERR_TOO_BIG, "JSON Schema: more than %d properties", TYPE_FIELD_MAX);
            break;
        }
        if (cnt == cap) {
            cap = cap ? cap * 2 : 16;
            field = base_realloc(field, cap * sizeof *field);
        }
        field[cnt] = (struct field){json_name(name, in->arena), NULL, true};
        err = read_schema(in, member.raw, &field[cnt++].type);
    }
    if (!err) err = json_err(&json);
    if (!err) *out = type_struct(in->arena, field, cnt);
    base_free(field);
    return err;
}

static int read_object(struct reader *in, const struct schema *schema, const struct type **out) {
    const struct json_value *more = &schema->key[KEY_ADDITIONAL];
    if (has(schema, KEY_PROPERTIES) || !has(schema, KEY_ADDITIONAL) ||
        more->kind != JSON_OBJECT) {
        if (has(schema, KEY_PROPERTIES))
            return read_struct(in, &schema->key[KEY_PROPERTIES], out);
        *out = type_of(TYPE_STRING); /* any object: its text */
        return 0;
    }
    const struct type *item;
    int err = read_schema(in, more->raw, &item);
    if (!err) *out = type_map(in->arena, type_of(TYPE_STRING), item);
    return err;
}

static int read_array(struct reader *in, const struct schema *schema, const struct type **out) {
    const struct json_value *items = &schema->key[KEY_ITEMS];
    const struct type *item = type_of(TYPE_STRING);
    int err = 0;
    if (has(schema, KEY_ITEMS) && items->kind == JSON_OBJECT)
        err = read_schema(in, items->raw, &item);
    if (!err) *out = type_array(in->arena, item);
    return err;
}

/* The types of the schemas in a list, widened. */
static int read_any(struct reader *in, const struct json_value *list, const struct type **out) {
    struct json json;
    struct json_value value;
    const struct type *sum = type_of(TYPE_NULL), *one;
    int err = 0;
    json_open(&json, list->raw, 0);
    json_array(&json);
    while (!err && json_item(&json)) {
        json_value(&json, &value);
        err = read_schema(in, value.raw, &one);
        if (!err) sum = type_widen(in->arena, sum, one);
    }
    if (!err) err = json_err(&json);
    *out = sum;
    return err;
}

static enum type_kind string_kind(struct reader *in, const struct schema *schema) {
    struct str format = text_of(in, schema, KEY_FORMAT);
    if (str_eqz(format, "uuid")) return TYPE_UUID;
    if (str_eqz(format, "date")) return TYPE_DATE;
    if (str_eqz(format, "date-time")) return TYPE_TIMESTAMP;
    return str_eqz(text_of(in, schema, KEY_ENCODING), "base64") ? TYPE_BINARY : TYPE_STRING;
}

/* One word of "type". */
static int read_word(struct reader *in, const struct schema *schema, struct str word,
                     const struct type **out) {
    static const struct {
        const char *name;
        enum type_kind kind;
    } width[] = {{"int8", TYPE_I8}, {"int16", TYPE_I16}, {"int32", TYPE_I32}};
    struct str connect = text_of(in, schema, KEY_CONNECT);
    if (str_eqz(word, "object")) return read_object(in, schema, out);
    if (str_eqz(word, "array")) return read_array(in, schema, out);
    enum type_kind kind;
    if (str_eqz(word, "null")) kind = TYPE_NULL;
    else if (str_eqz(word, "boolean")) kind = TYPE_BOOL;
    else if (str_eqz(word, "integer")) kind = TYPE_I64;
    else if (str_eqz(word, "number")) kind = str_eqz(connect, "float32") ? TYPE_F32 : TYPE_F64;
    else if (str_eqz(word, "string")) kind = string_kind(in, schema);
    else
        return err_fail(ERR_SYNTAX, "JSON Schema: \"type\" is '%.*s'; it is one of object, array, "
                        "string, number, integer, boolean, null", (int)MIN(word.len, 100),
                        word.ptr);
    for (size_t i = 0; kind == TYPE_I64 && i < ARRAY_LEN(width); i++)
        if (str_eqz(connect, width[i].name)) kind = width[i].kind;
    *out = type_of(kind);
    return 0;
}

static int read_words(struct reader *in, const struct schema *schema, const struct type **out) {
    const struct json_value *types = &schema->key[KEY_TYPE];
    if (types->kind != JSON_ARRAY)
        return read_word(in, schema, json_text(types, in->arena), out);
    struct json json;
    struct json_value value;
    const struct type *sum = type_of(TYPE_NULL), *one;
    int err = 0;
    json_open(&json, types->raw, 0);
    json_array(&json);
    while (!err && json_item(&json)) {
        json_value(&json, &value);
        err = read_word(in, schema, json_text(&value, in->arena), &one);
        if (!err) sum = type_widen(in->arena, sum, one);
    }
    if (!err) err = json_err(&json);
    *out = sum;
    return err;
}

/* The types of the values themselves: of "enum" a list, of "const" one. */
static int read_values(struct reader *in, const struct schema *schema, const struct type **out) {
    static const enum type_kind kind_of[] = {TYPE_NULL, TYPE_BOOL,   TYPE_I64,
                                             TYPE_F64,  TYPE_STRING, TYPE_STRING, TYPE_STRING};
    const struct json_value *list = &schema->key[KEY_ENUM];
    struct json json;
    struct json_value value;
    *out = type_of(TYPE_NULL);
    if (!has(schema, KEY_ENUM) || list->kind != JSON_ARRAY) {
        *out = type_of(kind_of[schema->key[KEY_CONST].kind]);
        return 0;
    }
    json_open(&json, list->raw, 0);
    json_array(&json);
    while (json_item(&json) && json_value(&json, &value))
        *out = type_widen(in->arena, *out, type_of(kind_of[value.kind]));
    return json_err(&json);
}

/* "#/definitions/name": where it points in the text. */
static int follow(struct reader *in, struct str ref, struct str *raw) {
    if (!str_starts(ref, STR("#")))
        return err_fail(ERR_UNSUPPORTED, "JSON Schema: $ref '%.*s' leads out of the schema",
                        (int)MIN(ref.len, 200), ref.ptr);
    *raw = in->text;
    struct str left = {ref.ptr + 1, ref.len - 1}, step;
    if (left.len && left.ptr[0] == '/') left.ptr++, left.len--;
    while (left.ptr && left.len) {
        struct json json;
        struct json_value value;
        struct str name, found = STR_NULL;
        step = str_cut(left, '/', &left);
        json_open(&json, *raw, 0);
        if (json_kind(&json) == JSON_OBJECT && json_object(&json))
            while (json_member(&json, &name) && json_value(&json, &value))
                if (str_eq(json_name(name, in->arena), step)) found = value.raw;
        if (!found.ptr)
            return err_fail(ERR_NOT_FOUND, "JSON Schema: $ref '%.*s' points at nothing",
                            (int)MIN(ref.len, 200), ref.ptr);
        *raw = found;
    }
    return 0;
}

static int decide(struct reader *in, struct schema *schema, const struct type **out) {
    struct str raw;
    if (has(schema, KEY_REF)) {
        int err = follow(in, text_of(in, schema, KEY_REF), &raw);
        return err ? err : read_schema(in, raw, out);
    }
    if (has(schema, KEY_SQL)) return type_parse(text_of(in, schema, KEY_SQL), in->arena, out);
    static const enum keyword lists[] = {KEY_ONE_OF, KEY_ANY_OF, KEY_ALL_OF};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        if (has(schema, lists[i]) && schema->key[lists[i]].kind == JSON_ARRAY)
            return read_any(in, &schema->key[lists[i]], out);
    if (has(schema, KEY_TYPE)) return read_words(in, schema, out);
    if (has(schema, KEY_PROPERTIES)) return read_object(in, schema, out);
    if (has(schema, KEY_ITEMS)) return read_array(in, schema, out);
    if (has(schema, KEY_ENUM) || has(schema, KEY_CONST)) return read_values(in, schema, out);
    *out = type_of(TYPE_STRING); /* no constraint: any value, as text */
    return 0;
}

static int read_schema(struct reader *in, struct str raw, const struct type **out) {
    struct schema schema;
    if (in->depth == TYPE_DEPTH_MAX || in->visits == VISIT_MAX)
        return err_fail(ERR_TOO_BIG, "JSON Schema: nested deeper than %d levels, or it refers to "
                        "itself", TYPE_DEPTH_MAX);
    in->depth++;
    in->visits++;
    collect(in, raw, &schema);
    int err = decide(in, &schema, out);
    in->depth--;
    return err;
}

int jsonschema_parse(struct str text, struct arena *arena, const struct type **out) {
    struct reader in = {text, arena, 0, 0};
    int err = json_check(text, NULL);
    return err ? err : read_schema(&in, text, out);
}
