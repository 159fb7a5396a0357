/* airflow_test.c - Airflow's API over HTTP: a real server, scheduler and landing database. */
#include "support/unit.h"

#include "base/err.h"
#include "landing/landing.h"
#include "net/http.h"
#include "orchestrate/orchestrate.h"
#include "orchestrate/server/airflow.h"
#include "support/tempdir.h"

#include <curl/curl.h>
#include <jansson.h>
#include <stdatomic.h>
#include <stdio.h>

#define TOKEN "secret-token-of-the-test"

static struct {
    struct env *env;
    struct landing *landing;
    struct orch *orch;
    struct loop *loop;
    struct http *http;
    struct airflow *airflow;
    struct arena arena;
    char folder[512];
    atomic_int fail, hold;
} world;

static int work(void *arg UNUSED, struct orch_try *orch_try) {
    orch_log(orch_try, "at \"work\"");
    while (world.hold) env_sleep_us(world.env, 1000);
    if (world.fail > 0 && world.fail-- > 0) return err_fail(ERR_NET, "nobody answers");
    return 0;
}

static int open_world(void **state UNUSED) {
    static const struct str first[] = {STR_INIT("fetch_b")};
    static const struct orch_task task[] = {
        {.name = STR_INIT("fetch_a"), .run = work, .after = first, .after_cnt = 1, .retries = -1,
         .retry_delay_us = 1000},
        {.name = STR_INIT("fetch_b"), .run = work, .retries = 2, .retry_delay_us = 1000},
    };
    char file[600];
    struct orch_dag dag[] = {
        {.name = STR_INIT("people"), .schedule = STR_INIT("0 6 * * *"),
         .timezone = STR_INIT("Europe/Zurich"),
         .task = task, .task_cnt = 2},
        {.name = STR_INIT("orders"), .task = task + 1, .task_cnt = 1},
    };
    char url[600];
    size_t cnt;
    world.env = env_real();
    snprintf(world.folder, sizeof world.folder, "%s", tempdir_make("airflow"));
    snprintf(url, sizeof url, "sqlite:%s/landing.db", world.folder);
    snprintf(file, sizeof file, "%s/people.yml", world.folder);
    assert_int_equal(env_write_whole(world.env, file, STR("pipeline: people\n")), 0);
    dag[0].file = str_of(file);
    struct landing_conf landing = {.env = world.env, .url = url};
    assert_int_equal(landing_open(&world.landing, &landing), 0);
    struct orch_conf orch = {.env = world.env, .landing = world.landing, .dag = dag, .dag_cnt = 2};
    assert_int_equal(orch_open(&world.orch, &orch), 0);
    assert_int_equal(orch_start(world.orch), 0);
    assert_int_equal(loop_open(&world.loop, world.env, "test"), 0);
    struct airflow_conf conf = {world.env, world.orch, world.landing, TOKEN};
    assert_int_equal(airflow_open(&world.airflow, &conf), 0);
    const struct http_route *route = airflow_routes(world.airflow, &cnt);
    struct http_conf http = {.host = "127.0.0.1", .route = route, .route_cnt = cnt,
                             .token = TOKEN};
    assert_int_equal(http_open(&world.http, world.loop, &http), 0);
    assert_int_equal(loop_start(world.loop), 0);
    return curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK;
}

static int close_world(void **state UNUSED) {
    loop_stop(world.loop);
    http_close(world.http);
    loop_close(world.loop);
    airflow_close(world.airflow);
    orch_close(world.orch);
    landing_close(world.landing);
    tempdir_remove(world.folder);
    arena_fini(&world.arena);
    curl_global_cleanup();
    return 0;
}

/* ---- asking ---- */

static size_t take(char *ptr, size_t size, size_t cnt, void *arg) {
    buf_put(arg, ptr, size * cnt);
    return size * cnt;
}

static struct buf answer;

/* The status; the body is in `answer`. `header` NULL: with the token. */
static int ask(const char *method, const char *path, const char *body, const char *header) {
    char url[1024];
    long status = 0;
    CURL *curl = curl_easy_init();
    struct curl_slist *list = curl_slist_append(NULL, header ? header
                                                             : "Authorization: Bearer " TOKEN);
    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", http_port(world.http), path);
    buf_fini(&answer);
    buf_init(&answer, MIB);
    if (body && !strstr(list->data, "Content-Type"))
        list = curl_slist_append(list, "Content-Type: application/json");
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 20L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
    if (body) curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    assert_int_equal(curl_easy_perform(curl), CURLE_OK);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(list);
    curl_easy_cleanup(curl);
    return (int)status;
}

/* GET with 200, as JSON; the caller frees it. */
static json_t *get(const char *path) {
    int status = ask("GET", path, NULL, "Accept: application/json");
    json_t *json = json_loadb(answer.ptr, answer.len, 0, NULL);
    if (status != 200 || !json)
        fail_msg("%s: %d %.*s", path, status, STR_ARG(buf_str(&answer)));
    return json;
}

static const char *text(const json_t *json, const char *name) {
    const char *value = json_string_value(json_object_get(json, name));
    return value ? value : "null";
}

/* Starts a run of `dag` and waits for its end; its id lives in the arena. */
static const char *run(const char *dag, const char *want_state) {
    char path[600];
    snprintf(path, sizeof path, "/api/v2/dags/%s/dagRuns", dag);
    assert_int_equal(ask("POST", path, "{\"logical_date\":null,\"conf\":{}}", NULL), 200);
    json_t *json = json_loadb(answer.ptr, answer.len, 0, NULL);
    const char *id = arena_strz(&world.arena, str_of(text(json, "dag_run_id")));
    assert_string_equal(text(json, "run_type"), "manual");
    assert_string_equal(text(json, "triggered_by"), "rest_api");
    json_decref(json);
    char *escaped = curl_easy_escape(NULL, id, 0);
    snprintf(path, sizeof path, "/api/v2/dags/%s/dagRuns/%s", dag, escaped);
    curl_free(escaped);
    for (int i = 0; i < 5000; i++) {
        json = get(path);
        bool ended = !strcmp(text(json, "state"), want_state);
        json_decref(json);
        if (ended) return id;
        env_sleep_us(world.env, 1000);
    }
    fail_msg("%s did not end: %s", id, answer.ptr);
    return NULL;
}

static bool says(const char *part) {
    buf_putc(&answer, 0);
    return strstr(answer.ptr, part) != NULL;
}

/* ---- tests ---- */

static void airflow_answers_what_every_client_asks_first(void **state UNUSED) {
    static const struct {
        const char *path;
        int status;
        const char *part;
    } asks[] = {
        {"/api/v2/version", 200, "\"version\":\"3."},
        {"/api/v2/monitor/health", 200, "\"metadatabase\":{\"status\":\"healthy\"}"},
        {"/api/v2/monitor/health", 200, "\"scheduler\":{\"status\":\"healthy\""},
        {"/api/v2/dags", 200, "\"total_entries\":2}"},
        {"/api/v2/dags?dag_id_pattern=peo%25", 200, "\"total_entries\":1}"},
        {"/api/v2/dags?dag_id_pattern=%25ERS%7Cnothing", 200, "\"dags\":[{\"dag_id\":\"orders\""},
        {"/api/v2/dags?order_by=-dag_id&limit=1", 200, "\"dags\":[{\"dag_id\":\"people\""},
        {"/api/v2/dags?limit=1&offset=1", 200, "\"dags\":[{\"dag_id\":\"people\""},
        {"/api/v2/dags?offset=99", 200, "{\"dags\":[],\"total_entries\":2}"},
        {"/api/v2/dags?limit=x", 422, "\"loc\":[\"query\",\"limit\"]"},
        {"/api/v2/dags?limit=-1", 422, "\"detail\":[{"},
        {"/api/v2/dags?order_by=colour", 400, "colour"},
        {"/api/v2/dags/people", 200, "\"timetable_summary\":\"0 6 * * *\""},
        {"/api/v2/dags/peaple", 404, "did you mean 'people'?"},
        {"/api/v2/dags/people/details", 200, "\"timezone\":\"Europe/Zurich\""},
        {"/api/v2/dags/orders/details", 200, "\"timetable_summary\":null"},
        {"/api/v2/dags/people/tasks", 200, "{\"tasks\":[{\"task_id\":\"fetch_b\""},
        {"/api/v2/dags/people/tasks", 200, "\"downstream_task_ids\":[\"fetch_a\"]"},
        {"/api/v2/dags/people/tasks/fetch_a", 200, "\"retries\":3"},
        {"/api/v2/dags/people/tasks/none", 404, "\"detail\""},
        {"/api/v2/dags/people/dagVersions", 200, "\"version_number\":1"},
        {"/api/v2/dags/none/dagRuns", 404, "\"detail\""},
        {"/api/v2/dags/people/dagRuns/none", 404, "\"detail\""},
        {"/api/v2/dags/~/dagRuns?run_after_gte=yesterday", 422, "not a time"},
        {"/api/v2/dagSources/people", 200, "\"content\":\"pipeline: people\\n\""},
        {"/api/v2/dagSources/orders", 404, "\"detail\""},
        {"/api/v2/pools", 200, "\"name\":\"default_pool\""},
        {"/api/v2/pools/other", 404, "\"detail\""},
        {"/api/v2/variables", 200, "{\"variables\":[],\"total_entries\":0}"},
        {"/api/v2/connections", 200, "{\"connections\":[],\"total_entries\":0}"},
        {"/api/v2/importErrors", 200, "{\"import_errors\":[],\"total_entries\":0}"},
        {"/api/v2/eventLogs", 200, "{\"event_logs\":[],\"total_entries\":0}"},
        {"/api/v2/config", 403, "\"detail\""},
        {"/auth/token", 403, "\"detail\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(asks); i++) {
        int status = ask("GET", asks[i].path, NULL, "Accept: application/json");
        for (int n = 0; n < 500 && !says(asks[i].part); n++) { /* first heartbeat */
            env_sleep_us(env_real(), 10000);
            status = ask("GET", asks[i].path, NULL, "Accept: application/json");
        }
        if (status != asks[i].status || !says(asks[i].part))
            fail_msg("%s: %d %s", asks[i].path, status, answer.ptr);
    }
}

static void airflow_gives_a_token_for_the_password(void **state UNUSED) {
    const char *good = "{\"username\":\"any\",\"password\":\"" TOKEN "\"}";
    const char *none = "Accept: application/json";
    assert_int_equal(ask("POST", "/auth/token", good, none), 201);
    assert_true(says("{\"access_token\":\"" TOKEN "\"}"));
    assert_int_equal(ask("POST", "/auth/token", "username=a&password=" TOKEN,
                         "Content-Type: application/x-www-form-urlencoded"), 201);
    assert_int_equal(ask("POST", "/auth/token", "{\"password\":\"wrong\"}", none), 401);
    assert_int_equal(ask("POST", "/auth/token", "{\"password\":7}", none), 401);
    assert_int_equal(ask("POST", "/auth/token", "{}", none), 401);
    assert_int_equal(ask("POST", "/auth/token", "[", none), 422);
}

static void airflow_writes_need_the_token(void **state UNUSED) {
    const char *none = "Accept: application/json";
    assert_int_equal(ask("PATCH", "/api/v2/dags/people", "{\"is_paused\":true}", none), 401);
    assert_int_equal(ask("POST", "/api/v2/dags/people/dagRuns", "{}", none), 401);
    assert_int_equal(ask("PATCH", "/api/v2/dags/people", "{\"is_paused\":7}", NULL), 422);
    assert_int_equal(ask("PATCH", "/api/v2/dags/people", "{\"is_paused\":true}", NULL), 200);
    assert_true(says("\"is_paused\":true"));
    assert_int_equal(ask("GET", "/api/v2/dags?paused=true", NULL, none), 200);
    assert_true(says("\"total_entries\":1}"));
    assert_int_equal(ask("PATCH", "/api/v2/dags?dag_id_pattern=people", "{\"is_paused\":false}",
                         NULL), 200);
    assert_true(says("\"is_paused\":false"));
    assert_false(says("\"next_dagrun_run_after\":null"));
}

static void airflow_shows_a_run_its_tries_and_logs(void **state UNUSED) {
    const char *runs = "/api/v2/dags/people/dagRuns";
    char path[600];
    world.fail = 1;
    char *id = curl_easy_escape(NULL, run("people", "success"), 0);
    snprintf(path, sizeof path, "/api/v2/dags/people/dagRuns/%s/taskInstances", id);
    json_t *json = get(path), *one = json_array_get(json_object_get(json, "task_instances"), 0);
    assert_int_equal(json_integer_value(json_object_get(json, "total_entries")), 2);
    assert_string_equal(text(one, "task_id"), "fetch_b");
    assert_string_equal(text(one, "state"), "success");
    assert_int_equal(json_integer_value(json_object_get(one, "try_number")), 2);
    assert_int_equal(json_integer_value(json_object_get(one, "max_tries")), 2);
    json_decref(json);
    snprintf(path, sizeof path, "/api/v2/dags/people/dagRuns/%s/taskInstances/fetch_b/tries", id);
    json = get(path);
    one = json_array_get(json_object_get(json, "task_instances"), 0);
    assert_int_equal(json_array_size(json_object_get(json, "task_instances")), 2);
    assert_string_equal(text(one, "state"), "failed");
    json_decref(json);
    snprintf(path, sizeof path, "%s/%s/taskInstances/fetch_b/tries/2", runs, id);
    json_decref(get(path));
    snprintf(path, sizeof path, "/api/v2/dags/people/dagRuns/%s/taskInstances/fetch_b/logs/1"
             "?full_content=true", id);
    json = get(path);
    one = json_array_get(json_object_get(json, "content"), 0);
    assert_string_equal(text(one, "event"), "at \"work\"");
    assert_string_equal(text(one, "level"), "info");
    one = json_array_get(json_object_get(json, "content"), 1);
    assert_string_equal(text(one, "level"), "error");
    json_decref(json);
    assert_int_equal(ask("GET", path, NULL, "Accept: application/x-ndjson"), 200);
    assert_true(says("\"event\":\"at \\\"work\\\"\"}\n{\"timestamp\":\""));
    snprintf(path, sizeof path, "%s/%s/taskInstances/fetch_b/logs/9", runs, id);
    assert_int_equal(ask("GET", path, NULL, NULL), 404);
    snprintf(path, sizeof path, "%s/%s/taskInstances/fetch_b/-1", runs, id);
    json_decref(get(path));
    snprintf(path, sizeof path, "%s/%s/taskInstances/fetch_b/0", runs, id);
    assert_int_equal(ask("GET", path, NULL, NULL), 404);
    curl_free(id);
}

static void airflow_shows_the_log_of_a_try_at_work(void **state UNUSED) {
    world.hold = 1;
    char path[600];
    char *id = curl_easy_escape(NULL, run("orders", "running"), 0);
    snprintf(path, sizeof path, "/api/v2/dags/orders/dagRuns/%s/taskInstances/fetch_b/logs/1", id);
    bool found = false;
    for (int i = 0; i < 2000 && !found; i++) {
        found = ask("GET", path, NULL, NULL) == 200 && says("at \\\"work\\\"");
        env_sleep_us(world.env, 1000);
    }
    world.hold = 0;
    assert_true(found);
    curl_free(id);
}

static void airflow_lists_runs_as_asked(void **state UNUSED) {
    run("people", "success");
    world.fail = 100;
    run("people", "failed");
    world.fail = 0;
    json_t *json = get("/api/v2/dags/people/dagRuns?order_by=-run_after&limit=1");
    json_t *one = json_array_get(json_object_get(json, "dag_runs"), 0);
    assert_int_equal(json_array_size(json_object_get(json, "dag_runs")), 1);
    assert_true(json_integer_value(json_object_get(json, "total_entries")) >= 2);
    assert_string_equal(text(one, "state"), "failed");
    assert_string_equal(text(one, "note"), "fetch_b: nobody answers");
    json_decref(json);
    json = get("/api/v2/dags/people/dagRuns?state=failed");
    assert_int_equal(json_integer_value(json_object_get(json, "total_entries")), 1);
    json_decref(json);
    json = get("/api/v2/dags/~/dagRuns?run_type=scheduled");
    assert_int_equal(json_integer_value(json_object_get(json, "total_entries")), 0);
    json_decref(json);
    json = get("/api/v2/dags/people/dagRuns?run_after_lt=2020-01-01T00:00:00Z");
    assert_int_equal(json_integer_value(json_object_get(json, "total_entries")), 0);
    json_decref(json);
    json = get("/api/v2/dags/people/dagRuns/~/taskInstances?order_by=-run_after&limit=1000"
               "&run_after_gte=2020-01-01T00:00:00Z");
    json_t *cells = json_object_get(json, "task_instances");
    assert_string_equal(text(json_array_get(cells, 0), "state"), "failed");
    assert_string_equal(text(json_array_get(cells, 1), "state"), "upstream_failed");
    assert_string_equal(text(json_array_get(cells, 2), "state"), "success");
    assert_int_equal(json_array_size(cells),
                     json_integer_value(json_object_get(json, "total_entries")));
    json_decref(json);
    json = get("/api/v2/dags/people/dagRuns/~/taskInstances?state=upstream_failed");
    assert_int_equal(json_integer_value(json_object_get(json, "total_entries")), 1);
    json_decref(json);
    json_decref(get("/api/v2/dagStats?dag_ids=people"));
    assert_true(says("{\"state\":\"failed\",\"count\":1}"));
}

static void airflow_refuses_a_trigger_it_cannot_keep(void **state UNUSED) {
    static const struct {
        const char *body;
        int status;
    } asks[] = {
        {"{\"dag_run_id\":\"once\",\"logical_date\":null}", 200},
        {"{\"dag_run_id\":\"once\"}", 409},
        {"{\"logical_date\":\"2024-02-29T12:00:00Z\"}", 200},
        {"{\"logical_date\":\"2024-02-29T13:00:00+01:00\"}", 409},
        {"{\"logical_date\":\"soon\"}", 422},
        {"{\"dag_run_id\":\"a/b\"}", 400},
        {"{\"dag_run_id\":7}", 422},
        {"{\"conf\":{\"a\":1}}", 400},
        {"{\"note\":\"mine\"}", 400},
        {"[]", 422},
        {"{", 422},
        {"", 200},
    };
    for (size_t i = 0; i < ARRAY_LEN(asks); i++) {
        int status = ask("POST", "/api/v2/dags/orders/dagRuns", asks[i].body, NULL);
        if (status != asks[i].status)
            fail_msg("%s: %d %.*s", asks[i].body, status, STR_ARG(buf_str(&answer)));
    }
    assert_int_equal(ask("POST", "/api/v2/dags/none/dagRuns", "{}", NULL), 404);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(airflow_answers_what_every_client_asks_first),
        cmocka_unit_test(airflow_gives_a_token_for_the_password),
        cmocka_unit_test(airflow_writes_need_the_token),
        cmocka_unit_test(airflow_shows_a_run_its_tries_and_logs),
        cmocka_unit_test(airflow_shows_the_log_of_a_try_at_work),
        cmocka_unit_test(airflow_lists_runs_as_asked),
        cmocka_unit_test(airflow_refuses_a_trigger_it_cannot_keep),
    };
    int failed = cmocka_run_group_tests(tests, open_world, close_world);
    buf_fini(&answer);
    return failed;
}
