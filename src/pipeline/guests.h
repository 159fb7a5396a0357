/* guests.h - capture from databases of other applications: `from:` of a capture.
 *
 *     capture:
 *       orders: {table: shop.orders, from: postgresql://sluice:secret:shop_pw@db2/shop}
 *
 * Each database named there is opened as a guest (landing.h) with a captor of its own: the rows
 * that are there come first, as READ changes, then every change. Which tables are copied is kept
 * in the landing, so a restart goes on where it was; one cut short in a copy takes the copy again.
 * Thread: as captor.h. */
#ifndef PIPELINE_GUESTS_H
#define PIPELINE_GUESTS_H

#include "pipeline/captor.h"
#include "pipeline/conf.h"

struct guests;
struct guests_conf {
    struct env *env;
    struct landing *landing; /* all borrowed */
    struct log *log;
    struct registry *registry;
    const struct fence *fence;
    const struct conf *conf;
    struct def *const *def;
    size_t def_cnt;
};
int guests_open(struct guests **out, const struct guests_conf *conf) MUST_USE;
int guests_start(struct guests *guests) MUST_USE;
void guests_close(struct guests *guests); /* NULL is allowed */
int guests_replay(struct guests *guests, struct str topic) MUST_USE; /* captor_replay() */
bool guests_stats(struct guests *guests, struct str topic, struct captor_stats *out);

#endif
