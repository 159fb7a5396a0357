/* secret.c - finding secrets by name, and knowing passwords where they are written out. */
#include "pipeline/secret.h"

#include "base/err.h"
#include "base/redact.h"
#include "model/address.h"

#include <stdlib.h>

bool secret_named(struct str text, struct str *name) {
    struct str head = STR("secret:");
    if (!str_starts(text, head)) return false;
    *name = (struct str){text.ptr + head.len, text.len - head.len};
    return true;
}

static int check_name(struct str name) {
    bool good = name.len > 0 && name.len <= SECRET_NAME_MAX && name.ptr[0] != '.';
    for (size_t i = 0; i < name.len && good; i++) {
        char c = name.ptr[i];
        good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-' || c == '.';
    }
    if (good) return 0;
    return err_fail(ERR_INVAL, "a secret's name is made of letters, digits, '_', '-' and '.', and "
                    "is at most %d long", SECRET_NAME_MAX);
}

/* The file's text without its last line end. */
static int read_secret(const struct secret_in *in, const char *path, struct str *out) {
    char *text = NULL;
    size_t len = 0;
    int err = env_read_whole(in->env, path, SECRET_MAX, &text, &len);
    if (err) return err;
    if (len && text[len - 1] == '\n') len--;
    if (len && text[len - 1] == '\r') len--;
    *out = arena_str(in->arena, (struct str){text, len});
    base_free(text);
    return 0;
}

static const char *variable_of(const struct secret_in *in, struct str name) {
    char *text = arena_strz(in->arena, name);
    for (char *at = text; *at; at++) {
        if (*at >= 'a' && *at <= 'z') *at = (char)(*at - 'a' + 'A');
        if (*at == '-' || *at == '.') *at = '_';
    }
    return arena_printf(in->arena, "SLUICE_SECRET_%s", text).ptr;
}

int secret_find(const struct secret_in *in, struct str name, struct str *out) {
    int err = check_name(name);
    if (err) return err;
    const char *credentials = getenv("CREDENTIALS_DIRECTORY");
    const char *variable = variable_of(in, name);
    const char *beside = arena_printf(in->arena, "%.*s%ssecrets/%.*s", STR_ARG(in->dir),
                                      in->dir.len ? "/" : "", STR_ARG(name)).ptr;
    err = ERR_NOT_FOUND;
    if (credentials && *credentials)
        err = read_secret(in, arena_printf(in->arena, "%s/%.*s", credentials, STR_ARG(name)).ptr,
                          out);
    if (err == ERR_NOT_FOUND) err = read_secret(in, beside, out);
    if (err == ERR_NOT_FOUND && getenv(variable)) {
        *out = arena_str(in->arena, str_of(getenv(variable)));
        err = out->len > SECRET_MAX ? ERR_TOO_BIG : 0;
    }
    if (err == ERR_NOT_FOUND)
        return err_fail(ERR_NOT_FOUND, "secret '%.*s' is neither in $CREDENTIALS_DIRECTORY, nor in "
                        "the file %s, nor in the variable %s", STR_ARG(name), beside, variable);
    if (err) return err_add(err, "secret '%.*s'", STR_ARG(name));
    err = redact_add(*out);
    return err ? err_add(err, "secret '%.*s'", STR_ARG(name)) : 0;
}

/* ---- passwords in URLs ---- */

/* The password of one URL, or ptr NULL: what stands between the first ':' and the last '@' of
 * what comes before the path. */
static struct str password_in(struct str url) {
    const char *begin = memmem(url.ptr, url.len, "://", 3);
    const char *end = url.ptr + url.len;
    begin = begin ? begin + 3 : url.ptr;
    for (const char *at = begin; at < end; at++)
        if (*at == '/' || *at == '?' || *at == '#') end = at;
    const char *last = memrchr(begin, '@', (size_t)(end - begin));
    const char *colon = last ? memchr(begin, ':', (size_t)(last - begin)) : NULL;
    if (!colon) return STR_NULL;
    return (struct str){colon + 1, (size_t)(last - colon - 1)};
}

/* Both as it is written and as it is meant; one too short to be blotted out is left. */
static int learn(struct str password) {
    struct arena arena = ARENA_INIT;
    struct str plain = address_decode(password, &arena);
    int err = password.len >= REDACT_LEN_MIN ? redact_add(password) : 0;
    if (!err && plain.len >= REDACT_LEN_MIN) err = redact_add(plain);
    arena_fini(&arena);
    return err;
}

static int resolve(const struct secret_in *in, struct str url, struct str *out) {
    struct str password = password_in(url), name, value;
    *out = url;
    if (!password.ptr) return 0;
    if (!secret_named(password, &name)) return learn(password);
    int err = secret_find(in, name, &value);
    if (err) return err;
    value = address_encode(value, in->arena);
    err = redact_add(value);
    if (err) return err;
    struct str head = {url.ptr, (size_t)(password.ptr - url.ptr)};
    const char *rest = password.ptr + password.len;
    *out = arena_printf(in->arena, "%.*s%.*s%.*s", STR_ARG(head), STR_ARG(value),
                        (int)(url.ptr + url.len - rest), rest);
    return 0;
}

int secret_url(const struct secret_in *in, struct str url, struct str *out) {
    *out = STR_NULL;
    while (url.ptr) {
        struct str one, part = str_cut(url, ',', &url);
        int err = resolve(in, part, &one);
        if (err) return err;
        *out = out->ptr ? arena_printf(in->arena, "%.*s,%.*s", STR_ARG(*out), STR_ARG(one))
                        : arena_str(in->arena, one);
    }
    return 0;
}

int secret_learn(struct str text) {
    struct str name;
    int err = 0;
    while (text.ptr && text.len && !err) {
        const char *at = memmem(text.ptr, text.len, "://", 3);
        if (!at) return 0;
        size_t len = (size_t)(text.ptr + text.len - at), end = 3;
        while (end < len && !strchr(" \t\r\n\"',}]", at[end])) end++;
        struct str password = password_in((struct str){at, end});
        if (password.ptr && !secret_named(password, &name)) err = learn(password);
        text = (struct str){at + 3, len - 3};
    }
    return err;
}
