/* airflow_ask.h - what a list is asked for by its query: page, order, patterns, ranges. */
#ifndef ORCHESTRATE_SERVER_AIRFLOW_ASK_H
#define ORCHESTRATE_SERVER_AIRFLOW_ASK_H

#include "model/run.h"
#include "net/http.h"

#define AIRFLOW_ASK_LIMIT     50
#define AIRFLOW_ASK_LIMIT_MAX 1000
#define AIRFLOW_ASK_ORDER_MAX 4

struct airflow_ask {
    size_t limit, offset;
    struct {
        size_t key; /* place in the names given */
        bool down;
    } order[AIRFLOW_ASK_ORDER_MAX];
    size_t order_cnt;
};
/* Reads limit, offset and order_by (one of `keys`, "-" before it: descending). False: answered. */
bool airflow_ask_read(struct http_req *req, const char *const *keys, size_t key_cnt,
                      struct airflow_ask *out);

/* LIKE with % and _, alternatives between |, letters' case ignored; ptr NULL fits all. A pattern
 * without % is looked for anywhere. */
bool airflow_ask_like(struct str pattern, struct str text);
/* Is `value` one of the repeated parameter's values, or is there none? */
bool airflow_ask_among(struct http_req *req, const char *name, struct str value);

/* The ranges run_after_gte, start_date_lt, duration_gt and so on, and the filters state, run_type,
 * run_id_pattern and dag_id_pattern. */
enum { AIRFLOW_ASK_RUN_AFTER, AIRFLOW_ASK_LOGICAL, AIRFLOW_ASK_START, AIRFLOW_ASK_END,
       AIRFLOW_ASK_UPDATED, AIRFLOW_ASK_DURATION, AIRFLOW_ASK_RANGE_CNT };
struct airflow_ask_range {
    bool any; /* is there one at all? */
    int64_t low[AIRFLOW_ASK_RANGE_CNT], high[AIRFLOW_ASK_RANGE_CNT]; /* both included */
};
bool airflow_ask_ranges(struct http_req *req, struct airflow_ask_range *out); /* false: answered */
/* A missing value (0) is in no range that has a bound. */
bool airflow_ask_within(const struct airflow_ask_range *range, int which, int64_t value_us);
bool airflow_ask_run_within(const struct airflow_ask_range *range, const struct run *run);

#endif
