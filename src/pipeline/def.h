/* def.h - what a pipeline file says, checked, with the place of everything in it.
 *
 * def_load() reports every mistake it finds, not just the first; what it hands back is complete
 * only when there was none. The graph comes from the references: a capture names a fetched (or
 * foreign) table, a transform's SQL a topic. Memory: all lives in the def's arena.
 * Limits: DEF_MAX of each kind. */
#ifndef PIPELINE_DEF_H
#define PIPELINE_DEF_H

#include "base/env.h"
#include "pipeline/ynode.h"
#include "stream/stream.h"

#define DEF_MAX 256

struct jsonpath; /* wire/json/jsonpath.h */

struct def_fetch { /* HTTP into a landing table */
    struct str name, url, rows;
    const struct str *key;
    size_t key_cnt;
    const struct str *header;
    size_t header_cnt;
    int64_t timeout_us;
    int retries;      /* of the task; -1: the pipeline's */
    bool empty_ok;    /* a run that lands 0 rows is not a failure */
    struct report_at at;
};
enum def_format { DEF_ROW, DEF_JSON_SCHEMA, DEF_DEBEZIUM };
struct def_capture { /* changed rows of a table onto a topic */
    struct str topic, table;
    struct str from;        /* another application's database; "": the landing */
    enum def_format format;
    const struct jsonpath **hide; /* what is left out of the topic */
    struct report_at *hide_at;
    size_t hide_cnt;
    int32_t partitions;
    struct report_at at;
};
struct def_transform { /* SQL over a topic, into a table */
    struct str keyspace, table, name; /* name: as written, "keyspace.table" */
    struct str key;                 /* as the store takes it: "id uuid" */
    struct str sql;
    const struct ynode *sql_node;
    struct str topic;    /* after FROM STREAM; "" when the SQL is wrong */
    struct stream_expect *expect;
    struct report_at *expect_at;
    size_t expect_cnt;
    struct report_at at;
};
struct def_alert {
    struct str name, rule;
    struct report_at at;
};
struct def {
    struct arena arena;
    struct str file, source;
    struct str name, schedule, timezone;
    struct report_at schedule_at; /* of the file's start without one */
    bool catchup;
    int retries;            /* -1: the scheduler's default */
    int64_t retry_delay_us; /* 0: the scheduler's default */
    int64_t timeout_us;
    struct def_fetch *fetch;
    size_t fetch_cnt;
    struct def_capture *capture;
    size_t capture_cnt;
    struct def_transform *transform;
    size_t transform_cnt;
    struct def_alert *alert;
    size_t alert_cnt;
};

/* Reads and checks a file. 0: no mistake. ERR_SYNTAX: mistakes are in `report`; *out is there all
 * the same, for def_free(). ERR_NOT_FOUND ...: the file cannot be read, *out is NULL. */
int def_load(struct def **out, struct env *env, const char *path, struct report *report) MUST_USE;
void def_free(struct def *def);
/* Reports what the pipelines would both make: two of one name, or one table or topic twice. */
void def_clash(struct def *const *def, size_t cnt, struct report *report);
/* Where a mistake in a transform's SQL (line, col of the SQL text, from 1) is in the file. */
struct report_at def_sql_place(const struct def_transform *transform, uint32_t line, uint32_t col,
                               uint32_t len);
/* Adds a check's mistakes to the report, placed in the file. */
void def_report_sql(const struct def_transform *transform, const struct stream_errors *errors,
                    struct report *report);

#endif
