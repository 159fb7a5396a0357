/* regex.c - compiling, keeping and running patterns.
 *
 * The set is a direct-mapped cache: a pattern's hash says its place, and a new one there throws the
 * old out. A constant pattern is met once at planning and never thrown out, having a set of its
 * own. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "stream/op/regex.h"

#include <pcre2.h>

#include "stream/op/chars.h"

#define JIT_STACK_MIN (32 * KIB)
#define JIT_STACK_MAX (1 * MIB)
#define HEAP_KIB_MAX  20000

struct regex {
    char *pattern; /* as written */
    size_t len;
    pcre2_code *code;
    uint32_t groups;
};
struct regex_set {
    struct regex kept[REGEX_KEPT];
    pcre2_match_context *context;
    pcre2_match_data *match;
    pcre2_jit_stack *stack;
    uint32_t strikes;
};

struct regex_set *regex_open(void) {
    struct regex_set *set = base_calloc(1, sizeof *set);
    set->context = pcre2_match_context_create(NULL);
    set->match = pcre2_match_data_create(REGEX_GROUP_MAX + 1, NULL);
    set->stack = pcre2_jit_stack_create(JIT_STACK_MIN, JIT_STACK_MAX, NULL);
    CHECK(set->context && set->match && set->stack);
    pcre2_jit_stack_assign(set->context, NULL, set->stack);
    pcre2_set_heap_limit(set->context, HEAP_KIB_MAX);
    return set;
}

static void regex_drop(struct regex *regex) {
    pcre2_code_free(regex->code);
    base_free(regex->pattern);
    memset(regex, 0, sizeof *regex);
}

void regex_close(void *of) {
    struct regex_set *set = of;
    if (!set) return;
    for (size_t i = 0; i < REGEX_KEPT; i++) regex_drop(&set->kept[i]);
    pcre2_match_context_free(set->context);
    pcre2_match_data_free(set->match);
    pcre2_jit_stack_free(set->stack);
    base_free(set);
}

void regex_batch(struct regex_set *set) {
    set->strikes = 0;
}

/* ---- Java's syntax to PCRE2's ---- */

struct translate {
    struct str in;
    size_t pos;
    struct buf out;
    bool class, quoted; /* within [ ], within \Q \E */
    const char *why;
};

static bool ahead(const struct translate *tr, const char *text) {
    size_t len = strlen(text);
    return tr->in.len - tr->pos >= len && memcmp(tr->in.ptr + tr->pos, text, len) == 0;
}

/* \p{name} at tr->pos. */
static void put_property(struct translate *tr) {
    static const char *const posix[] = {"Lower", "Upper", "Alpha",  "Digit", "Alnum", "Punct",
                                        "Graph", "Print", "Blank",  "Cntrl", "XDigit", "Space",
                                        "ASCII"};
    const char *close = memchr(tr->in.ptr + tr->pos, '}', tr->in.len - tr->pos);
    if (!ahead(tr, "\\p{") && !ahead(tr, "\\P{")) close = NULL;
    if (!close) { /* \pL */
        buf_put(&tr->out, tr->in.ptr + tr->pos, 2);
        tr->pos += 2;
        return;
    }
    bool not = tr->in.ptr[tr->pos + 1] == 'P';
    struct str name = {tr->in.ptr + tr->pos + 3, (size_t)(close - tr->in.ptr) - tr->pos - 3};
    tr->pos = (size_t)(close - tr->in.ptr) + 1;
    for (size_t i = 0; i < ARRAY_LEN(posix); i++) {
        if (!str_eqz(name, posix[i])) continue;
        if (!tr->class) buf_putc(&tr->out, '[');
        buf_putz(&tr->out, not ? "[:^" : "[:");
        for (const char *c = posix[i]; *c; c++) buf_putc(&tr->out, (char)(*c | 0x20));
        buf_putz(&tr->out, tr->class ? ":]" : ":]]");
        return;
    }
    if (str_starts(name, STR("In")) || str_starts(name, STR("java")) ||
        memchr(name.ptr, '=', name.len))
        tr->why = "blocks and java properties (\\p{In..}, \\p{java..}) are not supported";
    static const struct {
        const char *java, *pcre;
    } alias[] = {{"IsAlphabetic", "L"}, {"IsLetter", "L"}, {"IsUppercase", "Lu"},
                 {"IsLowercase", "Ll"}, {"IsDigit", "Nd"}, {"IsPunctuation", "P"},
                 {"IsWhite_Space", "Xsp"}};
    for (size_t i = 0; i < ARRAY_LEN(alias); i++)
        if (str_eqz(name, alias[i].java)) name = str_of(alias[i].pcre);
    if (str_starts(name, STR("Is"))) name.ptr += 2, name.len -= 2;
    buf_printf(&tr->out, "\\%c{%.*s}", not ? 'P' : 'p', STR_ARG(name));
}

static void put_escape(struct translate *tr) {
    char c = tr->pos + 1 < tr->in.len ? tr->in.ptr[tr->pos + 1] : 0;
    size_t left = tr->in.len - tr->pos;
    if ((c == 'p' || c == 'P') && left > 2) {
        put_property(tr);
    } else if (c == 'u' && left >= 6) {
        buf_printf(&tr->out, "\\x{%.4s}", tr->in.ptr + tr->pos + 2);
        tr->pos += 6;
    } else if (c == '0' && left > 2) {
        size_t digits = 0;
        const char *from = tr->in.ptr + tr->pos + 2;
        while (digits < 3 && digits < left - 2 && from[digits] >= '0' && from[digits] <= '7')
            digits++;
        buf_printf(&tr->out, "\\o{%.*s}", (int)digits, from);
        tr->pos += 2 + digits;
    } else {
        tr->quoted = c == 'Q';
        size_t len = left < 2 ? 1 : 2;
        buf_put(&tr->out, tr->in.ptr + tr->pos, len);
        tr->pos += len;
    }
}

static void put_class_char(struct translate *tr) {
    char c = tr->in.ptr[tr->pos];
    if (ahead(tr, "&&")) tr->why = "the intersection of classes, [a&&b], is not supported";
    else if (c == '[') tr->why = "a class within a class, [a[b]], is not supported";
    if (c == ']') tr->class = false;
    buf_putc(&tr->out, c);
    tr->pos++;
}

static void translate(struct translate *tr) {
    while (tr->pos < tr->in.len && !tr->why) {
        char c = tr->in.ptr[tr->pos];
        if (tr->quoted) {
            tr->quoted = !ahead(tr, "\\E");
            size_t len = tr->quoted ? 1 : 2;
            buf_put(&tr->out, tr->in.ptr + tr->pos, len);
            tr->pos += len;
        } else if (c == '\\') {
            put_escape(tr);
        } else if (tr->class) {
            put_class_char(tr);
        } else {
            buf_putc(&tr->out, c);
            tr->pos++;
            tr->class = c == '[';
            if (tr->class && tr->pos < tr->in.len && tr->in.ptr[tr->pos] == '^') {
                buf_putc(&tr->out, '^');
                tr->pos++;
            }
        }
    }
}

/* ---- compiling ---- */

static pcre2_code *compile(struct str pattern, struct arena *arena, struct str *why) {
    struct translate tr = {.in = pattern};
    buf_init(&tr.out, REGEX_PATTERN_MAX * 2);
    translate(&tr);
    if (tr.out.full) tr.why = "it is too long";
    pcre2_code *code = NULL;
    int err = 0;
    PCRE2_SIZE pos = 0;
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    pcre2_set_newline(context, PCRE2_NEWLINE_ANYCRLF);
    if (!tr.why)
        code = pcre2_compile((PCRE2_SPTR)(tr.out.ptr ? tr.out.ptr : ""), tr.out.len, PCRE2_UTF,
                             &err, &pos, context);
    pcre2_compile_context_free(context);
    if (code) {
        pcre2_jit_compile(code, PCRE2_JIT_COMPLETE); /* without it, the interpreter runs */
    } else if (tr.why) {
        *why = arena_printf(arena, "%s", tr.why);
    } else {
        PCRE2_UCHAR text[160] = {0};
        pcre2_get_error_message(err, text, sizeof text);
        *why = arena_printf(arena, "%s, near character %zu", (char *)text,
                            MIN((size_t)pos + 1, pattern.len));
    }
    buf_fini(&tr.out);
    return code;
}

struct regex *regex_get(struct regex_set *set, struct str pattern, struct arena *arena,
                        struct str *why) {
    struct regex *regex = &set->kept[str_hash(pattern) % REGEX_KEPT];
    if (regex->code && regex->len == pattern.len &&
        memcmp(regex->pattern, pattern.ptr, pattern.len) == 0)
        return regex;
    if (pattern.len > REGEX_PATTERN_MAX) {
        *why = STR("it is too long");
        return NULL;
    }
    pcre2_code *code = compile(pattern, arena, why);
    uint32_t groups = 0;
    if (code) pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &groups);
    if (groups > REGEX_GROUP_MAX) {
        pcre2_code_free(code);
        *why = STR("it has more than 99 groups");
        return NULL;
    }
    if (!code) return NULL;
    regex_drop(regex);
    regex->pattern = base_alloc(pattern.len + 1);
    memcpy(regex->pattern, pattern.ptr, pattern.len);
    regex->len = pattern.len;
    regex->code = code;
    regex->groups = groups;
    return regex;
}

uint32_t regex_groups(const struct regex *regex) {
    return regex->groups;
}

int regex_named(const struct regex *regex, struct str name) {
    char text[64];
    if (!name.len || name.len >= sizeof text) return -1;
    memcpy(text, name.ptr, name.len);
    text[name.len] = 0;
    int group = pcre2_substring_number_from_name(regex->code, (PCRE2_SPTR)text);
    return group < 0 ? -1 : group;
}

/* ---- running ---- */

bool regex_begin(struct regex_find *find, struct regex_set *set, struct regex *regex,
                 struct func_ctx *ctx, uint32_t row, struct str text) {
    *find = (struct regex_find){.set = set, .regex = regex, .ctx = ctx, .row = row, .text = text};
    if (chars_ascii(text) || str_utf8(text)) return true;
    func_error(ctx, row, "the text is not UTF-8, a pattern cannot be looked for in it");
    find->next = SIZE_MAX;
    return false;
}

bool regex_next(struct regex_find *find) {
    struct regex_set *set = find->set;
    if (find->next == SIZE_MAX || find->next > find->text.len) return false;
    pcre2_set_match_limit(set->context, set->strikes < REGEX_STRIKE_MAX ? REGEX_STEP_MAX :
                                                                         REGEX_STEP_LOW);
    int got = pcre2_match(find->regex->code, (PCRE2_SPTR)find->text.ptr, find->text.len,
                          find->next, PCRE2_NO_UTF_CHECK, set->match, set->context);
    if (got == PCRE2_ERROR_JIT_STACKLIMIT) /* the interpreter has the heap, also limited */
        got = pcre2_match(find->regex->code, (PCRE2_SPTR)find->text.ptr, find->text.len,
                          find->next, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, set->match, set->context);
    if (got < 0) {
        find->next = SIZE_MAX;
        if (got == PCRE2_ERROR_NOMATCH) return false;
        set->strikes++;
        func_error(find->ctx, find->row, "the pattern '%.*s' needs too many steps on this text of "
                   "%zu bytes; repetitions within repetitions, as in (a+)+, are the usual cause",
                   (int)MIN(find->regex->len, (size_t)80), find->regex->pattern, find->text.len);
        return false;
    }
    find->group = pcre2_get_ovector_pointer(set->match);
    size_t from = find->group[0], to = find->group[1];
    find->next = to;
    if (from >= to) find->next = to < find->text.len ? to + chars_len(find->text, to) : SIZE_MAX;
    return true;
}
