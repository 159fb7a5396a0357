/* cqlchange.h - assignments that change a part of a value: col + x, col[k] = x, col.f = x. */
#ifndef STORE_CQL_CQLCHANGE_H
#define STORE_CQL_CQLCHANGE_H

#include "store/cql/cqlterm.h"

/* The types of an assignment's index and term, for the column's type; ERR_INVAL when the operation
 * is none of the type's. `del`: the part is to be deleted. */
int cqlchange_types(const struct cqlterm_env *env, const struct cqlset *set,
                    const struct store_col *col, bool del, struct cqlterm_for *index,
                    struct cqlterm_for *term) MUST_USE;
bool cqlchange_reads(const struct cqlset *set); /* does it need the value that is there? */
/* The new value of the column. `now` is the present one; index and term as evaluated. */
int cqlchange_apply(struct arena *arena, const struct cqlset *set, const struct store_col *col,
                    struct str now, const struct str operand[2], struct str *out) MUST_USE;
/* A non-frozen collection without items is null. */
bool cqlchange_is_empty(const struct cqltype *type, struct str value);

#endif
