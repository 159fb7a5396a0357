/* pidtab_test.c - the window of five, epochs, wrapping sequences, and the table's limit. */
#include "log/pidtab.h"

#include "base/err.h"
#include "support/unit.h"

static struct recbatch_head head_of(int64_t id, int16_t epoch, int32_t seq, int32_t cnt,
                                    int64_t offset) {
    return (struct recbatch_head){.producer_id = id,
                                  .producer_epoch = epoch,
                                  .base_sequence = seq,
                                  .last_offset_delta = cnt - 1,
                                  .count = cnt,
                                  .base_offset = offset};
}

static int offer(struct pidtab *tab, struct recbatch_head head, int64_t *dup) {
    const struct pidtab_batch *batch;
    int err = pidtab_check(tab, &head, &batch);
    *dup = batch ? batch->base_offset : -1;
    if (!err && !batch) pidtab_note(tab, &head, 1000);
    return err;
}

static void pidtab_sequences_wrap(void **state UNUSED) {
    struct pidtab tab;
    int64_t dup;
    pidtab_init(&tab);
    assert_int_equal(offer(&tab, head_of(1, 0, INT32_MAX - 1, 3, 0), &dup), 0);
    assert_int_equal(offer(&tab, head_of(1, 0, 0, 1, 3), &dup), ERR_SEQUENCE);
    assert_int_equal(offer(&tab, head_of(1, 0, 1, 2, 3), &dup), 0);
    assert_int_equal(dup, -1);
    assert_int_equal(offer(&tab, head_of(1, 0, INT32_MAX - 1, 3, 9), &dup), 0);
    assert_int_equal(dup, 0);
    pidtab_fini(&tab);
}

static void pidtab_survives_encoding(void **state UNUSED) {
    struct pidtab tab, back;
    struct buf out;
    int64_t dup;
    pidtab_init(&tab);
    for (int64_t id = 0; id < 500; id++)
        for (int32_t i = 0; i < 7; i++)
            assert_int_equal(offer(&tab, head_of(id, 2, i, 1, id * 10 + i), &dup), 0);
    buf_init(&out, MIB);
    pidtab_encode(&tab, &out);
    pidtab_init(&back);
    struct rbuf in = rbuf_of_str(buf_str(&out));
    assert_int_equal(pidtab_decode(&back, &in), 0);
    assert_true(rbuf_done(&in));
    for (int64_t id = 0; id < 500; id++) {
        assert_int_equal(offer(&back, head_of(id, 2, 2, 1, 0), &dup), 0);
        assert_int_equal(dup, id * 10 + 2);
        assert_int_equal(offer(&back, head_of(id, 2, 1, 1, 0), &dup), ERR_SEQUENCE);
        assert_int_equal(offer(&back, head_of(id, 1, 7, 1, 0), &dup), ERR_FENCED);
        assert_int_equal(offer(&back, head_of(id, 3, 1, 1, 0), &dup), ERR_SEQUENCE);
    }
    for (size_t len = 0; len < MIN(out.len, (size_t)500); len++) {
        struct pidtab cut;
        pidtab_init(&cut);
        in = rbuf_of(out.ptr, len);
        assert_int_equal(pidtab_decode(&cut, &in), ERR_CORRUPT);
        pidtab_fini(&cut);
    }
    pidtab_fini(&tab);
    pidtab_fini(&back);
    buf_fini(&out);
}

static void pidtab_forgets_the_idle_and_stays_within_its_limit(void **state UNUSED) {
    struct pidtab tab;
    pidtab_init(&tab);
    for (int64_t id = 0; id < PIDTAB_MAX * 2; id++) {
        struct recbatch_head head = head_of(id, 0, 0, 1, id);
        pidtab_note(&tab, &head, id / 2);
        assert_true(tab.cnt <= PIDTAB_MAX);
    }
    int64_t dup;
    assert_int_equal(offer(&tab, head_of(PIDTAB_MAX * 2 - 1, 0, 0, 1, 0), &dup), 0);
    assert_int_equal(dup, PIDTAB_MAX * 2 - 1);
    pidtab_expire(&tab, INT64_MAX);
    assert_int_equal(tab.cnt, 0);
    assert_int_equal(offer(&tab, head_of(5, 0, 77, 1, 0), &dup), 0);
    pidtab_fini(&tab);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pidtab_sequences_wrap),
        cmocka_unit_test(pidtab_survives_encoding),
        cmocka_unit_test(pidtab_forgets_the_idle_and_stays_within_its_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
