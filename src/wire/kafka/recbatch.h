/* recbatch.h - Kafka's record batch, magic 2: building, checking, walking.
 *
 *   pos  size  what
 *     0     8  base offset                  rewritten by the log, not under the CRC
 *     8     4  bytes after this field
 *    12     4  leader epoch                 rewritten by the log, not under the CRC
 *    16     1  magic, 2
 *    17     4  CRC-32C of all from 21 on
 *    21     2  attributes                   enum recbatch_attr; the low 3 bits are the codec
 *    23     4  last offset - base offset
 *    27     8  base timestamp, ms
 *    35     8  max timestamp, ms
 *    43     8  producer id, -1: none
 *    51     2  producer epoch
 *    53     4  base sequence
 *    57     4  record count
 *    61        records, compressed as a whole when there is a codec
 *
 * A record: length, attributes (1 byte), timestamp delta, offset delta, key length and key, value
 * length and value (-1: null), header count, and each header as name and value. All numbers but
 * the attributes are zig-zag varints.
 *
 * Nothing here trusts a length or a count. Decompression stops at RECBATCH_PLAIN_MAX bytes and at
 * RECBATCH_RATIO_MAX times the input (beyond a first RECBATCH_RATIO_FREE bytes), whichever is less.
 *
 * Thread: one at a time. Memory: see each function. Errors: ERR_CORRUPT for bytes that are no batch
 * or fail their CRC, ERR_TRUNC when they end early, ERR_INVAL for a sound batch with unsound
 * records, ERR_TOO_BIG past a limit, ERR_UNSUPPORTED for another magic. Source: KIP-98, KIP-110. */
#ifndef WIRE_KAFKA_RECBATCH_H
#define WIRE_KAFKA_RECBATCH_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/rbuf.h"
#include "model/record.h"

#define RECBATCH_HEAD       61
#define RECBATCH_MAX        ((size_t)16 << 20) /* bytes of one batch */
#define RECBATCH_RECORD_MIN 7                  /* bytes of the smallest record */
#define RECBATCH_PLAIN_MAX  ((size_t)64 << 20)
#define RECBATCH_RATIO_MAX  4096
#define RECBATCH_RATIO_FREE ((size_t)1 << 20)

enum recbatch_codec {
    RECBATCH_NONE,
    RECBATCH_GZIP,
    RECBATCH_SNAPPY,
    RECBATCH_LZ4,
    RECBATCH_ZSTD,
    RECBATCH_CODEC_CNT
};
enum recbatch_attr {
    RECBATCH_CODEC_MASK = 7,
    RECBATCH_APPEND_TIME = 8, /* every record's time is max_ts, set by the log */
    RECBATCH_TRANSACTIONAL = 16,
    RECBATCH_CONTROL = 32, /* holds a transaction's marker, no data */
};

/* ---- building ----
 *
 *     struct recbatch_build build;
 *     recbatch_begin(&build, &buf);                 appends a head to buf
 *     while (...) err = recbatch_add(&build, &rec);
 *     err = recbatch_seal(&build);                  buf now ends with a whole batch
 *
 * Several batches may follow each other in one buf. After recbatch_begin() the caller may set
 * codec, producer_id, producer_epoch and base_sequence. */
struct recbatch_build {
    struct buf *out;    /* borrowed until sealed */
    size_t pos;         /* of the batch in `out` */
    int32_t cnt;        /* records so far */
    int32_t last_delta; /* offset of the last one, from the batch's base */
    int64_t base_ts, max_ts;
    enum recbatch_codec codec;
    int16_t attributes; /* others than the codec */
    int64_t producer_id;
    int16_t producer_epoch;
    int32_t base_sequence;
};
void recbatch_begin(struct recbatch_build *build, struct buf *out);
/* Appends a record, copied; its offset is ignored. ERR_TOO_BIG: it does not fit into `out` or into
 * RECBATCH_MAX, and the batch is as it was: seal it and begin the next. */
int recbatch_add(struct recbatch_build *build, const struct record *record) MUST_USE;
/* The same, at an offset `delta` behind the batch's base, past the last one's: for copies of what
 * has gaps. */
int recbatch_add_at(struct recbatch_build *build, const struct record *record,
                    int32_t delta) MUST_USE;
size_t recbatch_size(const struct recbatch_build *build); /* bytes so far, before compression */
/* Compresses, writes the head and its CRC. A batch without records is taken out of `out` again. A
 * codec that does not make the batch smaller is left out. */
int recbatch_seal(struct recbatch_build *build) MUST_USE;
/* Appends a batch without records that covers offsets base to end - 1: what a reader has to be led
 * past. At most INT32_MAX of them. */
void recbatch_gap(struct buf *out, int64_t base, int64_t end);
/* Takes the unsealed batch out of `out` again. */
void recbatch_drop(struct recbatch_build *build);

/* ---- looking at heads ---- */
struct recbatch_head {
    int64_t base_offset;
    int32_t leader_epoch;
    int8_t magic;
    uint32_t crc;
    int16_t attributes;
    int32_t last_offset_delta;
    int64_t base_ts, max_ts;
    int64_t producer_id; /* -1: none */
    int16_t producer_epoch;
    int32_t base_sequence; /* -1: none */
    int32_t count;
    size_t size; /* bytes of the whole batch, head included */
};
/* Decodes the head at the start of `bytes`, of which RECBATCH_HEAD must be there; checks what a
 * head alone can tell (magic, codec, size, counts). The batch itself may be longer than `bytes`. */
int recbatch_peek(struct str bytes, struct recbatch_head *out) MUST_USE;
/* The same, and the whole batch must be there and pass its CRC. out->size says where it ends. */
int recbatch_check(struct str bytes, struct recbatch_head *out) MUST_USE;
/* Walks the records of a batch that passed recbatch_check(): ERR_INVAL when they do not decode, are
 * not as many as the head says, their offset deltas are not 0, 1, 2 ..., or (`keyed`) one has no
 * key. For what a producer sends; a compacted batch may have gaps. */
int recbatch_check_records(struct str batch, bool keyed) MUST_USE;
/* First offset after the batch. */
int64_t recbatch_end(const struct recbatch_head *head);

/* Writes base offset and leader epoch into the first bytes of a batch, in place; CRC unaffected. */
void recbatch_place(char *batch, int64_t base_offset, int32_t leader_epoch);
/* Makes max_ts = ts_ms and sets RECBATCH_APPEND_TIME. `head` are the first RECBATCH_HEAD bytes,
 * `rest` all that follow in the batch; the CRC is computed anew. */
void recbatch_stamp(char *head, struct str rest, int64_t ts_ms);

/* ---- walking records ----
 *
 *     struct recbatch_iter it;
 *     struct record rec;
 *     recbatch_walk(&it, batches, from, &arena);
 *     while (recbatch_next(&it, &rec)) ...
 *     if (it.err) return it.err;
 *
 * Walks all batches in `batches` (as log_read() gives them; CRCs are not looked at again), leaves
 * out records before offset `from` and control batches. A record's bytes live in `batches`, or,
 * when compressed, in `arena`, as do its headers. */
struct recbatch_iter {
    struct arena *arena;
    struct rbuf batches;       /* not begun */
    struct rbuf records;       /* of the present batch, plain */
    struct recbatch_head head; /* of the present batch */
    int64_t from;
    int32_t left; /* records of the present batch not seen */
    int err;      /* why recbatch_next() said false; 0: end */
};
void recbatch_walk(struct recbatch_iter *it, struct str batches, int64_t from, struct arena *arena);
bool recbatch_next(struct recbatch_iter *it, struct record *out) MUST_USE;

/* Appends `batch`, a whole and checked one, to `out` with only the records that `keep` wants, at
 * their offsets; nothing when it wants none. The codec stays. Decompressed bytes go to `arena`. */
int recbatch_filter(struct str batch, bool (*keep)(void *arg, const struct record *record),
                    void *arg, struct arena *arena, struct buf *out) MUST_USE;

const char *recbatch_codec_name(enum recbatch_codec codec); /* "zstd"; "none" for none */

#endif
