/* kgroups.c - the set of groups, their offsets, their clock. */
#include "log/server/kgroups.h"

#include "base/diag.h"
#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>

#define TICK_US  100000
#define SWEEP_US ((int64_t)600 * 1000000) /* how often offsets are looked at for their age */
#define OFFSET_KEY_MAX (LOG_TOPIC_MAX + 16)

/* ---- small things ---- */

void kgroups_set(struct str *to, struct str from) {
    char *copy = NULL;
    if (from.ptr) {
        copy = base_alloc(from.len + 1);
        if (from.len) memcpy(copy, from.ptr, from.len);
        copy[from.len] = 0;
    }
    base_free((char *)(uintptr_t)to->ptr);
    *to = (struct str){copy, from.len};
}

const char *kgroups_state_name(enum kgroup_state state) {
    static const char *const name[] = {"Empty", "PreparingRebalance", "CompletingRebalance",
                                       "Stable"};
    return name[state];
}

/* ---- offsets ---- */

static struct str offset_key(char *buf, struct str topic, int32_t part) {
    int len = snprintf(buf, OFFSET_KEY_MAX, "%.*s:%d", STR_ARG(topic), part);
    return (struct str){buf, (size_t)MIN(len, OFFSET_KEY_MAX - 1)};
}

static void offset_free(struct koffset *offset) {
    if (!offset) return;
    kgroups_set(&offset->topic, STR_NULL);
    kgroups_set(&offset->metadata, STR_NULL);
    base_free(offset);
}

struct koffset *kgroups_offset(const struct kgroup *group, struct str topic, int32_t part) {
    char buf[OFFSET_KEY_MAX];
    return map_get(&group->offsets, offset_key(buf, topic, part));
}

void kgroups_offset_put(struct kgroup *group, const struct koffset *from) {
    char buf[OFFSET_KEY_MAX];
    struct koffset *offset = kgroups_offset(group, from->topic, from->part);
    if (!offset) {
        offset = base_calloc(1, sizeof *offset);
        kgroups_set(&offset->topic, from->topic);
        offset->part = from->part;
        map_put(&group->offsets, offset_key(buf, from->topic, from->part), offset);
    }
    kgroups_set(&offset->metadata, from->metadata.ptr ? from->metadata : STR(""));
    offset->leader_epoch = from->leader_epoch;
    offset->offset = from->offset;
    offset->commit_ms = from->commit_ms;
}

void kgroups_offset_del(struct kgroup *group, struct str topic, int32_t part) {
    char buf[OFFSET_KEY_MAX];
    offset_free(map_del(&group->offsets, offset_key(buf, topic, part)));
}

static int by_place(const void *a, const void *b) {
    const struct koffset *x = *(struct koffset *const *)a, *y = *(struct koffset *const *)b;
    int cmp = str_cmp(x->topic, y->topic);
    return cmp ? cmp : (x->part > y->part) - (x->part < y->part);
}

struct koffset **kgroups_offset_list(const struct kgroup *group, struct arena *arena,
                                     size_t *cnt) {
    struct koffset **all = arena_array(arena, struct koffset *, MAX(group->offsets.cnt, 1));
    struct str key;
    void *value;
    *cnt = 0;
    for (size_t at = 0; map_next(&group->offsets, &at, &key, &value);)
        all[(*cnt)++] = value;
    qsort(all, *cnt, sizeof *all, by_place);
    return all;
}

/* ---- groups ---- */

struct kgroup *kgroups_find(struct kgroups *groups, struct str id) {
    return map_get(&groups->all, id);
}

struct kgroup *kgroups_make(struct kgroups *groups, struct str id) {
    struct kgroup *group = kgroups_find(groups, id);
    if (group) return group;
    if (groups->all.cnt >= KGROUPS_MAX) {
        diag_warn("kafka", "group %.*s refused: there are %d groups already", STR_ARG(id),
                  KGROUPS_MAX);
        return NULL;
    }
    group = base_calloc(1, sizeof *group);
    kgroups_set(&group->id, id);
    kgroups_set(&group->protocol_type, STR(""));
    kgroups_set(&group->leader, STR(""));
    map_init(&group->offsets);
    group->changed_ms = env_now_ms(groups->server->env);
    map_put(&groups->all, id, group);
    return group;
}

static void group_free(struct kgroup *group) {
    while (group->member) {
        struct kmember *member = group->member;
        group->member = member->next;
        kgroups_member_free(member);
    }
    while (group->pending)
        kgroups_member_unpend(group, group->pending->id);
    struct str key;
    void *value;
    for (size_t at = 0; map_next(&group->offsets, &at, &key, &value);)
        offset_free(value);
    map_fini(&group->offsets);
    kgroups_set(&group->id, STR_NULL);
    kgroups_set(&group->protocol_type, STR_NULL);
    kgroups_set(&group->protocol, STR_NULL);
    kgroups_set(&group->leader, STR_NULL);
    base_free(group);
}

void kgroups_forget(struct kgroups *groups, struct kgroup *group) {
    assert(group->member_cnt == 0);
    map_del(&groups->all, group->id);
    group_free(group);
}

/* ---- the clock ---- */

/* Deletes the offsets that `is_old` says: on disk (nobody waits for it), and here. */
static void delete_offsets(struct kgroups *groups, struct kgroup *group,
                           bool (*is_old)(const struct koffset *offset, const void *arg),
                           const void *arg) {
    struct arena arena = ARENA_INIT;
    struct recbatch_build build;
    struct kstore store;
    struct str batch;
    size_t cnt;
    struct koffset **all = kgroups_offset_list(group, &arena, &cnt);
    kgroups_store_begin(&store, groups->server, &build);
    for (size_t i = 0; i < cnt; i++)
        if (is_old(all[i], arg)) kgroups_store_offset(&store, group->id, all[i], true);
    if (store.cnt && !kgroups_store_seal(&store, &batch)) {
        kreq_submit_only(groups->server, STR(KGROUPS_TOPIC), kgroups_store_part(groups, group->id),
                         batch);
        for (size_t i = 0; i < cnt; i++)
            if (is_old(all[i], arg)) kgroups_offset_del(group, all[i]->topic, all[i]->part);
    }
    kgroups_store_end(&store);
    arena_fini(&arena);
}

static bool is_older(const struct koffset *offset, const void *arg) {
    return offset->commit_ms <= *(const int64_t *)arg;
}

/* Offsets nobody committed for offsets.retention.minutes, of a group that is empty as long. */
static void expire_offsets(struct kgroups *groups, struct kgroup *group, int64_t now_ms) {
    int64_t before_ms = now_ms - (int64_t)groups->server->conf.offsets_retention_min * 60000;
    if (group->state == KGROUP_EMPTY && group->changed_ms <= before_ms)
        delete_offsets(groups, group, is_older, &before_ms);
}

static bool is_of_topic(const struct koffset *offset, const void *arg) {
    return str_eq(offset->topic, *(const struct str *)arg);
}

void kgroups_topic_gone(struct kgroups *groups, struct str topic) {
    struct str key;
    void *value;
    pthread_mutex_lock(&groups->lock);
    for (size_t at = 0; map_next(&groups->all, &at, &key, &value);)
        delete_offsets(groups, value, is_of_topic, &topic);
    pthread_mutex_unlock(&groups->lock);
}

static bool is_idle(const struct kgroup *group) {
    return group->state == KGROUP_EMPTY && !group->pending && group->offsets.cnt == 0;
}

static void tick(void *arg) {
    struct kgroups *groups = arg;
    int64_t now_us = env_mono_us(groups->server->env);
    bool sweep = now_us - groups->swept_us >= SWEEP_US;
    struct kgroup *idle = NULL;
    struct str key;
    void *value;
    pthread_mutex_lock(&groups->lock);
    for (size_t at = 0; map_next(&groups->all, &at, &key, &value);) {
        struct kgroup *group = value;
        if (group->member || group->pending) kgroups_member_tick(groups, group, now_us);
        if (sweep) expire_offsets(groups, group, env_now_ms(groups->server->env));
        if (sweep && is_idle(group)) idle = group;
    }
    if (idle) kgroups_forget(groups, idle); /* one at a time: the walk is over */
    if (sweep && !idle) groups->swept_us = now_us;
    pthread_mutex_unlock(&groups->lock);
}

/* ---- open, close ---- */

int kgroups_open(struct kserver *server) {
    struct kgroups *groups = base_calloc(1, sizeof *groups);
    server->groups = groups;
    groups->server = server;
    pthread_mutex_init(&groups->lock, NULL);
    map_init(&groups->all);
    groups->swept_us = env_mono_us(server->env);
    int err = kgroups_store_open(groups);
    if (err) return err;
    groups->tick = loop_every(server->loop, TICK_US, tick, groups);
    return 0;
}

void kgroups_close(struct kserver *server) {
    struct kgroups *groups = server->groups;
    if (!groups) return;
    struct str key;
    void *value;
    for (size_t at = 0; map_next(&groups->all, &at, &key, &value);)
        group_free(value);
    map_fini(&groups->all);
    if (groups->tick) loop_timer_free(groups->tick);
    pthread_mutex_destroy(&groups->lock);
    base_free(groups);
    server->groups = NULL;
}
