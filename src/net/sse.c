/* sse.c - an answer that does not end. */
#include "net/sse.h"

#include "net/http_int.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>

struct sse {
    struct http_req *req;
    struct evhttp_connection *conn;
    void (*on_close)(void *arg, struct sse *sse);
    void *arg;
};

static void gone(struct sse *sse) {
    sse->on_close(sse->arg, sse);
    http_done(sse->req);
    base_free(sse);
}

static void on_lost(void *arg) {
    struct sse *sse = arg;
    sse->req->ev = NULL;
    sse->req->link = NULL;
    gone(sse);
}

struct sse *sse_open(struct http_req *req, void (*on_close)(void *arg, struct sse *sse),
                     void *arg) {
    struct sse *sse = base_calloc(1, sizeof *sse);
    *sse = (struct sse){req, NULL, on_close, arg};
    req->answered = true;
    if (!req->ev) return sse; /* gone already: the next send closes it */
    sse->conn = evhttp_request_get_connection(req->ev);
    http_put_headers(req);
    http_set_header(req, "Content-Type", "text/event-stream");
    http_watch(req, on_lost, sse);
    evhttp_connection_set_timeout(sse->conn, 0);
    evhttp_send_reply_start(req->ev, 200, "OK");
    return sse;
}

void sse_send(struct sse *sse, const char *event, struct str data) {
    assert(!data.len || !memchr(data.ptr, '\n', data.len));
    struct bufferevent *bev = sse->conn ? evhttp_connection_get_bufferevent(sse->conn) : NULL;
    if (!bev || evbuffer_get_length(bufferevent_get_output(bev)) > SSE_OUT_MAX) {
        sse_close(sse);
        return;
    }
    struct evbuffer *out = evbuffer_new();
    CHECK(out);
    evbuffer_add_printf(out, "event: %s\ndata: ", event);
    evbuffer_add(out, data.ptr, data.len);
    evbuffer_add(out, "\n\n", 2);
    evhttp_send_reply_chunk(sse->req->ev, out);
    evbuffer_free(out);
}

void sse_close(struct sse *sse) {
    if (sse->conn) {
        http_watch(sse->req, NULL, NULL);
        evhttp_send_reply_end(sse->req->ev);
        sse->req->ev = NULL;
    }
    gone(sse);
}
