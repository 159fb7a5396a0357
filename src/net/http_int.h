/* http_int.h - what http.c and sse.c share: the request, and who hears of the connection's end. */
#ifndef NET_HTTP_INT_H
#define NET_HTTP_INT_H

#include "net/http.h"

struct evhttp_request;
struct http_link;
struct http_req {
    struct http *http;
    struct http_link *link;    /* its connection; NULL once that is gone */
    struct evhttp_request *ev; /* NULL: the peer went away before the answer */
    const struct http_route *route;
    struct arena arena;
    struct str param_name[HTTP_PARAM_MAX], param[HTTP_PARAM_MAX];
    size_t param_cnt;
    struct str query; /* after "?", still encoded; ptr NULL: none */
    bool answered;
};

/* lost(arg) is called when the peer goes away; a NULL `lost`: nobody wants to hear. While somebody
 * does, the connection is at work, and none that waits is closed before those that do nothing. */
void http_watch(struct http_req *req, void (*lost)(void *arg), void *arg);
/* Frees the request's memory once it was answered. */
void http_done(struct http_req *req);
/* Puts the headers that every answer carries. */
void http_put_headers(struct http_req *req);

#endif
