/* fn_datefmt.c - date_format(), to_timestamp() and the others that take a datetime pattern. */
#include "stream/op/chars.h"
#include "stream/op/func_table.h"
#include "stream/op/moment.h"
#include "stream/op/timefmt.h"

/* The pattern of a call: compiled while planning when constant, else the last one met is kept. */
struct pattern {
    uint32_t arg;
    bool reading;
    const struct timefmt *fixed;
    struct arena arena;
    char *text;
    size_t len;
    const struct timefmt *last;
};

static void pattern_free(void *of) {
    struct pattern *pattern = of;
    arena_fini(&pattern->arena);
    base_free(pattern->text);
    base_free(pattern);
}

static int bind_at(struct func_call *call, uint32_t arg) {
    struct pattern *pattern = base_calloc(1, sizeof *pattern);
    pattern->arg = arg;
    pattern->reading = call->type->kind != TYPE_STRING;
    call->state = pattern;
    call->fini = pattern_free;
    const struct vec *text = func_const(call, arg);
    bool good = !text || !timefmt_compile(text->str[0], pattern->reading, &pattern->arena,
                                          &pattern->fixed);
    if (good) return 0;
    pattern_free(pattern);
    call->state = NULL;
    call->fini = NULL;
    return func_wrong(call, arg, "%s", err_note());
}

static int bind_pattern(struct func_call *call) {
    return bind_at(call, 1);
}

static const struct timefmt *pattern_of(struct pattern *pattern, struct func_ctx *ctx,
                                        const struct vec *const *arg, uint32_t row) {
    if (pattern->fixed) return pattern->fixed;
    struct str text = func_str(arg[pattern->arg], row);
    if (pattern->last && str_eq(text, (struct str){pattern->text, pattern->len}))
        return pattern->last;
    arena_reset(&pattern->arena);
    pattern->last = NULL;
    const struct timefmt *fmt;
    if (timefmt_compile(text, pattern->reading, &pattern->arena, &fmt)) {
        func_error(ctx, row, "[INVALID_DATETIME_PATTERN] %s", err_note());
        return NULL;
    }
    base_free(pattern->text);
    pattern->text = base_alloc(text.len + 1);
    memcpy(pattern->text, text.ptr, text.len);
    pattern->len = text.len;
    return pattern->last = fmt;
}

/* ---- writing ---- */

static void write_row(struct func_ctx *ctx, uint32_t row, const struct timefmt *fmt, int64_t us,
                      struct vec *out) {
    struct buf buf;
    buf_init(&buf, FUNC_TEXT_MAX);
    if (fmt) timefmt_write(fmt, us, &buf);
    else when_put_timestamp(us, &buf);
    char *to = func_room(ctx, row, buf.len);
    if (to) {
        if (buf.len) memcpy(to, buf.ptr, buf.len);
        out->str[row] = (struct str){to, buf.len};
    }
    buf_fini(&buf);
}

EVAL(eval_date_format) {
    FUNC_EACH(ctx, row) {
        const struct timefmt *fmt = pattern_of(state, ctx, arg, row);
        if (fmt) write_row(ctx, row, fmt, func_i64(arg[0], row), out);
    }
    return 0;
}

/* Seconds since 1970, by 'yyyy-MM-dd HH:mm:ss' when there is no pattern. */
EVAL(eval_from_unixtime) {
    FUNC_EACH(ctx, row) {
        const struct timefmt *fmt = ctx->arg_cnt > 1 ? pattern_of(state, ctx, arg, row) : NULL;
        if (ctx->arg_cnt > 1 && !fmt) continue;
        /* wraps, as Spark's */
        int64_t us = (int64_t)((uint64_t)func_i64(arg[0], row) * (uint64_t)WHEN_SEC);
        if (!fmt) us = moment_floor(us, WHEN_SEC) * WHEN_SEC;
        write_row(ctx, row, fmt, us, out);
    }
    return 0;
}

/* ---- reading ---- */

/* The moment a row's text names; false: its row is marked. */
static bool read_row(struct pattern *pattern, struct func_ctx *ctx, const struct vec *const *arg,
                     uint32_t row, int64_t *us) {
    struct str text = func_str(arg[0], row);
    const struct timefmt *fmt = NULL;
    bool good;
    if (pattern && ctx->arg_cnt > 1) {
        fmt = pattern_of(pattern, ctx, arg, row);
        if (!fmt) return false;
        good = timefmt_read(fmt, text, us);
    } else {
        good = moment_read(text, ctx->now_us, us);
    }
    if (!good)
        func_error(ctx, row, "[CANNOT_PARSE_TIMESTAMP] '%.*s' is not of the wanted form; "
                   "try_to_timestamp makes it NULL", (int)MIN(text.len, (size_t)100), text.ptr);
    return good;
}

EVAL(eval_to_timestamp) {
    FUNC_EACH(ctx, row) {
        int64_t us;
        if (read_row(state, ctx, arg, row, &us)) out->i64[row] = us;
    }
    return 0;
}

EVAL(eval_to_date) {
    FUNC_EACH(ctx, row) {
        int64_t us;
        if (read_row(state, ctx, arg, row, &us))
            out->i32[row] = (int32_t)when_floor_day(us, NULL);
    }
    return 0;
}

/* ---- of what is a moment already ---- */

EVAL(eval_same) {
    FUNC_EACH(ctx, row) out->i64[row] = func_i64(arg[0], row);
    return 0;
}
EVAL(eval_same_day) {
    FUNC_EACH(ctx, row) out->i32[row] = func_i32(arg[0], row);
    return 0;
}
EVAL(eval_unix_of) {
    FUNC_EACH(ctx, row) out->i64[row] = func_i64(arg[0], row) / WHEN_SEC;
    return 0;
}
EVAL(eval_unix_now) {
    FUNC_EACH(ctx, row) out->i64[row] = moment_floor(ctx->now_us, WHEN_SEC);
    return 0;
}

static int bind_default(struct func_call *call) {
    static const char form[] = "yyyy-MM-dd HH:mm:ss";
    if (call->arg_cnt > 1) return bind_at(call, 1);
    struct pattern *pattern = base_calloc(1, sizeof *pattern);
    call->state = pattern;
    call->fini = pattern_free;
    return timefmt_compile((struct str){form, sizeof form - 1}, true, &pattern->arena,
                           &pattern->fixed);
}

/* unix_timestamp(text) has a pattern even when none is written. */
EVAL(eval_to_unix_form) {
    FUNC_EACH(ctx, row) {
        int64_t us;
        struct str text = func_str(arg[0], row);
        const struct timefmt *fmt = pattern_of(state, ctx, arg, row);
        if (!fmt) continue;
        if (timefmt_read(fmt, text, &us)) out->i64[row] = us / WHEN_SEC;
        else
            func_error(ctx, row, "[CANNOT_PARSE_TIMESTAMP] '%.*s' is not of the wanted form",
                       (int)MIN(text.len, (size_t)100), text.ptr);
    }
    return 0;
}

const struct func fn_datefmt[] = {
    {"date_format", "Ts:s", eval_date_format, 0, NULL, bind_pattern},
    {"from_unixtime", "l:s", eval_from_unixtime, 0, NULL, NULL},
    {"from_unixtime", "ls:s", eval_from_unixtime, 0, NULL, bind_pattern},
    {"to_timestamp", "T:T", eval_same, 0, NULL, NULL},
    {"to_timestamp", "Ts:T", eval_same, 0, NULL, NULL},
    {"to_timestamp", "ss:T", eval_to_timestamp, 0, NULL, bind_pattern},
    {"try_to_timestamp", "s:T", eval_to_timestamp, FUNC_TRY, NULL, NULL},
    {"try_to_timestamp", "ss:T", eval_to_timestamp, FUNC_TRY, NULL, bind_pattern},
    {"to_date", "D:D", eval_same_day, 0, NULL, NULL},
    {"to_date", "Ds:D", eval_same_day, 0, NULL, NULL},
    {"to_date", "ss:D", eval_to_date, 0, NULL, bind_pattern},
    {"try_to_date", "s:D", eval_to_date, FUNC_TRY, NULL, NULL},
    {"try_to_date", "ss:D", eval_to_date, FUNC_TRY, NULL, bind_pattern},
    {"unix_timestamp", ":l", eval_unix_now, FUNC_VOLATILE, NULL, NULL},
    {"unix_timestamp", "Ts?:l", eval_unix_of, 0, NULL, NULL},
    {"unix_timestamp", "ss?:l", eval_to_unix_form, 0, NULL, bind_default},
    {"to_unix_timestamp", "Ts?:l", eval_unix_of, 0, NULL, NULL},
    {"to_unix_timestamp", "ss?:l", eval_to_unix_form, 0, NULL, bind_default},
    {NULL, NULL, NULL, 0, NULL, NULL},
};
