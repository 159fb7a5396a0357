/* cqlpick.h - what SELECT asks for, resolved: one value a row, or one a group of rows. */
#ifndef STORE_CQL_CQLPICK_H
#define STORE_CQL_CQLPICK_H

#include "store/cql/cqlterm.h"

#define CQLPICK_AGG_MAX 256

enum cqlpick_agg { CQLPICK_NO_AGG, CQLPICK_COUNT, CQLPICK_MIN, CQLPICK_MAX, CQLPICK_SUM,
                   CQLPICK_AVG };
struct cqlpicked {
    const struct cqlpick *of;
    const struct cqltype *type; /* of the value */
    struct str name;            /* of the column of the result */
    int col;                    /* COL, WRITETIME, TTL: index into table->col */
    struct cqlpicked **kid;
    size_t cnt;
    enum cqlpick_agg agg;
    size_t agg_idx;
    uint16_t field; /* FIELD */
    struct str value; /* TERM: when it is known; ITEM: the index */
};
struct cqlpick_set { /* all of a SELECT */
    const struct store_table *table;
    struct cqlpicked **pick;
    size_t cnt;
    struct cqlpicked *agg[CQLPICK_AGG_MAX];
    size_t agg_cnt;
};
/* `cnt` 0: all columns, in order. */
int cqlpick_make(const struct cqlterm_env *env, const struct store_table *table,
                 struct cqlpick *const *pick, size_t cnt, struct cqlpick_set *out) MUST_USE;

struct cqlpick_sum { /* of one aggregate over a group */
    int64_t cnt;
    struct buf value; /* so far; empty and cnt 0: none */
};
void cqlpick_sum_init(struct cqlpick_sum *sum);
/* Adds a row to every aggregate. */
int cqlpick_add(const struct cqlterm_env *env, const struct cqlpick_set *set,
                const struct store_row *row, struct cqlpick_sum *sum) MUST_USE;
/* The value; aggregates from `sum`. row NULL: a group without rows. */
int cqlpick_eval(const struct cqlterm_env *env, const struct cqlpicked *pick,
                 const struct store_row *row, const struct cqlpick_sum *sum,
                 struct str *out) MUST_USE;

#endif
