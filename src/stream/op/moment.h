/* moment.h - moments beyond model/when.h: months added, intervals as text, times without a date. */
#ifndef STREAM_OP_MOMENT_H
#define STREAM_OP_MOMENT_H

#include "model/when.h"

int64_t moment_floor(int64_t v, int64_t unit); /* v / unit, rounded down */
/* The same day `months` later, or the last of that month. */
int64_t moment_add_months(int64_t days, int64_t months);
void moment_put_dt(int64_t us, struct buf *out);     /* INTERVAL '..' DAY TO SECOND */
void moment_put_ym(int32_t months, struct buf *out); /* INTERVAL '..' YEAR TO MONTH */
/* As CAST reads a TIMESTAMP; a text with only a time is of the day of `now_us`. */
bool moment_read(struct str text, int64_t now_us, int64_t *us);
/* As CAST reads a TIMESTAMP_NTZ: a zone is passed over. */
bool moment_read_wall(struct str text, int64_t *us);

#endif
