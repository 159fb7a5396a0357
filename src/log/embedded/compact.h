/* compact.h - topics with cleanup.policy=compact: the last record of each key stays.
 *
 * Sealed segments are read for keys, oldest not yet seen first, as many as the table holds, and
 * those up to there are written anew without records that a later one replaces. Offsets stay; the
 * last record of a segment always does, so a segment still ends where the next begins. Tombstones
 * go when their segment is older than delete.retention.ms.
 *
 * A new file takes the old one's name by a rename; a crash leaves the one or the other. Reading and
 * appending go on meanwhile; only the rename waits for a commit round to end. Segments are not
 * merged. Thread: any; one compaction at a time. */
#ifndef LOG_EMBEDDED_COMPACT_H
#define LOG_EMBEDDED_COMPACT_H

#include "log/embedded/emb.h"

/* Compacts every partition of which half of the sealed bytes were not seen yet. */
int compact_all(struct emb *emb) MUST_USE;

#endif
