/* orch_bench.c - what the scheduler costs: from due to started, tasks a second, and idle.
 *
 * On a real landing database in a temporary folder, so each record is synced. */
#include "base/diag.h"
#include "base/err.h"
#include "base/metric.h"
#include "landing/landing.h"
#include "orchestrate/orchestrate.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#define TASKS    400
#define TRIGGERS 200
#define IDLE_S   5
#define DAGS     100

static atomic_int calls;
static struct env *env;

static int work(void *arg, struct orch_try *orch_try) {
    (void)arg, (void)orch_try;
    calls++;
    return 0;
}

static void must(int err) {
    if (!err) return;
    fprintf(stderr, "orch_bench: %s\n", err_note());
    exit(1);
}

static double cpu_s(void) {
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

static void wait_calls(int want) {
    while (calls < want) env_sleep_us(env, 200);
}

static struct orch *start(struct landing *landing, const struct orch_dag *dag, size_t cnt) {
    struct orch *orch;
    struct orch_conf conf = {env, landing, dag, cnt, 0};
    must(orch_open(&orch, &conf));
    must(orch_start(orch));
    calls = 0;
    return orch;
}

static void bench_width(struct landing *landing, const char *name, bool chain) {
    static struct orch_task task[TASKS];
    static char names[TASKS][16];
    static struct str after[TASKS];
    struct arena arena = ARENA_INIT;
    struct str id;
    for (int i = 0; i < TASKS; i++) {
        snprintf(names[i], sizeof names[i], "t%d", i);
        after[i] = str_of(names[i]);
        task[i] = (struct orch_task){.name = after[i], .run = work,
                                     .after = chain && i ? &after[i - 1] : NULL,
                                     .after_cnt = chain && i};
    }
    struct orch_dag dag = {.name = str_of(name), .task = task, .task_cnt = TASKS};
    struct orch *orch = start(landing, &dag, 1);
    int64_t from_us = env_mono_us(env);
    double cpu = cpu_s();
    must(orch_trigger(orch, dag.name, STR_NULL, STR("cli"), &arena, &id));
    wait_calls(TASKS);
    double sec = (double)(env_mono_us(env) - from_us) / 1e6;
    printf("%-10s %d no-op tasks: %.0f/s, %.0f us of CPU each\n", name, TASKS, TASKS / sec,
           (cpu_s() - cpu) * 1e6 / TASKS);
    orch_close(orch);
    arena_fini(&arena);
}

static int by_size(const void *a, const void *b) {
    int64_t one = *(const int64_t *)a, other = *(const int64_t *)b;
    return (one > other) - (one < other);
}

static void bench_trigger(struct landing *landing) {
    static int64_t took[TRIGGERS];
    struct orch_task task = {.name = STR("t"), .run = work};
    struct orch_dag dag = {.name = STR("trigger"), .task = &task, .task_cnt = 1};
    struct orch *orch = start(landing, &dag, 1);
    struct arena arena = ARENA_INIT;
    struct str id;
    for (int i = 0; i < TRIGGERS; i++) {
        int64_t from_us = env_mono_us(env);
        must(orch_trigger(orch, dag.name, STR_NULL, STR("cli"), &arena, &id));
        while (calls <= i) env_sleep_us(env, 50);
        took[i] = env_mono_us(env) - from_us;
        env_sleep_us(env, 5000);
    }
    qsort(took, TRIGGERS, sizeof *took, by_size);
    printf("trigger    to started (2 synced commits): p50 %.2f ms, p99 %.2f ms\n",
           (double)took[TRIGGERS / 2] / 1e3, (double)took[TRIGGERS * 99 / 100] / 1e3);
    struct metric *delay = metric_histogram("sluice_task_start_delay_seconds",
                                            "From when a task could start until it did", "");
    printf("start      ready to started: p50 %.2f ms, p99 %.2f ms\n",
           (double)metric_quantile(delay, 0.5) / 1e3, (double)metric_quantile(delay, 0.99) / 1e3);
    orch_close(orch);
    arena_fini(&arena);
}

static void bench_idle(struct landing *landing) {
    static struct orch_dag dag[DAGS];
    static char names[DAGS][16];
    struct orch_task task = {.name = STR("t"), .run = work};
    for (int i = 0; i < DAGS; i++) {
        snprintf(names[i], sizeof names[i], "idle%d", i);
        dag[i] = (struct orch_dag){.name = str_of(names[i]), .schedule = STR("0 0 1 1 *"),
                                   .task = &task, .task_cnt = 1};
    }
    struct orch *orch = start(landing, dag, DAGS);
    double cpu = cpu_s();
    env_sleep_us(env, IDLE_S * INT64_C(1000000));
    printf("idle       %d pipelines: %.3f %% of a core\n", DAGS, (cpu_s() - cpu) / IDLE_S * 100);
    orch_close(orch);
}

int main(void) {
    char folder[] = "/tmp/sluice-orch-bench-XXXXXX", url[128];
    struct landing *landing;
    env = env_real();
    diag_setup(DIAG_WARN, false);
    if (!mkdtemp(folder)) return 1;
    snprintf(url, sizeof url, "sqlite:%s/landing.db", folder);
    struct landing_conf conf = {.env = env, .url = url};
    must(landing_open(&landing, &conf));
    bench_trigger(landing);
    bench_width(landing, "parallel", false);
    bench_width(landing, "chain", true);
    bench_idle(landing);
    landing_close(landing);
    must(env_remove_tree(env, folder));
    return 0;
}
