/* kserver.h - the log's front door: Kafka's protocol over any log, for every Kafka client.
 *
 * One node, id 1, leader of every partition at epoch 0. Served: what kapi.c lists, which is
 * Kafka 4.2's version ranges without transactions, ACLs, KIP-848 groups and share groups. Consumer
 * groups keep their state in the topic __consumer_offsets, in Kafka's own format.
 *
 * Thread:  everything happens on the loop's thread; kserver_group_list() and the other functions
 *          marked "any thread" take the groups' lock.
 * Memory:  what they return lives in the arena they were given.
 * Errors:  int is 0 or a negative `enum err`. A client's nonsense is answered or its connection
 *          closed; it never ends the server.
 * Limits:  KSERVER_FRAME_MAX bytes a request, KSERVER_PIPELINE_MAX unanswered requests and
 *          KSERVER_REPLY_MAX bytes of a fetch's records (one batch more at most). */
#ifndef KSERVER_H
#define KSERVER_H

#include "log/log.h"
#include "net/loop.h"

#define KSERVER_FRAME_MAX    (LOG_BATCH_MAX + 64 * KIB)
#define KSERVER_SMALL_MAX    (4 * MIB) /* a frame of any other API than Produce */
#define KSERVER_REPLY_MAX    (8 * MIB)
#define KSERVER_PIPELINE_MAX 64
#define KSERVER_PART_MAX     10000 /* partitions of all topics together, made by clients */
#define KSERVER_NODE         1

struct kserver;
struct kserver_conf {
    const char *host;            /* to listen on; NULL: 127.0.0.1 */
    uint16_t port;               /* 0: the system picks one; kserver_port() tells */
    const char *advertised_host; /* told to clients; NULL: host */
    uint16_t advertised_port;    /* 0: port */
    bool no_auto_create;         /* auto.create.topics.enable=false */
    int32_t default_parts;       /* num.partitions; 0: 1 */
    int32_t rebalance_delay_ms;  /* group.initial.rebalance.delay.ms; Kafka's is 3000, ours 0 */
    int32_t session_min_ms;      /* group.min.session.timeout.ms; 0: 6000 */
    int32_t session_max_ms;      /* group.max.session.timeout.ms; 0: 1800000 */
    int32_t offsets_retention_min; /* offsets.retention.minutes; 0: 10080 */
};

/* Loads the groups and begins to listen. `log` and `loop` are borrowed; the loop is not started yet
 * or this is its thread. It becomes the log's one watcher. */
int kserver_open(struct kserver **out, struct loop *loop, struct log *log,
                 const struct kserver_conf *conf) MUST_USE;
/* The loop is stopped (functions posted to it must not run later). Waits for appends under way;
 * NULL is allowed. */
void kserver_close(struct kserver *server);
uint16_t kserver_port(const struct kserver *server);
size_t kserver_conn_cnt(const struct kserver *server);

/* ---- groups, for people: any thread. While it is open, log_group_list() asks here ---- */
/* All groups, sorted by id. */
int kserver_group_list(struct kserver *server, struct arena *arena, struct log_group **out,
                       size_t *cnt) MUST_USE;
/* ERR_NOT_FOUND. */
int kserver_group_get(struct kserver *server, struct str id, struct arena *arena,
                      struct log_group *out) MUST_USE;

#endif
