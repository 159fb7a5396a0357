/* kmsg.c - the one interpreter of Kafka's messages.
 *
 *   type      fixed form                      flexible ("compact") form
 *   string    i16 length, -1 null             uvarint length + 1, 0 null
 *   bytes     i32 length, -1 null             uvarint length + 1, 0 null
 *   array     i32 count, -1 null, elements    uvarint count + 1, 0 null, elements
 *   {}struct  i8: -1 null, 1 there            the same
 *   struct    fields                          fields, uvarint count of tagged fields, each
 *                                             uvarint tag, uvarint size, bytes; tags rise
 *
 * Recursion goes as deep as the spec nests structs (5), never as deep as the input says. */
#include "wire/kafka/kmsg.h"

#include "base/err.h"

struct ctx { /* of one decoding or encoding */
    int version;
    bool flex;
    struct arena *arena;
    size_t mem;       /* handed out so far, at most KMSG_MEM_MAX */
    const char *name; /* the field where it went wrong, for the note */
    bool too_big;
};

static bool has(const struct kmsg_field *f, int version) {
    return version >= f->first && version <= f->last;
}

static bool nullable(const struct kmsg_field *f, int version) {
    return version >= f->null_first && version <= f->null_last;
}

const struct kmsg_api *kmsg_api_of(int key) {
    for (size_t i = 0; i < kmsg_api_cnt; i++)
        if (kmsg_apis[i].key == key) return &kmsg_apis[i];
    return NULL;
}

static size_t type_size(const struct kmsg_field *f) {
    static const size_t size[] = {
        [KMSG_BOOL] = sizeof(bool),        [KMSG_I8] = 1,
        [KMSG_I16] = 2,                    [KMSG_I32] = 4,
        [KMSG_I64] = 8,                    [KMSG_F64] = 8,
        [KMSG_UUID] = sizeof(struct uuid), [KMSG_STRING] = sizeof(struct str),
        [KMSG_BYTES] = sizeof(struct str), [KMSG_RECORDS] = sizeof(struct str),
    };
    return f->type == KMSG_STRUCT ? f->elem->size : size[f->type];
}

/* ---- defaults ---- */

static void put_number(void *at, uint8_t type, int64_t v) {
    switch (type) {
    case KMSG_BOOL: *(bool *)at = v != 0; break;
    case KMSG_I8: *(int8_t *)at = (int8_t)v; break;
    case KMSG_I16: *(int16_t *)at = (int16_t)v; break;
    case KMSG_I32: *(int32_t *)at = (int32_t)v; break;
    case KMSG_I64: *(int64_t *)at = v; break;
    case KMSG_F64: *(double *)at = (double)v; break;
    default: break;
    }
}

void kmsg_init(const struct kmsg_struct *type, void *msg) {
    memset(msg, 0, type->size);
    for (size_t i = 0; i < type->field_cnt; i++) {
        const struct kmsg_field *f = &type->field[i];
        if (f->value && !f->array) put_number((char *)msg + f->pos, f->type, f->value);
    }
}

void *kmsg_array(const struct kmsg_struct *type, struct arena *arena, size_t cnt) {
    char *all = arena_calloc(arena, MAX(cnt, 1), type->size);
    for (size_t i = 0; i < cnt; i++)
        kmsg_init(type, all + i * type->size);
    return all;
}

/* ---- decoding ---- */

static void decode_struct(struct ctx *c, const struct kmsg_struct *type, struct rbuf *in,
                          void *out);

/* The fewest bytes a value of `f` (one element, for arrays) takes: what limits counts. */
static size_t min_size(const struct ctx *c, const struct kmsg_field *f, bool element) {
    static const uint8_t fixed[] = {
        [KMSG_BOOL] = 1, [KMSG_I8] = 1,    [KMSG_I16] = 2,    [KMSG_I32] = 4,   [KMSG_I64] = 8,
        [KMSG_F64] = 8,  [KMSG_UUID] = 16, [KMSG_STRING] = 2, [KMSG_BYTES] = 4, [KMSG_RECORDS] = 4,
    };
    if (f->array && !element) return c->flex ? 1 : 4;
    if (f->type == KMSG_STRUCT) {
        if (!element) return 1;
        size_t sum = c->flex ? 1 : 0;
        for (size_t i = 0; i < f->elem->field_cnt; i++) {
            const struct kmsg_field *sub = &f->elem->field[i];
            if (sub->tag < 0 && has(sub, c->version)) sum += min_size(c, sub, false);
        }
        return MAX(sum, 1);
    }
    if (f->type >= KMSG_STRING && c->flex) return 1;
    return fixed[f->type];
}

static void bad_field(struct ctx *c, const struct kmsg_field *f, struct rbuf *in) {
    if (!c->name) c->name = f->name;
    rbuf_fail(in);
}

/* A length or count as sent: -1 for null, less for nonsense. */
static int64_t read_len(const struct ctx *c, bool is_string, struct rbuf *in) {
    if (!c->flex) return is_string ? rbuf_i16(in) : rbuf_i32(in);
    uint64_t n = rbuf_uvarint(in);
    return n > INT32_MAX ? -2 : (int64_t)n - 1;
}

static struct str decode_bytes(struct ctx *c, const struct kmsg_field *f, struct rbuf *in,
                               bool may_null) {
    int64_t len = read_len(c, f->type == KMSG_STRING, in);
    if (len == -1 && may_null) return STR_NULL;
    if (len < 0 || (uint64_t)len > rbuf_left(in)) {
        bad_field(c, f, in);
        return STR_NULL;
    }
    return rbuf_bytes(in, (size_t)len);
}

static void *take(struct ctx *c, size_t cnt, size_t size) {
    if (cnt > (KMSG_MEM_MAX - c->mem) / size) {
        c->too_big = true;
        return NULL;
    }
    c->mem += cnt * size;
    return arena_calloc(c->arena, MAX(cnt, 1), size);
}

static void decode_one(struct ctx *c, const struct kmsg_field *f, struct rbuf *in, void *at,
                       bool may_null) {
    switch (f->type) {
    case KMSG_BOOL: *(bool *)at = rbuf_i8(in) != 0; break;
    case KMSG_I8: *(int8_t *)at = rbuf_i8(in); break;
    case KMSG_I16: *(int16_t *)at = rbuf_i16(in); break;
    case KMSG_I32: *(int32_t *)at = rbuf_i32(in); break;
    case KMSG_I64: *(int64_t *)at = rbuf_i64(in); break;
    case KMSG_F64: *(double *)at = rbuf_f64(in); break;
    case KMSG_UUID: {
        struct str raw = rbuf_bytes(in, sizeof(struct uuid));
        if (raw.len) memcpy(at, raw.ptr, raw.len);
        break;
    }
    case KMSG_STRUCT: decode_struct(c, f->elem, in, at); break;
    default: *(struct str *)at = decode_bytes(c, f, in, may_null);
    }
}

static void decode_array(struct ctx *c, const struct kmsg_field *f, struct rbuf *in, char *out) {
    int64_t sent = read_len(c, false, in);
    if (sent == -1 && nullable(f, c->version)) return;
    size_t cnt = rbuf_count(in, sent, min_size(c, f, true));
    if (in->bad) {
        bad_field(c, f, in);
        return;
    }
    size_t size = type_size(f);
    char *all = take(c, cnt, size);
    if (!all) {
        bad_field(c, f, in);
        return;
    }
    *(void **)(void *)(out + f->pos) = all;
    *(size_t *)(void *)(out + f->cnt_pos) = cnt;
    for (size_t i = 0; i < cnt && !in->bad; i++)
        decode_one(c, f, in, all + i * size, false);
}

static void decode_field(struct ctx *c, const struct kmsg_field *f, struct rbuf *in, char *out) {
    if (f->array) {
        decode_array(c, f, in, out);
        return;
    }
    if (f->type != KMSG_STRUCT) {
        decode_one(c, f, in, out + f->pos, nullable(f, c->version));
        return;
    }
    if (nullable(f, c->version) && rbuf_i8(in) < 0) return;
    void *sub = take(c, 1, f->elem->size);
    if (!sub) {
        bad_field(c, f, in);
        return;
    }
    *(void **)(void *)(out + f->pos) = sub;
    decode_struct(c, f->elem, in, sub);
}

static const struct kmsg_field *field_of_tag(const struct kmsg_struct *type, int version,
                                             uint64_t tag) {
    for (size_t i = 0; i < type->field_cnt; i++) {
        const struct kmsg_field *f = &type->field[i];
        if (f->tag >= 0 && (uint64_t)f->tag == tag && has(f, version)) return f;
    }
    return NULL;
}

static void decode_tags(struct ctx *c, const struct kmsg_struct *type, struct rbuf *in, char *out) {
    uint64_t cnt = rbuf_uvarint(in), last = 0;
    if (cnt > KMSG_TAG_MAX) rbuf_fail(in);
    for (uint64_t i = 0; i < cnt && !in->bad; i++) {
        uint64_t tag = rbuf_uvarint(in);
        uint64_t size = rbuf_uvarint(in);
        if (size > rbuf_left(in) || (i > 0 && tag <= last)) {
            rbuf_fail(in);
            return;
        }
        last = tag;
        struct rbuf value = rbuf_of_str(rbuf_bytes(in, (size_t)size));
        const struct kmsg_field *f = field_of_tag(type, c->version, tag);
        if (!f) continue;
        decode_field(c, f, &value, out);
        if (!rbuf_done(&value)) bad_field(c, f, in);
    }
}

static void decode_struct(struct ctx *c, const struct kmsg_struct *type, struct rbuf *in,
                          void *out) {
    kmsg_init(type, out);
    for (size_t i = 0; i < type->field_cnt && !in->bad; i++) {
        const struct kmsg_field *f = &type->field[i];
        if (f->tag >= 0 || !has(f, c->version)) continue;
        decode_field(c, f, in, out);
        if (in->bad && !c->name) c->name = f->name;
    }
    if (c->flex && !in->bad) decode_tags(c, type, in, out);
}

int kmsg_decode(const struct kmsg_struct *type, int version, bool flex, struct rbuf *in,
                struct arena *arena, void *out) {
    assert(type && in && arena && out);
    struct ctx c = {.version = version, .flex = flex, .arena = arena};
    decode_struct(&c, type, in, out);
    if (c.too_big)
        return err_fail(ERR_TOO_BIG, "%s v%d: field %s asks for more than %zu MiB of elements",
                        type->name, version, c.name ? c.name : "?", KMSG_MEM_MAX / MIB);
    if (in->bad)
        return err_fail(ERR_CORRUPT, "%s v%d: cut short or nonsense at field %s", type->name,
                        version, c.name ? c.name : "(tags)");
    return 0;
}

/* ---- encoding ---- */

static void encode_struct(struct ctx *c, const struct kmsg_struct *type, struct buf *out,
                          const char *msg);

static void write_len(const struct ctx *c, bool is_string, int64_t len, struct buf *out) {
    if (c->flex) buf_uvarint(out, (uint64_t)(len + 1));
    else if (is_string) buf_i16(out, (int16_t)len);
    else buf_i32(out, (int32_t)len);
}

static void encode_bytes(struct ctx *c, const struct kmsg_field *f, struct buf *out,
                         const struct str *value, bool may_null) {
    bool is_string = f->type == KMSG_STRING;
    if (!value->ptr && may_null) {
        write_len(c, is_string, -1, out);
        return;
    }
    if (value->len > (size_t)(is_string ? INT16_MAX : INT32_MAX - 1)) {
        c->too_big = true;
        c->name = f->name;
        return;
    }
    write_len(c, is_string, (int64_t)value->len, out);
    buf_puts(out, *value);
}

static void encode_one(struct ctx *c, const struct kmsg_field *f, struct buf *out, const char *at,
                       bool may_null) {
    const void *p = at;
    switch (f->type) {
    case KMSG_BOOL: buf_i8(out, *(const bool *)p ? 1 : 0); break;
    case KMSG_I8: buf_i8(out, *(const int8_t *)p); break;
    case KMSG_I16: buf_i16(out, *(const int16_t *)p); break;
    case KMSG_I32: buf_i32(out, *(const int32_t *)p); break;
    case KMSG_I64: buf_i64(out, *(const int64_t *)p); break;
    case KMSG_F64: buf_f64(out, *(const double *)p); break;
    case KMSG_UUID: buf_put(out, p, sizeof(struct uuid)); break;
    case KMSG_STRUCT: encode_struct(c, f->elem, out, at); break;
    default: encode_bytes(c, f, out, p, may_null);
    }
}

static void encode_field(struct ctx *c, const struct kmsg_field *f, struct buf *out,
                         const char *msg) {
    const char *at = msg + f->pos;
    bool may_null = nullable(f, c->version);
    if (f->array) {
        const char *all = *(const char *const *)(const void *)at;
        size_t cnt = *(const size_t *)(const void *)(msg + f->cnt_pos);
        assert(all || cnt == 0);
        if (cnt > INT32_MAX - 1) c->too_big = true;
        write_len(c, false, !all && may_null ? -1 : (int64_t)cnt, out);
        for (size_t i = 0; i < cnt && !out->full && !c->too_big; i++)
            encode_one(c, f, out, all + i * type_size(f), false);
    } else if (f->type == KMSG_STRUCT) {
        const char *sub = *(const char *const *)(const void *)at;
        if (may_null) buf_i8(out, sub ? 1 : -1);
        if (sub) encode_struct(c, f->elem, out, sub);
        else assert(may_null);
    } else {
        encode_one(c, f, out, at, may_null);
    }
}

static int64_t get_number(const void *at, uint8_t type) {
    switch (type) {
    case KMSG_BOOL: return *(const bool *)at;
    case KMSG_I8: return *(const int8_t *)at;
    case KMSG_I16: return *(const int16_t *)at;
    case KMSG_I32: return *(const int32_t *)at;
    case KMSG_I64: return *(const int64_t *)at;
    default: return 0;
    }
}

/* A tagged field at its default is not sent. */
static bool at_default(const struct kmsg_field *f, const char *msg) {
    static const struct uuid zero;
    const void *at = msg + f->pos;
    if (f->array) return *(const size_t *)(const void *)(msg + f->cnt_pos) == 0;
    switch (f->type) {
    case KMSG_STRUCT: return !*(const void *const *)at;
    case KMSG_UUID: return !memcmp(at, &zero, sizeof zero);
    case KMSG_STRING:
    case KMSG_BYTES:
    case KMSG_RECORDS: return ((const struct str *)at)->len == 0;
    case KMSG_F64: return *(const double *)at == (double)f->value;
    default: return get_number(at, f->type) == f->value;
    }
}

static bool sends_tag(const struct ctx *c, const struct kmsg_field *f, const char *msg) {
    return f->tag >= 0 && has(f, c->version) && !at_default(f, msg);
}

/* Tags stand in rising order in the spec's structs, so they are written as they come. */
static void encode_tags(struct ctx *c, const struct kmsg_struct *type, struct buf *out,
                        const char *msg) {
    size_t cnt = 0;
    for (size_t i = 0; i < type->field_cnt; i++)
        cnt += sends_tag(c, &type->field[i], msg);
    buf_uvarint(out, cnt);
    for (size_t i = 0; i < type->field_cnt && cnt; i++) {
        const struct kmsg_field *f = &type->field[i];
        if (!sends_tag(c, f, msg)) continue;
        struct buf value;
        buf_init(&value, KMSG_MEM_MAX);
        encode_field(c, f, &value, msg);
        if (value.full) c->too_big = true;
        buf_uvarint(out, (uint64_t)f->tag);
        buf_uvarint(out, value.len);
        buf_puts(out, buf_str(&value));
        buf_fini(&value);
    }
}

static void encode_struct(struct ctx *c, const struct kmsg_struct *type, struct buf *out,
                          const char *msg) {
    for (size_t i = 0; i < type->field_cnt && !out->full; i++) {
        const struct kmsg_field *f = &type->field[i];
        if (f->tag < 0 && has(f, c->version)) encode_field(c, f, out, msg);
    }
    if (c->flex) encode_tags(c, type, out, msg);
}

int kmsg_encode(const struct kmsg_struct *type, int version, bool flex, struct buf *out,
                const void *msg) {
    assert(type && out && msg);
    struct ctx c = {.version = version, .flex = flex};
    encode_struct(&c, type, out, msg);
    if (c.too_big)
        return err_fail(ERR_TOO_BIG, "%s v%d: field %s is too long to be sent", type->name,
                        version, c.name ? c.name : "(tags)");
    if (out->full)
        return err_fail(ERR_TOO_BIG, "%s v%d: longer than %zu bytes", type->name, version,
                        out->max);
    return 0;
}

/* ---- the request's head ---- */

int kmsg_head_decode(struct rbuf *in, struct kmsg_head *out) {
    out->api_key = rbuf_i16(in);
    out->api_version = rbuf_i16(in);
    out->correlation_id = rbuf_i32(in);
    int16_t len = rbuf_i16(in);
    if (len < -1) rbuf_fail(in);
    out->client_id = len < 0 ? STR_NULL : rbuf_bytes(in, (size_t)len);
    const struct kmsg_api *api = kmsg_api_of(out->api_key);
    if (api && out->api_version >= api->flex && out->api_version <= api->last) {
        static const struct kmsg_struct none = {"head", 0, 0, NULL};
        struct ctx c = {.version = 0, .flex = true};
        decode_tags(&c, &none, in, NULL);
    }
    if (in->bad) return err_fail(ERR_CORRUPT, "request head cut short or nonsense");
    return 0;
}
