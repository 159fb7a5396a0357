/* pipe_sim_test.c - days of a pipeline in one thread on virtual time, with all that goes wrong.
 *
 * Rows land, other programs change and delete them, capture and a query take steps; appends,
 * commits and acknowledgements fail, some after doing their work; capture and query die and begin
 * again. At the end the faults stop, what is left is carried, and every version of every row is
 * looked for: on each topic once and in its order, in the table or in the quarantine. Then the same
 * with a promise broken on purpose, which must be seen. SEED=n replays one day. */
#include "support/unit.h"

#include "base/diag.h"
#include "base/err.h"
#include "pipeline/captor.h"
#include "pipeline/chgrec.h"
#include "pipeline/query.h"
#include "support/pipebed.h"
#include "wire/json/jsonpath.h"

#define TICKS     720 /* of two minutes: a day */
#define TICK_US   INT64_C(120000000)
#define ID_CNT    40
#define EVENT_MAX 20000
#define SEEDS     2

struct event { /* a version of a row, or its end */
    int id;
    int64_t version; /* -1: deleted */
    bool good;       /* passes the check */
};
struct world {
    struct pipebed bed;
    struct captor *captor;
    struct query *query;
    uint64_t random;
    struct event event[EVENT_MAX];
    size_t event_cnt;
    bool there[ID_CNT];
    int restarts, failures;
    const char *wrong; /* the first thing that is not as it should be; NULL: all is well */
};

static struct world world;
static struct def_capture capture[2];
static const struct def_capture *const captures[2] = {&capture[0], &capture[1]};
static struct def_transform transform;
static struct stream_expect expect;

static uint64_t draw(uint64_t below) {
    world.random ^= world.random << 13;
    world.random ^= world.random >> 7;
    world.random ^= world.random << 17;
    return world.random % below;
}

static bool chance(uint64_t percent) {
    return draw(100) < percent;
}

/* ---- the parts ---- */

static void open_captor(void) {
    struct captor_conf conf = {&world.bed.env, world.bed.landing, world.bed.log,
                               world.bed.registry, captures, 2, NULL};
    assert_int_equal(captor_open(&world.captor, &conf), 0);
}

static void open_query(void) {
    struct query_conf conf = {&world.bed.env, world.bed.log, world.bed.registry, world.bed.store,
                              &transform};
    assert_int_equal(query_open(&world.query, &conf), 0);
}

static void open_world(uint64_t seed) {
    memset(&world, 0, sizeof world);
    world.random = seed * 2654435761u + 88172645463325252u;
    pipebed_open(&world.bed);
    capture[0] = (struct def_capture){.topic = STR("users"), .table = STR("raw"), .partitions = 3};
    capture[1] = (struct def_capture){.topic = STR("changes"), .table = STR("raw"),
                                      .partitions = 1, .format = DEF_DEBEZIUM};
    expect = (struct stream_expect){STR("has_name"), STR("name IS NOT NULL"), STREAM_QUARANTINE};
    transform = (struct def_transform){.keyspace = STR("ks"), .table = STR("people"),
                                       .name = STR("ks.people"), .key = STR("id"),
                                       .sql = STR("SELECT id, name, v FROM STREAM users"),
                                       .topic = STR("users"), .expect = &expect, .expect_cnt = 1};
    pipebed_declare(&world.bed, "raw", "id");
    open_captor();
    open_query();
}

static void close_world(void) {
    query_close(world.query);
    captor_close(world.captor);
    pipebed_close(&world.bed);
}

/* ---- what happens ---- */

static void note(int id, int64_t version, bool good) {
    assert_true(world.event_cnt < EVENT_MAX);
    world.event[world.event_cnt++] = (struct event){id, version, good};
    world.there[id] = version >= 0;
}

static void land(void) {
    char row[3][160];
    size_t cnt = 1 + draw(3);
    int first = (int)draw(ID_CNT - 3);
    for (size_t i = 0; i < 3; i++) row[i][0] = 0;
    for (size_t i = 0; i < cnt; i++) {
        bool good = !chance(10);
        int64_t version = (int64_t)world.event_cnt;
        snprintf(row[i], sizeof row[i], "{\"id\":\"k%d\",\"name\":%s,\"v\":\"%d\"}",
                 first + (int)i, good ? "\"n\"" : "null", (int)version);
        note(first + (int)i, version, good);
    }
    pipebed_land(&world.bed, "raw", row[0], cnt > 1 ? row[1] : NULL, cnt > 2 ? row[2] : NULL,
                 NULL);
}

static void meddle(void) {
    char sql[160];
    int id = (int)draw(ID_CNT);
    if (!world.there[id]) return;
    if (chance(50)) {
        snprintf(sql, sizeof sql, "DELETE FROM raw WHERE id = 'k%d'", id);
        note(id, -1, true);
    } else {
        snprintf(sql, sizeof sql, "UPDATE raw SET name = 'm', v = '%zu' WHERE id = 'k%d'",
                 world.event_cnt, id);
        note(id, (int64_t)world.event_cnt, true);
    }
    pipebed_sql(&world.bed, sql);
}

static struct pipebed_fault fault(void) {
    return (struct pipebed_fault){.after = (int)draw(4), .cnt = 1 + (int)draw(3),
                                  .lost = chance(50)};
}

static void step(void) {
    size_t did;
    world.failures += captor_step(world.captor, 0, &did) != 0;
    int err = query_step(world.query, 0, &did);
    world.failures += err && err != ERR_AGAIN;
}

static void tick(void) {
    if (chance(40)) land();
    if (chance(4)) meddle();
    if (chance(10)) world.bed.append = fault();
    if (chance(10)) world.bed.commit = fault();
    if (chance(5)) world.bed.ack = fault();
    step();
    if (chance(3)) {
        captor_close(world.captor);
        open_captor();
        world.restarts++;
    }
    if (chance(3)) {
        query_close(world.query);
        open_query();
        world.restarts++;
    }
    world.bed.ahead_us += TICK_US;
}

static void settle(void) {
    memset(&world.bed.append, 0, sizeof world.bed.append);
    memset(&world.bed.commit, 0, sizeof world.bed.commit);
    memset(&world.bed.ack, 0, sizeof world.bed.ack);
    for (int i = 0; i < 50; i++) {
        step();
        world.bed.ahead_us += TICK_US;
    }
}

/* ---- the audit ---- */

static void wrong(const char *what) {
    if (!world.wrong) world.wrong = what;
}

static int id_of(const struct record *record) {
    int64_t id = -1;
    if (record->key.len < 2 ||
        str_i64((struct str){record->key.ptr + 1, record->key.len - 1}, &id))
        return -1;
    return id >= 0 && id < ID_CNT ? (int)id : -1;
}

/* The version in a record's value, -1 for the end of its row. */
static int64_t version_of(const struct record *record, const char *path) {
    const struct jsonpath *compiled;
    struct json_value value;
    int64_t version = -1;
    if (!record->value.ptr) return -1;
    assert_int_equal(jsonpath_parse(str_of(path), &world.bed.arena, &compiled), 0);
    if (jsonpath_get(compiled, record->value, &value)) return -1;
    if (str_i64(json_text(&value, &world.bed.arena), &version)) return -2;
    return version;
}

/* Every version of every row, once, in its order. */
static void audit_topic(const char *topic, const char *path) {
    struct record *record;
    size_t at[ID_CNT] = {0}, cnt = pipebed_records(&world.bed, topic, &record);
    if (cnt < world.event_cnt) wrong("changes are not on a topic");
    if (cnt > world.event_cnt) wrong("changes are on a topic twice");
    for (size_t i = 0; i < cnt; i++) {
        int id = id_of(&record[i]);
        if (id < 0) {
            wrong("a record of no row");
            continue;
        }
        while (at[id] < world.event_cnt && world.event[at[id]].id != id) at[id]++;
        if (at[id] == world.event_cnt) wrong("a version too many");
        else if (world.event[at[id]++].version != version_of(&record[i], path))
            wrong("versions out of order");
    }
}

static void audit_table(void) {
    struct buf want;
    const char *have = pipebed_rows(&world.bed, "ks", "people");
    size_t rows = 0, found = 0;
    buf_init(&want, MIB);
    for (int id = 0; id < ID_CNT; id++) {
        const struct event *last = NULL;
        for (size_t i = 0; i < world.event_cnt; i++)
            if (world.event[i].id == id && world.event[i].good && world.event[i].version >= 0)
                last = &world.event[i];
        if (!last) continue;
        rows++;
        buf_reset(&want);
        buf_printf(&want, "k%d|", id);
        struct str key = buf_str(&want);
        const char *line = have;
        while (line && strncmp(line, key.ptr, key.len) != 0) {
            line = strchr(line, '\n');
            if (line) line++;
        }
        if (!line) {
            wrong("a row is not in the table");
            continue;
        }
        found++;
        const char *version = strrchr(arena_strz(&world.bed.arena,
                                                 (struct str){line, strcspn(line, "\n")}), '|');
        if (!version || atoll(version + 1) != last->version) wrong("a row is not the newest");
    }
    size_t lines = 0;
    for (const char *p = have; *p; p++) lines += *p == '\n';
    if (lines != rows || found != rows) wrong("rows that nobody wrote");
    buf_fini(&want);
}

static void audit_quarantine(void) {
    struct record *record;
    size_t bad = 0, cnt = pipebed_records(&world.bed, "people.quarantine", &record);
    for (size_t i = 0; i < world.event_cnt; i++) bad += !world.event[i].good;
    if (cnt < bad) wrong("bad records are not in the quarantine");
    if (cnt > bad) wrong("bad records are in the quarantine twice");
}

static const char *run_day(uint64_t seed) {
    open_world(seed);
    for (int i = 0; i < TICKS; i++) tick();
    settle();
    audit_topic("users", "v");
    audit_topic("changes", "after.v");
    audit_table();
    audit_quarantine();
    const char *why = world.wrong;
    print_message("# seed %d: %zu versions, %d failures, %d restarts: %s\n", (int)seed,
                  world.event_cnt, world.failures, world.restarts, why ? why : "all there once");
    close_world();
    return why;
}

/* ---- the days ---- */

static void days_with_faults_lose_and_double_nothing(void **state UNUSED) {
    const char *only = getenv("SEED");
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        const char *why = run_day(only ? (uint64_t)strtoull(only, NULL, 10) : seed);
        if (why) fail_msg("seed %d: %s", (int)seed, why);
        assert_true(world.failures > 50 && world.restarts > 10);
        if (only) break;
    }
}

static void broken_promises_are_seen(void **state UNUSED) {
#ifdef SLUICE_MUTANTS
    static const char *const mutants[] = {"capture-forgets-what-it-wrote", "capture-backwards",
                                          "capture-loses-the-last", "offset-before-effect"};
    for (size_t i = 0; i < ARRAY_LEN(mutants); i++) {
        setenv("SLUICE_MUTANT", mutants[i], 1);
        const char *why = run_day(1);
        unsetenv("SLUICE_MUTANT");
        if (!why) fail_msg("nobody saw %s", mutants[i]);
    }
#else
    SKIP_TEST("built without broken promises");
#endif
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_with_faults_lose_and_double_nothing),
        cmocka_unit_test(broken_promises_are_seen),
    };
    diag_setup(DIAG_OFF, false);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
