/* cqlanswer.h - the bodies of answers: what the server says.
 *
 * Each function appends one body, or one part of it, to a frame begun by cqlframe_begin().
 * Thread: any. Limits: a [string] is cut at 65,535 bytes.
 * Source: native_protocol_v3/v4.spec sections 4.2, 6 and 9. */
#ifndef WIRE_CQL_CQLANSWER_H
#define WIRE_CQL_CQLANSWER_H

#include "base/buf.h"
#include "wire/cql/cqltype.h"

enum cqlanswer_code {
    CQLANSWER_SERVER = 0x0000,
    CQLANSWER_PROTOCOL = 0x000A,
    CQLANSWER_AUTH = 0x0100,
    CQLANSWER_UNAVAILABLE = 0x1000,
    CQLANSWER_OVERLOADED = 0x1001,
    CQLANSWER_BOOTSTRAPPING = 0x1002,
    CQLANSWER_TRUNCATE = 0x1003,
    CQLANSWER_WRITE_TIMEOUT = 0x1100,
    CQLANSWER_READ_TIMEOUT = 0x1200,
    CQLANSWER_READ_FAILURE = 0x1300,
    CQLANSWER_FUNCTION_FAILURE = 0x1400,
    CQLANSWER_WRITE_FAILURE = 0x1500,
    CQLANSWER_SYNTAX = 0x2000,
    CQLANSWER_UNAUTHORIZED = 0x2100,
    CQLANSWER_INVALID = 0x2200,
    CQLANSWER_CONFIG = 0x2300,
    CQLANSWER_EXISTS = 0x2400,
    CQLANSWER_UNPREPARED = 0x2500,
};
struct cqlanswer_error {
    int32_t code;
    struct str text;
    struct str keyspace, table; /* EXISTS; FUNCTION_FAILURE: table is the function */
    struct str id;              /* UNPREPARED */
    uint16_t consistency;       /* the timeouts, failures and UNAVAILABLE */
    const char *write_type;     /* WRITE_*; NULL: "SIMPLE" */
};
struct cqlanswer_col {
    struct str keyspace, table, name;
    const struct cqltype *type;
};
struct cqlanswer_prepared {
    struct str id;
    const struct cqlanswer_col *bind;
    size_t bind_cnt;
    const uint16_t *pkey; /* which markers are the partition key; version 4 */
    size_t pkey_cnt;
    const struct cqlanswer_col *col;
    size_t col_cnt;
};
struct cqlanswer_change {
    struct str change, target, keyspace, name; /* "CREATED", "TABLE", "ks", "t" */
};

/* ---- notations ---- */
void cqlanswer_string(struct buf *out, struct str text);
void cqlanswer_bytes(struct buf *out, struct str bytes); /* [bytes], [value]; ptr NULL: null */
void cqlanswer_strings(struct buf *out, const struct str *text, size_t cnt); /* [string list] */
void cqlanswer_option(struct buf *out, const struct cqltype *type, uint8_t version);

/* ---- bodies ---- */
void cqlanswer_error(struct buf *out, const struct cqlanswer_error *error);
void cqlanswer_supported(struct buf *out); /* what this server can do */
void cqlanswer_void(struct buf *out);
void cqlanswer_set_keyspace(struct buf *out, struct str keyspace);
void cqlanswer_schema_change(struct buf *out, const struct cqlanswer_change *change); /* RESULT */
void cqlanswer_event(struct buf *out, const struct cqlanswer_change *change);         /* EVENT */
/* RESULT Rows up to and with the row count; the rows follow. `skip`: without the columns. */
struct cqlanswer_rows {
    const struct cqlanswer_col *col;
    size_t col_cnt;
    bool skip;
    struct str paging_state; /* ptr NULL: the last page */
    int32_t row_cnt;
};
void cqlanswer_rows(struct buf *out, const struct cqlanswer_rows *rows, uint8_t version);
void cqlanswer_prepared(struct buf *out, const struct cqlanswer_prepared *prepared,
                        uint8_t version);

#endif
