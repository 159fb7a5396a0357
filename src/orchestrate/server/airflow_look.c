/* airflow_look.c - runs from the landing database, filtered and put in order. */
#include "orchestrate/server/airflow_look.h"

#include "base/err.h"

#include <stdlib.h>

enum key { KEY_ID, KEY_RUN_AFTER, KEY_LOGICAL, KEY_START, KEY_END, KEY_STATE, KEY_DAG, KEY_RUN_ID,
           KEY_DURATION, KEY_UPDATED };
const char *const airflow_look_keys[] = {
    "id", "run_after", "logical_date", "start_date", "end_date", "state", "dag_id", "run_id",
    "duration", "updated_at", "conf", "data_interval_start", "data_interval_end", "dag_run_id",
    "map_index", "try_number", "operator", "rendered_map_index", "queued_at"};

size_t airflow_look_key_cnt(void) {
    return ARRAY_LEN(airflow_look_keys);
}

bool airflow_look_run(struct airflow *airflow, struct http_req *req, struct run *out) {
    struct str dag = http_param(req, "dag_id"), id = http_param(req, "dag_run_id");
    struct orch_info info;
    int err = orch_dag(airflow->conf.orch, dag, &info);
    if (!err) err = landing_run(airflow->conf.landing, dag, id, http_arena(req), out);
    if (err == ERR_NOT_FOUND)
        err_fail(err, "pipeline '%.*s' has no run '%.*s'", STR_ARG(dag), STR_ARG(id));
    if (err) http_reply_err(req, err);
    return !err;
}

static int64_t took(const struct run *run) {
    return run->start_us && run->end_us ? run->end_us - run->start_us : 0;
}

static int cmp_i64(int64_t a, int64_t b) {
    return (a > b) - (a < b);
}

static int cmp_run(const struct run *a, const struct run *b, size_t key) {
    switch (key) {
    case KEY_START: return cmp_i64(a->start_us, b->start_us);
    case KEY_END: return cmp_i64(a->end_us, b->end_us);
    case KEY_UPDATED:
        return cmp_i64(MAX(a->end_us, a->start_us), MAX(b->end_us, b->start_us));
    case KEY_DURATION: return cmp_i64(took(a), took(b));
    case KEY_STATE: return strcmp(run_state_name(a->state), run_state_name(b->state));
    case KEY_DAG: return str_cmp(a->dag, b->dag);
    case KEY_RUN_ID: return str_cmp(a->id, b->id);
    default: return cmp_i64(a->logical_us, b->logical_us);
    }
}

static int cmp_runs(const void *a, const void *b, void *arg) {
    const struct airflow_ask *ask = arg;
    int order = 0;
    for (size_t i = 0; i < ask->order_cnt && !order; i++) {
        order = cmp_run(a, b, ask->order[i].key);
        if (ask->order[i].down) order = -order;
    }
    return order ? order : cmp_run(b, a, KEY_LOGICAL);
}

static bool fits(struct http_req *req, const struct run *run,
                 const struct airflow_ask_range *range, bool by_state) {
    if (!airflow_ask_run_within(range, run)) return false;
    if (!airflow_ask_like(http_query(req, "dag_id_pattern"), run->dag)) return false;
    if (!airflow_ask_like(http_query(req, "run_id_pattern"), run->id)) return false;
    if (!by_state) return true;
    return airflow_ask_among(req, "state", str_of(run_state_name(run->state))) &&
           airflow_ask_among(req, "run_type", str_of(run_kind_name(run->kind)));
}

bool airflow_look_runs(struct airflow *airflow, struct http_req *req,
                       const struct airflow_ask *ask, bool by_state, struct airflow_look *out) {
    struct str dag = http_param(req, "dag_id"), id = http_param(req, "dag_run_id");
    struct airflow_ask_range range;
    struct orch_info info;
    *out = (struct airflow_look){0};
    if (!airflow_ask_ranges(req, &range)) return false;
    if (id.ptr && !str_eqz(id, "~")) {
        out->run = arena_new(http_arena(req), struct run);
        out->cnt = 1;
        if (!airflow_look_run(airflow, req, out->run)) return false;
    } else {
        bool all = str_eqz(dag, "~");
        int err = all ? 0 : orch_dag(airflow->conf.orch, dag, &info);
        if (!err)
            err = landing_runs(airflow->conf.landing, all ? STR_NULL : dag,
                               (struct landing_page){AIRFLOW_LOOK_MAX, 0}, http_arena(req),
                               &out->run, &out->cnt);
        if (err) return http_reply_err(req, err), false;
    }
    size_t kept = 0;
    for (size_t i = 0; i < out->cnt; i++)
        if (fits(req, &out->run[i], &range, by_state)) out->run[kept++] = out->run[i];
    out->partly = kept < out->cnt;
    out->cnt = kept;
    if (ask->order_cnt) qsort_r(out->run, kept, sizeof *out->run, cmp_runs, (void *)(uintptr_t)ask);
    return true;
}
