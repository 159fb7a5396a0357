/* pgoutput.c - decoding the frames of a walsender and the messages of its plugin pgoutput.
 *
 *   frame w   i64 start, i64 end of WAL, i64 time, message
 *   frame k   i64 end of what was sent, i64 time, u8 reply wanted
 *   frame r   i64 written, i64 flushed, i64 applied, i64 time, u8 reply wanted
 *
 *   B  i64 commit lsn, i64 time, i32 xid
 *   C  u8 flags, i64 commit lsn, i64 end lsn, i64 time
 *   R  i32 id, name schema, name, u8 identity, i16 n, n * (u8 flags, name, i32 type, i32 mod)
 *   I  i32 id, 'N', row
 *   U  i32 id, ['K' | 'O', row], 'N', row
 *   D  i32 id, 'K' | 'O', row
 *   T  i32 n, u8 options, n * i32 id
 *   row: i16 n, n * ('n' | 'u' | ('t' | 'b', i32 length, bytes));  a name ends with a zero byte
 */
#include "wire/pg/pgoutput.h"

#include "base/err.h"
#include "base/rbuf.h"

#define COL_SIZE_MIN 10 /* flags, an empty name's zero, type, mod */

int pgoutput_frame(struct str bytes, struct pgoutput_frame *out) {
    struct rbuf in = rbuf_of_str(bytes);
    *out = (struct pgoutput_frame){.kind = (enum pgoutput_frame_kind)rbuf_u8(&in)};
    if (out->kind == PGOUTPUT_DATA) {
        out->start = rbuf_u64(&in);
        out->end = rbuf_u64(&in);
        out->time_us = (int64_t)(rbuf_u64(&in) + (uint64_t)PGOUTPUT_EPOCH_US);
        out->body = rbuf_bytes(&in, rbuf_left(&in));
    } else if (out->kind == PGOUTPUT_KEEPALIVE) {
        out->end = rbuf_u64(&in);
        out->time_us = (int64_t)(rbuf_u64(&in) + (uint64_t)PGOUTPUT_EPOCH_US);
        out->reply = rbuf_u8(&in) != 0;
    } else {
        return err_fail(ERR_CORRUPT, "replication stream: a frame of kind %d", (int)out->kind);
    }
    return in.bad ? err_fail(ERR_CORRUPT, "replication stream: a frame cut short") : 0;
}

void pgoutput_status(struct buf *out, uint64_t written, uint64_t flushed, int64_t now_us,
                     bool reply) {
    buf_putc(out, 'r');
    buf_i64(out, (int64_t)written);
    buf_i64(out, (int64_t)flushed);
    buf_i64(out, (int64_t)flushed);
    buf_i64(out, now_us - PGOUTPUT_EPOCH_US);
    buf_i8(out, reply);
}

static struct str get_name(struct rbuf *in) {
    const unsigned char *end = in->bad ? NULL : memchr(in->at, 0, rbuf_left(in));
    if (!end) {
        rbuf_fail(in);
        return STR("");
    }
    struct str name = rbuf_bytes(in, (size_t)(end - in->at));
    rbuf_skip(in, 1);
    return name.ptr ? name : STR("");
}

static void get_row(struct rbuf *in, struct arena *arena, struct pgoutput_row *out) {
    size_t cnt = rbuf_count(in, rbuf_i16(in), 1);
    if (cnt > PGOUTPUT_COL_MAX) rbuf_fail(in);
    if (in->bad) return;
    out->value = arena_array(arena, struct pgoutput_value, MAX(cnt, 1));
    out->cnt = cnt;
    for (size_t i = 0; i < cnt && !in->bad; i++) {
        struct pgoutput_value *value = &out->value[i];
        value->kind = (enum pgoutput_value_kind)rbuf_u8(in);
        if (value->kind == PGOUTPUT_TEXT || value->kind == PGOUTPUT_BINARY) {
            size_t len = rbuf_count(in, rbuf_i32(in), 1);
            value->bytes = rbuf_bytes(in, len);
            if (!value->bytes.ptr) value->bytes = STR("");
        } else if (value->kind != PGOUTPUT_NULL && value->kind != PGOUTPUT_UNCHANGED) {
            rbuf_fail(in);
        }
    }
}

static void get_relation(struct rbuf *in, struct arena *arena, struct pgoutput *out) {
    out->relid = rbuf_u32(in);
    out->schema = get_name(in);
    out->name = get_name(in);
    out->identity = (char)rbuf_u8(in);
    size_t cnt = rbuf_count(in, rbuf_i16(in), COL_SIZE_MIN);
    if (cnt > PGOUTPUT_COL_MAX) rbuf_fail(in);
    if (in->bad) return;
    out->col = arena_array(arena, struct pgoutput_col, MAX(cnt, 1));
    out->col_cnt = cnt;
    for (size_t i = 0; i < cnt && !in->bad; i++) {
        out->col[i].is_key = rbuf_u8(in) & 1;
        out->col[i].name = get_name(in);
        out->col[i].type = rbuf_u32(in);
        out->col[i].mod = rbuf_i32(in);
    }
}

/* I, U and D: rows, each after the letter that says which. */
static void get_change(struct rbuf *in, struct arena *arena, struct pgoutput *out) {
    out->relid = rbuf_u32(in);
    char part = (char)rbuf_u8(in);
    if ((part == 'K' || part == 'O') && out->kind != PGOUTPUT_INSERT) {
        out->old_is_key = part == 'K';
        get_row(in, arena, &out->old);
        if (out->kind == PGOUTPUT_DELETE) return;
        part = (char)rbuf_u8(in);
    }
    if (part != 'N' || out->kind == PGOUTPUT_DELETE) rbuf_fail(in);
    else get_row(in, arena, &out->now);
}

static void get_truncate(struct rbuf *in, struct arena *arena, struct pgoutput *out) {
    int32_t cnt = rbuf_i32(in);
    rbuf_skip(in, 1);
    out->rel_cnt = rbuf_count(in, cnt, 4);
    if (out->rel_cnt > PGOUTPUT_REL_MAX) rbuf_fail(in);
    if (in->bad) return;
    out->rel = arena_array(arena, uint32_t, MAX(out->rel_cnt, 1));
    for (size_t i = 0; i < out->rel_cnt; i++) out->rel[i] = rbuf_u32(in);
    if (out->rel_cnt) out->relid = out->rel[0];
}

int pgoutput_decode(struct str bytes, struct arena *arena, struct pgoutput *out) {
    struct rbuf in = rbuf_of_str(bytes);
    *out = (struct pgoutput){.kind = (enum pgoutput_kind)rbuf_u8(&in)};
    bool whole = true; /* is the message to be read to its end? */
    switch (out->kind) {
    case PGOUTPUT_BEGIN:
        out->lsn = rbuf_u64(&in);
        out->time_us = (int64_t)(rbuf_u64(&in) + (uint64_t)PGOUTPUT_EPOCH_US);
        out->xid = rbuf_u32(&in);
        break;
    case PGOUTPUT_COMMIT:
        rbuf_skip(&in, 1);
        out->lsn = rbuf_u64(&in);
        out->end_lsn = rbuf_u64(&in);
        out->time_us = (int64_t)(rbuf_u64(&in) + (uint64_t)PGOUTPUT_EPOCH_US);
        break;
    case PGOUTPUT_RELATION: get_relation(&in, arena, out); break;
    case PGOUTPUT_INSERT:
    case PGOUTPUT_UPDATE:
    case PGOUTPUT_DELETE: get_change(&in, arena, out); break;
    case PGOUTPUT_TRUNCATE: get_truncate(&in, arena, out); break;
    case PGOUTPUT_ORIGIN:
    case PGOUTPUT_TYPE:
    case PGOUTPUT_MESSAGE: whole = false; break;
    default:
        return err_fail(ERR_CORRUPT, "replication stream: a message of kind %d", (int)out->kind);
    }
    if (!in.bad && (!whole || rbuf_done(&in))) return 0;
    return err_fail(ERR_CORRUPT, "replication stream: a message '%c' that is %s", (char)out->kind,
                    in.bad ? "cut short or nonsense" : "too long");
}
