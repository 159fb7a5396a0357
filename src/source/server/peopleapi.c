/* peopleapi.c - made-up people over HTTP. */
#include "source/server/peopleapi.h"

#include "source/people/people.h"

void peopleapi_get(void *self UNUSED, struct http_req *req) {
    struct people_query query;
    struct str version = http_param(req, "version");
    struct buf out;
    int err = people_parse(env_real(), version.ptr ? version : STR(""), http_query_text(req),
                           &query);
    if (err) {
        http_reply_err(req, err);
        return;
    }
    buf_init(&out, PEOPLE_BODY_MAX);
    err = people_write(env_real(), &query, &out);
    if (err) {
        http_reply_err(req, err);
    } else {
        http_set_header(req, "Cache-Control", "no-cache");
        http_reply(req, 200, people_content_type(query.format), buf_str(&out));
    }
    buf_fini(&out);
}
