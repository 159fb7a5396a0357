/* cron_test.c - cron fields, schedules in time zones, changes of the clock. */
#include "support/unit.h"

#include "base/err.h"
#include "orchestrate/cron.h"
#include "orchestrate/orch_time.h"
#include "orchestrate/orchestrate.h"
#include "orchestrate/schedule.h"

#include <stdio.h>

static int64_t at(const char *text) {
    int64_t us;
    assert_int_equal(orch_time_parse(str_of(text), &us), 0);
    return us;
}

/* The next `cnt` times after `after`, as one text. */
static void check_next(const char *schedule, const char *zone, const char *after,
                       const char *const *want, size_t cnt) {
    int64_t us = at(after);
    for (size_t i = 0; i < cnt; i++) {
        char text[ORCH_TIME_MAX];
        int err = orch_schedule_next(str_of(schedule), str_of(zone), us, &us);
        if (err) fail_msg("%s: %s", schedule, err_note());
        orch_time_format(us, "Z", text);
        if (us == SCHEDULE_NEVER) snprintf(text, sizeof text, "never");
        if (strcmp(text, want[i]) != 0)
            fail_msg("%s in %s after %s: %s, not %s", schedule, zone, after, text, want[i]);
    }
}

static const struct {
    const char *schedule, *zone, *after;
    const char *want[4];
} cases[] = {
    {"*/5 * * * *", "", "2026-01-01T00:00:00Z", {"2026-01-01T00:05:00Z", "2026-01-01T00:10:00Z"}},
    {"*/5 * * * *", "", "2026-01-01T00:04:59.9Z", {"2026-01-01T00:05:00Z"}},
    {"30 6 * * MON-FRI", "", "2026-01-02T06:30:00Z", {"2026-01-05T06:30:00Z"}},
    {"0 0 29 2 *", "", "2096-03-01T00:00:00Z", {"2104-02-29T00:00:00Z"}},
    {"0 0 31 * *", "", "2026-01-31T00:00:00Z", {"2026-03-31T00:00:00Z", "2026-05-31T00:00:00Z"}},
    {"0 0 L * *", "", "2026-01-31T00:00:00Z", {"2026-02-28T00:00:00Z", "2026-03-31T00:00:00Z"}},
    {"0 0 13 * FRI", "", "2026-01-01T00:00:00Z",
     {"2026-01-02T00:00:00Z", "2026-01-09T00:00:00Z", "2026-01-13T00:00:00Z"}},
    {"0 0 * * FRI#2", "", "2026-01-01T00:00:00Z", {"2026-01-09T00:00:00Z", "2026-02-13T00:00:00Z"}},
    {"0 0 14 * 0-6", "", "2026-01-01T00:00:00Z", {"2026-01-02T00:00:00Z"}},
    {"0 0 */10 * MON", "", "2026-01-01T00:00:00Z",
     {"2026-01-05T00:00:00Z", "2026-01-11T00:00:00Z", "2026-01-12T00:00:00Z"}},
    {"0 22-8/4 * * *", "", "2026-01-01T00:00:00Z",
     {"2026-01-01T02:00:00Z", "2026-01-01T06:00:00Z", "2026-01-01T22:00:00Z"}},
    {"0 0 ? * 7", "", "2026-01-01T00:00:00Z", {"2026-01-04T00:00:00Z"}},
    {"0 0 1 NOV-feb *", "", "2026-01-15T00:00:00Z",
     {"2026-02-01T00:00:00Z", "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"}},
    {"0 22-1 * * *", "", "2026-01-01T00:30:00Z", {"2026-01-01T01:00:00Z", "2026-01-01T22:00:00Z"}},
    {"5/20 * * * *", "", "2026-01-01T00:00:00Z",
     {"2026-01-01T00:05:00Z", "2026-01-01T00:25:00Z", "2026-01-01T00:45:00Z",
      "2026-01-01T01:05:00Z"}},
    {"0 0 * * 5-1", "", "2026-01-01T00:00:00Z",
     {"2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z", "2026-01-04T00:00:00Z",
      "2026-01-05T00:00:00Z"}},
    {"1,1,2 3 * * *", "", "2026-01-01T00:00:00Z", {"2026-01-01T03:01:00Z", "2026-01-01T03:02:00Z"}},
    {"@hourly", "", "2026-01-01T00:00:00Z", {"2026-01-01T01:00:00Z"}},
    {"@daily", "", "2026-01-01T00:00:00Z", {"2026-01-02T00:00:00Z"}},
    {"@weekly", "", "2026-01-01T00:00:00Z", {"2026-01-04T00:00:00Z"}},
    {"@monthly", "", "2026-01-01T00:00:00Z", {"2026-02-01T00:00:00Z"}},
    {"@quarterly", "", "2026-01-01T00:00:00Z", {"2026-04-01T00:00:00Z"}},
    {"@yearly", "", "2026-01-01T00:00:00Z", {"2027-01-01T00:00:00Z"}},
    {"every 10s", "Europe/Zurich", "2026-01-01T00:00:03Z",
     {"2026-01-01T00:00:10Z", "2026-01-01T00:00:20Z"}},
    {"every 1h30m", "", "2026-01-01T00:00:00Z", {"2026-01-01T01:30:00Z", "2026-01-01T03:00:00Z"}},
    {"@once", "", "2026-01-01T00:00:00Z", {"never"}},
    {"", "", "2026-01-01T00:00:00Z", {"never"}},
    {"@daily", "Europe/Zurich", "2026-01-01T00:00:00Z", {"2026-01-01T23:00:00Z"}},
    {"0 9 * * *", "Asia/Kathmandu", "2026-01-01T00:00:00Z", {"2026-01-01T03:15:00Z"}},
    /* a restricted hour in the gap: once, later; in the fold: the second time only */
    {"0 2 * * *", "Europe/Zurich", "2023-03-25T12:00:00Z",
     {"2023-03-26T01:00:00Z", "2023-03-27T00:00:00Z"}},
    {"30 2 * * *", "Europe/Zurich", "2023-03-25T12:00:00Z",
     {"2023-03-26T01:30:00Z", "2023-03-27T00:30:00Z"}},
    {"0 2 * * *", "Europe/Zurich", "2023-10-28T12:00:00Z",
     {"2023-10-29T01:00:00Z", "2023-10-30T01:00:00Z"}},
    {"30 1 * * *", "America/New_York", "2026-10-31T12:00:00Z", {"2026-11-01T06:30:00Z"}},
    /* the same from within the gap's and the fold's hours; none of a gap's times is lost */
    {"30 2 * * *", "Europe/Zurich", "2023-03-26T01:10:00Z", {"2023-03-26T01:30:00Z"}},
    {"30 2 * * *", "Europe/Zurich", "2023-10-29T00:45:00Z", {"2023-10-29T01:30:00Z"}},
    {"0,30 2 * * *", "Europe/Zurich", "2023-03-25T12:00:00Z",
     {"2023-03-26T01:00:00Z", "2023-03-26T01:30:00Z", "2023-03-27T00:00:00Z"}},
    {"15,45 2-3 * * *", "Europe/Zurich", "2023-03-25T12:00:00Z",
     {"2023-03-26T01:15:00Z", "2023-03-26T01:45:00Z", "2023-03-27T00:15:00Z"}},
    {"0 12 30 12 *", "Pacific/Apia", "2011-12-29T00:00:00Z", {"2011-12-30T22:00:00Z"}},
    /* any hour: every real hour, none twice */
    {"0 * * * *", "Europe/Zurich", "2023-10-28T23:30:00Z",
     {"2023-10-29T00:00:00Z", "2023-10-29T01:00:00Z", "2023-10-29T02:00:00Z"}},
    {"0 * * * *", "Europe/Zurich", "2023-03-26T00:30:00Z",
     {"2023-03-26T01:00:00Z", "2023-03-26T02:00:00Z"}},
    {"30 * * * *", "Europe/Zurich", "2023-03-26T00:00:00Z",
     {"2023-03-26T00:30:00Z", "2023-03-26T01:30:00Z"}},
    {"0 * * * *", "Australia/Lord_Howe", "2026-04-04T14:00:00Z", {"2026-04-04T15:30:00Z"}},
};

static void schedule_next_follows_the_table(void **state UNUSED) {
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t cnt = 0;
        while (cnt < 4 && cases[i].want[cnt]) cnt++;
        check_next(cases[i].schedule, cases[i].zone, cases[i].after, cases[i].want, cnt);
    }
}

static const struct {
    const char *schedule, *zone, *says;
} bad[] = {
    {"60 * * * *", "", "column 1: minute '60' is not 0-59"},
    {"* 24 * * *", "", "column 3: hour '24' is not 0-23"},
    {"* * 0 * *", "", "day of the month '0'"},
    {"* * * 13 *", "", "month '13'"},
    {"* * * FOO *", "", "month 'FOO' is not 1-12 or JAN-DEC"},
    {"* * * * 8", "", "day of the week '8'"},
    {"* * * *", "", "has 4 of the five fields"},
    {"* * * * * *", "", "'*' is a sixth field"},
    {"*/0 * * * *", "", "after its /"},
    {"1,,2 * * * *", "", "is empty"},
    {"1- * * * *", "", "minute '1-'"},
    {"-1 * * * *", "", "minute '-1'"},
    {"1-5x * * * *", "", "minute '1-5x'"},
    {"99999999999999999999 * * * *", "", "minute"},
    {"* * * * 5#6", "", "1 to 5"},
    {"5#2 * * * *", "", "days of the week"},
    {"0 0 30 2 *", "", "never fires"},
    {"0 0 31 FEB,APR,JUN *", "", "never fires"},
    {"@dayly", "", "did you mean '@daily'"},
    {"@nope-at-all", "", "there are @once"},
    {"every 10", "", "not a length of time"},
    {"every 1ms", "", "10ms"},
    {"@daily", "Europe/Zurch", "did you mean 'Europe/Zurich'"},
    {"@daily", "Nowhere/Nothing/Here", "timezone"},
};

static void schedule_check_says_what_is_wrong(void **state UNUSED) {
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        int err = orch_schedule_check(str_of(bad[i].schedule), str_of(bad[i].zone));
        if (err != ERR_SYNTAX || !strstr(err_note(), bad[i].says))
            fail_msg("'%s': %s: %s", bad[i].schedule, err_name(err), err_note());
    }
}

static void schedule_last_is_the_latest_not_after_now(void **state UNUSED) {
    struct schedule schedule;
    assert_int_equal(schedule_parse(STR("*/5 * * * *"), STR(""), &schedule), 0);
    int64_t got = schedule_last(&schedule, at("2020-01-01T00:00:00Z"), at("2026-01-01T00:07:00Z"));
    assert_true(got == at("2026-01-01T00:05:00Z"));
    got = schedule_last(&schedule, at("2026-01-01T00:05:00Z"), at("2026-01-01T00:07:00Z"));
    assert_true(got == SCHEDULE_NEVER);
    got = schedule_last(&schedule, at("2026-01-01T00:04:00Z"), at("2026-01-01T00:05:00Z"));
    assert_true(got == at("2026-01-01T00:05:00Z"));
}

/* A year of every quarter of an hour in a zone with changes: rising, on the grid, none left out. */
static void schedule_next_rises_over_a_year(void **state UNUSED) {
    struct schedule schedule;
    assert_int_equal(schedule_parse(STR("*/15 * * * *"), STR("Europe/Zurich"), &schedule), 0);
    int64_t us = at("2026-01-01T00:00:00Z"), end = at("2027-01-01T00:00:00Z"), cnt = 0;
    for (; us < end; cnt++) {
        int64_t next = schedule_next(&schedule, us);
        assert_true(next - us == INT64_C(900000000));
        us = next;
    }
    assert_true(cnt == 365 * 96);
    schedule_fini(&schedule);
}

static void orch_time_reads_what_it_writes(void **state UNUSED) {
    char text[ORCH_TIME_MAX];
    orch_time_format(INT64_C(1767225600123456), "+00:00", text);
    assert_string_equal(text, "2026-01-01T00:00:00.123456+00:00");
    assert_true(at(text) == INT64_C(1767225600123456));
    assert_true(at("2026-01-01T01:00:00+01:00") == at("2026-01-01T00:00:00Z"));
    int64_t us;
    assert_int_equal(orch_time_parse(STR("yesterday"), &us), ERR_INVAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schedule_next_follows_the_table),
        cmocka_unit_test(schedule_check_says_what_is_wrong),
        cmocka_unit_test(schedule_last_is_the_latest_not_after_now),
        cmocka_unit_test(schedule_next_rises_over_a_year),
        cmocka_unit_test(orch_time_reads_what_it_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
