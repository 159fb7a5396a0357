/* log_setting.h - Kafka's topic configs: which there are, their defaults, what they mean here.
 *
 * Those that rule something this log does are parsed into a log_policy; the others are kept and
 * shown, since clients set and read them (replicas, remote storage). Thread: any; no state. */
#ifndef LOG_LOG_SETTING_H
#define LOG_LOG_SETTING_H

#include "log/log.h"

#define LOG_SETTING_VALUE_MAX 1024

struct log_policy {
    bool compact, remove;   /* cleanup.policy; neither: kept for ever */
    bool append_time;       /* message.timestamp.type */
    bool lazy_sync;         /* flush.messages or flush.ms was set: acked at write() */
    int64_t flush_messages; /* sync when so many are unsynced ... */
    int64_t flush_ms;       /* ... or when the oldest is so old */
    int64_t retention_ms;   /* -1: no limit, as for the next */
    int64_t retention_bytes;
    int64_t segment_bytes;
    int64_t segment_ms;
    int64_t index_interval; /* bytes between two index entries */
    int64_t index_bytes;    /* of one index file at most */
    int64_t batch_bytes;    /* max.message.bytes */
    int64_t before_max_ms;  /* how far a record's time may differ from the clock's */
    int64_t after_max_ms;
    int64_t tombstone_ms;   /* delete.retention.ms */
    int64_t compact_lag_ms; /* min.compaction.lag.ms */
};

/* ERR_INVAL for an unknown name or a value it does not allow. */
int log_setting_check(struct str name, struct str value) MUST_USE;
/* The policy of checked settings. */
struct log_policy log_setting_policy(const struct log_setting *setting, size_t cnt);
/* Steps through all settings there are: false past the last. */
bool log_setting_at(size_t idx, struct str *name, struct str *default_value);
/* Merges `change` (value NULL: back to the default) into `old`, both borrowed, sorted by name. */
int log_setting_merge(const struct log_setting *old, size_t old_cnt,
                      const struct log_setting *change, size_t change_cnt, struct arena *arena,
                      struct log_topic *out) MUST_USE;

#endif
