/* pg_capture.c - the changes of captured tables by logical replication, in commit order.
 *
 * The walsender sends whole transactions after their commit. Their changes gather in an entry,
 * which is handed out when it is full or the transaction ends, so a big one takes no more memory
 * than a small one. An entry's number comes from its transaction's place in the server's log,
 *
 *   seq = commit lsn / 8 << 16 | entry of the transaction, from 0
 *
 * so it rises, and is the same whenever the transaction is sent again. When an acknowledged entry
 * was its transaction's last one, the slot may forget the transaction; while nothing is under way
 * it may forget all that the server has read, also what is not for us.
 *
 * Invariant: `flushed` never passes a transaction with a change that was not acked. */
#include "landing/postgres/pg_entry.h"
#include "landing/postgres/pg_fill.h"
#include "landing/postgres/pg_landing.h"
#include "landing/postgres/pg_snap.h"
#include "landing/postgres/pg_stream.h"

#include "base/diag.h"
#include "base/err.h"
#include "base/metric.h"

#include <stdatomic.h>

#define SLICE_US  50000    /* how late capture_wake() is heard */
#define NUDGE_US  20000    /* how often an idle server is asked how far it is, for a copy */
#define REL_MAX   10000    /* relations kept */
#define LAG_US    1000000  /* how often the slot is looked at */

struct mark { /* an entry that was handed out and not acked */
    uint64_t seq, end_lsn; /* 0: not the last of its transaction */
    int64_t commit_us;
    size_t cnt;
};

struct pg_capture {
    struct capture base;
    struct pg_stream stream;
    struct pg_conn aux;      /* asks the catalogue */
    struct map relations;    /* relid's four bytes -> struct pg_relation */
    struct map names;        /* declared names, kept */
    struct arena arena;      /* of those */
    struct arena scratch;    /* a message's arrays */
    struct pg_entry entry;
    bool in_tx;
    uint64_t tx_lsn, k;
    int64_t tx_us;
    uint64_t last_seq;       /* handed out */
    struct mark *mark;       /* a ring would be no shorter: acks take all but a few */
    size_t mark_cnt, mark_cap;
    struct pg_snap *snap;    /* oldest first */
    uint64_t snap_k;
    bool snap_due;
    int64_t nudge_us, lag_us;
    atomic_bool woken;
    int64_t behind;          /* bytes of the server's log that were not confirmed */
    struct metric *wal_bytes, *behind_bytes, *truncates;
};

static struct pg_landing *landing_of(struct pg_capture *capture) {
    return (struct pg_landing *)capture->base.landing;
}

/* ---- open and close ---- */

int pg_capture_open(struct capture **out, struct landing *base) {
    struct pg_landing *landing = (struct pg_landing *)base;
    if (landing->capture)
        return err_fail(ERR_CONFLICT, "PostgreSQL %s: its changes are captured already",
                        landing->place.shown);
    int err = pg_landing_take(landing);
    if (err) return err;
    err = pg_publish_slot(landing, &landing->writer);
    pg_landing_give(landing);
    if (err) return err;
    struct pg_capture *capture = base_calloc(1, sizeof *capture);
    capture->base.landing = base;
    pg_stream_init(&capture->stream, base->env, &landing->place);
    pg_conn_init(&capture->aux, base->env, &landing->place, false);
    map_init(&capture->relations);
    map_init(&capture->names);
    pg_entry_init(&capture->entry);
    capture->wal_bytes = metric_gauge("sluice_capture_wal_bytes",
                                      "Log that the server keeps for the slot.", "");
    capture->behind_bytes = metric_gauge("sluice_capture_behind_bytes",
                                         "Log that was written and is not captured yet.", "");
    capture->truncates = metric_counter("sluice_capture_truncates_total",
                                        "Tables that were truncated: no change tells of it.", "");
    landing->capture = &capture->base;
    *out = &capture->base;
    return 0;
}

static void drop_relations(struct pg_capture *capture) {
    size_t at = 0;
    struct str key;
    void *relation;
    while (map_next(&capture->relations, &at, &key, &relation)) pg_relation_free(relation);
    map_fini(&capture->relations);
    map_init(&capture->relations);
}

void pg_capture_close(struct capture *base) {
    struct pg_capture *capture = (struct pg_capture *)base;
    pg_stream_stop(&capture->stream);
    pg_conn_close(&capture->aux);
    while (capture->snap) {
        struct pg_snap *next = capture->snap->next;
        pg_snap_close(capture->snap);
        capture->snap = next;
    }
    drop_relations(capture);
    map_fini(&capture->relations);
    map_fini(&capture->names);
    arena_fini(&capture->arena);
    arena_fini(&capture->scratch);
    pg_entry_fini(&capture->entry);
    base_free(capture->mark);
    landing_of(capture)->capture = NULL;
    base_free(capture);
}

/* The name as long as the capture lives. */
static struct str keep_name(struct pg_capture *capture, struct str name) {
    struct str *kept = map_get(&capture->names, name);
    if (kept) return *kept;
    kept = arena_new(&capture->arena, struct str);
    *kept = arena_str(&capture->arena, name);
    map_put(&capture->names, name, kept);
    return *kept;
}

/* ---- what was handed out ---- */

static void push_mark(struct pg_capture *capture, struct mark mark) {
    if (capture->mark_cnt == capture->mark_cap) {
        capture->mark_cap = MAX(2 * capture->mark_cap, 64);
        capture->mark = base_realloc(capture->mark, capture->mark_cap * sizeof *capture->mark);
    }
    capture->mark[capture->mark_cnt++] = mark;
}

/* Nothing of ours lies before `lsn` but what was handed out. */
static void pass(struct pg_capture *capture, uint64_t lsn) {
    if (capture->mark_cnt) {
        struct mark *last = &capture->mark[capture->mark_cnt - 1];
        last->end_lsn = MAX(last->end_lsn, lsn);
    } else if (lsn > capture->stream.flushed) {
        capture->stream.flushed = lsn;
    }
}

struct gather { /* the entries of one capture_next() */
    struct arena *arena;
    struct part *first, **at;
    size_t cnt;
};
struct part {
    struct change *change;
    size_t cnt;
    struct part *next;
};

static uint64_t seq_of(uint64_t lsn, uint64_t k) {
    return PG_LANDING_SEQ(lsn, k);
}

/* The entry is whole: hands it out, unless it was before the stream was lost. */
static void hand_out(struct pg_capture *capture, struct gather *gather, uint64_t seq,
                     int64_t commit_us) {
    struct pg_entry *entry = &capture->entry;
    bool again = seq <= capture->last_seq && (seq & PG_LANDING_SEQ_K) < PG_LANDING_SEQ_K;
    if (entry->cnt && !again) {
        struct part *part = arena_new(gather->arena, struct part);
        part->change = pg_entry_take(entry, seq, commit_us, gather->arena);
        part->cnt = entry->cnt;
        *gather->at = part;
        gather->at = &part->next;
        gather->cnt += entry->cnt;
        push_mark(capture, (struct mark){seq, 0, commit_us, entry->cnt});
        capture->last_seq = seq;
    }
    /* The last number serves all further entries: idx goes on. */
    bool stuck = (seq & PG_LANDING_SEQ_K) == PG_LANDING_SEQ_K;
    uint32_t idx = entry->idx;
    pg_entry_reset(entry);
    if (stuck) entry->idx = idx;
}

/* ---- messages ---- */

static void put_relation(struct pg_capture *capture, uint32_t relid, struct pg_relation *fresh) {
    struct str key = {(const char *)&relid, sizeof relid};
    if (capture->relations.cnt >= REL_MAX) { /* the stream says them again only when it must */
        pg_relation_free(fresh);
        return;
    }
    pg_relation_free(map_put(&capture->relations, key, fresh));
}

static int on_relation(struct pg_capture *capture, const struct pgoutput *message) {
    struct pg_landing *landing = landing_of(capture);
    struct str name = pg_landing_captured(landing, message->schema, message->name,
                                          &capture->scratch);
    if (!name.ptr) {
        put_relation(capture, message->relid, pg_relation_new(message, NULL, STR_NULL));
        return 0;
    }
    struct pg_table *table = pg_table_new(name);
    int err = pg_conn_need(&capture->aux, 0);
    if (!err) err = pg_table_load(&capture->aux, table, landing->guest);
    if (err == ERR_CONFLICT) err = 0; /* a key whose column is gone: the stream's key serves */
    if (!err) {
        struct pg_relation *relation = pg_relation_new(message, table, keep_name(capture, name));
        put_relation(capture, message->relid, relation);
    }
    pg_table_free(table);
    return err;
}

/* A copy that is still to come has what happened to its table before. */
static bool in_copy(struct pg_capture *capture, struct str table) {
    for (const struct pg_snap *snap = capture->snap; snap; snap = snap->next)
        if (snap->fresh && capture->tx_lsn < snap->lsn && str_eq(snap->table, table)) return true;
    return false;
}

static int fill(struct pg_capture *capture, const struct pg_relation *relation,
                struct pgoutput *message) {
    int err = pg_conn_need(&capture->aux, 0);
    return err ? err : pg_fill_row(&capture->aux, relation, message, &capture->scratch);
}

static int on_change(struct pg_capture *capture, struct pgoutput *message,
                     struct gather *gather) {
    struct str key = {(const char *)&message->relid, sizeof message->relid};
    struct pg_relation *relation = map_get(&capture->relations, key);
    if (!capture->in_tx || !relation)
        return err_fail(ERR_CORRUPT, "replication stream: a change %s",
                        relation ? "outside a transaction" : "of a table it did not describe");
    bool skip = !relation->table.ptr || in_copy(capture, relation->table);
    int err = !skip && pg_fill_wanted(relation, message) ? fill(capture, relation, message) : 0;
    if (skip) capture->entry.idx++;
    else if (!err) err = pg_entry_add(&capture->entry, relation, message);
    if (!err && pg_entry_full(&capture->entry))
        hand_out(capture, gather, seq_of(capture->tx_lsn, capture->k++), capture->tx_us);
    return err;
}

static void on_truncate(struct pg_capture *capture, const struct pgoutput *message) {
    for (size_t i = 0; i < message->rel_cnt; i++) {
        struct str key = {(const char *)&message->rel[i], sizeof message->rel[i]};
        const struct pg_relation *relation = map_get(&capture->relations, key);
        if (!relation || !relation->table.ptr) continue;
        metric_add(capture->truncates, 1);
        diag_warn("capture", "table %.*s was truncated; the topic has no deletes for its rows",
                  STR_ARG(relation->table));
    }
}

static void on_begin(struct pg_capture *capture, const struct pgoutput *message) {
    capture->in_tx = true;
    capture->tx_lsn = message->lsn;
    capture->tx_us = message->time_us;
    capture->k = 0;
    pg_entry_reset(&capture->entry);
    if (capture->snap && message->lsn >= capture->snap->lsn) capture->snap_due = true;
}

static void on_commit(struct pg_capture *capture, const struct pgoutput *message,
                      struct gather *gather) {
    hand_out(capture, gather, seq_of(capture->tx_lsn, capture->k), capture->tx_us);
    capture->in_tx = false;
    pass(capture, message->end_lsn);
}

static int on_message(struct pg_capture *capture, struct str bytes, struct gather *gather) {
    struct pgoutput message;
    arena_reset(&capture->scratch);
    int err = pgoutput_decode(bytes, &capture->scratch, &message);
    if (err) return err;
    switch (message.kind) {
    case PGOUTPUT_BEGIN: on_begin(capture, &message); return 0;
    case PGOUTPUT_COMMIT: on_commit(capture, &message, gather); return 0;
    case PGOUTPUT_RELATION: return on_relation(capture, &message);
    case PGOUTPUT_INSERT:
    case PGOUTPUT_UPDATE:
    case PGOUTPUT_DELETE: return on_change(capture, &message, gather);
    case PGOUTPUT_TRUNCATE: on_truncate(capture, &message); return 0;
    default: return 0;
    }
}

static int on_frame(struct pg_capture *capture, const struct pgoutput_frame *frame,
                    struct gather *gather) {
    if (frame->kind == PGOUTPUT_DATA) return on_message(capture, frame->body, gather);
    if (!capture->in_tx) {
        pass(capture, frame->end);
        if (capture->snap && frame->end >= capture->snap->lsn) capture->snap_due = true;
    }
    return pg_stream_tell(&capture->stream, frame->reply);
}

/* ---- copies ---- */

/* The copy was lost on its way: takes another one, at a later point. */
static int renew_snap(struct pg_capture *capture) {
    struct pg_snap *old = capture->snap, *fresh;
    int err = pg_snap_open(&fresh, landing_of(capture), old->table);
    if (err) return err;
    diag_warn("capture", "the copy of table %.*s was cut short and is taken again from its start",
              STR_ARG(old->table));
    fresh->fresh = old->fresh;
    capture->snap = old->next;
    struct pg_snap **at = &capture->snap;
    while (*at) at = &(*at)->next;
    *at = fresh;
    capture->snap_due = false;
    capture->snap_k = 0;
    pg_snap_close(old);
    return 0;
}

/* Hands out the copy that is due, an entry a call. It has its own numbers, just below those of the
 * first transaction that is not in it. */
static int read_snap(struct pg_capture *capture, struct gather *gather) {
    struct pg_snap *snap = capture->snap;
    struct pg_entry kept = capture->entry;
    if (pg_conn_lost(&snap->conn) && snap->copying) return renew_snap(capture);
    pg_entry_init(&capture->entry);
    int got = pg_snap_read(snap, &capture->entry);
    uint64_t seq = seq_of(snap->lsn - 8, capture->snap_k++);
    if (got >= 0) hand_out(capture, gather, seq, snap->begin_us);
    else pg_conn_close(&snap->conn);
    pg_entry_fini(&capture->entry);
    capture->entry = kept;
    int err = pg_stream_tell(&capture->stream, false);
    if (got) return MIN(got, err);
    diag_info("capture", "table %.*s is copied", STR_ARG(snap->table));
    capture->snap = snap->next;
    capture->snap_k = 0;
    capture->snap_due = capture->snap && capture->in_tx && capture->tx_lsn >= capture->snap->lsn;
    pg_snap_close(snap);
    return err;
}

/* While a copy waits for its turn, an idle server is asked how far it has read. */
static int nudge(struct pg_capture *capture) {
    struct env *env = capture->base.landing->env;
    int64_t now_us = env_mono_us(env);
    if (!capture->snap || now_us - capture->nudge_us < NUDGE_US) return 0;
    capture->nudge_us = now_us;
    struct buf frame;
    struct pg_stream *stream = &capture->stream;
    buf_init(&frame, 64);
    pgoutput_status(&frame, MAX(stream->received, stream->flushed), stream->flushed,
                    env_now_us(env), true);
    bool good = PQputCopyData(stream->conn.pg, frame.ptr, (int)frame.len) == 1 &&
                PQflush(stream->conn.pg) >= 0;
    buf_fini(&frame);
    return good ? 0 : pg_conn_fail(&stream->conn, NULL);
}

int pg_capture_snapshot(struct capture *base, struct str name) {
    struct pg_capture *capture = (struct pg_capture *)base;
    struct pg_landing *landing = landing_of(capture);
    struct pg_snap *snap, **at = &capture->snap;
    int err = pg_table_name_check(name);
    if (!err) err = pg_snap_open(&snap, landing, keep_name(capture, name));
    if (err) return err;
    snap->fresh = pg_landing_fresh(landing, name);
    while (*at) at = &(*at)->next;
    *at = snap;
    return 0;
}

bool pg_capture_copying(struct capture *base) {
    return ((struct pg_capture *)base)->snap;
}

/* ---- next ---- */

/* The stream from where it is to go on; what was under way begins anew. */
static int ensure_stream(struct pg_capture *capture) {
    struct pg_landing *landing = landing_of(capture);
    if (capture->stream.on) return 0;
    capture->in_tx = false;
    pg_entry_reset(&capture->entry);
    drop_relations(capture);
    pg_conn_close(&capture->aux);
    return pg_stream_start(&capture->stream, landing->slot, landing->publication);
}

/* Reads until there are `max` changes, or some and no more at once, or nothing in time. */
static int gather_some(struct pg_capture *capture, size_t max, int64_t timeout_us,
                       struct gather *gather) {
    struct env *env = capture->base.landing->env;
    int64_t start_us = env_mono_us(env);
    int err = 0;
    while (!err && gather->cnt < max) {
        struct pgoutput_frame frame;
        if (capture->snap_due) {
            err = read_snap(capture, gather);
            continue;
        }
        int64_t left_us = start_us + timeout_us - env_mono_us(env);
        bool wait = !gather->cnt && left_us > 0;
        int got = pg_stream_next(&capture->stream,
                                 wait ? MIN(left_us, capture->snap ? NUDGE_US : SLICE_US) : 0,
                                 &frame);
        err = got > 0 ? on_frame(capture, &frame, gather) : got;
        if (got) continue;
        if (!err) err = pg_stream_tell(&capture->stream, false);
        if (!err) err = nudge(capture);
        if (gather->cnt || left_us <= 0 || atomic_exchange(&capture->woken, false)) break;
    }
    return err;
}

static void join(const struct gather *gather, struct change **out) {
    const struct part *part = gather->first;
    if (!part->next) {
        *out = part->change;
        return;
    }
    struct change *to = *out = arena_array(gather->arena, struct change, gather->cnt);
    for (; part; to += part->cnt, part = part->next)
        memcpy(to, part->change, part->cnt * sizeof *to);
}

int pg_capture_next(struct capture *base, size_t max, int64_t timeout_us, struct arena *arena,
                    struct change **out, size_t *cnt) {
    struct pg_capture *capture = (struct pg_capture *)base;
    struct gather gather = {.arena = arena};
    gather.at = &gather.first;
    int err = ensure_stream(capture);
    if (!err) err = gather_some(capture, max, timeout_us, &gather);
    /* What went wrong in the middle of a transaction is gone over again from its start. */
    if (err && !capture->snap_due) pg_stream_stop(&capture->stream);
    if (!gather.cnt) return err;
    join(&gather, out);
    *cnt = gather.cnt;
    return 0;
}

/* ---- acks ---- */

int pg_capture_ack(struct capture *base, uint64_t seq) {
    struct pg_capture *capture = (struct pg_capture *)base;
    size_t cnt = 0;
    if (seq > capture->last_seq)
        return err_fail(ERR_INVAL, "entry %" PRIu64 " was acked but not handed out", seq);
    for (; cnt < capture->mark_cnt && capture->mark[cnt].seq <= seq; cnt++)
        capture->stream.flushed = MAX(capture->stream.flushed, capture->mark[cnt].end_lsn);
    capture->mark_cnt -= cnt;
    if (cnt) memmove(capture->mark, capture->mark + cnt, capture->mark_cnt * sizeof *capture->mark);
    /* A lost connection shows at the next capture_next(). */
    if (pg_stream_tell(&capture->stream, false)) diag_debug("capture", "%s", err_note());
    return 0;
}

void pg_capture_wake(struct capture *base) {
    atomic_store(&((struct pg_capture *)base)->woken, true);
}

/* How far we are behind, and how much log the server keeps for us: the first things to look at when
 * its disk fills. */
static void look_at_slot(struct pg_capture *capture) {
    struct env *env = capture->base.landing->env;
    struct pg_landing *landing = landing_of(capture);
    PGresult *res;
    int64_t now_us = env_mono_us(env);
    if (now_us - capture->lag_us < LAG_US) return;
    capture->lag_us = now_us;
    if (pg_conn_need(&capture->aux, 0) ||
        pg_conn_run(&capture->aux, "SELECT pg_current_wal_lsn() - restart_lsn,"
                    " pg_current_wal_lsn() - confirmed_flush_lsn FROM pg_replication_slots"
                    " WHERE slot_name=$1", &landing->slot, 1, &res)) return;
    if (PQntuples(res)) {
        metric_set(capture->wal_bytes, pg_conn_i64(res, 0, 0));
        capture->behind = MAX(pg_conn_i64(res, 0, 1), 0);
        metric_set(capture->behind_bytes, capture->behind);
    }
    PQclear(res);
}

int pg_capture_lag(struct capture *base, struct capture_lag *out) {
    struct pg_capture *capture = (struct pg_capture *)base;
    look_at_slot(capture);
    for (size_t i = 0; i < capture->mark_cnt; i++) out->cnt += (int64_t)capture->mark[i].cnt;
    if (capture->mark_cnt) out->oldest_us = capture->mark[0].commit_us;
    out->bytes = capture->behind;
    return 0;
}

/* ---- beginning anew ---- */

static void forget(struct pg_capture *capture) {
    struct pg_stream *stream = &capture->stream;
    pg_stream_stop(stream);
    stream->received = stream->flushed = stream->told = 0;
    stream->system[0] = 0;
    while (capture->snap) {
        struct pg_snap *next = capture->snap->next;
        pg_snap_close(capture->snap);
        capture->snap = next;
    }
    capture->snap_due = capture->in_tx = false;
    capture->snap_k = capture->last_seq = 0;
    capture->mark_cnt = 0;
    pg_entry_reset(&capture->entry);
    pg_conn_close(&capture->aux);
}

int pg_capture_renew(struct capture *base) {
    struct pg_capture *capture = (struct pg_capture *)base;
    struct pg_landing *landing = landing_of(capture);
    forget(capture);
    int err = pg_landing_take(landing);
    if (err) return err;
    err = pg_publish_drop_slot(landing, &landing->writer);
    if (!err) err = pg_landing_publish(landing);
    if (!err) err = pg_publish_slot(landing, &landing->writer);
    pg_landing_give(landing);
    return err;
}
