/* lex.h - the words of a query.
 *
 * Spark's: strings in single or double quotes with backslash escapes, '' inside quotes, r'raw',
 * back-quoted names, numbers with suffixes, comments of both kinds (nested ones too).
 * Limits: LEX_SQL_MAX bytes, LEX_TOKEN_MAX tokens. Memory: the arena; texts may point into sql. */
#ifndef STREAM_SQL_LEX_H
#define STREAM_SQL_LEX_H

#include "stream/sql/mistake.h"

#define LEX_SQL_MAX   ((size_t)1 << 20)
#define LEX_TOKEN_MAX ((uint32_t)200000)

enum lex_kind {
    LEX_END,
    LEX_WORD,   /* a keyword or a name; text as written */
    LEX_NAME,   /* a name in back-quotes; text without them */
    LEX_STRING, /* text with escapes resolved */
    LEX_NUM,    /* text as written, suffix included */
    LEX_OP,
};
struct token {
    enum lex_kind kind;
    struct span span;
    struct str text;
};
/* Cuts the whole text, a LEX_END last. ERR_SYNTAX with the mistake noted when nothing can follow;
 * lesser mistakes (a stray character) are noted and passed over. */
int lex_run(struct mistakes *mistakes, struct token **out, uint32_t *cnt) MUST_USE;

#endif
