/* parse_call.c - what begins with a word: names, calls, CASE, CAST and the calls with words between
 * their arguments (EXTRACT(x FROM y), TRIM(BOTH x FROM y) ...). */
#include "stream/sql/parse_in.h"

struct ast *parse_call_node(struct parser *in, const char *name, struct span span) {
    struct ast *node = parse_node(in, AST_CALL, span);
    node->name = str_of(name);
    node->name_span = span;
    return node;
}

/* The text of a type: words, numbers and brackets up to where they balance. */
const struct type *parse_call_type(struct parser *in) {
    const struct token *first = parse_peek(in, 0);
    if (first->kind != LEX_WORD) return parse_fail(in, "a type");
    parse_take(in);
    bool interval = str_ieq(first->text, STR("interval"));
    while (interval && parse_peek(in, 0)->kind == LEX_WORD && !parse_is_word(in, 0, "as"))
        parse_take(in);
    int angle = 0, round = 0;
    do {
        const struct token *token = parse_peek(in, 0);
        bool open = parse_is_op(in, 0, "<"), shut = parse_is_op(in, 0, ">");
        bool two = parse_is_op(in, 0, ">>"), three = parse_is_op(in, 0, ">>>");
        bool paren = parse_is_op(in, 0, "(");
        if (!angle && !round && !open && !(paren && in->at == first - in->token + 1u)) break;
        if (token->kind == LEX_END) return parse_fail(in, "the end of this type");
        if ((round && parse_is_op(in, 0, ")") && round == 1 && !angle)) {
            parse_take(in);
            break;
        }
        angle += open - shut - 2 * two - 3 * three;
        round += paren - parse_is_op(in, 0, ")");
        parse_take(in);
    } while (angle > 0 || round > 0);
    uint32_t from = first->span.from, to = in->token[in->at - 1].span.to;
    const struct type *type = NULL;
    struct str text = {in->mistakes->sql.ptr + from, to - from};
    if (type_parse(text, in->arena, &type)) {
        mistake_add(in->mistakes, ERR_SYNTAX, (struct span){from, to}, "%s", err_note());
        return NULL;
    }
    return type;
}

static struct ast *close_call(struct parser *in, struct ast *node) {
    if (!node || !parse_want_op(in, ")")) return NULL;
    node->span.to = in->token[in->at - 1].span.to;
    return node;
}

static bool parse_arg(struct parser *in, struct ast *node) {
    struct ast *arg = parse_expr(in);
    if (arg) parse_kid(in, node, arg);
    return arg != NULL;
}

/* ---- CASE ---- */

static struct ast *parse_case(struct parser *in, struct span span) {
    struct ast *node = parse_node(in, AST_CASE, span);
    if (!parse_is_word(in, 0, "when")) {
        if (!parse_arg(in, node)) return NULL;
        node->soft = true;
    }
    if (!parse_is_word(in, 0, "when")) return parse_fail(in, "WHEN");
    while (parse_word(in, "when")) {
        if (!parse_arg(in, node) || !parse_want_word(in, "then") || !parse_arg(in, node))
            return NULL;
    }
    if (parse_word(in, "else") && !parse_arg(in, node)) return NULL;
    if (!parse_want_word(in, "end")) return NULL;
    node->span.to = in->token[in->at - 1].span.to;
    return node;
}

/* ---- calls with a syntax of their own; after the opening bracket ---- */

static struct ast *parse_cast(struct parser *in, bool soft, struct span span) {
    struct ast *node = parse_node(in, AST_CAST, span);
    node->soft = soft;
    if (!parse_arg(in, node) || !parse_want_word(in, "as")) return NULL;
    node->type = parse_call_type(in);
    return node->type ? close_call(in, node) : NULL;
}

static struct ast *parse_extract(struct parser *in, struct span span) {
    struct ast *node = parse_call_node(in, "date_part", span);
    const struct token *unit = parse_peek(in, 0);
    if (unit->kind != LEX_WORD && unit->kind != LEX_STRING)
        return parse_fail(in, "YEAR, MONTH, DAY, HOUR or another unit");
    parse_take(in);
    parse_kid(in, node, parse_lit_text(in, unit->text, unit->span));
    if (!parse_want_word(in, "from") || !parse_arg(in, node)) return NULL;
    return close_call(in, node);
}

/* TRIM([BOTH|LEADING|TRAILING] [chars] FROM text), or the plain call. */
static struct ast *parse_trim(struct parser *in, struct span span) {
    const char *name = parse_word(in, "leading")    ? "ltrim"
                       : parse_word(in, "trailing") ? "rtrim"
                       : parse_word(in, "both")     ? "trim"
                                                    : NULL;
    struct ast *node = parse_call_node(in, name ? name : "trim", span);
    if (name && parse_word(in, "from")) return parse_arg(in, node) ? close_call(in, node) : NULL;
    struct ast *first = parse_expr(in);
    if (!first) return NULL;
    if (parse_word(in, "from")) {
        /* trim's two-argument form is btrim(text, chars); ltrim and rtrim have chars first */
        struct ast *text = parse_expr(in);
        if (!text) return NULL;
        bool both = str_eqz(node->name, "trim");
        if (both) node->name = STR("btrim");
        parse_kid(in, node, both ? text : first);
        parse_kid(in, node, both ? first : text);
        return close_call(in, node);
    }
    parse_kid(in, node, first);
    while (parse_op(in, ","))
        if (!parse_arg(in, node)) return NULL;
    return close_call(in, node);
}

/* SUBSTRING(a FROM b FOR c), POSITION(a IN b), OVERLAY(a PLACING b FROM c FOR d): words for commas.
 * An IN after the first argument of POSITION would be read as a predicate, so that one is taken as
 * the operand of a predicate is. */
static struct ast *parse_worded(struct parser *in, const char *name, struct span span) {
    static const char *const words[] = {"from", "for", "placing"};
    struct ast *node = parse_call_node(in, name, span);
    bool position = str_eqz(node->name, "position"), more;
    do {
        struct ast *arg = position && !node->cnt ? parse_expr_operand(in) : parse_expr(in);
        if (!arg) return NULL;
        parse_kid(in, node, arg);
        more = parse_op(in, ",") || (position && node->cnt == 1 && parse_word(in, "in"));
        for (size_t i = 0; i < ARRAY_LEN(words) && !more; i++) more = parse_word(in, words[i]);
    } while (more);
    return close_call(in, node);
}

static bool is_unit(struct str word) {
    static const char *const units[] = {"microsecond", "millisecond", "second",  "minute",
                                        "hour",        "day",         "dayofyear", "week",
                                        "month",       "quarter",     "year"};
    for (size_t i = 0; i < ARRAY_LEN(units); i++)
        if (str_ieq(word, str_of(units[i]))) return true;
    return false;
}

/* TIMESTAMPADD(unit, ...): the unit is a bare word. DATE_ADD(day, 1) is of a column named day: what
 * does not come to three arguments is read again as a plain call. */
static struct ast *parse_unit_call(struct parser *in, const char *name, struct span span) {
    uint32_t start = in->at;
    const struct token *unit = parse_peek(in, 0);
    bool worded = unit->kind == LEX_WORD && is_unit(unit->text) && parse_is_op(in, 1, ",");
    for (;; worded = false) {
        struct ast *node = parse_call_node(in, name, span);
        in->at = start;
        if (worded) {
            parse_take(in);
            parse_kid(in, node, parse_lit_text(in, unit->text, unit->span));
        } else if (!parse_arg(in, node)) {
            return NULL;
        }
        while (parse_op(in, ","))
            if (!parse_arg(in, node)) return NULL;
        if (!worded || node->cnt == 3) return close_call(in, node);
    }
}

static struct ast *parse_struct(struct parser *in, struct span span) {
    struct ast *node = parse_node(in, AST_STRUCT, span);
    uint32_t cap = 8;
    node->part = arena_array(in->arena, struct str, cap);
    while (!parse_is_op(in, 0, ")")) {
        if (node->cnt == cap) {
            struct str *more = arena_array(in->arena, struct str, cap * 2);
            memcpy(more, node->part, cap * sizeof *more);
            node->part = more;
            cap *= 2;
        }
        if (!parse_arg(in, node)) return NULL;
        if (parse_word(in, "as")) {
            struct str name = parse_name(in, "a name after AS");
            if (!name.ptr) return NULL;
            node->part[node->cnt - 1] = name;
        }
        if (!parse_op(in, ",")) break;
    }
    return close_call(in, node);
}

static struct ast *parse_plain(struct parser *in, struct str name, struct span span) {
    struct ast *node = parse_call_node(in, "", span);
    node->name = name;
    if (parse_is_word(in, 0, "distinct") || parse_is_word(in, 0, "all")) {
        mistake_add(in->mistakes, ERR_SYNTAX, parse_peek(in, 0)->span,
                    "aggregates are not supported yet, and so is %.*s within a call",
                    STR_ARG(parse_peek(in, 0)->text));
        return NULL;
    }
    while (!parse_is_op(in, 0, ")")) {
        if (node->cnt == AST_ARG_MAX) return parse_fail(in, "fewer arguments");
        if (parse_peek(in, 0)->kind == LEX_WORD && parse_is_op(in, 1, "=>")) {
            in->at++;
            return parse_fail(in, "an argument by place; names are not supported yet");
        }
        if (!parse_arg(in, node)) return NULL;
        if (parse_is_op(in, 0, "->"))
            return parse_fail(in, "a value; functions as arguments are not supported yet");
        if (!parse_op(in, ",")) break;
    }
    if (!close_call(in, node)) return NULL;
    if (parse_is_word(in, 0, "over") || (parse_is_word(in, 0, "filter") && parse_is_op(in, 1, "(")))
        return parse_fail(in, "no OVER or FILTER: aggregates and windows are not supported yet");
    return node;
}

static struct ast *parse_call(struct parser *in, const struct token *token) {
    static const struct {
        const char *word, *name;
        struct ast *(*parse)(struct parser *in, const char *name, struct span span);
    } worded[] = {
        {"substring", "substring", parse_worded},  {"substr", "substring", parse_worded},
        {"position", "position", parse_worded},    {"overlay", "overlay", parse_worded},
        {"timestampadd", "timestampadd", parse_unit_call},
        {"timestampdiff", "timestampdiff", parse_unit_call},
        {"dateadd", "dateadd", parse_unit_call},   {"datediff", "datediff", parse_unit_call},
        {"date_add", "date_add", parse_unit_call}, {"date_diff", "date_diff", parse_unit_call},
    };
    parse_want_op(in, "(");
    struct str name = token->text;
    struct span span = token->span;
    if (token->kind == LEX_WORD) {
        if (str_ieq(name, STR("cast"))) return parse_cast(in, false, span);
        if (str_ieq(name, STR("try_cast"))) return parse_cast(in, true, span);
        if (str_ieq(name, STR("extract"))) return parse_extract(in, span);
        if (str_ieq(name, STR("trim"))) return parse_trim(in, span);
        if (str_ieq(name, STR("struct"))) return parse_struct(in, span);
        for (size_t i = 0; i < ARRAY_LEN(worded); i++)
            if (str_ieq(name, str_of(worded[i].word)))
                return worded[i].parse(in, worded[i].name, span);
    }
    return parse_plain(in, name, span);
}

/* ---- names ---- */

static void add_part(struct parser *in, struct ast *node, struct str part, struct span span) {
    if ((node->part_cnt & (node->part_cnt - 1)) == 0) {
        uint32_t cap = MAX(node->part_cnt * 2, 1u);
        struct str *parts = arena_array(in->arena, struct str, cap);
        struct span *spans = arena_array(in->arena, struct span, cap);
        if (node->part_cnt) {
            memcpy(parts, node->part, node->part_cnt * sizeof *parts);
            memcpy(spans, node->part_span, node->part_cnt * sizeof *spans);
        }
        node->part = parts;
        node->part_span = spans;
    }
    node->part[node->part_cnt] = part;
    node->part_span[node->part_cnt++] = span;
}

static struct ast *parse_path(struct parser *in) {
    const struct token *token = parse_take(in);
    struct ast *node = parse_node(in, AST_NAME, token->span);
    add_part(in, node, token->text, token->span);
    while (parse_is_op(in, 0, ".")) {
        const struct token *next = parse_peek(in, 1);
        if (next->kind == LEX_OP && str_eqz(next->text, "*")) {
            in->at += 2;
            node->kind = AST_STAR;
            node->span.to = next->span.to;
            return node;
        }
        parse_take(in);
        if (next->kind != LEX_WORD && next->kind != LEX_NAME)
            return parse_fail(in, "the name of a field after '.'");
        if (node->part_cnt == TYPE_DEPTH_MAX)
            return parse_fail(in, "fewer parts in this name");
        parse_take(in);
        add_part(in, node, next->text, next->span);
        node->span.to = next->span.to;
    }
    return node;
}

struct ast *parse_call_or_name(struct parser *in) {
    static const char *const bare[] = {"current_timestamp", "current_date", "localtimestamp"};
    const struct token *token = parse_peek(in, 0);
    if (token->kind == LEX_WORD) {
        if (parse_word(in, "case")) return parse_case(in, token->span);
        struct ast *literal;
        if (parse_lit_word(in, &literal)) return literal;
    }
    bool call = parse_is_op(in, 1, "(");
    for (size_t i = 0; i < ARRAY_LEN(bare) && !call && token->kind == LEX_WORD; i++)
        if (str_ieq(token->text, str_of(bare[i]))) {
            parse_take(in);
            return parse_call_node(in, bare[i], token->span);
        }
    if (call) {
        parse_take(in);
        return parse_call(in, token);
    }
    if (token->kind == LEX_WORD && parse_reserved(token->text))
        return parse_fail(in, "an expression");
    return parse_path(in);
}
