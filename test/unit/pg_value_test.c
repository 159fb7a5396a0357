/* pg_value_test.c - PostgreSQL's texts as JSON, and which column can hold which value. */
#include "support/unit.h"

#include "landing/postgres/pg_conn.h"
#include "landing/postgres/pg_value.h"

static void expect(uint32_t oid, uint32_t elem, const char *text, const char *want) {
    struct pg_type type = pg_value_type(oid, elem);
    struct buf out;
    buf_init(&out, MIB);
    pg_value_json(&type, str_of(text), &out);
    if (!str_eqz(buf_str(&out), want))
        fail_msg("%s as type %u: %.*s, not %s", text ? text : "NULL", (unsigned)oid,
                 STR_ARG(buf_str(&out)), want);
    buf_fini(&out);
}

static void pg_value_writes_scalars(void **state UNUSED) {
    expect(16, 0, "t", "true");
    expect(16, 0, "f", "false");
    expect(20, 0, "-9223372036854775808", "-9223372036854775808");
    expect(701, 0, "1", "1.0");
    expect(701, 0, "1e+20", "1e+20");
    expect(701, 0, "-0", "-0.0");
    expect(701, 0, "NaN", "null");
    expect(701, 0, "-Infinity", "null");
    expect(1700, 0, "12.50", "12.50");
    expect(1700, 0, "123456789012345678901234567890", "123456789012345678901234567890");
    expect(1700, 0, "NaN", "null");
    expect(23, 0, "no number", "null");
    expect(25, 0, "a\"b\n", "\"a\\\"b\\n\"");
    expect(2950, 0, "0b0c", "\"0b0c\"");
    expect(25, 0, NULL, "null");
    expect(17, 0, "\\xff00", "\"/wA=\"");
}

static void pg_value_writes_times_as_iso(void **state UNUSED) {
    expect(1114, 0, "2026-01-02 03:04:05.5", "\"2026-01-02T03:04:05.5\"");
    expect(1184, 0, "2026-01-02 03:04:05.5+00", "\"2026-01-02T03:04:05.5Z\"");
    expect(1184, 0, "infinity", "\"infinity\"");
    expect(1114, 0, "0044-03-15 00:00:00 BC", "\"0044-03-15 00:00:00 BC\"");
    expect(1082, 0, "2026-01-02", "\"2026-01-02\"");
}

static void pg_value_keeps_json_unless_it_is_too_deep(void **state UNUSED) {
    char deep[256];
    expect(114, 0, "{\"b\" : 1, \"a\":1}", "{\"b\" : 1, \"a\":1}");
    expect(3802, 0, "\"x\"", "\"x\"");
    expect(114, 0, "{bad", "\"{bad\"");
    memset(deep, '[', 64);
    memset(deep + 64, ']', 64);
    deep[128] = 0;
    struct pg_type type = pg_value_type(114, 0);
    struct buf out;
    buf_init(&out, MIB);
    pg_value_json(&type, str_of(deep), &out);
    assert_int_equal(out.ptr[0], '"'); /* in a row it would be 65 levels */
    buf_fini(&out);
}

static void pg_value_writes_arrays(void **state UNUSED) {
    expect(1007, 23, "{1,NULL,3}", "[1,null,3]");
    expect(1007, 23, "{}", "[]");
    expect(1007, 23, "{{1,2},{3,4}}", "[[1,2],[3,4]]");
    expect(1007, 23, "[0:1]={1,2}", "[1,2]");
    expect(1009, 25, "{\"a,b\",\"c\\\"d\",\"NULL\",\"\",e}",
           "[\"a,b\",\"c\\\"d\",\"NULL\",\"\",\"e\"]");
    expect(1000, 16, "{t,f}", "[true,false]");
    expect(199, 114, "{\"{\\\"a\\\": 1}\"}", "[{\"a\": 1}]");
    expect(1007, 23, "{1,2", "\"{1,2\"");
    expect(1007, 23, "1", "\"1\"");
    expect(1007, 23, "{1}x", "\"{1}x\"");
    expect(1007, 23, "{{{{{{{1}}}}}}}", "\"{{{{{{{1}}}}}}}\"");
}

static bool fits(uint32_t oid, const char *text) {
    struct json_value value;
    struct pg_type type = pg_value_type(oid, 0);
    assert_int_equal(json_whole(str_of(text), &value), 0);
    return pg_value_fits(&type, &value);
}

static void pg_value_fits_what_comes_back_the_same(void **state UNUSED) {
    assert_true(fits(20, "9223372036854775807") && !fits(20, "9223372036854775808"));
    assert_true(!fits(20, "1.0") && !fits(20, "\"1\"") && !fits(20, "true"));
    assert_true(fits(701, "0.1") && fits(701, "0.30000000000000004") && fits(701, "1e3"));
    assert_true(!fits(701, "3.14159265358979323846") && !fits(701, "1e400"));
    assert_true(fits(701, "9007199254740992") && !fits(701, "9007199254740993"));
    assert_true(fits(25, "\"x\"") && !fits(25, "\"a\\u0000\"") && !fits(25, "\"\\ud800\""));
    assert_true(fits(16, "true") && !fits(16, "1") && fits(114, "1e400"));
}

static void pg_conn_text_is_escaped(void **state UNUSED) {
    struct buf out;
    uint64_t lsn = 0;
    buf_init(&out, KIB);
    pg_conn_copy(&out, STR("a\tb\\N\n"));
    pg_conn_copy(&out, STR_NULL);
    assert_true(str_eqz(buf_str(&out), "a\\tb\\\\N\\n\\N"));
    buf_reset(&out);
    pg_conn_name(&out, STR("a\"b"));
    pg_conn_literal(&out, STR("it's"));
    pg_conn_literal(&out, STR("\\'"));
    assert_true(str_eqz(buf_str(&out), "\"a\"\"b\"'it''s' E'\\\\'''"));
    buf_reset(&out);
    pg_conn_lsn(&out, UINT64_C(0x16B374D848));
    assert_true(str_eqz(buf_str(&out), "16/B374D848"));
    assert_true(pg_conn_lsn_parse(STR("16/b374D848"), &lsn) && lsn == UINT64_C(0x16B374D848));
    assert_false(pg_conn_lsn_parse(STR("16"), &lsn) || pg_conn_lsn_parse(STR("/1"), &lsn));
    assert_false(pg_conn_lsn_parse(STR("1/123456789"), &lsn));
    assert_false(pg_conn_lsn_parse(STR("1/g"), &lsn));
    buf_fini(&out);
}

static void pg_place_never_shows_the_password(void **state UNUSED) {
    struct pg_place place;
    assert_int_equal(pg_conn_place(&place, "postgresql://u:pass%40word@h1:5433/db?slot=a_1&"
                                   "sslmode=require&publication=p", NULL, 0), 0);
    assert_string_equal(place.shown, "h1/db");
    assert_true(str_eqz(place.slot, "a_1") && str_eqz(place.publication, "p"));
    for (size_t i = 0; i < place.cnt; i++)
        if (!strcmp(place.name[i], "password")) assert_string_equal(place.value[i], "pass@word");
    pg_conn_place_fini(&place);
    assert_int_not_equal(pg_conn_place(&place, "postgresql://h/db?slot=Bad-Name", NULL, 0), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pg_value_writes_scalars),
        cmocka_unit_test(pg_value_writes_times_as_iso),
        cmocka_unit_test(pg_value_keeps_json_unless_it_is_too_deep),
        cmocka_unit_test(pg_value_writes_arrays),
        cmocka_unit_test(pg_value_fits_what_comes_back_the_same),
        cmocka_unit_test(pg_conn_text_is_escaped),
        cmocka_unit_test(pg_place_never_shows_the_password),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
