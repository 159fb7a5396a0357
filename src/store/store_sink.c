/* store_sink.c - columnar rows into a table, as INSERTs.
 *
 * Opening settles what each column of the rows becomes: its place among the key or the cells, and
 * a conversion. Writing then walks the rows with one scratch buffer and no allocation a row;
 * text of a text column is not even copied. When the schema changes under a sink it looks the table
 * up again, and makes it again if it is gone.
 *
 *   STRING text; BIGINT bigint, INT int, SMALLINT smallint, TINYINT tinyint; DOUBLE double, FLOAT
 *   float; BOOLEAN boolean; DECIMAL decimal; DATE date; TIMESTAMP timestamp (milliseconds);
 *   BINARY blob; UUID uuid; anything else its JSON as text. Into a column of another scalar type a
 *   value goes by way of its text: a text that is no such value rejects the row. */
#include "store/store.h"

#include "base/buf.h"
#include "base/err.h"
#include "model/batch.h"
#include "wire/cql/cqltext.h"
#include "wire/cql/cqltype.h"

#include <stdlib.h>

#define SCRATCH_MAX (256 * MIB)
#define KEY_COL_MAX 64
enum how { AS_IS, AS_FIXED, AS_DECIMAL, AS_JSON, BY_TEXT };

struct place { /* of one column of the rows */
    size_t col;  /* index into table->col */
    size_t from; /* index into the batch's columns */
    enum how how;
    const struct cqltype *type;
};
struct key_col { /* as the key text says */
    struct str name, type; /* type.ptr NULL: the column's own */
    bool pkey, desc;
};
struct store_sink {
    struct store *store;
    struct arena arena, table_arena; /* what conf said; what the table says */
    struct store_sink_conf conf;
    struct key_col key[KEY_COL_MAX];
    size_t key_cnt;
    uint64_t version; /* of the schema that `table` is from */
    struct store_table table;
    struct place *place; /* key columns in order, then cells by column id */
    size_t place_cnt;
    struct str *value;     /* by place: of one row */
    size_t *offset;        /* where it is in scratch; SIZE_MAX: elsewhere */
    struct store_cell *cell;
    struct buf scratch, text;
};

/* ---- the key's text ------------------------------------------------------------------------- */

struct words {
    struct str rest;
};

static bool accept(struct words *in, char c) {
    in->rest = str_trim(in->rest);
    if (!in->rest.len || in->rest.ptr[0] != c) return false;
    in->rest.ptr++;
    in->rest.len--;
    return true;
}

/* Up to white space or one of the signs; "quoted" names without their quotes. */
static struct str word(struct words *in) {
    in->rest = str_trim(in->rest);
    struct str text = in->rest;
    if (text.len && text.ptr[0] == '"') {
        const char *end = memchr(text.ptr + 1, '"', text.len - 1);
        if (!end) return STR("");
        text = (struct str){text.ptr + 1, (size_t)(end - text.ptr) - 1};
        in->rest.ptr += text.len + 2;
        in->rest.len -= text.len + 2;
        return text;
    }
    size_t len = 0, depth = 0;
    while (len < text.len && (depth || !strchr(" \t\r\n,()", text.ptr[len]))) {
        depth += text.ptr[len] == '<';
        depth -= depth && text.ptr[len] == '>';
        len++;
    }
    in->rest.ptr += len;
    in->rest.len -= len;
    return (struct str){text.ptr, len};
}

static int bad_key(const struct store_sink *sink) {
    return err_fail(ERR_SYNTAX, "table %.*s.%.*s: key \"%.*s\" is not like \"id uuid\" or "
                    "\"(a, b), c DESC\"", STR_ARG(sink->conf.keyspace), STR_ARG(sink->conf.table),
                    STR_ARG(sink->conf.key));
}

static int parse_column(struct store_sink *sink, struct words *in, bool pkey) {
    if (sink->key_cnt == KEY_COL_MAX) return bad_key(sink);
    struct key_col *col = &sink->key[sink->key_cnt++];
    *col = (struct key_col){.name = word(in), .type = STR_NULL, .pkey = pkey};
    if (!col->name.len) return bad_key(sink);
    struct str next = word(in);
    bool order = str_ieq(next, STR("desc")) || str_ieq(next, STR("asc"));
    if (next.len && !order) {
        col->type = next;
        next = word(in);
        order = str_ieq(next, STR("desc")) || str_ieq(next, STR("asc"));
    }
    if (next.len && !order) return bad_key(sink);
    col->desc = str_ieq(next, STR("desc"));
    return col->desc && pkey ? bad_key(sink) : 0;
}

/* a [type] | (a, b), then , c [type] [DESC] ... */
static int parse_key(struct store_sink *sink) {
    struct words in = {sink->conf.key};
    bool paren = accept(&in, '('), pkey = true;
    int err;
    do {
        if ((err = parse_column(sink, &in, pkey))) return err;
        if (paren && accept(&in, ')')) paren = pkey = false;
        else if (!paren) pkey = false;
    } while (accept(&in, ','));
    return paren || str_trim(in.rest).len ? bad_key(sink) : 0;
}

/* ---- types ---------------------------------------------------------------------------------- */

static enum cqltype_kind natural(const struct type *type) {
    static const enum cqltype_kind kinds[TYPE_KIND_CNT] = {
        [TYPE_BOOL] = CQL_BOOLEAN, [TYPE_I8] = CQL_TINYINT, [TYPE_I16] = CQL_SMALLINT,
        [TYPE_I32] = CQL_INT, [TYPE_I64] = CQL_BIGINT, [TYPE_F32] = CQL_FLOAT,
        [TYPE_F64] = CQL_DOUBLE, [TYPE_DECIMAL] = CQL_DECIMAL, [TYPE_BINARY] = CQL_BLOB,
        [TYPE_UUID] = CQL_UUID, [TYPE_DATE] = CQL_DATE, [TYPE_TIMESTAMP] = CQL_TIMESTAMP,
        [TYPE_TIMESTAMP_NTZ] = CQL_TIMESTAMP};
    return kinds[type->kind] ? kinds[type->kind] : CQL_TEXT;
}

/* How a value goes into a column of type `to`; -1: it does not. */
static int conversion(const struct type *from, const struct cqltype *to) {
    enum cqltype_kind kind = natural(from);
    if (from->kind == TYPE_NULL) return AS_JSON; /* never has a value */
    if (!cqltype_scalar(to->kind) || to->kind == CQL_COUNTER) return -1;
    if (to->kind == kind) {
        if (from->kind == TYPE_STRING || from->kind == TYPE_BINARY || from->kind == TYPE_UUID)
            return AS_IS;
        if (kind == CQL_TEXT) return AS_JSON;
        return kind == CQL_DECIMAL ? AS_DECIMAL : AS_FIXED;
    }
    if (to->kind == CQL_TEXT) return from->kind == TYPE_BINARY ? -1 : BY_TEXT;
    if (from->kind == TYPE_STRING) return BY_TEXT;
    bool number = type_is_num(from) && cqltype_is_num(to);
    bool time = type_is_int(from) && to->kind == CQL_TIMESTAMP;
    bool day = from->kind == TYPE_DATE && to->kind == CQL_TIMESTAMP;
    return number || time || day || (from->kind == TYPE_UUID && to->kind == CQL_TIMEUUID) ? BY_TEXT
                                                                                          : -1;
}

/* ---- making the table ----------------------------------------------------------------------- */

static const struct key_col *key_of(const struct store_sink *sink, struct str name) {
    for (size_t i = 0; i < sink->key_cnt; i++)
        if (str_eq(sink->key[i].name, name)) return &sink->key[i];
    return NULL;
}

static int new_column(struct store_sink *sink, size_t from, struct store_col *col) {
    const struct field *field = &sink->conf.row->field[from];
    const struct key_col *key = key_of(sink, field->name);
    *col = (struct store_col){.name = field->name, .kind = STORE_REGULAR,
                              .type = cqltype_scalar(natural(field->type))};
    if (!key) return 0;
    col->kind = key->pkey ? STORE_PKEY : STORE_CKEY;
    col->desc = key->desc;
    for (size_t i = 0; &sink->key[i] != key; i++)
        col->pos += sink->key[i].pkey == key->pkey;
    if (!key->type.ptr) return 0;
    int err = cqltype_parse(key->type, NULL, &sink->table_arena, &col->type);
    return err ? err_add(err, "table %.*s.%.*s: key column %.*s", STR_ARG(sink->conf.keyspace),
                         STR_ARG(sink->conf.table), STR_ARG(field->name)) : 0;
}

static int check_key_columns(const struct store_sink *sink) {
    for (size_t i = 0; i < sink->key_cnt; i++) {
        const struct type *row = sink->conf.row;
        size_t at = 0;
        while (at < row->field_cnt && !str_eq(row->field[at].name, sink->key[i].name))
            at++;
        if (at < row->field_cnt) continue;
        return err_fail(ERR_CONFIG, "table %.*s.%.*s: its rows have no column %.*s, which its key "
                        "names", STR_ARG(sink->conf.keyspace), STR_ARG(sink->conf.table),
                        STR_ARG(sink->key[i].name));
    }
    return 0;
}

static int make_keyspace(struct store_sink *sink) {
    struct store_keyspace *all;
    size_t cnt;
    int err = store_keyspaces(sink->store, &sink->table_arena, &all, &cnt);
    for (size_t i = 0; i < cnt && !err; i++)
        if (str_eq(all[i].name, sink->conf.keyspace)) return 0;
    struct store_keyspace ks = {sink->conf.keyspace, STR(""), true};
    if (!err) err = store_keyspace_create(sink->store, &ks);
    return err == ERR_EXISTS ? 0 : err; /* another was quicker */
}

static int make_table(struct store_sink *sink) {
    const struct type *row = sink->conf.row;
    struct store_table table = {.keyspace = sink->conf.keyspace, .name = sink->conf.table,
                                .comment = STR(""), .col_cnt = row->field_cnt};
    int err = make_keyspace(sink);
    table.col = arena_array(&sink->table_arena, struct store_col, row->field_cnt + 1u);
    for (size_t i = 0; i < row->field_cnt && !err; i++)
        err = new_column(sink, i, &table.col[i]);
    if (!err) err = store_table_create(sink->store, &table);
    return err == ERR_EXISTS ? 0 : err;
}

static int find(const struct store_table *table, struct str name) {
    for (size_t i = 0; i < table->col_cnt; i++)
        if (str_eq(table->col[i].name, name)) return (int)i;
    return -1;
}

static int check_key_of_table(struct store_sink *sink) {
    const struct store_table *table = &sink->table;
    bool same = table->pkey_cnt + table->ckey_cnt == sink->key_cnt;
    for (size_t i = 0; i < sink->key_cnt && same; i++) {
        const struct store_col *col = &table->col[i];
        const struct cqltype *type = col->type;
        if (sink->key[i].type.ptr) {
            int err = cqltype_parse(sink->key[i].type, NULL, &sink->table_arena, &type);
            if (err) return err;
        }
        same = str_eq(col->name, sink->key[i].name) && cqltype_eq(type, col->type) &&
               (col->kind == STORE_PKEY) == sink->key[i].pkey && col->desc == sink->key[i].desc;
    }
    if (same) return 0;
    return err_fail(ERR_CONFLICT, "table %.*s.%.*s is there with another key than \"%.*s\": drop "
                    "it, or write to another", STR_ARG(table->keyspace), STR_ARG(table->name),
                    STR_ARG(sink->conf.key));
}

/* Adds the columns that the table lacks. */
static int widen(struct store_sink *sink) {
    const struct type *row = sink->conf.row;
    struct store_table *table = &sink->table;
    struct store_col *col = arena_array(&sink->table_arena, struct store_col,
                                        table->col_cnt + row->field_cnt);
    size_t cnt = table->col_cnt;
    memcpy(col, table->col, cnt * sizeof *col);
    for (size_t i = 0; i < row->field_cnt; i++) {
        if (find(table, row->field[i].name) >= 0) continue;
        int err = new_column(sink, i, &col[cnt++]);
        if (err) return err;
    }
    if (cnt == table->col_cnt) return 0;
    table->col = col;
    table->col_cnt = cnt;
    int err = store_table_alter(sink->store, table);
    if (err) return err;
    return store_table_get(sink->store, sink->conf.keyspace, sink->conf.table, &sink->table_arena,
                           table);
}

/* ---- places --------------------------------------------------------------------------------- */

static int by_column(const void *a, const void *b, void *arg) {
    const struct place *x = a, *y = b;
    const struct store_table *table = arg;
    size_t keys = table->pkey_cnt + table->ckey_cnt;
    if (x->col < keys || y->col < keys) return x->col < y->col ? -1 : 1;
    return (int)table->col[x->col].id - (int)table->col[y->col].id;
}

static int make_places(struct store_sink *sink) {
    const struct type *row = sink->conf.row;
    struct store_table *table = &sink->table;
    sink->place_cnt = row->field_cnt;
    sink->place = arena_array(&sink->table_arena, struct place, row->field_cnt + 1u);
    sink->value = arena_array(&sink->table_arena, struct str, row->field_cnt + 1u);
    sink->offset = arena_array(&sink->table_arena, size_t, row->field_cnt + 1u);
    sink->cell = arena_array(&sink->table_arena, struct store_cell, row->field_cnt + 1u);
    for (size_t i = 0; i < row->field_cnt; i++) {
        int at = find(table, row->field[i].name);
        CHECK(at >= 0);
        const struct store_col *col = &table->col[at];
        int how = conversion(row->field[i].type, col->type);
        if (how < 0 || col->kind == STORE_STATIC)
            return err_fail(ERR_TYPE, "table %.*s.%.*s: column %.*s is %s%s there, which takes no "
                            "%s: drop it, cast it in the query, or write to another table",
                            STR_ARG(table->keyspace), STR_ARG(table->name), STR_ARG(col->name),
                            col->kind == STORE_STATIC ? "static " : "",
                            cqltype_name(col->type->kind), type_name(row->field[i].type->kind));
        sink->place[i] = (struct place){(size_t)at, i, (enum how)how, col->type};
    }
    qsort_r(sink->place, sink->place_cnt, sizeof *sink->place, by_column, table);
    return 0;
}

static int settle(struct store_sink *sink) {
    arena_reset(&sink->table_arena);
    sink->version = store_schema_version(sink->store);
    int err = store_table_get(sink->store, sink->conf.keyspace, sink->conf.table,
                              &sink->table_arena, &sink->table);
    if (err == ERR_NOT_FOUND) {
        if ((err = make_table(sink))) return err;
        err = store_table_get(sink->store, sink->conf.keyspace, sink->conf.table,
                              &sink->table_arena, &sink->table);
    }
    if (err || (err = check_key_of_table(sink)) || (err = widen(sink))) return err;
    return make_places(sink);
}

int store_sink_open(struct store *store, const struct store_sink_conf *conf,
                    struct store_sink **out) {
    assert(store && conf && out && conf->row && conf->row->kind == TYPE_STRUCT);
    struct store_sink *sink = base_calloc(1, sizeof *sink);
    sink->store = store;
    sink->conf.keyspace = arena_str(&sink->arena, conf->keyspace);
    sink->conf.table = arena_str(&sink->arena, conf->table);
    sink->conf.key = arena_str(&sink->arena, conf->key);
    sink->conf.row = type_copy(&sink->arena, conf->row);
    sink->conf.ttl_s = conf->ttl_s;
    buf_init(&sink->scratch, SCRATCH_MAX);
    buf_init(&sink->text, SCRATCH_MAX);
    int err = parse_key(sink);
    if (!err) err = check_key_columns(sink);
    if (!err) err = settle(sink);
    if (err) store_sink_close(sink);
    else *out = sink;
    return err;
}

const struct store_table *store_sink_table(const struct store_sink *sink) {
    return &sink->table;
}

void store_sink_close(struct store_sink *sink) {
    if (!sink) return;
    arena_fini(&sink->arena);
    arena_fini(&sink->table_arena);
    buf_fini(&sink->scratch);
    buf_fini(&sink->text);
    base_free(sink);
}

/* ---- values --------------------------------------------------------------------------------- */

static int64_t to_ms(int64_t us) {
    return us / 1000 - (us % 1000 < 0);
}

/* What has a fixed width, big-endian. */
static void put_fixed(const struct vec *vec, uint32_t at, struct buf *out) {
    uint32_t bits;
    switch (vec->type->kind) {
    case TYPE_BOOL: buf_i8(out, (int8_t)vec->b[at]); break;
    case TYPE_I8: buf_i8(out, vec->i8[at]); break;
    case TYPE_I16: buf_i16(out, vec->i16[at]); break;
    case TYPE_I32: buf_i32(out, vec->i32[at]); break;
    case TYPE_I64: buf_i64(out, vec->i64[at]); break;
    case TYPE_F32:
        memcpy(&bits, &vec->f32[at], sizeof bits);
        buf_i32(out, (int32_t)bits);
        break;
    case TYPE_F64: buf_f64(out, vec->f64[at]); break;
    case TYPE_DATE: buf_i32(out, (int32_t)((uint32_t)vec->i32[at] ^ 0x80000000u)); break;
    case TYPE_TIMESTAMP: case TYPE_TIMESTAMP_NTZ: buf_i64(out, to_ms(vec->i64[at])); break;
    default: NEVER();
    }
}

/* Scale, then two's complement without needless bytes. */
static void put_decimal(const struct vec *vec, uint32_t at, struct buf *out) {
    batch_i128 v = vec->dec[at];
    char byte[16];
    size_t from = 0;
    uint64_t half[2] = {(uint64_t)(v >> 64), (uint64_t)v};
    for (int i = 0; i < 16; i++)
        byte[i] = (char)(half[i / 8] >> (56 - 8 * (i % 8)));
    char sign = v < 0 ? '\xFF' : 0;
    while (from < 15 && byte[from] == sign && ((byte[from + 1] ^ sign) & 0x80) == 0)
        from++;
    buf_i32(out, vec->type->scale);
    buf_put(out, byte + from, 16 - from);
}

/* By way of the value's text, bare. */
static int put_by_text(struct store_sink *sink, const struct place *place, const struct vec *vec,
                       uint32_t row) {
    struct str text;
    if (vec->type->kind == TYPE_STRING) {
        text = vec->str[vec_at(vec, row)];
    } else {
        buf_reset(&sink->text);
        batch_json(vec, row, &sink->text);
        text = buf_str(&sink->text);
        if (text.len > 1 && text.ptr[0] == '"')
            text = (struct str){text.ptr + 1, text.len - 2};
    }
    if (place->type->kind == CQL_TEXT) {
        buf_puts(&sink->scratch, text);
        return 0;
    }
    return cqltext_parse(place->type, text, &sink->scratch);
}

/* One value of a row; ptr NULL: null. In scratch it may move until the row is whole. */
static int convert(struct store_sink *sink, size_t i, const struct batch *rows, uint32_t row) {
    const struct place *place = &sink->place[i];
    const struct vec *vec = rows->col[place->from];
    int err = 0;
    sink->offset[i] = SIZE_MAX;
    sink->value[i] = STR_NULL;
    if (vec->type->kind == TYPE_NULL || vec_null(vec, row)) return 0;
    uint32_t at = vec_at(vec, row);
    if (place->how == AS_IS) {
        sink->value[i] = vec->str[at];
        if (!sink->value[i].ptr) sink->value[i] = STR("");
        return 0;
    }
    sink->offset[i] = sink->scratch.len;
    switch (place->how) {
    case AS_FIXED: put_fixed(vec, at, &sink->scratch); break;
    case AS_DECIMAL: put_decimal(vec, at, &sink->scratch); break;
    case AS_JSON: batch_json(vec, row, &sink->scratch); break;
    default: err = put_by_text(sink, place, vec, row); break;
    }
    sink->value[i].len = sink->scratch.len - sink->offset[i];
    return err;
}

/* ---- rows ----------------------------------------------------------------------------------- */

static struct str name_of(const struct store_sink *sink, size_t i) {
    return sink->table.col[sink->place[i].col].name;
}

/* Converts a row; on failure *reason says why it cannot be held. */
static bool make_row(struct store_sink *sink, const struct batch *rows, uint32_t row,
                     struct buf *reason) {
    size_t keys = sink->key_cnt;
    buf_reset(&sink->scratch);
    buf_reset(reason);
    for (size_t i = 0; i < sink->place_cnt; i++) {
        if (convert(sink, i, rows, row)) {
            buf_printf(reason, "column %.*s: %s", STR_ARG(name_of(sink, i)), err_note());
            return false;
        }
        bool null = !sink->value[i].ptr && sink->offset[i] == SIZE_MAX;
        if (i < keys && null) {
            buf_printf(reason, "column %.*s is NULL, but it is part of the key",
                       STR_ARG(name_of(sink, i)));
            return false;
        }
    }
    if (sink->scratch.full) {
        buf_putz(reason, "the row is too long");
        return false;
    }
    for (size_t i = 0; i < sink->place_cnt; i++)
        if (sink->offset[i] != SIZE_MAX)
            sink->value[i].ptr = sink->scratch.ptr ? sink->scratch.ptr + sink->offset[i] : "";
    if (sink->table.pkey_cnt == 1 && !sink->value[0].len) {
        buf_printf(reason, "column %.*s is empty, but it is the key", STR_ARG(name_of(sink, 0)));
        return false;
    }
    return true;
}

static int write_row(struct store_sink *sink, struct store_tx *tx, int64_t ts_us) {
    const struct store_table *table = &sink->table;
    size_t keys = sink->key_cnt;
    for (size_t i = keys; i < sink->place_cnt; i++)
        sink->cell[i - keys] = (struct store_cell){table->col[sink->place[i].col].id,
                                                   sink->value[i]};
    struct store_write write = {
        .kind = STORE_INSERT, .pkey = sink->value, .ckey = sink->value + table->pkey_cnt,
        .ckey_cnt = table->ckey_cnt, .cell = sink->cell, .cell_cnt = sink->place_cnt - keys,
        .ts_us = ts_us, .ttl_s = sink->conf.ttl_s ? sink->conf.ttl_s : table->default_ttl_s};
    return store_write(tx, table, &write);
}

int store_sink_rows(struct store_sink *sink, struct store_tx *tx, const struct batch *rows,
                    const int64_t *ts_us, store_sink_reject_fn *reject, void *arg) {
    assert(sink && tx && rows && ts_us && reject);
    assert(rows->type->field_cnt == sink->conf.row->field_cnt);
    struct buf reason;
    int err = 0;
    if (store_schema_version(sink->store) != sink->version && (err = settle(sink))) return err;
    buf_init(&reason, 4 * KIB);
    uint32_t live = batch_live(rows);
    for (uint32_t i = 0; i < live && !err; i++) {
        uint32_t row = batch_row(rows, i);
        if (make_row(sink, rows, row, &reason)) {
            err = write_row(sink, tx, ts_us[row]);
            if (err != ERR_TOO_BIG && err != ERR_TYPE) continue;
            buf_putz(&reason, err_note()); /* a key or value the table cannot hold */
        }
        err = reject(arg, row, buf_str(&reason));
    }
    buf_fini(&reason);
    return err;
}
