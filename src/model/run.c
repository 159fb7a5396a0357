/* run.c - names of states and kinds, as Airflow's API spells them. */
#include "model/run.h"

static const char *const states[RUN_STATE_CNT] = {
    [RUN_NONE] = "none",       [RUN_QUEUED] = "queued",
    [RUN_RUNNING] = "running", [RUN_SUCCESS] = "success",
    [RUN_FAILED] = "failed",   [RUN_UP_FOR_RETRY] = "up_for_retry",
    [RUN_SKIPPED] = "skipped", [RUN_UPSTREAM_FAILED] = "upstream_failed",
};

const char *run_state_name(enum run_state state) {
    assert(state < RUN_STATE_CNT);
    return states[state];
}

enum run_state run_state_of(struct str name) {
    for (int i = 1; i < RUN_STATE_CNT; i++)
        if (str_eqz(name, states[i])) return (enum run_state)i;
    return RUN_NONE;
}

const char *run_kind_name(enum run_kind kind) {
    static const char *const names[] = {"scheduled", "manual", "backfill"};
    return names[kind];
}
