/* registry_ops.h - what a registry's implementation provides; seen by registry.c and
 * registry/<product>/ only. struct registry is the first member of the product's own struct. */
#ifndef REGISTRY_REGISTRY_OPS_H
#define REGISTRY_REGISTRY_OPS_H

#include "base/err.h"
#include "registry/registry.h"

#include <stdatomic.h>

struct registry_ops {
    const char *name; /* the scheme of the url */
    int (*open)(struct registry **out, const struct registry_conf *conf, struct str place);
    void (*doctor)(const struct registry_conf *conf, const struct finding_to *to); /* or NULL */
    void (*close)(struct registry *registry);
    int (*add)(struct registry *registry, struct str subject, struct registry_text text,
               struct arena *arena, struct registry_schema *out);
    int (*get)(struct registry *registry, struct str subject, int32_t version,
               struct arena *arena, struct registry_schema *out);
    int (*by_id)(struct registry *registry, int32_t id, struct arena *arena,
                 struct registry_schema *out);
    int (*find)(struct registry *registry, struct str subject, struct registry_text text,
                bool deleted, struct arena *arena, struct registry_schema *out);
    int (*list)(struct registry *registry, struct str subject, enum registry_show show,
                struct arena *arena, struct registry_schema **out, size_t *cnt);
    /* Names of all live subjects, sorted. NULL: those of the list. */
    int (*subjects)(struct registry *registry, struct arena *arena, struct str **out, size_t *cnt);
    int (*del)(struct registry *registry, struct str subject, int32_t version, bool permanent,
               struct arena *arena, struct registry_gone *out);
    int (*config)(struct registry *registry, struct str subject, struct registry_config *out);
    int (*set_config)(struct registry *registry, struct str subject,
                      const struct registry_config *config);
    int (*check)(struct registry *registry, struct str subject, int32_t version,
                 struct registry_text text, struct arena *arena, struct registry_verdict *out);
    int (*state)(struct registry *registry); /* NULL: always well */
    int (*ready)(struct registry *registry); /* before each of the others; NULL: it always is */
};

struct registry {
    const struct registry_ops *ops;
    struct env *env;
    atomic_uint_fast64_t registered; /* registry.c's */
};

/* As err_fail(), and sets registry_code(). */
int registry_fail(enum err err, int code, const char *format, ...) PRINTF_LIKE(3, 4);

void regdoctor_look(const struct registry_conf *conf, const struct finding_to *to);
extern const struct registry_ops regemb_ops; /* embedded/regemb.c */
extern const struct registry_ops regremote_ops, regremote_ops_tls; /* confluent/regremote.c */

#endif
