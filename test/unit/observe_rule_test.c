/* observe_rule_test.c - alert rules as people write them. */
#include "support/unit.h"

#include "base/err.h"
#include "observe/observe.h"

static void observe_rule_reads_durations_as_seconds(void **state UNUSED) {
    struct observe_rule rule;
    assert_int_equal(observe_rule_parse(STR("created_users.age > 1m"), &rule), 0);
    assert_true(str_eqz(rule.subject, "created_users") && str_eqz(rule.metric, "age"));
    assert_int_equal(rule.op, OBSERVE_GT);
    assert_true(rule.value == 60.0 && rule.for_us == 0);
}

static void observe_rule_reads_for(void **state UNUSED) {
    struct observe_rule rule;
    assert_int_equal(observe_rule_parse(STR("ks.t.quarantined_ratio>=0.01 for 5m"), &rule), 0);
    assert_true(str_eqz(rule.subject, "ks.t"));
    assert_int_equal(rule.op, OBSERVE_GE);
    assert_true(rule.value == 0.01 && rule.for_us == 300000000);
}

static void observe_rule_refuses_nonsense(void **state UNUSED) {
    static const char *const bad[] = {"",           "age > 1",         "t.age",       "t.age > ",
                                      "t.age > x",  "t.age > 1 for",   "t.age ~ 1",   "t. > 1",
                                      ".age > 1m",  "t.age > 1 in 5m", "t.age > 1 for 5"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct observe_rule rule;
        assert_int_not_equal(observe_rule_parse(str_of(bad[i]), &rule), 0);
    }
}

static void observe_rule_check_knows_the_metrics(void **state UNUSED) {
    assert_int_equal(observe_rule_check(STR("users.lag > 1000 for 1m")), 0);
    assert_int_equal(observe_rule_check(STR("users.lagg > 1000")), ERR_SYNTAX);
    assert_non_null(strstr(err_note(), "did you mean 'lag'"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(observe_rule_reads_durations_as_seconds),
        cmocka_unit_test(observe_rule_reads_for),
        cmocka_unit_test(observe_rule_refuses_nonsense),
        cmocka_unit_test(observe_rule_check_knows_the_metrics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
