/* regstate.h - subjects, versions and ids in memory: what the entries of `_schemas` add up to.
 *
 * Thread: the caller's lock. Memory: texts and names live as long as the state, so that answers may
 * point at them. */
#ifndef REGISTRY_EMBEDDED_REGSTATE_H
#define REGISTRY_EMBEDDED_REGSTATE_H

#include "base/map.h"
#include "registry/embedded/regtopic.h"

struct regstate_text { /* one per id */
    int32_t id;
    enum registry_kind kind;
    struct str text;
};
struct regstate_version {
    int32_t version;
    bool deleted;
    const struct regstate_text *text;
};
struct regstate_subject {
    struct str name;
    struct regstate_version *version; /* by number */
    size_t cnt, cap;
    struct registry_config config; /* own: it was set */
};
struct regstate {
    struct arena arena;
    struct map subjects;           /* name -> struct regstate_subject */
    struct map ids;                /* 4 bytes -> struct regstate_text */
    struct map texts;              /* kind's digit and text -> struct regstate_text */
    int32_t last_id;
    struct registry_config config; /* the whole registry's */
};

void regstate_init(struct regstate *state);
void regstate_fini(struct regstate *state);
int regstate_apply(void *state, const struct regtopic_entry *entry) MUST_USE;

struct regstate_subject *regstate_subject(const struct regstate *state, struct str name);
const struct regstate_text *regstate_id(const struct regstate *state, int32_t id);
const struct regstate_text *regstate_text(const struct regstate *state, enum registry_kind kind,
                                          struct str text);
/* The version by number, REGISTRY_LATEST: the newest that is not deleted. NULL: none. */
struct regstate_version *regstate_version(const struct regstate_subject *subject, int32_t number);
size_t regstate_live_cnt(const struct regstate_subject *subject);
struct registry_schema regstate_schema(const struct regstate_subject *subject,
                                       const struct regstate_version *version);

#endif
