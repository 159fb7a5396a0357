/* checkpoint.c - catalogue and checkpoint.
 *
 *   catalogue, body:  8 next producer id | 4 topics | each: 2+n name, 16 id, 4 partitions,
 *                     4 settings | each: 2+n name, 2+n value
 *   checkpoint, body: 4 entries | each: 16 topic id, 4 partition, 8 start, 8 recovery,
 *                     8 segment, 8 position, 1 producers
 *   producers, body:  8 offset | pidtab_encode() */
#include "log/embedded/checkpoint.h"

#include "base/diag.h"
#include "base/err.h"
#include "log/embedded/logfile.h"
#include "log/embedded/part.h"

#include <stdio.h>

#define ENTRY_BYTES (16 + 4 + 8 * 4 + 1)

static const struct logfile_kind catalogue_kind = {"SLUICTPC", 1};
static const struct logfile_kind checkpoint_kind = {"SLUICCHK", 1};
static const struct logfile_kind producers_kind = {"SLUICPID", 1};

static int path_in(const char *dir, const char *name, char path[ENV_PATH_MAX]) {
    if (snprintf(path, ENV_PATH_MAX, "%s/%s", dir, name) < ENV_PATH_MAX) return 0;
    return err_fail(ERR_TOO_BIG, "path longer than %d", ENV_PATH_MAX);
}

/* ---- topics ---- */

struct topic *checkpoint_topic_new(struct str name, struct uuid id) {
    struct topic *topic = base_calloc(1, sizeof *topic);
    topic->name = base_alloc(name.len + 1);
    memcpy(topic->name, name.ptr, name.len);
    topic->name[name.len] = 0;
    topic->id = id;
    topic->policy = log_setting_policy(NULL, 0);
    return topic;
}

void checkpoint_topic_settings(struct topic *topic, const struct log_setting *setting, size_t cnt) {
    struct arena arena = ARENA_INIT;
    struct log_setting *copy = arena_array(&arena, struct log_setting, cnt + 1);
    for (size_t i = 0; i < cnt; i++) {
        copy[i].name = arena_str(&arena, setting[i].name);
        copy[i].value = arena_str(&arena, setting[i].value);
    }
    arena_fini(&topic->arena);
    topic->arena = arena;
    topic->setting = copy;
    topic->setting_cnt = cnt;
    topic->policy = log_setting_policy(copy, cnt);
    for (int32_t i = 0; i < topic->part_cnt; i++) {
        pthread_mutex_lock(&topic->part[i]->lock);
        topic->part[i]->policy = topic->policy;
        pthread_mutex_unlock(&topic->part[i]->lock);
    }
}

void checkpoint_topic_grow(struct emb *emb, struct topic *topic, int32_t part_cnt) {
    topic->part = base_realloc(topic->part, (size_t)part_cnt * sizeof(struct part *));
    emb->part_total += part_cnt - topic->part_cnt;
    while (topic->part_cnt < part_cnt) {
        topic->part[topic->part_cnt] = part_new(emb, topic, topic->part_cnt);
        topic->part_cnt++;
    }
}

void checkpoint_topic_free(struct topic *topic) {
    for (int32_t i = 0; i < topic->part_cnt; i++)
        part_unref(topic->part[i]);
    base_free(topic->part);
    base_free(topic->name);
    arena_fini(&topic->arena);
    base_free(topic);
}

static void put_text(struct buf *out, struct str text) {
    buf_i16(out, (int16_t)text.len);
    buf_puts(out, text);
}

static struct str get_text(struct rbuf *in) {
    int16_t len = rbuf_i16(in);
    if (len < 0) rbuf_fail(in);
    return rbuf_bytes(in, (size_t)MAX(len, 0));
}

int checkpoint_save_topics(struct emb *emb) {
    char path[ENV_PATH_MAX];
    struct buf out;
    void *value;
    buf_init(&out, LOGFILE_MAX);
    buf_i64(&out, emb->pid_limit);
    buf_i32(&out, (int32_t)emb->topics.cnt);
    for (size_t at = 0; map_next(&emb->topics, &at, NULL, &value);) {
        const struct topic *topic = value;
        put_text(&out, str_of(topic->name));
        buf_put(&out, topic->id.byte, sizeof topic->id.byte);
        buf_i32(&out, topic->part_cnt);
        buf_i32(&out, (int32_t)topic->setting_cnt);
        for (size_t i = 0; i < topic->setting_cnt; i++) {
            put_text(&out, topic->setting[i].name);
            put_text(&out, topic->setting[i].value);
        }
    }
    int err = path_in(emb->dir, "catalogue", path);
    if (!err && out.full) err = err_fail(ERR_TOO_BIG, "too many topics for %s", path);
    if (!err) err = logfile_write(emb->base.env, path, &catalogue_kind, buf_str(&out));
    buf_fini(&out);
    return err;
}

static bool settings_decode(struct rbuf *in, struct topic *topic) {
    struct arena temp = ARENA_INIT;
    size_t cnt = rbuf_count(in, rbuf_i32(in), 4);
    struct log_setting *setting = arena_array(&temp, struct log_setting, cnt + 1);
    bool ok = true;
    for (size_t i = 0; i < cnt; i++) {
        setting[i].name = get_text(in);
        setting[i].value = get_text(in);
        ok = ok && !in->bad && !log_setting_check(setting[i].name, setting[i].value);
    }
    if (ok) checkpoint_topic_settings(topic, setting, cnt);
    arena_fini(&temp);
    return ok && !in->bad;
}

static bool topic_decode(struct emb *emb, struct rbuf *in) {
    struct uuid id;
    struct str name = get_text(in);
    struct str bytes = rbuf_bytes(in, sizeof id.byte);
    int32_t part_cnt = rbuf_i32(in);
    if (in->bad || !name.len || name.len > LOG_TOPIC_MAX || memchr(name.ptr, '/', name.len) ||
        part_cnt < 1 || part_cnt > LOG_PART_MAX || map_get(&emb->topics, name))
        return false;
    memcpy(id.byte, bytes.ptr, sizeof id.byte);
    struct topic *topic = checkpoint_topic_new(name, id);
    bool ok = settings_decode(in, topic) && emb->part_total + part_cnt <= EMB_PART_MAX;
    if (ok) checkpoint_topic_grow(emb, topic, part_cnt);
    if (ok)
        map_put(&emb->topics, name, topic);
    else
        checkpoint_topic_free(topic);
    return ok;
}

int checkpoint_load_topics(struct emb *emb) {
    char path[ENV_PATH_MAX], *bytes;
    struct rbuf in;
    int err = path_in(emb->dir, "catalogue", path);
    if (!err) err = logfile_read(emb->base.env, path, &catalogue_kind, &bytes, &in);
    if (err) return err;
    emb->pid_next = emb->pid_limit = rbuf_i64(&in);
    size_t cnt = rbuf_count(&in, rbuf_i32(&in), 2 + 16 + 4 + 4);
    bool ok = true;
    for (size_t i = 0; i < cnt && ok; i++)
        ok = topic_decode(emb, &in);
    ok = ok && rbuf_done(&in) && emb->pid_next >= 0;
    base_free(bytes);
    return ok ? 0 : err_fail(ERR_CORRUPT, "%s does not decode; restore it from a copy", path);
}

/* ---- marks ---- */

static int entries(struct emb *emb, struct buf *out) {
    int32_t cnt = 0;
    void *value;
    buf_i32(out, 0);
    for (size_t at = 0; map_next(&emb->topics, &at, NULL, &value);) {
        const struct topic *topic = value;
        for (int32_t i = 0; i < topic->part_cnt; i++) {
            const struct mark *mark = &topic->part[i]->mark;
            if (!mark->recovery && !mark->start) continue;
            buf_put(out, topic->id.byte, sizeof topic->id.byte);
            buf_i32(out, i);
            buf_i64(out, mark->start);
            buf_i64(out, mark->recovery);
            buf_i64(out, mark->seg_base);
            buf_i64(out, mark->pos);
            buf_i8(out, mark->producers);
            cnt++;
        }
    }
    buf_set_i32(out, 0, cnt);
    return out->full ? err_fail(ERR_TOO_BIG, "checkpoint over %zu bytes", LOGFILE_MAX) : 0;
}

int checkpoint_save(struct emb *emb) {
    char path[ENV_PATH_MAX];
    struct buf out;
    buf_init(&out, LOGFILE_MAX);
    pthread_rwlock_rdlock(&emb->topics_lock);
    int err = entries(emb, &out);
    pthread_rwlock_unlock(&emb->topics_lock);
    if (!err) err = path_in(emb->dir, "checkpoint", path);
    if (!err) err = logfile_write(emb->base.env, path, &checkpoint_kind, buf_str(&out));
    buf_fini(&out);
    return err;
}

static int save_pids(struct part *part, int64_t offset, struct str table) {
    char path[ENV_PATH_MAX];
    struct buf out;
    buf_init(&out, LOGFILE_MAX);
    buf_i64(&out, offset);
    buf_puts(&out, table);
    int err = path_in(part->dir, "producers", path);
    if (!err) err = logfile_write(part->emb->base.env, path, &producers_kind, buf_str(&out));
    buf_fini(&out);
    return err;
}

int checkpoint_load_pids(struct part *part, int64_t *offset) {
    char path[ENV_PATH_MAX], *bytes;
    struct rbuf in;
    int err = path_in(part->dir, "producers", path);
    if (!err) err = logfile_read(part->emb->base.env, path, &producers_kind, &bytes, &in);
    if (err) return err;
    *offset = rbuf_i64(&in);
    err = pidtab_decode(&part->pids, &in);
    if (!err && !rbuf_done(&in)) err = err_fail(ERR_CORRUPT, "%s is too long", path);
    base_free(bytes);
    if (err) pidtab_fini(&part->pids);
    return err;
}

static int mark_part(struct part *part, int64_t now_ms) {
    struct buf table;
    buf_init(&table, LOGFILE_MAX);
    pthread_mutex_lock(&part->lock);
    int err = part->gone || !part->changed ? 0 : part_sync_locked(part);
    bool skip = err || part->gone || !part->changed;
    struct mark mark = part->mark;
    if (!skip) {
        struct seg *seg = part->seg_cnt ? part->seg[part->seg_cnt - 1] : NULL;
        pidtab_expire(&part->pids, now_ms - PIDTAB_AGE_MS);
        mark = (struct mark){part->start, part->hwm, seg ? seg->base : 0, seg ? seg->size : 0,
                             part->pids.cnt > 0};
        if (mark.producers) pidtab_encode(&part->pids, &table);
        if (seg && segidx_put(part->emb->base.env, seg->stem, &seg->idx))
            diag_debug("log", "%s: index entries not written: %s", part->name, err_note());
        part->changed = false;
    }
    pthread_mutex_unlock(&part->lock);
    if (!skip && mark.producers) err = save_pids(part, mark.recovery, buf_str(&table));
    buf_fini(&table);
    if (!err)
        part->mark = mark;
    else
        part->changed = true;
    return err;
}

int checkpoint_write(struct emb *emb) {
    int64_t now_ms = env_now_ms(emb->base.env);
    int err = 0;
    void *value;
    atomic_store(&emb->unmarked, 0);
    pthread_rwlock_rdlock(&emb->topics_lock);
    for (size_t at = 0; !err && map_next(&emb->topics, &at, NULL, &value);) {
        const struct topic *topic = value;
        for (int32_t i = 0; i < topic->part_cnt && !err; i++)
            err = mark_part(topic->part[i], now_ms);
    }
    pthread_rwlock_unlock(&emb->topics_lock);
    emb->checkpoint_us = env_mono_us(emb->base.env);
    return err ? err : checkpoint_save(emb);
}

/* *last: the topic found before, as entries of one topic follow each other. */
static struct part *part_of(struct emb *emb, const struct topic **last, struct str id, int32_t no) {
    void *value;
    if (!*last || memcmp((*last)->id.byte, id.ptr, id.len) != 0) {
        *last = NULL;
        for (size_t at = 0; !*last && map_next(&emb->topics, &at, NULL, &value);)
            if (memcmp(((struct topic *)value)->id.byte, id.ptr, id.len) == 0) *last = value;
    }
    return *last && no >= 0 && no < (*last)->part_cnt ? (*last)->part[no] : NULL;
}

int checkpoint_load(struct emb *emb) {
    char path[ENV_PATH_MAX], *bytes;
    const struct topic *last = NULL;
    struct rbuf in;
    int err = path_in(emb->dir, "checkpoint", path);
    if (!err) err = logfile_read(emb->base.env, path, &checkpoint_kind, &bytes, &in);
    if (err == ERR_CORRUPT) diag_warn("log", "%s; recovering without it", err_note());
    if (err) return err == ERR_CORRUPT || err == ERR_NOT_FOUND ? 0 : err;
    size_t cnt = rbuf_count(&in, rbuf_i32(&in), ENTRY_BYTES);
    for (size_t i = 0; i < cnt; i++) {
        struct str id = rbuf_bytes(&in, 16);
        int32_t no = rbuf_i32(&in);
        struct mark mark;
        mark.start = rbuf_i64(&in);
        mark.recovery = rbuf_i64(&in);
        mark.seg_base = rbuf_i64(&in);
        mark.pos = rbuf_i64(&in);
        mark.producers = rbuf_i8(&in);
        struct part *part = in.bad ? NULL : part_of(emb, &last, id, no);
        bool sane = mark.start >= 0 && mark.recovery >= mark.start && mark.seg_base >= 0 &&
                    mark.seg_base <= mark.recovery && mark.pos >= 0;
        if (part && sane) part->mark = mark;
    }
    base_free(bytes);
    return 0;
}
