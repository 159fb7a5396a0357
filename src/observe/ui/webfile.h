/* webfile.h - the web pages inside the program, and their serving.
 *
 * Every file is kept compressed and sent so; names with a hash are cached for ever, the others by
 * ETag. The page itself is written out with the name of the start page of the door it is served
 * on. Thread: any. */
#ifndef OBSERVE_UI_WEBFILE_H
#define OBSERVE_UI_WEBFILE_H

#include "net/http.h"

struct webfile {
    const char *path, *type, *data;
    size_t len;
    const char *etag;
    bool immutable, gzip;
};
extern const struct webfile webfile_all[]; /* made by tool/embed */
extern const size_t webfile_cnt;

/* Handlers. `self` is the start page's name: "runs" or "overview". */
void webfile_get_page(void *self, struct http_req *req); /* index.html, for any of its paths */
void webfile_get_file(void *self, struct http_req *req); /* route "/{file}" */

#endif
