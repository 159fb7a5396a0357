/* orch_put.h - records of runs and tries on their way into the landing database. */
#ifndef ORCHESTRATE_ORCH_PUT_H
#define ORCHESTRATE_ORCH_PUT_H

#include "orchestrate/orch_int.h"

void orch_put_fini(struct orch_put *put);
void orch_put_run(struct orch_put *put, const struct run *run); /* copied, as below */
void orch_put_try(struct orch_put *put, const struct run_try *run_try);
bool orch_put_any(const struct orch_put *put);
/* Writes all as one transaction and forgets it. On an error it is kept, and put->again_us says
 * when to try again. */
int orch_put_write(struct orch_put *put, struct orch *orch) MUST_USE;

#endif
