/* backlog_test.c - the quota of landing: reached, kept to, and free again after a tenth. */
#include "support/tempdir.h"
#include "support/unit.h"

#include "base/diag.h"
#include "landing/capture.h"
#include "pipeline/backlog.h"

struct world {
    struct env *env;
    struct landing *landing;
    struct capture *capture;
    struct backlog backlog;
    struct arena arena;
    char dir[200];
};

static int set_up(void **state) {
    struct world *world = base_calloc(1, sizeof *world);
    struct str key = STR("id");
    struct landing_table table = {STR("t"), &key, 1, true};
    char url[220];
    world->env = env_real();
    snprintf(world->dir, sizeof world->dir, "%s", tempdir_make("backlog"));
    snprintf(url, sizeof url, "sqlite:%s/l.db", world->dir);
    struct landing_conf conf = {.env = world->env, .url = url};
    assert_int_equal(landing_open(&world->landing, &conf), 0);
    assert_int_equal(landing_declare(world->landing, &table), 0);
    assert_int_equal(capture_open(&world->capture, world->landing), 0);
    backlog_init(&world->backlog, world->env, world->landing);
    world->backlog.changes_max = 100;
    *state = world;
    return 0;
}

static int tear_down(void **state) {
    struct world *world = *state;
    backlog_fini(&world->backlog);
    capture_close(world->capture);
    landing_close(world->landing);
    tempdir_remove(world->dir);
    arena_fini(&world->arena);
    base_free(world);
    return 0;
}

static void land(struct world *world, int from, int cnt) {
    struct landing_tx *tx;
    assert_int_equal(landing_begin(world->landing, &tx), 0);
    for (int i = from; i < from + cnt; i++) {
        struct str row = arena_printf(&world->arena, "{\"id\":%d}", i);
        assert_int_equal(landing_upsert(tx, STR("t"), &row, 1, NULL), 0);
    }
    assert_int_equal(landing_commit(tx), 0);
}

static void carry(struct world *world) {
    struct change *change;
    size_t cnt;
    assert_int_equal(capture_next(world->capture, 1, 1000000, &world->arena, &change, &cnt), 0);
    assert_true(cnt > 0);
    assert_int_equal(capture_ack(world->capture, change[cnt - 1].seq), 0);
}

static bool full(struct world *world) {
    world->backlog.looked_us = 0; /* as a second later */
    return backlog_full(&world->backlog);
}

static void backlog_is_full_at_its_quota_until_a_tenth_is_carried(void **state) {
    struct world *world = *state;
    char note[BACKLOG_NOTE_MAX];
    assert_false(full(world));
    assert_false(backlog_note(&world->backlog, note));
    assert_string_equal(note, "");
    land(world, 0, 5);
    land(world, 5, 94);
    assert_false(full(world));
    land(world, 99, 1);
    assert_true(full(world));
    assert_true(backlog_note(&world->backlog, note));
    assert_non_null(strstr(note, "100 changes wait"));
    carry(world); /* 5 of 100: too few to go on */
    assert_true(full(world));
    carry(world);
    assert_false(full(world));
    assert_false(backlog_note(&world->backlog, note));
    assert_string_equal(note, "");
}

static void backlog_is_asked_for_once_a_second(void **state) {
    struct world *world = *state;
    assert_false(full(world));
    land(world, 0, 200);
    assert_false(backlog_full(&world->backlog));
    assert_true(full(world));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(backlog_is_full_at_its_quota_until_a_tenth_is_carried,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(backlog_is_asked_for_once_a_second, set_up, tear_down),
    };
    diag_setup(DIAG_OFF, false);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
