/* coord.c - the one way in: the lease as we know it, its clock, and the thread that renews it.
 *
 * Invariants: (1) state.epoch stands for a term only while the monotonic clock is before
 * state.until_us; (2) until_us counts from before a question was asked, less a margin, so it ends
 * before the server's or another node's idea of the lease does; (3) after a resignation began
 * nothing heard from an earlier question counts. */
#include "coord/coord.h"

#include "base/diag.h"
#include "base/err.h"
#include "base/metric.h"
#include "coord/coord_ops.h"

#include <stdio.h>
#include <time.h>

#define ASKS_PER_LEASE 6     /* a lost answer or two do no harm */
#define POLL_US        250000 /* who stands by looks this often, or more often with a short lease */

static struct {
    struct metric *leads, *epoch, *terms, *errors;
} meter;

static void make_metrics(void) {
    meter.leads = metric_gauge("sluice_coord_leader", "1 while this node leads", "");
    meter.epoch = metric_gauge("sluice_coord_epoch", "Epoch of the newest term heard of", "");
    meter.terms = metric_counter("sluice_coord_terms_total", "Terms that this node began", "");
    meter.errors = metric_counter("sluice_coord_errors_total",
                                  "Questions about the lease that failed", "");
}

/* ---- the state; all under the lock ---- */

static bool is_ours(const struct coord *coord, int64_t now_us) {
    return coord->state.epoch && now_us < coord->state.until_us;
}

/* Forgets a term whose time is over. */
static void expire(struct coord *coord) {
    if (!coord->state.epoch || is_ours(coord, env_mono_us(coord->env))) return;
    diag_warn("coord", "the lease ran out unanswered; this node no longer leads");
    coord->state.epoch = 0;
    metric_set(meter.leads, 0);
    pthread_cond_broadcast(&coord->cond);
}

static void drop(struct coord *coord, const char *why) {
    if (!coord->state.epoch) return;
    diag_info("coord", "%s; this node no longer leads", why);
    coord->state.epoch = 0;
    metric_set(meter.leads, 0);
    pthread_cond_broadcast(&coord->cond);
}

static void set_leader(struct coord *coord, struct str leader, int64_t epoch) {
    struct coord_state *state = &coord->state;
    size_t len = MIN(leader.len, (size_t)COORD_NODE_MAX);
    bool news = state->leader_epoch != epoch;
    if (len) memcpy(state->leader, leader.ptr, len);
    state->leader[len] = 0;
    state->leader_epoch = epoch;
    metric_set(meter.epoch, epoch);
    if (news && len) diag_info("coord", "%s leads, epoch %" PRId64, state->leader, epoch);
    if (news) pthread_cond_broadcast(&coord->cond);
}

/* ---- what an implementation tells ---- */

void coord_heard(struct coord *coord, int64_t epoch, int64_t asked_us, int64_t lease_us) {
    assert(epoch > 0 && lease_us > 0);
    pthread_mutex_lock(&coord->lock);
    expire(coord);
    int64_t until_us = asked_us + lease_us - lease_us / COORD_MARGIN;
    bool late = env_mono_us(coord->env) >= until_us; /* the answer took longer than the lease */
    if (!late && !coord->resigning) {
        bool fresh = coord->state.epoch != epoch;
        coord->state.epoch = epoch;
        coord->state.until_us = until_us;
        set_leader(coord, str_of(coord->node), epoch);
        metric_set(meter.leads, 1);
        if (fresh) metric_add(meter.terms, 1);
        if (fresh) pthread_cond_broadcast(&coord->cond);
    }
    pthread_mutex_unlock(&coord->lock);
}

void coord_lost(struct coord *coord) {
    pthread_mutex_lock(&coord->lock);
    drop(coord, "the lease was lost");
    pthread_mutex_unlock(&coord->lock);
}

void coord_other(struct coord *coord, struct str leader, int64_t epoch) {
    pthread_mutex_lock(&coord->lock);
    drop(coord, "another node has the lease");
    set_leader(coord, leader, epoch);
    pthread_mutex_unlock(&coord->lock);
}

/* ---- the thread ---- */

static void set_trouble(struct coord *coord, int err) {
    pthread_mutex_lock(&coord->lock);
    char *trouble = coord->state.trouble;
    const char *note = err ? err_note() : "";
    bool news = strncmp(trouble, note, sizeof coord->state.trouble - 1) != 0;
    snprintf(trouble, sizeof coord->state.trouble, "%s", note);
    pthread_mutex_unlock(&coord->lock);
    if (err) metric_add(meter.errors, 1);
    if (err && news) diag_warn("coord", "%s", note);
}

int64_t coord_step(struct coord *coord) {
    pthread_mutex_lock(&coord->asking);
    int err = coord->ops->step(coord);
    pthread_mutex_unlock(&coord->asking);
    set_trouble(coord, err);
    return MIN(coord->lease_us / ASKS_PER_LEASE, POLL_US);
}

/* Until the time, or the end; a term that runs out meanwhile is noted when it does. */
static void nap(struct coord *coord, int64_t us) {
    int64_t until_us = env_mono_us(coord->env) + us;
    while (!coord->stopping) {
        int64_t now_us = env_mono_us(coord->env), wake_us = until_us;
        expire(coord);
        if (now_us >= until_us) return;
        if (coord->state.epoch) wake_us = MIN(wake_us, coord->state.until_us);
        struct timespec until = {wake_us / 1000000, wake_us % 1000000 * 1000};
        pthread_cond_clockwait(&coord->cond, &coord->lock, CLOCK_MONOTONIC, &until);
    }
}

static void *coord_main(void *arg) {
    struct coord *coord = arg;
    pthread_mutex_lock(&coord->lock);
    while (!coord->stopping) {
        pthread_mutex_unlock(&coord->lock);
        int64_t us = coord_step(coord);
        pthread_mutex_lock(&coord->lock);
        nap(coord, us);
    }
    pthread_mutex_unlock(&coord->lock);
    return NULL;
}

/* ---- opening and closing ---- */

static int check_node(const char *node) {
    size_t len = strlen(node);
    if (!len || len > COORD_NODE_MAX)
        return err_fail(ERR_CONFIG, "a node's name has 1 to %d characters, not %zu",
                        COORD_NODE_MAX, len);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)node[i] < ' ' || node[i] == 127)
            return err_fail(ERR_CONFIG, "a node's name has no control characters");
    return 0;
}

/* Whose address it is, and what of it is theirs; NULL: nobody's. */
static const struct coord_ops *kind_of(const char *url, const char **at) {
    static const struct coord_ops *const kinds[] = {&coord_local_ops, &coord_zookeeper_ops,
                                                    &coord_postgres_ops};
    struct str rest, scheme = str_cut(str_of(url), ':', &rest);
    if (str_eqz(scheme, "postgres")) scheme = STR("postgresql");
    for (size_t i = 0; i < ARRAY_LEN(kinds) && rest.ptr; i++) {
        if (!str_eqz(scheme, kinds[i]->name)) continue;
        *at = str_starts(rest, STR("//")) ? rest.ptr + 2 : rest.ptr;
        return kinds[i];
    }
    return NULL;
}

static int open_kind(struct coord **out, const struct coord_conf *conf) {
    const char *at;
    const struct coord_ops *kind = kind_of(conf->url, &at);
    struct str rest, scheme = str_cut(str_of(conf->url), ':', &rest);
    if (!kind)
        return err_fail(ERR_CONFIG, "coord: the address begins with zookeeper:// or postgresql://, "
                        "not '%.*s'", STR_ARG(scheme));
    int err = kind->open(out, conf, at);
    if (err) return err;
    (*out)->ops = kind;
    (*out)->env = conf->env;
    (*out)->lease_us = conf->lease_us ? conf->lease_us : COORD_LEASE_US;
    return 0;
}

void coord_doctor(const struct coord_conf *conf, const struct finding_to *to) {
    assert(conf && conf->env && conf->url && to);
    struct coord *coord;
    const char *at;
    const struct coord_ops *kind = kind_of(conf->url, &at);
    if (kind && !kind->doctor) return; /* to open it would begin a term */
    int err = open_kind(&coord, conf);
    if (err) {
        finding_err(to, err);
        return;
    }
    kind->doctor(coord, to);
    kind->close(coord);
}

int coord_open(struct coord **out, const struct coord_conf *conf) {
    assert(out && conf && conf->env && conf->url && conf->node && conf->lease_us >= 0);
    *out = NULL;
    make_metrics();
    struct coord *coord = NULL;
    int err = check_node(conf->node);
    if (!err) err = open_kind(&coord, conf);
    if (err) return err;
    coord->node = base_strdup(conf->node);
    coord->by_hand = conf->by_hand;
    pthread_mutex_init(&coord->lock, NULL);
    pthread_mutex_init(&coord->asking, NULL);
    pthread_cond_init(&coord->cond, NULL);
    *out = coord;
    if (!coord->ops->shared) coord_step(coord); /* for ever: no thread */
    if (conf->by_hand || !coord->ops->shared) return 0;
    int errnum = pthread_create(&coord->thread, NULL, coord_main, coord);
    CHECK(!errnum);
    coord->started = true;
    pthread_setname_np(coord->thread, "coord");
    return 0;
}

void coord_close(struct coord *coord) {
    if (!coord) return;
    pthread_mutex_lock(&coord->lock);
    coord->stopping = true;
    pthread_cond_broadcast(&coord->cond);
    pthread_mutex_unlock(&coord->lock);
    if (coord->started) pthread_join(coord->thread, NULL);
    if (coord_resign(coord)) diag_warn("coord", "the lease runs on to its end: %s", err_note());
    const char *node = coord->node;
    pthread_mutex_destroy(&coord->lock);
    pthread_mutex_destroy(&coord->asking);
    pthread_cond_destroy(&coord->cond);
    coord->ops->close(coord);
    base_free((void *)(uintptr_t)node);
}

/* ---- asking ---- */

void coord_state(struct coord *coord, struct coord_state *out) {
    assert(coord && out);
    pthread_mutex_lock(&coord->lock);
    expire(coord);
    *out = coord->state;
    pthread_mutex_unlock(&coord->lock);
}

int64_t coord_wait(struct coord *coord, int64_t epoch, int64_t timeout_us) {
    assert(coord && epoch >= 0);
    int64_t until_us = env_mono_us(coord->env) + timeout_us;
    pthread_mutex_lock(&coord->lock);
    for (expire(coord); coord->state.epoch == epoch && !coord->woken; expire(coord)) {
        int64_t now_us = env_mono_us(coord->env), wake_us = until_us;
        if (now_us >= until_us) break;
        if (coord->state.epoch) wake_us = MIN(wake_us, coord->state.until_us);
        struct timespec until = {wake_us / 1000000, wake_us % 1000000 * 1000};
        pthread_cond_clockwait(&coord->cond, &coord->lock, CLOCK_MONOTONIC, &until);
    }
    coord->woken = false;
    int64_t now = coord->state.epoch;
    pthread_mutex_unlock(&coord->lock);
    return now;
}

void coord_wake(struct coord *coord) {
    pthread_mutex_lock(&coord->lock);
    coord->woken = true;
    pthread_cond_broadcast(&coord->cond);
    pthread_mutex_unlock(&coord->lock);
}

int coord_resign(struct coord *coord) {
    assert(coord);
    pthread_mutex_lock(&coord->lock);
    coord->resigning = true; /* an answer that is under way no longer counts */
    drop(coord, "resigned");
    pthread_mutex_unlock(&coord->lock);
    pthread_mutex_lock(&coord->asking);
    int err = coord->ops->resign(coord);
    pthread_mutex_unlock(&coord->asking);
    pthread_mutex_lock(&coord->lock);
    coord->resigning = false;
    pthread_mutex_unlock(&coord->lock);
    return err;
}

int coord_guard(struct coord *coord, int64_t epoch) {
    assert(coord && epoch > 0);
    pthread_mutex_lock(&coord->lock);
    int64_t now_us = env_mono_us(coord->env);
    bool ours = coord->state.epoch == epoch && now_us < coord->state.until_us;
    int64_t newest = coord->state.leader_epoch;
    pthread_mutex_unlock(&coord->lock);
    if (ours) return 0;
    if (newest > epoch)
        return err_fail(ERR_FENCED, "our term %" PRId64 " is over, the leader's epoch is %" PRId64
                        "; nothing was written", epoch, newest);
    return err_fail(ERR_FENCED, "the lease of our term %" PRId64 " ran out unanswered; another "
                    "node may lead, so nothing was written", epoch);
}

static int64_t term_epoch(void *arg) {
    return ((struct coord_term *)arg)->epoch;
}

static int term_check(void *arg, int64_t epoch) {
    return coord_guard(((struct coord_term *)arg)->coord, epoch);
}

const struct fence *coord_fence(struct coord_term *term, struct coord *coord, int64_t epoch) {
    assert(term && coord && epoch > 0);
    *term = (struct coord_term){coord, epoch, {term_epoch, term_check, term}};
    return &term->fence;
}

bool coord_is_shared(const struct coord *coord) {
    return coord->ops->shared;
}

const char *coord_group(const struct coord *coord) {
    assert(*coord->group || !coord->ops->shared);
    return coord->group;
}
