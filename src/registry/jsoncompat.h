/* jsoncompat.h - may what was written with one JSON Schema be read with another?
 *
 * It may when every value that the writer's schema allows, the reader's allows too. Each place
 * where that does not hold, or cannot be shown to, is said with its path. Looked at: type, enum,
 * const; bounds of numbers, lengths, items and properties; pattern, multipleOf, uniqueItems;
 * properties, required, additionalProperties, patternProperties; items as one schema and as a
 * tuple (prefixItems); allOf, anyOf, oneOf; $ref within the schema. Any other keyword that
 * constrains (not, if, contains, dependencies, propertyNames, ...) must be the same in both, or be
 * in the writer's only. Titles, descriptions, formats and unknown keywords do not matter.
 *
 * Two rules are Confluent's rather than logic's. A property that becomes required is allowed when
 * it has a default. And a property that only the reader names, where the writer's content is open
 * (it has no additionalProperties: false), is refused when `strict`, as anything may have been
 * written under that name, and allowed when not: so tables grow, and so is LENIENT meant there.
 *
 * Errors: ERR_INVAL: not a JSON Schema. Limits: JSONCOMPAT_STEP_MAX comparisons, then refused. */
#ifndef REGISTRY_JSONCOMPAT_H
#define REGISTRY_JSONCOMPAT_H

#include "base/arena.h"

#define JSONCOMPAT_STEP_MAX  100000
#define JSONCOMPAT_DEPTH_MAX 64
#define JSONCOMPAT_WHY_MAX   50

/* Is the text a JSON Schema, as far as one can tell without its vocabulary? */
int jsoncompat_valid(struct str text) MUST_USE;
/* *why and *cnt: the differences, in `arena`; none: it may be read. */
int jsoncompat_check(struct str writer, struct str reader, bool strict, struct arena *arena,
                     struct str **why, size_t *cnt) MUST_USE;

#endif
