/* def_test.c - files people write: every mistake with its place, its cause and its remedy.
 *
 * test/pipeline/NAME.yml is a file with mistakes, NAME.txt beside it the report that it must give;
 * those that begin with "sluice" are settings, the others pipelines. The good ones are below. */
#include "support/unit.h"

#include "base/err.h"
#include "pipeline/conf.h"
#include "pipeline/def.h"
#include "support/tempdir.h"

#define FOLDER    "test/pipeline"
#define CASE_MAX  100
#define CASE_LEAST 15

static struct report report;
static char names[CASE_MAX][64];
static size_t name_cnt;

static int setup(void **state UNUSED) {
    report_init(&report);
    return 0;
}

static int teardown(void **state UNUSED) {
    report_fini(&report);
    return 0;
}

/* ---- bad files ---- */

static void note_name(void *arg UNUSED, const char *name, bool is_dir) {
    size_t len = strlen(name);
    if (is_dir || len < 5 || strcmp(name + len - 4, ".yml") != 0) return;
    assert_true(name_cnt < CASE_MAX);
    snprintf(names[name_cnt++], sizeof names[0], "%.*s", (int)len - 4, name);
}

static void load(const char *name) {
    char path[128];
    snprintf(path, sizeof path, FOLDER "/%s.yml", name);
    if (strncmp(name, "sluice", 6) == 0) {
        struct conf *conf;
        assert_int_equal(conf_load(&conf, env_real(), path, &report), ERR_SYNTAX);
        conf_free(conf);
    } else {
        struct def *def;
        assert_int_equal(def_load(&def, env_real(), path, &report), ERR_SYNTAX);
        def_free(def);
    }
}

static bool compare(const char *name) {
    struct buf out;
    char path[128], *expected = NULL;
    size_t len = 0;
    report_init(&report);
    load(name);
    buf_init(&out, MIB);
    report_text(&report, false, &out);
    snprintf(path, sizeof path, FOLDER "/%s.txt", name);
    if (env_read_whole(env_real(), path, MIB, &expected, &len)) print_error("%s\n", err_note());
    bool same = str_eq(buf_str(&out), (struct str){expected ? expected : "", len});
    if (!same)
        print_error("%s.yml should say\n%.*sbut says\n%.*s", name, (int)len,
                    expected ? expected : "", STR_ARG(buf_str(&out)));
    base_free(expected);
    buf_fini(&out);
    report_fini(&report);
    return same;
}

static void every_mistake_is_said_with_place_and_remedy(void **state UNUSED) {
    size_t wrong = 0;
    assert_int_equal(env_list(env_real(), FOLDER, note_name, NULL), 0);
    assert_true(name_cnt >= CASE_LEAST);
    for (size_t i = 0; i < name_cnt; i++) wrong += !compare(names[i]);
    assert_int_equal(wrong, 0);
}

static void report_as_json_has_the_same(void **state UNUSED) {
    struct buf out;
    load("two_documents");
    buf_init(&out, MIB);
    report_json(&report, &out);
    assert_true(str_eqz(buf_str(&out),
                        "[{\"file\":\"test/pipeline/two_documents.yml\",\"line\":2,\"col\":1,"
                        "\"text\":\"a second document\","
                        "\"hint\":\"one file is one document\"}]"));
    buf_fini(&out);
}

static void report_keeps_so_many_and_counts_the_rest(void **state UNUSED) {
    struct buf out;
    struct report_at at = {STR("a.yml"), STR("x\n"), 1, 1, 1};
    for (int i = 0; i < REPORT_MAX + 7; i++) report_add(&report, at, STR("wrong"), STR(""));
    buf_init(&out, MIB);
    report_text(&report, false, &out);
    assert_int_equal(report.cnt, REPORT_MAX);
    assert_non_null(memmem(buf_str(&out).ptr, out.len, "... and 7 more\n", 15));
    buf_fini(&out);
}

static void file_that_is_not_there_is_an_error_of_its_own(void **state UNUSED) {
    struct def *def;
    struct conf *conf;
    assert_int_equal(def_load(&def, env_real(), "test/pipeline/none", &report), ERR_NOT_FOUND);
    assert_null(def);
    assert_non_null(strstr(err_note(), "test/pipeline/none"));
    assert_int_equal(conf_load(&conf, env_real(), "test/pipeline/none", &report), ERR_NOT_FOUND);
    conf_free(conf);
    assert_int_equal(report.cnt, 0);
}

/* ---- good files ---- */

/* The text as a file of a folder of its own. */
static struct def *load_text(const char *text, const char *sql) {
    struct def *def;
    char dir[512], path[600];
    snprintf(dir, sizeof dir, "%s", tempdir_make("def"));
    snprintf(path, sizeof path, "%s/q.sql", dir);
    if (sql) assert_int_equal(env_write_whole(env_real(), path, str_of(sql)), 0);
    snprintf(path, sizeof path, "%s/p.yml", dir);
    assert_int_equal(env_write_whole(env_real(), path, str_of(text)), 0);
    if (def_load(&def, env_real(), path, &report)) {
        struct buf out;
        buf_init(&out, MIB);
        report_text(&report, false, &out);
        fail_msg("%.*s", STR_ARG(buf_str(&out)));
    }
    tempdir_remove(dir);
    return def;
}

static void the_example_is_read_whole(void **state UNUSED) {
    struct def *def;
    assert_int_equal(def_load(&def, env_real(), "examples/users.yml", &report), 0);
    assert_true(str_eqz(def->name, "user_automation") && str_eqz(def->schedule, "every 10s"));
    assert_int_equal(def->fetch_cnt, 1);
    assert_true(str_eqz(def->fetch[0].name, "raw_users"));
    assert_true(str_eqz(def->fetch[0].rows, "results[*]"));
    assert_true(def->fetch[0].key_cnt == 1 && str_eqz(def->fetch[0].key[0], "login.uuid"));
    assert_int_equal(def->capture_cnt, 1);
    assert_true(str_eqz(def->capture[0].topic, "users_created"));
    assert_true(str_eqz(def->capture[0].table, "raw_users"));
    assert_int_equal(def->capture[0].format, DEF_ROW);
    assert_int_equal(def->transform_cnt, 1);
    const struct def_transform *to = &def->transform[0];
    assert_true(str_eqz(to->keyspace, "spark_streams") && str_eqz(to->table, "created_users"));
    assert_true(str_eqz(to->key, "id uuid") && str_eqz(to->topic, "users_created"));
    assert_int_equal(to->expect_cnt, 3);
    assert_true(str_eqz(to->expect[0].name, "has_id") &&
                str_eqz(to->expect[0].that, "id IS NOT NULL"));
    assert_int_equal(to->expect[2].otherwise, STREAM_QUARANTINE);
    assert_int_equal(def->alert_cnt, 3);
    assert_true(str_eqz(def->alert[1].rule, "created_users.quarantined_ratio > 0.01 for 5m"));
    def_free(def);
}

static void long_forms_are_read(void **state UNUSED) {
    struct def *def = load_text(
        "pipeline: long\nschedule: 0 6 * * *\ntimezone: Europe/Zurich\ncatchup: yes\n"
        "retries: 3\nretry_delay: 5s\ntimeout: 1h\n"
        "fetch:\n  raw:\n    url: https://example.org/api\n    key: [shop, number]\n"
        "    headers: {X-Token: abc, Accept: text/plain}\n    timeout: 1m30s\n    retries: 0\n"
        "    empty_ok: true\n"
        "capture:\n  a: {table: raw, format: debezium, partitions: 12, hide: [x.y, 'z[*].w']}\n"
        "  b: {table: raw, format: json_schema, hide: x}\n  c: {table: raw, format: json}\n"
        "transform:\n  ks.t:\n    key: [id uuid, at DESC]\n    sql: q.sql\n    expect:\n"
        "      one: {that: id IS NOT NULL, else: drop}\n      two: {that: at > 1, else: stop}\n"
        "      three: {that: at > 1, else: warn}\n", "SELECT id, at\nFROM STREAM a\n");
    assert_true(def->catchup && def->retries == 3 && def->retry_delay_us == 5000000);
    assert_int_equal(def->timeout_us, 3600000000);
    assert_int_equal(def->fetch[0].header_cnt, 2);
    assert_true(str_eqz(def->fetch[0].header[0], "X-Token: abc"));
    assert_true(def->fetch[0].timeout_us == 90000000 && def->fetch[0].empty_ok);
    assert_int_equal(def->fetch[0].retries, 0);
    assert_int_equal(def->capture[0].format, DEF_DEBEZIUM);
    assert_int_equal(def->capture[0].partitions, 12);
    assert_int_equal(def->capture[0].hide_cnt, 2);
    assert_int_equal(def->capture[1].format, DEF_JSON_SCHEMA);
    assert_int_equal(def->capture[1].hide_cnt, 1);
    assert_int_equal(def->capture[2].format, DEF_ROW);
    const struct def_transform *to = &def->transform[0];
    assert_true(str_eqz(to->key, "id uuid, at DESC"));
    assert_true(str_eqz(to->sql, "SELECT id, at\nFROM STREAM a\n") && str_eqz(to->topic, "a"));
    assert_int_equal(to->expect[0].otherwise, STREAM_DROP);
    assert_int_equal(to->expect[1].otherwise, STREAM_STOP);
    assert_int_equal(to->expect[2].otherwise, STREAM_WARN);
    struct report_at at = def_sql_place(to, 2, 6, 6);
    assert_int_equal(at.line, 2);
    assert_int_equal(at.col, 6);
    assert_non_null(memmem(at.file.ptr, at.file.len, "/q.sql", 6));
    def_free(def);
}

static void two_pipelines_cannot_make_the_same(void **state UNUSED) {
    static const char text[] = "pipeline: p\nfetch:\n  raw: {url: 'https://example.org/'}\n"
                               "capture:\n  t: raw\n"
                               "transform:\n  ks.a:\n    key: id\n"
                               "    sql: SELECT id FROM STREAM t\n";
    struct def *def[2] = {load_text(text, NULL), load_text(text, NULL)};
    def_clash(def, 1, &report);
    assert_int_equal(report.cnt, 0);
    def_clash(def, 2, &report);
    assert_int_equal(report.cnt, 5);
    assert_true(str_starts(report.item[0].text, STR("pipeline 'p' is made already, by ")));
    assert_true(str_starts(report.item[1].text, STR("landing table 'raw' is made already, by ")));
    assert_true(str_starts(report.item[2].text, STR("topic 't' is made already, by ")));
    def_free(def[0]);
    def_free(def[1]);
}

static void settings_of_the_design_are_read(void **state UNUSED) {
    struct conf *conf;
    char path[600];
    const char *dir = tempdir_make("conf");
    static const char text[] =
        "landing:  postgresql://sluice@db1/raw\nlog:      kafka://broker1:9092,broker2:9092\n"
        "registry: http://registry:8081\nstore:    cassandra://node1,node2/?dc=datacenter1\n"
        "coord:    zookeeper://zk1,zk2,zk3/sluice\n"
        "receivers: {ops: {alertmanager: 'http://alerts:9093'}}\n";
    snprintf(path, sizeof path, "%s/sluice.yml", dir);
    assert_int_equal(env_write_whole(env_real(), path, str_of(text)), 0);
    assert_int_equal(conf_load(&conf, env_real(), path, &report), 0);
    for (int tier = 0; tier < CONF_TIER_CNT; tier++)
        assert_false(conf_embedded(conf, (enum conf_tier)tier));
    assert_int_equal(conf->receiver_cnt, 1);
    assert_int_equal(conf->receiver[0].kind, OBSERVE_ALERTMANAGER);
    conf_free(conf);
    assert_int_equal(conf_load(&conf, env_real(), NULL, &report), 0);
    for (int tier = 0; tier < CONF_TIER_CNT; tier++)
        assert_true(conf_embedded(conf, (enum conf_tier)tier));
    conf_free(conf);
    tempdir_remove(dir);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_mistake_is_said_with_place_and_remedy),
        T(report_as_json_has_the_same),
        T(report_keeps_so_many_and_counts_the_rest),
        T(file_that_is_not_there_is_an_error_of_its_own),
        T(the_example_is_read_whole),
        T(long_forms_are_read),
        T(two_pipelines_cannot_make_the_same),
        T(settings_of_the_design_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
