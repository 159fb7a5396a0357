/* intake.h - what a batch must be before a partition takes it; the same for every log of our own.
 *
 * Thread: any; no state. */
#ifndef LOG_INTAKE_H
#define LOG_INTAKE_H

#include "log/log_setting.h"
#include "wire/kafka/recbatch.h"

#define INTAKE_BATCH_MAX 1024 /* batches in one append */

/* Walks `bytes`, one or several whole batches from outside: CRC, records, sizes and times as the
 * policy allows. ERR_CORRUPT, ERR_INVAL, ERR_TOO_BIG ...; *cnt: how many batches there are. */
int intake_check(struct str bytes, const struct log_policy *policy, int64_t now_ms,
                 size_t *cnt) MUST_USE;

#endif
