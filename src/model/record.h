/* record.h - one record of a topic, as producers write and consumers read it.
 *
 * key or value with ptr NULL is null (a tombstone when the value is). Borrowed: whoever hands one
 * out says how long its bytes live. */
#ifndef MODEL_RECORD_H
#define MODEL_RECORD_H

#include "base/str.h"

#define RECORD_HEADER_MAX 256

struct record_header {
    struct str name, value; /* value.ptr NULL: null */
};
struct record {
    struct str key, value;
    int64_t ts_ms;  /* since 1970 UTC */
    int64_t offset; /* place in its partition; ignored when appending */
    const struct record_header *header;
    uint32_t header_cnt;
};

#endif
