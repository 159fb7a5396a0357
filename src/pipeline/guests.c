/* guests.c - other applications' databases: one guest and one captor for each address. */
#include "pipeline/guests.h"

#include "base/err.h"
#include "pipeline/secret.h"

struct guest {
    struct str from; /* as written */
    struct landing *landing;
    struct captor *captor;
    const struct def_capture **capture;
    size_t capture_cnt;
};
struct guests {
    struct guests_conf conf;
    struct arena arena;
    struct guest *guest;
    size_t cnt;
};

static struct guest *guest_of(struct guests *guests, struct str from) {
    for (size_t i = 0; i < guests->cnt; i++)
        if (str_eq(guests->guest[i].from, from)) return &guests->guest[i];
    guests->guest[guests->cnt].from = from;
    return &guests->guest[guests->cnt++];
}

/* Sorts the captures by where they are from. */
static void gather(struct guests *guests, size_t all) {
    const struct guests_conf *conf = &guests->conf;
    guests->guest = arena_array(&guests->arena, struct guest, all);
    for (size_t d = 0; d < conf->def_cnt; d++) {
        for (size_t i = 0; i < conf->def[d]->capture_cnt; i++) {
            const struct def_capture *capture = &conf->def[d]->capture[i];
            if (!capture->from.len) continue;
            struct guest *guest = guest_of(guests, capture->from);
            if (!guest->capture)
                guest->capture = arena_array(&guests->arena, const struct def_capture *, all);
            guest->capture[guest->capture_cnt++] = capture;
        }
    }
}

/* Of sluice.yml: where secrets are looked for. */
static struct str folder_of(struct str file) {
    while (file.len && file.ptr[file.len - 1] != '/') file.len--;
    return file.len > 1 ? (struct str){file.ptr, file.len - 1} : STR("");
}

static int open_guest(struct guests *guests, struct guest *guest) {
    const struct guests_conf *conf = &guests->conf;
    struct secret_in secret = {conf->env, folder_of(conf->conf->file), &guests->arena};
    struct str url;
    int err = secret_url(&secret, guest->from, &url);
    if (err) return err;
    struct landing_conf place = {.env = conf->env, .fence = conf->fence, .guest = true,
                                 .url = arena_strz(&guests->arena, url)};
    err = landing_open(&guest->landing, &place);
    for (size_t i = 0; i < guest->capture_cnt && !err; i++) {
        struct landing_table table = {.name = guest->capture[i]->table, .captured = true};
        err = landing_declare(guest->landing, &table);
    }
    struct captor_conf captor = {conf->env, guest->landing, conf->log, conf->registry,
                                 guest->capture, guest->capture_cnt, conf->landing};
    if (!err) err = captor_open(&guest->captor, &captor);
    return err;
}

int guests_open(struct guests **out, const struct guests_conf *conf) {
    size_t all = 0;
    *out = NULL;
    for (size_t d = 0; d < conf->def_cnt; d++)
        for (size_t i = 0; i < conf->def[d]->capture_cnt; i++)
            all += conf->def[d]->capture[i].from.len > 0;
    if (!all) return 0;
    struct guests *guests = base_calloc(1, sizeof *guests);
    guests->conf = *conf;
    gather(guests, all);
    int err = 0;
    for (size_t i = 0; i < guests->cnt && !err; i++) err = open_guest(guests, &guests->guest[i]);
    if (err) {
        guests_close(guests);
        return err;
    }
    *out = guests;
    return 0;
}

int guests_start(struct guests *guests) {
    int err = 0;
    for (size_t i = 0; i < guests->cnt && !err; i++) err = captor_start(guests->guest[i].captor);
    return err;
}

void guests_close(struct guests *guests) {
    if (!guests) return;
    for (size_t i = 0; i < guests->cnt; i++) {
        captor_close(guests->guest[i].captor);
        landing_close(guests->guest[i].landing);
    }
    arena_fini(&guests->arena);
    base_free(guests);
}

int guests_replay(struct guests *guests, struct str topic) {
    int err = ERR_NOT_FOUND;
    for (size_t i = 0; i < guests->cnt && err == ERR_NOT_FOUND; i++)
        err = captor_replay(guests->guest[i].captor, topic);
    return err;
}

bool guests_stats(struct guests *guests, struct str topic, struct captor_stats *out) {
    for (size_t i = 0; i < guests->cnt; i++)
        if (captor_stats(guests->guest[i].captor, topic, out)) return true;
    return false;
}
