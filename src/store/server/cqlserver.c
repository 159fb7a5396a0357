/* cqlserver.c - connections: the handshake, requests to the workers and back, events.
 *
 * What a connection may send, by state: first OPTIONS and one STARTUP, which names the
 * compression; then statements and REGISTER. The version of its first frame stays. A frame that
 * cannot be trusted (version, direction, length) is answered and the connection closed; a body that
 * cannot is answered.
 *
 * Invariants: (1) all but cqlhandle_run() happens on the loop's thread; (2) a client lives until
 * its connection is closed and its last request came back; (3) `running` and `running_bytes` are
 * those of requests given to the pool, or parked, and not yet answered. */
#include "store/server/cqlserver.h"

#include "base/diag.h"
#include "base/err.h"
#include "base/metric.h"
#include "net/server.h"
#include "store/server/cqlhandle.h"
#include "store/server/cqlpool.h"
#include "store/server/cqlsys.h"
#include "store/server/cqlwatch.h"
#include "wire/cql/cqlanswer.h"
#include "wire/cql/cqlmsg.h"

#include <stdatomic.h>
#include <stdio.h>

#define WATCH_US       1000000
#define PARK_US        20000
#define GIVE_LEN       (16 * KIB)
#define SMALL_ANSWER   (64 * KIB)
#define ANSWER_BIT     0x80
#define OLD_HEAD_LEN   8 /* of versions 1 and 2, which had streams of one byte */

struct client {
    struct cqlserver *server;
    struct conn *conn; /* referenced */
    struct client *prev, *next;
    uint8_t version; /* 0: no frame yet */
    bool started, closed, paused;
    enum cqlframe_zip zip;
    unsigned events; /* enum cqlmsg_event bits */
    size_t running;
    atomic_bool clogged; /* it does not read its answers: no more are made, requests are parked */
    atomic_size_t made;  /* bytes of answers that were made and are not yet given to `conn` */
    struct cqlpool_job *parked;
    struct cqlexec_session session;
};

struct job {
    struct cqlpool_job base;
    struct client *client;
    struct cqlhandle_request request;
    bool parked;
    int64_t start_us;
    size_t len;
    char bytes[]; /* the frame's body */
};

struct cqlserver {
    struct cqlserver_conf conf;
    struct loop *loop;
    struct store *store;
    struct server *net;
    struct cqlpool *pool;
    struct cqlcache *cache;
    struct cqlsys *sys;
    struct cqlexec *exec;
    struct cqlwatch *watch;
    struct loop_timer *timer, *park_timer; /* park_timer: while something is parked */
    struct cqlhandle_env handle;
    struct client *first;
    atomic_size_t client_cnt, running;
    size_t running_bytes, paused_cnt;
    struct metric *requests, *errors, *seconds, *connections;
    bool watch_failed;
};

/* ---- sending ---- */

static void send_error(struct conn *conn, const struct cqlframe *asked, int32_t code,
                       const char *text) {
    struct buf out;
    buf_init(&out, SMALL_ANSWER);
    cqlhandle_error(&out, asked, code, str_of(text));
    conn_send(conn, buf_str(&out));
    buf_fini(&out);
}

static size_t begin(struct buf *out, const struct cqlframe *asked, uint8_t opcode) {
    struct cqlframe head = {.version = asked->version, .answer = true, .stream = asked->stream,
                            .opcode = opcode};
    buf_init(out, SMALL_ANSWER);
    return cqlframe_begin(out, &head);
}

static void send_frame(struct client *client, struct buf *out, size_t pos) {
    cqlframe_end(out, pos, CQLFRAME_PLAIN);
    conn_send(client->conn, buf_str(out));
    buf_fini(out);
}

/* ---- events ---- */

static void broadcast(void *arg, const struct cqlanswer_change *change) {
    struct cqlserver *server = arg;
    for (struct client *client = server->first, *next; client; client = next) {
        next = client->next;
        if (!(client->events & CQLMSG_SCHEMA_CHANGE)) continue;
        struct cqlframe event = {.version = client->version, .stream = -1};
        struct buf out;
        size_t pos = begin(&out, &event, CQLFRAME_EVENT);
        cqlanswer_event(&out, change);
        send_frame(client, &out, pos);
    }
}

static void look_for_changes(void *arg) {
    struct cqlserver *server = arg;
    bool failed = cqlwatch_check(server->watch, broadcast, server) != 0;
    if (failed && !server->watch_failed)
        diag_warn("store", "cannot read the schema to tell drivers of changes: %s", err_note());
    server->watch_failed = failed;
}

/* ---- requests under way ---- */

static bool is_crowded(const struct cqlserver *server) {
    return server->running >= CQLSERVER_QUEUE_MAX ||
           server->running_bytes >= CQLSERVER_QUEUE_BYTE_MAX;
}

/* Not read from while too much is under way: its own, or everybody's. */
static void pause_if_crowded(struct client *client) {
    struct cqlserver *server = client->server;
    if (client->paused || client->closed) return;
    if (client->running < CQLSERVER_RUN_MAX && !is_crowded(server)) return;
    client->paused = true;
    server->paused_cnt++;
    conn_pause(client->conn, true);
}

static struct client *find_resumable(struct cqlserver *server) {
    if (is_crowded(server)) return NULL;
    for (struct client *client = server->first; client; client = client->next)
        if (client->paused && client->running < CQLSERVER_RUN_MAX / 2) return client;
    return NULL;
}

/* Reading again hands over frames at once, which may pause the connection again. */
static void resume_some(struct cqlserver *server) {
    for (size_t n = server->paused_cnt; n > 0; n--) {
        struct client *client = find_resumable(server);
        if (!client) return;
        client->paused = false;
        server->paused_cnt--;
        conn_pause(client->conn, false);
    }
}

static void client_drop_if_done(struct client *client) {
    if (!client->closed || client->running > 0) return;
    conn_unref(client->conn);
    base_free(client);
}

static void job_work(struct cqlpool_job *base, struct arena *scratch) {
    struct job *job = (struct job *)base;
    struct client *client = job->client;
    job->parked = atomic_load(&client->clogged) || atomic_load(&client->made) > CONN_OUT_HIGH;
    if (job->parked) return;
    cqlhandle_run(&job->request, scratch);
    atomic_fetch_add(&client->made, job->request.answer.len);
}

/* Above CONN_OUT_HIGH the connection is not read from either, so what can be parked is bounded. */
static void watch_unsent(struct client *client) {
    bool clogged = conn_unsent(client->conn) > CONN_OUT_HIGH;
    if (clogged != client->clogged) atomic_store(&client->clogged, clogged);
}

/* Parked requests are run once their connection has taken what it got. */
static void unpark(void *arg) {
    struct cqlserver *server = arg;
    bool some = false;
    for (struct client *client = server->first; client; client = client->next) {
        if (!client->parked) continue;
        watch_unsent(client);
        some = some || client->clogged;
        while (client->parked && !client->clogged) {
            struct cqlpool_job *job = client->parked;
            client->parked = job->next;
            cqlpool_submit(server->pool, job);
        }
    }
    if (some) return;
    loop_timer_free(server->park_timer);
    server->park_timer = NULL;
}

static void park(struct job *job) {
    struct cqlserver *server = job->client->server;
    job->base.next = job->client->parked;
    job->client->parked = &job->base;
    if (!server->park_timer)
        server->park_timer = loop_every(server->loop, PARK_US, unpark, server);
}

/* A large answer is given away, a small one is cheaper to copy behind the others. */
static void send_answer(struct client *client, struct buf *answer) {
    if (answer->len < GIVE_LEN) {
        conn_send(client->conn, buf_str(answer));
        return;
    }
    conn_send_given(client->conn, answer->ptr, answer->len);
    *answer = (struct buf){.max = answer->max};
}

static void job_done(struct cqlpool_job *base, bool ran) {
    struct job *job = (struct job *)base;
    struct client *client = job->client;
    struct cqlserver *server = client->server;
    if (ran && job->parked && !client->closed) {
        park(job);
        return;
    }
    client->running--;
    atomic_fetch_sub(&server->running, 1);
    server->running_bytes -= job->len;
    if (ran && !job->parked) {
        if (job->request.failed) metric_add(server->errors, 1);
        metric_observe(server->seconds, env_mono_us(server->conf.env) - job->start_us);
        if (job->request.keyspace_set && !client->closed) client->session = job->request.session;
        atomic_fetch_sub(&client->made, job->request.answer.len);
        if (!client->closed) {
            send_answer(client, &job->request.answer);
            watch_unsent(client);
        }
        buf_fini(&job->request.answer);
        if (job->request.schema_changed) look_for_changes(server);
    }
    base_free(job);
    client_drop_if_done(client);
    if (server->paused_cnt > 0) resume_some(server);
}

static void submit(struct client *client, const struct cqlframe *frame) {
    struct cqlserver *server = client->server;
    struct job *job = base_alloc(sizeof *job + frame->body.len);
    memset(job, 0, sizeof *job);
    job->base.work = job_work;
    job->base.done = job_done;
    job->client = client;
    job->start_us = env_mono_us(server->conf.env);
    job->len = sizeof *job + frame->body.len;
    if (frame->body.len) memcpy(job->bytes, frame->body.ptr, frame->body.len);
    job->request.env = &server->handle;
    job->request.frame = *frame;
    job->request.frame.body.ptr = job->bytes;
    job->request.zip = client->zip;
    job->request.session = client->session;
    client->running++;
    atomic_fetch_add(&server->running, 1);
    server->running_bytes += job->len;
    cqlpool_submit(server->pool, &job->base);
    pause_if_crowded(client);
}

/* ---- the handshake ---- */

/* A small body, decompressed if need be. */
static int small_body(struct client *client, const struct cqlframe *frame, struct arena *arena,
                      struct str *out) {
    *out = frame->body;
    int err = 0;
    if (frame->flags & CQLFRAME_COMPRESSED)
        err = cqlframe_unzip(client->zip, frame->body, SMALL_ANSWER, arena, out);
    if (!err && frame->flags & CQLFRAME_PAYLOAD) err = cqlmsg_payload(out);
    return err;
}

static int startup(struct client *client, const struct cqlframe *frame, struct str body,
                   struct arena *arena) {
    struct cqlmsg_how how = {frame->version, STR_NULL, arena};
    struct cqlmsg_startup message;
    struct buf out;
    enum cqlframe_zip zip = CQLFRAME_PLAIN;
    if (client->started)
        return err_fail(ERR_CORRUPT, "Unexpected STARTUP message: the connection is started");
    int err = cqlmsg_startup(body, &how, &message);
    if (!err && !message.cql_version.ptr)
        err = err_fail(ERR_CORRUPT, "Missing value CQL_VERSION in STARTUP message");
    if (!err && message.compression.len > 0) err = cqlframe_zip_parse(message.compression, &zip);
    if (err) return err;
    client->started = true;
    client->zip = zip;
    size_t pos = begin(&out, frame, CQLFRAME_READY);
    send_frame(client, &out, pos);
    diag_debug("store", "%s: %.*s %.*s, protocol %u", conn_peer(client->conn),
               STR_ARG(message.driver_name), STR_ARG(message.driver_version), frame->version);
    return 0;
}

/* What the loop answers itself. */
static int handshake(struct client *client, const struct cqlframe *frame) {
    struct arena arena = ARENA_INIT;
    struct str body;
    struct buf out;
    int err = small_body(client, frame, &arena, &body);
    if (err) goto out;
    if (frame->opcode == CQLFRAME_STARTUP) {
        err = startup(client, frame, body, &arena);
    } else if (frame->opcode == CQLFRAME_OPTIONS) {
        size_t pos = begin(&out, frame, CQLFRAME_SUPPORTED);
        cqlanswer_supported(&out);
        send_frame(client, &out, pos);
    } else {
        unsigned events;
        err = cqlmsg_register(body, &events);
        if (err) goto out;
        client->events |= events;
        size_t pos = begin(&out, frame, CQLFRAME_READY);
        send_frame(client, &out, pos);
    }
out:
    arena_fini(&arena);
    return err;
}

static int dispatch(struct client *client, const struct cqlframe *frame) {
    const char *name = cqlframe_op_name(frame->opcode);
    if (!name) return err_fail(ERR_CORRUPT, "Unknown opcode %u", frame->opcode);
    switch (frame->opcode) {
    case CQLFRAME_OPTIONS:
    case CQLFRAME_STARTUP: return handshake(client, frame);
    case CQLFRAME_REGISTER:
        if (!client->started) break;
        return handshake(client, frame);
    case CQLFRAME_QUERY:
    case CQLFRAME_PREPARE:
    case CQLFRAME_EXECUTE:
    case CQLFRAME_BATCH:
        if (!client->started) break;
        submit(client, frame);
        return 0;
    default: return err_fail(ERR_CORRUPT, "Unexpected message %s", name);
    }
    return err_fail(ERR_CORRUPT, "Unexpected message %s, expecting STARTUP or OPTIONS", name);
}

/* ---- frames ---- */

static bool is_known(uint8_t version) {
    return version >= CQLFRAME_VERSION_MIN && version <= CQLFRAME_VERSION_MAX;
}

static size_t frame_len(const unsigned char *head) {
    uint8_t version = head[0] & (uint8_t)~ANSWER_BIT;
    if (version >= CQLFRAME_VERSION_MIN) return cqlframe_len(head);
    size_t len = (size_t)head[4] << 24 | (size_t)head[5] << 16 | (size_t)head[6] << 8 | head[7];
    return MAX(OLD_HEAD_LEN + len, (size_t)CQLFRAME_HEAD_LEN);
}

/* The one text that every driver's parser understands, and steps down from. */
static int refuse_version(struct conn *conn, const struct cqlframe *frame) {
    char text[160];
    snprintf(text, sizeof text,
             "Invalid or unsupported protocol version (%u); the lowest supported version is %d "
             "and the greatest is %d", frame->version, CQLFRAME_VERSION_MIN, CQLFRAME_VERSION_MAX);
    send_error(conn, frame, CQLANSWER_PROTOCOL, text);
    conn_close(conn);
    return 0;
}

/* Is it a frame that this connection may send? */
static int check_head(const struct client *client, const struct cqlframe *frame) {
    if (frame->answer)
        return err_fail(ERR_CORRUPT, "Wrong protocol direction: an answer, where a request is "
                                     "expected");
    if (client->version != 0 && client->version != frame->version)
        return err_fail(ERR_CORRUPT, "Invalid message version. Got %u but previous messages on "
                                     "this connection had version %u", frame->version,
                        client->version);
    return 0;
}

static int on_frame(void *self, struct conn *conn, struct str bytes) {
    struct cqlserver *server = self;
    struct client *client = conn_data(conn);
    struct cqlframe frame;
    int err = cqlframe_decode(bytes, &frame);
    if (err) return err;
    metric_add(server->requests, 1);
    if (!is_known(frame.version)) return refuse_version(conn, &frame);
    err = check_head(client, &frame);
    if (err) {
        metric_add(server->errors, 1);
        send_error(conn, &frame, CQLANSWER_PROTOCOL, err_note());
        return err;
    }
    client->version = frame.version;
    err = dispatch(client, &frame);
    if (err) {
        metric_add(server->errors, 1);
        send_error(conn, &frame, CQLANSWER_PROTOCOL, err_note());
    }
    return 0;
}

static void on_too_big(void *self, struct conn *conn, struct str head) {
    struct cqlserver *server = self;
    struct cqlframe frame;
    char text[128];
    if (cqlframe_decode(head, &frame)) return;
    metric_add(server->errors, 1);
    if (!is_known(frame.version)) {
        (void)refuse_version(conn, &frame);
        return;
    }
    snprintf(text, sizeof text,
             "Request is too big: length %zu exceeds maximum allowed length %zu.",
             cqlframe_len((const unsigned char *)head.ptr), server->conf.frame_max);
    send_error(conn, &frame, CQLANSWER_INVALID, text);
}

static int on_open(void *self, struct conn *conn) {
    struct cqlserver *server = self;
    struct client *client = base_calloc(1, sizeof *client);
    client->server = server;
    client->conn = conn_ref(conn);
    client->next = server->first;
    if (server->first) server->first->prev = client;
    server->first = client;
    atomic_fetch_add(&server->client_cnt, 1);
    metric_add(server->connections, 1);
    conn_set_data(conn, client);
    return 0;
}

static void on_close(void *self, struct conn *conn) {
    struct cqlserver *server = self;
    struct client *client = conn_data(conn);
    if (client->prev) client->prev->next = client->next;
    else server->first = client->next;
    if (client->next) client->next->prev = client->prev;
    if (client->paused) server->paused_cnt--;
    client->paused = false;
    client->closed = true;
    for (struct cqlpool_job *job = client->parked, *next; job; job = next) {
        next = job->next;
        client->running++; /* so that the client outlives the last of them */
        job_done(job, false);
        client->running--;
    }
    client->parked = NULL;
    atomic_fetch_sub(&server->client_cnt, 1);
    metric_add(server->connections, -1);
    client_drop_if_done(client);
}

/* ---- open and close ---- */

static void open_metrics(struct cqlserver *server) {
    server->requests = metric_counter("sluice_cql_requests_total", "CQL requests received", "");
    server->errors = metric_counter("sluice_cql_errors_total", "CQL requests that failed", "");
    server->seconds = metric_histogram("sluice_cql_request_seconds",
                                       "From a CQL statement's receipt to its answer", "");
    server->connections = metric_gauge("sluice_cql_connections", "open CQL connections", "");
}

static int open_parts(struct cqlserver *server) {
    const struct cqlserver_conf *conf = &server->conf;
    struct cqlsys_conf sys = {conf->env, server->store, server->cache, conf->broadcast};
    int err = cqlsys_open(&server->sys, &sys);
    if (err) return err;
    struct cqlexec_conf exec = {conf->env, server->store, cqlsys_virtual(server->sys)};
    err = cqlexec_open(&server->exec, &exec);
    if (err) return err;
    server->handle = (struct cqlhandle_env){
        conf->env, server->store, server->exec, server->cache, conf->frame_max,
        CQLSERVER_ANSWER_MAX};
    err = cqlpool_open(&server->pool, server->loop, conf->threads);
    if (err) return err;
    server->watch = cqlwatch_new(server->store);
    return cqlwatch_check(server->watch, broadcast, server);
}

int cqlserver_open(struct cqlserver **out, struct loop *loop, struct store *store,
                   const struct cqlserver_conf *conf) {
    assert(loop && store && conf->env);
    struct cqlserver *server = base_calloc(1, sizeof *server);
    server->loop = loop;
    server->store = store;
    server->conf = *conf;
    if (!server->conf.host) server->conf.host = "127.0.0.1";
    if (!server->conf.broadcast) server->conf.broadcast = server->conf.host;
    if (strcmp(server->conf.broadcast, "0.0.0.0") == 0) server->conf.broadcast = "127.0.0.1";
    if (!server->conf.frame_max) server->conf.frame_max = CQLSERVER_FRAME_MAX;
    if (!server->conf.threads) server->conf.threads = CQLSERVER_THREADS;
    server->cache = cqlcache_new(CQLCACHE_MAX, CQLCACHE_BYTE_MAX);
    open_metrics(server);
    int err = open_parts(server);
    if (err) goto fail;
    struct server_conf net = {
        .host = server->conf.host,
        .port = conf->port,
        .conn = {.head_len = CQLFRAME_HEAD_LEN, .frame_max = server->conf.frame_max,
                 .frame_len = frame_len, .on_open = on_open, .on_frame = on_frame,
                 .on_close = on_close, .on_too_big = on_too_big, .self = server,
                 .idle_ms = CQLSERVER_IDLE_MS},
    };
    err = server_open(&server->net, loop, &net);
    if (err) goto fail;
    cqlsys_set_port(server->sys, server_port(server->net));
    server->timer = loop_every(loop, WATCH_US, look_for_changes, server);
    *out = server;
    return 0;
fail:
    cqlserver_close(server);
    return err;
}

/* Connections first, so that nothing new comes; then what is being run; then what it ran on. */
void cqlserver_close(struct cqlserver *server) {
    if (!server) return;
    loop_timer_free(server->timer);
    loop_timer_free(server->park_timer);
    server->park_timer = NULL;
    server_close(server->net);
    cqlpool_close(server->pool);
    assert(server->running == 0 && !server->first);
    cqlwatch_free(server->watch);
    cqlcache_free(server->cache);
    if (server->exec) cqlexec_close(server->exec);
    cqlsys_close(server->sys);
    base_free(server);
}

uint16_t cqlserver_port(const struct cqlserver *server) {
    return server_port(server->net);
}

void cqlserver_stats(struct cqlserver *server, struct cqlserver_stats *out) {
    *out = (struct cqlserver_stats){
        .connections = atomic_load(&server->client_cnt),
        .running = atomic_load(&server->running),
        .waiting = cqlpool_waiting(server->pool),
        .threads = cqlpool_threads(server->pool),
        .prepared = cqlcache_cnt(server->cache),
        .requests = metric_value(server->requests),
        .errors = metric_value(server->errors),
    };
}

struct cqlexec *cqlserver_exec(struct cqlserver *server) {
    return server->exec;
}
