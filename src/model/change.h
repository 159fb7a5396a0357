/* change.h - one changed row of a landing table, and the id it carries from here on.
 *
 * The id is (seq, idx): seq is the outbox's transaction number, rising without reuse; idx the
 * change's place in it. It travels as the record header RECORD "sluice.id" = "seq.idx", by which
 * every later hop recognises a repeat. Rows are JSON objects as the source sent them. */
#ifndef MODEL_CHANGE_H
#define MODEL_CHANGE_H

#include "base/str.h"

enum change_op { CHANGE_CREATE = 'c', CHANGE_UPDATE = 'u', CHANGE_DELETE = 'd', CHANGE_READ = 'r' };

struct change {
    enum change_op op;
    uint64_t seq;       /* transaction number */
    uint32_t idx;       /* in the transaction, from 0 */
    int64_t commit_us;  /* wall clock at the commit */
    struct str table;
    struct str key;     /* the key's text; several key columns: a JSON array */
    struct str before;  /* JSON; ptr NULL: there was none */
    struct str after;   /* JSON; ptr NULL: there is none */
};

#endif
