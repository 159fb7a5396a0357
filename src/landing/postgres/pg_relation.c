/* pg_relation.c - what is known of the columns of the stream's rows. */
#include "landing/postgres/pg_relation.h"

#include "base/buf.h"

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

static const struct pg_col *column(const struct pg_table *table, struct str name) {
    for (size_t i = 0; table && i < table->col_cnt; i++)
        if (str_eq(table->col[i].name, name)) return &table->col[i];
    return NULL;
}

/* The key in the order the table says; without a table, or a key of columns that are gone, the
 * stream's own: the replica identity. */
static void set_key(struct pg_relation *relation, const struct pgoutput *message,
                    const struct pg_table *table) {
    relation->key = arena_array(&relation->arena, size_t, message->col_cnt + 1);
    for (size_t k = 0; k < table->key_cnt && message->identity != 'i'; k++) {
        struct str name = table->col[table->key_col[k]].name;
        for (size_t i = 0; i < message->col_cnt; i++)
            if (str_eq(message->col[i].name, name)) relation->key[relation->key_cnt++] = i;
    }
    if (relation->key_cnt && relation->key_cnt == table->key_cnt) return;
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
        const struct pg_col *known = column(table, message->col[i].name);
        col->type = pg_value_type(message->col[i].type, 0);
        if (known && (known->pg.oid == message->col[i].type || col->type.kind == PG_VALUE_TEXT))
            col->type = known->pg; /* looked through domains and arrays */
        col->label = label_of(&relation->arena, known ? known->member : message->col[i].name);
        col->is_key = message->col[i].is_key;
    }
    set_key(relation, message, table);
    return relation;
}

struct pg_relation *pg_relation_of(const struct pg_table *table, struct str name) {
    struct pg_relation *relation = base_calloc(1, sizeof *relation);
    relation->table = name;
    relation->col_cnt = table->col_cnt;
    relation->col = arena_array(&relation->arena, struct pg_relcol, table->col_cnt + 1);
    for (size_t i = 0; i < table->col_cnt; i++) {
        relation->col[i].label = label_of(&relation->arena, table->col[i].member);
        relation->col[i].type = table->col[i].pg;
    }
    relation->key_cnt = table->key_cnt;
    relation->key = arena_array(&relation->arena, size_t, table->key_cnt + 1);
    for (size_t i = 0; i < table->key_cnt; i++) relation->key[i] = table->key_col[i];
    return relation;
}

void pg_relation_free(struct pg_relation *relation) {
    if (!relation) return;
    arena_fini(&relation->arena);
    base_free(relation);
}
