/* storekey.c - order-preserving keys; the layout is in storekey.h. */
#include "store/storekey.h"

#include "base/err.h"
#include "base/rbuf.h"
#include "store/murmur.h"
#include "wire/cql/cqlnum.h"
#include "wire/cql/cqltype.h"

enum { HAS_EMPTY = 0x3F, HAS_VALUE = 0x40, LIST_END = 0x38, ITEM_NULL = 0x3F };

/* ---- partition keys ------------------------------------------------------------------------- */

void storekey_join(const struct store_table *table, const struct str *pkey, struct buf *out) {
    if (table->pkey_cnt == 1) {
        buf_puts(out, pkey[0]);
        return;
    }
    for (size_t i = 0; i < table->pkey_cnt; i++) {
        buf_i16(out, (int16_t)(uint16_t)pkey[i].len);
        buf_puts(out, pkey[i]);
        buf_putc(out, 0);
    }
}

int64_t storekey_token(const struct store_table *table, const struct str *pkey) {
    if (table->pkey_cnt == 1) return murmur_token(pkey[0]);
    struct buf whole;
    buf_init(&whole, 2 * STORE_KEY_MAX * MIN(table->pkey_cnt, (size_t)64));
    storekey_join(table, pkey, &whole);
    int64_t token = murmur_token(buf_str(&whole));
    buf_fini(&whole);
    return token;
}

/* Escapes what stands from `pos` to the end of `out`, where it stands, and ends it. */
static void escape_in_place(struct buf *out, size_t pos) {
    size_t zeros = 0, len = out->len - pos;
    for (const char *at = out->ptr + pos; (at = memchr(at, 0, (size_t)(out->ptr + out->len - at)));
         at++)
        zeros++;
    char *room = buf_room(out, zeros + 2);
    if (!room) return;
    buf_used(out, zeros + 2);
    char *from = out->ptr + pos + len, *to = out->ptr + out->len;
    *--to = 0;
    *--to = 0;
    while (to != from) {
        char c = *--from;
        if (c == 0) *--to = '\xFF';
        *--to = c;
    }
}

void storekey_escape(struct str bytes, struct buf *out) {
    size_t pos = out->len;
    buf_puts(out, bytes);
    if (!out->full) escape_in_place(out, pos);
}

void storekey_token_prefix(const struct store_table *table, int64_t token, struct buf *out) {
    buf_i32(out, (int32_t)table->number);
    buf_i64(out, (int64_t)((uint64_t)token ^ UINT64_C(1) << 63));
}

void storekey_partition(const struct store_table *table, const struct str *pkey, struct buf *out) {
    size_t pos = out->len;
    storekey_token_prefix(table, 0, out);
    storekey_join(table, pkey, out);
    if (out->full) return;
    struct str whole = {out->ptr + pos + STOREKEY_PREFIX_LEN, out->len - pos - STOREKEY_PREFIX_LEN};
    buf_set_i64(out, pos + 4, (int64_t)((uint64_t)murmur_token(whole) ^ UINT64_C(1) << 63));
    escape_in_place(out, pos + STOREKEY_PREFIX_LEN);
}

/* ---- clustering values ---------------------------------------------------------------------- */

static void put_ordered(const struct cqltype *type, struct str value, struct buf *out);

/* First byte with its sign bit flipped, then the rest: two's complement in order. */
static void put_flipped(struct str value, struct buf *out) {
    buf_putc(out, (char)((unsigned char)value.ptr[0] ^ 0x80));
    buf_put(out, value.ptr + 1, value.len - 1);
}

/* IEEE bits in the order of Java's compare: negative ones inverted, one NaN above all. */
static void put_float(struct str value, struct buf *out) {
    struct rbuf in = rbuf_of_str(value);
    bool wide = value.len == 8;
    uint64_t bits = wide ? rbuf_u64(&in) : (uint64_t)rbuf_u32(&in) << 32;
    uint64_t exponent = wide ? UINT64_C(0x7FF) << 52 : UINT64_C(0xFF) << 55;
    if ((bits & ~(UINT64_C(1) << 63)) > exponent) bits = exponent | (wide ? UINT64_C(1) << 51
                                                                          : UINT64_C(1) << 54);
    bits = bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
    for (int shift = 56; shift >= (wide ? 0 : 32); shift -= 8)
        buf_putc(out, (char)(bits >> shift));
}

/* A version 1 uuid's time with its highest part first: version, then time. */
static void put_uuid(const struct cqltype *type, struct str id, struct buf *out) {
    bool time_only = type->kind == CQL_TIMEUUID;
    unsigned version = (unsigned char)id.ptr[6] >> 4;
    if (!time_only) buf_putc(out, (char)version);
    if (time_only || version == 1) {
        buf_put(out, id.ptr + 6, 2);
        buf_put(out, id.ptr + 4, 2);
        buf_put(out, id.ptr, 4);
    } else {
        buf_put(out, id.ptr, 8);
    }
    for (size_t i = 8; i < 16; i++)
        buf_putc(out, (char)((unsigned char)id.ptr[i] ^ (time_only ? 0x80 : 0)));
}

static void put_nested(const struct cqltype *type, struct str value, struct buf *out) {
    struct rbuf in = rbuf_of_str(value);
    size_t cnt = 0;
    bool tuple = type->kind == CQL_TUPLE || type->kind == CQL_UDT;
    (void)cqltype_items(type, &in, &cnt);
    for (size_t i = 0; i < cnt && !in.bad; i++) {
        struct str item = cqltype_item(type, &in, i);
        const struct cqltype *of = type->arg[tuple ? i : type->kind == CQL_MAP ? i % 2 : 0];
        if (item.ptr) put_ordered(of, item, out);
        else buf_putc(out, ITEM_NULL - 1);
    }
    buf_putc(out, LIST_END);
}

/* 40 and the value, or 3F for an empty one. */
static void put_ordered(const struct cqltype *type, struct str value, struct buf *out) {
    bool plain = cqltype_is_text(type) || type->kind == CQL_BLOB || type->kind == CQL_INET;
    if (!value.len && !plain) {
        buf_putc(out, HAS_EMPTY);
        return;
    }
    buf_putc(out, HAS_VALUE);
    switch (type->kind) {
    case CQL_BIGINT: case CQL_COUNTER: case CQL_INT: case CQL_SMALLINT: case CQL_TINYINT:
    case CQL_TIMESTAMP: put_flipped(value, out); break;
    case CQL_BOOLEAN: case CQL_DATE: case CQL_TIME: buf_puts(out, value); break;
    case CQL_DOUBLE: case CQL_FLOAT: put_float(value, out); break;
    case CQL_UUID: case CQL_TIMEUUID: put_uuid(type, value, out); break;
    case CQL_VARINT: cqlnum_order_int(value, out); break;
    case CQL_DECIMAL: cqlnum_order(value, out); break;
    case CQL_ASCII: case CQL_TEXT: case CQL_BLOB: case CQL_INET: storekey_escape(value, out); break;
    case CQL_DURATION: case CQL_CUSTOM: storekey_escape(value, out); break;
    default: put_nested(type, value, out); break;
    }
}

void storekey_ckey(const struct store_table *table, size_t idx, const struct str *ckey, size_t cnt,
                   struct buf *out) {
    assert(idx + cnt <= table->ckey_cnt);
    for (size_t i = 0; i < cnt; i++) {
        const struct store_col *col = &table->col[table->pkey_cnt + idx + i];
        size_t from = out->len;
        put_ordered(col->type, ckey[i], out);
        for (size_t k = from; col->desc && k < out->len; k++)
            out->ptr[k] = (char)~out->ptr[k];
    }
}

void storekey_bounds(const struct store_table *table, const struct storekey_span *span,
                     struct buf *start, struct buf *end) {
    size_t idx = span->eq_cnt;
    struct str lo = span->lo, hi = span->hi;
    bool lo_open = span->lo_open, hi_open = span->hi_open;
    if (idx < table->ckey_cnt && table->col[table->pkey_cnt + idx].desc) {
        struct str swap = lo;
        lo = hi;
        hi = swap;
        lo_open = span->hi_open;
        hi_open = span->lo_open;
    }
    storekey_ckey(table, 0, span->eq, idx, start);
    storekey_ckey(table, 0, span->eq, idx, end);
    if (lo.ptr) storekey_ckey(table, idx, &lo, 1, start);
    if (lo.ptr && lo_open) buf_putc(start, STOREKEY_AFTER);
    if (hi.ptr) storekey_ckey(table, idx, &hi, 1, end);
    if (!hi.ptr || !hi_open) buf_putc(end, STOREKEY_AFTER);
}

/* ---- reading back --------------------------------------------------------------------------- */

static int damaged(void) {
    return err_fail(ERR_CORRUPT, "a key in the store is damaged");
}

/* The length of an escaped run with its end, or 0. */
static size_t escaped_len(struct str bytes) {
    for (size_t at = 0; at + 1 < bytes.len; at++) {
        const char *zero = memchr(bytes.ptr + at, 0, bytes.len - at - 1);
        if (!zero) return 0;
        at = (size_t)(zero - bytes.ptr) + 1;
        if (bytes.ptr[at] == 0) return at + 1;
        if (bytes.ptr[at] != '\xFF') return 0;
    }
    return 0;
}

struct str storekey_unescape(struct str *rest, struct arena *arena) {
    size_t len = escaped_len(*rest), used = 0;
    if (!len) return STR_NULL;
    char *out = arena_bytes(arena, len);
    for (size_t i = 0; i < len - 2; i++) {
        out[used++] = rest->ptr[i];
        if (rest->ptr[i] == 0) i++;
    }
    rest->ptr += len;
    rest->len -= len;
    return (struct str){out, used};
}

int storekey_split(struct str key, struct storekey_parts *out) {
    struct rbuf in = rbuf_of_str(key);
    rbuf_skip(&in, 4);
    out->token = (int64_t)(rbuf_u64(&in) ^ UINT64_C(1) << 63);
    if (in.bad) return damaged();
    struct str rest = {key.ptr + STOREKEY_PREFIX_LEN, key.len - STOREKEY_PREFIX_LEN};
    size_t len = escaped_len(rest);
    if (!len || len >= rest.len || (unsigned char)rest.ptr[len] > STOREKEY_ROW) return damaged();
    out->partition = (struct str){key.ptr, STOREKEY_PREFIX_LEN + len};
    out->kind = (enum storekey_kind)rest.ptr[len];
    out->rest = (struct str){rest.ptr + len + 1, rest.len - len - 1};
    return 0;
}

int storekey_read_pkey(const struct store_table *table, struct str partition, struct arena *arena,
                       struct str *out) {
    if (partition.len < STOREKEY_PREFIX_LEN) return damaged();
    struct str rest = {partition.ptr + STOREKEY_PREFIX_LEN, partition.len - STOREKEY_PREFIX_LEN};
    struct str whole = storekey_unescape(&rest, arena);
    if (!whole.ptr) return damaged();
    if (table->pkey_cnt == 1) {
        out[0] = whole;
        return 0;
    }
    struct rbuf in = rbuf_of_str(whole);
    for (size_t i = 0; i < table->pkey_cnt; i++) {
        uint16_t len = rbuf_u16(&in);
        out[i] = rbuf_bytes(&in, len);
        rbuf_skip(&in, 1);
    }
    return rbuf_done(&in) ? 0 : damaged();
}

static bool invertible(const struct cqltype *type) {
    switch (type->kind) {
    case CQL_VARINT: case CQL_DECIMAL: case CQL_DURATION: case CQL_LIST: case CQL_SET:
    case CQL_MAP: case CQL_TUPLE: case CQL_UDT: case CQL_VECTOR: case CQL_CUSTOM: return false;
    default: return true;
    }
}

bool storekey_reversible(const struct store_table *table) {
    for (size_t i = 0; i < table->ckey_cnt; i++)
        if (!invertible(table->col[table->pkey_cnt + i].type)) return false;
    return true;
}

static void unfloat(char *at, size_t len) {
    bool neg = !((unsigned char)at[0] & 0x80);
    for (size_t i = 0; neg && i < len; i++)
        at[i] = (char)~at[i];
    if (!neg) at[0] = (char)((unsigned char)at[0] & 0x7F);
}

static void unuuid(const struct cqltype *type, const char *from, char *out) {
    bool time_only = type->kind == CQL_TIMEUUID;
    if (!time_only) from++;
    if (time_only || from[-1] == 1) {
        memcpy(out + 6, from, 2);
        memcpy(out + 4, from + 2, 2);
        memcpy(out, from + 4, 4);
    } else {
        memcpy(out, from, 8);
    }
    for (size_t i = 8; i < 16; i++)
        out[i] = (char)((unsigned char)from[i] ^ (time_only ? 0x80 : 0));
}

/* One value behind its mark; `rest` has been inverted already when the column is DESC. */
static int read_value(const struct cqltype *type, struct str *rest, struct arena *arena,
                      struct str *out) {
    size_t width = (size_t)cqltype_width(type);
    if (!width) {
        *out = storekey_unescape(rest, arena);
        return out->ptr ? 0 : damaged();
    }
    size_t len = type->kind == CQL_UUID ? 17 : width;
    if (rest->len < len) return damaged();
    char *value = arena_bytes(arena, width);
    if (type->kind == CQL_UUID || type->kind == CQL_TIMEUUID) {
        unuuid(type, rest->ptr, value);
    } else {
        memcpy(value, rest->ptr, width);
        if (type->kind == CQL_DOUBLE || type->kind == CQL_FLOAT) unfloat(value, width);
        else if (type->kind != CQL_BOOLEAN && type->kind != CQL_DATE && type->kind != CQL_TIME)
            value[0] = (char)((unsigned char)value[0] ^ 0x80);
    }
    *out = (struct str){value, width};
    rest->ptr += len;
    rest->len -= len;
    return 0;
}

int storekey_read_ckey(const struct store_table *table, struct str rest, struct arena *arena,
                       struct str *out) {
    struct str inverted = STR_NULL;
    for (size_t i = 0; i < table->ckey_cnt; i++) {
        const struct store_col *col = &table->col[table->pkey_cnt + i];
        struct str from = rest;
        if (col->desc) { /* the inverse of all that is left, made once */
            if (!inverted.ptr) {
                char *flip = arena_bytes(arena, rest.len + 1);
                for (size_t k = 0; k < rest.len; k++)
                    flip[k] = (char)~rest.ptr[k];
                inverted = (struct str){flip + rest.len, 0};
            }
            from.ptr = inverted.ptr - rest.len;
        }
        if (!from.len) return damaged();
        char mark = from.ptr[0];
        from.ptr++;
        from.len--;
        out[i] = STR("");
        if (mark != HAS_EMPTY && mark != HAS_VALUE) return damaged();
        int err = mark == HAS_VALUE ? read_value(col->type, &from, arena, &out[i]) : 0;
        if (err) return err;
        rest.ptr += rest.len - from.len;
        rest.len = from.len;
    }
    return rest.len ? damaged() : 0;
}

void storekey_pack_ckey(const struct store_table *table, const struct str *ckey, struct buf *out) {
    for (size_t i = 0; i < table->ckey_cnt; i++) {
        buf_uvarint(out, ckey[i].len);
        buf_puts(out, ckey[i]);
    }
}

int storekey_unpack_ckey(const struct store_table *table, struct str bytes, struct str *out) {
    struct rbuf in = rbuf_of_str(bytes);
    for (size_t i = 0; i < table->ckey_cnt; i++) {
        uint64_t len = rbuf_uvarint(&in);
        out[i] = rbuf_bytes(&in, MIN(len, (uint64_t)SIZE_MAX / 2));
    }
    return rbuf_done(&in) ? 0 : damaged();
}
