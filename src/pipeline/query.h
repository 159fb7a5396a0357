/* query.h - the thread of one transform: topic in, table out, quarantine beside it.
 *
 * It waits for the topic's schema, makes or widens the table from the SELECT, and steps the stream;
 * rows, offsets and state go into the store in one commit, quarantined records are durable before
 * it. When the topic's schema grows, the query is planned anew between two batches. A mistake that
 * shows only now, or a store that does not answer, is shown as trouble and tried again.
 * Thread: query_start/close from one thread; the rest from any. */
#ifndef PIPELINE_QUERY_H
#define PIPELINE_QUERY_H

#include "log/log.h"
#include "pipeline/def.h"
#include "registry/registry.h"
#include "store/store.h"

struct query_conf {
    struct env *env;
    struct log *log; /* all borrowed */
    struct registry *registry;
    struct store *store;
    const struct def_transform *def;
};
struct query;
int query_open(struct query **out, const struct query_conf *conf) MUST_USE;
int query_start(struct query *query) MUST_USE;
/* One round, which is what the thread does over and over: plans when that is due, then does one
 * batch, waited for up to timeout_us; *did is its records. ERR_AGAIN: there is no schema yet. After
 * another error the query is planned anew by the next step. For simulations; not beside
 * query_start(). */
int query_step(struct query *query, int64_t timeout_us, size_t *did) MUST_USE;
void query_close(struct query *query); /* stops after the batch under way; NULL is allowed */

enum query_state { QUERY_WAITING, QUERY_RUNNING, QUERY_TROUBLE };
struct query_stats {
    enum query_state state;
    struct stream_stats stream; /* summed over plans since start */
    char note[256];             /* what it waits for, or the trouble */
};
void query_stats(struct query *query, struct query_stats *out);
int64_t query_failed(struct query *query, size_t expect_idx); /* rows that failed this check */
const struct def_transform *query_def(const struct query *query);

#endif
