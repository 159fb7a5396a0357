/* ynode_test.c - YAML keeps its places, and hostile YAML ends in a sentence. */
#include "support/unit.h"

#include "base/err.h"
#include "pipeline/ynode.h"

static struct arena arena;
static struct report report;

static int setup(void **state UNUSED) {
    report_init(&report);
    return 0;
}

static int teardown(void **state UNUSED) {
    report_fini(&report);
    arena_fini(&arena);
    return 0;
}

static int parse(const char *text, struct ynode *root) {
    return ynode_parse(STR("t.yml"), str_of(text), &arena, &report, root);
}

static void ynode_keeps_places(void **state UNUSED) {
    struct ynode root;
    assert_int_equal(parse("a:\n  b: [1, two]\n  sql: |\n     SELECT\n       x\n", &root), 0);
    struct ynode *a = ynode_get(&root, "a"), *b = ynode_get(a, "b"), *sql = ynode_get(a, "sql");
    assert_int_equal(b->item[1].at.line, 2);
    assert_int_equal(b->item[1].at.col, 10);
    assert_int_equal(sql->at.line, 3);
    assert_true(sql->block);
    assert_int_equal(sql->indent, 5);
    assert_true(str_eqz(sql->text, "SELECT\n  x\n"));
}

static void ynode_reports_a_key_twice_with_its_line(void **state UNUSED) {
    struct ynode root;
    assert_int_equal(parse("a: 1\nb: 2\na: 3\n", &root), ERR_SYNTAX);
    assert_int_equal(report.cnt, 1);
    assert_int_equal(report.item[0].at.line, 3);
    assert_true(str_eqz(report.item[0].text, "key 'a' is already there, on line 1"));
}

static void ynode_refuses_an_alias_bomb(void **state UNUSED) {
    struct ynode root;
    assert_int_equal(parse("a: &a [x, x]\nb: [*a, *a]\n", &root), ERR_SYNTAX);
    assert_true(report.cnt >= 1);
}

static void ynode_refuses_depth_and_count(void **state UNUSED) {
    static char deep[300000];
    struct ynode root;
    memset(deep, '[', 100000);
    deep[100000] = 0;
    assert_int_equal(parse(deep, &root), ERR_SYNTAX);
    for (size_t i = 0; i + 2 < sizeof deep; i += 2) memcpy(deep + i, "- ", 2);
    assert_int_equal(parse(deep, &root), ERR_SYNTAX);
}

static void ynode_of_nothing_is_an_empty_map(void **state UNUSED) {
    struct ynode root;
    assert_int_equal(parse("# nothing\n", &root), 0);
    assert_int_equal(root.kind, YNODE_MAP);
    assert_int_equal(root.cnt, 0);
}

static void report_points_at_the_piece(void **state UNUSED) {
    struct buf out;
    buf_init(&out, MIB);
    struct report_at at = {STR("t.yml"), STR("a: 1\nbc: 2\n"), 2, 1, 2};
    report_add(&report, at, STR("unknown key 'bc'"), STR("did you mean 'b'?"));
    report_text(&report, false, &out);
    assert_true(str_eqz(buf_str(&out), "t.yml:2:1: error: unknown key 'bc'\n"
                                       "    2 | bc: 2\n"
                                       "      | ^~\n"
                                       "        did you mean 'b'?\n"));
    buf_fini(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ynode_keeps_places, setup, teardown),
        cmocka_unit_test_setup_teardown(ynode_reports_a_key_twice_with_its_line, setup, teardown),
        cmocka_unit_test_setup_teardown(ynode_refuses_an_alias_bomb, setup, teardown),
        cmocka_unit_test_setup_teardown(ynode_refuses_depth_and_count, setup, teardown),
        cmocka_unit_test_setup_teardown(ynode_of_nothing_is_an_empty_map, setup, teardown),
        cmocka_unit_test_setup_teardown(report_points_at_the_piece, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
