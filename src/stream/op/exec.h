/* exec.h - runs planned expressions over a batch.
 *
 * An exec is set up for one batch; exec_eval() computes an expression for the rows selected and
 * returns a column of which only these rows mean anything. Rows in which something goes wrong are
 * in ctx.failed with the reason, and are NULL from there on.
 *
 * Memory: columns live in the arena. Thread: one at a time. */
#ifndef STREAM_OP_EXEC_H
#define STREAM_OP_EXEC_H

#include "stream/plan/expr.h"

#define EXEC_SLOT_MAX 4096 /* EXPR_LETs in one query */

struct exec {
    struct func_ctx ctx;
    const struct vec *const *col; /* the batch's columns */
    const struct vec **slot;      /* by EXPR_LET */
};

/* `cnt` rows of columns `col`, all selected. */
void exec_init(struct exec *exec, struct arena *arena, const struct vec *const *col, uint32_t cnt);
void exec_select(struct exec *exec, const uint32_t *sel, uint32_t live); /* NULL: all rows */
/* 0, or an error that concerns the whole batch. */
int exec_eval(struct exec *exec, const struct expr *expr, const struct vec **out) MUST_USE;
/* Of an expression without columns: its value, or NULL when it fails. */
const struct vec *exec_fold(struct arena *arena, const struct expr *expr);
/* The selected rows for which `flag` (a BOOLEAN column) is true, and that have not failed. */
uint32_t exec_filter(struct exec *exec, const struct vec *flag, uint32_t **sel);

#endif
