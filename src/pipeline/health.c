/* health.c - the tiers' states, from what their threads last said. */
#include "pipeline/health.h"

#include "base/err.h"

#include <stdio.h>

enum tier { SOURCE, LANDING, CAPTURE, LOG, REGISTRY, STREAM, STORE };

const char *health_state_name(enum health_state state) {
    static const char *const names[] = {"ok", "idle", "warn", "error"};
    return names[state];
}

#define RUNS_LOOK 10 /* of a pipeline: one of them has ended, when any has */

/* The newest run that ended of every pipeline: a failed one is the source's trouble. */
static void look_at_runs(struct pipe *pipe, struct health_tier *tier) {
    const struct pipe_conf *conf = pipe_conf(pipe);
    struct arena arena = ARENA_INIT;
    for (size_t d = 0; d < conf->def_cnt; d++) {
        struct run *run;
        size_t cnt;
        struct landing_page newest = {RUNS_LOOK, 0};
        if (landing_runs(pipe_landing(pipe), conf->def[d]->name, newest, &arena, &run, &cnt)) {
            tier[LANDING].state = HEALTH_ERROR;
            snprintf(tier[LANDING].note, sizeof tier[LANDING].note, "%s", err_note());
            continue;
        }
        while (cnt && run->state != RUN_FAILED && run->state != RUN_SUCCESS) run++, cnt--;
        if (!cnt || run->state != RUN_FAILED) continue;
        tier[SOURCE].state = HEALTH_WARN;
        snprintf(tier[SOURCE].note, sizeof tier[SOURCE].note, "last run of %.*s failed: %.*s",
                 STR_ARG(run->dag), STR_ARG(run->note));
    }
    arena_fini(&arena);
}

static void look_at_capture(struct pipe *pipe, struct health_tier *tier) {
    const struct pipe_conf *conf = pipe_conf(pipe);
    for (size_t d = 0; d < conf->def_cnt; d++)
        for (size_t i = 0; i < conf->def[d]->capture_cnt; i++) {
            struct captor_stats stats;
            if (!pipe_captured(pipe, conf->def[d]->capture[i].topic, &stats)) continue;
            bool error = *stats.trouble;
            enum health_state state = error ? HEALTH_ERROR : HEALTH_WARN;
            if ((!error && !*stats.warning) || state <= tier->state) continue;
            tier->state = state;
            memcpy(tier->note, error ? stats.trouble : stats.warning, sizeof tier->note);
        }
}

static void look_at_queries(struct pipe *pipe, struct health_tier *tier) {
    for (size_t i = 0; i < pipe_query_cnt(pipe); i++) {
        struct query_stats stats;
        query_stats(pipe_query(pipe, i), &stats);
        if (stats.state == QUERY_RUNNING) continue;
        enum health_state state = stats.state == QUERY_TROUBLE ? HEALTH_ERROR : HEALTH_IDLE;
        if (state < tier->state) continue;
        tier->state = state;
        memcpy(tier->note, stats.note, sizeof tier->note);
    }
}

/* What these know without asking anybody. */
static void look_at_state(int err, struct health_tier *tier) {
    if (!err) return;
    tier->state = HEALTH_ERROR;
    snprintf(tier->note, sizeof tier->note, "%s", err_note());
}

void health_look(struct pipe *pipe, struct health_tier tier[HEALTH_TIER_CNT]) {
    static const char *const ids[HEALTH_TIER_CNT] = {"source", "landing",  "capture", "log",
                                                     "registry", "stream", "store"};
    for (int i = 0; i < HEALTH_TIER_CNT; i++) tier[i] = (struct health_tier){.id = ids[i]};
    look_at_state(landing_state(pipe_landing(pipe)), &tier[LANDING]);
    if (!tier[LANDING].state) look_at_runs(pipe, tier);
    if (!tier[LANDING].state && pipe_held(pipe, tier[LANDING].note))
        tier[LANDING].state = HEALTH_WARN;
    look_at_capture(pipe, &tier[CAPTURE]);
    look_at_queries(pipe, &tier[STREAM]);
    look_at_state(log_state(pipe_log(pipe)), &tier[LOG]);
    look_at_state(store_state(pipe_store(pipe)), &tier[STORE]);
    look_at_state(registry_state(pipe_registry(pipe)), &tier[REGISTRY]);
}

/* Whoever answers here leads: who does not has other doors (standby.h). */
static void write_role(const struct pipe_conf *conf, struct buf *out) {
    struct coord_state state;
    if (!conf->coord || !coord_is_shared(conf->coord)) return;
    coord_state(conf->coord, &state);
    buf_putz(out, "\"role\":\"leader\",\"node\":");
    buf_json(out, str_of(conf->node));
    buf_printf(out, ",\"epoch\":%" PRId64 ",\"note\":", state.leader_epoch);
    buf_json(out, str_of(state.trouble));
    buf_putc(out, ',');
}

void health_write(struct pipe *pipe, struct buf *out) {
    struct health_tier tier[HEALTH_TIER_CNT];
    enum health_state worst = HEALTH_OK;
    health_look(pipe, tier);
    for (int i = 0; i < HEALTH_TIER_CNT; i++)
        if (tier[i].state > HEALTH_IDLE) worst = MAX(worst, tier[i].state);
    buf_printf(out, "{\"status\":\"%s\",", health_state_name(worst));
    write_role(pipe_conf(pipe), out);
    buf_putz(out, "\"tiers\":{");
    for (int i = 0; i < HEALTH_TIER_CNT; i++) {
        buf_printf(out, "%s\"%s\":{\"state\":\"%s\",\"note\":", i ? "," : "", tier[i].id,
                   health_state_name(tier[i].state));
        buf_json(out, str_of(tier[i].note));
        buf_putc(out, '}');
    }
    buf_putz(out, "}}\n");
}
