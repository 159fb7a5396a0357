/* plan.h - a query made ready to run: names resolved, types known, columns wanted from the source.
 *
 * Memory: the plan's arena, and what function states hold besides (plan_fini). */
#ifndef STREAM_PLAN_PLAN_H
#define STREAM_PLAN_PLAN_H

#include "stream/plan/expr.h"
#include "stream/stream.h"

struct plan_output {
    struct str name;
    struct expr *expr;
};
struct plan {
    struct arena *arena;       /* borrowed */
    struct str topic;
    const struct type *source; /* the topic's rows, whole */
    const struct type *want;   /* the part of them the query reads; paths index into it */
    struct expr *where;        /* NULL: none */
    struct plan_output *output;
    uint32_t output_cnt;
    const struct type *row;    /* STRUCT of the outputs */
    struct expr **expect;      /* over the outputs; one a stream_expect */
    struct func_call **held;   /* calls whose state is to be given back */
    uint32_t held_cnt;
    uint32_t node_cnt;         /* expressions made: what a batch costs */
};

/* Parses and, with `source`, plans. 0, or ERR_SYNTAX or ERR_TYPE with the mistakes listed. The plan
 * is usable on 0 only; plan->topic and plan->row (NULL: not known) also without. */
int plan_make(struct plan *plan, const struct stream_query *query, const struct type *source,
              struct arena *arena, struct stream_errors *errors) MUST_USE;
void plan_fini(struct plan *plan);
/* For tests and shells: one expression over the columns of `row` (NULL: none). */
int plan_expr(struct plan *plan, struct str text, const struct type *row, struct arena *arena,
              struct expr **out, struct stream_errors *errors) MUST_USE;

#endif
