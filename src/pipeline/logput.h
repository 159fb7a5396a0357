/* logput.h - records into a topic's partitions, a batch each, durable together.
 *
 * logput_add() collects; logput_flush() appends every partition's batch at once and waits until all
 * are durable. After an error some partitions may have it: the caller's ids tell which.
 * Thread: one. Limits: a batch is closed at LOGPUT_BATCH bytes; one record alone may be bigger. */
#ifndef PIPELINE_LOGPUT_H
#define PIPELINE_LOGPUT_H

#include "log/log.h"
#include "model/record.h"

#define LOGPUT_BATCH ((size_t)512 << 10)
#define LOGPUT_MAX   "8388608" /* max.message.bytes of topics we make: a row and its old self fit */

struct logput;
int logput_open(struct logput **out, struct log *log, struct str topic, int32_t part_cnt) MUST_USE;
void logput_close(struct logput *put); /* NULL is allowed */
int logput_add(struct logput *put, int32_t part, const struct record *record) MUST_USE;
int logput_flush(struct logput *put) MUST_USE;
void logput_drop(struct logput *put); /* forgets what was added since the last flush */
size_t logput_pending(const struct logput *put); /* bytes added and not flushed */

/* Begins to fetch the newest records of all partitions at once: logput_tail() finds them there. */
void logput_foresee(struct log *log, struct str topic, int32_t part_cnt, int64_t max);
/* Calls `each` for the newest records of a partition, oldest of them first, at most `max`. */
int logput_tail(struct log *log, struct str topic, int32_t part, int64_t max,
                void (*each)(void *arg, const struct record *record), void *arg) MUST_USE;

#endif
