/* sql_expr_test.c - expressions against what Spark answers for them: test/sql/[a-z]*.test. */
#include "base/env.h"
#include "stream/op/cast.h"
#include "stream/op/exec.h"
#include "stream/plan/plan.h"
#include "support/unit.h"

#define FILE_MAX (8 * MIB)

/* type TAB value, or "! TAB class": what the expression comes to. */
static void answer(struct str text, struct arena *arena, struct buf *out) {
    struct plan plan;
    struct expr *expr;
    struct stream_errors errors;
    struct exec exec;
    const struct vec *vec = NULL;
    buf_reset(out);
    if (plan_expr(&plan, text, NULL, arena, &expr, &errors)) {
        buf_putz(out, "!\t");
        return;
    }
    exec_init(&exec, arena, NULL, 1);
    exec.ctx.env = env_real();
    exec.ctx.now_us = env_now_us(env_real());
    int err = exec_eval(&exec, expr, &vec);
    if (err || exec.ctx.failed) {
        struct str rest, why = exec.ctx.failed ? exec.ctx.why[0] : str_of(err_note());
        struct str class = str_cut(why, ']', &rest);
        if (class.len) class.ptr++, class.len--;
        buf_printf(out, "!\t%.*s", STR_ARG(class));
    } else {
        type_format(expr->type, out);
        bool null = vec->type->kind == TYPE_NULL || vec_null(vec, 0);
        buf_putz(out, null ? "\tNULL" : "\t=");
        if (!null) cast_text(vec, 0, out);
    }
    plan_fini(&plan);
}

static size_t run_file(const char *path) {
    char *text;
    size_t len, wrong = 0, cnt = 0;
    struct buf got;
    buf_init(&got, FILE_MAX);
    assert_int_equal(env_read_whole(env_real(), path, FILE_MAX, &text, &len), 0);
    struct str left = {text, len};
    while (left.len) {
        struct str want, line = str_cut(left, '\n', &left);
        if (!line.len || line.ptr[0] == '#') continue;
        struct arena arena = ARENA_INIT;
        struct str expr = str_cut(line, '\t', &want);
        answer(expr, &arena, &got);
        cnt++;
        if (!str_eq(buf_str(&got), want)) {
            wrong++;
            print_error("%s: %.*s\n  wanted %.*s\n  got    %.*s\n", path, STR_ARG(expr),
                        STR_ARG(want), STR_ARG(buf_str(&got)));
        }
        arena_fini(&arena);
    }
    assert_true(cnt > 0);
    base_free(text);
    buf_fini(&got);
    return wrong;
}

static void operators_and_casts_answer_as_spark(void **state) {
    (void)state;
    assert_int_equal(run_file("test/sql/operators.test"), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operators_and_casts_answer_as_spark),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
