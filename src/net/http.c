/* http.c - checks, routes and answers on evhttp.
 *
 * The way of a request: size limits (evhttp), Host, Origin, route, token, handler. The first check
 * that fails answers; a handler never sees such a request. */
#include "net/http.h"

#include "base/err.h"
#include "net/addr.h"
#include "net/gate.h"
#include "net/http_int.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <unistd.h>

#define COOKIE      "sluice_token"
#define BODY_KEEP_S 60 /* seconds an idle connection is kept */

/* A connection, from accept to its end. */
struct http_link {
    struct http *http;
    struct http_link *prev, *next; /* oldest first */
    struct evhttp_connection *conn;
    void (*lost)(void *arg);       /* NULL: no request is at work */
    void *arg;
};

struct http {
    struct loop *loop;
    struct http_conf conf;
    char *token;
    struct evhttp *ev;
    struct gate *gate;
    struct bufferevent *fresh; /* of the newest connection, which has no link yet; a reference */
    struct event *settle;      /* links it, before the loop looks for input again */
    struct http_link *first, *last;
    size_t link_cnt;
    uint16_t port;
};

/* ---- connections ---- */

/* evhttp's word that a connection ends; it comes once for each. */
static void on_close(struct evhttp_connection *conn UNUSED, void *arg) {
    struct http_link *link = arg;
    struct http *http = link->http;
    if (link->lost) link->lost(link->arg);
    *(link->prev ? &link->prev->next : &http->first) = link->next;
    *(link->next ? &link->next->prev : &http->last) = link->prev;
    http->link_cnt--;
    base_free(link);
}

/* The connection's link; made when there is none. A request comes on a new connection mostly, or
 * soon after, so the search begins with the newest. */
static struct http_link *link_of(struct http *http, struct evhttp_connection *conn) {
    struct http_link *link = http->last;
    while (link && link->conn != conn) link = link->prev;
    if (link) return link;
    link = base_calloc(1, sizeof *link);
    *link = (struct http_link){http, http->last, NULL, conn, NULL, NULL};
    *(http->last ? &http->last->next : &http->first) = link;
    http->last = link;
    http->link_cnt++;
    evhttp_connection_set_closecb(conn, on_close, link);
    return link;
}

/* The newest connection gets its link. A reference kept longer would outlive the connection: its
 * events would stay on a descriptor that the next one gets, which then never hears of its input.
 * evhttp makes a connection only after it asked for its bufferevent, and leaves it there as the
 * callbacks' argument; it is gone when that is. */
static void link_fresh(struct http *http) {
    bufferevent_event_cb event;
    bufferevent_data_cb read, write;
    void *conn = NULL;
    if (!http->fresh) return;
    bufferevent_getcb(http->fresh, &read, &write, &event, &conn);
    bufferevent_decref(http->fresh);
    http->fresh = NULL;
    if (conn) link_of(http, conn);
}

static void settle(evutil_socket_t fd UNUSED, short what UNUSED, void *arg) {
    link_fresh(arg);
}

/* Somebody connected. */
static struct bufferevent *on_connect(struct event_base *base, void *arg) {
    struct http *http = arg;
    link_fresh(http);
    struct http_link *link = http->first;
    while (link && link->lost) link = link->next;
    if (http->link_cnt >= HTTP_CONN_MAX) evhttp_connection_free((link ? link : http->first)->conn);
    http->fresh = bufferevent_socket_new(base, -1, 0);
    CHECK(http->fresh);
    bufferevent_incref(http->fresh);
    event_active(http->settle, EV_TIMEOUT, 0);
    return http->fresh;
}

void http_watch(struct http_req *req, void (*lost)(void *arg), void *arg) {
    if (!req->link) return;
    req->link->lost = lost;
    req->link->arg = arg;
}

/* ---- reading a request ---- */

static int hex(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c = (char)(c | 32);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-decoding; `plus` turns + into a space, as in a query. A bad escape stays as it is. */
static struct str decode(struct arena *arena, struct str text, bool plus) {
    char *out = arena_bytes(arena, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool escape = c == '%' && i + 2 < text.len && hex(text.ptr[i + 1]) >= 0 &&
                      hex(text.ptr[i + 2]) >= 0;
        if (escape) {
            out[len++] = (char)(hex(text.ptr[i + 1]) << 4 | hex(text.ptr[i + 2]));
            i += 2;
        } else {
            out[len++] = plus && c == '+' ? ' ' : c;
        }
    }
    out[len] = 0;
    return (struct str){out, len};
}

/* Does `path` fit the route's pattern? Fills the request's parameters when it does. */
static bool fits(struct http_req *req, const char *pattern, struct str path) {
    struct str left = path, pat = str_of(pattern);
    req->param_cnt = 0;
    while (pat.ptr && left.ptr) {
        struct str want = str_cut(pat, '/', &pat), got = left;
        bool param = want.len > 2 && want.ptr[0] == '{';
        bool rest = param && want.ptr[want.len - 2] == '*';
        if (!rest) got = str_cut(left, '/', &left);
        if (!param && !str_eq(want, got)) return false;
        if (!param) continue;
        if (!got.len || req->param_cnt == HTTP_PARAM_MAX) return false;
        size_t i = req->param_cnt++;
        req->param_name[i] = (struct str){want.ptr + 1, want.len - 2 - rest};
        req->param[i] = decode(&req->arena, got, false);
        if (rest) return true;
    }
    return !pat.ptr && !left.ptr;
}

struct str http_param(const struct http_req *req, const char *name) {
    for (size_t i = 0; i < req->param_cnt; i++)
        if (str_eqz(req->param_name[i], name)) return req->param[i];
    return STR_NULL;
}

struct str http_query_at(const struct http_req *req, const char *name, size_t at) {
    struct str left = req->query;
    while (left.ptr) {
        struct str value, pair = str_cut(left, '&', &left);
        struct str key = str_cut(pair, '=', &value);
        struct arena *arena = &((struct http_req *)(uintptr_t)req)->arena;
        if (!str_eqz(decode(arena, key, true), name) || at-- > 0) continue;
        return value.ptr ? decode(arena, value, true) : STR("");
    }
    return STR_NULL;
}

struct str http_query_text(const struct http_req *req) {
    return req->query;
}

struct str http_query(const struct http_req *req, const char *name) {
    return http_query_at(req, name, 0);
}

struct str http_header(const struct http_req *req, const char *name) {
    if (!req->ev) return STR_NULL;
    return str_of(evhttp_find_header(evhttp_request_get_input_headers(req->ev), name));
}

struct str http_body(const struct http_req *req) {
    struct evbuffer *in = req->ev ? evhttp_request_get_input_buffer(req->ev) : NULL;
    size_t len = in ? evbuffer_get_length(in) : 0;
    return len ? (struct str){(const char *)evbuffer_pullup(in, -1), len} : STR("");
}

const char *http_method(const struct http_req *req) {
    if (!req->ev) return "";
    switch (evhttp_request_get_command(req->ev)) {
    case EVHTTP_REQ_GET: return "GET";
    case EVHTTP_REQ_HEAD: return "HEAD";
    case EVHTTP_REQ_POST: return "POST";
    case EVHTTP_REQ_PUT: return "PUT";
    case EVHTTP_REQ_PATCH: return "PATCH";
    case EVHTTP_REQ_DELETE: return "DELETE";
    case EVHTTP_REQ_OPTIONS: return "OPTIONS";
    default: return "?";
    }
}

struct arena *http_arena(struct http_req *req) {
    return &req->arena;
}

/* ---- answering ---- */

void http_set_header(struct http_req *req, const char *name, const char *value) {
    if (!req->ev) return;
    struct evkeyvalq *out = evhttp_request_get_output_headers(req->ev);
    evhttp_remove_header(out, name);
    evhttp_add_header(out, name, value);
}

void http_put_headers(struct http_req *req) {
    http_set_header(req, "X-Content-Type-Options", "nosniff");
    http_set_header(req, "X-Frame-Options", "DENY");
    http_set_header(req, "Referrer-Policy", "no-referrer");
    http_set_header(req, "Content-Security-Policy",
                    "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; "
                    "base-uri 'none'; form-action 'self'");
    struct evkeyvalq *out = evhttp_request_get_output_headers(req->ev);
    if (!evhttp_find_header(out, "Cache-Control"))
        evhttp_add_header(out, "Cache-Control", "no-store");
}

void http_done(struct http_req *req) {
    if (req->ev) evhttp_request_set_on_complete_cb(req->ev, NULL, NULL);
    arena_fini(&req->arena);
    base_free(req);
}

void http_reply(struct http_req *req, int status, const char *type, struct str body) {
    assert(!req->answered);
    req->answered = true;
    if (req->ev) {
        http_put_headers(req);
        http_set_header(req, "Content-Type", type);
        struct evbuffer *out = evbuffer_new();
        CHECK(out && evbuffer_add(out, body.ptr, body.len) == 0);
        http_watch(req, NULL, NULL);
        evhttp_send_reply(req->ev, status, NULL, out);
        evbuffer_free(out);
        req->ev = NULL;
    }
    http_done(req);
}

void http_reply_json(struct http_req *req, int status, struct str body) {
    http_reply(req, status, "application/json", body);
}

static void reply_error(struct http_req *req, int status, int err, struct str text) {
    struct buf body;
    buf_init(&body, MIB);
    if (req->http->conf.error_body) {
        req->http->conf.error_body(&body, status, err, text);
    } else {
        buf_putz(&body, "{\"detail\":");
        buf_json(&body, text);
        buf_putc(&body, '}');
    }
    http_reply_json(req, status, buf_str(&body));
    buf_fini(&body);
}

void http_reply_err(struct http_req *req, int err) {
    assert(err < 0);
    reply_error(req, err_http(err), err, str_of(err_note()));
}

void http_reply_status(struct http_req *req, int status, const char *text) {
    reply_error(req, status, 0, str_of(text));
}

/* ---- checks ---- */

/* "name", "name:port" or "[v6]:port" without its port, as a C string. */
static void host_of(struct str value, char *out, size_t size) {
    if (value.len && value.ptr[0] == '[') {
        struct str rest, inside = str_cut((struct str){value.ptr + 1, value.len - 1}, ']', &rest);
        value = inside;
    } else {
        struct str rest;
        value = str_cut(value, ':', &rest);
    }
    snprintf(out, size, "%.*s", STR_ARG(value));
}

/* A page of another site may make a browser send requests here: by a name that points to
 * loopback (Host), or across origins (Origin). Neither gets further than this. */
static bool from_here(struct http_req *req) {
    char host[256];
    struct str value = http_header(req, "Host"), origin = http_header(req, "Origin");
    host_of(value, host, sizeof host);
    if (value.ptr && !addr_is_ours(host)) return false;
    if (!origin.ptr) return true;
    struct str http = STR("http://"), https = STR("https://");
    if (str_starts(origin, http)) origin.ptr += http.len, origin.len -= http.len;
    else if (str_starts(origin, https)) origin.ptr += https.len, origin.len -= https.len;
    else return false;
    host_of(origin, host, sizeof host);
    return addr_is_ours(host);
}

static bool token_fits(const struct http_req *req) {
    const char *want = req->http->token;
    if (!want) return true;
    struct str value = http_header(req, "Authorization"), bearer = STR("Bearer ");
    if (!value.ptr || !str_starts(value, bearer)) return false;
    struct str got = {value.ptr + bearer.len, value.len - bearer.len};
    return got.len == strlen(want) && CRYPTO_memcmp(got.ptr, want, got.len) == 0;
}

static bool is_token(const struct http_req *req, struct str got) {
    const char *want = req->http->token;
    return got.ptr && got.len == strlen(want) && CRYPTO_memcmp(got.ptr, want, got.len) == 0;
}

static bool cookie_fits(const struct http_req *req) {
    struct str left = http_header(req, "Cookie"), name = STR(COOKIE "=");
    while (left.ptr) {
        struct str one = str_trim(str_cut(left, ';', &left));
        if (str_starts(one, name) &&
            is_token(req, (struct str){one.ptr + name.len, one.len - name.len}))
            return true;
    }
    return false;
}

/* A page opened with the token in its address: the token moves into a cookie of the browser. */
static void give_cookie(struct http_req *req, struct str path) {
    http_set_header(req, "Set-Cookie",
                    arena_printf(&req->arena, COOKIE "=%s; HttpOnly; SameSite=Strict; Path=/",
                                 req->http->token).ptr);
    http_set_header(req, "Location", arena_strz(&req->arena, path));
    http_reply(req, 303, "text/plain", STR("see the page without the token\n"));
}

/* false: it was answered. */
static bool may_read(struct http_req *req, struct str path) {
    const struct http *http = req->http;
    if (!http->token || addr_is_loopback(http->conf.host) || str_eqz(path, "/health")) return true;
    if (token_fits(req) || cookie_fits(req)) return true;
    if (!strcmp(http_method(req), "GET") && is_token(req, http_query(req, "token"))) {
        give_cookie(req, path);
        return false;
    }
    http_set_header(req, "WWW-Authenticate", "Bearer");
    http_reply_status(req, 401, "this server listens beyond its own machine and wants its token: "
                                "open the page with ?token=TOKEN, or send 'Authorization: Bearer "
                                "TOKEN'; it is in the file 'token' of the data folder");
    return false;
}

static const struct http_route *find_route(struct http_req *req, struct str path,
                                           bool *other_method) {
    const struct http_conf *conf = &req->http->conf;
    const char *method = http_method(req);
    if (!strcmp(method, "HEAD")) method = "GET";
    for (size_t i = 0; i < conf->route_cnt; i++) {
        const struct http_route *route = &conf->route[i];
        if (!fits(req, route->path, path)) continue;
        if (!strcmp(route->method, "*") || !strcmp(route->method, method)) return route;
        *other_method = true;
    }
    return NULL;
}

static void on_lost(void *arg) {
    struct http_req *req = arg;
    req->link = NULL;
    req->ev = NULL; /* evhttp frees it; an answer that comes later goes nowhere */
}

static void on_request(struct evhttp_request *ev, void *arg) {
    struct http_req *req = base_calloc(1, sizeof *req);
    req->http = arg;
    req->ev = ev;
    bool other_method = false;
    struct str path = str_cut(str_of(evhttp_request_get_uri(ev)), '?', &req->query);
    struct evhttp_connection *conn = evhttp_request_get_connection(ev);
    if (conn) req->link = link_of(req->http, conn);
    http_watch(req, on_lost, req);
    if (!from_here(req)) {
        http_reply_status(req, 403, "this server answers only to its own address; open it as "
                                    "http://127.0.0.1 or http://localhost");
        return;
    }
    if (!may_read(req, path)) return;
    req->route = find_route(req, path, &other_method);
    if (!req->route) {
        if (other_method) http_reply_status(req, 405, "this method is not offered here");
        else http_reply_status(req, 404, "there is nothing at this path");
        return;
    }
    if (req->route->flag == HTTP_WRITE && !token_fits(req)) {
        http_set_header(req, "WWW-Authenticate", "Bearer");
        http_reply_status(req, 401, "this needs the header 'Authorization: Bearer TOKEN'; the "
                                    "token is in the file 'token' of the data folder");
        return;
    }
    void *self = req->route->self ? req->route->self : req->http->conf.self;
    req->route->fn(self, req);
}

/* ---- the server ---- */

int http_open(struct http **out, struct loop *loop, const struct http_conf *conf) {
    struct http *http = base_calloc(1, sizeof *http);
    http->loop = loop;
    http->conf = *conf;
    http->port = conf->port;
    int fd, err = addr_listen(conf->host, &http->port, &fd);
    if (err) {
        base_free(http);
        return err;
    }
    http->token = conf->token ? base_strdup(conf->token) : NULL;
    http->ev = evhttp_new(loop_base(loop));
    CHECK(http->ev);
    evhttp_set_max_body_size(http->ev, (ev_ssize_t)HTTP_BODY_MAX);
    evhttp_set_max_headers_size(http->ev, (ev_ssize_t)HTTP_HEAD_MAX);
    evhttp_set_timeout(http->ev, BODY_KEEP_S);
    evhttp_set_allowed_methods(http->ev, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST |
                                             EVHTTP_REQ_PUT | EVHTTP_REQ_PATCH |
                                             EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS);
    evhttp_set_gencb(http->ev, on_request, http);
    http->settle = event_new(loop_base(loop), -1, 0, settle, http);
    CHECK(http->settle);
    evhttp_set_bevcb(http->ev, on_connect, http);
    struct evhttp_bound_socket *bound = evhttp_accept_socket_with_handle(http->ev, fd);
    CHECK(bound);
    http->gate = gate_open(loop, evhttp_bound_socket_get_listener(bound), http->port);
    *out = http;
    return 0;
}

void http_close(struct http *http) {
    if (!http) return;
    gate_close(http->gate);
    evhttp_free(http->ev);
    if (http->fresh) bufferevent_decref(http->fresh);
    event_free(http->settle);
    CHECK(!http->first);
    base_free(http->token);
    base_free(http);
}

uint16_t http_port(const struct http *http) {
    return http->port;
}
