/* cass_ddl.h - changes of a cluster's schema.
 *
 * A change is one or several statements, then waiting until all nodes agree, then a new reading of
 * the schema. Thread: any but the cluster's. */
#ifndef STORE_CASSANDRA_CASS_DDL_H
#define STORE_CASSANDRA_CASS_DDL_H

#include "store/cassandra/cass_schema.h"

int cass_ddl_change(struct cass_cluster *cluster, struct catalog *catalog,
                    const struct store_ddl *ddl) MUST_USE;
/* A statement of ours, and agreement. */
int cass_ddl_run(struct cass_cluster *cluster, struct str text) MUST_USE;
/* {'class': ...} as the url says, for keyspaces made here. */
void cass_ddl_replication(const struct cass_cluster *cluster, struct buf *out);

#endif
