/* observe.h - alerts: rules over the numbers of the pipeline, their states, and who is told.
 *
 * A rule is "SUBJECT.METRIC OP NUMBER [for DURATION]", e.g. `created_users.age > 1m`,
 * `created_users.quarantined_ratio > 0.01 for 5m`. What a subject's metric is worth is asked of a
 * function given at open. A rule whose number is not there yet keeps its state.
 * State: inactive -> pending (the condition holds, not yet for its `for`) -> firing -> inactive.
 * Receivers get firing alerts at once, again each repeat, and the end of each; a failed delivery
 * is tried again with back-off, on the notifier's own thread.
 *
 * Thread: observe_tick() from one thread; the rest from any. Source: Alertmanager's API v2 and its
 * webhook payload, version 4. Limits: OBSERVE_RULE_MAX rules, OBSERVE_HISTORY events kept. */
#ifndef OBSERVE_OBSERVE_H
#define OBSERVE_OBSERVE_H

#include "base/arena.h"
#include "base/env.h"

#define OBSERVE_RULE_MAX 1000
#define OBSERVE_HISTORY  200

enum observe_op { OBSERVE_GT, OBSERVE_GE, OBSERVE_LT, OBSERVE_LE, OBSERVE_EQ, OBSERVE_NE };
struct observe_rule {
    struct str subject, metric;
    enum observe_op op;
    double value;   /* seconds when the rule was written with a duration */
    int64_t for_us; /* 0: fires at once */
};
/* ERR_SYNTAX with what was expected; texts point into `text`. */
int observe_rule_parse(struct str text, struct observe_rule *out) MUST_USE;
int observe_rule_check(struct str text) MUST_USE; /* is it a rule over a metric that there is? */

enum observe_kind { OBSERVE_WEBHOOK, OBSERVE_ALERTMANAGER };
struct observe_receiver {
    struct str name, url; /* ALERTMANAGER: its base address, /api/v2/alerts is added */
    enum observe_kind kind;
};
struct observe_alert_def {
    struct str pipeline, name, rule;
};
struct observe_conf {
    struct env *env;
    const struct observe_alert_def *alert;
    size_t alert_cnt;
    const struct observe_receiver *receiver;
    size_t receiver_cnt;
    int64_t repeat_us; /* 0: 1 h */
    /* The number of a subject's metric (age in seconds); false: there is none yet. */
    bool (*value)(void *arg, struct str subject, struct str metric, double *out);
    void *arg;
    struct str external_url; /* the UI, for links */
};
struct observe;
int observe_open(struct observe **out, const struct observe_conf *conf) MUST_USE;
void observe_close(struct observe *observe); /* waits at most 2 s for deliveries; NULL is allowed */
void observe_tick(struct observe *observe);  /* evaluates all rules; call it each second */

enum observe_state { OBSERVE_INACTIVE, OBSERVE_PENDING, OBSERVE_FIRING };
struct observe_alert {
    struct str pipeline, name, rule;
    enum observe_state state;
    bool has_value;
    double value;
    int64_t since_us; /* when this state began; 0: at the start */
};
struct observe_event {
    int64_t at_us;
    struct str pipeline, name, rule;
    enum observe_state state;
    double value;
    int64_t lasted_us; /* how long the state held (INACTIVE: the firing before it); -1: it holds */
};
struct observe_delivery {
    struct str receiver, url, last; /* last: "" never, "ok", or the error */
    int64_t last_us, sent, failed;
};
int observe_alerts(struct observe *observe, struct arena *arena, struct observe_alert **out,
                   size_t *cnt) MUST_USE;
int observe_events(struct observe *observe, struct arena *arena, struct observe_event **out,
                   size_t *cnt) MUST_USE; /* newest first */
int observe_deliveries(struct observe *observe, struct arena *arena,
                       struct observe_delivery **out, size_t *cnt) MUST_USE;
const char *observe_state_name(enum observe_state state);

#endif
