/* cass_conn.c - the life of a connection: dialled, greeted, open, gone.
 *
 *   DIALLING --connected--> GREETING (STARTUP sent) --READY--------------------> OPEN
 *                               |--AUTHENTICATE--> LOGIN --AUTH_SUCCESS----------^
 *                               '--ERROR 0x000A, version 5--> gone, downgrade
 *
 * Version 5 turns to segments with READY or AUTHENTICATE. What is sent in one turn is gathered in
 * `out` and goes to the socket at once.
 * Invariants: (1) a stream number is in `free`, or in `wait` with its request, or orphaned; (2)
 * after on_gone nothing is called any more. */
#include "store/cassandra/cass_conn.h"

#include "base/diag.h"
#include "base/err.h"
#include "store/cassandra/cass_fail.h"
#include "wire/cql/cqlask.h"
#include "wire/cql/cqlframe.h"
#include "wire/cql/cqlreply.h"
#include "wire/cql/cqlsegment.h"

#include <stdio.h>

#define OUT_MAX      (1 * GIB)
#define FLUSH_BYTES  (256 * KIB)
#define TICK_US      250000
#define BEAT_US      15000000 /* silence after which a sign of life is asked for */
#define BEAT_WAIT_US 10000000
#define ORPHAN_MAX   64
#define EVENT_STREAM (-1)

enum state { DIALLING, GREETING, LOGIN, OPEN, GONE };

struct wait {
    struct cass_req *req; /* NULL: free or orphaned */
    int64_t until_us;
    bool orphan;
};
struct cass_conn {
    struct cass_conn_conf conf;
    struct conn_conf plain, segment;
    struct conn *conn;
    enum state state;
    bool downgrade;
    struct wait wait[CASS_CONN_STREAM_MAX];
    int16_t free[CASS_CONN_STREAM_MAX];
    size_t free_cnt, orphan_cnt, most;
    struct buf out;     /* envelopes not given to the socket yet */
    struct buf wire;    /* the same in segments */
    struct buf part;    /* of an envelope that comes in several segments */
    struct arena arena; /* of one frame */
    struct loop_timer *tick;
    struct cass_req beat;
    bool beating;
    int64_t heard_us;
    int err;
    char why[512];
};

static int64_t now_us(const struct cass_conn *conn) {
    return env_mono_us(loop_env(conn->conf.loop));
}

static int fail(struct cass_conn *conn, int err, const char *why) {
    if (!conn->err) {
        conn->err = err;
        snprintf(conn->why, sizeof conn->why, "%s", why);
    }
    return err;
}

/* ---- sending --------------------------------------------------------------------------------- */

static bool segmented(const struct cass_conn *conn) {
    return conn->conf.version >= 5 && conn->state > GREETING;
}

void cass_conn_flush(struct cass_conn *conn) {
    if (!conn->out.len) return;
    if (segmented(conn)) {
        buf_reset(&conn->wire);
        cqlsegment_encode(&conn->wire, buf_str(&conn->out), conn->conf.url->zip);
        conn_send(conn->conn, buf_str(&conn->wire));
    } else {
        conn_send(conn->conn, buf_str(&conn->out));
    }
    buf_reset(&conn->out);
}

/* Version 5 wants whole envelopes in a segment, or one alone in several. */
static void gather(struct cass_conn *conn, struct str frame, int16_t stream) {
    bool v5 = segmented(conn);
    if (v5 && conn->out.len + frame.len > CQLSEGMENT_PAYLOAD_MAX) cass_conn_flush(conn);
    size_t pos = conn->out.len;
    if (conn->conf.url->zip && !v5 && conn->state == OPEN) {
        struct cqlframe head;
        CHECK(cqlframe_decode(frame, &head) == 0);
        pos = cqlframe_begin(&conn->out, &head);
        buf_puts(&conn->out, head.body);
        cqlframe_end(&conn->out, pos, CQLFRAME_LZ4);
    } else {
        buf_puts(&conn->out, frame);
    }
    CHECK(!conn->out.full);
    conn->out.ptr[pos + 2] = (char)(stream >> 8);
    conn->out.ptr[pos + 3] = (char)stream;
    if (conn->out.len >= FLUSH_BYTES || (v5 && frame.len > CQLSEGMENT_PAYLOAD_MAX))
        cass_conn_flush(conn);
}

void cass_conn_send(struct cass_conn *conn, struct cass_req *req) {
    assert(conn->state == OPEN && conn->free_cnt > 0);
    int16_t stream = conn->free[--conn->free_cnt];
    struct wait *wait = &conn->wait[stream];
    assert(!wait->req && !wait->orphan);
    wait->req = req;
    wait->until_us =
        now_us(conn) + (req->timeout_us ? req->timeout_us : conn->conf.url->timeout_us);
    gather(conn, req->frame, stream);
}

/* A message of the handshake: nothing else is under way, so any stream number will do. */
static void say(struct cass_conn *conn, enum cqlframe_op opcode, const struct buf *body) {
    struct cqlframe head = {.version = conn->conf.version, .opcode = opcode};
    struct buf frame;
    buf_init(&frame, MIB);
    size_t pos = cqlframe_begin(&frame, &head);
    buf_puts(&frame, buf_str(body));
    cqlframe_end(&frame, pos, CQLFRAME_PLAIN);
    gather(conn, buf_str(&frame), 0);
    cass_conn_flush(conn);
    buf_fini(&frame);
}

static void say_startup(struct cass_conn *conn) {
    const struct cqlmsg_pair pair[] = {{STR("CQL_VERSION"), STR("3.0.0")},
                                       {STR("DRIVER_NAME"), STR("sluice")},
                                       {STR("DRIVER_VERSION"), STR(SLUICE_VERSION)},
                                       {STR("COMPRESSION"), STR("lz4")}};
    struct buf body;
    buf_init(&body, MIB);
    cqlask_startup(&body, pair, ARRAY_LEN(pair) - !conn->conf.url->zip);
    conn->state = GREETING;
    say(conn, CQLFRAME_STARTUP, &body);
    buf_fini(&body);
}

/* SASL PLAIN: nobody, user, password, a NUL before each of the latter. */
static int say_login(struct cass_conn *conn, struct str authenticator) {
    const struct cass_url *url = conn->conf.url;
    struct buf token, body;
    if (!url->user.ptr)
        return err_fail(ERR_AUTH, "the node asks for a login (%.*s): put user:password@ before the "
                        "first node", STR_ARG(authenticator));
    buf_init(&token, MIB);
    buf_init(&body, MIB);
    buf_putc(&token, 0);
    buf_puts(&token, url->user);
    buf_putc(&token, 0);
    buf_puts(&token, url->password);
    cqlask_auth(&body, buf_str(&token));
    say(conn, CQLFRAME_AUTH_RESPONSE, &body);
    buf_fini(&token);
    buf_fini(&body);
    return 0;
}

/* ---- greeting -------------------------------------------------------------------------------- */

static void opened(struct cass_conn *conn) {
    conn->state = OPEN;
    conn->conf.on_open(conn->conf.self, conn);
}

static int greeted(struct cass_conn *conn, const struct cass_answer *answer) {
    struct str text = STR_NULL;
    int err = 0;
    switch (answer->opcode) {
    case CQLFRAME_READY:
    case CQLFRAME_AUTHENTICATE:
        if (answer->opcode == CQLFRAME_AUTHENTICATE)
            err = cqlreply_authenticate(answer->body, &text);
        if (conn->conf.version >= 5) conn_reframe(conn->conn, &conn->segment);
        conn->state = LOGIN;
        if (!err && answer->opcode == CQLFRAME_AUTHENTICATE) return say_login(conn, text);
        if (!err) opened(conn);
        return err;
    case CQLFRAME_AUTH_SUCCESS: opened(conn); return 0;
    case CQLFRAME_AUTH_CHALLENGE:
        return err_fail(ERR_AUTH, "the node asks for another login than user and password");
    case CQLFRAME_ERROR: err = cass_fail_of(answer->body); break;
    default: err = err_fail(ERR_CORRUPT, "opcode %u in a handshake", answer->opcode); break;
    }
    conn->downgrade = conn->state == GREETING && conn->conf.version > 4 && err == ERR_UNSUPPORTED;
    return err;
}

/* ---- receiving ------------------------------------------------------------------------------- */

static int answered(struct cass_conn *conn, int16_t stream, const struct cass_answer *answer) {
    if (stream < 0 || (size_t)stream >= conn->most)
        return err_fail(ERR_CORRUPT, "an answer to stream %d, which was never used", stream);
    struct wait *wait = &conn->wait[stream];
    struct cass_req *req = wait->req;
    if (!req && !wait->orphan)
        return err_fail(ERR_CORRUPT, "an answer to stream %d, which asks nothing", stream);
    conn->orphan_cnt -= wait->orphan;
    *wait = (struct wait){0};
    conn->free[conn->free_cnt++] = stream;
    if (req) req->done(req, 0, answer);
    return 0;
}

static int take_frame(struct cass_conn *conn, struct str bytes) {
    struct cqlframe frame;
    struct str warning;
    int err = cqlframe_decode(bytes, &frame);
    if (!err && !frame.answer) err = err_fail(ERR_CORRUPT, "a request from a server");
    if (!err && frame.flags & CQLFRAME_COMPRESSED)
        err = cqlframe_unzip(CQLFRAME_LZ4, frame.body, CASS_CONN_FRAME_MAX, &conn->arena,
                             &frame.body);
    if (!err) err = cqlreply_open(frame.flags, &frame.body, &warning);
    if (err) return err;
    if (warning.ptr) diag_warn("store", "%s: %.*s", cass_conn_peer(conn), STR_ARG(warning));
    struct cass_answer answer = {frame.version, frame.opcode, frame.body};
    if (conn->state < OPEN) return greeted(conn, &answer);
    if (frame.stream != EVENT_STREAM) return answered(conn, frame.stream, &answer);
    if (frame.opcode == CQLFRAME_EVENT && conn->conf.on_event)
        conn->conf.on_event(conn->conf.self, conn, frame.body);
    return 0;
}

static int on_frame(void *self, struct conn *under, struct str frame) {
    struct cass_conn *conn = self;
    (void)under;
    conn->heard_us = now_us(conn);
    int err = take_frame(conn, frame);
    arena_reset(&conn->arena);
    return err ? fail(conn, err, err_note()) : 0;
}

/* Whole envelopes, one after the other. */
static int take_whole(struct cass_conn *conn, struct str bytes) {
    int err = 0;
    while (!err && bytes.len) {
        size_t len = bytes.len >= CQLFRAME_HEAD_LEN
                         ? cqlframe_len((const unsigned char *)bytes.ptr) : SIZE_MAX;
        if (len > bytes.len) return err_fail(ERR_CORRUPT, "an envelope cut short in its segment");
        err = take_frame(conn, (struct str){bytes.ptr, len});
        bytes.ptr += len;
        bytes.len -= len;
    }
    return err;
}

static int take_part(struct cass_conn *conn, struct str bytes) {
    buf_puts(&conn->part, bytes);
    if (conn->part.full) return err_fail(ERR_TOO_BIG, "an answer over %zu bytes", conn->part.max);
    struct str all = buf_str(&conn->part);
    if (all.len < CQLFRAME_HEAD_LEN) return 0;
    size_t len = cqlframe_len((const unsigned char *)all.ptr);
    if (len > CASS_CONN_FRAME_MAX)
        return err_fail(ERR_TOO_BIG, "an answer of %zu bytes, over the limit of %zu", len,
                        CASS_CONN_FRAME_MAX);
    if (all.len < len) return 0;
    int err = take_whole(conn, all);
    buf_reset(&conn->part);
    return err;
}

static int on_segment(void *self, struct conn *under, struct str bytes) {
    struct cass_conn *conn = self;
    struct cqlsegment segment;
    struct arena arena = ARENA_INIT;
    (void)under;
    conn->heard_us = now_us(conn);
    int err = cqlsegment_decode(bytes, conn->conf.url->zip, &arena, &segment);
    if (!err && segment.whole) err = take_whole(conn, segment.payload);
    else if (!err) err = take_part(conn, segment.payload);
    arena_fini(&arena);
    arena_reset(&conn->arena);
    return err ? fail(conn, err, err_note()) : 0;
}

/* ---- time and end ---------------------------------------------------------------------------- */

static void beat_done(struct cass_req *req, int err, const struct cass_answer *answer) {
    struct cass_conn *conn =
        (struct cass_conn *)(void *)((char *)req - offsetof(struct cass_conn, beat));
    (void)err;
    (void)answer;
    conn->beating = false;
}

static void beat(struct cass_conn *conn) {
    if (conn->beating || !conn->free_cnt) return;
    struct cqlframe head = {.version = conn->conf.version, .opcode = CQLFRAME_OPTIONS};
    struct buf frame;
    buf_init(&frame, KIB);
    cqlframe_end(&frame, cqlframe_begin(&frame, &head), CQLFRAME_PLAIN);
    conn->beating = true;
    conn->beat = (struct cass_req){.frame = buf_str(&frame), .done = beat_done};
    cass_conn_send(conn, &conn->beat);
    cass_conn_flush(conn);
    conn->beat.frame = STR_NULL;
    buf_fini(&frame);
}

static void on_tick(void *arg) {
    struct cass_conn *conn = arg;
    int64_t now = now_us(conn), silent = now - conn->heard_us;
    if ((conn->state == GREETING || conn->state == LOGIN) && silent > conn->conf.url->timeout_us) {
        fail(conn, ERR_TIMEOUT, "the node does not answer the greeting");
        conn_close(conn->conn);
    }
    if (conn->state != OPEN) return;
    for (size_t i = 0; i < conn->most; i++) {
        struct wait *wait = &conn->wait[i];
        struct cass_req *req = wait->req;
        if (!req || wait->until_us > now) continue;
        wait->req = NULL;
        wait->orphan = true;
        conn->orphan_cnt++;
        err_fail(ERR_TIMEOUT, "%s has not answered in %" PRId64 " ms", cass_conn_peer(conn),
                 conn->conf.url->timeout_us / 1000);
        req->done(req, ERR_TIMEOUT, NULL);
    }
    if (conn->orphan_cnt > ORPHAN_MAX || silent > BEAT_US + BEAT_WAIT_US) {
        fail(conn, ERR_TIMEOUT, "the node answers no more");
        conn_close(conn->conn);
    } else if (silent > BEAT_US) {
        beat(conn);
    }
}

static void fail_all(struct cass_conn *conn, int err) {
    for (size_t i = 0; i < conn->most; i++) {
        struct cass_req *req = conn->wait[i].req;
        conn->wait[i] = (struct wait){0};
        if (!req) continue;
        err_fail(err, "%s: %s", cass_conn_peer(conn), conn->why);
        req->done(req, err, NULL);
    }
}

static void on_gone(void *self, struct conn *under) {
    struct cass_conn *conn = self;
    if (conn->state == GONE) return;
    bool refused = strncmp(conn_why(under), "TLS:", 4) == 0; /* waiting does not cure it */
    fail(conn, refused ? ERR_CONFIG : ERR_NET, *conn_why(under) ? conn_why(under) : "closed");
    conn->state = GONE;
    fail_all(conn, err_retry(conn->err) ? conn->err : ERR_NET);
    conn->conf.on_gone(conn->conf.self, conn, conn->err);
}

static int on_up(void *self, struct conn *under) {
    struct cass_conn *conn = self;
    conn->conn = under;
    conn->heard_us = now_us(conn);
    say_startup(conn);
    return 0;
}

/* ---- the rest -------------------------------------------------------------------------------- */

int cass_conn_open(struct cass_conn **out, const struct cass_conn_conf *conf) {
    struct cass_conn *conn = base_calloc(1, sizeof *conn);
    bool zip = conf->url->zip;
    conn->conf = *conf;
    conn->most = (size_t)conf->url->inflight;
    for (size_t i = 0; i < conn->most; i++)
        conn->free[conn->free_cnt++] = (int16_t)(conn->most - 1 - i);
    conn->plain = (struct conn_conf){
        .head_len = CQLFRAME_HEAD_LEN, .frame_max = CASS_CONN_FRAME_MAX, .frame_len = cqlframe_len,
        .on_open = on_up, .on_frame = on_frame, .on_close = on_gone, .self = conn};
    conn->segment = conn->plain;
    conn->segment.head_len = zip ? CQLSEGMENT_HEAD_ZIP_LEN : CQLSEGMENT_HEAD_LEN;
    conn->segment.frame_max = CQLSEGMENT_LEN_MAX;
    conn->segment.frame_len = zip ? cqlsegment_len_zip : cqlsegment_len;
    conn->segment.on_frame = on_segment;
    buf_init(&conn->out, OUT_MAX);
    buf_init(&conn->wire, OUT_MAX);
    buf_init(&conn->part, CASS_CONN_FRAME_MAX);
    conn->tick = loop_every(conf->loop, TICK_US, on_tick, conn);
    *out = conn;
    struct conn_dial dial = {.addr = conf->addr, .port = conf->port, .tls = conf->tls,
                             .name = conf->name, .timeout_ms = conf->url->timeout_us / 1000};
    int err = conn_dial(&conn->conn, conf->loop, &conn->plain, &dial);
    if (err) cass_conn_close(conn);
    return err;
}

void cass_conn_close(struct cass_conn *conn) {
    if (!conn) return;
    loop_timer_free(conn->tick);
    if (conn->state != GONE) {
        fail(conn, ERR_STOPPED, "closed by this side");
        conn->state = GONE;
        fail_all(conn, ERR_STOPPED);
    }
    if (conn->conn) {
        conn_abort(conn->conn);
        conn_unref(conn->conn);
    }
    buf_fini(&conn->out);
    buf_fini(&conn->wire);
    buf_fini(&conn->part);
    arena_fini(&conn->arena);
    base_free(conn);
}

bool cass_conn_ready(const struct cass_conn *conn) {
    return conn && conn->state == OPEN && conn_is_open(conn->conn);
}

size_t cass_conn_room(const struct cass_conn *conn) {
    return cass_conn_ready(conn) ? conn->free_cnt : 0;
}

size_t cass_conn_running(const struct cass_conn *conn) {
    return conn->most - conn->free_cnt;
}

bool cass_conn_downgrade(const struct cass_conn *conn) {
    return conn->downgrade;
}

const char *cass_conn_why(const struct cass_conn *conn) {
    return conn->why;
}

const char *cass_conn_peer(const struct cass_conn *conn) {
    return conn->conn ? conn_peer(conn->conn) : conn->conf.addr;
}
