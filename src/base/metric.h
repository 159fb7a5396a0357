/* metric.h - counters, gauges and histograms that every tier can touch for a few nanoseconds.
 *
 * A metric is made once by name and labels (the same pair gives the same metric) and lives as long
 * as the process. Names follow Prometheus: one prefix "sluice_", base units, "_total" for counters.
 * Labels are written as in the text format, values escaped by the caller: `topic="a"`; "" for none.
 * Thread: any. Limits: METRIC_MAX metrics; past it the last is shared with one warning. */
#ifndef BASE_METRIC_H
#define BASE_METRIC_H

#include "base/buf.h"

#define METRIC_MAX        4096
#define METRIC_BUCKET_CNT 40 /* histogram: 2 a factor of two, from 64 us up to a minute */

struct metric;

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
/* Value of the metric by name and labels; false when nobody made it. */
bool metric_find(const char *name, const char *labels, int64_t *value);
void metric_render(struct buf *out); /* all, in Prometheus's text format 0.0.4 */

#endif
