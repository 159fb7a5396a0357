/* json_fuzz.c - any bytes through every reader of JSON, against jansson's strict one.
 *
 * The two accept the same texts, but for: depth (ours is 64 levels, jansson's 2048), \u0000 and
 * numbers beyond double's range or int64's, which jansson refuses, and half surrogate pairs
 * (\ud800), which we take as Spark does, and a NUL byte after the value, which ends
 * jansson's text. */
/* Two names and the kinds are also ours (json.h). */
#define json_object jansson_object
#define json_array  jansson_array
#define JSON_OBJECT JANSSON_OBJECT
#define JSON_ARRAY  JANSSON_ARRAY
#define JSON_STRING JANSSON_STRING
#define JSON_REAL   JANSSON_REAL
#define JSON_NULL   JANSSON_NULL
#include <jansson.h>
#undef json_object
#undef json_array
#undef JSON_OBJECT
#undef JSON_ARRAY
#undef JSON_STRING
#undef JSON_REAL
#undef JSON_NULL

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "wire/json/jsonbatch.h"
#include "wire/json/jsonpath.h"
#include "wire/json/jsonschema.h"
#include "wire/json/jsontext.h"
#include "wire/json/jsontype.h"

static void must(bool ok, const char *what) {
    if (ok) return;
    fprintf(stderr, "json_fuzz: %s\n", what);
    abort();
}

static bool contains(struct str text, const char *needle) {
    return memmem(text.ptr, text.len, needle, strlen(needle)) != NULL;
}

static void compare(struct str text, int err) {
    json_error_t error;
    json_t *tree = json_loadb(text.ptr, text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    enum json_error_code code = tree ? 0 : json_error_code(&error);
    json_decref(tree);
    if (err == 0 && !tree)
        must(code == json_error_numeric_overflow || contains(text, "\\u"), "jansson refuses it");
    bool nul = memchr(text.ptr, 0, text.len) != NULL;
    if (err != 0 && tree) must(err == ERR_TOO_BIG || nul, "jansson takes it");
}

/* What was accepted copies to text that is accepted and copies to itself. */
static void copy_twice(struct str text) {
    struct json_value value;
    struct buf one, two;
    buf_init(&one, 64 * MIB);
    buf_init(&two, 64 * MIB);
    must(json_whole(text, &value) == 0, "accepted, then not");
    jsontext_copy(&value, 0, false, &one);
    /* A real too big becomes Infinity, which only JSON_LAX reads. */
    if (json_whole(buf_str(&one), &value) == 0) {
        jsontext_copy(&value, 0, false, &two);
        must(str_eq(buf_str(&one), buf_str(&two)), "a copy differs from its copy");
    } else {
        must(contains(buf_str(&one), "Infinity"), "a copy is not JSON");
    }
    buf_fini(&one);
    buf_fini(&two);
}

static void types(struct str text, bool good, struct arena *arena) {
    const struct type *type;
    int err = jsontype_infer(text, arena, &type);
    must(good ? err == 0 || err == ERR_TOO_BIG : err != 0, "inference and check disagree");
    if (err) return;
    must(jsontype_fits(type, text) || contains(text, "\\"), "does not fit its own type");
    const struct type *same = type;
    must(jsontype_widen(&same, text, arena) == 0, "does not widen");
    must(type_eq(same, type), "widening twice differs");
}

static void columns(struct str text, bool good, struct arena *arena) {
    static const char ddl[] = "STRUCT<a: BIGINT, b: STRING, c: ARRAY<STRUCT<a: INT, b: DOUBLE>>, "
                              "d: MAP<STRING, ARRAY<STRING>>, e: TIMESTAMP, f: DECIMAL(10,2), "
                              "g: BINARY, h: STRUCT<a: STRING, b: DATE>>";
    const struct type *type;
    must(type_parse((struct str){ddl, sizeof ddl - 1}, arena, &type) == 0, "the type");
    for (unsigned flags = 0; flags < 4; flags++) {
        struct jsonbatch *jb;
        struct jsonbatch_out out;
        struct buf buf;
        const struct str record[] = {text, STR("{\"a\":1,\"c\":[{\"a\":2}]}"), text, STR_NULL};
        must(jsonbatch_new(&jb, type, flags) == 0, "a reader");
        must(jsonbatch_decode(jb, record, 4, arena, &out) == 0, "a batch");
        must(good || flags & JSONBATCH_SPARK || out.bad_cnt == 2, "a bad record passed");
        buf_init(&buf, 64 * MIB);
        for (uint32_t row = 0; row < 4; row++) batch_json(out.vec, row, &buf);
        must(contains(buf_str(&buf), "{\"a\":1,\"c\":[{\"a\":2}]}"), "the good record changed");
        buf_fini(&buf);
        jsonbatch_free(jb);
    }
}

/* What was cut is gone, and the rest is JSON still. */
static void cut(const char *path_text, struct str text, int err, struct arena *arena) {
    const struct jsonpath *path;
    struct json_value *match;
    struct str left;
    size_t cnt;
    must(jsonpath_parse(str_of(path_text), arena, &path) == 0, "a path");
    must((jsonpath_cut(path, text, arena, &left) == 0) == (err == 0), "a cut differs");
    if (err) return;
    must(jsonpath_find(path, left, arena, &match, &cnt) == 0, "what was left is no JSON");
    must(cnt == 0, "something was left of what was cut");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct str text = {(const char *)data, len};
    struct arena arena = ARENA_INIT;
    const struct jsonpath *path;
    struct json_value *match;
    const struct type *type;
    size_t pos = 0, cnt;
    int err = json_check(text, &pos);
    must(pos <= len, "the position is out of the text");
    compare(text, err);
    if (!err) copy_twice(text);
    types(text, !err, &arena);
    columns(text, !err, &arena);
    (void)!jsonschema_parse(text, &arena, &type);
    must(jsonpath_parse(STR("c[*].a"), &arena, &path) == 0, "a path");
    must((jsonpath_find(path, text, &arena, &match, &cnt) == 0) == (err == 0), "a path differs");
    cut("c[*].a", text, err, &arena);
    cut("a", text, err, &arena);
    cut("[*]", text, err, &arena);
    struct str head = {text.ptr, MIN(text.len, 64)};
    if (jsonpath_parse(head, &arena, &path) == 0)
        (void)!jsonpath_find(path, text, &arena, &match, &cnt);
    arena_fini(&arena);
    return 0;
}
