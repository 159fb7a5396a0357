/* logput_test.c - records into partitions: in order, in batches of a bounded size, durable
 * together; what failed can be put again, and the tail tells what is there. */
#include "support/unit.h"

#include "base/err.h"
#include "pipeline/logput.h"
#include "support/pipebed.h"

static struct pipebed bed;
static struct logput *put;

static int setup(void **state UNUSED) {
    pipebed_open(&bed);
    struct log_setting big = {STR("max.message.bytes"), STR(LOGPUT_MAX)};
    assert_int_equal(log_topic_create(bed.log, STR("t"), 3, &big, 1), 0);
    assert_int_equal(logput_open(&put, bed.log, STR("t"), 3), 0);
    return 0;
}

static int teardown(void **state UNUSED) {
    logput_close(put);
    pipebed_close(&bed);
    return 0;
}

static void add(int32_t part, const char *key) {
    struct record record = {.key = str_of(key), .value = STR("v"), .ts_ms = 1};
    assert_int_equal(logput_add(put, part, &record), 0);
}

/* The keys of all records, partition by partition, with a blank after each. */
static const char *there(void) {
    struct record *record;
    struct buf out;
    size_t cnt = pipebed_records(&bed, "t", &record);
    buf_init(&out, MIB);
    for (size_t i = 0; i < cnt; i++) {
        buf_puts(&out, record[i].key);
        buf_putc(&out, ' ');
    }
    const char *text = arena_strz(&bed.arena, buf_str(&out));
    buf_fini(&out);
    return text;
}

static void nothing_is_there_before_the_flush(void **state UNUSED) {
    add(2, "c0"), add(0, "a0"), add(2, "c1"), add(1, "b0"), add(0, "a1");
    assert_string_equal(there(), "");
    assert_true(logput_pending(put) > 0);
    assert_int_equal(logput_flush(put), 0);
    assert_int_equal(logput_pending(put), 0);
    assert_string_equal(there(), "a0 a1 b0 c0 c1 ");
    assert_int_equal(logput_flush(put), 0); /* with nothing to do */
    assert_string_equal(there(), "a0 a1 b0 c0 c1 ");
}

static void what_was_dropped_never_comes(void **state UNUSED) {
    add(0, "no");
    logput_drop(put);
    assert_int_equal(logput_pending(put), 0);
    add(0, "yes");
    assert_int_equal(logput_flush(put), 0);
    assert_string_equal(there(), "yes ");
}

/* One partition's failure fails the flush; the others have theirs; the next one begins anew. */
static void a_failed_flush_says_so_and_holds_nothing_back(void **state UNUSED) {
    add(0, "a0"), add(1, "b0"), add(2, "c0");
    bed.append = (struct pipebed_fault){.after = 1, .cnt = 1};
    assert_int_equal(logput_flush(put), ERR_FULL);
    assert_non_null(strstr(err_note(), "the log is full"));
    assert_int_equal(logput_pending(put), 0);
    assert_int_equal(bed.append.hits, 1);
    add(1, "b0");
    assert_int_equal(logput_flush(put), 0);
    assert_non_null(strstr(there(), "a0 b0 "));
}

/* An answer that was lost: an error, though the records are there. Who puts again must look. */
static void a_lost_answer_is_an_error_and_the_tail_tells(void **state UNUSED) {
    add(1, "b0"), add(1, "b1");
    bed.append = (struct pipebed_fault){.cnt = 1, .lost = true};
    assert_int_equal(logput_flush(put), ERR_NET);
    assert_string_equal(there(), "b0 b1 ");
}

static void a_batch_is_closed_at_its_size(void **state UNUSED) {
    char *big = base_alloc(LOGPUT_BATCH / 4);
    memset(big, 'x', LOGPUT_BATCH / 4);
    for (int i = 0; i < 10; i++) {
        char key[8];
        snprintf(key, sizeof key, "k%d", i);
        struct record record = {.key = str_of(key), .value = {big, LOGPUT_BATCH / 4}};
        assert_int_equal(logput_add(put, 0, &record), 0);
    }
    base_free(big);
    assert_int_equal(logput_flush(put), 0);
    assert_string_equal(there(), "k0 k1 k2 k3 k4 k5 k6 k7 k8 k9 ");

    struct str bytes; /* a read of one byte gives one batch */
    assert_int_equal(log_read(bed.log, STR("t"), 0, 0, 1, &bed.arena, &bytes), 0);
    assert_in_range(bytes.len, LOGPUT_BATCH / 2, LOGPUT_BATCH + 1024);
}

/* A partition holds no more than half of what a call may carry before it is flushed by itself. */
static void much_is_flushed_on_the_way(void **state UNUSED) {
    size_t len = MIB;
    char *big = base_alloc(len);
    memset(big, 'x', len);
    struct record record = {.key = STR("k"), .value = {big, len}};
    for (int i = 0; i < 40; i++) {
        assert_int_equal(logput_add(put, 1, &record), 0);
        assert_true(logput_pending(put) <= LOG_BATCH_MAX / 2 + 2 * MIB);
    }
    base_free(big);
    assert_int_equal(logput_flush(put), 0);
    struct log_span span;
    assert_int_equal(log_span(bed.log, STR("t"), 1, &span), 0);
    assert_int_equal(span.end, 40);
}

struct tail {
    int64_t first, next;
    int cnt;
};

static void see(void *arg, const struct record *record) {
    struct tail *tail = arg;
    char want[16];
    if (!tail->cnt++) tail->first = tail->next = record->offset;
    assert_int_equal(record->offset, tail->next++);
    snprintf(want, sizeof want, "k%d", (int)record->offset);
    assert_true(str_eqz(record->key, want));
}

static struct tail tail_of(int64_t max) {
    struct tail tail = {0};
    assert_int_equal(logput_tail(bed.log, STR("t"), 0, max, see, &tail), 0);
    return tail;
}

static void the_tail_is_the_newest_in_order(void **state UNUSED) {
    assert_int_equal(tail_of(5).cnt, 0);
    for (int i = 0; i < 1000; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", i);
        add(0, key);
        if (i % 7 == 0) assert_int_equal(logput_flush(put), 0);
    }
    assert_int_equal(logput_flush(put), 0);
    static const int wanted[] = {1, 2, 7, 500, 999, 1000, 5000};
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        struct tail tail = tail_of(wanted[i]);
        int64_t cnt = MIN(wanted[i], 1000);
        assert_int_equal(tail.cnt, cnt);
        assert_int_equal(tail.first, 1000 - cnt);
    }
}

static void a_tail_of_no_topic_is_an_error(void **state UNUSED) {
    struct tail tail = {0};
    assert_int_equal(logput_tail(bed.log, STR("none"), 0, 5, see, &tail), ERR_NOT_FOUND);
    assert_int_equal(logput_tail(bed.log, STR("t"), 3, 5, see, &tail), ERR_NOT_FOUND);
    assert_int_equal(tail.cnt, 0);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    static const struct CMUnitTest tests[] = {
        CASE(nothing_is_there_before_the_flush),
        CASE(what_was_dropped_never_comes),
        CASE(a_failed_flush_says_so_and_holds_nothing_back),
        CASE(a_lost_answer_is_an_error_and_the_tail_tells),
        CASE(a_batch_is_closed_at_its_size),
        CASE(much_is_flushed_on_the_way),
        CASE(the_tail_is_the_newest_in_order),
        CASE(a_tail_of_no_topic_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
