/* finding.h - what was found when a tier was asked whether it can be used, and what to do.
 *
 * Each tier that may run elsewhere has a hook in its table that opens nothing for good: it
 * connects, asks, tells its findings one by one, and leaves no trace (a probe that must make
 * something removes it, and says so). A finding that is not FINDING_OK has a remedy.
 *
 * Thread: one. Memory: texts are borrowed for the call of `say`. Limits: FINDING_TEXT_MAX bytes. */
#ifndef MODEL_FINDING_H
#define MODEL_FINDING_H

#include "base/base.h"

#define FINDING_TEXT_MAX 1024

enum finding_state { FINDING_OK, FINDING_WARN, FINDING_BAD };
struct finding_to {
    void (*say)(void *arg, enum finding_state state, const char *text, const char *remedy);
    void *arg;
};
void finding_ok(const struct finding_to *to, const char *format, ...) PRINTF_LIKE(2, 3);
void finding_warn(const struct finding_to *to, const char *remedy, const char *format,
                  ...) PRINTF_LIKE(3, 4);
void finding_bad(const struct finding_to *to, const char *remedy, const char *format,
                 ...) PRINTF_LIKE(3, 4);
/* The note of an error, with the remedy that its kind has. */
void finding_err(const struct finding_to *to, int err);
/* Is `version` one of the families in `known`, e.g. "4.1 5" for 4.1.x and 5.x? */
bool finding_known(const char *version, const char *known);

#endif
