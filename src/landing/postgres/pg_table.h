/* pg_table.h - a table in PostgreSQL as the landing sees it: its columns, the JSON they hold.
 *
 * The columns are landing_cols.h's. What they cannot say is kept beside them, in the schema the
 * address leads to:
 *
 *   _sluice_table   name, key (a JSON list of paths), row (the type of the rows seen so far,
 *                   model/type.h), captured, theirs (another program made it)
 *   _sluice_column  columns whose name is not their member's: PostgreSQL's names have at most 63
 *                   bytes; and paths
 *
 * The row's type and members' names stand there as JSON strings: they may have zero bytes.
 * A table that another program made has neither; its columns are its members. A name with a dot
 * means a table of that name, or else one of another schema: "shop.orders".
 * Thread: with its connection. */
#ifndef LANDING_POSTGRES_PG_TABLE_H
#define LANDING_POSTGRES_PG_TABLE_H

#include "landing/landing_cols.h"
#include "landing/postgres/pg_conn.h"
#include "landing/postgres/pg_value.h"

#define PG_TABLE_KEY_MAX 32 /* columns of an index */

struct pg_col {
    struct pg_type pg;
    bool is_generated; /* by the server: not ours to write */
};

struct pg_table {
    struct landing_cols cols;
    struct pg_col *col;      /* what each of them is in PostgreSQL */
    struct str schema, rel;  /* where it is */
    uint32_t oid;
    char identity;           /* replica identity: d, n, f, i */
    struct str stamp;        /* changes when its columns do */
};
extern const struct landing_dialect pg_table_dialect;

struct pg_table *pg_table_new(struct str name);
void pg_table_free(struct pg_table *table);
void pg_table_forget(struct pg_table *table); /* back to not loaded */

int pg_table_name_check(struct str name) MUST_USE; /* ERR_INVAL: not one we would make */
/* guest: the database is another program's, without our tables. */
int pg_table_load(struct pg_conn *conn, struct pg_table *table, bool guest) MUST_USE;
/* Is it loaded, and its columns still those? Else loads it. */
int pg_table_refresh(struct pg_conn *conn, struct pg_table *table) MUST_USE;
/* Writes what `decl` says into _sluice_table. ERR_CONFLICT: it is there with another key. */
int pg_table_declare(struct pg_conn *conn, struct pg_table *table,
                     const struct landing_table *decl) MUST_USE;
void pg_table_rel(const struct pg_table *table, struct buf *sql); /* "schema"."name" */
/* "a", "b", ...: all columns; in the order of `col`. */
void pg_table_columns(const struct pg_table *table, struct buf *sql);
/* The row whose columns' texts are `text` as JSON, without the paths' columns. */
void pg_table_row(const struct pg_table *table, const struct str *text, struct buf *out);

#endif
