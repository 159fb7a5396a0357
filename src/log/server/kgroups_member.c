/* kgroups_member.c - the classic rebalance protocol: who is in a group, and when a generation ends.
 *
 * A generation begins when every member has a join parked (or the time for it is over, and those
 * without are removed). Each is answered; the leader gets all members' metadata and sends the
 * assignments with its SyncGroup, which answers everybody's parked sync. Static members (with an
 * instance id) are not removed for a missing join, only for silence over the session timeout. */
#include "log/server/kgroups.h"

#include "base/diag.h"
#include "log/server/kerr.h"

/* ---- members ---- */

struct kmember *kgroups_member_find(const struct kgroup *group, struct str id) {
    for (struct kmember *m = group->member; m; m = m->next)
        if (str_eq(m->id, id)) return m;
    return NULL;
}

struct kmember *kgroups_member_of_instance(const struct kgroup *group, struct str instance_id) {
    for (struct kmember *m = group->member; m; m = m->next)
        if (m->instance_id.ptr && str_eq(m->instance_id, instance_id)) return m;
    return NULL;
}

int16_t kgroups_member_check(const struct kgroup *group, struct str id, struct str instance_id,
                             struct kmember **out) {
    *out = NULL;
    if (instance_id.ptr) {
        struct kmember *m = kgroups_member_of_instance(group, instance_id);
        if (!m) return KERR_UNKNOWN_MEMBER_ID;
        if (!str_eq(m->id, id)) return KERR_FENCED_INSTANCE_ID;
        *out = m;
        return KERR_NONE;
    }
    *out = kgroups_member_find(group, id);
    return *out ? KERR_NONE : KERR_UNKNOWN_MEMBER_ID;
}

struct kmember *kgroups_member_new(struct kgroup *group, struct str id, struct str instance_id) {
    struct kmember *m = base_calloc(1, sizeof *m), **last = &group->member;
    kgroups_set(&m->id, id);
    kgroups_set(&m->instance_id, instance_id);
    kgroups_set(&m->assignment, STR(""));
    while (*last)
        last = &(*last)->next;
    *last = m;
    group->member_cnt++;
    return m;
}

void kgroups_member_free(struct kmember *m) {
    for (size_t i = 0; i < m->proto_cnt; i++) {
        kgroups_set(&m->proto[i].name, STR_NULL);
        kgroups_set(&m->proto[i].metadata, STR_NULL);
    }
    base_free(m->proto);
    kgroups_set(&m->id, STR_NULL);
    kgroups_set(&m->instance_id, STR_NULL);
    kgroups_set(&m->client_id, STR_NULL);
    kgroups_set(&m->client_host, STR_NULL);
    kgroups_set(&m->assignment, STR_NULL);
    base_free(m);
}

void kgroups_member_alive(struct kgroups *groups, struct kmember *member) {
    member->deadline_us =
        env_mono_us(groups->server->env) + (int64_t)member->session_ms * 1000;
}

static const struct kproto *proto_of(const struct kmember *m, struct str name) {
    for (size_t i = 0; i < m->proto_cnt; i++)
        if (str_eq(m->proto[i].name, name)) return &m->proto[i];
    return NULL;
}

static bool all_know(const struct kgroup *group, struct str name) {
    for (const struct kmember *m = group->member; m; m = m->next)
        if (!proto_of(m, name)) return false;
    return true;
}

bool kgroups_member_fits(const struct kgroup *group, struct str type, const struct kproto *proto,
                         size_t cnt) {
    if (!group->member) return type.len > 0 && cnt > 0;
    if (!str_eq(type, group->protocol_type)) return false;
    for (size_t i = 0; i < cnt; i++)
        if (all_know(group, proto[i].name)) return true;
    return false;
}

/* ---- ids that were given out ---- */

void kgroups_member_pend(struct kgroups *groups, struct kgroup *group, struct str id, int32_t ms) {
    struct kpending *p = base_calloc(1, sizeof *p);
    kgroups_set(&p->id, id);
    p->deadline_us = env_mono_us(groups->server->env) + (int64_t)ms * 1000;
    p->next = group->pending;
    group->pending = p;
    group->pending_cnt++;
}

bool kgroups_member_unpend(struct kgroup *group, struct str id) {
    for (struct kpending **at = &group->pending; *at; at = &(*at)->next) {
        struct kpending *p = *at;
        if (!str_eq(p->id, id)) continue;
        *at = p->next;
        group->pending_cnt--;
        kgroups_set(&p->id, STR_NULL);
        base_free(p);
        return true;
    }
    return false;
}

/* ---- answers ---- */

static void answer_error(struct kreq *req, int16_t code) {
    if (req->head.api_key == KMSG_JOIN_GROUP) {
        const struct join_group_request *in = req->in;
        struct join_group_response *out = req->out;
        out->error_code = code;
        out->member_id = in->member_id;
    } else {
        struct sync_group_response *out = req->out;
        out->error_code = code;
    }
    kreq_reply(req);
}

static void fail_parked(struct kmember *m, int16_t code) {
    struct kreq *join = m->join, *sync = m->sync;
    m->join = m->sync = NULL;
    if (join) answer_error(join, code);
    if (sync) answer_error(sync, code);
}

void kgroups_member_answer(struct kgroup *group, struct kmember *member, struct kreq *req) {
    struct join_group_response *out = req->out;
    struct arena *arena = &req->arena;
    out->generation_id = group->generation;
    out->protocol_type = arena_str(arena, group->protocol_type);
    out->protocol_name = arena_str(arena, group->protocol);
    out->leader = arena_str(arena, group->leader);
    out->member_id = arena_str(arena, member->id);
    if (str_eq(group->leader, member->id)) {
        out->members = KMSG_ARRAY(arena, join_group_response_member, group->member_cnt);
        for (const struct kmember *m = group->member; m; m = m->next) {
            struct join_group_response_member *to = &out->members[out->members_cnt++];
            const struct kproto *proto = proto_of(m, group->protocol);
            to->member_id = arena_str(arena, m->id);
            if (m->instance_id.ptr) to->group_instance_id = arena_str(arena, m->instance_id);
            to->metadata = proto ? arena_str(arena, proto->metadata) : STR("");
        }
    }
    kreq_reply(req);
}

/* ---- the rebalance ---- */

static int64_t longest_rebalance_us(const struct kgroup *group) {
    int64_t ms = 0;
    for (const struct kmember *m = group->member; m; m = m->next)
        ms = MAX(ms, m->rebalance_ms);
    return ms * 1000;
}

/* The place of `name` among the first member's protocols that all know; -1: not there. */
static int candidate(const struct kmember *first, const bool *known, struct str name) {
    for (size_t i = 0; i < first->proto_cnt; i++)
        if (known[i] && str_eq(first->proto[i].name, name)) return (int)i;
    return -1;
}

/* The protocol most members prefer among those that all know. */
static struct str choose(const struct kgroup *group) {
    const struct kmember *first = group->member;
    bool known[KGROUPS_PROTO_MAX];
    size_t votes[KGROUPS_PROTO_MAX] = {0}, best = 0;
    assert(first->proto_cnt <= KGROUPS_PROTO_MAX);
    for (size_t i = 0; i < first->proto_cnt; i++)
        known[i] = all_know(group, first->proto[i].name);
    for (const struct kmember *m = group->member; m; m = m->next)
        for (size_t p = 0; p < m->proto_cnt; p++) {
            int i = candidate(first, known, m->proto[p].name);
            if (i < 0) continue;
            votes[i]++;
            break;
        }
    for (size_t i = 1; i < first->proto_cnt; i++)
        if (votes[i] > votes[best]) best = i;
    return first->proto[best].name;
}

static void become_empty(struct kgroups *groups, struct kgroup *group) {
    group->state = KGROUP_EMPTY;
    group->generation++;
    kgroups_set(&group->leader, STR(""));
    kgroups_set(&group->protocol, STR_NULL);
    group->changed_ms = env_now_ms(groups->server->env);
    kgroups_store_group(groups, group);
}

/* Unlinks and frees, nothing more. */
static void drop_member(struct kgroup *group, struct kmember *member) {
    struct kmember **at = &group->member;
    while (*at != member)
        at = &(*at)->next;
    *at = member->next;
    group->member_cnt--;
    if (str_eq(group->leader, member->id)) kgroups_set(&group->leader, STR(""));
    fail_parked(member, KERR_UNKNOWN_MEMBER_ID);
    kgroups_member_free(member);
}

static void pick_leader(struct kgroup *group) {
    const struct kmember *leader = kgroups_member_find(group, group->leader);
    if (leader && leader->join) return;
    for (const struct kmember *m = group->member; m; m = m->next)
        if (m->join) {
            kgroups_set(&group->leader, m->id);
            return;
        }
}

static void complete(struct kgroups *groups, struct kgroup *group) {
    int64_t now_us = env_mono_us(groups->server->env);
    size_t joined = 0;
    struct kmember *next;
    for (struct kmember *m = group->member; m; m = next) {
        next = m->next;
        if (m->join) joined++;
        else if (!m->instance_id.ptr) drop_member(group, m);
    }
    if (!group->member) {
        become_empty(groups, group);
        return;
    }
    if (!joined) { /* static members only, all silent so far: their sessions decide */
        group->deadline_us = now_us + longest_rebalance_us(group);
        return;
    }
    group->generation++;
    kgroups_set(&group->protocol, choose(group));
    pick_leader(group);
    group->state = KGROUP_COMPLETING;
    group->deadline_us = now_us + longest_rebalance_us(group);
    diag_debug("kafka", "group %.*s: generation %d with %zu members", STR_ARG(group->id),
               group->generation, group->member_cnt);
    for (struct kmember *m = group->member; m; m = m->next) {
        struct kreq *req = m->join;
        kgroups_set(&m->assignment, STR(""));
        if (!req) continue;
        m->join = NULL;
        kgroups_member_alive(groups, m);
        kgroups_member_answer(group, m, req);
    }
}

void kgroups_member_try(struct kgroups *groups, struct kgroup *group) {
    if (group->state != KGROUP_PREPARING) return;
    if (env_mono_us(groups->server->env) < group->join_from_us) return;
    if (group->pending) return;
    for (const struct kmember *m = group->member; m; m = m->next)
        if (!m->join) return;
    complete(groups, group);
}

void kgroups_member_rebalance(struct kgroups *groups, struct kgroup *group) {
    int64_t now_us = env_mono_us(groups->server->env);
    int64_t delay_ms = group->state == KGROUP_EMPTY ? groups->server->conf.rebalance_delay_ms : 0;
    if (group->state == KGROUP_COMPLETING)
        for (struct kmember *m = group->member; m; m = m->next)
            if (m->sync) {
                kgroups_member_alive(groups, m);
                fail_parked(m, KERR_REBALANCE_IN_PROGRESS);
            }
    group->state = KGROUP_PREPARING;
    group->join_from_us = now_us + delay_ms * 1000;
    group->deadline_us = now_us + MAX(longest_rebalance_us(group), delay_ms * 1000);
    kgroups_member_try(groups, group);
}

void kgroups_member_remove(struct kgroups *groups, struct kgroup *group, struct kmember *member) {
    drop_member(group, member);
    if (group->state == KGROUP_STABLE || group->state == KGROUP_COMPLETING)
        kgroups_member_rebalance(groups, group);
    else
        kgroups_member_try(groups, group);
}

/* ---- time ---- */

static bool is_silent(const struct kmember *m, int64_t now_us) {
    return !m->join && !m->sync && now_us >= m->deadline_us;
}

void kgroups_member_tick(struct kgroups *groups, struct kgroup *group, int64_t now_us) {
    struct kmember *member, *next;
    for (struct kpending *p = group->pending, *after; p; p = after) {
        after = p->next;
        if (now_us >= p->deadline_us) kgroups_member_unpend(group, p->id);
    }
    for (member = group->member; member; member = next) {
        next = member->next;
        if (!is_silent(member, now_us)) continue;
        diag_info("kafka", "group %.*s: member %.*s was silent for %d ms and is removed",
                  STR_ARG(group->id), STR_ARG(member->id), member->session_ms);
        kgroups_member_remove(groups, group, member);
        next = group->member; /* a rebalance may have removed others */
    }
    if (group->state == KGROUP_PREPARING && now_us >= group->deadline_us &&
        now_us >= group->join_from_us)
        complete(groups, group);
    else
        kgroups_member_try(groups, group);
    if (group->state == KGROUP_COMPLETING && now_us >= group->deadline_us) {
        for (member = group->member; member; member = next) { /* no SyncGroup in time */
            next = member->next;
            if (!member->sync && !member->instance_id.ptr) drop_member(group, member);
        }
        kgroups_member_rebalance(groups, group);
    }
}
