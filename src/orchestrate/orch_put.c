/* orch_put.c - one transaction for all that a step has decided. */
#include "orchestrate/orch_put.h"

#include "base/diag.h"
#include "base/err.h"
#include "base/metric.h"

void orch_put_fini(struct orch_put *put) {
    arena_fini(&put->arena);
    *put = (struct orch_put){0};
}

static void *room(struct arena *arena, void *old, size_t cnt, size_t *cap, size_t size) {
    if (cnt < *cap) return old;
    *cap = *cap ? *cap * 2 : 16;
    void *fresh = arena_calloc(arena, *cap, size);
    if (cnt) memcpy(fresh, old, cnt * size);
    return fresh;
}

void orch_put_run(struct orch_put *put, const struct run *run) {
    put->run = room(&put->arena, put->run, put->run_cnt, &put->run_cap, sizeof *run);
    struct run *out = &put->run[put->run_cnt++];
    *out = *run;
    out->dag = arena_str(&put->arena, run->dag);
    out->id = arena_str(&put->arena, run->id);
    out->by = arena_str(&put->arena, run->by);
    out->note = arena_str(&put->arena, run->note);
}

void orch_put_try(struct orch_put *put, const struct run_try *run_try) {
    put->run_try = room(&put->arena, put->run_try, put->try_cnt, &put->try_cap, sizeof *run_try);
    struct run_try *out = &put->run_try[put->try_cnt++];
    *out = *run_try;
    out->dag = arena_str(&put->arena, run_try->dag);
    out->run = arena_str(&put->arena, run_try->run);
    out->task = arena_str(&put->arena, run_try->task);
    out->log = arena_str(&put->arena, run_try->log);
}

bool orch_put_any(const struct orch_put *put) {
    return put->run_cnt || put->try_cnt;
}

/* Old runs go a few at a time, in a transaction that is made anyway. */
static int trim_runs(const struct orch *orch, struct landing_tx *tx) {
    int err = 0;
    for (size_t i = 0; i < orch->dag_cnt && !err; i++)
        if (orch->dag[i].trim_due)
            err = landing_trim_runs(tx, orch->dag[i].def.name, ORCH_RUN_KEEP, ORCH_TRIM_MAX);
    return err;
}

static int write_all(const struct orch_put *put, const struct orch *orch) {
    struct landing_tx *tx;
    int err = landing_begin(orch->conf.landing, &tx);
    if (err) return err;
    for (size_t i = 0; i < put->run_cnt && !err; i++) err = landing_put_run(tx, &put->run[i]);
    for (size_t i = 0; i < put->try_cnt && !err; i++) err = landing_put_try(tx, &put->run_try[i]);
    if (!err) err = trim_runs(orch, tx);
    if (!err) return landing_commit(tx);
    landing_abort(tx);
    return err;
}

int orch_put_write(struct orch_put *put, struct orch *orch) {
    int err = write_all(put, orch);
    if (err) {
        metric_add(orch->put_failed, 1);
        put->backoff_us = put->backoff_us ? MIN(put->backoff_us * 2, ORCH_BACKOFF_MAX_US)
                                          : ORCH_BACKOFF_US;
        put->again_us = env_mono_us(orch->conf.env) + put->backoff_us;
        diag_error("orchestrate", "no run can start: runs cannot be recorded: %s; trying again",
                   err_note());
        return err;
    }
    if (put->backoff_us) diag_info("orchestrate", "runs can be recorded again");
    for (size_t i = 0; i < orch->dag_cnt; i++) orch->dag[i].trim_due = false;
    arena_reset(&put->arena);
    put->run = NULL;
    put->run_try = NULL;
    put->run_cnt = put->run_cap = put->try_cnt = put->try_cap = 0;
    put->again_us = put->backoff_us = 0;
    return 0;
}
