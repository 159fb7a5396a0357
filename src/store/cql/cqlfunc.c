/* cqlfunc.c - scalar functions. */
#include "store/cql/cqlfunc.h"

#include "base/err.h"
#include "base/uuid.h"
#include "store/cql/cqljson.h"
#include "wire/cql/cqlnum.h"
#include "wire/cql/cqltext.h"

#include <math.h>
#include <stdatomic.h>

#define VALUE_MAX (64 * MIB)
#define DAY_MS    INT64_C(86400000)
/* 100 ns from 1582-10-15 to 1970 */
#define UUID_EPOCH INT64_C(0x01B21DD213814000)

enum id {
    F_UUID, F_NOW, F_NOW_TIMESTAMP, F_NOW_DATE, F_NOW_TIME, F_TO_TIMESTAMP, F_TO_DATE, F_TO_UNIX,
    F_MIN_UUID, F_MAX_UUID, F_TO_JSON, F_FROM_JSON, F_AS_BLOB, F_FROM_BLOB, F_ABS, F_EXP, F_LOG,
    F_LOG10, F_ROUND,
};
struct func {
    const char *name;
    enum id id;
    enum cqltype_kind ret; /* CUSTOM: that of the argument, or of what is wanted */
    int args;
};
static const struct func funcs[] = {
    {"uuid", F_UUID, CQL_UUID, 0},
    {"now", F_NOW, CQL_TIMEUUID, 0},
    {"currenttimeuuid", F_NOW, CQL_TIMEUUID, 0},
    {"currenttimestamp", F_NOW_TIMESTAMP, CQL_TIMESTAMP, 0},
    {"currentdate", F_NOW_DATE, CQL_DATE, 0},
    {"currenttime", F_NOW_TIME, CQL_TIME, 0},
    {"totimestamp", F_TO_TIMESTAMP, CQL_TIMESTAMP, 1},
    {"dateof", F_TO_TIMESTAMP, CQL_TIMESTAMP, 1},
    {"todate", F_TO_DATE, CQL_DATE, 1},
    {"tounixtimestamp", F_TO_UNIX, CQL_BIGINT, 1},
    {"unixtimestampof", F_TO_UNIX, CQL_BIGINT, 1},
    {"mintimeuuid", F_MIN_UUID, CQL_TIMEUUID, 1},
    {"maxtimeuuid", F_MAX_UUID, CQL_TIMEUUID, 1},
    {"tojson", F_TO_JSON, CQL_TEXT, 1},
    {"fromjson", F_FROM_JSON, CQL_CUSTOM, 1},
    {"abs", F_ABS, CQL_CUSTOM, 1},
    {"exp", F_EXP, CQL_CUSTOM, 1},
    {"log", F_LOG, CQL_CUSTOM, 1},
    {"log10", F_LOG10, CQL_CUSTOM, 1},
    {"round", F_ROUND, CQL_CUSTOM, 1},
};

/* The name without '_', or "" when it is none of ours by its length. */
static struct str plain_name(struct str name, char room[64]) {
    size_t len = 0;
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '_') continue;
        if (len == 64) return STR("");
        room[len++] = name.ptr[i];
    }
    return (struct str){room, len};
}

static const struct cqltype *scalar_named(struct str name) {
    struct arena arena = ARENA_INIT;
    const struct cqltype *type = NULL;
    int err = cqltype_parse(name, NULL, &arena, &type);
    arena_fini(&arena);
    return err || !cqltype_scalar(type->kind) ? NULL : type;
}

/* Finds the function; `type` is set for the intAsBlob and blobAsInt families. */
static bool find(struct str name, struct func *out, const struct cqltype **type) {
    char room[64];
    name = plain_name(name, room);
    *type = NULL;
    for (size_t i = 0; i < ARRAY_LEN(funcs); i++)
        if (str_eqz(name, funcs[i].name)) {
            *out = funcs[i];
            return true;
        }
    if (str_ends(name, STR("asblob")) && name.len > 6) {
        *out = (struct func){"asblob", F_AS_BLOB, CQL_BLOB, 1};
        *type = scalar_named((struct str){name.ptr, name.len - 6});
    } else if (str_starts(name, STR("blobas")) && name.len > 6) {
        *out = (struct func){"blobas", F_FROM_BLOB, CQL_CUSTOM, 1};
        *type = scalar_named((struct str){name.ptr + 6, name.len - 6});
    }
    return *type != NULL;
}

static int wrong_args(const struct cqlfunc_call *call) {
    return err_fail(ERR_INVAL, "Invalid call to function %.*s, none of its type signatures match",
                    STR_ARG(call->name));
}

static const struct cqltype *default_arg(enum id id) {
    switch (id) {
    case F_TO_TIMESTAMP: case F_TO_DATE: case F_TO_UNIX: return cqltype_scalar(CQL_TIMEUUID);
    case F_MIN_UUID: case F_MAX_UUID: return cqltype_scalar(CQL_TIMESTAMP);
    case F_FROM_JSON: return cqltype_scalar(CQL_TEXT);
    case F_FROM_BLOB: return cqltype_scalar(CQL_BLOB);
    case F_ABS: case F_EXP: case F_LOG: case F_LOG10: case F_ROUND:
        return cqltype_scalar(CQL_DOUBLE);
    default: return NULL;
    }
}

static bool takes(enum id id, enum cqltype_kind kind) {
    switch (id) {
    case F_TO_TIMESTAMP:
        return kind == CQL_TIMEUUID || kind == CQL_DATE || kind == CQL_TIMESTAMP;
    case F_TO_DATE: return kind == CQL_TIMEUUID || kind == CQL_TIMESTAMP || kind == CQL_DATE;
    case F_TO_UNIX: return kind == CQL_TIMEUUID || kind == CQL_TIMESTAMP || kind == CQL_DATE;
    case F_MIN_UUID: case F_MAX_UUID: return kind == CQL_TIMESTAMP || kind == CQL_TIMEUUID;
    case F_FROM_JSON: return kind == CQL_TEXT || kind == CQL_ASCII;
    case F_FROM_BLOB: return kind == CQL_BLOB;
    case F_ABS: case F_EXP: case F_LOG: case F_LOG10: case F_ROUND: {
        const struct cqltype *type = cqltype_scalar(kind);
        return type && cqltype_is_num(type);
    }
    default: return true;
    }
}

int cqlfunc_type(struct cqlfunc_call *call, const struct cqltype **out) {
    struct func func;
    const struct cqltype *of;
    if (!find(call->name, &func, &of))
        return err_fail(ERR_INVAL, "Unknown function '%.*s'", STR_ARG(call->name));
    if (call->cnt != (size_t)func.args)
        return err_fail(ERR_INVAL, "Invalid number of arguments in call to function system.%.*s: "
                        "%d required but %zu provided", STR_ARG(call->name), func.args, call->cnt);
    if (func.args && !call->type[0])
        call->type[0] = func.id == F_AS_BLOB ? of : default_arg(func.id);
    if (func.args && (!call->type[0] || !takes(func.id, call->type[0]->kind)))
        return wrong_args(call);
    *out = cqltype_scalar(func.ret);
    if (func.id == F_FROM_BLOB) *out = of;
    else if (func.id == F_FROM_JSON) *out = call->want;
    else if (func.ret == CQL_CUSTOM) *out = call->type[0];
    return *out ? 0 : err_fail(ERR_INVAL, "%.*s() cannot be used here: the type of its result is "
                               "not known", STR_ARG(call->name));
}

/* ---- times ---------------------------------------------------------------------------------- */

static struct str i64_value(struct arena *arena, int64_t v) {
    char *bytes = arena_bytes(arena, 8);
    for (int i = 0; i < 8; i++)
        bytes[i] = (char)((uint64_t)v >> (56 - 8 * i));
    return (struct str){bytes, 8};
}

static struct str date_value(struct arena *arena, int64_t ms) {
    int64_t days = ms / DAY_MS - (ms % DAY_MS < 0);
    struct str wide = i64_value(arena, (int64_t)((uint32_t)days ^ 0x80000000u));
    return (struct str){wide.ptr + 4, 4};
}

static void put_uuid(int64_t ticks, const uint8_t tail[8], uint8_t out[16]) {
    uint64_t t = (uint64_t)(ticks + UUID_EPOCH);
    uint32_t low = (uint32_t)t;
    uint16_t mid = (uint16_t)(t >> 32), high = (uint16_t)((t >> 48 & 0x0FFF) | 0x1000);
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(low >> (24 - 8 * i));
    out[4] = (uint8_t)(mid >> 8);
    out[5] = (uint8_t)mid;
    out[6] = (uint8_t)(high >> 8);
    out[7] = (uint8_t)high;
    memcpy(out + 8, tail, 8);
}

void cqlfunc_timeuuid(struct env *env, int64_t now_us, uint8_t out[16]) {
    static _Atomic int64_t last;
    int64_t was = atomic_load(&last), ticks;
    do {
        ticks = MAX(now_us * 10, was + 1);
    } while (!atomic_compare_exchange_weak(&last, &was, ticks));
    uint8_t tail[8];
    env_random(env, tail, sizeof tail);
    tail[0] = (uint8_t)((tail[0] & 0x3F) | 0x80);
    tail[2] |= 1; /* a node id that is no network card's */
    put_uuid(ticks, tail, out);
}

static int64_t uuid_ms(struct str id) {
    struct rbuf in = rbuf_of_str(id);
    uint64_t low = rbuf_u32(&in);
    uint64_t mid = rbuf_u16(&in);
    uint64_t high = rbuf_u16(&in) & 0x0FFF;
    int64_t ticks = (int64_t)(high << 48 | mid << 32 | low) - UUID_EPOCH;
    return ticks / 10000 - (ticks % 10000 < 0);
}

static int64_t to_ms(const struct cqltype *type, struct str value) {
    struct rbuf in = rbuf_of_str(value);
    if (type->kind == CQL_TIMEUUID) return uuid_ms(value);
    if (type->kind == CQL_DATE) {
        uint32_t days = rbuf_u32(&in);
        return (int64_t)(int32_t)(days ^ 0x80000000u) * DAY_MS;
    }
    return rbuf_i64(&in);
}

static struct str bound_uuid(struct arena *arena, int64_t ms, bool most) {
    static const uint8_t least_tail[8] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80};
    static const uint8_t most_tail[8] = {0x7F, 0x7F, 0x7F, 0x7F, 0x7F, 0x7F, 0x7F, 0x7F};
    uint8_t *id = arena_alloc(arena, 16);
    put_uuid((int64_t)((uint64_t)ms * 10000) + (most ? 9999 : 0), most ? most_tail : least_tail,
             id);
    return (struct str){(const char *)id, 16};
}

static struct str random_id(const struct cqlfunc_call *call, bool timed) {
    uint8_t *id = arena_alloc(call->arena, 16);
    struct uuid made;
    if (timed) {
        cqlfunc_timeuuid(call->env, env_now_us(call->env), id);
    } else {
        made = uuid_random(call->env);
        memcpy(id, made.byte, 16);
    }
    return (struct str){(const char *)id, 16};
}

/* ---- numbers -------------------------------------------------------------------------------- */

static double as_double(const struct cqltype *type, struct str value) {
    struct rbuf in = rbuf_of_str(value);
    uint32_t bits;
    float f;
    switch (type->kind) {
    case CQL_DOUBLE: return rbuf_f64(&in);
    case CQL_FLOAT:
        bits = rbuf_u32(&in);
        memcpy(&f, &bits, sizeof f);
        return (double)f;
    case CQL_VARINT: return cqlnum_f64(value, true);
    case CQL_DECIMAL: return cqlnum_f64(value, false);
    case CQL_TINYINT: return rbuf_i8(&in);
    case CQL_SMALLINT: return rbuf_i16(&in);
    case CQL_INT: return rbuf_i32(&in);
    default: return (double)rbuf_i64(&in);
    }
}

static bool is_integer(enum cqltype_kind kind) {
    return kind == CQL_TINYINT || kind == CQL_SMALLINT || kind == CQL_INT || kind == CQL_BIGINT ||
           kind == CQL_COUNTER;
}

static int64_t as_i64(const struct cqltype *type, struct str value) {
    struct rbuf in = rbuf_of_str(value);
    switch (type->kind) {
    case CQL_TINYINT: return rbuf_i8(&in);
    case CQL_SMALLINT: return rbuf_i16(&in);
    case CQL_INT: return rbuf_i32(&in);
    default: return rbuf_i64(&in);
    }
}

static struct str narrow(struct arena *arena, int64_t v, int width) {
    struct str wide = i64_value(arena, v);
    return (struct str){wide.ptr + 8 - width, (size_t)width};
}

/* A double as any numeric type; integers by truncation, held within their range as Java does. */
static int from_double(struct arena *arena, double v, const struct cqltype *to, struct str *out) {
    struct buf buf;
    int err = 0;
    buf_init(&buf, VALUE_MAX);
    if (is_integer(to->kind)) {
        int64_t whole = isnan(v) ? 0 : v >= 0x1p63 ? INT64_MAX : INT64_MIN;
        if (v >= -0x1p63 && v < 0x1p63) whole = (int64_t)v;
        *out = narrow(arena, whole, cqltype_width(to));
        return 0;
    }
    if (to->kind == CQL_DOUBLE) {
        buf_f64(&buf, v);
    } else if (to->kind == CQL_FLOAT) {
        float f = (float)v;
        uint32_t bits;
        memcpy(&bits, &f, sizeof bits);
        buf_i32(&buf, (int32_t)bits);
    } else {
        struct str text = arena_printf(arena, to->kind == CQL_VARINT ? "%.0f" : "%.17g", v);
        if (isnan(v) || isinf(v)) err = err_fail(ERR_TYPE, "NaN and Infinity have no decimal form");
        else err = cqltext_parse(to, text, &buf);
    }
    *out = arena_str(arena, buf_str(&buf));
    buf_fini(&buf);
    return err;
}

static int math(const struct cqlfunc_call *call, enum id id, struct str *out) {
    const struct cqltype *type = call->type[0];
    double v = as_double(type, call->value[0]);
    if (id == F_ABS && is_integer(type->kind)) {
        int64_t n = as_i64(type, call->value[0]);
        *out = narrow(call->arena, n < 0 ? (int64_t)-(uint64_t)n : n, cqltype_width(type));
        return 0;
    }
    if (id == F_ROUND && is_integer(type->kind)) {
        *out = call->value[0];
        return 0;
    }
    v = id == F_ABS ? fabs(v) : id == F_EXP ? exp(v) : id == F_LOG ? log(v)
        : id == F_LOG10 ? log10(v) : round(v);
    return from_double(call->arena, v, type, out);
}

/* ---- running -------------------------------------------------------------------------------- */

static int to_json(const struct cqlfunc_call *call, struct str *out) {
    struct buf buf;
    buf_init(&buf, VALUE_MAX);
    cqltext_json(call->type[0], call->value[0], &buf);
    *out = arena_str(call->arena, buf_str(&buf));
    int err = buf.full ? err_fail(ERR_TOO_BIG, "the JSON text is too long") : 0;
    buf_fini(&buf);
    return err;
}

static int from_blob(const struct cqlfunc_call *call, const struct cqltype *type, struct str *out) {
    *out = call->value[0];
    int err = cqltype_validate(type, *out);
    return err ? err_fail(ERR_INVAL, "In call to function system.%.*s, value 0x... is not a valid "
                          "binary representation for type %s", STR_ARG(call->name),
                          cqltype_name(type->kind)) : 0;
}

int cqlfunc_run(struct cqlfunc_call *call, struct str *out) {
    struct func func;
    const struct cqltype *of;
    if (!find(call->name, &func, &of)) return wrong_args(call);
    struct str arg = call->cnt ? call->value[0] : STR("");
    const struct cqltype *type = call->type[0];
    int64_t now_us = env_now_us(call->env);
    *out = STR_NULL;
    if (func.id == F_TO_JSON) return to_json(call, out);
    if (!arg.ptr) return 0;
    switch (func.id) {
    case F_UUID: *out = random_id(call, false); return 0;
    case F_NOW: *out = random_id(call, true); return 0;
    case F_NOW_TIMESTAMP: *out = i64_value(call->arena, now_us / 1000); return 0;
    case F_NOW_DATE: *out = date_value(call->arena, now_us / 1000); return 0;
    case F_NOW_TIME: *out = i64_value(call->arena, now_us % (DAY_MS * 1000) * 1000); return 0;
    case F_TO_TIMESTAMP: case F_TO_UNIX: *out = i64_value(call->arena, to_ms(type, arg)); return 0;
    case F_TO_DATE: *out = date_value(call->arena, to_ms(type, arg)); return 0;
    case F_MIN_UUID: case F_MAX_UUID:
        *out = bound_uuid(call->arena, to_ms(type, arg), func.id == F_MAX_UUID);
        return 0;
    case F_FROM_JSON: return cqljson_parse(call->want, arg, call->arena, out);
    case F_AS_BLOB: *out = arg; return 0;
    case F_FROM_BLOB: return from_blob(call, of, out);
    default: return math(call, func.id, out);
    }
}

/* ---- CAST ----------------------------------------------------------------------------------- */

static bool is_time(enum cqltype_kind kind) {
    return kind == CQL_TIMESTAMP || kind == CQL_DATE || kind == CQL_TIMEUUID;
}

int cqlfunc_castable(const struct cqltype *from, const struct cqltype *to) {
    bool fine = cqltype_eq(from, to) || (cqltype_is_num(from) && cqltype_is_num(to)) ||
                (cqltype_is_text(to) && cqltype_scalar(from->kind) && from->kind != CQL_BLOB) ||
                (is_time(from->kind) && (to->kind == CQL_TIMESTAMP || to->kind == CQL_DATE));
    if (fine) return 0;
    return err_fail(ERR_INVAL, "%s cannot be cast to %s", cqltype_name(from->kind),
                    cqltype_name(to->kind));
}

int cqlfunc_cast(struct arena *arena, const struct cqltype *from, struct str value,
                 const struct cqltype *to, struct str *out) {
    struct buf buf;
    *out = value;
    if (!value.ptr || !value.len || cqltype_eq(from, to)) return 0;
    if (cqltype_is_text(to) || (cqltype_is_num(from) && (to->kind == CQL_DECIMAL ||
        (to->kind == CQL_VARINT && is_integer(from->kind))))) {
        buf_init(&buf, VALUE_MAX);
        cqltext_format(from, value, &buf);
        *out = arena_str(arena, buf_str(&buf));
        buf_reset(&buf);
        int err = cqltype_is_text(to) ? 0 : cqltext_parse(to, *out, &buf);
        if (!err && !cqltype_is_text(to)) *out = arena_str(arena, buf_str(&buf));
        buf_fini(&buf);
        return err;
    }
    if (is_time(from->kind)) {
        int64_t ms = to_ms(from, value);
        *out = to->kind == CQL_DATE ? date_value(arena, ms) : i64_value(arena, ms);
        return 0;
    }
    if (is_integer(from->kind) && is_integer(to->kind)) {
        *out = narrow(arena, as_i64(from, value), cqltype_width(to));
        return 0;
    }
    return from_double(arena, as_double(from, value), to, out);
}
