/* lex.c - cuts SQL text into tokens. */
#include "stream/sql/lex.h"

#include "base/err.h"

struct lexer {
    struct mistakes *mistakes;
    const char *text;
    uint32_t at, len;
    struct token *token;
    uint32_t cnt, cap;
};

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_alpha(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80);
}

static char peek(const struct lexer *lex, uint32_t ahead) {
    return lex->at + ahead < lex->len ? lex->text[lex->at + ahead] : 0;
}

static void add(struct lexer *lex, enum lex_kind kind, uint32_t from, struct str text) {
    if (lex->cnt == lex->cap) {
        struct token *old = lex->token;
        lex->cap = lex->cap ? lex->cap * 2 : 256;
        lex->token = arena_array(lex->mistakes->arena, struct token, lex->cap);
        if (old) memcpy(lex->token, old, lex->cnt * sizeof *old);
    }
    lex->token[lex->cnt++] = (struct token){kind, {from, lex->at}, text};
}

static struct str slice(const struct lexer *lex, uint32_t from) {
    return (struct str){lex->text + from, lex->at - from};
}

/* Passes white space and comments; false when a comment is not closed. */
static bool skip_blank(struct lexer *lex) {
    for (;;) {
        while (peek(lex, 0) && strchr(" \t\r\n\f\v", peek(lex, 0))) lex->at++;
        if (peek(lex, 0) == '-' && peek(lex, 1) == '-') {
            while (lex->at < lex->len && peek(lex, 0) != '\n') lex->at++;
        } else if (peek(lex, 0) == '/' && peek(lex, 1) == '*') {
            uint32_t from = lex->at, depth = 0;
            do {
                bool open = peek(lex, 0) == '/' && peek(lex, 1) == '*';
                bool close = peek(lex, 0) == '*' && peek(lex, 1) == '/';
                if (lex->at >= lex->len) {
                    mistake_add(lex->mistakes, ERR_SYNTAX, (struct span){from, from + 2},
                                "this comment is not closed");
                    return false;
                }
                depth += open;
                depth -= close;
                lex->at += open || close ? 2 : 1;
            } while (depth);
        } else {
            return true;
        }
    }
}

static void put_utf8(char **to, uint32_t code) {
    char *at = *to;
    if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) code = 0xFFFD;
    if (code < 0x80) {
        *at++ = (char)code;
    } else if (code < 0x800) {
        *at++ = (char)(0xC0 | code >> 6);
        *at++ = (char)(0x80 | (code & 63));
    } else if (code < 0x10000) {
        *at++ = (char)(0xE0 | code >> 12);
        *at++ = (char)(0x80 | (code >> 6 & 63));
        *at++ = (char)(0x80 | (code & 63));
    } else {
        *at++ = (char)(0xF0 | code >> 18);
        *at++ = (char)(0x80 | (code >> 12 & 63));
        *at++ = (char)(0x80 | (code >> 6 & 63));
        *at++ = (char)(0x80 | (code & 63));
    }
    *to = at;
}

static bool take_hex(struct lexer *lex, uint32_t digits, uint32_t *out) {
    uint32_t code = 0;
    for (uint32_t i = 0; i < digits; i++) {
        char c = peek(lex, 1 + i), low = (char)(c | 0x20);
        if (is_digit(c)) code = code << 4 | (uint32_t)(c - '0');
        else if (low >= 'a' && low <= 'f') code = code << 4 | (uint32_t)(low - 'a' + 10);
        else return false;
    }
    lex->at += digits + 1;
    *out = code;
    return true;
}

/* The piece after a backslash; lex->at stands on it. */
static void take_escape(struct lexer *lex, char **to) {
    static const char from[] = "0bnrtZ", into[] = "\0\b\n\r\t\x1a";
    char c = peek(lex, 0);
    uint32_t code;
    if (c >= '0' && c <= '1' && peek(lex, 1) >= '0' && peek(lex, 1) <= '7' &&
        peek(lex, 2) >= '0' && peek(lex, 2) <= '7') {
        code = (uint32_t)((c - '0') * 64 + (peek(lex, 1) - '0') * 8 + (peek(lex, 2) - '0'));
        lex->at += 3;
        put_utf8(to, code);
        return;
    }
    if ((c == 'u' && take_hex(lex, 4, &code)) || (c == 'U' && take_hex(lex, 8, &code))) {
        put_utf8(to, code);
        return;
    }
    const char *known = c ? strchr(from, c) : NULL;
    if (c == '%' || c == '_') *(*to)++ = '\\'; /* left for LIKE */
    *(*to)++ = known ? into[known - from] : c;
    lex->at++;
}

/* A string; lex->at stands on its quote. */
static bool take_string(struct lexer *lex, uint32_t from, bool raw) {
    char quote = peek(lex, 0);
    char *text = arena_bytes(lex->mistakes->arena, lex->len - lex->at), *to = text;
    for (lex->at++; lex->at < lex->len;) {
        char c = peek(lex, 0);
        if (c == quote && peek(lex, 1) == quote && !raw) {
            *to++ = quote;
            lex->at += 2;
        } else if (c == quote) {
            lex->at++;
            lex->mistakes->arena->at = to;
            add(lex, LEX_STRING, from, (struct str){text, (size_t)(to - text)});
            return true;
        } else if (c == '\\' && !raw && lex->at + 1 < lex->len) {
            lex->at++;
            take_escape(lex, &to);
        } else {
            *to++ = c;
            lex->at++;
        }
    }
    mistake_add(lex->mistakes, ERR_SYNTAX, (struct span){from, from + 1},
                "this string is not closed by %c", quote);
    return false;
}

static bool take_quoted_name(struct lexer *lex) {
    uint32_t from = lex->at++;
    char *text = arena_bytes(lex->mistakes->arena, lex->len - from), *to = text;
    while (lex->at < lex->len) {
        char c = peek(lex, 0);
        lex->at++;
        if (c == '`' && peek(lex, 0) != '`') {
            lex->mistakes->arena->at = to;
            add(lex, LEX_NAME, from, (struct str){text, (size_t)(to - text)});
            return true;
        }
        if (c == '`') lex->at++;
        *to++ = c;
    }
    mistake_add(lex->mistakes, ERR_SYNTAX, (struct span){from, from + 1},
                "this name is not closed by `");
    return false;
}

/* Digits, point, exponent, suffix. "1.a" is not one: a point before a letter is left alone unless
 * the letter is an exponent or a suffix. */
static void take_number(struct lexer *lex) {
    uint32_t from = lex->at;
    while (is_digit(peek(lex, 0))) lex->at++;
    if (peek(lex, 0) == '.') {
        lex->at++;
        while (is_digit(peek(lex, 0))) lex->at++;
    }
    if ((peek(lex, 0) | 0x20) == 'e') {
        uint32_t sign = peek(lex, 1) == '+' || peek(lex, 1) == '-';
        if (is_digit(peek(lex, 1 + sign))) {
            lex->at += 1 + sign;
            while (is_digit(peek(lex, 0))) lex->at++;
        }
    }
    while (is_alpha(peek(lex, 0)) || is_digit(peek(lex, 0))) lex->at++; /* suffix, checked later */
    add(lex, LEX_NUM, from, slice(lex, from));
}

static void take_op(struct lexer *lex) {
    static const char *const ops[] = {">>>", "<=>", "<>", "!=", "==", "<=", ">=", "||", "::",
                                      "->",  "=>",  "<<", ">>"};
    uint32_t from = lex->at;
    for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
        uint32_t len = (uint32_t)strlen(ops[i]);
        if (lex->len - lex->at < len || memcmp(lex->text + lex->at, ops[i], len) != 0) continue;
        lex->at += len;
        add(lex, LEX_OP, from, slice(lex, from));
        return;
    }
    char c = peek(lex, 0);
    lex->at++;
    if (c && strchr("=<>+-*/%|&^~!:.,()[];?", c)) {
        add(lex, LEX_OP, from, slice(lex, from));
        return;
    }
    if ((unsigned char)c < 0x20 || c == 0x7f)
        mistake_add(lex->mistakes, ERR_SYNTAX, (struct span){from, lex->at},
                    "byte 0x%02x does not belong into a query", (unsigned char)c);
    else
        mistake_add(lex->mistakes, ERR_SYNTAX, (struct span){from, lex->at},
                    "'%c' does not belong into a query", c);
}

static bool take_token(struct lexer *lex) {
    char c = peek(lex, 0), next = peek(lex, 1);
    uint32_t from = lex->at;
    if ((c == 'r' || c == 'R') && (next == '\'' || next == '"')) {
        lex->at++;
        return take_string(lex, from, true);
    }
    if (c == '\'' || c == '"') return take_string(lex, from, false);
    if (c == '`') return take_quoted_name(lex);
    if (is_digit(c) || (c == '.' && is_digit(next) &&
                        !(lex->cnt && lex->token[lex->cnt - 1].span.to == from &&
                          lex->token[lex->cnt - 1].kind != LEX_OP))) {
        take_number(lex);
    } else if (is_alpha(c)) {
        while (is_alpha(peek(lex, 0)) || is_digit(peek(lex, 0))) lex->at++;
        add(lex, LEX_WORD, from, slice(lex, from));
    } else {
        take_op(lex);
    }
    return true;
}

int lex_run(struct mistakes *mistakes, struct token **out, uint32_t *cnt) {
    struct lexer lex = {.mistakes = mistakes, .text = mistakes->sql.ptr};
    bool good = mistakes->sql.len <= LEX_SQL_MAX;
    if (!good)
        mistake_add(mistakes, ERR_SYNTAX, (struct span){0, 0},
                    "the query has %zu bytes; the limit is %zu", mistakes->sql.len, LEX_SQL_MAX);
    lex.len = good ? (uint32_t)mistakes->sql.len : 0;
    while (good && (good = skip_blank(&lex)) && lex.at < lex.len) {
        if (lex.cnt == LEX_TOKEN_MAX) {
            mistake_add(mistakes, ERR_SYNTAX, (struct span){lex.at, lex.at},
                        "the query has more than %u words", LEX_TOKEN_MAX);
            good = false;
        } else {
            good = take_token(&lex);
        }
    }
    add(&lex, LEX_END, lex.at, STR(""));
    *out = lex.token;
    *cnt = lex.cnt;
    return good ? 0 : err_fail(ERR_SYNTAX, "the query's text cannot be read");
}
