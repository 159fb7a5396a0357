/* preview_ask.c - a pipeline as a question to a server, and the question read.
 *
 * Only what preview_write() looks at travels, so that a server opens no file it is told of. */
#include "base/err.h"
#include "pipeline/preview.h"

#include <jansson.h>

static void put(struct buf *out, const char *name, struct str text) {
    buf_printf(out, ",\"%s\":", name);
    buf_json(out, text);
}

void preview_ask(const struct def *def, struct buf *out) {
    buf_putz(out, "{\"pipeline\":");
    buf_json(out, def->name);
    put(out, "file", def->file);
    put(out, "schedule", def->schedule);
    buf_putz(out, ",\"fetch\":[");
    for (size_t i = 0; i < def->fetch_cnt; i++) {
        const struct def_fetch *fetch = &def->fetch[i];
        buf_putz(out, i ? ",{\"name\":" : "{\"name\":");
        buf_json(out, fetch->name);
        buf_putz(out, ",\"key\":[");
        for (size_t k = 0; k < fetch->key_cnt; k++) {
            if (k) buf_putc(out, ',');
            buf_json(out, fetch->key[k]);
        }
        buf_putz(out, "]}");
    }
    buf_putz(out, "],\"capture\":[");
    for (size_t i = 0; i < def->capture_cnt; i++) {
        const struct def_capture *capture = &def->capture[i];
        buf_putz(out, i ? ",{\"topic\":" : "{\"topic\":");
        buf_json(out, capture->topic);
        put(out, "table", capture->table);
        buf_printf(out, ",\"format\":%d,\"hide\":%zu,\"partitions\":%d}", (int)capture->format,
                   capture->hide_cnt, capture->partitions);
    }
    buf_putz(out, "],\"transform\":[");
    for (size_t i = 0; i < def->transform_cnt; i++) {
        const struct def_transform *to = &def->transform[i];
        buf_putz(out, i ? ",{\"keyspace\":" : "{\"keyspace\":");
        buf_json(out, to->keyspace);
        put(out, "table", to->table);
        put(out, "name", to->name);
        put(out, "key", to->key);
        put(out, "sql", to->sql);
        put(out, "topic", to->topic);
        buf_putc(out, '}');
    }
    buf_putz(out, "]}");
}

/* ---- reading ---- */

static struct str text_of(const json_t *object, const char *name, struct arena *arena) {
    const json_t *value = json_object_get(object, name);
    if (!json_is_string(value)) return STR("");
    return arena_str(arena, (struct str){json_string_value(value), json_string_length(value)});
}

static int64_t number_of(const json_t *object, const char *name, int64_t low, int64_t high) {
    int64_t value = json_integer_value(json_object_get(object, name));
    return value < low ? low : MIN(value, high);
}

static size_t cnt_of(const json_t *root, const char *name) {
    return MIN(json_array_size(json_object_get(root, name)), (size_t)DEF_MAX);
}

static void read_fetch(const json_t *from, struct arena *arena, struct def_fetch *fetch) {
    const json_t *key = json_object_get(from, "key");
    size_t cnt = MIN(json_array_size(key), (size_t)DEF_MAX);
    struct str *text = arena_array(arena, struct str, cnt + 1);
    for (size_t i = 0; i < cnt; i++) {
        const char *one = json_string_value(json_array_get(key, i));
        text[i] = arena_str(arena, str_of(one ? one : ""));
    }
    *fetch = (struct def_fetch){.name = text_of(from, "name", arena), .key = text, .key_cnt = cnt};
}

static void read_all(const json_t *root, struct arena *arena, struct def *out) {
    out->fetch_cnt = cnt_of(root, "fetch");
    out->capture_cnt = cnt_of(root, "capture");
    out->transform_cnt = cnt_of(root, "transform");
    out->fetch = arena_array(arena, struct def_fetch, out->fetch_cnt + 1);
    out->capture = arena_array(arena, struct def_capture, out->capture_cnt + 1);
    out->transform = arena_array(arena, struct def_transform, out->transform_cnt + 1);
    for (size_t i = 0; i < out->fetch_cnt; i++)
        read_fetch(json_array_get(json_object_get(root, "fetch"), i), arena, &out->fetch[i]);
    for (size_t i = 0; i < out->capture_cnt; i++) {
        const json_t *from = json_array_get(json_object_get(root, "capture"), i);
        out->capture[i] = (struct def_capture){
            .topic = text_of(from, "topic", arena),
            .table = text_of(from, "table", arena),
            .format = (enum def_format)number_of(from, "format", DEF_ROW, DEF_DEBEZIUM),
            .hide_cnt = (size_t)number_of(from, "hide", 0, DEF_MAX),
            .partitions = (int32_t)number_of(from, "partitions", 1, LOG_PART_MAX)};
    }
    for (size_t i = 0; i < out->transform_cnt; i++) {
        const json_t *from = json_array_get(json_object_get(root, "transform"), i);
        out->transform[i] = (struct def_transform){
            .keyspace = text_of(from, "keyspace", arena), .table = text_of(from, "table", arena),
            .name = text_of(from, "name", arena), .key = text_of(from, "key", arena),
            .sql = text_of(from, "sql", arena), .topic = text_of(from, "topic", arena)};
    }
}

int preview_ask_read(struct str asked, struct arena *arena, struct def *out) {
    json_error_t why;
    json_t *root = json_loadb(asked.ptr ? asked.ptr : "", asked.len, 0, &why);
    *out = (struct def){.catchup = false};
    if (!json_is_object(root)) {
        json_decref(root);
        return err_fail(ERR_SYNTAX, "a pipeline as JSON is meant: %s", why.text);
    }
    out->name = text_of(root, "pipeline", arena);
    out->file = text_of(root, "file", arena);
    out->schedule = text_of(root, "schedule", arena);
    read_all(root, arena, out);
    json_decref(root);
    return 0;
}
