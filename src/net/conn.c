/* conn.c - frames and answers of one connection, on a bufferevent.
 *
 * It is "open" until its socket is gone; after that sending does nothing and the memory lives until
 * the last reference. A peer that does not read its answers is not read from. */
#include "net/conn.h"

#include "base/diag.h"
#include "base/err.h"
#include "net/tlsclient.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>

#define HEAD_MAX    16
#define IDLE_MS_DEF (10 * 60 * 1000)
#define DIAL_MS_DEF (10 * 1000)
#define READ_MAX    MIB         /* taken from a socket in a turn */
#define WRITE_MAX   ((size_t)256 * KIB) /* given to it at a time; libevent's default is 16 KiB */

struct conn {
    const struct conn_conf *conf;
    struct bufferevent *bev; /* NULL: closed */
    void *data;
    unsigned refs;
    bool closing;   /* close when everything is sent */
    bool paused;    /* by the user */
    bool throttled; /* the peer does not read */
    bool dialled;   /* by us: a client always reads, or both sides would wait */
    bool opened;    /* dialled: it stood */
    bool tls;
    void (*on_gone)(void *arg); /* NULL: dialled */
    void *on_gone_arg;
    char peer[64], why[256];
};

static void conn_gone(struct conn *conn) {
    if (!conn->bev) return;
    if (conn->conf->on_close) conn->conf->on_close(conn->conf->self, conn);
    bufferevent_free(conn->bev);
    conn->bev = NULL;
    if (conn->on_gone) conn->on_gone(conn->on_gone_arg);
    conn_unref(conn);
}

static void update_reading(struct conn *conn) {
    if (!conn->bev) return;
    if (conn->paused || conn->throttled || conn->closing) bufferevent_disable(conn->bev, EV_READ);
    else bufferevent_enable(conn->bev, EV_READ);
}

/* Hands over one frame if a whole one is there: 1 yes, 0 not yet, negative: close. */
static int take_frame(struct conn *conn, struct evbuffer *in) {
    const struct conn_conf *conf = conn->conf;
    unsigned char head[HEAD_MAX];
    size_t have = evbuffer_get_length(in);
    if (have < conf->head_len) return 0;
    evbuffer_copyout(in, head, conf->head_len);
    size_t len = conf->frame_len(head);
    if (len < conf->head_len) return err_fail(ERR_CORRUPT, "nonsense frame length");
    if (len > conf->frame_max) {
        if (conf->on_too_big)
            conf->on_too_big(conf->self, conn, (struct str){(char *)head, conf->head_len});
        return err_fail(ERR_TOO_BIG, "frame of %zu bytes, over the limit of %zu", len,
                        conf->frame_max);
    }
    if (have < len) return 0;
    const char *bytes = (const char *)evbuffer_pullup(in, (ev_ssize_t)len);
    if (!bytes) return err_fail(ERR_AGAIN, "no memory for a frame of %zu bytes", len);
    int err = conf->on_frame(conf->self, conn, (struct str){bytes, len});
    if (conn->bev) evbuffer_drain(in, len);
    return err ? err : 1;
}

/* libevent takes 4 KiB from a socket at a time. Here the rest of a frame that has begun is taken:
 * no more room is asked for than has come already, so that a length alone costs no memory. */
static size_t read_more(struct conn *conn) {
    struct evbuffer *in = bufferevent_get_input(conn->bev);
    struct evbuffer_iovec room;
    size_t have = evbuffer_get_length(in), got = 0;
    size_t want = MIN(have, READ_MAX);
    if (conn->tls || have <= conn->conf->head_len || have >= conn->conf->frame_max) return 0;
    evbuffer_unfreeze(in, 0);
    if (evbuffer_reserve_space(in, (ev_ssize_t)want, &room, 1) == 1) {
        ssize_t n = recv(bufferevent_getfd(conn->bev), room.iov_base, want, MSG_DONTWAIT);
        room.iov_len = got = n > 0 ? (size_t)n : 0; /* 0 and errors: the next event tells */
        evbuffer_commit_space(in, &room, 1);
    }
    evbuffer_freeze(in, 0);
    return got;
}

static bool wants_frames(const struct conn *conn) {
    return conn->bev && !conn->paused && !conn->throttled && !conn->closing;
}

static void on_read(struct bufferevent *bev, void *arg) {
    struct conn *conn = conn_ref(arg);
    size_t turn = 0, more = 0;
    int rc = 1;
    do { /* a turn ends after READ_MAX bytes: others wait too */
        while (rc > 0 && wants_frames(conn))
            rc = take_frame(conn, bufferevent_get_input(bev));
        more = rc == 0 && wants_frames(conn) && turn < READ_MAX ? read_more(conn) : 0;
        turn += more;
        rc = more ? 1 : rc;
    } while (more);
    if (rc < 0 && conn->bev) {
        if (!conn->dialled) diag_info("net", "%s: closed: %s", conn->peer, err_note());
        snprintf(conn->why, sizeof conn->why, "%s", err_note());
        conn_close(conn);
    }
    conn_unref(conn);
}

static void on_write(struct bufferevent *bev UNUSED, void *arg) {
    struct conn *conn = arg;
    if (conn->closing) {
        conn_gone(conn);
        return;
    }
    if (!conn->throttled) return;
    conn->throttled = false;
    update_reading(conn);
    on_read(conn->bev, conn); /* frames that came before the pause are waiting in the buffer */
}

static void set_idle(struct conn *conn) {
    int64_t idle_ms = conn->conf->idle_ms ? conn->conf->idle_ms : IDLE_MS_DEF;
    struct timeval idle = {idle_ms / 1000, idle_ms % 1000 * 1000};
    bufferevent_set_timeouts(conn->bev, &idle, NULL);
}

static void note_why(struct conn *conn, short what) {
    int errnum = EVUTIL_SOCKET_ERROR();
    char tls[200];
    if (conn->tls && tlsclient_why(conn->bev, tls, sizeof tls))
        snprintf(conn->why, sizeof conn->why, "TLS: %s", tls);
    else if (what & BEV_EVENT_TIMEOUT)
        snprintf(conn->why, sizeof conn->why, "no answer in time");
    else if (what & BEV_EVENT_EOF)
        snprintf(conn->why, sizeof conn->why, "closed by the other side");
    else
        snprintf(conn->why, sizeof conn->why, "%s", errnum ? evutil_socket_error_to_string(errnum)
                                                           : "connection failed");
}

static void on_event(struct bufferevent *bev, short what, void *arg) {
    struct conn *conn = arg;
    int one = 1;
    if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT)) {
        note_why(conn, what);
        conn_gone(conn);
    } else if (what & BEV_EVENT_CONNECTED && conn->dialled && !conn->opened) {
        conn->opened = true;
        setsockopt(bufferevent_getfd(bev), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        set_idle(conn);
        if (conn->conf->on_open && conn->conf->on_open(conn->conf->self, conn)) conn_gone(conn);
    }
}

static void set_up_bev(struct conn *conn) {
    bufferevent_setcb(conn->bev, on_read, on_write, on_event, conn);
    bufferevent_setwatermark(conn->bev, EV_READ, 0, conn->conf->frame_max + 64 * KIB);
    bufferevent_set_max_single_write(conn->bev, WRITE_MAX);
    bufferevent_enable(conn->bev, EV_READ | EV_WRITE);
}

struct conn *conn_open(struct loop *loop, int fd, const struct conn_conf *conf, const char *peer,
                       void (*on_gone)(void *arg), void *arg) {
    assert(conf->head_len <= HEAD_MAX && conf->frame_len && conf->on_frame);
    struct conn *conn = base_calloc(1, sizeof *conn);
    conn->conf = conf;
    conn->refs = 1;
    conn->on_gone = on_gone;
    conn->on_gone_arg = arg;
    snprintf(conn->peer, sizeof conn->peer, "%s", peer);
    conn->bev = bufferevent_socket_new(loop_base(loop), fd, BEV_OPT_CLOSE_ON_FREE);
    CHECK(conn->bev);
    set_idle(conn);
    set_up_bev(conn);
    return conn;
}

int conn_dial(struct conn **out, struct loop *loop, const struct conn_conf *conf,
              const struct conn_dial *dial) {
    assert(conf->head_len <= HEAD_MAX && conf->frame_len && conf->on_frame);
    char peer[64];
    struct sockaddr_storage addr;
    int len = sizeof addr;
    bool v6 = strchr(dial->addr, ':') != NULL;
    snprintf(peer, sizeof peer, v6 ? "[%s]:%u" : "%s:%u", dial->addr, dial->port);
    if (evutil_parse_sockaddr_port(peer, (struct sockaddr *)(void *)&addr, &len))
        return err_fail(ERR_CONFIG, "\"%s\" is no numeric address", dial->addr);
    struct conn *conn = base_calloc(1, sizeof *conn);
    conn->conf = conf;
    conn->refs = 2; /* the caller's, and its own until it is gone */
    conn->dialled = true;
    conn->tls = dial->tls != NULL;
    snprintf(conn->peer, sizeof conn->peer, "%s", peer);
    conn->bev = dial->tls ? tlsclient_bev(dial->tls, loop_base(loop), dial->name)
                          : bufferevent_socket_new(loop_base(loop), -1, BEV_OPT_CLOSE_ON_FREE);
    CHECK(conn->bev);
    int64_t ms = dial->timeout_ms ? dial->timeout_ms : DIAL_MS_DEF;
    struct timeval limit = {ms / 1000, ms % 1000 * 1000};
    set_up_bev(conn);
    bufferevent_set_timeouts(conn->bev, &limit, &limit);
    *out = conn;
    if (bufferevent_socket_connect(conn->bev, (struct sockaddr *)(void *)&addr, len) && conn->bev)
        on_event(conn->bev, BEV_EVENT_ERROR, conn);
    return 0;
}

void conn_reframe(struct conn *conn, const struct conn_conf *conf) {
    assert(conf->head_len <= HEAD_MAX);
    conn->conf = conf;
}

const char *conn_why(const struct conn *conn) {
    return conn->why;
}

void conn_abort(struct conn *conn) {
    conn_gone(conn);
}

static void throttle(struct conn *conn) {
    struct evbuffer *out = bufferevent_get_output(conn->bev);
    if (evbuffer_get_length(out) <= CONN_OUT_HIGH || conn->throttled || conn->dialled) return;
    conn->throttled = true;
    update_reading(conn);
}

void conn_send(struct conn *conn, struct str bytes) {
    if (!conn->bev || conn->closing) return;
    struct evbuffer *out = bufferevent_get_output(conn->bev);
    CHECK(evbuffer_add(out, bytes.ptr, bytes.len) == 0);
    throttle(conn);
}

static void free_given(const void *ptr UNUSED, size_t len UNUSED, void *arg) {
    base_free(arg);
}

void conn_send_given(struct conn *conn, char *ptr, size_t len) {
    if (!conn->bev || conn->closing) {
        base_free(ptr);
        return;
    }
    struct evbuffer *out = bufferevent_get_output(conn->bev);
    CHECK(evbuffer_add_reference(out, ptr, len, free_given, ptr) == 0);
    throttle(conn);
}

void conn_close(struct conn *conn) {
    if (!conn->bev || conn->closing) return;
    conn->closing = true;
    update_reading(conn);
    if (evbuffer_get_length(bufferevent_get_output(conn->bev)) == 0) conn_gone(conn);
}

void conn_set_data(struct conn *conn, void *data) {
    conn->data = data;
}

void *conn_data(const struct conn *conn) {
    return conn->data;
}

struct conn *conn_ref(struct conn *conn) {
    conn->refs++;
    return conn;
}

void conn_unref(struct conn *conn) {
    assert(conn->refs > 0);
    if (--conn->refs == 0) base_free(conn);
}

bool conn_is_open(const struct conn *conn) {
    return conn->bev && !conn->closing;
}

size_t conn_unsent(const struct conn *conn) {
    return conn->bev ? evbuffer_get_length(bufferevent_get_output(conn->bev)) : 0;
}

const char *conn_peer(const struct conn *conn) {
    return conn->peer;
}

void conn_pause(struct conn *conn, bool paused) {
    if (conn->paused == paused) return;
    conn->paused = paused;
    update_reading(conn);
    if (!paused && conn->bev) on_read(conn->bev, conn);
}
