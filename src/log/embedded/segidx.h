/* segidx.h - a segment's two sparse indexes, in memory and in Kafka's files.
 *
 *   <base>.index       8 bytes an entry: offset - base, position; both 4 bytes, big-endian
 *   <base>.timeindex  12 bytes an entry: time in ms, 8 bytes; offset - base, 4 bytes
 *
 * An offset entry says where the batch begins that ends with that offset. A time entry says: no
 * record at or before that offset is later than that time. Both rise strictly.
 *
 * An index is a hint, never the truth: whoever uses a position checks the batch that is there.
 * Thread: one at a time. */
#ifndef LOG_EMBEDDED_SEGIDX_H
#define LOG_EMBEDDED_SEGIDX_H

#include "base/env.h"

struct segidx_offset {
    int32_t rel, pos;
};
struct segidx_time {
    int64_t ts;
    int32_t rel;
};
struct segidx {
    struct segidx_offset *offset;
    struct segidx_time *time;
    size_t offset_cnt, offset_cap, time_cnt, time_cap;
    int64_t since;               /* bytes since the last entry */
    size_t offset_put, time_put; /* entries that segidx_put() has written */
};

void segidx_fini(struct segidx *idx);
size_t segidx_bytes(const struct segidx *idx); /* of the larger of the two files */
/* An entry, unless it does not rise. */
void segidx_add(struct segidx *idx, int32_t rel, int32_t pos);
void segidx_add_time(struct segidx *idx, int64_t ts, int32_t rel);
/* Forgets entries of batches at or behind `pos`. */
void segidx_cut(struct segidx *idx, int64_t pos, int32_t rel);
/* The last entry with an offset <= rel; {-1, 0} when there is none. */
struct segidx_offset segidx_find(const struct segidx *idx, int32_t rel);
/* The offset after the last entry with a time < ts; 0 when there is none. */
int32_t segidx_find_time(const struct segidx *idx, int64_t ts);

/* The same questions to the files of `stem`, by binary search. ERR_CORRUPT for a file of an
 * impossible size, ERR_NOT_FOUND. */
int segidx_file_find(struct env *env, const char *stem, int32_t rel,
                     struct segidx_offset *out) MUST_USE;
int segidx_file_find_time(struct env *env, const char *stem, int64_t ts, int32_t *rel) MUST_USE;
/* The last time entry; ts = -1 for an empty file. */
int segidx_file_last(struct env *env, const char *stem, struct segidx_time *out) MUST_USE;
/* Both files, whole: ERR_CORRUPT when entries do not rise or lie behind `size`. */
int segidx_load(struct env *env, const char *stem, int64_t size, struct segidx *out) MUST_USE;
/* Appends what is new to both files, not synced: a hint for the next recovery. */
int segidx_put(struct env *env, const char *stem, struct segidx *idx) MUST_USE;
/* Writes both, each atomically and durably. */
int segidx_save(struct env *env, const char *stem, const struct segidx *idx) MUST_USE;

#endif
