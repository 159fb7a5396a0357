/* kapi_group.c - FindCoordinator, JoinGroup, SyncGroup, Heartbeat, LeaveGroup.
 *
 * These check who speaks and in which generation; what happens to the group is in
 * kgroups_member.c. Each handler holds the groups' lock for its whole length. */
#include "log/server/kapi.h"

#include "base/diag.h"
#include "log/server/kerr.h"
#include "log/server/kgroups.h"

#include <stdio.h>

#define ID_MAX 512 /* bytes of a group, member or instance id that is kept */

/* ---- FindCoordinator ---- */

enum { KEY_GROUP = 0, KEY_TRANSACTION = 1 };

static int16_t coordinator_of(int8_t key_type, struct str *why) {
    if (key_type == KEY_GROUP) return KERR_NONE;
    *why = key_type == KEY_TRANSACTION ? STR("transactions are not supported by this broker")
                                       : STR("share groups are not supported by this broker");
    return KERR_INVALID_REQUEST;
}

void kapi_group_find(struct kreq *req) {
    const struct find_coordinator_request *in = req->in;
    struct find_coordinator_response *out = req->out;
    struct kserver *server = req->server;
    struct str host = str_of(server->conf.advertised_host), why = STR_NULL;
    int32_t port = server->conf.advertised_port;
    int16_t code = coordinator_of(in->key_type, &why);
    out->error_code = code;
    out->error_message = why;
    out->node_id = code ? -1 : KSERVER_NODE;
    out->host = code ? STR("") : host;
    out->port = code ? -1 : port;
    size_t cnt = in->coordinator_keys_cnt;
    out->coordinators = KMSG_ARRAY(&req->arena, find_coordinator_response_coordinator, cnt);
    out->coordinators_cnt = cnt;
    for (size_t i = 0; i < cnt; i++)
        out->coordinators[i] = (struct find_coordinator_response_coordinator){
            in->coordinator_keys[i], out->node_id, out->host, out->port, code, why};
    kreq_reply(req);
}

/* ---- JoinGroup ---- */

static void join_error(struct kreq *req, int16_t code) {
    const struct join_group_request *in = req->in;
    struct join_group_response *out = req->out;
    out->error_code = code;
    if (!out->member_id.ptr) out->member_id = in->member_id;
    kreq_reply(req);
}

/* What the request says of its member replaces what was known. */
static void set_member(struct kreq *req, struct kmember *m) {
    const struct join_group_request *in = req->in;
    struct kserver *server = req->server;
    for (size_t i = 0; i < m->proto_cnt; i++) {
        kgroups_set(&m->proto[i].name, STR_NULL);
        kgroups_set(&m->proto[i].metadata, STR_NULL);
    }
    base_free(m->proto);
    m->proto = base_calloc(MAX(in->protocols_cnt, 1), sizeof *m->proto);
    m->proto_cnt = in->protocols_cnt;
    for (size_t i = 0; i < m->proto_cnt; i++) {
        kgroups_set(&m->proto[i].name, in->protocols[i].name);
        kgroups_set(&m->proto[i].metadata, in->protocols[i].metadata);
    }
    m->session_ms = in->session_timeout_ms;
    m->rebalance_ms = in->rebalance_timeout_ms >= 0 ? in->rebalance_timeout_ms : m->session_ms;
    const char *peer = conn_peer(req->conn->conn), *colon = strrchr(peer, ':');
    struct str host = {peer, colon ? (size_t)(colon - peer) : strlen(peer)};
    kgroups_set(&m->client_id, req->head.client_id.ptr ? req->head.client_id : STR(""));
    kgroups_set(&m->client_host, arena_printf(&req->arena, "/%.*s", STR_ARG(host)));
    kgroups_member_alive(server->groups, m);
}

static bool same_protocols(const struct kmember *m, const struct join_group_request *in) {
    if (m->proto_cnt != in->protocols_cnt) return false;
    for (size_t i = 0; i < m->proto_cnt; i++)
        if (!str_eq(m->proto[i].name, in->protocols[i].name) ||
            !str_eq(m->proto[i].metadata, in->protocols[i].metadata))
            return false;
    return true;
}

static struct str new_id(struct kreq *req, struct str prefix) {
    struct uuid id = uuid_random(req->server->env);
    char text[UUID_TEXT_LEN + 1];
    uuid_format(&id, text);
    prefix.len = MIN(prefix.len, ID_MAX);
    return arena_printf(&req->arena, "%.*s-%s", STR_ARG(prefix), text);
}

/* Parks the join and lets the group go on. A join parked before it is answered with an error. */
static void park_join(struct kreq *req, struct kgroup *group, struct kmember *m) {
    struct kreq *old = m->join;
    m->join = req;
    if (old) join_error(old, KERR_UNKNOWN_MEMBER_ID);
    struct kgroups *groups = req->server->groups;
    if (group->state == KGROUP_PREPARING) kgroups_member_try(groups, group);
    else kgroups_member_rebalance(groups, group);
}

static void add_member(struct kreq *req, struct kgroup *group, struct str id) {
    const struct join_group_request *in = req->in;
    if (!group->member) kgroups_set(&group->protocol_type, in->protocol_type);
    struct kmember *m = kgroups_member_new(group, id, in->group_instance_id);
    set_member(req, m);
    diag_debug("kafka", "group %.*s: member %.*s joins", STR_ARG(group->id), STR_ARG(m->id));
    park_join(req, group, m);
}

/* A static member is back under a new id: its old one is fenced. While the group is stable and the
 * member wants what it wanted, nobody else notices. */
static void replace_static(struct kreq *req, struct kgroup *group, struct kmember *m) {
    const struct join_group_request *in = req->in;
    struct join_group_response *out = req->out;
    struct kreq *join = m->join, *sync = m->sync;
    struct str old_id = arena_str(&req->arena, m->id);
    bool was_leader = str_eq(group->leader, m->id), same = same_protocols(m, in);
    m->join = m->sync = NULL;
    kgroups_set(&m->id, new_id(req, in->group_instance_id));
    if (was_leader) kgroups_set(&group->leader, m->id);
    if (join) join_error(join, KERR_FENCED_INSTANCE_ID);
    if (sync) {
        ((struct sync_group_response *)sync->out)->error_code = KERR_FENCED_INSTANCE_ID;
        kreq_reply(sync);
    }
    set_member(req, m);
    if (group->state != KGROUP_STABLE || !same) {
        park_join(req, group, m);
        return;
    }
    kgroups_store_group(req->server->groups, group);
    if (was_leader && req->head.api_version < 9) {
        /* It cannot be told to skip the assignment, so it is told that somebody else leads. */
        kgroups_set(&group->leader, old_id);
        kgroups_member_answer(group, m, req);
        kgroups_set(&group->leader, m->id);
        return;
    }
    out->skip_assignment = was_leader;
    kgroups_member_answer(group, m, req);
}

static void join_new(struct kreq *req, struct kgroup *group) {
    const struct join_group_request *in = req->in;
    struct join_group_response *out = req->out;
    if (in->group_instance_id.ptr) {
        struct kmember *m = kgroups_member_of_instance(group, in->group_instance_id);
        if (m) replace_static(req, group, m);
        else add_member(req, group, new_id(req, in->group_instance_id));
        return;
    }
    struct str id = new_id(req, req->head.client_id.ptr ? req->head.client_id : STR("client"));
    if (req->head.api_version < 4) {
        add_member(req, group, id);
        return;
    }
    kgroups_member_pend(req->server->groups, group, id, in->session_timeout_ms);
    out->member_id = id;
    join_error(req, KERR_MEMBER_ID_REQUIRED);
}

static void join_known(struct kreq *req, struct kgroup *group) {
    const struct join_group_request *in = req->in;
    struct kmember *m;
    if (!in->group_instance_id.ptr && kgroups_member_unpend(group, in->member_id)) {
        add_member(req, group, in->member_id);
        return;
    }
    int16_t code = kgroups_member_check(group, in->member_id, in->group_instance_id, &m);
    if (code) {
        join_error(req, code);
        return;
    }
    bool same = same_protocols(m, in);
    bool leads = str_eq(group->leader, m->id);
    set_member(req, m);
    /* It missed the answer, or asks again without a reason: the generation stands. */
    if (same && (group->state == KGROUP_COMPLETING || (group->state == KGROUP_STABLE && !leads)))
        kgroups_member_answer(group, m, req);
    else
        park_join(req, group, m);
}

static int16_t check_join(struct kreq *req) {
    const struct join_group_request *in = req->in;
    const struct kserver_conf *conf = &req->server->conf;
    if (!in->group_id.len || in->group_id.len > ID_MAX) return KERR_INVALID_GROUP_ID;
    if (in->session_timeout_ms < conf->session_min_ms ||
        in->session_timeout_ms > conf->session_max_ms)
        return KERR_INVALID_SESSION_TIMEOUT;
    if (in->protocols_cnt < 1 || in->protocols_cnt > KGROUPS_PROTO_MAX || !in->protocol_type.len)
        return KERR_INCONSISTENT_GROUP_PROTOCOL;
    if (in->group_instance_id.ptr && !ktopics_name_ok(in->group_instance_id))
        return KERR_INVALID_REQUEST;
    return KERR_NONE;
}

static void join_locked(struct kreq *req, struct kgroups *groups) {
    const struct join_group_request *in = req->in;
    struct kgroup *group = in->member_id.len ? kgroups_find(groups, in->group_id)
                                             : kgroups_make(groups, in->group_id);
    if (!group) {
        join_error(req, in->member_id.len ? KERR_UNKNOWN_MEMBER_ID
                                          : KERR_COORDINATOR_NOT_AVAILABLE);
        return;
    }
    struct kproto proto[KGROUPS_PROTO_MAX];
    for (size_t i = 0; i < in->protocols_cnt; i++)
        proto[i] = (struct kproto){in->protocols[i].name, in->protocols[i].metadata};
    if (!kgroups_member_fits(group, in->protocol_type, proto, in->protocols_cnt))
        join_error(req, KERR_INCONSISTENT_GROUP_PROTOCOL);
    else if (!in->member_id.len && group->member_cnt + group->pending_cnt >= KGROUPS_MEMBER_MAX)
        join_error(req, KERR_GROUP_MAX_SIZE_REACHED);
    else if (!in->member_id.len)
        join_new(req, group);
    else
        join_known(req, group);
}

void kapi_group_join(struct kreq *req) {
    struct kgroups *groups = req->server->groups;
    int16_t code = check_join(req);
    if (code) {
        join_error(req, code);
        return;
    }
    pthread_mutex_lock(&groups->lock);
    join_locked(req, groups);
    pthread_mutex_unlock(&groups->lock);
}

/* ---- SyncGroup ---- */

static void sync_error(struct kreq *req, int16_t code) {
    struct sync_group_response *out = req->out;
    out->error_code = code;
    kreq_reply(req);
}

static void sync_answer(struct kreq *req, const struct kgroup *group, const struct kmember *m) {
    struct sync_group_response *out = req->out;
    out->protocol_type = arena_str(&req->arena, group->protocol_type);
    out->protocol_name = arena_str(&req->arena, group->protocol);
    out->assignment = arena_str(&req->arena, m->assignment);
    kreq_reply(req);
}

/* The leader spoke: everybody gets an assignment, an empty one if none was made for him. */
static void assign(struct kreq *req, struct kgroups *groups, struct kgroup *group) {
    const struct sync_group_request *in = req->in;
    for (struct kmember *m = group->member; m; m = m->next)
        kgroups_set(&m->assignment, STR(""));
    for (size_t i = 0; i < in->assignments_cnt; i++) {
        struct kmember *m = kgroups_member_find(group, in->assignments[i].member_id);
        if (m) kgroups_set(&m->assignment, in->assignments[i].assignment);
    }
    group->state = KGROUP_STABLE;
    group->changed_ms = env_now_ms(groups->server->env);
    kgroups_store_group(groups, group);
    for (struct kmember *m = group->member; m; m = m->next) {
        struct kreq *sync = m->sync;
        m->sync = NULL;
        if (!sync) continue;
        kgroups_member_alive(groups, m);
        sync_answer(sync, group, m);
    }
}

static int16_t check_sync(const struct sync_group_request *in, const struct kgroup *group,
                          struct kmember **m) {
    int16_t code = kgroups_member_check(group, in->member_id, in->group_instance_id, m);
    if (code) return code;
    if (in->generation_id != group->generation) return KERR_ILLEGAL_GENERATION;
    if (in->protocol_type.ptr && !str_eq(in->protocol_type, group->protocol_type))
        return KERR_INCONSISTENT_GROUP_PROTOCOL;
    if (in->protocol_name.ptr && group->protocol.ptr &&
        !str_eq(in->protocol_name, group->protocol))
        return KERR_INCONSISTENT_GROUP_PROTOCOL;
    if (group->state == KGROUP_PREPARING) return KERR_REBALANCE_IN_PROGRESS;
    if (group->state == KGROUP_EMPTY) return KERR_UNKNOWN_MEMBER_ID;
    return KERR_NONE;
}

static void sync_locked(struct kreq *req, struct kgroups *groups) {
    const struct sync_group_request *in = req->in;
    struct kgroup *group = kgroups_find(groups, in->group_id);
    struct kmember *m = NULL;
    int16_t code = group ? check_sync(in, group, &m) : KERR_UNKNOWN_MEMBER_ID;
    if (code) {
        sync_error(req, code);
        return;
    }
    kgroups_member_alive(groups, m);
    if (group->state == KGROUP_STABLE) {
        sync_answer(req, group, m);
        return;
    }
    struct kreq *old = m->sync;
    m->sync = req;
    if (old) sync_error(old, KERR_UNKNOWN_MEMBER_ID);
    if (str_eq(group->leader, m->id)) assign(req, groups, group);
}

void kapi_group_sync(struct kreq *req) {
    struct kgroups *groups = req->server->groups;
    const struct sync_group_request *in = req->in;
    if (!in->group_id.len) {
        sync_error(req, KERR_INVALID_GROUP_ID);
        return;
    }
    pthread_mutex_lock(&groups->lock);
    sync_locked(req, groups);
    pthread_mutex_unlock(&groups->lock);
}

/* ---- Heartbeat, LeaveGroup ---- */

static int16_t beat(struct kgroups *groups, const struct heartbeat_request *in) {
    struct kgroup *group = kgroups_find(groups, in->group_id);
    struct kmember *m;
    if (!group) return KERR_UNKNOWN_MEMBER_ID;
    int16_t code = kgroups_member_check(group, in->member_id, in->group_instance_id, &m);
    if (code) return code;
    if (in->generation_id != group->generation) return KERR_ILLEGAL_GENERATION;
    kgroups_member_alive(groups, m);
    return group->state == KGROUP_PREPARING ? KERR_REBALANCE_IN_PROGRESS : KERR_NONE;
}

void kapi_group_heartbeat(struct kreq *req) {
    struct kgroups *groups = req->server->groups;
    const struct heartbeat_request *in = req->in;
    struct heartbeat_response *out = req->out;
    pthread_mutex_lock(&groups->lock);
    out->error_code = in->group_id.len ? beat(groups, in) : KERR_INVALID_GROUP_ID;
    pthread_mutex_unlock(&groups->lock);
    kreq_reply(req);
}

/* An administrator may remove a static member by its instance id alone. */
static int16_t leave(struct kgroups *groups, struct kgroup *group, struct str id,
                     struct str instance_id) {
    struct kmember *m;
    if (!instance_id.ptr && kgroups_member_unpend(group, id)) {
        kgroups_member_try(groups, group);
        return KERR_NONE;
    }
    if (instance_id.ptr && !id.len) {
        m = kgroups_member_of_instance(group, instance_id);
        if (!m) return KERR_UNKNOWN_MEMBER_ID;
    } else {
        int16_t code = kgroups_member_check(group, id, instance_id, &m);
        if (code) return code;
    }
    diag_debug("kafka", "group %.*s: member %.*s leaves", STR_ARG(group->id), STR_ARG(m->id));
    kgroups_member_remove(groups, group, m);
    return KERR_NONE;
}

static void leave_locked(struct kreq *req, struct kgroup *group) {
    const struct leave_group_request *in = req->in;
    struct leave_group_response *out = req->out;
    struct kgroups *groups = req->server->groups;
    if (req->head.api_version < 3) {
        out->error_code = group ? leave(groups, group, in->member_id, STR_NULL)
                                : KERR_UNKNOWN_MEMBER_ID;
        return;
    }
    out->members_cnt = in->members_cnt;
    out->members = KMSG_ARRAY(&req->arena, leave_group_response_member, in->members_cnt);
    for (size_t i = 0; i < in->members_cnt; i++) {
        const struct leave_group_request_member *from = &in->members[i];
        struct leave_group_response_member *to = &out->members[i];
        to->member_id = from->member_id;
        to->group_instance_id = from->group_instance_id;
        to->error_code = group ? leave(groups, group, from->member_id, from->group_instance_id)
                               : KERR_UNKNOWN_MEMBER_ID;
    }
}

void kapi_group_leave(struct kreq *req) {
    struct kgroups *groups = req->server->groups;
    const struct leave_group_request *in = req->in;
    struct leave_group_response *out = req->out;
    if (!in->group_id.len) {
        out->error_code = KERR_INVALID_GROUP_ID;
        kreq_reply(req);
        return;
    }
    pthread_mutex_lock(&groups->lock);
    leave_locked(req, kgroups_find(groups, in->group_id));
    pthread_mutex_unlock(&groups->lock);
    kreq_reply(req);
}
