/* sysrows_node.c - what drivers ask about the node itself. */
#include "base/err.h"
#include "store/server/sysrows.h"

#define RING_START "-9223372036854775808" /* Murmur3's smallest token: (start, start] is all */

static void set_node(struct systab_out *out) {
    const struct cqlsys *sys = out->sys;
    const char *host = sys->conf.host;
    struct uuid schema = cqlsys_schema_version(sys);
    systab_set_inet(out, "broadcast_address", host);
    systab_set_i32(out, "broadcast_port", 7000);
    systab_set_inet(out, "listen_address", host);
    systab_set_i32(out, "listen_port", 7000);
    systab_set_inet(out, "rpc_address", host);
    systab_set_i32(out, "rpc_port", sys->port);
    systab_set_uuid(out, "host_id", &sys->host_id);
    systab_set_uuid(out, "schema_version", &schema);
}

int sysrows_node_local(struct systab_out *out) {
    set_node(out);
    systab_set_text(out, "key", "local");
    systab_set_text(out, "bootstrapped", "COMPLETED");
    systab_set_text(out, "cluster_name", CQLSYS_CLUSTER);
    systab_set_text(out, "cql_version", CQLSYS_CQL);
    systab_set_text(out, "data_center", CQLSYS_DATACENTER);
    systab_set_i32(out, "gossip_generation", 1);
    systab_set_text(out, "native_protocol_version", "4");
    systab_set_text(out, "partitioner", CQLSYS_PARTITIONER);
    systab_set_text(out, "rack", CQLSYS_RACK);
    systab_set_text(out, "release_version", CQLSYS_RELEASE);
    systab_set_items(out, "tokens", (struct str[]){STR(CQLSYS_TOKEN)}, 1);
    return systab_emit(out);
}

struct listing {
    struct systab_out *out;
    int err;
};

static void one_prepared(void *arg, const struct cqlexec_prepared *prepared) {
    struct listing *listing = arg;
    if (listing->err) return;
    struct str id = {(const char *)prepared->id, sizeof prepared->id};
    systab_set(listing->out, "prepared_id", id);
    if (prepared->keyspace.len) systab_set(listing->out, "logged_keyspace", prepared->keyspace);
    systab_set(listing->out, "query_string", prepared->text);
    listing->err = systab_emit(listing->out);
}

int sysrows_node_prepared(struct systab_out *out) {
    struct listing listing = {out, 0};
    cqlcache_each(out->sys->conf.cache, one_prepared, &listing);
    return listing.err;
}

static int each_size(struct systab_out *out, const char *range_type) {
    struct store *store = out->sys->conf.store;
    struct store_table *table;
    size_t cnt;
    int err = store_tables(store, STR_NULL, out->arena, &table, &cnt);
    for (size_t i = 0; !err && i < cnt; i++) {
        int64_t bytes, rows;
        err = store_table_size(store, &table[i], &bytes, &rows);
        if (err) break;
        systab_set(out, "keyspace_name", table[i].keyspace);
        systab_set(out, "table_name", table[i].name);
        if (range_type) systab_set_text(out, "range_type", range_type);
        systab_set_text(out, "range_start", RING_START);
        systab_set_text(out, "range_end", RING_START);
        systab_set_i64(out, "mean_partition_size", rows > 0 ? bytes / rows : 0);
        systab_set_i64(out, "partitions_count", rows);
        err = systab_emit(out);
    }
    return err;
}

int sysrows_node_size(struct systab_out *out) {
    return each_size(out, NULL);
}

int sysrows_node_table_size(struct systab_out *out) {
    return each_size(out, "primary");
}
