/* backlog.c - looking at what waits, and remembering it. */
#include "pipeline/backlog.h"

#include "base/diag.h"

#include <stdio.h>

#define LOOK_US 1000000

void backlog_init(struct backlog *backlog, struct env *env, struct landing *landing) {
    *backlog = (struct backlog){.env = env,
                                .landing = landing,
                                .changes_max = BACKLOG_CHANGES,
                                .bytes_max = BACKLOG_MIB * (int64_t)MIB};
    pthread_mutex_init(&backlog->lock, NULL);
}

void backlog_fini(struct backlog *backlog) {
    pthread_mutex_destroy(&backlog->lock);
}

/* Of a limit that is reached; it counts until a tenth is gone. */
static bool is_over(int64_t now, int64_t max, bool before) {
    return now >= (before ? max - max / 10 : max);
}

static void set(struct backlog *backlog, bool full, const char *note) {
    pthread_mutex_lock(&backlog->lock);
    bool news = backlog->full != full;
    backlog->full = full;
    snprintf(backlog->note, sizeof backlog->note, "%s", note);
    pthread_mutex_unlock(&backlog->lock);
    if (news && full) diag_warn("landing", "%s", note);
    if (news && !full) diag_info("landing", "what waited for the log was carried: fetches go on");
}

bool backlog_full(struct backlog *backlog) {
    struct landing_backlog now;
    char note[BACKLOG_NOTE_MAX] = "";
    int64_t mono_us = env_mono_us(backlog->env);
    bool before = backlog->full; /* ours to write */
    if (backlog->looked_us && mono_us - backlog->looked_us < LOOK_US) return before;
    backlog->looked_us = mono_us;
    if (landing_backlog(backlog->landing, &now)) return before; /* it will fail whoever lands */
    bool changes = is_over(now.changes, backlog->changes_max, before);
    bool bytes = is_over(now.bytes, backlog->bytes_max, before);
    if (changes)
        snprintf(note, sizeof note, "fetches pause: %" PRId64 " changes wait for the log, and the "
                 "quota (backlog: changes) is %" PRId64, now.changes, backlog->changes_max);
    else if (bytes)
        snprintf(note, sizeof note, "fetches pause: %" PRId64 " MiB of PostgreSQL's log wait to be "
                 "captured, and the quota (backlog: mib) is %" PRId64, now.bytes / (int64_t)MIB,
                 backlog->bytes_max / (int64_t)MIB);
    set(backlog, changes || bytes, note);
    return changes || bytes;
}

bool backlog_note(struct backlog *backlog, char note[BACKLOG_NOTE_MAX]) {
    pthread_mutex_lock(&backlog->lock);
    bool full = backlog->full;
    memcpy(note, backlog->note, BACKLOG_NOTE_MAX);
    pthread_mutex_unlock(&backlog->lock);
    return full;
}
