/* cqlfunc.h - the scalar functions of CQL: ids, times, conversions.
 *
 * Names are compared without '_' and in lower case, so now, to_timestamp and toTimestamp are all
 * found. Thread: any. Memory: results live in the arena. */
#ifndef STORE_CQL_CQLFUNC_H
#define STORE_CQL_CQLFUNC_H

#include "base/env.h"
#include "wire/cql/cqltype.h"

#define CQLFUNC_ARG_MAX 16

struct cqlfunc_call {
    struct arena *arena;
    struct env *env;
    struct str name;
    const struct cqltype *type[CQLFUNC_ARG_MAX]; /* of the arguments; NULL: not known (a marker) */
    struct str value[CQLFUNC_ARG_MAX];
    size_t cnt;
    const struct cqltype *want; /* what is expected, for fromJson(); may be NULL */
};
/* The type of the result; fills in call->type where it was not known. ERR_INVAL: no such function,
 * or not with these arguments. */
int cqlfunc_type(struct cqlfunc_call *call, const struct cqltype **out) MUST_USE;
int cqlfunc_run(struct cqlfunc_call *call, struct str *out) MUST_USE; /* ptr NULL: null */
/* CAST(value AS to), as SELECT has it. */
int cqlfunc_castable(const struct cqltype *from, const struct cqltype *to) MUST_USE;
int cqlfunc_cast(struct arena *arena, const struct cqltype *from, struct str value,
                 const struct cqltype *to, struct str *out) MUST_USE;
/* A version 1 uuid of this time, never the same twice. */
void cqlfunc_timeuuid(struct env *env, int64_t now_us, uint8_t out[16]);

#endif
