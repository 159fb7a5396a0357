/* cass_ddl.c - changes of the schema as statements of CQL, and the wait until all nodes have them.
 *
 * What can be refused from the catalog is, in the words of the embedded store; the cluster has the
 * last one. A change whose answer was lost is looked for in the schema before it counts as
 * failed. */
#include "store/cassandra/cass_ddl.h"

#include "base/diag.h"
#include "base/err.h"
#include "store/cassandra/cass_rows.h"
#include "store/cassandra/cass_schema.h"
#include "store/cassandra/cass_text.h"
#include "wire/cql/cqlask.h"
#include "wire/cql/cqlframe.h"
#include "wire/cql/cqltype.h"
#include "wire/json/json.h"

#define TEXT_MAX     MIB
#define DDL_US       60000000 /* a node may take long over one */
#define AGREE_US     10000000
#define AGREE_EACH   100000
#define VERSION_LEN  16

/* ---- running --------------------------------------------------------------------------------- */

struct versions {
    char id[VERSION_LEN];
    bool any, differ;
};

static int take_versions(struct cass_call *call, const struct cass_answer *answer) {
    struct versions *seen = call->arg;
    struct arena arena = ARENA_INIT;
    struct cass_rows rows;
    int err = cass_rows_open(&rows, answer, &arena);
    while (!err && cass_rows_next(&rows, &err)) {
        struct str id = cass_rows_get(&rows, "schema_version");
        if (id.len != VERSION_LEN) continue; /* a node that is not there yet */
        if (seen->any && memcmp(seen->id, id.ptr, VERSION_LEN)) seen->differ = true;
        memcpy(seen->id, id.ptr, VERSION_LEN);
        seen->any = true;
    }
    arena_fini(&arena);
    return err;
}

static int run_one(struct cass_cluster *cluster, struct cass_call *call, struct str text,
                   uint16_t consistency) {
    struct buf frame;
    struct cqlframe head = {.version = cass_cluster_version(cluster), .opcode = CQLFRAME_QUERY};
    struct cqlask_params params = {.consistency = consistency};
    buf_init(&frame, 2 * TEXT_MAX);
    size_t pos = cqlframe_begin(&frame, &head);
    cqlask_query(&frame, head.version, text, &params);
    cqlframe_end(&frame, pos, CQLFRAME_PLAIN);
    call->req.frame = buf_str(&frame);
    int err = frame.full ? err_fail(ERR_TOO_BIG, "a statement over %zu bytes", TEXT_MAX)
                         : cass_call_run(cluster, call, 1, DDL_US);
    buf_fini(&frame);
    return err;
}

/* The same node is asked of itself and of the others: both calls have the same token. */
static int agree(struct cass_cluster *cluster) {
    struct env *env = cass_cluster_env(cluster);
    int64_t until = env_mono_us(env) + AGREE_US;
    for (;;) {
        struct versions seen = {.any = false};
        struct cass_call local = {.routed = true, .take = take_versions, .arg = &seen};
        struct cass_call peers = local;
        int err = run_one(cluster, &local,
                          STR("SELECT schema_version FROM system.local WHERE key='local'"), 1);
        if (!err) err = run_one(cluster, &peers, STR("SELECT schema_version FROM system.peers"), 1);
        if (err || !seen.differ) return err;
        if (env_mono_us(env) > until) {
            diag_warn("store", "not all nodes have agreed on the schema in %d s",
                      AGREE_US / 1000000);
            return 0;
        }
        env_sleep_us(env, AGREE_EACH);
    }
}

int cass_ddl_run(struct cass_cluster *cluster, struct str text) {
    struct cass_call call = {.once = true, .req.timeout_us = DDL_US};
    int err = run_one(cluster, &call, text, cass_cluster_url(cluster)->consistency);
    return err ? err : agree(cluster);
}

/* ---- keyspaces ------------------------------------------------------------------------------- */

void cass_ddl_replication(const struct cass_cluster *cluster, struct buf *out) {
    struct str dc = cass_cluster_dc(cluster);
    buf_putz(out, "{'class': 'NetworkTopologyStrategy', ");
    cass_text_quote(dc, out);
    buf_printf(out, ": %" PRId64 "}", cass_cluster_url(cluster)->rf);
}

/* {"class": "SimpleStrategy", ...} as a literal of a map. */
static int put_replication(struct cass_cluster *cluster, struct str text, struct buf *out) {
    struct arena arena = ARENA_INIT;
    struct json in;
    struct json_value value;
    struct str name;
    size_t cnt = 0, pos = out->len;
    json_open(&in, text.len ? text : STR("{}"), 0);
    json_object(&in);
    buf_putc(out, '{');
    while (json_member(&in, &name)) {
        if (!json_value(&in, &value)) break;
        if (cnt++) buf_putz(out, ", ");
        cass_text_quote(json_name(name, &arena), out);
        buf_putz(out, ": ");
        if (value.kind == JSON_STRING) cass_text_quote(json_text(&value, &arena), out);
        else cass_text_quote(value.raw, out);
    }
    buf_putc(out, '}');
    json_close(&in);
    int err = json_err(&in);
    if (!err && !cnt) {
        out->len = pos;
        cass_ddl_replication(cluster, out);
    }
    arena_fini(&arena);
    return err;
}

static int put_keyspace(struct cass_cluster *cluster, const struct store_ddl *ddl,
                        struct buf *out) {
    bool create = ddl->kind == STORE_DDL_KEYSPACE_CREATE;
    buf_putz(out, create ? "CREATE KEYSPACE " : "ALTER KEYSPACE ");
    cass_text_name(ddl->keyspace, out);
    buf_putz(out, " WITH replication = ");
    int err = put_replication(cluster, ddl->new_keyspace->replication, out);
    buf_printf(out, " AND durable_writes = %s",
               ddl->new_keyspace->durable_writes ? "true" : "false");
    return err;
}

/* ---- tables ---------------------------------------------------------------------------------- */

static void put_col(const struct store_col *col, struct buf *out) {
    cass_text_name(col->name, out);
    buf_putc(out, ' ');
    cqltype_format(col->type, out);
    if (col->kind == STORE_STATIC) buf_putz(out, " static");
}

static const struct store_col *key_col(const struct store_table *table, enum store_kind kind,
                                       size_t pos) {
    for (size_t i = 0; i < table->col_cnt; i++)
        if (table->col[i].kind == kind && table->col[i].pos == pos) return &table->col[i];
    return NULL;
}

static void put_key(const struct store_table *table, struct buf *out) {
    const struct store_col *col;
    buf_putz(out, "PRIMARY KEY ((");
    for (size_t i = 0; (col = key_col(table, STORE_PKEY, i)); i++) {
        if (i) buf_putz(out, ", ");
        cass_text_name(col->name, out);
    }
    buf_putc(out, ')');
    for (size_t i = 0; (col = key_col(table, STORE_CKEY, i)); i++) {
        buf_putz(out, ", ");
        cass_text_name(col->name, out);
    }
    buf_putc(out, ')');
}

static void put_options(const struct store_table *table, struct buf *out) {
    buf_printf(out, " default_time_to_live = %d AND comment = ", table->default_ttl_s);
    cass_text_quote(table->comment, out);
}

static void put_table(const struct store_table *table, struct buf *out) {
    const struct store_col *col;
    buf_putz(out, "CREATE TABLE ");
    cass_text_table(table, out);
    buf_putz(out, " (");
    for (size_t i = 0; i < table->col_cnt; i++) {
        put_col(&table->col[i], out);
        buf_putz(out, ", ");
    }
    put_key(table, out);
    buf_putz(out, ") WITH");
    for (size_t i = 0; (col = key_col(table, STORE_CKEY, i)); i++) {
        buf_putz(out, i ? ", " : " CLUSTERING ORDER BY (");
        cass_text_name(col->name, out);
        buf_putz(out, col->desc ? " DESC" : " ASC");
    }
    if (key_col(table, STORE_CKEY, 0)) buf_putz(out, ") AND");
    put_options(table, out);
}

static const struct store_col *col_of(const struct store_table *table, struct str name) {
    for (size_t i = 0; i < table->col_cnt; i++)
        if (str_eq(table->col[i].name, name)) return &table->col[i];
    return NULL;
}

static int alter_one(struct cass_cluster *cluster, const struct store_table *table,
                     const char *what, const struct store_col *col, struct buf *out) {
    buf_reset(out);
    buf_putz(out, "ALTER TABLE ");
    cass_text_table(table, out);
    buf_putz(out, what);
    if (str_eqz(str_of(what), " ADD ")) put_col(col, out);
    else if (col) cass_text_name(col->name, out);
    else put_options(table, out);
    return cass_ddl_run(cluster, buf_str(out));
}

/* One statement a column, which every version of Cassandra takes. */
static int alter(struct cass_cluster *cluster, const struct store_table *old,
                 const struct store_table *table, struct buf *out) {
    int err = 0;
    for (size_t i = 0; i < table->col_cnt && !err; i++) {
        const struct store_col *was = col_of(old, table->col[i].name);
        if (was && !cqltype_eq(was->type, table->col[i].type))
            err = err_fail(ERR_UNSUPPORTED, "column %.*s of %.*s.%.*s cannot become another type",
                           STR_ARG(was->name), STR_ARG(table->keyspace), STR_ARG(table->name));
    }
    for (size_t i = 0; i < old->col_cnt && !err; i++)
        if (!col_of(table, old->col[i].name))
            err = alter_one(cluster, table, " DROP ", &old->col[i], out);
    for (size_t i = 0; i < table->col_cnt && !err; i++)
        if (!col_of(old, table->col[i].name))
            err = alter_one(cluster, table, " ADD ", &table->col[i], out);
    if (!err && (old->default_ttl_s != table->default_ttl_s ||
                 !str_eq(old->comment, table->comment)))
        err = alter_one(cluster, table, " WITH", NULL, out);
    return err;
}

static void put_udt(const struct store_udt *udt, struct buf *out) {
    buf_putz(out, "CREATE TYPE ");
    cass_text_qualified(udt->keyspace, udt->name, out);
    for (size_t i = 0; i < udt->type->arg_cnt; i++) {
        buf_putz(out, i ? ", " : " (");
        cass_text_name(udt->type->field[i], out);
        buf_putc(out, ' ');
        cqltype_format(udt->type->arg[i], out);
    }
    buf_putc(out, ')');
}

/* ---- what is there --------------------------------------------------------------------------- */

static bool is_udt(const struct store_ddl *ddl) {
    return ddl->kind == STORE_DDL_UDT_CREATE || ddl->kind == STORE_DDL_UDT_DROP;
}

static bool is_create(const struct store_ddl *ddl) {
    return ddl->kind == STORE_DDL_KEYSPACE_CREATE || ddl->kind == STORE_DDL_TABLE_CREATE ||
           ddl->kind == STORE_DDL_UDT_CREATE;
}

static bool there(struct catalog *catalog, const struct store_ddl *ddl, struct arena *arena,
                  struct store_table *table) {
    size_t cnt;
    if (is_udt(ddl)) {
        struct store_udt *udt;
        if (catalog_udts(catalog, ddl->keyspace, arena, &udt, &cnt)) return false;
        for (size_t i = 0; i < cnt; i++)
            if (str_eq(udt[i].name, ddl->name)) return true;
        return false;
    }
    if (ddl->name.ptr) return !catalog_table_get(catalog, ddl->keyspace, ddl->name, arena, table);
    struct store_keyspace *keyspace;
    if (catalog_keyspaces(catalog, arena, &keyspace, &cnt)) return false;
    for (size_t i = 0; i < cnt; i++)
        if (str_eq(keyspace[i].name, ddl->keyspace)) return true;
    return false;
}

static int check(const struct store_ddl *ddl, bool found) {
    struct str k = ddl->keyspace, n = ddl->name;
    if (found == !is_create(ddl)) return 0;
    if (is_udt(ddl) && found)
        return err_fail(ERR_INVAL, "A user type with name '%.*s' already exists", STR_ARG(n));
    if (is_udt(ddl))
        return err_fail(ERR_NOT_FOUND, "Type '%.*s.%.*s' doesn't exist", STR_ARG(k), STR_ARG(n));
    if (found && n.ptr)
        return err_fail(ERR_EXISTS,
                        "Cannot add already existing table \"%.*s\" to keyspace \"%.*s\"",
                        STR_ARG(n), STR_ARG(k));
    if (found)
        return err_fail(ERR_EXISTS, "Cannot add existing keyspace \"%.*s\"", STR_ARG(k));
    if (n.ptr)
        return err_fail(ERR_NOT_FOUND, "Table '%.*s.%.*s' doesn't exist", STR_ARG(k), STR_ARG(n));
    return err_fail(ERR_NOT_FOUND, "Keyspace '%.*s' doesn't exist", STR_ARG(k));
}

/* ---- all of them ----------------------------------------------------------------------------- */

static int run(struct cass_cluster *cluster, const struct store_ddl *ddl,
               const struct store_table *old, struct buf *out) {
    static const char *const drops[] = {[STORE_DDL_KEYSPACE_DROP] = "DROP KEYSPACE ",
                                        [STORE_DDL_TABLE_DROP] = "DROP TABLE ",
                                        [STORE_DDL_TABLE_TRUNCATE] = "TRUNCATE ",
                                        [STORE_DDL_UDT_DROP] = "DROP TYPE "};
    int err = 0;
    switch (ddl->kind) {
    case STORE_DDL_KEYSPACE_CREATE:
    case STORE_DDL_KEYSPACE_ALTER: err = put_keyspace(cluster, ddl, out); break;
    case STORE_DDL_TABLE_CREATE: put_table(ddl->new_table, out); break;
    case STORE_DDL_TABLE_ALTER: return alter(cluster, old, ddl->new_table, out);
    case STORE_DDL_UDT_CREATE: put_udt(ddl->new_udt, out); break;
    default:
        buf_putz(out, drops[ddl->kind]);
        if (ddl->name.ptr) cass_text_qualified(ddl->keyspace, ddl->name, out);
        else cass_text_name(ddl->keyspace, out);
        break;
    }
    if (!err && out->full) err = err_fail(ERR_TOO_BIG, "a statement over %zu bytes", TEXT_MAX);
    return err ? err : cass_ddl_run(cluster, buf_str(out));
}

int cass_ddl_change(struct cass_cluster *cluster, struct catalog *catalog,
                       const struct store_ddl *ddl) {
    struct arena arena = ARENA_INIT;
    struct store_table old;
    struct buf out;
    buf_init(&out, TEXT_MAX);
    int err = check(ddl, there(catalog, ddl, &arena, &old));
    if (err && cass_cluster_ready(cluster)) { /* another may have changed it */
        if (!(err = cass_schema_load(cluster, catalog)))
            err = check(ddl, there(catalog, ddl, &arena, &old));
    }
    if (!err) {
        err = run(cluster, ddl, &old, &out);
        int loaded = cass_schema_load(cluster, catalog);
        bool lost = err == ERR_NET || err == ERR_TIMEOUT;
        if (lost && !loaded && ddl->kind != STORE_DDL_TABLE_TRUNCATE &&
            ddl->kind != STORE_DDL_TABLE_ALTER && ddl->kind != STORE_DDL_KEYSPACE_ALTER &&
            there(catalog, ddl, &arena, &old) == is_create(ddl))
            err = 0;
        if (!err) err = loaded;
    }
    if (!err && ddl->kind == STORE_DDL_TABLE_TRUNCATE) /* the data has another number from here */
        err = catalog_table_truncate(catalog, ddl->keyspace, ddl->name);
    buf_fini(&out);
    arena_fini(&arena);
    return err;
}
