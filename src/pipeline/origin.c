/* origin.c - comparing, noting, and choosing numbers that are above all others. */
#include "pipeline/origin.h"

#include "base/civil.h"
#include "base/diag.h"
#include "base/err.h"

#include <stdio.h>

#define STEP    UINT64_C(0x10000) /* between the topics' last number and the first new one */
#define WARN_US CIVIL_DAY_US

void origin_init(struct origin *origin, struct env *env, struct landing *landing,
                 struct landing *keep) {
    *origin = (struct origin){.env = env, .landing = landing, .keep = keep};
    pthread_mutex_init(&origin->lock, NULL);
}

void origin_fini(struct origin *origin) {
    base_free(origin->topic);
    pthread_mutex_destroy(&origin->lock);
}

void origin_add(struct origin *origin, struct str topic) {
    origin->topic = base_realloc(origin->topic, (origin->cnt + 1) * sizeof *origin->topic);
    origin->topic[origin->cnt++] = (struct origin_topic){.name = topic};
}

/* ---- what is kept ---- */

static struct str setting_of(const struct origin_topic *topic, struct arena *arena) {
    return arena_printf(arena, "capture.origin.%.*s", STR_ARG(topic->name));
}

static int read_topic(struct origin *origin, struct origin_topic *topic, struct arena *arena) {
    struct str text, rest, part[3];
    int64_t base;
    int err = landing_setting(origin->keep, setting_of(topic, arena), arena, &text);
    if (err) return err == ERR_NOT_FOUND ? 0 : err;
    rest = text;
    for (int i = 0; i < 3; i++) part[i] = rest.ptr ? str_cut(rest, ' ', &rest) : STR("");
    if (!part[0].len || part[0].len >= sizeof origin->id || str_i64(part[1], &base) || base < 0 ||
        str_i64(part[2], &topic->gap_us))
        return err_fail(ERR_CORRUPT, "the landing's setting capture.origin.%.*s is not readable: "
                        "'%.*s'", STR_ARG(topic->name), (int)MIN(text.len, 80), text.ptr);
    topic->known = true;
    snprintf(topic->why, sizeof topic->why, "%.*s", rest.ptr ? (int)rest.len : 0,
             rest.ptr ? rest.ptr : "");
    origin->base = MAX(origin->base, (uint64_t)base);
    /* Of topics that differ the one that is not of now decides. */
    if (!*origin->id || !str_eqz(part[0], origin->now.id))
        snprintf(origin->id, sizeof origin->id, "%.*s", STR_ARG(part[0]));
    return 0;
}

static void warn(struct origin *origin) {
    const struct origin_topic *newest = NULL;
    struct buf text;
    for (size_t i = 0; i < origin->cnt; i++)
        if (origin->topic[i].gap_us > (newest ? newest->gap_us : 0)) newest = &origin->topic[i];
    buf_init(&text, KIB);
    if (newest) {
        buf_printf(&text, "changes may be missing: %s (", newest->why);
        civil_format(newest->gap_us / 1000000 * 1000000, true, &text);
        buf_putz(&text, "); tables are copied anew; rows deleted meanwhile stay on the topics");
    }
    pthread_mutex_lock(&origin->lock);
    snprintf(origin->warning, sizeof origin->warning, "%.*s", (int)text.len,
             text.len ? text.ptr : "");
    origin->warned_us = newest ? newest->gap_us : 0;
    pthread_mutex_unlock(&origin->lock);
    buf_fini(&text);
}

void origin_warning(struct origin *origin, char out[256]) {
    pthread_mutex_lock(&origin->lock);
    bool fresh = env_now_us(origin->env) - origin->warned_us < WARN_US;
    if (fresh) memcpy(out, origin->warning, sizeof origin->warning);
    else out[0] = 0;
    pthread_mutex_unlock(&origin->lock);
}

static int put_all(struct origin *origin, const char *id) {
    struct arena arena = ARENA_INIT;
    struct landing_tx *tx;
    int err = landing_begin(origin->keep, &tx);
    if (err) return err;
    for (size_t i = 0; i < origin->cnt && !err; i++) {
        const struct origin_topic *topic = &origin->topic[i];
        struct str value = arena_printf(&arena, "%s %" PRIu64 " %" PRId64 " %s", id, origin->base,
                                        topic->gap_us, topic->why);
        err = landing_put_setting(tx, setting_of(topic, &arena), value);
    }
    if (!err) err = landing_commit(tx);
    else landing_abort(tx);
    arena_fini(&arena);
    return err;
}

/* ---- comparing ---- */

static int note_gap(struct origin *origin, const char *why) {
    for (size_t i = 0; i < origin->cnt; i++) {
        struct origin_topic *topic = &origin->topic[i];
        topic->gap_us = env_now_us(origin->env);
        snprintf(topic->why, sizeof topic->why, "%s", why);
    }
    origin->renew = true;
    warn(origin);
    diag_warn("capture", "%s: changes may be missing; the tables are copied anew", why);
    /* Under the old origin still: until it has begun anew, each look finds the same. */
    return put_all(origin, *origin->id ? origin->id : origin->now.id);
}

int origin_look(struct origin *origin) {
    struct arena arena = ARENA_INIT;
    bool known = false;
    int err = capture_origin(origin->landing, &origin->now);
    origin->on = *origin->now.id;
    origin->id[0] = 0;
    for (size_t i = 0; i < origin->cnt && !err && origin->on; i++) {
        err = read_topic(origin, &origin->topic[i], &arena);
        known |= origin->topic[i].known;
    }
    arena_fini(&arena);
    if (err || !origin->on) return err;
    warn(origin);
    if (!known || origin->renew) return 0;
    if (strcmp(origin->id, origin->now.id) != 0)
        return note_gap(origin, "the database is another one, or was restored");
    return origin->now.kept ? 0 : note_gap(origin, origin->now.why);
}

int origin_settle(struct origin *origin, uint64_t last) {
    int err = origin_look(origin);
    if (err || !origin->on) return err;
    bool moved = *origin->id && strcmp(origin->id, origin->now.id) != 0;
    bool back = last > origin->base + origin->now.seq;
    if (back && !moved && !origin->renew)
        err = note_gap(origin, "the database's log ends before what was captured of it");
    if (err || (!back && !moved)) return err;
    origin->base = last >= origin->now.seq ? last - origin->now.seq + STEP : 0;
    if (origin->base < INT64_MAX / 2) return 0;
    return err_fail(ERR_RANGE, "capture: numbers of changes are used up; give the captures other "
                    "topics");
}

int origin_keep(struct origin *origin) {
    if (!origin->on) return 0;
    int err = put_all(origin, origin->now.id);
    if (err) return err;
    snprintf(origin->id, sizeof origin->id, "%s", origin->now.id);
    for (size_t i = 0; i < origin->cnt; i++) origin->topic[i].known = true;
    origin->renew = false;
    return 0;
}
