/* cqlanswer_test.c - answers byte for byte, as the specification lays them out. */
#include "support/unit.h"

#include "wire/cql/cqlanswer.h"

static struct buf out;

static int set_up(void **state UNUSED) {
    buf_init(&out, MIB);
    return 0;
}

static int tear_down(void **state UNUSED) {
    buf_fini(&out);
    return 0;
}

#define assert_bytes(literal)                                    \
    do {                                                         \
        assert_int_equal(out.len, sizeof(literal) - 1);          \
        assert_memory_equal(out.ptr, literal, sizeof(literal) - 1); \
        buf_reset(&out);                                         \
    } while (0)

static void cqlanswer_errors_carry_their_extras(void **state UNUSED) {
    struct cqlanswer_error error = {.code = CQLANSWER_SYNTAX, .text = STR("no")};
    cqlanswer_error(&out, &error);
    assert_bytes("\0\0\x20\0\0\2no");
    error = (struct cqlanswer_error){.code = CQLANSWER_EXISTS, .text = STR("no"),
                                     .keyspace = STR("k"), .table = STR("t")};
    cqlanswer_error(&out, &error);
    assert_bytes("\0\0\x24\0\0\2no\0\1k\0\1t");
    error = (struct cqlanswer_error){.code = CQLANSWER_UNPREPARED, .text = STR("no"),
                                     .id = STR("id")};
    cqlanswer_error(&out, &error);
    assert_bytes("\0\0\x25\0\0\2no\0\2id");
    error = (struct cqlanswer_error){.code = CQLANSWER_UNAVAILABLE, .consistency = 6};
    cqlanswer_error(&out, &error);
    assert_bytes("\0\0\x10\0\0\0\0\6\0\0\0\1\0\0\0\0");
    error = (struct cqlanswer_error){.code = CQLANSWER_WRITE_TIMEOUT, .consistency = 1};
    cqlanswer_error(&out, &error);
    assert_bytes("\0\0\x11\0\0\0\0\1\0\0\0\0\0\0\0\1\0\6SIMPLE");
    error = (struct cqlanswer_error){.code = CQLANSWER_READ_TIMEOUT, .consistency = 1};
    cqlanswer_error(&out, &error);
    assert_bytes("\0\0\x12\0\0\0\0\1\0\0\0\0\0\0\0\1\0");
}

static void cqlanswer_types_depend_on_the_version(void **state UNUSED) {
    const struct cqltype *item[] = {cqltype_scalar(CQL_TEXT), cqltype_scalar(CQL_INT)};
    struct cqltype map = {.kind = CQL_MAP, .arg_cnt = 2, .arg = item};
    struct str field[] = {STR("a"), STR("b")};
    struct cqltype udt = {.kind = CQL_UDT, .arg_cnt = 2, .arg = item, .field = field,
                          .keyspace = STR("k"), .name = STR("u")};
    cqlanswer_option(&out, &map, 4);
    assert_bytes("\0\x21\0\x0d\0\x09");
    cqlanswer_option(&out, &udt, 4);
    assert_bytes("\0\x30\0\1k\0\1u\0\2\0\1a\0\x0d\0\1b\0\x09");
    cqlanswer_option(&out, cqltype_scalar(CQL_DATE), 4);
    assert_bytes("\0\x11");
    cqlanswer_option(&out, cqltype_scalar(CQL_DATE), 3);
    assert_bytes("\0\0\0\x2eorg.apache.cassandra.db.marshal.SimpleDateType");
    cqlanswer_option(&out, cqltype_scalar(CQL_DURATION), 4);
    assert_bytes("\0\0\0\x2corg.apache.cassandra.db.marshal.DurationType");
}

static void cqlanswer_rows_name_one_table_once(void **state UNUSED) {
    struct cqlanswer_col col[] = {
        {STR("k"), STR("t"), STR("a"), cqltype_scalar(CQL_INT)},
        {STR("k"), STR("t"), STR("b"), cqltype_scalar(CQL_TEXT)},
    };
    struct cqlanswer_rows rows = {.col = col, .col_cnt = 2, .row_cnt = 7};
    cqlanswer_rows(&out, &rows, 4);
    assert_bytes("\0\0\0\2\0\0\0\1\0\0\0\2\0\1k\0\1t\0\1a\0\x09\0\1b\0\x0d\0\0\0\7");
    col[1].table = STR("u");
    cqlanswer_rows(&out, &rows, 4);
    assert_bytes("\0\0\0\2\0\0\0\0\0\0\0\2\0\1k\0\1t\0\1a\0\x09\0\1k\0\1u\0\1b\0\x0d\0\0\0\7");
    rows.skip = true;
    rows.paging_state = STR("p");
    cqlanswer_rows(&out, &rows, 4);
    assert_bytes("\0\0\0\2\0\0\0\6\0\0\0\2\0\0\0\1p\0\0\0\7");
}

static void cqlanswer_prepared_names_the_partition_key(void **state UNUSED) {
    struct cqlanswer_col bind[] = {{STR("k"), STR("t"), STR("a"), cqltype_scalar(CQL_INT)}};
    uint16_t pkey[] = {0};
    struct cqlanswer_prepared prepared = {
        .id = STR("id"), .bind = bind, .bind_cnt = 1, .pkey = pkey, .pkey_cnt = 1};
    cqlanswer_prepared(&out, &prepared, 4);
    assert_bytes("\0\0\0\4\0\2id\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1k\0\1t\0\1a\0\x09"
                 "\0\0\0\4\0\0\0\0");
    cqlanswer_prepared(&out, &prepared, 3);
    assert_bytes("\0\0\0\4\0\2id\0\0\0\1\0\0\0\1\0\1k\0\1t\0\1a\0\x09\0\0\0\4\0\0\0\0");
}

static void cqlanswer_schema_changes_name_their_target(void **state UNUSED) {
    struct cqlanswer_change change = {STR("CREATED"), STR("TABLE"), STR("k"), STR("t")};
    cqlanswer_schema_change(&out, &change);
    assert_bytes("\0\0\0\5\0\7CREATED\0\5TABLE\0\1k\0\1t");
    change.target = STR("KEYSPACE");
    cqlanswer_event(&out, &change);
    assert_bytes("\0\x0dSCHEMA_CHANGE\0\7CREATED\0\x08KEYSPACE\0\1k");
}

static void cqlanswer_null_is_minus_one(void **state UNUSED) {
    cqlanswer_bytes(&out, STR_NULL);
    cqlanswer_bytes(&out, STR(""));
    assert_bytes("\xff\xff\xff\xff\0\0\0\0");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(cqlanswer_errors_carry_their_extras),
        TEST(cqlanswer_types_depend_on_the_version),
        TEST(cqlanswer_rows_name_one_table_once),
        TEST(cqlanswer_prepared_names_the_partition_key),
        TEST(cqlanswer_schema_changes_name_their_target),
        TEST(cqlanswer_null_is_minus_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
