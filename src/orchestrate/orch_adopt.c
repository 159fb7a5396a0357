/* orch_adopt.c - runs that a process did not see the end of.
 *
 * Runs are looked at newest first, a page at a time, until the newest scheduled one was seen and
 * a page has none that goes on and reaches back BACK_US: a dag's runs begin in their order, so that
 * one that goes on stands near the top, but for those that a clock ahead of time has put above. */
#include "orchestrate/orch_adopt.h"

#include "base/diag.h"
#include "base/err.h"
#include "orchestrate/orch_put.h"
#include "orchestrate/orch_step.h"
#include "orchestrate/orch_time.h"
#include "orchestrate/orch_try.h"

#include <stdio.h>

#define PAGE     1000
#define PAGE_CNT 100 /* of a dag, at most */
#define BACK_US  INT64_C(21600000000) /* 6 hours */

static bool goes_on(const struct run *run) {
    return run->state == RUN_QUEUED || run->state == RUN_RUNNING;
}

/* The try was under way when the process ended: it failed, and its run knows how it goes on. */
static void cut_short(struct orch_live *live, size_t task, struct run_try *last) {
    struct orch *orch = live->dag->orch;
    const struct orch_task *def = &live->dag->def.task[task];
    int64_t now_us = env_now_us(orch->conf.env);
    char when[ORCH_TIME_MAX];
    bool again = orch_try_again(def, last->number, ERR_STOPPED);
    orch_time_format(now_us, "Z", when);
    last->state = again ? RUN_UP_FOR_RETRY : RUN_FAILED;
    last->end_us = now_us;
    last->log = arena_printf(&orch->put.arena, "%.*s%s error the process ended during this try\n",
                             STR_ARG(last->log), when);
    orch_put_try(&orch->put, last);
    if (!again && !live->run.note.len)
        live->run.note = arena_printf(&live->arena, "%.*s: the process ended during its last try",
                                      STR_ARG(def->name));
}

/* last: the task's newest try on record. */
static void adopt_task(struct orch_live *live, size_t task, struct run_try *last) {
    struct env *env = live->dag->orch->conf.env;
    struct orch_live_task *to = &live->task[task];
    bool cut = last->state != RUN_SUCCESS && last->state != RUN_FAILED &&
               last->state != RUN_UPSTREAM_FAILED && last->state != RUN_UP_FOR_RETRY &&
               last->state != RUN_SKIPPED;
    if (cut) cut_short(live, task, last);
    to->state = last->state;
    to->tries = last->number;
    if (to->state != RUN_UP_FOR_RETRY) return;
    const struct orch_task *def = &live->dag->def.task[task];
    int64_t delay_us = orch_try_delay(def, &live->run, last->number);
    int64_t left_us = last->end_us + delay_us - env_now_us(env);
    to->ready_us = env_mono_us(env) + MIN(MAX(left_us, 0), delay_us);
}

static int adopt_run(struct orch_dag_state *dag, const struct run *run) {
    struct arena arena = ARENA_INIT;
    struct run_try *run_try = NULL;
    size_t cnt = 0;
    struct orch_live *live = orch_step_add(dag, run);
    int err = landing_tries(dag->orch->conf.landing, dag->def.name, run->id, &arena, &run_try,
                            &cnt);
    for (size_t t = 0; t < dag->def.task_cnt && !err; t++) {
        struct run_try *last = NULL;
        for (size_t i = 0; i < cnt; i++)
            if (str_eq(run_try[i].task, dag->def.task[t].name) &&
                (!last || run_try[i].number > last->number))
                last = &run_try[i];
        if (last) adopt_task(live, t, last);
    }
    arena_fini(&arena);
    if (!err)
        diag_info("orchestrate", "%.*s: run %.*s goes on where the last process left it",
                  STR_ARG(dag->def.name), STR_ARG(run->id));
    return err;
}

/* One page; newest first, and the list of the living wants the oldest first. */
static int look_at_page(struct orch_dag_state *dag, const struct run *run, size_t cnt,
                        size_t *living) {
    for (size_t i = 0; i < cnt; i++) {
        if (run[i].kind == RUN_SCHEDULED) {
            dag->newest_us = MAX(dag->newest_us, run[i].logical_us);
            dag->ever = true;
        }
        *living += goes_on(&run[i]);
    }
    for (size_t i = cnt; i-- > 0;) {
        int err = goes_on(&run[i]) ? adopt_run(dag, &run[i]) : 0;
        if (err) return err;
    }
    return 0;
}

static int read_paused(struct orch_dag_state *dag, struct arena *arena) {
    struct str value;
    struct str name = arena_printf(arena, ORCH_PAUSED_SETTING "%.*s", STR_ARG(dag->def.name));
    int err = landing_setting(dag->orch->conf.landing, name, arena, &value);
    if (err == ERR_NOT_FOUND) return 0;
    if (!err) dag->paused = str_eqz(value, "true");
    return err;
}

/* Pages were read newest first: puts the living in the order of their logical times. */
static void sort_living(struct orch_dag_state *dag) {
    struct orch_live *live = dag->live, *next;
    dag->live = NULL;
    for (; live; live = next) {
        struct orch_live **at = &dag->live;
        next = live->next;
        while (*at && (*at)->run.logical_us <= live->run.logical_us) at = &(*at)->next;
        live->next = *at;
        *at = live;
    }
}

int orch_adopt(struct orch_dag_state *dag) {
    struct arena arena = ARENA_INIT;
    int64_t back_us = env_now_us(dag->orch->conf.env) - BACK_US;
    int err = read_paused(dag, &arena);
    for (size_t page = 0; page < PAGE_CNT && !err; page++) {
        struct run *run = NULL;
        size_t cnt = 0, living = 0;
        arena_reset(&arena);
        err = landing_runs(dag->orch->conf.landing, dag->def.name,
                           (struct landing_page){PAGE, page * PAGE}, &arena, &run, &cnt);
        if (!err) err = look_at_page(dag, run, cnt, &living);
        bool known = dag->ever || dag->schedule.kind == SCHEDULE_MANUAL;
        if (cnt < PAGE || (!living && known && run[cnt - 1].logical_us < back_us)) break;
    }
    arena_fini(&arena);
    sort_living(dag);
    return err;
}

static bool is_dag(const struct orch *orch, struct str name) {
    for (size_t i = 0; i < orch->dag_cnt; i++)
        if (str_eq(orch->dag[i].def.name, name)) return true;
    return false;
}

int orch_adopt_orphans(struct orch *orch) {
    struct arena arena = ARENA_INIT;
    struct run *run = NULL;
    size_t cnt = 0;
    int err = landing_runs(orch->conf.landing, STR_NULL, (struct landing_page){PAGE, 0}, &arena,
                           &run, &cnt);
    for (size_t i = 0; i < cnt && !err; i++) {
        if (!goes_on(&run[i]) || is_dag(orch, run[i].dag)) continue;
        run[i].state = RUN_FAILED;
        run[i].end_us = env_now_us(orch->conf.env);
        run[i].note = STR("its pipeline is no longer here");
        orch_put_run(&orch->put, &run[i]);
    }
    arena_fini(&arena);
    return err;
}
