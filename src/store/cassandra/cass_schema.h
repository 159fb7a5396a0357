/* cass_schema.h - the schema of a cluster, read into the catalog.
 *
 * It is read as a whole from system_schema; keyspaces of Cassandra's own and sluice's are left out.
 * Thread: any but the cluster's. */
#ifndef STORE_CASSANDRA_CASS_SCHEMA_H
#define STORE_CASSANDRA_CASS_SCHEMA_H

#include "store/cassandra/cass_cluster.h"
#include "store/store_ops.h"

/* Reads all of it and brings the catalog there. */
int cass_schema_load(struct cass_cluster *cluster, struct catalog *catalog) MUST_USE;

#endif
