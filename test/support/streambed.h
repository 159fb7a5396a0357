/* streambed.h - a stream between a log in memory and a sink that keeps what was committed, and
 * fails where it is told to. */
#ifndef STREAMBED_H
#define STREAMBED_H

#include "stream/stream.h"

#define STREAMBED_TOPIC   STR("users_created")
#define STREAMBED_PARTS   2
#define STREAMBED_ROW_MAX 4096

struct streambed_row {
    char json[1024]; /* "name=value name=value" */
    int64_t ts_us;
};
struct streambed_kept {
    char record[512], check[32], reason[512];
    int64_t offset;
    int32_t part;
};
struct streambed_sink {
    struct streambed_row row[STREAMBED_ROW_MAX];
    struct streambed_kept kept[STREAMBED_ROW_MAX];
    size_t row_cnt, kept_cnt;  /* committed */
    size_t new_rows, new_kept; /* of the open transaction, after those */
    char state[256], new_state[256];
    size_t calls, fail_at;     /* the call, from 1, that fails; 0: none */
    bool commit_then_fail;     /* a failing commit has committed: its answer got lost */
    const char *reject;        /* rows whose text has this are rejected */
    bool open;
};
struct streambed {
    struct log *log;
    struct streambed_sink *sink;
    struct stream *stream;
    struct stream_conf conf;
    struct arena arena;
};

/* `source` is the DDL of the topic's type. Nothing is opened yet. */
void streambed_init(struct streambed *bed, const char *source, const char *sql,
                    const struct stream_expect *expect, size_t expect_cnt);
void streambed_fini(struct streambed *bed);
void streambed_open(struct streambed *bed); /* the stream; must succeed */
void streambed_produce(struct streambed *bed, int32_t part, const char *const *value,
                       size_t cnt, int64_t ts_ms);
void streambed_record(struct streambed *bed, int32_t part, const struct record *record);
void streambed_put(struct streambed *bed, int32_t part, const char *value, int64_t ts_ms);
/* Steps until nothing is left; errors are retried, at most `errors` of them. Returns the records
 * taken. */
size_t streambed_drain(struct streambed *bed, size_t errors);

#endif
