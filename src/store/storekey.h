/* storekey.h - keys of rows as bytes whose unsigned order is the table's order.
 *
 *   size  what
 *      4  table number
 *      8  token, sign flipped
 *    var  partition key (one column: its bytes; several: length16, bytes, 0 each); 00 is written
 *         00 FF, and 00 00 ends it
 *      1  kind: 00 partition deletion, 01 static row, 02 range deletion, 03 row
 *    var  kind 02: start and end, each escaped and ended as above; kind 03: clustering columns
 *
 * A clustering column is 40 and the value in a form that compares (3F: an empty value of a type
 * that has a fixed form); all bits inverted for DESC. No encoded value is a prefix of another's.
 * Thread: any. */
#ifndef STORE_STOREKEY_H
#define STORE_STOREKEY_H

#include "base/buf.h"
#include "store/store.h"

enum storekey_kind {
    STOREKEY_DELETION = 0,
    STOREKEY_STATIC = 1,
    STOREKEY_RANGE = 2,
    STOREKEY_ROW = 3,
    STOREKEY_END = 4, /* behind all of a partition */
};
#define STOREKEY_PREFIX_LEN 12 /* table and token */
#define STOREKEY_AFTER      '\xFF' /* as a next byte: behind every key that begins so */

/* Cassandra's one-piece form of a partition key, which is what tokens are made of. */
void storekey_join(const struct store_table *table, const struct str *pkey, struct buf *out);
int64_t storekey_token(const struct store_table *table, const struct str *pkey);
/* The prefix of everything in a partition, up to before the kind. */
void storekey_partition(const struct store_table *table, const struct str *pkey, struct buf *out);
void storekey_token_prefix(const struct store_table *table, int64_t token, struct buf *out);
/* Values idx.. of the clustering key. */
void storekey_ckey(const struct store_table *table, size_t idx, const struct str *ckey, size_t cnt,
                   struct buf *out);
/* [start, end) of encoded clustering keys with these first columns equal and the next one between
 * lo and hi (in the values' order, whatever the column's). */
struct storekey_span {
    const struct str *eq;
    size_t eq_cnt;
    struct str lo, hi; /* ptr NULL: open */
    bool lo_open, hi_open;
};
void storekey_bounds(const struct store_table *table, const struct storekey_span *span,
                     struct buf *start, struct buf *end);
void storekey_escape(struct str bytes, struct buf *out); /* with its end */

/* Splits a key: the partition's prefix, the kind, the rest. ERR_CORRUPT. */
struct storekey_parts {
    int64_t token;
    struct str partition; /* prefix, up to before the kind */
    enum storekey_kind kind;
    struct str rest;
};
int storekey_split(struct str key, struct storekey_parts *out) MUST_USE;
/* The values of the partition key and of the clustering key. ERR_CORRUPT. */
int storekey_read_pkey(const struct store_table *table, struct str partition, struct arena *arena,
                       struct str *out) MUST_USE;
int storekey_read_ckey(const struct store_table *table, struct str rest, struct arena *arena,
                       struct str *out) MUST_USE;
struct str storekey_unescape(struct str *rest, struct arena *arena); /* ptr NULL: damaged */
/* Can all clustering values be read back from their order? Otherwise rows carry them in a cell. */
bool storekey_reversible(const struct store_table *table);
/* The clustering key in one piece, for that cell. */
void storekey_pack_ckey(const struct store_table *table, const struct str *ckey, struct buf *out);
int storekey_unpack_ckey(const struct store_table *table, struct str bytes,
                         struct str *out) MUST_USE;

#endif
