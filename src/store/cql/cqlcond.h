/* cqlcond.h - IF: conditions on a row that is there, and the row of the answer. */
#ifndef STORE_CQL_CQLCOND_H
#define STORE_CQL_CQLCOND_H

#include "store/cql/cqlplan.h"

/* Notes the markers and checks the columns. */
int cqlcond_plan(const struct cqlplan *plan, const struct cqlterm_env *env) MUST_USE;
/* Do the statement's conditions hold for `row` (NULL: there is none)? */
int cqlcond_holds(const struct cqlrun *run, const struct store_row *row, bool *out) MUST_USE;
/* The answer: [applied] and, when not, what stood in the way. */
int cqlcond_answer(struct cqlrun *run, const struct store_row *row, bool applied) MUST_USE;

#endif
