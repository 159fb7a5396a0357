/* lkopen.c - the log on Kafka, Redpanda, or another sluice: opening it, and its table.
 *
 * Opening reaches nobody: a cluster that is not there yet is waited for by whoever asks. */
#include "base/err.h"
#include "base/mutant.h"
#include "log/kafka/logkafka.h"

#include <stdio.h>

static void close_log(struct log *log) {
    struct logkafka *lk = logkafka_of(log);
    lkclient_close(lk);
    map_fini(&lk->parts);
    map_fini(&lk->topics);
    pthread_cond_destroy(&lk->moved);
    pthread_cond_destroy(&lk->queued);
    pthread_mutex_destroy(&lk->lock);
    pthread_rwlock_destroy(&lk->put_rw);
    arena_fini(&lk->arena);
    base_free(lk);
}

static int producer_new(struct log *log UNUSED, int64_t *producer_id UNUSED) {
    return err_fail(ERR_UNSUPPORTED, "a producer's id is given by Kafka to its own clients");
}

static void watch(struct log *log UNUSED, void (*fn)(void *arg) UNUSED, void *arg UNUSED) {
}

static int retain(struct log *log UNUSED) {
    return 0; /* the broker does */
}

static int state(struct log *log) {
    struct logkafka *lk = logkafka_of(log);
    int err = lkclient_alive(lk);
    size_t waiting = atomic_load(&lk->waiting);
    if (err && waiting) return err_add(err, "%zu appends wait", waiting);
    return err;
}

static const struct log_ops kafka_ops = {
    .name = "kafka",
    .caps = 0,
    .close = close_log,
    .stop = lkput_stop,
    .state = state,
    .topic_create = lkadmin_create,
    .topic_delete = lkadmin_delete,
    .topic_get = lkadmin_get,
    .topic_list = lkadmin_list,
    .topic_set = lkadmin_set,
    .topic_grow = lkadmin_grow,
    .submit = lkput_submit,
    .producer_new = producer_new,
    .span = lkread_span,
    .span_near = lkread_span_near,
    .read = lkread_read,
    .seek_time = lkread_seek_time,
    .trim = lkadmin_trim,
    .wait = lkread_wait,
    .wake = lkread_wake,
    .watch = watch,
    .retain = retain,
    .group_list = lkgroup_list,
    .group_get = lkgroup_get,
};

int lkopen_open(struct log **out, const struct log_conf *conf, const char *at) {
    struct logkafka *lk = base_calloc(1, sizeof *lk);
    pthread_condattr_t attr;
    lk->base.ops = &kafka_ops;
    lk->base.env = conf->env;
    lk->replication = -1;
    pthread_mutex_init(&lk->lock, NULL);
    pthread_rwlock_init(&lk->put_rw, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&lk->moved, &attr);
    pthread_cond_init(&lk->queued, &attr);
    pthread_condattr_destroy(&attr);
    map_init(&lk->parts);
    map_init(&lk->topics);
    assert(!conf->fence || conf->group);
    int err = lkclient_configure(lk, conf, at);
    bool alone = lk->no_term || MUTANT("kafka-not-fenced") || MUTANT("kafka-plain-producer");
    if (!alone) lk->fence = conf->fence;
    lk->term_id = arena_printf(&lk->arena, "sluice-%s", conf->group ? conf->group : "").ptr;
    if (!err) err = lkclient_consumer(lk, &lk->consumer[0]);
    if (!err) err = lkclient_producer(lk, &lk->producer);
    if (!err) err = lkclient_serve(lk);
    if (!err && lk->fence) err = lkterm_start(lk);
    if (err) {
        close_log(&lk->base);
        return err;
    }
    *out = &lk->base;
    return 0;
}
