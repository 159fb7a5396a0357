/* cqlmsg.c - decodes what clients ask.
 *
 * One reader for a notation of the specification ([string], [long string], [value], ...), one
 * function for a message. */
#include "wire/cql/cqlmsg.h"

#include "base/err.h"

#define CONSISTENCY_MAX 0x0A /* LOCAL_ONE */
#define SERIAL          0x08
#define LOCAL_SERIAL    0x09

static struct str read_string(struct rbuf *in) {
    size_t len = rbuf_u16(in);
    return rbuf_bytes(in, len);
}

static struct str read_long_string(struct rbuf *in) {
    int32_t len = rbuf_i32(in);
    size_t cnt = rbuf_count(in, len, 1);
    return rbuf_bytes(in, cnt);
}

/* [bytes]: a negative length is null. */
static struct str read_bytes(struct rbuf *in) {
    int32_t len = rbuf_i32(in);
    if (len < 0) return STR_NULL;
    size_t cnt = rbuf_count(in, len, 1);
    return rbuf_bytes(in, cnt);
}

/* [value]: from version 4 on, -2 leaves the column alone and anything below is an error. */
static struct str read_value(struct rbuf *in, const struct cqlmsg_how *how) {
    int32_t len = rbuf_i32(in);
    if (len < 0 && how->version >= 4) {
        if (len == -2) return how->unset;
        if (len < -2) rbuf_fail(in);
    }
    if (len < 0) return STR_NULL;
    size_t cnt = rbuf_count(in, len, 1);
    return rbuf_bytes(in, cnt);
}

static const struct str *read_values(struct rbuf *in, const struct cqlmsg_how *how, size_t *cnt,
                                     const struct str **name) {
    uint16_t claimed = rbuf_u16(in);
    *cnt = rbuf_count(in, claimed, name ? 6 : 4);
    struct str *value = arena_array(how->arena, struct str, *cnt + 1);
    struct str *names = name ? arena_array(how->arena, struct str, *cnt + 1) : NULL;
    for (size_t i = 0; i < *cnt && !in->bad; i++) {
        if (names) names[i] = read_string(in);
        value[i] = read_value(in, how);
    }
    if (name) *name = names;
    return value;
}

static int check_end(const struct rbuf *in, const char *what) {
    if (in->bad) return err_fail(ERR_TRUNC, "%s message is cut short or malformed", what);
    size_t left = rbuf_left(in);
    if (left == 0) return 0;
    return err_fail(ERR_CORRUPT, "%zu bytes after the end of a %s message", left, what);
}

static int check_consistency(uint16_t level) {
    if (level <= CONSISTENCY_MAX) return 0;
    return err_fail(ERR_CORRUPT, "Unknown code %u for a consistency level", level);
}

static int check_serial(uint16_t level) {
    if (level == SERIAL || level == LOCAL_SERIAL) return 0;
    return err_fail(ERR_INVAL, "Invalid consistency level for serial consistency, must be one of "
                               "SERIAL or LOCAL_SERIAL");
}

static int check_ts(int64_t ts_us) {
    if (ts_us != CQLMSG_TS_NONE) return 0;
    return err_fail(ERR_CORRUPT, "Out of bound timestamp, must be in [-9223372036854775807, "
                                 "9223372036854775807] (got %" PRId64 ")", ts_us);
}

int cqlmsg_payload(struct str *body) {
    struct rbuf in = rbuf_of_str(*body);
    uint16_t claimed = rbuf_u16(&in);
    size_t cnt = rbuf_count(&in, claimed, 6);
    for (size_t i = 0; i < cnt && !in.bad; i++) {
        read_string(&in);
        read_bytes(&in);
    }
    if (in.bad) return err_fail(ERR_TRUNC, "the custom payload is cut short");
    *body = rbuf_bytes(&in, rbuf_left(&in));
    return 0;
}

int cqlmsg_startup(struct str body, const struct cqlmsg_how *how, struct cqlmsg_startup *out) {
    struct rbuf in = rbuf_of_str(body);
    *out = (struct cqlmsg_startup){0};
    uint16_t claimed = rbuf_u16(&in);
    out->cnt = rbuf_count(&in, claimed, 4);
    struct cqlmsg_pair *pair = arena_array(how->arena, struct cqlmsg_pair, out->cnt + 1);
    out->pair = pair;
    for (size_t i = 0; i < out->cnt && !in.bad; i++) {
        pair[i].key = read_string(&in);
        pair[i].value = read_string(&in);
        if (str_ieq(pair[i].key, STR("CQL_VERSION"))) out->cql_version = pair[i].value;
        if (str_ieq(pair[i].key, STR("COMPRESSION"))) out->compression = pair[i].value;
        if (str_ieq(pair[i].key, STR("DRIVER_NAME"))) out->driver_name = pair[i].value;
        if (str_ieq(pair[i].key, STR("DRIVER_VERSION"))) out->driver_version = pair[i].value;
    }
    return check_end(&in, "STARTUP");
}

static int read_params(struct rbuf *in, const struct cqlmsg_how *how, struct cqlmsg_params *out) {
    *out = (struct cqlmsg_params){.ts_us = CQLMSG_TS_NONE, .serial = SERIAL};
    out->consistency = rbuf_u16(in);
    out->flags = rbuf_u8(in);
    if (out->flags & CQLMSG_VALUES)
        out->value = read_values(in, how, &out->value_cnt,
                                 out->flags & CQLMSG_NAMES ? &out->name : NULL);
    if (out->flags & CQLMSG_PAGE_SIZE) out->page_size = rbuf_i32(in);
    if (out->flags & CQLMSG_PAGING_STATE) out->paging_state = read_bytes(in);
    if (out->flags & CQLMSG_SERIAL) out->serial = rbuf_u16(in);
    if (out->flags & CQLMSG_TIMESTAMP) out->ts_us = rbuf_i64(in);
    if (in->bad) return 0;
    int err = check_consistency(out->consistency);
    if (!err && out->flags & CQLMSG_SERIAL) err = check_serial(out->serial);
    if (!err && out->flags & CQLMSG_TIMESTAMP) err = check_ts(out->ts_us);
    return err;
}

int cqlmsg_query(struct str body, const struct cqlmsg_how *how, struct cqlmsg_query *out) {
    struct rbuf in = rbuf_of_str(body);
    out->text = read_long_string(&in);
    int err = read_params(&in, how, &out->params);
    return err ? err : check_end(&in, "QUERY");
}

int cqlmsg_prepare(struct str body, struct str *text) {
    struct rbuf in = rbuf_of_str(body);
    *text = read_long_string(&in);
    return check_end(&in, "PREPARE");
}

int cqlmsg_execute(struct str body, const struct cqlmsg_how *how, struct cqlmsg_execute *out) {
    struct rbuf in = rbuf_of_str(body);
    out->id = read_string(&in);
    int err = read_params(&in, how, &out->params);
    return err ? err : check_end(&in, "EXECUTE");
}

static int read_item(struct rbuf *in, const struct cqlmsg_how *how, struct cqlmsg_item *out) {
    uint8_t kind = rbuf_u8(in);
    *out = (struct cqlmsg_item){0};
    if (kind == 0) out->text = read_long_string(in);
    else if (kind == 1) out->id = read_string(in);
    else if (!in->bad)
        return err_fail(ERR_CORRUPT, "Invalid query kind in BATCH messages. Must be 0 or 1 but "
                                     "got %u", kind);
    out->value = read_values(in, how, &out->value_cnt, NULL);
    return 0;
}

int cqlmsg_batch(struct str body, const struct cqlmsg_how *how, struct cqlmsg_batch *out) {
    struct rbuf in = rbuf_of_str(body);
    *out = (struct cqlmsg_batch){.ts_us = CQLMSG_TS_NONE, .serial = SERIAL};
    uint8_t kind = rbuf_u8(&in);
    if (kind > CQLMSG_COUNTER) return err_fail(ERR_CORRUPT, "Invalid batch type %u", kind);
    out->kind = kind;
    uint16_t claimed = rbuf_u16(&in);
    out->item_cnt = rbuf_count(&in, claimed, 5);
    struct cqlmsg_item *item = arena_array(how->arena, struct cqlmsg_item, out->item_cnt + 1);
    out->item = item;
    int err = 0;
    for (size_t i = 0; i < out->item_cnt && !in.bad && !err; i++)
        err = read_item(&in, how, &item[i]);
    if (err) return err;
    out->consistency = rbuf_u16(&in);
    uint8_t flags = rbuf_u8(&in);
    /* The protocol puts this flag behind the values it speaks of, so nobody can send it. */
    if (!in.bad && flags & CQLMSG_NAMES)
        return err_fail(ERR_CORRUPT, "named values are not possible in a BATCH message");
    if (flags & CQLMSG_SERIAL) out->serial = rbuf_u16(&in);
    if (flags & CQLMSG_TIMESTAMP) out->ts_us = rbuf_i64(&in);
    err = check_end(&in, "BATCH");
    if (!err) err = check_consistency(out->consistency);
    if (!err && flags & CQLMSG_SERIAL) err = check_serial(out->serial);
    if (!err && flags & CQLMSG_TIMESTAMP) err = check_ts(out->ts_us);
    return err;
}

int cqlmsg_register(struct str body, unsigned *events) {
    struct rbuf in = rbuf_of_str(body);
    uint16_t claimed = rbuf_u16(&in);
    size_t cnt = rbuf_count(&in, claimed, 2);
    *events = 0;
    for (size_t i = 0; i < cnt && !in.bad; i++) {
        struct str name = read_string(&in);
        if (str_ieq(name, STR("TOPOLOGY_CHANGE"))) *events |= CQLMSG_TOPOLOGY_CHANGE;
        else if (str_ieq(name, STR("STATUS_CHANGE"))) *events |= CQLMSG_STATUS_CHANGE;
        else if (str_ieq(name, STR("SCHEMA_CHANGE"))) *events |= CQLMSG_SCHEMA_CHANGE;
        else if (!in.bad)
            return err_fail(ERR_CORRUPT, "Invalid value '%.*s' for Type", STR_ARG(name));
    }
    return check_end(&in, "REGISTER");
}
