/* regtopic.h - the records of topic `_schemas`, as Confluent's registry lays them out.
 *
 *   key                                                          value
 *   {"keytype":"SCHEMA","subject":s,"version":n,"magic":1}       {"subject":s,"version":n,"id":i,
 *                                            "schemaType":"JSON","schema":text,"deleted":bool}
 *   {"keytype":"CONFIG","subject":s,"magic":0}                   {"subject":s,
 *      (without subject: the whole registry's)                   "compatibilityLevel":"FULL"}
 *   {"keytype":"DELETE_SUBJECT","subject":s,"magic":0}           {"subject":s,"version":n}
 *
 * schemaType is left out for Avro. A null value takes back what its key said. Other types of key
 * (NOOP, MODE, CONTEXT, ...) are passed over. */
#ifndef REGISTRY_EMBEDDED_REGTOPIC_H
#define REGISTRY_EMBEDDED_REGTOPIC_H

#include "base/buf.h"
#include "log/log.h"
#include "model/record.h"
#include "registry/registry_ops.h"

enum regtopic_kind { REGTOPIC_OTHER, REGTOPIC_SCHEMA, REGTOPIC_CONFIG, REGTOPIC_DELETE_SUBJECT };
struct regtopic_entry {
    enum regtopic_kind kind;
    bool gone; /* the value is null */
    struct registry_schema schema; /* subject and version, for CONFIG the former alone */
    struct registry_config config;
};

void regtopic_encode(const struct regtopic_entry *entry, struct buf *key, struct buf *value);
/* ERR_CORRUPT. Texts are slices of the record or in `arena`. */
int regtopic_decode(const struct record *record, struct arena *arena,
                    struct regtopic_entry *out) MUST_USE;

/* Makes the topic when it is not there. */
int regtopic_make(struct log *log) MUST_USE;
int regtopic_append(struct log *log, struct env *env,
                    const struct regtopic_entry *entry) MUST_USE; /* durable on 0 */
/* Calls `each` for every entry from the first on; what it gets lives for the call. */
int regtopic_read(struct log *log, int (*each)(void *arg, const struct regtopic_entry *entry),
                  void *arg) MUST_USE;

#endif
