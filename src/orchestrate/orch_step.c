/* orch_step.c - what is due, what may start, what has ended (the three acts of orch_int.h). */
#include "orchestrate/orch_step.h"

#include "base/diag.h"
#include "base/err.h"
#include "base/metric.h"
#include "orchestrate/orch_put.h"
#include "orchestrate/orch_time.h"
#include "orchestrate/orch_try.h"

#include <stdio.h>

#define SEC_US  INT64_C(1000000)
#define HOLD_US SEC_US /* until it is asked again whether a dag must hold still */

/* One step's clock, and when the next one is needed. */
struct tick {
    struct orch *orch;
    int64_t now_us, mono_us, wake_us; /* wall; monotonic; monotonic */
};

static void wake_at(struct tick *tick, int64_t mono_us) {
    tick->wake_us = MIN(tick->wake_us, mono_us);
}

void orch_step_wake(struct orch *orch) {
    orch->woken = true;
    pthread_cond_signal(&orch->wake);
}

/* ---- living runs ---- */

struct orch_live *orch_step_add(struct orch_dag_state *dag, const struct run *run) {
    struct orch_live *live = base_calloc(1, sizeof *live), **at = &dag->live;
    live->dag = dag;
    live->run = *run;
    live->run.dag = dag->def.name;
    live->run.id = arena_str(&live->arena, run->id);
    live->run.by = arena_str(&live->arena, run->by);
    live->run.note = arena_str(&live->arena, run->note);
    live->task = arena_array(&live->arena, struct orch_live_task, dag->def.task_cnt);
    while (*at) at = &(*at)->next;
    *at = live;
    dag->live_cnt++;
    dag->running_cnt += run->state == RUN_RUNNING;
    return live;
}

void orch_step_remove(struct orch_live *live) {
    struct orch_dag_state *dag = live->dag;
    struct orch_live **at = &dag->live;
    while (*at != live) at = &(*at)->next;
    *at = live->next;
    dag->live_cnt--;
    dag->running_cnt -= live->run.state != RUN_QUEUED;
    arena_fini(&live->arena);
    base_free(live);
}

struct orch_live *orch_step_find(const struct orch_dag_state *dag, struct str id) {
    for (struct orch_live *live = dag->live; live; live = live->next)
        if (str_eq(live->run.id, id)) return live;
    return NULL;
}

/* ---- what has ended ---- */

static void note_failure(struct orch_live *live, const struct orch_job *job) {
    if (live->run.note.len) return; /* the first failure is the cause */
    live->run.note = arena_printf(&live->arena, "%.*s: %.*s", STR_ARG(job->pub.task),
                                  STR_ARG(job->note));
}

static enum run_state judge(struct tick *tick, struct orch_job *job) {
    const struct orch_task *def = &job->live->dag->def.task[job->task];
    int64_t took_ms = (job->end_us - job->start_us) / 1000;
    if (job->late && !job->recorded && !job->err) {
        job->err = ERR_TIMEOUT;
        job->note = str_of(base_strdup("it ended after its timeout"));
    }
    if (!job->err) {
        orch_try_say(job, "info", "success after %" PRId64 " ms", took_ms);
        return RUN_SUCCESS;
    }
    orch_try_say(job, "error", "failed after %" PRId64 " ms: %.*s", took_ms, STR_ARG(job->note));
    if (job->live->once || !orch_try_again(def, job->pub.number, job->err)) return RUN_FAILED;
    int64_t delay_us = orch_try_delay(def, &job->run, job->pub.number);
    orch_try_say(job, "info", "try %" PRIu32 " follows in %.1f s", job->pub.number + 1,
                 (double)delay_us / 1e6);
    job->live->task[job->task].ready_us = tick->mono_us + delay_us;
    return RUN_UP_FOR_RETRY;
}

static void take_in(struct tick *tick, struct orch_job *job) {
    struct orch *orch = tick->orch;
    struct orch_live *live = job->live;
    struct orch_live_task *task = &live->task[job->task];
    assert(task->job == job && task->state == RUN_RUNNING);
    task->state = judge(tick, job);
    task->job = NULL;
    const struct orch_task_meter *meter = &live->dag->meter[job->task];
    metric_add(job->err ? meter->failed : meter->succeeded, 1);
    metric_observe(meter->duration, MAX(job->end_us - job->start_us, (int64_t)0));
    if (job->err) {
        diag_warn("orchestrate", "%.*s: task %.*s, try %" PRIu32 " failed: %.*s",
                  STR_ARG(job->run.dag), STR_ARG(job->pub.task), job->pub.number,
                  STR_ARG(job->note));
        if (task->state == RUN_FAILED) note_failure(live, job);
    }
    if (job->err || !job->recorded) {
        struct run_try record = orch_try_record(job, task->state, &orch->put.arena);
        orch_put_try(&orch->put, &record);
    }
    if (job->run_recorded && !job->err) {
        live->run.state = RUN_SUCCESS;
        live->run.end_us = job->run.end_us;
    } else if (job->run_recorded) {
        orch_put_run(&orch->put, &live->run); /* it was said to have ended well */
    }
    orch->job_cnt--;
    orch_try_free(job);
}

static void take_in_all(struct tick *tick) {
    struct orch *orch = tick->orch;
    struct orch_job *job = orch->done, *next;
    orch->done = NULL;
    orch->done_end = &orch->done;
    for (; job; job = next) {
        next = job->next;
        take_in(tick, job);
    }
}

/* ---- a run's tasks ---- */

static bool ended(enum run_state state) {
    return state == RUN_SUCCESS || state == RUN_FAILED || state == RUN_UPSTREAM_FAILED ||
           state == RUN_SKIPPED;
}

/* What the tasks before this one say: SUCCESS: it may start; UPSTREAM_FAILED: never; NONE. */
static enum run_state upstream(const struct orch_live *live, size_t task) {
    const struct orch_task *def = &live->dag->def.task[task];
    enum run_state state = RUN_SUCCESS;
    for (size_t i = 0; i < def->after_cnt; i++) {
        enum run_state one = live->task[live->dag->after[task][i]].state;
        if (one == RUN_FAILED || one == RUN_UPSTREAM_FAILED) return RUN_UPSTREAM_FAILED;
        bool passed = one == RUN_SUCCESS || (live->once && one == RUN_SKIPPED);
        if (!passed) state = RUN_NONE;
    }
    return state;
}

static void give_up(struct tick *tick, struct orch_live *live, size_t task) {
    live->task[task].state = RUN_UPSTREAM_FAILED;
    struct run_try record = {.dag = live->run.dag,
                             .run = live->run.id,
                             .task = live->dag->def.task[task].name,
                             .number = 1,
                             .state = RUN_UPSTREAM_FAILED,
                             .start_us = tick->now_us,
                             .end_us = tick->now_us,
                             .log = STR("")};
    orch_put_try(&tick->orch->put, &record);
}

static void end_run(struct tick *tick, struct orch_live *live, enum run_state state) {
    struct orch_dag_state *dag = live->dag;
    if (live->run.state != RUN_SUCCESS) { /* else a task has recorded it */
        live->run.state = state;
        live->run.end_us = MAX(tick->now_us, live->run.start_us);
        orch_put_run(&tick->orch->put, &live->run);
    }
    metric_observe(dag->duration, live->run.end_us - live->run.start_us);
    metric_add(state == RUN_SUCCESS ? dag->succeeded : dag->failed, 1);
    if (dag->ended_cnt++ % ORCH_TRIM_EVERY == 0) dag->trim_due = true;
    orch_step_remove(live);
}

/* Tasks stand in the order of their `after`, so that one pass is enough. */
static void settle(struct tick *tick, struct orch_live *live) {
    bool over = true;
    enum run_state state = RUN_SUCCESS;
    for (size_t i = 0; i < live->dag->def.task_cnt; i++) {
        struct orch_live_task *task = &live->task[i];
        if (task->state == RUN_NONE && upstream(live, i) == RUN_UPSTREAM_FAILED)
            give_up(tick, live, i);
        if (!ended(task->state)) over = false;
        if (task->state == RUN_FAILED || task->state == RUN_UPSTREAM_FAILED) state = RUN_FAILED;
        struct orch_job *job = task->job;
        if (job && !job->late && tick->mono_us >= job->due_us) {
            job->late = true;
            orch_try_say(job, "error", "it is past its timeout; what it does now is not recorded");
            diag_warn("orchestrate", "%.*s: task %.*s is past its timeout and still runs",
                      STR_ARG(live->run.dag), STR_ARG(job->pub.task));
        }
        if (job && !job->late) wake_at(tick, job->due_us);
    }
    if (over) end_run(tick, live, state);
}

static void start_task(struct tick *tick, struct orch_live *live, size_t at) {
    struct orch *orch = tick->orch;
    struct orch_live_task *task = &live->task[at];
    struct orch_job *job = orch_try_new(live, at, tick->now_us, tick->mono_us);
    task->state = RUN_RUNNING;
    task->ready_us = 0;
    task->job = job;
    struct run_try record = orch_try_record(job, RUN_RUNNING, &orch->put.arena);
    orch_put_try(&orch->put, &record);
    job->next = orch->launch;
    orch->launch = job;
    orch->job_cnt++;
}

static void start_tasks(struct tick *tick, struct orch_live *live) {
    for (size_t i = 0; i < live->dag->def.task_cnt; i++) {
        struct orch_live_task *task = &live->task[i];
        bool again = task->state == RUN_UP_FOR_RETRY;
        if (!again && (task->state != RUN_NONE || upstream(live, i) != RUN_SUCCESS)) continue;
        if (!again && !task->ready_us) task->ready_us = tick->mono_us;
        if (task->ready_us > tick->mono_us) wake_at(tick, task->ready_us);
        else if (tick->orch->job_cnt < tick->orch->slot_cnt) start_task(tick, live, i);
    }
}

/* ---- what is due ---- */

void orch_step_plan(struct orch_dag_state *dag, int64_t now_us) {
    const struct orch_dag *def = &dag->def;
    int64_t after_us = now_us;
    if (dag->newest_us != INT64_MIN) after_us = MIN(dag->newest_us, now_us);
    else if (def->start_us) after_us = def->start_us - 1;
    else if (dag->schedule.kind == SCHEDULE_EVERY) after_us = now_us - dag->schedule.every_us;
    dag->next_us = schedule_next(&dag->schedule, after_us);
    if (dag->schedule.kind == SCHEDULE_ONCE && !dag->ever) dag->next_us = now_us;
}

/* Was there a run of this logical time already? One asks for the first, and when the clock went
 * back. */
static bool was_made(const struct orch_dag_state *dag, struct str id, int64_t logical_us) {
    struct arena arena = ARENA_INIT;
    struct run run;
    if (dag->made && logical_us > dag->newest_us) return false;
    if (orch_step_find(dag, id)) return true;
    int err = landing_run(dag->orch->conf.landing, dag->def.name, id, &arena, &run);
    arena_fini(&arena);
    return err != ERR_NOT_FOUND; /* when in doubt: not twice */
}

static void make_run(struct tick *tick, struct orch_dag_state *dag, int64_t logical_us) {
    char when[ORCH_TIME_MAX], id[ORCH_TIME_MAX + 16];
    orch_time_format(logical_us, "+00:00", when);
    snprintf(id, sizeof id, "scheduled__%s", when);
    if (!was_made(dag, str_of(id), logical_us)) {
        struct run run = {.id = str_of(id),
                          .kind = RUN_SCHEDULED,
                          .state = RUN_RUNNING,
                          .logical_us = logical_us,
                          .start_us = tick->now_us,
                          .by = STR("scheduler"),
                          .note = STR("")};
        struct orch_live *live = orch_step_add(dag, &run);
        orch_put_run(&tick->orch->put, &live->run);
    }
    dag->ever = dag->made = true;
    dag->newest_us = MAX(dag->newest_us, logical_us);
    dag->next_us = schedule_next(&dag->schedule, logical_us);
}

static size_t max_active(const struct orch_dag_state *dag) {
    return dag->def.max_active > 0 ? (size_t)dag->def.max_active : 1;
}

static void make_due(struct tick *tick, struct orch_dag_state *dag) {
    while (!dag->paused && dag->live_cnt < max_active(dag)) {
        if (dag->next_us > tick->now_us) break;
        int64_t logical_us = dag->next_us;
        if (!dag->def.catchup && dag->schedule.kind != SCHEDULE_ONCE)
            logical_us = schedule_last(&dag->schedule, logical_us - 1, tick->now_us);
        make_run(tick, dag, logical_us);
    }
    if (dag->paused || dag->live_cnt >= max_active(dag) || dag->next_us == SCHEDULE_NEVER) return;
    wake_at(tick, tick->mono_us + (dag->next_us - tick->now_us));
}

/* A pause ends what our own schedule does: a task that another scheduler asks for goes on. */
static bool may_go(const struct orch_live *live) {
    return !live->dag->paused || live->once;
}

/* How many places of max_active are taken. Runs that a pause stopped halfway take none from those
 * that it does not stop, unless a try of them is still under way. */
static size_t active_cnt(const struct orch_dag_state *dag) {
    size_t cnt = 0;
    if (!dag->paused) return dag->running_cnt;
    for (const struct orch_live *live = dag->live; live; live = live->next) {
        bool at_work = live->once;
        for (size_t i = 0; i < dag->def.task_cnt; i++) at_work = at_work || live->task[i].job;
        cnt += live->run.state == RUN_RUNNING && at_work;
    }
    return cnt;
}

static void begin_queued(struct tick *tick, struct orch_dag_state *dag) {
    struct orch_live *live = dag->live;
    size_t active = live ? active_cnt(dag) : 0;
    for (; live && active < max_active(dag); live = live->next) {
        if (live->run.state != RUN_QUEUED || live->saving || !may_go(live)) continue;
        active++;
        live->run.state = RUN_RUNNING;
        live->run.start_us = tick->now_us;
        dag->running_cnt++;
        orch_put_run(&tick->orch->put, &live->run);
    }
}

static void step_dag(struct tick *tick, struct orch_dag_state *dag) {
    struct orch_live *live, *next;
    for (live = dag->live; live; live = next) {
        next = live->next;
        if (live->run.state != RUN_QUEUED) settle(tick, live);
    }
    if (tick->orch->stopping) return;
    make_due(tick, dag);
    if (dag->held) wake_at(tick, tick->mono_us + HOLD_US);
    if (dag->held) return;
    begin_queued(tick, dag);
    for (live = dag->live; live; live = live->next)
        if (live->run.state == RUN_RUNNING && may_go(live)) start_tasks(tick, live);
    if (dag->paused) return;
    if (dag->live && !dag->def.task_cnt) wake_at(tick, tick->mono_us); /* they end next time */
}

/* ---- the step ---- */

static void decide(struct tick *tick) {
    struct orch *orch = tick->orch;
    take_in_all(tick);
    bool back = tick->now_us + ORCH_REWIND_US < orch->wall_us;
    if (back)
        diag_warn("orchestrate", "the clock went back by %" PRId64 " s; no run is made twice",
                  (orch->wall_us - tick->now_us) / SEC_US);
    orch->wall_us = tick->now_us;
    for (size_t i = 0; i < orch->dag_cnt; i++) {
        struct orch_dag_state *dag = &orch->dag[(orch->turn + i) % orch->dag_cnt];
        if (back) orch_step_plan(dag, tick->now_us);
        step_dag(tick, dag);
    }
    orch->turn = orch->dag_cnt ? (orch->turn + 1) % orch->dag_cnt : 0;
}

static void launch(struct orch *orch) {
    struct orch_job *job = orch->launch, *next, *turned = NULL;
    orch->launch = NULL;
    for (; job; job = next) {
        next = job->next;
        job->next = turned;
        turned = job;
    }
    for (job = turned; job; job = next) {
        next = job->next;
        job->next = NULL;
        *orch->ready_end = job;
        orch->ready_end = &job->next;
        pthread_cond_signal(&orch->work);
    }
}

int64_t orch_step(struct orch *orch) {
    struct env *env = orch->conf.env;
    struct tick tick = {orch, env_now_us(env), env_mono_us(env), INT64_MAX};
    bool late = orch_put_any(&orch->put); /* of an earlier step, not written yet */
    if (late && tick.mono_us < orch->put.again_us) return orch->put.again_us - tick.mono_us;
    metric_set(orch->beat, tick.now_us / SEC_US);
    for (size_t i = 0; i < orch->dag_cnt && orch->conf.hold; i++) /* no lock: it may wait */
        orch->dag[i].held = orch->conf.hold(orch->conf.hold_arg, orch->dag[i].def.name);
    if (!late) {
        pthread_mutex_lock(&orch->lock);
        decide(&tick);
        pthread_mutex_unlock(&orch->lock);
    }
    if (orch_put_any(&orch->put) && orch_put_write(&orch->put, orch))
        return MAX(orch->put.again_us - env_mono_us(env), 0);
    pthread_mutex_lock(&orch->lock);
    launch(orch);
    pthread_mutex_unlock(&orch->lock);
    if (late) return 0;
    return tick.wake_us == INT64_MAX ? INT64_MAX : MAX(tick.wake_us - env_mono_us(env), 0);
}

bool orch_step_work(struct orch *orch) {
    pthread_mutex_lock(&orch->lock);
    struct orch_job *job = orch->ready;
    if (job) {
        orch->ready = job->next;
        if (!orch->ready) orch->ready_end = &orch->ready;
        job->next = NULL;
    }
    pthread_mutex_unlock(&orch->lock);
    if (!job) return false;
    orch_try_run(job);
    pthread_mutex_lock(&orch->lock);
    job->ended = true;
    *orch->done_end = job;
    orch->done_end = &job->next;
    orch_step_wake(orch);
    pthread_mutex_unlock(&orch->lock);
    return true;
}
