/* json_test.c - the JSON cursor, paths, inference and columns. */
#include "support/unit.h"

#include "base/err.h"
#include "model/type.h"
#include "wire/json/jsonbatch.h"
#include "wire/json/jsonpath.h"
#include "wire/json/jsonschema.h"
#include "wire/json/jsontype.h"

static const char *wrong_at(const char *text, size_t *pos) {
    int err = json_check(str_of(text), pos);
    return err ? err_name(err) : "OK";
}

static void json_accepts_what_rfc_8259_does(void **state UNUSED) {
    static const char *const good[] = {
        "null", "true", " false\n", "0", "-0", "12.5e-3", "1E+9", "\"\"", "\"\\u00e9\\n\\/\"",
        "[]", "{}", "[1,[2,{\"a\":[]}]]", "{\"a\":1,\"a\":2}", "{ \"a\" : [ 1 , 2 ] }",
        "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80 and a long tail of plain text to scan fast\"",
        "\n                                   [\n                    1]"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        if (json_check(str_of(good[i]), NULL)) fail_msg("%s: %s", good[i], err_note());
}

static void json_rejects_with_the_byte(void **state UNUSED) {
    static const struct {
        const char *text, *err;
        size_t pos;
    } bad[] = {
        {"", "TRUNC", 0},           {"  ", "TRUNC", 2},        {"[1,", "TRUNC", 3},
        {"[1", "TRUNC", 2},         {"{\"a\"", "TRUNC", 4},    {"{\"a\":", "TRUNC", 5},
        {"\"abc", "TRUNC", 4},      {"\"ab\\", "TRUNC", 4},    {"01", "SYNTAX", 1},
        {"-", "SYNTAX", 1},         {"1.", "SYNTAX", 2},       {"1e", "SYNTAX", 2},
        {".5", "SYNTAX", 0},        {"+1", "SYNTAX", 0},       {"nul", "SYNTAX", 0},
        {"NaN", "SYNTAX", 0},       {"'a'", "SYNTAX", 0},      {"[1,]", "SYNTAX", 3},
        {"{,}", "SYNTAX", 1},       {"{\"a\":1,}", "SYNTAX", 7}, {"{a:1}", "SYNTAX", 1},
        {"[1 2]", "SYNTAX", 3},     {"{\"a\" 1}", "SYNTAX", 5}, {"1 2", "SYNTAX", 2},
        {"[1}", "SYNTAX", 2},       {"{\"a\":1]", "SYNTAX", 6}, {"\"a\tb\"", "SYNTAX", 2},
        {"\"\\x\"", "SYNTAX", 1},   {"\"\\u12g4\"", "SYNTAX", 1}, {"\"\xC0\x80\"", "SYNTAX", 1},
        {"\"\xED\xA0\x80\"", "SYNTAX", 1}, {"\"ab\xE2\x82\"", "SYNTAX", 3},
        {"\"\xF4\x90\x80\x80\"", "SYNTAX", 1}, {"]", "SYNTAX", 0},
        {"\"\xE0\x9F\xBF\"", "SYNTAX", 1}, {"\"\xF0\x8F\xBF\xBF\"", "SYNTAX", 1},
        {"\xEF\xBB\xBF{}", "SYNTAX", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        size_t pos;
        const char *name = wrong_at(bad[i].text, &pos);
        if (strcmp(name, bad[i].err) != 0 || pos != bad[i].pos)
            fail_msg("%s: %s at %zu, expected %s at %zu", bad[i].text, name, pos, bad[i].err,
                     bad[i].pos);
    }
}

static void json_depth_is_limited(void **state UNUSED) {
    static char text[200001];
    size_t pos;
    memset(text, '[', 100000);
    memset(text + 100000, ']', 100000);
    struct str deep = {text, 200000}, fine = {text + 100000 - 64, 128};
    assert_int_equal(json_check(deep, &pos), ERR_TOO_BIG);
    assert_int_equal(pos, 64);
    assert_int_equal(json_check(fine, NULL), 0);
    struct str over = {text + 100000 - 65, 130};
    assert_int_equal(json_check(over, NULL), ERR_TOO_BIG);
    struct json in;
    json_open(&in, over, 0);
    for (int i = 0; i < 64; i++) assert_true(json_array(&in) && json_item(&in));
    assert_false(json_array(&in));
    assert_int_equal(json_err(&in), ERR_TOO_BIG);
}

/* Every cut of a text, at every distance from the end of its memory. */
static void json_never_reads_past_the_end(void **state UNUSED) {
    static const char text[] = "{\"name\":\"J\xC3\xB6rg \\u00fc and a longer one\",\"n\":[1.5e3,"
                               "true,null,{}],\"x\":\"0123456789abcdef0123456789abcdef\"}";
    for (size_t len = 0; len < sizeof text; len++) {
        char *copy = base_alloc(len + 1);
        memcpy(copy, text, len);
        int err = json_check((struct str){copy, len}, NULL);
        assert_int_equal(err == 0, len == sizeof text - 1);
        base_free(copy);
    }
}

static void json_pulls_members_and_items(void **state UNUSED) {
    struct arena arena = ARENA_INIT;
    struct json in;
    struct json_value value;
    struct str name;
    int64_t num, sum = 0;
    json_open(&in, STR("{\"a\":[1,2,[3]],\"b\\n\":\"x\\u00e9\\ud83d\\ude00\\ud83d\",\"c\":{}}"), 0);
    assert_true(json_object(&in) && json_member(&in, &name) && str_eqz(name, "a"));
    assert_true(json_array(&in));
    while (json_item(&in)) {
        assert_true(json_value(&in, &value));
        if (json_i64(&value, &num)) sum += num;
        else assert_true(value.kind == JSON_ARRAY && str_eqz(value.raw, "[3]"));
    }
    assert_int_equal(sum, 3);
    assert_true(json_member(&in, &name) && str_eqz(json_name(name, &arena), "b\n"));
    assert_true(json_value(&in, &value) && value.escaped);
    assert_true(str_eqz(json_text(&value, &arena), "x\xC3\xA9\xF0\x9F\x98\x80?"));
    assert_true(json_member(&in, &name) && json_object(&in) && !json_member(&in, &name));
    assert_false(json_member(&in, &name));
    json_close(&in);
    assert_int_equal(json_err(&in), 0);
    arena_fini(&arena);
}

static void json_numbers_are_exact(void **state UNUSED) {
    static const char *const text[] = {
        "0.1", "123456.789", "1e22", "1e23", "-0.0", "9007199254740993", "4.9e-324", "1e400",
        "0.000001", "179769313486231570000000000000000000000e270", "72.0575940379279361",
        "0.30000000000000004", "123456789012345678901234567890"};
    for (size_t i = 0; i < ARRAY_LEN(text); i++) {
        struct json_value value;
        double num;
        assert_int_equal(json_whole(str_of(text[i]), &value), 0);
        assert_true(json_f64(&value, &num));
        if (num != strtod(text[i], NULL)) fail_msg("%s gave %.17g", text[i], num);
    }
    struct json_value value;
    int64_t num;
    assert_int_equal(json_whole(STR("-9223372036854775808"), &value), 0);
    assert_true(json_i64(&value, &num) && num == INT64_MIN);
    assert_int_equal(json_whole(STR("9223372036854775808"), &value), 0);
    assert_false(json_i64(&value, &num));
}

/* ---- paths ---- */

static void expect_path(const char *path, const char *text, const char *expected) {
    struct arena arena = ARENA_INIT;
    const struct jsonpath *compiled;
    struct json_value *match;
    size_t cnt = 0;
    struct buf buf;
    buf_init(&buf, MIB);
    if (jsonpath_parse(str_of(path), &arena, &compiled) ||
        jsonpath_find(compiled, str_of(text), &arena, &match, &cnt))
        fail_msg("%s: %s", path, err_note());
    for (size_t i = 0; i < cnt; i++) {
        if (i) buf_putc(&buf, ' ');
        buf_puts(&buf, match[i].raw);
    }
    if (!str_eqz(buf_str(&buf), expected))
        fail_msg("%s: '%.*s', expected '%s'", path, STR_ARG(buf_str(&buf)), expected);
    buf_fini(&buf);
    arena_fini(&arena);
}

static void jsonpath_finds_slices(void **state UNUSED) {
    const char *text = "{\"results\":[{\"id\":1,\"t\":[1,2]},{\"id\":2},3],"
                       "\"a\":{\"b c\":{\"d\":7}},\"k\\n\":5}";
    expect_path("results[*]", text, "{\"id\":1,\"t\":[1,2]} {\"id\":2} 3");
    expect_path("results[*].id", text, "1 2");
    expect_path("$.results[0].t[*]", text, "1 2");
    expect_path("results[1]", text, "{\"id\":2}");
    expect_path("results[9]", text, "");
    expect_path("a['b c'].d", text, "7");
    expect_path("a.x", text, "");
    expect_path("results.id", text, "");
    expect_path("['k\n']", text, "5");
    expect_path("", "[1, 2]", "[1, 2]");
    expect_path("$", " 5 ", "5");
    expect_path("[*]", "[1, {} ]", "1 {}");
    expect_path("[*]", "{}", "");
}

static void expect_cut(const char *path, const char *text, const char *expected) {
    struct arena arena = ARENA_INIT;
    const struct jsonpath *compiled;
    struct str left;
    if (jsonpath_parse(str_of(path), &arena, &compiled) ||
        jsonpath_cut(compiled, str_of(text), &arena, &left))
        fail_msg("%s: %s", path, err_note());
    if (!str_eqz(left, expected))
        fail_msg("%s of %s: '%.*s', expected '%s'", path, text, STR_ARG(left), expected);
    arena_fini(&arena);
}

static void jsonpath_cut_leaves_the_rest_as_it_was(void **state UNUSED) {
    expect_cut("a", "{\"a\":1,\"b\":2,\"c\":3}", "{\"b\":2,\"c\":3}");
    expect_cut("b", "{\"a\":1,\"b\":2,\"c\":3}", "{\"a\":1,\"c\":3}");
    expect_cut("c", "{\"a\":1,\"b\":2,\"c\":3}", "{\"a\":1,\"b\":2}");
    expect_cut("a", "{\"a\":1}", "{}");
    expect_cut("a", " { \"a\" : 1 , \"b\" : 2 } ", " {\"b\" : 2 } ");
    expect_cut("b", " { \"a\" : 1 , \"b\" : 2 } ", " { \"a\" : 1 } ");
    expect_cut("x", "{\"a\":1}", "{\"a\":1}");
    expect_cut("a", "[1]", "[1]");
    expect_cut("a", "{\"a\":1,\"a\":2}", "{}");
    expect_cut("a", "{\"a\":1,\"b\":0,\"a\":2}", "{\"b\":0}");
    expect_cut("a", "{\"b\":0,\"a\":1,\"a\":2,\"c\":3}", "{\"b\":0,\"c\":3}");
    expect_cut("l.p", "{\"l\":{\"u\":1,\"p\":2},\"p\":3}", "{\"l\":{\"u\":1},\"p\":3}");
    expect_cut("l.p", "{\"l\":{\"p\":{\"x\":[1]}}}", "{\"l\":{}}");
    expect_cut("l.p", "{\"l\":null}", "{\"l\":null}");
    expect_cut("l.p.x", "{\"l\":{\"p\":2}}", "{\"l\":{\"p\":2}}");
    expect_cut("pass", "{\"p\\u0061ss\":1,\"b\":2}", "{\"b\":2}");
    expect_cut("['odd name']", "{\"odd name\":1,\"b\":2}", "{\"b\":2}");
    expect_cut("['a.b']", "{\"a\":{\"b\":1},\"a.b\":2}", "{\"a\":{\"b\":1}}");
}

static void jsonpath_cut_goes_through_arrays(void **state UNUSED) {
    expect_cut("r[*].p", "{\"r\":[{\"p\":1},{\"q\":2,\"p\":3},4]}",
               "{\"r\":[{},{\"q\":2},4]}");
    expect_cut("r[*]", "{\"r\":[1,[2],{}],\"s\":0}", "{\"r\":[],\"s\":0}");
    expect_cut("r[0]", "{\"r\":[1,2,3]}", "{\"r\":[2,3]}");
    expect_cut("r[1]", "{\"r\":[1,2,3]}", "{\"r\":[1,3]}");
    expect_cut("r[2]", "{\"r\":[1,2,3]}", "{\"r\":[1,2]}");
    expect_cut("r[0]", "{\"r\":[ 1 ]}", "{\"r\":[ ]}");
}

static void jsonpath_cut_refuses_the_whole_and_what_is_no_json(void **state UNUSED) {
    struct arena arena = ARENA_INIT;
    const struct jsonpath *path;
    struct str left;
    assert_int_equal(jsonpath_parse(STR("$"), &arena, &path), 0);
    assert_int_equal(jsonpath_cut(path, STR("{}"), &arena, &left), ERR_INVAL);
    assert_int_equal(jsonpath_parse(STR("a"), &arena, &path), 0);
    assert_int_equal(jsonpath_cut(path, STR("{\"a\":1"), &arena, &left), ERR_TRUNC);
    assert_int_equal(jsonpath_cut(path, STR("{\"a\":1,}"), &arena, &left), ERR_SYNTAX);
    assert_int_equal(jsonpath_cut(path, STR(""), &arena, &left), ERR_TRUNC);
    arena_fini(&arena);
}

static void jsonpath_errors_name_the_position(void **state UNUSED) {
    static const struct {
        const char *path, *says;
    } bad[] = {{"a..b", "position 3"},  {"a[", "position 3"},    {"a[x]", "position 3"},
               {"a[*", "position 4"},   {"a]", "position 2"},    {"a['x", "position 5"},
               {"a b", "position 2"},   {".", "position 2"},     {"a[12345678901]", "10 digits"},
               {"a[*]b", "position 5"}};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct arena arena = ARENA_INIT;
        const struct jsonpath *path;
        assert_int_equal(jsonpath_parse(str_of(bad[i].path), &arena, &path), ERR_SYNTAX);
        if (!strstr(err_note(), bad[i].says)) fail_msg("%s: %s", bad[i].path, err_note());
        arena_fini(&arena);
    }
}

static void jsonpath_reports_broken_text(void **state UNUSED) {
    struct arena arena = ARENA_INIT;
    const struct jsonpath *path;
    struct json_value *match, value;
    size_t cnt;
    assert_int_equal(jsonpath_parse(STR("results[*]"), &arena, &path), 0);
    assert_true(jsonpath_many(path));
    assert_int_equal(jsonpath_find(path, STR("{\"results\":[1,2"), &arena, &match, &cnt),
                     ERR_TRUNC);
    assert_int_equal(jsonpath_find(path, STR("{\"results\":[1]} x"), &arena, &match, &cnt),
                     ERR_SYNTAX);
    assert_int_equal(jsonpath_parse(STR("a.b"), &arena, &path), 0);
    assert_int_equal(jsonpath_get(path, STR("{\"a\":{\"b\":1,\"b\":2}}"), &value), 0);
    assert_true(str_eqz(value.raw, "2"));
    assert_int_equal(jsonpath_get(path, STR("{}"), &value), ERR_NOT_FOUND);
    arena_fini(&arena);
}

/* ---- types ---- */

static void expect_type(const char *text, const char *expected) {
    struct arena arena = ARENA_INIT;
    const struct type *type;
    struct buf buf;
    buf_init(&buf, MIB);
    if (jsontype_infer(str_of(text), &arena, &type)) fail_msg("%s: %s", text, err_note());
    type_format(type, &buf);
    if (!str_eqz(buf_str(&buf), expected))
        fail_msg("%s: '%.*s', expected '%s'", text, STR_ARG(buf_str(&buf)), expected);
    if (!jsontype_fits(type, str_of(text))) fail_msg("%s does not fit its own type", text);
    buf_fini(&buf);
    arena_fini(&arena);
}

static void jsontype_infers_as_spark(void **state UNUSED) {
    expect_type("1", "BIGINT");
    expect_type("99999999999999999999", "DOUBLE");
    expect_type("{\"a\":1,\"b\":1.5,\"c\":null,\"d\":[1,\"x\"],\"f\":[],\"g\":{},\"j\":true}",
                "STRUCT<a: BIGINT, b: DOUBLE, c: VOID, d: ARRAY<STRING>, f: ARRAY<VOID>, "
                "g: STRUCT<>, j: BOOLEAN>");
    expect_type("[{\"a\":1},{\"b\":2},{\"a\":1.5}]", "ARRAY<STRUCT<a: DOUBLE, b: BIGINT>>");
    expect_type("[null,1]", "ARRAY<BIGINT>");
    expect_type("[1,2.5]", "ARRAY<DOUBLE>");
    expect_type("[[1],[\"a\"],[]]", "ARRAY<ARRAY<STRING>>");
    expect_type("[{\"a\":1},5]", "ARRAY<STRING>");
    expect_type("{\"a\":1,\"a\":\"x\",\"A\":true}", "STRUCT<a: STRING, A: BOOLEAN>");
    expect_type("{\"\\u0061\\n\":1}", "STRUCT<`a\n`: BIGINT>");
}

static void jsontype_widens_only_when_needed(void **state UNUSED) {
    struct arena arena = ARENA_INIT;
    const struct type *type, *before;
    assert_int_equal(type_parse(STR("STRUCT<id: UUID, n: INT, at: TIMESTAMP, s: STRING, "
                                    "l: ARRAY<STRUCT<x: BIGINT>>, m: MAP<STRING, BIGINT>>"),
                                &arena, &type), 0);
    before = type;
    size_t used = arena.used;
    assert_true(jsontype_fits(type, STR("{\"s\":{\"any\":1},\"n\":5,\"l\":[{\"x\":1},{}],"
                                        "\"at\":\"2024\",\"m\":{\"k\":1}}")));
    assert_int_equal(jsontype_widen(&type, STR("{\"n\":null,\"l\":null,\"s\":1.5}"), &arena), 0);
    assert_ptr_equal(type, before);
    assert_int_equal(arena.used, used);
    assert_false(jsontype_fits(type, STR("{\"n\":3000000000}")));
    assert_false(jsontype_fits(type, STR("{\"n\":1,\"unheard\":1}")));
    assert_int_equal(jsontype_widen(&type, STR("{\"n\":3000000000,\"l\":[{\"x\":\"t\",\"y\":1}],"
                                               "\"m\":{\"k\":1.5},\"new\":true}"), &arena), 0);
    struct buf buf;
    buf_init(&buf, MIB);
    type_format(type, &buf);
    assert_true(str_eqz(buf_str(&buf),
                        "STRUCT<id: UUID, n: BIGINT, at: TIMESTAMP, s: STRING, "
                        "l: ARRAY<STRUCT<x: STRING, y: BIGINT>>, m: MAP<STRING, DOUBLE>, "
                        "new: BOOLEAN>"));
    assert_int_equal(jsontype_widen(&type, STR("{\"n\":"), &arena), ERR_TRUNC);
    assert_false(jsontype_fits(type, STR("{\"n\":1}x")));
    buf_fini(&buf);
    arena_fini(&arena);
}

static void jsontype_many_fields_are_not_quadratic_and_limited(void **state UNUSED) {
    struct arena arena = ARENA_INIT;
    struct buf buf;
    const struct type *type;
    for (int cnt = TYPE_FIELD_MAX; cnt <= TYPE_FIELD_MAX + 1; cnt++) {
        buf_init(&buf, MIB);
        for (int i = 0; i < cnt; i++) buf_printf(&buf, "%c\"f%d\":1", i ? ',' : '{', i * 7919);
        buf_putz(&buf, ",\"f0\":\"x\"}");
        int err = jsontype_infer(buf_str(&buf), &arena, &type);
        assert_int_equal(err, cnt > TYPE_FIELD_MAX ? ERR_TOO_BIG : 0);
        if (!err) assert_int_equal(type->field_cnt, TYPE_FIELD_MAX);
        if (!err) assert_int_equal(type->field[0].type->kind, TYPE_STRING);
        buf_fini(&buf);
    }
    arena_fini(&arena);
}

/* ---- schemas ---- */

static void expect_schema(const char *schema, const char *ddl) {
    struct arena arena = ARENA_INIT;
    const struct type *type;
    struct buf buf;
    buf_init(&buf, MIB);
    if (jsonschema_parse(str_of(schema), &arena, &type)) fail_msg("%s: %s", schema, err_note());
    type_format(type, &buf);
    if (!str_eqz(buf_str(&buf), ddl))
        fail_msg("%s: '%.*s', expected '%s'", schema, STR_ARG(buf_str(&buf)), ddl);
    buf_fini(&buf);
    arena_fini(&arena);
}

static void jsonschema_round_trips_types(void **state UNUSED) {
    static const char ddl[] =
        "STRUCT<a: BOOLEAN, b: TINYINT, c: SMALLINT, d: INT, e: BIGINT, f: FLOAT, g: DOUBLE, "
        "h: DECIMAL(10,2), i: STRING, j: BINARY, k: UUID, l: DATE, m: TIMESTAMP, "
        "n: TIMESTAMP_NTZ, o: ARRAY<STRUCT<x: BIGINT>>, p: MAP<STRING, DOUBLE>, `q \"`: VOID, "
        "r: STRUCT<>>";
    for (unsigned flags = 0; flags <= JSONSCHEMA_ANY; flags++) {
        struct arena arena = ARENA_INIT;
        const struct type *type;
        struct buf buf;
        buf_init(&buf, MIB);
        assert_int_equal(type_parse(str_of(ddl), &arena, &type), 0);
        jsonschema_format(type, STR("t\"s"), flags, &buf);
        assert_int_equal(json_check(buf_str(&buf), NULL), 0);
        buf_putc(&buf, 0);
        expect_schema(buf.ptr, ddl);
        buf_fini(&buf);
        arena_fini(&arena);
    }
}

static void jsonschema_reads_foreign_schemas(void **state UNUSED) {
    expect_schema("{\"oneOf\":[{\"type\":\"null\"},{\"type\":\"integer\"}]}", "BIGINT");
    expect_schema("{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"number\"}]}", "DOUBLE");
    expect_schema("{\"type\":[\"string\",\"number\"]}", "STRING");
    expect_schema("{\"properties\":{\"a\":{\"$ref\":\"#/definitions/x\"}},"
                  "\"definitions\":{\"x\":{\"items\":{\"enum\":[1,2.5,null]}}}}",
                  "STRUCT<a: ARRAY<DOUBLE>>");
    expect_schema("{\"type\":\"object\"}", "STRING");
    expect_schema("{\"type\":\"array\"}", "ARRAY<STRING>");
    expect_schema("true", "STRING");
    expect_schema("{\"const\":true}", "BOOLEAN");
    expect_schema("{\"allOf\":[{\"properties\":{\"a\":{\"type\":\"string\"}}},"
                  "{\"properties\":{\"b\":{\"type\":\"boolean\"}}}]}",
                  "STRUCT<a: STRING, b: BOOLEAN>");
}

static void jsonschema_refuses_what_it_cannot_read(void **state UNUSED) {
    static const struct {
        const char *text;
        int err;
    } bad[] = {{"{", ERR_TRUNC},
               {"{\"type\":\"text\"}", ERR_SYNTAX},
               {"{\"properties\":5}", ERR_SYNTAX},
               {"{\"$ref\":\"#\"}", ERR_TOO_BIG},
               {"{\"$ref\":\"#/definitions/a\"}", ERR_NOT_FOUND},
               {"{\"$ref\":\"other.json\"}", ERR_UNSUPPORTED},
               {"{\"properties\":{\"a\":{\"$ref\":\"#\"},\"b\":{\"$ref\":\"#\"}}}",
                ERR_TOO_BIG}};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct arena arena = ARENA_INIT;
        const struct type *type;
        int err = jsonschema_parse(str_of(bad[i].text), &arena, &type);
        if (err != bad[i].err) fail_msg("%s: %s", bad[i].text, err_name(err));
        arena_fini(&arena);
    }
}

/* ---- columns ---- */

struct decoded {
    struct arena arena;
    struct jsonbatch *jb;
    struct jsonbatch_out out;
    struct buf text;
};

/* All rows as JSON, one a line. */
static void decode(struct decoded *to, const char *ddl, unsigned flags, const struct str *record,
                   uint32_t cnt) {
    const struct type *type;
    arena_init(&to->arena);
    buf_init(&to->text, 64 * MIB);
    if (type_parse(str_of(ddl), &to->arena, &type) || jsonbatch_new(&to->jb, type, flags) ||
        jsonbatch_decode(to->jb, record, cnt, &to->arena, &to->out))
        fail_msg("%s: %s", ddl, err_note());
    /* Again: now the keys have been learned. */
    assert_int_equal(jsonbatch_decode(to->jb, record, cnt, &to->arena, &to->out), 0);
    assert_int_equal(to->out.vec->cnt, cnt);
    for (uint32_t row = 0; row < cnt; row++) {
        if (row) buf_putc(&to->text, '\n');
        batch_json(to->out.vec, row, &to->text);
    }
}

static void decoded_fini(struct decoded *it) {
    jsonbatch_free(it->jb);
    buf_fini(&it->text);
    arena_fini(&it->arena);
}

static void expect_row(const char *ddl, unsigned flags, const char *text, const char *expected) {
    struct decoded got;
    struct str record = str_of(text);
    decode(&got, ddl, flags, &record, 1);
    if (!str_eqz(buf_str(&got.text), expected))
        fail_msg("%s as %s: %.*s, expected %s", text, ddl, STR_ARG(buf_str(&got.text)), expected);
    decoded_fini(&got);
}

/* The expected texts were seen on Spark 4.1. */
static void jsonbatch_converts_as_from_json(void **state UNUSED) {
#define ROW(ddl, text, expected) expect_row("STRUCT<" ddl ">", 0, text, expected)
    ROW("a: STRING, c: INT", "{\"a\": { \"b\" : 1.00 }, \"c\":1}",
        "{\"a\":\"{\\\"b\\\":1.0}\",\"c\":1}");
    ROW("a: STRING, b: STRING, c: STRING, d: STRING",
        "{\"a\":true,\"b\":1.50,\"c\":null,\"d\":[1, 2]}",
        "{\"a\":\"true\",\"b\":\"1.5\",\"d\":\"[1,2]\"}");
    ROW("a: ARRAY<INT>, b: INT", "{\"a\":[1,\"x\"],\"b\":2}", "{\"b\":2}");
    ROW("a: ARRAY<INT>, b: INT", "{\"a\":[1,null,3],\"b\":2}", "{\"a\":[1,null,3],\"b\":2}");
    ROW("a: STRUCT<x: INT, y: INT>, b: INT", "{\"a\":{\"x\":1,\"y\":\"q\"},\"b\":2}",
        "{\"a\":{\"x\":1},\"b\":2}");
    ROW("a: MAP<STRING, INT>, b: INT", "{\"a\":{\"x\":1,\"y\":\"q\"},\"b\":2}", "{\"b\":2}");
    ROW("a: MAP<STRING, INT>", "{\"a\":{\"x\":1,\"y\":2}}", "{\"a\":{\"x\":1,\"y\":2}}");
    ROW("a: ARRAY<STRUCT<x: INT, y: INT>>, b: INT",
        "{\"a\":[{\"x\":1,\"y\":\"q\"},{\"x\":2,\"y\":3}],\"b\":2}",
        "{\"a\":[{\"x\":1},{\"x\":2,\"y\":3}],\"b\":2}");
    ROW("a: INT, b: INT", "{\"a\":\"\",\"b\":2}", "{\"b\":2}");
    ROW("a: TINYINT", "{\"a\":200}", "{\"a\":-56}");
    ROW("a: TINYINT", "{\"a\":300}", "{}");
    ROW("a: SMALLINT", "{\"a\":40000}", "{}");
    ROW("a: INT", "{\"a\":4000000000}", "{}");
    ROW("a: BIGINT", "{\"a\":40000000000000000000}", "{}");
    ROW("a: BIGINT", "{\"a\":1.0}", "{}");
    ROW("a: BIGINT", "{\"a\":\"1\"}", "{}");
    ROW("a: DOUBLE", "{\"a\":\"1.5\"}", "{}");
    ROW("a: DOUBLE", "{\"a\":\"NaN\"}", "{\"a\":\"NaN\"}");
    ROW("a: DOUBLE, b: DOUBLE", "{\"a\":1e400,\"b\":7.0}", "{\"a\":\"Infinity\",\"b\":7.0}");
    ROW("a: BOOLEAN", "{\"a\":\"true\"}", "{}");
    ROW("a: DECIMAL(3,1), b: DECIMAL(5,2), c: DECIMAL(3,0)",
        "{\"a\":1.25,\"b\":\"1.255\", \"c\":12345}", "{\"a\":1.3,\"b\":1.26}");
    ROW("a: TIMESTAMP, b: TIMESTAMP, c: TIMESTAMP, d: TIMESTAMP",
        "{\"a\":1700000000,\"b\":\"2020-01-01\",\"c\":\"2020-01-01T10:11:12.123Z\",\"d\":\"x\"}",
        "{\"a\":\"2023-11-14T22:13:20.000Z\",\"b\":\"2020-01-01T00:00:00.000Z\","
        "\"c\":\"2020-01-01T10:11:12.123Z\"}");
    ROW("a: DATE, b: DATE", "{\"a\":17000,\"b\":\"2020-01-01T10:11\"}", "{\"b\":\"2020-01-01\"}");
    ROW("a: TIMESTAMP_NTZ, b: TIMESTAMP_NTZ",
        "{\"a\":\"2020-01-01 10:00:00\",\"b\":\"2020-01-01T10:00:00+05:00\"}",
        "{\"a\":\"2020-01-01T10:00:00.000\"}");
    ROW("a: BINARY", "{\"a\":\"YWJj\"}", "{\"a\":\"YWJj\"}");
    ROW("a: UUID", "{\"a\":\"00112233-4455-6677-8899-AABBCCDDEEFF\"}",
        "{\"a\":\"00112233-4455-6677-8899-aabbccddeeff\"}");
    ROW("a: INT", "{\"a\":1,\"a\":2}", "{\"a\":2}");
    ROW("a: INT", "{\"a\":1,\"a\":\"x\"}", "{\"a\":1}");
    ROW("a: INT", "{\"a\":1,\"a\":null}", "{}");
    ROW("a: STRING", "{\"a\":\"x\\u00e9\\\"\"}", "{\"a\":\"x\xC3\xA9\\\"\"}");
    ROW("a: INT", "{\"A\":1}", "{}");
    ROW("a: STRUCT<x: INT, y: INT>", "{\"a\":{\"x\":1,\"y\":2},\"a\":{\"x\":3}}",
        "{\"a\":{\"x\":3}}");
    ROW("a: ARRAY<INT>, b: INT", "{\"a\":[1,2],\"a\":[3],\"b\":1}", "{\"a\":[3],\"b\":1}");
    ROW("`k\n`: INT", "{\"k\\n\":1}", "{\"k\\n\":1}");
#undef ROW
}

static void jsonbatch_case_exact_wins(void **state UNUSED) {
    const char *ddl = "STRUCT<a: INT, n: STRUCT<x: INT>>";
    expect_row(ddl, JSONBATCH_CASE, "{\"A\":1}", "{\"a\":1}");
    expect_row(ddl, JSONBATCH_CASE, "{\"A\":1,\"a\":2}", "{\"a\":2}");
    expect_row(ddl, JSONBATCH_CASE, "{\"a\":2,\"N\":{\"X\":5,\"x\":6,\"X\":7},\"A\":1}",
               "{\"a\":2,\"n\":{\"x\":6}}");
}

static void jsonbatch_spark_roots(void **state UNUSED) {
    unsigned spark = JSONBATCH_SPARK;
    expect_row("STRUCT<a: INT>", spark, "{\"a\":1} xyz", "{\"a\":1}");
    expect_row("STRUCT<a: INT>", spark, "{\"a\":1", "{}");
    expect_row("STRUCT<a: INT>", spark, "", "null");
    expect_row("STRUCT<a: INT>", spark, " ", "null");
    expect_row("STRUCT<a: INT>", spark, "123", "{}");
    expect_row("STRUCT<a: INT>", spark, "null", "{}");
    expect_row("STRUCT<a: INT>", spark, "{'a':1}", "{\"a\":1}");
    expect_row("STRUCT<a: DOUBLE, b: DOUBLE>", spark, "{\"a\":NaN,\"b\":-INF}",
               "{\"a\":\"NaN\",\"b\":\"-Infinity\"}");
    expect_row("ARRAY<STRUCT<a: INT>>", spark, "{\"a\":1}", "[{\"a\":1}]");
    expect_row("ARRAY<INT>", spark, "[1,2", "null");
    expect_row("ARRAY<INT>", spark, "[1,\"x\"]", "null");
    expect_row("ARRAY<INT>", spark, "[1,2]", "[1,2]");
    expect_row("MAP<STRING, STRING>", spark, "{\"a\":1}", "{\"a\":\"1\"}");
}

static void jsonbatch_flags_bad_records_and_goes_on(void **state UNUSED) {
    struct decoded got;
    const struct str record[] = {
        STR("{\"a\":[{\"x\":[1]}],\"s\":\"one\"}"), STR("{\"a\":[{\"x\":[1,2,3]},{\"x\":[4]}],"),
        STR_NULL, STR("[]"), STR("{\"a\":[{\"x\":[5,6]},{}],\"s\":\"two\"}"), STR("{} {}")};
    decode(&got, "STRUCT<a: ARRAY<STRUCT<x: ARRAY<INT>>>, s: STRING>", 0, record,
           ARRAY_LEN(record));
    assert_true(str_eqz(buf_str(&got.text),
                        "{\"a\":[{\"x\":[1]}],\"s\":\"one\"}\nnull\nnull\nnull\n"
                        "{\"a\":[{\"x\":[5,6]},{}],\"s\":\"two\"}\nnull"));
    assert_int_equal(got.out.bad_cnt, 3);
    assert_int_equal(got.out.bad[0].row, 1);
    assert_int_equal(got.out.bad[0].pos, record[1].len);
    assert_true(strstr(got.out.bad[0].reason.ptr, "malformed JSON at byte 31") != NULL);
    assert_int_equal(got.out.bad[1].row, 3);
    assert_int_equal(got.out.bad[2].row, 5);
    assert_int_equal(got.out.bad[2].pos, 3);
    decoded_fini(&got);
}

static void jsonbatch_prune_keeps_the_order_of_the_source(void **state UNUSED) {
    struct arena arena = ARENA_INIT;
    const struct type *source, *type;
    const struct str leaf[] = {STR("n.y"), STR("b"), STR("l.q"), STR("n.Z.w")};
    struct buf buf;
    buf_init(&buf, MIB);
    assert_int_equal(type_parse(STR("STRUCT<a: INT, b: STRUCT<x: INT>, n: STRUCT<x: INT, y: INT, "
                                    "z: STRUCT<v: INT, w: INT>>, "
                                    "l: ARRAY<STRUCT<p: INT, q: INT>>>"),
                                &arena, &source), 0);
    assert_int_equal(jsonbatch_prune(source, leaf, 4, &arena, &type), 0);
    type_format(type, &buf);
    assert_true(str_eqz(buf_str(&buf), "STRUCT<b: STRUCT<x: INT>, n: STRUCT<y: INT, z: STRUCT<w: "
                                       "INT>>, l: ARRAY<STRUCT<q: INT>>>"));
    const struct str none[] = {STR("b"), STR("n.nope")};
    assert_int_equal(jsonbatch_prune(source, none, 2, &arena, &type), ERR_NOT_FOUND);
    assert_non_null(strstr(err_note(), "n.nope"));
    buf_fini(&buf);
    arena_fini(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_accepts_what_rfc_8259_does),
        cmocka_unit_test(json_rejects_with_the_byte),
        cmocka_unit_test(json_depth_is_limited),
        cmocka_unit_test(json_never_reads_past_the_end),
        cmocka_unit_test(json_pulls_members_and_items),
        cmocka_unit_test(json_numbers_are_exact),
        cmocka_unit_test(jsonpath_finds_slices),
        cmocka_unit_test(jsonpath_cut_leaves_the_rest_as_it_was),
        cmocka_unit_test(jsonpath_cut_goes_through_arrays),
        cmocka_unit_test(jsonpath_cut_refuses_the_whole_and_what_is_no_json),
        cmocka_unit_test(jsonpath_errors_name_the_position),
        cmocka_unit_test(jsonpath_reports_broken_text),
        cmocka_unit_test(jsontype_infers_as_spark),
        cmocka_unit_test(jsontype_widens_only_when_needed),
        cmocka_unit_test(jsontype_many_fields_are_not_quadratic_and_limited),
        cmocka_unit_test(jsonschema_round_trips_types),
        cmocka_unit_test(jsonschema_reads_foreign_schemas),
        cmocka_unit_test(jsonschema_refuses_what_it_cannot_read),
        cmocka_unit_test(jsonbatch_converts_as_from_json),
        cmocka_unit_test(jsonbatch_case_exact_wins),
        cmocka_unit_test(jsonbatch_spark_roots),
        cmocka_unit_test(jsonbatch_flags_bad_records_and_goes_on),
        cmocka_unit_test(jsonbatch_prune_keeps_the_order_of_the_source),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
