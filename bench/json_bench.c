/* json_bench.c - how fast JSON is skipped, checked against a type, and read into columns.
 *
 * The records are the built-in people, ~1.1 KB each, all different. */
#include <stdio.h>

#include "base/env.h"
#include "base/err.h"
#include "source/people/person.h"
#include "wire/json/json.h"
#include "wire/json/jsonbatch.h"
#include "wire/json/jsontype.h"

#define RECORDS 4000
#define ROUNDS  40

static double since(struct env *env, int64_t from) {
    return (double)(env_mono_us(env) - from) / 1e6;
}

static void show(const char *what, double sec, size_t bytes) {
    double records = (double)RECORDS * ROUNDS;
    printf("%-28s %7.3f GB/s  %9.0f records/s  %6.0f ns a record\n", what,
           (double)bytes * ROUNDS / sec / 1e9, records / sec, sec / records * 1e9);
}

static int bench_columns(struct env *env, const struct type *type, const struct str *record,
                         size_t bytes, bool all) {
    const struct str leaf[] = {
        STR("login.uuid"),        STR("name.first"),     STR("name.last"),
        STR("gender"),            STR("location.street"), STR("location.city"),
        STR("location.state"),    STR("location.country"), STR("location.postcode"),
        STR("email"),             STR("dob.date"),       STR("picture.medium")};
    struct arena arena = ARENA_INIT, types = ARENA_INIT;
    struct jsonbatch *jb = NULL;
    struct jsonbatch_out out;
    int err = all ? 0 : jsonbatch_prune(type, leaf, ARRAY_LEN(leaf), &types, &type);
    if (!err) err = jsonbatch_new(&jb, type, 0);
    int64_t from = env_mono_us(env);
    for (int round = 0; round < ROUNDS && !err; round++) {
        arena_reset(&arena);
        err = jsonbatch_decode(jb, record, RECORDS, &arena, &out);
        if (!err && out.bad_cnt) err = err_fail(ERR_INTERNAL, "a record is bad");
    }
    show(all ? "columns, all leaves" : "columns, 12 paths of ~40", since(env, from), bytes);
    jsonbatch_free(jb);
    arena_fini(&arena);
    arena_fini(&types);
    return err;
}

static int run(struct env *env, const struct str *record, size_t bytes) {
    struct arena arena = ARENA_INIT;
    const struct type *type = NULL;
    int err = 0;
    int64_t from = env_mono_us(env);
    for (int round = 0; round < ROUNDS && !err; round++)
        for (uint32_t i = 0; i < RECORDS && !err; i++) err = json_check(record[i], NULL);
    show("check (skip)", since(env, from), bytes);
    for (uint32_t i = 0; i < RECORDS && !err; i++) err = jsontype_widen(&type, record[i], &arena);
    from = env_mono_us(env);
    for (int round = 0; round < ROUNDS && !err; round++)
        for (uint32_t i = 0; i < RECORDS && !err; i++)
            if (!jsontype_fits(type, record[i])) err = err_fail(ERR_INTERNAL, "it does not fit");
    show("fits the known type", since(env, from), bytes);
    if (!err) err = bench_columns(env, type, record, bytes, false);
    if (!err) err = bench_columns(env, type, record, bytes, true);
    arena_fini(&arena);
    return err;
}

int main(void) {
    struct env *env = env_real();
    struct buf text;
    static struct str record[RECORDS];
    static size_t start[RECORDS + 1];
    struct people_query query;
    int err = people_parse(env, STR(""), STR(""), &query);
    buf_init(&text, 64 * MIB);
    for (unsigned i = 0; i < RECORDS && !err; i++) {
        person_write(&query, 1, i, env_now_us(env), &text);
        start[i + 1] = text.len;
    }
    for (unsigned i = 0; i < RECORDS; i++)
        record[i] = (struct str){text.ptr + start[i], start[i + 1] - start[i]};
    printf("%d records of %zu bytes\n", RECORDS, text.len / RECORDS);
    if (!err) err = run(env, record, text.len);
    if (err) fprintf(stderr, "json_bench: %s\n", err_note());
    buf_fini(&text);
    return err != 0;
}
