/* cqljson.h - JSON text as CQL values: INSERT JSON and fromJson().
 *
 * The text is read once, straight into the bytes of the type that is wanted; numbers keep all their
 * digits. Thread: any. Limits: nesting is that of the type. */
#ifndef STORE_CQL_CQLJSON_H
#define STORE_CQL_CQLJSON_H

#include "wire/cql/cqltype.h"

/* ERR_INVAL with the reason; *out.ptr NULL for null. */
int cqljson_parse(const struct cqltype *type, struct str json, struct arena *arena,
                  struct str *out) MUST_USE;
/* The members of an object: calls `member` with the name and the text of each value. */
int cqljson_object(struct str json, struct arena *arena,
                   int (*member)(void *arg, struct str name, struct str value),
                   void *arg) MUST_USE;

#endif
