/* sql_query_test.c - whole queries from test/sql/queries.test: text and records in, rows and
 * quarantine out, or the mistakes in the text. The file's head tells its layout. */
#include "base/env.h"
#include "base/err.h"
#include "support/streambed.h"
#include "support/unit.h"

#define FILE_MAX (1 * MIB)
#define LINE_CNT 256

struct one {
    struct str name;
    struct buf sql;
    char schema[2048];
    struct stream_expect expect[8];
    size_t expect_cnt;
    struct str in[LINE_CNT], want[LINE_CNT]; /* want: the lines with > ! ? */
    size_t in_cnt, want_cnt;
};

static void take_expect(struct one *one, struct str line) {
    static const char *const words[] = {"quarantine", "warn", "drop", "stop"};
    struct str that, head = str_cut(line, ':', &that), otherwise, name;
    name = str_cut(head, ' ', &otherwise);
    struct stream_expect *expect = &one->expect[one->expect_cnt++];
    *expect = (struct stream_expect){name, str_trim(that), STREAM_QUARANTINE};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_eqz(otherwise, words[i])) expect->otherwise = (enum stream_else)i;
}

static void take_line(struct one *one, struct str line) {
    assert_true(one->in_cnt < LINE_CNT && one->want_cnt < LINE_CNT && one->expect_cnt < 8);
    struct str rest = {line.ptr + 2, line.len > 2 ? line.len - 2 : 0};
    bool mark = line.len > 1 && line.ptr[1] == ' ';
    if (str_starts(line, STR("schema: ")))
        snprintf(one->schema, sizeof one->schema, "STRUCT<%.*s>", (int)line.len - 8, line.ptr + 8);
    else if (str_starts(line, STR("expect ")))
        take_expect(one, (struct str){line.ptr + 7, line.len - 7});
    else if (mark && line.ptr[0] == '<') one->in[one->in_cnt++] = rest;
    else if (mark && strchr(">!?", line.ptr[0])) one->want[one->want_cnt++] = line;
    else buf_printf(&one->sql, "%.*s\n", STR_ARG(line));
}

static size_t differ(const struct one *one, struct str want, const char *got) {
    print_error("%.*s:\n  wanted %.*s\n  got    %s\n", STR_ARG(one->name), STR_ARG(want), got);
    return 1;
}

/* The mistakes of the text, in order. */
static size_t check_mistakes(const struct one *one) {
    struct arena arena = ARENA_INIT;
    const struct type *source, *type;
    struct str topic;
    struct stream_errors errors;
    char got[1024];
    size_t wrong = 0;
    struct stream_query query = {buf_str(&one->sql), one->expect, one->expect_cnt};
    assert_int_equal(type_parse(str_of(one->schema), &arena, &source), 0);
    int err = stream_check(&query, source, &arena, &type, &topic, &errors);
    assert_true((err != 0) == (errors.cnt != 0));
    for (size_t i = 0; i < MAX(errors.cnt, one->want_cnt); i++) {
        struct str want = i < one->want_cnt ? one->want[i] : STR("nothing");
        snprintf(got, sizeof got, "nothing");
        if (i < errors.cnt)
            snprintf(got, sizeof got, "? %u:%u %.*s", errors.error[i].line, errors.error[i].col,
                     STR_ARG(errors.error[i].text));
        if (!str_eqz(want, got)) wrong += differ(one, want, got);
    }
    arena_fini(&arena);
    return wrong;
}

static size_t check_rows(const struct one *one) {
    struct streambed bed;
    struct arena arena = ARENA_INIT;
    char got[1200];
    size_t wrong = 0, rows = 0, kept = 0;
    streambed_init(&bed, one->schema, arena_strz(&arena, buf_str(&one->sql)), one->expect,
                   one->expect_cnt);
    for (size_t i = 0; i < one->in_cnt; i++)
        streambed_put(&bed, 0, arena_strz(&arena, one->in[i]), 1000 + (int64_t)i);
    streambed_open(&bed);
    streambed_drain(&bed, 0);
    for (size_t i = 0; i < one->want_cnt; i++) {
        bool row = one->want[i].ptr[0] == '>';
        const struct streambed_kept *bad = &bed.sink->kept[kept];
        if (row)
            snprintf(got, sizeof got, "> %s",
                     rows < bed.sink->row_cnt ? bed.sink->row[rows].json : "nothing");
        else if (kept < bed.sink->kept_cnt)
            snprintf(got, sizeof got, "! %s: %s", bad->check, bad->reason);
        else
            snprintf(got, sizeof got, "! nothing");
        *(row ? &rows : &kept) += 1;
        bool same = row ? str_eqz(one->want[i], got) : str_starts(str_of(got), one->want[i]);
        if (!same) wrong += differ(one, one->want[i], got);
    }
    if (rows != bed.sink->row_cnt || kept != bed.sink->kept_cnt)
        wrong += differ(one, STR("no more"), "more rows or quarantine");
    streambed_fini(&bed);
    arena_fini(&arena);
    return wrong;
}

static size_t check(const struct one *one) {
    bool mistakes = one->want_cnt && one->want[0].ptr[0] == '?';
    return mistakes ? check_mistakes(one) : check_rows(one);
}

static void queries_give_their_rows(void **state) {
    (void)state;
    static struct one one;
    char *text;
    size_t len, wrong = 0, cnt = 0;
    assert_int_equal(env_read_whole(env_real(), "test/sql/queries.test", FILE_MAX, &text, &len), 0);
    struct str left = {text, len};
    while (left.len) {
        struct str line = str_cut(left, '\n', &left);
        bool begins = str_starts(line, STR("== "));
        if (begins && one.name.ptr) wrong += check(&one);
        if (begins) {
            cnt++;
            buf_fini(&one.sql);
            memset(&one, 0, sizeof one);
            buf_init(&one.sql, FILE_MAX);
            one.name = (struct str){line.ptr + 3, line.len - 3};
        } else if (one.name.ptr && line.len) {
            take_line(&one, line);
        }
    }
    wrong += check(&one);
    buf_fini(&one.sql);
    base_free(text);
    assert_true(cnt > 10);
    assert_int_equal(wrong, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queries_give_their_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
