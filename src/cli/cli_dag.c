/* cli_dag.c - sluice dag, task, run: pipelines as the scheduler sees them. */
#include "base/arena.h"
#include "base/dur.h"
#include "base/err.h"
#include "cli/cli_http.h"

#include <stdio.h>
#include <stdlib.h>

#define WAIT_US  300000
#define WAIT_MAX 600 /* seconds `run` waits for the end */

static int set_paused(const struct cli_line *line, const char *dag, bool paused) {
    struct arena arena = ARENA_INIT;
    json_t *answer;
    const char *path = arena_printf(&arena, "/api/v2/dags/%s", cli_http_escape(&arena, dag)).ptr;
    int code = cli_http_call(line, "PATCH", path,
                             paused ? "{\"is_paused\": true}" : "{\"is_paused\": false}", &answer);
    if (!code) printf("%s is %s\n", dag, paused ? "paused" : "running again");
    json_decref(answer);
    arena_fini(&arena);
    return code;
}

static int dag_run(const struct cli_verb *verb, int argc, char **argv) {
    struct cli_line line;
    struct arena arena = ARENA_INIT;
    json_t *answer;
    int code;
    if (!cli_parse(verb, argc, argv, &line, &code)) return code;
    bool pause = cli_option(&line, "--pause"), resume = cli_option(&line, "--resume");
    if (line.arg_cnt && (pause || resume)) return set_paused(&line, line.arg[0], pause);
    if (!line.arg_cnt) {
        code = cli_http_call(&line, "GET", "/api/v2/dags?limit=100", NULL, &answer);
        return code ? code : cli_http_table(&line, answer, "dags", "dag_id:DAG "
                                            "timetable_summary:SCHEDULE is_paused:PAUSED "
                                            "next_dagrun_run_after:NEXT");
    }
    const char *path = arena_printf(&arena, "/api/v2/dags/%s/dagRuns?order_by=-run_after&limit=20",
                                    cli_http_escape(&arena, line.arg[0])).ptr;
    code = cli_http_call(&line, "GET", path, NULL, &answer);
    if (!code)
        code = cli_http_table(&line, answer, "dag_runs", "dag_run_id:RUN state:STATE "
                              "start_date:START duration:SECONDS note:NOTE");
    arena_fini(&arena);
    return code;
}

/* Waits for the run's end: its last state in *state. */
static int wait_run(const struct cli_line *line, const char *path, char state[32]) {
    for (int i = 0; i < WAIT_MAX * 1000000 / WAIT_US; i++) {
        json_t *answer;
        int code = cli_http_call(line, "GET", path, NULL, &answer);
        if (code) return code;
        const char *now = json_string_value(json_object_get(answer, "state"));
        snprintf(state, 32, "%s", now ? now : "?");
        json_decref(answer);
        if (!strcmp(state, "success") || !strcmp(state, "failed")) return CLI_OK;
        env_sleep_us(env_real(), WAIT_US);
    }
    return CLI_OK;
}

/* The newest try's log goes to stderr, so that stdout's last line stays the answer. */
static void print_log(const struct cli_line *line, const char *path, const char *task) {
    struct arena arena = ARENA_INIT;
    json_t *answer;
    const char *at = arena_printf(&arena, "%s/taskInstances/%s/logs/1", path,
                                  cli_http_escape(&arena, task)).ptr;
    if (cli_http_call(line, "GET", at, NULL, &answer) == CLI_OK) {
        const json_t *content = json_object_get(answer, "content");
        for (size_t i = 0; i < json_array_size(content); i++) {
            const json_t *one = json_array_get(content, i);
            const char *event = json_string_value(json_object_get(one, "event"));
            if (!event) event = json_string_value(one);
            if (event) fprintf(stderr, "%s\n", event);
        }
        json_decref(answer);
    }
    arena_fini(&arena);
}

/* One try of one task, now, in the server that runs on the data folder; waits for its end. */
static int run_one_task(const struct cli_line *line, const char *dag, const char *task) {
    struct arena arena = ARENA_INIT;
    char state[32] = "queued";
    json_t *answer, *body = json_pack("{s:n, s:{s:s}}", "logical_date", "conf", "sluice_task",
                                      task);
    char *text = json_dumps(body, JSON_COMPACT);
    CHECK(text);
    const char *path = arena_printf(&arena, "/api/v2/dags/%s/dagRuns",
                                    cli_http_escape(&arena, dag)).ptr;
    int code = cli_http_call(line, "POST", path, text, &answer);
    if (!code) {
        const char *id = json_string_value(json_object_get(answer, "dag_run_id"));
        struct str run = arena_str(&arena, str_of(id ? id : ""));
        const char *at = arena_printf(&arena, "%s/%s", path,
                                      cli_http_escape(&arena, run.ptr)).ptr;
        json_decref(answer);
        code = wait_run(line, at, state);
        if (!code) print_log(line, at, task);
        if (!code) printf("{\"dag_run_id\":\"%s\",\"state\":\"%s\"}\n", run.ptr, state);
    }
    json_decref(body);
    free(text);
    arena_fini(&arena);
    return code ? code : strcmp(state, "success") ? CLI_NO : CLI_OK;
}

static int task_run(const struct cli_verb *verb, int argc, char **argv) {
    struct cli_line line;
    struct arena arena = ARENA_INIT;
    json_t *answer;
    int code;
    if (!cli_parse(verb, argc, argv, &line, &code)) return code;
    if (line.arg_cnt == 3 && !strcmp(line.arg[0], "run"))
        return run_one_task(&line, line.arg[1], line.arg[2]);
    const char *dag = line.arg_cnt > 0 ? cli_http_escape(&arena, line.arg[0]) : "~";
    const char *run = line.arg_cnt > 1 ? cli_http_escape(&arena, line.arg[1]) : "~";
    const char *path = arena_printf(&arena, "/api/v2/dags/%s/dagRuns/%s/taskInstances?limit=50"
                                    "&order_by=-run_after", dag, run).ptr;
    code = cli_http_call(&line, "GET", path, NULL, &answer);
    if (!code)
        code = cli_http_table(&line, answer, "task_instances", "dag_id:DAG dag_run_id:RUN "
                              "task_id:TASK state:STATE try_number:TRY duration:SECONDS");
    arena_fini(&arena);
    return code;
}

static int run_run(const struct cli_verb *verb, int argc, char **argv) {
    struct cli_line line;
    struct arena arena = ARENA_INIT;
    json_t *answer;
    char state[32] = "queued";
    int code;
    if (!cli_parse(verb, argc, argv, &line, &code)) return code;
    if (line.arg_cnt != 1) {
        fprintf(stderr, "sluice run: name one pipeline; `sluice dag` lists them\n");
        return CLI_USAGE;
    }
    const char *dag = cli_http_escape(&arena, line.arg[0]);
    const char *path = arena_printf(&arena, "/api/v2/dags/%s/dagRuns", dag).ptr;
    code = cli_http_call(&line, "POST", path, "{\"logical_date\": null, \"conf\": {}}", &answer);
    if (!code) {
        const char *id = json_string_value(json_object_get(answer, "dag_run_id"));
        const char *run = arena_printf(&arena, "%s/%s", path,
                                       cli_http_escape(&arena, id ? id : "")).ptr;
        if (!cli_option(&line, "--no-wait")) code = wait_run(&line, run, state);
        if (line.format == CLI_JSON)
            printf("{\"dag_run_id\":\"%s\",\"state\":\"%s\"}\n", id ? id : "", state);
        else printf("%s %s\n", id ? id : "", state);
        json_decref(answer);
    }
    arena_fini(&arena);
    return code ? code : strcmp(state, "failed") ? CLI_OK : CLI_NO;
}

static const struct cli_opt dag_options[] = {
    {"--pause", NULL, "no more scheduled runs"},
    {"--resume", NULL, "scheduled runs again"},
    {NULL, NULL, NULL},
};
static const struct cli_opt run_options[] = {
    {"--no-wait", NULL, "do not wait for the end"},
    {NULL, NULL, NULL},
};

const struct cli_verb cli_dag_verb = {
    .name = "dag",
    .summary = "Pipelines and their schedules; the runs of one",
    .examples = "sluice dag\nsluice dag user_automation\nsluice dag user_automation --pause",
    .args = "[DAG]",
    .opt = dag_options,
    .run = dag_run,
};
const struct cli_verb cli_dag_task_verb = {
    .name = "task",
    .summary = "Tasks of runs: state, tries, duration; run one task once",
    .examples = "sluice task\nsluice task user_automation\n"
                "sluice task run user_automation raw_users\n"
                "sluice task user_automation manual__2026-01-01T00:00:00+00:00",
    .args = "[DAG [RUN]] | run DAG TASK",
    .run = task_run,
};
const struct cli_verb cli_dag_run_verb = {
    .name = "run",
    .summary = "Start a run of a pipeline now, and wait for its end",
    .examples = "sluice run user_automation\nsluice run user_automation --no-wait",
    .args = "DAG",
    .opt = run_options,
    .run = run_run,
};
