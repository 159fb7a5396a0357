/* pg_fill.c - one question by key for the values that are missing. */
#include "landing/postgres/pg_fill.h"

#include "base/err.h"

#define KEY_MAX 32

bool pg_fill_wanted(const struct pg_relation *relation, const struct pgoutput *message) {
    bool full = message->old.value && !message->old_is_key;
    if (message->kind != PGOUTPUT_UPDATE || full || !relation->from.ptr) return false;
    for (size_t i = 0; i < message->now.cnt && i < relation->col_cnt; i++)
        if (message->now.value[i].kind == PGOUTPUT_UNCHANGED && relation->col[i].label.ptr)
            return true;
    return false;
}

/* "SELECT a,b FROM t WHERE k=$1 AND ..."; false: the key is not whole. */
static bool put_question(const struct pg_relation *relation, const struct pgoutput_row *row,
                         const char **param, struct arena *arena, struct buf *sql) {
    bool any = false;
    buf_putz(sql, "SELECT ");
    for (size_t i = 0; i < row->cnt; i++) {
        if (row->value[i].kind != PGOUTPUT_UNCHANGED) continue;
        if (any) buf_putc(sql, ',');
        any = true;
        buf_puts(sql, relation->col[i].name);
    }
    buf_putz(sql, " FROM ");
    buf_puts(sql, relation->from);
    for (size_t k = 0; k < relation->key_cnt; k++) {
        const struct pgoutput_value *value = &row->value[relation->key[k]];
        if (value->kind != PGOUTPUT_TEXT || memchr(value->bytes.ptr, 0, value->bytes.len))
            return false;
        param[k] = arena_strz(arena, value->bytes);
        buf_putz(sql, k ? " AND " : " WHERE ");
        buf_puts(sql, relation->col[relation->key[k]].name);
        buf_printf(sql, "=$%zu", k + 1);
    }
    buf_put(sql, " LIMIT 1", 9);
    return !sql->full;
}

static void take_values(const PGresult *res, struct pgoutput_row *row, struct arena *arena) {
    int col = 0;
    for (size_t i = 0; i < row->cnt; i++) {
        if (row->value[i].kind != PGOUTPUT_UNCHANGED) continue;
        struct str text = pg_conn_text(res, 0, col++);
        row->value[i].kind = text.ptr ? PGOUTPUT_TEXT : PGOUTPUT_NULL;
        row->value[i].bytes = text.ptr ? arena_str(arena, text) : STR_NULL;
    }
}

int pg_fill_row(struct pg_conn *conn, const struct pg_relation *relation,
                struct pgoutput *message, struct arena *arena) {
    const char *param[KEY_MAX];
    struct buf sql;
    PGresult *res;
    int err = 0;
    if (!relation->key_cnt || relation->key_cnt > KEY_MAX ||
        message->now.cnt != relation->col_cnt) return 0;
    buf_init(&sql, PG_CONN_SQL_MAX);
    if (put_question(relation, &message->now, param, arena, &sql)) {
        err = pg_conn_seek(conn, sql.ptr, param, relation->key_cnt, &res);
        if (!err && PQntuples(res)) take_values(res, &message->now, arena);
        if (!err) PQclear(res);
        if (err == ERR_NOT_FOUND || err == ERR_CONFLICT) err = 0; /* table or column are gone */
    }
    buf_fini(&sql);
    return err ? err_add(err, "table %.*s: a big value", STR_ARG(relation->table)) : 0;
}
