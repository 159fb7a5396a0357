/* metric_test.c - quantiles that are near, a minute that ends, and a text format without a hole. */
#include "support/unit.h"

#include "base/metric.h"

static struct metric *fresh(const char *labels) {
    return metric_histogram("metric_test_seconds", "Of this test.", labels);
}

static void check_near(int64_t got, int64_t want) {
    int64_t far = got > want ? got - want : want - got;
    if (far * 100 > want * 7)
        fail_msg("%lld is not within 7 %% of %lld", (long long)got, (long long)want);
}

static void metric_quantile_is_within_seven_percent(void **state UNUSED) {
    char labels[32];
    for (int64_t us = 70; us < INT64_C(80000000000); us = us * 137 / 100 + 1) {
        snprintf(labels, sizeof labels, "n=\"%lld\"", (long long)us);
        struct metric *metric = fresh(labels);
        metric_observe(metric, us);
        check_near(metric_quantile(metric, 0.5), us);
    }
}

static void metric_quantile_finds_the_rank(void **state UNUSED) {
    struct metric *metric = fresh("n=\"rank\"");
    assert_int_equal(metric_quantile(metric, 0.99), 0);
    for (int i = 0; i < 98; i++) metric_observe(metric, 1000);
    metric_observe(metric, 500000);
    metric_observe(metric, 500000);
    check_near(metric_quantile(metric, 0.5), 1000);
    check_near(metric_quantile(metric, 0.98), 1000);
    check_near(metric_quantile(metric, 0.99), 500000);
}

static void metric_values_outside_are_kept_in_the_last_and_first_bucket(void **state UNUSED) {
    struct metric *metric = fresh("n=\"outside\"");
    metric_observe(metric, -5);
    metric_observe(metric, 0);
    assert_true(metric_quantile(metric, 1) <= 8);
    metric_observe(metric, INT64_MAX / 2);
    assert_true(metric_quantile(metric, 1) > INT64_C(80000000000));
    assert_int_equal(metric_value(metric), 3);
}

static void pass_seconds(int seconds) {
    for (int i = 0; i < seconds; i++) metric_tick();
}

static void metric_recent_forgets_after_a_minute(void **state UNUSED) {
    struct metric *metric = fresh("n=\"recent\"");
    metric_observe(metric, 2000000); /* before it is kept */
    metric_keep(metric);
    metric_keep(metric); /* the second does nothing */
    assert_int_equal(metric_recent(metric, 0.5), -1);
    metric_observe(metric, 100000);
    check_near(metric_recent(metric, 0.5), 100000);
    pass_seconds(30);
    for (int i = 0; i < 9; i++) metric_observe(metric, 1000);
    check_near(metric_recent(metric, 0.5), 1000);
    check_near(metric_recent(metric, 1), 100000);
    pass_seconds(METRIC_RECENT_S - 30 - METRIC_TICK_S);
    check_near(metric_recent(metric, 1), 100000);
    pass_seconds(2 * METRIC_TICK_S);
    check_near(metric_recent(metric, 1), 1000);
    pass_seconds(30);
    assert_int_equal(metric_recent(metric, 1), -1);
    check_near(metric_quantile(metric, 1), 2000000);
}

/* The value of a line of the text format that begins so. */
static long long line_of(struct str text, const char *begin) {
    const char *at = memmem(text.ptr, text.len, begin, strlen(begin));
    assert_non_null(at);
    return atoll(at + strlen(begin));
}

static void metric_render_shows_coarse_buckets(void **state UNUSED) {
    struct metric *metric = metric_histogram("metric_test_shown_seconds", "Of this test.", "");
    struct buf out;
    static const int64_t seen[] = {64, 65, 96, 97, 128, 1000, 33554432, 33554433};
    for (size_t i = 0; i < ARRAY_LEN(seen); i++) metric_observe(metric, seen[i]);
    buf_init(&out, MIB);
    metric_render(&out);
    struct str text = buf_str(&out);
    assert_int_equal(line_of(text, "metric_test_shown_seconds_bucket{le=\"6.4e-05\"} "), 1);
    assert_int_equal(line_of(text, "metric_test_shown_seconds_bucket{le=\"9.6e-05\"} "), 3);
    assert_int_equal(line_of(text, "metric_test_shown_seconds_bucket{le=\"0.000128\"} "), 5);
    assert_int_equal(line_of(text, "metric_test_shown_seconds_bucket{le=\"33.554432\"} "), 7);
    assert_int_equal(line_of(text, "metric_test_shown_seconds_bucket{le=\"+Inf\"} "), 8);
    assert_int_equal(line_of(text, "metric_test_shown_seconds_count "), 8);
    buf_fini(&out);
}

static void metric_labels_and_help_are_escaped(void **state UNUSED) {
    struct buf labels, out;
    buf_init(&labels, KIB);
    metric_label(&labels, "topic", STR("a\"b\\c\nd"));
    metric_label(&labels, "part", STR("1"));
    assert_string_equal(metric_labels(&labels), "topic=\"a\\\"b\\\\c\\nd\",part=\"1\"");
    metric_counter("metric_test_total", "One\nline, with a \\.", metric_labels(&labels));
    buf_init(&out, MIB);
    metric_render(&out);
    struct str text = buf_str(&out);
    const char *help = "# HELP metric_test_total One\\nline, with a \\\\.\n";
    assert_non_null(memmem(text.ptr, text.len, help, strlen(help)));
    buf_fini(&out);
    buf_fini(&labels);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metric_quantile_is_within_seven_percent),
        cmocka_unit_test(metric_quantile_finds_the_rank),
        cmocka_unit_test(metric_values_outside_are_kept_in_the_last_and_first_bucket),
        cmocka_unit_test(metric_recent_forgets_after_a_minute),
        cmocka_unit_test(metric_render_shows_coarse_buckets),
        cmocka_unit_test(metric_labels_and_help_are_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
