/* segscan.h - a walk over the batches of a segment's file.
 *
 *     segscan_open(&scan, file, from, limit, check);
 *     while (segscan_next(&scan, &head)) ...      scan.at: where this batch begins
 *     err = segscan_close(&scan);                 0 when the limit was met exactly
 *
 * With `check` whole batches are read and their CRCs compared, and scan.batch are the bytes; else
 * only heads are. After a stop scan.pos is where the last sound batch ends.
 *
 * Thread: one at a time. Errors: ERR_CORRUPT naming file and position, and those of env_read. */
#ifndef LOG_EMBEDDED_SEGSCAN_H
#define LOG_EMBEDDED_SEGSCAN_H

#include "base/env.h"
#include "wire/kafka/recbatch.h"

struct segscan {
    struct env_file *file; /* borrowed */
    int64_t at, pos, limit;
    bool check;
    struct str batch;
    char *win; /* what was read: win_len bytes from win_pos */
    size_t win_len, win_cap;
    int64_t win_pos;
    int err;
};

void segscan_open(struct segscan *scan, struct env_file *file, int64_t from, int64_t limit,
                  bool check);
bool segscan_next(struct segscan *scan, struct recbatch_head *head) MUST_USE;
/* Do bases and lengths of the batches in a row agree? A batch's base offset is not under its CRC:
 * one that does not begin where the last ended is not believed, and neither is it a reason not to
 * believe the next. Begin with expect = the first base, or -1 when it is not known. */
struct segscan_row {
    int64_t expect; /* where the next batch should begin, by count */
    int64_t other;  /* where it would, by the last batch's own word; -1: the same */
};
bool segscan_row_fits(struct segscan_row *row, const struct recbatch_head *head);
int segscan_close(struct segscan *scan); /* scan->err */

#endif
