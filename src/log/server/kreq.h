/* kreq.h - a request on its way: decoded, perhaps waiting, answered in the order it came.
 *
 * A handler is given a kreq whose `in` is the decoded request and whose `out` is the response at
 * its defaults. It fills `out` and calls kreq_reply() once, now or later, on the loop's thread.
 * Several requests of a connection may be under way; a finished answer waits for those before it.
 *
 * To append to the log without stopping the loop: kreq_submit() for each batch, then kreq_wait();
 * when all are durable, `then` is called on the loop's thread.
 *
 * Thread: the loop's, except where kreq.c says otherwise. Memory: `in`, `out` and all that a
 * handler puts into `arena` live until the answer is sent; only a Produce request's record batches
 * are borrowed from the frame and gone when the handler returns. */
#ifndef KREQ_H
#define KREQ_H

#include "base/metric.h"
#include "log/log.h"
#include "log/server/kserver.h"
#include "net/server.h"
#include "wire/kafka/kmsg.h"

#include <pthread.h>
#include <stdatomic.h>

struct kreq;
struct kapi;
struct kgroups;
struct kfetches;
struct ktopics;

struct kconn { /* what the server knows of a connection */
    struct kserver *server;
    struct conn *conn;
    struct kreq *first, *last; /* unanswered, oldest first */
    size_t cnt;
    bool open, paused, resuming;
};

struct kreq {
    struct kserver *server;
    struct kconn *conn;
    struct kreq *next; /* of the connection, or of the free list */
    const struct kapi *api;
    struct kmsg_head head;
    struct arena arena;
    void *in, *out;
    struct buf reply;
    size_t kept; /* bytes of the arena, while on the free list */
    bool done;   /* reply is complete */
    bool silent; /* nothing is sent: acks=0 */
    int64_t start_us;
    atomic_int waiting;             /* appends not yet durable, and the handler itself */
    void (*then)(struct kreq *req); /* when waiting falls to 0 */
    struct kreq *next_done;
    void *state;                     /* the handler's, in the arena */
    void (*gone)(struct kreq *req);  /* the connection closed; NULL: wait for the answer */
};

struct kwait { /* one append of a request */
    struct kreq *req;
    int err;
    int64_t base_offset;
    struct str note; /* why it failed */
};

/* What the server's files share; kserver.c makes and frees it. */
struct kserver {
    struct loop *loop;
    struct env *env;
    struct log *log;
    struct kserver_conf conf;
    struct server *server;
    char *advertised_host;
    char cluster_id[23]; /* 16 bytes in base64url */
    struct kreq *free; /* for reuse */
    size_t free_cnt, kept; /* how many, and bytes of their arenas */
    atomic_size_t appends; /* under way */
    pthread_mutex_t lock;  /* of the three that follow */
    struct kreq *done, *done_last; /* waiting fell to 0, oldest first */
    bool done_posted;
    /* ---- */
    atomic_bool moved_posted; /* the log moved, and the loop will hear of it */
    bool closing;
    struct kfetches *fetches;
    struct kgroups *groups;
    struct log_groups as_groups; /* how the log asks for them */
    struct ktopics *topics;
};

/* Decodes a frame (without its length) and gives it to its handler. An error closes. */
int kreq_frame(struct kconn *conn, struct str frame) MUST_USE;
void kreq_conn_closed(struct kconn *conn);
void kreq_free_all(struct kserver *server); /* the free list */

void kreq_reply(struct kreq *req);
/* Ends a request without an answer and closes its connection. */
void kreq_drop(struct kreq *req);

/* Begins an append for `req`; its outcome stands in the result when `then` is called. */
struct kwait *kreq_submit(struct kreq *req, struct str topic, int32_t part, struct str batch);
/* To be called once after the last kreq_submit(), or without any. */
void kreq_wait(struct kreq *req, void (*then)(struct kreq *req));
/* An append nobody waits for; a failure is said in the log. */
void kreq_submit_only(struct kserver *server, struct str topic, int32_t part, struct str batch);
/* Waits until no append is under way and runs what waited for them. */
void kreq_drain(struct kserver *server);

#endif
