/* logkafka.h - what the files of the log on real Kafka share.
 *
 * One producer carries all appends, up to LOGKAFKA_READER_MAX consumers keep as many positions a
 * partition, and a service thread serves the callbacks of all of them, tells who has been down and
 * for how long, and replaces a producer that met a fatal error. Where several nodes take turns,
 * appends are transactions, made by a thread of their own: lkterm.c.
 *
 * Invariants: (1) of what is submitted to a partition always a prefix arrives: the producer is
 * idempotent and gapless, never gives up on its own, and after an error nothing behind it is sent;
 * (2) `done` is called once for every submit that returned 0; (3) what is not known to be durable
 * is never reported so. Locks, outer first: put_lock, part.lock, lock. */
#ifndef LOGKAFKA_H
#define LOGKAFKA_H

#include "base/map.h"
#include "log/log_ops.h"
#include "wire/kafka/recbatch.h"

#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>

#define LOGKAFKA_READER_MAX  4
#define LOGKAFKA_HELD_MAX    512        /* messages a reader holds that were fetched, not read */
#define LOGKAFKA_PENDING_MAX (64 * MIB) /* bytes submitted and not answered */
#define LOGKAFKA_PART_MAX    100000     /* partitions ever looked at */
#define LOGKAFKA_REQUEST_MS  5000       /* a question's answer is waited for so long */

struct lkreader { /* a position in a partition that is being fetched from */
    rd_kafka_topic_t *topic;
    rd_kafka_queue_t *queue;
    bool active;     /* fetching */
    int64_t next;    /* offset of what comes next, in `held` or from the queue */
    int64_t eof;     /* offset at which the end was met; -1: not met */
    int64_t used_us; /* monotonic */
    int fault;       /* an error that came in place of records */
    char note[256];
    rd_kafka_message_t *held[LOGKAFKA_HELD_MAX];
    size_t at, cnt;
};
struct lkpart {
    char *topic;
    int32_t part;
    pthread_mutex_t put_lock; /* keeps the records of a submit together */
    pthread_mutex_t lock;     /* of all below */
    struct lkreader *reader[LOGKAFKA_READER_MAX]; /* by consumer */
    struct buf out;
    int64_t start, end;   /* as last told */
    int64_t looked_us;    /* when the broker told both; 0: never */
};
struct lktopic {
    int32_t part_cnt;
};
struct lkticket { /* a submit whose records are not all answered */
    struct logkafka *lk;
    struct lkpart *part;
    log_done_fn *done;
    void *arg;
    atomic_size_t left; /* records, and one for whoever hands them over */
    size_t bytes, cnt;
    char *batch;           /* lkterm's: a copy of what was submitted */
    bool handed;           /* to the client, which answers for each record */
    struct lkticket *next; /* in lkterm's queue */
    pthread_mutex_t lock;  /* of all below */
    int64_t first, last;   /* offsets; -1: not known */
    int err;
    char note[256];
};
struct logkafka {
    struct log base;
    struct arena arena; /* names and values of the configuration */
    char *hosts;        /* for people */
    const struct address_property *property;
    size_t property_cnt;
    int32_t replication; /* of topics we make; -1: as the broker thinks */
    rd_kafka_t *consumer[LOGKAFKA_READER_MAX]; /* [0] always there; the others under lock */
    rd_kafka_t *producer;                      /* under put_rw */
    pthread_rwlock_t put_rw;                   /* a submit reads, a new producer writes */
    atomic_bool broken;                        /* the producer is: no more submits */
    atomic_size_t pending, waiting;            /* bytes and submits not answered */
    pthread_t service;
    bool serving;
    const struct fence *fence; /* NULL: no other node appends in our place, nothing of lkterm */
    const char *term_id;       /* the transactional.id of our group's nodes */
    pthread_t term;
    bool no_term;              /* the address says so: the broker knows no transactions */
    bool termed, used;         /* `used`: the term's; its producer was registered once */
    atomic_bool stopping, closing;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t moved;
    uint64_t moves, wakes;
    struct map parts;  /* "topic:part" -> struct lkpart */
    struct map topics; /* name -> struct lktopic */
    bool down;
    char why[256]; /* what a client last said about its connections */
    struct lkticket *queue, **queue_end; /* the term's */
    pthread_cond_t queued;
    bool one_by_one;     /* a transaction failed: the next have one ticket each */
    char term_why[256];  /* why there is no producer; "": there is */
};

static inline struct logkafka *logkafka_of(struct log *log) {
    return (struct logkafka *)log;
}

/* ---- lkclient.c: clients, and what their errors mean ---- */
int lkclient_configure(struct logkafka *lk, const struct log_conf *conf, const char *at) MUST_USE;
int lkclient_producer(struct logkafka *lk, rd_kafka_t **out) MUST_USE;
int lkclient_consumer(struct logkafka *lk, rd_kafka_t **out) MUST_USE;
enum err lkclient_err(rd_kafka_resp_err_t code);
/* Notes "WHAT: the client's words" and returns the error. A time-out makes the log count as
 * down. */
int lkclient_fail(struct logkafka *lk, rd_kafka_resp_err_t code, const char *what);
/* ERR_NET while the brokers cannot be reached, so that nobody waits for them in vain;
 * ERR_STOPPED. */
int lkclient_alive(struct logkafka *lk) MUST_USE;
void lkclient_moved(struct logkafka *lk);
int lkclient_serve(struct logkafka *lk) MUST_USE; /* starts the service thread */
void lkclient_close(struct logkafka *lk);         /* ends it and all clients */

/* ---- lkput.c ---- */
int lkput_submit(struct log *log, struct str topic, int32_t part, struct str batch,
                 log_done_fn *done, void *arg);
void lkput_delivered(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque);
void lkput_renew(struct logkafka *lk); /* the service thread's: a new producer for a broken one */
void lkput_stop(struct log *log);
int lkput_ready(struct logkafka *lk) MUST_USE; /* waits a moment for a producer; ERR_AGAIN */
/* For lkterm: produces what the ticket holds; its failure, unless it has one; `cnt` of its shares
 * are answered, and with the last the ticket is gone. */
void lkput_hand_over(struct lkticket *ticket);
void lkput_fail(struct lkticket *ticket, int err, const char *note);
void lkput_drop(struct lkticket *ticket, size_t cnt);

/* ---- lkterm.c: appends where several nodes take turns ---- */
int lkterm_start(struct logkafka *lk) MUST_USE;
int lkterm_submit(struct lkticket *ticket) MUST_USE; /* 0: it will be answered */

/* ---- lkread.c ---- */
/* ERR_NOT_FOUND; the partition stays until the log is closed. */
int lkread_part(struct logkafka *lk, struct str topic, int32_t part, struct lkpart **out) MUST_USE;
void lkread_forget(struct logkafka *lk, struct str topic); /* ask for its partitions anew */
void lkread_gone(struct logkafka *lk, struct str topic); /* deleted by us: its positions too */
void lkread_acked(struct lkpart *part, int64_t end);
void lkread_tidy(struct logkafka *lk); /* stops fetching what nobody reads any more */
void lkread_close(struct logkafka *lk);
int lkread_span(struct log *log, struct str topic, int32_t part, struct log_span *out);
int lkread_span_near(struct log *log, struct str topic, int32_t part, struct log_span *out);
int lkread_read(struct log *log, const struct log_pos *pos, size_t max, struct arena *arena,
                struct str *out);
int lkread_seek_time(struct log *log, const struct log_pos *pos, int64_t ts_ms, int64_t *offset,
                     int64_t *ts_out);
int lkread_wait(struct log *log, const struct log_pos *pos, size_t cnt, int64_t timeout_us);
void lkread_wake(struct log *log);

/* ---- lkadmin.c ---- */
int lkadmin_part_cnt(struct logkafka *lk, struct str topic, int32_t *out) MUST_USE;
int lkadmin_create(struct log *log, struct str name, int32_t part_cnt,
                   const struct log_setting *setting, size_t setting_cnt);
/* Would a topic be made? ERR_DENIED, ERR_INVAL ...; nothing is made. */
int lkadmin_may_create(struct logkafka *lk, const char *name,
                       const struct log_setting *setting) MUST_USE;
/* The settings of a broker, as far as they are shown. */
int lkadmin_broker(struct logkafka *lk, int32_t id, struct arena *arena, struct log_setting **out,
                   size_t *cnt) MUST_USE;
int lkadmin_delete(struct log *log, struct str name);
int lkadmin_get(struct log *log, struct str name, struct arena *arena, struct log_topic *out);
int lkadmin_list(struct log *log, struct arena *arena, struct log_topic **out, size_t *cnt);
int lkadmin_set(struct log *log, struct str name, const struct log_setting *setting,
                size_t setting_cnt);
int lkadmin_grow(struct log *log, struct str name, int32_t part_cnt);
int lkadmin_trim(struct log *log, const struct log_pos *pos, int64_t *start);

/* ---- lkgroup.c ---- */
int lkgroup_list(struct log *log, struct arena *arena, struct log_group **out, size_t *cnt);
int lkgroup_get(struct log *log, struct str id, struct arena *arena, struct log_group *out);

#endif
