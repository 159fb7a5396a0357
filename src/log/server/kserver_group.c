/* kserver_group.c - the groups as people see them: members, what they read, how far behind.
 *
 * A copy is made under the groups' lock; the lag is looked up after, for the log has locks of its
 * own. */
#include "base/err.h"
#include "log/server/kgroups.h"

#include <stdlib.h>

/* What the consumer protocol's assignment says; other protocols' bytes tell nothing. */
static void show_assignment(const struct kgroup *group, const struct kmember *member,
                            struct arena *arena, struct log_member *out) {
    struct consumer_assignment a;
    if (!str_eqz(group->protocol_type, "consumer") || !member->assignment.len) return;
    struct rbuf in = rbuf_of_str(arena_str(arena, member->assignment));
    int version = rbuf_i16(&in);
    if (version < 0) return;
    version = MIN(version, KMSG_CONSUMER_ASSIGNMENT_MAX);
    if (kmsg_decode(&kmsg_consumer_assignment, version, false, &in, arena, &a)) return;
    size_t cnt = 0;
    for (size_t t = 0; t < a.assigned_partitions_cnt; t++)
        cnt += a.assigned_partitions[t].partitions_cnt;
    out->part = arena_array(arena, struct log_pos, MAX(cnt, 1));
    for (size_t t = 0; t < a.assigned_partitions_cnt; t++)
        for (size_t i = 0; i < a.assigned_partitions[t].partitions_cnt; i++)
            out->part[out->part_cnt++] =
                (struct log_pos){a.assigned_partitions[t].topic,
                                 a.assigned_partitions[t].partitions[i], 0};
}

static void show_group(const struct kgroup *group, struct arena *arena,
                       struct log_group *out) {
    out->id = arena_str(arena, group->id);
    out->state = str_of(kgroups_state_name(group->state));
    out->protocol_type = arena_str(arena, group->protocol_type);
    out->protocol = arena_str(arena, group->protocol.ptr ? group->protocol : STR(""));
    out->leader = arena_str(arena, group->leader);
    out->generation = group->generation;
    out->member = arena_array(arena, struct log_member, MAX(group->member_cnt, 1));
    for (const struct kmember *m = group->member; m; m = m->next) {
        struct log_member *to = &out->member[out->member_cnt++];
        to->id = arena_str(arena, m->id);
        to->instance_id = m->instance_id.ptr ? arena_str(arena, m->instance_id) : STR_NULL;
        to->client_id = arena_str(arena, m->client_id);
        to->host = arena_str(arena, m->client_host);
        show_assignment(group, m, arena, to);
    }
    struct koffset **all = kgroups_offset_list(group, arena, &out->offset_cnt);
    out->offset = arena_array(arena, struct log_committed, MAX(out->offset_cnt, 1));
    for (size_t i = 0; i < out->offset_cnt; i++) {
        struct log_committed *to = &out->offset[i];
        to->topic = arena_str(arena, all[i]->topic);
        to->metadata = arena_str(arena, all[i]->metadata);
        to->part = all[i]->part;
        to->committed = all[i]->offset;
        to->commit_ms = all[i]->commit_ms;
    }
}

/* Outside the lock: the log has its own. */
static void show_lag(struct kserver *server, struct log_group *group) {
    for (size_t i = 0; i < group->offset_cnt; i++) {
        struct log_committed *o = &group->offset[i];
        struct log_span span;
        o->end = -1;
        if (log_span(server->log, o->topic, o->part, &span)) continue;
        o->end = span.end;
        o->lag = MAX(span.end - o->committed, 0);
        group->lag += o->lag;
    }
}

static int by_id(const void *a, const void *b) {
    const struct log_group *x = a, *y = b;
    return str_cmp(x->id, y->id);
}

int kserver_group_list(struct kserver *server, struct arena *arena, struct log_group **out,
                       size_t *cnt) {
    struct kgroups *groups = server->groups;
    struct str key;
    void *value;
    *cnt = 0;
    pthread_mutex_lock(&groups->lock);
    *out = arena_array(arena, struct log_group, MAX(groups->all.cnt, 1));
    for (size_t at = 0; map_next(&groups->all, &at, &key, &value);)
        show_group(value, arena, &(*out)[(*cnt)++]);
    pthread_mutex_unlock(&groups->lock);
    qsort(*out, *cnt, sizeof **out, by_id);
    for (size_t i = 0; i < *cnt; i++)
        show_lag(server, &(*out)[i]);
    return 0;
}

int kserver_group_get(struct kserver *server, struct str id, struct arena *arena,
                      struct log_group *out) {
    struct kgroups *groups = server->groups;
    memset(out, 0, sizeof *out);
    pthread_mutex_lock(&groups->lock);
    struct kgroup *group = kgroups_find(groups, id);
    if (group) show_group(group, arena, out);
    pthread_mutex_unlock(&groups->lock);
    if (!group) return err_fail(ERR_NOT_FOUND, "there is no group %.*s", STR_ARG(id));
    show_lag(server, out);
    return 0;
}
