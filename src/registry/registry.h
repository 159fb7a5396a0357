/* registry.h - the schema of every topic: subjects, versions, ids, compatibility.
 *
 * Source: Confluent's registry; ids are global, one for equal schemas. Embedded: kept in the
 * compacted topic `_schemas` of the log, in Confluent's own record layout, and read at open.
 *
 * Kinds: JSON is checked in full (jsoncompat.h says how). AVRO is kept and given out, but what its
 * text means is not looked at: a second version is taken only where the level is NONE. PROTOBUF is
 * refused. Schemas with references to others are refused.
 *
 * By HTTP: any registry that speaks Confluent's REST; several addresses may be given, commas
 * between. What kinds it takes is its own affair. One that is away is tried again with a back-off,
 * and is ERR_NET meanwhile.
 *
 * Thread: any. Memory: results live in the arena given, or as long as the registry. Errors:
 * registry_code() has Confluent's number for a person's client.
 * Limits: REGISTRY_TEXT_MAX bytes a schema, REGISTRY_SUBJECT_MAX a subject's name. */
#ifndef REGISTRY_REGISTRY_H
#define REGISTRY_REGISTRY_H

#include "base/arena.h"
#include "base/env.h"
#include "model/address.h"
#include "model/finding.h"

#define REGISTRY_TEXT_MAX    ((size_t)1 << 20)
#define REGISTRY_SUBJECT_MAX 512
#define REGISTRY_LATEST      (-1)
#define REGISTRY_ALL         0

struct log;
struct registry;
enum registry_kind { REGISTRY_AVRO, REGISTRY_JSON, REGISTRY_PROTOBUF };
struct registry_conf {
    struct env *env;
    const char *url; /* "embedded:", "http://...", "https://..." */
    struct log *log; /* embedded: borrowed, must outlive the registry */
    const struct address_property *property; /* a swapped tier's; borrowed for the open */
    size_t property_cnt;
};
int registry_open(struct registry **out, const struct registry_conf *conf) MUST_USE;
/* Can it be used? Tells what is found: nothing where the registry is our own. Makes nothing. */
void registry_doctor(const struct registry_conf *conf, const struct finding_to *to);
void registry_close(struct registry *registry);
/* 0, or why it cannot be asked just now, as far as is known without asking. */
int registry_state(struct registry *registry) MUST_USE;

struct registry_schema {
    struct str subject;
    int32_t version; /* 1.. */
    int32_t id;
    enum registry_kind kind;
    struct str text; /* without the white space it came with */
    bool deleted;    /* softly: still there for readers that know its id */
};
/* Registers, or finds the equal one that is there. ERR_CONFLICT: incompatible, the note says where
 * (HTTP 409); ERR_INVAL: not a schema (42201). Durable on 0. */
int registry_register(struct registry *registry, struct str subject, enum registry_kind kind,
                      struct str text, struct arena *arena, struct registry_schema *out) MUST_USE;
/* How often a schema was registered by this handle: asks nobody. Who read a record that was written
 * after its schema was registered, and finds this as it was, knows that schema. */
uint64_t registry_registered(const struct registry *registry);
int registry_get(struct registry *registry, struct str subject, int32_t version, /* -1: latest */
                 struct arena *arena, struct registry_schema *out) MUST_USE; /* ERR_NOT_FOUND */
/* subject is empty and version 0: a schema may be of many. */
int registry_by_id(struct registry *registry, int32_t id, struct arena *arena,
                   struct registry_schema *out) MUST_USE;
int registry_subjects(struct registry *registry, struct arena *arena, struct str **out,
                      size_t *cnt) MUST_USE; /* sorted; with a version that is not deleted */

/* ---- what its REST server needs besides ---- */

/* Confluent's error code of the calling thread's last failed call here, e.g. 40401. */
int registry_code(void);
const char *registry_kind_name(enum registry_kind kind); /* "JSON" */

struct registry_text {
    enum registry_kind kind;
    struct str text;
};
/* The version of the subject that has this very schema; deleted ones too when asked. */
int registry_find(struct registry *registry, struct str subject, struct registry_text text,
                  bool deleted, struct arena *arena, struct registry_schema *out) MUST_USE;
enum registry_show { REGISTRY_LIVE, REGISTRY_WITH_DELETED, REGISTRY_ONLY_DELETED };
/* Versions of a subject (ptr NULL: of all) by subject and version. None is no error. */
int registry_list(struct registry *registry, struct str subject, enum registry_show show,
                  struct arena *arena, struct registry_schema **out, size_t *cnt) MUST_USE;
struct registry_gone {
    int32_t *version;
    size_t cnt;
};
/* A version, REGISTRY_LATEST or REGISTRY_ALL. `permanent` takes what was softly deleted before. */
int registry_delete(struct registry *registry, struct str subject, int32_t version, bool permanent,
                    struct arena *arena, struct registry_gone *out) MUST_USE;

enum registry_level {
    REGISTRY_NONE,
    REGISTRY_BACKWARD,
    REGISTRY_BACKWARD_TRANSITIVE,
    REGISTRY_FORWARD,
    REGISTRY_FORWARD_TRANSITIVE,
    REGISTRY_FULL,
    REGISTRY_FULL_TRANSITIVE,
    REGISTRY_LEVEL_CNT
};
struct registry_config {
    enum registry_level level;
    bool strict; /* Confluent's compatibilityPolicy STRICT, see jsoncompat.h; else LENIENT */
    bool own;    /* out: set for this subject, not taken from the whole registry's */
};
const char *registry_level_name(enum registry_level level);
bool registry_level_of(struct str name, enum registry_level *out);
/* subject.ptr NULL: the whole registry's, BACKWARD and LENIENT unless set. */
int registry_config(struct registry *registry, struct str subject,
                    struct registry_config *out) MUST_USE;
int registry_set_config(struct registry *registry, struct str subject,
                        const struct registry_config *config) MUST_USE; /* NULL: unset it */

struct registry_verdict {
    struct str *why; /* one sentence each; none: compatible */
    size_t cnt;
};
/* Would the schema be taken beside that version? REGISTRY_ALL: beside those the level asks for. */
int registry_check(struct registry *registry, struct str subject, int32_t version,
                   struct registry_text text, struct arena *arena,
                   struct registry_verdict *out) MUST_USE;

#endif
