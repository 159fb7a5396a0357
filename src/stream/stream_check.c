/* stream_check.c - what is wrong with a query, without running it: needs no log and no sink. */
#include "stream/plan/plan.h"

int stream_check(const struct stream_query *query, const struct type *source, struct arena *arena,
                 const struct type **out_type, struct str *topic, struct stream_errors *errors) {
    struct plan plan;
    assert(query && arena && errors);
    int err = plan_make(&plan, query, source, arena, errors);
    if (out_type) *out_type = plan.row;
    if (topic) *topic = plan.topic;
    plan_fini(&plan);
    return err;
}
