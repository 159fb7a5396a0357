/* report.h - every mistake of a file, each where it is: file, line, column, cause, remedy.
 *
 * Text form, as compilers print it:
 *     users.yml:12:5: error: unknown key 'ur'
 *        12 |     ur: https://...
 *           |     ^~
 *        did you mean 'url'?
 * Lines and columns count from 1. Thread: one at a time. Limits: REPORT_MAX mistakes are kept; a
 * last line says how many more there were. */
#ifndef PIPELINE_REPORT_H
#define PIPELINE_REPORT_H

#include "base/arena.h"
#include "base/buf.h"

#define REPORT_MAX 200

struct report_at {
    struct str file, source; /* source: the whole text of the file, for the line shown */
    uint32_t line, col, len;
};
struct report_item {
    struct report_at at;
    struct str text, hint;
};
struct report {
    struct arena arena;
    struct report_item *item;
    size_t cnt, more;
    bool warnings; /* what is in it is no mistake, only to be known */
};

void report_init(struct report *report);
void report_fini(struct report *report);
/* Of one file they are kept in the order of their places. hint may be "". */
void report_add(struct report *report, struct report_at at, struct str text, struct str hint);
void report_addf(struct report *report, struct report_at at, struct str hint, const char *format,
                 ...) PRINTF_LIKE(4, 5);
void report_text(const struct report *report, bool color, struct buf *out);
void report_json(const struct report *report, struct buf *out); /* an array of objects */
/* "did you mean 'a' or 'b'?" from the names nearest to `wrong`; else "it may be: a, b, c". */
struct str report_nearest(struct report *report, struct str wrong, const struct str *names,
                          size_t cnt);

#endif
