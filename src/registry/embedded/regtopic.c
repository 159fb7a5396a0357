/* regtopic.c - reading and writing topic `_schemas`. */
#include "registry/embedded/regtopic.h"

#include "base/diag.h"
#include "registry/regtext.h"
#include "wire/json/json.h"
#include "wire/kafka/recbatch.h"

#define READ_MAX  (1 * MIB)
#define VALUE_MAX (8 * MIB) /* a schema's text, each byte escaped at worst */

static const struct str topic_name = {"_schemas", 8};

/* ---- writing ---- */

static void put_key(const struct regtopic_entry *entry, struct buf *key) {
    struct str subject = entry->schema.subject;
    static const char *const kinds[] = {"NOOP", "SCHEMA", "CONFIG", "DELETE_SUBJECT"};
    buf_printf(key, "{\"keytype\":\"%s\",\"subject\":", kinds[entry->kind]);
    if (subject.ptr) buf_json(key, subject);
    else buf_putz(key, "null");
    if (entry->kind == REGTOPIC_SCHEMA) buf_printf(key, ",\"version\":%d", entry->schema.version);
    buf_printf(key, ",\"magic\":%d}", entry->kind == REGTOPIC_SCHEMA);
}

static void put_value(const struct regtopic_entry *entry, struct buf *value) {
    const struct registry_schema *schema = &entry->schema;
    buf_putz(value, "{\"subject\":");
    if (schema->subject.ptr) buf_json(value, schema->subject);
    else buf_putz(value, "null");
    switch (entry->kind) {
    case REGTOPIC_SCHEMA:
        buf_printf(value, ",\"version\":%d,\"id\":%d,", schema->version, schema->id);
        if (schema->kind != REGISTRY_AVRO)
            buf_printf(value, "\"schemaType\":\"%s\",", registry_kind_name(schema->kind));
        buf_putz(value, "\"schema\":");
        buf_json(value, schema->text);
        buf_printf(value, ",\"deleted\":%s}", schema->deleted ? "true" : "false");
        break;
    case REGTOPIC_CONFIG:
        buf_printf(value, ",\"compatibilityLevel\":\"%s\",\"compatibilityPolicy\":\"%s\"}",
                   registry_level_name(entry->config.level),
                   entry->config.strict ? "STRICT" : "LENIENT");
        break;
    default: buf_printf(value, ",\"version\":%d}", schema->version);
    }
}

void regtopic_encode(const struct regtopic_entry *entry, struct buf *key, struct buf *value) {
    assert(entry->kind != REGTOPIC_OTHER);
    put_key(entry, key);
    if (!entry->gone) put_value(entry, value);
}

int regtopic_append(struct log *log, struct env *env, const struct regtopic_entry *entry) {
    struct buf key, value, batch;
    struct recbatch_build build;
    int64_t offset;
    buf_init(&key, VALUE_MAX);
    buf_init(&value, VALUE_MAX);
    buf_init(&batch, RECBATCH_MAX);
    regtopic_encode(entry, &key, &value);
    CHECK(!key.full && !value.full);
    struct record record = {.key = buf_str(&key), .value = buf_str(&value),
                            .ts_ms = env_now_ms(env)};
    if (entry->gone) record.value = STR_NULL;
    recbatch_begin(&build, &batch);
    int err = recbatch_add(&build, &record);
    if (!err) err = recbatch_seal(&build);
    if (!err) err = log_append(log, topic_name, 0, buf_str(&batch), &offset);
    buf_fini(&key);
    buf_fini(&value);
    buf_fini(&batch);
    return err ? registry_fail((enum err)err, 50001, "the schema could not be kept: %s",
                               err_note())
               : 0;
}

/* ---- reading ---- */

static int32_t number_of(const struct json_value *value) {
    int64_t num;
    if (!json_i64(value, &num) || num < 0 || num > INT32_MAX) return 0;
    return (int32_t)num;
}

struct key {
    struct str keytype, subject;
    int32_t version;
};

static int read_key(struct str text, struct arena *arena, struct key *out) {
    struct json in;
    struct json_value value;
    struct str name;
    json_open(&in, text, 0);
    json_object(&in);
    while (json_member(&in, &name)) {
        if (!json_value(&in, &value)) break;
        if (str_eqz(name, "keytype")) out->keytype = json_text(&value, arena);
        if (str_eqz(name, "subject") && value.kind == JSON_STRING)
            out->subject = json_text(&value, arena);
        if (str_eqz(name, "version")) out->version = number_of(&value);
    }
    json_close(&in);
    return json_err(&in);
}

static int read_value(struct str text, struct arena *arena, struct regtopic_entry *out) {
    struct json in;
    struct json_value value;
    struct str name;
    out->config.level = REGISTRY_BACKWARD;
    json_open(&in, text, 0);
    json_object(&in);
    while (json_member(&in, &name)) {
        if (!json_value(&in, &value)) break;
        struct str word = value.kind == JSON_STRING ? json_text(&value, arena) : STR("");
        if (str_eqz(name, "id")) out->schema.id = number_of(&value);
        else if (str_eqz(name, "version")) out->schema.version = number_of(&value);
        else if (str_eqz(name, "schema")) out->schema.text = word;
        else if (str_eqz(name, "schemaType")) regtext_kind(word, &out->schema.kind);
        else if (str_eqz(name, "deleted")) out->schema.deleted = str_eqz(value.raw, "true");
        else if (str_eqz(name, "compatibilityLevel"))
            registry_level_of(word, &out->config.level);
        else if (str_eqz(name, "compatibilityPolicy"))
            out->config.strict = str_eqz(word, "STRICT");
    }
    json_close(&in);
    return json_err(&in);
}

int regtopic_decode(const struct record *record, struct arena *arena,
                    struct regtopic_entry *out) {
    struct key key = {0};
    memset(out, 0, sizeof *out);
    int err = record->key.ptr ? read_key(record->key, arena, &key) : ERR_CORRUPT;
    if (!err && str_eqz(key.keytype, "SCHEMA")) out->kind = REGTOPIC_SCHEMA;
    if (!err && str_eqz(key.keytype, "CONFIG")) out->kind = REGTOPIC_CONFIG;
    if (!err && str_eqz(key.keytype, "DELETE_SUBJECT")) out->kind = REGTOPIC_DELETE_SUBJECT;
    out->gone = !record->value.ptr;
    if (!err && out->kind && !out->gone) err = read_value(record->value, arena, out);
    out->schema.subject = key.subject;
    if (out->kind == REGTOPIC_SCHEMA) out->schema.version = key.version;
    bool sound = out->kind != REGTOPIC_SCHEMA ||
                 (key.subject.ptr && key.version > 0 &&
                  (out->gone || (out->schema.id > 0 && out->schema.text.ptr)));
    if (out->kind == REGTOPIC_DELETE_SUBJECT) sound = key.subject.ptr;
    if (!err && sound) return 0;
    return err_fail(ERR_CORRUPT, "_schemas: the record at offset %" PRId64 " is no entry of a "
                    "registry", record->offset);
}

int regtopic_make(struct log *log) {
    struct log_setting setting = {STR("cleanup.policy"), STR("compact")};
    struct arena arena = ARENA_INIT;
    struct log_topic topic;
    int err = log_topic_get(log, topic_name, &arena, &topic);
    arena_fini(&arena);
    if (err != ERR_NOT_FOUND) return err;
    err = log_topic_create(log, topic_name, 1, &setting, 1);
    return err == ERR_EXISTS ? 0 : err;
}

static int read_part(struct log *log, int64_t *offset, struct arena *arena,
                     int (*each)(void *arg, const struct regtopic_entry *entry), void *arg) {
    struct recbatch_iter it;
    struct record record;
    struct str batches;
    int err = log_read(log, topic_name, 0, *offset, READ_MAX, arena, &batches);
    if (err) return err;
    int64_t next = *offset;
    recbatch_walk(&it, batches, *offset, arena);
    while (!err && recbatch_next(&it, &record)) {
        struct regtopic_entry entry;
        err = regtopic_decode(&record, arena, &entry);
        if (err == ERR_CORRUPT) {
            diag_warn("registry", "%s; it is passed over", err_note());
            err = 0;
        } else if (!err && entry.kind) {
            err = each(arg, &entry);
        }
        next = record.offset + 1;
    }
    if (!err) err = it.err;
    if (!err && next == *offset) {
        /* Batches without records that count: on to what follows them. */
        struct recbatch_head head;
        for (size_t pos = 0; !err && pos < batches.len; pos += head.size) {
            struct str rest = {batches.ptr + pos, batches.len - pos};
            err = recbatch_peek(rest, &head);
            if (!err) next = recbatch_end(&head);
        }
        if (!err && next == *offset) err = err_fail(ERR_CORRUPT, "_schemas: no way past offset %"
                                                    PRId64, next);
    }
    *offset = next;
    return err;
}

int regtopic_read(struct log *log, int (*each)(void *arg, const struct regtopic_entry *entry),
                  void *arg) {
    struct log_span span;
    int err = log_span(log, topic_name, 0, &span);
    for (int64_t offset = span.start; !err && offset < span.end;) {
        struct arena arena = ARENA_INIT;
        err = read_part(log, &offset, &arena, each, arg);
        arena_fini(&arena);
    }
    return err;
}
