/* landing_bench.c - how many user records a landing takes, durable, with their changes captured.
 *
 *   landing_bench [rows] [batch] [folder]
 *
 * Records are the built-in people, 1.1 KB, keyed by a random UUID. Four rounds on one file:
 * all new, all unchanged, all updated, and new again with a thread that captures and acks. */
#include "base/buf.h"
#include "base/err.h"
#include "landing/capture.h"
#include "source/people/person.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#define YEAR_US INT64_C(31557600000000)

struct drain {
    struct capture *capture;
    atomic_bool stop;
    int64_t cnt, us_sum;
};

static void ok(int err) {
    if (!err) return;
    fprintf(stderr, "%s: %s\n", err_name(err), err_note());
    exit(1);
}

static double cpu_us(int who) {
    struct rusage use;
    getrusage(who, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1e6 +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
}

static void *drain_main(void *arg) {
    struct drain *drain = arg;
    struct arena arena = ARENA_INIT;
    while (!atomic_load(&drain->stop)) {
        struct change *change;
        size_t cnt;
        arena_reset(&arena);
        ok(capture_next(drain->capture, 2000, 100000, &arena, &change, &cnt));
        if (!cnt) continue;
        int64_t now_us = env_now_us(env_real());
        for (size_t i = 0; i < cnt; i++) drain->us_sum += now_us - change[i].commit_us;
        drain->cnt += (int64_t)cnt;
        ok(capture_ack(drain->capture, change[cnt - 1].seq));
    }
    arena_fini(&arena);
    return NULL;
}

static void round_of(struct landing *landing, const char *what, struct str *row, int cnt,
                     int batch) {
    double start_cpu = cpu_us(RUSAGE_THREAD), all_cpu = cpu_us(RUSAGE_SELF);
    int64_t start_us = env_mono_us(env_real()), worst_us = 0;
    struct landing_count sum = {0};
    for (int at = 0; at < cnt; at += batch) {
        struct landing_tx *tx;
        struct landing_count count;
        int64_t one_us = env_mono_us(env_real());
        ok(landing_begin(landing, &tx));
        ok(landing_upsert(tx, STR("raw_users"), row + at, (size_t)MIN(batch, cnt - at), &count));
        ok(landing_commit(tx));
        worst_us = MAX(worst_us, env_mono_us(env_real()) - one_us);
        sum.inserted += count.inserted;
        sum.updated += count.updated;
        sum.unchanged += count.unchanged;
    }
    double wall_us = (double)(env_mono_us(env_real()) - start_us);
    printf("%-22s %8.0f rows/s  %6.2f us of this thread a row  %6.2f us of all  worst %5.1f ms  "
           "(%" PRId64 " new, %" PRId64 " updated, %" PRId64 " the same)\n", what,
           cnt / wall_us * 1e6, (cpu_us(RUSAGE_THREAD) - start_cpu) / cnt,
           (cpu_us(RUSAGE_SELF) - all_cpu) / cnt, (double)worst_us / 1000, sum.inserted,
           sum.updated, sum.unchanged);
}

/* The people of a seed, some years from now: the same ones, older. */
static void make(struct arena *arena, struct str *row, int cnt, uint64_t seed, int years) {
    struct buf text;
    struct people_query query;
    int64_t now_us = env_now_us(env_real()) + years * YEAR_US;
    ok(people_parse(env_real(), STR(""), STR(""), &query));
    buf_init(&text, 4096);
    for (int i = 0; i < cnt; i++) {
        buf_reset(&text);
        person_write(&query, seed, (uint32_t)i, now_us, &text);
        row[i] = arena_str(arena, buf_str(&text));
    }
    buf_fini(&text);
}

int main(int argc, char **argv) {
    int cnt = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 100000;
    int batch = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 1000;
    const char *folder = argc > 3 ? argv[3] : "/tmp/landing_bench";
    char url[256];
    struct arena arena = ARENA_INIT;
    struct landing *landing;
    struct str key = STR("login.uuid");
    struct landing_table table = {STR("raw_users"), &key, 1, true};
    struct str *row = base_calloc((size_t)cnt, sizeof *row);
    ok(env_remove_tree(env_real(), folder));
    ok(env_mkdir(env_real(), folder));
    snprintf(url, sizeof url, "sqlite:%s/data.db", folder);
    ok(landing_open(&landing, &(struct landing_conf){.env = env_real(), .url = url}));
    ok(landing_declare(landing, &table));
    struct drain drain = {0};
    ok(capture_open(&drain.capture, landing));
    make(&arena, row, cnt, 1, 0);
    printf("%d rows of %zu bytes, %d a transaction\n", cnt, row[0].len, batch);
    round_of(landing, "new", row, cnt, batch);
    round_of(landing, "the same again", row, cnt, batch);
    arena_reset(&arena);
    make(&arena, row, cnt, 1, 1);
    round_of(landing, "updated", row, cnt, batch);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, drain_main, &drain) == 0);
    while (true) {
        struct capture_lag lag;
        ok(capture_lag(drain.capture, &lag));
        if (!lag.cnt) break;
        env_sleep_us(env_real(), 10000);
    }
    drain.cnt = drain.us_sum = 0;
    arena_reset(&arena);
    make(&arena, row, cnt, 2, 0);
    round_of(landing, "new, while captured", row, cnt, batch);
    env_sleep_us(env_real(), 300000);
    atomic_store(&drain.stop, true);
    pthread_join(thread, NULL);
    printf("captured %" PRId64 ", %.1f ms after their commit on average\n", drain.cnt,
           drain.cnt ? (double)drain.us_sum / (double)drain.cnt / 1000 : 0.0);
    capture_close(drain.capture);
    landing_close(landing);
    ok(env_remove_tree(env_real(), folder));
    arena_fini(&arena);
    base_free(row);
    return 0;
}
