/* redact.h - texts that must never be shown: passwords, tokens, keys.
 *
 * Whoever reads a secret adds it once; the sinks of words (diag.h, err.h, reports) replace every
 * occurrence by "***" before anybody sees it. Thread: any. Limits: REDACT_MAX secrets; one shorter
 * than REDACT_LEN_MIN is not taken, for it would blot out ordinary words. */
#ifndef BASE_REDACT_H
#define BASE_REDACT_H

#include "base/buf.h"

#define REDACT_MAX     256
#define REDACT_LEN_MIN 4

/* A copy is kept for ever. ERR_INVAL: too short; ERR_FULL: too many. */
int redact_add(struct str secret) MUST_USE;
size_t redact_bytes(char *ptr, size_t len); /* in place; returns the length that is left */
void redact_text(char *text);               /* the same, ending in 0 */
void redact_buf(struct buf *buf);

#endif
