/* cqlparse.h - CQL text -> cqlast: recursive descent, with a limit on depth and counts.
 *
 * Thread: any. Errors: ERR_SYNTAX with the place, "line 1:7 no viable alternative at input 'x'". */
#ifndef STORE_CQL_CQLPARSE_H
#define STORE_CQL_CQLPARSE_H

#include "store/cql/cqlast.h"
#include "store/cql/cqllex.h"

#define CQLPARSE_DEPTH_MAX 64
#define CQLPARSE_ITEM_MAX  65535 /* of any list in a statement */

int cqlparse_run(struct str text, struct arena *arena, struct cqlast_whole *out) MUST_USE;

/* ---- between cqlparse.c and cqlparse_ddl.c ---- */
struct cqlparse_list { /* a growing array in the arena */
    void *ptr;
    size_t cnt, cap;
};
struct cqlparse {
    struct cqllex lex;
    struct cqllex_token now, ahead; /* the token to be read, and the one behind it */
    size_t done;                    /* where the token before ended */
    struct arena *arena;
    int depth;
    struct cqlparse_list marks; /* struct cqlast_mark */
};
void *cqlparse_push(struct cqlparse *p, struct cqlparse_list *list, size_t size); /* NULL: full */
int cqlparse_advance(struct cqlparse *p) MUST_USE;
bool cqlparse_is(const struct cqlparse *p, const char *word);   /* the keyword is next */
bool cqlparse_sign(const struct cqlparse *p, const char *sign); /* the sign is next */
int cqlparse_accept(struct cqlparse *p, const char *word_or_sign, bool *found) MUST_USE;
int cqlparse_expect(struct cqlparse *p, const char *word_or_sign) MUST_USE;
int cqlparse_unexpected(const struct cqlparse *p);
int cqlparse_name(struct cqlparse *p, struct str *out) MUST_USE;
int cqlparse_table(struct cqlparse *p, struct cqlast *ast) MUST_USE; /* [keyspace.]name */
int cqlparse_term(struct cqlparse *p, struct cqlterm **out) MUST_USE;
int cqlparse_names(struct cqlparse *p, struct str **out, uint16_t *cnt) MUST_USE; /* a, b, c */
int cqlparse_ddl(struct cqlparse *p, struct cqlast *ast, bool *found) MUST_USE;
int cqlparse_type(struct cqlparse *p, struct str *out) MUST_USE; /* its text */

#endif
