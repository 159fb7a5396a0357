/* node.h - this process among the nodes that run the same pipelines: it leads, or stands by.
 *
 * A term is one pipe and its doors, opened when the node begins to lead and closed when it no
 * longer does: nothing of one term lives on in the next. While it stands by only standby.h's doors
 * are open. With the coord tier embedded there is one term, from open to close.
 *
 * Several nodes need every tier that their pipelines use outside of the node: an embedded one
 * would be each node's own, and what the other wrote there would be missing after a takeover. That
 * is refused at the start.
 * Thread: one. */
#ifndef PIPELINE_NODE_H
#define PIPELINE_NODE_H

#include "pipeline/doors.h"

struct node;
struct node_conf {
    struct pipe_conf pipe; /* fence, coord and node are filled in here */
    bool any_port;
};
int node_open(struct node **out, const struct node_conf *conf) MUST_USE;
void node_close(struct node *node); /* NULL is allowed */
/* Looks who leads and changes with it: call it every NODE_TURN_US. An error ends the process. */
int node_turn(struct node *node) MUST_USE;
#define NODE_TURN_US INT64_C(50000)
struct pipe *node_pipe(const struct node *node);   /* NULL while it stands by */
struct doors *node_doors(const struct node *node); /* likewise */
const char *node_name(const struct node *node);
bool node_is_shared(const struct node *node); /* are there turns to take, now? */

#endif
