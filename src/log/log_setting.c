/* log_setting.c - the table of topic configs. */
#include "log/log_setting.h"

#include "base/err.h"

#include <stdlib.h>

enum kind { NUMBER, BOOL, CHOICE, CHOICES, SHARE, TEXT };

struct row {
    const char *name, *value; /* the default */
    enum kind kind;
    int64_t least, most; /* of a NUMBER */
    const char *choice;  /* words, a blank between and around them */
};

#define LONG_MAX_TEXT "9223372036854775807"

static const struct row rows[] = {
    {"cleanup.policy", "delete", CHOICES, 0, 0, " delete compact "},
    {"compression.gzip.level", "-1", NUMBER, -1, 9, NULL},
    {"compression.lz4.level", "9", NUMBER, 1, 17, NULL},
    {"compression.type", "producer", CHOICE, 0, 0, " producer uncompressed gzip snappy lz4 zstd "},
    {"compression.zstd.level", "3", NUMBER, -131072, 22, NULL},
    {"delete.retention.ms", "86400000", NUMBER, 0, INT64_MAX, NULL},
    {"file.delete.delay.ms", "60000", NUMBER, 0, INT64_MAX, NULL},
    {"flush.messages", LONG_MAX_TEXT, NUMBER, 1, INT64_MAX, NULL},
    {"flush.ms", LONG_MAX_TEXT, NUMBER, 0, INT64_MAX, NULL},
    {"follower.replication.throttled.replicas", "", TEXT, 0, 0, NULL},
    {"index.interval.bytes", "4096", NUMBER, 0, INT32_MAX, NULL},
    {"leader.replication.throttled.replicas", "", TEXT, 0, 0, NULL},
    {"local.retention.bytes", "-2", NUMBER, -2, INT64_MAX, NULL},
    {"local.retention.ms", "-2", NUMBER, -2, INT64_MAX, NULL},
    {"max.compaction.lag.ms", LONG_MAX_TEXT, NUMBER, 1, INT64_MAX, NULL},
    {"max.message.bytes", "1048588", NUMBER, 0, INT32_MAX, NULL},
    {"message.timestamp.after.max.ms", "3600000", NUMBER, 0, INT64_MAX, NULL},
    {"message.timestamp.before.max.ms", LONG_MAX_TEXT, NUMBER, 0, INT64_MAX, NULL},
    {"message.timestamp.type", "CreateTime", CHOICE, 0, 0, " CreateTime LogAppendTime "},
    {"min.cleanable.dirty.ratio", "0.5", SHARE, 0, 0, NULL},
    {"min.compaction.lag.ms", "0", NUMBER, 0, INT64_MAX, NULL},
    {"min.insync.replicas", "1", NUMBER, 1, INT32_MAX, NULL},
    {"preallocate", "false", BOOL, 0, 0, NULL},
    {"remote.log.copy.disable", "false", BOOL, 0, 0, NULL},
    {"remote.log.delete.on.disable", "false", BOOL, 0, 0, NULL},
    {"remote.storage.enable", "false", CHOICE, 0, 0, " false "},
    {"retention.bytes", "-1", NUMBER, -1, INT64_MAX, NULL},
    {"retention.ms", "604800000", NUMBER, -1, INT64_MAX, NULL},
    {"segment.bytes", "1073741824", NUMBER, 14, INT32_MAX, NULL},
    {"segment.index.bytes", "10485760", NUMBER, 12, INT32_MAX, NULL},
    {"segment.jitter.ms", "0", NUMBER, 0, INT64_MAX, NULL},
    {"segment.ms", "604800000", NUMBER, 1, INT64_MAX, NULL},
    {"unclean.leader.election.enable", "false", BOOL, 0, 0, NULL},
};

static const struct row *row_of(struct str name) {
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (str_eqz(name, rows[i].name)) return &rows[i];
    return NULL;
}

bool log_setting_at(size_t idx, struct str *name, struct str *default_value) {
    if (idx >= ARRAY_LEN(rows)) return false;
    *name = str_of(rows[idx].name);
    *default_value = str_of(rows[idx].value);
    return true;
}

static bool is_choice(struct str value, const char *choices) {
    for (struct str rest = str_trim(str_of(choices)); rest.ptr;)
        if (str_eq(str_cut(rest, ' ', &rest), value)) return true;
    return false;
}

static bool are_choices(struct str value, const char *choices) {
    if (!value.len) return true;
    for (struct str rest = value; rest.ptr;)
        if (!is_choice(str_trim(str_cut(rest, ',', &rest)), choices)) return false;
    return true;
}

static int unknown(struct str name) {
    struct str names[ARRAY_LEN(rows)], near;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        names[i] = str_of(rows[i].name);
    if (str_near(name, names, ARRAY_LEN(rows), &near, 1))
        return err_fail(ERR_INVAL, "there is no topic setting '%.*s'; did you mean '%.*s'?",
                        STR_ARG(name), STR_ARG(near));
    return err_fail(ERR_INVAL, "there is no topic setting '%.*s'", STR_ARG(name));
}

int log_setting_check(struct str name, struct str value) {
    const struct row *row = row_of(name);
    int64_t number;
    double share;
    if (!row) return unknown(name);
    if (value.len > LOG_SETTING_VALUE_MAX)
        return err_fail(ERR_INVAL, "%s: a value of %zu bytes, over %d", row->name, value.len,
                        LOG_SETTING_VALUE_MAX);
    bool ok = true;
    switch (row->kind) {
    case NUMBER:
        ok = !str_i64(value, &number) && number >= row->least && number <= row->most;
        break;
    case BOOL: ok = str_eqz(value, "true") || str_eqz(value, "false"); break;
    case CHOICE: ok = is_choice(value, row->choice); break;
    case CHOICES: ok = are_choices(value, row->choice); break;
    case SHARE: ok = !str_f64(value, &share) && share >= 0 && share <= 1; break;
    case TEXT: break;
    }
    if (ok) return 0;
    if (row->kind == NUMBER)
        return err_fail(ERR_INVAL,
                        "%s = '%.*s': a number from %" PRId64 " to %" PRId64 " is needed",
                        row->name, STR_ARG(value), row->least, row->most);
    return err_fail(ERR_INVAL, "%s = '%.*s' is not one of%s", row->name, STR_ARG(value),
                    row->choice         ? row->choice
                    : row->kind == BOOL ? " true false"
                                        : " 0 to 1");
}

static struct str value_of(const struct log_setting *setting, size_t cnt, const char *name) {
    for (size_t i = 0; i < cnt; i++)
        if (str_eqz(setting[i].name, name)) return setting[i].value;
    const struct row *row = row_of(str_of(name));
    return row ? str_of(row->value) : STR_NULL;
}

struct str log_setting_of(const struct log_topic *topic, const char *name) {
    return value_of(topic->setting, topic->setting_cnt, name);
}

static int64_t number_of(const struct log_setting *setting, size_t cnt, const char *name) {
    int64_t number = 0;
    int err = str_i64(value_of(setting, cnt, name), &number);
    assert(!err);
    return err ? 0 : number;
}

static bool has(struct str list, const char *word) {
    for (struct str rest = list; rest.ptr && rest.len;)
        if (str_eqz(str_trim(str_cut(rest, ',', &rest)), word)) return true;
    return false;
}

struct log_policy log_setting_policy(const struct log_setting *setting, size_t cnt) {
    struct str cleanup = value_of(setting, cnt, "cleanup.policy");
    struct log_policy policy = {
        .compact = has(cleanup, "compact"),
        .remove = has(cleanup, "delete"),
        .append_time = str_eqz(value_of(setting, cnt, "message.timestamp.type"), "LogAppendTime"),
        .flush_messages = number_of(setting, cnt, "flush.messages"),
        .flush_ms = number_of(setting, cnt, "flush.ms"),
        .retention_ms = number_of(setting, cnt, "retention.ms"),
        .retention_bytes = number_of(setting, cnt, "retention.bytes"),
        .segment_bytes = number_of(setting, cnt, "segment.bytes"),
        .segment_ms = number_of(setting, cnt, "segment.ms"),
        .index_interval = number_of(setting, cnt, "index.interval.bytes"),
        .index_bytes = number_of(setting, cnt, "segment.index.bytes"),
        .batch_bytes = number_of(setting, cnt, "max.message.bytes"),
        .before_max_ms = number_of(setting, cnt, "message.timestamp.before.max.ms"),
        .after_max_ms = number_of(setting, cnt, "message.timestamp.after.max.ms"),
        .tombstone_ms = number_of(setting, cnt, "delete.retention.ms"),
        .compact_lag_ms = number_of(setting, cnt, "min.compaction.lag.ms"),
    };
    bool set = policy.flush_messages != INT64_MAX || policy.flush_ms != INT64_MAX;
    policy.lazy_sync = set && policy.flush_messages > 1 && policy.flush_ms > 0;
    return policy;
}

static int by_name(const void *a, const void *b) {
    return str_cmp(((const struct log_setting *)a)->name, ((const struct log_setting *)b)->name);
}

static const struct log_setting *find(const struct log_setting *setting, size_t cnt,
                                      struct str name) {
    for (size_t i = cnt; i > 0; i--)
        if (str_eq(setting[i - 1].name, name)) return &setting[i - 1];
    return NULL;
}

int log_setting_merge(const struct log_setting *old, size_t old_cnt,
                      const struct log_setting *change, size_t change_cnt, struct arena *arena,
                      struct log_topic *out) {
    struct log_setting *all = arena_array(arena, struct log_setting, old_cnt + change_cnt + 1);
    size_t cnt = 0;
    for (size_t i = 0; i < change_cnt; i++) {
        int err = change[i].value.ptr      ? log_setting_check(change[i].name, change[i].value)
                  : row_of(change[i].name) ? 0
                                           : unknown(change[i].name);
        if (err) return err;
        bool last = find(change, change_cnt, change[i].name) == &change[i];
        if (last && change[i].value.ptr) all[cnt++] = change[i];
    }
    for (size_t i = 0; i < old_cnt; i++)
        if (!find(change, change_cnt, old[i].name)) all[cnt++] = old[i];
    qsort(all, cnt, sizeof *all, by_name);
    out->setting = all;
    out->setting_cnt = cnt;
    return 0;
}
