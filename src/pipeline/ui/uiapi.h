/* uiapi.h - what the web pages ask for under /ui/: doc/ui-api.md is the contract.
 *
 * Thread: the loop's; uiapi_tick() once a second. */
#ifndef PIPELINE_UI_UIAPI_H
#define PIPELINE_UI_UIAPI_H

#include "net/http.h"
#include "net/loop.h"
#include "pipeline/pipe.h"

struct uiapi;
struct uiapi_conf {
    struct pipe *pipe; /* both borrowed */
    struct loop *loop;
};
int uiapi_open(struct uiapi **out, const struct uiapi_conf *conf) MUST_USE;
void uiapi_close(struct uiapi *api); /* after the HTTP servers; NULL is allowed */
void uiapi_set_ports(struct uiapi *api, const uint16_t *port); /* by enum door, once known */
void uiapi_tick(struct uiapi *api);
void uiapi_metrics(const struct uiapi *api, struct buf *out); /* adds to metric_render()'s */
const struct http_route *uiapi_routes(const struct uiapi *api, size_t *cnt);

#endif
