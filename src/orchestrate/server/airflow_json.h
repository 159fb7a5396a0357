/* airflow_json.h - pieces of the API's answers, and reading of bodies. */
#ifndef ORCHESTRATE_SERVER_AIRFLOW_JSON_H
#define ORCHESTRATE_SERVER_AIRFLOW_JSON_H

#include "net/http.h"

/* Each writes `"name":value` without a comma. */
void airflow_json_text(struct buf *out, const char *name, struct str text); /* ptr NULL: null */
void airflow_json_time(struct buf *out, const char *name, int64_t us);      /* 0: null */
void airflow_json_seconds(struct buf *out, const char *name, int64_t from_us, int64_t to_us);
void airflow_json_delta(struct buf *out, const char *name, int64_t us);     /* a TimeDelta */
/* A UUID made from the texts, the same each time. */
void airflow_json_id(struct buf *out, const char *name, const struct str *part, size_t cnt);
/* Sends `out` with 200, or the error that it grew too long, and frees it. */
void airflow_json_send(struct http_req *req, struct buf *out);

struct json_t;
/* The body as an object; an empty one is {}. NULL: answered with 422. json_decref() it. */
struct json_t *airflow_json_body(struct http_req *req);
/* Answers 422 as a validation error at `where` ("limit") in "query" or "body". */
void airflow_json_invalid(struct http_req *req, const char *in, const char *where,
                          const char *what);

#endif
