/* systab.h - how a system table is written down, and how its rows are made.
 *
 * A definition lists its columns in the store's order: partition key, clustering key, the others by
 * name. A row is set column by column, by name, and given out; what is not set is null. */
#ifndef STORE_SERVER_SYSTAB_H
#define STORE_SERVER_SYSTAB_H

#include "store/server/cqlsys.h"

#define SYSTAB_COL_MAX 32

extern const struct cqltype systab_text, systab_blob, systab_int, systab_bigint, systab_double,
    systab_boolean, systab_uuid, systab_timeuuid, systab_inet, systab_timestamp, systab_text_set,
    systab_frozen_text_set, systab_text_list, systab_frozen_text_list, systab_text_map,
    systab_frozen_text_map, systab_uuid_blob_map, systab_frozen_blob_map;

struct systab_col {
    const char *name;
    const struct cqltype *type;
    enum store_kind kind;
};
struct systab_out;
struct systab {
    const char *keyspace, *name, *comment;
    const struct systab_col *col;
    size_t col_cnt;
    int (*rows)(struct systab_out *out); /* NULL: always empty */
};

/* Where a table's rows go. */
struct systab_out {
    struct cqlsys *sys;
    const struct systab *table;
    struct arena *arena;
    cqlexec_emit_fn *emit;
    void *arg;
    struct str value[SYSTAB_COL_MAX]; /* of the row being made */
};
void systab_set(struct systab_out *out, const char *col, struct str bytes);
void systab_set_text(struct systab_out *out, const char *col, const char *text);
void systab_set_i32(struct systab_out *out, const char *col, int32_t v);
void systab_set_i64(struct systab_out *out, const char *col, int64_t v);
void systab_set_f64(struct systab_out *out, const char *col, double v);
void systab_set_bool(struct systab_out *out, const char *col, bool v);
void systab_set_uuid(struct systab_out *out, const char *col, const struct uuid *id);
void systab_set_inet(struct systab_out *out, const char *col, const char *address);
/* A list, set or map: `cnt` items, or keys and values in turn (then cnt counts both). */
void systab_set_items(struct systab_out *out, const char *col, const struct str *item, size_t cnt);
int systab_emit(struct systab_out *out) MUST_USE; /* and starts the next row */

/* All of them: systab_def.c. */
extern const struct systab systab_def_all[];
extern const size_t systab_def_cnt;

#endif
