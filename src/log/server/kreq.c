/* kreq.c - requests: from a frame to an answer.
 *
 *   frame -> kreq_frame() -> handler -> kreq_reply() -> flush(): the connection's oldest first
 *                               |
 *                               +-> kreq_submit(), kreq_wait() -> committer thread -> on_append()
 *                                   -> server->done -> loop_post -> then() -> kreq_reply()
 *
 * Invariants: (1) a kreq is on its connection's list from the moment it was decoded until its
 * answer was handed to the socket or the connection is gone; (2) a kconn lives while it is open or
 * its list is not empty; (3) the committer thread touches a kreq's waiting count and its kwait
 * slots, and nothing else. */
#include "log/server/kreq.h"

#include "base/diag.h"
#include "base/err.h"
#include "log/server/kapi.h"

#define FREE_MAX       64          /* kreqs kept for reuse */
#define KEEP_MAX       (16 * MIB)  /* bytes of arenas kept with all of them */
#define GIVE_MIN       (16 * KIB)  /* longer answers are not copied into the socket's buffer */
#define REPLY_BYTE_MAX (KSERVER_REPLY_MAX + 2 * LOG_BATCH_MAX + KMSG_MEM_MAX)

/* ---- life ---- */

static struct kreq *take(struct kserver *server) {
    struct kreq *req = server->free;
    if (req) {
        server->free = req->next;
        server->free_cnt--;
        server->kept -= req->kept;
    } else {
        req = base_calloc(1, sizeof *req);
        arena_init(&req->arena);
        buf_init(&req->reply, REPLY_BYTE_MAX);
        req->server = server;
    }
    req->conn = NULL;
    req->next = req->next_done = NULL;
    req->api = NULL;
    req->in = req->out = req->state = NULL;
    req->done = req->silent = false;
    req->then = NULL;
    req->gone = NULL;
    req->start_us = env_mono_us(server->env);
    atomic_store(&req->waiting, 1);
    return req;
}

static void destroy(struct kreq *req) {
    arena_fini(&req->arena);
    buf_fini(&req->reply);
    base_free(req);
}

static void give_back(struct kreq *req) {
    struct kserver *server = req->server;
    if (server->free_cnt >= FREE_MAX) {
        destroy(req);
        return;
    }
    req->kept = req->arena.used;
    if (server->kept + req->kept > KEEP_MAX) {
        arena_fini(&req->arena);
        req->kept = 0;
    } else {
        arena_reset(&req->arena);
    }
    server->kept += req->kept;
    if (req->reply.cap > 2 * GIVE_MIN) buf_fini(&req->reply);
    else buf_reset(&req->reply);
    req->next = server->free;
    server->free = req;
    server->free_cnt++;
}

void kreq_free_all(struct kserver *server) {
    while (server->free) {
        struct kreq *req = server->free;
        server->free = req->next;
        destroy(req);
    }
    server->free_cnt = 0;
    server->kept = 0;
}

/* ---- answering ---- */

static void resume(void *arg) {
    struct kconn *conn = arg;
    conn->cnt--; /* the hold of flush() */
    conn->paused = conn->resuming = false;
    if (conn->open) conn_pause(conn->conn, false);
    if (!conn->open && conn->cnt == 0) {
        conn_unref(conn->conn);
        base_free(conn);
    }
}

/* A large answer is handed over as it is, not copied once more. */
static void send_reply(struct conn *conn, struct buf *reply) {
    if (reply->len < GIVE_MIN) {
        conn_send(conn, buf_str(reply));
        return;
    }
    conn_send_given(conn, reply->ptr, reply->len);
    buf_init(reply, REPLY_BYTE_MAX);
}

/* Sends what is complete, oldest first. May free the connection's record. */
static void flush(struct kconn *conn) {
    while (conn->first && conn->first->done) {
        struct kreq *req = conn->first;
        conn->first = req->next;
        if (!conn->first) conn->last = NULL;
        conn->cnt--;
        if (conn->open && !req->silent) send_reply(conn->conn, &req->reply);
        kapi_count(req->api, env_mono_us(req->server->env) - req->start_us);
        give_back(req);
    }
    if (conn->paused && !conn->resuming && conn->open && conn->cnt <= KSERVER_PIPELINE_MAX / 2) {
        conn->resuming = true;
        conn->cnt++; /* until resume(): reading again must not begin inside a handler */
        loop_post(conn->server->loop, resume, conn);
    }
    if (!conn->open && conn->cnt == 0) {
        conn_unref(conn->conn);
        base_free(conn);
    }
}

static int encode(struct kreq *req) {
    const struct kmsg_api *api = kmsg_api_of(req->head.api_key);
    int version = req->head.api_version;
    bool flex = version >= api->flex;
    struct buf *out = &req->reply;
    buf_i32(out, 0);
    buf_i32(out, req->head.correlation_id);
    if (flex && api->key != KMSG_API_VERSIONS) buf_uvarint(out, 0);
    int err = kmsg_encode(api->response, version, flex, out, req->out);
    if (!err) buf_set_i32(out, 0, (int32_t)(out->len - 4));
    return err;
}

void kreq_reply(struct kreq *req) {
    assert(!req->done);
    if (req->conn->open && !req->silent) {
        int err = encode(req);
        if (err) {
            diag_warn("kafka", "%s: no answer can be sent, closing: %s",
                      conn_peer(req->conn->conn), err_note());
            kreq_drop(req);
            return;
        }
    }
    req->done = true;
    flush(req->conn);
}

void kreq_drop(struct kreq *req) {
    struct kconn *conn = req->conn;
    req->done = req->silent = true;
    conn->cnt++; /* closing may call kreq_conn_closed(), which would free it under us */
    if (conn->open) conn_close(conn->conn);
    conn->cnt--;
    flush(conn);
}

void kreq_conn_closed(struct kconn *conn) {
    conn->open = false;
    conn->cnt++;
    bool again = true;
    while (again) { /* gone() may end requests and so change the list: begin anew */
        again = false;
        for (struct kreq *req = conn->first; req; req = req->next) {
            if (req->done || !req->gone) continue;
            void (*gone)(struct kreq *) = req->gone;
            req->gone = NULL;
            gone(req);
            again = true;
            break;
        }
    }
    conn->cnt--;
    flush(conn);
}

/* ---- frames ---- */

/* Is this a request we can decode? 1: answer "unknown version". */
static int check_head(const struct kmsg_head *head, size_t len, const struct kapi *api) {
    if (!api)
        return err_fail(ERR_UNSUPPORTED, "request with API key %d, which is not served",
                        head->api_key);
    if (head->api_version < api->first || head->api_version > api->last) {
        if (head->api_key == KMSG_API_VERSIONS) return 1;
        return err_fail(ERR_UNSUPPORTED, "%s v%d: served are v%d to v%d",
                        kmsg_api_of(head->api_key)->name, head->api_version, api->first, api->last);
    }
    if (!api->borrows && len > KSERVER_SMALL_MAX)
        return err_fail(ERR_TOO_BIG, "%s of %zu bytes, over the limit of %zu",
                        kmsg_api_of(head->api_key)->name, len, KSERVER_SMALL_MAX);
    return 0;
}

static int decode(struct kreq *req, struct str frame) {
    struct rbuf in = rbuf_of_str(frame);
    int err = kmsg_head_decode(&in, &req->head);
    if (err) return err;
    const struct kapi *api = kapi_of(req->head.api_key);
    int verdict = check_head(&req->head, frame.len, api);
    if (verdict < 0) return verdict;
    req->api = api;
    if (verdict == 1) return 0;
    const struct kmsg_api *msg = kmsg_api_of(req->head.api_key);
    bool flex = req->head.api_version >= msg->flex;
    req->in = arena_alloc(&req->arena, msg->request->size);
    req->out = arena_alloc(&req->arena, msg->response->size);
    kmsg_init(msg->response, req->out);
    if (!api->borrows) { /* what waits must not point into the socket's buffer */
        struct str rest = {(const char *)in.at, rbuf_left(&in)};
        in = rbuf_of_str(arena_str(&req->arena, rest));
        req->head.client_id = req->head.client_id.ptr
                                  ? arena_str(&req->arena, req->head.client_id)
                                  : STR_NULL;
    }
    return kmsg_decode(msg->request, req->head.api_version, flex, &in, &req->arena, req->in);
}

int kreq_frame(struct kconn *conn, struct str frame) {
    struct kreq *req = take(conn->server);
    int err = decode(req, frame);
    if (err) {
        give_back(req);
        return err;
    }
    req->conn = conn;
    if (conn->last) conn->last->next = req;
    else conn->first = req;
    conn->last = req;
    if (++conn->cnt >= KSERVER_PIPELINE_MAX && !conn->paused) {
        conn->paused = true;
        conn_pause(conn->conn, true);
    }
    if (req->in) req->api->run(req);
    else kapi_versions_unknown(req);
    return 0;
}

/* ---- appends ---- */

static void run_done(struct kserver *server) {
    pthread_mutex_lock(&server->lock);
    struct kreq *req = server->done;
    server->done = server->done_last = NULL;
    server->done_posted = false;
    pthread_mutex_unlock(&server->lock);
    while (req) {
        struct kreq *next = req->next_done;
        req->next_done = NULL;
        req->then(req);
        req = next;
    }
}

static void on_done_posted(void *arg) {
    run_done(arg);
}

/* Committer thread, or the loop's inside log_submit(). The count of appends falls last: after that
 * the server may be gone. */
static void on_append(void *arg, int err, int64_t base_offset) {
    struct kwait *wait = arg;
    struct kreq *req = wait->req;
    struct kserver *server = req->server;
    wait->err = err;
    if (err && !wait->note.ptr) wait->note = str_of(err_text(err));
    wait->base_offset = base_offset;
    if (atomic_fetch_sub(&req->waiting, 1) == 1) {
        pthread_mutex_lock(&server->lock);
        if (server->done_last) server->done_last->next_done = req;
        else server->done = req;
        server->done_last = req;
        bool post = !server->done_posted;
        server->done_posted = true;
        pthread_mutex_unlock(&server->lock);
        if (post) loop_post(server->loop, on_done_posted, server);
    }
    atomic_fetch_sub(&server->appends, 1);
}

struct kwait *kreq_submit(struct kreq *req, struct str topic, int32_t part, struct str batch) {
    struct kserver *server = req->server;
    struct kwait *wait = arena_new(&req->arena, struct kwait);
    wait->req = req;
    wait->base_offset = -1;
    atomic_fetch_add(&req->waiting, 1);
    atomic_fetch_add(&server->appends, 1);
    int err = log_submit(server->log, topic, part, batch, on_append, wait);
    if (err) { /* the handler's own hold keeps this from being the last */
        wait->note = arena_printf(&req->arena, "%s", err_note());
        on_append(wait, err, -1);
    }
    return wait;
}

void kreq_wait(struct kreq *req, void (*then)(struct kreq *req)) {
    req->then = then;
    if (atomic_fetch_sub(&req->waiting, 1) == 1) then(req);
}

static void on_append_only(void *arg, int err, int64_t base_offset UNUSED) {
    struct kserver *server = arg;
    if (err)
        diag_warn("kafka", "a group's state could not be written: %s", err_text(err));
    atomic_fetch_sub(&server->appends, 1);
}

void kreq_submit_only(struct kserver *server, struct str topic, int32_t part, struct str batch) {
    atomic_fetch_add(&server->appends, 1);
    int err = log_submit(server->log, topic, part, batch, on_append_only, server);
    if (err) on_append_only(server, err, -1);
}

void kreq_drain(struct kserver *server) {
    while (atomic_load(&server->appends) > 0)
        env_sleep_us(server->env, 200);
    run_done(server);
}
