/* cqllex.h - CQL text as tokens.
 *
 * Bare names come in lower case, quoted ones and strings without their quotes; what points into the
 * text does so, the rest is in the arena. Thread: one at a time. */
#ifndef STORE_CQL_CQLLEX_H
#define STORE_CQL_CQLLEX_H

#include "base/arena.h"

enum cqllex_kind {
    CQLLEX_END,
    CQLLEX_NAME,     /* bare: perhaps a keyword */
    CQLLEX_QUOTED,   /* "Name" */
    CQLLEX_STRING,
    CQLLEX_INT,
    CQLLEX_FLOAT,
    CQLLEX_HEX,      /* 0x... */
    CQLLEX_UUID,
    CQLLEX_DURATION,
    CQLLEX_MARK,     /* ? (a named one is a sign : and a name) */
    CQLLEX_SIGN,     /* one of ( ) [ ] { } , ; . : = < > + - * / % or <= >= != */
};
struct cqllex_token {
    enum cqllex_kind kind;
    struct str text;
    size_t pos, len; /* in the statement */
};
struct cqllex {
    struct str text;
    size_t pos;
    struct arena *arena;
};
/* ERR_SYNTAX with Cassandra's "line 1:7 ...". At the end: CQLLEX_END again and again. */
int cqllex_next(struct cqllex *lex, struct cqllex_token *out) MUST_USE;
void cqllex_place(struct str text, size_t pos, int *line, int *col); /* line from 1, col from 0 */
bool cqllex_reserved(struct str name);                               /* in lower case */

#endif
