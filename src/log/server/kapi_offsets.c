/* kapi_offsets.c - ListOffsets and OffsetForLeaderEpoch: from a time or an epoch to an offset. */
#include "log/server/kapi.h"

#include "base/err.h"
#include "log/server/kerr.h"

enum { /* special timestamps */
    TS_LATEST = -1,
    TS_EARLIEST = -2,
    TS_MAX = -3,
    TS_EARLIEST_LOCAL = -4,
    TS_LATEST_TIERED = -5,
};

/* The largest timestamp and its offset, by bisection over time: "is there a record at or after t"
 * is true up to it and false beyond. */
static int seek_max(struct log *log, struct str topic, int32_t part, int64_t *offset,
                    int64_t *ts) {
    int64_t low = 0, high = INT64_MAX;
    *offset = *ts = -1;
    int err = log_seek_time(log, topic, part, 0, offset, ts);
    if (err || *offset < 0) return err;
    while (low < high) { /* low is true; the answer is in [low, high] */
        int64_t mid = low + (high - low) / 2 + ((high - low) & 1);
        int64_t o, t;
        err = log_seek_time(log, topic, part, mid, &o, &t);
        if (err) return err;
        if (o < 0) {
            high = mid - 1;
        } else {
            *offset = o;
            *ts = t;
            low = MAX(t, mid);
        }
    }
    return log_seek_time(log, topic, part, low, offset, ts);
}

static int find(struct log *log, struct str topic, int32_t part, int64_t asked,
                struct list_offsets_response_partition *out) {
    struct log_span span;
    int err = log_span(log, topic, part, &span);
    if (err) return err;
    out->leader_epoch = 0;
    switch (asked) {
    case TS_LATEST: out->offset = span.end; return 0;
    case TS_EARLIEST:
    case TS_EARLIEST_LOCAL: out->offset = span.start; return 0;
    case TS_MAX: return seek_max(log, topic, part, &out->offset, &out->timestamp);
    case TS_LATEST_TIERED: out->leader_epoch = -1; return 0;
    default:
        if (asked < 0) return err_fail(ERR_INVAL, "timestamp %" PRId64 " means nothing", asked);
        err = log_seek_time(log, topic, part, asked, &out->offset, &out->timestamp);
    }
    if (!err && out->offset < 0) {
        out->leader_epoch = -1;
        out->timestamp = -1;
    }
    return err;
}

void kapi_offsets_list(struct kreq *req) {
    const struct list_offsets_request *in = req->in;
    struct list_offsets_response *out = req->out;
    out->topics = KMSG_ARRAY(&req->arena, list_offsets_response_topic, in->topics_cnt);
    out->topics_cnt = in->topics_cnt;
    for (size_t t = 0; t < in->topics_cnt; t++) {
        const struct list_offsets_request_topic *from = &in->topics[t];
        struct list_offsets_response_topic *to = &out->topics[t];
        struct log_topic topic;
        int16_t code = ktopics_get(req->server, from->name, NULL, &req->arena, &topic);
        to->name = from->name;
        to->partitions_cnt = from->partitions_cnt;
        to->partitions =
            KMSG_ARRAY(&req->arena, list_offsets_response_partition, from->partitions_cnt);
        for (size_t i = 0; i < from->partitions_cnt; i++) {
            const struct list_offsets_request_partition *asked = &from->partitions[i];
            struct list_offsets_response_partition *p = &to->partitions[i];
            p->partition_index = asked->partition_index;
            p->error_code = code;
            if (code) continue;
            if (asked->partition_index < 0 || asked->partition_index >= topic.part_cnt) {
                p->error_code = KERR_UNKNOWN_TOPIC_OR_PARTITION;
                continue;
            }
            p->error_code = err_kafka(find(req->server->log, topic.name, asked->partition_index,
                                           asked->timestamp, p));
        }
    }
    kreq_reply(req);
}

/* One leader, epoch 0, for ever: its end is the log's end; of a later epoch nobody knows. */
static void end_of_epoch(struct kreq *req, const struct log_topic *topic,
                         const struct offset_for_leader_epoch_request_partition *in,
                         struct offset_for_leader_epoch_response_partition *out) {
    struct log_span span;
    if (in->partition < 0 || in->partition >= topic->part_cnt) {
        out->error_code = KERR_UNKNOWN_TOPIC_OR_PARTITION;
        return;
    }
    if (in->current_leader_epoch > 0) {
        out->error_code = KERR_UNKNOWN_LEADER_EPOCH;
        return;
    }
    if (in->leader_epoch != 0) return;
    int err = log_span(req->server->log, topic->name, in->partition, &span);
    out->error_code = err_kafka(err);
    if (err) return;
    out->leader_epoch = 0;
    out->end_offset = span.end;
}

void kapi_offsets_epoch(struct kreq *req) {
    const struct offset_for_leader_epoch_request *in = req->in;
    struct offset_for_leader_epoch_response *out = req->out;
    out->topics = KMSG_ARRAY(&req->arena, offset_for_leader_epoch_response_topic, in->topics_cnt);
    out->topics_cnt = in->topics_cnt;
    for (size_t t = 0; t < in->topics_cnt; t++) {
        const struct offset_for_leader_epoch_request_topic *from = &in->topics[t];
        struct offset_for_leader_epoch_response_topic *to = &out->topics[t];
        struct log_topic topic;
        int16_t code = ktopics_get(req->server, from->topic, NULL, &req->arena, &topic);
        to->topic = from->topic;
        to->partitions_cnt = from->partitions_cnt;
        to->partitions = KMSG_ARRAY(&req->arena, offset_for_leader_epoch_response_partition,
                                    from->partitions_cnt);
        for (size_t i = 0; i < from->partitions_cnt; i++) {
            to->partitions[i].partition = from->partitions[i].partition;
            to->partitions[i].error_code = code;
            if (!code)
                end_of_epoch(req, &topic, &from->partitions[i], &to->partitions[i]);
        }
    }
    kreq_reply(req);
}
