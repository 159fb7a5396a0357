/* jsonpath.h - a simple path into JSON, compiled once: `results[*]`, `data.items[*]`,
 * `login.uuid`, `[*]`, `[0].id`, `$.a['odd name']`, and "" for the whole text.
 *
 *   path = ["$"] step*      step = name | "." name | "[*]" | "[" digits "]" | "['" text "']"
 *
 * Memory:  a path lives in its arena; matches are slices of the text.
 * Errors:  ERR_SYNTAX with the position in the path. Limits: JSONPATH_STEP_MAX steps,
 *          JSONPATH_MATCH_MAX matches. Names match exactly. */
#ifndef WIRE_JSON_JSONPATH_H
#define WIRE_JSON_JSONPATH_H

#include "wire/json/json.h"

#define JSONPATH_STEP_MAX  32
#define JSONPATH_MATCH_MAX 10000000

struct jsonpath;

int jsonpath_parse(struct str text, struct arena *arena, const struct jsonpath **out) MUST_USE;
/* Has it a [*], so that it may match more than once? */
bool jsonpath_many(const struct jsonpath *path);
/* All matches in the text's order, in `arena`. The whole text is checked. Nothing there: 0 matches
 * and 0; a step that meets another kind of value (a name on an array) matches nothing. Of a name
 * given twice in one object, all are matched. */
int jsonpath_find(const struct jsonpath *path, struct str text, struct arena *arena,
                  struct json_value **out, size_t *cnt) MUST_USE;
/* The last match of a path without [*]: ERR_NOT_FOUND. */
int jsonpath_get(const struct jsonpath *path, struct str text, struct json_value *out) MUST_USE;
/* `text` without what the path leads to, in `arena`: members and items are taken out with their
 * comma, all else stays byte for byte; `text` itself when nothing is there. ERR_INVAL: the path is
 * the whole text. */
int jsonpath_cut(const struct jsonpath *path, struct str text, struct arena *arena,
                 struct str *out) MUST_USE;

#endif
