/* lkput.c - appends: batches taken apart, their records produced, the answers counted.
 *
 * librdkafka makes its own batches of what it is given; what is promised is the order of a
 * partition's records, that each is there once, and that of a submit a prefix arrives if not all.
 * A broker that is away is waited for without end, inside the client, where sequence numbers tell
 * what has arrived; only an error that waiting cannot cure ends a submit. It also ends the
 * producer, so that nothing behind it arrives: all that was handed over fails, and a new producer
 * takes what comes after. Whoever submitted looks at the partition's end and goes on from there. */
#include "base/diag.h"
#include "base/err.h"
#include "log/kafka/logkafka.h"

#include <stdio.h>

#define FLUSH_MS 2000
#define RENEW_US 1000000

/* The last of them answers. */
void lkput_drop(struct lkticket *ticket, size_t cnt) {
    if (atomic_fetch_sub(&ticket->left, cnt) != cnt) return;
    struct logkafka *lk = ticket->lk;
    if (ticket->err) err_fail((enum err)ticket->err, "%s", ticket->note);
    else lkread_acked(ticket->part, ticket->last + 1);
    ticket->done(ticket->arg, ticket->err, ticket->err ? -1 : ticket->first);
    atomic_fetch_sub(&lk->pending, ticket->bytes);
    pthread_mutex_destroy(&ticket->lock);
    base_free(ticket->batch);
    base_free(ticket);
    atomic_fetch_sub(&lk->waiting, 1);
}

void lkput_fail(struct lkticket *ticket, int err, const char *note) {
    pthread_mutex_lock(&ticket->lock);
    if (!ticket->err) {
        ticket->err = err;
        snprintf(ticket->note, sizeof ticket->note, "%s", note);
    }
    pthread_mutex_unlock(&ticket->lock);
}

/* A fatal error names what came of another: the words of the first one are kept. */
static void note_failure(rd_kafka_t *rk, struct lkticket *ticket,
                         const rd_kafka_message_t *message) {
    struct logkafka *lk = ticket->lk;
    char fatal[200] = "";
    enum err err = lkclient_err(message->err);
    rd_kafka_resp_err_t code = rd_kafka_fatal_error(rk, fatal, sizeof fatal);
    if (err == ERR_NET && code) err = ERR_AGAIN;
    err_fail(err, "kafka %s: topic %s partition %d: %s%s%s", lk->hosts, ticket->part->topic,
             ticket->part->part, rd_kafka_err2str(message->err), *fatal ? ": " : "", fatal);
    lkput_fail(ticket, err, err_note());
    if (err != ERR_STOPPED && code) atomic_store(&lk->broken, true);
}

void lkput_delivered(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque UNUSED) {
    struct lkticket *ticket = message->_private;
    if (message->err) {
        note_failure(rk, ticket, message);
    } else {
        pthread_mutex_lock(&ticket->lock);
        if (ticket->first < 0 || message->offset < ticket->first) ticket->first = message->offset;
        ticket->last = MAX(ticket->last, message->offset);
        pthread_mutex_unlock(&ticket->lock);
    }
    lkput_drop(ticket, 1);
}

/* ---- handing records over ---- */

static rd_kafka_headers_t *headers_of(const struct record *record) {
    if (!record->header_cnt) return NULL;
    rd_kafka_headers_t *headers = rd_kafka_headers_new(record->header_cnt);
    for (uint32_t i = 0; i < record->header_cnt; i++) {
        const struct record_header *one = &record->header[i];
        if (rd_kafka_header_add(headers, one->name.ptr ? one->name.ptr : "",
                                (ssize_t)one->name.len, one->value.ptr, (ssize_t)one->value.len))
            NEVER();
    }
    return headers;
}

/* Time 0 means "now" to the client: the first millisecond of 1970 is taken for its second. */
static rd_kafka_resp_err_t hand_over(struct lkticket *ticket, const struct record *record) {
    rd_kafka_headers_t *headers = headers_of(record);
    void *key = (void *)(uintptr_t)record->key.ptr, *value = (void *)(uintptr_t)record->value.ptr;
    int64_t ts_ms = record->ts_ms ? record->ts_ms : 1;
    rd_kafka_vu_t vu[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = ticket->part->topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = ticket->part->part},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {key, record->key.len}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {value, record->value.len}},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = ts_ms},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = ticket},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
    };
    size_t cnt = headers ? ARRAY_LEN(vu) : ARRAY_LEN(vu) - 1;
    rd_kafka_error_t *error = rd_kafka_produceva(ticket->lk->producer, vu, cnt);
    if (!error) return RD_KAFKA_RESP_ERR_NO_ERROR;
    rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    rd_kafka_error_destroy(error);
    if (headers) rd_kafka_headers_destroy(headers);
    return code;
}

/* All `cnt` records of the batches, up to the first that is not taken: how many are left. */
static size_t hand_over_all(struct lkticket *ticket, struct str batches, size_t cnt,
                         struct arena *arena) {
    struct recbatch_iter it;
    struct record record;
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
    size_t taken = 0;
    recbatch_walk(&it, batches, 0, arena);
    while (!code && taken < cnt && recbatch_next(&it, &record)) {
        code = hand_over(ticket, &record);
        if (!code) taken++;
    }
    int err = code ? lkclient_fail(ticket->lk, code, ticket->part->topic) : it.err;
    if (err) lkput_fail(ticket, err, err_note());
    CHECK(err || taken == cnt);
    return cnt - taken;
}

void lkput_hand_over(struct lkticket *ticket) {
    struct arena arena = ARENA_INIT;
    ticket->handed = true;
    size_t missing = hand_over_all(ticket, (struct str){ticket->batch, ticket->bytes}, ticket->cnt,
                                   &arena);
    arena_fini(&arena);
    if (missing) lkput_drop(ticket, missing);
}

/* Whole batches of records that decode, with nothing of a producer's own in them: the producer
 * that Kafka will know is ours. */
static int check(struct str batches, size_t *cnt) {
    struct recbatch_head head;
    *cnt = 0;
    if (!batches.len) return err_fail(ERR_INVAL, "an append without a batch");
    for (; batches.len; batches.ptr += head.size, batches.len -= head.size) {
        int err = recbatch_check(batches, &head);
        if (!err) err = recbatch_check_records((struct str){batches.ptr, head.size}, false);
        if (err) return err;
        if (head.producer_id >= 0 || head.attributes & (RECBATCH_TRANSACTIONAL | RECBATCH_CONTROL))
            return err_fail(ERR_UNSUPPORTED, "a batch of producer %" PRId64 " cannot be passed on "
                            "to Kafka: sluice is the producer there", head.producer_id);
        *cnt += (size_t)head.count;
    }
    return 0;
}

static int reserve(struct logkafka *lk, size_t bytes) {
    size_t before = atomic_fetch_add(&lk->pending, bytes);
    if (!before || before + bytes <= LOGKAFKA_PENDING_MAX) return 0;
    atomic_fetch_sub(&lk->pending, bytes);
    return err_fail(ERR_AGAIN, "kafka %s: %zu MiB wait for their answers already", lk->hosts,
                    before / MIB);
}

/* A producer that met an error is made anew in a moment. */
static void await_renewal(struct logkafka *lk) {
    int64_t until_us = env_mono_us(lk->base.env) + RENEW_US;
    struct timespec until = {until_us / 1000000, until_us % 1000000 * 1000};
    pthread_mutex_lock(&lk->lock);
    for (int rc = 0; !rc && atomic_load(&lk->broken) && !atomic_load(&lk->stopping);)
        rc = pthread_cond_timedwait(&lk->moved, &lk->lock, &until);
    pthread_mutex_unlock(&lk->lock);
}

int lkput_ready(struct logkafka *lk) {
    if (!atomic_load(&lk->broken)) return 0;
    await_renewal(lk);
    if (!atomic_load(&lk->broken)) return 0;
    return err_fail(ERR_AGAIN, "kafka %s: the producer is being made anew", lk->hosts);
}

/* The records are copied, since they wait for the transaction before. */
static int queue(struct lkticket *ticket, struct str batch) {
    if (atomic_load(&ticket->lk->broken)) await_renewal(ticket->lk);
    ticket->batch = base_alloc(batch.len);
    memcpy(ticket->batch, batch.ptr, batch.len);
    return lkterm_submit(ticket);
}

static int submit(struct lkticket *ticket, struct str batch, size_t cnt) {
    struct logkafka *lk = ticket->lk;
    struct arena arena = ARENA_INIT;
    size_t missing = 0;
    int err = 0;
    if (atomic_load(&lk->broken)) await_renewal(lk);
    pthread_rwlock_rdlock(&lk->put_rw);
    pthread_mutex_lock(&ticket->part->put_lock);
    if (atomic_load(&lk->broken))
        err = err_fail(ERR_AGAIN, "kafka %s: the producer is being made anew", lk->hosts);
    else missing = hand_over_all(ticket, batch, cnt, &arena);
    pthread_mutex_unlock(&ticket->part->put_lock);
    pthread_rwlock_unlock(&lk->put_rw);
    arena_fini(&arena);
    if (!err) lkput_drop(ticket, missing + 1);
    return err;
}

int lkput_submit(struct log *log, struct str topic, int32_t part_no, struct str batch,
                 log_done_fn *done, void *arg) {
    struct logkafka *lk = logkafka_of(log);
    struct lkpart *part;
    size_t cnt;
    int err = lkclient_alive(lk);
    if (!err) err = check(batch, &cnt);
    if (!err) err = lkread_part(lk, topic, part_no, &part);
    if (!err) err = reserve(lk, batch.len);
    if (err) return err;
    struct lkticket *ticket = base_calloc(1, sizeof *ticket);
    *ticket = (struct lkticket){.lk = lk, .part = part, .done = done, .arg = arg,
                                .bytes = batch.len, .cnt = cnt, .first = -1, .last = -1};
    atomic_init(&ticket->left, cnt + 1);
    pthread_mutex_init(&ticket->lock, NULL);
    atomic_fetch_add(&lk->waiting, 1);
    err = lk->fence ? queue(ticket, batch) : submit(ticket, batch, cnt);
    if (!err) return 0;
    atomic_fetch_sub(&lk->pending, batch.len);
    atomic_fetch_sub(&lk->waiting, 1);
    pthread_mutex_destroy(&ticket->lock);
    base_free(ticket->batch);
    base_free(ticket);
    return err;
}

/* ---- the end of a producer ---- */

void lkput_renew(struct logkafka *lk) {
    rd_kafka_t *fresh;
    if (rd_kafka_outq_len(lk->producer) || atomic_load(&lk->stopping)) return;
    if (lkclient_producer(lk, &fresh)) {
        diag_error("log", "%s", err_note());
        return;
    }
    pthread_rwlock_wrlock(&lk->put_rw); /* nobody is handing over, and the old one takes nothing */
    rd_kafka_t *old = lk->producer;
    lk->producer = fresh;
    atomic_store(&lk->broken, false);
    pthread_rwlock_unlock(&lk->put_rw);
    lkclient_moved(lk);
    rd_kafka_destroy(old);
}

void lkput_stop(struct log *log) {
    struct logkafka *lk = logkafka_of(log);
    if (atomic_exchange(&lk->stopping, true)) return;
    lkclient_moved(lk);
    if (lk->fence) return; /* lkterm ends what is under way */
    pthread_rwlock_rdlock(&lk->put_rw);
    rd_kafka_flush(lk->producer, FLUSH_MS);
    rd_kafka_purge(lk->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    pthread_rwlock_unlock(&lk->put_rw);
}
