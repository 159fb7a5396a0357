/* env_mem.c - files in memory, time in a variable, and power cuts on demand.
 *
 * A file has two contents: what readers see, and what the disk has; a bit per 512-byte sector says
 * where they may differ. A folder has two lists of names likewise, and the changes between them in
 * order. A sync makes the second equal to the first. env_mem_crash() lets each unsynced sector,
 * each file's length and each unsynced change of names reach the disk or not, as the seed says,
 * and then shows everybody what the disk has: harsher than a journaling file system, which keeps
 * the order of name changes.
 *
 * Thread: one lock guards all. Limits: a file is at most FILE_MAX bytes. */
#include "base/env.h"

#include "base/err.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#define SECTOR   512
#define FILE_MAX ((int64_t)4 << 30)

struct bytes {
    char *ptr;
    int64_t size, cap;
};

struct name {
    char *text;
    struct node *node;
};
struct names {
    struct name *at;
    size_t cnt, cap;
};

/* A change of a folder's names: `from` goes (NULL: none), `to` becomes `node` (NULL: none). */
struct change {
    char *from, *to;
    struct node *node;
};

struct node {
    bool is_dir;
    unsigned refs; /* names, in either list, pending changes, open files */
    struct bytes seen, disk;
    unsigned char *dirty; /* a bit per sector of the longer content */
    size_t dirty_cap;
    struct names names, disk_names;
    struct change *change;
    size_t change_cnt, change_cap;
    bool locked;
};

struct mem {
    struct env base;
    pthread_mutex_t lock;
    int64_t now_us, start_us;
    uint64_t random;
    uint64_t era; /* rises with each crash; files of an older one are unusable */
    uint64_t sync_cnt, sync_fail_at;
    struct node *root;
};

struct mem_file {
    struct env_file base;
    struct node *node;
    uint64_t era;
    bool lock;
};

static struct mem *of(struct env *env) {
    return (struct mem *)env;
}

static uint64_t next_random(struct mem *mem) { /* splitmix64 */
    uint64_t z = mem->random += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static bool coin(struct mem *mem) {
    return next_random(mem) >> 63;
}

/* ---- contents ---- */

static void bytes_resize(struct bytes *bytes, int64_t size) {
    if (size > bytes->cap) {
        bytes->cap = MAX(size, bytes->cap * 2);
        bytes->ptr = base_realloc(bytes->ptr, (size_t)bytes->cap);
    }
    if (size > bytes->size) memset(bytes->ptr + bytes->size, 0, (size_t)(size - bytes->size));
    bytes->size = size;
}

static void mark_dirty(struct node *node, int64_t from, int64_t to) {
    size_t need = (size_t)(to / SECTOR + 1) / 8 + 1;
    if (need > node->dirty_cap) {
        node->dirty = base_realloc(node->dirty, need * 2);
        memset(node->dirty + node->dirty_cap, 0, need * 2 - node->dirty_cap);
        node->dirty_cap = need * 2;
    }
    for (int64_t sector = from / SECTOR; sector * SECTOR < to; sector++)
        node->dirty[sector / 8] |= (unsigned char)(1 << sector % 8);
}

/* Brings the dirty sectors that `keep` chooses to the disk; all are clean then. */
static void settle(struct mem *mem, struct node *node, bool all) {
    int64_t longest = MAX(node->seen.size, node->disk.size);
    int64_t size = all || coin(mem) ? node->seen.size : node->disk.size;
    bytes_resize(&node->disk, longest);
    for (int64_t pos = 0; pos < longest; pos += SECTOR) {
        size_t at = (size_t)(pos / SECTOR / 8);
        if (at >= node->dirty_cap) break;
        if (!node->dirty[at]) {
            pos += (7 - pos / SECTOR % 8) * SECTOR;
            continue;
        }
        if (!(node->dirty[at] >> pos / SECTOR % 8 & 1) || (!all && coin(mem))) continue;
        int64_t len = MIN(SECTOR, node->seen.size - pos);
        if (len > 0) memcpy(node->disk.ptr + pos, node->seen.ptr + pos, (size_t)len);
    }
    bytes_resize(&node->disk, size);
    if (node->dirty_cap) memset(node->dirty, 0, node->dirty_cap);
}

/* ---- names ---- */

static void node_unref(struct node *node);

static void names_fini(struct names *names) {
    for (size_t i = 0; i < names->cnt; i++) {
        node_unref(names->at[i].node);
        base_free(names->at[i].text);
    }
    base_free(names->at);
    memset(names, 0, sizeof *names);
}

static void changes_fini(struct node *dir) {
    for (size_t i = 0; i < dir->change_cnt; i++) {
        base_free(dir->change[i].from);
        base_free(dir->change[i].to);
        if (dir->change[i].node) node_unref(dir->change[i].node);
    }
    dir->change_cnt = 0;
}

static void node_unref(struct node *node) {
    CHECK(node->refs > 0);
    if (--node->refs) return;
    base_free(node->seen.ptr);
    base_free(node->disk.ptr);
    base_free(node->dirty);
    names_fini(&node->names);
    names_fini(&node->disk_names);
    changes_fini(node);
    base_free(node->change);
    base_free(node);
}

static struct name *names_find(const struct names *names, const char *text) {
    for (size_t i = 0; i < names->cnt; i++)
        if (strcmp(names->at[i].text, text) == 0) return &names->at[i];
    return NULL;
}

static void names_del(struct names *names, const char *text) {
    struct name *name = names_find(names, text);
    if (!name) return;
    base_free(name->text);
    struct node *node = name->node;
    *name = names->at[--names->cnt];
    node_unref(node);
}

static void names_put(struct names *names, const char *text, struct node *node) {
    node->refs++;
    names_del(names, text);
    if (names->cnt == names->cap) {
        names->cap = names->cap ? names->cap * 2 : 4;
        names->at = base_realloc(names->at, names->cap * sizeof *names->at);
    }
    names->at[names->cnt++] = (struct name){base_strdup(text), node};
}

static void names_copy(struct names *to, const struct names *from) {
    struct names old = *to;
    memset(to, 0, sizeof *to);
    for (size_t i = 0; i < from->cnt; i++)
        names_put(to, from->at[i].text, from->at[i].node);
    names_fini(&old);
}

static void change_apply(struct names *names, const struct change *change) {
    if (change->from) names_del(names, change->from);
    if (change->to) names_put(names, change->to, change->node);
}

/* Makes the change visible, and durable with the folder's next sync. */
static void change_names(struct node *dir, const char *from, const char *to, struct node *node) {
    struct change change = {from ? base_strdup(from) : NULL, to ? base_strdup(to) : NULL, node};
    if (node) node->refs++;
    if (dir->change_cnt == dir->change_cap) {
        dir->change_cap = dir->change_cap ? dir->change_cap * 2 : 4;
        dir->change = base_realloc(dir->change, dir->change_cap * sizeof *dir->change);
    }
    dir->change[dir->change_cnt++] = change;
    change_apply(&dir->names, &change);
}

static int missing(const char *what, const char *path) {
    return err_fail_os(ERR_NOT_FOUND, ENOENT, "cannot %s %s", what, path);
}

/* The folder that holds `path`, and the last part of it. */
static struct node *dir_of(struct mem *mem, const char *path, char last[ENV_PATH_MAX]) {
    struct node *dir = mem->root;
    last[0] = 0;
    while (*path) {
        while (*path == '/')
            path++;
        size_t len = strcspn(path, "/");
        if (!len) break;
        if (len >= ENV_PATH_MAX) return NULL;
        if (*last) {
            struct name *name = names_find(&dir->names, last);
            if (!name || !name->node->is_dir) return NULL;
            dir = name->node;
        }
        memcpy(last, path, len);
        last[len] = 0;
        if (strcmp(last, ".") == 0) last[0] = 0;
        path += len;
    }
    return dir;
}

static struct node *node_of(struct mem *mem, const char *path) {
    char last[ENV_PATH_MAX];
    struct node *dir = dir_of(mem, path, last);
    if (!dir || !*last) return dir;
    struct name *name = names_find(&dir->names, last);
    return name ? name->node : NULL;
}

/* ---- clock and random ---- */

static int64_t mem_now(struct env *env) {
    struct mem *mem = of(env);
    pthread_mutex_lock(&mem->lock);
    int64_t now = mem->now_us;
    pthread_mutex_unlock(&mem->lock);
    return now;
}

static int64_t mem_mono(struct env *env) {
    return mem_now(env) - of(env)->start_us;
}

void env_mem_advance(struct env *env, int64_t us) {
    struct mem *mem = of(env);
    pthread_mutex_lock(&mem->lock);
    mem->now_us += us;
    pthread_mutex_unlock(&mem->lock);
}

static void mem_random(struct env *env, void *out, size_t len) {
    struct mem *mem = of(env);
    char *at = out;
    pthread_mutex_lock(&mem->lock);
    while (len) {
        uint64_t bits = next_random(mem);
        size_t part = MIN(len, sizeof bits);
        memcpy(at, &bits, part);
        at += part;
        len -= part;
    }
    pthread_mutex_unlock(&mem->lock);
}

/* ---- files ---- */

static struct env_file *file_new(struct mem *mem, const char *path, struct node *node) {
    struct mem_file *file = base_calloc(1, sizeof *file);
    file->base.env = &mem->base;
    file->base.path = base_strdup(path);
    file->node = node;
    file->era = mem->era;
    node->refs++;
    return &file->base;
}

static int open_locked(struct mem *mem, const char *path, unsigned flags, struct env_file **out) {
    char last[ENV_PATH_MAX];
    struct node *dir = dir_of(mem, path, last);
    if (!dir || !*last) return missing("open", path);
    struct name *name = names_find(&dir->names, last);
    if (name && name->node->is_dir) return err_fail_os(ERR_IO, EISDIR, "cannot open %s", path);
    if (name && flags & ENV_CREATE && flags & ENV_EXCL)
        return err_fail_os(ERR_EXISTS, EEXIST, "cannot open %s", path);
    if (!name && !(flags & ENV_CREATE)) return missing("open", path);
    struct node *node = name ? name->node : base_calloc(1, sizeof *node);
    if (!name) change_names(dir, NULL, last, node);
    if (flags & ENV_TRUNC && node->seen.size) {
        mark_dirty(node, 0, node->seen.size);
        bytes_resize(&node->seen, 0);
    }
    *out = file_new(mem, path, node);
    return 0;
}

static int mem_open(struct env *env, const char *path, unsigned flags, struct env_file **out) {
    struct mem *mem = of(env);
    pthread_mutex_lock(&mem->lock);
    int err = open_locked(mem, path, flags, out);
    pthread_mutex_unlock(&mem->lock);
    return err;
}

static void mem_close(struct env_file *base) {
    struct mem_file *file = (struct mem_file *)base;
    struct mem *mem = of(base->env);
    pthread_mutex_lock(&mem->lock);
    if (file->lock && file->era == mem->era) file->node->locked = false;
    node_unref(file->node);
    pthread_mutex_unlock(&mem->lock);
    base_free(base->path);
    base_free(file);
}

/* With the lock held: the file's node, or NULL when the power went since it was opened. */
static struct node *node_in(struct env_file *base, int *err) {
    struct mem_file *file = (struct mem_file *)base;
    bool usable = file->era == of(base->env)->era;
    *err = usable ? 0 : err_fail(ERR_IO, "%s was open when the power went", base->path);
    return usable ? file->node : NULL;
}

static int mem_pread(struct env_file *base, int64_t pos, void *out, size_t len, size_t *got) {
    struct mem *mem = of(base->env);
    int err;
    pthread_mutex_lock(&mem->lock);
    struct node *node = node_in(base, &err);
    *got = 0;
    if (node && pos < node->seen.size) {
        *got = MIN(len, (size_t)(node->seen.size - pos));
        memcpy(out, node->seen.ptr + pos, *got);
    }
    pthread_mutex_unlock(&mem->lock);
    return err;
}

static int mem_pwrite(struct env_file *base, int64_t pos, const void *ptr, size_t len,
                      size_t *put) {
    struct mem *mem = of(base->env);
    int err;
    pthread_mutex_lock(&mem->lock);
    struct node *node = node_in(base, &err);
    if (node && pos + (int64_t)len > FILE_MAX)
        err = err_fail_os(ERR_IO, EFBIG, "cannot write %s", base->path);
    if (!err && len) {
        int64_t from = MIN(pos, node->seen.size), end = pos + (int64_t)len;
        bytes_resize(&node->seen, MAX(node->seen.size, end));
        memcpy(node->seen.ptr + pos, ptr, len);
        mark_dirty(node, from, end);
    }
    *put = len;
    pthread_mutex_unlock(&mem->lock);
    return err;
}

/* The n-th sync fails as disks do: what was dirty counts as clean, and is not on the disk. */
static bool sync_fails(struct mem *mem, struct node *node) {
    if (++mem->sync_cnt != mem->sync_fail_at) return false;
    if (node->dirty_cap) memset(node->dirty, 0, node->dirty_cap);
    return true;
}

static int mem_sync(struct env_file *base) {
    struct mem *mem = of(base->env);
    int err;
    pthread_mutex_lock(&mem->lock);
    struct node *node = node_in(base, &err);
    if (node && sync_fails(mem, node))
        err = err_fail_os(ERR_IO, EIO, "cannot sync %s", base->path);
    else if (node)
        settle(mem, node, true);
    pthread_mutex_unlock(&mem->lock);
    return err;
}

static int mem_truncate(struct env_file *base, int64_t size) {
    struct mem *mem = of(base->env);
    int err;
    pthread_mutex_lock(&mem->lock);
    struct node *node = node_in(base, &err);
    if (node) {
        mark_dirty(node, MIN(size, node->seen.size), MAX(size, node->seen.size));
        bytes_resize(&node->seen, size);
    }
    pthread_mutex_unlock(&mem->lock);
    return err;
}

static int mem_stat(struct env *env, const char *path, struct env_stat *out) {
    struct mem *mem = of(env);
    pthread_mutex_lock(&mem->lock);
    const struct node *node = node_of(mem, path);
    if (node) *out = (struct env_stat){node->seen.size, node->is_dir};
    pthread_mutex_unlock(&mem->lock);
    return node ? 0 : missing("look at", path);
}

static int rename_locked(struct mem *mem, const char *from, const char *to) {
    char old[ENV_PATH_MAX], fresh[ENV_PATH_MAX];
    struct node *dir = dir_of(mem, from, old), *dest = dir_of(mem, to, fresh);
    struct name *name = dir && *old ? names_find(&dir->names, old) : NULL;
    if (!name || !dest || !*fresh) return missing("rename", from);
    struct node *node = name->node;
    struct name *there = names_find(&dest->names, fresh);
    if (there && there->node->is_dir) return err_fail_os(ERR_IO, EISDIR, "cannot rename %s", from);
    node->refs++;
    if (dest == dir) {
        change_names(dir, old, fresh, node);
    } else {
        change_names(dest, NULL, fresh, node);
        change_names(dir, old, NULL, NULL);
    }
    node_unref(node);
    return 0;
}

static int mem_rename(struct env *env, const char *from, const char *to) {
    struct mem *mem = of(env);
    pthread_mutex_lock(&mem->lock);
    int err = rename_locked(mem, from, to);
    pthread_mutex_unlock(&mem->lock);
    return err;
}

static int mem_unlink(struct env *env, const char *path) {
    struct mem *mem = of(env);
    char last[ENV_PATH_MAX];
    int err = 0;
    pthread_mutex_lock(&mem->lock);
    struct node *dir = dir_of(mem, path, last);
    struct name *name = dir && *last ? names_find(&dir->names, last) : NULL;
    if (!name)
        err = missing("remove", path);
    else if (name->node->is_dir && name->node->names.cnt)
        err = err_fail_os(ERR_IO, ENOTEMPTY, "cannot remove %s", path);
    else
        change_names(dir, last, NULL, NULL);
    pthread_mutex_unlock(&mem->lock);
    return err;
}

static int mem_mkdir(struct env *env, const char *path) {
    struct mem *mem = of(env);
    char last[ENV_PATH_MAX];
    int err = 0;
    pthread_mutex_lock(&mem->lock);
    struct node *dir = dir_of(mem, path, last);
    if (!dir) err = missing("make folder", path);
    if (dir && *last && !names_find(&dir->names, last)) {
        struct node *node = base_calloc(1, sizeof *node);
        node->is_dir = true;
        change_names(dir, NULL, last, node);
    }
    pthread_mutex_unlock(&mem->lock);
    return err;
}

static int mem_sync_dir(struct env *env, const char *path) {
    struct mem *mem = of(env);
    int err = 0;
    pthread_mutex_lock(&mem->lock);
    struct node *dir = node_of(mem, path);
    if (!dir || !dir->is_dir)
        err = missing("sync folder", path);
    else if (sync_fails(mem, dir))
        err = err_fail_os(ERR_IO, EIO, "cannot sync folder %s", path);
    if (!err) {
        names_copy(&dir->disk_names, &dir->names);
        changes_fini(dir);
    }
    pthread_mutex_unlock(&mem->lock);
    return err;
}

static int mem_list(struct env *env, const char *path,
                    void (*each)(void *arg, const char *name, bool is_dir), void *arg) {
    struct mem *mem = of(env);
    pthread_mutex_lock(&mem->lock);
    const struct node *dir = node_of(mem, path);
    struct names copy = {0};
    bool there = dir && dir->is_dir;
    if (there) names_copy(&copy, &dir->names);
    pthread_mutex_unlock(&mem->lock);
    for (size_t i = 0; i < copy.cnt; i++)
        each(arg, copy.at[i].text, copy.at[i].node->is_dir);
    pthread_mutex_lock(&mem->lock);
    names_fini(&copy);
    pthread_mutex_unlock(&mem->lock);
    return there ? 0 : missing("list", path);
}

static int mem_lock(struct env *env, const char *path, struct env_file **out) {
    struct mem *mem = of(env);
    pthread_mutex_lock(&mem->lock);
    int err = open_locked(mem, path, ENV_READ | ENV_WRITE | ENV_CREATE, out);
    struct mem_file *file = err ? NULL : (struct mem_file *)*out;
    bool taken = file && file->node->locked;
    if (file && !taken) file->lock = file->node->locked = true;
    pthread_mutex_unlock(&mem->lock);
    if (!taken) return err;
    mem_close(*out);
    *out = NULL;
    return err_fail(ERR_AGAIN, "%s is held by this process", path);
}

/* ---- the power cut ---- */

static void crash_node(struct mem *mem, struct node *node) {
    node->locked = false;
    if (!node->is_dir) {
        settle(mem, node, false);
        bytes_resize(&node->seen, 0);
        bytes_resize(&node->seen, node->disk.size);
        if (node->disk.size) memcpy(node->seen.ptr, node->disk.ptr, (size_t)node->disk.size);
        return;
    }
    for (size_t i = 0; i < node->change_cnt; i++)
        if (coin(mem)) change_apply(&node->disk_names, &node->change[i]);
    changes_fini(node);
    names_copy(&node->names, &node->disk_names);
    for (size_t i = 0; i < node->names.cnt; i++)
        crash_node(mem, node->names.at[i].node);
}

void env_mem_crash(struct env *env) {
    struct mem *mem = of(env);
    pthread_mutex_lock(&mem->lock);
    mem->era++;
    crash_node(mem, mem->root);
    pthread_mutex_unlock(&mem->lock);
}

void env_mem_fail_sync(struct env *env, uint64_t nth) {
    struct mem *mem = of(env);
    pthread_mutex_lock(&mem->lock);
    mem->sync_cnt = 0;
    mem->sync_fail_at = nth;
    pthread_mutex_unlock(&mem->lock);
}

static void mem_free(struct env *env) {
    struct mem *mem = of(env);
    node_unref(mem->root);
    pthread_mutex_destroy(&mem->lock);
    base_free(mem);
}

static const struct env_ops mem_ops = {
    .now_us = mem_now,
    .mono_us = mem_mono,
    .sleep_us = env_mem_advance,
    .random = mem_random,
    .open = mem_open,
    .close = mem_close,
    .pread = mem_pread,
    .pwrite = mem_pwrite,
    .sync = mem_sync,
    .truncate = mem_truncate,
    .stat = mem_stat,
    .rename = mem_rename,
    .unlink = mem_unlink,
    .mkdir = mem_mkdir,
    .sync_dir = mem_sync_dir,
    .list = mem_list,
    .lock = mem_lock,
    .free = mem_free,
};

struct env *env_mem_open(uint64_t seed, int64_t start_us) {
    struct mem *mem = base_calloc(1, sizeof *mem);
    mem->base.ops = &mem_ops;
    pthread_mutex_init(&mem->lock, NULL);
    mem->now_us = mem->start_us = start_us;
    mem->random = seed;
    mem->root = base_calloc(1, sizeof *mem->root);
    mem->root->is_dir = true;
    mem->root->refs = 1;
    return &mem->base;
}
