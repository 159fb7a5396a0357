/* commit.c - the committer.
 *
 * A lazy partition (flush.messages, flush.ms, LOG_ACK_WRITTEN) has been acknowledged at its write;
 * it stays on emb->lazy until it is due. Every so many bytes or seconds the round ends with a
 * checkpoint, so that recovery has little to look at. */
#include "log/embedded/commit.h"

#include "base/diag.h"
#include "base/err.h"
#include "base/metric.h"
#include "base/mutant.h"
#include "log/embedded/checkpoint.h"
#include "log/embedded/part.h"

static struct metric *sync_time, *sync_cnt;

void commit_queue(struct part *part) {
    struct emb *emb = part->emb;
    pthread_mutex_lock(&emb->queue_lock);
    if (!part->queued) {
        part->queued = true;
        part_ref(part);
        part->queue_next = emb->queue;
        emb->queue = part;
    }
    emb->pending = true;
    pthread_cond_signal(&emb->queue_cond);
    pthread_mutex_unlock(&emb->queue_lock);
}

void commit_moved(struct emb *emb) {
    pthread_mutex_lock(&emb->move_lock);
    emb->moves++;
    pthread_cond_broadcast(&emb->move_cond);
    void (*watch)(void *arg) = emb->watch;
    void *arg = emb->watch_arg;
    pthread_mutex_unlock(&emb->move_lock);
    if (watch) watch(arg);
}

static bool is_lazy(const struct part *part) {
    return part->policy.lazy_sync || part->emb->ack == LOG_ACK_WRITTEN ||
           MUTANT("ack-before-fsync");
}

/* Under part->lock: may the sync wait? Sets when it may not any more. */
static bool can_wait(struct part *part, int64_t now_us) {
    if (!is_lazy(part) || part->first_waiter) return false;
    bool own = part->policy.lazy_sync;
    int64_t most = own ? part->policy.flush_messages : INT64_MAX;
    int64_t ms = own ? part->policy.flush_ms : EMB_WRITTEN_SYNC_MS;
    if (part->emb->ack == LOG_ACK_WRITTEN && own) ms = MIN(ms, EMB_WRITTEN_SYNC_MS);
    if (!part->sync_due_us)
        part->sync_due_us = ms > INT64_MAX / 2000 ? INT64_MAX : now_us + ms * 1000;
    return part->unsynced < most && now_us < part->sync_due_us;
}

/* Syncs one partition; returns the waiters to answer. *later: not due, keep it queued. */
static struct waiter *commit_part(struct part *part, bool force, bool *later) {
    struct emb *emb = part->emb;
    int err = 0;
    pthread_mutex_lock(&part->lock);
    *later = !force && !part->gone && can_wait(part, env_mono_us(emb->base.env));
    struct seg *seg = part->seg_cnt ? part->seg[part->seg_cnt - 1] : NULL;
    if (*later || part->gone || !seg || !seg->dirty) seg = NULL;
    int64_t end = part->end, pos = seg ? seg->size : 0, unsynced = part->unsynced;
    if (seg) seg->dirty = false; /* its pin is ours now */
    if (seg) part->sync_due_us = 0;
    pthread_mutex_unlock(&part->lock);
    if (*later) return NULL;
    if (seg) {
        int64_t since = env_mono_us(emb->base.env);
        err = env_sync(seg->file);
        metric_observe(sync_time, env_mono_us(emb->base.env) - since);
        metric_add(sync_cnt, 1);
    }
    pthread_mutex_lock(&part->lock);
    if (err) atomic_store(&emb->dead, true);
    bool same = seg && part->seg_cnt && part->seg[part->seg_cnt - 1] == seg;
    if (seg && !err && end > part->hwm) part->hwm = end;
    if (same && !err) part->hwm_pos = MAX(part->hwm_pos, pos);
    if (same && !err) part->unsynced -= MIN(unsynced, part->unsynced);
    struct waiter *served = err ? NULL : part_served(part, false);
    pthread_mutex_unlock(&part->lock);
    if (seg) seg_unpin(&emb->pool, seg);
    return served;
}

/* After a failed sync: answers all who wait. */
static void fail_all(struct emb *emb) {
    struct waiter *all = NULL;
    void *topic;
    pthread_rwlock_rdlock(&emb->topics_lock);
    for (size_t at = 0; map_next(&emb->topics, &at, NULL, &topic);) {
        const struct topic *one = topic;
        for (int32_t i = 0; i < one->part_cnt; i++) {
            pthread_mutex_lock(&one->part[i]->lock);
            struct waiter *mine = part_served(one->part[i], true), **end = &mine;
            pthread_mutex_unlock(&one->part[i]->lock);
            while (*end)
                end = &(*end)->next;
            *end = all;
            all = mine;
        }
    }
    pthread_rwlock_unlock(&emb->topics_lock);
    err_fail(ERR_IO, "the log stopped after a failed sync; restart it");
    part_answer(all, ERR_IO);
}

/* Takes the queue, together with what was not due last time. They stay `queued`, and queue_next
 * ours, until unqueue(). */
static struct part *take_queue(struct emb *emb) {
    pthread_mutex_lock(&emb->queue_lock);
    struct part *list = emb->queue, **end = &list;
    emb->queue = NULL;
    emb->pending = false;
    while (*end)
        end = &(*end)->queue_next;
    pthread_mutex_unlock(&emb->queue_lock);
    *end = emb->lazy;
    emb->lazy = NULL;
    return list;
}

/* From here on a new append queues it again. */
static struct part *unqueue(struct part *part) {
    pthread_mutex_lock(&part->emb->queue_lock);
    struct part *next = part->queue_next;
    part->queued = false;
    pthread_mutex_unlock(&part->emb->queue_lock);
    return next;
}

/* Not due: back among those that wait, unless an append has queued it meanwhile. */
static void put_off(struct emb *emb, struct part *part) {
    pthread_mutex_lock(&emb->queue_lock);
    bool again = part->queued;
    part->queued = true;
    if (!again) {
        part->queue_next = emb->lazy;
        emb->lazy = part;
    }
    pthread_mutex_unlock(&emb->queue_lock);
    if (again) part_unref(part);
}

static void checkpoint_when_due(struct emb *emb) {
    int64_t now_us = env_mono_us(emb->base.env);
    int64_t bytes = atomic_load(&emb->unmarked);
    if (!bytes || atomic_load(&emb->dead)) return;
    if (bytes < EMB_CHECKPOINT_BYTES && now_us - emb->checkpoint_us < EMB_CHECKPOINT_US) return;
    if (checkpoint_write(emb))
        diag_warn("log", "checkpoint not written, recovery would take longer: %s", err_note());
}

/* One round; `force` syncs what is not due, too. Waiters are called without `work`, so that they
 * may use the log. */
static void round_run(struct emb *emb, bool force) {
    pthread_mutex_lock(&emb->work);
    bool was_dead = atomic_load(&emb->dead);
    for (struct part *part = take_queue(emb), *next; part; part = next) {
        struct waiter *served = NULL;
        bool later = false;
        next = unqueue(part);
        if (!atomic_load(&emb->dead)) served = commit_part(part, force, &later);
        if (served) {
            pthread_mutex_unlock(&emb->work);
            part_answer(served, 0);
            pthread_mutex_lock(&emb->work);
        }
        if (later)
            put_off(emb, part);
        else
            part_unref(part);
    }
    if (!was_dead) checkpoint_when_due(emb);
    bool dead = atomic_load(&emb->dead);
    if (dead && !was_dead)
        diag_error("log", "a sync failed; nothing is acknowledged any more: %s", err_note());
    pthread_mutex_unlock(&emb->work);
    if (dead) fail_all(emb);
    commit_moved(emb);
}

void commit_flush(struct emb *emb) {
    assert(emb->inline_commit);
    round_run(emb, false);
}

/* Microseconds until a lazy partition or the checkpoint is due; -1: nothing is. */
static int64_t due_in(struct emb *emb) {
    int64_t now_us = env_mono_us(emb->base.env), due = INT64_MAX;
    for (const struct part *part = emb->lazy; part; part = part->queue_next)
        due = MIN(due, part->sync_due_us);
    if (atomic_load(&emb->unmarked)) due = MIN(due, emb->checkpoint_us + EMB_CHECKPOINT_US);
    return due == INT64_MAX || atomic_load(&emb->dead) ? -1 : MAX(due - now_us, 1000);
}

static void sleep_locked(struct emb *emb, int64_t us) {
    if (us < 0) {
        pthread_cond_wait(&emb->queue_cond, &emb->queue_lock);
        return;
    }
    int64_t until = env_mono_us(emb->base.env) + us;
    struct timespec ts = {until / 1000000, until % 1000000 * 1000};
    pthread_cond_timedwait(&emb->queue_cond, &emb->queue_lock, &ts);
}

static void *run(void *arg) {
    struct emb *emb = arg;
    pthread_mutex_lock(&emb->queue_lock);
    while (!emb->stop) {
        if (!emb->pending) sleep_locked(emb, due_in(emb));
        if (emb->stop) break;
        pthread_mutex_unlock(&emb->queue_lock);
        round_run(emb, false);
        pthread_mutex_lock(&emb->queue_lock);
    }
    pthread_mutex_unlock(&emb->queue_lock);
    return NULL;
}

int commit_start(struct emb *emb) {
    sync_time = metric_histogram("sluice_log_sync_seconds", "Time of one file's sync.", "");
    sync_cnt = metric_counter("sluice_log_sync_total", "Files synced by the committer.", "");
    if (emb->inline_commit) return 0;
    if (pthread_create(&emb->thread, NULL, run, emb))
        return err_fail(ERR_INTERNAL, "the committer's thread does not start");
    emb->running = true;
    return 0;
}

void commit_stop(struct emb *emb) {
    if (emb->running) {
        pthread_mutex_lock(&emb->queue_lock);
        emb->stop = true;
        pthread_cond_signal(&emb->queue_cond);
        pthread_mutex_unlock(&emb->queue_lock);
        pthread_join(emb->thread, NULL);
        emb->running = false;
    }
    round_run(emb, true);
}
