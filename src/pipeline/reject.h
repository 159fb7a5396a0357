/* reject.h - the quarantine of one query: records that failed a check, kept with the reason.
 *
 * Topic `<table>.quarantine`, as many partitions as the source topic, record for record in the same
 * partition: the original key, value and headers untouched, and in headers as Kafka Connect names
 * them where it came from and why (`__connect.errors.topic`, `.partition`, `.offset`,
 * `.exception.message`), and `sluice.check`. Records are durable before the query's commit; after a
 * crash those already there are told by their source offset and not written again.
 * Thread: the query's. */
#ifndef PIPELINE_REJECT_H
#define PIPELINE_REJECT_H

#include "log/log.h"
#include "model/record.h"

#define REJECT_TOPIC     "__connect.errors.topic"
#define REJECT_PARTITION "__connect.errors.partition"
#define REJECT_OFFSET    "__connect.errors.offset"
#define REJECT_MESSAGE   "__connect.errors.exception.message"
#define REJECT_CHECK     "sluice.check"

struct reject;
/* Makes the topic when it is not there. */
int reject_open(struct reject **out, struct log *log, struct str source, struct str table) MUST_USE;
void reject_close(struct reject *reject); /* NULL is allowed */
/* Adds one; a record that is there already is passed over. */
int reject_add(struct reject *reject, const struct record *record, int32_t part, struct str check,
               struct str reason) MUST_USE;
int reject_flush(struct reject *reject) MUST_USE; /* all that was added is durable */
void reject_drop(struct reject *reject);          /* forgets what was added since the flush */

#endif
