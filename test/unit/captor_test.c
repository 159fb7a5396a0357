/* captor_test.c - changes onto topics: each exactly once whatever fails in between, no record
 * before its schema, and nothing of what is hidden. */
#include "support/unit.h"

#include "base/err.h"
#include "pipeline/captor.h"
#include "pipeline/chgrec.h"
#include "support/pipebed.h"
#include "wire/json/jsonpath.h"
#include "wire/json/jsonschema.h"
#include "wire/json/jsontype.h"
#include "wire/json/jsonpath.h"

static struct pipebed bed;
static struct captor *captor;
static struct def_capture capture[3];
static const struct def_capture *captures[3];
static size_t capture_cnt;

static int setup(void **state UNUSED) {
    pipebed_open(&bed);
    memset(capture, 0, sizeof capture);
    capture_cnt = 0;
    return 0;
}

static int teardown(void **state UNUSED) {
    captor_close(captor);
    captor = NULL;
    pipebed_close(&bed);
    return 0;
}

static struct def_capture *add(const char *topic, const char *table, int32_t partitions) {
    struct def_capture *def = &capture[capture_cnt];
    *def = (struct def_capture){.topic = str_of(topic), .table = str_of(table),
                                .partitions = partitions};
    captures[capture_cnt++] = def;
    return def;
}

static void hide(struct def_capture *def, const char *path) {
    const struct jsonpath **more = arena_array(&bed.arena, const struct jsonpath *, 8);
    if (def->hide_cnt) memcpy(more, def->hide, def->hide_cnt * sizeof *more);
    assert_int_equal(jsonpath_parse(str_of(path), &bed.arena, &more[def->hide_cnt]), 0);
    def->hide = more;
    def->hide_cnt++;
}

static void open_captor(void) {
    struct captor_conf conf = {&bed.env, bed.landing, bed.log, bed.registry, captures,
                               capture_cnt, bed.landing};
    int err = captor_open(&captor, &conf);
    if (err) fail_msg("%s", err_note());
}

static void reopen(void) {
    captor_close(captor);
    open_captor();
}

/* Steps until nothing is left; returns how many steps failed. */
static int drain(void) {
    size_t did;
    int failed = 0;
    for (;;) {
        int err = captor_step(captor, 0, &did);
        failed += err != 0;
        assert_true(failed < 100);
        if (!err && !did) return failed;
    }
}

/* Is every key of k0..k<cnt> there once, and nothing else, in the order of landing a partition? */
static void expect_once(const char *topic, size_t cnt) {
    struct record *record;
    bool seen[1000] = {false};
    size_t got = pipebed_records(&bed, topic, &record);
    for (size_t i = 0; i < got; i++) {
        int64_t num;
        assert_int_equal(str_i64((struct str){record[i].key.ptr + 1, record[i].key.len - 1}, &num),
                         0);
        if (seen[num]) fail_msg("%s has k%d twice", topic, (int)num);
        seen[num] = true;
        if (i && record[i].offset > record[i - 1].offset) {
            uint64_t seq = 0, before = 0;
            uint32_t idx = 0;
            assert_true(chgrec_id(&record[i - 1], &before, &idx));
            assert_true(chgrec_id(&record[i], &seq, &idx));
            assert_true(seq >= before);
        }
    }
    assert_int_equal(got, cnt);
}

static void land_numbers(size_t from, size_t to) {
    for (size_t i = from; i < to; i++) {
        char row[64];
        snprintf(row, sizeof row, "{\"id\":\"k%zu\",\"n\":%zu}", i, i);
        pipebed_land(&bed, "users", row, NULL);
    }
}

/* ---- exactly once ---- */

static void captor_carries_each_change_once_whichever_append_fails(void **state UNUSED) {
    pipebed_declare(&bed, "users", "id");
    add("one", "users", 3);
    add("two", "users", 1);
    open_captor();
    size_t landed = 0;
    for (int after = 0; after < 5; after++) {
        for (int lost = 0; lost < 2; lost++) {
            land_numbers(landed, landed + 20);
            landed += 20;
            bed.append = (struct pipebed_fault){.after = after, .cnt = 2, .lost = lost};
            drain();
            bed.append.cnt = 0;
            expect_once("one", landed);
            expect_once("two", landed);
        }
    }
}

static void captor_carries_each_change_once_over_restarts(void **state UNUSED) {
    pipebed_declare(&bed, "users", "id");
    add("one", "users", 3);
    add("two", "users", 1);
    open_captor();
    size_t landed = 0, did;
    for (int after = 0; after < 5; after++) {
        land_numbers(landed, landed + 20);
        landed += 20;
        bed.append = (struct pipebed_fault){.after = after, .cnt = 1, .lost = after % 2};
        (void)!captor_step(captor, 0, &did);
        bed.append.cnt = 0;
        reopen();
        drain();
        expect_once("one", landed);
        expect_once("two", landed);
    }
}

static void captor_carries_each_change_once_when_acks_are_lost(void **state UNUSED) {
    size_t did;
    pipebed_declare(&bed, "users", "id");
    add("one", "users", 2);
    open_captor();
    land_numbers(0, 10);
    bed.ack = (struct pipebed_fault){.cnt = 2};
    assert_int_equal(captor_step(captor, 0, &did), ERR_IO);
    reopen();
    assert_int_equal(captor_step(captor, 0, &did), ERR_IO);
    drain();
    expect_once("one", 10);
}

static void captor_skips_records_of_others_when_it_looks_for_its_last(void **state UNUSED) {
    size_t did;
    pipebed_declare(&bed, "users", "id");
    add("one", "users", 1);
    open_captor();
    land_numbers(0, 5);
    bed.ack = (struct pipebed_fault){.cnt = 1};
    (void)!captor_step(captor, 0, &did);
    struct record_header forged = {STR(CHGREC_ID), STR("x.1")};
    struct record other = {.key = STR("k999"), .value = STR("{}"), .header = &forged,
                           .header_cnt = 1};
    pipebed_put(&bed, "one", 0, &other);
    reopen();
    drain();
    struct record *record;
    assert_int_equal(pipebed_records(&bed, "one", &record), 6); /* 5 and the other's */
    land_numbers(5, 7);
    drain();
    assert_int_equal(pipebed_records(&bed, "one", &record), 8);
}

static void captor_counts_and_says_its_trouble(void **state UNUSED) {
    struct captor_stats stats;
    size_t did;
    pipebed_declare(&bed, "users", "id");
    add("one", "users", 2);
    open_captor();
    land_numbers(0, 10);
    bed.append = (struct pipebed_fault){.cnt = 1, .only = "one", .lost = true};
    assert_int_equal(captor_step(captor, 0, &did), ERR_NET);
    assert_true(captor_stats(captor, STR("one"), &stats));
    assert_string_equal(stats.trouble, "the answer got lost, says the test");
    drain();
    assert_true(captor_stats(captor, STR("one"), &stats));
    assert_string_equal(stats.trouble, "");
    assert_true(stats.records <= 10); /* those whose answer got lost are not known to be ours */
    assert_false(captor_stats(captor, STR("none"), &stats));
    expect_once("one", 10);
}

/* ---- rows from before ---- */

static void topic_that_begins_later_gets_the_rows_first(void **state UNUSED) {
    struct record *record;
    struct str keys[] = {STR("id")};
    struct landing_table plain = {STR("users"), keys, 1, false};
    assert_int_equal(landing_declare(bed.landing, &plain), 0);
    land_numbers(0, 30);
    pipebed_declare(&bed, "users", "id");
    add("one", "users", 3);
    open_captor();
    bed.append = (struct pipebed_fault){.cnt = 2, .lost = true, .only = "one"};
    drain();
    expect_once("one", 30);
    land_numbers(30, 40);
    reopen();
    drain();
    expect_once("one", 40);
    assert_int_equal(pipebed_records(&bed, "one", &record), 40);
    assert_string_equal(pipebed_header(&bed, &record[0], "sluice.op"), "r");
}

static int away_create(struct log *log UNUSED, struct str name UNUSED, int32_t part_cnt UNUSED,
                       const struct log_setting *setting UNUSED, size_t setting_cnt UNUSED) {
    return err_fail(ERR_NET, "the log is away, says the test");
}

/* Rows that land while the log has never been there wait as changes: they need no copy besides. */
static void rows_that_waited_for_a_log_come_once_also_after_a_restart(void **state UNUSED) {
    struct record *record;
    struct log_ops here = bed.log_ops;
    size_t did;
    pipebed_declare(&bed, "users", "id");
    add("one", "users", 2);
    bed.log_ops.topic_create = away_create;
    open_captor();
    land_numbers(0, 20);
    assert_int_equal(captor_step(captor, 0, &did), ERR_NET);
    reopen();
    land_numbers(20, 30);
    assert_int_equal(captor_step(captor, 0, &did), ERR_NET);
    bed.log_ops.topic_create = here.topic_create;
    drain();
    expect_once("one", 30);
    reopen();
    drain();
    expect_once("one", 30);
    assert_int_equal(pipebed_records(&bed, "one", &record), 30);
    assert_string_equal(pipebed_header(&bed, &record[0], "sluice.op"), "c");
}

static void second_topic_of_a_table_gets_its_rows_and_the_first_no_more(void **state UNUSED) {
    struct record *record;
    pipebed_declare(&bed, "users", "id");
    add("one", "users", 1);
    open_captor();
    land_numbers(0, 5);
    drain();
    add("two", "users", 1);
    reopen();
    drain();
    expect_once("one", 5);
    expect_once("two", 5);
    assert_int_equal(pipebed_records(&bed, "one", &record), 5);
    assert_string_equal(pipebed_header(&bed, &record[0], "sluice.op"), "c");
    pipebed_records(&bed, "two", &record);
    assert_string_equal(pipebed_header(&bed, &record[0], "sluice.op"), "r");
}

static void topic_made_anew_gets_the_rows_again_also_after_what_waits(void **state UNUSED) {
    pipebed_declare(&bed, "users", "id");
    add("one", "users", 2);
    open_captor();
    land_numbers(0, 20);
    drain();
    land_numbers(20, 25); /* not carried when the log is swapped */
    captor_close(captor);
    assert_int_equal(log_topic_delete(bed.log, STR("one")), 0);
    open_captor();
    drain();
    struct record *record;
    assert_int_equal(pipebed_records(&bed, "one", &record), 30); /* 5 that waited, 25 rows */
}

static void rows_asked_for_again_come_once_more_also_after_a_crash(void **state UNUSED) {
    struct record *record;
    size_t did;
    pipebed_declare(&bed, "users", "id");
    add("one", "users", 2);
    add("two", "users", 2);
    open_captor();
    land_numbers(0, 20);
    drain();
    assert_int_equal(captor_replay(captor, STR("none")), ERR_NOT_FOUND);
    assert_int_equal(captor_replay(captor, STR("one")), 0);
    drain();
    assert_int_equal(pipebed_records(&bed, "one", &record), 40);
    assert_int_equal(pipebed_records(&bed, "two", &record), 20);
    assert_int_equal(captor_replay(captor, STR("one")), 0);
    bed.append = (struct pipebed_fault){.cnt = 1, .only = "one"};
    assert_int_not_equal(captor_step(captor, 0, &did), 0);
    reopen();
    drain();
    assert_true(pipebed_records(&bed, "one", &record) >= 60);
    assert_int_equal(pipebed_records(&bed, "two", &record), 20);
    size_t all = pipebed_records(&bed, "one", &record);
    reopen(); /* and then no more */
    drain();
    assert_int_equal(pipebed_records(&bed, "one", &record), all);
}

/* ---- whose changes they are ---- */

static struct capture_origin origin;
static int renewed, renew_fails;

static int fake_origin(struct landing *landing UNUSED, struct capture_origin *out) {
    *out = origin;
    return 0;
}

static int fake_renew(struct capture *base UNUSED) {
    if (renew_fails-- > 0) return err_fail(ERR_AGAIN, "not yet, says the test");
    renewed++;
    origin.kept = true;
    return 0;
}

static void with_origin(const char *id, uint64_t seq, bool kept) {
    origin = (struct capture_origin){.seq = seq, .kept = kept, .why = "the slot was dropped"};
    snprintf(origin.id, sizeof origin.id, "%s", id);
    bed.landing_ops.capture_origin = fake_origin;
    bed.landing_ops.capture_renew = fake_renew;
    renewed = renew_fails = 0;
}

static uint64_t last_seq(const char *topic, size_t want) {
    struct record *record;
    uint64_t seq = 0, last = 0;
    uint32_t idx;
    assert_int_equal(pipebed_records(&bed, topic, &record), want);
    for (size_t i = 0; i < want; i++) {
        assert_true(chgrec_id(&record[i], &seq, &idx));
        assert_true(seq >= last);
        last = seq;
    }
    return last;
}

static void captor_goes_on_where_the_origin_is_the_same(void **state UNUSED) {
    struct captor_stats stats;
    with_origin("a.1", 1000, true);
    pipebed_declare(&bed, "users", "id");
    add("one", "users", 1);
    open_captor();
    land_numbers(0, 5);
    drain();
    reopen();
    land_numbers(5, 8);
    drain();
    assert_true(last_seq("one", 8) < 1000);
    assert_int_equal(renewed, 0);
    assert_true(captor_stats(captor, STR("one"), &stats));
    assert_string_equal(stats.warning, "");
}

/* From another origin all rows come once more, numbered above what the topic has. */
static void captor_takes_another_origin_for_another(void **state UNUSED) {
    struct captor_stats stats;
    size_t did;
    with_origin("a.1", 1000, true);
    pipebed_declare(&bed, "users", "id");
    add("one", "users", 1);
    open_captor();
    land_numbers(0, 5);
    drain();
    uint64_t before = last_seq("one", 5);
    captor_close(captor);
    with_origin("b.1", 1, true);
    renew_fails = 1;
    open_captor();
    assert_int_equal(captor_step(captor, 0, &did), ERR_AGAIN);
    reopen(); /* it was not renewed: the gap is found again */
    drain();
    assert_int_equal(renewed, 1);
    assert_true(last_seq("one", 10) > before + 1000);
    assert_true(captor_stats(captor, STR("one"), &stats));
    assert_non_null(strstr(stats.warning, "restored"));
    land_numbers(5, 6);
    origin.seq = 100;
    reopen();
    drain();
    assert_int_equal(renewed, 1);
    last_seq("one", 11);
    assert_true(captor_stats(captor, STR("one"), &stats));
    assert_non_null(strstr(stats.warning, "restored"));
    bed.ahead_us += INT64_C(90000000000); /* the day after */
    assert_true(captor_stats(captor, STR("one"), &stats));
    assert_string_equal(stats.warning, "");
}

static void captor_fills_a_gap_and_a_log_set_back(void **state UNUSED) {
    struct captor_stats stats;
    with_origin("a.1", 1000, true);
    pipebed_declare(&bed, "users", "id");
    add("one", "users", 1);
    open_captor();
    land_numbers(0, 5);
    drain();
    captor_close(captor);
    with_origin("a.1", 1000, false);
    open_captor();
    drain();
    assert_int_equal(renewed, 1);
    uint64_t before = last_seq("one", 10);
    assert_true(before < 1000); /* the numbers go on */
    assert_true(captor_stats(captor, STR("one"), &stats));
    assert_non_null(strstr(stats.warning, "the slot was dropped"));
    captor_close(captor);
    with_origin("a.1", 2, true);
    open_captor();
    drain();
    assert_int_equal(renewed, 1);
    assert_true(last_seq("one", 15) > before + 1000);
    assert_true(captor_stats(captor, STR("one"), &stats));
    assert_non_null(strstr(stats.warning, "ends before"));
}

/* ---- schemas ---- */

static void captor_writes_no_record_before_its_schema(void **state UNUSED) {
    struct record *record;
    struct registry_schema schema;
    const struct type *type;
    size_t did;
    pipebed_declare(&bed, "users", "id");
    add("one", "users", 1);
    open_captor();
    pipebed_land(&bed, "users", "{\"id\":\"k0\"}", NULL);
    drain();
    for (int tries = 1; tries <= 3; tries++) {
        char row[64];
        snprintf(row, sizeof row, "{\"id\":\"k%d\",\"new%d\":1}", tries, tries);
        pipebed_land(&bed, "users", row, NULL);
        bed.append = (struct pipebed_fault){.cnt = tries, .only = "_schemas"};
        for (int i = 0; i < tries; i++) {
            assert_int_equal(captor_step(captor, 0, &did), ERR_FULL);
            assert_int_equal(pipebed_records(&bed, "one", &record), tries);
        }
        drain();
        assert_int_equal(pipebed_records(&bed, "one", &record), tries + 1);
        assert_int_equal(registry_get(bed.registry, STR("one-value"), REGISTRY_LATEST, &bed.arena,
                                      &schema), 0);
        assert_int_equal(schema.version, tries + 1);
        assert_int_equal(jsonschema_parse(schema.text, &bed.arena, &type), 0);
        assert_true(jsontype_fits(type, record[tries].value));
    }
}

static void captor_registers_nothing_anew_after_a_restart(void **state UNUSED) {
    struct registry_schema schema;
    pipebed_declare(&bed, "users", "id");
    add("one", "users", 1);
    open_captor();
    pipebed_land(&bed, "users", "{\"id\":\"k0\",\"n\":null}", NULL);
    drain();
    reopen();
    pipebed_land(&bed, "users", "{\"id\":\"k1\",\"n\":\"x\"}", NULL);
    drain();
    assert_int_equal(registry_get(bed.registry, STR("one-value"), REGISTRY_LATEST, &bed.arena,
                                  &schema), 0);
    assert_int_equal(schema.version, 1);
}

/* ---- what is written ---- */

static void captor_writes_a_tombstone_for_a_delete(void **state UNUSED) {
    struct record *record;
    pipebed_declare(&bed, "users", "id");
    add("plain", "users", 1);
    add("framed", "users", 1)->format = DEF_JSON_SCHEMA;
    add("dbz", "users", 1)->format = DEF_DEBEZIUM;
    open_captor();
    pipebed_land(&bed, "users", "{\"id\":\"k0\",\"n\":1}", NULL);
    pipebed_sql(&bed, "DELETE FROM users WHERE id = 'k0'");
    drain();
    assert_int_equal(pipebed_records(&bed, "plain", &record), 2);
    assert_true(str_eqz(record[0].value, "{\"id\":\"k0\",\"n\":1}"));
    assert_true(str_eqz(record[1].key, "k0"));
    assert_null(record[1].value.ptr);
    assert_string_equal(pipebed_header(&bed, &record[1], "sluice.op"), "d");
    assert_int_equal(pipebed_records(&bed, "framed", &record), 2);
    assert_null(record[1].value.ptr);
    assert_int_equal(pipebed_records(&bed, "dbz", &record), 2);
    assert_non_null(strstr(arena_strz(&bed.arena, record[1].value),
                           "{\"before\":{\"id\":\"k0\",\"n\":1},\"after\":null,"));
}

static void captor_registers_what_is_in_the_values(void **state UNUSED) {
    struct record *record;
    struct registry_schema schema;
    const struct type *type;
    pipebed_declare(&bed, "users", "id");
    add("framed", "users", 1)->format = DEF_JSON_SCHEMA;
    add("dbz", "users", 1)->format = DEF_DEBEZIUM;
    open_captor();
    pipebed_land(&bed, "users", "{\"id\":\"k0\",\"n\":1}", NULL);
    pipebed_land(&bed, "users", "{\"id\":\"k0\",\"n\":2}", NULL);
    drain();
    assert_int_equal(registry_get(bed.registry, STR("framed-value"), REGISTRY_LATEST, &bed.arena,
                                  &schema), 0);
    assert_int_equal(pipebed_records(&bed, "framed", &record), 2);
    assert_memory_equal(record[0].value.ptr, "\0\0\0\0", 4);
    assert_int_equal(record[0].value.ptr[4], schema.id);
    assert_memory_equal(record[0].value.ptr + 5, "{\"id\":\"k0\",\"n\":1}", 17);
    assert_int_equal(pipebed_records(&bed, "dbz", &record), 2);
    assert_int_equal(registry_get(bed.registry, STR("dbz-value"), REGISTRY_LATEST, &bed.arena,
                                  &schema), 0);
    assert_int_equal(jsonschema_parse(schema.text, &bed.arena, &type), 0);
    assert_true(type_field(type, STR("after")) >= 0 && type_field(type, STR("op")) >= 0);
    assert_true(type_field(type, STR("id")) < 0);
    assert_true(jsontype_fits(type, record[1].value));
}

static void captor_hides_in_every_format_from_whomever_the_change_is(void **state UNUSED) {
    static const char *const topics[] = {"plain", "framed", "dbz"};
    pipebed_declare(&bed, "users", "id");
    add("plain", "users", 2);
    add("framed", "users", 2)->format = DEF_JSON_SCHEMA;
    add("dbz", "users", 2)->format = DEF_DEBEZIUM;
    for (size_t i = 0; i < 3; i++) {
        hide(&capture[i], "login.password");
        hide(&capture[i], "cards[*].number");
        hide(&capture[i], "pin");
    }
    open_captor();
    pipebed_land(&bed, "users", "{\"id\":\"k0\",\"login\":{\"password\":\"SECRET\",\"u\":\"ada\"},"
                 "\"cards\":[{\"number\":\"SECRET\"},{\"number\":\"SECRET\",\"y\":1}],"
                 "\"pin\":\"SECRET\"}",
                 "{\"id\":\"k1\",\"login\":{\"passw\\u006frd\":\"SECRET\"},"
                 "\"\\u0070in\":\"SECRET\"}",
                 NULL);
    pipebed_land(&bed, "users", "{\"id\":\"k0\",\"login\":{\"password\":\"SECRET2\"}}", NULL);
    pipebed_sql(&bed, "UPDATE users SET pin = 'SECRET3' WHERE id = 'k0'");
    pipebed_sql(&bed, "DELETE FROM users WHERE id = 'k1'");
    drain();
    for (size_t t = 0; t < 3; t++) {
        struct record *record;
        struct registry_schema schema;
        size_t cnt = pipebed_records(&bed, topics[t], &record);
        struct str subject = arena_printf(&bed.arena, "%s-value", topics[t]);
        assert_int_equal(cnt, 5);
        for (size_t i = 0; i < cnt; i++) {
            struct str value = record[i].value;
            if (value.len && memmem(value.ptr, value.len, "SECRET", 6))
                fail_msg("%s: %.*s", topics[t], STR_ARG(value));
        }
        assert_int_equal(registry_get(bed.registry, subject, REGISTRY_LATEST, &bed.arena, &schema),
                         0);
        assert_null(memmem(schema.text.ptr, schema.text.len, "password", 8));
        assert_null(memmem(schema.text.ptr, schema.text.len, "pin", 3));
        assert_non_null(memmem(schema.text.ptr, schema.text.len, "login", 5));
    }
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(captor_carries_each_change_once_whichever_append_fails),
        T(rows_that_waited_for_a_log_come_once_also_after_a_restart),
        T(captor_carries_each_change_once_over_restarts),
        T(captor_carries_each_change_once_when_acks_are_lost),
        T(captor_skips_records_of_others_when_it_looks_for_its_last),
        T(captor_counts_and_says_its_trouble),
        T(topic_that_begins_later_gets_the_rows_first),
        T(second_topic_of_a_table_gets_its_rows_and_the_first_no_more),
        T(topic_made_anew_gets_the_rows_again_also_after_what_waits),
        T(rows_asked_for_again_come_once_more_also_after_a_crash),
        T(captor_goes_on_where_the_origin_is_the_same),
        T(captor_takes_another_origin_for_another),
        T(captor_fills_a_gap_and_a_log_set_back),
        T(captor_writes_no_record_before_its_schema),
        T(captor_registers_nothing_anew_after_a_restart),
        T(captor_writes_a_tombstone_for_a_delete),
        T(captor_registers_what_is_in_the_values),
        T(captor_hides_in_every_format_from_whomever_the_change_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
