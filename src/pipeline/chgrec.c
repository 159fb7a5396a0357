/* chgrec.c - rows into values, ids into headers. */
#include "pipeline/chgrec.h"

#include "base/err.h"
#include "wire/json/jsonpath.h"

#define ENVELOPE_MAX ((size_t)8 << 20)

int chgrec_hide(const struct def_capture *capture, struct str row, struct arena *arena,
                struct str *out) {
    int err = 0;
    *out = row;
    for (size_t i = 0; i < capture->hide_cnt && row.ptr && !err; i++)
        err = jsonpath_cut(capture->hide[i], *out, arena, out);
    return err;
}

/* ---- values ---- */

static void put_or_null(struct buf *out, struct str json) {
    if (json.ptr) buf_puts(out, json);
    else buf_putz(out, "null");
}

static void put_envelope(struct buf *out, const struct change *change) {
    buf_putz(out, "{\"before\":");
    put_or_null(out, change->before);
    buf_putz(out, ",\"after\":");
    put_or_null(out, change->after);
    buf_putz(out, ",\"source\":{\"connector\":\"sluice\",\"table\":");
    buf_json(out, change->table);
    buf_printf(out, ",\"ts_ms\":%" PRId64 ",\"txId\":%" PRIu64 ",\"sequence\":\"[%" PRIu64
               ",%u]\"},\"op\":\"%c\",\"ts_ms\":%" PRId64 "}", change->commit_us / 1000,
               change->seq, change->seq, change->idx, (char)change->op, change->commit_us / 1000);
}

int chgrec_json(const struct def_capture *capture, const struct change *change,
                struct arena *arena, struct str *out) {
    *out = change->after;
    if (capture->format != DEF_DEBEZIUM) return 0;
    struct buf text;
    buf_init(&text, ENVELOPE_MAX);
    put_envelope(&text, change);
    int err = text.full ? err_fail(ERR_TOO_BIG, "a row of '%.*s' and its old self are over %zu "
                                   "bytes, too big for a record", STR_ARG(change->table),
                                   ENVELOPE_MAX) : 0;
    if (!err) *out = arena_str(arena, buf_str(&text));
    buf_fini(&text);
    return err;
}

/* A zero byte and the schema's id, big-endian, before the JSON. */
static struct str framed(struct str json, int32_t schema_id, struct arena *arena) {
    char *to = arena_bytes(arena, 5 + json.len);
    to[0] = 0;
    for (int i = 0; i < 4; i++) to[1 + i] = (char)((uint32_t)schema_id >> (24 - 8 * i));
    memcpy(to + 5, json.ptr, json.len);
    return (struct str){to, 5 + json.len};
}

void chgrec_make(const struct def_capture *capture, const struct change *change, struct str json,
                 int32_t schema_id, struct arena *arena, struct record *out) {
    static const char ops[] = {CHANGE_CREATE, CHANGE_UPDATE, CHANGE_DELETE, CHANGE_READ};
    struct record_header *header = arena_array(arena, struct record_header, 2);
    header[0] = (struct record_header){STR(CHGREC_ID), arena_printf(arena, "%" PRIu64 ".%u",
                                                                    change->seq, change->idx)};
    header[1] = (struct record_header){STR("sluice.op"), STR_NULL};
    for (size_t i = 0; i < sizeof ops; i++)
        if (ops[i] == (char)change->op) header[1].value = (struct str){&ops[i], 1};
    *out = (struct record){.key = change->key, .value = json, .ts_ms = change->commit_us / 1000,
                           .header = header, .header_cnt = 2};
    if (json.ptr && capture->format == DEF_JSON_SCHEMA) out->value = framed(json, schema_id, arena);
}

bool chgrec_id(const struct record *record, uint64_t *seq, uint32_t *idx) {
    for (uint32_t i = 0; i < record->header_cnt; i++) {
        int64_t high, low;
        struct str text = record->header[i].value, rest;
        if (!str_eqz(record->header[i].name, CHGREC_ID) || !text.ptr) continue;
        struct str head = str_cut(text, '.', &rest);
        if (!rest.ptr || str_i64(head, &high) || str_i64(rest, &low)) continue;
        if (high < 0 || low < 0 || low > UINT32_MAX) continue;
        *seq = (uint64_t)high;
        *idx = (uint32_t)low;
        return true;
    }
    return false;
}
