/* cqlddl.h - schema as CQL text: names, types, CREATE statements that make the same thing again.
 *
 * Thread: any. Memory: what is returned lives in the arena given. */
#ifndef STORE_SERVER_CQLDDL_H
#define STORE_SERVER_CQLDDL_H

#include "base/buf.h"
#include "store/store.h"
#include "wire/cql/cqltype.h"

#define CQLDDL_TEXT_MAX (1 * MIB)

struct str cqlddl_type(const struct cqltype *type, struct arena *arena); /* "frozen<list<int>>" */
void cqlddl_name(struct buf *out, struct str name); /* in double quotes where CQL needs them */
/* A keyspace's replication as keys and values in turn, `class` first and in full; NULL: local. */
void cqlddl_replication(const struct store_keyspace *keyspace, struct arena *arena,
                        const struct str **pair, size_t *cnt);
/* keyspace->replication.ptr NULL: a system keyspace. */
struct str cqlddl_keyspace(const struct store_keyspace *keyspace, struct arena *arena);
struct str cqlddl_table(const struct store_table *table, struct arena *arena);
struct str cqlddl_udt(const struct store_udt *udt, struct arena *arena);

#endif
