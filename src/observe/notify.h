/* notify.h - telling receivers about alerts, on a thread of its own.
 *
 * A message is kept until it was delivered or NOTIFY_TRY_MAX tries failed; a receiver's messages go
 * out in order. Past NOTIFY_QUEUE_MAX waiting ones the oldest is given up, and said so.
 * Thread: notify_send() and notify_deliveries() from any. */
#ifndef OBSERVE_NOTIFY_H
#define OBSERVE_NOTIFY_H

#include "observe/observe.h"

#define NOTIFY_QUEUE_MAX 1000
#define NOTIFY_TRY_MAX   8

struct notify;
int notify_open(struct notify **out, struct env *env, const struct observe_receiver *receiver,
                size_t cnt) MUST_USE;
void notify_close(struct notify *notify); /* NULL is allowed */
/* Queues a JSON body for one receiver. */
void notify_send(struct notify *notify, size_t receiver, struct str body);
void notify_deliveries(struct notify *notify, struct arena *arena, struct observe_delivery **out,
                       size_t *cnt);

#endif
