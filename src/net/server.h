/* server.h - a TCP server of length-framed messages: Kafka's and CQL's doors.
 *
 * The server cuts the byte stream into frames, hands each to on_frame on the loop's thread, and
 * sends what conn_send() was given in order. A frame's length is checked before any memory is
 * asked for. A peer that does not read is not read from: above CONN_OUT_HIGH bytes of unsent
 * answers the connection's reading pauses.
 *
 * Thread: the loop's. conn_ref()/conn_unref() keep a connection's memory across asynchronous work;
 * sending to a closed one does nothing. */
#ifndef NET_SERVER_H
#define NET_SERVER_H

#include "net/conn.h"
#include "net/loop.h"

#define SERVER_CONN_MAX 4096

struct server;
struct server_conf {
    const char *host; /* "127.0.0.1" */
    uint16_t port;    /* 0: the system picks one; server_port() tells */
    struct conn_conf conn;
};
/* ERR_AGAIN when the port is taken: the note names port, process and remedy. */
int server_open(struct server **out, struct loop *loop, const struct server_conf *conf) MUST_USE;
void server_close(struct server *server); /* closes its connections; loop stopped or its thread */
uint16_t server_port(const struct server *server);
size_t server_conn_cnt(const struct server *server);

#endif
