/* log.h - the partitioned commit log, as every other tier sees it.
 *
 * A topic has 1..LOG_PART_MAX partitions; a partition is a sequence of Kafka v2 record batches
 * (wire/kafka/recbatch.h builds and walks them); offsets rise by one a record and are never reused.
 *
 * Thread:  a log may be used by any number of threads: capture, the query threads, the registry
 *          and the Kafka server share one. A partition's appends are ordered by its own short lock;
 *          one committer thread syncs for all that wait (group commit).
 * Memory:  what a call returns lives in the `arena` it was given.
 * Errors:  int is 0 or a negative `enum err`; err_note() has the sentence.
 * Limits:  LOG_BATCH_MAX bytes a batch; topic names are 1..LOG_TOPIC_MAX of [A-Za-z0-9._-], not
 *          "." or "..".
 * Source:  the record batch, the error cases and the idempotence rules are Kafka's. */
#ifndef LOG_LOG_H
#define LOG_LOG_H

#include "base/arena.h"
#include "base/env.h"
#include "base/uuid.h"
#include "model/address.h"
#include "model/fence.h"
#include "model/finding.h"

#define LOG_TOPIC_MAX 249
#define LOG_PART_MAX  1024
#define LOG_BATCH_MAX ((size_t)16 << 20)

enum log_ack_mode {
    LOG_ACK_DURABLE, /* after fdatasync; the default */
    LOG_ACK_WRITTEN, /* after write(): survives our death, not the machine's; synced within 1 s */
};

struct log; /* opaque: see log_ops.h */
struct log_conf {
    struct env *env;
    const char *url; /* "embedded:DIR", "mem:", "kafka://..." */
    const struct fence *fence; /* borrowed; NULL: no other node appends in our place */
    const char *group; /* with a fence: the same on all nodes that take turns, on no others */
    enum log_ack_mode ack;
    bool inline_commit; /* no committer thread: append syncs itself (simulator, fault tests) */
    const struct address_property *property; /* a swapped tier's; borrowed for the open */
    size_t property_cnt;
};

int log_open(struct log **out, const struct log_conf *conf) MUST_USE;
/* Can it be used? Tells what is found: nothing where the log is our own. Makes nothing. */
void log_doctor(const struct log_conf *conf, const struct finding_to *to);
void log_close(struct log *log); /* syncs, frees; NULL is allowed */
/* What cannot be answered soon ends with ERR_STOPPED, now and from now on: before the threads that
 * may wait for a log which does not answer are joined. */
void log_stop(struct log *log);
/* 0, or ERR_NET, ERR_IO ...: the log cannot be reached or is dead; the note says what for people.
 * Looks at what is known, asks nobody. */
int log_state(struct log *log) MUST_USE;
/* What not every log can do. */
enum log_cap {
    LOG_CAP_RAW = 1,      /* batches are kept byte for byte, with their producer's numbers */
    LOG_CAP_SEGMENTS = 2, /* log_retain() deletes and compacts, to the settings' letter */
    LOG_CAP_WATCH = 4,    /* log_watch() calls */
};
bool log_can(const struct log *log, enum log_cap cap);

/* ---- topics ---- */
struct log_setting { /* one of Kafka's topic configs, e.g. "retention.ms" = "604800000" */
    struct str name, value;
};
struct log_topic {
    struct str name;
    struct uuid id; /* another topic of this name has another; a Kafka elsewhere: its cluster's */
    int32_t part_cnt;
    bool internal; /* name starts with "__" or is "_schemas" */
    const struct log_setting *setting; /* those that were set; others have Kafka's default */
    size_t setting_cnt;
};
/* ERR_EXISTS, ERR_INVAL (name, count, setting). The directory entry is durable on return. */
int log_topic_create(struct log *log, struct str name, int32_t part_cnt,
                     const struct log_setting *setting, size_t setting_cnt) MUST_USE;
int log_topic_delete(struct log *log, struct str name) MUST_USE;
int log_topic_get(struct log *log, struct str name, struct arena *arena,
                  struct log_topic *out) MUST_USE; /* ERR_NOT_FOUND */
int log_topic_list(struct log *log, struct arena *arena, struct log_topic **out,
                   size_t *cnt) MUST_USE; /* sorted by name */
int log_topic_set(struct log *log, struct str name, const struct log_setting *setting,
                  size_t setting_cnt) MUST_USE; /* value.ptr NULL: back to the default */
/* More partitions, never fewer: ERR_INVAL. Durable on return. */
int log_topic_grow(struct log *log, struct str name, int32_t part_cnt) MUST_USE;
/* The setting in force: what was set, else Kafka's default; STR_NULL for no such setting. */
struct str log_setting_of(const struct log_topic *topic, const char *name);

/* ---- writing ---- */
/* Appends `batch` (one or several whole v2 batches, borrowed) and waits until it is as durable as
 * conf->ack says. On 0, *base_offset is its first record's offset. The log sets base offset and
 * leader epoch and checks CRC, producer id and sequence: a repeat of one of a producer's last five
 * batches is 0 with the original offset; ERR_SEQUENCE, ERR_FENCED. ERR_AGAIN, ERR_FULL: nothing was
 * written. ERR_IO after a failed sync: the log is dead, the process must end. */
int log_append(struct log *log, struct str topic, int32_t part, struct str batch,
               int64_t *base_offset) MUST_USE;
/* The same without waiting: `done` is called exactly once, from the committer thread (or before
 * log_submit() returns), unless log_submit() itself fails. It must be short; it may use the log,
 * but not wait for it. */
typedef void log_done_fn(void *arg, int err, int64_t base_offset);
int log_submit(struct log *log, struct str topic, int32_t part, struct str batch, log_done_fn *done,
               void *arg) MUST_USE;
/* A producer id never given out before, durable on return. */
int log_producer_new(struct log *log, int64_t *producer_id) MUST_USE;

/* ---- reading ---- */
struct log_span {
    int64_t start, end; /* first offset there is; the next to be written and durable (hwm) */
    int64_t bytes; /* -1: not told */
};
int log_span(struct log *log, struct str topic, int32_t part, struct log_span *out) MUST_USE;
/* The same, but start and end may be as old as a second, and so cheap; the end is never before what
 * was read or what log_wait() returned for. For lag and for screens; what was written lately, and
 * whether, only log_span() tells. */
int log_span_near(struct log *log, struct str topic, int32_t part, struct log_span *out) MUST_USE;
struct log_pos {
    struct str topic;
    int32_t part;
    int64_t offset;
};
/* Whole batches from the one that holds `offset`, at least one if there is one, then up to `max`
 * bytes, never past the hwm. out->len 0: nothing there yet. ERR_RANGE: offset outside the span.
 * Every batch handed out has passed its CRC; ERR_CORRUPT names the file and place of one that does
 * not, and what lies behind it can still be read. */
int log_read_at(struct log *log, const struct log_pos *pos, size_t max, struct arena *arena,
                struct str *out) MUST_USE;
#define log_read(log, topic, part, offset, max, arena, out)                                       \
    log_read_at((log), &(struct log_pos){(topic), (part), (offset)}, (max), (arena), (out))
/* First offset whose record's time is >= ts_ms; *offset = -1 when none is. *ts_out its time. */
int log_seek_time(struct log *log, struct str topic, int32_t part, int64_t ts_ms, int64_t *offset,
                  int64_t *ts_out) MUST_USE;
/* Blocks until any of `pos` has its offset readable, log_wake() is called, or the time is over;
 * 0 in all three cases. */
int log_wait(struct log *log, const struct log_pos *pos, size_t cnt, int64_t timeout_us) MUST_USE;
void log_wake(struct log *log); /* wakes every log_wait() now blocked */
/* Calls `fn` after a commit moved some partition's hwm, from the committer thread; it must be
 * short. For the Kafka server's long polls. At most one watcher. */
void log_watch(struct log *log, void (*fn)(void *arg), void *arg);

/* Forgets records before `offset` (-1: all up to the hwm); *start is then the first there is.
 * ERR_RANGE: past the hwm. Durable on return. */
int log_trim(struct log *log, struct str topic, int32_t part, int64_t offset,
             int64_t *start) MUST_USE;
/* ---- consumer groups ---- */
struct log_member {
    struct str id, instance_id, client_id, host; /* instance_id: STR_NULL for none */
    size_t part_cnt; /* assigned, as far as the consumer protocol tells */
    struct log_pos *part; /* offset: unused */
};
struct log_committed {
    struct str topic, metadata;
    int32_t part;
    int64_t committed;
    int64_t end; /* of the partition; -1: it is gone */
    int64_t lag; /* end - committed, never less than 0; 0 when it is gone */
    int64_t commit_ms; /* 0: not told */
};
struct log_group {
    struct str id, state, protocol_type, protocol, leader;
    int32_t generation; /* -1: not told */
    struct log_member *member;
    size_t member_cnt;
    struct log_committed *offset; /* by topic, partition */
    size_t offset_cnt;
    int64_t lag; /* sum */
};
/* All groups that read this log, sorted by id. */
int log_group_list(struct log *log, struct arena *arena, struct log_group **out,
                   size_t *cnt) MUST_USE;
/* ERR_NOT_FOUND. */
int log_group_get(struct log *log, struct str id, struct arena *arena,
                  struct log_group *out) MUST_USE;
/* Who knows the groups of a log that keeps none itself: its Kafka server, while it is open. NULL:
 * nobody any more. */
struct log_groups {
    int (*list)(void *arg, struct arena *arena, struct log_group **out, size_t *cnt);
    int (*get)(void *arg, struct str id, struct arena *arena, struct log_group *out);
    void *arg;
};
void log_groups_from(struct log *log, const struct log_groups *groups); /* borrowed */

/* Deletes segments that retention.ms / retention.bytes no longer keep. Called once a minute. */
int log_retain(struct log *log) MUST_USE;

#endif
