/* conf_tier_test.c - where tiers are, in sluice.yml: addresses, properties, and secrets that nobody
 * gets to see. */
#include "support/tempdir.h"
#include "support/unit.h"

#include "base/diag.h"
#include "base/err.h"
#include "base/redact.h"
#include "pipeline/conf.h"

#include <stdlib.h>
#include <unistd.h>

struct ctx {
    char dir[200];
    struct report report;
    struct conf *conf;
};

static int setup(void **state) {
    struct ctx *ctx = base_calloc(1, sizeof *ctx);
    snprintf(ctx->dir, sizeof ctx->dir, "%s", tempdir_make("conf"));
    report_init(&ctx->report);
    *state = ctx;
    return 0;
}

static int teardown(void **state) {
    struct ctx *ctx = *state;
    conf_free(ctx->conf);
    report_fini(&ctx->report);
    tempdir_remove(ctx->dir);
    base_free(ctx);
    return 0;
}

static void put_file(struct ctx *ctx, const char *name, const char *text) {
    char path[300];
    snprintf(path, sizeof path, "%s/%s", ctx->dir, name);
    assert_int_equal(env_write_whole(env_real(), path, str_of(text)), 0);
}

static int load(struct ctx *ctx, const char *text) {
    char path[300];
    snprintf(path, sizeof path, "%s/sluice.yml", ctx->dir);
    put_file(ctx, "sluice.yml", text);
    conf_free(ctx->conf);
    report_fini(&ctx->report);
    report_init(&ctx->report);
    return conf_load(&ctx->conf, env_real(), path, &ctx->report);
}

static const char *url_of(const struct ctx *ctx, enum conf_tier tier) {
    return ctx->conf->address[tier].url;
}

/* The whole report, as people see it. */
static char *shown(struct ctx *ctx) {
    struct buf out;
    buf_init(&out, MIB);
    report_text(&ctx->report, false, &out);
    buf_putc(&out, 0);
    char *text = base_strdup(out.ptr);
    buf_fini(&out);
    return text;
}

static void conf_takes_addresses_short_and_long(void **state) {
    struct ctx *ctx = *state;
    assert_int_equal(load(ctx, "landing: postgresql://me@db1/raw\n"
                               "log: {url: 'kafka://b1:9092,b2:9092', properties: {linger.ms: 5}}\n"
                               "registry: http://r1:8081,http://r2:8081\n"
                               "store: embedded\n"
                               "coord: zookeeper://z1,z2/sluice\n"), 0);
    assert_string_equal(url_of(ctx, CONF_LANDING), "postgresql://me@db1/raw");
    assert_string_equal(url_of(ctx, CONF_LOG), "kafka://b1:9092,b2:9092");
    assert_int_equal(ctx->conf->address[CONF_LOG].property_cnt, 1);
    assert_true(str_eqz(ctx->conf->address[CONF_LOG].property[0].name, "linger.ms"));
    assert_true(str_eqz(ctx->conf->address[CONF_LOG].property[0].value, "5"));
    assert_string_equal(url_of(ctx, CONF_REGISTRY), "http://r1:8081,http://r2:8081");
    assert_true(conf_embedded(ctx->conf, CONF_STORE));
    assert_false(conf_embedded(ctx->conf, CONF_COORD));
}

static void conf_names_the_addresses_a_tier_can_have(void **state) {
    struct ctx *ctx = *state;
    assert_int_equal(load(ctx, "log: http://b1\nlanding: {properties: {a: b}}\n"
                               "store: {url: cassandra, propertys: {}}\ncoord: zookeeper://\n"),
                     ERR_SYNTAX);
    char *text = shown(ctx);
    assert_non_null(strstr(text, "log: 'http://b1' is no address it can have"));
    assert_non_null(strstr(text, "write embedded or kafka://HOST:PORT,HOST:PORT"));
    assert_non_null(strstr(text, "landing has no url"));
    assert_non_null(strstr(text, "did you mean 'properties'?"));
    assert_non_null(strstr(text, "store: 'cassandra' is no address it can have"));
    assert_non_null(strstr(text, "coord: 'zookeeper://' is no address it can have"));
    base_free(text);
}

static void secrets_come_from_three_places_in_order(void **state) {
    struct ctx *ctx = *state;
    char path[300];
    const char *yml = "landing: postgresql://me:secret:pg-pass.1@db1/raw\n";
    unsetenv("CREDENTIALS_DIRECTORY");
    assert_int_equal(load(ctx, yml), ERR_SYNTAX);
    char *text = shown(ctx);
    assert_non_null(strstr(text, "$CREDENTIALS_DIRECTORY"));
    assert_non_null(strstr(text, "/secrets/pg-pass.1"));
    assert_non_null(strstr(text, "SLUICE_SECRET_PG_PASS_1"));
    base_free(text);
    setenv("SLUICE_SECRET_PG_PASS_1", "from/variable", 1);
    assert_int_equal(load(ctx, yml), 0);
    assert_string_equal(url_of(ctx, CONF_LANDING), "postgresql://me:from%2Fvariable@db1/raw");
    snprintf(path, sizeof path, "%s/secrets", ctx->dir);
    assert_int_equal(env_mkdir(env_real(), path), 0);
    put_file(ctx, "secrets/pg-pass.1", "from@file\n");
    assert_int_equal(load(ctx, yml), 0);
    assert_string_equal(url_of(ctx, CONF_LANDING), "postgresql://me:from%40file@db1/raw");
    snprintf(path, sizeof path, "%s/given", ctx->dir);
    assert_int_equal(env_mkdir(env_real(), path), 0);
    put_file(ctx, "given/pg-pass.1", "from systemd");
    setenv("CREDENTIALS_DIRECTORY", path, 1);
    assert_int_equal(load(ctx, yml), 0);
    assert_string_equal(url_of(ctx, CONF_LANDING), "postgresql://me:from%20systemd@db1/raw");
    unsetenv("CREDENTIALS_DIRECTORY");
    unsetenv("SLUICE_SECRET_PG_PASS_1");
}

static void secrets_are_found_in_properties_and_lists_of_addresses(void **state) {
    struct ctx *ctx = *state;
    setenv("SLUICE_SECRET_SASL", "sasl-secret-value", 1);
    assert_int_equal(load(ctx, "log:\n  url: kafka://b1\n  properties:\n"
                               "    sasl.password: secret:sasl\n"
                               "registry: http://u:secret:sasl@r1:8081,http://v:secret:sasl@r2\n"),
                     0);
    assert_true(str_eqz(ctx->conf->address[CONF_LOG].property[0].value, "sasl-secret-value"));
    assert_string_equal(url_of(ctx, CONF_REGISTRY),
                        "http://u:sasl-secret-value@r1:8081,http://v:sasl-secret-value@r2");
    assert_int_equal(load(ctx, "log: {url: kafka://b1, properties: {a: 'secret:../x'}}\n"),
                     ERR_SYNTAX);
    setenv("SLUICE_SECRET_SASL", "abc", 1);
    assert_int_equal(load(ctx, "log: {url: kafka://b1, properties: {a: secret:sasl}}\n"),
                     ERR_SYNTAX);
    unsetenv("SLUICE_SECRET_SASL");
}

static void see_line(void *arg, uint64_t seq UNUSED, int64_t now_us UNUSED,
                     enum diag_level level UNUSED, const char *tier UNUSED, const char *text) {
    if (strstr(text, "hunter")) *(bool *)arg = true;
}

static void secrets_are_never_shown(void **state) {
    struct ctx *ctx = *state;
    bool leaked = false;
    setenv("SLUICE_SECRET_CANARY", "hunter@2", 1);
    assert_int_equal(load(ctx, "landing: postgresql://me:secret:canary@db/raw\n"
                               "log: {url: kafka://b1, properties: {sasl.password: hunter3}}\n"
                               "registry: http://a:hunter4%21@r1\n"
                               "store: cassandra://a:hunter5@n1\nbad: postgresql://x:hunter6@y\n"),
                     ERR_SYNTAX);
    char *text = shown(ctx);
    assert_null(strstr(text, "hunter"));
    assert_non_null(strstr(text, "postgresql://x:***@y"));
    base_free(text);
    const char *said[] = {url_of(ctx, CONF_LANDING), "hunter@2 hunter%402", "hunter3", "hunter4!",
                          url_of(ctx, CONF_REGISTRY), url_of(ctx, CONF_STORE)};
    for (size_t i = 0; i < ARRAY_LEN(said); i++) {
        err_fail(ERR_NET, "%s cannot be reached", said[i]);
        assert_null(strstr(err_note(), "hunter"));
        assert_non_null(strstr(err_note(), "***"));
        diag_debug("log", "%s", said[i]);
        diag_warn("log", "%s", said[i]);
    }
    diag_each(see_line, &leaked);
    assert_false(leaked);
    unsetenv("SLUICE_SECRET_CANARY");
}

/* A broken file is shown too, and its passwords are known before it is parsed. */
static void secrets_of_a_file_that_is_no_yaml_are_not_shown(void **state) {
    struct ctx *ctx = *state;
    assert_int_equal(load(ctx, "log: [postgresql://x:opensesame@y\nlanding: *a\n"), ERR_SYNTAX);
    char *text = shown(ctx);
    assert_null(strstr(text, "opensesame"));
    base_free(text);
}

static void redact_takes_the_longest_and_keeps_the_rest(void **state UNUSED) {
    char text[] = "a swordfish, two swordfishes, a sword";
    assert_int_equal(redact_add(STR("swordfish")), 0);
    assert_int_equal(redact_add(STR("swordfishes")), 0);
    assert_int_equal(redact_add(STR("abc")), ERR_INVAL);
    redact_text(text);
    assert_string_equal(text, "a ***, two ***, a sword");
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(conf_takes_addresses_short_and_long),
        T(conf_names_the_addresses_a_tier_can_have),
        T(secrets_come_from_three_places_in_order),
        T(secrets_are_found_in_properties_and_lists_of_addresses),
        T(secrets_are_never_shown),
        T(secrets_of_a_file_that_is_no_yaml_are_not_shown),
        cmocka_unit_test(redact_takes_the_longest_and_keeps_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
