/* kapi_metadata.c - Metadata, DescribeCluster, DescribeTopicPartitions: who leads what.
 *
 * The answer is always: this node. A topic that is not there is made when both the client and the
 * configuration allow it. */
#include "log/server/kapi.h"

#include "base/diag.h"
#include "base/err.h"
#include "log/server/kerr.h"

#include <stdlib.h>

#define AUTO_MAX 100 /* topics made by one request; the client asks again for the rest */

/* Operations as bits, when there is nobody who forbids any: read, write, create, delete, alter,
 * describe, describe and alter configs; for the cluster its own list. */
#define TOPIC_OPS   0xDF8
#define CLUSTER_OPS 0x1F20

static int16_t auto_create(struct kreq *req, struct str name, struct log_topic *out) {
    struct kserver *server = req->server;
    if (str_starts(name, STR("__"))) return KERR_INVALID_TOPIC_EXCEPTION;
    int err = ktopics_create(server, name, server->conf.default_parts, NULL, 0);
    if (err && err != ERR_EXISTS) {
        diag_warn("kafka", "topic %.*s could not be made: %s", STR_ARG(name), err_note());
        return err == ERR_TOO_BIG ? KERR_INVALID_PARTITIONS : err_kafka(err);
    }
    return ktopics_get(server, name, NULL, &req->arena, out);
}

static int32_t *this_node(struct kreq *req) {
    int32_t *nodes = arena_new(&req->arena, int32_t);
    nodes[0] = KSERVER_NODE;
    return nodes;
}

static void fill_topic(struct kreq *req, const struct log_topic *topic,
                       struct metadata_response_topic *out) {
    const struct metadata_request *in = req->in;
    int32_t *nodes = this_node(req);
    out->name = topic->name;
    out->topic_id = topic->id;
    out->is_internal = topic->internal;
    if (in->include_topic_authorized_operations) out->topic_authorized_operations = TOPIC_OPS;
    out->partitions_cnt = (size_t)topic->part_cnt;
    out->partitions =
        KMSG_ARRAY(&req->arena, metadata_response_partition, out->partitions_cnt);
    for (size_t i = 0; i < out->partitions_cnt; i++) {
        struct metadata_response_partition *p = &out->partitions[i];
        p->partition_index = (int32_t)i;
        p->leader_id = KSERVER_NODE;
        p->leader_epoch = 0;
        p->replica_nodes = p->isr_nodes = nodes;
        p->replica_nodes_cnt = p->isr_nodes_cnt = 1;
    }
}

static void fill_all(struct kreq *req, struct metadata_response *out) {
    struct log_topic *all;
    size_t cnt;
    if (log_topic_list(req->server->log, &req->arena, &all, &cnt)) {
        out->error_code = KERR_UNKNOWN_SERVER_ERROR;
        return;
    }
    out->topics = KMSG_ARRAY(&req->arena, metadata_response_topic, cnt);
    out->topics_cnt = cnt;
    for (size_t i = 0; i < cnt; i++)
        fill_topic(req, &all[i], &out->topics[i]);
}

static void fill_asked(struct kreq *req, struct metadata_response *out) {
    const struct metadata_request *in = req->in;
    size_t made = 0;
    out->topics = KMSG_ARRAY(&req->arena, metadata_response_topic, in->topics_cnt);
    out->topics_cnt = in->topics_cnt;
    for (size_t i = 0; i < in->topics_cnt; i++) {
        const struct metadata_request_topic *asked = &in->topics[i];
        struct metadata_response_topic *topic = &out->topics[i];
        struct log_topic found;
        topic->name = asked->name;
        topic->topic_id = asked->topic_id;
        topic->error_code =
            ktopics_get(req->server, asked->name, &asked->topic_id, &req->arena, &found);
        if (topic->error_code == KERR_UNKNOWN_TOPIC_OR_PARTITION &&
            in->allow_auto_topic_creation && !req->server->conf.no_auto_create && made++ < AUTO_MAX)
            topic->error_code = auto_create(req, asked->name, &found);
        if (!topic->error_code) fill_topic(req, &found, topic);
    }
}

void kapi_metadata_run(struct kreq *req) {
    const struct metadata_request *in = req->in;
    struct metadata_response *out = req->out;
    struct kserver *server = req->server;
    out->brokers = KMSG_ARRAY(&req->arena, metadata_response_broker, 1);
    out->brokers_cnt = 1;
    out->brokers[0].node_id = KSERVER_NODE;
    out->brokers[0].host = str_of(server->conf.advertised_host);
    out->brokers[0].port = server->conf.advertised_port;
    out->cluster_id = str_of(server->cluster_id);
    out->controller_id = KSERVER_NODE;
    if (in->include_cluster_authorized_operations) out->cluster_authorized_operations = CLUSTER_OPS;
    bool all = req->head.api_version == 0 ? in->topics_cnt == 0 : in->topics == NULL;
    if (all) fill_all(req, out);
    else fill_asked(req, out);
    kreq_reply(req);
}

void kapi_metadata_cluster(struct kreq *req) {
    const struct describe_cluster_request *in = req->in;
    struct describe_cluster_response *out = req->out;
    struct kserver *server = req->server;
    out->cluster_id = str_of(server->cluster_id);
    if (in->endpoint_type != 1) {
        out->error_code = KERR_INVALID_REQUEST;
        out->error_message = STR("this is a broker's address, not a controller's");
        kreq_reply(req);
        return;
    }
    out->controller_id = KSERVER_NODE;
    out->brokers = KMSG_ARRAY(&req->arena, describe_cluster_response_broker, 1);
    out->brokers_cnt = 1;
    out->brokers[0].broker_id = KSERVER_NODE;
    out->brokers[0].host = str_of(server->conf.advertised_host);
    out->brokers[0].port = server->conf.advertised_port;
    if (in->include_cluster_authorized_operations) out->cluster_authorized_operations = CLUSTER_OPS;
    kreq_reply(req);
}

/* ---- DescribeTopicPartitions: the same by pages ---- */

#define PAGE_MAX 2000

static void fill_page(struct kreq *req, const struct log_topic *topic, int32_t from, int32_t *left,
                      struct describe_topic_partitions_response_topic *out) {
    int32_t *nodes = this_node(req);
    int32_t cnt = MIN(topic->part_cnt - from, *left);
    out->name = topic->name;
    out->topic_id = topic->id;
    out->is_internal = topic->internal;
    out->topic_authorized_operations = TOPIC_OPS;
    out->partitions_cnt = (size_t)MAX(cnt, 0);
    out->partitions = KMSG_ARRAY(&req->arena, describe_topic_partitions_response_partition,
                                 out->partitions_cnt);
    for (size_t i = 0; i < out->partitions_cnt; i++) {
        struct describe_topic_partitions_response_partition *p = &out->partitions[i];
        p->partition_index = from + (int32_t)i;
        p->leader_id = KSERVER_NODE;
        p->leader_epoch = 0;
        p->replica_nodes = p->isr_nodes = nodes;
        p->replica_nodes_cnt = p->isr_nodes_cnt = 1;
        p->eligible_leader_replicas = p->last_known_elr = nodes;
    }
    *left -= MAX(cnt, 0);
}

static void next_page(struct kreq *req, struct str name, int32_t part) {
    struct describe_topic_partitions_response *out = req->out;
    out->next_cursor = KMSG_ARRAY(&req->arena, describe_topic_partitions_response_cursor, 1);
    out->next_cursor->topic_name = name;
    out->next_cursor->partition_index = part;
}

static int by_name(const void *a, const void *b) {
    const struct str *const *x = a, *const *y = b;
    return str_cmp(**x, **y);
}

/* The names asked for, sorted, from the cursor's on; all topics when none was named. */
static size_t wanted_names(struct kreq *req, struct str ***out) {
    const struct describe_topic_partitions_request *in = req->in;
    struct log_topic *all = NULL;
    size_t cnt = in->topics_cnt;
    if (cnt == 0 && log_topic_list(req->server->log, &req->arena, &all, &cnt)) cnt = 0;
    struct str **names = arena_array(&req->arena, struct str *, MAX(cnt, 1));
    size_t used = 0;
    for (size_t i = 0; i < cnt; i++) {
        struct str *name = all ? &all[i].name : &in->topics[i].name;
        if (!in->cursor || str_cmp(*name, in->cursor->topic_name) >= 0) names[used++] = name;
    }
    if (used) qsort(names, used, sizeof *names, by_name);
    *out = names;
    return used;
}

void kapi_metadata_partitions(struct kreq *req) {
    const struct describe_topic_partitions_request *in = req->in;
    struct describe_topic_partitions_response *out = req->out;
    struct str **names;
    size_t cnt = wanted_names(req, &names);
    int32_t left = MIN(MAX(in->response_partition_limit, 1), PAGE_MAX);
    out->topics = KMSG_ARRAY(&req->arena, describe_topic_partitions_response_topic, cnt);
    for (size_t i = 0; i < cnt; i++) {
        if (i > 0 && str_eq(*names[i], *names[i - 1])) continue;
        if (left == 0) {
            next_page(req, *names[i], 0);
            break;
        }
        struct describe_topic_partitions_response_topic *topic = &out->topics[out->topics_cnt++];
        struct log_topic found;
        topic->name = *names[i];
        topic->error_code = ktopics_get(req->server, *names[i], NULL, &req->arena, &found);
        if (topic->error_code) continue;
        bool at_cursor = in->cursor && str_eq(*names[i], in->cursor->topic_name);
        int32_t from = at_cursor ? MAX(in->cursor->partition_index, 0) : 0;
        fill_page(req, &found, from, &left, topic);
        int32_t end = from + (int32_t)topic->partitions_cnt;
        if (end < found.part_cnt) {
            next_page(req, found.name, end);
            break;
        }
    }
    kreq_reply(req);
}
