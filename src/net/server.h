/* server.h - a TCP server of length-framed messages: Kafka's and CQL's doors.
 *
 * The server cuts the byte stream into frames, hands each to on_frame on the loop's thread, and
 * sends what conn_send() was given in order. A frame's length is checked before any memory is
 * asked for. A peer that does not read is not read from: above SERVER_OUT_HIGH bytes of unsent
 * answers the connection's reading pauses.
 *
 * Thread: the loop's. conn_ref()/conn_unref() keep a connection's memory across asynchronous work;
 * sending to a closed one does nothing. */
#ifndef NET_SERVER_H
#define NET_SERVER_H

#include "base/buf.h"
#include "net/loop.h"

#define SERVER_OUT_HIGH ((size_t)8 << 20)
#define SERVER_CONN_MAX 4096

struct server;
struct conn;
struct server_conf {
    const char *host; /* "127.0.0.1" */
    uint16_t port;    /* 0: the system picks one; server_port() tells */
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
/* ERR_AGAIN when the port is taken: the note names port, process and remedy. */
int server_open(struct server **out, struct loop *loop, const struct server_conf *conf) MUST_USE;
void server_close(struct server *server); /* closes its connections; loop stopped or its thread */
uint16_t server_port(const struct server *server);
size_t server_conn_cnt(const struct server *server);

void conn_send(struct conn *conn, struct str bytes); /* copied */
void conn_close(struct conn *conn); /* after what was sent has gone out */
void conn_set_data(struct conn *conn, void *data);
void *conn_data(const struct conn *conn);
struct conn *conn_ref(struct conn *conn);
void conn_unref(struct conn *conn);
bool conn_is_open(const struct conn *conn);
const char *conn_peer(const struct conn *conn); /* "127.0.0.1:51342" */
void conn_pause(struct conn *conn, bool paused); /* no frames while paused */

#endif
