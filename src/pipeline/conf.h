/* conf.h - sluice.yml: where the tiers run, what is allowed, who is told. A tier left out is
 * embedded, in the data folder. Every mistake is reported; unknown keys are mistakes. */
#ifndef PIPELINE_CONF_H
#define PIPELINE_CONF_H

#include "base/env.h"
#include "observe/observe.h"
#include "pipeline/report.h"

enum conf_tier { CONF_LANDING, CONF_LOG, CONF_REGISTRY, CONF_STORE, CONF_COORD, CONF_TIER_CNT };

struct conf {
    struct arena arena;
    struct str file;                /* "" when there is none */
    struct str url[CONF_TIER_CNT];  /* "" : embedded */
    const struct str *pipeline;     /* pipeline files; paths as written */
    size_t pipeline_cnt;
    struct observe_receiver *receiver;
    size_t receiver_cnt;
    const struct str *allow;        /* host:port that a fetch may reach though private */
    size_t allow_cnt;
    uint16_t port_kafka, port_cql, port_registry, port_http, port_ui; /* 0: any free one */
};

/* path NULL: defaults. ERR_SYNTAX: mistakes are in `report`. */
int conf_load(struct conf **out, struct env *env, const char *path, struct report *report) MUST_USE;
void conf_free(struct conf *conf);
const char *conf_tier_name(enum conf_tier tier); /* "landing" */

#endif
