/* env.h - the seam: clock, random, files. Everything that is not deterministic goes through here.
 *
 * Three implementations: env_real() asks the system; env_fault_open() wraps another one and makes
 * its n-th call fail or die; env_mem_open() keeps files in memory and time in a variable, for the
 * simulator, where env_mem_crash() forgets what was not synced.
 *
 * Thread: all functions may be called from any thread; one file's writes from one thread at a time.
 * Errors: as err.h, the note names the path. Paths are made by us, never by input.
 * Names in a directory become durable by env_sync_dir(), contents by env_sync(). */
#ifndef BASE_ENV_H
#define BASE_ENV_H

#include "base/base.h"
#include "base/str.h"

#define ENV_PATH_MAX 4096

enum env_flag {
    ENV_READ = 1,
    ENV_WRITE = 2,  /* with READ: read and write */
    ENV_CREATE = 4, /* make it when it is not there */
    ENV_TRUNC = 8,
    ENV_EXCL = 16, /* with CREATE: ERR_EXISTS when it is there */
};

/* The kinds of call that the fault implementation can hit; a bit each. */
enum env_op {
    ENV_OP_OPEN = 1,
    ENV_OP_READ = 2,
    ENV_OP_WRITE = 4,
    ENV_OP_SYNC = 8, /* env_sync and env_sync_dir */
    ENV_OP_META = 16, /* truncate, rename, unlink, mkdir */
    ENV_OP_POINT = 32,
    ENV_OP_ALL = 63,
};

struct env_file; /* an open file of any implementation */
struct env_ops;
struct env {
    const struct env_ops *ops;
};

struct env_stat {
    int64_t size;
    bool is_dir;
};

struct env_ops {
    int64_t (*now_us)(struct env *env);
    int64_t (*mono_us)(struct env *env);
    void (*sleep_us)(struct env *env, int64_t us);
    void (*random)(struct env *env, void *out, size_t len);
    int (*open)(struct env *env, const char *path, unsigned flags, struct env_file **out);
    void (*close)(struct env_file *file);
    int (*pread)(struct env_file *file, int64_t pos, void *out, size_t len, size_t *got);
    int (*pwrite)(struct env_file *file, int64_t pos, const void *ptr, size_t len, size_t *put);
    int (*sync)(struct env_file *file);
    int (*truncate)(struct env_file *file, int64_t size);
    int (*stat)(struct env *env, const char *path, struct env_stat *out);
    int (*rename)(struct env *env, const char *from, const char *to);
    int (*unlink)(struct env *env, const char *path); /* a file or an empty directory */
    int (*mkdir)(struct env *env, const char *path);
    int (*sync_dir)(struct env *env, const char *path);
    int (*list)(struct env *env, const char *path,
                void (*each)(void *arg, const char *name, bool is_dir), void *arg);
    int (*lock)(struct env *env, const char *path, struct env_file **out);
    int (*point)(struct env *env, const char *name);
    void (*free)(struct env *env);
};

/* An implementation's file begins with this. */
struct env_file {
    struct env *env;
    char *path;
};

struct env *env_real(void); /* one for the process; never freed */
void env_close(struct env *env); /* a fault or mem env; NULL and env_real() are allowed */

int64_t env_now_us(struct env *env);  /* wall clock, microseconds since 1970 UTC */
int64_t env_now_ms(struct env *env);
int64_t env_mono_us(struct env *env); /* never goes back; for timeouts */
void env_sleep_us(struct env *env, int64_t us);
void env_random(struct env *env, void *out, size_t len); /* fit for secrets in env_real() */
uint64_t env_random_u64(struct env *env);

int env_open(struct env *env, const char *path, unsigned flags, struct env_file **out) MUST_USE;
void env_file_close(struct env_file *file); /* NULL is allowed; unsynced data may be lost */
/* Reads up to `len` bytes at `pos`; *got is less only at the end of the file. */
int env_read(struct env_file *file, int64_t pos, void *out, size_t len, size_t *got) MUST_USE;
/* Writes all of it; on an error an unknown part was written. */
int env_write(struct env_file *file, int64_t pos, const void *ptr, size_t len) MUST_USE;
/* 0: what was written survives power loss. Any error: the caller must stop acknowledging and the
 * process must end; a second sync may succeed over lost data. */
int env_sync(struct env_file *file) MUST_USE;
int env_truncate(struct env_file *file, int64_t size) MUST_USE;
const char *env_path(const struct env_file *file);

int env_stat(struct env *env, const char *path, struct env_stat *out) MUST_USE; /* ERR_NOT_FOUND */
bool env_exists(struct env *env, const char *path);
int env_rename(struct env *env, const char *from, const char *to) MUST_USE;
int env_unlink(struct env *env, const char *path) MUST_USE;
int env_mkdir(struct env *env, const char *path) MUST_USE; /* with parents; there already: 0 */
int env_sync_dir(struct env *env, const char *path) MUST_USE;
/* Calls `each` for every name but "." and ".."; the name lives for the call. */
int env_list(struct env *env, const char *path,
             void (*each)(void *arg, const char *name, bool is_dir), void *arg) MUST_USE;
/* An exclusive lock that the process holds until the file is closed: ERR_AGAIN when another has
 * it, and the note names the owner's process id. */
int env_lock(struct env *env, const char *path, struct env_file **out) MUST_USE;
int env_remove_tree(struct env *env, const char *path) MUST_USE; /* not there: 0 */
/* Whole small files. Write: to a temporary name, synced, renamed, directory synced. */
int env_read_whole(struct env *env, const char *path, size_t max, char **out, size_t *len) MUST_USE;
int env_write_whole(struct env *env, const char *path, struct str bytes) MUST_USE;
/* A named place just before an effect of a library that does its own I/O (SQLite, RocksDB), so
 * that faults can hit there too. 0 in env_real(). */
int env_point(struct env *env, const char *name) MUST_USE;

/* ---- env_fault.c ---- */
enum env_fault_act {
    ENV_FAULT_NONE,
    ENV_FAULT_EIO,
    ENV_FAULT_ENOSPC,
    ENV_FAULT_SHORT,
    ENV_FAULT_DIE
};
struct env_fault_plan {
    unsigned ops;           /* enum env_op bits that count */
    uint64_t at;            /* the call, from 1, that is hit; 0: none */
    enum env_fault_act act; /* SHORT: half is written, then EIO; DIE: _exit(ENV_FAULT_EXIT) */
    bool sticky;            /* hit every later one too */
};
#define ENV_FAULT_EXIT 137
/* Wraps `inner` (borrowed). Counts over all threads. */
struct env *env_fault_open(struct env *inner, struct env_fault_plan plan);
uint64_t env_fault_count(struct env *env); /* calls that counted so far */
/* env_real(), or a fault env around it as SLUICE_FAULT says ("ACT@N[:ops]", for instance
 * "die@17", "eio@3:sync"): what the command and the crash tests use. ERR_CONFIG for nonsense. */
int env_fault_from_setting(const char *setting, struct env **out) MUST_USE;

/* ---- env_mem.c ---- */
struct env *env_mem_open(uint64_t seed, int64_t start_us);
void env_mem_advance(struct env *env, int64_t us);
/* What a power cut leaves: unsynced bytes are kept or dropped in 512-byte sectors, as the seed
 * says; unsynced names likewise. All open files become unusable. */
void env_mem_crash(struct env *env);
/* The n-th sync from now (0: none) fails with ERR_IO as real disks do: what it should have written
 * counts as clean, and later syncs succeed without writing it. */
void env_mem_fail_sync(struct env *env, uint64_t nth);

#endif
