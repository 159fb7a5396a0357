/* metric.c - one table of metrics; making one takes the lock, using one does not.
 *
 * The past of a kept histogram is a ring of its buckets as they were, one every METRIC_TICK_S
 * seconds; what was observed lately is the difference between now and the oldest. The ring's
 * numbers are cut to 32 bits: differences stay right while fewer than 2^32 come in a minute. */
#include "base/metric.h"

#include "base/diag.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum kind { KIND_COUNTER, KIND_GAUGE, KIND_HISTOGRAM };

#define RING_LEN    (METRIC_RECENT_S / METRIC_TICK_S)
#define LINEAR_CNT  8  /* buckets below 64 us, each of 8 us */
#define SHOWN_CNT   40 /* buckets of the text format */
#define RANK_ERR    1e-9

struct past {
    uint32_t ring[RING_LEN][METRIC_BUCKET_CNT];
    size_t taken;
};
struct metric {
    enum kind kind;
    char *name, *help, *labels;
    atomic_int_fast64_t value; /* histogram: the sum in us */
    atomic_int_fast64_t *bucket;
    atomic_int_fast64_t cnt;
    _Atomic(struct past *) past; /* NULL: not kept; its contents under past_lock */
};

static struct metric *table[METRIC_MAX];
static atomic_size_t table_cnt;
static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t past_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned tick_cnt; /* under past_lock */

/* Upper bound of bucket i in us, itself in the bucket: 8, 16, ... 64, 72, 80, ... 128, 144, ... */
static int64_t bound_us(size_t i) {
    if (i < LINEAR_CNT) return 8 * ((int64_t)i + 1);
    size_t power = i / 8 - 1;
    return (int64_t)(8 + i % 8 + 1) << (power + 3);
}

/* The bucket of a value: the first whose bound is not below it. */
static size_t bucket_of(int64_t us) {
    uint64_t v = us > 0 ? (uint64_t)us - 1 : 0;
    if (v < 64) return (size_t)(v >> 3);
    unsigned power = 63 - (unsigned)__builtin_clzll(v); /* 6.. */
    size_t i = (size_t)(power - 5) * 8 + (size_t)(v >> (power - 3) & 7);
    return MIN(i, (size_t)METRIC_BUCKET_CNT - 1);
}

/* Upper bounds of the text format: 64, 96, 128, 192, 256, ...; each is the bound of a bucket. */
static int64_t shown_us(size_t i) {
    int64_t base = (int64_t)64 << (i / 2);
    return i % 2 ? base + base / 2 : base;
}

/* As the text format escapes: a label's value, or a help text. */
static void put_escaped(struct buf *out, struct str text, bool quotes) {
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '\n') buf_putz(out, "\\n");
        else if (c == '\\') buf_putz(out, "\\\\");
        else if (c == '"' && quotes) buf_putz(out, "\\\"");
        else buf_putc(out, c);
    }
}

void metric_label(struct buf *labels, const char *name, struct str value) {
    buf_printf(labels, "%s%s=\"", labels->len ? "," : "", name);
    put_escaped(labels, value, true);
    buf_putc(labels, '"');
}

const char *metric_labels(struct buf *labels) {
    char *end = buf_room(labels, 1);
    if (!end) return "";
    *end = 0;
    return labels->ptr;
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
    if (metric->bucket)
        atomic_fetch_add_explicit(&metric->bucket[bucket_of(us)], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&metric->value, us, memory_order_relaxed);
    atomic_fetch_add_explicit(&metric->cnt, 1, memory_order_relaxed);
}

int64_t metric_value(const struct metric *metric) {
    return metric->kind == KIND_HISTOGRAM ? atomic_load(&metric->cnt) : atomic_load(&metric->value);
}

/* Reads all buckets, each as it is now; returns their sum. */
static int64_t read_buckets(const struct metric *metric, int64_t bucket[METRIC_BUCKET_CNT]) {
    int64_t sum = 0;
    for (size_t i = 0; i < METRIC_BUCKET_CNT; i++) {
        bucket[i] = atomic_load_explicit(&metric->bucket[i], memory_order_relaxed);
        sum += bucket[i];
    }
    return sum;
}

/* The middle of the bucket that holds the observation of this rank. */
static int64_t quantile(const int64_t bucket[METRIC_BUCKET_CNT], int64_t all, double share) {
    int64_t seen = 0;
    for (size_t i = 0; i < METRIC_BUCKET_CNT; i++) {
        seen += bucket[i];
        if (seen && (double)seen >= share * (double)all - RANK_ERR)
            return (bound_us(i) + (i ? bound_us(i - 1) : 0)) / 2;
    }
    return bound_us(METRIC_BUCKET_CNT - 1);
}

int64_t metric_quantile(const struct metric *metric, double share) {
    int64_t bucket[METRIC_BUCKET_CNT];
    assert(metric->kind == KIND_HISTOGRAM && metric->bucket);
    int64_t all = read_buckets(metric, bucket);
    return all ? quantile(bucket, all, share) : 0;
}

/* ---- the last minute ---- */

int64_t metric_recent(const struct metric *metric, double share) {
    int64_t bucket[METRIC_BUCKET_CNT], all = 0;
    assert(metric->kind == KIND_HISTOGRAM && metric->bucket);
    const struct past *past = atomic_load(&metric->past);
    pthread_mutex_lock(&past_lock);
    read_buckets(metric, bucket);
    for (size_t i = 0; i < METRIC_BUCKET_CNT; i++) {
        if (past) bucket[i] = (uint32_t)bucket[i] - past->ring[past->taken % RING_LEN][i];
        all += bucket[i];
    }
    pthread_mutex_unlock(&past_lock);
    return all ? quantile(bucket, all, share) : -1;
}

/* Every place of a new ring holds the buckets as they are: what came before is not recent. */
void metric_keep(struct metric *metric) {
    assert(metric->kind == KIND_HISTOGRAM && metric->bucket);
    pthread_mutex_lock(&past_lock);
    if (!atomic_load(&metric->past)) {
        int64_t bucket[METRIC_BUCKET_CNT];
        struct past *past = base_calloc(1, sizeof *past);
        read_buckets(metric, bucket);
        for (size_t at = 0; at < RING_LEN; at++)
            for (size_t i = 0; i < METRIC_BUCKET_CNT; i++)
                past->ring[at][i] = (uint32_t)bucket[i];
        atomic_store(&metric->past, past);
    }
    pthread_mutex_unlock(&past_lock);
}

void metric_tick(void) {
    int64_t bucket[METRIC_BUCKET_CNT];
    pthread_mutex_lock(&past_lock);
    bool due = ++tick_cnt % METRIC_TICK_S == 0;
    size_t cnt = due ? atomic_load(&table_cnt) : 0;
    for (size_t m = 0; m < cnt; m++) {
        struct past *past = atomic_load(&table[m]->past);
        if (!past) continue;
        read_buckets(table[m], bucket);
        uint32_t *slot = past->ring[past->taken++ % RING_LEN];
        for (size_t i = 0; i < METRIC_BUCKET_CNT; i++) slot[i] = (uint32_t)bucket[i];
    }
    pthread_mutex_unlock(&past_lock);
}

bool metric_find(const char *name, const char *labels, int64_t *value) {
    const struct metric *metric = find(name, labels);
    if (metric) *value = metric_value(metric);
    return metric != NULL;
}

static void render_histogram(const struct metric *metric, struct buf *out) {
    const char *comma = *metric->labels ? "," : "";
    int64_t bucket[METRIC_BUCKET_CNT], all = read_buckets(metric, bucket), seen = 0;
    for (size_t i = 0, at = 0; i + 1 < SHOWN_CNT; i++) {
        while (at < METRIC_BUCKET_CNT && bound_us(at) <= shown_us(i)) seen += bucket[at++];
        buf_printf(out, "%s_bucket{%s%sle=\"%.9g\"} %" PRId64 "\n", metric->name, metric->labels,
                   comma, (double)shown_us(i) / 1e6, seen);
    }
    buf_printf(out, "%s_bucket{%s%sle=\"+Inf\"} %" PRId64 "\n", metric->name, metric->labels, comma,
               all);
    const char *open = *metric->labels ? "{" : "", *close = *metric->labels ? "}" : "";
    buf_printf(out, "%s_sum%s%s%s %.6f\n", metric->name, open, metric->labels, close,
               (double)atomic_load(&metric->value) / 1e6);
    buf_printf(out, "%s_count%s%s%s %" PRId64 "\n", metric->name, open, metric->labels, close,
               all);
}

static int by_name(const void *a, const void *b) {
    const struct metric *x = *(struct metric *const *)a, *y = *(struct metric *const *)b;
    int cmp = strcmp(x->name, y->name);
    return cmp ? cmp : strcmp(x->labels, y->labels);
}

void metric_head(struct buf *out, const char *name, const char *help, const char *type) {
    buf_printf(out, "# HELP %s ", name);
    put_escaped(out, str_of(help), false);
    buf_printf(out, "\n# TYPE %s %s\n", name, type);
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
            metric_head(out, metric->name, metric->help, types[metric->kind]);
        if (metric->kind == KIND_HISTOGRAM) render_histogram(metric, out);
        else if (*metric->labels)
            buf_printf(out, "%s{%s} %" PRId64 "\n", metric->name, metric->labels,
                       atomic_load(&metric->value));
        else buf_printf(out, "%s %" PRId64 "\n", metric->name, atomic_load(&metric->value));
    }
    base_free(sorted);
}
