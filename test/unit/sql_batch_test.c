/* sql_batch_test.c - functions over batches: a row's answer does not depend on its neighbours, and
 * hostile patterns end. */
#include "base/env.h"
#include "base/err.h"
#include "stream/op/cast.h"
#include "stream/op/exec.h"
#include "stream/plan/plan.h"
#include "support/unit.h"
#include "wire/json/jsonbatch.h"

#define ROWS_MAX 16
#define COPIES   40
#define FILE_MAX (8 * MIB)

/* The rows of test/sql/functions/columns.test, and what each expression gives for each. */
struct table {
    char *text;
    const struct type *type;
    struct str row[ROWS_MAX];
    uint32_t rows;
    struct arena arena;
};

static void table_read(struct table *table) {
    size_t len;
    memset(table, 0, sizeof *table);
    assert_int_equal(env_read_whole(env_real(), "test/sql/functions/columns.test", FILE_MAX,
                                    &table->text, &len), 0);
    struct str left = {table->text, len};
    while (left.len) {
        struct str line = str_cut(left, '\n', &left);
        if (str_starts(line, STR("row: ")))
            table->row[table->rows++] = (struct str){line.ptr + 5, line.len - 5};
        if (str_starts(line, STR("schema: "))) {
            struct str ddl = {line.ptr + 8, line.len - 8};
            assert_int_equal(type_parse(ddl, &table->arena, &table->type), 0);
        }
    }
    assert_true(table->rows > 2 && table->type);
}

static void table_free(struct table *table) {
    arena_fini(&table->arena);
    base_free(table->text);
}

/* "!" and the reason, NULL, or the value's text. */
static void put_answer(const struct exec *exec, const struct vec *vec, uint32_t row,
                       struct buf *out) {
    if (exec->ctx.failed && exec->ctx.failed[row])
        buf_printf(out, "!%.*s", STR_ARG(exec->ctx.why[row]));
    else if (vec->type->kind == TYPE_NULL || vec_null(vec, row)) buf_putz(out, "NULL");
    else cast_text(vec, row, out);
}

/* The expression over all rows, COPIES times each, every third of them left out when `sparse`. */
static void run(const struct table *table, struct expr *expr, bool sparse, uint32_t copies,
                struct buf *answer) {
    struct arena arena = ARENA_INIT;
    struct jsonbatch *jb;
    struct jsonbatch_out got;
    struct exec exec;
    const struct vec *vec;
    uint32_t cnt = table->rows * copies, live = 0;
    struct str *record = arena_array(&arena, struct str, cnt);
    uint32_t *sel = arena_array(&arena, uint32_t, cnt);
    for (uint32_t i = 0; i < cnt; i++) record[i] = table->row[i % table->rows];
    for (uint32_t i = 0; i < cnt; i++)
        if (i % 3) sel[live++] = i;
    assert_int_equal(jsonbatch_new(&jb, table->type, 0), 0);
    assert_int_equal(jsonbatch_decode(jb, record, cnt, &arena, &got), 0);
    exec_init(&exec, &arena, (const struct vec *const *)got.vec->kid, cnt);
    exec.ctx.env = env_real();
    if (sparse) exec_select(&exec, sel, live);
    assert_int_equal(exec_eval(&exec, expr, &vec), 0);
    for (uint32_t i = 0; i < (sparse ? live : cnt); i++) {
        uint32_t row = sparse ? sel[i] : i;
        struct buf one;
        buf_init(&one, MIB);
        put_answer(&exec, vec, row, &one);
        struct buf *want = &answer[row % table->rows];
        if (copies == 1) buf_puts(want, buf_str(&one));
        else if (!str_eq(buf_str(want), buf_str(&one)))
            fail_msg("row %u: '%.*s' alone, '%.*s' among others", row, STR_ARG(buf_str(want)),
                     STR_ARG(buf_str(&one)));
        buf_fini(&one);
    }
    jsonbatch_free(jb);
    arena_fini(&arena);
}

static void check_expression(const struct table *table, struct str text) {
    struct arena arena = ARENA_INIT;
    struct plan plan;
    struct expr *expr;
    struct stream_errors errors;
    struct buf answer[ROWS_MAX];
    if (plan_expr(&plan, text, table->type, &arena, &expr, &errors))
        fail_msg("%.*s is refused", STR_ARG(text));
    for (uint32_t i = 0; i < table->rows; i++) {
        struct table one = *table;
        one.row[0] = table->row[i];
        one.rows = 1;
        buf_init(&answer[i], MIB);
        run(&one, expr, false, 1, &answer[i]);
    }
    print_message("# %.*s\n", STR_ARG(text));
    run(table, expr, false, COPIES, answer);
    run(table, expr, true, COPIES, answer);
    for (uint32_t i = 0; i < table->rows; i++) buf_fini(&answer[i]);
    plan_fini(&plan);
    arena_fini(&arena);
}

static void functions_answer_the_same_in_any_batch(void **state UNUSED) {
    struct table table;
    table_read(&table);
    struct str left = str_of(table.text);
    uint32_t row = 0, cnt = 0;
    while (left.len && row < 2) {
        struct str rest, line = str_cut(left, '\n', &left);
        row += str_starts(line, STR("row: "));
        if (row != 1 || str_starts(line, STR("row: ")) || !line.len) continue;
        check_expression(&table, str_cut(line, '\t', &rest));
        cnt++;
    }
    assert_true(cnt > 100);
    table_free(&table);
}

/* ---- hostile patterns ---- */

static void regex_that_explodes_marks_its_row_and_ends(void **state UNUSED) {
    struct arena arena = ARENA_INIT;
    struct plan plan;
    struct expr *expr;
    struct stream_errors errors;
    struct exec exec;
    const struct vec *got;
    const struct field field = {STR("s"), type_of(TYPE_STRING), true};
    const struct type *row = type_struct(&arena, &field, 1);
    uint32_t cnt = 64;
    struct vec *s = batch_vec(&arena, type_of(TYPE_STRING), cnt);
    size_t len = 100 * KIB;
    char *text = arena_bytes(&arena, len);
    memset(text, 'a', len);
    text[len - 1] = '!';
    for (uint32_t i = 0; i < cnt; i++) s->str[i] = i % 2 ? (struct str){text, len} : STR("aaa");
    assert_int_equal(plan_expr(&plan, STR("s rlike '^(a+)+$'"), row, &arena, &expr, &errors), 0);
    exec_init(&exec, &arena, (const struct vec *const *)&s, cnt);
    int64_t from = env_mono_us(env_real());
    assert_int_equal(exec_eval(&exec, expr, &got), 0);
    int64_t took = env_mono_us(env_real()) - from;
    assert_non_null(exec.ctx.failed);
    for (uint32_t i = 0; i < cnt; i++) {
        assert_int_equal(exec.ctx.failed[i], i % 2);
        if (i % 2 == 0) assert_true(func_bool(got, i));
    }
    assert_non_null(strstr(exec.ctx.why[1].ptr, "too many steps"));
    print_message("# took %d ms\n", (int)(took / 1000));
    assert_true(took < 10 * 1000000);
    plan_fini(&plan);
    arena_fini(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_answer_the_same_in_any_batch),
        cmocka_unit_test(regex_that_explodes_marks_its_row_and_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
