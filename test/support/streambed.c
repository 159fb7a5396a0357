/* streambed.c - the sink's side of a stream's contract, kept in arrays. */
#include "support/streambed.h"

#include "base/env.h"
#include "base/err.h"
#include "log/log.h"
#include "support/unit.h"
#include "wire/kafka/recbatch.h"

#define STATE_NAME STR("created_users/offsets")

/* ---- the sink: what is done between begin and commit counts only after commit ---- */

static int failing(struct streambed_sink *sink) {
    return ++sink->calls == sink->fail_at ? err_fail(ERR_IO, "the sink fails here") : 0;
}

static int sink_begin(void *self) {
    struct streambed_sink *sink = self;
    assert_false(sink->open);
    sink->new_rows = sink->new_kept = 0;
    memcpy(sink->new_state, sink->state, sizeof sink->state);
    int err = failing(sink);
    sink->open = !err;
    return err;
}

static void row_json(const struct batch *rows, uint32_t row, struct buf *text) {
    buf_reset(text);
    for (uint32_t i = 0; i < rows->type->field_cnt; i++) {
        buf_printf(text, "%s%.*s=", i ? " " : "", STR_ARG(rows->type->field[i].name));
        batch_json(rows->col[i], row, text);
    }
}

static int sink_rows(void *self, const struct batch *rows, const int64_t *ts_us,
                     stream_reject_fn *reject, void *arg) {
    struct streambed_sink *sink = self;
    struct buf text;
    buf_init(&text, sizeof sink->row[0].json - 1);
    assert_true(sink->open);
    int err = failing(sink);
    for (uint32_t i = 0; i < batch_live(rows) && !err; i++) {
        uint32_t at = batch_row(rows, i);
        row_json(rows, at, &text);
        buf_putc(&text, 0);
        assert_false(text.full);
        if (sink->reject && strstr(text.ptr, sink->reject)) {
            err = reject(arg, at, STR("the sink cannot hold it"));
            continue;
        }
        struct streambed_row *to = &sink->row[sink->row_cnt + sink->new_rows++];
        memcpy(to->json, text.ptr, text.len);
        to->ts_us = ts_us[at];
    }
    buf_fini(&text);
    return err;
}

static int sink_put_state(void *self, struct str name, struct str value) {
    struct streambed_sink *sink = self;
    assert_true(sink->open && str_eq(name, STATE_NAME) && value.len < sizeof sink->state);
    memcpy(sink->new_state, value.ptr, value.len);
    sink->new_state[value.len] = 0;
    return failing(sink);
}

static int sink_commit(void *self) {
    struct streambed_sink *sink = self;
    assert_true(sink->open);
    int err = failing(sink);
    if (err && !sink->commit_then_fail) return err;
    sink->row_cnt += sink->new_rows;
    sink->kept_cnt += sink->new_kept;
    memcpy(sink->state, sink->new_state, sizeof sink->state);
    sink->new_rows = sink->new_kept = 0;
    if (!err) sink->open = false;
    return err;
}

static void sink_abort(void *self) {
    struct streambed_sink *sink = self;
    sink->open = false;
}

static int sink_get_state(void *self, struct str name, struct arena *arena, struct str *out) {
    struct streambed_sink *sink = self;
    assert_true(str_eq(name, STATE_NAME));
    if (!sink->state[0]) return err_fail(ERR_NOT_FOUND, "no state");
    *out = arena_str(arena, str_of(sink->state));
    return 0;
}

static int sink_quarantine(void *self, const struct record *record, int32_t part, struct str check,
                           struct str reason) {
    struct streambed_sink *sink = self;
    struct streambed_kept *to = &sink->kept[sink->kept_cnt + sink->new_kept++];
    snprintf(to->record, sizeof to->record, "%.*s", STR_ARG(record->value));
    snprintf(to->check, sizeof to->check, "%.*s", STR_ARG(check));
    snprintf(to->reason, sizeof to->reason, "%.*s", STR_ARG(reason));
    to->offset = record->offset;
    to->part = part;
    return failing(sink);
}

/* ---- a log, a query ---- */

void streambed_init(struct streambed *bed, const char *source, const char *sql,
                    const struct stream_expect *expect, size_t expect_cnt) {
    const struct log_conf conf = {.env = env_real(), .url = "mem:", .inline_commit = true};
    memset(bed, 0, sizeof *bed);
    bed->sink = base_calloc(1, sizeof *bed->sink);
    assert_int_equal(log_open(&bed->log, &conf), 0);
    assert_int_equal(log_topic_create(bed->log, STREAMBED_TOPIC, STREAMBED_PARTS, NULL, 0), 0);
    bed->conf = (struct stream_conf){
        .env = env_real(),
        .name = STR("created_users"),
        .query = {str_of(sql), expect, expect_cnt},
        .log = bed->log,
        .sink = {bed->sink, sink_begin, sink_rows, sink_put_state, sink_commit, sink_abort,
                 sink_get_state, sink_quarantine},
    };
    assert_int_equal(type_parse(str_of(source), &bed->arena, &bed->conf.source), 0);
}

void streambed_open(struct streambed *bed) {
    int err = stream_open(&bed->stream, &bed->conf);
    if (err) print_error("%s\n", err_note());
    assert_int_equal(err, 0);
}

void streambed_fini(struct streambed *bed) {
    stream_close(bed->stream);
    log_close(bed->log);
    arena_fini(&bed->arena);
    base_free(bed->sink);
}

static void append(struct streambed *bed, int32_t part, const struct record *record, size_t cnt) {
    struct buf buf;
    struct recbatch_build build;
    int64_t base;
    buf_init(&buf, 16 * MIB);
    recbatch_begin(&build, &buf);
    for (size_t i = 0; i < cnt; i++) assert_int_equal(recbatch_add(&build, &record[i]), 0);
    assert_int_equal(recbatch_seal(&build), 0);
    assert_int_equal(log_append(bed->log, STREAMBED_TOPIC, part, buf_str(&buf), &base), 0);
    buf_fini(&buf);
}

void streambed_produce(struct streambed *bed, int32_t part, const char *const *value,
                       size_t cnt, int64_t ts_ms) {
    struct record *record = base_calloc(cnt, sizeof *record);
    for (size_t i = 0; i < cnt; i++)
        record[i] = (struct record){.value = str_of(value[i]), .ts_ms = ts_ms};
    append(bed, part, record, cnt);
    base_free(record);
}

void streambed_record(struct streambed *bed, int32_t part, const struct record *record) {
    append(bed, part, record, 1);
}

void streambed_put(struct streambed *bed, int32_t part, const char *value, int64_t ts_ms) {
    streambed_produce(bed, part, &value, 1, ts_ms);
}

size_t streambed_drain(struct streambed *bed, size_t errors) {
    size_t did, total = 0;
    for (;;) {
        int err = stream_step(bed->stream, 0, &did);
        if (err && errors == 0) print_error("%s\n", err_note());
        assert_true(!err || errors-- > 0);
        if (!err && !did) return total;
        total += did;
    }
}
