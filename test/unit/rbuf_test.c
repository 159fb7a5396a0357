/* rbuf_test.c - bytes from outside cannot make the reader leave its input. */
#include "support/unit.h"

#include "base/buf.h"
#include "base/rbuf.h"

static void rbuf_reads_what_buf_wrote(void **state UNUSED) {
    struct buf out;
    buf_init(&out, KIB);
    buf_i8(&out, -3);
    buf_i16(&out, -300);
    buf_i32(&out, INT32_MIN);
    buf_i64(&out, INT64_MAX);
    buf_f64(&out, -0.5);
    buf_uvarint(&out, UINT64_MAX);
    buf_varint(&out, INT64_MIN);
    struct rbuf in = rbuf_of_str(buf_str(&out));
    assert_int_equal(rbuf_i8(&in), -3);
    assert_int_equal(rbuf_i16(&in), -300);
    assert_int_equal(rbuf_i32(&in), INT32_MIN);
    assert_true(rbuf_i64(&in) == INT64_MAX);
    assert_true(rbuf_f64(&in) == -0.5);
    assert_true(rbuf_uvarint(&in) == UINT64_MAX);
    assert_true(rbuf_varint(&in) == INT64_MIN);
    assert_true(rbuf_done(&in));
    buf_fini(&out);
}

static void rbuf_short_read_is_sticky(void **state UNUSED) {
    struct rbuf in = rbuf_of("\x01\x02", 2);
    assert_int_equal(rbuf_i32(&in), 0);
    assert_true(in.bad);
    assert_int_equal(rbuf_i8(&in), 0);
    assert_false(rbuf_done(&in));
}

static void rbuf_count_rejects_impossible_array(void **state UNUSED) {
    struct rbuf in = rbuf_of("12345678", 8);
    assert_int_equal(rbuf_count(&in, 4, 2), 4);
    assert_int_equal(rbuf_count(&in, 5, 2), 0);
    assert_true(in.bad);
    in = rbuf_of("12345678", 8);
    assert_int_equal(rbuf_count(&in, -1, 1), 0);
    assert_true(in.bad);
}

static void rbuf_varint_of_eleven_bytes_is_bad(void **state UNUSED) {
    struct rbuf in = rbuf_of("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11);
    rbuf_uvarint(&in);
    assert_true(in.bad);
}

static void buf_stops_at_its_limit(void **state UNUSED) {
    struct buf out;
    buf_init(&out, 10);
    buf_putz(&out, "12345678");
    buf_putz(&out, "abc");
    assert_true(out.full);
    buf_putc(&out, 'x');
    assert_int_equal(out.len, 8);
    buf_fini(&out);
}

static void buf_json_escapes_and_replaces(void **state UNUSED) {
    struct buf out;
    buf_init(&out, KIB);
    buf_json(&out, STR("a\"\\\n\x01\xC3\xA9\xFFz"));
    struct str want = STR("\"a\\\"\\\\\\n\\u0001\xC3\xA9\xEF\xBF\xBDz\"");
    assert_true(str_eq(buf_str(&out), want));
    buf_fini(&out);
}

/* Every byte at every place of a text that is longer than what is looked at together. */
static void buf_json_escapes_wherever_it_stands(void **state UNUSED) {
    for (int c = 0; c < 0x80; c++) {
        for (size_t at = 0; at < 19; at++) {
            char text[20], want[32];
            struct buf out;
            memset(text, 'a', 19);
            text[at] = (char)c;
            const char *two = c ? strchr("\"\"\\\\\nn\rr\tt\bb\ff", c) : NULL;
            bool is_two = c == '"' || c == '\\' || c == '\n' || c == '\r' || c == '\t' ||
                          c == '\b' || c == '\f';
            size_t len = 0;
            want[len++] = '"';
            for (size_t i = 0; i < 19; i++) {
                if (i != at || (c >= 0x20 && !is_two)) want[len++] = text[i];
                else if (is_two) want[len++] = '\\', want[len++] = two[1];
                else len += (size_t)snprintf(want + len, sizeof want - len, "\\u%04x", c);
            }
            want[len++] = '"';
            buf_init(&out, KIB);
            buf_json(&out, (struct str){text, 19});
            assert_int_equal(out.len, len);
            assert_memory_equal(out.ptr, want, len);
            buf_fini(&out);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buf_json_escapes_wherever_it_stands),
        cmocka_unit_test(rbuf_reads_what_buf_wrote),
        cmocka_unit_test(rbuf_short_read_is_sticky),
        cmocka_unit_test(rbuf_count_rejects_impossible_array),
        cmocka_unit_test(rbuf_varint_of_eleven_bytes_is_bad),
        cmocka_unit_test(buf_stops_at_its_limit),
        cmocka_unit_test(buf_json_escapes_and_replaces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
