/* pipe.c - opening, starting and stopping everything, in order. */
#include "pipeline/pipe.h"

#include "base/diag.h"
#include "base/err.h"
#include "pipeline/guests.h"

#include <stdio.h>

struct pipe {
    struct pipe_conf conf;
    struct arena arena;
    char token[PIPE_TOKEN_LEN + 1];
    int64_t started_us;
    struct env_file *lock;
    struct landing *landing;
    struct log *log;
    struct registry *registry;
    struct store *store;
    struct captor *captor;
    struct guests *guests;
    struct query **query;
    size_t query_cnt;
    struct fetcher **fetcher;
    size_t fetcher_cnt;
    struct backlog backlog;
    struct orch *orch;
    struct observe *observe;
};

static const char *path_of(struct pipe *pipe, const char *prefix, const char *name) {
    return arena_printf(&pipe->arena, "%s%s/%s", prefix, pipe->conf.data, name).ptr;
}

/* The token is made once and kept: links that were bookmarked stay good. */
static int open_token(struct pipe *pipe) {
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const char *path = path_of(pipe, "", "token");
    char *text = NULL;
    size_t len = 0;
    int err = env_read_whole(pipe->conf.env, path, 4 * KIB, &text, &len);
    if (!err && len >= PIPE_TOKEN_LEN) {
        memcpy(pipe->token, text, PIPE_TOKEN_LEN);
        base_free(text);
        return 0;
    }
    base_free(text);
    if (err && err != ERR_NOT_FOUND) return err;
    unsigned char random[PIPE_TOKEN_LEN];
    env_random(pipe->conf.env, random, sizeof random);
    for (size_t i = 0; i < PIPE_TOKEN_LEN; i++) pipe->token[i] = digit[random[i] & 63];
    return env_write_whole(pipe->conf.env, path, str_of(pipe->token));
}

/* Where sluice.yml puts the tier, or the embedded one's url. */
static struct address address_of(const struct pipe *pipe, enum conf_tier tier,
                                 const char *embedded) {
    struct address address = pipe->conf.conf->address[tier];
    if (!address.url) address = (struct address){.url = embedded};
    return address;
}

static int open_landing(struct pipe *pipe) {
    struct address at = address_of(pipe, CONF_LANDING, path_of(pipe, "sqlite:", "landing.db"));
    struct landing_conf conf = {.env = pipe->conf.env,
                                .fence = pipe->conf.fence,
                                .url = at.url,
                                .property = at.property,
                                .property_cnt = at.property_cnt};
    return landing_open(&pipe->landing, &conf);
}

static int open_log(struct pipe *pipe) {
    struct address at = address_of(pipe, CONF_LOG, path_of(pipe, "embedded:", "log"));
    struct log_conf conf = {.env = pipe->conf.env,
                            .fence = pipe->conf.fence,
                            .group = pipe->conf.fence ? coord_group(pipe->conf.coord) : NULL,
                            .url = at.url,
                            .property = at.property,
                            .property_cnt = at.property_cnt};
    return log_open(&pipe->log, &conf);
}

static int open_registry(struct pipe *pipe) {
    struct address at = address_of(pipe, CONF_REGISTRY, "embedded:");
    struct registry_conf conf = {.env = pipe->conf.env,
                                 .url = at.url,
                                 .log = pipe->log,
                                 .property = at.property,
                                 .property_cnt = at.property_cnt};
    return registry_open(&pipe->registry, &conf);
}

static int open_store(struct pipe *pipe) {
    struct address at = address_of(pipe, CONF_STORE, path_of(pipe, "embedded:", "store"));
    struct store_conf conf = {.env = pipe->conf.env,
                              .fence = pipe->conf.fence,
                              .url = at.url,
                              .property = at.property,
                              .property_cnt = at.property_cnt};
    return store_open(&pipe->store, &conf);
}

/* The log first and the registry last: of several nodes, the one that takes over is registered with
 * Kafka while it opens the rest. */
static int open_tiers(struct pipe *pipe) {
    int err = open_log(pipe);
    if (!err) err = open_landing(pipe);
    if (!err) err = open_store(pipe);
    if (!err) err = open_registry(pipe);
    return err;
}

static bool is_captured(const struct pipe *pipe, struct str table) {
    for (size_t d = 0; d < pipe->conf.def_cnt; d++)
        for (size_t i = 0; i < pipe->conf.def[d]->capture_cnt; i++)
            if (!pipe->conf.def[d]->capture[i].from.len &&
                str_eq(pipe->conf.def[d]->capture[i].table, table)) return true;
    return false;
}

static int declare_tables(struct pipe *pipe) {
    for (size_t d = 0; d < pipe->conf.def_cnt; d++) {
        const struct def *def = pipe->conf.def[d];
        for (size_t i = 0; i < def->fetch_cnt; i++) {
            const struct def_fetch *fetch = &def->fetch[i];
            struct landing_table table = {fetch->name, fetch->key, fetch->key_cnt,
                                          is_captured(pipe, fetch->name)};
            int err = landing_declare(pipe->landing, &table);
            if (err) return err;
        }
    }
    return 0;
}

static int open_captor(struct pipe *pipe) {
    size_t cnt = 0, all = 0;
    for (size_t d = 0; d < pipe->conf.def_cnt; d++) all += pipe->conf.def[d]->capture_cnt;
    const struct def_capture **capture = arena_array(&pipe->arena, const struct def_capture *, all);
    for (size_t d = 0; d < pipe->conf.def_cnt; d++)
        for (size_t i = 0; i < pipe->conf.def[d]->capture_cnt; i++)
            if (!pipe->conf.def[d]->capture[i].from.len)
                capture[cnt++] = &pipe->conf.def[d]->capture[i];
    if (!cnt) return 0;
    struct captor_conf conf = {pipe->conf.env, pipe->landing, pipe->log, pipe->registry, capture,
                               cnt, pipe->landing};
    return captor_open(&pipe->captor, &conf);
}

static int open_guests(struct pipe *pipe) {
    struct guests_conf conf = {pipe->conf.env, pipe->landing, pipe->log, pipe->registry,
                               pipe->conf.fence, pipe->conf.conf, pipe->conf.def,
                               pipe->conf.def_cnt};
    return guests_open(&pipe->guests, &conf);
}

static int open_queries(struct pipe *pipe) {
    size_t all = 0;
    for (size_t d = 0; d < pipe->conf.def_cnt; d++) all += pipe->conf.def[d]->transform_cnt;
    pipe->query = arena_array(&pipe->arena, struct query *, all);
    for (size_t d = 0; d < pipe->conf.def_cnt; d++) {
        for (size_t i = 0; i < pipe->conf.def[d]->transform_cnt; i++) {
            struct query_conf conf = {pipe->conf.env, pipe->log, pipe->registry, pipe->store,
                                      &pipe->conf.def[d]->transform[i]};
            int err = query_open(&pipe->query[pipe->query_cnt], &conf);
            if (err) return err;
            pipe->query_cnt++;
        }
    }
    return 0;
}

static void make_dag(struct pipe *pipe, const struct def *def, struct orch_dag *dag) {
    struct orch_task *task = arena_array(&pipe->arena, struct orch_task, def->fetch_cnt);
    for (size_t i = 0; i < def->fetch_cnt; i++) {
        const struct def_fetch *fetch = &def->fetch[i];
        struct fetcher *fetcher = arena_new(&pipe->arena, struct fetcher);
        fetcher->env = pipe->conf.env;
        fetcher->landing = pipe->landing;
        fetcher->conf = pipe->conf.conf;
        fetcher->def = fetch;
        fetcher->offline = pipe->conf.offline;
        pipe->fetcher[pipe->fetcher_cnt++] = fetcher;
        task[i] = (struct orch_task){.name = fetch->name,
                                     .run = fetcher_run,
                                     .arg = fetcher,
                                     .retries = fetch->retries >= 0 ? fetch->retries : def->retries,
                                     .retry_delay_us = def->retry_delay_us,
                                     .timeout_us = def->timeout_us};
    }
    *dag = (struct orch_dag){.name = def->name,
                             .schedule = def->schedule,
                             .timezone = def->timezone,
                             .file = def->file,
                             .catchup = def->catchup,
                             .task = task,
                             .task_cnt = def->fetch_cnt};
}

/* Only what adds to the backlog holds still for it. */
static bool is_held(void *arg, struct str dag) {
    struct pipe *pipe = arg;
    for (size_t d = 0; d < pipe->conf.def_cnt; d++) {
        const struct def *def = pipe->conf.def[d];
        if (!str_eq(def->name, dag)) continue;
        for (size_t i = 0; i < def->fetch_cnt; i++)
            if (is_captured(pipe, def->fetch[i].name)) return backlog_full(&pipe->backlog);
    }
    return false;
}

static int open_orch(struct pipe *pipe) {
    struct orch_dag *dag = arena_array(&pipe->arena, struct orch_dag, pipe->conf.def_cnt);
    size_t all = 0;
    for (size_t d = 0; d < pipe->conf.def_cnt; d++) all += pipe->conf.def[d]->fetch_cnt;
    pipe->fetcher = arena_array(&pipe->arena, struct fetcher *, all);
    for (size_t d = 0; d < pipe->conf.def_cnt; d++) make_dag(pipe, pipe->conf.def[d], &dag[d]);
    struct orch_conf conf = {pipe->conf.env, pipe->landing, dag, pipe->conf.def_cnt, 0, is_held,
                             pipe};
    pipe->backlog.landing = pipe->landing;
    return orch_open(&pipe->orch, &conf);
}

static bool value_of(void *arg, struct str subject, struct str metric, double *out) {
    return pipe_value(arg, subject, metric, out);
}

static int open_observe(struct pipe *pipe) {
    size_t all = 0, cnt = 0;
    for (size_t d = 0; d < pipe->conf.def_cnt; d++) all += pipe->conf.def[d]->alert_cnt;
    struct observe_alert_def *alert = arena_array(&pipe->arena, struct observe_alert_def, all);
    for (size_t d = 0; d < pipe->conf.def_cnt; d++) {
        const struct def *def = pipe->conf.def[d];
        for (size_t i = 0; i < def->alert_cnt; i++)
            alert[cnt++] = (struct observe_alert_def){def->name, def->alert[i].name,
                                                      def->alert[i].rule};
    }
    struct observe_conf conf = {.env = pipe->conf.env,
                                .alert = alert,
                                .alert_cnt = cnt,
                                .receiver = pipe->conf.conf->receiver,
                                .receiver_cnt = pipe->conf.conf->receiver_cnt,
                                .value = value_of,
                                .arg = pipe,
                                .external_url = STR("http://127.0.0.1:9021/alerts")};
    return observe_open(&pipe->observe, &conf);
}

int pipe_open(struct pipe **out, const struct pipe_conf *conf) {
    struct pipe *pipe = base_calloc(1, sizeof *pipe);
    pipe->conf = *conf;
    pipe->started_us = env_now_us(conf->env);
    backlog_init(&pipe->backlog, conf->env, NULL);
    pipe->backlog.changes_max = conf->conf->backlog_changes;
    pipe->backlog.bytes_max = conf->conf->backlog_mib * (int64_t)MIB;
    int err = env_mkdir(conf->env, conf->data);
    if (!err) err = env_lock(conf->env, path_of(pipe, "", "lock"), &pipe->lock);
    if (!err) err = open_token(pipe);
    if (!err) err = open_tiers(pipe);
    if (!err) err = declare_tables(pipe);
    if (!err) err = open_captor(pipe);
    if (!err) err = open_guests(pipe);
    if (!err) err = open_queries(pipe);
    if (!err) err = open_orch(pipe);
    if (!err) err = open_observe(pipe);
    if (err) {
        pipe_close(pipe);
        return err;
    }
    *out = pipe;
    return 0;
}

/* What has no data yet is opened in memory, so that looking leaves nothing behind. */
static int look_tiers(struct pipe *pipe) {
    struct env *env = pipe->conf.env;
    const struct conf *tiers = pipe->conf.conf;
    bool log = env_exists(env, path_of(pipe, "", "log"));
    bool store = env_exists(env, path_of(pipe, "", "store"));
    struct log_conf log_mem = {.env = env, .url = "mem:"};
    struct store_conf store_mem = {.env = env, .url = "mem:"};
    int err = 0;
    if (conf_embedded(tiers, CONF_LANDING) && env_exists(env, path_of(pipe, "", "landing.db")))
        err = open_landing(pipe);
    if (!err && conf_embedded(tiers, CONF_LOG))
        err = log ? open_log(pipe) : log_open(&pipe->log, &log_mem);
    if (!err && pipe->log && conf_embedded(tiers, CONF_REGISTRY)) err = open_registry(pipe);
    if (!err && conf_embedded(tiers, CONF_STORE))
        err = store ? open_store(pipe) : store_open(&pipe->store, &store_mem);
    return err;
}

int pipe_look(struct pipe **out, const struct pipe_conf *conf) {
    struct pipe *pipe = base_calloc(1, sizeof *pipe);
    pipe->conf = *conf;
    backlog_init(&pipe->backlog, conf->env, NULL);
    int err = 0;
    if (env_exists(conf->env, conf->data))
        err = env_lock(conf->env, path_of(pipe, "", "lock"), &pipe->lock);
    if (!err) err = look_tiers(pipe);
    if (err) {
        pipe_close(pipe);
        return err;
    }
    *out = pipe;
    return 0;
}

int pipe_start(struct pipe *pipe) {
    int err = pipe->captor ? captor_start(pipe->captor) : 0;
    if (!err && pipe->guests) err = guests_start(pipe->guests);
    for (size_t i = 0; i < pipe->query_cnt && !err; i++) err = query_start(pipe->query[i]);
    return err ? err : orch_start(pipe->orch);
}

void pipe_close(struct pipe *pipe) {
    if (!pipe) return;
    store_stop(pipe->store);
    observe_close(pipe->observe);
    orch_close(pipe->orch);
    if (pipe->log) log_stop(pipe->log);
    captor_close(pipe->captor);
    guests_close(pipe->guests);
    for (size_t i = 0; i < pipe->query_cnt; i++) query_close(pipe->query[i]);
    store_close(pipe->store);
    registry_close(pipe->registry);
    log_close(pipe->log);
    landing_close(pipe->landing);
    env_file_close(pipe->lock);
    backlog_fini(&pipe->backlog);
    arena_fini(&pipe->arena);
    base_free(pipe);
}

const struct pipe_conf *pipe_conf(const struct pipe *pipe) {
    return &pipe->conf;
}

struct landing *pipe_landing(const struct pipe *pipe) {
    return pipe->landing;
}

struct log *pipe_log(const struct pipe *pipe) {
    return pipe->log;
}

struct registry *pipe_registry(const struct pipe *pipe) {
    return pipe->registry;
}

struct store *pipe_store(const struct pipe *pipe) {
    return pipe->store;
}

bool pipe_held(struct pipe *pipe, char note[BACKLOG_NOTE_MAX]) {
    return backlog_note(&pipe->backlog, note);
}

bool pipe_captured(const struct pipe *pipe, struct str topic, struct captor_stats *out) {
    if (pipe->captor && captor_stats(pipe->captor, topic, out)) return true;
    return pipe->guests && guests_stats(pipe->guests, topic, out);
}

int pipe_replay(struct pipe *pipe, struct str topic) {
    int err = pipe->captor ? captor_replay(pipe->captor, topic) : ERR_NOT_FOUND;
    if (err == ERR_NOT_FOUND && pipe->guests) err = guests_replay(pipe->guests, topic);
    if (err == ERR_NOT_FOUND)
        return err_fail(ERR_NOT_FOUND, "no table is captured onto topic '%.*s'; only such a topic "
                        "can be filled again", STR_ARG(topic));
    return err;
}

struct orch *pipe_orch(const struct pipe *pipe) {
    return pipe->orch;
}

struct observe *pipe_observe(const struct pipe *pipe) {
    return pipe->observe;
}

size_t pipe_query_cnt(const struct pipe *pipe) {
    return pipe->query_cnt;
}

struct query *pipe_query(const struct pipe *pipe, size_t i) {
    assert(i < pipe->query_cnt);
    return pipe->query[i];
}

const struct fetcher *pipe_fetcher(const struct pipe *pipe, struct str table) {
    for (size_t i = 0; i < pipe->fetcher_cnt; i++)
        if (str_eq(pipe->fetcher[i]->def->name, table)) return pipe->fetcher[i];
    return NULL;
}

const char *pipe_token(const struct pipe *pipe) {
    return pipe->token;
}

int64_t pipe_started_us(const struct pipe *pipe) {
    return pipe->started_us;
}
