/* lkterm.c - appends where several nodes take turns: each a Kafka transaction of our term.
 *
 * A node that is frozen may hold records in its client, or have sent them, when another takes over.
 * The lease cannot stop those; the broker can. All nodes of a group use one transactional.id: the
 * node that takes over registers it anew, with which Kafka ends what the one before had open and
 * takes nothing more from it. Only then it reads the ends of partitions, so nothing can come in
 * behind what it read.
 *
 * One thread makes the transactions: of what was submitted while the last one was committed, all
 * goes into the next. An append is answered when its transaction is committed. What fails takes all
 * that was submitted behind it along, and the producer is made anew; submits then come one a
 * transaction until nothing is left, so that the one Kafka refuses does not stop the others.
 *
 * Invariants: (1) the fence is checked after a producer was registered and before each of its
 * transactions begins: one that was registered in our term is superseded before the next term reads
 * an end; (2) a node that does not lead registers nothing; (3) the outcome of a commit is not
 * guessed: it is asked for until told, or the producer is registered anew, which settles it. */
#include "base/diag.h"
#include "base/err.h"
#include "log/kafka/logkafka.h"

#include <stdio.h>

#define STEP_MS    500     /* of asking the coordinator, between looks at whether we stop */
#define IDLE_US    50000
#define BACKOFF_US 100000
#define STOP_US    2000000 /* a commit that is under way when we stop gets so long */
#define DRAIN_US   5000000

/* Until there is something to do, or the time. */
static void nap(struct logkafka *lk, int64_t us) {
    int64_t until_us = env_mono_us(lk->base.env) + us;
    struct timespec until = {until_us / 1000000, until_us % 1000000 * 1000};
    pthread_mutex_lock(&lk->lock);
    if (!lk->queue && !atomic_load(&lk->closing))
        pthread_cond_timedwait(&lk->queued, &lk->lock, &until);
    pthread_mutex_unlock(&lk->lock);
}

/* All that waits, or the first of it. */
static struct lkticket *take(struct logkafka *lk) {
    pthread_mutex_lock(&lk->lock);
    struct lkticket *first = lk->queue;
    if (!first || !lk->one_by_one) {
        lk->queue = NULL;
        lk->queue_end = &lk->queue;
        lk->one_by_one = false;
    } else {
        lk->queue = first->next;
        if (!lk->queue) lk->queue_end = &lk->queue;
        first->next = NULL;
    }
    pthread_mutex_unlock(&lk->lock);
    return first;
}

/* Their own share of each, and of those that were not handed over, all; `err`: of those that have
 * no error yet. */
static void answer(struct lkticket *ticket, int err, const char *note) {
    while (ticket) {
        struct lkticket *next = ticket->next;
        if (err) lkput_fail(ticket, err, note);
        lkput_drop(ticket, ticket->handed ? 1 : ticket->cnt + 1);
        ticket = next;
    }
}

/* ---- a new producer ---- */

/* That brokers are away others say. */
static void say_why(struct logkafka *lk, const char *text, int err) {
    pthread_mutex_lock(&lk->lock);
    bool news = strncmp(lk->term_why, text, sizeof lk->term_why - 1) != 0;
    snprintf(lk->term_why, sizeof lk->term_why, "%s", text);
    pthread_mutex_unlock(&lk->lock);
    if (err && news && err != ERR_TIMEOUT && err != ERR_FENCED && err != ERR_NET)
        diag_warn("log", "kafka %s: transactions: %s", lk->hosts, text);
}

/* What was handed over and not answered is answered now: it failed. */
static void drain(struct logkafka *lk) {
    int64_t until_us = env_mono_us(lk->base.env) + DRAIN_US;
    rd_kafka_purge(lk->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    while (rd_kafka_outq_len(lk->producer) && env_mono_us(lk->base.env) < until_us)
        rd_kafka_poll(lk->producer, 20);
}

static int renew(struct logkafka *lk) {
    rd_kafka_t *fresh;
    drain(lk);
    if (rd_kafka_outq_len(lk->producer)) return ERR_AGAIN;
    int err = lkclient_producer(lk, &fresh);
    if (err) return err;
    rd_kafka_destroy(lk->producer);
    lk->producer = fresh;
    lk->used = false;
    return 0;
}

/* Registers the producer: from then on Kafka takes nothing from the one before it. */
static int enroll(struct logkafka *lk) {
    int64_t epoch;
    int err = fence_take(lk->fence, &epoch);
    if (!err && lk->used) err = renew(lk);
    if (err) return err;
    rd_kafka_error_t *error = rd_kafka_init_transactions(lk->producer, STEP_MS);
    if (!error) {
        lk->used = true;
        atomic_store(&lk->broken, false);
        say_why(lk, "", 0);
        lkclient_moved(lk);
        return 0;
    }
    if (!rd_kafka_error_is_retriable(error)) lk->used = true;
    err = err_fail(lkclient_err(rd_kafka_error_code(error)), "%s%s", rd_kafka_error_string(error),
                   rd_kafka_error_is_fatal(error) ? "; several nodes need a broker that has them "
                   "and a user that may Write this id, or   transactions: off   among the log's "
                   "properties, with which a frozen leader's records may be there twice" : "");
    rd_kafka_error_destroy(error);
    return err;
}

/* ---- a transaction ---- */

static int fail(struct logkafka *lk, rd_kafka_error_t *error, const char *what) {
    enum err err = lkclient_err(rd_kafka_error_code(error));
    if (!err_retry(err) && err != ERR_DENIED && err != ERR_TOO_BIG) err = ERR_AGAIN;
    err_fail(err, "kafka %s: %s: %s", lk->hosts, what, rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
    return err;
}

/* Asks until it is told, however long the brokers are away. */
static int commit(struct logkafka *lk) {
    int64_t stop_us = 0;
    for (;;) {
        rd_kafka_error_t *error = rd_kafka_commit_transaction(lk->producer, STEP_MS);
        if (!error) return 0;
        int64_t now_us = env_mono_us(lk->base.env);
        if (!stop_us && atomic_load(&lk->stopping)) stop_us = now_us + STOP_US;
        bool again = rd_kafka_error_is_retriable(error);
        if (!again || (stop_us && now_us >= stop_us)) return fail(lk, error, "commit");
        rd_kafka_error_destroy(error);
    }
}

/* Everything of the tickets into one transaction. A ticket's own failure - a record too big, say -
 * is its own: what came before it in its partition stays. */
static int transact(struct logkafka *lk, struct lkticket *first) {
    int64_t epoch;
    int err = fence_take(lk->fence, &epoch);
    if (err) return err;
    rd_kafka_error_t *error = rd_kafka_begin_transaction(lk->producer);
    if (error) return fail(lk, error, "begin");
    for (struct lkticket *it = first; it; it = it->next) lkput_hand_over(it);
    return commit(lk);
}

static void give_up(struct logkafka *lk, struct lkticket *first, int err) {
    char note[ERR_NOTE_MAX];
    snprintf(note, sizeof note, "%s", err_note());
    atomic_store(&lk->broken, true); /* nothing is queued behind what fails now */
    if (err != ERR_FENCED && !atomic_load(&lk->stopping)) diag_warn("log", "%s", note);
    if (atomic_load(&lk->stopping)) { /* else readers would wait for its time-out */
        rd_kafka_error_t *error = rd_kafka_abort_transaction(lk->producer, STEP_MS);
        if (error) rd_kafka_error_destroy(error);
    }
    drain(lk);
    answer(first, err, note);
}

/* Without a producer nothing may wait: who submitted must look at what arrived. */
static void turn_away(struct logkafka *lk) {
    pthread_mutex_lock(&lk->lock);
    struct lkticket *behind = lk->queue;
    lk->queue = NULL;
    lk->queue_end = &lk->queue;
    lk->one_by_one = true;
    pthread_mutex_unlock(&lk->lock);
    answer(behind, ERR_AGAIN, "the producer that was to append it has failed");
}

static void *term_main(void *arg) {
    struct logkafka *lk = arg;
    pthread_setname_np(pthread_self(), "log-term");
    while (!atomic_load(&lk->closing)) {
        rd_kafka_poll(lk->producer, 0);
        bool broken = atomic_load(&lk->broken);
        if (broken) turn_away(lk);
        if (broken && !atomic_load(&lk->stopping)) {
            int err = enroll(lk);
            if (err) say_why(lk, err_note(), err);
            if (err && err != ERR_TIMEOUT) env_sleep_us(lk->base.env, BACKOFF_US);
            continue;
        }
        struct lkticket *first = broken ? NULL : take(lk);
        int err = first ? transact(lk, first) : 0;
        if (err) give_up(lk, first, err);
        else answer(first, 0, "");
        if (!first) nap(lk, IDLE_US);
    }
    return NULL;
}

int lkterm_start(struct logkafka *lk) {
    lk->queue_end = &lk->queue;
    atomic_store(&lk->broken, true); /* until it is registered */
    int errnum = pthread_create(&lk->term, NULL, term_main, lk);
    if (errnum) return err_fail_os(ERR_AGAIN, errnum, "cannot start the log's thread");
    lk->termed = true;
    return 0;
}

/* ---- handing in ---- */

int lkterm_submit(struct lkticket *ticket) {
    struct logkafka *lk = ticket->lk;
    int err = 0;
    pthread_mutex_lock(&lk->lock);
    if (atomic_load(&lk->broken)) {
        err = err_fail(ERR_AGAIN, "kafka %s: this term's producer is not ready%s%s", lk->hosts,
                       *lk->term_why ? ": " : "", lk->term_why);
    } else {
        *lk->queue_end = ticket;
        lk->queue_end = &ticket->next;
        pthread_cond_signal(&lk->queued);
    }
    pthread_mutex_unlock(&lk->lock);
    return err;
}
