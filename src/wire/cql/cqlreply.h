/* cqlreply.h - the bodies of answers, as a client reads them: the other side of cqlanswer.h.
 *
 * Everything decoded points into the body given, arrays live in the arena given. Bytes left over at
 * the end of a body are let be: newer servers may add some.
 * Errors: ERR_TRUNC, ERR_CORRUPT. Limits: counts by the bytes that remain; types CQLTYPE_DEPTH_MAX
 *         deep. A custom type other than those of cqltype.h reads as blob.
 * Source: native_protocol_v4/v5.spec sections 4.2 and 9. */
#ifndef WIRE_CQL_CQLREPLY_H
#define WIRE_CQL_CQLREPLY_H

#include "base/arena.h"
#include "base/rbuf.h"
#include "wire/cql/cqlanswer.h"

struct cqlreply_error {
    int32_t code; /* enum cqlanswer_code */
    struct str text;
    struct str keyspace, table; /* EXISTS */
    struct str id;              /* UNPREPARED */
    uint16_t consistency;       /* UNAVAILABLE, the timeouts and failures */
    int32_t needed, got;        /* likewise: replicas */
    struct str write_type;      /* WRITE_*: "BATCH_LOG" */
};

enum cqlreply_kind {
    CQLREPLY_VOID = 1,
    CQLREPLY_ROWS = 2,
    CQLREPLY_KEYSPACE = 3,
    CQLREPLY_PREPARED = 4,
    CQLREPLY_SCHEMA = 5,
};
struct cqlreply_rows {
    const struct cqlanswer_col *col; /* NULL: the answer leaves them out */
    size_t col_cnt, row_cnt;
    struct str paging_state; /* ptr NULL: this was the last page */
    struct str meta_id;      /* version 5, when the columns have changed; ptr NULL otherwise */
    struct rbuf in;          /* the cells: cqlreply_cell() */
};
struct cqlreply_prepared {
    struct str id, meta_id;
    const struct cqlanswer_col *bind;
    size_t bind_cnt;
    const uint16_t *pkey;
    size_t pkey_cnt;
};
struct cqlreply_result {
    enum cqlreply_kind kind;
    struct cqlreply_rows rows;
    struct cqlreply_prepared prepared;
    struct str keyspace;            /* KEYSPACE */
    struct cqlanswer_change change; /* SCHEMA */
};
struct cqlreply_event {
    unsigned kind; /* enum cqlmsg_event */
    struct str what; /* "UP", "NEW_NODE" */
    struct str addr; /* 4 or 16 bytes */
    int32_t port;
    struct cqlanswer_change change; /* SCHEMA_CHANGE */
};

/* Steps over what may stand before a body, as the frame's flags say; *warning: the first of the
 * server's warnings, ptr NULL without. */
int cqlreply_open(uint8_t flags, struct str *body, struct str *warning) MUST_USE;
int cqlreply_error(struct str body, struct cqlreply_error *out) MUST_USE;
int cqlreply_result(struct str body, uint8_t version, struct arena *arena,
                    struct cqlreply_result *out) MUST_USE;
int cqlreply_event(struct str body, struct cqlreply_event *out) MUST_USE;
/* AUTHENTICATE: who checks; AUTH_CHALLENGE, AUTH_SUCCESS: the token. */
int cqlreply_authenticate(struct str body, struct str *name) MUST_USE;
/* Does SUPPORTED list `value` under `key`? */
bool cqlreply_supports(struct str body, struct str key, struct str value);
/* The next cell of the rows; ptr NULL: null. Cells come row by row. ERR_TRUNC shows in rows->in. */
struct str cqlreply_cell(struct cqlreply_rows *rows);

#endif
