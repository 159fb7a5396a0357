/* cqlmsg.h - the bodies of requests: what a client asks.
 *
 * Everything decoded points into the body given, arrays live in the arena given. A body must be
 * read to its end: bytes left over mean that the two sides do not understand each other.
 * Errors: ERR_TRUNC, ERR_CORRUPT (protocol errors, 0x000A) and ERR_INVAL (0x2200).
 * Limits: counts by the bytes that remain; 65,535 values and 65,535 statements of a batch.
 * Source: native_protocol_v3/v4.spec section 4.1. */
#ifndef WIRE_CQL_CQLMSG_H
#define WIRE_CQL_CQLMSG_H

#include "base/arena.h"
#include "base/rbuf.h"

#define CQLMSG_TS_NONE INT64_MIN

/* What decoding needs to know. */
struct cqlmsg_how {
    uint8_t version; /* 3, 4 */
    struct str unset; /* the str that stands for "unset": compared by pointer, later */
    struct arena *arena;
};

struct cqlmsg_pair {
    struct str key, value;
};
struct cqlmsg_startup {
    const struct cqlmsg_pair *pair;
    size_t cnt;
    struct str cql_version, compression, driver_name, driver_version; /* ptr NULL: not given */
};

enum cqlmsg_flag {
    CQLMSG_VALUES = 0x01,
    CQLMSG_SKIP_METADATA = 0x02,
    CQLMSG_PAGE_SIZE = 0x04,
    CQLMSG_PAGING_STATE = 0x08,
    CQLMSG_SERIAL = 0x10,
    CQLMSG_TIMESTAMP = 0x20,
    CQLMSG_NAMES = 0x40,
};
struct cqlmsg_params {
    uint16_t consistency, serial;
    uint8_t flags;
    const struct str *value; /* ptr NULL: null; how->unset */
    const struct str *name;  /* NULL: by position */
    size_t value_cnt;
    int32_t page_size; /* 0: none */
    struct str paging_state;
    int64_t ts_us; /* or CQLMSG_TS_NONE */
};
struct cqlmsg_query {
    struct str text;
    struct cqlmsg_params params;
};
struct cqlmsg_execute {
    struct str id;
    struct cqlmsg_params params;
};
enum cqlmsg_batch_kind { CQLMSG_LOGGED, CQLMSG_UNLOGGED, CQLMSG_COUNTER };
struct cqlmsg_item {
    struct str text, id; /* one of them; the other's ptr is NULL */
    const struct str *value;
    size_t value_cnt;
};
struct cqlmsg_batch {
    enum cqlmsg_batch_kind kind;
    const struct cqlmsg_item *item;
    size_t item_cnt;
    uint16_t consistency, serial;
    int64_t ts_us;
};
enum cqlmsg_event {
    CQLMSG_TOPOLOGY_CHANGE = 1,
    CQLMSG_STATUS_CHANGE = 2,
    CQLMSG_SCHEMA_CHANGE = 4,
};

/* Steps over the custom payload that stands before a body with CQLFRAME_PAYLOAD. */
int cqlmsg_payload(struct str *body) MUST_USE;
int cqlmsg_startup(struct str body, const struct cqlmsg_how *how,
                   struct cqlmsg_startup *out) MUST_USE;
int cqlmsg_query(struct str body, const struct cqlmsg_how *how, struct cqlmsg_query *out) MUST_USE;
int cqlmsg_prepare(struct str body, struct str *text) MUST_USE;
int cqlmsg_execute(struct str body, const struct cqlmsg_how *how,
                   struct cqlmsg_execute *out) MUST_USE;
int cqlmsg_batch(struct str body, const struct cqlmsg_how *how, struct cqlmsg_batch *out) MUST_USE;
int cqlmsg_register(struct str body, unsigned *events) MUST_USE; /* enum cqlmsg_event bits */

#endif
