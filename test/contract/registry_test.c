/* registry_test.c - what a registry does: embedded, on a log in memory and on one in files; and by
 * HTTP, on our own server behind an address that nobody listens at. */
#include "support/tempdir.h"
#include "support/unit.h"

#include "base/err.h"
#include "log/log.h"
#include "registry/registry.h"
#include "registry/server/regserver.h"

#define S(text) str_of(text)

struct ctx {
    const char *kind;
    char dir[200], url[220];
    struct log *log;
    struct registry *registry;
    struct arena arena;
    bool served;
    struct registry *behind; /* served: what the server has */
    struct regserver *server;
    struct loop *loop;
};

static void open_registry(struct ctx *ctx) {
    const char *url = ctx->served ? ctx->url : "embedded:";
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

static int teardown(void **state) {
    struct ctx *ctx = *state;
    registry_close(ctx->registry);
    if (ctx->served) {
        loop_stop(ctx->loop);
        regserver_close(ctx->server);
        loop_close(ctx->loop);
        registry_close(ctx->behind);
    }
    log_close(ctx->log);
    tempdir_remove(ctx->dir);
    arena_fini(&ctx->arena);
    base_free(ctx);
    return 0;
}

static int add(struct ctx *ctx, const char *subject, const char *text,
               struct registry_schema *out) {
    return registry_register(ctx->registry, S(subject), REGISTRY_JSON, S(text), &ctx->arena, out);
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
    assert_int_equal(registry_set_config(ctx->registry, S(subject), &config), 0);
}

static void registry_ids_are_global_and_versions_rise(void **state) {
    struct ctx *ctx = *state;
    struct registry_schema a = must_add(ctx, "a", "{\"type\":\"string\"}");
    struct registry_schema again = must_add(ctx, "a", " {\n\"type\" : \"string\"\t}");
    struct registry_schema b = must_add(ctx, "b", "{\"type\":\"string\"}");
    struct registry_schema a2 = must_add(ctx, "a", "{\"type\":[\"string\",\"null\"]}");
    assert_int_equal(a.id, 1);
    assert_int_equal(again.id, 1);
    assert_int_equal(again.version, 1);
    assert_int_equal(b.id, 1);
    assert_int_equal(b.version, 1);
    assert_int_equal(a2.id, 2);
    assert_int_equal(a2.version, 2);
    for (int i = 0; i < 2; i++, reopen(ctx)) {
        struct registry_schema got;
        struct str *subject;
        size_t cnt;
        assert_int_equal(registry_get(ctx->registry, S("a"), -1, &ctx->arena, &got), 0);
        assert_int_equal(got.version, 2);
        assert_true(str_eqz(got.text, "{\"type\":[\"string\",\"null\"]}"));
        assert_int_equal(got.kind, REGISTRY_JSON);
        assert_int_equal(registry_by_id(ctx->registry, 1, &ctx->arena, &got), 0);
        assert_true(str_eqz(got.text, "{\"type\":\"string\"}"));
        assert_int_equal(registry_subjects(ctx->registry, &ctx->arena, &subject, &cnt), 0);
        assert_int_equal(cnt, 2);
        assert_true(str_eqz(subject[1], "b"));
    }
    assert_int_equal(must_add(ctx, "c", "{\"type\":\"integer\"}").id, 3);
}

static void registry_names_what_is_not_there(void **state) {
    struct ctx *ctx = *state;
    struct registry_schema got;
    struct registry_text text = {REGISTRY_JSON, S("{\"type\":\"null\"}")};
    must_add(ctx, "a", "{\"type\":\"string\"}");
    assert_int_equal(registry_get(ctx->registry, S("x"), 1, &ctx->arena, &got), ERR_NOT_FOUND);
    assert_int_equal(registry_code(), 40401);
    assert_int_equal(registry_get(ctx->registry, S("a"), 2, &ctx->arena, &got), ERR_NOT_FOUND);
    assert_int_equal(registry_code(), 40402);
    assert_int_equal(registry_by_id(ctx->registry, 9, &ctx->arena, &got), ERR_NOT_FOUND);
    assert_int_equal(registry_code(), 40403);
    assert_int_equal(registry_find(ctx->registry, S("a"), text, false, &ctx->arena, &got),
                     ERR_NOT_FOUND);
    assert_int_equal(registry_code(), 40403);
    assert_int_equal(registry_find(ctx->registry, S("x"), text, false, &ctx->arena, &got),
                     ERR_NOT_FOUND);
    assert_int_equal(registry_code(), 40401);
}

static void registry_refuses_what_is_no_schema(void **state) {
    struct ctx *ctx = *state;
    struct registry_schema got;
    static const char *const bad[] = {"", "x", "{", "[]", "1", "\"string\"", "{\"type\":\"text\"}",
                                      "{\"properties\":[]}", "{\"properties\":{\"a\":1}}",
                                      "{\"allOf\":{}}", "{\"required\":[1]}", "{\"type\":[7]}",
                                      "{\"items\":[[]]}", "{\"$ref\":1}"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        int err = add(ctx, "a", bad[i], &got);
        if (err != ERR_INVAL || registry_code() != 42201)
            fail_msg("%s: %s %d", bad[i], err_name(err), registry_code());
    }
    assert_int_equal(add(ctx, "", "{}", &got), ERR_INVAL);
    assert_int_equal(registry_code(), 42208);
    char *deep = arena_alloc(&ctx->arena, 20000);
    memset(deep, '[', 20000);
    struct str text = {deep, 20000};
    assert_int_equal(registry_register(ctx->registry, S("a"), REGISTRY_JSON, text, &ctx->arena,
                                       &got), ERR_INVAL);
    char *big = arena_alloc(&ctx->arena, REGISTRY_TEXT_MAX + 1);
    memset(big, ' ', REGISTRY_TEXT_MAX + 1);
    text = (struct str){big, REGISTRY_TEXT_MAX + 1};
    assert_int_equal(registry_register(ctx->registry, S("a"), REGISTRY_JSON, text, &ctx->arena,
                                       &got), ERR_INVAL);
    assert_int_equal(registry_code(), 42209);
    assert_int_equal(registry_register(ctx->registry, S("a"), REGISTRY_PROTOBUF, S("{}"),
                                       &ctx->arena, &got),
                     ctx->served ? ERR_INVAL : ERR_UNSUPPORTED);
}

static void registry_avro_is_kept_but_not_compared(void **state) {
    struct ctx *ctx = *state;
    struct registry_schema one, two;
    assert_int_equal(registry_register(ctx->registry, S("a"), REGISTRY_AVRO, S("\"string\""),
                                       &ctx->arena, &one), 0);
    assert_int_equal(registry_register(ctx->registry, S("a"), REGISTRY_AVRO, S("\"long\""),
                                       &ctx->arena, &two),
                     ctx->served ? ERR_INVAL : ERR_UNSUPPORTED);
    assert_int_equal(add(ctx, "a", "{\"type\":\"string\"}", &two), ERR_CONFLICT);
    set_level(ctx, "a", REGISTRY_NONE, false);
    assert_int_equal(registry_register(ctx->registry, S("a"), REGISTRY_AVRO, S("\"long\""),
                                       &ctx->arena, &two), 0);
    assert_int_equal(two.version, 2);
    reopen(ctx);
    assert_int_equal(registry_by_id(ctx->registry, two.id, &ctx->arena, &one), 0);
    assert_int_equal(one.kind, REGISTRY_AVRO);
}

static void registry_deletes_in_two_steps(void **state) {
    struct ctx *ctx = *state;
    struct registry_gone gone;
    struct registry_schema got, *list;
    size_t cnt;
    must_add(ctx, "a", "{\"type\":\"string\"}");
    int32_t id = must_add(ctx, "a", "{\"type\":[\"string\",\"null\"]}").id;
    struct registry *r = ctx->registry;
    assert_int_equal(registry_delete(r, S("a"), 1, true, &ctx->arena, &gone), ERR_NOT_FOUND);
    assert_int_equal(registry_code(), 40407);
    assert_int_equal(registry_delete(r, S("a"), 1, false, &ctx->arena, &gone), 0);
    assert_int_equal(registry_delete(r, S("a"), 1, false, &ctx->arena, &gone), ERR_NOT_FOUND);
    assert_int_equal(registry_code(), 40406);
    assert_int_equal(registry_get(r, S("a"), 1, &ctx->arena, &got), ERR_NOT_FOUND);
    assert_int_equal(registry_delete(r, S("a"), REGISTRY_ALL, true, &ctx->arena, &gone),
                     ERR_NOT_FOUND);
    assert_int_equal(registry_code(), 40405);
    assert_int_equal(registry_delete(r, S("a"), REGISTRY_ALL, false, &ctx->arena, &gone), 0);
    assert_int_equal(gone.cnt, 1);
    assert_int_equal(gone.version[0], 2);
    reopen(ctx);
    r = ctx->registry;
    assert_int_equal(registry_get(r, S("a"), -1, &ctx->arena, &got), ERR_NOT_FOUND);
    assert_int_equal(registry_code(), 40401);
    assert_int_equal(registry_by_id(r, id, &ctx->arena, &got), 0);
    assert_int_equal(registry_list(r, S("a"), REGISTRY_WITH_DELETED, &ctx->arena, &list, &cnt), 0);
    assert_int_equal(cnt, 2);
    assert_int_equal(registry_delete(r, S("a"), REGISTRY_ALL, false, &ctx->arena, &gone),
                     ERR_NOT_FOUND);
    assert_int_equal(registry_code(), 40404);
    /* Registered again it is a new version with its old id. */
    got = must_add(ctx, "a", "{\"type\":\"string\"}");
    assert_int_equal(got.version, 3);
    assert_int_equal(got.id, 1);
    assert_int_equal(registry_delete(r, S("a"), REGISTRY_ALL, false, &ctx->arena, &gone), 0);
    assert_int_equal(registry_delete(r, S("a"), REGISTRY_ALL, true, &ctx->arena, &gone), 0);
    assert_int_equal(gone.cnt, 3);
    reopen(ctx);
    assert_int_equal(registry_list(ctx->registry, STR_NULL, REGISTRY_WITH_DELETED, &ctx->arena,
                                   &list, &cnt), 0);
    assert_int_equal(cnt, 0);
}

static void registry_config_is_kept(void **state) {
    struct ctx *ctx = *state;
    struct registry_config config;
    assert_int_equal(registry_config(ctx->registry, STR_NULL, &config), 0);
    assert_int_equal(config.level, REGISTRY_BACKWARD);
    assert_false(config.strict);
    config = (struct registry_config){.level = REGISTRY_FULL, .strict = true};
    assert_int_equal(registry_set_config(ctx->registry, STR_NULL, &config), 0);
    set_level(ctx, "a", REGISTRY_NONE, false);
    reopen(ctx);
    assert_int_equal(registry_config(ctx->registry, S("a"), &config), 0);
    assert_int_equal(config.level, REGISTRY_NONE);
    assert_true(config.own);
    assert_int_equal(registry_config(ctx->registry, S("b"), &config), 0);
    assert_int_equal(config.level, REGISTRY_FULL);
    assert_true(config.strict);
    assert_false(config.own);
    assert_int_equal(registry_set_config(ctx->registry, S("a"), NULL), 0);
    reopen(ctx);
    assert_int_equal(registry_config(ctx->registry, S("a"), &config), 0);
    assert_int_equal(config.level, REGISTRY_FULL);
}

static void registry_levels_say_which_versions_count(void **state) {
    struct ctx *ctx = *state;
    struct registry_schema got;
    const char *narrow = "{\"type\":\"integer\"}", *wide = "{\"type\":\"number\"}";
    must_add(ctx, "b", narrow);
    must_add(ctx, "b", wide);
    assert_int_equal(add(ctx, "b", "{\"type\":\"integer\",\"title\":\"t\"}", &got), ERR_CONFLICT);
    assert_int_equal(registry_code(), 409);
    assert_non_null(strstr(err_note(), "TYPE_NARROWED"));
    set_level(ctx, "f", REGISTRY_FORWARD, false);
    must_add(ctx, "f", wide);
    must_add(ctx, "f", narrow);
    assert_int_equal(add(ctx, "f", "{\"type\":\"number\",\"title\":\"t\"}", &got), ERR_CONFLICT);
    set_level(ctx, "u", REGISTRY_FULL, false);
    must_add(ctx, "u", wide);
    assert_int_equal(add(ctx, "u", narrow, &got), ERR_CONFLICT);
    must_add(ctx, "u", "{\"type\":\"number\",\"title\":\"t\"}");
    /* Transitive: string was possible in version 1, gone by NONE in 2. */
    set_level(ctx, "t", REGISTRY_NONE, false);
    must_add(ctx, "t", "{\"type\":\"string\"}");
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
