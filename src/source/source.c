/* source.c - the address's scheme picks who fetches; the rows path picks the rows. */
#include "source/source.h"

#include "base/err.h"
#include "base/metric.h"
#include "source/source_ops.h"
#include "wire/json/jsonpath.h"

static const struct source_ops *const all[] = {&http_source_ops, &http_source_ops_tls,
                                               &file_source_ops, &people_source_ops};

static const struct source_ops *ops_of(struct str url) {
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        if (str_starts(url, str_of(all[i]->scheme))) return all[i];
    return NULL;
}

static int pick_rows(const struct source_conf *conf, struct str body, struct arena *arena,
                     struct source_rows *out) {
    const struct jsonpath *path;
    struct json_value *value;
    int err = jsonpath_parse(conf->rows, arena, &path);
    if (err) return err;
    err = jsonpath_find(path, body, arena, &value, &out->cnt);
    if (err)
        return err_add(ERR_INVAL, "the answer of %.*s, which begins '%.*s'", STR_ARG(conf->url),
                       (int)MIN(body.len, 60), body.ptr);
    out->row = arena_array(arena, struct str, out->cnt);
    for (size_t i = 0; i < out->cnt; i++) out->row[i] = value[i].raw;
    return 0;
}

int source_fetch(const struct source_conf *conf, struct arena *arena, struct source_rows *out) {
    static struct metric *fetches, *bytes;
    if (!fetches) {
        bytes = metric_counter("sluice_source_bytes_total", "Bytes fetched, decompressed.", "");
        fetches = metric_counter("sluice_source_fetches_total", "Fetches that got an answer.", "");
    }
    assert(conf->env && conf->url.ptr);
    const struct source_ops *ops = ops_of(conf->url);
    struct str body;
    memset(out, 0, sizeof *out);
    if (!ops)
        return err_fail(ERR_INVAL, "'%.*s': an address starts with http://, https://, file: or "
                        "people:", STR_ARG(conf->url));
    int err = ops->fetch(conf, arena, &body);
    if (err) return err;
    metric_add(fetches, 1);
    metric_add(bytes, (int64_t)body.len);
    out->body_len = body.len;
    return pick_rows(conf, body, arena, out);
}
