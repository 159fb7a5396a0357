/* conn.h - one framed TCP connection, as a protocol's server or client sees it.
 *
 * The byte stream is cut into frames; each goes to on_frame on the loop's thread; what conn_send()
 * was given goes out in order. Thread: the loop's. conn_ref()/conn_unref() keep a connection's
 * memory across asynchronous work; sending to a closed one does nothing. */
#ifndef NET_CONN_H
#define NET_CONN_H

#include "base/str.h"
#include "net/loop.h"

#define CONN_OUT_HIGH ((size_t)8 << 20)

struct conn;
struct conn_conf {
    size_t head_len;  /* bytes needed to tell a frame's length: 4 for Kafka, 9 for CQL */
    size_t frame_max; /* longest whole frame, head included */
    /* The whole frame's length (head included) from its head; 0: nonsense, close. */
    size_t (*frame_len)(const unsigned char *head);
    int (*on_open)(void *self, struct conn *conn);  /* may be NULL; error: closed at once */
    /* A whole frame, borrowed for the call. An error is said in the log and closes. */
    int (*on_frame)(void *self, struct conn *conn, struct str frame);
    void (*on_close)(void *self, struct conn *conn); /* may be NULL; conn_data still there */
    /* A frame longer than frame_max: may send an answer; then the connection closes. May be NULL.*/
    void (*on_too_big)(void *self, struct conn *conn, struct str head);
    void *self;
    int64_t idle_ms; /* closed after so long without a byte; 0: 10 min */
};

/* A client's connection. `conf` is borrowed until on_close; on_open is called when it stands (TLS
 * included), on_close when it is gone or never came to be: conn_why() tells the reason. */
struct tlsclient;
struct conn_dial {
    const char *addr; /* numeric */
    uint16_t port;
    struct tlsclient *tls; /* borrowed; NULL: plain */
    const char *name;      /* TLS: whom the certificate must name */
    int64_t timeout_ms;    /* until it stands; 0: 10 s */
};
/* The loop's thread. *out lives until conn_unref(). ERR_CONFIG: no numeric address. */
int conn_dial(struct conn **out, struct loop *loop, const struct conn_conf *conf,
              const struct conn_dial *dial) MUST_USE;
/* From the next frame on (in on_frame) the stream is cut as this conf says. */
void conn_reframe(struct conn *conn, const struct conn_conf *conf);
const char *conn_why(const struct conn *conn); /* "" while it stands */

void conn_send(struct conn *conn, struct str bytes); /* copied */
/* The same for `len` bytes from base_alloc(), which are given: freed when sent, or never sent. */
void conn_send_given(struct conn *conn, char *ptr, size_t len);
void conn_close(struct conn *conn); /* after what was sent has gone out */
void conn_set_data(struct conn *conn, void *data);
void *conn_data(const struct conn *conn);
struct conn *conn_ref(struct conn *conn);
void conn_unref(struct conn *conn);
bool conn_is_open(const struct conn *conn);
size_t conn_unsent(const struct conn *conn); /* bytes given to conn_send() and still here */
const char *conn_peer(const struct conn *conn); /* "127.0.0.1:51342" */
void conn_pause(struct conn *conn, bool paused); /* no frames while paused */

/* For server.c: takes over a connected socket. on_gone is called last, once, when it is closed. */
struct conn *conn_open(struct loop *loop, int fd, const struct conn_conf *conf, const char *peer,
                       void (*on_gone)(void *arg), void *arg) MUST_USE;
void conn_abort(struct conn *conn); /* closed now, unsent bytes are dropped */

#endif
