/* expr.h - a typed expression, ready to run over batches.
 *
 * Memory: the plan's arena. Immutable once planned. */
#ifndef STREAM_PLAN_EXPR_H
#define STREAM_PLAN_EXPR_H

#include "stream/op/func.h"
#include "stream/sql/mistake.h"

enum expr_kind {
    EXPR_CONST,    /* value */
    EXPR_PATH,     /* a column, and the way into its structs: path[0] .. path[path_cnt-1] */
    EXPR_FIELD,    /* kid[0].field[path[0]], of a struct or of each struct of an array */
    EXPR_CALL,     /* call over the kids */
    EXPR_AND,      /* kid[1] only where kid[0] is not false */
    EXPR_OR,       /* kid[1] only where kid[0] is not true */
    EXPR_CASE,     /* kid: when, then, when, then ... [else]; only the branch taken is computed */
    EXPR_COALESCE, /* the first that is not NULL; the next only where it is */
    EXPR_LET,      /* kid[0] is computed once, as slot; the value is kid[1] */
    EXPR_REF,      /* slot of the EXPR_LET around it */
};
struct expr {
    enum expr_kind kind;
    const struct type *type;
    struct span span; /* in the query's text */
    struct expr **kid;
    uint32_t cnt;
    const struct vec *value;
    bool literal; /* EXPR_CONST: stands so in the text */
    struct func_call *call;
    uint32_t *path;
    uint32_t path_cnt;
    uint32_t slot;
};

#endif
