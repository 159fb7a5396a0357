/* cass_stmt.h - prepared statements, by their text.
 *
 * A statement is prepared once, at any node; another node that does not know it says so and is told
 * (cass_call.c). Thread: any. Limits: CASS_STMT_MAX kept; those nobody holds go first. */
#ifndef STORE_CASSANDRA_CASS_STMT_H
#define STORE_CASSANDRA_CASS_STMT_H

#include "store/cassandra/cass_cluster.h"
#include "wire/cql/cqlask.h"

#define CASS_STMT_MAX      2048
#define CASS_STMT_TEXT_MAX (4 * MIB)

struct cass_stmts;
struct cass_stmt {
    struct str text;
    struct cqlask_id id;
    unsigned refs; /* the cache's lock */
    char bytes[];
};
struct cass_stmts *cass_stmt_open(struct cass_cluster *cluster);
void cass_stmt_close(struct cass_stmts *stmts); /* after the cluster; NULL is allowed */
/* Prepares it when it is not: given back with cass_stmt_put(). */
int cass_stmt_get(struct cass_stmts *stmts, struct str text, struct cass_stmt **out) MUST_USE;
void cass_stmt_put(struct cass_stmts *stmts, struct cass_stmt *stmt); /* NULL is allowed */

#endif
