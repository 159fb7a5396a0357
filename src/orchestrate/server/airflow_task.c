/* airflow_task.c - task instances, their tries, and the tries' logs.
 *
 * A task instance is a task's newest try in a run; a task that has none yet has no state. Tasks are
 * shown upstream first, tasks that the pipeline no longer has after them. */
#include "orchestrate/server/airflow_int.h"

#include "base/err.h"
#include "orchestrate/server/airflow_json.h"
#include "orchestrate/server/airflow_look.h"

#include <stdio.h>

/* A task in a run: what an answer is made of. */
struct cell {
    const struct run *run;
    struct str task;
    const struct run_try *last; /* NULL: none yet */
    int retries;
};

static bool waits(const struct run *run) {
    return run->state == RUN_QUEUED || run->state == RUN_RUNNING;
}

/* A try that another one followed has failed; only the last can still be waiting for the next. */
static struct str state_of(const struct run *run, const struct run_try *one, bool last) {
    if (one->state == RUN_UP_FOR_RETRY && (!last || !waits(run))) return STR("failed");
    return str_of(run_state_name(one->state));
}

static void put_common(struct buf *out, const struct cell *cell, const struct run_try *one,
                       bool last) {
    const struct run *run = cell->run;
    buf_putc(out, '{');
    airflow_json_text(out, "task_id", cell->task);
    buf_putc(out, ',');
    airflow_json_text(out, "task_display_name", cell->task);
    buf_putc(out, ',');
    airflow_json_text(out, "dag_id", run->dag);
    buf_putc(out, ',');
    airflow_json_text(out, "dag_display_name", run->dag);
    buf_putc(out, ',');
    airflow_json_text(out, "dag_run_id", run->id);
    buf_putc(out, ',');
    airflow_json_text(out, "state", one ? state_of(run, one, last) : STR_NULL);
    buf_putc(out, ',');
    airflow_json_time(out, "start_date", one ? one->start_us : 0);
    buf_putc(out, ',');
    airflow_json_time(out, "end_date", one ? one->end_us : 0);
    buf_putc(out, ',');
    airflow_json_seconds(out, "duration", one ? one->start_us : 0, one ? one->end_us : 0);
    buf_putc(out, ',');
    airflow_json_time(out, "queued_when", one ? one->start_us : 0);
    buf_putc(out, ',');
    airflow_json_time(out, "scheduled_when", one ? one->start_us : 0);
    buf_printf(out, ",\"try_number\":%" PRIu32 ",\"max_tries\":%d,\"map_index\":-1,"
               "\"hostname\":\"localhost\",\"unixname\":\"sluice\",\"pool\":\"default_pool\","
               "\"pool_slots\":1,\"queue\":\"default\",\"priority_weight\":1,"
               "\"operator\":\"fetch\",\"operator_name\":\"fetch\",\"pid\":null,"
               "\"executor\":null,\"executor_config\":\"{}\",\"dag_version\":null",
               one && one->state != RUN_UPSTREAM_FAILED ? one->number : 0, cell->retries);
}

static void put_cell(struct buf *out, const struct cell *cell) {
    char number[16];
    int len = snprintf(number, sizeof number, "%" PRIu32, cell->last ? cell->last->number : 0);
    struct str part[] = {cell->run->dag, cell->run->id, cell->task, {number, (size_t)len}};
    put_common(out, cell, cell->last, true);
    buf_putc(out, ',');
    airflow_json_id(out, "id", part, ARRAY_LEN(part));
    buf_putc(out, ',');
    airflow_json_time(out, "logical_date", cell->run->logical_us);
    buf_putc(out, ',');
    airflow_json_time(out, "run_after", cell->run->logical_us);
    buf_putz(out, ",\"note\":null,\"rendered_map_index\":null,\"rendered_fields\":{},"
             "\"trigger\":null,\"triggerer_job\":null}");
}

/* ---- a run's cells ---- */

struct cells {
    struct cell *cell;
    size_t cnt;
    struct run_try *run_try; /* by task, number */
    size_t try_cnt;
};

static const struct run_try *last_of(const struct cells *cells, struct str task) {
    const struct run_try *last = NULL;
    for (size_t i = 0; i < cells->try_cnt; i++)
        if (str_eq(cells->run_try[i].task, task) &&
            (!last || cells->run_try[i].number > last->number))
            last = &cells->run_try[i];
    return last;
}

static bool has_task(const struct orch_info *dag, struct str name) {
    for (size_t i = 0; i < dag->task_cnt; i++)
        if (str_eq(dag->task[i].name, name)) return true;
    return false;
}

/* dag NULL: the pipeline is no longer here. */
static int read_cells(struct airflow *airflow, const struct run *run, const struct orch_info *dag,
                      struct arena *arena, struct cells *out) {
    *out = (struct cells){0};
    int err = landing_tries(airflow->conf.landing, run->dag, run->id, arena, &out->run_try,
                            &out->try_cnt);
    if (err) return err;
    size_t task_cnt = dag ? dag->task_cnt : 0;
    out->cell = arena_array(arena, struct cell, task_cnt + out->try_cnt + 1);
    for (size_t i = 0; i < task_cnt; i++) {
        const struct run_try *last = last_of(out, dag->task[i].name);
        if (last || waits(run))
            out->cell[out->cnt++] =
                (struct cell){run, dag->task[i].name, last, dag->task[i].retries};
    }
    for (size_t i = 0; i < out->try_cnt; i++) {
        const struct run_try *one = &out->run_try[i];
        if ((!dag || !has_task(dag, one->task)) && last_of(out, one->task) == one)
            out->cell[out->cnt++] = (struct cell){run, one->task, one, (int)one->number - 1};
    }
    return 0;
}

/* ---- lists ---- */

static bool fits(struct http_req *req, const struct cell *cell) {
    struct str state = cell->last ? state_of(cell->run, cell->last, true) : STR("no_status");
    return airflow_ask_among(req, "state", state) &&
           airflow_ask_among(req, "task_id", cell->task) &&
           airflow_ask_like(http_query(req, "task_display_name_pattern"), cell->task);
}

static bool filters(struct http_req *req) {
    return http_query(req, "state").ptr || http_query(req, "task_id").ptr ||
           http_query(req, "task_display_name_pattern").ptr;
}

/* Writes the page's cells. Past the page, runs are only counted by their dag's tasks, unless a
 * filter needs a look at each. */
static int put_cells(struct airflow *airflow, struct http_req *req, const struct airflow_ask *ask,
                     const struct airflow_look *look, struct buf *out) {
    size_t seen = 0, end = ask->offset + ask->limit;
    bool filtered = filters(req), first = true;
    struct arena arena = ARENA_INIT;
    int err = 0;
    buf_putz(out, "{\"task_instances\":[");
    for (size_t r = 0; r < look->cnt && !err; r++) {
        struct orch_info info;
        struct cells cells;
        bool known = !orch_dag(airflow->conf.orch, look->run[r].dag, &info);
        if (seen >= end && !filtered && known) {
            seen += info.task_cnt;
            continue;
        }
        arena_reset(&arena);
        err = read_cells(airflow, &look->run[r], known ? &info : NULL, &arena, &cells);
        for (size_t i = 0; i < cells.cnt && !err; i++) {
            if (!fits(req, &cells.cell[i])) continue;
            if (seen >= ask->offset && seen < end) {
                if (!first) buf_putc(out, ',');
                first = false;
                put_cell(out, &cells.cell[i]);
            }
            seen++;
        }
    }
    arena_fini(&arena);
    buf_printf(out, "],\"total_entries\":%zu}", seen);
    return err;
}

void airflow_task_list(void *self, struct http_req *req) {
    struct airflow_ask ask;
    struct airflow_look look;
    struct buf out;
    if (!airflow_ask_read(req, airflow_look_keys, airflow_look_key_cnt(), &ask)) return;
    if (!ask.order_cnt) ask.order_cnt = 1;
    if (!airflow_look_runs(self, req, &ask, false, &look)) return;
    buf_init(&out, AIRFLOW_OUT_MAX);
    int err = put_cells(self, req, &ask, &look, &out);
    if (!err) {
        airflow_json_send(req, &out);
        return;
    }
    buf_fini(&out);
    http_reply_err(req, err);
}

/* ---- one ---- */

/* The cell of the path and its run's tries; false: answered. */
static bool find(struct airflow *airflow, struct http_req *req, struct run *run,
                 struct cells *cells, struct cell *out) {
    struct str task = http_param(req, "task_id"), index = http_param(req, "map_index");
    struct orch_info info;
    if (!airflow_look_run(airflow, req, run)) return false;
    int err = orch_dag(airflow->conf.orch, run->dag, &info);
    if (!err) err = read_cells(airflow, run, &info, http_arena(req), cells);
    if (err) return http_reply_err(req, err), false;
    for (size_t i = 0; i < cells->cnt && (!index.ptr || str_eqz(index, "-1")); i++) {
        if (!str_eq(cells->cell[i].task, task)) continue;
        *out = cells->cell[i];
        return true;
    }
    err_fail(ERR_NOT_FOUND, "run '%.*s' has no task '%.*s'", STR_ARG(run->id), STR_ARG(task));
    http_reply_err(req, ERR_NOT_FOUND);
    return false;
}

void airflow_task_get(void *self, struct http_req *req) {
    struct run run;
    struct cells cells;
    struct cell cell;
    struct buf out;
    if (!find(self, req, &run, &cells, &cell)) return;
    buf_init(&out, AIRFLOW_OUT_MAX);
    put_cell(&out, &cell);
    airflow_json_send(req, &out);
}

void airflow_task_tries(void *self, struct http_req *req) {
    struct run run;
    struct cells cells;
    struct cell cell;
    struct buf out;
    size_t cnt = 0;
    if (!find(self, req, &run, &cells, &cell)) return;
    buf_init(&out, AIRFLOW_OUT_MAX);
    buf_putz(&out, "{\"task_instances\":[");
    for (size_t i = 0; i < cells.try_cnt; i++) {
        const struct run_try *one = &cells.run_try[i];
        if (!str_eq(one->task, cell.task)) continue;
        if (cnt++) buf_putc(&out, ',');
        put_common(&out, &cell, one, one == cell.last);
        buf_putc(&out, '}');
    }
    buf_printf(&out, "],\"total_entries\":%zu}", cnt);
    airflow_json_send(req, &out);
}

/* The try {number} of the cell; NULL: answered with 404. */
static const struct run_try *find_try(struct http_req *req, const struct cells *cells,
                                      const struct cell *cell) {
    struct str text = http_param(req, "number");
    int64_t number;
    if (str_i64(text, &number)) {
        airflow_json_invalid(req, "path", "try_number", "it has to be a number");
        return NULL;
    }
    for (size_t i = 0; i < cells->try_cnt; i++)
        if (str_eq(cells->run_try[i].task, cell->task) && cells->run_try[i].number == number)
            return &cells->run_try[i];
    err_fail(ERR_NOT_FOUND, "task '%.*s' has no try %" PRId64 " in this run", STR_ARG(cell->task),
             number);
    http_reply_err(req, ERR_NOT_FOUND);
    return NULL;
}

void airflow_task_try(void *self, struct http_req *req) {
    struct run run;
    struct cells cells;
    struct cell cell;
    struct buf out;
    if (!find(self, req, &run, &cells, &cell)) return;
    const struct run_try *one = find_try(req, &cells, &cell);
    if (!one) return;
    buf_init(&out, AIRFLOW_OUT_MAX);
    put_common(&out, &cell, one, one == cell.last);
    buf_putc(&out, '}');
    airflow_json_send(req, &out);
}

/* ---- logs ---- */

/* "TIME LEVEL TEXT" as an object; a line of another shape is all text. */
static void put_line(struct buf *out, struct str line) {
    struct str rest, text, when = str_cut(line, ' ', &rest), level = str_cut(rest, ' ', &text);
    buf_putc(out, '{');
    if (text.ptr && str_ends(when, STR("Z"))) {
        airflow_json_text(out, "timestamp", when);
        buf_putc(out, ',');
        airflow_json_text(out, "level", level);
        buf_putc(out, ',');
        airflow_json_text(out, "event", text);
    } else {
        airflow_json_text(out, "event", line);
    }
    buf_putc(out, '}');
}

static void put_log(struct buf *out, struct str log, const char *between) {
    bool first = true;
    while (log.len) {
        struct str line = str_cut(log, '\n', &log);
        if (!line.len) continue;
        if (!first) buf_putz(out, between);
        first = false;
        put_line(out, line);
    }
}

void airflow_task_log(void *self, struct http_req *req) {
    struct airflow *airflow = self;
    struct run run;
    struct cells cells;
    struct cell cell;
    struct buf out;
    struct str accept = http_header(req, "Accept"), log, lines = STR("application/x-ndjson");
    if (!find(airflow, req, &run, &cells, &cell)) return;
    const struct run_try *one = find_try(req, &cells, &cell);
    if (!one) return;
    bool live = one->state == RUN_RUNNING &&
                !orch_live_log(airflow->conf.orch, one, http_arena(req), &log);
    if (!live) log = one->log;
    buf_init(&out, AIRFLOW_OUT_MAX);
    if (accept.ptr && str_starts(accept, lines)) {
        put_log(&out, log, "\n");
        buf_putc(&out, '\n');
        http_reply(req, 200, "application/x-ndjson", buf_str(&out));
        buf_fini(&out);
        return;
    }
    buf_putz(&out, "{\"content\":[");
    put_log(&out, log, ",");
    buf_putz(&out, "],\"continuation_token\":null}");
    airflow_json_send(req, &out);
}
