/* pg_batch.h - rows on their way into a table: gathered as COPY's text, then written at once.
 *
 * A batch goes by COPY into a temporary table with the same columns, and from there by one INSERT
 * that updates the rows whose key is there and whose values differ. A key comes once in a batch:
 * pg_batch_add() says when the batch must be written first. A table without a key takes the COPY
 * directly. Thread: with its connection. */
#ifndef LANDING_POSTGRES_PG_BATCH_H
#define LANDING_POSTGRES_PG_BATCH_H

#include "landing/postgres/pg_landing.h"

#define PG_BATCH_LEN ((size_t)8 << 20) /* bytes after which a batch is written */
#define PG_BATCH_MAX ((size_t)64 << 20)

struct pg_batch {
    struct pg_landing *landing;
    struct pg_table *table;
    struct buf text;
    size_t cnt;
    uint64_t *seen;      /* hashes of keys, 0: free */
    size_t seen_cap, seen_cnt;
    bool staged;         /* the temporary table has rows of this transaction */
};
void pg_batch_init(struct pg_batch *batch, struct pg_landing *landing, struct pg_table *table);
void pg_batch_fini(struct pg_batch *batch);
/* value: the columns' texts for COPY, in their order (ptr NULL: NULL). false: a row with this key
 * may be in the batch already, or it is full; write it, and add the row then. */
bool pg_batch_add(struct pg_batch *batch, const struct str *value);
/* Writes what was gathered and adds to `count`. */
int pg_batch_write(struct pg_batch *batch, struct landing_count *count) MUST_USE;
/* The table's columns are about to change: the temporary table is made anew before its next use. */
void pg_batch_restage(struct pg_batch *batch);

#endif
