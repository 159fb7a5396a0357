/* landing_ops.h - what an implementation of the landing provides; seen by landing.c, capture.c and
 * landing/<product>/ only.
 *
 * struct landing, struct landing_tx and struct capture are the first members of the product's own
 * structs. The checked way in has asserted arguments, so a product need not. */
#ifndef LANDING_LANDING_OPS_H
#define LANDING_LANDING_OPS_H

#include "landing/capture.h"

struct landing_ops {
    const char *name; /* the scheme of the url; postgres: is short for postgresql: */
    int (*open)(struct landing **out, const struct landing_conf *conf, const char *place);
    /* Tells whether it can be used, makes nothing. NULL: there is nothing to ask. */
    void (*doctor)(const struct landing_conf *conf, const char *place,
                   const struct finding_to *to);
    void (*close)(struct landing *landing);
    int (*declare)(struct landing *landing, const struct landing_table *table);

    int (*begin)(struct landing *landing, struct landing_tx **out);
    int (*upsert)(struct landing_tx *tx, struct str table, const struct str *row, size_t cnt,
                  struct landing_count *out);
    int (*put_run)(struct landing_tx *tx, const struct run *run);
    int (*put_try)(struct landing_tx *tx, const struct run_try *run_try);
    int (*trim_runs)(struct landing_tx *tx, struct str dag, size_t keep, size_t max);
    int (*put_setting)(struct landing_tx *tx, struct str name, struct str value);
    int (*commit)(struct landing_tx *tx);
    void (*abort)(struct landing_tx *tx);

    int (*setting)(struct landing *landing, struct str name, struct arena *arena,
                   struct str *out);
    int (*runs)(struct landing *landing, struct str dag, struct landing_page page,
                struct arena *arena, struct run **out, size_t *cnt);
    int (*run)(struct landing *landing, struct str dag, struct str id, struct arena *arena,
               struct run *out);
    int (*tries)(struct landing *landing, struct str dag, struct str run, struct arena *arena,
                 struct run_try **out, size_t *cnt);
    int (*tables)(struct landing *landing, struct arena *arena, struct landing_info **out,
                  size_t *cnt);
    int (*rows)(struct landing *landing, struct str table, struct landing_page page,
                struct arena *arena, struct str **out, size_t *cnt);

    int (*state)(struct landing *landing); /* NULL: always well */
    int (*backlog)(struct landing *landing, struct landing_backlog *out);

    int (*capture_open)(struct capture **out, struct landing *landing);
    void (*capture_close)(struct capture *capture);
    int (*capture_next)(struct capture *capture, size_t max, int64_t timeout_us,
                        struct arena *arena, struct change **out, size_t *cnt);
    int (*capture_ack)(struct capture *capture, uint64_t seq);
    void (*capture_wake)(struct capture *capture);
    int (*capture_lag)(struct capture *capture, struct capture_lag *out);
    int (*capture_origin)(struct landing *landing, struct capture_origin *out);
    int (*capture_renew)(struct capture *capture);
    int (*capture_snapshot)(struct capture *capture, struct str table);
    bool (*capture_copying)(struct capture *capture);
};

struct landing {
    const struct landing_ops *ops;
    struct env *env;
    const struct fence *fence; /* NULL: no other node writes here */
};
struct landing_tx {
    struct landing *landing;
    int64_t begin_us;          /* monotonic */
    struct landing_count sum;  /* over all upserts so far */
    int64_t epoch;             /* the term it was begun in; 0 without a fence */
    int failed;                /* the first error of a call on it: it can only be aborted */
};
struct capture {
    struct landing *landing;
};

extern const struct landing_ops lite_landing_ops; /* sqlite/lite_landing.c */
extern const struct landing_ops pg_landing_ops;   /* postgres/pg_landing.c */

#endif
