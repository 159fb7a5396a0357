/* regemb.c - the registry in this process: a state in memory, each change first made durable in the
 * log's topic `_schemas`. One lock; what changes holds it until the log has answered. */
#include "registry/embedded/regstate.h"
#include "registry/jsoncompat.h"
#include "registry/regtext.h"

#include <pthread.h>
#include <stdlib.h>

struct regemb {
    struct registry base;
    struct log *log;
    pthread_mutex_t lock;
    struct regstate state;
    bool loaded; /* the topic was read: else the log is away, and is asked again */
};

static struct regemb *emb_of(struct registry *registry) {
    return (struct regemb *)registry;
}

static struct regemb *lock(struct registry *registry) {
    struct regemb *emb = emb_of(registry);
    pthread_mutex_lock(&emb->lock);
    return emb;
}

static int unlock(struct regemb *emb, int err) {
    pthread_mutex_unlock(&emb->lock);
    return err;
}

static void emb_close(struct registry *registry) {
    struct regemb *emb = emb_of(registry);
    regstate_fini(&emb->state);
    pthread_mutex_destroy(&emb->lock);
    base_free(emb);
}

/* Under the lock, or before anybody else knows it. */
static int load(struct regemb *emb) {
    int err = regtopic_make(emb->log);
    if (!err) err = regtopic_read(emb->log, regstate_apply, &emb->state);
    emb->loaded = !err;
    if (!err) return 0;
    regstate_fini(&emb->state); /* half of it may have been read */
    regstate_init(&emb->state);
    return err_add(err, "registry");
}

static int emb_ready(struct registry *registry) {
    struct regemb *emb = lock(registry);
    return unlock(emb, emb->loaded ? 0 : load(emb));
}

static int emb_open(struct registry **out, const struct registry_conf *conf, struct str place) {
    if (place.len) return err_fail(ERR_CONFIG, "registry 'embedded:' takes no address");
    if (!conf->log) return err_fail(ERR_CONFIG, "an embedded registry needs a log");
    struct regemb *emb = base_calloc(1, sizeof *emb);
    emb->base = (struct registry){.ops = &regemb_ops, .env = conf->env};
    emb->log = conf->log;
    pthread_mutex_init(&emb->lock, NULL);
    regstate_init(&emb->state);
    int err = load(emb);
    if (err && !err_retry(err)) {
        emb_close(&emb->base);
        return err;
    }
    *out = &emb->base;
    return 0;
}

/* Durable, then in the state. */
static int commit(struct regemb *emb, const struct regtopic_entry *entry) {
    int err = regtopic_append(emb->log, emb->base.env, entry);
    return err ? err : regstate_apply(&emb->state, entry);
}

static int no_subject(struct str subject) {
    return registry_fail(ERR_NOT_FOUND, 40401, "Subject '%.*s' not found.", STR_ARG(subject));
}

static int no_version(int32_t version) {
    return registry_fail(ERR_NOT_FOUND, 40402, "Version %d not found.", version);
}

static struct registry_config config_of(struct regemb *emb, struct str subject) {
    const struct regstate_subject *there = subject.ptr ? regstate_subject(&emb->state, subject)
                                                       : NULL;
    if (there && there->config.own) return there->config;
    struct registry_config config = emb->state.config;
    if (subject.ptr) config.own = false;
    return config;
}

/* ---- compatibility ---- */

struct check {
    struct registry_text text; /* canonical */
    struct registry_config config;
    struct arena *arena;
    struct registry_verdict *out;
};

static void add_why(struct check *check, struct str why, int32_t version) {
    struct registry_verdict *out = check->out;
    if (out->cnt == JSONCOMPAT_WHY_MAX) return;
    if (!out->why) out->why = arena_array(check->arena, struct str, JSONCOMPAT_WHY_MAX);
    out->why[out->cnt++] = arena_printf(check->arena, "%.*s, against version %d", STR_ARG(why),
                                        version);
}

static int check_pair(struct check *check, struct str writer, struct str reader, int32_t version) {
    struct str *why;
    size_t cnt;
    int err = jsoncompat_check(writer, reader, check->config.strict, check->arena, &why, &cnt);
    for (size_t i = 0; i < cnt && !err; i++) add_why(check, why[i], version);
    return err;
}

static int check_version(struct check *check, const struct regstate_version *version) {
    enum registry_level level = check->config.level;
    const struct regstate_text *old = version->text;
    bool backward = level == REGISTRY_BACKWARD || level == REGISTRY_BACKWARD_TRANSITIVE;
    bool forward = level == REGISTRY_FORWARD || level == REGISTRY_FORWARD_TRANSITIVE;
    bool full = level == REGISTRY_FULL || level == REGISTRY_FULL_TRANSITIVE;
    if (level == REGISTRY_NONE) return 0;
    if (old->kind != check->text.kind) {
        add_why(check, STR("the kind of schema is another"), version->version);
        return 0;
    }
    if (str_eq(old->text, check->text.text)) return 0;
    if (old->kind != REGISTRY_JSON)
        return registry_fail(ERR_UNSUPPORTED, 42201, "whether %s schemas are compatible is not "
                             "looked at yet; set the subject's compatibility to NONE to register "
                             "more versions", registry_kind_name(old->kind));
    int err = 0;
    if (backward || full) err = check_pair(check, old->text, check->text.text, version->version);
    if (!err && (forward || full))
        err = check_pair(check, check->text.text, old->text, version->version);
    return err;
}

static bool transitive(enum registry_level level) {
    return level == REGISTRY_BACKWARD_TRANSITIVE || level == REGISTRY_FORWARD_TRANSITIVE ||
           level == REGISTRY_FULL_TRANSITIVE;
}

static int check_subject(struct check *check, const struct regstate_subject *subject) {
    int err = 0;
    for (size_t i = subject ? subject->cnt : 0; i-- > 0 && !err;) {
        if (subject->version[i].deleted) continue;
        err = check_version(check, &subject->version[i]);
        if (!transitive(check->config.level)) break;
    }
    return err;
}

static int emb_check(struct registry *registry, struct str name, int32_t number,
                     struct registry_text text, struct arena *arena,
                     struct registry_verdict *out) {
    struct check check = {.text.kind = text.kind, .arena = arena, .out = out};
    int err = regtext_canon(text, arena, &check.text.text);
    if (err) return err;
    struct regemb *emb = lock(registry);
    const struct regstate_subject *subject = regstate_subject(&emb->state, name);
    check.config = config_of(emb, name);
    if (number == REGISTRY_ALL) return unlock(emb, check_subject(&check, subject));
    if (!subject || !subject->cnt) return unlock(emb, no_subject(name));
    const struct regstate_version *version = regstate_version(subject, number);
    if (!version || version->deleted) return unlock(emb, no_version(number));
    return unlock(emb, check_version(&check, version));
}

/* ---- registering ---- */

static const struct regstate_version *same_version(const struct regstate_subject *subject,
                                                   const struct regstate_text *text,
                                                   bool deleted) {
    for (size_t i = subject && text ? subject->cnt : 0; i-- > 0;) {
        const struct regstate_version *version = &subject->version[i];
        if (version->text == text && (deleted || !version->deleted)) return version;
    }
    return NULL;
}

static int add_new(struct regemb *emb, struct str name, struct registry_text text,
                   struct arena *arena) {
    const struct regstate_subject *subject = regstate_subject(&emb->state, name);
    const struct regstate_text *there = regstate_text(&emb->state, text.kind, text.text);
    struct registry_verdict verdict = {NULL, 0};
    struct check check = {text, config_of(emb, name), arena, &verdict};
    int err = check_subject(&check, subject);
    if (err) return err;
    if (verdict.cnt)
        return registry_fail(ERR_CONFLICT, 409, "Schema being registered is incompatible with an "
                             "earlier schema for subject '%.*s': %.*s; compatibility is %s",
                             STR_ARG(name), STR_ARG(verdict.why[0]),
                             registry_level_name(check.config.level));
    if (emb->state.last_id == INT32_MAX)
        return registry_fail(ERR_FULL, 50001, "no schema id is left");
    struct regtopic_entry entry = {.kind = REGTOPIC_SCHEMA};
    entry.schema = (struct registry_schema){
        .subject = name,
        .version = subject && subject->cnt ? subject->version[subject->cnt - 1].version + 1 : 1,
        .id = there ? there->id : emb->state.last_id + 1,
        .kind = text.kind,
        .text = text.text,
    };
    return commit(emb, &entry);
}

static int emb_add(struct registry *registry, struct str name, struct registry_text text,
                   struct arena *arena, struct registry_schema *out) {
    int err = regtext_canon(text, arena, &text.text);
    if (err) return err;
    struct regemb *emb = lock(registry);
    const struct regstate_subject *subject = regstate_subject(&emb->state, name);
    const struct regstate_text *there = regstate_text(&emb->state, text.kind, text.text);
    const struct regstate_version *version = same_version(subject, there, false);
    if (!version) {
        err = add_new(emb, name, text, arena);
        if (err) return unlock(emb, err);
        subject = regstate_subject(&emb->state, name);
        version = regstate_version(subject, REGISTRY_LATEST);
    }
    *out = regstate_schema(subject, version);
    return unlock(emb, 0);
}

/* ---- asking ---- */

static int emb_get(struct registry *registry, struct str name, int32_t number,
                   struct arena *arena UNUSED, struct registry_schema *out) {
    struct regemb *emb = lock(registry);
    const struct regstate_subject *subject = regstate_subject(&emb->state, name);
    const struct regstate_version *version = regstate_version(subject, number);
    if (!regstate_live_cnt(subject)) return unlock(emb, no_subject(name));
    if (!version || version->deleted) return unlock(emb, no_version(number));
    *out = regstate_schema(subject, version);
    return unlock(emb, 0);
}

static int emb_by_id(struct registry *registry, int32_t id, struct arena *arena UNUSED,
                     struct registry_schema *out) {
    struct regemb *emb = lock(registry);
    const struct regstate_text *text = regstate_id(&emb->state, id);
    if (!text) return unlock(emb, registry_fail(ERR_NOT_FOUND, 40403, "Schema %d not found.", id));
    *out = (struct registry_schema){.subject = STR(""), .id = id, .kind = text->kind,
                                    .text = text->text};
    return unlock(emb, 0);
}

static int emb_find(struct registry *registry, struct str name, struct registry_text text,
                    bool deleted, struct arena *arena, struct registry_schema *out) {
    int err = regtext_canon(text, arena, &text.text);
    struct regemb *emb = lock(registry);
    const struct regstate_subject *subject = regstate_subject(&emb->state, name);
    const struct regstate_text *there = regstate_text(&emb->state, text.kind, text.text);
    const struct regstate_version *version = same_version(subject, there, deleted);
    if (!err && !(deleted ? subject && subject->cnt : regstate_live_cnt(subject)))
        err = no_subject(name);
    else if (!err && !version)
        err = registry_fail(ERR_NOT_FOUND, 40403, "Schema not found.");
    if (!err) *out = regstate_schema(subject, version);
    return unlock(emb, err);
}

static int by_subject(const void *a, const void *b) {
    const struct registry_schema *one = a, *two = b;
    int order = str_cmp(one->subject, two->subject);
    return order ? order : (one->version > two->version) - (one->version < two->version);
}

static int emb_list(struct registry *registry, struct str name, enum registry_show show,
                    struct arena *arena, struct registry_schema **out, size_t *cnt) {
    struct regemb *emb = lock(registry);
    size_t all = 0, at = 0;
    struct str key;
    void *value;
    while (map_next(&emb->state.subjects, &at, &key, &value))
        all += ((struct regstate_subject *)value)->cnt;
    *out = arena_array(arena, struct registry_schema, all);
    at = 0;
    while (map_next(&emb->state.subjects, &at, &key, &value)) {
        const struct regstate_subject *subject = value;
        if (name.ptr && !str_eq(name, key)) continue;
        for (size_t i = 0; i < subject->cnt; i++) {
            const struct regstate_version *version = &subject->version[i];
            if (show == REGISTRY_LIVE && version->deleted) continue;
            if (show == REGISTRY_ONLY_DELETED && !version->deleted) continue;
            (*out)[(*cnt)++] = regstate_schema(subject, version);
        }
    }
    if (*cnt) qsort(*out, *cnt, sizeof **out, by_subject);
    return unlock(emb, 0);
}

/* ---- deleting ---- */

static int delete_one(struct regemb *emb, const struct regstate_subject *subject,
                      const struct regstate_version *version, bool permanent) {
    struct regtopic_entry entry = {.kind = REGTOPIC_SCHEMA, .gone = permanent};
    entry.schema = regstate_schema(subject, version);
    entry.schema.deleted = true;
    return commit(emb, &entry);
}

static int delete_version(struct regemb *emb, struct regstate_subject *subject, int32_t number,
                          bool permanent, struct registry_gone *out) {
    const struct regstate_version *version = regstate_version(subject, number);
    if (!version) return no_version(number);
    if (permanent && !version->deleted)
        return registry_fail(ERR_NOT_FOUND, 40407, "Subject '%.*s' Version %d was not deleted "
                             "first before being permanently deleted", STR_ARG(subject->name),
                             version->version);
    if (!permanent && version->deleted)
        return registry_fail(ERR_NOT_FOUND, 40406, "Subject '%.*s' Version %d was soft deleted. "
                             "Set permanent=true to delete permanently", STR_ARG(subject->name),
                             version->version);
    out->version[out->cnt++] = version->version;
    return delete_one(emb, subject, version, permanent);
}

static int delete_soft(struct regemb *emb, struct regstate_subject *subject,
                       struct registry_gone *out) {
    struct regtopic_entry entry = {.kind = REGTOPIC_DELETE_SUBJECT};
    if (!regstate_live_cnt(subject))
        return registry_fail(ERR_NOT_FOUND, 40404, "Subject '%.*s' was soft deleted. Set "
                             "permanent=true to delete permanently", STR_ARG(subject->name));
    for (size_t i = 0; i < subject->cnt; i++)
        if (!subject->version[i].deleted) out->version[out->cnt++] = subject->version[i].version;
    entry.schema.subject = subject->name;
    entry.schema.version = subject->version[subject->cnt - 1].version;
    return commit(emb, &entry);
}

static int delete_hard(struct regemb *emb, struct regstate_subject *subject,
                       struct registry_gone *out) {
    int err = 0;
    if (regstate_live_cnt(subject))
        return registry_fail(ERR_NOT_FOUND, 40405, "Subject '%.*s' was not deleted first before "
                             "being permanently deleted", STR_ARG(subject->name));
    while (subject->cnt && !err) {
        out->version[out->cnt++] = subject->version[0].version;
        err = delete_one(emb, subject, &subject->version[0], true);
    }
    return err;
}

static int emb_delete(struct registry *registry, struct str name, int32_t number, bool permanent,
                      struct arena *arena, struct registry_gone *out) {
    struct regemb *emb = lock(registry);
    struct regstate_subject *subject = regstate_subject(&emb->state, name);
    if (!subject || !subject->cnt) return unlock(emb, no_subject(name));
    out->version = arena_array(arena, int32_t, subject->cnt);
    int err;
    if (number != REGISTRY_ALL) err = delete_version(emb, subject, number, permanent, out);
    else err = permanent ? delete_hard(emb, subject, out) : delete_soft(emb, subject, out);
    return unlock(emb, err);
}

/* ---- configuration ---- */

static int emb_config(struct registry *registry, struct str subject,
                      struct registry_config *out) {
    struct regemb *emb = lock(registry);
    *out = config_of(emb, subject);
    return unlock(emb, 0);
}

static int emb_set_config(struct registry *registry, struct str subject,
                          const struct registry_config *config) {
    struct regtopic_entry entry = {.kind = REGTOPIC_CONFIG, .gone = !config};
    struct regemb *emb = lock(registry);
    entry.schema.subject = subject;
    if (config) entry.config = *config;
    return unlock(emb, commit(emb, &entry));
}

const struct registry_ops regemb_ops = {
    .name = "embedded",
    .open = emb_open,
    .close = emb_close,
    .add = emb_add,
    .get = emb_get,
    .by_id = emb_by_id,
    .find = emb_find,
    .list = emb_list,
    .del = emb_delete,
    .config = emb_config,
    .set_config = emb_set_config,
    .check = emb_check,
    .ready = emb_ready,
};
