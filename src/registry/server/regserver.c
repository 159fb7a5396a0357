/* regserver.c - routes of the registry's REST API: read the request, ask, format the answer. */
#include "registry/server/regserver.h"

#include "base/err.h"
#include "net/http.h"
#include "registry/regtext.h"

#include <jansson.h>

#define TYPE       "application/vnd.schemaregistry.v1+json"
#define ANSWER_MAX (64 * MIB)
#define LIST_MAX   1000 /* of GET /schemas, unless asked for fewer */

struct regserver {
    struct http *http;
    struct registry *registry;
};

/* ---- answers ---- */

static void put_error(struct buf *out, int code, struct str text) {
    buf_printf(out, "{\"error_code\":%d,\"message\":", code);
    buf_json(out, text);
    buf_putc(out, '}');
}

static void error_body(struct buf *out, int status, int err UNUSED, struct str text) {
    put_error(out, status, text);
}

static void refuse(struct http_req *req, int code, const char *text) {
    struct buf out;
    buf_init(&out, MIB);
    put_error(&out, code, str_of(text));
    http_reply(req, code >= 10000 ? code / 100 : code, TYPE, buf_str(&out));
    buf_fini(&out);
}

static void refuse_err(struct http_req *req) {
    int code = registry_code();
    refuse(req, code ? code : 50001, err_note());
}

/* Sends and frees it. */
static void answer(struct http_req *req, struct buf *out) {
    if (out->full) refuse(req, 50001, "the answer is too long; ask for less");
    else http_reply(req, 200, TYPE, buf_str(out));
    buf_fini(out);
}

static void answer_text(struct http_req *req, const char *text) {
    http_reply(req, 200, TYPE, str_of(text));
}

static void put_schema(struct buf *out, const struct registry_schema *schema) {
    buf_putz(out, "{\"subject\":");
    buf_json(out, schema->subject);
    buf_printf(out, ",\"version\":%d,\"id\":%d,", schema->version, schema->id);
    if (schema->kind != REGISTRY_AVRO)
        buf_printf(out, "\"schemaType\":\"%s\",", registry_kind_name(schema->kind));
    buf_putz(out, "\"schema\":");
    buf_json(out, schema->text);
    buf_putc(out, '}');
}

static void answer_schema(struct http_req *req, const struct registry_schema *schema) {
    struct buf out;
    buf_init(&out, ANSWER_MAX);
    put_schema(&out, schema);
    answer(req, &out);
}

static void answer_versions(struct http_req *req, const struct registry_gone *gone) {
    struct buf out;
    buf_init(&out, ANSWER_MAX);
    buf_putc(&out, '[');
    for (size_t i = 0; i < gone->cnt; i++) buf_printf(&out, "%s%d", i ? "," : "", gone->version[i]);
    buf_putc(&out, ']');
    answer(req, &out);
}

/* ---- requests ---- */

static bool asked(struct http_req *req, const char *name) {
    return str_ieq(http_query(req, name), STR("true"));
}

static enum registry_show shown(struct http_req *req) {
    if (asked(req, "deletedOnly")) return REGISTRY_ONLY_DELETED;
    return asked(req, "deleted") ? REGISTRY_WITH_DELETED : REGISTRY_LIVE;
}

static size_t asked_size(struct http_req *req, const char *name, size_t otherwise) {
    int64_t num;
    struct str text = http_query(req, name);
    if (!text.ptr || str_i64(text, &num) || num < 0) return otherwise;
    return (size_t)num;
}

static bool read_version(struct http_req *req, int32_t *out) {
    struct str text = http_param(req, "version");
    int64_t num = 0;
    *out = REGISTRY_LATEST;
    if (str_eqz(text, "latest") || str_eqz(text, "-1")) return true;
    if (!str_i64(text, &num) && num >= 1 && num <= INT32_MAX) {
        *out = (int32_t)num;
        return true;
    }
    refuse(req, 42202, "The specified version is not a valid version id. Allowed values are "
           "between [1, 2^31-1] and the string \"latest\"");
    return false;
}

static bool read_id(struct http_req *req, int32_t *out) {
    int64_t num = 0;
    *out = 0;
    if (str_i64(http_param(req, "id"), &num) || num < 0 || num > INT32_MAX) {
        refuse(req, 404, "HTTP 404 Not Found");
        return false;
    }
    *out = (int32_t)num;
    return true;
}

static json_t *read_body(struct http_req *req) {
    struct str body = http_body(req);
    json_error_t error;
    json_t *json = json_loadb(body.ptr, body.len, JSON_ALLOW_NUL, &error);
    if (!json_is_object(json)) {
        json_decref(json);
        refuse(req, 400, "the body is not a JSON object");
        return NULL;
    }
    return json;
}

/* The schema of a body; false when an answer was sent. */
static bool read_schema(struct http_req *req, struct registry_text *out) {
    json_t *body = read_body(req);
    if (!body) return false;
    json_t *schema = json_object_get(body, "schema"), *type = json_object_get(body, "schemaType");
    bool ok = json_is_string(schema) && (!type || json_is_null(type) || json_is_string(type));
    struct str name = str_of(json_string_value(type));
    if (!ok) {
        refuse(req, 42201, "the body has no text \"schema\"");
    } else if (!regtext_kind(name.ptr ? name : STR(""), &out->kind)) {
        ok = false;
        refuse(req, 42201, "schemaType is JSON or AVRO");
    } else if (json_array_size(json_object_get(body, "references"))) {
        ok = false;
        refuse(req, 42201, "references to other schemas are not supported");
    } else {
        struct str text = {json_string_value(schema), json_string_length(schema)};
        out->text = arena_str(http_arena(req), text);
    }
    json_decref(body);
    return ok;
}

/* ---- schemas ---- */

static void get_root(void *self UNUSED, struct http_req *req) {
    answer_text(req, "{}");
}

static void get_types(void *self UNUSED, struct http_req *req) {
    answer_text(req, "[\"JSON\",\"AVRO\"]");
}

static void get_by_id(void *self, struct http_req *req) {
    struct regserver *server = self;
    struct registry_schema schema;
    struct buf out;
    int32_t id;
    if (!read_id(req, &id)) return;
    if (registry_by_id(server->registry, id, http_arena(req), &schema)) {
        refuse_err(req);
        return;
    }
    buf_init(&out, ANSWER_MAX);
    buf_putc(&out, '{');
    if (schema.kind != REGISTRY_AVRO)
        buf_printf(&out, "\"schemaType\":\"%s\",", registry_kind_name(schema.kind));
    buf_putz(&out, "\"schema\":");
    buf_json(&out, schema.text);
    buf_putc(&out, '}');
    answer(req, &out);
}

static void get_text_by_id(void *self, struct http_req *req) {
    struct regserver *server = self;
    struct registry_schema schema;
    int32_t id;
    if (!read_id(req, &id)) return;
    if (registry_by_id(server->registry, id, http_arena(req), &schema)) refuse_err(req);
    else http_reply(req, 200, TYPE, schema.text);
}

/* Who uses an id: as subjects, or as subjects with versions. */
static void answer_uses(struct regserver *server, struct http_req *req, bool versions) {
    struct registry_schema schema, *list;
    size_t cnt;
    int32_t id;
    if (!read_id(req, &id)) return;
    struct arena *arena = http_arena(req);
    if (registry_by_id(server->registry, id, arena, &schema) ||
        registry_list(server->registry, STR_NULL, shown(req), arena, &list, &cnt)) {
        refuse_err(req);
        return;
    }
    struct buf out;
    struct str last = STR_NULL;
    char mark = '[';
    buf_init(&out, ANSWER_MAX);
    for (size_t i = 0; i < cnt; i++) {
        if (list[i].id != id) continue;
        if (!versions && last.ptr && str_eq(last, list[i].subject)) continue;
        last = list[i].subject;
        buf_putc(&out, mark);
        mark = ',';
        if (versions) buf_putz(&out, "{\"subject\":");
        buf_json(&out, last);
        if (versions) buf_printf(&out, ",\"version\":%d}", list[i].version);
    }
    buf_putz(&out, mark == '[' ? "[]" : "]");
    answer(req, &out);
}

static void get_id_subjects(void *self, struct http_req *req) {
    answer_uses(self, req, false);
}

static void get_id_versions(void *self, struct http_req *req) {
    answer_uses(self, req, true);
}

static void get_schemas(void *self, struct http_req *req) {
    struct regserver *server = self;
    struct registry_schema *list;
    size_t cnt, skip = asked_size(req, "offset", 0), limit = asked_size(req, "limit", LIST_MAX);
    struct str prefix = http_query(req, "subjectPrefix");
    bool latest = asked(req, "latestOnly");
    if (registry_list(server->registry, STR_NULL, shown(req), http_arena(req), &list, &cnt)) {
        refuse_err(req);
        return;
    }
    struct buf out;
    char mark = '[';
    buf_init(&out, ANSWER_MAX);
    for (size_t i = 0; i < cnt && limit; i++) {
        if (prefix.ptr && !str_starts(list[i].subject, prefix)) continue;
        if (latest && i + 1 < cnt && str_eq(list[i].subject, list[i + 1].subject)) continue;
        if (skip) {
            skip--;
            continue;
        }
        buf_putc(&out, mark);
        mark = ',';
        put_schema(&out, &list[i]);
        limit--;
    }
    buf_putz(&out, mark == '[' ? "[]" : "]");
    answer(req, &out);
}

/* ---- subjects ---- */

static void get_subjects(void *self, struct http_req *req) {
    struct regserver *server = self;
    struct registry_schema *list;
    size_t cnt;
    struct str prefix = http_query(req, "subjectPrefix");
    if (registry_list(server->registry, STR_NULL, shown(req), http_arena(req), &list, &cnt)) {
        refuse_err(req);
        return;
    }
    struct buf out;
    char mark = '[';
    buf_init(&out, ANSWER_MAX);
    for (size_t i = 0; i < cnt; i++) {
        if (i && str_eq(list[i].subject, list[i - 1].subject)) continue;
        if (prefix.ptr && !str_starts(list[i].subject, prefix)) continue;
        buf_putc(&out, mark);
        mark = ',';
        buf_json(&out, list[i].subject);
    }
    buf_putz(&out, mark == '[' ? "[]" : "]");
    answer(req, &out);
}

static void get_versions(void *self, struct http_req *req) {
    struct regserver *server = self;
    struct registry_schema *list;
    struct registry_gone versions = {NULL, 0};
    struct arena *arena = http_arena(req);
    size_t cnt;
    if (registry_list(server->registry, http_param(req, "subject"), shown(req), arena, &list,
                      &cnt)) {
        refuse_err(req);
        return;
    }
    if (!cnt) {
        refuse(req, 40401,
               arena_printf(arena, "Subject '%.*s' not found.",
                            STR_ARG(http_param(req, "subject"))).ptr);
        return;
    }
    versions.version = arena_array(arena, int32_t, cnt);
    for (size_t i = 0; i < cnt; i++) versions.version[versions.cnt++] = list[i].version;
    answer_versions(req, &versions);
}

static void post_version(void *self, struct http_req *req) {
    struct regserver *server = self;
    struct registry_schema schema;
    struct registry_text text;
    struct buf out;
    if (!read_schema(req, &text)) return;
    if (registry_register(server->registry, http_param(req, "subject"), text.kind, text.text,
                          http_arena(req), &schema)) {
        refuse_err(req);
        return;
    }
    buf_init(&out, ANSWER_MAX);
    buf_printf(&out, "{\"id\":%d}", schema.id);
    answer(req, &out);
}

static bool get_schema(struct regserver *server, struct http_req *req,
                       struct registry_schema *out) {
    int32_t version;
    if (!read_version(req, &version)) return false;
    struct str subject = http_param(req, "subject");
    int err = registry_get(server->registry, subject, version, http_arena(req), out);
    if (!err) return true;
    struct registry_schema *list;
    size_t cnt = 0;
    if (err == ERR_NOT_FOUND && asked(req, "deleted") && version != REGISTRY_LATEST &&
        registry_list(server->registry, subject, REGISTRY_ONLY_DELETED, http_arena(req), &list,
                      &cnt))
        cnt = 0;
    for (size_t i = 0; i < cnt; i++) {
        if (list[i].version != version) continue;
        *out = list[i];
        return true;
    }
    refuse_err(req);
    return false;
}

static void get_version(void *self, struct http_req *req) {
    struct registry_schema schema;
    if (get_schema(self, req, &schema)) answer_schema(req, &schema);
}

static void get_version_text(void *self, struct http_req *req) {
    struct registry_schema schema;
    if (get_schema(self, req, &schema)) http_reply(req, 200, TYPE, schema.text);
}

static void post_lookup(void *self, struct http_req *req) {
    struct regserver *server = self;
    struct registry_schema schema;
    struct registry_text text;
    if (!read_schema(req, &text)) return;
    if (registry_find(server->registry, http_param(req, "subject"), text, asked(req, "deleted"),
                      http_arena(req), &schema))
        refuse_err(req);
    else answer_schema(req, &schema);
}

static void delete_subject(void *self, struct http_req *req) {
    struct regserver *server = self;
    struct registry_gone gone;
    if (registry_delete(server->registry, http_param(req, "subject"), REGISTRY_ALL,
                        asked(req, "permanent"), http_arena(req), &gone))
        refuse_err(req);
    else answer_versions(req, &gone);
}

static void delete_version(void *self, struct http_req *req) {
    struct regserver *server = self;
    struct registry_gone gone;
    int32_t version;
    if (!read_version(req, &version)) return;
    if (registry_delete(server->registry, http_param(req, "subject"), version,
                        asked(req, "permanent"), http_arena(req), &gone)) {
        refuse_err(req);
        return;
    }
    struct buf out;
    buf_init(&out, ANSWER_MAX);
    buf_printf(&out, "%d", gone.cnt ? gone.version[0] : 0);
    answer(req, &out);
}

/* ---- compatibility and configuration ---- */

static void answer_check(struct regserver *server, struct http_req *req, int32_t version) {
    struct registry_verdict verdict;
    struct registry_text text;
    if (!read_schema(req, &text)) return;
    if (registry_check(server->registry, http_param(req, "subject"), version, text,
                       http_arena(req), &verdict)) {
        refuse_err(req);
        return;
    }
    struct buf out;
    buf_init(&out, ANSWER_MAX);
    buf_printf(&out, "{\"is_compatible\":%s", verdict.cnt ? "false" : "true");
    if (asked(req, "verbose")) {
        buf_putz(&out, ",\"messages\":[");
        for (size_t i = 0; i < verdict.cnt; i++) {
            if (i) buf_putc(&out, ',');
            buf_json(&out, verdict.why[i]);
        }
        buf_putc(&out, ']');
    }
    buf_putc(&out, '}');
    answer(req, &out);
}

static void post_check(void *self, struct http_req *req) {
    int32_t version;
    if (read_version(req, &version)) answer_check(self, req, version);
}

static void post_check_all(void *self, struct http_req *req) {
    answer_check(self, req, REGISTRY_ALL);
}

static struct str subject_of(struct http_req *req) {
    struct str subject = http_param(req, "subject");
    return subject.len ? subject : STR_NULL;
}

static void answer_config(struct http_req *req, const char *name,
                          const struct registry_config *config) {
    struct buf out;
    buf_init(&out, ANSWER_MAX);
    buf_printf(&out, "{\"%s\":\"%s\",\"compatibilityPolicy\":\"%s\"}", name,
               registry_level_name(config->level), config->strict ? "STRICT" : "LENIENT");
    answer(req, &out);
}

static void get_config(void *self, struct http_req *req) {
    struct regserver *server = self;
    struct registry_config config;
    struct str subject = subject_of(req);
    if (registry_config(server->registry, subject, &config)) {
        refuse_err(req);
        return;
    }
    if (subject.ptr && !config.own && !asked(req, "defaultToGlobal"))
        refuse(req, 40408,
               arena_printf(http_arena(req), "Subject '%.*s' does not have subject-level "
                            "compatibility configured", STR_ARG(subject)).ptr);
    else answer_config(req, "compatibilityLevel", &config);
}

static void put_config(void *self, struct http_req *req) {
    struct regserver *server = self;
    struct registry_config config;
    json_t *body = read_body(req);
    if (!body) return;
    struct str level = str_of(json_string_value(json_object_get(body, "compatibility")));
    struct str policy = str_of(json_string_value(json_object_get(body, "compatibilityPolicy")));
    bool ok = !registry_config(server->registry, subject_of(req), &config);
    ok = ok && (level.ptr || policy.ptr) && (!level.ptr || registry_level_of(level, &config.level));
    if (policy.ptr) {
        config.strict = str_ieq(policy, STR("STRICT"));
        ok = ok && (config.strict || str_ieq(policy, STR("LENIENT")));
    }
    json_decref(body);
    if (!ok)
        refuse(req, 42203, "Invalid compatibility level. Valid values are none, backward, forward, "
               "full, backward_transitive, forward_transitive, and full_transitive");
    else if (registry_set_config(server->registry, subject_of(req), &config)) refuse_err(req);
    else answer_config(req, "compatibility", &config);
}

static void delete_config(void *self, struct http_req *req) {
    struct regserver *server = self;
    struct registry_config config, fresh = {.level = REGISTRY_BACKWARD};
    struct str subject = subject_of(req);
    int err = registry_config(server->registry, subject, &config);
    if (!err && subject.ptr && !config.own) {
        refuse(req, 40401, "the subject has no configuration of its own");
        return;
    }
    if (!err) err = registry_set_config(server->registry, subject, subject.ptr ? NULL : &fresh);
    if (err) refuse_err(req);
    else answer_config(req, "compatibilityLevel", &config);
}

static void get_mode(void *self UNUSED, struct http_req *req) {
    if (subject_of(req).ptr && !asked(req, "defaultToGlobal"))
        refuse(req, 40409, "the subject has no mode of its own");
    else answer_text(req, "{\"mode\":\"READWRITE\"}");
}

static void put_mode(void *self UNUSED, struct http_req *req) {
    refuse(req, 42205, "the mode is READWRITE and cannot be changed");
}

static void get_contexts(void *self UNUSED, struct http_req *req) {
    answer_text(req, "[\".\"]");
}

static void get_version_of(void *self UNUSED, struct http_req *req) {
    answer_text(req, "{\"version\":\"sluice-" SLUICE_VERSION "\",\"commitId\":\"\"}");
}

#define SUBJECT "/subjects/{subject}"
#define VERSION SUBJECT "/versions/{version}"
static const struct http_route routes[] = {
    {"GET", "/", get_root, HTTP_READ, NULL},
    {"GET", "/schemas", get_schemas, HTTP_READ, NULL},
    {"GET", "/schemas/types", get_types, HTTP_READ, NULL},
    {"GET", "/schemas/ids/{id}", get_by_id, HTTP_READ, NULL},
    {"GET", "/schemas/ids/{id}/schema", get_text_by_id, HTTP_READ, NULL},
    {"GET", "/schemas/ids/{id}/subjects", get_id_subjects, HTTP_READ, NULL},
    {"GET", "/schemas/ids/{id}/versions", get_id_versions, HTTP_READ, NULL},
    {"GET", "/subjects", get_subjects, HTTP_READ, NULL},
    {"POST", SUBJECT, post_lookup, HTTP_READ, NULL},
    {"DELETE", SUBJECT, delete_subject, HTTP_WRITE, NULL},
    {"GET", SUBJECT "/versions", get_versions, HTTP_READ, NULL},
    {"POST", SUBJECT "/versions", post_version, HTTP_WRITE, NULL},
    {"GET", VERSION, get_version, HTTP_READ, NULL},
    {"DELETE", VERSION, delete_version, HTTP_WRITE, NULL},
    {"GET", VERSION "/schema", get_version_text, HTTP_READ, NULL},
    {"POST", "/compatibility" SUBJECT "/versions", post_check_all, HTTP_READ, NULL},
    {"POST", "/compatibility" VERSION, post_check, HTTP_READ, NULL},
    {"GET", "/config", get_config, HTTP_READ, NULL},
    {"PUT", "/config", put_config, HTTP_WRITE, NULL},
    {"DELETE", "/config", delete_config, HTTP_WRITE, NULL},
    {"GET", "/config/{subject}", get_config, HTTP_READ, NULL},
    {"PUT", "/config/{subject}", put_config, HTTP_WRITE, NULL},
    {"DELETE", "/config/{subject}", delete_config, HTTP_WRITE, NULL},
    {"GET", "/mode", get_mode, HTTP_READ, NULL},
    {"PUT", "/mode", put_mode, HTTP_WRITE, NULL},
    {"GET", "/mode/{subject}", get_mode, HTTP_READ, NULL},
    {"PUT", "/mode/{subject}", put_mode, HTTP_WRITE, NULL},
    {"GET", "/contexts", get_contexts, HTTP_READ, NULL},
    {"GET", "/v1/metadata/version", get_version_of, HTTP_READ, NULL},
};

int regserver_open(struct regserver **out, struct loop *loop, const struct regserver_conf *conf) {
    struct regserver *server = base_calloc(1, sizeof *server);
    struct http_conf http = {
        .host = conf->host,
        .port = conf->port,
        .route = routes,
        .route_cnt = ARRAY_LEN(routes),
        .self = server,
        .token = conf->token,
        .error_body = error_body,
    };
    server->registry = conf->registry;
    int err = http_open(&server->http, loop, &http);
    if (err) {
        base_free(server);
        return err_add(err, "registry");
    }
    *out = server;
    return 0;
}

void regserver_close(struct regserver *server) {
    if (!server) return;
    http_close(server->http);
    base_free(server);
}

uint16_t regserver_port(const struct regserver *server) {
    return http_port(server->http);
}
