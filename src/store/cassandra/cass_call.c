/* cass_call.c - calls: which node, when again, when to give up.
 *
 * A call is in exactly one place: `ready`, `later`, under way at a connection, waiting for a
 * statement to be prepared again, or done. A job is what one caller waits for; once one of its
 * calls has failed those not sent yet are dropped: the caller does all of it again anyway. */
#include "base/diag.h"
#include "base/err.h"
#include "store/cassandra/cass_fail.h"
#include "store/cassandra/cass_int.h"
#include "store/cassandra/cass_rows.h"
#include "wire/cql/cqlask.h"
#include "wire/cql/cqlframe.h"

#include <stdio.h>

#define TRIES_MAX     12
#define PAUSE_US      20000
#define PAUSE_MAX_US  2000000
#define WALK_MAX      8 /* nodes looked at for a token */
#define FRAME_MAX     (4 * MIB) /* of a statement's text */

struct cass_job {
    struct cass_cluster *cluster;
    struct cass_call *call;
    size_t cnt, left;
    pthread_mutex_t lock;
    pthread_cond_t done;
    bool over;
    int err;
    char note[ERR_NOTE_MAX];
};
struct cass_prep {
    struct cass_call call; /* first; the PREPARE */
    struct cass_prep *next;
    struct buf frame;
    char id[64];
    size_t id_len;
    struct cass_queue waiting;
};

static void put(struct cass_queue *queue, struct cass_call *call) {
    call->next = NULL;
    *queue->last = call;
    queue->last = &call->next;
}

static struct cass_call *pop(struct cass_queue *queue) {
    struct cass_call *call = queue->first;
    if (!call) return NULL;
    queue->first = call->next;
    if (!queue->first) queue->last = &queue->first;
    return call;
}

static int64_t now_us(const struct cass_cluster *cluster) {
    return env_mono_us(cluster->env);
}

/* ---- the end of a call ----------------------------------------------------------------------- */

/* `err` is noted. */
static void finish(struct cass_call *call, int err) {
    struct cass_job *job = call->job;
    if (!job) { /* the cluster's own */
        if (err && call->take) (void)call->take(call, NULL);
        return;
    }
    if (err && !job->err) {
        job->err = err;
        snprintf(job->note, sizeof job->note, "%s", err_note());
    }
    if (--job->left) return;
    CHECK(pthread_mutex_lock(&job->lock) == 0);
    job->over = true;
    CHECK(pthread_cond_signal(&job->done) == 0);
    CHECK(pthread_mutex_unlock(&job->lock) == 0);
}

static void again(struct cass_call *call, int err) {
    struct cass_cluster *cluster = call->cluster;
    int64_t now = now_us(cluster);
    int64_t pause = MIN((int64_t)PAUSE_US << MIN(call->tries, 10u), (int64_t)PAUSE_MAX_US);
    bool sent = err != ERR_AGAIN; /* it may have been done */
    call->tries++;
    if (!cass_fail_passing(err) || atomic_load(&cluster->stopping) || (call->once && sent) ||
        call->tries > TRIES_MAX || now >= call->until_us || call->pin ||
        (call->job && call->job->err)) {
        finish(call, err);
        return;
    }
    call->after_us = now + pause / 2 + (int64_t)(env_random_u64(cluster->env) % (uint64_t)pause);
    put(&cluster->later, call);
}

/* ---- statements that a node has forgotten ---------------------------------------------------- */

static void prep_over(struct cass_prep *prep, int err) {
    struct cass_cluster *cluster = prep->call.cluster;
    struct cass_prep **at = &cluster->prep;
    struct cass_call *call;
    while (*at != prep) at = &(*at)->next;
    *at = prep->next;
    while ((call = pop(&prep->waiting))) {
        if (err) again(call, err);
        else put(&cluster->ready, call);
    }
    buf_fini(&prep->frame);
    base_free(prep);
    cass_call_pump(cluster);
}

/* answer NULL: it failed, which is noted. */
static int prep_take(struct cass_call *call, const struct cass_answer *answer) {
    struct cass_prep *prep = (struct cass_prep *)(void *)call;
    struct arena arena = ARENA_INIT;
    struct cqlreply_result result;
    int err = answer ? cqlreply_result(answer->body, answer->version, &arena, &result) : ERR_AGAIN;
    if (!err && (result.kind != CQLREPLY_PREPARED ||
                 !str_eq(result.prepared.id, (struct str){prep->id, prep->id_len})))
        err = err_fail(ERR_AGAIN, "a statement has another id now");
    arena_fini(&arena);
    prep_over(prep, err);
    return 0;
}

static void prepare_again(struct cass_call *call, struct str id) {
    struct cass_cluster *cluster = call->cluster;
    struct cass_prep *prep = cluster->prep;
    struct buf text;
    while (prep && (prep->call.pin != call->host ||
                    !str_eq(id, (struct str){prep->id, prep->id_len})))
        prep = prep->next;
    if (prep) {
        put(&prep->waiting, call);
        return;
    }
    buf_init(&text, FRAME_MAX);
    bool known = cluster->forgot && id.len <= sizeof prep->id &&
                 cluster->forgot(cluster->forgot_self, id, &text);
    if (!known || call->tries++ > TRIES_MAX) {
        buf_fini(&text);
        finish(call, err_fail(ERR_AGAIN, "the node has forgotten a statement"));
        return;
    }
    prep = base_calloc(1, sizeof *prep);
    prep->waiting.last = &prep->waiting.first;
    prep->id_len = id.len;
    memcpy(prep->id, id.ptr, id.len);
    buf_init(&prep->frame, 2 * FRAME_MAX);
    struct cqlframe head = {.version = cass_cluster_version(cluster), .opcode = CQLFRAME_PREPARE};
    size_t pos = cqlframe_begin(&prep->frame, &head);
    cqlask_prepare(&prep->frame, head.version, buf_str(&text));
    cqlframe_end(&prep->frame, pos, CQLFRAME_PLAIN);
    buf_fini(&text);
    prep->call = (struct cass_call){.req.frame = buf_str(&prep->frame), .take = prep_take,
                                    .pin = call->host};
    prep->next = cluster->prep;
    cluster->prep = prep;
    put(&prep->waiting, call);
    cass_call_start(cluster, &prep->call);
}

/* ---- answers --------------------------------------------------------------------------------- */

static void on_answer(struct cass_req *req, int err, const struct cass_answer *answer) {
    struct cass_call *call = (struct cass_call *)(void *)req;
    struct cass_cluster *cluster = call->cluster;
    if (!err && answer->opcode == CQLFRAME_ERROR) {
        struct str id = cass_fail_unprepared(answer->body);
        if (id.ptr) {
            prepare_again(call, id);
            return;
        }
        err = cass_fail_of(answer->body);
    } else if (!err && answer->opcode != CQLFRAME_RESULT && answer->opcode != CQLFRAME_READY) {
        err = err_fail(ERR_CORRUPT, "a server answered with opcode %u", answer->opcode);
    } else if (!err && call->take) {
        int (*take)(struct cass_call *, const struct cass_answer *) = call->take;
        if (!call->job) { /* which may free it */
            (void)take(call, answer);
            cass_call_pump(cluster);
            return;
        }
        err = take(call, answer);
    }
    if (!err) finish(call, 0);
    else again(call, err);
    cass_call_pump(cluster);
}

/* ---- which node ------------------------------------------------------------------------------ */

static bool usable(const struct cass_host *host, const struct cass_call *call) {
    return host->wanted && cass_conn_room(host->conn) > 0 &&
           (call->tries == 0 || host != call->host || call->cluster->host_cnt == 1);
}

/* NULL: none has room. */
static struct cass_host *choose(struct cass_cluster *cluster, const struct cass_call *call) {
    uint32_t walk[WALK_MAX];
    if (call->pin) return cass_conn_room(call->pin->conn) > 0 ? call->pin : NULL;
    if (!cluster->joined) return NULL;
    if (call->routed) {
        size_t cnt = cass_ring_walk(&cluster->ring, call->token, walk, WALK_MAX);
        for (size_t i = 0; i < cnt; i++)
            if (usable(cluster->host[walk[i]], call)) return cluster->host[walk[i]];
    }
    struct cass_host *last = NULL;
    for (size_t i = 0; i < cluster->host_cnt; i++) {
        struct cass_host *host = cluster->host[cluster->turn++ % cluster->host_cnt];
        if (usable(host, call)) return host;
        if (host->wanted && cass_conn_room(host->conn) > 0) last = host;
    }
    return last; /* the one that failed before: better than none */
}

/* Why it cannot go at all, noted; 0: it can, to `host` or once there is one. */
static int unfit(const struct cass_call *call, const struct cass_host *host) {
    if (call->job && call->job->err) return ERR_STOPPED;
    if (call->pin && !cass_conn_ready(call->pin->conn))
        return err_fail(ERR_NET, "the connection to %s is gone", call->pin->addr);
    if (!host || (uint8_t)call->req.frame.ptr[0] == cass_cluster_version(call->cluster)) return 0;
    return err_fail(ERR_AGAIN, "the cluster speaks another protocol version now");
}

void cass_call_pump(struct cass_cluster *cluster) {
    struct cass_call *call;
    if (cluster->pumping) return; /* the outer one goes on */
    cluster->pumping = true;
    while ((call = cluster->ready.first)) {
        struct cass_host *host = choose(cluster, call);
        int err = unfit(call, host);
        if (!err && !host) break;
        (void)pop(&cluster->ready);
        if (err) { /* the caller may free it at once */
            finish(call, err);
            continue;
        }
        call->host = host;
        cass_conn_send(host->conn, &call->req);
        cass_cluster_flush_soon(cluster);
    }
    cluster->pumping = false;
}

void cass_call_start(struct cass_cluster *cluster, struct cass_call *call) {
    call->cluster = cluster;
    call->req.done = on_answer;
    call->tries = 0;
    if (!call->until_us) call->until_us = now_us(cluster) + cluster->url->wait_us;
    if (call->pin && !cass_conn_ready(call->pin->conn)) {
        finish(call, err_fail(ERR_NET, "the connection to %s is gone", call->pin->addr));
        return;
    }
    call->next = cluster->ready.first; /* the cluster's own go first: others may wait for them */
    if (!call->next) cluster->ready.last = &call->next;
    cluster->ready.first = call;
    cass_call_pump(cluster);
}

/* ---- time ------------------------------------------------------------------------------------ */

static void expire(struct cass_cluster *cluster, struct cass_queue *queue, int64_t now) {
    struct cass_queue keep = {NULL, &keep.first};
    bool lonely = !atomic_load(&cluster->any_ready);
    struct cass_call *call;
    while ((call = pop(queue))) {
        bool lost = lonely && cluster->fatal;
        if (lonely && atomic_load(&cluster->stopping))
            finish(call, err_fail(ERR_STOPPED, "the store is closing"));
        else if (now < call->until_us && !lost) put(&keep, call);
        else if (lonely)
            finish(call, err_fail(lost ? (enum err)cluster->fatal : ERR_NET,
                                  "no node of Cassandra can be used: %s",
                                  *cluster->trouble ? cluster->trouble : "none has answered yet"));
        else finish(call, err_fail(ERR_TIMEOUT, "Cassandra could not take it in time"));
    }
    while ((call = pop(&keep))) put(queue, call);
}

void cass_call_tick(struct cass_cluster *cluster) {
    struct cass_queue all = cluster->later;
    struct cass_call *call;
    int64_t now = now_us(cluster);
    if (!all.first) all.last = &all.first;
    cluster->later = (struct cass_queue){NULL, &cluster->later.first};
    bool stopping = atomic_load(&cluster->stopping);
    while ((call = pop(&all)))
        put(call->after_us <= now || stopping ? &cluster->ready : &cluster->later, call);
    if (cluster->ready.first) expire(cluster, &cluster->ready, now);
    cass_call_pump(cluster);
}

void cass_call_stop(struct cass_cluster *cluster) {
    struct cass_call *call;
    err_fail(ERR_STOPPED, "the store is closing");
    while ((call = pop(&cluster->ready)) || (call = pop(&cluster->later)))
        finish(call, ERR_STOPPED);
    assert(!cluster->prep);
}

/* ---- callers --------------------------------------------------------------------------------- */

static void start_job(void *arg) {
    struct cass_job *job = arg;
    struct cass_cluster *cluster = job->cluster;
    size_t cnt = job->cnt; /* the job may be over, and gone, with its last call */
    struct cass_call *call = job->call;
    for (size_t i = 0; i < cnt; i++) {
        call[i].cluster = cluster;
        call[i].req.done = on_answer;
        put(&cluster->ready, &call[i]);
    }
    cass_call_pump(cluster);
}

int cass_call_run(struct cass_cluster *cluster, struct cass_call *call, size_t cnt,
                  int64_t wait_us) {
    assert(!loop_here(cluster->loop));
    if (!cnt) return 0;
    struct cass_job job = {.cluster = cluster, .call = call, .cnt = cnt, .left = cnt};
    int64_t until = now_us(cluster) + (wait_us ? wait_us : cluster->url->wait_us);
    CHECK(pthread_mutex_init(&job.lock, NULL) == 0);
    CHECK(pthread_cond_init(&job.done, NULL) == 0);
    for (size_t i = 0; i < cnt; i++) {
        call[i].job = &job;
        call[i].until_us = until;
        call[i].tries = 0;
    }
    loop_post(cluster->loop, start_job, &job);
    CHECK(pthread_mutex_lock(&job.lock) == 0);
    while (!job.over) CHECK(pthread_cond_wait(&job.done, &job.lock) == 0);
    CHECK(pthread_mutex_unlock(&job.lock) == 0);
    pthread_cond_destroy(&job.done);
    pthread_mutex_destroy(&job.lock);
    return job.err ? err_fail((enum err)job.err, "%s", job.note) : 0;
}

struct query {
    struct arena *arena;
    struct cass_answer *answer;
};

static int take_query(struct cass_call *call, const struct cass_answer *answer) {
    struct query *query = call->arg;
    *query->answer = *answer;
    query->answer->body = arena_str(query->arena, answer->body);
    return 0;
}

int cass_call_query(struct cass_cluster *cluster, struct str text, bool once, struct arena *arena,
                    struct cass_answer *answer) {
    return cass_call_ask(cluster, &(struct cass_question){text, once, 0}, arena, answer);
}

int cass_call_ask(struct cass_cluster *cluster, const struct cass_question *question,
                  struct arena *arena, struct cass_answer *answer) {
    struct query query = {arena, answer};
    struct buf frame;
    struct cass_call call = {.once = question->once, .take = take_query, .arg = &query};
    struct cqlframe head = {.version = cass_cluster_version(cluster), .opcode = CQLFRAME_QUERY};
    struct cqlask_params params = {.consistency = cluster->url->consistency};
    buf_init(&frame, 2 * FRAME_MAX);
    size_t pos = cqlframe_begin(&frame, &head);
    cqlask_query(&frame, head.version, question->text, &params);
    cqlframe_end(&frame, pos, CQLFRAME_PLAIN);
    call.req.frame = buf_str(&frame);
    int err = frame.full ? err_fail(ERR_TOO_BIG, "a statement over %zu bytes", FRAME_MAX)
                         : cass_call_run(cluster, &call, 1, question->wait_us);
    buf_fini(&frame);
    return err;
}
