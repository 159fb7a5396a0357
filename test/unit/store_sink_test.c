/* store_sink_test.c - columnar rows become a table. */
#include "support/unit.h"

#include "base/err.h"
#include "model/batch.h"
#include "store/cql/cqlexec.h"
#include "wire/cql/cqltext.h"

static struct store *store;
static struct arena arena;
static char rejected[1024];

static int set_up(void **state UNUSED) {
    struct store_conf conf = {.env = env_real(), .url = "mem:"};
    arena_init(&arena);
    rejected[0] = 0;
    return store_open(&store, &conf);
}

static int tear_down(void **state UNUSED) {
    store_close(store);
    arena_fini(&arena);
    return 0;
}

static int note_reject(void *arg, uint32_t row, struct str reason) {
    size_t len = strlen(rejected);
    (void)arg;
    snprintf(rejected + len, sizeof rejected - len, "%u: %.*s\n", row, STR_ARG(reason));
    return 0;
}

static const struct type *row_type(const char *text) {
    const struct type *type;
    assert_int_equal(type_parse(str_of(text), &arena, &type), 0);
    return type;
}

static struct batch *new_rows(const char *text, uint32_t cnt) {
    const struct type *type = row_type(text);
    struct batch *rows = batch_new(&arena, type, cnt);
    for (size_t i = 0; i < type->field_cnt; i++)
        rows->col[i] = batch_vec(&arena, type->field[i].type, cnt);
    return rows;
}

static struct store_sink *open_sink(const char *type, const char *key) {
    struct store_sink *sink = NULL;
    struct store_sink_conf conf = {STR("ks"), STR("t"), row_type(type), str_of(key), 0};
    assert_int_equal(store_sink_open(store, &conf, &sink), 0);
    return sink;
}

static int fails(const char *type, const char *key) {
    struct store_sink *sink = NULL;
    struct store_sink_conf conf = {STR("ks"), STR("t"), row_type(type), str_of(key), 0};
    return store_sink_open(store, &conf, &sink);
}

static void send(struct store_sink *sink, const struct batch *rows, const int64_t *ts) {
    struct store_tx *tx;
    assert_int_equal(store_begin(store, &tx), 0);
    assert_int_equal(store_sink_rows(sink, tx, rows, ts, note_reject, NULL), 0);
    assert_int_equal(store_commit(tx), 0);
}

/* The answer of a SELECT, a line a row. */
static const char *ask(const char *text) {
    struct cqlexec *exec;
    struct cqlexec_conf conf = {.env = env_real(), .store = store};
    struct cqlexec_session session = {""};
    struct cqlexec_request request = {.text = str_of(text), .ts_us = CQLEXEC_TS_NONE};
    struct cqlexec_result result;
    struct buf rows, out;
    buf_init(&rows, MIB);
    buf_init(&out, MIB);
    assert_int_equal(cqlexec_open(&exec, &conf), 0);
    if (cqlexec_run(exec, &session, &request, &arena, &rows, &result)) fail_msg("%s", err_note());
    struct rbuf in = rbuf_of_str(buf_str(&rows));
    for (int64_t r = 0; r < result.row_cnt; r++) {
        for (size_t i = 0; i < result.col_cnt; i++) {
            int32_t len = rbuf_i32(&in);
            struct str value = len < 0 ? STR_NULL : rbuf_bytes(&in, (size_t)len);
            if (i) buf_putz(&out, " | ");
            cqltext_literal(result.col[i].type, value, &out);
        }
        buf_putc(&out, '\n');
    }
    const char *answer = arena_strz(&arena, buf_str(&out));
    buf_fini(&rows);
    buf_fini(&out);
    cqlexec_close(exec);
    return answer;
}

static void every_type_arrives(void **state UNUSED) {
    const char *type = "STRUCT<id: STRING, b: BOOLEAN, i: INT, l: BIGINT, d: DOUBLE, "
                       "m: DECIMAL(10,2), dt: DATE, ts: TIMESTAMP, bin: BINARY, a: ARRAY<INT>, "
                       "camelCase: STRING>";
    struct store_sink *sink = open_sink(type, "id uuid");
    struct batch *rows = new_rows(type, 1);
    int64_t ts = 1000;
    rows->col[0]->str[0] = STR("c37d661d-7e61-49ea-96a5-68c34e83db3a");
    rows->col[1]->b[0] = 1;
    rows->col[2]->i32[0] = -7;
    rows->col[3]->i64[0] = 1234567890123;
    rows->col[4]->f64[0] = 2.5;
    rows->col[5]->dec[0] = -1234;
    rows->col[6]->i32[0] = 1;
    rows->col[7]->i64[0] = -1500; /* microseconds */
    rows->col[8]->str[0] = (struct str){"\0\1", 2};
    uint32_t off[] = {0, 2};
    rows->col[9]->off = off;
    rows->col[9]->kid = arena_array(&arena, struct vec *, 1);
    rows->col[9]->kid[0] = batch_vec(&arena, type_of(TYPE_I32), 2);
    rows->col[9]->kid[0]->i32[0] = 3;
    rows->col[9]->kid[0]->i32[1] = 4;
    rows->col[10]->str[0] = STR("it's");
    send(sink, rows, &ts);
    assert_string_equal(ask("SELECT id, b, i, l, d, m, dt, ts, bin, a, \"camelCase\" FROM ks.t"),
                        "c37d661d-7e61-49ea-96a5-68c34e83db3a | true | -7 | 1234567890123 | 2.5 | "
                        "-12.34 | '1970-01-02' | '1969-12-31 23:59:59.998Z' | 0x0001 | '[3,4]' | "
                        "'it''s'\n");
    assert_string_equal(rejected, "");
    store_sink_close(sink);
}

static void rows_without_a_key_are_rejected_with_the_reason(void **state UNUSED) {
    const char *type = "STRUCT<id: STRING, v: INT>";
    struct store_sink *sink = open_sink(type, "id uuid");
    struct batch *rows = new_rows(type, 4);
    int64_t ts[] = {1, 2, 3, 4};
    uint32_t sel[] = {0, 1, 3};
    rows->col[0]->str[0] = STR("no uuid");
    rows->col[0]->str[1] = STR("");
    batch_set_null(rows->col[0], &arena, 1);
    rows->col[0]->str[2] = STR("left out by the selection");
    rows->col[0]->str[3] = STR("c37d661d-7e61-49ea-96a5-68c34e83db3a");
    batch_set_null(rows->col[1], &arena, 3);
    rows->sel = sel;
    rows->sel_cnt = 3;
    send(sink, rows, ts);
    assert_string_equal(rejected, "0: column id: Unable to make UUID from 'no uuid'\n"
                                  "1: column id is NULL, but it is part of the key\n");
    assert_string_equal(ask("SELECT id, v FROM ks.t"),
                        "c37d661d-7e61-49ea-96a5-68c34e83db3a | null\n");
    store_sink_close(sink);
}

static void the_later_timestamp_wins_and_a_repeat_changes_nothing(void **state UNUSED) {
    const char *type = "STRUCT<k: STRING, at: BIGINT, v: STRING>";
    struct store_sink *sink = open_sink(type, "(k), at timestamp DESC");
    struct batch *rows = new_rows(type, 3);
    int64_t ts[] = {20, 10, 5};
    for (int i = 0; i < 3; i++)
        rows->col[0]->str[i] = STR("a");
    rows->col[1]->i64[2] = 5000;
    rows->col[2]->str[0] = STR("new");
    rows->col[2]->str[1] = STR("old");
    rows->col[2]->str[2] = STR("other");
    send(sink, rows, ts);
    const char *once = ask("SELECT at, v, writetime(v) FROM ks.t WHERE k = 'a'");
    assert_string_equal(once, "'1970-01-01 00:00:05.000Z' | 'other' | 5\n"
                              "'1970-01-01 00:00:00.000Z' | 'new' | 20\n");
    send(sink, rows, ts);
    assert_string_equal(ask("SELECT at, v, writetime(v) FROM ks.t WHERE k = 'a'"), once);
    store_sink_close(sink);
}

static void a_table_is_widened_and_a_dropped_one_made_again(void **state UNUSED) {
    struct store_sink *sink = open_sink("STRUCT<k: STRING, a: INT>", "k");
    const char *wide = "STRUCT<k: STRING, a: INT, b: BIGINT>";
    struct store_sink *other = open_sink(wide, "k");
    struct batch *rows = new_rows("STRUCT<k: STRING, a: INT>", 1);
    int64_t ts = 1;
    rows->col[0]->str[0] = STR("x");
    send(sink, rows, &ts);
    assert_string_equal(ask("SELECT k, a, b FROM ks.t"), "'x' | 0 | null\n");
    assert_int_equal(store_table_drop(store, STR("ks"), STR("t")), 0);
    send(sink, rows, &ts);
    assert_string_equal(ask("SELECT k, a FROM ks.t"), "'x' | 0\n");
    store_sink_close(sink);
    store_sink_close(other);
}

static void what_does_not_fit_is_refused_when_it_is_opened(void **state UNUSED) {
    store_sink_close(open_sink("STRUCT<k: STRING, a: DOUBLE>", "k"));
    assert_int_equal(fails("STRUCT<k: STRING, a: BOOLEAN>", "k"), ERR_TYPE);
    assert_non_null(strstr(err_note(), "column a is double there, which takes no BOOLEAN"));
    assert_int_equal(fails("STRUCT<k: STRING, a: DOUBLE>", "a"), ERR_CONFLICT);
    assert_int_equal(fails("STRUCT<k: STRING>", "z"), ERR_CONFIG);
    assert_int_equal(fails("STRUCT<k: STRING>", "k nothing"), ERR_INVAL);
    static const char *const bad[] = {"", "(k", "k,", "k uuid uuid", "(k) DESC", "k DESC", ","};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(fails("STRUCT<k: STRING>", bad[i]), ERR_SYNTAX);
}

static void keys_are_read_as_cql_writes_them(void **state UNUSED) {
    struct store_sink *sink = open_sink("STRUCT<t: STRING, d: STRING, at: TIMESTAMP, n: INT>",
                                        "(t, d date), at DESC, n");
    const struct store_table *table = store_sink_table(sink);
    assert_int_equal(table->pkey_cnt, 2);
    assert_int_equal(table->ckey_cnt, 2);
    assert_int_equal(table->col[1].type->kind, CQL_DATE);
    assert_true(table->col[2].desc && !table->col[3].desc);
    store_sink_close(sink);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(every_type_arrives),
        TEST(rows_without_a_key_are_rejected_with_the_reason),
        TEST(the_later_timestamp_wins_and_a_repeat_changes_nothing),
        TEST(a_table_is_widened_and_a_dropped_one_made_again),
        TEST(what_does_not_fit_is_refused_when_it_is_opened),
        TEST(keys_are_read_as_cql_writes_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
