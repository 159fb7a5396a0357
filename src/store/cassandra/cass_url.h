/* cass_url.h - what cassandra://... says.
 *
 *   cassandra://[user:password@]node1[:port],node2/?key=value&...
 *
 *   dc           the datacenter whose nodes are used; default: that of the first node that answers
 *   keyspace     where sluice keeps its own state; default sluice
 *   consistency  ANY ONE TWO THREE QUORUM ALL LOCAL_QUORUM EACH_QUORUM LOCAL_ONE; LOCAL_QUORUM
 *   rf           copies of each row, in keyspaces made here; default 1
 *   tls          off (default), verify (chain and name), chain (any name)
 *   cafile, certfile, keyfile   PEM files; default: what the system trusts, no certificate
 *   compression  none (default), lz4
 *   protocol     4 or 5: the highest version tried; default 5
 *   timeout      until one request fails, e.g. 12s
 *   wait         how long a write, read or the start waits for a cluster, e.g. 30s
 *   inflight     requests under way a node, 1..2048; default 256
 *
 * User, password and values are percent-encoded. Memory: all is in the arena given. */
#ifndef STORE_CASSANDRA_CASS_URL_H
#define STORE_CASSANDRA_CASS_URL_H

#include "model/address.h"

#define CASS_URL_NODE_MAX     64
#define CASS_URL_INFLIGHT_MAX 2048
#define CASS_URL_RF_MAX       100

struct cass_url_node {
    const char *host;
    uint16_t port;
};
struct cass_url {
    struct cass_url_node node[CASS_URL_NODE_MAX];
    size_t node_cnt;
    struct str user, password; /* ptr NULL: none */
    struct str dc;             /* ptr NULL: not said */
    struct str keyspace;
    uint16_t consistency;
    int64_t rf, inflight, protocol, timeout_us, wait_us;
    bool tls, any_name, zip;
    const char *ca_file, *cert_file, *key_file;
};
/* The whole url, and properties of the same names as its options. ERR_CONFIG with the part that is
 * wrong, never the password. */
int cass_url_parse(struct str text, const struct address_property *property, size_t property_cnt,
                   struct arena *arena, struct cass_url *out) MUST_USE;

#endif
