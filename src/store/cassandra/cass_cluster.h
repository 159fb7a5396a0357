/* cass_cluster.h - the nodes of a cluster, kept connected, and requests brought to one of them.
 *
 * One thread runs all connections. A caller hands over calls and waits until all are answered: a
 * call goes to a replica of its token when one is up, else to any node of the local datacenter, is
 * tried again with growing pauses while that may help and is harmless, and fails when `wait` of the
 * url is over. One connection, the control connection, is told of changes and asked for the ring.
 *
 * Thread:  any but the cluster's own. Memory: a call and its frame are the caller's.
 * Limits:  CASS_CLUSTER_HOST_MAX nodes; `inflight` of the url calls under way a node. */
#ifndef STORE_CASSANDRA_CASS_CLUSTER_H
#define STORE_CASSANDRA_CASS_CLUSTER_H

#include "base/buf.h"
#include "store/cassandra/cass_conn.h"
#include "store/cassandra/cass_url.h"

#define CASS_CLUSTER_HOST_MAX 1024

struct cass_cluster;
struct cass_host;
struct cass_job;
struct cass_call {
    struct cass_req req; /* its frame; the rest is the cluster's */
    int64_t token;       /* of the partition, with `routed` */
    bool routed;
    bool once;           /* is not sent again when it may have been done */
    /* On the cluster's thread, the answer borrowed: a RESULT. NULL: only its coming counts. What it
     * returns other than 0 fails the call. */
    int (*take)(struct cass_call *call, const struct cass_answer *answer);
    void *arg;
    /* ---- the cluster's ---- */
    struct cass_cluster *cluster;
    struct cass_job *job;
    struct cass_call *next;
    struct cass_host *host, *pin; /* tried last; must go there */
    int64_t until_us, after_us;
    unsigned tries;
    bool prepared_again;
};

/* Begins to connect and to learn the ring; waits for nobody. `url` is borrowed until the close. */
int cass_cluster_open(struct cass_cluster **out, struct env *env,
                      const struct cass_url *url) MUST_USE;
/* Waits for the first node. ERR_NET, ERR_TIMEOUT: none yet; others: waiting does not cure it. */
int cass_cluster_wait(struct cass_cluster *cluster, int64_t wait_us) MUST_USE;
/* Any thread: calls that wait for a node or for their next try fail, now and from now on. */
void cass_cluster_stop(struct cass_cluster *cluster);
void cass_cluster_close(struct cass_cluster *cluster); /* no calls under way; NULL is allowed */
uint8_t cass_cluster_version(const struct cass_cluster *cluster); /* for frames: 4, 5 */
struct str cass_cluster_dc(const struct cass_cluster *cluster);   /* the local one */
const struct cass_url *cass_cluster_url(const struct cass_cluster *cluster);
struct env *cass_cluster_env(const struct cass_cluster *cluster);
bool cass_cluster_ready(const struct cass_cluster *cluster); /* is any node connected? */
/* 0, or why no node can be used, as far as is known. */
int cass_cluster_state(struct cass_cluster *cluster) MUST_USE;
/* Has a schema change been told since the last ask? */
bool cass_cluster_news(struct cass_cluster *cluster);
/* What to prepare when a node has forgotten a statement: its text by its id; false: unknown. */
void cass_cluster_on_forgotten(struct cass_cluster *cluster, void *self,
                               bool (*text)(void *self, struct str id, struct buf *out));

/* ---- calls (cass_call.c) ---- */
/* Runs them all; the first error, when all are answered or given up. wait_us 0: the url's. */
int cass_call_run(struct cass_cluster *cluster, struct cass_call *call, size_t cnt,
                  int64_t wait_us) MUST_USE;
/* As cass_call_query(), with a wait of its own. */
struct cass_question {
    struct str text;
    bool once;
    int64_t wait_us; /* 0: the url's */
};
int cass_call_ask(struct cass_cluster *cluster, const struct cass_question *question,
                  struct arena *arena, struct cass_answer *answer) MUST_USE;
/* One statement without values: *answer_body in `arena`, ptr NULL for an empty one. */
int cass_call_query(struct cass_cluster *cluster, struct str text, bool once, struct arena *arena,
                    struct cass_answer *answer) MUST_USE;

#endif
