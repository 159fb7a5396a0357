/* cqldesc.h - DESCRIBE as a statement: what cqlsh sends instead of working it out itself.
 *
 *   DESC[RIBE] KEYSPACES | TABLES | TYPES | FUNCTIONS | AGGREGATES      names
 *   DESC[RIBE] CLUSTER                                                  name, partitioner, snitch
 *   DESC[RIBE] [FULL] SCHEMA | [ONLY] KEYSPACE [ks] | TABLE [ks.]t | TYPE [ks.]t | [ks.]name
 *                                                                       CREATE statements
 * Thread: any. */
#ifndef STORE_SERVER_CQLDESC_H
#define STORE_SERVER_CQLDESC_H

#include "store/cql/cqlexec.h"

bool cqldesc_is(struct str text); /* is the statement a DESCRIBE? */
/* As cqlexec_run(). */
int cqldesc_run(struct store *store, const struct cqlexec_session *session, struct str text,
                struct arena *arena, struct buf *rows, struct cqlexec_result *result) MUST_USE;

#endif
