/* sql_fuzz.c - any bytes as a query: parsed and checked against a fixed schema; what is sound is
 * run over a row of NULLs and two of zeros. */
#include <stddef.h>
#include <stdint.h>

#include "base/env.h"
#include "stream/op/cast.h"
#include "stream/op/exec.h"
#include "stream/plan/plan.h"

#define SOURCE                                                                                    \
    "STRUCT<i: INT, l: BIGINT, d: DOUBLE, s: STRING, b: BOOLEAN, x: BINARY, t: TIMESTAMP, y: "     \
    "DATE, n: DECIMAL(10,2), a: ARRAY<STRING>, m: MAP<STRING, BIGINT>, r: STRUCT<p: STRING, q: "   \
    "ARRAY<STRUCT<z: INT>>>>"
#define ROWS 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Row 0 all NULL, rows 1 and 2 the zero of each type. */
static struct vec *column(struct arena *arena, const struct type *type, uint32_t cnt) {
    struct vec *vec = batch_vec(arena, type, cnt);
    if (type->kind == TYPE_ARRAY || type->kind == TYPE_MAP) {
        bool map = type->kind == TYPE_MAP;
        for (uint32_t i = 0; i <= cnt; i++) vec->off[i] = i;
        vec->kid[0] = column(arena, map ? type->key : type->item, cnt);
        if (map) vec->kid[1] = column(arena, type->item, cnt);
    }
    for (uint32_t i = 0; type->kind == TYPE_STRUCT && i < type->field_cnt; i++)
        vec->kid[i] = column(arena, type->field[i].type, cnt);
    bool text = type->kind == TYPE_STRING || type->kind == TYPE_BINARY;
    for (uint32_t i = 0; text && i < cnt; i++) vec->str[i] = STR("");
    batch_set_null(vec, arena, 0);
    return vec;
}

static void run(const struct plan *plan, struct arena *arena) {
    struct vec *row = column(arena, plan->want, ROWS);
    struct exec exec;
    struct buf text;
    const struct vec *vec;
    buf_init(&text, 1 * MIB);
    exec_init(&exec, arena, (const struct vec *const *)row->kid, ROWS);
    exec.ctx.env = env_real();
    exec.ctx.now_us = 1700000000000000;
    if (plan->where && exec_eval(&exec, plan->where, &vec)) return;
    for (uint32_t i = 0; i < plan->output_cnt; i++) {
        if (exec_eval(&exec, plan->output[i].expr, &vec)) break;
        for (uint32_t at = 0; at < ROWS; at++) cast_text(vec, at, &text);
    }
    buf_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct arena arena = ARENA_INIT;
    const struct type *source;
    struct stream_errors errors;
    struct plan plan;
    if (len > 8192) return 0;
    struct stream_query query = {{(const char *)data, len}, NULL, 0};
    CHECK(type_parse(STR(SOURCE), &arena, &source) == 0);
    int err = plan_make(&plan, &query, source, &arena, &errors);
    CHECK((err == 0) == (errors.cnt == 0));
    for (size_t i = 0; i < errors.cnt; i++) CHECK(errors.error[i].line && errors.error[i].col);
    if (!err) run(&plan, &arena);
    if (!err) plan_fini(&plan);
    arena_fini(&arena);
    return 0;
}
