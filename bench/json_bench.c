/* json_bench.c - how fast JSON is skipped, checked against a type, and read into columns.
 *
 * The records are of the shape that randomuser.me gives, ~1.1 KB each, all different. */
#include <stdio.h>

#include "base/env.h"
#include "base/err.h"
#include "wire/json/json.h"
#include "wire/json/jsonbatch.h"
#include "wire/json/jsontype.h"

#define RECORDS 4000
#define ROUNDS  40

static void put_user(struct buf *out, unsigned i) {
    static const char *const first[] = {"Ana", "Bj\xC3\xB6rn", "Clara", "Dmitri"};
    const char *name = first[i % 4];
    buf_printf(out, "{\"gender\":\"%s\",\"name\":{\"title\":\"Ms\",\"first\":\"%s\","
               "\"last\":\"Nordmann%u\"},", i % 2 ? "male" : "female", name, i);
    buf_printf(out, "\"location\":{\"street\":{\"number\":%u,\"name\":\"Church Road\"},"
               "\"city\":\"Salford\",\"state\":\"County Kerry\",\"country\":\"United Kingdom\",",
               i % 9999);
    buf_printf(out, "\"postcode\":%u,\"coordinates\":{\"latitude\":\"-%u.1234\","
               "\"longitude\":\"%u.5678\"},", 10000 + i, i % 90, i % 180);
    buf_putz(out, "\"timezone\":{\"offset\":\"+5:30\",\"description\":\"Bombay, Calcutta, Madras, "
             "New Delhi\"}},");
    buf_printf(out, "\"email\":\"%s.nordmann%u@example.com\",\"login\":{\"uuid\":"
               "\"5f1f0b3c-6d2b-4c0f-9b0e-%012u\",\"username\":\"angrybear%u\",", name, i, i, i);
    buf_putz(out, "\"password\":\"qwerty\",\"salt\":\"Xy4kQ1aB\","
             "\"md5\":\"0123456789abcdef0123456789abcdef\","
             "\"sha1\":\"0123456789abcdef0123456789abcdef01234567\",\"sha256\":"
             "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"},");
    buf_printf(out, "\"dob\":{\"date\":\"1970-05-07T08:09:%02u.123Z\",\"age\":%u},"
               "\"registered\":{\"date\":\"2010-01-02T03:04:05.678Z\",\"age\":12},", i % 60,
               i % 90);
    buf_printf(out, "\"phone\":\"015242 %u\",\"cell\":\"07788 123456\",\"id\":{\"name\":\"NINO\","
               "\"value\":\"SG %u H\"},\"picture\":{", i, i);
    static const char *const size[] = {"large", "medium", "thumbnail"};
    for (int k = 0; k < 3; k++)
        buf_printf(out, "%s\"%s\":\"https://randomuser.me/api/portraits/%s/men/%u.jpg\"",
                   k ? "," : "", size[k], size[k], i % 99);
    buf_putz(out, "},\"nat\":\"GB\"}");
}

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
    buf_init(&text, 64 * MIB);
    for (unsigned i = 0; i < RECORDS; i++) {
        put_user(&text, i);
        start[i + 1] = text.len;
    }
    for (unsigned i = 0; i < RECORDS; i++)
        record[i] = (struct str){text.ptr + start[i], start[i + 1] - start[i]};
    printf("%d records of %zu bytes\n", RECORDS, text.len / RECORDS);
    int err = run(env, record, text.len);
    if (err) fprintf(stderr, "json_bench: %s\n", err_note());
    buf_fini(&text);
    return err != 0;
}
