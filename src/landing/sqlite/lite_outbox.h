/* lite_outbox.h - the changes of a transaction as one run of bytes, kept until they are acked. */
#ifndef LANDING_SQLITE_LITE_OUTBOX_H
#define LANDING_SQLITE_LITE_OUTBOX_H

#include "base/arena.h"
#include "base/buf.h"
#include "model/change.h"

/* An entry is closed once it is this big; a transaction may leave several. */
#define LITE_OUTBOX_ENTRY ((size_t)1 << 20)
#define LITE_OUTBOX_MAX   ((size_t)64 << 20) /* of one entry; never reached: rows are limited */

struct lite_outbox {
    struct buf body;
    uint32_t cnt;
    struct str table; /* of the last change: said once while it stays the same */
};

void lite_outbox_init(struct lite_outbox *outbox);
void lite_outbox_fini(struct lite_outbox *outbox);
void lite_outbox_reset(struct lite_outbox *outbox);
/* seq, idx and commit_us of `change` are not written. change->table must live till the reset. */
void lite_outbox_add(struct lite_outbox *outbox, const struct change *change);

/* An entry that lite_outbox_add() wrote. Changes point into `body`. */
int lite_outbox_decode(struct str body, struct arena *arena, struct change **out,
                       size_t *cnt) MUST_USE;
/* An entry that a trigger wrote: {"t":table,"op":"u","o":[old key],"k":[key],"b":{},"a":{}}. A key
 * that was changed gives two changes, a delete and a create. */
int lite_outbox_decode_json(struct str body, struct arena *arena, struct change **out,
                            size_t *cnt) MUST_USE;

/* A key from the JSON list of its values: [v] is v's text, [v,w] stays a list, [] is null. */
struct str lite_outbox_key(struct str list, struct arena *arena);

#endif
