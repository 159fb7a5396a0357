/* pg_snap.c - copying a table by COPY within an exported snapshot. */
#include "landing/postgres/pg_snap.h"

#include "base/err.h"

#define ROW_MAX ((size_t)1 << 30)

/* The temporary slot is gone with its connection; the snapshot stays with who took it over. */
static int export_point(struct pg_snap *snap, struct pg_landing *landing) {
    struct pg_conn slot;
    struct buf sql;
    PGresult *res = NULL;
    pg_conn_init(&slot, landing->base.env, &landing->place, true);
    int err = pg_conn_open(&slot);
    if (err) return err;
    buf_init(&sql, KIB);
    buf_printf(&sql, "CREATE_REPLICATION_SLOT \"%.*s_copy_%08" PRIx32 "\" TEMPORARY LOGICAL "
               "pgoutput EXPORT_SNAPSHOT", (int)MIN(landing->slot.len, 48), landing->slot.ptr,
               (uint32_t)env_random_u64(landing->base.env));
    buf_putc(&sql, 0);
    err = pg_conn_simple(&slot, sql.ptr, &res);
    if (!err && !pg_conn_lsn_parse(pg_conn_text(res, 0, 1), &snap->lsn))
        err = err_fail(ERR_CORRUPT, "PostgreSQL: a slot without a position");
    if (!err) err = pg_conn_do(&snap->conn, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    buf_reset(&sql);
    buf_putz(&sql, "SET TRANSACTION SNAPSHOT ");
    if (!err) pg_conn_literal(&sql, pg_conn_text(res, 0, 2));
    if (!err) err = pg_conn_do_buf(&snap->conn, &sql);
    buf_fini(&sql);
    PQclear(res);
    pg_conn_close(&slot);
    return err;
}

int pg_snap_open(struct pg_snap **out, struct pg_landing *landing, struct str name) {
    struct pg_snap *snap = base_calloc(1, sizeof *snap);
    struct pg_table *table = pg_table_new(name);
    snap->table = name;
    buf_init(&snap->plain, ROW_MAX);
    pg_conn_init(&snap->conn, landing->base.env, &landing->place, false);
    int err = pg_conn_open(&snap->conn);
    if (!err) err = export_point(snap, landing);
    if (!err) err = pg_table_load(&snap->conn, table, landing->guest);
    if (!err && table->cols.is_there) {
        struct buf sql;
        PGresult *res;
        buf_init(&sql, PG_CONN_SQL_MAX);
        buf_putz(&sql, "COPY (SELECT ");
        pg_table_columns(table, &sql);
        buf_putz(&sql, " FROM ");
        pg_table_rel(table, &sql);
        buf_put(&sql, ") TO STDOUT", 12);
        err = pg_conn_run(&snap->conn, sql.ptr, NULL, 0, &res);
        if (!err) PQclear(res);
        snap->copying = !err;
        buf_fini(&sql);
    }
    snap->begin_us = env_now_us(landing->base.env);
    snap->relation = pg_relation_of(table, name);
    snap->row.cnt = table->cols.col_cnt;
    snap->row.value = arena_array(&snap->arena, struct pgoutput_value, table->cols.col_cnt + 1);
    pg_table_free(table);
    if (err) {
        pg_snap_close(snap);
        return err_add(err, "copy of table %.*s", STR_ARG(name));
    }
    *out = snap;
    return 0;
}

void pg_snap_close(struct pg_snap *snap) {
    if (!snap) return;
    pg_conn_close(&snap->conn);
    pg_relation_free(snap->relation);
    arena_fini(&snap->arena);
    buf_fini(&snap->plain);
    base_free(snap);
}

static char unescape(char c) {
    static const char from[] = "bfnrtv", to[] = "\b\f\n\r\t\v";
    const char *at = c ? strchr(from, c) : NULL;
    return at ? to[at - from] : c;
}

/* A value up to the next tab or the line's end. Without a backslash it is a slice of the line. */
static const char *get_value(struct pg_snap *snap, const char *at, const char *end,
                             struct pgoutput_value *out) {
    const char *stop = at;
    bool escaped = false;
    for (; stop < end && *stop != '\t' && *stop != '\n'; stop++)
        if (*stop == '\\' && stop + 1 < end) escaped = true, stop++;
    out->kind = PGOUTPUT_TEXT;
    out->bytes = (struct str){at, (size_t)(stop - at)};
    if (escaped && stop - at == 2 && at[1] == 'N') {
        out->kind = PGOUTPUT_NULL;
    } else if (escaped) {
        char *to = snap->plain.ptr + snap->plain.len, *start = to;
        for (; at < stop; at++) *to++ = *at == '\\' && at + 1 < stop ? unescape(*++at) : *at;
        out->bytes = (struct str){start, (size_t)(to - start)};
        snap->plain.len += (size_t)(to - start);
    }
    return stop;
}

static int read_line(struct pg_snap *snap, struct str line, struct pg_entry *entry) {
    const char *at = line.ptr, *end = at + line.len;
    buf_reset(&snap->plain);
    if (!buf_room(&snap->plain, line.len + 1)) return err_fail(ERR_TOO_BIG, "a row is too big");
    for (size_t i = 0; i < snap->row.cnt; i++) {
        if (i && (at >= end || *at++ != '\t'))
            return err_fail(ERR_CORRUPT, "a row of the copy has too few columns");
        at = get_value(snap, at, end, &snap->row.value[i]);
    }
    return pg_entry_read(entry, snap->relation, &snap->row);
}

int pg_snap_read(struct pg_snap *snap, struct pg_entry *entry) {
    PGconn *pg = snap->conn.pg;
    int err = 0, more = 1;
    if (!snap->copying) return 0;
    while (!err && !pg_entry_full(entry)) {
        char *line = NULL;
        int len = PQgetCopyData(pg, &line, 0);
        if (len < 0) {
            PGresult *res = PQgetResult(pg);
            more = 0;
            if (len == -2 || PQresultStatus(res) != PGRES_COMMAND_OK)
                err = pg_conn_fail(&snap->conn, res);
            PQclear(res);
            break;
        }
        err = read_line(snap, (struct str){line, (size_t)len}, entry);
        PQfreemem(line);
    }
    return err ? err_add(err, "copy of table %.*s", STR_ARG(snap->table)) : more;
}
