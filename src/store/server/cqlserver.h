/* cqlserver.h - the store's front door: CQL's native protocol, versions 3 and 4.
 *
 * Frames are read and answered on the loop; statements run on threads of the server's own, so that
 * those which wait for the disk wait together, and answers of one connection may overtake each
 * other, as the protocol allows. The system keyspaces that drivers read are served from here.
 *
 * Thread:  open, close: the loop's, or while it does not run. stats, exec: any.
 * Limits:  a frame, in and decompressed: conf->frame_max; an answer: CQLSERVER_ANSWER_MAX; requests
 *          under way: CQLSERVER_RUN_MAX a connection, CQLSERVER_QUEUE_MAX requests and
 *          CQLSERVER_QUEUE_BYTE_MAX bytes in all - above, connections are not read from.
 * Source:  native_protocol_v3/v4.spec. */
#ifndef STORE_SERVER_CQLSERVER_H
#define STORE_SERVER_CQLSERVER_H

#include "net/loop.h"
#include "store/store.h"

#define CQLSERVER_PORT           9042
#define CQLSERVER_FRAME_MAX      (16 * MIB)
#define CQLSERVER_ANSWER_MAX     (64 * MIB)
#define CQLSERVER_RUN_MAX        1024
#define CQLSERVER_QUEUE_MAX      8192
#define CQLSERVER_QUEUE_BYTE_MAX (64 * MIB)
#define CQLSERVER_THREADS        128
#define CQLSERVER_IDLE_MS        (60 * 60 * 1000)

struct cqlexec;
struct cqlserver;
struct cqlserver_conf {
    struct env *env;
    const char *host;      /* to listen on; NULL: 127.0.0.1 */
    const char *broadcast; /* numeric, what drivers are told; NULL: host */
    uint16_t port;         /* 0: the system picks one */
    size_t frame_max;      /* 0: CQLSERVER_FRAME_MAX */
    size_t threads;        /* at most; 0: CQLSERVER_THREADS */
};
struct cqlserver_stats {
    size_t connections, running, waiting, threads, prepared;
    int64_t requests, errors;
};
/* ERR_AGAIN when the port is taken. */
int cqlserver_open(struct cqlserver **out, struct loop *loop, struct store *store,
                   const struct cqlserver_conf *conf) MUST_USE;
void cqlserver_close(struct cqlserver *server); /* before the store; NULL is allowed */
uint16_t cqlserver_port(const struct cqlserver *server);
void cqlserver_stats(struct cqlserver *server, struct cqlserver_stats *out);
/* The executor, system keyspaces included: for who runs CQL in process. Closed with the server. */
struct cqlexec *cqlserver_exec(struct cqlserver *server);

#endif
