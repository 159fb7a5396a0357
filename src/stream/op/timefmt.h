/* timefmt.h - Spark's datetime patterns: 'yyyy-MM-dd HH:mm:ss.SSS', writing and reading.
 *
 *   letter  what                       text for 2024-01-05 13:02:03.045
 *   y       year                       yy 24, yyyy 2024, yyyyyy 002024
 *   M L     month                      M 1, MM 01, MMM Jan, MMMM January
 *   d D     day of month, of year      d 5, dd 05; D 5, DDD 005
 *   E       day of week                E Fri, EEEE Friday
 *   F       week of month              1
 *   Q q     quarter                    Q 1, QQ 01, QQQ Q1, QQQQ 1st quarter
 *   a G     half of day, era           PM; G AD, GGGG Anno Domini
 *   H k K h hour 0-23 1-24 0-11 1-12
 *   m s     minute, second
 *   S       fraction, 1 to 9 digits    SSS 045
 *   V z     zone                       VV UTC, z UTC, zzzz Coordinated Universal Time
 *   O X x Z offset                     O GMT, X Z, xxx +00:00, Z +0000
 *   '..'    text; '' a quote           [..] optional when reading
 *
 * The session's zone is UTC, so zones are written as such; a zone that is read moves the moment.
 * Thread: a compiled pattern is constant. Memory: the arena given. */
#ifndef STREAM_OP_TIMEFMT_H
#define STREAM_OP_TIMEFMT_H

#include "base/arena.h"
#include "base/buf.h"

#define TIMEFMT_ITEM_MAX 256

struct timefmt;

/* ERR_SYNTAX, with a sentence: a letter that is not there, or too many of it, or one that is only
 * for writing (E, F, Q, q). */
int timefmt_compile(struct str pattern, bool reading, struct arena *arena,
                    const struct timefmt **out) MUST_USE;
void timefmt_write(const struct timefmt *fmt, int64_t us, struct buf *out);
/* Microseconds since 1970 UTC. false: the text does not have this form, or names no moment. What
 * the pattern leaves out is 1970, January, the 1st, midnight. */
bool timefmt_read(const struct timefmt *fmt, struct str text, int64_t *us);

#endif
