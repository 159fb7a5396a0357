/* orch_try.c - a try: what its function sees, says and returns. */
#include "orchestrate/orch_try.h"

#include "base/diag.h"
#include "base/err.h"
#include "base/metric.h"
#include "orchestrate/orch_time.h"

#include <stdio.h>

#define LINE_MAX_LEN 2000

struct orch_job *orch_try_new(struct orch_live *live, size_t task, int64_t now_us,
                              int64_t mono_us) {
    const struct orch_task *def = &live->dag->def.task[task];
    struct orch_job *job = base_calloc(1, sizeof *job);
    job->orch = live->dag->orch;
    job->live = live;
    job->task = task;
    job->run = live->run;
    job->pub.run = &job->run;
    job->pub.task = def->name;
    job->pub.number = ++live->task[task].tries;
    job->pub.orch = job;
    job->ready_us = live->task[task].ready_us;
    job->due_us = mono_us + def->timeout_us;
    job->start_us = now_us;
    buf_init(&job->log, ORCH_LOG_MAX);
    pthread_mutex_init(&job->log_lock, NULL);
    return job;
}

void orch_try_free(struct orch_job *job) {
    buf_fini(&job->log);
    pthread_mutex_destroy(&job->log_lock);
    base_free((char *)(uintptr_t)job->note.ptr);
    base_free(job);
}

/* ---- the log ---- */

void orch_try_vsay(struct orch_job *job, const char *level, const char *format, va_list args) {
    char line[LINE_MAX_LEN], when[ORCH_TIME_MAX];
    int len = vsnprintf(line, sizeof line, format, args);
    len = MIN(MAX(len, 0), (int)sizeof line - 1);
    for (int i = 0; i < len; i++)
        if ((unsigned char)line[i] < ' ') line[i] = ' ';
    orch_time_format(env_now_us(job->orch->conf.env), "Z", when);
    pthread_mutex_lock(&job->log_lock);
    if (!job->log.full) {
        char *room = buf_room(&job->log, (size_t)len + ORCH_TIME_MAX + 16);
        if (room) {
            int put = snprintf(room, (size_t)len + ORCH_TIME_MAX + 16, "%s %s %s\n", when, level,
                               line);
            buf_used(&job->log, (size_t)put);
        }
    }
    pthread_mutex_unlock(&job->log_lock);
}

void orch_try_say(struct orch_job *job, const char *level, const char *format, ...) {
    va_list args;
    va_start(args, format);
    orch_try_vsay(job, level, format, args);
    va_end(args);
}

struct str orch_try_log(struct orch_job *job, struct arena *arena) {
    pthread_mutex_lock(&job->log_lock);
    struct str log = arena_str(arena, buf_str(&job->log));
    if (job->log.full)
        log = arena_printf(arena, "%.*s(more was said than is kept)\n", STR_ARG(log));
    pthread_mutex_unlock(&job->log_lock);
    return log;
}

/* ---- running ---- */

void orch_try_run(struct orch_job *job) {
    struct orch *orch = job->orch;
    const struct orch_task *def = &job->live->dag->def.task[job->task];
    metric_observe(orch->start_delay, env_mono_us(orch->conf.env) - job->ready_us);
    job->err = def->run(def->arg, &job->pub);
    if (job->err) job->note = str_of(base_strdup(err_note()));
    job->end_us = env_now_us(orch->conf.env);
}

struct run_try orch_try_record(struct orch_job *job, enum run_state state, struct arena *arena) {
    return (struct run_try){
        .dag = job->run.dag,
        .run = job->run.id,
        .task = job->pub.task,
        .number = job->pub.number,
        .state = state,
        .start_us = job->start_us,
        .end_us = state == RUN_RUNNING ? 0 : job->end_us,
        .rows_in = job->pub.rows_in,
        .rows_new = job->pub.rows_new,
        .rows_changed = job->pub.rows_changed,
        .log = orch_try_log(job, arena),
    };
}

/* ---- trying again ---- */

int64_t orch_try_delay(const struct orch_task *task, const struct run *run, uint32_t number) {
    char text[512], when[ORCH_TIME_MAX];
    int64_t least = task->retry_delay_us;
    for (uint32_t i = 1; i < number && least < ORCH_RETRY_MAX_US; i++) least *= 2;
    least = MIN(least, ORCH_RETRY_MAX_US);
    orch_time_format(run->logical_us, "Z", when);
    int len = snprintf(text, sizeof text, "%.*s#%.*s#%s#%" PRIu32, STR_ARG(run->dag),
                       STR_ARG(task->name), when, number);
    len = MIN(len, (int)sizeof text - 1);
    uint64_t more = str_hash((struct str){text, (size_t)len}) % (uint64_t)least;
    return MIN(least + (int64_t)more, ORCH_RETRY_MAX_US);
}

bool orch_try_again(const struct orch_task *task, uint32_t number, int err) {
    if (err == ERR_CONFIG || err == ERR_UNSUPPORTED) return false; /* it would fail the same way */
    return number <= (uint32_t)task->retries;
}
