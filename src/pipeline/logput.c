/* logput.c - one open batch a partition, and a count of appends under way. */
#include "pipeline/logput.h"

#include "base/diag.h"
#include "base/err.h"
#include "wire/kafka/recbatch.h"

#include <pthread.h>

#define BUF_MAX (LOG_BATCH_MAX + MIB)

struct open_batch {
    struct buf buf;
    struct recbatch_build build;
    bool open;
};

struct logput {
    struct log *log;
    char *topic;
    int32_t part_cnt;
    struct open_batch *part;
    pthread_mutex_t lock;
    pthread_cond_t done;
    int waiting; /* appends under way, under lock */
    int err;     /* the first error of a flush, under lock */
    char note[ERR_NOTE_MAX];
};

int logput_open(struct logput **out, struct log *log, struct str topic, int32_t part_cnt) {
    assert(part_cnt > 0);
    struct logput *put = base_calloc(1, sizeof *put);
    struct arena arena = ARENA_INIT;
    put->log = log;
    put->topic = base_strdup(arena_strz(&arena, topic));
    arena_fini(&arena);
    put->part_cnt = part_cnt;
    put->part = base_calloc((size_t)part_cnt, sizeof *put->part);
    for (int32_t i = 0; i < part_cnt; i++) buf_init(&put->part[i].buf, BUF_MAX);
    pthread_mutex_init(&put->lock, NULL);
    pthread_cond_init(&put->done, NULL);
    *out = put;
    return 0;
}

void logput_close(struct logput *put) {
    if (!put) return;
    for (int32_t i = 0; i < put->part_cnt; i++) buf_fini(&put->part[i].buf);
    pthread_cond_destroy(&put->done);
    pthread_mutex_destroy(&put->lock);
    base_free(put->part);
    base_free(put->topic);
    base_free(put);
}

static int seal(struct open_batch *part) {
    if (!part->open) return 0;
    part->open = false;
    return recbatch_seal(&part->build);
}

int logput_add(struct logput *put, int32_t part_no, const struct record *record) {
    assert(part_no >= 0 && part_no < put->part_cnt);
    struct open_batch *part = &put->part[part_no];
    int err = 0;
    size_t more = record->key.len + record->value.len;
    if (part->open && recbatch_size(&part->build) + more > LOGPUT_BATCH) err = seal(part);
    if (!err && part->buf.len >= LOG_BATCH_MAX / 2) err = logput_flush(put);
    if (err) return err;
    if (!part->open) {
        recbatch_begin(&part->build, &part->buf);
        part->open = true;
    }
    return recbatch_add(&part->build, record);
}

static void appended(void *arg, int err, int64_t base_offset UNUSED) {
    struct logput *put = arg;
    pthread_mutex_lock(&put->lock);
    if (err && !put->err) {
        put->err = err;
        memcpy(put->note, err_note(), sizeof put->note);
    }
    if (--put->waiting == 0) pthread_cond_signal(&put->done);
    pthread_mutex_unlock(&put->lock);
}

int logput_flush(struct logput *put) {
    int err = 0;
    pthread_mutex_lock(&put->lock);
    put->waiting = 1; /* this function's own share, so that none signals too early */
    put->err = 0;
    pthread_mutex_unlock(&put->lock);
    for (int32_t i = 0; i < put->part_cnt && !err; i++) {
        struct open_batch *part = &put->part[i];
        err = seal(part);
        if (err || !part->buf.len) continue;
        pthread_mutex_lock(&put->lock);
        put->waiting++;
        pthread_mutex_unlock(&put->lock);
        err = log_submit(put->log, str_of(put->topic), i, buf_str(&part->buf), appended, put);
        if (err) appended(put, err, -1);
    }
    pthread_mutex_lock(&put->lock);
    put->waiting--;
    while (put->waiting > 0) pthread_cond_wait(&put->done, &put->lock);
    if (put->err) err = err_fail((enum err)put->err, "%s", put->note);
    pthread_mutex_unlock(&put->lock);
    logput_drop(put);
    return err;
}

void logput_drop(struct logput *put) {
    for (int32_t i = 0; i < put->part_cnt; i++) {
        struct open_batch *part = &put->part[i];
        if (part->open) recbatch_drop(&part->build);
        part->open = false;
        buf_reset(&part->buf);
    }
}

size_t logput_pending(const struct logput *put) {
    size_t len = 0;
    for (int32_t i = 0; i < put->part_cnt; i++) len += put->part[i].buf.len;
    return len;
}

void logput_foresee(struct log *log, struct str topic, int32_t part_cnt, int64_t max) {
    struct log_pos *pos = base_calloc((size_t)part_cnt, sizeof *pos);
    size_t cnt = 0;
    for (int32_t i = 0; i < part_cnt; i++) {
        struct log_span span;
        if (log_span(log, topic, i, &span) || span.start == span.end) continue;
        pos[cnt++] = (struct log_pos){topic, i, MAX(span.start, span.end - max)};
    }
    if (cnt && log_wait(log, pos, cnt, 0)) diag_debug("log", "%s", err_note());
    base_free(pos);
}

int logput_tail(struct log *log, struct str topic, int32_t part, int64_t max,
                void (*each)(void *arg, const struct record *record), void *arg) {
    struct log_span span;
    struct arena arena = ARENA_INIT;
    int err = log_span(log, topic, part, &span);
    int64_t offset = err ? 0 : MAX(span.start, span.end - max);
    while (!err && offset < span.end) {
        struct recbatch_iter it;
        struct record record;
        struct str bytes;
        arena_reset(&arena);
        err = log_read(log, topic, part, offset, MIB, &arena, &bytes);
        if (err || !bytes.len) break;
        recbatch_walk(&it, bytes, offset, &arena);
        int64_t before = offset;
        while (recbatch_next(&it, &record)) {
            each(arg, &record);
            offset = record.offset + 1;
        }
        err = it.err;
        if (offset == before) break; /* only control batches left */
    }
    arena_fini(&arena);
    return err;
}
