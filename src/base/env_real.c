/* env_real.c - the system's own clock, random and files. */
#include "base/env.h"

#include "base/err.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct real_file {
    struct env_file base;
    int fd;
};

static int64_t clock_us(clockid_t id) {
    struct timespec ts;
    CHECK(clock_gettime(id, &ts) == 0);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int64_t real_now(struct env *env UNUSED) {
    return clock_us(CLOCK_REALTIME);
}

static int64_t real_mono(struct env *env UNUSED) {
    return clock_us(CLOCK_MONOTONIC);
}

static void real_sleep(struct env *env UNUSED, int64_t us) {
    struct timespec left = {us / 1000000, us % 1000000 * 1000};
    while (nanosleep(&left, &left) < 0 && errno == EINTR) continue;
}

static void real_random(struct env *env UNUSED, void *out, size_t len) {
    for (size_t done = 0; done < len;) {
        ssize_t got = getrandom((char *)out + done, len - done, 0);
        CHECK(got > 0 || errno == EINTR);
        if (got > 0) done += (size_t)got;
    }
}

static int fail_path(int errnum, const char *what, const char *path) {
    enum err err = errnum == ENOENT   ? ERR_NOT_FOUND
                   : errnum == EEXIST ? ERR_EXISTS
                   : errnum == EACCES ? ERR_DENIED
                                      : ERR_IO;
    return err_fail_os(err, errnum, "cannot %s %s", what, path);
}

static struct env_file *file_new(struct env *env, const char *path, int fd) {
    struct real_file *file = base_calloc(1, sizeof *file);
    file->base.env = env;
    file->base.path = base_strdup(path);
    file->fd = fd;
    return &file->base;
}

static int fd_of(const struct env_file *file) {
    return ((const struct real_file *)file)->fd;
}

static int real_open(struct env *env, const char *path, unsigned flags, struct env_file **out) {
    int mode = flags & ENV_WRITE ? (flags & ENV_READ ? O_RDWR : O_WRONLY) : O_RDONLY;
    if (flags & ENV_CREATE) mode |= O_CREAT;
    if (flags & ENV_TRUNC) mode |= O_TRUNC;
    if (flags & ENV_EXCL) mode |= O_EXCL;
    int fd = open(path, mode | O_CLOEXEC, 0600);
    if (fd < 0) return fail_path(errno, "open", path);
    *out = file_new(env, path, fd);
    return 0;
}

static void real_close(struct env_file *file) {
    close(fd_of(file));
    base_free(file->path);
    base_free(file);
}

static int real_pread(struct env_file *file, int64_t pos, void *out, size_t len, size_t *got) {
    ssize_t n;
    do n = pread(fd_of(file), out, len, pos);
    while (n < 0 && errno == EINTR);
    if (n < 0) return fail_path(errno, "read", file->path);
    *got = (size_t)n;
    return 0;
}

static int real_pwrite(struct env_file *file, int64_t pos, const void *ptr, size_t len,
                       size_t *put) {
    ssize_t n;
    do n = pwrite(fd_of(file), ptr, len, pos);
    while (n < 0 && errno == EINTR);
    if (n < 0) return fail_path(errno, "write", file->path);
    *put = (size_t)n;
    return 0;
}

static int real_sync(struct env_file *file) {
    if (fdatasync(fd_of(file)) < 0) return fail_path(errno, "sync", file->path);
    return 0;
}

static int real_truncate(struct env_file *file, int64_t size) {
    if (ftruncate(fd_of(file), size) < 0) return fail_path(errno, "truncate", file->path);
    return 0;
}

static int real_stat(struct env *env UNUSED, const char *path, struct env_stat *out) {
    struct stat st;
    if (stat(path, &st) < 0) return fail_path(errno, "look at", path);
    *out = (struct env_stat){st.st_size, S_ISDIR(st.st_mode)};
    return 0;
}

static int real_rename(struct env *env UNUSED, const char *from, const char *to) {
    if (rename(from, to) < 0) return fail_path(errno, "rename", from);
    return 0;
}

static int real_unlink(struct env *env UNUSED, const char *path) {
    if (remove(path) < 0) return fail_path(errno, "remove", path);
    return 0;
}

static int real_mkdir(struct env *env UNUSED, const char *path) {
    if (mkdir(path, 0700) < 0 && errno != EEXIST) return fail_path(errno, "make folder", path);
    return 0;
}

static int real_sync_dir(struct env *env UNUSED, const char *path) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return fail_path(errno, "open folder", path);
    int rc = fsync(fd), errnum = errno;
    close(fd);
    return rc < 0 ? fail_path(errnum, "sync folder", path) : 0;
}

static int real_list(struct env *env UNUSED, const char *path,
                     void (*each)(void *arg, const char *name, bool is_dir), void *arg) {
    DIR *dir = opendir(path);
    if (!dir) return fail_path(errno, "list", path);
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        each(arg, entry->d_name, entry->d_type == DT_DIR);
    }
    closedir(dir);
    return 0;
}

static int real_lock(struct env *env, const char *path, struct env_file **out) {
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return fail_path(errno, "open", path);
    char pid[32] = "";
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        ssize_t len = pread(fd, pid, sizeof pid - 1, 0);
        pid[len > 0 ? len : 0] = 0;
        close(fd);
        return err_fail(ERR_AGAIN, "%s is held by process %s; stop it, or use another folder", path,
                        *pid ? pid : "?");
    }
    int len = snprintf(pid, sizeof pid, "%ld", (long)getpid());
    if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, (size_t)len, 0) != len) {
        int errnum = errno;
        close(fd);
        return fail_path(errnum, "write", path);
    }
    *out = file_new(env, path, fd);
    return 0;
}

static const struct env_ops real_ops = {
    .now_us = real_now,     .mono_us = real_mono,     .sleep_us = real_sleep,
    .random = real_random,  .open = real_open,        .close = real_close,
    .pread = real_pread,    .pwrite = real_pwrite,    .sync = real_sync,
    .truncate = real_truncate, .stat = real_stat,     .rename = real_rename,
    .unlink = real_unlink,  .mkdir = real_mkdir,      .sync_dir = real_sync_dir,
    .list = real_list,      .lock = real_lock,
};

struct env *env_real(void) {
    static struct env env = {&real_ops};
    return &env;
}
