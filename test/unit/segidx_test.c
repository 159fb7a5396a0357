/* segidx_test.c - indexes say the same in memory and from their files, and are not believed when
 * they cannot be right. */
#include "log/embedded/segidx.h"

#include "base/err.h"
#include "support/unit.h"

static void fill(struct segidx *idx, int cnt) {
    memset(idx, 0, sizeof *idx);
    for (int i = 0; i < cnt; i++) {
        segidx_add(idx, i * 10 + 9, i * 4096);
        segidx_add_time(idx, 1000 + i * 5, i * 10 + 9);
    }
}

static void segidx_finds_the_entry_before(void **state UNUSED) {
    struct segidx idx;
    struct env *env = env_mem_open(1, 0);
    for (int cnt = 0; cnt < 20; cnt++) {
        fill(&idx, cnt);
        assert_int_equal(segidx_save(env, "s", &idx), 0);
        for (int rel = 0; rel < 220; rel++) {
            int at = MIN((rel + 1) / 10, cnt) - 1;
            struct segidx_offset seen = segidx_find(&idx, rel), filed;
            assert_int_equal(segidx_file_find(env, "s", rel, &filed), 0);
            assert_int_equal(seen.rel, at < 0 ? -1 : at * 10 + 9);
            assert_int_equal(seen.pos, at < 0 ? 0 : at * 4096);
            assert_memory_equal(&seen, &filed, sizeof seen);
        }
        segidx_fini(&idx);
    }
    env_close(env);
}

static void segidx_finds_times(void **state UNUSED) {
    struct segidx idx;
    struct segidx_time last;
    struct env *env = env_mem_open(1, 0);
    fill(&idx, 10);
    assert_int_equal(segidx_save(env, "s", &idx), 0);
    for (int64_t ts = 990; ts < 1060; ts++) {
        int64_t before =
            ts <= 1000 ? 0 : MIN((ts - 1000 + 4) / 5, 10); /* entries with a lesser time */
        int32_t filed;
        assert_int_equal(segidx_find_time(&idx, ts), before ? (before - 1) * 10 + 10 : 0);
        assert_int_equal(segidx_file_find_time(env, "s", ts, &filed), 0);
        assert_int_equal(filed, segidx_find_time(&idx, ts));
    }
    assert_int_equal(segidx_file_last(env, "s", &last), 0);
    assert_int_equal(last.ts, 1045);
    segidx_fini(&idx);
    env_close(env);
}

static void segidx_put_appends_what_is_new(void **state UNUSED) {
    struct segidx idx, back;
    struct env *env = env_mem_open(1, 0);
    fill(&idx, 3);
    assert_int_equal(segidx_put(env, "s", &idx), 0);
    for (int i = 3; i < 7; i++)
        segidx_add(&idx, i * 10 + 9, i * 4096);
    assert_int_equal(segidx_put(env, "s", &idx), 0);
    assert_int_equal(segidx_load(env, "s", 1 << 20, &back), 0);
    assert_int_equal(back.offset_cnt, 7);
    assert_int_equal(back.time_cnt, 3);
    assert_int_equal(back.offset[6].pos, 6 * 4096);
    segidx_cut(&back, 3 * 4096, 25);
    assert_int_equal(back.offset_cnt, 3);
    assert_int_equal(back.time_cnt, 2);
    segidx_fini(&back);
    segidx_fini(&idx);
    env_close(env);
}

/* Each byte flipped: loaded or refused, never a position outside the segment. */
static void segidx_load_refuses_nonsense(void **state UNUSED) {
    struct segidx idx, back;
    struct env *env = env_mem_open(1, 0);
    unsigned refused = 0;
    fill(&idx, 6);
    for (int64_t pos = 0; pos < 48; pos++) {
        struct env_file *file;
        unsigned char byte;
        size_t got;
        assert_int_equal(segidx_save(env, "s", &idx), 0);
        assert_int_equal(env_open(env, "s.index", ENV_READ | ENV_WRITE, &file), 0);
        assert_int_equal(env_read(file, pos, &byte, 1, &got), 0);
        byte ^= 0x81;
        assert_int_equal(env_write(file, pos, &byte, 1), 0);
        env_file_close(file);
        int err = segidx_load(env, "s", 6 * 4096, &back);
        refused += err == ERR_CORRUPT;
        for (size_t i = 0; !err && i < back.offset_cnt; i++)
            assert_in_range(back.offset[i].pos, 0, 6 * 4096 - 1);
        if (!err) segidx_fini(&back);
    }
    assert_true(refused > 30);
    assert_int_equal(segidx_load(env, "s", 4096, &back), ERR_CORRUPT);
    assert_int_equal(segidx_load(env, "none", 4096, &back), ERR_NOT_FOUND);
    segidx_fini(&idx);
    env_close(env);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segidx_finds_the_entry_before),
        cmocka_unit_test(segidx_finds_times),
        cmocka_unit_test(segidx_put_appends_what_is_new),
        cmocka_unit_test(segidx_load_refuses_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
