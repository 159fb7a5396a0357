/* term_test.c - a later term's word stands, whatever a node of an earlier one still believes.
 *
 * Two nodes' views of one PostgreSQL and of one Kafka: the older one's lease says yes as often as
 * the test wants, as to a process that was frozen behind its last look at the clock. Runs where
 * SLUICE_TEST_POSTGRES is a server (postgresql://user@host, its database `postgres` is used) and
 * SLUICE_TEST_KAFKA a broker as HOST:PORT. */
#include "support/unit.h"

#include "base/buf.h"
#include "base/err.h"
#include "landing/landing.h"
#include "log/log.h"
#include "model/record.h"
#include "wire/kafka/recbatch.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define READY_US INT64_C(30000000) /* a broker makes its first transaction's topic */
#define POLL_US  50000

struct lease {
    int64_t epoch;
    atomic_int yes; /* how often it still says so */
    struct fence fence;
};

static int64_t lease_epoch(void *arg) {
    return ((struct lease *)arg)->epoch;
}

static int lease_check(void *arg, int64_t epoch) {
    struct lease *lease = arg;
    if (epoch == lease->epoch && atomic_fetch_sub(&lease->yes, 1) > 0) return 0;
    return err_fail(ERR_FENCED, "term %d is over", (int)epoch);
}

static void lease_init(struct lease *lease, int64_t epoch) {
    *lease = (struct lease){.epoch = epoch, .fence = {lease_epoch, lease_check, lease}};
    atomic_init(&lease->yes, 1000000);
}

/* ---- PostgreSQL ---- */

static struct landing *landing_of(struct lease *lease, const char *url) {
    struct landing *landing;
    struct landing_conf conf = {.env = env_real(), .url = url, .fence = &lease->fence};
    int err = landing_open(&landing, &conf);
    if (err) print_message("# %s\n", err_note());
    assert_int_equal(err, 0);
    return landing;
}

static int land(struct landing *landing, const char *row) {
    struct landing_tx *tx;
    struct str one = str_of(row);
    int err = landing_begin(landing, &tx);
    if (err) return err;
    if (landing_upsert(tx, STR("term_rows"), &one, 1, NULL)) print_message("# %s\n", err_note());
    return landing_commit(tx);
}

static void an_older_term_commits_nothing_into_postgresql(void **state UNUSED) {
    const char *server = getenv("SLUICE_TEST_POSTGRES");
    if (!server || !*server) SKIP_TEST("SLUICE_TEST_POSTGRES has no address");
    struct str key[] = {STR("id")};
    struct landing_table table = {STR("term_rows"), key, 1, false};
    struct lease old, new;
    int64_t now = env_now_us(env_real()); /* above what an earlier run has left there */
    lease_init(&old, now);
    lease_init(&new, now + 1);
    struct landing *first = landing_of(&old, server);
    assert_int_equal(landing_declare(first, &table), 0);
    assert_int_equal(land(first, "{\"id\":1}"), 0);
    struct landing_tx *open;
    struct str row = STR("{\"id\":2}");
    assert_int_equal(landing_begin(first, &open), 0);
    assert_int_equal(landing_upsert(open, STR("term_rows"), &row, 1, NULL), 0);
    struct landing *second = landing_of(&new, server); /* and does not wait for the open one */
    assert_int_equal(landing_declare(second, &table), 0);
    assert_int_equal(land(second, "{\"id\":3}"), 0);
    assert_int_not_equal(landing_commit(open), 0); /* its session was ended */
    assert_int_equal(land(first, "{\"id\":4}"), ERR_FENCED); /* a new one of the old term */
    assert_int_equal(land(second, "{\"id\":5}"), 0);
    struct arena arena = ARENA_INIT;
    struct str *found;
    size_t cnt;
    assert_int_equal(landing_rows(second, STR("term_rows"), (struct landing_page){.limit = 10},
                                  &arena, &found, &cnt), 0);
    for (size_t i = 0; i < cnt; i++)
        for (const char *bad = "24"; *bad; bad++)
            assert_null(memmem(found[i].ptr, found[i].len, (char[]){':', *bad, '}', 0}, 3));
    assert_true(cnt >= 3);
    arena_fini(&arena);
    landing_close(first);
    landing_close(second);
}

/* ---- Kafka ---- */

static struct log *log_of(struct lease *lease, const char *address, const char *group) {
    struct log *log;
    char url[256];
    snprintf(url, sizeof url, "kafka://%s", address);
    struct log_conf conf = {.env = env_real(), .url = url, .fence = &lease->fence, .group = group};
    assert_int_equal(log_open(&log, &conf), 0);
    return log;
}

/* Who has been told the end knows that nothing of an earlier term comes behind it. */
static int64_t end_of(struct log *log, struct str topic) {
    struct log_span span;
    int64_t until_us = env_mono_us(env_real()) + READY_US;
    int err = log_span(log, topic, 0, &span);
    while (err && env_mono_us(env_real()) < until_us) {
        env_sleep_us(env_real(), POLL_US);
        err = log_span(log, topic, 0, &span);
    }
    if (err) print_message("# %s\n", err_note());
    assert_int_equal(err, 0);
    return span.end;
}

static int append(struct log *log, struct str topic, const char *value) {
    struct recbatch_build build;
    struct record record = {.value = str_of(value), .ts_ms = env_now_ms(env_real())};
    struct buf buf;
    int64_t offset;
    buf_init(&buf, MIB);
    recbatch_begin(&build, &buf);
    assert_int_equal(recbatch_add(&build, &record), 0);
    assert_int_equal(recbatch_seal(&build), 0);
    int err = log_append(log, topic, 0, buf_str(&buf), &offset);
    if (err) print_message("# %s: %s\n", value, err_note());
    buf_fini(&buf);
    return err;
}

/* Every record's value, one behind the other. */
static void values_of(struct log *log, struct str topic, struct buf *out) {
    struct arena arena = ARENA_INIT;
    int64_t offset = 0, end = end_of(log, topic);
    while (offset < end) {
        struct recbatch_iter it;
        struct record record;
        struct str bytes;
        int64_t before = offset;
        assert_int_equal(log_read(log, topic, 0, offset, MIB, &arena, &bytes), 0);
        recbatch_walk(&it, bytes, offset, &arena);
        while (recbatch_next(&it, &record)) {
            buf_puts(out, record.value);
            offset = record.offset + 1;
        }
        if (offset == before) break; /* only marks of transactions are left */
    }
    arena_fini(&arena);
}

static void an_older_term_appends_nothing_to_kafka(void **state UNUSED) {
    const char *address = getenv("SLUICE_TEST_KAFKA");
    if (!address || !*address) SKIP_TEST("SLUICE_TEST_KAFKA names no Kafka");
    struct lease old, new;
    char name[64];
    struct buf got;
    buf_init(&got, MIB);
    snprintf(name, sizeof name, "term-%d-%" PRId64, (int)getpid(), env_now_us(env_real()));
    struct str topic = str_of(name);
    lease_init(&old, 1);
    lease_init(&new, 2);
    struct log *first = log_of(&old, address, name);
    assert_int_equal(log_topic_create(first, topic, 1, NULL, 0), 0);
    (void)end_of(first, topic);
    assert_int_equal(append(first, topic, "a"), 0);
    struct log *second = log_of(&new, address, name);
    (void)end_of(second, topic);
    atomic_store(&old.yes, 2); /* at the submit and as its transaction begins, then no more */
    assert_int_not_equal(append(first, topic, "LATE"), 0);
    assert_int_equal(append(second, topic, "b"), 0);
    assert_int_equal(append(first, topic, "LATE"), ERR_FENCED);
    values_of(second, topic, &got);
    assert_true(str_eqz(buf_str(&got), "ab"));
    assert_int_equal(log_topic_delete(second, topic), 0);
    buf_fini(&got);
    log_close(first);
    log_close(second);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_older_term_commits_nothing_into_postgresql),
        cmocka_unit_test(an_older_term_appends_nothing_to_kafka),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
