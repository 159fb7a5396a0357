/* fence_test.c - who no longer leads writes nothing, into no tier. */
#include "support/unit.h"

#include "base/buf.h"
#include "base/err.h"
#include "landing/capture.h"
#include "log/log.h"
#include "model/record.h"
#include "store/store.h"
#include "support/tempdir.h"
#include "wire/kafka/recbatch.h"

/* A lease as the test says it is. */
static struct {
    int64_t epoch;
    struct fence fence;
} lease;
static struct arena arena;

static int64_t lease_epoch(void *arg UNUSED) {
    return lease.epoch;
}

static int lease_check(void *arg UNUSED, int64_t epoch) {
    return epoch == lease.epoch ? 0 : err_fail(ERR_FENCED, "term %d is over", (int)epoch);
}

static int set_up(void **state UNUSED) {
    lease.epoch = 7;
    lease.fence = (struct fence){lease_epoch, lease_check, NULL};
    return 0;
}

static int tear_down(void **state UNUSED) {
    arena_fini(&arena);
    return 0;
}

static void no_fence_lets_all_pass(void **state UNUSED) {
    int64_t epoch = -1;
    assert_int_equal(fence_take(NULL, &epoch), 0);
    assert_int_equal(epoch, 0);
    assert_int_equal(fence_check(NULL, epoch), 0);
}

static void who_stands_by_gets_no_epoch(void **state UNUSED) {
    int64_t epoch = -1;
    lease.epoch = 0;
    assert_int_equal(fence_take(&lease.fence, &epoch), ERR_FENCED);
    assert_non_null(strstr(err_note(), "stands by"));
}

static void landing_commits_only_in_the_term_it_began(void **state UNUSED) {
    const char *dir = tempdir_make("fence");
    char url[256];
    snprintf(url, sizeof url, "sqlite:%s/l.db", dir);
    struct landing *landing;
    struct landing_conf conf = {.env = env_real(), .url = url, .fence = &lease.fence};
    struct landing_table table = {.name = STR("t")};
    struct landing_tx *tx;
    struct str row = STR("{\"a\":1}"), *rows;
    size_t cnt;
    assert_int_equal(landing_open(&landing, &conf), 0);
    assert_int_equal(landing_declare(landing, &table), 0);
    assert_int_equal(landing_begin(landing, &tx), 0);
    assert_int_equal(landing_upsert(tx, STR("t"), &row, 1, NULL), 0);
    lease.epoch = 9;
    assert_int_equal(landing_commit(tx), ERR_FENCED);
    assert_string_equal(err_note(), "term 7 is over");
    assert_int_equal(landing_begin(landing, &tx), 0); /* the old one let go of the lock */
    assert_int_equal(landing_upsert(tx, STR("t"), &row, 1, NULL), 0);
    assert_int_equal(landing_commit(tx), 0);
    assert_int_equal(landing_rows(landing, STR("t"), (struct landing_page){10, 0}, &arena, &rows,
                                  &cnt), 0);
    assert_int_equal(cnt, 1);
    lease.epoch = 0;
    assert_int_equal(landing_begin(landing, &tx), ERR_FENCED);
    assert_null(tx);
    landing_close(landing);
    tempdir_remove(dir);
}

static void changes_are_acked_by_the_leader_only(void **state UNUSED) {
    const char *dir = tempdir_make("fence");
    char url[256];
    snprintf(url, sizeof url, "sqlite:%s/l.db", dir);
    struct landing *landing;
    struct capture *capture;
    struct landing_conf conf = {.env = env_real(), .url = url, .fence = &lease.fence};
    assert_int_equal(landing_open(&landing, &conf), 0);
    assert_int_equal(capture_open(&capture, landing), 0);
    lease.epoch = 0;
    assert_int_equal(capture_ack(capture, 1), ERR_FENCED);
    capture_close(capture);
    landing_close(landing);
    tempdir_remove(dir);
}

static void store_commits_only_in_the_term_it_began(void **state UNUSED) {
    struct store *store;
    struct store_conf conf = {.env = env_real(), .url = "mem:", .fence = &lease.fence};
    struct store_tx *tx;
    struct str value;
    assert_int_equal(store_open(&store, &conf), 0);
    assert_int_equal(store_begin(store, &tx), 0);
    assert_int_equal(store_put_state(tx, STR("offsets"), STR("1")), 0);
    lease.epoch = 9;
    assert_int_equal(store_commit(tx), ERR_FENCED);
    assert_int_equal(store_get_state(store, STR("offsets"), &arena, &value), ERR_NOT_FOUND);
    assert_int_equal(store_begin(store, &tx), 0);
    assert_int_equal(store_put_state(tx, STR("offsets"), STR("1")), 0);
    assert_int_equal(store_commit(tx), 0);
    assert_int_equal(store_get_state(store, STR("offsets"), &arena, &value), 0);
    lease.epoch = 0;
    assert_int_equal(store_begin(store, &tx), ERR_FENCED);
    store_close(store);
}

static void log_takes_batches_from_the_leader_only(void **state UNUSED) {
    struct log *log;
    struct log_conf conf = {.env = env_real(), .url = "mem:", .fence = &lease.fence};
    struct buf buf;
    struct recbatch_build build;
    struct record record = {.key = STR("k"), .value = STR("v"), .ts_ms = 1};
    struct log_span span;
    int64_t offset;
    buf_init(&buf, MIB);
    recbatch_begin(&build, &buf);
    assert_int_equal(recbatch_add(&build, &record), 0);
    assert_int_equal(recbatch_seal(&build), 0);
    assert_int_equal(log_open(&log, &conf), 0);
    assert_int_equal(log_topic_create(log, STR("t"), 1, NULL, 0), 0);
    lease.epoch = 0;
    assert_int_equal(log_append(log, STR("t"), 0, buf_str(&buf), &offset), ERR_FENCED);
    lease.epoch = 9;
    assert_int_equal(log_append(log, STR("t"), 0, buf_str(&buf), &offset), 0);
    assert_int_equal(log_span(log, STR("t"), 0, &span), 0);
    assert_int_equal(span.end, 1);
    buf_fini(&buf);
    log_close(log);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_fence_lets_all_pass),
        cmocka_unit_test_setup(who_stands_by_gets_no_epoch, set_up),
        cmocka_unit_test_setup_teardown(landing_commits_only_in_the_term_it_began, set_up,
                                        tear_down),
        cmocka_unit_test_setup(changes_are_acked_by_the_leader_only, set_up),
        cmocka_unit_test_setup_teardown(store_commits_only_in_the_term_it_began, set_up, tear_down),
        cmocka_unit_test_setup(log_takes_batches_from_the_leader_only, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
