/* store_sink.c - columnar rows of a query into a table that is made from them.
 *
 * What a column of the batch becomes: STRING text, BIGINT bigint, INT int, SMALLINT, TINYINT,
 * DOUBLE, FLOAT, BOOLEAN, TIMESTAMP timestamp (milliseconds), DATE date, BINARY blob, UUID uuid,
 * DECIMAL decimal; structs, arrays and maps text, as JSON. A column that is there already, or a key
 * column that was given a type, may have another type: then the value's text is read as that.
 * Rows are written as INSERTs, without memory of their own: values live in an arena that is reset
 * for every row. */
#include "store/store.h"

#include "base/err.h"
#include "model/batch.h"
#include "wire/cql/cqltext.h"
#include "wire/cql/cqltype.h"

#define SINK_KEY_MAX 32
#define TEXT_MAX     MIB

struct key_part {
    struct str name, type; /* type: "" its column's own */
    bool desc;
};

struct key_spec {
    struct key_part part[SINK_KEY_MAX];
    size_t pkey_cnt, cnt; /* partition key first */
};

struct source { /* of one column of the batch */
    const struct store_col *col;
    bool direct; /* the value's own bytes are the column's */
};

struct store_sink {
    struct arena arena;
    struct store_table table;
    struct source *source;
    size_t source_cnt;
    int32_t ttl_s;
    struct arena row;
    struct buf text;
};

/* ---- the key ---- */

static bool name_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '_' || c == '<' || c == '>';
}

/* The next word or single character of punctuation; len 0 at the end. */
static struct str next_token(struct str *left) {
    *left = str_trim(*left);
    size_t len = left->len && !name_char(left->ptr[0]);
    while (len < left->len && name_char(left->ptr[len]) && (len || name_char(left->ptr[0]))) len++;
    if (left->len && !name_char(left->ptr[0])) len = 1;
    struct str token = {left->ptr, len};
    left->ptr += len, left->len -= len;
    return token;
}

static int bad_key(struct str key) {
    return err_fail(ERR_SYNTAX, "key '%.*s': write for instance   id uuid   or   (tenant, day), "
                    "at DESC", STR_ARG(key));
}

static int key_parse(struct str key, struct key_spec *out) {
    struct str left = key, token;
    bool inside = false, partition_done = false;
    memset(out, 0, sizeof *out);
    while ((token = next_token(&left)).len) {
        if (str_eqz(token, "(") && !out->cnt && !inside) {
            inside = true;
            continue;
        }
        if (str_eqz(token, ")") && inside) {
            inside = false;
            partition_done = true;
            out->pkey_cnt = out->cnt;
            continue;
        }
        if (str_eqz(token, ",")) continue;
        if (!name_char(token.ptr[0]) || out->cnt == SINK_KEY_MAX) return bad_key(key);
        struct key_part *part = &out->part[out->cnt++];
        *part = (struct key_part){token, STR(""), false};
        for (struct str peek = left; (token = next_token(&peek)).len && name_char(token.ptr[0]);
             left = peek) {
            bool desc = str_ieq(token, STR("DESC"));
            if (desc) part->desc = true;
            else if (!str_ieq(token, STR("ASC")) && part->type.len) return bad_key(key);
            else if (!str_ieq(token, STR("ASC"))) part->type = token;
        }
        if (!partition_done && !inside) {
            out->pkey_cnt = out->cnt;
            partition_done = true;
        }
    }
    return out->pkey_cnt && !inside ? 0 : bad_key(key);
}

/* ---- the table ---- */

static const struct cqltype *natural(const struct type *type) {
    static const enum cqltype_kind kinds[TYPE_KIND_CNT] = {
        [TYPE_BOOL] = CQL_BOOLEAN,        [TYPE_I8] = CQL_TINYINT,
        [TYPE_I16] = CQL_SMALLINT,        [TYPE_I32] = CQL_INT,
        [TYPE_I64] = CQL_BIGINT,          [TYPE_F32] = CQL_FLOAT,
        [TYPE_F64] = CQL_DOUBLE,          [TYPE_DECIMAL] = CQL_DECIMAL,
        [TYPE_BINARY] = CQL_BLOB,         [TYPE_UUID] = CQL_UUID,
        [TYPE_DATE] = CQL_DATE,           [TYPE_TIMESTAMP] = CQL_TIMESTAMP,
        [TYPE_TIMESTAMP_NTZ] = CQL_TIMESTAMP,
    };
    return cqltype_scalar(kinds[type->kind] ? kinds[type->kind] : CQL_TEXT);
}

static int find_part(const struct key_spec *key, struct str name) {
    for (size_t i = 0; i < key->cnt; i++)
        if (str_eq(key->part[i].name, name)) return (int)i;
    return -1;
}

static int key_col(struct store_sink *sink, const struct key_spec *key, size_t i,
                   const struct type *row, struct store_col *out) {
    const struct key_part *part = &key->part[i];
    int field = type_field(row, part->name);
    bool pkey = i < key->pkey_cnt;
    if (field < 0)
        return err_fail(ERR_CONFIG, "key column '%.*s' is not among the columns of the SELECT",
                        STR_ARG(part->name));
    *out = (struct store_col){.name = row->field[field].name,
                              .type = natural(row->field[field].type),
                              .kind = pkey ? STORE_PKEY : STORE_CKEY,
                              .pos = (uint16_t)(pkey ? i : i - key->pkey_cnt),
                              .desc = part->desc};
    return part->type.len ? cqltype_parse(part->type, NULL, &sink->arena, &out->type) : 0;
}

static int make_table(struct store *store, struct store_sink *sink,
                      const struct store_sink_conf *conf, const struct key_spec *key) {
    struct store_keyspace keyspace = {
        conf->keyspace, STR("{\"class\":\"org.apache.cassandra.locator.SimpleStrategy\","
                            "\"replication_factor\":\"1\"}"), true};
    struct store_table table = {.keyspace = conf->keyspace, .name = conf->table,
                                .pkey_cnt = key->pkey_cnt, .ckey_cnt = key->cnt - key->pkey_cnt,
                                .comment = STR("")};
    int err = store_keyspace_create(store, &keyspace);
    if (err == ERR_EXISTS) err = 0;
    table.col = arena_array(&sink->arena, struct store_col, conf->row->field_cnt + key->cnt);
    for (size_t i = 0; i < key->cnt && !err; i++)
        err = key_col(sink, key, i, conf->row, &table.col[table.col_cnt++]);
    for (uint32_t i = 0; i < conf->row->field_cnt && !err; i++) {
        const struct field *field = &conf->row->field[i];
        if (find_part(key, field->name) >= 0) continue;
        table.col[table.col_cnt++] = (struct store_col){
            .name = field->name, .type = natural(field->type), .kind = STORE_REGULAR};
    }
    return err ? err : store_table_create(store, &table);
}

static const struct store_col *find_col(const struct store_table *table, struct str name) {
    for (size_t i = 0; i < table->col_cnt; i++)
        if (str_eq(table->col[i].name, name)) return &table->col[i];
    return NULL;
}

/* Adds the columns that the table lacks; *changed when there were any. */
static int widen_table(struct store *store, struct store_sink *sink, const struct type *row,
                       bool *changed) {
    struct store_table wider = sink->table;
    wider.col = arena_array(&sink->arena, struct store_col, sink->table.col_cnt + row->field_cnt);
    memcpy(wider.col, sink->table.col, sink->table.col_cnt * sizeof *wider.col);
    for (uint32_t i = 0; i < row->field_cnt; i++) {
        if (find_col(&sink->table, row->field[i].name)) continue;
        wider.col[wider.col_cnt++] = (struct store_col){.name = row->field[i].name,
                                                        .type = natural(row->field[i].type),
                                                        .kind = STORE_REGULAR};
    }
    *changed = wider.col_cnt > sink->table.col_cnt;
    return *changed ? store_table_alter(store, &wider) : 0;
}

static int get_table(struct store *store, struct store_sink *sink,
                     const struct store_sink_conf *conf) {
    return store_table_get(store, conf->keyspace, conf->table, &sink->arena, &sink->table);
}

static bool same_key(const struct store_table *table, const struct key_spec *key) {
    if (table->pkey_cnt != key->pkey_cnt || table->pkey_cnt + table->ckey_cnt != key->cnt)
        return false;
    for (size_t i = 0; i < key->cnt; i++)
        if (!str_eq(table->col[i].name, key->part[i].name)) return false;
    return true;
}

/* Where the values of each batch column go. */
static int bind_columns(struct store_sink *sink, const struct type *row) {
    sink->source_cnt = row->field_cnt;
    sink->source = arena_array(&sink->arena, struct source, row->field_cnt);
    for (uint32_t i = 0; i < row->field_cnt; i++) {
        const struct store_col *col = find_col(&sink->table, row->field[i].name);
        CHECK(col);
        sink->source[i].col = col;
        sink->source[i].direct = cqltype_eq(col->type, natural(row->field[i].type)) &&
                                 row->field[i].type->kind < TYPE_STRUCT &&
                                 row->field[i].type->kind != TYPE_DECIMAL;
        if (cqltype_is_multi(col->type) || col->type->arg_cnt)
            return err_fail(ERR_TYPE, "column %.*s of %.*s is a collection, which a query cannot "
                            "write", STR_ARG(col->name), STR_ARG(sink->table.name));
    }
    return 0;
}

int store_sink_open(struct store *store, const struct store_sink_conf *conf,
                    struct store_sink **out) {
    assert(store && conf && out && conf->row->kind == TYPE_STRUCT);
    struct store_sink *sink = base_calloc(1, sizeof *sink);
    struct key_spec key;
    bool changed = false;
    sink->ttl_s = conf->ttl_s;
    buf_init(&sink->text, TEXT_MAX);
    int err = key_parse(conf->key, &key);
    if (!err) {
        err = get_table(store, sink, conf);
        if (err == ERR_NOT_FOUND) {
            err = make_table(store, sink, conf, &key);
            if (!err || err == ERR_EXISTS) err = get_table(store, sink, conf);
        }
    }
    if (!err && !same_key(&sink->table, &key))
        err = err_fail(ERR_CONFLICT, "table %.*s.%.*s is there with another primary key",
                       STR_ARG(conf->keyspace), STR_ARG(conf->table));
    if (!err) err = widen_table(store, sink, conf->row, &changed);
    if (!err && changed) err = get_table(store, sink, conf);
    if (!err) err = bind_columns(sink, conf->row);
    if (err) {
        store_sink_close(sink);
        return err;
    }
    *out = sink;
    return 0;
}

const struct store_table *store_sink_table(const struct store_sink *sink) {
    return &sink->table;
}

void store_sink_close(struct store_sink *sink) {
    if (!sink) return;
    arena_fini(&sink->arena);
    arena_fini(&sink->row);
    buf_fini(&sink->text);
    base_free(sink);
}

/* ---- rows ---- */

static struct str put_be(struct arena *arena, uint64_t value, size_t len) {
    char *bytes = arena_bytes(arena, len);
    value = __builtin_bswap64(value << (64 - 8 * len));
    memcpy(bytes, &value, len);
    return (struct str){bytes, len};
}

/* Milliseconds, rounded down also before 1970. */
static int64_t floor_ms(int64_t us) {
    return us / 1000 - (us % 1000 < 0);
}

static struct str direct_value(const struct vec *vec, uint32_t at, struct arena *arena) {
    uint32_t half;
    uint64_t whole;
    switch (vec->type->kind) {
    case TYPE_BOOL: return put_be(arena, vec->b[at] ? 1 : 0, 1);
    case TYPE_I8: return put_be(arena, (uint64_t)vec->i8[at], 1);
    case TYPE_I16: return put_be(arena, (uint64_t)vec->i16[at], 2);
    case TYPE_I32: return put_be(arena, (uint64_t)vec->i32[at], 4);
    case TYPE_DATE: return put_be(arena, (uint64_t)((int64_t)vec->i32[at] + (INT64_C(1) << 31)), 4);
    case TYPE_I64: return put_be(arena, (uint64_t)vec->i64[at], 8);
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_NTZ: return put_be(arena, (uint64_t)floor_ms(vec->i64[at]), 8);
    case TYPE_F32: memcpy(&half, &vec->f32[at], sizeof half); return put_be(arena, half, 4);
    case TYPE_F64: memcpy(&whole, &vec->f64[at], sizeof whole); return put_be(arena, whole, 8);
    default: return vec->str[at]; /* STRING, BINARY, UUID */
    }
}

/* The value's text, read as the column's type. ERR_TYPE: it is none. */
static int text_value(struct store_sink *sink, const struct cqltype *type, const struct vec *vec,
                      uint32_t row, struct str *out) {
    struct buf bytes;
    buf_reset(&sink->text);
    struct str text;
    if (vec->type->kind == TYPE_STRING) {
        text = vec->str[vec_at(vec, row)];
    } else {
        batch_json(vec, row, &sink->text);
        text = buf_str(&sink->text);
        bool quoted = text.len > 1 && text.ptr[0] == '"' && vec->type->kind < TYPE_STRUCT;
        if (quoted) text = (struct str){text.ptr + 1, text.len - 2};
    }
    if (sink->text.full) return err_fail(ERR_TOO_BIG, "a value is over %zu bytes", TEXT_MAX);
    if (cqltype_is_text(type)) {
        *out = arena_str(&sink->row, text);
        return 0;
    }
    buf_init(&bytes, TEXT_MAX);
    int err = cqltext_parse(type, text, &bytes);
    if (!err) *out = arena_str(&sink->row, buf_str(&bytes));
    buf_fini(&bytes);
    return err;
}

static int column_value(struct store_sink *sink, const struct source *source,
                        const struct vec *vec, uint32_t row, struct str *out) {
    *out = STR_NULL;
    if (vec_null(vec, row) || vec->type->kind == TYPE_NULL) return 0;
    if (source->direct) {
        *out = direct_value(vec, vec_at(vec, row), &sink->row);
        return 0;
    }
    int err = text_value(sink, source->col->type, vec, row, out);
    return err ? err_add(err, "column %.*s", STR_ARG(source->col->name)) : 0;
}

/* The row as a write: ERR_TYPE and friends when the table cannot hold it. */
static int make_write(struct store_sink *sink, const struct batch *rows, uint32_t row,
                      struct store_write *write, struct store_cell *cell) {
    struct str *key = arena_array(&sink->row, struct str,
                                  sink->table.pkey_cnt + sink->table.ckey_cnt);
    write->pkey = key;
    write->ckey = key + sink->table.pkey_cnt;
    write->ckey_cnt = sink->table.ckey_cnt;
    write->cell = cell;
    write->cell_cnt = 0;
    for (size_t i = 0; i < sink->source_cnt; i++) {
        const struct store_col *col = sink->source[i].col;
        struct str value;
        int err = column_value(sink, &sink->source[i], rows->col[i], row, &value);
        if (err) return err;
        bool is_key = col->kind == STORE_PKEY || col->kind == STORE_CKEY;
        if (is_key && !value.ptr)
            return err_fail(ERR_TYPE, "key column %.*s is NULL", STR_ARG(col->name));
        if (col->kind == STORE_PKEY) key[col->pos] = value;
        else if (col->kind == STORE_CKEY) key[sink->table.pkey_cnt + col->pos] = value;
        else cell[write->cell_cnt++] = (struct store_cell){col->id, value};
    }
    return 0;
}

int store_sink_rows(struct store_sink *sink, struct store_tx *tx, const struct batch *rows,
                    const int64_t *ts_us, store_sink_reject_fn *reject, void *arg) {
    assert(sink && tx && rows && rows->type->field_cnt == sink->source_cnt);
    int err = 0;
    for (uint32_t i = 0; i < batch_live(rows) && !err; i++) {
        uint32_t row = batch_row(rows, i);
        struct store_write write = {.kind = STORE_INSERT, .ts_us = ts_us[row],
                                    .ttl_s = sink->ttl_s};
        arena_reset(&sink->row);
        struct store_cell *cell = arena_array(&sink->row, struct store_cell, sink->source_cnt);
        err = make_write(sink, rows, row, &write, cell);
        if (!err) err = store_write(tx, &sink->table, &write);
        bool its_own = err == ERR_TYPE || err == ERR_INVAL || err == ERR_TOO_BIG ||
                       err == ERR_RANGE || err == ERR_SYNTAX;
        if (its_own) err = reject(arg, row, str_of(err_note()));
    }
    return err;
}
