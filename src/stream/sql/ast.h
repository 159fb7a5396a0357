/* ast.h - a query as it was written: names not yet resolved, types not yet known.
 *
 * Operators are calls too: "a + b" is a call of "+", "a IS NULL" of "isnull", "a[i]" of "[]". Every
 * node keeps its place in the text. Memory: the arena of the parse. */
#ifndef STREAM_SQL_AST_H
#define STREAM_SQL_AST_H

#include "model/batch.h"
#include "stream/sql/mistake.h"

#define AST_DEPTH_MAX  256  /* brackets and calls within each other */
#define AST_HEIGHT_MAX 1024 /* of the tree: "a + a + a ..." is as high as it is long */
#define AST_ARG_MAX   4096

enum ast_kind {
    AST_LITERAL, /* value */
    AST_NAME,    /* a dotted path: part[0] .. part[cnt-1] */
    AST_STAR,    /* part: the qualifier, if any */
    AST_CALL,    /* name, kid: arguments */
    AST_CASE,    /* kid: [operand, when soft] then when, then, when, then ... [else] */
    AST_CAST,    /* kid[0], type; soft: try_cast */
    AST_FIELD,   /* kid[0] . name */
    AST_STRUCT,  /* struct(a, b AS c): kid, part: the names (ptr NULL: none) */
};
struct ast {
    enum ast_kind kind;
    struct span span;
    struct span name_span;
    struct str name;
    struct str *part;
    struct span *part_span;
    uint32_t part_cnt;
    struct ast **kid;
    uint32_t cnt;
    const struct type *type;
    const struct vec *value;
    uint32_t height;
    bool soft;
};

struct ast_item { /* of the SELECT list */
    struct ast *expr;
    struct str alias; /* ptr NULL: none */
    struct span span;
};
struct ast_query {
    struct ast_item *item;
    uint32_t item_cnt;
    struct str topic, alias; /* alias.ptr NULL: none */
    struct span topic_span;
    struct ast *where;      /* NULL: none */
    struct ast *wm;         /* WATERMARK expression; NULL: none */
    int64_t wm_delay_us;
};

#endif
