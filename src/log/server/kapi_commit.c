/* kapi_commit.c - OffsetCommit, OffsetFetch, OffsetDelete: how far a group has read.
 *
 * A commit is answered, and seen by OffsetFetch, after its records in __consumer_offsets are
 * durable. */
#include "log/server/kapi.h"

#include "base/err.h"
#include "log/server/kerr.h"
#include "log/server/kgroups.h"
#include "wire/kafka/recbatch.h"

/* ---- OffsetCommit ---- */

struct commit {
    struct koffset *offset; /* those that are being written */
    size_t cnt;
    int16_t **code; /* where the outcome of each goes */
    struct kwait *wait;
};

/* May this member, or a client outside of any membership, commit to the group? */
static int16_t check_member(struct kgroups *groups, const struct kgroup *group,
                            const struct offset_commit_request *in) {
    struct kmember *m;
    bool outside = in->generation_id_or_member_epoch < 0 && !in->member_id.len &&
                   !in->group_instance_id.ptr;
    if (outside && (!group || group->state == KGROUP_EMPTY)) return KERR_NONE;
    if (!group) return KERR_ILLEGAL_GENERATION;
    int16_t code = kgroups_member_check(group, in->member_id, in->group_instance_id, &m);
    if (code) return code;
    if (in->generation_id_or_member_epoch != group->generation) return KERR_ILLEGAL_GENERATION;
    kgroups_member_alive(groups, m);
    return group->state == KGROUP_COMPLETING ? KERR_REBALANCE_IN_PROGRESS : KERR_NONE;
}

static void commit_done(struct kreq *req) {
    const struct offset_commit_request *in = req->in;
    struct commit *commit = req->state;
    struct kgroups *groups = req->server->groups;
    int err = commit->wait ? commit->wait->err : 0;
    pthread_mutex_lock(&groups->lock);
    struct kgroup *group = err || !commit->cnt ? NULL : kgroups_make(groups, in->group_id);
    for (size_t i = 0; i < commit->cnt; i++) {
        if (group) kgroups_offset_put(group, &commit->offset[i]);
        else *commit->code[i] = KERR_COORDINATOR_NOT_AVAILABLE;
    }
    pthread_mutex_unlock(&groups->lock);
    kreq_reply(req);
}

static int16_t check_offset(const struct log_topic *topic, int16_t code,
                            const struct offset_commit_request_partition *in) {
    if (code) return code;
    if (in->partition_index < 0 || in->partition_index >= topic->part_cnt)
        return KERR_UNKNOWN_TOPIC_OR_PARTITION;
    if (in->committed_metadata.len > KGROUPS_META_MAX) return KERR_OFFSET_METADATA_TOO_LARGE;
    return KERR_NONE;
}

static size_t count_offsets(const struct offset_commit_request *in) {
    size_t cnt = 0;
    for (size_t t = 0; t < in->topics_cnt; t++)
        cnt += in->topics[t].partitions_cnt;
    return cnt;
}

/* Fills the answer with what can be said at once, and `commit` with what is to be written. */
static void collect(struct kreq *req, int16_t group_code, struct commit *commit) {
    const struct offset_commit_request *in = req->in;
    struct offset_commit_response *out = req->out;
    struct arena *arena = &req->arena;
    int64_t now_ms = env_now_ms(req->server->env);
    size_t max = MAX(count_offsets(in), 1);
    commit->offset = arena_array(arena, struct koffset, max);
    commit->code = arena_array(arena, int16_t *, max);
    out->topics_cnt = in->topics_cnt;
    out->topics = KMSG_ARRAY(arena, offset_commit_response_topic, in->topics_cnt);
    for (size_t t = 0; t < in->topics_cnt; t++) {
        const struct offset_commit_request_topic *from = &in->topics[t];
        struct offset_commit_response_topic *to = &out->topics[t];
        struct log_topic topic = {0};
        int16_t code = group_code ? group_code
                                  : ktopics_get(req->server, from->name, &from->topic_id, arena,
                                                &topic);
        to->name = from->name;
        to->topic_id = from->topic_id;
        to->partitions_cnt = from->partitions_cnt;
        to->partitions =
            KMSG_ARRAY(arena, offset_commit_response_partition, from->partitions_cnt);
        for (size_t i = 0; i < from->partitions_cnt; i++) {
            const struct offset_commit_request_partition *p = &from->partitions[i];
            to->partitions[i].partition_index = p->partition_index;
            to->partitions[i].error_code = check_offset(&topic, code, p);
            if (to->partitions[i].error_code) continue;
            commit->code[commit->cnt] = &to->partitions[i].error_code;
            commit->offset[commit->cnt++] = (struct koffset){
                topic.name, p->committed_metadata.ptr ? p->committed_metadata : STR(""),
                p->partition_index, p->committed_leader_epoch, p->committed_offset, now_ms};
        }
    }
}

static int16_t check_commit(struct kgroups *groups, const struct offset_commit_request *in) {
    if (!in->group_id.len) return KERR_INVALID_GROUP_ID;
    pthread_mutex_lock(&groups->lock);
    struct kgroup *group = kgroups_find(groups, in->group_id);
    int16_t code = check_member(groups, group, in);
    if (!code && !group && groups->all.cnt >= KGROUPS_MAX) code = KERR_COORDINATOR_NOT_AVAILABLE;
    if (!code && group && group->offsets.cnt + count_offsets(in) > KGROUPS_OFFSET_MAX)
        code = KERR_COORDINATOR_NOT_AVAILABLE;
    pthread_mutex_unlock(&groups->lock);
    return code;
}

void kapi_commit_run(struct kreq *req) {
    const struct offset_commit_request *in = req->in;
    struct kgroups *groups = req->server->groups;
    struct commit *commit = arena_new(&req->arena, struct commit);
    struct recbatch_build build;
    struct kstore store;
    struct str batch;
    req->state = commit;
    collect(req, check_commit(groups, in), commit);
    kgroups_store_begin(&store, req->server, &build);
    for (size_t i = 0; i < commit->cnt; i++)
        kgroups_store_offset(&store, in->group_id, &commit->offset[i], false);
    int err = store.cnt ? kgroups_store_seal(&store, &batch) : store.err;
    if (!err && store.cnt) {
        commit->wait =
            kreq_submit(req, STR(KGROUPS_TOPIC), kgroups_store_part(groups, in->group_id), batch);
    } else if (err) {
        commit->wait = arena_new(&req->arena, struct kwait);
        commit->wait->err = err;
    }
    kgroups_store_end(&store);
    kreq_wait(req, commit_done);
}

/* ---- OffsetFetch ---- */

/* The partitions of one topic in both shapes of the answer look alike; this fills one. */
struct found {
    int64_t offset;
    int32_t leader_epoch;
    struct str metadata;
};
static struct found look_up(const struct kgroup *group, struct str topic, int32_t part,
                            struct arena *arena) {
    const struct koffset *o = group ? kgroups_offset(group, topic, part) : NULL;
    if (!o) return (struct found){-1, -1, STR("")};
    return (struct found){o->offset, o->leader_epoch, arena_str(arena, o->metadata)};
}

static void fetch_topics(struct kreq *req, const struct kgroup *group,
                         const struct offset_fetch_request_group *in,
                         struct offset_fetch_response_group *out) {
    struct arena *arena = &req->arena;
    out->topics_cnt = in->topics_cnt;
    out->topics = KMSG_ARRAY(arena, offset_fetch_response_group_topic, in->topics_cnt);
    for (size_t t = 0; t < in->topics_cnt; t++) {
        const struct offset_fetch_request_group_topic *from = &in->topics[t];
        struct offset_fetch_response_group_topic *to = &out->topics[t];
        struct log_topic topic = {.name = from->name};
        int16_t code = 0;
        if (!from->name.len)
            code = ktopics_get(req->server, from->name, &from->topic_id, arena, &topic);
        to->name = from->name;
        to->topic_id = from->topic_id;
        to->partitions_cnt = from->partition_indexes_cnt;
        to->partitions =
            KMSG_ARRAY(arena, offset_fetch_response_group_partition, to->partitions_cnt);
        for (size_t i = 0; i < to->partitions_cnt; i++) {
            struct offset_fetch_response_group_partition *p = &to->partitions[i];
            struct found found = look_up(code ? NULL : group, topic.name,
                                         from->partition_indexes[i], arena);
            p->partition_index = from->partition_indexes[i];
            p->committed_offset = found.offset;
            p->committed_leader_epoch = found.leader_epoch;
            p->metadata = found.metadata;
            p->error_code = code;
        }
    }
}

/* All that is committed; sorted, so that a topic's partitions stand together. */
static void fetch_all(struct kreq *req, const struct kgroup *group,
                      struct offset_fetch_response_group *out) {
    struct arena *arena = &req->arena;
    size_t cnt;
    struct koffset **all = kgroups_offset_list(group, arena, &cnt);
    out->topics = KMSG_ARRAY(arena, offset_fetch_response_group_topic, cnt);
    for (size_t i = 0; i < cnt;) {
        struct offset_fetch_response_group_topic *to = &out->topics[out->topics_cnt];
        struct log_topic topic;
        size_t end = i + 1;
        while (end < cnt && str_eq(all[end]->topic, all[i]->topic))
            end++;
        to->name = arena_str(arena, all[i]->topic);
        if (req->head.api_version >= 10) {
            if (ktopics_get(req->server, to->name, NULL, arena, &topic)) {
                i = end; /* deleted: it has no id to be told by */
                continue;
            }
            to->topic_id = topic.id;
        }
        out->topics_cnt++;
        to->partitions = KMSG_ARRAY(arena, offset_fetch_response_group_partition, end - i);
        for (; i < end; i++) {
            struct offset_fetch_response_group_partition *p =
                &to->partitions[to->partitions_cnt++];
            p->partition_index = all[i]->part;
            p->committed_offset = all[i]->offset;
            p->committed_leader_epoch = all[i]->leader_epoch;
            p->metadata = arena_str(arena, all[i]->metadata);
        }
    }
}

static void fetch_group(struct kreq *req, const struct offset_fetch_request_group *in,
                        struct offset_fetch_response_group *out) {
    struct kgroup *group = kgroups_find(req->server->groups, in->group_id);
    out->group_id = in->group_id;
    if (!in->group_id.len) out->error_code = KERR_INVALID_GROUP_ID;
    else if (in->topics) fetch_topics(req, group, in, out);
    else if (group) fetch_all(req, group, out);
}

/* Before v8: one group, the same fields a level higher. */
static void fetch_old(struct kreq *req) {
    const struct offset_fetch_request *in = req->in;
    struct offset_fetch_response *out = req->out;
    struct arena *arena = &req->arena;
    struct offset_fetch_request_group asked = {.group_id = in->group_id};
    struct offset_fetch_response_group found = {0};
    if (in->topics) {
        asked.topics = KMSG_ARRAY(arena, offset_fetch_request_group_topic, in->topics_cnt);
        asked.topics_cnt = in->topics_cnt;
        for (size_t t = 0; t < in->topics_cnt; t++) {
            asked.topics[t].name = in->topics[t].name;
            asked.topics[t].partition_indexes = in->topics[t].partition_indexes;
            asked.topics[t].partition_indexes_cnt = in->topics[t].partition_indexes_cnt;
        }
    }
    fetch_group(req, &asked, &found);
    out->error_code = found.error_code;
    out->topics = KMSG_ARRAY(arena, offset_fetch_response_topic, found.topics_cnt);
    out->topics_cnt = found.topics_cnt;
    for (size_t t = 0; t < found.topics_cnt; t++) {
        const struct offset_fetch_response_group_topic *from = &found.topics[t];
        struct offset_fetch_response_topic *to = &out->topics[t];
        to->name = from->name;
        to->partitions =
            KMSG_ARRAY(arena, offset_fetch_response_partition, from->partitions_cnt);
        to->partitions_cnt = from->partitions_cnt;
        for (size_t i = 0; i < to->partitions_cnt; i++) {
            const struct offset_fetch_response_group_partition *p = &from->partitions[i];
            to->partitions[i] = (struct offset_fetch_response_partition){
                p->partition_index, p->committed_offset, p->committed_leader_epoch, p->metadata,
                p->error_code};
        }
    }
}

void kapi_commit_fetch(struct kreq *req) {
    const struct offset_fetch_request *in = req->in;
    struct offset_fetch_response *out = req->out;
    struct kgroups *groups = req->server->groups;
    pthread_mutex_lock(&groups->lock);
    if (req->head.api_version < 8) {
        fetch_old(req);
    } else {
        out->groups_cnt = in->groups_cnt;
        out->groups = KMSG_ARRAY(&req->arena, offset_fetch_response_group, in->groups_cnt);
        for (size_t i = 0; i < in->groups_cnt; i++)
            fetch_group(req, &in->groups[i], &out->groups[i]);
    }
    pthread_mutex_unlock(&groups->lock);
    kreq_reply(req);
}

/* ---- OffsetDelete ---- */

/* Does a member of the group read this topic now? Told by the consumer protocol's subscriptions. */
static bool is_read(const struct kgroup *group, struct str topic, struct arena *arena) {
    for (const struct kmember *m = group->member; m; m = m->next)
        for (size_t i = 0; i < m->proto_cnt; i++) {
            struct consumer_subscription s;
            struct rbuf in = rbuf_of_str(m->proto[i].metadata);
            int version = rbuf_i16(&in);
            version = MIN(MAX(version, 0), KMSG_CONSUMER_SUBSCRIPTION_MAX);
            if (kmsg_decode(&kmsg_consumer_subscription, version, false, &in, arena, &s)) continue;
            for (size_t t = 0; t < s.topics_cnt; t++)
                if (str_eq(s.topics[t], topic)) return true;
        }
    return false;
}

static void delete_done(struct kreq *req) {
    const struct offset_delete_request *in = req->in;
    struct offset_delete_response *out = req->out;
    struct kgroups *groups = req->server->groups;
    struct kwait *wait = req->state;
    pthread_mutex_lock(&groups->lock);
    struct kgroup *group = kgroups_find(groups, in->group_id);
    if (wait && wait->err) out->error_code = KERR_COORDINATOR_NOT_AVAILABLE;
    for (size_t t = 0; wait && !wait->err && group && t < out->topics_cnt; t++)
        for (size_t i = 0; i < out->topics[t].partitions_cnt; i++)
            if (!out->topics[t].partitions[i].error_code)
                kgroups_offset_del(group, out->topics[t].name,
                                   out->topics[t].partitions[i].partition_index);
    pthread_mutex_unlock(&groups->lock);
    kreq_reply(req);
}

static void delete_collect(struct kreq *req, const struct kgroup *group, struct kstore *store) {
    const struct offset_delete_request *in = req->in;
    struct offset_delete_response *out = req->out;
    out->topics_cnt = in->topics_cnt;
    out->topics = KMSG_ARRAY(&req->arena, offset_delete_response_topic, in->topics_cnt);
    for (size_t t = 0; t < in->topics_cnt; t++) {
        const struct offset_delete_request_topic *from = &in->topics[t];
        struct offset_delete_response_topic *to = &out->topics[t];
        bool read = is_read(group, from->name, &req->arena);
        to->name = from->name;
        to->partitions_cnt = from->partitions_cnt;
        to->partitions =
            KMSG_ARRAY(&req->arena, offset_delete_response_partition, from->partitions_cnt);
        for (size_t i = 0; i < from->partitions_cnt; i++) {
            int32_t part = from->partitions[i].partition_index;
            const struct koffset *o = kgroups_offset(group, from->name, part);
            to->partitions[i].partition_index = part;
            if (read) to->partitions[i].error_code = KERR_GROUP_SUBSCRIBED_TO_TOPIC;
            else if (o) kgroups_store_offset(store, in->group_id, o, true);
        }
    }
}

void kapi_commit_delete(struct kreq *req) {
    const struct offset_delete_request *in = req->in;
    struct offset_delete_response *out = req->out;
    struct kgroups *groups = req->server->groups;
    struct recbatch_build build;
    struct kstore store;
    struct str batch;
    kgroups_store_begin(&store, req->server, &build);
    pthread_mutex_lock(&groups->lock);
    struct kgroup *group = kgroups_find(groups, in->group_id);
    if (!group) out->error_code = KERR_GROUP_ID_NOT_FOUND;
    else delete_collect(req, group, &store);
    pthread_mutex_unlock(&groups->lock);
    int err = store.cnt ? kgroups_store_seal(&store, &batch) : store.err;
    if (err) out->error_code = KERR_UNKNOWN_SERVER_ERROR;
    else if (store.cnt)
        req->state =
            kreq_submit(req, STR(KGROUPS_TOPIC), kgroups_store_part(groups, in->group_id), batch);
    kgroups_store_end(&store);
    kreq_wait(req, delete_done);
}
