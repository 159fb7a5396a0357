/* cass_tx.c - rows to statements, statements to requests.
 *
 * Rows written the same way (table, kind, columns) share a shape, which holds the prepared
 * statement. The bytes of a row are its bound values as EXECUTE and BATCH carry them alike. */
#include "store/cassandra/cass_tx.h"

#include "base/err.h"
#include "store/cassandra/cass_state.h"
#include "store/cassandra/cass_text.h"
#include "store/storekey.h"
#include "wire/cql/cqlframe.h"
#include "wire/cql/cqltype.h"

#include <stdlib.h>

#define TEXT_MAX  MIB
#define ROW_EXTRA 64 /* bytes around a row's values in a request, at most, id aside */

enum bound { NO_BOUND, CLOSED, OPEN };

struct shape {
    struct shape *next;
    struct uuid table; /* whose statement it is */
    uint64_t version;
    uint32_t number;
    enum store_write_kind kind;
    size_t ckey_cnt, cell_cnt;
    uint16_t *cell;
    bool *is_text; /* by cell */
    enum bound lo, hi;
    bool ttl;
    struct cass_stmt *stmt;
};
struct entry { /* a row, or what is deleted */
    const struct shape *shape;
    int64_t token;
    size_t key, key_len; /* in tx->keys: the partition key in one piece */
    size_t pos, len;     /* in tx->rows: the bound values */
};
struct cass_tx {
    struct store_tx base;
    struct arena arena;
    struct shape *shape; /* the last one used first */
    struct entry *entry;
    size_t cnt, cap;
    struct buf keys, rows, frames;
    struct cass_state *state, **state_last;
};

static struct cass_store *store_of(const struct cass_tx *tx) {
    return (struct cass_store *)tx->base.store;
}

int cass_tx_begin(struct store *store, struct store_tx **out) {
    int err = cass_store_born((struct cass_store *)store);
    if (err) return err;
    struct cass_tx *tx = base_calloc(1, sizeof *tx);
    tx->state_last = &tx->state;
    buf_init(&tx->keys, CASS_TX_MAX);
    buf_init(&tx->rows, CASS_TX_MAX);
    buf_init(&tx->frames, 2 * CASS_TX_MAX);
    *out = &tx->base;
    return 0;
}

void cass_tx_abort(struct store_tx *base) {
    struct cass_tx *tx = (struct cass_tx *)base;
    for (struct shape *shape = tx->shape; shape; shape = shape->next)
        cass_stmt_put(store_of(tx)->stmts, shape->stmt);
    buf_fini(&tx->keys);
    buf_fini(&tx->rows);
    buf_fini(&tx->frames);
    base_free(tx->entry);
    arena_fini(&tx->arena);
    base_free(tx);
}

/* ---- statements ------------------------------------------------------------------------------ */

static const struct store_col *col_of(const struct store_table *table, uint16_t id) {
    for (size_t i = 0; i < table->col_cnt; i++)
        if (table->col[i].id == id) return &table->col[i];
    return NULL;
}

static void put_where(const struct store_table *table, const struct store_write *write,
                      const struct shape *shape, struct buf *out) {
    size_t keys = table->pkey_cnt;
    if (write->kind != STORE_DELETE_PARTITION) keys += write->ckey_cnt;
    for (size_t i = 0; i < keys; i++) {
        buf_putz(out, i ? " AND " : " WHERE ");
        cass_text_name(table->col[i].name, out);
        buf_putz(out, " = ?");
    }
    const struct store_col *next = keys < table->col_cnt ? &table->col[keys] : NULL;
    const enum bound bound[] = {shape->lo, shape->hi};
    for (int i = 0; i < 2; i++) {
        if (bound[i] == NO_BOUND || !next) continue;
        buf_putz(out, " AND ");
        cass_text_name(next->name, out);
        buf_putz(out, i ? (bound[i] == OPEN ? " < ?" : " <= ?")
                        : (bound[i] == OPEN ? " > ?" : " >= ?"));
    }
}

static void put_cells(const struct store_table *table, const struct store_write *write,
                      const char *after, struct buf *out) {
    for (size_t i = 0; i < write->cell_cnt; i++) {
        if (i) buf_putz(out, ", ");
        cass_text_name(col_of(table, write->cell[i].col)->name, out);
        buf_putz(out, after);
    }
}

static void put_insert(const struct store_table *table, const struct store_write *write, bool ttl,
                       struct buf *out) {
    size_t keys = table->pkey_cnt + write->ckey_cnt;
    buf_putz(out, "INSERT INTO ");
    cass_text_table(table, out);
    buf_putz(out, " (");
    for (size_t i = 0; i < keys; i++) {
        if (i) buf_putz(out, ", ");
        cass_text_name(table->col[i].name, out);
    }
    if (write->cell_cnt) buf_putz(out, ", ");
    put_cells(table, write, "", out);
    buf_putz(out, ") VALUES (");
    for (size_t i = 0; i < keys + write->cell_cnt; i++)
        buf_putz(out, i ? ", ?" : "?");
    buf_putz(out, ttl ? ") USING TIMESTAMP ? AND TTL ?" : ") USING TIMESTAMP ?");
}

static void put_update(const struct store_table *table, const struct store_write *write, bool ttl,
                       struct buf *out) {
    buf_putz(out, "UPDATE ");
    cass_text_table(table, out);
    buf_putz(out, ttl ? " USING TIMESTAMP ? AND TTL ? SET " : " USING TIMESTAMP ? SET ");
    put_cells(table, write, " = ?", out);
}

/* The static row can only be deleted column by column. */
static void put_delete(const struct store_table *table, const struct store_write *write,
                       struct buf *out) {
    bool first = true;
    buf_putz(out, "DELETE ");
    if (write->kind == STORE_DELETE_CELLS) put_cells(table, write, "", out);
    for (size_t i = 0; i < table->col_cnt; i++) {
        if (write->kind != STORE_DELETE_ROW || write->ckey_cnt == table->ckey_cnt ||
            table->col[i].kind != STORE_STATIC)
            continue;
        if (!first) buf_putz(out, ", ");
        cass_text_name(table->col[i].name, out);
        first = false;
    }
    buf_putz(out, " FROM ");
    cass_text_table(table, out);
    buf_putz(out, " USING TIMESTAMP ?");
}

static int prepare(struct cass_tx *tx, const struct store_table *table,
                   const struct store_write *write, struct shape *shape) {
    struct buf text;
    buf_init(&text, TEXT_MAX);
    if (write->kind == STORE_INSERT) put_insert(table, write, shape->ttl, &text);
    else if (write->kind == STORE_UPDATE) put_update(table, write, shape->ttl, &text);
    else put_delete(table, write, &text);
    if (write->kind != STORE_INSERT) put_where(table, write, shape, &text);
    int err = text.full ? err_fail(ERR_TOO_BIG, "a statement over %zu bytes", TEXT_MAX)
                        : cass_stmt_get(store_of(tx)->stmts, buf_str(&text), &shape->stmt);
    buf_fini(&text);
    return err;
}

static enum bound bound_of(const struct store_write *write, struct str at, bool open) {
    if (write->kind != STORE_DELETE_RANGE || !at.ptr) return NO_BOUND;
    return open ? OPEN : CLOSED;
}

static bool fits(const struct shape *shape, const struct store_table *table,
                 const struct store_write *write, bool ttl) {
    if (shape->number != table->number || shape->version != table->version ||
        shape->kind != write->kind || shape->ckey_cnt != write->ckey_cnt ||
        shape->cell_cnt != write->cell_cnt || shape->ttl != ttl ||
        shape->lo != bound_of(write, write->lo, write->lo_open) ||
        shape->hi != bound_of(write, write->hi, write->hi_open) ||
        memcmp(&shape->table, &table->id, sizeof shape->table))
        return false;
    for (size_t i = 0; i < write->cell_cnt; i++)
        if (shape->cell[i] != write->cell[i].col) return false;
    return true;
}

static int shape_of(struct cass_tx *tx, const struct store_table *table,
                    const struct store_write *write, struct shape **out) {
    bool sets = write->kind == STORE_INSERT || write->kind == STORE_UPDATE;
    bool ttl = sets && (write->ttl_s || table->default_ttl_s);
    struct shape *shape = tx->shape;
    while (shape && !fits(shape, table, write, ttl)) shape = shape->next;
    *out = shape;
    if (shape) return 0;
    shape = arena_new(&tx->arena, struct shape);
    *shape = (struct shape){.table = table->id, .version = table->version, .number = table->number,
                            .kind = write->kind, .ckey_cnt = write->ckey_cnt,
                            .cell_cnt = write->cell_cnt, .ttl = ttl,
                            .lo = bound_of(write, write->lo, write->lo_open),
                            .hi = bound_of(write, write->hi, write->hi_open)};
    shape->cell = arena_array(&tx->arena, uint16_t, write->cell_cnt + 1);
    shape->is_text = arena_array(&tx->arena, bool, write->cell_cnt + 1);
    for (size_t i = 0; i < write->cell_cnt; i++) {
        const struct store_col *col = col_of(table, write->cell[i].col);
        shape->cell[i] = write->cell[i].col;
        if (col) shape->is_text[i] = col->type->kind == CQL_TEXT;
        else
            return err_fail(ERR_INVAL, "table %.*s has no column of id %u", STR_ARG(table->name),
                            write->cell[i].col);
    }
    int err = prepare(tx, table, write, shape);
    if (err) return err;
    shape->next = tx->shape;
    tx->shape = shape;
    *out = shape;
    return 0;
}

/* ---- values ---------------------------------------------------------------------------------- */

static void put_value(struct buf *out, struct str value) {
    if (!value.ptr) {
        buf_i32(out, -1);
        return;
    }
    buf_i32(out, (int32_t)value.len);
    buf_puts(out, value);
}

static void put_ts(struct buf *out, const struct shape *shape, const struct store_write *write) {
    buf_i32(out, 8);
    buf_i64(out, write->ts_us);
    if (!shape->ttl) return;
    buf_i32(out, 4);
    buf_i32(out, write->ttl_s);
}

static void put_values(struct buf *out, const struct store_table *table, const struct shape *shape,
                       const struct store_write *write) {
    bool insert = write->kind == STORE_INSERT, sets = insert || write->kind == STORE_UPDATE;
    size_t ckeys = write->kind == STORE_DELETE_PARTITION ? 0 : write->ckey_cnt;
    size_t cnt = table->pkey_cnt + ckeys + 1 + shape->ttl + (sets ? write->cell_cnt : 0) +
                 (shape->lo != NO_BOUND) + (shape->hi != NO_BOUND);
    buf_i16(out, (int16_t)cnt);
    if (!insert) put_ts(out, shape, write);
    if (write->kind == STORE_UPDATE)
        for (size_t i = 0; i < write->cell_cnt; i++) put_value(out, write->cell[i].value);
    for (size_t i = 0; i < table->pkey_cnt; i++) put_value(out, write->pkey[i]);
    for (size_t i = 0; i < ckeys; i++) put_value(out, write->ckey[i]);
    if (insert) {
        for (size_t i = 0; i < write->cell_cnt; i++) put_value(out, write->cell[i].value);
        put_ts(out, shape, write);
    }
    if (shape->lo != NO_BOUND) put_value(out, write->lo);
    if (shape->hi != NO_BOUND) put_value(out, write->hi);
}

static int check_row(const struct store_table *table, const struct shape *shape,
                     const struct store_write *write, size_t key_len, size_t len) {
    if (len > CASS_TX_ROW_MAX)
        return err_fail(ERR_TOO_BIG, "a row of %zu bytes is more than Cassandra takes", len);
    if (key_len > STORE_KEY_MAX)
        return err_fail(ERR_TOO_BIG, "Key length of %zu is longer than maximum of %d", key_len,
                        STORE_KEY_MAX);
    for (size_t i = 0; i < table->pkey_cnt + write->ckey_cnt; i++) {
        const struct store_col *col = &table->col[i];
        struct str value = i < table->pkey_cnt ? write->pkey[i] : write->ckey[i - table->pkey_cnt];
        if (col->type->kind == CQL_TEXT && !str_utf8(value))
            return err_fail(ERR_TYPE, "column %.*s: its text is no UTF-8", STR_ARG(col->name));
    }
    for (size_t i = 0; i < write->cell_cnt; i++) {
        struct str value = write->cell[i].value;
        if (shape->is_text[i] && value.ptr && !str_utf8(value))
            return err_fail(ERR_TYPE, "column %.*s: its text is no UTF-8",
                            STR_ARG(col_of(table, write->cell[i].col)->name));
    }
    return 0;
}

static int add(struct cass_tx *tx, const struct store_table *table,
               const struct store_write *write) {
    struct shape *shape;
    int err = shape_of(tx, table, write, &shape);
    if (err) return err;
    if (tx->cnt == tx->cap) {
        tx->cap = tx->cap ? 2 * tx->cap : 256;
        tx->entry = base_realloc(tx->entry, tx->cap * sizeof *tx->entry);
    }
    struct entry *entry = &tx->entry[tx->cnt];
    *entry = (struct entry){.shape = shape, .token = storekey_token(table, write->pkey),
                            .key = tx->keys.len, .pos = tx->rows.len};
    storekey_join(table, write->pkey, &tx->keys);
    put_values(&tx->rows, table, shape, write);
    if (tx->keys.full || tx->rows.full)
        return err_fail(ERR_TOO_BIG, "a transaction over %zu bytes", CASS_TX_MAX);
    entry->key_len = tx->keys.len - entry->key;
    entry->len = tx->rows.len - entry->pos;
    err = check_row(table, shape, write, entry->key_len, entry->len);
    if (!err) {
        tx->cnt++;
    } else { /* as if it had not been written */
        tx->keys.len = entry->key;
        tx->rows.len = entry->pos;
    }
    return err;
}

/* Some value of a clustering column's type. */
static struct str some_value(const struct cqltype *type) {
    static const char zeros[16], timeuuid[16] = {[6] = 0x10};
    switch (type->kind) {
    case CQL_TIMEUUID: return (struct str){timeuuid, sizeof timeuuid};
    case CQL_INET: return (struct str){zeros, 4};
    case CQL_VARINT: return (struct str){zeros, 1};
    case CQL_DECIMAL: return (struct str){zeros, 5}; /* a scale and a digit */
    default: return (struct str){zeros, (size_t)cqltype_width(type)};
    }
}

/* All rows but not the static one: CQL has that only as two ranges that meet somewhere. */
static int add_all_rows(struct cass_tx *tx, const struct store_table *table,
                        const struct store_write *write) {
    struct store_write half = *write;
    half.hi = some_value(table->col[table->pkey_cnt].type);
    half.hi_open = true;
    int err = add(tx, table, &half);
    half.lo = half.hi;
    half.lo_open = false;
    half.hi = STR_NULL;
    return err ? err : add(tx, table, &half);
}

/* A range that holds no value. */
static bool is_empty(const struct store_table *table, const struct store_write *write) {
    if (write->kind != STORE_DELETE_RANGE || !write->lo.ptr || !write->hi.ptr) return false;
    const struct cqltype *type = table->col[table->pkey_cnt + write->ckey_cnt].type;
    int cmp = cqltype_compare(type, write->lo, write->hi);
    return cmp > 0 || (cmp == 0 && (write->lo_open || write->hi_open));
}

int cass_tx_write(struct store_tx *base, const struct store_table *table,
                  const struct store_write *write) {
    struct cass_tx *tx = (struct cass_tx *)base;
    bool cells = write->kind == STORE_UPDATE || write->kind == STORE_DELETE_CELLS;
    if (table->ckey_cnt && !write->ckey_cnt) cells |= write->kind == STORE_INSERT; /* static */
    if ((cells && !write->cell_cnt) || is_empty(table, write)) return 0;
    if (write->kind == STORE_DELETE_RANGE && !write->lo.ptr && !write->hi.ptr &&
        !write->ckey_cnt && table->ckey_cnt)
        return add_all_rows(tx, table, write);
    return add(tx, table, write);
}

int cass_tx_put_state(struct store_tx *base, struct str name, struct str value) {
    struct cass_tx *tx = (struct cass_tx *)base;
    struct cass_state *state = arena_new(&tx->arena, struct cass_state);
    state->name = arena_str(&tx->arena, name);
    state->value = value.ptr ? arena_str(&tx->arena, value) : STR_NULL;
    *tx->state_last = state;
    tx->state_last = &state->next;
    return 0;
}

/* ---- requests -------------------------------------------------------------------------------- */

static int by_partition(const void *a, const void *b, void *arg) {
    const struct entry *x = a, *y = b;
    const struct cass_tx *tx = arg;
    if (x->token != y->token) return x->token < y->token ? -1 : 1;
    if (x->shape->number != y->shape->number) return x->shape->number < y->shape->number ? -1 : 1;
    return str_cmp((struct str){tx->keys.ptr + x->key, x->key_len},
                   (struct str){tx->keys.ptr + y->key, y->key_len});
}

static size_t group_len(struct cass_tx *tx, size_t from) {
    const struct entry *first = &tx->entry[from];
    size_t cnt = 1, bytes = first->len + first->shape->stmt->id.id.len + ROW_EXTRA;
    while (from + cnt < tx->cnt && cnt < CASS_TX_ITEM_MAX) {
        const struct entry *next = &tx->entry[from + cnt];
        bytes += next->len + next->shape->stmt->id.id.len + ROW_EXTRA;
        if (bytes > CASS_TX_BATCH_MAX || by_partition(first, next, tx)) break;
        cnt++;
    }
    return cnt;
}

static struct str values_of(const struct cass_tx *tx, const struct entry *entry) {
    return (struct str){tx->rows.ptr + entry->pos, entry->len};
}

static void put_request(struct cass_tx *tx, const struct entry *entry, size_t cnt) {
    const struct cass_store *store = store_of(tx);
    struct cqlframe head = {.version = cass_cluster_version(store->cluster),
                            .opcode = cnt > 1 ? CQLFRAME_BATCH : CQLFRAME_EXECUTE};
    size_t pos = cqlframe_begin(&tx->frames, &head);
    if (cnt > 1) {
        cqlask_batch_begin(&tx->frames, CQLMSG_UNLOGGED, (uint16_t)cnt);
        for (size_t i = 0; i < cnt; i++)
            cqlask_batch_item(&tx->frames, entry[i].shape->stmt->id.id, values_of(tx, &entry[i]));
        cqlask_batch_end(&tx->frames, head.version, store->url.consistency);
    } else {
        struct cqlask_params params = {.consistency = store->url.consistency,
                                       .values = values_of(tx, entry)};
        cqlask_execute(&tx->frames, head.version, &entry->shape->stmt->id, &params);
    }
    cqlframe_end(&tx->frames, pos, CQLFRAME_PLAIN);
}

static int send_rows(struct cass_tx *tx) {
    struct cass_call *call = base_calloc(tx->cnt, sizeof *call);
    size_t calls = 0, step;
    qsort_r(tx->entry, tx->cnt, sizeof *tx->entry, by_partition, tx);
    for (size_t i = 0; i < tx->cnt; i += step) {
        size_t pos = tx->frames.len;
        step = group_len(tx, i);
        put_request(tx, &tx->entry[i], step);
        call[calls].token = tx->entry[i].token;
        call[calls].routed = true;
        call[calls++].req.frame.len = tx->frames.len - pos;
    }
    const char *at = tx->frames.ptr;
    for (size_t i = 0; i < calls; i++) {
        call[i].req.frame.ptr = at;
        at += call[i].req.frame.len;
    }
    int err = tx->frames.full ? err_fail(ERR_TOO_BIG, "a transaction over %zu bytes", CASS_TX_MAX)
                              : cass_call_run(store_of(tx)->cluster, call, calls, 0);
    base_free(call);
    return err;
}

int cass_tx_commit(struct store_tx *base) {
    struct cass_tx *tx = (struct cass_tx *)base;
    int err = env_point(base->store->env, "store.commit");
    if (!err && tx->cnt) err = send_rows(tx);
    if (!err && tx->state) err = env_point(base->store->env, "store.state");
    if (!err && tx->state) err = cass_state_write(store_of(tx), tx->state);
    cass_tx_abort(base);
    return err;
}
