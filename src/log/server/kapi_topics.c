/* kapi_topics.c - CreateTopics, DeleteTopics, DescribeLogDirs.
 *
 * There is one node, so a replication factor is 1 and an assignment names node 1. */
#include "log/server/kapi.h"

#include "base/err.h"
#include "log/log_setting.h"
#include "log/server/kerr.h"
#include "log/server/kgroups.h"

/* ---- CreateTopics ---- */

static int16_t refuse(struct create_topics_response_topic *out, int16_t code, struct str why) {
    out->error_message = why;
    return code;
}

/* Partitions 0 to n-1, each on this node. */
static int16_t check_assignments(const struct create_topics_request_topic *in,
                                 struct create_topics_response_topic *out) {
    if (in->num_partitions != -1 || in->replication_factor != -1)
        return refuse(out, KERR_INVALID_REQUEST,
                      STR("with assignments, partitions and replication factor must be -1"));
    if (in->assignments_cnt > LOG_PART_MAX)
        return refuse(out, KERR_INVALID_PARTITIONS, STR("too many partitions"));
    bool seen[LOG_PART_MAX] = {false};
    for (size_t i = 0; i < in->assignments_cnt; i++) {
        const struct create_topics_request_assignment *a = &in->assignments[i];
        bool fits = a->partition_index >= 0 && (size_t)a->partition_index < in->assignments_cnt;
        if (!fits || seen[a->partition_index])
            return refuse(out, KERR_INVALID_REPLICA_ASSIGNMENT,
                          STR("partitions must be numbered from 0 without gaps"));
        seen[a->partition_index] = true;
        if (a->broker_ids_cnt != 1 || a->broker_ids[0] != KSERVER_NODE)
            return refuse(out, KERR_INVALID_REPLICA_ASSIGNMENT, STR("the only broker is 1"));
    }
    return KERR_NONE;
}

static int16_t check_new(struct kreq *req, const struct create_topics_request_topic *in,
                         struct create_topics_response_topic *out) {
    struct log_topic there;
    if (!ktopics_name_ok(in->name))
        return refuse(out, KERR_INVALID_TOPIC_EXCEPTION,
                      STR("a topic name is 1 to 249 of A-Z a-z 0-9 . _ -, not . or .."));
    if (!log_topic_get(req->server->log, in->name, &req->arena, &there))
        return refuse(out, KERR_TOPIC_ALREADY_EXISTS,
                      arena_printf(&req->arena, "Topic '%.*s' already exists.",
                                   STR_ARG(in->name)));
    if (in->assignments_cnt) return check_assignments(in, out);
    if (in->num_partitions == 0 || in->num_partitions < -1 || in->num_partitions > LOG_PART_MAX)
        return refuse(out, KERR_INVALID_PARTITIONS,
                      arena_printf(&req->arena, "%d partitions: 1 to %d are possible",
                                   in->num_partitions, LOG_PART_MAX));
    if (in->replication_factor != -1 && in->replication_factor != 1)
        return refuse(out, KERR_INVALID_REPLICATION_FACTOR,
                      arena_printf(&req->arena, "replication factor %d: there is 1 broker",
                                   in->replication_factor));
    return KERR_NONE;
}

static bool named_twice(const struct create_topics_request *in, size_t i) {
    for (size_t j = 0; j < in->topics_cnt; j++)
        if (j != i && str_eq(in->topics[j].name, in->topics[i].name)) return true;
    return false;
}

static int32_t wanted_parts(const struct kreq *req, const struct create_topics_request_topic *in) {
    if (in->assignments_cnt) return (int32_t)in->assignments_cnt;
    return in->num_partitions > 0 ? in->num_partitions : req->server->conf.default_parts;
}

static int16_t code_of(int err) {
    switch (err) {
    case ERR_INVAL: return KERR_INVALID_CONFIG;
    case ERR_TOO_BIG: return KERR_POLICY_VIOLATION;
    default: return err_kafka(err);
    }
}

static void create(struct kreq *req, const struct create_topics_request_topic *in,
                   struct create_topics_response_topic *out) {
    const struct create_topics_request *all = req->in;
    struct log_setting *setting =
        arena_array(&req->arena, struct log_setting, MAX(in->configs_cnt, 1));
    size_t cnt = 0;
    for (size_t i = 0; i < in->configs_cnt; i++)
        if (in->configs[i].value.ptr)
            setting[cnt++] = (struct log_setting){in->configs[i].name, in->configs[i].value};
    int32_t parts = wanted_parts(req, in);
    int err = 0;
    for (size_t i = 0; !err && i < cnt; i++)
        err = log_setting_check(setting[i].name, setting[i].value);
    if (!err && !all->validate_only)
        err = ktopics_create(req->server, in->name, parts, setting, cnt);
    out->error_code = code_of(err);
    if (err) {
        out->error_message = arena_printf(&req->arena, "%s", err_note());
        return;
    }
    struct log_topic topic;
    out->num_partitions = parts;
    out->replication_factor = 1;
    out->configs = KMSG_ARRAY(&req->arena, create_topics_response_config, 0);
    if (all->validate_only || log_topic_get(req->server->log, in->name, &req->arena, &topic))
        return;
    out->topic_id = topic.id;
    kapi_configs_of_new(req, &topic, out);
}

#define CREATE_MAX 1000 /* topics in one request */

void kapi_topics_create(struct kreq *req) {
    const struct create_topics_request *in = req->in;
    struct create_topics_response *out = req->out;
    out->topics_cnt = in->topics_cnt;
    out->topics = KMSG_ARRAY(&req->arena, create_topics_response_topic, in->topics_cnt);
    for (size_t i = 0; i < in->topics_cnt; i++) {
        struct create_topics_response_topic *to = &out->topics[i];
        to->name = in->topics[i].name;
        if (in->topics_cnt > CREATE_MAX)
            to->error_code =
                refuse(to, KERR_POLICY_VIOLATION, STR("more than 1000 topics in one request"));
        else if (named_twice(in, i))
            to->error_code =
                refuse(to, KERR_INVALID_REQUEST, STR("the topic is named twice in the request"));
        else to->error_code = check_new(req, &in->topics[i], to);
        if (!to->error_code) create(req, &in->topics[i], to);
    }
    kreq_reply(req);
}

/* ---- DeleteTopics ---- */

static void delete_one(struct kreq *req, struct str name, const struct uuid *id,
                       struct delete_topics_response_topic *out) {
    struct log_topic topic;
    out->name = name;
    out->topic_id = *id;
    out->error_code = ktopics_get(req->server, name, id, &req->arena, &topic);
    if (out->error_code) return;
    out->name = topic.name;
    out->topic_id = topic.id;
    if (str_eqz(topic.name, KGROUPS_TOPIC)) {
        out->error_code = KERR_INVALID_REQUEST;
        out->error_message = STR("the consumer groups are kept there");
        return;
    }
    int err = log_topic_delete(req->server->log, topic.name);
    out->error_code = err_kafka(err);
    if (err) out->error_message = arena_printf(&req->arena, "%s", err_note());
    else kgroups_topic_gone(req->server->groups, topic.name);
}

void kapi_topics_delete(struct kreq *req) {
    static const struct uuid none;
    const struct delete_topics_request *in = req->in;
    struct delete_topics_response *out = req->out;
    bool by_name = req->head.api_version < 6;
    size_t cnt = by_name ? in->topic_names_cnt : in->topics_cnt;
    out->responses_cnt = cnt;
    out->responses = KMSG_ARRAY(&req->arena, delete_topics_response_topic, cnt);
    for (size_t i = 0; i < cnt; i++)
        delete_one(req, by_name ? in->topic_names[i] : in->topics[i].name,
                   by_name ? &none : &in->topics[i].topic_id, &out->responses[i]);
    kreq_reply(req);
}

/* ---- DescribeLogDirs: sizes, for people's tools ---- */

static bool is_asked(const struct describe_log_dirs_request *in, struct str topic, int32_t part) {
    if (!in->topics) return true;
    for (size_t t = 0; t < in->topics_cnt; t++) {
        if (!str_eq(in->topics[t].topic, topic)) continue;
        for (size_t i = 0; i < in->topics[t].partitions_cnt; i++)
            if (in->topics[t].partitions[i] == part) return true;
    }
    return false;
}

static void add_sizes(struct kreq *req, const struct log_topic *topic,
                      struct describe_log_dirs_response_dir *dir) {
    struct describe_log_dirs_response_topic *to = &dir->topics[dir->topics_cnt];
    to->name = topic->name;
    to->partitions = KMSG_ARRAY(&req->arena, describe_log_dirs_response_partition,
                                (size_t)topic->part_cnt);
    for (int32_t part = 0; part < topic->part_cnt; part++) {
        struct log_span span;
        if (!is_asked(req->in, topic->name, part)) continue;
        if (log_span(req->server->log, topic->name, part, &span)) continue;
        struct describe_log_dirs_response_partition *p = &to->partitions[to->partitions_cnt++];
        p->partition_index = part;
        p->partition_size = span.bytes;
    }
    if (to->partitions_cnt) dir->topics_cnt++;
}

void kapi_topics_log_dirs(struct kreq *req) {
    struct describe_log_dirs_response *out = req->out;
    struct log_topic *all;
    size_t cnt;
    if (log_topic_list(req->server->log, &req->arena, &all, &cnt)) {
        out->error_code = KERR_UNKNOWN_SERVER_ERROR;
        kreq_reply(req);
        return;
    }
    out->results = KMSG_ARRAY(&req->arena, describe_log_dirs_response_dir, 1);
    out->results_cnt = 1;
    out->results[0].log_dir = STR("log");
    out->results[0].topics = KMSG_ARRAY(&req->arena, describe_log_dirs_response_topic, cnt);
    for (size_t i = 0; i < cnt; i++)
        add_sizes(req, &all[i], &out->results[0]);
    kreq_reply(req);
}
