/* rocks.h - the embedded store's own parts: shared by rocks.c, rocksmerge.c and rocksscan.c. */
#ifndef STORE_EMBEDDED_ROCKS_H
#define STORE_EMBEDDED_ROCKS_H

#include "store/store_ops.h"

#include <pthread.h>
#include <rocksdb/c.h>

#define ROCKS_KEY_MAX (4 * MIB) /* of an encoded key: both key parts, escaped */

struct rocks_tx;
struct rocks {
    struct store base;
    rocksdb_t *db;
    rocksdb_cache_t *cache;
    rocksdb_compactionfilter_t *filter;
    rocksdb_column_family_handle_t *schema, *data, *state;
    rocksdb_readoptions_t *get; /* plain */
    rocksdb_writeoptions_t *put;
    pthread_mutex_t lock;  /* of what follows */
    struct rocks_tx *idle; /* transactions to be used again */
    size_t idle_cnt;
    uint32_t *headed; /* numbers of the tables that hold partition or range deletions */
    size_t headed_cnt;
};

/* ERR_IO, ERR_FULL or ERR_AGAIN with RocksDB's sentence, which it frees. */
int rocks_fail(char *text, const char *doing);
/* May a partition of this table hold more than rows: deletions of many, static columns? */
bool rocks_has_heads(struct rocks *rocks, const struct store_table *table);

/* rocksmerge.c: given to the column family's options. */
rocksdb_mergeoperator_t *rocksmerge_operator(struct env *env);
rocksdb_compactionfilter_t *rocksmerge_filter(struct env *env);

/* rocksscan.c */
int rocksscan_open(struct store *store, const struct store_table *table,
                   const struct store_range *range, struct str resume, struct store_scan **out);
int rocksscan_next(struct store_scan *scan, struct arena *arena, struct store_row *out, bool *more);
struct str rocksscan_mark(struct store_scan *scan, struct arena *arena);
void rocksscan_close(struct store_scan *scan);

#endif
