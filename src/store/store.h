/* store.h - tables people query: CQL's rows on an ordered, durable key-value engine.
 *
 * A table has a partition key (1.. columns), a clustering key (0.. columns, each ASC or DESC) and
 * other columns, static ones among them. A cell carries its write timestamp and optional expiry; a
 * write merges by timestamp exactly as Cassandra does. One transaction may hold rows of several
 * tables and the caller's own state, and is atomic and durable: that is what makes a query's
 * results, offsets and state one thing.
 *
 * Values are CQL-serialised bytes (wire/cql/cqltype.h) with ptr NULL = null.
 * Thread:  any; a transaction belongs to one thread. Memory: results live in the arena given.
 * Source:  Cassandra 5's semantics; doc/architecture.md has the key layout. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/arena.h"
#include "base/env.h"
#include "base/uuid.h"
#include "model/address.h"
#include "model/fence.h"
#include "model/finding.h"

#define STORE_NAME_MAX  48
#define STORE_COL_MAX   2048      /* columns of a table */
#define STORE_VALUE_MAX (64 * MIB) /* bytes of one value */
#define STORE_KEY_MAX   65535     /* bytes of a whole partition key, of a whole clustering key */

struct batch;   /* model/batch.h */
struct cqltype; /* wire/cql/cqltype.h */
struct type;    /* model/type.h */
struct store;
struct store_tx;
struct store_conf {
    struct env *env;
    const char *url; /* "embedded:DIR", "mem:", "cassandra://node1,node2/?dc=..." (cass_url.h) */
    const struct fence *fence; /* borrowed; NULL: no other node writes here */
    bool relaxed;    /* commits need not be synced one by one (durability: relaxed) */
    const struct address_property *property; /* a swapped tier's; borrowed for the open */
    size_t property_cnt;
};
int store_open(struct store **out, const struct store_conf *conf) MUST_USE;
/* Can it be used? Tells what is found: nothing where the store is our own. Makes nothing. */
void store_doctor(const struct store_conf *conf, const struct finding_to *to);
/* Any thread, before the close: what waits for a server that is not there fails with ERR_STOPPED,
 * now and from now on. NULL is allowed. */
void store_stop(struct store *store);
void store_close(struct store *store);
/* 0, or why it cannot be used just now, as far as is known without asking. */
int store_state(struct store *store) MUST_USE;

/* What not every implementation promises. Without ATOMIC a commit that fails may have been done in
 * part, its state never: the caller repeats it with the same timestamps, which changes nothing. */
enum store_cap {
    STORE_CAP_ATOMIC = 1,   /* a transaction is all or nothing */
    STORE_CAP_SNAPSHOT = 2, /* a scan shows rows as they were when it was opened */
    STORE_CAP_CLOCK = 4,    /* expiry goes by conf.env's clock */
    STORE_CAP_REBORN = 8,   /* a column that was dropped and made again takes any timestamp */
};
uint32_t store_caps(const struct store *store);

/* ---- schema ---- */
enum store_kind { STORE_PKEY, STORE_CKEY, STORE_STATIC, STORE_REGULAR };
struct store_col {
    struct str name;
    const struct cqltype *type;
    enum store_kind kind;
    uint16_t pos; /* among its kind, for keys */
    bool desc;    /* CKEY only */
    uint16_t id;  /* given by the store, never reused within the table */
};
struct store_table {
    struct str keyspace, name;
    struct uuid id;
    uint32_t number; /* the key prefix; a truncated table gets a new one */
    struct store_col *col; /* pkey in order, ckey in order, static by name, others by name */
    size_t col_cnt, pkey_cnt, ckey_cnt;
    int32_t default_ttl_s;
    struct str comment;
    uint64_t version; /* changes with every DDL on it */
};
struct store_keyspace {
    /* replication: JSON object text; where data is on one node kept and shown, not used. Empty or
     * "{}": what suits the store. */
    struct str name, replication;
    bool durable_writes;
};
int store_keyspace_create(struct store *store, const struct store_keyspace *keyspace) MUST_USE;
int store_keyspace_alter(struct store *store, const struct store_keyspace *keyspace) MUST_USE;
int store_keyspace_drop(struct store *store, struct str name) MUST_USE;
int store_keyspaces(struct store *store, struct arena *arena, struct store_keyspace **out,
                    size_t *cnt) MUST_USE;
int store_table_create(struct store *store, const struct store_table *table) MUST_USE;
int store_table_alter(struct store *store, const struct store_table *table) MUST_USE;
int store_table_drop(struct store *store, struct str keyspace, struct str name) MUST_USE;
int store_table_truncate(struct store *store, struct str keyspace, struct str name) MUST_USE;
int store_table_get(struct store *store, struct str keyspace, struct str name, struct arena *arena,
                    struct store_table *out) MUST_USE; /* ERR_NOT_FOUND */
int store_tables(struct store *store, struct str keyspace, struct arena *arena,
                 struct store_table **out, size_t *cnt) MUST_USE; /* keyspace.ptr NULL: of all */
/* User types. A type that a table or another type uses cannot be dropped: ERR_INVAL. */
struct store_udt {
    struct str keyspace, name;
    const struct cqltype *type; /* a CQL_UDT */
};
int store_udt_create(struct store *store, const struct store_udt *udt) MUST_USE;
int store_udt_drop(struct store *store, struct str keyspace, struct str name) MUST_USE;
int store_udts(struct store *store, struct str keyspace, struct arena *arena,
               struct store_udt **out, size_t *cnt) MUST_USE; /* keyspace.ptr NULL: of all */
/* Rises with every change of any schema, from 1; never goes back while the store is open. */
uint64_t store_schema_version(struct store *store);
/* Bytes and rows a table takes, about. */
int store_table_size(struct store *store, const struct store_table *table, int64_t *bytes,
                     int64_t *rows) MUST_USE;

/* ---- writing ---- */
struct store_cell {
    uint16_t col;     /* store_col.id */
    struct str value; /* ptr NULL: a cell tombstone */
};
enum store_write_kind {
    STORE_INSERT,      /* writes the row marker too */
    STORE_UPDATE,      /* cells only */
    STORE_DELETE_CELLS,
    STORE_DELETE_ROW,
    STORE_DELETE_PARTITION,
    STORE_DELETE_RANGE, /* ckey is the common prefix, lo/hi bound the next clustering column */
};
struct store_write {
    enum store_write_kind kind;
    const struct str *pkey; /* pkey_cnt values */
    const struct str *ckey; /* ckey_cnt values; fewer for a range; none: the static row */
    size_t ckey_cnt;
    const struct store_cell *cell;
    size_t cell_cnt;
    int64_t ts_us; /* write timestamp */
    int32_t ttl_s; /* 0: none */
    struct str lo, hi; /* DELETE_RANGE: in the order of values, not of a DESC column */
    bool lo_open, hi_open; /* bound excluded */
};
int store_begin(struct store *store, struct store_tx **out) MUST_USE;
int store_write(struct store_tx *tx, const struct store_table *table,
                const struct store_write *write) MUST_USE;
/* The caller's own bytes (stream state, offsets), by name; value.ptr NULL deletes. */
int store_put_state(struct store_tx *tx, struct str name, struct str value) MUST_USE;
int store_commit(struct store_tx *tx) MUST_USE; /* atomic, durable on 0; frees tx in any case */
void store_abort(struct store_tx *tx);
int store_get_state(struct store *store, struct str name, struct arena *arena,
                    struct str *out) MUST_USE; /* ERR_NOT_FOUND */

/* ---- reading ---- */
struct store_range { /* of one partition, or of a token range over all */
    const struct str *pkey;  /* NULL: scan by token */
    int64_t token_lo, token_hi; /* token scan: lo < token <= hi; INT64_MIN lo: from the start */
    const struct str *ckey_eq;  /* a prefix of the clustering key that must be equal */
    size_t ckey_eq_cnt;
    struct str lo, hi; /* bounds of the next clustering column, lo the lesser value even where
                          the column is DESC; ptr NULL: none */
    bool lo_open, hi_open;
    bool reverse;      /* clustering order reversed; within one partition only */
};
struct store_row {
    const struct str *value;     /* by index into table->col; ptr NULL: null */
    const int64_t *ts_us;        /* write timestamp a column, INT64_MIN where null */
    const int32_t *ttl_left_s;   /* -1: does not expire */
    int64_t token;
    bool is_static;              /* only the static row is there: clustering columns are null */
};
/* Steps over live rows, as they were when the scan was opened. `resume` (from a former scan's
 * store_scan_mark, perhaps in another process and through a client) goes on after that row:
 * ERR_INVAL when it is none of this range's. */
struct store_scan;
int store_scan_open(struct store *store, const struct store_table *table,
                    const struct store_range *range, struct str resume,
                    struct store_scan **out) MUST_USE;
int store_scan_next(struct store_scan *scan, struct arena *arena, struct store_row *out,
                    bool *more) MUST_USE;
struct str store_scan_mark(struct store_scan *scan, struct arena *arena); /* after the last row */
void store_scan_close(struct store_scan *scan);

int64_t store_token(const struct store_table *table, const struct str *pkey); /* Murmur3 */

/* ---- the sink of a query: columnar rows into a table ---- */
/* Makes the table, and its keyspace, when they are not there, or adds the columns it lacks; a
 * column that is there with a type the values do not fit is ERR_TYPE. `key` is the primary key as
 * CQL writes it, a type after a name where it is not the column's own: "id uuid",
 * "(tenant, day date), at DESC". Names are taken as they are written. */
struct store_sink;
struct store_sink_conf {
    struct str keyspace, table;
    const struct type *row; /* a STRUCT: the columns */
    struct str key;
    int32_t ttl_s; /* of every row; 0: none */
};
int store_sink_open(struct store *store, const struct store_sink_conf *conf,
                    struct store_sink **out) MUST_USE;
/* Writes the selected rows into `tx` as INSERTs; NULL deletes the cell. ts_us: the write timestamp
 * by batch position. A row that the table cannot hold (its key is NULL or no value of its type) is
 * given to `reject` with the reason and left out; what that returns other than 0 is returned. */
typedef int store_sink_reject_fn(void *arg, uint32_t row, struct str reason);
int store_sink_rows(struct store_sink *sink, struct store_tx *tx, const struct batch *rows,
                    const int64_t *ts_us, store_sink_reject_fn *reject, void *arg) MUST_USE;
const struct store_table *store_sink_table(const struct store_sink *sink);
void store_sink_close(struct store_sink *sink); /* NULL is allowed */

#endif
