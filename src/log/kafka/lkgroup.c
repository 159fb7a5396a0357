/* lkgroup.c - consumer groups as Kafka's coordinators tell them, and how far behind they are.
 *
 * One question for all names, one for all members, one a group for its offsets; ends are asked once
 * a partition. A group that cannot be told (no right to it, its coordinator away) is shown by its
 * name, with the reason as its state. */
#include "base/err.h"
#include "log/kafka/logkafka.h"

#include <stdio.h>
#include <stdlib.h>

#define GROUP_MAX 1000 /* that are shown */
#define WAIT_MS   (LOGKAFKA_REQUEST_MS + 1000)

static int wait_for(struct logkafka *lk, rd_kafka_queue_t *queue, const char *what,
                    rd_kafka_event_t **out) {
    *out = rd_kafka_queue_poll(queue, WAIT_MS);
    if (!*out) return lkclient_fail(lk, RD_KAFKA_RESP_ERR__TIMED_OUT, what);
    rd_kafka_resp_err_t code = rd_kafka_event_error(*out);
    return code ? lkclient_fail(lk, code, what) : 0;
}

static void done(rd_kafka_queue_t *queue, rd_kafka_event_t *event) {
    if (event) rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
}

/* ---- names ---- */

static int list_names(struct logkafka *lk, struct arena *arena, const char ***out, size_t *cnt) {
    rd_kafka_queue_t *queue = rd_kafka_queue_new(lk->consumer[0]);
    rd_kafka_event_t *event;
    size_t all = 0;
    *cnt = 0;
    rd_kafka_ListConsumerGroups(lk->consumer[0], NULL, queue);
    int err = wait_for(lk, queue, "the groups", &event);
    if (!err) {
        const rd_kafka_ConsumerGroupListing_t **list = rd_kafka_ListConsumerGroups_result_valid(
            rd_kafka_event_ListConsumerGroups_result(event), &all);
        *out = arena_array(arena, const char *, all + 1);
        for (size_t i = 0; i < all && *cnt < GROUP_MAX; i++)
            (*out)[(*cnt)++] = arena_strz(
                arena, str_of(rd_kafka_ConsumerGroupListing_group_id(list[i])));
    }
    done(queue, event);
    return err;
}

/* ---- members ---- */

static struct str text_of(struct arena *arena, const char *text) {
    return arena_str(arena, str_of(text ? text : ""));
}

static void show_member(const rd_kafka_MemberDescription_t *from, struct arena *arena,
                        struct log_member *out) {
    const char *instance = rd_kafka_MemberDescription_group_instance_id(from);
    const rd_kafka_MemberAssignment_t *assignment = rd_kafka_MemberDescription_assignment(from);
    const rd_kafka_topic_partition_list_t *list =
        assignment ? rd_kafka_MemberAssignment_partitions(assignment) : NULL;
    size_t cnt = list ? (size_t)list->cnt : 0;
    out->id = text_of(arena, rd_kafka_MemberDescription_consumer_id(from));
    out->client_id = text_of(arena, rd_kafka_MemberDescription_client_id(from));
    out->host = text_of(arena, rd_kafka_MemberDescription_host(from));
    out->instance_id = instance && *instance ? text_of(arena, instance) : STR_NULL;
    out->part = arena_array(arena, struct log_pos, cnt + 1);
    for (size_t i = 0; i < cnt; i++)
        out->part[out->part_cnt++] = (struct log_pos){text_of(arena, list->elems[i].topic),
                                                      list->elems[i].partition, 0};
}

static void show_group(const rd_kafka_ConsumerGroupDescription_t *from, struct arena *arena,
                       struct log_group *out) {
    const rd_kafka_error_t *error = rd_kafka_ConsumerGroupDescription_error(from);
    size_t cnt = rd_kafka_ConsumerGroupDescription_member_count(from);
    out->id = text_of(arena, rd_kafka_ConsumerGroupDescription_group_id(from));
    out->protocol_type = STR("consumer");
    out->protocol = text_of(arena, rd_kafka_ConsumerGroupDescription_partition_assignor(from));
    out->leader = STR("");
    out->generation = -1;
    out->state = error ? text_of(arena, rd_kafka_error_string(error))
                       : str_of(rd_kafka_consumer_group_state_name(
                             rd_kafka_ConsumerGroupDescription_state(from)));
    out->member = arena_array(arena, struct log_member, cnt + 1);
    for (size_t i = 0; i < cnt && !error; i++)
        show_member(rd_kafka_ConsumerGroupDescription_member(from, i), arena,
                    &out->member[out->member_cnt++]);
}

static int describe(struct logkafka *lk, const char **name, size_t cnt, struct arena *arena,
                    struct log_group *out) {
    rd_kafka_queue_t *queue = rd_kafka_queue_new(lk->consumer[0]);
    rd_kafka_event_t *event;
    size_t got = 0;
    rd_kafka_DescribeConsumerGroups(lk->consumer[0], name, cnt, NULL, queue);
    int err = wait_for(lk, queue, "the groups' members", &event);
    if (!err) {
        const rd_kafka_ConsumerGroupDescription_t **group =
            rd_kafka_DescribeConsumerGroups_result_groups(
                rd_kafka_event_DescribeConsumerGroups_result(event), &got);
        for (size_t i = 0; i < got && i < cnt; i++) show_group(group[i], arena, &out[i]);
        if (got != cnt)
            err = err_fail(ERR_NET, "kafka %s: %zu answers about %zu groups", lk->hosts, got, cnt);
    }
    done(queue, event);
    return err;
}

/* ---- offsets ---- */

static int by_place(const void *a, const void *b) {
    const struct log_committed *x = a, *y = b;
    int order = str_cmp(x->topic, y->topic);
    return order ? order : (x->part > y->part) - (x->part < y->part);
}

static void show_offset(struct log *log, const rd_kafka_topic_partition_t *from,
                        struct arena *arena, struct log_group *group) {
    struct log_span span;
    if (from->err || from->offset < 0) return;
    struct log_committed *to = &group->offset[group->offset_cnt++];
    *to = (struct log_committed){
        .topic = text_of(arena, from->topic),
        .metadata = arena_str(arena, (struct str){from->metadata ? from->metadata : "",
                                                  from->metadata ? from->metadata_size : 0}),
        .part = from->partition,
        .committed = from->offset,
        .end = -1};
    if (log_span_near(log, to->topic, to->part, &span)) return;
    to->end = span.end;
    to->lag = MAX(span.end - to->committed, 0);
    group->lag += to->lag;
}

static int offsets(struct log *log, struct arena *arena, struct log_group *group) {
    struct logkafka *lk = logkafka_of(log);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(lk->consumer[0]);
    rd_kafka_ListConsumerGroupOffsets_t *request =
        rd_kafka_ListConsumerGroupOffsets_new(group->id.ptr, NULL);
    rd_kafka_event_t *event;
    size_t cnt = 0;
    rd_kafka_ListConsumerGroupOffsets(lk->consumer[0], &request, 1, NULL, queue);
    int err = wait_for(lk, queue, group->id.ptr, &event);
    const rd_kafka_group_result_t **result = NULL;
    if (!err)
        result = rd_kafka_ListConsumerGroupOffsets_result_groups(
            rd_kafka_event_ListConsumerGroupOffsets_result(event), &cnt);
    const rd_kafka_topic_partition_list_t *list =
        cnt == 1 ? rd_kafka_group_result_partitions(result[0]) : NULL;
    size_t all = list ? (size_t)list->cnt : 0;
    group->offset = arena_array(arena, struct log_committed, all + 1);
    for (size_t i = 0; i < all; i++) show_offset(log, &list->elems[i], arena, group);
    qsort(group->offset, group->offset_cnt, sizeof *group->offset, by_place);
    rd_kafka_ListConsumerGroupOffsets_destroy(request);
    done(queue, event);
    return err;
}

/* ---- the whole ---- */

static int by_id(const void *a, const void *b) {
    return str_cmp(((const struct log_group *)a)->id, ((const struct log_group *)b)->id);
}

int lkgroup_list(struct log *log, struct arena *arena, struct log_group **out, size_t *cnt) {
    struct logkafka *lk = logkafka_of(log);
    const char **name;
    size_t all = 0;
    int err = lkclient_alive(lk);
    if (!err) err = list_names(lk, arena, &name, &all);
    if (err || !all) return err;
    *out = arena_array(arena, struct log_group, all);
    err = describe(lk, name, all, arena, *out);
    for (size_t i = 0; i < all && !err; i++) {
        err = offsets(log, arena, &(*out)[i]);
        if (err == ERR_DENIED) err = 0;
    }
    if (err) return err;
    qsort(*out, all, sizeof **out, by_id);
    *cnt = all;
    return 0;
}

int lkgroup_get(struct log *log, struct str id, struct arena *arena, struct log_group *out) {
    struct logkafka *lk = logkafka_of(log);
    const char *name = arena_strz(arena, id);
    int err = lkclient_alive(lk);
    if (!err) err = describe(lk, &name, 1, arena, out);
    if (err) return err;
    err = offsets(log, arena, out);
    bool dead = !str_eqz(out->state, "Stable") && !out->member_cnt && !out->offset_cnt;
    if (!err && dead) return err_fail(ERR_NOT_FOUND, "there is no group %s", name);
    return err;
}
