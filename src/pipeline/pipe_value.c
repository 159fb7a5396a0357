/* pipe_value.c - what "subject.metric" of an alert is worth just now. */
#include "pipeline/pipe.h"

#include "base/err.h"

/* Seconds since `newest_ms`; before anything came, since the start: silence from the beginning is
 * as old as the process. */
static double age_s(const struct pipe *pipe, int64_t newest_ms) {
    int64_t from_us = newest_ms ? newest_ms * 1000 : pipe_started_us(pipe);
    return (double)MAX(env_now_us(pipe_conf(pipe)->env) - from_us, 0) / 1e6;
}

/* Of the last minute; when nothing came in it, nothing was slow. */
static double delay_s(int64_t recent_us) {
    return (double)MAX(recent_us, 0) / 1e6;
}

/* Rows that failed a check, whatever became of them, since the start. */
static int64_t failed_rows(struct query *query) {
    int64_t sum = 0;
    for (size_t i = 0; i < query_def(query)->expect_cnt; i++) sum += query_failed(query, i);
    return sum;
}

static bool table_value(const struct pipe *pipe, struct query *query, struct str metric,
                        double *out) {
    struct query_stats stats;
    query_stats(query, &stats);
    const struct stream_stats *stream = &stats.stream;
    int64_t seen = stream->rows_out + stream->quarantined;
    if (str_eqz(metric, "age")) *out = age_s(pipe, stream->newest_ts_ms);
    else if (str_eqz(metric, "lag")) *out = (double)stream->lag;
    else if (str_eqz(metric, "rows")) *out = (double)stream->rows_out;
    else if (str_eqz(metric, "quarantined")) *out = (double)stream->quarantined;
    else if (str_eqz(metric, "failed")) *out = (double)failed_rows(query);
    else if (str_eqz(metric, "latency_p99")) *out = delay_s(stream->recent_p99_us);
    else if (str_eqz(metric, "quarantined_ratio") && seen)
        *out = (double)stream->quarantined / (double)seen;
    else return false;
    return true;
}

static bool topic_value(const struct pipe *pipe, const struct captor_stats *stats,
                        struct str metric, double *out) {
    if (str_eqz(metric, "age")) *out = age_s(pipe, stats->newest_ms);
    else if (str_eqz(metric, "rows")) *out = (double)stats->records;
    else if (str_eqz(metric, "latency_p99")) *out = delay_s(stats->recent_p99_us);
    else if (str_eqz(metric, "behind_bytes")) *out = (double)stats->behind_bytes;
    else if (str_eqz(metric, "gaps")) *out = *stats->warning != 0;
    else return false;
    return true;
}

/* The lag of a topic is that of the query furthest behind on it. */
static bool topic_lag(const struct pipe *pipe, struct str topic, double *out) {
    bool found = false;
    for (size_t i = 0; i < pipe_query_cnt(pipe); i++) {
        struct query_stats stats;
        struct query *query = pipe_query(pipe, i);
        if (!str_eq(query_def(query)->topic, topic)) continue;
        query_stats(query, &stats);
        *out = found ? MAX(*out, (double)stats.stream.lag) : (double)stats.stream.lag;
        found = true;
    }
    return found;
}

bool pipe_value(struct pipe *pipe, struct str subject, struct str metric, double *out) {
    struct captor_stats captured;
    for (size_t i = 0; i < pipe_query_cnt(pipe); i++) {
        const struct def_transform *def = query_def(pipe_query(pipe, i));
        if (str_eq(def->name, subject) || str_eq(def->table, subject))
            return table_value(pipe, pipe_query(pipe, i), metric, out);
    }
    if (str_eqz(metric, "lag")) return topic_lag(pipe, subject, out);
    return pipe_captured(pipe, subject, &captured) &&
           topic_value(pipe, &captured, metric, out);
}
