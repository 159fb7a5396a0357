/* lite_vfs.c - a SQLite VFS around the system's own.
 *
 * It does four things and hands everything else on:
 *
 * 1. Before each effect it passes an env_point(), so that the fault env can fail or end the process
 *    there: "landing.write", "landing.sync", "landing.meta".
 * 2. It gathers the WAL's writes. SQLite writes each frame as 24 bytes and a page, two calls a
 *    page; here they are collected into one write of up to WAL_BUF bytes. Nobody may see a frame
 *    before the wal-index says so, which a commit does after its sync (synchronous=FULL), and a
 *    sync writes the gathered bytes first. This connection's own reads of spilled pages write them
 *    out first too.
 * 3. It syncs the database after every SYNC_EVERY bytes that a checkpoint writes. Synced in one go,
 *    tens of megabytes would stand in the disk's queue before the commits that rows wait for.
 * 4. It remembers that a sync failed (lite_vfs_dead).
 *
 * Thread: a file is its connection's; `dead` and the name may be read by any. */
#include "landing/sqlite/lite_vfs.h"

#include "base/err.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>

#define WAL_BUF    (120 * KIB) /* SQLite's own VFS writes less than 128 KiB at a time */
#define SYNC_EVERY (2 * MIB)

struct lite_vfs {
    sqlite3_vfs base;
    sqlite3_vfs *inner;
    struct env *env;
    atomic_bool dead;
    char name[48];
};

struct vfs_file {
    sqlite3_file base;
    struct lite_vfs *vfs;
    char *gather;         /* WAL only: bytes for `gather_pos`, not yet written */
    int64_t gather_pos;
    size_t gather_len;
    bool is_wal, is_main;
    size_t unsynced; /* written since the last sync */
    _Alignas(8) char inner[]; /* as SQLite aligns what it allots */
};

static sqlite3_file *inner_of(sqlite3_file *file) {
    return (sqlite3_file *)((struct vfs_file *)file)->inner;
}

/* Passes the point; an error is SQLite's `rc`, or SQLITE_FULL. */
static int point(struct lite_vfs *vfs, const char *name, int rc) {
    int err = env_point(vfs->env, name);
    if (!err) return SQLITE_OK;
    return err == ERR_FULL ? SQLITE_FULL : rc;
}

/* What cannot be written is dropped: SQLite is told and rolls back, and a commit that was said to
 * have failed must not get into the file later. */
static int file_flush(struct vfs_file *file) {
    size_t len = file->gather_len;
    if (!len) return SQLITE_OK;
    file->gather_len = 0;
    int rc = point(file->vfs, "landing.write", SQLITE_IOERR_WRITE);
    if (rc) return rc;
    sqlite3_file *inner = inner_of(&file->base);
    return inner->pMethods->xWrite(inner, file->gather, (int)len, file->gather_pos);
}

static int file_close(sqlite3_file *base) {
    struct vfs_file *file = (struct vfs_file *)base;
    int rc = file_flush(file);
    sqlite3_file *inner = inner_of(base);
    int rc2 = inner->pMethods ? inner->pMethods->xClose(inner) : SQLITE_OK;
    base_free(file->gather);
    return rc ? rc : rc2;
}

static int file_read(sqlite3_file *base, void *to, int len, sqlite3_int64 pos) {
    struct vfs_file *file = (struct vfs_file *)base;
    bool apart = pos >= file->gather_pos + (int64_t)file->gather_len ||
                 pos + len <= file->gather_pos;
    int rc = apart ? SQLITE_OK : file_flush(file);
    sqlite3_file *inner = inner_of(base);
    return rc ? rc : inner->pMethods->xRead(inner, to, len, pos);
}

static int file_sync(sqlite3_file *base, int flags) {
    struct vfs_file *file = (struct vfs_file *)base;
    int rc = file_flush(file);
    if (rc) return rc;
    rc = point(file->vfs, "landing.sync", SQLITE_IOERR_FSYNC);
    sqlite3_file *inner = inner_of(base);
    if (!rc) rc = inner->pMethods->xSync(inner, flags);
    if (rc) atomic_store(&file->vfs->dead, true);
    file->unsynced = 0;
    return rc;
}

static int file_write(sqlite3_file *base, const void *from, int len, sqlite3_int64 pos) {
    struct vfs_file *file = (struct vfs_file *)base;
    if (file->is_wal && (size_t)len <= WAL_BUF) {
        if (!file->gather) file->gather = base_alloc(WAL_BUF);
        bool follows = pos == file->gather_pos + (int64_t)file->gather_len &&
                       (size_t)len <= WAL_BUF - file->gather_len;
        int rc = follows ? SQLITE_OK : file_flush(file);
        if (rc) return rc;
        if (!file->gather_len) file->gather_pos = pos;
        memcpy(file->gather + file->gather_len, from, (size_t)len);
        file->gather_len += (size_t)len;
        return SQLITE_OK;
    }
    int rc = file_flush(file);
    if (!rc) rc = point(file->vfs, "landing.write", SQLITE_IOERR_WRITE);
    sqlite3_file *inner = inner_of(base);
    if (!rc) rc = inner->pMethods->xWrite(inner, from, len, pos);
    file->unsynced += (size_t)len;
    if (rc || !file->is_main || file->unsynced < SYNC_EVERY) return rc;
    return file_sync(base, SQLITE_SYNC_NORMAL);
}

static int file_truncate(sqlite3_file *base, sqlite3_int64 size) {
    struct vfs_file *file = (struct vfs_file *)base;
    int rc = file_flush(file);
    if (!rc) rc = point(file->vfs, "landing.meta", SQLITE_IOERR_TRUNCATE);
    sqlite3_file *inner = inner_of(base);
    return rc ? rc : inner->pMethods->xTruncate(inner, size);
}

static int file_size(sqlite3_file *base, sqlite3_int64 *size) {
    int rc = file_flush((struct vfs_file *)base);
    sqlite3_file *inner = inner_of(base);
    return rc ? rc : inner->pMethods->xFileSize(inner, size);
}

static int file_lock(sqlite3_file *base, int level) {
    return inner_of(base)->pMethods->xLock(inner_of(base), level);
}

static int file_unlock(sqlite3_file *base, int level) {
    return inner_of(base)->pMethods->xUnlock(inner_of(base), level);
}

static int file_reserved(sqlite3_file *base, int *out) {
    return inner_of(base)->pMethods->xCheckReservedLock(inner_of(base), out);
}

static int file_control(sqlite3_file *base, int op, void *arg) {
    return inner_of(base)->pMethods->xFileControl(inner_of(base), op, arg);
}

static int file_sector(sqlite3_file *base) {
    return inner_of(base)->pMethods->xSectorSize(inner_of(base));
}

static int file_caps(sqlite3_file *base) {
    return inner_of(base)->pMethods->xDeviceCharacteristics(inner_of(base));
}

static int file_shm_map(sqlite3_file *base, int page, int size, int extend,
                        void volatile **out) {
    return inner_of(base)->pMethods->xShmMap(inner_of(base), page, size, extend, out);
}

static int file_shm_lock(sqlite3_file *base, int offset, int cnt, int flags) {
    return inner_of(base)->pMethods->xShmLock(inner_of(base), offset, cnt, flags);
}

static void file_shm_barrier(sqlite3_file *base) {
    inner_of(base)->pMethods->xShmBarrier(inner_of(base));
}

static int file_shm_unmap(sqlite3_file *base, int remove) {
    return inner_of(base)->pMethods->xShmUnmap(inner_of(base), remove);
}

/* Version 2: shared memory for the WAL, no memory-mapped reads. */
static const sqlite3_io_methods file_methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_caps,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

static struct lite_vfs *vfs_of(sqlite3_vfs *base) {
    return base->pAppData;
}

static int vfs_open(sqlite3_vfs *base, const char *path, sqlite3_file *to, int flags, int *got) {
    struct vfs_file *file = (struct vfs_file *)to;
    struct lite_vfs *vfs = vfs_of(base);
    memset(file, 0, sizeof *file);
    int rc = point(vfs, "landing.open", SQLITE_CANTOPEN);
    if (!rc) rc = vfs->inner->xOpen(vfs->inner, path, inner_of(to), flags, got);
    if (rc) return rc;
    file->vfs = vfs;
    file->is_wal = flags & SQLITE_OPEN_WAL;
    file->is_main = flags & SQLITE_OPEN_MAIN_DB;
    file->base.pMethods = &file_methods;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *base, const char *path, int sync_dir) {
    struct lite_vfs *vfs = vfs_of(base);
    int rc = point(vfs, "landing.meta", SQLITE_IOERR_DELETE);
    return rc ? rc : vfs->inner->xDelete(vfs->inner, path, sync_dir);
}

static int vfs_access(sqlite3_vfs *base, const char *path, int flags, int *out) {
    return vfs_of(base)->inner->xAccess(vfs_of(base)->inner, path, flags, out);
}

static int vfs_full(sqlite3_vfs *base, const char *path, int len, char *out) {
    return vfs_of(base)->inner->xFullPathname(vfs_of(base)->inner, path, len, out);
}

static int vfs_random(sqlite3_vfs *base, int len, char *out) {
    env_random(vfs_of(base)->env, out, (size_t)len);
    return len;
}

static int vfs_sleep(sqlite3_vfs *base, int us) {
    env_sleep_us(vfs_of(base)->env, us);
    return us;
}

/* Milliseconds since noon of November 24, 4714 BC, as SQLite counts. */
static int vfs_now_ms(sqlite3_vfs *base, sqlite3_int64 *out) {
    *out = env_now_ms(vfs_of(base)->env) + INT64_C(210866760000000);
    return SQLITE_OK;
}

static int vfs_now(sqlite3_vfs *base, double *out) {
    sqlite3_int64 ms;
    int rc = vfs_now_ms(base, &ms);
    *out = (double)ms / 86400000.0;
    return rc;
}

static int vfs_last_error(sqlite3_vfs *base, int len, char *out) {
    return vfs_of(base)->inner->xGetLastError(vfs_of(base)->inner, len, out);
}

int lite_vfs_open(struct lite_vfs **out, struct env *env) {
    sqlite3_vfs *inner = sqlite3_vfs_find(NULL);
    if (!inner) return err_fail(ERR_INTERNAL, "SQLite has no VFS");
    struct lite_vfs *vfs = base_calloc(1, sizeof *vfs);
    vfs->inner = inner;
    vfs->env = env;
    snprintf(vfs->name, sizeof vfs->name, "sluice-%p", (void *)vfs);
    vfs->base = (sqlite3_vfs){
        .iVersion = 2,
        .szOsFile = (int)sizeof(struct vfs_file) + inner->szOsFile,
        .mxPathname = inner->mxPathname,
        .zName = vfs->name,
        .pAppData = vfs,
        .xOpen = vfs_open,
        .xDelete = vfs_delete,
        .xAccess = vfs_access,
        .xFullPathname = vfs_full,
        .xRandomness = vfs_random,
        .xSleep = vfs_sleep,
        .xCurrentTime = vfs_now,
        .xGetLastError = vfs_last_error,
        .xCurrentTimeInt64 = vfs_now_ms,
    };
    if (sqlite3_vfs_register(&vfs->base, 0) != SQLITE_OK) {
        base_free(vfs);
        return err_fail(ERR_INTERNAL, "SQLite takes no VFS");
    }
    *out = vfs;
    return 0;
}

void lite_vfs_close(struct lite_vfs *vfs) {
    if (!vfs) return;
    sqlite3_vfs_unregister(&vfs->base);
    base_free(vfs);
}

const char *lite_vfs_name(const struct lite_vfs *vfs) {
    return vfs->name;
}

bool lite_vfs_dead(const struct lite_vfs *vfs) {
    return atomic_load(&vfs->dead);
}
