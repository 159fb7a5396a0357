/* orch_test.c - the scheduler with its threads, on a real landing database. */
#include "support/unit.h"

#include "base/err.h"
#include "landing/landing.h"
#include "orchestrate/orchestrate.h"
#include "support/tempdir.h"

#include <stdatomic.h>
#include <stdio.h>

#define KEPT_RUNS 10000 /* doc/architecture.md says so */

struct world {
    struct env *env;
    struct landing *landing;
    struct orch *orch;
    struct arena arena;
    char folder[512];
    atomic_int calls[3];
    int fail_first; /* so many first tries of task 0 fail */
    bool in_tx;
    atomic_int slow_us;
};

static int work(void *arg, struct orch_try *orch_try) {
    struct world *world = arg;
    int i = orch_try->task.ptr[orch_try->task.len - 1] - '0';
    int nth = ++world->calls[i];
    if (world->slow_us) env_sleep_us(world->env, world->slow_us);
    orch_log(orch_try, "task %d, call %d\nand more", i, nth);
    if (i == 0 && nth <= world->fail_first) return err_fail(ERR_NET, "nobody answers");
    orch_try->rows_in = 7;
    if (!world->in_tx) return 0;
    struct landing_tx *tx;
    int err = landing_begin(world->landing, &tx);
    if (err) return err;
    err = orch_record(orch_try, tx);
    if (!err) return landing_commit(tx);
    landing_abort(tx);
    return err;
}

static void open_landing(struct world *world) {
    char url[600];
    snprintf(url, sizeof url, "sqlite:%s/landing.db", world->folder);
    struct landing_conf conf = {.env = world->env, .url = url};
    assert_int_equal(landing_open(&world->landing, &conf), 0);
}

static void open_orch(struct world *world, const char *schedule) {
    static const struct str one[] = {STR_INIT("t0")};
    const struct orch_task task[] = {
        {.name = STR("t2"), .run = work, .arg = world, .after = one, .after_cnt = 1},
        {.name = STR("t0"), .run = work, .arg = world, .retries = -1, .retry_delay_us = 1000},
        {.name = STR("t1"), .run = work, .arg = world, .after = one, .after_cnt = 1},
    };
    const struct orch_dag dag = {
        .name = STR("p"), .schedule = str_of(schedule), .task = task, .task_cnt = 3};
    struct orch_conf conf = {.env = world->env, .landing = world->landing, .dag = &dag,
                             .dag_cnt = 1};
    if (orch_open(&world->orch, &conf)) fail_msg("%s", err_note());
}

static int setup(void **state) {
    struct world *world = base_calloc(1, sizeof *world);
    world->env = env_real();
    snprintf(world->folder, sizeof world->folder, "%s", tempdir_make("orch"));
    open_landing(world);
    *state = world;
    return 0;
}

static int teardown(void **state) {
    struct world *world = *state;
    orch_close(world->orch);
    landing_close(world->landing);
    tempdir_remove(world->folder);
    arena_fini(&world->arena);
    base_free(world);
    return 0;
}

static struct run wait_end(struct world *world, struct str id) {
    struct run run = {0};
    for (int i = 0; i < 5000; i++) {
        assert_int_equal(landing_run(world->landing, STR("p"), id, &world->arena, &run), 0);
        if (run.state == RUN_SUCCESS || run.state == RUN_FAILED) return run;
        env_sleep_us(world->env, 1000);
    }
    fail_msg("run %.*s did not end: %s", STR_ARG(id), run_state_name(run.state));
    return run;
}

static struct run trigger(struct world *world) {
    struct str id;
    assert_int_equal(orch_trigger(world->orch, STR("p"), STR_NULL, STR("cli"), &world->arena, &id),
                     0);
    return wait_end(world, id);
}

static void orch_runs_tasks_in_order_and_tries_again(void **state) {
    struct world *world = *state;
    struct run_try *got;
    size_t cnt;
    world->fail_first = 2;
    open_orch(world, "");
    assert_int_equal(orch_start(world->orch), 0);
    struct run run = trigger(world);
    assert_int_equal(run.state, RUN_SUCCESS);
    assert_true(str_starts(run.id, STR("manual__20")) && str_eqz(run.by, "cli"));
    assert_int_equal(landing_tries(world->landing, STR("p"), run.id, &world->arena, &got, &cnt), 0);
    assert_int_equal(cnt, 5);
    assert_true(str_eqz(got[0].task, "t0") && got[0].number == 1);
    assert_int_equal(got[0].state, RUN_UP_FOR_RETRY);
    assert_non_null(strstr(got[0].log.ptr, "error failed after"));
    assert_non_null(strstr(got[0].log.ptr, "nobody answers"));
    assert_non_null(strstr(got[0].log.ptr, "Z info task 0, call 1 and more\n"));
    assert_int_equal(got[2].state, RUN_SUCCESS);
    assert_int_equal(got[2].rows_in, 7);
    assert_true(got[3].start_us >= got[2].end_us && got[4].start_us >= got[2].end_us);
}

static void orch_fails_what_waits_for_a_failed_task(void **state) {
    struct world *world = *state;
    struct run_try *got;
    size_t cnt;
    world->fail_first = 100;
    open_orch(world, "");
    assert_int_equal(orch_start(world->orch), 0);
    struct run run = trigger(world);
    assert_int_equal(run.state, RUN_FAILED);
    assert_string_equal(run.note.ptr, "t0: nobody answers");
    assert_int_equal(landing_tries(world->landing, STR("p"), run.id, &world->arena, &got, &cnt), 0);
    assert_int_equal(cnt, 6);
    assert_int_equal(got[3].state, RUN_FAILED);
    assert_int_equal(got[4].state, RUN_UPSTREAM_FAILED);
    assert_int_equal(got[5].state, RUN_UPSTREAM_FAILED);
    assert_int_equal(world->calls[1] + world->calls[2], 0);
}

static void orch_records_in_the_tasks_own_transaction(void **state) {
    struct world *world = *state;
    world->in_tx = true;
    open_orch(world, "");
    assert_int_equal(orch_start(world->orch), 0);
    for (int i = 0; i < 20; i++) assert_int_equal(trigger(world).state, RUN_SUCCESS);
    assert_int_equal(world->calls[0], 20);
    assert_int_equal(world->calls[2], 20);
}

static void orch_refuses_a_second_run_of_one_id(void **state) {
    struct world *world = *state;
    struct str id;
    open_orch(world, "");
    struct str mine = STR("mine");
    assert_int_equal(orch_trigger(world->orch, STR("p"), mine, STR("ui"), &world->arena, &id), 0);
    assert_int_equal(orch_trigger(world->orch, STR("p"), mine, STR("ui"), &world->arena, &id),
                     ERR_EXISTS);
    assert_int_equal(orch_start(world->orch), 0);
    assert_int_equal(wait_end(world, mine).state, RUN_SUCCESS);
    assert_int_equal(orch_trigger(world->orch, STR("p"), mine, STR("ui"), &world->arena, &id),
                     ERR_EXISTS);
    assert_int_equal(orch_trigger(world->orch, STR("q"), mine, STR("ui"), &world->arena, &id),
                     ERR_NOT_FOUND);
    assert_int_equal(orch_trigger(world->orch, STR("p"), STR("a/b"), STR("ui"), &world->arena,
                                  &id), ERR_INVAL);
}

static void orch_starts_an_every_schedule_at_once(void **state) {
    struct world *world = *state;
    struct run *run;
    size_t cnt = 0;
    open_orch(world, "every 1h");
    assert_int_equal(orch_start(world->orch), 0);
    for (int i = 0; i < 5000 && !cnt; i++) {
        env_sleep_us(world->env, 1000);
        assert_int_equal(landing_runs(world->landing, STR("p"), (struct landing_page){10, 0},
                                      &world->arena, &run, &cnt), 0);
    }
    assert_int_equal(cnt, 1);
    assert_true(run[0].logical_us % INT64_C(3600000000) == 0);
    assert_int_equal(wait_end(world, run[0].id).kind, RUN_SCHEDULED);
}

static void orch_keeps_a_pause_over_restarts(void **state) {
    struct world *world = *state;
    struct orch_info *info;
    size_t cnt;
    struct str id;
    open_orch(world, "every 1h");
    assert_int_equal(orch_pause(world->orch, STR("p"), true), 0);
    orch_close(world->orch);
    open_orch(world, "every 1h");
    assert_int_equal(orch_dags(world->orch, &world->arena, &info, &cnt), 0);
    assert_true(cnt == 1 && info[0].paused && info[0].next_us == 0);
    assert_true(str_eqz(info[0].task[0].name, "t0")); /* upstream first */
    assert_int_equal(orch_trigger(world->orch, STR("p"), STR_NULL, STR("ui"), &world->arena, &id),
                     0);
    assert_int_equal(orch_start(world->orch), 0);
    env_sleep_us(world->env, 30000);
    assert_int_equal(world->calls[0], 0);
    assert_int_equal(orch_pause(world->orch, STR("p"), false), 0);
    assert_int_equal(wait_end(world, id).state, RUN_SUCCESS);
}

/* The server whose tasks another scheduler runs has its own schedule paused. */
static void orch_runs_a_single_task_of_a_paused_dag(void **state) {
    struct world *world = *state;
    struct str id;
    struct run run;
    open_orch(world, "every 1h");
    assert_int_equal(orch_pause(world->orch, STR("p"), true), 0);
    assert_int_equal(orch_start(world->orch), 0);
    assert_int_equal(orch_trigger(world->orch, STR("p"), STR_NULL, STR("ui"), &world->arena, &id),
                     0);
    for (int i = 1; i <= 2; i++) {
        struct orch_ask ask = {.dag = STR("p"), .by = STR("cli"), .task = STR("t1")};
        env_sleep_us(world->env, 2000);
        assert_int_equal(orch_trigger_at(world->orch, &ask, &world->arena, &run), 0);
        assert_int_equal(wait_end(world, run.id).state, RUN_SUCCESS);
        assert_int_equal(world->calls[1], i);
    }
    assert_int_equal(world->calls[0], 0); /* a run of the whole dag waits for the pause's end */
    assert_int_equal(orch_pause(world->orch, STR("p"), false), 0);
    assert_int_equal(wait_end(world, id).state, RUN_SUCCESS);
}

static void orch_open_refuses_circles(void **state) {
    struct world *world = *state;
    struct str a = STR("a"), b = STR("b");
    const struct orch_task task[] = {{.name = a, .run = work, .after = &b, .after_cnt = 1},
                                     {.name = b, .run = work, .after = &a, .after_cnt = 1}};
    const struct orch_dag dag = {.name = STR("p"), .task = task, .task_cnt = 2};
    struct orch_conf conf = {.env = world->env, .landing = world->landing, .dag = &dag,
                             .dag_cnt = 1};
    assert_int_equal(orch_open(&world->orch, &conf), ERR_CONFIG);
    assert_null(world->orch);
}

/* A task that has ended when the scheduler is closed keeps what it did; one at work as well, when
 * it ends in the time it is given. */
static void orch_close_waits_for_tasks_at_work(void **state) {
    struct world *world = *state;
    struct str id;
    struct run_try *got;
    size_t cnt;
    world->slow_us = 50000;
    open_orch(world, "");
    assert_int_equal(orch_start(world->orch), 0);
    assert_int_equal(orch_trigger(world->orch, STR("p"), STR_NULL, STR("ui"), &world->arena, &id),
                     0);
    while (!world->calls[0]) env_sleep_us(world->env, 100);
    orch_close(world->orch);
    world->slow_us = 0;
    world->orch = NULL;
    assert_int_equal(landing_tries(world->landing, STR("p"), id, &world->arena, &got, &cnt), 0);
    assert_int_equal(cnt, 1);
    assert_int_equal(got[0].state, RUN_SUCCESS);
    open_orch(world, "");
    assert_int_equal(orch_start(world->orch), 0);
    assert_int_equal(wait_end(world, id).state, RUN_SUCCESS); /* the rest, by the next process */
    assert_int_equal(world->calls[0], 1);
}

/* A history longer than is kept: the second run's record takes the oldest with it. */
static void orch_deletes_old_runs_in_its_transactions(void **state) {
    struct world *world = *state;
    struct landing_tx *tx;
    struct run run = {.dag = STR("p"), .kind = RUN_SCHEDULED, .state = RUN_SUCCESS};
    char id[32];
    assert_int_equal(landing_begin(world->landing, &tx), 0);
    for (int i = 0; i < KEPT_RUNS + 100; i++) {
        snprintf(id, sizeof id, "old_%d", i);
        run.id = str_of(id);
        run.logical_us = run.start_us = run.end_us = i + 1;
        assert_int_equal(landing_put_run(tx, &run), 0);
    }
    assert_int_equal(landing_commit(tx), 0);
    open_orch(world, "every 1h");
    assert_int_equal(orch_start(world->orch), 0);
    trigger(world);
    trigger(world);
    assert_int_equal(landing_run(world->landing, STR("p"), STR("old_0"), &world->arena, &run),
                     ERR_NOT_FOUND);
    assert_int_equal(landing_run(world->landing, STR("p"), STR("old_99"), &world->arena, &run),
                     ERR_NOT_FOUND);
    assert_int_equal(landing_run(world->landing, STR("p"), STR("old_102"), &world->arena, &run), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(orch_runs_tasks_in_order_and_tries_again),
        TEST(orch_fails_what_waits_for_a_failed_task),
        TEST(orch_records_in_the_tasks_own_transaction),
        TEST(orch_refuses_a_second_run_of_one_id),
        TEST(orch_starts_an_every_schedule_at_once),
        TEST(orch_keeps_a_pause_over_restarts),
        TEST(orch_runs_a_single_task_of_a_paused_dag),
        TEST(orch_close_waits_for_tasks_at_work),
        TEST(orch_open_refuses_circles),
        TEST(orch_deletes_old_runs_in_its_transactions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
