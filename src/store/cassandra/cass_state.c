/* cass_state.c - reads and writes of the table of states. */
#include "store/cassandra/cass_state.h"

#include "base/err.h"
#include "store/cassandra/cass_ddl.h"
#include "store/cassandra/cass_rows.h"
#include "store/cassandra/cass_text.h"
#include "store/murmur.h"
#include "wire/cql/cqlframe.h"

#define TEXT_MAX   (64 * KIB)
#define FRAME_MAX  (512 * MIB)
#define KNOWN_MAX  100000 /* names whose timestamps are kept */

static struct str owner_of(struct str name) {
    const char *sign = memrchr(name.ptr, '/', name.len);
    return sign ? (struct str){name.ptr, (size_t)(sign - name.ptr)} : name;
}

static void put_table(const struct cass_store *store, struct buf *out) {
    cass_text_qualified(store->url.keyspace, STR("state"), out);
}

/* ---- making ---------------------------------------------------------------------------------- */

static int run_unless(struct cass_store *store, bool there, struct buf *text) {
    int err = there ? 0 : cass_ddl_run(store->cluster, buf_str(text));
    buf_reset(text);
    return err == ERR_EXISTS ? 0 : err;
}

static int look(struct cass_store *store, struct str text, bool *there) {
    struct arena arena = ARENA_INIT;
    struct cass_answer answer;
    struct cass_rows rows;
    int err = cass_call_query(store->cluster, text, false, &arena, &answer);
    if (!err) err = cass_rows_open(&rows, &answer, &arena);
    *there = !err && rows.left > 0;
    arena_fini(&arena);
    return err;
}

int cass_state_make(struct cass_store *store) {
    struct buf text;
    bool keyspace, table = false;
    buf_init(&text, TEXT_MAX);
    buf_putz(&text, "SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = ");
    cass_text_quote(store->url.keyspace, &text);
    int err = look(store, buf_str(&text), &keyspace);
    buf_reset(&text);
    buf_putz(&text, "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ");
    cass_text_quote(store->url.keyspace, &text);
    buf_putz(&text, " AND table_name = 'state'");
    if (!err && keyspace) err = look(store, buf_str(&text), &table);
    buf_reset(&text);
    buf_putz(&text, "CREATE KEYSPACE IF NOT EXISTS ");
    cass_text_name(store->url.keyspace, &text);
    buf_putz(&text, " WITH replication = ");
    cass_ddl_replication(store->cluster, &text);
    if (!err) err = run_unless(store, keyspace, &text);
    buf_reset(&text);
    buf_putz(&text, "CREATE TABLE IF NOT EXISTS ");
    put_table(store, &text);
    buf_putz(&text, " (owner text, name text, value blob, PRIMARY KEY ((owner), name))");
    if (!err) err = run_unless(store, table, &text);
    buf_fini(&text);
    return err ? err_add(err, "the table of states") : 0;
}

/* ---- timestamps ------------------------------------------------------------------------------ */

static void note_ts(struct cass_store *store, struct str name, int64_t ts_us) {
    CHECK(pthread_mutex_lock(&store->lock) == 0);
    int64_t *known = map_get(&store->state_ts, name);
    if (!known && store->state_ts.cnt < KNOWN_MAX) {
        known = base_calloc(1, sizeof *known);
        *known = INT64_MIN;
        (void)map_put(&store->state_ts, name, known);
    }
    if (known) *known = MAX(*known, ts_us);
    CHECK(pthread_mutex_unlock(&store->lock) == 0);
}

static bool known_ts(struct cass_store *store, struct str name, int64_t *ts_us) {
    CHECK(pthread_mutex_lock(&store->lock) == 0);
    const int64_t *known = map_get(&store->state_ts, name);
    if (known) *ts_us = *known;
    CHECK(pthread_mutex_unlock(&store->lock) == 0);
    return known != NULL;
}

/* ---- reading --------------------------------------------------------------------------------- */

struct reading {
    struct arena *arena;
    struct str value;
    int64_t ts_us;
};

static int take(struct cass_call *call, const struct cass_answer *answer) {
    struct reading *reading = call->arg;
    struct arena arena = ARENA_INIT;
    struct cass_rows rows;
    int err = cass_rows_open(&rows, answer, &arena);
    reading->value = STR_NULL;
    reading->ts_us = INT64_MIN;
    if (!err && cass_rows_next(&rows, &err)) {
        struct rbuf ts = rbuf_of_str(rows.cell[1]);
        if (rows.cell[0].ptr) reading->value = arena_str(reading->arena, rows.cell[0]);
        if (rows.cell[1].len == 8) reading->ts_us = rbuf_i64(&ts);
    }
    arena_fini(&arena);
    return err;
}

static int read_state(struct cass_store *store, struct str name, struct reading *reading) {
    struct str key[] = {owner_of(name), name};
    struct cass_stmt *stmt;
    struct buf text, values;
    struct cqlframe head = {.version = cass_cluster_version(store->cluster),
                            .opcode = CQLFRAME_EXECUTE};
    buf_init(&text, FRAME_MAX);
    buf_init(&values, FRAME_MAX);
    buf_putz(&text, "SELECT value, WRITETIME(value) FROM ");
    put_table(store, &text);
    buf_putz(&text, " WHERE owner = ? AND name = ?");
    int err = cass_stmt_get(store->stmts, buf_str(&text), &stmt);
    if (!err) {
        struct cass_call call = {.token = murmur_token(key[0]), .routed = true, .take = take,
                                 .arg = reading};
        cqlask_values(&values, key, 2);
        struct cqlask_params params = {.consistency = store->read_level,
                                       .values = buf_str(&values)};
        buf_reset(&text);
        size_t pos = cqlframe_begin(&text, &head);
        cqlask_execute(&text, head.version, &stmt->id, &params);
        cqlframe_end(&text, pos, CQLFRAME_PLAIN);
        call.req.frame = buf_str(&text);
        err = cass_call_run(store->cluster, &call, 1, 0);
        cass_stmt_put(store->stmts, stmt);
    }
    if (!err) note_ts(store, name, reading->ts_us);
    buf_fini(&text);
    buf_fini(&values);
    return err;
}

int cass_state_get(struct store *base, struct str name, struct arena *arena, struct str *out) {
    struct reading reading = {.arena = arena};
    int err = cass_store_born((struct cass_store *)base);
    if (!err) err = read_state((struct cass_store *)base, name, &reading);
    if (err) return err;
    *out = reading.value;
    return out->ptr ? 0 : err_fail(ERR_NOT_FOUND, "there is no state \"%.*s\"", STR_ARG(name));
}

/* ---- writing --------------------------------------------------------------------------------- */

/* Above what is there, and near the clock. */
static int next_ts(struct cass_store *store, const struct cass_state *first, struct str owner,
                   int64_t *out) {
    struct arena arena = ARENA_INIT;
    int64_t ts_us = env_now_us(store->base.env), known;
    int err = 0;
    for (const struct cass_state *it = first; it && !err; it = it->next) {
        struct reading reading = {.arena = &arena};
        if (!str_eq(owner_of(it->name), owner)) continue;
        if (!known_ts(store, it->name, &known)) err = read_state(store, it->name, &reading);
        if (!err && known_ts(store, it->name, &known) && known >= ts_us) ts_us = known + 1;
    }
    arena_fini(&arena);
    *out = ts_us;
    return err;
}

static void put_i64(struct buf *out, int64_t v) {
    buf_i32(out, 8);
    buf_i64(out, v);
}

static void put_bytes(struct buf *out, struct str bytes) {
    buf_i32(out, (int32_t)bytes.len);
    buf_puts(out, bytes);
}

static void put_values(const struct cass_state *state, int64_t ts_us, struct buf *out) {
    buf_reset(out);
    if (state->value.ptr) { /* INSERT (owner, name, value) USING TIMESTAMP */
        buf_i16(out, 4);
        put_bytes(out, owner_of(state->name));
        put_bytes(out, state->name);
        put_bytes(out, state->value);
        put_i64(out, ts_us);
    } else { /* DELETE USING TIMESTAMP WHERE owner, name */
        buf_i16(out, 3);
        put_i64(out, ts_us);
        put_bytes(out, owner_of(state->name));
        put_bytes(out, state->name);
    }
}

static int send_owner(struct cass_store *store, const struct cass_state *from, int64_t ts_us,
                      struct cass_stmt *const stmt[2]) {
    struct str owner = owner_of(from->name);
    struct buf frame, values;
    struct cqlframe head = {.version = cass_cluster_version(store->cluster),
                            .opcode = CQLFRAME_BATCH};
    size_t cnt = 0;
    for (const struct cass_state *it = from; it; it = it->next)
        cnt += str_eq(owner_of(it->name), owner);
    if (cnt > UINT16_MAX) return err_fail(ERR_TOO_BIG, "a transaction of %zu states", cnt);
    buf_init(&frame, FRAME_MAX);
    buf_init(&values, FRAME_MAX);
    size_t pos = cqlframe_begin(&frame, &head);
    cqlask_batch_begin(&frame, CQLMSG_UNLOGGED, (uint16_t)cnt);
    for (const struct cass_state *it = from; it; it = it->next) {
        if (!str_eq(owner_of(it->name), owner)) continue;
        put_values(it, ts_us, &values);
        cqlask_batch_item(&frame, stmt[!it->value.ptr]->id.id, buf_str(&values));
    }
    cqlask_batch_end(&frame, head.version, store->url.consistency);
    int err = frame.full || values.full ? err_fail(ERR_TOO_BIG, "states over %zu bytes", FRAME_MAX)
                                        : 0;
    if (!err) {
        cqlframe_end(&frame, pos, CQLFRAME_PLAIN);
        struct cass_call call = {.req.frame = buf_str(&frame), .token = murmur_token(owner),
                                 .routed = true};
        err = cass_call_run(store->cluster, &call, 1, 0);
    }
    /* What failed may yet come to be: the next one must stand above it. */
    for (const struct cass_state *it = from; it; it = it->next)
        if (str_eq(owner_of(it->name), owner)) note_ts(store, it->name, ts_us);
    buf_fini(&frame);
    buf_fini(&values);
    return err;
}

static bool is_first(const struct cass_state *first, const struct cass_state *it) {
    for (; first != it; first = first->next)
        if (str_eq(owner_of(first->name), owner_of(it->name))) return false;
    return true;
}

int cass_state_write(struct cass_store *store, const struct cass_state *first) {
    struct cass_stmt *stmt[2] = {NULL, NULL};
    struct buf text;
    int64_t ts_us;
    buf_init(&text, TEXT_MAX);
    buf_putz(&text, "INSERT INTO ");
    put_table(store, &text);
    buf_putz(&text, " (owner, name, value) VALUES (?, ?, ?) USING TIMESTAMP ?");
    int err = cass_stmt_get(store->stmts, buf_str(&text), &stmt[0]);
    buf_reset(&text);
    buf_putz(&text, "DELETE FROM ");
    put_table(store, &text);
    buf_putz(&text, " USING TIMESTAMP ? WHERE owner = ? AND name = ?");
    if (!err) err = cass_stmt_get(store->stmts, buf_str(&text), &stmt[1]);
    for (const struct cass_state *it = first; it && !err; it = it->next) {
        if (!is_first(first, it)) continue;
        err = next_ts(store, it, owner_of(it->name), &ts_us);
        if (!err) err = send_owner(store, it, ts_us, stmt);
    }
    cass_stmt_put(store->stmts, stmt[0]);
    cass_stmt_put(store->stmts, stmt[1]);
    buf_fini(&text);
    return err;
}
