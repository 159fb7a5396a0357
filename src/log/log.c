/* log.c - the one way in: checks arguments, counts, and calls the kind of log that was opened. */
#include "log/log.h"

#include "base/err.h"
#include "base/metric.h"
#include "log/log_ops.h"
#include "log/log_setting.h"

#include <pthread.h>
#include <stdatomic.h>

static struct metric *appends, *append_bytes, *append_errors, *append_time, *read_bytes;
static pthread_once_t metrics_once = PTHREAD_ONCE_INIT;

static void metrics_make(void) {
    appends = metric_counter("sluice_log_append_total", "Appends acknowledged.", "");
    append_bytes = metric_counter("sluice_log_append_bytes_total", "Bytes appended.", "");
    append_errors = metric_counter("sluice_log_append_errors_total", "Appends refused.", "");
    append_time =
        metric_histogram("sluice_log_append_seconds",
                         "From the call to the acknowledgement, of appends that wait.", "");
    read_bytes = metric_counter("sluice_log_read_bytes_total", "Bytes read from topics.", "");
}

static const struct kind {
    const char *scheme;
    int (*open)(struct log **out, const struct log_conf *conf, const char *at);
    /* NULL: there is nothing to ask. */
    void (*doctor)(const struct log_conf *conf, const char *at, const struct finding_to *to);
} kinds[] = {{"embedded:", logemb_open, NULL},
             {"mem:", logmem_open, NULL},
             {"kafka:", lkopen_open, lkdoctor_look}};

int log_open(struct log **out, const struct log_conf *conf) {
    assert(out && conf && conf->env && conf->url);
    *out = NULL;
    pthread_once(&metrics_once, metrics_make);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (!str_starts(str_of(conf->url), str_of(kinds[i].scheme))) continue;
        int err = kinds[i].open(out, conf, conf->url + strlen(kinds[i].scheme));
        if (!err) (*out)->fence = conf->fence;
        return err;
    }
    return err_fail(ERR_CONFIG, "log '%s' is not supported in this version; embedded:DIR and "
                    "kafka://HOST:PORT are", conf->url);
}

void log_doctor(const struct log_conf *conf, const struct finding_to *to) {
    assert(conf && conf->env && conf->url && to);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (str_starts(str_of(conf->url), str_of(kinds[i].scheme)) && kinds[i].doctor)
            kinds[i].doctor(conf, conf->url + strlen(kinds[i].scheme), to);
}

void log_close(struct log *log) {
    if (log) log->ops->close(log);
}

void log_stop(struct log *log) {
    assert(log);
    if (log->ops->stop) log->ops->stop(log);
}

int log_state(struct log *log) {
    assert(log);
    return log->ops->state ? log->ops->state(log) : 0;
}

bool log_can(const struct log *log, enum log_cap cap) {
    assert(log);
    return log->ops->caps & cap;
}

static bool name_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

static int name_check(struct str name) {
    if (!name.ptr || name.len < 1 || name.len > LOG_TOPIC_MAX)
        return err_fail(ERR_INVAL, "a topic name has 1 to %d characters, not %zu", LOG_TOPIC_MAX,
                        name.len);
    if (str_eqz(name, ".") || str_eqz(name, ".."))
        return err_fail(ERR_INVAL, "'%.*s' is no topic name", STR_ARG(name));
    for (size_t i = 0; i < name.len; i++)
        if (!name_char(name.ptr[i]))
            return err_fail(ERR_INVAL,
                            "a topic name is made of letters, digits, '.', '_' and '-'; "
                            "byte %zu is none of them",
                            i);
    return 0;
}

static int parts_check(int32_t part_cnt) {
    if (part_cnt >= 1 && part_cnt <= LOG_PART_MAX) return 0;
    return err_fail(ERR_INVAL, "a topic has 1 to %d partitions, not %d", LOG_PART_MAX, part_cnt);
}

/* A name that cannot be is not found; nothing of it reaches a path. */
static int place_check(struct str topic, int32_t part) {
    int err = name_check(topic);
    if (err) return err_add(ERR_NOT_FOUND, "no such topic");
    if (part >= 0 && part < LOG_PART_MAX) return 0;
    return err_fail(ERR_NOT_FOUND, "topic %.*s has no partition %d", STR_ARG(topic), part);
}

int log_topic_create(struct log *log, struct str name, int32_t part_cnt,
                     const struct log_setting *setting, size_t setting_cnt) {
    assert(log && (setting || !setting_cnt));
    int err = name_check(name);
    if (!err) err = parts_check(part_cnt);
    for (size_t i = 0; i < setting_cnt && !err; i++)
        err = log_setting_check(setting[i].name, setting[i].value);
    return err ? err : log->ops->topic_create(log, name, part_cnt, setting, setting_cnt);
}

int log_topic_delete(struct log *log, struct str name) {
    assert(log);
    int err = place_check(name, 0);
    return err ? err : log->ops->topic_delete(log, name);
}

int log_topic_get(struct log *log, struct str name, struct arena *arena, struct log_topic *out) {
    assert(log && arena && out);
    memset(out, 0, sizeof *out);
    int err = place_check(name, 0);
    return err ? err : log->ops->topic_get(log, name, arena, out);
}

int log_topic_list(struct log *log, struct arena *arena, struct log_topic **out, size_t *cnt) {
    assert(log && arena && out && cnt);
    *out = NULL;
    *cnt = 0;
    return log->ops->topic_list(log, arena, out, cnt);
}

int log_topic_set(struct log *log, struct str name, const struct log_setting *setting,
                  size_t setting_cnt) {
    assert(log && (setting || !setting_cnt));
    int err = place_check(name, 0);
    return err ? err : log->ops->topic_set(log, name, setting, setting_cnt);
}

int log_topic_grow(struct log *log, struct str name, int32_t part_cnt) {
    assert(log);
    int err = place_check(name, 0);
    if (!err) err = parts_check(part_cnt);
    return err ? err : log->ops->topic_grow(log, name, part_cnt);
}

int log_submit(struct log *log, struct str topic, int32_t part, struct str batch, log_done_fn *done,
               void *arg) {
    assert(log && done);
    int64_t epoch;
    int err = place_check(topic, part);
    if (!err) err = fence_take(log->fence, &epoch);
    if (!err) err = log->ops->submit(log, topic, part, batch, done, arg);
    if (err) {
        metric_add(append_errors, 1);
        return err;
    }
    metric_add(appends, 1);
    metric_add(append_bytes, (int64_t)batch.len);
    return 0;
}

struct append {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool done;
    int err;
    int64_t base_offset;
    char note[ERR_NOTE_MAX]; /* the committer's, for our thread */
};

static void append_done(void *arg, int err, int64_t base_offset) {
    struct append *append = arg;
    pthread_mutex_lock(&append->lock);
    append->err = err;
    append->base_offset = base_offset;
    if (err) memcpy(append->note, err_note(), strlen(err_note()) + 1);
    append->done = true;
    pthread_cond_signal(&append->cond);
    pthread_mutex_unlock(&append->lock);
}

int log_append(struct log *log, struct str topic, int32_t part, struct str batch,
               int64_t *base_offset) {
    struct append append = {.lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER};
    assert(log && base_offset);
    *base_offset = -1;
    int64_t since = env_mono_us(log->env);
    int err = log_submit(log, topic, part, batch, append_done, &append);
    if (err) return err;
    pthread_mutex_lock(&append.lock);
    while (!append.done)
        pthread_cond_wait(&append.cond, &append.lock);
    pthread_mutex_unlock(&append.lock);
    metric_observe(append_time, env_mono_us(log->env) - since);
    if (append.err) return err_fail((enum err)append.err, "%s", append.note);
    *base_offset = append.base_offset;
    return 0;
}

int log_producer_new(struct log *log, int64_t *producer_id) {
    assert(log && producer_id);
    *producer_id = -1;
    return log->ops->producer_new(log, producer_id);
}

int log_span(struct log *log, struct str topic, int32_t part, struct log_span *out) {
    assert(log && out);
    memset(out, 0, sizeof *out);
    int err = place_check(topic, part);
    return err ? err : log->ops->span(log, topic, part, out);
}

int log_read_at(struct log *log, const struct log_pos *pos, size_t max, struct arena *arena,
                struct str *out) {
    assert(log && pos && arena && out);
    *out = STR("");
    int err = place_check(pos->topic, pos->part);
    if (!err) err = log->ops->read(log, pos, max, arena, out);
    if (!err) metric_add(read_bytes, (int64_t)out->len);
    return err;
}

int log_seek_time(struct log *log, struct str topic, int32_t part, int64_t ts_ms, int64_t *offset,
                  int64_t *ts_out) {
    assert(log && offset && ts_out);
    *offset = *ts_out = -1;
    int err = place_check(topic, part);
    struct log_pos pos = {topic, part, 0};
    return err ? err : log->ops->seek_time(log, &pos, ts_ms, offset, ts_out);
}

int log_trim(struct log *log, struct str topic, int32_t part, int64_t offset, int64_t *start) {
    assert(log && start);
    *start = -1;
    int err = place_check(topic, part);
    struct log_pos pos = {topic, part, offset};
    return err ? err : log->ops->trim(log, &pos, start);
}

int log_wait(struct log *log, const struct log_pos *pos, size_t cnt, int64_t timeout_us) {
    assert(log && (pos || !cnt));
    return log->ops->wait(log, pos, cnt, timeout_us);
}

int log_span_near(struct log *log, struct str topic, int32_t part, struct log_span *out) {
    assert(log && out);
    memset(out, 0, sizeof *out);
    int err = place_check(topic, part);
    if (err) return err;
    return log->ops->span_near ? log->ops->span_near(log, topic, part, out)
                               : log->ops->span(log, topic, part, out);
}

void log_wake(struct log *log) {
    assert(log);
    log->ops->wake(log);
}

void log_watch(struct log *log, void (*fn)(void *arg), void *arg) {
    assert(log);
    log->ops->watch(log, fn, arg);
}

/* ---- groups ---- */

void log_groups_from(struct log *log, const struct log_groups *groups) {
    assert(log);
    atomic_store(&log->groups, groups);
}

int log_group_list(struct log *log, struct arena *arena, struct log_group **out, size_t *cnt) {
    assert(log && arena && out && cnt);
    const struct log_groups *groups = atomic_load(&log->groups);
    *out = NULL;
    *cnt = 0;
    if (groups) return groups->list(groups->arg, arena, out, cnt);
    return log->ops->group_list ? log->ops->group_list(log, arena, out, cnt) : 0;
}

int log_group_get(struct log *log, struct str id, struct arena *arena, struct log_group *out) {
    assert(log && arena && out);
    const struct log_groups *groups = atomic_load(&log->groups);
    memset(out, 0, sizeof *out);
    if (groups) return groups->get(groups->arg, id, arena, out);
    if (log->ops->group_get) return log->ops->group_get(log, id, arena, out);
    return err_fail(ERR_NOT_FOUND, "there is no group %.*s", STR_ARG(id));
}

int log_retain(struct log *log) {
    assert(log);
    return log->ops->retain(log);
}
