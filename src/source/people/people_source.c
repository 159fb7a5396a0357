/* people_source.c - the built-in people as a source: "people:?results=100&seed=abc". */
#include "source/people/people.h"
#include "source/source_ops.h"

static int fetch(const struct source_conf *conf, struct arena *arena, struct str *body) {
    struct people_query query;
    struct str params;
    struct buf out;
    str_cut(conf->url, '?', &params);
    int err = people_parse(conf->env, STR(""), params, &query);
    if (err) return err;
    query.format = PEOPLE_JSON;
    buf_init(&out, PEOPLE_BODY_MAX);
    err = people_write(conf->env, &query, &out);
    if (!err) *body = arena_str(arena, buf_str(&out));
    buf_fini(&out);
    return err;
}

const struct source_ops people_source_ops = {"people:", fetch};
