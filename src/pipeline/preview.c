/* preview.c - looking for what a pipeline needs, and comparing. */
#include "pipeline/preview.h"

#include "base/err.h"
#include "wire/cql/cqltype.h"
#include "wire/json/jsonschema.h"

#include <stdarg.h>
#include <stdio.h>

#define NAMES_SHOWN 8

enum state { EXISTS, MAKE, WIDEN, CONFLICT, UNKNOWN };

struct look {
    const struct preview *in;
    struct arena arena;
    struct buf *out;
    size_t cnt;
};

/* ---- the answer ---- */

static void put_text(struct look *look, const char *name, struct str text) {
    buf_printf(look->out, ",\"%s\":", name);
    buf_json(look->out, text);
}

static void PRINTF_LIKE(5, 6) say(struct look *look, const char *kind, struct str name,
                                  enum state state, const char *format, ...) {
    static const char *const states[] = {"exists", "make", "widen", "conflict", "unknown"};
    char note[512];
    va_list args;
    va_start(args, format);
    vsnprintf(note, sizeof note, format, args);
    va_end(args);
    buf_printf(look->out, "%s{\"kind\":\"%s\"", look->cnt++ ? "}," : "", kind);
    put_text(look, "name", name);
    put_text(look, "state", str_of(states[state]));
    put_text(look, "note", str_of(note));
}

static void remedy(struct look *look, const char *text) {
    put_text(look, "remedy", str_of(text));
}

/* "a, b, c, ..." of what is added one by one. */
struct names {
    struct buf text;
    size_t cnt;
};

static void add_name(struct names *names, struct str name) {
    if (names->cnt++ >= NAMES_SHOWN) {
        if (names->cnt == NAMES_SHOWN + 1) buf_putz(&names->text, ", ...");
        return;
    }
    if (names->cnt > 1) buf_putz(&names->text, ", ");
    buf_puts(&names->text, name);
}

static struct str list(struct look *look, const struct str *name, size_t cnt) {
    struct names names = {.cnt = 0};
    buf_init(&names.text, 16 * KIB);
    for (size_t i = 0; i < cnt; i++) add_name(&names, name[i]);
    struct str text = cnt ? arena_str(&look->arena, buf_str(&names.text)) : STR("none");
    buf_fini(&names.text);
    return text;
}

/* ---- landing ---- */

static bool find_table(struct look *look, struct str name, struct landing_info *out) {
    struct landing_info *all;
    size_t cnt;
    if (!look->in->landing) return false;
    if (landing_tables(look->in->landing, &look->arena, &all, &cnt)) return false;
    for (size_t i = 0; i < cnt; i++) {
        if (!str_ieq(all[i].name, name)) continue;
        *out = all[i];
        return true;
    }
    return false;
}

static void look_at_fetch(struct look *look, const struct def_fetch *fetch) {
    static const char kind[] = "landing table";
    struct landing_info info;
    struct str want = list(look, fetch->key, fetch->key_cnt);
    if (!look->in->no_landing && !look->in->landing) {
        say(look, kind, fetch->name, UNKNOWN, "the landing database was not looked into");
    } else if (!find_table(look, fetch->name, &info)) {
        say(look, kind, fetch->name, MAKE, "with its first rows; key: %.*s", STR_ARG(want));
    } else {
        struct str have = list(look, info.key, info.key_cnt);
        bool same = info.key_cnt == fetch->key_cnt;
        for (size_t i = 0; same && i < info.key_cnt; i++)
            same = str_eq(info.key[i], fetch->key[i]);
        if (same || (!fetch->key_cnt && !info.row)) {
            say(look, kind, fetch->name, EXISTS, "%u columns, %" PRId64 " rows",
                info.row ? info.row->field_cnt : 0, info.row_cnt);
            return;
        }
        say(look, kind, fetch->name, CONFLICT, "its key is %.*s, the file says %.*s",
            STR_ARG(have), STR_ARG(want));
        remedy(look, "name another table, write the key it has, or drop the table");
    }
}

/* ---- topics and their schemas ---- */

static void look_at_topic(struct look *look, struct str name, int32_t partitions) {
    struct log_topic topic;
    if (!look->in->log) {
        say(look, "topic", name, UNKNOWN, "the log was not looked into");
        return;
    }
    int err = log_topic_get(look->in->log, name, &look->arena, &topic);
    if (err == ERR_NOT_FOUND)
        say(look, "topic", name, MAKE, "%d partition%s", partitions, partitions == 1 ? "" : "s");
    else if (err) say(look, "topic", name, UNKNOWN, "%s", err_note());
    else if (topic.part_cnt == partitions)
        say(look, "topic", name, EXISTS, "%d partition%s", partitions, partitions == 1 ? "" : "s");
    else
        say(look, "topic", name, EXISTS, "it has %d partitions and keeps them; the file says %d",
            topic.part_cnt, partitions);
}

/* The type of a topic's values as registered: ERR_NOT_FOUND, or what is wrong with it. */
static int schema_of(struct look *look, struct str topic, struct registry_schema *schema,
                     const struct type **type) {
    struct str subject = arena_printf(&look->arena, "%.*s-value", STR_ARG(topic));
    if (!look->in->registry) return err_fail(ERR_NOT_FOUND, "no registry was looked into");
    int err = registry_get(look->in->registry, subject, REGISTRY_LATEST, &look->arena, schema);
    if (err) return err;
    if (schema->kind != REGISTRY_JSON)
        return err_fail(ERR_TYPE, "its schema is %s, and only JSON can be read or written here",
                        registry_kind_name(schema->kind));
    return jsonschema_parse(schema->text, &look->arena, type);
}

/* Members that the rows have and the schema has not; of those it has, that are wider. */
static struct str grown(struct look *look, const struct type *schema, const struct type *row) {
    const struct type *both = type_widen(&look->arena, schema, row);
    struct str *name = arena_array(&look->arena, struct str, both->field_cnt + 1);
    size_t cnt = 0;
    for (size_t i = 0; i < both->field_cnt; i++) {
        int at = type_field(schema, both->field[i].name);
        if (at >= 0 && type_eq(schema->field[at].type, both->field[i].type)) continue;
        name[cnt++] = both->field[i].name;
    }
    return cnt ? list(look, name, cnt) : STR_NULL;
}

static void look_at_capture(struct look *look, const struct def_capture *capture) {
    static const char kind[] = "subject";
    struct str name = arena_printf(&look->arena, "%.*s-value", STR_ARG(capture->topic));
    struct registry_schema schema;
    const struct type *type;
    struct landing_info info = {.row = NULL};
    look_at_topic(look, capture->topic, capture->partitions);
    if (!look->in->registry) {
        say(look, kind, name, UNKNOWN, "the registry was not looked into");
        return;
    }
    int err = schema_of(look, capture->topic, &schema, &type);
    if (err == ERR_NOT_FOUND) {
        say(look, kind, name, MAKE, "with the first record");
        return;
    }
    if (err) {
        say(look, kind, name, CONFLICT, "%s", err_note());
        remedy(look, "capture onto a topic of another name, or delete the subject");
        return;
    }
    struct str more = STR_NULL;
    if (capture->format != DEF_DEBEZIUM && !capture->hide_cnt && type->kind == TYPE_STRUCT &&
        find_table(look, capture->table, &info) && info.row)
        more = grown(look, type, info.row);
    if (more.ptr) say(look, kind, name, WIDEN, "by %.*s", STR_ARG(more));
    else say(look, kind, name, EXISTS, "version %d", schema.version);
}

/* ---- tables ---- */

static void look_at_keyspace(struct look *look, struct str name) {
    struct store_keyspace *all;
    size_t cnt = 0;
    bool found = false;
    if (!look->in->store) {
        say(look, "keyspace", name, UNKNOWN, "the store was not looked into");
        return;
    }
    if (store_keyspaces(look->in->store, &look->arena, &all, &cnt)) cnt = 0;
    for (size_t i = 0; i < cnt; i++) found = found || str_eq(all[i].name, name);
    say(look, "keyspace", name, found ? EXISTS : MAKE, "%s", "");
}

/* Opens the sink on a store in memory that has the table as it is; *after is the table then. */
static int rehearse(struct look *look, const struct store_sink_conf *sink,
                    const struct store_table *before, struct store_table *after) {
    struct store_conf conf = {.env = env_real(), .url = "mem:"};
    struct store *store = NULL;
    struct store_sink *opened = NULL;
    struct store_keyspace keyspace = {sink->keyspace, STR("{\"class\": \"SimpleStrategy\", "
                                                          "\"replication_factor\": 1}"), true};
    int err = store_open(&store, &conf);
    if (!err && before) err = store_keyspace_create(store, &keyspace);
    if (!err && before) err = store_table_create(store, before);
    if (!err) err = store_sink_open(store, sink, &opened);
    if (!err) err = store_table_get(store, sink->keyspace, sink->table, &look->arena, after);
    store_sink_close(opened);
    store_close(store);
    return err;
}

static struct str new_columns(struct look *look, const struct store_table *before,
                              const struct store_table *after) {
    struct str *name = arena_array(&look->arena, struct str, after->col_cnt);
    size_t cnt = 0;
    for (size_t i = 0; i < after->col_cnt; i++) {
        bool there = false;
        for (size_t k = 0; k < before->col_cnt && !there; k++)
            there = str_eq(before->col[k].name, after->col[i].name);
        if (!there) name[cnt++] = after->col[i].name;
    }
    return cnt ? list(look, name, cnt) : STR_NULL;
}

static void compare_table(struct look *look, const struct def_transform *to,
                          const struct type *row, const struct store_table *before) {
    struct store_sink_conf sink = {to->keyspace, to->table, row, to->key, 0};
    struct store_table after;
    if (rehearse(look, &sink, before, &after)) {
        say(look, "table", to->name, CONFLICT, "%s", err_note());
        remedy(look, before ? "write into another table, or change the key or the SELECT to what "
                              "it has" : "change the key or the SELECT");
        return;
    }
    struct str more = before ? new_columns(look, before, &after) : STR_NULL;
    if (!before) say(look, "table", to->name, MAKE, "%zu columns", after.col_cnt);
    else if (more.ptr) say(look, "table", to->name, WIDEN, "by %.*s", STR_ARG(more));
    else say(look, "table", to->name, EXISTS, "%zu columns", before->col_cnt);
}

static void look_at_table(struct look *look, const struct def_transform *to) {
    struct store_table before;
    struct registry_schema schema;
    const struct type *source, *row;
    struct stream_query query = {to->sql, to->expect, to->expect_cnt};
    struct stream_errors errors = {NULL, 0};
    struct str topic;
    if (!look->in->store) {
        say(look, "table", to->name, UNKNOWN, "the store was not looked into");
        return;
    }
    bool there = !store_table_get(look->in->store, to->keyspace, to->table, &look->arena, &before);
    int err = schema_of(look, to->topic, &schema, &source);
    if (err == ERR_NOT_FOUND) {
        say(look, "table", to->name, there ? EXISTS : MAKE,
            "its columns are settled when topic %.*s has its first record", STR_ARG(to->topic));
        return;
    }
    if (!err) err = stream_check(&query, source, &look->arena, &row, &topic, &errors);
    if (err) {
        struct str why = errors.cnt ? errors.error[0].text : str_of(err_note());
        say(look, "table", to->name, CONFLICT, "the SQL does not fit topic %.*s: %.*s",
            STR_ARG(to->topic), STR_ARG(why));
        remedy(look, errors.cnt && errors.error[0].hint.len
                         ? arena_strz(&look->arena, errors.error[0].hint)
                         : "look at the topic's schema");
        return;
    }
    compare_table(look, to, row, there ? &before : NULL);
}

/* The quarantine has as many partitions as its source has, or would have. */
static int32_t partitions_of(struct look *look, const struct def *def, struct str name) {
    struct log_topic topic;
    for (size_t i = 0; i < def->capture_cnt; i++)
        if (str_eq(def->capture[i].topic, name)) {
            if (look->in->log && !log_topic_get(look->in->log, name, &look->arena, &topic)) break;
            return def->capture[i].partitions;
        }
    bool there = look->in->log && !log_topic_get(look->in->log, name, &look->arena, &topic);
    return there ? topic.part_cnt : 1;
}

void preview_write(const struct preview *preview, const struct def *def, struct buf *out) {
    struct look look = {.in = preview, .out = out};
    buf_putz(out, "{\"pipeline\":");
    buf_json(out, def->name);
    put_text(&look, "file", def->file);
    put_text(&look, "schedule", def->schedule);
    buf_putz(out, ",\"objects\":[");
    for (size_t i = 0; i < def->fetch_cnt; i++) look_at_fetch(&look, &def->fetch[i]);
    for (size_t i = 0; i < def->capture_cnt; i++) look_at_capture(&look, &def->capture[i]);
    for (size_t i = 0; i < def->transform_cnt; i++) {
        const struct def_transform *to = &def->transform[i];
        bool first = true;
        for (size_t k = 0; k < i; k++)
            first = first && !str_eq(def->transform[k].keyspace, to->keyspace);
        if (first) look_at_keyspace(&look, to->keyspace);
        look_at_table(&look, to);
        struct str name = arena_printf(&look.arena, "%.*s.quarantine", STR_ARG(to->table));
        look_at_topic(&look, name, partitions_of(&look, def, to->topic));
    }
    buf_putz(out, look.cnt ? "}]}" : "]}");
    arena_fini(&look.arena);
}
