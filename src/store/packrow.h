/* packrow.h - a row, or a part of one, packed into one value; and how two of them become one.
 *
 * Every write of a row is such a value that holds only what was written; reading merges them all.
 * The merge takes, cell by cell, what Cassandra would: the larger timestamp; of equal ones a
 * tombstone before an expiring cell before a plain one, then the later end, then the larger bytes.
 * It is associative and commutative, so RocksDB may merge any neighbours at any time.
 *
 * Thread: any. Bytes are read within bounds: damaged ones give ERR_CORRUPT. */
#ifndef STORE_PACKROW_H
#define STORE_PACKROW_H

#include "base/buf.h"
#include "base/rbuf.h"

#define PACKROW_NEVER   INT64_MIN
#define PACKROW_GRACE_S 864000 /* how long what was deleted is remembered: Cassandra's 10 days */
#define PACKROW_COL_KEY 0xFFFF /* the cell that holds a clustering key which its order has lost */
#define PACKROW_LEN_MAX (1 * GIB)

struct packrow_life { /* of a row's marker or of a cell */
    int64_t ts_us;    /* PACKROW_NEVER: there is none */
    int32_t ttl_s;    /* 0: does not expire */
    int64_t end_s;    /* when it expires; a tombstone: when it was made */
};
struct packrow_head {
    struct packrow_life marker;
    int64_t del_ts_us; /* all with a timestamp up to this is gone; PACKROW_NEVER: none */
    int64_t del_at_s;  /* when that was said */
};
struct packrow_cell {
    uint16_t col;
    struct packrow_life life;
    struct str value; /* ptr NULL: a tombstone */
};

/* Writing: the head, then cells by rising col. */
struct packrow_writer {
    struct buf *out;
    int64_t ts_us; /* of what was written last */
};
void packrow_begin(struct packrow_writer *writer, struct buf *out, const struct packrow_head *head);
void packrow_put(struct packrow_writer *writer, const struct packrow_cell *cell);

/* Reading: the head, then cells until packrow_next() says false; then look at `bad`. */
struct packrow_reader {
    struct rbuf in;
    int64_t ts_us;
    struct packrow_head head;
};
int packrow_open(struct packrow_reader *reader, struct str bytes) MUST_USE;
bool packrow_next(struct packrow_reader *reader, struct packrow_cell *out);

/* Does it still count at `now_s`? (What has not been deleted; tombstones do not.) */
bool packrow_alive(const struct packrow_life *life, int64_t now_s);

/* Appends the merge of both. `whole`: nothing older is left anywhere, so tombstones older than the
 * grace may go. Expired cells lose their bytes, but keep their place in the order. */
int packrow_merge(struct str a, struct str b, int64_t now_s, bool whole, struct buf *out) MUST_USE;
/* Nothing is in it: no marker, no deletion, no cell. */
bool packrow_empty(struct str bytes);
/* Would a merge as `whole` leave out anything? Damaged bytes: no. */
bool packrow_stale(struct str bytes, int64_t now_s);

#endif
