/* fn_string.c - text: joining, cutting, trimming, padding, finding, replacing.
 *
 * Positions and lengths are characters, from 1; results that are part of an argument are slices of
 * it. */
#include "stream/op/chars.h"
#include "stream/op/func_table.h"
#include "stream/op/take.h"
#include "stream/plan/coerce.h"

static struct str copy_end(struct func_ctx *ctx, uint32_t row, struct str a, struct str b) {
    char *to = func_room(ctx, row, a.len + b.len);
    if (!to) return STR("");
    memcpy(to, a.ptr, a.len);
    memcpy(to + a.len, b.ptr, b.len);
    return (struct str){to, a.len + b.len};
}

/* ---- concat ---- */

EVAL(eval_concat) {
    FUNC_EACH(ctx, row) {
        size_t len = 0;
        for (uint32_t i = 0; i < ctx->arg_cnt; i++) len += func_str(arg[i], row).len;
        char *to = func_room(ctx, row, len);
        if (!to) continue;
        out->str[row] = (struct str){to, len};
        for (uint32_t i = 0; i < ctx->arg_cnt; i++) {
            struct str part = func_str(arg[i], row);
            memcpy(to, part.ptr, part.len);
            to += part.len;
        }
    }
    return 0;
}

static int types_concat_lists(struct func_call *call) {
    const struct type *common = type_of(TYPE_NULL);
    for (uint32_t i = 0; i < call->arg_cnt; i++) {
        common = coerce_common(call->arena, common, call->arg[i].type);
        if (!common) return func_wrong(call, i, "its items are of another type");
    }
    for (uint32_t i = 0; i < call->arg_cnt; i++) call->arg[i].type = common;
    call->type = common->kind == TYPE_NULL ? type_of(TYPE_STRING) : common;
    return 0;
}

/* Arrays end to end. */
EVAL(eval_concat_lists) {
    struct func_list list;
    size_t total = 0;
    FUNC_EACH(ctx, row)
        for (uint32_t i = 0; i < ctx->arg_cnt; i++) {
            uint32_t at = vec_at(arg[i], row);
            total += arg[i]->off[at + 1] - arg[i]->off[at];
        }
    uint8_t *which = arena_alloc(ctx->arena, total);
    uint32_t *from = arena_alloc(ctx->arena, total * sizeof *from), put = 0;
    const struct vec **kids = arena_array(ctx->arena, const struct vec *, ctx->arg_cnt);
    for (uint32_t i = 0; i < ctx->arg_cnt; i++) kids[i] = arg[i]->kid[0];
    func_list_begin(&list, ctx, out);
    FUNC_EACH(ctx, row) {
        func_list_row(&list, row);
        for (uint32_t i = 0; i < ctx->arg_cnt; i++) {
            uint32_t at = vec_at(arg[i], row), end = arg[i]->off[at + 1];
            for (uint32_t item = arg[i]->off[at]; item < end; item++, put++) {
                which[put] = (uint8_t)i;
                from[put] = item;
            }
            func_list_skip(&list, end - arg[i]->off[at]);
        }
    }
    if (put) out->kid[0] = take_rows(ctx->arena, out->type->item, kids, which, from, put);
    func_list_end(&list);
    return 0;
}

static int types_concat_ws(struct func_call *call) {
    for (uint32_t i = 0; i < call->arg_cnt; i++) {
        const struct type *type = call->arg[i].type;
        if (i && type->kind == TYPE_ARRAY)
            call->arg[i].type = type_array(call->arena, type_of(TYPE_STRING));
        else if (type->kind >= TYPE_STRUCT)
            return func_wrong(call, i, "concat_ws takes text and arrays of text");
        else call->arg[i].type = type_of(TYPE_STRING);
    }
    call->type = type_of(TYPE_STRING);
    return 0;
}

struct joined {
    char *to; /* NULL: only counting */
    size_t len;
    struct str sep;
    bool first;
};

static void join(struct joined *joined, struct str part) {
    size_t sep = joined->first ? 0 : joined->sep.len;
    if (joined->to) {
        memcpy(joined->to + joined->len, joined->sep.ptr, sep);
        memcpy(joined->to + joined->len + sep, part.ptr, part.len);
    }
    joined->len += sep + part.len;
    joined->first = false;
}

static void join_row(struct joined *joined, const struct func_ctx *ctx,
                     const struct vec *const *arg, uint32_t row) {
    joined->len = 0;
    joined->first = true;
    for (uint32_t i = 1; i < ctx->arg_cnt; i++) {
        if (vec_null(arg[i], row)) continue;
        if (arg[i]->type->kind != TYPE_ARRAY) {
            join(joined, func_str(arg[i], row));
            continue;
        }
        uint32_t at = vec_at(arg[i], row);
        for (uint32_t item = arg[i]->off[at]; item < arg[i]->off[at + 1]; item++)
            if (!vec_null(arg[i]->kid[0], item)) join(joined, func_str(arg[i]->kid[0], item));
    }
}

/* NULLs are left out; a NULL separator makes NULL. */
EVAL(eval_concat_ws) {
    FUNC_EACH(ctx, row) {
        if (vec_null(arg[0], row)) {
            func_null(ctx, out, row);
            continue;
        }
        struct joined joined = {NULL, 0, func_str(arg[0], row), true};
        join_row(&joined, ctx, arg, row);
        joined.to = func_room(ctx, row, joined.len);
        if (!joined.to) continue;
        join_row(&joined, ctx, arg, row);
        out->str[row] = (struct str){joined.to, joined.len};
    }
    return 0;
}

/* ---- parts ---- */

EVAL(eval_substring) {
    bool bytes = arg[0]->type->kind == TYPE_BINARY;
    FUNC_EACH(ctx, row) {
        struct str text = func_str(arg[0], row);
        int64_t pos = func_i32(arg[1], row);
        int64_t len = ctx->arg_cnt > 2 ? func_i32(arg[2], row) : INT32_MAX;
        if (!bytes) {
            out->str[row] = chars_sub(text, pos, len);
            continue;
        }
        int64_t from = pos > 0 ? pos - 1 : pos < 0 ? (int64_t)text.len + pos : 0;
        int64_t to = MIN(from + len, (int64_t)text.len);
        from = MAX(from, 0);
        out->str[row] = to <= from ? STR("") : (struct str){text.ptr + from, (size_t)(to - from)};
    }
    return 0;
}

EVAL(eval_left) {
    FUNC_EACH(ctx, row) out->str[row] = chars_sub(func_str(arg[0], row), 1, func_i32(arg[1], row));
    return 0;
}

EVAL(eval_right) {
    FUNC_EACH(ctx, row) {
        int64_t cnt = func_i32(arg[1], row);
        out->str[row] = cnt <= 0 ? STR("") : chars_sub(func_str(arg[0], row), -cnt, INT32_MAX);
    }
    return 0;
}

/* Part `n` of the text cut at each `sep`, counted from the end when negative. */
static struct str part_of(struct str text, struct str sep, int64_t n) {
    int64_t parts = 1;
    if (!sep.len) return n == 1 || n == -1 ? text : STR("");
    if (n < 0) {
        for (size_t at = 0; (at = chars_find(text, sep, at)) != SIZE_MAX; at += sep.len) parts++;
        n += parts + 1;
        if (n < 1) return STR("");
    }
    size_t from = 0, at;
    for (; (at = chars_find(text, sep, from)) != SIZE_MAX; from = at + sep.len)
        if (--n == 0) return (struct str){text.ptr + from, at - from};
    return n == 1 ? (struct str){text.ptr + from, text.len - from} : STR("");
}

EVAL(eval_split_part) {
    FUNC_EACH(ctx, row) {
        int64_t n = func_i32(arg[2], row);
        if (!n) func_error(ctx, row, "[INVALID_INDEX_OF_ZERO] parts are counted from 1");
        else out->str[row] = part_of(func_str(arg[0], row), func_str(arg[1], row), n);
    }
    return 0;
}

EVAL(eval_substring_index) {
    FUNC_EACH(ctx, row) {
        struct str text = func_str(arg[0], row), sep = func_str(arg[1], row);
        int64_t n = func_i32(arg[2], row);
        size_t at = 0;
        out->str[row] = n && sep.len ? text : STR("");
        if (!n || !sep.len) continue;
        for (; n > 0 && (at = chars_find(text, sep, at)) != SIZE_MAX; at++)
            if (--n == 0) out->str[row].len = at;
        for (size_t end = text.len; n < 0 && end >= sep.len; end--) /* from the end */
            if (memcmp(text.ptr + end - sep.len, sep.ptr, sep.len) == 0 && ++n == 0)
                out->str[row] = (struct str){text.ptr + end, text.len - end};
    }
    return 0;
}

/* ---- lengths ---- */

EVAL(eval_length) {
    bool bytes = arg[0]->type->kind == TYPE_BINARY;
    FUNC_EACH(ctx, row) {
        struct str text = func_str(arg[0], row);
        out->i32[row] = (int32_t)(bytes ? text.len : chars_cnt(text));
    }
    return 0;
}

EVAL(eval_octets) {
    FUNC_EACH(ctx, row) out->i32[row] = (int32_t)func_str(arg[0], row).len;
    return 0;
}

EVAL(eval_bits) {
    FUNC_EACH(ctx, row) out->i32[row] = (int32_t)(func_str(arg[0], row).len * 8);
    return 0;
}

/* ---- trimming ---- */

enum side { LEFT = 1, RIGHT = 2 };

static bool among(struct str set, struct str text, size_t pos, size_t len) {
    for (size_t at = 0; at < set.len; at += chars_len(set, at))
        if (chars_len(set, at) == len && memcmp(set.ptr + at, text.ptr + pos, len) == 0)
            return true;
    return false;
}

static struct str trimmed(struct str text, struct str set, int sides) {
    size_t from = 0, to = text.len;
    while (sides & LEFT && from < to) {
        size_t len = chars_len(text, from);
        if (!among(set, text, from, len)) break;
        from += len;
    }
    while (sides & RIGHT && to > from) {
        size_t at = to - 1;
        while (at > from && ((unsigned char)text.ptr[at] & 0xc0) == 0x80) at--;
        if (!among(set, text, at, to - at)) break;
        to = at;
    }
    return (struct str){text.ptr + from, to - from};
}

/* The set is the first of two arguments but for btrim(). */
static void trim_rows(struct func_ctx *ctx, const struct vec *const *arg, struct vec *out,
                      int sides, bool set_first) {
    bool two = ctx->arg_cnt == 2;
    const struct vec *text = arg[two && set_first], *set = two ? arg[!set_first] : NULL;
    FUNC_EACH(ctx, row)
        out->str[row] = trimmed(func_str(text, row), set ? func_str(set, row) : STR(" "), sides);
}

EVAL(eval_trim) {
    trim_rows(ctx, arg, out, LEFT | RIGHT, true);
    return 0;
}
EVAL(eval_btrim) {
    trim_rows(ctx, arg, out, LEFT | RIGHT, false);
    return 0;
}
EVAL(eval_ltrim) {
    trim_rows(ctx, arg, out, LEFT, true);
    return 0;
}
EVAL(eval_rtrim) {
    trim_rows(ctx, arg, out, RIGHT, true);
    return 0;
}

/* ---- padding and repeating ---- */

static struct str padding(struct func_ctx *ctx, uint32_t row, struct str pad, size_t cnt,
                          struct str before, struct str after) {
    size_t unit = chars_cnt(pad), whole = cnt / unit;
    size_t rest = chars_at(pad, cnt % unit), len = whole * pad.len + rest;
    if (pad.len && whole > FUNC_TEXT_MAX / pad.len) len = FUNC_TEXT_MAX;
    char *to = func_room(ctx, row, before.len + len + after.len);
    if (!to) return STR("");
    struct str made = {to, before.len + len + after.len};
    memcpy(to, before.ptr, before.len);
    to += before.len;
    for (size_t i = 0; i < whole; i++, to += pad.len) memcpy(to, pad.ptr, pad.len);
    memcpy(to, pad.ptr, rest);
    memcpy(to + rest, after.ptr, after.len);
    return made;
}

static void pad_rows(struct func_ctx *ctx, const struct vec *const *arg, struct vec *out,
                     bool left) {
    bool bytes = arg[0]->type->kind == TYPE_BINARY;
    FUNC_EACH(ctx, row) {
        struct str text = func_str(arg[0], row);
        struct str pad = ctx->arg_cnt > 2 ? func_str(arg[2], row) : bytes ? (struct str){"", 1} :
                                                                            STR(" ");
        int64_t want = MAX(func_i32(arg[1], row), 0), have = (int64_t)chars_cnt(text);
        if (want <= have) out->str[row] = (struct str){text.ptr, chars_at(text, (size_t)want)};
        else if (!pad.len) out->str[row] = text;
        else if ((size_t)(want - have) > FUNC_TEXT_MAX)
            func_error(ctx, row, "a text of %" PRId64 " characters is over the limit", want);
        else
            out->str[row] = padding(ctx, row, pad, (size_t)(want - have), left ? STR("") : text,
                                    left ? text : STR(""));
    }
}

EVAL(eval_lpad) {
    pad_rows(ctx, arg, out, true);
    return 0;
}
EVAL(eval_rpad) {
    pad_rows(ctx, arg, out, false);
    return 0;
}

static void repeat_row(struct func_ctx *ctx, uint32_t row, struct str text, int64_t cnt,
                       struct vec *out) {
    size_t times = (size_t)MAX(cnt, 0);
    size_t len = text.len && times > FUNC_TEXT_MAX / text.len ? FUNC_TEXT_MAX + 1 :
                                                               times * text.len;
    char *to = func_room(ctx, row, len);
    if (!to) return;
    out->str[row] = (struct str){to, len};
    for (size_t i = 0; text.len && i < times; i++, to += text.len) memcpy(to, text.ptr, text.len);
}

EVAL(eval_repeat) {
    FUNC_EACH(ctx, row) repeat_row(ctx, row, func_str(arg[0], row), func_i32(arg[1], row), out);
    return 0;
}

EVAL(eval_space) {
    FUNC_EACH(ctx, row) repeat_row(ctx, row, STR(" "), func_i32(arg[0], row), out);
    return 0;
}

/* ---- finding ---- */

static int32_t place(struct str text, struct str part, int64_t from) {
    if (from < 1) return 0;
    size_t begin = chars_at(text, (size_t)from - 1);
    if (!part.len) return 1;
    size_t at = chars_find(text, part, begin);
    return at == SIZE_MAX ? 0 : (int32_t)chars_cnt((struct str){text.ptr, at}) + 1;
}

EVAL(eval_instr) {
    FUNC_EACH(ctx, row) out->i32[row] = place(func_str(arg[0], row), func_str(arg[1], row), 1);
    return 0;
}

/* A NULL start is 0, as in Hive. */
EVAL(eval_locate) {
    FUNC_EACH(ctx, row) {
        bool start = ctx->arg_cnt > 2;
        out->i32[row] = 0;
        if (start && vec_null(arg[2], row)) continue;
        if (vec_null(arg[0], row) || vec_null(arg[1], row)) func_null(ctx, out, row);
        else
            out->i32[row] = place(func_str(arg[1], row), func_str(arg[0], row),
                                  start ? func_i32(arg[2], row) : 1);
    }
    return 0;
}

EVAL(eval_startswith) {
    FUNC_EACH(ctx, row) out->b[row] = str_starts(func_str(arg[0], row), func_str(arg[1], row));
    return 0;
}
EVAL(eval_endswith) {
    FUNC_EACH(ctx, row) out->b[row] = str_ends(func_str(arg[0], row), func_str(arg[1], row));
    return 0;
}
EVAL(eval_contains) {
    FUNC_EACH(ctx, row)
        out->b[row] = chars_find(func_str(arg[0], row), func_str(arg[1], row), 0) != SIZE_MAX;
    return 0;
}

EVAL(eval_find_in_set) {
    FUNC_EACH(ctx, row) {
        struct str word = func_str(arg[0], row), rest = func_str(arg[1], row);
        out->i32[row] = 0;
        if (memchr(word.ptr, ',', word.len)) continue;
        for (int32_t n = 1; rest.ptr && !out->i32[row]; n++)
            if (str_eq(str_cut(rest, ',', &rest), word)) out->i32[row] = n;
    }
    return 0;
}

/* ---- replacing ---- */

EVAL(eval_replace) {
    FUNC_EACH(ctx, row) {
        struct str text = func_str(arg[0], row), part = func_str(arg[1], row);
        struct str by = ctx->arg_cnt > 2 ? func_str(arg[2], row) : STR("");
        size_t hits = 0, from = 0, at = 0;
        out->str[row] = text;
        for (; part.len && (at = chars_find(text, part, at)) != SIZE_MAX; at += part.len) hits++;
        if (!hits) continue;
        if (by.len > FUNC_TEXT_MAX / hits) {
            func_error(ctx, row, "the result is over the limit of %zu bytes", FUNC_TEXT_MAX);
            continue;
        }
        char *to = func_room(ctx, row, text.len - hits * part.len + hits * by.len);
        if (!to) continue;
        out->str[row].ptr = to;
        for (; (at = chars_find(text, part, from)) != SIZE_MAX; from = at + part.len) {
            memcpy(to, text.ptr + from, at - from);
            to += at - from;
            memcpy(to, by.ptr, by.len);
            to += by.len;
        }
        memcpy(to, text.ptr + from, text.len - from);
        out->str[row].len = (size_t)(to - out->str[row].ptr) + text.len - from;
    }
    return 0;
}

/* Where the character at `pos` of `text` goes: *to gets its replacement, "" to drop it. */
static bool mapped(struct str from, struct str by, struct str text, size_t pos, struct str *to) {
    size_t len = chars_len(text, pos), other = 0;
    for (size_t at = 0; at < from.len; at += chars_len(from, at)) {
        size_t step = other < by.len ? chars_len(by, other) : 0;
        if (chars_len(from, at) == len && memcmp(from.ptr + at, text.ptr + pos, len) == 0) {
            *to = (struct str){by.ptr + other, step};
            return true;
        }
        other += step;
    }
    return false;
}

EVAL(eval_translate) {
    FUNC_EACH(ctx, row) {
        struct str text = func_str(arg[0], row), from = func_str(arg[1], row);
        struct str by = func_str(arg[2], row), put;
        char *to = func_room(ctx, row, text.len * 4);
        if (!to) continue;
        char *start = to;
        for (size_t at = 0, len; at < text.len; at += len) {
            len = chars_len(text, at);
            if (!mapped(from, by, text, at, &put)) put = (struct str){text.ptr + at, len};
            memcpy(to, put.ptr, put.len);
            to += put.len;
        }
        out->str[row] = func_trim(ctx, start, to);
    }
    return 0;
}

EVAL(eval_overlay) {
    FUNC_EACH(ctx, row) {
        struct str text = func_str(arg[0], row), by = func_str(arg[1], row);
        int64_t pos = func_i32(arg[2], row);
        int64_t len = ctx->arg_cnt > 3 ? func_i32(arg[3], row) : -1;
        if (len < 0) len = (int64_t)chars_cnt(by);
        struct str head = chars_sub(text, 1, pos - 1);
        struct str tail = chars_sub(text, pos + len, INT32_MAX);
        struct str front = copy_end(ctx, row, head, by);
        out->str[row] = copy_end(ctx, row, front, tail);
    }
    return 0;
}

/* ---- characters ---- */

EVAL(eval_ascii) {
    FUNC_EACH(ctx, row) {
        struct str text = func_str(arg[0], row);
        size_t len;
        out->i32[row] = text.len ? (int32_t)chars_code(text, 0, &len) : 0;
    }
    return 0;
}

EVAL(eval_chr) {
    FUNC_EACH(ctx, row) {
        int64_t code = func_i64(arg[0], row);
        char *to = func_room(ctx, row, 2);
        if (to) out->str[row] = (struct str){to, code < 0 ? 0 : chars_put(code & 255, to)};
    }
    return 0;
}

static int types_elt(struct func_call *call) {
    call->arg[0].type = type_of(TYPE_I32);
    for (uint32_t i = 1; i < call->arg_cnt; i++) call->arg[i].type = type_of(TYPE_STRING);
    call->type = type_of(TYPE_STRING);
    return 0;
}

EVAL(eval_elt) {
    FUNC_EACH(ctx, row) {
        int64_t n = vec_null(arg[0], row) ? 0 : func_i32(arg[0], row);
        if (vec_null(arg[0], row)) {
            func_null(ctx, out, row);
        } else if (n < 1 || n >= ctx->arg_cnt) {
            func_error(ctx, row, "[INVALID_ARRAY_INDEX] the index %" PRId64 " is out of bounds, "
                       "there are %u values", n, ctx->arg_cnt - 1);
        } else if (vec_null(arg[n], row)) {
            func_null(ctx, out, row);
        } else {
            out->str[row] = func_str(arg[n], row);
        }
    }
    return 0;
}

const struct func fn_string[] = {
    {"concat", "s*:s", eval_concat, 0, NULL, NULL},
    {"concat", "x*:x", eval_concat, 0, NULL, NULL},
    {"concat", "[*:-", eval_concat_lists, 0, types_concat_lists, NULL},
    {"concat_ws", "aa*:-", eval_concat_ws, FUNC_NULLS, types_concat_ws, NULL},
    {"substring", "sii?:s", eval_substring, 0, NULL, NULL},
    {"substring", "xii?:x", eval_substring, 0, NULL, NULL},
    {"left", "si:s", eval_left, 0, NULL, NULL},
    {"right", "si:s", eval_right, 0, NULL, NULL},
    {"split_part", "ssi:s", eval_split_part, 0, NULL, NULL},
    {"substring_index", "ssi:s", eval_substring_index, 0, NULL, NULL},
    {"length", "s:i", eval_length, 0, NULL, NULL},
    {"length", "x:i", eval_length, 0, NULL, NULL},
    {"len", "s:i", eval_length, 0, NULL, NULL},
    {"len", "x:i", eval_length, 0, NULL, NULL},
    {"char_length", "s:i", eval_length, 0, NULL, NULL},
    {"char_length", "x:i", eval_length, 0, NULL, NULL},
    {"character_length", "s:i", eval_length, 0, NULL, NULL},
    {"character_length", "x:i", eval_length, 0, NULL, NULL},
    {"octet_length", "s:i", eval_octets, 0, NULL, NULL},
    {"octet_length", "x:i", eval_octets, 0, NULL, NULL},
    {"bit_length", "s:i", eval_bits, 0, NULL, NULL},
    {"bit_length", "x:i", eval_bits, 0, NULL, NULL},
    {"trim", "ss?:s", eval_trim, 0, NULL, NULL},
    {"btrim", "ss?:s", eval_btrim, 0, NULL, NULL},
    {"ltrim", "ss?:s", eval_ltrim, 0, NULL, NULL},
    {"rtrim", "ss?:s", eval_rtrim, 0, NULL, NULL},
    {"lpad", "sis?:s", eval_lpad, 0, NULL, NULL},
    {"rpad", "sis?:s", eval_rpad, 0, NULL, NULL},
    {"repeat", "si:s", eval_repeat, 0, NULL, NULL},
    {"space", "i:s", eval_space, 0, NULL, NULL},
    {"instr", "ss:i", eval_instr, 0, NULL, NULL},
    {"locate", "ssi?:i", eval_locate, FUNC_NULLS, NULL, NULL},
    {"position", "ssi?:i", eval_locate, FUNC_NULLS, NULL, NULL},
    {"startswith", "ss:b", eval_startswith, 0, NULL, NULL},
    {"startswith", "xx:b", eval_startswith, 0, NULL, NULL},
    {"endswith", "ss:b", eval_endswith, 0, NULL, NULL},
    {"endswith", "xx:b", eval_endswith, 0, NULL, NULL},
    {"contains", "ss:b", eval_contains, 0, NULL, NULL},
    {"contains", "xx:b", eval_contains, 0, NULL, NULL},
    {"find_in_set", "ss:i", eval_find_in_set, 0, NULL, NULL},
    {"replace", "sss?:s", eval_replace, 0, NULL, NULL},
    {"translate", "sss:s", eval_translate, 0, NULL, NULL},
    {"overlay", "ssii?:s", eval_overlay, 0, NULL, NULL},
    {"ascii", "s:i", eval_ascii, 0, NULL, NULL},
    {"chr", "l:s", eval_chr, 0, NULL, NULL},
    {"char", "l:s", eval_chr, 0, NULL, NULL},
    {"elt", "aa*:-", eval_elt, FUNC_NULLS, types_elt, NULL},
    {NULL, NULL, NULL, 0, NULL, NULL},
};
