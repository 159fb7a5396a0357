/* lite_capture.c - reading the outbox: what was not handed out yet, in commit order.
 *
 * Our own commits wake the reader at once, and what they left is taken from memory while it is
 * there (lite_recent.h), if its seq is the next; those of other programs are seen by PRAGMA
 * data_version, asked every POLL_US. Acked entries are deleted by the next transaction that is made
 * anyway, or, after TRIM_IDLE_US without one, by one of ours. An entry is handed out whole, so that
 * a seq that was seen may be acked. */
#include "landing/sqlite/lite_landing.h"

#include "base/diag.h"
#include "base/err.h"
#include "base/metric.h"

#include <time.h>

#define POLL_US      50000
#define TRIM_IDLE_US 1000000

struct lite_capture {
    struct capture base;
    sqlite3 *db;
    sqlite3_stmt *next, *version;
    uint64_t last;         /* handed out up to here */
    uint64_t copied;       /* the newest copy asked for ends here, or before */
    uint64_t commit_cnt;   /* the landing's, when the outbox was last seen empty */
    int64_t data_version;  /* likewise */
    int64_t idle_us;       /* monotonic: since when there was nothing; 0: there was something */
    struct metric *spoiled;
};

static struct lite_landing *landing_of(struct lite_capture *capture) {
    return (struct lite_landing *)capture->base.landing;
}

/* What was acked in an earlier life is gone or comes again: entries begin here. */
static int first_entry(struct lite_capture *capture) {
    int64_t first = 0;
    int err = lite_db_i64(capture->db, "SELECT ifnull(min(seq), 1) FROM _sluice_outbox", &first);
    atomic_store(&landing_of(capture)->trimmed, (uint64_t)MAX(first, 1) - 1);
    return err;
}

int lite_capture_open(struct capture **out, struct landing *base) {
    struct lite_landing *landing = (struct lite_landing *)base;
    if (landing->capture)
        return err_fail(ERR_EXISTS, "the changes of %s are being captured already", landing->path);
    struct lite_capture *capture = base_calloc(1, sizeof *capture);
    capture->base.landing = base;
    capture->data_version = -1;
    capture->spoiled = metric_counter("sluice_capture_spoiled_total",
                                      "Outbox entries of triggers that were no JSON.", "");
    int err = lite_db_open(&capture->db, landing->path, landing->vfs, LITE_DB_READ);
    if (!err)
        err = lite_db_prepare(capture->db, "SELECT seq, commit_us, body FROM _sluice_outbox "
                              "WHERE seq>?1 ORDER BY seq", &capture->next);
    if (!err) err = lite_db_prepare(capture->db, "PRAGMA data_version", &capture->version);
    if (!err) err = first_entry(capture);
    if (err) {
        lite_db_close(capture->db);
        base_free(capture);
        return err;
    }
    landing->capture = &capture->base;
    lite_recent_want(&landing->recent, true);
    *out = &capture->base;
    return 0;
}

/* ---- reading ---- */

/* A trigger's entry holds text as the other program wrote it, which may be no UTF-8. */
static int decode_text(struct lite_capture *capture, struct str body, struct arena *arena,
                       struct change **out, size_t *cnt) {
    int err = lite_outbox_decode_json(body, arena, out, cnt);
    if (!err || str_utf8(body)) return err;
    char *clean = arena_bytes(arena, body.len);
    for (size_t i = 0; i < body.len; i++)
        clean[i] = (unsigned char)body.ptr[i] < 0x80 ? body.ptr[i] : '?';
    metric_add(capture->spoiled, 1);
    return lite_outbox_decode_json((struct str){clean, body.len}, arena, out, cnt);
}

static void stamp(struct change *change, size_t cnt, uint64_t seq, int64_t commit_us) {
    for (size_t i = 0; i < cnt; i++) {
        change[i].seq = seq;
        change[i].idx = (uint32_t)i;
        change[i].commit_us = commit_us;
    }
}

static int decode(struct lite_capture *capture, struct arena *arena, struct change **out,
                  size_t *cnt) {
    sqlite3_stmt *stmt = capture->next;
    bool is_text = sqlite3_column_type(stmt, 2) == SQLITE_TEXT;
    const char *ptr = sqlite3_column_blob(stmt, 2);
    struct str body = {ptr ? ptr : "", (size_t)sqlite3_column_bytes(stmt, 2)};
    body = arena_str(arena, body);
    uint64_t seq = (uint64_t)sqlite3_column_int64(stmt, 0);
    int64_t commit_us = sqlite3_column_int64(stmt, 1);
    int err = is_text ? decode_text(capture, body, arena, out, cnt)
                      : lite_outbox_decode(body, arena, out, cnt);
    if (err && is_text) {
        diag_error("landing", "outbox entry %" PRIu64 " of a trigger is passed over: %s", seq,
                   err_note());
        metric_add(capture->spoiled, 1);
        *cnt = 0;
        err = 0;
    }
    if (err) return err_add(err, "outbox entry %" PRIu64, seq);
    stamp(*out, *cnt, seq, commit_us);
    return 0;
}

struct part {
    struct change *change;
    size_t cnt;
    struct part *next;
};

static void join(struct part *first, size_t cnt, struct arena *arena, struct change **out) {
    if (!first->next) {
        *out = first->change;
        return;
    }
    struct change *all = arena_array(arena, struct change, cnt), *to = all;
    for (struct part *part = first; part; to += part->cnt, part = part->next)
        if (part->cnt) memcpy(to, part->change, part->cnt * sizeof *to);
    *out = all;
}

/* The entry after `last`, when a commit of ours left it and it is still in memory. 1: it was. */
static int recent_entry(struct lite_capture *capture, struct arena *arena, struct part *part) {
    struct lite_recent *recent = &landing_of(capture)->recent;
    struct lite_recent_entry *entry = lite_recent_take(recent, capture->last + 1);
    if (!entry) return 0;
    struct str body = arena_str(arena, (struct str){entry->body, entry->len});
    int err = lite_outbox_decode(body, arena, &part->change, &part->cnt);
    CHECK(!err); /* it was made here */
    stamp(part->change, part->cnt, entry->seq, entry->commit_us);
    capture->last = entry->seq;
    base_free(entry);
    return 1;
}

static void read_recent(struct lite_capture *capture, size_t max, struct arena *arena,
                        struct change **out, size_t *cnt) {
    struct part *first = NULL, **at = &first;
    *cnt = 0;
    while (*cnt < max) {
        struct part *part = arena_new(arena, struct part);
        if (!recent_entry(capture, arena, part)) break;
        *cnt += part->cnt;
        *at = part;
        at = &part->next;
    }
    if (*cnt) join(first, *cnt, arena, out);
}

/* Whole entries after `last`, until there are `max` changes or no more. */
static int read_entries(struct lite_capture *capture, size_t max, struct arena *arena,
                        struct change **out, size_t *cnt) {
    struct part *first = NULL, **at = &first;
    int err = 0;
    *cnt = 0;
    sqlite3_bind_int64(capture->next, 1, (int64_t)capture->last);
    while (*cnt < max && (err = lite_db_step(capture->next)) > 0) {
        uint64_t seq = (uint64_t)sqlite3_column_int64(capture->next, 0);
        struct part *part = arena_new(arena, struct part);
        if ((err = decode(capture, arena, &part->change, &part->cnt))) break;
        capture->last = seq;
        *cnt += part->cnt;
        *at = part;
        at = &part->next;
    }
    sqlite3_reset(capture->next);
    if (err < 0 && !*cnt) return err;
    if (*cnt) join(first, *cnt, arena, out);
    return 0;
}

static int data_version(struct lite_capture *capture, int64_t *out) {
    int got = lite_db_step(capture->version);
    if (got > 0) *out = sqlite3_column_int64(capture->version, 0);
    sqlite3_reset(capture->version);
    return MIN(got, 0);
}

/* Waits up to `us` for a commit of ours or a wake; says which. */
static void wait_commit(struct lite_capture *capture, int64_t us, bool *commit, bool *woken) {
    struct lite_landing *landing = landing_of(capture);
    int64_t until_us = env_mono_us(landing->base.env) + us;
    struct timespec until = {until_us / 1000000, until_us % 1000000 * 1000};
    pthread_mutex_lock(&landing->lock);
    while (landing->commit_cnt == capture->commit_cnt && !landing->woken)
        if (pthread_cond_timedwait(&landing->wake, &landing->lock, &until)) break;
    *commit = landing->commit_cnt != capture->commit_cnt;
    *woken = landing->woken;
    landing->woken = false;
    capture->commit_cnt = landing->commit_cnt;
    pthread_mutex_unlock(&landing->lock);
}

/* When there was nothing for a while: deletes acked entries, then gives memory back. */
static void tidy_idle(struct lite_capture *capture, int64_t now_us) {
    struct lite_landing *landing = landing_of(capture);
    struct landing_tx *tx;
    if (!capture->idle_us) capture->idle_us = now_us;
    if (now_us - capture->idle_us < TRIM_IDLE_US) return;
    pthread_mutex_lock(&landing->lock);
    bool none = landing->busy || atomic_load(&landing->acked) <= atomic_load(&landing->trimmed);
    pthread_mutex_unlock(&landing->lock);
    if (none) {
        lite_landing_cool(landing);
        capture->idle_us = now_us;
        return;
    }
    if (landing_begin(&landing->base, &tx)) return;
    if (landing_commit(tx)) diag_warn("landing", "acked changes stay for now: %s", err_note());
}

int lite_capture_next(struct capture *base, size_t max, int64_t timeout_us, struct arena *arena,
                      struct change **out, size_t *cnt) {
    struct lite_capture *capture = (struct lite_capture *)base;
    struct env *env = base->landing->env;
    int64_t start_us = env_mono_us(env);
    for (bool look = false, woken = false;;) {
        int64_t version = capture->data_version;
        read_recent(capture, max, arena, out, cnt);
        if (*cnt) {
            capture->idle_us = 0;
            return 0;
        }
        int err = data_version(capture, &version);
        if (err) return err;
        if (look || version != capture->data_version) {
            capture->data_version = version;
            err = read_entries(capture, max, arena, out, cnt);
            if (!err && *cnt >= max) capture->data_version = -1; /* there may be more */
            if (err || *cnt) {
                capture->idle_us = 0;
                return err;
            }
        }
        int64_t now_us = env_mono_us(env), left_us = start_us + timeout_us - now_us;
        if (left_us <= 0 || woken) return 0;
        tidy_idle(capture, now_us);
        wait_commit(capture, MIN(left_us, POLL_US), &look, &woken);
    }
}

/* ---- acks ---- */

int lite_capture_ack(struct capture *base, uint64_t seq) {
    struct lite_capture *capture = (struct lite_capture *)base;
    struct lite_landing *landing = landing_of(capture);
    if (seq > capture->last)
        return err_fail(ERR_INVAL, "entry %" PRIu64 " was acked but not handed out", seq);
    if (seq > atomic_load(&landing->acked)) atomic_store(&landing->acked, seq);
    return 0;
}

void lite_capture_wake(struct capture *base) {
    struct lite_landing *landing = (struct lite_landing *)base->landing;
    pthread_mutex_lock(&landing->lock);
    landing->woken = true;
    pthread_cond_broadcast(&landing->wake);
    pthread_mutex_unlock(&landing->lock);
}

/* The outbox is in the file itself, and its numbers too. */
int lite_capture_origin(struct landing *base UNUSED, struct capture_origin *out UNUSED) {
    return 0;
}

int lite_capture_renew(struct capture *base UNUSED) {
    return err_fail(ERR_UNSUPPORTED, "changes of a SQLite database cannot begin anew");
}

int lite_capture_lag(struct capture *base, struct capture_lag *out) {
    struct lite_landing *landing = (struct lite_landing *)base->landing;
    sqlite3 *db;
    sqlite3_stmt *stmt = NULL;
    int err = lite_look_open(landing, &db);
    if (err) return err;
    err = lite_db_prepare(db, "SELECT sum(cnt), min(commit_us) FROM _sluice_outbox WHERE seq>?1",
                          &stmt);
    if (!err) {
        sqlite3_bind_int64(stmt, 1, (int64_t)atomic_load(&landing->acked));
        int got = lite_db_step(stmt);
        if (got > 0) {
            out->cnt = sqlite3_column_int64(stmt, 0);
            out->oldest_us = sqlite3_column_int64(stmt, 1);
        }
        err = MIN(got, 0);
    }
    sqlite3_finalize(stmt);
    lite_look_close(landing, db);
    return err;
}

bool lite_capture_copying(struct capture *base) {
    struct lite_capture *capture = (struct lite_capture *)base;
    return atomic_load(&landing_of(capture)->acked) < capture->copied;
}

int lite_capture_snapshot(struct capture *base, struct str table) {
    struct landing_tx *tx;
    int err = landing_cols_check_name(table, LANDING_COLS_NAME_MAX);
    if (!err) err = landing_begin(base->landing, &tx);
    if (err) return err;
    err = lite_write_snapshot(tx, table);
    if (!err) err = landing_commit(tx);
    else landing_abort(tx);
    struct lite_capture *capture = (struct lite_capture *)base;
    int64_t newest = 0;
    if (!err)
        err = lite_db_i64(capture->db, "SELECT ifnull(max(seq), 0) FROM _sluice_outbox", &newest);
    if (!err) capture->copied = (uint64_t)newest;
    return err;
}

void lite_capture_close(struct capture *base) {
    struct lite_capture *capture = (struct lite_capture *)base;
    struct lite_landing *landing = landing_of(capture);
    struct landing_tx *tx;
    int err = 0;
    while (!err && atomic_load(&landing->acked) > atomic_load(&landing->trimmed)) {
        err = landing_begin(base->landing, &tx);
        if (!err) err = landing_commit(tx);
    }
    if (err) diag_warn("landing", "acked changes stay for now: %s", err_note());
    lite_db_close(capture->db);
    lite_recent_want(&landing->recent, false);
    landing->capture = NULL;
    base_free(capture);
}
