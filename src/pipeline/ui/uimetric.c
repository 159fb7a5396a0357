/* uimetric.c - the pages' numbers for Prometheus: each node, check, alert and topic, by name.
 *
 * They are written from what the last second's sample knows, so that a scrape costs nothing on any
 * way of the data. One family after the other, as the text format asks; a number that is not known
 * has no line. */
#include "base/err.h"
#include "base/metric.h"
#include "pipeline/ui/uiapi_int.h"

#include <math.h>
#include <stdio.h>

#define LABELS_MAX (16 * KIB)
#define PART_MAX   2000 /* partitions, and positions of groups, that have lines */

/* One sample, if its value is known. */
static void put(struct buf *out, const char *name, struct buf *labels, double value) {
    if (!isnan(value)) buf_printf(out, "%s{%s} %.15g\n", name, metric_labels(labels), value);
}

static void node_labels(const struct uinode *node, struct buf *labels) {
    buf_reset(labels);
    metric_label(labels, "pipeline", node->def->name);
    metric_label(labels, "node", node->id);
}

static double age_s(const struct uinode *node, int64_t now_ms) {
    int64_t newest_ms = node->num.newest_ms;
    return newest_ms ? (double)MAX(now_ms - newest_ms, 0) / 1e3 : NAN;
}

static void put_rows(const struct uiapi *api, struct buf *out, struct buf *labels) {
    const char *name = "sluice_node_rows_total";
    metric_head(out, name, "Rows that went through a node since the start.", "counter");
    for (size_t i = 0; i < api->node_cnt; i++) {
        const struct uinode *node = api->node[i];
        node_labels(node, labels);
        metric_label(labels, "direction", node->kind == UI_TRANSFORM ? STR("in") : STR("out"));
        put(out, name, labels, (double)node->num.rows);
        if (node->kind != UI_TRANSFORM) continue;
        struct query_stats stats;
        query_stats(node->query, &stats);
        node_labels(node, labels);
        metric_label(labels, "direction", STR("out"));
        put(out, name, labels, (double)stats.stream.rows_out);
    }
}

enum gauge { LAG, AGE, BUSY, DELAY };

static double gauge_of(const struct uinode *node, enum gauge gauge, int64_t now_ms) {
    const struct uinum *num = &node->num;
    switch (gauge) {
    case LAG: return num->lag < 0 ? NAN : (double)num->lag;
    case AGE: return age_s(node, now_ms);
    case BUSY: return fmin(num->busy, 1);
    case DELAY: return num->p99_ms / 1e3;
    }
    NEVER();
}

static void put_gauges(const struct uiapi *api, struct buf *out, struct buf *labels) {
    static const struct {
        const char *name, *help;
    } all[] = {
        {"sluice_node_lag_rows", "Rows that wait in front of a node."},
        {"sluice_node_age_seconds", "Age of the newest row of a node."},
        {"sluice_node_busy_ratio", "Share of the last 5 s in which a node was at work."},
        {"sluice_node_delay_p99_seconds", "99 % of the last minute's rows took less than this."},
    };
    int64_t now_ms = env_now_ms(pipe_conf(api->conf.pipe)->env);
    for (size_t g = 0; g < ARRAY_LEN(all); g++) {
        metric_head(out, all[g].name, all[g].help, "gauge");
        for (size_t i = 0; i < api->node_cnt; i++) {
            node_labels(api->node[i], labels);
            put(out, all[g].name, labels, gauge_of(api->node[i], (enum gauge)g, now_ms));
        }
    }
}

/* Of an edge, under the name of the node that has to wait. */
static void put_backpressure(const struct uiapi *api, struct buf *out, struct buf *labels) {
    const char *name = "sluice_node_backpressure_ratio";
    metric_head(out, name, "Share of the last 5 s in which a node waited for the next.", "gauge");
    for (size_t i = 0; i < api->edge_cnt; i++) {
        const struct uinode *to = api->node[api->edge[i].to];
        if (to->kind != UI_TRANSFORM) continue;
        node_labels(api->node[api->edge[i].from], labels);
        metric_label(labels, "to", to->id);
        put(out, name, labels, uisnap_backpressure(to));
    }
}

static void put_checks(const struct uiapi *api, struct buf *out, struct buf *labels) {
    const char *name = "sluice_quality_rows_total";
    metric_head(out, name, "Rows that passed or failed a check since the start.", "counter");
    for (size_t n = 0; n < api->node_cnt; n++) {
        const struct uinode *node = api->node[n];
        struct query_stats stats;
        if (node->kind != UI_TRANSFORM) continue;
        query_stats(node->query, &stats);
        int64_t seen = stats.stream.rows_out + stats.stream.quarantined;
        for (size_t i = 0; i < node->transform->expect_cnt; i++) {
            int64_t failed = query_failed(node->query, i);
            for (int bad = 0; bad < 2; bad++) {
                node_labels(node, labels);
                metric_label(labels, "table", node->transform->name);
                metric_label(labels, "check", node->transform->expect[i].name);
                metric_label(labels, "result", bad ? STR("failed") : STR("passed"));
                put(out, name, labels, (double)(bad ? failed : MAX(seen - failed, 0)));
            }
        }
    }
}

static void put_alerts(const struct uiapi *api, struct buf *out, struct buf *labels) {
    static const char *const names[] = {"sluice_alert_firing", "sluice_alert_value"};
    static const char *const helps[] = {"1 while an alert fires, 0.5 while it is pending.",
                                        "What an alert's rule compares; times in seconds."};
    struct arena arena = ARENA_INIT;
    struct observe_alert *alert;
    size_t cnt = 0;
    if (observe_alerts(pipe_observe(api->conf.pipe), &arena, &alert, &cnt)) cnt = 0;
    for (int family = 0; family < 2; family++) {
        metric_head(out, names[family], helps[family], "gauge");
        for (size_t i = 0; i < cnt; i++) {
            double value = alert[i].has_value ? alert[i].value : NAN;
            if (!family) value = (double)alert[i].state / OBSERVE_FIRING;
            buf_reset(labels);
            metric_label(labels, "pipeline", alert[i].pipeline);
            metric_label(labels, "alert", alert[i].name);
            put(out, names[family], labels, value);
        }
    }
    arena_fini(&arena);
}

struct spot { /* a partition */
    struct str topic;
    int32_t part;
    struct log_span span;
};

/* The ends may be a second old, so that nobody is asked for each of them. */
static size_t take_spots(const struct uiapi *api, struct arena *arena, struct spot **out) {
    struct log *log = pipe_log(api->conf.pipe);
    struct log_topic *topic;
    size_t topic_cnt = 0, cnt = 0;
    *out = arena_array(arena, struct spot, PART_MAX);
    if (log_topic_list(log, arena, &topic, &topic_cnt)) return 0;
    for (size_t i = 0; i < topic_cnt; i++) {
        for (int32_t part = 0; part < topic[i].part_cnt && cnt < PART_MAX; part++) {
            struct spot *spot = &(*out)[cnt];
            *spot = (struct spot){.topic = topic[i].name, .part = part};
            cnt += !log_span_near(log, spot->topic, part, &spot->span);
        }
    }
    return cnt;
}

static void part_labels(struct str topic, int32_t part, struct buf *labels) {
    char text[16];
    snprintf(text, sizeof text, "%d", part);
    metric_label(labels, "topic", topic);
    metric_label(labels, "partition", str_of(text));
}

static void put_topics(const struct uiapi *api, struct buf *out, struct buf *labels) {
    static const char *const names[] = {"sluice_topic_end_offset", "sluice_topic_start_offset",
                                        "sluice_topic_bytes"};
    static const char *const helps[] = {"The next offset of a partition.",
                                        "The oldest offset of a partition.",
                                        "Bytes that a partition keeps."};
    struct arena arena = ARENA_INIT;
    struct spot *spot;
    size_t cnt = take_spots(api, &arena, &spot);
    for (int family = 0; family < 3; family++) {
        metric_head(out, names[family], helps[family], "gauge");
        for (size_t i = 0; i < cnt; i++) {
            const struct log_span *span = &spot[i].span;
            const int64_t value[] = {span->end, span->start, span->bytes};
            buf_reset(labels);
            part_labels(spot[i].topic, spot[i].part, labels);
            put(out, names[family], labels, value[family] < 0 ? NAN : (double)value[family]);
        }
    }
    arena_fini(&arena);
}

/* Of every group that has committed somewhere. */
static void put_groups(const struct uiapi *api, struct buf *out, struct buf *labels) {
    const char *name = "sluice_group_lag";
    struct arena arena = ARENA_INIT;
    struct log_group *group;
    size_t cnt = 0, lines = 0;
    if (log_group_list(pipe_log(api->conf.pipe), &arena, &group, &cnt)) cnt = 0;
    metric_head(out, name, "Records that a consumer group has not committed yet.", "gauge");
    for (size_t i = 0; i < cnt; i++) {
        for (size_t k = 0; k < group[i].offset_cnt && lines < PART_MAX; k++) {
            const struct log_committed *at = &group[i].offset[k];
            if (at->committed < 0 || at->end < 0) continue;
            buf_reset(labels);
            metric_label(labels, "group", group[i].id);
            part_labels(at->topic, at->part, labels);
            put(out, name, labels, (double)at->lag);
            lines++;
        }
    }
    arena_fini(&arena);
}

static void put_process(const struct uiapi *api, struct buf *out) {
    metric_head(out, "sluice_build_info", "1, with the version.", "gauge");
    buf_putz(out, "sluice_build_info{version=\"" SLUICE_VERSION "\"} 1\n");
    metric_head(out, "process_start_time_seconds", "When the process began, since 1970.", "gauge");
    buf_printf(out, "process_start_time_seconds %.3f\n",
               (double)pipe_started_us(api->conf.pipe) / 1e6);
    metric_head(out, "process_resident_memory_bytes", "Memory in use.", "gauge");
    buf_printf(out, "process_resident_memory_bytes %" PRId64 "\n", uisnap_resident_bytes());
}

void uimetric_write(const struct uiapi *api, struct buf *out) {
    struct buf labels;
    buf_init(&labels, LABELS_MAX);
    put_rows(api, out, &labels);
    put_gauges(api, out, &labels);
    put_backpressure(api, out, &labels);
    put_checks(api, out, &labels);
    put_alerts(api, out, &labels);
    put_topics(api, out, &labels);
    put_groups(api, out, &labels);
    put_process(api, out);
    buf_fini(&labels);
}
