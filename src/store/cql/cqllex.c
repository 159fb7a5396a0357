/* cqllex.c - the lexer of CQL. */
#include "store/cql/cqllex.h"

#include "base/err.h"
#include "base/uuid.h"
#include "wire/cql/cqltime.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const reserved[] = {
    "add",      "allow",    "alter",    "and",      "apply",        "asc",      "authorize",
    "batch",    "begin",    "by",       "columnfamily", "create",   "default",  "delete",
    "desc",     "describe", "drop",     "entries",  "execute",      "from",     "full",
    "grant",    "if",       "in",       "index",    "infinity",     "insert",   "into",
    "is",       "keyspace", "limit",    "materialized", "mbean",    "mbeans",   "modify",
    "nan",      "norecursive", "not",   "null",     "of",           "on",       "or",
    "order",    "primary",  "rename",   "replace",  "revoke",       "schema",   "select",
    "set",      "table",    "to",       "token",    "truncate",     "unlogged", "unset",
    "update",   "use",      "using",    "view",     "where",        "with",
};

static int by_name(const void *key, const void *member) {
    return str_cmp(*(const struct str *)key, str_of(*(const char *const *)member));
}

bool cqllex_reserved(struct str name) {
    return bsearch(&name, reserved, ARRAY_LEN(reserved), sizeof *reserved, by_name) != NULL;
}

void cqllex_place(struct str text, size_t pos, int *line, int *col) {
    *line = 1;
    *col = 0;
    for (size_t i = 0; i < pos && i < text.len; i++) {
        if (text.ptr[i] == '\n') {
            ++*line;
            *col = 0;
        } else {
            ++*col;
        }
    }
}

static int fail(const struct cqllex *lex, size_t pos, const char *what) {
    int line, col;
    cqllex_place(lex->text, pos, &line, &col);
    return err_fail(ERR_SYNTAX, "line %d:%d %s", line, col, what);
}

static char at(const struct cqllex *lex, size_t pos) {
    return pos < lex->text.len ? lex->text.ptr[pos] : 0;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_hex(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_word(char c) {
    return is_letter(c) || is_digit(c) || c == '_';
}

/* To behind white space and comments. */
static int skip(struct cqllex *lex) {
    for (;;) {
        char c = at(lex, lex->pos), next = at(lex, lex->pos + 1);
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            lex->pos++;
        } else if ((c == '-' && next == '-') || (c == '/' && next == '/')) {
            while (lex->pos < lex->text.len && lex->text.ptr[lex->pos] != '\n')
                lex->pos++;
        } else if (c == '/' && next == '*') {
            struct str rest = {lex->text.ptr + lex->pos + 2, lex->text.len - lex->pos - 2};
            const char *end = memmem(rest.ptr, rest.len, "*/", 2);
            if (!end) return fail(lex, lex->pos, "the comment has no end");
            lex->pos = (size_t)(end - lex->text.ptr) + 2;
        } else {
            return 0;
        }
    }
}

/* Behind an opening quote: up to the closing one, doubled ones being one of the text. */
static int quoted(struct cqllex *lex, char quote, struct str *out) {
    size_t from = lex->pos + 1, to = from, doubled = 0;
    for (; at(lex, to) != quote || at(lex, to + 1) == quote; to++) {
        if (to >= lex->text.len) return fail(lex, lex->pos, "no closing quote");
        if (lex->text.ptr[to] == quote) {
            doubled++;
            to++;
        }
    }
    lex->pos = to + 1;
    *out = (struct str){lex->text.ptr + from, to - from};
    if (!doubled) return 0;
    char *copy = arena_bytes(lex->arena, to - from);
    size_t used = 0;
    for (size_t i = from; i < to; i++) {
        copy[used++] = lex->text.ptr[i];
        if (lex->text.ptr[i] == quote) i++;
    }
    *out = (struct str){copy, used};
    return 0;
}

static struct str run(struct cqllex *lex, size_t len) {
    struct str text = {lex->text.ptr + lex->pos, len};
    lex->pos += len;
    return text;
}

static size_t word_len(const struct cqllex *lex, size_t from) {
    size_t to = from;
    while (is_word(at(lex, to)))
        to++;
    return to - from;
}

static bool uuid_here(const struct cqllex *lex) {
    static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    for (size_t i = 0; i < UUID_TEXT_LEN; i++) {
        char c = at(lex, lex->pos + i);
        if (shape[i] == '-' ? c != '-' : !is_hex(c)) return false;
    }
    return !is_word(at(lex, lex->pos + UUID_TEXT_LEN));
}

static bool duration_here(const struct cqllex *lex, size_t *len) {
    struct cqltime_span span;
    size_t n = 0;
    for (char c; (c = at(lex, lex->pos + n)) && (is_word(c) || c == '\xC2' || c == '\xB5'); n++)
        ;
    if (at(lex, lex->pos) == 'P') /* P0001-02-03T04:05:06 */
        for (char c; (c = at(lex, lex->pos + n)) && (is_word(c) || c == '-' || c == ':'); n++)
            ;
    struct str text = {lex->text.ptr + lex->pos, n};
    *len = n;
    return n > 1 && !cqltime_parse_span(text, &span);
}

static void number(struct cqllex *lex, struct cqllex_token *out) {
    size_t to = lex->pos, len;
    out->kind = CQLLEX_INT;
    while (is_digit(at(lex, to)))
        to++;
    if (at(lex, to) == '.' && is_digit(at(lex, to + 1))) {
        out->kind = CQLLEX_FLOAT;
        for (to++; is_digit(at(lex, to));)
            to++;
    } else if (at(lex, to) == '.' && !is_letter(at(lex, to + 1))) {
        out->kind = CQLLEX_FLOAT; /* "1." */
        to++;
    }
    if ((at(lex, to) | 32) == 'e') {
        size_t exp = to + 1;
        if (at(lex, exp) == '+' || at(lex, exp) == '-') exp++;
        if (is_digit(at(lex, exp))) {
            out->kind = CQLLEX_FLOAT;
            for (to = exp; is_digit(at(lex, to));)
                to++;
        }
    }
    if (out->kind == CQLLEX_INT && is_letter(at(lex, to)) && duration_here(lex, &len)) {
        out->kind = CQLLEX_DURATION;
        to = lex->pos + len;
    }
    out->text = run(lex, to - lex->pos);
}

static struct str lowered(struct cqllex *lex, struct str text) {
    size_t i = 0;
    while (i < text.len && !(text.ptr[i] >= 'A' && text.ptr[i] <= 'Z'))
        i++;
    if (i == text.len) return text;
    char *copy = arena_bytes(lex->arena, text.len);
    for (i = 0; i < text.len; i++)
        copy[i] = (char)(text.ptr[i] >= 'A' && text.ptr[i] <= 'Z' ? text.ptr[i] + 32 : text.ptr[i]);
    return (struct str){copy, text.len};
}

static int sign(struct cqllex *lex, struct cqllex_token *out) {
    static const char *const pairs[] = {"<=", ">=", "!="};
    out->kind = CQLLEX_SIGN;
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
        if (at(lex, lex->pos) == pairs[i][0] && at(lex, lex->pos + 1) == pairs[i][1]) {
            out->text = run(lex, 2);
            return 0;
        }
    if (!strchr("()[]{},;.:=<>+-*/%", lex->text.ptr[lex->pos]) || !lex->text.ptr[lex->pos]) {
        char what[64];
        unsigned char c = (unsigned char)lex->text.ptr[lex->pos];
        snprintf(what, sizeof what, c >= 32 && c < 127 ? "no viable alternative at character '%c'"
                                                       : "no viable alternative at byte %u", c);
        return fail(lex, lex->pos, what);
    }
    out->text = run(lex, 1);
    return 0;
}

/* $$ ... $$ */
static int dollars(struct cqllex *lex, struct cqllex_token *out) {
    struct str rest = {lex->text.ptr + lex->pos + 2, lex->text.len - lex->pos - 2};
    const char *end = memmem(rest.ptr, rest.len, "$$", 2);
    if (!end) return fail(lex, lex->pos, "no closing $$");
    out->kind = CQLLEX_STRING;
    out->text = (struct str){rest.ptr, (size_t)(end - rest.ptr)};
    lex->pos = (size_t)(end - lex->text.ptr) + 2;
    return 0;
}

static int next(struct cqllex *lex, struct cqllex_token *out) {
    char c = at(lex, lex->pos), after = at(lex, lex->pos + 1);
    size_t len;
    if (is_hex(c) && uuid_here(lex)) {
        out->kind = CQLLEX_UUID;
        out->text = run(lex, UUID_TEXT_LEN);
        return 0;
    }
    if (c == '0' && (after | 32) == 'x') {
        for (len = 2; is_hex(at(lex, lex->pos + len));)
            len++;
        out->kind = CQLLEX_HEX;
        out->text = run(lex, len);
        return 0;
    }
    if (is_digit(c)) {
        number(lex, out);
        return 0;
    }
    if (c == 'P' && duration_here(lex, &len)) {
        out->kind = CQLLEX_DURATION;
        out->text = run(lex, len);
        return 0;
    }
    if (is_letter(c)) {
        out->kind = CQLLEX_NAME;
        out->text = lowered(lex, run(lex, word_len(lex, lex->pos)));
        return 0;
    }
    if (c == '\'' || c == '"') {
        out->kind = c == '"' ? CQLLEX_QUOTED : CQLLEX_STRING;
        return quoted(lex, c, &out->text);
    }
    if (c == '$' && after == '$') return dollars(lex, out);
    if (c == '?') {
        out->kind = CQLLEX_MARK;
        out->text = run(lex, 1);
        return 0;
    }
    return sign(lex, out);
}

int cqllex_next(struct cqllex *lex, struct cqllex_token *out) {
    int err = skip(lex);
    if (err) return err;
    *out = (struct cqllex_token){.kind = CQLLEX_END, .text = STR(""), .pos = lex->pos};
    if (lex->pos >= lex->text.len) return 0;
    err = next(lex, out);
    out->len = lex->pos - out->pos;
    return err;
}
