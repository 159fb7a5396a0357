/* jsontext.c - copying JSON without what does not matter. */
#include "wire/json/jsontext.h"

#include "base/num.h"

/* Also the words of JSON_LAX, which strtod() does not all know. */
static double real(const struct json_value *value) {
    double num = 0;
    bool ok = json_f64(value, &num);
    assert(ok);
    (void)ok;
    return num;
}

struct str jsontext_scalar(const struct json_value *value, struct arena *arena) {
    if (value->kind == JSON_STRING) return json_text(value, arena);
    if (value->kind == JSON_INT && str_eqz(value->raw, "-0")) return STR("0");
    if (value->kind != JSON_REAL) return value->raw;
    char text[NUM_TEXT_MAX];
    return arena_str(arena, (struct str){text, num_f64(real(value), text)});
}

/* buf_json() writes what the scanner has let through; only escapes need undoing first. */
static void put_string(struct str body, struct buf *out) {
    if (!body.len || !memchr(body.ptr, '\\', body.len)) {
        buf_json(out, body);
        return;
    }
    char *plain = base_alloc(body.len);
    buf_json(out, (struct str){plain, json_unescape(body, plain)});
    base_free(plain);
}

static void put_scalar(const struct json_value *value, struct buf *out) {
    char text[NUM_TEXT_MAX];
    if (value->kind == JSON_STRING)
        put_string((struct str){value->raw.ptr + 1, value->raw.len - 2}, out);
    else if (value->kind == JSON_REAL) buf_put(out, text, num_f64(real(value), text));
    else if (value->kind == JSON_INT && str_eqz(value->raw, "-0")) buf_putc(out, '0');
    else buf_puts(out, value->raw);
}

/* Once a level of the text, which the cursor limits. */
static void put_any(struct json *in, struct buf *out) {
    struct json_value value;
    struct str name;
    enum json_kind kind = json_kind(in);
    const char *sep = "";
    if (kind == JSON_OBJECT) {
        json_object(in);
        buf_putc(out, '{');
        for (; json_member(in, &name); sep = ",") {
            buf_putz(out, sep);
            put_string(name, out);
            buf_putc(out, ':');
            put_any(in, out);
        }
        buf_putc(out, '}');
    } else if (kind == JSON_ARRAY) {
        json_array(in);
        buf_putc(out, '[');
        for (; json_item(in); sep = ",") {
            buf_putz(out, sep);
            put_any(in, out);
        }
        buf_putc(out, ']');
    } else if (json_value(in, &value)) {
        put_scalar(&value, out);
    }
}

void jsontext_copy(const struct json_value *value, unsigned flags, bool bare, struct buf *out) {
    struct json in;
    if (value->kind == JSON_STRING && bare) {
        struct str body = {value->raw.ptr + 1, value->raw.len - 2};
        if (!value->escaped) {
            buf_puts(out, body);
            return;
        }
        char *room = buf_room(out, body.len);
        if (room) buf_used(out, json_unescape(body, room));
        return;
    }
    json_open(&in, value->raw, flags);
    put_any(&in, out);
    assert(!in.why);
}
