/* cass_conn.h - one connection to one node: handshake, stream numbers, answers, signs of life.
 *
 * It speaks the version it is told; a node that does not know it is noted (`downgrade`) and the
 * owner dials again with less. Requests get their answers in any order. One that is not answered in
 * time fails, and its stream number is not used again until the answer comes; a connection with too
 * many such is given up, as is one whose node shows no sign of life.
 *
 * Thread: the loop's. A request is the caller's memory until its `done` was called, which happens
 * once, from the loop, never from within cass_conn_send(). */
#ifndef STORE_CASSANDRA_CASS_CONN_H
#define STORE_CASSANDRA_CASS_CONN_H

#include "net/conn.h"
#include "store/cassandra/cass_url.h"

#define CASS_CONN_STREAM_MAX CASS_URL_INFLIGHT_MAX
#define CASS_CONN_FRAME_MAX  (128 * MIB)

struct cass_answer {
    uint8_t version, opcode; /* enum cqlframe_op */
    struct str body;         /* borrowed for the call */
};
struct cass_req {
    struct str frame; /* head and body, of the connection's version; the stream is put in later */
    int64_t timeout_us; /* 0: the url's */
    void (*done)(struct cass_req *req, int err, const struct cass_answer *answer);
};

struct cass_conn;
struct tlsclient;
struct cass_conn_conf {
    struct loop *loop;
    const struct cass_url *url;
    struct tlsclient *tls;  /* NULL: plain */
    const char *addr;       /* numeric */
    const char *name;       /* the name it is known by, for TLS */
    uint16_t port;
    uint8_t version;        /* 4, 5 */
    void *self;
    void (*on_open)(void *self, struct cass_conn *conn); /* ready for requests */
    /* Gone, or never came to be; all requests have failed. Free it with cass_conn_close(). */
    void (*on_gone)(void *self, struct cass_conn *conn, int err);
    void (*on_event)(void *self, struct cass_conn *conn, struct str body);
};
int cass_conn_open(struct cass_conn **out, const struct cass_conn_conf *conf) MUST_USE;
/* Requests under way fail with ERR_STOPPED. Not from within its own callbacks but on_gone. NULL is
 * allowed. */
void cass_conn_close(struct cass_conn *conn);
bool cass_conn_ready(const struct cass_conn *conn);
size_t cass_conn_room(const struct cass_conn *conn); /* requests it takes now; 0: none */
size_t cass_conn_running(const struct cass_conn *conn);
/* There must be room. It goes out with the next cass_conn_flush(), or the next turn. */
void cass_conn_send(struct cass_conn *conn, struct cass_req *req);
void cass_conn_flush(struct cass_conn *conn);
bool cass_conn_downgrade(const struct cass_conn *conn); /* the node knows no such version */
const char *cass_conn_why(const struct cass_conn *conn);
const char *cass_conn_peer(const struct cass_conn *conn);

#endif
