/* query.c - waiting, planning, stepping.
 *
 * A plan reads records by one schema; what a wider one allows, it would read as NULL. Capture
 * registers a schema before it writes the first record of it. So after a batch was read and before
 * it has any effect, a query asks whether one was registered since it planned, and if so plans anew
 * and reads the batch again. Schemas that other programs register elsewhere it finds within
 * SCHEMA_US. */
#include "pipeline/query.h"

#include "base/diag.h"
#include "base/err.h"
#include "pipeline/reject.h"
#include "wire/json/jsonschema.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#define STEP_US       200000
#define WAIT_US       100000
#define SCHEMA_US     1000000
#define BACKOFF_MAX   5000000
#define EXPECT_MAX    256

struct query {
    struct query_conf conf;
    pthread_t thread;
    bool started;
    atomic_bool stopping;
    struct arena plan; /* source type, until the next plan */
    int32_t schema_id; /* the schema planned for; 0: none */
    int64_t trouble_ever; /* records the topic ever had when trouble was last seen; -1: none is */
    uint64_t registered; /* registry_registered() when it was the newest */
    bool outdated;     /* there is a newer one: the batch at hand is to be read by that */
    int64_t look_us;   /* when to look for a newer one, by the monotonic clock */
    struct stream *stream;
    struct store_sink *sink;
    struct store_tx *tx;
    struct reject *reject;
    pthread_mutex_t lock; /* of all below */
    enum query_state state;
    char note[256];
    struct stream_stats now, before; /* of this plan; of the plans before */
    int64_t failed[EXPECT_MAX], failed_before[EXPECT_MAX];
};

static void set_state(struct query *query, enum query_state state, const char *note) {
    pthread_mutex_lock(&query->lock);
    bool news = query->state != state || strncmp(query->note, note, sizeof query->note - 1);
    query->state = state;
    snprintf(query->note, sizeof query->note, "%s", note);
    pthread_mutex_unlock(&query->lock);
    if (news && state == QUERY_TROUBLE)
        diag_warn("stream", "%.*s: %s", STR_ARG(query->conf.def->name), note);
    if (news && state == QUERY_RUNNING)
        diag_info("stream", "%.*s: running", STR_ARG(query->conf.def->name));
}

/* The newest schema of the topic's values: ERR_NOT_FOUND when there is none yet. */
static int latest_schema(struct query *query, struct arena *arena, struct registry_schema *out) {
    struct str subject = arena_printf(arena, "%.*s-value", STR_ARG(query->conf.def->topic));
    return registry_get(query->conf.registry, subject, -1, arena, out);
}

/* ---- the sink ---- */

/* Was the batch that was read planned for? */
static int check_plan(struct query *query) {
    uint64_t registered = registry_registered(query->conf.registry);
    if (registered == query->registered) return 0;
    struct arena arena = ARENA_INIT;
    struct registry_schema schema;
    int err = latest_schema(query, &arena, &schema);
    if (!err && schema.id != query->schema_id) {
        query->outdated = true;
        err = err_fail(ERR_AGAIN, "the topic has a newer schema");
    }
    if (!err) query->registered = registered;
    arena_fini(&arena);
    return err;
}

static int sink_begin(void *self) {
    struct query *query = self;
    int err = check_plan(query);
    return err ? err : store_begin(query->conf.store, &query->tx);
}

static int sink_rows(void *self, const struct batch *rows, const int64_t *ts_us,
                     stream_reject_fn *reject, void *arg) {
    struct query *query = self;
    return store_sink_rows(query->sink, query->tx, rows, ts_us, reject, arg);
}

static int sink_put_state(void *self, struct str name, struct str value) {
    struct query *query = self;
    return store_put_state(query->tx, name, value);
}

static int sink_commit(void *self) {
    struct query *query = self;
    int err = reject_flush(query->reject);
    struct store_tx *tx = query->tx;
    query->tx = NULL;
    if (!err) return store_commit(tx);
    store_abort(tx);
    return err;
}

static void sink_abort(void *self) {
    struct query *query = self;
    store_abort(query->tx);
    query->tx = NULL;
    reject_drop(query->reject);
}

static int sink_get_state(void *self, struct str name, struct arena *arena, struct str *out) {
    struct query *query = self;
    return store_get_state(query->conf.store, name, arena, out);
}

static int sink_quarantine(void *self, const struct record *record, int32_t part, struct str check,
                           struct str reason) {
    struct query *query = self;
    return reject_add(query->reject, record, part, check, reason);
}

/* ---- planning ---- */

static void add_stats(struct stream_stats *sum, const struct stream_stats *more) {
    sum->records_in += more->records_in;
    sum->rows_out += more->rows_out;
    sum->rows_filtered += more->rows_filtered;
    sum->quarantined += more->quarantined;
    sum->batches += more->batches;
    sum->busy_us += more->busy_us;
}

static void plan_close(struct query *query) {
    pthread_mutex_lock(&query->lock);
    struct stream_stats last = query->now;
    add_stats(&query->before, &last);
    query->now = (struct stream_stats){.lag = last.lag, .newest_ts_ms = last.newest_ts_ms,
                                       .latency_p50_us = last.latency_p50_us,
                                       .latency_p99_us = last.latency_p99_us};
    for (size_t i = 0; i < query->conf.def->expect_cnt && i < EXPECT_MAX; i++) {
        query->failed_before[i] += query->failed[i];
        query->failed[i] = 0;
    }
    pthread_mutex_unlock(&query->lock);
    stream_close(query->stream);
    store_sink_close(query->sink);
    reject_close(query->reject);
    query->stream = NULL;
    query->sink = NULL;
    query->reject = NULL;
    query->schema_id = 0;
    arena_reset(&query->plan);
}

static int plan_open(struct query *query, const struct registry_schema *schema) {
    const struct def_transform *def = query->conf.def;
    const struct type *source;
    int err = jsonschema_parse(schema->text, &query->plan, &source);
    if (err) return err;
    struct stream_conf conf = {
        .env = query->conf.env,
        .name = def->name,
        .query = {def->sql, def->expect, def->expect_cnt},
        .source = source,
        .log = query->conf.log,
        .sink = {query, sink_begin, sink_rows, sink_put_state, sink_commit, sink_abort,
                 sink_get_state, sink_quarantine},
    };
    err = reject_open(&query->reject, query->conf.log, def->topic, def->table);
    if (!err) err = stream_open(&query->stream, &conf);
    if (err) return err;
    struct store_sink_conf sink = {def->keyspace, def->table, stream_type(query->stream), def->key,
                                   0};
    err = store_sink_open(query->conf.store, &sink, &query->sink);
    if (!err) query->schema_id = schema->id;
    return err;
}

/* Plans when there is a schema and it is another than the one planned for; *ready: there is one. */
static int plan(struct query *query, bool *ready) {
    struct arena arena = ARENA_INIT;
    struct registry_schema schema;
    char note[256];
    uint64_t registered = registry_registered(query->conf.registry); /* before it is asked */
    int err = latest_schema(query, &arena, &schema);
    *ready = !err;
    if (err_retry(err) && query->stream) { /* the registry is away: the plan at hand still holds */
        err = 0;
        *ready = true;
    } else if (err == ERR_NOT_FOUND) {
        err = 0;
        snprintf(note, sizeof note, "waits for the first record of topic %.*s",
                 STR_ARG(query->conf.def->topic));
        set_state(query, QUERY_WAITING, note);
    } else if (!err && schema.id != query->schema_id) {
        plan_close(query);
        err = plan_open(query, &schema);
        if (err) plan_close(query);
        else query->registered = registered;
    }
    arena_fini(&arena);
    return err;
}

/* ---- running ---- */

static void note_stats(struct query *query) {
    struct stream_stats stats;
    stream_stats(query->stream, &stats);
    pthread_mutex_lock(&query->lock);
    query->now = stats;
    for (size_t i = 0; i < query->conf.def->expect_cnt && i < EXPECT_MAX; i++)
        query->failed[i] = stream_failed(query->stream, i);
    pthread_mutex_unlock(&query->lock);
}

/* Records that the topic ever had, about. */
static int64_t count_ever(struct query *query) {
    struct arena arena = ARENA_INIT;
    struct log_topic topic;
    int64_t sum = 0;
    int err = log_topic_get(query->conf.log, query->conf.def->topic, &arena, &topic);
    for (int32_t part = 0; !err && part < topic.part_cnt; part++) {
        struct log_span span;
        err = log_span(query->conf.log, topic.name, part, &span);
        if (!err) sum += span.end;
    }
    arena_fini(&arena);
    return err ? -1 : sum;
}

/* What does not run lags behind by what it did last, and by all that came since. */
static void note_trouble_lag(struct query *query) {
    int64_t ever = count_ever(query);
    if (ever < 0) return;
    pthread_mutex_lock(&query->lock);
    if (query->trouble_ever >= 0) query->now.lag += MAX(ever - query->trouble_ever, 0);
    pthread_mutex_unlock(&query->lock);
    query->trouble_ever = ever;
}

/* Plans when it is time to, and takes a batch. */
static int step(struct query *query, int64_t timeout_us, bool *ready, size_t *did) {
    int64_t now_us = env_mono_us(query->conf.env);
    int err = 0;
    if (!query->stream || now_us >= query->look_us) {
        err = plan(query, ready);
        query->look_us = now_us + SCHEMA_US;
    }
    if (err || !*ready) return err;
    return stream_step(query->stream, timeout_us, did);
}

int query_step(struct query *query, int64_t timeout_us, size_t *did) {
    bool ready = true;
    *did = 0;
    int err = step(query, timeout_us, &ready, did);
    while (query->outdated) {
        query->outdated = false;
        plan_close(query);
        err = step(query, timeout_us, &ready, did);
    }
    if (!err && !ready) return ERR_AGAIN;
    if (err) {
        set_state(query, QUERY_TROUBLE, err_note());
        plan_close(query);
        note_trouble_lag(query);
        return err;
    }
    query->trouble_ever = -1;
    note_stats(query);
    set_state(query, QUERY_RUNNING, "");
    return 0;
}

/* ---- the thread ---- */

static void *query_main(void *arg) {
    struct query *query = arg;
    int64_t backoff_us = WAIT_US;
    size_t did;
    pthread_setname_np(pthread_self(), "query");
    while (!atomic_load(&query->stopping)) {
        int err = query_step(query, STEP_US, &did);
        if (!err) {
            backoff_us = WAIT_US;
            continue;
        }
        if (err != ERR_AGAIN) backoff_us = MIN(backoff_us * 2, BACKOFF_MAX);
        for (int64_t slept = 0; slept < backoff_us && !atomic_load(&query->stopping);
             slept += WAIT_US)
            env_sleep_us(query->conf.env, WAIT_US);
    }
    return NULL;
}

int query_open(struct query **out, const struct query_conf *conf) {
    struct query *query = base_calloc(1, sizeof *query);
    query->conf = *conf;
    query->state = QUERY_WAITING;
    query->trouble_ever = -1;
    pthread_mutex_init(&query->lock, NULL);
    *out = query;
    return 0;
}

int query_start(struct query *query) {
    int errnum = pthread_create(&query->thread, NULL, query_main, query);
    if (errnum) return err_fail_os(ERR_AGAIN, errnum, "cannot start a query's thread");
    query->started = true;
    return 0;
}

void query_close(struct query *query) {
    if (!query) return;
    atomic_store(&query->stopping, true);
    log_wake(query->conf.log);
    if (query->started) pthread_join(query->thread, NULL);
    plan_close(query);
    arena_fini(&query->plan);
    pthread_mutex_destroy(&query->lock);
    base_free(query);
}

void query_stats(struct query *query, struct query_stats *out) {
    pthread_mutex_lock(&query->lock);
    out->state = query->state;
    memcpy(out->note, query->note, sizeof out->note);
    out->stream = query->now;
    add_stats(&out->stream, &query->before);
    pthread_mutex_unlock(&query->lock);
}

int64_t query_failed(struct query *query, size_t i) {
    if (i >= EXPECT_MAX) return 0;
    pthread_mutex_lock(&query->lock);
    int64_t failed = query->failed[i] + query->failed_before[i];
    pthread_mutex_unlock(&query->lock);
    return failed;
}

const struct def_transform *query_def(const struct query *query) {
    return query->conf.def;
}
