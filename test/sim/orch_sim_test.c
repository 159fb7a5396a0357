/* orch_sim_test.c - weeks of schedules in one thread on virtual time, with all that goes wrong.
 *
 * A world has a clock, a database in memory and the scheduler as a function. Tasks take time, fail,
 * outlast their timeouts; the process dies between any two steps and inside tasks, before and after
 * their commit; the wall clock jumps; the database refuses; people trigger and pause. At the end
 * the faults stop, and everything on record is checked. SEED=n replays one world. */
#include "support/unit.h"

#include "base/diag.h"
#include "orchestrate/orch_step.h"
#include "orchestrate/orch_time.h"
#include "orchestrate/orchestrate.h"
#include "support/fakeland.h"

#include <stdio.h>

#define SEC  INT64_C(1000000)
#define MIN_ (60 * SEC)
#define HOUR (60 * MIN_)
#define DAY  (24 * HOUR)
#define DAG_CNT 4

struct world {
    struct env env;
    struct env_ops ops;
    int64_t mono_us, skew_us; /* wall = mono + skew */
    uint64_t random;
    struct landing *landing;
    struct orch *orch;
    bool died;     /* inside a task: nothing more of this process may happen */
    bool inside;   /* a task is at work */
    int faults;    /* of a hundred tries, so many fail in some way */
    int64_t start_us;
    int64_t task_us; /* longest a task takes when all is well */
    size_t call_cnt, death_cnt, effect_cnt;
    const char *only; /* the one dag of this world; NULL: all */
};

static uint64_t draw(struct world *world, uint64_t below) {
    world->random ^= world->random << 13;
    world->random ^= world->random >> 7;
    world->random ^= world->random << 17;
    return below ? world->random % below : 0;
}

static int64_t sim_now(struct env *env) {
    struct world *world = (struct world *)env;
    return world->mono_us + world->skew_us;
}

static int64_t sim_mono(struct env *env) {
    return ((struct world *)env)->mono_us;
}

static void pass(struct world *world, int64_t us) {
    assert_true(us >= 0);
    world->mono_us += us;
}

/* ---- the tasks ---- */

static bool on_record(const struct world *world, const struct run *run, struct str task,
                      enum run_state state) {
    struct fakeland_run *found = fakeland_find(world->landing, run->dag, run->id);
    for (size_t i = 0; found && i < found->try_cnt; i++)
        if (str_eq(found->run_try[i].task, task) && found->run_try[i].state == state) return true;
    return false;
}

/* Lands an effect and the try's record as one. An effect that is there already was done twice. */
static int land(struct world *world, struct orch_try *orch_try) {
    struct landing_tx *tx;
    char name[400];
    int err = landing_begin(world->landing, &tx);
    if (err) return err;
    int len = snprintf(name, sizeof name, "effect %.*s %.*s %.*s", STR_ARG(orch_try->run->dag),
                       STR_ARG(orch_try->run->id), STR_ARG(orch_try->task));
    struct str key = {name, (size_t)len};
    if (map_get(&world->landing->setting, key)) fail_msg("done twice: %s", name);
    err = landing_put_setting(tx, key, STR("done"));
    if (!err) err = orch_record(orch_try, tx);
    if (err) return landing_abort(tx), err;
    err = landing_commit(tx);
    world->effect_cnt += !err;
    return err;
}

static int work(void *arg, struct orch_try *orch_try) {
    struct world *world = arg;
    int luck = (int)draw(world, 100);
    world->call_cnt++;
    world->inside = true;
    assert_true(on_record(world, orch_try->run, orch_try->task, RUN_RUNNING));
    if (orch_try->task.ptr[0] != 'a') /* b after a, c after b */
        assert_true(on_record(world, orch_try->run,
                              (struct str){orch_try->task.ptr[0] == 'b' ? "a" : "b", 1},
                              RUN_SUCCESS));
    pass(world, 1 + (int64_t)draw(world, (uint64_t)world->task_us));
    bool late = false;
    int err = 0;
    if (luck < world->faults / 2) {
        err = err_fail(ERR_NET, "bad luck");
    } else if (luck < world->faults * 3 / 4) { /* outlasts its timeout; the scheduler goes on */
        pass(world, 61 * SEC);
        orch_step(world->orch);
        late = true;
    } else if (luck < world->faults) {
        world->died = true;
        if (draw(world, 2)) world->landing->fail = -1; /* before its commit, else after it */
    }
    if (!err) err = land(world, orch_try);
    if (late) assert_int_equal(err, ERR_TIMEOUT);
    if (world->died) world->landing->fail = -1;
    world->inside = false;
    return err;
}

/* ---- the process ---- */

static const struct {
    const char *name, *schedule, *zone;
    bool catchup;
    int task_cnt, max_active, retries;
} shapes[DAG_CNT] = {
    {"fast", "every 10s", "", false, 1, 1, -1},
    {"chain", "*/15 * * * *", "Europe/Zurich", false, 3, 2, 2},
    {"nightly", "30 2 * * *", "Europe/Zurich", true, 3, 1, 1},
    {"hourly", "0 * * * *", "America/New_York", true, 2, 3, 0},
};

static void boot(struct world *world) {
    static const char *const names[] = {"a", "b", "c"};
    static const struct str after[] = {STR_INIT("a"), STR_INIT("b")};
    struct orch_task task[DAG_CNT][3];
    struct orch_dag dag[DAG_CNT];
    size_t cnt = 0;
    for (size_t d = 0; d < DAG_CNT; d++) {
        if (world->only && strcmp(world->only, shapes[d].name) != 0) continue;
        for (int t = 0; t < shapes[d].task_cnt; t++)
            task[d][t] = (struct orch_task){.name = str_of(names[t]),
                                            .run = work,
                                            .arg = world,
                                            .after = t ? &after[t - 1] : NULL,
                                            .after_cnt = t > 0,
                                            .retries = shapes[d].retries,
                                            .timeout_us = 60 * SEC};
        dag[cnt++] = (struct orch_dag){.name = str_of(shapes[d].name),
                                       .schedule = str_of(shapes[d].schedule),
                                       .timezone = str_of(shapes[d].zone),
                                       .catchup = shapes[d].catchup,
                                       .start_us = shapes[d].catchup ? world->start_us : 0,
                                       .max_active = shapes[d].max_active,
                                       .task = task[d],
                                       .task_cnt = (size_t)shapes[d].task_cnt};
    }
    struct orch_conf conf = {.env = &world->env, .landing = world->landing, .dag = dag,
                             .dag_cnt = cnt};
    world->died = false;
    world->landing->fail = 0;
    assert_int_equal(orch_open(&world->orch, &conf), 0);
}

static void die(struct world *world) {
    orch_close(world->orch); /* without its threads it writes nothing */
    world->orch = NULL;
    world->death_cnt++;
}

/* Lives until the monotonic time `until_us`, through the deaths that tasks bring. */
static void live(struct world *world, int64_t until_us) {
    while (world->mono_us < until_us) {
        if (!world->orch) boot(world);
        int64_t wait_us = orch_step(world->orch);
        if (orch_step_work(world->orch)) {
            if (world->died) die(world);
            continue;
        }
        if (world->orch->woken && !(world->orch->woken = false)) continue;
        pass(world, MIN(MIN(wait_us, ORCH_NAP_US), until_us - world->mono_us));
    }
}

/* The faults between two stretches of life. */
static void mischief(struct world *world) {
    struct arena arena = ARENA_INIT;
    struct str id;
    struct str name = str_of(shapes[draw(world, DAG_CNT)].name);
    switch (draw(world, 7)) {
    case 0: die(world); pass(world, (int64_t)draw(world, (uint64_t)(3 * HOUR))); break;
    case 1: orch_step(world->orch); die(world); break; /* tries on record, none at work */
    case 2: world->skew_us -= (int64_t)draw(world, (uint64_t)(2 * HOUR)); break;
    case 3: world->skew_us += (int64_t)draw(world, (uint64_t)(2 * HOUR)); break;
    case 4: world->landing->fail = (int)draw(world, 20); break;
    case 5:
        for (uint64_t i = draw(world, 5); i > 0; i--)
            (void)!orch_trigger(world->orch, name, STR_NULL, STR("cli"), &arena, &id);
        break;
    default: (void)!orch_pause(world->orch, name, draw(world, 2)); break;
    }
    arena_fini(&arena);
}

/* ---- what must hold ---- */

static size_t shape_of(struct str dag) {
    size_t d = 0;
    while (!str_eqz(dag, shapes[d].name)) d++;
    return d;
}

static void watch(void *arg, const struct run *run) {
    struct world *world = arg;
    size_t running = 0, at_most = (size_t)shapes[shape_of(run->dag)].max_active;
    size_t from = world->landing->run_cnt > 3000 ? world->landing->run_cnt - 3000 : 0;
    if (run->state != RUN_RUNNING || draw(world, 50)) return; /* looking at all is slow */
    for (size_t i = from; i < world->landing->run_cnt; i++)
        running += str_eq(world->landing->run[i]->run.dag, run->dag) &&
                   world->landing->run[i]->run.state == RUN_RUNNING;
    if (running > at_most)
        fail_msg("%zu runs of %.*s at once, with %.*s", running, STR_ARG(run->dag),
                 STR_ARG(run->id));
}

static void check_tries(const struct fakeland_run *run, const struct orch_task *task) {
    uint32_t last = 0;
    enum run_state state = RUN_NONE;
    for (size_t i = 0; i < run->try_cnt; i++) {
        const struct run_try *one = &run->run_try[i];
        if (!str_eq(one->task, task->name)) continue;
        assert_int_equal(one->number, last + 1);
        if (last) assert_int_equal(state, RUN_UP_FOR_RETRY);
        assert_true(one->end_us != 0);
        last = one->number;
        state = one->state;
    }
    assert_true(state == RUN_SUCCESS || state == RUN_FAILED || state == RUN_UPSTREAM_FAILED);
    assert_true(last <= (uint32_t)task->retries + 1);
    if (run->run.state == RUN_SUCCESS) assert_int_equal(state, RUN_SUCCESS);
}

/* Every scheduled run stands on the schedule; with catchup on every place of it, up to the end. */
static void check_times(struct world *world, const struct orch_dag_state *dag) {
    struct arena arena = ARENA_INIT;
    struct run *run;
    size_t cnt, scheduled = 0;
    int64_t due_us = schedule_next(&dag->schedule, world->start_us - 1);
    assert_int_equal(landing_runs(world->landing, dag->def.name, (struct landing_page){1000000, 0},
                                  &arena, &run, &cnt), 0);
    for (size_t i = cnt; i-- > 0;) {
        if (run[i].kind != RUN_SCHEDULED) continue;
        scheduled++;
        if (schedule_next(&dag->schedule, run[i].logical_us - 1) != run[i].logical_us)
            fail_msg("%.*s: %.*s is not on the schedule", STR_ARG(dag->def.name),
                     STR_ARG(run[i].id));
        if (!dag->def.catchup) continue;
        if (run[i].logical_us != due_us)
            fail_msg("%.*s: %.*s is not next", STR_ARG(dag->def.name), STR_ARG(run[i].id));
        due_us = schedule_next(&dag->schedule, due_us);
    }
    if (dag->def.catchup) assert_true(due_us > env_now_us(&world->env) - 2 * HOUR);
    assert_true(scheduled > 0);
    arena_fini(&arena);
}

static void check_all(struct world *world) {
    size_t good = 0, effects = 0, at = 0;
    struct str key;
    void *value;
    for (size_t i = 0; i < world->landing->run_cnt; i++) {
        const struct fakeland_run *run = world->landing->run[i];
        if (run->run.state != RUN_SUCCESS && run->run.state != RUN_FAILED)
            fail_msg("%.*s %.*s is %s", STR_ARG(run->run.dag), STR_ARG(run->run.id),
                     run_state_name(run->run.state));
        for (size_t d = 0; d < world->orch->dag_cnt; d++)
            if (str_eq(world->orch->dag[d].def.name, run->run.dag))
                for (size_t t = 0; t < world->orch->dag[d].def.task_cnt; t++)
                    check_tries(run, &world->orch->dag[d].def.task[t]);
        for (size_t t = 0; t < run->try_cnt; t++) good += run->run_try[t].state == RUN_SUCCESS;
    }
    while (map_next(&world->landing->setting, &at, &key, &value))
        effects += str_starts(key, STR("effect "));
    assert_int_equal(good, effects); /* what is called a success is in the tables, and vice versa */
    for (size_t d = 0; d < world->orch->dag_cnt; d++) check_times(world, &world->orch->dag[d]);
}

/* ---- the worlds ---- */

static struct world *make(uint64_t seed, const char *only) {
    struct world *world = base_calloc(1, sizeof *world);
    world->ops.now_us = sim_now;
    world->ops.mono_us = sim_mono;
    world->env.ops = &world->ops;
    world->mono_us = 1000 * SEC;
    world->random = seed * 0x9e3779b97f4a7c15u + 1;
    world->landing = fakeland_new();
    world->landing->watch = watch;
    world->landing->watch_arg = world;
    world->task_us = 2 * SEC;
    world->only = only;
    assert_int_equal(orch_time_parse(STR("2026-03-25T00:00:00Z"), &world->start_us), 0);
    world->skew_us = world->start_us - world->mono_us; /* DST begins on the 29th */
    return world;
}

static void unmake(struct world *world) {
    orch_close(world->orch);
    fakeland_free(world->landing);
    base_free(world);
}

/* The faults end, and what waits gets the time it needs. */
static void calm(struct world *world) {
    world->faults = 0;
    world->task_us = 1000;
    if (!world->orch) boot(world);
    world->landing->fail = 0;
    for (size_t d = 0; d < DAG_CNT; d++)
        assert_int_equal(orch_pause(world->orch, str_of(shapes[d].name), false), 0);
    live(world, world->mono_us + 6 * HOUR);
    for (int i = 0; i < 100; i++) { /* nothing more comes due, what has begun ends */
        for (size_t d = 0; d < world->orch->dag_cnt; d++)
            world->orch->dag[d].next_us = SCHEDULE_NEVER;
        live(world, world->mono_us + MIN_);
    }
}

static uint64_t live_through(uint64_t seed, int stretches) {
    struct world *world = make(seed, NULL);
    uint64_t hash = 0;
    world->faults = 12;
    boot(world);
    for (int i = 0; i < stretches; i++) {
        live(world, world->mono_us + (int64_t)draw(world, (uint64_t)(4 * HOUR)));
        if (!world->orch) boot(world);
        mischief(world);
    }
    calm(world);
    check_all(world);
    for (size_t i = 0; i < world->landing->run_cnt; i++) {
        const struct run *run = &world->landing->run[i]->run;
        hash = (hash ^ str_hash(run->id) ^ (uint64_t)run->end_us) * 0x100000001b3u + run->state;
    }
    assert_true(world->effect_cnt > 0);
    unmake(world);
    return hash;
}

static void orch_lives_through_faults(void **state UNUSED) {
    const char *only = getenv("SEED");
    int64_t seed = 0;
    if (only) assert_int_equal(str_i64(str_of(only), &seed), 0);
    for (int64_t i = only ? seed : 1; i <= (only ? seed : 6); i++) {
        print_message("# SEED=%" PRId64 "\n", i);
        live_through((uint64_t)i, 25);
    }
}

static void orch_is_the_same_from_one_seed(void **state UNUSED) {
    assert_true(live_through(77, 8) == live_through(77, 8));
    assert_true(live_through(77, 8) != live_through(78, 8));
}

static size_t count(const struct world *world, enum run_state state) {
    size_t cnt = 0;
    for (size_t i = 0; i < world->landing->run_cnt; i++)
        cnt += world->landing->run[i]->run.state == state;
    return cnt;
}

static void orch_makes_every_run_of_a_calm_week(void **state UNUSED) {
    struct world *world = make(1, "fast");
    boot(world);
    live(world, world->mono_us + 7 * DAY);
    assert_int_equal(count(world, RUN_SUCCESS), 7 * 24 * 360);
    assert_int_equal(world->call_cnt, 7 * 24 * 360);
    assert_int_equal(world->landing->commit_cnt, 2 * 7 * 24 * 360); /* start; rows and end */
    check_all(world);
    unmake(world);
}

static void orch_makes_one_run_up_after_a_standstill(void **state UNUSED) {
    struct world *world = make(1, "chain");
    boot(world);
    live(world, world->mono_us + 20 * MIN_); /* 00:15 */
    die(world);
    pass(world, 3 * HOUR);                   /* 00:30 to 03:15 are missed */
    live(world, world->mono_us + 1 * MIN_);
    assert_int_equal(world->landing->run_cnt, 2);
    assert_true(str_eqz(world->landing->run[1]->run.id, "scheduled__2026-03-25T03:15:00+00:00"));
    unmake(world);
    world = make(1, "hourly"); /* with catchup: all of them, in order */
    boot(world);
    live(world, world->mono_us + 20 * MIN_);
    die(world);
    pass(world, 5 * HOUR);
    live(world, world->mono_us + 1 * MIN_);
    assert_int_equal(count(world, RUN_SUCCESS), 6);
    check_all(world);
    unmake(world);
}

static void orch_does_not_make_up_for_a_pause(void **state UNUSED) {
    struct world *world = make(1, "chain");
    struct str name = STR("chain");
    boot(world);
    live(world, world->mono_us + 20 * MIN_);
    assert_int_equal(orch_pause(world->orch, name, true), 0);
    live(world, world->mono_us + 2 * HOUR);
    assert_int_equal(world->landing->run_cnt, 1);
    assert_int_equal(orch_pause(world->orch, name, false), 0);
    live(world, world->mono_us + 1 * MIN_);
    assert_int_equal(world->landing->run_cnt, 1);
    live(world, world->mono_us + 15 * MIN_);
    assert_int_equal(world->landing->run_cnt, 2);
    unmake(world);
}

static void orch_waits_for_the_database(void **state UNUSED) {
    struct world *world = make(1, "fast");
    boot(world);
    live(world, world->mono_us + MIN_);
    size_t before = world->call_cnt, runs = world->landing->run_cnt;
    world->landing->fail = -1;
    live(world, world->mono_us + 10 * MIN_);
    assert_int_equal(world->call_cnt, before); /* nothing starts that is not on record */
    assert_true(world->landing->tx_cnt < 200);  /* with back-off */
    world->landing->fail = 0;
    live(world, world->mono_us + MIN_);
    assert_true(world->landing->run_cnt > runs + 4);
    check_all(world);
    unmake(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orch_makes_every_run_of_a_calm_week),
        cmocka_unit_test(orch_makes_one_run_up_after_a_standstill),
        cmocka_unit_test(orch_does_not_make_up_for_a_pause),
        cmocka_unit_test(orch_waits_for_the_database),
        cmocka_unit_test(orch_is_the_same_from_one_seed),
        cmocka_unit_test(orch_lives_through_faults),
    };
    diag_setup(DIAG_OFF, false);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
