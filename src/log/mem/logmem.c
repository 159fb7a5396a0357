/* logmem.c - the log in memory: the oracle of the contract tests, and what a simulation runs.
 *
 * Batches are kept in a row per partition and searched from the front; one lock guards all, and an
 * append is "durable" at once. Retention and syncs have nothing to do here. */
#include "base/err.h"
#include "base/map.h"
#include "log/intake.h"
#include "log/log_ops.h"
#include "log/pidtab.h"

#include <pthread.h>
#include <stdlib.h>

struct mbatch {
    char *ptr;
    size_t len;
    int64_t base, end;
};
struct mpart {
    struct mbatch *batch;
    size_t cnt, cap;
    int64_t start, end, bytes;
    struct pidtab pids;
};
struct mtopic {
    struct log_topic pub; /* its strings live in `arena` */
    struct arena arena;
    struct log_policy policy;
    struct mpart part[LOG_PART_MAX];
};
struct logmem {
    struct log base;
    pthread_mutex_t lock;
    pthread_cond_t moved;
    uint64_t wakes;
    struct map topics;
    int64_t next_producer;
    void (*watch)(void *arg);
    void *watch_arg;
};

static struct logmem *of(struct log *log) {
    return (struct logmem *)log;
}

static void topic_free(struct mtopic *topic) {
    for (int32_t i = 0; i < LOG_PART_MAX; i++) {
        struct mpart *part = &topic->part[i];
        for (size_t at = 0; at < part->cnt; at++)
            base_free(part->batch[at].ptr);
        base_free(part->batch);
        pidtab_fini(&part->pids);
    }
    arena_fini(&topic->arena);
    base_free(topic);
}

static void mem_close(struct log *log) {
    struct logmem *mem = of(log);
    void *topic;
    for (size_t at = 0; map_next(&mem->topics, &at, NULL, &topic);)
        topic_free(topic);
    map_fini(&mem->topics);
    pthread_mutex_destroy(&mem->lock);
    pthread_cond_destroy(&mem->moved);
    base_free(mem);
}

static int find(struct logmem *mem, struct str name, struct mtopic **out) {
    *out = map_get(&mem->topics, name);
    return *out ? 0 : err_fail(ERR_NOT_FOUND, "there is no topic %.*s", STR_ARG(name));
}

static int find_part(struct logmem *mem, const struct log_pos *pos, struct mpart **out) {
    struct mtopic *topic;
    int err = find(mem, pos->topic, &topic);
    if (err) return err;
    if (pos->part >= topic->pub.part_cnt)
        return err_fail(ERR_NOT_FOUND, "topic %.*s has no partition %d", STR_ARG(pos->topic),
                        pos->part);
    *out = &topic->part[pos->part];
    return 0;
}

static int set(struct mtopic *topic, const struct log_setting *setting, size_t cnt) {
    struct log_topic merged = {0};
    struct arena temp = ARENA_INIT;
    int err =
        log_setting_merge(topic->pub.setting, topic->pub.setting_cnt, setting, cnt, &temp, &merged);
    if (!err) {
        struct log_setting *kept =
            arena_array(&topic->arena, struct log_setting, merged.setting_cnt + 1);
        for (size_t i = 0; i < merged.setting_cnt; i++) {
            kept[i].name = arena_str(&topic->arena, merged.setting[i].name);
            kept[i].value = arena_str(&topic->arena, merged.setting[i].value);
        }
        topic->pub.setting = kept;
        topic->pub.setting_cnt = merged.setting_cnt;
        topic->policy = log_setting_policy(kept, merged.setting_cnt);
    }
    arena_fini(&temp);
    return err;
}

static int mem_topic_create(struct log *log, struct str name, int32_t part_cnt,
                            const struct log_setting *setting, size_t setting_cnt) {
    struct logmem *mem = of(log);
    int err = 0;
    pthread_mutex_lock(&mem->lock);
    if (map_get(&mem->topics, name)) {
        err = err_fail(ERR_EXISTS, "topic %.*s is there already", STR_ARG(name));
    } else {
        struct mtopic *topic = base_calloc(1, sizeof *topic);
        topic->pub.name = arena_str(&topic->arena, name);
        topic->pub.id = uuid_random(log->env);
        topic->pub.part_cnt = part_cnt;
        topic->pub.internal = str_starts(name, STR("__")) || str_eqz(name, "_schemas");
        err = set(topic, setting, setting_cnt);
        if (err)
            topic_free(topic);
        else
            map_put(&mem->topics, name, topic);
    }
    pthread_mutex_unlock(&mem->lock);
    return err;
}

static int mem_topic_delete(struct log *log, struct str name) {
    struct logmem *mem = of(log);
    struct mtopic *topic;
    pthread_mutex_lock(&mem->lock);
    int err = find(mem, name, &topic);
    if (!err) {
        map_del(&mem->topics, name);
        topic_free(topic);
    }
    pthread_mutex_unlock(&mem->lock);
    return err;
}

static void show(const struct mtopic *topic, struct arena *arena, struct log_topic *out) {
    struct log_setting *setting =
        arena_array(arena, struct log_setting, topic->pub.setting_cnt + 1);
    *out = topic->pub;
    out->name = arena_str(arena, topic->pub.name);
    for (size_t i = 0; i < topic->pub.setting_cnt; i++) {
        setting[i].name = arena_str(arena, topic->pub.setting[i].name);
        setting[i].value = arena_str(arena, topic->pub.setting[i].value);
    }
    out->setting = setting;
}

static int mem_topic_get(struct log *log, struct str name, struct arena *arena,
                         struct log_topic *out) {
    struct logmem *mem = of(log);
    struct mtopic *topic;
    pthread_mutex_lock(&mem->lock);
    int err = find(mem, name, &topic);
    if (!err) show(topic, arena, out);
    pthread_mutex_unlock(&mem->lock);
    return err;
}

static int by_name(const void *a, const void *b) {
    return str_cmp(((const struct log_topic *)a)->name, ((const struct log_topic *)b)->name);
}

static int mem_topic_list(struct log *log, struct arena *arena, struct log_topic **out,
                          size_t *cnt) {
    struct logmem *mem = of(log);
    void *topic;
    pthread_mutex_lock(&mem->lock);
    *out = arena_array(arena, struct log_topic, mem->topics.cnt + 1);
    for (size_t at = 0; map_next(&mem->topics, &at, NULL, &topic);)
        show(topic, arena, &(*out)[(*cnt)++]);
    pthread_mutex_unlock(&mem->lock);
    qsort(*out, *cnt, sizeof **out, by_name);
    return 0;
}

static int mem_topic_set(struct log *log, struct str name, const struct log_setting *setting,
                         size_t setting_cnt) {
    struct logmem *mem = of(log);
    struct mtopic *topic;
    pthread_mutex_lock(&mem->lock);
    int err = find(mem, name, &topic);
    if (!err) err = set(topic, setting, setting_cnt);
    pthread_mutex_unlock(&mem->lock);
    return err;
}

static int mem_topic_grow(struct log *log, struct str name, int32_t part_cnt) {
    struct logmem *mem = of(log);
    struct mtopic *topic;
    pthread_mutex_lock(&mem->lock);
    int err = find(mem, name, &topic);
    if (!err && part_cnt < topic->pub.part_cnt)
        err = err_fail(ERR_INVAL, "topic %.*s has %d partitions; they never get fewer",
                       STR_ARG(name), topic->pub.part_cnt);
    if (!err) topic->pub.part_cnt = part_cnt;
    pthread_mutex_unlock(&mem->lock);
    return err;
}

static void keep(struct mpart *part, struct str bytes, const struct log_policy *policy,
                 int64_t now_ms) {
    while (bytes.len) {
        struct recbatch_head head;
        char *copy = base_alloc(bytes.len);
        memcpy(copy, bytes.ptr, bytes.len);
        recbatch_place(copy, part->end, 0);
        CHECK(recbatch_peek((struct str){copy, bytes.len}, &head) == 0);
        struct str rest = {copy + RECBATCH_HEAD, head.size - RECBATCH_HEAD};
        if (policy->append_time) recbatch_stamp(copy, rest, now_ms);
        if (part->cnt == part->cap) {
            part->cap = part->cap ? part->cap * 2 : 8;
            part->batch = base_realloc(part->batch, part->cap * sizeof *part->batch);
        }
        part->batch[part->cnt++] = (struct mbatch){copy, head.size, part->end, recbatch_end(&head)};
        pidtab_note(&part->pids, &head, now_ms);
        part->end = recbatch_end(&head);
        part->bytes += (int64_t)head.size;
        bytes.ptr += head.size;
        bytes.len -= head.size;
    }
}

static int mem_submit(struct log *log, struct str name, int32_t part_no, struct str bytes,
                      log_done_fn *done, void *arg) {
    struct logmem *mem = of(log);
    struct log_pos pos = {name, part_no, 0};
    const struct pidtab_batch *dup = NULL;
    struct recbatch_head head;
    struct mpart *part;
    int64_t now_ms = env_now_ms(log->env), base = -1;
    size_t cnt;
    pthread_mutex_lock(&mem->lock);
    int err = find_part(mem, &pos, &part);
    const struct mtopic *topic = map_get(&mem->topics, name);
    if (!err) err = intake_check(bytes, &topic->policy, now_ms, &cnt);
    if (!err) err = recbatch_peek(bytes, &head);
    if (!err) err = pidtab_check(&part->pids, &head, &dup);
    if (!err) base = dup ? dup->base_offset : part->end;
    if (!err && !dup) keep(part, bytes, &topic->policy, now_ms);
    void (*watch)(void *) = mem->watch;
    void *watch_arg = mem->watch_arg;
    pthread_cond_broadcast(&mem->moved);
    pthread_mutex_unlock(&mem->lock);
    if (err) return err;
    if (watch) watch(watch_arg);
    done(arg, 0, base);
    return 0;
}

static int mem_producer_new(struct log *log, int64_t *producer_id) {
    struct logmem *mem = of(log);
    pthread_mutex_lock(&mem->lock);
    *producer_id = mem->next_producer++;
    pthread_mutex_unlock(&mem->lock);
    return 0;
}

static int mem_span(struct log *log, struct str topic, int32_t part_no, struct log_span *out) {
    struct logmem *mem = of(log);
    struct log_pos pos = {topic, part_no, 0};
    struct mpart *part;
    pthread_mutex_lock(&mem->lock);
    int err = find_part(mem, &pos, &part);
    if (!err) *out = (struct log_span){part->start, part->end, part->bytes};
    pthread_mutex_unlock(&mem->lock);
    return err;
}

static int mem_read(struct log *log, const struct log_pos *pos, size_t max, struct arena *arena,
                    struct str *out) {
    struct logmem *mem = of(log);
    struct mpart *part = NULL;
    pthread_mutex_lock(&mem->lock);
    int err = find_part(mem, pos, &part);
    if (!err && (pos->offset < part->start || pos->offset > part->end))
        err =
            err_fail(ERR_RANGE, "offset %" PRId64 " of %.*s-%d: there are %" PRId64 " to %" PRId64,
                     pos->offset, STR_ARG(pos->topic), pos->part, part->start, part->end);
    size_t from = 0, len = 0;
    while (!err && from < part->cnt && part->batch[from].end <= pos->offset)
        from++;
    size_t to = from;
    while (!err && to < part->cnt && (to == from || len + part->batch[to].len <= max))
        len += part->batch[to++].len;
    char *copy = arena_bytes(arena, len + 1);
    *out = (struct str){copy, len};
    for (size_t i = from; i < to; copy += part->batch[i++].len)
        memcpy(copy, part->batch[i].ptr, part->batch[i].len);
    pthread_mutex_unlock(&mem->lock);
    return err;
}

static int mem_seek_time(struct log *log, const struct log_pos *pos, int64_t ts_ms, int64_t *offset,
                         int64_t *ts_out) {
    struct logmem *mem = of(log);
    struct arena arena = ARENA_INIT;
    struct mpart *part = NULL;
    pthread_mutex_lock(&mem->lock);
    int err = find_part(mem, pos, &part);
    for (size_t i = 0; !err && *offset < 0 && i < part->cnt; i++) {
        struct recbatch_iter it;
        struct record rec;
        recbatch_walk(&it, (struct str){part->batch[i].ptr, part->batch[i].len}, part->start,
                      &arena);
        while (*offset < 0 && recbatch_next(&it, &rec)) {
            if (rec.ts_ms < ts_ms) continue;
            *offset = rec.offset;
            *ts_out = rec.ts_ms;
        }
        err = it.err;
        arena_reset(&arena);
    }
    pthread_mutex_unlock(&mem->lock);
    arena_fini(&arena);
    return err;
}

static int mem_trim(struct log *log, const struct log_pos *pos, int64_t *start) {
    struct logmem *mem = of(log);
    struct mpart *part;
    pthread_mutex_lock(&mem->lock);
    int err = find_part(mem, pos, &part);
    if (!err && pos->offset > part->end)
        err = err_fail(ERR_RANGE, "offset %" PRId64 " of %.*s-%d is past its end %" PRId64,
                       pos->offset, STR_ARG(pos->topic), pos->part, part->end);
    if (!err) {
        int64_t want = pos->offset < 0 ? part->end : pos->offset;
        part->start = MAX(part->start, want);
        *start = part->start;
    }
    pthread_mutex_unlock(&mem->lock);
    return err;
}

static bool any_ready(struct logmem *mem, const struct log_pos *pos, size_t cnt) {
    for (size_t i = 0; i < cnt; i++) {
        struct mpart *part = NULL;
        if (find_part(mem, &pos[i], &part) || part->end > pos[i].offset) return true;
    }
    return false;
}

static int mem_wait(struct log *log, const struct log_pos *pos, size_t cnt, int64_t timeout_us) {
    struct logmem *mem = of(log);
    int64_t until = env_mono_us(log->env) + timeout_us;
    struct timespec ts = {until / 1000000, until % 1000000 * 1000};
    int rc = 0;
    pthread_mutex_lock(&mem->lock);
    uint64_t wakes = mem->wakes;
    while (!rc && wakes == mem->wakes && timeout_us > 0 && !any_ready(mem, pos, cnt))
        rc = pthread_cond_timedwait(&mem->moved, &mem->lock, &ts);
    pthread_mutex_unlock(&mem->lock);
    return 0;
}

static void mem_wake(struct log *log) {
    struct logmem *mem = of(log);
    pthread_mutex_lock(&mem->lock);
    mem->wakes++;
    pthread_cond_broadcast(&mem->moved);
    pthread_mutex_unlock(&mem->lock);
}

static void mem_watch(struct log *log, void (*fn)(void *arg), void *arg) {
    struct logmem *mem = of(log);
    pthread_mutex_lock(&mem->lock);
    mem->watch = fn;
    mem->watch_arg = arg;
    pthread_mutex_unlock(&mem->lock);
}

static int mem_retain(struct log *log UNUSED) {
    return 0;
}

static const struct log_ops mem_ops = {
    .name = "mem",
    .caps = LOG_CAP_RAW | LOG_CAP_WATCH,
    .close = mem_close,
    .topic_create = mem_topic_create,
    .topic_delete = mem_topic_delete,
    .topic_get = mem_topic_get,
    .topic_list = mem_topic_list,
    .topic_set = mem_topic_set,
    .topic_grow = mem_topic_grow,
    .submit = mem_submit,
    .producer_new = mem_producer_new,
    .span = mem_span,
    .read = mem_read,
    .seek_time = mem_seek_time,
    .trim = mem_trim,
    .wait = mem_wait,
    .wake = mem_wake,
    .watch = mem_watch,
    .retain = mem_retain,
};

int logmem_open(struct log **out, const struct log_conf *conf, const char *at UNUSED) {
    struct logmem *mem = base_calloc(1, sizeof *mem);
    pthread_condattr_t attr;
    mem->base.ops = &mem_ops;
    mem->base.env = conf->env;
    pthread_mutex_init(&mem->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&mem->moved, &attr);
    pthread_condattr_destroy(&attr);
    map_init(&mem->topics);
    mem->next_producer = 1;
    *out = &mem->base;
    return 0;
}
