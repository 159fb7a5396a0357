/* cass_schema.c - four SELECTs from system_schema, as the catalog's objects.
 *
 * User types may need one another, so what cannot be read yet is tried again as long as anything
 * gets better. A table with a column of a type that is not known here is left out, with a word. */
#include "store/cassandra/cass_schema.h"

#include "base/diag.h"
#include "base/err.h"
#include "store/cassandra/cass_rows.h"
#include "wire/cql/cqltype.h"

#include <stdio.h>
#include <stdlib.h>

#define KEYSPACES "SELECT keyspace_name, replication, durable_writes FROM system_schema.keyspaces"
#define TYPES \
    "SELECT keyspace_name, type_name, field_names, field_types FROM system_schema.types"
#define TABLES \
    "SELECT keyspace_name, table_name, id, default_time_to_live, comment FROM system_schema.tables"
#define COLUMNS                                                                                   \
    "SELECT keyspace_name, table_name, column_name, clustering_order, kind, position, type FROM " \
    "system_schema.columns"
#define JSON_MAX  MIB
#define TABLE_MAX 100000

struct schema {
    struct cass_cluster *cluster;
    struct arena arena;
    struct store_keyspace *keyspace;
    struct store_udt *udt;
    struct store_table *table;
    size_t keyspace_cnt, udt_cnt, table_cnt;
    struct str scope; /* the keyspace whose types are looked for */
};

static bool hidden(const struct schema *schema, struct str keyspace) {
    static const char *const own[] = {"system", "system_schema", "system_auth", "system_traces",
                                      "system_distributed", "system_views", "system_metrics",
                                      "system_virtual_schema"};
    for (size_t i = 0; i < ARRAY_LEN(own); i++)
        if (str_eqz(keyspace, own[i])) return true;
    return str_eq(keyspace, cass_cluster_url(schema->cluster)->keyspace);
}

/* The rows of a SELECT; the answer lives in the schema's arena. */
static int ask(struct schema *schema, const char *text, struct cass_rows *rows) {
    struct cass_answer answer;
    int err = cass_call_query(schema->cluster, str_of(text), false, &schema->arena, &answer);
    if (!err) err = cass_rows_open(rows, &answer, &schema->arena);
    return err;
}

/* ---- keyspaces ------------------------------------------------------------------------------- */

static struct str next_item(struct rbuf *in) {
    int32_t len = rbuf_i32(in);
    return rbuf_bytes(in, rbuf_count(in, len, 1));
}

static struct str replication_of(struct schema *schema, struct str map) {
    struct rbuf in = rbuf_of_str(map);
    struct buf out;
    int32_t claimed = rbuf_i32(&in);
    size_t cnt = rbuf_count(&in, claimed, 8);
    buf_init(&out, JSON_MAX);
    buf_putc(&out, '{');
    for (size_t i = 0; i < cnt && !in.bad; i++) {
        struct str key = next_item(&in), value = next_item(&in);
        if (i) buf_putz(&out, ", ");
        buf_json(&out, key);
        buf_putz(&out, ": ");
        buf_json(&out, value);
    }
    buf_putc(&out, '}');
    struct str text = arena_str(&schema->arena, buf_str(&out));
    buf_fini(&out);
    return text;
}

static int read_keyspaces(struct schema *schema) {
    struct cass_rows rows;
    int err = ask(schema, KEYSPACES, &rows);
    if (err) return err;
    schema->keyspace = arena_array(&schema->arena, struct store_keyspace, rows.left + 1);
    while (cass_rows_next(&rows, &err)) {
        struct str name = cass_rows_get(&rows, "keyspace_name");
        struct str durable = cass_rows_get(&rows, "durable_writes");
        if (!name.ptr || hidden(schema, name)) continue;
        schema->keyspace[schema->keyspace_cnt++] = (struct store_keyspace){
            name, replication_of(schema, cass_rows_get(&rows, "replication")),
            durable.len == 1 && durable.ptr[0]};
    }
    return err;
}

/* ---- types ----------------------------------------------------------------------------------- */

static int find_udt(void *self, struct str name, struct arena *arena, const struct cqltype **out) {
    struct schema *schema = self;
    for (size_t i = 0; i < schema->udt_cnt; i++) {
        const struct store_udt *udt = &schema->udt[i];
        if (!udt->type || !str_eq(udt->keyspace, schema->scope) || !str_eq(udt->name, name))
            continue;
        *out = cqltype_copy(arena, udt->type);
        return 0;
    }
    return err_fail(ERR_NOT_FOUND, "Unknown type %.*s", STR_ARG(name));
}

static int parse_type(struct schema *schema, struct str keyspace, struct str text,
                      const struct cqltype **out) {
    struct cqltype_scope scope = {schema, find_udt};
    schema->scope = keyspace;
    return cqltype_parse(text, &scope, &schema->arena, out);
}

static int make_udt(struct schema *schema, struct store_udt *udt, struct str names,
                    struct str types) {
    struct rbuf name = rbuf_of_str(names), text = rbuf_of_str(types);
    int32_t claimed = rbuf_i32(&name), again = rbuf_i32(&text);
    size_t cnt = rbuf_count(&name, claimed, 4);
    if (claimed != again || claimed > CQLTYPE_ARG_MAX) return ERR_CORRUPT;
    struct cqltype *type = arena_new(&schema->arena, struct cqltype);
    const struct cqltype **arg = arena_array(&schema->arena, const struct cqltype *, cnt + 1);
    struct str *field = arena_array(&schema->arena, struct str, cnt + 1);
    for (size_t i = 0; i < cnt; i++) {
        field[i] = next_item(&name);
        int err = parse_type(schema, udt->keyspace, next_item(&text), &arg[i]);
        if (err) return err;
    }
    *type = (struct cqltype){.kind = CQL_UDT, .arg = arg, .field = field, .arg_cnt = (uint16_t)cnt,
                             .keyspace = udt->keyspace, .name = udt->name};
    udt->type = type;
    return 0;
}

static int read_udts(struct schema *schema) {
    struct cass_rows rows;
    int err = ask(schema, TYPES, &rows);
    if (err) return err;
    size_t cnt = 0, left = SIZE_MAX, before;
    struct str(*raw)[2] = arena_calloc(&schema->arena, rows.left + 1, sizeof *raw);
    schema->udt = arena_array(&schema->arena, struct store_udt, rows.left + 1);
    while (cass_rows_next(&rows, &err)) {
        struct str keyspace = cass_rows_get(&rows, "keyspace_name");
        if (!keyspace.ptr || hidden(schema, keyspace)) continue;
        raw[cnt][0] = cass_rows_get(&rows, "field_names");
        raw[cnt][1] = cass_rows_get(&rows, "field_types");
        schema->udt[cnt++] = (struct store_udt){keyspace, cass_rows_get(&rows, "type_name"), NULL};
    }
    schema->udt_cnt = cnt;
    do {
        before = left;
        left = 0;
        for (size_t i = 0; i < cnt; i++)
            if (!schema->udt[i].type &&
                make_udt(schema, &schema->udt[i], raw[i][0], raw[i][1])) left++;
    } while (left && left < before);
    size_t kept = 0;
    for (size_t i = 0; i < cnt; i++)
        if (schema->udt[i].type) schema->udt[kept++] = schema->udt[i];
    schema->udt_cnt = kept;
    return err;
}

/* ---- tables ---------------------------------------------------------------------------------- */

static int read_tables(struct schema *schema) {
    struct cass_rows rows;
    int err = ask(schema, TABLES, &rows);
    if (err) return err;
    if (rows.left > TABLE_MAX)
        return err_fail(ERR_TOO_BIG, "Cassandra has more than %d tables", TABLE_MAX);
    schema->table = arena_array(&schema->arena, struct store_table, rows.left + 1);
    while (cass_rows_next(&rows, &err)) {
        struct str keyspace = cass_rows_get(&rows, "keyspace_name");
        struct str id = cass_rows_get(&rows, "id"), comment = cass_rows_get(&rows, "comment");
        struct store_table *table = &schema->table[schema->table_cnt];
        if (!keyspace.ptr || hidden(schema, keyspace)) continue;
        *table = (struct store_table){.keyspace = keyspace,
                                      .name = cass_rows_get(&rows, "table_name"),
                                      .comment = comment.ptr ? comment : STR(""),
                                      .default_ttl_s = cass_rows_int(&rows,
                                                                     "default_time_to_live")};
        if (id.len == sizeof table->id.byte) memcpy(table->id.byte, id.ptr, id.len);
        schema->table_cnt++;
    }
    return err;
}

static int by_names(const void *a, const void *b) {
    const struct store_table *x = a, *y = b;
    int cmp = str_cmp(x->keyspace, y->keyspace);
    return cmp ? cmp : str_cmp(x->name, y->name);
}

static struct store_table *find_table(struct schema *schema, const struct cass_rows *rows) {
    struct store_table key = {.keyspace = cass_rows_get(rows, "keyspace_name"),
                              .name = cass_rows_get(rows, "table_name")};
    return schema->table_cnt ? bsearch(&key, schema->table, schema->table_cnt, sizeof key, by_names)
                             : NULL;
}

static int make_col(struct schema *schema, const struct store_table *table,
                    const struct cass_rows *rows, struct store_col *col) {
    struct str kind = cass_rows_get(rows, "kind");
    *col = (struct store_col){.name = cass_rows_get(rows, "column_name")};
    col->kind = str_eqz(kind, "partition_key") ? STORE_PKEY
                : str_eqz(kind, "clustering")  ? STORE_CKEY
                : str_eqz(kind, "static")      ? STORE_STATIC
                                               : STORE_REGULAR;
    if (col->kind == STORE_PKEY || col->kind == STORE_CKEY)
        col->pos = (uint16_t)cass_rows_int(rows, "position");
    col->desc = str_ieq(cass_rows_get(rows, "clustering_order"), STR("desc"));
    return parse_type(schema, table->keyspace, cass_rows_get(rows, "type"), &col->type);
}

/* Columns come grouped by table; the array of a table doubles as it grows. */
static int read_columns(struct schema *schema) {
    struct cass_rows rows;
    int err = ask(schema, COLUMNS, &rows);
    if (err) return err;
    qsort(schema->table, schema->table_cnt, sizeof *schema->table, by_names);
    while (cass_rows_next(&rows, &err)) {
        struct store_table *table = find_table(schema, &rows);
        if (!table || table->version || table->col_cnt == STORE_COL_MAX) continue;
        size_t cnt = table->col_cnt;
        if ((cnt & (cnt - 1)) == 0) { /* full only at powers of two */
            struct store_col *grown =
                arena_array(&schema->arena, struct store_col, cnt ? 2 * cnt : 1);
            if (cnt) memcpy(grown, table->col, cnt * sizeof *grown);
            table->col = grown;
        }
        if (make_col(schema, table, &rows, &table->col[cnt])) {
            diag_info("store", "table %.*s.%.*s is left out: %s", STR_ARG(table->keyspace),
                      STR_ARG(table->name), err_note());
            table->version = 1; /* not for the catalog */
            continue;
        }
        table->col_cnt++;
    }
    size_t kept = 0;
    for (size_t i = 0; i < schema->table_cnt; i++)
        if (!schema->table[i].version && schema->table[i].col_cnt)
            schema->table[kept++] = schema->table[i];
    schema->table_cnt = kept;
    return err;
}

int cass_schema_load(struct cass_cluster *cluster, struct catalog *catalog) {
    struct schema schema = {.cluster = cluster};
    int err = read_keyspaces(&schema);
    if (!err) err = read_udts(&schema);
    if (!err) err = read_tables(&schema);
    if (!err) err = read_columns(&schema);
    struct catalog_all all = {schema.keyspace, schema.udt, schema.table, schema.keyspace_cnt,
                              schema.udt_cnt, schema.table_cnt};
    if (!err) catalog_sync(catalog, &all);
    arena_fini(&schema.arena);
    return err;
}
