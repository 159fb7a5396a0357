/* kapi_produce.c - Produce and InitProducerId.
 *
 * Each partition's batch goes from the socket's buffer to log_submit() without a copy; the answer
 * is made when all of the request's batches are durable. Checked here is what the protocol asks
 * for: one whole batch, of magic 2, no transaction's. All else about it is the log's business. */
#include "log/server/kapi.h"

#include "base/diag.h"
#include "base/err.h"
#include "log/server/kerr.h"
#include "wire/kafka/recbatch.h"

struct part_state {
    struct kwait *wait; /* NULL: refused before */
    struct str topic;
    bool append_time;
};
struct state {
    struct part_state *part; /* all partitions of all topics, in the request's order */
};

static int16_t refuse(struct produce_response_partition *out, int16_t code, const char *why) {
    out->error_message = str_of(why);
    return code;
}

/* The code for what the log says of an append. */
static int16_t code_of(int err) {
    switch (err) {
    case ERR_INVAL:
    case ERR_TYPE: return KERR_INVALID_RECORD;
    case ERR_TRUNC: return KERR_CORRUPT_MESSAGE;
    case ERR_UNSUPPORTED: return KERR_UNSUPPORTED_FOR_MESSAGE_FORMAT;
    case ERR_FENCED: return KERR_INVALID_PRODUCER_EPOCH;
    default: return err_kafka(err);
    }
}

/* What Kafka says of a batch before its log sees it; CRC, records, size and times are the log's. */
static int16_t check_batch(const struct kreq *req, struct str records,
                           struct produce_response_partition *out) {
    struct recbatch_head head;
    if (!records.len) return refuse(out, KERR_INVALID_RECORD, "no record batch was sent");
    int err = recbatch_peek(records, &head);
    if (err == ERR_UNSUPPORTED)
        return refuse(out, KERR_UNSUPPORTED_FOR_MESSAGE_FORMAT, "only magic 2 is supported");
    if (err || head.size > records.len) return KERR_CORRUPT_MESSAGE;
    if (head.size < records.len)
        return refuse(out, KERR_INVALID_RECORD, "more than one record batch for a partition");
    if (head.attributes & RECBATCH_CONTROL)
        return refuse(out, KERR_INVALID_RECORD, "clients do not write control batches");
    if (head.attributes & RECBATCH_TRANSACTIONAL)
        return refuse(out, KERR_INVALID_TXN_STATE, "transactions are not supported");
    if ((head.attributes & RECBATCH_CODEC_MASK) == RECBATCH_ZSTD && req->head.api_version < 7)
        return refuse(out, KERR_UNSUPPORTED_COMPRESSION_TYPE, "zstd needs Produce v7");
    return KERR_NONE;
}

static void start_part(struct kreq *req, const struct log_topic *topic, int16_t topic_code,
                       const struct produce_request_partition *in, struct part_state *state,
                       struct produce_response_partition *out) {
    out->index = in->index;
    out->base_offset = -1;
    out->error_code = topic_code;
    if (out->error_code) return;
    if (in->index < 0 || in->index >= topic->part_cnt) {
        out->error_code = KERR_UNKNOWN_TOPIC_OR_PARTITION;
        return;
    }
    out->error_code = check_batch(req, in->records, out);
    if (out->error_code) return;
    state->topic = topic->name;
    state->append_time = str_eqz(log_setting_of(topic, "message.timestamp.type"), "LogAppendTime");
    state->wait = kreq_submit(req, topic->name, in->index, in->records);
}

static void finish_part(struct kreq *req, const struct part_state *state,
                        struct produce_response_partition *out) {
    if (!state->wait) return;
    out->error_code = code_of(state->wait->err);
    if (state->wait->err) {
        out->error_message = state->wait->note;
        return;
    }
    struct log_span span;
    out->base_offset = state->wait->base_offset;
    if (!log_span(req->server->log, state->topic, out->index, &span))
        out->log_start_offset = span.start;
    if (state->append_time) out->log_append_time_ms = env_now_ms(req->server->env);
}

/* All appends are durable or refused. acks=0 gets no answer; an error closes, as Kafka does. */
static void finish(struct kreq *req) {
    const struct produce_request *in = req->in;
    struct produce_response *out = req->out;
    const struct part_state *part = ((struct state *)req->state)->part;
    bool failed = false;
    for (size_t t = 0; t < out->responses_cnt; t++) {
        struct produce_response_topic *topic = &out->responses[t];
        for (size_t i = 0; i < topic->partition_responses_cnt; i++) {
            finish_part(req, part++, &topic->partition_responses[i]);
            failed |= topic->partition_responses[i].error_code != KERR_NONE;
        }
    }
    if (in->acks != 0) {
        kreq_reply(req);
    } else if (failed) {
        diag_info("kafka", "an append with acks=0 failed; its connection is closed to tell so");
        kreq_drop(req);
    } else {
        req->silent = true;
        kreq_reply(req);
    }
}

/* What is wrong with the request as a whole. */
static int16_t check_request(const struct produce_request *in) {
    if (in->acks < -1 || in->acks > 1) return KERR_INVALID_REQUIRED_ACKS;
    if (in->transactional_id.ptr) return KERR_INVALID_TXN_STATE;
    return KERR_NONE;
}

static size_t count_parts(const struct produce_request *in) {
    size_t cnt = 0;
    for (size_t t = 0; t < in->topic_data_cnt; t++)
        cnt += in->topic_data[t].partition_data_cnt;
    return cnt;
}

static int16_t find_topic(struct kreq *req, const struct produce_request_topic *in,
                          struct log_topic *out) {
    int16_t code = ktopics_get(req->server, in->name, &in->topic_id, &req->arena, out);
    if (code == KERR_INVALID_TOPIC_EXCEPTION && req->head.api_version >= 13)
        return KERR_UNKNOWN_TOPIC_ID;
    if (!code && str_eqz(out->name, "__consumer_offsets")) return KERR_INVALID_TOPIC_EXCEPTION;
    return code;
}

void kapi_produce_run(struct kreq *req) {
    const struct produce_request *in = req->in;
    struct produce_response *out = req->out;
    struct arena *arena = &req->arena;
    struct state *state = arena_new(arena, struct state);
    int16_t request_code = check_request(in);
    req->state = state;
    struct part_state *part = state->part =
        arena_array(arena, struct part_state, MAX(count_parts(in), 1));
    out->responses_cnt = in->topic_data_cnt;
    out->responses = KMSG_ARRAY(arena, produce_response_topic, in->topic_data_cnt);
    for (size_t t = 0; t < in->topic_data_cnt; t++) {
        const struct produce_request_topic *from = &in->topic_data[t];
        struct produce_response_topic *to = &out->responses[t];
        struct log_topic topic;
        int16_t code = request_code ? request_code : find_topic(req, from, &topic);
        to->name = arena_str(arena, from->name); /* the frame is gone when the answer is made */
        to->topic_id = from->topic_id;
        to->partition_responses_cnt = from->partition_data_cnt;
        to->partition_responses =
            KMSG_ARRAY(arena, produce_response_partition, from->partition_data_cnt);
        for (size_t i = 0; i < from->partition_data_cnt; i++)
            start_part(req, &topic, code, &from->partition_data[i], part++,
                       &to->partition_responses[i]);
    }
    kreq_wait(req, finish);
}

void kapi_produce_init_id(struct kreq *req) {
    const struct init_producer_id_request *in = req->in;
    struct init_producer_id_response *out = req->out;
    if (in->transactional_id.ptr) {
        out->error_code = KERR_INVALID_REQUEST; /* there is no field to say why */
        out->producer_epoch = -1;
        diag_info("kafka", "a client asked for transactions (transactional.id %.*s); they are not "
                  "supported", STR_ARG(in->transactional_id));
        kreq_reply(req);
        return;
    }
    int err = log_producer_new(req->server->log, &out->producer_id);
    if (err) {
        out->error_code = KERR_COORDINATOR_NOT_AVAILABLE;
        out->producer_id = -1;
        diag_warn("kafka", "no producer id: %s", err_note());
    }
    kreq_reply(req);
}
