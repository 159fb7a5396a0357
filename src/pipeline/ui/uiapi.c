/* uiapi.c - opening, the routes, and words every answer uses. */
#include "base/err.h"
#include "pipeline/ui/uiapi_int.h"

#include <math.h>
#include <stdio.h>

#define TAIL_US 250000

void uiapi_put(struct buf *out, const char *name, struct str text) {
    buf_printf(out, "\"%s\":", name);
    buf_json(out, text);
}

void uiapi_put_null(struct buf *out, const char *name, struct str text) {
    if (text.ptr) uiapi_put(out, name, text);
    else buf_printf(out, "\"%s\":null", name);
}

void uiapi_put_ms(struct buf *out, const char *name, int64_t ms) {
    if (ms > 0) buf_printf(out, "\"%s\":%" PRId64, name, ms);
    else buf_printf(out, "\"%s\":null", name);
}

void uiapi_put_num(struct buf *out, double value) {
    if (isnan(value)) buf_putz(out, "null");
    else buf_printf(out, "%.6g", value);
}

void uiapi_reply(struct http_req *req, struct buf *out) {
    if (out->full) http_reply_status(req, 500, "the answer is too big; ask for less");
    else http_reply_json(req, 200, buf_str(out));
    buf_fini(out);
}

bool uiapi_number(struct http_req *req, const char *name, int64_t fallback, int64_t low,
                  int64_t high, int64_t *out) {
    struct str text = http_query(req, name);
    char why[128];
    *out = fallback;
    if (!text.ptr) return true;
    if (!str_i64(text, out) && *out >= low && *out <= high) return true;
    snprintf(why, sizeof why, "%s: a whole number of %" PRId64 " to %" PRId64 " is meant", name,
             low, high);
    http_reply_status(req, 400, why);
    return false;
}

bool uiapi_has(struct str text, struct str query) {
    if (!query.ptr || !query.len) return true;
    for (size_t i = 0; i + query.len <= text.len; i++)
        if (str_ieq((struct str){text.ptr + i, query.len}, query)) return true;
    return false;
}

static const struct http_route routes[UIAPI_ROUTE_CNT] = {
    {"GET", "/ui/graph", uigraph_get, HTTP_READ, NULL},
    {"GET", "/ui/events", uilive_get, HTTP_READ, NULL},
    {"GET", "/ui/history", uisnap_get_history, HTTP_READ, NULL},
    {"GET", "/ui/topics", uitopic_list, HTTP_READ, NULL},
    {"GET", "/ui/topics/{topic}", uitopic_get, HTTP_READ, NULL},
    {"GET", "/ui/topics/{topic}/records", uirecord_list, HTTP_READ, NULL},
    {"POST", "/ui/topics/{topic}/replay", uitopic_replay, HTTP_WRITE, NULL},
    {"GET", "/ui/groups", uitopic_groups, HTTP_READ, NULL},
    {"GET", "/ui/groups/{group}", uitopic_group, HTTP_READ, NULL},
    {"GET", "/ui/tables", uitable_list, HTTP_READ, NULL},
    {"GET", "/ui/tables/{store}/{name}/rows", uitable_rows, HTTP_READ, NULL},
    {"GET", "/ui/quarantine", uimore_quarantine, HTTP_READ, NULL},
    {"GET", "/ui/quarantine/{dataset}", uirecord_quarantined, HTTP_READ, NULL},
    {"POST", "/ui/quarantine/{dataset}/replay", uimore_replay, HTTP_WRITE, NULL},
    {"GET", "/ui/quality", uimore_quality, HTTP_READ, NULL},
    {"GET", "/ui/alerts", uimore_alerts, HTTP_READ, NULL},
    {"GET", "/ui/schemas", uimore_schemas, HTTP_READ, NULL},
    {"GET", "/ui/schemas/{subject}", uimore_schema, HTTP_READ, NULL},
    {"GET", "/ui/logs", uimore_logs, HTTP_READ, NULL},
    {"POST", "/ui/plan", uimore_plan, HTTP_WRITE, NULL},
    {"GET", "/ui/", uigraph_get, HTTP_READ, NULL},
};

const struct http_route *uiapi_routes(const struct uiapi *api, size_t *cnt) {
    *cnt = UIAPI_ROUTE_CNT;
    return api->route;
}

int uiapi_open(struct uiapi **out, const struct uiapi_conf *conf) {
    struct uiapi *api = base_calloc(1, sizeof *api);
    api->conf = *conf;
    for (size_t i = 0; i < UIAPI_ROUTE_CNT; i++) {
        api->route[i] = routes[i];
        api->route[i].self = api;
    }
    int err = uigraph_make(api);
    if (err) {
        uiapi_close(api);
        return err;
    }
    api->tail_timer = loop_every(conf->loop, TAIL_US, uilive_tail, api);
    *out = api;
    return 0;
}

void uiapi_close(struct uiapi *api) {
    if (!api) return;
    loop_timer_free(api->tail_timer);
    for (size_t i = 0; i < api->node_cnt; i++) base_free(api->node[i]);
    arena_fini(&api->arena);
    base_free(api);
}

void uiapi_set_ports(struct uiapi *api, const uint16_t *port) {
    memcpy(api->port, port, sizeof api->port);
}

void uiapi_metrics(const struct uiapi *api, struct buf *out) {
    uimetric_write(api, out);
}

void uiapi_tick(struct uiapi *api) {
    uisnap_take(api);
    uilive_send(api);
}
