/* logfile.c - small whole files. */
#include "log/embedded/logfile.h"

#include "base/crc.h"
#include "base/err.h"

#define HEAD 12
#define TAIL 4

int logfile_write(struct env *env, const char *path, const struct logfile_kind *kind,
                  struct str body) {
    struct buf out;
    buf_init(&out, LOGFILE_MAX);
    buf_put(&out, kind->magic, 8);
    buf_i32(&out, kind->version);
    buf_puts(&out, body);
    buf_i32(&out, (int32_t)crc_32c(buf_str(&out).ptr, out.len));
    int err = out.full ? err_fail(ERR_TOO_BIG, "%s grows past %zu bytes", path, LOGFILE_MAX)
                       : env_write_whole(env, path, buf_str(&out));
    buf_fini(&out);
    return err;
}

static int check(const char *path, const struct logfile_kind *kind, const char *bytes, size_t len) {
    if (len < HEAD + TAIL || memcmp(bytes, kind->magic, 8) != 0)
        return err_fail(ERR_CORRUPT, "%s is not what it should be: no head", path);
    struct rbuf tail = rbuf_of(bytes + len - TAIL, TAIL);
    if (rbuf_u32(&tail) != crc_32c(bytes, len - TAIL))
        return err_fail(ERR_CORRUPT, "%s is damaged: it fails its CRC", path);
    struct rbuf head = rbuf_of(bytes + 8, 4);
    int32_t version = rbuf_i32(&head);
    if (version > kind->version || version < 1)
        return err_fail(ERR_UNSUPPORTED,
                        "%s has format %d, this program knows up to %d; use a "
                        "newer one",
                        path, version, kind->version);
    return 0;
}

int logfile_read(struct env *env, const char *path, const struct logfile_kind *kind, char **bytes,
                 struct rbuf *body) {
    size_t len = 0;
    *bytes = NULL;
    int err = env_read_whole(env, path, LOGFILE_MAX, bytes, &len);
    if (!err) err = check(path, kind, *bytes, len);
    if (err) {
        base_free(*bytes);
        *bytes = NULL;
        return err;
    }
    *body = rbuf_of(*bytes + HEAD, len - HEAD - TAIL);
    return 0;
}
