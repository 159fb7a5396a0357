/* cqlreply_test.c - what a client asks and reads, against the server's side of the same codec, and
 * version 5's differences by their bytes. */
#include "support/unit.h"

#include "base/err.h"
#include "wire/cql/cqlask.h"
#include "wire/cql/cqlreply.h"

static struct arena arena;
static struct buf out;

static int set_up(void **state UNUSED) {
    arena_init(&arena);
    buf_init(&out, MIB);
    return 0;
}

static int tear_down(void **state UNUSED) {
    arena_fini(&arena);
    buf_fini(&out);
    return 0;
}

static struct cqlmsg_how how(void) {
    return (struct cqlmsg_how){4, STR("unset"), &arena};
}

/* ---- requests ---- */

static void a_query_reads_as_it_was_asked(void **state UNUSED) {
    struct cqlmsg_how h = how();
    struct cqlmsg_query query;
    struct str value[] = {STR("a"), STR_NULL, STR("")};
    struct buf values;
    buf_init(&values, MIB);
    cqlask_values(&values, value, 3);
    struct cqlask_params params = {6, buf_str(&values), 100, STR("page")};
    cqlask_query(&out, 4, STR("SELECT 1"), &params);
    assert_int_equal(cqlmsg_query(buf_str(&out), &h, &query), 0);
    assert_true(str_eqz(query.text, "SELECT 1"));
    assert_int_equal(query.params.consistency, 6);
    assert_int_equal(query.params.value_cnt, 3);
    assert_true(str_eqz(query.params.value[0], "a"));
    assert_null(query.params.value[1].ptr);
    assert_non_null(query.params.value[2].ptr);
    assert_int_equal(query.params.page_size, 100);
    assert_true(str_eqz(query.params.paging_state, "page"));
    buf_fini(&values);
}

static void a_batch_reads_as_it_was_asked(void **state UNUSED) {
    struct cqlmsg_how h = how();
    struct cqlmsg_batch batch;
    struct str value = STR("v");
    struct buf values;
    buf_init(&values, MIB);
    cqlask_values(&values, &value, 1);
    cqlask_batch_begin(&out, CQLMSG_UNLOGGED, 2);
    cqlask_batch_item(&out, STR("id1"), buf_str(&values));
    cqlask_batch_item(&out, STR("id2"), buf_str(&values));
    cqlask_batch_end(&out, 4, 1);
    assert_int_equal(cqlmsg_batch(buf_str(&out), &h, &batch), 0);
    assert_int_equal(batch.kind, CQLMSG_UNLOGGED);
    assert_int_equal(batch.item_cnt, 2);
    assert_true(str_eqz(batch.item[1].id, "id2"));
    assert_true(str_eqz(batch.item[1].value[0], "v"));
    assert_int_equal(batch.consistency, 1);
    buf_fini(&values);
}

static void the_handshake_reads_as_it_was_asked(void **state UNUSED) {
    struct cqlmsg_how h = how();
    struct cqlmsg_startup startup;
    struct cqlmsg_pair pair[] = {{STR("CQL_VERSION"), STR("3.0.0")}, {STR("COMPRESSION"),
                                                                      STR("lz4")}};
    unsigned events;
    cqlask_startup(&out, pair, 2);
    assert_int_equal(cqlmsg_startup(buf_str(&out), &h, &startup), 0);
    assert_true(str_eqz(startup.compression, "lz4"));
    buf_reset(&out);
    cqlask_register(&out, CQLMSG_TOPOLOGY_CHANGE | CQLMSG_SCHEMA_CHANGE);
    assert_int_equal(cqlmsg_register(buf_str(&out), &events), 0);
    assert_int_equal(events, CQLMSG_TOPOLOGY_CHANGE | CQLMSG_SCHEMA_CHANGE);
}

static void version_5_has_wide_flags_and_a_second_id(void **state UNUSED) {
    struct cqlask_params params = {.consistency = 1};
    struct cqlask_id id = {STR("ab"), STR("cd")};
    cqlask_execute(&out, 5, &id, &params);
    assert_true(str_eq(buf_str(&out), STR("\0\2ab\0\2cd\0\1\0\0\0\0")));
    buf_reset(&out);
    cqlask_prepare(&out, 5, STR("x"));
    assert_true(str_eq(buf_str(&out), STR("\0\0\0\1x\0\0\0\0")));
    buf_reset(&out);
    cqlask_batch_begin(&out, CQLMSG_LOGGED, 0);
    cqlask_batch_end(&out, 5, 6);
    assert_true(str_eq(buf_str(&out), STR("\0\0\0\0\6\0\0\0\0")));
}

/* ---- answers ---- */

static const struct cqltype *udt(void) {
    static const struct cqltype *arg[2];
    static struct str field[] = {STR_INIT("x"), STR_INIT("y")};
    static struct cqltype type;
    arg[0] = cqltype_scalar(CQL_INT);
    arg[1] = cqltype_scalar(CQL_TEXT);
    type = (struct cqltype){.kind = CQL_UDT, .arg_cnt = 2, .arg = arg, .field = field,
                            .keyspace = STR("ks"), .name = STR("u")};
    return &type;
}

static void rows_read_as_they_were_answered(void **state UNUSED) {
    const struct cqltype *text = cqltype_scalar(CQL_TEXT);
    const struct cqlanswer_col col[] = {
        {STR("ks"), STR("t"), STR("k"), text},
        {STR("ks"), STR("t"), STR("l"), cqltype_make(&arena, CQL_LIST, true, &text, 1)},
        {STR("ks"), STR("t"), STR("u"), udt()}};
    struct cqlanswer_rows rows = {col, 3, false, STR("next"), 2};
    struct cqlreply_result result;
    cqlanswer_rows(&out, &rows, 4);
    for (int i = 0; i < 6; i++) cqlanswer_bytes(&out, i == 4 ? STR_NULL : STR("cell"));
    assert_int_equal(cqlreply_result(buf_str(&out), 4, &arena, &result), 0);
    assert_int_equal(result.kind, CQLREPLY_ROWS);
    assert_int_equal(result.rows.col_cnt, 3);
    assert_int_equal(result.rows.row_cnt, 2);
    assert_true(str_eqz(result.rows.paging_state, "next"));
    assert_true(str_eqz(result.rows.col[2].name, "u"));
    assert_int_equal(result.rows.col[1].type->kind, CQL_LIST);
    assert_true(str_eqz(result.rows.col[2].type->field[1], "y"));
    for (int i = 0; i < 6; i++) {
        struct str cell = cqlreply_cell(&result.rows);
        assert_true(i == 4 ? !cell.ptr : str_eqz(cell, "cell"));
    }
    assert_true(rbuf_done(&result.rows.in));
}

static void a_prepared_statement_tells_its_ids(void **state UNUSED) {
    struct cqlreply_result result;
    const struct cqlanswer_col bind = {STR("ks"), STR("t"), STR("k"), cqltype_scalar(CQL_TEXT)};
    const uint16_t pkey = 0;
    struct cqlanswer_prepared prepared = {STR("id"), &bind, 1, &pkey, 1, NULL, 0};
    cqlanswer_prepared(&out, &prepared, 4);
    assert_int_equal(cqlreply_result(buf_str(&out), 4, &arena, &result), 0);
    assert_true(str_eqz(result.prepared.id, "id"));
    assert_int_equal(result.prepared.pkey_cnt, 1);
    assert_true(str_eqz(result.prepared.bind[0].name, "k"));
    struct str v5 = STR("\0\0\0\4\0\2id\0\4meta\0\0\0\4\0\0\0\0\0\0\0\0\0\0\0\4\0\0\0\0");
    assert_int_equal(cqlreply_result(v5, 5, &arena, &result), 0);
    assert_true(str_eqz(result.prepared.meta_id, "meta"));
}

static void errors_tell_all_they_hold(void **state UNUSED) {
    struct cqlanswer_error said = {.code = CQLANSWER_WRITE_TIMEOUT, .text = STR("slow"),
                                   .consistency = 6, .write_type = "BATCH"};
    struct cqlreply_error read;
    cqlanswer_error(&out, &said);
    assert_int_equal(cqlreply_error(buf_str(&out), &read), 0);
    assert_int_equal(read.code, CQLANSWER_WRITE_TIMEOUT);
    assert_int_equal(read.consistency, 6);
    assert_int_equal(read.needed, 1);
    assert_int_equal(read.got, 0);
    assert_true(str_eqz(read.write_type, "BATCH"));
    said = (struct cqlanswer_error){.code = CQLANSWER_UNPREPARED, .text = STR("?"),
                                    .id = STR("0123")};
    buf_reset(&out);
    cqlanswer_error(&out, &said);
    assert_int_equal(cqlreply_error(buf_str(&out), &read), 0);
    assert_true(str_eqz(read.id, "0123"));
    said = (struct cqlanswer_error){.code = CQLANSWER_EXISTS, .text = STR("!"),
                                    .keyspace = STR("k"), .table = STR("t")};
    buf_reset(&out);
    cqlanswer_error(&out, &said);
    assert_int_equal(cqlreply_error(buf_str(&out), &read), 0);
    assert_true(str_eqz(read.keyspace, "k") && str_eqz(read.table, "t"));
}

static void events_are_told_apart(void **state UNUSED) {
    struct cqlanswer_change change = {STR("DROPPED"), STR("TABLE"), STR("k"), STR("t")};
    struct cqlreply_event event;
    cqlanswer_event(&out, &change);
    assert_int_equal(cqlreply_event(buf_str(&out), &event), 0);
    assert_int_equal(event.kind, CQLMSG_SCHEMA_CHANGE);
    assert_true(str_eqz(event.change.name, "t"));
    struct str up = STR("\0\15STATUS_CHANGE\0\2UP\4\177\0\0\1\0\0\43\122");
    assert_int_equal(cqlreply_event(up, &event), 0);
    assert_int_equal(event.kind, CQLMSG_STATUS_CHANGE);
    assert_int_equal(event.port, 9042);
    assert_int_equal(event.addr.len, 4);
}

static void what_stands_before_a_body_is_passed_over(void **state UNUSED) {
    struct str body = STR("0123456789abcdef\0\1\0\4careBODY"), warning;
    assert_int_equal(cqlreply_open(0x02 | 0x08, &body, &warning), 0);
    assert_true(str_eqz(warning, "care"));
    assert_true(str_eqz(body, "BODY"));
    body = STR("0123");
    assert_int_equal(cqlreply_open(0x02, &body, &warning), ERR_TRUNC);
}

static void options_are_found(void **state UNUSED) {
    cqlanswer_supported(&out);
    assert_true(cqlreply_supports(buf_str(&out), STR("COMPRESSION"), STR("lz4")));
    assert_false(cqlreply_supports(buf_str(&out), STR("COMPRESSION"), STR("3.4.7")));
    assert_false(cqlreply_supports(STR("\377\377"), STR("COMPRESSION"), STR("lz4")));
}

/* Every cut of an answer is refused or read within its bytes; ASan looks. */
static void no_cut_reads_beyond(void **state UNUSED) {
    const struct cqlanswer_col col[] = {{STR("ks"), STR("t"), STR("u"), udt()}};
    struct cqlanswer_rows rows = {col, 1, false, STR("p"), 1};
    cqlanswer_rows(&out, &rows, 4);
    cqlanswer_bytes(&out, STR("cell"));
    for (size_t len = 0; len < out.len; len++) {
        struct cqlreply_result result;
        char *exact = malloc(len ? len : 1);
        memcpy(exact, out.ptr, len);
        if (!cqlreply_result((struct str){exact, len}, 4, &arena, &result)) {
            (void)cqlreply_cell(&result.rows);
            assert_true(result.rows.in.bad || len == out.len);
        }
        free(exact);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_query_reads_as_it_was_asked),
        TEST(a_batch_reads_as_it_was_asked),
        TEST(the_handshake_reads_as_it_was_asked),
        TEST(version_5_has_wide_flags_and_a_second_id),
        TEST(rows_read_as_they_were_answered),
        TEST(a_prepared_statement_tells_its_ids),
        TEST(errors_tell_all_they_hold),
        TEST(events_are_told_apart),
        TEST(what_stands_before_a_body_is_passed_over),
        TEST(options_are_found),
        TEST(no_cut_reads_beyond),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
