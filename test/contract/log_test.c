/* log_test.c - what every log promises, run on each of them.
 *
 * Kinds: in memory; embedded on the real file system with its committer thread; embedded on files
 * in memory, committing inline; Kafka's client on our own Kafka server; and, where
 * SLUICE_TEST_KAFKA names a cluster as HOST:PORT, on that: topics of the names used here are
 * deleted there. */
#include "log/log.h"

#include "base/err.h"
#include "log/server/kserver.h"
#include "support/unit.h"
#include "wire/kafka/recbatch.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct kind {
    const char *name;
    bool embedded, real;
    bool served; /* over our own Kafka server */
    bool foreign;
};
static const struct kind kinds[] = {
    {"mem", false, true, false, false},
    {"embedded, real files", true, true, false, false},
    {"embedded, env_mem", true, false, false, false},
    {"kafka, our own server", false, true, true, false},
    {"kafka, another's", false, true, false, true}};

struct rig {
    const struct kind *kind;
    struct env *env;
    struct log *log;
    struct arena arena;
    char url[256];
    struct log *behind; /* served: what the server has */
    struct loop *loop;
    struct kserver *server;
};

static void rig_open(struct rig *rig) {
    struct log_conf conf = {
        .env = rig->env, .url = rig->url, .inline_commit = rig->kind->embedded && !rig->kind->real};
    assert_int_equal(log_open(&rig->log, &conf), 0);
}

static void serve(struct rig *rig) {
    struct log_conf conf = {.env = rig->env, .url = "mem:"};
    struct kserver_conf server = {0};
    assert_int_equal(log_open(&rig->behind, &conf), 0);
    assert_int_equal(loop_open(&rig->loop, rig->env, "kafka"), 0);
    assert_int_equal(kserver_open(&rig->server, rig->loop, rig->behind, &server), 0);
    assert_int_equal(loop_start(rig->loop), 0);
    snprintf(rig->url, sizeof rig->url, "kafka://127.0.0.1:%u/?fetch.wait.max.ms=5",
             kserver_port(rig->server));
}

static void clear(struct rig *rig) {
    static const char *const names[] = {"a", "b", "__c", "x"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        int err = log_topic_delete(rig->log, str_of(names[i]));
        if (err && err != ERR_NOT_FOUND) fail_msg("%s", err_note());
    }
}

static void rig_start(struct rig *rig, const struct kind *kind) {
    const char *address = getenv("SLUICE_TEST_KAFKA");
    memset(rig, 0, sizeof *rig);
    rig->kind = kind;
    rig->env = kind->real ? env_real() : env_mem_open(7, 1700000000000000);
    if (kind->foreign && (!address || !*address))
        SKIP_TEST("SLUICE_TEST_KAFKA names no Kafka to try this on");
    if (kind->served)
        serve(rig);
    else if (kind->foreign)
        snprintf(rig->url, sizeof rig->url, "kafka://%s/?fetch.wait.max.ms=5", address);
    else
        snprintf(rig->url, sizeof rig->url,
                 kind->embedded ? "embedded:/tmp/sluice-log-test-%d" : "mem:", (int)getpid());
    if (kind->embedded)
        assert_int_equal(env_remove_tree(rig->env, rig->url + strlen("embedded:")), 0);
    rig_open(rig);
    if (kind->foreign) clear(rig);
}

static void rig_reopen(struct rig *rig) {
    if (!rig->kind->embedded && !rig->kind->served && !rig->kind->foreign) return;
    log_close(rig->log);
    rig_open(rig);
}

static void rig_stop(struct rig *rig) {
    if (rig->kind->foreign) clear(rig);
    log_close(rig->log);
    if (rig->kind->served) {
        loop_stop(rig->loop);
        kserver_close(rig->server);
        loop_close(rig->loop);
        log_close(rig->behind);
    }
    if (rig->kind->embedded)
        assert_int_equal(env_remove_tree(rig->env, rig->url + strlen("embedded:")), 0);
    arena_fini(&rig->arena);
    env_close(rig->env);
}

/* Ends the test where the log cannot do what it is about. */
#define NEEDS(rig, cap)                                                                            \
    do {                                                                                           \
        if (log_can((rig)->log, cap)) break;                                                       \
        rig_stop(rig);                                                                             \
        SKIP_TEST("a log without " #cap);                                                          \
    } while (0)

/* A batch of `cnt` records "k<n>" = "v<n>" from n = first on, their times ts + n. */
static struct str batch_of(struct rig *rig, int first, int cnt, int64_t ts,
                           const struct recbatch_build *as) {
    struct buf buf;
    struct recbatch_build build;
    buf_init(&buf, RECBATCH_MAX);
    recbatch_begin(&build, &buf);
    if (as) {
        build.producer_id = as->producer_id;
        build.producer_epoch = as->producer_epoch;
        build.base_sequence = as->base_sequence;
        build.codec = as->codec;
    }
    for (int i = first; i < first + cnt; i++) {
        char key[32], value[32];
        snprintf(key, sizeof key, "k%d", i);
        snprintf(value, sizeof value, "v%d", i);
        struct record rec = {.key = str_of(key), .value = str_of(value), .ts_ms = ts + i};
        assert_int_equal(recbatch_add(&build, &rec), 0);
    }
    assert_int_equal(recbatch_seal(&build), 0);
    struct str copy = arena_str(&rig->arena, buf_str(&buf));
    buf_fini(&buf);
    return copy;
}

static int64_t put(struct rig *rig, const char *topic, int first, int cnt) {
    int64_t base;
    int err = log_append(rig->log, str_of(topic), 0, batch_of(rig, first, cnt, 1700000000000, NULL),
                         &base);
    if (err) print_message("%s\n", err_note());
    assert_int_equal(err, 0);
    return base;
}

/* Kept whatever their age: the records are of 2023, and a broker's first look at ages can come at
 * any moment. */
#define KEPT {STR("retention.ms"), STR("-1")}

/* With segments of so few bytes, where the log takes such: Kafka's own have 1 MiB at least. */
static void make_small(struct rig *rig, const char *topic, const char *bytes) {
    struct log_setting small[] = {
        KEPT, {STR("segment.bytes"), str_of(bytes)}, {STR("index.interval.bytes"), STR("300")}};
    bool can = log_can(rig->log, LOG_CAP_SEGMENTS);
    assert_int_equal(log_topic_create(rig->log, str_of(topic), 1, small, can ? 3 : 1), 0);
}

static void make(struct rig *rig, const char *topic, int32_t parts) {
    struct log_setting kept = KEPT;
    assert_int_equal(log_topic_create(rig->log, str_of(topic), parts, &kept, 1), 0);
}

/* Reads all from `from`: records must be "v<n>" at offset n. Returns how many there were. */
static int read_all(struct rig *rig, const char *topic, int64_t from, size_t max) {
    struct log_span span;
    int seen = 0;
    assert_int_equal(log_span(rig->log, str_of(topic), 0, &span), 0);
    for (int64_t at = from; at < span.end;) {
        struct str bytes;
        struct recbatch_iter it;
        struct record rec;
        int err = log_read(rig->log, str_of(topic), 0, at, max, &rig->arena, &bytes);
        if (err) print_message("%s\n", err_note());
        assert_int_equal(err, 0);
        assert_true(bytes.len > 0);
        recbatch_walk(&it, bytes, at, &rig->arena);
        while (recbatch_next(&it, &rec)) {
            char value[32];
            snprintf(value, sizeof value, "v%" PRId64, at);
            assert_int_equal(rec.offset, at);
            assert_true(str_eqz(rec.value, value));
            at++;
            seen++;
        }
        assert_int_equal(it.err, 0);
    }
    return seen;
}

static void log_appends_and_reads_whole_batches(void **state) {
    struct rig rig;
    rig_start(&rig, *state);
    make(&rig, "a", 3);
    for (int i = 0; i < 300; i += 3)
        assert_int_equal(put(&rig, "a", i, 3), i);
    assert_int_equal(read_all(&rig, "a", 0, 1), 300);
    assert_int_equal(read_all(&rig, "a", 0, MIB), 300);
    for (int64_t from = 0; from < 300; from += 7)
        assert_int_equal(read_all(&rig, "a", from, 500), 300 - from);
    struct str bytes;
    assert_int_equal(log_read(rig.log, STR("a"), 0, 300, 100, &rig.arena, &bytes), 0);
    assert_int_equal(bytes.len, 0);
    assert_int_equal(log_read(rig.log, STR("a"), 0, 301, 100, &rig.arena, &bytes), ERR_RANGE);
    assert_int_equal(log_read(rig.log, STR("a"), 0, -1, 100, &rig.arena, &bytes), ERR_RANGE);
    assert_int_equal(log_read(rig.log, STR("a"), 3, 0, 100, &rig.arena, &bytes), ERR_NOT_FOUND);
    assert_int_equal(log_read(rig.log, STR("b"), 0, 0, 100, &rig.arena, &bytes), ERR_NOT_FOUND);
    rig_reopen(&rig);
    assert_int_equal(read_all(&rig, "a", 0, MIB), 300);
    assert_int_equal(put(&rig, "a", 300, 1), 300);
    rig_stop(&rig);
}

static void log_rolls_segments_and_reads_across_them(void **state) {
    struct rig rig;
    rig_start(&rig, *state);
    make_small(&rig, "a", "2000");
    for (int i = 0; i < 500; i += 5)
        put(&rig, "a", i, 5);
    for (int64_t from = 0; from < 500; from += 3)
        assert_int_equal(read_all(&rig, "a", from, 700), 500 - from);
    rig_reopen(&rig);
    for (int64_t from = 0; from < 500; from += 3)
        assert_int_equal(read_all(&rig, "a", from, 700), 500 - from);
    rig_stop(&rig);
}

static void log_finds_times(void **state) {
    struct rig rig;
    rig_start(&rig, *state);
    make_small(&rig, "a", "2000");
    int64_t offset, ts;
    assert_int_equal(log_seek_time(rig.log, STR("a"), 0, 0, &offset, &ts), 0);
    assert_int_equal(offset, -1);
    for (int i = 0; i < 400; i += 5)
        put(&rig, "a", i, 5);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 400; i += 7) {
            assert_int_equal(log_seek_time(rig.log, STR("a"), 0, 1700000000000 + i, &offset, &ts),
                             0);
            assert_int_equal(offset, i);
            assert_int_equal(ts, 1700000000000 + i);
        }
        assert_int_equal(log_seek_time(rig.log, STR("a"), 0, 0, &offset, &ts), 0);
        assert_int_equal(offset, 0);
        assert_int_equal(log_seek_time(rig.log, STR("a"), 0, 1700000000400, &offset, &ts), 0);
        assert_int_equal(offset, -1);
        rig_reopen(&rig);
    }
    rig_stop(&rig);
}

static int put_as(struct rig *rig, int64_t id, int16_t epoch, int32_t seq, int64_t *base) {
    struct recbatch_build as = {.producer_id = id, .producer_epoch = epoch, .base_sequence = seq};
    return log_append(rig->log, STR("a"), 0, batch_of(rig, seq, 2, 1700000000000, &as), base);
}

static void log_answers_repeats_with_the_first_offset(void **state) {
    struct rig rig;
    int64_t base, id, other;
    rig_start(&rig, *state);
    NEEDS(&rig, LOG_CAP_RAW);
    make(&rig, "a", 1);
    assert_int_equal(log_producer_new(rig.log, &id), 0);
    assert_int_equal(log_producer_new(rig.log, &other), 0);
    assert_int_not_equal(id, other);
    for (int i = 0; i < 20; i += 2) {
        assert_int_equal(put_as(&rig, id, 0, i, &base), 0);
        assert_int_equal(base, i);
    }
    for (int round = 0; round < 2; round++) {
        for (int i = 10; i < 20; i += 2) {
            assert_int_equal(put_as(&rig, id, 0, i, &base), 0);
            assert_int_equal(base, i);
        }
        assert_int_equal(put_as(&rig, id, 0, 8, &base), ERR_SEQUENCE); /* the sixth last */
        assert_int_equal(put_as(&rig, id, 0, 22, &base), ERR_SEQUENCE);
        rig_reopen(&rig);
    }
    assert_int_equal(put_as(&rig, id, 1, 4, &base), ERR_SEQUENCE);
    assert_int_equal(put_as(&rig, id, 1, 0, &base), 0);
    assert_int_equal(base, 20);
    assert_int_equal(put_as(&rig, id, 0, 20, &base), ERR_FENCED);
    int64_t third;
    assert_int_equal(log_producer_new(rig.log, &third), 0);
    assert_true(third > other);
    rig_stop(&rig);
}

static void log_refuses_what_is_no_batch(void **state) {
    struct rig rig;
    int64_t base;
    rig_start(&rig, *state);
    make(&rig, "a", 1);
    struct str good = batch_of(&rig, 0, 5, 1700000000000, NULL);
    char *bad = arena_bytes(&rig.arena, good.len);
    for (size_t i = 16; i < good.len; i++) {
        memcpy(bad, good.ptr, good.len);
        bad[i] ^= 1;
        assert_int_not_equal(log_append(rig.log, STR("a"), 0, (struct str){bad, good.len}, &base),
                             0);
        assert_int_not_equal(log_append(rig.log, STR("a"), 0, (struct str){good.ptr, i}, &base), 0);
    }
    struct log_setting tiny = {STR("max.message.bytes"), STR("80")};
    assert_int_equal(log_topic_set(rig.log, STR("a"), &tiny, 1), 0);
    assert_int_equal(log_append(rig.log, STR("a"), 0, good, &base), ERR_TOO_BIG);
    tiny.value = STR_NULL;
    assert_int_equal(log_topic_set(rig.log, STR("a"), &tiny, 1), 0);
    assert_int_equal(log_append(rig.log, STR("a"), 0, good, &base), 0);
    assert_int_equal(base, 0);
    rig_stop(&rig);
}

static void log_stamps_append_time(void **state) {
    struct rig rig;
    struct str bytes;
    struct recbatch_head head;
    int64_t base, before = 0;
    rig_start(&rig, *state);
    struct log_setting stamp = {STR("message.timestamp.type"), STR("LogAppendTime")};
    assert_int_equal(log_topic_create(rig.log, STR("a"), 1, &stamp, 1), 0);
    before = env_now_ms(rig.env);
    assert_int_equal(log_append(rig.log, STR("a"), 0, batch_of(&rig, 0, 3, 1000, NULL), &base), 0);
    assert_int_equal(log_read(rig.log, STR("a"), 0, 0, MIB, &rig.arena, &bytes), 0);
    assert_int_equal(recbatch_check(bytes, &head), 0);
    assert_true(head.attributes & RECBATCH_APPEND_TIME);
    assert_true(head.max_ts >= before && head.max_ts <= env_now_ms(rig.env));
    rig_stop(&rig);
}

/* Those this test makes; a server has topics of its own. */
static void list_ours(struct rig *rig, struct log_topic **out, size_t *cnt) {
    size_t all;
    assert_int_equal(log_topic_list(rig->log, &rig->arena, out, &all), 0);
    *cnt = 0;
    for (size_t i = 0; i < all; i++)
        if ((*out)[i].name.len <= 3) (*out)[(*cnt)++] = (*out)[i];
}

static void log_keeps_topics(void **state) {
    struct rig rig;
    struct log_topic *list, topic;
    struct uuid id;
    size_t cnt;
    rig_start(&rig, *state);
    make(&rig, "b", 2);
    make(&rig, "__c", 1);
    make(&rig, "a", 1);
    assert_int_equal(log_topic_create(rig.log, STR("a"), 1, NULL, 0), ERR_EXISTS);
    static const char *const bad[] = {"", ".", "..", "a/b", "../../etc", "a b", "\xc3\xa9"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(log_topic_create(rig.log, str_of(bad[i]), 1, NULL, 0), ERR_INVAL);
    assert_int_equal(log_topic_create(rig.log, STR("x"), 0, NULL, 0), ERR_INVAL);
    assert_int_equal(log_topic_create(rig.log, STR("x"), LOG_PART_MAX + 1, NULL, 0), ERR_INVAL);
    struct log_setting set[] = {{STR("retention.ms"), STR("5")}, {STR("nonsense"), STR("5")}};
    assert_int_equal(log_topic_set(rig.log, STR("b"), set, 2), ERR_INVAL);
    assert_int_equal(log_topic_set(rig.log, STR("b"), set, 1), 0);
    assert_int_equal(log_topic_get(rig.log, STR("b"), &rig.arena, &topic), 0);
    id = topic.id;
    rig_reopen(&rig);
    list_ours(&rig, &list, &cnt);
    assert_int_equal(cnt, 3);
    assert_true(str_eqz(list[0].name, "__c") && list[0].internal);
    assert_true(str_eqz(list[1].name, "a") && !list[1].internal);
    assert_memory_equal(list[2].id.byte, id.byte, sizeof id.byte);
    assert_true(str_eqz(log_setting_of(&list[2], "retention.ms"), "5"));
    assert_true(str_eqz(log_setting_of(&list[2], "segment.bytes"), "1073741824"));
    assert_null(log_setting_of(&list[2], "nonsense").ptr);
    assert_int_equal(log_topic_grow(rig.log, STR("b"), 1), ERR_INVAL);
    assert_int_equal(log_topic_grow(rig.log, STR("b"), 5), 0);
    put(&rig, "b", 0, 4);
    assert_int_equal(log_topic_delete(rig.log, STR("b")), 0);
    assert_int_equal(log_topic_delete(rig.log, STR("b")), ERR_NOT_FOUND);
    make(&rig, "b", 1);
    assert_int_equal(put(&rig, "b", 0, 4), 0);
    rig_reopen(&rig);
    assert_int_equal(read_all(&rig, "b", 0, 100), 4);
    rig_stop(&rig);
}

static void log_trims(void **state) {
    struct rig rig;
    struct log_span span;
    int64_t start;
    rig_start(&rig, *state);
    make_small(&rig, "a", "1000");
    for (int i = 0; i < 200; i += 5)
        put(&rig, "a", i, 5);
    assert_int_equal(log_trim(rig.log, STR("a"), 0, 201, &start), ERR_RANGE);
    assert_int_equal(log_trim(rig.log, STR("a"), 0, 103, &start), 0);
    assert_int_equal(start, 103);
    rig_reopen(&rig);
    assert_int_equal(log_span(rig.log, STR("a"), 0, &span), 0);
    assert_int_equal(span.start, 103);
    assert_int_equal(read_all(&rig, "a", 103, 500), 97);
    struct str bytes;
    assert_int_equal(log_read(rig.log, STR("a"), 0, 102, 100, &rig.arena, &bytes), ERR_RANGE);
    assert_int_equal(log_trim(rig.log, STR("a"), 0, -1, &start), 0);
    assert_int_equal(start, 200);
    rig_reopen(&rig);
    assert_int_equal(put(&rig, "a", 200, 1), 200);
    rig_stop(&rig);
}

static void log_retains_by_size_and_age(void **state) {
    struct rig rig;
    struct log_span span;
    rig_start(&rig, *state);
    NEEDS(&rig, LOG_CAP_SEGMENTS);
    struct log_setting set[] = {{STR("segment.bytes"), STR("1000")},
                                {STR("retention.ms"), STR("-1")},
                                {STR("retention.bytes"), STR("3000")}};
    assert_int_equal(log_topic_create(rig.log, STR("a"), 1, set, 3), 0);
    for (int i = 0; i < 200; i += 5)
        put(&rig, "a", i, 5);
    assert_int_equal(log_retain(rig.log), 0);
    assert_int_equal(log_span(rig.log, STR("a"), 0, &span), 0);
    assert_in_range(span.bytes, 3000, 4000);
    assert_true(span.start > 0);
    assert_int_equal(read_all(&rig, "a", span.start, 100), 200 - span.start);
    set[1].value = STR("1000");
    assert_int_equal(log_topic_set(rig.log, STR("a"), set, 3), 0);
    if (!rig.kind->real) env_mem_advance(rig.env, 3600000000);
    assert_int_equal(log_retain(rig.log), 0);
    assert_int_equal(log_span(rig.log, STR("a"), 0, &span), 0);
    assert_int_equal(span.start, 200);
    rig_reopen(&rig);
    assert_int_equal(log_span(rig.log, STR("a"), 0, &span), 0);
    assert_int_equal(span.start, 200);
    assert_int_equal(put(&rig, "a", 200, 1), 200);
    rig_stop(&rig);
}

/* Keys k0..k9 over and over: afterwards each key's last record is there, at its offset, and much
 * else is gone; nothing moves or gets lost by reopening or by compacting again. */
static void log_compacts(void **state) {
    struct rig rig;
    rig_start(&rig, *state);
    NEEDS(&rig, LOG_CAP_SEGMENTS);
    struct log_setting set[] = {{STR("segment.bytes"), STR("1500")},
                                {STR("cleanup.policy"), STR("compact")},
                                {STR("delete.retention.ms"), STR("0")}};
    assert_int_equal(log_topic_create(rig.log, STR("a"), 1, set, 3), 0);
    for (int i = 0; i < 300; i += 3) {
        struct buf buf;
        struct recbatch_build build;
        int64_t base;
        buf_init(&buf, MIB);
        recbatch_begin(&build, &buf);
        build.codec = (enum recbatch_codec)(i % RECBATCH_CODEC_CNT);
        for (int at = i; at < i + 3; at++) {
            char key[16], value[200];
            snprintf(key, sizeof key, "k%d", at % 10);
            memset(value, 'v', sizeof value);
            snprintf(value, sizeof value, "v%d", at);
            bool dead = at % 10 == 4;
            struct record rec = {.key = str_of(key),
                                 .value = {dead ? NULL : value, sizeof value},
                                 .ts_ms = 1600000000000 + at};
            assert_int_equal(recbatch_add(&build, &rec), 0);
        }
        assert_int_equal(recbatch_seal(&build), 0);
        assert_int_equal(log_append(rig.log, STR("a"), 0, buf_str(&buf), &base), 0);
        assert_int_equal(base, i);
        buf_fini(&buf);
    }
    for (int round = 0; round < 3; round++) {
        int cnt = 0, last[10] = {0};
        assert_int_equal(log_retain(rig.log), 0);
        for (int64_t at = 0; at < 300;) {
            struct str bytes;
            struct recbatch_iter it;
            struct record rec;
            int64_t before = at;
            assert_int_equal(log_read(rig.log, STR("a"), 0, at, 1, &rig.arena, &bytes), 0);
            recbatch_walk(&it, bytes, at, &rig.arena);
            while (recbatch_next(&it, &rec)) {
                char value[16];
                snprintf(value, sizeof value, "v%" PRId64, rec.offset);
                assert_int_equal(rec.key.ptr[1] - '0', rec.offset % 10);
                if (rec.value.ptr) assert_string_equal(rec.value.ptr, value);
                last[rec.offset % 10] = (int)rec.offset;
                at = rec.offset + 1;
                cnt++;
            }
            assert_int_equal(it.err, 0);
            assert_true(at > before);
        }
        for (int i = 0; i < 10; i++)
            if (i != 4) assert_int_equal(last[i], 290 + i);
        assert_in_range(cnt, 10, 100);
        int64_t offset, ts;
        assert_int_equal(log_seek_time(rig.log, STR("a"), 0, 1600000000299, &offset, &ts), 0);
        assert_int_equal(offset, 299);
        if (round) rig_reopen(&rig);
    }
    rig_stop(&rig);
}

static void log_takes_compressed_batches(void **state) {
    struct rig rig;
    int64_t base;
    rig_start(&rig, *state);
    make(&rig, "a", 1);
    for (int codec = 0; codec < RECBATCH_CODEC_CNT; codec++) {
        struct recbatch_build as = {.codec = (enum recbatch_codec)codec,
                                    .producer_id = -1,
                                    .producer_epoch = -1,
                                    .base_sequence = -1};
        struct str batch = batch_of(&rig, codec * 100, 100, 1700000000000, &as);
        assert_int_equal(log_append(rig.log, STR("a"), 0, batch, &base), 0);
        assert_int_equal(base, codec * 100);
    }
    assert_int_equal(read_all(&rig, "a", 0, 100), RECBATCH_CODEC_CNT * 100);
    assert_int_equal(read_all(&rig, "a", 150, 100000), RECBATCH_CODEC_CNT * 100 - 150);
    rig_stop(&rig);
}

static void *wake_later(void *arg) {
    struct rig *rig = arg;
    env_sleep_us(rig->env, 20000);
    log_wake(rig->log);
    return NULL;
}

static void *put_later(void *arg) {
    struct rig *rig = arg;
    struct rig own = *rig;
    memset(&own.arena, 0, sizeof own.arena);
    env_sleep_us(rig->env, 20000);
    put(&own, "a", 0, 1);
    arena_fini(&own.arena);
    return NULL;
}

static void log_wait_returns_on_records_and_on_wake(void **state) {
    struct rig rig;
    pthread_t thread;
    rig_start(&rig, *state);
    make(&rig, "a", 1);
    struct log_pos pos = {STR("a"), 0, 0};
    if (rig.kind->real) {
        int64_t since = env_mono_us(rig.env);
        assert_int_equal(pthread_create(&thread, NULL, wake_later, &rig), 0);
        assert_int_equal(log_wait(rig.log, &pos, 1, 20000000), 0);
        pthread_join(thread, NULL);
        assert_int_equal(pthread_create(&thread, NULL, put_later, &rig), 0);
        assert_int_equal(log_wait(rig.log, &pos, 1, 20000000), 0);
        pthread_join(thread, NULL);
        assert_true(env_mono_us(rig.env) - since < 10000000);
        pos.offset = 1;
        assert_int_equal(log_wait(rig.log, &pos, 1, 1000), 0);
    } else {
        put(&rig, "a", 0, 1);
    }
    pos.offset = 0;
    assert_int_equal(log_wait(rig.log, &pos, 1, 20000000), 0);
    rig_stop(&rig);
}

struct crowd {
    struct rig *rig;
    int no;
    struct log_pos pos;
};

static void *crowd_run(void *arg) {
    struct crowd *crowd = arg;
    struct rig own = *crowd->rig;
    memset(&own.arena, 0, sizeof own.arena);
    for (int i = 0; i < 100; i++) {
        int64_t base;
        struct str batch = batch_of(&own, i, 1, crowd->no * 1000000, NULL);
        int err = log_append(own.log, STR("a"), i % 3, batch, &base);
        if (err) print_error("%s\n", err_note());
        if (err || base < 0) abort();
    }
    arena_fini(&own.arena);
    return NULL;
}

static void log_gives_each_of_many_threads_its_own_offsets(void **state) {
    struct rig rig;
    pthread_t thread[4];
    struct crowd crowd[4];
    int64_t total = 0;
    rig_start(&rig, *state);
    make(&rig, "a", 3);
    for (int i = 0; i < 4; i++) {
        crowd[i] = (struct crowd){.rig = &rig, .no = i};
        assert_int_equal(pthread_create(&thread[i], NULL, crowd_run, &crowd[i]), 0);
    }
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    for (int32_t part = 0; part < 3; part++) {
        struct log_span span;
        assert_int_equal(log_span(rig.log, STR("a"), part, &span), 0);
        total += span.end;
    }
    assert_int_equal(total, 400);
    rig_stop(&rig);
}

static void log_acks_lazily_when_asked_to(void **state) {
    struct rig rig;
    rig_start(&rig, *state);
    struct log_setting set[] = {KEPT, {STR("flush.messages"), STR("1000000")}};
    assert_int_equal(log_topic_create(rig.log, STR("a"), 1, set, 2), 0);
    for (int i = 0; i < 50; i++)
        put(&rig, "a", i, 1);
    assert_int_equal(read_all(&rig, "a", 0, 100), 50);
    rig_reopen(&rig);
    assert_int_equal(read_all(&rig, "a", 0, 100), 50);
    rig_stop(&rig);
}

#define ON(test, at)                                                                               \
    { #test, test, NULL, NULL, (void *)(uintptr_t)&kinds[at] }
#define ON_ALL(test) ON(test, 0), ON(test, 1), ON(test, 2), ON(test, 3), ON(test, 4)

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_ALL(log_appends_and_reads_whole_batches),
        ON_ALL(log_rolls_segments_and_reads_across_them),
        ON_ALL(log_finds_times),
        ON_ALL(log_answers_repeats_with_the_first_offset),
        ON_ALL(log_refuses_what_is_no_batch),
        ON_ALL(log_stamps_append_time),
        ON_ALL(log_keeps_topics),
        ON_ALL(log_trims),
        ON_ALL(log_retains_by_size_and_age),
        ON_ALL(log_compacts),
        ON_ALL(log_takes_compressed_batches),
        ON_ALL(log_wait_returns_on_records_and_on_wake),
        ON_ALL(log_gives_each_of_many_threads_its_own_offsets),
        ON_ALL(log_acks_lazily_when_asked_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
