/* landing_test.c - what every landing does: rows by key, their changes, runs, all or nothing.
 *
 * One suite, run on SQLite and, when SLUICE_TEST_POSTGRES has the address of a server with
 * wal_level=logical and a role that may make databases, on PostgreSQL: a database a test. Where a
 * test reaches past the landing, into the database itself, it says so by ctx->lite. */
#include "support/unit.h"

#include "base/err.h"
#include "landing/capture.h"

#include <libpq-fe.h>
#include <sqlite3.h>
#include <unistd.h>

#define S(text) str_of(text)
#define ALL     ((struct landing_page){100, 0})

struct ctx {
    bool lite; /* else PostgreSQL */
    char dir[64], path[128], url[512];
    struct landing *landing;
    struct capture *capture;
    struct arena arena;
};

static void ctx_open(struct ctx *ctx) {
    struct landing_conf conf = {.env = env_real(), .url = ctx->url};
    assert_int_equal(landing_open(&ctx->landing, &conf), 0);
    assert_int_equal(capture_open(&ctx->capture, ctx->landing), 0);
}

static void ctx_close(struct ctx *ctx) {
    capture_close(ctx->capture);
    landing_close(ctx->landing);
    ctx->capture = NULL;
    ctx->landing = NULL;
}

static const char *server; /* of PostgreSQL, up to the database's name */
static unsigned database_cnt;

/* Another program's statements, each given whole. */
static void pg_sql(const char *url, const char *text) {
    PGconn *pg = PQconnectdb(url);
    PGresult *res = PQexec(pg, text);
    ExecStatusType status = PQresultStatus(res);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fail_msg("%s: %s", text, PQerrorMessage(pg));
    PQclear(res);
    PQfinish(pg);
}

static void pg_admin(const char *text) {
    char url[512];
    snprintf(url, sizeof url, "%s/postgres", server);
    pg_sql(url, text);
}

static int pg_setup(void **state) {
    struct ctx *ctx = base_calloc(1, sizeof *ctx);
    char text[256];
    snprintf(ctx->path, sizeof ctx->path, "sluice_test_%d_%u", (int)getpid(), database_cnt++);
    snprintf(ctx->url, sizeof ctx->url, "%s/%s", server, ctx->path);
    snprintf(text, sizeof text, "CREATE DATABASE %s TEMPLATE template0", ctx->path);
    pg_admin(text);
    ctx_open(ctx);
    *state = ctx;
    return 0;
}

static int pg_teardown(void **state) {
    struct ctx *ctx = *state;
    char text[256];
    if (ctx->landing) ctx_close(ctx);
    arena_fini(&ctx->arena);
    snprintf(text, sizeof text, "SELECT pg_drop_replication_slot(slot_name) FROM "
             "pg_replication_slots WHERE database='%s'", ctx->path);
    pg_admin(text);
    snprintf(text, sizeof text, "DROP DATABASE %s WITH (FORCE)", ctx->path);
    pg_admin(text);
    base_free(ctx);
    return 0;
}

static int lite_setup(void **state) {
    struct ctx *ctx = base_calloc(1, sizeof *ctx);
    ctx->lite = true;
    snprintf(ctx->dir, sizeof ctx->dir, "/tmp/landing_test.XXXXXX");
    assert_non_null(mkdtemp(ctx->dir));
    snprintf(ctx->path, sizeof ctx->path, "%s/data.db", ctx->dir);
    snprintf(ctx->url, sizeof ctx->url, "sqlite:%s", ctx->path);
    ctx_open(ctx);
    *state = ctx;
    return 0;
}

static int lite_teardown(void **state) {
    struct ctx *ctx = *state;
    if (ctx->landing) ctx_close(ctx);
    arena_fini(&ctx->arena);
    assert_int_equal(env_remove_tree(env_real(), ctx->dir), 0);
    base_free(ctx);
    return 0;
}

static void declare(struct ctx *ctx, const char *name, const char *key, bool captured) {
    struct str keys[] = {S(key)};
    struct landing_table table = {S(name), keys, key ? 1 : 0, captured};
    int err = landing_declare(ctx->landing, &table);
    if (err) print_message("# %s\n", err_note());
    assert_int_equal(err, 0);
}

/* Rows up to a NULL, in one transaction. */
static struct landing_count put(struct ctx *ctx, const char *table, const char *const *row) {
    struct landing_tx *tx;
    struct landing_count count = {0};
    struct str rows[64];
    size_t cnt = 0;
    while (row[cnt]) rows[cnt] = S(row[cnt]), cnt++;
    assert_int_equal(landing_begin(ctx->landing, &tx), 0);
    int err = landing_upsert(tx, S(table), rows, cnt, &count);
    if (err) print_message("# %s\n", err_note());
    assert_int_equal(err, 0);
    err = landing_commit(tx);
    if (err) print_message("# %s\n", err_note());
    assert_int_equal(err, 0);
    return count;
}
#define PUT(ctx, table, ...) put(ctx, table, (const char *const[]){__VA_ARGS__, NULL})

static int put_bad(struct ctx *ctx, const char *table, const char *row) {
    struct landing_tx *tx;
    struct str rows[] = {S("{\"id\":1}"), S(row)};
    assert_int_equal(landing_begin(ctx->landing, &tx), 0);
    int err = landing_upsert(tx, S(table), rows, 2, NULL);
    assert_int_not_equal(err, 0);
    assert_int_equal(landing_commit(tx), err);
    return err;
}

static void expect_rows(struct ctx *ctx, const char *table, const char *const *want) {
    struct str *row;
    size_t cnt, i = 0;
    assert_int_equal(landing_rows(ctx->landing, S(table), ALL, &ctx->arena, &row, &cnt), 0);
    for (; i < cnt && want[i]; i++) assert_string_equal(row[i].ptr, want[i]);
    assert_int_equal(cnt, i);
    assert_null(want[i]);
}
#define ROWS(ctx, table, ...) expect_rows(ctx, table, (const char *const[]){__VA_ARGS__, NULL})

static struct change *next(struct ctx *ctx, size_t want) {
    struct change *change = NULL;
    size_t cnt = 0;
    arena_reset(&ctx->arena);
    for (int i = 0; i < 40 && cnt < want; i++) {
        size_t got;
        struct change *part;
        assert_int_equal(capture_next(ctx->capture, 1000, i ? 50000 : 0, &ctx->arena, &part, &got),
                         0);
        if (!got) continue;
        struct change *all = arena_array(&ctx->arena, struct change, cnt + got);
        if (cnt) memcpy(all, change, cnt * sizeof *all);
        memcpy(all + cnt, part, got * sizeof *all);
        change = all;
        cnt += got;
    }
    assert_int_equal(cnt, want);
    return change;
}

static void expect(const struct change *change, char op, const char *key, const char *before,
                   const char *after) {
    assert_int_equal(change->op, op);
    assert_true(key ? str_eqz(change->key, key) : !change->key.ptr);
    if (before && !str_eqz(change->before, before))
        fail_msg("before: %.*s, not %s", STR_ARG(change->before), before);
    if (after && !str_eqz(change->after, after))
        fail_msg("after: %.*s, not %s", STR_ARG(change->after), after);
    assert_int_equal(!change->before.ptr, !before);
    assert_int_equal(!change->after.ptr, !after);
    assert_true(change->seq > 0 && change->commit_us > 0);
}

static void sql(struct ctx *ctx, const char *text) {
    sqlite3 *db;
    char *why = NULL;
    if (!ctx->lite) {
        pg_sql(ctx->url, text);
        return;
    }
    assert_int_equal(sqlite3_open(ctx->path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 1000);
    if (sqlite3_exec(db, text, NULL, NULL, &why)) fail_msg("%s: %s", text, why);
    sqlite3_close(db);
}

static void sql_expect(struct ctx *ctx, const char *query, const char *want) {
    sqlite3 *db;
    sqlite3_stmt *stmt;
    if (!ctx->lite) {
        PGconn *pg = PQconnectdb(ctx->url);
        PGresult *res = PQexec(pg, query);
        assert_int_equal(PQntuples(res), 1);
        assert_string_equal(PQgetvalue(res, 0, 0), want);
        PQclear(res);
        PQfinish(pg);
        return;
    }
    assert_int_equal(sqlite3_open(ctx->path, &db), SQLITE_OK);
    if (sqlite3_prepare_v2(db, query, -1, &stmt, NULL)) fail_msg("%s", sqlite3_errmsg(db));
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(stmt, 0), want);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
}

/* ---- rows ---- */

static void landing_upserts_by_nested_key(void **state) {
    struct ctx *ctx = *state;
    declare(ctx, "users", "login.uuid", true);
    struct landing_count c = PUT(ctx, "users", "{\"name\":\"Ada\",\"login\":{\"uuid\":\"b\"}}",
                                 "{\"name\":\"Bob\",\"login\":{\"uuid\":\"a\"}}");
    assert_int_equal(c.inserted, 2);
    c = PUT(ctx, "users", "{\"name\":\"Ada\",\"login\":{\"uuid\":\"b\"}}",
            "{\"name\":\"Rob\",\"login\":{\"uuid\":\"a\"}}",
            "{\"name\":\"New\",\"login\":{\"uuid\":\"c\"}}");
    assert_int_equal(c.in, 3);
    assert_int_equal(c.unchanged, 1);
    assert_int_equal(c.updated, 1);
    assert_int_equal(c.inserted, 1);
    ROWS(ctx, "users", "{\"name\":\"Rob\",\"login\":{\"uuid\":\"a\"}}",
         "{\"name\":\"Ada\",\"login\":{\"uuid\":\"b\"}}",
         "{\"name\":\"New\",\"login\":{\"uuid\":\"c\"}}");
    struct change *change = next(ctx, 4);
    expect(&change[0], 'c', "b", NULL, "{\"name\":\"Ada\",\"login\":{\"uuid\":\"b\"}}");
    expect(&change[2], 'u', "a", "{\"name\":\"Bob\",\"login\":{\"uuid\":\"a\"}}",
           "{\"name\":\"Rob\",\"login\":{\"uuid\":\"a\"}}");
    expect(&change[3], 'c', "c", NULL, "{\"name\":\"New\",\"login\":{\"uuid\":\"c\"}}");
    assert_true(str_eqz(change[0].table, "users"));
    assert_int_equal(change[0].seq, change[1].seq);
    assert_int_equal(change[1].idx, 1);
    assert_true(change[2].seq > change[1].seq);
}

static void landing_later_row_of_a_call_wins(void **state) {
    struct ctx *ctx = *state;
    declare(ctx, "t", "id", true);
    struct landing_count c = PUT(ctx, "t", "{\"id\":1,\"v\":1}", "{\"id\":1,\"v\":2}");
    assert_int_equal(c.inserted, 1);
    assert_int_equal(c.updated, 1);
    ROWS(ctx, "t", "{\"id\":1,\"v\":2}");
    struct change *change = next(ctx, 2);
    expect(&change[1], 'u', "1", "{\"id\":1,\"v\":1}", "{\"id\":1,\"v\":2}");
}

static void landing_without_key_keeps_every_row(void **state) {
    struct ctx *ctx = *state;
    declare(ctx, "t", NULL, true);
    PUT(ctx, "t", "{\"v\":1}", "{\"v\":1}");
    ROWS(ctx, "t", "{\"v\":1}", "{\"v\":1}");
    expect(&next(ctx, 2)[1], 'c', NULL, NULL, "{\"v\":1}");
}

static void landing_composite_key_is_a_list(void **state) {
    struct ctx *ctx = *state;
    struct str keys[] = {S("a"), S("b.c")};
    struct landing_table table = {S("t"), keys, 2, true};
    assert_int_equal(landing_declare(ctx->landing, &table), 0);
    PUT(ctx, "t", "{\"a\":1,\"b\":{\"c\":\"x\"}}", "{\"a\":1,\"b\":{\"c\":\"y\"}}");
    struct landing_count c = PUT(ctx, "t", "{\"a\":1,\"b\":{\"c\":\"x\"}}");
    assert_int_equal(c.unchanged, 1);
    expect(&next(ctx, 2)[1], 'c', "[1,\"y\"]", NULL, "{\"a\":1,\"b\":{\"c\":\"y\"}}");
}

/* Each value comes back as it came, also where a column has seen other kinds before or after. */
static void landing_values_keep_their_kind(void **state) {
    struct ctx *ctx = *state;
    static const char *const values[] = {
        "1", "\"1\"", "\"007\"", "1.5", "\"1.5\"", "true", "\"true\"", "false", "null", "0",
        "{\"a\":1}", "[1,\"2\"]", "\"{}\"", "\"[1]\"", "9007199254740993", "1e3",
        "-9223372036854775808", "123456789012345678901234567890", "0.1", "0.30000000000000004",
        "3.14159265358979323846", "\"\"", "\" 12 \"", "\"a\\nb\\\"c\\\\\"", "\"\xC3\xA9\"",
        "\"null\"", "-0.5", "[]", "{}", "1e400", "1e-400", "0.0",
    };
    size_t cnt = ARRAY_LEN(values);
    size_t step = ctx->lite ? 1 : 5; /* elsewhere a commit costs more */
    for (size_t first = 0; first < cnt; first += step) {
        char name[32], row[256];
        snprintf(name, sizeof name, "t%zu", first);
        declare(ctx, name, "id", false);
        for (size_t i = 0; i < cnt; i++) {
            size_t at = i == 0 ? first : i <= first ? i - 1 : i;
            snprintf(row, sizeof row, "{\"id\":%zu,\"v\":%s}", at, values[at]);
            PUT(ctx, name, row);
        }
        struct str *got;
        size_t got_cnt;
        arena_reset(&ctx->arena);
        assert_int_equal(landing_rows(ctx->landing, S(name), ALL, &ctx->arena, &got, &got_cnt),
                         0);
        assert_int_equal(got_cnt, cnt);
        for (size_t i = 0; i < cnt; i++) {
            char want[256], one[256];
            snprintf(one, sizeof one, "{\"id\":%zu,\"v\":%s}", i, values[i]);
            const char *text = !strcmp(values[i], "1e3") ? "1000" : values[i];
            snprintf(want, sizeof want, "{\"id\":%zu,\"v\":%s}", i, text);
            char with_point[256];
            snprintf(with_point, sizeof with_point, "{\"id\":%zu,\"v\":%s.0}", i, text);
            char whole[256];
            snprintf(whole, sizeof whole, "{\"id\":%zu,\"v\":%s}", i,
                     !strcmp(text, "0.0") ? "0" : text);
            bool ok = str_eqz(got[i], want) || str_eqz(got[i], with_point) ||
                      str_eqz(got[i], whole) || str_eqz(got[i], one);
            if (!ok) fail_msg("table %zu: %.*s, not %s", first, STR_ARG(got[i]), want);
            struct landing_count c = PUT(ctx, name, one);
            if (c.unchanged != 1) fail_msg("table %zu: %s counts as changed", first, one);
        }
    }
}

static void landing_row_without_a_member_again_is_no_change(void **state) {
    struct ctx *ctx = *state;
    declare(ctx, "t", "id", true);
    PUT(ctx, "t", "{\"id\":1,\"v\":1,\"n\":\"x\"}", "{\"id\":2,\"v\":1}");
    struct landing_count c = PUT(ctx, "t", "{\"id\":2,\"v\":1}");
    assert_int_equal(c.unchanged, 1);
    c = PUT(ctx, "t", "{\"id\":1,\"v\":1}", "{\"id\":2,\"v\":1,\"n\":null}");
    assert_int_equal(c.updated, 1); /* the one that had it */
    assert_int_equal(c.unchanged, 1);
}

/* Rows are written, the column is made to hold more, rows are written again: all in one call. */
static void landing_widens_a_column_of_rows_just_written(void **state) {
    struct ctx *ctx = *state;
    declare(ctx, "t", "id", true);
    PUT(ctx, "t", "{\"id\":1,\"v\":1.5}", "{\"id\":2,\"v\":1500000000000000.0}",
        "{\"id\":3,\"v\":2.5}");
    ROWS(ctx, "t", "{\"id\":1,\"v\":1.5}", "{\"id\":2,\"v\":1500000000000000.0}",
         "{\"id\":3,\"v\":2.5}");
    PUT(ctx, "t", "{\"id\":4,\"v\":3.5}", "{\"id\":5,\"v\":\"x\"}");
    ROWS(ctx, "t", "{\"id\":1,\"v\":1.5}", "{\"id\":2,\"v\":1500000000000000.0}",
         "{\"id\":3,\"v\":2.5}", "{\"id\":4,\"v\":3.5}", "{\"id\":5,\"v\":\"x\"}");
}

static void landing_widens_in_the_same_transaction(void **state) {
    struct ctx *ctx = *state;
    struct landing_info *info;
    size_t cnt;
    declare(ctx, "t", "id", true);
    PUT(ctx, "t", "{\"id\":1,\"a\":{\"x\":1}}");
    PUT(ctx, "t", "{\"id\":2,\"a\":{\"x\":1.5,\"y\":[true]},\"b\":\"z\"}", "{\"id\":3,\"c\":null}");
    assert_int_equal(landing_tables(ctx->landing, &ctx->arena, &info, &cnt), 0);
    assert_int_equal(cnt, 1);
    assert_int_equal(info[0].row_cnt, 3);
    struct buf text;
    buf_init(&text, 4096);
    type_format(info[0].row, &text);
    buf_putc(&text, 0);
    assert_string_equal(text.ptr, "STRUCT<id: BIGINT, a: STRUCT<x: DOUBLE, y: ARRAY<BOOLEAN>>, "
                                  "b: STRING, c: VOID>");
    buf_fini(&text);
    ROWS(ctx, "t", "{\"id\":1,\"a\":{\"x\":1},\"b\":null,\"c\":null}",
         "{\"id\":2,\"a\":{\"x\":1.5,\"y\":[true]},\"b\":\"z\",\"c\":null}",
         "{\"id\":3,\"a\":null,\"b\":null,\"c\":null}");
    next(ctx, 3);
}

static void landing_abort_takes_the_new_columns_back(void **state) {
    struct ctx *ctx = *state;
    struct landing_tx *tx;
    struct str row = S("{\"id\":2,\"b\":1}");
    declare(ctx, "t", "id", true);
    PUT(ctx, "t", "{\"id\":1}");
    assert_int_equal(landing_begin(ctx->landing, &tx), 0);
    assert_int_equal(landing_upsert(tx, S("t"), &row, 1, NULL), 0);
    landing_abort(tx);
    ROWS(ctx, "t", "{\"id\":1}");
    PUT(ctx, "t", "{\"id\":3,\"b\":\"x\"}");
    ROWS(ctx, "t", "{\"id\":1,\"b\":null}", "{\"id\":3,\"b\":\"x\"}");
    next(ctx, 2);
}

static void landing_bad_rows_are_named_by_number(void **state) {
    struct ctx *ctx = *state;
    declare(ctx, "t", "id", true);
    PUT(ctx, "t", "{\"id\":1,\"v\":0}");
    static const char *const bad[] = {"{\"v\":1}", "{\"id\":null}", "[1]", "{\"id\":2", "\"x\"",
                                      "", "{\"id\":2,}", "{\"id\":\"\xFF\"}"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(put_bad(ctx, "t", bad[i]), ERR_INVAL);
    }
    struct landing_tx *tx;
    struct str rows[] = {S("{\"id\":7}"), S("{\"v\":1}")};
    assert_int_equal(landing_begin(ctx->landing, &tx), 0);
    assert_int_equal(landing_upsert(tx, S("t"), rows, 2, NULL), ERR_INVAL);
    assert_non_null(strstr(err_note(), "row 2"));
    assert_non_null(strstr(err_note(), "id"));
    landing_abort(tx);
    ROWS(ctx, "t", "{\"id\":1,\"v\":0}");
}

static void landing_limits_hold(void **state) {
    struct ctx *ctx = *state;
    struct buf row;
    buf_init(&row, 4 * MIB);
    declare(ctx, "t", "id", true);
    buf_putz(&row, "{\"id\":1,\"v\":\"");
    while (row.len < LANDING_ROW_MAX) buf_putc(&row, 'x');
    buf_put(&row, "\"}", 3);
    assert_int_equal(put_bad(ctx, "t", row.ptr), ERR_TOO_BIG);
    buf_reset(&row);
    for (int i = 0; i < LANDING_COL_MAX; i++) buf_printf(&row, "%c\"c%d\":%d", i ? ',' : '{', i, i);
    buf_put(&row, "}", 2);
    declare(ctx, "wide", "c0", true);
    PUT(ctx, "wide", row.ptr);
    PUT(ctx, "wide", "{\"c0\":0}");
    sql(ctx, "UPDATE wide SET c999=7 WHERE c0=0");
    struct change *change = next(ctx, 3);
    assert_true(str_ends(change[2].after, S("\"c999\":7}")));
    assert_int_equal(put_bad(ctx, "wide", "{\"c0\":1,\"one_more\":1}"), ERR_TOO_BIG);
    buf_fini(&row);
}

static void landing_hostile_names_are_names(void **state) {
    struct ctx *ctx = *state;
    const char *table = "x\"; DROP TABLE _sluice_outbox; --'`[%s%n]";
    const char *row = "{\"a\\\"b'; --\":1,\"A\\\"B'; --\":2,\"\":3,\"\\u0000\":4,\"rowid\":5,"
                      "\"k y\":{\"z\":\"it's\"},\"k y.z\":6,\"%s||'\":7}";
    declare(ctx, table, "['k y'].z", true);
    PUT(ctx, table, row);
    PUT(ctx, table, row);
    struct change *change = next(ctx, 1);
    expect(&change[0], 'c', "it's", NULL, row);
    assert_true(str_eqz(change[0].table, table));
    ROWS(ctx, table, row);
    sql(ctx, "UPDATE \"x\"\"; DROP TABLE _sluice_outbox; --'`[%s%n]\" SET \"rowid\"=50");
    change = next(ctx, 1);
    assert_true(str_eqz(change[0].table, table));
    assert_true(str_eqz(change[0].key, "it's"));
    assert_non_null(strstr(change[0].after.ptr, "\"rowid\":50"));
    static const char *const bad[] = {"", "_sluice_run", "_SLUICE_x", "sqlite_schema", "\xFF"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct landing_table decl = {S(bad[i]), NULL, 0, true};
        assert_int_equal(landing_declare(ctx->landing, &decl), ERR_INVAL);
    }
}

static void landing_declare_refuses_another_key(void **state) {
    struct ctx *ctx = *state;
    declare(ctx, "t", "id", true);
    declare(ctx, "t", "other", true); /* not made yet: may change */
    declare(ctx, "t", "id", true);
    PUT(ctx, "t", "{\"id\":1}");
    struct str key = S("other");
    struct landing_table table = {S("t"), &key, 1, true};
    assert_int_equal(landing_declare(ctx->landing, &table), ERR_CONFLICT);
    struct landing_tx *tx;
    struct str row = S("{\"id\":1}");
    assert_int_equal(landing_begin(ctx->landing, &tx), 0);
    assert_int_equal(landing_upsert(tx, S("never"), &row, 1, NULL), ERR_NOT_FOUND);
    landing_abort(tx);
    struct str *rows;
    size_t cnt;
    assert_int_equal(landing_rows(ctx->landing, S("never"), ALL, &ctx->arena, &rows, &cnt),
                     ERR_NOT_FOUND);
}

/* ---- changes ---- */

static void capture_hands_out_again_what_was_not_acked(void **state) {
    struct ctx *ctx = *state;
    struct capture_lag lag;
    declare(ctx, "t", "id", true);
    PUT(ctx, "t", "{\"id\":1}");
    PUT(ctx, "t", "{\"id\":2}");
    PUT(ctx, "t", "{\"id\":3}");
    struct change *change = next(ctx, 3);
    uint64_t first = change[0].seq, second = change[1].seq;
    assert_int_equal(capture_ack(ctx->capture, first), 0);
    assert_int_equal(capture_lag(ctx->capture, &lag), 0);
    assert_int_equal(lag.cnt, 2);
    assert_true(lag.oldest_us > 0);
    assert_int_equal(capture_ack(ctx->capture, change[2].seq + 1), ERR_INVAL);
    ctx_close(ctx);
    ctx_open(ctx);
    declare(ctx, "t", "id", true);
    change = next(ctx, 2);
    assert_int_equal(change[0].seq, second);
    expect(&change[1], 'c', "3", NULL, "{\"id\":3}");
    assert_int_equal(capture_ack(ctx->capture, change[1].seq), 0);
    uint64_t last = change[1].seq;
    ctx_close(ctx);
    ctx_open(ctx);
    declare(ctx, "t", "id", true);
    if (ctx->lite) sql_expect(ctx, "SELECT count(*) FROM _sluice_outbox", "0");
    PUT(ctx, "t", "{\"id\":4}");
    assert_true(next(ctx, 1)[0].seq > last); /* never given twice, though the outbox was empty */
}

static void capture_sees_other_programs(void **state) {
    struct ctx *ctx = *state;
    declare(ctx, "t", "id", true);
    PUT(ctx, "t", "{\"id\":1,\"ok\":true,\"n\":{\"a\":[1]},\"s\":\"x\",\"r\":1.5}");
    next(ctx, 1);
    sql(ctx, "UPDATE t SET s='it''s \"q\"' WHERE id=1");
    struct change *change = next(ctx, 1);
    expect(&change[0], 'u', "1",
           "{\"id\":1,\"ok\":true,\"n\":{\"a\":[1]},\"s\":\"x\",\"r\":1.5}",
           "{\"id\":1,\"ok\":true,\"n\":{\"a\":[1]},\"s\":\"it's \\\"q\\\"\",\"r\":1.5}");
    sql(ctx, "UPDATE t SET s=s; UPDATE t SET ok=(1=0), r=0.30000000000000004, n='7', s=NULL");
    change = next(ctx, 1); /* the first changes nothing */
    assert_true(str_eqz(change[0].after, "{\"id\":1,\"ok\":false,\"n\":7,\"s\":null,"
                                         "\"r\":0.30000000000000004}"));
    sql(ctx, "BEGIN; INSERT INTO t(id, s) VALUES(2, 'two'); DELETE FROM t WHERE id=1;"
             "UPDATE t SET id=3 WHERE id=2; COMMIT; BEGIN; DELETE FROM t; ROLLBACK");
    change = next(ctx, 4);
    expect(&change[0], 'c', "2", NULL,
           "{\"id\":2,\"ok\":null,\"n\":null,\"s\":\"two\",\"r\":null}");
    assert_int_equal(change[1].op, 'd');
    assert_int_equal(change[2].op, 'd'); /* a key that changes: the old one goes, a new one comes */
    assert_true(str_eqz(change[2].key, "2"));
    assert_int_equal(change[3].op, 'c');
    assert_true(str_eqz(change[3].key, "3"));
}

/* What only SQLite lets other programs put into a column. */
static void capture_sees_values_out_of_place(void **state) {
    struct ctx *ctx = *state;
    struct change *change;
    declare(ctx, "t", "id", true);
    PUT(ctx, "t", "{\"id\":1,\"n\":{\"a\":[1]},\"s\":\"x\"}");
    next(ctx, 1);
    if (!ctx->lite) return;
    sql(ctx, "UPDATE t SET n='junk'");
    change = next(ctx, 1);
    assert_true(str_eqz(change[0].after, "{\"id\":1,\"n\":\"junk\",\"s\":\"x\"}"));
    sql(ctx, "INSERT INTO t(id, s) VALUES(9, X'FF00'), (10, CAST(X'C328' AS TEXT)), (11, 9e999)");
    change = next(ctx, 3);
    assert_non_null(strstr(change[0].after.ptr, "\"s\":\"FF00\""));
    assert_true(str_utf8(change[1].after));
}

static void capture_follows_columns_added_by_others(void **state) {
    struct ctx *ctx = *state;
    declare(ctx, "t", "id", true);
    PUT(ctx, "t", "{\"id\":1}");
    sql(ctx, "ALTER TABLE t ADD COLUMN extra TEXT");
    PUT(ctx, "t", "{\"id\":2}"); /* whoever writes next sees it */
    sql(ctx, "UPDATE t SET extra='e' WHERE id=1");
    struct change *change = next(ctx, 3);
    expect(&change[2], 'u', "1", "{\"id\":1,\"extra\":null}", "{\"id\":1,\"extra\":\"e\"}");
    PUT(ctx, "t", "{\"id\":2,\"extra\":5}");
    ROWS(ctx, "t", "{\"id\":1,\"extra\":\"e\"}", "{\"id\":2,\"extra\":5}");
    next(ctx, 1);
}

static void capture_takes_tables_of_others(void **state) {
    struct ctx *ctx = *state;
    sql(ctx, "CREATE TABLE their(a TEXT, b INTEGER PRIMARY KEY, c REAL); "
             "INSERT INTO their VALUES('x', 1, 2.5), ('y', 2, NULL);");
    declare(ctx, "their", NULL, true);
    sql(ctx, "INSERT INTO their VALUES('z', 3, 1)");
    expect(&next(ctx, 1)[0], 'c', "3", NULL, "{\"a\":\"z\",\"b\":3,\"c\":1.0}");
    assert_int_equal(capture_snapshot(ctx->capture, S("their")), 0);
    struct change *change = next(ctx, 3);
    expect(&change[0], 'r', "1", NULL, "{\"a\":\"x\",\"b\":1,\"c\":2.5}");
    expect(&change[1], 'r', "2", NULL, "{\"a\":\"y\",\"b\":2,\"c\":null}");
    PUT(ctx, "their", "{\"b\":1,\"a\":\"X\",\"d\":[1]}");
    change = next(ctx, 1);
    if (ctx->lite)
        expect(&change[0], 'u', "1", "{\"a\":\"x\",\"b\":1,\"c\":2.5,\"d\":null}",
               "{\"b\":1,\"a\":\"X\",\"d\":[1]}");
    else /* PostgreSQL says the new row only, unless the table's owner asked for more */
        expect(&change[0], 'u', "1", NULL, "{\"a\":\"X\",\"b\":1,\"c\":null,\"d\":[1]}");
    declare(ctx, "their", NULL, false);
    sql(ctx, "DELETE FROM their");
    PUT(ctx, "their", "{\"b\":9}");
    struct change *none;
    size_t cnt;
    assert_int_equal(capture_next(ctx->capture, 10, 100000, &ctx->arena, &none, &cnt), 0);
    assert_int_equal(cnt, 0);
}

/* A user's own trigger on a captured table fires for our rows, and what it writes to another
 * captured table is not ours to leave out - yet each row of ours is there once. */
static void capture_lives_with_triggers_of_users(void **state) {
    struct ctx *ctx = *state;
    declare(ctx, "t", "id", true);
    PUT(ctx, "t", "{\"id\":1}");
    sql(ctx, ctx->lite ? "CREATE TABLE audit(id, at); CREATE TRIGGER mine AFTER INSERT ON t "
                         "BEGIN INSERT INTO audit VALUES(NEW.id, 1); END"
                       : "CREATE TABLE audit(id bigint, at int); CREATE FUNCTION f() RETURNS "
                         "trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO audit VALUES(NEW.id, 1); "
                         "RETURN NEW; END'; CREATE TRIGGER mine AFTER INSERT ON t FOR EACH ROW "
                         "EXECUTE FUNCTION f()");
    PUT(ctx, "t", "{\"id\":2}");
    sql_expect(ctx, "SELECT count(*) FROM audit", "1");
    next(ctx, 2);
    sql(ctx, "INSERT INTO t VALUES(3)");
    next(ctx, 1);
    sql_expect(ctx, "SELECT count(*) FROM audit", "2");
    if (ctx->lite) sql_expect(ctx, "SELECT count(*) FROM _sluice_writer", "0");
}

static void capture_entries_come_whole(void **state) {
    struct ctx *ctx = *state;
    enum { CNT = 5000 };
    struct landing_tx *tx;
    struct str *rows = arena_array(&ctx->arena, struct str, CNT);
    struct change *change;
    size_t cnt, sum = 0;
    declare(ctx, "t", "id", true);
    for (int i = 0; i < CNT; i++)
        rows[i] = arena_printf(&ctx->arena, "{\"id\":%d,\"v\":\"%0*d\"}", i, 500, i);
    assert_int_equal(landing_begin(ctx->landing, &tx), 0);
    assert_int_equal(landing_upsert(tx, S("t"), rows, CNT, NULL), 0);
    assert_int_equal(landing_commit(tx), 0);
    uint64_t seq = 0;
    while (sum < CNT) {
        assert_int_equal(capture_next(ctx->capture, 1, 5000000, &ctx->arena, &change, &cnt), 0);
        assert_true(cnt > 1);
        for (size_t i = 0; i < cnt; i++) {
            assert_true(change[i].seq > seq);
            assert_int_equal(change[i].idx, i);
            assert_true(str_eq(change[i].after, rows[sum + i]));
        }
        seq = change[0].seq;
        sum += cnt;
        assert_int_equal(capture_ack(ctx->capture, seq), 0);
    }
    assert_int_equal(sum, CNT);
}

static void capture_wake_returns_early(void **state) {
    struct ctx *ctx = *state;
    struct change *change;
    size_t cnt;
    capture_wake(ctx->capture);
    int64_t start = env_mono_us(env_real());
    assert_int_equal(capture_next(ctx->capture, 1, 20000000, &ctx->arena, &change, &cnt), 0);
    assert_int_equal(cnt, 0);
    assert_true(env_mono_us(env_real()) - start < 10000000);
}

/* ---- runs ---- */

static void landing_runs_commit_with_rows(void **state) {
    struct ctx *ctx = *state;
    struct landing_tx *tx;
    struct str row = S("{\"id\":1}"), value;
    struct run run = {.dag = S("p"), .id = S("scheduled__1"), .kind = RUN_SCHEDULED,
                      .state = RUN_RUNNING, .logical_us = 5, .by = S("scheduler")};
    struct run_try one = {.dag = S("p"), .run = S("scheduled__1"), .task = S("t"), .number = 1,
                          .state = RUN_SUCCESS, .rows_in = 1, .rows_new = 1, .log = S("line\n")};
    declare(ctx, "t", "id", true);
    for (int keep = 0; keep < 2; keep++) {
        struct run *runs;
        size_t cnt;
        assert_int_equal(landing_begin(ctx->landing, &tx), 0);
        assert_int_equal(landing_upsert(tx, S("t"), &row, 1, NULL), 0);
        assert_int_equal(landing_put_run(tx, &run), 0);
        assert_int_equal(landing_put_try(tx, &one), 0);
        assert_int_equal(landing_put_setting(tx, S("a"), S("b")), 0);
        if (keep) assert_int_equal(landing_commit(tx), 0);
        else landing_abort(tx);
        assert_int_equal(landing_runs(ctx->landing, STR_NULL, ALL, &ctx->arena, &runs, &cnt), 0);
        assert_int_equal(cnt, keep);
        int err = landing_setting(ctx->landing, S("a"), &ctx->arena, &value);
        assert_int_equal(err, keep ? 0 : ERR_NOT_FOUND);
    }
    struct run_try *tries;
    size_t cnt;
    struct run got;
    assert_int_equal(landing_tries(ctx->landing, S("p"), run.id, &ctx->arena, &tries, &cnt), 0);
    assert_int_equal(cnt, 1);
    assert_int_equal(tries[0].state, RUN_SUCCESS);
    assert_string_equal(tries[0].log.ptr, "line\n");
    run.state = RUN_FAILED;
    run.note = S("why");
    struct run twin = run;
    twin.id = S("scheduled__1_again");
    assert_int_equal(landing_begin(ctx->landing, &tx), 0);
    assert_int_equal(landing_put_run(tx, &run), 0);
    assert_int_equal(landing_commit(tx), 0);
    assert_int_equal(landing_run(ctx->landing, S("p"), run.id, &ctx->arena, &got), 0);
    assert_int_equal(got.state, RUN_FAILED);
    assert_string_equal(got.note.ptr, "why");
    assert_string_equal(got.by.ptr, "scheduler");
    assert_int_equal(landing_begin(ctx->landing, &tx), 0);
    assert_int_equal(landing_put_run(tx, &twin), ERR_EXISTS); /* one scheduled run a time */
    landing_abort(tx);
    assert_int_equal(landing_run(ctx->landing, S("p"), S("no"), &ctx->arena, &got), ERR_NOT_FOUND);
}

static int put_old_run(struct landing_tx *tx, const char *dag, int i, enum run_kind kind,
                       enum run_state state) {
    char id[32];
    snprintf(id, sizeof id, "%d", i);
    struct run run = {.dag = S(dag), .id = S(id), .kind = kind, .state = state, .logical_us = i};
    struct run_try one = {.dag = S(dag), .run = S(id), .task = S("t"), .number = 1, .state = state};
    int err = landing_put_run(tx, &run);
    return err ? err : landing_put_try(tx, &one);
}

/* "dag/id:tries " of all runs, newest first. */
static const char *all_runs(struct ctx *ctx) {
    struct run *run;
    struct run_try *tries;
    size_t cnt, try_cnt;
    struct str text = STR("");
    assert_int_equal(landing_runs(ctx->landing, STR_NULL, ALL, &ctx->arena, &run, &cnt), 0);
    for (size_t i = 0; i < cnt; i++) {
        assert_int_equal(landing_tries(ctx->landing, run[i].dag, run[i].id, &ctx->arena, &tries,
                                       &try_cnt), 0);
        text = arena_printf(&ctx->arena, "%.*s%.*s/%.*s:%zu ", STR_ARG(text), STR_ARG(run[i].dag),
                            STR_ARG(run[i].id), try_cnt);
    }
    return text.ptr;
}

static void trim(struct ctx *ctx, const char *dag, size_t newest, size_t max) {
    struct landing_tx *tx;
    assert_int_equal(landing_begin(ctx->landing, &tx), 0);
    assert_int_equal(landing_trim_runs(tx, S(dag), newest, max), 0);
    assert_int_equal(landing_commit(tx), 0);
}

static void landing_trims_old_scheduled_runs_with_their_tries(void **state) {
    struct ctx *ctx = *state;
    struct landing_tx *tx;
    assert_int_equal(landing_begin(ctx->landing, &tx), 0);
    for (int i = 1; i <= 6; i++) {
        enum run_state end = i == 2 ? RUN_FAILED : i == 3 ? RUN_RUNNING : RUN_SUCCESS;
        assert_int_equal(put_old_run(tx, "p", i * 10, RUN_SCHEDULED, end), 0);
    }
    assert_int_equal(put_old_run(tx, "p", 15, RUN_MANUAL, RUN_SUCCESS), 0);
    assert_int_equal(put_old_run(tx, "q", 5, RUN_SCHEDULED, RUN_SUCCESS), 0);
    assert_int_equal(landing_commit(tx), 0);
    trim(ctx, "p", 6, 10);
    assert_string_equal(all_runs(ctx), "p/60:1 p/50:1 p/40:1 p/30:1 p/20:1 p/15:1 p/10:1 q/5:1 ");
    trim(ctx, "p", 2, 1); /* the oldest first, one at a time */
    assert_string_equal(all_runs(ctx), "p/60:1 p/50:1 p/40:1 p/30:1 p/20:1 p/15:1 q/5:1 ");
    trim(ctx, "p", 2, 10); /* one still runs, one was asked for by hand */
    assert_string_equal(all_runs(ctx), "p/60:1 p/50:1 p/30:1 p/15:1 q/5:1 ");
    trim(ctx, "p", 2, 10);
    assert_string_equal(all_runs(ctx), "p/60:1 p/50:1 p/30:1 p/15:1 q/5:1 ");
}

static void landing_refuses_databases_of_others(void **state) {
    struct ctx *ctx = *state;
    struct landing *landing;
    struct landing_conf conf = {.env = env_real(), .url = ctx->url};
    ctx_close(ctx);
    sql(ctx, ctx->lite ? "PRAGMA user_version=99"
                       : "UPDATE _sluice_setting SET value='99' WHERE name='_sluice.format'");
    assert_int_equal(landing_open(&landing, &conf), ERR_UNSUPPORTED);
    if (ctx->lite) {
        sql(ctx, "PRAGMA application_id=7");
        assert_int_equal(landing_open(&landing, &conf), ERR_CONFLICT);
        conf.url = "sqlite:/no/such/folder/data.db";
        assert_int_equal(landing_open(&landing, &conf), ERR_IO);
    } else {
        char url[512];
        snprintf(url, sizeof url, "%s/no_such_database", server);
        conf.url = url;
        assert_int_equal(landing_open(&landing, &conf), ERR_NOT_FOUND);
        conf.url = "postgresql://x:secret@/y?no_such_parameter=1";
        assert_int_equal(landing_open(&landing, &conf), ERR_CONFIG);
        assert_null(strstr(err_note(), "secret"));
    }
    conf.url = "oracle:x";
    assert_int_equal(landing_open(&landing, &conf), ERR_CONFIG);
}

static void landing_on_postgres(void **state UNUSED) {
    SKIP_TEST("SLUICE_TEST_POSTGRES has no address: the suite ran on SQLite only");
}

#define TESTS(T)                                                                                  \
    T(landing_upserts_by_nested_key)                                                              \
    T(landing_later_row_of_a_call_wins)                                                           \
    T(landing_without_key_keeps_every_row)                                                        \
    T(landing_composite_key_is_a_list)                                                            \
    T(landing_values_keep_their_kind)                                                             \
    T(landing_row_without_a_member_again_is_no_change)                                            \
    T(landing_widens_a_column_of_rows_just_written)                                               \
    T(landing_widens_in_the_same_transaction)                                                     \
    T(landing_abort_takes_the_new_columns_back)                                                   \
    T(landing_bad_rows_are_named_by_number)                                                       \
    T(landing_limits_hold)                                                                        \
    T(landing_hostile_names_are_names)                                                            \
    T(landing_declare_refuses_another_key)                                                        \
    T(capture_hands_out_again_what_was_not_acked)                                                 \
    T(capture_sees_other_programs)                                                                \
    T(capture_sees_values_out_of_place)                                                           \
    T(capture_follows_columns_added_by_others)                                                    \
    T(capture_takes_tables_of_others)                                                             \
    T(capture_lives_with_triggers_of_users)                                                       \
    T(capture_entries_come_whole)                                                                 \
    T(capture_wake_returns_early)                                                                 \
    T(landing_runs_commit_with_rows)                                                              \
    T(landing_trims_old_scheduled_runs_with_their_tries)                                          \
    T(landing_refuses_databases_of_others)

#define LITE(name) cmocka_unit_test_setup_teardown(name, lite_setup, lite_teardown),
#define POSTGRES(name) cmocka_unit_test_setup_teardown(name, pg_setup, pg_teardown),

/* "postgresql://user@host:port" of "postgresql://user@host:port/database". */
static void find_server(void) {
    static char text[400];
    const char *url = getenv("SLUICE_TEST_POSTGRES");
    if (!url || !*url) return;
    const char *end = strrchr(url, '/');
    snprintf(text, sizeof text, "%.*s", (int)(end - url), url);
    server = text;
}

int main(void) {
    const struct CMUnitTest lite[] = {TESTS(LITE)};
    const struct CMUnitTest postgres[] = {TESTS(POSTGRES)};
    const struct CMUnitTest none[] = {cmocka_unit_test(landing_on_postgres)};
    find_server();
    int failed = cmocka_run_group_tests(lite, NULL, NULL);
    if (!server) return failed + cmocka_run_group_tests(none, NULL, NULL);
    return failed + cmocka_run_group_tests(postgres, NULL, NULL);
}
