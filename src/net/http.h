/* http.h - an HTTP server: a table of routes and JSON answers (sse.h: event streams).
 *
 * Checked before any handler: the Host header (loopback names and permitted ones only), the
 * Origin of every request that has one, the token of every route marked HTTP_WRITE, size of head
 * and body. At most HTTP_CONN_MAX connections: a new one takes the place of the one that came first
 * of those that have no request at work, so that slow or silent peers lock nobody out. A server
 * that has a token and listens on more than loopback wants it for reads too, all but /health: as
 * "Authorization: Bearer TOKEN", or as the cookie that "?token=TOKEN" gives. Every answer carries
 * nosniff, no-referrer and a CSP without inline script.
 * Thread: the loop's. On libevent's evhttp. */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include "base/arena.h"
#include "base/buf.h"
#include "net/loop.h"

#define HTTP_BODY_MAX  ((size_t)4 << 20)
#define HTTP_HEAD_MAX  ((size_t)32 << 10)
#define HTTP_PARAM_MAX 8
#define HTTP_CONN_MAX  1024

struct http;
struct http_req;
typedef void http_fn(void *self, struct http_req *req);
enum http_flag { HTTP_READ = 0, HTTP_WRITE = 1 /* needs the token */ };
struct http_route {
    const char *method; /* "GET"; "*": any */
    const char *path;   /* "/api/v2/dags/{dag_id}/dagRuns"; a last "{name*}" takes the rest */
    http_fn *fn;
    enum http_flag flag;
    void *self; /* what fn gets; NULL: the server's */
};
struct http_conf {
    const char *host;
    uint16_t port;      /* 0: the system picks */
    const struct http_route *route; /* borrowed, the first that fits is called */
    size_t route_cnt;
    void *self;
    const char *token;  /* NULL: HTTP_WRITE needs none */
    /* The body of an error answer; NULL: {"detail": "..."} */
    void (*error_body)(struct buf *out, int status, int err, struct str text);
};
int http_open(struct http **out, struct loop *loop, const struct http_conf *conf) MUST_USE;
void http_close(struct http *http);
uint16_t http_port(const struct http *http);

struct str http_param(const struct http_req *req, const char *name); /* from the path, decoded */
struct str http_query(const struct http_req *req, const char *name); /* decoded; ptr NULL: none */
/* The i-th value of a repeated query parameter; ptr NULL past the last. */
struct str http_query_at(const struct http_req *req, const char *name, size_t i);
struct str http_query_text(const struct http_req *req); /* all after "?", as it came */
struct str http_header(const struct http_req *req, const char *name);
struct str http_body(const struct http_req *req);
const char *http_method(const struct http_req *req);
struct arena *http_arena(struct http_req *req); /* lives until the answer is sent */

/* Each request gets exactly one of these, now or later on the loop's thread. */
void http_reply(struct http_req *req, int status, const char *type, struct str body);
void http_reply_json(struct http_req *req, int status, struct str body);
void http_reply_err(struct http_req *req, int err);                   /* status and note of err */
void http_reply_status(struct http_req *req, int status, const char *text);
void http_set_header(struct http_req *req, const char *name, const char *value); /* before reply */

#endif
