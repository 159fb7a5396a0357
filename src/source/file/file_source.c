/* file_source.c - a JSON file as a source: "file:PATH". */
#include "base/err.h"
#include "source/source_ops.h"

static int fetch(const struct source_conf *conf, struct arena *arena, struct str *body) {
    struct str scheme = STR("file:");
    struct str path = {conf->url.ptr + scheme.len, conf->url.len - scheme.len};
    char *text;
    size_t len;
    if (str_starts(path, STR("//"))) path.ptr += 2, path.len -= 2;
    int err = env_read_whole(conf->env, arena_strz(arena, path), SOURCE_BODY_MAX, &text, &len);
    if (err) return err;
    *body = arena_str(arena, (struct str){text, len});
    base_free(text);
    return 0;
}

const struct source_ops file_source_ops = {"file:", fetch};
