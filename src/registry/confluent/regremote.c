/* regremote.c - a registry elsewhere that speaks Confluent's REST: Confluent's own, Karapace,
 * Apicurio, Redpanda's, or another sluice.
 *
 * A schema never changes under its id, so what an id stands for is asked once; a subject's latest
 * version is believed for LATEST_US. What we change ourselves is forgotten at once. A compatibility
 * level, a deletion and a list are always asked for. */
#include "registry/confluent/reghttp.h"
#include "registry/regtext.h"

#include "base/buf.h"
#include "base/map.h"
#include "model/address.h"

#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define LATEST_US 2000000
#define VERSION_US 60000000
#define CACHE_MAX 10000 /* schemas, subjects; past it all is forgotten and learned anew */
#define PAGE      500
#define LIST_MAX  100000

struct known { /* heap, as are its texts */
    enum registry_kind kind;
    char *text;
    int32_t id, version;
    int64_t at_us;
};
struct regremote {
    struct registry base;
    struct reghttp *http;
    pthread_mutex_t lock; /* of the maps */
    struct map ids;       /* "7" -> known */
    struct map latest;    /* subject -> known */
    struct map versions;  /* "1 subject" -> known; what lists show */
};

static struct regremote *remote_of(struct registry *registry) {
    return (struct regremote *)registry;
}

/* ---- what is known ---- */

static void known_free(struct known *known) {
    if (!known) return;
    base_free(known->text);
    base_free(known);
}

static void forget_all(struct map *map) {
    void *value;
    for (size_t at = 0; map_next(map, &at, NULL, &value);) known_free(value);
    map_fini(map);
    map_init(map);
}

static void learn(struct regremote *remote, struct map *map, struct str key,
                  const struct registry_schema *schema) {
    struct known *known = base_calloc(1, sizeof *known);
    *known = (struct known){schema->kind, base_alloc(schema->text.len + 1), schema->id,
                            schema->version, env_mono_us(remote->base.env)};
    memcpy(known->text, schema->text.ptr, schema->text.len);
    known->text[schema->text.len] = 0;
    pthread_mutex_lock(&remote->lock);
    if (map->cnt >= CACHE_MAX) forget_all(map);
    known_free(map_put(map, key, known));
    pthread_mutex_unlock(&remote->lock);
}

static bool recall(struct regremote *remote, struct map *map, struct str key, int64_t max_us,
                   struct arena *arena, struct registry_schema *out) {
    pthread_mutex_lock(&remote->lock);
    const struct known *known = map_get(map, key);
    bool good = known && env_mono_us(remote->base.env) - known->at_us < max_us;
    if (good)
        *out = (struct registry_schema){.subject = STR(""),
                                        .version = known->version,
                                        .id = known->id,
                                        .kind = known->kind,
                                        .text = arena_str(arena, str_of(known->text))};
    pthread_mutex_unlock(&remote->lock);
    return good;
}

static void forget(struct regremote *remote, struct str subject) {
    pthread_mutex_lock(&remote->lock);
    known_free(map_del(&remote->latest, subject));
    forget_all(&remote->versions);
    pthread_mutex_unlock(&remote->lock);
}

/* ---- asking ---- */

static enum err err_of(long status, int64_t code) {
    if (status == 409) return ERR_CONFLICT;
    if (status == 401) return ERR_AUTH;
    if (status == 403) return ERR_DENIED;
    if (status == 404) return ERR_NOT_FOUND;
    return code == 42209 || status == 413 ? ERR_TOO_BIG : ERR_INVAL;
}

/* The registry's own words and number; 409 is 40901 with the newest. */
static int refused(struct regremote *remote, const struct reghttp_call *call, const json_t *root) {
    const char *message = json_string_value(json_object_get(root, "message"));
    int64_t code = json_integer_value(json_object_get(root, "error_code"));
    if (!code || code == 40901) code = call->status;
    if (code < 0 || code > 99999) code = call->status;
    return registry_fail(err_of(call->status, code), (int)code, "registry %s: %.*s: %s",
                         reghttp_hosts(remote->http), STR_ARG(call->path),
                         message ? message : "refused without a reason");
}

/* On 0, *out is the answer, to be json_decref()ed. */
static int ask(struct regremote *remote, struct arena *arena, struct reghttp_call *call,
               json_t **out) {
    *out = NULL;
    int err = reghttp_ask(remote->http, arena, call);
    if (err) return registry_fail((enum err)err, 50003, "%s", err_note());
    json_t *root = json_loadb(call->answer.ptr, call->answer.len,
                              JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (call->status < 200 || call->status > 299) {
        err = refused(remote, call, root);
        json_decref(root);
        return err;
    }
    if (!root)
        return registry_fail(ERR_NET, 50003, "registry %s: %.*s: the answer is no JSON",
                             reghttp_hosts(remote->http), STR_ARG(call->path));
    *out = root;
    return 0;
}

static struct str body_of(struct registry_text text, struct arena *arena) {
    struct buf body;
    buf_init(&body, REGHTTP_BODY_MAX);
    buf_putz(&body, "{\"schema\":");
    buf_json(&body, text.text);
    if (text.kind != REGISTRY_AVRO)
        buf_printf(&body, ",\"schemaType\":\"%s\"", registry_kind_name(text.kind));
    buf_putc(&body, '}');
    struct str copy = arena_str(arena, buf_str(&body));
    buf_fini(&body);
    return copy;
}

static struct str text_in(const json_t *root, const char *name, struct arena *arena) {
    const json_t *value = json_object_get(root, name);
    if (!json_is_string(value)) return STR("");
    return arena_str(arena, (struct str){json_string_value(value), json_string_length(value)});
}

static int number_in(const json_t *root, const char *name, int32_t *out) {
    json_int_t number = json_integer_value(json_object_get(root, name));
    *out = number > 0 && number <= INT32_MAX ? (int32_t)number : 0;
    return *out ? 0 : registry_fail(ERR_NET, 50003, "the registry's answer has no %s", name);
}

static int schema_in(const json_t *root, struct arena *arena, struct registry_schema *out) {
    *out = (struct registry_schema){.subject = text_in(root, "subject", arena),
                                    .text = text_in(root, "schema", arena)};
    if (!regtext_kind(text_in(root, "schemaType", arena), &out->kind))
        return registry_fail(ERR_UNSUPPORTED, 42201, "the registry has a schema of type %.*s, "
                             "which is none of AVRO, JSON and PROTOBUF",
                             STR_ARG(text_in(root, "schemaType", arena)));
    int err = number_in(root, "version", &out->version);
    return err ? err : number_in(root, "id", &out->id);
}

static struct str path_of(struct arena *arena, const char *head, struct str subject,
                          const char *tail) {
    return arena_printf(arena, "%s%.*s%s", head, STR_ARG(address_encode(subject, arena)), tail);
}

/* ---- schemas ---- */

static int remote_find(struct registry *registry, struct str subject, struct registry_text text,
                       bool deleted, struct arena *arena, struct registry_schema *out) {
    struct regremote *remote = remote_of(registry);
    struct reghttp_call call = {
        .method = "POST",
        .path = path_of(arena, "/subjects/", subject, deleted ? "?deleted=true" : ""),
        .body = body_of(text, arena)};
    json_t *root;
    int err = ask(remote, arena, &call, &root);
    if (!err) err = schema_in(root, arena, out);
    json_decref(root);
    return err;
}

static int remote_add(struct registry *registry, struct str subject, struct registry_text text,
                      struct arena *arena, struct registry_schema *out) {
    struct regremote *remote = remote_of(registry);
    struct reghttp_call call = {.method = "POST",
                                .path = path_of(arena, "/subjects/", subject, "/versions"),
                                .body = body_of(text, arena)};
    json_t *root;
    int err = ask(remote, arena, &call, &root);
    json_decref(root);
    forget(remote, subject);
    return err ? err : remote_find(registry, subject, text, false, arena, out);
}

static int remote_get(struct registry *registry, struct str subject, int32_t version,
                      struct arena *arena, struct registry_schema *out) {
    struct regremote *remote = remote_of(registry);
    char tail[32];
    if (version == REGISTRY_LATEST &&
        recall(remote, &remote->latest, subject, LATEST_US, arena, out)) {
        out->subject = arena_str(arena, subject);
        return 0;
    }
    if (version == REGISTRY_LATEST) snprintf(tail, sizeof tail, "/versions/latest");
    else snprintf(tail, sizeof tail, "/versions/%d", version);
    struct reghttp_call call = {.method = "GET",
                                .path = path_of(arena, "/subjects/", subject, tail)};
    json_t *root;
    int err = ask(remote, arena, &call, &root);
    if (!err) err = schema_in(root, arena, out);
    json_decref(root);
    if (!err && version == REGISTRY_LATEST) learn(remote, &remote->latest, subject, out);
    return err;
}

static int remote_by_id(struct registry *registry, int32_t id, struct arena *arena,
                        struct registry_schema *out) {
    struct regremote *remote = remote_of(registry);
    struct str key = arena_printf(arena, "%d", id);
    if (recall(remote, &remote->ids, key, INT64_MAX, arena, out)) return 0;
    struct reghttp_call call = {.method = "GET",
                                .path = arena_printf(arena, "/schemas/ids/%d", id)};
    json_t *root;
    int err = ask(remote, arena, &call, &root);
    if (!err) {
        *out = (struct registry_schema){.subject = STR(""), .id = id,
                                        .text = text_in(root, "schema", arena)};
        if (!regtext_kind(text_in(root, "schemaType", arena), &out->kind))
            err = registry_fail(ERR_UNSUPPORTED, 42201, "schema %d is of an unknown type", id);
    }
    json_decref(root);
    if (!err) learn(remote, &remote->ids, key, out);
    return err;
}

/* ---- lists ---- */

static int by_subject(const void *a, const void *b) {
    const struct registry_schema *one = a, *two = b;
    int order = str_cmp(one->subject, two->subject);
    return order ? order : (one->version > two->version) - (one->version < two->version);
}

struct list {
    struct registry_schema *schema; /* heap */
    size_t cnt, cap;
};

static void list_add(struct list *list, const struct registry_schema *schema) {
    if (list->cnt == list->cap) {
        list->cap = list->cap ? list->cap * 2 : 64;
        list->schema = base_realloc(list->schema, list->cap * sizeof *list->schema);
    }
    list->schema[list->cnt++] = *schema;
}

static int take_page(struct list *list, const json_t *root, struct str subject,
                     struct arena *arena) {
    size_t i;
    json_t *one;
    int err = 0;
    json_array_foreach(root, i, one) {
        struct registry_schema schema;
        err = schema_in(one, arena, &schema);
        if (err) break;
        if (subject.ptr && !str_eq(subject, schema.subject)) continue;
        list_add(list, &schema);
    }
    return err;
}

/* ---- one by one, where the list of all does not say what is whose ---- */

static int names_of(struct regremote *remote, bool deleted, struct arena *arena, struct str **out,
                    size_t *cnt) {
    struct reghttp_call call = {.method = "GET",
                                .path = deleted ? STR("/subjects?deleted=true")
                                                : STR("/subjects")};
    json_t *root, *one;
    size_t i;
    *out = NULL, *cnt = 0;
    int err = ask(remote, arena, &call, &root);
    if (!err) *out = arena_array(arena, struct str, json_array_size(root) + 1);
    json_array_foreach(root, i, one)
        if (json_is_string(one) && *cnt < LIST_MAX)
            (*out)[(*cnt)++] = arena_str(arena, (struct str){json_string_value(one),
                                                             json_string_length(one)});
    json_decref(root);
    return err;
}

/* What a version holds is believed for a while: it only changes when it is deleted for good. */
static int one_version(struct regremote *remote, struct str subject, int32_t version,
                       struct arena *arena, struct registry_schema *out) {
    char tail[64];
    snprintf(tail, sizeof tail, "/versions/%d?deleted=true", version);
    struct str key = arena_printf(arena, "%d %.*s", version, STR_ARG(subject));
    struct reghttp_call call = {.method = "GET",
                                .path = path_of(arena, "/subjects/", subject, tail)};
    json_t *root;
    if (recall(remote, &remote->versions, key, VERSION_US, arena, out)) {
        out->subject = subject;
        return 0;
    }
    int err = ask(remote, arena, &call, &root);
    if (!err) err = schema_in(root, arena, out);
    json_decref(root);
    if (!err) learn(remote, &remote->versions, key, out);
    return err;
}

static int list_subject(struct regremote *remote, struct str subject, bool deleted,
                        struct arena *arena, struct list *out) {
    struct reghttp_call call = {.method = "GET",
                                .path = path_of(arena, "/subjects/", subject,
                                                deleted ? "/versions?deleted=true"
                                                        : "/versions")};
    json_t *root, *one;
    size_t i;
    int err = ask(remote, arena, &call, &root);
    json_array_foreach(root, i, one) {
        struct registry_schema schema;
        json_int_t version = json_integer_value(one);
        if (err || version < 1 || version > INT32_MAX || out->cnt >= LIST_MAX) break;
        err = one_version(remote, subject, (int32_t)version, arena, &schema);
        if (err == ERR_NOT_FOUND) err = 0; /* gone meanwhile */
        else if (!err) list_add(out, &schema);
    }
    json_decref(root);
    return err == ERR_NOT_FOUND ? 0 : err;
}

static int list_each(struct regremote *remote, struct str subject, bool deleted,
                     struct arena *arena, struct list *out) {
    struct str *name;
    size_t cnt;
    if (subject.ptr) return list_subject(remote, subject, deleted, arena, out);
    int err = names_of(remote, deleted, arena, &name, &cnt);
    for (size_t i = 0; i < cnt && !err; i++)
        err = list_subject(remote, name[i], deleted, arena, out);
    return err;
}

static int by_text(const void *a, const void *b) {
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static int remote_subjects(struct registry *registry, struct arena *arena, struct str **out,
                           size_t *cnt) {
    int err = names_of(remote_of(registry), false, arena, out, cnt);
    if (*cnt) qsort(*out, *cnt, sizeof **out, by_text);
    return err;
}

/* Page by page, until one is not full: an old registry that knows no pages gives all at once, and
 * the same again, which the limit ends. */
static int list_all(struct regremote *remote, struct str subject, bool deleted,
                    struct arena *arena, struct list *out) {
    struct str prefix = subject.ptr ? path_of(arena, "&subjectPrefix=", subject, "") : STR("");
    int err = 0;
    for (size_t skip = 0, got = PAGE; got == PAGE && skip < LIST_MAX && !err; skip += PAGE) {
        struct reghttp_call call = {
            .method = "GET",
            .path = arena_printf(arena, "/schemas?deleted=%s&offset=%zu&limit=%d%.*s",
                                 deleted ? "true" : "false", skip, PAGE, STR_ARG(prefix))};
        json_t *root;
        err = ask(remote, arena, &call, &root);
        got = json_array_size(root);
        /* Apicurio's entries are texts only; registries before Confluent's 6 have no such list. */
        bool bare = err == ERR_NOT_FOUND ||
                    (got && !json_object_get(json_array_get(root, 0), "subject"));
        if (!err && !bare) err = take_page(out, root, subject, arena);
        json_decref(root);
        if (!bare) continue;
        err = list_each(remote, subject, deleted, arena, out);
        break;
    }
    if (out->cnt) qsort(out->schema, out->cnt, sizeof *out->schema, by_subject);
    return err;
}

static bool is_in(const struct list *list, const struct registry_schema *schema) {
    return list->cnt && bsearch(schema, list->schema, list->cnt, sizeof *schema, by_subject);
}

static int remote_list(struct registry *registry, struct str subject, enum registry_show show,
                       struct arena *arena, struct registry_schema **out, size_t *cnt) {
    struct regremote *remote = remote_of(registry);
    struct list live = {0}, all = {0};
    int err = list_all(remote, subject, false, arena, &live);
    if (!err && show != REGISTRY_LIVE) err = list_all(remote, subject, true, arena, &all);
    const struct list *from = show == REGISTRY_LIVE ? &live : &all;
    *out = arena_array(arena, struct registry_schema, from->cnt + 1);
    for (size_t i = 0; i < from->cnt && !err; i++) {
        struct registry_schema schema = from->schema[i];
        schema.deleted = show != REGISTRY_LIVE && !is_in(&live, &schema);
        if (show != REGISTRY_ONLY_DELETED || schema.deleted) (*out)[(*cnt)++] = schema;
    }
    base_free(live.schema);
    base_free(all.schema);
    return err;
}

/* ---- deleting ---- */

static int remote_delete(struct registry *registry, struct str subject, int32_t version,
                         bool permanent, struct arena *arena, struct registry_gone *out) {
    struct regremote *remote = remote_of(registry);
    const char *tail = permanent ? "?permanent=true" : "";
    char text[64];
    if (version == REGISTRY_ALL) snprintf(text, sizeof text, "%s", tail);
    else if (version == REGISTRY_LATEST) snprintf(text, sizeof text, "/versions/latest%s", tail);
    else snprintf(text, sizeof text, "/versions/%d%s", version, tail);
    struct reghttp_call call = {.method = "DELETE",
                                .path = path_of(arena, "/subjects/", subject, text),
                                .once = true};
    json_t *root, *one;
    size_t i;
    int err = ask(remote, arena, &call, &root);
    forget(remote, subject);
    if (!err) {
        out->version = arena_array(arena, int32_t, json_array_size(root) + 1);
        if (json_is_integer(root)) out->version[out->cnt++] = (int32_t)json_integer_value(root);
        json_array_foreach(root, i, one)
            out->version[out->cnt++] = (int32_t)json_integer_value(one);
    }
    json_decref(root);
    return err;
}

/* ---- configuration ---- */

static int read_config(struct regremote *remote, struct str subject, struct arena *arena,
                       struct registry_config *out) {
    struct reghttp_call call = {.method = "GET",
                                .path = subject.ptr ? path_of(arena, "/config/", subject, "")
                                                    : STR("/config")};
    json_t *root;
    int err = ask(remote, arena, &call, &root);
    if (!err) {
        struct str level = text_in(root, "compatibilityLevel", arena);
        struct str policy = text_in(root, "compatibilityPolicy", arena);
        *out = (struct registry_config){.strict = str_ieq(policy, STR("STRICT")), .own = true};
        if (!registry_level_of(level, &out->level))
            err = registry_fail(ERR_NET, 50003, "the registry names a level '%.*s'",
                                STR_ARG(level));
    }
    json_decref(root);
    return err;
}

static int remote_config(struct registry *registry, struct str subject,
                         struct registry_config *out) {
    struct regremote *remote = remote_of(registry);
    struct arena arena = ARENA_INIT;
    int err = read_config(remote, subject, &arena, out);
    if (err == ERR_NOT_FOUND && subject.ptr) {
        err = read_config(remote, STR_NULL, &arena, out);
        out->own = false;
    }
    arena_fini(&arena);
    return err;
}

/* The policy is only said where it changes: not every registry knows it. */
static int remote_set_config(struct registry *registry, struct str subject,
                             const struct registry_config *config) {
    struct regremote *remote = remote_of(registry);
    struct arena arena = ARENA_INIT;
    struct registry_config now = {0};
    struct reghttp_call call = {.method = config ? "PUT" : "DELETE",
                                .path = subject.ptr ? path_of(&arena, "/config/", subject, "")
                                                    : STR("/config")};
    json_t *root = NULL;
    int err = config ? remote_config(registry, subject, &now) : 0;
    if (!err && config)
        call.body = arena_printf(&arena, "{\"compatibility\":\"%s\"%s}",
                                 registry_level_name(config->level),
                                 config->strict == now.strict ? ""
                                 : config->strict ? ",\"compatibilityPolicy\":\"STRICT\""
                                                  : ",\"compatibilityPolicy\":\"LENIENT\"");
    if (!err) err = ask(remote, &arena, &call, &root);
    if (err == ERR_NOT_FOUND && !config) err = 0;
    json_decref(root);
    arena_fini(&arena);
    return err;
}

static int remote_check(struct registry *registry, struct str subject, int32_t version,
                        struct registry_text text, struct arena *arena,
                        struct registry_verdict *out) {
    struct regremote *remote = remote_of(registry);
    char tail[64];
    if (version == REGISTRY_ALL) snprintf(tail, sizeof tail, "/versions?verbose=true");
    else if (version == REGISTRY_LATEST)
        snprintf(tail, sizeof tail, "/versions/latest?verbose=true");
    else snprintf(tail, sizeof tail, "/versions/%d?verbose=true", version);
    struct reghttp_call call = {
        .method = "POST",
        .path = path_of(arena, "/compatibility/subjects/", subject, tail),
        .body = body_of(text, arena)};
    json_t *root;
    int err = ask(remote, arena, &call, &root);
    if (!err && !json_is_true(json_object_get(root, "is_compatible"))) {
        const json_t *messages = json_object_get(root, "messages");
        size_t cnt = json_array_size(messages);
        out->why = arena_array(arena, struct str, cnt + 1);
        for (size_t i = 0; i < cnt; i++) {
            const char *why = json_string_value(json_array_get(messages, i));
            if (why) out->why[out->cnt++] = arena_str(arena, str_of(why));
        }
        if (!out->cnt) out->why[out->cnt++] = STR("the registry says no, and not why");
    }
    json_decref(root);
    return err;
}

/* ---- opening ---- */

static void remote_close(struct registry *registry) {
    struct regremote *remote = remote_of(registry);
    reghttp_close(remote->http);
    forget_all(&remote->ids);
    forget_all(&remote->latest);
    forget_all(&remote->versions);
    map_fini(&remote->ids);
    map_fini(&remote->versions);
    map_fini(&remote->latest);
    pthread_mutex_destroy(&remote->lock);
    base_free(remote);
}

static int remote_state(struct registry *registry) {
    return reghttp_state(remote_of(registry)->http);
}

/* Reaches nobody: a registry that is not there yet is waited for by whoever asks. */
static int open_as(struct registry **out, const struct registry_conf *conf,
                   const struct registry_ops *ops) {
    struct regremote *remote = base_calloc(1, sizeof *remote);
    remote->base = (struct registry){.ops = ops, .env = conf->env};
    pthread_mutex_init(&remote->lock, NULL);
    map_init(&remote->ids);
    map_init(&remote->latest);
    map_init(&remote->versions);
    int err = reghttp_open(&remote->http, conf, str_of(conf->url));
    if (err) {
        remote_close(&remote->base);
        return err;
    }
    *out = &remote->base;
    return 0;
}

static int open_http(struct registry **out, const struct registry_conf *conf,
                     struct str place UNUSED) {
    return open_as(out, conf, &regremote_ops);
}

static int open_https(struct registry **out, const struct registry_conf *conf,
                      struct str place UNUSED) {
    return open_as(out, conf, &regremote_ops_tls);
}

#define TABLE(scheme, opens)                                                                       \
    {                                                                                              \
        .name = scheme, .open = opens, .doctor = regdoctor_look, .close = remote_close,            \
        .add = remote_add, .get = remote_get, .by_id = remote_by_id, .find = remote_find,          \
        .list = remote_list, .subjects = remote_subjects,                                          \
        .del = remote_delete, .config = remote_config, .set_config = remote_set_config,            \
        .check = remote_check, .state = remote_state,                                              \
    }
const struct registry_ops regremote_ops = TABLE("http", open_http);
const struct registry_ops regremote_ops_tls = TABLE("https", open_https);
