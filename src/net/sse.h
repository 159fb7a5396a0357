/* sse.h - server-sent events on an http request: one long answer, an event at a time.
 *
 * The stream is closed by the peer, by sse_close() or with the server; a peer that does not read is
 * dropped past SSE_OUT_MAX unsent bytes. on_close is called once in any case.
 * Thread: the loop's. */
#ifndef NET_SSE_H
#define NET_SSE_H

#include "net/http.h"

#define SSE_OUT_MAX ((size_t)1 << 20)

struct sse;
struct sse *sse_open(struct http_req *req, void (*on_close)(void *arg, struct sse *sse), void *arg);
void sse_send(struct sse *sse, const char *event, struct str data); /* data: one line (JSON) */
void sse_close(struct sse *sse);

#endif
