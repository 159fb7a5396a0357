/* cqlexec_bind_test.c - prepared statements: what they tell, what is bound, who runs at once. */
#include "support/unit.h"

#include "base/err.h"
#include "store/cql/cqlexec.h"
#include "wire/cql/cqltext.h"

#include <pthread.h>

static struct store *store;
static struct cqlexec *exec;
static struct cqlexec_session session;
static struct arena arena;

static int run(const struct cqlexec_request *request, struct cqlexec_result *result,
               struct buf *rows) {
    buf_reset(rows);
    return cqlexec_run(exec, &session, request, &arena, rows, result);
}

static void must(const char *text) {
    struct cqlexec_request request = {.text = str_of(text), .ts_us = CQLEXEC_TS_NONE};
    struct cqlexec_result result;
    struct buf rows;
    buf_init(&rows, MIB);
    if (run(&request, &result, &rows)) fail_msg("%s: %s", text, err_note());
    buf_fini(&rows);
}

/* The rows of a SELECT: "1,x;2,null;" */
static const char *ask(const char *text) {
    struct cqlexec_request request = {.text = str_of(text), .ts_us = CQLEXEC_TS_NONE};
    struct cqlexec_result result;
    struct buf rows, out;
    buf_init(&rows, MIB);
    buf_init(&out, MIB);
    if (run(&request, &result, &rows)) fail_msg("%s: %s", text, err_note());
    struct rbuf in = rbuf_of_str(buf_str(&rows));
    for (int64_t r = 0; r < result.row_cnt; r++) {
        for (size_t i = 0; i < result.col_cnt; i++) {
            int32_t len = rbuf_i32(&in);
            struct str value = len < 0 ? STR_NULL : rbuf_bytes(&in, (size_t)len);
            if (i) buf_putc(&out, ',');
            cqltext_literal(result.col[i].type, value, &out);
        }
        buf_putc(&out, ';');
    }
    const char *answer = arena_strz(&arena, buf_str(&out));
    buf_fini(&rows);
    buf_fini(&out);
    return answer;
}

static int set_up(void **state UNUSED) {
    struct store_conf conf = {.env = env_real(), .url = "mem:"};
    arena_init(&arena);
    memset(&session, 0, sizeof session);
    assert_int_equal(store_open(&store, &conf), 0);
    struct cqlexec_conf with = {.env = env_real(), .store = store};
    assert_int_equal(cqlexec_open(&exec, &with), 0);
    must("CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy'}");
    must("USE ks");
    must("CREATE TABLE t (a int, b text, c int, v int, l list<int>, PRIMARY KEY ((a, b), c))");
    return 0;
}

static int tear_down(void **state UNUSED) {
    cqlexec_close(exec);
    store_close(store);
    arena_fini(&arena);
    return 0;
}

static struct str i32(int32_t n) {
    char *bytes = arena_bytes(&arena, 4);
    for (int i = 0; i < 4; i++)
        bytes[i] = (char)((uint32_t)n >> (24 - 8 * i));
    return (struct str){bytes, 4};
}

static struct cqlexec_prepared *prepare(const char *text) {
    struct cqlexec_prepared *prepared;
    if (cqlexec_prepare(exec, str_of(session.keyspace), str_of(text), &prepared))
        fail_msg("%s: %s", text, err_note());
    return prepared;
}

/* "a int,in(b) list<text>" and the places of the partition key. */
static const char *marks(const struct cqlexec_prepared *prepared) {
    struct buf out;
    buf_init(&out, MIB);
    for (size_t i = 0; i < prepared->bind_cnt; i++) {
        buf_printf(&out, "%s%.*s ", i ? "," : "", STR_ARG(prepared->bind[i].name));
        cqltype_format(prepared->bind[i].type, &out);
    }
    buf_putz(&out, " |");
    for (size_t i = 0; i < prepared->pkey_cnt; i++)
        buf_printf(&out, " %u", prepared->pkey[i]);
    const char *text = arena_strz(&arena, buf_str(&out));
    buf_fini(&out);
    return text;
}

static void markers_are_named_and_typed_as_drivers_expect(void **state UNUSED) {
    static const char *const cases[][2] = {
        {"INSERT INTO t (c, b, a, v) VALUES (?, ?, ?, ?) USING TTL ? AND TIMESTAMP ?",
         "c int,b text,a int,v int,[ttl] int,[timestamp] bigint | 2 1"},
        {"SELECT * FROM t WHERE b = ? AND a = ? AND c > ? LIMIT ?",
         "b text,a int,c int,[limit] int | 1 0"},
        {"SELECT * FROM t WHERE a IN ? AND b = 'x'", "in(a) list<int> |"},
        {"SELECT * FROM t WHERE a = 1 AND b = ?", "b text |"},
        {"SELECT * FROM t WHERE token(a, b) > ?", "partition key token bigint |"},
        {"UPDATE t SET v = :new, l[?] = ?, l = l + ? WHERE a = :a AND b = :b AND c = 1 IF v = ?",
         "new int,idx(l) int,value(l) int,l list<int>,a int,b text,v int | 4 5"},
        {"DELETE FROM t WHERE a = ? AND b = ? AND c IN (?, 2)", "a int,b text,c int | 0 1"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct cqlexec_prepared *prepared = prepare(cases[i][0]);
        assert_string_equal(marks(prepared), cases[i][1]);
        cqlexec_release(prepared);
    }
    struct cqlexec_prepared *prepared = prepare("SELECT v, count(*) AS n FROM t");
    assert_int_equal(prepared->kind, CQLEXEC_SELECT);
    assert_int_equal(prepared->col_cnt, 2);
    assert_true(str_eqz(prepared->col[1].name, "n"));
    assert_int_equal(prepared->col[1].type->kind, CQL_BIGINT);
    cqlexec_release(prepared);
}

static void the_id_is_the_md5_of_keyspace_and_text(void **state UNUSED) {
    struct cqlexec_prepared *a = prepare("SELECT * FROM t"), *b = prepare("SELECT * FROM t");
    static const uint8_t md5[16] = {
        0x12, 0x5e, 0x49, 0x2e, 0xa5, 0x17, 0x17, 0x99, 0x0e, 0xba, 0x47, 0x38,
        0xbb, 0xb5, 0x9b, 0xdb};
    assert_memory_equal(a->id, b->id, 16);
    assert_memory_equal(a->id, md5, 16);
    cqlexec_release(a);
    cqlexec_release(b);
}

static void mistakes_are_told_when_preparing(void **state UNUSED) {
    static const char *const cases[] = {
        "SELECT * FROM nope", "SELECT zz FROM t WHERE a = ?", "INSERT INTO t (a, b) VALUES (?, ?)",
        "SELECT * FROM t WHERE c = ?", "INSERT INTO t (a, b, c, v) VALUES (?, ?, ?, 'x')"};
    struct cqlexec_prepared *prepared;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(cqlexec_prepare(exec, STR("ks"), str_of(cases[i]), &prepared), ERR_INVAL);
}

static int execute(struct cqlexec_prepared *prepared, const struct str *value, size_t cnt,
                   const struct str *name) {
    struct cqlexec_request request = {.prepared = prepared, .value = value, .value_cnt = cnt,
                                      .name = name, .ts_us = CQLEXEC_TS_NONE};
    struct cqlexec_result result;
    struct buf rows;
    buf_init(&rows, MIB);
    int err = run(&request, &result, &rows);
    buf_fini(&rows);
    return err;
}

static void null_deletes_and_unset_leaves_alone(void **state UNUSED) {
    struct cqlexec_prepared *insert =
        prepare("INSERT INTO t (a, b, c, v, l) VALUES (?, ?, ?, ?, ?)");
    struct str list = {"\0\0\0\1\0\0\0\4\0\0\0\7", 12}, empty = {"\0\0\0\0", 4};
    struct str value[] = {i32(1), STR("x"), i32(2), i32(3), list};
    assert_int_equal(execute(insert, value, 5, NULL), 0);
    assert_string_equal(ask("SELECT v, l FROM t"), "3,[7];");
    value[3] = cqlexec_unset;
    value[4] = empty;
    assert_int_equal(execute(insert, value, 5, NULL), 0);
    assert_string_equal(ask("SELECT v, l FROM t"), "3,null;");
    value[3] = STR_NULL;
    value[4] = cqlexec_unset;
    assert_int_equal(execute(insert, value, 5, NULL), 0);
    assert_string_equal(ask("SELECT v, l FROM t"), "null,null;");
    value[0] = cqlexec_unset;
    assert_int_equal(execute(insert, value, 5, NULL), ERR_INVAL);
    assert_string_equal(err_note(), "Invalid unset value for column a");
    value[0] = STR("abc");
    assert_int_equal(execute(insert, value, 5, NULL), ERR_TYPE);
    assert_string_equal(err_note(), "Expected 4 or 0 byte int (3)");
    assert_int_equal(execute(insert, value, 4, NULL), ERR_INVAL);
    assert_string_equal(err_note(), "Invalid amount of bind variables");
    cqlexec_release(insert);
}

static void values_may_come_by_name(void **state UNUSED) {
    struct cqlexec_prepared *insert = prepare("INSERT INTO t (a, b, c, v) VALUES (:x, ?, :x, 5)");
    struct str name[] = {STR("b"), STR("x")}, value[] = {STR("text"), i32(9)};
    assert_int_equal(execute(insert, value, 2, name), 0);
    assert_string_equal(ask("SELECT a, b, c, v FROM t"), "9,'text',9,5;");
    name[1] = STR("y");
    assert_int_equal(execute(insert, value, 2, name), ERR_INVAL);
    cqlexec_release(insert);
}

static void sets_are_kept_in_order_however_they_are_bound(void **state UNUSED) {
    must("CREATE TABLE s (k int PRIMARY KEY, s set<text>, m map<int, text>)");
    struct cqlexec_prepared *insert = prepare("INSERT INTO s (k, s, m) VALUES (1, ?, ?)");
    struct str value[] = {{"\0\0\0\3\0\0\0\1b\0\0\0\1a\0\0\0\1b", 19},
                          {"\0\0\0\2\0\0\0\4\0\0\0\2\0\0\0\1y\0\0\0\4\0\0\0\1\0\0\0\1x", 30}};
    assert_int_equal(execute(insert, value, 2, NULL), 0);
    assert_string_equal(ask("SELECT s, m FROM s"), "{'a', 'b'},{1: 'x', 2: 'y'};");
    cqlexec_release(insert);
}

static void a_statement_follows_its_schema(void **state UNUSED) {
    struct cqlexec_prepared *insert = prepare("INSERT INTO t (a, b, c, v) VALUES (1, 'x', 1, ?)");
    struct cqlexec_prepared *all = prepare("SELECT * FROM t WHERE a = 1 AND b = 'x'");
    struct str value = i32(5);
    assert_int_equal(execute(insert, &value, 1, NULL), 0);
    must("ALTER TABLE t ADD z text");
    assert_int_equal(execute(insert, &value, 1, NULL), 0);
    struct cqlexec_request request = {.prepared = all, .ts_us = CQLEXEC_TS_NONE};
    struct cqlexec_result result;
    struct buf rows;
    buf_init(&rows, MIB);
    assert_int_equal(run(&request, &result, &rows), 0);
    assert_int_equal(result.col_cnt, all->col_cnt + 1);
    assert_memory_not_equal(result.meta_id, all->meta_id, 16);
    must("TRUNCATE t");
    assert_int_equal(execute(insert, &value, 1, NULL), 0);
    assert_string_equal(ask("SELECT v FROM t"), "5;");
    must("DROP TABLE t");
    assert_int_equal(execute(insert, &value, 1, NULL), ERR_INVAL);
    buf_fini(&rows);
    cqlexec_release(insert);
    cqlexec_release(all);
}

static void a_batch_is_all_or_nothing(void **state UNUSED) {
    struct cqlexec_prepared *insert = prepare("INSERT INTO t (a, b, c, v) VALUES (?, 'x', 1, 1)");
    struct str good = i32(1), bad = STR("bad");
    struct cqlexec_request item[] = {
        {.prepared = insert, .value = &good, .value_cnt = 1},
        {.text = STR("UPDATE t SET v = 7 WHERE a = 2 AND b = 'x' AND c = 1")},
        {.prepared = insert, .value = &bad, .value_cnt = 1}};
    struct cqlexec_batch batch = {CQLEXEC_LOGGED, item, 3, 77};
    struct cqlexec_result result;
    struct buf rows;
    buf_init(&rows, MIB);
    assert_int_equal(cqlexec_run_batch(exec, &session, &batch, &arena, &rows, &result), ERR_TYPE);
    assert_int_equal(result.error.code, 0x2200);
    assert_string_equal(ask("SELECT * FROM t"), "");
    batch.item_cnt = 2;
    assert_int_equal(cqlexec_run_batch(exec, &session, &batch, &arena, &rows, &result), 0);
    assert_string_equal(ask("SELECT a, v, writetime(v) FROM t WHERE a IN (1, 2) AND b = 'x'"),
                        "1,1,77;2,7,77;");
    item[1].text = STR("SELECT * FROM t");
    assert_int_equal(cqlexec_run_batch(exec, &session, &batch, &arena, &rows, &result), ERR_INVAL);
    buf_fini(&rows);
    cqlexec_release(insert);
}

static void a_paging_state_of_a_client_is_checked(void **state UNUSED) {
    must("INSERT INTO t (a, b, c) VALUES (1, 'x', 1)");
    struct cqlexec_result result;
    struct buf rows;
    char state_bytes[64];
    buf_init(&rows, MIB);
    for (size_t len = 0; len < sizeof state_bytes; len++) {
        memset(state_bytes, (int)len * 37, sizeof state_bytes);
        state_bytes[0] = 1;
        struct cqlexec_request request = {.text = STR("SELECT * FROM t"), .page_size = 1,
                                          .paging_state = {state_bytes, len},
                                          .ts_us = CQLEXEC_TS_NONE};
        assert_int_equal(run(&request, &result, &rows), ERR_INVAL);
        assert_string_equal(err_note(), "Invalid value for the paging state");
    }
    buf_fini(&rows);
}

/* ---- at once -------------------------------------------------------------------------------- */

struct thread {
    pthread_t id;
    const char *text;
    int cnt, applied;
};

static void *repeat(void *arg) {
    struct thread *t = arg;
    struct arena own = ARENA_INIT;
    struct cqlexec_session mine = {"ks"};
    struct buf rows;
    buf_init(&rows, MIB);
    for (int i = 0; i < t->cnt; i++) {
        struct cqlexec_request request = {.text = str_of(t->text), .ts_us = CQLEXEC_TS_NONE};
        struct cqlexec_result result;
        buf_reset(&rows);
        CHECK(cqlexec_run(exec, &mine, &request, &own, &rows, &result) == 0);
        t->applied += result.kind == CQLEXEC_ROWS && rows.len >= 5 && rows.ptr[4] == 1;
        arena_reset(&own);
    }
    arena_fini(&own);
    buf_fini(&rows);
    return NULL;
}

static int at_once(const char *text, int cnt) {
    struct thread thread[4];
    int applied = 0;
    for (size_t i = 0; i < ARRAY_LEN(thread); i++) {
        thread[i] = (struct thread){.text = text, .cnt = cnt};
        assert_int_equal(pthread_create(&thread[i].id, NULL, repeat, &thread[i]), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(thread); i++) {
        pthread_join(thread[i].id, NULL);
        applied += thread[i].applied;
    }
    return applied;
}

static void counters_count_every_increment(void **state UNUSED) {
    must("CREATE TABLE n (k int PRIMARY KEY, c counter)");
    (void)at_once("UPDATE n SET c = c + 1 WHERE k = 1", 200);
    assert_string_equal(ask("SELECT c FROM n"), "800;");
}

static void only_one_insert_is_the_first(void **state UNUSED) {
    must("CREATE TABLE f (k int PRIMARY KEY, v int)");
    assert_int_equal(at_once("INSERT INTO f (k, v) VALUES (1, 0) IF NOT EXISTS", 50), 1);
    assert_int_equal(at_once("UPDATE f SET v = 1 WHERE k = 1 IF v = 0", 50), 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(markers_are_named_and_typed_as_drivers_expect),
        TEST(the_id_is_the_md5_of_keyspace_and_text),
        TEST(mistakes_are_told_when_preparing),
        TEST(null_deletes_and_unset_leaves_alone),
        TEST(values_may_come_by_name),
        TEST(sets_are_kept_in_order_however_they_are_bound),
        TEST(a_statement_follows_its_schema),
        TEST(a_batch_is_all_or_nothing),
        TEST(a_paging_state_of_a_client_is_checked),
        TEST(counters_count_every_increment),
        TEST(only_one_insert_is_the_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
