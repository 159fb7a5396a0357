/* cqlask.c - encodes what a client asks. */
#include "wire/cql/cqlask.h"

static void put_string(struct buf *out, struct str text) {
    assert(text.len <= UINT16_MAX);
    buf_i16(out, (int16_t)(uint16_t)text.len);
    buf_puts(out, text);
}

static void put_long(struct buf *out, struct str text) {
    assert(text.len <= INT32_MAX);
    buf_i32(out, (int32_t)text.len);
    buf_puts(out, text);
}

static void put_flags(struct buf *out, uint8_t version, uint8_t flags) {
    if (version >= 5) buf_i32(out, flags);
    else buf_i8(out, (int8_t)flags);
}

void cqlask_startup(struct buf *out, const struct cqlmsg_pair *pair, size_t cnt) {
    buf_i16(out, (int16_t)cnt);
    for (size_t i = 0; i < cnt; i++) {
        put_string(out, pair[i].key);
        put_string(out, pair[i].value);
    }
}

void cqlask_auth(struct buf *out, struct str token) {
    put_long(out, token);
}

void cqlask_register(struct buf *out, unsigned events) {
    static const char *const name[] = {"TOPOLOGY_CHANGE", "STATUS_CHANGE", "SCHEMA_CHANGE"};
    size_t cnt = (size_t)__builtin_popcount(events);
    buf_i16(out, (int16_t)cnt);
    for (size_t i = 0; i < ARRAY_LEN(name); i++)
        if (events >> i & 1) put_string(out, str_of(name[i]));
}

void cqlask_values(struct buf *out, const struct str *value, size_t cnt) {
    assert(cnt <= UINT16_MAX);
    buf_i16(out, (int16_t)(uint16_t)cnt);
    for (size_t i = 0; i < cnt; i++) {
        if (value[i].ptr) put_long(out, value[i]);
        else buf_i32(out, -1);
    }
}

static void put_params(struct buf *out, uint8_t version, const struct cqlask_params *params) {
    uint8_t flags = 0;
    if (params->values.ptr) flags |= CQLMSG_VALUES;
    if (params->page_size) flags |= CQLMSG_PAGE_SIZE;
    if (params->paging_state.ptr) flags |= CQLMSG_PAGING_STATE;
    buf_i16(out, (int16_t)params->consistency);
    put_flags(out, version, flags);
    if (params->values.ptr) buf_puts(out, params->values);
    if (params->page_size) buf_i32(out, params->page_size);
    if (params->paging_state.ptr) put_long(out, params->paging_state);
}

void cqlask_query(struct buf *out, uint8_t version, struct str text,
                  const struct cqlask_params *params) {
    put_long(out, text);
    put_params(out, version, params);
}

void cqlask_prepare(struct buf *out, uint8_t version, struct str text) {
    put_long(out, text);
    if (version >= 5) buf_i32(out, 0);
}

void cqlask_execute(struct buf *out, uint8_t version, const struct cqlask_id *id,
                    const struct cqlask_params *params) {
    put_string(out, id->id);
    if (version >= 5) put_string(out, id->meta_id);
    put_params(out, version, params);
}

void cqlask_batch_begin(struct buf *out, enum cqlmsg_batch_kind kind, uint16_t cnt) {
    buf_i8(out, (int8_t)kind);
    buf_i16(out, (int16_t)cnt);
}

void cqlask_batch_item(struct buf *out, struct str id, struct str values) {
    buf_i8(out, 1);
    put_string(out, id);
    buf_puts(out, values);
}

void cqlask_batch_end(struct buf *out, uint8_t version, uint16_t consistency) {
    buf_i16(out, (int16_t)consistency);
    put_flags(out, version, 0);
}
