/* airflow.c - the table of what the API offers. */
#include "orchestrate/server/airflow.h"

#include "orchestrate/server/airflow_int.h"

#define API  "/api/v2"
#define DAG  API "/dags/{dag_id}"
#define RUN  DAG "/dagRuns/{dag_run_id}"
#define TASK RUN "/taskInstances/{task_id}"

static const struct {
    const char *method, *path;
    http_fn *fn;
    enum http_flag flag;
} routes[] = {
    {"GET", API "/version", airflow_site_version, HTTP_READ},
    {"GET", API "/monitor/health", airflow_site_health, HTTP_READ},
    {"GET", API "/auth/login", airflow_site_home, HTTP_READ},
    {"GET", API "/auth/logout", airflow_site_home, HTTP_READ},
    {"POST", "/auth/token", airflow_site_token, HTTP_READ},
    {"POST", "/auth/token/cli", airflow_site_token, HTTP_READ},
    {"GET", "/auth/token", airflow_site_open_token, HTTP_READ},
    {"GET", API "/config", airflow_site_hidden, HTTP_READ},
    {"GET", API "/config/section/{section}/option/{option}", airflow_site_hidden, HTTP_READ},
    {"GET", API "/pools", airflow_site_pools, HTTP_READ},
    {"GET", API "/pools/{name}", airflow_site_pool, HTTP_READ},
    {"GET", API "/dagStats", airflow_dag_stats, HTTP_READ},
    {"GET", API "/dagSources/{dag_id}", airflow_dag_source, HTTP_READ},
    {"GET", API "/dags", airflow_dag_list, HTTP_READ},
    {"PATCH", API "/dags", airflow_dag_patch_all, HTTP_WRITE},
    {"GET", DAG, airflow_dag_get, HTTP_READ},
    {"PATCH", DAG, airflow_dag_patch, HTTP_WRITE},
    {"GET", DAG "/details", airflow_dag_details, HTTP_READ},
    {"GET", DAG "/dagVersions", airflow_dag_versions, HTTP_READ},
    {"GET", DAG "/tasks", airflow_dag_tasks, HTTP_READ},
    {"GET", DAG "/tasks/{task_id}", airflow_dag_task, HTTP_READ},
    {"GET", DAG "/dagRuns", airflow_run_list, HTTP_READ},
    {"POST", DAG "/dagRuns", airflow_run_trigger, HTTP_WRITE},
    {"GET", RUN, airflow_run_get, HTTP_READ},
    {"GET", RUN "/taskInstances", airflow_task_list, HTTP_READ},
    {"GET", TASK, airflow_task_get, HTTP_READ},
    {"GET", TASK "/tries", airflow_task_tries, HTTP_READ},
    {"GET", TASK "/tries/{number}", airflow_task_try, HTTP_READ},
    {"GET", TASK "/logs/{number}", airflow_task_log, HTTP_READ},
};

/* Lists that every Airflow has and that are always empty here. */
static const struct {
    const char *path;
    struct airflow_none none;
} nones[] = {
    {API "/variables", {"variables"}},
    {API "/connections", {"connections"}},
    {API "/importErrors", {"import_errors"}},
    {API "/eventLogs", {"event_logs"}},
    {API "/dagWarnings", {"dag_warnings"}},
    {API "/dagTags", {"tags"}},
    {API "/jobs", {"jobs"}},
    {API "/plugins", {"plugins"}},
    {API "/plugins/importErrors", {"import_errors"}},
    {API "/providers", {"providers"}},
    {API "/assets", {"assets"}},
    {API "/assets/aliases", {"asset_aliases"}},
    {API "/assets/events", {"asset_events"}},
    {API "/backfills", {"backfills"}},
    {TASK "/xcomEntries", {"xcom_entries"}},
    {TASK "/listMapped", {"task_instances"}},
};

static void add(struct airflow *airflow, const char *path, http_fn *fn, void *self) {
    CHECK(airflow->route_cnt < AIRFLOW_ROUTE_MAX);
    airflow->route[airflow->route_cnt++] =
        (struct http_route){"GET", path, fn, HTTP_READ, self};
}

int airflow_open(struct airflow **out, const struct airflow_conf *conf) {
    struct airflow *airflow = base_calloc(1, sizeof *airflow);
    airflow->conf = *conf;
    airflow->token = conf->token ? base_strdup(conf->token) : NULL;
    airflow->opened_us = env_now_us(conf->env);
    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        add(airflow, routes[i].path, routes[i].fn, airflow);
        airflow->route[i].method = routes[i].method;
        airflow->route[i].flag = routes[i].flag;
    }
    for (size_t i = 0; i < ARRAY_LEN(nones); i++)
        add(airflow, nones[i].path, airflow_site_none, (void *)(uintptr_t)&nones[i].none);
    /* last: a mapped index could also be the names above */
    add(airflow, TASK "/{map_index}", airflow_task_get, airflow);
    *out = airflow;
    return 0;
}

void airflow_close(struct airflow *airflow) {
    if (!airflow) return;
    base_free(airflow->token);
    base_free(airflow);
}

const struct http_route *airflow_routes(const struct airflow *airflow, size_t *cnt) {
    *cnt = airflow->route_cnt;
    return airflow->route;
}
