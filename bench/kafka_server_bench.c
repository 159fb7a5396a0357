/* kafka_server_bench.c - records through a Kafka broker by librdkafka: produced, then consumed.
 *
 *   kafka_server_bench HOST:PORT PID [RECORDS [BYTES [PARTITIONS]]]
 *
 * PID is the broker's, whose CPU time is shown beside; any broker will do, so that two can be
 * compared by the same client. Records are idempotent, acks=all, linger 5 ms, batches of 64 KiB. */
#include "base/env.h"
#include "base/err.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int64_t number(int argc, char **argv, int i, int64_t otherwise) {
    int64_t n;
    return i < argc && !str_i64(str_of(argv[i]), &n) ? n : otherwise;
}

static NORETURN void stop(const char *what, const char *why) {
    fprintf(stderr, "kafka_server_bench: %s: %s\n", what, why);
    exit(1);
}

/* User and system time of a process so far, in seconds; 0 when it cannot be told. */
static double cpu_of(int64_t pid) {
    char path[64], text[1024] = "";
    size_t len = 0;
    unsigned long user = 0, sys = 0;
    struct env_file *file;
    snprintf(path, sizeof path, "/proc/%" PRId64 "/stat", pid);
    if (env_open(env_real(), path, ENV_READ, &file)) return 0;
    int err = env_read(file, 0, text, sizeof text - 1, &len);
    const char *rest = err ? NULL : memchr(text, ')', len);
    if (rest)
        sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &sys);
    env_file_close(file);
    return (double)(user + sys) / (double)sysconf(_SC_CLK_TCK);
}

static rd_kafka_t *client(rd_kafka_type_t type, const char *const *pairs) {
    char why[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    for (; *pairs; pairs += 2)
        if (rd_kafka_conf_set(conf, pairs[0], pairs[1], why, sizeof why) != RD_KAFKA_CONF_OK)
            stop(pairs[0], why);
    rd_kafka_t *rk = rd_kafka_new(type, conf, why, sizeof why);
    if (!rk) stop("client", why);
    return rk;
}

static void report(const char *what, int64_t cnt, int64_t bytes, int64_t us, double cpu) {
    double s = (double)us / 1e6, m = (double)cnt / 1e6;
    printf("%-8s %9.0f rec/s  %7.1f MB/s  broker %.2f CPU-s/M\n", what, (double)cnt / s,
           (double)(cnt * bytes) / 1e6 / s, cpu / m);
    fflush(stdout);
}

static void produce(const char *broker, const char *topic, int64_t cnt, int64_t bytes,
                    int64_t pid) {
    const char *conf[] = {"bootstrap.servers", broker, "enable.idempotence", "true", "linger.ms",
                          "5", "batch.size", "65536", "queue.buffering.max.messages", "1000000",
                          NULL};
    rd_kafka_t *rk = client(RD_KAFKA_PRODUCER, conf);
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(rk, topic, NULL);
    char *value = base_alloc((size_t)bytes);
    env_random(env_real(), value, (size_t)bytes);
    double cpu = cpu_of(pid);
    int64_t began = env_mono_us(env_real());
    for (int64_t i = 0; i < cnt; i++) {
        while (rd_kafka_produce(rkt, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, value,
                                (size_t)bytes, NULL, 0, NULL))
            rd_kafka_poll(rk, 10); /* the queue is full */
    }
    if (rd_kafka_flush(rk, 120000)) stop("flush", "not all records were delivered");
    report("produce", cnt, bytes, env_mono_us(env_real()) - began, cpu_of(pid) - cpu);
    base_free(value);
    rd_kafka_topic_destroy(rkt);
    rd_kafka_destroy(rk);
}

static void consume(const char *broker, const char *topic, int64_t cnt, int64_t bytes,
                    int64_t pid) {
    const char *conf[] = {"bootstrap.servers", broker, "group.id", topic, "auto.offset.reset",
                          "earliest", "enable.auto.commit", "false", "fetch.max.bytes", "33554432",
                          "max.partition.fetch.bytes", "4194304", NULL};
    rd_kafka_t *rk = client(RD_KAFKA_CONSUMER, conf);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_message_t *batch[1000];
    rd_kafka_poll_set_consumer(rk);
    rd_kafka_topic_partition_list_add(list, topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(rk);
    if (rd_kafka_subscribe(rk, list)) stop("subscribe", topic);
    double cpu = cpu_of(pid);
    int64_t got = 0, began = 0;
    while (got < cnt) {
        ssize_t n = rd_kafka_consume_batch_queue(queue, 1000, batch, ARRAY_LEN(batch));
        if (!began && n > 0) began = env_mono_us(env_real());
        for (ssize_t i = 0; i < n; i++) {
            got += batch[i]->err == 0;
            rd_kafka_message_destroy(batch[i]);
        }
    }
    report("consume", cnt, bytes, env_mono_us(env_real()) - began, cpu_of(pid) - cpu);
    rd_kafka_queue_destroy(queue);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
}

int main(int argc, char **argv) {
    if (argc < 3) {
        printf("usage: kafka_server_bench HOST:PORT PID [RECORDS [BYTES [PARTITIONS]]]\n");
        return 0; /* nothing to measure without a broker */
    }
    int64_t pid = number(argc, argv, 2, 0), cnt = number(argc, argv, 3, 1000000);
    int64_t bytes = number(argc, argv, 4, 100), parts = number(argc, argv, 5, 1);
    char topic[64];
    snprintf(topic, sizeof topic, "bench-%" PRId64 "-%" PRId64, parts, env_now_us(env_real()));
    const char *conf[] = {"bootstrap.servers", argv[1], NULL};
    rd_kafka_t *rk = client(RD_KAFKA_PRODUCER, conf);
    char why[512];
    rd_kafka_NewTopic_t *made =
        rd_kafka_NewTopic_new(topic, (int)parts, 1, why, sizeof why);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_CreateTopics(rk, &made, 1, NULL, queue);
    rd_kafka_event_destroy(rd_kafka_queue_poll(queue, 20000));
    rd_kafka_NewTopic_destroy(made);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(rk);
    produce(argv[1], topic, cnt, bytes, pid);
    consume(argv[1], topic, cnt, bytes, pid);
    return 0;
}
