/* cqlmsg_test.c - what clients ask is decoded whole, or refused. */
#include "support/unit.h"

#include "base/buf.h"
#include "base/err.h"
#include "wire/cql/cqlmsg.h"

static struct arena arena;
static struct buf body;
static const struct str unset = {"unset", 5};

static int set_up(void **state UNUSED) {
    arena_init(&arena);
    buf_init(&body, MIB);
    return 0;
}

static int tear_down(void **state UNUSED) {
    arena_fini(&arena);
    buf_fini(&body);
    return 0;
}

static struct cqlmsg_how how_of(uint8_t version) {
    return (struct cqlmsg_how){version, unset, &arena};
}

static void put_long_string(const char *text) {
    buf_i32(&body, (int32_t)strlen(text));
    buf_putz(&body, text);
}

static void put_string(const char *text) {
    buf_i16(&body, (int16_t)strlen(text));
    buf_putz(&body, text);
}

static void put_full_query(void) {
    put_long_string("SELECT 1");
    buf_i16(&body, 0x0A);
    buf_i8(&body, 0x01 | 0x04 | 0x08 | 0x10 | 0x20 | 0x40);
    buf_i16(&body, 3);
    put_string("a");
    put_long_string("value");
    put_string("b");
    buf_i32(&body, -1);
    put_string("c");
    buf_i32(&body, -2);
    buf_i32(&body, 500);
    put_long_string("state");
    buf_i16(&body, 0x09);
    buf_i64(&body, 1234567);
}

static void cqlmsg_query_has_every_part(void **state UNUSED) {
    struct cqlmsg_how how = how_of(4);
    struct cqlmsg_query query;
    put_full_query();
    assert_int_equal(cqlmsg_query(buf_str(&body), &how, &query), 0);
    assert_true(str_eqz(query.text, "SELECT 1"));
    assert_int_equal(query.params.consistency, 0x0A);
    assert_int_equal(query.params.value_cnt, 3);
    assert_true(str_eqz(query.params.value[0], "value"));
    assert_null(query.params.value[1].ptr);
    assert_ptr_equal(query.params.value[2].ptr, unset.ptr);
    assert_true(str_eqz(query.params.name[2], "c"));
    assert_int_equal(query.params.page_size, 500);
    assert_true(str_eqz(query.params.paging_state, "state"));
    assert_int_equal(query.params.serial, 0x09);
    assert_int_equal(query.params.ts_us, 1234567);
}

static void cqlmsg_query_cut_anywhere_is_refused(void **state UNUSED) {
    struct cqlmsg_how how = how_of(4);
    struct cqlmsg_query query;
    put_full_query();
    for (size_t len = 0; len < body.len; len++) {
        struct str part = {body.ptr, len};
        assert_int_equal(cqlmsg_query(part, &how, &query), ERR_TRUNC);
    }
    buf_i8(&body, 0);
    assert_int_equal(cqlmsg_query(buf_str(&body), &how, &query), ERR_CORRUPT);
}

static void cqlmsg_version_3_has_no_unset(void **state UNUSED) {
    struct cqlmsg_how how = how_of(3);
    struct cqlmsg_query query;
    put_full_query();
    assert_int_equal(cqlmsg_query(buf_str(&body), &how, &query), 0);
    assert_null(query.params.value[2].ptr);
}

static void cqlmsg_counts_are_believed_as_far_as_bytes_go(void **state UNUSED) {
    struct cqlmsg_how how = how_of(4);
    struct cqlmsg_query query;
    struct cqlmsg_batch batch;
    struct cqlmsg_startup startup;
    unsigned events;
    put_long_string("q");
    buf_i16(&body, 1);
    buf_i8(&body, 1);
    buf_i16(&body, -1); /* 65,535 values */
    assert_int_equal(cqlmsg_query(buf_str(&body), &how, &query), ERR_TRUNC);
    struct str lie = STR("\x00\xff\xff");
    assert_int_equal(cqlmsg_batch(lie, &how, &batch), ERR_TRUNC);
    lie = STR("\xff\xff");
    assert_int_equal(cqlmsg_startup(lie, &how, &startup), ERR_TRUNC);
    assert_int_equal(cqlmsg_register(lie, &events), ERR_TRUNC);
    assert_int_equal(cqlmsg_payload(&lie), ERR_TRUNC);
    lie = STR("\x7f\xff\xff\xff");
    assert_int_equal(cqlmsg_prepare(lie, &lie), ERR_TRUNC);
    lie = STR("\xff\xff\xff\xff");
    assert_int_equal(cqlmsg_prepare(lie, &lie), ERR_TRUNC);
    assert_true(arena.used < 4096);
}

static void cqlmsg_batch_mixes_text_and_ids(void **state UNUSED) {
    struct cqlmsg_how how = how_of(4);
    struct cqlmsg_batch batch;
    buf_i8(&body, CQLMSG_UNLOGGED);
    buf_i16(&body, 2);
    buf_i8(&body, 0);
    put_long_string("INSERT");
    buf_i16(&body, 1);
    put_long_string("v");
    buf_i8(&body, 1);
    put_string("id");
    buf_i16(&body, 0);
    buf_i16(&body, 1);
    buf_i8(&body, CQLMSG_TIMESTAMP);
    buf_i64(&body, 77);
    assert_int_equal(cqlmsg_batch(buf_str(&body), &how, &batch), 0);
    assert_int_equal(batch.kind, CQLMSG_UNLOGGED);
    assert_int_equal(batch.item_cnt, 2);
    assert_true(str_eqz(batch.item[0].text, "INSERT"));
    assert_true(str_eqz(batch.item[0].value[0], "v"));
    assert_null(batch.item[1].text.ptr);
    assert_true(str_eqz(batch.item[1].id, "id"));
    assert_int_equal(batch.ts_us, 77);
    for (size_t len = 0; len < body.len; len++)
        assert_int_equal(cqlmsg_batch((struct str){body.ptr, len}, &how, &batch), ERR_TRUNC);
    body.ptr[0] = 3;
    assert_int_equal(cqlmsg_batch(buf_str(&body), &how, &batch), ERR_CORRUPT);
}

static void cqlmsg_nonsense_levels_are_refused(void **state UNUSED) {
    struct cqlmsg_how how = how_of(4);
    struct cqlmsg_query query;
    put_long_string("q");
    buf_i16(&body, 0x0B);
    buf_i8(&body, 0);
    assert_int_equal(cqlmsg_query(buf_str(&body), &how, &query), ERR_CORRUPT);
    buf_reset(&body);
    put_long_string("q");
    buf_i16(&body, 1);
    buf_i8(&body, CQLMSG_SERIAL);
    buf_i16(&body, 1); /* ONE is no serial level */
    assert_int_equal(cqlmsg_query(buf_str(&body), &how, &query), ERR_INVAL);
}

static void cqlmsg_register_knows_three_events(void **state UNUSED) {
    unsigned events;
    buf_i16(&body, 2);
    put_string("SCHEMA_CHANGE");
    put_string("STATUS_CHANGE");
    assert_int_equal(cqlmsg_register(buf_str(&body), &events), 0);
    assert_int_equal(events, CQLMSG_SCHEMA_CHANGE | CQLMSG_STATUS_CHANGE);
    buf_reset(&body);
    buf_i16(&body, 1);
    put_string("NO_SUCH_CHANGE");
    assert_int_equal(cqlmsg_register(buf_str(&body), &events), ERR_CORRUPT);
}

static void cqlmsg_startup_finds_its_keys(void **state UNUSED) {
    struct cqlmsg_how how = how_of(4);
    struct cqlmsg_startup startup;
    buf_i16(&body, 2);
    put_string("CQL_VERSION");
    put_string("3.0.0");
    put_string("compression");
    put_string("lz4");
    assert_int_equal(cqlmsg_startup(buf_str(&body), &how, &startup), 0);
    assert_true(str_eqz(startup.cql_version, "3.0.0"));
    assert_true(str_eqz(startup.compression, "lz4"));
    assert_null(startup.driver_name.ptr);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(cqlmsg_query_has_every_part),
        TEST(cqlmsg_query_cut_anywhere_is_refused),
        TEST(cqlmsg_version_3_has_no_unset),
        TEST(cqlmsg_counts_are_believed_as_far_as_bytes_go),
        TEST(cqlmsg_batch_mixes_text_and_ids),
        TEST(cqlmsg_nonsense_levels_are_refused),
        TEST(cqlmsg_register_knows_three_events),
        TEST(cqlmsg_startup_finds_its_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
