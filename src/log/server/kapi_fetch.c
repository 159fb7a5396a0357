/* kapi_fetch.c - Fetch: whole batches from many partitions, waiting for them if need be.
 *
 * A fetch that finds fewer than min_bytes is parked until the log moved far enough or max_wait_ms
 * is over. How far is estimated without reading: what was there at the first look, plus the growth
 * of its partitions' sizes since. Then everything is read once, for the answer.
 *
 * Fetch sessions are not kept: the session id is always 0, which tells clients to send every
 * partition with every fetch.
 *
 * Limits: KSERVER_REPLY_MAX bytes an answer and one batch more; max_wait_ms WAIT_MS_MAX. */
#include "log/server/kapi.h"

#include "base/diag.h"
#include "base/err.h"
#include "log/server/kerr.h"

#define WAIT_MS_MAX (10 * 60 * 1000)

struct part { /* what a fetch knows of a partition */
    const struct fetch_request_partition *in;
    struct str topic; /* name; len 0: unknown */
    int16_t code;     /* found at the first look */
    struct log_span span;
};
struct fetch {
    struct kreq *req;
    struct fetch *prev, *next; /* parked */
    struct loop_timer *timer;
    struct part *part;
    size_t part_cnt;
    int64_t bytes_then; /* sum of the partitions' sizes when `found` bytes were there */
    int64_t found;
};
struct kfetches {
    struct fetch *first; /* parked */
};

void kapi_fetch_open(struct kserver *server) {
    server->fetches = base_calloc(1, sizeof *server->fetches);
}

void kapi_fetch_close(struct kserver *server) {
    assert(!server->fetches || !server->fetches->first);
    base_free(server->fetches);
    server->fetches = NULL;
}

/* ---- the first look ---- */

static int16_t check_part(struct kserver *server, const struct log_topic *topic,
                          struct part *part) {
    const struct fetch_request_partition *in = part->in;
    if (in->partition < 0 || in->partition >= topic->part_cnt)
        return KERR_UNKNOWN_TOPIC_OR_PARTITION;
    if (in->current_leader_epoch > 0) return KERR_UNKNOWN_LEADER_EPOCH;
    int err = log_span(server->log, topic->name, in->partition, &part->span);
    if (err) return err_kafka(err);
    if (in->fetch_offset < part->span.start || in->fetch_offset > part->span.end)
        return KERR_OFFSET_OUT_OF_RANGE;
    return KERR_NONE;
}

static struct fetch *look(struct kreq *req) {
    const struct fetch_request *in = req->in;
    struct fetch *fetch = arena_new(&req->arena, struct fetch);
    fetch->req = req;
    for (size_t t = 0; t < in->topics_cnt; t++)
        fetch->part_cnt += in->topics[t].partitions_cnt;
    fetch->part = arena_array(&req->arena, struct part, MAX(fetch->part_cnt, 1));
    struct part *part = fetch->part;
    for (size_t t = 0; t < in->topics_cnt; t++) {
        const struct fetch_request_topic *from = &in->topics[t];
        struct log_topic topic;
        int16_t code =
            ktopics_get(req->server, from->topic, &from->topic_id, &req->arena, &topic);
        if (code == KERR_INVALID_TOPIC_EXCEPTION)
            code = req->head.api_version >= 13 ? KERR_UNKNOWN_TOPIC_ID
                                               : KERR_UNKNOWN_TOPIC_OR_PARTITION;
        for (size_t i = 0; i < from->partitions_cnt; i++, part++) {
            part->in = &from->partitions[i];
            part->code = code;
            if (!code) part->code = check_part(req->server, &topic, part);
            if (!code) part->topic = topic.name;
        }
    }
    return fetch;
}

/* ---- the answer ---- */

struct budget {
    size_t left;
    bool any; /* something was read: from now on the limit holds */
};

static void read_part(struct fetch *fetch, struct part *part, struct budget *budget,
                      struct fetch_response_partition *out) {
    struct kserver *server = fetch->req->server;
    const struct fetch_request *in = fetch->req->in;
    out->partition_index = part->in->partition;
    out->high_watermark = -1;
    out->records = STR("");
    if (part->topic.len && !part->code)
        if (log_span(server->log, part->topic, part->in->partition, &part->span))
            part->code = KERR_UNKNOWN_TOPIC_OR_PARTITION;
    out->error_code = part->code;
    if (part->code && part->code != KERR_OFFSET_OUT_OF_RANGE) return;
    if (!part->code || part->code == KERR_OFFSET_OUT_OF_RANGE) {
        out->high_watermark = out->last_stable_offset = part->span.end;
        out->log_start_offset = part->span.start;
    }
    if (in->isolation_level == 1)
        out->aborted_transactions = KMSG_ARRAY(&fetch->req->arena, fetch_response_aborted, 0);
    if (part->code || (budget->any && budget->left == 0)) return;
    size_t max = (size_t)MAX(part->in->partition_max_bytes, 0);
    int err = log_read(server->log, part->topic, part->in->partition, part->in->fetch_offset,
                       MIN(max, budget->left), &fetch->req->arena, &out->records);
    if (err) {
        out->records = STR("");
        out->error_code = err_kafka(err);
        return;
    }
    if (!out->records.ptr) out->records = STR("");
    budget->any |= out->records.len > 0;
    budget->left -= MIN(budget->left, out->records.len);
}

static void answer(struct fetch *fetch) {
    struct kreq *req = fetch->req;
    const struct fetch_request *in = req->in;
    struct fetch_response *out = req->out;
    struct budget budget = {MIN((size_t)MAX(in->max_bytes, 0), KSERVER_REPLY_MAX), false};
    struct part *part = fetch->part;
    out->responses = KMSG_ARRAY(&req->arena, fetch_response_topic, in->topics_cnt);
    out->responses_cnt = in->topics_cnt;
    for (size_t t = 0; t < in->topics_cnt; t++) {
        const struct fetch_request_topic *from = &in->topics[t];
        struct fetch_response_topic *to = &out->responses[t];
        to->topic = from->topic;
        to->topic_id = from->topic_id;
        to->partitions_cnt = from->partitions_cnt;
        to->partitions =
            KMSG_ARRAY(&req->arena, fetch_response_partition, from->partitions_cnt);
        for (size_t i = 0; i < from->partitions_cnt; i++)
            read_part(fetch, part++, &budget, &to->partitions[i]);
    }
    kreq_reply(req);
}

/* ---- waiting ---- */

static void unpark(struct fetch *fetch) {
    struct kfetches *all = fetch->req->server->fetches;
    if (fetch->prev) fetch->prev->next = fetch->next;
    else all->first = fetch->next;
    if (fetch->next) fetch->next->prev = fetch->prev;
    fetch->prev = fetch->next = NULL;
    if (fetch->timer) loop_timer_free(fetch->timer);
    fetch->timer = NULL;
    fetch->req->gone = NULL;
}

static void on_time(void *arg) {
    struct fetch *fetch = arg;
    fetch->timer = NULL; /* freed as it fired */
    unpark(fetch);
    answer(fetch);
}

static void on_gone(struct kreq *req) {
    struct fetch *fetch = req->state;
    unpark(fetch);
    kreq_reply(req);
}

static void park(struct fetch *fetch, int64_t wait_ms) {
    struct kreq *req = fetch->req;
    struct kfetches *all = req->server->fetches;
    fetch->next = all->first;
    if (all->first) all->first->prev = fetch;
    all->first = fetch;
    req->state = fetch;
    req->gone = on_gone;
    fetch->timer = loop_after(req->server->loop, wait_ms * 1000, on_time, fetch);
}

/* Bytes that a read would find now, at least; -1: something is to be told at once. */
static int64_t available(struct fetch *fetch) {
    struct kserver *server = fetch->req->server;
    int64_t size = 0;
    bool any = false;
    for (size_t i = 0; i < fetch->part_cnt; i++) {
        struct part *part = &fetch->part[i];
        if (part->code) return -1;
        struct log_span now;
        if (log_span(server->log, part->topic, part->in->partition, &now)) return -1;
        if (now.start > part->in->fetch_offset) return -1;
        any |= now.end > part->in->fetch_offset;
        size += now.bytes;
    }
    int64_t grown = fetch->found + MAX(size - fetch->bytes_then, 0);
    return any ? MAX(grown, 1) : 0;
}

/* Sets found and bytes_then. Reading up to min_bytes is needed only when there is something. */
static void measure(struct fetch *fetch) {
    const struct fetch_request *in = fetch->req->in;
    struct kserver *server = fetch->req->server;
    struct arena arena = ARENA_INIT;
    for (size_t i = 0; i < fetch->part_cnt; i++) {
        struct part *part = &fetch->part[i];
        fetch->bytes_then += part->span.bytes;
        if (part->code || part->span.end <= part->in->fetch_offset) continue;
        if (in->min_bytes <= 1 || fetch->found >= in->min_bytes) {
            fetch->found = MAX(fetch->found, 1);
            continue;
        }
        struct str bytes;
        size_t max = (size_t)MIN(MAX(part->in->partition_max_bytes, 0), in->min_bytes);
        if (!log_read(server->log, part->topic, part->in->partition, part->in->fetch_offset, max,
                      &arena, &bytes))
            fetch->found += (int64_t)bytes.len;
        arena_reset(&arena);
    }
    arena_fini(&arena);
}

static bool satisfied(struct fetch *fetch) {
    const struct fetch_request *in = fetch->req->in;
    int64_t bytes = available(fetch);
    /* An answer never holds more than KSERVER_REPLY_MAX: wait for no more than that. */
    return bytes < 0 || (bytes > 0 && bytes >= MIN(in->min_bytes, (int64_t)KSERVER_REPLY_MAX / 2));
}

void kapi_fetch_moved(struct kserver *server) {
    struct fetch *next;
    for (struct fetch *fetch = server->fetches->first; fetch; fetch = next) {
        next = fetch->next;
        if (!satisfied(fetch)) continue;
        unpark(fetch);
        answer(fetch);
    }
}

void kapi_fetch_run(struct kreq *req) {
    const struct fetch_request *in = req->in;
    struct fetch_response *out = req->out;
    if (in->session_id != 0 && in->session_epoch > 0) {
        out->error_code = KERR_FETCH_SESSION_ID_NOT_FOUND;
        kreq_reply(req);
        return;
    }
    struct fetch *fetch = look(req);
    int64_t wait_ms = MIN(in->max_wait_ms, WAIT_MS_MAX);
    measure(fetch);
    if (wait_ms <= 0 || in->min_bytes <= 0 || fetch->part_cnt == 0 || satisfied(fetch))
        answer(fetch);
    else park(fetch, wait_ms);
}
