/* doors.c - opening the doors on two loops, and closing them before what is behind them. */
#include "pipeline/doors.h"

#include "base/diag.h"
#include "base/err.h"
#include "base/metric.h"
#include "log/server/kserver.h"
#include "net/addr.h"
#include "net/http.h"
#include "observe/ui/webfile.h"
#include "orchestrate/server/airflow.h"
#include "pipeline/health.h"
#include "pipeline/ui/uiapi.h"
#include "registry/server/regserver.h"
#include "source/server/peopleapi.h"
#include "store/server/cqlserver.h"

#include <stdio.h>

#define ROUTE_MAX  160
#define TICK_US    1000000
#define RETAIN_US  60000000
#define PEOPLE_CNT 3

struct doors {
    struct doors_conf conf;
    struct loop *kafka_loop, *cql_loop, *people_loop;
    struct loop_timer *tick, *retain; /* of people_loop */
    struct kserver *kafka;
    struct cqlserver *cql;
    struct regserver *registry;
    struct airflow *airflow;
    struct uiapi *uiapi;
    struct http *http, *ui;
    struct http_route http_route[ROUTE_MAX], ui_route[ROUTE_MAX];
    size_t http_cnt, ui_cnt;
    uint16_t port[DOOR_CNT];
};

const char *doors_name(enum door door) {
    static const char *const names[DOOR_CNT] = {"kafka", "cql", "registry", "http", "ui"};
    return names[door];
}

uint16_t doors_port(const struct doors *doors, enum door door) {
    return doors->port[door];
}

bool doors_served(const struct doors *doors, enum door door) {
    const struct conf *conf = pipe_conf(doors->conf.pipe)->conf;
    switch (door) {
    case DOOR_KAFKA: return conf_embedded(conf, CONF_LOG);
    case DOOR_CQL: return conf_embedded(conf, CONF_STORE);
    case DOOR_REGISTRY: return conf_embedded(conf, CONF_REGISTRY);
    default: return true;
    }
}

/* ---- routes ---- */

static void get_metrics(void *self, struct http_req *req) {
    const struct doors *doors = self;
    struct buf out;
    buf_init(&out, 64 * MIB);
    metric_render(&out);
    uiapi_metrics(doors->uiapi, &out);
    http_reply(req, 200, "text/plain; version=0.0.4; charset=utf-8", buf_str(&out));
    buf_fini(&out);
}

static void get_health(void *self, struct http_req *req) {
    struct doors *doors = self;
    struct buf out;
    buf_init(&out, MIB);
    health_write(doors->conf.pipe, &out);
    http_reply_json(req, 200, buf_str(&out));
    buf_fini(&out);
}

static void add_route(struct http_route *to, size_t *cnt, struct http_route route) {
    CHECK(*cnt < ROUTE_MAX);
    to[(*cnt)++] = route;
}

/* What both HTTP doors serve, then the pages with the door's own start page. */
static void add_routes(struct doors *doors, struct http_route *to, size_t *cnt, const char *home) {
    static const char *const pages[] = {
        "/", "/overview", "/overview/{rest*}", "/runs", "/runs/{rest*}", "/topics",
        "/topics/{rest*}", "/groups", "/groups/{rest*}", "/tables", "/tables/{rest*}",
        "/quarantine", "/quarantine/{rest*}", "/alerts", "/alerts/{rest*}", "/schemas",
        "/schemas/{rest*}"};
    static const char *const people[PEOPLE_CNT] = {"/api", "/api/", "/api/{version}/"};
    const struct http_route *more;
    size_t more_cnt;
    void *name = (void *)(uintptr_t)home;
    add_route(to, cnt, (struct http_route){"GET", "/health", get_health, HTTP_READ, doors});
    add_route(to, cnt, (struct http_route){"GET", "/metrics", get_metrics, HTTP_READ, doors});
    more = airflow_routes(doors->airflow, &more_cnt);
    for (size_t i = 0; i < more_cnt; i++) add_route(to, cnt, more[i]);
    more = uiapi_routes(doors->uiapi, &more_cnt);
    for (size_t i = 0; i < more_cnt; i++) add_route(to, cnt, more[i]);
    for (size_t i = 0; i < PEOPLE_CNT; i++)
        add_route(to, cnt, (struct http_route){"GET", people[i], peopleapi_get, HTTP_READ, doors});
    for (size_t i = 0; i < ARRAY_LEN(pages); i++)
        add_route(to, cnt, (struct http_route){"GET", pages[i], webfile_get_page, HTTP_READ, name});
    add_route(to, cnt, (struct http_route){"GET", "/{file}", webfile_get_file, HTTP_READ, name});
}

/* ---- opening ---- */

static uint16_t wanted_port(const struct doors *doors, enum door door) {
    const struct conf *conf = pipe_conf(doors->conf.pipe)->conf;
    const uint16_t ports[DOOR_CNT] = {conf->port_kafka, conf->port_cql, conf->port_registry,
                                      conf->port_http, conf->port_ui};
    return ports[door];
}

static const char *host_of(const struct doors *doors) {
    return pipe_conf(doors->conf.pipe)->conf->listen.ptr;
}

/* Where this machine itself finds a door. */
static const char *near_host(const struct doors *doors) {
    return strcmp(host_of(doors), "0.0.0.0") ? host_of(doors) : "127.0.0.1";
}

static void warn_open(const struct doors *doors, enum door door) {
    if (!addr_is_loopback(host_of(doors)))
        diag_warn("net", "%s listens on %s:%u and does not authenticate its clients: let only "
                  "those reach it who may read and write everything", doors_name(door),
                  host_of(doors), doors->port[door]);
}

static int open_kafka(struct doors *doors, uint16_t port) {
    const struct conf *settings = pipe_conf(doors->conf.pipe)->conf;
    bool near = addr_is_loopback(host_of(doors));
    struct kserver_conf conf = {.host = host_of(doors), .port = port,
                                .advertised_host = near ? NULL : settings->host[0].ptr};
    int err = kserver_open(&doors->kafka, doors->kafka_loop, pipe_log(doors->conf.pipe), &conf);
    if (!err) doors->port[DOOR_KAFKA] = kserver_port(doors->kafka);
    return err;
}

static int open_cql(struct doors *doors, uint16_t port) {
    struct cqlserver_conf conf = {.env = pipe_conf(doors->conf.pipe)->env,
                                  .host = host_of(doors), .broadcast = near_host(doors),
                                  .port = port};
    int err = cqlserver_open(&doors->cql, doors->cql_loop, pipe_store(doors->conf.pipe), &conf);
    if (!err) doors->port[DOOR_CQL] = cqlserver_port(doors->cql);
    return err;
}

static int open_registry(struct doors *doors, uint16_t port) {
    struct regserver_conf conf = {.registry = pipe_registry(doors->conf.pipe),
                                  .host = host_of(doors), .port = port};
    int err = regserver_open(&doors->registry, doors->people_loop, &conf);
    if (!err) doors->port[DOOR_REGISTRY] = regserver_port(doors->registry);
    return err;
}

static int open_http(struct doors *doors, uint16_t port) {
    struct http_conf conf = {.host = host_of(doors), .port = port, .route = doors->http_route,
                             .route_cnt = doors->http_cnt, .token = pipe_token(doors->conf.pipe)};
    int err = http_open(&doors->http, doors->people_loop, &conf);
    if (!err) doors->port[DOOR_HTTP] = http_port(doors->http);
    return err;
}

static int open_ui(struct doors *doors, uint16_t port) {
    struct http_conf conf = {.host = host_of(doors), .port = port, .route = doors->ui_route,
                             .route_cnt = doors->ui_cnt, .token = pipe_token(doors->conf.pipe)};
    int err = http_open(&doors->ui, doors->people_loop, &conf);
    if (!err) doors->port[DOOR_UI] = http_port(doors->ui);
    return err;
}

/* Opens one door on its port; when that is taken, and any will do, on a free one. */
static int open_door(struct doors *doors, enum door door) {
    static int (*const opens[DOOR_CNT])(struct doors *, uint16_t) = {
        open_kafka, open_cql, open_registry, open_http, open_ui};
    int err = opens[door](doors, wanted_port(doors, door));
    if (err != ERR_AGAIN || !doors->conf.any_port) return err;
    char why[ERR_NOTE_MAX];
    snprintf(why, sizeof why, "%s", err_note());
    err = opens[door](doors, 0);
    if (!err) diag_warn("net", "%s: %s; took %u", doors_name(door), why, doors->port[door]);
    return err;
}

static void tick(void *arg) {
    struct doors *doors = arg;
    metric_tick();
    observe_tick(pipe_observe(doors->conf.pipe));
    uiapi_tick(doors->uiapi);
}

static void retain(void *arg) {
    struct doors *doors = arg;
    if (log_retain(pipe_log(doors->conf.pipe))) diag_warn("log", "retention: %s", err_note());
}

static int open_loops(struct doors *doors) {
    struct env *env = pipe_conf(doors->conf.pipe)->env;
    int err = loop_open(&doors->kafka_loop, env, "kafka");
    if (!err) err = loop_open(&doors->cql_loop, env, "cql");
    if (!err) err = loop_open(&doors->people_loop, env, "http");
    return err;
}

static int start_loops(struct doors *doors) {
    doors->tick = loop_every(doors->people_loop, TICK_US, tick, doors);
    doors->retain = loop_every(doors->people_loop, RETAIN_US, retain, doors);
    int err = loop_start(doors->kafka_loop);
    if (!err) err = loop_start(doors->cql_loop);
    if (!err) err = loop_start(doors->people_loop);
    return err;
}

/* So that a command line finds a running server by its data folder. */
static int write_addresses(const struct doors *doors) {
    const struct pipe_conf *conf = pipe_conf(doors->conf.pipe);
    char path[ENV_PATH_MAX];
    struct buf out;
    buf_init(&out, 4 * KIB);
    buf_putc(&out, '{');
    for (int door = 0; door < DOOR_CNT; door++)
        if (doors_served(doors, (enum door)door))
            buf_printf(&out, "%s\"%s\":\"%s:%u\"", out.len > 1 ? "," : "",
                       doors_name((enum door)door), near_host(doors),
                       doors->port[door]);
    buf_putz(&out, "}\n");
    snprintf(path, sizeof path, "%s/addresses", conf->data);
    int err = env_write_whole(conf->env, path, buf_str(&out));
    buf_fini(&out);
    return err;
}

int doors_open(struct doors **out, const struct doors_conf *conf) {
    struct doors *doors = base_calloc(1, sizeof *doors);
    doors->conf = *conf;
    struct airflow_conf airflow = {.env = pipe_conf(conf->pipe)->env,
                                   .orch = pipe_orch(conf->pipe),
                                   .landing = pipe_landing(conf->pipe),
                                   .token = pipe_token(conf->pipe)};
    int err = open_loops(doors);
    if (!err) err = airflow_open(&doors->airflow, &airflow);
    for (int door = DOOR_KAFKA; door <= DOOR_REGISTRY && !err; door++)
        if (doors_served(doors, (enum door)door)) {
            err = open_door(doors, (enum door)door);
            if (!err) warn_open(doors, (enum door)door);
        }
    struct uiapi_conf uiapi = {conf->pipe, doors->people_loop};
    if (!err) err = uiapi_open(&doors->uiapi, &uiapi);
    if (!err) {
        add_routes(doors, doors->http_route, &doors->http_cnt, "runs");
        add_routes(doors, doors->ui_route, &doors->ui_cnt, "overview");
        err = open_door(doors, DOOR_HTTP);
    }
    if (!err) err = open_door(doors, DOOR_UI);
    if (!err) uiapi_set_ports(doors->uiapi, doors->port);
    if (!err) err = write_addresses(doors);
    if (!err) err = start_loops(doors);
    if (err) {
        doors_close(doors);
        return err;
    }
    *out = doors;
    return 0;
}

void doors_close(struct doors *doors) {
    if (!doors) return;
    if (doors->people_loop) loop_stop(doors->people_loop);
    if (doors->kafka_loop) loop_stop(doors->kafka_loop);
    if (doors->cql_loop) loop_stop(doors->cql_loop);
    http_close(doors->ui);
    http_close(doors->http);
    uiapi_close(doors->uiapi);
    airflow_close(doors->airflow);
    regserver_close(doors->registry);
    cqlserver_close(doors->cql);
    kserver_close(doors->kafka);
    loop_timer_free(doors->tick);
    loop_timer_free(doors->retain);
    loop_close(doors->people_loop);
    loop_close(doors->cql_loop);
    loop_close(doors->kafka_loop);
    base_free(doors);
}
