/* regdoctor.c - can this registry be used? Every address is asked by itself, nothing is made.
 *
 * Whether schemas may be registered is asked with a text that is none: who may not is told so, who
 * may is told that it is no schema. */
#include "registry/confluent/reghttp.h"

#include "base/buf.h"

#include <jansson.h>

#define PROBE "/subjects/sluice-doctor-value/versions"
#define NONE  "{\"schemaType\":\"JSON\",\"schema\":\"{\"}"

struct look {
    const struct finding_to *to;
    struct reghttp *http;
    struct arena arena;
    bool away;
};

/* An answer of a good status as JSON; NULL: there is none. *status: 0 for no answer at all. */
static json_t *get(struct look *look, const char *path, long *status) {
    struct reghttp_call call = {.method = "GET", .path = str_of(path)};
    *status = 0;
    if (reghttp_ask(look->http, &look->arena, &call)) return NULL;
    *status = call.status;
    if (call.status < 200 || call.status > 299) return NULL;
    return json_loadb(call.answer.ptr, call.answer.len, JSON_DECODE_ANY, NULL);
}

static const char *text_of(const json_t *root, const char *name) {
    const char *text = json_string_value(json_object_get(root, name));
    return text ? text : "";
}

static void look_at_subjects(struct look *look) {
    long status;
    json_t *root = get(look, "/subjects", &status);
    const char *hosts = reghttp_hosts(look->http);
    look->away = !json_is_array(root);
    if (!look->away)
        finding_ok(look->to, "%s reached, %zu subjects", hosts, json_array_size(root));
    else if (!status)
        finding_err(look->to, ERR_NET);
    else if (status == 401 || status == 403)
        finding_bad(look->to, "write   properties: {basic.auth.user.info: USER:secret:NAME}   or "
                    "bearer.auth.token below registry in sluice.yml",
                    "%s answers HTTP %ld: it wants a login that may read subjects", hosts, status);
    else
        finding_bad(look->to, "does the address lack a path, such as Apicurio's /apis/ccompat/v7?",
                    "%s answers HTTP %ld and is no schema registry", hosts, status);
    json_decref(root);
}

static void look_at_kind(struct look *look) {
    long status;
    json_t *root = get(look, "/v1/metadata/version", &status);
    const char *version = text_of(root, "version");
    if (*version && !finding_known(version, "5 6 7 8"))
        finding_warn(look->to, "5 to 8 were written for", "version %s is not one we know",
                     version);
    else if (*version) finding_ok(look->to, "version: %s", version);
    else finding_ok(look->to, "version: not told; Confluent's tells from 7.0 on");
    json_decref(root);
    root = get(look, "/schemas/types", &status);
    bool json = false;
    size_t i;
    json_t *one;
    json_array_foreach(root, i, one)
        json = json || (json_is_string(one) && !strcmp(json_string_value(one), "JSON"));
    if (!json)
        finding_bad(look->to, "use a registry that keeps JSON Schema: Confluent's from 5.5 on, "
                    "Karapace, Apicurio, Redpanda's from 24.2 on",
                    "it does not say that it takes schemas of type JSON, which capture registers");
    json_decref(root);
}

static void look_at_rules(struct look *look) {
    enum registry_level level;
    long status;
    json_t *root = get(look, "/mode", &status);
    const char *mode = text_of(root, "mode");
    if (*mode && strcmp(mode, "READWRITE"))
        finding_bad(look->to, "PUT /mode {\"mode\":\"READWRITE\"}",
                    "its mode is %s: schemas cannot be registered", mode);
    json_decref(root);
    root = get(look, "/config", &status);
    const char *name = text_of(root, "compatibilityLevel");
    if (!registry_level_of(str_of(name), &level))
        finding_warn(look->to, "ask for /config yourself", "it names no compatibility level");
    else if (level == REGISTRY_NONE || level == REGISTRY_BACKWARD ||
             level == REGISTRY_BACKWARD_TRANSITIVE)
        finding_ok(look->to, "compatibility of new subjects: %s", name);
    else
        finding_warn(look->to, "set BACKWARD or NONE for our subjects: PUT /config/TOPIC-value",
                     "compatibility of new subjects is %s, and capture widens schemas, which only "
                     "BACKWARD and NONE allow", name);
    json_decref(root);
}

static void look_at_right(struct look *look) {
    struct reghttp_call call = {.method = "POST", .path = STR(PROBE), .body = STR(NONE)};
    int err = reghttp_ask(look->http, &look->arena, &call);
    if (err) finding_err(look->to, err);
    else if (call.status == 401 || call.status == 403)
        finding_bad(look->to, "let our user write subjects",
                    "registering is refused with HTTP %ld", call.status);
    else if (call.status < 300)
        finding_warn(look->to, "delete subject sluice-doctor-value there",
                     "it took a text that is no schema");
    else finding_ok(look->to, "schemas may be registered (asked with none; none was made)");
}

static void look_at_all(struct look *look) {
    look_at_subjects(look);
    if (look->away) return;
    look_at_kind(look);
    look_at_rules(look);
    look_at_right(look);
}

/* One of several addresses is enough to work, and each that is away is a finding. */
void regdoctor_look(const struct registry_conf *conf, const struct finding_to *to) {
    struct str urls = str_of(conf->url);
    while (urls.ptr) {
        struct look look = {.to = to};
        struct str url = str_trim(str_cut(urls, ',', &urls));
        int err = reghttp_open(&look.http, conf, url);
        if (err) finding_err(to, err);
        else look_at_all(&look);
        reghttp_close(look.http);
        arena_fini(&look.arena);
    }
}
