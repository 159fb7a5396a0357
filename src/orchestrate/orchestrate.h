/* orchestrate.h - the scheduler: which run is due, which task runs, what became of it.
 *
 * A dag is a pipeline with a schedule; its tasks run in the order their `after` asks, each try on
 * a worker thread through the function it was given. Runs and tries are recorded in the landing
 * database; a task's function may do its recording in the same transaction as its rows.
 *
 * Schedule: a run's logical time is when it was due (schedule.h says when that is). A new pipeline
 * "every 10s" runs at once, one with a cron line when it is next due. While max_active runs wait
 * or run, none is made. Then, and after a standstill, without catchup the newest missed one is
 * made, late, and those before it never; with catchup all are, in order. What comes due during a
 * pause is not made up for without catchup. No two scheduled runs of a dag have one logical time,
 * whatever the clock does.
 *
 * Runs: triggered ones wait in their order for a place among max_active; of a paused dag none
 * begins, and no task of a run that had begun. A task is tried again but for ERR_CONFIG and
 * ERR_UNSUPPORTED. A function cannot be ended from outside: it asks orch_stopping(). Past its
 * timeout orch_record() refuses and the try fails when it returns. After the process ended, runs go
 * on: a try that was under way counts as failed. Of scheduled runs the newest ORCH_RUN_KEEP are
 * kept (orch_int.h).
 *
 * Thread: any. Source: Airflow 3's trigger timetables, states and ids; ref: doc/architecture.md. */
#ifndef ORCHESTRATE_ORCHESTRATE_H
#define ORCHESTRATE_ORCHESTRATE_H

#include "base/arena.h"
#include "base/env.h"
#include "model/run.h"

struct landing;
struct landing_tx;
struct orch;

/* What a task's function is given, and what it tells. */
struct orch_try {
    const struct run *run;
    struct str task;
    uint32_t number;
    int64_t rows_in, rows_new, rows_changed; /* set by the function */
    void *orch;      /* opaque, for the next two */
};
/* A line for the try's log (shown with its time). */
void orch_log(struct orch_try *orch_try, const char *format, ...) PRINTF_LIKE(2, 3);
/* Should the function give up: the program ends, or the try is past its time. Then ERR_STOPPED. */
bool orch_stopping(const struct orch_try *orch_try);
/* Records this try as successful inside `tx`, so that rows and record commit as one. A function
 * that calls it and whose commit succeeded returns 0. */
int orch_record(struct orch_try *orch_try, struct landing_tx *tx) MUST_USE;

struct orch_task {
    struct str name;
    int (*run)(void *arg, struct orch_try *orch_try); /* 0 or an error, err_note() kept as why */
    void *arg;
    const struct str *after;
    size_t after_cnt;
    int retries;            /* -1: 3 */
    int64_t retry_delay_us; /* 0: 5 s; doubled each try with deterministic jitter, at most 10 min */
    int64_t timeout_us;     /* 0: 10 min */
};
struct orch_dag {
    struct str name, schedule, timezone; /* schedule: "every 10s", cron, "@daily"; "": manual */
    struct str file;    /* where it is defined, for the API */
    bool catchup;
    int max_active;     /* runs at once; 0: 1 */
    int64_t start_us;   /* with catchup: the first interval; 0: now */
    const struct orch_task *task;
    size_t task_cnt;
};
struct orch_conf {
    struct env *env;
    struct landing *landing; /* borrowed */
    const struct orch_dag *dag;
    size_t dag_cnt;
    int workers; /* 0: 4 */
    /* Asked now and then whether a dag must hold still, as if paused; NULL: none must. */
    bool (*hold)(void *arg, struct str dag);
    void *hold_arg;
};
int orch_open(struct orch **out, const struct orch_conf *conf) MUST_USE; /* adopts old runs */
int orch_start(struct orch *orch) MUST_USE; /* scheduler and worker threads */
/* Starts nothing more; tasks at work hear of it by orch_stopping(), get 5 s, then may no longer
 * record, and are waited for. NULL is allowed. */
void orch_close(struct orch *orch);

/* Starts a run now; *out_id is in the arena; id.ptr NULL: made. ERR_NOT_FOUND, ERR_EXISTS. */
int orch_trigger(struct orch *orch, struct str dag, struct str id, struct str by,
                 struct arena *arena, struct str *out_id) MUST_USE;
/* The same with a logical time of its own, 0: now. ERR_EXISTS, too, when the dag has a run of that
 * time. *out lives in the arena. With `task` the run is of that task alone, the others are skipped,
 * and it is tried once: whoever asks for it (another scheduler) has its own retries, and is not
 * stopped by a pause of the dag's own schedule. */
struct orch_ask {
    struct str dag, id, by;
    int64_t logical_us;
    struct str task; /* ptr NULL: all */
};
int orch_trigger_at(struct orch *orch, const struct orch_ask *ask, struct arena *arena,
                    struct run *out) MUST_USE;
int orch_pause(struct orch *orch, struct str dag, bool paused) MUST_USE; /* durable */
struct orch_info {
    struct str name, schedule, timezone, file;
    bool paused;
    int64_t next_us; /* 0: none */
    const struct orch_task *task; /* upstream first, defaults filled in */
    size_t task_cnt;
    bool catchup;
    int max_active;
    size_t live_cnt; /* runs that wait or run */
};
int orch_dags(struct orch *orch, struct arena *arena, struct orch_info **out, size_t *cnt) MUST_USE;
int orch_dag(struct orch *orch, struct str dag, struct orch_info *out) MUST_USE; /* ERR_NOT_FOUND */
/* The log so far of a try that is at work; ERR_NOT_FOUND: it is not. */
int orch_live_log(struct orch *orch, const struct run_try *which, struct arena *arena,
                  struct str *out) MUST_USE;
void orch_slots(struct orch *orch, size_t *all, size_t *used); /* tries at once */

/* For `sluice check`: is it a schedule? ERR_SYNTAX with the reason and an example. */
int orch_schedule_check(struct str schedule, struct str zone) MUST_USE;
/* The first time after `after_us` that the schedule fires; INT64_MAX: never. */
int orch_schedule_next(struct str schedule, struct str zone, int64_t after_us,
                       int64_t *out) MUST_USE;

#endif
