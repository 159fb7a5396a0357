/* coord.h - who of several nodes leads: a lease, and an epoch that rises with every leader.
 *
 * Nodes that share an address stand for election under it; at most one leads. A lease is measured
 * on our own monotonic clock from before the moment we asked for it, so it is over for us before
 * it is over for the others, whether or not anybody told us. coord_guard() asks no server: it is
 * cheap enough to stand before every effect, and model/fence.h hands it to the tiers.
 *
 *     local:FILE                        one node, always leading; the epoch is kept in FILE
 *     zookeeper://[user:password@]host[:port],.../path    port 2181, path /sluice
 *     postgresql://...[?lease=NAME]     a row of sluice.lease; every other setting is libpq's
 *
 * A leader that ends well hands over at once; one that dies or hangs, after its lease: with
 * COORD_LEASE_US another leads in less than 4 s. What is promised rests on clocks that run at the
 * same speed to within COORD_MARGIN of the lease, not on clocks that show the same time.
 *
 * Thread:  any; a thread of its own renews the lease.
 * Limits:  a node's name is 1..COORD_NODE_MAX bytes without control characters. */
#ifndef COORD_COORD_H
#define COORD_COORD_H

#include "base/env.h"
#include "model/fence.h"
#include "model/finding.h"

#define COORD_NODE_MAX 100
#define COORD_GROUP_MAX 100
#define COORD_LEASE_US INT64_C(3000000)
#define COORD_MARGIN   6 /* a sixth of the lease is not used */

struct coord; /* opaque: see coord_ops.h */
struct coord_conf {
    struct env *env;
    const char *url;
    const char *node; /* who we are, for people; need not be unique */
    int64_t lease_us; /* 0: COORD_LEASE_US */
    bool by_hand;     /* no thread: the caller steps (tests) */
};
/* Stands for election; an answer may still be out on return. A server that cannot be reached is
 * asked again and again; ERR_CONFIG: the address is none. */
int coord_open(struct coord **out, const struct coord_conf *conf) MUST_USE;
/* Can it be used? Tells what is found, without standing for election: nothing where there is nobody
 * to ask. `node` is not used. */
void coord_doctor(const struct coord_conf *conf, const struct finding_to *to);
void coord_close(struct coord *coord); /* resigns; NULL is allowed */

struct coord_state {
    int64_t epoch;         /* of the term that is ours; 0: we do not lead */
    int64_t until_us;      /* on the monotonic clock: ours until then */
    int64_t leader_epoch;  /* as last heard, also of another's term; 0: nobody or unknown */
    char leader[COORD_NODE_MAX + 1]; /* who leads, as last heard; "": nobody or unknown */
    char trouble[256];     /* why the lease cannot be asked for, or "" */
};
void coord_state(struct coord *coord, struct coord_state *out);
/* Waits while the epoch of our own term is `epoch` (0: while we do not lead), at most timeout_us;
 * returns the epoch then. */
int64_t coord_wait(struct coord *coord, int64_t epoch, int64_t timeout_us);
void coord_wake(struct coord *coord); /* coord_wait() returns early, once */
/* Gives the term up: another may lead at once. We stand again behind the others. */
int coord_resign(struct coord *coord) MUST_USE;
/* 0 while the term `epoch` is surely ours, else ERR_FENCED. */
int coord_guard(struct coord *coord, int64_t epoch) MUST_USE;
/* The fence of one term, to be given to tiers that are opened for it; lives as long as both. */
struct coord_term {
    struct coord *coord;
    int64_t epoch;
    struct fence fence;
};
const struct fence *coord_fence(struct coord_term *term, struct coord *coord, int64_t epoch);
bool coord_is_shared(const struct coord *coord); /* may another node lead? */
/* The same on all nodes that stand for this election, however each writes its address, and on no
 * others; known once a term is ours. Letters, digits and -. */
const char *coord_group(const struct coord *coord);
/* by_hand: asks the server once, and returns after how long it wants to be called again. */
int64_t coord_step(struct coord *coord);

#endif
