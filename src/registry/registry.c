/* registry.c - the one checked way into a registry. */
#include "registry/registry_ops.h"

#include "base/metric.h"

#include <stdarg.h>
#include <stdio.h>

static const struct registry_ops *const products[] = {&regemb_ops, &regremote_ops,
                                                    &regremote_ops_tls};
static _Thread_local int last_code;
static struct metric *registered, *refused;

int registry_code(void) {
    return last_code;
}

int registry_fail(enum err err, int code, const char *format, ...) {
    char text[ERR_NOTE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    last_code = code;
    return err_fail(err, "%s", text);
}

const char *registry_kind_name(enum registry_kind kind) {
    static const char *const names[] = {"AVRO", "JSON", "PROTOBUF"};
    return names[kind];
}

static const char *const levels[REGISTRY_LEVEL_CNT] = {
    [REGISTRY_NONE] = "NONE",
    [REGISTRY_BACKWARD] = "BACKWARD",
    [REGISTRY_BACKWARD_TRANSITIVE] = "BACKWARD_TRANSITIVE",
    [REGISTRY_FORWARD] = "FORWARD",
    [REGISTRY_FORWARD_TRANSITIVE] = "FORWARD_TRANSITIVE",
    [REGISTRY_FULL] = "FULL",
    [REGISTRY_FULL_TRANSITIVE] = "FULL_TRANSITIVE",
};

const char *registry_level_name(enum registry_level level) {
    assert(level < REGISTRY_LEVEL_CNT);
    return levels[level];
}

bool registry_level_of(struct str name, enum registry_level *out) {
    for (int i = 0; i < REGISTRY_LEVEL_CNT; i++) {
        if (!str_ieq(name, str_of(levels[i]))) continue;
        *out = (enum registry_level)i;
        return true;
    }
    return false;
}

int registry_open(struct registry **out, const struct registry_conf *conf) {
    assert(out && conf && conf->env && conf->url);
    *out = NULL;
    registered = metric_counter("sluice_registry_registered_total", "Schemas registered.", "");
    refused = metric_counter("sluice_registry_refused_total", "Schemas not taken.", "");
    struct str place, scheme = str_cut(str_of(conf->url), ':', &place);
    for (size_t i = 0; i < ARRAY_LEN(products); i++)
        if (place.ptr && str_eqz(scheme, products[i]->name))
            return products[i]->open(out, conf, place);
    return err_fail(ERR_CONFIG, "registry '%s' is not supported in this version; embedded:, "
                    "http:// and https:// are", conf->url);
}

void registry_doctor(const struct registry_conf *conf, const struct finding_to *to) {
    assert(conf && conf->env && conf->url && to);
    struct str place, scheme = str_cut(str_of(conf->url), ':', &place);
    for (size_t i = 0; i < ARRAY_LEN(products); i++)
        if (str_eqz(scheme, products[i]->name) && products[i]->doctor)
            products[i]->doctor(conf, to);
}

void registry_close(struct registry *registry) {
    if (registry) registry->ops->close(registry);
}

int registry_state(struct registry *registry) {
    assert(registry);
    return registry->ops->state ? registry->ops->state(registry) : 0;
}

static int ready(struct registry *registry) {
    last_code = 0;
    return registry->ops->ready ? registry->ops->ready(registry) : 0;
}

/* What no registry takes. */
static int check_args(struct str subject, const struct registry_text *text) {
    if (!subject.len || subject.len > REGISTRY_SUBJECT_MAX || !str_utf8(subject) ||
        memchr(subject.ptr, 0, subject.len))
        return registry_fail(ERR_INVAL, 42208, "a subject's name is 1 to %d bytes of UTF-8",
                             REGISTRY_SUBJECT_MAX);
    if (text && text->text.len > REGISTRY_TEXT_MAX)
        return registry_fail(ERR_INVAL, 42209, "a schema of %zu bytes; at most %zu are taken",
                             text->text.len, REGISTRY_TEXT_MAX);
    return 0;
}

int registry_register(struct registry *registry, struct str subject, enum registry_kind kind,
                      struct str text, struct arena *arena, struct registry_schema *out) {
    assert(registry && subject.ptr && text.ptr && arena && out);
    struct registry_text both = {kind, text};
    int err = ready(registry);
    if (!err) err = check_args(subject, &both);
    if (!err) err = registry->ops->add(registry, subject, both, arena, out);
    metric_add(err ? refused : registered, 1);
    if (!err) atomic_fetch_add(&registry->registered, 1);
    return err;
}

uint64_t registry_registered(const struct registry *registry) {
    assert(registry);
    return atomic_load(&registry->registered);
}

int registry_get(struct registry *registry, struct str subject, int32_t version,
                 struct arena *arena, struct registry_schema *out) {
    assert(registry && subject.ptr && arena && out);
    int err = ready(registry);
    return err ? err : registry->ops->get(registry, subject, version, arena, out);
}

int registry_by_id(struct registry *registry, int32_t id, struct arena *arena,
                   struct registry_schema *out) {
    assert(registry && arena && out);
    int err = ready(registry);
    return err ? err : registry->ops->by_id(registry, id, arena, out);
}

int registry_subjects(struct registry *registry, struct arena *arena, struct str **out,
                      size_t *cnt) {
    assert(registry && arena && out && cnt);
    last_code = 0;
    struct registry_schema *schema;
    size_t all;
    if (registry->ops->subjects) {
        int ready = registry->ops->ready ? registry->ops->ready(registry) : 0;
        *out = NULL, *cnt = 0;
        return ready ? ready : registry->ops->subjects(registry, arena, out, cnt);
    }
    int err = registry_list(registry, STR_NULL, REGISTRY_LIVE, arena, &schema, &all);
    if (err) return err;
    *out = arena_array(arena, struct str, all);
    *cnt = 0;
    for (size_t i = 0; i < all; i++)
        if (!i || !str_eq(schema[i].subject, schema[i - 1].subject))
            (*out)[(*cnt)++] = schema[i].subject;
    return 0;
}

int registry_find(struct registry *registry, struct str subject, struct registry_text text,
                  bool deleted, struct arena *arena, struct registry_schema *out) {
    assert(registry && subject.ptr && text.text.ptr && arena && out);
    int err = ready(registry);
    if (!err) err = check_args(subject, &text);
    return err ? err : registry->ops->find(registry, subject, text, deleted, arena, out);
}

int registry_list(struct registry *registry, struct str subject, enum registry_show show,
                  struct arena *arena, struct registry_schema **out, size_t *cnt) {
    assert(registry && arena && out && cnt);
    *out = NULL, *cnt = 0;
    int err = ready(registry);
    return err ? err : registry->ops->list(registry, subject, show, arena, out, cnt);
}

int registry_delete(struct registry *registry, struct str subject, int32_t version, bool permanent,
                    struct arena *arena, struct registry_gone *out) {
    assert(registry && subject.ptr && arena && out);
    *out = (struct registry_gone){NULL, 0};
    int err = ready(registry);
    return err ? err : registry->ops->del(registry, subject, version, permanent, arena, out);
}

int registry_config(struct registry *registry, struct str subject, struct registry_config *out) {
    assert(registry && out);
    int err = ready(registry);
    return err ? err : registry->ops->config(registry, subject, out);
}

int registry_set_config(struct registry *registry, struct str subject,
                        const struct registry_config *config) {
    assert(registry && (subject.ptr || config));
    int err = ready(registry);
    if (!err && subject.ptr) err = check_args(subject, NULL);
    return err ? err : registry->ops->set_config(registry, subject, config);
}

int registry_check(struct registry *registry, struct str subject, int32_t version,
                   struct registry_text text, struct arena *arena, struct registry_verdict *out) {
    assert(registry && subject.ptr && text.text.ptr && arena && out);
    *out = (struct registry_verdict){NULL, 0};
    int err = ready(registry);
    if (!err) err = check_args(subject, &text);
    return err ? err : registry->ops->check(registry, subject, version, text, arena, out);
}
