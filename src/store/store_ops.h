/* store_ops.h - what an implementation of the store provides; seen by store.c and store/<product>/.
 *
 * store.c checks arguments, keeps the catalog and counts; the functions here get what is right. An
 * implementation's own struct begins with `struct store`; likewise its transactions and scans. */
#ifndef STORE_STORE_OPS_H
#define STORE_STORE_OPS_H

#include "store/catalog.h"
#include "store/store.h"

/* A change of the schema. */
enum store_ddl_kind {
    STORE_DDL_KEYSPACE_CREATE,
    STORE_DDL_KEYSPACE_ALTER,
    STORE_DDL_KEYSPACE_DROP,
    STORE_DDL_TABLE_CREATE,
    STORE_DDL_TABLE_ALTER,
    STORE_DDL_TABLE_DROP,
    STORE_DDL_TABLE_TRUNCATE,
    STORE_DDL_UDT_CREATE,
    STORE_DDL_UDT_DROP,
};
struct store_ddl {
    enum store_ddl_kind kind;
    const struct store_keyspace *new_keyspace; /* created, altered */
    const struct store_table *new_table;
    const struct store_udt *new_udt;
    struct str keyspace, name; /* always; name: of the table or type */
};

struct store_ops {
    const char *name; /* the scheme of its url */
    uint32_t caps;    /* enum store_cap */
    /* Opens, and loads `store->catalog` with what it has kept. `rest`: the url behind "name:". */
    int (*open)(const struct store_conf *conf, const char *rest, struct store **out);
    void (*doctor)(const struct store_conf *conf, const struct finding_to *to); /* or NULL */
    int (*state)(struct store *store); /* NULL: always well */
    void (*stop)(struct store *store); /* may be NULL: nothing waits for long */
    void (*close)(struct store *store);
    /* Changes a schema that is kept elsewhere, and the catalog after it. NULL: the catalog's
     * entries are the schema, and it does so by itself. */
    int (*ddl)(struct store *store, const struct store_ddl *ddl);
    /* Before the catalog is looked at: what may have changed elsewhere is brought into it. Never
     * waits long. May be NULL. */
    void (*freshen)(struct store *store);
    int (*begin)(struct store *store, struct store_tx **out);
    int (*write)(struct store_tx *tx, const struct store_table *table,
                 const struct store_write *write);
    int (*put_state)(struct store_tx *tx, struct str name, struct str value);
    int (*commit)(struct store_tx *tx);
    void (*abort)(struct store_tx *tx);
    int (*get_state)(struct store *store, struct str name, struct arena *arena, struct str *out);
    int (*scan_open)(struct store *store, const struct store_table *table,
                     const struct store_range *range, struct str resume, struct store_scan **out);
    int (*scan_next)(struct store_scan *scan, struct arena *arena, struct store_row *out,
                     bool *more);
    struct str (*scan_mark)(struct store_scan *scan, struct arena *arena);
    void (*scan_close)(struct store_scan *scan);
    int (*size)(struct store *store, const struct store_table *table, int64_t *bytes,
                int64_t *rows);
};

struct store {
    const struct store_ops *ops;
    struct env *env;
    const struct fence *fence; /* NULL: no other node writes here */
    struct catalog *catalog;
};
struct store_tx {
    struct store *store;
    int64_t epoch; /* the term it was begun in; 0 without a fence */
    uint32_t write_cnt;
};
struct store_scan {
    struct store *store;
};

extern const struct store_ops cass_store_ops;
extern const struct store_ops memstore_ops;
extern const struct store_ops rocks_ops;

#endif
