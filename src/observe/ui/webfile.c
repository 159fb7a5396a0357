/* webfile.c - serving what tool/embed put into the program. */
#include "observe/ui/webfile.h"

#define HOME "%HOME%"

static const struct webfile *find(const char *path) {
    for (size_t i = 0; i < webfile_cnt; i++)
        if (!strcmp(webfile_all[i].path, path)) return &webfile_all[i];
    return NULL;
}

void webfile_get_page(void *self, struct http_req *req) {
    const struct webfile *page = find("/index.html");
    struct buf out;
    if (!page) {
        http_reply(req, 503, "text/plain; charset=utf-8",
                   STR("This program was built without its web pages: run `make ui` and build "
                       "again.\nEverything else works: /api/v2/ /ui/ /metrics /health\n"));
        return;
    }
    const char *hit = memmem(page->data, page->len, HOME, strlen(HOME));
    size_t head = hit ? (size_t)(hit - page->data) : page->len;
    buf_init(&out, MIB);
    buf_put(&out, page->data, head);
    if (hit) {
        buf_putz(&out, self);
        buf_put(&out, hit + strlen(HOME), page->len - head - strlen(HOME));
    }
    http_set_header(req, "Cache-Control", "no-cache");
    http_reply(req, 200, page->type, buf_str(&out));
    buf_fini(&out);
}

void webfile_get_file(void *self UNUSED, struct http_req *req) {
    struct arena *arena = http_arena(req);
    const char *path = arena_printf(arena, "/%.*s", STR_ARG(http_param(req, "file"))).ptr;
    const struct webfile *file = find(path);
    if (!file) {
        http_reply_status(req, 404, "there is nothing at this path");
        return;
    }
    http_set_header(req, "Cache-Control",
                    file->immutable ? "public, max-age=31536000, immutable" : "no-cache");
    http_set_header(req, "ETag", file->etag);
    if (str_eqz(http_header(req, "If-None-Match"), file->etag)) {
        http_reply(req, 304, file->type, STR(""));
        return;
    }
    if (file->gzip) http_set_header(req, "Content-Encoding", "gzip");
    http_reply(req, 200, file->type, (struct str){file->data, file->len});
}
