/* env_mem_test.c - what a power cut takes and what it must leave; what the fault env does. */
#include "base/env.h"

#include "base/err.h"
#include "support/unit.h"

static struct env_file *make(struct env *env, const char *path, const char *text) {
    struct env_file *file;
    assert_int_equal(env_open(env, path, ENV_READ | ENV_WRITE | ENV_CREATE, &file), 0);
    assert_int_equal(env_write(file, 0, text, strlen(text)), 0);
    return file;
}

static void env_mem_keeps_what_was_synced(void **state UNUSED) {
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct env *env = env_mem_open(seed, 0);
        assert_int_equal(env_mkdir(env, "a/b"), 0);
        assert_int_equal(env_sync_dir(env, "."), 0);
        assert_int_equal(env_sync_dir(env, "a"), 0);
        struct env_file *file = make(env, "a/b/f", "hello");
        assert_int_equal(env_sync(file), 0);
        assert_int_equal(env_sync_dir(env, "a/b"), 0);
        assert_int_equal(env_write(file, 5, " world", 6), 0);
        env_mem_crash(env);
        char bytes[16] = "";
        size_t got;
        assert_int_equal(env_read(file, 0, bytes, 5, &got), ERR_IO);
        env_file_close(file);
        assert_int_equal(env_open(env, "a/b/f", ENV_READ, &file), 0);
        assert_int_equal(env_read(file, 0, bytes, 5, &got), 0);
        assert_string_equal(bytes, "hello");
        env_file_close(file);
        env_close(env);
    }
}

/* Over many seeds an unsynced file is sometimes whole, sometimes torn, sometimes not there. */
static void env_mem_tears_what_was_not(void **state UNUSED) {
    unsigned gone = 0, torn = 0, whole = 0;
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct env *env = env_mem_open(seed, 0);
        char text[2001], *bytes;
        size_t len;
        memset(text, 'x', 2000);
        text[2000] = 0;
        env_file_close(make(env, "f", text));
        env_mem_crash(env);
        if (env_read_whole(env, "f", 4000, &bytes, &len)) {
            gone++;
        } else {
            bool same = len == 2000 && memcmp(bytes, text, 2000) == 0;
            whole += same;
            torn += !same;
            base_free(bytes);
        }
        env_close(env);
    }
    assert_true(gone > 50 && torn > 50 && whole > 2);
}

static void env_mem_renames_wholly_or_not(void **state UNUSED) {
    unsigned old = 0, fresh = 0;
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct env *env = env_mem_open(seed, 0);
        char *bytes;
        size_t len;
        assert_int_equal(env_write_whole(env, "f", STR("old")), 0);
        struct env_file *file = make(env, "g", "new");
        assert_int_equal(env_sync(file), 0);
        env_file_close(file);
        assert_int_equal(env_rename(env, "g", "f"), 0);
        env_mem_crash(env);
        assert_int_equal(env_read_whole(env, "f", 100, &bytes, &len), 0);
        old += !memcmp(bytes, "old", 3);
        fresh += !memcmp(bytes, "new", 3);
        base_free(bytes);
        env_close(env);
    }
    assert_true(old > 10 && fresh > 10 && old + fresh == 100);
}

static void env_mem_failed_sync_is_not_made_good_by_the_next(void **state UNUSED) {
    struct env *env = env_mem_open(3, 0);
    struct env_file *file = make(env, "f", "one");
    char *bytes;
    size_t len;
    assert_int_equal(env_sync(file), 0);
    assert_int_equal(env_sync_dir(env, "."), 0);
    assert_int_equal(env_write(file, 0, "two", 3), 0);
    env_mem_fail_sync(env, 1);
    assert_int_equal(env_sync(file), ERR_IO);
    assert_int_equal(env_sync(file), 0);
    assert_int_equal(env_read_whole(env, "f", 100, &bytes, &len), 0);
    assert_memory_equal(bytes, "two", 3);
    base_free(bytes);
    env_mem_crash(env);
    env_file_close(file);
    assert_int_equal(env_read_whole(env, "f", 100, &bytes, &len), 0);
    assert_memory_equal(bytes, "one", 3);
    base_free(bytes);
    env_close(env);
}

static void env_mem_has_one_owner_of_a_lock(void **state UNUSED) {
    struct env *env = env_mem_open(3, 0);
    struct env_file *lock, *other;
    assert_int_equal(env_lock(env, "lock", &lock), 0);
    assert_int_equal(env_lock(env, "lock", &other), ERR_AGAIN);
    env_file_close(lock);
    assert_int_equal(env_lock(env, "lock", &lock), 0);
    env_mem_crash(env);
    assert_int_equal(env_lock(env, "lock", &other), 0);
    env_file_close(lock);
    env_file_close(other);
    env_close(env);
}

static void env_mem_time_is_a_variable(void **state UNUSED) {
    struct env *env = env_mem_open(3, 1000);
    env_sleep_us(env, 500);
    env_mem_advance(env, 1);
    assert_int_equal(env_now_us(env), 1501);
    assert_int_equal(env_mono_us(env), 501);
    env_close(env);
}

static void env_fault_hits_the_call_it_was_told_to(void **state UNUSED) {
    struct env *env = env_mem_open(3, 0);
    struct env_fault_plan plan = {ENV_OP_WRITE, 2, ENV_FAULT_ENOSPC, false};
    struct env *fault = env_fault_open(env, plan);
    struct env_file *file = make(fault, "f", "abc");
    assert_int_equal(env_write(file, 0, "def", 3), ERR_FULL);
    assert_int_equal(env_write(file, 0, "ghi", 3), 0);
    assert_int_equal(env_fault_count(fault), 3);
    env_file_close(file);
    env_close(fault);
    plan = (struct env_fault_plan){ENV_OP_WRITE, 1, ENV_FAULT_SHORT, true};
    fault = env_fault_open(env, plan);
    assert_int_equal(env_open(fault, "f", ENV_READ | ENV_WRITE, &file), 0);
    char bytes[5] = "";
    size_t got;
    assert_int_equal(env_write(file, 0, "1234", 4), ERR_IO);
    assert_int_equal(env_write(file, 0, "5678", 4), ERR_IO);
    assert_int_equal(env_read(file, 0, bytes, 4, &got), 0);
    assert_string_equal(bytes, "56i");
    env_file_close(file);
    env_close(fault);
    env_close(env);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(env_mem_keeps_what_was_synced),
        cmocka_unit_test(env_mem_tears_what_was_not),
        cmocka_unit_test(env_mem_renames_wholly_or_not),
        cmocka_unit_test(env_mem_failed_sync_is_not_made_good_by_the_next),
        cmocka_unit_test(env_mem_has_one_owner_of_a_lock),
        cmocka_unit_test(env_mem_time_is_a_variable),
        cmocka_unit_test(env_fault_hits_the_call_it_was_told_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
