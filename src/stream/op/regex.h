/* regex.h - java.util.regex patterns run by PCRE2 with its JIT, each search with a limit.
 *
 * A pattern is translated where the two differ: \uXXXX, \p{Alpha} and its like, \p{IsLatin},
 * named octals. Refused with a sentence: classes within classes, [a&&b], \p{InBlock}. Known
 * differences that stay: (?i) folds all of Unicode (Java: ASCII), a line ends at CR, LF, CRLF only.
 *
 * Limits: REGEX_STEP_MAX steps a search; a search over it is a mistake of its row. After
 * REGEX_STRIKE_MAX of these in one batch the limit drops, so that a hostile pattern costs a bounded
 * time. Memory: a regex_set keeps the patterns it met, REGEX_KEPT of them. Thread: one. */
#ifndef STREAM_OP_REGEX_H
#define STREAM_OP_REGEX_H

#include "stream/op/func.h"

#define REGEX_STEP_MAX    4000000u
#define REGEX_STEP_LOW    20000u
#define REGEX_STRIKE_MAX  4
#define REGEX_KEPT        64
#define REGEX_GROUP_MAX   99
#define REGEX_PATTERN_MAX ((size_t)64 * 1024)

struct regex_set;
struct regex;

struct regex_set *regex_open(void);
void regex_close(void *set); /* a struct regex_set; NULL is allowed */
/* The compiled pattern, kept in the set; NULL with *why a sentence in `arena`. */
struct regex *regex_get(struct regex_set *set, struct str pattern, struct arena *arena,
                        struct str *why);
uint32_t regex_groups(const struct regex *regex); /* capture groups */
int regex_named(const struct regex *regex, struct str name); /* its number, or -1 */

/* A search through one text. */
struct regex_find {
    struct regex_set *set;
    struct regex *regex;
    struct func_ctx *ctx;
    uint32_t row;
    struct str text;
    size_t next;         /* where the next search begins; SIZE_MAX: no more */
    const size_t *group; /* pairs: begin, end; SIZE_MAX: took no part */
};
/* Of a new batch: the strikes are forgotten. */
void regex_batch(struct regex_set *set);
/* false, with the row marked: the text is not UTF-8. */
bool regex_begin(struct regex_find *find, struct regex_set *set, struct regex *regex,
                 struct func_ctx *ctx, uint32_t row, struct str text);
/* The next match, as Java's find(): after an empty match it goes on one character later. false: no
 * more, or the row is marked (over the limit). */
bool regex_next(struct regex_find *find);
static inline struct str regex_group(const struct regex_find *find, uint32_t n) {
    size_t from = find->group[2 * n], to = find->group[2 * n + 1];
    return from == SIZE_MAX ? STR_NULL : (struct str){find->text.ptr + from, to - from};
}

#endif
