/* chgrec.c - rows into values, ids into headers. */
#include "pipeline/chgrec.h"

#include "base/err.h"
#include "wire/json/json.h"

#include <stdio.h>

#define VALUE_MAX ((size_t)4 << 20)
#define PATH_MAX_DEPTH 32

/* ---- hiding ---- */

/* Copies the object at `in` without the member that `path` names; members in between are entered,
 * everything else is copied as it stands. */
static int copy_without(struct str row, struct str path, struct buf *out) {
    struct str stack[PATH_MAX_DEPTH], name, step, rest;
    size_t depth = 0;
    struct json in;
    json_open(&in, row, 0);
    step = str_cut(path, '.', &rest);
    const char *copied = row.ptr;
    bool done = !json_object(&in);
    while (!done) {
        const char *before = in.at;
        if (!json_member(&in, &name)) {
            if (!depth) break;
            depth--; /* the rest of an outer object: its steps can match no more */
            step = STR_NULL;
            rest = stack[depth];
            continue;
        }
        struct json_value value;
        if (!step.ptr || !str_eq(name, step)) {
            json_skip(&in);
        } else if (rest.ptr && json_kind(&in) == JSON_OBJECT && depth < PATH_MAX_DEPTH) {
            stack[depth++] = rest;
            step = str_cut(rest, '.', &rest);
            json_object(&in);
        } else if (rest.ptr) {
            json_skip(&in);
        } else if (json_value(&in, &value)) {
            bool first = before > row.ptr && before[-1] == '{';
            buf_put(out, copied, (size_t)(before - copied));
            copied = in.at;
            while (first && copied < in.end && strchr(" \t\r\n", *copied)) copied++;
            if (first && copied < in.end && *copied == ',') copied++;
        }
    }
    if (json_err(&in)) return json_err(&in);
    buf_put(out, copied, (size_t)(row.ptr + row.len - copied));
    return 0;
}

int chgrec_hide(struct str row, const struct str *hide, size_t hide_cnt, struct arena *arena,
                struct str *out) {
    *out = row;
    for (size_t i = 0; i < hide_cnt && row.ptr; i++) {
        struct buf text;
        buf_init(&text, VALUE_MAX);
        int err = copy_without(*out, hide[i], &text);
        if (!err && text.full) err = err_fail(ERR_TOO_BIG, "a row is over %zu bytes", VALUE_MAX);
        if (!err) *out = arena_str(arena, buf_str(&text));
        buf_fini(&text);
        if (err) return err;
    }
    return 0;
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

static struct str value_of(enum def_format format, const struct change *change, int32_t schema_id,
                           struct arena *arena) {
    if (format == DEF_ROW || (format == DEF_JSON_SCHEMA && !change->after.ptr))
        return change->after;
    struct buf out;
    buf_init(&out, 2 * VALUE_MAX + KIB);
    if (format == DEF_DEBEZIUM) {
        put_envelope(&out, change);
    } else {
        buf_i8(&out, 0);
        buf_i32(&out, schema_id);
        buf_puts(&out, change->after);
    }
    struct str value = out.full ? STR_NULL : arena_str(arena, buf_str(&out));
    buf_fini(&out);
    return value;
}

int chgrec_make(const struct def_capture *capture, const struct change *change, int32_t schema_id,
                struct arena *arena, struct record *out) {
    static const char ops[] = {CHANGE_CREATE, CHANGE_UPDATE, CHANGE_DELETE, CHANGE_READ};
    struct record_header *header = arena_array(arena, struct record_header, 2);
    header[0] = (struct record_header){STR(CHGREC_ID), arena_printf(arena, "%" PRIu64 ".%u",
                                                                    change->seq, change->idx)};
    header[1] = (struct record_header){STR("sluice.op"), STR_NULL};
    for (size_t i = 0; i < sizeof ops; i++)
        if (ops[i] == (char)change->op) header[1].value = (struct str){&ops[i], 1};
    *out = (struct record){.key = change->key, .ts_ms = change->commit_us / 1000,
                           .header = header, .header_cnt = 2};
    out->value = value_of(capture->format, change, schema_id, arena);
    if (!out->value.ptr && change->after.ptr)
        return err_fail(ERR_TOO_BIG, "a row of '%.*s' is too big for a record",
                        STR_ARG(change->table));
    return 0;
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
