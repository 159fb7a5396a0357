/* type.c - making, comparing, printing, reading and widening types. */
#include "model/type.h"

#include "base/err.h"

static const struct type scalars[TYPE_KIND_CNT] = {
#define SCALAR(kind_) [kind_] = {.kind = kind_}
    SCALAR(TYPE_NULL),      SCALAR(TYPE_BOOL),          SCALAR(TYPE_I8),
    SCALAR(TYPE_I16),       SCALAR(TYPE_I32),           SCALAR(TYPE_I64),
    SCALAR(TYPE_F32),       SCALAR(TYPE_F64),           SCALAR(TYPE_STRING),
    SCALAR(TYPE_BINARY),    SCALAR(TYPE_UUID),          SCALAR(TYPE_DATE),
    SCALAR(TYPE_TIMESTAMP), SCALAR(TYPE_TIMESTAMP_NTZ), SCALAR(TYPE_INTERVAL_DT),
    SCALAR(TYPE_INTERVAL_YM),
#undef SCALAR
};

static const char *const names[TYPE_KIND_CNT] = {
    [TYPE_NULL] = "VOID",
    [TYPE_BOOL] = "BOOLEAN",
    [TYPE_I8] = "TINYINT",
    [TYPE_I16] = "SMALLINT",
    [TYPE_I32] = "INT",
    [TYPE_I64] = "BIGINT",
    [TYPE_F32] = "FLOAT",
    [TYPE_F64] = "DOUBLE",
    [TYPE_DECIMAL] = "DECIMAL",
    [TYPE_STRING] = "STRING",
    [TYPE_BINARY] = "BINARY",
    [TYPE_UUID] = "UUID",
    [TYPE_DATE] = "DATE",
    [TYPE_TIMESTAMP] = "TIMESTAMP",
    [TYPE_TIMESTAMP_NTZ] = "TIMESTAMP_NTZ",
    [TYPE_INTERVAL_DT] = "INTERVAL DAY TO SECOND",
    [TYPE_INTERVAL_YM] = "INTERVAL YEAR TO MONTH",
    [TYPE_STRUCT] = "STRUCT",
    [TYPE_ARRAY] = "ARRAY",
    [TYPE_MAP] = "MAP",
};

const struct type *type_of(enum type_kind kind) {
    assert(kind < TYPE_STRUCT && kind != TYPE_DECIMAL);
    return &scalars[kind];
}

const char *type_name(enum type_kind kind) {
    assert(kind < TYPE_KIND_CNT);
    return names[kind];
}

const struct type *type_decimal(struct arena *arena, int precision, int scale) {
    assert(precision >= 1 && precision <= 38 && scale >= 0 && scale <= precision);
    struct type *type = arena_new(arena, struct type);
    type->kind = TYPE_DECIMAL;
    type->precision = (uint8_t)precision;
    type->scale = (uint8_t)scale;
    return type;
}

const struct type *type_array(struct arena *arena, const struct type *item) {
    struct type *type = arena_new(arena, struct type);
    type->kind = TYPE_ARRAY;
    type->item = item;
    return type;
}

const struct type *type_map(struct arena *arena, const struct type *key, const struct type *item) {
    struct type *type = arena_new(arena, struct type);
    type->kind = TYPE_MAP;
    type->key = key;
    type->item = item;
    return type;
}

const struct type *type_struct(struct arena *arena, const struct field *field, size_t cnt) {
    assert(cnt <= TYPE_FIELD_MAX);
    struct type *type = arena_new(arena, struct type);
    struct field *copy = arena_array(arena, struct field, cnt);
    for (size_t i = 0; i < cnt; i++) {
        copy[i] = field[i];
        copy[i].name = arena_str(arena, field[i].name);
    }
    type->kind = TYPE_STRUCT;
    type->field = copy;
    type->field_cnt = (uint32_t)cnt;
    return type;
}

const struct type *type_copy(struct arena *arena, const struct type *type) {
    switch (type->kind) {
    case TYPE_DECIMAL: return type_decimal(arena, type->precision, type->scale);
    case TYPE_ARRAY: return type_array(arena, type_copy(arena, type->item));
    case TYPE_MAP:
        return type_map(arena, type_copy(arena, type->key), type_copy(arena, type->item));
    case TYPE_STRUCT: {
        struct field *field = arena_array(arena, struct field, type->field_cnt);
        for (uint32_t i = 0; i < type->field_cnt; i++) {
            field[i] = type->field[i];
            field[i].type = type_copy(arena, field[i].type);
        }
        return type_struct(arena, field, type->field_cnt);
    }
    default: return type_of(type->kind);
    }
}

bool type_eq(const struct type *a, const struct type *b) {
    if (a == b) return true;
    if (a->kind != b->kind) return false;
    if (a->kind == TYPE_DECIMAL) return a->precision == b->precision && a->scale == b->scale;
    if (a->kind == TYPE_ARRAY) return type_eq(a->item, b->item);
    if (a->kind == TYPE_MAP) return type_eq(a->key, b->key) && type_eq(a->item, b->item);
    if (a->kind != TYPE_STRUCT) return true;
    if (a->field_cnt != b->field_cnt) return false;
    for (uint32_t i = 0; i < a->field_cnt; i++)
        if (!str_ieq(a->field[i].name, b->field[i].name) ||
            !type_eq(a->field[i].type, b->field[i].type))
            return false;
    return true;
}

bool type_is_int(const struct type *type) {
    return type->kind >= TYPE_I8 && type->kind <= TYPE_I64;
}

bool type_is_num(const struct type *type) {
    return type->kind >= TYPE_I8 && type->kind <= TYPE_DECIMAL;
}

int type_field(const struct type *type, struct str name) {
    int found = -1;
    if (type->kind != TYPE_STRUCT) return -1;
    for (uint32_t i = 0; i < type->field_cnt; i++) {
        if (!str_ieq(type->field[i].name, name)) continue;
        if (found >= 0) return -2;
        found = (int)i;
    }
    return found;
}

/* A field's name as DDL text: in back-quotes unless it is a plain identifier. */
static void format_name(struct str name, struct buf *out) {
    bool plain = name.len > 0 && !(name.ptr[0] >= '0' && name.ptr[0] <= '9');
    for (size_t i = 0; i < name.len && plain; i++) {
        char c = name.ptr[i];
        plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                c == '_';
    }
    if (plain) {
        buf_puts(out, name);
        return;
    }
    buf_putc(out, '`');
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '`') buf_putc(out, '`');
        buf_putc(out, name.ptr[i]);
    }
    buf_putc(out, '`');
}

void type_format(const struct type *type, struct buf *out) {
    buf_putz(out, names[type->kind]);
    switch (type->kind) {
    case TYPE_DECIMAL: buf_printf(out, "(%d,%d)", type->precision, type->scale); break;
    case TYPE_ARRAY:
        buf_putc(out, '<');
        type_format(type->item, out);
        buf_putc(out, '>');
        break;
    case TYPE_MAP:
        buf_putc(out, '<');
        type_format(type->key, out);
        buf_putz(out, ", ");
        type_format(type->item, out);
        buf_putc(out, '>');
        break;
    case TYPE_STRUCT:
        buf_putc(out, '<');
        for (uint32_t i = 0; i < type->field_cnt; i++) {
            if (i) buf_putz(out, ", ");
            format_name(type->field[i].name, out);
            buf_putz(out, ": ");
            type_format(type->field[i].type, out);
        }
        buf_putc(out, '>');
        break;
    default: break;
    }
}

/* ---- reading ---- */

struct parse {
    struct str left;
    struct arena *arena;
    int depth;
};

static void skip_space(struct parse *in) {
    while (in->left.len && strchr(" \t\r\n", in->left.ptr[0])) in->left.ptr++, in->left.len--;
}

static bool take(struct parse *in, char c) {
    skip_space(in);
    if (!in->left.len || in->left.ptr[0] != c) return false;
    in->left.ptr++, in->left.len--;
    return true;
}

static int expect(struct parse *in, char c) {
    if (take(in, c)) return 0;
    return err_fail(ERR_SYNTAX, "type: expected '%c' before '%.*s'", c,
                    (int)MIN(in->left.len, 20), in->left.ptr);
}

static bool word_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static struct str take_word(struct parse *in) {
    skip_space(in);
    size_t len = 0;
    while (len < in->left.len && word_char(in->left.ptr[len])) len++;
    struct str word = {in->left.ptr, len};
    in->left.ptr += len, in->left.len -= len;
    return word;
}

/* A field's name: a word, or anything in back-quotes with `` for one of them. */
static int take_name(struct parse *in, struct str *out) {
    if (!take(in, '`')) {
        *out = take_word(in);
        return out->len ? 0 : err_fail(ERR_SYNTAX, "type: expected a field name");
    }
    char *text = arena_bytes(in->arena, in->left.len + 1);
    size_t len = 0;
    while (in->left.len) {
        char c = *in->left.ptr++;
        in->left.len--;
        if (c == '`' && !(in->left.len && in->left.ptr[0] == '`')) {
            *out = (struct str){text, len};
            return 0;
        }
        if (c == '`') in->left.ptr++, in->left.len--;
        text[len++] = c;
    }
    return err_fail(ERR_SYNTAX, "type: a ` is not closed");
}

static int parse_type(struct parse *in, const struct type **out);

static int parse_struct(struct parse *in, const struct type **out) {
    struct field *field = NULL;
    size_t cnt = 0, cap = 0;
    int err = expect(in, '<');
    while (!err && !(cnt == 0 && take(in, '>'))) {
        if (cnt == TYPE_FIELD_MAX) {
            err = err_fail(ERR_TOO_BIG, "type: more than %d fields", TYPE_FIELD_MAX);
            break;
        }
        if (cnt == cap) {
            cap = cap ? cap * 2 : 8;
            field = base_realloc(field, cap * sizeof *field);
        }
        field[cnt] = (struct field){STR_NULL, NULL, true};
        if ((err = take_name(in, &field[cnt].name))) break;
        take(in, ':');
        if ((err = parse_type(in, &field[cnt].type))) break;
        cnt++;
        if (take(in, ',')) continue;
        err = expect(in, '>');
        break;
    }
    if (!err) *out = type_struct(in->arena, field, cnt);
    base_free(field);
    return err;
}

static int parse_small_int(struct parse *in, int *out) {
    int64_t num;
    int err = str_i64(take_word(in), &num);
    if (err) return err_fail(ERR_SYNTAX, "type: expected a number");
    *out = (int)MIN(MAX(num, -1), 1000);
    return 0;
}

static int parse_decimal(struct parse *in, const struct type **out) {
    int precision = 10, scale = 0, err = 0;
    if (take(in, '(')) {
        err = parse_small_int(in, &precision);
        if (!err && take(in, ',')) err = parse_small_int(in, &scale);
        if (!err) err = expect(in, ')');
    }
    if (err) return err;
    if (precision < 1 || precision > 38 || scale < 0 || scale > precision)
        return err_fail(ERR_RANGE, "DECIMAL(%d,%d): precision is 1..38, scale 0..precision",
                        precision, scale);
    *out = type_decimal(in->arena, precision, scale);
    return 0;
}

static int parse_nested(struct parse *in, enum type_kind kind, const struct type **out) {
    const struct type *key = NULL, *item = NULL;
    int err = expect(in, '<');
    if (!err && kind == TYPE_MAP) {
        err = parse_type(in, &key);
        if (!err) err = expect(in, ',');
    }
    if (!err) err = parse_type(in, &item);
    if (!err) err = expect(in, '>');
    if (err) return err;
    *out = kind == TYPE_MAP ? type_map(in->arena, key, item) : type_array(in->arena, item);
    return 0;
}

/* Spark's second names of types. */
static enum type_kind kind_of(struct str word) {
    static const struct {
        const char *name;
        enum type_kind kind;
    } also[] = {{"long", TYPE_I64},     {"integer", TYPE_I32},    {"short", TYPE_I16},
                {"byte", TYPE_I8},      {"real", TYPE_F32},       {"dec", TYPE_DECIMAL},
                {"numeric", TYPE_DECIMAL}, {"varchar", TYPE_STRING}, {"char", TYPE_STRING},
                {"timestamp_ltz", TYPE_TIMESTAMP}};
    for (int kind = 0; kind < TYPE_KIND_CNT; kind++)
        if (str_ieq(word, str_of(names[kind]))) return (enum type_kind)kind;
    for (size_t i = 0; i < ARRAY_LEN(also); i++)
        if (str_ieq(word, str_of(also[i].name))) return also[i].kind;
    return TYPE_KIND_CNT;
}

static int parse_type(struct parse *in, const struct type **out) {
    if (in->depth == TYPE_DEPTH_MAX)
        return err_fail(ERR_TOO_BIG, "type nested deeper than %d", TYPE_DEPTH_MAX);
    struct str word = take_word(in);
    enum type_kind kind = kind_of(word);
    in->depth++;
    int err = 0;
    if (kind == TYPE_KIND_CNT)
        err = err_fail(ERR_SYNTAX, "unknown type '%.*s'; for instance STRING, BIGINT, DOUBLE, "
                       "BOOLEAN, TIMESTAMP, DECIMAL(10,2), ARRAY<..>, STRUCT<..>", STR_ARG(word));
    else if (kind == TYPE_DECIMAL) err = parse_decimal(in, out);
    else if (kind == TYPE_STRUCT) err = parse_struct(in, out);
    else if (kind == TYPE_ARRAY || kind == TYPE_MAP) err = parse_nested(in, kind, out);
    else *out = type_of(kind);
    if (!err && kind == TYPE_STRING && take(in, '(')) {
        int len;
        err = parse_small_int(in, &len);
        if (!err) err = expect(in, ')');
    }
    in->depth--;
    return err;
}

int type_parse(struct str text, struct arena *arena, const struct type **out) {
    struct parse in = {text, arena, 0};
    int err = parse_type(&in, out);
    skip_space(&in);
    if (!err && in.left.len)
        err = err_fail(ERR_SYNTAX, "type: '%.*s' is left over", (int)MIN(in.left.len, 40),
                       in.left.ptr);
    return err;
}

/* ---- widening ---- */

static const struct type *widen_struct(struct arena *arena, const struct type *a,
                                       const struct type *b) {
    struct field *field = arena_array(arena, struct field, (size_t)a->field_cnt + b->field_cnt);
    uint32_t cnt = a->field_cnt;
    memcpy(field, a->field, cnt * sizeof *field);
    for (uint32_t i = 0; i < b->field_cnt; i++) {
        uint32_t at = 0;
        while (at < a->field_cnt && !str_eq(a->field[at].name, b->field[i].name)) at++;
        if (at < a->field_cnt)
            field[at].type = type_widen(arena, a->field[at].type, b->field[i].type);
        else if (cnt < TYPE_FIELD_MAX) field[cnt++] = b->field[i];
    }
    return type_struct(arena, field, cnt);
}

const struct type *type_widen(struct arena *arena, const struct type *a, const struct type *b) {
    if (type_eq(a, b) && a->kind != TYPE_STRUCT) return a;
    if (a->kind == TYPE_NULL) return b;
    if (b->kind == TYPE_NULL) return a;
    if (a->kind == TYPE_STRUCT && b->kind == TYPE_STRUCT) return widen_struct(arena, a, b);
    if (a->kind == TYPE_ARRAY && b->kind == TYPE_ARRAY)
        return type_array(arena, type_widen(arena, a->item, b->item));
    if ((a->kind == TYPE_I64 && b->kind == TYPE_F64) ||
        (a->kind == TYPE_F64 && b->kind == TYPE_I64))
        return type_of(TYPE_F64);
    return type_of(TYPE_STRING);
}
