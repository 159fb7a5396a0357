/* cqltype_test.c - CQL's types: names, bytes, order, text. */
#include "support/unit.h"

#include "base/err.h"
#include "wire/cql/cqlnum.h"
#include "wire/cql/cqltext.h"
#include "wire/cql/cqltype.h"
#include "wire/cql/cqlvint.h"

static struct arena arena;

static int set_up(void **state UNUSED) {
    arena_init(&arena);
    return 0;
}

static int tear_down(void **state UNUSED) {
    arena_fini(&arena);
    return 0;
}

static const struct cqltype *type_of_text(const char *text) {
    const struct cqltype *type = NULL;
    assert_int_equal(cqltype_parse(str_of(text), NULL, &arena, &type), 0);
    return type;
}

static struct str bytes_of(const char *type, const char *text) {
    struct buf out;
    buf_init(&out, MIB);
    assert_int_equal(cqltext_parse(type_of_text(type), str_of(text), &out), 0);
    struct str copy = arena_str(&arena, buf_str(&out));
    buf_fini(&out);
    return copy;
}

static const char *text_of(const char *type, struct str bytes) {
    struct buf out;
    buf_init(&out, MIB);
    cqltext_format(type_of_text(type), bytes, &out);
    const char *text = arena_strz(&arena, buf_str(&out));
    buf_fini(&out);
    return text;
}

static const char *hex_of(struct str bytes) {
    struct buf out;
    buf_init(&out, MIB);
    for (size_t i = 0; i < bytes.len; i++)
        buf_printf(&out, "%02x", (unsigned char)bytes.ptr[i]);
    const char *text = arena_strz(&arena, buf_str(&out));
    buf_fini(&out);
    return text;
}

static void type_names_round_trip_as_the_schema_shows_them(void **state UNUSED) {
    static const char *const same[] = {
        "int", "text", "list<int>", "map<text, frozen<list<int>>>", "frozen<set<uuid>>",
        "frozen<tuple<int, text>>", "vector<float, 3>", "duration"};
    for (size_t i = 0; i < ARRAY_LEN(same); i++) {
        struct buf out;
        buf_init(&out, MIB);
        cqltype_format(type_of_text(same[i]), &out);
        assert_string_equal(arena_strz(&arena, buf_str(&out)), same[i]);
        buf_fini(&out);
    }
    assert_ptr_equal(type_of_text("VarChar"), cqltype_scalar(CQL_TEXT));
}

static void type_names_that_are_wrong_are_refused(void **state UNUSED) {
    static const struct {
        const char *text, *note;
    } cases[] = {
        {"nothing", "Unknown type nothing"},
        {"list<list<int>>", "Non-frozen collections are not allowed inside collections"},
        {"frozen<int>", "frozen<> is only allowed on collections, tuples"},
        {"list<counter>", "Counters are not allowed inside collections"},
        {"list<int", "'>' is missing"},
        {"map<int>", "a key and a value"},
        {"int int", "what is"},
    };
    const struct cqltype *type;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_not_equal(cqltype_parse(str_of(cases[i].text), NULL, &arena, &type), 0);
        assert_non_null(strstr(err_note(), cases[i].note));
    }
    char deep[2000];
    for (size_t i = 0; i + 7 <= sizeof deep; i += 7)
        memcpy(deep + i, "frozen<", 7);
    assert_int_equal(cqltype_parse((struct str){deep, 1995}, NULL, &arena, &type), ERR_TOO_BIG);
}

static void vints_have_the_length_in_their_first_bits(void **state UNUSED) {
    static const struct {
        uint64_t v;
        const char *hex;
    } cases[] = {
        {0, "00"}, {1, "01"}, {127, "7f"}, {128, "8080"}, {16383, "bfff"}, {16384, "c04000"},
        {UINT64_C(0xFFFFFFFFFFFFFF), "feffffffffffffff"},
        {UINT64_MAX, "ffffffffffffffffff"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out;
        buf_init(&out, MIB);
        cqlvint_write_u(&out, cases[i].v);
        assert_string_equal(hex_of(buf_str(&out)), cases[i].hex);
        struct rbuf in = rbuf_of_str(buf_str(&out));
        assert_true(cqlvint_read_u(&in) == cases[i].v);
        assert_true(rbuf_done(&in));
        buf_fini(&out);
    }
}

static void constants_become_the_protocols_bytes(void **state UNUSED) {
    static const struct {
        const char *type, *text, *hex, *back; /* back NULL: the text itself */
    } cases[] = {
        {"int", "-2", "fffffffe", NULL},
        {"tinyint", "-128", "80", NULL},
        {"bigint", "9223372036854775807", "7fffffffffffffff", NULL},
        {"double", "1.5", "3ff8000000000000", NULL},
        {"double", "1e10", "4202a05f20000000", "1.0E10"},
        {"double", "123456", "40fe240000000000", "123456.0"},
        {"float", "0.1", "3dcccccd", NULL},
        {"double", "0.001", "3f50624dd2f1a9fc", NULL},
        {"double", "NaN", "7ff8000000000000", NULL},
        {"varint", "-129", "ff7f", NULL},
        {"varint", "128", "0080", NULL},
        {"varint", "0", "00", NULL},
        {"varint", "123456789012345678901234567890", "018ee90ff6c373e0ee4e3f0ad2", NULL},
        {"decimal", "-1.50", "00000002ff6a", NULL},
        {"decimal", "1e3", "fffffffd01", "1E+3"},
        {"decimal", "0.0000001", "0000000701", "1E-7"},
        {"decimal", "0.00", "0000000200", NULL},
        {"timestamp", "2011-02-03T04:05:00.000+0000", "0000012de9b1cde0",
         "2011-02-03 04:05:00.000Z"},
        {"timestamp", "2011-02-03 04:05+0130", "0000012de95f6820", "2011-02-03 02:35:00.000Z"},
        {"timestamp", "-1", "ffffffffffffffff", "1969-12-31 23:59:59.999Z"},
        {"date", "1970-01-02", "80000001", NULL},
        {"date", "2147483648", "80000000", "1970-01-01"},
        {"time", "08:12:54.123", "00001ae5c31890c0", "08:12:54.123000000"},
        {"inet", "127.0.0.1", "7f000001", NULL},
        {"inet", "::1", "00000000000000000000000000000001", NULL},
        {"blob", "0xCAfe", "cafe", "0xcafe"},
        {"boolean", "TRUE", "01", "true"},
        {"duration", "1y2mo3d4h", "1c06d1a3280d9000", "1y2mo3d4h"},
        {"duration", "-P1Y2M3DT4H5M6S", "", "-1y2mo3d4h5m6s"},
        {"uuid", "C37D661D-7E61-49EA-96A5-68C34E83DB3A", "c37d661d7e6149ea96a568c34e83db3a",
         "c37d661d-7e61-49ea-96a5-68c34e83db3a"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str bytes = bytes_of(cases[i].type, cases[i].text);
        if (strcmp(cases[i].type, "duration") != 0)
            assert_string_equal(hex_of(bytes), cases[i].hex);
        assert_int_equal(cqltype_validate(type_of_text(cases[i].type), bytes), 0);
        assert_string_equal(text_of(cases[i].type, bytes),
                            cases[i].back ? cases[i].back : cases[i].text);
    }
}

static void constants_that_are_none_are_refused(void **state UNUSED) {
    static const char *const cases[][2] = {
        {"int", "2147483648"}, {"tinyint", "128"}, {"int", "1.0"}, {"uuid", "x"},
        {"timestamp", "2011-02-30"}, {"timestamp", "2011-13-01"}, {"date", "2011-2"},
        {"time", "24:00:00"}, {"inet", "1.2.3"}, {"blob", "0xabc"}, {"varint", "1.5"},
        {"decimal", "1e9999999"}, {"duration", "1x"}, {"duration", ""}, {"boolean", "yes"},
        {"timeuuid", "c37d661d-7e61-49ea-96a5-68c34e83db3a"}};
    struct buf out;
    buf_init(&out, MIB);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_not_equal(
            cqltext_parse(type_of_text(cases[i][0]), str_of(cases[i][1]), &out), 0);
    buf_fini(&out);
}

static void validation_says_what_cassandra_says(void **state UNUSED) {
    static const struct {
        const char *type;
        struct str bytes;
        const char *note;
    } cases[] = {
        {"int", {"abc", 3}, "Expected 4 or 0 byte int (3)"},
        {"bigint", {"abc", 3}, "Expected 8 or 0 byte long (3)"},
        {"tinyint", {"", 0}, "Expected 1 byte for a tinyint (0)"},
        {"text", {"\xff", 1}, "String didn't validate."},
        {"list<int>", {"\0\0\0\2\0\0\0\4\0\0\0\1", 12}, "Not enough bytes to read a list"},
        {"list<int>", {"\x7f\xff\xff\xff", 4}, "Not enough bytes to read a list"},
        {"set<int>", {"\0\0\0\0x", 5}, "Invalid remaining data after end of set value"},
        {"map<int, int>", {"\0\0\0\1\0\0\0\1\1", 9}, "Not enough bytes to read a map"},
        {"timeuuid", {"0123456789abcdef", 16}, "Invalid version for TimeUUID type."},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(cqltype_validate(type_of_text(cases[i].type), cases[i].bytes), ERR_TYPE);
        assert_string_equal(err_note(), cases[i].note);
    }
}

static void values_have_cassandras_order(void **state UNUSED) {
    static const char *const rising[][8] = {
        {"int", "-5", "-1", "0", "3", NULL},
        {"double", "-Infinity", "-1.5", "-0.0", "0.0", "2.5", "NaN", NULL},
        {"varint", "-70000000000000000000", "-2", "0", "9", "10", "70000000000000000000", NULL},
        {"decimal", "-10.5", "-10.4", "0", "0.001", "1.0", "1.1", "1e3"},
        {"timestamp", "-1000", "0", "1000", NULL},
        {"timeuuid", "00000001-0000-1000-8000-000000000000", "00000000-0001-1000-8000-000000000000",
         "00000000-0000-1001-8000-000000000000", "00000000-0000-1001-0000-000000000000", NULL},
        {"uuid", "ffffffff-0000-1000-8000-000000000000", "00000000-0001-1000-8000-000000000000",
         "00000000-0000-4000-8000-000000000000", NULL},
        {"text", "", "a", "aa", "b", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rising); i++) {
        const struct cqltype *type = type_of_text(rising[i][0]);
        for (size_t k = 2; k < 8 && rising[i][k]; k++) {
            struct str a = bytes_of(rising[i][0], rising[i][k - 1]);
            struct str b = bytes_of(rising[i][0], rising[i][k]);
            assert_true(cqltype_compare(type, a, b) < 0);
            assert_true(cqltype_compare(type, b, a) > 0);
            assert_int_equal(cqltype_compare(type, a, a), 0);
        }
    }
    assert_int_equal(cqltype_compare(type_of_text("decimal"), bytes_of("decimal", "1.0"),
                                     bytes_of("decimal", "1.00")), 0);
}

static void decimals_add_up(void **state UNUSED) {
    static const char *const cases[][3] = {
        {"1.5", "2.25", "3.75"}, {"1", "-1", "0"}, {"-10", "0.5", "-9.5"}, {"99", "1", "100"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out;
        buf_init(&out, MIB);
        assert_int_equal(cqlnum_add(bytes_of("decimal", cases[i][0]),
                                    bytes_of("decimal", cases[i][1]), &out), 0);
        assert_string_equal(text_of("decimal", buf_str(&out)), cases[i][2]);
        buf_fini(&out);
    }
}

static void nested_values_are_shown_as_literals(void **state UNUSED) {
    struct str list = {"\0\0\0\2\0\0\0\1a\0\0\0\2'b", 15};
    assert_string_equal(text_of("list<text>", list), "['a', '''b']");
    struct str map = {"\0\0\0\1\0\0\0\4\0\0\0\7\0\0\0\1x", 17};
    assert_string_equal(text_of("map<int, text>", map), "{7: 'x'}");
    struct buf out;
    buf_init(&out, MIB);
    cqltext_json(type_of_text("map<int, text>"), map, &out);
    assert_string_equal(arena_strz(&arena, buf_str(&out)), "{\"7\": \"x\"}");
    buf_fini(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(type_names_round_trip_as_the_schema_shows_them),
        cmocka_unit_test(type_names_that_are_wrong_are_refused),
        cmocka_unit_test(vints_have_the_length_in_their_first_bits),
        cmocka_unit_test(constants_become_the_protocols_bytes),
        cmocka_unit_test(constants_that_are_none_are_refused),
        cmocka_unit_test(validation_says_what_cassandra_says),
        cmocka_unit_test(values_have_cassandras_order),
        cmocka_unit_test(decimals_add_up),
        cmocka_unit_test(nested_values_are_shown_as_literals),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
