/* pg_relation.h - the columns that rows of the replication stream, and of a copy, have.
 *
 * A relation is made from the stream's own message, which says what the rows that follow look like,
 * and from the catalogue, which knows what that message does not: members' names, the primary key,
 * base types of domains.
 *
 * Thread: the capture's. */
#ifndef LANDING_POSTGRES_PG_RELATION_H
#define LANDING_POSTGRES_PG_RELATION_H

#include "landing/postgres/pg_table.h"
#include "wire/pg/pgoutput.h"

struct pg_relcol {
    struct str label; /* "member": with its quotes and colon; ptr NULL: a key path's column */
    struct pg_type type;
    bool is_key;
    struct str name;  /* in PostgreSQL, quoted */
};
struct pg_relation {
    struct arena arena;
    struct str table; /* as declared; ptr NULL: not captured */
    struct str from;  /* "schema"."table", as the stream says */
    struct pg_relcol *col;
    size_t col_cnt;
    size_t *key;      /* columns of the key */
    size_t key_cnt;
    bool warned;      /* that values stored apart had to be left out */
};
/* table NULL: it is not captured. name: as declared; borrowed for the life of the capture. */
struct pg_relation *pg_relation_new(const struct pgoutput *message, const struct pg_table *table,
                                    struct str name);
/* All columns of the table, for a copy. */
struct pg_relation *pg_relation_of(const struct pg_table *table, struct str name);
void pg_relation_free(struct pg_relation *relation); /* NULL is allowed */

#endif
