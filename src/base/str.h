/* str.h - a borrowed run of bytes: pointer and length, no terminator promised.
 *
 * ptr == NULL is "no value" where a protocol has such a thing; an empty value has a non-NULL ptr.
 * Memory: never owned; whoever hands one out says how long it lives. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include "base/base.h"

struct str {
    const char *ptr;
    size_t len;
};

#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
#define STR_INIT(literal) {"" literal, sizeof(literal) - 1} /* of a static variable */
#define STR_NULL     ((struct str){NULL, 0})
#define STR_ARG(s)   (int)(s).len, (s).ptr ? (s).ptr : "" /* for "%.*s" */

struct str str_of(const char *text); /* NULL gives STR_NULL */
bool str_eq(struct str a, struct str b);
bool str_eqz(struct str a, const char *b);
bool str_ieq(struct str a, struct str b); /* ASCII letters only */
int str_cmp(struct str a, struct str b);  /* bytes, unsigned, then length */
bool str_starts(struct str text, struct str head);
bool str_ends(struct str text, struct str tail);
struct str str_trim(struct str text); /* without ASCII white space at both ends */
/* The part before the first `sep`, and *rest after it; without one, all and *rest = STR_NULL. */
struct str str_cut(struct str text, char sep, struct str *rest);
uint64_t str_hash(struct str text);

/* Decimal integers, whole text, optional sign: ERR_INVAL, ERR_RANGE. */
int str_i64(struct str text, int64_t *out) MUST_USE;
int str_f64(struct str text, double *out) MUST_USE;

/* Letters to insert, drop, replace or swap with the next, case ignored, of texts up to 64 bytes;
 * longer ones count as far. */
size_t str_distance(struct str a, struct str b);
/* The names of `names` nearest to `wrong`, best first, at most `max` and none further than a third
 * of its length + 1. Returns how many were put into `near`. For "did you mean". */
size_t str_near(struct str wrong, const struct str *names, size_t cnt, struct str *near,
                size_t max);

/* Is it well-formed UTF-8 (no surrogates, no overlong forms)? */
bool str_utf8(struct str text);

#endif
