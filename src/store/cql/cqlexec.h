/* cqlexec.h - the CQL language, executed on the store.
 *
 * An executor belongs to one store. A statement is parsed and planned by cqlexec_prepare() and run
 * any number of times, or given as text to cqlexec_run(). What a statement did comes back as one
 * result; rows are appended to the caller's buffer as the protocol's [value]s (int32 length, -1
 * null, then the bytes), row after row, ready to be sent.
 *
 * Thread:  any number of threads at once; a session (its current keyspace) is one connection's.
 * Memory:  everything in a result lives in the arena given; rows in the buffer given.
 * Errors:  a negative `enum err`; err_note() is Cassandra's own sentence; result->error has the
 *          protocol's code and, for "already exists", the names.
 * Limits:  CQLEXEC_TEXT_MAX bytes of text; depth, counts: cqlparse.h.
 * Source:  Cassandra 5.0's grammar, checks and words. */
#ifndef STORE_CQL_CQLEXEC_H
#define STORE_CQL_CQLEXEC_H

#include "base/buf.h"
#include "store/store.h"
#include "wire/cql/cqltype.h"

#define CQLEXEC_TEXT_MAX  (16 * MIB)
#define CQLEXEC_BIND_MAX  65535
#define CQLEXEC_TS_NONE   INT64_MIN

struct cqlexec;

/* Keyspaces whose tables are computed: system, system_schema, ... Their tables are described like
 * any other; SELECT with any WHERE, columns, functions, LIMIT runs over what rows() gives out. */
typedef int cqlexec_emit_fn(void *arg, const struct str *value); /* by index into table->col */
struct cqlexec_virtual {
    void *self;
    bool (*keyspace)(void *self, struct str name); /* is it yours? */
    /* ERR_NOT_FOUND (any note): no such table in a keyspace of yours. */
    int (*table)(void *self, struct str keyspace, struct str name, struct arena *arena,
                 struct store_table *out);
    /* Calls `emit` for every row, in any order; a value's bytes must live as long as `arena`. */
    int (*rows)(void *self, const struct store_table *table, struct arena *arena,
                cqlexec_emit_fn *emit, void *arg);
};

struct cqlexec_conf {
    struct env *env;
    struct store *store;                 /* borrowed */
    const struct cqlexec_virtual *virt;  /* borrowed; NULL: none */
};
int cqlexec_open(struct cqlexec **out, const struct cqlexec_conf *conf) MUST_USE;
void cqlexec_close(struct cqlexec *exec); /* after all prepared statements were freed */

struct cqlexec_session {
    char keyspace[STORE_NAME_MAX + 1]; /* "" : none yet; USE and run() change it */
};

/* ---- statements ---- */
enum cqlexec_kind {
    CQLEXEC_SELECT,
    CQLEXEC_INSERT,
    CQLEXEC_UPDATE,
    CQLEXEC_DELETE,
    CQLEXEC_BATCH,
    CQLEXEC_USE,
    CQLEXEC_TRUNCATE,
    CQLEXEC_SCHEMA,  /* CREATE, ALTER, DROP of anything */
    CQLEXEC_OTHER,   /* parsed, and refused when run */
};
struct cqlexec_col {
    struct str keyspace, table, name;
    const struct cqltype *type;
};
struct cqlexec_prepared {
    uint8_t id[16]; /* MD5 of the keyspace in force + the text, as Cassandra */
    uint8_t meta_id[16]; /* of the result columns, for v5 */
    enum cqlexec_kind kind;
    bool conditional;  /* a lightweight transaction */
    struct str text, keyspace;
    const struct cqlexec_col *bind; /* the markers, in order */
    size_t bind_cnt;
    const uint16_t *pkey; /* index into bind of each partition key column; pkey_cnt 0: not all
                             are markers */
    size_t pkey_cnt;
    const struct cqlexec_col *col; /* of the result; col_cnt 0: it gives no rows */
    size_t col_cnt;
};
/* `keyspace` "" : none in force. *out is counted: cqlexec_release() it. The facts above are those
 * of the schema at this time; a run after a schema change plans anew by itself. */
int cqlexec_prepare(struct cqlexec *exec, struct str keyspace, struct str text,
                    struct cqlexec_prepared **out) MUST_USE;
struct cqlexec_prepared *cqlexec_retain(struct cqlexec_prepared *prepared);
void cqlexec_release(struct cqlexec_prepared *prepared); /* NULL is allowed */

/* ---- running ---- */
extern const struct str cqlexec_unset; /* a bound value that leaves its column alone */
struct cqlexec_request {
    struct cqlexec_prepared *prepared; /* or NULL and */
    struct str text;
    const struct str *value; /* bound: ptr NULL null, ptr == cqlexec_unset.ptr unset */
    const struct str *name;  /* NULL: by position; else one a value */
    size_t value_cnt;
    int32_t page_size;       /* <= 0: all rows */
    struct str paging_state; /* ptr NULL: from the start */
    int64_t ts_us;           /* the client's write timestamp, or CQLEXEC_TS_NONE */
};
enum cqlexec_result_kind {
    CQLEXEC_VOID,
    CQLEXEC_ROWS,
    CQLEXEC_SET_KEYSPACE,
    CQLEXEC_SCHEMA_CHANGE,
};
struct cqlexec_error {
    int32_t code; /* 0x2000 syntax, 0x2200 invalid, 0x2400 already exists, ... */
    struct str keyspace, table; /* already exists; table "" for a keyspace */
};
struct cqlexec_result {
    enum cqlexec_result_kind kind;
    const struct cqlexec_col *col; /* ROWS */
    size_t col_cnt;
    uint8_t meta_id[16];
    int64_t row_cnt;         /* in `rows` */
    struct str paging_state; /* ptr NULL: no more pages */
    struct str keyspace;     /* SET_KEYSPACE, SCHEMA_CHANGE */
    struct str change, target, name; /* "CREATED" "TABLE" "t"; name "" for a keyspace */
    const struct str *warning;
    size_t warning_cnt;
    struct cqlexec_error error; /* when the call failed */
};
int cqlexec_run(struct cqlexec *exec, struct cqlexec_session *session,
                const struct cqlexec_request *request, struct arena *arena, struct buf *rows,
                struct cqlexec_result *result) MUST_USE;

/* The protocol's BATCH message: all or nothing, one commit. */
enum cqlexec_batch_kind { CQLEXEC_LOGGED, CQLEXEC_UNLOGGED, CQLEXEC_COUNTER };
struct cqlexec_batch {
    enum cqlexec_batch_kind kind;
    const struct cqlexec_request *item; /* page_size, paging_state, ts_us are ignored */
    size_t item_cnt;
    int64_t ts_us;
};
int cqlexec_run_batch(struct cqlexec *exec, struct cqlexec_session *session,
                      const struct cqlexec_batch *batch, struct arena *arena,
                      struct buf *rows, struct cqlexec_result *result) MUST_USE;

#endif
