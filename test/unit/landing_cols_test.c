/* landing_cols_test.c - which columns rows become: names, limits, what a row says and lacks. */
#include "support/unit.h"

#include "base/err.h"
#include "landing/landing_row.h"
#include "wire/json/jsontype.h"

#include <math.h>

static void put_name(struct buf *sql, struct str name) {
    buf_puts(sql, name);
}

static void put_decl(struct buf *sql, const struct landing_col *col) {
    buf_printf(sql, " %d", (int)col->type->kind == TYPE_STRING);
}

static const char *const reserved[] = {"ctid", NULL};
static const struct landing_dialect short_names = {10, false, reserved, put_name, put_decl};
static const struct landing_dialect folding = {0, true, reserved, put_name, put_decl};

struct made {
    struct landing_cols cols;
    struct landing_growth growth;
    struct arena arena;
    char names[512];
    int err;
};

/* What a table of this key and these rows is made of, "a b c"; or why not. */
static struct made *make(const struct landing_dialect *dialect, const char *key, const char *json) {
    static struct made made;
    const struct type *row = NULL;
    made = (struct made){.arena = ARENA_INIT};
    landing_cols_init(&made.cols, STR("t"));
    assert_int_equal(landing_cols_set_meta(&made.cols, str_of(key), STR("")), 0);
    assert_int_equal(landing_cols_link(&made.cols), 0);
    assert_int_equal(jsontype_widen(&row, str_of(json), &made.arena), 0);
    made.err = landing_cols_grow(&made.cols, dialect, row, &made.growth);
    for (size_t i = 0; i < made.growth.cnt && !made.err; i++) {
        size_t len = strlen(made.names);
        snprintf(made.names + len, sizeof made.names - len, "%s%.*s", i ? " " : "",
                 STR_ARG(made.growth.col[i].name));
    }
    return &made;
}

static void done(struct made *made) {
    landing_cols_growth_fini(&made->growth);
    landing_cols_fini(&made->cols);
    arena_fini(&made->arena);
}

static void names_are(const struct landing_dialect *dialect, const char *json, const char *want) {
    struct made *made = make(dialect, "[]", json);
    assert_int_equal(made->err, 0);
    assert_string_equal(made->names, want);
    done(made);
}

static void landing_cols_names_are_members(void **state UNUSED) {
    names_are(&short_names, "{\"a\":1,\"B\":2,\"\":3,\"x\\ny\":4}", "a B _ x_y");
    names_are(&short_names, "{\"_\":1,\"\":3}", "_ __2");
    names_are(&short_names, "{\"ctid\":1}", "ctid_2");
}

static void landing_cols_long_names_are_cut_and_stay_apart(void **state UNUSED) {
    names_are(&short_names, "{\"abcdefghij\":1,\"abcdefghijk\":2,\"abcdefghijl\":3}",
              "abcdefghij abcde abcde_2");
    /* a character of two bytes is not cut in the middle */
    names_are(&short_names, "{\"abcd\303\251\303\251\303\251\303\251\":1}", "abcd");
    names_are(&folding, "{\"abcdefghijk\":2}", "abcdefghijk");
}

static void landing_cols_case_counts_where_it_counts(void **state UNUSED) {
    names_are(&short_names, "{\"a\":1,\"A\":2}", "a A");
    names_are(&folding, "{\"a\":1,\"A\":2,\"CTID\":3}", "a A_2 CTID_2");
}

static void landing_cols_key_paths_come_first(void **state UNUSED) {
    struct made *made = make(&folding, "[\"b.c\",\"a\"]", "{\"a\":1,\"b\":{\"c\":\"x\"}}");
    struct buf sql;
    assert_int_equal(made->err, 0);
    assert_string_equal(made->names, "b.c a b");
    assert_true(made->growth.col[0].is_key && made->growth.col[1].is_key);
    assert_false(made->growth.col[2].is_key);
    assert_true(landing_cols_is_odd(&made->growth.col[0]));
    assert_false(landing_cols_is_odd(&made->growth.col[1]));
    buf_init(&sql, KIB);
    landing_cols_create(&made->cols, &folding, &made->growth, &sql);
    buf_putc(&sql, 0);
    assert_string_equal(sql.ptr, "CREATE TABLE t(b.c 1, a 0, b 0, PRIMARY KEY(b.c, a))");
    buf_fini(&sql);
    done(made);
    made = make(&folding, "[\"id\"]", "{\"a\":1}");
    assert_int_equal(made->err, ERR_INVAL); /* no row has it */
    done(made);
}

static void landing_cols_limits_hold(void **state UNUSED) {
    struct buf json;
    buf_init(&json, MIB);
    for (int i = 0; i <= LANDING_COL_MAX; i++) buf_printf(&json, "%c\"m%d\":1", i ? ',' : '{', i);
    buf_putz(&json, "}");
    buf_putc(&json, 0);
    struct made *made = make(&folding, "[]", json.ptr);
    assert_int_equal(made->err, ERR_TOO_BIG);
    done(made);
    buf_reset(&json);
    buf_putz(&json, "{\"");
    for (int i = 0; i <= LANDING_COLS_NAME_MAX; i++) buf_putc(&json, 'n');
    buf_putz(&json, "\":1}");
    buf_putc(&json, 0);
    made = make(&folding, "[]", json.ptr);
    assert_int_equal(made->err, ERR_TOO_BIG);
    done(made);
    made = make(&folding, "[]", "{}");
    assert_int_equal(made->err, ERR_INVAL);
    done(made);
    buf_fini(&json);
}

static void landing_cols_keys_are_checked(void **state UNUSED) {
    struct str good[] = {STR("a"), STR("b.c")}, many[] = {STR("a[*]")}, own[] = {STR("_sluice_x")};
    struct landing_table decl = {STR("t"), good, 2, false};
    assert_int_equal(landing_cols_check_key(&decl, 2), 0);
    assert_int_equal(landing_cols_check_key(&decl, 1), ERR_TOO_BIG);
    decl = (struct landing_table){STR("t"), many, 1, false};
    assert_int_equal(landing_cols_check_key(&decl, 2), ERR_CONFIG);
    decl.key = own;
    assert_int_equal(landing_cols_check_key(&decl, 2), ERR_INVAL);
    assert_int_equal(landing_cols_check_name(STR("abc"), 2), ERR_INVAL);
}

/* ---- rows ---- */

static bool place(void *arg, size_t at, const struct json_value *value) {
    char *text = arg;
    size_t len = strlen(text);
    snprintf(text + len, 200 - len, "%zu=%.*s ", at, value->raw.ptr ? (int)value->raw.len : 4,
             value->raw.ptr ? value->raw.ptr : "null");
    return true;
}

static void landing_row_reads_members_and_paths(void **state UNUSED) {
    static struct landing_col col[3];
    struct landing_cols cols;
    struct landing_row row;
    char text[200] = "";
    landing_cols_init(&cols, STR("t"));
    assert_int_equal(landing_cols_set_meta(&cols, STR("[\"b.c\"]"),
                                           STR("STRUCT<a: BIGINT, b: STRUCT<c: STRING>>")), 0);
    cols.is_there = true;
    cols.col = col, cols.col_cnt = 3;
    col[0].name = STR("b.c"), col[1].name = STR("a"), col[2].name = STR("b");
    assert_int_equal(landing_cols_set_col(&cols, &col[0], STR_NULL, STR("b.c")), 0);
    assert_int_equal(landing_cols_set_col(&cols, &col[1], STR_NULL, STR_NULL), 0);
    assert_int_equal(landing_cols_set_col(&cols, &col[2], STR_NULL, STR_NULL), 0);
    assert_int_equal(landing_cols_link(&cols), 0);
    landing_row_init(&row, &cols, place, text);
    landing_row_shape(&row);
    assert_int_equal(landing_row_read(&row, STR("{\"b\":{\"c\":\"x\"},\"\\u0061\":1}")), 0);
    assert_string_equal(text, "2={\"c\":\"x\"} 1=1 0=\"x\" ");
    assert_true(str_eqz(landing_row_key(&row), "x"));
    assert_int_equal(landing_row_read(&row, STR("{\"b\":{\"c\":\"x\"},\"a\":1.5}")), 1);
    assert_int_equal(landing_row_read(&row, STR("{\"b\":{\"c\":\"x\"},\"d\":1}")), 1);
    assert_int_equal(landing_row_read(&row, STR("{\"b\":{\"c\":null}}")), ERR_INVAL);
    assert_int_equal(landing_row_read(&row, STR("{\"a\":1}")), ERR_INVAL);
    landing_row_fini(&row);
    landing_cols_fini(&cols);
}

static void landing_row_numbers_are_exact_or_not(void **state UNUSED) {
    assert_true(landing_row_exact(STR("0.1"), 0.1));
    assert_true(landing_row_exact(STR("1234567890123456.0"), 1234567890123456.0));
    assert_false(landing_row_exact(STR("0.10000000000000000001"), 0.1));
    assert_false(landing_row_exact(STR("1e-310"), 1e-310));
    assert_false(landing_row_exact(STR("1e999"), HUGE_VAL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(landing_cols_names_are_members),
        cmocka_unit_test(landing_cols_long_names_are_cut_and_stay_apart),
        cmocka_unit_test(landing_cols_case_counts_where_it_counts),
        cmocka_unit_test(landing_cols_key_paths_come_first),
        cmocka_unit_test(landing_cols_limits_hold),
        cmocka_unit_test(landing_cols_keys_are_checked),
        cmocka_unit_test(landing_row_reads_members_and_paths),
        cmocka_unit_test(landing_row_numbers_are_exact_or_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
