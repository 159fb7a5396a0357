/* pgoutput.h - PostgreSQL's logical replication stream: frames and messages as bytes, no I/O.
 *
 * A walsender sends frames in CopyData: `w` carries a message of the pgoutput plugin (protocol
 * version 1: whole transactions, in commit order), `k` is a keepalive; the client answers `r`.
 *
 *   B commit's lsn, time, xid        C its lsn, the lsn after it, time
 *   R relation: id, names, replica identity, columns    Y type (passed over)
 *   I new row    U old key or row, new row    D old key or row    T truncate    O, M passed over
 *
 * Memory: slices borrow the message, arrays live in the arena given. Errors: ERR_CORRUPT.
 * Limits: PGOUTPUT_COL_MAX columns, PGOUTPUT_REL_MAX relations of one truncate.
 * Source: PostgreSQL's chapters "Streaming Replication Protocol", "Logical Replication Message
 * Formats". */
#ifndef WIRE_PG_PGOUTPUT_H
#define WIRE_PG_PGOUTPUT_H

#include "base/arena.h"
#include "base/buf.h"

#define PGOUTPUT_COL_MAX 1664
#define PGOUTPUT_REL_MAX 65536
#define PGOUTPUT_EPOCH_US INT64_C(946684800000000) /* 2000-01-01, from which its times count */

enum pgoutput_frame_kind { PGOUTPUT_DATA = 'w', PGOUTPUT_KEEPALIVE = 'k' };
struct pgoutput_frame {
    enum pgoutput_frame_kind kind;
    uint64_t start;   /* DATA: of the message */
    uint64_t end;     /* the server's end of what it has sent (KEEPALIVE), or of its WAL (DATA) */
    int64_t time_us;  /* since 1970 */
    bool reply;       /* KEEPALIVE: an answer is wanted at once */
    struct str body;  /* DATA: the message */
};
int pgoutput_frame(struct str bytes, struct pgoutput_frame *out) MUST_USE;
/* An `r` frame: all up to these is written and flushed by us. */
void pgoutput_status(struct buf *out, uint64_t written, uint64_t flushed, int64_t now_us,
                     bool reply);

enum pgoutput_kind {
    PGOUTPUT_BEGIN = 'B',
    PGOUTPUT_COMMIT = 'C',
    PGOUTPUT_ORIGIN = 'O',
    PGOUTPUT_RELATION = 'R',
    PGOUTPUT_TYPE = 'Y',
    PGOUTPUT_INSERT = 'I',
    PGOUTPUT_UPDATE = 'U',
    PGOUTPUT_DELETE = 'D',
    PGOUTPUT_TRUNCATE = 'T',
    PGOUTPUT_MESSAGE = 'M',
};
struct pgoutput_col {
    bool is_key; /* of the replica identity */
    struct str name;
    uint32_t type; /* oid */
    int32_t mod;
};
enum pgoutput_value_kind {
    PGOUTPUT_NULL = 'n',
    PGOUTPUT_UNCHANGED = 'u', /* a TOAST value that was not sent */
    PGOUTPUT_TEXT = 't',
    PGOUTPUT_BINARY = 'b',
};
struct pgoutput_value {
    enum pgoutput_value_kind kind;
    struct str bytes;
};
struct pgoutput_row {
    struct pgoutput_value *value; /* NULL: there is no such row */
    size_t cnt;
};
struct pgoutput {
    enum pgoutput_kind kind;
    uint64_t lsn, end_lsn;  /* BEGIN, COMMIT: the commit's; COMMIT: after it */
    int64_t time_us;        /* BEGIN, COMMIT: since 1970 */
    uint32_t xid;           /* BEGIN */
    uint32_t relid;         /* RELATION, INSERT, UPDATE, DELETE; TRUNCATE: the first */
    struct str schema, name; /* RELATION */
    char identity;          /* RELATION: d default, n nothing, f full, i index */
    struct pgoutput_col *col;
    size_t col_cnt;
    bool old_is_key;            /* `old` has the key's columns only */
    struct pgoutput_row old, now;
    uint32_t *rel;              /* TRUNCATE */
    size_t rel_cnt;
};
int pgoutput_decode(struct str bytes, struct arena *arena, struct pgoutput *out) MUST_USE;

#endif
