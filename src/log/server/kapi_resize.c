/* kapi_resize.c - CreatePartitions and DeleteRecords: a topic gets wider, or shorter at its start.
 * */
#include "log/server/kapi.h"

#include "base/err.h"
#include "log/server/kerr.h"
#include "log/server/kgroups.h"

/* ---- CreatePartitions ---- */

static int16_t refuse(struct create_partitions_response_result *out, int16_t code,
                      struct str why) {
    out->error_message = why;
    return code;
}

static int16_t check_growth(struct kreq *req, const struct create_partitions_request_topic *in,
                            struct create_partitions_response_result *out) {
    struct log_topic topic;
    int16_t code = ktopics_get(req->server, in->name, NULL, &req->arena, &topic);
    if (code) return code == KERR_INVALID_TOPIC_EXCEPTION ? KERR_UNKNOWN_TOPIC_OR_PARTITION : code;
    if (str_eqz(topic.name, KGROUPS_TOPIC))
        return refuse(out, KERR_INVALID_REQUEST, STR("groups would be looked for elsewhere"));
    if (in->count <= topic.part_cnt || in->count > LOG_PART_MAX)
        return refuse(out, KERR_INVALID_PARTITIONS,
                      arena_printf(&req->arena, "Topic currently has %d partitions, which is not "
                                   "less than the requested %d, or that is over %d",
                                   topic.part_cnt, in->count, LOG_PART_MAX));
    if (!in->assignments) return KERR_NONE;
    if (in->assignments_cnt != (size_t)(in->count - topic.part_cnt))
        return refuse(out, KERR_INVALID_REPLICA_ASSIGNMENT,
                      STR("as many assignments as new partitions are needed"));
    for (size_t i = 0; i < in->assignments_cnt; i++)
        if (in->assignments[i].broker_ids_cnt != 1 ||
            in->assignments[i].broker_ids[0] != KSERVER_NODE)
            return refuse(out, KERR_INVALID_REPLICA_ASSIGNMENT, STR("the only broker is 1"));
    return KERR_NONE;
}

void kapi_resize_grow(struct kreq *req) {
    const struct create_partitions_request *in = req->in;
    struct create_partitions_response *out = req->out;
    out->results_cnt = in->topics_cnt;
    out->results = KMSG_ARRAY(&req->arena, create_partitions_response_result, in->topics_cnt);
    for (size_t i = 0; i < in->topics_cnt; i++) {
        struct create_partitions_response_result *to = &out->results[i];
        to->name = in->topics[i].name;
        to->error_code = check_growth(req, &in->topics[i], to);
        if (to->error_code || in->validate_only) continue;
        int err = ktopics_grow(req->server, to->name, in->topics[i].count);
        to->error_code = err == ERR_TOO_BIG ? KERR_POLICY_VIOLATION : err_kafka(err);
        if (err) to->error_message = arena_printf(&req->arena, "%s", err_note());
    }
    kreq_reply(req);
}

/* ---- DeleteRecords ---- */

static void trim(struct kreq *req, const struct log_topic *topic, int64_t offset,
                 struct delete_records_response_partition *out) {
    if (out->partition_index < 0 || out->partition_index >= topic->part_cnt) {
        out->error_code = KERR_UNKNOWN_TOPIC_OR_PARTITION;
        return;
    }
    int err = log_trim(req->server->log, topic->name, out->partition_index, offset,
                       &out->low_watermark);
    out->error_code = err == ERR_INVAL ? KERR_OFFSET_OUT_OF_RANGE : err_kafka(err);
    if (err) out->low_watermark = -1;
}

void kapi_resize_trim(struct kreq *req) {
    const struct delete_records_request *in = req->in;
    struct delete_records_response *out = req->out;
    out->topics_cnt = in->topics_cnt;
    out->topics = KMSG_ARRAY(&req->arena, delete_records_response_topic, in->topics_cnt);
    for (size_t t = 0; t < in->topics_cnt; t++) {
        const struct delete_records_request_topic *from = &in->topics[t];
        struct delete_records_response_topic *to = &out->topics[t];
        struct log_topic topic;
        int16_t code = ktopics_get(req->server, from->name, NULL, &req->arena, &topic);
        if (!code && topic.internal) code = KERR_INVALID_TOPIC_EXCEPTION;
        to->name = from->name;
        to->partitions_cnt = from->partitions_cnt;
        to->partitions =
            KMSG_ARRAY(&req->arena, delete_records_response_partition, from->partitions_cnt);
        for (size_t i = 0; i < from->partitions_cnt; i++) {
            to->partitions[i].partition_index = from->partitions[i].partition_index;
            to->partitions[i].low_watermark = -1;
            to->partitions[i].error_code = code;
            if (!code) trim(req, &topic, from->partitions[i].offset, &to->partitions[i]);
        }
    }
    kreq_reply(req);
}
