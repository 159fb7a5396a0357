/* airflow_dag.c - dags, their tasks, versions, sources and statistics. */
#include "orchestrate/server/airflow_int.h"

#include "base/err.h"
#include "orchestrate/server/airflow_ask.h"
#include "orchestrate/server/airflow_json.h"

#include <jansson.h>

#define SOURCE_MAX MIB

/* ---- a dag ---- */

/* What a list and the details both show, without the braces. */
static void put_dag(struct buf *out, const struct airflow *airflow, const struct orch_info *dag) {
    size_t all, used;
    struct str name = dag->name, schedule = dag->schedule.len ? dag->schedule : STR_NULL;
    orch_slots(airflow->conf.orch, &all, &used);
    airflow_json_text(out, "dag_id", name);
    buf_putc(out, ',');
    airflow_json_text(out, "dag_display_name", name);
    buf_printf(out, ",\"is_paused\":%s,\"is_stale\":false,\"bundle_name\":\"sluice\","
               "\"bundle_version\":null,\"last_parse_duration\":null,\"last_expired\":null,"
               "\"description\":null,\"tags\":[],\"owners\":[\"sluice\"],"
               "\"has_import_errors\":false,\"has_task_concurrency_limits\":false,"
               "\"timetable_partitioned\":false,\"timetable_periodic\":%s,"
               "\"is_backfillable\":false,\"allowed_run_types\":null,"
               "\"max_consecutive_failed_dag_runs\":0,\"max_active_runs\":%d,"
               "\"max_active_tasks\":%zu,", dag->paused ? "true" : "false",
               dag->schedule.len ? "true" : "false", dag->max_active, all);
    airflow_json_text(out, "fileloc", dag->file);
    buf_putc(out, ',');
    airflow_json_text(out, "relative_fileloc", dag->file);
    buf_putc(out, ',');
    airflow_json_text(out, "file_token", name);
    buf_putc(out, ',');
    airflow_json_text(out, "timetable_summary", schedule);
    buf_putc(out, ',');
    airflow_json_text(out, "timetable_description", schedule);
    buf_putc(out, ',');
    airflow_json_time(out, "last_parsed_time", airflow->opened_us);
    buf_putc(out, ',');
    airflow_json_time(out, "next_dagrun_logical_date", dag->next_us);
    buf_putc(out, ',');
    airflow_json_time(out, "next_dagrun_data_interval_start", dag->next_us);
    buf_putc(out, ',');
    airflow_json_time(out, "next_dagrun_data_interval_end", dag->next_us);
    buf_putc(out, ',');
    airflow_json_time(out, "next_dagrun_run_after", dag->next_us);
}

static void send_dag(struct http_req *req, const struct airflow *airflow,
                     const struct orch_info *dag) {
    struct buf out;
    buf_init(&out, AIRFLOW_OUT_MAX);
    buf_putc(&out, '{');
    put_dag(&out, airflow, dag);
    buf_putc(&out, '}');
    airflow_json_send(req, &out);
}

/* The dag of the path; false: answered with 404. */
static bool find(struct airflow *airflow, struct http_req *req, struct orch_info *out) {
    int err = orch_dag(airflow->conf.orch, http_param(req, "dag_id"), out);
    if (err) http_reply_err(req, err);
    return !err;
}

static const char *const dag_keys[] = {
    "dag_id", "dag_display_name", "next_dagrun", "state", "start_date", "is_paused",
    "last_run_state", "last_run_start_date"};

static bool fits(struct http_req *req, const struct orch_info *dag) {
    struct str paused = http_query(req, "paused");
    if (paused.ptr && paused.len && str_ieq(paused, STR("true")) != dag->paused) return false;
    return airflow_ask_like(http_query(req, "dag_id_pattern"), dag->name) &&
           airflow_ask_like(http_query(req, "dag_display_name_pattern"), dag->name);
}

/* By name but for next_dagrun, which the list's order says; few enough for this way of sorting. */
static void sort(struct orch_info *dag, size_t cnt, const struct airflow_ask *ask) {
    bool down = ask->order_cnt && ask->order[0].down;
    bool by_next = ask->order_cnt && ask->order[0].key == 2;
    for (size_t i = 1; i < cnt; i++) {
        struct orch_info one = dag[i];
        size_t at = i;
        for (; at > 0; at--) {
            int order = str_cmp(dag[at - 1].name, one.name);
            if (by_next) order = (dag[at - 1].next_us > one.next_us) * 2 - 1;
            if (down ? order >= 0 : order <= 0) break;
            dag[at] = dag[at - 1];
        }
        dag[at] = one;
    }
}

/* The dags that fit the query, in its order; false: answered. */
static bool list(struct airflow *airflow, struct http_req *req, struct airflow_ask *ask,
                 struct orch_info **out, size_t *cnt) {
    size_t all, kept = 0;
    if (!airflow_ask_read(req, dag_keys, ARRAY_LEN(dag_keys), ask)) return false;
    int err = orch_dags(airflow->conf.orch, http_arena(req), out, &all);
    if (err) return http_reply_err(req, err), false;
    for (size_t i = 0; i < all; i++)
        if (fits(req, &(*out)[i])) (*out)[kept++] = (*out)[i];
    sort(*out, kept, ask);
    *cnt = kept;
    return true;
}

static void send_dags(struct airflow *airflow, struct http_req *req, const struct airflow_ask *ask,
                      const struct orch_info *dag, size_t cnt) {
    struct buf out;
    buf_init(&out, AIRFLOW_OUT_MAX);
    buf_putz(&out, "{\"dags\":[");
    for (size_t i = ask->offset; i < cnt && i - ask->offset < ask->limit; i++) {
        buf_putz(&out, i > ask->offset ? ",{" : "{");
        put_dag(&out, airflow, &dag[i]);
        buf_putc(&out, '}');
    }
    buf_printf(&out, "],\"total_entries\":%zu}", cnt);
    airflow_json_send(req, &out);
}

void airflow_dag_list(void *self, struct http_req *req) {
    struct airflow_ask ask;
    struct orch_info *dag;
    size_t cnt;
    if (list(self, req, &ask, &dag, &cnt)) send_dags(self, req, &ask, dag, cnt);
}

void airflow_dag_get(void *self, struct http_req *req) {
    struct orch_info dag;
    if (find(self, req, &dag)) send_dag(req, self, &dag);
}

void airflow_dag_details(void *self, struct http_req *req) {
    struct airflow *airflow = self;
    struct orch_info dag;
    struct buf out;
    if (!find(airflow, req, &dag)) return;
    buf_init(&out, AIRFLOW_OUT_MAX);
    buf_putc(&out, '{');
    put_dag(&out, airflow, &dag);
    buf_putc(&out, ',');
    airflow_json_text(&out, "timezone", dag.timezone.len ? dag.timezone : STR("UTC"));
    buf_putc(&out, ',');
    airflow_json_time(&out, "last_parsed", airflow->opened_us);
    buf_printf(&out, ",\"catchup\":%s,\"active_runs_count\":%zu,\"concurrency\":%d,"
               "\"dag_run_timeout\":null,\"asset_expression\":null,\"doc_md\":null,"
               "\"start_date\":null,\"end_date\":null,\"is_paused_upon_creation\":false,"
               "\"params\":null,\"render_template_as_native_obj\":false,"
               "\"template_search_path\":null,\"default_args\":null,\"owner_links\":null,"
               "\"is_favorite\":false,\"latest_dag_version\":null}",
               dag.catchup ? "true" : "false", dag.live_cnt, dag.max_active);
    airflow_json_send(req, &out);
}

/* ---- pausing ---- */

/* {"is_paused": bool}; false: answered with 422. */
static bool read_paused(struct http_req *req, bool *paused) {
    json_t *body = airflow_json_body(req);
    if (!body) return false;
    json_t *value = json_object_get(body, "is_paused");
    bool good = json_is_boolean(value);
    *paused = json_is_true(value);
    json_decref(body);
    if (!good) airflow_json_invalid(req, "body", "is_paused", "it has to be true or false");
    return good;
}

void airflow_dag_patch(void *self, struct http_req *req) {
    struct airflow *airflow = self;
    struct orch_info dag;
    bool paused;
    if (!find(airflow, req, &dag) || !read_paused(req, &paused)) return;
    int err = orch_pause(airflow->conf.orch, dag.name, paused);
    if (!err) err = orch_dag(airflow->conf.orch, dag.name, &dag);
    if (err) http_reply_err(req, err);
    else send_dag(req, airflow, &dag);
}

void airflow_dag_patch_all(void *self, struct http_req *req) {
    struct airflow *airflow = self;
    struct airflow_ask ask;
    struct orch_info *dag;
    size_t cnt;
    bool paused;
    if (!list(airflow, req, &ask, &dag, &cnt) || !read_paused(req, &paused)) return;
    for (size_t i = ask.offset; i < cnt && i - ask.offset < ask.limit; i++) {
        int err = orch_pause(airflow->conf.orch, dag[i].name, paused);
        if (!err) err = orch_dag(airflow->conf.orch, dag[i].name, &dag[i]);
        if (err) {
            http_reply_err(req, err);
            return;
        }
    }
    send_dags(airflow, req, &ask, dag, cnt);
}

/* ---- tasks ---- */

static void put_downstream(struct buf *out, const struct orch_info *dag, struct str name) {
    bool any = false;
    buf_putz(out, "\"downstream_task_ids\":[");
    for (size_t i = 0; i < dag->task_cnt; i++) {
        for (size_t a = 0; a < dag->task[i].after_cnt; a++) {
            if (!str_eq(dag->task[i].after[a], name)) continue;
            if (any) buf_putc(out, ',');
            buf_json(out, dag->task[i].name);
            any = true;
        }
    }
    buf_putz(out, "],");
}

static void put_task(struct buf *out, const struct orch_info *dag, const struct orch_task *task) {
    buf_putc(out, '{');
    airflow_json_text(out, "task_id", task->name);
    buf_putc(out, ',');
    airflow_json_text(out, "task_display_name", task->name);
    buf_putc(out, ',');
    put_downstream(out, dag, task->name);
    airflow_json_delta(out, "execution_timeout", task->timeout_us);
    buf_putc(out, ',');
    airflow_json_delta(out, "retry_delay", task->retry_delay_us);
    buf_printf(out, ",\"retries\":%d,\"retry_exponential_backoff\":2.0,\"trigger_rule\":"
               "\"all_success\",\"pool\":\"default_pool\",\"pool_slots\":1,\"priority_weight\":1,"
               "\"weight_rule\":\"downstream\",\"queue\":\"default\",\"owner\":\"sluice\","
               "\"operator_name\":\"fetch\",\"class_ref\":{\"module_path\":\"sluice\","
               "\"class_name\":\"fetch\"},\"depends_on_past\":false,\"wait_for_downstream\":false,"
               "\"is_mapped\":false,\"start_date\":null,\"end_date\":null,\"doc_md\":null,"
               "\"extra_links\":[],\"params\":{},\"template_fields\":[],\"ui_color\":\"#fff\","
               "\"ui_fgcolor\":\"#000\"}", task->retries);
}

void airflow_dag_tasks(void *self, struct http_req *req) {
    struct orch_info dag;
    struct buf out;
    if (!find(self, req, &dag)) return;
    buf_init(&out, AIRFLOW_OUT_MAX);
    buf_putz(&out, "{\"tasks\":[");
    for (size_t i = 0; i < dag.task_cnt; i++) {
        if (i) buf_putc(&out, ',');
        put_task(&out, &dag, &dag.task[i]);
    }
    buf_printf(&out, "],\"total_entries\":%zu}", dag.task_cnt);
    airflow_json_send(req, &out);
}

void airflow_dag_task(void *self, struct http_req *req) {
    struct orch_info dag;
    struct buf out;
    if (!find(self, req, &dag)) return;
    struct str name = http_param(req, "task_id");
    for (size_t i = 0; i < dag.task_cnt; i++) {
        if (!str_eq(dag.task[i].name, name)) continue;
        buf_init(&out, AIRFLOW_OUT_MAX);
        put_task(&out, &dag, &dag.task[i]);
        airflow_json_send(req, &out);
        return;
    }
    err_fail(ERR_NOT_FOUND, "pipeline '%.*s' has no task '%.*s'", STR_ARG(dag.name), STR_ARG(name));
    http_reply_err(req, ERR_NOT_FOUND);
}

/* ---- versions, sources, statistics ---- */

static void put_version(struct buf *out, const struct airflow *airflow,
                        const struct orch_info *dag) {
    buf_putc(out, '{');
    airflow_json_id(out, "id", &dag->name, 1);
    buf_putz(out, ",\"version_number\":1,");
    airflow_json_text(out, "dag_id", dag->name);
    buf_putc(out, ',');
    airflow_json_text(out, "dag_display_name", dag->name);
    buf_putz(out, ",\"bundle_name\":\"sluice\",\"bundle_version\":null,\"bundle_url\":null,");
    airflow_json_time(out, "created_at", airflow->opened_us);
    buf_putc(out, '}');
}

void airflow_dag_versions(void *self, struct http_req *req) {
    struct orch_info dag;
    struct buf out;
    if (!find(self, req, &dag)) return;
    buf_init(&out, AIRFLOW_OUT_MAX);
    buf_putz(&out, "{\"dag_versions\":[");
    put_version(&out, self, &dag);
    buf_putz(&out, "],\"total_entries\":1}");
    airflow_json_send(req, &out);
}

void airflow_dag_source(void *self, struct http_req *req) {
    struct airflow *airflow = self;
    struct orch_info dag;
    struct buf out;
    char *text = NULL;
    size_t len = 0;
    if (!find(airflow, req, &dag)) return;
    int err = ERR_NOT_FOUND;
    if (dag.file.len)
        err = env_read_whole(airflow->conf.env, arena_strz(http_arena(req), dag.file), SOURCE_MAX,
                             &text, &len);
    else err_fail(err, "pipeline '%.*s' has no file", STR_ARG(dag.name));
    if (err) {
        http_reply_err(req, err);
        return;
    }
    buf_init(&out, AIRFLOW_OUT_MAX);
    buf_putc(&out, '{');
    airflow_json_text(&out, "content", (struct str){text, len});
    buf_putc(&out, ',');
    airflow_json_text(&out, "dag_id", dag.name);
    buf_putc(&out, ',');
    airflow_json_text(&out, "dag_display_name", dag.name);
    buf_putz(&out, ",\"version_number\":1}");
    base_free(text);
    airflow_json_send(req, &out);
}

static int put_stats(struct buf *out, struct airflow *airflow, struct str dag,
                     struct arena *arena) {
    static const enum run_state states[] = {RUN_QUEUED, RUN_RUNNING, RUN_SUCCESS, RUN_FAILED};
    struct run *run = NULL;
    size_t cnt = 0, by_state[RUN_STATE_CNT] = {0};
    int err = landing_runs(airflow->conf.landing, dag, (struct landing_page){AIRFLOW_LOOK_MAX, 0},
                           arena, &run, &cnt);
    if (err) return err;
    for (size_t i = 0; i < cnt; i++) by_state[run[i].state]++;
    buf_putc(out, '{');
    airflow_json_text(out, "dag_id", dag);
    buf_putc(out, ',');
    airflow_json_text(out, "dag_display_name", dag);
    buf_putz(out, ",\"stats\":[");
    for (size_t i = 0; i < ARRAY_LEN(states); i++)
        buf_printf(out, "%s{\"state\":\"%s\",\"count\":%zu}", i ? "," : "",
                   run_state_name(states[i]), by_state[states[i]]);
    buf_putz(out, "]}");
    return 0;
}

void airflow_dag_stats(void *self, struct http_req *req) {
    struct airflow *airflow = self;
    struct orch_info *dag;
    size_t cnt, shown = 0;
    struct buf out;
    int err = orch_dags(airflow->conf.orch, http_arena(req), &dag, &cnt);
    buf_init(&out, AIRFLOW_OUT_MAX);
    buf_putz(&out, "{\"dags\":[");
    for (size_t i = 0; i < cnt && !err; i++) {
        if (!airflow_ask_among(req, "dag_ids", dag[i].name)) continue;
        if (shown++) buf_putc(&out, ',');
        err = put_stats(&out, airflow, dag[i].name, http_arena(req));
    }
    buf_printf(&out, "],\"total_entries\":%zu}", shown);
    if (!err) {
        airflow_json_send(req, &out);
        return;
    }
    buf_fini(&out);
    http_reply_err(req, err);
}
