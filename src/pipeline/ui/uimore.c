/* uimore.c - quarantine and checks, alerts, schemas, logs. */
#include "base/diag.h"
#include "base/err.h"
#include "pipeline/logput.h"
#include "pipeline/preview.h"
#include "pipeline/reject.h"
#include "pipeline/ui/uiapi_int.h"
#include "wire/json/json.h"

#include <math.h>

#define TAIL_MAX 10000 /* of a quarantine's partition, the newest are counted by check */

static struct query *query_of(const struct uiapi *api, struct str table) {
    for (size_t i = 0; i < pipe_query_cnt(api->conf.pipe); i++)
        if (str_eq(query_def(pipe_query(api->conf.pipe, i))->table, table))
            return pipe_query(api->conf.pipe, i);
    return NULL;
}

/* ---- quarantine ---- */

struct tally {
    const struct def_transform *transform;
    int64_t *cnt, *last_ms; /* by check; the last of them: others (decoding, the table's own) */
    int64_t all, newest_ms;
};

static struct str header_of(const struct record *record, const char *name) {
    for (uint32_t i = 0; i < record->header_cnt; i++)
        if (str_eqz(record->header[i].name, name)) return record->header[i].value;
    return STR_NULL;
}

static void count_one(void *arg, const struct record *record) {
    struct tally *tally = arg;
    struct str check = header_of(record, REJECT_CHECK);
    size_t at = 0;
    while (at < tally->transform->expect_cnt && !str_eq(tally->transform->expect[at].name, check))
        at++;
    tally->cnt[at]++;
    tally->last_ms[at] = MAX(tally->last_ms[at], record->ts_ms);
    tally->newest_ms = MAX(tally->newest_ms, record->ts_ms);
}

static void take_tally(const struct uiapi *api, const struct def_transform *transform,
                       struct arena *arena, struct tally *out) {
    struct log *log = pipe_log(api->conf.pipe);
    struct str name = arena_printf(arena, "%.*s.quarantine", STR_ARG(transform->table));
    struct log_topic topic;
    *out = (struct tally){.transform = transform};
    out->cnt = arena_array(arena, int64_t, transform->expect_cnt + 1);
    out->last_ms = arena_array(arena, int64_t, transform->expect_cnt + 1);
    if (log_topic_get(log, name, arena, &topic)) return;
    for (int32_t p = 0; p < topic.part_cnt; p++) {
        struct log_span span;
        if (!log_span_near(log, name, p, &span)) out->all += span.end - span.start;
        if (logput_tail(log, name, p, TAIL_MAX, count_one, out))
            diag_warn("observe", "quarantine: %s", err_note());
    }
}

static void put_checks(const struct tally *tally, struct buf *out) {
    const struct def_transform *transform = tally->transform;
    bool first = true;
    buf_putz(out, "\"checks\":[");
    for (size_t i = 0; i <= transform->expect_cnt; i++) {
        bool other = i == transform->expect_cnt;
        if (!tally->cnt[i]) continue;
        buf_putz(out, first ? "{" : ",{");
        first = false;
        uiapi_put(out, "check", other ? STR("other") : transform->expect[i].name);
        buf_putc(out, ',');
        uiapi_put(out, "rule", other ? STR("the record could not be read, or the table not hold it")
                                     : transform->expect[i].that);
        buf_printf(out, ",\"count\":%" PRId64 ",", tally->cnt[i]);
        uiapi_put_ms(out, "last_ms", tally->last_ms[i]);
        buf_putc(out, '}');
    }
    buf_putc(out, ']');
}

void uimore_quarantine(void *self, struct http_req *req) {
    const struct uiapi *api = self;
    struct buf out;
    buf_init(&out, 4 * MIB);
    buf_putz(&out, "{\"datasets\":[");
    for (size_t i = 0; i < pipe_query_cnt(api->conf.pipe); i++) {
        const struct def_transform *transform = query_def(pipe_query(api->conf.pipe, i));
        struct tally tally;
        take_tally(api, transform, http_arena(req), &tally);
        buf_putz(&out, i ? ",{" : "{");
        uiapi_put(&out, "dataset", transform->table);
        buf_printf(&out, ",\"topic\":\"%.*s.quarantine\",\"count\":%" PRId64 ",",
                   STR_ARG(transform->table), tally.all);
        uiapi_put_ms(&out, "last_ms", tally.newest_ms);
        buf_putc(&out, ',');
        put_checks(&tally, &out);
        buf_putc(&out, '}');
    }
    buf_putz(&out, "]}");
    uiapi_reply(req, &out);
}

struct replay {
    struct logput *put;
    struct str check; /* ptr NULL: all */
    int32_t part_cnt;
    int64_t cnt;
    int err;
};

static void replay_one(void *arg, const struct record *record) {
    struct replay *replay = arg;
    int64_t part = 0;
    if (replay->err) return;
    if (replay->check.ptr && !str_eq(header_of(record, REJECT_CHECK), replay->check)) return;
    struct str from = header_of(record, REJECT_PARTITION);
    if (from.ptr && (str_i64(from, &part) || part < 0 || part >= replay->part_cnt)) part = 0;
    struct record copy = {.key = record->key, .value = record->value, .ts_ms = record->ts_ms};
    replay->err = logput_add(replay->put, (int32_t)part, &copy);
    replay->cnt++;
}

/* {"check": "name"} -> name; nothing or {}: ptr NULL, all. What is not understood is not "all". */
static int check_of(struct http_req *req, struct str *out) {
    struct json in;
    struct json_value value;
    struct str body = http_body(req), name;
    *out = STR_NULL;
    if (!body.len) return 0;
    json_open(&in, body, 0);
    json_object(&in);
    while (json_member(&in, &name)) {
        if (!json_value(&in, &value)) break;
        if (!str_eqz(name, "check") || value.kind != JSON_STRING)
            return err_fail(ERR_INVAL, "the body is {} for all records, or {\"check\": \"NAME\"}");
        *out = json_text(&value, http_arena(req));
    }
    json_close(&in);
    return json_err(&in);
}

/* Puts rejected records back onto their topic, durable before the answer. They are not taken out
 * of the quarantine: a log keeps what it was given. */
void uimore_replay(void *self, struct http_req *req) {
    const struct uiapi *api = self;
    struct query *query = query_of(api, http_param(req, "dataset"));
    struct log *log = pipe_log(api->conf.pipe);
    struct replay replay = {.put = NULL};
    struct log_topic topic, quarantine;
    struct buf out;
    if (!query) {
        http_reply_status(req, 404, "there is no such dataset");
        return;
    }
    const struct def_transform *transform = query_def(query);
    struct str name = arena_printf(http_arena(req), "%.*s.quarantine", STR_ARG(transform->table));
    int err = check_of(req, &replay.check);
    if (!err) err = log_topic_get(log, transform->topic, http_arena(req), &topic);
    if (!err) err = log_topic_get(log, name, http_arena(req), &quarantine);
    if (!err) replay.part_cnt = topic.part_cnt;
    if (!err) err = logput_open(&replay.put, log, transform->topic, topic.part_cnt);
    for (int32_t p = 0; !err && p < quarantine.part_cnt; p++) {
        err = logput_tail(log, name, p, INT64_MAX / 2, replay_one, &replay);
        if (!err) err = replay.err;
    }
    if (!err) err = logput_flush(replay.put);
    logput_close(replay.put);
    if (err) {
        http_reply_err(req, err);
        return;
    }
    buf_init(&out, KIB);
    buf_printf(&out, "{\"replayed\":%" PRId64 "}", replay.cnt);
    uiapi_reply(req, &out);
}

void uimore_quality(void *self, struct http_req *req) {
    static const char *const elses[] = {"quarantine", "warn", "drop", "stop"};
    const struct uiapi *api = self;
    const struct uinode *node = uigraph_find(api, http_query(req, "node"));
    struct query_stats stats;
    struct buf out;
    if (!node || !node->query) {
        http_reply_status(req, 404, "node: it has no checks");
        return;
    }
    query_stats(node->query, &stats);
    buf_init(&out, 4 * MIB);
    buf_putc(&out, '{');
    uiapi_put(&out, "dataset", node->transform->table);
    buf_putz(&out, ",\"checks\":[");
    for (size_t i = 0; i < node->transform->expect_cnt; i++) {
        const struct stream_expect *expect = &node->transform->expect[i];
        int64_t failed = query_failed(node->query, i);
        int64_t seen = stats.stream.rows_out + stats.stream.quarantined;
        buf_putz(&out, i ? ",{" : "{");
        uiapi_put(&out, "name", expect->name);
        buf_putc(&out, ',');
        uiapi_put(&out, "rule", expect->that);
        buf_printf(&out, ",\"else\":\"%s\",\"passed\":%" PRId64 ",\"failed\":%" PRId64
                   ",", elses[expect->otherwise], MAX(seen - failed, 0), failed);
        uiapi_put_ms(&out, "last_failed_ms", node->failed_ms ? node->failed_ms[i] : 0);
        buf_putc(&out, '}');
    }
    buf_putz(&out, "]}");
    uiapi_reply(req, &out);
}

/* ---- alerts ---- */

const char *uimore_unit(struct str text, double *scale) {
    struct observe_rule rule;
    *scale = 1;
    if (observe_rule_parse(text, &rule)) return "rows";
    bool time = str_eqz(rule.metric, "age") || str_eqz(rule.metric, "latency_p99");
    if (time) *scale = 1000;
    if (time) return "ms";
    return str_ends(rule.metric, STR("ratio")) ? "ratio" : "rows";
}

static struct str id_of(struct str pipeline, struct str name, struct arena *arena) {
    return arena_printf(arena, "%.*s.%.*s", STR_ARG(pipeline), STR_ARG(name));
}

/* "a.b > 1 for 5m" -> "a.b > 1": how long is told apart. */
static struct str condition_of(struct str rule) {
    const char *at = memmem(rule.ptr, rule.len, " for ", 5);
    return at ? (struct str){rule.ptr, (size_t)(at - rule.ptr)} : rule;
}

static void put_rule(const struct observe_alert *alert, struct buf *out, struct arena *arena) {
    struct observe_rule rule = {0};
    double scale = 1;
    const char *unit = uimore_unit(alert->rule, &scale);
    if (observe_rule_parse(alert->rule, &rule)) diag_warn("observe", "%s", err_note());
    buf_putc(out, '{');
    uiapi_put(out, "id", id_of(alert->pipeline, alert->name, arena));
    buf_putc(out, ',');
    uiapi_put(out, "name", alert->name);
    buf_putc(out, ',');
    uiapi_put(out, "pipeline", alert->pipeline);
    buf_putc(out, ',');
    uiapi_put(out, "expr", condition_of(alert->rule));
    buf_printf(out, ",\"for_ms\":%" PRId64 ",\"state\":\"%s\",\"unit\":\"%s\",\"value\":",
               rule.for_us / 1000, observe_state_name(alert->state), unit);
    uiapi_put_num(out, alert->has_value ? alert->value * scale : NAN);
    buf_putz(out, ",\"threshold\":");
    uiapi_put_num(out, rule.value * scale);
    buf_putc(out, ',');
    uiapi_put_ms(out, "since_ms", alert->since_us / 1000);
    buf_putc(out, '}');
}

static void put_receiver(const struct observe_delivery *delivery, bool webhook, struct buf *out) {
    buf_putc(out, '{');
    uiapi_put(out, "name", delivery->receiver);
    buf_printf(out, ",\"kind\":\"%s\",", webhook ? "webhook" : "alertmanager");
    uiapi_put(out, "target", delivery->url);
    if (delivery->last_us) {
        buf_printf(out, ",\"last\":{\"ts_ms\":%" PRId64 ",\"ok\":%s,", delivery->last_us / 1000,
                   str_eqz(delivery->last, "ok") ? "true" : "false");
        uiapi_put(out, "detail", delivery->last);
        buf_putz(out, "}}");
    } else {
        buf_putz(out, ",\"last\":null}");
    }
}

static void put_event(const struct observe_event *event, struct buf *out, struct arena *arena) {
    double scale;
    bool over = event->state == OBSERVE_INACTIVE && event->lasted_us >= 0;
    uimore_unit(event->rule, &scale);
    buf_putc(out, '{');
    uiapi_put(out, "id", id_of(event->pipeline, event->name, arena));
    buf_putc(out, ',');
    uiapi_put(out, "name", event->name);
    buf_printf(out, ",\"state\":\"%s\",\"ts_ms\":%" PRId64 ",\"lasted_ms\":",
               over ? "resolved" : observe_state_name(event->state), event->at_us / 1000);
    uiapi_put_num(out, event->lasted_us < 0 ? NAN : (double)(event->lasted_us / 1000));
    buf_putz(out, ",\"value\":");
    uiapi_put_num(out, event->value * scale);
    buf_putc(out, '}');
}

void uimore_alerts(void *self, struct http_req *req) {
    const struct uiapi *api = self;
    struct observe *observe = pipe_observe(api->conf.pipe);
    struct observe_alert *alert;
    struct observe_event *event;
    struct observe_delivery *delivery;
    size_t alerts = 0, events = 0, deliveries = 0;
    struct buf out;
    int err = observe_alerts(observe, http_arena(req), &alert, &alerts);
    if (!err) err = observe_events(observe, http_arena(req), &event, &events);
    if (!err) err = observe_deliveries(observe, http_arena(req), &delivery, &deliveries);
    if (err) {
        http_reply_err(req, err);
        return;
    }
    buf_init(&out, 16 * MIB);
    buf_putz(&out, "{\"rules\":[");
    for (size_t i = 0; i < alerts; i++) {
        if (i) buf_putc(&out, ',');
        put_rule(&alert[i], &out, http_arena(req));
    }
    buf_putz(&out, "],\"receivers\":[");
    for (size_t i = 0; i < deliveries; i++) {
        const struct conf *conf = pipe_conf(api->conf.pipe)->conf;
        if (i) buf_putc(&out, ',');
        put_receiver(&delivery[i], conf->receiver[i].kind == OBSERVE_WEBHOOK, &out);
    }
    buf_putz(&out, "],\"history\":[");
    for (size_t i = 0; i < events && i < 100; i++) {
        if (i) buf_putc(&out, ',');
        put_event(&event[i], &out, http_arena(req));
    }
    buf_putz(&out, "]}");
    uiapi_reply(req, &out);
}

/* ---- schemas ---- */

static const char *kind_name(enum registry_kind kind) {
    static const char *const names[] = {"AVRO", "JSON", "PROTOBUF"};
    return names[kind];
}

void uimore_schemas(void *self, struct http_req *req) {
    const struct uiapi *api = self;
    struct registry *registry = pipe_registry(api->conf.pipe);
    struct str *subject;
    size_t cnt;
    struct buf out;
    bool first = true;
    int err = registry_subjects(registry, http_arena(req), &subject, &cnt);
    if (err) {
        http_reply_err(req, err);
        return;
    }
    buf_init(&out, 16 * MIB);
    buf_putz(&out, "{\"compatibility\":\"BACKWARD\",\"subjects\":[");
    for (size_t i = 0; i < cnt; i++) {
        struct registry_schema latest, one;
        if (registry_get(registry, subject[i], -1, http_arena(req), &latest)) continue;
        buf_putz(&out, first ? "{" : ",{");
        first = false;
        uiapi_put(&out, "subject", subject[i]);
        buf_printf(&out, ",\"id\":%d,\"type\":\"%s\",\"compatibility\":null,\"versions\":[",
                   latest.id, kind_name(latest.kind));
        bool any = false;
        for (int32_t v = 1; v <= latest.version; v++) {
            if (registry_get(registry, subject[i], v, http_arena(req), &one)) continue;
            buf_printf(&out, any ? ",%d" : "%d", v);
            any = true;
        }
        buf_putz(&out, "]}");
    }
    buf_putz(&out, "]}");
    uiapi_reply(req, &out);
}

void uimore_schema(void *self, struct http_req *req) {
    const struct uiapi *api = self;
    struct registry *registry = pipe_registry(api->conf.pipe);
    struct str subject = http_param(req, "subject");
    struct registry_schema latest, one;
    struct buf out;
    bool first = true;
    int err = registry_get(registry, subject, -1, http_arena(req), &latest);
    if (err) {
        http_reply_err(req, err);
        return;
    }
    buf_init(&out, 64 * MIB);
    buf_putc(&out, '{');
    uiapi_put(&out, "subject", subject);
    buf_putz(&out, ",\"compatibility\":\"BACKWARD\",\"versions\":[");
    for (int32_t v = 1; v <= latest.version; v++) {
        if (registry_get(registry, subject, v, http_arena(req), &one)) continue;
        buf_printf(&out, "%s{\"version\":%d,\"id\":%d,\"type\":\"%s\",\"ts_ms\":null,",
                   first ? "" : ",", v, one.id, kind_name(one.kind));
        first = false;
        uiapi_put(&out, "schema", one.text);
        buf_putc(&out, '}');
    }
    buf_putz(&out, "]}");
    uiapi_reply(req, &out);
}

/* ---- logs ---- */

struct lines {
    struct buf *out;
    const char *tier;
    bool first;
};

static void put_line(void *arg, uint64_t seq UNUSED, int64_t now_us, enum diag_level level,
                     const char *tier, const char *text) {
    struct lines *lines = arg;
    if (lines->tier && strcmp(tier, lines->tier)) return;
    buf_printf(lines->out, "%s{\"ts_ms\":%" PRId64 ",\"level\":\"%s\",", lines->first ? "" : ",",
               now_us / 1000, level == DIAG_WARN ? "warning" : diag_level_name(level));
    lines->first = false;
    uiapi_put(lines->out, "text", str_of(text));
    buf_putc(lines->out, '}');
}

void uimore_logs(void *self, struct http_req *req) {
    static const char *const tiers[] = {"source", "landing", "capture", "stream", "store",
                                        "stream"};
    const struct uiapi *api = self;
    struct str id = http_query(req, "node");
    const struct uinode *node = id.ptr ? uigraph_find(api, id) : NULL;
    struct buf out;
    if (id.ptr && !node) {
        http_reply_status(req, 404, "node: there is no such node");
        return;
    }
    buf_init(&out, 16 * MIB);
    buf_putz(&out, "{\"lines\":[");
    struct lines lines = {&out, node ? tiers[node->kind] : NULL, true};
    diag_each(put_line, &lines);
    buf_putz(&out, "]}");
    uiapi_reply(req, &out);
}

void uimore_plan(void *self, struct http_req *req) {
    const struct uiapi *api = self;
    struct pipe *pipe = api->conf.pipe;
    struct preview preview = {.landing = pipe_landing(pipe), .log = pipe_log(pipe),
                              .registry = pipe_registry(pipe), .store = pipe_store(pipe)};
    struct buf out;
    struct def def;
    int err = preview_ask_read(http_body(req), http_arena(req), &def);
    if (err) {
        http_reply_err(req, err);
        return;
    }
    buf_init(&out, 4 * MIB);
    preview_write(&preview, &def, &out);
    uiapi_reply(req, &out);
}
