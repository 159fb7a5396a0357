/* orch_try.h - one try of a task: its making, running, log and record. */
#ifndef ORCHESTRATE_ORCH_TRY_H
#define ORCHESTRATE_ORCH_TRY_H

#include "orchestrate/orch_int.h"

#include <stdarg.h>

/* The next try of live's task; under the scheduler's lock. */
struct orch_job *orch_try_new(struct orch_live *live, size_t task, int64_t now_us,
                              int64_t mono_us) MUST_USE;
void orch_try_free(struct orch_job *job);
/* Calls the task's function; on a worker's thread. */
void orch_try_run(struct orch_job *job);
/* A line of the log: time, level ("info", "warning", "error"), text. */
void orch_try_say(struct orch_job *job, const char *level, const char *format, ...)
    PRINTF_LIKE(3, 4);
void orch_try_vsay(struct orch_job *job, const char *level, const char *format, va_list args)
    PRINTF_LIKE(3, 0);
struct str orch_try_log(struct orch_job *job, struct arena *arena); /* a copy of it so far */
/* The try as it is recorded with `state`; texts live as long as the job and `arena`. */
struct run_try orch_try_record(struct orch_job *job, enum run_state state, struct arena *arena);
/* How long to wait after try `number` failed: retry_delay doubled each time, and up to that much
 * again as dag, task, logical time and number say, so that it is the same wherever it is asked. */
int64_t orch_try_delay(const struct orch_task *task, const struct run *run, uint32_t number);
bool orch_try_again(const struct orch_task *task, uint32_t number, int err); /* is one left? */

#endif
