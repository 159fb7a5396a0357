/* airflow.h - Airflow's public REST API, /api/v2, over the scheduler and its records.
 *
 * Clients, dashboards and the web UI of sluice speak to it as to an Airflow 3. Offered: version,
 * health, dags, tasks, runs, task instances, tries, logs, statistics, pools, sources, and empty
 * lists where sluice has no such thing (variables, connections, assets, ...). What changes
 * something is an HTTP_WRITE route.
 *
 * Lists look at the newest AIRFLOW_LOOK_MAX runs of a dag: total_entries counts no more.
 * Thread: the handlers run on the HTTP server's loop and read the landing database there. */
#ifndef ORCHESTRATE_SERVER_AIRFLOW_H
#define ORCHESTRATE_SERVER_AIRFLOW_H

#include "net/http.h"

#define AIRFLOW_LOOK_MAX 5000

struct landing;
struct orch;
struct airflow;
struct airflow_conf {
    struct env *env;
    struct orch *orch;       /* borrowed, as landing */
    struct landing *landing;
    const char *token;       /* POST /auth/token gives it to who sends it as password; NULL: none
                              * is needed, and GET gives out a meaningless one */
};
int airflow_open(struct airflow **out, const struct airflow_conf *conf) MUST_USE;
void airflow_close(struct airflow *airflow); /* after the server; NULL is allowed */
/* To be mounted among the routes of an HTTP server; each carries its own self. */
const struct http_route *airflow_routes(const struct airflow *airflow, size_t *cnt);

#endif
