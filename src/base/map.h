/* map.h - a hash map from byte strings to pointers.
 *
 * Open addressing with linear probing, power-of-two size, seeded hash so that hostile keys cannot
 * aim. Keys are copied in; values are the caller's. Iteration is in no order, and a map must not
 * be changed under it. Thread: one at a time. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/base.h"
#include "base/str.h"

struct map_slot {
    uint64_t hash; /* 0: empty */
    char *key;
    size_t key_len;
    void *value;
};
struct map {
    struct map_slot *slots;
    size_t cap, cnt;
    uint64_t seed;
};

void map_init(struct map *map);
void map_fini(struct map *map); /* frees keys, not values */
void *map_get(const struct map *map, struct str key); /* NULL: not there */
/* Sets key to value (not NULL); returns the value that was there, or NULL. */
void *map_put(struct map *map, struct str key, void *value);
void *map_del(struct map *map, struct str key); /* returns the value that was there */
/* Steps through all slots: start with *at = 0; false at the end. */
bool map_next(const struct map *map, size_t *at, struct str *key, void **value);

#endif
