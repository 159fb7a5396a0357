/* packrow_test.c - what a merge keeps, drops and forgets; the ring's tokens. */
#include "support/unit.h"

#include "base/err.h"
#include "store/murmur.h"
#include "store/packrow.h"

#define NOW_S 2000000000

static const struct packrow_head no_head = {{PACKROW_NEVER, 0, 0}, PACKROW_NEVER, 0};

static struct buf row_of(const struct packrow_head *head, const struct packrow_cell *cell,
                         size_t cnt) {
    struct packrow_writer writer;
    struct buf out;
    buf_init(&out, MIB);
    packrow_begin(&writer, &out, head);
    for (size_t i = 0; i < cnt; i++)
        packrow_put(&writer, &cell[i]);
    return out;
}

/* "m5 d7 1=a@5 2=-@6": marker, deletion, cells. */
static const char *text_of(struct str bytes) {
    static char text[512];
    struct packrow_reader reader;
    struct packrow_cell cell;
    size_t len = 0;
    text[0] = 0;
    assert_int_equal(packrow_open(&reader, bytes), 0);
    const struct packrow_head *head = &reader.head;
    if (head->marker.ts_us != PACKROW_NEVER)
        len += (size_t)snprintf(text, sizeof text, "m%d ", (int)head->marker.ts_us);
    if (head->del_ts_us != PACKROW_NEVER)
        len += (size_t)snprintf(text + len, sizeof text - len, "d%d ", (int)head->del_ts_us);
    while (packrow_next(&reader, &cell))
        len += (size_t)snprintf(text + len, sizeof text - len, "%u=%.*s@%d ", cell.col,
                                cell.value.ptr ? (int)cell.value.len : 1,
                                cell.value.ptr ? cell.value.ptr : "-", (int)cell.life.ts_us);
    assert_false(reader.in.bad);
    return text;
}

static const char *merged(const struct buf *a, const struct buf *b, bool whole) {
    static struct buf out;
    buf_fini(&out);
    buf_init(&out, MIB);
    assert_int_equal(packrow_merge(buf_str(a), buf_str(b), NOW_S, whole, &out), 0);
    const char *text = text_of(buf_str(&out));
    assert_true(!whole || packrow_empty(buf_str(&out)) == (text[0] == 0));
    buf_fini(&out);
    return text;
}

static void cells_of_both_rows_are_kept_and_the_later_wins(void **state UNUSED) {
    struct packrow_head head = no_head;
    struct packrow_cell a[] = {{1, {5, 0, 0}, STR("a")}, {300, {9, 0, 0}, STR("late")}};
    struct packrow_cell b[] = {{1, {6, 0, 0}, STR("b")}, {2, {6, 0, 0}, STR("")}};
    head.marker.ts_us = 5;
    struct buf x = row_of(&head, a, 2), y = row_of(&no_head, b, 2);
    assert_string_equal(merged(&x, &y, false), "m5 1=b@6 2=@6 300=late@9 ");
    assert_string_equal(merged(&y, &x, false), "m5 1=b@6 2=@6 300=late@9 ");
    buf_fini(&x);
    buf_fini(&y);
}

static void a_deletion_covers_what_is_not_later(void **state UNUSED) {
    struct packrow_head head = no_head, gone = no_head;
    struct packrow_cell a[] = {{1, {5, 0, 0}, STR("a")}, {2, {7, 0, 0}, STR("b")}};
    head.marker.ts_us = 6;
    gone.del_ts_us = 6;
    gone.del_at_s = NOW_S;
    struct buf x = row_of(&head, a, 2), y = row_of(&gone, NULL, 0);
    assert_string_equal(merged(&x, &y, true), "d6 2=b@7 ");
    buf_fini(&x);
    buf_fini(&y);
}

static void what_is_long_dead_is_forgotten_only_by_a_whole_merge(void **state UNUSED) {
    int64_t old = NOW_S - PACKROW_GRACE_S - 1, young = NOW_S - PACKROW_GRACE_S + 1;
    struct packrow_head head = no_head;
    struct packrow_cell cells[] = {{1, {5, 0, old}, STR_NULL},
                                   {2, {5, 0, young}, STR_NULL},
                                   {3, {5, 10, old}, STR("expired long ago")},
                                   {4, {5, 10, NOW_S - 1}, STR("expired")},
                                   {5, {5, 10, NOW_S + 1}, STR("alive")},
                                   {PACKROW_COL_KEY, {5, 0, 0}, STR("key")}};
    head.del_ts_us = 3;
    head.del_at_s = old;
    struct buf x = row_of(&head, cells, ARRAY_LEN(cells)), none = row_of(&no_head, NULL, 0);
    assert_true(packrow_stale(buf_str(&x), NOW_S));
    assert_string_equal(merged(&x, &none, false),
                        "d3 1=-@5 2=-@5 3=@5 4=@5 5=alive@5 65535=key@5 ");
    assert_string_equal(merged(&x, &none, true), "2=-@5 4=@5 5=alive@5 65535=key@5 ");
    struct buf gone = row_of(&head, cells, 1);
    struct packrow_cell key[] = {cells[0], cells[5]};
    struct buf keyed = row_of(&head, key, 2);
    assert_string_equal(merged(&gone, &none, true), "");
    assert_string_equal(merged(&keyed, &none, true), ""); /* a key alone is no row */
    buf_fini(&x);
    buf_fini(&none);
    buf_fini(&gone);
    buf_fini(&keyed);
}

static void damage_is_refused(void **state UNUSED) {
    struct packrow_cell cell = {7, {5, 10, 20}, STR("value")};
    struct packrow_head head = {{5, 3, 4}, 2, 1};
    struct buf row = row_of(&head, &cell, 1), out;
    buf_init(&out, MIB);
    for (size_t len = 0; len < row.len; len++) {
        int err = packrow_merge((struct str){row.ptr, len}, buf_str(&row), NOW_S, false, &out);
        bool only_head = len == 1 + 8 + 12 + 16;
        assert_int_equal(err, only_head ? 0 : ERR_CORRUPT);
        buf_reset(&out);
    }
    row.ptr[0] = 8;
    assert_int_equal(packrow_merge(buf_str(&row), buf_str(&row), NOW_S, false, &out), ERR_CORRUPT);
    buf_fini(&out);
    buf_fini(&row);
}

static void tokens_are_cassandras(void **state UNUSED) {
    static const struct {
        struct str key;
        int64_t token;
    } cases[] = {
        {{"", 0}, INT64_C(0)},
        {{"\377", 1}, INT64_C(-4442228696663692417)},
        {{"\200\201\202", 3}, INT64_C(4805209697930042770)},
        {{"\372\373\374\375\376\377\372\373\374\375\376\377", 12}, INT64_C(4836982117083998394)},
        {{"\310\311\312\313\314\315\316\317\320\321\322\323\324\325\326\327\330\331"
          "\332\333\334\335\336\337\340\341\342\343\344\345\346",
         31}, INT64_C(4398332801500074197)},
        {{"\200\201\202\203\204\205\206\207\210\211\212\213\214\215\216\217\220\221"
          "\222\223\224\225\226\227\230\231\232\233\234\235\236\237",
         32}, INT64_C(-61479015959055060)},
        {{"\060\061\062\063\064\065\066\067\070\071\141\142\143\144\145\146",
         16}, INT64_C(5467490433528156583)},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_true(murmur_token(cases[i].key) == cases[i].token);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_of_both_rows_are_kept_and_the_later_wins),
        cmocka_unit_test(a_deletion_covers_what_is_not_later),
        cmocka_unit_test(what_is_long_dead_is_forgotten_only_by_a_whole_merge),
        cmocka_unit_test(damage_is_refused),
        cmocka_unit_test(tokens_are_cassandras),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
