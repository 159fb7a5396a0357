/* cqlexec_test.c - CQL as data: the statements of test/sql/cql/ with what Cassandra answered.
 *
 * Every file runs on the store in memory and on the embedded one. Each SELECT is asked again in
 * pages of one and of three rows, which must add up to the same. CQL=name runs one file and prints
 * what differs. test/interop/cql_expect.py holds the same files against a real Cassandra. */
#include "support/tempdir.h"
#include "support/unit.h"

#include "base/err.h"
#include "store/cql/cqlexec.h"
#include "wire/cql/cqltext.h"

#define FOLDER   "test/sql/cql"
#define FILE_MAX (4 * MIB)

static struct store *store;
static struct cqlexec *exec;
static struct cqlexec_session session;
static struct arena arena;
static int differ;

/* ---- running -------------------------------------------------------------------------------- */

static void put_rows(const struct cqlexec_result *result, struct buf *rows, struct buf *out) {
    struct rbuf in = rbuf_of_str(buf_str(rows));
    for (int64_t r = 0; r < result->row_cnt; r++) {
        for (size_t i = 0; i < result->col_cnt; i++) {
            int32_t len = rbuf_i32(&in);
            struct str value = len < 0 ? STR_NULL : rbuf_bytes(&in, (size_t)len);
            if (i) buf_putz(out, " | ");
            cqltext_literal(result->col[i].type, value, out);
        }
        buf_putc(out, '\n');
    }
    assert_true(rbuf_done(&in));
}

static void put_header(const struct cqlexec_result *result, struct buf *out) {
    for (size_t i = 0; i < result->col_cnt; i++)
        buf_printf(out, "%s%.*s", i ? " | " : "", STR_ARG(result->col[i].name));
    buf_putc(out, '\n');
}

/* The answer as the files write it. */
static const char *answer(struct str text, int page) {
    struct buf out, rows;
    struct cqlexec_request request = {.text = text, .page_size = page, .ts_us = CQLEXEC_TS_NONE};
    struct cqlexec_result result;
    bool first = true;
    buf_init(&out, 16 * MIB);
    buf_init(&rows, 16 * MIB);
    do {
        buf_reset(&rows);
        int err = cqlexec_run(exec, &session, &request, &arena, &rows, &result);
        if (err) {
            buf_reset(&out);
            if (result.error.code == 0x2400)
                buf_printf(&out, "error 2400 %.*s %.*s\n", STR_ARG(result.error.keyspace),
                           STR_ARG(result.error.table));
            else buf_printf(&out, "error %04X %s\n", (unsigned)result.error.code, err_note());
            break;
        }
        if (result.kind != CQLEXEC_ROWS) {
            buf_putz(&out, "ok\n");
            break;
        }
        if (first) put_header(&result, &out);
        first = false;
        put_rows(&result, &rows, &out);
        request.paging_state = result.paging_state;
    } while (result.paging_state.ptr);
    const char *all = arena_strz(&arena, buf_str(&out));
    buf_fini(&out);
    buf_fini(&rows);
    return all;
}

/* ---- the files ------------------------------------------------------------------------------ */

static void complain(const char *path, struct str text, const char *want, const char *got) {
    differ++;
    print_message("# %s: %.*s\n# wanted: %s# got:    %s", path, STR_ARG(text), want, got);
}

static void run_block(const char *path, struct str text, struct str want) {
    const char *wanted = arena_strz(&arena, want);
    if (strncmp(wanted, "ours: ", 6) == 0) wanted += 6;
    const char *got = answer(text, 0);
    bool same = strcmp(got, wanted) == 0;
    /* Of a syntax error only the class is promised. */
    if (strncmp(wanted, "error 2000", 10) == 0) same = strncmp(got, wanted, 10) == 0;
    if (!same) complain(path, text, wanted, got);
    bool read = str_starts(text, STR("SELECT")) && strncmp(got, "error", 5) != 0;
    for (int page = 1; page <= 3 && read; page += 2) {
        const char *paged = answer(text, page);
        if (strcmp(paged, got) != 0 && !strstr(paged, "disable paging")) {
            complain(path, text, got, paged);
            print_message("# in pages of %d\n", page);
        }
    }
}

static void run_file(const char *path) {
    char *text;
    size_t len;
    assert_int_equal(env_read_whole(env_real(), path, FILE_MAX, &text, &len), 0);
    struct str rest = {text, len};
    answer(STR("DROP KEYSPACE IF EXISTS ks"), 0);
    answer(STR("CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', "
               "'replication_factor': 1}"), 0);
    answer(STR("USE ks"), 0);
    while (rest.len) {
        if (rest.ptr[0] == '\n' || rest.ptr[0] == '#') {
            (void)str_cut(rest, '\n', &rest);
            continue;
        }
        const char *end = memmem(rest.ptr, rest.len, ";\n", 2);
        assert_non_null(end);
        struct str statement = {rest.ptr, (size_t)(end - rest.ptr)};
        rest = (struct str){end + 2, rest.len - statement.len - 2};
        const char *gap = memmem(rest.ptr, rest.len, "\n\n", 2);
        size_t want = gap ? (size_t)(gap - rest.ptr) + 1 : rest.len;
        run_block(path, statement, (struct str){rest.ptr, want});
        rest = (struct str){rest.ptr + want, rest.len - want};
        if (arena.used > 64 * MIB) arena_reset(&arena);
    }
    base_free(text);
}

static void each_file(void *arg UNUSED, const char *name, bool is_dir) {
    char path[512];
    const char *only = getenv("CQL");
    if (is_dir || !strstr(name, ".test") || (only && !strstr(name, only))) return;
    snprintf(path, sizeof path, FOLDER "/%s", name);
    run_file(path);
}

static void run_on(const char *url) {
    struct store_conf conf = {.env = env_real(), .url = url, .relaxed = true};
    differ = 0;
    session.keyspace[0] = 0;
    assert_int_equal(store_open(&store, &conf), 0);
    struct cqlexec_conf with = {.env = env_real(), .store = store};
    assert_int_equal(cqlexec_open(&exec, &with), 0);
    assert_int_equal(env_list(env_real(), FOLDER, each_file, NULL), 0);
    cqlexec_close(exec);
    store_close(store);
    arena_fini(&arena);
    assert_int_equal(differ, 0);
}

static void statements_answer_as_cassandra_does_in_memory(void **state UNUSED) {
    run_on("mem:");
}

static void statements_answer_as_cassandra_does_embedded(void **state UNUSED) {
    char url[600];
    const char *dir = tempdir_make("cql");
    snprintf(url, sizeof url, "embedded:%s", dir);
    run_on(url);
    tempdir_remove(url + strlen("embedded:"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statements_answer_as_cassandra_does_in_memory),
        cmocka_unit_test(statements_answer_as_cassandra_does_embedded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
