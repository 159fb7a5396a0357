/* registry_test.c - what a registry does: embedded, on a log in memory and on one in files; by
 * HTTP, on our own server behind an address that nobody listens at; and, where
 * SLUICE_TEST_REGISTRY names one by its url, on another's: its subjects t<pid>-... are made, and
 * the level of all is set. */
#include "support/tempdir.h"
#include "support/unit.h"

#include "base/err.h"
#include "log/log.h"
#include "registry/registry.h"
#include "registry/server/regserver.h"

#include <stdlib.h>
#include <unistd.h>

#define S(text) str_of(text)
/* Some take a text for a JSON schema only when it says so. */
#define DRAFT "{\"$schema\":\"http://json-schema.org/draft-07/schema#\","
#define DOC(type) DRAFT "\"type\":" type "}"
#define SHORT(len) "\"string\",\"maxLength\":" #len

struct ctx {
    const char *kind;
    char dir[200], url[220];
    struct log *log;
    struct registry *registry;
    struct arena arena;
    bool served;
    bool foreign; /* another's, that SLUICE_TEST_REGISTRY names: subjects have names of their own */
    char prefix[64];
    struct registry *behind; /* served: what the server has */
    struct regserver *server;
    struct loop *loop;
};

/* A subject's name: of this test alone where others have subjects, too. */
static struct str N(struct ctx *ctx, const char *name) {
    return *name ? arena_printf(&ctx->arena, "%s%s", ctx->prefix, name) : STR("");
}

/* Others have fewer numbers for the same status, or give the status itself. */
static void code_is(const struct ctx *ctx, int code) {
    int got = registry_code(), status = code > 999 ? code / 100 : code;
    if (ctx->foreign && (got > 999 ? got / 100 : got) == status) return;
    if (ctx->foreign && status == 404 && got == 409) return; /* Apicurio, of a deletion */
    assert_int_equal(got, code);
}

static void open_registry(struct ctx *ctx) {
    const char *url = ctx->served || ctx->foreign ? ctx->url : "embedded:";
    struct registry_conf conf = {.env = env_real(), .url = url, .log = ctx->log};
    assert_int_equal(registry_open(&ctx->registry, &conf), 0);
}

static void serve(struct ctx *ctx) {
    struct registry_conf conf = {.env = env_real(), .url = "embedded:", .log = ctx->log};
    assert_int_equal(registry_open(&ctx->behind, &conf), 0);
    struct regserver_conf server = {ctx->behind, "127.0.0.1", 0, NULL};
    assert_int_equal(loop_open(&ctx->loop, env_real(), "registry"), 0);
    assert_int_equal(regserver_open(&ctx->server, ctx->loop, &server), 0);
    assert_int_equal(loop_start(ctx->loop), 0);
    snprintf(ctx->url, sizeof ctx->url, "http://127.0.0.1:1,http://u:pass@127.0.0.1:%u/",
             regserver_port(ctx->server));
}

/* As a restart: in memory the log stays, as files do. */
static void reopen(struct ctx *ctx) {
    registry_close(ctx->registry);
    if (!strcmp(ctx->kind, "embedded:")) {
        log_close(ctx->log);
        struct log_conf conf = {.env = env_real(), .url = ctx->url};
        assert_int_equal(log_open(&ctx->log, &conf), 0);
    }
    open_registry(ctx);
}

static int setup_kind(void **state, const char *kind) {
    struct ctx *ctx = base_calloc(1, sizeof *ctx);
    ctx->kind = kind;
    snprintf(ctx->dir, sizeof ctx->dir, "%s", tempdir_make("registry"));
    snprintf(ctx->url, sizeof ctx->url, "%s%s", kind, strcmp(kind, "mem:") ? ctx->dir : "");
    struct log_conf conf = {.env = env_real(), .url = ctx->url};
    int err = log_open(&ctx->log, &conf);
    if (err) print_message("# %s\n", err_note());
    assert_int_equal(err, 0);
    open_registry(ctx);
    *state = ctx;
    return 0;
}

static int setup_mem(void **state) {
    return setup_kind(state, "mem:");
}

static int setup_files(void **state) {
    return setup_kind(state, "embedded:");
}

static int setup_http(void **state) {
    struct ctx *ctx = base_calloc(1, sizeof *ctx);
    struct log_conf conf = {.env = env_real(), .url = "mem:"};
    ctx->kind = "http:";
    ctx->served = true;
    snprintf(ctx->dir, sizeof ctx->dir, "%s", tempdir_make("registry"));
    assert_int_equal(log_open(&ctx->log, &conf), 0);
    serve(ctx);
    open_registry(ctx);
    *state = ctx;
    return 0;
}

/* In every case of a kind that may not be there. */
#define NEEDS_IT(ctx)                                                                              \
    do {                                                                                           \
        if ((ctx)->foreign && !(ctx)->registry)                                                    \
            SKIP_TEST("SLUICE_TEST_REGISTRY names no registry to try this on");                    \
    } while (0)

static int setup_foreign(void **state) {
    static int turn;
    const char *url = getenv("SLUICE_TEST_REGISTRY");
    struct ctx *ctx = base_calloc(1, sizeof *ctx);
    ctx->kind = "http:";
    ctx->foreign = true;
    snprintf(ctx->prefix, sizeof ctx->prefix, "t%d-%d-", (int)getpid(), ++turn);
    if (url) snprintf(ctx->url, sizeof ctx->url, "%s", url);
    if (url && *url) open_registry(ctx);
    *state = ctx;
    return 0;
}

static int teardown(void **state) {
    struct ctx *ctx = *state;
    registry_close(ctx->registry);
    if (ctx->served) {
        loop_stop(ctx->loop);
        regserver_close(ctx->server);
        loop_close(ctx->loop);
        registry_close(ctx->behind);
    }
    if (!ctx->foreign) log_close(ctx->log);
    if (!ctx->foreign) tempdir_remove(ctx->dir);
    arena_fini(&ctx->arena);
    base_free(ctx);
    return 0;
}

static int add(struct ctx *ctx, const char *subject, const char *text,
               struct registry_schema *out) {
    return registry_register(ctx->registry, N(ctx, subject), REGISTRY_JSON, S(text), &ctx->arena,
                             out);
}

static struct registry_schema must_add(struct ctx *ctx, const char *subject, const char *text) {
    struct registry_schema schema;
    int err = add(ctx, subject, text, &schema);
    if (err) print_message("# %s\n", err_note());
    assert_int_equal(err, 0);
    return schema;
}

static void set_level(struct ctx *ctx, const char *subject, enum registry_level level,
                      bool strict) {
    struct registry_config config = {.level = level, .strict = strict};
    assert_int_equal(registry_set_config(ctx->registry, N(ctx, subject), &config), 0);
}

static void registry_ids_are_global_and_versions_rise(void **state) {
    struct ctx *ctx = *state;
    NEEDS_IT(ctx);
    struct registry_schema a = must_add(ctx, "a", DOC(SHORT(5)));
    struct registry_schema again = must_add(ctx, "a", " " DRAFT "\n\"type\" : \"string\","
                                            " \"maxLength\":5\t}");
    struct registry_schema b = must_add(ctx, "b", DOC(SHORT(5)));
    struct registry_schema a2 = must_add(ctx, "a", DOC(SHORT(9)));
    assert_true(ctx->foreign || a.id == 1);
    assert_int_equal(again.id, a.id);
    assert_int_equal(again.version, 1);
    assert_int_equal(b.id, a.id);
    assert_int_equal(b.version, 1);
    assert_true(a2.id > a.id);
    assert_true(ctx->foreign || a2.id == 2);
    assert_int_equal(a2.version, 2);
    for (int i = 0; i < 2; i++, reopen(ctx)) {
        struct registry_schema got;
        struct str *subject;
        size_t cnt;
        assert_int_equal(registry_get(ctx->registry, N(ctx, "a"), -1, &ctx->arena, &got), 0);
        assert_int_equal(got.version, 2);
        assert_true(str_eqz(got.text, DOC(SHORT(9))));
        assert_int_equal(got.kind, REGISTRY_JSON);
        assert_int_equal(registry_by_id(ctx->registry, a.id, &ctx->arena, &got), 0);
        assert_true(str_eqz(got.text, DOC(SHORT(5))));
        assert_int_equal(registry_subjects(ctx->registry, &ctx->arena, &subject, &cnt), 0);
        assert_true(ctx->foreign || cnt == 2);
        assert_true(ctx->foreign || str_eqz(subject[1], "b"));
    }
    struct registry_schema c = must_add(ctx, "c", DOC("\"integer\""));
    assert_true(ctx->foreign || c.id == 3);
}

static void registry_names_what_is_not_there(void **state) {
    struct ctx *ctx = *state;
    NEEDS_IT(ctx);
    struct registry_schema got;
    struct registry_text text = {REGISTRY_JSON, S(DOC("\"null\""))};
    must_add(ctx, "a", DOC("\"string\""));
    assert_int_equal(registry_get(ctx->registry, N(ctx, "x"), 1, &ctx->arena, &got), ERR_NOT_FOUND);
    code_is(ctx, 40401);
    assert_int_equal(registry_get(ctx->registry, N(ctx, "a"), 2, &ctx->arena, &got), ERR_NOT_FOUND);
    code_is(ctx, 40402);
    assert_int_equal(registry_by_id(ctx->registry, 1000000000, &ctx->arena, &got), ERR_NOT_FOUND);
    code_is(ctx, 40403);
    assert_int_equal(registry_find(ctx->registry, N(ctx, "a"), text, false, &ctx->arena, &got),
                     ERR_NOT_FOUND);
    code_is(ctx, 40403);
    assert_int_equal(registry_find(ctx->registry, N(ctx, "x"), text, false, &ctx->arena, &got),
                     ERR_NOT_FOUND);
    code_is(ctx, 40401);
}

static void registry_refuses_what_is_no_schema(void **state) {
    struct ctx *ctx = *state;
    NEEDS_IT(ctx);
    struct registry_schema got;
    static const char *const bad[] = {"x", "{", "", "[]", "1", "\"string\"", "{\"type\":\"text\"}",
                                      "{\"properties\":[]}", "{\"properties\":{\"a\":1}}",
                                      "{\"allOf\":{}}", "{\"required\":[1]}", "{\"type\":[7]}",
                                      "{\"items\":[[]]}", "{\"$ref\":1}"};
    for (size_t i = 0; i < (ctx->foreign ? 3 : ARRAY_LEN(bad)); i++) { /* who looks how closely? */
        int err = add(ctx, "a", bad[i], &got);
        if (err != ERR_INVAL || (!ctx->foreign && registry_code() != 42201))
            fail_msg("%s: %s %d", bad[i], err_name(err), registry_code());
    }
    if (ctx->foreign) return;
    assert_int_equal(add(ctx, "", "{}", &got), ERR_INVAL);
    code_is(ctx, 42208);
    char *deep = arena_alloc(&ctx->arena, 20000);
    memset(deep, '[', 20000);
    struct str text = {deep, 20000};
    assert_int_equal(registry_register(ctx->registry, N(ctx, "a"), REGISTRY_JSON, text, &ctx->arena,
                                       &got), ERR_INVAL);
    char *big = arena_alloc(&ctx->arena, REGISTRY_TEXT_MAX + 1);
    memset(big, ' ', REGISTRY_TEXT_MAX + 1);
    text = (struct str){big, REGISTRY_TEXT_MAX + 1};
    assert_int_equal(registry_register(ctx->registry, N(ctx, "a"), REGISTRY_JSON, text, &ctx->arena,
                                       &got), ERR_INVAL);
    code_is(ctx, 42209);
    assert_int_equal(registry_register(ctx->registry, N(ctx, "a"), REGISTRY_PROTOBUF, S("{}"),
                                       &ctx->arena, &got),
                     ctx->served ? ERR_INVAL : ERR_UNSUPPORTED);
}

static void registry_avro_is_kept_but_not_compared(void **state) {
    struct ctx *ctx = *state;
    NEEDS_IT(ctx);
    struct registry_schema one, two;
    assert_int_equal(registry_register(ctx->registry, N(ctx, "a"), REGISTRY_AVRO, S("\"string\""),
                                       &ctx->arena, &one), 0);
    assert_int_equal(registry_register(ctx->registry, N(ctx, "a"), REGISTRY_AVRO, S("\"long\""),
                                       &ctx->arena, &two),
                     ctx->foreign ? ERR_CONFLICT : ctx->served ? ERR_INVAL : ERR_UNSUPPORTED);
    assert_int_equal(add(ctx, "a", DOC("\"string\""), &two), ERR_CONFLICT);
    set_level(ctx, "a", REGISTRY_NONE, false);
    assert_int_equal(registry_register(ctx->registry, N(ctx, "a"), REGISTRY_AVRO, S("\"long\""),
                                       &ctx->arena, &two), 0);
    assert_int_equal(two.version, 2);
    reopen(ctx);
    assert_int_equal(registry_by_id(ctx->registry, two.id, &ctx->arena, &one), 0);
    assert_int_equal(one.kind, REGISTRY_AVRO);
}

/* Apicurio calls some of it a conflict. */
static void refused(const struct ctx *ctx, int err) {
    assert_true(err == ERR_NOT_FOUND || (ctx->foreign && err == ERR_CONFLICT));
}

static void registry_deletes_in_two_steps(void **state) {
    struct ctx *ctx = *state;
    NEEDS_IT(ctx);
    struct registry_gone gone;
    struct registry_schema got, *list;
    size_t cnt;
    must_add(ctx, "a", DOC(SHORT(5)));
    int32_t id = must_add(ctx, "a", DOC(SHORT(9))).id;
    struct registry *r = ctx->registry;
    refused(ctx, registry_delete(r, N(ctx, "a"), 1, true, &ctx->arena, &gone));
    code_is(ctx, 40407);
    assert_int_equal(registry_delete(r, N(ctx, "a"), 1, false, &ctx->arena, &gone), 0);
    refused(ctx, registry_delete(r, N(ctx, "a"), 1, false, &ctx->arena, &gone));
    code_is(ctx, 40406);
    assert_int_equal(registry_get(r, N(ctx, "a"), 1, &ctx->arena, &got), ERR_NOT_FOUND);
    refused(ctx, registry_delete(r, N(ctx, "a"), REGISTRY_ALL, true, &ctx->arena, &gone));
    code_is(ctx, 40405);
    assert_int_equal(registry_delete(r, N(ctx, "a"), REGISTRY_ALL, false, &ctx->arena, &gone), 0);
    assert_int_equal(gone.cnt, ctx->foreign ? 2 : 1); /* Apicurio names the one that was gone */
    assert_int_equal(gone.version[gone.cnt - 1], 2);
    reopen(ctx);
    r = ctx->registry;
    assert_int_equal(registry_get(r, N(ctx, "a"), -1, &ctx->arena, &got), ERR_NOT_FOUND);
    code_is(ctx, 40401);
    assert_int_equal(registry_by_id(r, id, &ctx->arena, &got), 0);
    assert_int_equal(registry_list(r, N(ctx, "a"), REGISTRY_WITH_DELETED, &ctx->arena, &list,
                                   &cnt), 0);
    assert_true(ctx->foreign || cnt == 2); /* Apicurio shows nothing of a subject that is gone */
    refused(ctx, registry_delete(r, N(ctx, "a"), REGISTRY_ALL, false, &ctx->arena, &gone));
    code_is(ctx, 40404);
    /* Registered again it is a new version with its old id. */
    got = must_add(ctx, "a", DOC(SHORT(5)));
    assert_int_equal(got.version, 3);
    assert_true(ctx->foreign || got.id == 1);
    assert_int_equal(registry_delete(r, N(ctx, "a"), REGISTRY_ALL, false, &ctx->arena, &gone), 0);
    assert_int_equal(registry_delete(r, N(ctx, "a"), REGISTRY_ALL, true, &ctx->arena, &gone), 0);
    assert_int_equal(gone.cnt, 3);
    reopen(ctx);
    struct str all = ctx->foreign ? N(ctx, "a") : STR_NULL;
    assert_int_equal(registry_list(ctx->registry, all, REGISTRY_WITH_DELETED, &ctx->arena, &list,
                                   &cnt), 0);
    assert_int_equal(cnt, 0);
}

static void registry_config_is_kept(void **state) {
    struct ctx *ctx = *state;
    NEEDS_IT(ctx);
    struct registry_config config;
    assert_int_equal(registry_config(ctx->registry, STR_NULL, &config), 0);
    assert_int_equal(config.level, REGISTRY_BACKWARD);
    assert_false(config.strict);
    const bool strict = !ctx->foreign; /* newer than others know */
    config = (struct registry_config){.level = REGISTRY_FULL, .strict = strict};
    assert_int_equal(registry_set_config(ctx->registry, STR_NULL, &config), 0);
    set_level(ctx, "a", REGISTRY_NONE, false);
    reopen(ctx);
    assert_int_equal(registry_config(ctx->registry, N(ctx, "a"), &config), 0);
    assert_int_equal(config.level, REGISTRY_NONE);
    assert_true(config.own);
    assert_int_equal(registry_config(ctx->registry, N(ctx, "b"), &config), 0);
    assert_true(ctx->foreign || config.level == REGISTRY_FULL); /* Apicurio: NONE, its own */
    assert_true(ctx->foreign || config.strict == strict);
    assert_false(config.own && !ctx->foreign);
    assert_int_equal(registry_set_config(ctx->registry, N(ctx, "a"), NULL), 0);
    reopen(ctx);
    assert_int_equal(registry_config(ctx->registry, N(ctx, "a"), &config), 0);
    assert_true(ctx->foreign || config.level == REGISTRY_FULL);
    config = (struct registry_config){.level = REGISTRY_BACKWARD};
    assert_int_equal(registry_set_config(ctx->registry, STR_NULL, &config), 0);
}

static void registry_levels_say_which_versions_count(void **state) {
    struct ctx *ctx = *state;
    NEEDS_IT(ctx);
    struct registry_schema got;
    const char *narrow = DOC(SHORT(5)), *wide = DOC(SHORT(9));
    must_add(ctx, "b", narrow);
    must_add(ctx, "b", wide);
    assert_int_equal(add(ctx, "b", DOC(SHORT(5) ",\"title\":\"t\""), &got), ERR_CONFLICT);
    code_is(ctx, 409);
    assert_non_null(strstr(err_note(), ctx->foreign ? "ncompatible" : "MAX_LENGTH_DECREASED"));
    set_level(ctx, "f", REGISTRY_FORWARD, false);
    must_add(ctx, "f", wide);
    must_add(ctx, "f", narrow);
    assert_int_equal(add(ctx, "f", DOC(SHORT(9) ",\"title\":\"t\""), &got), ERR_CONFLICT);
    set_level(ctx, "u", REGISTRY_FULL, false);
    must_add(ctx, "u", wide);
    assert_int_equal(add(ctx, "u", narrow, &got), ERR_CONFLICT);
    must_add(ctx, "u", DOC(SHORT(9) ",\"title\":\"t\""));
    /* Transitive: a number was possible in version 1, gone by NONE in 2. */
    set_level(ctx, "t", REGISTRY_NONE, false);
    must_add(ctx, "t", DOC("\"integer\""));
    must_add(ctx, "t", narrow);
    set_level(ctx, "t", REGISTRY_BACKWARD_TRANSITIVE, false);
    assert_int_equal(add(ctx, "t", wide, &got), ERR_CONFLICT);
    set_level(ctx, "t", REGISTRY_BACKWARD, false);
    must_add(ctx, "t", wide);
}

static void registry_by_http_waits_for_one_that_is_away(void **state) {
    struct ctx *ctx = *state;
    struct registry *away;
    struct registry_schema got;
    struct registry_conf conf = {.env = env_real(), .url = "http://a:hidden@127.0.0.1:1"};
    assert_int_equal(registry_open(&away, &conf), 0);
    assert_int_equal(registry_state(away), 0);
    for (int i = 0; i < 3; i++) { /* the second finds the back-off */
        assert_int_equal(registry_get(away, S("a"), -1, &ctx->arena, &got), ERR_NET);
        assert_int_equal(registry_state(away), ERR_NET);
        assert_null(strstr(err_note(), "hidden"));
    }
    registry_close(away);
    conf.url = "http://127.0.0.1:1,ftp://127.0.0.1:2";
    assert_int_equal(registry_open(&away, &conf), ERR_CONFIG);
    struct address_property property = {S("ssl.cas"), S("x")};
    conf.url = "http://127.0.0.1:1";
    conf.property = &property;
    conf.property_cnt = 1;
    assert_int_equal(registry_open(&away, &conf), ERR_CONFIG);
}

int main(void) {
#define T(name)                                                                                    \
    {#name "_mem", name, setup_mem, teardown, NULL},                                               \
        {#name "_files", name, setup_files, teardown, NULL},                                       \
        {#name "_foreign", name, setup_foreign, teardown, NULL},                                   \
    {                                                                                              \
        #name "_http", name, setup_http, teardown, NULL                                            \
    }
    const struct CMUnitTest tests[] = {
        T(registry_ids_are_global_and_versions_rise),
        T(registry_names_what_is_not_there),
        T(registry_refuses_what_is_no_schema),
        T(registry_avro_is_kept_but_not_compared),
        T(registry_deletes_in_two_steps),
        T(registry_config_is_kept),
        T(registry_levels_say_which_versions_count),
        cmocka_unit_test_setup_teardown(registry_by_http_waits_for_one_that_is_away, setup_mem,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
