/* conf.h - sluice.yml: where the tiers run, what is allowed, who is told. A tier left out is
 * embedded, in the data folder. Every mistake is reported; unknown keys are mistakes.
 *
 *     log: kafka://broker1:9092,broker2:9092
 *     landing: postgresql://sluice:secret:pg_password@db1/raw
 *     store: {url: cassandra://node1, properties: {name: value}}
 *
 * A property's value, and a URL's password, may be `secret:NAME` (secret.h). */
#ifndef PIPELINE_CONF_H
#define PIPELINE_CONF_H

#include "base/env.h"
#include "model/address.h"
#include "observe/observe.h"
#include "pipeline/report.h"

enum conf_tier { CONF_LANDING, CONF_LOG, CONF_REGISTRY, CONF_STORE, CONF_COORD, CONF_TIER_CNT };

struct conf {
    struct arena arena;
    struct str file;                /* "" when there is none */
    struct address address[CONF_TIER_CNT]; /* url NULL: embedded; secrets stand in it in clear */
    const struct str *pipeline;     /* pipeline files; paths as written */
    size_t pipeline_cnt;
    struct observe_receiver *receiver;
    size_t receiver_cnt;
    const struct str *allow;        /* host:port that a fetch may reach though private */
    size_t allow_cnt;
    struct str listen;              /* the address of all doors; "127.0.0.1" */
    const struct str *host;         /* names clients call us by, when it listens on another */
    size_t host_cnt;
    int64_t backlog_changes, backlog_mib; /* backlog.h */
    uint16_t port_kafka, port_cql, port_registry, port_http, port_ui; /* 0: any free one */
};

/* path NULL: defaults. ERR_SYNTAX: mistakes are in `report`. */
int conf_load(struct conf **out, struct env *env, const char *path, struct report *report) MUST_USE;
void conf_free(struct conf *conf);
const char *conf_tier_name(enum conf_tier tier); /* "landing" */
bool conf_embedded(const struct conf *conf, enum conf_tier tier);

#endif
