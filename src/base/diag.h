/* diag.h - words for people: the one sink of everything the process says.
 *
 * A line has a level, the tier that speaks and a sentence. It goes to stderr as text or JSON, and
 * the last DIAG_KEEP lines are kept for the UI, secrets blotted out (redact.h). Thread: any.
 * Limits: a line is cut at DIAG_LINE_MAX with "...". */
#ifndef BASE_DIAG_H
#define BASE_DIAG_H

#include "base/base.h"
#include "base/str.h"

#define DIAG_LINE_MAX 2048
#define DIAG_KEEP     1000

enum diag_level { DIAG_DEBUG, DIAG_INFO, DIAG_WARN, DIAG_ERROR, DIAG_OFF };

void diag_setup(enum diag_level least, bool json); /* once, before threads; default: INFO, text */
void diag_say(enum diag_level level, const char *tier, const char *format, ...) PRINTF_LIKE(3, 4);

#define diag_debug(tier, ...) diag_say(DIAG_DEBUG, tier, __VA_ARGS__)
#define diag_info(tier, ...)  diag_say(DIAG_INFO, tier, __VA_ARGS__)
#define diag_warn(tier, ...)  diag_say(DIAG_WARN, tier, __VA_ARGS__)
#define diag_error(tier, ...) diag_say(DIAG_ERROR, tier, __VA_ARGS__)

/* Calls `each` for the kept lines, oldest first. seq rises by one a line. */
void diag_each(void (*each)(void *arg, uint64_t seq, int64_t now_us, enum diag_level level,
                            const char *tier, const char *text), void *arg);
const char *diag_level_name(enum diag_level level); /* "info" */

#endif
