/* fetcher.h - the task that fetches: source to landing, rows and the record of the try as one.
 *
 * Thread: fetcher_run() on the scheduler's workers. */
#ifndef PIPELINE_FETCHER_H
#define PIPELINE_FETCHER_H

#include <stdatomic.h>

#include "landing/landing.h"
#include "orchestrate/orchestrate.h"
#include "pipeline/conf.h"
#include "pipeline/def.h"

struct fetcher {
    struct env *env;
    struct landing *landing;
    const struct conf *conf;
    const struct def_fetch *def;
    bool offline; /* what would come from randomuser.me is made here instead, and said so */
    atomic_int_fast64_t rows_in, rows_new, rows_changed, newest_ms; /* since start */
};
/* A task's function: `arg` is a struct fetcher. A fetch of no rows, where rows were expected, is a
 * failure. */
int fetcher_run(void *arg, struct orch_try *orch_try) MUST_USE;
/* The address that is really asked: the built-in people in place of randomuser.me when offline. */
struct str fetcher_url(const struct fetcher *fetcher, struct arena *arena);

#endif
