/* logfile.h - the small whole files of the log: a head, a body, a CRC.
 *
 *   pos   size  what
 *     0      8  magic, names the kind
 *     8      4  format version; a newer one than ours is refused
 *    12    len  body
 *  12+len    4  CRC-32C of all before
 *
 * Errors: ERR_CORRUPT, ERR_UNSUPPORTED (newer), ERR_NOT_FOUND, those of env. */
#ifndef LOG_EMBEDDED_LOGFILE_H
#define LOG_EMBEDDED_LOGFILE_H

#include "base/buf.h"
#include "base/env.h"
#include "base/rbuf.h"

#define LOGFILE_MAX ((size_t)64 << 20)

struct logfile_kind {
    char magic[9];
    int32_t version;
};
/* Writes the file atomically and durably. */
int logfile_write(struct env *env, const char *path, const struct logfile_kind *kind,
                  struct str body) MUST_USE;
/* *bytes holds the body (heap, the caller's), *body reads it. */
int logfile_read(struct env *env, const char *path, const struct logfile_kind *kind, char **bytes,
                 struct rbuf *body) MUST_USE;

#endif
