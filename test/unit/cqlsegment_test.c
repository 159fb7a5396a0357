/* cqlsegment_test.c - version 5's outer frames: known bytes, large envelopes, and damage. */
#include "support/unit.h"

#include "wire/cql/cqlsegment.h"

static const char *const text = "hello, segment";

static void expect_bytes(bool zip, const char *hex) {
    struct buf out;
    char got[512];
    buf_init(&out, MIB);
    cqlsegment_encode(&out, str_of(text), zip);
    for (size_t i = 0; i < out.len; i++)
        snprintf(got + 2 * i, 3, "%02x", (unsigned char)out.ptr[i]);
    assert_string_equal(got, hex);
    buf_fini(&out);
}

static void the_bytes_are_those_of_another_client(void **state UNUSED) {
    expect_bytes(false, "0e0002e7a74f68656c6c6f2c207365676d656e7462b18f9c");
    expect_bytes(true, "0e000000046cd55168656c6c6f2c207365676d656e7462b18f9c");
}

/* Takes all segments apart again; the payloads one after the other, in `arena`. */
static struct str decode_all(struct str bytes, bool zip, struct arena *arena, bool *whole) {
    struct buf out;
    buf_init(&out, 64 * MIB);
    while (bytes.len) {
        struct cqlsegment segment;
        const unsigned char *head = (const unsigned char *)bytes.ptr;
        size_t len = zip ? cqlsegment_len_zip(head) : cqlsegment_len(head);
        assert_true(len <= bytes.len);
        assert_int_equal(cqlsegment_decode((struct str){bytes.ptr, len}, zip, arena, &segment), 0);
        *whole = segment.whole;
        buf_puts(&out, segment.payload);
        bytes.ptr += len;
        bytes.len -= len;
    }
    struct str all = arena_str(arena, buf_str(&out));
    buf_fini(&out);
    return all;
}

static void what_goes_in_comes_out(void **state UNUSED) {
    static const size_t lens[] = {1, 9, 511, 512, 4096, CQLSEGMENT_PAYLOAD_MAX,
                                  CQLSEGMENT_PAYLOAD_MAX + 1, 400000};
    for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
        for (int zip = 0; zip < 2; zip++) {
            struct arena arena = ARENA_INIT;
            struct buf out;
            char *bytes = arena_bytes(&arena, lens[i]);
            bool whole;
            for (size_t k = 0; k < lens[i]; k++)
                bytes[k] = (char)(k % 7 ? k / 64 : k * 31);
            buf_init(&out, 64 * MIB);
            cqlsegment_encode(&out, (struct str){bytes, lens[i]}, zip);
            struct str back = decode_all(buf_str(&out), zip, &arena, &whole);
            assert_true(str_eq(back, (struct str){bytes, lens[i]}));
            assert_int_equal(whole, lens[i] <= CQLSEGMENT_PAYLOAD_MAX);
            buf_fini(&out);
            arena_fini(&arena);
        }
    }
}

static void every_flipped_bit_is_noticed(void **state UNUSED) {
    struct arena arena = ARENA_INIT;
    struct cqlsegment segment;
    struct buf out;
    buf_init(&out, MIB);
    for (int zip = 0; zip < 2; zip++) {
        buf_reset(&out);
        cqlsegment_encode(&out, str_of(text), zip);
        for (size_t bit = 0; bit < 8 * out.len; bit++) {
            out.ptr[bit / 8] ^= (char)(1 << bit % 8);
            assert_int_not_equal(cqlsegment_decode(buf_str(&out), zip, &arena, &segment), 0);
            out.ptr[bit / 8] ^= (char)(1 << bit % 8);
        }
        for (size_t len = 0; len < out.len; len++)
            assert_int_not_equal(
                cqlsegment_decode((struct str){out.ptr, len}, zip, &arena, &segment), 0);
        assert_int_equal(cqlsegment_decode(buf_str(&out), zip, &arena, &segment), 0);
    }
    buf_fini(&out);
    arena_fini(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bytes_are_those_of_another_client),
        cmocka_unit_test(what_goes_in_comes_out),
        cmocka_unit_test(every_flipped_bit_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
