/* fn_like.c - LIKE and ILIKE: % is any text, _ any character, an escape makes them plain.
 *
 * The pattern is read into steps, once when it is constant; the usual ones, with % at the ends
 * only, become a comparison. Matching goes back to the last % only, so it is never more than the
 * text times the pattern. */
#include "stream/op/chars.h"
#include "stream/op/fn_case.h"
#include "stream/op/func_table.h"

#define STEP_MAX 65536

enum { ANY_TEXT = 0x110000, ANY_CHAR = 0x110001 }; /* beyond all code points */

struct like {
    uint32_t *step; /* a code point, ANY_TEXT, ANY_CHAR */
    uint32_t cnt;
    struct str plain; /* without the % at its ends; ptr NULL: there are other ones, or _ */
    bool head, tail;  /* a % before, after */
};

/* What is wrong with a pattern, or NULL. */
static const char *like_read(struct like *like, struct str pattern, uint32_t escape,
                             struct arena *arena) {
    if (pattern.len > STEP_MAX) return "the pattern is too long";
    like->step = arena_alloc(arena, (pattern.len + 1) * sizeof *like->step);
    like->cnt = 0;
    char *plain = arena_bytes(arena, pattern.len + 1);
    size_t plain_len = 0, inner = 0;
    for (size_t at = 0, len; at < pattern.len; at += len) {
        uint32_t code = chars_code(pattern, at, &len);
        bool special = code == '%' || code == '_';
        if (code == escape) {
            at += len;
            if (at == pattern.len)
                return "[INVALID_FORMAT.ESC_AT_THE_END] the escape stands at the pattern's end";
            code = chars_code(pattern, at, &len);
            if (code != '%' && code != '_' && code != escape)
                return "[INVALID_FORMAT.ESC_IN_THE_MIDDLE] the escape stands before a character "
                       "that needs none";
            special = false;
        }
        if (special) {
            inner += code == '_' || (at > 0 && at + len < pattern.len);
            like->step[like->cnt++] = code == '%' ? ANY_TEXT : ANY_CHAR;
        } else {
            memcpy(plain + plain_len, pattern.ptr + at, len);
            plain_len += len;
            like->step[like->cnt++] = code;
        }
    }
    like->head = like->cnt && like->step[0] == ANY_TEXT;
    like->tail = like->cnt && like->step[like->cnt - 1] == ANY_TEXT;
    like->plain = inner ? STR_NULL : (struct str){plain, plain_len};
    return NULL;
}

static bool plain_match(const struct like *like, struct str text) {
    struct str plain = like->plain;
    if (like->head && like->tail) return chars_find(text, plain, 0) != SIZE_MAX;
    if (like->head) return str_ends(text, plain);
    return like->tail ? str_starts(text, plain) : str_eq(text, plain);
}

static bool like_match(const struct like *like, struct str text) {
    if (like->plain.ptr && (like->cnt > 1 || !like->head)) return plain_match(like, text);
    size_t at = 0, len, back_at = SIZE_MAX;
    uint32_t step = 0, back_step = 0;
    while (at < text.len) {
        uint32_t wanted = step < like->cnt ? like->step[step] : UINT32_MAX;
        if (wanted == ANY_TEXT) {
            back_at = at;
            back_step = ++step;
            continue;
        }
        uint32_t code = chars_code(text, at, &len);
        if (wanted == ANY_CHAR || wanted == code) {
            at += len;
            step++;
        } else if (back_at != SIZE_MAX) {
            back_at += chars_len(text, back_at);
            at = back_at;
            step = back_step;
        } else {
            return false;
        }
    }
    while (step < like->cnt && like->step[step] == ANY_TEXT) step++;
    return step == like->cnt;
}

/* ---- calls ---- */

static int bind_like(struct func_call *call) {
    const struct vec *pattern = func_const(call, 1);
    const struct vec *escape = func_const(call, 2);
    bool lower = call->func->name[0] == 'i';
    if (!pattern || lower || (call->arg_cnt > 2 && !escape)) return 0;
    struct like *like = arena_new(call->arena, struct like);
    size_t len = 1;
    uint32_t mark = escape && escape->str[0].len ? chars_code(escape->str[0], 0, &len) : '\\';
    if (escape && escape->str[0].len != len) return 0; /* eval marks each row */
    const char *why = like_read(like, pattern->str[0], mark, call->arena);
    if (!why) call->state = like;
    return 0;
}

static const struct like *row_like(struct func_ctx *ctx, const struct vec *const *arg,
                                   uint32_t row, bool lower, struct like *room) {
    struct str escape = ctx->arg_cnt > 2 ? func_str(arg[2], row) : STR("\\");
    struct str pattern = func_str(arg[1], row);
    size_t len = 0;
    uint32_t mark = escape.len ? chars_code(escape, 0, &len) : 0;
    const char *why = "the escape is one character";
    if (lower) pattern = fn_case_lower(ctx, row, pattern);
    if (escape.len && len == escape.len) why = like_read(room, pattern, mark, ctx->arena);
    if (!why) return room;
    func_error(ctx, row, "%s", why);
    return NULL;
}

EVAL(eval_like) {
    struct like room;
    FUNC_EACH(ctx, row) {
        const struct like *like = state ? state : row_like(ctx, arg, row, false, &room);
        out->b[row] = like && like_match(like, func_str(arg[0], row));
    }
    return 0;
}

EVAL(eval_ilike) {
    struct like room;
    const struct like *like = NULL;
    bool constant = !arg[1]->stride && (ctx->arg_cnt < 3 || !arg[2]->stride);
    FUNC_EACH(ctx, row) {
        if (!like || !constant) like = row_like(ctx, arg, row, true, &room);
        out->b[row] = like && like_match(like, fn_case_lower(ctx, row, func_str(arg[0], row)));
    }
    return 0;
}

const struct func fn_like[] = {
    {"like", "sss?:b", eval_like, 0, NULL, bind_like},
    {"ilike", "sss?:b", eval_ilike, 0, NULL, bind_like},
    {NULL, NULL, NULL, 0, NULL, NULL},
};
