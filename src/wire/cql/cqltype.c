/* cqltype.c - CQL's types: names, validation, order.
 *
 * One table holds what differs between the scalars; nested types are walked with the depth that
 * cqltype_parse() has limited. */
#include "wire/cql/cqltype.h"

#include "base/err.h"
#include "wire/cql/cqlnum.h"
#include "wire/cql/cqlvint.h"

struct fact {
    const char *name, *class;
    int width;
    const char *wrong; /* said when the length is neither the width nor 0 */
};

static const struct fact facts[] = {
    [CQL_ASCII] = {"ascii", "AsciiType", 0, NULL},
    [CQL_BIGINT] = {"bigint", "LongType", 8, "Expected 8 or 0 byte long (%zu)"},
    [CQL_BLOB] = {"blob", "BytesType", 0, NULL},
    [CQL_BOOLEAN] = {"boolean", "BooleanType", 1, "Expected 1 or 0 byte value (%zu)"},
    [CQL_COUNTER] = {"counter", "CounterColumnType", 8, "Expected 8 or 0 byte long (%zu)"},
    [CQL_DECIMAL] = {"decimal", "DecimalType", 0, NULL},
    [CQL_DOUBLE] = {"double", "DoubleType", 8, "Expected 8 or 0 byte value for a double (%zu)"},
    [CQL_FLOAT] = {"float", "FloatType", 4, "Expected 4 or 0 byte value for a float (%zu)"},
    [CQL_INT] = {"int", "Int32Type", 4, "Expected 4 or 0 byte int (%zu)"},
    [CQL_TIMESTAMP] = {"timestamp", "TimestampType", 8,
                       "Expected 8 or 0 byte long for date (%zu)"},
    [CQL_UUID] = {"uuid", "UUIDType", 16, "UUID should be 16 or 0 bytes (%zu)"},
    [CQL_TEXT] = {"text", "UTF8Type", 0, NULL},
    [CQL_VARINT] = {"varint", "IntegerType", 0, NULL},
    [CQL_TIMEUUID] = {"timeuuid", "TimeUUIDType", 16, "UUID should be 16 or 0 bytes (%zu)"},
    [CQL_INET] = {"inet", "InetAddressType", 0, NULL},
    [CQL_DATE] = {"date", "SimpleDateType", 4, "Expected 4 byte long for date (%zu)"},
    [CQL_TIME] = {"time", "TimeType", 8, "Expected 8 byte long for time (%zu)"},
    [CQL_SMALLINT] = {"smallint", "ShortType", 2, "Expected 2 bytes for a smallint (%zu)"},
    [CQL_TINYINT] = {"tinyint", "ByteType", 1, "Expected 1 byte for a tinyint (%zu)"},
    [CQL_DURATION] = {"duration", "DurationType", 0, NULL},
    [CQL_LIST] = {"list", "ListType", 0, NULL},
    [CQL_MAP] = {"map", "MapType", 0, NULL},
    [CQL_SET] = {"set", "SetType", 0, NULL},
    [CQL_UDT] = {"udt", "UserType", 0, NULL},
    [CQL_TUPLE] = {"tuple", "TupleType", 0, NULL},
};

static const struct cqltype scalars[] = {
#define SCALAR(k) [k] = {.kind = k}
    SCALAR(CQL_ASCII),     SCALAR(CQL_BIGINT),   SCALAR(CQL_BLOB),   SCALAR(CQL_BOOLEAN),
    SCALAR(CQL_COUNTER),   SCALAR(CQL_DECIMAL),  SCALAR(CQL_DOUBLE), SCALAR(CQL_FLOAT),
    SCALAR(CQL_INT),       SCALAR(CQL_TIMESTAMP), SCALAR(CQL_UUID),  SCALAR(CQL_TEXT),
    SCALAR(CQL_VARINT),    SCALAR(CQL_TIMEUUID), SCALAR(CQL_INET),   SCALAR(CQL_DATE),
    SCALAR(CQL_TIME),      SCALAR(CQL_SMALLINT), SCALAR(CQL_TINYINT), SCALAR(CQL_DURATION),
#undef SCALAR
};

const struct cqltype *cqltype_scalar(enum cqltype_kind kind) {
    if ((size_t)kind >= ARRAY_LEN(scalars) || scalars[kind].kind == CQL_CUSTOM) return NULL;
    return &scalars[kind];
}

const char *cqltype_name(enum cqltype_kind kind) {
    if (kind == CQL_VECTOR) return "vector";
    return (size_t)kind < ARRAY_LEN(facts) && facts[kind].name ? facts[kind].name : "custom";
}

const struct cqltype *cqltype_make(struct arena *arena, enum cqltype_kind kind, bool frozen,
                                   const struct cqltype *const *arg, size_t arg_cnt) {
    assert(kind == CQL_LIST || kind == CQL_SET || kind == CQL_MAP || kind == CQL_TUPLE);
    assert(arg_cnt <= CQLTYPE_ARG_MAX);
    struct cqltype *type = arena_new(arena, struct cqltype);
    const struct cqltype **copy = arena_array(arena, const struct cqltype *, arg_cnt);
    for (size_t i = 0; i < arg_cnt; i++)
        copy[i] = arg[i];
    type->kind = kind;
    type->frozen = frozen || kind == CQL_TUPLE;
    type->arg = copy;
    type->arg_cnt = (uint16_t)arg_cnt;
    return type;
}

const struct cqltype *cqltype_vector(struct arena *arena, const struct cqltype *item,
                                     uint32_t dim) {
    const struct cqltype **arg = arena_array(arena, const struct cqltype *, 1);
    struct cqltype *type = arena_new(arena, struct cqltype);
    arg[0] = item;
    *type = (struct cqltype){.kind = CQL_VECTOR, .frozen = true, .arg = arg, .arg_cnt = 1,
                             .dim = dim};
    return type;
}

static const struct cqltype *copy(struct arena *arena, const struct cqltype *type, bool freeze) {
    if (cqltype_scalar(type->kind)) return cqltype_scalar(type->kind);
    struct cqltype *out = arena_new(arena, struct cqltype);
    *out = *type;
    out->frozen = type->frozen || freeze;
    const struct cqltype **arg = arena_array(arena, const struct cqltype *, type->arg_cnt);
    struct str *field = type->field ? arena_array(arena, struct str, type->arg_cnt) : NULL;
    for (size_t i = 0; i < type->arg_cnt; i++) {
        arg[i] = copy(arena, type->arg[i], freeze);
        if (field) field[i] = arena_str(arena, type->field[i]);
    }
    out->arg = arg;
    out->field = field;
    if (type->name.ptr) out->name = arena_str(arena, type->name);
    if (type->keyspace.ptr) out->keyspace = arena_str(arena, type->keyspace);
    return out;
}

const struct cqltype *cqltype_copy(struct arena *arena, const struct cqltype *type) {
    return copy(arena, type, false);
}

const struct cqltype *cqltype_freeze(struct arena *arena, const struct cqltype *type) {
    return copy(arena, type, true);
}

/* ---- names ---------------------------------------------------------------------------------- */

static bool is_plain_name(struct str name) {
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool fine = (c >= 'a' && c <= 'z') || (i && ((c >= '0' && c <= '9') || c == '_'));
        if (!fine) return false;
    }
    return name.len > 0;
}

static void put_name(struct buf *out, struct str name) {
    if (is_plain_name(name)) {
        buf_puts(out, name);
        return;
    }
    buf_putc(out, '"');
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '"') buf_putc(out, '"');
        buf_putc(out, name.ptr[i]);
    }
    buf_putc(out, '"');
}

void cqltype_format(const struct cqltype *type, struct buf *out) {
    if (cqltype_scalar(type->kind)) {
        buf_putz(out, cqltype_name(type->kind));
        return;
    }
    bool wrap = type->frozen && type->kind != CQL_VECTOR;
    if (wrap) buf_putz(out, "frozen<");
    if (type->kind == CQL_UDT) {
        put_name(out, type->name);
    } else {
        buf_printf(out, "%s<", cqltype_name(type->kind));
        for (size_t i = 0; i < type->arg_cnt; i++) {
            if (i) buf_putz(out, ", ");
            cqltype_format(type->arg[i], out);
        }
        if (type->kind == CQL_VECTOR) buf_printf(out, ", %" PRIu32, type->dim);
        buf_putc(out, '>');
    }
    if (wrap) buf_putc(out, '>');
}

static void put_hex(struct buf *out, struct str bytes) {
    for (size_t i = 0; i < bytes.len; i++)
        buf_printf(out, "%02x", (unsigned char)bytes.ptr[i]);
}

void cqltype_class(const struct cqltype *type, struct buf *out) {
    static const char *const PACKAGE = "org.apache.cassandra.db.marshal.";
    bool wrap = type->frozen && type->kind != CQL_VECTOR && type->kind != CQL_TUPLE;
    if (wrap) buf_printf(out, "%sFrozenType(", PACKAGE);
    buf_printf(out, "%s%s", PACKAGE,
               type->kind == CQL_VECTOR ? "VectorType" : facts[type->kind].class);
    if (type->arg_cnt) buf_putc(out, '(');
    if (type->kind == CQL_UDT) {
        buf_puts(out, type->keyspace);
        buf_putc(out, ',');
        put_hex(out, type->name);
    }
    for (size_t i = 0; i < type->arg_cnt; i++) {
        if (i || type->kind == CQL_UDT) buf_putc(out, ',');
        if (type->kind == CQL_UDT) {
            put_hex(out, type->field[i]);
            buf_putc(out, ':');
        }
        cqltype_class(type->arg[i], out);
    }
    if (type->kind == CQL_VECTOR) buf_printf(out, " , %" PRIu32, type->dim);
    if (type->arg_cnt) buf_putc(out, ')');
    if (wrap) buf_putc(out, ')');
}

/* ---- parsing names -------------------------------------------------------------------------- */

struct parser {
    struct str text;
    size_t pos;
    const struct cqltype_scope *scope;
    struct arena *arena;
    int depth;
};

static void skip_space(struct parser *p) {
    while (p->pos < p->text.len && strchr(" \t\r\n", p->text.ptr[p->pos]))
        p->pos++;
}

static bool accept(struct parser *p, char c) {
    skip_space(p);
    if (p->pos >= p->text.len || p->text.ptr[p->pos] != c) return false;
    p->pos++;
    return true;
}

static int expect(struct parser *p, char c) {
    if (accept(p, c)) return 0;
    return err_fail(ERR_SYNTAX, "type \"%.*s\": '%c' is missing at column %zu", STR_ARG(p->text), c,
                    p->pos + 1);
}

static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* A name: bare ones in lower case, quoted ones as they are. */
static int word(struct parser *p, struct str *out, bool *quoted) {
    skip_space(p);
    size_t from = p->pos;
    *quoted = p->pos < p->text.len && p->text.ptr[p->pos] == '"';
    if (*quoted) {
        const char *end = memchr(p->text.ptr + from + 1, '"', p->text.len - from - 1);
        if (!end) return err_fail(ERR_SYNTAX, "type \"%.*s\": no closing quote", STR_ARG(p->text));
        p->pos = (size_t)(end - p->text.ptr) + 1;
        *out = (struct str){p->text.ptr + from + 1, p->pos - from - 2};
        return 0;
    }
    while (p->pos < p->text.len && is_word(p->text.ptr[p->pos]))
        p->pos++;
    if (p->pos == from)
        return err_fail(ERR_SYNTAX, "type \"%.*s\": a name is missing at column %zu",
                        STR_ARG(p->text), from + 1);
    char *low = arena_bytes(p->arena, p->pos - from);
    for (size_t i = from; i < p->pos; i++) {
        char c = p->text.ptr[i];
        low[i - from] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    *out = (struct str){low, p->pos - from};
    return 0;
}

static int parse_type(struct parser *p, const struct cqltype **out);

static int parse_args(struct parser *p, const struct cqltype **arg, size_t max, size_t *cnt) {
    int err = expect(p, '<');
    if (err) return err;
    *cnt = 0;
    do {
        if (*cnt == max)
            return err_fail(ERR_SYNTAX, "type \"%.*s\": more than %zu arguments", STR_ARG(p->text),
                            max);
        if ((err = parse_type(p, &arg[(*cnt)++]))) return err;
    } while (accept(p, ','));
    return expect(p, '>');
}

/* What may stand inside a collection: nothing that is stored cell by cell. */
static int check_inner(const struct cqltype *outer, const struct cqltype *inner) {
    struct buf text;
    buf_init(&text, 2 * CQLTYPE_NAME_MAX);
    cqltype_format(outer, &text);
    int err = 0;
    if (inner->kind == CQL_COUNTER)
        err = err_fail(ERR_INVAL, "Counters are not allowed inside collections: %.*s",
                       STR_ARG(buf_str(&text)));
    else if (cqltype_is_multi(inner) && inner->kind == CQL_UDT)
        err = err_fail(ERR_INVAL, "Non-frozen UDTs are not allowed inside collections: %.*s",
                       STR_ARG(buf_str(&text)));
    else if (cqltype_is_multi(inner))
        err = err_fail(ERR_INVAL, "Non-frozen collections are not allowed inside collections: %.*s",
                       STR_ARG(buf_str(&text)));
    else if (inner->kind == CQL_DURATION && outer->kind == CQL_SET)
        err = err_fail(ERR_INVAL, "Durations are not allowed inside sets: %.*s",
                       STR_ARG(buf_str(&text)));
    buf_fini(&text);
    return err;
}

static int parse_collection(struct parser *p, enum cqltype_kind kind, const struct cqltype **out) {
    const struct cqltype *arg[2];
    size_t cnt, want = kind == CQL_MAP ? 2 : 1;
    int err = parse_args(p, arg, want, &cnt);
    if (err) return err;
    if (cnt != want)
        return err_fail(ERR_SYNTAX, "type \"%.*s\": a map has a key and a value",
                        STR_ARG(p->text));
    *out = cqltype_make(p->arena, kind, false, arg, cnt);
    return 0;
}

static int parse_tuple(struct parser *p, const struct cqltype **out) {
    const struct cqltype *arg[CQLTYPE_ARG_MAX];
    size_t cnt;
    int err = parse_args(p, arg, CQLTYPE_ARG_MAX, &cnt);
    if (err) return err;
    for (size_t i = 0; i < cnt; i++)
        arg[i] = cqltype_freeze(p->arena, arg[i]);
    *out = cqltype_make(p->arena, CQL_TUPLE, true, arg, cnt);
    return 0;
}

static int parse_vector(struct parser *p, const struct cqltype **out) {
    const struct cqltype *item;
    struct str dim;
    bool quoted;
    int64_t n = 0;
    int err = expect(p, '<');
    if (err || (err = parse_type(p, &item)) || (err = expect(p, ','))) return err;
    if ((err = word(p, &dim, &quoted)) || (err = expect(p, '>'))) return err;
    if (str_i64(dim, &n) || n < 1)
        return err_fail(ERR_INVAL, "vectors may only have positive dimensions; given %.*s",
                        STR_ARG(dim));
    if (n > CQLTYPE_DIM_MAX)
        return err_fail(ERR_INVAL, "vectors may have at most %d dimensions; given %.*s",
                        CQLTYPE_DIM_MAX, STR_ARG(dim));
    *out = cqltype_vector(p->arena, cqltype_freeze(p->arena, item), (uint32_t)n);
    return 0;
}

static int parse_frozen(struct parser *p, const struct cqltype **out) {
    const struct cqltype *inner;
    size_t cnt;
    int err = parse_args(p, &inner, 1, &cnt);
    if (err) return err;
    if (cqltype_scalar(inner->kind))
        return err_fail(ERR_INVAL,
                        "frozen<> is only allowed on collections, tuples, and user-defined types "
                        "(got %s)", cqltype_name(inner->kind));
    *out = cqltype_freeze(p->arena, inner);
    return 0;
}

static const struct cqltype *scalar_named(struct str name) {
    if (str_eqz(name, "varchar")) return &scalars[CQL_TEXT];
    for (size_t i = 0; i < ARRAY_LEN(scalars); i++)
        if (scalars[i].kind && str_eqz(name, facts[i].name)) return &scalars[i];
    return NULL;
}

static int parse_named(struct parser *p, struct str name, const struct cqltype **out) {
    if (accept(p, '.')) { /* a keyspace before it: only the scope's own is known */
        bool quoted;
        int err = word(p, &name, &quoted);
        if (err) return err;
    }
    if (!p->scope) return err_fail(ERR_INVAL, "Unknown type %.*s", STR_ARG(name));
    int err = p->scope->udt(p->scope->self, name, p->arena, out);
    return err == ERR_NOT_FOUND ? ERR_INVAL : err; /* with the scope's sentence */
}

static int parse_type(struct parser *p, const struct cqltype **out) {
    struct str name;
    bool quoted;
    if (++p->depth > CQLTYPE_DEPTH_MAX)
        return err_fail(ERR_TOO_BIG, "a type is nested more than %d levels deep",
                        CQLTYPE_DEPTH_MAX);
    int err = word(p, &name, &quoted);
    if (err) return err;
    const struct cqltype *scalar = quoted ? NULL : scalar_named(name);
    skip_space(p);
    bool args = p->pos < p->text.len && p->text.ptr[p->pos] == '<';
    if (scalar)
        *out = scalar;
    else if (!args)
        err = parse_named(p, name, out);
    else if (str_eqz(name, "list"))
        err = parse_collection(p, CQL_LIST, out);
    else if (str_eqz(name, "set"))
        err = parse_collection(p, CQL_SET, out);
    else if (str_eqz(name, "map"))
        err = parse_collection(p, CQL_MAP, out);
    else if (str_eqz(name, "tuple"))
        err = parse_tuple(p, out);
    else if (str_eqz(name, "vector"))
        err = parse_vector(p, out);
    else if (str_eqz(name, "frozen"))
        err = parse_frozen(p, out);
    else
        err = err_fail(ERR_SYNTAX, "Unknown type %.*s", STR_ARG(name));
    p->depth--;
    return err;
}

/* Only now, since frozen<> around a collection freezes what is inside. */
static int check_nesting(const struct cqltype *type) {
    for (size_t i = 0; i < type->arg_cnt; i++) {
        int err = 0;
        if (type->kind == CQL_LIST || type->kind == CQL_SET || type->kind == CQL_MAP)
            err = check_inner(type, type->arg[i]);
        if (err || (err = check_nesting(type->arg[i]))) return err;
    }
    return 0;
}

int cqltype_parse(struct str text, const struct cqltype_scope *scope, struct arena *arena,
                  const struct cqltype **out) {
    if (text.len > CQLTYPE_NAME_MAX)
        return err_fail(ERR_TOO_BIG, "a type's text is longer than %d bytes", CQLTYPE_NAME_MAX);
    struct parser p = {.text = arena_str(arena, text), .scope = scope, .arena = arena};
    int err = parse_type(&p, out);
    if (err) return err;
    skip_space(&p);
    if (p.pos != text.len)
        return err_fail(ERR_SYNTAX, "type \"%.*s\": what is '%.*s'?", STR_ARG(text),
                        STR_ARG(((struct str){p.text.ptr + p.pos, text.len - p.pos})));
    return check_nesting(*out);
}

/* ---- questions ------------------------------------------------------------------------------ */

bool cqltype_eq(const struct cqltype *a, const struct cqltype *b) {
    if (a == b) return true;
    if (a->kind != b->kind || a->frozen != b->frozen || a->arg_cnt != b->arg_cnt) return false;
    if (a->dim != b->dim) return false;
    if (a->kind == CQL_UDT && (!str_eq(a->name, b->name) || !str_eq(a->keyspace, b->keyspace)))
        return false;
    for (size_t i = 0; i < a->arg_cnt; i++)
        if (!cqltype_eq(a->arg[i], b->arg[i])) return false;
    return true;
}

bool cqltype_is_text(const struct cqltype *type) {
    return type->kind == CQL_TEXT || type->kind == CQL_ASCII;
}

bool cqltype_is_num(const struct cqltype *type) {
    switch (type->kind) {
    case CQL_BIGINT: case CQL_COUNTER: case CQL_DECIMAL: case CQL_DOUBLE: case CQL_FLOAT:
    case CQL_INT: case CQL_VARINT: case CQL_SMALLINT: case CQL_TINYINT: return true;
    default: return false;
    }
}

bool cqltype_is_multi(const struct cqltype *type) {
    if (type->frozen) return false;
    return type->kind == CQL_LIST || type->kind == CQL_SET || type->kind == CQL_MAP ||
           type->kind == CQL_UDT;
}

int cqltype_width(const struct cqltype *type) {
    if (type->kind == CQL_VECTOR) return (int)type->dim * cqltype_width(type->arg[0]);
    return (size_t)type->kind < ARRAY_LEN(facts) ? facts[type->kind].width : 0;
}

/* ---- items of nested values ----------------------------------------------------------------- */

bool cqltype_items(const struct cqltype *type, struct rbuf *in, size_t *cnt) {
    if (type->kind == CQL_TUPLE || type->kind == CQL_UDT) {
        *cnt = type->arg_cnt;
        return true;
    }
    if (type->kind == CQL_VECTOR) {
        *cnt = type->dim;
        return true;
    }
    int64_t n = rbuf_i32(in);
    size_t pair = type->kind == CQL_MAP ? 2 : 1;
    *cnt = rbuf_count(in, n, 4 * pair) * pair;
    return !in->bad;
}

struct str cqltype_item(const struct cqltype *type, struct rbuf *in, size_t idx) {
    (void)idx;
    if (type->kind == CQL_VECTOR) {
        int width = cqltype_width(type->arg[0]);
        return rbuf_bytes(in, width ? (size_t)width : (size_t)cqlvint_read_u(in));
    }
    /* A tuple written before a field was added simply ends earlier. */
    if ((type->kind == CQL_TUPLE || type->kind == CQL_UDT) && rbuf_left(in) == 0)
        return STR_NULL;
    int32_t len = rbuf_i32(in);
    if (len < 0) return STR_NULL;
    return rbuf_bytes(in, (size_t)len);
}

static const struct cqltype *item_type(const struct cqltype *type, size_t idx) {
    if (type->kind == CQL_TUPLE || type->kind == CQL_UDT) return type->arg[idx];
    return type->arg[type->kind == CQL_MAP ? idx % 2 : 0];
}

/* ---- validation ----------------------------------------------------------------------------- */

static int validate_nested(const struct cqltype *type, struct str bytes) {
    struct rbuf in = rbuf_of_str(bytes);
    size_t cnt;
    const char *name = cqltype_name(type->kind);
    if (!cqltype_items(type, &in, &cnt))
        return err_fail(ERR_TYPE, "Not enough bytes to read a %s", name);
    bool tuple = type->kind == CQL_TUPLE || type->kind == CQL_UDT;
    for (size_t i = 0; i < cnt; i++) {
        struct str item = cqltype_item(type, &in, i);
        if (in.bad)
            return tuple ? err_fail(ERR_TYPE, "Not enough bytes to read %zu-th component", i)
                         : err_fail(ERR_TYPE, "Not enough bytes to read a %s", name);
        if (!item.ptr && !tuple)
            return err_fail(ERR_TYPE, "null is not supported inside %ss", name);
        int err = cqltype_validate(item_type(type, i), item);
        if (err) return err;
    }
    if (rbuf_left(&in))
        return err_fail(ERR_TYPE, "Invalid remaining data after end of %s value", name);
    return 0;
}

static int validate_duration(struct str bytes) {
    struct rbuf in = rbuf_of_str(bytes);
    if (bytes.len < 3)
        return err_fail(ERR_TYPE, "Expected at least 3 bytes for a duration (%zu)", bytes.len);
    int64_t months = cqlvint_read(&in);
    int64_t days = cqlvint_read(&in);
    int64_t nanos = cqlvint_read(&in);
    if (!rbuf_done(&in)) return err_fail(ERR_TYPE, "Invalid bytes for a duration");
    if (months != (int32_t)months || days != (int32_t)days)
        return err_fail(ERR_TYPE, "The duration months and days must be 32 bits integers");
    bool neg = months < 0 || days < 0 || nanos < 0, pos = months > 0 || days > 0 || nanos > 0;
    if (neg && pos)
        return err_fail(ERR_TYPE, "The duration months, days and nanoseconds must be all of the "
                        "same sign (%" PRId64 ", %" PRId64 ", %" PRId64 ")", months, days, nanos);
    return 0;
}

static int validate_var(const struct cqltype *type, struct str bytes) {
    switch (type->kind) {
    case CQL_ASCII:
        for (size_t i = 0; i < bytes.len; i++)
            if ((signed char)bytes.ptr[i] < 0)
                return err_fail(ERR_TYPE, "Invalid byte for ascii: %d", (signed char)bytes.ptr[i]);
        return 0;
    case CQL_TEXT:
        return str_utf8(bytes) ? 0 : err_fail(ERR_TYPE, "String didn't validate.");
    case CQL_DECIMAL:
        if (bytes.len > CQLNUM_BYTES_MAX)
            return err_fail(ERR_TOO_BIG, "a decimal is longer than %d bytes", CQLNUM_BYTES_MAX);
        if (bytes.len == 0 || bytes.len >= 4) return 0;
        return err_fail(ERR_TYPE, "Expected 0 or at least 4 bytes (%zu)", bytes.len);
    case CQL_VARINT:
        if (bytes.len <= CQLNUM_BYTES_MAX) return 0;
        return err_fail(ERR_TOO_BIG, "a varint is longer than %d bytes", CQLNUM_BYTES_MAX);
    case CQL_INET:
        if (bytes.len == 0 || bytes.len == 4 || bytes.len == 16) return 0;
        return err_fail(ERR_TYPE, "Expected 4 or 16 byte inetaddress; got %zu", bytes.len);
    case CQL_DURATION: return validate_duration(bytes);
    case CQL_BLOB: return 0;
    default: return validate_nested(type, bytes);
    }
}

int cqltype_validate(const struct cqltype *type, struct str bytes) {
    if (!bytes.ptr) return 0;
    if (type->kind == CQL_VECTOR) return validate_nested(type, bytes);
    const struct fact *fact = &facts[type->kind];
    if (!fact->width) return validate_var(type, bytes);
    bool strict = type->kind == CQL_DATE || type->kind == CQL_TIME || type->kind == CQL_SMALLINT ||
                  type->kind == CQL_TINYINT;
    if (bytes.len != (size_t)fact->width && (strict || bytes.len != 0)) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        return err_fail(ERR_TYPE, fact->wrong, bytes.len);
#pragma GCC diagnostic pop
    }
    if (type->kind == CQL_TIMEUUID && bytes.len && ((unsigned char)bytes.ptr[6] >> 4) != 1)
        return err_fail(ERR_TYPE, "Invalid version for TimeUUID type.");
    if (type->kind == CQL_TIME) {
        struct rbuf in = rbuf_of_str(bytes);
        int64_t t = rbuf_i64(&in);
        if (t < 0 || t >= INT64_C(86400000000000))
            return err_fail(ERR_TYPE, "Input long out of bounds: %" PRId64, t);
    }
    return 0;
}

/* ---- order ---------------------------------------------------------------------------------- */

static int64_t as_int(struct str bytes) {
    int64_t v = bytes.len && (signed char)bytes.ptr[0] < 0 ? -1 : 0;
    for (size_t i = 0; i < bytes.len; i++)
        v = (int64_t)((uint64_t)v << 8 | (unsigned char)bytes.ptr[i]);
    return v;
}

/* Java's Double.compare: -0.0 below 0.0, NaN above all. */
static int cmp_float(double a, double b) {
    bool an = a != a, bn = b != b;
    if (an || bn) return an - bn;
    if (a != b) return a < b ? -1 : 1;
    return (int)!__builtin_signbit(a) - (int)!__builtin_signbit(b);
}

static double as_float(struct str bytes) {
    struct rbuf in = rbuf_of_str(bytes);
    if (bytes.len == 8) return rbuf_f64(&in);
    uint32_t bits = rbuf_u32(&in);
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* The time of a version 1 uuid with its version on top, so that it compares as a number. */
static uint64_t uuid_time(struct str id) {
    struct rbuf in = rbuf_of_str(id);
    uint64_t low = rbuf_u32(&in);
    uint64_t mid = rbuf_u16(&in);
    uint64_t high = rbuf_u16(&in);
    return high << 48 | mid << 32 | low;
}

static int cmp_uuid(struct str a, struct str b, bool time_only) {
    int va = (unsigned char)a.ptr[6] >> 4, vb = (unsigned char)b.ptr[6] >> 4;
    if (!time_only && va != vb) return va - vb;
    if (time_only || va == 1) {
        uint64_t ta = uuid_time(a), tb = uuid_time(b);
        if (ta != tb) return ta < tb ? -1 : 1;
    }
    if (!time_only) return memcmp(a.ptr, b.ptr, 16);
    for (size_t i = 8; i < 16; i++) /* signed bytes: an old mistake that the order keeps */
        if (a.ptr[i] != b.ptr[i]) return (signed char)a.ptr[i] < (signed char)b.ptr[i] ? -1 : 1;
    return 0;
}

static int cmp_nested(const struct cqltype *type, struct str a, struct str b) {
    struct rbuf ina = rbuf_of_str(a), inb = rbuf_of_str(b);
    size_t na = 0, nb = 0;
    if (!cqltype_items(type, &ina, &na) || !cqltype_items(type, &inb, &nb)) return str_cmp(a, b);
    for (size_t i = 0; i < na && i < nb; i++) {
        struct str x = cqltype_item(type, &ina, i);
        struct str y = cqltype_item(type, &inb, i);
        if (!x.ptr || !y.ptr) {
            if (x.ptr == y.ptr) continue;
            return x.ptr ? 1 : -1;
        }
        int cmp = cqltype_compare(item_type(type, i), x, y);
        if (cmp) return cmp;
    }
    return na < nb ? -1 : na > nb;
}

int cqltype_compare(const struct cqltype *type, struct str a, struct str b) {
    if (!a.len || !b.len) return (a.len > 0) - (b.len > 0);
    switch (type->kind) {
    case CQL_BIGINT: case CQL_COUNTER: case CQL_INT: case CQL_TIMESTAMP: case CQL_SMALLINT:
    case CQL_TINYINT: {
        int64_t x = as_int(a), y = as_int(b);
        return x < y ? -1 : x > y;
    }
    case CQL_DOUBLE: case CQL_FLOAT: return cmp_float(as_float(a), as_float(b));
    case CQL_DECIMAL: return cqlnum_compare(a, b);
    case CQL_VARINT: return cqlnum_compare_int(a, b);
    case CQL_UUID: return cmp_uuid(a, b, false);
    case CQL_TIMEUUID: return cmp_uuid(a, b, true);
    case CQL_LIST: case CQL_SET: case CQL_MAP: case CQL_TUPLE: case CQL_UDT: case CQL_VECTOR:
        return cmp_nested(type, a, b);
    default: return str_cmp(a, b);
    }
}
