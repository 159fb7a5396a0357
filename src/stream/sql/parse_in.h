/* parse_in.h - what the parser's files share; for parse*.c only. */
#ifndef STREAM_SQL_PARSE_IN_H
#define STREAM_SQL_PARSE_IN_H

#include "base/err.h"
#include "stream/sql/lex.h"
#include "stream/sql/parse.h"

struct parser {
    struct mistakes *mistakes;
    struct arena *arena;
    const struct token *token;
    uint32_t at; /* the next token; the last one is LEX_END */
    uint32_t depth;
};

/* ---- parse.c: tokens ---- */
const struct token *parse_peek(const struct parser *in, uint32_t ahead);
const struct token *parse_take(struct parser *in); /* stays on LEX_END */
bool parse_is_op(const struct parser *in, uint32_t ahead, const char *op);
bool parse_is_word(const struct parser *in, uint32_t ahead, const char *word);
bool parse_op(struct parser *in, const char *op);     /* takes it when it is next */
bool parse_word(struct parser *in, const char *word);
/* Notes "expected X, found Y" at the next token. */
struct mistake *parse_note(struct parser *in, const char *expected);
void *parse_fail(struct parser *in, const char *expected); /* the same, for `return` */
bool parse_want_op(struct parser *in, const char *op); /* false: noted */
bool parse_want_word(struct parser *in, const char *word);
bool parse_reserved(struct str word); /* may not name a thing without back-quotes */
/* A name; ptr NULL: noted. */
struct str parse_name(struct parser *in, const char *what);
struct ast *parse_node(struct parser *in, enum ast_kind kind, struct span span);
void parse_kid(struct parser *in, struct ast *node, struct ast *kid);

/* ---- parse_expr.c ---- */
struct ast *parse_expr(struct parser *in);
struct ast *parse_expr_operand(struct parser *in); /* of a predicate: takes no IN, LIKE ... */

/* ---- parse_call.c: what begins with a word or a name ---- */
struct ast *parse_call_or_name(struct parser *in);
struct ast *parse_call_node(struct parser *in, const char *name, struct span span);
const struct type *parse_call_type(struct parser *in); /* after AS or ::; NULL: noted */

/* ---- parse_lit.c ---- */
struct ast *parse_lit_text(struct parser *in, struct str text, struct span span);
struct ast *parse_lit_string(struct parser *in); /* one or several LEX_STRING, joined */
struct ast *parse_lit_number(struct parser *in, bool negative);
/* TRUE, NULL, DATE '..' and so on; false: none is next. *out NULL: noted. */
bool parse_lit_word(struct parser *in, struct ast **out);
struct ast *parse_lit_interval(struct parser *in); /* after INTERVAL */

#endif
