/* env.c - the seam's one way in, and what is made of its primitives. */
#include "base/env.h"

#include "base/buf.h"
#include "base/err.h"

#include <stdio.h>

int64_t env_now_us(struct env *env) {
    return env->ops->now_us(env);
}

int64_t env_now_ms(struct env *env) {
    return env->ops->now_us(env) / 1000;
}

int64_t env_mono_us(struct env *env) {
    return env->ops->mono_us(env);
}

void env_sleep_us(struct env *env, int64_t us) {
    if (us > 0) env->ops->sleep_us(env, us);
}

void env_random(struct env *env, void *out, size_t len) {
    env->ops->random(env, out, len);
}

uint64_t env_random_u64(struct env *env) {
    uint64_t v;
    env_random(env, &v, sizeof v);
    return v;
}

void env_close(struct env *env) {
    if (env && env->ops->free) env->ops->free(env);
}

int env_open(struct env *env, const char *path, unsigned flags, struct env_file **out) {
    assert(flags & (ENV_READ | ENV_WRITE));
    *out = NULL;
    return env->ops->open(env, path, flags, out);
}

void env_file_close(struct env_file *file) {
    if (file) file->env->ops->close(file);
}

int env_read(struct env_file *file, int64_t pos, void *out, size_t len, size_t *got) {
    assert(pos >= 0);
    *got = 0;
    while (*got < len) {
        size_t part = 0;
        int err = file->env->ops->pread(file, pos + (int64_t)*got, (char *)out + *got, len - *got,
                                        &part);
        if (err) return err;
        if (!part) break;
        *got += part;
    }
    return 0;
}

int env_write(struct env_file *file, int64_t pos, const void *ptr, size_t len) {
    assert(pos >= 0);
    for (size_t done = 0; done < len;) {
        size_t part = 0;
        int err = file->env->ops->pwrite(file, pos + (int64_t)done, (const char *)ptr + done,
                                         len - done, &part);
        if (err) return err;
        CHECK(part > 0);
        done += part;
    }
    return 0;
}

int env_sync(struct env_file *file) {
    return file->env->ops->sync(file);
}

int env_truncate(struct env_file *file, int64_t size) {
    return file->env->ops->truncate(file, size);
}

const char *env_path(const struct env_file *file) {
    return file->path;
}

int env_stat(struct env *env, const char *path, struct env_stat *out) {
    return env->ops->stat(env, path, out);
}

bool env_exists(struct env *env, const char *path) {
    struct env_stat st;
    return env->ops->stat(env, path, &st) == 0;
}

int env_rename(struct env *env, const char *from, const char *to) {
    return env->ops->rename(env, from, to);
}

int env_unlink(struct env *env, const char *path) {
    return env->ops->unlink(env, path);
}

int env_mkdir(struct env *env, const char *path) {
    char part[ENV_PATH_MAX];
    size_t len = strlen(path);
    if (len >= sizeof part) return err_fail(ERR_TOO_BIG, "path longer than %d", ENV_PATH_MAX);
    memcpy(part, path, len + 1);
    for (size_t i = 1; i <= len; i++) {
        if (part[i] != '/' && part[i] != 0) continue;
        char kept = part[i];
        part[i] = 0;
        struct env_stat st;
        int err = env_stat(env, part, &st);
        if (!err && !st.is_dir) err = err_fail(ERR_EXISTS, "%s is a file, not a folder", part);
        if (err == ERR_NOT_FOUND) err = env->ops->mkdir(env, part);
        if (err) return err;
        part[i] = kept;
    }
    return 0;
}

int env_sync_dir(struct env *env, const char *path) {
    return env->ops->sync_dir(env, path);
}

int env_list(struct env *env, const char *path,
             void (*each)(void *arg, const char *name, bool is_dir), void *arg) {
    return env->ops->list(env, path, each, arg);
}

int env_lock(struct env *env, const char *path, struct env_file **out) {
    *out = NULL;
    return env->ops->lock(env, path, out);
}

struct names {
    struct buf text; /* each name, its kind ('d' or 'f') before it, 0 after it */
};

static void names_add(void *arg, const char *name, bool is_dir) {
    struct names *names = arg;
    buf_putc(&names->text, is_dir ? 'd' : 'f');
    buf_put(&names->text, name, strlen(name) + 1);
}

int env_remove_tree(struct env *env, const char *path) {
    if (!env_exists(env, path)) return 0;
    struct names names;
    buf_init(&names.text, 64 * MIB);
    int err = env_list(env, path, names_add, &names);
    for (size_t at = 0; !err && at < names.text.len;) {
        const char *name = names.text.ptr + at;
        char inner[ENV_PATH_MAX];
        if (snprintf(inner, sizeof inner, "%s/%s", path, name + 1) >= (int)sizeof inner)
            err = err_fail(ERR_TOO_BIG, "path longer than %d under %s", ENV_PATH_MAX, path);
        else err = *name == 'd' ? env_remove_tree(env, inner) : env_unlink(env, inner);
        at += strlen(name) + 1;
    }
    buf_fini(&names.text);
    return err ? err : env_unlink(env, path);
}

int env_read_whole(struct env *env, const char *path, size_t max, char **out, size_t *len) {
    struct env_file *file = NULL;
    struct env_stat st;
    *out = NULL;
    int err = env_stat(env, path, &st);
    if (err) return err;
    if (st.is_dir) return err_fail(ERR_INVAL, "%s is a folder, not a file", path);
    if ((uint64_t)st.size > max)
        return err_fail(ERR_TOO_BIG, "%s has %" PRId64 " bytes, over the limit of %zu", path,
                        st.size, max);
    if ((err = env_open(env, path, ENV_READ, &file))) return err;
    *out = base_alloc((size_t)st.size + 1);
    err = env_read(file, 0, *out, (size_t)st.size, len);
    env_file_close(file);
    if (err) {
        base_free(*out);
        *out = NULL;
        return err;
    }
    (*out)[*len] = 0;
    return 0;
}

int env_write_whole(struct env *env, const char *path, struct str bytes) {
    char temp[ENV_PATH_MAX], dir[ENV_PATH_MAX];
    struct env_file *file = NULL;
    if (snprintf(temp, sizeof temp, "%s.tmp", path) >= (int)sizeof temp)
        return err_fail(ERR_TOO_BIG, "path longer than %d", ENV_PATH_MAX);
    const char *slash = strrchr(path, '/');
    snprintf(dir, sizeof dir, "%.*s", slash ? (int)MAX(slash - path, 1) : 1, slash ? path : ".");
    int err = env_open(env, temp, ENV_WRITE | ENV_CREATE | ENV_TRUNC, &file);
    if (err) return err;
    err = env_write(file, 0, bytes.ptr, bytes.len);
    if (!err) err = env_sync(file);
    env_file_close(file);
    if (!err) err = env_rename(env, temp, path);
    if (!err) err = env_sync_dir(env, dir);
    return err;
}

int env_point(struct env *env, const char *name) {
    return env->ops->point ? env->ops->point(env, name) : 0;
}
