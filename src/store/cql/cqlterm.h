/* cqlterm.h - terms of a statement as bytes of the type that is expected.
 *
 * The same walk serves preparing and running. When preparing, `mark` notes what each marker is for
 * and a marker's value is not known: cqlterm_unknown, which makes all that it is in unknown. */
#ifndef STORE_CQL_CQLTERM_H
#define STORE_CQL_CQLTERM_H

#include "store/cql/cqlast.h"

struct cqlterm_env {
    struct arena *arena;
    struct env *env;
    const struct cqltype_scope *scope; /* user types of the keyspace */
    struct str keyspace, table;        /* for the markers' notes */
    struct cqlexec_col *mark;          /* preparing; NULL: running */
    const struct str *value;           /* running: by marker */
    size_t value_cnt;
};
struct cqlterm_for { /* what a term is wanted for */
    const struct cqltype *type;
    struct str name; /* of the column, or "[limit]" and the like */
};
extern const struct str cqlterm_unknown;
bool cqlterm_is_unknown(struct str value);
bool cqlterm_is_unset(struct str value);

/* *out: the bytes; ptr NULL: null; cqlexec_unset; cqlterm_unknown. */
int cqlterm_eval(const struct cqlterm_env *env, const struct cqlterm *term,
                 const struct cqlterm_for *to, struct str *out) MUST_USE;
const char *cqlterm_type_text(const struct cqlterm_env *env, const struct cqltype *type);
/* Arithmetic on two values of a type: op is one of + - * / %. */
int cqlterm_compute(struct arena *arena, char op, const struct cqltype *type,
                    const struct str value[2], struct str *out) MUST_USE;
/* The type a term has by itself; NULL: it depends on what is expected. */
const struct cqltype *cqlterm_type(const struct cqlterm_env *env, const struct cqlterm *term);
/* An int of LIMIT, TTL; a bigint of TIMESTAMP. *set false: unset, or not known yet. */
int cqlterm_int(const struct cqlterm_env *env, const struct cqlterm *term, const char *name,
                bool wide, int64_t *out, bool *set) MUST_USE;

#endif
