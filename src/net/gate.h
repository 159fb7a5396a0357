/* gate.h - a listener that can wait: when the process has no file left, it pauses, never spins.
 *
 * The first gate raises the limit of open files as far as it may (GATE_FILES_MAX), so that
 * connections, which every door limits, do not take the files that the log and the store need.
 * Thread: the loop's. */
#ifndef NET_GATE_H
#define NET_GATE_H

#include "net/loop.h"

#define GATE_FILES_MAX 65536

struct evconnlistener;
struct gate;
struct gate *gate_open(struct loop *loop, struct evconnlistener *listener, uint16_t port);
void gate_close(struct gate *gate); /* before the listener is freed; NULL is allowed */

#endif
