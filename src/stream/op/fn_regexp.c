/* fn_regexp.c - rlike, regexp_...() and split(), over regex.h. */
#include "stream/op/chars.h"
#include "stream/op/func_table.h"
#include "stream/op/regex.h"

/* ---- the pattern of a call ---- */

/* All have text, pattern. A constant pattern is compiled while planning. */
static int bind_pattern(struct func_call *call) {
    struct regex_set *set = regex_open();
    call->state = set;
    call->fini = regex_close;
    const struct vec *pattern = func_const(call, 1);
    struct str why;
    if (!pattern || regex_get(set, pattern->str[0], call->arena, &why)) return 0;
    regex_close(set);
    call->state = NULL;
    call->fini = NULL;
    return func_wrong(call, 1, "the pattern '%.*s' is not understood: %.*s",
                      (int)MIN(pattern->str[0].len, (size_t)200), pattern->str[0].ptr,
                      STR_ARG(why));
}

static struct regex *pattern_of(struct regex_set *set, struct func_ctx *ctx,
                                const struct vec *vec, uint32_t row) {
    struct str why, pattern = func_str(vec, row);
    struct regex *regex = regex_get(set, pattern, ctx->arena, &why);
    if (!regex)
        func_error(ctx, row, "[INVALID_PARAMETER_VALUE.PATTERN] the pattern '%.*s' is not "
                   "understood: %.*s", (int)MIN(pattern.len, (size_t)200), pattern.ptr,
                   STR_ARG(why));
    return regex;
}

/* The search of a row; false: its row is marked. */
static bool search(struct regex_find *find, void *state, struct func_ctx *ctx,
                   const struct vec *const *arg, uint32_t row) {
    struct regex *regex = pattern_of(state, ctx, arg[1], row);
    return regex && regex_begin(find, state, regex, ctx, row, func_str(arg[0], row));
}

/* The group number in arg[2] (1 without); false, with the row marked: there is no such group. */
static bool group_of(const struct regex_find *find, struct func_ctx *ctx,
                     const struct vec *const *arg, uint32_t row, uint32_t *group) {
    int32_t wanted = ctx->arg_cnt > 2 ? func_i32(arg[2], row) : 1;
    uint32_t most = regex_groups(find->regex);
    *group = (uint32_t)wanted;
    if (wanted >= 0 && *group <= most) return true;
    func_error(ctx, row, "[INVALID_PARAMETER_VALUE.REGEX_GROUP_INDEX] the pattern has %u groups, "
               "group %d is not there", most, wanted);
    return false;
}

/* ---- looking ---- */

EVAL(eval_rlike) {
    struct regex_find find;
    regex_batch(state);
    FUNC_EACH(ctx, row) {
        out->b[row] = 0;
        if (search(&find, state, ctx, arg, row)) out->b[row] = regex_next(&find);
    }
    return 0;
}

EVAL(eval_count) {
    struct regex_find find;
    regex_batch(state);
    FUNC_EACH(ctx, row) {
        out->i32[row] = 0;
        if (!search(&find, state, ctx, arg, row)) continue;
        while (regex_next(&find)) out->i32[row]++;
    }
    return 0;
}

EVAL(eval_instr) {
    struct regex_find find;
    regex_batch(state);
    FUNC_EACH(ctx, row) {
        out->i32[row] = 0;
        if (!search(&find, state, ctx, arg, row) || !regex_next(&find)) continue;
        out->i32[row] = (int32_t)chars_cnt((struct str){find.text.ptr, find.group[0]}) + 1;
    }
    return 0;
}

EVAL(eval_substr) {
    struct regex_find find;
    regex_batch(state);
    FUNC_EACH(ctx, row) {
        if (!search(&find, state, ctx, arg, row)) continue;
        bool found = regex_next(&find);
        if (found) out->str[row] = regex_group(&find, 0);
        if (!found || !out->str[row].len) func_null(ctx, out, row);
    }
    return 0;
}

EVAL(eval_extract) {
    struct regex_find find;
    uint32_t group;
    regex_batch(state);
    FUNC_EACH(ctx, row) {
        out->str[row] = STR("");
        if (!search(&find, state, ctx, arg, row)) continue;
        if (!group_of(&find, ctx, arg, row, &group) || !regex_next(&find)) continue;
        struct str found = regex_group(&find, group);
        if (found.ptr) out->str[row] = found;
    }
    return 0;
}

static int types_texts(struct func_call *call) {
    call->type = type_array(call->arena, type_of(TYPE_STRING));
    return 0;
}

static bool add_text(struct func_list *list, struct str text) {
    uint32_t at = func_list_add(list);
    if (at == UINT32_MAX) return false;
    list->kid->str[at] = text.ptr ? text : STR("");
    return true;
}

EVAL(eval_extract_all) {
    struct regex_find find;
    struct func_list list;
    uint32_t group;
    regex_batch(state);
    func_list_begin(&list, ctx, out);
    FUNC_EACH(ctx, row) {
        func_list_row(&list, row);
        if (!search(&find, state, ctx, arg, row)) continue;
        if (!group_of(&find, ctx, arg, row, &group)) continue;
        while (regex_next(&find))
            if (!add_text(&list, regex_group(&find, group))) break;
    }
    func_list_end(&list);
    return 0;
}

/* ---- replacing ---- */

/* What "$1" or "${name}" at by[*at] names; -1: nothing. As many digits as still name a group. */
static int take_group(const struct regex *regex, struct str by, size_t *at) {
    size_t pos = *at + 1;
    int group = -1;
    if (pos < by.len && by.ptr[pos] == '{') {
        const char *close = memchr(by.ptr + pos, '}', by.len - pos);
        if (!close) return -1;
        struct str name = {by.ptr + pos + 1, (size_t)(close - by.ptr) - pos - 1};
        *at = (size_t)(close - by.ptr) + 1;
        return regex_named(regex, name);
    }
    for (; pos < by.len && by.ptr[pos] >= '0' && by.ptr[pos] <= '9'; pos++) {
        int next = MAX(group, 0) * 10 + (by.ptr[pos] - '0');
        if (group >= 0 && (uint32_t)next > regex_groups(regex)) break;
        group = next;
    }
    *at = pos;
    return group >= 0 && (uint32_t)group > regex_groups(regex) ? -1 : group;
}

/* Java's replacement: $n a group, \c the character c; false: malformed. */
static bool put_replacement(const struct regex_find *find, struct str by, struct buf *out) {
    for (size_t at = 0; at < by.len;) {
        if (by.ptr[at] == '\\') {
            if (++at == by.len) return false;
            buf_putc(out, by.ptr[at++]);
        } else if (by.ptr[at] == '$') {
            int group = take_group(find->regex, by, &at);
            if (group < 0) return false;
            struct str text = regex_group(find, (uint32_t)group);
            if (text.ptr) buf_puts(out, text);
        } else {
            buf_putc(out, by.ptr[at++]);
        }
    }
    return true;
}

static void replace_row(struct regex_find *find, struct str by, struct buf *buf,
                        struct vec *out) {
    struct func_ctx *ctx = find->ctx;
    size_t done = 0;
    bool good = true, any = false;
    buf_reset(buf);
    while (good && !buf->full && regex_next(find)) {
        any = true;
        buf_put(buf, find->text.ptr + done, find->group[0] - done);
        good = put_replacement(find, by, buf);
        done = find->group[1];
    }
    out->str[find->row] = find->text;
    if (!any) return;
    buf_put(buf, find->text.ptr + done, find->text.len - done);
    if (!good)
        func_error(ctx, find->row, "[INVALID_REGEXP_REPLACE] the replacement '%.*s' "
                   "is malformed: $ is followed by the number of a group, \\ by any character",
                   (int)MIN(by.len, (size_t)100), by.ptr);
    char *to = func_room(ctx, find->row, buf->full ? FUNC_TEXT_MAX + 1 : buf->len);
    if (!to) return;
    if (buf->len) memcpy(to, buf->ptr, buf->len);
    out->str[find->row] = (struct str){to, buf->len};
}

EVAL(eval_replace) {
    struct regex_find find;
    struct buf buf;
    regex_batch(state);
    buf_init(&buf, FUNC_TEXT_MAX);
    FUNC_EACH(ctx, row) {
        if (!search(&find, state, ctx, arg, row)) continue;
        int64_t pos = ctx->arg_cnt > 3 ? func_i32(arg[3], row) : 1;
        if (pos < 1) {
            func_error(ctx, row, "[DATATYPE_MISMATCH.VALUE_OUT_OF_RANGE] the position to begin "
                       "at is 1 or more, not %" PRId64, pos);
            continue;
        }
        find.next = chars_at(find.text, (size_t)pos - 1);
        if (pos > 1 && find.next >= find.text.len) out->str[row] = find.text;
        else replace_row(&find, func_str(arg[2], row), &buf, out);
    }
    buf_fini(&buf);
    return 0;
}

/* ---- split ---- */

/* An empty pattern: every character for itself, the last taking what is over the limit. */
static void split_chars(struct func_list *list, struct str text, int32_t limit) {
    size_t parts = chars_cnt(text), at = 0;
    if (limit > 0 && (size_t)limit < parts) parts = (size_t)limit;
    for (size_t i = 0; i + 1 < parts; i++) {
        size_t len = chars_len(text, at);
        if (!add_text(list, (struct str){text.ptr + at, len})) return;
        at += len;
    }
    add_text(list, (struct str){text.ptr + at, text.len - at});
}

/* As Java's String.split(), but that empty parts at the end stay. */
static void split_row(struct func_list *list, struct regex_find *find, int32_t limit) {
    size_t from = 0;
    int32_t cnt = 1;
    while ((limit <= 0 || cnt < limit) && regex_next(find)) {
        size_t begin = find->group[0], end = find->group[1];
        if (from == 0 && begin == 0 && end == 0) continue;
        if (!add_text(list, (struct str){find->text.ptr + from, begin - from})) return;
        cnt++;
        from = end;
    }
    add_text(list, (struct str){find->text.ptr + from, find->text.len - from});
}

EVAL(eval_split) {
    struct regex_find find;
    struct func_list list;
    regex_batch(state);
    func_list_begin(&list, ctx, out);
    FUNC_EACH(ctx, row) {
        func_list_row(&list, row);
        int32_t limit = ctx->arg_cnt > 2 ? func_i32(arg[2], row) : -1;
        if (!search(&find, state, ctx, arg, row)) continue;
        if (find.text.len && !func_str(arg[1], row).len) split_chars(&list, find.text, limit);
        else split_row(&list, &find, limit);
    }
    func_list_end(&list);
    return 0;
}

const struct func fn_regexp[] = {
    {"rlike", "ss:b", eval_rlike, 0, NULL, bind_pattern},
    {"regexp", "ss:b", eval_rlike, 0, NULL, bind_pattern},
    {"regexp_like", "ss:b", eval_rlike, 0, NULL, bind_pattern},
    {"regexp_count", "ss:i", eval_count, 0, NULL, bind_pattern},
    {"regexp_instr", "ssi?:i", eval_instr, 0, NULL, bind_pattern},
    {"regexp_substr", "ss:s", eval_substr, 0, NULL, bind_pattern},
    {"regexp_extract", "ssi?:s", eval_extract, 0, NULL, bind_pattern},
    {"regexp_extract_all", "ssi?:-", eval_extract_all, 0, types_texts, bind_pattern},
    {"regexp_replace", "sssi?:s", eval_replace, 0, NULL, bind_pattern},
    {"split", "ssi?:-", eval_split, 0, types_texts, bind_pattern},
    {NULL, NULL, NULL, 0, NULL, NULL},
};
