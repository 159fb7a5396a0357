/* parse_lit.c - literals: numbers, strings, TRUE, NULL, DATE '..', X'..', INTERVAL ... */
#include <math.h>

#include "stream/op/decimal.h"
#include "stream/op/moment.h"
#include "stream/op/numtext.h"
#include "stream/sql/parse_in.h"

static struct ast *literal(struct parser *in, const struct type *type, struct span span,
                           struct vec **out) {
    struct ast *node = parse_node(in, AST_LITERAL, span);
    *out = batch_const(in->arena, type, 1);
    node->value = *out;
    return node;
}

struct ast *parse_lit_text(struct parser *in, struct str text, struct span span) {
    struct vec *vec;
    struct ast *node = literal(in, type_of(TYPE_STRING), span, &vec);
    vec->str[0] = text;
    return node;
}

struct ast *parse_lit_string(struct parser *in) {
    const struct token *first = parse_take(in);
    struct str text = first->text;
    struct span span = first->span;
    while (parse_peek(in, 0)->kind == LEX_STRING) {
        const struct token *next = parse_take(in);
        text = arena_printf(in->arena, "%.*s%.*s", STR_ARG(text), STR_ARG(next->text));
        span.to = next->span.to;
    }
    return parse_lit_text(in, text, span);
}

/* ---- numbers ---- */

static struct ast *bad_number(struct parser *in, const struct token *token, const char *why) {
    mistake_add(in->mistakes, ERR_SYNTAX, token->span, "%.*s: %s", STR_ARG(token->text), why);
    return NULL;
}

static struct ast *decimal(struct parser *in, const struct token *token, struct str text,
                           bool neg) {
    batch_i128 v;
    int scale, precision = 1;
    if (!decimal_parse(text, &v, &scale))
        return bad_number(in, token, "not a number, or more than 38 digits");
    while (precision < DEC_DIGITS_MAX && !dec_fits(v, precision)) precision++;
    struct vec *vec;
    const struct type *type = type_decimal(in->arena, MAX(precision, MAX(scale, 1)), scale);
    struct ast *node = literal(in, type, token->span, &vec);
    vec->dec[0] = neg ? -v : v;
    return node;
}

static struct ast *whole(struct parser *in, const struct token *token, struct str text, bool neg,
                         char suffix) {
    char plain[64];
    if (text.len + 2 > sizeof plain) return decimal(in, token, text, neg);
    plain[0] = neg ? '-' : '+';
    memcpy(plain + 1, text.ptr, text.len);
    int64_t v;
    bool fits = numtext_read_i64((struct str){plain, text.len + 1}, &v);
    enum type_kind kind = suffix == 'l'   ? TYPE_I64
                          : suffix == 's' ? TYPE_I16
                          : suffix == 'y' ? TYPE_I8
                          : fits && v >= INT32_MIN && v <= INT32_MAX ? TYPE_I32
                                                                     : TYPE_I64;
    if (!fits && suffix) return bad_number(in, token, "out of range");
    if (!fits) return decimal(in, token, text, neg);
    if ((kind == TYPE_I16 && (v < INT16_MIN || v > INT16_MAX)) ||
        (kind == TYPE_I8 && (v < INT8_MIN || v > INT8_MAX)))
        return bad_number(in, token, "out of range");
    struct vec *vec;
    struct ast *node = literal(in, type_of(kind), token->span, &vec);
    switch (kind) {
    case TYPE_I8: vec->i8[0] = (int8_t)v; break;
    case TYPE_I16: vec->i16[0] = (int16_t)v; break;
    case TYPE_I32: vec->i32[0] = (int32_t)v; break;
    default: vec->i64[0] = v; break;
    }
    return node;
}

static struct ast *floating(struct parser *in, const struct token *token, struct str text, bool neg,
                            bool single) {
    double v;
    if (!numtext_read_f64(text, &v)) return bad_number(in, token, "not a number");
    if (isinf(single ? (double)(float)v : v)) return bad_number(in, token, "out of range");
    struct vec *vec;
    struct ast *node = literal(in, type_of(single ? TYPE_F32 : TYPE_F64), token->span, &vec);
    if (single) vec->f32[0] = neg ? -(float)v : (float)v;
    else vec->f64[0] = neg ? -v : v;
    return node;
}

struct ast *parse_lit_number(struct parser *in, bool negative) {
    const struct token *token = parse_take(in);
    struct str text = token->text;
    char last = (char)(text.ptr[text.len - 1] | 0x20), suffix = 0;
    bool big = text.len > 2 && last == 'd' && (text.ptr[text.len - 2] | 0x20) == 'b';
    if (last >= 'a' && last <= 'z') suffix = last;
    text.len -= big ? 2 : suffix != 0;
    bool point = memchr(text.ptr, '.', text.len), exponent = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool here = (c | 0x20) == 'e';
        if (here && exponent) return bad_number(in, token, "not a number");
        exponent = exponent || here;
        if (!here && !(c >= '0' && c <= '9') && !strchr("+-.", c))
            return bad_number(in, token, "not a number; a name that starts with a digit stands in "
                              "back-quotes");
    }
    if (big) return decimal(in, token, text, negative);
    if (suffix == 'd' || suffix == 'f') return floating(in, token, text, negative, suffix == 'f');
    if (suffix && (!strchr("lsy", suffix) || point || exponent))
        return bad_number(in, token, "the suffix is not one of L, S, Y, D, F, BD");
    if (exponent) return floating(in, token, text, negative, false);
    if (point) return decimal(in, token, text, negative);
    return whole(in, token, text, negative, suffix);
}

/* ---- words ---- */

static struct ast *binary(struct parser *in, const struct token *token) {
    struct str hex = token->text;
    size_t len = (hex.len + 1) / 2;
    char *bytes = arena_bytes(in->arena, len + 1);
    memset(bytes, 0, len + 1);
    for (size_t i = 0; i < hex.len; i++) {
        char c = (char)(hex.ptr[i] | 0x20);
        int digit = c >= '0' && c <= '9' && hex.ptr[i] < 'A' ? c - '0' : c - 'a' + 10;
        if (digit < 0 || digit > 15) {
            mistake_add(in->mistakes, ERR_SYNTAX, token->span, "X'..' holds hex digits only");
            return NULL;
        }
        size_t at = i + (hex.len & 1);
        bytes[at / 2] = (char)(bytes[at / 2] << 4 | digit);
    }
    struct vec *vec;
    struct ast *node = literal(in, type_of(TYPE_BINARY), token->span, &vec);
    vec->str[0] = (struct str){bytes, len};
    return node;
}

static struct ast *moment(struct parser *in, const struct token *word, const struct token *text) {
    struct vec *vec;
    struct span span = {word->span.from, text->span.to};
    int32_t days;
    int64_t us;
    if (str_ieq(word->text, STR("date"))) {
        struct ast *node = literal(in, type_of(TYPE_DATE), span, &vec);
        if (!when_read_date(text->text, &days)) goto bad;
        vec->i32[0] = days;
        return node;
    }
    bool ntz = str_ieq(word->text, STR("timestamp_ntz"));
    struct ast *node = literal(in, type_of(ntz ? TYPE_TIMESTAMP_NTZ : TYPE_TIMESTAMP), span, &vec);
    if (!moment_read(text->text, 0, &us)) goto bad;
    vec->i64[0] = us;
    return node;
bad:
    mistake_add(in->mistakes, ERR_SYNTAX, text->span, "this is no %.*s", STR_ARG(word->text));
    return NULL;
}

bool parse_lit_word(struct parser *in, struct ast **out) {
    const struct token *word = parse_peek(in, 0), *next = parse_peek(in, 1);
    struct vec *vec;
    if (parse_word(in, "true") || parse_word(in, "false")) {
        *out = literal(in, type_of(TYPE_BOOL), word->span, &vec);
        vec->b[0] = (word->text.ptr[0] | 0x20) == 't';
        return true;
    }
    if (parse_word(in, "null")) {
        *out = literal(in, type_of(TYPE_NULL), word->span, &vec);
        batch_set_null(vec, in->arena, 0);
        return true;
    }
    bool number = next->kind == LEX_NUM ||
                  (next->kind == LEX_OP && str_eqz(next->text, "-") &&
                   parse_peek(in, 2)->kind == LEX_NUM);
    if (parse_is_word(in, 0, "interval") && (next->kind == LEX_STRING || number)) {
        parse_take(in);
        *out = parse_lit_interval(in);
        return true;
    }
    if (next->kind != LEX_STRING) return false;
    static const char *const moments[] = {"date", "timestamp", "timestamp_ntz", "timestamp_ltz"};
    bool hex = parse_is_word(in, 0, "x"), known = hex;
    for (size_t i = 0; i < ARRAY_LEN(moments); i++)
        known = known || parse_is_word(in, 0, moments[i]);
    if (!known) return false;
    in->at += 2;
    *out = hex ? binary(in, next) : moment(in, word, next);
    return true;
}

/* ---- intervals ---- */

struct unit {
    const char *name;
    int64_t us, months;
};
static const struct unit units[] = {
    {"year", 0, 12},
    {"month", 0, 1},
    {"week", 7 * WHEN_DAY, 0},
    {"day", WHEN_DAY, 0},
    {"hour", 3600 * WHEN_SEC, 0},
    {"minute", 60 * WHEN_SEC, 0},
    {"second", WHEN_SEC, 0},
    {"millisecond", 1000, 0},
    {"microsecond", 1, 0},
};
struct length {
    int64_t us, months;
    bool has_us, has_months;
};

static const struct unit *unit_of(struct str word) {
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        struct str name = str_of(units[i].name);
        struct str one = word;
        if (one.len == name.len + 1 && (one.ptr[one.len - 1] | 0x20) == 's') one.len--;
        if (str_ieq(one, name)) return &units[i];
    }
    return NULL;
}

/* Adds `number` (with a fraction for seconds) times the unit. */
static bool add_length(struct length *length, struct str number, const struct unit *unit) {
    batch_i128 v;
    int scale;
    if (!decimal_parse(numtext_trim(number), &v, &scale)) return false;
    if (scale && unit->us != WHEN_SEC) return false;
    if (!dec_fits(v, 18)) return false;
    if (unit->months) {
        length->has_months = true;
        if (!dec_fits(v, 8)) return false;
        length->months += (int64_t)v * unit->months;
        return length->months <= INT32_MAX && length->months >= -INT32_MAX;
    }
    batch_i128 us;
    if (!dec_rescale(v * unit->us, scale, 0, 18, &us)) return false;
    length->has_us = true;
    return !__builtin_add_overflow(length->us, (int64_t)us, &length->us);
}

/* "1 day -2 hours" */
static bool read_pairs(struct str text, struct length *length) {
    text = numtext_trim(text);
    while (text.len) {
        struct str rest, number = str_cut(text, ' ', &rest);
        rest = numtext_trim(rest);
        struct str word = str_cut(rest, ' ', &text);
        const struct unit *unit = unit_of(word);
        if (!unit || !add_length(length, number, unit)) return false;
        text = numtext_trim(text);
    }
    return length->has_us || length->has_months;
}

/* "[-]1 02:03:04.5" from unit `first` to `last`: fields separated by blank, ':' or '-'. */
static bool read_fields(struct str text, const struct unit *first, const struct unit *last,
                        struct length *length) {
    text = numtext_trim(text);
    bool neg = str_starts(text, STR("-"));
    if (neg || str_starts(text, STR("+"))) text.ptr++, text.len--;
    for (const struct unit *unit = first; unit <= last; unit++) {
        if (str_eqz(str_of(unit->name), "week")) continue;
        size_t len = 0;
        while (len < text.len && !strchr(" :-", text.ptr[len])) len++;
        if (!add_length(length, (struct str){text.ptr, len}, unit)) return false;
        len += len < text.len;
        text.ptr += len, text.len -= len;
    }
    if (neg) length->us = -length->us, length->months = -length->months;
    return !text.len;
}

static bool take_interval(struct parser *in, struct length *length) {
    const struct token *token = parse_peek(in, 0);
    if (token->kind == LEX_STRING) {
        const struct unit *first = parse_peek(in, 1)->kind == LEX_WORD
                                       ? unit_of(parse_peek(in, 1)->text) : NULL;
        parse_take(in);
        if (!first) {
            struct str text = token->text;
            if (str_starts(text, STR("interval "))) text.ptr += 9, text.len -= 9;
            return read_pairs(text, length);
        }
        parse_take(in);
        if (!parse_word(in, "to")) return add_length(length, token->text, first);
        const struct unit *last = unit_of(parse_peek(in, 0)->text);
        if (!last || last <= first) return false;
        parse_take(in);
        return read_fields(token->text, first, last, length);
    }
    do {
        bool neg = parse_op(in, "-");
        const struct token *number = parse_peek(in, 0);
        const struct unit *unit = unit_of(parse_peek(in, 1)->text);
        if (number->kind != LEX_NUM || !unit) return false;
        in->at += 2;
        struct str text = number->text;
        if (neg) text = arena_printf(in->arena, "-%.*s", STR_ARG(text));
        if (!add_length(length, text, unit)) return false;
    } while (parse_peek(in, 0)->kind == LEX_NUM);
    return true;
}

struct ast *parse_lit_interval(struct parser *in) {
    struct span span = parse_peek(in, 0)->span;
    struct length length = {0};
    if (!take_interval(in, &length)) {
        struct mistake *mistake = mistake_add(in->mistakes, ERR_SYNTAX, span,
                                              "this interval cannot be read");
        mistake_hint(in->mistakes, mistake, "for instance INTERVAL 10 MINUTES, INTERVAL '1' DAY, "
                     "INTERVAL '1 02:03:04' DAY TO SECOND");
        return NULL;
    }
    if (length.has_us && length.has_months) {
        mistake_add(in->mistakes, ERR_SYNTAX, span,
                    "an interval is of years and months, or of days to seconds, not of both");
        return NULL;
    }
    span.to = in->token[in->at - 1].span.to;
    struct vec *vec;
    struct ast *node = literal(in, type_of(length.has_us ? TYPE_INTERVAL_DT : TYPE_INTERVAL_YM),
                               span, &vec);
    if (length.has_us) vec->i64[0] = length.us;
    else vec->i32[0] = (int32_t)length.months;
    return node;
}
