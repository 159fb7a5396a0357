/* fn_misc.c - typeof, assert_true, raise_error, version; soundex and levenshtein. */
#include "stream/op/chars.h"
#include "stream/op/func_table.h"

/* ---- typeof ---- */

static void put_type(const struct type *type, struct buf *out) {
    if (type->kind == TYPE_STRUCT) {
        buf_putz(out, "struct<");
        for (uint32_t i = 0; i < type->field_cnt; i++) {
            buf_printf(out, "%s%.*s:", i ? "," : "", STR_ARG(type->field[i].name));
            put_type(type->field[i].type, out);
        }
        buf_putc(out, '>');
    } else if (type->kind == TYPE_ARRAY || type->kind == TYPE_MAP) {
        buf_putz(out, type->kind == TYPE_MAP ? "map<" : "array<");
        if (type->kind == TYPE_MAP) {
            put_type(type->key, out);
            buf_putc(out, ',');
        }
        put_type(type->item, out);
        buf_putc(out, '>');
    } else {
        for (const char *c = type_name(type->kind); *c; c++)
            buf_putc(out, *c >= 'A' && *c <= 'Z' ? (char)(*c | 0x20) : *c);
        if (type->kind == TYPE_DECIMAL) buf_printf(out, "(%d,%d)", type->precision, type->scale);
    }
}

static int bind_typeof(struct func_call *call) {
    struct str *name = arena_new(call->arena, struct str);
    struct buf buf;
    buf_init(&buf, MIB);
    put_type(call->arg[0].type, &buf);
    *name = arena_str(call->arena, buf_str(&buf));
    buf_fini(&buf);
    call->state = name;
    return 0;
}

EVAL(eval_typeof) {
    FUNC_EACH(ctx, row) out->str[row] = *(struct str *)state;
    return 0;
}

/* ---- errors on purpose ---- */

static int types_void(struct func_call *call) {
    call->type = type_of(TYPE_NULL);
    return 0;
}

EVAL(eval_assert_true) {
    FUNC_EACH(ctx, row) {
        func_null(ctx, out, row);
        if (!vec_null(arg[0], row) && func_bool(arg[0], row)) continue;
        bool said = ctx->arg_cnt > 1 && !vec_null(arg[1], row);
        struct str why = said ? func_str(arg[1], row) : STR("the condition is not true");
        func_error(ctx, row, "[USER_RAISED_EXCEPTION] %.*s", STR_ARG(why));
    }
    return 0;
}

EVAL(eval_raise_error) {
    FUNC_EACH(ctx, row) {
        struct str why = vec_null(arg[0], row) ? STR("null") : func_str(arg[0], row);
        func_null(ctx, out, row);
        func_error(ctx, row, "[USER_RAISED_EXCEPTION] %.*s", STR_ARG(why));
    }
    return 0;
}

/* Ours, not Spark's. */
EVAL(eval_version) {
    FUNC_EACH(ctx, row) out->str[row] = STR("sluice " SLUICE_VERSION);
    return 0;
}

/* ---- sounds and distances ---- */

/* Spark's: the first letter and three digits; a text that does not begin with a letter stays. */
static struct str soundex(struct str text, char to[4]) {
    static const char digit[] = "01230120022455012623010202"; /* A..Z; 0: a vowel, H and W pass */
    size_t len = 0;
    char last = 0;
    for (size_t i = 0; i < text.len && len < 4; i++) {
        char c = (char)(text.ptr[i] & ~0x20);
        if (!((text.ptr[i] | 0x20) >= 'a' && (text.ptr[i] | 0x20) <= 'z')) {
            if (!len) return text;
            continue;
        }
        char code = digit[c - 'A'];
        if (!len) to[len++] = c;
        else if (code != '0' && code != last) to[len++] = code;
        if (c != 'H' && c != 'W') last = code;
    }
    if (!len) return text;
    while (len < 4) to[len++] = '0';
    return (struct str){to, 4};
}

EVAL(eval_soundex) {
    FUNC_EACH(ctx, row) {
        char *to = func_room(ctx, row, 4);
        if (to) out->str[row] = soundex(func_str(arg[0], row), to);
    }
    return 0;
}

#define DISTANCE_MAX ((size_t)16 << 20) /* steps for one pair of texts */

static uint32_t *codes(struct arena *arena, struct str text, size_t *cnt) {
    uint32_t *code = arena_alloc(arena, (text.len + 1) * sizeof *code);
    *cnt = 0;
    for (size_t at = 0, len; at < text.len; at += len)
        code[(*cnt)++] = chars_code(text, at, &len);
    return code;
}

static int32_t distance(struct arena *arena, const uint32_t *a, size_t a_cnt, const uint32_t *b,
                        size_t b_cnt) {
    uint32_t *line = arena_alloc(arena, (b_cnt + 1) * sizeof *line);
    for (size_t j = 0; j <= b_cnt; j++) line[j] = (uint32_t)j;
    for (size_t i = 1; i <= a_cnt; i++) {
        uint32_t before = line[0];
        line[0] = (uint32_t)i;
        for (size_t j = 1; j <= b_cnt; j++) {
            uint32_t best = before + (a[i - 1] != b[j - 1]);
            before = line[j];
            best = MIN(best, MIN(line[j], line[j - 1]) + 1);
            line[j] = best;
        }
    }
    return (int32_t)line[b_cnt];
}

/* Over the threshold, where there is one: -1. */
EVAL(eval_levenshtein) {
    FUNC_EACH(ctx, row) {
        size_t a_cnt, b_cnt;
        uint32_t *a = codes(ctx->arena, func_str(arg[0], row), &a_cnt);
        uint32_t *b = codes(ctx->arena, func_str(arg[1], row), &b_cnt);
        if (a_cnt && b_cnt > DISTANCE_MAX / a_cnt) {
            func_error(ctx, row, "texts of %zu and %zu characters are too long for levenshtein()",
                       a_cnt, b_cnt);
            continue;
        }
        out->i32[row] = distance(ctx->arena, a, a_cnt, b, b_cnt);
        if (ctx->arg_cnt > 2 && out->i32[row] > func_i32(arg[2], row)) out->i32[row] = -1;
    }
    return 0;
}

const struct func fn_misc[] = {
    {"typeof", "a:s", eval_typeof, FUNC_NULLS, NULL, bind_typeof},
    {"assert_true", "bs?:-", eval_assert_true, FUNC_NULLS, types_void, NULL},
    {"raise_error", "s:-", eval_raise_error, FUNC_NULLS, types_void, NULL},
    {"version", ":s", eval_version, 0, NULL, NULL},
    {"soundex", "s:s", eval_soundex, 0, NULL, NULL},
    {"levenshtein", "ssi?:i", eval_levenshtein, 0, NULL, NULL},
    {NULL, NULL, NULL, 0, NULL, NULL},
};
