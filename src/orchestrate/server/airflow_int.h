/* airflow_int.h - what the files of the API share: its state and their handlers. */
#ifndef ORCHESTRATE_SERVER_AIRFLOW_INT_H
#define ORCHESTRATE_SERVER_AIRFLOW_INT_H

#include "landing/landing.h"
#include "orchestrate/orchestrate.h"
#include "orchestrate/server/airflow.h"

#define AIRFLOW_ROUTE_MAX 80
#define AIRFLOW_OUT_MAX   (32 * MIB) /* bytes of an answer */

/* A list that is always empty, as a route's self. */
struct airflow_none {
    const char *plural;
};
struct airflow {
    struct airflow_conf conf;
    char *token;
    int64_t opened_us;
    struct http_route route[AIRFLOW_ROUTE_MAX];
    size_t route_cnt;
};

/* airflow_dag.c */
http_fn airflow_dag_list, airflow_dag_get, airflow_dag_details, airflow_dag_patch,
    airflow_dag_patch_all, airflow_dag_tasks, airflow_dag_task, airflow_dag_stats,
    airflow_dag_versions, airflow_dag_source;
/* airflow_run.c */
http_fn airflow_run_list, airflow_run_get, airflow_run_trigger;
/* airflow_task.c */
http_fn airflow_task_list, airflow_task_get, airflow_task_tries, airflow_task_try,
    airflow_task_log;
/* airflow_site.c */
http_fn airflow_site_version, airflow_site_health, airflow_site_pools, airflow_site_pool,
    airflow_site_token, airflow_site_open_token, airflow_site_none, airflow_site_hidden,
    airflow_site_home;

#endif
