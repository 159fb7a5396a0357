/* coord_test.c - what every kind of coordination does: one leads, its time ends by its own clock,
 * the next has a higher epoch, and a leader that slept can do nothing.
 *
 * local always; PostgreSQL and ZooKeeper where SLUICE_TEST_POSTGRES (a postgresql:// address) and
 * SLUICE_TEST_ZOOKEEPER (zookeeper://host:port) say where they are. */
#include "support/unit.h"

#include "base/err.h"
#include "coord/coord.h"
#include "support/tempdir.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define LEASE_US  INT64_C(600000)
#define MARGIN_US (LEASE_US / COORD_MARGIN)
#define NODE_CNT  3

enum kind { LOCAL, POSTGRES, ZOOKEEPER };
static enum kind kind;
static char url[512], dir[256];

struct node { /* with a clock of its own */
    struct tempdir_clock clock;
    struct coord *coord;
};
static struct node node[NODE_CNT];

static int64_t moved_mono(struct env *env) {
    return env_mono_us(env_real()) + ((struct tempdir_clock *)env)->ahead_us;
}

/* ---- a place of each test's own ---- */

static int set_up(void **state UNUSED) {
    struct env *env = env_real();
    unsigned tag = (unsigned)(env_random_u64(env) >> 40);
    const char *postgres = getenv("SLUICE_TEST_POSTGRES"), *zk = getenv("SLUICE_TEST_ZOOKEEPER");
    memset(node, 0, sizeof node);
    for (int i = 0; i < NODE_CNT; i++) {
        tempdir_clock_init(&node[i].clock);
        node[i].clock.ops.mono_us = moved_mono;
    }
    snprintf(dir, sizeof dir, "%s", tempdir_make("coord"));
    if (kind == LOCAL) snprintf(url, sizeof url, "local:%s/epoch", dir);
    else if (kind == POSTGRES && postgres)
        snprintf(url, sizeof url, "%s%clease=t%u", postgres, strchr(postgres, '?') ? '&' : '?',
                 tag);
    else if (kind == ZOOKEEPER && zk) snprintf(url, sizeof url, "%s/sluice-test/t%u", zk, tag);
    else url[0] = 0;
    return 0;
}

static int tear_down(void **state UNUSED) {
    for (int i = 0; i < NODE_CNT; i++) coord_close(node[i].coord);
    tempdir_remove(dir);
    return 0;
}

static void need_server(void) {
    if (url[0]) return;
    SKIP_TEST(kind == POSTGRES ? "no SLUICE_TEST_POSTGRES" : "no SLUICE_TEST_ZOOKEEPER");
}

static void need_shared(void) {
    if (kind == LOCAL) SKIP_TEST("local: nobody to hand over to");
    need_server();
}

static void stand(int i, bool by_hand) {
    static const char *const names[NODE_CNT] = {"anna", "bert", "carl"};
    struct coord_conf conf = {.env = by_hand ? &node[i].clock.env : env_real(),
                              .url = url, .node = names[i], .lease_us = LEASE_US,
                              .by_hand = by_hand};
    int err = coord_open(&node[i].coord, &conf);
    if (err) print_message("# %s\n", err_note());
    assert_int_equal(err, 0);
}

static struct coord_state state_of(int i) {
    struct coord_state state;
    coord_state(node[i].coord, &state);
    return state;
}

/* Steps until it knows who leads; connecting takes a few. */
static int64_t step(int i) {
    for (int left = 100; left; left--) {
        coord_step(node[i].coord);
        struct coord_state state = state_of(i);
        if (!state.trouble[0]) return state.epoch;
        if (left == 1) print_message("# %s\n", state.trouble);
        env_sleep_us(env_real(), 20000);
    }
    fail();
    return 0;
}

/* ---- the suite ---- */

static void the_first_leads(void **state UNUSED) {
    need_server();
    stand(0, true);
    int64_t epoch = step(0);
    assert_true(epoch > 0);
    assert_int_equal(coord_guard(node[0].coord, epoch), 0);
    assert_int_equal(coord_guard(node[0].coord, epoch + 1), ERR_FENCED);
    assert_string_equal(state_of(0).leader, "anna");
    assert_int_equal(step(0), epoch); /* renewing is no new term */
}

static void the_epoch_rises_with_each_start(void **state UNUSED) {
    need_server();
    int64_t before = 0;
    for (int i = 0; i < 3; i++) {
        stand(0, true);
        int64_t epoch = step(0);
        assert_true(epoch > before);
        before = epoch;
        coord_close(node[0].coord);
        node[0].coord = NULL;
    }
}

static void the_second_stands_by_and_knows_who_leads(void **state UNUSED) {
    need_shared();
    stand(0, true);
    stand(1, true);
    int64_t epoch = step(0);
    assert_int_equal(step(1), 0);
    assert_int_equal(coord_guard(node[1].coord, epoch), ERR_FENCED);
    assert_string_equal(state_of(1).leader, "anna");
    assert_int_equal(state_of(1).leader_epoch, epoch);
}

static void resigning_hands_over_at_once(void **state UNUSED) {
    need_shared();
    stand(0, true);
    stand(1, true);
    int64_t epoch = step(0);
    assert_int_equal(step(1), 0);
    assert_int_equal(coord_resign(node[0].coord), 0);
    assert_int_equal(coord_guard(node[0].coord, epoch), ERR_FENCED);
    assert_true(step(1) > epoch);
    assert_int_equal(step(0), 0); /* stands again, behind */
    assert_string_equal(state_of(0).leader, "bert");
}

static void the_lease_ends_by_our_own_clock(void **state UNUSED) {
    need_shared();
    stand(0, true);
    int64_t asked_us = env_mono_us(&node[0].clock.env), epoch = step(0);
    int64_t until_us = state_of(0).until_us;
    assert_true(until_us >= asked_us && until_us <= env_mono_us(&node[0].clock.env) + LEASE_US -
                                                        MARGIN_US);
    assert_int_equal(coord_guard(node[0].coord, epoch), 0);
    node[0].clock.ahead_us += until_us - env_mono_us(&node[0].clock.env);
    /* Nobody said anything, the server would say it is ours: over all the same. */
    assert_int_equal(coord_guard(node[0].coord, epoch), ERR_FENCED);
    assert_non_null(strstr(err_note(), "ran out unanswered"));
    assert_int_equal(state_of(0).epoch, 0);
    assert_int_equal(step(0), epoch); /* nobody took it meanwhile: the same term goes on */
    assert_int_equal(coord_guard(node[0].coord, epoch), 0);
}

static void who_does_not_renew_is_deposed(void **state UNUSED) {
    need_shared();
    stand(0, true);
    stand(1, true);
    int64_t epoch = step(0), next = 0;
    assert_int_equal(step(1), 0);
    node[1].clock.ahead_us += LEASE_US / 2;
    assert_int_equal(step(0), epoch);
    assert_int_equal(step(1), 0); /* renewed: nothing to take */
    env_sleep_us(env_real(), LEASE_US * 3 / 4);
    assert_int_equal(step(1), 0);
    env_sleep_us(env_real(), LEASE_US / 2);
    for (int i = 0; i < 3 && !next; i++) next = step(1);
    assert_true(next > epoch);
    assert_int_equal(coord_guard(node[0].coord, epoch), ERR_FENCED);
    assert_int_equal(step(0), 0);
    assert_string_equal(state_of(0).leader, "bert");
    assert_int_equal(state_of(0).leader_epoch, next);
    assert_int_equal(coord_guard(node[0].coord, epoch), ERR_FENCED);
    assert_non_null(strstr(err_note(), "the leader's epoch is"));
    assert_int_equal(coord_resign(node[1].coord), 0); /* and leads again when it is alone */
    int64_t again = 0;
    for (int i = 0; i < 3 && !again; i++) again = step(0);
    assert_true(again > next);
}

/* Whatever each node's clock says about the time: never two at once. */
static void at_most_one_leads(void **state UNUSED) {
    need_shared();
    int64_t newest = 0;
    for (int i = 0; i < NODE_CNT; i++) stand(i, true);
    for (int turn = 0; turn < 60; turn++) {
        int i = (int)(env_random_u64(env_real()) % NODE_CNT), leaders = 0;
        int64_t epoch = step(i);
        if (env_random_u64(env_real()) % 8 == 0) assert_int_equal(coord_resign(node[i].coord), 0);
        if (epoch) {
            assert_true(epoch >= newest);
            newest = epoch;
        }
        for (int n = 0; n < NODE_CNT; n++) {
            int64_t of = state_of(n).epoch;
            if (of && !coord_guard(node[n].coord, of)) leaders++;
        }
        assert_in_range(leaders, 0, 1);
        env_sleep_us(env_real(), LEASE_US / 30);
    }
    assert_true(newest > 0);
}

static void a_waiter_hears_of_its_term(void **state UNUSED) {
    need_shared();
    stand(0, false);
    int64_t epoch = coord_wait(node[0].coord, 0, 10 * 1000000);
    assert_true(epoch > 0);
    stand(1, false);
    assert_int_equal(coord_wait(node[1].coord, 0, 2 * LEASE_US), 0); /* renewed by its thread */
    assert_int_equal(coord_guard(node[0].coord, epoch), 0);
    int64_t start_us = env_mono_us(env_real());
    coord_close(node[0].coord);
    node[0].coord = NULL;
    int64_t next = coord_wait(node[1].coord, 0, 10 * 1000000);
    assert_true(next > epoch);
    start_us = env_mono_us(env_real()) - start_us;
    print_message("# handed over after %d ms\n", (int)(start_us / 1000));
}

/* ---- a leader that is stopped ---- */

struct said {
    int64_t epoch, at_us;
    int guard;
};

/* A process that leads and says again and again whether it may write. */
static void lead(int out) {
    stand(0, false);
    int64_t epoch = coord_wait(node[0].coord, 0, 10 * 1000000);
    for (;;) {
        struct said said = {.epoch = epoch, .guard = coord_guard(node[0].coord, epoch)};
        said.at_us = env_mono_us(env_real());
        if (write(out, &said, sizeof said) != sizeof said) _exit(0);
        env_sleep_us(env_real(), 1000);
    }
}

static struct said hear(int in) {
    struct said said = {0};
    assert_int_equal(read(in, &said, sizeof said), sizeof said);
    return said;
}

static void a_stopped_leader_wakes_fenced(void **state UNUSED) {
    int pipefd[2], status;
    need_shared();
    assert_int_equal(pipe(pipefd), 0);
    pid_t child = fork();
    if (!child) {
        close(pipefd[0]);
        lead(pipefd[1]);
    }
    close(pipefd[1]);
    struct said said = hear(pipefd[0]);
    assert_true(said.epoch > 0);
    assert_int_equal(said.guard, 0);
    stand(1, false);
    assert_int_equal(coord_wait(node[1].coord, 0, LEASE_US), 0);
    assert_int_equal(kill(child, SIGSTOP), 0);
    int64_t stop_us = env_mono_us(env_real());
    int64_t next = coord_wait(node[1].coord, 0, 10 * 1000000);
    int64_t took_us = env_mono_us(env_real()) - stop_us;
    assert_true(next > said.epoch);
    print_message("# took over after %d ms, lease %d ms\n", (int)(took_us / 1000),
                  (int)(LEASE_US / 1000));
    assert_true(took_us < 3 * LEASE_US);
    assert_int_equal(kill(child, SIGCONT), 0);
    for (int late = 0; late < 300;) { /* what was said before it was stopped comes first */
        said = hear(pipefd[0]);
        if (said.at_us < stop_us + took_us) continue;
        late++;
        assert_int_equal(said.guard, ERR_FENCED);
    }
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    close(pipefd[0]);
}

/* ---- addresses ---- */

static int refused(const char *address) {
    struct coord_conf conf = {.env = env_real(), .url = address, .node = "n", .by_hand = true};
    struct coord *coord;
    int err = coord_open(&coord, &conf);
    if (!err) coord_close(coord);
    return err;
}

static void addresses_are_checked(void **state UNUSED) {
    assert_int_equal(refused("etcd://a"), ERR_CONFIG);
    assert_int_equal(refused("zookeeper"), ERR_CONFIG);
    assert_int_equal(refused("zookeeper://"), ERR_CONFIG);
    assert_int_equal(refused("zookeeper://a,,b/x"), ERR_CONFIG);
    assert_int_equal(refused("zookeeper://a/../x"), ERR_CONFIG);
    assert_int_equal(refused("zookeeper://a//x"), ERR_CONFIG);
    assert_int_equal(refused("postgresql://h/db?nonsense=1"), ERR_CONFIG);
    assert_null(strstr(err_note(), "nonsense"));
    assert_int_equal(refused("postgresql://h/db?lease=a&sslmode=require"), 0);
    assert_int_equal(refused("zookeeper://u:p@a,b:1/x/y"), 0);
}

static void names_are_checked(void **state UNUSED) {
    struct coord *coord;
    struct coord_conf conf = {.env = env_real(), .url = url, .node = "a\nb"};
    assert_int_equal(coord_open(&coord, &conf), ERR_CONFIG);
    conf.node = "";
    assert_int_equal(coord_open(&coord, &conf), ERR_CONFIG);
}

static void a_local_epoch_that_is_none_is_refused(void **state UNUSED) {
    char path[300];
    snprintf(path, sizeof path, "%s/epoch", dir);
    assert_int_equal(env_write_whole(env_real(), path, STR("x")), 0);
    assert_int_equal(refused(url), ERR_CORRUPT);
}

static void an_absent_server_is_trouble_not_an_error(void **state UNUSED) {
    const char *const absent[] = {"zookeeper://127.0.0.1:1/x", "postgresql://127.0.0.1:1/x"};
    for (size_t i = 0; i < ARRAY_LEN(absent); i++) {
        struct coord_conf conf = {.env = env_real(), .url = absent[i], .node = "n",
                                  .by_hand = true};
        struct coord *coord;
        struct coord_state now;
        assert_int_equal(coord_open(&coord, &conf), 0);
        coord_step(coord);
        coord_state(coord, &now);
        assert_string_not_equal(now.trouble, "");
        assert_int_equal(now.epoch, 0);
        coord_close(coord);
    }
}

static int of_local(void **state) {
    kind = LOCAL;
    return set_up(state);
}

static int of_postgres(void **state) {
    kind = POSTGRES;
    return set_up(state);
}

static int of_zookeeper(void **state) {
    kind = ZOOKEEPER;
    return set_up(state);
}

#define SUITE(kind)                                                                               \
    {"the_first_leads " #kind, the_first_leads, of_##kind, tear_down, NULL},                      \
    {"the_epoch_rises_with_each_start " #kind, the_epoch_rises_with_each_start, of_##kind,        \
     tear_down, NULL},                                                                            \
    {"the_second_stands_by_and_knows_who_leads " #kind, the_second_stands_by_and_knows_who_leads, \
     of_##kind, tear_down, NULL},                                                                 \
    {"resigning_hands_over_at_once " #kind, resigning_hands_over_at_once, of_##kind, tear_down,   \
     NULL},                                                                                       \
    {"the_lease_ends_by_our_own_clock " #kind, the_lease_ends_by_our_own_clock, of_##kind,        \
     tear_down, NULL},                                                                            \
    {"who_does_not_renew_is_deposed " #kind, who_does_not_renew_is_deposed, of_##kind, tear_down, \
     NULL},                                                                                       \
    {"at_most_one_leads " #kind, at_most_one_leads, of_##kind, tear_down, NULL},                  \
    {"a_waiter_hears_of_its_term " #kind, a_waiter_hears_of_its_term, of_##kind, tear_down, NULL},\
    {"a_stopped_leader_wakes_fenced " #kind, a_stopped_leader_wakes_fenced, of_##kind, tear_down, \
     NULL}

int main(void) {
    const struct CMUnitTest tests[] = {
        SUITE(local),
        cmocka_unit_test_setup_teardown(addresses_are_checked, of_local, tear_down),
        cmocka_unit_test_setup_teardown(names_are_checked, of_local, tear_down),
        cmocka_unit_test_setup_teardown(a_local_epoch_that_is_none_is_refused, of_local, tear_down),
        cmocka_unit_test_setup_teardown(an_absent_server_is_trouble_not_an_error, of_local,
                                        tear_down),
        SUITE(postgres),
        SUITE(zookeeper),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
