/* loop.h - one thread's event loop: timers, and functions posted to it from other threads.
 *
 * Each server role has one loop on one thread; everything a server does happens there, so its data
 * needs no lock. loop_post() is the one door for other threads. On libevent. */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include "base/env.h"

struct event_base;
struct loop;
struct loop_timer;

int loop_open(struct loop **out, struct env *env, const char *name) MUST_USE;
void loop_close(struct loop *loop); /* stops the thread first; NULL is allowed */
int loop_start(struct loop *loop) MUST_USE; /* runs it on a thread of its own, named `name` */
void loop_stop(struct loop *loop);          /* any thread; waits for the thread to end */
/* Any thread: `fn(arg)` is called on the loop's thread, in order. Posted after the stop: never
 * called. */
void loop_post(struct loop *loop, void (*fn)(void *arg), void *arg);
/* Loop's thread (or before start): calls fn every `us`, first after `us`. */
struct loop_timer *loop_every(struct loop *loop, int64_t us, void (*fn)(void *arg), void *arg);
/* Once after `us`; freed after it fired. loop_timer_free() cancels either kind. */
struct loop_timer *loop_after(struct loop *loop, int64_t us, void (*fn)(void *arg), void *arg);
void loop_timer_free(struct loop_timer *timer);
struct event_base *loop_base(struct loop *loop); /* for net/ only */
struct env *loop_env(struct loop *loop);
bool loop_here(const struct loop *loop); /* is the caller on the loop's thread? */

#endif
