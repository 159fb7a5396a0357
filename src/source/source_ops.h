/* source_ops.h - what an implementation of a source offers: seen by source.c and source/<product>/
 * only. */
#ifndef SOURCE_SOURCE_OPS_H
#define SOURCE_SOURCE_OPS_H

#include "source/source.h"

struct source_ops {
    const char *scheme; /* what its addresses begin with */
    /* The whole answer, at most SOURCE_BODY_MAX bytes, in the arena. */
    int (*fetch)(const struct source_conf *conf, struct arena *arena, struct str *body);
};
extern const struct source_ops http_source_ops, http_source_ops_tls, file_source_ops,
    people_source_ops;

#endif
