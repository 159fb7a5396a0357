/* captor.c - capture to log.
 *
 * Invariant: a change is acknowledged only after every topic that wants it has it durably; what a
 * partition's last record says was written is not written again. */
#include "pipeline/captor.h"

#include "base/diag.h"
#include "base/err.h"
#include "base/metric.h"
#include "base/mutant.h"
#include "pipeline/chgrec.h"
#include "pipeline/logput.h"
#include "pipeline/origin.h"
#include "wire/json/jsonschema.h"
#include "wire/json/jsontype.h"
#include "wire/kafka/kpart.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#define CHANGE_MAX   4096
#define POLL_US      200000
#define BACKOFF_US   100000
#define BACKOFF_MAX  5000000
#define TAIL_MAX     10000
#define TAIL_NEAR    64 /* its last record has the highest id */
#define LAG_EVERY_US 500000

struct last_id {
    uint64_t seq;
    uint32_t idx;
    bool any;
};

struct route {
    const struct def_capture *def;
    struct logput *put;
    int32_t part_cnt; /* that the topic has, whatever the file says */
    struct uuid id;   /* of the topic */
    bool copying;     /* a copy of its table is on the way, or another topic's that it shares */
    atomic_bool again; /* somebody wants the table's rows once more */
    bool ready;       /* the topic is there and its end was read, the registry was asked */
    struct last_id *last, *pending; /* by partition: written; written once this flush is done */
    struct arena type_arena;
    const struct type *type; /* of the values so far; NULL: nothing yet */
    bool type_known;         /* the registry has `type` */
    int32_t schema_id;
    int64_t new_records, new_bytes; /* of this flush */
    atomic_int_fast64_t records, bytes, newest_ms;
};

struct captor {
    struct captor_conf conf;
    struct capture *capture;
    struct route *route;
    struct arena arena;     /* of one round: the changes below */
    struct arena records;   /* made of them, by one attempt */
    struct change *change;
    size_t cnt;             /* changes taken and not acknowledged yet */
    bool unsure;            /* a flush failed: some partitions may have what others have not */
    struct origin origin;
    bool settled;           /* what comes follows what the topics have */
    int64_t lag_us;         /* when to look at the lag again */
    pthread_t thread;
    bool started;
    atomic_bool stopping;
    bool copying; /* of any topic: tables' rows are on their way that were there before */
    atomic_int_fast64_t busy_us, waiting, behind;
    struct metric *latency;
    pthread_mutex_t lock;
    char trouble[256]; /* under lock */
};

static void set_trouble(struct captor *captor, const char *text) {
    pthread_mutex_lock(&captor->lock);
    if (*text && strncmp(captor->trouble, text, sizeof captor->trouble - 1))
        diag_warn("capture", "%s", text);
    snprintf(captor->trouble, sizeof captor->trouble, "%s", text);
    pthread_mutex_unlock(&captor->lock);
}

/* ---- start ---- */

static void note_last(void *arg, const struct record *record) {
    struct last_id *last = arg;
    if (chgrec_id(record, &last->seq, &last->idx)) last->any = true;
}

/* What the ends of the topic's partitions say was written. */
static int read_last(struct captor *captor, struct route *route) {
    struct log *log = captor->conf.log;
    if (MUTANT("capture-forgets-what-it-wrote")) return 0;
    logput_foresee(log, route->def->topic, route->part_cnt, TAIL_NEAR);
    for (int32_t i = 0; i < route->part_cnt; i++) {
        struct last_id last = {0, 0, false};
        int err = logput_tail(log, route->def->topic, i, TAIL_NEAR, note_last, &last);
        if (!err && !last.any) /* somebody else's records lie behind ours */
            err = logput_tail(log, route->def->topic, i, TAIL_MAX, note_last, &last);
        if (err) return err;
        route->last[i] = route->pending[i] = last;
    }
    return 0;
}

/* A topic that we may not make is used when another has made it. */
static int make_topic(struct captor *captor, struct route *route, struct arena *arena,
                      struct log_topic *topic) {
    struct str name = route->def->topic;
    struct log_setting big = {STR("max.message.bytes"), STR(LOGPUT_MAX)};
    int err = log_topic_create(captor->conf.log, name, route->def->partitions, &big, 1);
    if (!err || err == ERR_EXISTS) return log_topic_get(captor->conf.log, name, arena, topic);
    char why[ERR_NOTE_MAX];
    snprintf(why, sizeof why, "%s", err_note());
    if (err == ERR_DENIED && !log_topic_get(captor->conf.log, name, arena, topic)) return 0;
    return err_fail((enum err)err, "topic '%.*s' cannot be made: %s", STR_ARG(name), why);
}

static int route_topic(struct captor *captor, struct route *route) {
    struct str name = route->def->topic;
    struct log_topic topic;
    struct arena arena = ARENA_INIT;
    int err = make_topic(captor, route, &arena, &topic);
    if (!err && !route->put) {
        int32_t cnt = route->part_cnt = topic.part_cnt;
        route->id = topic.id;
        route->last = base_calloc((size_t)cnt, sizeof *route->last);
        route->pending = base_calloc((size_t)cnt, sizeof *route->pending);
        err = logput_open(&route->put, captor->conf.log, name, cnt);
    }
    if (!err) err = read_last(captor, route);
    arena_fini(&arena);
    return err;
}

static struct str subject_of(const struct route *route, struct arena *arena) {
    return arena_printf(arena, "%.*s-value", STR_ARG(route->def->topic));
}

/* The type the registry has, so that a restart does not register anew. */
static int route_schema(struct captor *captor, struct route *route) {
    struct arena arena = ARENA_INIT;
    struct registry_schema schema;
    int err = registry_get(captor->conf.registry, subject_of(route, &arena), -1, &arena, &schema);
    if (!err && schema.kind == REGISTRY_JSON &&
        !jsonschema_parse(schema.text, &route->type_arena, &route->type)) {
        route->schema_id = schema.id;
        route->type_known = true;
    }
    arena_fini(&arena);
    return err == ERR_NOT_FOUND ? 0 : err;
}

/* ---- copies ---- */

/* The setting that says of which topic the rows of which table are there. */
static struct str copied_of(const struct route *route, struct arena *arena) {
    return arena_printf(arena, "capture.copied.%.*s", STR_ARG(route->def->topic));
}

/* Its value: a topic of that name on another log, or made anew, has another id. */
static struct str copy_of(const struct route *route, struct arena *arena) {
    char id[UUID_TEXT_LEN + 1];
    uuid_format(&route->id, id);
    return arena_printf(arena, "%.*s %s", STR_ARG(route->def->table), id);
}

/* Of our own landing a look tells whether there is anything to copy: what lands from now on is
 * captured. Others' tables are not counted. */
static int has_rows(struct captor *captor, struct str table, bool *rows) {
    struct arena arena = ARENA_INIT;
    struct landing_info *info;
    size_t cnt = 0;
    *rows = true;
    if (captor->conf.home != captor->conf.landing) return 0;
    int err = landing_tables(captor->conf.landing, &arena, &info, &cnt);
    if (!err) *rows = false;
    for (size_t i = 0; i < cnt && !err; i++)
        if (str_eq(info[i].name, table)) *rows = info[i].row_cnt != 0;
    arena_fini(&arena);
    return err;
}

/* One copy is enough for all topics of a table. */
static bool is_shared(const struct captor *captor, const struct route *route) {
    for (size_t i = 0; i < captor->conf.capture_cnt; i++)
        if (&captor->route[i] != route && captor->route[i].copying &&
            str_eq(captor->route[i].def->table, route->def->table)) return true;
    return false;
}

static int ask_copy(struct captor *captor, struct route *route) {
    bool rows = true;
    int err = has_rows(captor, route->def->table, &rows);
    if (err) return err;
    if (rows && !is_shared(captor, route)) {
        diag_info("capture", "the rows of table %.*s go onto topic %.*s",
                  STR_ARG(route->def->table), STR_ARG(route->def->topic));
        err = capture_snapshot(captor->capture, route->def->table);
    }
    if (!err) route->copying = captor->copying = true;
    return err;
}

/* Its value until the topic is known, of a table that is captured since before its first row. */
static struct str whole_of(const struct route *route, struct arena *arena) {
    return arena_printf(arena, "%.*s *", STR_ARG(route->def->table));
}

/* A table without rows needs no copy: what lands from now on waits for its topic, however long that
 * is away. Written down, for a later start finds rows. */
static int note_whole(struct captor *captor) {
    struct arena arena = ARENA_INIT;
    struct landing_tx *tx = NULL;
    int err = 0;
    for (size_t i = 0; i < captor->conf.capture_cnt && !err; i++) {
        struct route *route = &captor->route[i];
        struct str name = copied_of(route, &arena), done;
        bool rows = true;
        err = landing_setting(captor->conf.home, name, &arena, &done);
        if (err != ERR_NOT_FOUND) continue;
        err = has_rows(captor, route->def->table, &rows);
        if (err || rows) continue;
        if (!tx) err = landing_begin(captor->conf.home, &tx);
        if (!err) err = landing_put_setting(tx, name, whole_of(route, &arena));
    }
    if (tx && !err) err = landing_commit(tx);
    else landing_abort(tx);
    arena_fini(&arena);
    return err;
}

/* Asks for a copy of the table unless its topic has had one, or will have all there ever was. */
static int copy_table(struct captor *captor, struct route *route) {
    struct arena arena = ARENA_INIT;
    struct str done;
    int err = landing_setting(captor->conf.home, copied_of(route, &arena), &arena, &done);
    bool whole = !err && str_eq(done, whole_of(route, &arena));
    bool again = !err && !whole && !str_eq(done, copy_of(route, &arena));
    if (err == ERR_NOT_FOUND || again) err = ask_copy(captor, route);
    if (whole) route->copying = captor->copying = true;
    arena_fini(&arena);
    return err;
}

/* Writes what is true of the routes that are copying: that they have their copy, or, as long as
 * they have not, that it must be asked for after a crash. */
static int put_copied(struct captor *captor, struct route *route, bool done) {
    struct arena arena = ARENA_INIT;
    struct landing_tx *tx;
    int err = landing_begin(captor->conf.home, &tx);
    if (err) return err;
    for (size_t i = 0; i < captor->conf.capture_cnt && !err; i++) {
        struct route *one = &captor->route[i];
        if (route ? one == route : one->copying)
            err = landing_put_setting(tx, copied_of(one, &arena),
                                      done ? copy_of(one, &arena) : STR("-"));
    }
    if (!err) err = landing_commit(tx);
    else landing_abort(tx);
    arena_fini(&arena);
    return err;
}

/* Changes may be missing: every topic must have its copy anew. */
static int want_copies(struct captor *captor) {
    int err = 0;
    for (size_t i = 0; i < captor->conf.capture_cnt && !err && captor->conf.home; i++)
        err = put_copied(captor, &captor->route[i], false);
    return err;
}

/* Once all of the copies is written and acked, this is remembered. */
static int note_copied(struct captor *captor) {
    if (capture_copying(captor->capture)) return 0;
    int err = put_copied(captor, NULL, true);
    if (err) return err;
    for (size_t i = 0; i < captor->conf.capture_cnt; i++) captor->route[i].copying = false;
    captor->copying = false;
    return 0;
}

/* What captor_replay() asked for: remembered before it is begun. */
static int copy_again(struct captor *captor) {
    int err = 0;
    for (size_t i = 0; i < captor->conf.capture_cnt && !err; i++) {
        struct route *route = &captor->route[i];
        if (!route->ready || route->copying || !atomic_exchange(&route->again, false)) continue;
        err = put_copied(captor, route, false);
        if (!err) err = ask_copy(captor, route);
        if (err) atomic_store(&route->again, true);
    }
    return err;
}

/* ---- whose changes ---- */

static uint64_t last_of(const struct captor *captor) {
    uint64_t last = 0;
    for (size_t r = 0; r < captor->conf.capture_cnt; r++)
        for (int32_t part = 0; part < captor->route[r].part_cnt; part++)
            if (captor->route[r].last[part].any)
                last = MAX(last, captor->route[r].last[part].seq);
    return last;
}

/* The capture begins anew; copies that were asked for before it went with what it forgot. */
static int renew(struct captor *captor) {
    int err = want_copies(captor);
    if (!err) err = capture_renew(captor->capture);
    if (!err) err = origin_keep(&captor->origin);
    for (size_t i = 0; i < captor->conf.capture_cnt && !err; i++)
        captor->route[i].copying = false;
    for (size_t i = 0; i < captor->conf.capture_cnt && !err && captor->conf.home; i++)
        err = ask_copy(captor, &captor->route[i]);
    return err;
}

/* Before the first change, and after every failure: are the changes to come those that follow what
 * the topics have? */
static int settle(struct captor *captor) {
    struct origin *origin = &captor->origin;
    int err = captor->settled ? 0 : origin_settle(origin, last_of(captor));
    if (!err && !captor->settled && origin->on)
        err = origin->renew ? renew(captor) : origin_keep(origin);
    captor->settled = !err;
    return err;
}

static int route_open(struct captor *captor, struct route *route) {
    if (route->ready) return 0;
    int err = route_topic(captor, route);
    if (!err) err = route_schema(captor, route);
    if (!err && captor->conf.home && !captor->origin.renew) err = copy_table(captor, route);
    route->ready = !err;
    return err;
}

/* May it be there later? A right that is missing may be given while we run. */
static bool may_come(int err) {
    return err_retry(err) || err == ERR_DENIED || err == ERR_AUTH;
}

int captor_open(struct captor **out, const struct captor_conf *conf) {
    struct captor *captor = base_calloc(1, sizeof *captor);
    captor->conf = *conf;
    captor->route = base_calloc(conf->capture_cnt, sizeof *captor->route);
    pthread_mutex_init(&captor->lock, NULL);
    captor->latency = metric_histogram("sluice_capture_latency_seconds",
                                       "Commit of a row to its durable record.", "");
    metric_keep(captor->latency);
    origin_init(&captor->origin, conf->env, conf->landing,
                conf->home ? conf->home : conf->landing);
    for (size_t i = 0; i < conf->capture_cnt; i++) {
        captor->route[i].def = conf->capture[i];
        origin_add(&captor->origin, conf->capture[i]->topic);
    }
    int err = origin_look(&captor->origin); /* before the capture makes what is missing */
    if (!err && captor->origin.renew) err = want_copies(captor);
    if (!err) err = capture_open(&captor->capture, conf->landing);
    if (!err && conf->home && conf->home == conf->landing) err = note_whole(captor);
    for (size_t i = 0; i < conf->capture_cnt && !err; i++)
        err = route_open(captor, &captor->route[i]);
    if (!err && captor->copying) err = note_copied(captor); /* of nothing: before any row lands */
    if (captor->capture && may_come(err)) { /* a log or a registry that is away is waited for */
        set_trouble(captor, err_note());
        err = 0;
    }
    if (err) {
        captor_close(captor);
        return err_add(err, "capture");
    }
    *out = captor;
    return 0;
}

/* ---- the way of a change ---- */

/* Widens the route's type by this value, and registers it, before its record is written. */
static int learn(struct captor *captor, struct route *route, struct str json,
                 struct arena *arena) {
    if (route->type_known && jsontype_fits(route->type, json)) return 0;
    int err = jsontype_widen(&route->type, json, &route->type_arena);
    if (err) return err;
    struct buf text;
    struct registry_schema schema;
    buf_init(&text, MIB);
    route->type_known = false; /* until the registry has taken it */
    /* What was null so far is registered as text, and stays that: a schema never narrows. */
    route->type = jsontype_final(&route->type_arena, route->type);
    jsonschema_format(route->type, route->def->topic, JSONSCHEMA_ANY, &text);
    err = registry_register(captor->conf.registry, subject_of(route, arena), REGISTRY_JSON,
                            buf_str(&text), arena, &schema);
    buf_fini(&text);
    if (err) return err_add(err, "schema of topic '%.*s'", STR_ARG(route->def->topic));
    route->schema_id = schema.id;
    route->type_known = true;
    return 0;
}

static bool written(const struct last_id *last, const struct change *change) {
    if (!last->any) return false;
    if (change->seq != last->seq) return change->seq < last->seq;
    return change->idx <= last->idx;
}

static int carry(struct captor *captor, struct route *route, struct change change,
                 struct arena *arena) {
    const struct def_capture *def = route->def;
    struct record record;
    struct str json;
    int32_t part = kpart_of(change.key, route->part_cnt);
    if (written(&route->last[part], &change)) return 0;
    if (change.op == CHANGE_READ && captor->conf.home && !route->copying)
        return 0; /* another topic's copy */
    int err = chgrec_hide(def, change.before, arena, &change.before);
    if (!err) err = chgrec_hide(def, change.after, arena, &change.after);
    if (!err) err = chgrec_json(def, &change, arena, &json);
    if (!err && json.ptr) err = learn(captor, route, json, arena);
    if (err) return err;
    chgrec_make(def, &change, json, route->schema_id, arena, &record);
    err = logput_add(route->put, part, &record);
    if (err) return err;
    route->pending[part] = (struct last_id){change.seq, change.idx, true};
    route->new_records++;
    route->new_bytes += (int64_t)(record.key.len + record.value.len);
    atomic_store(&route->newest_ms, record.ts_ms);
    return 0;
}

static int flush(struct captor *captor, const struct change *change, size_t cnt) {
    for (size_t i = 0; i < captor->conf.capture_cnt; i++) {
        struct route *route = &captor->route[i];
        int err = logput_flush(route->put);
        if (err) return err;
        memcpy(route->last, route->pending, (size_t)route->part_cnt * sizeof *route->last);
        atomic_fetch_add(&route->records, route->new_records);
        atomic_fetch_add(&route->bytes, route->new_bytes);
        route->new_records = route->new_bytes = 0;
    }
    int64_t now_us = env_now_us(captor->conf.env);
    for (size_t i = 0; i < cnt; i++) metric_observe(captor->latency, now_us - change[i].commit_us);
    return 0;
}

static int carry_all(struct captor *captor, const struct change *change, size_t cnt,
                     struct arena *arena) {
    int err = 0;
    bool backwards = MUTANT("capture-backwards");
    size_t todo = MUTANT("capture-loses-the-last") && cnt > 1 ? cnt - 1 : cnt;
    for (size_t i = 0; i < todo && !err; i++) {
        struct change next = change[backwards ? cnt - 1 - i : i];
        for (size_t r = 0; r < captor->conf.capture_cnt && !err; r++)
            if (str_eq(captor->route[r].def->table, next.table))
                err = carry(captor, &captor->route[r], next, arena);
    }
    return err ? err : flush(captor, change, cnt);
}

/* After a failure nobody knows which partitions have what was flushed: their ends tell, and what is
 * there is skipped. */
static int make_sure(struct captor *captor) {
    int err = 0;
    for (size_t r = 0; r < captor->conf.capture_cnt && !err; r++) {
        logput_drop(captor->route[r].put);
        captor->route[r].new_records = captor->route[r].new_bytes = 0;
        err = read_last(captor, &captor->route[r]);
    }
    return err;
}

static void look_at_lag(struct captor *captor) {
    struct capture_lag lag;
    int64_t now_us = env_mono_us(captor->conf.env);
    if (now_us < captor->lag_us) return;
    captor->lag_us = now_us + LAG_EVERY_US;
    if (capture_lag(captor->capture, &lag)) return;
    atomic_store(&captor->waiting, lag.cnt);
    atomic_store(&captor->behind, lag.bytes);
}

/* Carries and acknowledges what was taken. */
static int pass_on(struct captor *captor) {
    arena_reset(&captor->records);
    uint64_t last_seq = captor->change[captor->cnt - 1].seq - captor->origin.base;
    int err = captor->unsure ? make_sure(captor) : 0;
    if (!err && MUTANT("capture-confirms-early")) err = capture_ack(captor->capture, last_seq);
    if (!err) err = carry_all(captor, captor->change, captor->cnt, &captor->records);
    captor->unsure = err != 0;
    if (!err) err = capture_ack(captor->capture, last_seq);
    return err;
}

static int take(struct captor *captor, int64_t timeout_us) {
    int err = settle(captor);
    if (err) return err;
    arena_reset(&captor->arena);
    err = capture_next(captor->capture, CHANGE_MAX, timeout_us, &captor->arena, &captor->change,
                       &captor->cnt);
    if (err) captor->cnt = 0;
    if (err) captor->settled = false; /* it may be another server that answers next */
    for (size_t i = 0; i < captor->cnt; i++) captor->change[i].seq += captor->origin.base;
    return err;
}

int captor_step(struct captor *captor, int64_t timeout_us, size_t *did) {
    int err = 0;
    *did = 0;
    for (size_t i = 0; i < captor->conf.capture_cnt && !err; i++)
        err = route_open(captor, &captor->route[i]);
    if (!err && captor->conf.home) err = copy_again(captor);
    if (!err && !captor->cnt) err = take(captor, timeout_us);
    int64_t start_us = env_mono_us(captor->conf.env);
    if (!err && captor->cnt) err = pass_on(captor);
    if (!err && captor->copying) err = note_copied(captor);
    atomic_fetch_add(&captor->busy_us, env_mono_us(captor->conf.env) - start_us);
    if (!err) {
        *did = captor->cnt;
        captor->cnt = 0;
    }
    set_trouble(captor, err ? err_note() : "");
    look_at_lag(captor);
    return err;
}

/* ---- the thread ---- */

static void *captor_main(void *arg) {
    struct captor *captor = arg;
    int64_t backoff_us = BACKOFF_US;
    size_t did;
    pthread_setname_np(pthread_self(), "capture");
    while (!atomic_load(&captor->stopping)) {
        if (!captor_step(captor, POLL_US, &did)) {
            backoff_us = BACKOFF_US;
            continue;
        }
        for (int64_t slept = 0; slept < backoff_us && !atomic_load(&captor->stopping);
             slept += BACKOFF_US)
            env_sleep_us(captor->conf.env, BACKOFF_US);
        backoff_us = MIN(backoff_us * 2, BACKOFF_MAX);
    }
    return NULL;
}

int captor_start(struct captor *captor) {
    int errnum = pthread_create(&captor->thread, NULL, captor_main, captor);
    if (errnum) return err_fail_os(ERR_AGAIN, errnum, "cannot start the capture thread");
    captor->started = true;
    return 0;
}

void captor_close(struct captor *captor) {
    if (!captor) return;
    atomic_store(&captor->stopping, true);
    if (captor->capture) capture_wake(captor->capture);
    if (captor->started) pthread_join(captor->thread, NULL);
    for (size_t i = 0; i < captor->conf.capture_cnt; i++) {
        logput_close(captor->route[i].put);
        base_free(captor->route[i].last);
        base_free(captor->route[i].pending);
        arena_fini(&captor->route[i].type_arena);
    }
    arena_fini(&captor->arena);
    arena_fini(&captor->records);
    capture_close(captor->capture);
    origin_fini(&captor->origin);
    pthread_mutex_destroy(&captor->lock);
    base_free(captor->route);
    base_free(captor);
}

int captor_replay(struct captor *captor, struct str topic) {
    for (size_t i = 0; i < captor->conf.capture_cnt; i++) {
        if (!str_eq(captor->route[i].def->topic, topic)) continue;
        if (!captor->conf.home) return err_fail(ERR_UNSUPPORTED, "no copies are made here");
        atomic_store(&captor->route[i].again, true);
        capture_wake(captor->capture);
        return 0;
    }
    return err_fail(ERR_NOT_FOUND, "no table is captured onto topic '%.*s'", STR_ARG(topic));
}

bool captor_stats(struct captor *captor, struct str topic, struct captor_stats *out) {
    for (size_t i = 0; i < captor->conf.capture_cnt; i++) {
        struct route *route = &captor->route[i];
        if (!str_eq(route->def->topic, topic)) continue;
        *out = (struct captor_stats){
            .records = atomic_load(&route->records),
            .bytes = atomic_load(&route->bytes),
            .newest_ms = atomic_load(&route->newest_ms),
            .busy_us = atomic_load(&captor->busy_us),
            .waiting = atomic_load(&captor->waiting),
            .behind_bytes = atomic_load(&captor->behind),
            .latency_p50_us = metric_quantile(captor->latency, 0.5),
            .latency_p99_us = metric_quantile(captor->latency, 0.99),
            .recent_p50_us = metric_recent(captor->latency, 0.5),
            .recent_p99_us = metric_recent(captor->latency, 0.99),
        };
        origin_warning(&captor->origin, out->warning);
        pthread_mutex_lock(&captor->lock);
        memcpy(out->trouble, captor->trouble, sizeof out->trouble);
        pthread_mutex_unlock(&captor->lock);
        return true;
    }
    return false;
}
