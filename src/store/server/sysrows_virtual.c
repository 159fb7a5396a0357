/* sysrows_virtual.c - system_virtual_schema: the keyspaces that Cassandra too computes. Here that
 * is only this one; the other system keyspaces look like stored ones, as they do there. */
#include "store/server/sysrows.h"

#include "store/server/cqlddl.h"

#define NAME "system_virtual_schema"

int sysrows_virtual_keyspaces(struct systab_out *out) {
    systab_set_text(out, "keyspace_name", NAME);
    return systab_emit(out);
}

int sysrows_virtual_tables(struct systab_out *out) {
    struct store_table *table;
    size_t cnt;
    int err = 0;
    cqlsys_tables(STR(NAME), out->arena, &table, &cnt);
    for (size_t i = 0; !err && i < cnt; i++) {
        systab_set(out, "keyspace_name", table[i].keyspace);
        systab_set(out, "table_name", table[i].name);
        systab_set(out, "comment", table[i].comment);
        err = systab_emit(out);
    }
    return err;
}

int sysrows_virtual_columns(struct systab_out *out) {
    static const char *const kind[] = {"partition_key", "clustering", "static", "regular"};
    struct store_table *table;
    size_t cnt;
    int err = 0;
    cqlsys_tables(STR(NAME), out->arena, &table, &cnt);
    for (size_t i = 0; i < cnt; i++) {
        for (size_t c = 0; !err && c < table[i].col_cnt; c++) {
            const struct store_col *col = &table[i].col[c];
            systab_set(out, "keyspace_name", table[i].keyspace);
            systab_set(out, "table_name", table[i].name);
            systab_set(out, "column_name", col->name);
            systab_set(out, "column_name_bytes", col->name);
            systab_set_text(out, "clustering_order", col->kind == STORE_CKEY ? "asc" : "none");
            systab_set_text(out, "kind", kind[col->kind]);
            systab_set_i32(out, "position", col->kind <= STORE_CKEY ? col->pos : -1);
            systab_set(out, "type", cqlddl_type(col->type, out->arena));
            err = systab_emit(out);
        }
    }
    return err;
}
