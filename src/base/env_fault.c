/* env_fault.c - another env's calls, one of which fails or is the process's last.
 *
 * Calls are counted over all threads in the order they arrive; clock and random do not count. */
#include "base/env.h"

#include "base/err.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

struct fault {
    struct env base;
    struct env *inner;
    struct env_fault_plan plan;
    atomic_uint_fast64_t count;
};

struct fault_file {
    struct env_file base;
    struct env_file *inner;
};

static struct fault *fault_of(struct env *env) {
    return (struct fault *)env;
}

static struct env_file *inner_of(struct env_file *file) {
    return ((struct fault_file *)file)->inner;
}

/* The process's last call says where it was, for whoever counts the places. */
static _Noreturn void die(uint64_t call, const char *what, const char *name) {
    dprintf(STDERR_FILENO, "fault: died at call %" PRIu64 ": %s %s\n", call, what, name);
    _exit(ENV_FAULT_EXIT);
}

/* What this call, of kind `op`, has to do: it would do `what` to `name`. DIE does not return. */
static enum env_fault_act hit(struct env *env, unsigned op, const char *what, const char *name) {
    struct fault *fault = fault_of(env);
    if (!(fault->plan.ops & op)) return ENV_FAULT_NONE;
    uint64_t call = atomic_fetch_add(&fault->count, 1) + 1;
    bool now = call == fault->plan.at || (fault->plan.sticky && call > fault->plan.at);
    if (!fault->plan.at || !now) return ENV_FAULT_NONE;
    if (fault->plan.act == ENV_FAULT_DIE) die(call, what, name);
    return fault->plan.act;
}

static int fail(enum env_fault_act act, const char *what, const char *path) {
    int errnum = act == ENV_FAULT_ENOSPC ? ENOSPC : EIO;
    return err_fail_os(ERR_IO, errnum, "cannot %s %s", what, path);
}

static int64_t fault_now(struct env *env) {
    return env_now_us(fault_of(env)->inner);
}

static int64_t fault_mono(struct env *env) {
    return env_mono_us(fault_of(env)->inner);
}

static void fault_sleep(struct env *env, int64_t us) {
    env_sleep_us(fault_of(env)->inner, us);
}

static void fault_random(struct env *env, void *out, size_t len) {
    env_random(fault_of(env)->inner, out, len);
}

static struct env_file *wrap(struct env *env, struct env_file *inner) {
    struct fault_file *file = base_calloc(1, sizeof *file);
    file->base.env = env;
    file->base.path = inner->path;
    file->inner = inner;
    return &file->base;
}

static int fault_open(struct env *env, const char *path, unsigned flags, struct env_file **out) {
    enum env_fault_act act = hit(env, ENV_OP_OPEN, "open", path);
    if (act) return fail(act, "open", path);
    struct env_file *inner;
    int err = env_open(fault_of(env)->inner, path, flags, &inner);
    if (!err) *out = wrap(env, inner);
    return err;
}

static void fault_close(struct env_file *file) {
    env_file_close(inner_of(file));
    base_free(file);
}

static int fault_pread(struct env_file *file, int64_t pos, void *out, size_t len, size_t *got) {
    enum env_fault_act act = hit(file->env, ENV_OP_READ, "read", file->path);
    if (act) return fail(act, "read", file->path);
    return env_read(inner_of(file), pos, out, len, got);
}

static int fault_pwrite(struct env_file *file, int64_t pos, const void *ptr, size_t len,
                        size_t *put) {
    enum env_fault_act act = hit(file->env, ENV_OP_WRITE, "write", file->path);
    if (act == ENV_FAULT_SHORT && len > 1) {
        int err = env_write(inner_of(file), pos, ptr, len / 2);
        if (err) return err;
    }
    if (act) return fail(act, "write", file->path);
    *put = len;
    return env_write(inner_of(file), pos, ptr, len);
}

static int fault_sync(struct env_file *file) {
    enum env_fault_act act = hit(file->env, ENV_OP_SYNC, "sync", file->path);
    return act ? fail(act, "sync", file->path) : env_sync(inner_of(file));
}

static int fault_truncate(struct env_file *file, int64_t size) {
    enum env_fault_act act = hit(file->env, ENV_OP_META, "truncate", file->path);
    return act ? fail(act, "truncate", file->path) : env_truncate(inner_of(file), size);
}

static int fault_stat(struct env *env, const char *path, struct env_stat *out) {
    return env_stat(fault_of(env)->inner, path, out);
}

static int fault_rename(struct env *env, const char *from, const char *to) {
    enum env_fault_act act = hit(env, ENV_OP_META, "rename", from);
    return act ? fail(act, "rename", from) : env_rename(fault_of(env)->inner, from, to);
}

static int fault_unlink(struct env *env, const char *path) {
    enum env_fault_act act = hit(env, ENV_OP_META, "remove", path);
    return act ? fail(act, "remove", path) : env_unlink(fault_of(env)->inner, path);
}

static int fault_mkdir(struct env *env, const char *path) {
    enum env_fault_act act = hit(env, ENV_OP_META, "make folder", path);
    return act ? fail(act, "make folder", path) : env_mkdir(fault_of(env)->inner, path);
}

static int fault_sync_dir(struct env *env, const char *path) {
    enum env_fault_act act = hit(env, ENV_OP_SYNC, "sync folder", path);
    return act ? fail(act, "sync folder", path) : env_sync_dir(fault_of(env)->inner, path);
}

static int fault_list(struct env *env, const char *path,
                      void (*each)(void *arg, const char *name, bool is_dir), void *arg) {
    return env_list(fault_of(env)->inner, path, each, arg);
}

static int fault_lock(struct env *env, const char *path, struct env_file **out) {
    struct env_file *inner;
    int err = env_lock(fault_of(env)->inner, path, &inner);
    if (!err) *out = wrap(env, inner);
    return err;
}

static int fault_point(struct env *env, const char *name) {
    enum env_fault_act act = hit(env, ENV_OP_POINT, "pass", name);
    return act ? fail(act, "pass", name) : 0;
}

static void fault_free(struct env *env) {
    base_free(env);
}

static const struct env_ops fault_ops = {
    .now_us = fault_now,     .mono_us = fault_mono,       .sleep_us = fault_sleep,
    .random = fault_random,  .open = fault_open,          .close = fault_close,
    .pread = fault_pread,    .pwrite = fault_pwrite,      .sync = fault_sync,
    .truncate = fault_truncate, .stat = fault_stat,       .rename = fault_rename,
    .unlink = fault_unlink,  .mkdir = fault_mkdir,        .sync_dir = fault_sync_dir,
    .list = fault_list,      .lock = fault_lock,          .point = fault_point,
    .free = fault_free,
};

struct env *env_fault_open(struct env *inner, struct env_fault_plan plan) {
    struct fault *fault = base_calloc(1, sizeof *fault);
    fault->base.ops = &fault_ops;
    fault->inner = inner;
    fault->plan = plan;
    return &fault->base;
}

uint64_t env_fault_count(struct env *env) {
    assert(env->ops == &fault_ops);
    return atomic_load(&fault_of(env)->count);
}

static int act_parse(struct str name, enum env_fault_act *out) {
    static const struct {
        const char *name;
        enum env_fault_act act;
    } acts[] = {{"die", ENV_FAULT_DIE}, {"eio", ENV_FAULT_EIO}, {"enospc", ENV_FAULT_ENOSPC},
                {"short", ENV_FAULT_SHORT}};
    for (size_t i = 0; i < ARRAY_LEN(acts); i++)
        if (str_eqz(name, acts[i].name)) return *out = acts[i].act, 0;
    return err_fail(ERR_CONFIG, "fault '%.*s': die, eio, enospc or short", STR_ARG(name));
}

static int ops_parse(struct str name, unsigned *out) {
    static const struct {
        const char *name;
        unsigned ops;
    } kinds[] = {{"open", ENV_OP_OPEN},   {"read", ENV_OP_READ}, {"write", ENV_OP_WRITE},
                 {"sync", ENV_OP_SYNC},   {"meta", ENV_OP_META}, {"point", ENV_OP_POINT},
                 {"all", ENV_OP_ALL}};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (str_eqz(name, kinds[i].name)) return *out = kinds[i].ops, 0;
    return err_fail(ERR_CONFIG, "fault on '%.*s': open, read, write, sync, meta, point or all",
                    STR_ARG(name));
}

int env_fault_from_setting(const char *setting, struct env **out) {
    *out = env_real();
    if (!setting || !*setting) return 0;
    struct str at, ops, act = str_cut(str_of(setting), '@', &at);
    struct env_fault_plan plan = {ENV_OP_ALL & ~(unsigned)ENV_OP_READ, 0, ENV_FAULT_NONE, false};
    int64_t call = 0;
    at = str_cut(at, ':', &ops);
    int err = act_parse(act, &plan.act);
    if (!err) err = str_i64(at, &call);
    if (!err && ops.ptr) err = ops_parse(ops, &plan.ops);
    if (err) return err_add(ERR_CONFIG, "fault '%s'", setting);
    plan.at = (uint64_t)MAX(call, 0);
    *out = env_fault_open(env_real(), plan);
    return 0;
}
