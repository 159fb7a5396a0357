/* lite_recent.c - a queue of outbox entries in memory. */
#include "landing/sqlite/lite_recent.h"

void lite_recent_init(struct lite_recent *recent) {
    memset(recent, 0, sizeof *recent);
    recent->staged_end = &recent->staged;
    recent->end = &recent->first;
    pthread_mutex_init(&recent->lock, NULL);
}

static void drop(struct lite_recent_entry *entry) {
    while (entry) {
        struct lite_recent_entry *next = entry->next;
        base_free(entry);
        entry = next;
    }
}

void lite_recent_fini(struct lite_recent *recent) {
    drop(recent->staged);
    drop(recent->first);
    pthread_mutex_destroy(&recent->lock);
}

void lite_recent_want(struct lite_recent *recent, bool wanted) {
    pthread_mutex_lock(&recent->lock);
    recent->wanted = wanted;
    drop(recent->first);
    recent->first = NULL;
    recent->end = &recent->first;
    recent->bytes = 0;
    pthread_mutex_unlock(&recent->lock);
}

void lite_recent_stage(struct lite_recent *recent, uint64_t seq, int64_t commit_us,
                       struct str body) {
    pthread_mutex_lock(&recent->lock);
    bool fits = recent->bytes + recent->staged_bytes + body.len <= LITE_RECENT_MAX;
    bool take = recent->wanted && fits;
    pthread_mutex_unlock(&recent->lock);
    if (!take) return;
    struct lite_recent_entry *entry = base_alloc(sizeof *entry + body.len);
    *entry = (struct lite_recent_entry){.seq = seq, .commit_us = commit_us, .len = body.len};
    memcpy(entry->body, body.ptr, body.len);
    *recent->staged_end = entry;
    recent->staged_end = &entry->next;
    recent->staged_bytes += body.len;
}

void lite_recent_commit(struct lite_recent *recent) {
    if (!recent->staged) return;
    pthread_mutex_lock(&recent->lock);
    if (recent->wanted) {
        *recent->end = recent->staged;
        recent->end = recent->staged_end;
        recent->bytes += recent->staged_bytes;
        recent->staged = NULL;
    }
    pthread_mutex_unlock(&recent->lock);
    lite_recent_abort(recent); /* what nobody wants any more */
}

void lite_recent_abort(struct lite_recent *recent) {
    drop(recent->staged);
    recent->staged = NULL;
    recent->staged_end = &recent->staged;
    recent->staged_bytes = 0;
}

struct lite_recent_entry *lite_recent_take(struct lite_recent *recent, uint64_t seq) {
    struct lite_recent_entry *entry;
    pthread_mutex_lock(&recent->lock);
    while ((entry = recent->first) && entry->seq <= seq) {
        recent->first = entry->next;
        if (!recent->first) recent->end = &recent->first;
        recent->bytes -= entry->len;
        if (entry->seq == seq) break;
        base_free(entry);
    }
    pthread_mutex_unlock(&recent->lock);
    return entry && entry->seq == seq ? entry : NULL;
}
