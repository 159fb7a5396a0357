/* stream.h - a streaming SQL query: topic in, rows out, nothing lost and nothing doubled.
 *
 * stream_check() parses and types a query; stream_open() plans it; stream_step() does one
 * micro-batch: reads records, evaluates, hands rows to the sink, and commits rows, state and
 * offsets in the sink's one atomic commit. A record that fails an expectation or cannot be decoded
 * goes to the quarantine with its original bytes and the reason.
 *
 * Thread:  a stream belongs to one thread; stream_stats() may be called from any.
 * Source:  Spark 4 SQL, ANSI mode; doc/architecture.md lists the extensions. */
#ifndef STREAM_STREAM_H
#define STREAM_STREAM_H

#include "model/batch.h"
#include "model/record.h"

struct log;
struct stream;

/* A mistake in a query: where in its text, why, what to do. */
struct stream_error {
    uint32_t line, col; /* from 1, in the SQL text */
    uint32_t len;       /* of the piece that is wrong */
    struct str text;    /* the cause */
    struct str hint;    /* the remedy or the nearest names; "" without */
};
struct stream_errors {
    struct stream_error *error;
    size_t cnt;
};
enum stream_else { STREAM_QUARANTINE, STREAM_WARN, STREAM_DROP, STREAM_STOP };
struct stream_expect {
    struct str name, that; /* that: a boolean expression over the output columns */
    enum stream_else otherwise;
};
struct stream_query {
    struct str sql;
    const struct stream_expect *expect;
    size_t expect_cnt;
};

/* Parses; with `source` (the schema of the topic, a STRUCT) also resolves and types. *out_type is
 * the row type (NULL when it could not be told), *topic the name after FROM STREAM. All mistakes
 * are reported. 0: none. ERR_SYNTAX, ERR_TYPE: errors->cnt > 0. A mistake in expect[i] has
 * error.line 0 and its text starts with the expectation's name. */
int stream_check(const struct stream_query *query, const struct type *source, struct arena *arena,
                 const struct type **out_type, struct str *topic,
                 struct stream_errors *errors) MUST_USE;

/* Where results go. One commit is atomic: begin, any of rows/state, commit. All return 0 or a
 * negative error, upon which the stream aborts the batch and stream_step() returns it; abort() is
 * also called after a commit() that failed. The next step goes on from the last good commit. */
typedef int stream_reject_fn(void *arg, uint32_t row, struct str reason);
struct stream_sink {
    void *self;
    int (*begin)(void *self);
    /* `rows` are the selected rows of the batch; ts_us the write timestamp of row i (by batch
     * position), made from the record so that a replay writes the same. A row that the sink cannot
     * hold (no key, a text that is no UUID) it gives to `reject` by batch position, with the
     * reason: the stream quarantines its record. What reject returns other than 0 is returned. */
    int (*rows)(void *self, const struct batch *rows, const int64_t *ts_us,
                stream_reject_fn *reject, void *arg);
    int (*put_state)(void *self, struct str name, struct str value);
    int (*commit)(void *self);
    void (*abort)(void *self);
    int (*get_state)(void *self, struct str name, struct arena *arena, struct str *out);
    /* Quarantine of one source record, called before commit; must itself skip repeats. */
    int (*quarantine)(void *self, const struct record *record, int32_t part, struct str check,
                      struct str reason);
};
struct stream_conf {
    struct env *env;
    struct str name; /* of the table made; state names start with it */
    struct stream_query query;
    const struct type *source; /* schema of the topic's values */
    struct log *log;           /* borrowed */
    struct stream_sink sink;
    uint32_t batch_rows;  /* 0: BATCH_ROW_MAX */
    size_t batch_bytes;   /* 0: 4 MiB */
};
int stream_open(struct stream **out, const struct stream_conf *conf) MUST_USE;
void stream_close(struct stream *stream);
/* One micro-batch, waiting up to timeout_us for records. *did = records taken. */
int stream_step(struct stream *stream, int64_t timeout_us, size_t *did) MUST_USE;
const struct type *stream_type(const struct stream *stream); /* of the rows */

struct stream_stats {
    int64_t records_in, rows_out, rows_filtered, quarantined, batches;
    int64_t lag;          /* records not read yet */
    int64_t newest_ts_ms; /* time of the newest record processed */
    int64_t busy_us;      /* time spent working */
    int64_t latency_p50_us, latency_p99_us; /* record time to commit, since start */
    int64_t recent_p50_us, recent_p99_us;   /* the same of the last minute; -1: nothing came */
};
void stream_stats(const struct stream *stream, struct stream_stats *out);
/* Per expectation: rows that failed it since start. */
int64_t stream_failed(const struct stream *stream, size_t expect_idx);

#endif
