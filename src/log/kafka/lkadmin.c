/* lkadmin.c - topics by Kafka's admin requests: made, grown, set, trimmed, deleted, listed.
 *
 * A cluster takes a moment to know of a topic that its controller has made, and to forget a deleted
 * one: both are waited for, so that whoever comes next is not told otherwise. Settings are set as a
 * whole (AlterConfigs), so they are read first; what another program sets in between is lost. */
#include "base/b64.h"
#include "base/err.h"
#include "log/kafka/logkafka.h"
#include "log/log_setting.h"

#include <stdio.h>
#include <stdlib.h>

#define SETTLE_US  10000000
#define SETTLE_NAP 20000
#define TOPIC_MAX  100000 /* of a cluster that are listed */

/* ---- one request ---- */

struct ask {
    struct logkafka *lk;
    rd_kafka_t *rk;
    rd_kafka_AdminOptions_t *options;
    rd_kafka_queue_t *queue;
    rd_kafka_event_t *event;
};

static struct ask ask_begin(struct logkafka *lk, rd_kafka_admin_op_t op) {
    struct ask ask = {.lk = lk, .rk = lk->consumer[0]};
    char why[128];
    ask.options = rd_kafka_AdminOptions_new(ask.rk, op);
    ask.queue = rd_kafka_queue_new(ask.rk);
    CHECK(ask.options && ask.queue);
    if (rd_kafka_AdminOptions_set_request_timeout(ask.options, LOGKAFKA_REQUEST_MS, why,
                                                  sizeof why))
        NEVER();
    return ask;
}

/* Waits for the answer as a whole. */
static int ask_wait(struct ask *ask, const char *what) {
    ask->event = rd_kafka_queue_poll(ask->queue, LOGKAFKA_REQUEST_MS + 1000);
    if (!ask->event) return lkclient_fail(ask->lk, RD_KAFKA_RESP_ERR__TIMED_OUT, what);
    rd_kafka_resp_err_t code = rd_kafka_event_error(ask->event);
    return code ? lkclient_fail(ask->lk, code, what) : 0;
}

static void ask_end(struct ask *ask) {
    if (ask->event) rd_kafka_event_destroy(ask->event);
    rd_kafka_AdminOptions_destroy(ask->options);
    rd_kafka_queue_destroy(ask->queue);
}

static int topic_result(struct logkafka *lk, const rd_kafka_topic_result_t *const *results,
                        size_t cnt) {
    if (cnt != 1) return err_fail(ERR_NET, "kafka %s: %zu answers to one question", lk->hosts, cnt);
    rd_kafka_resp_err_t code = rd_kafka_topic_result_error(results[0]);
    if (!code) return 0;
    const char *words = rd_kafka_topic_result_error_string(results[0]);
    return err_fail(lkclient_err(code), "kafka %s: topic %s: %s", lk->hosts,
                    rd_kafka_topic_result_name(results[0]),
                    words && *words ? words : rd_kafka_err2str(code));
}

static const char *name_of(struct str name, char out[LOG_TOPIC_MAX + 1]) {
    snprintf(out, LOG_TOPIC_MAX + 1, "%.*s", STR_ARG(name));
    return out;
}

/* ---- looking ---- */

static int metadata_of(struct logkafka *lk, const char *name,
                       const struct rd_kafka_metadata **out) {
    rd_kafka_topic_t *topic = name ? rd_kafka_topic_new(lk->consumer[0], name, NULL) : NULL;
    rd_kafka_resp_err_t code =
        rd_kafka_metadata(lk->consumer[0], !topic, topic, out, LOGKAFKA_REQUEST_MS);
    if (topic) rd_kafka_topic_destroy(topic);
    return code ? lkclient_fail(lk, code, name ? name : "the topics") : 0;
}

static int missing(const char *name) {
    return err_fail(ERR_NOT_FOUND, "there is no topic %s", name);
}

/* *ready: every partition has a leader. */
static int look(struct logkafka *lk, const char *name, int32_t *part_cnt, bool *ready) {
    const struct rd_kafka_metadata *metadata;
    int err = metadata_of(lk, name, &metadata);
    if (err) return err;
    const struct rd_kafka_metadata_topic *topic = metadata->topics;
    rd_kafka_resp_err_t code = metadata->topic_cnt == 1 ? topic->err
                                                        : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    if (lkclient_err(code) == ERR_NOT_FOUND) {
        err = missing(name);
    } else if (code && code != RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) {
        err = lkclient_fail(lk, code, name);
    } else {
        *part_cnt = topic->partition_cnt;
        *ready = !code && topic->partition_cnt > 0;
        for (int i = 0; i < topic->partition_cnt; i++)
            *ready = *ready && topic->partitions[i].leader >= 0;
        if (!topic->partition_cnt) err = missing(name);
    }
    rd_kafka_metadata_destroy(metadata);
    return err;
}

int lkadmin_part_cnt(struct logkafka *lk, struct str topic, int32_t *out) {
    char name[LOG_TOPIC_MAX + 1];
    bool ready;
    int err = lkclient_alive(lk);
    if (!err) err = look(lk, name_of(topic, name), out, &ready);
    if (err == ERR_NOT_FOUND) lkread_forget(lk, topic);
    if (err) return err;
    struct lktopic *known = base_calloc(1, sizeof *known);
    known->part_cnt = *out;
    pthread_mutex_lock(&lk->lock);
    base_free(map_put(&lk->topics, topic, known));
    pthread_mutex_unlock(&lk->lock);
    return 0;
}

/* Until the cluster knows the topic with so many partitions, each led; 0: until it is gone. */
static int settle(struct logkafka *lk, const char *name, int32_t part_cnt) {
    int64_t until_us = env_mono_us(lk->base.env) + SETTLE_US;
    int err;
    lkread_forget(lk, str_of(name));
    for (;;) {
        int32_t cnt = 0;
        bool ready = false;
        err = look(lk, name, &cnt, &ready);
        if (!part_cnt && err == ERR_NOT_FOUND) return 0;
        if (part_cnt && !err && ready && cnt >= part_cnt) return 0;
        if (err && err != ERR_NOT_FOUND) return err;
        if (env_mono_us(lk->base.env) > until_us) break;
        env_sleep_us(lk->base.env, SETTLE_NAP);
    }
    return err_fail(ERR_TIMEOUT, "kafka %s: topic %s was %s, but the brokers do not all say so yet",
                    lk->hosts, name, part_cnt ? "made" : "deleted");
}

/* ---- settings ---- */

/* What was set on the topic, and, where `shown`, what its broker has other than Kafka's default. */
static void take_settings(const rd_kafka_ConfigResource_t *resource, bool shown,
                          struct arena *arena, struct log_topic *out) {
    static const struct log_topic plain;
    size_t cnt;
    const rd_kafka_ConfigEntry_t **entry = rd_kafka_ConfigResource_configs(resource, &cnt);
    struct log_setting *all = arena_array(arena, struct log_setting, cnt + 1);
    for (size_t i = 0; i < cnt; i++) {
        const char *value = rd_kafka_ConfigEntry_value(entry[i]);
        struct str name = str_of(rd_kafka_ConfigEntry_name(entry[i]));
        bool set = rd_kafka_ConfigEntry_source(entry[i]) ==
                   RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG;
        struct str usual = log_setting_of(&plain, name.ptr);
        if (!value || (!set && (!shown || !usual.ptr || str_eqz(usual, value)))) continue;
        all[out->setting_cnt++] = (struct log_setting){arena_str(arena, name),
                                                       arena_str(arena, str_of(value))};
    }
    out->setting = all;
}

static int by_setting(const void *a, const void *b) {
    return str_cmp(((const struct log_setting *)a)->name, ((const struct log_setting *)b)->name);
}

/* Of all topics in one request. */
static int describe(struct logkafka *lk, bool shown, struct arena *arena, struct log_topic *topic,
                    size_t topic_cnt) {
    struct ask ask = ask_begin(lk, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    rd_kafka_ConfigResource_t **want = base_calloc(topic_cnt + 1, sizeof *want);
    size_t cnt = 0;
    for (size_t i = 0; i < topic_cnt; i++)
        want[i] = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic[i].name.ptr);
    rd_kafka_DescribeConfigs(ask.rk, want, topic_cnt, ask.options, ask.queue);
    int err = ask_wait(&ask, "the topics' settings");
    const rd_kafka_ConfigResource_t **got = NULL;
    if (!err)
        got = rd_kafka_DescribeConfigs_result_resources(
            rd_kafka_event_DescribeConfigs_result(ask.event), &cnt);
    for (size_t i = 0; i < cnt && !err; i++) {
        struct str name = str_of(rd_kafka_ConfigResource_name(got[i]));
        rd_kafka_resp_err_t code = rd_kafka_ConfigResource_error(got[i]);
        if (code && topic_cnt == 1) err = lkclient_fail(lk, code, name.ptr);
        for (size_t t = 0; t < topic_cnt && !code; t++) {
            if (!str_eq(topic[t].name, name)) continue;
            take_settings(got[i], shown, arena, &topic[t]);
            struct log_setting *set = (struct log_setting *)(uintptr_t)topic[t].setting;
            qsort(set, topic[t].setting_cnt, sizeof *set, by_setting);
        }
    }
    rd_kafka_ConfigResource_destroy_array(want, topic_cnt);
    base_free(want);
    ask_end(&ask);
    return err;
}

/* The cluster's id in place of the topic's, which the client library does not tell: 16 bytes in
 * base64url, or other words of who made it up; nought where there is none. */
static struct uuid cluster_id(struct logkafka *lk) {
    struct uuid id = {{0}};
    char *text = rd_kafka_clusterid(lk->consumer[0], 0), bytes[UUID_TEXT_LEN];
    size_t len = text ? strlen(text) : 0, got = 0;
    for (size_t i = 0; i < len; i++)
        text[i] = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];
    if (len <= 24 && b64_decode((struct str){text, len}, true, bytes, &got) && got == sizeof id)
        memcpy(&id, bytes, sizeof id);
    else
        for (size_t i = 0; i < len; i++)
            id.byte[i % 16] = (uint8_t)(id.byte[i % 16] * 31 + (uint8_t)text[i]);
    if (text) rd_kafka_mem_free(lk->consumer[0], text);
    return id;
}

static void fill_topic(struct logkafka *lk, struct arena *arena, struct str name, int32_t part_cnt,
                       struct log_topic *out) {
    *out = (struct log_topic){
        .name = arena_str(arena, name),
        .id = cluster_id(lk),
        .part_cnt = part_cnt,
        .internal = str_starts(name, STR("__")) || str_eqz(name, "_schemas"),
    };
}

/* Those who may not read settings still see the topic. */
int lkadmin_get(struct log *log, struct str name, struct arena *arena, struct log_topic *out) {
    struct logkafka *lk = logkafka_of(log);
    int32_t part_cnt;
    int err = lkadmin_part_cnt(lk, name, &part_cnt);
    if (err) return err;
    fill_topic(lk, arena, name, part_cnt, out);
    err = describe(lk, true, arena, out, 1);
    return err == ERR_DENIED ? 0 : err;
}

static int by_name(const void *a, const void *b) {
    return str_cmp(((const struct log_topic *)a)->name, ((const struct log_topic *)b)->name);
}

int lkadmin_list(struct log *log, struct arena *arena, struct log_topic **out, size_t *cnt) {
    struct logkafka *lk = logkafka_of(log);
    const struct rd_kafka_metadata *metadata;
    int err = lkclient_alive(lk);
    if (!err) err = metadata_of(lk, NULL, &metadata);
    if (err) return err;
    size_t all = (size_t)MIN(MAX(metadata->topic_cnt, 0), TOPIC_MAX);
    *out = arena_array(arena, struct log_topic, all + 1);
    for (size_t i = 0; i < all; i++) {
        const struct rd_kafka_metadata_topic *topic = &metadata->topics[i];
        struct str name = str_of(topic->topic);
        if (topic->err || topic->partition_cnt < 1 || name.len > LOG_TOPIC_MAX) continue;
        fill_topic(lk, arena, name, topic->partition_cnt, &(*out)[(*cnt)++]);
    }
    rd_kafka_metadata_destroy(metadata);
    qsort(*out, *cnt, sizeof **out, by_name);
    if (*cnt) err = describe(lk, true, arena, *out, *cnt);
    return err == ERR_DENIED ? 0 : err;
}

int lkadmin_broker(struct logkafka *lk, int32_t id, struct arena *arena,
                   struct log_setting **out, size_t *cnt) {
    struct ask ask = ask_begin(lk, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    rd_kafka_ConfigResource_t *want = rd_kafka_ConfigResource_new(
        RD_KAFKA_RESOURCE_BROKER, arena_printf(arena, "%d", id).ptr);
    size_t got_cnt = 0, all = 0;
    *out = NULL, *cnt = 0;
    rd_kafka_DescribeConfigs(ask.rk, &want, 1, ask.options, ask.queue);
    int err = ask_wait(&ask, "a broker's settings");
    const rd_kafka_ConfigResource_t **got = NULL;
    if (!err)
        got = rd_kafka_DescribeConfigs_result_resources(
            rd_kafka_event_DescribeConfigs_result(ask.event), &got_cnt);
    rd_kafka_resp_err_t code = got_cnt == 1 ? rd_kafka_ConfigResource_error(got[0])
                                            : RD_KAFKA_RESP_ERR__BAD_MSG;
    if (!err && code) err = lkclient_fail(lk, code, "a broker's settings");
    if (!err) {
        const rd_kafka_ConfigEntry_t **entry = rd_kafka_ConfigResource_configs(got[0], &all);
        *out = arena_array(arena, struct log_setting, all + 1);
        for (size_t i = 0; i < all; i++) {
            const char *value = rd_kafka_ConfigEntry_value(entry[i]);
            if (!value) continue; /* a secret */
            (*out)[(*cnt)++] = (struct log_setting){
                arena_str(arena, str_of(rd_kafka_ConfigEntry_name(entry[i]))),
                arena_str(arena, str_of(value))};
        }
    }
    rd_kafka_ConfigResource_destroy(want);
    ask_end(&ask);
    return err;
}

/* ---- changing ---- */

/* `really` false: the brokers check all but make nothing. */
static int create(struct logkafka *lk, const char *name, int32_t part_cnt,
                  const struct log_topic *with, bool really) {
    char text[LOG_SETTING_VALUE_MAX + 1], why[256];
    rd_kafka_NewTopic_t *fresh = rd_kafka_NewTopic_new(name, part_cnt, lk->replication, why,
                                                       sizeof why);
    if (!fresh) return err_fail(ERR_INVAL, "topic %s: %s", name, why);
    struct arena arena = ARENA_INIT;
    for (size_t i = 0; i < with->setting_cnt; i++) {
        snprintf(text, sizeof text, "%.*s", STR_ARG(with->setting[i].value));
        if (rd_kafka_NewTopic_set_config(fresh, arena_strz(&arena, with->setting[i].name), text))
            NEVER();
    }
    struct ask ask = ask_begin(lk, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    size_t cnt;
    if (!really && rd_kafka_AdminOptions_set_validate_only(ask.options, 1, why, sizeof why))
        NEVER();
    rd_kafka_CreateTopics(ask.rk, &fresh, 1, ask.options, ask.queue);
    int err = ask_wait(&ask, name);
    if (!err) {
        const rd_kafka_topic_result_t **results = rd_kafka_CreateTopics_result_topics(
            rd_kafka_event_CreateTopics_result(ask.event), &cnt);
        err = topic_result(lk, results, cnt);
    }
    ask_end(&ask);
    rd_kafka_NewTopic_destroy(fresh);
    arena_fini(&arena);
    return err;
}

int lkadmin_create(struct log *log, struct str topic, int32_t part_cnt,
                   const struct log_setting *setting, size_t setting_cnt) {
    struct logkafka *lk = logkafka_of(log);
    struct log_topic with = {.setting = setting, .setting_cnt = setting_cnt};
    char name[LOG_TOPIC_MAX + 1];
    int err = lkclient_alive(lk);
    if (!err) err = create(lk, name_of(topic, name), part_cnt, &with, true);
    return err ? err : settle(lk, name, part_cnt);
}

int lkadmin_may_create(struct logkafka *lk, const char *name, const struct log_setting *setting) {
    struct log_topic with = {.setting = setting, .setting_cnt = 1};
    return create(lk, name, 1, &with, false);
}

int lkadmin_delete(struct log *log, struct str topic) {
    struct logkafka *lk = logkafka_of(log);
    char name[LOG_TOPIC_MAX + 1];
    size_t cnt;
    int err = lkclient_alive(lk);
    if (err) return err;
    rd_kafka_DeleteTopic_t *gone = rd_kafka_DeleteTopic_new(name_of(topic, name));
    struct ask ask = ask_begin(lk, RD_KAFKA_ADMIN_OP_DELETETOPICS);
    rd_kafka_DeleteTopics(ask.rk, &gone, 1, ask.options, ask.queue);
    err = ask_wait(&ask, name);
    if (!err) {
        const rd_kafka_topic_result_t **results = rd_kafka_DeleteTopics_result_topics(
            rd_kafka_event_DeleteTopics_result(ask.event), &cnt);
        err = topic_result(lk, results, cnt);
    }
    ask_end(&ask);
    rd_kafka_DeleteTopic_destroy(gone);
    if (!err) lkread_gone(lk, topic);
    return err ? err : settle(lk, name, 0);
}

static int alter(struct logkafka *lk, const char *name, const struct log_topic *topic) {
    struct ask ask = ask_begin(lk, RD_KAFKA_ADMIN_OP_ALTERCONFIGS);
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name);
    struct arena arena = ARENA_INIT;
    size_t cnt = 0;
    for (size_t i = 0; i < topic->setting_cnt; i++)
        if (rd_kafka_ConfigResource_set_config(resource,
                                               arena_strz(&arena, topic->setting[i].name),
                                               arena_strz(&arena, topic->setting[i].value)))
            NEVER();
    rd_kafka_AlterConfigs(ask.rk, &resource, 1, ask.options, ask.queue);
    int err = ask_wait(&ask, name);
    const rd_kafka_ConfigResource_t **got = NULL;
    if (!err)
        got = rd_kafka_AlterConfigs_result_resources(
            rd_kafka_event_AlterConfigs_result(ask.event), &cnt);
    if (cnt == 1 && rd_kafka_ConfigResource_error(got[0])) {
        const char *words = rd_kafka_ConfigResource_error_string(got[0]);
        rd_kafka_resp_err_t code = rd_kafka_ConfigResource_error(got[0]);
        err = err_fail(lkclient_err(code), "kafka %s: topic %s: %s", lk->hosts, name,
                       words ? words : rd_kafka_err2str(code));
    }
    rd_kafka_ConfigResource_destroy(resource);
    ask_end(&ask);
    arena_fini(&arena);
    return err;
}

int lkadmin_set(struct log *log, struct str topic, const struct log_setting *setting,
                size_t setting_cnt) {
    struct logkafka *lk = logkafka_of(log);
    char name[LOG_TOPIC_MAX + 1];
    struct arena arena = ARENA_INIT;
    struct log_topic now, merged = {0};
    int32_t part_cnt;
    int err = lkadmin_part_cnt(lk, topic, &part_cnt);
    if (!err) fill_topic(lk, &arena, topic, part_cnt, &now);
    if (!err) err = describe(lk, false, &arena, &now, 1);
    if (!err)
        err = log_setting_merge(now.setting, now.setting_cnt, setting, setting_cnt, &arena,
                                &merged);
    if (!err) err = alter(lk, name_of(topic, name), &merged);
    arena_fini(&arena);
    return err;
}

int lkadmin_grow(struct log *log, struct str topic, int32_t part_cnt) {
    struct logkafka *lk = logkafka_of(log);
    char name[LOG_TOPIC_MAX + 1], why[256];
    int32_t now;
    size_t cnt;
    int err = lkadmin_part_cnt(lk, topic, &now);
    if (err || part_cnt == now) return err;
    if (part_cnt < now)
        return err_fail(ERR_INVAL, "topic %.*s has %d partitions; they never get fewer",
                        STR_ARG(topic), now);
    rd_kafka_NewPartitions_t *more = rd_kafka_NewPartitions_new(
        name_of(topic, name), (size_t)part_cnt, why, sizeof why);
    if (!more) return err_fail(ERR_INVAL, "topic %s: %s", name, why);
    struct ask ask = ask_begin(lk, RD_KAFKA_ADMIN_OP_CREATEPARTITIONS);
    rd_kafka_CreatePartitions(ask.rk, &more, 1, ask.options, ask.queue);
    err = ask_wait(&ask, name);
    if (!err) {
        const rd_kafka_topic_result_t **results = rd_kafka_CreatePartitions_result_topics(
            rd_kafka_event_CreatePartitions_result(ask.event), &cnt);
        err = topic_result(lk, results, cnt);
    }
    ask_end(&ask);
    rd_kafka_NewPartitions_destroy(more);
    return err ? err : settle(lk, name, part_cnt);
}

int lkadmin_trim(struct log *log, const struct log_pos *pos, int64_t *start) {
    struct logkafka *lk = logkafka_of(log);
    char name[LOG_TOPIC_MAX + 1];
    struct lkpart *part;
    int err = lkclient_alive(lk);
    if (!err) err = lkread_part(lk, pos->topic, pos->part, &part);
    if (err) return err;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, name_of(pos->topic, name), pos->part)->offset =
        pos->offset < 0 ? RD_KAFKA_OFFSET_END : pos->offset;
    rd_kafka_DeleteRecords_t *request = rd_kafka_DeleteRecords_new(list);
    struct ask ask = ask_begin(lk, RD_KAFKA_ADMIN_OP_DELETERECORDS);
    rd_kafka_DeleteRecords(ask.rk, &request, 1, ask.options, ask.queue);
    err = ask_wait(&ask, name);
    if (!err) {
        const rd_kafka_topic_partition_list_t *done = rd_kafka_DeleteRecords_result_offsets(
            rd_kafka_event_DeleteRecords_result(ask.event));
        rd_kafka_resp_err_t code = done->cnt == 1 ? done->elems[0].err : RD_KAFKA_RESP_ERR__FAIL;
        if (code) err = lkclient_fail(lk, code, name);
        else *start = done->elems[0].offset;
    }
    ask_end(&ask);
    rd_kafka_DeleteRecords_destroy(request);
    rd_kafka_topic_partition_list_destroy(list);
    struct log_span span;
    return err ? err : lkread_span(log, pos->topic, pos->part, &span); /* what is known is old */
}
