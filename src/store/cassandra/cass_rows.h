/* cass_rows.h - an answer's rows, cell by name. */
#ifndef STORE_CASSANDRA_CASS_ROWS_H
#define STORE_CASSANDRA_CASS_ROWS_H

#include "store/cassandra/cass_conn.h"
#include "wire/cql/cqlreply.h"

struct cass_rows {
    struct cqlreply_rows rows;
    struct str *cell; /* of the present row, by column */
    size_t left;
};
/* ERR_CORRUPT: no rows. Cells point into the answer. */
int cass_rows_open(struct cass_rows *rows, const struct cass_answer *answer,
                   struct arena *arena) MUST_USE;
/* Steps to the next row; *err: the answer is cut short. */
bool cass_rows_next(struct cass_rows *rows, int *err);
struct str cass_rows_get(const struct cass_rows *rows, const char *name); /* ptr NULL: null, none */
int32_t cass_rows_int(const struct cass_rows *rows, const char *name);    /* 0: null, none */

#endif
