/* store_fault_test.c - the embedded store killed, and failing, in the middle of its work.
 *
 * A child writes batches: ten rows and a state that says so, one commit each, and tells after each.
 * However it ends, what is there afterwards is whole batches: all that were told, perhaps one more,
 * and the state names the last of them. */
#include "support/tempdir.h"
#include "support/unit.h"

#include "base/err.h"
#include "base/rbuf.h"
#include "store/store.h"
#include "wire/cql/cqltype.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROWS_PER_BATCH 10

static char dir[512];

static int set_up(void **state UNUSED) {
    snprintf(dir, sizeof dir, "%s", tempdir_make("store-fault"));
    return 0;
}

static int tear_down(void **state UNUSED) {
    tempdir_remove(dir);
    return 0;
}

static int open_store(struct env *env, struct store **out) {
    char url[600];
    snprintf(url, sizeof url, "embedded:%s", dir);
    struct store_conf conf = {.env = env, .url = url};
    return store_open(out, &conf);
}

static int get_table(struct store *store, struct arena *arena, struct store_table *out) {
    struct store_col cols[] = {
        {.name = STR("k"), .type = cqltype_scalar(CQL_INT), .kind = STORE_PKEY},
        {.name = STR("c"), .type = cqltype_scalar(CQL_INT), .kind = STORE_CKEY},
        {.name = STR("v"), .type = cqltype_scalar(CQL_TEXT), .kind = STORE_REGULAR}};
    struct store_keyspace ks = {STR("ks"), STR("{}"), true};
    struct store_table table = {.keyspace = STR("ks"), .name = STR("t"), .col = cols,
                                .col_cnt = ARRAY_LEN(cols)};
    int err = store_keyspace_create(store, &ks);
    if (!err || err == ERR_EXISTS) err = store_table_create(store, &table);
    if (err && err != ERR_EXISTS) return err;
    return store_table_get(store, STR("ks"), STR("t"), arena, out);
}

static struct str int_of(char bytes[4], uint32_t n) {
    for (int i = 0; i < 4; i++)
        bytes[i] = (char)(n >> (24 - 8 * i));
    return (struct str){bytes, 4};
}

static uint32_t last_batch(struct store *store) {
    struct arena arena = ARENA_INIT;
    struct str value;
    uint32_t n = 0;
    if (!store_get_state(store, STR("last"), &arena, &value)) {
        assert_int_equal(value.len, 4);
        memcpy(&n, value.ptr, 4);
    }
    arena_fini(&arena);
    return n;
}

/* Batch n: rows (n, 0..9), the state n. */
static int write_batch(struct store *store, const struct store_table *table, uint32_t n) {
    static char text[1000];
    struct store_tx *tx;
    int err = store_begin(store, &tx);
    memset(text, 'x', sizeof text);
    for (uint32_t c = 0; c < ROWS_PER_BATCH && !err; c++) {
        char k[4], ck[4];
        struct str pkey = int_of(k, n), ckey = int_of(ck, c);
        struct store_cell cell = {table->col[2].id, {text, sizeof text}};
        err = store_write(tx, table, &(struct store_write){
                                         .kind = STORE_INSERT, .pkey = &pkey, .ckey = &ckey,
                                         .ckey_cnt = 1, .cell = &cell, .cell_cnt = 1, .ts_us = 1});
    }
    if (!err) err = store_put_state(tx, STR("last"), (struct str){(const char *)&n, 4});
    if (err) {
        store_abort(tx);
        return err;
    }
    return store_commit(tx);
}

/* Every batch up to the state is whole; there is nothing beyond. Returns the state. */
static uint32_t check_whole(void) {
    struct store *store;
    struct arena arena = ARENA_INIT, rows = ARENA_INIT;
    struct store_table table;
    struct store_range range = {.token_lo = INT64_MIN, .token_hi = INT64_MAX};
    struct store_scan *scan;
    bool more = true;
    assert_int_equal(open_store(env_real(), &store), 0);
    assert_int_equal(get_table(store, &arena, &table), 0);
    uint32_t last = last_batch(store);
    uint8_t *seen = arena_array(&arena, uint8_t, last + 1u);
    assert_int_equal(store_scan_open(store, &table, &range, STR_NULL, &scan), 0);
    while (more) {
        struct store_row row;
        arena_reset(&rows);
        assert_int_equal(store_scan_next(scan, &rows, &row, &more), 0);
        if (!more) break;
        struct rbuf in = rbuf_of_str(row.value[0]);
        uint32_t n = rbuf_u32(&in);
        assert_in_range(n, 1, last);
        assert_int_equal(row.value[2].len, 1000);
        seen[n]++;
    }
    store_scan_close(scan);
    for (uint32_t n = 1; n <= last; n++)
        assert_int_equal(seen[n], ROWS_PER_BATCH);
    store_close(store);
    arena_fini(&arena);
    arena_fini(&rows);
    return last;
}

/* The child: goes on after the last batch until it dies. */
static void child(struct env *env, int told) {
    struct store *store;
    struct arena arena = ARENA_INIT;
    struct store_table table;
    if (open_store(env, &store) || get_table(store, &arena, &table)) _exit(1);
    for (uint32_t n = last_batch(store) + 1;; n++) {
        if (write_batch(store, &table, n)) _exit(2);
        if (write(told, &n, sizeof n) != sizeof n) _exit(3);
    }
}

/* The parent has looked into a store, and so has its threads, before the next child is born. */
static void need_children_with_threads(void) {
#if defined(__SANITIZE_THREAD__)
    SKIP_TEST("ThreadSanitizer takes no threads in the child of a process that has some");
#endif
}

/* Runs the child until it dies by itself or, us > 0, is killed. Returns the last batch told. */
static uint32_t run_child(struct env *env, int64_t us, int *status) {
    int pipes[2];
    uint32_t n = 0, last = 0;
    assert_int_equal(pipe(pipes), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(pipes[0]);
        child(env, pipes[1]);
    }
    close(pipes[1]);
    if (us) {
        env_sleep_us(env_real(), us);
        kill(pid, SIGKILL);
    }
    while (read(pipes[0], &n, sizeof n) == sizeof n)
        last = n;
    close(pipes[0]);
    waitpid(pid, status, 0);
    return last;
}

static void a_killed_store_keeps_whole_batches(void **state UNUSED) {
    need_children_with_threads();
    uint32_t before = 0;
    for (int round = 0; round < 8; round++) {
        int status;
        uint32_t told = run_child(env_real(), 60000 + round * 17000, &status);
        assert_true(WIFSIGNALED(status));
        uint32_t last = check_whole();
        assert_true(last >= told && last >= before);
        assert_true(!told || last <= told + 1);
        before = last;
    }
    assert_true(before > 10);
}

static void a_store_that_dies_at_any_commit_keeps_whole_batches(void **state UNUSED) {
    need_children_with_threads();
    for (uint64_t at = 1; at <= 12; at++) {
        struct env *env = env_fault_open(
            env_real(), (struct env_fault_plan){ENV_OP_POINT, at, ENV_FAULT_DIE, false});
        int status;
        uint32_t before = check_whole();
        uint32_t told = run_child(env, 0, &status);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == ENV_FAULT_EXIT);
        uint32_t last = check_whole();
        assert_int_equal(last, told ? told : before);
        env_close(env);
    }
}

static void a_commit_that_fails_leaves_nothing(void **state UNUSED) {
    for (uint64_t at = 1; at <= 6; at++) {
        struct env *env = env_fault_open(
            env_real(), (struct env_fault_plan){ENV_OP_POINT, at, ENV_FAULT_EIO, false});
        struct store *store;
        struct arena arena = ARENA_INIT;
        struct store_table table;
        int err = open_store(env, &store);
        assert_int_equal(err, 0);
        err = get_table(store, &arena, &table);
        for (int i = 0; i < 6 && !err; i++) {
            uint32_t before = last_batch(store);
            err = write_batch(store, &table, before + 1);
            assert_int_equal(last_batch(store), err ? before : before + 1);
        }
        assert_int_equal(err, ERR_IO);
        store_close(store);
        (void)check_whole();
        arena_fini(&arena);
        env_close(env);
    }
}

static void two_processes_cannot_have_one_store(void **state UNUSED) {
    struct store *store, *second;
    assert_int_equal(open_store(env_real(), &store), 0);
    assert_int_equal(open_store(env_real(), &second), ERR_AGAIN);
    assert_non_null(strstr(err_note(), dir));
    store_close(store);
}

static void a_damaged_schema_is_told(void **state UNUSED) {
    char path[700];
    (void)check_whole();
    snprintf(path, sizeof path, "%s/CURRENT", dir);
    assert_int_equal(env_write_whole(env_real(), path, STR("MANIFEST-999999\n")), 0);
    struct store *store;
    assert_int_not_equal(open_store(env_real(), &store), 0);
    assert_non_null(strstr(err_note(), dir));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_killed_store_keeps_whole_batches),
        TEST(a_store_that_dies_at_any_commit_keeps_whole_batches),
        TEST(a_commit_that_fails_leaves_nothing),
        TEST(two_processes_cannot_have_one_store),
        TEST(a_damaged_schema_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
