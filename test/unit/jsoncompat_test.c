/* jsoncompat_test.c - pairs of JSON Schemas, and whether the second reads what the first wrote. */
#include "registry/jsoncompat.h"
#include "support/unit.h"

#include "base/buf.h"
#include "base/err.h"

enum { NO, YES, LENIENT }; /* LENIENT: no when strict */

static const struct {
    int want;
    const char *writer, *reader;
} pairs[] = {
    {YES, "{\"type\":\"string\"}", "{\"type\":\"string\"}"},
    {YES, "{\"type\":\"string\"}", "true"},
    {YES, "{\"type\":\"string\"}", "{}"},
    {NO, "{\"type\":\"string\"}", "false"},
    {YES, "false", "{\"type\":\"string\"}"},
    {NO, "true", "{\"type\":\"string\"}"},
    {YES, "{\"type\":\"integer\"}", "{\"type\":\"number\"}"},
    {NO, "{\"type\":\"number\"}", "{\"type\":\"integer\"}"},
    {YES, "{\"type\":\"string\"}", "{\"type\":[\"null\",\"string\"]}"},
    {NO, "{\"type\":[\"null\",\"string\"]}", "{\"type\":\"string\"}"},
    {NO, "{\"type\":\"string\"}", "{\"type\":\"object\"}"},
    {YES, "{\"enum\":[\"a\"]}", "{\"enum\":[\"a\",\"b\"]}"},
    {NO, "{\"enum\":[\"a\",\"b\"]}", "{\"enum\":[\"a\"]}"},
    {NO, "{\"type\":\"string\"}", "{\"type\":\"string\",\"enum\":[\"a\"]}"},
    {YES, "{\"const\":1}", "{\"type\":\"integer\"}"},
    {NO, "{\"const\":1.5}", "{\"type\":\"integer\"}"},
    {YES, "{\"const\":1}", "{\"enum\":[1.0,2]}"},
    {YES, "{\"type\":\"string\",\"maxLength\":3}", "{\"type\":\"string\",\"maxLength\":4}"},
    {NO, "{\"type\":\"string\",\"maxLength\":3}", "{\"type\":\"string\",\"maxLength\":2}"},
    {NO, "{\"type\":\"string\"}", "{\"type\":\"string\",\"maxLength\":2}"},
    {YES, "{\"type\":\"string\"}", "{\"type\":\"string\",\"minLength\":0}"},
    {NO, "{\"type\":\"string\"}", "{\"type\":\"string\",\"minLength\":1}"},
    {YES, "{\"type\":\"string\"}", "{\"type\":\"string\",\"maximum\":2}"},
    {NO, "{\"type\":\"integer\",\"minimum\":0}", "{\"type\":\"integer\",\"minimum\":1}"},
    {YES, "{\"type\":\"integer\",\"minimum\":2}", "{\"type\":\"integer\",\"minimum\":1}"},
    {NO, "{\"type\":\"integer\"}", "{\"type\":\"integer\",\"minimum\":-5}"},
    {YES, "{\"type\":\"integer\",\"multipleOf\":6}", "{\"type\":\"integer\",\"multipleOf\":3}"},
    {NO, "{\"type\":\"integer\",\"multipleOf\":3}", "{\"type\":\"integer\",\"multipleOf\":6}"},
    {NO, "{\"type\":\"integer\",\"multipleOf\":3}", "{\"type\":\"integer\",\"multipleOf\":0}"},
    {NO, "{\"type\":\"string\"}", "{\"type\":\"string\",\"pattern\":\"^a\"}"},
    {YES, "{\"type\":\"string\",\"pattern\":\"^a\"}", "{\"type\":\"string\"}"},
    {YES, "{\"type\":\"string\"}", "{\"type\":\"string\",\"format\":\"email\"}"},
    /* objects */
    {LENIENT, "{\"type\":\"object\"}",
     "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}}}"},
    {YES, "{\"type\":\"object\"}", "{\"type\":\"object\",\"properties\":{\"a\":{}}}"},
    {YES, "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}}}",
     "{\"type\":\"object\"}"},
    {YES, "{\"type\":\"object\",\"additionalProperties\":false}",
     "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"a\":{\"type\":"
     "\"string\"}}}"},
    {NO, "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"a\":{\"type\":"
     "\"string\"}}}", "{\"type\":\"object\",\"additionalProperties\":false}"},
    {NO, "{\"type\":\"object\"}", "{\"type\":\"object\",\"additionalProperties\":false}"},
    {YES, "{\"type\":\"object\",\"additionalProperties\":false}", "{\"type\":\"object\"}"},
    {YES, "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"integer\"}}",
     "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"number\"}}}"},
    {NO, "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"integer\"}}",
     "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}}}"},
    {NO, "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"}}}",
     "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}}}"},
    {NO, "{\"type\":\"object\"}", "{\"type\":\"object\",\"required\":[\"a\"]}"},
    {YES, "{\"type\":\"object\",\"required\":[\"a\"]}", "{\"type\":\"object\"}"},
    {YES, "{\"type\":\"object\",\"additionalProperties\":false}",
     "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"a\"],\"properties\":"
     "{\"a\":{\"type\":\"string\",\"default\":\"\"}}}"},
    {NO, "{\"type\":\"object\",\"patternProperties\":{\"^x\":{\"type\":\"string\"}}}",
     "{\"type\":\"object\",\"patternProperties\":{\"^x\":{\"type\":\"integer\"}}}"},
    /* arrays */
    {YES, "{\"type\":\"array\",\"items\":{\"type\":\"integer\"}}",
     "{\"type\":\"array\",\"items\":{\"type\":\"number\"}}"},
    {NO, "{\"type\":\"array\"}", "{\"type\":\"array\",\"items\":{\"type\":\"number\"}}"},
    {NO, "{\"type\":\"array\"}", "{\"type\":\"array\",\"uniqueItems\":true}"},
    {NO, "{\"type\":\"array\",\"maxItems\":3}", "{\"type\":\"array\",\"maxItems\":2}"},
    {YES, "{\"type\":\"array\",\"items\":[{\"type\":\"string\"}],\"additionalItems\":false}",
     "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}"},
    {NO, "{\"type\":\"array\",\"items\":[{\"type\":\"string\"}]}",
     "{\"type\":\"array\",\"items\":[{\"type\":\"string\"},{\"type\":\"string\"}]}"},
    /* combinations */
    {YES, "{\"type\":\"string\"}", "{\"oneOf\":[{\"type\":\"null\"},{\"type\":\"string\"}]}"},
    {NO, "{\"oneOf\":[{\"type\":\"null\"},{\"type\":\"string\"}]}", "{\"type\":\"string\"}"},
    {YES, "{\"oneOf\":[{\"type\":\"integer\"},{\"type\":\"string\"}]}",
     "{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"number\"},{\"type\":\"null\"}]}"},
    {YES, "{\"oneOf\":[{\"type\":\"integer\"},{\"type\":\"string\"}]}",
     "{\"type\":[\"string\",\"number\"]}"},
    {NO, "{\"oneOf\":[{\"type\":\"integer\"},{\"type\":\"string\"}]}",
     "{\"type\":\"string\",\"oneOf\":[{\"type\":\"integer\"},{\"type\":\"string\"}]}"},
    {YES, "{\"allOf\":[{\"type\":\"string\"},{\"maxLength\":3}]}", "{\"type\":\"string\"}"},
    {NO, "{\"type\":\"string\"}", "{\"allOf\":[{\"type\":\"string\"},{\"maxLength\":3}]}"},
    {NO, "{\"type\":\"string\"}", "{\"type\":\"string\",\"not\":{\"const\":\"\"}}"},
    {YES, "{\"type\":\"string\",\"not\":{\"const\":\"\"}}", "{\"type\":\"string\"}"},
    /* references */
    {YES, "{\"$ref\":\"#/definitions/a\",\"definitions\":{\"a\":{\"type\":\"integer\"}}}",
     "{\"type\":\"number\"}"},
    {NO, "{\"$ref\":\"#/definitions/a\",\"definitions\":{\"a\":{\"type\":\"string\"}}}",
     "{\"$ref\":\"#/definitions/a\",\"definitions\":{\"a\":{\"type\":\"integer\"}}}"},
    {YES, "{\"$ref\":\"#/$defs/n~1m\",\"$defs\":{\"n/m\":{\"type\":\"integer\"}}}",
     "{\"type\":\"integer\"}"},
    {YES, "{\"type\":\"object\",\"properties\":{\"next\":{\"$ref\":\"#\"}}}",
     "{\"type\":[\"object\",\"null\"],\"properties\":{\"next\":{\"$ref\":\"#\"}}}"},
    {NO, "{\"type\":[\"object\",\"null\"],\"properties\":{\"next\":{\"$ref\":\"#\"}}}",
     "{\"type\":\"object\",\"properties\":{\"next\":{\"$ref\":\"#\"}}}"},
    {NO, "{\"$ref\":\"#\"}", "{\"type\":\"string\"}"},
    {NO, "{\"$ref\":\"http://example.com/a\"}", "{\"type\":\"string\"}"},
};

static size_t differences(const char *writer, const char *reader, bool strict) {
    struct arena arena = ARENA_INIT;
    struct str *why;
    size_t cnt;
    assert_int_equal(jsoncompat_check(str_of(writer), str_of(reader), strict, &arena, &why, &cnt),
                     0);
    arena_fini(&arena);
    return cnt;
}

static void jsoncompat_judges_pairs(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        bool strict = !differences(pairs[i].writer, pairs[i].reader, true);
        bool loose = !differences(pairs[i].writer, pairs[i].reader, false);
        if (strict != (pairs[i].want == YES) || loose != (pairs[i].want != NO))
            fail_msg("%s -> %s: strict %d, lenient %d", pairs[i].writer, pairs[i].reader, strict,
                     loose);
    }
}

static void jsoncompat_reads_what_it_wrote(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        if (strstr(pairs[i].writer, "http:") || !strcmp(pairs[i].writer, "{\"$ref\":\"#\"}"))
            continue;
        assert_int_equal(differences(pairs[i].writer, pairs[i].writer, true), 0);
        assert_int_equal(differences(pairs[i].reader, pairs[i].reader, true), 0);
    }
}

static void jsoncompat_says_where(void **state) {
    (void)state;
    struct arena arena = ARENA_INIT;
    struct str *why;
    size_t cnt;
    assert_int_equal(
        jsoncompat_check(str_of("{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"array\","
                                "\"items\":{\"type\":\"string\"}}}}"),
                         str_of("{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"array\","
                                "\"items\":{\"type\":\"null\"}}}}"), true, &arena, &why, &cnt), 0);
    assert_int_equal(cnt, 1);
    assert_true(str_starts(why[0], STR("at #/properties/a/items: ")));
    arena_fini(&arena);
}

/* 2^30 alternatives, would they all be tried. */
static void jsoncompat_ends_in_time(void **state) {
    (void)state;
    struct buf one, two;
    buf_init(&one, MIB);
    buf_init(&two, MIB);
    buf_putz(&one, "{\"definitions\":{\"d30\":{\"type\":\"string\"}");
    buf_putz(&two, "{\"definitions\":{\"d30\":{\"type\":\"null\"}");
    for (int i = 0; i < 30; i++) {
        buf_printf(&one, ",\"d%d\":{\"anyOf\":[{\"$ref\":\"#/definitions/d%d\"},"
                   "{\"$ref\":\"#/definitions/d%d\",\"x\":1}]}", i, i + 1, i + 1);
        buf_printf(&two, ",\"d%d\":{\"anyOf\":[{\"$ref\":\"#/definitions/d%d\"},"
                   "{\"$ref\":\"#/definitions/d%d\",\"x\":2}]}", i, i + 1, i + 1);
    }
    buf_putz(&one, "},\"$ref\":\"#/definitions/d0\"}");
    buf_putz(&two, "},\"$ref\":\"#/definitions/d0\"}");
    buf_putc(&one, 0);
    buf_putc(&two, 0);
    assert_true(differences(one.ptr, two.ptr, true) > 0);
    buf_fini(&one);
    buf_fini(&two);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jsoncompat_judges_pairs),
        cmocka_unit_test(jsoncompat_reads_what_it_wrote),
        cmocka_unit_test(jsoncompat_says_where),
        cmocka_unit_test(jsoncompat_ends_in_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
