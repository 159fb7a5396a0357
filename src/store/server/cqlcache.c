/* cqlcache.c - a map from id to entry, and a list of entries, latest used first. */
#include "store/server/cqlcache.h"

#include "base/map.h"

#include <pthread.h>

struct entry {
    struct entry *newer, *older;
    struct cqlexec_prepared *prepared;
};

struct cqlcache {
    pthread_mutex_t lock;
    struct map by_id;
    struct entry *newest, *oldest;
    size_t max, byte_max, byte_cnt;
};

static struct str id_of(const struct entry *entry) {
    return (struct str){(const char *)entry->prepared->id, sizeof entry->prepared->id};
}

struct cqlcache *cqlcache_new(size_t max, size_t byte_max) {
    assert(max > 0);
    struct cqlcache *cache = base_calloc(1, sizeof *cache);
    pthread_mutex_init(&cache->lock, NULL);
    map_init(&cache->by_id);
    cache->max = max;
    cache->byte_max = byte_max;
    return cache;
}

static void unlink_entry(struct cqlcache *cache, struct entry *entry) {
    if (entry->newer) entry->newer->older = entry->older;
    else cache->newest = entry->older;
    if (entry->older) entry->older->newer = entry->newer;
    else cache->oldest = entry->newer;
}

static void link_newest(struct cqlcache *cache, struct entry *entry) {
    entry->newer = NULL;
    entry->older = cache->newest;
    if (cache->newest) cache->newest->newer = entry;
    else cache->oldest = entry;
    cache->newest = entry;
}

static void forget(struct cqlcache *cache, struct entry *entry) {
    unlink_entry(cache, entry);
    map_del(&cache->by_id, id_of(entry));
    cache->byte_cnt -= entry->prepared->text.len;
    cqlexec_release(entry->prepared);
    base_free(entry);
}

void cqlcache_free(struct cqlcache *cache) {
    if (!cache) return;
    while (cache->newest) forget(cache, cache->newest);
    assert(cache->byte_cnt == 0);
    map_fini(&cache->by_id);
    pthread_mutex_destroy(&cache->lock);
    base_free(cache);
}

void cqlcache_put(struct cqlcache *cache, struct cqlexec_prepared *prepared) {
    struct entry *entry = base_calloc(1, sizeof *entry);
    entry->prepared = cqlexec_retain(prepared);
    pthread_mutex_lock(&cache->lock);
    struct entry *old = map_get(&cache->by_id, id_of(entry));
    if (old) forget(cache, old);
    map_put(&cache->by_id, id_of(entry), entry);
    link_newest(cache, entry);
    cache->byte_cnt += prepared->text.len;
    while (cache->by_id.cnt > cache->max ||
           (cache->byte_cnt > cache->byte_max && cache->oldest != entry))
        forget(cache, cache->oldest);
    pthread_mutex_unlock(&cache->lock);
}

struct cqlexec_prepared *cqlcache_get(struct cqlcache *cache, struct str id) {
    struct cqlexec_prepared *prepared = NULL;
    pthread_mutex_lock(&cache->lock);
    struct entry *entry = map_get(&cache->by_id, id);
    if (entry) {
        prepared = cqlexec_retain(entry->prepared);
        unlink_entry(cache, entry);
        link_newest(cache, entry);
    }
    pthread_mutex_unlock(&cache->lock);
    return prepared;
}

size_t cqlcache_cnt(struct cqlcache *cache) {
    pthread_mutex_lock(&cache->lock);
    size_t cnt = cache->by_id.cnt;
    pthread_mutex_unlock(&cache->lock);
    return cnt;
}

void cqlcache_each(struct cqlcache *cache,
                   void (*each)(void *arg, const struct cqlexec_prepared *prepared), void *arg) {
    pthread_mutex_lock(&cache->lock);
    for (const struct entry *entry = cache->newest; entry; entry = entry->older)
        each(arg, entry->prepared);
    pthread_mutex_unlock(&cache->lock);
}
