/* systab.c - the types of the system tables' columns, and the encoding of their values. */
#include "store/server/systab.h"

#include <arpa/inet.h>

const struct cqltype systab_text = {.kind = CQL_TEXT};
const struct cqltype systab_blob = {.kind = CQL_BLOB};
const struct cqltype systab_int = {.kind = CQL_INT};
const struct cqltype systab_bigint = {.kind = CQL_BIGINT};
const struct cqltype systab_double = {.kind = CQL_DOUBLE};
const struct cqltype systab_boolean = {.kind = CQL_BOOLEAN};
const struct cqltype systab_uuid = {.kind = CQL_UUID};
const struct cqltype systab_timeuuid = {.kind = CQL_TIMEUUID};
const struct cqltype systab_inet = {.kind = CQL_INET};
const struct cqltype systab_timestamp = {.kind = CQL_TIMESTAMP};

static const struct cqltype *const text_text[] = {&systab_text, &systab_text};
static const struct cqltype *const text_blob[] = {&systab_text, &systab_blob};
static const struct cqltype *const uuid_blob[] = {&systab_uuid, &systab_blob};

const struct cqltype systab_text_set = {.kind = CQL_SET, .arg_cnt = 1, .arg = text_text};
const struct cqltype systab_frozen_text_set = {
    .kind = CQL_SET, .frozen = true, .arg_cnt = 1, .arg = text_text};
const struct cqltype systab_text_list = {.kind = CQL_LIST, .arg_cnt = 1, .arg = text_text};
const struct cqltype systab_frozen_text_list = {
    .kind = CQL_LIST, .frozen = true, .arg_cnt = 1, .arg = text_text};
const struct cqltype systab_text_map = {.kind = CQL_MAP, .arg_cnt = 2, .arg = text_text};
const struct cqltype systab_frozen_text_map = {
    .kind = CQL_MAP, .frozen = true, .arg_cnt = 2, .arg = text_text};
const struct cqltype systab_uuid_blob_map = {.kind = CQL_MAP, .arg_cnt = 2, .arg = uuid_blob};
const struct cqltype systab_frozen_blob_map = {
    .kind = CQL_MAP, .frozen = true, .arg_cnt = 2, .arg = text_blob};

/* A value's place in the row; a name that the table does not have is our mistake. */
static struct str *place_of(struct systab_out *out, const char *col) {
    for (size_t i = 0; i < out->table->col_cnt; i++)
        if (strcmp(out->table->col[i].name, col) == 0) return &out->value[i];
    NEVER();
}

void systab_set(struct systab_out *out, const char *col, struct str bytes) {
    *place_of(out, col) = bytes.ptr ? arena_str(out->arena, bytes) : STR_NULL;
}

void systab_set_text(struct systab_out *out, const char *col, const char *text) {
    systab_set(out, col, str_of(text));
}

static void set_number(struct systab_out *out, const char *col, uint64_t v, size_t len) {
    char *bytes = arena_bytes(out->arena, len);
    for (size_t i = 0; i < len; i++) bytes[i] = (char)(v >> (8 * (len - 1 - i)));
    *place_of(out, col) = (struct str){bytes, len};
}

void systab_set_i32(struct systab_out *out, const char *col, int32_t v) {
    set_number(out, col, (uint32_t)v, 4);
}

void systab_set_i64(struct systab_out *out, const char *col, int64_t v) {
    set_number(out, col, (uint64_t)v, 8);
}

void systab_set_f64(struct systab_out *out, const char *col, double v) {
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    set_number(out, col, bits, 8);
}

void systab_set_bool(struct systab_out *out, const char *col, bool v) {
    set_number(out, col, v, 1);
}

void systab_set_uuid(struct systab_out *out, const char *col, const struct uuid *id) {
    systab_set(out, col, (struct str){(const char *)id->byte, sizeof id->byte});
}

void systab_set_inet(struct systab_out *out, const char *col, const char *address) {
    unsigned char bytes[16];
    size_t len = 4;
    if (inet_pton(AF_INET, address, bytes) != 1) {
        len = 16;
        if (inet_pton(AF_INET6, address, bytes) != 1) return;
    }
    systab_set(out, col, (struct str){(const char *)bytes, len});
}

void systab_set_items(struct systab_out *out, const char *col, const struct str *item,
                      size_t cnt) {
    struct str *place = place_of(out, col);
    const struct cqltype *type = out->table->col[place - out->value].type;
    assert(type->kind == CQL_LIST || type->kind == CQL_SET || type->kind == CQL_MAP);
    size_t len = 4;
    for (size_t i = 0; i < cnt; i++) len += 4 + item[i].len;
    struct buf buf;
    buf_init(&buf, len);
    buf_i32(&buf, (int32_t)(type->kind == CQL_MAP ? cnt / 2 : cnt));
    for (size_t i = 0; i < cnt; i++) {
        buf_i32(&buf, (int32_t)item[i].len);
        buf_puts(&buf, item[i]);
    }
    *place = arena_str(out->arena, buf_str(&buf));
    buf_fini(&buf);
}

int systab_emit(struct systab_out *out) {
    int err = out->emit(out->arg, out->value);
    memset(out->value, 0, sizeof out->value);
    return err;
}
