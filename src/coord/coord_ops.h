/* coord_ops.h - what a kind of coordination provides; seen by coord.c and coord/<product>/ only.
 *
 * A product's struct begins with struct coord. Its functions are called by one thread at a time:
 * the coord's own, or after that has ended. What it hears it tells by the coord_* calls below. */
#ifndef COORD_COORD_OPS_H
#define COORD_COORD_OPS_H

#include "coord/coord.h"

#include <pthread.h>

struct coord_ops {
    const char *name; /* the scheme of the url */
    bool shared;
    /* `rest`: the url behind its scheme and "://" or ":". Must not wait for a server. */
    int (*open)(struct coord **out, const struct coord_conf *conf, const char *rest);
    /* Of one that was opened and never stepped. NULL: nobody to ask. */
    void (*doctor)(struct coord *coord, const struct finding_to *to);
    void (*close)(struct coord *coord); /* what is held was resigned */
    /* Renews what is held, or tries to get it: coord_heard() or coord_lost() or coord_other(). An
     * error is kept as trouble; the lease runs on until its time. */
    int (*step)(struct coord *coord);
    int (*resign)(struct coord *coord); /* at the server; locally it is over already */
};

struct coord {
    const struct coord_ops *ops;
    struct env *env;
    const char *node; /* as all below, set by coord.c after open */
    int64_t lease_us;
    bool by_hand, started;
    char group[COORD_GROUP_MAX + 1]; /* the product's to set, before coord_heard() */
    pthread_t thread;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t cond;  /* the state changed, or we stop */
    pthread_mutex_t asking; /* held around calls of the table */
    bool stopping, woken, resigning;
    struct coord_state state;
};

/* The server confirmed at some time after asked_us, of our monotonic clock, that we lead. */
void coord_heard(struct coord *coord, int64_t epoch, int64_t asked_us, int64_t lease_us);
void coord_lost(struct coord *coord); /* the server says that we do not lead */
void coord_other(struct coord *coord, struct str leader, int64_t epoch); /* who does */

extern const struct coord_ops coord_local_ops, coord_zookeeper_ops, coord_postgres_ops;

#endif
