/* lkread.c - positions in partitions, and reading from them.
 *
 * The log's readers ask for an offset; Kafka's clients push what follows a position. So a partition
 * has up to LOGKAFKA_READER_MAX positions, one a consumer: who reads on finds his own by the offset
 * it stands at, anybody else moves the one that was not used longest. Records are made into batches
 * again, at their true offsets; where the broker has nothing (compacted away, a transaction's
 * marker) there is a gap, at the end of the partition a batch without records leads past it.
 * Consumers beyond the first are opened when several positions are really in use. */
#include "base/err.h"
#include "log/kafka/logkafka.h"

#include <stdio.h>

#define OUT_MAX    (64 * MIB)
#define BATCH_MAX  MIB
#define READ_US    10000000 /* records that must be there are waited for so long */
#define EMPTY_US   2000000  /* and those that may be hidden by a transaction, so long */
#define NAP_US     50000
#define BUSY_US    2000000  /* a position used so lately is taken only when there is no other */
#define IDLE_US    30000000
#define NEAR_US    1000000
#define KEY_MAX    (LOG_TOPIC_MAX + 16)

/* ---- partitions ---- */

static struct lkpart *part_new(struct str topic, int32_t no) {
    struct lkpart *part = base_calloc(1, sizeof *part);
    part->topic = base_alloc(topic.len + 1);
    memcpy(part->topic, topic.ptr, topic.len);
    part->topic[topic.len] = 0;
    part->part = no;
    part->start = part->end = -1;
    pthread_mutex_init(&part->put_lock, NULL);
    pthread_mutex_init(&part->lock, NULL);
    buf_init(&part->out, OUT_MAX);
    return part;
}

static int part_cnt_of(struct logkafka *lk, struct str topic, int32_t no, int32_t *cnt) {
    pthread_mutex_lock(&lk->lock);
    const struct lktopic *known = map_get(&lk->topics, topic);
    *cnt = known ? known->part_cnt : 0;
    pthread_mutex_unlock(&lk->lock);
    return no < *cnt ? 0 : lkadmin_part_cnt(lk, topic, cnt);
}

int lkread_part(struct logkafka *lk, struct str topic, int32_t no, struct lkpart **out) {
    char key[KEY_MAX];
    int32_t cnt;
    int err = part_cnt_of(lk, topic, no, &cnt);
    if (err) return err;
    if (no >= cnt)
        return err_fail(ERR_NOT_FOUND, "topic %.*s has no partition %d", STR_ARG(topic), no);
    snprintf(key, sizeof key, "%.*s:%d", STR_ARG(topic), no);
    pthread_mutex_lock(&lk->lock);
    *out = map_get(&lk->parts, str_of(key));
    if (!*out && lk->parts.cnt >= LOGKAFKA_PART_MAX)
        err = err_fail(ERR_FULL, "more than %d partitions were looked at", LOGKAFKA_PART_MAX);
    if (!*out && !err) {
        *out = part_new(topic, no);
        map_put(&lk->parts, str_of(key), *out);
    }
    pthread_mutex_unlock(&lk->lock);
    return err;
}

/* ---- readers ---- */

static void drop_held(struct lkreader *reader) {
    while (reader->at < reader->cnt) rd_kafka_message_destroy(reader->held[reader->at++]);
    reader->at = reader->cnt = 0;
}

static void reader_stop(struct lkreader *reader, int32_t part) {
    drop_held(reader);
    if (reader->active) rd_kafka_consume_stop(reader->topic, part);
    reader->active = false;
    reader->fault = 0;
    reader->eof = -1;
}

static void reader_free(struct lkreader *reader, int32_t part) {
    if (!reader) return;
    reader_stop(reader, part);
    rd_kafka_queue_cb_event_enable(reader->queue, NULL, NULL);
    rd_kafka_queue_destroy(reader->queue);
    rd_kafka_topic_destroy(reader->topic);
    base_free(reader);
}

static void on_queue(rd_kafka_t *rk UNUSED, void *arg) {
    lkclient_moved(arg);
}

/* The consumer, opened when it is not yet. */
static int consumer_of(struct logkafka *lk, int at, rd_kafka_t **out) {
    pthread_mutex_lock(&lk->lock);
    *out = lk->consumer[at];
    pthread_mutex_unlock(&lk->lock);
    if (*out) return 0;
    int err = lkclient_consumer(lk, out);
    if (err) return err;
    pthread_mutex_lock(&lk->lock);
    rd_kafka_t *other = lk->consumer[at], *spare = *out;
    if (other) *out = other;
    else lk->consumer[at] = spare;
    pthread_mutex_unlock(&lk->lock);
    if (other) rd_kafka_destroy_flags(spare, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    return 0;
}

static int reader_of(struct logkafka *lk, struct lkpart *part, int at, struct lkreader **out) {
    rd_kafka_t *rk;
    *out = part->reader[at];
    if (*out) return 0;
    int err = consumer_of(lk, at, &rk);
    if (err) return err;
    struct lkreader *reader = base_calloc(1, sizeof *reader);
    reader->topic = rd_kafka_topic_new(rk, part->topic, NULL);
    reader->queue = rd_kafka_queue_new(rk);
    CHECK(reader->topic && reader->queue);
    rd_kafka_queue_cb_event_enable(reader->queue, on_queue, lk);
    *out = part->reader[at] = reader;
    return 0;
}

static int reader_move(struct logkafka *lk, struct lkpart *part, struct lkreader *reader,
                       int64_t offset) {
    reader_stop(reader, part->part);
    if (rd_kafka_consume_start_queue(reader->topic, part->part, offset, reader->queue))
        return lkclient_fail(lk, rd_kafka_last_error(), "reading");
    reader->active = true;
    reader->next = offset;
    return 0;
}

/* The position that stands at `offset`, or one that is moved there. Under part->lock. */
static int pick(struct logkafka *lk, struct lkpart *part, int64_t offset, struct lkreader **out) {
    int64_t now_us = env_mono_us(lk->base.env), oldest_us = INT64_MAX;
    int at = 0, err = 0;
    *out = NULL;
    for (int i = 0; i < LOGKAFKA_READER_MAX && !*out; i++) {
        struct lkreader *reader = part->reader[i];
        int64_t used_us = reader ? reader->used_us : now_us - BUSY_US; /* a new one costs */
        if (reader && reader->active && reader->next == offset && !reader->fault) *out = reader;
        if (used_us < oldest_us) oldest_us = used_us, at = i;
    }
    if (!*out) {
        err = reader_of(lk, part, at, out);
        if (!err) err = reader_move(lk, part, *out, offset);
    }
    if (!err) (*out)->used_us = now_us;
    return err;
}

/* A message that is none: the end, or an error. */
static void take_event(struct lkreader *reader, const rd_kafka_message_t *message) {
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        reader->eof = message->offset;
        return;
    }
    reader->fault = lkclient_err(message->err);
    snprintf(reader->note, sizeof reader->note, "%s", rd_kafka_message_errstr(message));
}

/* Takes over what has come, without waiting. Under part->lock. */
static void fill(struct lkreader *reader) {
    rd_kafka_message_t *got[LOGKAFKA_HELD_MAX];
    if (reader->at < reader->cnt) return;
    reader->at = reader->cnt = 0;
    ssize_t cnt = rd_kafka_consume_batch_queue(reader->queue, 0, got, LOGKAFKA_HELD_MAX);
    for (ssize_t i = 0; i < cnt; i++) {
        if (!got[i]->err && got[i]->offset >= reader->next) {
            reader->held[reader->cnt++] = got[i];
            continue;
        }
        if (got[i]->err) take_event(reader, got[i]);
        rd_kafka_message_destroy(got[i]);
    }
}

static bool has_records(const struct lkreader *reader) {
    return reader->at < reader->cnt;
}

/* ---- spans ---- */

static int look(struct logkafka *lk, struct lkpart *part) {
    int64_t start = 0, end = 0;
    rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(
        lk->consumer[0], part->topic, part->part, &start, &end, LOGKAFKA_REQUEST_MS);
    if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
        code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC || code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION)
        lkread_forget(lk, str_of(part->topic));
    if (code) return lkclient_fail(lk, code, part->topic);
    pthread_mutex_lock(&part->lock);
    part->start = start;
    part->end = MAX(end, start);
    part->looked_us = env_mono_us(lk->base.env);
    pthread_mutex_unlock(&part->lock);
    return 0;
}

/* Who asks for the exact end wants to append behind it: of another term nothing may come after. */
int lkread_span(struct log *log, struct str topic, int32_t no, struct log_span *out) {
    struct logkafka *lk = logkafka_of(log);
    struct lkpart *part;
    int err = lkclient_alive(lk);
    if (!err && lk->fence) err = lkput_ready(lk);
    if (!err) err = lkread_part(lk, topic, no, &part);
    if (!err) err = look(lk, part);
    if (err) return err;
    pthread_mutex_lock(&part->lock);
    *out = (struct log_span){part->start, part->end, -1};
    pthread_mutex_unlock(&part->lock);
    return 0;
}

/* The end as fetches tell it, never before what was read or could be. Under part->lock. */
static void end_by_readers(struct logkafka *lk, struct lkpart *part) {
    for (int i = 0; i < LOGKAFKA_READER_MAX; i++) {
        struct lkreader *reader = part->reader[i];
        int64_t low, high;
        if (!reader || !reader->active) continue;
        fill(reader);
        int64_t end = has_records(reader) ? reader->held[reader->cnt - 1]->offset + 1
                                          : reader->next;
        if (!rd_kafka_get_watermark_offsets(lk->consumer[i], part->topic, part->part, &low, &high))
            end = MAX(end, high);
        part->end = MAX(part->end, end);
    }
}

int lkread_span_near(struct log *log, struct str topic, int32_t no, struct log_span *out) {
    struct logkafka *lk = logkafka_of(log);
    struct lkpart *part;
    int err = lkclient_alive(lk);
    if (!err) err = lkread_part(lk, topic, no, &part);
    if (err) return err;
    pthread_mutex_lock(&part->lock);
    bool old = !part->looked_us || env_mono_us(log->env) - part->looked_us > NEAR_US;
    pthread_mutex_unlock(&part->lock);
    if (old) err = look(lk, part);
    if (err) return err;
    pthread_mutex_lock(&part->lock);
    end_by_readers(lk, part);
    *out = (struct log_span){part->start, part->end, -1};
    pthread_mutex_unlock(&part->lock);
    return 0;
}

void lkread_acked(struct lkpart *part, int64_t end) {
    pthread_mutex_lock(&part->lock);
    part->end = MAX(part->end, end);
    pthread_mutex_unlock(&part->lock);
}

/* ---- records into batches ---- */

/* `header` has room for RECORD_HEADER_MAX; more than that are left out of none but are an error. */
static int record_of(const rd_kafka_message_t *message, struct record_header *header,
                     struct record *out) {
    rd_kafka_headers_t *headers;
    rd_kafka_timestamp_type_t kind;
    *out = (struct record){.key = {message->key, message->key_len},
                           .value = {message->payload, message->len},
                           .ts_ms = rd_kafka_message_timestamp(message, &kind),
                           .offset = message->offset,
                           .header = header};
    if (!out->key.ptr) out->key.len = 0;
    if (!out->value.ptr) out->value.len = 0;
    if (rd_kafka_message_headers(message, &headers)) return 0;
    const char *name;
    const void *value;
    size_t len;
    while (!rd_kafka_header_get_all(headers, out->header_cnt, &name, &value, &len)) {
        if (out->header_cnt == RECORD_HEADER_MAX)
            return err_fail(ERR_TOO_BIG, "the record at offset %" PRId64 " has more than %d "
                            "headers", message->offset, RECORD_HEADER_MAX);
        header[out->header_cnt++] = (struct record_header){str_of(name), {value, len}};
    }
    return 0;
}

struct copy { /* a batch being made of messages */
    struct buf *out;
    struct recbatch_build build;
    bool open;
    int64_t base, ts_ms;
    bool stamped; /* all records of the batch have the broker's time ts_ms */
};

static int copy_seal(struct copy *copy) {
    if (!copy->open) return 0;
    copy->open = false;
    if (copy->stamped) {
        copy->build.attributes |= RECBATCH_APPEND_TIME;
        copy->build.max_ts = copy->ts_ms;
    }
    size_t pos = copy->build.pos;
    int err = recbatch_seal(&copy->build);
    if (!err) recbatch_place(copy->out->ptr + pos, copy->base, 0);
    return err;
}

static int copy_add(struct copy *copy, const rd_kafka_message_t *message) {
    struct record_header header[RECORD_HEADER_MAX];
    struct record record;
    rd_kafka_timestamp_type_t kind;
    bool stamped = rd_kafka_message_timestamp(message, &kind) >= 0 &&
                   kind == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME;
    int err = record_of(message, header, &record);
    if (err) return err;
    size_t more = record.key.len + record.value.len;
    bool fits = copy->open && stamped == copy->stamped &&
                (!stamped || record.ts_ms == copy->ts_ms) &&
                record.offset - copy->base < INT32_MAX &&
                recbatch_size(&copy->build) + more <= BATCH_MAX;
    if (!fits) {
        err = copy_seal(copy);
        if (err) return err;
        recbatch_begin(&copy->build, copy->out);
        copy->open = true;
        copy->stamped = stamped;
        copy->base = record.offset;
        copy->ts_ms = record.ts_ms;
    }
    return recbatch_add_at(&copy->build, &record, (int32_t)(record.offset - copy->base));
}

/* What the reader has, up to about `max` bytes, at least one record. */
static int take(struct lkpart *part, struct lkreader *reader, size_t max) {
    struct copy copy = {.out = &part->out};
    int err = 0;
    buf_reset(&part->out);
    while (!err && has_records(reader) && (!part->out.len || part->out.len < max)) {
        rd_kafka_message_t *message = reader->held[reader->at];
        err = copy_add(&copy, message);
        if (err) break;
        reader->next = message->offset + 1;
        reader->at++;
        rd_kafka_message_destroy(message);
        fill(reader);
    }
    int late = copy_seal(&copy);
    return err ? err : late;
}

/* ---- reading ---- */

static int out_of_range(struct lkpart *part, int64_t offset) {
    return err_fail(ERR_RANGE, "offset %" PRId64 " of %s-%d: there are %" PRId64 " to %" PRId64,
                    offset, part->topic, part->part, part->start, part->end);
}

/* Asks the broker when what is known does not hold the offset. */
static int check_range(struct logkafka *lk, struct lkpart *part, int64_t offset) {
    if (offset < 0) return out_of_range(part, offset);
    pthread_mutex_lock(&part->lock);
    bool inside = part->looked_us && offset >= part->start && offset <= part->end;
    pthread_mutex_unlock(&part->lock);
    int err = inside ? 0 : look(lk, part);
    if (err || inside) return err;
    return offset >= part->start && offset <= part->end ? 0 : out_of_range(part, offset);
}

static int fail_of(struct logkafka *lk, struct lkpart *part, struct lkreader *reader) {
    int err = reader->fault;
    part->looked_us = 0;
    if (err == ERR_NOT_FOUND) lkread_forget(lk, str_of(part->topic));
    err_fail((enum err)err, "%s-%d: %s", part->topic, part->part, reader->note);
    reader_stop(reader, part->part);
    return err;
}

static void nap(struct logkafka *lk, uint64_t *moves) {
    int64_t until_us = env_mono_us(lk->base.env) + NAP_US;
    struct timespec until = {until_us / 1000000, until_us % 1000000 * 1000};
    pthread_mutex_lock(&lk->lock);
    if (*moves == lk->moves) pthread_cond_timedwait(&lk->moved, &lk->lock, &until);
    *moves = lk->moves;
    pthread_mutex_unlock(&lk->lock);
}

/* Waits for records that are there, or for the end. Under part->lock: it is given up while
 * waiting. */
static int await(struct logkafka *lk, struct lkpart *part, struct lkreader *reader,
                 int64_t offset) {
    int64_t since_us = env_mono_us(lk->base.env);
    uint64_t moves = 0;
    for (;;) {
        if (!reader->active || reader->next != offset)
            return err_fail(ERR_AGAIN, "%s-%d: too many readers", part->topic, part->part);
        fill(reader);
        if (reader->fault) return fail_of(lk, part, reader);
        if (has_records(reader) || (reader->eof >= 0 && reader->eof >= part->end)) return 0;
        int64_t waited_us = env_mono_us(lk->base.env) - since_us;
        if (reader->eof >= 0 && waited_us > EMPTY_US) return 0;
        if (waited_us > READ_US)
            return lkclient_fail(lk, RD_KAFKA_RESP_ERR__TIMED_OUT, part->topic);
        int err = lkclient_alive(lk);
        if (err) return err;
        reader->used_us = env_mono_us(lk->base.env);
        pthread_mutex_unlock(&part->lock);
        nap(lk, &moves);
        pthread_mutex_lock(&part->lock);
    }
}

static int read_locked(struct logkafka *lk, struct lkpart *part, int64_t offset, size_t max) {
    struct lkreader *reader;
    int err = pick(lk, part, offset, &reader);
    if (!err) err = await(lk, part, reader, offset);
    if (err) return err;
    if (has_records(reader)) return take(part, reader, max);
    buf_reset(&part->out);
    if (reader->eof > offset && reader->eof - offset <= INT32_MAX) {
        recbatch_gap(&part->out, offset, reader->eof);
        reader->next = reader->eof;
    }
    return 0;
}

int lkread_read(struct log *log, const struct log_pos *pos, size_t max, struct arena *arena,
                struct str *out) {
    struct logkafka *lk = logkafka_of(log);
    struct lkpart *part;
    int err = lkclient_alive(lk);
    if (!err) err = lkread_part(lk, pos->topic, pos->part, &part);
    if (!err) err = check_range(lk, part, pos->offset);
    if (err) return err;
    pthread_mutex_lock(&part->lock);
    err = read_locked(lk, part, pos->offset, max);
    if (!err) *out = arena_str(arena, buf_str(&part->out));
    pthread_mutex_unlock(&part->lock);
    return err;
}

/* ---- times ---- */

static int offset_at(struct logkafka *lk, const struct log_pos *pos, int64_t ts_ms,
                     int64_t *offset) {
    char name[LOG_TOPIC_MAX + 1];
    snprintf(name, sizeof name, "%.*s", STR_ARG(pos->topic));
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *one = rd_kafka_topic_partition_list_add(list, name, pos->part);
    one->offset = MAX(ts_ms, (int64_t)0);
    rd_kafka_resp_err_t code =
        rd_kafka_offsets_for_times(lk->consumer[0], list, LOGKAFKA_REQUEST_MS);
    if (!code) code = one->err;
    *offset = one->offset >= 0 ? one->offset : -1; /* none: the client says END */
    rd_kafka_topic_partition_list_destroy(list);
    return code ? lkclient_fail(lk, code, name) : 0;
}

int lkread_seek_time(struct log *log, const struct log_pos *pos, int64_t ts_ms, int64_t *offset,
                     int64_t *ts_out) {
    struct logkafka *lk = logkafka_of(log);
    struct arena arena = ARENA_INIT;
    struct recbatch_iter it;
    struct record record;
    struct lkpart *part;
    struct str bytes;
    int64_t found = -1;
    int err = lkclient_alive(lk);
    if (!err) err = lkread_part(lk, pos->topic, pos->part, &part);
    if (!err) err = offset_at(lk, pos, ts_ms, &found);
    struct log_pos at = {pos->topic, pos->part, found};
    if (!err && found >= 0) err = lkread_read(log, &at, 1, &arena, &bytes);
    if (!err && found >= 0) {
        recbatch_walk(&it, bytes, found, &arena);
        if (recbatch_next(&it, &record)) *offset = record.offset, *ts_out = record.ts_ms;
        err = it.err;
    }
    arena_fini(&arena);
    return err;
}

/* ---- waiting ---- */

/* Is there something, be it an error, to be read? What cannot be looked at is for the reader to
 * hear. */
static bool is_ready(struct logkafka *lk, const struct log_pos *pos) {
    struct lkpart *part;
    struct lkreader *reader;
    if (lkread_part(lk, pos->topic, pos->part, &part)) return true;
    if (check_range(lk, part, pos->offset)) return true;
    pthread_mutex_lock(&part->lock);
    bool ready = pick(lk, part, pos->offset, &reader) != 0;
    if (!ready) fill(reader);
    if (!ready) ready = has_records(reader) || reader->fault || reader->eof > pos->offset;
    pthread_mutex_unlock(&part->lock);
    return ready;
}

int lkread_wait(struct log *log, const struct log_pos *pos, size_t cnt, int64_t timeout_us) {
    struct logkafka *lk = logkafka_of(log);
    int64_t until_us = env_mono_us(log->env) + MIN(timeout_us, INT64_MAX / 4);
    struct timespec until = {until_us / 1000000, until_us % 1000000 * 1000};
    pthread_mutex_lock(&lk->lock);
    uint64_t wakes = lk->wakes;
    for (int rc = 0; !rc && wakes == lk->wakes && !atomic_load(&lk->stopping);) {
        uint64_t moves = lk->moves;
        bool any = false, down = lk->down;
        pthread_mutex_unlock(&lk->lock);
        for (size_t i = 0; i < cnt && !any && !down; i++) any = is_ready(lk, &pos[i]);
        pthread_mutex_lock(&lk->lock);
        if (any || timeout_us <= 0) break;
        while (!rc && moves == lk->moves && wakes == lk->wakes && !atomic_load(&lk->stopping))
            rc = pthread_cond_timedwait(&lk->moved, &lk->lock, &until);
    }
    pthread_mutex_unlock(&lk->lock);
    return 0;
}

void lkread_wake(struct log *log) {
    struct logkafka *lk = logkafka_of(log);
    pthread_mutex_lock(&lk->lock);
    lk->wakes++;
    pthread_cond_broadcast(&lk->moved);
    pthread_mutex_unlock(&lk->lock);
}

/* ---- tidying ---- */

/* All partitions there are now; they stay until the log is closed. */
static struct lkpart **all_parts(struct logkafka *lk, size_t *cnt) {
    void *value;
    *cnt = 0;
    pthread_mutex_lock(&lk->lock);
    struct lkpart **all = base_calloc(lk->parts.cnt + 1, sizeof *all);
    for (size_t at = 0; map_next(&lk->parts, &at, NULL, &value);) all[(*cnt)++] = value;
    pthread_mutex_unlock(&lk->lock);
    return all;
}

void lkread_forget(struct logkafka *lk, struct str topic) {
    pthread_mutex_lock(&lk->lock);
    base_free(map_del(&lk->topics, topic));
    pthread_mutex_unlock(&lk->lock);
}

void lkread_gone(struct logkafka *lk, struct str topic) {
    size_t cnt;
    struct lkpart **all = all_parts(lk, &cnt);
    lkread_forget(lk, topic);
    for (size_t i = 0; i < cnt; i++) {
        if (!str_eqz(topic, all[i]->topic)) continue;
        pthread_mutex_lock(&all[i]->lock);
        for (int at = 0; at < LOGKAFKA_READER_MAX; at++)
            if (all[i]->reader[at]) reader_stop(all[i]->reader[at], all[i]->part);
        all[i]->start = all[i]->end = -1;
        all[i]->looked_us = 0;
        pthread_mutex_unlock(&all[i]->lock);
    }
    base_free(all);
}

void lkread_tidy(struct logkafka *lk) {
    size_t cnt;
    struct lkpart **all = all_parts(lk, &cnt);
    int64_t now_us = env_mono_us(lk->base.env);
    for (size_t i = 0; i < cnt; i++) {
        if (pthread_mutex_trylock(&all[i]->lock)) continue;
        for (int at = 0; at < LOGKAFKA_READER_MAX; at++) {
            struct lkreader *reader = all[i]->reader[at];
            if (!reader || now_us - reader->used_us < IDLE_US) continue;
            reader_free(reader, all[i]->part);
            all[i]->reader[at] = NULL;
        }
        pthread_mutex_unlock(&all[i]->lock);
    }
    base_free(all);
}

void lkread_close(struct logkafka *lk) {
    size_t cnt, at = 0;
    struct lkpart **all = all_parts(lk, &cnt);
    void *topic;
    for (size_t i = 0; i < cnt; i++) {
        for (int r = 0; r < LOGKAFKA_READER_MAX; r++)
            reader_free(all[i]->reader[r], all[i]->part);
        pthread_mutex_destroy(&all[i]->lock);
        pthread_mutex_destroy(&all[i]->put_lock);
        buf_fini(&all[i]->out);
        base_free(all[i]->topic);
        base_free(all[i]);
    }
    base_free(all);
    while (map_next(&lk->topics, &at, NULL, &topic)) base_free(topic);
}
