/* log_fault_test.c - what the log promised before a fault is there after it.
 *
 * A writer appends numbered records while a chosen call of the file system fails, or the process
 * dies, or the power goes; then the log is opened again (perhaps failing again on the way), and a
 * checker reads all of it. The promise: what was acknowledged is there exactly once, at the offset
 * that was told, in order, none half; what failed is there at most once; a producer that repeats
 * what failed ends up with each record exactly once.
 *
 * Negative controls: the same runs with a promise broken on purpose (base/mutant.h) must be seen
 * to fail. */
#include "log/log.h"

#include "base/diag.h"
#include "base/err.h"
#include "support/unit.h"
#include "wire/kafka/recbatch.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define RECORD_MAX 4096
#define DIR_URL    "embedded:log"

/* What the writer knows; it outlives crashes. */
struct ledger {
    int next;                   /* number of the next record */
    int64_t offset[RECORD_MAX]; /* of acknowledged ones; -1: not acknowledged */
    bool idempotent;
    int64_t producer;
    int64_t trimmed; /* records at offsets before this one may be gone */
    char why[512];   /* what the checker found */
};

struct rig {
    struct env *disk, *env; /* env: disk, with a fault around it */
    struct log *log;
    struct ledger *ledger;
};

static uint64_t dice(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

static int rig_open(struct rig *rig, struct env_fault_plan plan) {
    rig->env = env_fault_open(rig->disk, plan);
    struct log_conf conf = {.env = rig->env, .url = DIR_URL, .inline_commit = true};
    return log_open(&rig->log, &conf);
}

static void rig_close(struct rig *rig) {
    log_close(rig->log);
    rig->log = NULL;
    env_close(rig->env);
    rig->env = NULL;
}

static const struct env_fault_plan no_fault = {0};

static int topic_make(struct rig *rig) {
    struct log_setting small[] = {{STR("segment.bytes"), STR("3000")},
                                  {STR("index.interval.bytes"), STR("200")}};
    int err = log_topic_create(rig->log, STR("t"), 2, small, 2);
    return err == ERR_EXISTS ? 0 : err;
}

/* A batch of `cnt` records: the value is the number and a filler that tells it apart. */
static void batch_put(struct ledger *ledger, int first, int cnt, struct buf *out) {
    struct recbatch_build build;
    char value[700];
    recbatch_begin(&build, out);
    if (ledger->idempotent) {
        build.producer_id = ledger->producer;
        build.producer_epoch = 0;
        build.base_sequence = first;
    }
    for (int i = first; i < first + cnt; i++) {
        int len = snprintf(value, sizeof value, "%d|", i);
        size_t more = (size_t)(i * 37 % 600);
        memset(value + len, 'a' + i % 26, more);
        struct record rec = {.value = {value, (size_t)len + more}, .ts_ms = 1700000000000 + i};
        assert_int_equal(recbatch_add(&build, &rec), 0);
    }
    assert_int_equal(recbatch_seal(&build), 0);
}

static int append(struct rig *rig, int first, int cnt) {
    struct ledger *ledger = rig->ledger;
    struct buf buf;
    int64_t base = -1;
    buf_init(&buf, RECBATCH_MAX);
    batch_put(ledger, first, cnt, &buf);
    int err = log_append(rig->log, STR("t"), 1, buf_str(&buf), &base);
    for (int i = 0; i < cnt && !err; i++)
        ledger->offset[first + i] = base + i;
    buf_fini(&buf);
    return err;
}

/* Batches until one fails or `most` records are there. A failed one of an idempotent producer is
 * tried again by the next call; that of another is given up. */
static int write_some(struct rig *rig, int most) {
    struct ledger *ledger = rig->ledger;
    int err = 0, until = MIN(ledger->next + most, RECORD_MAX - 16);
    while (!err && ledger->next < until) {
        int cnt = 1 + ledger->next % 4;
        err = append(rig, ledger->next, cnt);
        if (!err || !ledger->idempotent) ledger->next += cnt;
    }
    return err;
}

/* ---- the checker ---- */

static bool bad(struct ledger *ledger, const char *what, int64_t a, int64_t b) {
    snprintf(ledger->why, sizeof ledger->why, "%s (%" PRId64 ", %" PRId64 "): %s", what, a, b,
             err_note());
    return false;
}

static bool value_ok(struct str value, int no) {
    char head[16];
    int len = snprintf(head, sizeof head, "%d|", no);
    size_t more = (size_t)(no * 37 % 600);
    if (value.len != (size_t)len + more || memcmp(value.ptr, head, (size_t)len) != 0) return false;
    for (size_t i = 0; i < more; i++)
        if (value.ptr[(size_t)len + i] != 'a' + no % 26) return false;
    return true;
}

static bool record_ok(struct ledger *ledger, const struct record *rec, int *last, char *seen) {
    struct str rest, number = str_cut(rec->value, '|', &rest);
    int64_t no = -1;
    if (str_i64(number, &no) || no < 0 || no >= RECORD_MAX || !value_ok(rec->value, (int)no))
        return bad(ledger, "a record that nobody wrote", rec->offset, no);
    if (no <= *last) return bad(ledger, "twice, or out of order", no, *last);
    if (ledger->offset[no] >= 0 && ledger->offset[no] != rec->offset)
        return bad(ledger, "at another offset than was told", ledger->offset[no], rec->offset);
    *last = (int)no;
    seen[no] = 1;
    return true;
}

static bool read_ok(struct log *log, struct ledger *ledger, char *seen) {
    struct arena arena = ARENA_INIT;
    struct log_span span;
    int last = -1;
    bool ok = !log_span(log, STR("t"), 1, &span);
    if (!ok) bad(ledger, "no span", 0, 0);
    for (int64_t at = ok ? span.start : 0; ok && at < span.end;) {
        struct str bytes;
        struct recbatch_iter it;
        struct record rec;
        int err = log_read(log, STR("t"), 1, at, 2000, &arena, &bytes);
        if (err || !bytes.len) {
            ok = bad(ledger, "cannot be read", at, err);
            break;
        }
        recbatch_walk(&it, bytes, at, &arena);
        while (ok && recbatch_next(&it, &rec)) {
            ok = rec.offset == at || bad(ledger, "offsets have a hole", at, rec.offset);
            at = rec.offset + 1;
            ok = ok && record_ok(ledger, &rec, &last, seen);
        }
        if (it.err) ok = bad(ledger, "does not decode", at, it.err);
        arena_reset(&arena);
    }
    arena_fini(&arena);
    return ok;
}

/* All that was acknowledged is there; `exact`: all was. */
static bool check(struct log *log, struct ledger *ledger, bool exact) {
    static char seen[RECORD_MAX];
    memset(seen, 0, sizeof seen);
    if (!read_ok(log, ledger, seen)) return false;
    for (int i = 0; i < ledger->next; i++) {
        bool must = exact ? true : ledger->offset[i] >= 0;
        bool trimmed = ledger->offset[i] >= 0 && ledger->offset[i] < ledger->trimmed;
        if (must && !seen[i] && !trimmed)
            return bad(ledger, "acknowledged and lost", i, ledger->offset[i]);
    }
    return true;
}

static void ledger_init(struct ledger *ledger, bool idempotent) {
    memset(ledger, 0, sizeof *ledger);
    memset(ledger->offset, -1, sizeof ledger->offset);
    ledger->idempotent = idempotent;
    ledger->producer = -1;
}

static int begin(struct rig *rig) {
    struct ledger *ledger = rig->ledger;
    int err = topic_make(rig);
    if (!err && ledger->idempotent && ledger->producer < 0)
        err = log_producer_new(rig->log, &ledger->producer);
    return err;
}

/* ---- power cuts by seed ---- */

static struct env_fault_plan plan_of(uint64_t *state) {
    static const enum env_fault_act acts[] = {ENV_FAULT_EIO, ENV_FAULT_ENOSPC, ENV_FAULT_SHORT};
    unsigned ops = ENV_OP_OPEN | ENV_OP_WRITE | ENV_OP_SYNC | ENV_OP_META;
    return (struct env_fault_plan){ops, dice(state) % 250, acts[dice(state) % 3],
                                   dice(state) % 4 > 0};
}

/* One life of a disk: writes, faults, power cuts, some of them while recovering. True when every
 * promise was kept. */
static bool live(uint64_t seed, struct ledger *ledger) {
    uint64_t state = seed * 77 + 1;
    struct rig rig = {.disk = env_mem_open(seed, 1700000000000000), .ledger = ledger};
    bool ok = true;
    ledger_init(ledger, seed % 2);
    for (int life = 0; life < 6 && ok; life++) {
        int err = rig_open(&rig, plan_of(&state));
        if (!err) err = begin(&rig);
        if (!err) err = write_some(&rig, 40 + (int)(dice(&state) % 60));
        if (dice(&state) % 3) env_mem_crash(rig.disk);
        rig_close(&rig);
        if (dice(&state) % 2) env_mem_crash(rig.disk);
        if (dice(&state) % 2) continue; /* the next life recovers, with a fault */
        err = rig_open(&rig, no_fault);
        if (err) ok = bad(ledger, "does not open", life, err);
        if (!err) err = begin(&rig);
        if (!err) ok = check(rig.log, ledger, false);
        if (ok && !err && ledger->idempotent) {
            err = write_some(&rig, 8);
            ok = err ? bad(ledger, "a repeat is refused", ledger->next, err)
                     : check(rig.log, ledger, true);
        }
        rig_close(&rig);
    }
    env_close(rig.disk);
    return ok;
}

static void log_keeps_its_promise_over_power_cuts(void **state UNUSED) {
    static struct ledger ledger;
    for (uint64_t seed = 1; seed <= 400; seed++)
        if (!live(seed, &ledger)) fail_msg("seed %" PRIu64 ": %s", seed, ledger.why);
}

/* ---- every call in turn ---- */

/* Forgets the first half. */
static int trim(struct rig *rig) {
    struct ledger *ledger = rig->ledger;
    int64_t start, middle = ledger->offset[ledger->next / 2];
    if (middle < 0) return 0;
    ledger->trimmed = middle;
    return log_trim(rig->log, STR("t"), 1, middle, &start);
}

/* Opens, writes and closes with `plan`, then cuts the power. */
static uint64_t script(struct rig *rig, struct env_fault_plan plan) {
    int err = rig_open(rig, plan);
    if (!err) err = begin(rig);
    if (!err) err = write_some(rig, 30);
    if (!err) err = log_retain(rig->log);
    if (!err) err = trim(rig);
    if (!err) err = write_some(rig, 12);
    uint64_t calls = env_fault_count(rig->env);
    rig_close(rig);
    env_mem_crash(rig->disk);
    return calls;
}

static bool sound_after(struct rig *rig) {
    int err = rig_open(rig, no_fault);
    if (err) return bad(rig->ledger, "does not open", 0, err);
    err = begin(rig);
    bool ok = !err && check(rig->log, rig->ledger, false);
    if (ok && rig->ledger->idempotent)
        ok = !write_some(rig, 8) && check(rig->log, rig->ledger, true);
    rig_close(rig);
    return ok;
}

static void log_survives_each_call_failing(void **state UNUSED) {
    static struct ledger ledger;
    static const enum env_fault_act acts[] = {ENV_FAULT_EIO, ENV_FAULT_ENOSPC, ENV_FAULT_SHORT};
    unsigned hit = 0;
    for (unsigned variant = 0; variant < 12; variant++) {
        uint64_t calls = 0;
        for (uint64_t at = 0; at <= calls; at++) { /* 0: no fault, counts */
            struct rig rig = {.disk = env_mem_open(at * 31 + variant, 1700000000000000),
                              .ledger = &ledger};
            ledger_init(&ledger, variant % 2);
            struct env_fault_plan plan = {ENV_OP_ALL, at, acts[variant / 4], variant / 2 % 2};
            uint64_t made = script(&rig, plan);
            if (!at) calls = made;
            hit++;
            if (!sound_after(&rig))
                fail_msg("variant %u, call %" PRIu64 ": %s", variant, at, ledger.why);
            env_close(rig.disk);
        }
    }
    print_message("%u failing calls\n", hit);
    assert_true(hit > 1000);
}

static void log_survives_each_call_of_recovery_failing(void **state UNUSED) {
    static struct ledger ledger;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        uint64_t calls = 0;
        for (uint64_t at = 0; at <= calls; at++) {
            struct rig rig = {.disk = env_mem_open(seed, 1700000000000000), .ledger = &ledger};
            unsigned ops = ENV_OP_OPEN | ENV_OP_WRITE | ENV_OP_SYNC | ENV_OP_META;
            ledger_init(&ledger, seed % 2);
            script(&rig, (struct env_fault_plan){ops, 60 + seed * 7, ENV_FAULT_EIO, true});
            for (int again = 0; again < 2; again++) {
                int err = rig_open(&rig, (struct env_fault_plan){ops, at, ENV_FAULT_SHORT, true});
                if (!err) (void)write_some(&rig, 5);
                if (!at) calls = MAX(calls, env_fault_count(rig.env));
                rig_close(&rig);
                env_mem_crash(rig.disk);
            }
            if (!sound_after(&rig))
                fail_msg("seed %" PRIu64 ", call %" PRIu64 ": %s", seed, at, ledger.why);
            env_close(rig.disk);
        }
    }
}

/* ---- a failed sync ---- */

/* The n-th sync fails as real disks do; the process restarts; what it then shows must survive. */
static bool after_failed_sync(uint64_t nth, struct ledger *ledger) {
    struct rig rig = {.disk = env_mem_open(nth, 1700000000000000), .ledger = ledger};
    struct log_span shown, left;
    int64_t base;
    ledger_init(ledger, true);
    int err = rig_open(&rig, no_fault);
    if (!err) err = begin(&rig);
    if (!err) err = write_some(&rig, 10);
    assert_int_equal(err, 0);
    env_mem_fail_sync(rig.disk, nth);
    err = write_some(&rig, 40);
    if (err == ERR_IO) {
        assert_int_equal(log_append(rig.log, STR("t"), 0, STR("x"), &base), ERR_IO);
        assert_int_equal(log_span(rig.log, STR("t"), 1, &shown), ERR_IO);
    }
    rig_close(&rig);
    assert_int_equal(rig_open(&rig, no_fault), 0);
    bool ok = check(rig.log, ledger, false);
    assert_int_equal(log_span(rig.log, STR("t"), 1, &shown), 0);
    env_mem_crash(rig.disk);
    rig_close(&rig);
    ok = ok && sound_after(&rig);
    assert_int_equal(rig_open(&rig, no_fault), 0);
    assert_int_equal(log_span(rig.log, STR("t"), 1, &left), 0);
    if (ok && left.end < shown.end) ok = bad(ledger, "shown, then gone", shown.end, left.end);
    rig_close(&rig);
    env_close(rig.disk);
    return ok;
}

static void log_rewrites_what_a_failed_sync_left(void **state UNUSED) {
    static struct ledger ledger;
    for (uint64_t nth = 1; nth <= 40; nth++)
        if (!after_failed_sync(nth, &ledger)) fail_msg("sync %" PRIu64 ": %s", nth, ledger.why);
}

/* ---- death of the process, on real files ---- */

struct shared {
    struct ledger ledger;
};

static void child(struct ledger *ledger, const char *url, uint64_t at) {
    struct env_fault_plan plan = {ENV_OP_ALL & ~(unsigned)ENV_OP_READ, at, ENV_FAULT_DIE, false};
    struct rig rig = {.ledger = ledger};
    rig.env = env_fault_open(env_real(), plan);
    struct log_conf conf = {.env = rig.env, .url = url, .inline_commit = at % 2};
    int err = log_open(&rig.log, &conf);
    if (!err) err = begin(&rig);
    if (!err) err = write_some(&rig, 30);
    log_close(rig.log);
    _exit(err ? 1 : 0);
}

static void log_survives_death_at_each_call(void **state UNUSED) {
    char url[128];
    snprintf(url, sizeof url, "embedded:/tmp/sluice-log-fault-%d", (int)getpid());
    struct shared *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(shared != MAP_FAILED);
    int status = 1;
    uint64_t at = 0, died = 0;
    while (status != 0) {
        if (++at % 8 == 1) {
            assert_int_equal(env_remove_tree(env_real(), url + strlen("embedded:")), 0);
            ledger_init(&shared->ledger, true);
        }
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (!pid) child(&shared->ledger, url, at);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_true(WEXITSTATUS(status) == ENV_FAULT_EXIT || !WEXITSTATUS(status));
        died += WEXITSTATUS(status) == ENV_FAULT_EXIT;
        struct rig rig = {.ledger = &shared->ledger};
        struct log_conf conf = {.env = env_real(), .url = url, .inline_commit = true};
        assert_int_equal(log_open(&rig.log, &conf), 0);
        bool ok = !begin(&rig) && check(rig.log, rig.ledger, false) && !write_some(&rig, 4) &&
                  check(rig.log, rig.ledger, true);
        log_close(rig.log);
        if (!ok) fail_msg("call %" PRIu64 ": %s", at, shared->ledger.why);
    }
    print_message("%" PRIu64 " deaths\n", died);
    assert_true(died > 50);
    assert_int_equal(env_remove_tree(env_real(), url + strlen("embedded:")), 0);
    munmap(shared, sizeof *shared);
}

/* ---- flipped bytes ---- */

struct files {
    struct arena arena;
    struct str path[64];
    size_t cnt;
    const char *dir;
};

static void file_seen(void *arg, const char *name, bool is_dir) {
    struct files *files = arg;
    if (is_dir || !strcmp(name, "lock") || files->cnt == ARRAY_LEN(files->path)) return;
    files->path[files->cnt++] = arena_printf(&files->arena, "%s/%s", files->dir, name);
}

/* Reads as far as it goes: whatever is handed out must be what was written. */
static bool only_truth(struct log *log, struct ledger *ledger, bool *whole) {
    struct arena arena = ARENA_INIT;
    struct log_span span;
    bool ok = true;
    *whole = !log_span(log, STR("t"), 1, &span) && span.start == 0;
    for (int64_t at = span.start; ok && at < span.end;) {
        struct str bytes;
        struct recbatch_iter it;
        struct record rec;
        int64_t from = at;
        if (log_read(log, STR("t"), 1, at, 500, &arena, &bytes)) *whole = false, at++;
        recbatch_walk(&it, bytes, from, &arena);
        while (ok && bytes.len && recbatch_next(&it, &rec)) {
            ok = rec.offset == at && at < ledger->next && value_ok(rec.value, (int)at);
            at = rec.offset + 1;
        }
        if (!ok) bad(ledger, "other than what was written", from, rec.offset);
        arena_reset(&arena);
    }
    if (span.end < ledger->next) *whole = false;
    arena_fini(&arena);
    return ok;
}

static void flip(struct env *env, const char *path, int64_t pos, unsigned char mask) {
    struct env_file *file;
    unsigned char byte;
    size_t got;
    assert_int_equal(env_open(env, path, ENV_READ | ENV_WRITE, &file), 0);
    assert_int_equal(env_read(file, pos, &byte, 1, &got), 0);
    byte ^= mask;
    assert_int_equal(env_write(file, pos, &byte, 1), 0);
    env_file_close(file);
}

static void write_all(struct ledger *ledger, struct rig *rig) {
    ledger_init(ledger, false);
    assert_int_equal(rig_open(rig, no_fault), 0);
    assert_int_equal(begin(rig), 0);
    assert_int_equal(write_some(rig, 24), 0);
    rig_close(rig);
}

static void log_never_shows_a_flipped_byte(void **state UNUSED) {
    static struct ledger ledger;
    struct files files = {.dir = "log/t-1"};
    struct rig rig = {.disk = env_mem_open(5, 1700000000000000), .ledger = &ledger};
    unsigned refused = 0, partly = 0, unharmed = 0;
    write_all(&ledger, &rig);
    assert_int_equal(env_list(rig.disk, "log/t-1", file_seen, &files), 0);
    files.dir = "log";
    assert_int_equal(env_list(rig.disk, "log", file_seen, &files), 0);
    env_close(rig.disk);
    for (size_t i = 0; i < files.cnt; i++) {
        int64_t size = 1;
        for (int64_t pos = 0; pos < size; pos++) {
            rig.disk = env_mem_open(5, 1700000000000000);
            struct env_stat st;
            write_all(&ledger, &rig);
            assert_int_equal(env_stat(rig.disk, files.path[i].ptr, &st), 0);
            size = st.size;
            if (size) flip(rig.disk, files.path[i].ptr, pos, (unsigned char)(1 << pos % 8));
            bool whole = false;
            int err = rig_open(&rig, no_fault);
            if (!err && !only_truth(rig.log, &ledger, &whole))
                fail_msg("%s, byte %" PRId64 ": %s", files.path[i].ptr, pos, ledger.why);
            refused += err != 0;
            partly += !err && !whole;
            unharmed += whole;
            rig_close(&rig);
            env_close(rig.disk);
        }
    }
    print_message("%u refused, %u named at reading, %u without effect\n", refused, partly,
                  unharmed);
    assert_true(refused > 0 && partly > 1000);
    arena_fini(&files.arena);
}

/* ---- negative controls ---- */

static void checker_sees(const char *mutant) {
    static struct ledger ledger;
    unsigned caught = 0, runs = 0;
    setenv("SLUICE_MUTANT", mutant, 1);
    for (uint64_t seed = 1; seed <= 60; seed++, runs++)
        caught += !live(seed, &ledger);
    for (uint64_t nth = 1; nth <= 20; nth++, runs++)
        caught += !after_failed_sync(nth, &ledger);
    unsetenv("SLUICE_MUTANT");
    print_message("%s: caught in %u of %u runs\n", mutant, caught, runs);
    assert_true(caught > 0);
}

static void checker_sees_an_ack_before_the_sync(void **state UNUSED) {
    checker_sees("ack-before-fsync");
}

static void checker_sees_a_torn_tail_kept(void **state UNUSED) {
    checker_sees("no-torn-tail-cut");
}

static void checker_sees_a_tail_that_was_not_rewritten(void **state UNUSED) {
    checker_sees("no-tail-rewrite");
}

int main(void) {
    diag_setup(DIAG_OFF, false);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(log_keeps_its_promise_over_power_cuts),
        cmocka_unit_test(log_survives_each_call_failing),
        cmocka_unit_test(log_survives_each_call_of_recovery_failing),
        cmocka_unit_test(log_rewrites_what_a_failed_sync_left),
        cmocka_unit_test(log_survives_death_at_each_call),
        cmocka_unit_test(log_never_shows_a_flipped_byte),
        cmocka_unit_test(checker_sees_an_ack_before_the_sync),
        cmocka_unit_test(checker_sees_a_torn_tail_kept),
        cmocka_unit_test(checker_sees_a_tail_that_was_not_rewritten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
