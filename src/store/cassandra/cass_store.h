/* cass_store.h - the parts of a store on Cassandra, for cass_tx.c, cass_scan.c and cass_state.c. */
#ifndef STORE_CASSANDRA_CASS_STORE_H
#define STORE_CASSANDRA_CASS_STORE_H

#include "base/map.h"
#include "store/cassandra/cass_stmt.h"
#include "store/store_ops.h"

#include <pthread.h>
#include <stdatomic.h>

struct cass_store {
    struct store base;
    struct arena arena; /* of the url */
    struct cass_url url;
    struct cass_cluster *cluster;
    struct cass_stmts *stmts;
    uint16_t read_level;      /* consistency of reads */
    atomic_bool unborn;       /* no node was there yet: its schema is not read, nothing is made */
    pthread_mutex_t fresh;    /* one reads the schema at a time */
    _Atomic int64_t fresh_us; /* when it was last tried */
    atomic_bool stale;
    pthread_mutex_t lock; /* of state_ts */
    struct map state_ts;  /* name -> int64_t: the newest write timestamp known of a state */
};

/* ERR_NET while no node has been there since the store was opened; whoever comes first after that
 * makes what is missing and reads the schema. */
int cass_store_born(struct cass_store *store) MUST_USE;

#endif
