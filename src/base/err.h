/* err.h - what can go wrong, and how the other protocols name it.
 *
 * A function that can fail returns int: 0, or a negative `enum err`. The sentence for a person is
 * in a note of the calling thread, written by err_fail() where the cause is known and propagated
 * untouched: it names place, cause and remedy. One table holds each error's name, whether a retry
 * may help, and its code in Kafka, CQL and HTTP.
 *
 * Thread: every thread has its own note. Limits: a note is cut at ERR_NOTE_MAX bytes, with "...".
 * No note holds a secret (redact.h).
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/base.h"

#define ERR_NOTE_MAX 1024

/*     name        text                         retry  kafka  cql     http */
#define ERR_TABLE(X)                                                                              \
    X(INVAL,       "invalid argument",          false, 42,    0x2200, 400)                        \
    X(SYNTAX,      "syntax error",              false, 42,    0x2000, 400)                        \
    X(TRUNC,       "input cut short",           false, 42,    0x000A, 400)                        \
    X(CORRUPT,     "corrupt data",              false, 2,     0x0000, 400)                        \
    X(TOO_BIG,     "over a limit",              false, 10,    0x2200, 413)                        \
    X(NOT_FOUND,   "not found",                 false, 3,     0x2200, 404)                        \
    X(EXISTS,      "already exists",            false, 36,    0x2400, 409)                        \
    X(TYPE,        "type mismatch",             false, 42,    0x2200, 422)                        \
    X(CONFIG,      "configuration error",       false, 40,    0x2300, 400)                        \
    X(CONFLICT,    "conflict",                  false, 42,    0x2200, 409)                        \
    X(DENIED,      "not allowed",               false, 29,    0x2100, 403)                        \
    X(AUTH,        "authentication failed",     false, 58,    0x0100, 401)                        \
    X(UNSUPPORTED, "not supported",             false, 35,    0x2200, 501)                        \
    X(RANGE,       "out of range",              false, 1,     0x2200, 416)                        \
    X(SEQUENCE,    "out of order sequence",     false, 45,    0x0000, 409)                        \
    X(FENCED,      "fenced by a newer owner",   false, 90,    0x0000, 409)                        \
    X(AGAIN,       "busy, nothing was done",    true,  7,     0x1001, 503)                        \
    X(TIMEOUT,     "timed out",                 true,  7,     0x1200, 504)                        \
    X(NET,         "network failure",           true,  13,    0x1000, 502)                        \
    X(FULL,        "no space left",             true,  56,    0x1500, 507)                        \
    X(IO,          "input/output error",        false, 56,    0x0000, 500)                        \
    X(STOPPED,     "stopping",                  true,  7,     0x1001, 503)                        \
    X(INTERNAL,    "internal error",            false, -1,    0x0000, 500)

enum err {
    ERR_NONE = 0,
#define ERR_ENUM(name, text, retry, kafka, cql, http) ERR_POS_##name,
    ERR_TABLE(ERR_ENUM)
#undef ERR_ENUM
    ERR_CNT,
#define ERR_ENUM(name, text, retry, kafka, cql, http) ERR_##name = -ERR_POS_##name,
    ERR_TABLE(ERR_ENUM)
#undef ERR_ENUM
};

/* Notes the sentence and returns `err`, so that `return err_fail(ERR_IO, "...")` reads well. */
int err_fail(enum err err, const char *format, ...) PRINTF_LIKE(2, 3);
/* As err_fail(), and appends the text of `errnum` (an errno value). ENOSPC/EDQUOT turn ERR_IO
 * into ERR_FULL. */
int err_fail_os(enum err err, int errnum, const char *format, ...) PRINTF_LIKE(3, 4);
/* Puts "context: " before the present note; returns `err`. For the one caller that knows more. */
int err_add(int err, const char *format, ...) PRINTF_LIKE(2, 3);

const char *err_note(void);      /* the calling thread's last sentence; never NULL */
const char *err_name(int err);   /* "TRUNC"; "OK" for 0 */
const char *err_text(int err);   /* "input cut short" */
bool err_retry(int err);         /* may the same call succeed later? */
int16_t err_kafka(int err);      /* Kafka error code; 0 for 0 */
int32_t err_cql(int err);        /* CQL error code */
int err_http(int err);           /* HTTP status; 200 for 0 */

#endif
