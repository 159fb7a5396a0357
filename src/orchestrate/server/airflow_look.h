/* airflow_look.h - finding the runs and tries that a path or a query asks for. */
#ifndef ORCHESTRATE_SERVER_AIRFLOW_LOOK_H
#define ORCHESTRATE_SERVER_AIRFLOW_LOOK_H

#include "orchestrate/server/airflow_ask.h"
#include "orchestrate/server/airflow_int.h"

/* The run of {dag_id} and {dag_run_id}, in the request's arena; false: answered. */
bool airflow_look_run(struct airflow *airflow, struct http_req *req, struct run *out);
/* The runs of {dag_id} ("~": of all), among them {dag_run_id} when the path has one, that fit
 * the query's ranges and, with `by_state`, its state and run_type; newest first, or by the first
 * key of `ask`, which is one of airflow_look_keys. false: answered. */
struct airflow_look {
    struct run *run;
    size_t cnt;
    bool partly; /* something was filtered out */
};
extern const char *const airflow_look_keys[];
size_t airflow_look_key_cnt(void);
bool airflow_look_runs(struct airflow *airflow, struct http_req *req,
                       const struct airflow_ask *ask, bool by_state, struct airflow_look *out);

#endif
