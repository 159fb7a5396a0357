/* retain.h - forgetting old records: retention.ms, retention.bytes, and what was asked for.
 *
 * The new first offset is durable in the checkpoint before a file goes, so a crash can leave files
 * that nobody needs, never a hole. Thread: under emb->work. */
#ifndef LOG_EMBEDDED_RETAIN_H
#define LOG_EMBEDDED_RETAIN_H

#include "log/embedded/emb.h"

int retain_all(struct emb *emb) MUST_USE;
/* part->start was raised: makes it durable and removes the segments before it. */
int retain_trim(struct part *part) MUST_USE;

#endif
