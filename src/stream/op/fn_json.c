/* fn_json.c - from_json, to_json, get_json_object and the others that read or write JSON text.
 *
 * Reading is wire/json's: from_json() decodes a whole column at a time by a matcher that is made
 * while planning. */
#include <stdlib.h>

#include "base/b64.h"
#include "stream/op/cast.h"
#include "stream/op/chars.h"
#include "stream/op/func_table.h"
#include "stream/op/jsonget.h"
#include "stream/op/moment.h"
#include "wire/json/jsonbatch.h"
#include "wire/json/jsontype.h"

/* A text result out of a buffer. */
static void give(struct func_ctx *ctx, uint32_t row, const struct buf *buf, struct vec *out) {
    char *to = func_room(ctx, row, buf->full ? FUNC_TEXT_MAX + 1 : buf->len);
    if (!to) return;
    if (buf->len) memcpy(to, buf->ptr, buf->len);
    out->str[row] = (struct str){to, buf->len};
}

/* ---- get_json_object ---- */

static int bind_path(struct func_call *call) {
    const struct vec *path = func_const(call, 1);
    if (path) call->state = (void *)(uintptr_t)jsonget_parse(path->str[0], call->arena);
    return 0;
}

EVAL(eval_get) {
    struct buf buf;
    buf_init(&buf, FUNC_TEXT_MAX);
    FUNC_EACH(ctx, row) {
        const struct jsonget *get = state;
        if (!get && arg[1]->stride) get = jsonget_parse(func_str(arg[1], row), ctx->arena);
        buf_reset(&buf);
        if (get && jsonget_find(get, func_str(arg[0], row), &buf)) give(ctx, row, &buf, out);
        else func_null(ctx, out, row);
    }
    buf_fini(&buf);
    return 0;
}

/* ---- json_array_length, json_object_keys ---- */

EVAL(eval_array_length) {
    FUNC_EACH(ctx, row) {
        struct json in;
        int32_t cnt = 0;
        json_open(&in, func_str(arg[0], row), JSON_LAX);
        if (json_array(&in))
            for (; json_item(&in); cnt++) json_skip(&in);
        if (in.why) func_null(ctx, out, row);
        else out->i32[row] = cnt;
    }
    return 0;
}

static int types_keys(struct func_call *call) {
    call->type = type_array(call->arena, type_of(TYPE_STRING));
    return 0;
}

EVAL(eval_object_keys) {
    struct func_list list;
    func_list_begin(&list, ctx, out);
    FUNC_EACH(ctx, row) {
        struct json in;
        struct str name;
        func_list_row(&list, row);
        json_open(&in, func_str(arg[0], row), JSON_LAX);
        if (json_object(&in))
            while (json_member(&in, &name) && json_skip(&in)) {
                uint32_t at = func_list_add(&list);
                if (at == UINT32_MAX) break;
                list.kid->str[at] = json_name(name, ctx->arena);
            }
        if (in.why) func_null(ctx, out, row);
    }
    func_list_end(&list);
    return 0;
}

/* ---- from_json ---- */

struct from_json {
    struct jsonbatch *jb;
    bool fail_fast;
};

static void from_json_free(void *of) {
    struct from_json *state = of;
    jsonbatch_free(state->jb);
    base_free(state);
}

/* "a INT, b STRING", or a type. */
static int schema_type(struct func_call *call, struct str text, const struct type **out) {
    if (!type_parse(text, call->arena, out)) return 0;
    struct str whole = arena_printf(call->arena, "STRUCT<%.*s>", STR_ARG(text));
    if (!type_parse(whole, call->arena, out)) return 0;
    return func_wrong(call, 1, "the schema is not understood: %s", err_note());
}

static int types_from_json(struct func_call *call) {
    const struct vec *schema = call->arg[1].value;
    if (!schema || schema->type->kind != TYPE_STRING || vec_null(schema, 0))
        return func_wrong(call, 1, "the schema must be a constant, such as 'a INT, b STRING'");
    return schema_type(call, schema->str[0], &call->type);
}

/* The options that may change what comes out; others are refused rather than passed over. */
static int read_options(struct func_call *call, struct from_json *state) {
    if (call->arg_cnt < 3) return 0;
    const struct vec *map = func_const(call, 2);
    if (!map || map->type->kind != TYPE_MAP || map->type->item->kind != TYPE_STRING ||
        map->type->key->kind != TYPE_STRING)
        return func_wrong(call, 2, "the options must be a constant map of text to text");
    for (uint32_t i = map->off[0]; i < map->off[1]; i++) {
        struct str key = map->kid[0]->str[vec_at(map->kid[0], i)];
        struct str value = map->kid[1]->str[vec_at(map->kid[1], i)];
        bool mode = str_ieq(key, STR("mode"));
        if (mode && str_ieq(value, STR("FAILFAST"))) state->fail_fast = true;
        else if (!mode || !str_ieq(value, STR("PERMISSIVE")))
            return func_wrong(call, 2, "the option %.*s = %.*s is not supported; there is mode = "
                              "PERMISSIVE or FAILFAST", STR_ARG(key), STR_ARG(value));
    }
    return 0;
}

static int bind_from_json(struct func_call *call) {
    struct from_json *state = base_calloc(1, sizeof *state);
    int err = read_options(call, state);
    if (!err && jsonbatch_new(&state->jb, call->type, JSONBATCH_SPARK))
        err = func_wrong(call, 1, "%s", err_note());
    call->state = state;
    call->fini = from_json_free;
    if (!err) return 0;
    from_json_free(state);
    call->state = NULL;
    call->fini = NULL;
    return err;
}

EVAL(eval_from_json) {
    const struct from_json *from = state;
    struct jsonbatch_out got;
    struct str *record = arena_array(ctx->arena, struct str, ctx->cnt + 1);
    uint8_t *valid = out->valid;
    FUNC_EACH(ctx, row) record[row] = func_str(arg[0], row);
    if (ctx->cnt > BATCH_ROW_MAX)
        return err_fail(ERR_TOO_BIG, "from_json: a batch of %u rows", ctx->cnt);
    int err = jsonbatch_decode(from->jb, record, ctx->cnt, ctx->arena, &got);
    if (err) return err;
    *out = *got.vec;
    for (uint32_t i = 0; from->fail_fast && i < got.bad_cnt; i++)
        func_error(ctx, got.bad[i].row, "[MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION] %.*s",
                   STR_ARG(got.bad[i].reason));
    for (uint32_t row = 0; valid && row < ctx->cnt; row++)
        if (!valid[row]) func_null(ctx, out, row);
    return 0;
}

/* ---- schema_of_json ---- */

static int by_name(const void *a, const void *b) {
    return str_cmp(((const struct field *)a)->name, ((const struct field *)b)->name);
}

/* As Spark shows an inferred type: fields by name, VOID as STRING, no empty structs. */
static const struct type *tidy_type(const struct type *type, struct arena *arena) {
    if (type->kind == TYPE_ARRAY) return type_array(arena, tidy_type(type->item, arena));
    if (type->kind == TYPE_NULL) return type_of(TYPE_STRING);
    if (type->kind != TYPE_STRUCT) return type;
    struct field *field = arena_array(arena, struct field, type->field_cnt + 1);
    uint32_t cnt = 0;
    for (uint32_t i = 0; i < type->field_cnt; i++) {
        const struct type *of = type->field[i].type;
        if (of->kind == TYPE_STRUCT && !of->field_cnt) continue;
        field[cnt] = type->field[i];
        field[cnt++].type = tidy_type(of, arena);
    }
    qsort(field, cnt, sizeof *field, by_name);
    return type_struct(arena, field, cnt);
}

static int types_schema_of(struct func_call *call) {
    const struct vec *text = call->arg[0].value;
    if (!text || text->type->kind != TYPE_STRING || vec_null(text, 0))
        return func_wrong(call, 0, "schema_of_json takes a constant text");
    return 0;
}

EVAL(eval_schema_of) {
    struct buf buf;
    buf_init(&buf, FUNC_TEXT_MAX);
    FUNC_EACH(ctx, row) {
        const struct type *type;
        buf_reset(&buf);
        if (jsontype_infer(func_str(arg[0], row), ctx->arena, &type)) type = type_of(TYPE_STRING);
        type_format(tidy_type(type, ctx->arena), &buf);
        give(ctx, row, &buf, out);
    }
    buf_fini(&buf);
    return 0;
}

/* ---- to_json ---- */

static void put_json(const struct vec *vec, uint32_t row, struct buf *out);

/* What is neither text nor nested. */
static void put_scalar(const struct vec *vec, uint32_t row, struct buf *out) {
    uint32_t at = vec_at(vec, row);
    enum type_kind kind = vec->type->kind;
    if (kind == TYPE_TIMESTAMP || kind == TYPE_TIMESTAMP_NTZ) {
        int64_t left, days = when_floor_day(vec->i64[at], &left);
        int ms = (int)(left / 1000 % 1000);
        buf_putc(out, '"');
        when_put_date(days, out);
        left /= WHEN_SEC;
        buf_printf(out, "T%02d:%02d:%02d.%03d%s\"", (int)(left / 3600), (int)(left / 60 % 60),
                   (int)(left % 60), ms, kind == TYPE_TIMESTAMP ? "Z" : "");
        return;
    }
    if (kind == TYPE_BINARY) {
        struct str bytes = vec->str[at];
        buf_putc(out, '"');
        char *room = buf_room(out, B64_LEN(bytes.len));
        if (room) buf_used(out, b64_encode(bytes, room));
        buf_putc(out, '"');
        return;
    }
    bool quoted = kind >= TYPE_UUID && kind <= TYPE_INTERVAL_YM;
    if (kind == TYPE_F64 || kind == TYPE_F32) {
        double v = kind == TYPE_F64 ? vec->f64[at] : (double)vec->f32[at];
        quoted = v != v || v - v != 0;
    }
    if (quoted) buf_putc(out, '"');
    cast_text(vec, row, out);
    if (quoted) buf_putc(out, '"');
}

static void put_struct(const struct vec *vec, uint32_t at, struct buf *out) {
    const char *sep = "";
    buf_putc(out, '{');
    for (uint32_t i = 0; i < vec->type->field_cnt; i++) {
        const struct vec *kid = vec->kid[i];
        if (kid->type->kind == TYPE_NULL || vec_null(kid, at)) continue; /* ignoreNullFields */
        buf_putz(out, sep);
        buf_json(out, vec->type->field[i].name);
        buf_putc(out, ':');
        put_json(kid, at, out);
        sep = ",";
    }
    buf_putc(out, '}');
}

static void put_list(const struct vec *vec, uint32_t at, struct buf *out) {
    bool map = vec->type->kind == TYPE_MAP;
    struct buf key;
    buf_init(&key, FUNC_TEXT_MAX);
    buf_putc(out, map ? '{' : '[');
    for (uint32_t i = vec->off[at]; i < vec->off[at + 1]; i++) {
        if (i > vec->off[at]) buf_putc(out, ',');
        if (map) {
            buf_reset(&key);
            cast_text(vec->kid[0], i, &key);
            buf_json(out, buf_str(&key));
            buf_putc(out, ':');
        }
        put_json(vec->kid[map], i, out);
    }
    buf_putc(out, map ? '}' : ']');
    buf_fini(&key);
}

static void put_json(const struct vec *vec, uint32_t row, struct buf *out) {
    if (vec->type->kind == TYPE_NULL || vec_null(vec, row)) {
        buf_putz(out, "null");
        return;
    }
    switch (vec->type->kind) {
    case TYPE_STRUCT: put_struct(vec, vec_at(vec, row), out); break;
    case TYPE_ARRAY:
    case TYPE_MAP: put_list(vec, vec_at(vec, row), out); break;
    case TYPE_STRING: buf_json(out, vec->str[vec_at(vec, row)]); break;
    default: put_scalar(vec, row, out); break;
    }
}

static int types_to_json(struct func_call *call) {
    enum type_kind kind = call->arg[0].type->kind;
    if (kind >= TYPE_STRUCT || kind == TYPE_NULL) return 0;
    return func_wrong(call, 0, "to_json takes a struct, an array or a map, not %s",
                      type_name(kind));
}

EVAL(eval_to_json) {
    struct buf buf;
    buf_init(&buf, FUNC_TEXT_MAX);
    FUNC_EACH(ctx, row) {
        buf_reset(&buf);
        put_json(arg[0], row, &buf);
        give(ctx, row, &buf, out);
    }
    buf_fini(&buf);
    return 0;
}

const struct func fn_json[] = {
    {"get_json_object", "ss:s", eval_get, 0, NULL, bind_path},
    {"json_array_length", "s:i", eval_array_length, 0, NULL, NULL},
    {"json_object_keys", "s:-", eval_object_keys, 0, types_keys, NULL},
    {"from_json", "ssa?:-", eval_from_json, 0, types_from_json, bind_from_json},
    {"schema_of_json", "s:s", eval_schema_of, 0, types_schema_of, NULL},
    {"to_json", "a:s", eval_to_json, 0, types_to_json, NULL},
    {NULL, NULL, NULL, 0, NULL, NULL},
};
