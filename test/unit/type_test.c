/* type_test.c - types as text, and how JSON widens them. */
#include "support/unit.h"

#include "base/err.h"
#include "model/type.h"

static const char *text_of(struct arena *arena, const struct type *type) {
    struct buf out;
    buf_init(&out, MIB);
    type_format(type, &out);
    const char *text = arena_strz(arena, buf_str(&out));
    buf_fini(&out);
    return text;
}

static void type_text_round_trips(void **state UNUSED) {
    static const char *const texts[] = {
        "BIGINT", "DECIMAL(38,10)", "ARRAY<STRUCT<a: INT, `b c`: MAP<STRING, DOUBLE>>>",
        "STRUCT<>", "TIMESTAMP_NTZ"};
    struct arena arena = ARENA_INIT;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        const struct type *type;
        assert_int_equal(type_parse(str_of(texts[i]), &arena, &type), 0);
        assert_string_equal(text_of(&arena, type), texts[i]);
    }
    arena_fini(&arena);
}

static void type_parse_refuses_nonsense(void **state UNUSED) {
    struct arena arena = ARENA_INIT;
    const struct type *type;
    assert_int_equal(type_parse(STR("STRIN"), &arena, &type), ERR_SYNTAX);
    assert_int_equal(type_parse(STR("ARRAY<INT"), &arena, &type), ERR_SYNTAX);
    assert_int_equal(type_parse(STR("DECIMAL(39,0)"), &arena, &type), ERR_RANGE);
    char deep[1000];
    for (size_t i = 0; i + 6 <= sizeof deep; i += 6) memcpy(deep + i, "ARRAY<", 6);
    assert_int_equal(type_parse((struct str){deep, 996}, &arena, &type), ERR_TOO_BIG);
    arena_fini(&arena);
}

static void type_widen_follows_sparks_json_inference(void **state UNUSED) {
    static const char *const cases[][3] = {
        {"BIGINT", "DOUBLE", "DOUBLE"},
        {"BIGINT", "STRING", "STRING"},
        {"VOID", "BOOLEAN", "BOOLEAN"},
        {"STRUCT<a: BIGINT>", "STRUCT<b: STRING, a: STRING>", "STRUCT<a: STRING, b: STRING>"},
        {"ARRAY<BIGINT>", "ARRAY<VOID>", "ARRAY<BIGINT>"},
        {"STRUCT<a: INT>", "BIGINT", "STRING"},
    };
    struct arena arena = ARENA_INIT;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct type *a, *b;
        assert_int_equal(type_parse(str_of(cases[i][0]), &arena, &a), 0);
        assert_int_equal(type_parse(str_of(cases[i][1]), &arena, &b), 0);
        assert_string_equal(text_of(&arena, type_widen(&arena, a, b)), cases[i][2]);
    }
    arena_fini(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(type_text_round_trips),
        cmocka_unit_test(type_parse_refuses_nonsense),
        cmocka_unit_test(type_widen_follows_sparks_json_inference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
