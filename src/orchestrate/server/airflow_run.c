/* airflow_run.c - dag runs: lists, one, and starting one. */
#include "orchestrate/server/airflow_int.h"

#include "base/err.h"
#include "orchestrate/orch_time.h"
#include "orchestrate/server/airflow_json.h"
#include "orchestrate/server/airflow_look.h"

#include <jansson.h>

/* Airflow knows some origins only. */
static struct str triggered_by(struct str by) {
    static const char *const known[] = {"cli", "operator", "rest_api", "ui", "test", "timetable",
                                        "asset", "backfill"};
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (str_eqz(by, known[i])) return by;
    return str_eqz(by, "scheduler") ? STR("timetable") : STR("rest_api");
}

static void put_run(struct buf *out, const struct run *run) {
    buf_putc(out, '{');
    airflow_json_text(out, "dag_run_id", run->id);
    buf_putc(out, ',');
    airflow_json_text(out, "dag_id", run->dag);
    buf_putc(out, ',');
    airflow_json_text(out, "dag_display_name", run->dag);
    buf_putc(out, ',');
    airflow_json_time(out, "logical_date", run->logical_us);
    buf_putc(out, ',');
    airflow_json_time(out, "queued_at", run->logical_us);
    buf_putc(out, ',');
    airflow_json_time(out, "start_date", run->start_us);
    buf_putc(out, ',');
    airflow_json_time(out, "end_date", run->end_us);
    buf_putc(out, ',');
    airflow_json_seconds(out, "duration", run->start_us, run->end_us);
    buf_putc(out, ',');
    airflow_json_time(out, "data_interval_start", run->logical_us);
    buf_putc(out, ',');
    airflow_json_time(out, "data_interval_end", run->logical_us);
    buf_putc(out, ',');
    airflow_json_time(out, "run_after", run->logical_us);
    buf_putc(out, ',');
    airflow_json_time(out, "last_scheduling_decision", MAX(run->start_us, run->end_us));
    buf_printf(out, ",\"run_type\":\"%s\",\"state\":\"%s\",", run_kind_name(run->kind),
               run_state_name(run->state));
    airflow_json_text(out, "triggered_by", triggered_by(run->by));
    buf_putc(out, ',');
    airflow_json_text(out, "note", run->note.len ? run->note : STR_NULL);
    buf_putz(out, ",\"triggering_user_name\":null,\"conf\":{},\"dag_versions\":[],"
             "\"bundle_version\":null,\"partition_key\":null}");
}

static void send_run(struct http_req *req, const struct run *run) {
    struct buf out;
    buf_init(&out, AIRFLOW_OUT_MAX);
    put_run(&out, run);
    airflow_json_send(req, &out);
}

void airflow_run_list(void *self, struct http_req *req) {
    struct airflow_ask ask;
    struct airflow_look look;
    struct buf out;
    if (!airflow_ask_read(req, airflow_look_keys, airflow_look_key_cnt(), &ask)) return;
    if (!ask.order_cnt) ask.order_cnt = 1; /* by id: oldest first */
    if (!airflow_look_runs(self, req, &ask, true, &look)) return;
    buf_init(&out, AIRFLOW_OUT_MAX);
    buf_putz(&out, "{\"dag_runs\":[");
    for (size_t i = ask.offset; i < look.cnt && i - ask.offset < ask.limit; i++) {
        if (i > ask.offset) buf_putc(&out, ',');
        put_run(&out, &look.run[i]);
    }
    buf_printf(&out, "],\"total_entries\":%zu}", look.cnt);
    airflow_json_send(req, &out);
}

void airflow_run_get(void *self, struct http_req *req) {
    struct run run;
    if (airflow_look_run(self, req, &run)) send_run(req, &run);
}

/* ---- starting one ---- */

/* What a run of sluice cannot carry must not be dropped without a word. */
static const char *not_taken(const json_t *body) {
    static const char *const names[] = {"note", "partition_key", "data_interval_start",
                                        "data_interval_end", "run_after"};
    const json_t *conf = json_object_get(body, "conf");
    size_t taken = json_object_get(conf, "sluice_task") ? 1 : 0;
    if (conf && !json_is_null(conf) && !(json_is_object(conf) && json_object_size(conf) == taken))
        return "conf";
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const json_t *value = json_object_get(body, names[i]);
        if (value && !json_is_null(value) && json_string_length(value)) return names[i];
    }
    return NULL;
}

/* A member that is text or null; false: answered. */
static bool take_text(struct http_req *req, const json_t *body, const char *name,
                      struct str *out) {
    const json_t *value = json_object_get(body, name);
    *out = STR_NULL;
    if (!value || json_is_null(value)) return true;
    if (!json_is_string(value)) {
        airflow_json_invalid(req, "body", name, "it has to be a text or null");
        return false;
    }
    *out = (struct str){json_string_value(value), json_string_length(value)};
    return true;
}

static void trigger(struct airflow *airflow, struct http_req *req, const json_t *body) {
    struct orch_ask ask = {.dag = http_param(req, "dag_id"), .by = STR("rest_api")};
    struct str when;
    struct run run;
    const char *extra = not_taken(body);
    if (extra) {
        struct str text = arena_printf(http_arena(req), "a run takes no '%s' here: leave it out",
                                       extra);
        http_reply_status(req, 400, text.ptr);
        return;
    }
    if (!take_text(req, body, "dag_run_id", &ask.id)) return;
    if (!take_text(req, body, "logical_date", &when)) return;
    if (!take_text(req, json_object_get(body, "conf"), "sluice_task", &ask.task)) return;
    if (when.ptr && orch_time_parse(when, &ask.logical_us)) {
        airflow_json_invalid(req, "body", "logical_date", err_note());
        return;
    }
    int err = orch_trigger_at(airflow->conf.orch, &ask, http_arena(req), &run);
    if (err) http_reply_err(req, err);
    else send_run(req, &run);
}

void airflow_run_trigger(void *self, struct http_req *req) {
    json_t *body = airflow_json_body(req);
    if (!body) return;
    trigger(self, req, body);
    json_decref(body);
}
