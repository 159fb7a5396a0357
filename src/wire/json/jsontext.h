/* jsontext.h - JSON values as the text Spark gives a STRING column for them. */
#ifndef WIRE_JSON_JSONTEXT_H
#define WIRE_JSON_JSONTEXT_H

#include "wire/json/json.h"

/* A value out of a cursor (so it is well-formed) as Spark copies it: no white space, strings with
 * no escapes but the needed ones, numbers with a point or exponent as Java writes a double. A
 * STRING gives its content when `bare`. */
void jsontext_copy(const struct json_value *value, unsigned flags, bool bare, struct buf *out);

/* A number or word as a string in `arena`: 1.50 is "1.5", 007 cannot be, 12 is a slice. */
struct str jsontext_scalar(const struct json_value *value, struct arena *arena);

#endif
