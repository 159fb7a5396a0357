/* metric.c - one table of metrics; making one takes the lock, using one does not. */
#include "base/metric.h"

#include "base/diag.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum kind { KIND_COUNTER, KIND_GAUGE, KIND_HISTOGRAM };

struct metric {
    enum kind kind;
    char *name, *help, *labels;
    atomic_int_fast64_t value; /* histogram: the sum in us */
    atomic_int_fast64_t *bucket;
    atomic_int_fast64_t cnt;
};

static struct metric *table[METRIC_MAX];
static atomic_size_t table_cnt;
static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;

/* Upper bound of bucket i in us: 64, 96, 128, 192, 256, ... */
static int64_t bound_us(size_t i) {
    int64_t base = (int64_t)64 << (i / 2);
    return i % 2 ? base + base / 2 : base;
}

static struct metric *find(const char *name, const char *labels) {
    size_t cnt = atomic_load(&table_cnt);
    for (size_t i = 0; i < cnt; i++)
        if (!strcmp(table[i]->name, name) && !strcmp(table[i]->labels, labels)) return table[i];
    return NULL;
}

static struct metric *make(enum kind kind, const char *name, const char *help,
                           const char *labels) {
    pthread_mutex_lock(&table_lock);
    struct metric *metric = find(name, labels);
    size_t cnt = atomic_load(&table_cnt);
    if (!metric && cnt == METRIC_MAX) {
        diag_warn("observe", "more than %d metrics: '%s{%s}' is not counted apart", METRIC_MAX,
                  name, labels);
        metric = table[cnt - 1];
    }
    if (!metric) {
        metric = base_calloc(1, sizeof *metric);
        metric->kind = kind;
        metric->name = base_strdup(name);
        metric->help = base_strdup(help);
        metric->labels = base_strdup(labels);
        if (kind == KIND_HISTOGRAM)
            metric->bucket = base_calloc(METRIC_BUCKET_CNT, sizeof *metric->bucket);
        table[cnt] = metric;
        atomic_store(&table_cnt, cnt + 1);
    }
    pthread_mutex_unlock(&table_lock);
    return metric;
}

struct metric *metric_counter(const char *name, const char *help, const char *labels) {
    return make(KIND_COUNTER, name, help, labels);
}

struct metric *metric_gauge(const char *name, const char *help, const char *labels) {
    return make(KIND_GAUGE, name, help, labels);
}

struct metric *metric_histogram(const char *name, const char *help, const char *labels) {
    return make(KIND_HISTOGRAM, name, help, labels);
}

void metric_add(struct metric *metric, int64_t by) {
    atomic_fetch_add_explicit(&metric->value, by, memory_order_relaxed);
}

void metric_set(struct metric *metric, int64_t value) {
    atomic_store_explicit(&metric->value, value, memory_order_relaxed);
}

void metric_observe(struct metric *metric, int64_t us) {
    size_t i = 0;
    while (i + 1 < METRIC_BUCKET_CNT && us > bound_us(i)) i++;
    if (metric->bucket) atomic_fetch_add_explicit(&metric->bucket[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&metric->value, us, memory_order_relaxed);
    atomic_fetch_add_explicit(&metric->cnt, 1, memory_order_relaxed);
}

int64_t metric_value(const struct metric *metric) {
    return metric->kind == KIND_HISTOGRAM ? atomic_load(&metric->cnt) : atomic_load(&metric->value);
}

int64_t metric_quantile(const struct metric *metric, double share) {
    assert(metric->kind == KIND_HISTOGRAM);
    int64_t seen = 0, all = atomic_load(&metric->cnt);
    if (!all) return 0;
    for (size_t i = 0; i < METRIC_BUCKET_CNT; i++) {
        seen += atomic_load(&metric->bucket[i]);
        if ((double)seen >= share * (double)all) return bound_us(i);
    }
    return bound_us(METRIC_BUCKET_CNT - 1);
}

bool metric_find(const char *name, const char *labels, int64_t *value) {
    const struct metric *metric = find(name, labels);
    if (metric) *value = metric_value(metric);
    return metric != NULL;
}

static void render_histogram(const struct metric *metric, struct buf *out) {
    const char *comma = *metric->labels ? "," : "";
    int64_t seen = 0;
    for (size_t i = 0; i < METRIC_BUCKET_CNT; i++) {
        seen += atomic_load(&metric->bucket[i]);
        if (i + 1 < METRIC_BUCKET_CNT)
            buf_printf(out, "%s_bucket{%s%sle=\"%g\"} %" PRId64 "\n", metric->name, metric->labels,
                       comma, (double)bound_us(i) / 1e6, seen);
    }
    buf_printf(out, "%s_bucket{%s%sle=\"+Inf\"} %" PRId64 "\n", metric->name, metric->labels, comma,
               seen);
    const char *open = *metric->labels ? "{" : "", *close = *metric->labels ? "}" : "";
    buf_printf(out, "%s_sum%s%s%s %.6f\n", metric->name, open, metric->labels, close,
               (double)atomic_load(&metric->value) / 1e6);
    buf_printf(out, "%s_count%s%s%s %" PRId64 "\n", metric->name, open, metric->labels, close,
               seen);
}

static int by_name(const void *a, const void *b) {
    const struct metric *x = *(struct metric *const *)a, *y = *(struct metric *const *)b;
    int cmp = strcmp(x->name, y->name);
    return cmp ? cmp : strcmp(x->labels, y->labels);
}

void metric_render(struct buf *out) {
    static const char *const types[] = {"counter", "gauge", "histogram"};
    size_t cnt = atomic_load(&table_cnt);
    struct metric **sorted = base_alloc(cnt * sizeof *sorted);
    memcpy(sorted, table, cnt * sizeof *sorted);
    qsort(sorted, cnt, sizeof *sorted, by_name);
    for (size_t i = 0; i < cnt; i++) {
        const struct metric *metric = sorted[i];
        if (i == 0 || strcmp(sorted[i - 1]->name, metric->name))
            buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help,
                       metric->name, types[metric->kind]);
        if (metric->kind == KIND_HISTOGRAM) render_histogram(metric, out);
        else if (*metric->labels)
            buf_printf(out, "%s{%s} %" PRId64 "\n", metric->name, metric->labels,
                       atomic_load(&metric->value));
        else buf_printf(out, "%s %" PRId64 "\n", metric->name, atomic_load(&metric->value));
    }
    base_free(sorted);
}
