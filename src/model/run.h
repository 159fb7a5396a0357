/* run.h - a pipeline's run and the tries of its tasks, as they are recorded and shown.
 *
 * State names are Airflow's. Times are microseconds since 1970 UTC, 0: not yet. Texts are borrowed
 * from whoever filled the struct. */
#ifndef MODEL_RUN_H
#define MODEL_RUN_H

#include "base/str.h"

enum run_state {
    RUN_NONE,
    RUN_QUEUED,
    RUN_RUNNING,
    RUN_SUCCESS,
    RUN_FAILED,
    RUN_UP_FOR_RETRY,   /* task tries only, as the next two */
    RUN_SKIPPED,
    RUN_UPSTREAM_FAILED,
    RUN_STATE_CNT
};
enum run_kind { RUN_SCHEDULED, RUN_MANUAL, RUN_BACKFILL };

struct run {
    struct str dag;        /* the pipeline's name */
    struct str id;         /* "scheduled__2026-01-01T00:00:00+00:00", "manual__..." */
    enum run_kind kind;
    enum run_state state;
    int64_t logical_us;    /* unique per dag for scheduled runs */
    int64_t start_us, end_us;
    struct str by;         /* scheduler, cli, rest_api, ui */
    struct str note;       /* why it failed, or "" */
};
struct run_try {
    struct str dag, run, task;
    uint32_t number; /* from 1 */
    enum run_state state;
    int64_t start_us, end_us;
    int64_t rows_in, rows_new, rows_changed; /* fetched; inserted; updated */
    struct str log;  /* lines of text, each with its time */
};

const char *run_state_name(enum run_state state);
enum run_state run_state_of(struct str name); /* RUN_NONE when it is no state's name */
const char *run_kind_name(enum run_kind kind); /* "scheduled" */

#endif
