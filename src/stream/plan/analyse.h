/* analyse.h - from the tree as written to typed expressions.
 *
 * Names are looked up in a scope, calls in the table of functions; arguments are cast as Spark's
 * ANSI rules say; what is constant is computed once. Mistakes are noted where they are, and the
 * rest is still looked at. */
#ifndef STREAM_PLAN_ANALYSE_H
#define STREAM_PLAN_ANALYSE_H

#include "stream/plan/plan.h"
#include "stream/sql/ast.h"

/* Which parts of a column are read: a tree along the type. */
struct want {
    const struct type *type;
    struct want **field; /* STRUCT: one a field, NULL: not read */
    bool whole;          /* read with all below it */
    bool used;
};
struct analyser {
    struct mistakes *mistakes;
    struct plan *plan;
    struct arena *arena;
    const struct type *row;  /* the columns in scope; NULL: none */
    struct str table, alias; /* names that may stand before a column; ptr NULL: none */
    struct want *want;       /* NULL: not recorded */
    struct expr **path;      /* every EXPR_PATH made while `want` is recorded */
    uint32_t path_cnt, path_cap;
    uint32_t slot_cnt;
};

/* NULL: something is wrong and has been noted. */
struct expr *analyse_expr(struct analyser *an, const struct ast *ast);
/* The same, and it must be BOOLEAN; `what` is for the message: "WHERE". */
struct expr *analyse_condition(struct analyser *an, const struct ast *ast, const char *what);
/* Notes calls of functions that there are not, or with too few or too many arguments: what can be
 * said of a query whose columns are not known. */
void analyse_call_names(struct analyser *an, const struct ast *ast);
/* Makes an expression of type `to`; NULL with a mistake noted when there is no such cast. */
struct expr *analyse_cast(struct analyser *an, struct expr *expr, const struct type *to, bool soft);
/* A column by its place, for `*`. */
struct expr *analyse_column(struct analyser *an, uint32_t col, struct span span);
/* What `want` says of the source, and the paths made to index into that. */
const struct type *analyse_prune(struct analyser *an);

/* ---- between analyse.c and analyse_call.c ---- */
struct expr *analyse_node(struct analyser *an, enum expr_kind kind, struct span span,
                          const struct type *type, uint32_t cnt);
struct expr *analyse_fold(struct analyser *an, struct expr *expr);
struct expr *analyse_call(struct analyser *an, const struct ast *ast);
/* A call of a function by name over expressions already made. */
struct expr *analyse_call_of(struct analyser *an, struct str name, struct span span,
                             struct expr **arg, uint32_t cnt);
struct expr *analyse_struct(struct analyser *an, struct expr **arg, const struct str *name,
                            uint32_t cnt, struct span span);
/* Names of the calls that are not in the table of functions; ptr NULL: no more. */
struct str analyse_lazy_name(size_t i);
/* Casts all to their least common type; NULL with a mistake noted. */
const struct type *analyse_common(struct analyser *an, struct expr **arg, uint32_t cnt,
                                  const char *what);

#endif
