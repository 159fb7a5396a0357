/* plan_test.c - mistakes in queries: all reported, each at its place, with the nearest names. */
#include "base/err.h"
#include "stream/stream.h"
#include "support/unit.h"

#define SOURCE                                                                                    \
    "STRUCT<id: BIGINT, name: STRING, email: STRING, login: STRUCT<uuid: STRING, username: "      \
    "STRING>, tags: ARRAY<STRING>, dob: STRUCT<date: STRING, age: BIGINT>>"

struct checked {
    struct arena arena;
    struct stream_errors errors;
    const struct type *type;
    struct str topic;
    int err;
};

static struct checked *check_with(const char *sql, const struct stream_expect *expect, size_t cnt) {
    struct checked *got = base_calloc(1, sizeof *got);
    const struct type *source;
    assert_int_equal(type_parse(STR(SOURCE), &got->arena, &source), 0);
    struct stream_query query = {str_of(sql), expect, cnt};
    got->err = stream_check(&query, source, &got->arena, &got->type, &got->topic, &got->errors);
    return got;
}

static struct checked *check(const char *sql) {
    return check_with(sql, NULL, 0);
}

static void done(struct checked *got) {
    arena_fini(&got->arena);
    base_free(got);
}

/* The one mistake of `sql` begins with `text`, at that place. */
static void wrong(const char *sql, uint32_t line, uint32_t col, const char *text,
                  const char *hint) {
    struct checked *got = check(sql);
    if (got->errors.cnt != 1) print_error("%s: %zu mistakes\n", sql, got->errors.cnt);
    assert_int_equal(got->errors.cnt, 1);
    const struct stream_error *error = &got->errors.error[0];
    bool same = str_starts(error->text, str_of(text)) && error->line == line && error->col == col &&
                str_eqz(error->hint, hint);
    if (!same)
        print_error("%s\n  %u:%u %.*s (%.*s)\n", sql, error->line, error->col,
                    STR_ARG(error->text), STR_ARG(error->hint));
    assert_true(same);
    assert_true(got->err == ERR_SYNTAX || got->err == ERR_TYPE);
    done(got);
}

static void sound_query_has_type_and_topic(void **state) {
    (void)state;
    struct checked *got = check("SELECT id, login.uuid, name AS n, dob.age + 1 older\n"
                                "FROM STREAM users_created u WHERE u.id > 3 -- all\n;");
    struct buf text;
    buf_init(&text, 4096);
    assert_int_equal(got->err, 0);
    assert_int_equal(got->errors.cnt, 0);
    assert_true(str_eqz(got->topic, "users_created"));
    type_format(got->type, &text);
    assert_true(str_eqz(buf_str(&text),
                        "STRUCT<id: BIGINT, uuid: STRING, n: STRING, older: BIGINT>"));
    buf_fini(&text);
    done(got);
}

static void unknown_names_say_the_nearest(void **state) {
    (void)state;
    wrong("SELECT emial FROM STREAM t", 1, 8, "there is no column 'emial'", "did you mean email?");
    wrong("SELECT login.uid\nFROM STREAM t", 1, 14, "there is no field 'uid' here",
          "did you mean uuid?");
    wrong("SELECT\n  coalesc(id, 1)\nFROM STREAM t", 2, 3, "there is no function 'coalesc'",
          "did you mean coalesce?");
    wrong("SELECT name.first FROM STREAM t", 1, 13, "STRING has no fields", "");
}

static void clauses_not_supported_are_named(void **state) {
    (void)state;
    wrong("SELECT id FROM STREAM t GROUP BY id", 1, 25, "GROUP BY is not supported yet",
          "filter and project; aggregate in the table");
    wrong("SELECT id FROM STREAM t ORDER BY id", 1, 25, "ORDER BY has no meaning",
          "order by the table's clustering key");
    wrong("SELECT id FROM STREAM t LIMIT 3", 1, 25, "LIMIT has no meaning", "use WHERE");
    wrong("SELECT id FROM STREAM t JOIN u ON a = b", 1, 25, "JOIN is not supported yet",
          "one query reads one topic");
    wrong("SELECT DISTINCT id FROM STREAM t", 1, 8, "SELECT DISTINCT is not supported",
          "the table's key keeps one row of each");
    wrong("SELECT count(id) FROM STREAM t", 1, 8, "count() looks at many rows",
          "a query here maps each record to at most one row");
    wrong("SELECT id FROM t", 1, 11, "a streaming query reads FROM STREAM",
          "write FROM STREAM before the name");
}

static void syntax_mistakes_are_placed(void **state) {
    (void)state;
    wrong("", 1, 1, "expected SELECT", "");
    wrong("SELECT id name more FROM STREAM t", 1, 16, "expected ',' or FROM, found 'more'", "");
    wrong("SELECT 'abc FROM STREAM t", 1, 8, "this string is not closed", "");
    wrong("SELECT (id FROM STREAM t", 1, 12, "expected ')', found 'FROM'", "");
    wrong("SELECT id, FROM STREAM t", 1, 12, "expected an expression, found 'FROM'", "");
    wrong("SELECT case when id > 1 then 2 FROM STREAM t", 1, 32, "expected END", "");
    wrong("SELECT cast(id AS strin) FROM STREAM t", 1, 19, "unknown type 'strin'", "");
    wrong("SELECT id FROM STREAM t WHERE", 1, 30, "expected an expression, but the query ends", "");
    wrong("SELECT id # FROM STREAM t", 1, 11, "'#' does not belong into a query", "");
    wrong("SELECT id AS select FROM STREAM t", 1, 14, "expected a name after AS",
          "select is a word of SQL; as a name it stands in back-quotes");
    wrong("SELECT id, name id FROM STREAM t", 1, 12, "a second column named 'id'",
          "give it another name with AS");
}

static void types_are_checked(void **state) {
    (void)state;
    wrong("SELECT id FROM STREAM t WHERE name", 1, 31, "WHERE is a BOOLEAN, not STRING", "");
    wrong("SELECT tags + 1 x FROM STREAM t", 1, 13, "there is no ARRAY + INT", "");
    wrong("SELECT cast(login AS INT) x FROM STREAM t", 1, 13,
          "STRUCT<uuid: STRING, username: STRING> cannot be cast to INT", "");
    wrong("SELECT if(id, 1, 2) x FROM STREAM t", 1, 11, "the first argument of if() is a BOOLEAN",
          "");
    wrong("SELECT null AS x FROM STREAM t", 1, 8, "this column is always NULL",
          "write CAST(NULL AS STRING), for instance");
    wrong("SELECT nvl(id) x FROM STREAM t", 1, 8, "nvl() takes 2 arguments, not 1", "");
}

static void all_mistakes_are_reported_in_order(void **state) {
    (void)state;
    struct checked *got = check("SELECT idd, (1 + , nam,\n  foo(id)\n"
                                "FROM STREAM t\nWHERE emal = 1");
    assert_true(got->errors.cnt >= 4);
    for (size_t i = 1; i < got->errors.cnt; i++) {
        const struct stream_error *a = &got->errors.error[i - 1], *b = a + 1;
        assert_true(a->line < b->line || (a->line == b->line && a->col <= b->col));
    }
    assert_int_equal(got->errors.error[0].col, 8);
    assert_int_equal(got->errors.error[got->errors.cnt - 1].line, 4);
    done(got);
}

static void expectations_name_themselves(void **state) {
    (void)state;
    const struct stream_expect expect[] = {
        {STR("good"), STR("id IS NOT NULL"), STREAM_QUARANTINE},
        {STR("odd"), STR("idd > 1"), STREAM_QUARANTINE},
        {STR("half"), STR("id >"), STREAM_DROP},
    };
    struct checked *got = check_with("SELECT id FROM STREAM t", expect, 3);
    assert_int_equal(got->errors.cnt, 2);
    assert_int_equal(got->errors.error[0].line, 0);
    assert_true(str_eqz(got->errors.error[0].text, "odd: there is no column 'idd'"));
    assert_true(str_starts(got->errors.error[1].text, STR("half: expected an expression")));
    done(got);
}

/* `cnt` times `piece`, between head and tail: must end in one clear mistake, and soon. */
static void deep(const char *head, const char *piece, size_t cnt, const char *tail,
                 const char *text) {
    struct buf sql;
    buf_init(&sql, 8 * MIB);
    buf_putz(&sql, head);
    for (size_t i = 0; i < cnt; i++) buf_putz(&sql, piece);
    buf_putz(&sql, tail);
    buf_putc(&sql, 0);
    struct checked *got = check(sql.ptr);
    assert_true(got->errors.cnt >= 1);
    if (!str_starts(got->errors.error[0].text, str_of(text)))
        print_error("%.*s\n", STR_ARG(got->errors.error[0].text));
    assert_true(str_starts(got->errors.error[0].text, str_of(text)));
    done(got);
    buf_fini(&sql);
}

static void nesting_and_length_have_limits(void **state) {
    (void)state;
    const char *tail = " x FROM STREAM t";
    deep("SELECT ", "(", 100000, tail, "nested deeper than 256 levels");
    deep("SELECT ", "NOT ", 100000, tail, "nested deeper than 256 levels");
    deep("SELECT ", "- ", 100000, tail, "nested deeper than 256 levels");
    deep("SELECT ", "CASE WHEN ", 50000, tail, "nested deeper than 256 levels");
    deep("SELECT ", "if(true, 1, ", 30000, tail, "nested deeper than 256 levels");
    deep("SELECT ", "1 + ", 90000, tail, "nested deeper than 1024 levels");
    deep("SELECT id", "[0]", 60000, tail, "nested deeper than 1024 levels");
    deep("SELECT id", ".a", 50000, tail, "expected fewer parts in this name");
    deep("SELECT ", "id, ", 150000, tail, "the query has more than 200000 words");
    deep("SELECT '", "0123456789", 200000, tail, "the query has 2000");
    deep("SELECT id FROM STREAM t WHERE id ", "BETWEEN 1 AND 2 = id ", 200, "",
         "<=: BOOLEAN does not go with");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_query_has_type_and_topic),
        cmocka_unit_test(unknown_names_say_the_nearest),
        cmocka_unit_test(clauses_not_supported_are_named),
        cmocka_unit_test(syntax_mistakes_are_placed),
        cmocka_unit_test(types_are_checked),
        cmocka_unit_test(all_mistakes_are_reported_in_order),
        cmocka_unit_test(expectations_name_themselves),
        cmocka_unit_test(nesting_and_length_have_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
