/* observe.c - the rules' states, and the messages that their changes make. */
#include "observe/observe.h"

#include "base/buf.h"
#include "base/diag.h"
#include "base/err.h"
#include "observe/notify.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#define REPEAT_US  3600000000
#define BODY_MAX   (64 * KIB)

struct alert {
    struct observe_alert_def def;
    struct observe_rule rule;
    enum observe_state state;
    bool has_value;
    double value;
    int64_t since_us, fired_us, told_us;
    uint64_t event; /* number of its newest event, from 1; 0: none */
};

struct observe {
    struct observe_conf conf;
    struct arena arena;
    pthread_mutex_t lock; /* alerts and events */
    struct alert *alert;
    struct observe_event event[OBSERVE_HISTORY];
    uint64_t event_cnt;
    struct observe_receiver *receiver;
    struct notify *notify;
};

const char *observe_state_name(enum observe_state state) {
    static const char *const names[] = {"inactive", "pending", "firing"};
    return names[state];
}

int observe_open(struct observe **out, const struct observe_conf *conf) {
    assert(conf->alert_cnt <= OBSERVE_RULE_MAX);
    struct observe *observe = base_calloc(1, sizeof *observe);
    observe->conf = *conf;
    if (!observe->conf.repeat_us) observe->conf.repeat_us = REPEAT_US;
    observe->conf.external_url = arena_str(&observe->arena, conf->external_url);
    pthread_mutex_init(&observe->lock, NULL);
    observe->alert = arena_array(&observe->arena, struct alert, conf->alert_cnt);
    observe->receiver = arena_array(&observe->arena, struct observe_receiver, conf->receiver_cnt);
    int err = 0;
    for (size_t i = 0; i < conf->alert_cnt && !err; i++) {
        struct alert *alert = &observe->alert[i];
        alert->def.pipeline = arena_str(&observe->arena, conf->alert[i].pipeline);
        alert->def.name = arena_str(&observe->arena, conf->alert[i].name);
        alert->def.rule = arena_str(&observe->arena, conf->alert[i].rule);
        err = observe_rule_parse(alert->def.rule, &alert->rule);
    }
    for (size_t i = 0; i < conf->receiver_cnt; i++) {
        observe->receiver[i] = conf->receiver[i];
        observe->receiver[i].name = arena_str(&observe->arena, conf->receiver[i].name);
        observe->receiver[i].url = arena_str(&observe->arena, conf->receiver[i].url);
    }
    if (!err) err = notify_open(&observe->notify, conf->env, observe->receiver, conf->receiver_cnt);
    if (err) {
        observe_close(observe);
        return err;
    }
    *out = observe;
    return 0;
}

void observe_close(struct observe *observe) {
    if (!observe) return;
    notify_close(observe->notify);
    pthread_mutex_destroy(&observe->lock);
    arena_fini(&observe->arena);
    base_free(observe);
}

/* ---- messages ---- */

static void put_time(struct buf *out, int64_t us) {
    time_t sec = (time_t)(us / 1000000);
    struct tm tm;
    char text[32];
    gmtime_r(&sec, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    buf_printf(out, "\"%s.%03dZ\"", text, (int)(us / 1000 % 1000));
}

static void put_labels(struct buf *out, const struct alert *alert) {
    buf_putz(out, "{\"alertname\":");
    buf_json(out, alert->def.name);
    buf_putz(out, ",\"pipeline\":");
    buf_json(out, alert->def.pipeline);
    buf_putz(out, ",\"dataset\":");
    buf_json(out, alert->rule.subject);
    buf_putz(out, ",\"severity\":\"warning\"}");
}

static void put_annotations(struct buf *out, const struct alert *alert) {
    char value[64];
    snprintf(value, sizeof value, "%g", alert->value);
    buf_putz(out, "{\"summary\":");
    buf_json(out, alert->def.rule);
    buf_printf(out, ",\"value\":\"%s\"}", value);
}

/* One alert as both formats have it; `status` is written for the webhook only. */
static void put_alert(struct buf *out, const struct observe *observe, const struct alert *alert,
                      const char *status, int64_t now_us) {
    buf_putc(out, '{');
    if (status) buf_printf(out, "\"status\":\"%s\",", status);
    buf_putz(out, "\"labels\":");
    put_labels(out, alert);
    buf_putz(out, ",\"annotations\":");
    put_annotations(out, alert);
    buf_putz(out, ",\"startsAt\":");
    put_time(out, alert->fired_us);
    bool over = alert->state != OBSERVE_FIRING;
    if (over || status) {
        buf_putz(out, ",\"endsAt\":");
        if (over) put_time(out, now_us);
        else buf_putz(out, "\"0001-01-01T00:00:00Z\"");
    }
    buf_putz(out, ",\"generatorURL\":");
    buf_json(out, observe->conf.external_url);
    if (status)
        buf_printf(out, ",\"fingerprint\":\"%016" PRIx64 "\"",
                   str_hash(alert->def.name) ^ str_hash(alert->def.pipeline));
    buf_putc(out, '}');
}

static void put_webhook(struct buf *out, const struct observe *observe, const struct alert *alert,
                        struct str receiver, int64_t now_us) {
    const char *status = alert->state == OBSERVE_FIRING ? "firing" : "resolved";
    buf_printf(out, "{\"version\":\"4\",\"groupKey\":\"{}:{alertname=\\\"%.*s\\\"}\","
               "\"truncatedAlerts\":0,\"status\":\"%s\",\"receiver\":", STR_ARG(alert->def.name),
               status);
    buf_json(out, receiver);
    buf_putz(out, ",\"groupLabels\":{\"alertname\":");
    buf_json(out, alert->def.name);
    buf_putz(out, "},\"commonLabels\":");
    put_labels(out, alert);
    buf_putz(out, ",\"commonAnnotations\":");
    put_annotations(out, alert);
    buf_putz(out, ",\"externalURL\":");
    buf_json(out, observe->conf.external_url);
    buf_putz(out, ",\"alerts\":[");
    put_alert(out, observe, alert, status, now_us);
    buf_putz(out, "]}");
}

static void tell(struct observe *observe, struct alert *alert, int64_t now_us) {
    struct buf body;
    buf_init(&body, BODY_MAX);
    for (size_t i = 0; i < observe->conf.receiver_cnt; i++) {
        buf_reset(&body);
        if (observe->receiver[i].kind == OBSERVE_WEBHOOK) {
            put_webhook(&body, observe, alert, observe->receiver[i].name, now_us);
        } else {
            buf_putc(&body, '[');
            put_alert(&body, observe, alert, NULL, now_us);
            buf_putc(&body, ']');
        }
        if (!body.full) notify_send(observe->notify, i, buf_str(&body));
    }
    buf_fini(&body);
    alert->told_us = now_us;
}

/* ---- states ---- */

static bool holds(const struct observe_rule *rule, double value) {
    switch (rule->op) {
    case OBSERVE_GT: return value > rule->value;
    case OBSERVE_GE: return value >= rule->value;
    case OBSERVE_LT: return value < rule->value;
    case OBSERVE_LE: return value <= rule->value;
    case OBSERVE_EQ: return fabs(value - rule->value) < 1e-12;
    case OBSERVE_NE: return fabs(value - rule->value) >= 1e-12;
    }
    NEVER();
}

/* Keeps the change, and tells the event before it how long its state held. */
static void note(struct observe *observe, struct alert *alert, bool was_firing, int64_t now_us) {
    struct observe_event *ring = observe->event;
    if (alert->event && observe->event_cnt - alert->event < OBSERVE_HISTORY) {
        struct observe_event *last = &ring[(alert->event - 1) % OBSERVE_HISTORY];
        if (last->state != OBSERVE_INACTIVE) last->lasted_us = now_us - last->at_us;
    }
    bool over = alert->state == OBSERVE_INACTIVE && was_firing;
    ring[observe->event_cnt++ % OBSERVE_HISTORY] = (struct observe_event){
        .at_us = now_us,
        .pipeline = alert->def.pipeline,
        .name = alert->def.name,
        .rule = alert->def.rule,
        .state = alert->state,
        .value = alert->value,
        .lasted_us = over ? now_us - alert->fired_us : -1};
    alert->event = observe->event_cnt;
}

static void change(struct observe *observe, struct alert *alert, enum observe_state state,
                   int64_t now_us) {
    bool was_firing = alert->state == OBSERVE_FIRING;
    alert->state = state;
    alert->since_us = now_us;
    if (state == OBSERVE_FIRING) alert->fired_us = now_us;
    note(observe, alert, was_firing, now_us);
    if (state != OBSERVE_FIRING && !was_firing) return;
    diag_warn("observe", "alert %.*s %s: %.*s (now %g)", STR_ARG(alert->def.name),
              state == OBSERVE_FIRING ? "fires" : "is over", STR_ARG(alert->def.rule),
              alert->value);
    tell(observe, alert, now_us);
}

static void step(struct observe *observe, struct alert *alert, int64_t now_us) {
    double value;
    alert->has_value = observe->conf.value(observe->conf.arg, alert->rule.subject,
                                           alert->rule.metric, &value);
    if (!alert->has_value) return;
    alert->value = value;
    if (!holds(&alert->rule, value)) {
        if (alert->state != OBSERVE_INACTIVE) change(observe, alert, OBSERVE_INACTIVE, now_us);
        return;
    }
    if (alert->state == OBSERVE_INACTIVE && alert->rule.for_us)
        change(observe, alert, OBSERVE_PENDING, now_us);
    bool long_enough = now_us - alert->since_us >= alert->rule.for_us || !alert->rule.for_us;
    if (alert->state != OBSERVE_FIRING && long_enough)
        change(observe, alert, OBSERVE_FIRING, now_us);
    else if (alert->state == OBSERVE_FIRING &&
             now_us - alert->told_us >= observe->conf.repeat_us)
        tell(observe, alert, now_us);
}

void observe_tick(struct observe *observe) {
    int64_t now_us = env_now_us(observe->conf.env);
    pthread_mutex_lock(&observe->lock);
    for (size_t i = 0; i < observe->conf.alert_cnt; i++) step(observe, &observe->alert[i], now_us);
    pthread_mutex_unlock(&observe->lock);
}

/* ---- looking ---- */

int observe_alerts(struct observe *observe, struct arena *arena, struct observe_alert **out,
                   size_t *cnt) {
    size_t n = observe->conf.alert_cnt;
    *out = arena_array(arena, struct observe_alert, n);
    *cnt = n;
    pthread_mutex_lock(&observe->lock);
    for (size_t i = 0; i < n; i++) {
        const struct alert *alert = &observe->alert[i];
        (*out)[i] = (struct observe_alert){
            alert->def.pipeline, alert->def.name, alert->def.rule, alert->state,
            alert->has_value, alert->value, alert->since_us};
    }
    pthread_mutex_unlock(&observe->lock);
    return 0;
}

int observe_events(struct observe *observe, struct arena *arena, struct observe_event **out,
                   size_t *cnt) {
    pthread_mutex_lock(&observe->lock);
    *cnt = (size_t)MIN(observe->event_cnt, (uint64_t)OBSERVE_HISTORY);
    *out = arena_array(arena, struct observe_event, *cnt);
    for (size_t i = 0; i < *cnt; i++)
        (*out)[i] = observe->event[(observe->event_cnt - 1 - i) % OBSERVE_HISTORY];
    pthread_mutex_unlock(&observe->lock);
    return 0;
}

int observe_deliveries(struct observe *observe, struct arena *arena,
                       struct observe_delivery **out, size_t *cnt) {
    notify_deliveries(observe->notify, arena, out, cnt);
    return 0;
}
