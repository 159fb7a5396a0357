/* cqlcache.h - the prepared statements the server remembers, by id; the least recently used one is
 * forgotten when there are too many, and its users get UNPREPARED and prepare again.
 *
 * Thread: any. Limits: CQLCACHE_MAX statements and CQLCACHE_BYTE_MAX bytes of their text. */
#ifndef STORE_SERVER_CQLCACHE_H
#define STORE_SERVER_CQLCACHE_H

#include "store/cql/cqlexec.h"

#define CQLCACHE_MAX      10000
#define CQLCACHE_BYTE_MAX (32 * MIB)

struct cqlcache;

struct cqlcache *cqlcache_new(size_t max, size_t byte_max);
void cqlcache_free(struct cqlcache *cache); /* releases all; NULL is allowed */
/* Retains it; one of the same id is replaced. */
void cqlcache_put(struct cqlcache *cache, struct cqlexec_prepared *prepared);
/* NULL: unknown or forgotten. The caller releases what it gets. */
struct cqlexec_prepared *cqlcache_get(struct cqlcache *cache, struct str id);
size_t cqlcache_cnt(struct cqlcache *cache);
/* Calls `each` for every statement, latest used first, under the cache's lock. */
void cqlcache_each(struct cqlcache *cache,
                   void (*each)(void *arg, const struct cqlexec_prepared *prepared), void *arg);

#endif
