/* cqlreply.c - decodes what a server answers: one reader for a notation of the specification, one
 * function for a message. */
#include "wire/cql/cqlreply.h"

#include "base/err.h"
#include "wire/cql/cqlframe.h"
#include "wire/cql/cqlmsg.h"

#define GLOBAL_SPEC  0x01
#define MORE_PAGES   0x02
#define NO_METADATA  0x04
#define NEW_METADATA 0x08
#define UUID_LEN     16
#define COL_LEN_MIN  4 /* a name and a type */

static struct str read_string(struct rbuf *in) {
    size_t len = rbuf_u16(in);
    return rbuf_bytes(in, len);
}

static struct str read_bytes(struct rbuf *in) {
    int32_t len = rbuf_i32(in);
    if (len < 0) return STR_NULL;
    size_t cnt = rbuf_count(in, len, 1);
    struct str bytes = rbuf_bytes(in, cnt);
    return bytes.ptr ? bytes : STR("");
}

static int check(const struct rbuf *in, const char *what) {
    return in->bad ? err_fail(ERR_TRUNC, "%s is cut short or malformed", what) : 0;
}

int cqlreply_open(uint8_t flags, struct str *body, struct str *warning) {
    struct rbuf in = rbuf_of_str(*body);
    *warning = STR_NULL;
    if (flags & CQLFRAME_TRACING) rbuf_skip(&in, UUID_LEN);
    if (flags & CQLFRAME_WARNING) {
        uint16_t claimed = rbuf_u16(&in);
        size_t cnt = rbuf_count(&in, claimed, 2);
        for (size_t i = 0; i < cnt && !in.bad; i++) {
            struct str text = read_string(&in);
            if (i == 0) *warning = text;
        }
    }
    if (flags & CQLFRAME_PAYLOAD) {
        uint16_t claimed = rbuf_u16(&in);
        size_t cnt = rbuf_count(&in, claimed, 6);
        for (size_t i = 0; i < cnt && !in.bad; i++) {
            read_string(&in);
            read_bytes(&in);
        }
    }
    *body = rbuf_bytes(&in, rbuf_left(&in));
    return check(&in, "what stands before an answer");
}

/* ---- errors ---------------------------------------------------------------------------------- */

int cqlreply_error(struct str body, struct cqlreply_error *out) {
    struct rbuf in = rbuf_of_str(body);
    *out = (struct cqlreply_error){.code = rbuf_i32(&in)};
    out->text = read_string(&in);
    switch (out->code) {
    case CQLANSWER_UNAVAILABLE:
    case CQLANSWER_READ_TIMEOUT:
    case CQLANSWER_READ_FAILURE:
    case CQLANSWER_WRITE_TIMEOUT:
    case CQLANSWER_WRITE_FAILURE: {
        out->consistency = rbuf_u16(&in);
        int32_t first = rbuf_i32(&in), second = rbuf_i32(&in);
        bool unavailable = out->code == CQLANSWER_UNAVAILABLE;
        out->needed = unavailable ? first : second;
        out->got = unavailable ? second : first;
        if (out->code == CQLANSWER_WRITE_TIMEOUT) out->write_type = read_string(&in);
        break;
    }
    case CQLANSWER_EXISTS:
        out->keyspace = read_string(&in);
        out->table = read_string(&in);
        break;
    case CQLANSWER_UNPREPARED: out->id = read_string(&in); break;
    default: break;
    }
    return check(&in, "an ERROR");
}

/* ---- types and columns ----------------------------------------------------------------------- */

struct types {
    struct rbuf *in;
    struct arena *arena;
    unsigned depth;
};

static const struct cqltype *read_type(struct types *at);

static const struct cqltype *read_nested(struct types *at, enum cqltype_kind kind) {
    struct cqltype *type = arena_new(at->arena, struct cqltype);
    *type = (struct cqltype){.kind = kind, .arg_cnt = kind == CQL_MAP ? 2 : 1};
    if (kind == CQL_UDT) {
        type->keyspace = read_string(at->in);
        type->name = read_string(at->in);
    }
    if (kind == CQL_UDT || kind == CQL_TUPLE) {
        uint16_t claimed = rbuf_u16(at->in);
        if (claimed > CQLTYPE_ARG_MAX) rbuf_fail(at->in);
        type->arg_cnt = (uint16_t)rbuf_count(at->in, claimed, 2);
    }
    const struct cqltype **arg = arena_array(at->arena, const struct cqltype *, type->arg_cnt);
    struct str *field = arena_array(at->arena, struct str, type->arg_cnt);
    for (size_t i = 0; i < type->arg_cnt; i++) {
        if (kind == CQL_UDT) field[i] = read_string(at->in);
        arg[i] = read_type(at);
    }
    type->arg = arg;
    type->field = field;
    return type;
}

static const struct cqltype *read_type(struct types *at) {
    const struct cqltype *blob = cqltype_scalar(CQL_BLOB), *type = NULL;
    if (++at->depth > CQLTYPE_DEPTH_MAX) rbuf_fail(at->in);
    uint16_t kind = rbuf_u16(at->in);
    if (at->in->bad) {
        type = blob;
    } else if (kind == CQL_CUSTOM) {
        read_string(at->in);
        type = blob;
    } else if (kind == CQL_LIST || kind == CQL_SET || kind == CQL_MAP || kind == CQL_UDT ||
               kind == CQL_TUPLE) {
        type = read_nested(at, (enum cqltype_kind)kind);
    } else if (!(type = cqltype_scalar((enum cqltype_kind)kind))) {
        rbuf_fail(at->in);
        type = blob;
    }
    at->depth--;
    return type;
}

static const struct cqlanswer_col *read_cols(struct rbuf *in, bool global, size_t cnt,
                                             struct arena *arena) {
    struct cqlanswer_col *col = arena_array(arena, struct cqlanswer_col, cnt + 1);
    struct types types = {in, arena, 0};
    struct str keyspace = global ? read_string(in) : STR_NULL;
    struct str table = global ? read_string(in) : STR_NULL;
    for (size_t i = 0; i < cnt && !in->bad; i++) {
        col[i].keyspace = global ? keyspace : read_string(in);
        col[i].table = global ? table : read_string(in);
        col[i].name = read_string(in);
        col[i].type = read_type(&types);
    }
    return col;
}

static void read_rows(struct rbuf *in, struct arena *arena, struct cqlreply_rows *out) {
    int32_t flags = rbuf_i32(in), claimed = rbuf_i32(in);
    bool plain = flags & NO_METADATA;
    if (plain && (claimed < 0 || claimed > UINT16_MAX)) rbuf_fail(in);
    out->col_cnt = plain && !in->bad ? (size_t)claimed : rbuf_count(in, claimed, COL_LEN_MIN);
    if (flags & MORE_PAGES) out->paging_state = read_bytes(in);
    if (flags & NEW_METADATA) out->meta_id = read_string(in);
    if (!plain) out->col = read_cols(in, flags & GLOBAL_SPEC, out->col_cnt, arena);
    claimed = rbuf_i32(in);
    out->row_cnt = rbuf_count(in, claimed, MAX(4 * out->col_cnt, (size_t)1));
    out->in = *in;
}

static void read_prepared(struct rbuf *in, uint8_t version, struct arena *arena,
                          struct cqlreply_prepared *out) {
    out->id = read_string(in);
    if (version >= 5) out->meta_id = read_string(in);
    int32_t flags = rbuf_i32(in), claimed = rbuf_i32(in);
    out->bind_cnt = rbuf_count(in, claimed, COL_LEN_MIN);
    if (version >= 4) {
        claimed = rbuf_i32(in);
        out->pkey_cnt = rbuf_count(in, claimed, 2);
        uint16_t *pkey = arena_array(arena, uint16_t, out->pkey_cnt + 1);
        for (size_t i = 0; i < out->pkey_cnt; i++)
            pkey[i] = rbuf_u16(in);
        out->pkey = pkey;
    }
    if (!(flags & NO_METADATA))
        out->bind = read_cols(in, flags & GLOBAL_SPEC, out->bind_cnt, arena);
}

static void read_change(struct rbuf *in, struct cqlanswer_change *out) {
    out->change = read_string(in);
    out->target = read_string(in);
    out->keyspace = read_string(in);
    if (!str_eqz(out->target, "KEYSPACE")) out->name = read_string(in);
}

int cqlreply_result(struct str body, uint8_t version, struct arena *arena,
                    struct cqlreply_result *out) {
    struct rbuf in = rbuf_of_str(body);
    *out = (struct cqlreply_result){.kind = (enum cqlreply_kind)rbuf_i32(&in)};
    switch (out->kind) {
    case CQLREPLY_VOID: break;
    case CQLREPLY_ROWS: read_rows(&in, arena, &out->rows); break;
    case CQLREPLY_KEYSPACE: out->keyspace = read_string(&in); break;
    case CQLREPLY_PREPARED: read_prepared(&in, version, arena, &out->prepared); break;
    case CQLREPLY_SCHEMA: read_change(&in, &out->change); break;
    default: return err_fail(ERR_CORRUPT, "a RESULT of kind %d", (int)out->kind);
    }
    return check(&in, "a RESULT");
}

struct str cqlreply_cell(struct cqlreply_rows *rows) {
    return read_bytes(&rows->in);
}

/* ---- the others ------------------------------------------------------------------------------ */

int cqlreply_event(struct str body, struct cqlreply_event *out) {
    struct rbuf in = rbuf_of_str(body);
    *out = (struct cqlreply_event){0};
    struct str kind = read_string(&in);
    if (str_eqz(kind, "SCHEMA_CHANGE")) {
        out->kind = CQLMSG_SCHEMA_CHANGE;
        read_change(&in, &out->change);
        return check(&in, "an EVENT");
    }
    out->kind = str_eqz(kind, "STATUS_CHANGE")     ? CQLMSG_STATUS_CHANGE
                : str_eqz(kind, "TOPOLOGY_CHANGE") ? CQLMSG_TOPOLOGY_CHANGE
                                                   : 0;
    out->what = read_string(&in);
    size_t len = rbuf_u8(&in);
    if (len != 4 && len != 16) rbuf_fail(&in);
    out->addr = rbuf_bytes(&in, len);
    out->port = rbuf_i32(&in);
    return check(&in, "an EVENT");
}

int cqlreply_authenticate(struct str body, struct str *name) {
    struct rbuf in = rbuf_of_str(body);
    *name = read_string(&in);
    return check(&in, "an AUTHENTICATE");
}

bool cqlreply_supports(struct str body, struct str key, struct str value) {
    struct rbuf in = rbuf_of_str(body);
    uint16_t keys = rbuf_u16(&in);
    bool found = false;
    for (size_t k = 0; k < keys && !in.bad; k++) {
        bool here = str_ieq(read_string(&in), key);
        uint16_t values = rbuf_u16(&in);
        for (size_t i = 0; i < values && !in.bad; i++)
            if (str_ieq(read_string(&in), value)) found |= here;
    }
    return found && !in.bad;
}
