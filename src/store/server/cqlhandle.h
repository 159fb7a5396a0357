/* cqlhandle.h - one request that runs a statement: from its body to the frame that answers it.
 *
 * QUERY, PREPARE, EXECUTE and BATCH. Whatever goes wrong becomes an ERROR frame.
 * Thread:  any number at once, each with its own request.
 * Memory:  the request is the caller's; `answer` is filled and stays the caller's to free. */
#ifndef STORE_SERVER_CQLHANDLE_H
#define STORE_SERVER_CQLHANDLE_H

#include "store/cql/cqlexec.h"
#include "store/server/cqlcache.h"
#include "wire/cql/cqlframe.h"

struct cqlhandle_env {
    struct env *env;
    struct store *store;
    struct cqlexec *exec;
    struct cqlcache *cache;
    size_t body_max;   /* of a request, decompressed */
    size_t answer_max; /* of an answer */
};
struct cqlhandle_request {
    const struct cqlhandle_env *env;
    struct cqlframe frame;
    enum cqlframe_zip zip;
    struct cqlexec_session session; /* in; after USE: out */
    struct buf answer;              /* out: one whole frame */
    bool keyspace_set, schema_changed, failed; /* out */
};
void cqlhandle_run(struct cqlhandle_request *request, struct arena *scratch);

/* An ERROR frame, for whoever finds the mistake before a statement is reached. */
void cqlhandle_error(struct buf *out, const struct cqlframe *asked, int32_t code, struct str text);

#endif
