/* cqlsys.h - the keyspaces that drivers read to learn about the server and its schema.
 *
 * Nothing of it is stored: each table has its columns here and a function that makes its rows when
 * somebody asks, from the store's schema as it is then. One node that owns the whole ring.
 *
 * Thread: any, after open. Source: Cassandra 5's SystemKeyspace, SchemaKeyspace, VirtualSchema;
 * what each driver asks for at connect. */
#ifndef STORE_SERVER_CQLSYS_H
#define STORE_SERVER_CQLSYS_H

#include "base/uuid.h"
#include "store/cql/cqlexec.h"
#include "store/server/cqlcache.h"

#define CQLSYS_RELEASE     "5.0.0"
#define CQLSYS_CQL         "3.4.7"
#define CQLSYS_CLUSTER     "sluice"
#define CQLSYS_DATACENTER  "datacenter1"
#define CQLSYS_RACK        "rack1"
#define CQLSYS_PARTITIONER "org.apache.cassandra.dht.Murmur3Partitioner"
#define CQLSYS_TOKEN       "0" /* the one node's: it has the whole ring */

struct cqlsys;
struct cqlsys_conf {
    struct env *env;
    struct store *store;    /* borrowed */
    struct cqlcache *cache; /* borrowed: system.prepared_statements */
    const char *host;       /* the address others reach this server by, numeric */
};
/* Reads the node's id from the store, or makes it there. */
int cqlsys_open(struct cqlsys **out, const struct cqlsys_conf *conf) MUST_USE;
void cqlsys_close(struct cqlsys *sys); /* NULL is allowed */
void cqlsys_set_port(struct cqlsys *sys, uint16_t port); /* before the first client */
const struct cqlexec_virtual *cqlsys_virtual(struct cqlsys *sys);

/* ---- for the listings of DESCRIBE, and for cqlsys_*.c ---- */
/* Steps through the system keyspaces' names: NULL at the end. */
const char *cqlsys_keyspace(size_t idx);
/* The tables of a keyspace, described; *cnt of them, in `arena`. */
void cqlsys_tables(struct str keyspace, struct arena *arena, struct store_table **out,
                   size_t *cnt);

struct cqlsys {
    struct cqlsys_conf conf;
    struct uuid host_id;
    uint16_t port;
    struct cqlexec_virtual virt;
};
struct uuid cqlsys_schema_version(const struct cqlsys *sys);

#endif
