/* sql_expr_test.c - expressions against what Spark answers for them: test/sql/operators.test and
 * test/sql/functions/.
 *
 * A function may refuse constants while planning that Spark refuses while running, and where Spark
 * has no class for an error, ours may say anything. */
#include "base/env.h"
#include "stream/op/cast.h"
#include "stream/op/exec.h"
#include "stream/plan/plan.h"
#include "support/unit.h"
#include "wire/json/jsonbatch.h"

#define FILE_MAX (8 * MIB)

/* The row stands at 0, 2 and 4 of the batch, where all must come to the same; 1 is empty and 3 is
 * not selected. */
static const uint32_t selected[] = {0, 1, 2, 4};

static void put_answer(const struct exec *exec, const struct expr *expr, const struct vec *vec,
                       uint32_t row, struct buf *out) {
    buf_reset(out);
    if (exec->ctx.failed && exec->ctx.failed[row]) {
        struct str rest, class = str_cut(exec->ctx.why[row], ']', &rest);
        if (class.len) class.ptr++, class.len--;
        buf_printf(out, "!\t%.*s", STR_ARG(class));
        return;
    }
    type_format(expr->type, out);
    bool null = vec->type->kind == TYPE_NULL || vec_null(vec, row);
    buf_putz(out, null ? "\tNULL" : "\t=");
    if (!null) cast_text(vec, row, out);
}

/* type TAB value, or "! TAB class": what the expression comes to. */
static void answer(struct str text, const struct type *type, struct str json, struct arena *arena,
                   struct buf *out) {
    struct plan plan;
    struct expr *expr;
    struct stream_errors errors;
    struct exec exec;
    struct jsonbatch *reader;
    struct jsonbatch_out in;
    const struct vec *vec = NULL;
    struct buf again;
    buf_reset(out);
    if (plan_expr(&plan, text, type, arena, &expr, &errors)) {
        buf_putz(out, "!\t");
        return;
    }
    const struct str records[] = {json, STR("{}"), json, STR_NULL, json};
    assert_int_equal(jsonbatch_new(&reader, type, JSONBATCH_CASE), 0);
    assert_int_equal(jsonbatch_decode(reader, records, 5, arena, &in), 0);
    exec_init(&exec, arena, (const struct vec *const *)in.vec->kid, 5);
    exec_select(&exec, selected, ARRAY_LEN(selected));
    exec.ctx.env = env_real();
    exec.ctx.now_us = env_now_us(env_real());
    assert_int_equal(exec_eval(&exec, expr, &vec), 0);
    put_answer(&exec, expr, vec, 0, out);
    buf_init(&again, FILE_MAX);
    for (uint32_t row = 2; row <= 4; row += 2) {
        put_answer(&exec, expr, vec, row, &again);
        if (!str_eq(buf_str(&again), buf_str(out))) buf_putz(out, " but not in every row");
    }
    buf_fini(&again);
    jsonbatch_free(reader);
    plan_fini(&plan);
}

static bool both_refuse(struct str want, struct str got) {
    return str_starts(want, STR("!\t")) && str_starts(got, STR("!\t")) &&
           (want.len == 2 || got.len == 2);
}

static size_t run_file(const char *path, bool functions) {
    char *text;
    size_t len, wrong = 0, cnt = 0;
    struct buf got;
    buf_init(&got, FILE_MAX);
    assert_int_equal(env_read_whole(env_real(), path, FILE_MAX, &text, &len), 0);
    struct str left = {text, len}, json = STR("{}");
    struct arena types = ARENA_INIT;
    const struct type *type = type_struct(&types, NULL, 0);
    while (left.len) {
        struct str want, line = str_cut(left, '\n', &left);
        if (!line.len || line.ptr[0] == '#') continue;
        if (str_starts(line, STR("row: "))) {
            json = (struct str){line.ptr + 5, line.len - 5};
            continue;
        }
        if (str_starts(line, STR("schema: "))) {
            struct str ddl = {line.ptr + 8, line.len - 8};
            assert_int_equal(type_parse(ddl, &types, &type), 0);
            continue;
        }
        struct arena arena = ARENA_INIT;
        struct str expr = str_cut(line, '\t', &want);
        answer(expr, type, json, &arena, &got);
        cnt++;
        bool same = str_eq(buf_str(&got), want);
        if (!same && !(functions && both_refuse(want, buf_str(&got)))) {
            wrong++;
            print_error("%s: %.*s\n  wanted %.*s\n  got    %.*s\n", path, STR_ARG(expr),
                        STR_ARG(want), STR_ARG(buf_str(&got)));
        }
        arena_fini(&arena);
    }
    assert_true(cnt > 0);
    base_free(text);
    arena_fini(&types);
    buf_fini(&got);
    return wrong;
}

static void operators_and_casts_answer_as_spark(void **state) {
    (void)state;
    assert_int_equal(run_file("test/sql/operators.test", false), 0);
}

static void functions_answer_as_spark(void **state) {
    (void)state;
    static const char *const family[] = {"columns", "date", "datefmt", "digest", "format", "json",
                                         "list", "map", "math", "regexp", "string", "url"};
    size_t wrong = 0;
    for (size_t i = 0; i < ARRAY_LEN(family); i++) {
        char path[64];
        snprintf(path, sizeof path, "test/sql/functions/%s.test", family[i]);
        wrong += run_file(path, true);
    }
    assert_int_equal(wrong, 0);
}

static void columns_answer_as_spark(void **state) {
    (void)state;
    assert_int_equal(run_file("test/sql/columns.test", false), 0);
    assert_int_equal(run_file("test/sql/nested.test", false), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operators_and_casts_answer_as_spark),
        cmocka_unit_test(columns_answer_as_spark),
        cmocka_unit_test(functions_answer_as_spark),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
