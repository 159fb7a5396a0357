/* cqlfake.h - a store and a CQL executor made of a few canned statements, for tests of the server.
 *
 * A test that includes this file brings the store's and the executor's functions with it, in place
 * of the real ones.
 *
 *   SLEEP ms           waits like a disk            ROWS n       n rows of one int, two pages if 99
 *   USE ks             sets the keyspace            KEYSPACE     the keyspace in force, as a row
 *   MAKE t, CHANGE t   schema changes               FAIL         a syntax error
 *   WARN               a warning                    BIG n        one value of n bytes
 *   VIRTUAL ks t       the rows of a system table   BIND         what was bound, a row a value */
#ifndef SUPPORT_CQLFAKE_H
#define SUPPORT_CQLFAKE_H

#include "base/err.h"
#include "store/cql/cqlexec.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#define CQLFAKE_TABLE_MAX 64

struct store {
    pthread_mutex_t lock;
    uint64_t version;
    struct store_table table[CQLFAKE_TABLE_MAX];
    char name[CQLFAKE_TABLE_MAX][16];
    size_t table_cnt;
    char host_id[16];
    bool has_id;
};
struct store_tx {
    struct store *store;
};
struct cqlexec {
    struct cqlexec_conf conf;
};

static struct store_col cqlfake_col[3];

static void cqlfake_init(struct store *store) {
    memset(store, 0, sizeof *store);
    pthread_mutex_init(&store->lock, NULL);
    store->version = 1;
    cqlfake_col[0] = (struct store_col){STR("id"), cqltype_scalar(CQL_UUID), STORE_PKEY, 0,
                                        false, 1};
    cqlfake_col[1] = (struct store_col){STR("At"), cqltype_scalar(CQL_TIMESTAMP), STORE_CKEY, 0,
                                        true, 2};
    cqlfake_col[2] = (struct store_col){STR("v"), cqltype_scalar(CQL_TEXT), STORE_REGULAR, 0,
                                        false, 3};
}

static void cqlfake_change(struct store *store, const char *name) {
    pthread_mutex_lock(&store->lock);
    uint64_t version = __atomic_add_fetch(&store->version, 1, __ATOMIC_SEQ_CST);
    size_t i = 0;
    while (i < store->table_cnt && strcmp(store->name[i], name) != 0) i++;
    if (i == store->table_cnt) store->table_cnt++;
    snprintf(store->name[i], sizeof store->name[i], "%s", name);
    store->table[i] = (struct store_table){
        .keyspace = STR("ks"), .name = str_of(store->name[i]), .col = cqlfake_col, .col_cnt = 3,
        .pkey_cnt = 1, .ckey_cnt = 1, .comment = STR("it's"), .version = version};
    pthread_mutex_unlock(&store->lock);
}

/* ---- the store ---- */

int store_keyspaces(struct store *store UNUSED, struct arena *arena, struct store_keyspace **out,
                    size_t *cnt) {
    *out = arena_new(arena, struct store_keyspace);
    **out = (struct store_keyspace){
        STR("ks"), STR("{\"class\": \"SimpleStrategy\", \"replication_factor\": 1}"), true};
    *cnt = 1;
    return 0;
}

int store_tables(struct store *store, struct str keyspace, struct arena *arena,
                 struct store_table **out, size_t *cnt) {
    pthread_mutex_lock(&store->lock);
    *cnt = !keyspace.ptr || str_eqz(keyspace, "ks") ? store->table_cnt : 0;
    *out = arena_array(arena, struct store_table, CQLFAKE_TABLE_MAX);
    memcpy(*out, store->table, sizeof store->table);
    pthread_mutex_unlock(&store->lock);
    return 0;
}

int store_udts(struct store *store UNUSED, struct str keyspace UNUSED, struct arena *arena,
               struct store_udt **out, size_t *cnt) {
    *out = arena_new(arena, struct store_udt);
    *cnt = 0;
    return 0;
}

uint64_t store_schema_version(struct store *store) {
    return __atomic_load_n(&store->version, __ATOMIC_SEQ_CST);
}

int store_table_size(struct store *store UNUSED, const struct store_table *table UNUSED,
                     int64_t *bytes, int64_t *rows) {
    *bytes = 300;
    *rows = 3;
    return 0;
}

int store_begin(struct store *store, struct store_tx **out) {
    *out = base_alloc(sizeof **out);
    (*out)->store = store;
    return 0;
}

int store_put_state(struct store_tx *tx, struct str name UNUSED, struct str value) {
    memcpy(tx->store->host_id, value.ptr, 16);
    tx->store->has_id = true;
    return 0;
}

int store_commit(struct store_tx *tx) {
    base_free(tx);
    return 0;
}

void store_abort(struct store_tx *tx) {
    base_free(tx);
}

int store_get_state(struct store *store, struct str name UNUSED, struct arena *arena UNUSED,
                    struct str *out) {
    *out = (struct str){store->host_id, 16};
    return store->has_id ? 0 : err_fail(ERR_NOT_FOUND, "no such state");
}

/* ---- the executor ---- */

const struct str cqlexec_unset = {"unset", 5};

struct cqlfake_prepared {
    struct cqlexec_prepared base;
    atomic_int refs;
};

int cqlexec_open(struct cqlexec **out, const struct cqlexec_conf *conf) {
    *out = base_alloc(sizeof **out);
    (*out)->conf = *conf;
    return 0;
}

void cqlexec_close(struct cqlexec *exec) {
    base_free(exec);
}

int cqlexec_prepare(struct cqlexec *exec UNUSED, struct str keyspace UNUSED, struct str text,
                    struct cqlexec_prepared **out) {
    struct cqlfake_prepared *fake = base_calloc(1, sizeof *fake + text.len);
    memcpy(fake + 1, text.ptr, text.len);
    fake->base.text = (struct str){(const char *)(fake + 1), text.len};
    memcpy(fake->base.id, text.ptr, MIN(text.len, (size_t)16));
    fake->refs = 1;
    *out = &fake->base;
    return 0;
}

struct cqlexec_prepared *cqlexec_retain(struct cqlexec_prepared *prepared) {
    ((struct cqlfake_prepared *)prepared)->refs++;
    return prepared;
}

void cqlexec_release(struct cqlexec_prepared *prepared) {
    struct cqlfake_prepared *fake = (struct cqlfake_prepared *)prepared;
    if (fake && --fake->refs == 0) base_free(fake);
}

static void cqlfake_rows(struct cqlexec_result *result, struct arena *arena,
                         const struct cqltype *type) {
    struct cqlexec_col *col = arena_new(arena, struct cqlexec_col);
    *col = (struct cqlexec_col){STR("ks"), STR("t"), STR("x"), type};
    result->kind = CQLEXEC_ROWS;
    result->col = col;
    result->col_cnt = 1;
}

struct cqlfake_emit {
    const struct store_table *table;
    struct buf *rows;
    int64_t cnt;
    int bad;
};

static int cqlfake_emit(void *arg, const struct str *value) {
    struct cqlfake_emit *emit = arg;
    for (size_t i = 0; i < emit->table->col_cnt; i++) {
        if (cqltype_validate(emit->table->col[i].type, value[i])) emit->bad++;
        if (emit->table->col[i].kind <= STORE_CKEY && !value[i].ptr) emit->bad++;
        buf_i32(emit->rows, value[i].ptr ? (int32_t)value[i].len : -1);
        buf_puts(emit->rows, value[i]);
    }
    emit->cnt++;
    return 0;
}

static int cqlfake_virtual(struct cqlexec *exec, char *text, struct arena *arena,
                           struct buf *rows, struct cqlexec_result *result) {
    struct str name, keyspace = str_cut(str_of(text), ' ', &name);
    const struct cqlexec_virtual *virt = exec->conf.virt;
    struct store_table table;
    if (!virt->keyspace(virt->self, keyspace)) return err_fail(ERR_INVAL, "not a system keyspace");
    int err = virt->table(virt->self, keyspace, name, arena, &table);
    if (err) return err;
    struct cqlfake_emit emit = {&table, rows, 0, 0};
    err = virt->rows(virt->self, &table, arena, cqlfake_emit, &emit);
    if (!err && emit.bad) err = err_fail(ERR_TYPE, "%d values are not of their types", emit.bad);
    struct cqlexec_col *col = arena_array(arena, struct cqlexec_col, table.col_cnt);
    for (size_t i = 0; i < table.col_cnt; i++)
        col[i] = (struct cqlexec_col){table.keyspace, table.name, table.col[i].name,
                                      table.col[i].type};
    *result = (struct cqlexec_result){.kind = CQLEXEC_ROWS, .col = col, .col_cnt = table.col_cnt,
                                      .row_cnt = emit.cnt};
    return err;
}

static int cqlfake_schema(struct cqlexec *exec, const char *name, bool made,
                          struct arena *arena, struct cqlexec_result *result) {
    cqlfake_change(exec->conf.store, name);
    result->kind = CQLEXEC_SCHEMA_CHANGE;
    result->change = made ? STR("CREATED") : STR("UPDATED");
    result->target = STR("TABLE");
    result->keyspace = STR("ks");
    result->name = arena_str(arena, str_of(name));
    return 0;
}

static int cqlfake_many(const struct cqlexec_request *request, long long cnt, struct arena *arena,
                        struct buf *rows, struct cqlexec_result *result) {
    cqlfake_rows(result, arena, cqltype_scalar(CQL_INT));
    result->row_cnt = cnt;
    for (long long i = 0; i < cnt; i++) {
        buf_i32(rows, 4);
        buf_i32(rows, (int32_t)i);
    }
    if (cnt == 99 && !request->paging_state.ptr) result->paging_state = STR("page two");
    return 0;
}

static int cqlfake_bound(const struct cqlexec_request *request, struct arena *arena,
                         struct buf *rows, struct cqlexec_result *result) {
    cqlfake_rows(result, arena, cqltype_scalar(CQL_BLOB));
    for (size_t i = 0; i < request->value_cnt; i++, result->row_cnt++) {
        struct str value = request->value[i];
        buf_i32(rows, value.ptr ? (int32_t)value.len : -1);
        buf_puts(rows, value);
    }
    return 0;
}

static int cqlfake_value(struct str value, struct arena *arena, struct buf *rows,
                         struct cqlexec_result *result) {
    cqlfake_rows(result, arena, cqltype_scalar(CQL_TEXT));
    result->row_cnt = 1;
    buf_i32(rows, (int32_t)value.len);
    buf_puts(rows, value);
    return 0;
}

int cqlexec_run(struct cqlexec *exec, struct cqlexec_session *session,
                const struct cqlexec_request *request, struct arena *arena, struct buf *rows,
                struct cqlexec_result *result) {
    char *text = arena_strz(arena, request->prepared ? request->prepared->text : request->text);
    char *rest = strchr(text, ' ') ? strchr(text, ' ') + 1 : text + strlen(text);
    int64_t number = 0;
    memset(result, 0, sizeof *result);
    if (str_i64(str_of(rest), &number)) number = 0;
    if (strncmp(text, "SLEEP ", 6) == 0) {
        env_sleep_us(exec->conf.env, number * 1000);
        return 0;
    }
    if (strncmp(text, "USE ", 4) == 0) {
        snprintf(session->keyspace, sizeof session->keyspace, "%s", rest);
        result->kind = CQLEXEC_SET_KEYSPACE;
        result->keyspace = str_of(rest);
        return 0;
    }
    if (strncmp(text, "MAKE ", 5) == 0) return cqlfake_schema(exec, rest, true, arena, result);
    if (strncmp(text, "CHANGE ", 7) == 0) return cqlfake_schema(exec, rest, false, arena, result);
    if (strncmp(text, "VIRTUAL ", 8) == 0)
        return cqlfake_virtual(exec, rest, arena, rows, result);
    if (strncmp(text, "ROWS ", 5) == 0) return cqlfake_many(request, number, arena, rows, result);
    if (strcmp(text, "BIND") == 0) return cqlfake_bound(request, arena, rows, result);
    if (strcmp(text, "KEYSPACE") == 0)
        return cqlfake_value(str_of(session->keyspace), arena, rows, result);
    if (strncmp(text, "BIG ", 4) == 0) {
        struct str big = {arena_calloc(arena, (size_t)number + 1, 1), (size_t)number};
        return cqlfake_value(big, arena, rows, result);
    }
    if (strcmp(text, "WARN") == 0) {
        struct str *warning = arena_new(arena, struct str);
        *warning = STR("careful");
        result->warning = warning;
        result->warning_cnt = 1;
        return 0;
    }
    result->error.code = 0x2000;
    return err_fail(ERR_SYNTAX, "line 1:0 no viable alternative at input '%.20s'", text);
}

int cqlexec_run_batch(struct cqlexec *exec, struct cqlexec_session *session,
                      const struct cqlexec_batch *batch, struct arena *arena, struct buf *rows,
                      struct cqlexec_result *result) {
    int err = 0;
    for (size_t i = 0; !err && i < batch->item_cnt; i++)
        err = cqlexec_run(exec, session, &batch->item[i], arena, rows, result);
    return err;
}

#endif
