/* gate.c - what a listener does when accept() fails.
 *
 * A connection that cannot be accepted stays in the queue, so the listener's socket stays readable:
 * without a pause the loop would try again at once, for ever. Whoever connects waits meanwhile.
 * libevent hands the error callback what the listener's owner chose as argument, so a gate is found
 * by its listener, in a list of the process's few gates. */
#include "net/gate.h"

#include "base/diag.h"
#include "base/err.h"

#include <errno.h>
#include <event2/listener.h>
#include <pthread.h>
#include <sys/resource.h>

#define PAUSE_US      100000
#define WARN_EVERY_US 60000000

struct gate {
    struct gate *next; /* under `lock` */
    struct loop *loop;
    struct evconnlistener *listener;
    struct loop_timer *timer; /* NULL: open */
    uint16_t port;
    int64_t warned_us;        /* 0: never */
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct gate *first; /* under `lock` */

static void raise_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit)) return;
    rlim_t want = MIN(limit.rlim_max, (rlim_t)GATE_FILES_MAX);
    if (limit.rlim_cur >= want) return;
    limit.rlim_cur = want;
    if (setrlimit(RLIMIT_NOFILE, &limit)) {
        err_fail_os(ERR_AGAIN, errno, "the limit of open files stays as it is");
        diag_warn("net", "%s", err_note());
    }
}

static void resume(void *arg) {
    struct gate *gate = arg;
    gate->timer = NULL;
    evconnlistener_enable(gate->listener);
}

static struct gate *gate_of(const struct evconnlistener *listener) {
    pthread_mutex_lock(&lock);
    struct gate *gate = first;
    while (gate && gate->listener != listener) gate = gate->next;
    pthread_mutex_unlock(&lock);
    return gate;
}

static void failed(struct evconnlistener *listener, void *arg UNUSED) {
    err_fail_os(ERR_AGAIN, errno, "a connection waits");
    struct gate *gate = gate_of(listener);
    CHECK(gate);
    int64_t now_us = env_mono_us(loop_env(gate->loop));
    if (!gate->warned_us || now_us - gate->warned_us > WARN_EVERY_US) {
        gate->warned_us = now_us;
        diag_warn("net", "port %u: %s", gate->port, err_note());
    }
    if (gate->timer) return;
    evconnlistener_disable(listener);
    gate->timer = loop_after(gate->loop, PAUSE_US, resume, gate);
}

struct gate *gate_open(struct loop *loop, struct evconnlistener *listener, uint16_t port) {
    pthread_once(&once, raise_limit);
    struct gate *gate = base_calloc(1, sizeof *gate);
    gate->loop = loop;
    gate->listener = listener;
    gate->port = port;
    pthread_mutex_lock(&lock);
    gate->next = first;
    first = gate;
    pthread_mutex_unlock(&lock);
    evconnlistener_set_error_cb(listener, failed);
    return gate;
}

void gate_close(struct gate *gate) {
    if (!gate) return;
    evconnlistener_set_error_cb(gate->listener, NULL);
    pthread_mutex_lock(&lock);
    struct gate **at = &first;
    while (*at != gate) at = &(*at)->next;
    *at = gate->next;
    pthread_mutex_unlock(&lock);
    if (gate->timer) loop_timer_free(gate->timer);
    base_free(gate);
}
