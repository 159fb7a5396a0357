/* recbatch.c - building and reading v2 record batches. */
#include "wire/kafka/recbatch.h"

#include "base/crc.h"
#include "base/err.h"
#include "wire/kafka/recbatch_codec.h"

#define MAGIC      2
#define POS_LEN    8
#define POS_EPOCH  12
#define POS_CRC    17
#define POS_ATTR   21
#define POS_MAX_TS 35
#define LEN_BEFORE 12 /* bytes up to and with the length field */
#define VARINT_MAX 10

static void put_i16(char *at, int16_t v) {
    uint16_t be = __builtin_bswap16((uint16_t)v);
    memcpy(at, &be, sizeof be);
}

static void put_i32(char *at, int32_t v) {
    uint32_t be = __builtin_bswap32((uint32_t)v);
    memcpy(at, &be, sizeof be);
}

static void put_i64(char *at, int64_t v) {
    uint64_t be = __builtin_bswap64((uint64_t)v);
    memcpy(at, &be, sizeof be);
}

/* ---- building ---- */

void recbatch_begin(struct recbatch_build *build, struct buf *out) {
    *build = (struct recbatch_build){
        .out = out, .pos = out->len, .producer_id = -1, .producer_epoch = -1, .base_sequence = -1};
    if (buf_room(out, RECBATCH_HEAD)) buf_used(out, RECBATCH_HEAD);
}

static uint64_t zigzag(int64_t v) {
    return (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
}

static size_t varint_size(int64_t v) {
    uint64_t bits = zigzag(v) | 1;
    return (size_t)(63 - __builtin_clzll(bits)) / 7 + 1;
}

static char *varint_put(char *at, int64_t v) {
    uint64_t bits = zigzag(v);
    for (; bits >= 0x80; bits >>= 7)
        *at++ = (char)(bits | 0x80);
    *at++ = (char)bits;
    return at;
}

static size_t bytes_size(struct str bytes) {
    return bytes.ptr ? varint_size((int64_t)bytes.len) + bytes.len : 1;
}

static char *bytes_put(char *at, struct str bytes) {
    at = varint_put(at, bytes.ptr ? (int64_t)bytes.len : -1);
    if (bytes.ptr && bytes.len) memcpy(at, bytes.ptr, bytes.len);
    return at + (bytes.ptr ? bytes.len : 0);
}

/* Bytes of the record after its length field. */
static size_t body_size(const struct record *rec, int64_t ts_delta, int32_t offset_delta) {
    size_t size = 1 + varint_size(ts_delta) + varint_size(offset_delta) + bytes_size(rec->key) +
                  bytes_size(rec->value) + varint_size(rec->header_cnt);
    for (uint32_t i = 0; i < rec->header_cnt; i++)
        size += bytes_size(rec->header[i].name) + bytes_size(rec->header[i].value);
    return size;
}

static int no_room(struct recbatch_build *build, size_t need) {
    return err_fail(ERR_TOO_BIG, "a record of %zu bytes does not fit behind the batch's %zu", need,
                    recbatch_size(build));
}

static int add_at(struct recbatch_build *build, const struct record *rec, int32_t delta) {
    assert(build->out && delta >= build->cnt);
    assert(rec->header_cnt <= RECBATCH_PLAIN_MAX);
    if (build->out->full && build->out->len < build->pos + RECBATCH_HEAD)
        return no_room(build, RECBATCH_HEAD);
    if (!build->cnt) build->base_ts = build->max_ts = rec->ts_ms;
    int64_t ts_delta = (int64_t)((uint64_t)rec->ts_ms - (uint64_t)build->base_ts);
    size_t body = body_size(rec, ts_delta, delta);
    size_t need = varint_size((int64_t)body) + body;
    if (body > RECBATCH_MAX || recbatch_size(build) + need > RECBATCH_MAX ||
        build->cnt == INT32_MAX)
        return no_room(build, need);
    char *at = buf_room(build->out, need);
    if (!at) {
        build->out->full = false;
        return no_room(build, need);
    }
    at = varint_put(at, (int64_t)body);
    *at++ = 0;
    at = varint_put(at, ts_delta);
    at = varint_put(at, delta);
    at = bytes_put(at, rec->key);
    at = bytes_put(at, rec->value);
    at = varint_put(at, rec->header_cnt);
    for (uint32_t i = 0; i < rec->header_cnt; i++) {
        at = bytes_put(at, rec->header[i].name.ptr ? rec->header[i].name : STR(""));
        at = bytes_put(at, rec->header[i].value);
    }
    buf_used(build->out, need);
    build->max_ts = MAX(build->max_ts, rec->ts_ms);
    build->last_delta = delta;
    build->cnt++;
    return 0;
}

int recbatch_add(struct recbatch_build *build, const struct record *record) {
    return add_at(build, record, build->cnt);
}

int recbatch_add_at(struct recbatch_build *build, const struct record *record, int32_t delta) {
    assert(!build->cnt || delta > build->last_delta);
    return add_at(build, record, delta);
}

size_t recbatch_size(const struct recbatch_build *build) {
    return build->out->len - build->pos;
}

void recbatch_drop(struct recbatch_build *build) {
    build->out->len = build->pos;
    build->out->full = false;
    build->cnt = 0;
}

/* Replaces the records by their compressed form when that is shorter. */
static int pack(struct recbatch_build *build) {
    struct buf packed;
    struct buf *out = build->out;
    size_t head_end = build->pos + RECBATCH_HEAD, plain = out->len - head_end;
    buf_init(&packed, plain);
    int err = recbatch_codec_pack(build->codec, (struct str){out->ptr + head_end, plain}, &packed);
    if (!err && packed.len < plain) {
        memcpy(out->ptr + head_end, packed.ptr, packed.len);
        out->len = head_end + packed.len;
    } else if (!err || err == ERR_TOO_BIG) {
        build->codec = RECBATCH_NONE;
        err = 0;
    }
    buf_fini(&packed);
    return err;
}

static void put_head(struct recbatch_build *build) {
    char *head = build->out->ptr + build->pos;
    put_i64(head, 0);
    put_i32(head + POS_LEN, (int32_t)(recbatch_size(build) - LEN_BEFORE));
    put_i32(head + POS_EPOCH, 0);
    head[16] = MAGIC;
    put_i16(head + POS_ATTR, (int16_t)((int)build->codec | build->attributes));
    put_i32(head + 23, build->last_delta);
    put_i64(head + 27, build->base_ts);
    put_i64(head + POS_MAX_TS, build->max_ts);
    put_i64(head + 43, build->producer_id);
    put_i16(head + 51, build->producer_epoch);
    put_i32(head + 53, build->base_sequence);
    put_i32(head + 57, build->cnt);
    put_i32(head + POS_CRC, (int32_t)crc_32c(head + POS_ATTR, recbatch_size(build) - POS_ATTR));
}

int recbatch_seal(struct recbatch_build *build) {
    if (!build->cnt) {
        recbatch_drop(build);
        return 0;
    }
    if (build->codec != RECBATCH_NONE) {
        int err = pack(build);
        if (err) return err;
    }
    put_head(build);
    return 0;
}

void recbatch_gap(struct buf *out, int64_t base, int64_t end) {
    struct recbatch_build build;
    assert(end > base && end - base <= INT32_MAX);
    recbatch_begin(&build, out);
    if (out->full) return;
    build.last_delta = (int32_t)(end - base - 1);
    put_head(&build);
    recbatch_place(out->ptr + build.pos, base, 0);
}

/* ---- heads ---- */

static int head_check(const struct recbatch_head *head) {
    if (head->magic != MAGIC)
        return err_fail(ERR_UNSUPPORTED, "record batch of magic %d: only 2 is spoken", head->magic);
    if (head->size < RECBATCH_HEAD || head->size > RECBATCH_MAX)
        return err_fail(head->size > RECBATCH_MAX ? ERR_TOO_BIG : ERR_CORRUPT,
                        "record batch of %zu bytes: %d to %zu are allowed", head->size,
                        RECBATCH_HEAD, RECBATCH_MAX);
    int codec = head->attributes & RECBATCH_CODEC_MASK;
    if (codec >= RECBATCH_CODEC_CNT)
        return err_fail(ERR_CORRUPT, "record batch with unknown codec %d", codec);
    if (head->last_offset_delta < 0 || head->count < 0 ||
        head->count > (int64_t)head->last_offset_delta + 1 || head->base_offset < 0 ||
        head->base_offset > INT64_MAX - INT32_MAX - 1)
        return err_fail(ERR_CORRUPT,
                        "record batch at offset %" PRId64 " with %d records up to offset delta %d",
                        head->base_offset, head->count, head->last_offset_delta);
    if (codec == RECBATCH_NONE &&
        (size_t)head->count > (head->size - RECBATCH_HEAD) / RECBATCH_RECORD_MIN)
        return err_fail(ERR_CORRUPT, "record batch of %zu bytes cannot hold %d records", head->size,
                        head->count);
    return 0;
}

int recbatch_peek(struct str bytes, struct recbatch_head *out) {
    struct rbuf in = rbuf_of_str(bytes);
    memset(out, 0, sizeof *out);
    out->base_offset = rbuf_i64(&in);
    int32_t len = rbuf_i32(&in);
    out->leader_epoch = rbuf_i32(&in);
    out->magic = rbuf_i8(&in);
    out->crc = rbuf_u32(&in);
    out->attributes = rbuf_i16(&in);
    out->last_offset_delta = rbuf_i32(&in);
    out->base_ts = rbuf_i64(&in);
    out->max_ts = rbuf_i64(&in);
    out->producer_id = rbuf_i64(&in);
    out->producer_epoch = rbuf_i16(&in);
    out->base_sequence = rbuf_i32(&in);
    out->count = rbuf_i32(&in);
    if (in.bad)
        return err_fail(ERR_TRUNC, "record batch cut short: %zu of its head's %d bytes", bytes.len,
                        RECBATCH_HEAD);
    out->size = len < 0 ? 0 : (size_t)len + LEN_BEFORE;
    return head_check(out);
}

int recbatch_check(struct str bytes, struct recbatch_head *out) {
    int err = recbatch_peek(bytes, out);
    if (err) return err;
    if (out->size > bytes.len)
        return err_fail(ERR_TRUNC, "record batch cut short: %zu of %zu bytes", bytes.len,
                        out->size);
    uint32_t crc = crc_32c(bytes.ptr + POS_ATTR, out->size - POS_ATTR);
    if (crc != out->crc)
        return err_fail(ERR_CORRUPT,
                        "record batch at offset %" PRId64 " fails its CRC: %08x, written was %08x",
                        out->base_offset, crc, out->crc);
    return 0;
}

int64_t recbatch_end(const struct recbatch_head *head) {
    return head->base_offset + head->last_offset_delta + 1;
}

void recbatch_place(char *batch, int64_t base_offset, int32_t leader_epoch) {
    put_i64(batch, base_offset);
    put_i32(batch + POS_EPOCH, leader_epoch);
}

void recbatch_stamp(char *head, struct str rest, int64_t ts_ms) {
    head[POS_ATTR + 1] = (char)(head[POS_ATTR + 1] | RECBATCH_APPEND_TIME);
    put_i64(head + POS_MAX_TS, ts_ms);
    uint32_t crc = crc_32c(head + POS_ATTR, RECBATCH_HEAD - POS_ATTR);
    put_i32(head + POS_CRC, (int32_t)crc_32c_more(crc, rest.ptr, rest.len));
}

/* ---- walking ---- */

void recbatch_walk(struct recbatch_iter *it, struct str batches, int64_t from,
                   struct arena *arena) {
    memset(it, 0, sizeof *it);
    it->arena = arena;
    it->batches = rbuf_of_str(batches);
    it->from = from;
}

static int unpack(struct recbatch_iter *it, enum recbatch_codec codec, struct str packed) {
    struct buf plain;
    buf_init(&plain, RECBATCH_PLAIN_MAX);
    int err = recbatch_codec_unpack(codec, packed, &plain);
    if (!err) {
        char *kept = arena_bytes(it->arena, plain.len);
        if (plain.len) memcpy(kept, plain.ptr, plain.len);
        it->records = rbuf_of(kept, plain.len);
    }
    buf_fini(&plain);
    return err;
}

/* Opens the next batch that has records to show; it->left stays 0 at the end of the input. */
static int batch_next(struct recbatch_iter *it) {
    while (!it->left && rbuf_left(&it->batches)) {
        struct str rest = {(const char *)it->batches.at, rbuf_left(&it->batches)};
        int err = recbatch_peek(rest, &it->head);
        if (!err && it->head.size > rest.len)
            err = err_fail(ERR_TRUNC, "record batch cut short: %zu of %zu bytes", rest.len,
                           it->head.size);
        if (err) return err;
        rbuf_skip(&it->batches, it->head.size);
        if (it->head.attributes & RECBATCH_CONTROL || recbatch_end(&it->head) <= it->from) continue;
        int codec = it->head.attributes & RECBATCH_CODEC_MASK;
        struct str body = {rest.ptr + RECBATCH_HEAD, it->head.size - RECBATCH_HEAD};
        it->records = rbuf_of_str(body);
        if (codec != RECBATCH_NONE && (err = unpack(it, (enum recbatch_codec)codec, body)))
            return err;
        it->left = (int32_t)rbuf_count(&it->records, it->head.count, RECBATCH_RECORD_MIN);
        if (it->records.bad)
            return err_fail(ERR_INVAL, "batch at offset %" PRId64 ": %d records cannot be in it",
                            it->head.base_offset, it->head.count);
    }
    return 0;
}

/* A length and its bytes; -1 is null. */
static struct str nullable(struct rbuf *in) {
    int64_t len = rbuf_varint(in);
    if (len == -1) return STR_NULL;
    if (len < 0) rbuf_fail(in);
    return rbuf_bytes(in, (size_t)MAX(len, 0));
}

/* With `arena` NULL headers are checked and left out. */
static void headers(struct rbuf *in, struct arena *arena, struct record *out) {
    size_t cnt = rbuf_count(in, rbuf_varint(in), 2);
    if (cnt > RECORD_HEADER_MAX) {
        rbuf_fail(in);
        return;
    }
    struct record_header *header = NULL;
    if (arena && cnt) header = arena_array(arena, struct record_header, cnt);
    for (size_t i = 0; i < cnt && !in->bad; i++) {
        struct str name = nullable(in);
        struct str value = nullable(in);
        if (!name.ptr) rbuf_fail(in);
        if (header) header[i] = (struct record_header){name, value};
    }
    out->header = header;
    out->header_cnt = in->bad ? 0 : (uint32_t)cnt;
}

/* Decodes one record from `in`, which then stands behind it. */
static int record_next(struct rbuf *in, const struct recbatch_head *head, struct arena *arena,
                       struct record *out) {
    int64_t len = rbuf_varint(in);
    if (len < 0) rbuf_fail(in);
    struct rbuf body = rbuf_of_str(rbuf_bytes(in, (size_t)MAX(len, 0)));
    rbuf_i8(&body);
    int64_t ts_delta = rbuf_varint(&body);
    int64_t offset_delta = rbuf_varint(&body);
    out->key = nullable(&body);
    out->value = nullable(&body);
    headers(&body, arena, out);
    if (in->bad || !rbuf_done(&body) || offset_delta < 0 || offset_delta > head->last_offset_delta)
        return err_fail(ERR_INVAL, "batch at offset %" PRId64 ": a record does not decode",
                        head->base_offset);
    bool stamped = head->attributes & RECBATCH_APPEND_TIME;
    out->ts_ms = stamped ? head->max_ts : (int64_t)((uint64_t)head->base_ts + (uint64_t)ts_delta);
    out->offset = head->base_offset + offset_delta;
    return 0;
}

bool recbatch_next(struct recbatch_iter *it, struct record *out) {
    while (!it->err) {
        if (!it->left && (it->err = batch_next(it))) break;
        if (!it->left) return false;
        it->left--;
        it->err = record_next(&it->records, &it->head, it->arena, out);
        if (!it->err && out->offset >= it->from) return true;
    }
    return false;
}

int recbatch_filter(struct str batch, bool (*keep)(void *arg, const struct record *record),
                    void *arg, struct arena *arena, struct buf *out) {
    struct recbatch_head head;
    struct recbatch_build build;
    struct recbatch_iter it;
    struct record rec;
    int err = recbatch_peek(batch, &head);
    if (err) return err;
    recbatch_begin(&build, out);
    build.codec = (enum recbatch_codec)(head.attributes & RECBATCH_CODEC_MASK);
    build.attributes = (int16_t)(head.attributes & ~RECBATCH_CODEC_MASK);
    build.producer_id = head.producer_id;
    build.producer_epoch = head.producer_epoch;
    build.base_sequence = head.base_sequence;
    recbatch_walk(&it, (struct str){batch.ptr, MIN(batch.len, head.size)}, 0, arena);
    while (!err && recbatch_next(&it, &rec))
        if (keep(arg, &rec)) err = add_at(&build, &rec, (int32_t)(rec.offset - head.base_offset));
    if (!err) err = it.err;
    if (!err) err = recbatch_seal(&build);
    if (err)
        recbatch_drop(&build);
    else if (build.cnt)
        recbatch_place(out->ptr + build.pos, head.base_offset, head.leader_epoch);
    return err;
}

static int records_check(struct rbuf *in, const struct recbatch_head *head, bool keyed) {
    for (int32_t i = 0; i < head->count; i++) {
        struct record rec;
        int err = record_next(in, head, NULL, &rec);
        if (err) return err;
        if (rec.offset != head->base_offset + i)
            return err_fail(ERR_INVAL, "record %d of a batch says it is number %" PRId64, i,
                            rec.offset - head->base_offset);
        if (keyed && !rec.key.ptr)
            return err_fail(ERR_INVAL, "record %d has no key, and the topic is compacted", i);
    }
    if (rbuf_left(in))
        return err_fail(ERR_INVAL, "%zu bytes behind the last of %d records", rbuf_left(in),
                        head->count);
    return 0;
}

int recbatch_check_records(struct str batch, bool keyed) {
    struct recbatch_head head;
    int err = recbatch_peek(batch, &head);
    if (err) return err;
    CHECK(head.size <= batch.len);
    if (head.count < 1 || head.count - 1 != head.last_offset_delta)
        return err_fail(ERR_INVAL, "a batch of %d records ends at offset delta %d", head.count,
                        head.last_offset_delta);
    struct str body = {batch.ptr + RECBATCH_HEAD, head.size - RECBATCH_HEAD};
    struct buf plain;
    buf_init(&plain, RECBATCH_PLAIN_MAX);
    int codec = head.attributes & RECBATCH_CODEC_MASK;
    if (codec != RECBATCH_NONE) {
        err = recbatch_codec_unpack((enum recbatch_codec)codec, body, &plain);
        body = buf_str(&plain);
    }
    struct rbuf in = rbuf_of_str(body);
    if (!err) err = records_check(&in, &head, keyed);
    buf_fini(&plain);
    return err;
}
