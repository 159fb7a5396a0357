/* mistake.h - what is wrong with a query, collected so that all of it can be shown at once.
 *
 * Places are byte offsets into the SQL text; line and column are counted when the list is handed
 * out. Limits: MISTAKE_MAX are kept, of several at one place the first.
 * Memory: texts live in the arena. Thread: one at a time. */
#ifndef STREAM_SQL_MISTAKE_H
#define STREAM_SQL_MISTAKE_H

#include "base/err.h"
#include "stream/stream.h"

#define MISTAKE_MAX 32

/* A piece of the query's text: bytes from .. to-1. */
struct span {
    uint32_t from, to;
};
struct mistake {
    struct span span;
    bool placed;       /* false: the text names its own place (an expectation) */
    struct str text, hint;
};
struct mistakes {
    struct arena *arena;
    struct str sql;
    struct str prefix; /* put before each text; set while an expectation is looked at */
    int err;           /* ERR_SYNTAX or ERR_TYPE of the first one; 0 */
    struct mistake list[MISTAKE_MAX];
    uint32_t cnt;
};

void mistake_init(struct mistakes *all, struct arena *arena, struct str sql);
/* Notes one; returns the mistake so that a hint can be added, never NULL. */
struct mistake *mistake_add(struct mistakes *all, enum err err, struct span span,
                            const char *format, ...) PRINTF_LIKE(4, 5);
void mistake_hint(struct mistakes *all, struct mistake *mistake, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* "did you mean a, b?" when some of the names are near. */
void mistake_near(struct mistakes *all, struct mistake *mistake, struct str wrong,
                  const struct str *names, size_t cnt);
/* Sorted by place, with lines and columns. Returns all->err, with the first as the note. */
int mistake_done(struct mistakes *all, struct stream_errors *out);

#endif
