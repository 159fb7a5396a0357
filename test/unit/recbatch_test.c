/* recbatch_test.c - what is built is read back, and nothing else is. */
#include "wire/kafka/recbatch.h"

#include "base/err.h"
#include "wire/kafka/recbatch_codec.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct str build(struct buf *buf, int cnt, enum recbatch_codec codec) {
    struct recbatch_build build;
    recbatch_begin(&build, buf);
    build.codec = codec;
    for (int i = 0; i < cnt; i++) {
        char key[16], value[64];
        struct record_header header = {STR("h"), i % 2 ? STR("x") : STR_NULL};
        memset(key, 'a' + i % 26, sizeof key);
        memset(value, 'A' + i % 26, sizeof value);
        struct record rec = {.key = i % 3 ? (struct str){key, sizeof key} : STR_NULL,
                             .value = i % 5 ? (struct str){value, sizeof value} : STR_NULL,
                             .ts_ms = 1700000000000 + (i % 7 - 3) * 1000,
                             .header = &header,
                             .header_cnt = i % 4 == 0};
        assert_int_equal(recbatch_add(&build, &rec), 0);
    }
    assert_int_equal(recbatch_seal(&build), 0);
    return buf_str(buf);
}

static void check_same(struct str batch, int cnt) {
    struct arena arena = ARENA_INIT;
    struct recbatch_iter it;
    struct record rec;
    int i = 0;
    recbatch_walk(&it, batch, 0, &arena);
    for (; recbatch_next(&it, &rec); i++) {
        assert_int_equal(rec.offset, i);
        assert_int_equal(rec.ts_ms, 1700000000000 + (i % 7 - 3) * 1000);
        assert_int_equal(rec.key.ptr ? rec.key.len : 99, i % 3 ? 16 : 99);
        assert_int_equal(rec.value.ptr ? rec.value.len : 99, i % 5 ? 64 : 99);
        if (rec.value.ptr) assert_int_equal(rec.value.ptr[63], 'A' + i % 26);
        assert_int_equal(rec.header_cnt, i % 4 == 0);
        if (rec.header_cnt) assert_true(str_eqz(rec.header[0].name, "h"));
        if (rec.header_cnt) assert_int_equal(rec.header[0].value.ptr != NULL, i % 2);
    }
    assert_int_equal(it.err, 0);
    assert_int_equal(i, cnt);
    arena_fini(&arena);
}

static void recbatch_round_trips_in_every_codec(void **state UNUSED) {
    for (int codec = 0; codec < RECBATCH_CODEC_CNT; codec++) {
        for (int cnt = 1; cnt < 5000; cnt = cnt * 3 + 1) {
            struct buf buf;
            struct recbatch_head head;
            buf_init(&buf, RECBATCH_MAX);
            struct str batch = build(&buf, cnt, (enum recbatch_codec)codec);
            assert_int_equal(recbatch_check(batch, &head), 0);
            assert_int_equal(head.size, batch.len);
            assert_int_equal(head.count, cnt);
            assert_int_equal(head.max_ts, 1700000000000 + (cnt > 6 ? 3 : cnt - 1 - 3) * 1000);
            if (cnt > 100) assert_int_equal(head.attributes & RECBATCH_CODEC_MASK, codec);
            assert_int_equal(recbatch_check_records(batch, false), 0);
            assert_int_equal(recbatch_check_records(batch, true), ERR_INVAL);
            check_same(batch, cnt);
            buf_fini(&buf);
        }
    }
}

static void recbatch_walks_several_batches_from_an_offset(void **state UNUSED) {
    struct buf buf;
    struct arena arena = ARENA_INIT;
    buf_init(&buf, RECBATCH_MAX);
    build(&buf, 10, RECBATCH_NONE);
    size_t second = buf.len;
    build(&buf, 10, RECBATCH_ZSTD);
    recbatch_place(buf.ptr, 100, 7);
    recbatch_place(buf.ptr + second, 110, 7);
    struct recbatch_iter it;
    struct record rec;
    int64_t expect = 105;
    recbatch_walk(&it, buf_str(&buf), expect, &arena);
    while (recbatch_next(&it, &rec))
        assert_int_equal(rec.offset, expect++);
    assert_int_equal(it.err, 0);
    assert_int_equal(expect, 120);
    struct recbatch_head head;
    assert_int_equal(recbatch_check(buf_str(&buf), &head), 0);
    assert_int_equal(head.leader_epoch, 7);
    assert_int_equal(recbatch_end(&head), 110);
    buf_fini(&buf);
    arena_fini(&arena);
}

static void recbatch_stamp_gives_every_record_the_logs_time(void **state UNUSED) {
    struct buf buf;
    struct arena arena = ARENA_INIT;
    struct recbatch_head head;
    buf_init(&buf, RECBATCH_MAX);
    struct str batch = build(&buf, 5, RECBATCH_NONE);
    recbatch_stamp(buf.ptr, (struct str){batch.ptr + RECBATCH_HEAD, batch.len - RECBATCH_HEAD},
                   1800000000000);
    assert_int_equal(recbatch_check(batch, &head), 0);
    struct recbatch_iter it;
    struct record rec;
    recbatch_walk(&it, batch, 0, &arena);
    while (recbatch_next(&it, &rec))
        assert_int_equal(rec.ts_ms, 1800000000000);
    assert_int_equal(it.err, 0);
    buf_fini(&buf);
    arena_fini(&arena);
}

/* Every byte flipped and every length cut: refused or, in the 16 bytes that the CRC leaves out and
 * the log rewrites, accepted; never a crash. */
static void recbatch_check_refuses_each_flipped_byte_and_cut(void **state UNUSED) {
    struct buf buf;
    struct recbatch_head head;
    buf_init(&buf, RECBATCH_MAX);
    struct str batch = build(&buf, 40, RECBATCH_LZ4);
    for (size_t i = 0; i < batch.len; i++) {
        buf.ptr[i] = (char)(buf.ptr[i] ^ 0x55);
        bool outside = i < 8 || (i >= 12 && i < 16);
        if (!outside) assert_int_not_equal(recbatch_check(batch, &head), 0);
        buf.ptr[i] = (char)(buf.ptr[i] ^ 0x55);
        char *copy = base_alloc(i + 1);
        memcpy(copy, batch.ptr, i);
        assert_int_not_equal(recbatch_check((struct str){copy, i}, &head), 0);
        base_free(copy);
    }
    assert_int_equal(recbatch_check(batch, &head), 0);
    buf_fini(&buf);
}

static void recbatch_add_leaves_the_batch_whole_when_full(void **state UNUSED) {
    struct buf buf;
    struct recbatch_build build;
    struct recbatch_head head;
    struct record rec = {.value = STR("0123456789")};
    buf_init(&buf, 200);
    recbatch_begin(&build, &buf);
    int err = 0, cnt = 0;
    while (!(err = recbatch_add(&build, &rec)))
        cnt++;
    assert_int_equal(err, ERR_TOO_BIG);
    assert_int_equal(recbatch_seal(&build), 0);
    assert_int_equal(recbatch_check(buf_str(&buf), &head), 0);
    assert_int_equal(head.count, cnt);
    buf_fini(&buf);
}

static void recbatch_seal_of_nothing_leaves_nothing(void **state UNUSED) {
    struct buf buf;
    struct recbatch_build build;
    buf_init(&buf, 200);
    recbatch_begin(&build, &buf);
    assert_int_equal(recbatch_seal(&build), 0);
    assert_int_equal(buf.len, 0);
    buf_fini(&buf);
}

static void codec_stops_at_a_bomb(void **state UNUSED) {
    struct buf plain, packed, out;
    buf_init(&plain, 32 * MIB);
    char *room = buf_room(&plain, 15 * MIB);
    memset(room, 0, 15 * MIB);
    buf_used(&plain, 15 * MIB);
    for (int codec = RECBATCH_GZIP; codec < RECBATCH_CODEC_CNT; codec++) {
        buf_init(&packed, 32 * MIB);
        buf_init(&out, 8 * MIB);
        assert_int_equal(recbatch_codec_pack((enum recbatch_codec)codec, buf_str(&plain), &packed),
                         0);
        assert_int_equal(recbatch_codec_unpack((enum recbatch_codec)codec, buf_str(&packed), &out),
                         ERR_TOO_BIG);
        buf_fini(&out);
        buf_init(&out, 64 * MIB);
        int err = recbatch_codec_unpack((enum recbatch_codec)codec, buf_str(&packed), &out);
        if (packed.len * RECBATCH_RATIO_MAX + RECBATCH_RATIO_FREE > plain.len)
            assert_int_equal(err, 0);
        else
            assert_int_equal(err, ERR_TOO_BIG);
        buf_fini(&packed);
        buf_fini(&out);
    }
    buf_fini(&plain);
}

static void codec_reads_raw_snappy(void **state UNUSED) {
    struct buf out;
    buf_init(&out, 100);
    struct str raw = {"\x05\x10hello", 7};
    assert_int_equal(recbatch_codec_unpack(RECBATCH_SNAPPY, raw, &out), 0);
    assert_true(str_eqz(buf_str(&out), "hello"));
    buf_fini(&out);
}

/* Sound CRC over unsound records, as a hostile producer would send them. */
static void recbatch_check_records_refuses_wrong_counts(void **state UNUSED) {
    struct buf buf;
    struct recbatch_head head;
    struct arena arena = ARENA_INIT;
    buf_init(&buf, RECBATCH_MAX);
    struct str batch = build(&buf, 9, RECBATCH_NONE);
    for (int8_t cnt = 0; cnt < 20; cnt++) {
        struct str rest = {batch.ptr + RECBATCH_HEAD, batch.len - RECBATCH_HEAD};
        buf.ptr[60] = cnt;
        recbatch_stamp(buf.ptr, rest, 5);
        int err = recbatch_check(batch, &head);
        if (!err) err = recbatch_check_records(batch, false);
        assert_int_equal(err == 0, cnt == 9);
        struct recbatch_iter it;
        struct record rec;
        recbatch_walk(&it, batch, 0, &arena);
        while (recbatch_next(&it, &rec))
            assert_in_range(rec.offset, 0, 9);
    }
    buf_fini(&buf);
    arena_fini(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recbatch_round_trips_in_every_codec),
        cmocka_unit_test(recbatch_walks_several_batches_from_an_offset),
        cmocka_unit_test(recbatch_stamp_gives_every_record_the_logs_time),
        cmocka_unit_test(recbatch_check_refuses_each_flipped_byte_and_cut),
        cmocka_unit_test(recbatch_add_leaves_the_batch_whole_when_full),
        cmocka_unit_test(recbatch_seal_of_nothing_leaves_nothing),
        cmocka_unit_test(codec_stops_at_a_bomb),
        cmocka_unit_test(codec_reads_raw_snappy),
        cmocka_unit_test(recbatch_check_records_refuses_wrong_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
