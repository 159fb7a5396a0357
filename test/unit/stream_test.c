/* stream_test.c - micro-batches: what is computed, what is quarantined, and that nothing is lost or
 * doubled wherever the sink fails. */
#include "stream/stream.h"

#include "base/err.h"
#include "log/log.h"
#include "support/streambed.h"
#include "support/unit.h"

/* ---- what it computes ---- */

#define USER                                                                                      \
    "STRUCT<gender: STRING, name: STRUCT<title: STRING, first: STRING, last: STRING>, location: "  \
    "STRUCT<street: STRUCT<number: BIGINT, name: STRING>, city: STRING, postcode: STRING>, "       \
    "email: STRING, login: STRUCT<uuid: STRING, username: STRING>, dob: STRUCT<date: STRING, "     \
    "age: BIGINT>>"

static void nested_fields_become_columns(void **state) {
    (void)state;
    struct streambed bed;
    streambed_init(&bed, USER,
             "SELECT login.uuid AS id, name.first AS first_name, gender, "
             "CAST(location.postcode AS STRING) AS post_code, location.street.number + 1 AS nr, "
             "dob.age >= 18 AS adult FROM STREAM users_created WHERE gender IS NOT NULL",
             NULL, 0);
    streambed_put(&bed, 0,
                "{\"gender\":\"female\",\"name\":{\"title\":\"Ms\",\"first\":\"Ada\"},"
                "\"location\":{\"street\":{\"number\":7,\"name\":\"x\"},\"postcode\":12345},"
                "\"login\":{\"uuid\":\"u-1\"},\"dob\":{\"age\":36}}", 1000);
    streambed_put(&bed, 1, "{\"name\":{\"first\":\"No gender\"}}", 1000);
    streambed_put(&bed, 1, "{\"gender\":\"male\"}", 2000);
    streambed_open(&bed);
    assert_int_equal(streambed_drain(&bed, 0), 3);
    assert_int_equal(bed.sink->row_cnt, 2);
    assert_string_equal(bed.sink->row[0].json, "id=\"u-1\" first_name=\"Ada\" gender=\"female\" "
                        "post_code=\"12345\" nr=8 adult=true");
    assert_string_equal(bed.sink->row[1].json, "id=null first_name=null gender=\"male\" "
                        "post_code=null nr=null adult=null");
    struct stream_stats stats;
    stream_stats(bed.stream, &stats);
    assert_int_equal(stats.records_in, 3);
    assert_int_equal(stats.rows_out, 2);
    assert_int_equal(stats.rows_filtered, 1);
    assert_int_equal(stats.lag, 0);
    assert_int_equal(stats.newest_ts_ms, 2000);
    streambed_fini(&bed);
}

static void one_bad_record_does_not_stop_the_others(void **state) {
    (void)state;
    struct streambed bed;
    streambed_init(&bed, "STRUCT<a: STRING, b: BIGINT>",
             "SELECT CAST(a AS INT) AS a, 10 DIV b AS q FROM STREAM users_created", NULL, 0);
    const char *values[] = {"{\"a\":\"1\",\"b\":5}", "{\"a\":\"x\",\"b\":5}", "{broken",
                            NULL,                    "{\"a\":\"2\",\"b\":0}", "[1]",
                            "{\"a\":\"3\",\"b\":null}"};
    streambed_produce(&bed, 0, values, ARRAY_LEN(values), 5);
    streambed_open(&bed);
    streambed_drain(&bed, 0);
    assert_int_equal(bed.sink->row_cnt, 2);
    assert_string_equal(bed.sink->row[0].json, "a=1 q=2");
    assert_string_equal(bed.sink->row[1].json, "a=3 q=null");
    assert_int_equal(bed.sink->kept_cnt, 4);
    assert_string_equal(bed.sink->kept[0].check, "query");
    assert_int_equal(bed.sink->kept[0].offset, 1);
    assert_non_null(strstr(bed.sink->kept[0].reason, "CAST_INVALID_INPUT"));
    assert_string_equal(bed.sink->kept[1].check, "json");
    assert_string_equal(bed.sink->kept[1].record, "{broken");
    assert_non_null(strstr(bed.sink->kept[2].reason, "DIVIDE_BY_ZERO"));
    assert_string_equal(bed.sink->kept[3].record, "[1]");
    struct stream_stats stats;
    stream_stats(bed.stream, &stats);
    assert_int_equal(stats.records_in, stats.rows_out + stats.rows_filtered + stats.quarantined);
    streambed_fini(&bed);
}

static void values_of_schema_serializers_are_read(void **state) {
    (void)state;
    struct streambed bed;
    struct record record = {.key = STR("k"), .ts_ms = 5};
    static const char framed[] = "\0\0\0\0\7{\"a\":1}", cut[] = "\0\0\0\0";
    streambed_init(&bed, "STRUCT<a: BIGINT>", "SELECT a FROM STREAM users_created", NULL, 0);
    record.value = (struct str){framed, sizeof framed - 1};
    streambed_record(&bed, 0, &record);
    record.value = (struct str){cut, sizeof cut - 1};
    streambed_record(&bed, 0, &record);
    streambed_open(&bed);
    streambed_drain(&bed, 0);
    assert_int_equal(bed.sink->row_cnt, 1);
    assert_string_equal(bed.sink->row[0].json, "a=1");
    assert_int_equal(bed.sink->kept_cnt, 1);
    assert_string_equal(bed.sink->kept[0].check, "json");
    streambed_fini(&bed);
}

static void branches_not_taken_do_not_fail(void **state) {
    (void)state;
    struct streambed bed;
    streambed_init(&bed, "STRUCT<a: STRING, b: BIGINT>",
             "SELECT CASE WHEN b = 0 THEN -1 ELSE 100 DIV b END AS q, "
             "b <> 0 AND 10 DIV b > 1 AS big, coalesce(b, CAST(a AS BIGINT)) AS c, "
             "if(try_cast(a AS INT) IS NULL, NULL, CAST(a AS INT)) AS n "
             "FROM STREAM users_created WHERE b IS NULL OR b >= 0",
             NULL, 0);
    const char *values[] = {"{\"a\":\"x\",\"b\":0}", "{\"a\":\"7\",\"b\":4}",
                            "{\"a\":\"9\",\"b\":null}", "{\"a\":\"x\",\"b\":-1}"};
    streambed_produce(&bed, 0, values, ARRAY_LEN(values), 5);
    streambed_open(&bed);
    streambed_drain(&bed, 0);
    assert_int_equal(bed.sink->kept_cnt, 0);
    assert_int_equal(bed.sink->row_cnt, 3);
    assert_string_equal(bed.sink->row[0].json, "q=-1 big=false c=0 n=null");
    assert_string_equal(bed.sink->row[1].json, "q=25 big=true c=4 n=7");
    assert_string_equal(bed.sink->row[2].json, "q=null big=null c=9 n=9");
    streambed_fini(&bed);
}

static void expectations_quarantine_warn_and_drop(void **state) {
    (void)state;
    static const struct stream_expect expect[] = {
        {STR_INIT("has_id"), STR_INIT("id IS NOT NULL"), STREAM_QUARANTINE},
        {STR_INIT("positive"), STR_INIT("id > 0"), STREAM_DROP},
        {STR_INIT("small"), STR_INIT("100 DIV id > 1"), STREAM_WARN},
    };
    struct streambed bed;
    streambed_init(&bed, "STRUCT<id: BIGINT>", "SELECT id FROM STREAM users_created", expect, 3);
    const char *values[] = {"{\"id\":1}", "{}", "{\"id\":-1}", "{\"id\":99}", "{\"id\":0}"};
    streambed_produce(&bed, 0, values, ARRAY_LEN(values), 5);
    streambed_open(&bed);
    streambed_drain(&bed, 0);
    assert_int_equal(bed.sink->row_cnt, 2);
    assert_string_equal(bed.sink->row[1].json, "id=99");
    assert_int_equal(bed.sink->kept_cnt, 1);
    assert_string_equal(bed.sink->kept[0].check, "has_id");
    assert_string_equal(bed.sink->kept[0].reason, "id IS NOT NULL is false");
    assert_int_equal(stream_failed(bed.stream, 0), 1);
    assert_int_equal(stream_failed(bed.stream, 1), 2);
    assert_int_equal(stream_failed(bed.stream, 2), 1);
    streambed_fini(&bed);
}

static void expectation_that_stops_writes_nothing(void **state) {
    (void)state;
    static const struct stream_expect expect[] = {
        {STR_INIT("sane"), STR_INIT("id > 0"), STREAM_STOP}};
    struct streambed bed;
    size_t did;
    streambed_init(&bed, "STRUCT<id: BIGINT>", "SELECT id FROM STREAM users_created", expect, 1);
    streambed_put(&bed, 0, "{\"id\":1}", 5);
    streambed_put(&bed, 0, "{\"id\":-1}", 5);
    streambed_open(&bed);
    assert_int_equal(stream_step(bed.stream, 0, &did), ERR_INVAL);
    assert_non_null(strstr(err_note(), "partition 0 offset 1"));
    assert_int_equal(bed.sink->row_cnt, 0);
    assert_int_equal(stream_step(bed.stream, 0, &did), ERR_INVAL);
    streambed_fini(&bed);
}

static void row_the_sink_rejects_is_quarantined(void **state) {
    (void)state;
    struct streambed bed;
    streambed_init(&bed, "STRUCT<id: BIGINT>", "SELECT id FROM STREAM users_created", NULL, 0);
    const char *values[] = {"{\"id\":1}", "{\"id\":2}", "{\"id\":3}"};
    streambed_produce(&bed, 0, values, ARRAY_LEN(values), 5);
    bed.sink->reject = "id=2";
    streambed_open(&bed);
    streambed_drain(&bed, 0);
    assert_int_equal(bed.sink->row_cnt, 2);
    assert_int_equal(bed.sink->kept_cnt, 1);
    assert_string_equal(bed.sink->kept[0].check, "sink");
    streambed_fini(&bed);
}

static void write_times_rise_within_a_partition(void **state) {
    (void)state;
    struct streambed bed;
    streambed_init(&bed, "STRUCT<id: BIGINT>", "SELECT id FROM STREAM users_created", NULL, 0);
    const char *values[] = {"{\"id\":1}", "{\"id\":2}"};
    streambed_produce(&bed, 0, values, 2, 10);
    streambed_produce(&bed, 0, values, 2, 3); /* the clock went back */
    streambed_open(&bed);
    streambed_drain(&bed, 0);
    assert_int_equal(bed.sink->row[0].ts_us, 10000);
    assert_int_equal(bed.sink->row[1].ts_us, 10001);
    assert_int_equal(bed.sink->row[2].ts_us, 10002);
    assert_int_equal(bed.sink->row[3].ts_us, 10003);
    streambed_fini(&bed);
}

/* ---- crashes ---- */

#define CRASH_ROWS 40

static void produce_many(struct streambed *bed) {
    for (int i = 0; i < CRASH_ROWS; i++) {
        char text[64];
        bool bad = i % 7 == 3;
        snprintf(text, sizeof text, bad ? "{\"id\":\"%d bad\"}" : "{\"id\":\"%d\"}", i);
        streambed_put(bed, i % STREAMBED_PARTS, text, 100 + i);
    }
}

/* Every record had exactly one effect. */
static bool all_once(const struct streambed_sink *sink) {
    int seen[CRASH_ROWS] = {0};
    for (size_t i = 0; i < sink->row_cnt; i++) seen[atoi(sink->row[i].json + 3)]++;
    for (size_t i = 0; i < sink->kept_cnt; i++) seen[atoi(sink->kept[i].record + 7)]++;
    for (int i = 0; i < CRASH_ROWS; i++)
        if (seen[i] != 1) return false;
    return true;
}

/* Fails the sink's n-th call, then goes on, with or without a restart. False: an effect is missing
 * or doubled. *more: the n-th call was reached. */
static bool survives(size_t fail_at, bool restart, bool commit_then_fail, bool *more) {
    struct streambed bed;
    size_t did;
    streambed_init(&bed, "STRUCT<id: STRING>",
                   "SELECT CAST(id AS INT) AS id FROM STREAM users_created",
             NULL, 0);
    bed.conf.batch_rows = 16;
    produce_many(&bed);
    bed.sink->fail_at = fail_at;
    bed.sink->commit_then_fail = commit_then_fail;
    streambed_open(&bed);
    int err = 0;
    do err = stream_step(bed.stream, 0, &did);
    while (!err && did);
    *more = err != 0;
    if (err && restart) {
        stream_close(bed.stream);
        bed.sink->open = false;
        streambed_open(&bed);
    }
    streambed_drain(&bed, 0);
    bool good = all_once(bed.sink);
    streambed_fini(&bed);
    return good;
}

static void nothing_is_lost_or_doubled_where_the_sink_fails(void **state) {
    (void)state;
    for (int restart = 0; restart < 2; restart++) {
        bool more = true;
        size_t at = 1;
        for (; more; at++) assert_true(survives(at, restart, false, &more));
        assert_true(at > 15);
    }
}

/* The answer to a commit that was done got lost: only a restart, which reads the state again, can
 * know. */
static void commit_whose_answer_is_lost_counts_once_after_restart(void **state) {
    (void)state;
    bool more = true;
    for (size_t at = 1; more; at++) assert_true(survives(at, true, true, &more));
}

static void mutant_that_commits_offsets_first_is_caught(void **state) {
    (void)state;
#ifdef SLUICE_MUTANTS
    bool more = true, caught = false;
    setenv("SLUICE_MUTANT", "offset-before-effect", 1);
    for (size_t at = 1; more; at++) caught = !survives(at, true, false, &more) || caught;
    unsetenv("SLUICE_MUTANT");
    assert_true(caught);
#else
    SKIP_TEST("built without SLUICE_MUTANTS");
#endif
}

static void replay_writes_the_same_times(void **state) {
    (void)state;
    struct streambed bed;
    static struct streambed_row before[CRASH_ROWS];
    streambed_init(&bed, "STRUCT<id: STRING>", "SELECT id FROM STREAM users_created", NULL, 0);
    produce_many(&bed);
    streambed_open(&bed);
    streambed_drain(&bed, 0);
    memcpy(before, bed.sink->row, sizeof before);
    assert_int_equal(bed.sink->row_cnt, CRASH_ROWS);
    stream_close(bed.stream);
    bed.sink->state[0] = 0;
    bed.sink->row_cnt = 0;
    bed.conf.batch_rows = 3; /* other batches, the same order within a partition */
    streambed_open(&bed);
    streambed_drain(&bed, 0);
    for (size_t i = 0; i < CRASH_ROWS; i++) {
        size_t k = 0;
        while (k < CRASH_ROWS && strcmp(before[k].json, bed.sink->row[i].json) != 0) k++;
        assert_true(k < CRASH_ROWS && before[k].ts_us == bed.sink->row[i].ts_us);
    }
    streambed_fini(&bed);
}

static void set_state(struct streambed *bed, const char *text) {
    snprintf(bed->sink->state, sizeof bed->sink->state, "%s", text);
}

static void lost_or_foreign_offsets_are_refused(void **state) {
    (void)state;
    struct streambed bed;
    size_t did;
    streambed_init(&bed, "STRUCT<id: STRING>", "SELECT id FROM STREAM users_created", NULL, 0);
    set_state(&bed, "1\n0 99 1\n");
    streambed_open(&bed);
    assert_int_equal(stream_step(bed.stream, 0, &did), ERR_RANGE);
    stream_close(bed.stream);
    set_state(&bed, "1\n0 x 1\n");
    assert_int_equal(stream_open(&bed.stream, &bed.conf), ERR_CORRUPT);
    set_state(&bed, "9\n");
    assert_int_equal(stream_open(&bed.stream, &bed.conf), ERR_CORRUPT);
    streambed_fini(&bed);
}

static void topic_that_is_another_is_read_from_its_beginning(void **state) {
    (void)state;
    struct streambed bed;
    streambed_init(&bed, "STRUCT<id: STRING>", "SELECT id FROM STREAM users_created", NULL, 0);
    const char *values[] = {"{\"id\":\"1\"}", "{\"id\":\"2\"}", "{\"id\":\"3\"}"};
    streambed_produce(&bed, 0, values, 3, 10);
    set_state(&bed, "2 00000000-0000-0000-0000-000000000001\n0 2 99000000\n");
    streambed_open(&bed);
    streambed_drain(&bed, 0);
    assert_int_equal(bed.sink->row_cnt, 3);
    assert_int_equal(bed.sink->row[0].ts_us, 10000); /* its own times */
    stream_close(bed.stream);
    streambed_open(&bed); /* the one that was read: goes on where it was */
    streambed_drain(&bed, 0);
    assert_int_equal(bed.sink->row_cnt, 3);
    assert_int_equal(log_topic_delete(bed.log, STR("users_created")), 0);
    assert_int_equal(log_topic_create(bed.log, STR("users_created"), STREAMBED_PARTS, NULL, 0), 0);
    streambed_produce(&bed, 0, values, 1, 20);
    size_t did;
    assert_int_equal(stream_step(bed.stream, 0, &did), ERR_RANGE); /* who runs it opens it anew */
    stream_close(bed.stream);
    streambed_open(&bed);
    streambed_drain(&bed, 0);
    assert_int_equal(bed.sink->row_cnt, 4);
    streambed_fini(&bed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nested_fields_become_columns),
        cmocka_unit_test(one_bad_record_does_not_stop_the_others),
        cmocka_unit_test(values_of_schema_serializers_are_read),
        cmocka_unit_test(branches_not_taken_do_not_fail),
        cmocka_unit_test(expectations_quarantine_warn_and_drop),
        cmocka_unit_test(expectation_that_stops_writes_nothing),
        cmocka_unit_test(row_the_sink_rejects_is_quarantined),
        cmocka_unit_test(write_times_rise_within_a_partition),
        cmocka_unit_test(nothing_is_lost_or_doubled_where_the_sink_fails),
        cmocka_unit_test(commit_whose_answer_is_lost_counts_once_after_restart),
        cmocka_unit_test(mutant_that_commits_offsets_first_is_caught),
        cmocka_unit_test(replay_writes_the_same_times),
        cmocka_unit_test(lost_or_foreign_offsets_are_refused),
        cmocka_unit_test(topic_that_is_another_is_read_from_its_beginning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
