/* seg.h - one segment: a file of record batches, its indexes, and the pool of open files.
 *
 * A segment's bytes are written by its partition's appender only and read by anybody below the
 * size they were told. Files are opened on demand and closed, longest idle first, when more than
 * the pool's limit are open; a pinned segment's file stays open.
 *
 * Thread: seg_pin/seg_unpin from any; the rest under the partition's lock, but for segscan, which
 * works on a pinned file. Errors: as env.h, and ERR_CORRUPT naming file and position. */
#ifndef LOG_EMBEDDED_SEG_H
#define LOG_EMBEDDED_SEG_H

#include "base/env.h"
#include "log/embedded/segidx.h"
#include "wire/kafka/recbatch.h"

#include <pthread.h>

struct seg;
struct segpool {
    struct env *env;
    pthread_mutex_t lock;
    struct seg *newest, *oldest; /* open and not pinned */
    size_t open_cnt, open_max;
};
struct seg {
    char *stem;        /* path without its ending */
    int64_t base;      /* offset of the first record it may hold */
    int64_t size;      /* bytes of whole batches */
    int64_t born_ms;   /* clock at creation or opening, for segment.ms; -1: first append sets it */
    bool sealed;       /* a newer one follows: nothing is appended any more */
    bool saved;        /* its index files hold what they should */
    bool dirty;        /* has bytes not synced; the file is pinned for that */
    bool gone;         /* unlinked: the last unpin frees */
    struct segidx idx; /* of an open-ended segment; of a sealed one only when not saved */
    int64_t max_ts, max_ts_offset; /* of all its records; max_ts < 0: none or not loaded */
    bool ts_loaded;

    struct env_file *file; /* the pool's from here on */
    unsigned pins;
    struct seg *newer, *older;
};

void seg_pool_init(struct segpool *pool, struct env *env, size_t open_max);
void seg_pool_fini(struct segpool *pool);

/* A segment object; nothing is opened yet. */
struct seg *seg_new(const char *dir, int64_t base);
/* Closes and frees; there must be no pins. */
void seg_free(struct segpool *pool, struct seg *seg);
int seg_pin(struct segpool *pool, struct seg *seg) MUST_USE;
void seg_unpin(struct segpool *pool, struct seg *seg);
/* Frees it now or at the last unpin. */
void seg_retire(struct segpool *pool, struct seg *seg);
/* Makes the file, empty, which must not be there; left pinned. The name is not durable yet. */
int seg_create(struct segpool *pool, struct seg *seg) MUST_USE;
/* Appends the batches of `bytes` from offset `base` on and notes them in the index; stamp_ms >= 0
 * makes them LogAppendTime. The segment must be pinned. On an error the file may hold more than
 * seg->size bytes: see seg_undo(). */
int seg_append(struct seg *seg, struct str bytes, int64_t base, int64_t stamp_ms,
               int64_t index_interval) MUST_USE;
/* The batch at `pos` into the index in memory; seg_append() does it itself. */
void seg_note(struct seg *seg, const struct recbatch_head *head, int64_t pos,
              int64_t index_interval);
void seg_note_time(struct seg *seg, const struct recbatch_head *head);
/* After a failed append: cuts the file back, durably. */
int seg_undo(struct seg *seg) MUST_USE;
/* Position from which a forward scan meets the batch that holds `offset`. */
int seg_find(struct segpool *pool, struct seg *seg, int64_t offset, int64_t *pos) MUST_USE;
/* First offset to look at for records of time >= ts_ms. */
int seg_find_time(struct segpool *pool, struct seg *seg, int64_t ts_ms, int64_t *offset) MUST_USE;
/* seg->max_ts of a sealed segment, from its time index or, failing that, from a scan. */
int seg_load_ts(struct segpool *pool, struct seg *seg) MUST_USE;
/* Builds the index anew from the file's heads; `gaps`: offsets may be missing. */
int seg_reindex(struct segpool *pool, struct seg *seg, int64_t index_interval, bool gaps) MUST_USE;
/* Writes the index files, durably. */
int seg_save(struct segpool *pool, struct seg *seg) MUST_USE;
/* Removes the files; the folder is not synced. */
int seg_unlink(struct segpool *pool, struct seg *seg) MUST_USE;

#endif
