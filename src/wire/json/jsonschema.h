/* jsonschema.h - a type as a JSON Schema (draft-07) text, and back.
 *
 *   type        schema
 *   BOOLEAN     "type": "boolean"
 *   TINYINT..   "type": "integer" (with "connect.type" naming the width when it is not BIGINT)
 *   DOUBLE      "type": "number"
 *   STRING      "type": "string", or all scalars when the column may hold any: see JSONSCHEMA_ANY
 *   TIMESTAMP   "type": "string", "format": "date-time"; DATE "date"; UUID "uuid"
 *   BINARY      "type": "string", "contentEncoding": "base64"
 *   others      "sql.type": "DECIMAL(10,2)" beside the plain type
 *   STRUCT      "type": "object" with "properties"; ARRAY "array"; MAP "additionalProperties"
 *   nullable    "type": ["string", "null"]
 *
 * Reading takes these, and of foreign schemas: "oneOf"/"anyOf" with null, lists of types (widened
 * as Spark's inference would), "allOf", "$ref" to "#/definitions/..." or "#/$defs/...", "const"
 * and "enum" by their values; {} and an object of unknown members are STRING, their text. All
 * fields that are read are nullable, as from_json's are. Other keywords are passed over.
 *
 * Errors: ERR_SYNTAX, ERR_UNSUPPORTED, ERR_TOO_BIG. */
#ifndef WIRE_JSON_JSONSCHEMA_H
#define WIRE_JSON_JSONSCHEMA_H

#include "model/type.h"

/* Every STRING accepts any JSON scalar and container: for columns that were inferred from JSON,
 * where a STRING may be the widening of text and numbers. */
#define JSONSCHEMA_ANY 1u

/* `title` may be empty. */
void jsonschema_format(const struct type *type, struct str title, unsigned flags, struct buf *out);
int jsonschema_parse(struct str text, struct arena *arena, const struct type **out) MUST_USE;

#endif
