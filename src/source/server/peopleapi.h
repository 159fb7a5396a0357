/* peopleapi.h - /api/ and /api/VERSION/ of the built-in people, as randomuser.me serves them. */
#ifndef SOURCE_SERVER_PEOPLEAPI_H
#define SOURCE_SERVER_PEOPLEAPI_H

#include "net/http.h"

/* Handlers for routes "/api/", "/api" and "/api/{version}/"; they use nothing but the request. */
void peopleapi_get(void *self, struct http_req *req);

#endif
