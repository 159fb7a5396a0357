/* standby.c - two HTTP doors that say who leads. */
#include "pipeline/standby.h"

#include "base/diag.h"
#include "base/err.h"
#include "base/metric.h"
#include "net/http.h"

#include <pthread.h>
#include <stdio.h>

#define DOOR_CNT 2

struct standby {
    struct standby_conf conf;
    struct loop *loop;
    struct http *http[DOOR_CNT];
    struct http_route route[8];
    size_t route_cnt;
    pthread_mutex_t lock;
    char note[256];
};

static void get_health(void *self, struct http_req *req) {
    struct standby *standby = self;
    struct coord_state state;
    struct buf out;
    coord_state(standby->conf.coord, &state);
    buf_init(&out, MIB);
    pthread_mutex_lock(&standby->lock);
    bool well = !*state.trouble && !*standby->note;
    const char *note = *standby->note ? standby->note : state.trouble;
    bool alone = !coord_is_shared(standby->conf.coord);
    buf_printf(&out, "{\"status\":\"%s\",\"role\":\"%s\",\"node\":",
               well ? "ok" : alone ? "error" : "warn", alone ? "waiting" : "standby");
    buf_json(&out, str_of(standby->conf.node));
    buf_putz(&out, ",\"leader\":");
    if (*state.leader) buf_json(&out, str_of(state.leader));
    else buf_putz(&out, "null");
    buf_printf(&out, ",\"epoch\":%" PRId64 ",\"note\":", state.leader_epoch);
    buf_json(&out, str_of(note));
    buf_putz(&out, ",\"tiers\":{}}\n");
    pthread_mutex_unlock(&standby->lock);
    http_reply_json(req, 200, buf_str(&out));
    buf_fini(&out);
}

static void get_metrics(void *self UNUSED, struct http_req *req) {
    struct buf out;
    buf_init(&out, 64 * MIB);
    metric_render(&out);
    http_reply(req, 200, "text/plain; version=0.0.4; charset=utf-8", buf_str(&out));
    buf_fini(&out);
}

static void put_html(struct buf *out, struct str text) {
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '<') buf_putz(out, "&lt;");
        else if (c == '&') buf_putz(out, "&amp;");
        else buf_putc(out, c);
    }
}

static void get_page(void *self, struct http_req *req) {
    struct standby *standby = self;
    struct coord_state state;
    struct buf out;
    coord_state(standby->conf.coord, &state);
    buf_init(&out, MIB);
    bool alone = !coord_is_shared(standby->conf.coord);
    buf_printf(&out, "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">"
               "<meta http-equiv=\"refresh\" content=\"2\"><title>sluice %s</title>"
               "<h1>This node %s</h1><p>", alone ? "waits" : "stands by",
               alone ? "waits for a tier that is away" : "stands by");
    if (!alone) {
        buf_putz(&out, "Node <b>");
        put_html(&out, str_of(standby->conf.node));
        buf_putz(&out, "</b> takes over when the leader ends. ");
    }
    if (alone) {
        buf_putz(&out, "It begins when that answers.</p>");
    } else if (*state.leader) {
        buf_putz(&out, "<b>");
        put_html(&out, str_of(state.leader));
        buf_printf(&out, "</b> leads, epoch %" PRId64 ".</p>", state.leader_epoch);
    } else {
        buf_putz(&out, "Nobody is known to lead.</p>");
    }
    buf_putz(&out, "<p>");
    pthread_mutex_lock(&standby->lock);
    put_html(&out, str_of(*standby->note ? standby->note : state.trouble));
    pthread_mutex_unlock(&standby->lock);
    buf_putz(&out, "</p></html>\n");
    http_reply(req, 200, "text/html; charset=utf-8", buf_str(&out));
    buf_fini(&out);
}

static void get_other(void *self, struct http_req *req) {
    struct standby *standby = self;
    struct coord_state state;
    char text[256];
    coord_state(standby->conf.coord, &state);
    snprintf(text, sizeof text, "this node stands by; %s",
             *state.leader ? state.leader : "nobody is known to lead");
    if (*state.leader) snprintf(text + strlen(text), sizeof text - strlen(text), " leads");
    http_set_header(req, "Retry-After", "1");
    http_reply_status(req, 503, text);
}

static int open_door(struct standby *standby, int door, uint16_t port) {
    struct http_conf conf = {.host = standby->conf.conf->listen.ptr,
                             .port = port, .route = standby->route,
                             .route_cnt = standby->route_cnt, .self = standby};
    int err = http_open(&standby->http[door], standby->loop, &conf);
    if (err != ERR_AGAIN || !standby->conf.any_port) return err;
    conf.port = 0;
    return http_open(&standby->http[door], standby->loop, &conf);
}

static int write_addresses(const struct standby *standby) {
    char path[ENV_PATH_MAX], text[256];
    snprintf(path, sizeof path, "%s/addresses", standby->conf.data);
    const char *host = standby->conf.conf->listen.ptr;
    if (!strcmp(host, "0.0.0.0")) host = "127.0.0.1";
    snprintf(text, sizeof text, "{\"http\":\"%s:%u\",\"ui\":\"%s:%u\"}\n", host,
             http_port(standby->http[0]), host, http_port(standby->http[1]));
    return env_write_whole(standby->conf.env, path, str_of(text));
}

int standby_open(struct standby **out, const struct standby_conf *conf) {
    struct standby *standby = base_calloc(1, sizeof *standby);
    const struct http_route routes[] = {{"GET", "/health", get_health, HTTP_READ, NULL},
                                        {"GET", "/metrics", get_metrics, HTTP_READ, NULL},
                                        {"GET", "/", get_page, HTTP_READ, NULL},
                                        {"*", "/{rest*}", get_other, HTTP_READ, NULL}};
    standby->conf = *conf;
    pthread_mutex_init(&standby->lock, NULL);
    standby->route_cnt = ARRAY_LEN(routes);
    memcpy(standby->route, routes, sizeof routes);
    int err = env_mkdir(conf->env, conf->data);
    if (!err) err = loop_open(&standby->loop, conf->env, "http");
    if (!err) err = open_door(standby, 0, conf->conf->port_http);
    if (!err) err = open_door(standby, 1, conf->conf->port_ui);
    if (!err) err = write_addresses(standby);
    if (!err) err = loop_start(standby->loop);
    if (!err) return *out = standby, 0;
    standby_close(standby);
    return err;
}

void standby_close(struct standby *standby) {
    if (!standby) return;
    if (standby->loop) loop_stop(standby->loop);
    for (int door = 0; door < DOOR_CNT; door++) http_close(standby->http[door]);
    if (standby->loop) loop_close(standby->loop);
    pthread_mutex_destroy(&standby->lock);
    base_free(standby);
}

void standby_set_note(struct standby *standby, const char *note) {
    pthread_mutex_lock(&standby->lock);
    snprintf(standby->note, sizeof standby->note, "%s", note);
    pthread_mutex_unlock(&standby->lock);
}
