/* fn_format.c - format_number() and format_string(), by the rules of Java's DecimalFormat and
 * Formatter.
 *
 * DecimalFormat rounds the exact value half to even; Formatter's %f rounds the shortest digits of
 * a double half up. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/num.h"
#include "model/dec.h"
#include "stream/op/cast.h"
#include "stream/op/chars.h"
#include "stream/op/fn_case.h"
#include "stream/op/func_table.h"

#define PLACES_MAX 340
#define DIGITS_MAX 800 /* of a number written out: 309 whole ones, a point, PLACES_MAX */

static void give(struct func_ctx *ctx, uint32_t row, const struct buf *buf, struct vec *out) {
    char *to = func_room(ctx, row, buf->full ? FUNC_TEXT_MAX + 1 : buf->len);
    if (!to) return;
    if (buf->len) memcpy(to, buf->ptr, buf->len);
    out->str[row] = (struct str){to, buf->len};
}

/* Digits with a comma before every third from the point. */
static void put_grouped(struct str digits, struct buf *out) {
    const char *dot = memchr(digits.ptr, '.', digits.len);
    size_t whole = dot ? (size_t)(dot - digits.ptr) : digits.len;
    for (size_t i = 0; i < whole; i++) {
        if (i && (whole - i) % 3 == 0) buf_putc(out, ',');
        buf_putc(out, digits.ptr[i]);
    }
    buf_put(out, digits.ptr + whole, digits.len - whole);
}

/* ---- format_number ---- */

/* "#,##0.00": how many digits, and whether they are grouped. */
struct shape {
    int whole_min, frac_min, frac_max;
    bool grouped;
};

static bool read_shape(struct str text, struct shape *shape) {
    bool frac = false, before = false;
    *shape = (struct shape){0};
    for (size_t i = 0; i < text.len; i++) {
        switch (text.ptr[i]) {
        case '#':
            shape->frac_max += frac;
            before = before || !frac;
            break;
        case '0':
            shape->frac_max += frac;
            if (frac) shape->frac_min = shape->frac_max;
            else shape->whole_min++;
            break;
        case ',':
            if (frac) return false;
            shape->grouped = true;
            break;
        case '.':
            if (frac) return false;
            frac = true;
            break;
        default: return false;
        }
    }
    if (before && frac && !shape->whole_min && !shape->frac_min) shape->whole_min = 1;
    return shape->frac_max <= PLACES_MAX && shape->whole_min <= 300;
}

/* |v| of a DECIMAL with `places` digits, half to even. */
static void dec_digits(batch_i128 v, int scale, int places, struct buf *out) {
    int cut = scale - places;
    if (cut > 0) {
        batch_i128 unit = dec_power(MIN(cut, DEC_DIGITS_MAX)), left = v % unit;
        v /= unit;
        if (left > unit - left || (left == unit - left && v % 2)) v++;
        scale = places;
    }
    dec_put(v, scale, out);
    if (!scale && places) buf_putc(out, '.');
    for (int i = scale; i < places; i++) buf_putc(out, '0');
}

/* The sign and digits of a number; false: it is written as it is (NaN, infinity). */
static bool number_digits(const struct vec *vec, uint32_t row, int places, bool *neg,
                          struct buf *out) {
    uint32_t at = vec_at(vec, row);
    if (vec->type->kind == TYPE_DECIMAL) {
        batch_i128 v = vec->dec[at];
        *neg = v < 0;
        dec_digits(v < 0 ? -v : v, vec->type->scale, places, out);
        return true;
    }
    double v = vec->f64[at];
    char text[DIGITS_MAX];
    *neg = signbit(v);
    if (isnan(v) || isinf(v)) {
        buf_putz(out, isnan(v) ? "NaN" : "\xE2\x88\x9E");
        *neg = *neg && !isnan(v);
        return false;
    }
    int len = snprintf(text, sizeof text, "%.*f", places, fabs(v));
    buf_put(out, text, (size_t)len);
    return true;
}

static void put_number(const struct vec *vec, uint32_t row, const struct shape *shape,
                       struct buf *digits, struct buf *out) {
    bool neg;
    buf_reset(digits);
    bool finite = number_digits(vec, row, shape->frac_max, &neg, digits);
    if (neg) buf_putc(out, '-');
    struct str text = buf_str(digits);
    if (!finite) {
        buf_puts(out, text);
        return;
    }
    const char *dot = memchr(text.ptr, '.', text.len);
    int whole = (int)(dot ? dot - text.ptr : (ptrdiff_t)text.len);
    for (int drop = shape->frac_max - shape->frac_min; drop > 0 && text.ptr[text.len - 1] == '0';
         drop--)
        text.len--;
    if (text.ptr[text.len - 1] == '.') text.len--;
    if (!shape->whole_min && whole == 1 && text.ptr[0] == '0' && text.len > 1) {
        text.ptr++, text.len--;
        whole = 0;
    }
    char padded[DIGITS_MAX + 310];
    int pad = MAX(shape->whole_min - whole, 0);
    memset(padded, '0', (size_t)pad);
    memcpy(padded + pad, text.ptr, text.len);
    text = (struct str){padded, text.len + (size_t)pad};
    if (shape->grouped) put_grouped(text, out);
    else buf_puts(out, text);
}

/* Whole numbers as DECIMAL, so that none loses digits. */
static int types_format_number(struct func_call *call) {
    const struct type *type = call->arg[0].type;
    if (!type_is_num(type) && type->kind != TYPE_NULL)
        return func_wrong(call, 0, "format_number takes a number, not %s", type_name(type->kind));
    if (type_is_int(type)) call->arg[0].type = type_decimal(call->arena, 20, 0);
    else if (type->kind != TYPE_DECIMAL) call->arg[0].type = type_of(TYPE_F64);
    if (call->arg[1].type->kind != TYPE_STRING) call->arg[1].type = type_of(TYPE_I32);
    return 0;
}

EVAL(eval_format_number) {
    struct buf digits, buf;
    bool pattern = arg[1]->type->kind == TYPE_STRING;
    buf_init(&digits, DIGITS_MAX);
    buf_init(&buf, FUNC_TEXT_MAX);
    FUNC_EACH(ctx, row) {
        struct shape shape = {1, 0, 0, true};
        struct str text = pattern ? func_str(arg[1], row) : STR_NULL;
        if (!pattern) shape.frac_min = shape.frac_max = func_i32(arg[1], row);
        if (pattern && !text.len) shape = (struct shape){1, 0, 0, true};
        else if (pattern && !read_shape(text, &shape)) {
            func_error(ctx, row, "the number pattern '%.*s' is not supported; it is made of # 0 , "
                       "and .", (int)MIN(text.len, (size_t)100), text.ptr);
            continue;
        }
        if (shape.frac_max < 0) {
            func_null(ctx, out, row);
            continue;
        }
        shape.frac_max = MIN(shape.frac_max, PLACES_MAX);
        shape.frac_min = MIN(shape.frac_min, PLACES_MAX);
        buf_reset(&buf);
        put_number(arg[0], row, &shape, &digits, &buf);
        give(ctx, row, &buf, out);
    }
    buf_fini(&digits);
    buf_fini(&buf);
    return 0;
}

/* ---- format_string ---- */

/* One %[n$][flags][width][.places]letter. */
struct spec {
    uint32_t arg; /* from 1; 0: the next */
    bool left, zero, plus, space, comma, paren, alternate, same; /* same: < */
    int width, places; /* -1: not given */
    char letter;
};

static bool read_int(struct str text, size_t *at, int *out) {
    size_t from = *at;
    *out = 0;
    for (; *at < text.len && (unsigned char)(text.ptr[*at] - '0') < 10; (*at)++) {
        if (*out > 100000) return false;
        *out = *out * 10 + (text.ptr[*at] - '0');
    }
    return *at > from;
}

static bool read_spec(struct str text, size_t *at, struct spec *spec) {
    size_t from = ++*at;
    int num;
    *spec = (struct spec){.width = -1, .places = -1};
    if (read_int(text, at, &num) && *at < text.len && text.ptr[*at] == '$') {
        spec->arg = (uint32_t)num;
        ++*at;
    } else {
        *at = from;
    }
    for (; *at < text.len && strchr("-#+ 0,(<", text.ptr[*at]); ++*at) {
        char c = text.ptr[*at];
        spec->left |= c == '-', spec->zero |= c == '0', spec->plus |= c == '+';
        spec->space |= c == ' ', spec->comma |= c == ',', spec->paren |= c == '(';
        spec->alternate |= c == '#', spec->same |= c == '<';
    }
    bool width = *at < text.len && (unsigned char)(text.ptr[*at] - '1') < 9;
    if (width && !read_int(text, at, &spec->width)) return false;
    if (*at < text.len && text.ptr[*at] == '.') {
        ++*at;
        if (!read_int(text, at, &spec->places)) return false;
    }
    if (*at >= text.len) return false;
    spec->letter = text.ptr[(*at)++];
    return true;
}

static void put_padded(const struct spec *spec, struct str text, struct buf *out) {
    size_t cnt = chars_cnt(text), width = spec->width > 0 ? (size_t)spec->width : 0;
    for (size_t i = cnt; i < width && !spec->left; i++) buf_putc(out, ' ');
    buf_puts(out, text);
    for (size_t i = cnt; i < width && spec->left; i++) buf_putc(out, ' ');
}

/* Digits with the sign and the padding that the flags ask for. */
static void put_signed(const struct spec *spec, bool neg, struct str digits, struct buf *out) {
    struct buf body;
    buf_init(&body, FUNC_TEXT_MAX);
    if (neg) buf_putc(&body, spec->paren ? '(' : '-');
    else if (spec->plus) buf_putc(&body, '+');
    else if (spec->space) buf_putc(&body, ' ');
    struct buf grouped;
    buf_init(&grouped, FUNC_TEXT_MAX);
    if (spec->comma) put_grouped(digits, &grouped);
    else buf_puts(&grouped, digits);
    size_t closing = neg && spec->paren, len = body.len + grouped.len + closing;
    for (; spec->zero && (int)len < spec->width; len++) buf_putc(&body, '0');
    buf_puts(&body, buf_str(&grouped));
    if (closing) buf_putc(&body, ')');
    put_padded(spec, buf_str(&body), out);
    buf_fini(&grouped);
    buf_fini(&body);
}

/* Shortest digits of |v| rounded half up to `places` after the point. */
static void fixed_digits(double v, int places, struct buf *out) {
    char text[NUM_TEXT_MAX + 1];
    batch_i128 dec;
    size_t len = num_f64(fabs(v), text);
    places = MIN(places, PLACES_MAX);
    if (fabs(v) < 1e15 && places <= 20 && dec_read((struct str){text, len}, 38, places, &dec)) {
        dec_put(dec, places, out);
        return;
    }
    char whole[DIGITS_MAX];
    int cnt = snprintf(whole, sizeof whole, "%.*f", places, fabs(v));
    buf_put(out, whole, (size_t)cnt);
}

static void put_scientific(const struct spec *spec, double v, struct buf *out) {
    char text[DIGITS_MAX];
    int places = spec->places < 0 ? 6 : MIN(spec->places, PLACES_MAX);
    int len = snprintf(text, sizeof text, "%.*e", places, fabs(v));
    put_signed(spec, signbit(v), (struct str){text, (size_t)len}, out);
}

static bool get_int(const struct vec *vec, uint32_t at, int64_t *out, int *bits) {
    switch (vec->type->kind) {
    case TYPE_I8: *out = vec->i8[at], *bits = 8; return true;
    case TYPE_I16: *out = vec->i16[at], *bits = 16; return true;
    case TYPE_I32: *out = vec->i32[at], *bits = 32; return true;
    case TYPE_I64: *out = vec->i64[at], *bits = 64; return true;
    default: return false;
    }
}

static bool put_int(const struct spec *spec, const struct vec *vec, uint32_t at, struct buf *out) {
    int64_t v;
    int bits;
    char text[32];
    if (!get_int(vec, at, &v, &bits)) return false;
    uint64_t raw = bits == 64 ? (uint64_t)v : (uint64_t)v & (((uint64_t)1 << bits) - 1);
    int len;
    if (spec->letter == 'd')
        len = snprintf(text, sizeof text, "%" PRIu64, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
    else if (spec->letter == 'o')
        len = snprintf(text, sizeof text, spec->alternate ? "0%" PRIo64 : "%" PRIo64, raw);
    else len = snprintf(text, sizeof text, spec->alternate ? "0x%" PRIx64 : "%" PRIx64, raw);
    put_signed(spec, spec->letter == 'd' && v < 0, (struct str){text, (size_t)len}, out);
    return true;
}

/* Spark hands a DECIMAL over as an object that %f does not know. */
static bool put_real(const struct spec *spec, const struct vec *vec, uint32_t at,
                     struct buf *out) {
    struct buf digits;
    if (vec->type->kind != TYPE_F32 && vec->type->kind != TYPE_F64) return false;
    double v = vec->type->kind == TYPE_F64 ? vec->f64[at] : (double)vec->f32[at];
    if (isnan(v) || isinf(v)) {
        put_padded(spec, isnan(v) ? STR("NaN") : v > 0 ? STR("Infinity") : STR("-Infinity"), out);
        return true;
    }
    if (spec->letter == 'e') {
        put_scientific(spec, v, out);
        return true;
    }
    buf_init(&digits, FUNC_TEXT_MAX);
    fixed_digits(v, spec->places < 0 ? 6 : spec->places, &digits);
    put_signed(spec, signbit(v), buf_str(&digits), out);
    buf_fini(&digits);
    return true;
}

/* Any value as text, cut to `places` characters. */
static void put_text(const struct spec *spec, const struct vec *vec, uint32_t row,
                     struct buf *out) {
    struct buf text;
    buf_init(&text, FUNC_TEXT_MAX);
    enum type_kind kind = vec->type->kind;
    uint32_t at = vec_at(vec, row);
    /* Moments are the numbers behind them, as Spark shows them here. */
    if (kind == TYPE_DATE || kind == TYPE_INTERVAL_YM) buf_printf(&text, "%d", vec->i32[at]);
    else if (kind >= TYPE_TIMESTAMP && kind <= TYPE_INTERVAL_DT)
        buf_printf(&text, "%" PRId64, vec->i64[at]);
    else cast_text(vec, row, &text);
    struct str cut = buf_str(&text);
    if (!cut.ptr) cut = STR("");
    if (spec->places >= 0) cut.len = chars_at(cut, (size_t)spec->places);
    put_padded(spec, cut, out);
    buf_fini(&text);
}

static bool put_value(const struct spec *spec, const struct vec *vec, uint32_t row,
                      struct buf *out) {
    bool null = vec->type->kind == TYPE_NULL || vec_null(vec, row);
    uint32_t at = vec_at(vec, row);
    int64_t code;
    int bits;
    char utf8[4];
    if (spec->letter == 'b') {
        bool flag = !null && (vec->type->kind != TYPE_BOOL || vec->b[at]);
        put_padded(spec, flag ? STR("true") : STR("false"), out);
        return true;
    }
    if (null && strchr("sdxofec", spec->letter)) {
        struct str word = STR("null");
        if (spec->places >= 0) word.len = MIN(word.len, (size_t)spec->places);
        put_padded(spec, word, out);
        return true;
    }
    switch (spec->letter) {
    case 's': put_text(spec, vec, row, out); return true;
    case 'd':
    case 'x':
    case 'o': return put_int(spec, vec, at, out);
    case 'f':
    case 'e': return put_real(spec, vec, at, out);
    case 'c':
        if (!get_int(vec, at, &code, &bits) || code < 0 || code > 0x10ffff) return false;
        put_padded(spec, (struct str){utf8, chars_put((uint32_t)code, utf8)}, out);
        return true;
    default: return false;
    }
}

/* A sentence of what is wrong, or NULL. */
static const char *put_spec(struct func_ctx *ctx, const struct vec *const *arg, uint32_t row,
                            struct spec spec, uint32_t *next, struct buf *out) {
    bool upper = spec.letter >= 'A' && spec.letter <= 'Z';
    size_t from = out->len;
    if (spec.letter == 'n' || spec.letter == '%') {
        put_padded(&spec, spec.letter == 'n' ? STR("\n") : STR("%"), out);
        return NULL;
    }
    if (upper && !strchr("SXEBC", spec.letter)) return "it has a letter that is not known";
    if (upper) spec.letter = (char)(spec.letter | 0x20);
    if (!spec.same && !spec.arg) ++*next;
    uint32_t n = spec.arg ? spec.arg : *next;
    if (!n || n >= ctx->arg_cnt) return "it asks for more values than there are";
    if (!strchr("sdxofecb", spec.letter)) return "it has a letter that is not known";
    if (!put_value(&spec, arg[n], row, out)) return "a value is not of the kind its letter takes";
    if (!upper) return NULL;
    struct str high = fn_case_upper(ctx, row, (struct str){out->ptr + from, out->len - from});
    out->len = from;
    buf_puts(out, high);
    return NULL;
}

static const char *format_row(struct func_ctx *ctx, const struct vec *const *arg, uint32_t row,
                              struct buf *out) {
    struct str text = func_str(arg[0], row);
    const char *why = NULL;
    uint32_t next = 0;
    for (size_t at = 0; at < text.len && !why;) {
        struct spec spec;
        if (text.ptr[at] != '%') buf_putc(out, text.ptr[at++]);
        else if (!read_spec(text, &at, &spec)) why = "a % is not followed by what belongs there";
        else why = put_spec(ctx, arg, row, spec, &next, out);
    }
    return why;
}

EVAL(eval_format_string) {
    struct buf buf;
    buf_init(&buf, FUNC_TEXT_MAX);
    FUNC_EACH(ctx, row) {
        if (vec_null(arg[0], row)) {
            func_null(ctx, out, row);
            continue;
        }
        buf_reset(&buf);
        const char *why = format_row(ctx, arg, row, &buf);
        if (why) func_error(ctx, row, "format_string: the format is not understood: %s", why);
        else give(ctx, row, &buf, out);
    }
    buf_fini(&buf);
    return 0;
}

const struct func fn_format[] = {
    {"format_number", "aa:s", eval_format_number, 0, types_format_number, NULL},
    {"format_string", "sa*:s", eval_format_string, FUNC_NULLS, NULL, NULL},
    {"printf", "sa*:s", eval_format_string, FUNC_NULLS, NULL, NULL},
    {NULL, NULL, NULL, 0, NULL, NULL},
};
