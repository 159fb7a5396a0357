/* catalog.h - what tables there are: the schema in memory, and its form on disk.
 *
 * The store's implementation keeps entries (key -> bytes) and gives them back at the start; the
 * catalog decides what they say. Every change is written through before it is seen.
 * Thread: any; readers share a lock, a change holds it alone. Memory: as store.h. */
#ifndef STORE_CATALOG_H
#define STORE_CATALOG_H

#include "store/store.h"

struct catalog;
struct catalog_entry {
    struct str key, value; /* value.ptr NULL: delete it */
};
struct catalog_conf {
    struct env *env;
    void *self;
    /* Writes all of it or nothing, durable on 0. */
    int (*write)(void *self, const struct catalog_entry *entry, size_t cnt);
    /* The data of this table number will never be asked for again. */
    int (*drop)(void *self, uint32_t number);
};
struct catalog *catalog_new(const struct catalog_conf *conf);
void catalog_free(struct catalog *catalog); /* NULL is allowed */
/* At the start: every entry there is, in any order, then once ready(). */
int catalog_load(struct catalog *catalog, struct str key, struct str value) MUST_USE;
int catalog_ready(struct catalog *catalog) MUST_USE;

int catalog_keyspace_create(struct catalog *catalog, const struct store_keyspace *it) MUST_USE;
int catalog_keyspace_alter(struct catalog *catalog, const struct store_keyspace *it) MUST_USE;
int catalog_keyspace_drop(struct catalog *catalog, struct str name) MUST_USE;
int catalog_keyspaces(struct catalog *catalog, struct arena *arena, struct store_keyspace **out,
                      size_t *cnt) MUST_USE;
int catalog_table_create(struct catalog *catalog, const struct store_table *table) MUST_USE;
int catalog_table_alter(struct catalog *catalog, const struct store_table *table) MUST_USE;
int catalog_table_drop(struct catalog *catalog, struct str keyspace, struct str name) MUST_USE;
int catalog_table_truncate(struct catalog *catalog, struct str keyspace, struct str name) MUST_USE;
int catalog_table_get(struct catalog *catalog, struct str keyspace, struct str name,
                      struct arena *arena, struct store_table *out) MUST_USE;
int catalog_tables(struct catalog *catalog, struct str keyspace, struct arena *arena,
                   struct store_table **out, size_t *cnt) MUST_USE;
int catalog_udt_create(struct catalog *catalog, const struct store_udt *udt) MUST_USE;
int catalog_udt_drop(struct catalog *catalog, struct str keyspace, struct str name) MUST_USE;
int catalog_udts(struct catalog *catalog, struct str keyspace, struct arena *arena,
                 struct store_udt **out, size_t *cnt) MUST_USE;
/* For a store whose schema is kept elsewhere: makes the catalog what `all` says. What is the same
 * as before keeps its number and column ids. The version rises when anything differs. */
struct catalog_all {
    const struct store_keyspace *keyspace;
    const struct store_udt *udt;
    const struct store_table *table; /* number, versions and column ids are given here */
    size_t keyspace_cnt, udt_cnt, table_cnt;
};
void catalog_sync(struct catalog *catalog, const struct catalog_all *all);
uint64_t catalog_version(const struct catalog *catalog);

#endif
