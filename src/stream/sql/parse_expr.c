/* parse_expr.c - expressions by operator precedence (Pratt's way).
 *
 * From loose to tight:  OR | AND | NOT | IS, IN, BETWEEN, LIKE | = < > ... | `|` | ^ | & |
 * << >> >>> | + - `||` | * / % DIV | unary + - ~ | :: [] . */
#include "stream/sql/parse_in.h"

enum power {
    POWER_NONE,
    POWER_OR,
    POWER_AND,
    POWER_NOT,
    POWER_IS,
    POWER_COMPARE,
    POWER_BIT_OR,
    POWER_BIT_XOR,
    POWER_BIT_AND,
    POWER_SHIFT,
    POWER_ADD,
    POWER_MUL,
    POWER_UNARY,
};

static struct ast *parse_power(struct parser *in, enum power power);

struct ast *parse_expr(struct parser *in) {
    return parse_power(in, POWER_NONE);
}

struct ast *parse_expr_operand(struct parser *in) {
    return parse_power(in, POWER_IS);
}

static struct span join(struct span a, struct span b) {
    return (struct span){a.from, b.to};
}

static struct ast *call2(struct parser *in, const char *name, struct span op, struct ast *a,
                         struct ast *b) {
    struct ast *node = parse_call_node(in, name, op);
    parse_kid(in, node, a);
    node->span = a->span;
    if (b) {
        parse_kid(in, node, b);
        node->span = join(a->span, b->span);
    }
    return node;
}

static struct ast *negate(struct parser *in, struct ast *node, bool not, struct span span) {
    if (!node || !not) return node;
    struct span whole = node->span;
    node = call2(in, "not", span, node, NULL);
    node->span = whole;
    return node;
}

/* ---- prefix ---- */

static struct ast *parse_paren(struct parser *in) {
    struct span open = parse_take(in)->span;
    if (parse_is_word(in, 0, "select")) {
        mistake_add(in->mistakes, ERR_SYNTAX, parse_peek(in, 0)->span,
                    "a query within a query is not supported yet");
        return NULL;
    }
    struct ast *first = parse_expr(in);
    if (!first) return NULL;
    if (!parse_is_op(in, 0, ",")) {
        if (!parse_want_op(in, ")")) return NULL;
        first->span = join(open, in->token[in->at - 1].span);
        return first;
    }
    struct ast *node = parse_node(in, AST_STRUCT, open); /* (a, b) is struct(a, b) */
    parse_kid(in, node, first);
    while (parse_op(in, ",")) {
        struct ast *next = parse_expr(in);
        if (!next) return NULL;
        parse_kid(in, node, next);
    }
    if (!parse_want_op(in, ")")) return NULL;
    node->part = arena_array(in->arena, struct str, node->cnt);
    node->span = join(open, in->token[in->at - 1].span);
    return node;
}

static struct ast *parse_unary(struct parser *in) {
    const struct token *op = parse_take(in);
    bool minus = str_eqz(op->text, "-");
    if (minus && parse_peek(in, 0)->kind == LEX_NUM) {
        struct ast *number = parse_lit_number(in, true);
        if (number) number->span.from = op->span.from;
        return number;
    }
    struct ast *kid = parse_power(in, POWER_UNARY);
    if (!kid) return NULL;
    const char *name = minus ? "negative" : str_eqz(op->text, "~") ? "~" : "positive";
    struct ast *node = call2(in, name, op->span, kid, NULL);
    node->span.from = op->span.from;
    return node;
}

static struct ast *parse_prefix(struct parser *in) {
    const struct token *token = parse_peek(in, 0);
    switch (token->kind) {
    case LEX_NUM: return parse_lit_number(in, false);
    case LEX_STRING: return parse_lit_string(in);
    case LEX_NAME: return parse_call_or_name(in);
    case LEX_WORD:
        if (parse_word(in, "not")) {
            struct ast *kid = parse_power(in, POWER_NOT);
            struct ast *node = negate(in, kid, true, token->span);
            if (node) node->span.from = token->span.from;
            return node;
        }
        return parse_call_or_name(in);
    case LEX_OP:
        if (parse_is_op(in, 0, "(")) return parse_paren(in);
        if (parse_is_op(in, 0, "-") || parse_is_op(in, 0, "+") || parse_is_op(in, 0, "~"))
            return parse_unary(in);
        if (parse_is_op(in, 0, "!")) {
            parse_take(in);
            struct ast *node = negate(in, parse_power(in, POWER_NOT), true, token->span);
            if (node) node->span.from = token->span.from;
            return node;
        }
        if (parse_op(in, "*")) return parse_node(in, AST_STAR, token->span);
        return parse_fail(in, "an expression");
    default: return parse_fail(in, "an expression");
    }
}

static void *too_deep(struct parser *in, int levels) {
    mistake_add(in->mistakes, ERR_SYNTAX, parse_peek(in, 0)->span, "nested deeper than %d levels",
                levels);
    while (parse_peek(in, 0)->kind != LEX_END) in->at++;
    return NULL;
}

/* ---- postfix: .name [index] ::type ---- */

static struct ast *parse_postfix(struct parser *in, struct ast *left) {
    while (left) {
        const struct token *op = parse_peek(in, 0);
        if (left->height > AST_HEIGHT_MAX) return too_deep(in, AST_HEIGHT_MAX);
        if (parse_op(in, "[")) {
            struct ast *index = parse_expr(in);
            if (!index || !parse_want_op(in, "]")) return NULL;
            left = call2(in, "[]", op->span, left, index);
            left->span.to = in->token[in->at - 1].span.to;
        } else if (parse_op(in, "::")) {
            struct ast *node = parse_node(in, AST_CAST, left->span);
            node->type = parse_call_type(in);
            if (!node->type) return NULL;
            parse_kid(in, node, left);
            node->span.to = in->token[in->at - 1].span.to;
            left = node;
        } else if (parse_op(in, ".")) {
            struct ast *node = parse_node(in, AST_FIELD, left->span);
            node->name_span = parse_peek(in, 0)->span;
            node->name = parse_name(in, "the name of a field");
            if (!node->name.ptr) return NULL;
            parse_kid(in, node, left);
            node->span.to = node->name_span.to;
            left = node;
        } else {
            return left;
        }
    }
    return NULL;
}

/* ---- IS, IN, BETWEEN, LIKE ---- */

static struct ast *parse_is(struct parser *in, struct ast *left, struct span op) {
    bool not = parse_word(in, "not");
    if (parse_word(in, "distinct")) {
        if (!parse_want_word(in, "from")) return NULL;
        struct ast *right = parse_power(in, POWER_IS);
        if (!right) return NULL;
        return negate(in, call2(in, "<=>", op, left, right), !not, op);
    }
    const char *name = parse_word(in, "null")      ? "isnull"
                       : parse_word(in, "true")    ? "istrue"
                       : parse_word(in, "false")   ? "isfalse"
                       : parse_word(in, "unknown") ? "isunknown"
                                                   : NULL;
    if (!name) return parse_fail(in, "NULL, TRUE, FALSE, UNKNOWN or DISTINCT FROM after IS");
    struct ast *node = call2(in, name, op, left, NULL);
    node->span.to = in->token[in->at - 1].span.to;
    return negate(in, node, not, op);
}

static struct ast *parse_in(struct parser *in, struct ast *left, bool not, struct span op) {
    if (!parse_want_op(in, "(")) return NULL;
    if (parse_is_word(in, 0, "select")) {
        mistake_add(in->mistakes, ERR_SYNTAX, parse_peek(in, 0)->span,
                    "a query within a query is not supported yet");
        return NULL;
    }
    struct ast *node = call2(in, "in", op, left, NULL);
    do {
        struct ast *item = parse_expr(in);
        if (!item) return NULL;
        parse_kid(in, node, item);
    } while (parse_op(in, ","));
    if (!parse_want_op(in, ")")) return NULL;
    node->span.to = in->token[in->at - 1].span.to;
    return negate(in, node, not, op);
}

static struct ast *parse_between(struct parser *in, struct ast *left, bool not, struct span op) {
    struct ast *low = parse_power(in, POWER_IS);
    if (!low || !parse_want_word(in, "and")) return NULL;
    struct ast *high = parse_power(in, POWER_IS);
    if (!high) return NULL;
    struct ast *node = call2(in, "between", op, left, low);
    parse_kid(in, node, high);
    node->span.to = high->span.to;
    return negate(in, node, not, op);
}

static struct ast *parse_like(struct parser *in, struct ast *left, bool not, const char *name) {
    struct span op = parse_take(in)->span;
    if (parse_is_word(in, 0, "any") || parse_is_word(in, 0, "some") ||
        parse_is_word(in, 0, "all")) {
        mistake_add(in->mistakes, ERR_SYNTAX, parse_peek(in, 0)->span,
                    "LIKE ANY/ALL is not supported yet; join several LIKE by OR or AND");
        return NULL;
    }
    struct ast *right = parse_power(in, POWER_IS);
    if (!right) return NULL;
    struct ast *node = call2(in, name, op, left, right);
    if (parse_word(in, "escape")) {
        struct ast *escape = parse_power(in, POWER_IS);
        if (!escape) return NULL;
        parse_kid(in, node, escape);
        node->span.to = escape->span.to;
    }
    return negate(in, node, not, op);
}

/* *left becomes the predicate; false: none is next. On a mistake *left is NULL. */
static bool parse_predicate(struct parser *in, struct ast **left) {
    bool not = parse_is_word(in, 0, "not");
    struct span op = parse_peek(in, 0)->span;
    if (!not && parse_word(in, "is")) {
        *left = parse_is(in, *left, op);
        return true;
    }
    static const struct {
        const char *word, *name;
    } likes[] = {{"like", "like"}, {"ilike", "ilike"}, {"rlike", "rlike"}, {"regexp", "rlike"}};
    for (size_t i = 0; i < ARRAY_LEN(likes); i++) {
        if (!parse_is_word(in, not, likes[i].word)) continue;
        in->at += not;
        *left = parse_like(in, *left, not, likes[i].name);
        return true;
    }
    bool in_list = parse_is_word(in, not, "in");
    if (!in_list && !parse_is_word(in, not, "between")) return false;
    in->at += 1u + not;
    *left = in_list ? parse_in(in, *left, not, op) : parse_between(in, *left, not, op);
    return true;
}

/* ---- infix ---- */

struct infix {
    const char *text, *name;
    enum power power;
    bool word;
};
static const struct infix infixes[] = {
    {"or", "or", POWER_OR, true},        {"and", "and", POWER_AND, true},
    {"=", "=", POWER_COMPARE, false},    {"==", "=", POWER_COMPARE, false},
    {"<>", "!=", POWER_COMPARE, false},  {"!=", "!=", POWER_COMPARE, false},
    {"<", "<", POWER_COMPARE, false},    {"<=", "<=", POWER_COMPARE, false},
    {">", ">", POWER_COMPARE, false},    {">=", ">=", POWER_COMPARE, false},
    {"<=>", "<=>", POWER_COMPARE, false}, {"|", "|", POWER_BIT_OR, false},
    {"^", "^", POWER_BIT_XOR, false},    {"&", "&", POWER_BIT_AND, false},
    {"<<", "shiftleft", POWER_SHIFT, false}, {">>", "shiftright", POWER_SHIFT, false},
    {">>>", "shiftrightunsigned", POWER_SHIFT, false},
    {"+", "+", POWER_ADD, false},        {"-", "-", POWER_ADD, false},
    {"||", "concat", POWER_ADD, false},  {"*", "*", POWER_MUL, false},
    {"/", "/", POWER_MUL, false},        {"%", "%", POWER_MUL, false},
    {"div", "div", POWER_MUL, true},
};

static const struct infix *infix_at(const struct parser *in) {
    const struct token *token = parse_peek(in, 0);
    for (size_t i = 0; i < ARRAY_LEN(infixes); i++) {
        const struct infix *infix = &infixes[i];
        bool is = infix->word ? parse_is_word(in, 0, infix->text)
                              : token->kind == LEX_OP && str_eqz(token->text, infix->text);
        if (is) return infix;
    }
    return NULL;
}

static struct ast *parse_infix(struct parser *in, enum power power) {
    struct ast *left = parse_postfix(in, parse_prefix(in));
    while (left) {
        if (left->height > AST_HEIGHT_MAX) return too_deep(in, AST_HEIGHT_MAX);
        if (power < POWER_IS && parse_predicate(in, &left)) continue;
        const struct infix *infix = infix_at(in);
        if (!infix || infix->power <= power) return left;
        struct span op = parse_take(in)->span;
        struct ast *right = parse_power(in, infix->power);
        if (!right) return NULL;
        left = call2(in, infix->name, op, left, right);
    }
    return NULL;
}

static struct ast *parse_power(struct parser *in, enum power power) {
    if (in->depth == AST_DEPTH_MAX) return too_deep(in, AST_DEPTH_MAX);
    in->depth++;
    struct ast *node = parse_infix(in, power);
    in->depth--;
    return node;
}
