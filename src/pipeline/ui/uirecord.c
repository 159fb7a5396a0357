/* uirecord.c - records as the pages show them, and looking through a topic for them.
 *
 * A page of records is taken from windows at the ends (newest first) or from a place on (oldest
 * first); what was looked at up to then is the `page` text, one offset a partition. */
#include "base/err.h"
#include "pipeline/reject.h"
#include "pipeline/ui/uiapi_int.h"
#include "wire/kafka/recbatch.h"

#include <stdlib.h>

#define SCAN_MAX   10000
#define TEXT_MAX   (64 * KIB)
#define PART_MAX   64 /* partitions a page looks at; more are left out, and said in the file */
#define READ_BYTES (512 * KIB)

/* ---- one record ---- */

static bool is_text(struct str bytes) {
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.ptr[i];
        if (c < 0x20 && c != '\t' && c != '\n' && c != '\r') return false;
    }
    return str_utf8(bytes);
}

static bool has_schema_id(struct str bytes) {
    return bytes.len > 5 && bytes.ptr[0] == 0 && (bytes.ptr[5] == '{' || bytes.ptr[5] == '[');
}

static const char *format_of(struct str bytes) {
    if (!bytes.ptr) return "null";
    if (has_schema_id(bytes)) return "json";
    if (!is_text(bytes)) return "binary";
    return bytes.len && (bytes.ptr[0] == '{' || bytes.ptr[0] == '[') ? "json" : "text";
}

static void put_text(struct buf *out, const char *name, struct str bytes) {
    buf_printf(out, "\"%s\":", name);
    if (!bytes.ptr) {
        buf_putz(out, "null");
        return;
    }
    if (has_schema_id(bytes)) bytes.ptr += 5, bytes.len -= 5;
    bytes.len = MIN(bytes.len, TEXT_MAX);
    if (is_text(bytes)) {
        buf_json(out, bytes);
        return;
    }
    buf_putc(out, '"');
    for (size_t i = 0; i < bytes.len; i++)
        buf_printf(out, "\\\\x%02x", (unsigned char)bytes.ptr[i]);
    buf_putc(out, '"');
}

static void put_headers(struct buf *out, const struct record *record) {
    buf_putz(out, ",\"headers\":[");
    for (uint32_t i = 0; i < record->header_cnt; i++) {
        struct buf value;
        buf_putz(out, i ? ",[" : "[");
        buf_json(out, record->header[i].name);
        buf_init(&value, 8 * TEXT_MAX);
        put_text(&value, "", record->header[i].value);
        struct str text = buf_str(&value); /* after the empty name and its colon */
        buf_printf(out, ",%.*s]", (int)text.len - 3, text.ptr + 3);
        buf_fini(&value);
    }
    buf_putc(out, ']');
}

static void put_base(struct buf *out, int32_t part, const struct record *record) {
    buf_printf(out, "\"partition\":%d,\"offset\":%" PRId64 ",\"ts_ms\":%" PRId64 ",", part,
               record->offset, record->ts_ms);
    put_text(out, "key", record->key);
    buf_putc(out, ',');
    put_text(out, "value", record->value);
    put_headers(out, record);
    buf_printf(out, ",\"bytes\":%zu", record->key.len + record->value.len);
}

void uirecord_write(int32_t part, const struct record *record, struct buf *out) {
    buf_putc(out, '{');
    put_base(out, part, record);
    buf_printf(out, ",\"format\":\"%s\",\"schema_id\":", format_of(record->value));
    if (has_schema_id(record->value)) {
        uint32_t id;
        memcpy(&id, record->value.ptr + 1, sizeof id);
        buf_printf(out, "%u}", __builtin_bswap32(id));
    } else {
        buf_putz(out, "null}");
    }
}

static struct str header_of(const struct record *record, const char *name) {
    for (uint32_t i = 0; i < record->header_cnt; i++)
        if (str_eqz(record->header[i].name, name)) return record->header[i].value;
    return STR_NULL;
}

static void put_rejected(struct buf *out, int32_t part, const struct record *record,
                         const struct def_transform *transform) {
    struct str check = header_of(record, REJECT_CHECK), rule = STR_NULL;
    for (size_t i = 0; i < transform->expect_cnt; i++)
        if (str_eq(transform->expect[i].name, check)) rule = transform->expect[i].that;
    buf_putc(out, '{');
    put_base(out, part, record);
    buf_putc(out, ',');
    uiapi_put_null(out, "check", check);
    buf_putc(out, ',');
    uiapi_put_null(out, "rule", rule);
    buf_putc(out, ',');
    uiapi_put_null(out, "reason", header_of(record, REJECT_MESSAGE));
    buf_putz(out, ",\"source\":{");
    uiapi_put_null(out, "topic", header_of(record, REJECT_TOPIC));
    struct str offset = header_of(record, REJECT_OFFSET), from = header_of(record,
                                                                           REJECT_PARTITION);
    buf_printf(out, ",\"partition\":%.*s,\"offset\":%.*s}}", STR_ARG(from.ptr ? from : STR("0")),
               STR_ARG(offset.ptr ? offset : STR("0")));
}

bool uirecord_matches(const struct record *record, struct str query) {
    if (!query.ptr || !query.len) return true;
    if (uiapi_has(record->key, query) || uiapi_has(record->value, query)) return true;
    for (uint32_t i = 0; i < record->header_cnt; i++)
        if (uiapi_has(record->header[i].name, query) || uiapi_has(record->header[i].value, query))
            return true;
    return false;
}

/* ---- looking through a topic ---- */

struct found {
    struct record record;
    int32_t part;
};
struct look {
    struct log *log;
    struct str topic, query, check; /* check.ptr NULL: any */
    struct arena *arena;
    int32_t part_cnt, only; /* only: -1 all partitions */
    bool newest;
    size_t limit, found_cnt, scanned;
    struct found *found;     /* limit * partitions at most */
    int64_t at[PART_MAX];    /* newest: look before it; oldest: from it on */
    int64_t low[PART_MAX], high[PART_MAX];
    bool more;
};

static bool wanted(const struct look *look, const struct record *record) {
    if (look->check.ptr && !str_eq(header_of(record, REJECT_CHECK), look->check)) return false;
    return uirecord_matches(record, look->query);
}

/* Records [from, to) of a partition that match, at most `max`, in offset order. Returns where it
 * stopped. */
static int64_t scan(struct look *look, int32_t part, int64_t from, int64_t to, size_t max) {
    size_t kept = 0;
    while (from < to && kept < max) {
        struct recbatch_iter it;
        struct record record;
        struct str bytes;
        int64_t before = from;
        if (log_read(look->log, look->topic, part, from, READ_BYTES, look->arena, &bytes)) break;
        recbatch_walk(&it, bytes, from, look->arena);
        while (kept < max && recbatch_next(&it, &record) && record.offset < to) {
            from = record.offset + 1;
            look->scanned++;
            if (!wanted(look, &record)) continue;
            look->found[look->found_cnt++] = (struct found){record, part};
            kept++;
        }
        if (from == before) return to;
    }
    return from;
}

static int newest_first(const void *a, const void *b) {
    const struct found *x = a, *y = b;
    if (x->record.ts_ms != y->record.ts_ms) return x->record.ts_ms < y->record.ts_ms ? 1 : -1;
    if (x->part != y->part) return x->part < y->part ? -1 : 1;
    return (x->record.offset < y->record.offset) - (x->record.offset > y->record.offset);
}

/* One window before each end; keeps the newest `limit`. What was cut is looked at again later. */
static void look_back(struct look *look) {
    int64_t window = look->query.len || look->check.ptr ? SCAN_MAX / look->part_cnt
                                                        : (int64_t)look->limit;
    for (int32_t p = 0; p < look->part_cnt; p++) {
        int64_t from = MAX(look->low[p], look->at[p] - MAX(window, 1));
        size_t first = look->found_cnt;
        scan(look, p, from, look->at[p], SIZE_MAX);
        if (look->found_cnt - first > look->limit) { /* the newest of the window are its last */
            size_t cut = look->found_cnt - first - look->limit;
            memmove(&look->found[first], &look->found[first + cut],
                    look->limit * sizeof *look->found);
            look->found_cnt -= cut;
            from = look->found[first].record.offset;
        }
        look->at[p] = from;
    }
    qsort(look->found, look->found_cnt, sizeof *look->found, newest_first);
    for (size_t i = look->limit; i < look->found_cnt; i++) {
        int32_t p = look->found[i].part;
        look->at[p] = MAX(look->at[p], look->found[i].record.offset + 1);
    }
    look->found_cnt = MIN(look->found_cnt, look->limit);
    for (int32_t p = 0; p < look->part_cnt; p++)
        look->more = look->more || look->at[p] > look->low[p];
}

static void look_forward(struct look *look) {
    for (int32_t p = 0; p < look->part_cnt && look->found_cnt < look->limit; p++) {
        int64_t to = MIN(look->high[p], look->at[p] + SCAN_MAX);
        look->at[p] = scan(look, p, look->at[p], to, look->limit - look->found_cnt);
    }
    for (int32_t p = 0; p < look->part_cnt; p++)
        look->more = look->more || look->at[p] < look->high[p];
}

static void put_next(const struct look *look, struct buf *out) {
    if (!look->more) {
        buf_putz(out, "null");
        return;
    }
    buf_putz(out, look->newest ? "\"n" : "\"o");
    for (int32_t p = 0; p < look->part_cnt; p++) buf_printf(out, ".%" PRId64, look->at[p]);
    buf_putc(out, '"');
}

static int read_page(struct look *look, struct str page) {
    struct str left;
    struct str kind = str_cut(page, '.', &left);
    look->newest = str_eqz(kind, "n");
    for (int32_t p = 0; p < look->part_cnt; p++) {
        if (!left.ptr || str_i64(str_cut(left, '.', &left), &look->at[p]))
            return err_fail(ERR_INVAL, "page: not a page of this topic");
        look->at[p] = MIN(MAX(look->at[p], look->low[p]), look->high[p]);
    }
    return 0;
}

static int start_at(struct look *look, struct http_req *req) {
    struct str page = http_query(req, "page"), from = http_query(req, "from");
    struct str offset = http_query(req, "offset"), at_ms = http_query(req, "at_ms");
    if (page.ptr) return read_page(look, page);
    look->newest = !from.ptr && !offset.ptr && !at_ms.ptr;
    for (int32_t p = 0; p < look->part_cnt; p++) {
        int64_t num = 0, ts_ms;
        look->at[p] = look->newest ? look->high[p] : look->low[p];
        if (offset.ptr && look->only < 0)
            return err_fail(ERR_INVAL, "offset: needs a partition, too");
        if (offset.ptr && str_i64(offset, &num)) return ERR_INVAL;
        if (offset.ptr) look->at[p] = MIN(MAX(num, look->low[p]), look->high[p]);
        if (!at_ms.ptr) continue;
        if (str_i64(at_ms, &num)) return ERR_INVAL;
        int err = log_seek_time(look->log, look->topic, p, num, &look->at[p], &ts_ms);
        if (err) return err;
        if (look->at[p] < 0) look->at[p] = look->high[p];
    }
    return 0;
}

static int look_open(struct look *look, struct http_req *req) {
    struct log_topic topic;
    int64_t only = -1;
    struct str text = http_query(req, "partition");
    int err = log_topic_get(look->log, look->topic, look->arena, &topic);
    if (err) return err;
    look->part_cnt = MIN(topic.part_cnt, PART_MAX);
    if (text.ptr && (str_i64(text, &only) || only < 0 || only >= look->part_cnt))
        return err_fail(ERR_INVAL, "partition: there are %d", look->part_cnt);
    look->only = (int32_t)only;
    for (int32_t p = 0; p < look->part_cnt && !err; p++) {
        struct log_span span;
        err = log_span_near(look->log, look->topic, p, &span);
        if (err) return err;
        look->low[p] = span.start;
        look->high[p] = span.end;
        if (only >= 0 && p != only) look->low[p] = look->high[p];
    }
    look->found = arena_array(look->arena, struct found, SCAN_MAX + PART_MAX * look->limit);
    return start_at(look, req);
}

static bool run_look(struct look *look, struct http_req *req) {
    int64_t limit;
    if (!uiapi_number(req, "limit", 50, 1, 200, &limit)) return false;
    look->limit = (size_t)limit;
    look->query = http_query(req, "q");
    look->arena = http_arena(req);
    int err = look_open(look, req);
    if (err) {
        http_reply_err(req, err);
        return false;
    }
    if (look->newest) look_back(look);
    else look_forward(look);
    return true;
}

void uirecord_list(void *self, struct http_req *req) {
    const struct uiapi *api = self;
    struct look *look = arena_new(http_arena(req), struct look);
    struct buf out;
    look->log = pipe_log(api->conf.pipe);
    look->topic = http_param(req, "topic");
    if (!run_look(look, req)) return;
    buf_init(&out, 64 * MIB);
    buf_putz(&out, "{\"records\":[");
    for (size_t i = 0; i < look->found_cnt; i++) {
        if (i) buf_putc(&out, ',');
        uirecord_write(look->found[i].part, &look->found[i].record, &out);
    }
    buf_printf(&out, "],\"scanned\":%zu,\"next\":", look->scanned);
    put_next(look, &out);
    buf_putc(&out, '}');
    uiapi_reply(req, &out);
}

void uirecord_quarantined(void *self, struct http_req *req) {
    const struct uiapi *api = self;
    struct str dataset = http_param(req, "dataset");
    const struct def_transform *transform = NULL;
    for (size_t i = 0; i < pipe_query_cnt(api->conf.pipe); i++)
        if (str_eq(query_def(pipe_query(api->conf.pipe, i))->table, dataset))
            transform = query_def(pipe_query(api->conf.pipe, i));
    if (!transform) {
        http_reply_status(req, 404, "there is no such dataset");
        return;
    }
    struct look *look = arena_new(http_arena(req), struct look);
    struct buf out;
    look->log = pipe_log(api->conf.pipe);
    look->topic = arena_printf(http_arena(req), "%.*s.quarantine", STR_ARG(dataset));
    look->check = http_query(req, "check");
    if (!run_look(look, req)) return;
    buf_init(&out, 64 * MIB);
    buf_putz(&out, "{\"records\":[");
    for (size_t i = 0; i < look->found_cnt; i++) {
        if (i) buf_putc(&out, ',');
        put_rejected(&out, look->found[i].part, &look->found[i].record, transform);
    }
    buf_putz(&out, "],\"next\":");
    put_next(look, &out);
    buf_putc(&out, '}');
    uiapi_reply(req, &out);
}
