/* fn_session.c - functions of no argument: the batch's time, and values new on every row. */
#include "base/uuid.h"
#include "model/when.h"
#include "stream/op/func_table.h"

static int eval_now(void *state UNUSED, struct func_ctx *ctx, const struct vec *const *arg UNUSED,
                    struct vec *out) {
    FUNC_EACH(ctx, row) out->i64[row] = ctx->now_us;
    return 0;
}

static int eval_today(void *state UNUSED, struct func_ctx *ctx,
                      const struct vec *const *arg UNUSED, struct vec *out) {
    int64_t day = when_floor_day(ctx->now_us, NULL);
    FUNC_EACH(ctx, row) out->i32[row] = (int32_t)day;
    return 0;
}

static int eval_zone(void *state UNUSED, struct func_ctx *ctx, const struct vec *const *arg UNUSED,
                     struct vec *out) {
    FUNC_EACH(ctx, row) out->str[row] = STR("UTC");
    return 0;
}

static int eval_uuid(void *state UNUSED, struct func_ctx *ctx, const struct vec *const *arg UNUSED,
                     struct vec *out) {
    FUNC_EACH(ctx, row) {
        char *text = func_room(ctx, row, UUID_TEXT_LEN + 1);
        if (!text) continue;
        struct uuid id = uuid_random(ctx->env);
        uuid_format(&id, text);
        out->str[row] = (struct str){text, UUID_TEXT_LEN};
    }
    return 0;
}

static int eval_rand(void *state UNUSED, struct func_ctx *ctx, const struct vec *const *arg UNUSED,
                     struct vec *out) {
    FUNC_EACH(ctx, row) out->f64[row] = (double)(env_random_u64(ctx->env) >> 11) * 0x1p-53;
    return 0;
}

const struct func fn_session[] = {
    {"current_timestamp", ":T", eval_now, FUNC_VOLATILE, NULL, NULL},
    {"now", ":T", eval_now, FUNC_VOLATILE, NULL, NULL},
    {"localtimestamp", ":W", eval_now, FUNC_VOLATILE, NULL, NULL},
    {"current_date", ":D", eval_today, FUNC_VOLATILE, NULL, NULL},
    {"curdate", ":D", eval_today, FUNC_VOLATILE, NULL, NULL},
    {"current_timezone", ":s", eval_zone, 0, NULL, NULL},
    {"uuid", ":s", eval_uuid, FUNC_VOLATILE, NULL, NULL},
    {"rand", ":d", eval_rand, FUNC_VOLATILE, NULL, NULL},
    {"random", ":d", eval_rand, FUNC_VOLATILE, NULL, NULL},
    {NULL, NULL, NULL, 0, NULL, NULL},
};
