/* sysrows_schema.c - system_schema: keyspaces, tables, columns and types as Cassandra lists them,
 * those of the store first, then the system's own. What a table here cannot be told (how it is
 * compacted, cached, compressed) is shown with Cassandra's defaults, since drivers require it. */
#include "store/server/sysrows.h"

#include "store/server/cqlddl.h"

static int keyspace_row(struct systab_out *out, struct str name, const struct store_keyspace *of) {
    const struct str *pair;
    size_t cnt;
    cqlddl_replication(of, out->arena, &pair, &cnt);
    systab_set(out, "keyspace_name", name);
    systab_set_bool(out, "durable_writes", of ? of->durable_writes : true);
    systab_set_items(out, "replication", pair, cnt);
    return systab_emit(out);
}

int sysrows_schema_keyspaces(struct systab_out *out) {
    struct store_keyspace *keyspace;
    size_t cnt;
    int err = store_keyspaces(out->sys->conf.store, out->arena, &keyspace, &cnt);
    for (size_t i = 0; !err && i < cnt; i++)
        err = keyspace_row(out, keyspace[i].name, &keyspace[i]);
    const char *name;
    for (size_t i = 0; !err && (name = cqlsys_keyspace(i)) != NULL; i++)
        if (strcmp(name, "system_virtual_schema") != 0) err = keyspace_row(out, str_of(name), NULL);
    return err;
}

/* Calls `each` for the store's tables, then for the system's. */
static int each_table(struct systab_out *out,
                      int (*each)(struct systab_out *out, const struct store_table *table)) {
    struct store_table *table;
    size_t cnt;
    int err = store_tables(out->sys->conf.store, STR_NULL, out->arena, &table, &cnt);
    for (size_t i = 0; !err && i < cnt; i++) err = each(out, &table[i]);
    const char *name;
    for (size_t k = 0; !err && (name = cqlsys_keyspace(k)) != NULL; k++) {
        if (strcmp(name, "system_virtual_schema") == 0) continue;
        cqlsys_tables(str_of(name), out->arena, &table, &cnt);
        for (size_t i = 0; !err && i < cnt; i++) err = each(out, &table[i]);
    }
    return err;
}

static int table_row(struct systab_out *out, const struct store_table *table) {
    systab_set(out, "keyspace_name", table->keyspace);
    systab_set(out, "table_name", table->name);
    systab_set(out, "comment", table->comment.ptr ? table->comment : STR(""));
    systab_set_uuid(out, "id", &table->id);
    systab_set_i32(out, "default_time_to_live", table->default_ttl_s);
    systab_set_text(out, "additional_write_policy", "99p");
    systab_set_f64(out, "bloom_filter_fp_chance", 0.01);
    systab_set_items(out, "caching",
                     (struct str[]){STR("keys"), STR("ALL"), STR("rows_per_partition"),
                                    STR("NONE")}, 4);
    systab_set_items(out, "compaction",
                     (struct str[]){STR("class"),
                                    STR("org.apache.cassandra.db.compaction."
                                        "SizeTieredCompactionStrategy"),
                                    STR("max_threshold"), STR("32"), STR("min_threshold"),
                                    STR("4")}, 6);
    systab_set_items(out, "compression",
                     (struct str[]){STR("chunk_length_in_kb"), STR("16"), STR("class"),
                                    STR("org.apache.cassandra.io.compress.LZ4Compressor")}, 4);
    systab_set_bool(out, "cdc", false);
    systab_set_f64(out, "crc_check_chance", 1.0);
    systab_set_f64(out, "dclocal_read_repair_chance", 0.0);
    systab_set_items(out, "extensions", NULL, 0);
    systab_set_items(out, "flags", (struct str[]){STR("compound")}, 1);
    systab_set_i32(out, "gc_grace_seconds", 864000);
    systab_set_i32(out, "max_index_interval", 2048);
    systab_set_i32(out, "memtable_flush_period_in_ms", 0);
    systab_set_i32(out, "min_index_interval", 128);
    systab_set_text(out, "read_repair", "BLOCKING");
    systab_set_f64(out, "read_repair_chance", 0.0);
    systab_set_text(out, "speculative_retry", "99p");
    return systab_emit(out);
}

int sysrows_schema_tables(struct systab_out *out) {
    return each_table(out, table_row);
}

static int column_rows(struct systab_out *out, const struct store_table *table) {
    static const char *const kind[] = {"partition_key", "clustering", "static", "regular"};
    int err = 0;
    for (size_t i = 0; !err && i < table->col_cnt; i++) {
        const struct store_col *col = &table->col[i];
        bool key = col->kind == STORE_PKEY || col->kind == STORE_CKEY;
        systab_set(out, "keyspace_name", table->keyspace);
        systab_set(out, "table_name", table->name);
        systab_set(out, "column_name", col->name);
        systab_set(out, "column_name_bytes", col->name);
        systab_set_text(out, "clustering_order",
                        col->kind != STORE_CKEY ? "none" : col->desc ? "desc" : "asc");
        systab_set_text(out, "kind", kind[col->kind]);
        systab_set_i32(out, "position", key ? col->pos : -1);
        systab_set(out, "type", cqlddl_type(col->type, out->arena));
        err = systab_emit(out);
    }
    return err;
}

int sysrows_schema_columns(struct systab_out *out) {
    return each_table(out, column_rows);
}

int sysrows_schema_types(struct systab_out *out) {
    struct store_udt *udt;
    size_t cnt;
    int err = store_udts(out->sys->conf.store, STR_NULL, out->arena, &udt, &cnt);
    for (size_t i = 0; !err && i < cnt; i++) {
        const struct cqltype *type = udt[i].type;
        struct str *field = arena_array(out->arena, struct str, (size_t)type->arg_cnt + 1);
        for (size_t k = 0; k < type->arg_cnt; k++)
            field[k] = cqlddl_type(type->arg[k], out->arena);
        systab_set(out, "keyspace_name", udt[i].keyspace);
        systab_set(out, "type_name", udt[i].name);
        systab_set_items(out, "field_names", type->field, type->arg_cnt);
        systab_set_items(out, "field_types", field, type->arg_cnt);
        err = systab_emit(out);
    }
    return err;
}
