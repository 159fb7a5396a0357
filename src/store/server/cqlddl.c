/* cqlddl.c - writes schema as CQL. Only what the store keeps is written: what runs again makes the
 * same table. */
#include "store/server/cqlddl.h"

#include "store/cql/cqllex.h"

#include <jansson.h>

#define STRATEGY "org.apache.cassandra.locator."
#define PAIR_MAX 64

struct str cqlddl_type(const struct cqltype *type, struct arena *arena) {
    struct buf text;
    buf_init(&text, CQLTYPE_NAME_MAX);
    cqltype_format(type, &text);
    struct str out = arena_str(arena, buf_str(&text));
    buf_fini(&text);
    return out;
}

/* ---- names and literals ---- */

static bool is_plain(struct str name) {
    if (name.len == 0 || !(name.ptr[0] >= 'a' && name.ptr[0] <= 'z')) return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) return false;
    }
    return !cqllex_reserved(name);
}

static void put_quoted(struct buf *out, struct str text, char quote) {
    buf_putc(out, quote);
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == quote) buf_putc(out, quote);
        buf_putc(out, text.ptr[i]);
    }
    buf_putc(out, quote);
}

void cqlddl_name(struct buf *out, struct str name) {
    if (is_plain(name)) buf_puts(out, name);
    else put_quoted(out, name, '"');
}

static void put_full_name(struct buf *out, struct str keyspace, struct str name) {
    cqlddl_name(out, keyspace);
    buf_putc(out, '.');
    cqlddl_name(out, name);
}

static struct str finish(struct buf *text, struct arena *arena) {
    struct str out = arena_str(arena, buf_str(text));
    buf_fini(text);
    return out;
}

/* ---- keyspaces ---- */

static struct str json_text(const json_t *value, struct arena *arena) {
    if (json_is_string(value))
        return arena_str(arena, (struct str){json_string_value(value), json_string_length(value)});
    if (json_is_integer(value))
        return arena_printf(arena, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    return STR("");
}

void cqlddl_replication(const struct store_keyspace *keyspace, struct arena *arena,
                        const struct str **pair, size_t *cnt) {
    struct str *out = arena_array(arena, struct str, PAIR_MAX + 2);
    bool local = !keyspace || !keyspace->replication.ptr;
    json_t *root = local ? NULL : json_loadb(keyspace->replication.ptr, keyspace->replication.len,
                                             0, NULL);
    struct str class = json_text(json_object_get(root, "class"), arena);
    if (class.len == 0) class = local ? STR("LocalStrategy") : STR("SimpleStrategy");
    if (!memchr(class.ptr, '.', class.len))
        class = arena_printf(arena, STRATEGY "%.*s", STR_ARG(class));
    out[0] = STR("class");
    out[1] = class;
    *cnt = 2;
    const char *key;
    json_t *value;
    json_object_foreach(root, key, value) {
        if (strcmp(key, "class") == 0 || *cnt >= PAIR_MAX) continue;
        out[(*cnt)++] = arena_str(arena, str_of(key));
        out[(*cnt)++] = json_text(value, arena);
    }
    json_decref(root);
    *pair = out;
}

struct str cqlddl_keyspace(const struct store_keyspace *keyspace, struct arena *arena) {
    const struct str *pair;
    size_t cnt;
    struct buf text;
    buf_init(&text, CQLDDL_TEXT_MAX);
    cqlddl_replication(keyspace, arena, &pair, &cnt);
    buf_putz(&text, "CREATE KEYSPACE ");
    cqlddl_name(&text, keyspace->name);
    buf_putz(&text, " WITH replication = {");
    for (size_t i = 0; i < cnt; i++) {
        struct str part = pair[i];
        if (i == 1 && str_starts(part, STR(STRATEGY))) {
            part.ptr += sizeof STRATEGY - 1;
            part.len -= sizeof STRATEGY - 1;
        }
        if (i > 0) buf_putz(&text, i % 2 ? ": " : ", ");
        put_quoted(&text, part, '\'');
    }
    buf_printf(&text, "} AND durable_writes = %s;", keyspace->durable_writes ? "true" : "false");
    return finish(&text, arena);
}

/* ---- tables and types ---- */

static void put_key(struct buf *out, const struct store_table *table) {
    const struct store_col *col = table->col;
    buf_putz(out, "    PRIMARY KEY (");
    if (table->pkey_cnt > 1) buf_putc(out, '(');
    for (size_t i = 0; i < table->pkey_cnt; i++) {
        if (i > 0) buf_putz(out, ", ");
        cqlddl_name(out, col[i].name);
    }
    if (table->pkey_cnt > 1) buf_putc(out, ')');
    for (size_t i = 0; i < table->ckey_cnt; i++) {
        buf_putz(out, ", ");
        cqlddl_name(out, col[table->pkey_cnt + i].name);
    }
    buf_putz(out, ")\n");
}

static void put_options(struct buf *out, const struct store_table *table) {
    const char *join = " WITH ";
    if (table->ckey_cnt > 0) {
        buf_putz(out, " WITH CLUSTERING ORDER BY (");
        for (size_t i = 0; i < table->ckey_cnt; i++) {
            const struct store_col *col = &table->col[table->pkey_cnt + i];
            if (i > 0) buf_putz(out, ", ");
            cqlddl_name(out, col->name);
            buf_putz(out, col->desc ? " DESC" : " ASC");
        }
        buf_putc(out, ')');
        join = "\n    AND ";
    }
    buf_printf(out, "%scomment = ", join);
    put_quoted(out, table->comment, '\'');
    buf_printf(out, "\n    AND default_time_to_live = %d;", table->default_ttl_s);
}

struct str cqlddl_table(const struct store_table *table, struct arena *arena) {
    struct buf text;
    buf_init(&text, CQLDDL_TEXT_MAX);
    buf_putz(&text, "CREATE TABLE ");
    put_full_name(&text, table->keyspace, table->name);
    buf_putz(&text, " (\n");
    bool single = table->pkey_cnt == 1 && table->ckey_cnt == 0;
    for (size_t i = 0; i < table->col_cnt; i++) {
        const struct store_col *col = &table->col[i];
        bool last = single && i + 1 == table->col_cnt;
        buf_putz(&text, "    ");
        cqlddl_name(&text, col->name);
        buf_putc(&text, ' ');
        buf_puts(&text, cqlddl_type(col->type, arena));
        if (col->kind == STORE_STATIC) buf_putz(&text, " static");
        if (single && i == 0) buf_putz(&text, " PRIMARY KEY");
        buf_putz(&text, last ? "\n" : ",\n");
    }
    if (!single) put_key(&text, table);
    buf_putc(&text, ')');
    put_options(&text, table);
    return finish(&text, arena);
}

struct str cqlddl_udt(const struct store_udt *udt, struct arena *arena) {
    struct buf text;
    buf_init(&text, CQLDDL_TEXT_MAX);
    buf_putz(&text, "CREATE TYPE ");
    put_full_name(&text, udt->keyspace, udt->name);
    buf_putz(&text, " (\n");
    for (size_t i = 0; i < udt->type->arg_cnt; i++) {
        buf_putz(&text, "    ");
        cqlddl_name(&text, udt->type->field[i]);
        buf_putc(&text, ' ');
        buf_puts(&text, cqlddl_type(udt->type->arg[i], arena));
        buf_putz(&text, i + 1 == udt->type->arg_cnt ? "\n" : ",\n");
    }
    buf_putz(&text, ");");
    return finish(&text, arena);
}
