/* loop.c - an event_base, its thread, and a queue that other threads may put functions into.
 *
 * The queue is a list under a short lock; putting the first entry writes to an eventfd, which wakes
 * the loop. Invariants: (1) functions run in the order they were posted; (2) none runs after
 * loop_stop() returned. */
#include "net/loop.h"

#include "base/err.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct post {
    struct post *next;
    void (*fn)(void *arg);
    void *arg;
};

struct loop_timer {
    struct loop *loop;
    struct event *event;
    void (*fn)(void *arg);
    void *arg;
    bool once;
};

struct loop {
    struct env *env;
    char name[16];
    struct event_base *base;
    struct event *wake;
    int wake_fd;
    pthread_t thread;
    bool started;
    atomic_bool stopping;
    pthread_mutex_t lock;
    struct post *first, *last; /* under `lock` */
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void use_threads(void) {
    CHECK(evthread_use_pthreads() == 0);
}

static void run_posts(evutil_socket_t fd, short what UNUSED, void *arg) {
    struct loop *loop = arg;
    uint64_t cnt;
    if (read(fd, &cnt, sizeof cnt) < 0) CHECK(errno == EAGAIN || errno == EINTR);
    pthread_mutex_lock(&loop->lock);
    struct post *post = loop->first;
    loop->first = loop->last = NULL;
    pthread_mutex_unlock(&loop->lock);
    while (post) {
        struct post *next = post->next;
        post->fn(post->arg);
        base_free(post);
        post = next;
    }
    if (atomic_load(&loop->stopping)) event_base_loopbreak(loop->base);
}

int loop_open(struct loop **out, struct env *env, const char *name) {
    pthread_once(&once, use_threads);
    struct loop *loop = base_calloc(1, sizeof *loop);
    loop->env = env;
    snprintf(loop->name, sizeof loop->name, "%s", name);
    pthread_mutex_init(&loop->lock, NULL);
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    loop->base = event_base_new();
    if (loop->wake_fd < 0 || !loop->base) {
        int errnum = errno;
        loop_close(loop);
        return err_fail_os(ERR_IO, errnum, "cannot make the event loop of %s", name);
    }
    loop->wake = event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST, run_posts, loop);
    CHECK(loop->wake && event_add(loop->wake, NULL) == 0);
    *out = loop;
    return 0;
}

void loop_close(struct loop *loop) {
    if (!loop) return;
    loop_stop(loop);
    while (loop->first) {
        struct post *next = loop->first->next;
        base_free(loop->first);
        loop->first = next;
    }
    if (loop->wake) event_free(loop->wake);
    if (loop->base) event_base_free(loop->base);
    if (loop->wake_fd >= 0) close(loop->wake_fd);
    pthread_mutex_destroy(&loop->lock);
    base_free(loop);
}

static void *loop_main(void *arg) {
    struct loop *loop = arg;
    pthread_setname_np(pthread_self(), loop->name);
    CHECK(event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY) >= 0);
    return NULL;
}

int loop_start(struct loop *loop) {
    assert(!loop->started);
    int errnum = pthread_create(&loop->thread, NULL, loop_main, loop);
    if (errnum) return err_fail_os(ERR_AGAIN, errnum, "cannot start the thread of %s", loop->name);
    loop->started = true;
    return 0;
}

static void wake(struct loop *loop) {
    uint64_t one = 1;
    CHECK(write(loop->wake_fd, &one, sizeof one) == sizeof one || errno == EAGAIN);
}

void loop_stop(struct loop *loop) {
    if (!loop->started) return;
    assert(!loop_here(loop));
    atomic_store(&loop->stopping, true);
    wake(loop);
    pthread_join(loop->thread, NULL);
    loop->started = false;
}

void loop_post(struct loop *loop, void (*fn)(void *arg), void *arg) {
    struct post *post = base_alloc(sizeof *post);
    *post = (struct post){NULL, fn, arg};
    pthread_mutex_lock(&loop->lock);
    bool first = !loop->first;
    if (first) loop->first = post;
    else loop->last->next = post;
    loop->last = post;
    pthread_mutex_unlock(&loop->lock);
    if (first) wake(loop);
}

static void timer_fire(evutil_socket_t fd UNUSED, short what UNUSED, void *arg) {
    struct loop_timer *timer = arg;
    void (*fn)(void *) = timer->fn;
    void *fn_arg = timer->arg;
    if (timer->once) loop_timer_free(timer);
    fn(fn_arg);
}

static struct loop_timer *timer_new(struct loop *loop, int64_t us, bool once_only,
                                    void (*fn)(void *arg), void *arg) {
    struct loop_timer *timer = base_alloc(sizeof *timer);
    *timer = (struct loop_timer){loop, NULL, fn, arg, once_only};
    short kind = once_only ? 0 : EV_PERSIST;
    timer->event = event_new(loop->base, -1, kind, timer_fire, timer);
    struct timeval tv = {us / 1000000, us % 1000000};
    CHECK(timer->event && event_add(timer->event, &tv) == 0);
    return timer;
}

struct loop_timer *loop_every(struct loop *loop, int64_t us, void (*fn)(void *arg), void *arg) {
    return timer_new(loop, us, false, fn, arg);
}

struct loop_timer *loop_after(struct loop *loop, int64_t us, void (*fn)(void *arg), void *arg) {
    return timer_new(loop, us, true, fn, arg);
}

void loop_timer_free(struct loop_timer *timer) {
    if (!timer) return;
    event_free(timer->event);
    base_free(timer);
}

struct event_base *loop_base(struct loop *loop) {
    return loop->base;
}

struct env *loop_env(struct loop *loop) {
    return loop->env;
}

bool loop_here(const struct loop *loop) {
    return loop->started && pthread_equal(loop->thread, pthread_self());
}
