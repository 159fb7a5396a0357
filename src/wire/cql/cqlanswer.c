/* cqlanswer.c - encodes what the server says. */
#include "wire/cql/cqlanswer.h"

#define STRING_MAX 65535
#define GLOBAL_SPEC 1
#define MORE_PAGES  2
#define NO_METADATA 4

enum result_kind { VOID = 1, ROWS = 2, SET_KEYSPACE = 3, PREPARED = 4, SCHEMA_CHANGE = 5 };

void cqlanswer_string(struct buf *out, struct str text) {
    size_t len = MIN(text.len, (size_t)STRING_MAX);
    buf_i16(out, (int16_t)(uint16_t)len);
    buf_put(out, text.ptr, len);
}

void cqlanswer_bytes(struct buf *out, struct str bytes) {
    if (!bytes.ptr) {
        buf_i32(out, -1);
        return;
    }
    assert(bytes.len <= INT32_MAX);
    buf_i32(out, (int32_t)bytes.len);
    buf_put(out, bytes.ptr, bytes.len);
}

void cqlanswer_strings(struct buf *out, const struct str *text, size_t cnt) {
    assert(cnt <= UINT16_MAX);
    buf_i16(out, (int16_t)(uint16_t)cnt);
    for (size_t i = 0; i < cnt; i++) cqlanswer_string(out, text[i]);
}

/* ---- types ---- */

static void put_custom(struct buf *out, const struct cqltype *type) {
    struct buf name;
    buf_init(&name, STRING_MAX);
    cqltype_class(type, &name);
    buf_i16(out, CQL_CUSTOM);
    cqlanswer_string(out, buf_str(&name));
    buf_fini(&name);
}

/* The first protocol version that has a code for the type; before it, its class is named. */
static uint8_t since_version(enum cqltype_kind kind) {
    switch (kind) {
    case CQL_DATE:
    case CQL_TIME:
    case CQL_SMALLINT:
    case CQL_TINYINT: return 4;
    case CQL_DURATION: return 5;
    case CQL_VECTOR:
    case CQL_CUSTOM: return UINT8_MAX;
    default: return 3;
    }
}

/* Depth is limited where types are made: CQLTYPE_DEPTH_MAX. */
void cqlanswer_option(struct buf *out, const struct cqltype *type, uint8_t version) {
    if (version < since_version(type->kind)) {
        put_custom(out, type);
        return;
    }
    buf_i16(out, (int16_t)type->kind);
    if (type->kind == CQL_UDT) {
        cqlanswer_string(out, type->keyspace);
        cqlanswer_string(out, type->name);
    }
    if (type->kind == CQL_UDT || type->kind == CQL_TUPLE) buf_i16(out, (int16_t)type->arg_cnt);
    for (size_t i = 0; i < type->arg_cnt; i++) {
        if (type->kind == CQL_UDT) cqlanswer_string(out, type->field[i]);
        cqlanswer_option(out, type->arg[i], version);
    }
}

/* ---- errors ---- */

static void put_replicas(struct buf *out, const struct cqlanswer_error *error) {
    buf_i16(out, (int16_t)error->consistency);
    buf_i32(out, 0); /* answered */
    buf_i32(out, 1); /* needed */
}

void cqlanswer_error(struct buf *out, const struct cqlanswer_error *error) {
    const char *write_type = error->write_type ? error->write_type : "SIMPLE";
    buf_i32(out, error->code);
    cqlanswer_string(out, error->text);
    switch (error->code) {
    case CQLANSWER_UNAVAILABLE:
        buf_i16(out, (int16_t)error->consistency);
        buf_i32(out, 1); /* required */
        buf_i32(out, 0); /* alive */
        break;
    case CQLANSWER_WRITE_TIMEOUT:
        put_replicas(out, error);
        cqlanswer_string(out, str_of(write_type));
        break;
    case CQLANSWER_READ_TIMEOUT:
        put_replicas(out, error);
        buf_i8(out, 0); /* no data present */
        break;
    case CQLANSWER_READ_FAILURE:
        put_replicas(out, error);
        buf_i32(out, 1); /* failures */
        buf_i8(out, 0);
        break;
    case CQLANSWER_WRITE_FAILURE:
        put_replicas(out, error);
        buf_i32(out, 1);
        cqlanswer_string(out, str_of(write_type));
        break;
    case CQLANSWER_FUNCTION_FAILURE:
        cqlanswer_string(out, error->keyspace);
        cqlanswer_string(out, error->table);
        buf_i16(out, 0); /* argument types */
        break;
    case CQLANSWER_EXISTS:
        cqlanswer_string(out, error->keyspace);
        cqlanswer_string(out, error->table);
        break;
    case CQLANSWER_UNPREPARED: cqlanswer_string(out, error->id); break;
    default: break;
    }
}

/* ---- the other bodies ---- */

void cqlanswer_supported(struct buf *out) {
    buf_i16(out, 3);
    cqlanswer_string(out, STR("PROTOCOL_VERSIONS"));
    cqlanswer_strings(out, (struct str[]){STR("3/v3"), STR("4/v4")}, 2);
    cqlanswer_string(out, STR("COMPRESSION"));
    cqlanswer_strings(out, (struct str[]){STR("snappy"), STR("lz4")}, 2);
    cqlanswer_string(out, STR("CQL_VERSION"));
    cqlanswer_strings(out, (struct str[]){STR("3.4.7")}, 1);
}

void cqlanswer_void(struct buf *out) {
    buf_i32(out, VOID);
}

void cqlanswer_set_keyspace(struct buf *out, struct str keyspace) {
    buf_i32(out, SET_KEYSPACE);
    cqlanswer_string(out, keyspace);
}

static void put_change(struct buf *out, const struct cqlanswer_change *change) {
    cqlanswer_string(out, change->change);
    cqlanswer_string(out, change->target);
    cqlanswer_string(out, change->keyspace);
    if (!str_eqz(change->target, "KEYSPACE")) cqlanswer_string(out, change->name);
}

void cqlanswer_schema_change(struct buf *out, const struct cqlanswer_change *change) {
    buf_i32(out, SCHEMA_CHANGE);
    put_change(out, change);
}

void cqlanswer_event(struct buf *out, const struct cqlanswer_change *change) {
    cqlanswer_string(out, STR("SCHEMA_CHANGE"));
    put_change(out, change);
}

/* Do all columns come from one table? Then it is named once. */
static bool one_table(const struct cqlanswer_col *col, size_t cnt) {
    for (size_t i = 1; i < cnt; i++) {
        if (!str_eq(col[i].keyspace, col[0].keyspace)) return false;
        if (!str_eq(col[i].table, col[0].table)) return false;
    }
    return cnt > 0;
}

static void put_cols(struct buf *out, const struct cqlanswer_col *col, size_t cnt,
                     uint8_t version) {
    bool global = one_table(col, cnt);
    if (global) {
        cqlanswer_string(out, col[0].keyspace);
        cqlanswer_string(out, col[0].table);
    }
    for (size_t i = 0; i < cnt; i++) {
        if (!global) {
            cqlanswer_string(out, col[i].keyspace);
            cqlanswer_string(out, col[i].table);
        }
        cqlanswer_string(out, col[i].name);
        cqlanswer_option(out, col[i].type, version);
    }
}

void cqlanswer_rows(struct buf *out, const struct cqlanswer_rows *rows, uint8_t version) {
    int32_t flags = 0;
    if (rows->skip) flags |= NO_METADATA;
    else if (one_table(rows->col, rows->col_cnt)) flags |= GLOBAL_SPEC;
    if (rows->paging_state.ptr) flags |= MORE_PAGES;
    buf_i32(out, ROWS);
    buf_i32(out, flags);
    buf_i32(out, (int32_t)rows->col_cnt);
    if (rows->paging_state.ptr) cqlanswer_bytes(out, rows->paging_state);
    if (!rows->skip) put_cols(out, rows->col, rows->col_cnt, version);
    buf_i32(out, rows->row_cnt);
}

void cqlanswer_prepared(struct buf *out, const struct cqlanswer_prepared *prepared,
                        uint8_t version) {
    buf_i32(out, PREPARED);
    cqlanswer_string(out, prepared->id);
    buf_i32(out, one_table(prepared->bind, prepared->bind_cnt) ? GLOBAL_SPEC : 0);
    buf_i32(out, (int32_t)prepared->bind_cnt);
    if (version >= 4) {
        buf_i32(out, (int32_t)prepared->pkey_cnt);
        for (size_t i = 0; i < prepared->pkey_cnt; i++)
            buf_i16(out, (int16_t)prepared->pkey[i]);
    }
    put_cols(out, prepared->bind, prepared->bind_cnt, version);
    if (prepared->col_cnt == 0) { /* it gives no rows */
        buf_i32(out, NO_METADATA);
        buf_i32(out, 0);
        return;
    }
    buf_i32(out, one_table(prepared->col, prepared->col_cnt) ? GLOBAL_SPEC : 0);
    buf_i32(out, (int32_t)prepared->col_cnt);
    put_cols(out, prepared->col, prepared->col_cnt, version);
}
