/* feed.h - the records of a topic, a micro-batch at a time, from all its partitions.
 *
 * A batch is taken, evaluated, committed; then feed_commit() makes its end the new start, or
 * feed_rewind() goes back to the last one. Every record, whatever becomes of it, gets a write
 * timestamp:
 *
 *     ts_us = max(record time in ms * 1000 + offset mod 1000, ts_us of the one before + 1)
 *
 * which rises strictly within a partition and, since the last one is kept with the offsets, comes
 * out the same when a batch is read again.
 *
 * Memory: the bytes of a batch's records live until the next feed_take(). Thread: one. */
#ifndef STREAM_FEED_H
#define STREAM_FEED_H

#include "log/log.h"
#include "model/batch.h"
#include "wire/kafka/recbatch.h"

#define FEED_TOPIC_MAX LOG_TOPIC_MAX

struct feed_part {
    struct arena arena; /* bytes read and not yet taken */
    struct recbatch_iter it;
    bool open;          /* `it` may have more */
    int64_t next;       /* the offset after the last one taken */
    int64_t last_ts_us;
    int64_t done;       /* the same two, as of the last commit */
    int64_t done_ts_us;
    int64_t end;        /* the partition's end, when last looked at */
};
struct feed {
    struct log *log;
    struct str topic;
    struct feed_part *part;
    int32_t part_cnt;
    struct uuid id;  /* of the topic that is read */
    bool id_known;   /* false: by a state that did not say */
    int32_t turn; /* the partition that begins the next batch */
    size_t read_max; /* bytes held of all partitions together, about */
};
struct feed_batch {
    struct record *record;
    int32_t *part;
    int64_t *ts_us;
    uint32_t cnt;
};

/* `state` is what feed_state() wrote, ptr NULL: start at the beginning, as with the state of
 * another topic, though it may have had this name. ERR_CORRUPT, ERR_NOT_FOUND: no such topic.
 * `topic` is borrowed. */
int feed_open(struct feed *feed, struct log *log, struct str topic, struct str state,
              size_t read_max) MUST_USE;
void feed_close(struct feed *feed);
/* Up to `most` records, waiting up to timeout_us for the first; none is not an error. */
int feed_take(struct feed *feed, uint32_t most, int64_t timeout_us, struct arena *arena,
              struct feed_batch *out) MUST_USE;
/* Where the batches taken so far end, as text. */
struct str feed_state(const struct feed *feed, struct arena *arena);
void feed_commit(struct feed *feed);
void feed_rewind(struct feed *feed);
int64_t feed_lag(const struct feed *feed); /* records not taken, by the ends last seen */

#endif
