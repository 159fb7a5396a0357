/* metric.h - counters, gauges and histograms that every tier can touch for a few nanoseconds.
 *
 * A metric is made once by name and labels (the same pair gives the same metric) and lives as long
 * as the process. Names follow Prometheus: one prefix "sluice_", base units, "_total" for counters.
 * Labels are written as in the text format, by metric_label(): `topic="a"`; "" for none.
 * Thread: any. Limits: METRIC_MAX metrics; past it the last is shared with one warning. */
#ifndef BASE_METRIC_H
#define BASE_METRIC_H

#include "base/buf.h"

#define METRIC_MAX 4096
/* A histogram's own buckets: 8 of 8 us, then 8 a factor of two up to a day, so that a quantile is
 * within 7 %. The text format shows 2 a factor of two, from 64 us to 33 s. */
#define METRIC_BUCKET_CNT 256
#define METRIC_RECENT_S   60 /* metric_recent() is over so many seconds, to METRIC_TICK_S */
#define METRIC_TICK_S     5

struct metric;

/* Adds name="value" to a list of labels, the value escaped; metric_labels() is the list. */
void metric_label(struct buf *labels, const char *name, struct str value);
const char *metric_labels(struct buf *labels); /* borrowed until the next metric_label() */

struct metric *metric_counter(const char *name, const char *help, const char *labels);
struct metric *metric_gauge(const char *name, const char *help, const char *labels);
/* Of durations: observed in microseconds, shown in seconds. */
struct metric *metric_histogram(const char *name, const char *help, const char *labels);

void metric_add(struct metric *metric, int64_t by);
void metric_set(struct metric *metric, int64_t value);
void metric_observe(struct metric *metric, int64_t us);
int64_t metric_value(const struct metric *metric); /* histogram: its count */
/* The value below which `share` (0..1) of the observations fall, in us; 0 without any. */
int64_t metric_quantile(const struct metric *metric, double share);
/* The same of the last METRIC_RECENT_S seconds; -1: nothing was observed in them. The histogram's
 * past is kept from its first metric_keep() on, by a metric_tick() each second. */
int64_t metric_recent(const struct metric *metric, double share);
void metric_keep(struct metric *metric);
void metric_tick(void);
/* Value of the metric by name and labels; false when nobody made it. */
bool metric_find(const char *name, const char *labels, int64_t *value);
void metric_render(struct buf *out); /* all, in Prometheus's text format 0.0.4 */
/* The two lines before the samples of a metric that its owner writes out by itself. */
void metric_head(struct buf *out, const char *name, const char *help, const char *type);

#endif
