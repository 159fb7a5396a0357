/* pg_relation.c - what is known of the columns of the stream's rows. */
#include "landing/postgres/pg_relation.h"

#include "base/buf.h"

static struct str quoted(struct arena *arena, struct str schema, struct str name) {
    struct buf text;
    buf_init(&text, 4 * KIB);
    if (schema.ptr) pg_conn_name(&text, schema);
    if (schema.ptr) buf_putc(&text, '.');
    pg_conn_name(&text, name);
    struct str out = arena_str(arena, buf_str(&text));
    buf_fini(&text);
    return out;
}

static struct str label_of(struct arena *arena, struct str member) {
    struct buf text;
    if (!member.ptr) return STR_NULL;
    buf_init(&text, 64 * KIB);
    buf_json(&text, member);
    buf_putc(&text, ':');
    struct str label = arena_str(arena, buf_str(&text));
    buf_fini(&text);
    return label;
}

/* The column of that name; col_cnt: there is none. */
static size_t column(const struct pg_table *table, struct str name) {
    size_t at = 0;
    while (at < table->cols.col_cnt && !str_eq(table->cols.col[at].name, name)) at++;
    return at;
}

/* The key in the order the table says; without a table, or a key of columns that are gone, the
 * stream's own: the replica identity. */
static void set_key(struct pg_relation *relation, const struct pgoutput *message,
                    const struct pg_table *table) {
    relation->key = arena_array(&relation->arena, size_t, message->col_cnt + 1);
    for (size_t k = 0; k < table->cols.key_cnt && message->identity != 'i'; k++) {
        struct str name = table->cols.col[table->cols.key_col[k]].name;
        for (size_t i = 0; i < message->col_cnt; i++)
            if (str_eq(message->col[i].name, name)) relation->key[relation->key_cnt++] = i;
    }
    if (relation->key_cnt && relation->key_cnt == table->cols.key_cnt) return;
    relation->key_cnt = 0;
    for (size_t i = 0; i < message->col_cnt && message->identity != 'f'; i++)
        if (message->col[i].is_key) relation->key[relation->key_cnt++] = i;
}

struct pg_relation *pg_relation_new(const struct pgoutput *message, const struct pg_table *table,
                                    struct str name) {
    struct pg_relation *relation = base_calloc(1, sizeof *relation);
    if (!table) return relation;
    relation->table = name;
    relation->col_cnt = message->col_cnt;
    relation->col = arena_array(&relation->arena, struct pg_relcol, message->col_cnt + 1);
    for (size_t i = 0; i < message->col_cnt; i++) {
        struct pg_relcol *col = &relation->col[i];
        size_t at = column(table, message->col[i].name);
        bool known = at < table->cols.col_cnt;
        struct str member = known ? table->cols.col[at].member : message->col[i].name;
        col->type = pg_value_type(message->col[i].type, 0);
        if (known && (table->col[at].pg.oid == message->col[i].type ||
                      col->type.kind == PG_VALUE_TEXT))
            col->type = table->col[at].pg; /* looked through domains and arrays */
        col->label = label_of(&relation->arena, member);
        col->is_key = message->col[i].is_key;
        col->name = quoted(&relation->arena, STR_NULL, message->col[i].name);
    }
    relation->from = quoted(&relation->arena, message->schema, message->name);
    set_key(relation, message, table);
    return relation;
}

struct pg_relation *pg_relation_of(const struct pg_table *table, struct str name) {
    struct pg_relation *relation = base_calloc(1, sizeof *relation);
    relation->table = name;
    relation->col_cnt = table->cols.col_cnt;
    relation->col = arena_array(&relation->arena, struct pg_relcol, table->cols.col_cnt + 1);
    for (size_t i = 0; i < table->cols.col_cnt; i++) {
        relation->col[i].label = label_of(&relation->arena, table->cols.col[i].member);
        relation->col[i].type = table->col[i].pg;
    }
    relation->key_cnt = table->cols.key_cnt;
    relation->key = arena_array(&relation->arena, size_t, table->cols.key_cnt + 1);
    for (size_t i = 0; i < table->cols.key_cnt; i++) relation->key[i] = table->cols.key_col[i];
    return relation;
}

void pg_relation_free(struct pg_relation *relation) {
    if (!relation) return;
    arena_fini(&relation->arena);
    base_free(relation);
}
