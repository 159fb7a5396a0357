/* people_test.c - the built-in people keep the API's rules. */
#include "support/unit.h"

#include "base/civil.h"
#include "base/err.h"
#include "source/people/people.h"
#include "source/source.h"

#include <jansson.h>

static json_t *get(const char *query, struct str *text, struct arena *arena) {
    struct people_query parsed;
    struct buf out;
    buf_init(&out, PEOPLE_BODY_MAX);
    assert_int_equal(people_parse(env_real(), STR(""), str_of(query), &parsed), 0);
    assert_int_equal(people_write(env_real(), &parsed, &out), 0);
    *text = arena_str(arena, buf_str(&out));
    buf_fini(&out);
    json_t *root = json_loadb(text->ptr, text->len, 0, NULL);
    assert_non_null(root);
    return root;
}

static void people_have_the_records_shape(void **state UNUSED) {
    static const char *const paths[] = {"gender", "name", "location", "email", "login", "dob",
                                        "registered", "phone", "cell", "id", "picture", "nat"};
    struct arena arena = ARENA_INIT;
    struct str text;
    json_t *root = get("results=300&seed=abc", &text, &arena);
    json_t *list = json_object_get(root, "results"), *person;
    size_t i, numbers = 0, texts = 0;
    assert_int_equal(json_array_size(list), 300);
    json_array_foreach(list, i, person) {
        const char *key;
        json_t *value;
        size_t at = 0;
        json_object_foreach(person, key, value) assert_string_equal(key, paths[at++]);
        assert_int_equal(at, ARRAY_LEN(paths));
        json_t *login = json_object_get(person, "login");
        assert_int_equal(json_string_length(json_object_get(login, "uuid")), 36);
        assert_int_equal(json_string_length(json_object_get(login, "sha256")), 64);
        json_t *code = json_object_get(json_object_get(person, "location"), "postcode");
        if (json_is_integer(code)) numbers++;
        if (json_is_string(code)) texts++;
    }
    assert_true(numbers > 0 && texts > 0 && numbers + texts == 300);
    json_decref(root);
    arena_fini(&arena);
}

static void people_of_a_seed_are_the_same(void **state UNUSED) {
    struct arena arena = ARENA_INIT;
    struct str a, b, c;
    json_decref(get("results=5&seed=foo&noinfo", &a, &arena));
    json_decref(get("results=5&seed=foo&noinfo", &b, &arena));
    json_decref(get("results=5&seed=foo&noinfo&page=2", &c, &arena));
    assert_true(str_eq(a, b));
    assert_false(str_eq(a, c));
    arena_fini(&arena);
}

static void people_leave_fields_out_without_changing_others(void **state UNUSED) {
    struct arena arena = ARENA_INIT;
    struct str all_text, some_text;
    json_t *all = get("seed=foo&results=3", &all_text, &arena);
    json_t *some = get("seed=foo&results=3&inc=email,phone", &some_text, &arena);
    for (size_t i = 0; i < 3; i++) {
        json_t *a = json_array_get(json_object_get(all, "results"), i);
        json_t *b = json_array_get(json_object_get(some, "results"), i);
        assert_int_equal(json_object_size(b), 2);
        assert_true(json_equal(json_object_get(a, "email"), json_object_get(b, "email")));
        assert_true(json_equal(json_object_get(a, "phone"), json_object_get(b, "phone")));
    }
    json_decref(all);
    json_decref(some);
    arena_fini(&arena);
}

static void people_take_one_for_nonsense(void **state UNUSED) {
    static const char *const bad[] = {"results=0", "results=5001", "results=x", "results=",
                                      "results=1.5"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct people_query query;
        assert_int_equal(people_parse(env_real(), STR(""), str_of(bad[i]), &query), 0);
        assert_int_equal(query.results, 1);
    }
    struct people_query query;
    assert_int_equal(people_parse(env_real(), STR("2.9"), STR(""), &query), ERR_NOT_FOUND);
}

static void people_of_a_nation_and_gender(void **state UNUSED) {
    struct arena arena = ARENA_INIT;
    struct str text;
    json_t *root = get("results=50&nat=fi,de&gender=female", &text, &arena), *person;
    size_t i;
    json_array_foreach(json_object_get(root, "results"), i, person) {
        const char *nat = json_string_value(json_object_get(person, "nat"));
        assert_true(!strcmp(nat, "FI") || !strcmp(nat, "DE"));
        assert_string_equal(json_string_value(json_object_get(person, "gender")), "female");
    }
    json_decref(root);
    arena_fini(&arena);
}

static void people_write_other_formats(void **state UNUSED) {
    static const char *const formats[][2] = {
        {"format=csv&seed=a&results=2", "gender,name.title,name.first"},
        {"format=yaml&seed=a", "results:"},
        {"format=xml&seed=a", "<user><results><gender>"},
        {"format=pretty&seed=a", "{\n  \"results\": ["}};
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        struct people_query query;
        struct buf out;
        buf_init(&out, MIB);
        assert_int_equal(people_parse(env_real(), STR(""), str_of(formats[i][0]), &query), 0);
        assert_int_equal(people_write(env_real(), &query, &out), 0);
        buf_putc(&out, 0);
        assert_non_null(strstr(out.ptr, formats[i][1]));
        buf_fini(&out);
    }
}

static void source_picks_rows_and_refuses_private_addresses(void **state UNUSED) {
    struct arena arena = ARENA_INIT;
    struct source_rows rows;
    struct source_conf conf = {.env = env_real(), .url = STR("people:?results=7"),
                               .rows = STR("results[*]"), .retries = -1};
    assert_int_equal(source_fetch(&conf, &arena, &rows), 0);
    assert_int_equal(rows.cnt, 7);
    assert_true(rows.row[0].ptr[0] == '{');
    conf.url = STR("http://127.0.0.1:9/");
    assert_int_equal(source_fetch(&conf, &arena, &rows), ERR_DENIED);
    assert_non_null(strstr(err_note(), "allow"));
    conf.url = STR("gopher://x/");
    assert_int_equal(source_fetch(&conf, &arena, &rows), ERR_INVAL);
    arena_fini(&arena);
}

static void civil_days_go_there_and_back(void **state UNUSED) {
    for (int64_t days = -800000; days < 800000; days += 37) {
        int64_t year;
        int month, day;
        civil_of_days(days, &year, &month, &day);
        assert_true(civil_days(year, month, day) == days);
    }
    struct buf out;
    buf_init(&out, KIB);
    civil_format(-1, true, &out);
    assert_true(str_eqz(buf_str(&out), "1969-12-31T23:59:59.999999Z"));
    buf_fini(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(people_have_the_records_shape),
        cmocka_unit_test(people_of_a_seed_are_the_same),
        cmocka_unit_test(people_leave_fields_out_without_changing_others),
        cmocka_unit_test(people_take_one_for_nonsense),
        cmocka_unit_test(people_of_a_nation_and_gender),
        cmocka_unit_test(people_write_other_formats),
        cmocka_unit_test(source_picks_rows_and_refuses_private_addresses),
        cmocka_unit_test(civil_days_go_there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
