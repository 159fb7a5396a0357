/* pipe.h - the whole, running: tiers opened in the order of the data's way, pipelines on top.
 *
 * pipe_open() opens what is durable and makes topics and tables known; pipe_start() starts the
 * threads; pipe_close() stops them in the reverse order, so that nothing is handed to a tier that
 * is gone. A data folder belongs to one process at a time. Its files:
 *     lock  token  epoch  landing.db  log/  store/
 * Thread: open, start and close from one thread; the getters' objects say for themselves. */
#ifndef PIPELINE_PIPE_H
#define PIPELINE_PIPE_H

#include "coord/coord.h"
#include "landing/landing.h"
#include "log/log.h"
#include "observe/observe.h"
#include "orchestrate/orchestrate.h"
#include "pipeline/backlog.h"
#include "pipeline/captor.h"
#include "pipeline/conf.h"
#include "pipeline/def.h"
#include "pipeline/fetcher.h"
#include "pipeline/query.h"
#include "registry/registry.h"
#include "store/store.h"

#define PIPE_TOKEN_LEN 43 /* 256 bits in base64url */

struct pipe_conf {
    struct env *env;
    const char *data;       /* folder; made when it is not there */
    const struct conf *conf; /* borrowed, as the defs */
    struct def *const *def;
    size_t def_cnt;
    bool offline; /* see fetcher.h */
    const struct fence *fence; /* of the term it is opened for; NULL: no other node writes */
    struct coord *coord;       /* who leads, for /health; may be NULL */
    const char *node;          /* this node's name; may be NULL */
};
struct pipe;
int pipe_open(struct pipe **out, const struct pipe_conf *conf) MUST_USE;
int pipe_start(struct pipe *pipe) MUST_USE;
/* Opens what is embedded, only to be looked at: nothing is declared, made or run. What has no data
 * yet is empty and in memory; the getters of a landing without data, and of tiers that are not
 * embedded, give NULL. ERR_AGAIN: a server has the folder. */
int pipe_look(struct pipe **out, const struct pipe_conf *conf) MUST_USE;
void pipe_close(struct pipe *pipe); /* NULL is allowed */

const struct pipe_conf *pipe_conf(const struct pipe *pipe);
struct landing *pipe_landing(const struct pipe *pipe);
struct log *pipe_log(const struct pipe *pipe);
struct registry *pipe_registry(const struct pipe *pipe);
struct store *pipe_store(const struct pipe *pipe);
/* Do fetches pause because too much waits for the log? Then `note` says so. */
bool pipe_held(struct pipe *pipe, char note[BACKLOG_NOTE_MAX]);
/* Of the captor that writes the topic; false: none does. */
bool pipe_captured(const struct pipe *pipe, struct str topic, struct captor_stats *out);
struct orch *pipe_orch(const struct pipe *pipe);
struct observe *pipe_observe(const struct pipe *pipe);
size_t pipe_query_cnt(const struct pipe *pipe);
struct query *pipe_query(const struct pipe *pipe, size_t i);
const struct fetcher *pipe_fetcher(const struct pipe *pipe, struct str table); /* NULL: none */
const char *pipe_token(const struct pipe *pipe);
int64_t pipe_started_us(const struct pipe *pipe);

/* The rows of the table that is captured onto the topic go onto it once more, as READ changes.
 * ERR_NOT_FOUND: none is. */
int pipe_replay(struct pipe *pipe, struct str topic) MUST_USE;
/* The number an alert's or a page's "subject.metric" stands for; false: none yet. Subjects: a
 * topic, a table ("ks.table" or its last part). Times in seconds. */
bool pipe_value(struct pipe *pipe, struct str subject, struct str metric, double *out);

#endif
