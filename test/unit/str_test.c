/* str_test.c - texts, lengths of time, ids and checksums. */
#include "support/unit.h"

#include "base/crc.h"
#include "base/dur.h"
#include "base/err.h"
#include "base/map.h"
#include "base/uuid.h"

#include <errno.h>
#include <stdio.h>

static void str_i64_takes_whole_numbers_only(void **state UNUSED) {
    int64_t num;
    assert_int_equal(str_i64(STR("-9223372036854775808"), &num), 0);
    assert_true(num == INT64_MIN);
    assert_int_equal(str_i64(STR("9223372036854775808"), &num), ERR_RANGE);
    assert_int_equal(str_i64(STR("12x"), &num), ERR_INVAL);
    assert_int_equal(str_i64(STR("-"), &num), ERR_INVAL);
    assert_int_equal(str_i64(STR(""), &num), ERR_INVAL);
}

static void str_near_puts_the_nearest_first(void **state UNUSED) {
    const struct str names[] = {STR("rows"), STR("url"), STR("retries"), STR("key"), STR("uri")};
    struct str near[2];
    size_t cnt = str_near(STR("ur"), names, 5, near, 2);
    assert_int_equal(cnt, 2);
    assert_true(str_eqz(near[0], "url") && str_eqz(near[1], "uri"));
    assert_int_equal(str_near(STR("zzzzzz"), names, 5, near, 2), 0);
    const struct str verbs[] = {STR("dev"), STR("dag")};
    assert_int_equal(str_near(STR("dga"), verbs, 2, near, 1), 1); /* two letters changed places */
    assert_true(str_eqz(near[0], "dag"));
}

static void str_utf8_rejects_surrogates_and_overlong(void **state UNUSED) {
    assert_true(str_utf8(STR("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80")));
    assert_false(str_utf8(STR("\xED\xA0\x80")));
    assert_false(str_utf8(STR("\xC0\x80")));
    assert_false(str_utf8(STR("\xE2\x82")));
}

static void dur_reads_units_and_refuses_bare_numbers(void **state UNUSED) {
    int64_t us;
    char text[DUR_TEXT_MAX];
    assert_int_equal(dur_parse(STR("1m30s"), &us), 0);
    assert_true(us == 90000000);
    dur_format(us, text);
    assert_string_equal(text, "1m30s");
    assert_int_equal(dur_parse(STR("500ms"), &us), 0);
    assert_true(us == 500000);
    assert_int_equal(dur_parse(STR("10"), &us), ERR_SYNTAX);
    assert_int_equal(dur_parse(STR("10 s"), &us), ERR_SYNTAX);
    assert_int_equal(dur_parse(STR("99999999999999w"), &us), ERR_RANGE);
}

static void crc_matches_rfc_3720(void **state UNUSED) {
    unsigned char zeros[32] = {0};
    assert_int_equal(crc_32c(zeros, sizeof zeros), 0x8A9136AA);
    assert_int_equal(crc_32c("123456789", 9), 0xE3069283);
    assert_int_equal(crc_32c_more(crc_32c("1234", 4), "56789", 5), 0xE3069283);
}

static void uuid_text_round_trips(void **state UNUSED) {
    struct uuid id;
    char text[UUID_TEXT_LEN + 1];
    assert_int_equal(uuid_parse(STR("7A0EED16-9430-4D68-901F-C0D4C1C3BF00"), &id), 0);
    uuid_format(&id, text);
    assert_string_equal(text, "7a0eed16-9430-4d68-901f-c0d4c1c3bf00");
    assert_int_equal(uuid_parse(STR("7A0EED16-9430-4D68-901F-C0D4C1C3BF0"), &id), ERR_INVAL);
    id = uuid_ordered(env_real());
    assert_int_equal(id.byte[6] >> 4, 7);
}

static void map_keeps_all_keys_over_growth_and_deletion(void **state UNUSED) {
    struct map map;
    map_init(&map);
    char key[16];
    for (intptr_t i = 1; i <= 1000; i++) {
        snprintf(key, sizeof key, "k%d", (int)i);
        assert_null(map_put(&map, str_of(key), (void *)i));
    }
    for (intptr_t i = 1; i <= 1000; i += 2) {
        snprintf(key, sizeof key, "k%d", (int)i);
        assert_ptr_equal(map_del(&map, str_of(key)), (void *)i);
    }
    for (intptr_t i = 1; i <= 1000; i++) {
        snprintf(key, sizeof key, "k%d", (int)i);
        assert_ptr_equal(map_get(&map, str_of(key)), i % 2 ? NULL : (void *)i);
    }
    assert_int_equal(map.cnt, 500);
    map_fini(&map);
}

static void err_codes_follow_the_table(void **state UNUSED) {
    assert_int_equal(err_fail_os(ERR_IO, ENOSPC, "cannot write %s", "x"), ERR_FULL);
    assert_string_equal(err_note(), "cannot write x: No space left on device");
    assert_int_equal(err_http(ERR_NOT_FOUND), 404);
    assert_int_equal(err_kafka(ERR_NOT_FOUND), 3);
    assert_true(err_retry(ERR_FULL) && !err_retry(ERR_IO));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(str_i64_takes_whole_numbers_only),
        cmocka_unit_test(str_near_puts_the_nearest_first),
        cmocka_unit_test(str_utf8_rejects_surrogates_and_overlong),
        cmocka_unit_test(dur_reads_units_and_refuses_bare_numbers),
        cmocka_unit_test(crc_matches_rfc_3720),
        cmocka_unit_test(uuid_text_round_trips),
        cmocka_unit_test(map_keeps_all_keys_over_growth_and_deletion),
        cmocka_unit_test(err_codes_follow_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
