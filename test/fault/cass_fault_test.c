/* cass_fault_test.c - the store on a cluster that goes away, comes back and forgets: our own CQL
 * server in this process, stopped and started again on its port. */
#include "support/tempdir.h"
#include "support/unit.h"

#include "base/diag.h"
#include "base/err.h"
#include "net/loop.h"
#include "store/server/cqlserver.h"
#include "store/store.h"
#include "wire/cql/cqltype.h"

#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROWS 300

static struct env *env;
static struct store *behind; /* what the server serves */
static struct loop *loop;
static struct cqlserver *server;
static uint16_t port;
static struct store *store;
static struct arena arena;

static void server_up(void) {
    struct cqlserver_conf conf = {.env = env, .port = port, .threads = 4};
    assert_int_equal(loop_open(&loop, env, "cql"), 0);
    assert_int_equal(cqlserver_open(&server, loop, behind, &conf), 0);
    port = cqlserver_port(server);
    assert_int_equal(loop_start(loop), 0);
}

static void server_down(void) {
    loop_stop(loop);
    cqlserver_close(server);
    loop_close(loop);
    server = NULL;
}

static void open_store(struct store **out, const char *options) {
    char url[200];
    snprintf(url, sizeof url, "cassandra://127.0.0.1:%u/?%s", port, options);
    struct store_conf conf = {.env = env, .url = url};
    assert_int_equal(store_open(out, &conf), 0);
}

static int set_up(void **state UNUSED) {
    struct store_conf conf = {.env = env_real(), .url = "mem:"};
    env = env_real();
    arena_init(&arena);
    port = 0;
    assert_int_equal(store_open(&behind, &conf), 0);
    server_up();
    open_store(&store, "wait=20s&timeout=5s");
    struct store_keyspace ks = {STR("ks"), STR(""), true};
    assert_int_equal(store_keyspace_create(store, &ks), 0);
    return 0;
}

static int tear_down(void **state UNUSED) {
    store_close(store);
    if (server) server_down();
    store_close(behind);
    arena_fini(&arena);
    return 0;
}

static struct store_table make_table(const char *name) {
    struct store_col cols[] = {
        {.name = STR("k"), .type = cqltype_scalar(CQL_TEXT), .kind = STORE_PKEY},
        {.name = STR("v"), .type = cqltype_scalar(CQL_TEXT), .kind = STORE_REGULAR}};
    struct store_table table = {.keyspace = STR("ks"), .name = str_of(name), .col = cols,
                                .col_cnt = 2};
    struct store_table out;
    assert_int_equal(store_table_create(store, &table), 0);
    assert_int_equal(store_table_get(store, STR("ks"), str_of(name), &arena, &out), 0);
    return out;
}

/* `cnt` rows k0.. with the value given, and the state "q/offset". */
static int commit_rows(const struct store_table *table, const char *v, int cnt, int64_t ts_us) {
    struct store_tx *tx;
    int err = store_begin(store, &tx);
    for (int i = 0; i < cnt && !err; i++) {
        char name[16];
        snprintf(name, sizeof name, "k%d", i);
        struct str k = str_of(name);
        struct store_cell cell = {table->col[1].id, str_of(v)};
        struct store_write write = {.kind = STORE_INSERT, .pkey = &k, .cell = &cell, .cell_cnt = 1,
                                    .ts_us = ts_us};
        err = store_write(tx, table, &write);
    }
    if (!err) err = store_put_state(tx, STR("q/offset"), str_of(v));
    if (!err) return store_commit(tx);
    store_abort(tx);
    return err;
}

static void expect_rows(const struct store_table *table, const char *v, int cnt) {
    const struct store_range all = {.token_lo = INT64_MIN, .token_hi = INT64_MAX};
    struct store_scan *scan;
    struct store_row row;
    bool more = true;
    int seen = 0;
    assert_int_equal(store_scan_open(store, table, &all, STR_NULL, &scan), 0);
    while (store_scan_next(scan, &arena, &row, &more) == 0 && more) {
        assert_true(str_eqz(row.value[1], v));
        seen++;
    }
    store_scan_close(scan);
    assert_int_equal(seen, cnt);
}

static void a_server_that_forgets_is_told_again(void **state UNUSED) {
    struct store_table t = make_table("t");
    struct str got;
    assert_int_equal(commit_rows(&t, "one", ROWS, 1), 0);
    server_down();
    server_up(); /* with no statement prepared */
    assert_int_equal(commit_rows(&t, "two", ROWS, 2), 0);
    expect_rows(&t, "two", ROWS);
    assert_int_equal(store_get_state(store, STR("q/offset"), &arena, &got), 0);
    assert_true(str_eqz(got, "two"));
}

static void *up_later(void *arg UNUSED) {
    env_sleep_us(env, 1500000);
    server_up();
    return NULL;
}

static void a_commit_waits_for_a_server_that_comes_back(void **state UNUSED) {
    struct store_table t = make_table("t");
    pthread_t thread;
    server_down();
    assert_int_equal(pthread_create(&thread, NULL, up_later, NULL), 0);
    assert_int_equal(commit_rows(&t, "late", ROWS, 1), 0);
    pthread_join(thread, NULL);
    expect_rows(&t, "late", ROWS);
}

static void a_commit_without_a_server_fails_and_can_be_repeated(void **state UNUSED) {
    struct store_table t = make_table("t");
    struct str got;
    store_close(store);
    open_store(&store, "wait=1s&timeout=1s");
    assert_int_equal(commit_rows(&t, "one", 10, 1), 0);
    server_down();
    assert_int_equal(commit_rows(&t, "two", 10, 2), ERR_NET);
    assert_non_null(strstr(err_note(), "127.0.0.1"));
    const struct store_range all = {.token_lo = INT64_MIN, .token_hi = INT64_MAX};
    struct store_scan *scan;
    assert_int_equal(store_scan_open(store, &t, &all, STR_NULL, &scan), ERR_NET);
    server_up();
    int err = ERR_NET;
    for (int i = 0; i < 20 && err; i++) err = commit_rows(&t, "two", 10, 2);
    assert_int_equal(err, 0);
    expect_rows(&t, "two", 10);
    assert_int_equal(store_get_state(store, STR("q/offset"), &arena, &got), 0);
    assert_true(str_eqz(got, "two"));
}

static void *stop_soon(void *arg UNUSED) {
    env_sleep_us(env, 500000);
    store_stop(store);
    return NULL;
}

static void a_commit_that_waits_ends_when_it_is_told_to(void **state UNUSED) {
    struct store_table t = make_table("t");
    pthread_t thread;
    server_down();
    assert_int_equal(pthread_create(&thread, NULL, stop_soon, NULL), 0);
    int64_t start = env_mono_us(env);
    assert_int_equal(commit_rows(&t, "never", 10, 1), ERR_STOPPED);
    assert_in_range(env_mono_us(env) - start, 300000, 5000000); /* of the 20 s it would wait */
    pthread_join(thread, NULL);
}

/* A store without a server opens, says what is wrong, and takes nothing. */
static void is_away(const char *url, const char *why) {
    struct store_conf conf = {.env = env, .url = url};
    struct store *none;
    struct store_tx *tx;
    struct store_keyspace *keyspace, made = {STR("k"), STR(""), true};
    struct str value;
    size_t cnt;
    int64_t start = env_mono_us(env);
    assert_int_equal(store_open(&none, &conf), 0);
    assert_in_range(env_mono_us(env) - start, 300000, 5000000);
    assert_int_equal(store_state(none), ERR_NET);
    assert_non_null(strstr(err_note(), why));
    assert_int_equal(store_begin(none, &tx), ERR_NET);
    assert_int_equal(store_get_state(none, STR("q"), &arena, &value), ERR_NET);
    assert_int_equal(store_keyspace_create(none, &made), ERR_NET);
    assert_int_equal(store_keyspaces(none, &arena, &keyspace, &cnt), 0);
    assert_int_equal(cnt, 0);
    store_close(none);
}

/* Opened before there is a server: what comes to be is used, made and read from then on. */
static void a_server_that_comes_later_is_waited_for(void **state UNUSED) {
    char url[100];
    struct store *early;
    struct store_tx *tx;
    struct store_keyspace *keyspace;
    size_t cnt = 0;
    server_down();
    snprintf(url, sizeof url, "cassandra://127.0.0.1:%u/?wait=500ms", port);
    struct store_conf conf = {.env = env, .url = url};
    assert_int_equal(store_open(&early, &conf), 0);
    assert_int_equal(store_begin(early, &tx), ERR_NET);
    server_up();
    int err = ERR_NET;
    for (int i = 0; i < 200 && err == ERR_NET; i++) {
        err = store_begin(early, &tx);
        if (err) env_sleep_us(env, 50000);
    }
    assert_int_equal(err, 0);
    store_abort(tx);
    assert_int_equal(store_state(early), 0);
    assert_int_equal(store_keyspaces(early, &arena, &keyspace, &cnt), 0);
    assert_true(cnt > 0);
    store_close(early);
}

static void no_server_at_all_is_said_in_time(void **state UNUSED) {
    struct store_conf conf = {.env = env};
    struct store *none;
    is_away("cassandra://127.0.0.1:1/?wait=500ms", "refused");
    is_away("cassandra://no-such-host.invalid/?wait=500ms", "no-such-host.invalid");
    char url[100];
    snprintf(url, sizeof url, "cassandra://127.0.0.1:%u/?dc=elsewhere&wait=5s", port);
    conf.url = url;
    assert_int_equal(store_open(&none, &conf), ERR_CONFIG);
    assert_non_null(strstr(err_note(), "datacenter1"));
}

/* A port that listens and says nothing: the greeting has its time limit. */
static void a_server_that_says_nothing_is_given_up(void **state UNUSED) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, 4), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    char url[100];
    snprintf(url, sizeof url, "cassandra://127.0.0.1:%u/?wait=2s&timeout=300ms",
             ntohs(at.sin_port));
    is_away(url, "greeting");
    close(fd);
}

/* What the cluster would refuse at the commit is refused before: it would fail for ever. */
static void a_row_that_no_server_takes_is_refused_alone(void **state UNUSED) {
    struct store_table t = make_table("t");
    struct store_tx *tx;
    struct str k = STR("k"), bad = STR("\xff\xfe");
    struct store_cell cell = {t.col[1].id, bad};
    struct store_write write = {.kind = STORE_INSERT, .pkey = &k, .cell = &cell, .cell_cnt = 1,
                                .ts_us = 1};
    assert_int_equal(store_begin(store, &tx), 0);
    assert_int_equal(store_write(tx, &t, &write), ERR_TYPE);
    cell.value = (struct str){arena_calloc(&arena, 1, 16 * MIB), 16 * MIB};
    assert_int_equal(store_write(tx, &t, &write), ERR_TOO_BIG);
    cell.value = STR("good");
    write.pkey = &bad;
    assert_int_equal(store_write(tx, &t, &write), ERR_TYPE);
    write.pkey = &k;
    assert_int_equal(store_write(tx, &t, &write), 0);
    assert_int_equal(store_commit(tx), 0);
    expect_rows(&t, "good", 1);
}

/* Another client's changes are told by events. */
static void what_another_changes_is_seen(void **state UNUSED) {
    struct store *other;
    struct store_table t = make_table("t"), seen;
    open_store(&other, "wait=20s");
    assert_int_equal(store_table_get(other, STR("ks"), STR("t"), &arena, &seen), 0);
    uint64_t before = store_schema_version(other);
    make_table("u");
    int err = ERR_NOT_FOUND;
    for (int i = 0; i < 100 && err; i++) {
        env_sleep_us(env, 50000);
        err = store_table_get(other, STR("ks"), STR("u"), &arena, &seen);
    }
    assert_int_equal(err, 0);
    assert_true(store_schema_version(other) > before);
    assert_int_equal(store_table_get(other, STR("ks"), STR("t"), &arena, &seen), 0);
    assert_int_equal(seen.number > 0, t.number > 0);
    store_close(other);
}

/* A state that is written twice, the clock going back between: the later one stands. */
static int64_t back_us;

static int64_t odd_now(struct env *it UNUSED) {
    return env_now_us(env_real()) - back_us;
}

static void a_clock_that_goes_back_loses_no_state(void **state UNUSED) {
    struct store_table t = make_table("t");
    struct tempdir_clock clock;
    struct str got;
    tempdir_clock_init(&clock);
    clock.ops.now_us = odd_now;
    assert_int_equal(commit_rows(&t, "first", 1, 1), 0);
    store_close(store);
    back_us = INT64_C(3600) * 1000000;
    env = &clock.env;
    open_store(&store, "wait=20s");
    assert_int_equal(commit_rows(&t, "second", 1, 2), 0);
    assert_int_equal(store_get_state(store, STR("q/offset"), &arena, &got), 0);
    assert_true(str_eqz(got, "second"));
    store_close(store);
    env = env_real();
    open_store(&store, "wait=20s");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_server_that_forgets_is_told_again),
        TEST(a_commit_waits_for_a_server_that_comes_back),
        TEST(a_commit_without_a_server_fails_and_can_be_repeated),
        TEST(a_commit_that_waits_ends_when_it_is_told_to),
        TEST(no_server_at_all_is_said_in_time),
        TEST(a_server_that_says_nothing_is_given_up),
        TEST(a_server_that_comes_later_is_waited_for),
        TEST(a_row_that_no_server_takes_is_refused_alone),
        TEST(what_another_changes_is_seen),
        TEST(a_clock_that_goes_back_loses_no_state),
    };
    diag_setup(DIAG_OFF, false);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
