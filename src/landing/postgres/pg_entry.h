/* pg_entry.h - changes gathered from rows, with JSON in them, until they are handed out together.
 *
 * Thread: the capture's. */
#ifndef LANDING_POSTGRES_PG_ENTRY_H
#define LANDING_POSTGRES_PG_ENTRY_H

#include "landing/postgres/pg_relation.h"
#include "model/change.h"

#define PG_ENTRY_CHANGES 1024                /* an entry is closed with so many changes, */
#define PG_ENTRY_LEN     ((size_t)1 << 20)   /* or so many bytes */
#define PG_ENTRY_MAX     ((size_t)1 << 30)   /* of one row's change, at the most */

struct pg_entry_change {
    enum change_op op;
    uint32_t idx;
    struct str table;             /* the relation's */
    size_t key, before, after;    /* start in text; SIZE_MAX: none */
    size_t key_len, before_len, after_len;
};
struct pg_entry {
    struct buf text;
    struct pg_entry_change *change;
    size_t cnt, cap;
    uint32_t idx; /* of the next change: changes that were left out count too */
};
void pg_entry_init(struct pg_entry *entry);
void pg_entry_fini(struct pg_entry *entry);
void pg_entry_reset(struct pg_entry *entry);
bool pg_entry_full(const struct pg_entry *entry);
/* I, U or D of a captured relation. What changes nothing is left out; a key that changes is a
 * delete and a create. ERR_CORRUPT: the row is not the relation's; ERR_TOO_BIG. */
int pg_entry_add(struct pg_entry *entry, struct pg_relation *relation,
                 const struct pgoutput *message) MUST_USE;
int pg_entry_read(struct pg_entry *entry, const struct pg_relation *relation,
                  const struct pgoutput_row *row) MUST_USE; /* a READ */
/* The changes as they go out, copied into `arena`. */
struct change *pg_entry_take(const struct pg_entry *entry, uint64_t seq, int64_t commit_us,
                             struct arena *arena);

#endif
