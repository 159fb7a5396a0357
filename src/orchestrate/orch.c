/* orch.c - the scheduler's door: opening, threads, triggers, pauses, and what is asked about it.
 *
 * The threads are thin: the scheduler's calls orch_step() and sleeps as long as that says or until
 * it is woken; a worker's takes a try and runs it. What they do is in orch_step.c. */
#include "base/diag.h"
#include "base/err.h"
#include "base/metric.h"
#include "orchestrate/orch_adopt.h"
#include "orchestrate/orch_put.h"
#include "orchestrate/orch_step.h"
#include "orchestrate/orch_time.h"
#include "orchestrate/orch_try.h"

#include <stdio.h>
#include <time.h>

#define WORKERS        4
#define RETRIES        3
#define LABELS_MAX     (4 * KIB)
#define RETRY_DELAY_US INT64_C(5000000)
#define TIMEOUT_US     INT64_C(600000000)
#define CLOSE_WAIT_US INT64_C(5000000)
#define CLOSE_NAP_US  INT64_C(10000)

/* ---- schedules ---- */

int orch_schedule_check(struct str schedule, struct str zone) {
    struct schedule parsed;
    int err = schedule_parse(schedule, zone, &parsed);
    schedule_fini(&parsed);
    return err;
}

int orch_schedule_next(struct str schedule, struct str zone, int64_t after_us, int64_t *out) {
    struct schedule parsed;
    int err = schedule_parse(schedule, zone, &parsed);
    if (!err) *out = schedule_next(&parsed, after_us);
    schedule_fini(&parsed);
    return err;
}

/* ---- opening ---- */

static struct str copy(struct orch *orch, struct str text) {
    return text.ptr ? arena_str(&orch->arena, text) : STR("");
}

/* The place of a task by name among the first `cnt`; cnt: none. */
static size_t place_of(const struct orch_task *task, size_t cnt, struct str name) {
    size_t at = 0;
    while (at < cnt && !str_eq(task[at].name, name)) at++;
    return at;
}

static bool all_before(const struct orch_task *placed, size_t cnt, const struct orch_task *task) {
    for (size_t i = 0; i < task->after_cnt; i++)
        if (place_of(placed, cnt, task->after[i]) == cnt) return false;
    return true;
}

static void fill_in(struct orch_task *task) {
    if (task->retries < 0) task->retries = RETRIES;
    if (task->retry_delay_us <= 0) task->retry_delay_us = RETRY_DELAY_US;
    if (task->timeout_us <= 0) task->timeout_us = TIMEOUT_US;
}

/* Copies the tasks so that each stands after those it waits for, else in their order. */
static int place_tasks(struct orch_dag_state *dag, const struct orch_dag *def) {
    struct orch *orch = dag->orch;
    struct orch_task *to = arena_array(&orch->arena, struct orch_task, def->task_cnt);
    bool *taken = arena_array(&orch->arena, bool, def->task_cnt);
    for (size_t cnt = 0; cnt < def->task_cnt; cnt++) {
        size_t i = 0;
        while (i < def->task_cnt && (taken[i] || !all_before(to, cnt, &def->task[i]))) i++;
        if (i == def->task_cnt)
            return err_fail(ERR_CONFIG, "pipeline '%.*s': its tasks wait for one another in a "
                            "circle, or for one that is not there; look at each 'after'",
                            STR_ARG(def->name));
        taken[i] = true;
        to[cnt] = def->task[i];
        to[cnt].name = copy(orch, def->task[i].name);
        fill_in(&to[cnt]);
        struct str *after = arena_array(&orch->arena, struct str, def->task[i].after_cnt);
        dag->after[cnt] = arena_array(&orch->arena, size_t, def->task[i].after_cnt);
        for (size_t a = 0; a < def->task[i].after_cnt; a++) {
            after[a] = copy(orch, def->task[i].after[a]);
            dag->after[cnt][a] = place_of(to, cnt, after[a]);
        }
        to[cnt].after = after;
    }
    dag->def.task = to;
    return 0;
}

static void make_metrics(struct orch_dag_state *dag) {
    const char *help = "Pipeline runs that ended";
    struct buf labels;
    buf_init(&labels, LABELS_MAX);
    metric_label(&labels, "dag", dag->def.name);
    dag->duration = metric_histogram("sluice_run_duration_seconds", "Length of pipeline runs",
                                     metric_labels(&labels));
    size_t len = labels.len;
    metric_label(&labels, "state", STR("success"));
    dag->succeeded = metric_counter("sluice_runs_total", help, metric_labels(&labels));
    labels.len = len;
    metric_label(&labels, "state", STR("failed"));
    dag->failed = metric_counter("sluice_runs_total", help, metric_labels(&labels));
    buf_fini(&labels);
}

static void make_task_metrics(struct orch_dag_state *dag) {
    const char *name = "sluice_task_tries_total", *help = "Tries of tasks that ended";
    struct buf labels;
    buf_init(&labels, LABELS_MAX);
    dag->meter = arena_array(&dag->orch->arena, struct orch_task_meter, dag->def.task_cnt);
    for (size_t i = 0; i < dag->def.task_cnt; i++) {
        struct orch_task_meter *meter = &dag->meter[i];
        buf_reset(&labels);
        metric_label(&labels, "dag", dag->def.name);
        metric_label(&labels, "task", dag->def.task[i].name);
        meter->duration = metric_histogram("sluice_task_duration_seconds", "Length of tries",
                                           metric_labels(&labels));
        size_t len = labels.len;
        metric_label(&labels, "state", STR("success"));
        meter->succeeded = metric_counter(name, help, metric_labels(&labels));
        labels.len = len;
        metric_label(&labels, "state", STR("failed"));
        meter->failed = metric_counter(name, help, metric_labels(&labels));
    }
    buf_fini(&labels);
}

static int open_dag(struct orch *orch, const struct orch_dag *def) {
    struct orch_dag_state *dag = &orch->dag[orch->dag_cnt++];
    if (def->task_cnt > ORCH_TASK_MAX)
        return err_fail(ERR_CONFIG, "pipeline '%.*s' has %zu tasks; the limit is %d",
                        STR_ARG(def->name), def->task_cnt, ORCH_TASK_MAX);
    dag->orch = orch;
    dag->def = *def;
    dag->def.name = copy(orch, def->name);
    dag->def.schedule = copy(orch, def->schedule);
    dag->def.timezone = copy(orch, def->timezone);
    dag->def.file = copy(orch, def->file);
    dag->newest_us = INT64_MIN;
    dag->after = arena_array(&orch->arena, size_t *, def->task_cnt);
    make_metrics(dag);
    int err = place_tasks(dag, def);
    if (!err) make_task_metrics(dag);
    if (!err) err = schedule_parse(def->schedule, def->timezone, &dag->schedule);
    if (err) return err;
    err = orch_adopt(dag);
    orch_step_plan(dag, env_now_us(orch->conf.env));
    return err;
}

static void open_metrics(struct orch *orch) {
    orch->beat = metric_gauge("sluice_scheduler_heartbeat_timestamp_seconds",
                              "When the scheduler last looked at what is due", "");
    orch->start_delay = metric_histogram("sluice_task_start_delay_seconds",
                                         "From when a task could start until it did", "");
    orch->put_failed = metric_counter("sluice_run_record_failures_total",
                                      "Transactions that could not record runs", "");
}

int orch_open(struct orch **out, const struct orch_conf *conf) {
    *out = NULL;
    if (conf->dag_cnt > ORCH_DAG_MAX)
        return err_fail(ERR_CONFIG, "%zu pipelines; the limit is %d", conf->dag_cnt, ORCH_DAG_MAX);
    struct orch *orch = base_calloc(1, sizeof *orch);
    pthread_mutex_init(&orch->lock, NULL);
    pthread_cond_init(&orch->wake, NULL);
    pthread_cond_init(&orch->work, NULL);
    orch->conf = *conf;
    orch->conf.dag = NULL; /* the caller's; copied below */
    orch->ready_end = &orch->ready;
    orch->done_end = &orch->done;
    orch->slot_cnt = (size_t)MIN(conf->workers > 0 ? conf->workers : WORKERS, ORCH_WORKER_MAX);
    orch->wall_us = env_now_us(conf->env);
    open_metrics(orch);
    orch->dag = arena_array(&orch->arena, struct orch_dag_state, conf->dag_cnt);
    int err = 0;
    for (size_t i = 0; i < conf->dag_cnt && !err; i++) err = open_dag(orch, &conf->dag[i]);
    if (!err) err = orch_adopt_orphans(orch);
    if (!err) return *out = orch, 0;
    orch_close(orch);
    return err;
}

/* ---- threads ---- */

static void wait_us(struct orch *orch, pthread_cond_t *cond, int64_t us) {
    int64_t until_us = env_mono_us(orch->conf.env) + MIN(us, ORCH_NAP_US);
    struct timespec until = {until_us / 1000000, until_us % 1000000 * 1000};
    pthread_cond_clockwait(cond, &orch->lock, CLOCK_MONOTONIC, &until);
}

static void *scheduler_main(void *arg) {
    struct orch *orch = arg;
    pthread_mutex_lock(&orch->lock);
    while (!orch->stopping) {
        orch->woken = false;
        pthread_mutex_unlock(&orch->lock);
        int64_t us = orch_step(orch);
        pthread_mutex_lock(&orch->lock);
        if (!orch->woken && !orch->stopping && us > 0) wait_us(orch, &orch->wake, us);
    }
    pthread_mutex_unlock(&orch->lock);
    return NULL;
}

static void *worker_main(void *arg) {
    struct orch *orch = arg;
    pthread_mutex_lock(&orch->lock);
    while (!orch->stopping) {
        if (!orch->ready) {
            pthread_cond_wait(&orch->work, &orch->lock);
            continue;
        }
        pthread_mutex_unlock(&orch->lock);
        orch_step_work(orch);
        pthread_mutex_lock(&orch->lock);
    }
    pthread_mutex_unlock(&orch->lock);
    return NULL;
}

int orch_start(struct orch *orch) {
    assert(!orch->started);
    orch->started = true;
    int failed = pthread_create(&orch->scheduler, NULL, scheduler_main, orch);
    CHECK(!failed);
    pthread_setname_np(orch->scheduler, "orch");
    for (; orch->worker_cnt < orch->slot_cnt; orch->worker_cnt++) {
        failed = pthread_create(&orch->worker[orch->worker_cnt], NULL, worker_main, orch);
        CHECK(!failed);
        pthread_setname_np(orch->worker[orch->worker_cnt], "orch-worker");
    }
    return 0;
}

/* Tries that have begun and not ended; under the lock. `late` fences them off. */
static size_t running(struct orch *orch, bool late) {
    size_t cnt = orch->job_cnt;
    for (struct orch_job *job = orch->ready; job; job = job->next) cnt--;
    for (struct orch_job *job = orch->launch; job; job = job->next) cnt--;
    for (struct orch_job *job = orch->done; job; job = job->next) cnt--;
    for (size_t d = 0; late && d < orch->dag_cnt; d++) {
        for (struct orch_live *live = orch->dag[d].live; live; live = live->next) {
            for (size_t t = 0; t < live->dag->def.task_cnt; t++) {
                struct orch_job *job = live->task[t].job;
                if (job && !job->ended) job->late = true;
            }
        }
    }
    return cnt;
}

static void stop_threads(struct orch *orch) {
    int64_t until_us = env_mono_us(orch->conf.env) + CLOSE_WAIT_US;
    pthread_mutex_lock(&orch->lock);
    orch->stopping = true;
    pthread_cond_broadcast(&orch->wake);
    pthread_cond_broadcast(&orch->work);
    while (running(orch, false) && env_mono_us(orch->conf.env) < until_us)
        wait_us(orch, &orch->wake, CLOSE_NAP_US);
    size_t left = running(orch, true);
    pthread_mutex_unlock(&orch->lock);
    if (left)
        diag_warn("orchestrate", "waiting for %zu tasks that are still at work; what they do now "
                  "is not recorded", left);
    pthread_join(orch->scheduler, NULL);
    for (size_t i = 0; i < orch->worker_cnt; i++) pthread_join(orch->worker[i], NULL);
    orch_step(orch); /* records what has ended */
}

static void free_jobs(struct orch_job *job) {
    for (struct orch_job *next; job; job = next) {
        next = job->next;
        orch_try_free(job);
    }
}

void orch_close(struct orch *orch) {
    if (!orch) return;
    if (orch->started) stop_threads(orch);
    free_jobs(orch->launch);
    free_jobs(orch->ready);
    free_jobs(orch->done);
    for (size_t i = 0; i < orch->dag_cnt; i++) {
        while (orch->dag[i].live) orch_step_remove(orch->dag[i].live);
        schedule_fini(&orch->dag[i].schedule);
    }
    orch_put_fini(&orch->put);
    pthread_cond_destroy(&orch->wake);
    pthread_cond_destroy(&orch->work);
    pthread_mutex_destroy(&orch->lock);
    arena_fini(&orch->arena);
    base_free(orch);
}

/* ---- what a task's function calls ---- */

void orch_log(struct orch_try *orch_try, const char *format, ...) {
    va_list args;
    va_start(args, format);
    orch_try_vsay(orch_try->orch, "info", format, args);
    va_end(args);
}

bool orch_stopping(const struct orch_try *orch_try) {
    const struct orch_job *job = orch_try->orch;
    struct orch *orch = job->orch;
    pthread_mutex_lock(&orch->lock);
    bool stopping = orch->stopping || job->late;
    pthread_mutex_unlock(&orch->lock);
    return stopping;
}

/* Is this the task that ends the run well? Under the lock. */
static bool is_last(const struct orch_job *job) {
    for (size_t i = 0; i < job->live->dag->def.task_cnt; i++) {
        enum run_state state = job->live->task[i].state;
        if (i != job->task && state != RUN_SUCCESS && state != RUN_SKIPPED) return false;
    }
    return true;
}

int orch_record(struct orch_try *orch_try, struct landing_tx *tx) {
    struct orch_job *job = orch_try->orch;
    struct orch *orch = job->orch;
    pthread_mutex_lock(&orch->lock);
    bool late = job->late, last = is_last(job);
    pthread_mutex_unlock(&orch->lock);
    if (late) return err_fail(ERR_TIMEOUT, "the task is past its timeout; nothing was recorded");
    struct arena arena = ARENA_INIT;
    job->end_us = env_now_us(orch->conf.env);
    struct run_try record = orch_try_record(job, RUN_SUCCESS, &arena);
    struct run run = job->run;
    run.state = RUN_SUCCESS;
    run.end_us = MAX(job->end_us, run.start_us);
    int err = landing_put_try(tx, &record);
    if (!err && last) err = landing_put_run(tx, &run);
    arena_fini(&arena);
    if (err) return err;
    job->recorded = true;
    job->run_recorded = last;
    job->run.end_us = run.end_us;
    return 0;
}

/* ---- triggers, pauses, questions ---- */

static struct orch_dag_state *find_dag(struct orch *orch, struct str name) {
    struct str names[ORCH_DAG_MAX], near;
    for (size_t i = 0; i < orch->dag_cnt; i++) {
        names[i] = orch->dag[i].def.name;
        if (str_eq(names[i], name)) return &orch->dag[i];
    }
    if (str_near(name, names, orch->dag_cnt, &near, 1))
        err_fail(ERR_NOT_FOUND, "there is no pipeline '%.*s', did you mean '%.*s'?",
                 STR_ARG(name), STR_ARG(near));
    else
        err_fail(ERR_NOT_FOUND, "there is no pipeline '%.*s'", STR_ARG(name));
    return NULL;
}

static int check_id(struct str id) {
    if (!id.len || id.len > ORCH_ID_MAX)
        return err_fail(ERR_INVAL, "a run's id has 1 to %d characters, not %zu", ORCH_ID_MAX,
                        id.len);
    for (size_t i = 0; i < id.len; i++) {
        char c = id.ptr[i];
        bool good = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') ||
                    (c && strchr("_.~:+-", c));
        if (!good || str_eqz(id, "~"))
            return err_fail(ERR_INVAL, "a run's id is made of letters, digits and _.~:+-, not "
                            "'%.*s'", STR_ARG(id));
    }
    return 0;
}

/* Is the id free? Under the lock for the living; the database knows the others. */
static int check_free(struct orch_dag_state *dag, struct str id) {
    struct arena arena = ARENA_INIT;
    struct run run;
    int err = 0;
    if (!orch_step_find(dag, id))
        err = landing_run(dag->orch->conf.landing, dag->def.name, id, &arena, &run);
    arena_fini(&arena);
    if (err == ERR_NOT_FOUND) return 0;
    return err ? err : err_fail(ERR_EXISTS, "pipeline '%.*s' has a run '%.*s' already",
                                STR_ARG(dag->def.name), STR_ARG(id));
}

/* The id that a run of this kind and logical time has when it is not named. */
static struct str id_of(const char *kind, int64_t logical_us, struct arena *arena) {
    char when[ORCH_TIME_MAX];
    orch_time_format(logical_us, "+00:00", when);
    return arena_printf(arena, "%s__%s", kind, when);
}

/* Puts a queued run into the dag's list, marked as not yet saved. */
static int reserve(struct orch_dag_state *dag, struct run *run, struct arena *arena,
                   struct orch_live **out) {
    bool now = !run->logical_us;
    if (dag->live_cnt >= ORCH_LIVE_MAX)
        return err_fail(ERR_AGAIN, "%d runs of '%.*s' wait already", ORCH_LIVE_MAX,
                        STR_ARG(dag->def.name));
    if (now) run->logical_us = env_now_us(dag->orch->conf.env);
    int err = now ? 0 : check_free(dag, id_of("scheduled", run->logical_us, arena));
    if (!err && run->id.ptr) err = check_free(dag, run->id);
    while (!err && !run->id.ptr) {
        struct str id = id_of("manual", run->logical_us, arena);
        err = check_free(dag, id);
        if (!err) run->id = id;
        else if (err == ERR_EXISTS && now) run->logical_us++, err = 0; /* two in one microsecond */
    }
    if (err) return err;
    *out = orch_step_add(dag, run);
    (*out)->saving = true;
    return 0;
}

/* The tasks that a run of one task leaves out: on record, so that none adopts them as waiting. */
static int save_skipped(struct landing_tx *tx, const struct orch_live *live,
                        const struct run *run) {
    int err = 0;
    for (size_t i = 0; i < live->dag->def.task_cnt && !err; i++) {
        struct run_try skipped = {.dag = run->dag, .run = run->id,
                                  .task = live->dag->def.task[i].name, .number = 1,
                                  .state = RUN_SKIPPED, .start_us = run->logical_us,
                                  .end_us = run->logical_us, .log = STR("")};
        if (live->task[i].state == RUN_SKIPPED) err = landing_put_try(tx, &skipped);
    }
    return err;
}

static int save_run(struct orch *orch, const struct orch_live *live, const struct run *run) {
    struct landing_tx *tx;
    int err = landing_begin(orch->conf.landing, &tx);
    if (err) return err;
    err = landing_put_run(tx, run);
    if (!err) err = save_skipped(tx, live, run);
    if (!err) return landing_commit(tx);
    landing_abort(tx);
    return err;
}

/* Leaves all tasks out but one. Under the lock. */
static void keep_one(struct orch_live *live, size_t task) {
    live->once = true;
    for (size_t i = 0; i < live->dag->def.task_cnt; i++)
        if (i != task) live->task[i].state = RUN_SKIPPED;
}

static int find_task(const struct orch_dag_state *dag, struct str name, size_t *out) {
    *out = place_of(dag->def.task, dag->def.task_cnt, name);
    if (*out < dag->def.task_cnt) return 0;
    return err_fail(ERR_NOT_FOUND, "pipeline '%.*s' has no task '%.*s'", STR_ARG(dag->def.name),
                    STR_ARG(name));
}

int orch_trigger_at(struct orch *orch, const struct orch_ask *ask, struct arena *arena,
                    struct run *out) {
    struct orch_dag_state *dag = find_dag(orch, ask->dag);
    struct orch_live *live = NULL;
    size_t task = 0;
    if (!dag) return ERR_NOT_FOUND;
    int err = ask->id.ptr ? check_id(ask->id) : 0;
    if (!err && ask->task.ptr) err = find_task(dag, ask->task, &task);
    if (err) return err;
    *out = (struct run){.dag = dag->def.name,
                        .id = ask->id.ptr ? arena_str(arena, ask->id) : STR_NULL,
                        .kind = RUN_MANUAL,
                        .state = RUN_QUEUED,
                        .logical_us = ask->logical_us,
                        .by = ask->by.ptr ? arena_str(arena, ask->by) : STR(""),
                        .note = STR("")};
    pthread_mutex_lock(&orch->lock);
    err = reserve(dag, out, arena, &live);
    if (!err && ask->task.ptr) keep_one(live, task);
    pthread_mutex_unlock(&orch->lock);
    if (err) return err;
    err = save_run(orch, live, out);
    pthread_mutex_lock(&orch->lock);
    if (err) {
        orch_step_remove(live);
    } else {
        live->saving = false;
        orch_step_wake(orch);
    }
    pthread_mutex_unlock(&orch->lock);
    return err;
}

int orch_trigger(struct orch *orch, struct str dag, struct str id, struct str by,
                 struct arena *arena, struct str *out_id) {
    struct orch_ask ask = {.dag = dag, .id = id, .by = by};
    struct run run;
    int err = orch_trigger_at(orch, &ask, arena, &run);
    if (!err) *out_id = run.id;
    return err;
}

static int save_paused(struct orch *orch, struct str dag, bool paused) {
    struct arena arena = ARENA_INIT;
    struct landing_tx *tx;
    struct str name = arena_printf(&arena, ORCH_PAUSED_SETTING "%.*s", STR_ARG(dag));
    int err = landing_begin(orch->conf.landing, &tx);
    if (!err) {
        err = landing_put_setting(tx, name, paused ? STR("true") : STR("false"));
        if (!err) err = landing_commit(tx);
        else landing_abort(tx);
    }
    arena_fini(&arena);
    return err;
}

int orch_pause(struct orch *orch, struct str dag_name, bool paused) {
    struct orch_dag_state *dag = find_dag(orch, dag_name);
    if (!dag) return ERR_NOT_FOUND;
    int err = save_paused(orch, dag->def.name, paused);
    if (err) return err;
    pthread_mutex_lock(&orch->lock);
    bool missed = dag->paused && !paused && !dag->def.catchup;
    dag->paused = paused;
    if (missed) /* what came due during a pause is not made up for */
        dag->next_us = MAX(dag->next_us, schedule_next(&dag->schedule,
                                                       env_now_us(orch->conf.env)));
    orch_step_wake(orch);
    pthread_mutex_unlock(&orch->lock);
    return 0;
}

/* Under the lock. */
static struct orch_info info_of(const struct orch_dag_state *dag) {
    bool none = dag->paused || dag->next_us == SCHEDULE_NEVER;
    return (struct orch_info){
        .name = dag->def.name,
        .schedule = dag->def.schedule,
        .timezone = dag->def.timezone,
        .file = dag->def.file,
        .paused = dag->paused,
        .next_us = none ? 0 : dag->next_us,
        .task = dag->def.task,
        .task_cnt = dag->def.task_cnt,
        .catchup = dag->def.catchup,
        .max_active = dag->def.max_active > 0 ? dag->def.max_active : 1,
        .live_cnt = dag->live_cnt,
    };
}

int orch_dags(struct orch *orch, struct arena *arena, struct orch_info **out, size_t *cnt) {
    struct orch_info *info = arena_array(arena, struct orch_info, orch->dag_cnt);
    pthread_mutex_lock(&orch->lock);
    for (size_t i = 0; i < orch->dag_cnt; i++) info[i] = info_of(&orch->dag[i]);
    pthread_mutex_unlock(&orch->lock);
    *out = info;
    *cnt = orch->dag_cnt;
    return 0;
}

int orch_dag(struct orch *orch, struct str dag_name, struct orch_info *out) {
    struct orch_dag_state *dag = find_dag(orch, dag_name);
    if (!dag) return ERR_NOT_FOUND;
    pthread_mutex_lock(&orch->lock);
    *out = info_of(dag);
    pthread_mutex_unlock(&orch->lock);
    return 0;
}

static struct orch_job *find_job(struct orch_dag_state *dag, const struct run_try *which) {
    struct orch_live *live = orch_step_find(dag, which->run);
    for (size_t i = 0; live && i < dag->def.task_cnt; i++) {
        struct orch_job *job = live->task[i].job;
        if (job && str_eq(job->pub.task, which->task) && job->pub.number == which->number)
            return job;
    }
    return NULL;
}

int orch_live_log(struct orch *orch, const struct run_try *which, struct arena *arena,
                  struct str *out) {
    struct orch_dag_state *dag = find_dag(orch, which->dag);
    if (!dag) return ERR_NOT_FOUND;
    pthread_mutex_lock(&orch->lock);
    struct orch_job *job = find_job(dag, which);
    if (job) *out = orch_try_log(job, arena);
    pthread_mutex_unlock(&orch->lock);
    return job ? 0 : err_fail(ERR_NOT_FOUND, "this try is not at work");
}

void orch_slots(struct orch *orch, size_t *all, size_t *used) {
    pthread_mutex_lock(&orch->lock);
    *all = orch->slot_cnt;
    *used = orch->job_cnt;
    pthread_mutex_unlock(&orch->lock);
}
