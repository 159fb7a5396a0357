/* cqlplan.h - a statement looked up in the schema, ready to be run any number of times.
 *
 * A plan belongs to one version of the schema; it is counted, since threads may run it while
 * another makes a new one. What is in it never changes. */
#ifndef STORE_CQL_CQLPLAN_H
#define STORE_CQL_CQLPLAN_H

#include "store/cql/cqlpick.h"

#include <pthread.h>
#include <stdatomic.h>

#define CQLPLAN_LOCK_CNT 64

struct cqlexec {
    struct env *env;
    struct store *store;
    const struct cqlexec_virtual *virt;
    _Atomic int64_t last_ts_us;              /* write timestamps given out only rise */
    pthread_mutex_t lock[CQLPLAN_LOCK_CNT];  /* of partitions read and then written, by token */
};

struct cqlplan {
    atomic_int refs;
    struct arena arena;
    uint64_t version; /* of the schema */
    struct cqlexec *exec;
    struct str keyspace; /* in force */
    struct cqlast *ast;
    struct cqlast_mark *mark; /* their names */
    struct cqlexec_col *bind; /* what they are for */
    size_t bind_cnt;
    struct store_table *table; /* NULL: none */
    bool is_virtual;
    /* SELECT */
    struct cqlpick_set pick;
    bool reverse, aggregates;
    uint16_t *group; /* columns of GROUP BY */
    const struct cqlexec_col *col;
    size_t col_cnt;
    uint8_t meta_id[16];
    /* INSERT, UPDATE, DELETE */
    int *place; /* columns of INSERT's names or of SET */
    bool conditional, reads; /* has IF; must read before it writes */
    bool on_static, on_row;  /* which of the two it writes */
    struct cqlplan **item;   /* BATCH */
};

struct cqlrun { /* one execution */
    struct cqlexec *exec;
    struct cqlexec_session *session;
    const struct cqlplan *plan;
    const struct cqlexec_request *request;
    struct cqlterm_env env;
    struct arena *arena;
    struct buf *rows;
    struct cqlexec_result *result;
    int64_t ts_us; /* the default write timestamp */
};

/* Parses and plans. `marks` of a batch's statements go on from each other. */
int cqlplan_new(struct cqlexec *exec, struct str keyspace, struct str text,
                struct cqlplan **out) MUST_USE;
void cqlplan_free(struct cqlplan *plan); /* one reference */
/* The table of a statement, of the store or virtual; *is_virtual tells. */
int cqlplan_table(struct cqlexec *exec, struct str keyspace, struct str name, struct arena *arena,
                  struct store_table *out, bool *is_virtual) MUST_USE;
/* User types of a keyspace. */
struct cqlplan_scope {
    struct cqlexec *exec;
    struct str keyspace;
};
struct cqltype_scope cqlplan_scope(struct cqlplan_scope *scope);
void cqlplan_columns_id(const struct cqlexec_col *col, size_t cnt, uint8_t out[16]);

/* cqlselect.c, cqlmodify.c, cqlschema.c */
int cqlselect_plan(struct cqlplan *plan, const struct cqlterm_env *env) MUST_USE;
int cqlselect_run(struct cqlrun *run) MUST_USE;
int cqlmodify_plan(struct cqlplan *plan, const struct cqlterm_env *env) MUST_USE;
int cqlmodify_run(struct cqlrun *run) MUST_USE; /* one statement */
/* Several in one commit; run[0] carries the result. */
int cqlmodify_batch(struct cqlrun *run, size_t cnt, enum cqlexec_batch_kind kind) MUST_USE;
int cqlschema_run(struct cqlrun *run) MUST_USE;

#endif
