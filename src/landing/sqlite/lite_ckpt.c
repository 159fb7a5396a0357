/* lite_ckpt.c - the thread that checkpoints. */
#include "landing/sqlite/lite_ckpt.h"

#include "base/diag.h"
#include "base/err.h"
#include "landing/sqlite/lite_landing.h"

#include <stdatomic.h>
#include <sys/resource.h>

#define PAGES_DUE  8000  /* of 8 KiB: when copying begins */
#define PAGES_MAX  32000 /* when the writer waits */
#define PAGES_REST 256   /* so few are copied in the writer's turn */
#define PASS_MAX   8
#define NICE       10

struct lite_ckpt {
    struct lite_landing *landing;
    sqlite3 *db; /* the thread's */
    pthread_t thread;
    atomic_int pages; /* of the log, at the last commit */
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t change;
    bool started, stop;
    bool due;  /* work is asked for or under way */
};

struct lite_ckpt *lite_ckpt_new(struct lite_landing *landing) {
    struct lite_ckpt *ckpt = base_calloc(1, sizeof *ckpt);
    ckpt->landing = landing;
    pthread_mutex_init(&ckpt->lock, NULL);
    pthread_cond_init(&ckpt->change, NULL);
    return ckpt;
}

void lite_ckpt_free(struct lite_ckpt *ckpt) {
    if (!ckpt) return;
    pthread_mutex_lock(&ckpt->lock);
    ckpt->stop = true;
    pthread_cond_broadcast(&ckpt->change);
    pthread_mutex_unlock(&ckpt->lock);
    if (ckpt->started) pthread_join(ckpt->thread, NULL);
    pthread_mutex_destroy(&ckpt->lock);
    pthread_cond_destroy(&ckpt->change);
    base_free(ckpt);
}

/* Copies what no reader needs any more of the log; how many pages of it are copied by now. */
static int pass(struct lite_ckpt *ckpt, int *copied) {
    int rc = sqlite3_wal_checkpoint_v2(ckpt->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, copied);
    if (rc == SQLITE_OK || (rc & 0xFF) == SQLITE_BUSY) return 0; /* busy: another program does it */
    return lite_db_fail(ckpt->db, rc, "copy its write-ahead log");
}

/* Each pass leaves what was written meanwhile, which is less each time. */
static int copy(struct lite_ckpt *ckpt) {
    int err = 0, copied = 0;
    for (int i = 0; i < PASS_MAX && !err; i++) {
        err = pass(ckpt, &copied);
        if (atomic_load(&ckpt->pages) - copied <= PAGES_REST) break;
    }
    if (!err) err = lite_landing_take(ckpt->landing);
    if (err) return err;
    err = pass(ckpt, &copied);
    lite_landing_give(ckpt->landing, false);
    return err;
}

static int work(struct lite_ckpt *ckpt) {
    const struct lite_landing *landing = ckpt->landing;
    int err = ckpt->db ? 0 : lite_db_open(&ckpt->db, landing->path, landing->vfs, LITE_DB_CKPT);
    return err ? err : copy(ckpt);
}

static void *ckpt_main(void *arg) {
    struct lite_ckpt *ckpt = arg;
    pthread_setname_np(pthread_self(), "checkpoint");
    setpriority(PRIO_PROCESS, 0, NICE); /* of this thread alone: rows that wait go first */
    pthread_mutex_lock(&ckpt->lock);
    while (!ckpt->stop) {
        if (!ckpt->due) {
            pthread_cond_wait(&ckpt->change, &ckpt->lock);
            continue;
        }
        pthread_mutex_unlock(&ckpt->lock);
        if (work(ckpt)) diag_warn("landing", "%s: %s", ckpt->landing->path, err_note());
        pthread_mutex_lock(&ckpt->lock);
        ckpt->due = false;
        pthread_cond_broadcast(&ckpt->change);
    }
    pthread_mutex_unlock(&ckpt->lock);
    lite_db_close(ckpt->db);
    return NULL;
}

void lite_ckpt_note(struct lite_ckpt *ckpt, int pages) {
    atomic_store(&ckpt->pages, pages);
    if (pages < PAGES_DUE) return;
    pthread_mutex_lock(&ckpt->lock);
    if (!ckpt->started) ckpt->started = !pthread_create(&ckpt->thread, NULL, ckpt_main, ckpt);
    if (!ckpt->started) diag_warn("landing", "%s: no thread for checkpoints", ckpt->landing->path);
    else ckpt->due = true;
    pthread_cond_broadcast(&ckpt->change);
    pthread_mutex_unlock(&ckpt->lock);
}

void lite_ckpt_wait(struct lite_ckpt *ckpt) {
    if (atomic_load(&ckpt->pages) < PAGES_MAX) return;
    pthread_mutex_lock(&ckpt->lock);
    while (ckpt->due) pthread_cond_wait(&ckpt->change, &ckpt->lock);
    pthread_mutex_unlock(&ckpt->lock);
}
