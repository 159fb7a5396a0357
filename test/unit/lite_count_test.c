/* lite_count_test.c - how many rows a landing table has is told in time, and never wrongly. */
#include "support/unit.h"

#include "landing/landing.h"

#include <sqlite3.h>

struct ctx {
    char dir[64], path[128], url[160];
    struct landing *landing;
    struct arena arena;
    struct landing_info *info;
    size_t cnt;
};

static void setup(struct ctx *ctx, const char *sql) {
    sqlite3 *db;
    char *why = NULL;
    memset(ctx, 0, sizeof *ctx);
    snprintf(ctx->dir, sizeof ctx->dir, "/tmp/lite_count_test.XXXXXX");
    assert_non_null(mkdtemp(ctx->dir));
    snprintf(ctx->path, sizeof ctx->path, "%s/data.db", ctx->dir);
    snprintf(ctx->url, sizeof ctx->url, "sqlite:%s", ctx->path);
    struct landing_conf conf = {.env = env_real(), .url = ctx->url};
    assert_int_equal(landing_open(&ctx->landing, &conf), 0);
    assert_int_equal(sqlite3_open(ctx->path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &why)) fail_msg("%s: %s", sql, why);
    sqlite3_close(db);
    assert_int_equal(landing_tables(ctx->landing, &ctx->arena, &ctx->info, &ctx->cnt), 0);
    assert_int_equal(ctx->cnt, 1);
}

static void done(struct ctx *ctx) {
    landing_close(ctx->landing);
    arena_fini(&ctx->arena);
    assert_int_equal(env_remove_tree(env_real(), ctx->dir), 0);
}

#define NUMBERS(n) "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<" n ") "

static void lite_look_counts_exactly_up_to_the_limit(void **state UNUSED) {
    struct ctx ctx;
    setup(&ctx, "CREATE TABLE t(a TEXT);" NUMBERS("10000") "INSERT INTO t SELECT i FROM n");
    assert_int_equal(ctx.info->row_cnt, LANDING_COUNT_MAX);
    assert_int_equal(ctx.info->row_kind, LANDING_EXACT);
    done(&ctx);
}

static void lite_look_estimates_a_large_table(void **state UNUSED) {
    struct ctx ctx;
    setup(&ctx, "CREATE TABLE t(a TEXT);" NUMBERS("25000") "INSERT INTO t SELECT i FROM n;"
                "DELETE FROM t WHERE _rowid_ <= 5000");
    assert_int_equal(ctx.info->row_cnt, 20000);
    assert_int_equal(ctx.info->row_kind, LANDING_ABOUT);
    done(&ctx);
}

static void lite_look_says_at_least_where_it_cannot_estimate(void **state UNUSED) {
    struct ctx ctx;
    setup(&ctx, "CREATE TABLE t(a TEXT PRIMARY KEY) WITHOUT ROWID;" NUMBERS("12000")
                "INSERT INTO t SELECT i FROM n");
    assert_int_equal(ctx.info->row_cnt, LANDING_COUNT_MAX);
    assert_int_equal(ctx.info->row_kind, LANDING_AT_LEAST);
    done(&ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lite_look_counts_exactly_up_to_the_limit),
        cmocka_unit_test(lite_look_estimates_a_large_table),
        cmocka_unit_test(lite_look_says_at_least_where_it_cannot_estimate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
