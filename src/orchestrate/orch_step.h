/* orch_step.h - the scheduler as one function of the clock.
 *
 * orch_start() calls it from a thread; a simulation calls it itself, moves the clock by what it
 * returns, and lets orch_step_work() play the worker. */
#ifndef ORCHESTRATE_ORCH_STEP_H
#define ORCHESTRATE_ORCH_STEP_H

#include "orchestrate/orch_int.h"

/* Does all that is due now; returns how long nothing more will be, in us, unless woken. */
int64_t orch_step(struct orch *orch);
/* Runs one try that waits for a worker, in the caller's thread; false: none waits. */
bool orch_step_work(struct orch *orch);
/* A run in the dag's list of living ones, at its end; under the lock. */
struct orch_live *orch_step_add(struct orch_dag_state *dag, const struct run *run);
void orch_step_remove(struct orch_live *live); /* and frees it */
struct orch_live *orch_step_find(const struct orch_dag_state *dag, struct str id);
/* When the dag is due next, from now on; sets dag->next_us. */
void orch_step_plan(struct orch_dag_state *dag, int64_t now_us);
void orch_step_wake(struct orch *orch); /* under the lock */

#endif
