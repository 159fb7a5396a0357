/* kapi_versions.c - ApiVersions: what a client asks first. */
#include "log/server/kapi.h"
#include "log/server/kerr.h"

static void fill(struct kreq *req, struct api_versions_response *out) {
    size_t cnt = 0;
    while (kapi_at(cnt))
        cnt++;
    out->api_keys = KMSG_ARRAY(&req->arena, api_versions_response_api, cnt);
    out->api_keys_cnt = cnt;
    for (size_t i = 0; i < cnt; i++) {
        const struct kapi *api = kapi_at(i);
        out->api_keys[i].api_key = api->key;
        out->api_keys[i].min_version = api->shown;
        out->api_keys[i].max_version = api->last;
    }
}

void kapi_versions_run(struct kreq *req) {
    fill(req, req->out);
    kreq_reply(req);
}

void kapi_versions_unknown(struct kreq *req) {
    req->head.api_version = 0;
    struct api_versions_response *out = arena_new(&req->arena, struct api_versions_response);
    out->error_code = KERR_UNSUPPORTED_VERSION;
    fill(req, out);
    req->out = out;
    kreq_reply(req);
}
