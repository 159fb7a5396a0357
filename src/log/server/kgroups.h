/* kgroups.h - consumer groups: members, generations, committed offsets.
 *
 *   Empty ---join---> PreparingRebalance ---all joined, or time over---> CompletingRebalance
 *     ^                  ^        |                                          |   leader's
 *     |   no member left |        |  a member joins, leaves or is silent     v   SyncGroup
 *     +------------------+--------+<-------------------------------------- Stable
 *
 * Invariants: (1) a parked join or sync belongs to a member that is in its group; (2) `generation`
 * rises with every completed rebalance and never falls, over restarts too; (3) an offset stands in
 * `offsets` only after its record is durable in __consumer_offsets.
 *
 * Thread: the loop's, under `lock`; others may read under `lock`. Memory: heap.
 * Source: the public descriptions of the protocol: KIP-345 (static members), KIP-394 (member ids
 * before joining), KIP-814 (a static leader that comes back). */
#ifndef KGROUPS_H
#define KGROUPS_H

#include "base/map.h"
#include "log/server/kreq.h"
#include "wire/kafka/recbatch.h"

#define KGROUPS_MAX        10000
#define KGROUPS_MEMBER_MAX 2000   /* of a group, those that only asked for an id included */
#define KGROUPS_PROTO_MAX  64     /* protocols (assignors) a member offers */
#define KGROUPS_OFFSET_MAX 100000 /* committed partitions of a group */
#define KGROUPS_META_MAX   4096   /* bytes of a commit's metadata */
#define KGROUPS_TOPIC      "__consumer_offsets"

enum kgroup_state { KGROUP_EMPTY, KGROUP_PREPARING, KGROUP_COMPLETING, KGROUP_STABLE };

struct kproto {
    struct str name, metadata;
};
struct kmember {
    struct kmember *next;
    struct str id, instance_id, client_id, client_host; /* instance_id: STR_NULL for none */
    int32_t session_ms, rebalance_ms;
    struct kproto *proto; /* in order of preference */
    size_t proto_cnt;
    struct str assignment;
    struct kreq *join, *sync; /* parked */
    int64_t deadline_us;      /* when it counts as gone, unless something is parked */
};
struct kpending { /* was told an id and may come back with it */
    struct kpending *next;
    struct str id;
    int64_t deadline_us;
};
struct koffset {
    struct str topic, metadata;
    int32_t part;
    int32_t leader_epoch;
    int64_t offset, commit_ms;
};
struct kgroup {
    struct str id;
    enum kgroup_state state;
    struct str protocol_type, protocol, leader; /* protocol: STR_NULL before the first */
    int32_t generation;
    struct kmember *member;
    size_t member_cnt;
    struct kpending *pending;
    size_t pending_cnt;
    int64_t join_from_us;  /* not complete before: the initial delay */
    int64_t deadline_us;   /* of the joins (preparing) or syncs (completing) */
    int64_t changed_ms;    /* when it became empty, or stable */
    struct map offsets;    /* "topic:partition" -> struct koffset */
};
struct kgroups {
    struct kserver *server;
    pthread_mutex_t lock;
    struct map all; /* id -> struct kgroup */
    int32_t part_cnt; /* of __consumer_offsets */
    struct loop_timer *tick;
    int64_t swept_us; /* when old offsets were last looked for */
};

/* ---- kgroups.c ---- */
int kgroups_open(struct kserver *server) MUST_USE;
void kgroups_close(struct kserver *server);
struct kgroup *kgroups_find(struct kgroups *groups, struct str id);
struct kgroup *kgroups_make(struct kgroups *groups, struct str id); /* NULL: too many */
void kgroups_forget(struct kgroups *groups, struct kgroup *group);  /* without members */
const char *kgroups_state_name(enum kgroup_state state);
void kgroups_set(struct str *to, struct str from); /* replaces a heap copy */
struct koffset *kgroups_offset(const struct kgroup *group, struct str topic, int32_t part);
void kgroups_offset_put(struct kgroup *group, const struct koffset *from);
void kgroups_offset_del(struct kgroup *group, struct str topic, int32_t part);
/* A topic is deleted: its offsets go too, everywhere. Takes the lock. */
void kgroups_topic_gone(struct kgroups *groups, struct str topic);
/* Offsets sorted by topic and partition, borrowed from the group. */
struct koffset **kgroups_offset_list(const struct kgroup *group, struct arena *arena, size_t *cnt);

/* ---- kgroups_member.c: the state machine ---- */
struct kmember *kgroups_member_find(const struct kgroup *group, struct str id);
struct kmember *kgroups_member_of_instance(const struct kgroup *group, struct str instance_id);
/* Who speaks: KERR_NONE, KERR_UNKNOWN_MEMBER_ID or KERR_FENCED_INSTANCE_ID. */
int16_t kgroups_member_check(const struct kgroup *group, struct str id, struct str instance_id,
                             struct kmember **out);
struct kmember *kgroups_member_new(struct kgroup *group, struct str id, struct str instance_id);
/* Is there a protocol that all members and `proto` know? */
bool kgroups_member_fits(const struct kgroup *group, struct str type, const struct kproto *proto,
                         size_t cnt);
void kgroups_member_alive(struct kgroups *groups, struct kmember *member);
void kgroups_member_remove(struct kgroups *groups, struct kgroup *group, struct kmember *member);
void kgroups_member_free(struct kmember *member);
void kgroups_member_rebalance(struct kgroups *groups, struct kgroup *group);
/* Completes the rebalance if nobody is missing. */
void kgroups_member_try(struct kgroups *groups, struct kgroup *group);
/* Answers a join with the present generation. */
void kgroups_member_answer(struct kgroup *group, struct kmember *member, struct kreq *req);
void kgroups_member_pend(struct kgroups *groups, struct kgroup *group, struct str id, int32_t ms);
bool kgroups_member_unpend(struct kgroup *group, struct str id);
void kgroups_member_tick(struct kgroups *groups, struct kgroup *group, int64_t now_us);

/* ---- kgroups_store.c: __consumer_offsets ---- */
int kgroups_store_open(struct kgroups *groups) MUST_USE; /* makes the topic, loads what is there */
int32_t kgroups_store_part(const struct kgroups *groups, struct str group);
void kgroups_store_group(struct kgroups *groups, const struct kgroup *group);
/* A batch under way: offsets (NULL value: deleted) or a whole group's deletion. */
struct kstore {
    struct buf buf;
    struct buf key, value;
    int err;
    int64_t now_ms;
    size_t cnt;
    struct recbatch_build *build;
};
void kgroups_store_begin(struct kstore *store, struct kserver *server,
                         struct recbatch_build *build);
void kgroups_store_offset(struct kstore *store, struct str group, const struct koffset *offset,
                          bool deleted);
void kgroups_store_gone(struct kstore *store, struct str group);
/* The sealed batch, borrowed until kgroups_store_end(); an error when it grew too big. */
int kgroups_store_seal(struct kstore *store, struct str *batch) MUST_USE;
void kgroups_store_end(struct kstore *store);

#endif
