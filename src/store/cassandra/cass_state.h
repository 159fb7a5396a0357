/* cass_state.h - states of queries, in a table of our own: KEYSPACE.state.
 *
 *   owner text, name text, value blob, PRIMARY KEY (owner, name)
 *
 * The owner is what stands before the last '/' of a state's name, so that all states of a query are
 * one partition and are written as one. A write's timestamp is the clock's, but always above the
 * one of the value that it replaces, whatever the clock does: an older state never wins. */
#ifndef STORE_CASSANDRA_CASS_STATE_H
#define STORE_CASSANDRA_CASS_STATE_H

#include "store/cassandra/cass_store.h"

struct cass_state {
    struct cass_state *next;
    struct str name, value; /* value.ptr NULL: delete it */
};
int cass_state_make(struct cass_store *store) MUST_USE; /* keyspace and table, at the open */
/* All of them, each owner's at once. */
int cass_state_write(struct cass_store *store, const struct cass_state *first) MUST_USE;
int cass_state_get(struct store *store, struct str name, struct arena *arena,
                   struct str *out) MUST_USE;

#endif
