/* err.c - the error table and each thread's note. */
#include "base/err.h"

#include "base/redact.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

struct err_row {
    const char *name, *text;
    bool retry;
    int16_t kafka;
    int32_t cql;
    int http;
};

static const struct err_row rows[ERR_CNT] = {
    [0] = {"OK", "ok", false, 0, 0, 200},
#define ERR_ROW(name, text, retry, kafka, cql, http)                                              \
    [ERR_POS_##name] = {#name, text, retry, kafka, cql, http},
    ERR_TABLE(ERR_ROW)
#undef ERR_ROW
};

static _Thread_local char note[ERR_NOTE_MAX];

static const struct err_row *row_of(int err) {
    assert(err <= 0 && -err < ERR_CNT);
    return &rows[-err];
}

/* Marks a sentence that did not fit, so that nobody reads a cut one as whole; no secret stays. */
static void note_finish(int len) {
    if (len >= (int)sizeof note) memcpy(note + sizeof note - 4, "...", 4);
    redact_text(note);
}

int err_fail(enum err err, const char *format, ...) {
    va_list args;
    va_start(args, format);
    note_finish(vsnprintf(note, sizeof note, format, args));
    va_end(args);
    return err;
}

int err_fail_os(enum err err, int errnum, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int len = vsnprintf(note, sizeof note, format, args);
    va_end(args);
    if (len >= 0 && len < (int)sizeof note) {
        char buf[128];
        const char *why = strerror_r(errnum, buf, sizeof buf);
        len += snprintf(note + len, sizeof note - (size_t)len, ": %s", why);
    }
    note_finish(len);
    if (err == ERR_IO && (errnum == ENOSPC || errnum == EDQUOT)) return ERR_FULL;
    return err;
}

int err_add(int err, const char *format, ...) {
    char head[256], old[ERR_NOTE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(head, sizeof head, format, args);
    va_end(args);
    memcpy(old, note, sizeof old);
    note_finish(snprintf(note, sizeof note, "%s: %s", head, old));
    return err;
}

const char *err_note(void) {
    return note;
}

const char *err_name(int err) {
    return row_of(err)->name;
}

const char *err_text(int err) {
    return row_of(err)->text;
}

bool err_retry(int err) {
    return row_of(err)->retry;
}

int16_t err_kafka(int err) {
    return row_of(err)->kafka;
}

int32_t err_cql(int err) {
    return row_of(err)->cql;
}

int err_http(int err) {
    return row_of(err)->http;
}
