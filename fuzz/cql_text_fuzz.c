/* cql_text_fuzz.c - any text as CQL statements: parsed, planned, run on a store in memory.
 *
 * Statements are separated by a NUL byte. They find a keyspace and some tables of most kinds; what
 * they make stays until the input ends. Each is also prepared, and what comes back must hold
 * together: rows as long as their columns say, values that their types take, pages that end. */
#include "base/err.h"
#include "store/cql/cqlexec.h"

#include <stdio.h>
#include <stdlib.h>

#define PAGE_CNT_MAX 10000

static struct store *store;
static struct cqlexec *exec;

static void must(bool fine, const char *what, struct str text) {
    if (fine) return;
    fprintf(stderr, "cql_text_fuzz: %s: %.*s\n", what, STR_ARG(text));
    abort();
}

static void check_rows(const struct cqlexec_result *result, struct buf *rows, struct str text) {
    struct rbuf in = rbuf_of_str(buf_str(rows));
    for (int64_t r = 0; r < result->row_cnt; r++)
        for (size_t i = 0; i < result->col_cnt; i++) {
            int32_t len = rbuf_i32(&in);
            struct str value = len < 0 ? STR_NULL : rbuf_bytes(&in, (size_t)len);
            must(!in.bad && !cqltype_validate(result->col[i].type, value), "a bad value", text);
        }
    must(rbuf_done(&in), "rows of another length", text);
}

static void run(struct cqlexec_session *session, struct str text, int32_t page) {
    struct arena arena = ARENA_INIT;
    struct buf rows;
    struct cqlexec_result result;
    struct cqlexec_request request = {.text = text, .page_size = page, .ts_us = 1};
    size_t pages = 0;
    buf_init(&rows, 16 * MIB);
    do {
        buf_reset(&rows);
        if (cqlexec_run(exec, session, &request, &arena, &rows, &result)) break;
        if (result.kind == CQLEXEC_ROWS) check_rows(&result, &rows, text);
        request.paging_state = result.paging_state;
        must(++pages < PAGE_CNT_MAX, "pages without end", text);
    } while (result.paging_state.ptr);
    arena_fini(&arena);
    buf_fini(&rows);
}

/* The text itself as a paging state and as every bound value. */
static void run_prepared(struct cqlexec_session *session, struct str text, struct str bytes) {
    struct cqlexec_prepared *prepared;
    struct arena arena = ARENA_INIT;
    struct buf rows;
    struct cqlexec_result result;
    if (cqlexec_prepare(exec, str_of(session->keyspace), text, &prepared)) return;
    struct str *value = arena_array(&arena, struct str, prepared->bind_cnt + 1);
    buf_init(&rows, 16 * MIB);
    for (size_t i = 0; i < prepared->bind_cnt; i++) {
        int width = cqltype_width(prepared->bind[i].type);
        value[i] = bytes;
        if (width && bytes.len > (size_t)width) value[i].len = (size_t)width;
    }
    struct cqlexec_request request = {.prepared = prepared, .value = value, .ts_us = 1,
                                      .value_cnt = prepared->bind_cnt, .page_size = 2};
    if (!cqlexec_run(exec, session, &request, &arena, &rows, &result) &&
        result.kind == CQLEXEC_ROWS)
        check_rows(&result, &rows, text);
    request.paging_state = bytes;
    buf_reset(&rows);
    (void)(cqlexec_run(exec, session, &request, &arena, &rows, &result) != 0);
    cqlexec_release(prepared);
    arena_fini(&arena);
    buf_fini(&rows);
}

static void set_up(struct cqlexec_session *session) {
    static const char *const made[] = {
        "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy'}", "USE k",
        "CREATE TYPE u (a int, b text)",
        "CREATE TABLE t (k int PRIMARY KEY, v int, w text, d decimal, i varint, f double)",
        "CREATE TABLE c (p int, a text, b timeuuid, s int STATIC, v int, PRIMARY KEY (p, a, b)) "
        "WITH CLUSTERING ORDER BY (a DESC, b ASC)",
        "CREATE TABLE m (k text PRIMARY KEY, l list<int>, s set<text>, m map<int, text>, "
        "t tuple<int, text>, u u, fu frozen<u>, v vector<float, 2>, du duration, da date, "
        "tm time, ts timestamp, n inet, b blob, x uuid)",
        "CREATE TABLE n (k int PRIMARY KEY, c counter)",
        "INSERT INTO t (k, v, w, d) VALUES (1, 2, 'x', 1.5)",
        "INSERT INTO c (p, a, b, s, v) VALUES (1, 'a', now(), 1, 2)",
        "INSERT INTO c (p, a, b, v) VALUES (1, 'b', now(), 3)",
        "INSERT INTO m (k, l, s, m) VALUES ('k', [1, 2], {'a'}, {1: 'x'})",
        "UPDATE n SET c = c + 1 WHERE k = 1"};
    struct store_conf conf = {.env = env_real(), .url = "mem:"};
    if (store_open(&store, &conf)) abort();
    struct cqlexec_conf with = {.env = env_real(), .store = store};
    if (cqlexec_open(&exec, &with)) abort();
    for (size_t i = 0; i < ARRAY_LEN(made); i++)
        run(session, str_of(made[i]), 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct cqlexec_session session = {""};
    struct str rest = {(const char *)data, size};
    set_up(&session);
    while (rest.len) {
        struct str text = str_cut(rest, 0, &rest);
        run(&session, text, 0);
        run(&session, text, 1);
        run_prepared(&session, text, rest.len ? rest : text);
    }
    cqlexec_close(exec);
    store_close(store);
    return 0;
}
