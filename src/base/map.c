/* map.c - open addressing with backward-shift deletion. */
#include "base/map.h"

#define CAP_MIN 16

void map_init(struct map *map) {
    memset(map, 0, sizeof *map);
    map->seed = (uint64_t)(uintptr_t)map * 0x9E3779B97F4A7C15u; /* address: differs by run (ASLR) */
}

void map_fini(struct map *map) {
    for (size_t i = 0; i < map->cap; i++) base_free(map->slots[i].key);
    base_free(map->slots);
    map_init(map);
}

static uint64_t hash_of(const struct map *map, struct str key) {
    uint64_t hash = (str_hash(key) ^ map->seed) * 0xD6E8FEB86659FD93u;
    hash ^= hash >> 32;
    return hash ? hash : 1;
}

static struct map_slot *find(const struct map *map, struct str key, uint64_t hash) {
    for (size_t i = hash & (map->cap - 1);; i = (i + 1) & (map->cap - 1)) {
        struct map_slot *slot = &map->slots[i];
        if (!slot->hash) return slot;
        if (slot->hash == hash && slot->key_len == key.len &&
            memcmp(slot->key, key.ptr, key.len) == 0)
            return slot;
    }
}

void *map_get(const struct map *map, struct str key) {
    if (!map->cnt) return NULL;
    struct map_slot *slot = find(map, key, hash_of(map, key));
    return slot->hash ? slot->value : NULL;
}

static void grow(struct map *map) {
    struct map_slot *old = map->slots;
    size_t old_cap = map->cap;
    map->cap = old_cap ? old_cap * 2 : CAP_MIN;
    map->slots = base_calloc(map->cap, sizeof *map->slots);
    for (size_t i = 0; i < old_cap; i++) {
        if (!old[i].hash) continue;
        *find(map, (struct str){old[i].key, old[i].key_len}, old[i].hash) = old[i];
    }
    base_free(old);
}

void *map_put(struct map *map, struct str key, void *value) {
    assert(value);
    if (map->cnt * 4 >= map->cap * 3) grow(map);
    uint64_t hash = hash_of(map, key);
    struct map_slot *slot = find(map, key, hash);
    void *old = slot->hash ? slot->value : NULL;
    if (!slot->hash) {
        slot->key = base_alloc(key.len + 1);
        if (key.len) memcpy(slot->key, key.ptr, key.len);
        slot->key[key.len] = 0;
        slot->key_len = key.len;
        slot->hash = hash;
        map->cnt++;
    }
    slot->value = value;
    return old;
}

void *map_del(struct map *map, struct str key) {
    if (!map->cnt) return NULL;
    struct map_slot *slot = find(map, key, hash_of(map, key));
    if (!slot->hash) return NULL;
    void *old = slot->value;
    base_free(slot->key);
    size_t mask = map->cap - 1, hole = (size_t)(slot - map->slots);
    for (size_t i = (hole + 1) & mask; map->slots[i].hash; i = (i + 1) & mask) {
        size_t home = map->slots[i].hash & mask;
        if (((i - home) & mask) < ((i - hole) & mask)) continue;
        map->slots[hole] = map->slots[i];
        hole = i;
    }
    memset(&map->slots[hole], 0, sizeof *map->slots);
    map->cnt--;
    return old;
}

bool map_next(const struct map *map, size_t *at, struct str *key, void **value) {
    while (*at < map->cap) {
        const struct map_slot *slot = &map->slots[(*at)++];
        if (!slot->hash) continue;
        if (key) *key = (struct str){slot->key, slot->key_len};
        if (value) *value = slot->value;
        return true;
    }
    return false;
}
