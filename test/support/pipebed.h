/* pipebed.h - the tiers that pipelines join, small and failing on command: a landing in SQLite in a
 * folder of its own, log and store in memory, a registry on that log, a clock that the test moves.
 *
 * A fault is armed by its fields and hits as long as its count is above 0: a call that fails does
 * nothing, one whose answer is lost does its work and fails all the same. One bed at a time. */
#ifndef PIPEBED_H
#define PIPEBED_H

#include "landing/capture.h"
#include "log/log_ops.h"
#include "landing/landing_ops.h"
#include "model/record.h"
#include "registry/registry.h"
#include "store/store_ops.h"

struct pipebed_fault {
    int after;        /* so many calls go well before it hits */
    int cnt;          /* so many calls are hit */
    bool lost;        /* they do their work first */
    const char *only; /* of this topic; NULL: of any */
    int hits;         /* out: how many were */
};
struct pipebed {
    struct env env; /* give out &bed.env */
    struct env_ops env_ops;
    int64_t ahead_us;
    char dir[512], url[560];
    struct landing *landing;
    struct log *log;
    struct registry *registry;
    struct store *store;
    struct arena arena;
    struct pipebed_fault append, commit, ack; /* log, store, capture */
    struct landing_ops landing_ops;
    struct log_ops log_ops;
    struct store_ops store_ops;
};

void pipebed_open(struct pipebed *bed);
void pipebed_close(struct pipebed *bed);

/* Rows up to a NULL, in one transaction; the table is captured. */
void pipebed_declare(struct pipebed *bed, const char *table, const char *key);
void pipebed_land(struct pipebed *bed, const char *table, ...);
void pipebed_sql(struct pipebed *bed, const char *sql); /* as another program */

/* A record onto a topic. */
void pipebed_put(struct pipebed *bed, const char *topic, int32_t part, const struct record *record);
/* Records of a topic, partition by partition; they live in bed->arena. */
size_t pipebed_records(struct pipebed *bed, const char *topic, struct record **out);
/* The header's text; "" when it is not there. */
const char *pipebed_header(struct pipebed *bed, const struct record *record, const char *name);
/* Rows of a table of text columns, "a|b" a line, sorted by their text. */
const char *pipebed_rows(struct pipebed *bed, const char *keyspace, const char *table);

#endif
