/* orch_adopt.h - what an earlier process left behind, taken up again at orch_open(). */
#ifndef ORCHESTRATE_ORCH_ADOPT_H
#define ORCHESTRATE_ORCH_ADOPT_H

#include "orchestrate/orch_int.h"

/* Reads whether the dag is paused, its newest scheduled run, and its runs that have not ended: they
 * live on. A try that was running is failed and, when one is left, follows by another. */
int orch_adopt(struct orch_dag_state *dag) MUST_USE;
/* Runs of dags that are no more are recorded as failed. */
int orch_adopt_orphans(struct orch *orch) MUST_USE;

#endif
