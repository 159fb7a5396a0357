/* parse.c - the clauses of a query, and the ways to step over tokens.
 *
 * query: SELECT item, ... FROM STREAM name [[AS] alias] [WATERMARK expr DELAY OF INTERVAL ..]
 *        [WHERE expr] [;]
 * What Spark knows besides is named in the refusal. */
#include "stream/sql/parse_in.h"

#include <stdlib.h>

/* ---- tokens ---- */

const struct token *parse_peek(const struct parser *in, uint32_t ahead) {
    const struct token *token = in->token + in->at;
    while (ahead-- && token->kind != LEX_END) token++;
    return token;
}

const struct token *parse_take(struct parser *in) {
    const struct token *token = in->token + in->at;
    if (token->kind != LEX_END) in->at++;
    return token;
}

bool parse_is_op(const struct parser *in, uint32_t ahead, const char *op) {
    const struct token *token = parse_peek(in, ahead);
    return token->kind == LEX_OP && str_eqz(token->text, op);
}

bool parse_is_word(const struct parser *in, uint32_t ahead, const char *word) {
    const struct token *token = parse_peek(in, ahead);
    return token->kind == LEX_WORD && str_ieq(token->text, str_of(word));
}

bool parse_op(struct parser *in, const char *op) {
    if (!parse_is_op(in, 0, op)) return false;
    in->at++;
    return true;
}

bool parse_word(struct parser *in, const char *word) {
    if (!parse_is_word(in, 0, word)) return false;
    in->at++;
    return true;
}

struct mistake *parse_note(struct parser *in, const char *expected) {
    const struct token *token = parse_peek(in, 0);
    struct str text = {in->mistakes->sql.ptr + token->span.from, token->span.to - token->span.from};
    if (token->kind == LEX_END)
        return mistake_add(in->mistakes, ERR_SYNTAX, token->span,
                           "expected %s, but the query ends here", expected);
    const char *quote = token->kind == LEX_STRING ? "" : "'";
    return mistake_add(in->mistakes, ERR_SYNTAX, token->span, "expected %s, found %s%.*s%s",
                       expected, quote, (int)MIN(text.len, 40), text.ptr, quote);
}

void *parse_fail(struct parser *in, const char *expected) {
    parse_note(in, expected);
    return NULL;
}

bool parse_want_op(struct parser *in, const char *op) {
    char text[8] = {'\'', 0};
    if (parse_op(in, op)) return true;
    memcpy(text + 1, op, strlen(op));
    text[1 + strlen(op)] = '\'';
    parse_fail(in, text);
    return false;
}

bool parse_want_word(struct parser *in, const char *word) {
    char shown[16] = {0};
    if (parse_word(in, word)) return true;
    for (size_t i = 0; word[i] && i + 1 < sizeof shown; i++) shown[i] = (char)(word[i] & ~0x20);
    parse_fail(in, shown);
    return false;
}

static int compare_word(const void *key, const void *entry) {
    const struct str *word = key;
    struct str other = str_of(*(const char *const *)entry);
    for (size_t i = 0; i < word->len && i < other.len; i++) {
        char c = word->ptr[i];
        if (c >= 'A' && c <= 'Z') c = (char)(c | 0x20);
        if (c != other.ptr[i]) return c < other.ptr[i] ? -1 : 1;
    }
    return (word->len > other.len) - (word->len < other.len);
}

bool parse_reserved(struct str word) {
    static const char *const words[] = {
        "and",     "as",     "between", "by",        "case",    "cast",   "cross",   "distinct",
        "else",    "end",    "except",  "from",      "full",    "group",  "having",  "in",
        "inner",   "intersect", "is",   "join",      "lateral", "left",   "like",    "limit",
        "not",     "null",   "offset",  "on",        "or",      "order",  "right",   "rlike",
        "select",  "then",   "union",   "using",     "watermark", "when", "where",   "window",
        "with",
    };
    return bsearch(&word, words, ARRAY_LEN(words), sizeof words[0], compare_word) != NULL;
}

struct str parse_name(struct parser *in, const char *what) {
    const struct token *token = parse_peek(in, 0);
    bool word = token->kind == LEX_WORD && !parse_reserved(token->text);
    if (word || token->kind == LEX_NAME) return parse_take(in)->text;
    struct mistake *mistake = parse_note(in, what);
    if (token->kind == LEX_WORD)
        mistake_hint(in->mistakes, mistake, "%.*s is a word of SQL; as a name it stands in "
                     "back-quotes", STR_ARG(token->text));
    return STR_NULL;
}

struct ast *parse_node(struct parser *in, enum ast_kind kind, struct span span) {
    struct ast *node = arena_new(in->arena, struct ast);
    node->kind = kind;
    node->span = span;
    return node;
}

/* The array of kids has room for the next power of two. */
void parse_kid(struct parser *in, struct ast *node, struct ast *kid) {
    if ((node->cnt & (node->cnt - 1)) == 0) {
        struct ast **more = arena_array(in->arena, struct ast *, MAX(node->cnt * 2, 1u));
        if (node->cnt) memcpy(more, node->kid, node->cnt * sizeof *more);
        node->kid = more;
    }
    node->kid[node->cnt++] = kid;
    node->height = MAX(node->height, kid->height + 1);
}

/* ---- clauses ---- */

static bool at_clause(const struct parser *in) {
    static const char *const words[] = {"from",  "where", "group",  "having",    "order", "limit",
                                        "union", "join",  "except", "intersect", "watermark"};
    const struct token *token = parse_peek(in, 0);
    if (token->kind == LEX_END) return true;
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (parse_is_word(in, 0, words[i])) return true;
    return false;
}

/* After a mistake: to the next comma or clause outside brackets. */
static void recover(struct parser *in, bool comma) {
    int depth = 0;
    while (parse_peek(in, 0)->kind != LEX_END) {
        if (depth <= 0 && (at_clause(in) || (comma && parse_is_op(in, 0, ",")))) return;
        if (parse_is_op(in, 0, "(") || parse_is_op(in, 0, "[")) depth++;
        if (parse_is_op(in, 0, ")") || parse_is_op(in, 0, "]")) depth--;
        in->at++;
    }
}

static bool parse_item(struct parser *in, struct ast_item *item) {
    item->span = parse_peek(in, 0)->span;
    item->expr = parse_expr(in);
    if (!item->expr) return false;
    item->span = item->expr->span;
    if (parse_word(in, "as")) {
        item->alias = parse_name(in, "a name after AS");
        return item->alias.ptr != NULL;
    }
    const struct token *next = parse_peek(in, 0);
    if (next->kind == LEX_NAME || (next->kind == LEX_WORD && !parse_reserved(next->text)))
        item->alias = parse_take(in)->text;
    if (parse_is_op(in, 0, ",") || at_clause(in) || parse_is_op(in, 0, ";")) return true;
    parse_fail(in, "',' or FROM");
    return false;
}

static void parse_items(struct parser *in, struct ast_query *query) {
    uint32_t cap = 16;
    query->item = arena_array(in->arena, struct ast_item, cap);
    do {
        struct ast_item item = {0};
        if (!parse_item(in, &item)) {
            recover(in, true);
            continue;
        }
        if (query->item_cnt == TYPE_FIELD_MAX) {
            mistake_add(in->mistakes, ERR_SYNTAX, item.span, "more than %d columns",
                        TYPE_FIELD_MAX);
            recover(in, false);
            return;
        }
        if (query->item_cnt == cap) {
            struct ast_item *more = arena_array(in->arena, struct ast_item, cap * 2);
            memcpy(more, query->item, cap * sizeof *more);
            query->item = more;
            cap *= 2;
        }
        query->item[query->item_cnt++] = item;
    } while (parse_op(in, ","));
}

static void parse_watermark(struct parser *in, struct ast_query *query) {
    query->wm = parse_expr(in);
    if (!query->wm || !parse_want_word(in, "delay") || !parse_want_word(in, "of")) {
        recover(in, false);
        return;
    }
    const struct token *start = parse_peek(in, 0);
    struct ast *delay = parse_want_word(in, "interval") ? parse_lit_interval(in) : NULL;
    if (!delay) {
        recover(in, false);
    } else if (delay->value->type->kind != TYPE_INTERVAL_DT || delay->value->i64[0] < 0) {
        mistake_add(in->mistakes, ERR_SYNTAX, start->span,
                    "a watermark's delay is an interval of days to seconds, not negative");
    } else {
        query->wm_delay_us = delay->value->i64[0];
    }
}

static void parse_from(struct parser *in, struct ast_query *query) {
    const struct token *from = parse_peek(in, 0);
    if (!parse_word(in, "from")) {
        parse_fail(in, "FROM STREAM and the name of a topic");
        recover(in, false);
        if (!parse_word(in, "from")) return;
    }
    bool call = false;
    if (parse_is_word(in, 0, "stream") && (parse_is_op(in, 1, "(") ||
        parse_peek(in, 1)->kind == LEX_WORD || parse_peek(in, 1)->kind == LEX_NAME)) {
        in->at++;
        call = parse_op(in, "(");
    } else {
        struct mistake *mistake = mistake_add(in->mistakes, ERR_SYNTAX, from->span,
            "a streaming query reads FROM STREAM and the name of a topic");
        mistake_hint(in->mistakes, mistake, "write FROM STREAM before the name");
    }
    query->topic_span = parse_peek(in, 0)->span;
    query->topic = parse_name(in, "the name of a topic");
    while (query->topic.ptr && parse_op(in, ".")) {
        struct str more = parse_name(in, "the rest of the topic's name");
        if (!more.ptr) query->topic = STR_NULL;
        else query->topic = arena_printf(in->arena, "%.*s.%.*s", STR_ARG(query->topic),
                                         STR_ARG(more));
    }
    if (!query->topic.ptr || (call && !parse_want_op(in, ")"))) {
        recover(in, false);
        return;
    }
    bool as = parse_word(in, "as");
    const struct token *next = parse_peek(in, 0);
    if (as || next->kind == LEX_NAME || (next->kind == LEX_WORD && !parse_reserved(next->text)))
        query->alias = parse_name(in, "an alias");
    if (parse_word(in, "watermark")) parse_watermark(in, query);
    next = parse_peek(in, 0);
    if (!query->alias.ptr && next->kind == LEX_WORD && !parse_reserved(next->text))
        query->alias = parse_take(in)->text;
}

/* Clauses that are SQL but not (or not yet) ours: said so by name. */
static bool refuse_clause(struct parser *in) {
    static const struct {
        const char *word, *text, *hint;
    } known[] = {
        {"group", "GROUP BY is not supported yet", "filter and project; aggregate in the table"},
        {"having", "HAVING is not supported yet, as GROUP BY is not", "use WHERE"},
        {"join", "JOIN is not supported yet", "one query reads one topic"},
        {"inner", "JOIN is not supported yet", "one query reads one topic"},
        {"left", "JOIN is not supported yet", "one query reads one topic"},
        {"right", "JOIN is not supported yet", "one query reads one topic"},
        {"full", "JOIN is not supported yet", "one query reads one topic"},
        {"cross", "JOIN is not supported yet", "one query reads one topic"},
        {"lateral", "LATERAL VIEW is not supported yet", ""},
        {"union", "UNION is not supported yet", "make one query for each topic"},
        {"order", "ORDER BY has no meaning on an endless stream",
         "order by the table's clustering key"},
        {"sort", "SORT BY has no meaning on an endless stream",
         "order by the table's clustering key"},
        {"limit", "LIMIT has no meaning on an endless stream", "use WHERE"},
        {"offset", "OFFSET has no meaning on an endless stream", "use WHERE"},
        {"except", "EXCEPT is not possible on streams", ""},
        {"intersect", "INTERSECT is not possible on streams", ""},
        {"window", "WINDOW is not supported yet", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (!parse_is_word(in, 0, known[i].word)) continue;
        struct mistake *mistake = mistake_add(in->mistakes, ERR_SYNTAX, parse_peek(in, 0)->span,
                                              "%s", known[i].text);
        mistake_hint(in->mistakes, mistake, "%s", known[i].hint);
        in->at++;
        recover(in, false);
        return true;
    }
    return false;
}

static bool start(struct parser *in, struct mistakes *mistakes) {
    uint32_t cnt;
    memset(in, 0, sizeof *in);
    in->mistakes = mistakes;
    in->arena = mistakes->arena;
    struct token *token = NULL;
    int err = lex_run(mistakes, &token, &cnt);
    in->token = token;
    return !err;
}

static void parse_rest(struct parser *in, struct ast_query *query) {
    for (;;) {
        const struct token *next = parse_peek(in, 0);
        if (parse_word(in, "where")) {
            if (query->where)
                mistake_add(in->mistakes, ERR_SYNTAX, next->span, "a second WHERE");
            query->where = parse_expr(in);
            if (!query->where) recover(in, false);
        } else if (!refuse_clause(in)) {
            return;
        }
    }
}

struct ast_query *parse_query(struct mistakes *mistakes) {
    struct parser in;
    if (!start(&in, mistakes)) return NULL;
    if (!parse_word(&in, "select")) {
        bool with = parse_is_word(&in, 0, "with");
        parse_fail(&in, with ? "SELECT (WITH is not supported yet)" : "SELECT");
        return NULL;
    }
    struct ast_query *query = arena_new(in.arena, struct ast_query);
    if (parse_is_word(&in, 0, "distinct")) {
        struct mistake *mistake = mistake_add(mistakes, ERR_SYNTAX, parse_take(&in)->span,
            "SELECT DISTINCT is not supported: it would have to remember every row");
        mistake_hint(mistakes, mistake, "the table's key keeps one row of each");
    } else {
        parse_word(&in, "all");
    }
    parse_items(&in, query);
    parse_from(&in, query);
    parse_rest(&in, query);
    parse_op(&in, ";");
    if (parse_peek(&in, 0)->kind != LEX_END && !mistakes->err)
        parse_fail(&in, "WHERE or the end of the query");
    return query;
}

struct ast *parse_one(struct mistakes *mistakes) {
    struct parser in;
    if (!start(&in, mistakes)) return NULL;
    struct ast *expr = parse_expr(&in);
    if (expr && parse_peek(&in, 0)->kind != LEX_END)
        return parse_fail(&in, "an operator or the end");
    return expr;
}
