/* kapi_admin.c - DescribeGroups, ListGroups, DeleteGroups: groups as administrators see them. */
#include "log/server/kapi.h"

#include "base/err.h"
#include "log/server/kerr.h"
#include "log/server/kgroups.h"
#include "wire/kafka/recbatch.h"

#define GROUP_OPS 0x148 /* read, delete, describe */

static void fill_member(const struct kgroup *group, const struct kmember *m, struct arena *arena,
                        struct describe_groups_response_member *out) {
    out->member_id = arena_str(arena, m->id);
    if (m->instance_id.ptr) out->group_instance_id = arena_str(arena, m->instance_id);
    out->client_id = arena_str(arena, m->client_id);
    out->client_host = arena_str(arena, m->client_host);
    if (group->state != KGROUP_STABLE) return;
    out->member_assignment = arena_str(arena, m->assignment);
    for (size_t i = 0; i < m->proto_cnt; i++)
        if (group->protocol.ptr && str_eq(m->proto[i].name, group->protocol))
            out->member_metadata = arena_str(arena, m->proto[i].metadata);
}

static void describe(struct kreq *req, struct str id, struct describe_groups_response_group *out) {
    const struct describe_groups_request *in = req->in;
    const struct kgroup *group = kgroups_find(req->server->groups, id);
    struct arena *arena = &req->arena;
    out->group_id = id;
    if (in->include_authorized_operations) out->authorized_operations = GROUP_OPS;
    if (!group) {
        out->group_state = STR("Dead");
        if (req->head.api_version < 6) return;
        out->error_code = KERR_GROUP_ID_NOT_FOUND;
        out->error_message = arena_printf(arena, "Group %.*s not found.", STR_ARG(id));
        return;
    }
    out->group_state = str_of(kgroups_state_name(group->state));
    out->protocol_type = arena_str(arena, group->protocol_type);
    if (group->state == KGROUP_STABLE && group->protocol.ptr)
        out->protocol_data = arena_str(arena, group->protocol);
    out->members = KMSG_ARRAY(arena, describe_groups_response_member, group->member_cnt);
    for (const struct kmember *m = group->member; m; m = m->next)
        fill_member(group, m, arena, &out->members[out->members_cnt++]);
}

void kapi_admin_describe_groups(struct kreq *req) {
    const struct describe_groups_request *in = req->in;
    struct describe_groups_response *out = req->out;
    struct kgroups *groups = req->server->groups;
    out->groups_cnt = in->groups_cnt;
    out->groups = KMSG_ARRAY(&req->arena, describe_groups_response_group, in->groups_cnt);
    pthread_mutex_lock(&groups->lock);
    for (size_t i = 0; i < in->groups_cnt; i++)
        describe(req, in->groups[i], &out->groups[i]);
    pthread_mutex_unlock(&groups->lock);
    kreq_reply(req);
}

static bool passes(const struct str *filter, size_t cnt, const char *value) {
    for (size_t i = 0; i < cnt; i++)
        if (str_ieq(filter[i], str_of(value))) return true;
    return cnt == 0;
}

void kapi_admin_list_groups(struct kreq *req) {
    const struct list_groups_request *in = req->in;
    struct list_groups_response *out = req->out;
    struct kgroups *groups = req->server->groups;
    struct str key;
    void *value;
    pthread_mutex_lock(&groups->lock);
    out->groups = KMSG_ARRAY(&req->arena, list_groups_response_group, groups->all.cnt);
    for (size_t at = 0; map_next(&groups->all, &at, &key, &value);) {
        const struct kgroup *group = value;
        const char *state = kgroups_state_name(group->state);
        if (!passes(in->states_filter, in->states_filter_cnt, state)) continue;
        if (!passes(in->types_filter, in->types_filter_cnt, "classic")) continue;
        struct list_groups_response_group *to = &out->groups[out->groups_cnt++];
        to->group_id = arena_str(&req->arena, group->id);
        to->protocol_type = arena_str(&req->arena, group->protocol_type);
        to->group_state = str_of(state);
        to->group_type = STR("classic");
    }
    pthread_mutex_unlock(&groups->lock);
    kreq_reply(req);
}

/* ---- DeleteGroups ---- */

static int16_t check_delete(const struct kgroup *group, struct str id) {
    if (!id.len) return KERR_INVALID_GROUP_ID;
    if (!group) return KERR_GROUP_ID_NOT_FOUND;
    return group->state == KGROUP_EMPTY ? KERR_NONE : KERR_NON_EMPTY_GROUP;
}

/* Tombstones for its offsets and itself, in one batch. */
static struct kwait *store_delete(struct kreq *req, const struct kgroup *group) {
    struct kgroups *groups = req->server->groups;
    struct recbatch_build build;
    struct kstore store;
    struct str batch;
    size_t cnt;
    struct koffset **all = kgroups_offset_list(group, &req->arena, &cnt);
    kgroups_store_begin(&store, req->server, &build);
    for (size_t i = 0; i < cnt; i++)
        kgroups_store_offset(&store, group->id, all[i], true);
    kgroups_store_gone(&store, group->id);
    struct kwait *wait = NULL;
    if (!kgroups_store_seal(&store, &batch))
        wait = kreq_submit(req, STR(KGROUPS_TOPIC), kgroups_store_part(groups, group->id), batch);
    kgroups_store_end(&store);
    return wait;
}

static void delete_done(struct kreq *req) {
    struct delete_groups_response *out = req->out;
    struct kwait **wait = req->state;
    struct kgroups *groups = req->server->groups;
    pthread_mutex_lock(&groups->lock);
    for (size_t i = 0; i < out->results_cnt; i++) {
        struct delete_groups_response_result *to = &out->results[i];
        if (to->error_code) continue;
        struct kgroup *group = kgroups_find(groups, to->group_id);
        if (!wait[i] || wait[i]->err) to->error_code = KERR_COORDINATOR_NOT_AVAILABLE;
        else if (group && group->state == KGROUP_EMPTY) kgroups_forget(groups, group);
    }
    pthread_mutex_unlock(&groups->lock);
    kreq_reply(req);
}

void kapi_admin_delete_groups(struct kreq *req) {
    const struct delete_groups_request *in = req->in;
    struct delete_groups_response *out = req->out;
    struct kgroups *groups = req->server->groups;
    struct kwait **wait = arena_array(&req->arena, struct kwait *, MAX(in->groups_names_cnt, 1));
    req->state = wait;
    out->results_cnt = in->groups_names_cnt;
    out->results = KMSG_ARRAY(&req->arena, delete_groups_response_result, out->results_cnt);
    pthread_mutex_lock(&groups->lock);
    for (size_t i = 0; i < out->results_cnt; i++) {
        struct kgroup *group = kgroups_find(groups, in->groups_names[i]);
        out->results[i].group_id = in->groups_names[i];
        out->results[i].error_code = check_delete(group, in->groups_names[i]);
        if (!out->results[i].error_code) wait[i] = store_delete(req, group);
    }
    pthread_mutex_unlock(&groups->lock);
    kreq_wait(req, delete_done);
}
