/* regtext.h - a schema's text: is it one, and how it is kept. */
#ifndef REGISTRY_REGTEXT_H
#define REGISTRY_REGTEXT_H

#include "registry/registry_ops.h"

/* The text without white space, so that equal schemas are equal bytes. ERR_INVAL (42201): it is no
 * schema of its kind; ERR_UNSUPPORTED (42201): a kind that is not taken. */
int regtext_canon(struct registry_text text, struct arena *arena, struct str *out) MUST_USE;
/* The kind by its name; "" is AVRO, as with Confluent. */
bool regtext_kind(struct str name, enum registry_kind *out);

#endif
