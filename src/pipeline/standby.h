/* standby.h - what a node that does not lead shows: that it stands by, and who leads.
 *
 * The HTTP doors only (:8080 and :9021): /health, /metrics and a page. Everything else is 503 with
 * the leader's name, so that a client or a balancer goes there. No tier is open meanwhile.
 * Thread: the one that opened it. */
#ifndef PIPELINE_STANDBY_H
#define PIPELINE_STANDBY_H

#include "coord/coord.h"
#include "pipeline/conf.h"

struct standby;
struct standby_conf {
    struct env *env;
    struct coord *coord;     /* all borrowed */
    const struct conf *conf; /* for the ports */
    const char *data, *node;
    bool any_port;
};
int standby_open(struct standby **out, const struct standby_conf *conf) MUST_USE;
void standby_close(struct standby *standby); /* NULL is allowed */
/* Why the last attempt to lead failed, shown on /health; "" for none. */
void standby_set_note(struct standby *standby, const char *note);

#endif
