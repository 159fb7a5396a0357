/* cqlwhere.h - what a WHERE asks for: whole partition keys, spans of rows, and tests of each row.
 *
 * Made for each run from the relations and the bound values; when preparing, with unknown values,
 * for its checks and the markers' notes. Memory: the arena of the terms' env. */
#ifndef STORE_CQL_CQLWHERE_H
#define STORE_CQL_CQLWHERE_H

#include "store/cql/cqlterm.h"

#define CQLWHERE_KEY_MAX 100000 /* partition keys, or spans, that IN may multiply to */

enum cqlwhere_use { CQLWHERE_SELECT, CQLWHERE_UPDATE, CQLWHERE_DELETE };

struct cqlwhere_test { /* one relation, with its values */
    enum cqlrel_op op;
    const uint16_t *col; /* index into table->col; token: those of the partition key */
    uint16_t col_cnt;
    bool token, tuple;
    bool covered;        /* keys and spans see to it already */
    bool has_index;
    struct str index;    /* col[index] */
    const struct str *value; /* tuple: col_cnt each; IN: several */
    size_t value_cnt;        /* of values or of tuples */
};
struct cqlwhere_span { /* rows of a partition, in clustering order */
    const struct str *eq;
    size_t eq_cnt;
    struct str lo, hi;
    bool lo_open, hi_open;
};
struct cqlwhere {
    const struct store_table *table;
    bool by_key;                 /* pkey[] says which partitions; otherwise the token range */
    const struct str *const *pkey;
    size_t pkey_cnt;
    int64_t token_lo, token_hi;  /* as in store_range; token_lo >= token_hi: nothing */
    bool has_token;
    const struct cqlwhere_span *span; /* by_key only */
    size_t span_cnt;
    const struct cqlwhere_test *test;
    size_t test_cnt;
    bool filters;   /* some test is covered by nothing: ALLOW FILTERING */
    bool pkey_in;   /* more than one partition key may be asked for */
    bool ckey_used; /* clustering columns are restricted */
    struct str missing_ckey; /* the first clustering column not fixed; ptr NULL: none */
};

/* Index of a column, or -1. */
int cqlwhere_find(const struct store_table *table, struct str name);
int cqlwhere_undefined(const struct store_table *table, struct str name); /* its error */
int cqlwhere_make(const struct cqlterm_env *env, const struct store_table *table,
                  const struct cqlrel *rel, size_t rel_cnt, enum cqlwhere_use use,
                  struct cqlwhere *out) MUST_USE;
/* May this SELECT run? The errors that ask for ALLOW FILTERING. */
int cqlwhere_check_select(const struct cqlwhere *where, bool filtering) MUST_USE;
/* Does the row pass the tests (all: also the covered ones)? */
bool cqlwhere_match(const struct cqlwhere *where, const struct store_row *row, bool all);

#endif
