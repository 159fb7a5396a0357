/* jsonget.h - get_json_object()'s paths: $.a.b[0], $['a b'], [*], and Hive's rules for them. */
#ifndef STREAM_OP_JSONGET_H
#define STREAM_OP_JSONGET_H

#include "base/arena.h"
#include "base/buf.h"

#define JSONGET_STEP_MAX 64

struct jsonget;

/* NULL: the path is malformed, and finds nothing. */
const struct jsonget *jsonget_parse(struct str path, struct arena *arena);
/* What the path finds in the text, into `out`; false: nothing, or the text is not JSON. */
bool jsonget_find(const struct jsonget *get, struct str text, struct buf *out);

#endif
