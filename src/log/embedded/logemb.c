/* logemb.c - the embedded log: opening a folder, topics, and the way to a partition. */
#include "base/diag.h"
#include "base/err.h"
#include "log/embedded/checkpoint.h"
#include "log/embedded/commit.h"
#include "log/embedded/compact.h"
#include "log/embedded/part.h"
#include "log/embedded/recover.h"
#include "log/embedded/retain.h"

#include <stdio.h>
#include <stdlib.h>

#define PID_BLOCK 1000 /* producer ids made durable at a time */

static struct emb *of(struct log *log) {
    return (struct emb *)log;
}

static int alive(const struct emb *emb) {
    if (!atomic_load(&emb->dead)) return 0;
    return err_fail(ERR_IO, "the log stopped after a failed sync; restart it");
}

static int alive_state(struct log *log) {
    return alive(of(log));
}

/* ---- topics ---- */

static int find(struct emb *emb, struct str name, struct topic **out) {
    *out = map_get(&emb->topics, name);
    return *out ? 0 : err_fail(ERR_NOT_FOUND, "there is no topic %.*s", STR_ARG(name));
}

/* The caller drops the reference with part_unref(). */
static int find_part(struct log *log, struct str name, int32_t no, struct part **out) {
    struct emb *emb = of(log);
    struct topic *topic;
    *out = NULL;
    int err = alive(emb);
    if (err) return err;
    pthread_rwlock_rdlock(&emb->topics_lock);
    err = find(emb, name, &topic);
    if (!err && no >= topic->part_cnt)
        err = err_fail(ERR_NOT_FOUND, "topic %.*s has no partition %d", STR_ARG(name), no);
    if (!err) {
        *out = topic->part[no];
        part_ref(*out);
    }
    pthread_rwlock_unlock(&emb->topics_lock);
    return err;
}

static void lock_topics(struct emb *emb) {
    pthread_mutex_lock(&emb->work);
    pthread_rwlock_wrlock(&emb->topics_lock);
}

static void unlock_topics(struct emb *emb) {
    pthread_rwlock_unlock(&emb->topics_lock);
    pthread_mutex_unlock(&emb->work);
}

static int room_for(const struct emb *emb, int32_t more) {
    if (emb->part_total + more <= EMB_PART_MAX) return 0;
    return err_fail(ERR_INVAL, "%d partitions and %d more are over the limit of %d",
                    emb->part_total, more, EMB_PART_MAX);
}

/* Folders that a deletion did not get around to. */
static int clear_dirs(struct emb *emb, const struct topic *topic, int32_t from) {
    bool any = false;
    int err = 0;
    for (int32_t i = from; i < topic->part_cnt && !err; i++) {
        if (!env_exists(emb->base.env, topic->part[i]->dir)) continue;
        err = env_remove_tree(emb->base.env, topic->part[i]->dir);
        any = true;
    }
    return any && !err ? env_sync_dir(emb->base.env, emb->dir) : err;
}

static int create_locked(struct emb *emb, struct topic *topic, int32_t part_cnt) {
    struct str name = str_of(topic->name);
    if (map_get(&emb->topics, name))
        return err_fail(ERR_EXISTS, "topic %s is there already", topic->name);
    int err = room_for(emb, part_cnt);
    if (err) return err;
    checkpoint_topic_grow(emb, topic, part_cnt);
    err = clear_dirs(emb, topic, 0);
    if (!err) {
        map_put(&emb->topics, name, topic);
        err = checkpoint_save_topics(emb);
        if (err) map_del(&emb->topics, name);
    }
    if (err) emb->part_total -= part_cnt;
    return err;
}

static int emb_topic_create(struct log *log, struct str name, int32_t part_cnt,
                            const struct log_setting *setting, size_t setting_cnt) {
    struct emb *emb = of(log);
    struct topic *topic = checkpoint_topic_new(name, uuid_random(log->env));
    struct arena temp = ARENA_INIT;
    struct log_topic merged = {0};
    int err = log_setting_merge(NULL, 0, setting, setting_cnt, &temp, &merged);
    if (!err) checkpoint_topic_settings(topic, merged.setting, merged.setting_cnt);
    lock_topics(emb);
    if (!err) err = alive(emb);
    if (!err) err = create_locked(emb, topic, part_cnt);
    unlock_topics(emb);
    if (err) checkpoint_topic_free(topic);
    arena_fini(&temp);
    return err;
}

/* Nothing refers to the topic by name any more: ends its partitions and removes their files. */
static void bury(struct emb *emb, struct topic *topic) {
    for (int32_t i = 0; i < topic->part_cnt; i++) {
        struct part *part = topic->part[i];
        pthread_mutex_lock(&part->lock);
        part->gone = true;
        struct waiter *waiters = part_served(part, true);
        pthread_mutex_unlock(&part->lock);
        err_fail(ERR_NOT_FOUND, "topic %s was deleted", topic->name);
        part_answer(waiters, ERR_NOT_FOUND);
        if (env_remove_tree(emb->base.env, part->dir))
            diag_warn("log", "%s: files stay until the next start: %s", part->name, err_note());
    }
    checkpoint_topic_free(topic);
}

static int emb_topic_delete(struct log *log, struct str name) {
    struct emb *emb = of(log);
    struct topic *topic;
    lock_topics(emb);
    int err = alive(emb);
    if (!err) err = find(emb, name, &topic);
    if (!err) {
        map_del(&emb->topics, name);
        emb->part_total -= topic->part_cnt;
        err = checkpoint_save_topics(emb);
        if (err) {
            map_put(&emb->topics, name, topic);
            emb->part_total += topic->part_cnt;
        }
    }
    pthread_rwlock_unlock(&emb->topics_lock);
    if (!err) bury(emb, topic);
    pthread_mutex_unlock(&emb->work);
    if (!err) commit_moved(emb);
    return err;
}

static void settings_copy(struct arena *arena, const struct topic *topic,
                          struct log_setting **out) {
    *out = arena_array(arena, struct log_setting, topic->setting_cnt + 1);
    for (size_t i = 0; i < topic->setting_cnt; i++) {
        (*out)[i].name = arena_str(arena, topic->setting[i].name);
        (*out)[i].value = arena_str(arena, topic->setting[i].value);
    }
}

static int emb_topic_set(struct log *log, struct str name, const struct log_setting *setting,
                         size_t setting_cnt) {
    struct emb *emb = of(log);
    struct arena temp = ARENA_INIT;
    struct log_topic merged = {0};
    struct log_setting *old = NULL;
    struct topic *topic;
    lock_topics(emb);
    int err = alive(emb);
    if (!err) err = find(emb, name, &topic);
    size_t old_cnt = err ? 0 : topic->setting_cnt;
    if (!err) settings_copy(&temp, topic, &old);
    if (!err) err = log_setting_merge(old, old_cnt, setting, setting_cnt, &temp, &merged);
    if (!err) {
        checkpoint_topic_settings(topic, merged.setting, merged.setting_cnt);
        err = checkpoint_save_topics(emb);
        if (err) checkpoint_topic_settings(topic, old, old_cnt);
    }
    unlock_topics(emb);
    arena_fini(&temp);
    return err;
}

static int emb_topic_grow(struct log *log, struct str name, int32_t part_cnt) {
    struct emb *emb = of(log);
    struct topic *topic;
    lock_topics(emb);
    int err = alive(emb);
    if (!err) err = find(emb, name, &topic);
    int32_t old = err ? 0 : topic->part_cnt;
    if (!err && part_cnt < old)
        err = err_fail(ERR_INVAL, "topic %.*s has %d partitions; they never get fewer",
                       STR_ARG(name), old);
    if (!err) err = room_for(emb, part_cnt - old);
    if (!err) {
        checkpoint_topic_grow(emb, topic, part_cnt);
        err = clear_dirs(emb, topic, old);
        if (!err) err = checkpoint_save_topics(emb);
        for (; err && topic->part_cnt > old; emb->part_total--)
            part_unref(topic->part[--topic->part_cnt]);
    }
    unlock_topics(emb);
    return err;
}

static void show(const struct topic *topic, struct arena *arena, struct log_topic *out) {
    struct log_setting *setting;
    struct str name = str_of(topic->name);
    settings_copy(arena, topic, &setting);
    *out = (struct log_topic){.name = arena_str(arena, name),
                              .id = topic->id,
                              .part_cnt = topic->part_cnt,
                              .internal = str_starts(name, STR("__")) || str_eqz(name, "_schemas"),
                              .setting = setting,
                              .setting_cnt = topic->setting_cnt};
}

static int emb_topic_get(struct log *log, struct str name, struct arena *arena,
                         struct log_topic *out) {
    struct emb *emb = of(log);
    struct topic *topic;
    int err = alive(emb);
    if (err) return err;
    pthread_rwlock_rdlock(&emb->topics_lock);
    err = find(emb, name, &topic);
    if (!err) show(topic, arena, out);
    pthread_rwlock_unlock(&emb->topics_lock);
    return err;
}

static int by_name(const void *a, const void *b) {
    return str_cmp(((const struct log_topic *)a)->name, ((const struct log_topic *)b)->name);
}

static int emb_topic_list(struct log *log, struct arena *arena, struct log_topic **out,
                          size_t *cnt) {
    struct emb *emb = of(log);
    void *topic;
    int err = alive(emb);
    if (err) return err;
    pthread_rwlock_rdlock(&emb->topics_lock);
    *out = arena_array(arena, struct log_topic, emb->topics.cnt + 1);
    for (size_t at = 0; map_next(&emb->topics, &at, NULL, &topic);)
        show(topic, arena, &(*out)[(*cnt)++]);
    pthread_rwlock_unlock(&emb->topics_lock);
    qsort(*out, *cnt, sizeof **out, by_name);
    return 0;
}

/* ---- records ---- */

static int emb_submit(struct log *log, struct str topic, int32_t no, struct str batch,
                      log_done_fn *done, void *arg) {
    struct emb *emb = of(log);
    struct part_write write = {.bytes = batch, .done = done, .arg = arg};
    struct part *part;
    int err = find_part(log, topic, no, &part);
    if (err) return err;
    err = part_append(part, &write);
    part_unref(part);
    if (err) return err;
    if (!write.wait) done(arg, 0, write.base);
    if (emb->inline_commit) commit_flush(emb);
    return 0;
}

static int emb_producer_new(struct log *log, int64_t *producer_id) {
    struct emb *emb = of(log);
    pthread_mutex_lock(&emb->work);
    int err = alive(emb);
    if (!err && emb->pid_next >= emb->pid_limit) {
        emb->pid_limit = emb->pid_next + PID_BLOCK;
        pthread_rwlock_rdlock(&emb->topics_lock);
        err = checkpoint_save_topics(emb);
        pthread_rwlock_unlock(&emb->topics_lock);
        if (err) emb->pid_limit = emb->pid_next;
    }
    if (!err) *producer_id = emb->pid_next++;
    pthread_mutex_unlock(&emb->work);
    return err;
}

static int emb_span(struct log *log, struct str topic, int32_t no, struct log_span *out) {
    struct part *part;
    int err = find_part(log, topic, no, &part);
    if (err) return err;
    part_span(part, out);
    part_unref(part);
    return 0;
}

static int emb_read(struct log *log, const struct log_pos *pos, size_t max, struct arena *arena,
                    struct str *out) {
    struct part *part;
    int err = find_part(log, pos->topic, pos->part, &part);
    if (err) return err;
    err = part_read(part, pos->offset, max, arena, out);
    part_unref(part);
    return err;
}

static int emb_seek_time(struct log *log, const struct log_pos *pos, int64_t ts_ms, int64_t *offset,
                         int64_t *ts_out) {
    struct part *part;
    int err = find_part(log, pos->topic, pos->part, &part);
    if (err) return err;
    err = part_seek_time(part, ts_ms, offset, ts_out);
    part_unref(part);
    return err;
}

static int emb_trim(struct log *log, const struct log_pos *pos, int64_t *start) {
    struct emb *emb = of(log);
    struct part *part;
    int err = find_part(log, pos->topic, pos->part, &part);
    if (err) return err;
    pthread_mutex_lock(&emb->work);
    pthread_mutex_lock(&part->lock);
    if (pos->offset > part->hwm)
        err = err_fail(ERR_RANGE, "offset %" PRId64 " of %s is past its end %" PRId64, pos->offset,
                       part->name, part->hwm);
    int64_t want = pos->offset < 0 ? part->hwm : pos->offset;
    bool moves = !err && want > part->start;
    if (moves) {
        part->start = want;
        part->changed = true;
    }
    *start = part->start;
    pthread_mutex_unlock(&part->lock);
    if (moves) err = retain_trim(part);
    pthread_mutex_unlock(&emb->work);
    part_unref(part);
    return err;
}

static int emb_retain(struct log *log) {
    struct emb *emb = of(log);
    pthread_mutex_lock(&emb->work);
    int err = alive(emb);
    if (!err) err = retain_all(emb);
    pthread_mutex_unlock(&emb->work);
    return err ? err : compact_all(emb);
}

/* ---- waiting ---- */

static bool ready(struct log *log, const struct log_pos *pos) {
    struct log_span span;
    return emb_span(log, pos->topic, pos->part, &span) || span.end > pos->offset;
}

static int emb_wait(struct log *log, const struct log_pos *pos, size_t cnt, int64_t timeout_us) {
    struct emb *emb = of(log);
    int64_t until = env_mono_us(log->env) + MIN(timeout_us, INT64_MAX / 4);
    struct timespec ts = {until / 1000000, until % 1000000 * 1000};
    pthread_mutex_lock(&emb->move_lock);
    uint64_t wakes = emb->wakes;
    for (int rc = 0; !rc && wakes == emb->wakes;) {
        uint64_t moves = emb->moves;
        bool any = false;
        pthread_mutex_unlock(&emb->move_lock);
        for (size_t i = 0; i < cnt && !any; i++)
            any = ready(log, &pos[i]);
        if (!any && emb->inline_commit) env_sleep_us(log->env, timeout_us);
        pthread_mutex_lock(&emb->move_lock);
        if (any || emb->inline_commit || timeout_us <= 0) break;
        while (!rc && moves == emb->moves && wakes == emb->wakes)
            rc = pthread_cond_timedwait(&emb->move_cond, &emb->move_lock, &ts);
    }
    pthread_mutex_unlock(&emb->move_lock);
    return 0;
}

static void emb_wake(struct log *log) {
    struct emb *emb = of(log);
    pthread_mutex_lock(&emb->move_lock);
    emb->wakes++;
    pthread_cond_broadcast(&emb->move_cond);
    pthread_mutex_unlock(&emb->move_lock);
}

static void emb_watch(struct log *log, void (*fn)(void *arg), void *arg) {
    struct emb *emb = of(log);
    pthread_mutex_lock(&emb->move_lock);
    emb->watch = fn;
    emb->watch_arg = arg;
    pthread_mutex_unlock(&emb->move_lock);
}

/* ---- opening ---- */

struct folders {
    struct emb *emb;
    struct arena arena;
    struct str *orphan;
    size_t orphan_cnt, part_cnt;
};

static void folder_seen(void *arg, const char *name, bool is_dir) {
    struct folders *seen = arg;
    const char *dash = strrchr(name, '-');
    int64_t no;
    if (!is_dir || !dash || str_i64(str_of(dash + 1), &no)) return;
    struct topic *topic = map_get(&seen->emb->topics, (struct str){name, (size_t)(dash - name)});
    seen->part_cnt++;
    if (topic && no >= 0 && no < topic->part_cnt) return;
    struct str *grown = arena_array(&seen->arena, struct str, seen->orphan_cnt + 1);
    if (seen->orphan_cnt) memcpy(grown, seen->orphan, seen->orphan_cnt * sizeof *grown);
    grown[seen->orphan_cnt++] = arena_str(&seen->arena, str_of(name));
    seen->orphan = grown;
}

/* Topics, and the removal of folders of deleted ones. */
static int load(struct emb *emb) {
    struct folders seen = {.emb = emb};
    struct env *env = emb->base.env;
    int err = checkpoint_load_topics(emb);
    bool fresh = err == ERR_NOT_FOUND;
    if (err && !fresh) return err;
    err = env_list(env, emb->dir, folder_seen, &seen);
    if (!err && fresh && seen.part_cnt)
        err = err_fail(ERR_CORRUPT,
                       "%s holds partitions but no catalogue; restore the file "
                       "'catalogue' from a copy",
                       emb->dir);
    if (!err && fresh) err = checkpoint_save_topics(emb);
    for (size_t i = 0; i < seen.orphan_cnt && !err; i++) {
        char path[ENV_PATH_MAX];
        snprintf(path, sizeof path, "%s/%s", emb->dir, seen.orphan[i].ptr);
        diag_info("log", "removing %s, left over from a deleted topic", path);
        err = env_remove_tree(env, path);
    }
    arena_fini(&seen.arena);
    return err ? err : checkpoint_load(emb);
}

static int recover(struct emb *emb) {
    bool changed = false;
    void *value;
    int err = 0;
    for (size_t at = 0; !err && map_next(&emb->topics, &at, NULL, &value);) {
        const struct topic *topic = value;
        for (int32_t i = 0; i < topic->part_cnt && !err; i++) {
            err = recover_part(topic->part[i]);
            changed = changed || topic->part[i]->changed;
        }
    }
    return err || !changed ? err : checkpoint_write(emb);
}

static void emb_free(struct emb *emb) {
    void *topic;
    for (size_t at = 0; map_next(&emb->topics, &at, NULL, &topic);)
        checkpoint_topic_free(topic);
    map_fini(&emb->topics);
    env_file_close(emb->lock_file);
    seg_pool_fini(&emb->pool);
    pthread_rwlock_destroy(&emb->topics_lock);
    pthread_mutex_destroy(&emb->work);
    pthread_mutex_destroy(&emb->compact_lock);
    pthread_mutex_destroy(&emb->queue_lock);
    pthread_mutex_destroy(&emb->move_lock);
    pthread_cond_destroy(&emb->queue_cond);
    pthread_cond_destroy(&emb->move_cond);
    base_free(emb->dir);
    base_free(emb);
}

static void emb_close(struct log *log) {
    struct emb *emb = of(log);
    emb_watch(log, NULL, NULL);
    commit_stop(emb);
    pthread_mutex_lock(&emb->work);
    if (!atomic_load(&emb->dead) && checkpoint_write(emb))
        diag_warn("log", "no checkpoint at close, recovery will take longer: %s", err_note());
    pthread_mutex_unlock(&emb->work);
    emb_free(emb);
}

static const struct log_ops emb_ops = {
    .name = "embedded",
    .caps = LOG_CAP_RAW | LOG_CAP_SEGMENTS | LOG_CAP_WATCH,
    .state = alive_state,
    .close = emb_close,
    .topic_create = emb_topic_create,
    .topic_delete = emb_topic_delete,
    .topic_get = emb_topic_get,
    .topic_list = emb_topic_list,
    .topic_set = emb_topic_set,
    .topic_grow = emb_topic_grow,
    .submit = emb_submit,
    .producer_new = emb_producer_new,
    .span = emb_span,
    .read = emb_read,
    .seek_time = emb_seek_time,
    .trim = emb_trim,
    .wait = emb_wait,
    .wake = emb_wake,
    .watch = emb_watch,
    .retain = emb_retain,
};

static struct emb *emb_new(const struct log_conf *conf, const char *dir) {
    struct emb *emb = base_calloc(1, sizeof *emb);
    pthread_condattr_t attr;
    emb->base.ops = &emb_ops;
    emb->base.env = conf->env;
    emb->dir = base_strdup(dir);
    emb->ack = conf->ack;
    emb->inline_commit = conf->inline_commit;
    atomic_init(&emb->dead, false);
    atomic_init(&emb->unmarked, 0);
    seg_pool_init(&emb->pool, conf->env, EMB_OPEN_MAX);
    map_init(&emb->topics);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&emb->queue_cond, &attr);
    pthread_cond_init(&emb->move_cond, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&emb->work, NULL);
    pthread_mutex_init(&emb->compact_lock, NULL);
    pthread_mutex_init(&emb->queue_lock, NULL);
    pthread_mutex_init(&emb->move_lock, NULL);
    pthread_rwlock_init(&emb->topics_lock, NULL);
    return emb;
}

/* Names that an earlier process saw, or we just made, may not be durable: what is built on them
 * must not be acknowledged before they are. */
static int sync_names(struct env *env, const char *dir) {
    char path[ENV_PATH_MAX];
    int err = 0;
    snprintf(path, sizeof path, "%s", dir);
    for (size_t i = strlen(path); i > 0 && !err; i--) {
        if (path[i] != '/' && path[i] != 0) continue;
        path[i] = 0;
        err = env_sync_dir(env, path);
    }
    return err ? err : env_sync_dir(env, dir[0] == '/' ? "/" : ".");
}

int logemb_open(struct log **out, const struct log_conf *conf, const char *dir) {
    char path[ENV_PATH_MAX];
    if (!*dir || strlen(dir) > ENV_PATH_MAX / 2)
        return err_fail(ERR_CONFIG, "log 'embedded:%s': a folder is needed", dir);
    struct emb *emb = emb_new(conf, dir);
    snprintf(path, sizeof path, "%s/lock", dir);
    int err = env_mkdir(conf->env, dir);
    if (!err) err = env_lock(conf->env, path, &emb->lock_file);
    if (!err) err = sync_names(conf->env, dir);
    if (!err) err = load(emb);
    if (!err) err = recover(emb);
    emb->checkpoint_us = env_mono_us(conf->env);
    if (!err) err = commit_start(emb);
    if (err) {
        emb_free(emb);
        return err;
    }
    *out = &emb->base;
    return 0;
}
