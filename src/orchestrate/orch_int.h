/* orch_int.h - what the scheduler's files share: dags, their living runs, tries under way.
 *
 * A run lives from its creation to its end; then only the landing database knows it. Everything
 * that changes is changed in orch_step(), by one thread, in three acts:
 *     1. under the lock: take in what workers have ended, see what is due, decide what starts;
 *     2. without it: write all of that in one landing transaction (struct orch_put);
 *     3. under the lock: hand the tries to the workers, now that they are on record.
 * When the transaction fails nothing starts; it is tried again, and act 1 waits for it.
 *
 * Invariants: (1) a try runs only after its record is durable; (2) at most one try of a task is
 * under way; (3) no two runs of a dag have one id, and none two scheduled runs of one logical
 * time; (4) the lock is never held over a landing transaction, since a task in one may want it. */
#ifndef ORCHESTRATE_ORCH_INT_H
#define ORCHESTRATE_ORCH_INT_H

#include "base/buf.h"
#include "landing/landing.h"
#include "orchestrate/orchestrate.h"
#include "orchestrate/schedule.h"

#include <pthread.h>

#define ORCH_DAG_MAX     1000
#define ORCH_TASK_MAX    1000 /* of a dag */
#define ORCH_LIVE_MAX    1000 /* runs of a dag that wait or run */
#define ORCH_RUN_KEEP    10000 /* scheduled runs of a dag; older ones go, with their tries */
#define ORCH_TRIM_EVERY  64    /* ended runs of a dag after which old ones are looked for */
#define ORCH_TRIM_MAX    256   /* old runs that one transaction deletes */
#define ORCH_LOG_MAX     (64 * KIB)
#define ORCH_WORKER_MAX  64
#define ORCH_ID_MAX      250

#define ORCH_NAP_US        INT64_C(5000000) /* longest sleep: a jump of the wall clock is seen */
#define ORCH_REWIND_US     INT64_C(1000000) /* the wall clock went back by more than this */
#define ORCH_RETRY_MAX_US  INT64_C(600000000)
#define ORCH_BACKOFF_US    INT64_C(100000)   /* after a failed transaction, doubled up to: */
#define ORCH_BACKOFF_MAX_US INT64_C(10000000)

struct orch_live;

/* A try under way. Its function sees `pub`. */
struct orch_job {
    struct orch_try pub;
    struct run run;            /* a copy, for the function */
    struct orch *orch;
    struct orch_live *live;
    size_t task;
    int64_t ready_us, due_us;  /* monotonic: could start since; too late from */
    int64_t start_us, end_us;  /* wall */
    struct buf log;            /* under log_lock */
    pthread_mutex_t log_lock;
    bool late;                 /* past its time: may no longer record */
    bool ended;                /* its function has returned */
    bool recorded, run_recorded;
    int err;                   /* what the function returned */
    struct str note;           /* and why; in heap memory */
    struct orch_job *next;     /* of launch, ready, running or done */
};

struct orch_live_task {
    enum run_state state; /* NONE: waits */
    uint32_t tries;
    int64_t ready_us;     /* monotonic: may start from; 0: not known to be ready */
    struct orch_job *job; /* RUNNING */
};
/* A run that is queued or running. */
struct orch_live {
    struct orch_live *next;
    struct orch_dag_state *dag;
    struct arena arena;
    struct run run;
    struct orch_live_task *task; /* as many as the dag has */
    bool saving;                 /* a trigger is writing it */
    bool once;                   /* no try follows a failed one */
};

struct orch_dag_state {
    struct orch *orch;
    struct orch_dag def; /* a copy */
    size_t **after;      /* per task: places of those it waits for */
    struct schedule schedule;
    bool paused;
    bool held;           /* for the time being; the scheduler thread's */
    bool ever;           /* a scheduled run was made: for @once */
    bool made;           /* by this process */
    bool trim_due;       /* the next transaction deletes old runs */
    unsigned ended_cnt;  /* runs */
    int64_t next_us;     /* due; SCHEDULE_NEVER */
    int64_t newest_us;   /* logical time of the newest scheduled run ever; INT64_MIN: none */
    struct orch_live *live; /* oldest first */
    size_t live_cnt, running_cnt;
    struct metric *duration, *succeeded, *failed;
    struct orch_task_meter {
        struct metric *duration, *succeeded, *failed; /* of tries that ended */
    } *meter; /* per task */
};

/* Records to be written in one transaction: deep copies. */
struct orch_put {
    struct arena arena;
    struct run *run;
    struct run_try *run_try;
    size_t run_cnt, run_cap, try_cnt, try_cap;
    int64_t again_us, backoff_us; /* monotonic; after a failure */
};

struct orch {
    struct orch_conf conf;
    struct arena arena;
    struct orch_dag_state *dag;
    size_t dag_cnt, turn; /* which dag is asked first */
    pthread_mutex_t lock;
    pthread_cond_t wake, work; /* for the scheduler; for the workers */
    bool woken, stopping;
    int64_t wall_us; /* at the last step */
    struct orch_put put;
    struct orch_job *launch;               /* waits for its record */
    struct orch_job *ready, **ready_end;   /* waits for a worker, oldest first */
    struct orch_job *done, **done_end;     /* ended, oldest first */
    size_t job_cnt, slot_cnt;              /* tries launched and not taken in; at most */
    pthread_t scheduler, worker[ORCH_WORKER_MAX];
    size_t worker_cnt;
    bool started;
    struct metric *beat, *start_delay, *put_failed;
};

#define ORCH_PAUSED_SETTING "orchestrate.paused."

#endif
