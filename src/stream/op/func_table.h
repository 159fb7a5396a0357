/* func_table.h - all scalar functions by name. Thread: any; the tables are constant. */
#ifndef STREAM_OP_FUNC_TABLE_H
#define STREAM_OP_FUNC_TABLE_H

#include "stream/op/func.h"

/* The families; each in the fn_<family>.c of its name. */
extern const struct func fn_arith[];
extern const struct func fn_case[];
extern const struct func fn_core[];
extern const struct func fn_date[];
extern const struct func fn_datefmt[];
extern const struct func fn_digest[];
extern const struct func fn_format[];
extern const struct func fn_json[];
extern const struct func fn_like[];
extern const struct func fn_list[];
extern const struct func fn_listset[];
extern const struct func fn_map[];
extern const struct func fn_math[];
extern const struct func fn_misc[];
extern const struct func fn_regexp[];
extern const struct func fn_round[];
extern const struct func fn_session[];
extern const struct func fn_string[];
extern const struct func fn_url[];

/* The first function of that name (case ignored) after `after` (NULL: from the start), or NULL. */
const struct func *func_table_find(struct str name, const struct func *after);
/* All names, each once, in table order; returns how many were put, at most `max`. */
size_t func_table_names(struct str *name, size_t max);

#endif
