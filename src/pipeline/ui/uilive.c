/* uilive.c - the pages' event streams: a snapshot each second, and the records of a followed topic.
 *
 * A page that does not read fast enough misses records, never snapshots; past SSE_OUT_MAX it is
 * dropped and connects again. */
#include "base/err.h"
#include "pipeline/ui/uiapi_int.h"
#include "wire/kafka/recbatch.h"

#define TAIL_BYTES (256 * KIB)
#define TAIL_MAX   12 /* records a look, four looks a second */
#define DATA_MAX   (8 * MIB)

static void closed(void *arg, struct sse *sse UNUSED) {
    struct uistream *stream = arg;
    base_free((void *)(uintptr_t)stream->tail.ptr);
    base_free((void *)(uintptr_t)stream->query.ptr);
    base_free(stream->next);
    *stream = (struct uistream){0};
}

static struct str copy(struct str text) {
    if (!text.ptr) return STR_NULL;
    char *bytes = base_alloc(text.len + 1);
    memcpy(bytes, text.ptr, text.len);
    bytes[text.len] = 0;
    return (struct str){bytes, text.len};
}

/* Follows the topic from its present ends. */
static int start_tail(struct uistream *stream, struct str topic, struct str query,
                      struct arena *arena) {
    struct log *log = pipe_log(stream->api->conf.pipe);
    struct log_topic info;
    int err = log_topic_get(log, topic, arena, &info);
    if (err) return err;
    stream->next = base_calloc((size_t)info.part_cnt, sizeof *stream->next);
    stream->part_cnt = info.part_cnt;
    for (int32_t i = 0; i < info.part_cnt && !err; i++) {
        struct log_span span;
        err = log_span_near(log, topic, i, &span);
        if (!err) stream->next[i] = span.end;
    }
    stream->tail = copy(topic);
    stream->query = copy(query);
    return err;
}

void uilive_get(void *self, struct http_req *req) {
    struct uiapi *api = self;
    struct uistream *stream = NULL;
    struct str topic = http_query(req, "tail");
    for (size_t i = 0; i < UIAPI_SSE_MAX && !stream; i++)
        if (!api->stream[i].api) stream = &api->stream[i];
    if (!stream) {
        http_reply_status(req, 503, "too many pages are open; close some");
        return;
    }
    stream->api = api;
    int err = topic.ptr ? start_tail(stream, topic, http_query(req, "q"), http_arena(req)) : 0;
    if (err) {
        closed(stream, NULL);
        http_reply_err(req, err);
        return;
    }
    struct buf out;
    buf_init(&out, DATA_MAX);
    uisnap_write(api, &out);
    stream->sse = sse_open(req, closed, stream);
    sse_send(stream->sse, "snapshot", buf_str(&out));
    buf_fini(&out);
}

void uilive_send(struct uiapi *api) {
    struct buf out;
    buf_init(&out, DATA_MAX);
    for (size_t i = 0; i < UIAPI_SSE_MAX; i++) {
        if (!api->stream[i].sse) continue;
        if (!out.len) uisnap_write(api, &out);
        sse_send(api->stream[i].sse, "snapshot", buf_str(&out));
    }
    buf_fini(&out);
}

/* New records of one partition; more than `left` are passed over. Returns how many were sent. */
static int tail_part(struct uistream *stream, int32_t part, int left) {
    struct arena arena = ARENA_INIT;
    struct log *log = pipe_log(stream->api->conf.pipe);
    struct log_span span;
    struct recbatch_iter it;
    struct record record;
    struct str bytes;
    struct buf out;
    int sent = 0;
    if (log_span_near(log, stream->tail, part, &span) || span.end <= stream->next[part]) return 0;
    int64_t from = MAX(MAX(stream->next[part], span.end - 200), span.start);
    stream->next[part] = span.end;
    buf_init(&out, DATA_MAX);
    if (!log_read(log, stream->tail, part, from, TAIL_BYTES, &arena, &bytes)) {
        recbatch_walk(&it, bytes, from, &arena);
        while (sent < left && stream->sse && recbatch_next(&it, &record)) {
            if (!uirecord_matches(&record, stream->query)) continue;
            buf_reset(&out);
            uirecord_write(part, &record, &out);
            if (!out.full) sse_send(stream->sse, "record", buf_str(&out));
            sent++;
        }
    }
    buf_fini(&out);
    arena_fini(&arena);
    return sent;
}

void uilive_tail(void *arg) {
    struct uiapi *api = arg;
    for (size_t i = 0; i < UIAPI_SSE_MAX; i++) {
        struct uistream *stream = &api->stream[i];
        int left = TAIL_MAX;
        for (int32_t part = 0; stream->sse && stream->tail.ptr && part < stream->part_cnt; part++)
            left -= tail_part(stream, part, left);
    }
}
