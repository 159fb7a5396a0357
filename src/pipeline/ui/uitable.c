/* uitable.c - the rows of landing tables and of CQL tables. */
#include "base/err.h"
#include "pipeline/ui/uiapi_int.h"
#include "wire/cql/cqltext.h"
#include "wire/cql/cqltype.h"
#include "wire/json/json.h"

#define SCAN_MAX   10000
#define MARK_MAX   512
#define COUNT_MAX  2000 /* rows of a CQL table are counted up to here, then estimated */

/* ---- the list ---- */

static int64_t newest_of(const struct uiapi *api, enum uinode_kind kind, struct str ref) {
    for (size_t i = 0; i < api->node_cnt; i++)
        if (api->node[i]->kind == kind && str_eq(api->node[i]->ref, ref))
            return api->node[i]->num.newest_ms;
    return 0;
}

static void put_landing_columns(const struct landing_info *info, struct buf *out) {
    buf_putz(out, "\"columns\":[");
    for (uint32_t i = 0; i < info->row->field_cnt; i++) {
        const struct field *field = &info->row->field[i];
        bool key = false;
        for (size_t k = 0; k < info->key_cnt; k++) key = key || str_eq(info->key[k], field->name);
        buf_putz(out, i ? ",{" : "{");
        uiapi_put(out, "name", field->name);
        bool nested = field->type->kind >= TYPE_STRUCT;
        buf_printf(out, ",\"type\":\"%s\",\"key\":%s}",
                   nested ? "JSON" : type_name(field->type->kind), key ? "\"key\"" : "null");
    }
    buf_putc(out, ']');
}

static void put_store_columns(const struct store_table *table, struct buf *out) {
    static const char *const keys[] = {"\"pk\"", "\"ck\"", "null", "null"};
    buf_putz(out, "\"columns\":[");
    for (size_t i = 0; i < table->col_cnt; i++) {
        struct buf type;
        buf_init(&type, 4 * KIB);
        cqltype_format(table->col[i].type, &type);
        buf_putz(out, i ? ",{" : "{");
        uiapi_put(out, "name", table->col[i].name);
        buf_putc(out, ',');
        uiapi_put(out, "type", buf_str(&type));
        buf_printf(out, ",\"key\":%s}", keys[table->col[i].kind]);
        buf_fini(&type);
    }
    buf_putc(out, ']');
}

static int64_t count_rows(struct store *store, const struct store_table *table) {
    struct store_range all = {.token_lo = INT64_MIN, .token_hi = INT64_MAX};
    struct store_scan *scan;
    struct arena arena = ARENA_INIT;
    int64_t cnt = 0;
    if (store_scan_open(store, table, &all, STR_NULL, &scan)) return 0;
    for (bool more = true; more && cnt < COUNT_MAX;) {
        struct store_row row;
        arena_reset(&arena);
        if (store_scan_next(scan, &arena, &row, &more)) break;
        cnt += more;
    }
    store_scan_close(scan);
    arena_fini(&arena);
    return cnt;
}

static void put_count(int64_t rows, bool approx, bool at_least, struct buf *out) {
    buf_printf(out, ",\"rows\":%" PRId64 ",\"approx\":%s,\"at_least\":%s", rows,
               approx ? "true" : "false", at_least ? "true" : "false");
}

static void put_store_table(const struct uiapi *api, const struct store_table *table,
                            struct buf *out, struct arena *arena) {
    struct str name = arena_printf(arena, "%.*s.%.*s", STR_ARG(table->keyspace),
                                   STR_ARG(table->name));
    int64_t cnt = count_rows(pipe_store(api->conf.pipe), table), about = 0, bytes = 0;
    if (store_table_size(pipe_store(api->conf.pipe), table, &bytes, &about)) about = bytes = 0;
    bool many = cnt == COUNT_MAX, least = many && about <= cnt;
    buf_putz(out, "{\"store\":\"store\",");
    uiapi_put(out, "name", name);
    put_count(many && !least ? about : cnt, many && !least, least, out);
    if (bytes) buf_printf(out, ",\"bytes\":%" PRId64 ",", bytes);
    else buf_putz(out, ",\"bytes\":null,"); /* nothing has reached a file yet */
    uiapi_put_ms(out, "last_ms", newest_of(api, UI_TABLE, name));
    buf_putc(out, ',');
    put_store_columns(table, out);
    buf_putc(out, '}');
}

void uitable_list(void *self, struct http_req *req) {
    const struct uiapi *api = self;
    struct landing_info *info;
    struct store_table *table;
    size_t cnt;
    struct buf out;
    buf_init(&out, 16 * MIB);
    buf_putz(&out, "{\"tables\":[");
    int err = landing_tables(pipe_landing(api->conf.pipe), http_arena(req), &info, &cnt);
    for (size_t i = 0; i < cnt && !err; i++) {
        buf_putz(&out, i ? ",{\"store\":\"landing\"," : "{\"store\":\"landing\",");
        uiapi_put(&out, "name", info[i].name);
        put_count(info[i].row_cnt, info[i].row_kind == LANDING_ABOUT,
                  info[i].row_kind == LANDING_AT_LEAST, &out);
        buf_putz(&out, ",\"bytes\":null,");
        uiapi_put_ms(&out, "last_ms", newest_of(api, UI_LANDING, info[i].name));
        buf_putc(&out, ',');
        put_landing_columns(&info[i], &out);
        buf_putc(&out, '}');
    }
    bool any = cnt > 0;
    if (!err)
        err = store_tables(pipe_store(api->conf.pipe), STR_NULL, http_arena(req), &table, &cnt);
    for (size_t i = 0; i < cnt && !err; i++) {
        if (any) buf_putc(&out, ',');
        any = true;
        put_store_table(api, &table[i], &out, http_arena(req));
    }
    buf_putz(&out, "]}");
    if (!err) {
        uiapi_reply(req, &out);
        return;
    }
    buf_fini(&out);
    http_reply_err(req, err);
}

/* ---- rows of a landing table ---- */

/* One JSON object as the values of the columns, in their order. */
static void put_landing_row(const struct landing_info *info, struct str row, struct buf *out,
                            struct arena *arena) {
    uint32_t cnt = info->row->field_cnt;
    struct json_value *value = arena_array(arena, struct json_value, cnt);
    struct json in;
    struct str name;
    json_open(&in, row, 0);
    json_object(&in);
    while (json_member(&in, &name)) {
        struct json_value one;
        json_value(&in, &one);
        for (uint32_t i = 0; i < cnt; i++)
            if (str_eq(info->row->field[i].name, json_name(name, arena))) value[i] = one;
    }
    buf_putc(out, '[');
    for (uint32_t i = 0; i < cnt; i++) {
        bool nested = value[i].kind == JSON_ARRAY || value[i].kind == JSON_OBJECT;
        if (i) buf_putc(out, ',');
        if (!value[i].raw.ptr) buf_putz(out, "null");
        else if (nested) buf_json(out, value[i].raw);
        else buf_puts(out, value[i].raw);
    }
    buf_putc(out, ']');
}

static void landing_rows_reply(const struct uiapi *api, struct http_req *req,
                               const struct landing_info *info, int64_t limit) {
    struct str *row, page = http_query(req, "page"), query = http_query(req, "q");
    struct landing_page range = {0};
    size_t cnt = 0, shown = 0;
    int64_t skip = 0;
    struct buf out;
    if (page.ptr && (str_i64(page, &skip) || skip < 0)) {
        http_reply_status(req, 400, "page: not a page of this table");
        return;
    }
    range.skip = (size_t)skip;
    range.limit = (query.len ? SCAN_MAX : (size_t)limit) + 1; /* one more tells whether more are */
    int err = landing_rows(pipe_landing(api->conf.pipe), info->name, range, http_arena(req), &row,
                           &cnt);
    if (err) {
        http_reply_err(req, err);
        return;
    }
    buf_init(&out, 64 * MIB);
    buf_putc(&out, '{');
    put_landing_columns(info, &out);
    buf_putz(&out, ",\"rows\":[");
    size_t at = 0, most = MIN(cnt, range.limit - 1);
    for (; at < most && (int64_t)shown < limit; at++) {
        if (!uiapi_has(row[at], query)) continue;
        if (shown++) buf_putc(&out, ',');
        put_landing_row(info, row[at], &out, http_arena(req));
    }
    if (info->row_kind == LANDING_EXACT) buf_printf(&out, "],\"total\":%" PRId64, info->row_cnt);
    else buf_putz(&out, "],\"total\":null");
    buf_putz(&out, ",\"next\":");
    if (at < cnt) buf_printf(&out, "\"%" PRId64 "\"}", skip + (int64_t)at);
    else buf_putz(&out, "null}");
    uiapi_reply(req, &out);
}

/* ---- rows of a CQL table ---- */

static void put_store_value(const struct cqltype *type, struct str value, struct buf *out) {
    struct buf text;
    if (!value.ptr) {
        buf_putz(out, "null");
        return;
    }
    switch (type->kind) {
    case CQL_INT:
    case CQL_SMALLINT:
    case CQL_TINYINT:
    case CQL_BOOLEAN:
    case CQL_FLOAT:
    case CQL_DOUBLE: cqltext_json(type, value, out); return;
    default: break;
    }
    buf_init(&text, MIB);
    cqltext_format(type, value, &text);
    buf_json(out, buf_str(&text));
    buf_fini(&text);
}

static void put_store_row(const struct store_table *table, const struct store_row *row,
                          struct buf *out) {
    buf_putc(out, '[');
    for (size_t i = 0; i < table->col_cnt; i++) {
        if (i) buf_putc(out, ',');
        put_store_value(table->col[i].type, row->value[i], out);
    }
    buf_putc(out, ']');
}

static int hex(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A scan's mark travels as hex. */
static struct str mark_of(struct str page, struct arena *arena) {
    if (!page.ptr || page.len % 2 || page.len > MARK_MAX) return STR_NULL;
    char *bytes = arena_bytes(arena, page.len / 2 + 1);
    for (size_t i = 0; i < page.len; i += 2) {
        int high = hex(page.ptr[i]), low = hex(page.ptr[i + 1]);
        if (high < 0 || low < 0) return STR_NULL;
        bytes[i / 2] = (char)(high << 4 | low);
    }
    return (struct str){bytes, page.len / 2};
}

static void put_mark(struct str mark, struct buf *out) {
    buf_putc(out, '"');
    for (size_t i = 0; i < mark.len; i++) buf_printf(out, "%02x", (unsigned char)mark.ptr[i]);
    buf_putc(out, '"');
}

static int scan_rows(struct store_scan *scan, const struct store_table *table,
                     struct http_req *req, int64_t limit, struct buf *out) {
    struct str query = http_query(req, "q");
    int64_t shown = 0, scanned = 0;
    bool more = true;
    int err = 0;
    while (more && shown < limit && scanned < SCAN_MAX) {
        struct store_row row;
        size_t before = out->len;
        err = store_scan_next(scan, http_arena(req), &row, &more);
        if (err || !more) break;
        scanned++;
        if (shown) buf_putc(out, ',');
        size_t start = out->len;
        put_store_row(table, &row, out);
        struct str text = {out->ptr + start, out->len - start};
        if (!out->full && uiapi_has(text, query)) shown++;
        else out->len = before;
    }
    buf_putz(out, "],\"total\":null,\"next\":");
    if (more && !err) put_mark(store_scan_mark(scan, http_arena(req)), out);
    else buf_putz(out, "null");
    buf_putc(out, '}');
    return err;
}

static void store_rows_reply(const struct uiapi *api, struct http_req *req, struct str name,
                             int64_t limit) {
    struct str rest, keyspace = str_cut(name, '.', &rest);
    struct store_table table;
    struct store_range all = {.token_lo = INT64_MIN, .token_hi = INT64_MAX};
    struct store_scan *scan = NULL;
    struct buf out;
    struct str mark = mark_of(http_query(req, "page"), http_arena(req));
    int err = store_table_get(pipe_store(api->conf.pipe), keyspace, rest.ptr ? rest : STR(""),
                              http_arena(req), &table);
    if (!err) err = store_scan_open(pipe_store(api->conf.pipe), &table, &all, mark, &scan);
    if (err) {
        http_reply_err(req, err);
        return;
    }
    buf_init(&out, 64 * MIB);
    buf_putc(&out, '{');
    put_store_columns(&table, &out);
    buf_putz(&out, ",\"rows\":[");
    err = scan_rows(scan, &table, req, limit, &out);
    store_scan_close(scan);
    if (!err) {
        uiapi_reply(req, &out);
        return;
    }
    buf_fini(&out);
    http_reply_err(req, err);
}

void uitable_rows(void *self, struct http_req *req) {
    const struct uiapi *api = self;
    struct str store = http_param(req, "store"), name = http_param(req, "name");
    struct landing_info *info;
    size_t cnt;
    int64_t limit;
    if (!uiapi_number(req, "limit", 50, 1, 200, &limit)) return;
    if (str_eqz(store, "store")) {
        store_rows_reply(api, req, name, limit);
        return;
    }
    if (!str_eqz(store, "landing") ||
        landing_tables(pipe_landing(api->conf.pipe), http_arena(req), &info, &cnt))
        cnt = 0;
    for (size_t i = 0; i < cnt; i++) {
        if (!str_eq(info[i].name, name)) continue;
        landing_rows_reply(api, req, &info[i], limit);
        return;
    }
    http_reply_status(req, 404, "there is no such table");
}
