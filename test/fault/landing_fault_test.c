/* landing_fault_test.c - a landing that dies, or whose disk fails, at each of its writes in turn.
 *
 * A child lands numbered transactions, each of rows, a run record and an updated total, and copies
 * the changes to a "log" in shared memory as the pipeline would: what it already holds is skipped,
 * then it acks. The parent then opens what is left and looks: transactions are whole or absent,
 * acknowledged ones are there, and the log, once the rest is captured, has each change once. */
#include "support/unit.h"

#include "base/err.h"
#include "landing/capture.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define TX_CNT   14
#define ROW_CNT  5 /* rows of a transaction, besides the total */
#define LOG_MAX  256
#define DIE_MAX  2000

/* Survives the child. */
struct ledger {
    int acked, started;        /* transactions: committed for sure; begun */
    bool failed[TX_CNT + 1];   /* commit (or what came before it) said an error */
    bool sync_failed;
    uint64_t points;           /* calls that counted, when it ended by itself */
    int log_cnt;
    struct {
        uint64_t seq;
        uint32_t idx;
        int id, v;
        char op;
    } log[LOG_MAX];
};

struct ctx {
    char dir[64], url[160];
    struct ledger *ledger;
    struct env *env;
    struct landing *landing;
    struct capture *capture;
};

static int field(struct str row, const char *name) {
    char text[512], find[32];
    snprintf(text, sizeof text, "%.*s", STR_ARG(row));
    snprintf(find, sizeof find, "\"%s\":", name);
    const char *at = strstr(text, find);
    return at ? (int)strtol(at + strlen(find), NULL, 10) : -1;
}

static int start(struct ctx *ctx, struct env *env) {
    struct str key = str_of("id");
    struct landing_table table = {str_of("t"), &key, 1, true};
    ctx->env = env;
    int err = landing_open(&ctx->landing, &(struct landing_conf){.env = env, .url = ctx->url});
    if (!err) err = landing_declare(ctx->landing, &table);
    if (!err) err = capture_open(&ctx->capture, ctx->landing);
    return err;
}

static void stop(struct ctx *ctx) {
    capture_close(ctx->capture);
    landing_close(ctx->landing);
    ctx->capture = NULL;
    ctx->landing = NULL;
}

static int land(struct ctx *ctx, int k) {
    struct landing_tx *tx;
    char text[ROW_CNT + 1][400], id[32];
    struct str row[ROW_CNT + 1];
    struct run run = {.dag = str_of("d"), .kind = RUN_MANUAL, .state = RUN_SUCCESS,
                      .logical_us = k, .by = str_of("test")};
    for (int i = 0; i < ROW_CNT; i++)
        snprintf(text[i], sizeof text[i], "{\"id\":%d,\"v\":%d,\"pad\":\"%0300d\"}",
                 k * 100 + i, k, k);
    snprintf(text[ROW_CNT], sizeof text[0], "{\"id\":0,\"v\":%d%s}", k, k == 7 ? ",\"x\":[]" : "");
    for (int i = 0; i <= ROW_CNT; i++) row[i] = str_of(text[i]);
    snprintf(id, sizeof id, "run%d", k);
    run.id = str_of(id);
    ctx->ledger->started = k;
    int err = landing_begin(ctx->landing, &tx);
    if (err) return err;
    err = landing_upsert(tx, str_of("t"), row, ROW_CNT + 1, NULL);
    if (!err) err = landing_put_run(tx, &run);
    if (!err) return landing_commit(tx);
    landing_abort(tx);
    return err;
}

/* Copies what there is to the log; what it has already is skipped. */
static int drain(struct ctx *ctx) {
    struct ledger *ledger = ctx->ledger;
    struct arena arena = ARENA_INIT;
    struct change *change;
    size_t cnt = 0;
    int err;
    do {
        err = capture_next(ctx->capture, 10, 0, &arena, &change, &cnt);
        for (size_t i = 0; i < cnt && !err; i++) {
            int n = ledger->log_cnt;
            uint64_t seq = n ? ledger->log[n - 1].seq : 0;
            uint32_t idx = n ? ledger->log[n - 1].idx : 0;
            if (n && (change[i].seq < seq || (change[i].seq == seq && change[i].idx <= idx)))
                continue;
            CHECK(n < LOG_MAX);
            ledger->log[n].seq = change[i].seq;
            ledger->log[n].idx = change[i].idx;
            ledger->log[n].id = field(change[i].after, "id");
            ledger->log[n].v = field(change[i].after, "v");
            ledger->log[n].op = (char)change[i].op;
            ledger->log_cnt = n + 1;
        }
        if (!err && cnt) err = capture_ack(ctx->capture, change[cnt - 1].seq);
    } while (!err && cnt);
    arena_fini(&arena);
    return err;
}

static void child(struct ctx *ctx, struct env_fault_plan plan) {
    struct ledger *ledger = ctx->ledger;
    struct env *env = env_fault_open(env_real(), plan);
    int err = start(ctx, env);
    for (int k = 1; k <= TX_CNT && !err; k++) {
        int tx_err = land(ctx, k);
        if (!tx_err) ledger->acked = k;
        ledger->failed[k] = tx_err;
        if (k % 2 == 0) (void)!drain(ctx);
    }
    if (ctx->capture) stop(ctx);
    ledger->points = env_fault_count(env);
    _exit(err ? 1 : 0);
}

static int64_t total(struct ctx *ctx, struct arena *arena, bool *there, int *row_cnt) {
    struct str *row;
    size_t cnt;
    int64_t v = 0;
    int err = landing_rows(ctx->landing, str_of("t"), (struct landing_page){1000, 0}, arena, &row,
                           &cnt);
    if (err == ERR_NOT_FOUND) cnt = 0;
    else assert_int_equal(err, 0);
    for (size_t i = 0; i < cnt; i++) {
        int id = field(row[i], "id");
        if (id == 0) v = field(row[i], "v");
        else there[id / 100] = true, row_cnt[id / 100]++;
    }
    return v;
}

/* Opens what the child left and holds it against the ledger. */
static void look(struct ctx *ctx, uint64_t n, bool died) {
    struct ledger *ledger = ctx->ledger;
    struct arena arena = ARENA_INIT;
    bool there[TX_CNT + 1] = {false};
    int row_cnt[TX_CNT + 1] = {0}, at = 0;
    assert_int_equal(start(ctx, env_real()), 0);
    int64_t v = total(ctx, &arena, there, row_cnt), last = 0;
    assert_int_equal(drain(ctx), 0);
    for (int k = 1; k <= TX_CNT; k++) {
        struct run run;
        char id[32];
        snprintf(id, sizeof id, "run%d", k);
        bool has_run = !landing_run(ctx->landing, str_of("d"), str_of(id), &arena, &run);
        if (has_run != there[k]) fail_msg("n=%d: run %d without rows or the reverse", (int)n, k);
        if (there[k] && row_cnt[k] != ROW_CNT) fail_msg("n=%d: part of transaction %d", (int)n, k);
        bool acked = died ? k <= ledger->acked : k <= ledger->started && !ledger->failed[k];
        if (acked && !there[k]) fail_msg("n=%d: transaction %d was lost", (int)n, k);
        if (!acked && there[k] && !died && !ledger->sync_failed)
            fail_msg("n=%d: transaction %d is there, but was said to have failed", (int)n, k);
        if (k > ledger->started && there[k]) fail_msg("n=%d: %d out of nowhere", (int)n, k);
        if (!there[k]) continue;
        last = k;
        for (int i = 0; i <= ROW_CNT; i++, at++) {
            if (at >= ledger->log_cnt) fail_msg("n=%d: transaction %d not captured", (int)n, k);
            int id_want = i < ROW_CNT ? k * 100 + i : 0;
            if (ledger->log[at].id != id_want || ledger->log[at].v != k)
                fail_msg("n=%d: change %d is id %d v %d, not id %d v %d", (int)n, at,
                         ledger->log[at].id, ledger->log[at].v, id_want, k);
        }
    }
    if (at != ledger->log_cnt) fail_msg("n=%d: %d changes, %d rows", (int)n, ledger->log_cnt, at);
    assert_int_equal(v, last);
    stop(ctx);
    arena_fini(&arena);
}

/* One child with one fault; false once the fault came later than all it did. */
static bool round_of(struct ctx *ctx, uint64_t n, struct env_fault_plan plan) {
    memset(ctx->ledger, 0, sizeof *ctx->ledger);
    assert_int_equal(env_remove_tree(env_real(), ctx->dir), 0);
    assert_int_equal(env_mkdir(env_real(), ctx->dir), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (!pid) child(ctx, plan);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    bool died = WEXITSTATUS(status) == ENV_FAULT_EXIT;
    if (!died && plan.act == ENV_FAULT_DIE) assert_int_equal(WEXITSTATUS(status), 0);
    assert_true(WEXITSTATUS(status) <= 1 || died);
    /* A sync that failed leaves its transaction undecided, and ends all later ones. */
    for (int k = 1; k < TX_CNT; k++)
        ctx->ledger->sync_failed |= ctx->ledger->failed[k] && ctx->ledger->failed[k + 1];
    look(ctx, n, died);
    return died || (!died && n <= ctx->ledger->points) || WEXITSTATUS(status) == 1;
}

static int setup(void **state) {
    struct ctx *ctx = base_calloc(1, sizeof *ctx);
    snprintf(ctx->dir, sizeof ctx->dir, "/tmp/landing_fault.XXXXXX");
    assert_non_null(mkdtemp(ctx->dir));
    snprintf(ctx->url, sizeof ctx->url, "sqlite:%s/data.db", ctx->dir);
    ctx->ledger = mmap(NULL, sizeof *ctx->ledger, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(ctx->ledger, MAP_FAILED);
    *state = ctx;
    return 0;
}

static int teardown(void **state) {
    struct ctx *ctx = *state;
    munmap(ctx->ledger, sizeof *ctx->ledger);
    assert_int_equal(env_remove_tree(env_real(), ctx->dir), 0);
    base_free(ctx);
    return 0;
}

static void landing_survives_death_at_every_point(void **state) {
    struct ctx *ctx = *state;
    uint64_t n = 1;
    while (n < DIE_MAX &&
           round_of(ctx, n, (struct env_fault_plan){ENV_OP_ALL, n, ENV_FAULT_DIE, false}))
        n++;
    print_message("# died at each of %d points\n", (int)n - 1);
    assert_true(n > 60 && n < DIE_MAX);
}

static void landing_survives_an_error_at_every_point(void **state) {
    struct ctx *ctx = *state;
    uint64_t n = 1;
    while (n < DIE_MAX &&
           round_of(ctx, n, (struct env_fault_plan){ENV_OP_ALL, n, ENV_FAULT_EIO, false}))
        n++;
    print_message("# failed at each of %d points\n", (int)n - 1);
    assert_true(n > 60 && n < DIE_MAX);
}

static void landing_goes_on_when_space_is_back(void **state) {
    struct ctx *ctx = *state;
    uint64_t n = 1;
    while (n < DIE_MAX &&
           round_of(ctx, n, (struct env_fault_plan){ENV_OP_ALL, n, ENV_FAULT_ENOSPC, false}))
        n++;
    assert_true(n > 60 && n < DIE_MAX);
}

static int syncs_to_fail;

static int sync_point(struct env *env, const char *name) {
    (void)env;
    if (strcmp(name, "landing.sync") || !syncs_to_fail) return 0;
    syncs_to_fail--;
    return err_fail(ERR_IO, "the disk said no");
}

/* The next sync would say that all is well, over data that is gone: it must not be asked. */
static void landing_takes_nothing_after_a_failed_sync(void **state) {
    struct ctx *ctx = *state;
    struct env_ops ops = *env_real()->ops;
    struct env env = {&ops};
    ops.point = sync_point;
    memset(ctx->ledger, 0, sizeof *ctx->ledger);
    assert_int_equal(start(ctx, &env), 0);
    assert_int_equal(land(ctx, 1), 0);
    syncs_to_fail = 1;
    assert_int_equal(land(ctx, 2), ERR_IO);
    assert_int_equal(land(ctx, 3), ERR_IO);
    assert_non_null(strstr(err_note(), "started again"));
    stop(ctx);
    assert_int_equal(start(ctx, &env), 0);
    assert_int_equal(land(ctx, 4), 0);
    stop(ctx);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(landing_survives_death_at_every_point),
        T(landing_survives_an_error_at_every_point),
        T(landing_goes_on_when_space_is_back),
        T(landing_takes_nothing_after_a_failed_sync),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
