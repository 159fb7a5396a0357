/* regstate.c - the state that entries build, each applied once, in their order. */
#include "registry/embedded/regstate.h"

void regstate_init(struct regstate *state) {
    memset(state, 0, sizeof *state);
    map_init(&state->subjects);
    map_init(&state->ids);
    map_init(&state->texts);
    state->config = (struct registry_config){.level = REGISTRY_BACKWARD};
}

void regstate_fini(struct regstate *state) {
    size_t at = 0;
    struct str name;
    void *value;
    while (map_next(&state->subjects, &at, &name, &value)) {
        struct regstate_subject *subject = value;
        base_free(subject->version);
    }
    map_fini(&state->subjects);
    map_fini(&state->ids);
    map_fini(&state->texts);
    arena_fini(&state->arena);
}

struct regstate_subject *regstate_subject(const struct regstate *state, struct str name) {
    return map_get(&state->subjects, name);
}

const struct regstate_text *regstate_id(const struct regstate *state, int32_t id) {
    return map_get(&state->ids, (struct str){(const char *)&id, sizeof id});
}

static struct str text_key(enum registry_kind kind, struct str text, struct arena *arena) {
    return arena_printf(arena, "%d%.*s", (int)kind, STR_ARG(text));
}

const struct regstate_text *regstate_text(const struct regstate *state, enum registry_kind kind,
                                          struct str text) {
    struct arena arena = ARENA_INIT;
    const struct regstate_text *found = map_get(&state->texts, text_key(kind, text, &arena));
    arena_fini(&arena);
    return found;
}

struct regstate_version *regstate_version(const struct regstate_subject *subject, int32_t number) {
    for (size_t i = subject ? subject->cnt : 0; i-- > 0;) {
        struct regstate_version *version = &subject->version[i];
        if (number == REGISTRY_LATEST ? !version->deleted : version->version == number)
            return version;
    }
    return NULL;
}

size_t regstate_live_cnt(const struct regstate_subject *subject) {
    size_t cnt = 0;
    for (size_t i = 0; subject && i < subject->cnt; i++) cnt += !subject->version[i].deleted;
    return cnt;
}

struct registry_schema regstate_schema(const struct regstate_subject *subject,
                                       const struct regstate_version *version) {
    return (struct registry_schema){subject->name,       version->version,     version->text->id,
                                    version->text->kind, version->text->text, version->deleted};
}

static struct regstate_subject *make_subject(struct regstate *state, struct str name) {
    struct regstate_subject *subject = regstate_subject(state, name);
    if (subject) return subject;
    subject = arena_new(&state->arena, struct regstate_subject);
    subject->name = arena_str(&state->arena, name);
    map_put(&state->subjects, name, subject);
    return subject;
}

static const struct regstate_text *make_text(struct regstate *state,
                                             const struct registry_schema *schema) {
    const struct regstate_text *there = regstate_id(state, schema->id);
    if (there) return there;
    struct regstate_text *text = arena_new(&state->arena, struct regstate_text);
    struct arena arena = ARENA_INIT;
    struct str key = text_key(schema->kind, schema->text, &arena);
    text->id = schema->id;
    text->kind = schema->kind;
    text->text = arena_str(&state->arena, schema->text);
    map_put(&state->ids, (struct str){(const char *)&schema->id, sizeof schema->id}, text);
    if (!map_get(&state->texts, key)) map_put(&state->texts, key, text);
    arena_fini(&arena);
    state->last_id = MAX(state->last_id, schema->id);
    return text;
}

static void put_version(struct regstate_subject *subject, struct regstate_version version) {
    struct regstate_version *old = regstate_version(subject, version.version);
    if (old) {
        *old = version;
        return;
    }
    if (subject->cnt == subject->cap) {
        subject->cap = subject->cap ? subject->cap * 2 : 4;
        subject->version = base_realloc(subject->version,
                                        subject->cap * sizeof *subject->version);
    }
    size_t at = subject->cnt++;
    for (; at > 0 && subject->version[at - 1].version > version.version; at--)
        subject->version[at] = subject->version[at - 1];
    subject->version[at] = version;
}

static void drop_version(struct regstate_subject *subject, int32_t number) {
    size_t kept = 0;
    for (size_t i = 0; subject && i < subject->cnt; i++)
        if (subject->version[i].version != number) subject->version[kept++] = subject->version[i];
    if (subject) subject->cnt = kept;
}

static void apply_config(struct regstate *state, const struct regtopic_entry *entry) {
    struct registry_config config = {.level = REGISTRY_BACKWARD};
    if (!entry->gone) {
        config = entry->config;
        config.own = true;
    }
    if (entry->schema.subject.ptr) make_subject(state, entry->schema.subject)->config = config;
    else state->config = config;
}

int regstate_apply(void *arg, const struct regtopic_entry *entry) {
    struct regstate *state = arg;
    const struct registry_schema *schema = &entry->schema;
    if (entry->kind == REGTOPIC_CONFIG) {
        apply_config(state, entry);
    } else if (entry->kind == REGTOPIC_SCHEMA && entry->gone) {
        drop_version(regstate_subject(state, schema->subject), schema->version);
    } else if (entry->kind == REGTOPIC_SCHEMA) {
        put_version(make_subject(state, schema->subject),
                    (struct regstate_version){schema->version, schema->deleted,
                                              make_text(state, schema)});
    } else if (entry->kind == REGTOPIC_DELETE_SUBJECT && !entry->gone) {
        struct regstate_subject *subject = regstate_subject(state, schema->subject);
        for (size_t i = 0; subject && i < subject->cnt; i++)
            if (subject->version[i].version <= schema->version) subject->version[i].deleted = true;
    }
    return 0;
}
