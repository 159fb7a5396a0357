/* recover.h - brings a partition's folder back to a state that can be appended to.
 *
 * The idea. Only the last segment can have bytes that were never synced (emb.h, invariant 1), and
 * of it only what lies behind the checkpoint's mark. That tail is walked batch by batch with its
 * CRCs; the first batch that is not sound ends it, and what follows is cut off. Sound bytes that
 * nobody synced may exist in the page cache only, with a failed sync behind them that no later
 * sync will report, so the tail is written anew into another file, synced, before anybody sees it.
 *
 * Each step can be repeated after a crash in its middle:
 *   tail small, or the whole segment: <base>.log.new -> rename over <base>.log
 *   tail of a large segment: a new segment <mark.recovery>.log; then the old is cut at the mark.
 *     Between the two the tail is there twice, and the open that finds a segment behind the mark's
 *     cuts the old one first.
 *
 * What was synced and is not there any more is never replaced silently: offsets go on behind it,
 * the hole is named here and whenever somebody reads it. */
#ifndef LOG_EMBEDDED_RECOVER_H
#define LOG_EMBEDDED_RECOVER_H

#include "log/embedded/emb.h"

/* Fills the partition from its folder, as part->mark says. Before any other thread sees it. */
int recover_part(struct part *part) MUST_USE;

#endif
