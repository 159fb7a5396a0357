/* uisnap.c - every second a sample of every node: now, and the past up to a day. */
#include "pipeline/health.h"
#include "pipeline/ui/uiapi_int.h"

#include "base/err.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#define DAY_US   INT64_C(86400000000)
#define LAG_MAX         10000
#define RUNS_MAX        100 /* looked at each second */
#define DAY_RUNS_MAX    20000
#define COUNT_EVERY_US  INT64_C(2000000)
#define COUNT_LATEST_US INT64_C(60000000)

static const int64_t steps_s[UIAPI_STEP_CNT] = {1, 4, 96};

/* ---- taking ---- */

/* Microseconds of the last minute as milliseconds; -1, nothing came: unknown. */
static double recent_ms(int64_t us) {
    return us < 0 ? NAN : (double)us / 1e3;
}

static void look_landing(struct uiapi *api, struct uinode *node) {
    const struct fetcher *fetcher = pipe_fetcher(api->conf.pipe, node->fetch->name);
    if (!fetcher) return;
    struct uinum *num = &node->num;
    num->rows = node->kind == UI_SOURCE ? fetcher->rows_in
                                        : fetcher->rows_new + fetcher->rows_changed;
    num->newest_ms = fetcher->newest_ms;
    num->state = num->rows ? "ok" : "idle";
    if (node->kind != UI_SOURCE) return;
    struct arena arena = ARENA_INIT;
    bool replaced = !str_eq(fetcher_url(fetcher, &arena), node->fetch->url);
    arena_fini(&arena);
    if (*node->trouble) num->state = "error";
    if (*node->trouble) snprintf(num->note, sizeof num->note, "%s", node->trouble);
    else if (replaced) snprintf(num->note, sizeof num->note, "offline: built-in people");
    else if (node->def->schedule.len)
        snprintf(num->note, sizeof num->note, "%.*s", STR_ARG(node->def->schedule));
}

static void look_topic(struct uiapi *api, struct uinode *node) {
    struct captor_stats stats;
    if (!pipe_captured(api->conf.pipe, node->ref, &stats)) {
        node->num.state = "idle";
        return;
    }
    node->num.rows = stats.records;
    node->num.newest_ms = stats.newest_ms;
    node->num.lag = stats.waiting;
    node->num.p50_ms = recent_ms(stats.recent_p50_us);
    node->num.p99_ms = recent_ms(stats.recent_p99_us);
    node->busy_us = stats.busy_us;
    node->num.state = *stats.trouble   ? "error"
                      : *stats.warning ? "warn"
                      : stats.records  ? "ok"
                                       : "idle";
    snprintf(node->num.note, sizeof node->num.note, "%.60s",
             *stats.trouble ? stats.trouble : stats.warning);
}

static void look_query(struct uinode *node) {
    struct query_stats stats;
    struct uinum *num = &node->num;
    query_stats(node->query, &stats);
    const struct stream_stats *stream = &stats.stream;
    bool table = node->kind == UI_TABLE, quarantine = node->kind == UI_QUARANTINE;
    num->rows = table ? stream->rows_out : quarantine ? stream->quarantined : stream->records_in;
    num->bad = stream->quarantined;
    num->newest_ms = stream->newest_ts_ms;
    num->lag = node->kind == UI_TRANSFORM ? stream->lag : -1;
    num->p50_ms = recent_ms(stream->recent_p50_us);
    num->p99_ms = recent_ms(stream->recent_p99_us);
    node->busy_us = node->kind == UI_TRANSFORM ? stream->busy_us : 0;
    num->state = stats.state == QUERY_TROUBLE ? "error"
                 : stats.state == QUERY_WAITING ? "starting"
                 : num->rows ? "ok" : "idle";
    if (quarantine && stats.state == QUERY_RUNNING) num->state = num->rows ? "warn" : "ok";
    if (quarantine && num->rows) snprintf(num->note, sizeof num->note, "rows to look at");
    if (!quarantine) snprintf(num->note, sizeof num->note, "%.60s", stats.note);
}

/* Notes when a check's count of failures rises. */
static void look_checks(struct uinode *node, int64_t now_ms) {
    if (node->kind != UI_TRANSFORM) return;
    for (size_t i = 0; i < node->transform->expect_cnt; i++) {
        int64_t failed = query_failed(node->query, i);
        if (failed > node->failed[i]) node->failed_ms[i] = now_ms;
        node->failed[i] = failed;
    }
}

static double rate_of(int64_t *past, int64_t tick, int64_t now) {
    int64_t *slot = &past[tick % UIAPI_RATE_S], before = *slot;
    *slot = now;
    int64_t span = MIN(tick, (int64_t)UIAPI_RATE_S);
    return span ? (double)(now - before) / (double)span : 0;
}

static double age_ms(int64_t newest_ms, int64_t now_ms) {
    return newest_ms ? (double)MAX(now_ms - newest_ms, 0) : NAN;
}

/* Adds one second to each step's point; what is unknown leaves a point as it was. */
static void keep(struct uipast *past, int64_t tick, const double value[UIAPI_SERIES]) {
    for (int s = 0; s < UIAPI_STEP_CNT; s++) {
        float *point = past->step[s][tick / steps_s[s] % UIAPI_HISTORY];
        int64_t before = tick % steps_s[s];
        for (int i = 0; i < UIAPI_SERIES; i++) {
            if (!before || isnan(point[i])) point[i] = (float)value[i];
            else if (!isnan(value[i]))
                point[i] += (float)((value[i] - (double)point[i]) / (double)(before + 1));
        }
    }
}

static void look(struct uiapi *api, struct uinode *node, int64_t now_ms) {
    struct uinum *num = &node->num;
    num->lag = -1;
    num->p99_ms = NAN;
    *num->note = 0;
    if (node->query) look_query(node), look_checks(node, now_ms);
    else if (node->kind == UI_TOPIC) look_topic(api, node);
    else look_landing(api, node);
    num->rate = rate_of(node->past_rows, api->tick_cnt, num->rows);
    num->bad_rate = rate_of(node->past_bad, api->tick_cnt, num->bad);
    num->busy = rate_of(node->past_busy_us, api->tick_cnt, node->busy_us) / 1e6;
    double lag = num->lag < 0 ? NAN : (double)num->lag;
    keep(&node->past, api->tick_cnt, (const double[UIAPI_SERIES]){
        num->rate, num->bad_rate, lag, age_ms(num->newest_ms, now_ms), num->p99_ms});
}

/* The sums over first and last nodes. */
struct total {
    double in_rate, out_rate, bad_rate, p50_ms, p99_ms;
    int64_t in_rows, out_rows, bad, newest_ms;
};

static struct total total_of(const struct uiapi *api) {
    struct total total = {.p50_ms = NAN, .p99_ms = NAN};
    for (size_t i = 0; i < api->node_cnt; i++) {
        const struct uinum *num = &api->node[i]->num;
        if (api->node[i]->kind == UI_LANDING) {
            total.in_rate += num->rate;
            total.in_rows += num->rows;
        }
        if (api->node[i]->kind != UI_TABLE) continue;
        total.out_rate += num->rate;
        total.out_rows += num->rows;
        total.bad += num->bad;
        total.bad_rate += num->bad_rate;
        total.newest_ms = MAX(total.newest_ms, num->newest_ms);
        if (!num->rows) continue;
        total.p50_ms = fmax(total.p50_ms, num->p50_ms);
        total.p99_ms = fmax(total.p99_ms, num->p99_ms);
    }
    return total;
}

/* Counts the runs of the last day. */
static void count_runs(struct uiapi *api, int64_t now_us) {
    struct arena arena = ARENA_INIT;
    struct run *run;
    size_t cnt = 0;
    struct landing_page page = {DAY_RUNS_MAX, 0};
    if (landing_runs(pipe_landing(api->conf.pipe), STR_NULL, page, &arena, &run, &cnt)) cnt = 0;
    api->runs_ok = api->runs_failed = 0;
    for (size_t i = 0; i < cnt; i++) {
        if (run[i].start_us < now_us - DAY_US) continue;
        if (run[i].state == RUN_SUCCESS) api->runs_ok++;
        if (run[i].state == RUN_FAILED) api->runs_failed++;
    }
    api->runs_seen_us = now_us;
    arena_fini(&arena);
}

/* A source is in trouble when the last run of its pipeline that ended failed at its task: the
 * run's note is "TASK: why". */
static void look_at_sources(struct uiapi *api, const struct run *run, size_t cnt) {
    for (size_t n = 0; n < api->node_cnt; n++) {
        struct uinode *node = api->node[n];
        const struct run *last = NULL;
        if (node->kind != UI_SOURCE) continue;
        for (size_t i = 0; i < cnt && !last; i++)
            if (str_eq(run[i].dag, node->def->name) &&
                (run[i].state == RUN_SUCCESS || run[i].state == RUN_FAILED))
                last = &run[i];
        if (!last) continue; /* none that is new: as before */
        *node->trouble = 0;
        struct str why, task = str_cut(last->note, ':', &why);
        if (last->state != RUN_FAILED || !str_eq(task, node->fetch->name) || !why.ptr) continue;
        why = str_trim(why);
        size_t url = node->fetch->url.len; /* the node is named by it already */
        if (str_starts(why, node->fetch->url) && why.len > url + 2)
            why = (struct str){why.ptr + url + 2, why.len - url - 2};
        snprintf(node->trouble, sizeof node->trouble, "%.*s", (int)MIN(why.len, (size_t)60),
                 why.ptr);
    }
}

/* Looks at the newest runs; when one has changed, or a minute later, counts the day's. */
static void look_at_runs(struct uiapi *api) {
    struct arena arena = ARENA_INIT;
    struct run *run = NULL;
    size_t cnt = 0;
    int64_t seq = 0, now_us = env_now_us(pipe_conf(api->conf.pipe)->env);
    struct landing_page page = {RUNS_MAX, 0};
    if (landing_runs(pipe_landing(api->conf.pipe), STR_NULL, page, &arena, &run, &cnt)) cnt = 0;
    api->runs_live = 0;
    for (size_t i = 0; i < cnt; i++) {
        seq += run[i].start_us / 1000 + run[i].end_us / 1000 + (int)run[i].state;
        if (run[i].state == RUN_RUNNING || run[i].state == RUN_QUEUED) api->runs_live++;
    }
    look_at_sources(api, run, cnt);
    arena_fini(&arena);
    int64_t old_us = now_us - api->runs_seen_us;
    bool changed = seq != api->runs_counted && old_us >= COUNT_EVERY_US;
    api->runs_seq = seq;
    if (!changed && old_us < COUNT_LATEST_US && old_us >= 0) return;
    count_runs(api, now_us);
    api->runs_counted = seq;
}

void uisnap_take(struct uiapi *api) {
    int64_t now_ms = env_now_ms(pipe_conf(api->conf.pipe)->env);
    look_at_runs(api);
    for (size_t i = 0; i < api->node_cnt; i++) look(api, api->node[i], now_ms);
    struct total total = total_of(api);
    keep(&api->past, api->tick_cnt, (const double[UIAPI_SERIES]){
        total.in_rate, total.out_rate, total.bad_rate, total.p50_ms, total.p99_ms});
    api->tick_cnt++;
    api->tick_s = now_ms / 1000;
}

/* ---- writing ---- */

static void put_field(struct buf *out, const char *name, double value) {
    buf_printf(out, ",\"%s\":", name);
    uiapi_put_num(out, value);
}

static void put_total(const struct uiapi *api, struct buf *out, int64_t now_ms) {
    struct total total = total_of(api);
    buf_putz(out, ",\"total\":{\"in_rate\":");
    uiapi_put_num(out, total.in_rate);
    put_field(out, "out_rate", total.out_rate);
    put_field(out, "bad_rate", total.bad_rate);
    buf_printf(out, ",\"in_rows\":%" PRId64 ",\"out_rows\":%" PRId64 ",\"bad\":%" PRId64,
               total.in_rows, total.out_rows, total.bad);
    put_field(out, "p50_ms", total.p50_ms);
    put_field(out, "p99_ms", total.p99_ms);
    put_field(out, "age_ms", age_ms(total.newest_ms, now_ms));
    buf_putc(out, '}');
}

static void put_tiers(const struct uiapi *api, struct buf *out) {
    struct health_tier tier[HEALTH_TIER_CNT];
    health_look(api->conf.pipe, tier);
    buf_putz(out, ",\"tiers\":{\"orchestrate\":{\"state\":\"ok\",\"note\":\"\"}");
    for (int i = 0; i < HEALTH_TIER_CNT; i++) {
        buf_printf(out, ",\"%s\":{\"state\":\"%s\",", tier[i].id, health_state_name(tier[i].state));
        uiapi_put(out, "note", str_of(tier[i].note));
        buf_putc(out, '}');
    }
    buf_putc(out, '}');
}

/* A query with so many records in front of it makes the topic wait while it works. */
double uisnap_backpressure(const struct uinode *to) {
    bool waits = to->kind == UI_TRANSFORM && to->num.lag > LAG_MAX;
    return waits ? fmin(to->num.busy, 1) : 0;
}

static void put_nodes(const struct uiapi *api, struct buf *out, int64_t now_ms) {
    buf_putz(out, ",\"nodes\":{");
    for (size_t i = 0; i < api->node_cnt; i++) {
        const struct uinum *num = &api->node[i]->num;
        if (i) buf_putc(out, ',');
        buf_json(out, api->node[i]->id);
        buf_printf(out, ":{\"state\":\"%s\",\"rows\":%" PRId64 ",\"bad\":%" PRId64, num->state,
                   num->rows, num->bad);
        put_field(out, "rate", num->rate);
        put_field(out, "age_ms", age_ms(num->newest_ms, now_ms));
        put_field(out, "lag", num->lag < 0 ? NAN : (double)num->lag);
        put_field(out, "busy", fmin(num->busy, 1));
        put_field(out, "p99_ms", num->p99_ms);
        if (*num->note) {
            buf_putc(out, ',');
            uiapi_put(out, "note", str_of(num->note));
        }
        buf_putc(out, '}');
    }
    buf_putz(out, "},\"edges\":{");
    for (size_t i = 0; i < api->edge_cnt; i++) {
        const struct uinode *to = api->node[api->edge[i].to];
        if (i) buf_putc(out, ',');
        buf_json(out, api->edge[i].id);
        buf_printf(out, ":{\"rows\":%" PRId64, to->num.rows);
        put_field(out, "rate", to->num.rate);
        put_field(out, "bp", uisnap_backpressure(to));
        buf_putc(out, '}');
    }
    buf_putc(out, '}');
}

static void put_alerts(const struct uiapi *api, struct buf *out, int64_t *seq) {
    struct arena arena = ARENA_INIT;
    struct observe_alert *alert;
    size_t cnt = 0;
    if (observe_alerts(pipe_observe(api->conf.pipe), &arena, &alert, &cnt)) cnt = 0;
    buf_putz(out, ",\"alerts\":[");
    for (size_t i = 0; i < cnt; i++) {
        *seq += alert[i].since_us / 1000;
        struct str id = arena_printf(&arena, "%.*s.%.*s", STR_ARG(alert[i].pipeline),
                                     STR_ARG(alert[i].name));
        buf_putz(out, i ? ",{" : "{");
        uiapi_put(out, "id", id);
        buf_putc(out, ',');
        uiapi_put(out, "name", alert[i].name);
        buf_printf(out, ",\"state\":\"%s\"", observe_state_name(alert[i].state));
        double scale;
        uimore_unit(alert[i].rule, &scale);
        put_field(out, "value", alert[i].has_value ? alert[i].value * scale : NAN);
        buf_putc(out, '}');
    }
    buf_putc(out, ']');
    arena_fini(&arena);
}

/* Subjects and versions there are: moves with every registration. */
static int64_t schema_seq(const struct uiapi *api) {
    struct arena arena = ARENA_INIT;
    struct str *subject;
    size_t cnt = 0;
    int64_t seq = 0;
    if (registry_subjects(pipe_registry(api->conf.pipe), &arena, &subject, &cnt)) cnt = 0;
    for (size_t i = 0; i < cnt; i++) {
        struct registry_schema schema;
        if (!registry_get(pipe_registry(api->conf.pipe), subject[i], -1, &arena, &schema))
            seq += schema.id + schema.version;
    }
    arena_fini(&arena);
    return seq;
}

/* Resident bytes of this process, from /proc/self/statm. */
int64_t uisnap_resident_bytes(void) {
    struct env *env = env_real();
    struct env_file *file;
    char text[128] = "";
    size_t got = 0;
    long long all = 0, resident = 0;
    if (env_open(env, "/proc/self/statm", ENV_READ, &file)) return 0;
    if (env_read(file, 0, text, sizeof text - 1, &got)) got = 0;
    env_file_close(file);
    text[got] = 0;
    if (sscanf(text, "%lld %lld", &all, &resident) != 2) return 0;
    return resident * sysconf(_SC_PAGESIZE);
}

void uisnap_write(const struct uiapi *api, struct buf *out) {
    int64_t alerts = 0, now_ms = env_now_ms(pipe_conf(api->conf.pipe)->env);
    buf_printf(out, "{\"ts_ms\":%" PRId64 ",\"version\":\"%s\",\"uptime_ms\":%" PRId64
               ",\"mem_bytes\":%" PRId64, now_ms, SLUICE_VERSION,
               now_ms - pipe_started_us(api->conf.pipe) / 1000, uisnap_resident_bytes());
    put_total(api, out, now_ms);
    buf_printf(out, ",\"runs\":{\"running\":%d,\"ok_24h\":%d,\"failed_24h\":%d}",
               api->runs_live, api->runs_ok, api->runs_failed);
    put_tiers(api, out);
    put_nodes(api, out, now_ms);
    put_alerts(api, out, &alerts);
    buf_printf(out, ",\"seq\":{\"graph\":1,\"runs\":%" PRId64 ",\"alerts\":%" PRId64
               ",\"schemas\":%" PRId64 "}}", api->runs_seq, alerts, schema_seq(api));
}

/* ---- history ---- */

/* The finest step that reaches back so far. */
static int step_for(int64_t range_s) {
    int s = 0;
    while (s + 1 < UIAPI_STEP_CNT && steps_s[s] * UIAPI_HISTORY < range_s) s++;
    return s;
}

static void put_series(const struct uiapi *api, struct buf *out, const struct uipast *past,
                       const char *const names[UIAPI_SERIES], int64_t range_s) {
    int s = step_for(range_s);
    int64_t step = steps_s[s], points = MIN(range_s / step, (int64_t)UIAPI_HISTORY);
    int64_t newest = (api->tick_cnt - 1) / step;
    buf_printf(out, "{\"step_s\":%" PRId64 ",\"t\":[", step);
    for (int64_t i = points - 1; i >= 0; i--)
        buf_printf(out, "%" PRId64 "%s", api->tick_s - i * step, i ? "," : "");
    buf_putz(out, "],\"series\":{");
    for (int k = 0; k < UIAPI_SERIES; k++) {
        buf_printf(out, "%s\"%s\":[", k ? "," : "", names[k]);
        for (int64_t i = points - 1; i >= 0; i--) {
            bool known = api->tick_cnt && newest >= i;
            float value = known ? past->step[s][(newest - i) % UIAPI_HISTORY][k] : NAN;
            uiapi_put_num(out, (double)value);
            if (i) buf_putc(out, ',');
        }
        buf_putc(out, ']');
    }
    buf_putz(out, "}}");
}

void uisnap_get_history(void *self, struct http_req *req) {
    static const char *const total_names[] = {"in_rate", "out_rate", "bad_rate", "p50_ms",
                                              "p99_ms"};
    static const char *const node_names[] = {"rate", "bad_rate", "lag", "age_ms", "p99_ms"};
    const struct uiapi *api = self;
    struct str id = http_query(req, "node");
    const struct uinode *node = id.ptr ? uigraph_find(api, id) : NULL;
    int64_t range_s;
    struct buf out;
    if (!uiapi_number(req, "range_s", 900, 60, 86400, &range_s)) return;
    if (id.ptr && !node) {
        http_reply_status(req, 404, "node: there is no such node");
        return;
    }
    buf_init(&out, 4 * MIB);
    if (node) put_series(api, &out, &node->past, node_names, range_s);
    else put_series(api, &out, &api->past, total_names, range_s);
    uiapi_reply(req, &out);
}
