/* ktopics.c - topics as clients name them: by name, or since Fetch v13 by id.
 *
 * The log knows names. Ids are remembered here as they are seen; an entry is checked against the
 * log at each use, so that a topic deleted and made again by anybody is never mistaken for the old
 * one. Limits: IDS_MAX ids are remembered, then all are forgotten and learnt anew. */
#include "log/server/kapi.h"

#include "base/err.h"
#include "base/map.h"
#include "log/server/kerr.h"

#define IDS_MAX 20000

struct ktopics {
    struct map names; /* 16 bytes of id -> struct name */
};

struct name {
    size_t len;
    char text[];
};

static struct str id_key(const struct uuid *id) {
    return (struct str){(const char *)id->byte, sizeof id->byte};
}

int ktopics_open(struct ktopics **out) {
    struct ktopics *topics = base_calloc(1, sizeof *topics);
    map_init(&topics->names);
    *out = topics;
    return 0;
}

static void forget_all(struct ktopics *topics) {
    void *value;
    struct str key;
    for (size_t at = 0; map_next(&topics->names, &at, &key, &value);)
        base_free(value);
    map_fini(&topics->names);
    map_init(&topics->names);
}

void ktopics_close(struct ktopics *topics) {
    if (!topics) return;
    forget_all(topics);
    map_fini(&topics->names);
    base_free(topics);
}

bool ktopics_id_is_zero(const struct uuid *id) {
    static const struct uuid zero;
    return !memcmp(id, &zero, sizeof zero);
}

bool ktopics_name_ok(struct str name) {
    if (name.len < 1 || name.len > LOG_TOPIC_MAX) return false;
    if (str_eqz(name, ".") || str_eqz(name, "..")) return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '_' || c == '-';
        if (!ok) return false;
    }
    return true;
}

static void remember(struct ktopics *topics, const struct uuid *id, struct str name) {
    if (map_get(&topics->names, id_key(id))) return;
    if (topics->names.cnt >= IDS_MAX) forget_all(topics);
    struct name *entry = base_alloc(sizeof *entry + name.len);
    entry->len = name.len;
    memcpy(entry->text, name.ptr, name.len);
    map_put(&topics->names, id_key(id), entry);
}

static struct str name_of(const struct ktopics *topics, const struct uuid *id) {
    const struct name *entry = map_get(&topics->names, id_key(id));
    return entry ? (struct str){entry->text, entry->len} : STR_NULL;
}

static int16_t get_by_id(struct kserver *server, const struct uuid *id, struct arena *arena,
                         struct log_topic *out) {
    struct str name = name_of(server->topics, id);
    if (name.ptr && !log_topic_get(server->log, name, arena, out) &&
        !memcmp(&out->id, id, sizeof *id))
        return KERR_NONE;
    struct log_topic *all;
    size_t cnt;
    if (log_topic_list(server->log, arena, &all, &cnt)) return KERR_UNKNOWN_SERVER_ERROR;
    for (size_t i = 0; i < cnt; i++) {
        if (memcmp(&all[i].id, id, sizeof *id)) continue;
        void *old = map_del(&server->topics->names, id_key(id));
        base_free(old);
        remember(server->topics, id, all[i].name);
        *out = all[i];
        return KERR_NONE;
    }
    return KERR_UNKNOWN_TOPIC_ID;
}

int16_t ktopics_get(struct kserver *server, struct str name, const struct uuid *id,
                    struct arena *arena, struct log_topic *out) {
    if (!name.len && id && !ktopics_id_is_zero(id)) return get_by_id(server, id, arena, out);
    if (!ktopics_name_ok(name)) return KERR_INVALID_TOPIC_EXCEPTION;
    int err = log_topic_get(server->log, name, arena, out);
    if (err == ERR_NOT_FOUND) return KERR_UNKNOWN_TOPIC_OR_PARTITION;
    return err ? err_kafka(err) : KERR_NONE;
}

/* Partitions that stand already, over all topics. */
static int count_parts(struct kserver *server, int64_t *out) {
    struct arena arena = ARENA_INIT;
    struct log_topic *all;
    size_t cnt;
    int err = log_topic_list(server->log, &arena, &all, &cnt);
    *out = 0;
    for (size_t i = 0; !err && i < cnt; i++)
        *out += all[i].part_cnt;
    arena_fini(&arena);
    return err;
}

static int check_room(struct kserver *server, struct str name, int32_t parts) {
    int64_t there;
    int err = count_parts(server, &there);
    if (err) return err;
    if (there + parts <= KSERVER_PART_MAX) return 0;
    return err_fail(ERR_TOO_BIG, "topic %.*s: %d partitions more would make more than %d; delete "
                    "topics that are not needed", STR_ARG(name), parts, KSERVER_PART_MAX);
}

int ktopics_grow(struct kserver *server, struct str name, int32_t parts) {
    int err = check_room(server, name, parts);
    return err ? err : log_topic_grow(server->log, name, parts);
}

int ktopics_create(struct kserver *server, struct str name, int32_t parts,
                   const struct log_setting *setting, size_t cnt) {
    int err = check_room(server, name, parts);
    if (err) return err;
    return log_topic_create(server->log, name, parts, setting, cnt);
}
