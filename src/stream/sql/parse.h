/* parse.h - SQL text to a tree. Recursive, with AST_DEPTH_MAX levels of nesting.
 *
 * A mistake in one item of the SELECT list or one clause does not hide those in the next. */
#ifndef STREAM_SQL_PARSE_H
#define STREAM_SQL_PARSE_H

#include "stream/sql/ast.h"

/* Both return NULL when something is wrong and note it; parse_query() may return a tree besides,
 * with what could be read, so that it can be checked for more mistakes. */
struct ast_query *parse_query(struct mistakes *mistakes);
struct ast *parse_one(struct mistakes *mistakes); /* the text is a single expression */

#endif
