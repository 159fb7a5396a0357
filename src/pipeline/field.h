/* field.h - reading typed values out of YAML nodes, each mistake reported with its remedy.
 *
 * Every function returns whether the value could be used; when not, the mistake is in the report
 * and *out is left as it was, so that reading goes on and finds the next one. */
#ifndef PIPELINE_FIELD_H
#define PIPELINE_FIELD_H

#include "pipeline/ynode.h"

struct field_in {
    struct arena *arena;
    struct report *report;
};

bool field_text(struct field_in *in, const struct ynode *node, struct str *out);
bool field_bool(struct field_in *in, const struct ynode *node, bool *out);
bool field_int(struct field_in *in, const struct ynode *node, int64_t low, int64_t high,
               int64_t *out);
bool field_dur(struct field_in *in, const struct ynode *node, int64_t *us);
/* One text, or a list of them. */
bool field_texts(struct field_in *in, const struct ynode *node, const struct str **out,
                 size_t *cnt);
bool field_map(struct field_in *in, const struct ynode *node, const char *what);
/* Reports every key of `map` that is not among `names`, with the nearest of them. */
void field_known(struct field_in *in, const struct ynode *map, const char *const *names,
                 size_t cnt, const char *where);
/* A name for something made: letters, digits, '_', '-', '.', at most `max` long. */
bool field_name(struct field_in *in, const struct ynode *node, size_t max, const char *what);

#endif
