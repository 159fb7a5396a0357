/* cass_int.h - what cass_cluster.c and cass_call.c share; all of it belongs to the cluster's thread
 * but what says otherwise. */
#ifndef STORE_CASSANDRA_CASS_INT_H
#define STORE_CASSANDRA_CASS_INT_H

#include "base/uuid.h"
#include "store/cassandra/cass_cluster.h"
#include "store/cassandra/cass_ring.h"

#include <pthread.h>
#include <stdatomic.h>

#define CASS_INT_NAME_MAX 256

struct cass_host {
    struct cass_cluster *cluster;
    uint32_t idx;
    char addr[64], name[CASS_INT_NAME_MAX], dc[CASS_INT_NAME_MAX];
    uint16_t port;
    bool known;   /* the ring has it */
    bool wanted;  /* to be connected to */
    struct cass_conn *conn;
    struct loop_timer *again;
    int64_t backoff_us;
};
struct cass_queue {
    struct cass_call *first, **last;
};
struct cass_prep; /* a statement being prepared again */
struct cass_grave { /* a connection that is gone, and may still be on the stack */
    struct cass_grave *next;
    struct cass_conn *conn;
};

struct cass_cluster {
    struct env *env;
    const struct cass_url *url;
    struct loop *loop;
    struct tlsclient *tls;
    struct cass_host *host[CASS_CLUSTER_HOST_MAX];
    size_t host_cnt;
    struct cass_host *control;
    struct cass_ring ring;
    bool joined;              /* the ring is known */
    int fatal;                /* an error that waiting does not cure; 0: none */
    char trouble[1024];       /* why no node is there */
    uint32_t turn;            /* of hosts, for calls without a token */
    struct cass_queue ready;  /* calls that may go now */
    struct cass_queue later;  /* calls that wait out a pause */
    struct cass_prep *prep;
    struct cass_grave *grave;
    struct cass_call ask[2];  /* of the ring: system.local, system.peers */
    struct arena ask_arena;
    struct buf ask_frame;
    bool asking, ask_again, old_peers;
    struct loop_timer *tick, *look_timer;
    bool flush_posted, pumping;
    int64_t lonely_us;        /* since when no node is connected; 0: one is */
    int64_t resolved_us;
    void *forgot_self;
    bool (*forgot)(void *self, struct str id, struct buf *out); /* any thread */
    _Atomic uint8_t version;
    atomic_bool any_ready, news, stopping;
    pthread_mutex_t lock; /* of both below */
    char why[1024];       /* the trouble, for other threads */
    char dc[CASS_INT_NAME_MAX];
};

/* cass_cluster.c */
void cass_cluster_flush_soon(struct cass_cluster *cluster);
/* cass_call.c */
void cass_call_start(struct cass_cluster *cluster, struct cass_call *call);
void cass_call_pump(struct cass_cluster *cluster);
void cass_call_tick(struct cass_cluster *cluster);
void cass_call_stop(struct cass_cluster *cluster); /* all fail */

#endif
