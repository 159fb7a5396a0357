/* func_fuzz.c - the functions of text over any bytes: no crash, no hang, no answer that is neither
 * a value, a NULL nor a marked row.
 *
 * The input is two texts, parted at its first NUL, and a number made of its first bytes. */
#include <stdio.h>
#include <stdlib.h>

#include "base/env.h"
#include "base/err.h"
#include "stream/op/cast.h"
#include "stream/op/exec.h"
#include "stream/plan/plan.h"

static const char *const text[] = {
    "concat(s, p, s)", "concat_ws(p, s, s)", "substring(s, i, 3)", "left(s, i)", "right(s, i)",
    "split_part(s, p, i)", "substring_index(s, p, i)", "length(s)", "trim(s)", "btrim(s, p)",
    "lpad(s, i, p)", "rpad(s, i, p)", "repeat(s, i)", "reverse(s)", "instr(s, p)",
    "locate(p, s, i)", "replace(s, p, 'x')", "translate(s, p, 'xyz')", "overlay(s, p, i)",
    "find_in_set(p, s)", "upper(s)", "lower(s)", "initcap(s)", "soundex(s)", "levenshtein(s, p)",
    "s rlike p", "s like p", "s ilike p", "regexp_replace(s, p, '<$0>')",
    "regexp_replace(s, '(a)(?<n>b)?', p)", "regexp_extract_all(s, p, 0)", "regexp_count(s, p)",
    "split(s, p, i)", "md5(s)", "hash(s, p)", "xxhash64(s)", "base64(s)", "unbase64(s)", "hex(s)",
    "unhex(s)", "url_encode(s)", "url_decode(s)", "parse_url(s, 'HOST')",
    "parse_url(s, 'QUERY', p)", "format_string(s, p, i)", "format_number(i, s)",
    "date_format(timestamp_seconds(i), s)", "to_timestamp(s, p)", "try_to_timestamp(s)",
    "to_date(s, 'yyyy-MM-dd')", "unix_timestamp(s, p)", "get_json_object(s, p)",
    "json_array_length(s)", "json_object_keys(s)", "to_json(named_struct('a', s, 'b', p))",
    "from_json(s, 'a INT, b STRING, c ARRAY<STRUCT<d: DOUBLE>>, e MAP<STRING, STRING>')",
    "from_json(s, 'ARRAY<TIMESTAMP>')", "cast(s as double)", "try_cast(s as timestamp)",
    "try_cast(s as decimal(20, 5))", "from_utc_timestamp(timestamp_seconds(i), s)",
    "make_date(i, 2, 29)", "add_months(date'2020-01-31', i)", "next_day(date'2020-01-01', s)",
    "date_trunc(s, timestamp_seconds(i))", "sequence(i, 5)", "slice(array(s, p), i, i)",
    "array_join(split(s, p), p)", "array_sort(split(s, ''))", "array_distinct(split(s, ''))",
    "map(s, p)", "element_at(array(s, p), i)", "round(i, -2)", "conv_missing(s)",
};

static struct plan plan[ARRAY_LEN(text)];
static struct expr *expr[ARRAY_LEN(text)];
static const struct type *row_type;
static struct arena kept;

static void setup(void) {
    const struct field field[] = {{STR("s"), type_of(TYPE_STRING), true},
                                  {STR("p"), type_of(TYPE_STRING), true},
                                  {STR("i"), type_of(TYPE_I32), true}};
    row_type = type_struct(&kept, field, 3);
    for (size_t k = 0; k < ARRAY_LEN(text); k++) {
        struct stream_errors errors;
        int err = plan_expr(&plan[k], str_of(text[k]), row_type, &kept, &expr[k], &errors);
        bool wanted = strcmp(text[k], "conv_missing(s)") != 0;
        if ((err == 0) == wanted) continue;
        fprintf(stderr, "func_fuzz: %s: %s\n", text[k], err_note());
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct arena arena = ARENA_INIT;
    struct str rest, all = {(const char *)data, len};
    struct vec *col[3];
    struct exec exec;
    if (!row_type) setup();
    for (uint32_t c = 0; c < 3; c++) col[c] = batch_vec(&arena, row_type->field[c].type, 3);
    struct str head = str_cut(all, 0, &rest);
    if (!rest.ptr) rest = STR("");
    if (!head.ptr) head = STR("");
    for (uint32_t row = 0; row < 3; row++) {
        col[0]->str[row] = row == 1 ? rest : head;
        col[1]->str[row] = row == 1 ? head : rest;
        /* 16 bits: long texts and arrays are slow, and have limits of their own */
        if (len >= 2) col[2]->i32[row] = (int16_t)(row ? data[0] : data[0] | data[1] << 8);
    }
    batch_set_null(col[0], &arena, 2);
    for (size_t k = 0; k < ARRAY_LEN(text); k++) {
        const struct vec *out;
        struct buf buf;
        if (!expr[k]) continue;
        exec_init(&exec, &arena, (const struct vec *const *)col, 3);
        exec.ctx.env = env_real();
        if (exec_eval(&exec, expr[k], &out)) continue;
        buf_init(&buf, 64 * MIB);
        for (uint32_t row = 0; row < 3; row++)
            if (!(exec.ctx.failed && exec.ctx.failed[row]) && !vec_null(out, row))
                cast_text(out, row, &buf);
        buf_fini(&buf);
    }
    arena_fini(&arena);
    return 0;
}
