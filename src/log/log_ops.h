/* log_ops.h - what a kind of log provides; seen by log.c and log/<product>/ only.
 *
 * log.c has checked names, partition numbers and settings before it calls here, has cleared
 * outputs, and counts. A product embeds struct log as its first member. */
#ifndef LOG_LOG_OPS_H
#define LOG_LOG_OPS_H

#include "log/log.h"

struct log_ops {
    const char *name; /* the scheme of the url */
    unsigned caps;    /* enum log_cap */
    void (*close)(struct log *log);
    void (*stop)(struct log *log); /* NULL: nothing waits for long */
    int (*state)(struct log *log); /* NULL: always well */
    int (*topic_create)(struct log *log, struct str name, int32_t part_cnt,
                        const struct log_setting *setting, size_t setting_cnt);
    int (*topic_delete)(struct log *log, struct str name);
    int (*topic_get)(struct log *log, struct str name, struct arena *arena, struct log_topic *out);
    int (*topic_list)(struct log *log, struct arena *arena, struct log_topic **out, size_t *cnt);
    int (*topic_set)(struct log *log, struct str name, const struct log_setting *setting,
                     size_t setting_cnt);
    int (*topic_grow)(struct log *log, struct str name, int32_t part_cnt);
    int (*submit)(struct log *log, struct str topic, int32_t part, struct str batch,
                  log_done_fn *done, void *arg);
    int (*producer_new)(struct log *log, int64_t *producer_id);
    int (*span)(struct log *log, struct str topic, int32_t part, struct log_span *out);
    int (*span_near)(struct log *log, struct str topic, int32_t part,
                     struct log_span *out); /* NULL: as span */
    int (*read)(struct log *log, const struct log_pos *pos, size_t max, struct arena *arena,
                struct str *out);
    int (*seek_time)(struct log *log, const struct log_pos *pos, int64_t ts_ms, int64_t *offset,
                     int64_t *ts_out);
    int (*trim)(struct log *log, const struct log_pos *pos, int64_t *start);
    int (*wait)(struct log *log, const struct log_pos *pos, size_t cnt, int64_t timeout_us);
    void (*wake)(struct log *log);
    void (*watch)(struct log *log, void (*fn)(void *arg), void *arg);
    int (*retain)(struct log *log);
    /* NULL: the log keeps no groups itself. */
    int (*group_list)(struct log *log, struct arena *arena, struct log_group **out, size_t *cnt);
    int (*group_get)(struct log *log, struct str id, struct arena *arena, struct log_group *out);
};

struct log {
    const struct log_ops *ops;
    struct env *env; /* borrowed */
    const struct fence *fence; /* NULL: no other node appends in our place */
    _Atomic(const struct log_groups *) groups; /* NULL: ask the table */
};

/* `at` is the url after its scheme. */
int logemb_open(struct log **out, const struct log_conf *conf, const char *at) MUST_USE;
int logmem_open(struct log **out, const struct log_conf *conf, const char *at) MUST_USE;
int lkopen_open(struct log **out, const struct log_conf *conf, const char *at) MUST_USE;
void lkdoctor_look(const struct log_conf *conf, const char *at, const struct finding_to *to);

#endif
