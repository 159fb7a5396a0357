/* cqlwatch.h - what changed in the schema, told as the protocol's events.
 *
 * The store says only that something changed; the pipelines make tables too, not only CQL. So the
 * schema is compared with what it was at the last look.
 * Thread: one at a time. */
#ifndef STORE_SERVER_CQLWATCH_H
#define STORE_SERVER_CQLWATCH_H

#include "store/store.h"
#include "wire/cql/cqlanswer.h"

struct cqlwatch;

struct cqlwatch *cqlwatch_new(struct store *store); /* borrowed */
void cqlwatch_free(struct cqlwatch *watch);         /* NULL is allowed */
/* Calls `each` for every change since the last call (borrowed): what was made comes before what
 * needs it, what was dropped after. The first call tells nothing. */
int cqlwatch_check(struct cqlwatch *watch,
                   void (*each)(void *arg, const struct cqlanswer_change *change),
                   void *arg) MUST_USE;

#endif
