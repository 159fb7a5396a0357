/* pidtab.h - what a partition remembers of its idempotent producers.
 *
 * For each producer id its epoch and its last PIDTAB_WINDOW batches, as Kafka has it: a repeat of
 * one of them is answered with the original offset, a newer epoch fences older ones, and a batch
 * must go on where the last one ended. An id not known (new, expired or evicted) may start with any
 * sequence. Thread: one at a time. Limits: PIDTAB_MAX ids; when full the longest idle are
 * forgotten. Source: KIP-98. */
#ifndef LOG_PIDTAB_H
#define LOG_PIDTAB_H

#include "base/buf.h"
#include "base/rbuf.h"
#include "wire/kafka/recbatch.h"

#define PIDTAB_WINDOW 5
#define PIDTAB_MAX    20000
#define PIDTAB_AGE_MS ((int64_t)24 * 3600 * 1000) /* producer.id.expiration.ms */

struct pidtab_batch {
    int32_t first_seq, last_seq;
    int64_t base_offset, end_offset;
};
struct pidtab_entry {
    int64_t id;
    int64_t seen_ms;
    int16_t epoch;
    uint8_t cnt; /* batches kept, oldest first */
    struct pidtab_batch batch[PIDTAB_WINDOW];
};
struct pidtab {
    struct pidtab_entry *entry;
    uint32_t *slot; /* entry number + 1, by hash; 0: free */
    uint32_t cnt, cap, slot_cap;
};

void pidtab_init(struct pidtab *tab);
void pidtab_fini(struct pidtab *tab);
/* May this batch be appended? 0 with *dup NULL: yes; 0 with *dup: it is there already. ERR_FENCED,
 * ERR_SEQUENCE. A batch without producer id is always new. */
int pidtab_check(const struct pidtab *tab, const struct recbatch_head *head,
                 const struct pidtab_batch **dup) MUST_USE;
/* The batch was appended at head->base_offset; one noted before is not noted again. */
void pidtab_note(struct pidtab *tab, const struct recbatch_head *head, int64_t now_ms);
void pidtab_expire(struct pidtab *tab, int64_t before_ms); /* forgets those idle since then */
void pidtab_encode(const struct pidtab *tab, struct buf *out);
/* Into an empty table. ERR_CORRUPT. */
int pidtab_decode(struct pidtab *tab, struct rbuf *in) MUST_USE;

#endif
