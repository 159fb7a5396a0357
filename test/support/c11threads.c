/* c11threads.c - for ThreadSanitizer: C11's threads and locks by way of POSIX's, which it sees.
 *
 * librdkafka uses them; a thread that the sanitizer did not see begin ends the process at its first
 * call. glibc's mtx_t, cnd_t and thrd_t are the POSIX types by other names. */
#include "base/base.h"

#include <errno.h>
#include <pthread.h>
#include <threads.h>

_Static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t), "glibc's mtx_t is a pthread_mutex_t");
_Static_assert(sizeof(cnd_t) == sizeof(pthread_cond_t), "glibc's cnd_t is a pthread_cond_t");

struct began {
    thrd_start_t fn;
    void *arg;
};

static void *begin(void *arg) {
    struct began began = *(struct began *)arg;
    base_free(arg);
    return (void *)(intptr_t)began.fn(began.arg);
}

static int told(int errnum) {
    switch (errnum) {
    case 0: return thrd_success;
    case EBUSY: return thrd_busy;
    case ETIMEDOUT: return thrd_timedout;
    default: return thrd_error;
    }
}

int thrd_create(thrd_t *thread, thrd_start_t fn, void *arg) {
    struct began *began = base_alloc(sizeof *began);
    *began = (struct began){fn, arg};
    return told(pthread_create(thread, NULL, begin, began));
}

int thrd_join(thrd_t thread, int *result) {
    void *out = NULL;
    int err = pthread_join(thread, &out);
    if (result) *result = (int)(intptr_t)out;
    return told(err);
}

int thrd_detach(thrd_t thread) {
    return told(pthread_detach(thread));
}

int mtx_init(mtx_t *lock, int type) {
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, type & mtx_recursive ? PTHREAD_MUTEX_RECURSIVE
                                                          : PTHREAD_MUTEX_NORMAL);
    int err = pthread_mutex_init((pthread_mutex_t *)lock, &attr);
    pthread_mutexattr_destroy(&attr);
    return told(err);
}

void mtx_destroy(mtx_t *lock) {
    pthread_mutex_destroy((pthread_mutex_t *)lock);
}

int mtx_lock(mtx_t *lock) {
    return told(pthread_mutex_lock((pthread_mutex_t *)lock));
}

int mtx_trylock(mtx_t *lock) {
    return told(pthread_mutex_trylock((pthread_mutex_t *)lock));
}

int mtx_unlock(mtx_t *lock) {
    return told(pthread_mutex_unlock((pthread_mutex_t *)lock));
}

int cnd_init(cnd_t *cond) {
    return told(pthread_cond_init((pthread_cond_t *)cond, NULL));
}

void cnd_destroy(cnd_t *cond) {
    pthread_cond_destroy((pthread_cond_t *)cond);
}

int cnd_signal(cnd_t *cond) {
    return told(pthread_cond_signal((pthread_cond_t *)cond));
}

int cnd_broadcast(cnd_t *cond) {
    return told(pthread_cond_broadcast((pthread_cond_t *)cond));
}

int cnd_wait(cnd_t *cond, mtx_t *lock) {
    return told(pthread_cond_wait((pthread_cond_t *)cond, (pthread_mutex_t *)lock));
}

int cnd_timedwait(cnd_t *cond, mtx_t *lock, const struct timespec *until) {
    return told(pthread_cond_timedwait((pthread_cond_t *)cond, (pthread_mutex_t *)lock, until));
}
