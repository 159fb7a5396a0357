/* cass_ring.c - a sorted array of tokens. */
#include "store/cassandra/cass_ring.h"

#include <stdlib.h>

void cass_ring_reset(struct cass_ring *ring) {
    ring->cnt = 0;
}

void cass_ring_fini(struct cass_ring *ring) {
    base_free(ring->point);
    *ring = (struct cass_ring){0};
}

void cass_ring_add(struct cass_ring *ring, int64_t token, uint32_t host) {
    if (ring->cnt == CASS_RING_TOKEN_MAX) return;
    if (ring->cnt == ring->cap) {
        ring->cap = ring->cap ? 2 * ring->cap : 64;
        ring->point = base_realloc(ring->point, ring->cap * sizeof *ring->point);
    }
    ring->point[ring->cnt++] = (struct cass_ring_point){token, host};
}

static int by_token(const void *a, const void *b) {
    const struct cass_ring_point *x = a, *y = b;
    return x->token < y->token ? -1 : x->token > y->token;
}

void cass_ring_sort(struct cass_ring *ring) {
    if (ring->cnt) qsort(ring->point, ring->cnt, sizeof *ring->point, by_token);
}

size_t cass_ring_walk(const struct cass_ring *ring, int64_t token, uint32_t *host, size_t max) {
    size_t lo = 0, hi = ring->cnt, cnt = 0;
    while (lo < hi) { /* the first point with a token not below */
        size_t mid = lo + (hi - lo) / 2;
        if (ring->point[mid].token < token) lo = mid + 1;
        else hi = mid;
    }
    for (size_t i = 0; i < ring->cnt && cnt < max; i++) {
        uint32_t next = ring->point[(lo + i) % ring->cnt].host;
        size_t k = 0;
        while (k < cnt && host[k] != next) k++;
        if (k == cnt) host[cnt++] = next;
    }
    return cnt;
}
