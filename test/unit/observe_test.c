/* observe_test.c - the states of an alert, and what its history tells. */
#include "support/unit.h"

#include "observe/observe.h"

#define SEC INT64_C(1000000)

static double value;
static bool there;

static bool value_of(void *arg UNUSED, struct str subject UNUSED, struct str metric UNUSED,
                     double *out) {
    *out = value;
    return there;
}

struct fixture {
    struct env *env;
    struct observe *observe;
    struct arena arena;
    struct observe_event *event;
    size_t cnt;
};

static void setup(struct fixture *fixture, const char *rule) {
    struct observe_alert_def def = {STR("p"), STR("a"), str_of(rule)};
    memset(fixture, 0, sizeof *fixture);
    fixture->env = env_mem_open(1, 1000 * SEC);
    struct observe_conf conf = {.env = fixture->env, .alert = &def, .alert_cnt = 1,
                                .value = value_of};
    assert_int_equal(observe_open(&fixture->observe, &conf), 0);
    there = true;
}

static void done(struct fixture *fixture) {
    observe_close(fixture->observe);
    env_close(fixture->env);
    arena_fini(&fixture->arena);
}

/* One second with this value. */
static void pass(struct fixture *fixture, double now) {
    value = now;
    env_mem_advance(fixture->env, SEC);
    observe_tick(fixture->observe);
    assert_int_equal(observe_events(fixture->observe, &fixture->arena, &fixture->event,
                                    &fixture->cnt), 0);
}

static void check(const struct fixture *fixture, size_t i, enum observe_state state,
                  int64_t lasted_us) {
    assert_true(i < fixture->cnt);
    assert_int_equal(fixture->event[i].state, state);
    assert_true(fixture->event[i].lasted_us == lasted_us);
    assert_true(str_eqz(fixture->event[i].pipeline, "p") && str_eqz(fixture->event[i].name, "a"));
}

static void observe_history_tells_how_long_each_state_held(void **state UNUSED) {
    struct fixture f;
    setup(&f, "t.lag > 10 for 3s");
    pass(&f, 5);
    assert_int_equal(f.cnt, 0);
    pass(&f, 11);
    check(&f, 0, OBSERVE_PENDING, -1);
    pass(&f, 12);
    pass(&f, 12);
    pass(&f, 12); /* 3 s after it began */
    check(&f, 0, OBSERVE_FIRING, -1);
    check(&f, 1, OBSERVE_PENDING, 3 * SEC);
    pass(&f, 12);
    pass(&f, 3);
    check(&f, 0, OBSERVE_INACTIVE, 2 * SEC); /* it had fired for so long */
    check(&f, 1, OBSERVE_FIRING, 2 * SEC);
    check(&f, 2, OBSERVE_PENDING, 3 * SEC);
    pass(&f, 11);
    pass(&f, 3); /* never fired this time */
    check(&f, 0, OBSERVE_INACTIVE, -1);
    check(&f, 1, OBSERVE_PENDING, SEC);
    check(&f, 2, OBSERVE_INACTIVE, 2 * SEC);
    done(&f);
}

static void observe_keeps_the_state_while_the_number_is_unknown(void **state UNUSED) {
    struct fixture f;
    setup(&f, "t.lag > 10");
    pass(&f, 11);
    check(&f, 0, OBSERVE_FIRING, -1);
    there = false;
    pass(&f, 0);
    assert_int_equal(f.cnt, 1);
    there = true;
    pass(&f, 0);
    check(&f, 0, OBSERVE_INACTIVE, 2 * SEC);
    done(&f);
}

static void observe_history_longer_than_its_ring_touches_only_its_own(void **state UNUSED) {
    struct fixture f;
    setup(&f, "t.lag > 10");
    for (int i = 0; i < OBSERVE_HISTORY; i++) pass(&f, i % 2 ? 0 : 11);
    pass(&f, 11);
    assert_int_equal(f.cnt, OBSERVE_HISTORY);
    check(&f, 0, OBSERVE_FIRING, -1);
    check(&f, 1, OBSERVE_INACTIVE, SEC);
    check(&f, OBSERVE_HISTORY - 1, OBSERVE_INACTIVE, SEC);
    done(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(observe_history_tells_how_long_each_state_held),
        cmocka_unit_test(observe_keeps_the_state_while_the_number_is_unknown),
        cmocka_unit_test(observe_history_longer_than_its_ring_touches_only_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
