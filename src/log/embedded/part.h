/* part.h - one partition of the embedded log: appending, reading, searching.
 *
 * Thread: any, but for part_open_done() ... as emb.h has it. Errors: as log.h. */
#ifndef LOG_EMBEDDED_PART_H
#define LOG_EMBEDDED_PART_H

#include "log/embedded/emb.h"

struct part *part_new(struct emb *emb, const struct topic *topic, int32_t no);
void part_ref(struct part *part);
void part_unref(struct part *part); /* the last one frees it; files stay */

/* As log_submit(). *wait: the caller's `done` was queued; else it has to call it with *base. */
struct part_write {
    struct str bytes;
    log_done_fn *done;
    void *arg;
    int64_t base; /* out */
    bool wait;    /* out */
};
int part_append(struct part *part, struct part_write *write) MUST_USE;
int part_read(struct part *part, int64_t offset, size_t max, struct arena *arena,
              struct str *out) MUST_USE;
int part_seek_time(struct part *part, int64_t ts_ms, int64_t *offset, int64_t *ts_out) MUST_USE;
void part_span(struct part *part, struct log_span *out);

/* Under part->lock: seals the last segment (if there is one) and begins one at part->end. */
int part_roll(struct part *part) MUST_USE;
/* Under part->lock: syncs what is unsynced, waiting for the disk; then hwm == end. */
int part_sync_locked(struct part *part) MUST_USE;
/* Under part->lock: takes out the waiters that are served by now (`all`: every one). */
struct waiter *part_served(struct part *part, bool all);
/* Calls and frees them. */
void part_answer(struct waiter *list, int err);
/* Adds a segment at the end, or removes the first one from the list, without touching files. */
void part_push(struct part *part, struct seg *seg);
struct seg *part_shift(struct part *part);

#endif
