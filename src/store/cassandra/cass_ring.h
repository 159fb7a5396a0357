/* cass_ring.h - who owns which tokens: replicas of a partition, nearest first.
 *
 * A node's token ends the range it owns. The replicas of SimpleStrategy are the owner and the next
 * different nodes; of NetworkTopologyStrategy, within a datacenter, the owner there is always one.
 * So the walk over different nodes of the local datacenter gives replicas first, whatever the
 * strategy and the number of copies. Thread: one. */
#ifndef STORE_CASSANDRA_CASS_RING_H
#define STORE_CASSANDRA_CASS_RING_H

#include "base/base.h"

#define CASS_RING_TOKEN_MAX (1 << 20)

struct cass_ring_point {
    int64_t token;
    uint32_t host;
};
struct cass_ring {
    struct cass_ring_point *point;
    size_t cnt, cap;
};
void cass_ring_reset(struct cass_ring *ring);
void cass_ring_fini(struct cass_ring *ring);
void cass_ring_add(struct cass_ring *ring, int64_t token, uint32_t host);
void cass_ring_sort(struct cass_ring *ring); /* after the last add */
/* Different hosts from the owner of `token` on, at most `max`; how many. */
size_t cass_ring_walk(const struct cass_ring *ring, int64_t token, uint32_t *host, size_t max);

#endif
