/* emb.h - the embedded log's parts as its files share them.
 *
 * Folder of a log:
 *   lock                     held by the process that has it open
 *   catalogue                topics, their ids, partitions and settings; the next producer id
 *   checkpoint               per partition: first offset, and up to where all is known durable
 *   <topic>-<partition>/     segments (seg.h), made at the first append
 *   <topic>-<partition>/producers   idempotent producers as of the checkpoint
 *
 * Threads: appenders and readers take one partition's lock for a short time; one committer thread
 * syncs. Locks, outermost first:
 *   compact_lock   one compaction at a time
 *   work           what changes the set of files: commit rounds, checkpoints, retention, topics
 *   topics_lock    the map of topics (readers-writer)
 *   part->lock     one partition
 *   queue_lock     which partitions have something to sync
 *   pool.lock      open files
 *   move_lock      who waits for records
 *
 * Invariants:
 *  1. Only a partition's last segment ever has bytes not synced: the one before is synced, and the
 *     new name made durable, before the first byte goes into a new one. So recovery looks at the
 *     last segment alone, and a crash cannot leave a hole.
 *  2. hwm <= end; nobody is told about, or handed, anything at or past the hwm.
 *  3. The checkpoint never names an offset that was not synced before it was written.
 *  4. After a failed sync nothing is acknowledged any more: `dead`. */
#ifndef LOG_EMBEDDED_EMB_H
#define LOG_EMBEDDED_EMB_H

#include "base/map.h"
#include "log/embedded/seg.h"
#include "log/log_ops.h"
#include "log/log_setting.h"
#include "log/pidtab.h"

#include <pthread.h>
#include <stdatomic.h>

#define EMB_PART_MAX         10000 /* partitions of all topics together */
#define EMB_OPEN_MAX         512   /* open segment files */
#define EMB_CHECKPOINT_BYTES ((int64_t)64 << 20)
#define EMB_CHECKPOINT_US    ((int64_t)10 * 1000000)
#define EMB_WRITTEN_SYNC_MS  1000 /* LOG_ACK_WRITTEN: how long bytes may stay unsynced */
#define EMB_HINT_CNT         4

struct emb;

/* Somebody who waits until `end` is durable. */
struct waiter {
    struct waiter *next;
    int64_t base, end;
    log_done_fn *done;
    void *arg;
};

/* Where a reader stopped: the next read of that offset needs no index. */
struct hint {
    struct seg *seg;
    int64_t offset, pos;
};

/* What the checkpoint file says of a partition. */
struct mark {
    int64_t start;         /* first offset */
    int64_t recovery;      /* all before is durable ... */
    int64_t seg_base, pos; /* ... and ends there */
    bool producers;        /* there is a `producers` file as of `recovery` or later */
};

struct part {
    struct emb *emb;
    char *name; /* topic-number, also its folder's */
    char *dir;
    struct uuid topic_id;
    int32_t no;
    atomic_int refs;

    pthread_mutex_t lock;
    struct log_policy policy;
    struct seg **seg; /* oldest first; the last is written to; none before the first append */
    size_t seg_cnt, seg_cap;
    int64_t start, end, hwm;
    int64_t hwm_pos;  /* in the last segment: what readers may see of it */
    int64_t bytes;    /* of all segments */
    int64_t unsynced; /* records appended since the last sync */
    struct pidtab pids;
    struct waiter *first_waiter, **last_waiter;
    struct hint hint[EMB_HINT_CNT];
    unsigned hint_next;
    int64_t clean; /* compaction has seen all before this offset; compact_lock */
    bool gone;     /* its topic was deleted */
    bool broken;   /* a failed write could not be undone */
    bool changed;  /* since the last checkpoint */
    struct mark mark;

    struct part *queue_next; /* queue_lock */
    bool queued;
    int64_t sync_due_us; /* lazy: when the oldest unsynced record must be synced; 0: nothing */
};

struct topic {
    char *name;
    struct uuid id;
    int32_t part_cnt;
    struct part **part;
    struct arena arena; /* of the settings */
    struct log_setting *setting;
    size_t setting_cnt;
    struct log_policy policy;
};

struct emb {
    struct log base;
    char *dir;
    struct env_file *lock_file;
    enum log_ack_mode ack;
    bool inline_commit;
    struct segpool pool;
    atomic_bool dead;

    pthread_mutex_t work;
    int64_t pid_next, pid_limit; /* work */
    atomic_int_least64_t checkpoint_us;
    atomic_int_least64_t unmarked; /* bytes appended since the last checkpoint */

    pthread_mutex_t compact_lock; /* before work: one compaction at a time */
    pthread_rwlock_t topics_lock;
    struct map topics;
    int32_t part_total;

    pthread_mutex_t queue_lock;
    pthread_cond_t queue_cond;
    struct part *queue;
    struct part *lazy;           /* the committer's own: queued, not due yet */
    bool pending, stop, running; /* pending: a round has something to do */
    pthread_t thread;

    pthread_mutex_t move_lock;
    pthread_cond_t move_cond;
    uint64_t moves, wakes;
    void (*watch)(void *arg);
    void *watch_arg;
};

#endif
