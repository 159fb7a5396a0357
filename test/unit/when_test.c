/* when_test.c - calendar, zones, decimals, Java's doubles, base64: what columns are made of. */
#include "base/b64.h"
#include "base/err.h"
#include "base/num.h"
#include "model/dec.h"
#include "model/when.h"
#include "model/zone.h"
#include "support/unit.h"

static void when_counts_days_both_ways(void **state UNUSED) {
    struct when_civil last = when_civil(-1000001);
    for (int64_t days = -1000000; days < 1000000; days++) {
        struct when_civil date = when_civil(days);
        if (when_days(date.year, date.month, date.day) != days) fail_msg("day %" PRId64, days);
        bool next = date.day == last.day + 1 ||
                    (date.day == 1 && last.day == when_month_len(last.year, last.month));
        if (!next) fail_msg("day %" PRId64 " does not follow", days);
        last = date;
    }
}

static void expect_moment(const char *text, int64_t us) {
    int64_t got;
    if (!when_read_timestamp(str_of(text), &got, NULL)) fail_msg("%s is not read", text);
    if (got != us) fail_msg("%s: %" PRId64 ", expected %" PRId64, text, got, us);
}

static void when_reads_what_cast_reads(void **state UNUSED) {
    static const char *const bad[] = {"", "x", "20", "2020-", "2020-1-1-", "2020-01-01 10",
                                      "2020-01-01 10:", "2020-01-01 24:00", "2020-01-01T10:00Z",
                                      "2020-01-01 10:00:00 Mars/Olympus", "2020-02-30",
                                      "1234567-01-01", "2020-01-01 10:00:00+19:00"};
    int64_t us;
    expect_moment(" 2020-01-01\t", 1577836800 * WHEN_SEC);
    expect_moment("2020", 1577836800 * WHEN_SEC);
    expect_moment("2020-1", 1577836800 * WHEN_SEC);
    expect_moment("2020-1-1 1:2:3.1234567", 1577840523 * WHEN_SEC + 123456);
    expect_moment("2020-01-01T01:02:03+01:00", 1577836923 * WHEN_SEC);
    expect_moment("2020-01-01 01:02:03 UTC+1", 1577836923 * WHEN_SEC);
    expect_moment("2020-01-01 01:02:03 Europe/Rome", 1577836923 * WHEN_SEC);
    expect_moment("-0001-01-01", -62198755200 * WHEN_SEC);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (when_read_timestamp(str_of(bad[i]), &us, NULL)) fail_msg("'%s' is read", bad[i]);
}

static void zone_knows_gaps_and_overlaps(void **state UNUSED) {
    struct zone zone;
    int64_t us;
    assert_int_equal(zone_find(STR("Europe/Rome"), &zone), 0);
    assert_true(when_read_timestamp(STR("2020-03-29 02:30:00"), &us, NULL)); /* not there */
    assert_true(zone_from_local(&zone, us) == us - 3600 * WHEN_SEC);
    assert_true(when_read_timestamp(STR("2020-10-25 02:30:00"), &us, NULL)); /* twice there */
    assert_true(zone_from_local(&zone, us) == us - 7200 * WHEN_SEC);
    for (int64_t at = 0; at < 400 * WHEN_DAY; at += 3599 * WHEN_SEC) {
        int64_t back = zone_from_local(&zone, zone_to_local(&zone, us + at));
        if (back != us + at && back != us + at - 3600 * WHEN_SEC) fail_msg("at %" PRId64, at);
    }
    assert_int_equal(zone_find(STR("europe/rome"), &zone), ERR_NOT_FOUND);
    assert_int_equal(zone_find(STR("PST"), &zone), 0);
    assert_int_equal(zone_find(STR("+18:01"), &zone), ERR_NOT_FOUND);
}

static void num_writes_as_java(void **state UNUSED) {
    static const struct {
        double num;
        const char *text;
    } list[] = {{0, "0.0"},          {-0.0, "-0.0"},       {1, "1.0"},
                {100, "100.0"},      {1e7, "1.0E7"},       {9999999, "9999999.0"},
                {0.001, "0.001"},    {0.0001, "1.0E-4"},   {1.25e-10, "1.25E-10"},
                {0.1, "0.1"},        {1.0 / 3, "0.3333333333333333"},
                {1e22, "1.0E22"},    {1.7976931348623157e308, "1.7976931348623157E308"},
                {4.9e-324, "4.9E-324"}, {123456789.125, "1.23456789125E8"}};
    char text[NUM_TEXT_MAX + 1];
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        text[num_f64(list[i].num, text)] = 0;
        assert_string_equal(text, list[i].text);
    }
    text[num_f32(0.1f, text)] = 0;
    assert_string_equal(text, "0.1");
    text[num_f32(16777216.0f, text)] = 0;
    assert_string_equal(text, "1.6777216E7");
    uint64_t bits = 88172645463325252u;
    for (int i = 0; i < 200000; i++) {
        double num;
        bits ^= bits << 13, bits ^= bits >> 7, bits ^= bits << 17;
        memcpy(&num, &bits, sizeof num);
        if (num - num != 0) continue;
        text[num_f64(num, text)] = 0;
        if (strtod(text, NULL) != num) fail_msg("%.17g as %s", num, text);
    }
}

static void expect_dec(const char *text, int precision, int scale, const char *want) {
    batch_i128 v;
    struct buf buf;
    buf_init(&buf, 100);
    if (dec_read(str_of(text), precision, scale, &v)) dec_put(v, scale, &buf);
    else buf_putz(&buf, "none");
    if (!str_eqz(buf_str(&buf), want))
        fail_msg("%s: %.*s, expected %s", text, STR_ARG(buf_str(&buf)), want);
    buf_fini(&buf);
}

static void dec_rounds_half_away(void **state UNUSED) {
    expect_dec("1.25", 3, 1, "1.3");
    expect_dec("-1.25", 3, 1, "-1.3");
    expect_dec("0.04", 3, 1, "0.0");
    expect_dec("0.05", 3, 1, "0.1");
    expect_dec("99.95", 3, 1, "none");
    expect_dec("1e2", 5, 1, "100.0");
    expect_dec("1.5e-3", 5, 3, "0.002");
    expect_dec("12345678901234567890123456789012345678", 38, 0,
               "12345678901234567890123456789012345678");
    expect_dec("123456789012345678901234567890123456789", 38, 0, "none");
    expect_dec("0.00000000000000000000000000000000000000000009", 38, 38,
               "0.00000000000000000000000000000000000000");
    expect_dec("1e-400", 5, 2, "0.00");
    expect_dec("0e400", 5, 2, "0.00");
    expect_dec("1e400", 5, 2, "none");
    expect_dec(".", 5, 2, "none");
    expect_dec("1x", 5, 2, "none");
    expect_dec("+.5", 5, 2, "0.50");
}

static void b64_round_trips(void **state UNUSED) {
    char bytes[64], text[B64_LEN(64)], back[64 + 3];
    for (size_t len = 0; len <= sizeof bytes; len++) {
        for (size_t i = 0; i < len; i++) bytes[i] = (char)(i * 37 + len);
        size_t text_len = b64_encode((struct str){bytes, len}, text), got;
        assert_int_equal(text_len, B64_LEN(len));
        assert_true(b64_decode((struct str){text, text_len}, false, back, &got));
        assert_int_equal(got, len);
        assert_memory_equal(back, bytes, len);
    }
    size_t got;
    assert_false(b64_decode(STR("YW"), false, back, &got));
    assert_true(b64_decode(STR("YW"), true, back, &got));
    assert_false(b64_decode(STR("Y"), true, back, &got));
    assert_false(b64_decode(STR("YW=x"), true, back, &got));
    assert_false(b64_decode(STR("Y*Jj"), true, back, &got));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(when_counts_days_both_ways), cmocka_unit_test(when_reads_what_cast_reads),
        cmocka_unit_test(zone_knows_gaps_and_overlaps), cmocka_unit_test(num_writes_as_java),
        cmocka_unit_test(dec_rounds_half_away), cmocka_unit_test(b64_round_trips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
