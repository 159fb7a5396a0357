/* node.c - taking over and standing back. */
#include "pipeline/node.h"

#include "base/diag.h"
#include "base/err.h"
#include "coord/coord.h"
#include "pipeline/standby.h"

#include <stdio.h>
#include <unistd.h>

#define RETRY_US  INT64_C(1000000) /* after a takeover that failed */
#define RETRY_MAX INT64_C(10000000)

struct node {
    struct node_conf conf;
    char name[COORD_NODE_MAX + 1];
    struct coord *coord;
    struct standby *standby;
    struct coord_term term;
    struct pipe *pipe;
    struct doors *doors;
    int64_t retry_us, not_before_us;
};

static void end_term(struct node *node) {
    doors_close(node->doors);
    pipe_close(node->pipe);
    node->doors = NULL;
    node->pipe = NULL;
}

static int begin_term(struct node *node, int64_t epoch) {
    struct pipe_conf conf = node->conf.pipe;
    conf.coord = node->coord;
    conf.node = node->name;
    if (coord_is_shared(node->coord)) conf.fence = coord_fence(&node->term, node->coord, epoch);
    int err = pipe_open(&node->pipe, &conf);
    if (!err) { /* its ports are the doors' */
        standby_close(node->standby);
        node->standby = NULL;
    }
    struct doors_conf doors = {node->pipe, node->conf.any_port};
    if (!err) err = doors_open(&node->doors, &doors);
    if (!err) err = pipe_start(node->pipe);
    if (err) end_term(node);
    return err;
}

static int stand_by(struct node *node) {
    const struct pipe_conf *conf = &node->conf.pipe;
    struct standby_conf standby = {conf->env, node->coord, conf->conf, conf->data, node->name,
                                   node->conf.any_port};
    return standby_open(&node->standby, &standby);
}

/* The term could not be begun: let another try, and say why meanwhile. */
static int give_up(struct node *node) {
    struct env *env = node->conf.pipe.env;
    char why[ERR_NOTE_MAX];
    snprintf(why, sizeof why, "%s", err_note());
    if (!coord_is_shared(node->coord)) diag_warn("pipeline", "%s; it is waited for", why);
    else diag_warn("coord", "cannot lead: %s; another node may", why);
    if (coord_is_shared(node->coord) && coord_resign(node->coord))
        diag_warn("coord", "%s", err_note());
    int64_t jitter_us = (int64_t)(env_random_u64(env) % (uint64_t)(node->retry_us / 2));
    node->not_before_us = env_mono_us(env) + node->retry_us / 2 + jitter_us;
    node->retry_us = MIN(node->retry_us * 2, RETRY_MAX);
    int err = node->standby ? 0 : stand_by(node);
    if (!err) standby_set_note(node->standby, why);
    return err;
}

static int take_over(struct node *node, int64_t epoch) {
    int64_t start_us = env_mono_us(node->conf.pipe.env);
    int err = begin_term(node, epoch);
    if (err) return give_up(node);
    node->retry_us = RETRY_US;
    if (!coord_is_shared(node->coord)) return 0;
    diag_info("coord", "%s leads since %d ms after its election, epoch %" PRId64, node->name,
              (int)((env_mono_us(node->conf.pipe.env) - start_us) / 1000), epoch);
    return 0;
}

/* Alone it always leads; only a tier that is away at the start is waited for. */
static int turn_alone(struct node *node, int64_t epoch) {
    bool waits = !node->pipe && env_mono_us(node->conf.pipe.env) >= node->not_before_us;
    return waits ? take_over(node, epoch) : 0;
}

int node_turn(struct node *node) {
    struct coord_state state;
    coord_state(node->coord, &state);
    if (!coord_is_shared(node->coord)) return turn_alone(node, state.epoch);
    if (node->pipe && state.epoch != node->term.epoch) {
        diag_warn("coord", "term %" PRId64 " is over: standing by", node->term.epoch);
        end_term(node);
        return stand_by(node);
    }
    if (node->pipe || !state.epoch) return 0;
    if (env_mono_us(node->conf.pipe.env) < node->not_before_us) {
        if (coord_resign(node->coord)) diag_warn("coord", "%s", err_note());
        return 0;
    }
    return take_over(node, state.epoch);
}

/* ---- opening ---- */

/* Each node must find in the tiers what the others wrote. */
static int check_tiers(const struct node_conf *conf) {
    bool used[CONF_TIER_CNT] = {false};
    for (size_t d = 0; d < conf->pipe.def_cnt; d++) {
        const struct def *def = conf->pipe.def[d];
        if (def->fetch_cnt || def->capture_cnt) used[CONF_LANDING] = true;
        if (def->capture_cnt || def->transform_cnt) used[CONF_LOG] = true;
        if (def->transform_cnt) used[CONF_STORE] = true;
    }
    for (int tier = 0; tier < CONF_TIER_CNT; tier++) {
        if (!used[tier] || !conf_embedded(conf->pipe.conf, (enum conf_tier)tier)) continue;
        const char *name = conf_tier_name((enum conf_tier)tier);
        return err_fail(ERR_CONFIG, "coord: several nodes need the tier '%s' outside of each: "
                        "embedded, what one wrote would be missing when another takes over; add   "
                        "%s: URL   to sluice.yml, or leave coord out", name, name);
    }
    return 0;
}

static int open_coord(struct node *node) {
    const struct pipe_conf *pipe = &node->conf.pipe;
    char local[ENV_PATH_MAX];
    snprintf(local, sizeof local, "local:%s/epoch", pipe->data);
    struct coord_conf conf = {.env = pipe->env, .url = local, .node = node->name};
    if (!conf_embedded(pipe->conf, CONF_COORD)) {
        conf.url = pipe->conf->address[CONF_COORD].url;
        int err = check_tiers(&node->conf);
        if (err) return err;
    }
    int err = env_mkdir(pipe->env, pipe->data);
    return err ? err : coord_open(&node->coord, &conf);
}

/* "host:9021": where its pages are. */
static void make_name(struct node *node) {
    char host[64] = "";
    if (gethostname(host, sizeof host - 1)) snprintf(host, sizeof host, "node");
    unsigned port = node->conf.pipe.conf->port_ui;
    snprintf(node->name, sizeof node->name, "%s:%u", host, port ? port : (unsigned)getpid());
}

/* May the term begin once a tier that runs elsewhere is back? */
static bool may_come(const struct node *node, int err) {
    bool swapped = false;
    for (int tier = 0; tier < CONF_TIER_CNT; tier++)
        swapped |= !conf_embedded(node->conf.pipe.conf, (enum conf_tier)tier);
    return swapped && (err == ERR_NET || err == ERR_TIMEOUT);
}

/* Alone: leads at once, or waits for a tier that is away with doors that say so. */
static int begin_alone(struct node *node) {
    struct coord_state state;
    coord_state(node->coord, &state);
    int err = begin_term(node, state.epoch);
    return err && may_come(node, err) ? give_up(node) : err;
}

int node_open(struct node **out, const struct node_conf *conf) {
    struct node *node = base_calloc(1, sizeof *node);
    node->conf = *conf;
    node->retry_us = RETRY_US;
    make_name(node);
    int err = open_coord(node);
    if (!err) err = coord_is_shared(node->coord) ? stand_by(node) : begin_alone(node);
    if (!err) return *out = node, 0;
    node_close(node);
    return err;
}

void node_close(struct node *node) {
    if (!node) return;
    end_term(node);
    standby_close(node->standby);
    coord_close(node->coord);
    base_free(node);
}

struct pipe *node_pipe(const struct node *node) {
    return node->pipe;
}

struct doors *node_doors(const struct node *node) {
    return node->doors;
}

const char *node_name(const struct node *node) {
    return node->name;
}

bool node_is_shared(const struct node *node) {
    return coord_is_shared(node->coord) || !node->pipe;
}
