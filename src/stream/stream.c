/* stream.c - the micro-batch: take, decode, evaluate, check, hand over, commit.
 *
 *   feed_take        records of all partitions, with their write timestamps
 *   jsonbatch        the columns the query reads; malformed values -> quarantine
 *   WHERE, SELECT    over columns; a row with a mistake -> quarantine
 *   expectations     over the output; quarantine, warn, drop, or stop
 *   sink             begin, rows, quarantine, offsets, commit
 *
 * Invariants: (1) offsets are committed with the rows they stand for, in one commit; (2) after a
 * step that failed, the next one starts from the last commit; (3) every record is counted once:
 * written, filtered, quarantined, dropped, or a tombstone. */
#include "stream/stream.h"

#include <stdatomic.h>

#include "base/diag.h"
#include "base/env.h"
#include "base/err.h"
#include "base/metric.h"
#include "base/mutant.h"
#include "stream/feed.h"
#include "stream/op/exec.h"
#include "stream/plan/plan.h"
#include "wire/json/jsonbatch.h"

#define BATCH_BYTES (4 * MIB)
#define NODE_CNT    1000 /* of a query from which on its batches are made smaller */
#define BATCH_LEAST 16
#define NOTE_KEEP   512
#define LABELS_MAX  (4 * KIB)

struct counter {
    _Atomic int64_t v;
};
struct stream {
    struct stream_conf conf;
    struct arena plan_arena; /* the plan, copies of conf's texts */
    struct arena arena;      /* the batch */
    struct plan plan;
    struct jsonbatch *json;
    struct feed feed;
    struct str state_name;
    const struct stream_expect *expect;
    struct counter *failed; /* by expectation */
    struct counter in, out, filtered, quarantined, dropped, batches, lag, newest_ms, busy_us;
    struct metric *latency;
};

static void count(struct counter *counter, int64_t by) {
    atomic_fetch_add_explicit(&counter->v, by, memory_order_relaxed);
}
static void put(struct counter *counter, int64_t v) {
    atomic_store_explicit(&counter->v, v, memory_order_relaxed);
}
static int64_t get(const struct counter *counter) {
    return atomic_load_explicit(&counter->v, memory_order_relaxed);
}

/* ---- open, close ---- */

static void copy_query(struct stream *stream, const struct stream_query *query) {
    struct arena *arena = &stream->plan_arena;
    struct stream_expect *expect = arena_array(arena, struct stream_expect,
                                               MAX(query->expect_cnt, (size_t)1));
    for (size_t i = 0; i < query->expect_cnt; i++) {
        expect[i].name = arena_str(arena, query->expect[i].name);
        expect[i].that = arena_str(arena, query->expect[i].that);
        expect[i].otherwise = query->expect[i].otherwise;
    }
    stream->expect = expect;
    stream->failed = arena_array(arena, struct counter, MAX(query->expect_cnt, (size_t)1));
    stream->conf.query.sql = arena_str(arena, query->sql);
    stream->conf.query.expect = expect;
    stream->conf.name = arena_str(arena, stream->conf.name);
    stream->state_name = arena_printf(arena, "%.*s/offsets", STR_ARG(stream->conf.name));
}

static int open_plan(struct stream *stream) {
    struct stream_errors errors;
    const struct type *source = type_copy(&stream->plan_arena, stream->conf.source);
    int err = plan_make(&stream->plan, &stream->conf.query, source, &stream->plan_arena, &errors);
    if (err) return err_add(err, "query of %.*s", STR_ARG(stream->conf.name));
    if (stream->plan.node_cnt > NODE_CNT) { /* each node makes a column a batch */
        uint32_t rows = stream->conf.batch_rows * NODE_CNT / stream->plan.node_cnt;
        stream->conf.batch_rows = MAX(rows, (uint32_t)BATCH_LEAST);
    }
    return jsonbatch_new(&stream->json, stream->plan.want, 0);
}

static int open_feed(struct stream *stream) {
    struct str state = STR_NULL;
    const struct stream_sink *sink = &stream->conf.sink;
    int err = sink->get_state(sink->self, stream->state_name, &stream->arena, &state);
    if (err == ERR_NOT_FOUND) state = STR_NULL, err = 0;
    if (err) return err_add(err, "offsets of %.*s", STR_ARG(stream->conf.name));
    size_t bytes = stream->conf.batch_bytes ? stream->conf.batch_bytes : BATCH_BYTES;
    return feed_open(&stream->feed, stream->conf.log, stream->plan.topic, state, bytes);
}

int stream_open(struct stream **out, const struct stream_conf *conf) {
    assert(out && conf && conf->env && conf->log && conf->source);
    struct stream *stream = base_calloc(1, sizeof *stream);
    *out = NULL;
    stream->conf = *conf;
    if (!stream->conf.batch_rows || stream->conf.batch_rows > BATCH_ROW_MAX)
        stream->conf.batch_rows = BATCH_ROW_MAX;
    copy_query(stream, &conf->query);
    int err = open_plan(stream);
    if (!err) err = open_feed(stream);
    if (err) {
        stream_close(stream);
        return err;
    }
    struct buf labels;
    buf_init(&labels, LABELS_MAX);
    metric_label(&labels, "query", stream->conf.name);
    stream->latency = metric_histogram("sluice_end_to_end_latency_seconds",
                                       "Time from a record's timestamp to the commit of its row",
                                       metric_labels(&labels));
    buf_fini(&labels);
    metric_keep(stream->latency);
    *out = stream;
    return 0;
}

void stream_close(struct stream *stream) {
    if (!stream) return;
    plan_fini(&stream->plan);
    jsonbatch_free(stream->json);
    feed_close(&stream->feed);
    arena_fini(&stream->arena);
    arena_fini(&stream->plan_arena);
    base_free(stream);
}

const struct type *stream_type(const struct stream *stream) {
    return stream->plan.row;
}

/* ---- one batch ---- */

/* What becomes of each record of the batch. */
struct work {
    struct stream *stream;
    struct feed_batch in;
    struct batch *out;
    struct str *check;  /* by record: what it failed, ptr NULL: nothing so far */
    struct str *reason;
    uint32_t bad;       /* records with a check set */
    int64_t filtered, dropped, written;
};

static void fail_row(struct work *work, uint32_t row, struct str check, struct str reason) {
    if (work->check[row].ptr) return;
    work->check[row] = check;
    work->reason[row] = reason;
    work->bad++;
}

/* Takes failed rows out of the selection and lists them. */
static void fail_rows(struct work *work, const struct func_ctx *ctx, struct str check) {
    struct batch *out = work->out;
    uint32_t live = 0;
    if (!ctx->failed) return;
    for (uint32_t i = 0; i < out->sel_cnt; i++) {
        uint32_t row = out->sel[i];
        if (ctx->failed[row]) fail_row(work, row, check, ctx->why[row]);
        else out->sel[live++] = row;
    }
    out->sel_cnt = live;
}

static void exec_setup(struct work *work, struct exec *exec, struct vec *const *col) {
    struct stream *stream = work->stream;
    exec_init(exec, &stream->arena, (const struct vec *const *)col, work->in.cnt);
    exec->ctx.env = stream->conf.env;
    exec->ctx.now_us = env_now_us(stream->conf.env);
    exec_select(exec, work->out->sel, work->out->sel_cnt);
}

/* The JSON of a value: Confluent's serializers put a zero byte and a schema's id before it, which
 * no JSON text begins with. */
static struct str json_of(struct str value) {
    if (value.len < 5 || value.ptr[0]) return value;
    return (struct str){value.ptr + 5, value.len - 5};
}

/* The columns the query reads; tombstones and malformed values leave the selection. */
static int decode(struct work *work, struct vec *const **col) {
    struct stream *stream = work->stream;
    struct arena *arena = &stream->arena;
    struct jsonbatch_out json;
    struct str *value = arena_alloc(arena, work->in.cnt * sizeof *value);
    for (uint32_t i = 0; i < work->in.cnt; i++) value[i] = json_of(work->in.record[i].value);
    int err = jsonbatch_decode(stream->json, value, work->in.cnt, arena, &json);
    if (err) return err;
    for (uint32_t i = 0; i < json.bad_cnt; i++)
        fail_row(work, json.bad[i].row, STR("json"), json.bad[i].reason);
    struct batch *out = work->out;
    out->sel = arena_alloc(arena, work->in.cnt * sizeof *out->sel);
    for (uint32_t i = 0; i < work->in.cnt; i++)
        if (value[i].ptr && !work->check[i].ptr) out->sel[out->sel_cnt++] = i;
    work->filtered = (int64_t)work->in.cnt - out->sel_cnt - work->bad;
    *col = json.vec->kid;
    return 0;
}

static int evaluate(struct work *work, struct vec *const *col) {
    const struct plan *plan = &work->stream->plan;
    struct exec exec;
    const struct vec *flag, *vec;
    struct batch *out = work->out;
    int err = 0;
    exec_setup(work, &exec, col);
    if (plan->where) {
        err = exec_eval(&exec, plan->where, &flag);
        if (err) return err;
        fail_rows(work, &exec.ctx, STR("query"));
        exec_select(&exec, out->sel, out->sel_cnt);
        uint32_t before = out->sel_cnt;
        out->sel_cnt = exec_filter(&exec, flag, &out->sel);
        work->filtered += before - out->sel_cnt;
        exec_select(&exec, out->sel, out->sel_cnt);
    }
    for (uint32_t i = 0; i < plan->output_cnt && !err; i++) {
        err = exec_eval(&exec, plan->output[i].expr, &vec);
        out->col[i] = (struct vec *)(uintptr_t)vec; /* read-only from here on */
    }
    if (!err) fail_rows(work, &exec.ctx, STR("query"));
    return err;
}

/* One expectation: rows where it is not true leave the selection, or are only counted. */
static int expect(struct work *work, struct exec *exec, uint32_t which) {
    struct stream *stream = work->stream;
    const struct stream_expect *want = &stream->expect[which];
    const struct vec *flag;
    int err = exec_eval(exec, stream->plan.expect[which], &flag);
    if (err) return err;
    struct batch *out = work->out;
    uint32_t live = 0;
    for (uint32_t i = 0; i < out->sel_cnt; i++) {
        uint32_t row = out->sel[i];
        bool error = exec->ctx.failed && exec->ctx.failed[row];
        bool null = vec_null(flag, row);
        if (!error && !null && func_bool(flag, row)) {
            out->sel[live++] = row;
            continue;
        }
        count(&stream->failed[which], 1);
        struct str reason = error ? exec->ctx.why[row]
                                  : arena_printf(&stream->arena, "%.*s is %s", STR_ARG(want->that),
                                                 null ? "NULL" : "false");
        if (want->otherwise == STREAM_STOP)
            return err_fail(ERR_INVAL, "%.*s: expectation %.*s failed on partition %d offset "
                            "%" PRId64 " and says stop: %.*s", STR_ARG(stream->conf.name),
                            STR_ARG(want->name), work->in.part[row], work->in.record[row].offset,
                            STR_ARG(reason));
        if (want->otherwise == STREAM_WARN) out->sel[live++] = row;
        else if (want->otherwise == STREAM_DROP) work->dropped++;
        else fail_row(work, row, want->name, reason);
    }
    out->sel_cnt = live;
    return 0;
}

static int check_rows(struct work *work) {
    const struct stream *stream = work->stream;
    for (uint32_t i = 0; i < stream->conf.query.expect_cnt; i++) {
        struct exec exec;
        exec_setup(work, &exec, work->out->col);
        int err = expect(work, &exec, i);
        if (err) return err;
    }
    return 0;
}

/* ---- handing over ---- */

/* The sink's word that it cannot hold a row. */
static int reject(void *arg, uint32_t row, struct str reason) {
    struct work *work = arg;
    assert(row < work->in.cnt);
    if (!work->check[row].ptr) work->written--;
    fail_row(work, row, STR("sink"), arena_str(&work->stream->arena, reason));
    return 0;
}

static int put_quarantine(struct work *work) {
    const struct stream_sink *sink = &work->stream->conf.sink;
    int err = 0;
    for (uint32_t row = 0; work->bad && row < work->in.cnt && !err; row++)
        if (work->check[row].ptr)
            err = sink->quarantine(sink->self, &work->in.record[row], work->in.part[row],
                                   work->check[row], work->reason[row]);
    return err;
}

static int put_offsets(struct work *work) {
    struct stream *stream = work->stream;
    const struct stream_sink *sink = &stream->conf.sink;
    return sink->put_state(sink->self, stream->state_name,
                           feed_state(&stream->feed, &stream->arena));
}

static int put_rows(struct work *work) {
    const struct stream_sink *sink = &work->stream->conf.sink;
    work->written = work->out->sel_cnt;
    int err = 0;
    if (work->written) err = sink->rows(sink->self, work->out, work->in.ts_us, reject, work);
    return err ? err : put_quarantine(work);
}

/* Rows, quarantine and offsets in one commit. */
static int hand_over(struct work *work) {
    const struct stream_sink *sink = &work->stream->conf.sink;
    int err = sink->begin(sink->self);
    if (err) return err;
    if (MUTANT("offset-before-effect")) {
        err = put_offsets(work);
        if (!err) err = sink->commit(sink->self);
        if (!err) err = sink->begin(sink->self);
        if (err) return err;
    }
    err = put_rows(work);
    if (!err) err = put_offsets(work);
    if (!err) err = sink->commit(sink->self);
    if (err) {
        char note[NOTE_KEEP]; /* abort() may write its own */
        size_t len = MIN(strlen(err_note()), sizeof note - 1);
        memcpy(note, err_note(), len);
        note[len] = 0;
        sink->abort(sink->self);
        return err_fail((enum err)err, "%s", note);
    }
    return 0;
}

static void account(struct work *work) {
    struct stream *stream = work->stream;
    int64_t now_us = env_now_us(stream->conf.env), newest = get(&stream->newest_ms);
    for (uint32_t i = 0; i < work->in.cnt; i++) {
        int64_t ts_ms = work->in.record[i].ts_ms;
        newest = MAX(newest, ts_ms);
        metric_observe(stream->latency, MAX(now_us - ts_ms * 1000, (int64_t)0));
    }
    count(&stream->in, work->in.cnt);
    count(&stream->out, work->written);
    count(&stream->filtered, work->filtered);
    count(&stream->dropped, work->dropped);
    count(&stream->quarantined, work->bad);
    count(&stream->batches, 1);
    put(&stream->newest_ms, newest);
}

static int run(struct work *work) {
    struct stream *stream = work->stream;
    struct arena *arena = &stream->arena;
    struct vec *const *col;
    work->check = arena_array(arena, struct str, work->in.cnt);
    work->reason = arena_array(arena, struct str, work->in.cnt);
    work->out = batch_new(arena, stream->plan.row, work->in.cnt);
    int err = decode(work, &col);
    if (!err) err = evaluate(work, col);
    if (!err) err = check_rows(work);
    return err ? err : hand_over(work);
}

int stream_step(struct stream *stream, int64_t timeout_us, size_t *did) {
    assert(stream && did);
    struct work work = {.stream = stream};
    *did = 0;
    arena_reset(&stream->arena);
    int err = feed_take(&stream->feed, stream->conf.batch_rows, timeout_us, &stream->arena,
                        &work.in);
    int64_t start_us = env_mono_us(stream->conf.env);
    if (!err && work.in.cnt) err = run(&work);
    put(&stream->lag, feed_lag(&stream->feed));
    if (err) {
        feed_rewind(&stream->feed);
        return err;
    }
    if (!work.in.cnt) return 0;
    feed_commit(&stream->feed);
    account(&work);
    count(&stream->busy_us, env_mono_us(stream->conf.env) - start_us);
    *did = work.in.cnt;
    return 0;
}

/* ---- numbers ---- */

void stream_stats(const struct stream *stream, struct stream_stats *out) {
    memset(out, 0, sizeof *out);
    out->records_in = get(&stream->in);
    out->rows_out = get(&stream->out);
    out->rows_filtered = get(&stream->filtered) + get(&stream->dropped);
    out->quarantined = get(&stream->quarantined);
    out->batches = get(&stream->batches);
    out->lag = get(&stream->lag);
    out->newest_ts_ms = get(&stream->newest_ms);
    out->busy_us = get(&stream->busy_us);
    out->latency_p50_us = metric_quantile(stream->latency, 0.5);
    out->latency_p99_us = metric_quantile(stream->latency, 0.99);
    out->recent_p50_us = metric_recent(stream->latency, 0.5);
    out->recent_p99_us = metric_recent(stream->latency, 0.99);
}

int64_t stream_failed(const struct stream *stream, size_t expect_idx) {
    assert(expect_idx < stream->conf.query.expect_cnt);
    return get(&stream->failed[expect_idx]);
}
