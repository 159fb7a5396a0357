/* systab_def.c - the system tables: their columns, one line each, and what makes their rows. */
#include "store/server/sysrows.h"

static const struct systab_col local[] = {
    {"key", &systab_text, STORE_PKEY},
    {"bootstrapped", &systab_text, STORE_REGULAR},
    {"broadcast_address", &systab_inet, STORE_REGULAR},
    {"broadcast_port", &systab_int, STORE_REGULAR},
    {"cluster_name", &systab_text, STORE_REGULAR},
    {"cql_version", &systab_text, STORE_REGULAR},
    {"data_center", &systab_text, STORE_REGULAR},
    {"gossip_generation", &systab_int, STORE_REGULAR},
    {"host_id", &systab_uuid, STORE_REGULAR},
    {"listen_address", &systab_inet, STORE_REGULAR},
    {"listen_port", &systab_int, STORE_REGULAR},
    {"native_protocol_version", &systab_text, STORE_REGULAR},
    {"partitioner", &systab_text, STORE_REGULAR},
    {"rack", &systab_text, STORE_REGULAR},
    {"release_version", &systab_text, STORE_REGULAR},
    {"rpc_address", &systab_inet, STORE_REGULAR},
    {"rpc_port", &systab_int, STORE_REGULAR},
    {"schema_version", &systab_uuid, STORE_REGULAR},
    {"tokens", &systab_text_set, STORE_REGULAR},
    {"truncated_at", &systab_uuid_blob_map, STORE_REGULAR},
};

static const struct systab_col peers[] = {
    {"peer", &systab_inet, STORE_PKEY},
    {"data_center", &systab_text, STORE_REGULAR},
    {"host_id", &systab_uuid, STORE_REGULAR},
    {"preferred_ip", &systab_inet, STORE_REGULAR},
    {"rack", &systab_text, STORE_REGULAR},
    {"release_version", &systab_text, STORE_REGULAR},
    {"rpc_address", &systab_inet, STORE_REGULAR},
    {"schema_version", &systab_uuid, STORE_REGULAR},
    {"tokens", &systab_text_set, STORE_REGULAR},
};

static const struct systab_col peers_v2[] = {
    {"peer", &systab_inet, STORE_PKEY},
    {"peer_port", &systab_int, STORE_CKEY},
    {"data_center", &systab_text, STORE_REGULAR},
    {"host_id", &systab_uuid, STORE_REGULAR},
    {"native_address", &systab_inet, STORE_REGULAR},
    {"native_port", &systab_int, STORE_REGULAR},
    {"preferred_ip", &systab_inet, STORE_REGULAR},
    {"preferred_port", &systab_int, STORE_REGULAR},
    {"rack", &systab_text, STORE_REGULAR},
    {"release_version", &systab_text, STORE_REGULAR},
    {"schema_version", &systab_uuid, STORE_REGULAR},
    {"tokens", &systab_text_set, STORE_REGULAR},
};

static const struct systab_col prepared[] = {
    {"prepared_id", &systab_blob, STORE_PKEY},
    {"logged_keyspace", &systab_text, STORE_REGULAR},
    {"query_string", &systab_text, STORE_REGULAR},
};

static const struct systab_col size[] = {
    {"keyspace_name", &systab_text, STORE_PKEY},
    {"table_name", &systab_text, STORE_CKEY},
    {"range_start", &systab_text, STORE_CKEY},
    {"range_end", &systab_text, STORE_CKEY},
    {"mean_partition_size", &systab_bigint, STORE_REGULAR},
    {"partitions_count", &systab_bigint, STORE_REGULAR},
};

static const struct systab_col table_size[] = {
    {"keyspace_name", &systab_text, STORE_PKEY},
    {"table_name", &systab_text, STORE_CKEY},
    {"range_type", &systab_text, STORE_CKEY},
    {"range_start", &systab_text, STORE_CKEY},
    {"range_end", &systab_text, STORE_CKEY},
    {"mean_partition_size", &systab_bigint, STORE_REGULAR},
    {"partitions_count", &systab_bigint, STORE_REGULAR},
};

static const struct systab_col built_views[] = {
    {"keyspace_name", &systab_text, STORE_PKEY},
    {"view_name", &systab_text, STORE_CKEY},
    {"status_replicated", &systab_boolean, STORE_REGULAR},
};

static const struct systab_col index_info[] = {
    {"table_name", &systab_text, STORE_PKEY},
    {"index_name", &systab_text, STORE_CKEY},
    {"value", &systab_blob, STORE_REGULAR},
};

static const struct systab_col keyspaces[] = {
    {"keyspace_name", &systab_text, STORE_PKEY},
    {"durable_writes", &systab_boolean, STORE_REGULAR},
    {"replication", &systab_frozen_text_map, STORE_REGULAR},
};

static const struct systab_col tables[] = {
    {"keyspace_name", &systab_text, STORE_PKEY},
    {"table_name", &systab_text, STORE_CKEY},
    {"additional_write_policy", &systab_text, STORE_REGULAR},
    {"allow_auto_snapshot", &systab_boolean, STORE_REGULAR},
    {"bloom_filter_fp_chance", &systab_double, STORE_REGULAR},
    {"caching", &systab_frozen_text_map, STORE_REGULAR},
    {"cdc", &systab_boolean, STORE_REGULAR},
    {"comment", &systab_text, STORE_REGULAR},
    {"compaction", &systab_frozen_text_map, STORE_REGULAR},
    {"compression", &systab_frozen_text_map, STORE_REGULAR},
    {"crc_check_chance", &systab_double, STORE_REGULAR},
    {"dclocal_read_repair_chance", &systab_double, STORE_REGULAR},
    {"default_time_to_live", &systab_int, STORE_REGULAR},
    {"extensions", &systab_frozen_blob_map, STORE_REGULAR},
    {"flags", &systab_frozen_text_set, STORE_REGULAR},
    {"gc_grace_seconds", &systab_int, STORE_REGULAR},
    {"id", &systab_uuid, STORE_REGULAR},
    {"incremental_backups", &systab_boolean, STORE_REGULAR},
    {"max_index_interval", &systab_int, STORE_REGULAR},
    {"memtable", &systab_text, STORE_REGULAR},
    {"memtable_flush_period_in_ms", &systab_int, STORE_REGULAR},
    {"min_index_interval", &systab_int, STORE_REGULAR},
    {"read_repair", &systab_text, STORE_REGULAR},
    {"read_repair_chance", &systab_double, STORE_REGULAR},
    {"speculative_retry", &systab_text, STORE_REGULAR},
};

static const struct systab_col columns[] = {
    {"keyspace_name", &systab_text, STORE_PKEY},
    {"table_name", &systab_text, STORE_CKEY},
    {"column_name", &systab_text, STORE_CKEY},
    {"clustering_order", &systab_text, STORE_REGULAR},
    {"column_name_bytes", &systab_blob, STORE_REGULAR},
    {"kind", &systab_text, STORE_REGULAR},
    {"position", &systab_int, STORE_REGULAR},
    {"type", &systab_text, STORE_REGULAR},
};

static const struct systab_col types[] = {
    {"keyspace_name", &systab_text, STORE_PKEY},
    {"type_name", &systab_text, STORE_CKEY},
    {"field_names", &systab_frozen_text_list, STORE_REGULAR},
    {"field_types", &systab_frozen_text_list, STORE_REGULAR},
};

static const struct systab_col functions[] = {
    {"keyspace_name", &systab_text, STORE_PKEY},
    {"function_name", &systab_text, STORE_CKEY},
    {"argument_types", &systab_frozen_text_list, STORE_CKEY},
    {"argument_names", &systab_frozen_text_list, STORE_REGULAR},
    {"body", &systab_text, STORE_REGULAR},
    {"called_on_null_input", &systab_boolean, STORE_REGULAR},
    {"language", &systab_text, STORE_REGULAR},
    {"return_type", &systab_text, STORE_REGULAR},
};

static const struct systab_col aggregates[] = {
    {"keyspace_name", &systab_text, STORE_PKEY},
    {"aggregate_name", &systab_text, STORE_CKEY},
    {"argument_types", &systab_frozen_text_list, STORE_CKEY},
    {"final_func", &systab_text, STORE_REGULAR},
    {"initcond", &systab_text, STORE_REGULAR},
    {"return_type", &systab_text, STORE_REGULAR},
    {"state_func", &systab_text, STORE_REGULAR},
    {"state_type", &systab_text, STORE_REGULAR},
};

static const struct systab_col triggers[] = {
    {"keyspace_name", &systab_text, STORE_PKEY},
    {"table_name", &systab_text, STORE_CKEY},
    {"trigger_name", &systab_text, STORE_CKEY},
    {"options", &systab_frozen_text_map, STORE_REGULAR},
};

static const struct systab_col indexes[] = {
    {"keyspace_name", &systab_text, STORE_PKEY},
    {"table_name", &systab_text, STORE_CKEY},
    {"index_name", &systab_text, STORE_CKEY},
    {"kind", &systab_text, STORE_REGULAR},
    {"options", &systab_frozen_text_map, STORE_REGULAR},
};

static const struct systab_col views[] = {
    {"keyspace_name", &systab_text, STORE_PKEY},
    {"view_name", &systab_text, STORE_CKEY},
    {"additional_write_policy", &systab_text, STORE_REGULAR},
    {"allow_auto_snapshot", &systab_boolean, STORE_REGULAR},
    {"base_table_id", &systab_uuid, STORE_REGULAR},
    {"base_table_name", &systab_text, STORE_REGULAR},
    {"bloom_filter_fp_chance", &systab_double, STORE_REGULAR},
    {"caching", &systab_frozen_text_map, STORE_REGULAR},
    {"cdc", &systab_boolean, STORE_REGULAR},
    {"comment", &systab_text, STORE_REGULAR},
    {"compaction", &systab_frozen_text_map, STORE_REGULAR},
    {"compression", &systab_frozen_text_map, STORE_REGULAR},
    {"crc_check_chance", &systab_double, STORE_REGULAR},
    {"dclocal_read_repair_chance", &systab_double, STORE_REGULAR},
    {"default_time_to_live", &systab_int, STORE_REGULAR},
    {"extensions", &systab_frozen_blob_map, STORE_REGULAR},
    {"gc_grace_seconds", &systab_int, STORE_REGULAR},
    {"id", &systab_uuid, STORE_REGULAR},
    {"include_all_columns", &systab_boolean, STORE_REGULAR},
    {"incremental_backups", &systab_boolean, STORE_REGULAR},
    {"max_index_interval", &systab_int, STORE_REGULAR},
    {"memtable", &systab_text, STORE_REGULAR},
    {"memtable_flush_period_in_ms", &systab_int, STORE_REGULAR},
    {"min_index_interval", &systab_int, STORE_REGULAR},
    {"read_repair", &systab_text, STORE_REGULAR},
    {"read_repair_chance", &systab_double, STORE_REGULAR},
    {"speculative_retry", &systab_text, STORE_REGULAR},
    {"where_clause", &systab_text, STORE_REGULAR},
};

static const struct systab_col dropped_columns[] = {
    {"keyspace_name", &systab_text, STORE_PKEY},
    {"table_name", &systab_text, STORE_CKEY},
    {"column_name", &systab_text, STORE_CKEY},
    {"dropped_time", &systab_timestamp, STORE_REGULAR},
    {"kind", &systab_text, STORE_REGULAR},
    {"type", &systab_text, STORE_REGULAR},
};

static const struct systab_col column_masks[] = {
    {"keyspace_name", &systab_text, STORE_PKEY},
    {"table_name", &systab_text, STORE_CKEY},
    {"column_name", &systab_text, STORE_CKEY},
    {"function_argument_nulls", &systab_frozen_text_list, STORE_REGULAR},
    {"function_argument_types", &systab_frozen_text_list, STORE_REGULAR},
    {"function_argument_values", &systab_frozen_text_list, STORE_REGULAR},
    {"function_keyspace", &systab_text, STORE_REGULAR},
    {"function_name", &systab_text, STORE_REGULAR},
};

static const struct systab_col v_keyspaces[] = {
    {"keyspace_name", &systab_text, STORE_PKEY},
};

static const struct systab_col v_tables[] = {
    {"keyspace_name", &systab_text, STORE_PKEY},
    {"table_name", &systab_text, STORE_CKEY},
    {"comment", &systab_text, STORE_REGULAR},
};

static const struct systab_col v_columns[] = {
    {"keyspace_name", &systab_text, STORE_PKEY},
    {"table_name", &systab_text, STORE_CKEY},
    {"column_name", &systab_text, STORE_CKEY},
    {"clustering_order", &systab_text, STORE_REGULAR},
    {"column_name_bytes", &systab_blob, STORE_REGULAR},
    {"kind", &systab_text, STORE_REGULAR},
    {"position", &systab_int, STORE_REGULAR},
    {"type", &systab_text, STORE_REGULAR},
};

static const struct systab_col roles[] = {
    {"role", &systab_text, STORE_PKEY},
    {"can_login", &systab_boolean, STORE_REGULAR},
    {"is_superuser", &systab_boolean, STORE_REGULAR},
    {"member_of", &systab_text_set, STORE_REGULAR},
    {"salted_hash", &systab_text, STORE_REGULAR},
};

static const struct systab_col role_members[] = {
    {"role", &systab_text, STORE_PKEY},
    {"member", &systab_text, STORE_CKEY},
};

static const struct systab_col role_permissions[] = {
    {"role", &systab_text, STORE_PKEY},
    {"resource", &systab_text, STORE_CKEY},
    {"permissions", &systab_text_set, STORE_REGULAR},
};

static const struct systab_col sessions[] = {
    {"session_id", &systab_uuid, STORE_PKEY},
    {"client", &systab_inet, STORE_REGULAR},
    {"command", &systab_text, STORE_REGULAR},
    {"coordinator", &systab_inet, STORE_REGULAR},
    {"coordinator_port", &systab_int, STORE_REGULAR},
    {"duration", &systab_int, STORE_REGULAR},
    {"parameters", &systab_text_map, STORE_REGULAR},
    {"request", &systab_text, STORE_REGULAR},
    {"started_at", &systab_timestamp, STORE_REGULAR},
};

static const struct systab_col events[] = {
    {"session_id", &systab_uuid, STORE_PKEY},
    {"event_id", &systab_timeuuid, STORE_CKEY},
    {"activity", &systab_text, STORE_REGULAR},
    {"source", &systab_inet, STORE_REGULAR},
    {"source_elapsed", &systab_int, STORE_REGULAR},
    {"source_port", &systab_int, STORE_REGULAR},
    {"thread", &systab_text, STORE_REGULAR},
};

#define TABLE(keyspace, name, comment, col, rows) \
    {keyspace, name, comment, col, ARRAY_LEN(col), rows}

const struct systab systab_def_all[] = {
    TABLE("system", "local", "the server itself", local, sysrows_node_local),
    TABLE("system", "peers", "other servers: none", peers, NULL),
    TABLE("system", "peers_v2", "other servers: none", peers_v2, NULL),
    TABLE("system", "prepared_statements", "prepared statements that are remembered", prepared,
          sysrows_node_prepared),
    TABLE("system", "size_estimates", "about how large each table is", size, sysrows_node_size),
    TABLE("system", "table_estimates", "about how large each table is", table_size,
          sysrows_node_table_size),
    TABLE("system", "built_views", "materialized views: none", built_views, NULL),
    TABLE("system", "IndexInfo", "built secondary indexes", index_info, NULL),
    TABLE("system_schema", "keyspaces", "keyspace definitions", keyspaces,
          sysrows_schema_keyspaces),
    TABLE("system_schema", "tables", "table definitions", tables, sysrows_schema_tables),
    TABLE("system_schema", "columns", "column definitions", columns, sysrows_schema_columns),
    TABLE("system_schema", "types", "user types", types, sysrows_schema_types),
    TABLE("system_schema", "functions", "user functions: none", functions, NULL),
    TABLE("system_schema", "aggregates", "user aggregates: none", aggregates, NULL),
    TABLE("system_schema", "triggers", "triggers: none", triggers, NULL),
    TABLE("system_schema", "indexes", "secondary indexes", indexes, NULL),
    TABLE("system_schema", "views", "materialized views: none", views, NULL),
    TABLE("system_schema", "dropped_columns", "columns that were dropped", dropped_columns, NULL),
    TABLE("system_schema", "column_masks", "masked columns: none", column_masks, NULL),
    TABLE("system_virtual_schema", "keyspaces", "virtual keyspace definitions", v_keyspaces,
          sysrows_virtual_keyspaces),
    TABLE("system_virtual_schema", "tables", "virtual table definitions", v_tables,
          sysrows_virtual_tables),
    TABLE("system_virtual_schema", "columns", "virtual column definitions", v_columns,
          sysrows_virtual_columns),
    TABLE("system_auth", "roles", "roles: none", roles, NULL),
    TABLE("system_auth", "role_members", "members of roles: none", role_members, NULL),
    TABLE("system_auth", "role_permissions", "permissions of roles: none", role_permissions,
          NULL),
    TABLE("system_traces", "sessions", "traced statements: none", sessions, NULL),
    TABLE("system_traces", "events", "steps of traced statements: none", events, NULL),
};
const size_t systab_def_cnt = ARRAY_LEN(systab_def_all);
