/* query_test.c - a transform between a topic and a table: what it waits for, how it gets over
 * trouble, and that its quarantine keeps each bad record once, as it was. */
#include "support/unit.h"

#include "base/err.h"
#include "pipeline/query.h"
#include "pipeline/reject.h"
#include "support/pipebed.h"

#define TOPIC "users"

static struct pipebed bed;
static struct query *query;
static struct def_transform def;
static struct stream_expect expect;

static int setup(void **state UNUSED) {
    pipebed_open(&bed);
    expect = (struct stream_expect){STR("has_name"), STR("name IS NOT NULL"), STREAM_QUARANTINE};
    def = (struct def_transform){.keyspace = STR("ks"), .table = STR("people"),
                                 .name = STR("ks.people"), .key = STR("id"),
                                 .sql = STR("SELECT id, name FROM STREAM users"),
                                 .topic = STR(TOPIC), .expect = &expect, .expect_cnt = 1};
    return 0;
}

static int teardown(void **state UNUSED) {
    query_close(query);
    query = NULL;
    pipebed_close(&bed);
    return 0;
}

static void open_query(void) {
    struct query_conf conf = {&bed.env, bed.log, bed.registry, bed.store, &def};
    assert_int_equal(query_open(&query, &conf), 0);
}

static void reopen(void) {
    query_close(query);
    open_query();
}

static void register_columns(const char *columns) {
    struct registry_schema schema;
    struct str text = arena_printf(&bed.arena, "{\"type\":\"object\",\"properties\":{%s}}",
                                   columns);
    int err = registry_register(bed.registry, STR(TOPIC "-value"), REGISTRY_JSON, text, &bed.arena,
                                &schema);
    if (err) fail_msg("%s", err_note());
}

static void put(int32_t part, const char *key, const char *value) {
    struct record record = {.key = str_of(key), .value = str_of(value), .ts_ms = 1000};
    pipebed_put(&bed, TOPIC, part, &record);
}

#define TWO "\"id\":{\"type\":\"string\"},\"name\":{\"type\":\"string\"}"

static int step(void) {
    size_t did;
    bed.ahead_us += 1100000; /* past the time when the schema is looked at again */
    return query_step(query, 0, &did);
}

static void expect_state(enum query_state state, const char *note) {
    struct query_stats stats;
    query_stats(query, &stats);
    assert_int_equal(stats.state, state);
    if (!strstr(stats.note, note)) fail_msg("the note is '%s', not '%s'", stats.note, note);
    if (!*note) assert_string_equal(stats.note, "");
}

/* ---- waiting and planning ---- */

static void query_waits_for_the_first_schema(void **state UNUSED) {
    open_query();
    assert_int_equal(step(), ERR_AGAIN);
    expect_state(QUERY_WAITING, "waits for the first record of topic users");
    put(0, "a", "{\"id\":\"1\",\"name\":\"ada\"}");
    assert_int_equal(step(), ERR_AGAIN);
    register_columns(TWO);
    assert_int_equal(step(), 0);
    expect_state(QUERY_RUNNING, "");
    assert_string_equal(pipebed_rows(&bed, "ks", "people"), "1|ada\n");
}

static void query_plans_anew_when_the_schema_grows(void **state UNUSED) {
    struct query_stats stats;
    def.sql = STR("SELECT * FROM STREAM users");
    register_columns(TWO);
    put(0, "a", "{\"id\":\"1\",\"name\":\"ada\"}");
    open_query();
    assert_int_equal(step(), 0);
    register_columns(TWO ",\"pet\":{\"type\":\"string\"}");
    put(0, "b", "{\"id\":\"2\",\"name\":\"bob\",\"pet\":\"cat\"}");
    assert_int_equal(step(), 0);
    assert_string_equal(pipebed_rows(&bed, "ks", "people"), "1|ada|null\n2|bob|cat\n");
    query_stats(query, &stats);
    assert_int_equal(stats.stream.rows_out, 2); /* over both plans */
}

/* A schema that was registered while the plan at hand is not yet due to be looked at. */
static void query_reads_no_record_by_a_schema_older_than_it(void **state UNUSED) {
    size_t did;
    def.sql = STR("SELECT id, name, CAST(zip AS STRING) AS zip FROM STREAM users");
    register_columns(TWO ",\"zip\":{\"type\":\"integer\"}");
    put(0, "a", "{\"id\":\"1\",\"name\":\"ada\",\"zip\":7}");
    open_query();
    assert_int_equal(step(), 0);
    register_columns(TWO ",\"zip\":{\"type\":[\"integer\",\"string\"]}");
    put(0, "b", "{\"id\":\"2\",\"name\":\"bob\",\"zip\":\"K1A\"}");
    assert_int_equal(query_step(query, 0, &did), 0);
    assert_int_equal(did, 1);
    expect_state(QUERY_RUNNING, "");
    assert_string_equal(pipebed_rows(&bed, "ks", "people"), "1|ada|7\n2|bob|K1A\n");
}

static void query_keeps_its_plan_when_another_topic_grows(void **state UNUSED) {
    struct query_stats stats;
    struct registry_schema schema;
    size_t did;
    register_columns(TWO);
    put(0, "a", "{\"id\":\"1\",\"name\":\"ada\"}");
    open_query();
    assert_int_equal(step(), 0);
    assert_int_equal(registry_register(bed.registry, STR("other-value"), REGISTRY_JSON,
                                       STR("{\"type\":\"object\"}"), &bed.arena, &schema), 0);
    put(0, "b", "{\"id\":\"2\",\"name\":\"bob\"}");
    assert_int_equal(query_step(query, 0, &did), 0);
    query_stats(query, &stats);
    assert_int_equal(stats.stream.batches, 2);
    assert_string_equal(pipebed_rows(&bed, "ks", "people"), "1|ada\n2|bob\n");
}

static void query_says_what_its_sql_lacks_and_goes_on_when_it_is_there(void **state UNUSED) {
    register_columns("\"id\":{\"type\":\"string\"}");
    put(0, "a", "{\"id\":\"1\",\"name\":\"ada\"}");
    open_query();
    assert_true(step() != 0);
    expect_state(QUERY_TROUBLE, "name");
    register_columns(TWO);
    assert_int_equal(step(), 0);
    expect_state(QUERY_RUNNING, "");
    assert_string_equal(pipebed_rows(&bed, "ks", "people"), "1|ada\n");
}

static void query_says_that_the_table_is_another(void **state UNUSED) {
    register_columns(TWO);
    put(0, "a", "{\"id\":\"1\",\"name\":\"ada\"}");
    open_query();
    assert_int_equal(step(), 0);
    def.key = STR("name");
    reopen();
    assert_true(step() != 0);
    expect_state(QUERY_TROUBLE, "key");
}

/* ---- trouble ---- */

static void query_gets_over_a_store_that_fails(void **state UNUSED) {
    struct record *kept;
    register_columns(TWO);
    open_query();
    for (int lost = 0; lost < 2; lost++) {
        char id[8];
        for (int i = 0; i < 3; i++) {
            struct str value = arena_printf(&bed.arena, "{\"id\":\"%d-%d\",\"name\":%s}", lost, i,
                                            i == 1 ? "null" : "\"x\"");
            snprintf(id, sizeof id, "%d", i);
            put(0, id, arena_strz(&bed.arena, value));
        }
        bed.commit = (struct pipebed_fault){.cnt = 3, .lost = lost};
        for (int i = 0; i < (lost ? 1 : 3); i++) {
            assert_int_equal(step(), ERR_NET);
            expect_state(QUERY_TROUBLE, "the store does not answer, says the test");
        }
        bed.commit.cnt = 0;
        assert_int_equal(step(), 0);
        expect_state(QUERY_RUNNING, "");
        assert_int_equal(pipebed_records(&bed, "people.quarantine", &kept), lost + 1);
    }
    assert_string_equal(pipebed_rows(&bed, "ks", "people"), "0-0|x\n0-2|x\n1-0|x\n1-2|x\n");
}

static void query_lags_by_what_comes_while_it_is_in_trouble(void **state UNUSED) {
    struct query_stats stats;
    register_columns(TWO);
    put(0, "a", "{\"id\":\"1\",\"name\":\"ada\"}");
    open_query();
    assert_int_equal(step(), 0);
    bed.commit = (struct pipebed_fault){.cnt = 100};
    for (int i = 0; i < 5; i++) {
        put(0, "b", "{\"id\":\"2\",\"name\":\"bob\"}");
        assert_int_equal(step(), ERR_NET);
    }
    query_stats(query, &stats);
    assert_true(stats.stream.lag >= 4 && stats.stream.lag <= 5);
    bed.commit.cnt = 0;
    assert_int_equal(step(), 0);
    query_stats(query, &stats);
    assert_int_equal(stats.stream.lag, 0);
}

/* ---- quarantine ---- */

static void query_quarantines_the_original_with_the_reason(void **state UNUSED) {
    struct record *kept;
    register_columns(TWO);
    struct record_header own = {STR("trace"), STR("t-1")};
    struct record bad = {.key = STR("k"), .value = STR(" { \"id\" : \"1\", \"name\":null } "),
                         .ts_ms = 77, .header = &own, .header_cnt = 1};
    put(0, "a", "{\"id\":\"0\",\"name\":\"ada\"}");
    pipebed_put(&bed, TOPIC, 0, &bad);
    put(0, "b", "{broken");
    put(0, "c", "{\"name\":\"no id\"}");
    open_query();
    assert_int_equal(step(), 0);
    assert_string_equal(pipebed_rows(&bed, "ks", "people"), "0|ada\n");
    assert_int_equal(pipebed_records(&bed, "people.quarantine", &kept), 3);
    assert_true(str_eq(kept[0].key, bad.key) && str_eq(kept[0].value, bad.value));
    assert_int_equal(kept[0].ts_ms, 77);
    assert_string_equal(pipebed_header(&bed, &kept[0], "trace"), "t-1");
    assert_string_equal(pipebed_header(&bed, &kept[0], REJECT_TOPIC), TOPIC);
    assert_string_equal(pipebed_header(&bed, &kept[0], REJECT_PARTITION), "0");
    assert_string_equal(pipebed_header(&bed, &kept[0], REJECT_OFFSET), "1");
    assert_string_equal(pipebed_header(&bed, &kept[0], REJECT_CHECK), "has_name");
    assert_string_equal(pipebed_header(&bed, &kept[1], REJECT_CHECK), "json");
    assert_true(str_eqz(kept[1].value, "{broken"));
    assert_non_null(strstr(pipebed_header(&bed, &kept[1], REJECT_MESSAGE), "byte"));
    assert_string_equal(pipebed_header(&bed, &kept[2], REJECT_CHECK), "sink");
    assert_non_null(strstr(pipebed_header(&bed, &kept[2], REJECT_MESSAGE), "id"));
    assert_int_equal(query_failed(query, 0), 1);
    assert_int_equal(query_failed(query, 7000), 0);
}

static void query_quarantines_once_over_failures_and_restarts(void **state UNUSED) {
    struct record *kept;
    size_t cnt = 0;
    register_columns(TWO);
    put(2, "z", "{\"id\":\"z\",\"name\":\"z\"}");
    open_query();
    for (int round = 0; round < 6; round++) {
        for (int32_t part = 0; part < 3; part++) put(part, "k", "{\"id\":\"1\",\"name\":null}");
        cnt += 3;
        bed.append = (struct pipebed_fault){.after = round / 2, .cnt = 1, .lost = round % 2,
                                            .only = "people.quarantine"};
        bed.commit = (struct pipebed_fault){.cnt = round % 3};
        while (step()) {
            if (round == 3) reopen();
            assert_true(pipebed_records(&bed, "people.quarantine", &kept) <= cnt);
        }
        bed.append.cnt = 0;
        assert_int_equal(pipebed_records(&bed, "people.quarantine", &kept), cnt);
    }
}

static void query_quarantines_all_of_a_topic_that_grew(void **state UNUSED) {
    struct record *kept;
    register_columns(TWO);
    for (int i = 0; i < 5; i++) put(0, "k", "{\"id\":\"1\",\"name\":null}");
    open_query();
    assert_int_equal(step(), 0);
    assert_int_equal(log_topic_grow(bed.log, STR(TOPIC), 3), 0);
    put(1, "k", "{\"id\":\"1\",\"name\":null}");
    put(2, "k", "{\"id\":\"1\",\"name\":null}");
    reopen();
    for (int i = 0; i < 5; i++) (void)!step();
    assert_int_equal(pipebed_records(&bed, "people.quarantine", &kept), 7);
    reopen();
    assert_int_equal(step(), 0);
    assert_int_equal(pipebed_records(&bed, "people.quarantine", &kept), 7);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(query_waits_for_the_first_schema),
        T(query_plans_anew_when_the_schema_grows),
        T(query_reads_no_record_by_a_schema_older_than_it),
        T(query_keeps_its_plan_when_another_topic_grows),
        T(query_says_what_its_sql_lacks_and_goes_on_when_it_is_there),
        T(query_says_that_the_table_is_another),
        T(query_gets_over_a_store_that_fails),
        T(query_lags_by_what_comes_while_it_is_in_trouble),
        T(query_quarantines_the_original_with_the_reason),
        T(query_quarantines_once_over_failures_and_restarts),
        T(query_quarantines_all_of_a_topic_that_grew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
