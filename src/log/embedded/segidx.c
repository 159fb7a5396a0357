/* segidx.c - the sparse indexes. */
#include "log/embedded/segidx.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/rbuf.h"

#include <stdio.h>

#define OFFSET_BYTES 8
#define TIME_BYTES   12
#define FILE_MAX     ((size_t)64 << 20)

void segidx_fini(struct segidx *idx) {
    base_free(idx->offset);
    base_free(idx->time);
    memset(idx, 0, sizeof *idx);
}

size_t segidx_bytes(const struct segidx *idx) {
    return MAX(idx->offset_cnt * OFFSET_BYTES, idx->time_cnt * TIME_BYTES);
}

void segidx_add(struct segidx *idx, int32_t rel, int32_t pos) {
    if (rel < 0 || (idx->offset_cnt && rel <= idx->offset[idx->offset_cnt - 1].rel)) return;
    if (idx->offset_cnt == idx->offset_cap) {
        idx->offset_cap = idx->offset_cap ? idx->offset_cap * 2 : 16;
        idx->offset = base_realloc(idx->offset, idx->offset_cap * sizeof *idx->offset);
    }
    idx->offset[idx->offset_cnt++] = (struct segidx_offset){rel, pos};
    idx->since = 0;
}

void segidx_add_time(struct segidx *idx, int64_t ts, int32_t rel) {
    if (ts < 0) return;
    if (idx->time_cnt) {
        const struct segidx_time *last = &idx->time[idx->time_cnt - 1];
        if (ts <= last->ts || rel <= last->rel) return;
    }
    if (idx->time_cnt == idx->time_cap) {
        idx->time_cap = idx->time_cap ? idx->time_cap * 2 : 16;
        idx->time = base_realloc(idx->time, idx->time_cap * sizeof *idx->time);
    }
    idx->time[idx->time_cnt++] = (struct segidx_time){ts, rel};
}

void segidx_cut(struct segidx *idx, int64_t pos, int32_t rel) {
    while (idx->offset_cnt && idx->offset[idx->offset_cnt - 1].pos >= pos)
        idx->offset_cnt--;
    while (idx->time_cnt && idx->time[idx->time_cnt - 1].rel >= rel)
        idx->time_cnt--;
}

struct segidx_offset segidx_find(const struct segidx *idx, int32_t rel) {
    size_t from = 0, to = idx->offset_cnt; /* the answer is before `to` */
    while (from < to) {
        size_t mid = from + (to - from) / 2;
        if (idx->offset[mid].rel <= rel)
            from = mid + 1;
        else
            to = mid;
    }
    return from ? idx->offset[from - 1] : (struct segidx_offset){-1, 0};
}

int32_t segidx_find_time(const struct segidx *idx, int64_t ts) {
    size_t from = 0, to = idx->time_cnt;
    while (from < to) {
        size_t mid = from + (to - from) / 2;
        if (idx->time[mid].ts < ts)
            from = mid + 1;
        else
            to = mid;
    }
    return from ? idx->time[from - 1].rel + 1 : 0;
}

/* ---- files ---- */

static int path_of(const char *stem, const char *ending, char path[ENV_PATH_MAX]) {
    if (snprintf(path, ENV_PATH_MAX, "%s%s", stem, ending) < ENV_PATH_MAX) return 0;
    return err_fail(ERR_TOO_BIG, "path longer than %d", ENV_PATH_MAX);
}

struct idxfile {
    struct env_file *file;
    size_t cnt, bytes;
};

static int file_open(struct env *env, const char *stem, const char *ending, size_t bytes,
                     struct idxfile *out) {
    char path[ENV_PATH_MAX];
    struct env_stat st;
    int err = path_of(stem, ending, path);
    if (!err) err = env_stat(env, path, &st);
    if (!err && ((size_t)st.size % bytes || (size_t)st.size > FILE_MAX))
        err = err_fail(ERR_CORRUPT, "%s: %" PRId64 " bytes is no size of an index", path, st.size);
    if (!err) err = env_open(env, path, ENV_READ, &out->file);
    if (err) return err;
    out->cnt = (size_t)st.size / bytes;
    out->bytes = bytes;
    return 0;
}

static int entry_at(const struct idxfile *idx, size_t at, int64_t *first, int32_t *second) {
    char bytes[TIME_BYTES];
    size_t got;
    int err = env_read(idx->file, (int64_t)(at * idx->bytes), bytes, idx->bytes, &got);
    if (err) return err;
    struct rbuf in = rbuf_of(bytes, got);
    *first = idx->bytes == TIME_BYTES ? rbuf_i64(&in) : rbuf_i32(&in);
    *second = rbuf_i32(&in);
    return in.bad ? err_fail(ERR_CORRUPT, "%s shrank", env_path(idx->file)) : 0;
}

/* The last entry whose first field is < key; *found false when there is none. */
static int search(const struct idxfile *idx, int64_t key, bool *found, int64_t *first,
                  int32_t *second) {
    size_t from = 0, to = idx->cnt;
    *found = false;
    while (from < to) {
        size_t mid = from + (to - from) / 2;
        int64_t a;
        int32_t b;
        int err = entry_at(idx, mid, &a, &b);
        if (err) return err;
        if (a < key) {
            *first = a;
            *second = b;
            *found = true;
            from = mid + 1;
        } else {
            to = mid;
        }
    }
    return 0;
}

int segidx_file_find(struct env *env, const char *stem, int32_t rel, struct segidx_offset *out) {
    struct idxfile idx;
    bool found;
    int64_t first = -1;
    int32_t second = 0;
    int err = file_open(env, stem, ".index", OFFSET_BYTES, &idx);
    if (err) return err;
    err = search(&idx, (int64_t)rel + 1, &found, &first, &second);
    env_file_close(idx.file);
    *out = found ? (struct segidx_offset){(int32_t)first, second} : (struct segidx_offset){-1, 0};
    return err;
}

int segidx_file_find_time(struct env *env, const char *stem, int64_t ts, int32_t *rel) {
    struct idxfile idx;
    bool found;
    int64_t first = -1;
    int32_t second = 0;
    int err = file_open(env, stem, ".timeindex", TIME_BYTES, &idx);
    if (err) return err;
    err = search(&idx, ts, &found, &first, &second);
    env_file_close(idx.file);
    *rel = found && second >= 0 && second < INT32_MAX ? second + 1 : 0;
    return err;
}

int segidx_file_last(struct env *env, const char *stem, struct segidx_time *out) {
    struct idxfile idx;
    *out = (struct segidx_time){-1, 0};
    int err = file_open(env, stem, ".timeindex", TIME_BYTES, &idx);
    if (err) return err;
    if (idx.cnt) err = entry_at(&idx, idx.cnt - 1, &out->ts, &out->rel);
    env_file_close(idx.file);
    return err;
}

static int read_all(struct env *env, const char *stem, const char *ending, char **out,
                    size_t *len) {
    char path[ENV_PATH_MAX];
    int err = path_of(stem, ending, path);
    return err ? err : env_read_whole(env, path, FILE_MAX, out, len);
}

static void offsets_decode(struct rbuf *in, int64_t size, struct segidx *out) {
    int32_t last_rel = -1, last_pos = -1;
    while (rbuf_left(in)) {
        int32_t rel = rbuf_i32(in);
        int32_t pos = rbuf_i32(in);
        if (rel <= last_rel || pos <= last_pos || pos >= size) rbuf_fail(in);
        if (in->bad) return;
        segidx_add(out, last_rel = rel, last_pos = pos);
    }
}

static void times_decode(struct rbuf *in, struct segidx *out) {
    int64_t last_ts = -1;
    int32_t last_rel = -1;
    while (rbuf_left(in)) {
        int64_t ts = rbuf_i64(in);
        int32_t rel = rbuf_i32(in);
        if (ts <= last_ts || rel <= last_rel) rbuf_fail(in);
        if (in->bad) return;
        segidx_add_time(out, last_ts = ts, last_rel = rel);
    }
}

int segidx_load(struct env *env, const char *stem, int64_t size, struct segidx *out) {
    char *bytes = NULL;
    size_t len = 0;
    memset(out, 0, sizeof *out);
    int err = read_all(env, stem, ".index", &bytes, &len);
    if (err) return err;
    struct rbuf in = rbuf_of(bytes, len);
    offsets_decode(&in, size, out);
    bool bad = in.bad;
    base_free(bytes);
    err = read_all(env, stem, ".timeindex", &bytes, &len);
    if (!err) {
        in = rbuf_of(bytes, len);
        times_decode(&in, out);
        bad = bad || in.bad;
        base_free(bytes);
    }
    if (!err && bad)
        err = err_fail(ERR_CORRUPT, "%s: an index does not rise or points outside", stem);
    if (err) segidx_fini(out);
    return err;
}

static void offsets_encode(const struct segidx *idx, size_t from, struct buf *out) {
    for (size_t i = from; i < idx->offset_cnt; i++) {
        buf_i32(out, idx->offset[i].rel);
        buf_i32(out, idx->offset[i].pos);
    }
}

static void times_encode(const struct segidx *idx, size_t from, struct buf *out) {
    for (size_t i = from; i < idx->time_cnt; i++) {
        buf_i64(out, idx->time[i].ts);
        buf_i32(out, idx->time[i].rel);
    }
}

int segidx_save(struct env *env, const char *stem, const struct segidx *idx) {
    char path[ENV_PATH_MAX];
    struct buf out;
    buf_init(&out, FILE_MAX);
    offsets_encode(idx, 0, &out);
    int err = path_of(stem, ".index", path);
    if (!err) err = env_write_whole(env, path, buf_str(&out));
    buf_reset(&out);
    times_encode(idx, 0, &out);
    if (!err) err = path_of(stem, ".timeindex", path);
    if (!err) err = env_write_whole(env, path, buf_str(&out));
    buf_fini(&out);
    return err;
}

static int file_put(struct env *env, const char *path, size_t pos, struct str bytes) {
    struct env_file *file = NULL;
    unsigned flags = ENV_WRITE | ENV_CREATE | (pos ? 0 : ENV_TRUNC);
    int err = env_open(env, path, flags, &file);
    if (!err) err = env_write(file, (int64_t)pos, bytes.ptr, bytes.len);
    env_file_close(file);
    return err;
}

int segidx_put(struct env *env, const char *stem, struct segidx *idx) {
    char path[ENV_PATH_MAX];
    struct buf out;
    buf_init(&out, FILE_MAX);
    offsets_encode(idx, idx->offset_put, &out);
    int err = path_of(stem, ".index", path);
    if (!err) err = file_put(env, path, idx->offset_put * OFFSET_BYTES, buf_str(&out));
    buf_reset(&out);
    times_encode(idx, idx->time_put, &out);
    if (!err) err = path_of(stem, ".timeindex", path);
    if (!err) err = file_put(env, path, idx->time_put * TIME_BYTES, buf_str(&out));
    if (!err) idx->offset_put = idx->offset_cnt;
    if (!err) idx->time_put = idx->time_cnt;
    buf_fini(&out);
    return err;
}
