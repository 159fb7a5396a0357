/* cqlframe_test.c - heads, lengths and compressed bodies of CQL frames. */
#include "support/unit.h"

#include "base/err.h"
#include "wire/cql/cqlframe.h"

static struct str frame_of(struct buf *out, struct str body, enum cqlframe_zip zip) {
    struct cqlframe head = {
        .version = 4, .answer = true, .stream = -2, .opcode = CQLFRAME_RESULT};
    buf_init(out, MIB);
    size_t pos = cqlframe_begin(out, &head);
    buf_puts(out, body);
    cqlframe_end(out, pos, zip);
    return buf_str(out);
}

static void cqlframe_head_reads_back(void **state UNUSED) {
    struct buf out;
    struct cqlframe frame;
    struct str bytes = frame_of(&out, STR("body"), CQLFRAME_LZ4);
    assert_int_equal(bytes.len, CQLFRAME_HEAD_LEN + 4);
    assert_int_equal(cqlframe_len((const unsigned char *)bytes.ptr), bytes.len);
    assert_int_equal(cqlframe_decode(bytes, &frame), 0);
    assert_int_equal(frame.version, 4);
    assert_true(frame.answer);
    assert_int_equal(frame.stream, -2);
    assert_int_equal(frame.opcode, CQLFRAME_RESULT);
    assert_int_equal(frame.flags, 0); /* too short to be worth compressing */
    assert_true(str_eqz(frame.body, "body"));
    bytes.len = CQLFRAME_HEAD_LEN - 1;
    assert_int_equal(cqlframe_decode(bytes, &frame), ERR_TRUNC);
    buf_fini(&out);
}

static void cqlframe_length_is_unsigned(void **state UNUSED) {
    static const unsigned char head[] = {4, 0, 0, 0, 7, 0xff, 0xff, 0xff, 0xff};
    assert_true(cqlframe_len(head) > CQLFRAME_BODY_MAX);
}

static void cqlframe_body_survives_both_compressions(void **state UNUSED) {
    char raw[5000];
    for (size_t i = 0; i < sizeof raw; i++) raw[i] = (char)(i / 7);
    for (int zip = CQLFRAME_LZ4; zip <= CQLFRAME_SNAPPY; zip++) {
        struct arena arena = ARENA_INIT;
        struct buf out;
        struct cqlframe frame;
        struct str body = STR_NULL, bytes = {raw, sizeof raw};
        bytes = frame_of(&out, bytes, (enum cqlframe_zip)zip);
        assert_true(bytes.len < sizeof raw);
        assert_int_equal(cqlframe_len((const unsigned char *)bytes.ptr), bytes.len);
        assert_int_equal(cqlframe_decode(bytes, &frame), 0);
        assert_int_equal(frame.flags, CQLFRAME_COMPRESSED);
        assert_int_equal(
            cqlframe_unzip((enum cqlframe_zip)zip, frame.body, MIB, &arena, &body), 0);
        assert_int_equal(body.len, sizeof raw);
        assert_memory_equal(body.ptr, raw, sizeof raw);
        assert_int_equal(
            cqlframe_unzip((enum cqlframe_zip)zip, frame.body, 4999, &arena, &body), ERR_TOO_BIG);
        frame.body.len -= 3;
        assert_int_equal(
            cqlframe_unzip((enum cqlframe_zip)zip, frame.body, MIB, &arena, &body), ERR_CORRUPT);
        arena_fini(&arena);
        buf_fini(&out);
    }
}

static void cqlframe_bomb_gets_no_memory(void **state UNUSED) {
    struct arena arena = ARENA_INIT;
    struct str body;
    /* 15 MiB of a few bytes: more than either way of compressing can make of them */
    struct str lz4 = {"\x00\xf0\x00\x00\x1f\x00\x01\x00", 8};
    struct str snappy = {"\x80\x80\xc0\x07\xfe\x01\x00", 7};
    assert_int_equal(cqlframe_unzip(CQLFRAME_LZ4, lz4, 16 * MIB, &arena, &body), ERR_CORRUPT);
    assert_int_equal(cqlframe_unzip(CQLFRAME_SNAPPY, snappy, 16 * MIB, &arena, &body), ERR_CORRUPT);
    assert_int_equal(cqlframe_unzip(CQLFRAME_LZ4, STR("\x00"), MIB, &arena, &body), ERR_CORRUPT);
    assert_int_equal(cqlframe_unzip(CQLFRAME_PLAIN, lz4, MIB, &arena, &body), ERR_CORRUPT);
    assert_int_equal(arena.used, 0);
    arena_fini(&arena);
}

static void cqlframe_names_are_the_protocols(void **state UNUSED) {
    enum cqlframe_zip zip = CQLFRAME_PLAIN;
    assert_int_equal(cqlframe_zip_parse(STR("LZ4"), &zip), 0);
    assert_int_equal(zip, CQLFRAME_LZ4);
    assert_int_equal(cqlframe_zip_parse(STR("zstd"), &zip), ERR_INVAL);
    assert_string_equal(cqlframe_op_name(CQLFRAME_BATCH), "BATCH");
    assert_null(cqlframe_op_name(0x04));
    assert_null(cqlframe_op_name(0xff));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cqlframe_head_reads_back),
        cmocka_unit_test(cqlframe_length_is_unsigned),
        cmocka_unit_test(cqlframe_body_survives_both_compressions),
        cmocka_unit_test(cqlframe_bomb_gets_no_memory),
        cmocka_unit_test(cqlframe_names_are_the_protocols),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
