/* registry.h - the schema of every topic: subjects, versions, ids, compatibility.
 *
 * Source: Confluent's registry; ids are global, one for equal schemas. Embedded: kept in the
 * compacted topic `_schemas` of the log, in Confluent's own record layout, and read at open.
 * Thread: any. Memory: results live in the arena given. */
#ifndef REGISTRY_REGISTRY_H
#define REGISTRY_REGISTRY_H

#include "base/arena.h"
#include "base/env.h"

struct log;
struct registry;
enum registry_kind { REGISTRY_AVRO, REGISTRY_JSON, REGISTRY_PROTOBUF };
struct registry_conf {
    struct env *env;
    const char *url; /* "embedded:" */
    struct log *log; /* embedded: borrowed, must outlive the registry */
};
int registry_open(struct registry **out, const struct registry_conf *conf) MUST_USE;
void registry_close(struct registry *registry);

struct registry_schema {
    struct str subject;
    int32_t version; /* 1.. */
    int32_t id;
    enum registry_kind kind;
    struct str text;
    bool deleted;
};
/* Registers, or finds the equal one that is there. ERR_CONFLICT: incompatible, the note says where
 * (HTTP 409); ERR_INVAL: not a schema (42201). Durable on 0. */
int registry_register(struct registry *registry, struct str subject, enum registry_kind kind,
                      struct str text, struct arena *arena, struct registry_schema *out) MUST_USE;
int registry_get(struct registry *registry, struct str subject, int32_t version, /* -1: latest */
                 struct arena *arena, struct registry_schema *out) MUST_USE; /* ERR_NOT_FOUND */
int registry_by_id(struct registry *registry, int32_t id, struct arena *arena,
                   struct registry_schema *out) MUST_USE;
int registry_subjects(struct registry *registry, struct arena *arena, struct str **out,
                      size_t *cnt) MUST_USE;

#endif
