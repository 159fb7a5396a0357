/* log_bench.c - the embedded log on real files: appends, waiters, reads, recovery.
 *
 *   log_bench [DIR] [SECONDS]     default /tmp/sluice-log-bench, 2
 *
 * Batches are 64 KiB of equal records, built once, so what is measured is the log: checks, write,
 * sync, answer. Durable means fdatasync before the answer. CPU is user + system of the process. */
#include "base/err.h"
#include "log/log.h"
#include "wire/kafka/recbatch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#define BATCH_BYTES ((size_t)64 << 10)
#define DEPTH       5 /* batches in flight per partition, as a producer has them */

static const char *dir = "/tmp/sluice-log-bench";
static int64_t run_us = 2000000;

static void must(int err) {
    if (!err) return;
    fprintf(stderr, "log_bench: %s: %s\n", err_name(err), err_note());
    exit(1);
}

static int64_t cpu_us(void) {
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return (use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000000 + use.ru_utime.tv_usec +
           use.ru_stime.tv_usec;
}

static struct log *open_log(enum log_ack_mode ack, bool fresh) {
    char url[512];
    struct log *log;
    snprintf(url, sizeof url, "embedded:%s", dir);
    if (fresh) must(env_remove_tree(env_real(), dir));
    must(log_open(&log, &(struct log_conf){.env = env_real(), .url = url, .ack = ack}));
    return log;
}

static int build(struct buf *out, size_t record_bytes) {
    struct recbatch_build build;
    char value[4096];
    int cnt = 0;
    memset(value, 'v', sizeof value);
    recbatch_begin(&build, out);
    struct record rec = {.value = {value, record_bytes}, .ts_ms = env_now_ms(env_real())};
    while (recbatch_size(&build) + record_bytes < BATCH_BYTES) {
        must(recbatch_add(&build, &rec));
        cnt++;
    }
    must(recbatch_seal(&build));
    return cnt;
}

/* ---- many in flight ---- */

struct flight {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    int open;
    int64_t done;
};

static void landed(void *arg, int err, int64_t base) {
    struct flight *flight = arg;
    (void)base;
    must(err);
    pthread_mutex_lock(&flight->lock);
    flight->open--;
    flight->done++;
    pthread_cond_signal(&flight->cond);
    pthread_mutex_unlock(&flight->lock);
}

static void appends(enum log_ack_mode ack, int parts, size_t record_bytes) {
    struct log *log = open_log(ack, true);
    struct flight flight = {.lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER};
    struct buf buf;
    buf_init(&buf, MIB);
    int cnt = build(&buf, record_bytes);
    must(log_topic_create(log, STR("t"), parts, NULL, 0));
    int64_t since = env_mono_us(env_real()), cpu = cpu_us(), now = since;
    for (int part = 0; now - since < run_us; part = (part + 1) % parts) {
        pthread_mutex_lock(&flight.lock);
        while (flight.open >= DEPTH * parts)
            pthread_cond_wait(&flight.cond, &flight.lock);
        flight.open++;
        pthread_mutex_unlock(&flight.lock);
        must(log_submit(log, STR("t"), part, buf_str(&buf), landed, &flight));
        now = env_mono_us(env_real());
    }
    pthread_mutex_lock(&flight.lock);
    while (flight.open)
        pthread_cond_wait(&flight.cond, &flight.lock);
    pthread_mutex_unlock(&flight.lock);
    double seconds = (double)(env_mono_us(env_real()) - since) / 1e6;
    double records = (double)(flight.done * cnt);
    printf("append %s %2d partitions %4zu B: %9.0f records/s %7.1f MB/s %6.2f CPU-s/M\n",
           ack == LOG_ACK_DURABLE ? "durable" : "written", parts, record_bytes, records / seconds,
           (double)flight.done * (double)buf.len / seconds / 1e6,
           (double)(cpu_us() - cpu) / records);
    buf_fini(&buf);
    log_close(log);
}

/* ---- threads that wait ---- */

#define WAITER_CNT 8
#define SAMPLE_MAX 200000

struct waiter {
    struct log *log;
    int32_t part;
    size_t record_bytes;
    int64_t until;
    size_t cnt;
    int32_t *sample;
};

static void *wait_run(void *arg) {
    struct waiter *waiter = arg;
    struct buf buf;
    struct recbatch_build build;
    char value[4096];
    memset(value, 'v', sizeof value);
    buf_init(&buf, MIB);
    recbatch_begin(&build, &buf);
    struct record rec = {.value = {value, waiter->record_bytes}};
    must(recbatch_add(&build, &rec));
    must(recbatch_seal(&build));
    for (int64_t now = 0; now < waiter->until && waiter->cnt < SAMPLE_MAX;) {
        int64_t base, since = env_mono_us(env_real());
        must(log_append(waiter->log, STR("t"), waiter->part, buf_str(&buf), &base));
        now = env_mono_us(env_real());
        waiter->sample[waiter->cnt++] = (int32_t)(now - since);
    }
    buf_fini(&buf);
    return NULL;
}

static int by_value(const void *a, const void *b) {
    return *(const int32_t *)a - *(const int32_t *)b;
}

static void waiters(int parts, size_t record_bytes) {
    struct log *log = open_log(LOG_ACK_DURABLE, true);
    struct waiter waiter[WAITER_CNT];
    pthread_t thread[WAITER_CNT];
    int32_t *all = base_calloc(WAITER_CNT * SAMPLE_MAX, sizeof *all);
    must(log_topic_create(log, STR("t"), parts, NULL, 0));
    for (int i = 0; i < WAITER_CNT; i++) {
        waiter[i] = (struct waiter){log,
                                    i % parts,
                                    record_bytes,
                                    env_mono_us(env_real()) + run_us,
                                    0,
                                    base_calloc(SAMPLE_MAX, sizeof *all)};
        if (pthread_create(&thread[i], NULL, wait_run, &waiter[i])) exit(1);
    }
    size_t cnt = 0;
    for (int i = 0; i < WAITER_CNT; i++) {
        pthread_join(thread[i], NULL);
        memcpy(all + cnt, waiter[i].sample, waiter[i].cnt * sizeof *all);
        cnt += waiter[i].cnt;
        base_free(waiter[i].sample);
    }
    qsort(all, cnt, sizeof *all, by_value);
    printf("append and wait, %d threads, %2d partitions %4zu B: %7.0f appends/s, p50 %d us, p99 %d "
           "us, p99.9 %d us\n",
           WAITER_CNT, parts, record_bytes, (double)cnt * 1e6 / (double)run_us, all[cnt / 2],
           all[cnt * 99 / 100], all[cnt * 999 / 1000]);
    base_free(all);
    log_close(log);
}

/* ---- reading and recovery ---- */

static void fill(struct log *log, size_t bytes) {
    struct buf buf;
    int64_t base;
    buf_init(&buf, MIB);
    build(&buf, 1000);
    must(log_topic_create(log, STR("t"), 1, NULL, 0));
    for (size_t done = 0; done < bytes; done += buf.len)
        must(log_append(log, STR("t"), 0, buf_str(&buf), &base));
    buf_fini(&buf);
}

static void reads(void) {
    struct log *log = open_log(LOG_ACK_WRITTEN, true);
    struct arena arena = ARENA_INIT;
    struct log_span span;
    size_t bytes = 0, records = 0;
    fill(log, 512 * MIB);
    must(log_span(log, STR("t"), 0, &span));
    int64_t since = env_mono_us(env_real()), cpu = cpu_us();
    for (int64_t at = span.start; at < span.end;) {
        struct str out;
        struct recbatch_head head;
        must(log_read(log, STR("t"), 0, at, MIB, &arena, &out));
        for (struct str rest = out; rest.len; rest.ptr += head.size, rest.len -= head.size) {
            must(recbatch_peek(rest, &head));
            at = recbatch_end(&head);
            records += (size_t)head.count;
        }
        bytes += out.len;
        arena_reset(&arena);
    }
    int64_t us = env_mono_us(env_real()) - since;
    printf("read by 1 MiB: %.0f MB/s, %.0f records/s, %.3f CPU-s/M\n", (double)bytes / (double)us,
           (double)records * 1e6 / (double)us, (double)(cpu_us() - cpu) / (double)records);
    since = env_mono_us(env_real());
    size_t seen = 0;
    for (int64_t at = span.start; at < span.end;) {
        struct str out;
        struct recbatch_iter it;
        struct record rec;
        must(log_read(log, STR("t"), 0, at, MIB, &arena, &out));
        recbatch_walk(&it, out, at, &arena);
        while (recbatch_next(&it, &rec))
            at = rec.offset + 1, seen++;
        must(it.err);
        arena_reset(&arena);
    }
    us = env_mono_us(env_real()) - since;
    printf("read and walk each 1000 B record: %.0f MB/s, %.0f records/s\n",
           (double)bytes / (double)us, (double)seen * 1e6 / (double)us);
    arena_fini(&arena);
    log_close(log);
}

static void open_timed(const char *what) {
    int64_t since = env_mono_us(env_real());
    struct log *log = open_log(LOG_ACK_DURABLE, false);
    printf("open 1 GB, %s: %.3f s\n", what, (double)(env_mono_us(env_real()) - since) / 1e6);
    log_close(log);
}

static void recovery(void) {
    char path[512];
    struct log *log = open_log(LOG_ACK_WRITTEN, true);
    fill(log, 1000 * MIB);
    log_close(log);
    open_timed("closed cleanly");
    snprintf(path, sizeof path, "%s/checkpoint", dir);
    must(env_unlink(env_real(), path));
    open_timed("checkpoint lost: all verified and written anew");
}

int main(int argc, char **argv) {
    if (argc > 1) dir = argv[1];
    if (argc > 2) run_us = atoll(argv[2]) * 1000000;
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int parts = 1; parts <= 16; parts += 15) {
        appends(LOG_ACK_DURABLE, parts, 100);
        appends(LOG_ACK_DURABLE, parts, 1000);
    }
    appends(LOG_ACK_WRITTEN, 1, 100);
    appends(LOG_ACK_WRITTEN, 1, 1000);
    waiters(1, 100);
    waiters(8, 100);
    reads();
    recovery();
    must(env_remove_tree(env_real(), dir));
    return 0;
}
