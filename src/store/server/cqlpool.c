/* cqlpool.c - a queue of jobs, threads that take from it, and a list of finished ones.
 *
 * Finished jobs are put on a list; only the one that finds it empty wakes the loop, which then
 * takes them all: under load one wake-up serves many answers.
 *
 * Invariants: (1) `done` is called once for every submitted job; (2) the pool lives until the loop
 * has run the wake-up that is posted for it (`wake_due`). */
#include "store/server/cqlpool.h"

#include "base/err.h"

#include <pthread.h>

#define SCRATCH_KEEP (1 * MIB) /* an arena that grew beyond is given back after the job */
#define STACK_LEN    (1 * MIB)

struct list {
    struct cqlpool_job *first, *last;
};

struct cqlpool {
    struct loop *loop;
    size_t thread_max;
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct list todo, finished; /* all below: under `lock` */
    size_t todo_cnt, thread_cnt, idle_cnt;
    bool waking; /* a thread was called, or made, and has not come yet */
    bool closing, closed, wake_due;
    pthread_t thread[CQLPOOL_THREAD_MAX];
};

static void list_add(struct list *list, struct cqlpool_job *job) {
    job->next = NULL;
    if (list->last) list->last->next = job;
    else list->first = job;
    list->last = job;
}

static struct cqlpool_job *list_take(struct list *list) {
    struct cqlpool_job *job = list->first;
    if (!job) return NULL;
    list->first = job->next;
    if (!list->first) list->last = NULL;
    return job;
}

static void pool_free(struct cqlpool *pool) {
    pthread_cond_destroy(&pool->more);
    pthread_mutex_destroy(&pool->lock);
    base_free(pool);
}

/* Gives finished jobs back to their owner, on the loop's thread. */
static void deliver(struct cqlpool *pool) {
    pthread_mutex_lock(&pool->lock);
    struct cqlpool_job *job = pool->finished.first;
    pool->finished = (struct list){NULL, NULL};
    pthread_mutex_unlock(&pool->lock);
    while (job) {
        struct cqlpool_job *next = job->next;
        job->done(job, true);
        job = next;
    }
}

static void on_wake(void *arg) {
    struct cqlpool *pool = arg;
    pthread_mutex_lock(&pool->lock);
    pool->wake_due = false;
    bool closed = pool->closed;
    pthread_mutex_unlock(&pool->lock);
    if (closed) pool_free(pool);
    else deliver(pool);
}

/* With the lock held: puts a finished job on the list, and calls the loop if it was empty. */
static void finish(struct cqlpool *pool, struct cqlpool_job *job) {
    list_add(&pool->finished, job);
    if (pool->wake_due) return;
    pool->wake_due = true;
    loop_post(pool->loop, on_wake, pool);
}

static void *thread_main(void *arg);

/* With the lock held, or before anybody else knows the pool. Returns an errno value. */
static int add_thread(struct cqlpool *pool) {
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_LEN);
    int errnum = pthread_create(&pool->thread[pool->thread_cnt], &attr, thread_main, pool);
    pthread_attr_destroy(&attr);
    if (errnum == 0) pool->thread_cnt++;
    return errnum;
}

/* With the lock held: work waits, so calls an idle thread or makes a new one - one at a time: until
 * it has come, those that are at work may have taken what waits. When no more threads can be had,
 * those that are there do the work. */
static void call_thread(struct cqlpool *pool) {
    if (pool->waking || pool->todo_cnt == 0) return;
    if (pool->idle_cnt > 0) {
        pool->waking = true;
        pthread_cond_signal(&pool->more);
    } else if (pool->thread_cnt < pool->thread_max) {
        pool->waking = add_thread(pool) == 0;
    }
}

static void *thread_main(void *arg) {
    struct cqlpool *pool = arg;
    struct arena scratch = ARENA_INIT;
    pthread_setname_np(pthread_self(), "cql-work");
    pthread_mutex_lock(&pool->lock);
    pool->waking = false;
    while (!pool->closing) {
        struct cqlpool_job *job = list_take(&pool->todo);
        if (!job) {
            pool->idle_cnt++;
            pthread_cond_wait(&pool->more, &pool->lock);
            pool->idle_cnt--;
            pool->waking = false;
            continue;
        }
        pool->todo_cnt--;
        call_thread(pool);
        pthread_mutex_unlock(&pool->lock);
        job->work(job, &scratch);
        if (scratch.used > SCRATCH_KEEP) arena_fini(&scratch);
        else arena_reset(&scratch);
        pthread_mutex_lock(&pool->lock);
        finish(pool, job);
    }
    pthread_mutex_unlock(&pool->lock);
    arena_fini(&scratch);
    return NULL;
}

int cqlpool_open(struct cqlpool **out, struct loop *loop, size_t thread_max) {
    assert(thread_max > 0 && thread_max <= CQLPOOL_THREAD_MAX);
    struct cqlpool *pool = base_calloc(1, sizeof *pool);
    pool->loop = loop;
    pool->thread_max = thread_max;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->more, NULL);
    int errnum = add_thread(pool);
    if (errnum) {
        pool_free(pool);
        return err_fail_os(ERR_AGAIN, errnum, "cannot start a thread for CQL statements");
    }
    *out = pool;
    return 0;
}

void cqlpool_submit(struct cqlpool *pool, struct cqlpool_job *job) {
    assert(job->work && job->done);
    pthread_mutex_lock(&pool->lock);
    assert(!pool->closing);
    list_add(&pool->todo, job);
    pool->todo_cnt++;
    call_thread(pool);
    pthread_mutex_unlock(&pool->lock);
}

size_t cqlpool_waiting(struct cqlpool *pool) {
    pthread_mutex_lock(&pool->lock);
    size_t cnt = pool->todo_cnt;
    pthread_mutex_unlock(&pool->lock);
    return cnt;
}

size_t cqlpool_threads(struct cqlpool *pool) {
    pthread_mutex_lock(&pool->lock);
    size_t cnt = pool->thread_cnt;
    pthread_mutex_unlock(&pool->lock);
    return cnt;
}

void cqlpool_close(struct cqlpool *pool) {
    if (!pool) return;
    pthread_mutex_lock(&pool->lock);
    pool->closing = true;
    pthread_cond_broadcast(&pool->more);
    pthread_mutex_unlock(&pool->lock);
    for (size_t i = 0; i < pool->thread_cnt; i++) pthread_join(pool->thread[i], NULL);
    deliver(pool);
    struct cqlpool_job *job;
    while ((job = list_take(&pool->todo)) != NULL) job->done(job, false);
    /* The loop may still run the wake-up that was posted; once it has stopped it never will. */
    pool->closed = true;
    if (!pool->wake_due || !loop_here(pool->loop)) pool_free(pool);
}
